"""What a report for the files says of a data set and its review: collected in one place, at one moment."""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cleaner.analysis.agreement import Agreement, agreement
from cleaner.analysis.confusions import Confusions, confusions
from cleaner.analysis.observations import Provenance, observe
from cleaner.audit.audit import Acceptance, Certificate
from cleaner.audit.running import RunningAudit
from cleaner.dataset.catalog import Catalog
from cleaner.dataset.dataset import Dataset
from cleaner.dataset.label_sets import LabelSets
from cleaner.errors import RankingError
from cleaner.ranking.set_ranking import SetRanking
from cleaner.review.events import Action
from cleaner.review.labels import PresentLabels
from cleaner.review.state import Progress, ReviewState
from cleaner.util.natural import naturally

if TYPE_CHECKING:
    from cleaner.ranking.result import Ranking
    from cleaner.review.store import ReviewStore

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ContentHash:
    """What images and labels a set consists of, in one number.

    Parameters
    ----------
    digest : str
        SHA-256, hexadecimal.
    images : int
    unread : int
        How many of them nobody has read yet, or cannot be read; they stand there without their content.
    """

    digest: str
    images: int
    unread: int


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Who decided, and on how many images that one's word holds."""

    name: str
    images: int


@dataclass(frozen=True, kw_only=True)
class ReportFacts:
    """What there is to report.

    Parameters
    ----------
    title, place : str
        The data set, and where it is.
    made : datetime
        UTC.
    given, cleaned : ContentHash
        Of the labels as given, and of what is left after all decisions.
    counts : dict
        See `Catalog.summary`.
    progress : Progress
    discarded : mapping of str to int
        Images that go for a reason that says nothing about their label, by that reason.
    labels : mapping of str to (str or None)
        Given label of each image, under the present name of its class.
    judgements : mapping
        From `ReviewState.judgements`.
    sets : LabelSets or None
        How several labels of an image are joined.
    confusions : Confusions or None
        Which class is mistaken for which; None where images have several labels.
    certificate : Certificate or None
    acceptance : Acceptance or None
        None without an acceptance plan.
    samples : mapping of str to tuple of str
        The images that the plan, or else the certificate, rests on, in the order drawn, by part of the plan.
    problem : str
        Why the audit cannot be read; empty if it can.
    reviewers : tuple of Reviewer
    several, disagree : int
        Images on which several reviewers decided, and those on which they do so differently.
    agreement : Agreement
        By what was shown blind.
    model : str
        What the images were ranked with; empty if they were not.
    training : dict or None
        What the last training brought: `cleaner.training.compare.RetrainResult` as a dict.
    """

    title: str
    place: str
    made: datetime
    given: ContentHash
    cleaned: ContentHash
    counts: Mapping[str, Any]
    progress: Progress
    discarded: Mapping[str, int]
    labels: Mapping[str, str | None]
    judgements: Mapping[str, tuple[str, str | None]]
    sets: LabelSets | None
    confusions: Confusions | None
    certificate: Certificate | None
    acceptance: Acceptance | None
    samples: Mapping[str, tuple[str, ...]]
    problem: str
    reviewers: tuple[Reviewer, ...]
    several: int
    disagree: int
    agreement: Agreement
    model: str
    training: Mapping[str, Any] | None


def content_hash(labels: Mapping[str, str | None], contents: Mapping[str, str]) -> ContentHash:
    r"""Return the hash of a set: SHA-256 over one line an image, sorted by their bytes.

    A line is the name, a tab, the SHA-256 of the file in hexadecimal, a tab, the label, and a line feed, in
    UTF-8. In names and labels, a backslash, a tab and a line feed are written ``\\``, ``\t`` and ``\n``.

    Parameters
    ----------
    labels : mapping of str to (str or None)
        The label of each image; None: it has none, the field is empty.
    contents : mapping of str to str
        SHA-256 of the files, by name; a file that is not in it has an empty field.
    """

    def plain(text: str) -> str:
        return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")

    rows = [
        f"{plain(name)}\t{contents.get(name, '')}\t{plain(label or '')}\n".encode("utf-8", "surrogateescape")
        for name, label in labels.items()
    ]
    unread = sum(name not in contents for name in labels)
    return ContentHash(hashlib.sha256(b"".join(sorted(rows))).hexdigest(), len(rows), unread)


def report_facts(dataset: Dataset, store: ReviewStore, ranking: Ranking | None) -> ReportFacts:
    """Collect what there is to report of a set as it stands; reads no image."""
    catalog, state = dataset.catalog, store.state.snapshot()
    present = PresentLabels.of(catalog, state)
    contents = dataset.index.hashes()
    given = dict(zip(catalog.names.tolist(), catalog.labels.tolist(), strict=True))
    certificate, acceptance, problem = None, None, ""
    samples: dict[str, tuple[str, ...]] = {}
    audit = RunningAudit(dataset.state, store, catalog=lambda: catalog)
    try:
        certificate, acceptance = audit.certificate(), audit.acceptance()
        samples = {"": audit.sample()} if certificate is not None else {}
        if acceptance is not None:
            samples = {each.part: each.sample for each in acceptance.inspections}
    except RankingError as exc:
        problem = exc.on_page
    reviewers, several, disagree = _reviewers(state)
    return ReportFacts(
        title=dataset.title,
        place=str(dataset.labels or dataset.root),
        made=datetime.now(UTC),
        given=content_hash(given, contents),
        cleaned=content_hash(present.by_name(), contents),
        counts=catalog.summary(),
        progress=state.progress(),
        discarded=Counter(state.discarded().values()),
        labels=dict(zip(present.names, present.given, strict=True)),
        judgements=state.judgements(),
        sets=catalog.label_sets,
        confusions=_confusions(catalog, state, ranking),
        certificate=certificate,
        acceptance=acceptance,
        samples=samples,
        problem=problem,
        reviewers=reviewers,
        several=several,
        disagree=disagree,
        agreement=agreement(state),
        model="" if ranking is None else ranking.model,
        training=_last_training(dataset.state),
    )


def _confusions(catalog: Catalog, state: ReviewState, ranking: Ranking | None) -> Confusions | None:
    if catalog.label_sets is not None or isinstance(ranking, SetRanking):
        return None
    return confusions(observe(Provenance.of(catalog), state, ranking=ranking), state, ranking)


def _reviewers(state: ReviewState) -> tuple[tuple[Reviewer, ...], int, int]:
    """Return who decided, on how many images several did, and on how many of these they disagree."""
    decisions = state.decisions()
    holds = Counter(decision.reviewer for decision in decisions.values())
    names = naturally({event.reviewer for event in state.events if event.is_decision})
    several = 0
    if len(names) > 1:
        for name in decisions:
            own = (state.of(name, reviewer=each) for each in names)
            several += sum(each is not None and each.action is not Action.UNSURE for each in own) > 1
    return tuple(Reviewer(name, holds[name]) for name in names), several, len(state.conflicts())


def _last_training(state: Path) -> Mapping[str, Any] | None:
    try:
        kept = json.loads((state / "last-retraining.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        logger.warning("what was remembered of the last training cannot be read", exc_info=True)
        return None
    found = kept.get("result") if isinstance(kept, dict) else None
    return found if isinstance(found, dict) else None

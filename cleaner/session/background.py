"""What a session has worked out in the background: functions of a snapshot, which change nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cleaner.audit.running import RunningAudit
from cleaner.dataset.catalog import Catalog
from cleaner.dataset.file_index import FileIndex
from cleaner.embedding.cache import last_embeddings
from cleaner.errors import CleanerError
from cleaner.labelling.similar_images import find_similar
from cleaner.review import Event, Kind
from cleaner.review.labels import PresentLabels
from cleaner.session.duplicate_groups import gone_and_labels
from cleaner.session.messages import SimilarImages
from cleaner.session.snapshot import LearntOrder, Snapshot

if TYPE_CHECKING:
    from cleaner.analysis.observations import Provenance
    from cleaner.analysis.summary import ReviewAnalysis
    from cleaner.labelling.proposal import Proposal
    from cleaner.pipelines.checks import Checks
    from cleaner.ranking import Ranking
    from cleaner.ranking.posterior import Posterior

logger = logging.getLogger(__name__)

_MOST_SIMILAR = 12


def learn_order(known: Snapshot) -> LearntOrder | None:
    """Learn from the decisions so far; None while they teach nothing, and about a preliminary ranking."""
    ranking, state = known.complete_ranking, known.state
    if ranking is None or "pooled" not in ranking.signals:
        return None
    from cleaner.ranking.feedback import LEAST, judged, reorder

    if state.progress().looked_at < LEAST:
        return None
    learnt = reorder(ranking, judged(state, ranking), _sources(known.catalog, ranking))
    if not learnt.is_changed:
        return None
    return LearntOrder(ranking, learnt, learnt.rows(ranking))


def _sources(catalog: Catalog, ranking: Ranking) -> list[NDArray[np.int64]]:
    """Return where the images of a ranking come from, by the columns and folders of their catalog.

    Not by the days of the files: copying a set may change these.
    """
    from cleaner.analysis.sources import sources_of

    place = catalog.rows_of(ranking.names, missing=True)
    codes = [np.append(source.codes, -1) for source in sources_of(catalog.table).values()]
    return [each[place] for each in codes]


def weigh_errors(known: Snapshot) -> Posterior | None:
    """Say how probable errors are after the decisions so far; None without a ranking of all images."""
    ranking, state = known.complete_ranking, known.state
    if ranking is None or "pooled" not in ranking.signals:
        return None
    if all(label is None for label in ranking.given):
        return None
    from cleaner.ranking.feedback import judged
    from cleaner.ranking.posterior import Posterior

    posterior = Posterior(ranking, judged(state, ranking))
    assert posterior.probability is not None  # worked out here, not in the thread of the page
    return posterior


def propose_labels(known: Snapshot, *, index: FileIndex, embeddings: Path, seed: int) -> Proposal | None:
    """Propose labels for images without one; None if none needs a label, or nothing is known yet.

    Raises
    ------
    CleanerError
        The embeddings or the index of files cannot be read.
    """
    from cleaner.labelling import proposal

    if known.catalog.label_sets is not None:  # what is proposed is one class
        return None
    hashes = _contents(known, index)
    cache = last_embeddings(embeddings, hashes.values())
    return proposal.propose_labels(known.catalog, known.state, cache=cache, hashes=hashes, seed=seed)


def _contents(known: Snapshot, index: FileIndex) -> Mapping[str, str]:
    """Return the content of each image; as the decisions know it, or else read anew."""
    images = known.state.images
    return index.hashes() if images is None else images.contents


def similar_to_decided(
    events: Sequence[Event],
    known: Snapshot,
    *,
    is_open: Callable[[str], bool],
    index: FileIndex,
    embeddings: Path,
) -> SimilarImages | None:
    """Return undecided images to which the decision of an act may apply as well; None if there are none.

    Takes a while: for a thread of its own.

    Parameters
    ----------
    events : sequence of Event
        The rows of the act.
    known : Snapshot
    is_open : callable
        Tells whether the reviewer still has to decide on an image.
    index : FileIndex
    embeddings : Path
        Folder of the embedding cache.
    """
    marks = [e for e in events if e.kind in (Kind.RELABEL, Kind.DELETE) and not e.detail.get("reason")]
    if not marks:
        return None
    first = marks[0]
    given = known.given(first.name)
    if first.kind == Kind.RELABEL and first.new_label == given:
        return None
    like = tuple(
        e.name
        for e in marks
        if (e.kind, e.new_label) == (first.kind, first.new_label) and known.given(e.name) == given
    )
    try:
        hashes = _contents(known, index)
        cache = last_embeddings(embeddings, hashes.values())
        if cache is None:
            return None
        among = [name for name in _with_given(known, given) if is_open(name)]
        names = find_similar(cache, hashes, like, among, most=_MOST_SIMILAR)
    except CleanerError as exc:
        logger.warning("No similar images: %s", exc)
        return None
    made = SimilarImages(like, given, str(first.kind), first.new_label)
    return replace(made, names=tuple(names)) if names else None


def _with_given(known: Snapshot, given: str | None) -> list[str]:
    """Return the images of one given label, under its present name; None: those without one."""
    catalog, label_now = known.catalog, known.state.label_now
    there: set[str | None] = set(catalog.labels)
    labels = {label for label in there if label and label_now(label) == given} if given else {None}
    pairs = zip(catalog.names.tolist(), catalog.labels.tolist(), strict=True)
    return [name for name, label in pairs if label in labels]


class ProvenanceCache:
    """Where the images of a catalog come from: read once for each catalog."""

    def __init__(self) -> None:
        self._made: tuple[Catalog, Provenance] | None = None

    def sources(self, catalog: Catalog) -> list[tuple[str, str]]:
        """Return the groups of every source; none before the provenance of these images was read."""
        made = self._made
        if made is None or made[0] is not catalog:
            return []
        return [(name, group) for name, source in made[1].sources.items() for group in source.groups]

    def of(self, catalog: Catalog, index: Callable[[], FileIndex]) -> Provenance:
        """Return the provenance of a catalog's images; ``index`` gives the index of files."""
        from cleaner.analysis.observations import Provenance, file_days

        if self._made is None or self._made[0] is not catalog:
            self._made = (catalog, Provenance.of(catalog, days=file_days(catalog, index())))
        return self._made[1]


def analyse(
    known: Snapshot,
    audit: RunningAudit,
    *,
    provenance: Provenance,
    page_size: int,
    untold: Collection[str] = (),
    earlier: ReviewAnalysis | None = None,
) -> ReviewAnalysis:
    """Find out how many errors are left, and what those found have in common, unless ``earlier`` serves.

    What was decided on the images of ``untold`` does not count in the results of the audit yet.
    """
    from cleaner.analysis.summary import analyse_review

    if known.catalog.label_sets is not None:  # all labels count as one: nothing is said of single classes
        provenance = replace(provenance, labels=[label and "" for label in provenance.labels])
    certificate, acceptance, newcomers, opened, problem = None, None, 0, None, ""
    try:
        opened = audit.audit
        certificate, acceptance = audit.certificate(but=untold), audit.acceptance(but=untold)
        newcomers = len(audit.newcomers())
    except CleanerError as exc:
        logger.warning("The audit cannot be shown", exc_info=True)
        problem = exc.on_page
    return analyse_review(
        provenance,
        known.state,
        page_size=page_size,
        ranking=known.complete_ranking,
        labels=lambda: PresentLabels.of(known.catalog, known.state).by_name(),
        rows=None if known.ranking is None else known.labelled_suspicious_rows(),
        posterior=known.posterior or weigh_errors(known),
        audit=opened,
        certificate=certificate,
        acceptance=acceptance,
        newcomers=newcomers,
        problem=problem,
        earlier=earlier,
    )


def load_checks(known: Snapshot, state: Path) -> Checks | None:
    """Read from a state folder what was found the last time; None if nobody has looked yet.

    Raises
    ------
    RankingError
        A file is damaged.
    """
    from cleaner.pipelines.checks import saved_checks

    return saved_checks(state, known.state)


def count_checks(known: Snapshot, thresholds: Mapping[str, float]) -> dict[str, int]:
    """Count what was found and is still there after the decisions so far; empty if nobody has looked yet.

    Parameters
    ----------
    known : Snapshot
    thresholds : mapping of str to float
        Thresholds that replace the suggested ones, by order ("duplicates", "low information", "outliers").

    Returns
    -------
    dict of str to int
        What `Checks.counts` returns, and ``files``: those that are left out of the set, ``new``: images that
        came later.
    """
    checks = known.checks
    if checks is None:
        return {}
    chosen = {order.replace(" ", "_"): value for order, value in thresholds.items()}
    gone, labels = gone_and_labels(known)
    found = checks.counts(
        chosen.pop("duplicates", None),
        limits=chosen,
        different=known.state.different_pairs(),
        labels=labels,
        without=gone,
    )
    new = len(checks.missing(known.catalog.names))
    return {**found, "files": len(known.catalog.left_out), "new": new}

"""What the decisions say about each image, in arrays: what bias is tested on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cleaner.analysis.sources import Source, sources_of
from cleaner.audit.audit import Audit
from cleaner.dataset.catalog import Catalog
from cleaner.dataset.file_index import FileIndex
from cleaner.ranking.result import Ranking
from cleaner.review import ReviewState
from cleaner.review.labels import WRONG
from cleaner.util.natural import natural_key, naturally

Codes = NDArray[np.int64]

_DAY_NS = 86_400 * 10**9
_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, kw_only=True)
class Observations:
    """One entry an image, in the order of the files.

    Parameters
    ----------
    names : sequence of str, length n
    classes : list of str
        Classes that some image was given, sorted, under their present names.
    given : int64, shape (n,)
        Index of the given label, -1 = unlabelled.
    look : int64, shape (n,)
        When it was first looked at: 1 = first, 0 = never.
    wrong : bool, shape (n,)
        Whether that was an error: deleted, or another label.
    right : int64, shape (n,)
        Index of the label that it got instead; -1 = none, or a class that no image was given.
    suggested : int64, shape (n,)
        Index of the label that the model would give, -1 = unknown.
    audited : int64, shape (n,)
        Place in the judged part of the random order, from 1; 0 = not in it.
    score : float64, shape (n,)
        Probability that the given label is wrong, of images looked at as it was before; NaN = unknown.
    sources : mapping of str to Source
    ranked : int64, shape (len(ranking),)
        Index of each image of the ranking that it was made with, -1 = not there; empty without one.
    """

    names: list[str]
    classes: list[str]
    given: Codes
    look: Codes
    wrong: NDArray[np.bool_]
    right: Codes
    suggested: Codes
    audited: Codes
    score: NDArray[np.float64]
    sources: Mapping[str, Source] = field(default_factory=dict)
    ranked: Codes = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def sizes(self) -> Codes:
        """Images of each given class, shape (n_classes,)."""
        return np.bincount(self.given[self.given >= 0], minlength=len(self.classes)).astype(np.int64)

    @property
    def looked(self) -> NDArray[np.bool_]:
        """Labelled images that were looked at, shape (n,)."""
        seen: NDArray[np.bool_] = (self.look > 0) & (self.given >= 0)
        return seen

    @property
    def confirmed(self) -> int:
        """Errors found."""
        return int((self.wrong & self.looked).sum())

    def moves(self) -> Codes:
        """Count the corrections: shape (n_classes, n_classes), rows given, columns right."""
        rows = self.looked & self.wrong & (self.right >= 0)
        return cross_table(self.given[rows], self.right[rows], (len(self.classes), len(self.classes)))

    def until(self, errors: int) -> Observations:
        """Return what was known when so many errors had been found; 0: before anything was looked at."""
        found = np.sort(self.look[self.wrong & self.looked])
        last = 0 if errors == 0 else found[errors - 1] if errors <= len(found) else np.iinfo(np.int64).max
        late = self.look > last
        return replace(self, look=np.where(late, 0, self.look), wrong=self.wrong & ~late)


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """What of a data set no decision changes, in the order of the files; see `Observations`.

    Parameters
    ----------
    catalog : Catalog
    order : int64, shape (n,)
        Its rows in that order.
    labels : list of str or None
        As given.
    sources : mapping of str to Source
    """

    catalog: Catalog
    order: Codes
    labels: list[str | None]
    sources: Mapping[str, Source]

    @classmethod
    def of(cls, catalog: Catalog, *, days: Sequence[str | None] | None = None) -> Provenance:
        """Read a catalog, whose extra columns become sources; ``days`` is what `file_days` gives."""
        keys = [natural_key(name) for name in catalog.listed]
        order = np.array(sorted(range(len(keys)), key=keys.__getitem__), dtype=np.int64)
        table = catalog.table.iloc[order]
        labels = [label if isinstance(label, str) else None for label in table["label"]]
        sorted_days = None if days is None else [days[row] for row in order.tolist()]
        return cls(catalog=catalog, order=order, labels=labels, sources=sources_of(table, sorted_days))

    @cached_property
    def names(self) -> list[str]:
        """The names of the images."""
        return [self.catalog.listed[row] for row in self.order.tolist()]

    def find(self, names: Sequence[str]) -> Codes:
        """Return the places of some images in `names`, shape (n,); -1 for those that are not there."""
        place = np.full(len(self.order) + 1, -1)  # the last one is that of row -1
        place[self.order] = np.arange(len(self.order))
        found: Codes = place[self.catalog.rows_of(names, missing=True)]
        return found

    def names_from(self, source: str, group: str) -> list[str]:
        """Return the images of one group of a source; none where there is no such group (any more)."""
        found = self.sources.get(source)
        if found is None or group not in found.groups:
            return []
        return [self.names[row] for row in np.flatnonzero(found.codes == found.groups.index(group))]


def cross_table(first: Codes, second: Codes, shape: tuple[int, int]) -> Codes:
    """Count the pairs of two lists of codes."""
    counts = np.zeros(shape, dtype=np.int64)
    np.add.at(counts, (first, second), 1)
    return counts


def file_days(catalog: Catalog, index: FileIndex) -> list[str | None]:
    """Return the day (UTC) on which each image of a catalog was written: ``2024-05-31``; None: unknown."""
    found: list[str | None] = [None] * len(catalog)
    named: dict[int, str] = {}
    for name, written_ns in index.written():
        row = None if written_ns is None else catalog.row_of(name)
        if written_ns is not None and row is not None:
            day = written_ns // _DAY_NS
            if day not in named:  # one text a day, not one an image
                named[day] = date.fromordinal(_EPOCH + day).isoformat()
            found[row] = named[day]
    return found


def observe(
    provenance: Provenance,
    state: ReviewState,
    *,
    ranking: Ranking | None = None,
    scores: NDArray[np.floating] | None = None,
    audit: Audit | None = None,
) -> Observations:
    """Bring together what the tests look at.

    Parameters
    ----------
    provenance : Provenance
    state : ReviewState
    ranking : Ranking, optional
        Whose suggestions the reviewer saw.
    scores : float, shape (len(ranking),), optional
        How probable an error each of its images is now; only with a ranking.
    audit : Audit, optional
        Which images are a random sample.
    """
    now = {label: state.label_now(label) for label in set(provenance.labels) if label is not None}
    classes = naturally(set(now.values()))
    index: dict[str | None, int] = {label: i for i, label in enumerate(classes)}
    number = {None: -1} | {label: index[present] for label, present in now.items()}
    n = len(provenance.labels)
    look, right, audited = np.zeros(n, np.int64), np.full(n, -1), np.zeros(n, np.int64)
    wrong = np.zeros(n, bool)
    looks = state.looks()
    rows = provenance.find([each.name for each in looks]).tolist()
    for place, (i, decision) in enumerate(zip(rows, looks, strict=True), start=1):
        if i >= 0:
            look[i], wrong[i] = place, decision.outcome in WRONG
            right[i] = index.get(decision.new_label, -1) if decision.outcome == "relabel" else -1
    if audit is not None:
        drawn = provenance.find([*audit.wrong(state.judgements())])
        there = drawn >= 0
        audited[drawn[there]] = np.flatnonzero(there) + 1
    ranked = provenance.find(() if ranking is None else ranking.names)
    return Observations(
        names=provenance.names,
        classes=classes,
        given=np.fromiter(map(number.__getitem__, provenance.labels), np.int64, n),
        look=look,
        wrong=wrong,
        right=right,
        suggested=_suggested(n, ranking, state, ranked, index),
        audited=audited,
        score=_scores(provenance, state, ranking, ranked, scores, look > 0),
        sources=provenance.sources,
        ranked=ranked,
    )


def _suggested(
    n: int, ranking: Ranking | None, state: ReviewState, ranked: Codes, index: Mapping[str | None, int]
) -> Codes:
    suggested = np.full(n, -1)
    if ranking is not None:
        now = (state.label_now(label, since_seq=ranking.named_at) for label in ranking.classes)
        code = np.array([index.get(label, -1) for label in now])
        there = ranked >= 0
        suggested[ranked[there]] = code[ranking.predicted.argmax(axis=1)][there]
    return suggested


def _scores(
    provenance: Provenance,
    state: ReviewState,
    ranking: Ranking | None,
    ranked: Codes,
    scores: NDArray[np.floating] | None,
    looked: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Return how probable an error each image is, as `Observations.score`.

    A ranking that was made after a decision knows it; what the reviewer saw then is in the history.
    """
    found = np.full(len(looked), np.nan)
    if scores is not None:
        there = ranked >= 0
        found[ranked[there]] = scores[there]
    before: dict[int, float | None] = {}
    events = state.events
    rows = provenance.find([event.name for event in events]).tolist()
    for i, event in zip(rows, events, strict=True):
        if i >= 0 and looked[i] and (ranking is None or event.model != ranking.model):
            before.setdefault(i, event.score)
    for i, score in before.items():
        found[i] = np.nan if score is None else score
    return found

"""What the decisions say about each image, in arrays: what bias is tested on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

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
    names : list of str
    labels : list of str or None
        As given.
    sources : mapping of str to Source
    """

    names: list[str]
    labels: list[str | None]
    sources: Mapping[str, Source]

    @classmethod
    def of(cls, catalog: Catalog, *, dates: Mapping[str, str] | None = None) -> Provenance:
        """Read a catalog, whose extra columns become sources; ``dates`` is the day of each file."""
        keys = [natural_key(str(name)) for name in catalog.names]
        table = catalog.table.iloc[sorted(range(len(keys)), key=keys.__getitem__)]
        names = [str(name) for name in table["name"]]
        labels = [label if isinstance(label, str) else None for label in table["label"]]
        return cls(names=names, labels=labels, sources=sources_of(table, dates or {}))

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


def file_days(index: FileIndex) -> dict[str, str]:
    """Return the day on which each file was written, as ``2024-05-31``."""
    table = index.table()
    return {
        name: datetime.fromtimestamp(written_ns / 1e9, UTC).date().isoformat()
        for name, written_ns in zip(table["name"], table["mtime_ns"], strict=True)
        if written_ns is not None
    }


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
        How probable an error each of its images is now.
    audit : Audit, optional
        Which images are a random sample.
    """
    now = {label: state.label_now(label) for label in set(provenance.labels) if label is not None}
    labels = [None if label is None else now[label] for label in provenance.labels]
    classes = naturally(set(now.values()))
    index: dict[str | None, int] = {label: i for i, label in enumerate(classes)}
    at = {name: i for i, name in enumerate(provenance.names)}
    n = len(at)
    look, right, audited = np.zeros(n, np.int64), np.full(n, -1), np.zeros(n, np.int64)
    wrong = np.zeros(n, bool)
    for place, decision in enumerate(state.looks(), start=1):
        i = at.get(decision.name)
        if i is not None:
            look[i], wrong[i] = place, decision.outcome in WRONG
            right[i] = index.get(decision.new_label, -1) if decision.outcome == "relabel" else -1
    if audit is not None:
        for place, name in enumerate(audit.wrong(state.judgements()), start=1):
            if name in at:
                audited[at[name]] = place
    return Observations(
        names=provenance.names,
        classes=classes,
        given=np.array([index.get(label, -1) for label in labels], dtype=np.int64),
        look=look,
        wrong=wrong,
        right=right,
        suggested=_suggested(ranking, state, at, index),
        audited=audited,
        score=_scores(state, at, ranking, scores, look > 0),
        sources=provenance.sources,
    )


def _suggested(
    ranking: Ranking | None, state: ReviewState, at: Mapping[str, int], index: Mapping[str | None, int]
) -> Codes:
    suggested = np.full(len(at), -1)
    if ranking is not None:
        now = (state.label_now(label, since_seq=ranking.named_at) for label in ranking.classes)
        code = np.array([index.get(label, -1) for label in now])
        rows = np.array([at.get(name, -1) for name in ranking.names])
        there = rows >= 0
        suggested[rows[there]] = code[ranking.predicted.argmax(axis=1)][there]
    return suggested


def _scores(
    state: ReviewState,
    at: Mapping[str, int],
    ranking: Ranking | None,
    scores: NDArray[np.floating] | None,
    looked: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Return how probable an error each image is, as `Observations.score`.

    A ranking that was made after a decision knows it; what the reviewer saw then is in the history.
    """
    found = np.full(len(at), np.nan)
    if ranking is not None and scores is not None:
        for name, score in zip(ranking.names, scores.tolist(), strict=True):
            if name in at:
                found[at[name]] = score
    before: dict[int, float | None] = {}
    for event in state.events:
        i = at.get(event.name)
        if i is not None and looked[i] and (ranking is None or event.model != ranking.model):
            before.setdefault(i, event.score)
    for i, score in before.items():
        found[i] = np.nan if score is None else score
    return found

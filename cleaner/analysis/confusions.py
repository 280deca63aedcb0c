"""Which class is mistaken for which: the model's estimate beside what the reviewers decided and corrected."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from cleaner.analysis.observations import Codes, Observations, cross_table
from cleaner.ranking.result import Ranking
from cleaner.review import ReviewState
from cleaner.util.natural import natural_key

_BLOCK = 50_000


@dataclass(frozen=True, kw_only=True)
class Confusions:
    """Counts of wrong labels by given and by right class.

    Parameters
    ----------
    classes : list of str
        Rows (given) and columns (right).
    estimated : float64, shape (n_classes, n_classes) or None
        How many the model estimates, in the whole set, whoever has looked; None without a ranking.
    corrected : int64, shape (n_classes, n_classes)
        How many the reviewers corrected so far.
    open : int64, shape (n_classes, n_classes)
        Undecided images by given class and by the class that the model would give; zero on the diagonal.
    """

    classes: list[str]
    estimated: NDArray[np.float64] | None
    corrected: Codes
    open: Codes


def confusions(seen: Observations, state: ReviewState, ranking: Ranking | None) -> Confusions:
    """Count what was corrected, and estimate what there is to correct.

    The model's number for a pair (g, c) sums, over the images with label g, the probability that the label is
    wrong times the share of c among the classes that it might be instead. A ranking made after corrections
    knows some of the labels to be wrong; those count as one.

    Parameters
    ----------
    seen : Observations
    state : ReviewState
        Names the classes as they are now.
    ranking : Ranking, optional
        The one that they were observed with.
    """
    k = len(seen.classes)
    outcomes = state.outcomes()
    still = np.array([name not in outcomes for name in seen.names], dtype=bool)
    rows = still & (seen.given >= 0) & (seen.suggested >= 0) & (seen.given != seen.suggested)
    return Confusions(
        classes=seen.classes,
        estimated=None if ranking is None else _estimated(seen, state, ranking),
        corrected=seen.moves(),
        open=cross_table(seen.given[rows], seen.suggested[rows], (k, k)),
    )


def _estimated(seen: Observations, state: ReviewState, ranking: Ranking) -> NDArray[np.float64]:
    k = len(seen.classes)
    code: dict[str | None, int] = {label: i for i, label in enumerate(seen.classes)}
    now = partial(state.label_now, since_seq=ranking.named_at)
    columns = [code.get(now(label), -1) for label in ranking.classes]
    given = np.append(seen.given, -1)[seen.ranked]  # -1 is the last
    score = ranking.scores.astype(np.float64)
    number = {label: -1 if label is None else code.get(now(label), -1) for label in set(ranking.given)}
    believed = np.fromiter(map(number.__getitem__, ranking.given), np.int64, len(ranking))
    known = (believed >= 0) & (believed != given) & (given >= 0)
    score[known] = 1
    rows = np.flatnonzero((given >= 0) & ~np.isnan(score))
    estimated = np.zeros((k, k))
    for begin in range(0, len(rows), _BLOCK):  # all at once would take several times the ranking's memory
        some = rows[begin : begin + _BLOCK]
        odds = np.zeros((len(some), k + 1))
        for column, at in enumerate(columns):
            odds[:, at] += ranking.posterior[some, column]
        odds[known[some]] = np.eye(k + 1)[believed[some][known[some]]]
        odds = odds[:, :k]
        odds[np.arange(len(some)), given[some]] = 0
        total = odds.sum(axis=1, keepdims=True)
        odds = np.divide(odds * score[some, None], total, out=np.zeros_like(odds), where=total > 0)
        np.add.at(estimated, given[some], odds)
    return estimated


@dataclass(frozen=True, slots=True)
class ClassChanges:
    """The decisions on the images of one given class; ``label`` is None for those without a label."""

    label: str | None
    images: int
    looked_at: int
    wrong: int
    unsure: int


def class_changes(
    given: Mapping[str, str | None], outcomes: Mapping[str, tuple[str, str | None]]
) -> list[ClassChanges]:
    """Count the decisions by given class, in natural order.

    Parameters
    ----------
    given : mapping of str to str or None
        The label of every image as it was given.
    outcomes : mapping of str to (str, str or None)
        What is decided on each label ("keep", "delete", "relabel", "label", "unsure", or "discard", which
        is no judgement) and its new label: `cleaner.review.ReviewState.judgements`.
    """
    images = Counter(label or None for label in given.values())
    decided = Counter(
        (given[name] or None, outcome) for name, (outcome, _) in outcomes.items() if name in given
    )
    found = []
    for label in sorted(images, key=lambda label: natural_key(label or "")):
        wrong = decided[label, "delete"] + decided[label, "relabel"]
        looked_at = wrong + decided[label, "keep"] + decided[label, "label"]
        found.append(ClassChanges(label, images[label], looked_at, wrong, decided[label, "unsure"]))
    return found


def label_moves(
    given: Mapping[str, str | None], outcomes: Mapping[str, tuple[str, str | None]]
) -> list[tuple[str | None, str, int]]:
    """Count new labels: (given label, new label, images), the commonest first; see `class_changes`."""
    moves = Counter(
        (given[name] or None, label)
        for name, (outcome, label) in outcomes.items()
        if name in given and outcome in ("relabel", "label") and label
    )
    return [(was, now, number) for (was, now), number in moves.most_common()]

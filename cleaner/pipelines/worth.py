"""What cleaning has brought so far, and what the next looks are expected to bring, for a whole set."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cleaner.analysis.worth import LOOKS, Labels, Worth, estimate_worth
from cleaner.dataset.dataset import Dataset
from cleaner.dataset.label_sets import classes_of
from cleaner.embedding import Embeddings
from cleaner.pipelines.network import NetworkOptions
from cleaner.pipelines.rank import Seen, look, rank_seen
from cleaner.ranking.features import MANY_CELLS
from cleaner.ranking.feedback import judged
from cleaner.ranking.folds import join_units, make_folds, rarest_class, units_of
from cleaner.ranking.posterior import Posterior
from cleaner.ranking.result import Ranking
from cleaner.ranking.set_ranking import SetRanking
from cleaner.review.state import ReviewState
from cleaner.util.progress import SILENT, Reporter

FOLDS = 10
"""More than a ranking has: wrong labels harm a head the more, the fewer images it learns from."""

DRAWS, DRAWS_LARGE = 24, 8
"""How often the unknown labels are drawn; fewer times for sets that would take too long."""


def worth(
    dataset: Dataset, review: ReviewState, network: NetworkOptions, *, reporter: Reporter = SILENT
) -> Worth:
    """Estimate what cleaning has brought so far, and what the next looks are expected to bring.

    Parameters
    ----------
    dataset : Dataset
    review : ReviewState
        The decisions so far.
    network : NetworkOptions
    reporter : Reporter

    Raises
    ------
    Cancelled, CleanerError
        See `cleaner.pipelines.rank.prepare`.
    """
    seen = look(dataset, review, network, reporter=reporter)
    ranking = rank_seen(seen, reporter=reporter)
    return worth_seen(seen, ranking, judged(review, ranking), reporter=reporter)


def worth_seen(
    seen: Seen, ranking: Ranking, found: Mapping[str, bool], *, reporter: Reporter = SILENT
) -> Worth:
    """Do the same from a ranking by the labels of this moment, and what `judged` says of the decisions."""
    given = dict(zip(seen.given.names.tolist(), seen.given.labels.tolist(), strict=True))
    decided = seen.kept | {name for name, label in seen.labels.items() if label != given[name]}
    units = None if seen.units is None else dict(zip(given, seen.units.tolist(), strict=True))
    return worth_of(
        ranking, given, seen.embeddings, decided, found=found, units=units, seed=seen.seed, reporter=reporter
    )


def worth_of(
    ranking: Ranking,
    given: Mapping[str, str | None],
    embeddings: Embeddings,
    decided: Collection[str],
    *,
    found: Mapping[str, bool],
    units: Mapping[str, int] | None = None,
    seed: int = 0,
    reporter: Reporter = SILENT,
) -> Worth:
    """Do the same from its parts.

    Parameters
    ----------
    ranking : Ranking
        By the labels after all decisions so far.
    given : mapping of str to str or None
        Label of each of its images before any decision, under the present name of its class.
    embeddings : Embeddings
        Of at least its images.
    decided : collection of str
        Names of the images that somebody decided on.
    found : mapping of str to bool
        As `cleaner.ranking.feedback.judged` gives it: how probably the other labels are wrong is learnt from
        that.
    units : mapping of str to int, optional
        Equal for images so alike that they must stay in one fold.
    seed : int
        Of folds and draws.
    reporter : Reporter
    """
    names = ranking.names
    sure = np.array([name in decided for name in names], dtype=bool)
    row_of = {name: i for i, name in enumerate(embeddings.names)}
    rows = np.array([row_of[name] for name in names], dtype=np.int64)
    alike = units_of([embeddings.hashes[row] for row in rows.tolist()])
    if units is not None:
        alike = join_units(alike, units_of([units[name] for name in names]))
    draws = DRAWS_LARGE if len(names) * len(ranking.classes) > MANY_CELLS else DRAWS
    wrong, rng = Posterior(ranking, found).draw(draws), np.random.default_rng(seed)
    before = [given[name] or None for name in names]
    if isinstance(ranking, SetRanking):
        case = _cases_of_sets(ranking, before, sure, wrong, rng)
    else:
        case = _cases(ranking, before, sure, wrong, rng)
    learn = np.array(ranking.splits, dtype=object) != "test"
    learn &= (case.present >= 0) | (case.given >= 0)
    folds = np.full(len(names), -1, dtype=np.int64)
    folds[learn] = make_folds(case.strata[learn], alike[learn], n_folds=FOLDS, seed=seed)
    place = {name: i for i, name in enumerate(names)}
    open_ = [i for name in ranking.order() if case.present[i := place[name]] >= 0 and not sure[i]]
    labels = Labels(
        given=case.given,
        present=case.present,
        right=case.right,
        n_classes=case.n_classes,
        folds=folds,
        coming=np.array(open_[:LOOKS], dtype=np.int64),
        sets=case.sets,
    )
    return estimate_worth(embeddings.vectors[rows], labels, decided=int(sure.sum()), reporter=reporter)


class _Cases(NamedTuple):
    """What `Labels` calls so; ``strata`` are the classes by which folds are balanced."""

    given: NDArray[np.int64]
    present: NDArray[np.int64]
    right: NDArray[np.int64]
    strata: NDArray[np.int64]
    n_classes: int
    sets: NDArray[np.bool_] | None = None


def _cases(
    ranking: Ranking,
    before: Sequence[str | None],
    sure: NDArray[np.bool_],
    wrong: NDArray[np.bool_],
    rng: np.random.Generator,
) -> _Cases:
    """Give each class a number, and draw the right ones."""
    classes = list(ranking.classes)
    classes += sorted({label for label in before if label is not None} - set(classes))
    at: dict[str | None, int] = {label: i for i, label in enumerate(classes)}
    given = np.array([at.get(label, -1) for label in before], dtype=np.int64)
    present, right = ranking.codes, drawn_labels(ranking, sure, wrong, rng)
    return _Cases(given, present, right, np.maximum(present, given), len(classes))


def _cases_of_sets(
    ranking: SetRanking,
    before: Sequence[str | None],
    sure: NDArray[np.bool_],
    wrong: NDArray[np.bool_],
    rng: np.random.Generator,
) -> _Cases:
    """Return the same with numbers for the sets of classes that occur."""
    sets, labels = ranking.sets, ranking.given
    classes = [*ranking.classes, *sorted(classes_of(before, sets) - set(ranking.classes))]
    has, had = (np.array([label is not None for label in each], dtype=bool) for each in (labels, before))
    present, given = sets.bits(labels, classes), sets.bits(before, classes)
    right = drawn_sets(ranking, present, sure, wrong, rng)
    every = np.concatenate([present[None], given[None], right])
    packed = np.packbits(every.reshape(-1, len(classes)), axis=1)
    _, first, number = np.unique(packed, axis=0, return_index=True, return_inverse=True)
    numbers = number.reshape(every.shape[:2]).astype(np.int64)
    numbers[0, ~has], numbers[1, ~had] = -1, -1
    numbers[2:, ~has & sure] = -1  # deleted
    strata = rarest_class(np.where(has[:, None], present, given), has | had)
    occurring = every.reshape(-1, len(classes))[first]
    return _Cases(numbers[1], numbers[0], numbers[2:], strata, len(classes), occurring)


def drawn_sets(
    ranking: SetRanking,
    present: NDArray[np.bool_],
    sure: NDArray[np.bool_],
    wrong: NDArray[np.bool_],
    rng: np.random.Generator,
) -> NDArray[np.bool_]:
    """Draw which classes the images may have.

    Of a wrong label, at least one bit is wrong; which ones are, is drawn as the ranking has it, bit by bit.

    Parameters
    ----------
    ranking : SetRanking
    present : bool, shape (n, k)
        Classes of the labels, those of the ranking first.
    sure, wrong, rng
        As in `drawn_labels`.

    Returns
    -------
    bool, shape (draws, n, k)
    """
    n, k = ranking.wrong.shape
    unlabelled = np.array([label is None for label in ranking.given], dtype=bool) & ~sure
    p = ranking.wrong.astype(np.float64)
    above = np.cumprod(1 - p, axis=1)
    first = p * np.concatenate([np.ones((n, 1)), above[:, :-1]], axis=1)  # P(bit k is the first wrong one)
    first[first.sum(axis=1) == 0] = 1.0
    below = first.cumsum(axis=1)
    right = np.tile(present, (len(wrong), 1, 1))
    for case, is_wrong in zip(right, wrong & ~sure & ~unlabelled, strict=True):
        rows = np.flatnonzero(is_wrong)
        at = np.minimum((below[rows] <= rng.random(len(rows))[:, None] * below[rows, -1:]).sum(axis=1), k - 1)
        after = np.arange(k) > at[:, None]
        flipped = (rng.random((len(rows), k)) < p[rows]) & after
        flipped[np.arange(len(rows)), at] = True
        case[rows, :k] ^= flipped
        case[unlabelled, :k] = rng.random((int(unlabelled.sum()), k)) < ranking.posterior[unlabelled]
    return right


def drawn_labels(
    ranking: Ranking, sure: NDArray[np.bool_], wrong: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw what the right classes of the images may be.

    Parameters
    ----------
    ranking : Ranking
        Its posterior says what is right where a label is wrong.
    sure : bool, shape (n,)
        Images that somebody decided on: their label is right; if they have none, no class is.
    wrong : bool, shape (draws, n)
        Which of the other labels are wrong (see `cleaner.ranking.posterior.Posterior.draw`).
    rng : Generator

    Returns
    -------
    int64, shape (draws, n)
        Columns of the ranking's classes; -1: none of them.
    """
    codes = ranking.codes
    n, k = ranking.posterior.shape
    other = np.zeros((n, k + 1))
    other[:, :k] = ranking.posterior
    other[:, k] = np.maximum(1 - other.sum(axis=1), 0)
    other[codes >= 0, codes[codes >= 0]] = 0
    below = other.cumsum(axis=1)
    wrong = (wrong | (codes < 0)) & ~sure
    right = np.tile(codes, (len(wrong), 1))
    for case, is_wrong in zip(right, wrong, strict=True):
        rows = np.flatnonzero(is_wrong)
        at = rng.random(len(rows)) * below[rows, -1]
        case[rows] = np.minimum((below[rows] <= at[:, None]).sum(axis=1), k)
    right[right == k] = -1
    return right

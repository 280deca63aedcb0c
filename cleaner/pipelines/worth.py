"""What cleaning has brought so far, and what the next looks are expected to bring, for a whole set."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from cleaner.analysis.worth import LOOKS, Labels, Worth, estimate_worth
from cleaner.dataset.dataset import Dataset
from cleaner.dataset.label_sets import require_one_label
from cleaner.embedding import Embeddings
from cleaner.pipelines.network import NetworkOptions
from cleaner.pipelines.rank import Seen, look, rank_seen
from cleaner.ranking.features import MANY_CELLS
from cleaner.ranking.feedback import judged
from cleaner.ranking.folds import join_units, make_folds, units_of
from cleaner.ranking.posterior import Posterior
from cleaner.ranking.result import Ranking
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
    require_one_label(dataset.catalog.label_sets, "The estimate of what cleaning is worth")
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
    names, codes = ranking.names, ranking.codes
    classes = list(ranking.classes)
    classes += sorted({label for name in names if (label := given[name])} - set(classes))
    at: dict[str | None, int] = {label: i for i, label in enumerate(classes)}
    before = np.array([at.get(given[name] or None, -1) for name in names], dtype=np.int64)
    sure = np.array([name in decided for name in names], dtype=bool)
    row_of = {name: i for i, name in enumerate(embeddings.names)}
    rows = [row_of[name] for name in names]
    alike = units_of([embeddings.hashes[row] for row in rows])
    if units is not None:
        alike = join_units(alike, units_of([units[name] for name in names]))
    learn = np.array(ranking.splits, dtype=object) != "test"
    learn &= (codes >= 0) | (before >= 0)
    folds = np.full(len(names), -1, dtype=np.int64)
    folds[learn] = make_folds(np.maximum(codes, before)[learn], alike[learn], n_folds=FOLDS, seed=seed)
    place = {name: i for i, name in enumerate(names)}
    open_ = [i for name in ranking.order() if codes[i := place[name]] >= 0 and not sure[i]]
    draws = DRAWS_LARGE if len(names) * len(classes) > MANY_CELLS else DRAWS
    wrong = Posterior(ranking, found).draw(draws)
    labels = Labels(
        given=before,
        present=codes,
        right=drawn_labels(ranking, sure, wrong, np.random.default_rng(seed)),
        n_classes=len(classes),
        folds=folds,
        coming=np.array(open_[:LOOKS], dtype=np.int64),
    )
    return estimate_worth(embeddings.vectors[rows], labels, decided=int(sure.sum()), reporter=reporter)


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

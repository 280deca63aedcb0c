"""What cleaning has brought so far, and what the next looks are expected to bring, for a whole set."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from cleaner.analysis.worth import LOOKS, Labels, Worth, estimate_worth
from cleaner.dataset.dataset import Dataset
from cleaner.embedding import Embeddings
from cleaner.pipelines.network import NetworkOptions
from cleaner.pipelines.rank import Seen, look, rank_seen
from cleaner.ranking.crossfit import plan_folds
from cleaner.ranking.folds import join_units, units_of
from cleaner.ranking.result import Ranking
from cleaner.review.state import ReviewState
from cleaner.util.progress import SILENT, Reporter


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
    return worth_seen(seen, rank_seen(seen, reporter=reporter), reporter=reporter)


def worth_seen(seen: Seen, ranking: Ranking, *, reporter: Reporter) -> Worth:
    """Do the same from a ranking by the labels of this moment."""
    given = dict(zip(seen.given.names.tolist(), seen.given.labels.tolist(), strict=True))
    decided = seen.kept | {name for name, label in seen.labels.items() if label != given[name]}
    units = None if seen.units is None else dict(zip(given, seen.units.tolist(), strict=True))
    return worth_of(ranking, given, seen.embeddings, decided, units=units, seed=seen.seed, reporter=reporter)


def worth_of(
    ranking: Ranking,
    given: Mapping[str, str | None],
    embeddings: Embeddings,
    decided: Collection[str],
    *,
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
    folds, _ = plan_folds(np.maximum(codes, before), alike, learn, seed)
    place = {name: i for i, name in enumerate(names)}
    open_ = [i for name in ranking.order() if codes[i := place[name]] >= 0 and not sure[i]]
    labels = Labels(
        given=before,
        present=codes,
        chances=label_chances(ranking, sure, len(classes)),
        folds=folds,
        coming=np.array(open_[:LOOKS], dtype=np.int64),
    )
    return estimate_worth(
        embeddings.vectors[rows], labels, decided=int(sure.sum()), seed=seed, reporter=reporter
    )


def label_chances(ranking: Ranking, sure: NDArray[np.bool_], n_classes: int) -> NDArray[np.float64]:
    """Return the probability of each class to be the right one of an image.

    Parameters
    ----------
    ranking : Ranking
    sure : bool, shape (n,)
        Images that somebody decided on: their label is right; if they have none, no class is.
    n_classes : int
        Columns; those beyond the classes of the ranking are classes that no image has any more.

    Returns
    -------
    float64, shape (n, n_classes)
        What a row lacks to one is the probability of no class at all.
    """
    codes = ranking.codes
    chances = np.zeros((len(codes), n_classes))
    chances[:, : len(ranking.classes)] = ranking.posterior
    labelled = np.flatnonzero(codes >= 0)
    right = chances[labelled, codes[labelled]].copy()
    score = ranking.signals["pooled"][labelled].astype(np.float64)
    # The score is what the ranking answers for; the posterior shares it out.
    chances[labelled] *= (score / np.maximum(1 - right, 1e-12))[:, None]
    chances[labelled, codes[labelled]] = 1 - score
    chances[sure] = 0
    known = sure & (codes >= 0)
    chances[known, codes[known]] = 1
    return chances

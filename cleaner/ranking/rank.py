"""`rank`: from embeddings and given labels to a `Ranking`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cleaner.errors import RankingError
from cleaner.progress import SILENT, Reporter
from cleaner.ranking.folds import make_folds, units_of
from cleaner.ranking.heads import Floats, fit_heads, softmax, unit_length
from cleaner.ranking.ranking import EmbeddingsLike, Ranking, model_id

if TYPE_CHECKING:
    from cleaner.catalog import Catalog

__all__ = ["rank", "rank_probabilities"]

N_FOLDS = 5


def rank(
    catalog: Catalog,
    embeddings: EmbeddingsLike,
    *,
    seed: int = 0,
    reporter: Reporter = SILENT,
    labels: Mapping[str, str | None] | None = None,
) -> Ranking:
    """Rank images by the probability that their given label is wrong.

    Every image is judged by heads that have not seen it or an exact copy of it; train and valid share one
    set of folds, the test split is judged by the mean of all heads. Unlabelled images get a suggestion and no
    score.

    Parameters
    ----------
    catalog : Catalog
        Names, given labels and splits. Images without an embedding are left out.
    embeddings : Embeddings
        ``names``, ``vectors`` (float32, shape (n, dim)), ``hashes`` and ``key``.
    seed : int
        Seed of the folds.
    reporter : Reporter
    labels : mapping of str to str, optional
        Labels that replace those of the catalog, such as an expert's corrections.

    Raises
    ------
    RankingError
        No image has both a label and an embedding.
    """
    at = {name: i for i, name in enumerate(embeddings.names)}
    names, splits, given, rows = [], [], [], []
    for name, label, split in zip(catalog.names, catalog.labels, catalog.splits, strict=True):
        if name in at:
            new = labels.get(name, label) if labels is not None else label
            names.append(str(name))
            splits.append(str(split))
            given.append(new if isinstance(new, str) and new else None)
            rows.append(at[name])
    classes = sorted({label for label in given if label is not None})
    if not classes:
        msg = (
            f"Got {len(names)} images with embeddings, none of them labelled; "
            "label some images of every class first."
        )
        raise RankingError(msg)
    index = {c: i for i, c in enumerate(classes)}
    codes = np.array([-1 if label is None else index[label] for label in given], dtype=np.int64)
    X = unit_length(np.asarray(embeddings.vectors)[rows])
    units = units_of([embeddings.hashes[i] for i in rows])
    learn = (codes >= 0) & (np.array(splits) != "test")
    if not learn.any():
        learn = codes >= 0
    reporter.check()
    reporter("fitting heads", 0, 1)
    out, inside = _cross_validate(X, codes, units, learn, len(classes), seed)
    reporter("fitting heads", 1, 1)
    model = model_id("heads", embeddings.key, seed, codes, names)
    return _assemble(names, splits, given, classes, codes, out, inside, model)


def _cross_validate(
    X: Floats, codes: NDArray[np.int64], units: NDArray[np.int64], learn: NDArray[np.bool_], k: int, seed: int
) -> tuple[Floats, Floats]:
    """Return out-of-fold and in-sample probabilities, each float32 of shape (n, k)."""
    n = len(codes)
    folds = np.full(n, -1)
    folds[learn] = make_folds(codes[learn], units[learn], n_folds=N_FOLDS, seed=seed)
    # Copies outside the folds (test, unlabelled) must not be judged by a head that saw their twin.
    home = dict(zip(units[learn].tolist(), folds[learn].tolist(), strict=True))
    targets = np.eye(k, dtype=np.float32)[codes[learn]]
    masks = np.ones((N_FOLDS + 1, int(learn.sum())), dtype=np.float32)
    for f in range(N_FOLDS):
        masks[f] = folds[learn] != f
    W = fit_heads(X[learn], targets, masks)
    every = np.stack([softmax(X @ w[:-1] + w[-1]) for w in W])
    out = every[:N_FOLDS].mean(axis=0)
    judged = np.array([home.get(u, -1) for u in units])
    out[judged >= 0] = every[judged[judged >= 0], np.flatnonzero(judged >= 0)]
    return out, every[N_FOLDS]


def _assemble(
    names: list[str],
    splits: list[str],
    given: list[str | None],
    classes: list[str],
    codes: NDArray[np.int64],
    out: Floats,
    inside: Floats,
    model: str,
) -> Ranking:
    """Derive every named ordering from probabilities."""
    labelled = codes >= 0
    at = (np.arange(len(codes)), np.maximum(codes, 0))
    tiny = np.float32(1e-12)
    other = out.copy()
    other[at] = -1
    rival = other.max(axis=1)
    signals = {
        "pooled": 1 - out[at],
        "loss": -np.log(np.maximum(out[at], tiny)),
        "self_confidence": 1 - out[at],
        "normalized_margin": (1 + np.maximum(rival, 0) - out[at]) / 2,
        "in_sample_loss": -np.log(np.maximum(inside[at], tiny)),
        "least_confident": 1 - out.max(axis=1),
    }
    for name, column in signals.items():
        if name != "least_confident":
            column[~labelled] = np.nan
    return Ranking(
        names, splits, given, classes=classes, posterior=out, predicted=out, signals=signals, model=model
    )


def rank_probabilities(
    catalog: Catalog,
    pred_probs: NDArray[np.floating],
    embeddings: EmbeddingsLike | None = None,
    *,
    seed: int = 0,
) -> Ranking:
    """Rank by probabilities from a model elsewhere; see `Ranking.from_probabilities`."""
    P = np.asarray(pred_probs, dtype=np.float32)
    classes = list(catalog.classes)
    if P.shape != (len(catalog), len(classes)):
        msg = (
            f"Got probabilities of shape {P.shape} for {len(catalog)} images and {len(classes)} classes; "
            "give one row an image (sorted by name) and one column a class (sorted)."
        )
        raise RankingError(msg)
    if not np.isfinite(P).all() or (P < 0).any() or (np.abs(P.sum(axis=1) - 1) > 1e-2).any():
        msg = (
            "Got rows that are no probabilities; every row must be non-negative and sum to 1 "
            "(apply a softmax)."
        )
        raise RankingError(msg)
    index = {c: i for i, c in enumerate(classes)}
    given = [label if isinstance(label, str) and label else None for label in catalog.labels]
    codes = np.array([-1 if label is None else index[label] for label in given], dtype=np.int64)
    model = model_id("given", P, codes, seed, None if embeddings is None else embeddings.key)
    return _assemble(
        [str(n) for n in catalog.names], [str(s) for s in catalog.splits], given, classes, codes, P, P, model
    )

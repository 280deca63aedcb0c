"""Kinds of noise that given labels cannot tell apart, and the mean over them.

How a wrong label came about decides which images look wrong. If labels are wrong whatever the image shows
(even or in class pairs), a noise matrix says so, and enough images show the matrix. If a person mistook what
the image shows, no matrix describes it, and labels alone never show it: an image between two classes is
explained as well by a right label. A small set tells neither. So none of them is chosen:

- *fitted*: the pool with its noise matrix, once from evenly spread errors and once from class pairs, each as
  probable as its gain in held-back likelihood is to be more than chance (Yao, Vehtari, Simpson & Gelman,
  *Using stacking to average Bayesian predictive distributions*, Bayesian Analysis 13 (2018), there
  pseudo-BMA+: a gain counts no more than its standard error allows);
- *alike*: errors go to classes that the heads confuse. S[c, g] is what heads on average see in images called
  c, and the probability of an error depends on the image:

      p(wrong: g for c | x)  ∝  S[c, g] p(c | x)^b p(g | x)^(1 - a),    a, b ≤ 1

  a = 1 is noise that does not look at the image; with a = 1/2 a label is the likelier an error, the more the
  image resembles it; b = a = 1/2 stands for a pool that is half as sure as it believes.

The fitted kinds count the more, the more images of a class they are estimated from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cleaner.ranking.ensemble import Pool, decided_rows
from cleaner.ranking.features import Floats
from cleaner.ranking.noise import Doubles, soft_counts

ERRORS = 0.2
"""Share of wrong labels that the kind *alike* supposes."""

WORTH = 30
"""Images of each class at which fitted noise and noise between classes that look alike count equally."""

_LEAST = 1e-12
_BLOCK_CELLS = 2_000_000


@dataclass(frozen=True)
class Judgement:
    """What is believed of each image in the mean over kinds of noise.

    Attributes
    ----------
    predicted : float32, shape (n, k)
        p(c | x) of the real classes: the image alone.
    posterior : float32, shape (n, k + 1)
        p(c | x, g); the last column is *none*. For images without a label the label is left out.
    models : float32, shape (n, k)
        Log probabilities of heads that have not seen the image, in the mean over the fitted kinds.
    weights : dict of str to float
        How far each kind counts; they sum to one.
    unseen : float32, shape (n_decided, k + 1)
        p(c | x, g) for the labels g that images had before somebody decided on them, as if nobody had; for
        `cleaner.ranking.ensemble.decided_rows`.
    """

    predicted: Floats
    posterior: Floats
    models: Floats
    weights: dict[str, float]
    unseen: Floats


def believe(
    pools: dict[str, Pool],
    plain: Floats,
    codes: NDArray[np.int64],
    sure: NDArray[np.bool_],
    origin: NDArray[np.int64],
) -> Judgement:
    """Average over kinds of noise.

    Parameters
    ----------
    pools : dict of str to Pool
        One pool for each fitted kind, or one alone.
    plain : float32, shape (n, k)
        Log probabilities of the given labels, from heads that have not seen the image.
    codes : int64, shape (n,)
        Given label of each image, -1 for none.
    sure : bool, shape (n,)
        Labels known to be right.
    origin : int64, shape (n,)
        What the images were called before they were corrected.
    """
    weights = _weigh(pools)
    p = _mean([pool.predicted for pool in pools.values()], weights)
    posterior = _mean([pool.posterior for pool in pools.values()], weights)
    unseen = _mean([pool.unseen for pool in pools.values()], weights)
    models = [np.mean(pool.evidence.models, axis=0) for pool in pools.values()]
    rows = np.flatnonzero((codes >= 0) & ~sure)
    share = share_alike(len(rows), p.shape[1])
    if share > 0:
        shape = likeness(np.exp(plain[rows]), codes[rows])
        decided = decided_rows(codes, origin, sure)
        posterior[rows] = _with_alike(posterior[rows], p[rows], plain[rows], shape, codes[rows], share)
        unseen = _with_alike(unseen, p[decided], plain[decided], shape, origin[decided], share)
    counts = {kind: float((1 - share) * w) for kind, w in zip(pools, weights, strict=True)}
    counts["alike"] = share
    return Judgement(p, posterior, _mean(models, weights), counts, unseen)


def share_alike(n: int, k: int) -> float:
    """Return how far errors between classes that look alike count in a set of n images in k classes."""
    return 0.0 if k < 2 else float(WORTH / (WORTH + n / k))


def likeness(p: Floats, codes: NDArray[np.int64]) -> Doubles:
    """Return what heads see in images called c, but for c itself: shape (k, k), rows sum to one.

    Each class starts with one image that looks like every other class alike.

    Parameters
    ----------
    p : float32, shape (n, k)
        Probabilities from heads that have not seen the image.
    codes : int64, shape (n,)
        Given label of each image.
    """
    k = p.shape[1]
    S = soft_counts(p, codes, k).T + 1 / max(1, k - 1)
    np.fill_diagonal(S, 0)
    rows: Doubles = S / np.maximum(S.sum(axis=1, keepdims=True), _LEAST)
    return rows


def merge(judgements: Sequence[Judgement]) -> Judgement:
    """Average what was found with different folds."""
    if len(judgements) == 1:
        return judgements[0]
    even = np.full(len(judgements), 1 / len(judgements))
    return Judgement(
        _mean([j.predicted for j in judgements], even),
        _mean([j.posterior for j in judgements], even),
        _mean([j.models for j in judgements], even),
        {kind: float(np.mean([j.weights[kind] for j in judgements])) for kind in judgements[0].weights},
        _mean([j.unseen for j in judgements], even),
    )


def _weigh(pools: dict[str, Pool]) -> Doubles:
    """Return how probable each fitted kind is: one or two of them."""
    if len(pools) == 1:
        return np.ones(1)
    from scipy.special import ndtr

    one, other = (pool.likelihood for pool in pools.values())
    gain = other - one
    error = np.sqrt(len(gain)) * gain.std() if len(gain) else 0.0
    better = float(ndtr(gain.sum() / max(error, 1e-9)))
    return np.array([1 - better, better])


def _mean(arrays: Sequence[Floats], weights: Doubles) -> Floats:
    total = np.zeros_like(arrays[0])
    for array, weight in zip(arrays, weights, strict=True):
        total += np.float32(weight) * array
    return total


def _with_alike(
    posterior: Floats, p: Floats, plain: Floats, shape: Doubles, codes: NDArray[np.int64], share: float
) -> Floats:
    """Average what is believed of some images with errors that go where classes look alike."""
    mixed = np.float32(1 - share) * posterior
    step = max(1, _BLOCK_CELLS // p.shape[1])
    for some in (slice(at, at + step) for at in range(0, len(p), step)):
        views = ((p[some], 1.0, 0.5), (p[some], 0.5, 0.5), (np.exp(plain[some]), 1.0, 1.0))
        for view, b, a in views:
            mixed[some, :-1] += np.float32(share / len(views)) * _alike(view, shape, codes[some], b, a)
    return mixed


def _alike(p: Floats, shape: Doubles, codes: NDArray[np.int64], b: float, a: float) -> Floats:
    """Return p(c | x, g) if errors go where classes look alike, shape (n, k)."""
    at = (np.arange(len(codes)), codes)
    p = np.maximum(p.astype(np.float64), _LEAST)
    q = ERRORS * shape[:, codes].T * p**b
    q[at] = (1 - ERRORS) * p[at] ** a
    return np.asarray(q / q.sum(axis=1, keepdims=True), dtype=np.float32)

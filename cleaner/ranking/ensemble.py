"""The pool: heads and neighbours joined with a noise matrix, fitted to the likelihood of the given labels.

The model says how the given label g of an image x came about::

    p(c | x)      ∝  exp(w₁ log p_head(c | x) + w₂ Σ_v votes(v) log B[c, v] + … + b [c = none])
    p(g | x)      =  Σ_c T[c, g] p(c | x)
    p(c | x, g)   ∝  T[c, g] p(c | x)

``p_head`` is out of fold; a second network adds a head and votes of its own. The neighbours' votes are read
through a confusion matrix B of their own (what the neighbours of images of class c are *called*), so that
biased labels among them mislead nobody; B leaves out the fold of the image that it judges. *None* is a class
for images that belong to no class: its given label says nothing, and its prior b is small and fixed (learnt,
it swallowed the merely difficult images of some sets). Temperatures w, B and T are found by EM; T as in
`cleaner.ranking.noise`, from images whose class is clear. Nothing is chosen by labels that the evidence has
seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cleaner.ranking.features import MANY_CELLS, Floats
from cleaner.ranking.heads import softmax
from cleaner.ranking.noise import Doubles, NoiseMatrix, estimate_noise, soft_counts, symmetric_noise
from cleaner.util.progress import SILENT, Reporter

CLEAR = 0.8
NONE_PRIOR = -3.0
_ROUNDS, _ROUNDS_LARGE = 15, 8
_OF_MODELS, _OF_VOTES = 1.2, 0.6  # weights to start from, shared among the networks
_TEMPER_CELLS = 2_000_000


@dataclass(frozen=True)
class Evidence:
    """What is known of each image without its own label.

    Attributes
    ----------
    models : tuple of float32, each of shape (n, k)
        Log probabilities of models that have not seen the image.
    votes : tuple of float32, each of shape (n, k)
        Share of each given label among the neighbours, as one network sees them; may be empty.
    folds : int64, shape (n,)
        Fold of each image, -1 for images that teach nothing.
    """

    models: tuple[Floats, ...]
    votes: tuple[Floats, ...]
    folds: NDArray[np.int64]


@dataclass(frozen=True)
class Pool:
    """The fitted model.

    Attributes
    ----------
    predicted : float32, shape (n, k)
        p(c | x) of the real classes, renormalised: the image alone.
    posterior : float32, shape (n, k + 1)
        p(c | x, g); the last column is *none*. For images without a label the label is left out.
    noise : NoiseMatrix
    weights : float64
        One for each model, then one for each of the votes.
    likelihood : float64, shape (n_learning,)
        Log likelihood in nats of each given label, by a noise matrix counted without its fold.
    evidence : Evidence
        What it was fitted to.
    unseen : float32, shape (n_decided, k + 1)
        p(c | x, g) for the labels g that images had before somebody decided on them, as if nobody had; for
        `decided_rows`.
    """

    predicted: Floats
    posterior: Floats
    noise: NoiseMatrix
    weights: Doubles
    likelihood: Doubles
    evidence: Evidence
    unseen: Floats


def decided_rows(
    codes: NDArray[np.int64], origin: NDArray[np.int64], sure: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Return the rows of the images that had a label on which somebody decided."""
    return np.flatnonzero((origin >= 0) & (sure | (codes < 0)))


def fit_pool(
    evidence: Evidence,
    codes: NDArray[np.int64],
    *,
    sure: NDArray[np.bool_] | None = None,
    origin: NDArray[np.int64] | None = None,
    noise: NoiseMatrix | None = None,
    reporter: Reporter = SILENT,
) -> Pool:
    """Fit the pool by EM.

    Parameters
    ----------
    evidence : Evidence
    codes : int64, shape (n,)
        Given label of each image, -1 for none.
    sure : bool, shape (n,), optional
        Labels in ``codes`` that are known to be right.
    origin : int64, shape (n,), optional
        What the images were called before they were corrected: with ``sure``, this shows the noise itself.
        ``codes`` by default.
    noise : NoiseMatrix, optional
        Where to start.
    reporter : Reporter
        May stop between rounds.
    """
    n, k = evidence.models[0].shape
    fit = np.flatnonzero((evidence.folds >= 0) & (codes >= 0))
    sure = np.zeros(n, dtype=bool) if sure is None else sure
    given = np.maximum(codes, 0)
    # A few numbers are learnt well enough from a part of a large set.
    some = fit[:: max(1, len(fit) * k // _TEMPER_CELLS)]
    noise = noise or symmetric_noise(k)
    origin = codes if origin is None else origin
    counted = fit[origin[fit] >= 0]
    sizes = np.bincount(origin[counted], minlength=k)
    weights = np.repeat(
        [_OF_MODELS / len(evidence.models), _OF_VOTES / max(1, len(evidence.votes))],
        [len(evidence.models), len(evidence.votes)],
    )
    q = np.concatenate([np.exp(evidence.models[0]), np.zeros((n, 1), dtype=np.float32)], axis=1)
    for step in range(_ROUNDS if n * k <= MANY_CELLS else _ROUNDS_LARGE):
        reporter.check()
        sources = _sources(evidence, q, fit, sizes)
        p = _mix(weights, sources)
        q = _posterior(p, noise, given, codes, sure, sizes)
        counts = _count(p, q, origin, counted, sure, k)
        noise = estimate_noise(counts, sizes, noise if step % 5 else None)
        weights = _temper(weights, sources[:, some], q[some])
    p = _mix(weights, sources)
    q = _posterior(p, noise, given, codes, sure, sizes)
    likelihood = _held_back(p, q, noise, evidence.folds, origin, counted, sure, sizes)
    predicted = p[:, :k] / np.maximum(p[:, :k].sum(axis=1, keepdims=True), 1e-30)
    decided = decided_rows(codes, origin, sure)
    before, nobody = origin[decided], np.zeros(len(decided), dtype=bool)
    unseen = _posterior(p[decided], noise, before, before, nobody, sizes)
    return Pool(predicted, q, noise, weights, likelihood, evidence, unseen)


def _mix(weights: Doubles, sources: Floats) -> Floats:
    """Return p(c | x) with *none* in the last column."""
    logits = np.tensordot(weights.astype(np.float32), sources, 1)
    logits[:, -1] += NONE_PRIOR
    return softmax(logits)


def _none_row(sizes: NDArray[np.int64]) -> Doubles:
    """Return the labels that images of no class get: half evenly, half as common as the classes."""
    row: Doubles = 0.5 / len(sizes) + 0.5 * sizes / max(1, sizes.sum())
    return row


def _held_back(
    p: Floats,
    q: Floats,
    noise: NoiseMatrix,
    folds: NDArray[np.int64],
    codes: NDArray[np.int64],
    fit: NDArray[np.int64],
    sure: NDArray[np.bool_],
    sizes: NDArray[np.int64],
) -> Doubles:
    """Return the log likelihood of each given label; many classes would else explain themselves."""
    k = len(noise.T)
    parts = {f: _count(p, q, codes, fit[folds[fit] == f], sure, k) for f in np.unique(folds[fit])}
    total = sum(parts.values(), np.zeros((k, k)))
    likelihood = np.empty(len(fit))
    for f, counts in parts.items():
        rows = np.flatnonzero(folds[fit] == f)
        T = estimate_noise(total - counts, sizes, noise).T
        full = np.vstack([T, _none_row(sizes)])
        likelihood[rows] = (p[fit[rows]] * full[:, codes[fit[rows]]].T).sum(axis=1)
    return np.log(np.maximum(likelihood, 1e-30))


def _count(
    p: Floats, q: Floats, codes: NDArray[np.int64], rows: NDArray[np.int64], sure: NDArray[np.bool_], k: int
) -> Doubles:
    """Count (true class, given label) softly over images whose class is clear."""
    clarity = (sure[rows] | (p[rows, :k].max(axis=1) > CLEAR)) + np.float32(1e-3)
    return soft_counts(q[rows] * clarity[:, None], codes[rows], k)[:k]


def _posterior(
    p: Floats,
    noise: NoiseMatrix,
    given: NDArray[np.int64],
    codes: NDArray[np.int64],
    sure: NDArray[np.bool_],
    sizes: NDArray[np.int64],
) -> Floats:
    full = np.vstack([noise.T, _none_row(sizes)]).astype(np.float32)
    q: Floats = p * full[:, given].T
    q /= np.maximum(q.sum(axis=1, keepdims=True), np.float32(1e-30))
    q[codes < 0] = p[codes < 0]
    known = np.flatnonzero(sure & (codes >= 0))
    q[known] = 0
    q[known, given[known]] = 1
    return q


def _sources(evidence: Evidence, q: Floats, fit: NDArray[np.int64], sizes: NDArray[np.int64]) -> Floats:
    """Return log evidence for each class and *none*, shape (n_weights, n, k + 1)."""
    n, k = evidence.models[0].shape
    uniform = np.full((n, 1), -np.log(k), dtype=np.float32)
    found = [np.concatenate([model, uniform], axis=1) for model in evidence.models]
    found += [_read_votes(votes, q, evidence.folds, fit, sizes) for votes in evidence.votes]
    return np.stack(found)


def _read_votes(
    votes: Floats, q: Floats, folds: NDArray[np.int64], fit: NDArray[np.int64], sizes: NDArray[np.int64]
) -> Floats:
    """Return Σ_v votes(v) log B[c, v] with B counted outside the fold of each image."""
    k = votes.shape[1]
    prior = np.tile(2 * _none_row(sizes), (k + 1, 1))
    prior[k] *= 10
    parts = {f: rows for f in np.unique(folds[fit]) if len(rows := fit[folds[fit] == f])}
    counts = {f: (q[rows].T @ votes[rows]).astype(np.float64) for f, rows in parts.items()}
    total = sum(counts.values(), prior)
    read = np.empty((len(votes), k + 1), dtype=np.float32)
    for f in np.unique(folds):
        rows = np.flatnonzero(folds == f)
        B = total - counts[f] if f in counts else total
        log_b = np.log(B / B.sum(axis=1, keepdims=True)).astype(np.float32)
        read[rows] = votes[rows] @ log_b.T
    return read


def _temper(weights: Doubles, sources: Floats, q: Floats) -> Doubles:
    """Take two Newton steps of the weights towards the maximum of the expected log likelihood."""
    m = len(weights)
    for _ in range(2):
        p = _mix(weights, sources)
        slope = np.einsum("mnk,nk->m", sources, q - p, optimize=True).astype(np.float64)
        mean = np.einsum("mnk,nk->mn", sources, p, optimize=True)
        H = np.einsum("mnk,lnk,nk->ml", sources, sources, p, optimize=True) - mean @ mean.T
        H = H.astype(np.float64)
        H[np.diag_indices(m)] += 1e-3 * np.trace(H) / m + 1e-9
        step = np.linalg.solve(H, slope)
        step *= min(1.0, 0.3 / max(float(np.abs(step).max()), 1e-9))
        weights = np.clip(weights + step, 0.02, 8)
    return weights

"""Linear heads: multinomial regressions on embeddings, several fits at once, in plain numpy.

The folds of a cross-validation differ only in which rows they may see, so they are fitted together: one pass
over the embeddings serves them all. L-BFGS runs in a space whitened by the Böhning bound of the curvature,
which takes it to the optimum in few passes.

A head can be fitted *through* a noise matrix: the likelihood of a given label g is then
Σ_c p(g | c) p(c | x), and the head learns the true class c, not the given label ("forward correction").

Sources: Böhning, *Multinomial logistic regression algorithm*, Ann. Inst. Statist. Math. 44 (1992), for the
bound ½ XᵀX; Nocedal & Wright, *Numerical Optimization* (2006), algorithm 7.4, for the two-loop recursion;
Patrini et al., *Making deep neural networks robust to label noise*, CVPR 2017, for forward correction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cleaner.errors import RankingError
from cleaner.ranking.blocks import run_blocks
from cleaner.ranking.features import Floats, head_axes, unit_length
from cleaner.ranking.logistic import fit_classes, logit, sigmoid
from cleaner.util.progress import SILENT, Reporter

_MEMORY = 8
_TINY = np.float32(1e-12)
_BLOCK_CELLS = 4_000_000
_BLOCK_ROWS = 100_000
_CLASS_STEPS = 100

HEAD_PENALTY = 1e-4
"""Penalty of a `LinearHead` on the mean loss."""

_Objective = Callable[[Floats], tuple[Floats, Floats]]


def softmax(logits: NDArray[np.floating]) -> Floats:
    """Return probabilities of float32 logits along the last axis, safe for large values."""
    p: Floats = np.exp(logits - logits.max(axis=-1, keepdims=True), dtype=np.float32)
    p /= p.sum(axis=-1, keepdims=True)
    return p


def log_softmax(logits: NDArray[np.floating]) -> Floats:
    """Return log probabilities of float32 logits along the last axis, safe for large values."""
    shifted = (logits - logits.max(axis=-1, keepdims=True)).astype(np.float32, copy=False)
    shifted = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return np.asarray(shifted, dtype=np.float32)


def mean_log_probabilities(models: Sequence[Floats]) -> Floats:
    """Return the normalised geometric mean of probabilities, given and returned as logarithms."""
    return models[0] if len(models) == 1 else log_softmax(np.mean(models, axis=0))


@dataclass(frozen=True)
class Fits:
    """Several heads over the same rows.

    Attributes
    ----------
    W : float32, shape (f, d + 1, k)
        Weights of each fit; the last row holds the offsets.
    passes : int
        Passes over the rows that it took.
    """

    W: Floats
    passes: int

    def logits(self, fit: int, X: Floats) -> Floats:
        """Return the logits of one fit for rows of shape (n, d)."""
        values: Floats = X @ self.W[fit, :-1] + self.W[fit, -1]
        return values


def fit_heads(
    X: Floats,
    evidence: Floats,
    weights: Floats,
    *,
    l2: float | Sequence[float] = 3e-4,
    start: Floats | None = None,
    max_passes: int = 25,
    tolerance: float = 1e-4,
    reporter: Reporter = SILENT,
) -> Fits:
    """Fit several heads over the same rows, each with row weights and a penalty of its own.

    Minimises for every fit f
    ``- Σ_i w_fi log(Σ_c E_ic softmax(x_i W_f + b_f)_c) / Σ_i w_fi + l2_f/2 |W_f|²``.
    With one-hot evidence E, this is ordinary multinomial regression.

    Parameters
    ----------
    X : float32, shape (n, d)
        Rows, best of unit length.
    evidence : float32, shape (n, k)
        Likelihood of the row's given label under each class: one-hot, or the column of a noise matrix.
    weights : float32, shape (f, n)
        Non-negative row weights; zero keeps a row out of that fit.
    l2 : float or sequence of f floats
        Strength of the penalty on the weights; the offsets are all but free.
    start : float32, shape (f, d + 1, k), optional
        ``W`` of an earlier fit with similar rows, weights and penalties.
    max_passes : int
        Bound on the passes over ``X``.
    tolerance : float
        Stop when the whitened gradient of every fit is shorter than this.
    reporter : Reporter
        May stop between passes.
    """
    n, d = X.shape
    f, k = weights.shape[0], evidence.shape[1]
    share = weights / np.maximum(weights.sum(axis=1, keepdims=True), _TINY)
    strength = np.broadcast_to(np.asarray(l2, dtype=np.float32), (f,))
    free = np.ones(d + 1, dtype=np.float32)
    free[-1] = 1e-2  # only removes the freedom to shift all offsets
    whiten, unwhiten = _whitener(X, share.mean(axis=0), np.float32(strength.min()) * free)
    Z = X @ whiten[:-1]
    Z += whiten[-1]
    ridge = (whiten.T * free) @ whiten
    block = max(1, _BLOCK_CELLS // (f * k))

    def evaluate(V: Floats) -> tuple[Floats, Floats]:
        flat = np.ascontiguousarray(V.transpose(1, 0, 2)).reshape(d + 1, f * k)
        value = np.zeros((-(-n // block), f), dtype=np.float64)
        slopes: list[NDArray[np.floating]] = [flat] * len(value)

        def look(at: int) -> None:
            rows = slice(at * block, (at + 1) * block)
            p = (Z[rows] @ flat).reshape(-1, f, k)
            p -= p.max(axis=2, keepdims=True)
            np.exp(p, out=p)
            p /= p.sum(axis=2, keepdims=True)
            q = p * evidence[rows, None, :]
            likelihood = np.maximum(q.sum(axis=2, keepdims=True), np.float32(1e-30))
            q /= likelihood
            p -= q
            part = share[:, rows].T
            p *= part[:, :, None]
            value[at] = -(np.log(likelihood[:, :, 0]) * part).sum(axis=0)
            slopes[at] = Z[rows].T @ p.reshape(-1, f * k)

        reporter.check()
        run_blocks(look, range(len(value)), reporter=reporter)
        slope = np.zeros_like(flat)
        for one in slopes:  # in order, so that the same is found every time
            slope += one
        RV = np.matmul(ridge, V) * strength[:, None, None]
        total = value.sum(axis=0) + 0.5 * np.einsum("fdk,fdk->f", V, RV)
        return total.astype(np.float32), slope.reshape(d + 1, f, k).transpose(1, 0, 2) + RV

    first = np.zeros((f, d + 1, k), dtype=np.float32) if start is None else np.matmul(unwhiten, start)
    V, passes = _lbfgs(evaluate, first, max_passes, tolerance)
    return Fits(np.matmul(whiten, V), passes)


def _whitener(X: Floats, share: Floats, penalty: Floats) -> tuple[Floats, Floats]:
    """Return M with M Mᵀ = (½ Xbᵀ diag(share) Xb + penalty)⁻¹, and its inverse; Xb is X and a column of 1."""
    from scipy.linalg import solve_triangular

    bound = np.diag(penalty.astype(np.float64))
    for at in range(0, len(X), _BLOCK_ROWS):  # block by block, as the rows may fill the memory
        part = share[at : at + _BLOCK_ROWS, None]
        scaled = np.concatenate([X[at : at + _BLOCK_ROWS], np.ones_like(part)], axis=1) * np.sqrt(part)
        bound += 0.5 * (scaled.T @ scaled).astype(np.float64)
    lower = np.linalg.cholesky(bound)
    inverse = solve_triangular(lower, np.eye(len(lower)), lower=True, check_finite=False)
    return np.ascontiguousarray(inverse.T, dtype=np.float32), lower.T.astype(np.float32)


def _dot(a: Floats, b: Floats) -> Floats:
    product: Floats = np.einsum("fdk,fdk->f", a, b)
    return product


def _descent(grad: Floats, steps: list[tuple[Floats, Floats, Floats]]) -> Floats:
    """Return the quasi-Newton direction of every fit (two-loop recursion)."""
    q = grad.copy()
    alphas = []
    for s, y, rho in reversed(steps):
        alpha = rho * _dot(s, q)
        q -= alpha[:, None, None] * y
        alphas.append(alpha)
    if steps:
        s, y, _ = steps[-1]
        scale = _dot(s, y) / np.maximum(_dot(y, y), _TINY)
        q *= np.where(scale > 0, scale, 1)[:, None, None].astype(np.float32)
    for (s, y, rho), alpha in zip(steps, reversed(alphas), strict=True):
        q += (alpha - rho * _dot(y, q))[:, None, None] * s
    return q


def _lbfgs(evaluate: _Objective, V: Floats, max_passes: int, tolerance: float) -> tuple[Floats, int]:
    """Minimise independent functions together; every one has its own step length."""
    value, grad = evaluate(V)
    steps: list[tuple[Floats, Floats, Floats]] = []
    passes = 1
    while passes < max_passes and float(np.sqrt(_dot(grad, grad)).max()) > tolerance:
        direction = _descent(grad, steps)
        slope = -_dot(grad, direction)
        length = np.ones(len(V), dtype=np.float32)
        for _ in range(10):
            new = V - length[:, None, None] * direction
            new_value, new_grad = evaluate(new)
            passes += 1
            worse = new_value > value + 1e-4 * length * slope + 1e-6 * np.abs(value)
            if not worse.any():
                break
            length = np.where(worse, 0.5 * length, length).astype(np.float32)
        s, y = new - V, new_grad - grad
        curvature = _dot(s, y)
        rho = np.where(curvature > _TINY, 1 / np.maximum(curvature, _TINY), 0).astype(np.float32)
        steps = [*steps[-(_MEMORY - 1) :], (s, y, rho)]
        V, value, grad = new, new_value, new_grad
    return V, passes


@dataclass(frozen=True)
class LinearHead:
    """A classifier on top of frozen embeddings.

    Attributes
    ----------
    classes : tuple of str
        Order of the columns of `predict_proba`.
    weight : float32, shape (dim, n_classes)
        Applied to embeddings of unit length.
    offset : float32, shape (n_classes,)
    several : bool
        Whether it says of each class whether it is there; else the classes exclude each other.
    """

    classes: tuple[str, ...]
    weight: Floats
    offset: Floats
    several: bool = False

    @classmethod
    def fit(
        cls,
        X: NDArray[np.floating],
        y: Sequence[str] | NDArray[np.object_],
        classes: Sequence[str],
        *,
        axes: Floats | None = None,
    ) -> LinearHead:
        """Fit a multinomial regression on unit-length rows.

        Parameters
        ----------
        X : float array, shape (n, dim)
            Embeddings; their length is ignored.
        y : sequence of str, length n
            A label of each row.
        classes : sequence of str
            Classes to tell apart; a class without a row is never predicted.
        axes : float32 array, shape (dim, k), optional
            What `head_axes` gave for these rows, or nearly these; by default it is asked.

        Raises
        ------
        RankingError
            No rows, or a label that is not among ``classes``.
        """
        index = {c: i for i, c in enumerate(classes)}
        unknown = sorted({str(label) for label in y if label not in index})
        if unknown or len(y) == 0:
            msg = (
                f"Got labels {unknown[:5]} that are not among the {len(index)} classes. Add them."
                if unknown
                else "There are no labelled images to learn from. Label images of at least two classes."
            )
            raise RankingError(msg)
        codes = np.array([index[label] for label in y])
        rows = unit_length(X)
        axes = head_axes(rows) if axes is None else axes
        reduced = rows if axes is None else rows @ axes
        evidence = np.eye(len(index), dtype=np.float32)[codes]
        weights = np.ones((1, len(codes)), dtype=np.float32)
        W = fit_heads(reduced, evidence, weights, l2=HEAD_PENALTY, max_passes=60).W[0]
        counts = np.bincount(codes, minlength=len(index))
        offset = np.where(counts > 0, W[-1], np.float32(-1e4)).astype(np.float32)
        return cls(tuple(classes), W[:-1] if axes is None else axes @ W[:-1], offset)

    @classmethod
    def fit_several(
        cls, X: NDArray[np.floating], there: NDArray[np.bool_], classes: Sequence[str]
    ) -> LinearHead:
        """Fit a logistic regression for each class on unit-length rows.

        Parameters
        ----------
        X : float array, shape (n, dim)
            Embeddings, of one image at least; their length is ignored.
        there : bool, shape (n, n_classes)
            Whether each image has each class.
        classes : sequence of str
        """
        rows = unit_length(X)
        axes = head_axes(rows)
        reduced = rows if axes is None else rows @ axes
        Z = np.concatenate([reduced, np.ones((len(rows), 1), dtype=np.float32)], axis=1)
        targets = there.astype(np.float32)
        start = np.zeros((Z.shape[1], len(classes)), dtype=np.float32)
        start[-1] = logit((targets.sum(axis=0) + 0.5) / (len(targets) + 1))
        strength = 1 / (HEAD_PENALTY * len(rows))
        W = fit_classes(Z, lambda _: targets, start, strength=strength, steps=_CLASS_STEPS)
        return cls(tuple(classes), W[:-1] if axes is None else axes @ W[:-1], W[-1], several=True)

    def predict_proba(self, X: NDArray[np.floating]) -> Floats:
        """Return float32 class probabilities, shape (n, n_classes), of embeddings of shape (n, dim)."""
        logits = unit_length(X) @ self.weight + self.offset
        return np.asarray(sigmoid(logits), dtype=np.float32) if self.several else softmax(logits)

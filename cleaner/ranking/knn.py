"""Which labels the nearest images carry: exact neighbours in blocks, never an N × N array."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cleaner.ranking.features import Floats, unit_length
from cleaner.util.progress import SILENT, Reporter, Stage

_BLOCK_CELLS = 8_000_000
_GROUP = 16


@dataclass(frozen=True)
class Voters:
    """The most similar labelled images of each image.

    Attributes
    ----------
    rows : int64, shape (n, k)
        Rows of the neighbours, most similar first.
    weights : float32, shape (n, k)
        Non-negative, summing to one; zero for the image itself and for exact copies of it.
    similarity : float32, shape (n, k)
        Cosine similarity.
    """

    rows: NDArray[np.int64]
    weights: Floats
    similarity: Floats

    def votes(self, codes: NDArray[np.int64], n_classes: int) -> Floats:
        """Return the share of each class among the weighted neighbours, shape (n, n_classes).

        Parameters
        ----------
        codes : int64, shape (n,)
            Class of each image; only those of images that may be neighbours are read.
        n_classes : int
        """
        n = len(self.rows)
        cells = np.arange(n)[:, None] * n_classes + np.maximum(codes, 0)[self.rows]
        total = np.bincount(cells.ravel(), weights=self.weights.ravel(), minlength=n * n_classes)
        return total.reshape(n, n_classes).astype(np.float32)


def find_voters(
    Z: Floats,
    units: NDArray[np.int64],
    learn: NDArray[np.bool_],
    *,
    k: int = 50,
    temperature: float = 0.05,
    reporter: Reporter = SILENT,
) -> Voters:
    """Find the ``k`` most similar learning images of every image by cosine.

    Parameters
    ----------
    Z : float32, shape (n, dim)
        Features; their length is ignored.
    units : int64, shape (n,)
        Equal numbers mark copies of one image, which do not count as neighbours of each other.
    learn : bool, shape (n,)
        Images that may be neighbours.
    k : int
        Number of neighbours; less where there are fewer images.
    temperature : float
        A neighbour's weight falls by e for each ``temperature`` of cosine below the nearest one.
    reporter : Reporter
        Hears about the images done; may stop between blocks.
    """
    n = len(Z)
    pool = np.flatnonzero(learn)
    U = unit_length(Z)
    base = U[pool]
    k = max(1, min(k, len(pool) - 1))
    rows = np.zeros((n, k), dtype=np.int64)
    similarity = np.full((n, k), -1, dtype=np.float32)
    block = max(1, _BLOCK_CELLS // max(1, len(pool)))
    columns = np.full(n, -1)
    columns[pool] = np.arange(len(pool))
    copies = _copies(units, columns)
    for start in range(0, n, block):
        reporter.check()
        stop = min(n, start + block)
        S = U[start:stop] @ base.T
        for i in range(start, stop):
            S[i - start, copies[int(units[i])]] = -2  # the image itself, and its copies
        chosen = _top(S, k)
        rows[start:stop] = pool[chosen]
        similarity[start:stop] = np.take_along_axis(S, chosen, axis=1)
        reporter(Stage.COMPARE_IMAGES, stop, n)
    weights = np.exp((similarity - similarity[:, :1]) / np.float32(temperature))
    weights[similarity < -1.5] = 0
    weights /= np.maximum(weights.sum(axis=1, keepdims=True), np.float32(1e-12))
    return Voters(rows, weights.astype(np.float32), similarity)


def _copies(units: NDArray[np.int64], columns: NDArray[np.int64]) -> dict[int, list[int]]:
    """Return for each unit the columns of the similarity block that its members occupy."""
    found: dict[int, list[int]] = {int(u): [] for u in units}
    for unit, column in zip(units.tolist(), columns.tolist(), strict=True):
        if column >= 0:
            found[unit].append(column)
    return found


def _top(S: Floats, k: int) -> NDArray[np.int64]:
    """Return the columns of the ``k`` largest values of every row, largest first.

    The k largest values lie within the k groups of largest maximum: partitioning the maxima first is several
    times faster than partitioning the row.
    """
    m, n = S.shape
    groups = n // _GROUP
    if groups > 2 * k:
        maxima = S[:, : groups * _GROUP].reshape(m, _GROUP, groups).max(axis=1)
        best = np.argpartition(maxima, groups - k, axis=1)[:, groups - k :]
        tail = np.broadcast_to(np.arange(groups * _GROUP, n), (m, n - groups * _GROUP))
        candidates = (best[:, :, None] + np.arange(_GROUP) * groups).reshape(m, -1)
        candidates = np.concatenate([candidates, tail], axis=1)
        values = np.take_along_axis(S, candidates, axis=1)
    else:
        candidates = np.broadcast_to(np.arange(n), S.shape)
        values = S
    if k < values.shape[1]:
        part = np.argpartition(values, values.shape[1] - k, axis=1)[:, values.shape[1] - k :]
    else:
        part = np.broadcast_to(np.arange(values.shape[1]), values.shape)
    order = np.argsort(-np.take_along_axis(values, part, axis=1), axis=1, kind="stable")
    part = np.take_along_axis(part, order, axis=1)
    return np.take_along_axis(candidates, part, axis=1).astype(np.int64)

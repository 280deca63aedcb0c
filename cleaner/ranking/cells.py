"""Rows in cells of like rows, so that the nearest ones of a row are sought in a few cells, not everywhere.

This is an inverted file (Sivic & Zisserman, *Video Google*, ICCV 2003) over spherical k-means (Dhillon &
Modha, Machine Learning 42, 2001). All rows of one cell are compared with the same other cells: those that are
among the `NEAR` nearest of enough of them. So all is done in large products of matrices, and the time for a
row does not grow with the set, but for finding its cell.

Measured on 200,000 made rows of 256 numbers with 24 latent dimensions: 99.1 % of the 50 nearest rows are
found by looking at an eighth of the pairs, in 79 s of a core of 2.5 GHz.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cleaner.ranking.blocks import run_blocks
from cleaner.ranking.features import Floats, unit_length
from cleaner.util.progress import SILENT, Reporter

Longs = NDArray[np.int64]

CELL_ROWS = 200
"""Rows in a cell on average."""

NEAR = 48
"""Cells to look at for the 50 nearest rows."""

_ENOUGH = 0.05  # of the rows of a cell
_SAMPLE = 20  # rows for each cell that its centre is found by
_ROUNDS = 6
_BLOCK_ROWS = 1024
_BLOCK_CELLS = 8_000_000
_GROUP = 16


@dataclass(frozen=True)
class Cells:
    """Rows of length 1, divided into cells.

    Attributes
    ----------
    centres : float32, shape (n_cells, d)
        Of length 1.
    order : int64, shape (n,)
        The rows, cell by cell.
    starts : int64, shape (n_cells + 1,)
        Where in ``order`` each cell begins, and the last one ends.
    """

    centres: Floats
    order: Longs
    starts: Longs

    @classmethod
    def of(
        cls, rows: Floats, *, cell_rows: int = CELL_ROWS, seed: int = 0, reporter: Reporter = SILENT
    ) -> Cells:
        """Divide rows of length 1, float32, shape (n, d), into cells.

        Parameters
        ----------
        rows : float32, shape (n, d)
        cell_rows : int
            Rows in a cell on average.
        seed : int
            Of the sample from which the centres are found.
        reporter : Reporter
            May stop between passes.
        """
        n_cells = max(1, len(rows) // cell_rows)
        rng = np.random.default_rng(seed)
        sample = rows[np.sort(rng.choice(len(rows), min(len(rows), _SAMPLE * n_cells), replace=False))]
        centres = sample[np.sort(rng.choice(len(sample), n_cells, replace=False))]
        for _ in range(_ROUNDS):
            reporter.check()
            order, starts = _grouped(_nearest(sample, centres, 1)[:, 0], n_cells)
            there = np.flatnonzero(np.diff(starts))
            centres = centres.copy()
            centres[there] = unit_length(np.add.reduceat(sample[order], starts[there], axis=0))
        reporter.check()
        return cls(centres, *_grouped(_nearest(rows, centres, 1, reporter)[:, 0], n_cells))

    def near(
        self, queries: Floats, *, look_at: int = NEAR, reporter: Reporter = SILENT
    ) -> Iterator[tuple[Longs, Longs]]:
        """Yield some of the queries and the rows to compare them with, until every query had its turn.

        Parameters
        ----------
        queries : float32, shape (m, d)
            Of length 1.
        look_at : int
            Cells near each query; of fewer, more is missed of what is not so near.
        reporter : Reporter
            May stop before the first ones.

        Yields
        ------
        queries, rows : int64
            The rows hold nearly all that are near to any of these queries.
        """
        n_cells = len(self.centres)
        cells = _nearest(queries, self.centres, min(look_at, n_cells), reporter)
        order, starts = _grouped(cells[:, 0], n_cells)
        for home in np.flatnonzero(np.diff(starts)).tolist():
            asked = order[starts[home] : starts[home + 1]]
            votes = np.bincount(cells[asked].ravel(), minlength=n_cells)
            chosen = np.flatnonzero(votes >= max(1.0, _ENOUGH * len(asked))).tolist()
            rows = np.concatenate([self.order[self.starts[c] : self.starts[c + 1]] for c in chosen])
            step = max(1, _BLOCK_CELLS // max(1, len(rows)))
            for at in range(0, len(asked), step):
                yield asked[at : at + step], rows


def _nearest(rows: Floats, centres: Floats, k: int, reporter: Reporter = SILENT) -> NDArray[np.int32]:
    """Return the ``k`` nearest centres of each row, the nearest one first."""
    found = np.empty((len(rows), k), dtype=np.int32)

    def look(at: int) -> None:
        cosine = rows[at : at + _BLOCK_ROWS] @ centres.T
        best = cosine.argmax(axis=1)[:, None] if k == 1 else largest(cosine, k)
        found[at : at + _BLOCK_ROWS] = best

    run_blocks(look, range(0, len(rows), _BLOCK_ROWS), reporter=reporter)
    return found


def largest(values: Floats, k: int) -> Longs:
    """Return the columns of the ``k`` largest values of every row, largest first.

    The k largest lie within the k groups of largest maximum: partitioning the maxima first is several times
    faster than partitioning the row.

    Parameters
    ----------
    values : float32, shape (m, n)
    k : int
        At most n.
    """
    m, n = values.shape
    groups = n // _GROUP
    if groups > 2 * k:
        maxima = values[:, : groups * _GROUP].reshape(m, _GROUP, groups).max(axis=1)
        best = np.argpartition(maxima, groups - k, axis=1)[:, groups - k :]
        tail = np.broadcast_to(np.arange(groups * _GROUP, n), (m, n - groups * _GROUP))
        candidates = (best[:, :, None] + np.arange(_GROUP) * groups).reshape(m, -1)
        candidates = np.concatenate([candidates, tail], axis=1)
        values = np.take_along_axis(values, candidates, axis=1)
    else:
        candidates = np.broadcast_to(np.arange(n), values.shape)
    if k < values.shape[1]:
        part = np.argpartition(values, values.shape[1] - k, axis=1)[:, values.shape[1] - k :]
    else:
        part = np.broadcast_to(np.arange(values.shape[1]), values.shape)
    order = np.argsort(-np.take_along_axis(values, part, axis=1), axis=1, kind="stable")
    part = np.take_along_axis(part, order, axis=1)
    return np.take_along_axis(candidates, part, axis=1).astype(np.int64)


def _grouped(cells: NDArray[np.integer], n_cells: int) -> tuple[Longs, Longs]:
    """Return the rows cell by cell, and where each cell begins."""
    order = np.argsort(cells, kind="stable").astype(np.int64)
    starts = np.searchsorted(cells[order], np.arange(n_cells + 1)).astype(np.int64)
    return order, starts

"""The nearest neighbours of every row, block by block: few pairs are in memory at a time.

`find_voters` tells which labels the nearest images carry, `nearest_pairs` which images are most alike. Up to
`EXACT_ROWS` rows all pairs are looked at; of more, those of like cells (`cleaner.ranking.cells`), which hold
99 % of the nearest ones. Libraries were no better: for the 50 neighbours of 100,000 made rows of 256 numbers,
cells take 22 s of one core and find 99.6 %; pynndescent 0.7 takes 47 s (99.8 %), usearch 2.26 (16 links, 128
and 64 candidates) 59 s (98.5 %).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from cleaner.ranking.blocks import run_blocks
from cleaner.ranking.cells import Cells, largest
from cleaner.ranking.features import Floats, unit_length
from cleaner.util.progress import SILENT, Reporter, Stage

Pairs = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]
"""Rows ``i``, rows ``j`` with ``i < j``, and the similarity of each pair; sorted by i, then j."""

EXACT_ROWS = 50_000
"""Rows up to which all pairs are looked at: half a minute of one core at 256 numbers a row."""

BLOCK_ROWS = 2048  # 16 MB of similarities; larger blocks are no faster
# Cells in which the few nearest rows are sought: they lie nearer than the voters. On 100,000 made rows of 256
# numbers, 99.0 % of the 5 nearest ones are there (in 48 cells: 99.7 %), in less than half the time; of 16,871
# edited copies of photos among 110,000 parts of photos, by their perceptual hashes, as many as in 48.
_LOOK_AT = 24
_VOTER_CELLS = 8_000_000
_NO_VOTER = -2.0
_TEMPERATURE = np.float32(0.05)
"""A voter's weight falls by e for each so much of cosine below the nearest one."""


def nearest_pairs(
    X: NDArray[np.float32],
    among: NDArray[np.float32] | None = None,
    *,
    k: int,
    floor: float,
    reporter: Reporter = SILENT,
    stage: str = Stage.COMPARE_IMAGES,
    block_rows: int = BLOCK_ROWS,
    exact_rows: int = EXACT_ROWS,
) -> Pairs:
    """Find the pairs of which one row is among the ``k`` nearest of the other.

    The work is n² / 2 products of rows (n² with ``among``), by the BLAS library, or about 20,000 n where
    there are more than ``exact_rows``; memory beside the rows is that of a few blocks and of k neighbours a
    row.

    Parameters
    ----------
    X : float32, shape (n, d)
        Rows of length 1 (see `cleaner.ranking.features.unit_length`).
    among : float32, shape (n, d), optional
        Other views of the same n things: the nearest of each row are then sought here, its own view excepted.
    k : int
        Neighbours of each row.
    floor : float
        Pairs whose cosine does not exceed this are left out.
    reporter : Reporter
        Hears of every block of rows, and is asked whether to stop.
    stage : str
        What it hears.
    block_rows : int
    exact_rows : int
        Rows up to which no pair is passed over.

    Returns
    -------
    i, j : int64, shape (n_pairs,)
    similarity : float32, shape (n_pairs,)
        Cosine.
    """
    best = _Best(len(X), k, floor)
    if len(X) > exact_rows:
        _search_cells(best, X, X if among is None else among, reporter, stage)
        return best.pairs()
    starts = range(0, len(X), block_rows)
    for done, a in enumerate(starts):
        reporter.check()
        rows = X[a : a + block_rows]
        for b in starts if among is not None else starts[done:]:
            cosine = rows @ (X if among is None else among)[b : b + block_rows].T
            if a == b:
                np.fill_diagonal(cosine, -np.inf)
            elif among is None:
                best.offer(b, a, cosine.T)
            best.offer(a, b, cosine)
        reporter(stage, min(a + block_rows, len(X)), len(X))
    return best.pairs()


def _search_cells(best: "_Best", X: Floats, base: Floats, reporter: Reporter, stage: str) -> None:
    """Find the nearest rows of ``base`` for each row of ``X`` in like cells, its own view excepted."""

    def look(block: _Near) -> None:
        rows, columns = block
        cosine = X[rows] @ base[columns].T
        _strike(cosine, rows, columns, -np.inf)
        chosen = largest(cosine, min(best.k, len(columns)))
        best.take(rows, columns[chosen], np.take_along_axis(cosine, chosen, axis=1))

    blocks = Cells.of(base, reporter=reporter).near(X, look_at=_LOOK_AT, reporter=reporter)
    run_blocks(look, _told(blocks, len(X), reporter, stage), reporter=reporter)


class _Best:
    """The best neighbours of every row so far; ``index`` is -1 where there are fewer than ``k``."""

    def __init__(self, n: int, k: int, floor: float) -> None:
        self.k = k
        self.index = np.full((n, k), -1, dtype=np.int64)
        self.cosine = np.full((n, k), np.float32(floor), dtype=np.float32)
        self.least = self.cosine[:, 0].copy()  # what a new neighbour must exceed

    def offer(self, at: int, other: int, cosine: NDArray[np.float32]) -> None:
        """Take from a block of similarities, rows from ``at`` and columns from ``other``, what is better."""
        least = self.least[at : at + len(cosine)]
        better = cosine > least[:, None]
        n_better = np.count_nonzero(better, axis=1)
        rows = np.flatnonzero(n_better)
        if not len(rows):
            return
        width = min(int(n_better.max()), self.k)
        if n_better.sum() > 4 * self.k * len(rows):  # many, as in the first blocks: cheaper row by row
            columns = np.argpartition(cosine[rows], cosine.shape[1] - width, axis=1)[:, -width:]
            values = np.take_along_axis(cosine[rows], columns, axis=1)
        else:
            columns, values = _packed(cosine, better, n_better, rows, self.k)
        all_index = np.concatenate([self.index[at + rows], columns + other], axis=1)
        all_cosine = np.concatenate([self.cosine[at + rows], values], axis=1)
        # Of equals the first: an empty place beats a pair at the floor, as it should.
        keep = np.argsort(-all_cosine, axis=1, kind="stable")[:, : self.k]
        self.index[at + rows] = np.take_along_axis(all_index, keep, axis=1)
        self.cosine[at + rows] = np.take_along_axis(all_cosine, keep, axis=1)
        self.least[at + rows] = self.cosine[at + rows, -1]

    def take(self, rows: NDArray[np.int64], index: NDArray[np.int64], cosine: NDArray[np.float32]) -> None:
        """Take the nearest ones of some rows, which had none before."""
        width = index.shape[1]
        near = cosine > self.cosine[rows, :width]
        self.index[rows, :width] = np.where(near, index, -1)
        self.cosine[rows, :width] = np.where(near, cosine, self.cosine[rows, :width])

    def pairs(self) -> Pairs:
        """Return each pair once."""
        n = len(self.index)
        row = np.repeat(np.arange(n, dtype=np.int64), self.k)
        column, cosine = self.index.ravel(), self.cosine.ravel()
        there = column >= 0
        row, column, cosine = row[there], column[there], cosine[there]
        i, j = np.minimum(row, column), np.maximum(row, column)
        _, first = np.unique(i * n + j, return_index=True)
        return i[first], j[first], cosine[first]


def _packed(
    cosine: NDArray[np.float32],
    better: NDArray[np.bool_],
    n_better: NDArray[np.int64],
    rows: NDArray[np.int64],
    k: int,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Gather the few better values of each of ``rows`` side by side, at most k; the rest is -inf."""
    row, column = np.nonzero(better)
    value = cosine[row, column]
    order = np.lexsort((-value, row))
    counts = n_better[rows]
    place = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    line = np.repeat(np.arange(len(rows)), counts)
    taken = place < k
    columns = np.full((len(rows), k), -1, dtype=np.int64)
    values = np.full((len(rows), k), -np.inf, dtype=np.float32)
    columns[line[taken], place[taken]] = column[order][taken]
    values[line[taken], place[taken]] = value[order][taken]
    return columns, values


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

    def shares(self, bits: NDArray[np.bool_]) -> Floats:
        """Return the share of neighbours that have each of several labels, shape (n, n_classes).

        Parameters
        ----------
        bits : bool, shape (n, n_classes)
            Which labels each image has.
        """
        total = np.zeros((len(self.rows), bits.shape[1]), dtype=np.float32)
        for rows, weights in zip(self.rows.T, self.weights.T, strict=True):
            total += weights[:, None] * bits[rows]
        return total


def find_voters(
    Z: Floats,
    units: NDArray[np.int64],
    learn: NDArray[np.bool_],
    *,
    k: int = 50,
    exact_rows: int = EXACT_ROWS,
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
    exact_rows : int
        Images up to which no neighbour is passed over.
    reporter : Reporter
        Hears about the images done; may stop between blocks.
    """
    n = len(Z)
    pool = np.flatnonzero(learn)
    U = unit_length(Z)
    base = U if len(pool) == n else U[pool]
    k = max(1, min(k, len(pool) - 1))
    rows = np.zeros((n, k), dtype=np.int64)
    similarity = np.full((n, k), _NO_VOTER, dtype=np.float32)
    of_pool = units[pool]

    def look(block: _Block) -> None:
        asked, columns = block
        S = U[asked] @ base[columns].T
        _strike(S, units[asked], of_pool[columns], _NO_VOTER)  # the image itself, and its copies
        chosen = largest(S, min(k, S.shape[1]))
        rows[asked, : chosen.shape[1]] = pool[columns][chosen]
        similarity[asked, : chosen.shape[1]] = np.take_along_axis(S, chosen, axis=1)

    blocks = _voter_blocks(U, base, exact_rows, reporter)
    run_blocks(look, _told(blocks, n, reporter, Stage.COMPARE_IMAGES), reporter=reporter)
    weights = np.exp((similarity - similarity[:, :1]) / _TEMPERATURE)
    weights[similarity == _NO_VOTER] = 0
    weights /= np.maximum(weights.sum(axis=1, keepdims=True), np.float32(1e-12))
    return Voters(rows, weights.astype(np.float32), similarity)


_Rows = NDArray[np.int64]
_Any = TypeVar("_Any", bound="_Block")
_Near = tuple[_Rows, _Rows]
_Block = tuple[_Rows, _Rows | slice]


def _voter_blocks(U: Floats, base: Floats, exact_rows: int, reporter: Reporter) -> Iterator[_Block]:
    """Yield some images, and which of the pool to compare them with."""
    if len(base) > exact_rows:
        yield from Cells.of(base, reporter=reporter).near(U, reporter=reporter)
        return
    block = max(1, _VOTER_CELLS // max(1, len(base)))
    for start in range(0, len(U), block):
        yield np.arange(start, min(start + block, len(U))), slice(None)


def _told(blocks: Iterable[_Any], n: int, reporter: Reporter, stage: str) -> Iterator[_Any]:
    """Pass blocks on, and tell how many of ``n`` rows they have reached."""
    done = 0
    for block in blocks:
        yield block
        done += len(block[0])
        reporter(stage, done, n)


def _strike(S: Floats, of_rows: NDArray[np.int64], of_columns: NDArray[np.int64], value: float) -> None:
    """Write a value wherever row and column have the same number."""
    order = np.argsort(of_columns, kind="stable")
    numbers = of_columns[order]
    first = np.searchsorted(numbers, of_rows, side="left")
    counts = np.searchsorted(numbers, of_rows, side="right") - first
    row = np.repeat(np.arange(len(of_rows)), counts)
    within = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    S[row, order[np.repeat(first, counts) + within]] = value

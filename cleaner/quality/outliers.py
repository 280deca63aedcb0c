"""Images that belong to no class: "not a bear at all".

The distance of an image to a class is its mean cosine distance, on embeddings of length 1, to the *nearest
half* of the class's images; the distance that counts is that to the nearest class. Half a class, and not the
usual few neighbours, because what does not belong often comes in numbers (sixty drawings among photos): few
neighbours find each other, and call each other normal. A wrong label does no harm, as all classes are asked.

The score puts the distances of the set on a scale of 0 to 1, higher = more of an outlier: x / (1 + x) with x
the excess over the median, in units of the distance from there to Tukey's fence (third quartile + 1.5 ·
interquartile range; Tukey 1977). So .5 is at the fence, .75 three times as far.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cleaner.dataset.catalog import Catalog
from cleaner.embedding.pipeline import Embeddings
from cleaner.quality.score_table import read_scores, worst_names, write_scores
from cleaner.ranking.features import unit_length
from cleaner.util.progress import SILENT, Reporter, Stage

THRESHOLD = 0.5
"""Score from which an image is said to be an outlier, unless told otherwise: Tukey's fence."""

NEAREST_SHARE = 0.5
NEAREST_SHARE_UNLABELLED = 0.2  # without labels, one kind of image is a smaller part of all
PER_CLASS = 200  # images that stand for a class; more change no figure
_AT_MOST = 20_000  # of all classes together
_FEWEST = 5  # smaller classes would vouch for their own outliers
_BLOCK = 2**23  # similarities in memory at once: 32 MB


@dataclass(frozen=True)
class Outliers:
    """How far each image is from all classes.

    Attributes
    ----------
    table : DataFrame
        Columns ``name``, ``score`` (0..1, higher = more of an outlier), ``distance`` (cosine, 0..2) and
        ``nearest`` (the class that it is nearest to; None where there are no labels).
    """

    table: pd.DataFrame

    def __len__(self) -> int:
        return len(self.table)

    def flagged(self, threshold: float = THRESHOLD) -> list[str]:
        """Return the names whose score reaches the threshold, the farthest first; equals keep their order."""
        return worst_names(self.table["name"], self.table["score"].to_numpy(dtype=np.float64), threshold)

    def save(self, path: Path) -> Path:
        """Write the table as CSV, complete or not at all, and return its path."""
        return write_scores(self.table, path, decimals=6)

    @classmethod
    def load(cls, path: Path) -> Outliers:
        """Read what `save` wrote.

        Raises
        ------
        RankingError
            Nothing there, or a file this version cannot read.
        """
        columns = {"score": float, "distance": float, "nearest": str}
        table = read_scores(path, columns, what="outliers")
        table["nearest"] = pd.Series([label or None for label in table["nearest"]], dtype=object)
        return cls(table)


def find_outliers(
    catalog: Catalog,
    embeddings: Embeddings,
    *,
    labels: Mapping[str, str | None] | None = None,
    seed: int = 0,
    reporter: Reporter = SILENT,
) -> Outliers:
    """Score all images with an embedding, unlabelled ones too.

    Parameters
    ----------
    catalog : Catalog
    embeddings : Embeddings
        ``names`` and ``vectors``.
    labels : mapping of str to str or None, optional
        Labels that replace those of the catalog; None takes an image out of its class.
    seed : int
        Of the choice of `PER_CLASS` images in larger classes.
    reporter : Reporter
        Hears of every block, and is asked before every block whether to stop.
    """
    at = {name: row for row, name in enumerate(embeddings.names)}
    there = [(str(n), label) for n, label in zip(catalog.names, catalog.labels, strict=True) if n in at]
    names = [name for name, _ in there]
    given = [label if labels is None else labels.get(name, label) for name, label in there]
    X = unit_length(np.asarray(embeddings.vectors)[[at[name] for name in names]])
    classes = sorted({label for label in given if label})
    index = {label: c for c, label in enumerate(classes)}
    codes = np.array([index.get(label or "", -1) for label in given], dtype=np.int64)
    distance, nearest = class_distances(X, codes, seed=seed, reporter=reporter)
    table = pd.DataFrame({"name": names, "score": outlier_scores(distance), "distance": distance})
    # A column of plain objects: pandas would make strings of its own, in which None is NaN.
    table["nearest"] = pd.Series([classes[c] if c >= 0 else None for c in nearest], dtype=object)
    return Outliers(table)


def class_distances(
    X: NDArray[np.float32], codes: NDArray[np.int64], *, seed: int = 0, reporter: Reporter = SILENT
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the distance of each row to the nearest class, and which that is.

    Classes of fewer than 5 are passed over; if no class is larger, all images are one class, and the nearest
    is -1.

    Parameters
    ----------
    X : float32, shape (n, d)
        Rows of length 1.
    codes : int64, shape (n,)
        Class of each row, -1 for none.
    seed : int
    reporter : Reporter

    Returns
    -------
    distance : float64, shape (n,)
        Mean cosine distance to the nearest half of the class.
    nearest : int64, shape (n,)
    """
    n = len(X)
    best = np.full(n, np.inf)
    nearest = np.full(n, -1, dtype=np.int64)
    standing, share = _representatives(codes, seed)
    rows_of = list(standing.items())
    ends = np.cumsum([len(rows) for _, rows in rows_of])
    if not n or not len(ends):
        return np.zeros(n), nearest
    all_rows = np.concatenate([rows for _, rows in rows_of])
    references = X[all_rows]
    column_of = np.full(n, -1)
    column_of[all_rows] = np.arange(len(all_rows))
    block_rows = max(1, _BLOCK // len(all_rows))
    for start in range(0, n, block_rows):
        reporter.check()
        stop = min(start + block_rows, n)
        cosine = X[start:stop] @ references.T
        own = np.flatnonzero(column_of[start:stop] >= 0)
        cosine[own, column_of[start:stop][own]] = -np.inf  # nobody is near because of itself
        for (code, rows), end in zip(rows_of, ends.tolist(), strict=True):
            k = max(1, int(share * (len(rows) - 1)))
            of_class = cosine[:, end - len(rows) : end]
            top = np.partition(of_class, len(rows) - k, axis=1)[:, len(rows) - k :]
            distance = 1 - top.mean(axis=1, dtype=np.float64)
            closer = distance < best[start:stop]
            best[start:stop][closer] = distance[closer]
            nearest[start:stop][closer] = code
        reporter(Stage.OUTLIERS, stop, n)
    return best, nearest


def outlier_scores(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Put distances on a scale of 0 to 1; the formula stands at the top of this module."""
    if not len(distance):
        return np.zeros(0)
    q1, median, q3 = np.percentile(distance, [25, 50, 75])
    to_fence = max(q3 + 1.5 * (q3 - q1) - median, 1e-6)
    x = np.maximum(distance - median, 0) / to_fence
    return np.asarray(x / (1 + x), dtype=np.float64)


def _representatives(codes: NDArray[np.int64], seed: int) -> tuple[dict[int, NDArray[np.int64]], float]:
    """Choose the rows that stand for each class, and the share of them that counts as near."""
    members = {int(code): np.flatnonzero(codes == code) for code in np.unique(codes[codes >= 0])}
    members = {code: rows for code, rows in members.items() if len(rows) >= _FEWEST}
    share = NEAREST_SHARE
    each = max(2 * _FEWEST, min(PER_CLASS, _AT_MOST // max(len(members), 1)))
    if not members:
        members, share, each = {-1: np.arange(len(codes))}, NEAREST_SHARE_UNLABELLED, 5 * PER_CLASS
        if len(codes) < 2:
            return {}, share
    rng = np.random.default_rng(seed)
    return {
        code: np.sort(rng.choice(rows, each, replace=False)) if len(rows) > each else rows
        for code, rows in members.items()
    }, share

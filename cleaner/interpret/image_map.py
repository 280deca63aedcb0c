"""A map of the images: a point for each, and images that look alike to the network lie close together.

The embeddings are reduced to their leading axes. Each image is joined with those nearest to it there, and
t-SNE (van der Maaten & Hinton, *Visualizing data using t-SNE*, JMLR 2008) places the points by these joins,
beginning with the first two axes. Neighbours mean something on such a map; how far groups are apart and how
large they are does not.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cleaner.embedding import Embeddings
from cleaner.errors import InterpretationError
from cleaner.ranking.features import FeatureMap, Floats, principal_axes, unit_length
from cleaner.ranking.neighbours import nearest_pairs
from cleaner.util.progress import SILENT, Reporter, Stage

AXES = 50
"""Leading axes of each network's embeddings that count."""

NEIGHBOURS = 15
"""Images that each one is joined with."""

_FEWEST = 50  # of fewer images, the first two axes are the map
_SAMPLE = 4096
_BLOCK = 4096
_STEPS = 50
_ROUNDS = ((5, 12.0, 0.5), (10, 1.0, 0.8))  # rounds of so many steps, exaggeration, momentum: the usual
_MANY = 10_000  # images from which forces by interpolation are faster than those by a tree

ReadRows = Callable[[NDArray[np.int64]], NDArray[np.float32]]
"""Gives the embeddings of some rows, shape (len(rows), dim)."""


def require_map() -> None:
    """Raise `InterpretationError` if the packages that make maps and show them are not installed."""
    if not all(importlib.util.find_spec(name) for name in ("jscatter", "openTSNE")):
        msg = "The map needs more packages. Install them with: pip install 'cleaner[map]'"
        raise InterpretationError(msg)


@dataclass(frozen=True)
class ImageMap:
    """A point for each image.

    Attributes
    ----------
    names : sequence of str, length n
    points : float32, shape (n, 2)
        From -1 to 1.
    """

    names: Sequence[str]
    points: Floats

    def __len__(self) -> int:
        return len(self.names)

    def same_as(self, other: ImageMap) -> bool:
        """Tell whether the same images are at the same places."""
        return [*self.names] == [*other.names] and bool((self.points == other.points).all())

    @classmethod
    def of(cls, embeddings: Embeddings, *more: Embeddings, reporter: Reporter = SILENT) -> ImageMap:
        """Make the map of embeddings that are at hand.

        Parameters
        ----------
        embeddings : Embeddings
        *more : Embeddings
            Of the same images in the same order, by further networks; each counts as much.
        reporter : Reporter

        Raises
        ------
        InterpretationError
            The extra ``map`` is not installed.
        """
        both = (embeddings, *more)
        axes = [leading_axes(each.vectors.__getitem__, len(each.names), reporter=reporter) for each in both]
        return cls(embeddings.names, place(axes, reporter=reporter))


def leading_axes(read: ReadRows, n: int, *, reporter: Reporter = SILENT) -> Floats:
    """Reduce embeddings to their leading axes, block by block.

    Parameters
    ----------
    read : callable
    n : int
        Rows that there are.
    reporter : Reporter
        Hears of every block, and is asked before every block whether to stop.

    Returns
    -------
    float32, shape (n, at most `AXES`)
        Rows of length 1, the axis of largest second moment first.
    """
    sample = read(np.arange(0, n, max(1, n // _SAMPLE)))
    features = FeatureMap.fit(sample)
    axes = principal_axes(features(sample), min(AXES, features.dim))
    reduced = np.empty((n, axes.shape[1]), dtype=np.float32)
    for start in range(0, n, _BLOCK):
        reporter.check()
        rows = np.arange(start, min(start + _BLOCK, n))
        reduced[rows] = features(read(rows)) @ axes
        reporter(Stage.FEATURES, len(rows) + start, n)
    return unit_length(reduced)


def place(axes: Sequence[Floats], *, reporter: Reporter = SILENT) -> Floats:
    """Place a point for each row so that near rows are near each other; the same rows give the same points.

    All pairs of rows are compared, block by block; what is kept grows with the rows, not with their square.

    Parameters
    ----------
    axes : sequence of float32, shape (n, d)
        What `leading_axes` gave for each network.
    reporter : Reporter
        Hears of every step, and is asked before every step whether to stop.

    Returns
    -------
    float32, shape (n, 2)
        From -1 to 1; 0 is in the middle.

    Raises
    ------
    InterpretationError
        The extra ``map`` is not installed.
    """
    require_map()
    rows = unit_length(np.hstack(axes))
    flat = rows @ principal_axes(rows, min(2, rows.shape[1]))
    first = np.zeros((len(rows), 2))
    first[:, : flat.shape[1]] = flat
    if len(rows) < _FEWEST or not np.ptp(first, axis=0).any():  # few, or all the same
        return _framed(first)
    # openTSNE loads scikit-learn: 1 to 2 s
    import scipy.sparse
    from openTSNE import TSNEEmbedding
    from openTSNE.affinity import PrecomputedAffinities
    from openTSNE.initialization import rescale

    i, j, _ = nearest_pairs(rows, k=NEIGHBOURS, floor=-2.0, reporter=reporter, stage=Stage.COMPARE_FEATURES)
    both = np.concatenate([i, j]), np.concatenate([j, i])
    joined = scipy.sparse.csr_matrix((np.ones(2 * len(i)), both), shape=(len(rows), len(rows)))
    points = TSNEEmbedding(
        rescale(first),
        PrecomputedAffinities(joined),
        negative_gradient_method="fft" if len(rows) > _MANY else "bh",
        n_jobs=1,  # with several, sums are added up in any order, and no two maps are the same
    )
    rounds = [each for number, *each in _ROUNDS for _ in range(number)]
    for done, (exaggeration, momentum) in enumerate(rounds):
        reporter.check()
        reporter(Stage.MAP, done, len(rounds))
        points = points.optimize(_STEPS, exaggeration=exaggeration, momentum=momentum)
    return _framed(np.asarray(points))


def _framed(points: NDArray[np.floating]) -> Floats:
    """Move and scale points into -1..1, the same in both directions."""
    if not len(points):
        return np.zeros((0, 2), dtype=np.float32)
    middle = (points.max(axis=0) + points.min(axis=0)) / 2
    reach = np.abs(points - middle).max() or 1.0
    return np.ascontiguousarray((points - middle) / reach, dtype=np.float32)

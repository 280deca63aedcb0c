"""Suspicious images that lie together: clusters of those with one given and one suggested label.

Images of which the same is probably true, *labelled shirt, probably longsleeve*, can be decided together. So
all images of one pair of labels are joined by average linkage on the cosine of their features. The tree is
cut where the images on both sides are no more alike than any two images of the set: the features are centred,
so that two images taken at random have a cosine of about zero. Along what is left of the tree stand like
images beside each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from cleaner.ranking.features import Floats, unit_length

Ints = NDArray[np.int32]

LEAST_PROBABLE = 0.25
"""Probability of the suggested label from which an image joins a cluster: decisions may still raise it."""

_LEAST_ALIKE = 0.0
_LEAST = 2
_MOST = 2000  # of one pair, to stay quick: the trees of more take seconds
_PREFIX = "cluster:"


@dataclass(frozen=True)
class Clusters:
    """Which images of a ranking lie together.

    Attributes
    ----------
    number : int32, shape (n,)
        Equal for images of one cluster, which have the same given and the same suggested label; -1: none.
    place : int32, shape (n,)
        Order of the images along the tree of their pair: the nearer, the more alike.
    """

    number: Ints
    place: Ints

    @classmethod
    def find(
        cls,
        features: Floats,
        given: NDArray[np.int64],
        suggested: NDArray[np.int64],
        probability: NDArray[np.floating],
    ) -> Self:
        """Cluster the images of each pair of labels.

        Parameters
        ----------
        features : float32, shape (n, dim)
            Centred, such as those of `cleaner.ranking.features.FeatureMap`.
        given, suggested : int64, shape (n,)
            Columns of the labels, -1 for none.
        probability : float, shape (n,)
            Of the suggested label; below `LEAST_PROBABLE` an image is in no cluster.
        """
        n = len(given)
        number, place = np.full(n, -1, dtype=np.int32), np.zeros(n, dtype=np.int32)
        likely = (given >= 0) & (suggested >= 0) & (probability >= LEAST_PROBABLE)
        rows = np.flatnonzero(likely)
        rows = rows[np.lexsort((rows, suggested[rows], given[rows]))]
        ends = np.flatnonzero(np.diff(given[rows]) | np.diff(suggested[rows])) + 1
        found = 0
        for pair in np.split(rows, ends):
            if len(pair) < _LEAST:
                continue
            members = pair[np.argsort(-probability[pair], kind="stable")[:_MOST]]
            labels, order = _tree(features[members])
            number[members] = found + labels
            place[members[order]] = np.arange(len(members))
            found += int(labels.max()) + 1
        return cls(number, place)

    def at(self, rows: NDArray[np.int64]) -> Self:
        """Return the same of some rows of the ranking."""
        return replace(self, number=self.number[rows], place=self.place[rows])

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays to save."""
        return {f"{_PREFIX}number": self.number, f"{_PREFIX}place": self.place}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self | None:
        """Read what `arrays` gave; None in a ranking that was saved without clusters."""
        number, place = arrays.get(f"{_PREFIX}number"), arrays.get(f"{_PREFIX}place")
        return None if number is None or place is None else cls(number, place)


def _tree(features: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the number of the cluster of each row, from 0 on, and the rows in the order of the leaves."""
    from scipy.cluster.hierarchy import fcluster, leaves_list, linkage
    from scipy.spatial.distance import squareform

    rows = unit_length(features)
    apart = np.maximum(1 - rows @ rows.T, 0).astype(np.float64)
    np.fill_diagonal(apart, 0)
    tree = linkage(squareform(apart, checks=False), "average")
    labels = fcluster(tree, 1 - _LEAST_ALIKE, "distance")
    return labels.astype(np.int64) - 1, leaves_list(tree).astype(np.int64)

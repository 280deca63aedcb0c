"""Which class is taken for which: labels in rows, predictions in columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cleaner.interpret.predictions import Predictions
from cleaner.util.intervals import wilson


class Share(NamedTuple):
    """Some of many, and the 95 % interval of the share that they are (Wilson)."""

    part: int
    whole: int

    @property
    def value(self) -> float | None:
        """The share, 0..1; None of nothing."""
        return self.part / self.whole if self.whole else None

    @property
    def interval(self) -> tuple[float, float]:
        """Lowest and highest share that fit what was counted."""
        return wilson(self.part, self.whole)


class Confusion(NamedTuple):
    """A class that is taken for another one.

    Attributes
    ----------
    label, predicted : str
    share : Share
        Of the images with this label.
    """

    label: str
    predicted: str
    share: Share


class ClassQuality(NamedTuple):
    """How well a class is told.

    Attributes
    ----------
    label : str
    recall : Share
        Of the images with this label, those that are predicted so.
    precision : Share
        Of the images that are predicted so, those with this label.
    """

    label: str
    recall: Share
    precision: Share


@dataclass(frozen=True)
class ConfusionMatrix:
    """Counts of images by label and by prediction.

    Parameters
    ----------
    classes : sequence of str, length k
    counts : int64, shape (k, k)
        Rows: label; columns: most probable class.
    """

    classes: Sequence[str]
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, seen: Predictions) -> ConfusionMatrix:
        """Count predictions."""
        counts = np.zeros((len(seen.classes), len(seen.classes)), dtype=np.int64)
        np.add.at(counts, (seen.labels, seen.predicted), 1)
        return cls(seen.classes, counts)

    @property
    def images(self) -> int:
        """How many are counted."""
        return int(self.counts.sum())

    @property
    def agreeing(self) -> int:
        """How many are predicted as they are labelled."""
        return int(self.counts.trace())

    @property
    def errors(self) -> NDArray[np.int64]:
        """The counts without those on the diagonal, shape (k, k)."""
        return self.counts - np.diag(np.diag(self.counts))

    def share(self, label: int, predicted: int) -> Share:
        """Return the share of a label's images that are predicted as a class, both by their index."""
        return Share(int(self.counts[label, predicted]), int(self.counts[label].sum()))

    def normalised(self) -> NDArray[np.float64]:
        """Return each row as shares of its label, shape (k, k); a label without images has zeros."""
        whole = self.counts.sum(axis=1, keepdims=True)
        shares: NDArray[np.float64] = self.counts / np.maximum(whole, 1)
        return shares

    def most_confused(self, *, least: int = 1, most: int | None = None) -> list[Confusion]:
        """Return the pairs that are confused most often, those with most images first.

        Parameters
        ----------
        least : int
            Images that a pair must have.
        most : int, optional
            Pairs to return; default: all.
        """
        errors = self.errors
        order = np.argsort(-errors, axis=None, kind="stable")[:most]
        pairs = [divmod(int(i), len(self.classes)) for i in order] if len(self.classes) else []
        return [
            Confusion(self.classes[row], self.classes[column], self.share(row, column))
            for row, column in pairs
            if errors[row, column] >= max(1, least)
        ]

    def quality(self) -> list[ClassQuality]:
        """Return recall and precision of each class."""
        right, labelled, predicted = np.diag(self.counts), self.counts.sum(axis=1), self.counts.sum(axis=0)
        return [
            ClassQuality(label, Share(int(k), int(n)), Share(int(k), int(m)))
            for label, k, n, m in zip(self.classes, right, labelled, predicted, strict=True)
        ]

"""Where images can have several labels: what the label says of each class, beside what the model finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from cleaner.interpret.confusion_matrix import ClassQuality, Confusion, Share
from cleaner.interpret.predictions import SetPredictions


class Agreement(StrEnum):
    """What label and model say of a class of an image, unless both say that it is not there."""

    BOTH = "both"
    LABEL_ONLY = "label_only"
    """The label may be extra."""
    MODEL_ONLY = "model_only"
    """The label may be missing."""


@dataclass(frozen=True)
class LabelMatrix:
    """Counts of images, class by class, by label and by prediction.

    Parameters
    ----------
    classes : sequence of str, length k
    counts : int64, shape (k, 2, 2)
        Of each class, by whether the label has it, then by whether the model finds it.
    mixed_up : int64, shape (k, k)
        Images with a class (row) in the label only, and another one (column) found by the model only.
    images : int
    agreeing : int
        Images of which label and model say the same about every class.
    """

    classes: Sequence[str]
    counts: NDArray[np.int64]
    mixed_up: NDArray[np.int64]
    images: int
    agreeing: int

    @classmethod
    def of(cls, seen: SetPredictions) -> LabelMatrix:
        """Count predictions."""
        label, found = seen.labels, seen.found
        counts = np.zeros((len(seen.classes), 2, 2), dtype=np.int64)
        for has in (False, True):
            for says in (False, True):
                counts[:, int(has), int(says)] = ((label == has) & (found == says)).sum(axis=0)
        extra, missing = ((label & ~found).astype(np.float32), (found & ~label).astype(np.float32))
        mixed_up = np.rint(extra.T @ missing).astype(np.int64)
        agreeing = int((label == found).all(axis=1).sum())
        return cls(seen.classes, counts, mixed_up, len(seen), agreeing)

    def count(self, label: int, agreement: Agreement) -> int:
        """Return how many images there are of which label and model say this about a class, by its index."""
        has, says = agreement is not Agreement.MODEL_ONLY, agreement is not Agreement.LABEL_ONLY
        return int(self.counts[label, int(has), int(says)])

    def quality(self) -> list[ClassQuality]:
        """Return recall and precision of each class."""
        both = self.counts[:, 1, 1]
        labelled, found = self.counts[:, 1].sum(axis=1), self.counts[:, :, 1].sum(axis=1)
        return [
            ClassQuality(label, Share(int(k), int(n)), Share(int(k), int(m)))
            for label, k, n, m in zip(self.classes, both, labelled, found, strict=True)
        ]

    def most_confused(self, *, least: int = 1, most: int | None = None) -> list[Confusion]:
        """Return the pairs that are taken for each other most often, those with most images first.

        Parameters
        ----------
        least : int
            Images that a pair must have.
        most : int, optional
            Pairs to return; default: all.
        """
        k = len(self.classes)
        order: list[int] = np.argsort(-self.mixed_up, axis=None, kind="stable")[:most].tolist() if k else []
        return [
            Confusion(
                self.classes[label],
                self.classes[predicted],
                Share(int(self.mixed_up[label, predicted]), int(self.counts[label, 1].sum())),
            )
            for label, predicted in (divmod(i, k) for i in order)
            if self.mixed_up[label, predicted] >= max(1, least)
        ]

"""How far probabilities can be trusted: whether 80 % of the predictions called 80 % probable are right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cleaner.interpret.confusion_matrix import Share
from cleaner.interpret.predictions import Predictions, SetPredictions
from cleaner.util.intervals import independent_answers, wilson

BINS = 10


@dataclass(frozen=True)
class ReliabilityBin:
    """Predictions of about the same probability.

    Attributes
    ----------
    said : float
        Their mean probability, 0..1.
    right : Share
        Those that the label says, too.
    independent : int, optional
        Where there are several predictions for an image, how many independent ones would tell as much; by
        default all are.
    """

    said: float
    right: Share
    independent: int | None = None

    @property
    def interval(self) -> tuple[float, float]:
        """Lowest and highest share that fit what was counted, with 95 % confidence."""
        if self.independent is None:
            return self.right.interval
        return wilson(self.right.part * self.independent / self.right.whole, self.independent)


@dataclass(frozen=True)
class Reliability:
    """Predictions by their probability, in bins of equal width without the empty ones.

    There is one prediction for each image, its most probable class. Where images can have several labels,
    there is one for each class: that it is there.

    Attributes
    ----------
    bins : list of ReliabilityBin
        Rising.
    error : float
        Mean distance of probability and share, weighted by predictions, 0..1 (expected calibration error:
        Naeini et al., "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015).
    """

    bins: list[ReliabilityBin]
    error: float

    @classmethod
    def of(cls, seen: Predictions | SetPredictions, *, bins: int = BINS) -> Reliability:
        """Compare probabilities with labels."""
        if isinstance(seen, SetPredictions):
            said, right = seen.probabilities, seen.labels
        else:
            said = seen.probabilities.max(axis=1, initial=0)[:, None]
            right = (seen.predicted == seen.labels)[:, None]
        at = np.minimum((said * bins).astype(np.int64), bins - 1)
        found = [_bin(said, right, at == i) for i in range(bins) if (at == i).any()]
        distances = [abs(each.said - each.right.part / each.right.whole) * each.right.whole for each in found]
        return cls(found, sum(distances) / max(1, said.size))


def _bin(said: NDArray[np.float32], right: NDArray[np.bool_], inside: NDArray[np.bool_]) -> ReliabilityBin:
    """Count the predictions inside a bin; all are of shape (n, predictions for an image)."""
    asked = inside.sum(axis=1)
    told = (inside & right).sum(axis=1)
    share = Share(int(told.sum()), int(asked.sum()))
    there = asked > 0
    independent = independent_answers(told[there], asked[there]) if said.shape[1] > 1 else None
    return ReliabilityBin(float(said[inside].mean(dtype=np.float64)), share, independent)

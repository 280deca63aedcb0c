"""How far probabilities can be trusted: whether 80 % of the predictions called 80 % probable are right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cleaner.interpret.confusion_matrix import Share
from cleaner.interpret.predictions import Predictions

BINS = 10


@dataclass(frozen=True)
class ReliabilityBin:
    """Predictions of about the same probability.

    Attributes
    ----------
    said : float
        Their mean probability, 0..1.
    right : Share
        Those whose label is the predicted class.
    """

    said: float
    right: Share


@dataclass(frozen=True)
class Reliability:
    """Predictions by the probability of the predicted class, in bins of equal width without the empty ones.

    Attributes
    ----------
    bins : list of ReliabilityBin
        Rising.
    error : float
        Mean distance of probability and share, weighted by images, 0..1 (expected calibration error: Naeini
        et al., "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015).
    """

    bins: list[ReliabilityBin]
    error: float

    @classmethod
    def of(cls, seen: Predictions, *, bins: int = BINS) -> Reliability:
        """Compare probabilities with labels."""
        said = seen.probabilities.max(axis=1, initial=0).astype(np.float64)
        right = seen.predicted == seen.labels
        at = np.minimum((said * bins).astype(int), bins - 1)
        found = [
            ReliabilityBin(float(said[rows].mean()), Share(int(right[rows].sum()), len(rows)))
            for rows in (np.flatnonzero(at == i) for i in range(bins))
            if len(rows)
        ]
        distances = [abs(each.said - each.right.part / each.right.whole) * each.right.whole for each in found]
        return cls(found, sum(distances) / max(1, len(seen)))

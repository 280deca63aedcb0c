"""Average precision of classes that are there or not, and the change of its mean from one model to another.

The average precision of a class is the mean, over the images that show it, of the share of images that show
it among those that are ranked as high or higher. It needs no threshold, and a class that few images have
counts as much as any other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]


def mean_average_precision(truth: NDArray[np.bool_], scores: NDArray[np.floating]) -> float:
    """Return the mean over the classes that any image shows; NaN if there is none.

    Parameters
    ----------
    truth : bool, shape (n, n_classes)
        Whether each image shows each class.
    scores : float, shape (n, n_classes)
        Higher = more probably there.
    """
    return float(resampled_precision(truth, scores, np.ones((1, len(truth))))[0])


def resampled_precision(
    truth: NDArray[np.bool_], scores: NDArray[np.floating], counts: NDArray[np.floating]
) -> Doubles:
    """Return the mean average precision of samples in which images occur so many times.

    Parameters
    ----------
    truth, scores
        As in `mean_average_precision`.
    counts : float, shape (samples, n)

    Returns
    -------
    float64, shape (samples,)
    """
    total, classes = np.zeros(len(counts)), np.zeros(len(counts))
    for there, score in zip(truth.T, scores.T, strict=True):
        order = np.argsort(-score, kind="stable")
        ranked = score[order]
        # Equal scores share one place: the last of them.
        last = np.searchsorted(-ranked, -ranked, side="right") - 1
        seen = counts[:, order].cumsum(axis=1)[:, last]
        hits = counts[:, order] * there[order]
        shown = hits.sum(axis=1)
        found = hits.cumsum(axis=1)[:, last]
        precision = (hits * found / np.maximum(seen, 1)).sum(axis=1) / np.maximum(shown, 1)
        total += np.where(shown > 0, precision, 0)
        classes += shown > 0
    return np.asarray(np.where(classes > 0, total / np.maximum(classes, 1), np.nan))

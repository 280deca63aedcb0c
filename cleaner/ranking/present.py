"""A ranking under the names that classes have now, after some were renamed or merged.

Merging classes adds their probabilities. An image whose given and suggested class became one is no longer
suspicious, so the odds of a wrong label are reckoned anew, without asking any model: with p the probability
of each class given image and label, g the given class and M the classes that became one with it,

    P(label wrong) = P(wrong before) - sum of p[c] for c in M without g

because among the ways to be wrong those that lead to M are no errors any more.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from cleaner.ranking.ranking import Ranking

__all__ = ["under_present_names"]

Floats = NDArray[np.floating]
Longs = NDArray[np.int64]

_TINY = 1e-12
_LEAST = 1e-30


def under_present_names(ranking: Ranking, label_now: Callable[[str], str]) -> Ranking:
    """Return a ranking with the present names of its classes; the same object if all are called as before.

    Images keep their order but for those whose given class was merged with another one. ``model`` stays:
    decisions on the one are decisions on the other.

    Parameters
    ----------
    ranking : Ranking
    label_now : callable
        Gives the present name of a class, such as `cleaner.review.ReviewState.label_now`.
    """
    names = [label_now(label) for label in ranking.classes]
    given = [None if label is None else label_now(label) for label in ranking.given]
    if names == ranking.classes and given == ranking.given:
        return ranking
    classes = list(dict.fromkeys(names))
    posterior, predicted = ranking.posterior, ranking.predicted
    signals, features = dict(ranking.signals), dict(ranking.features)
    if len(classes) < len(names):
        index = {label: i for i, label in enumerate(classes)}
        column = np.array([index[label] for label in names], dtype=np.int64)
        posterior, predicted = _summed(posterior, column), _summed(predicted, column)
        rows = _concerned(ranking.codes, column)
        _correct_odds(ranking, posterior, column, rows, signals, features)
        _correct_others(ranking, predicted, column, rows, signals)
    present = Ranking(
        ranking.names,
        ranking.splits,
        given,
        classes=classes,
        posterior=posterior,
        predicted=predicted,
        signals=signals,
        features=features,
        model=ranking.model,
        info=ranking.info,
    )
    present.workspace = ranking.workspace
    return present


def _summed(odds: Floats, column: Longs) -> Floats:
    """Add up the columns that became one."""
    out = np.zeros((len(odds), int(column.max()) + 1), dtype=np.float32)
    for before, now in enumerate(column):
        out[:, now] += odds[:, before]
    return out


def _concerned(codes: Longs, column: Longs) -> Longs:
    """Return the rows whose given class was merged with another one."""
    merged = np.bincount(column)[column] > 1
    return np.flatnonzero((codes >= 0) & merged[np.maximum(codes, 0)])


def _correct_odds(
    ranking: Ranking,
    posterior: Floats,
    column: Longs,
    rows: Longs,
    signals: dict[str, NDArray[np.float32]],
    features: dict[str, NDArray[np.float32]],
) -> None:
    codes = ranking.codes[rows]
    before = ranking.posterior[rows, codes].astype(np.float64)
    right = posterior[rows, column[codes]].astype(np.float64)
    pooled = signals["pooled"].astype(np.float64)
    wrong = np.maximum(pooled[rows] - (right - before), _LEAST)
    odds = np.log(wrong) - np.log(np.maximum(right, _LEAST))
    pooled[rows] = 1 / (1 + np.exp(-odds))
    signals["pooled"] = pooled.astype(np.float32)
    if "log_odds" in features:
        log_odds = features["log_odds"].copy()
        log_odds[rows] = odds
        features["log_odds"] = log_odds


def _correct_others(
    ranking: Ranking,
    predicted: Floats,
    column: Longs,
    rows: Longs,
    signals: dict[str, NDArray[np.float32]],
) -> None:
    """Correct what the other orderings go by; what became one is added as the image alone tells it."""
    codes = ranking.codes[rows]
    more = predicted[rows, column[codes]] - ranking.predicted[rows, codes]
    for name in ("loss", "in_sample_loss"):
        if name in signals:
            value = signals[name].copy()
            value[rows] = -np.log(np.clip(np.exp(-value[rows]) + more, _TINY, 1))
            signals[name] = value
    if "self_confidence" in signals:
        value = signals["self_confidence"].copy()
        value[rows] = np.clip(value[rows] - more, 0, 1)
        signals["self_confidence"] = value
    if "normalized_margin" in signals:
        rivals = predicted[rows].copy()
        own = rivals[np.arange(len(rows)), column[codes]].copy()
        rivals[np.arange(len(rows)), column[codes]] = 0
        value = signals["normalized_margin"].copy()
        value[rows] = (1 + rivals.max(axis=1, initial=0) - own) / 2
        signals["normalized_margin"] = value
    if "least_confident" in signals:
        signals["least_confident"] = 1 - predicted.max(axis=1)

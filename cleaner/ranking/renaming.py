"""A ranking under the names that classes have now, after some were renamed or merged.

Merging classes adds their probabilities. An image whose given and suggested class became one is no longer
suspicious, so the odds of a wrong label are reckoned anew, without asking any model. With q the probability
of each class from the image alone, p that given image and label, g the given class, and M the classes that
are one with it now,

    p[c] is proportional to q[c] P(label g | true class c)                                        (Bayes)

Among merged classes a label of M is right, and about as probable for each of them as g was for g itself:
P(label in M | c) = P(label g | g) for c in M. For other classes it stays P(label g | c). Hence

    odds(label wrong) = (P(wrong before) - sum of p[c] over M without g) / (p[g] / q[g] * sum of q[c] over M)
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from cleaner.ranking.posterior import first_probability
from cleaner.ranking.result import Ranking
from cleaner.ranking.set_ranking import SetRanking

Floats = NDArray[np.floating]
Longs = NDArray[np.int64]

_TINY = 1e-12
_LEAST = 1e-30


def under_present_names(
    ranking: Ranking, label_now: Callable[[str], str], *, named_at: int | None = None
) -> Ranking:
    """Return a ranking with the present names of its classes; the same object if all are called as before.

    Images keep their order but for those whose given class was merged with another one. ``model`` stays:
    decisions on the one are decisions on the other.

    Parameters
    ----------
    ranking : Ranking
    label_now : callable
        Gives the present name of a class, such as `cleaner.review.ReviewState.label_now` since
        ``ranking.named_at``: two classes may have swapped their names.
    named_at : int, optional
        Row of the history up to which ``label_now`` knows it.
    """
    if isinstance(ranking, SetRanking):
        return ranking.under_names(label_now, named_at=named_at)
    names = [label_now(label) for label in ranking.classes]
    now = {label: None if label is None else label_now(label) for label in set(ranking.given)}
    if names == ranking.classes and all(label == called for label, called in now.items()):
        return ranking
    given = [now[label] for label in ranking.given]
    classes = list(dict.fromkeys(names))
    posterior, predicted = ranking.posterior, ranking.predicted
    signals, features = dict(ranking.signals), dict(ranking.features)
    reasons, originals = ranking.reasons, ranking.originals
    if len(classes) < len(names):
        index = {label: i for i, label in enumerate(classes)}
        column = np.array([index[label] for label in names], dtype=np.int64)
        posterior, predicted = _summed(posterior, column), _summed(predicted, column)
        reasons = None if reasons is None else reasons.merged(column)
        originals = None if originals is None else originals.merged(column)
        codes, merged = ranking.codes, np.bincount(column)[column] > 1
        rows = np.flatnonzero((codes >= 0) & merged[np.maximum(codes, 0)])  # whose given class was merged
        odds = _correct_posterior(ranking, posterior, predicted, column, rows)
        signals["pooled"] = _with(signals["pooled"], rows, 1 / (1 + np.exp(-odds)))
        if "log_odds" in features:
            features["log_odds"] = _with(features["log_odds"], rows, odds)
        _correct_others(ranking, predicted, column, rows, signals)
    renamed = Ranking(
        ranking.names,
        ranking.splits,
        given,
        classes=classes,
        posterior=posterior,
        predicted=predicted,
        signals=signals,
        features=features,
        model=ranking.model,
        named_at=ranking.named_at if named_at is None else named_at,
        awaited=ranking.awaited,
        reasons=reasons,
        clusters=ranking.clusters,
        originals=originals,
    )
    renamed.places = ranking.places  # the names are the same
    if len(classes) < len(names) and "probability" in features:
        renamed.features["probability"] = first_probability(renamed)
    return renamed


def _summed(odds: Floats, column: Longs) -> Floats:
    """Add up the columns that became one."""
    out = np.zeros((len(odds), int(column.max()) + 1), dtype=np.float32)
    for before, now in enumerate(column):
        out[:, now] += odds[:, before]
    return out


def _with(values: NDArray[np.float32], rows: Longs, new: Floats) -> NDArray[np.float32]:
    values = values.copy()
    values[rows] = new
    return values


def _correct_posterior(
    ranking: Ranking, posterior: Floats, predicted: Floats, column: Longs, rows: Longs
) -> NDArray[np.float64]:
    """Correct rows of ``posterior``, in place, and return their log odds of a wrong label."""
    codes, own = ranking.codes[rows], column[ranking.codes[rows]]
    given = ranking.posterior[rows, codes].astype(np.float64)
    alone = np.maximum(ranking.predicted[rows, codes].astype(np.float64), _TINY)
    merged = posterior[rows, own].astype(np.float64)
    wrong = np.maximum(ranking.signals["pooled"][rows].astype(np.float64) - (merged - given), _LEAST)
    right = np.maximum(given / alone * predicted[rows, own], np.maximum(merged, _LEAST))
    total = right + wrong
    posterior[rows] /= total[:, None]
    posterior[rows, own] = right / total
    return np.log(wrong) - np.log(right)


def _correct_others(
    ranking: Ranking, predicted: Floats, column: Longs, rows: Longs, signals: dict[str, NDArray[np.float32]]
) -> None:
    """Correct what the other orderings go by; what became one is added as the image alone tells it."""
    codes, own = ranking.codes[rows], column[ranking.codes[rows]]
    right = predicted[rows, own]
    more = right - ranking.predicted[rows, codes]
    for name in ("loss", "in_sample_loss"):
        if name in signals:
            before = np.exp(-signals[name][rows])
            signals[name] = _with(signals[name], rows, 0 - np.log(np.clip(before + more, _TINY, 1)))
    if "self_confidence" in signals:
        before = signals["self_confidence"][rows]
        signals["self_confidence"] = _with(signals["self_confidence"], rows, np.clip(before - more, 0, 1))
    if "normalized_margin" in signals:
        rivals = predicted[rows].copy()
        rivals[np.arange(len(rows)), own] = 0
        margin = (1 + rivals.max(axis=1, initial=0) - right) / 2
        signals["normalized_margin"] = _with(signals["normalized_margin"], rows, margin)
    if "least_confident" in signals:
        signals["least_confident"] = 1 - predicted.max(axis=1)

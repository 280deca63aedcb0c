"""Named orderings and per-image evidence, derived from probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cleaner.ranking.ensemble import Pool
from cleaner.ranking.features import Floats

_PAIRS_KEPT = 200
_TINY = np.float32(1e-12)


def log_odds(posterior: Floats, codes: NDArray[np.int64]) -> Floats:
    """Return the log odds that the given label is wrong, NaN for images without one; higher = worse.

    Parameters
    ----------
    posterior : float32, shape (n, columns)
        Probability of each class, the given label taken into account; rows sum to one.
    codes : int64, shape (n,)
        Column of the given label, -1 for none.
    """
    at = (np.arange(len(codes)), np.maximum(codes, 0))
    other = posterior.astype(np.float64)
    right = other[at].copy()
    other[at] = 0
    # Summing what is not the given class keeps digits that 1 - right would lose.
    odds = np.log(np.maximum(other.sum(axis=1), 1e-30)) - np.log(np.maximum(right, 1e-30))
    odds[codes < 0] = np.nan
    return np.asarray(odds, dtype=np.float32)


def named_signals(
    pool: Pool, out: Floats, inside: Floats, codes: NDArray[np.int64]
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Return signals (one for each ordering, higher = worse) and features (evidence to learn from).

    Parameters
    ----------
    pool : Pool
    out : float32, shape (n, k)
        Probabilities of plain heads that have not seen the image: loss, self-confidence and margin.
    inside : float32, shape (n, k)
        Probabilities of a head that has.
    codes : int64, shape (n,)
        Column of the given label, -1 for none.
    """
    at = (np.arange(len(codes)), np.maximum(codes, 0))
    other = out.copy()
    other[at] = -1
    rival = np.maximum(other.max(axis=1), 0)
    odds = log_odds(pool.posterior, codes)
    score = 1 / (1 + np.exp(-odds.astype(np.float64)))
    signals = {
        "pooled": score.astype(np.float32),
        "loss": -np.log(np.maximum(out[at], _TINY)),
        "self_confidence": 1 - out[at],
        "normalized_margin": (1 + rival - out[at]) / 2,
        "in_sample_loss": -np.log(np.maximum(inside[at], _TINY)),
        "least_confident": 1 - pool.predicted.max(axis=1),
    }
    for name, column in signals.items():
        if name != "least_confident":
            column[codes < 0] = np.nan
    return signals, {"log_odds": odds}


def describe_noise(pool: Pool, classes: Sequence[str]) -> dict[str, Any]:
    """Return what the pool learnt about the noise, JSON-able.

    Returns
    -------
    dict
        ``error_rates``: for each true class, the share of its images that are called something else;
        ``pairs``: the largest ``[true class, given label, rate]``; ``concentration``: small = strong class
        pairs, large = evenly spread; ``likelihood_loss``: nats a label, for comparing models; ``weights``:
        of heads and neighbours.
    """
    T = pool.noise.T
    off = T - np.diag(np.diag(T))
    flat = np.argsort(-off, axis=None, kind="stable")[: min(_PAIRS_KEPT, T.size - len(T))]
    rows, columns = np.unravel_index(flat, T.shape)
    return {
        "error_rates": {c: round(1 - float(T[i, i]), 5) for i, c in enumerate(classes)},
        "pairs": [
            [classes[c], classes[g], round(float(off[c, g]), 5)]
            for c, g in zip(rows.tolist(), columns.tolist(), strict=True)
        ],
        "concentration": pool.noise.concentration,
        "likelihood_loss": pool.loss,
        "weights": [float(w) for w in pool.weights],
    }

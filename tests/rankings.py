"""A made ranking whose errors are known."""

from __future__ import annotations

import numpy as np

from cleaner.ranking import Ranking

CLASSES = ["bag", "hat", "shirt"]


def make_ranking(n: int = 600, *, seed: int = 0) -> tuple[Ranking, np.ndarray]:
    """Return a ranking that takes all suspects of one pair for as doubtful as the others, and the truth.

    Half of the images are suspicious. Those filed as shirt that look like a hat are wrong, the others right.
    """
    rng = np.random.default_rng(seed)
    given = rng.integers(0, 3, n)
    other = (given + rng.integers(1, 3, n)) % 3
    doubt = np.where(rng.random(n) < 0.5, rng.uniform(0.3, 0.7, n), rng.uniform(0.0, 0.05, n))
    predicted = np.full((n, 3), 1e-3)
    predicted[np.arange(n), given] = 1 - doubt
    predicted[np.arange(n), other] = doubt
    predicted /= predicted.sum(axis=1, keepdims=True)
    wrong = (doubt > 0.2) & (given == 2) & (other == 1)
    ranking = Ranking(
        [f"{i:04d}.png" for i in range(n)],
        ["train"] * n,
        [CLASSES[c] for c in given],
        classes=CLASSES,
        posterior=predicted,
        predicted=predicted,
        signals={"pooled": 1 - predicted[np.arange(n), given], "loss": -np.log(1 - doubt)},
        model="made",
    )
    return ranking, wrong

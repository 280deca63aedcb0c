"""A made ranking whose errors are known."""

from __future__ import annotations

import numpy as np

from cleaner.dataset.label_sets import LabelSets
from cleaner.ranking import Ranking, SetRanking

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


def partial_ranking(whole: Ranking, *, every: int) -> Ranking:
    """Return what is said of some images while the others have not been looked at."""
    rows = np.arange(0, len(whole), every)
    names, given = ([column[row] for row in rows] for column in (whole.names, whole.given))
    found = whole.at(rows, names=names, given=given, classes=whole.classes)
    found.awaited = len(whole) - len(found)
    return found


def make_set_ranking(n: int = 600, *, seed: int = 0) -> tuple[SetRanking, dict[str, str | None]]:
    """Return such a ranking of images with several labels, and the right labels by name.

    A quarter of the images may have an extra label, and another quarter may lack one. Only an extra bag is an
    error.
    """
    rng, sets = np.random.default_rng(seed), LabelSets(";")
    bits = rng.random((n, 3)) < 0.5
    doubtful = rng.integers(0, 3, n)
    rows = np.arange(n)
    bits[rows, doubtful] = rng.random(n) < 0.5
    doubt = np.where(rng.random(n) < 0.5, rng.uniform(0.3, 0.7, n), rng.uniform(0.0, 0.05, n))
    there = np.where(bits, 0.999, 0.001)
    there[rows, doubtful] = np.where(bits[rows, doubtful], 1 - doubt, doubt)
    wrong = (doubt > 0.2) & (doubtful == 0) & bits[:, 0]
    right = bits.copy()
    right[wrong, 0] = False
    names = [f"{i:04d}.png" for i in range(n)]

    def joined(rows: np.ndarray) -> list[str | None]:
        return [sets.join(np.array(CLASSES)[row]) for row in rows]

    ranking = SetRanking(
        names,
        ["train"] * n,
        joined(bits),
        classes=CLASSES,
        sets=sets,
        posterior=there,
        predicted=there,
        plain=there,
        missing=np.full(3, 0.1),
        extra=np.full(3, 0.1),
        model="made",
    )
    return ranking, dict(zip(names, joined(right), strict=True))

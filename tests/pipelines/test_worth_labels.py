"""Drawing what the right labels may be."""

import numpy as np

from cleaner.dataset.label_sets import LabelSets
from cleaner.pipelines.worth import drawn_labels, drawn_sets
from cleaner.ranking import Ranking, SetRanking

GIVEN = ["a", "a", "b", None, "c"]
SCORE = np.array([0.3, 0.0, 1.0, np.nan, 0.9])
POSTERIOR = np.array([[0.7, 0.2, 0.0], [1, 0, 0], [0.5, 0.0, 0.5], [0.2, 0.3, 0.5], [0.0, 0.9, 0.1]])


def test_labels_are_drawn_by_score_and_posterior() -> None:
    ranking = Ranking(
        list("vwxyz"),
        ["train"] * 5,
        GIVEN,
        classes=["a", "b", "c"],
        posterior=POSTERIOR,
        predicted=POSTERIOR,
        signals={"pooled": SCORE, "loss": SCORE},
        model="made",
    )
    rng = np.random.default_rng(0)
    wrong = rng.random((20_000, 5)) < SCORE
    sure = np.array([False, False, False, False, True])
    drawn = drawn_labels(ranking, sure, wrong, rng)
    shares = np.stack([(drawn == c).mean(axis=0) for c in (0, 1, 2, -1)], axis=1)
    expected = np.array(
        [
            [0.7, 0.2, 0.0, 0.1],  # what the posterior lacks to one is the chance of no class
            [1.0, 0.0, 0.0, 0.0],
            [0.5, 0.0, 0.5, 0.0],
            [0.2, 0.3, 0.5, 0.0],  # without a label, the posterior alone
            [0.0, 0.0, 1.0, 0.0],  # decided: nothing is in doubt any more
        ]
    )
    assert np.abs(shares - expected).max() < 0.02


def test_which_of_several_labels_are_wrong_is_drawn_bit_by_bit() -> None:
    given = ["a;b", "a", None, "c", ";"]
    there = np.array([[0.7, 0.9, 0.2], [1.0, 0.0, 0.0], [0.2, 0.5, 0.9], [0.4, 0.3, 0.1], [0.0, 0.0, 0.0]])
    ranking = SetRanking(
        list("vwxyz"),
        ["train"] * 5,
        given,
        classes=["a", "b", "c"],
        sets=LabelSets(";"),
        posterior=there,
        predicted=there,
        plain=there,
        missing=np.full(3, 0.1),
        extra=np.full(3, 0.1),
        model="made",
    )
    rng = np.random.default_rng(0)
    sure = np.array([False, False, False, True, False])
    wrong = np.tile([True, False, False, True, True], (20_000, 1))
    drawn = drawn_sets(ranking, ranking.bits, sure, wrong, rng)
    flipped = (drawn != ranking.bits).mean(axis=0)
    p = np.array([0.3, 0.1, 0.2])
    assert (drawn[:, 0] != ranking.bits[0]).any(axis=1).all()  # a wrong label has a wrong bit
    assert np.abs(flipped[0] - p / (1 - np.prod(1 - p))).max() < 0.02
    assert flipped[1].max() == flipped[3].max() == 0  # right, or decided
    assert np.abs(drawn[:, 2].mean(axis=0) - there[2]).max() < 0.02  # without a label, the posterior alone
    assert (flipped[4] > 0).all()  # nothing says which

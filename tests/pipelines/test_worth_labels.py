"""Drawing what the right labels may be."""

import numpy as np

from cleaner.pipelines.worth import drawn_labels
from cleaner.ranking import Ranking

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

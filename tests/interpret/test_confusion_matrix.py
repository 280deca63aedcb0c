"""Confusion matrices: what is counted, and how sure it is."""

from __future__ import annotations

import numpy as np
import pytest
from rankings import make_ranking

from cleaner.errors import InterpretationError
from cleaner.interpret.confusion_matrix import Confusion, ConfusionMatrix, Share
from cleaner.interpret.predictions import Predictions

MATRIX = ConfusionMatrix(["bag", "hat", "shirt"], np.array([[8, 2, 0], [0, 5, 0], [3, 1, 0]]))


def test_labels_are_counted_by_the_class_that_is_predicted() -> None:
    odds = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]], dtype=np.float32)
    seen = Predictions(["a", "b", "c"], ["bag", "hat"], np.array([0, 0, 1]), odds)
    matrix = ConfusionMatrix.of(seen)
    assert matrix.counts.tolist() == [[1, 1], [0, 1]]
    assert (matrix.images, matrix.agreeing) == (3, 2)
    assert seen.losses == pytest.approx(-np.log([0.9, 0.2, 0.6]), abs=1e-6)


def test_the_most_confused_pairs_come_first_with_their_share_of_the_label() -> None:
    assert MATRIX.most_confused() == [
        Confusion("shirt", "bag", Share(3, 4)),
        Confusion("bag", "hat", Share(2, 10)),
        Confusion("shirt", "hat", Share(1, 4)),
    ]
    assert len(MATRIX.most_confused(least=2)) == 2
    assert len(MATRIX.most_confused(most=1)) == 1
    assert MATRIX.normalised().tolist() == [[0.8, 0.2, 0], [0, 1, 0], [0.75, 0.25, 0]]


def test_recall_is_of_the_label_and_precision_of_the_prediction() -> None:
    bag, _, shirt = MATRIX.quality()
    assert (bag.recall, bag.precision) == (Share(8, 10), Share(8, 11))
    assert bag.recall.interval == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert shirt.precision.value is None  # nothing is predicted as a shirt


def test_a_ranking_is_counted_by_its_labels_or_by_those_after_all_decisions() -> None:
    ranking, _ = make_ranking(60)
    assert len(Predictions.of_ranking(ranking)) == 60
    seen = Predictions.of_ranking(ranking, {"0000.png": "scarf", "0001.png": None, "0002.png": "hat"})
    assert list(seen.names) == ["0000.png", "0002.png"]
    assert list(seen.classes) == ["bag", "hat", "scarf", "shirt"]
    assert seen.probabilities[:, 2].tolist() == [0, 0]
    assert seen.probabilities[:, [0, 1, 3]] == pytest.approx(ranking.predicted[[0, 2]])


def test_numbers_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(InterpretationError, match="for 1 images and 2 classes"):
        Predictions(["a"], ["bag", "hat"], np.array([2]), np.ones((1, 2), dtype=np.float32))

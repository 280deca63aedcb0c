"""What label and model say of each class, where images can have several labels."""

from __future__ import annotations

import numpy as np
import pytest
from rankings import make_ranking
from sklearn.metrics import multilabel_confusion_matrix

from cleaner.errors import InterpretationError
from cleaner.interpret.confusion_matrix import Confusion, Share
from cleaner.interpret.label_matrix import Agreement, LabelMatrix
from cleaner.interpret.predictions import SetPredictions
from cleaner.interpret.reliability import Reliability

CLASSES = ["cat", "dog", "fox"]


def made(n: int = 400, seed: int = 0) -> SetPredictions:
    rng = np.random.default_rng(seed)
    odds = rng.random((n, 3)).astype(np.float32)
    labels = rng.random((n, 3)) < odds  # probabilities to be trusted
    return SetPredictions([f"{i}.png" for i in range(n)], CLASSES, labels, odds)


def test_each_class_is_counted_as_others_count_it() -> None:
    seen = made()
    matrix = LabelMatrix.of(seen)
    assert (
        matrix.counts.tolist() == multilabel_confusion_matrix(seen.labels, seen.probabilities > 0.5).tolist()
    )
    extra = seen.labels[:, 1] & (seen.probabilities[:, 1] <= 0.5)
    assert matrix.count(1, Agreement.LABEL_ONLY) == extra.sum()
    missing = ~seen.labels[:, 0] & (seen.probabilities[:, 0] > 0.5)
    assert matrix.count(0, Agreement.MODEL_ONLY) == missing.sum()
    assert matrix.mixed_up[1, 0] == (extra & missing).sum() > 0
    assert not matrix.mixed_up.diagonal().any()
    assert matrix.agreeing == (seen.labels == (seen.probabilities > 0.5)).all(axis=1).sum()


def test_recall_precision_and_what_is_taken_for_what() -> None:
    labels = np.array([[1, 0, 0], [1, 1, 0], [1, 0, 0], [0, 0, 0]], dtype=bool)
    odds = np.array([[0.1, 0.9, 0], [0.8, 0.7, 0], [0.3, 0.6, 0.9], [0.9, 0, 0]], dtype=np.float32)
    matrix = LabelMatrix.of(SetPredictions(list("abcd"), CLASSES, labels, odds))
    cat, dog, fox = matrix.quality()
    assert (cat.recall, cat.precision) == (Share(1, 3), Share(1, 2))
    assert (dog.recall, dog.precision) == (Share(1, 1), Share(1, 3))
    assert fox.recall.value is None
    assert matrix.most_confused() == [
        Confusion("cat", "dog", Share(2, 3)),
        Confusion("cat", "fox", Share(1, 3)),
    ]
    assert matrix.most_confused(least=2, most=5) == [Confusion("cat", "dog", Share(2, 3))]


def test_probabilities_of_classes_are_compared_with_labels() -> None:
    found = Reliability.of(made(4000))
    assert sum(each.right.whole for each in found.bins) == 12_000
    assert found.error < 0.02
    assert all(each.interval[0] - 0.01 < each.said < each.interval[1] + 0.01 for each in found.bins)


def test_answers_that_go_together_on_an_image_make_the_interval_wider() -> None:
    rng = np.random.default_rng(0)
    odds = np.full((300, 3), 0.35, dtype=np.float32)
    together = np.repeat(rng.random((300, 1)) < 0.35, 3, axis=1)
    names = [f"{i}.png" for i in range(300)]
    (alike,) = Reliability.of(SetPredictions(names, CLASSES, together, odds)).bins
    low, high = alike.interval
    assert high - low == pytest.approx(np.diff(Share(int(together[:, 0].sum()), 300).interval)[0], rel=0.02)
    assert high - low > 1.5 * np.diff(alike.right.interval)[0]


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InterpretationError, match="give both for each of 1 images and each of 3 classes"):
        SetPredictions(["a"], CLASSES, np.ones((1, 2), dtype=bool), np.ones((1, 3), dtype=np.float32))
    with pytest.raises(InterpretationError, match="Use Predictions and ConfusionMatrix"):
        SetPredictions.of_ranking(make_ranking(20)[0])

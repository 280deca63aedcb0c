"""Outputs that say of each class whether it is there: targets, losses, answers and what guessing gives."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score

from cleaner.dataset.label_sets import LabelSets
from cleaner.training.average_precision import mean_average_precision, resampled_precision
from cleaner.training.objective import Objective, balanced
from cleaner.training.outputs import EachClass, OneClass, outputs_for
from cleaner.training.recipe import Recipe

SETS = LabelSets(";")
OUTPUTS = outputs_for(["cat", "dog", "fox"], SETS)
LABELS = ["cat;dog", ";", "cat", "fox;cat", None]
BITS = np.array([[1, 1, 0], [0, 0, 0], [1, 0, 0], [1, 0, 1], [0, 0, 0]], dtype=np.float32)


def test_what_the_labels_of_a_catalog_are_decides_what_outputs_stand_for() -> None:
    assert isinstance(OUTPUTS, EachClass)
    assert OUTPUTS.targets(LABELS).tolist() == BITS.tolist()
    assert OUTPUTS.answers == 3
    one = outputs_for(["cat", "dog"], None)
    assert isinstance(one, OneClass)
    assert one.targets(["dog", "cat", None]).tolist() == [1, 0, -1]
    assert one.answers == 1


def test_an_answer_is_every_class_that_is_more_probable_than_not() -> None:
    assert OUTPUTS.answer(np.array([0.9, 0.2, 0.75])) == ("cat;fox", pytest.approx(0.9 * 0.8 * 0.75))
    assert OUTPUTS.answer(np.array([0.1, 0.2, 0.3])) == (";", pytest.approx(0.9 * 0.8 * 0.7))
    wrong = OUTPUTS.wrong(np.array([[0.9, 0.2, 0.75]]), BITS[:1])
    assert wrong.tolist() == [[False, True, True]]


def test_softened_and_weighted_targets_change_the_loss_as_for_one_class() -> None:
    logits = torch.tensor([[2.0, -1.0, 0.0]])
    targets = torch.from_numpy(BITS[:1])
    p = logits.sigmoid()
    plain = -(targets * p.log() + (1 - targets) * (1 - p).log())
    assert OUTPUTS.loss(logits, targets, None, 0.0) == pytest.approx(float(plain.mean()))
    assert OUTPUTS.losses(logits, targets).tolist() == pytest.approx([float(plain.mean())])
    soft = targets * 0.8 + 0.1
    softened = -(soft * p.log() + (1 - soft) * (1 - p).log())
    assert OUTPUTS.loss(logits, targets, None, 0.2) == pytest.approx(float(softened.mean()))
    weights = torch.tensor([0.5, 2.0, 1.0])  # counts where a class is there only
    assert OUTPUTS.loss(logits, targets, weights, 0.0) == pytest.approx(
        float((plain * torch.tensor([[0.5, 2.0, 1.0]])).mean())
    )


@pytest.mark.parametrize("option", [{"mixup": 1.0}, {"cutmix": 1.0}])
def test_images_and_their_classes_are_mixed_by_the_same_share(option: dict[str, float]) -> None:
    objective = Objective(Recipe(**option), OUTPUTS, BITS, torch.device("cpu"))
    pictures = torch.zeros(2, 10, 10, 3, dtype=torch.uint8)
    pictures[0] = 200
    mixed, shares = objective.mix(pictures, torch.from_numpy(BITS[:2]))
    own = float(mixed[0].float().mean()) / 200
    assert shares[0].tolist() == pytest.approx([own, own, 0], abs=0.01)


def test_balancing_repeats_images_of_the_rarest_class_and_not_those_of_none() -> None:
    assert OUTPUTS.sizes(BITS).tolist() == [3, 1, 1]
    assert OUTPUTS.groups(BITS).tolist() == [1, -1, 0, 2, -1]
    targets = BITS[[0, 1, 2, 2, 2, 3]]
    chosen = balanced(np.arange(6), OUTPUTS.groups(targets))
    assert np.bincount(chosen).tolist() == [3, 1, 1, 1, 1, 3]


def test_guessing_knows_how_frequent_each_class_is() -> None:
    error, loss = OUTPUTS.guess(BITS[:4])  # shares of 3/4, 1/4 and 1/4
    assert error == pytest.approx(0.25)
    assert loss == pytest.approx(-(0.25 * np.log(0.25) + 0.75 * np.log(0.75)))
    assert OUTPUTS.first_offsets(BITS[:4]) == pytest.approx(np.log([3.5 / 1.5, 1.5 / 3.5, 1.5 / 3.5]))


def test_mean_average_precision_is_that_of_the_classes_that_occur() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random((60, 4)) < 0.3
    truth[:, 3] = False
    scores = np.round(rng.random((60, 4)) + truth, 1)  # with equal scores
    expected = np.mean([average_precision_score(truth[:, k], scores[:, k]) for k in range(3)])
    assert mean_average_precision(truth, scores) == pytest.approx(expected)
    counts = rng.multinomial(60, np.full(60, 1 / 60), 3).astype(float)
    for drawn, count in zip(resampled_precision(truth, scores, counts), counts, strict=True):
        rows = np.repeat(np.arange(60), count.astype(int))
        again = np.mean([average_precision_score(truth[rows, k], scores[rows, k]) for k in range(3)])
        assert drawn == pytest.approx(again)

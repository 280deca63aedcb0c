"""What a recipe adds to training: each option by what it changes, on tiny made sets."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from cleaner.dataset.catalog import Catalog
from cleaner.errors import TrainingError
from cleaner.training.diagnosis import Verdict, worsened
from cleaner.training.learner import Learner
from cleaner.training.network import Evaluation
from cleaner.training.objective import Objective, balanced, class_weights
from cleaner.training.outputs import outputs_for
from cleaner.training.recipe import Recipe

RED, BLUE = (200, 0, 0), (0, 0, 100)
OUTPUTS = outputs_for(["red", "blue"], None)


def split_up(root, *, keep=None):
    """Take every fourth image of a class for validation, and of some classes only some for training."""
    catalog = Catalog.from_folder(root)
    splits = {}
    for label in catalog.classes:
        names = catalog.where(label=label).names
        train = [name for i, name in enumerate(names) if i % 4]
        splits |= {name: "valid" for i, name in enumerate(names) if i % 4 == 0}
        splits |= dict.fromkeys(train[: (keep or {}).get(label)], "train")
    return catalog.subset(list(splits)).with_splits(splits)


@pytest.fixture
def catalog(make_set):
    return split_up(make_set(16))


def trained(catalog, *, epochs, lr=1e-2, size_px=None, **options):
    learner = Learner(
        catalog, from_scratch=True, device="cpu", batch_size=6, size_px=size_px, recipe=Recipe(**options)
    )
    learner.freeze()  # which is faster
    learner.fit_one_cycle(epochs, lr)
    return learner


def two_images(size_px=10):
    pictures = torch.zeros(2, size_px, size_px, 3, dtype=torch.uint8)
    pictures[0], pictures[1] = torch.tensor(RED), torch.tensor(BLUE)
    return pictures, torch.tensor([0, 1])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"mixup": -1.0}, "Got -1.0 as mixup; expected a number from 0 to 10."),
        ({"label_smoothing": 1.0}, "Got 1.0 as label_smoothing; expected 0 or more, below 1."),
        ({"weight_decay": math.nan}, "Got nan as weight_decay; expected a number from 0 to 1."),
        ({"balance": "equal"}, "Got 'equal' as balance; expected one of 'none', 'weights', 'oversample'."),
        (
            {"sizes": (224, 128)},
            "Got (224, 128) as sizes; expected rising numbers of pixels from 8 on, such as 128, 224.",
        ),
    ],
)
def test_values_out_of_range_are_refused(options, expected):
    with pytest.raises(TrainingError) as caught:
        Recipe(**options)
    assert str(caught.value) == expected


# ---------------------------------------- mixing and targets


def test_mixup_blends_pixels_and_labels_by_the_same_share():
    objective = Objective(Recipe(mixup=1.0), OUTPUTS, np.array([0, 1]), torch.device("cpu"))
    mixed, shares = objective.mix(*two_images())
    assert mixed.shape == (2, 10, 10, 3) and mixed.dtype == torch.uint8
    for picture, (red, blue) in zip(mixed, shares.tolist(), strict=True):
        expected = torch.tensor([red * RED[0], 0, blue * BLUE[2]])
        assert (picture.reshape(-1, 3) - expected).abs().max() <= 1
        assert 0 < red < 1 and red + blue == pytest.approx(1)


def test_cutmix_pastes_a_rectangle_and_shares_the_label_by_its_area():
    objective = Objective(Recipe(cutmix=1.0), OUTPUTS, np.array([0, 1]), torch.device("cpu"))
    areas = set()
    for _ in range(10):
        mixed, shares = objective.mix(*two_images())
        assert {tuple(pixel) for pixel in mixed.reshape(-1, 3).tolist()} <= {RED, BLUE}
        area = (mixed[0, :, :, 0] == RED[0]).float().mean()
        assert shares[0, 0] == pytest.approx(area.item(), abs=1e-5)
        areas.add(round(area.item(), 2))
    assert len(areas) > 3


def test_without_mixing_the_batch_stays_as_it_is():
    objective = Objective(Recipe(), OUTPUTS, np.array([0, 1]), torch.device("cpu"))
    pictures, targets = two_images()
    mixed, same = objective.mix(pictures, targets)
    assert mixed is pictures and same is targets


def test_softened_targets_make_a_less_certain_model(catalog):
    def certainty(**options):
        return trained(catalog, epochs=3, **options).probabilities(catalog).max(axis=1).mean()

    plain = certainty()
    for options in ({"label_smoothing": 0.5}, {"mixup": 5.0}, {"cutmix": 5.0}):
        assert certainty(**options) < plain - 0.02, options


# ---------------------------------------- classes of different sizes


def test_weights_of_classes_make_them_count_the_same():
    targets = np.array([0] * 6 + [1] * 3 + [2])
    weights = class_weights(np.bincount(targets, minlength=4))
    sums = [weights[c] * (targets == c).sum() for c in range(3)]
    assert sums == pytest.approx([10 / 3] * 3)
    assert weights[targets].mean() == pytest.approx(1)
    assert weights[3] == 0


def test_oversampling_repeats_rare_images_and_leaves_none_out():
    targets = np.array([0] * 7 + [1] * 3 + [2])
    rows = np.arange(100, 111)
    chosen = balanced(rows, targets)
    assert np.bincount(targets[chosen - 100]).tolist() == [7, 7, 7]
    assert set(chosen) == set(rows)
    repeats = np.bincount(chosen - 100)
    assert repeats[7:10].min() == 2 and repeats[7:10].max() == 3  # as evenly as possible


def test_a_rare_class_is_predicted_more_often_when_classes_are_balanced(make_set):
    catalog = split_up(make_set(16), keep={"red": 2})
    red = catalog.where(label="red", split="valid")

    def probability(**options):
        learner = trained(catalog, epochs=3, **options)
        return learner.probabilities(red)[:, learner.classes.index("red")].mean()

    plain = probability()
    assert probability(balance="weights") > 1.5 * plain
    assert probability(balance="oversample") > 1.5 * plain


# ---------------------------------------- precision and sizes


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_the_network_computes_in_the_precision_that_was_chosen(catalog, precision):
    learner = Learner(
        catalog, from_scratch=True, device="cpu", batch_size=6, recipe=Recipe(precision=precision)
    )
    types, scaled = set(), []
    learner.model.head[-1].register_forward_hook(lambda *args: types.add(args[2].dtype))
    learner.model.head[-1].register_full_backward_hook(lambda *args: scaled.append(args[2][0].abs().max()))
    learner.freeze()
    learner.fit_one_cycle(4, 1e-2)
    assert types == {getattr(torch, precision)}
    assert learner.history.epochs[-1]["train_loss"] < 0.8 * learner.history.epochs[0]["train_loss"]
    assert (scaled[0] > 100) == (precision == "float16")  # the loss is scaled, or its gradients would vanish
    assert all(weight.dtype == torch.float32 for weight in learner.model.parameters())


def test_sizes_grow_under_one_cycle_and_the_error_is_measured_at_the_last(catalog):
    learner = Learner(
        catalog, from_scratch=True, device="cpu", batch_size=12, size_px=32, recipe=Recipe(sizes=(16, 24, 32))
    )
    seen = {True: [], False: []}
    learner.model.register_forward_pre_hook(
        lambda model, args: seen[model.training].append(args[0].shape[-1])
    )
    learner.fit_one_cycle(4)
    assert seen[True] == [16] * 3 + [24] * 3 + [32] * 6
    assert set(seen[False][3:]) == {32}  # before: whether the network takes these sizes
    rates = [rate for rate, _ in learner.history.steps]
    top = rates.index(max(rates))
    assert rates == sorted(rates[: top + 1]) + sorted(rates[top + 1 :], reverse=True)


@pytest.mark.parametrize("epochs", range(1, 9))
def test_every_epoch_has_a_size_and_the_last_the_last(epochs):
    recipe = Recipe(sizes=(16, 24, 32))
    sizes = [recipe.size_px(epoch, epochs) for epoch in range(epochs)]
    assert sizes == sorted(sizes) and sizes[-1] == 32
    counts = [sizes.count(size) for size in recipe.sizes]
    assert max(counts) - min(counts) <= 1 and counts == sorted(counts)


def test_sizes_that_do_not_end_at_the_networks_own_are_refused(catalog):
    learner = Learner(catalog, from_scratch=True, device="cpu", size_px=32, recipe=Recipe(sizes=(16, 24)))
    with pytest.raises(TrainingError) as caught:
        learner.fit_one_cycle(1)
    assert str(caught.value) == (
        "Got the sizes 16, 24; the last one must be that of the network. End with 32, or make the Learner "
        "with size_px=24."
    )


# ---------------------------------------- rates and decay


def test_a_slice_gives_the_first_layers_the_low_rate(catalog):
    learner = Learner(catalog, from_scratch=True, device="cpu", batch_size=6, recipe=Recipe(weight_decay=0))
    before = {key: value.clone() for key, value in learner.model.state_dict().items()}
    learner.fine_tune(1, slice(1e-30, 1e-2), head_passes=1)
    moved = {key: (value - before[key]).abs().max() for key, value in learner.model.state_dict().items()}
    assert max(value for key, value in moved.items() if key.startswith("body")) < 1e-8
    assert moved["head.5.weight"] > 1e-3
    assert max(rate for rate, _ in learner.history.steps) == pytest.approx(1e-2, rel=0.1)


def test_decay_shrinks_weights_but_neither_norms_nor_biases(catalog):
    exact = {"epochs": 1, "precision": "float32"}  # bfloat16 alone moves the norms by as much
    plain, decayed = (trained(catalog, weight_decay=decay, **exact).model.head for decay in (0, 1))
    assert decayed[-1].weight.norm() < 0.999 * plain[-1].weight.norm()
    norm = decayed[2]
    assert isinstance(norm, torch.nn.BatchNorm1d)
    assert torch.allclose(norm.weight, plain[2].weight, atol=2e-3)


# ---------------------------------------- early stop


def test_a_pause_or_a_bounce_is_no_reason_to_stop():
    from test_diagnosis import E

    errors = [error for *_, error in E]
    for epochs in range(1, 41):
        assert not worsened(errors[:epochs], n_valid=546, patience=4)
    assert not worsened([0.10] * 9, n_valid=100, patience=3)


def test_an_error_that_stays_worse_beyond_noise_is():
    errors = [0.2, 0.1, 0.19, 0.2, 0.21]
    assert [worsened(errors[: i + 1], n_valid=141, patience=3) for i in range(5)] == [False] * 4 + [True]
    assert not worsened(errors, n_valid=20, patience=3)  # two images
    assert not worsened(errors, n_valid=141, patience=0)


def test_an_early_stop_goes_back_to_the_best_epoch(catalog, monkeypatch):
    learner = Learner(catalog, from_scratch=True, device="cpu", batch_size=6, recipe=Recipe(patience=2))
    errors, kept = iter([0.3, 0.1, 0.6, 0.6, 0.0, 0.0]), []

    def measured(network, data, rows, **_):
        if set(rows) == set(data.indices("valid")):
            kept.append({key: value.clone() for key, value in network.runner.model.state_dict().items()})
            return Evaluation(n=100, loss=1.0, error_rate=next(errors))
        return Evaluation(n=100, loss=1 / (len(kept) + 1), error_rate=0.0)

    monkeypatch.setattr("cleaner.training.learner.evaluate", measured)
    learner.fit_one_cycle(6)
    assert len(learner.history) == 4
    best = kept[1]
    assert all(torch.equal(value, best[key]) for key, value in learner.model.state_dict().items())
    found = learner.diagnose()
    assert (found.verdict, found.kept_epoch, found.remedy) == (Verdict.OVERFIT, 2, None)
    assert "the model of epoch 2 is kept" in str(found)

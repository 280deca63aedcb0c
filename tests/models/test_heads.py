"""Heads and layer groups: what learns, at which rate, and which batch-norms keep their statistics."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cleaner.models.heads import Classifier, build_head


def small_body():
    return nn.Sequential(
        nn.Conv2d(3, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Conv2d(4, 6, 3),
        nn.BatchNorm2d(6),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Classifier(small_body(), build_head(6, 3), keep_statistics=True)


def statistics(model):
    return {key: value.clone() for key, value in model.state_dict().items() if "running" in key}


def changed(before, model):
    return {key for key, value in statistics(model).items() if not torch.equal(value, before[key])}


def test_the_head_maps_features_to_one_number_a_class(model):
    assert model(torch.randn(2, 3, 8, 8)).shape == (2, 3)
    assert (model.feature_dim, model.hidden_dim, model.n_classes) == (6, 0, 3)


def test_a_head_may_have_a_layer_in_between():
    model = Classifier(small_body(), build_head(6, 3, hidden_dim=5), keep_statistics=True)
    assert model(torch.randn(2, 3, 8, 8)).shape == (2, 3)
    assert (model.feature_dim, model.hidden_dim, model.n_classes) == (6, 5, 3)


def test_the_size_of_the_features_does_not_matter_to_the_head():
    head = build_head(6, 3).eval()
    features = torch.randn(4, 6)
    assert torch.allclose(head(features), head(50 * features), atol=1e-4)


def test_a_frozen_model_learns_in_the_head_only_and_its_body_predicts_as_in_eval_mode(model):
    model.set_frozen(True)
    model.train()
    before = statistics(model)
    model(torch.randn(4, 3, 8, 8))
    assert not changed(before, model)
    assert not model.body.training
    assert all(p.requires_grad == name.startswith("head") for name, p in model.named_parameters())


def test_pretrained_batch_norms_keep_their_statistics_but_learn_their_scales(model):
    model.set_frozen(False)
    model.train()
    before = statistics(model)
    model(torch.randn(4, 3, 8, 8)).sum().backward()
    assert before and not changed(before, model)
    assert model.body[1].weight.grad is not None


def test_batch_norms_of_a_network_with_random_weights_follow_the_batches():
    model = Classifier(small_body(), build_head(6, 3), keep_statistics=False)
    model.train()
    before = statistics(model)
    model(torch.randn(4, 3, 8, 8))
    assert changed(before, model) == {f"body.{i}.running_{what}" for i in (1, 4) for what in ("mean", "var")}


def test_there_are_three_layer_groups_from_the_picture_to_the_head(model):
    first, second, head = model.layer_groups()
    assert first == [model.body[0], model.body[1]]
    assert second == [model.body[3], model.body[4]]
    assert head == [model.head[2]]


def test_every_parameter_is_in_one_group_and_norms_and_biases_do_not_decay(model):
    groups = model.parameter_groups(0.01)
    assert sum(len(group["params"]) for group in groups) == len(list(model.parameters()))
    decaying = {id(p) for group in groups if group["weight_decay"] for p in group["params"]}
    assert decaying == {id(p) for p in (model.body[0].weight, model.body[3].weight, model.head[2].weight)}
    assert [group["layer_group"] for group in groups] == [0, 0, 1, 1, 2, 2]


def test_a_frozen_body_has_no_parameter_groups(model):
    model.set_frozen(True)
    assert {group["layer_group"] for group in model.parameter_groups(0.01)} == {2}

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from cleaner.errors import InterpretationError
from cleaner.interpret.heat_map import blend, class_maps
from cleaner.models.backbones import load_backbone
from cleaner.training.network import Network


def network_on(name: str) -> Network:
    backbone = load_backbone(name, from_scratch=True, device="cpu")
    rng = np.random.default_rng(0)
    weight = rng.normal(size=(backbone.feature_dim, 3)).astype(np.float32)
    return Network.from_linear_head(
        backbone, ["a", "b", "c"], weight=weight, offset=np.array([0.5, 0, -1], np.float32)
    )


@pytest.mark.parametrize("name", ["lite0", "mobilenet_v2", "timm/resnet18"])
def test_the_mean_of_a_map_is_the_logit_without_its_offset(name: str) -> None:
    model = network_on(name).runner.model
    batch = torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    maps = class_maps(model, batch)
    assert maps.shape == (2, 3, 3, 3)
    with torch.inference_mode():
        logits = model(batch) - torch.tensor([0.5, 0, -1])
    assert np.allclose(maps.mean(axis=(2, 3)), logits.numpy(), rtol=1e-3, atol=1e-4)


def test_the_map_is_where_the_image_is_not_plain() -> None:
    model = network_on("mobilenet_v2").runner.model
    batch = torch.zeros(1, 3, 160, 160)
    batch[:, :, :, 96:] = torch.randn(1, 3, 160, 64, generator=torch.Generator().manual_seed(0)) * 5
    maps = np.abs(class_maps(model, batch) - class_maps(model, torch.zeros(1, 3, 160, 160)))
    assert maps[..., 4].mean() > 3 * maps[..., 0].mean()


def test_a_head_with_a_layer_in_between_has_no_map() -> None:
    network = Network.build(load_backbone(from_scratch=True, device="cpu"), ["a", "b"])
    with pytest.raises(InterpretationError, match="one linear layer"):
        class_maps(network.runner.model.eval(), torch.zeros(1, 3, 64, 64))


def test_features_that_are_no_mean_of_a_map_are_refused() -> None:
    model = network_on("vit_b_32").runner.model
    with pytest.raises(InterpretationError, match="not the mean of a map"):
        class_maps(model, torch.zeros(1, 3, 224, 224))


def test_what_speaks_against_a_class_leaves_the_image_as_it_is() -> None:
    image = Image.new("RGB", (40, 20), (10, 200, 10))
    assert blend(image, np.full((2, 4), -1, np.float32)).tobytes() == image.tobytes()
    shown = np.asarray(blend(image, np.array([[0, 0, 0, 1]], np.float32)))
    assert shown.shape == (20, 40, 3)
    assert (shown[:, 0] == (10, 200, 10)).all()
    assert (shown[:, -1, 0] > 100).all()

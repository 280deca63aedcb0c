from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.models import VisionTransformer

from cleaner.errors import InterpretationError
from cleaner.interpret.heat_map import blend, class_maps, find_places, head_maps
from cleaner.models.backbones import load_backbone
from cleaner.ranking.features import FeatureMap
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


def test_the_map_of_a_transformer_is_an_estimate_by_its_attention() -> None:
    net = VisionTransformer(
        image_size=32, patch_size=8, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=16, num_classes=3
    )
    net.heads = torch.nn.Identity()
    places = find_places(net.eval(), torch.rand(2, 3, 32, 32))
    assert places.by_attention
    assert places.parts.shape == (2, 16, 4, 4)


def test_features_that_are_no_mean_of_a_map_are_refused() -> None:
    body = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 8, 8), torch.nn.Flatten(), torch.nn.Linear(256, 5))
    with pytest.raises(InterpretationError, match="not the mean of a map"):
        find_places(body.eval(), torch.zeros(1, 3, 64, 64))


def tiny(*last: torch.nn.Module) -> torch.nn.Module:
    torch.manual_seed(0)
    first = torch.nn.Conv2d(3, 12, 8, 8), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()
    return torch.nn.Sequential(*first, *last).eval()


@pytest.mark.parametrize("root", [True, False])
def test_the_map_by_a_head_of_a_ranking_adds_up_to_its_logit(root: bool) -> None:
    """Square root, layer norm, centre, unit length and axes may lie between the pooled map and the head."""
    norm = torch.nn.LayerNorm(12)
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    places = find_places(tiny() if root else tiny(norm), torch.rand(2, 3, 64, 64))
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.normal(size=(12, 4)))[0].astype(np.float32)
    features = FeatureMap(root, rng.random(12).astype(np.float32), axes)
    weight = rng.normal(size=(4, 3)).astype(np.float32)
    maps = head_maps(places, features, weight)
    assert maps.shape == (2, 3, 8, 8)
    given = places.features.numpy()
    shifted = (np.sqrt(given) if root else given) - features.centre
    offset = -(features.centre / np.linalg.norm(shifted, axis=1, keepdims=True)) @ axes @ weight
    assert np.allclose(maps.mean(axis=(2, 3)) + offset, features(given) @ weight, rtol=1e-3, atol=1e-4)


def test_what_speaks_against_a_class_leaves_the_image_as_it_is() -> None:
    image = Image.new("RGB", (40, 20), (10, 200, 10))
    assert blend(image, np.full((2, 4), -1, np.float32)).tobytes() == image.tobytes()
    shown = np.asarray(blend(image, np.array([[0, 0, 0, 1]], np.float32)))
    assert shown.shape == (20, 40, 3)
    assert (shown[:, 0] == (10, 200, 10)).all()
    assert (shown[:, -1, 0] > 100).all()

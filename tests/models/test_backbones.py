"""Backbones: every family of networks, weights from files, caches and nowhere, and the fast way through."""

from __future__ import annotations

import os
import pickle
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from safetensors.torch import save_file

from cleaner.errors import BackboneError, WeightsUnavailableError
from cleaner.models import inference, weights
from cleaner.models.backbones import Preprocess, default_name, empty_body, load_backbone
from cleaner.models.bodies import build_timm, build_torchvision, vit_image_size_px
from cleaner.models.checkpoint import save_checkpoint
from cleaner.models.inference import Encoder, fold_batch_norms
from cleaner.models.reach import host_reachable
from cleaner.models.weights import guess_architecture, load_into, read_weights

FAMILIES = {
    "alexnet": 256,
    "convnext_tiny": 768,
    "densenet121": 1024,
    "efficientnet_b0": 1280,
    "googlenet": 1024,
    "inception_v3": 2048,
    "lite0": 1280,
    "lite2": 1280,
    "maxvit_t": 512,
    "mnasnet0_5": 1280,
    "mobilenet_v2": 1280,
    "mobilenet_v3_small": 576,
    "regnet_x_400mf": 400,
    "resnet18": 512,
    "resnext50_32x4d": 2048,
    "shufflenet_v2_x0_5": 1024,
    "squeezenet1_1": 512,
    "swin_t": 768,
    "vgg11": 512,
    "vit_b_32": 768,
}
WAY_OUT = "Give a weights file (--weights FILE), or name no network: the built-in one needs no download."


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No host answers and the cache of downloads is empty; returns the folder of that cache."""

    def refuse(*args: object, **more: object) -> None:
        raise OSError("no network in this test")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def small_file(tmp_path: Path) -> Path:
    """Published-looking weights of a small network, classifier included."""
    torch.manual_seed(0)
    path = tmp_path / "squeezenet1_1-b8a52dc0.safetensors"
    save_file(torchvision.models.squeezenet1_1(weights=None).state_dict(), path)
    return path


def features(backbone, *, n=2, seed=0):
    size_px = backbone.preprocess.size_px
    batch = torch.randn(n, 3, size_px, size_px, generator=torch.Generator().manual_seed(seed))
    with torch.inference_mode():
        return backbone.module(batch)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_classifier_of_every_family_is_cut_off(name):
    backbone = load_backbone(name, from_scratch=True, device="cpu")
    found = features(backbone, n=1)
    assert found.shape == (1, FAMILIES[name])
    assert backbone.feature_dim == FAMILIES[name]
    assert torch.isfinite(found).all()
    assert not backbone.pretrained


@pytest.mark.parametrize("name", ["resnet18", "densenet121"])
def test_pooled_features_are_what_the_classifier_would_have_seen(name):
    torch.manual_seed(0)
    whole = torchvision.models.get_model(name, weights=None).eval()
    seen = []
    last = [module for module in whole.modules() if isinstance(module, torch.nn.Linear)][-1]
    last.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    body = build_torchvision(name).eval()
    body.net.load_state_dict(whole.state_dict(), strict=False)
    batch = torch.randn(1, 3, 224, 224)
    with torch.inference_mode():
        whole(batch)
        assert torch.allclose(body(batch), seen[0], atol=1e-6)


def test_pretrained_googlenets_get_the_inputs_that_they_were_trained_with():
    assert build_torchvision("googlenet").net.transform_input is True


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_weights_come_from_a_file_and_its_name_tells_the_network(tmp_path, suffix):
    torch.manual_seed(1)
    state = torchvision.models.squeezenet1_1(weights=None, num_classes=7).state_dict()
    path = tmp_path / f"squeezenet1_1-b8a52dc0{suffix}"
    if suffix == ".pth":
        torch.save({"model": {f"module.{key}": value for key, value in state.items()}}, path)
    else:
        save_file(state, path)
    backbone = load_backbone(weights=path, device="cpu")
    assert (backbone.name, backbone.pretrained) == ("squeezenet1_1", True)
    kept = backbone.module.state_dict()
    assert torch.equal(kept["net.features.0.weight"], state["features.0.weight"])


def test_the_network_is_recognised_by_its_tensors_when_the_name_of_the_file_says_nothing(tmp_path):
    path = tmp_path / "best.safetensors"
    save_file(torchvision.models.resnet18(weights=None).state_dict(), path)
    state, meta = read_weights(path)
    assert guess_architecture(path, state, meta) == "resnet18"


def test_metadata_names_the_network_before_the_file_does(small_file):
    state, _ = read_weights(small_file)
    said = {"arch": "torchvision.models.squeezenet1_0"}
    assert guess_architecture(small_file, state, said) == "squeezenet1_0"


def test_a_file_of_no_known_network_asks_for_its_name(tmp_path):
    path = tmp_path / "best.safetensors"
    save_file({"a": torch.zeros(3)}, path)
    with pytest.raises(BackboneError) as caught:
        load_backbone(weights=path)
    assert str(caught.value) == (
        "Cannot tell which network best.safetensors belongs to: neither its name nor its 1 tensors match a "
        "torchvision network. Name it with --backbone, for example --backbone resnet34."
    )


def test_weights_of_another_network_are_refused_with_the_first_keys(small_file):
    with pytest.raises(BackboneError) as caught:
        load_backbone("resnet18", weights=small_file)
    assert str(caught.value) == (
        "squeezenet1_1-b8a52dc0.safetensors does not fit this network: missing conv1.weight, bn1.weight, "
        "bn1.bias …; not known classifier.1.bias, classifier.1.weight, features.0.bias …. "
        "Give --backbone the network it belongs to."
    )


def test_a_tensor_of_another_shape_is_named(small_file):
    state, _ = read_weights(small_file)
    state["features.0.bias"] = torch.zeros(5)
    save_file(state, small_file)
    with pytest.raises(
        BackboneError, match=r"of another shape: features.0.bias is \(5,\), expected \(64,\)\."
    ):
        load_backbone(weights=small_file)


class Trap:
    """Leaves a trace when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return (Path.touch, (self.trace,))


def test_a_file_that_would_run_code_is_refused_and_does_not_run(tmp_path):
    path, trace = tmp_path / "resnet18.pth", tmp_path / "trace"
    path.write_bytes(pickle.dumps(Trap(trace)))
    with pytest.raises(BackboneError, match="is not a plain torch state dict"):
        load_backbone(weights=path)
    torch.save({"weight": Trap(trace)}, path)
    with pytest.raises(BackboneError, match="is not a plain torch state dict"):
        load_backbone(weights=path)
    assert not trace.exists()


def test_a_truncated_file_and_a_missing_one_are_named(tmp_path, small_file):
    small_file.write_bytes(small_file.read_bytes()[:1000])
    with pytest.raises(BackboneError, match="is not a readable safetensors file"):
        load_backbone(weights=small_file)
    with pytest.raises(BackboneError, match=r"The weights file .*none\.pth does not exist"):
        load_backbone(weights=tmp_path / "none.pth")


def test_a_model_trained_by_cleaner_is_no_backbone_because_it_saw_the_labels(tmp_path):
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, {"a": torch.zeros(1)}, {"classes": ["x"]})
    with pytest.raises(BackboneError, match="needs weights that never saw these labels"):
        load_backbone("resnet18", weights=path)


def test_without_network_and_file_one_sentence_says_what_to_do(no_network):
    with pytest.raises(WeightsUnavailableError) as caught:
        load_backbone("resnet18")
    assert str(caught.value) == (
        "Pretrained weights of resnet18 are not on this machine and download.pytorch.org cannot be reached. "
        + WAY_OUT
    )


def test_weights_downloaded_earlier_are_used_without_a_network(no_network):
    torch.manual_seed(0)
    state = torchvision.models.squeezenet1_1(weights=None).state_dict()
    torch.save(state, no_network / "squeezenet1_1-b8a52dc0.pth")
    backbone = load_backbone("squeezenet1_1", device="cpu")
    assert torch.equal(backbone.module.state_dict()["net.features.0.weight"], state["features.0.weight"])


def test_weights_are_downloaded_once_where_there_is_a_network(no_network, monkeypatch):
    state = torchvision.models.squeezenet1_1(weights=None).state_dict()
    asked = []

    def download(url, path, prefix, progress):
        asked.append((url, prefix, progress))
        torch.save(state, path)

    monkeypatch.setattr(weights, "host_reachable", lambda host: True)
    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    first = load_backbone("squeezenet1_1", device="cpu")
    assert load_backbone("squeezenet1_1", device="cpu").key == first.key
    assert asked == [("https://download.pytorch.org/models/squeezenet1_1-b8a52dc0.pth", "b8a52dc0", False)]


def test_a_download_that_breaks_off_is_no_traceback(no_network, monkeypatch):
    def fail(*args, **more):
        raise OSError("connection reset")

    monkeypatch.setattr(weights, "host_reachable", lambda host: True)
    monkeypatch.setattr(torch.hub, "download_url_to_file", fail)
    with pytest.raises(WeightsUnavailableError) as caught:
        load_backbone("squeezenet1_1")
    assert str(caught.value) == (
        "Downloading the weights of squeezenet1_1 from download.pytorch.org failed (connection reset). "
        + WAY_OUT
    )


def test_old_names_of_densenet_and_training_branches_are_understood():
    net = torch.nn.ModuleDict({"denselayer1": torch.nn.ModuleDict({"norm1": torch.nn.BatchNorm2d(2)})})
    state = {
        "denselayer1.norm.1.weight": torch.tensor([3.0, 4.0]),
        "denselayer1.norm.1.bias": torch.zeros(2),
        "denselayer1.norm.1.running_mean": torch.zeros(2),
        "denselayer1.norm.1.running_var": torch.ones(2),
        "aux1.fc.weight": torch.zeros(5),
        "classifier.weight": torch.zeros(7),
    }
    load_into(net, state, dropped=("classifier.",), source="file")
    assert net["denselayer1"]["norm1"].weight.tolist() == [3, 4]


def test_networks_that_check_their_version_load_from_bare_tensors(tmp_path):
    path = tmp_path / "mnasnet0_5-3ffadce67e.safetensors"
    save_file(torchvision.models.mnasnet0_5(weights=None).state_dict(), path)
    assert load_backbone(weights=path, device="cpu").feature_dim == 1280


def test_a_resolver_that_never_answers_does_not_hold_the_caller(monkeypatch):
    test_is_over = threading.Event()

    def hang(*args, **more):
        test_is_over.wait()
        raise OSError("too late")

    monkeypatch.setattr(socket, "create_connection", hang)
    assert host_reachable("example.org") is False
    test_is_over.set()


def test_the_proxy_is_asked_where_there_is_one(monkeypatch):
    asked = []

    class Answer:
        def close(self) -> None:
            pass

    def connect(where, timeout):
        asked.append(where)
        return Answer()

    monkeypatch.setattr(socket, "create_connection", connect)
    monkeypatch.setattr(weights.urllib.request, "getproxies", lambda: {"https": "http://proxy.example:3128"})
    monkeypatch.setattr(weights.urllib.request, "proxy_bypass", lambda host: False)
    assert host_reachable("download.pytorch.org")
    assert asked == [("proxy.example", 3128)]


def test_an_unknown_network_is_refused_with_names_that_are_near():
    with pytest.raises(BackboneError) as caught:
        load_backbone("mobilenet")
    assert str(caught.value) == (
        "There is no network 'mobilenet'; give lite0, lite2, a name of torchvision "
        "(mobilenet_v2, mobilenet_v3_large, mobilenet_v3_small), timm/NAME, or best."
    )


def test_a_weights_file_and_from_scratch_contradict_each_other(small_file):
    with pytest.raises(BackboneError, match="Got both a weights file"):
        load_backbone(weights=small_file, from_scratch=True)


def test_the_default_is_fast_on_a_cpu_and_strong_on_a_gpu():
    assert default_name(torch.device("cpu")) == "lite0"
    assert default_name(torch.device("cuda")) == "best"


def test_the_key_tells_weights_and_sizes_apart_and_stays_the_same_otherwise(small_file):
    first = load_backbone(weights=small_file, device="cpu")
    assert load_backbone(weights=small_file, device="cpu").key == first.key
    assert first.key.startswith("squeezenet1_1-")
    assert first.resized(160).key != first.key
    state, _ = read_weights(small_file)
    state["features.0.bias"] = state["features.0.bias"] + 1e-3
    save_file(state, small_file)
    assert load_backbone(weights=small_file, device="cpu").key != first.key


class OneSize(torch.nn.Module):
    """Takes pictures of 64 pixels only."""

    def forward(self, batch):
        assert batch.shape[-1] == 64, "64 only"
        return batch.flatten(1)[:, :5]


def test_a_network_for_one_size_refuses_others():
    backbone = replace(load_backbone(from_scratch=True, device="cpu"), module=OneSize())
    with pytest.raises(BackboneError) as caught:
        backbone.resized(96)
    assert str(caught.value).startswith("scratch does not take images of 96 pixels (64 only")
    assert str(caught.value).endswith("it was made for 64.")


def test_a_vision_transformer_takes_the_size_that_its_weights_were_made_for():
    state = {
        "conv_proj.weight": torch.zeros(8, 3, 14, 14),
        "encoder.pos_embedding": torch.zeros(1, 37 * 37 + 1, 8),
    }
    assert vit_image_size_px(state) == 518


def test_timm_networks_load_from_a_file_with_their_own_preprocessing(tmp_path):
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    whole = timm.create_model("test_resnet", pretrained=False).eval()
    path = tmp_path / "any.safetensors"
    save_file(whole.state_dict(), path)
    backbone = load_backbone("timm/test_resnet", weights=path, device="cpu")
    config = whole.pretrained_cfg
    assert backbone.preprocess.size_px == config["input_size"][-1]
    assert backbone.preprocess.mean == tuple(config["mean"])
    batch = torch.randn(1, 3, backbone.preprocess.size_px, backbone.preprocess.size_px)
    with torch.inference_mode():
        expected = whole.forward_head(whole.forward_features(batch), pre_logits=True)
        assert torch.allclose(backbone.module(batch), expected, atol=1e-6)


def test_timm_without_network_says_so_at_once(no_network, monkeypatch):
    pytest.importorskip("timm")
    hub = pytest.importorskip("huggingface_hub")
    monkeypatch.setattr(hub, "try_to_load_from_cache", lambda *args: None)
    with pytest.raises(WeightsUnavailableError) as caught:
        load_backbone("timm/test_resnet")
    assert str(caught.value) == (
        "Pretrained weights of timm/test_resnet are not on this machine and huggingface.co cannot be "
        "reached. " + WAY_OUT
    )


def test_a_missing_timm_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(BackboneError) as caught:
        build_timm("resnet18d")
    assert str(caught.value) == (
        "The backbone timm/resnet18d needs the package timm; install it with: pip install 'cleaner[timm]'"
    )


def test_an_unknown_timm_network_is_refused():
    pytest.importorskip("timm")
    with pytest.raises(BackboneError, match="timm does not know a network 'nope'"):
        load_backbone("timm/nope")


def test_random_weights_are_the_same_every_time():
    first = load_backbone("squeezenet1_1", from_scratch=True, device="cpu")
    torch.manual_seed(99)
    assert load_backbone("squeezenet1_1", from_scratch=True, device="cpu").key == first.key


def test_loading_leaves_the_random_state_alone():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    load_backbone("squeezenet1_1", from_scratch=True, device="cpu")
    assert torch.equal(torch.rand(1), expected)


def test_pictures_are_squeezed_into_the_square_whole():
    wide = Image.new("RGB", (90, 30), "black")
    wide.paste("white", (0, 0, 30, 30))
    small = Preprocess(9).shrink(wide)
    assert small.shape == (9, 9, 3)
    assert small[:, :2].min() == 255 and small[:, 4:].max() == 0


def test_normalising_follows_mean_and_standard_deviation():
    preprocess = Preprocess(2, mean=(0.5, 0.5, 0.5), std=(0.25, 0.5, 1.0))
    batch = preprocess.normalise(torch.full((1, 2, 2, 3), 255, dtype=torch.uint8))
    assert batch.shape == (1, 3, 2, 2)
    assert torch.allclose(batch[0, :, 0, 0], torch.tensor([2.0, 1.0, 0.5]))


@pytest.mark.parametrize("name", ["mobilenet_v2", "resnet18", "shufflenet_v2_x0_5"])
def test_folding_removes_all_batch_norms_and_changes_nothing(name):
    torch.manual_seed(0)
    body = build_torchvision(name).eval()
    for module in body.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.1, 0.1)
            module.running_var.uniform_(0.5, 2)
    folded = fold_batch_norms(body)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in folded.modules())
    batch = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        assert torch.allclose(folded(batch), body(batch), rtol=1e-3, atol=1e-4)


def pictures(n, size_px):
    coarse = np.random.default_rng(0).integers(0, 256, (n, 7, 7, 3), dtype=np.uint8)
    return np.stack([np.asarray(Image.fromarray(c).resize((size_px, size_px))) for c in coarse])


@pytest.mark.parametrize("name", ["resnet18", "scratch"])
def test_the_fast_way_gives_the_features_of_the_plain_one(name, monkeypatch):
    monkeypatch.setattr(inference, "fast_bfloat16", lambda: False)
    backbone = load_backbone(name, from_scratch=True, device="cpu")
    encoder = Encoder(backbone)
    batch = pictures(11, backbone.preprocess.size_px)  # more than one batch, the last one smaller
    with torch.inference_mode():
        plain = backbone.module(backbone.preprocess.normalise(torch.from_numpy(batch))).numpy()
    found = encoder(batch)
    assert found.dtype == np.float32
    assert np.allclose(found, plain, rtol=1e-3, atol=1e-3)
    assert encoder(batch[:0]).shape == (0, backbone.feature_dim)


def test_bfloat16_keeps_the_directions_of_pretrained_features(data_dir, monkeypatch):
    monkeypatch.setattr(inference, "fast_bfloat16", lambda: True)
    file = data_dir / "weights" / "squeezenet1_1.safetensors"
    backbone = load_backbone(weights=file, device="cpu")
    encoder = Encoder(backbone)
    assert encoder.dtype == torch.bfloat16
    batch = pictures(4, 224)
    with torch.inference_mode():
        plain = backbone.module(backbone.preprocess.normalise(torch.from_numpy(batch)))
    cosine = torch.nn.functional.cosine_similarity(torch.from_numpy(encoder(batch)), plain)
    assert cosine.min() > 0.995


class Negated(torch.nn.Module):
    """A fold that went wrong."""

    def __init__(self, module: torch.nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, batch):
        return -self.module(batch)


def test_arithmetic_that_comes_out_wrong_is_not_used(monkeypatch):
    monkeypatch.setattr(inference, "fold_batch_norms", Negated)
    monkeypatch.setattr(inference, "fast_bfloat16", lambda: False)
    encoder = Encoder(load_backbone("squeezenet1_1", from_scratch=True, device="cpu"))
    assert not isinstance(encoder.module, Negated)


def test_a_network_that_cannot_be_folded_is_used_as_it_is(monkeypatch):
    def fail(module):
        raise RuntimeError("control flow")

    monkeypatch.setattr(inference, "fold_batch_norms", fail)
    backbone = load_backbone("squeezenet1_1", from_scratch=True, device="cpu")
    assert Encoder(backbone)(pictures(1, 224)).shape == (1, 512)


def test_training_a_backbone_later_does_not_change_an_encoder():
    backbone = load_backbone(from_scratch=True, device="cpu")
    encoder = Encoder(backbone)
    batch = pictures(2, 64)
    before = encoder(batch)
    with torch.no_grad():
        for parameter in backbone.module.parameters():
            parameter.zero_()
    assert np.array_equal(encoder(batch), before)


class TestEngine:
    @pytest.fixture(autouse=True)
    def worth_it(self, monkeypatch):
        pytest.importorskip("openvino")
        monkeypatch.setattr(inference, "ENGINE_WORTH_S", 0.0)
        monkeypatch.setattr(inference, "fast_bfloat16", lambda: False)

    def faster(self, monkeypatch, *seconds):
        """Let torch and the engine seem to take so long."""
        left = list(seconds)
        monkeypatch.setattr(inference, "_fastest_s", lambda *_: left.pop(0))

    @pytest.mark.parametrize("name", ["resnet18", "lite0"])
    def test_it_gives_the_features_of_torch_in_any_number_and_thread(self, name, monkeypatch):
        self.faster(monkeypatch, 1.0, 0.5)
        backbone = load_backbone(name, from_scratch=True, device="cpu")
        encoder = Encoder(backbone, images=1000, threads=2)
        assert encoder.engine == "openvino"
        batch = pictures(11, backbone.preprocess.size_px)
        truth = Encoder(backbone)(batch)
        with ThreadPoolExecutor(2) as pool:
            for found in pool.map(encoder, [batch] * 4):
                assert found.dtype == np.float32
                cosine = inference._cosine(torch.from_numpy(found), torch.from_numpy(truth))
                assert cosine.min() > inference.MIN_ENGINE_COSINE  # bfloat16, where the processor has it
        assert encoder(batch[:0]).shape == (0, backbone.feature_dim)

    def test_it_is_left_out_where_it_is_not_faster_or_differs(self, monkeypatch):
        backbone = load_backbone("scratch", from_scratch=True, device="cpu")
        self.faster(monkeypatch, 0.5, 0.6)
        assert Encoder(backbone, images=1000).engine == "torch"
        self.faster(monkeypatch, 0.5, 0.1)
        other = np.ones((inference.CPU_BATCH, backbone.feature_dim), np.float32)
        monkeypatch.setattr(inference, "compiled", lambda *_, **__: lambda batch: other)
        assert Encoder(backbone, images=1000).engine == "torch"

    @pytest.mark.parametrize(("away", "engine"), [(1.0, "openvino"), (3.0, "torch")])
    def test_where_torch_computes_in_a_small_type_it_may_be_as_far_from_float32(
        self, away, engine, monkeypatch
    ):
        monkeypatch.setattr(inference, "fast_bfloat16", lambda: True)
        self.faster(monkeypatch, 1.0, 0.5)
        backbone = load_backbone("lite0", device="cpu")
        torch_alone = Encoder(backbone)
        assert torch_alone.dtype == torch.bfloat16
        exact = backbone.module.eval()

        def other(batch):
            with torch.inference_mode():
                truth = exact(backbone.preprocess.normalise(torch.from_numpy(batch))).numpy()
            return truth + away * (torch_alone(batch) - truth)

        monkeypatch.setattr(inference, "compiled", lambda *_, **__: other)
        assert Encoder(backbone, images=1000).engine == engine

    def test_it_is_not_even_loaded_for_few_images(self, monkeypatch):
        monkeypatch.setattr(inference, "ENGINE_WORTH_S", 1e9)
        monkeypatch.setattr(inference, "compiled", None)
        backbone = load_backbone("scratch", from_scratch=True, device="cpu")
        assert Encoder(backbone, images=1000).engine == "torch"


@pytest.mark.parametrize("error", [ImportError("no module"), RuntimeError("an operation is not known")])
def test_torch_computes_where_the_engine_is_missing_or_fails(error, monkeypatch):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(inference, "ENGINE_WORTH_S", 0.0)
    monkeypatch.setattr(inference, "compiled", fail)
    encoder = Encoder(load_backbone("scratch", from_scratch=True, device="cpu"), images=1000)
    assert encoder.engine == "torch"
    assert encoder(pictures(3, encoder.backbone.preprocess.size_px)).shape[0] == 3


def test_a_body_for_a_saved_model_has_the_names_of_the_loaded_one():
    for name in ("scratch", "squeezenet1_1"):
        backbone = load_backbone(name, from_scratch=True, device="cpu")
        body = empty_body(name, backbone.preprocess)
        assert body.state_dict().keys() == backbone.module.state_dict().keys()


def test_random_filters_find_wrong_labels_of_handwritten_digits_without_any_pretraining():
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    digits = load_digits()
    truth = digits.target
    labels = truth.copy()
    rng = np.random.default_rng(0)
    wrong = rng.permutation(len(truth))[: len(truth) // 20]
    half = len(wrong) // 2
    labels[wrong[:half]] = (labels[wrong[:half]] + rng.integers(1, 10, half)) % 10
    pairs = np.array([2, 7, 0, 8, 9, 6, 5, 1, 3, 4])
    labels[wrong[half:]] = pairs[labels[wrong[half:]]]

    backbone = load_backbone(from_scratch=True, device="cpu")
    images = [
        Image.fromarray((image / 16 * 255).astype(np.uint8)).resize((32, 32)).convert("RGB")
        for image in digits.images
    ]
    vectors = Encoder(backbone)(np.stack([backbone.preprocess.shrink(image) for image in images]))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    head = LogisticRegression(C=10, max_iter=100)
    shares = cross_val_predict(head, vectors, labels, cv=folds, method="predict_proba")
    first = np.argsort(shares[np.arange(len(labels)), labels], kind="stable")[:30]
    assert (labels != truth)[first].sum() > 24


def test_that_no_weights_can_be_had_is_said_without_loading_torch(tmp_path: Path) -> None:
    script = (
        "import socket, sys\n"
        "def refuse(*args, **kwargs): raise OSError('no network')\n"
        "socket.create_connection = refuse\n"
        "from cleaner.errors import WeightsUnavailableError\n"
        "from cleaner.models.reach import require_weights\n"
        "try:\n"
        "    require_weights('resnet34', weights=None, from_scratch=False)\n"
        "except WeightsUnavailableError as exc:\n"
        "    print(exc)\n"
        "print('torch' in sys.modules)\n"
    )
    environment = {**os.environ, "TORCH_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    said, loaded = done.stdout.splitlines()
    assert "resnet34" in said and "--weights FILE" in said
    assert loaded == "False"

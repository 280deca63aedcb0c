"""A network as an ONNX file says the same as in torch."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cleaner.dataset.label_sets import LabelSets
from cleaner.errors import CheckpointError
from cleaner.models.backbones import load_backbone
from cleaner.training import onnx_file
from cleaner.training.network import Network
from cleaner.training.recipe import Precision


def network(sets: LabelSets | None) -> Network:
    backbone = load_backbone(from_scratch=True, device="cpu")
    weight = np.random.default_rng(0).normal(size=(backbone.feature_dim, 3)).astype(np.float32)
    offset = np.zeros(3, np.float32)
    return Network.from_linear_head(backbone, ["c", "a", "b"], weight=weight, offset=offset, sets=sets)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("sets", [None, LabelSets(";")])
def test_the_file_says_what_the_network_says_and_names_its_classes(
    tmp_path: Path, sets: LabelSets | None, precision: Precision
) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    rng = np.random.default_rng(1)
    pictures = [Image.fromarray(rng.integers(0, 255, (50, 70, 3), dtype=np.uint8)) for _ in range(3)]
    made = network(sets)
    made.runner.use(precision)
    check = onnx_file.save_onnx(made, tmp_path / "model.onnx", pictures)
    assert made.runner.dtype == getattr(torch, precision)
    assert check.images == 3
    assert check.difference < 1e-3
    kept = {each.key: json.loads(each.value) for each in onnx.load(tmp_path / "model.onnx").metadata_props}
    assert kept["classes"] == ["c", "a", "b"]
    assert kept["preprocess"]["size_px"] == 64
    assert kept.get("several_labels", False) is (sets is not None)  # a sigmoid then, as was checked


def test_without_its_packages_a_sentence_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_file, "_NEEDED", ("no_such_package",))
    with pytest.raises(CheckpointError, match=r"cleaner\[onnx\]"):
        onnx_file.save_onnx(network(None), tmp_path / "model.onnx", [Image.new("RGB", (9, 9))])
    assert not (tmp_path / "model.onnx").exists()

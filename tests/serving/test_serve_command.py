from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pytest
from pictures import make_picture

from cleaner.models.backbones import load_backbone
from cleaner.training.network import Network


@pytest.fixture
def model(tmp_path: Path) -> Path:
    backbone = load_backbone("mobilenet_v2", from_scratch=True, device="cpu").resized(64)
    weight = np.ones((backbone.feature_dim, 2), np.float32)
    path = tmp_path / "model.safetensors"
    Network.from_linear_head(backbone, ["oak", "elm"], weight=weight, offset=np.zeros(2, np.float32)).save(
        path
    )
    return path


def test_the_command_serves_a_model_until_it_is_stopped(model: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cleaner", "serve", str(model), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            said = server.stderr.readline()
            found = re.search(r"http://127\.0\.0\.1:\d+/", said)
            assert found is not None, said
            picture = make_picture(tmp_path / "x.png", (10, 120, 10), seed=1)
            with httpx.Client(base_url=found[0], trust_env=False, timeout=60) as client:
                assert client.get("healthz").json()["classes"] == ["oak", "elm"]
                answer = client.post("classify", content=picture.read_bytes())
            assert {label for label, _ in answer.json()["predictions"]} == {"oak", "elm"}
        finally:
            server.terminate()


def test_something_else_than_a_model_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    file.write_bytes(b"no model")
    command = [sys.executable, "-m", "cleaner", "serve", str(file)]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode != 0
    assert "expected a model saved by cleaner" in " ".join(ended.stderr.split())

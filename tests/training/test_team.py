"""Two processes train one network together, as ``torchrun`` starts them; here on the CPU, over loopback."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import torch

from cleaner.models.checkpoint import load_checkpoint


def test_two_processes_end_with_equal_weights_and_see_each_image_once_an_epoch(make_set, tmp_path):
    root = make_set(16)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    script = str(Path(__file__).with_name("training_processes.py"))
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    team = [
        subprocess.Popen(
            [sys.executable, script, "team", str(root), str(tmp_path)],
            env={**os.environ, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in (0, 1)
    ]
    assert [process.wait(300) for process in team] == [0, 0]
    (one, _), (other, _) = (load_checkpoint(tmp_path / f"{rank}.safetensors") for rank in (0, 1))
    assert all(torch.equal(one[key], other[key]) for key in one)
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1))
    assert [len(batch) for batch in first] == [len(batch) for batch in second] == [6, 6, 6]
    rows = [row for batch in first + second for row in batch]
    assert len(set(rows)) == len(rows) == 36  # all of the training images

"""Two processes train one network together, as ``torchrun`` starts them; here on the CPU, over loopback."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from cleaner.models.checkpoint import load_checkpoint


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_two_processes_end_with_equal_weights_and_see_each_image_once_an_epoch(make_set, tmp_path):
    root = make_set(16)
    script = str(Path(__file__).with_name("training_processes.py"))
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
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


@pytest.mark.slow
def test_torchrun_trains_on_two_machines_and_refuses_labels_that_differ(make_set, tmp_path):
    root = make_set(12)
    splits = {0: "valid"}
    lines = [
        f"{path.relative_to(root).as_posix()},{path.parent.name},{splits.get(i % 4, 'train')}"
        for i, path in enumerate(sorted(root.rglob("*.png")))
    ]
    table = "name,label,split\n" + "\n".join(lines)
    tables = [tmp_path / "one.csv", tmp_path / "other.csv"]

    def trained(out: str) -> list[tuple[int, str]]:
        """Start one process on each of two "machines", which share nothing but images and loopback."""
        where = ["--nnodes", "2", "--nproc-per-node", "1", "--master-addr", "127.0.0.1"]
        where += ["--master-port", str(free_port())]
        own = ["--epochs", "1", "--from-scratch", "--out", str(tmp_path / out)]
        team = []
        for rank, labels in enumerate(tables):
            started = [sys.executable, "-m", "torch.distributed.run", *where, "--node-rank", str(rank)]
            started += ["-m", "cleaner", "train", str(root), "--csv", str(labels), *own]
            started += ["--state", str(tmp_path / f"state-{rank}")]
            merged = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
            team.append(subprocess.Popen(started, **merged))
        told = [process.communicate(timeout=280)[0] for process in team]
        return [(process.returncode, text) for process, text in zip(team, told, strict=True)]

    for path in tables:
        path.write_text(table)
    (led, told), (followed, _) = trained("model.safetensors")
    assert (led, followed) == (0, 0), told
    assert "trained on 27 images" in told
    assert load_checkpoint(tmp_path / "model.safetensors")
    tables[1].write_text(table.replace("red/red_001.png,red", "red/red_001.png,blue"))
    ended = trained("other.safetensors")
    assert all(code != 0 and "do not have the same images, labels" in text for code, text in ended), ended
    assert not (tmp_path / "other.safetensors").exists()

"""Saved models: what goes in comes out, and nothing else is believed."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import save_file

from cleaner.errors import CheckpointError
from cleaner.models.checkpoint import FORMAT, load_checkpoint, save_checkpoint

STATE = {"a.weight": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(3)}


def test_weights_and_manifest_come_back(tmp_path):
    path = tmp_path / "new folder" / "model.safetensors"
    save_checkpoint(path, STATE, {"classes": ["Ärmel", 'say "x"'], "history": [1, 2.5]})
    state, manifest = load_checkpoint(path)
    assert state.keys() == STATE.keys()
    assert all(torch.equal(state[key], STATE[key]) for key in STATE)
    assert manifest == {"format": 1, "classes": ["Ärmel", 'say "x"'], "history": [1, 2.5]}


def test_tensors_that_share_memory_and_views_can_be_saved(tmp_path):
    shared = torch.arange(6.0).reshape(2, 3)
    save_checkpoint(tmp_path / "m", {"one": shared, "two": shared, "turned": shared.T}, {})
    state, _ = load_checkpoint(tmp_path / "m")
    assert torch.equal(state["two"], shared)
    assert torch.equal(state["turned"], shared.T)


def test_a_failed_save_leaves_the_old_model_and_no_litter(tmp_path, monkeypatch):
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, STATE, {"version": 1})

    def full_disk(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full_disk)
    with pytest.raises(CheckpointError) as caught:
        save_checkpoint(path, STATE, {"version": 2})
    assert str(caught.value) == (
        f"The model cannot be written to {path} ([Errno 28] No space left on device); choose another place."
    )
    assert load_checkpoint(path)[1]["version"] == 1
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(tmp_path / "none")
    assert str(caught.value) == f"There is no saved model at {tmp_path / 'none'}."


@pytest.mark.parametrize("n_bytes", [0, 5, 100, -1])
def test_a_truncated_file_is_refused(tmp_path, n_bytes):
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, STATE, {})
    path.write_bytes(path.read_bytes()[:n_bytes])
    with pytest.raises(CheckpointError, match="is incomplete or not a safetensors file"):
        load_checkpoint(path)


def test_a_pickle_is_refused(tmp_path):
    path = tmp_path / "model.pkl"
    torch.save(STATE, path)
    with pytest.raises(CheckpointError, match="is incomplete or not a safetensors file"):
        load_checkpoint(path)


@pytest.mark.parametrize(
    "metadata", [None, {"format": "pt"}, {"cleaner": "no json"}, {"cleaner": "[]"}, {"cleaner": "{}"}]
)
def test_weights_of_somebody_else_are_not_taken_for_a_model(tmp_path, metadata):
    path = tmp_path / "weights.safetensors"
    save_file(STATE, path, metadata)
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    assert str(caught.value) == (
        f"{path} holds 2 tensors, but no model saved by cleaner. "
        "Give plain weights with --weights, not as a model."
    )


def test_a_format_of_the_future_asks_for_an_update(tmp_path):
    path = tmp_path / "model.safetensors"
    save_file(STATE, path, {"cleaner": json.dumps({"format": FORMAT + 1})})
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    assert str(caught.value) == (
        f"{path} has format {FORMAT + 1}, this cleaner reads up to {FORMAT}; update cleaner."
    )

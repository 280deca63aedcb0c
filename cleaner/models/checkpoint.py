"""Saved models: one safetensors file with a JSON manifest inside; reading one never runs code."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from cleaner.advice import Advice
from cleaner.errors import CheckpointError
from cleaner.util.atomic import write_atomically

FORMAT = 2
"""Models that say of each class whether it is there have 2: versions that know 1 would misread them."""

MANIFEST = "cleaner"
"""Name of the metadata entry that holds the manifest."""


def save_checkpoint(
    path: Path, state: Mapping[str, Tensor], manifest: Mapping[str, Any], *, format_number: int = 1
) -> None:
    """Write a model; readers see the old file or the new one, never half of it.

    Parameters
    ----------
    path : Path
        Its folder is made if need be.
    state : mapping of str to Tensor
        The weights.
    manifest : mapping
        Anything that JSON can hold: classes, backbone, preprocessing, ...
    format_number : int
        The lowest that the reader must know, up to `FORMAT`.

    Raises
    ------
    CheckpointError
        The file cannot be written.
    """
    text = json.dumps({"format": format_number, **manifest})
    # Copies, because safetensors refuses tensors that share memory.
    tensors = {key: value.detach().cpu().clone().contiguous() for key, value in state.items()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, safetensors.torch.save(tensors, {MANIFEST: text}), durable=True)
    except OSError as exc:
        msg = f"The model cannot be written to {path} ({exc}); choose another place."
        raise CheckpointError(msg) from exc


def load_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read a model that `save_checkpoint` wrote.

    Returns
    -------
    state : dict of str to Tensor
        On the CPU.
    manifest : dict

    Raises
    ------
    CheckpointError
        The file is missing, damaged, of a newer cleaner, or something else than a saved model.
    """
    if not path.is_file():
        msg = f"There is no saved model at {path}."
        raise CheckpointError(msg)
    try:
        with safe_open(path, framework="pt") as file:
            meta = file.metadata() or {}
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError) as exc:
        msg = f"{path} is incomplete or not a safetensors file ({exc}); expected a model saved by cleaner."
        raise CheckpointError(msg) from exc
    try:
        manifest = json.loads(meta[MANIFEST])
        version = int(manifest["format"])
    except (KeyError, TypeError, ValueError) as exc:
        msg = Advice(
            f"{path} holds {len(state)} tensors, but no model saved by cleaner.",
            "Give plain weights with --weights, not as a model.",
        )
        raise CheckpointError(msg) from exc
    if version > FORMAT:
        msg = f"{path} has format {version}, this cleaner reads up to {FORMAT}; update cleaner."
        raise CheckpointError(msg)
    return state, manifest

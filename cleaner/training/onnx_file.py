"""A trained network as an ONNX file, for programs that have no torch; compared with torch when written."""

from __future__ import annotations

import importlib.util
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from cleaner.errors import CheckpointError
from cleaner.models.backbones import Preprocess
from cleaner.training.network import Network, Picture, read_picture
from cleaner.util.atomic import write_atomically

_NEEDED = ("onnx", "onnxruntime", "onnxscript")
_TOLERANCE = 1e-3


class OnnxCheck(NamedTuple):
    """How a written file compares with torch.

    Attributes
    ----------
    images : int
        Images that were compared.
    difference : float
        Largest difference of a probability, 0..1, with torch computing in float32.
    """

    images: int
    difference: float


class _FromPixels(nn.Module):
    """From pixels to probabilities: the normalisation is part of the file."""

    mean: Tensor
    std: Tensor

    def __init__(self, network: Network, preprocess: Preprocess) -> None:
        super().__init__()
        self.model, self.outputs = network.runner.model, network.outputs
        self.register_buffer("mean", torch.tensor(preprocess.mean)[:, None, None] * 255)
        self.register_buffer("std", torch.tensor(preprocess.std)[:, None, None] * 255)

    def forward(self, pictures: Tensor) -> Tensor:
        batch = (pictures.permute(0, 3, 1, 2).float() - self.mean) / self.std
        logits: Tensor = self.model(batch)
        return self.outputs.probabilities(logits)


def save_onnx(network: Network, path: Path, pictures: Sequence[Picture]) -> OnnxCheck:
    """Write a network as an ONNX file, and compare what it says of some images with what torch says.

    Its input ``pictures`` is uint8, shape (n, size_px, size_px, 3), red, green and blue of the whole image
    squeezed into the square; its output ``probabilities`` is float32, shape (n, n_classes). Its
    metadata holds, as JSON, the classes in their order, the preprocessing, and whether an image can have
    several of the classes.

    Parameters
    ----------
    network : Network
    path : Path
        A file of this name is replaced.
    pictures : sequence of Path, str, bytes or Image
        At least one.

    Raises
    ------
    CheckpointError
        The packages of the extra ``onnx`` are missing, the network cannot be written in this format, or what
        was written says something else than the network; then there is no file.
    ImageError
        An image cannot be opened.
    """
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        msg = "An ONNX file needs more packages. Install them with: pip install 'cleaner[onnx]'"
        raise CheckpointError(msg)
    import onnx
    import onnxruntime

    preprocess = network.runner.preprocess
    pixels = np.stack([read_picture(picture, preprocess) for picture in pictures])
    model = _FromPixels(network, preprocess).cpu().eval()
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "model.onnx"
        try:
            torch.onnx.export(
                model,
                (torch.from_numpy(np.repeat(pixels[:1], 2, axis=0)),),
                made,
                input_names=["pictures"],
                output_names=["probabilities"],
                dynamic_shapes={"pictures": {0: torch.export.Dim("n")}},
                dynamo=True,
                external_data=False,
                verbose=False,
            )
        except Exception as exc:  # torch raises many kinds for what it cannot write
            msg = f"{network.backbone} cannot be written as ONNX ({type(exc).__name__}: {str(exc)[:200]})."
            raise CheckpointError(msg) from exc
        finally:
            network.runner.model.to(network.runner.device)
        document = onnx.load(made)
        several = network.outputs.sets is not None
        metadata = {"classes": network.classes, "preprocess": asdict(preprocess), "several_labels": several}
        for key, value in metadata.items():
            document.metadata_props.add(key=key, value=json.dumps(value))
        data = document.SerializeToString()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"pictures": pixels})
    computes_in = network.runner.dtype
    network.runner.use("float32")  # as the file does; torch in a small type is further away than is allowed
    try:
        expected = np.stack([said.probabilities for said in network.predict(pictures)])
    finally:
        network.runner.dtype = computes_in
    difference = float(np.abs(found - expected).max())
    if difference > _TOLERANCE:
        msg = f"The ONNX file differs from the model by {difference:.3f} in a probability, so it is not kept."
        raise CheckpointError(msg)
    write_atomically(path, data, durable=True)
    return OnnxCheck(len(pixels), difference)

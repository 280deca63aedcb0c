"""A network that names classes: predict with it, measure it, save it, load it."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from cleaner.dataset.catalog import Catalog
from cleaner.errors import BackboneError, CheckpointError, ImageError, TrainingError
from cleaner.models.backbones import Backbone, Preprocess, best_device, empty_body
from cleaner.models.checkpoint import load_checkpoint, save_checkpoint
from cleaner.models.heads import SCRATCH_HIDDEN, Classifier, build_head
from cleaner.models.scratch import SCRATCH
from cleaner.training.data import LabelledPictures, Pictures
from cleaner.training.runner import Runner
from cleaner.util.progress import SILENT, Reporter, Stage
from cleaner.version import __version__

Picture = Path | str | bytes | Image.Image


class Prediction(NamedTuple):
    """What a network says of one image.

    Attributes
    ----------
    label : str
        The most probable class.
    probability : float
        Its probability.
    probabilities : ndarray, float32, shape (n_classes,)
        In the order of the network's classes.
    """

    label: str
    probability: float
    probabilities: NDArray[np.float32]


@dataclass
class Network:
    """A classifier and all that is needed to use it elsewhere.

    Attributes
    ----------
    runner : Runner
        The model on its device.
    classes : list of str
        In the order of the logits.
    backbone : str
        Name of the architecture.
    pretrained : bool
        Whether training began with pretrained weights.
    manifest : dict
        What came with the file that this was loaded from: metrics, history, version.
    """

    runner: Runner
    classes: list[str]
    backbone: str
    pretrained: bool
    manifest: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def build(cls, backbone: Backbone, classes: Sequence[str]) -> Network:
        """Put a new head on a copy of a backbone."""
        hidden_dim = SCRATCH_HIDDEN if backbone.name == SCRATCH else 0
        head = build_head(backbone.feature_dim, len(classes), hidden_dim=hidden_dim)
        return cls._joined(backbone, head, classes)

    @classmethod
    def _joined(cls, backbone: Backbone, head: nn.Sequential, classes: Sequence[str]) -> Network:
        model = Classifier(copy.deepcopy(backbone.module), head, keep_statistics=backbone.pretrained)
        runner = Runner(model, backbone.preprocess, backbone.device)
        return cls(runner, list(classes), backbone.name, backbone.pretrained)

    @classmethod
    def from_linear_head(
        cls,
        backbone: Backbone,
        classes: Sequence[str],
        *,
        weight: NDArray[np.float32],
        offset: NDArray[np.float32],
    ) -> Network:
        """Join a copy of a backbone with a linear head that was fitted on its embeddings.

        Parameters
        ----------
        backbone : Backbone
        classes : sequence of str
        weight : float32, shape (feature_dim, n_classes)
            Fitted on embeddings of length 1.
        offset : float32, shape (n_classes,)
        """
        layers = build_head(backbone.feature_dim, len(classes))
        linear = cast("nn.Linear", layers[-1])
        with torch.no_grad():
            # It was fitted on rows of length 1; the network brings them to the length √feature_dim.
            linear.weight.copy_(torch.from_numpy(weight.T / math.sqrt(backbone.feature_dim)))
            linear.bias.copy_(torch.from_numpy(offset))
        network = cls._joined(backbone, layers, classes)
        network.runner.model.eval()
        return network

    def with_classes(self, classes: Sequence[str]) -> Network:
        """Return this network, with a new head unless the classes are the same."""
        if list(classes) == self.classes:
            return self
        old = self.runner.model
        head = build_head(old.feature_dim, len(classes), hidden_dim=old.hidden_dim)
        model = Classifier(old.body, head, keep_statistics=self.pretrained)
        runner = Runner(model, self.runner.preprocess, self.runner.device)
        return replace(self, runner=runner, classes=list(classes), manifest={})

    def predict(self, pictures: Sequence[Picture]) -> list[Prediction]:
        """Name the class of each image.

        Parameters
        ----------
        pictures : sequence of Path, str, bytes or Image
            Files, contents of files, or images.

        Raises
        ------
        ImageError
            An image cannot be opened; the message names it.
        """
        read = self.runner.preprocess
        predictions = []
        self.runner.model.eval()
        for start in range(0, len(pictures), 16):
            batch = np.stack([read_picture(picture, read) for picture in pictures[start : start + 16]])
            with torch.inference_mode():
                shares = self.runner.logits(torch.from_numpy(batch)).softmax(dim=1).cpu().numpy()
            for row in shares:
                best = int(row.argmax())
                predictions.append(Prediction(self.classes[best], float(row[best]), row))
        return predictions

    def probabilities(self, catalog: Catalog, *, reporter: Reporter = SILENT) -> NDArray[np.float32]:
        """Return the probability of each class for each image of a catalog; NaN where one is unreadable."""
        paths = [catalog.path(str(name)) for name in catalog.names]
        pictures = Pictures(paths, self.runner.preprocess, max_cache_bytes=0)
        logs = self.runner.log_probabilities(
            pictures, np.arange(len(paths)), reporter=reporter, stage=Stage.PREDICT
        )
        return np.exp(logs)

    def save(self, path: Path, **more: Any) -> None:
        """Write one safetensors file with the classes, the preprocessing and ``more`` in a JSON manifest."""
        model = self.runner.model
        manifest = {
            "cleaner_version": __version__,
            "classes": self.classes,
            "backbone": {"name": self.backbone, "pretrained": self.pretrained},
            "preprocess": asdict(self.runner.preprocess),
            "head": {"feature_dim": model.feature_dim, "hidden_dim": model.hidden_dim},
            **more,
        }
        save_checkpoint(Path(path), model.state_dict(), manifest)

    @classmethod
    def load(cls, path: Path, *, device: str | torch.device | None = None) -> Network:
        """Read a file that `save` wrote.

        Raises
        ------
        CheckpointError
            The file is damaged, or not a saved model.
        """
        path = Path(path)
        state, manifest = load_checkpoint(path)
        target = torch.device(device) if device is not None else best_device()
        try:
            classes = [str(label) for label in manifest["classes"]]
            described = dict(manifest["preprocess"])
            preprocess = Preprocess(
                int(described["size_px"]),
                tuple(described["mean"]),
                tuple(described["std"]),
                described["resize"],
            )
            name = str(manifest["backbone"]["name"])
            body = empty_body(name, preprocess)
            pretrained = bool(manifest["backbone"]["pretrained"])
            widths = manifest["head"]
            head = build_head(int(widths["feature_dim"]), len(classes), hidden_dim=int(widths["hidden_dim"]))
            model = Classifier(body, head, keep_statistics=pretrained)
            model.load_state_dict(state)
        except (KeyError, TypeError, ValueError, RuntimeError, BackboneError) as exc:
            msg = f"{path} is a saved model whose parts do not fit together ({exc}); save it again."
            raise CheckpointError(msg) from exc
        return cls(Runner(model, preprocess, target), classes, name, pretrained, manifest)


def read_picture(picture: Picture, preprocess: Preprocess) -> NDArray[np.uint8]:
    """Return an image as a network takes it, shape ``(size_px, size_px, 3)``; raises `ImageError`."""
    if isinstance(picture, Image.Image):
        return preprocess.shrink(picture.convert("RGB"))
    source = Path(picture) if isinstance(picture, str) else picture
    try:
        return preprocess.read(source)
    except ImageError as exc:
        named = "The image" if isinstance(source, bytes) else str(source)
        msg = f"{named} cannot be used: {exc}."
        raise ImageError(msg) from exc


@dataclass(frozen=True)
class Evaluation:
    """How well a network does on some images.

    Attributes
    ----------
    n : int
        Images that could be read.
    loss : float
        Mean cross-entropy, nats.
    error_rate : float
        Share of wrong predictions, 0..1.
    """

    n: int
    loss: float
    error_rate: float

    @property
    def accuracy(self) -> float:
        """Share of right predictions, 0..1."""
        return 1 - self.error_rate


def evaluate(
    network: Network,
    data: LabelledPictures,
    indices: NDArray[np.intp],
    *,
    reporter: Reporter = SILENT,
    stage: str = "",
) -> Evaluation:
    """Measure a network on some rows, in eval mode and without augmentation.

    Raises
    ------
    TrainingError
        None of them can be read.
    """
    logs = network.runner.log_probabilities(data.pictures, indices, reporter=reporter, stage=stage)
    readable = ~np.isnan(logs).any(axis=1)
    if not readable.any():
        msg = f"None of {len(indices)} images can be read; {data.first_problem()}."
        raise TrainingError(msg)
    logs, targets = logs[readable], data.targets[indices][readable]
    losses = -logs[np.arange(len(logs)), targets]
    wrong = logs.argmax(axis=1) != targets
    return Evaluation(n=len(logs), loss=float(losses.mean()), error_rate=float(wrong.mean()))


def loss_table(
    network: Network, data: LabelledPictures, indices: NDArray[np.intp], *, reporter: Reporter = SILENT
) -> pd.DataFrame:
    """Return one row an image, highest loss first, equal losses by name.

    Returns
    -------
    DataFrame
        ``name``, ``split``, ``given_label``, ``predicted_label``, ``probability`` (of the predicted label),
        ``loss`` (of the given label, nats).
    """
    logs = network.runner.log_probabilities(data.pictures, indices, reporter=reporter, stage=Stage.LOSSES)
    readable = ~np.isnan(logs).any(axis=1)
    logs, rows = logs[readable], indices[readable]
    best = logs.argmax(axis=1)
    classes = np.array(network.classes, dtype=object)
    table = pd.DataFrame(
        {
            "name": data.names[rows],
            "split": data.splits[rows],
            "given_label": classes[data.targets[rows]],
            "predicted_label": classes[best],
            "probability": np.exp(logs[np.arange(len(logs)), best]),
            "loss": -logs[np.arange(len(logs)), data.targets[rows]],
        }
    )
    return table.sort_values(["loss", "name"], ascending=[False, True], ignore_index=True)

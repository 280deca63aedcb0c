"""A network that names the class or the classes of images: predict with it, measure it, save it, load it."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from cleaner.dataset.catalog import Catalog
from cleaner.dataset.label_sets import LabelSets
from cleaner.errors import BackboneError, CheckpointError, ImageError, TrainingError
from cleaner.models.backbones import Backbone, Preprocess, best_device, empty_body
from cleaner.models.checkpoint import load_checkpoint, save_checkpoint
from cleaner.models.heads import SCRATCH_HIDDEN, Classifier, build_head
from cleaner.models.scratch import SCRATCH
from cleaner.training.data import LabelledPictures, Pictures
from cleaner.training.outputs import Outputs, outputs_for
from cleaner.training.runner import Runner
from cleaner.util.intervals import independent_answers
from cleaner.util.progress import SILENT, Reporter, Stage
from cleaner.version import __version__

Picture = Path | str | bytes | Image.Image


class Prediction(NamedTuple):
    """What a network says of one image.

    Attributes
    ----------
    label : str
        The most probable class; where images can have several, those that are more probably there than not,
        joined.
    probability : float
        Its probability; of several classes as if they were independent of each other.
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
    outputs : Outputs
        The classes, and what their logits stand for.
    backbone : str
        Name of the architecture.
    pretrained : bool
        Whether training began with pretrained weights.
    manifest : dict
        What came with the file that this was loaded from: metrics, history, version.
    """

    runner: Runner
    outputs: Outputs
    backbone: str
    pretrained: bool
    manifest: dict[str, Any] = field(default_factory=dict)

    @property
    def classes(self) -> list[str]:
        """In the order of the logits."""
        return list(self.outputs.classes)

    @classmethod
    def build(cls, backbone: Backbone, classes: Sequence[str], sets: LabelSets | None = None) -> Network:
        """Put a new head on a copy of a backbone; with ``sets``, it says which of the classes are there."""
        hidden_dim = SCRATCH_HIDDEN if backbone.name == SCRATCH else 0
        head = build_head(backbone.feature_dim, len(classes), hidden_dim=hidden_dim)
        return cls._joined(backbone, head, outputs_for(classes, sets))

    @classmethod
    def _joined(cls, backbone: Backbone, head: nn.Sequential, outputs: Outputs) -> Network:
        model = Classifier(copy.deepcopy(backbone.module), head, keep_statistics=backbone.pretrained)
        runner = Runner(model, backbone.preprocess, backbone.device)
        return cls(runner, outputs, backbone.name, backbone.pretrained)

    @classmethod
    def from_linear_head(
        cls,
        backbone: Backbone,
        classes: Sequence[str],
        *,
        weight: NDArray[np.float32],
        offset: NDArray[np.float32],
        sets: LabelSets | None = None,
    ) -> Network:
        """Join a copy of a backbone with a linear head that was fitted on its embeddings.

        Parameters
        ----------
        backbone : Backbone
        classes : sequence of str
        weight : float32, shape (feature_dim, n_classes)
            Fitted on embeddings of length 1.
        offset : float32, shape (n_classes,)
        sets : LabelSets, optional
            The head says of each class whether it is there.
        """
        layers = build_head(backbone.feature_dim, len(classes))
        network = cls._joined(backbone, layers, outputs_for(classes, sets))
        linear = network.runner.model.last_layer
        with torch.no_grad():
            # It was fitted on rows of length 1; the network brings them to the length √feature_dim.
            linear.weight.copy_(torch.from_numpy(weight.T / math.sqrt(backbone.feature_dim)))
        network.set_offsets(offset)
        network.runner.model.eval()
        return network

    @torch.no_grad()
    def set_offsets(self, offsets: NDArray[np.float32]) -> None:
        """Set the offsets of the logits, shape (n_classes,)."""
        self.runner.model.last_layer.bias.copy_(torch.from_numpy(offsets))

    def with_classes(self, classes: Sequence[str], sets: LabelSets | None = None) -> Network:
        """Return this network, with a new head unless the classes and what its logits stand for are the same.

        How the classes of an image are joined is taken over in any case.
        """
        outputs = outputs_for(classes, sets)
        if list(classes) == self.classes and type(outputs) is type(self.outputs):
            self.outputs = outputs
            return self
        old = self.runner.model
        head = build_head(old.feature_dim, len(classes), hidden_dim=old.hidden_dim)
        model = Classifier(old.body, head, keep_statistics=self.pretrained)
        runner = Runner(model, self.runner.preprocess, self.runner.device)
        return replace(self, runner=runner, outputs=outputs, manifest={})

    def predict(self, pictures: Sequence[Picture]) -> list[Prediction]:
        """Name the class of each image, or its classes.

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
                shares = self.outputs.probabilities(self.runner.logits(torch.from_numpy(batch)))
            predictions += [Prediction(*self.outputs.answer(row), row) for row in shares.cpu().numpy()]
        return predictions

    def probabilities(self, catalog: Catalog, *, reporter: Reporter = SILENT) -> NDArray[np.float32]:
        """Return the probability of each class for each image of a catalog; NaN where one is unreadable."""
        paths = [catalog.path(str(name)) for name in catalog.names]
        pictures = Pictures(paths, self.runner.preprocess, max_cache_bytes=0)
        return self.probabilities_of(pictures, np.arange(len(paths)), reporter=reporter)

    def probabilities_of(
        self, pictures: Pictures, indices: NDArray[np.intp], *, reporter: Reporter = SILENT
    ) -> NDArray[np.float32]:
        """Return the same for some pictures."""
        logits = self.runner.all_logits(pictures, indices, reporter=reporter, stage=Stage.PREDICT)
        found: NDArray[np.float32] = self.outputs.probabilities(torch.from_numpy(logits)).numpy()
        return found

    def save(self, path: Path, **more: Any) -> None:
        """Write one safetensors file with the classes, the preprocessing and ``more`` in a JSON manifest."""
        model, sets = self.runner.model, self.outputs.sets
        manifest = {
            "cleaner_version": __version__,
            "classes": self.classes,
            **({} if sets is None else {"separator": sets.separator}),
            "backbone": {"name": self.backbone, "pretrained": self.pretrained},
            "preprocess": asdict(self.runner.preprocess),
            "head": {"feature_dim": model.feature_dim, "hidden_dim": model.hidden_dim},
            **more,
        }
        save_checkpoint(Path(path), model.state_dict(), manifest, format_number=1 if sets is None else 2)

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
            separator = manifest.get("separator")
            sets = None if separator is None else LabelSets(str(separator))
            outputs = outputs_for([str(label) for label in manifest["classes"]], sets)
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
            n_classes, hidden_dim = len(outputs.classes), int(widths["hidden_dim"])
            head = build_head(int(widths["feature_dim"]), n_classes, hidden_dim=hidden_dim)
            model = Classifier(body, head, keep_statistics=pretrained)
            model.load_state_dict(state)
        except (KeyError, TypeError, ValueError, RuntimeError, BackboneError) as exc:
            msg = f"{path} is a saved model whose parts do not fit together ({exc}); save it again."
            raise CheckpointError(msg) from exc
        return cls(Runner(model, preprocess, target), outputs, name, pretrained, manifest)


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
        Mean cross-entropy, nats an answer.
    error_rate : float
        Share of wrong answers, 0..1. There is one on each image, its class; where images can have several,
        one on each class of each image.
    independent : int or None
        How many independent answers would tell as much about the error rate, by how unequally the wrong ones
        fall on the images; None: as many as there are images.
    precision : float or None
        Mean average precision of the classes, 0..1; None where each image has one class.
    said : dict of int to float32, shape (n_classes,)
        Probabilities of the classes for each row of the catalog that could be read.
    """

    n: int
    loss: float
    error_rate: float
    independent: int | None = None
    precision: float | None = None
    said: dict[int, NDArray[np.float32]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def numbers(self) -> dict[str, float]:
        """What is known in figures, as JSON can hold it."""
        known = {
            name: getattr(self, name) for name in ("n", "loss", "error_rate", "independent", "precision")
        }
        return {name: value for name, value in known.items() if value is not None}

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
    said, rows = _said(network, data, indices, reporter, stage)
    if not len(rows):
        msg = f"None of {len(indices)} images can be read; {data.first_problem()}."
        raise TrainingError(msg)
    outputs, targets = network.outputs, data.targets[rows]
    wrong = outputs.wrong(said.probabilities, targets)
    return Evaluation(
        n=len(rows),
        loss=float(said.losses.mean()),
        error_rate=float(wrong.mean()),
        independent=independent_answers(wrong.sum(axis=1), np.full(len(wrong), wrong.shape[1]))
        if wrong.ndim > 1
        else None,
        precision=outputs.precision(said.probabilities, targets),
        said=dict(zip(rows.tolist(), said.probabilities, strict=True)),
    )


class _Said(NamedTuple):
    """Probabilities (n, n_classes) of some images, and the losses (n,) of their labels in nats."""

    probabilities: NDArray[np.float32]
    losses: NDArray[np.float32]


def _said(
    network: Network, data: LabelledPictures, indices: NDArray[np.intp], reporter: Reporter, stage: str
) -> tuple[_Said, NDArray[np.intp]]:
    """Ask a network about some rows; returns also which of them could be read."""
    found = network.runner.all_logits(data.pictures, indices, reporter=reporter, stage=stage)
    readable = ~np.isnan(found).any(axis=1)
    rows, logits = indices[readable], torch.from_numpy(found[readable])
    losses = network.outputs.losses(logits, torch.from_numpy(data.targets[rows]))
    return _Said(network.outputs.probabilities(logits).numpy(), losses.numpy()), rows


def loss_table(
    network: Network, data: LabelledPictures, indices: NDArray[np.intp], *, reporter: Reporter = SILENT
) -> pd.DataFrame:
    """Return one row an image, highest loss first, equal losses by name.

    Returns
    -------
    DataFrame
        ``name``, ``split``, ``given_label``, ``predicted_label``, ``probability`` (of the predicted label),
        ``loss`` (of the given label, nats an answer).
    """
    said, rows = _said(network, data, indices, reporter, Stage.LOSSES)
    answers = [network.outputs.answer(row) for row in said.probabilities]
    table = pd.DataFrame(
        {
            "name": data.names[rows],
            "split": data.splits[rows],
            "given_label": data.labels[rows],
            "predicted_label": [label for label, _ in answers],
            "probability": np.array([probability for _, probability in answers], dtype=np.float32),
            "loss": said.losses,
        }
    )
    return table.sort_values(["loss", "name"], ascending=[False, True], ignore_index=True)

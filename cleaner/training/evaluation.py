"""Losses and error rates of a network on labelled images, always in eval mode and without augmentation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cleaner.errors import TrainingError
from cleaner.training.data import LabelledPictures
from cleaner.training.network import Network
from cleaner.util.progress import SILENT, Reporter, Stage


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
    """Measure a network on some rows.

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

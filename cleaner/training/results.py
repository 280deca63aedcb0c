"""What a trained network can be asked: how good it is, what it says of pictures, where it is most wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cleaner.errors import TrainingError
from cleaner.models.heads import Classifier
from cleaner.training.data import LabelledPictures
from cleaner.training.diagnosis import Diagnosis, diagnose
from cleaner.training.evaluation import Evaluation, evaluate, loss_table
from cleaner.training.history import History
from cleaner.training.network import Network, Picture, Prediction
from cleaner.util.progress import SILENT, Reporter, Stage

if TYPE_CHECKING:
    from cleaner.dataset.catalog import Catalog

__all__ = ["Results"]


class Results:
    """The side of a learner that measures, predicts and saves.

    Parameters
    ----------
    network : Network
        The model with its classes and preprocessing.
    data : LabelledPictures, optional
        The images that it learns from and is measured on.
    """

    def __init__(self, network: Network, data: LabelledPictures | None) -> None:
        self.network = network
        self.history = History()
        self._data = data
        self._evaluations: dict[str, Evaluation] = {}

    @property
    def classes(self) -> list[str]:
        """Names of the classes, in the order of the probabilities."""
        return self.network.classes

    @property
    def model(self) -> Classifier:
        """The torch module, with ``body`` and ``head``."""
        return self.network.runner.model

    @property
    def data(self) -> LabelledPictures:
        """The images and their labels.

        Raises
        ------
        TrainingError
            The model was loaded without a catalog.
        """
        if self._data is None:
            msg = "This model was loaded without images; use Learner.load(path, catalog)."
            raise TrainingError(msg)
        return self._data

    @property
    def problems(self) -> dict[str, str]:
        """Name → reason, for the images that turned out to be unreadable and were skipped."""
        return self.data.problems

    def evaluate(self, split: str = "valid", *, reporter: Reporter = SILENT) -> Evaluation:
        """Measure loss and error rate on one split; remembered until the weights change.

        Raises
        ------
        TrainingError
            The split has no labelled images that can be read.
        """
        if split not in self._evaluations:
            rows = self.data.indices(split)
            if not len(rows):
                msg = f"There are no labelled images in the split {split!r}."
                raise TrainingError(msg)
            self._evaluations[split] = evaluate(
                self.network, self.data, rows, reporter=reporter, stage=Stage.EVALUATE
            )
        return self._evaluations[split]

    @property
    def error_rate(self) -> float:
        """Share of validation images that are predicted wrongly, 0..1."""
        return self.evaluate().error_rate

    @property
    def accuracy(self) -> float:
        """Share of validation images that are predicted rightly, 0..1."""
        return self.evaluate().accuracy

    def diagnose(
        self, *, target_error: float | None = None, previous_error: float | None = None
    ) -> Diagnosis:
        """Judge all training so far; see `cleaner.training.diagnosis`."""
        epochs = self.history.to_frame()
        counts = np.bincount(self.data.targets[self.data.indices("valid")])
        return diagnose(
            list(epochs["train_loss"]),
            list(epochs["valid_loss"]),
            list(epochs["error_rate"]),
            n_valid=int(counts.sum()),
            n_classes=len(self.classes),
            largest_share=float(counts.max() / counts.sum()),
            target_error=target_error,
            previous_error=previous_error,
        )

    def predict(self, pictures: Picture | Sequence[Picture]) -> list[Prediction]:
        """Name the class of one or several pictures: files, contents of files, or Pillow images.

        Raises
        ------
        ImageError
            A picture cannot be opened.
        """
        several = isinstance(pictures, Sequence) and not isinstance(pictures, str | bytes)
        return self.network.predict(pictures if several else [pictures])  # type: ignore[list-item, arg-type]

    def probabilities(self, catalog: Catalog, *, reporter: Reporter = SILENT) -> NDArray[np.float32]:
        """Return the probability of every class for every image of a catalog.

        Returns
        -------
        ndarray, float32, shape (len(catalog), n_classes)
            Rows in the catalog's order; rows of unreadable images are NaN.
        """
        return self.network.probabilities(catalog, reporter=reporter)

    def top_losses(self, k: int | None = None, *, reporter: Reporter = SILENT) -> pd.DataFrame:
        """Return the images of train and valid with the highest loss, as the lesson did it.

        This is the loss *in sample*: the model has seen the training images with these very labels and may
        have learnt their errors by heart. To find wrong labels, use `cleaner.ranking.rank`.

        Parameters
        ----------
        k : int, optional
            How many; by default all.

        Returns
        -------
        DataFrame
            ``name``, ``split``, ``given_label``, ``predicted_label``, ``probability`` (of the predicted
            label), ``loss`` (nats, of the given label), highest loss first.
        """
        rows = self.data.indices("train", "valid")
        return loss_table(self.network, self.data, rows, reporter=reporter).head(
            len(rows) if k is None else k
        )

    def save(self, path: Path | str) -> None:
        """Write one safetensors file: weights, classes, preprocessing, metrics and history.

        Raises
        ------
        CheckpointError
            The file cannot be written.
        """
        valid = self._evaluations.get("valid")
        metrics = {} if valid is None else asdict(valid)
        self.network.save(Path(path), metrics=metrics, history=self.history.to_dict())

    export = save  # the lesson's word

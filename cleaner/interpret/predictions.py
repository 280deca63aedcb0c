"""Labels beside out-of-sample predictions: what everything in this room starts from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cleaner.dataset.label_sets import classes_of
from cleaner.errors import InterpretationError
from cleaner.ranking.result import Ranking
from cleaner.ranking.set_ranking import SetRanking
from cleaner.util.natural import naturally

if TYPE_CHECKING:  # torch takes 2 to 4 s
    from cleaner.training.learner import Learner


HALF = 0.5
"""Probability above which a class is more probably there than not."""


@dataclass(frozen=True)
class Predictions:
    """Labelled images and their out-of-sample predictions.

    Parameters
    ----------
    names : sequence of str, length n
    classes : sequence of str, length k
    labels : int64, shape (n,)
        Index of the label of each image.
    probabilities : float32, shape (n, k)
        Of each class, by a model that did not learn from the image.

    Raises
    ------
    InterpretationError
        The shapes do not fit together, or a label is no index of a class.
    """

    names: Sequence[str]
    classes: Sequence[str]
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float32]

    def __post_init__(self) -> None:
        n, k = len(self.names), len(self.classes)
        fits = self.labels.shape == (n,) and self.probabilities.shape == (n, k)
        if not fits or (n and not (self.labels.min() >= 0 and self.labels.max() < k)):
            msg = (
                f"Got labels of shape {self.labels.shape} and probabilities of shape "
                f"{self.probabilities.shape} for {n} images and {k} classes; give one index of a class, and "
                "one probability per class, for each image."
            )
            raise InterpretationError(msg)

    @classmethod
    def of_ranking(cls, ranking: Ranking, labels: Mapping[str, str | None] | None = None) -> Predictions:
        """Take the predictions of a ranking, which are out of sample.

        Parameters
        ----------
        ranking : Ranking
        labels : mapping of str to (str or None), optional
            The label of each image after all decisions, without those that were deleted
            (`cleaner.review.labels.PresentLabels.by_name`); default: the labels that were ranked. A class
            that the ranking does not know has the probability 0.
        """
        if isinstance(ranking, SetRanking):
            raise _several()
        rows, present = _labelled(ranking, labels)
        classes = naturally({*ranking.classes, *present})
        index = {label: i for i, label in enumerate(classes)}
        codes = np.fromiter(map(index.__getitem__, present), np.int64, len(present))
        names = [ranking.names[row] for row in rows.tolist()]
        return cls(names, classes, codes, _probabilities(ranking, rows, classes))

    @classmethod
    def of_learner(cls, learner: Learner, split: str = "valid") -> Predictions:
        """Let a learner predict a split that it did not train on; unreadable images are left out.

        Raises
        ------
        InterpretationError
            The split is the one that the learner trains on.
        TrainingError
            The learner was loaded without images.
        """
        if learner.network.outputs.sets is not None:
            raise _several()
        names, targets, probabilities = _predicted_by(learner, split)
        return cls(names, learner.classes, targets.astype(np.int64), probabilities)

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def predicted(self) -> NDArray[np.int64]:
        """Index of the most probable class of each image, shape (n,)."""
        best: NDArray[np.int64] = self.probabilities.argmax(axis=1).astype(np.int64)
        return best

    @cached_property
    def losses(self) -> NDArray[np.float32]:
        """Cross-entropy of each label in nats, shape (n,); higher = worse."""
        own = self.probabilities[np.arange(len(self)), self.labels]
        return (0 - np.log(np.maximum(own, np.float32(1e-12)))).astype(np.float32)


@dataclass(frozen=True)
class SetPredictions:
    """Labelled images that can have several labels, and their out-of-sample predictions.

    Parameters
    ----------
    names : sequence of str, length n
    classes : sequence of str, length k
    labels : bool, shape (n, k)
        Whether the label of each image has each class.
    probabilities : float32, shape (n, k)
        That each class is there, by a model that did not learn from the image.

    Raises
    ------
    InterpretationError
        The shapes do not fit together.
    """

    names: Sequence[str]
    classes: Sequence[str]
    labels: NDArray[np.bool_]
    probabilities: NDArray[np.float32]

    def __post_init__(self) -> None:
        expected = (len(self.names), len(self.classes))
        if not self.labels.shape == self.probabilities.shape == expected:
            msg = (
                f"Got labels of shape {self.labels.shape} and probabilities of shape "
                f"{self.probabilities.shape}; give both for each of {len(self.names)} images and each of "
                f"{len(self.classes)} classes."
            )
            raise InterpretationError(msg)

    @classmethod
    def of_ranking(cls, ranking: Ranking, labels: Mapping[str, str | None] | None = None) -> SetPredictions:
        """Take the predictions of a ranking, which are out of sample; parameters as in `Predictions`.

        Raises
        ------
        InterpretationError
            Each image of the ranking has one label.
        """
        if not isinstance(ranking, SetRanking):
            raise _one()
        rows, present = _labelled(ranking, labels)
        classes = naturally({*ranking.classes, *classes_of(present, ranking.sets)})
        names = [ranking.names[row] for row in rows.tolist()]
        bits = ranking.sets.bits(present, classes)
        return cls(names, classes, bits, _probabilities(ranking, rows, classes))

    @classmethod
    def of_learner(cls, learner: Learner, split: str = "valid") -> SetPredictions:
        """Let a learner predict a split that it did not train on; see `Predictions.of_learner`."""
        if learner.network.outputs.sets is None:
            raise _one()
        names, targets, probabilities = _predicted_by(learner, split)
        return cls(names, learner.classes, np.asarray(targets > HALF), probabilities)

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def found(self) -> NDArray[np.bool_]:
        """Which classes are more probably there than not, shape (n, k)."""
        return np.asarray(self.probabilities > HALF)


def _labelled(
    ranking: Ranking, labels: Mapping[str, str | None] | None
) -> tuple[NDArray[np.int64], list[str]]:
    """Return the rows of images with a label, and their labels."""
    present = ranking.given if labels is None else [labels.get(name) for name in ranking.names]
    rows = np.flatnonzero([label is not None for label in present])
    return rows, [label for label in present if label is not None]


def _probabilities(ranking: Ranking, rows: NDArray[np.int64], classes: Sequence[str]) -> NDArray[np.float32]:
    """Return the predictions for some rows; classes that the ranking does not know have zeros."""
    index = {label: i for i, label in enumerate(classes)}
    found = np.zeros((len(rows), len(classes)), dtype=np.float32)
    for column, label in enumerate(ranking.classes):  # one by one, so that no more memory is needed
        found[:, index[label]] = ranking.predicted[rows, column]
    return found


def _predicted_by(learner: Learner, split: str) -> tuple[list[str], NDArray[Any], NDArray[np.float32]]:
    """Return names, targets and probabilities of the images of a split that can be read."""
    if split == "train":
        msg = (
            "Got the split “train”, whose labels the learner has learnt, wrong ones too. Choose “valid” "
            "or “test”, or use a ranking (of_ranking)."
        )
        raise InterpretationError(msg)
    data = learner.data
    rows = data.indices(split)
    probabilities = learner.network.probabilities_of(data.pictures, rows)
    readable = ~np.isnan(probabilities).any(axis=1)
    kept = rows[readable]
    return [str(name) for name in data.names[kept]], data.targets[kept], probabilities[readable]


def _several() -> InterpretationError:
    return InterpretationError(
        "Images of this set can have several labels, so there is no one prediction for each. Use "
        "SetPredictions and LabelMatrix, which have one for each class."
    )


def _one() -> InterpretationError:
    return InterpretationError("Each image of this set has one label. Use Predictions and ConfusionMatrix.")

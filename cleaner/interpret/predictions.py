"""Labels beside out-of-sample predictions: what everything in this room starts from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cleaner.dataset.label_sets import require_one_label
from cleaner.errors import InterpretationError
from cleaner.ranking.result import Ranking
from cleaner.ranking.set_ranking import SetRanking
from cleaner.util.natural import naturally

if TYPE_CHECKING:  # torch takes 2 to 4 s
    from cleaner.training.learner import Learner


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
        require_one_label(ranking.sets if isinstance(ranking, SetRanking) else None, "A confusion matrix")
        by_name = dict(zip(ranking.names, ranking.given, strict=True)) if labels is None else labels
        rows, present = [], []
        for row, name in enumerate(ranking.names):
            label = by_name.get(name)
            if label is not None:
                rows.append(row)
                present.append(label)
        classes = naturally({*ranking.classes, *present})
        index = {label: i for i, label in enumerate(classes)}
        probabilities = np.zeros((len(rows), len(classes)), dtype=np.float32)
        probabilities[:, [index[label] for label in ranking.classes]] = ranking.predicted[rows]
        codes = np.array([index[label] for label in present], dtype=np.int64)
        return cls([ranking.names[row] for row in rows], classes, codes, probabilities)

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
        if split == "train":
            msg = (
                "Got the split “train”, whose labels the learner has learnt, wrong ones too. Choose “valid” "
                "or “test”, or use a ranking (Predictions.of_ranking)."
            )
            raise InterpretationError(msg)
        require_one_label(learner.network.outputs.sets, "A confusion matrix")
        data = learner.data
        rows = data.indices(split)
        probabilities = learner.network.probabilities_of(data.pictures, rows)
        readable = ~np.isnan(probabilities).any(axis=1)
        kept = rows[readable]
        names = [str(name) for name in data.names[kept]]
        labels = np.asarray(data.targets[kept], dtype=np.int64)
        return cls(names, learner.classes, labels, probabilities[readable])

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

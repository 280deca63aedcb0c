"""What the outputs of a network stand for: one class of each image, or each class for itself.

Everything that differs between the two is here: what labels are as numbers, what is minimised, what the
outputs are as probabilities, and what counts as a wrong answer.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from cleaner.dataset.label_sets import LabelSets
from cleaner.training.average_precision import mean_average_precision

Targets = NDArray[np.int64] | NDArray[np.float32]
"""Labels as numbers; see `Outputs.targets`."""


class Guess(NamedTuple):
    """What somebody who knows how frequent the classes are, but sees no image, would do.

    Attributes
    ----------
    error : float
        Share of wrong answers, 0..1.
    loss : float
        Nats an answer; for one class of each image, as if all were equally frequent.
    """

    error: float
    loss: float


@dataclass(frozen=True)
class Outputs(ABC):
    """The classes of a network, and how its logits are read.

    Attributes
    ----------
    classes : tuple of str
        In the order of the logits.
    """

    classes: tuple[str, ...]

    @property
    def sets(self) -> LabelSets | None:
        """How the classes of one image are joined to a label; None if each image has one class."""
        return None

    @property
    def answers(self) -> int:
        """How many answers there are on each image, each of which can be wrong."""
        return 1

    @abstractmethod
    def targets(self, labels: Sequence[str | None]) -> Targets:
        """Return labels as numbers, one row an image; see the classes for their shapes."""

    @abstractmethod
    def probabilities(self, logits: Tensor) -> Tensor:
        """Return the probability of each class, shape (n, n_classes)."""

    @abstractmethod
    def losses(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of each image, shape (n,), nats an answer."""

    @abstractmethod
    def loss(self, logits: Tensor, targets: Tensor, weights: Tensor | None, smoothing: float) -> Tensor:
        """Return the mean loss that is minimised; targets may be mixed, shape (n, n_classes).

        ``weights`` has one number a class, ``smoothing`` is the share of a target that is spread evenly.
        """

    @abstractmethod
    def wrong(self, probabilities: NDArray[np.float32], targets: Targets) -> NDArray[np.bool_]:
        """Return which answers are wrong, one row an image."""

    @abstractmethod
    def answer(self, probabilities: NDArray[np.float32]) -> tuple[str, float]:
        """Return the most probable label of an image, and its probability; both from one row."""

    @abstractmethod
    def sizes(self, targets: Targets) -> NDArray[np.int64]:
        """Return how many images have each class, shape (n_classes,)."""

    @abstractmethod
    def groups(self, targets: Targets) -> NDArray[np.int64]:
        """Return the class for which each image is repeated where classes are balanced; −1: for none."""

    @abstractmethod
    def guess(self, targets: Targets) -> Guess:
        """Return how well one does without looking at the images."""

    @abstractmethod
    def first_offsets(self, targets: Targets) -> NDArray[np.float32] | None:
        """Return what the offsets of a new head begin with, shape (n_classes,); None: as they are drawn."""

    def precision(self, probabilities: NDArray[np.float32], targets: Targets) -> float | None:
        """Return the mean average precision of the classes, 0..1; None where each image has one class."""
        return None


class OneClass(Outputs):
    """Each image has exactly one class: softmax and cross-entropy. Targets are int64, shape (n,)."""

    def targets(self, labels: Sequence[str | None]) -> NDArray[np.int64]:
        """Return the number of each label; −1 for none."""
        number: dict[str | None, int] = {label: i for i, label in enumerate(self.classes)}
        return np.array([number.get(label, -1) for label in labels], dtype=np.int64)

    def probabilities(self, logits: Tensor) -> Tensor:
        """Return the softmax."""
        return logits.softmax(dim=1)

    def losses(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the cross-entropy of each image."""
        return functional.cross_entropy(logits, targets, reduction="none")

    def loss(self, logits: Tensor, targets: Tensor, weights: Tensor | None, smoothing: float) -> Tensor:
        """Return the mean cross-entropy."""
        return functional.cross_entropy(logits, targets, weight=weights, label_smoothing=smoothing)

    def wrong(self, probabilities: NDArray[np.float32], targets: Targets) -> NDArray[np.bool_]:
        """Return where the most probable class is not that of the label, shape (n,)."""
        return np.asarray(probabilities.argmax(axis=1) != targets)

    def answer(self, probabilities: NDArray[np.float32]) -> tuple[str, float]:
        """Return the most probable class."""
        best = int(probabilities.argmax())
        return self.classes[best], float(probabilities[best])

    def sizes(self, targets: Targets) -> NDArray[np.int64]:
        """Count the images of each class."""
        return np.bincount(targets.astype(np.int64), minlength=len(self.classes))

    def groups(self, targets: Targets) -> NDArray[np.int64]:
        """Return the class of each image."""
        return targets.astype(np.int64)

    def guess(self, targets: Targets) -> Guess:
        """Name the largest class for every image."""
        sizes = self.sizes(targets)
        return Guess(1 - float(sizes.max() / sizes.sum()), float(np.log(len(self.classes))))

    def first_offsets(self, targets: Targets) -> None:
        """Return nothing: all classes begin alike."""
        return None


@dataclass(frozen=True)
class EachClass(Outputs):
    """Each class is there or not: sigmoid, binary cross-entropy. Targets are float32, shape (n, n_classes).

    Attributes
    ----------
    classes : tuple of str
    joined : LabelSets
        How the classes of an image are joined to a label.
    """

    joined: LabelSets

    @property
    def sets(self) -> LabelSets:
        """How the classes of an image are joined."""
        return self.joined

    @property
    def answers(self) -> int:
        """There is one on each class."""
        return len(self.classes)

    def targets(self, labels: Sequence[str | None]) -> NDArray[np.float32]:
        """Return 1 for each class of a label, 0 for the others, and for an image without a label."""
        return self.joined.bits(labels, self.classes).astype(np.float32)

    def probabilities(self, logits: Tensor) -> Tensor:
        """Return the sigmoid."""
        return logits.sigmoid()

    def losses(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the mean cross-entropy of the classes of each image."""
        return functional.binary_cross_entropy_with_logits(logits, targets, reduction="none").mean(dim=1)

    def loss(self, logits: Tensor, targets: Tensor, weights: Tensor | None, smoothing: float) -> Tensor:
        """Return the mean cross-entropy of all classes and images."""
        # Weights are those of the images that have a class: of the others, every class has about as many.
        softened = targets * (1 - smoothing) + smoothing / 2
        return functional.binary_cross_entropy_with_logits(logits, softened, pos_weight=weights)

    def wrong(self, probabilities: NDArray[np.float32], targets: Targets) -> NDArray[np.bool_]:
        """Return where a class is said to be there and is not, or the other way round."""
        return np.asarray((probabilities > 0.5) != (targets > 0.5))

    def answer(self, probabilities: NDArray[np.float32]) -> tuple[str, float]:
        """Return the classes that are more probably there than not, and how probable just these are."""
        there = probabilities > 0.5
        label = self.joined.join(name for name, is_there in zip(self.classes, there, strict=True) if is_there)
        return label, float(np.prod(np.where(there, probabilities, 1 - probabilities), dtype=np.float64))

    def sizes(self, targets: Targets) -> NDArray[np.int64]:
        """Count the images that have each class."""
        return np.asarray(targets.sum(axis=0), dtype=np.int64)

    def groups(self, targets: Targets) -> NDArray[np.int64]:
        """Return the rarest class of each image."""
        sizes = np.where(targets > 0.5, self.sizes(targets), len(targets) + 1)
        rarest = sizes.argmin(axis=1)
        return np.where(targets.any(axis=1), rarest, -1).astype(np.int64)

    def guess(self, targets: Targets) -> Guess:
        """Say of each class what is true of most images."""
        share = np.clip(targets.mean(axis=0, dtype=np.float64), 1e-6, 1 - 1e-6)
        entropy = -(share * np.log(share) + (1 - share) * np.log1p(-share))
        return Guess(float(np.minimum(share, 1 - share).mean()), float(entropy.mean()))

    def first_offsets(self, targets: Targets) -> NDArray[np.float32]:
        """Return the log odds of the classes, so that training begins with what guessing would do."""
        there, n = self.sizes(targets) + 0.5, len(targets) + 1
        return np.asarray(np.log(there / (n - there)), dtype=np.float32)

    def precision(self, probabilities: NDArray[np.float32], targets: Targets) -> float:
        """Return the mean average precision of the classes."""
        return mean_average_precision(targets > 0.5, probabilities)


def outputs_for(classes: Sequence[str], sets: LabelSets | None) -> Outputs:
    """Return what outputs stand for: each class if images can have several, else one of them."""
    return OneClass(tuple(classes)) if sets is None else EachClass(tuple(classes), sets)

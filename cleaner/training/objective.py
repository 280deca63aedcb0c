"""What training minimises: the loss of the outputs, with what the recipe adds to it."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cleaner.training.outputs import Outputs, Targets
from cleaner.training.recipe import Recipe


class Objective:
    """Loss of a batch, and the mixing of its images.

    Parameters
    ----------
    recipe : Recipe
    outputs : Outputs
    targets : ndarray
        Labels of the training images, from which the weights of the classes are made.
    device : torch.device
    """

    def __init__(self, recipe: Recipe, outputs: Outputs, targets: Targets, device: torch.device) -> None:
        self.outputs = outputs
        self.smoothing = recipe.label_smoothing
        self.weights: Tensor | None = None
        if recipe.balance == "weights":
            self.weights = torch.from_numpy(class_weights(outputs.sizes(targets))).to(device)
        self._mixers = _mixers(recipe, len(outputs.classes))

    def mix(self, pictures: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Mix the images of a batch with each other, if the recipe says so.

        Parameters
        ----------
        pictures : Tensor, uint8, shape (n, height, width, 3)
        targets : Tensor
            As `cleaner.training.outputs.Outputs.targets` gives them.

        Returns
        -------
        pictures : Tensor, uint8, shape (n, height, width, 3)
        targets : Tensor
            As they came, or the shares of the classes, shape (n, n_classes).
        """
        if not self._mixers:
            return pictures, targets
        mixer = self._mixers[int(torch.randint(len(self._mixers), ()))]
        mixed, shares = mixer(pictures.permute(0, 3, 1, 2).float(), targets)
        return mixed.round().to(torch.uint8).permute(0, 2, 3, 1), shares

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss in nats, for targets as they were or mixed."""
        return self.outputs.loss(logits, targets, self.weights, self.smoothing)


def _mixers(recipe: Recipe, n_classes: int) -> list[nn.Module]:
    if not (recipe.mixup or recipe.cutmix):
        return []
    from torchvision.transforms import v2  # takes seconds

    kinds = ((v2.MixUp, recipe.mixup), (v2.CutMix, recipe.cutmix))
    return [kind(alpha=alpha, num_classes=n_classes) for kind, alpha in kinds if alpha]


def class_weights(sizes: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return one over the size of each class, scaled so that their mean over the labels is 1.

    A class without images has the weight 0.
    """
    weights = np.where(sizes, sizes.sum() / np.maximum(sizes, 1) / max(np.count_nonzero(sizes), 1), 0)
    return weights.astype(np.float32)


def balanced(rows: NDArray[np.intp], groups: NDArray[np.int64]) -> NDArray[np.intp]:
    """Repeat rows of rare classes until all classes are equally large; each row is there once at least.

    Parameters
    ----------
    rows : ndarray, shape (n,)
    groups : ndarray, int, shape (n,)
        The classes of these rows; −1 for rows that are not repeated.
    """
    numbers, sizes = np.unique(groups[groups >= 0], return_counts=True)
    most = int(sizes.max(initial=0))
    chosen: list[NDArray[np.intp]] = [rows[groups < 0]]
    for number in numbers:
        own = rows[groups == number]
        copies, rest = divmod(most, len(own))
        drawn = torch.randperm(len(own)).numpy()[:rest]
        chosen += [*[own] * copies, cast("NDArray[np.intp]", own[drawn])]
    return np.concatenate(chosen)

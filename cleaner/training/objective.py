"""What training minimises: cross-entropy, with what the recipe adds to it."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from cleaner.training.recipe import Recipe


class Objective:
    """Loss of a batch, and the mixing of its images.

    Parameters
    ----------
    recipe : Recipe
    targets : ndarray, int, shape (n,)
        Classes of the training images, from which the weights of the classes are made.
    n_classes : int
    device : torch.device
    """

    def __init__(
        self, recipe: Recipe, targets: NDArray[np.int64], n_classes: int, device: torch.device
    ) -> None:
        self.smoothing = recipe.label_smoothing
        self.weights: Tensor | None = None
        if recipe.balance == "weights":
            self.weights = torch.from_numpy(class_weights(targets, n_classes)).to(device)
        self._mixers = _mixers(recipe, n_classes)

    def mix(self, pictures: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Mix the images of a batch with each other, if the recipe says so.

        Parameters
        ----------
        pictures : Tensor, uint8, shape (n, height, width, 3)
        targets : Tensor, int64, shape (n,)

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
        """Return the mean loss in nats, for classes ``(n,)`` or shares of classes ``(n, n_classes)``."""
        return functional.cross_entropy(logits, targets, weight=self.weights, label_smoothing=self.smoothing)


def _mixers(recipe: Recipe, n_classes: int) -> list[nn.Module]:
    if not (recipe.mixup or recipe.cutmix):
        return []
    from torchvision.transforms import v2  # takes seconds

    kinds = ((v2.MixUp, recipe.mixup), (v2.CutMix, recipe.cutmix))
    return [kind(alpha=alpha, num_classes=n_classes) for kind, alpha in kinds if alpha]


def class_weights(targets: NDArray[np.int64], n_classes: int) -> NDArray[np.float32]:
    """Return one over the size of each class, scaled so that their mean over the images is 1.

    A class without images has the weight 0.
    """
    sizes = np.bincount(targets, minlength=n_classes)
    weights = np.where(sizes, len(targets) / np.maximum(sizes, 1) / np.count_nonzero(sizes), 0)
    return weights.astype(np.float32)


def balanced(rows: NDArray[np.intp], targets: NDArray[np.int64]) -> NDArray[np.intp]:
    """Repeat rows of rare classes until all classes are equally large; each row is there once at least.

    Parameters
    ----------
    rows : ndarray, shape (n,)
    targets : ndarray, int, shape (n,)
        The classes of these rows.
    """
    most = int(np.bincount(targets).max())
    chosen: list[NDArray[np.intp]] = []
    for number in np.unique(targets):
        own = rows[targets == number]
        copies, rest = divmod(most, len(own))
        drawn = torch.randperm(len(own)).numpy()[:rest]
        chosen += [*[own] * copies, cast("NDArray[np.intp]", own[drawn])]
    return np.concatenate(chosen)

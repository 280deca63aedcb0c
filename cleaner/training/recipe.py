"""How a network is trained, as plain values that the page and the command line know without torch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from cleaner.errors import TrainingError

BASE_LR = 2e-3
"""Highest learning rate of the head in `Learner.fine_tune`, unless another one is given."""

Balance = Literal["none", "weights", "oversample"]
Precision = Literal["auto", "float32", "bfloat16", "float16"]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What a `Learner` does beyond plain training.

    Parameters
    ----------
    weight_decay : float
        Decoupled; norms and biases have none.
    mixup : float
        Mix each image, and its label, with another one of its batch; the share is drawn from Beta(α, α) with
        this α (usual: 0.4). 0: do not.
    cutmix : float
        The same, but a rectangle of one image is put into the other (usual: 1). With both, either is used for
        half of the batches.
    label_smoothing : float
        Share of the target that is spread evenly over all classes (usual: 0.1).
    balance : {"none", "weights", "oversample"}
        For classes of different sizes: weigh the loss of an image by one over the size of its class, or
        repeat images of rare classes until all classes are equally large.
    precision : {"auto", "float32", "bfloat16", "float16"}
        What the network computes in; "float16" scales the loss, so that small gradients do not vanish. By
        default bfloat16 where the hardware is fast at it, else float16 on a CUDA device, else float32.
    sizes : tuple of int
        Sides of the images in pixels, rising, the last one that of the network: the epochs with all layers
        are divided among them, under one cycle of the rate. Small images go first, and faster.
    patience : int
        Stop once the error rate has been worse than its best, by more than two standard errors, for so many
        epochs in a row, and go back to the best epoch. 0: never.

    Raises
    ------
    TrainingError
        A value is out of its range.
    """

    weight_decay: float = 0.01
    mixup: float = 0.0
    cutmix: float = 0.0
    label_smoothing: float = 0.0
    balance: Balance = "none"
    precision: Precision = "auto"
    sizes: tuple[int, ...] = ()
    patience: int = 0

    def __post_init__(self) -> None:
        for name, most in (("weight_decay", 1), ("mixup", 10), ("cutmix", 10), ("patience", 1000)):
            _check(name, getattr(self, name), 0 <= getattr(self, name) <= most, f"a number from 0 to {most}")
        _check("label_smoothing", self.label_smoothing, 0 <= self.label_smoothing < 1, "0 or more, below 1")
        for name, kinds in (("balance", get_args(Balance)), ("precision", get_args(Precision))):
            fits = getattr(self, name) in kinds
            _check(name, getattr(self, name), fits, f"one of {', '.join(map(repr, kinds))}")
        rising = list(self.sizes) == sorted(set(self.sizes)) and min(self.sizes, default=8) >= 8
        _check("sizes", self.sizes, rising, "rising numbers of pixels from 8 on, such as 128, 224")

    def size_px(self, epoch: int, epochs: int) -> int | None:
        """Return the size of the images in an epoch, from 0 on; None for that of the network.

        Each size has as many epochs; what cannot be divided goes to the larger ones.
        """
        if not self.sizes:
            return None
        share, rest = divmod(epochs, len(self.sizes))
        fewer = (len(self.sizes) - rest) * share  # epochs of those sizes that have one epoch less
        place = epoch // share if epoch < fewer else len(self.sizes) - rest + (epoch - fewer) // (share + 1)
        return self.sizes[place]


def _check(name: str, value: object, fits: bool, expected: str) -> None:
    nan = isinstance(value, float) and math.isnan(value)
    if nan or not fits:
        raise TrainingError(f"Got {value!r} as {name}; expected {expected}.")

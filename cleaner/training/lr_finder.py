"""The learning-rate finder: a sweep over rates, a batch each, and four ways to read a rate off its curve."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cleaner.errors import TrainingError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Curve = NDArray[np.float64]

_BETA = 0.98
_STOP_FACTOR = 4.0
_MIN_POINTS = 10
_WINDOW = 15


def minimum(lrs: Curve, losses: Curve) -> float:
    """Return a tenth of the rate with the lowest loss."""
    return float(lrs[np.argmin(losses)] / 10)


def steep(lrs: Curve, losses: Curve) -> float:
    """Return the rate at which the loss falls fastest per log rate."""
    return float(lrs[np.argmin(np.diff(losses) / np.diff(np.log(lrs)))])


def valley(lrs: Curve, losses: Curve) -> float:
    """Return about the middle of the longest valley: the longest strictly falling subsequence of losses.

    With L its length, ``end`` its last index and ``start = end − L``, the rate at ``start + ⌊L/3⌋ + ⌊L/6⌋``.
    """
    lengths = np.ones(len(losses), dtype=int)
    for i in range(1, len(losses)):
        higher = lengths[:i][losses[:i] > losses[i]]
        if len(higher):
            lengths[i] = higher.max() + 1
    end = int(np.argmax(lengths))
    length = int(lengths[end])
    return float(lrs[max(end - length, 0) + length // 3 + length // 6])


def slide(lrs: Curve, losses: Curve, *, threshold: float = 0.005) -> float:
    """Return where a window that slides left from the end first sees the same slope on both its sides.

    The window is 15 points wide; ``threshold`` is the largest difference that counts as the same.
    """
    slopes = np.gradient(losses)
    window = min(_WINDOW, len(lrs) - 1)
    left = len(lrs) - 1 - window
    while left > 0 and abs(slopes[left + window] - slopes[left]) > threshold:
        left -= 1
    return float(lrs[left])


@dataclass(frozen=True)
class LrSweep:
    """What a sweep saw.

    Attributes
    ----------
    lrs : ndarray, float64, shape (n,)
        Rates tried, rising.
    losses : ndarray, float64, shape (n,)
        Training loss in nats, smoothed.
    suggestions : dict of str to float
        Rates by name of the rule: "valley" (the one to take), "slide", "minimum", "steep".
    """

    lrs: Curve
    losses: Curve
    suggestions: dict[str, float]

    @property
    def suggestion(self) -> float:
        """The rate to take: that of the valley."""
        return self.suggestions["valley"]

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {
            "lrs": self.lrs.tolist(),
            "losses": self.losses.tolist(),
            "suggestions": dict(self.suggestions),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> LrSweep:
        """Make a sweep from what `to_dict` gave."""
        return cls(np.array(data["lrs"]), np.array(data["losses"]), dict(data["suggestions"]))

    def plot(self) -> Figure:
        """Draw loss against rate, with the suggestions."""
        from cleaner.util.figure import NotebookFigure

        figure = NotebookFigure(figsize=(6, 3.5), layout="constrained")
        axes = figure.subplots()
        axes.plot(self.lrs, self.losses, color="0.4")
        for number, (name, lr) in enumerate(self.suggestions.items()):
            loss = np.interp(lr, self.lrs, self.losses)
            axes.plot(lr, loss, "o", color=f"C{number}", label=f"{name} {lr:.1e}")
        axes.set(xscale="log", xlabel="learning rate", ylabel="loss (nats)")
        axes.legend()
        return figure


def suggest(lrs: Curve, losses: Curve, *, n_planned: int) -> dict[str, float]:
    """Read the four suggestions off a curve, without its first tenth and its last five points.

    Parameters
    ----------
    lrs, losses : ndarray, float64, shape (n,)
        Rates, rising, and smoothed losses; what follows the first loss that is no number is ignored.
    n_planned : int
        Points that the sweep would have had, had it not stopped.

    Raises
    ------
    TrainingError
        Fewer than ten points are left.
    """
    finite = np.isfinite(losses)
    n = len(losses) if finite.all() else int(np.argmin(finite))
    kept = slice(n_planned // 10, n - 5)
    lrs, losses = lrs[:n][kept], losses[:n][kept]
    if len(losses) < _MIN_POINTS:
        msg = (
            f"The loss exploded after {n} of {n_planned} rates, too early to suggest one; "
            "start the sweep at a lower rate."
        )
        raise TrainingError(msg)
    rules = {"valley": valley, "slide": slide, "minimum": minimum, "steep": steep}
    return {name: rule(lrs, losses) for name, rule in rules.items()}


def sweep(step: Callable[[float], float], *, start_lr: float, end_lr: float, n_steps: int) -> LrSweep:
    """Raise the rate geometrically from batch to batch until the loss explodes.

    Parameters
    ----------
    step : callable
        Trains on one batch with the given rate and returns the loss before the step, in nats.
    start_lr, end_lr : float
        The first rate and the one after the last.
    n_steps : int
        Batches; fewer if the smoothed loss rises above four times its minimum or is no number.
    """
    lrs: list[float] = []
    losses: list[float] = []
    mean = 0.0
    for i in range(n_steps):
        lr = start_lr * (end_lr / start_lr) ** (i / n_steps)
        loss = step(lr)
        mean = _BETA * mean + (1 - _BETA) * loss
        smooth = mean / (1 - _BETA ** (i + 1))
        lrs.append(lr)
        losses.append(smooth)
        if not math.isfinite(smooth) or smooth > _STOP_FACTOR * min(losses):
            break
    rates, curve = np.array(lrs), np.array(losses)
    return LrSweep(rates, curve, suggest(rates, curve, n_planned=n_steps))

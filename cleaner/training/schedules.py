"""Learning rates: one cycle over a run, spread over the layer groups."""

from __future__ import annotations

from torch.optim import Optimizer
from torch.optim.lr_scheduler import OneCycleLR

from cleaner.errors import TrainingError

LearningRate = float | slice
"""A rate for all layers, ``slice(low, high)`` from the first layers to the head, or ``slice(high)``."""

MOMENTA = (0.85, 0.95)
_END_DIV = 1e5


def spread(lr: LearningRate, n_groups: int) -> list[float]:
    """Return the highest rate of each layer group, from the image to the head.

    Parameters
    ----------
    lr : float or slice
        A float goes to every group. ``slice(low, high)`` rises geometrically:
        ``low·(high/low)^(g/(n_groups−1))``. ``slice(high)`` gives the head ``high`` and the others a tenth.
    n_groups : int

    Raises
    ------
    TrainingError
        A rate is not positive.
    """
    if isinstance(lr, slice):
        high = float(lr.stop)
        _positive(high)
        if lr.start is None:
            rates = [high / 10] * (n_groups - 1) + [high]
        else:
            low = float(lr.start)
            steps = max(n_groups - 1, 1)
            _positive(low)
            rates = [low * (high / low) ** (g / steps) for g in range(n_groups - 1)] + [high]
    else:
        rates = [float(lr)] * n_groups
    for rate in rates:
        _positive(rate)
    return rates


def _positive(rate: float) -> None:
    if not rate > 0:
        msg = f"Got the learning rate {rate}; expected a positive number, such as 1e-3."
        raise TrainingError(msg)


def one_cycle(
    optimizer: Optimizer,
    max_lrs: list[float],
    *,
    total_steps: int,
    pct_start: float = 0.25,
    div: float = 25.0,
) -> OneCycleLR:
    """Schedule rate and momentum over one cycle: up to ``max_lrs``, down to 10⁻⁵ of it, along cosines.

    Parameters
    ----------
    optimizer : Optimizer
        Adam-like; its first beta goes .95 → .85 → .95.
    max_lrs : list of float
        The highest rate of each parameter group.
    total_steps : int
        Batches in the whole run.
    pct_start : float
        Share of the run that rises.
    div : float
        The run starts at ``max_lrs / div``.
    """
    steps = max(total_steps, 2)
    # The rise must last two steps or more: OneCycleLR divides by its length less one.
    pct = min(max(pct_start, 2 / steps), 1.0)
    return OneCycleLR(
        optimizer,
        max_lrs,
        total_steps=steps,
        pct_start=pct,
        base_momentum=MOMENTA[0],
        max_momentum=MOMENTA[1],
        div_factor=div,
        final_div_factor=_END_DIV / div,
    )

"""How long a training will still take: from the measured seconds of its batches and of its measurements."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

_FORWARD_SHARE = 1 / 3  # of the time of a training batch, which goes forward once and backward


class Pace:
    """Seconds of a batch and of a measurement, over the whole training, and what follows for the rest.

    Parameters
    ----------
    clock : callable
        Returns seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._measurement_s: float | None = None
        self.plan([], batches=0, measured_batches=0)

    def plan(self, costs: Sequence[float], *, batches: int, measured_batches: float) -> None:
        """Begin a phase.

        Parameters
        ----------
        costs : sequence of float
            Of a batch in each of the epochs; only their ratios count.
        batches : int
            Batches of an epoch.
        measured_batches : float
            Batches that are measured after an epoch; an estimate until the first measurement is done.
        """
        self._costs, self._batches, self._measured_batches = list(costs), batches, measured_batches
        self._spent_s = self._spent_cost = 0.0
        self._epoch = self._done = 0

    def begin_epoch(self, epoch: int) -> None:
        """Hear that an epoch begins, from 0 on."""
        self._epoch, self._done, self._since_s = epoch, 0, self._clock()

    def batch(self) -> None:
        """Hear that a batch is done; the first one of an epoch, which waits for images, does not count."""
        now_s = self._clock()
        if self._done:
            self._spent_s += now_s - self._since_s
            self._spent_cost += self._costs[self._epoch]
        self._since_s, self._done = now_s, self._done + 1

    def measured(self, seconds: float) -> None:
        """Hear that the measurement after an epoch is done, and how long it took."""
        self._measurement_s = seconds
        self._epoch, self._done = self._epoch + 1, 0

    def seconds_left(self) -> float | None:
        """Return how long this phase will still take; None before two batches are done."""
        if not self._spent_cost:
            return None
        unit_s = self._spent_s / self._spent_cost
        costs = self._costs[self._epoch :]
        measurement_s = self._measurement_s
        if measurement_s is None:
            measurement_s = self._measured_batches * self._costs[-1] * unit_s * _FORWARD_SHARE
        batches = self._batches * sum(costs) - self._done * sum(costs[:1])
        return batches * unit_s + len(costs) * measurement_s

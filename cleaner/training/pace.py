"""How long a training will still take: what is left of each kind of its work, and what that has cost so far.

What an image costs in seconds of the processor is a property of the work, and hardly changes. How long such a
second lasts is one of the machine, and changes with what else it has to do. The first is averaged over
minutes of each kind of work, the second over the last minute of all of them. Before any of it is done, a
rehearsal (`cleaner.training.rehearsal`) has told what each kind will cost.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from cleaner.util.progress import NOT_KNOWN, Relay, Reporter

_COST_HALF_LIFE_S = 300.0
_LOAD_HALF_LIFE_S = 60.0
_PAUSE = 3.0
"""What takes so many times as long as the load says counts as no more: a machine that slept is not busy."""

Clock = Callable[[], float]
"""Returns seconds since some moment."""


@dataclass(frozen=True)
class Work:
    """A kind of work, whose units cost the same.

    Attributes
    ----------
    what : {"learn", "measure", "pass"}
        Learning from an image, asking the network about one, or a pass of the head over features.
    size_px : int
        Side of the images; 0 for a pass.
    """

    what: Literal["learn", "measure", "pass"]
    size_px: int = 0


PASS = Work("pass")


class _RecentRatio:
    """A ratio of two sums, in which what is longer ago counts less.

    ``half_life`` is in units of what is divided by it: ``amount`` in `add`.
    """

    def __init__(self, half_life: float) -> None:
        self._half_life = half_life
        self._above = self._below = 0.0

    def add(self, above: float, below: float, *, amount: float) -> None:
        keep = 0.5 ** (amount / self._half_life)
        self._above, self._below = self._above * keep + above, self._below * keep + below

    @property
    def value(self) -> float | None:
        """The ratio; None before anything is known."""
        return self._above / self._below if self._below > 0 else None


class Pace:
    """What is left of a training, and how long that will take.

    Parameters
    ----------
    clock : callable
        What a person waits by.
    work_clock : callable, optional
        What work is measured by: the processor time of this process where that does the work, so that the
        costs of two kinds can be compared that were measured while the machine was busy and while it was not.
        By default ``clock``.
    """

    def __init__(self, clock: Clock = time.monotonic, work_clock: Clock | None = None) -> None:
        self._clock, self._work_clock = clock, work_clock or clock
        self._left: dict[Work, float] = {}
        self._costs: dict[Work, _RecentRatio] = {}
        self._load = _RecentRatio(_LOAD_HALF_LIFE_S)
        self.begin()

    def plan(self, left: Mapping[Work, float]) -> None:
        """Hear how many units of each kind there are to do; those of "learn" and "measure" are images."""
        self._left = dict(left)

    def begin(self) -> None:
        """Hear that work begins; what came before it was something else."""
        self._since_s, self._work_since_s = self._clock(), self._work_clock()

    def did(self, work: Work, units: float, *, planned: bool = True) -> None:
        """Hear that so many units have been done since `begin`, or since this was called last.

        ``planned`` is False for what was not in the `plan`.
        """
        seconds, work_s = self._clock() - self._since_s, self._work_clock() - self._work_since_s
        self.begin()
        if units > 0:
            self._costs.setdefault(work, _RecentRatio(_COST_HALF_LIFE_S)).add(work_s, units, amount=work_s)
        if self._load.value is not None:
            seconds = min(seconds, _PAUSE * self._load.value * work_s)
        self._load.add(seconds, work_s, amount=seconds)
        if planned:
            self._left[work] = max(self._left.get(work, 0.0) - units, 0.0)

    def seconds_left(self) -> float:
        """Return how long it will still take; `NOT_KNOWN` before it is known what the images cost."""
        costs = [(units, self._cost(work)) for work, units in self._left.items() if units]
        load = self._load.value
        if any(cost is None for _, cost in costs) or (costs and load is None):
            return NOT_KNOWN
        return (load or 0.0) * sum(units * (cost or 0.0) for units, cost in costs)

    def _cost(self, work: Work) -> float | None:
        """Return seconds of the processor; passes, which take little, cost nothing until seen."""
        seen = self._costs.get(work)
        if seen is not None or not work.size_px:
            return 0.0 if seen is None else seen.value
        alike = [other for other in self._costs if other.what == work.what]
        if not alike:
            return None
        nearest = min(alike, key=lambda other: abs(math.log(other.size_px / work.size_px)))
        cost = self._costs[nearest].value
        return None if cost is None else cost * (work.size_px / nearest.size_px) ** 2


class Paced(Relay):
    """Passes on reports of one kind of work, with the time that the whole training will still take.

    Parameters
    ----------
    reporter : Reporter
    pace : Pace
        Hears of each report that units are done.
    work : Work
    done : int
        Units of the stage that were done before.
    shown : tuple of (str, int, int), optional
        Stage, done and total that are passed on instead of those that are heard.
    """

    def __init__(
        self,
        reporter: Reporter,
        pace: Pace,
        work: Work,
        *,
        done: int = 0,
        shown: tuple[str, int, int] | None = None,
    ) -> None:
        super().__init__(reporter)
        self._pace, self._work, self._done, self._shown = pace, work, done, shown
        pace.begin()

    def __call__(
        self, stage: str, done: int, total: int, *, seconds_left: float | None = None, **values: float
    ) -> None:
        """Count what was done since the last report."""
        self._pace.did(self._work, done - self._done)
        self._done = done
        stage, done, total = self._shown or (stage, done, total)
        self.reporter(stage, done, total, seconds_left=self._pace.seconds_left(), **values)

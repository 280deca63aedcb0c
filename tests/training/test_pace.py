"""Time left, by a clock that a test turns."""

from __future__ import annotations

import pytest

from cleaner.training.pace import Pace


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def run(pace: Pace, clock: Clock, epoch: int, *, batches: int, batch_s: float, first_s: float = 0.0) -> None:
    pace.begin_epoch(epoch)
    clock.now_s += first_s
    for _ in range(batches):
        clock.now_s += batch_s
        pace.batch()


def test_the_rest_is_what_batches_and_measurements_have_taken_so_far() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.measured(4.0)  # after the head
    pace.plan([1, 1, 1], batches=10, measured_batches=99)
    run(pace, clock, 0, batches=1, batch_s=2.0)
    assert pace.seconds_left() is None
    run(pace, clock, 0, batches=5, batch_s=2.0, first_s=30.0)  # the images are read
    assert pace.seconds_left() == pytest.approx(25 * 2 + 3 * 4)
    run(pace, clock, 0, batches=10, batch_s=2.0)
    pace.measured(5.0)
    assert pace.seconds_left() == pytest.approx(20 * 2 + 2 * 5)


def test_larger_images_take_longer_by_their_area() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.plan([128**2, 256**2], batches=10, measured_batches=3)
    run(pace, clock, 0, batches=10, batch_s=1.0)
    expected = 10 * 4 + 2 * (3 * 4 / 3)  # forward alone takes a third
    assert pace.seconds_left() == pytest.approx(expected)


def test_at_the_end_nothing_is_left() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.plan([1], batches=4, measured_batches=3)
    run(pace, clock, 0, batches=4, batch_s=1.0)
    pace.measured(2.0)
    assert pace.seconds_left() == 0

"""Time left, by clocks that a test turns."""

from __future__ import annotations

import pytest

from cleaner.training.pace import PASS, Pace, Paced, Work
from cleaner.util.progress import NOT_KNOWN, Reporter

LEARN, MEASURE = Work("learn", 224), Work("measure", 224)


class Machine:
    """Two clocks: on a busy machine, a second of the processor takes longer."""

    def __init__(self) -> None:
        self.now_s = self.worked_s = 0.0
        self.load = 1.0
        self.pace = Pace(lambda: self.now_s, lambda: self.worked_s)

    def work(self, seconds: float) -> None:
        self.worked_s += seconds
        self.now_s += seconds * self.load

    def do(self, work: Work, units: int, *, each_s: float) -> None:
        for _ in range(units):
            self.work(each_s)
            self.pace.did(work, 1)


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_the_rest_is_what_each_kind_of_work_has_cost_so_far(machine: Machine) -> None:
    pace = machine.pace
    pace.plan({LEARN: 40, MEASURE: 10})
    assert pace.seconds_left() == NOT_KNOWN
    machine.do(LEARN, 10, each_s=2.0)
    assert pace.seconds_left() == NOT_KNOWN
    machine.do(MEASURE, 5, each_s=0.5)
    assert pace.seconds_left() == pytest.approx(30 * 2 + 5 * 0.5)
    machine.do(LEARN, 30, each_s=2.0)
    machine.do(MEASURE, 5, each_s=0.5)
    assert pace.seconds_left() == 0


def test_a_rehearsal_tells_the_cost_and_takes_nothing_off_the_plan(machine: Machine) -> None:
    machine.work(7.0)  # something else
    machine.pace.begin()
    machine.work(3.0)
    machine.pace.did(LEARN, 2, planned=False)
    machine.pace.plan({LEARN: 10})
    assert machine.pace.seconds_left() == pytest.approx(15)


def test_a_busy_machine_makes_everything_last_longer_also_what_was_measured_before(machine: Machine) -> None:
    machine.pace.plan({LEARN: 1000, MEASURE: 100})
    machine.do(MEASURE, 50, each_s=1.0)
    machine.do(LEARN, 50, each_s=2.0)
    assert machine.pace.seconds_left() == pytest.approx(950 * 2 + 50)
    machine.load = 2.0
    machine.do(LEARN, 300, each_s=2.0)
    assert machine.pace.seconds_left() == pytest.approx(2 * (650 * 2 + 50), rel=0.01)


def test_a_machine_that_slept_is_not_taken_for_a_busy_one(machine: Machine) -> None:
    machine.pace.plan({LEARN: 1000})
    machine.do(LEARN, 100, each_s=1.0)
    machine.now_s += 3600
    machine.do(LEARN, 50, each_s=1.0)
    assert machine.pace.seconds_left() == pytest.approx(850, rel=0.03)


def test_larger_images_are_taken_to_cost_more_by_their_area_until_they_are_seen(machine: Machine) -> None:
    machine.pace.plan({Work("learn", 128): 10, Work("learn", 256): 10})
    machine.do(Work("learn", 128), 10, each_s=1.0)
    assert machine.pace.seconds_left() == pytest.approx(40)
    machine.do(Work("learn", 256), 5, each_s=3.0)
    assert machine.pace.seconds_left() == pytest.approx(15)


def test_passes_cost_nothing_until_the_first_is_done(machine: Machine) -> None:
    machine.pace.plan({MEASURE: 2, PASS: 4})
    machine.do(MEASURE, 1, each_s=1.0)
    assert machine.pace.seconds_left() == pytest.approx(1)
    machine.do(PASS, 1, each_s=0.5)
    assert machine.pace.seconds_left() == pytest.approx(1 + 3 * 0.5)


def test_reports_are_passed_on_with_the_time_that_the_whole_training_takes(machine: Machine) -> None:
    heard = []

    class Listener(Reporter):
        def __call__(self, stage, done, total, *, seconds_left=None, **values):
            heard.append((stage, done, total, seconds_left, values))

        def should_stop(self) -> bool:
            return True

    machine.pace.plan({LEARN: 64, MEASURE: 64})
    learning = Paced(Listener(), machine.pace, LEARN, done=32)  # the epoch before
    machine.work(8.0)
    learning("learning", 48, 96, lr=0.1)
    asking = Paced(Listener(), machine.pace, MEASURE, shown=("learning", 96, 96))
    machine.work(4.0)
    asking("asking", 32, 64)
    assert heard == [
        ("learning", 48, 96, NOT_KNOWN, {"lr": 0.1}),
        ("learning", 96, 96, pytest.approx(48 * 0.5 + 32 * 0.125), {}),
    ]
    assert asking.should_stop()

"""`JobWatcher`: one thread for a state folder, which misses no end of a job."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cleaner.jobs import JobStatus
from cleaner.jobs.watcher import JobWatcher

TASKS = Path(__file__).parents[1] / "job_tasks"


@pytest.fixture(autouse=True)
def tasks_can_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(TASKS))


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_everybody_who_asks_gets_the_same_watcher(tmp_path: Path) -> None:
    assert JobWatcher.of(tmp_path) is JobWatcher.of(tmp_path / "x" / "..")
    assert JobWatcher.of(tmp_path) is not JobWatcher.of(tmp_path / "x")


def test_the_end_is_told_once_to_everybody_even_if_somebody_else_saw_it_first(tmp_path: Path) -> None:
    watcher = JobWatcher.of(tmp_path)
    heard: dict[str, list[JobStatus]] = {"one": [], "two": []}
    stop = [watcher.subscribe(listener.append) for listener in heard.values()]
    watcher.start("job_tasks_for_tests:add", {"left": 1, "right": 2})
    while watcher.running:
        watcher.look()
    for statuses in heard.values():
        until(lambda statuses=statuses: statuses and statuses[-1].finished)
    watcher.look()  # as two more rounds of the watcher would
    watcher.look()
    for statuses in heard.values():
        assert [status.result for status in statuses if status.finished] == [{"sum": 3}]
    for unsubscribe in stop:
        unsubscribe()


def test_a_listener_that_comes_later_is_not_told_an_old_story(tmp_path: Path) -> None:
    watcher = JobWatcher.of(tmp_path)
    first: list[JobStatus] = []
    unsubscribe = watcher.subscribe(first.append)
    watcher.start("job_tasks_for_tests:fail_with_sentence", {})
    until(lambda: first and first[-1].finished)
    unsubscribe()
    until(lambda: watcher._thread is None)

    later: list[JobStatus] = []
    unsubscribe = watcher.subscribe(later.append)
    flag = tmp_path / "enough"
    watcher.start("job_tasks_for_tests:wait_for", {"flag": str(flag)})
    until(lambda: later)
    assert {status.task for status in later} == {"job_tasks_for_tests:wait_for"}
    flag.touch()
    until(lambda: later[-1].finished)
    unsubscribe()


def test_a_listener_that_fails_does_not_deafen_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(status: JobStatus) -> None:
        msg = "boom"
        raise RuntimeError(msg)

    watcher = JobWatcher.of(tmp_path)
    heard: list[JobStatus] = []
    stop = [watcher.subscribe(fail), watcher.subscribe(heard.append)]
    watcher.start("job_tasks_for_tests:add", {"left": 1, "right": 2})
    until(lambda: heard and heard[-1].finished)
    assert "a panel could not show the job" in caplog.text
    for unsubscribe in stop:
        unsubscribe()

"""A worker process started ahead of its job, in real processes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from cleaner.jobs import Job, worker_ahead
from cleaner.jobs.worker import main
from cleaner.util.standby import Standby

TASKS = Path(__file__).parents[1] / "job_tasks"
MODULE = "job_tasks_for_tests"
LONG_S = 60.0


@pytest.fixture
def standby(monkeypatch: pytest.MonkeyPatch) -> Iterator[Standby]:
    monkeypatch.setenv("PYTHONPATH", str(TASKS))
    waiting = worker_ahead(MODULE)
    yield waiting
    waiting.close()


def until(condition: Callable[[], object]) -> None:
    end_s = time.monotonic() + LONG_S
    while not condition():
        assert time.monotonic() < end_s, "waited in vain"
        time.sleep(0.02)


def pid_of(standby: Standby) -> int:
    assert standby._process is not None
    return standby._process.pid


def test_the_waiting_process_runs_the_job_and_writes_its_log(standby: Standby, tmp_path: Path) -> None:
    standby.get_ready()
    waiting = pid_of(standby)
    standby.get_ready()  # one is enough
    assert pid_of(standby) == waiting
    job = Job.start(tmp_path, f"{MODULE}:wait_for", {"flag": str(tmp_path / "go")}, standby=standby)
    until(lambda: job.status().stage == "waiting")
    standby.close()  # what has a job is no longer its own
    assert job.status().pid == waiting
    (tmp_path / "go").touch()
    assert job.wait(LONG_S).phase == "done"

    standby.get_ready()
    failing = Job.start(tmp_path, f"{MODULE}:die_noisily", {}, standby=standby)
    assert "SIGABRT" in (failing.wait(LONG_S).error or "")
    assert failing.log_path.read_text(encoding="utf-8").startswith("the last words")


def test_without_a_waiting_process_a_new_one_is_started(standby: Standby, tmp_path: Path) -> None:
    assert Job.start(tmp_path, f"{MODULE}:add", {"left": 1, "right": 2}, standby=standby).wait(LONG_S).result
    standby.get_ready()
    dead = psutil.Process(pid_of(standby))
    dead.kill()
    until(lambda: dead.status() == psutil.STATUS_ZOMBIE)
    ended = Job.start(tmp_path, f"{MODULE}:add", {"left": 1, "right": 2}, standby=standby).wait(LONG_S)
    assert ended.result == {"sum": 3}
    broken = worker_ahead("no_such_module")
    broken.get_ready()
    until(lambda: broken._process is not None and broken._process.poll() is not None)
    ended = Job.start(tmp_path, f"{MODULE}:add", {"left": 2, "right": 2}, standby=broken).wait(LONG_S)
    broken.close()
    assert ended.result == {"sum": 4}


def test_what_waits_is_ended_with_the_standby(standby: Standby) -> None:
    standby.get_ready()
    waiting = pid_of(standby)
    standby.close()
    assert not psutil.pid_exists(waiting)
    standby.close()


def test_what_waits_ends_when_nobody_can_give_it_a_job_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(writing)
    with os.fdopen(reading) as stream:
        monkeypatch.setattr("sys.stdin", stream)
        assert main(["--standby", "json"]) == 0


def test_that_no_process_can_be_started_ahead_is_no_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    standby = Standby([str(tmp_path / "none")])
    standby.get_ready()
    assert "no process can be started ahead" in caplog.text
    assert standby.take({}) is None

"""Jobs, in real worker processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from cleaner.errors import JobError
from cleaner.jobs import Job, JobStatus
from cleaner.jobs.job import KEPT_FOLDERS
from cleaner.jobs.status import read_status, write_status
from cleaner.jobs.worker import SERIES_POINTS, FileReporter, _one_line, _thinned

TASKS = Path(__file__).parents[1] / "job_tasks"
MODULE = "job_tasks_for_tests"
LONG_S = 60.0


@pytest.fixture(autouse=True)
def tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(TASKS))


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A state folder; whatever still runs in it at the end is ended."""
    folder = tmp_path / "state"
    yield folder
    job = Job.current(folder)
    if job is not None:
        wait_until(lambda: job.status().pid is not None)
        job.kill()
        job.wait(LONG_S)


def start(state: Path, name: str, **arguments: Any) -> Job:
    return Job.start(state, f"{MODULE}:{name}", arguments)


def wait_until(condition: Callable[[], bool]) -> None:
    until_s = time.monotonic() + LONG_S
    while not condition():
        assert time.monotonic() < until_s, "waited in vain"
        time.sleep(0.02)


def test_a_job_returns_its_result_and_its_last_stage(state: Path) -> None:
    status = start(state, "add", left=2, right=3).wait(LONG_S)
    assert (status.phase, status.result, status.error) == ("done", {"sum": 5}, None)
    assert (status.stage, status.done, status.total) == ("adding", 1, 1)
    assert status.finished


def test_reported_numbers_become_a_series_for_the_live_curve(state: Path) -> None:
    status = start(state, "report_losses", epochs=3).wait(LONG_S)
    assert [(p["stage"], p["done"], p["train_loss"]) for p in status.series] == [
        ("epoch 1 of 3", 1, 1.0),
        ("epoch 2 of 3", 2, 0.5),
        ("epoch 3 of 3", 3, 1 / 3),
    ]
    assert status.values == {"train_loss": 1 / 3}


def test_a_new_page_attaches_to_a_running_job_and_sees_it_end(state: Path, tmp_path: Path) -> None:
    started = start(state, "wait_for", flag=str(tmp_path / "flag"))
    attached = Job.current(state)
    assert attached is not None
    assert attached.id == started.id
    wait_until(lambda: attached.status().stage == "waiting")
    (tmp_path / "flag").touch()
    assert attached.wait(LONG_S).phase == "done"
    assert Job.current(state) is None
    last = Job.last(state)
    assert last is not None
    assert last.id == started.id


def test_a_job_survives_the_process_that_started_it(state: Path, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    program = (
        "import sys, os; from pathlib import Path; from cleaner.jobs import Job\n"
        f"Job.start(Path({str(state)!r}), '{MODULE}:wait_for', {{'flag': {str(flag)!r}}})\n"
        "os._exit(9)"
    )
    subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[2], check=False, timeout=LONG_S
    )
    job = Job.current(state)
    assert job is not None
    wait_until(lambda: job.status().stage == "waiting")
    flag.touch()
    assert job.wait(LONG_S).phase == "done"


def test_cancel_stops_at_the_next_check_and_leaves_no_result(state: Path, tmp_path: Path) -> None:
    job = start(state, "wait_for", flag=str(tmp_path / "never"))
    wait_until(lambda: job.status().stage == "waiting")
    other_handle = Job.current(state)
    assert other_handle is not None
    other_handle.cancel()
    status = job.wait(LONG_S)
    assert (status.phase, status.result, status.error) == ("cancelled", None, None)


def test_a_job_whose_state_is_gone_ends(state: Path, tmp_path: Path) -> None:
    job = start(state, "wait_for", flag=str(tmp_path / "never"))
    wait_until(lambda: job.status().stage == "waiting")
    pid = job.status().pid
    assert pid is not None
    state.rename(tmp_path / "moved")
    wait_until(lambda: not psutil.pid_exists(pid))


def test_cancel_before_the_worker_is_up_prevents_the_work(state: Path, tmp_path: Path) -> None:
    job = start(state, "wait_for", flag=str(tmp_path / "never"))
    job.cancel()
    assert job.wait(LONG_S).phase == "cancelled"


def test_a_second_job_is_refused_with_what_runs(state: Path, tmp_path: Path) -> None:
    job = start(state, "wait_for", flag=str(tmp_path / "never"))
    wait_until(lambda: job.status().pid is not None)
    with pytest.raises(
        JobError, match=r"^Cannot start “add” while “wait for” is running \(.+\)\. Wait for it, or cancel it"
    ):
        start(state, "add", left=1, right=1)
    job.cancel()
    job.wait(LONG_S)
    assert start(state, "add", left=1, right=1).wait(LONG_S).phase == "done"


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_a_killed_worker_is_noticed_at_once_by_whoever_looks(state: Path) -> None:
    job = start(state, "ignore_cancel")
    wait_until(lambda: job.status().stage == "deaf")
    stranger = Job.current(state)
    assert stranger is not None
    pid = stranger.status().pid
    assert pid is not None
    os.kill(pid, 9)
    status = stranger.wait(LONG_S)
    assert status.phase == "failed"
    assert status.result is None
    assert status.error == (
        "The task was ended (killed, out of memory, or the machine was restarted), at “deaf”. "
        "Everything from before it is intact. Start it again."
    )
    assert Job.current(state) is None
    wait_until(lambda: job._exit_code is not None)
    assert "was ended (killed, or out of memory)" in str(job.status().error)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_a_worker_that_is_killed_before_its_first_word_is_ended_for_everybody(state: Path) -> None:
    before = {child.pid for child in psutil.Process().children()}
    job = start(state, "add", left=1, right=1)
    (worker,) = (child for child in psutil.Process().children() if child.pid not in before)
    worker.kill()
    assert job.status().pid is None, "it was killed in time"
    assert job.wait(LONG_S).phase == "failed"
    wait_until(lambda: Job.current(state) is None)
    assert Job(job.folder).status().error == job.status().error


def test_a_deaf_worker_can_be_killed(state: Path) -> None:
    job = start(state, "ignore_cancel")
    wait_until(lambda: job.status().stage == "deaf")
    job.cancel()
    assert job.wait(0.3).phase == "running"
    job.kill()
    assert job.wait(LONG_S).phase == "failed"
    job.kill()  # once more does no harm


def test_a_crash_shows_the_end_of_the_log(state: Path) -> None:
    status = start(state, "die_noisily").wait(LONG_S)
    assert status.phase == "failed"
    assert "at “dying”" in str(status.error)
    assert "Its log ends: " in str(status.error)


def test_our_own_errors_arrive_as_their_sentence(state: Path) -> None:
    job = start(state, "fail_with_sentence")
    status = job.wait(LONG_S)
    assert (status.phase, status.error) == ("failed", "Training needs two classes; the set has one.")
    assert status.error_type == "TrainingError"
    assert "Traceback" in job.log_path.read_text(encoding="utf-8")


def test_a_full_disk_is_told_in_a_sentence_with_what_to_do(state: Path) -> None:
    status = start(state, "fill_the_disk").wait(LONG_S)
    assert (status.phase, status.error_type) == ("failed", "OSError")
    assert status.error == "The disk is full. Free some space, then start it again."


def test_a_bug_arrives_with_its_type_and_the_place_of_the_log(state: Path) -> None:
    job = start(state, "fail_by_bug")
    status = job.wait(LONG_S)
    assert (status.phase, status.error) == ("failed", f"KeyError: 'missing' (details in {job.log_path})")


def test_a_result_that_json_cannot_hold_fails_the_job(state: Path) -> None:
    status = start(state, "return_a_set").wait(LONG_S)
    assert status.phase == "failed"
    assert "Object of type set is not JSON serializable" in str(status.error)


def test_arguments_that_json_cannot_hold_are_refused_before_anything_starts(state: Path) -> None:
    with pytest.raises(JobError, match=r"^“add” got arguments that cannot be sent to another process: "):
        start(state, "add", left={1}, right=2)
    assert Job.last(state) is None


@pytest.mark.parametrize("task", ["no_such_module:f", f"{MODULE}:no_such_function", "nonsense", ":"])
def test_an_unknown_task_fails_with_its_name(state: Path, task: str) -> None:
    status = Job.start(state, task, {}).wait(LONG_S)
    assert status.phase == "failed"
    assert str(status.error).startswith(
        f"Got task {task!r}; expected 'module:function' that can be imported: "
    )


def test_the_worker_is_detached_polite_and_light(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    job = Job.start(state, f"{MODULE}:describe_environment", {})
    result = job.wait(LONG_S).result
    assert result is not None
    assert result["omp_wait_policy"] == "PASSIVE"
    assert result["threads"] == "1"
    assert result["session_leader"]
    assert result["heavy"] == []  # the variables are set before any of these is imported
    assert sys.platform == "win32" or result["niceness"] >= 5


def test_a_module_in_the_current_folder_is_never_run(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trap = tmp_path / "photos"
    trap.mkdir()
    (trap / "filelock.py").write_text(f"open({str(tmp_path / 'sprung')!r}, 'w')\n")
    monkeypatch.chdir(trap)
    assert start(state, "add", left=1, right=1).wait(LONG_S).phase == "done"
    assert not (tmp_path / "sprung").exists()


def test_a_result_stays_unseen_until_it_was_shown(state: Path) -> None:
    start(state, "add", left=1, right=1).wait(LONG_S)
    last = Job.last(state)
    assert last is not None
    assert not last.seen
    last.mark_seen()
    again = Job.last(state)
    assert again is not None
    assert again.seen


def test_a_status_that_a_power_cut_emptied_does_not_stop_the_page(state: Path) -> None:
    (fake_finished_job(state, 1) / "status.json").write_text("")
    last = Job.last(state)
    assert last is not None
    assert last.status().error == "The status of job 000001 was lost, perhaps in a power cut. Start it again."
    assert start(state, "add", left=1, right=1).wait(LONG_S).result == {"sum": 2}


def test_a_status_that_a_newer_version_wrote_can_be_read(state: Path) -> None:
    path = fake_finished_job(state, 1) / "status.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "invented_later": 1}))
    last = Job.last(state)
    assert last is not None
    assert last.status().phase == "done"


def test_a_state_folder_that_cannot_be_written_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        JobError, match=r"^Cannot start “add”: .+ The state folder .+file must be writable\.$"
    ):
        start(tmp_path / "file", "add", left=1, right=1)


def test_a_state_folder_without_jobs_has_none(tmp_path: Path) -> None:
    assert Job.current(tmp_path / "absent") is None
    assert Job.last(tmp_path / "absent") is None
    assert not (tmp_path / "absent").exists()


def fake_finished_job(state: Path, number: int) -> Path:
    folder = state / "jobs" / f"{number:06d}"
    folder.mkdir(parents=True)
    write_status(folder, JobStatus(id=folder.name, task="a:b", phase="done"))
    return folder


def test_old_folders_are_tidied_and_numbers_go_on(state: Path) -> None:
    for number in range(1, 9):
        fake_finished_job(state, number)
    job = start(state, "add", left=1, right=1)
    job.wait(LONG_S)
    assert job.id == "000009"
    kept = sorted(path.name for path in (state / "jobs").iterdir() if path.is_dir())
    assert kept == ["000005", "000006", "000007", "000008", "000009"]
    assert len(kept) == KEPT_FOLDERS
    with pytest.raises(JobError, match=r"^Job 000001 is gone: its folder .+ was removed\. Start it again\.$"):
        Job(state / "jobs" / "000001").status()


def test_a_worker_that_never_came_up_counts_as_dead_after_a_while(state: Path) -> None:
    folder = state / "jobs" / "000001"
    folder.mkdir(parents=True)
    write_status(folder, JobStatus(id="000001", task="a:b", started_at=time.time()))
    assert Job(folder).status().phase == "running"
    write_status(folder, JobStatus(id="000001", task="a:b", started_at=time.time() - 3600))
    assert Job(folder).status().phase == "failed"


def test_the_status_has_a_heartbeat_even_when_nothing_is_reported(state: Path) -> None:
    job = start(state, "ignore_cancel")
    wait_until(lambda: job.status().stage == "deaf")
    before = job.status().updated_at
    wait_until(lambda: job.status().updated_at > before)


def test_the_status_file_is_whole_whenever_it_is_read(tmp_path: Path) -> None:
    write_status(tmp_path, JobStatus(id="1", task="a:b"))
    reporter = FileReporter(tmp_path, read_status(tmp_path))
    for done in range(400):
        reporter("counting", done, 400, loss=done / 400)
        assert json.loads((tmp_path / "status.json").read_text())["task"] == "a:b"
    reporter.finish(phase="done")
    assert len(read_status(tmp_path).series) == 400


def test_a_rate_counts_only_this_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("cleaner.jobs.worker.time.monotonic", lambda: clock[0])
    reporter = FileReporter(tmp_path, JobStatus(id="1", task="a:b"))
    reporter("embedding", 3000, 3400)  # what the cache had already
    clock[0] += 2
    reporter("embedding", 3200, 3400)
    status = reporter._status
    assert (status.rate_per_s, status.seconds_left) == (100.0, 2.0)
    assert status.message == "Reading images: 3,200 of 3,400 · 100 a second · 2 s left"
    reporter("ranking", 1, 5)
    assert (reporter._status.rate_per_s, reporter._status.seconds_left) == (None, None)
    reporter.finish(phase="done")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s left"), (75, "75 s left"), (200, "3 min left"), (3600 * 2.5, "2.5 h left")],
)
def test_time_left_is_told_in_round_words(seconds: float, words: str) -> None:
    assert _one_line("embedding", 1, 4, None, seconds) == f"Reading images: 1 of 4 · {words}"


def test_an_unknown_total_is_not_shown() -> None:
    assert _one_line("reading the folder", 0, 0, None, None) == "reading the folder"


def test_thinning_a_long_series_keeps_the_rare_points() -> None:
    batches = [{"done": i, "train_loss": 1.0} for i in range(SERIES_POINTS)]
    epochs = [{"done": i, "error_rate": 0.5} for i in range(3)]
    kept = _thinned(batches + epochs)
    assert kept[-3:] == epochs
    assert len(kept) == SERIES_POINTS // 2 + 3

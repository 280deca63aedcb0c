"""The worker process: runs one task and writes where it is."""

import errno
import importlib
import json
import logging
import os
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cleaner.errors import Cancelled, CleanerError, JobError
from cleaner.jobs.status import JobStatus, alive_lock, present_task, read_status, write_status
from cleaner.util.progress import NOT_KNOWN, Reporter
from cleaner.util.wording import stage_words

logger = logging.getLogger(__name__)

WRITE_EVERY_S = 0.2
HEARTBEAT_S = 2.0
RATE_WINDOW_S = 10.0
RATE_NEEDS_S = 0.3
SERIES_POINTS = 500
NICENESS = 5
LOCK_TIMEOUT_S = 30.0


def main(arguments: Sequence[str]) -> int:
    """Run one job to its end.

    Parameters
    ----------
    arguments : sequence of str
        State folder and job id; or ``--standby`` and modules to import, to be told the job in a line of
        standard input.

    Returns
    -------
    int
        Exit code: 0 if the job is done or was cancelled, 1 if it failed.
    """
    if arguments[0] == "--standby":
        return _stand_by(arguments[1:])
    state, job_id = arguments
    folder = Path(state) / "jobs" / job_id
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    if sys.platform != "win32":
        os.nice(NICENESS)
    # Somebody who looks whether we are alive holds the lock for an instant, hence the patience.
    with alive_lock(folder).acquire(timeout=LOCK_TIMEOUT_S):
        return _run(folder)


def _stand_by(modules: Sequence[str]) -> int:
    for name in modules:
        importlib.import_module(name)
    line = sys.stdin.readline()
    if not line:  # who started this process has gone
        return 0
    state, job_id = json.loads(line)
    with (
        (Path(state) / "jobs" / job_id / "log.txt").open("wb") as log,
        Path(os.devnull).open("rb") as nothing,
    ):
        for stream, number in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(stream.fileno(), number)
    return main([state, job_id])


def _run(folder: Path) -> int:
    spec = json.loads((folder / "spec.json").read_text(encoding="utf-8"))
    reporter = FileReporter(folder, replace(read_status(folder), pid=os.getpid()))
    try:
        reporter.check()
        result = _find(spec["task"])(**spec["arguments"], reporter=reporter)
        json.dumps(result)
    except Cancelled as exc:
        logger.info("%s", exc)
        reporter.finish(phase="cancelled", message="cancelled")
        return 0
    except CleanerError as exc:
        logger.exception("The job failed.")
        why: dict[str, Any] = {"error": exc.on_page, "error_type": type(exc).__name__}
        why["error_details"] = dict(exc.details)
        reporter.finish(phase="failed", message="failed", **why)
        return 1
    except BaseException as exc:  # whatever it is, the page must hear of it
        logger.exception("The job failed.")
        kind = type(exc).__name__
        full = isinstance(exc, OSError) and exc.errno in (errno.ENOSPC, errno.EDQUOT)
        bug = f"{kind}: {exc} (details in {folder / 'log.txt'})"
        error = "The disk is full. Free some space, then start it again." if full else bug
        reporter.finish(phase="failed", message="failed", error=error, error_type=kind)
        return 1
    reporter.finish(phase="done", message="done", result=result)
    return 0


def _find(task: str) -> Callable[..., Any]:
    module, _, name = present_task(task).partition(":")
    try:
        function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as exc:
        raise JobError(f"Got task {task!r}; expected 'module:function' that can be imported: {exc}.") from exc
    return function


class FileReporter(Reporter):
    """Writes what it hears into the status file, from its own thread: the work never waits for the disk.

    Parameters
    ----------
    folder : Path
        The job's folder.
    status : JobStatus
        What to start from.
    """

    def __init__(self, folder: Path, status: JobStatus) -> None:
        self._folder = folder
        self._status = status
        self._changed = True
        self._lock = threading.Lock()
        self._ended = False
        self._wake = threading.Event()
        self._points: deque[tuple[float, int]] = deque()
        self._started_s = time.monotonic()
        self._thread = threading.Thread(target=self._keep_writing, name="job status", daemon=True)
        self._thread.start()

    def __call__(
        self, stage: str, done: int, total: int, *, seconds_left: float | None = None, **values: float
    ) -> None:
        """Take a report; the file follows within 0.2 s."""
        with self._lock:
            old = self._status
            rate_per_s = self._rate(done, new_stage=stage != old.stage or done < old.done)
            if seconds_left is None and rate_per_s and total:
                seconds_left = (total - done) / rate_per_s
            elif seconds_left == NOT_KNOWN:
                seconds_left = None
            numbers = {name: float(value) for name, value in values.items()}
            self._status = replace(
                old,
                stage=stage,
                done=done,
                total=total,
                rate_per_s=rate_per_s,
                seconds_left=seconds_left,
                values={**old.values, **numbers},
                series=self._longer(old.series, numbers, stage=stage, done=done, total=total),
                message=_one_line(stage, done, total, rate_per_s, seconds_left),
            )
            self._changed = True

    def result_so_far(self, result: Mapping[str, Any]) -> None:
        """Put it into the file at once, as the result of a job that is still running."""
        with self._lock:
            self._status = replace(self._status, result=dict(result))
            self._changed = True
        self._wake.set()

    def should_stop(self) -> bool:
        """Tell whether somebody asked for the job to be cancelled, or removed its folder with the state."""
        return (self._folder / "cancel").exists() or not self._folder.exists()

    def finish(self, *, result: dict[str, Any] | None = None, **changes: Any) -> None:
        """Write the last status, with these fields changed; only a job that is done has a result."""
        self._ended = True
        self._wake.set()
        self._thread.join()
        write_status(self._folder, replace(self._status, result=result, **changes, updated_at=time.time()))

    def _rate(self, done: int, *, new_stage: bool) -> float | None:
        now_s = time.monotonic()
        if new_stage:
            self._points.clear()
        self._points.append((now_s, done))
        while len(self._points) > 2 and now_s - self._points[0][0] > RATE_WINDOW_S:
            self._points.popleft()
        elapsed_s = now_s - self._points[0][0]
        return (done - self._points[0][1]) / elapsed_s if elapsed_s > RATE_NEEDS_S else None

    def _longer(
        self, series: list[dict[str, Any]], numbers: dict[str, float], **place: Any
    ) -> list[dict[str, Any]]:
        if not numbers:
            return series
        seconds = round(time.monotonic() - self._started_s, 3)
        return _thinned([*series, {**place, "seconds": seconds, **numbers}])

    def _keep_writing(self) -> None:
        written_s = -HEARTBEAT_S
        while not self._ended:
            with self._lock:
                status, changed = self._status, self._changed
                self._changed = False
            now_s = time.monotonic()
            if changed or now_s - written_s >= HEARTBEAT_S:
                try:
                    write_status(self._folder, replace(status, updated_at=time.time()))
                except OSError:
                    logger.exception("The status could not be written; the next try is in two seconds.")
                written_s = now_s
            self._wake.wait(WRITE_EVERY_S)
            self._wake.clear()


def _thinned(series: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Drop every second of the commonest kind of point, so that the rare ones (one an epoch) stay."""
    if len(series) <= SERIES_POINTS:
        return series
    commonest = Counter(frozenset(point) for point in series).most_common(1)[0][0]
    kept, drop = [], False
    for point in series:
        if frozenset(point) == commonest:
            drop = not drop
            if drop:
                continue
        kept.append(point)
    return kept


def _one_line(stage: str, done: int, total: int, rate_per_s: float | None, seconds_left: float | None) -> str:
    line = stage_words(stage)
    if total:
        line += f": {done:,} of {total:,}"
    if rate_per_s and rate_per_s >= 1:
        line += f" · {rate_per_s:,.0f} a second"
    if seconds_left is not None and done < total:
        line += f" · {_spoken_time(seconds_left)} left"
    return line


def _spoken_time(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"

"""What a job tells about itself, and the files through which it does."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypeVar

from filelock import FileLock, Timeout

from cleaner.errors import JobError
from cleaner.util.progress import Stage

_FORMER_MODULES = {
    "cleaner.tasks": "cleaner.pipelines.entries",
    "cleaner.tasks.check": "cleaner.pipelines.entries",
}
"""Modules of tasks by the names that version 0.1 wrote into job folders, and where the tasks are now."""

Phase = Literal["running", "done", "failed", "cancelled"]

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class JobStatus:
    """Where a job is.

    Attributes
    ----------
    id, task : str
        Number of the job in its state folder, and what it runs ("module:function").
    phase : {"running", "done", "failed", "cancelled"}
    stage : str
        What it is doing: a `Stage`.
    done, total : int
        Units of this stage; ``total`` is 0 while it is not known.
    rate_per_s, seconds_left : float or None
        Speed over about the last ten seconds, and what follows from it; None until it can be measured.
    values : dict of str to float
        The last numbers that the task reported (``train_loss``, ``error_rate``, …).
    series : list of dict
        Every report that carried numbers, oldest first: ``stage``, ``done``, ``total``, ``seconds`` since the
        start, and the numbers. Thinned evenly beyond 500 points.
    message : str
        One line for people.
    error : str or None
        Why it failed: a sentence for people.
    error_type : str or None
        Name of the exception, for a page that can offer help ("WeightsUnavailableError"); None if it died.
    error_details : dict
        What the exception says to a program (`CleanerError.details`).
    result : dict or None
        What the task returned, once ``phase`` is "done"; while it is running, what it can tell already.
    started_at, updated_at : float
        Seconds since the epoch.
    pid : int or None
        Of the worker; None before it has come up.
    """

    id: str
    task: str
    phase: Phase = "running"
    stage: str = Stage.STARTING
    done: int = 0
    total: int = 0
    rate_per_s: float | None = None
    seconds_left: float | None = None
    values: dict[str, float] = field(default_factory=dict)
    series: list[dict[str, Any]] = field(default_factory=list)
    message: str = "starting"
    error: str | None = None
    error_type: str | None = None
    error_details: dict[str, Any] = field(default_factory=dict)
    result: dict[str, Any] | None = None
    started_at: float = 0.0
    updated_at: float = 0.0
    pid: int | None = None

    @property
    def finished(self) -> bool:
        """Whether nothing more will come."""
        return self.phase != "running"


def write_status(folder: Path, status: JobStatus) -> None:
    """Replace the status file; a reader sees the old one or the new one, never half of one."""
    beside = folder / "status.json.new"
    beside.write_text(json.dumps(asdict(status)), encoding="utf-8")
    _patiently(lambda: beside.replace(folder / "status.json"))


def read_status(folder: Path) -> JobStatus:
    """Read what the worker wrote last; raises `JobError` if the folder has been tidied away."""
    try:
        text = _patiently(lambda: (folder / "status.json").read_text(encoding="utf-8"))
    except FileNotFoundError as exc:
        msg = f"Job {folder.name} is gone: its folder {folder} was removed. Start it again."
        raise JobError(msg) from exc
    try:
        stored = json.loads(text)
    except ValueError:  # a power cut can leave an empty file
        msg = f"The status of job {folder.name} was lost, perhaps in a power cut. Start it again."
        return JobStatus(id=folder.name, task=":lost", phase="failed", message="failed", error=msg)
    if "task" in stored:
        stored["task"] = present_task(stored["task"])
    known = {f.name for f in fields(JobStatus)}  # another version may have written more
    return JobStatus(**{name: value for name, value in stored.items() if name in known})


def alive_lock(folder: Path) -> FileLock:
    """Return the lock that a worker holds as long as it lives."""
    return FileLock(folder / "alive.lock")


def is_alive(folder: Path) -> bool:
    """Tell whether a worker that has come up is still there.

    A process number could belong to a stranger by now; a lock cannot.
    """
    try:
        with alive_lock(folder).acquire(timeout=0):
            return False
    except Timeout:
        return True


def present_task(task: str) -> str:
    """Return the present name of a task that may have been written by an earlier version."""
    module, colon, name = task.partition(":")
    return f"{_FORMER_MODULES.get(module, module)}{colon}{name}"


def spoken_task(task: str) -> str:
    """Name a task as a sentence can: "module:job_retrain_quick" is “retrain quick”."""
    return "“" + task.partition(":")[2].removeprefix("job_").replace("_", " ") + "”"


def _patiently(action: Callable[[], T]) -> T:
    """Try a few times: Windows refuses to replace a file while somebody is reading it."""
    for wait_s in (0.01, 0.02, 0.05, 0.1, 0.2):
        try:
            return action()
        except PermissionError:
            time.sleep(wait_s)
    return action()

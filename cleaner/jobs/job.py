"""The handle of a job: start one, attach to one, watch it, stop it."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from cleaner.errors import JobError
from cleaner.jobs.process import WORKER, child_environment, creation_flags
from cleaner.jobs.status import JobStatus, is_alive, read_status, spoken_task, write_status
from cleaner.util.standby import Standby
from cleaner.util.wording import stage_words

logger = logging.getLogger(__name__)

START_LOCK_TIMEOUT_S = 10.0
START_GRACE_S = 60.0  # a loaded machine may need this long to bring a worker up
POLL_S = 0.05
KEPT_FOLDERS = 5
LOG_TAIL_LINES = 5


class Job:
    """One piece of background work, running or finished; get one from `start`, `current` or `last`.

    Parameters
    ----------
    folder : Path
        The job's own folder, ``STATE/jobs/<id>``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._exit_code: int | None = None  # only the process that started the worker gets to know it

    def __repr__(self) -> str:
        return f"Job({str(self.folder)!r})"

    @property
    def id(self) -> str:
        """The job's number in its state folder."""
        return self.folder.name

    @property
    def log_path(self) -> Path:
        """Where everything lies that the worker printed or logged."""
        return self.folder / "log.txt"

    @classmethod
    def start(
        cls, state: Path, task: str, arguments: Mapping[str, Any], *, standby: Standby | None = None
    ) -> Job:
        """Start a task in a new process and return at once.

        numpy and torch may use as many threads as ``OMP_NUM_THREADS`` says, or all the cores.

        Parameters
        ----------
        state : Path
            The workspace's state folder; at most one job runs in it.
        task : str
            ``"module:function"``.
        arguments : mapping
            Keyword arguments of the function; JSON must be able to hold them.
        standby : Standby, optional
            Whose process to use if one is waiting.

        Raises
        ------
        JobError
            If another job is running there, or no process can be started.
        """
        jobs = Path(state).resolve() / "jobs"
        try:
            jobs.mkdir(parents=True, exist_ok=True)
            with FileLock(jobs / "start.lock", timeout=START_LOCK_TIMEOUT_S):
                if (running := cls.current(state)) is not None:
                    status = running.status()
                    raise JobError(
                        f"Cannot start {spoken_task(task)} while {spoken_task(status.task)} is running "
                        f"({status.message}). Wait for it, or cancel it first."
                    )
                _tidy(jobs)
                job = cls(_new_folder(jobs))
                try:
                    job._prepare(task, arguments)
                    job._spawn(standby)
                except BaseException:
                    shutil.rmtree(job.folder)
                    raise
        except Timeout as exc:
            msg = f"Cannot start {spoken_task(task)}: another page is starting something. Try again."
            raise JobError(msg) from exc
        except OSError as exc:
            msg = f"Cannot start {spoken_task(task)}: {exc}. The state folder {state} must be writable."
            raise JobError(msg) from exc
        return job

    @classmethod
    def current(cls, state: Path) -> Job | None:
        """Return the job that is running in this state folder, to attach to it, or None."""
        newest = next(cls._newest_first(state), None)
        return None if newest is None or newest.status().finished else newest

    @classmethod
    def last(cls, state: Path) -> Job | None:
        """Return the newest job that has ended, well or not; `seen` tells whether it was looked at."""
        return next((job for job in cls._newest_first(state) if job.status().finished), None)

    @classmethod
    def _newest_first(cls, state: Path) -> Iterator[Job]:
        for folder in reversed(_folders(Path(state).resolve() / "jobs")):
            if (folder / "status.json").is_file():
                yield cls(folder)

    def status(self) -> JobStatus:
        """Read where the job is; a worker that died without a word counts as failed."""
        status = read_status(self.folder)
        if status.finished or self._alive(status):
            return status
        # It may have ended well between the two looks.
        status = read_status(self.folder)
        return status if status.finished else self._died(status)

    def _died(self, status: JobStatus) -> JobStatus:
        error = (
            f"The task {_cause(self._exit_code)}, at “{stage_words(status.stage)}”. Everything from before "
            f"it is intact. Start it again.{self._log_tail()}"
        )
        return replace(status, phase="failed", message="failed", error=error)

    def cancel(self) -> None:
        """Ask the job to stop; it does so after the batch it is on, and keeps what was there before."""
        (self.folder / "cancel").touch()

    def kill(self) -> None:
        """End the worker at once, for one that does not answer to `cancel`; a finished job is left alone."""
        pid = read_status(self.folder).pid
        # Who holds the lock is the worker: this cannot hit a stranger who was given its number later.
        if pid is not None and is_alive(self.folder):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)

    def wait(self, timeout_s: float | None = None) -> JobStatus:
        """Wait until the job has ended, at most ``timeout_s`` seconds; return its status, ended or not."""
        until_s = None if timeout_s is None else time.monotonic() + timeout_s
        while not (status := self.status()).finished:
            if until_s is not None and time.monotonic() >= until_s:
                break
            time.sleep(POLL_S)
        return status

    @property
    def seen(self) -> bool:
        """Whether somebody has called `mark_seen`; what is not seen is worth showing after a reload."""
        return (self.folder / "seen").exists()

    def mark_seen(self) -> None:
        """Remember that the outcome has been shown."""
        (self.folder / "seen").touch()

    def _alive(self, status: JobStatus) -> bool:
        if status.pid is not None:
            return is_alive(self.folder)
        return self._exit_code is None and time.time() - status.started_at < START_GRACE_S

    def _log_tail(self) -> str:
        try:
            text = self.log_path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""
        lines = [line.strip() for line in text.splitlines() if line.strip()][-LOG_TAIL_LINES:]
        return " Its log ends: " + " / ".join(lines) if lines else ""

    def _prepare(self, task: str, arguments: Mapping[str, Any]) -> None:
        try:
            spec = json.dumps({"task": task, "arguments": dict(arguments)})
        except TypeError as exc:
            msg = f"{spoken_task(task)} got arguments that cannot be sent to another process: {exc}."
            raise JobError(msg) from exc
        (self.folder / "spec.json").write_text(spec, encoding="utf-8")
        now = time.time()
        write_status(self.folder, JobStatus(id=self.id, task=task, started_at=now, updated_at=now))

    def _spawn(self, standby: Standby | None) -> None:
        state = self.folder.parent.parent
        process = None if standby is None else standby.take([str(state), self.id])
        if process is None:
            with self.log_path.open("wb") as log:
                process = subprocess.Popen(
                    [*WORKER, str(state), self.id],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=child_environment(),
                    creationflags=creation_flags(),
                    start_new_session=True,
                )

        def reap() -> None:
            self._exit_code = process.wait()
            try:
                status = read_status(self.folder)
                if not status.finished and status.pid is None:  # to others it would look as if it began yet
                    write_status(self.folder, self._died(status))
            except (JobError, OSError):
                logger.info("The end of job %s cannot be written down", self.id, exc_info=True)

        # With nobody waiting, the dead worker would stay a zombie and Popen would warn when it is collected.
        threading.Thread(target=reap, name=f"reap job {self.id}", daemon=True).start()


def _folders(jobs: Path) -> list[Path]:
    if not jobs.is_dir():
        return []
    return sorted(path for path in jobs.iterdir() if path.is_dir() and path.name.isdigit())


def _new_folder(jobs: Path) -> Path:
    folders = _folders(jobs)
    folder = jobs / f"{int(folders[-1].name) + 1 if folders else 1:06d}"
    folder.mkdir()
    return folder


def _tidy(jobs: Path) -> None:
    for folder in _folders(jobs)[: 1 - KEPT_FOLDERS]:
        try:
            shutil.rmtree(folder)
        except OSError as exc:
            logger.warning("The folder of an old job stays: %s", exc)


def _cause(exit_code: int | None) -> str:
    if exit_code is None:
        return "was ended (killed, out of memory, or the machine was restarted)"
    if exit_code == -9:  # SIGKILL, a name that Windows lacks
        return "was ended (killed, or out of memory)"
    if exit_code < 0:
        return f"ended early (signal {signal.Signals(-exit_code).name})"
    return f"ended early (code {exit_code})"

"""Follow the job of a workspace from one thread, for all the panels that show it."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from cleaner.errors import JobError
from cleaner.jobs import Job, JobStatus
from cleaner.util.standby import Standby

logger = logging.getLogger(__name__)

Listener = Callable[[JobStatus], None]

_RUNNING_POLL_S = 0.25
_IDLE_POLL_S = 3.0


class JobWatcher:
    """Watches the state folder of a workspace and tells its listeners where the job is.

    A job that was started elsewhere (before a reload, in another tab, on the command line) is found as well.
    Get the watcher of a folder from `of`: a kernel needs one thread for each workspace, however many panels
    it shows.

    Parameters
    ----------
    state : Path
        State folder of the workspace.
    """

    _watchers: ClassVar[weakref.WeakValueDictionary[Path, JobWatcher]] = weakref.WeakValueDictionary()
    _watchers_lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, state: Path) -> None:
        self.state = state
        self._lock = threading.Lock()
        self._listeners: list[Listener] = []
        self._job: Job | None = None
        self._status: JobStatus | None = None
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()

    @classmethod
    def of(cls, state: Path) -> JobWatcher:
        """Return the watcher of a state folder, the same one to everybody who asks."""
        key = Path(state).resolve()
        with cls._watchers_lock:
            watcher = cls._watchers.get(key)
            if watcher is None:
                watcher = cls._watchers[key] = cls(key)
            return watcher

    @property
    def status(self) -> JobStatus | None:
        """Where the job is that was last seen; None before any was."""
        return self._status

    @property
    def running(self) -> bool:
        """Whether a job was running when last looked."""
        status = self._status
        return status is not None and not status.finished

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener(status)`` from the watcher's thread at every change; return how to end that."""
        with self._lock:
            self._listeners.append(listener)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="cleaner job watcher", daemon=True)
                self._thread.start()

        def unsubscribe() -> None:
            with self._lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)
            self._wake.set()

        return unsubscribe

    def start(self, task: str, arguments: Mapping[str, Any], *, standby: Standby | None = None) -> None:
        """Start a job, as `Job.start` does, and watch it.

        Raises
        ------
        JobError
            Another job is running, or none can be started.
        """
        job = Job.start(self.state, task, dict(arguments), standby=standby)
        with self._lock:
            self._job = job
            self._status = job.status()
        self._wake.set()

    def cancel(self) -> None:
        """Ask the running job to stop, if there is one."""
        job = self._job
        if job is not None:
            job.cancel()
        self._wake.set()

    def _run(self) -> None:
        told = self._status  # what an earlier thread has told, if there was one
        while True:
            with self._lock:
                if not self._listeners:
                    self._thread = None
                    return
            self.look()
            status = self._status  # also what `look` has found meanwhile in another thread
            if status is not None and status is not told and status != told:
                self._tell(status)
                told = status
            self._wake.wait(_RUNNING_POLL_S if self.running else _IDLE_POLL_S)
            self._wake.clear()

    def look(self) -> JobStatus | None:
        """Look now, not when the thread comes round to it; return where the job is that was last seen."""
        with self._lock:
            job = self._job
        try:
            if job is None:
                job = Job.current(self.state)
            status = None if job is None else job.status()
        except (JobError, OSError):
            logger.exception("the job of %s cannot be looked at", self.state)
            return self._status
        with self._lock:
            if self._job is None or job is self._job:  # else one was started meanwhile
                self._job = None if status is None or status.finished else job
                self._status = status or self._status
            return self._status

    def _tell(self, status: JobStatus) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            try:
                listener(status)
            except Exception:
                logger.exception("a panel could not show the job")

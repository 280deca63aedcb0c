"""`JobPanel`: what the panels have in common that show work in the background."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from cleaner.errors import JobError
from cleaner.jobs import Job, JobStatus
from cleaner.jobs.watcher import JobWatcher
from cleaner.util.standby import Standby
from cleaner.util.wording import duration, stage_words
from cleaner.widgets.guard import guarded
from cleaner.widgets.panels.base import Panel
from cleaner.widgets.sentences import say

logger = logging.getLogger(__name__)

TASKS = {
    "prepare": "cleaner.pipelines.entries:job_prepare",
    "second": "cleaner.pipelines.entries:job_second_look",
    "check": "cleaner.pipelines.entries:job_check",
    "quick": "cleaner.pipelines.entries:job_retrain_quick",
    "full": "cleaner.pipelines.entries:job_retrain_full",
    "import": "cleaner.pipelines.foreign:job_import",
    "export": "cleaner.pipelines.foreign:job_export",
    "rates": "cleaner.pipelines.entries:job_find_a_rate",
    "map": "cleaner.pipelines.image_map:job_map",
    "packet": "cleaner.widgets.packet:job_packet",
}
"""Kind of work -> what a worker process runs for it; the names stand in job folders."""

_STOP_TIMEOUT_S = 5.0
_STOP_POLL_S = 0.05


class JobPanel(Panel):
    """Shows some kinds of work, also what was started before a reload or in another tab.

    A subclass draws it (`_draw`), and hears what it finds (`_told`) and how it ends (`_ended`, `_done`).

    Parameters
    ----------
    state : Path
        The state folder in which the work runs.
    *kinds : str
        Which kinds of work; keys of `TASKS`.
    lock : threading.RLock or None
        Shared with other panels of the same page.
    """

    makes_way: tuple[str, ...] = ()
    """Kinds of work, keys of `TASKS`, that are interrupted when this is started; they can go on later."""

    _unsubscribe: Callable[[], None] | None = None  # also for one whose __init__ was refused

    def __init__(self, state: Path, *kinds: str, lock: threading.RLock | None = None) -> None:
        self._state = state
        self._kinds = kinds
        self._status: JobStatus | None = None
        self._asked_to_stop = False
        self._making_way = False
        super().__init__(lock=lock)
        self.watcher = JobWatcher.of(state)
        self.on("cancel", lambda _: self.cancel())

    def close(self) -> None:
        """Take the panel off the page; work that runs goes on."""
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        super().close()

    @property
    def running(self) -> bool:
        """Whether the work that this panel shows is running."""
        return self._status is not None and not self._status.finished

    @property
    def blocked(self) -> bool:
        """Whether other work is running that does not make way for this."""
        return self.watcher.running and not self.running and not self._is_yielding(self.watcher.status)

    def _is_yielding(self, status: JobStatus | None) -> bool:
        tasks = {TASKS[kind] for kind in self.makes_way}
        return status is not None and not status.finished and status.task in tasks

    def cancel(self) -> None:
        """Ask the work to stop; what was there before it stays in force, what it has read is remembered."""
        with self.lock:
            if self.running:
                self._asked_to_stop = True
                self.watcher.cancel()
                self._draw()

    def _follow(self) -> None:
        """Draw, and follow the work from now on; the last thing that an ``__init__`` does."""
        with self.lock:  # a job that ends meanwhile is told afterwards
            self._unsubscribe = self.watcher.subscribe(self._on_status)
            status = self.watcher.status
            if status is not None and self._is_ours(status) and not status.finished:
                self._status = status
            self._draw()

    def _begin(self, kind: str, *, standby: Standby | None = None, **arguments: Any) -> None:
        """Start work of a kind, unless it is running, once what makes way has stopped.

        A process that waits at ``standby`` is used for it.

        Raises `JobError` if other work is running, or if it cannot be started.
        """
        if self._making_way:
            return
        if not self._is_yielding(self.watcher.look()):
            self._begin_now(kind, arguments, standby)
            return
        self._making_way = True
        self.watcher.cancel()
        self._draw()
        threading.Thread(
            target=self._begin_after, args=(kind, arguments, standby), name="cleaner make way", daemon=True
        ).start()

    def _begin_after(self, kind: str, arguments: dict[str, Any], standby: Standby | None) -> None:
        """Start once the other job has stopped; one that does not stop in time is left alone, and named."""
        end_s = time.monotonic() + _STOP_TIMEOUT_S
        while (found := self.watcher.look()) and not found.finished and time.monotonic() < end_s:
            time.sleep(_STOP_POLL_S)
        with self.lock:
            self._making_way = False
            with guarded("the start of a job", self.complain):
                self._begin_now(kind, arguments, standby)
            self._draw()

    def _begin_now(self, kind: str, arguments: dict[str, Any], standby: Standby | None) -> None:
        found = self.watcher.look()
        if found is None or found.finished or found.task != TASKS[kind]:
            self.problem = ""
            self._asked_to_stop = False
            self.watcher.start(TASKS[kind], arguments, standby=standby)
            found = self.watcher.status
        self._status = found
        self._draw()

    def _is_ours(self, status: JobStatus) -> bool:
        return status.task in {TASKS[kind] for kind in self._kinds}

    def _on_status(self, status: JobStatus) -> None:
        """Take in where a job is; runs in the watcher's thread."""
        with self.lock:
            last = self._status
            if not self._is_ours(status):
                if last is None or last.finished or status.id < last.id:
                    self._other(status)
                    self._draw()
                    return
                status = self._end_of(last)  # another one was started before we heard of the end
            if last is not None and status.id < last.id:
                return  # the end of one job, told after the next was started
            ended = status.finished and (last is None or not last.finished)
            told = not status.finished and status.result is not None
            news = told and (last is None or (last.id, last.result) != (status.id, status.result))
            self._status = status
            if ended:
                self._ended(status)
            self._draw()
        if news:
            self._told(status)
        elif ended and status.phase == "done":
            self._done(status)

    def _end_of(self, status: JobStatus) -> JobStatus:
        """Return how a job ended that ran when last seen."""
        try:
            return Job(self._state / "jobs" / status.id).status()
        except JobError:
            logger.info("job %s has left no word", status.id, exc_info=True)
            return replace(status, phase="cancelled")

    def _draw(self) -> None:
        """Show where the work is."""

    def _other(self, status: JobStatus) -> None:
        """Hear of work that other panels show; with the lock held."""

    def _ended(self, status: JobStatus) -> None:
        """Hear that the work is done, has failed or was cancelled, before it is drawn; with the lock held."""

    def _told(self, status: JobStatus) -> None:
        """Take in a new result of work that goes on; in the watcher's thread, without the lock."""

    def _done(self, status: JobStatus) -> None:
        """Take in what work that is done has made; in the watcher's thread, without the lock."""


def bar_of(status: JobStatus | None) -> dict[str, str]:
    """Return the attributes of a progress bar; none of them while it is not known how much there is to do."""
    return {"value": str(status.done), "max": str(status.total)} if status and status.total else {}


def progress_text(status: JobStatus) -> str:
    """Say what is going on, how far it is, how fast, and how long it will take."""
    parts = [stage_words(status.stage)]
    if status.total:
        parts.append(say("job.of", done=f"{status.done:,}", total=f"{status.total:,}"))
    if status.rate_per_s and status.rate_per_s >= 1 and status.total:
        parts.append(say("job.rate", number=f"{status.rate_per_s:,.0f}"))
    if status.seconds_left is not None and status.done < status.total:
        parts.append(say("job.left", time=duration(status.seconds_left)))
    return " · ".join(parts)

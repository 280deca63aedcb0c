"""`CheckPanel`: copies, leaks, bad pictures and strangers; looked for in the background, and counted."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from cleaner.errors import CleanerError, JobError
from cleaner.jobs import Job, JobStatus
from cleaner.pipelines.checks import Checks
from cleaner.util.wording import count, duration
from cleaner.widgets.panels.base import button, node
from cleaner.widgets.panels.checks_found import NO_WEIGHTS, checks_report, count_found, found_entries
from cleaner.widgets.panels.job import JobPanel
from cleaner.widgets.panels.prepare import PREPARE_TASK

if TYPE_CHECKING:
    from cleaner.workspace import Workspace

__all__ = ["CHECK_TASK", "CheckPanel", "checks_report", "count_found"]

logger = logging.getLogger(__name__)

CHECK_TASK = "cleaner.pipelines.entries:job_check"

_TITLE = "Other problems"  # beside wrong labels; the column is narrow
_PURPOSE = "Looks for copies, also between training and validation, for bad pictures, and those of no class."
_BUSY = "Other work of this data set is running; this can start when it has ended."
_DUE = "It starts by itself when the other work of this data set has ended."


class CheckPanel(JobPanel):
    """Looks for copies and bad pictures in the background, and leads to what was found.

    Parameters
    ----------
    workspace : Workspace
    on_checked : callable
        Called with the new `Checks`, from another thread, when a look has ended. Those from before are in
        `checks` at once.
    open_view : callable
        Called with the order that is to be shown ("duplicates", "outliers", "low information", …), or with
        "files".
    lock : threading.RLock or None
        Shared with other panels of the same page.
    """

    checks: Checks | None
    """What was found the last time; None before the first."""

    counts: dict[str, int]
    """What `count_found` returned last."""

    def __init__(
        self,
        workspace: Workspace,
        on_checked: Callable[[Checks], None],
        open_view: Callable[[str], None],
        *,
        lock: threading.RLock | None = None,
    ) -> None:
        self.checks = None
        self.counts = {}
        self._on_checked = on_checked
        self._counting = threading.Lock()  # so that the last count begun is the last one shown
        self._thresholds: Mapping[str, float] = {}
        self._damaged = False
        self._counted = False
        self._due = False  # to be started when the other job has ended
        self._new = 0
        super().__init__(workspace, lock=lock)
        self.on("start", lambda _: self.start())
        self.on("open", open_view)
        with self.lock:  # a job that ends meanwhile is told afterwards
            self._unsubscribe = self.watcher.subscribe(self._on_status)
            status = self.watcher.status
            if status is not None and status.task == CHECK_TASK and not status.finished:
                self._status = status
            self.checks = self._load()
            self._draw()
        if self.checks is not None:
            threading.Thread(target=self._count, name="cleaner count", daemon=True).start()

    # ---------------------------------------------------------------- the job

    def start(self) -> None:
        """Start looking; while another job of this workspace runs, say so instead.

        Raises
        ------
        JobError
            The job cannot be started.
        """
        with self.lock:
            found = self.watcher.look()
            if found is not None and not found.finished:
                if found.task == CHECK_TASK:  # started before a reload, or in another tab
                    self._status = found
                self._draw()
                return
            self.problem = ""
            self._due = self._damaged = self._asked_to_stop = False
            self.watcher.start(CHECK_TASK, {"workspace": self.workspace.options()})
            self._status = self.watcher.status
            self._draw()

    def start_if_never(self) -> None:
        """Start looking if nobody has looked yet; while another job runs, when that has ended."""
        with self.lock:
            if self.checks is None and not self._damaged and self._status is None:
                self._due = True
                self._start_due()

    def _start_due(self) -> None:
        try:
            self.start()
        except CleanerError as error:
            logger.info("the look for copies does not start", exc_info=True)
            self._due = False
            self.problem = str(error)

    def _on_status(self, status: JobStatus) -> None:
        """Take in where a job is; runs in the watcher's thread."""
        with self.lock:
            if status.task != CHECK_TASK:
                if self._status is None or not self.running or status.id < self._status.id:
                    if self._due and status.finished:
                        self._start_due()
                    self._draw()
                    return
                status = self._ended(self._status)  # another one was started before we heard of the end
            if self._status is not None and status.id < self._status.id:
                return
            ended = status.finished and (self._status is None or not self._status.finished)
            self._status = status
            if ended and status.phase == "failed":
                self.problem = status.error or "The look for copies and bad pictures failed."
            self._draw()
        if ended and status.phase == "done":
            self._take()

    def _ended(self, status: JobStatus) -> JobStatus:
        """Return how a job ended that ran when last seen."""
        try:
            return Job(self.workspace.state / "jobs" / status.id).status()
        except JobError:
            logger.info("the look for copies has left no word", exc_info=True)
            return replace(status, phase="cancelled")

    # ---------------------------------------------------------------- what was found

    def _load(self) -> Checks | None:
        from cleaner.pipelines.check import checks_folder

        try:
            return Checks.load(checks_folder(self.workspace))
        except CleanerError:
            logger.warning("what was found earlier cannot be used", exc_info=True)
            self._damaged = True
            return None

    def _take(self) -> None:
        """Take in what the job has saved; runs in the watcher's thread."""
        checks = self._load()
        with self.lock:
            self.checks = checks
        self._count()
        if checks is not None:
            self._on_checked(checks)

    def _count(self) -> None:
        try:
            self.refresh()
        except Exception as error:
            logger.exception("what was found could not be counted")
            self.problem = f"What was found could not be counted: {error}"

    def refresh(self, thresholds: Mapping[str, float] | None = None) -> None:
        """Count again, after decisions or with other thresholds; meant for a background thread.

        Takes half a second for 50,000 images, without holding the lock of the page.

        Parameters
        ----------
        thresholds : mapping of str to float, optional
            What the user has chosen instead of the defaults, by order; None: as the last time.
        """
        with self._counting:
            if thresholds is not None:
                self._thresholds = dict(thresholds)
            checks = self.checks
            counts, new = {}, 0
            if checks is not None:
                counts = count_found(checks, self.workspace, self._thresholds)
                new = len(checks.missing(self.workspace.catalog.names))
            with self.lock:
                self.counts, self._new, self._counted = counts, new, True
                self._draw()

    # ---------------------------------------------------------------- the tree

    def _draw(self) -> None:
        running, busy = self.running, self.watcher.running and not self.running
        said, action = self._said(busy)
        status = self._status if running else None
        bar = {"value": str(status.done), "max": str(status.total)} if status and status.total else {}
        known = self.checks is not None
        look = "cleaner-link" if known and not self._new else "cleaner-button"
        stop = self._asked_to_stop
        buttons = [
            button(action, "start", class_=look, hidden=running, disabled=busy, data_heir=True),
            button("Stop looking", "cancel", hidden=not running, disabled=stop, data_heir=True),
        ]
        entries = found_entries(self.counts) if known else []
        self.show(
            node(
                "section",
                node("h2", _TITLE),
                node("p", said, role="status", class_="cleaner-note"),
                node("progress", aria_label="Looking for other problems", hidden=not running, **bar),
                node("ul", *entries, class_="cleaner-found", hidden=not entries),
                node("p", self._limits() if known else "", class_="cleaner-fine"),
                node("div", *buttons, class_="cleaner-buttons"),
                class_="cleaner-section",
                aria_label=_TITLE,
            )
        )

    def _said(self, busy: bool) -> tuple[str, str]:
        """Return the sentence that tells where things are, and what the button offers."""
        status = self._status
        phase = "" if status is None else status.phase
        if status is not None and phase == "running":
            return ("Stopping …" if self._asked_to_stop else _spoken(status)), ""
        said, offer = "", "Look for them"
        if self.checks is not None:
            offer = "Look again" if self._new else "look again"
        if self._damaged:
            said = "What was found earlier could not be read."
        elif phase == "failed":
            offer = "Try again"
        elif phase == "cancelled":
            how = "Cancelled" if self._asked_to_stop else "Interrupted by other work"
            said = f"{how}; what was read is remembered."
        elif self.checks is None:
            said = "" if busy else _PURPOSE
        elif not self._counted:
            said = "Counting …"
        elif self._new:
            said = f"{count(self._new, 'picture')} came since."
        elif not found_entries(self.counts):
            said = "Nothing found."
        if busy and (self.checks is None or said):
            said = f"{said} {self._when()}".lstrip()
        return said, offer

    def _when(self) -> str:
        """Say when it can start: after the first ranking it does so by itself."""
        running = self.watcher.status
        first = self._status is None and running is not None and running.task == PREPARE_TASK
        return _DUE if self._due or (first and self.checks is None) else _BUSY

    def _limits(self) -> str:
        return "" if self.checks is None or self.checks.outliers is not None else NO_WEIGHTS


def _spoken(status: JobStatus) -> str:
    """Say what is going on, how far it is, and how long it will take."""
    said = status.stage[:1].upper() + status.stage[1:]
    if status.total:
        said += f": {status.done:,} of {status.total:,}"
    if status.seconds_left is not None and status.done < status.total:
        said += f", {duration(status.seconds_left)} left"
    return f"{said} …"

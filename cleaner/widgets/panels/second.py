"""`SecondPanel`: a second network looks at the images in the background, and the order gets better."""

from __future__ import annotations

import threading
from collections.abc import Callable

from cleaner.jobs import JobStatus
from cleaner.pipelines.network import lacks_second, settle, wants_second
from cleaner.widgets.guard import guarded
from cleaner.widgets.panels.base import button, buttons, node, paragraph, section
from cleaner.widgets.panels.job import TASKS, JobPanel, bar_of, progress_text
from cleaner.widgets.sentences import say
from cleaner.workspace import Workspace

MOST_IMAGES = 100_000
"""It starts by itself on sets of up to so many images: half an hour of one core."""


class SecondPanel(JobPanel):
    """Ranks a set again with a second network, after the first ranking; else it shows nothing.

    It starts by itself where nobody ever named a network. A cancel is remembered with the set: from then on
    it keeps the network that it has, until somebody presses the button. Whatever else is started interrupts
    it, and it goes on afterwards.

    Parameters
    ----------
    workspace : Workspace
    on_ranked : callable
        Called, from another thread, when the new ranking is saved.
    lock : threading.RLock or None
        Shared with other panels of the same page.
    """

    def __init__(
        self, workspace: Workspace, on_ranked: Callable[[], None], *, lock: threading.RLock | None = None
    ) -> None:
        self._on_ranked = on_ranked
        self._lacking = False  # a second network is at hand, and has not looked
        self._due = False  # to be started when the other job has ended
        self.workspace = workspace
        super().__init__(workspace.state, "second", lock=lock)
        self.on("start", lambda _: self.start())
        self._follow()

    def look(self) -> None:
        """Start if the ranking would gain by it and nobody said otherwise; at the end of a job that runs."""
        with self.lock:
            self._lacking = lacks_second(self.workspace, self.workspace.network)
            few = len(self.workspace.catalog) <= MOST_IMAGES
            self._due = self._lacking and few and wants_second(self.workspace)
            self._start_due()
            self._draw()

    def start(self) -> None:
        """Start because the user wants it, which is remembered; if another job runs, when it has ended."""
        with self.lock:
            settle(self.workspace, second=True)
            self._due = True
            self._start_due()
            self._draw()

    def cancel(self) -> None:
        """Stop it, and remember that the user does not want it."""
        with self.lock:
            if self.running:
                settle(self.workspace, second=False)
            super().cancel()

    def _start_due(self) -> None:
        found = self.watcher.look()
        if self._due and (found is None or found.finished or found.task == TASKS["second"]):
            self._due = False
            with guarded("the start of the second look", self.complain):
                self._begin("second", workspace=self.workspace.options())

    def _other(self, status: JobStatus) -> None:
        if status.finished:
            self._start_due()

    def _ended(self, status: JobStatus) -> None:
        if status.phase == "done":
            self._lacking = False
        elif status.phase == "failed":
            self.problem = status.error or say("second.failed")
            settle(self.workspace, second=False)  # it might fail at every visit
        else:  # interrupted, unless it was cancelled here or in another tab
            self._due = wants_second(self.workspace)

    def _done(self, status: JobStatus) -> None:
        self._on_ranked()

    def _draw(self) -> None:
        status = self._status
        phase = "" if status is None else status.phase
        text, offer = "", "second.retry" if phase == "failed" else "second.start"
        if self._due:
            text = say("second.due")
        elif phase == "running":
            text = say("job.stopping" if self._asked_to_stop else "second.running")
        elif self._lacking:
            text = say("second.stopped" if phase == "cancelled" else "second.purpose")
        elif phase == "done":
            text = say("second.done")
        running = self.running
        how_far = progress_text(status) if status is not None and running else ""
        bar = bar_of(status) if running else {}
        offered = self._lacking and not running and not self._due
        self.show(
            section(
                say("second"),
                paragraph(text, role="status"),
                node("progress", aria_label=say("second.progress"), hidden=not running, **bar),
                paragraph(how_far, "fine"),
                buttons(
                    button(say(offer), "start", hidden=not offered, data_heir=True),
                    button(
                        say("second.cancel"),
                        "cancel",
                        hidden=not running,
                        disabled=self._asked_to_stop,
                        data_heir=True,
                    ),
                ),
                hidden=not text,
            )
        )

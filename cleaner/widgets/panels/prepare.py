"""`PreparePanel`: the first ranking of a data set, made in the background while pictures are on show."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from cleaner.jobs import JobStatus
from cleaner.util.wording import count, duration
from cleaner.widgets.panels.base import Tree, button, node
from cleaner.widgets.panels.job import JobPanel

if TYPE_CHECKING:
    from cleaner.workspace import Workspace

__all__ = ["PreparePanel"]

logger = logging.getLogger(__name__)

PREPARE_TASK = "cleaner.pipelines.entries:job_prepare"
_NO_WEIGHTS = "WeightsUnavailableError"
_AGREED = "without-weights"
"""File in the state folder that remembers that the user agreed to go on without pretrained weights."""
_PURPOSE = "Finding suspicious labels"
_STAGES = {"embedding": "reading the pictures"}  # said to somebody who need not know the word


class PreparePanel(JobPanel):
    """Ranks a data set in the background, with progress and cancel; else it shows nothing.

    Parameters
    ----------
    workspace : Workspace
    on_ranked : callable
        Called, from another thread, when a new ranking is saved.
    lock : threading.RLock or None
        Shared with other panels of the same page.
    """

    def __init__(
        self, workspace: Workspace, on_ranked: Callable[[], None], *, lock: threading.RLock | None = None
    ) -> None:
        self._on_ranked = on_ranked
        self._offer = ""  # why ranking is worth doing, where it is for the user to start it
        super().__init__(workspace, lock=lock)
        self.add_class("cleaner-work-panel")
        self.on("start", lambda _: self.start())
        self.on("scratch", lambda _: self.start(from_scratch=True))
        asked_for_weights = workspace.weights is not None or workspace.backbone is not None
        if not asked_for_weights and (workspace.state / _AGREED).exists():
            workspace.from_scratch = True
        self._draw()
        self._unsubscribe = self.watcher.subscribe(self._on_status)

    def offer(self, new: int) -> None:
        """Offer to rank ``new`` images that the saved ranking does not know."""
        with self.lock:
            self._offer = f"{count(new, 'image')} came after the ranking." if new else ""
            self._draw()

    def start(self, *, from_scratch: bool = False) -> None:
        """Start ranking, unless it is running.

        Parameters
        ----------
        from_scratch : bool
            Go on without pretrained weights; the user agreed.

        Raises
        ------
        JobError
            Another job of this workspace is running.
        """
        with self.lock:
            found = self.watcher.look()
            if found is not None and found.task == PREPARE_TASK and not found.finished:
                self._status = found  # it was started before a reload, or in another tab
                self._draw()
                return
            if from_scratch:
                self._agree()
            self.problem = ""
            self._offer = ""
            self._asked_to_stop = False
            self.watcher.start(PREPARE_TASK, {"workspace": self.workspace.options()})
            self._status = self.watcher.status
            self._draw()

    def _agree(self) -> None:
        """Go on without pretrained weights, also after a reload: it was agreed to once for this data set."""
        self.workspace.from_scratch = True
        (self.workspace.state / _AGREED).touch()

    def _on_status(self, status: JobStatus) -> None:
        """Take in where a job is; runs in the watcher's thread."""
        if status.task != PREPARE_TASK:
            return
        with self.lock:
            if self._status is not None and status.id < self._status.id:
                return  # the end of one job, told after the next was started
            ended = status.finished and (self._status is None or not self._status.finished)
            self._status = status
            if ended and status.phase == "failed":
                self.problem = status.error or "The labels could not be ranked."
            self._draw()
        if ended and status.phase == "done":
            self._on_ranked()

    def _draw(self) -> None:
        status = self._status
        said, bar, buttons = self._offer, None, []
        if status is not None and self.running:
            said = "Stopping …" if self._asked_to_stop else _spoken(status)
            share = {"value": str(status.done), "max": str(status.total)} if status.total else {}
            bar = node("progress", aria_label=_PURPOSE, **share)
            buttons = [button("Cancel", "cancel", disabled=self._asked_to_stop, data_heir=True)]
        elif status is not None and status.phase == "failed":
            said = ""
            buttons = [button("Try again", "start", data_heir=True)]
            if status.error_type == _NO_WEIGHTS:
                buttons.insert(0, button("Go on without pretrained weights", "scratch", data_heir=True))
        elif status is not None and status.phase == "cancelled" and not said:
            said = "Finding suspicious labels was cancelled; what was read is remembered."
            buttons = [button("Find suspicious labels", "start", data_heir=True)]
        elif self._offer:
            buttons = [button("Rank them", "start", data_heir=True)]
        shown = bool(said or buttons)
        parts: list[Tree] = [
            node("p", said, role="status"),
            bar or node("progress", hidden=True),
            node("div", *buttons, class_="cleaner-buttons"),
        ]
        self.show(node("div", *parts, class_="cleaner-work", hidden=not shown))


def _spoken(status: JobStatus) -> str:
    """Say what is going on, how far it is, how fast, and how long it will take."""
    stage = _STAGES.get(status.stage, status.stage)
    parts = [f"{_PURPOSE}: {stage}"]
    if status.total:
        parts.append(f"{status.done:,} of {status.total:,}")
    if status.rate_per_s and status.rate_per_s >= 1 and status.total:
        parts.append(f"{status.rate_per_s:,.0f} a second")
    if status.seconds_left is not None and status.done < status.total:
        parts.append(f"{duration(status.seconds_left)} left")
    return " · ".join(parts) + "."

"""`PreparePanel`: the first ranking of a data set, made in the background while images are on show."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from cleaner.jobs import JobStatus
from cleaner.jobs.watcher import JobWatcher
from cleaner.util.standby import Standby
from cleaner.util.wording import count
from cleaner.widgets.panels.base import button, buttons, node, paragraph
from cleaner.widgets.panels.job import TASKS, JobPanel, bar_of, progress_text
from cleaner.widgets.sentences import say
from cleaner.workspace import Workspace

if TYPE_CHECKING:
    from cleaner.ranking import Ranking

_NO_WEIGHTS = "WeightsUnavailableError"


def begin_ranking(workspace: Workspace, standby: Standby) -> None:
    """Start ranking before there is a panel, which will find the job running.

    Parameters
    ----------
    workspace : Workspace
    standby : Standby
        Whose process to use if one is waiting.

    Raises
    ------
    JobError
        A job of this workspace is running, or none can be started.
    """
    JobWatcher.of(workspace.state).start(
        TASKS["prepare"], {"workspace": workspace.options()}, standby=standby
    )


class PreparePanel(JobPanel):
    """Ranks a data set in the background, with progress and cancel; else it shows nothing.

    Parameters
    ----------
    workspace : Workspace
    on_ranked : callable
        Called, from another thread, when a new ranking is saved.
    on_preliminary : callable
        Called, from another thread, when a preliminary one is.
    lock : threading.RLock or None
        Shared with other panels of the same page.
    """

    makes_way = ("check", "second")

    def __init__(
        self,
        workspace: Workspace,
        on_ranked: Callable[[], None],
        on_preliminary: Callable[[], None],
        *,
        lock: threading.RLock | None = None,
    ) -> None:
        self._on_ranked = on_ranked
        self._on_preliminary = on_preliminary
        self._ordered_by: tuple[int, int] | None = None  # images of a preliminary ranking, and of the set
        self._new = 0  # images that the saved ranking does not know
        self.workspace = workspace
        super().__init__(workspace.state, "prepare", lock=lock)
        self.add_class("cleaner-work-panel")
        self.on("start", lambda _: self.start())
        self.on("built-in", lambda _: self._start_with_built_in())
        self._follow()

    def offer(self, new: int) -> None:
        """Offer to rank ``new`` images that the saved ranking does not know."""
        with self.lock:
            self._new = new
            self._draw()

    def show_preliminary(self, ranking: Ranking | None) -> None:
        """Say how many images the order goes by; None: by all, or there is none."""
        with self.lock:
            self._ordered_by = None
            if ranking is not None and ranking.awaited:
                self._ordered_by = (len(ranking), len(ranking) + ranking.awaited)
            self._draw()

    def start(self) -> None:
        """Start ranking, unless it is running; a search for other problems and the second look make way.

        Raises
        ------
        JobError
            Another job of this workspace is running.
        """
        with self.lock:
            self._new = 0
            self._begin("prepare", workspace=self.workspace.options())

    def _start_with_built_in(self) -> None:
        """Rank with the network that is always there, because the named one's weights cannot be had."""
        with self.lock:
            self.workspace.backbone = self.workspace.weights = None
            self.start()

    def _ended(self, status: JobStatus) -> None:
        if status.phase == "failed":
            self.problem = status.error or say("prepare.failed")

    def _told(self, status: JobStatus) -> None:
        self._on_preliminary()

    def _done(self, status: JobStatus) -> None:
        self._on_ranked()

    def _draw(self) -> None:
        status = self._status
        phase = "" if status is None else status.phase
        text = say("prepare.new", images=count(self._new, "image")) if self._new else ""
        offered = [button(say("prepare.rank"), "start", data_heir=True)] if self._new else []
        if status is not None and phase == "running":
            text = say("prepare.stage", progress=progress_text(status))
            if self._asked_to_stop:
                text = say("job.stopping")
            offered = [button(say("prepare.cancel"), "cancel", disabled=self._asked_to_stop, data_heir=True)]
        elif self._making_way:
            text, offered = say("job.making_way"), []
        elif status is not None and phase == "failed":
            text = ""
            offered = [button(say("prepare.retry"), "start", data_heir=True)]
            if status.error_type == _NO_WEIGHTS and self.workspace.backbone is not None:
                offered.insert(0, button(say("prepare.built_in"), "built-in", data_heir=True))
        elif phase == "cancelled" and not self._new:
            text = say("prepare.stopped")
            offered = [button(say("prepare.start"), "start", data_heir=True)]
        running = self.running
        order = ""
        if self._ordered_by is not None and phase != "done":
            done, total = (f"{number:,}" for number in self._ordered_by)
            order = say("prepare.order" if running else "prepare.order.stopped", done=done, total=total)
        bar = bar_of(status) if running else {}
        self.show(
            node(
                "div",
                node("p", text, role="status"),
                paragraph(order, role="status"),
                node("progress", aria_label=say("prepare.progress"), hidden=not running, **bar),
                buttons(*offered),
                class_="cleaner-work",
                hidden=not (text or offered or order),
            )
        )

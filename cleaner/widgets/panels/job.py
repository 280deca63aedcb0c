"""`JobPanel`: what the panels have in common that show work in the background."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from cleaner.jobs import JobStatus
from cleaner.jobs.watcher import JobWatcher
from cleaner.widgets.panels.base import Panel

if TYPE_CHECKING:
    from cleaner.workspace import Workspace

__all__ = ["JobPanel"]


class JobPanel(Panel):
    """Shows one kind of job of a workspace, and can ask it to stop.

    Parameters
    ----------
    workspace : Workspace
    lock : threading.RLock or None
        Shared with other panels of the same page.
    """

    _unsubscribe: Callable[[], None] | None = None  # also for one whose __init__ was refused

    def __init__(self, workspace: Workspace, *, lock: threading.RLock | None = None) -> None:
        self.workspace = workspace
        self._status: JobStatus | None = None
        self._asked_to_stop = False
        super().__init__(lock=lock)
        self.watcher = JobWatcher.of(workspace.state)
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

    def cancel(self) -> None:
        """Ask the work to stop; what was there before it stays in force, what it has read is remembered."""
        with self.lock:
            if self.running:
                self._asked_to_stop = True
                self.watcher.cancel()
                self._draw()

    def _draw(self) -> None:
        """Show where the work is; there is nothing to show of work in general."""

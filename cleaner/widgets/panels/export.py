"""`ExportPanel`: writes the cleaned set into a new folder, for any other tool."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from cleaner.dataset.formats.memory import ImportMemory
from cleaner.dataset.formats.registry import FORMATS
from cleaner.jobs import JobStatus
from cleaner.util.wording import count
from cleaner.widgets.panels.base import button, buttons, node, paragraph
from cleaner.widgets.panels.job import JobPanel, bar_of, progress_text
from cleaner.widgets.sentences import say
from cleaner.workspace import Workspace

_FOLDERS = "folders"  # one for each class: no format of another tool


class ExportPanel(JobPanel):
    """Offers all formats that can be written, and writes one in the background.

    Parameters
    ----------
    workspace : Workspace
    lock : threading.RLock or None
        Shared with other panels of the same page.
    """

    def __init__(self, workspace: Workspace, *, lock: threading.RLock | None = None) -> None:
        self.workspace = workspace
        self.format = _FOLDERS
        self._from = ImportMemory(workspace.state, workspace.labels).format if workspace.labels else None
        self.folder: Path | None = None
        # In a place of its own: to copy files needs neither to wait for a ranking, nor to stop one.
        super().__init__(workspace.state / "exports", "export", lock=lock)
        self.on("format", self._choose)
        self.on("export", lambda _: self._export())
        self._follow()

    def _choose(self, value: str) -> None:
        self.format = value if value in FORMATS else _FOLDERS
        self._draw()

    def _export(self) -> None:
        self.folder = self.target
        self._begin(
            "export",
            workspace=self.workspace.options(),
            format=None if self.format == _FOLDERS else self.format,
            to=str(self.folder),
        )

    @property
    def target(self) -> Path:
        """The new folder: beside the set, or among the user's own if nothing can be written there."""
        beside = self.workspace.root.parent
        folder = beside if os.access(beside, os.W_OK) else Path.home()
        name = f"{self.workspace.root.name}-{self.format}"
        names = (name if n == 1 else f"{name}-{n}" for n in range(1, 10_000))
        return next(folder / each for each in names if not (folder / each).exists())

    def _ended(self, status: JobStatus) -> None:
        if status.phase == "failed":
            self.problem = status.error or say("export.failed")

    def _draw(self) -> None:
        status, running = self._status, self.running
        titles = {_FOLDERS: say("export.folders")}
        titles |= {n: each.title for n, each in FORMATS.items() if not each.edits_only or n == self._from}
        choices = [
            node("option", title, value=name, selected=name == self.format) for name, title in titles.items()
        ]
        chooser = node(
            "select", *choices, do="format", value=self.format, disabled=running, class_="cleaner-input"
        )
        field = node("label", node("span", say("export.format")), chooser)
        bar = bar_of(status) if running else {}
        told = _said(status, stopping=self._asked_to_stop)
        act = button(say("export.do"), "export", data_heir=True)
        if running:
            act = button(say("job.cancel"), "cancel", disabled=self._asked_to_stop, data_heir=True)
        self.show(
            node(
                "div",
                node("h3", say("export")),
                paragraph(say("export.what")),
                node("div", field, class_="cleaner-table-fields"),
                node("p", say("export.into", folder=self.folder if running else self.target)),
                node("progress", aria_label=say("export"), hidden=not running, **bar),
                buttons(act),
                node("div", *(node("p", text) for text in told), role="status"),
                class_="cleaner-sheet-page",
                role="region",
                aria_label=say("export"),
            )
        )


def _said(status: JobStatus | None, *, stopping: bool) -> list[str]:
    """Say where the export is, or what came of it."""
    if status is None or status.phase == "failed":
        return []
    if not status.finished:
        return [say("job.stopping") if stopping else progress_text(status)]
    if status.phase == "cancelled":
        return [say("export.stopped")]
    made = status.result or {}
    said = [say("export.done", folder=made["folder"])]
    if made["missing"]:
        said.append(say("export.missing", images=made["missing"]))
    if made["unlabelled"]:
        said.append(say("export.unlabelled", images=count(made["unlabelled"], "image")))
    return [*said, *made["notes"]]

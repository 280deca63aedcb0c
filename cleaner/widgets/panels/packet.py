"""`PacketPanel`: makes a packet for a colleague who has no cleaner, and takes in what comes back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cleaner.errors import CleanerError
from cleaner.jobs import Job, JobStatus
from cleaner.review.merging import Merged, merge_history
from cleaner.util.wording import count, listed
from cleaner.widgets.guard import in_words
from cleaner.widgets.panels.base import Tree, button, buttons, node, paragraph
from cleaner.widgets.panels.job import JobPanel, bar_of, progress_text
from cleaner.widgets.sentences import say
from cleaner.workspace import Workspace

_IMAGES = 200
_MOST_IMAGES = 1000  # about 50 MB, which the browser gets in one piece
_MOST_NAMES = 3


class PacketPanel(JobPanel):
    """Asks how many images, makes the packet in the background, and takes in a ``decisions.csv``.

    Parameters
    ----------
    workspace : Workspace
    run_later : callable
        Runs what must not hold up whoever asks, in a thread.
    lock : threading.RLock or None
        Shared with other panels of the same page.
    """

    def __init__(
        self,
        workspace: Workspace,
        run_later: Callable[[Callable[[], object]], None],
        *,
        lock: threading.RLock | None = None,
    ) -> None:
        self.workspace = workspace
        self.images = str(_IMAGES)
        self._run_later = run_later
        self._taken: list[str] = []
        # In a place of its own: to copy images needs neither to wait for a ranking, nor to stop one.
        super().__init__(workspace.state / "packets", "packet", lock=lock)
        self.on("images", self._choose)
        self.on("make", lambda _: self._make())
        self.on("save", lambda _: self._save())
        self.on_file("take", self._take)
        last = Job.last(self._state)  # it may have been made while no page was open
        if last is not None and last.status().phase == "done":
            self._status = last.status()
        self._follow()

    def _choose(self, value: str) -> None:
        """Remember what was typed; `_make` looks whether it can be."""
        self.images = value
        self._draw()

    def _make(self) -> None:
        try:
            images = int(self.images)
        except ValueError:
            images = 0
        if not 1 <= images <= _MOST_IMAGES:
            raise CleanerError(say("send.no_number", value=self.images, most=f"{_MOST_IMAGES:,}"))
        self._begin("packet", workspace=self.workspace.options(), top=images)

    def _save(self) -> None:
        """Give the browser the packet that was made last."""
        path = Path(self._made()["path"])
        try:
            data = path.read_bytes()
        except OSError as exc:
            raise CleanerError(say("send.gone", path=path)) from exc
        self.save(path.name, data)

    def _made(self) -> dict[str, Any]:
        status = self._status
        return status.result or {} if status is not None and status.phase == "done" else {}

    def _take(self, file: str, data: bytes | None) -> None:
        """Take in a colleague's decisions, in a thread: others may hold the database for a while."""
        if data is None:
            raise CleanerError(say("send.too_large", file=file))
        self._taken = [say("send.reading", file=file)]
        self._draw()

        def take() -> None:
            refused, taken = "", []
            try:
                taken = merged_text(merge_history(self.workspace.store, data), file)
            except Exception as exc:
                refused = say("send.refused", file=file, reason=in_words(exc, f"merging {file}"))
            with self.lock:
                self._taken = taken
                self.complain(refused)
                self._draw()

        self._run_later(take)

    def _ended(self, status: JobStatus) -> None:
        if status.phase == "failed":
            self.problem = status.error or say("send.failed")

    def _draw(self) -> None:
        status, running = self._status, self.running
        field = node(
            "input",
            type="number",
            min="1",
            max=str(_MOST_IMAGES),
            value=self.images,
            do="images",
            disabled=running,
            class_="cleaner-input is-number",
        )
        bar = bar_of(status) if running else {}
        act = button(say("send.do"), "make", data_heir=True)
        if running:
            act = button(say("job.cancel"), "cancel", disabled=self._asked_to_stop, data_heir=True)
        chosen = node("input", type="file", accept=".csv,text/csv", do="take", class_="cleaner-hidden")
        self.show(
            node(
                "div",
                node("h3", say("send")),
                paragraph(say("send.what")),
                node("label", node("span", say("send.images")), field, class_="cleaner-packet-images"),
                node("progress", aria_label=say("send"), hidden=not running, **bar),
                buttons(act),
                node("div", *self._said(status), role="status"),
                node("h3", say("send.back")),
                paragraph(say("send.back.what")),
                buttons(node("label", say("send.take"), chosen, class_="cleaner-button")),
                node("div", *(node("p", text) for text in self._taken), role="status"),
                class_="cleaner-sheet-page cleaner-packet-page",
                role="region",
                aria_label=say("send"),
            )
        )

    def _said(self, status: JobStatus | None) -> list[Tree]:
        """Say where the packet is, or what came of it."""
        if status is None or status.phase == "failed":
            return []
        if not status.finished:
            return [node("p", say("job.stopping") if self._asked_to_stop else progress_text(status))]
        if status.phase == "cancelled":
            return [node("p", say("send.stopped"))]
        made = self._made()
        path = Path(made["path"])
        size = say("send.size", images=count(made["images"], "image"), size=f"{made['bytes'] / 1e6:.1f}")
        said = [node("p", say("send.done"), node("code", str(path))), node("p", size)]
        if made["left_out"]:
            names = listed([f"{name} ({reason})" for name, reason in made["left_out"]], most=_MOST_NAMES)
            said.append(node("p", say("send.left_out", names=names)))
        return [*said, buttons(button(say("send.save", file=path.name), "save"))]


def merged_text(merged: Merged, file: str) -> list[str]:
    """Say what became of decisions that were taken in."""
    said = [say("send.none", file=file)]
    if merged.added:
        decisions, reviewers = count(merged.added, "decision"), listed(merged.reviewers, most=_MOST_NAMES)
        said = [say("send.added", file=file, decisions=decisions, reviewers=reviewers)]
    if merged.known:
        said.append(say("send.known", decisions=count(merged.known, "decision")))
    for key, names in (
        ("send.conflicts", merged.conflicts),
        ("send.ignored", merged.gone),
        ("send.again", merged.asked_again),
    ):
        if names:
            shown = listed(names, most=_MOST_NAMES)
            said.append(say(key, images=count(len(names), "image"), names=shown))
    return said

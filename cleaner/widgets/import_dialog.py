"""`ImportDialog`: what a set of another tool was recognised as, and what an import would do."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from cleaner.dataset.formats.registry import Format
from cleaner.dataset.user import home
from cleaner.errors import CatalogError
from cleaner.jobs import JobStatus
from cleaner.widgets.panels.base import Tree, button, buttons, node, paragraph
from cleaner.widgets.panels.job import JobPanel, bar_of, progress_text
from cleaner.widgets.sentences import say

logger = logging.getLogger(__name__)

_MOST_FOLDERS = 30

Found = tuple[Format, Path]


class ImportDialog(JobPanel):
    """Says what a file or folder was recognised as, and imports it in the background.

    Parameters
    ----------
    found : sequence of (Format, Path)
        What was recognised; the user chooses if there are several.
    on_open : callable
        Called, from another thread, with keyword arguments of `cleaner.Workspace` when the import is done.
    on_plain : callable or None
        Called when the user wants to open what was chosen as it is; None: it can only be imported.
    on_back : callable or None
        Called when the user wants to choose something else; None offers no such thing.
    """

    def __init__(
        self,
        found: Sequence[Found],
        on_open: Callable[[dict[str, str]], None],
        *,
        on_plain: Callable[[], None] | None = None,
        on_back: Callable[[], None] | None = None,
    ) -> None:
        self.found = list(found)
        self._at = 0
        self._flags = dict.fromkeys(("crops", "as_decisions"), False)
        self._images = self._label_column = ""
        self._columns: dict[Found, list[str]] = {}
        self._on_open, self._on_plain, self._on_back = on_open, on_plain, on_back
        # One folder for each source, so that a page that is loaded again finds its import running.
        place = hashlib.sha256(str(self.found[0][1].resolve()).encode("utf-8", "surrogateescape"))
        super().__init__(home() / "imports" / place.hexdigest()[:16], "import")
        self.add_class("cleaner-ready")
        self.add_class("cleaner-import")
        self.on("source", self._choose)
        self.on("images", self._choose_images)
        self.on("label_column", self._choose_column)
        for flag in self._flags:
            self.on(flag, partial(self._toggle, flag))
        self.on("import", lambda _: self._import())
        self.on("table", lambda _: self._open(self.path.parent, self._table))
        self.on("plain", lambda _: self._on_plain() if self._on_plain is not None else None)
        self.on("back", lambda _: self._on_back() if self._on_back is not None else None)
        self._follow()

    @property
    def format(self) -> Format:
        """What is to be imported was recognised as this."""
        return self.found[self._at][0]

    @property
    def path(self) -> Path:
        """What is to be imported."""
        return self.found[self._at][1]

    @property
    def _table(self) -> Path:
        """The label table of an import, as it is called by default."""
        return self.path.with_name(f"{self.path.stem}.labels.csv")

    # ---------------------------------------------------------------- what the user says

    def _choose(self, value: str) -> None:
        if value.isdecimal() and int(value) < len(self.found):
            self._at, self._images, self._label_column = int(value), "", ""
        self._draw()

    def _choose_images(self, value: str) -> None:
        self._images = value if value in self._folders() else ""
        self._draw()

    def _choose_column(self, value: str) -> None:
        self._label_column = value if value in self._label_columns() else ""
        self._draw()

    def _toggle(self, flag: str, _value: str) -> None:
        self._flags[flag] = not self._flags[flag]
        self._draw()

    def _import(self) -> None:
        self._begin(
            "import",
            source=str(self.path),
            format=self.format.name,
            images=self._images or None,
            label_column=self._label_column or None,
            crops=self._flags["crops"] and self.format.crops,
            as_decisions=self._flags["as_decisions"],
        )

    # ---------------------------------------------------------------- how the import ends

    def _ended(self, status: JobStatus) -> None:
        if status.phase == "failed":
            self.problem = status.error or say("import.failed")

    def _done(self, status: JobStatus) -> None:
        made = status.result or {}
        labels = made.get("labels")
        self._open(Path(made["root"]), None if labels is None else Path(labels))

    def _open(self, root: Path, labels: Path | None) -> None:
        self._on_open({"root": str(root)} | ({} if labels is None else {"labels": str(labels)}))

    def opening(self, name: str) -> None:
        """Say that the data set is being opened."""
        with self.lock:
            text = node("p", say("start.opening", name=name), role="status")
            self.show(node("div", text, class_="cleaner-message is-wide"))

    # ---------------------------------------------------------------- drawing

    def _folders(self) -> dict[str, str]:
        """Return the folders that may hold the images, and what to call them."""
        here = self.path if self.path.is_dir() else self.path.parent
        below = sorted(p for p in here.iterdir() if p.is_dir() and not p.name.startswith("."))
        beside = sorted(p for p in here.parent.iterdir() if p.is_dir() and not p.name.startswith("."))
        listed = [*below[:_MOST_FOLDERS], here.parent, *beside[:_MOST_FOLDERS]]
        folders = dict.fromkeys(folder for folder in listed if folder != here)
        return {str(folder): folder.relative_to(here.parent.parent).as_posix() for folder in folders}

    def _label_columns(self) -> list[str]:
        """Return the columns that may be the label; none where the format leaves no choice."""
        found = self.found[self._at]
        if found not in self._columns:
            columns: list[str] = []
            if self.format.columns is not None:
                try:
                    columns = self.format.columns(self.path)
                except CatalogError as exc:  # which the import will say
                    logger.info("The columns of %s cannot be read: %s", self.path, exc)
            self._columns[found] = columns
        return self._columns[found]

    def _draw(self) -> None:
        status = self._status
        name = self.path.name
        known = not self.path.is_dir() and self._table.is_file()
        running = self.running
        stage = ""
        if status is not None and running:
            stage = say("job.stopping") if self._asked_to_stop else progress_text(status)
        elif status is not None and status.phase == "cancelled":
            stage = say("import.stopped")
        title = say("import", name=name)
        self.show(
            node(
                "div",
                node("h1", title),
                node("p", say("import.recognised", name=name, format=self.format.title)),
                paragraph(say("import.unpacks" if self.format.unpacks else "import.what", name=name)),
                paragraph(say("import.known", table=self._table.name) if known else ""),
                node("div", *self._fields(), class_="cleaner-table-fields", hidden=running),
                node("p", stage, role="status"),
                node("progress", aria_label=title, hidden=not running, **(bar_of(status) if running else {})),
                buttons(*self._buttons(known=known)),
                class_="cleaner-message is-wide",
                role="region",
                aria_label=title,
            )
        )

    def _fields(self) -> list[Tree]:
        fields = []
        if len(self.found) > 1:
            sources = {str(i): f"{path.name} ({kind.title})" for i, (kind, path) in enumerate(self.found)}
            fields.append(_chooser("source", sources, str(self._at)))
        if not self.format.unpacks:
            folders = {"": say("import.images.beside")} | self._folders()
            fields.append(_chooser("images", folders, self._images))
        if columns := self._label_columns():
            choices = {"": say("import.label_column.usual")} | dict(zip(columns, columns, strict=True))
            fields.append(_chooser("label_column", choices, self._label_column))
        flags = (*(["crops"] if self.format.crops else []), *(["as_decisions"] if self.format.people else []))
        for flag in flags:
            box = node("input", type="checkbox", do=flag, checked=self._flags[flag])
            fields.append(node("label", box, node("span", say(f"import.{flag}")), class_="cleaner-choice"))
        return fields

    def _buttons(self, *, known: bool) -> list[Tree]:
        if self.running:
            return [button(say("job.cancel"), "cancel", disabled=self._asked_to_stop, data_heir=True)]
        go = "cleaner-button is-go"
        offered = [
            button(say("import.do"), "import", class_="cleaner-button" if known else go, data_heir=not known)
        ]
        if known:
            open_table = say("start.open.name", name=self._table.name)
            offered.insert(0, button(open_table, "table", class_=go, data_heir=True))
        if self._on_plain is not None:
            offered.append(button(say("import.plain"), "plain"))
        if self._on_back is not None:
            offered.append(button(say("table.back"), "back"))
        return offered


def _chooser(what: str, choices: dict[str, str], chosen: str) -> Tree:
    """Describe a drop-down list below its name."""
    entries = [node("option", text, value=key, selected=key == chosen) for key, text in choices.items()]
    chooser = node("select", *entries, do=what, value=chosen, class_="cleaner-input")
    return node("label", node("span", say(f"import.{what}")), chooser)

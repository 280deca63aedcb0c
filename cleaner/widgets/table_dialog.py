"""`TableDialog`: how a table of labels is to be read, with its first rows as they would be."""

import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from cleaner.dataset.findings import Finding
from cleaner.dataset.tables.labels import SEPARATORS
from cleaner.dataset.tables.names import NameMatcher
from cleaner.dataset.tables.options import NO_COLUMN, NO_SEPARATOR, TableOptions
from cleaner.dataset.tables.preview import Preview, Row, preview
from cleaner.errors import CatalogError
from cleaner.util.csvfile import DELIMITERS
from cleaner.util.encodings import ENCODINGS
from cleaner.util.wording import count
from cleaner.widgets.guard import guarded
from cleaner.widgets.panels.base import Panel, Tree, button, buttons, node, paragraph, table
from cleaner.widgets.sentences import say

_MOST_OTHERS = 4  # columns on show that are neither names, labels nor splits
_MOST_PARENTS = 4
_OPTIONS = ("name_column", "label_column", "split_column", "delimiter", "encoding", "label_separator")


class TableDialog(Panel):
    """Shows the first rows of a table as they would be read, and lets the user say what its columns mean.

    Parameters
    ----------
    path : Path
        The table.
    root : Path
        The folder to which its names are relative, as far as is known.
    on_open : callable
        Called with keyword arguments of `cleaner.Workspace`: ``root``, ``labels``, and what the user has
        said. A `CleanerError` that it raises is shown.
    on_back : callable or None
        Called when the user wants to choose something else; None offers no such thing.
    base : Path or None
        Folders of images are offered up to this one.
    options : TableOptions
        What is known of the table already.
    """

    def __init__(
        self,
        path: Path,
        root: Path,
        on_open: Callable[[dict[str, str]], None],
        *,
        on_back: Callable[[], None] | None = None,
        base: Path | None = None,
        options: TableOptions | None = None,
    ) -> None:
        self.path, self.root = path.resolve(), root.resolve()
        self.options = options or TableOptions()
        self.preview = Preview()
        self._on_open, self._on_back = on_open, on_back
        self._told: dict[str, str] = {}
        self._roots = _folders(self.path, self.root, base)
        self._matchers: dict[Path, NameMatcher] = {}
        self._reading: threading.Thread | None = None
        self._opening = False
        super().__init__()
        self.add_class("cleaner-ready")
        for name in _OPTIONS:
            self.on(name, partial(self._tell, name))
        self.on("root", self._choose_root)
        self.on("open", lambda _: self._open())
        self.on("back", lambda _: self._on_back() if self._on_back is not None else None)
        self._read()

    def wait(self) -> None:
        """Wait until the rows on show are those of the last choice."""
        while (reading := self._reading) is not None:
            reading.join()
        with self.lock:  # which the thread holds until it has drawn them
            return

    def opening(self, name: str) -> None:
        """Say that the data set is being opened; an empty name: no longer."""
        with self.lock:
            self._opening = bool(name)
            self._draw()

    def _tell(self, option: str, value: str) -> None:
        self.options = self.options.but({option: value})
        self._told[option] = value
        self._read()

    def _choose_root(self, value: str) -> None:
        if not value.isdecimal() or int(value) >= len(self._roots):
            raise CatalogError(f"There is no folder number {value}; choose one of those that are offered.")
        self.root = self._roots[int(value)]
        self._read()

    def _open(self) -> None:
        if self.preview.problem or self._reading is not None:
            return
        told = {**self._confirmed(), **self._told}
        self._on_open({"root": str(self.root), "labels": str(self.path), **told})

    def _confirmed(self) -> dict[str, str]:
        """Return the columns on show where others are as likely: whoever opens the table has chosen them."""
        guess = self.preview.guess
        if guess is None or all(found.topic != "choice of columns" for found in self.preview.findings):
            return {}
        columns = guess.columns
        return {
            "name_column": columns.name,
            "label_column": ",".join(columns.labels),
            "split_column": columns.split or NO_COLUMN,
        }

    def _read(self) -> None:
        """Read the table again as it is wanted now; a large one takes seconds, and the page does not wait."""
        reading = threading.Thread(target=self._take, args=(self.root, self.options), daemon=True)
        self._reading = reading
        self._draw()
        reading.start()

    def _take(self, root: Path, options: TableOptions) -> None:
        found = Preview(problem=say("table.unreadable"))
        with guarded("reading the table", self.complain):
            if root not in self._matchers:
                self._matchers[root] = NameMatcher.below(root, table=self.path)
            found = preview(self.path, self._matchers[root], options)
        with self.lock:
            if self._reading is threading.current_thread():  # no newer choice
                self.preview = found
                self._reading = None
                self._draw()

    def _draw(self) -> None:
        title = say("table", name=self.path.name)
        shut = bool(self.preview.problem) or self._opening or self._reading is not None
        back = button(say("table.back"), "back", disabled=self._opening)
        self.show(
            node(
                "div",
                node("h1", title),
                paragraph(say("table.advice")),
                *self._encoding_trees(),
                node("div", *self._fields(), class_="cleaner-table-fields"),
                paragraph(self._standing(), role="status"),
                self._problem(),
                *self._rows(),
                *(_finding(found) for found in self.preview.findings if found.doubtful),
                buttons(
                    button(
                        say("table.open"),
                        "open",
                        disabled=shut,
                        class_="cleaner-button is-go",
                        data_heir=True,
                    ),
                    *([back] if self._on_back is not None else []),
                ),
                *(_finding(found) for found in self.preview.findings if not found.doubtful),
                class_="cleaner-message is-wide",
                role="region",
                aria_label=title,
            )
        )

    def _problem(self) -> Tree | None:
        problem = self.preview.problem
        if not problem or self._reading is not None:
            return None
        if self.preview.encodings and not self.options.encoding:
            problem = say("table.encoding_first")
        return node("p", problem, role="alert", class_="cleaner-problem")

    def _standing(self) -> str:
        if self._opening:
            return say("start.opening", name=self.path.name)
        if self._reading is not None:
            return say("table.reading")
        if self.preview.problem:
            return ""
        rows = count(self.preview.row_count, "row")
        images = count(self.preview.image_count, "image")
        classes = count(self.preview.class_count, "class", "classes")
        return say("table.standing", rows=rows, images=images, classes=classes)

    def _encoding_trees(self) -> list[Tree]:
        """Ask for the encoding, with some words as they read in the likeliest ones."""
        if not self.preview.encodings:
            return []
        choices = [
            node(
                "label",
                node(
                    "input",
                    type="radio",
                    name="encoding",
                    value=encoding,
                    do="encoding",
                    checked=encoding == self.preview.encoding and not self.preview.problem,
                ),
                node("span", node("b", words), f" – {ENCODINGS[encoding]}"),
                class_="cleaner-choice",
            )
            for encoding, words in self.preview.encodings
        ]
        legend = node("legend", say("table.which_encoding", name=self.path.name))
        return [node("fieldset", legend, *choices, class_="cleaner-fieldset")]

    def _fields(self) -> list[Tree]:
        shown, guess = self.preview, self.preview.guess
        columns = guess.columns if guess else None
        label = ",".join(columns.labels) if columns else self.options.label_column
        labels = list(dict.fromkeys([*([label] if label else []), *(guess.labels if guess else [])]))
        several = [value for value in labels if value not in shown.columns and "," in value]
        names = {column: column for column in shown.columns}
        joined = {value: say("table.one_per_class", columns=value.replace(",", ", ")) for value in several}
        splits = {NO_COLUMN: say("table.no_splits")} | names
        encodings = ENCODINGS | ({} if shown.encoding in ENCODINGS else {shown.encoding: shown.encoding})
        delimiters = {sign: say(f"table.delimiter.{name}") for sign, name in DELIMITERS.items()}
        delimiters.setdefault(shown.delimiter, shown.delimiter)
        separators = {NO_SEPARATOR: say("table.one_label")} | {
            sign: say("table.several_labels", separator=say("table.delimiter.space") if sign == " " else sign)
            for sign in SEPARATORS
        }
        separated = _field("label_separator", separators, shown.label_separator)
        fields = [
            _field("name_column", names, columns.name if columns else self.options.name_column),
            _field("label_column", joined | names, label),
            *([separated] if shown.label_separator.strip("-") or self.options.label_separator else []),
            _field(
                "split_column",
                splits,
                (columns.split or NO_COLUMN) if columns else self.options.split_column or NO_COLUMN,
            ),
        ]
        if shown.is_text:
            fields += [
                _field("delimiter", delimiters, shown.delimiter),
                _field("encoding", encodings, shown.encoding),
            ]
        if len(self._roots) > 1:
            folders = {str(i): self._folder_name(folder) for i, folder in enumerate(self._roots)}
            fields.append(_field("root", folders, str(self._roots.index(self.root))))
        return fields

    def _folder_name(self, folder: Path) -> str:
        above = self._roots[-1].parent
        return folder.relative_to(above).as_posix() if folder.is_relative_to(above) else str(folder)

    def _rows(self) -> list[Tree]:
        """Describe the first rows: what they mean, if that is known, then other columns as written."""
        shown = self.preview
        if not shown.rows:
            return []
        columns = shown.guess.columns if shown.guess and not shown.problem else None
        meant = {columns.name, columns.split} if columns else set()
        if columns and len(columns.labels) == 1:
            meant.add(columns.labels[0])
        others = [i for i, name in enumerate(shown.columns) if name not in meant]
        others = others[: _MOST_OTHERS if columns else 2 * _MOST_OTHERS]
        head = [shown.columns[i] for i in others]
        rows: list[list[Tree | str | None]] = [[*_at(row, others)] for row in shown.rows]
        if columns:
            at = shown.columns.index(columns.name)
            kinds = ["image", "label", *(["split"] if columns.split else [])]
            head = [*(say(f"table.head.{kind}") for kind in kinds), *head]
            rows = [
                [*_meaning(row, row.values[at])[: len(kinds)], *cells]
                for row, cells in zip(shown.rows, rows, strict=True)
            ]
        name = say("table.preview", name=self.path.name)
        drawn = table(name, head, rows)
        return [node("div", drawn, class_="cleaner-scroll", tabindex="0", role="group", aria_label=name)]


def _folders(path: Path, root: Path, base: Path | None) -> list[Path]:
    """Return folders that may hold the images: the root, the table's, and those above it, up to a base."""
    folders = [path.parent]
    if base is not None and path.is_relative_to(base):
        folders += [folder for folder in path.parents[1:_MOST_PARENTS] if folder.is_relative_to(base)]
    return list(dict.fromkeys([root, *folders]))


def _field(option: str, choices: dict[str, str], value: str) -> Tree:
    """Describe a drop-down list below its name; "Choose …" if what is chosen is not offered."""
    offered = choices if value in choices else {"": say("table.choose"), **choices}
    chosen = value if value in choices else ""
    entries = [
        node("option", text, value=key, selected=key == chosen, disabled=not key)
        for key, text in offered.items()
    ]
    chooser = node("select", *entries, do=option, value=chosen, class_="cleaner-input")
    return node("label", node("span", say(f"table.{option}")), chooser)


def _at(row: Row, places: Sequence[int]) -> list[str]:
    return [row.values[i] if i < len(row.values) else "" for i in places]


def _meaning(row: Row, written: str) -> list[Tree | str | None]:
    """Describe what a row means: image (with the name as written, if that differs), label, split."""
    missing = node("b", say("table.no_image"), class_="cleaner-verdict is-amber")
    note = node("div", written, class_="cleaner-fine") if row.image != written.strip() else None
    image = node("span", row.image or missing, note)
    return [image, row.label or node("span", say("table.no_label"), class_="cleaner-fine"), row.split]


def _finding(found: Finding) -> Tree:
    return node("p", node("b", say("files.doubtful")) if found.doubtful else None, found.bare)

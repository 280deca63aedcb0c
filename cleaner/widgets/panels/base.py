"""Panels: what stands around the grid, drawn from trees of plain elements.

Python describes a panel as a tree (`node`), a few lines of JavaScript make elements of it and touch only
what changed. Texts stay texts all the way, so that a label or a file name can never become markup.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from string import Formatter
from typing import Any

import anywidget
import traitlets

from cleaner.widgets.guard import guarded
from cleaner.widgets.scripts import joined
from cleaner.widgets.sentences import SENTENCES, say

logger = logging.getLogger(__name__)

Tree = list[Any]
"""``[tag, {attribute: value}, child, …]``; a child is a text or a tree."""

_HERE = Path(__file__).parent
_MOST_ROWS = 200


def node(
    tag: str, *children: Tree | str | None, do: str | None = None, **attributes: str | bool | None
) -> Tree:
    """Describe one element.

    Parameters
    ----------
    tag : str
        Name of the element; the script knows a fixed list of harmless ones.
    *children : list, str or None
        Trees and texts; None is left out.
    do : str or None
        Name of the act that a click or a change asks for (see `Panel.on`).
    **attributes : str, bool or None
        ``class_``, ``aria_label`` … with underscores; None and False leave an attribute out.
    """
    named = {key.strip("_").replace("_", "-"): value for key, value in attributes.items()}
    if do is not None:
        named["data-do"] = do
    kept = {key: value for key, value in named.items() if value is not None and value is not False}
    return [tag, kept, *(child for child in children if child is not None)]


def button(text: str, do: str, value: str = "", **attributes: str | bool | None) -> Tree:
    """Describe a button that asks for an act; ``class_`` is ``cleaner-button`` unless given."""
    given = {"type": "button", "class_": "cleaner-button", "data_value": value, **attributes}
    return node("button", text, do=do, **given)


def pair(what: str, value: str) -> Tree:
    """Describe a line with what is counted at its left end and the number at its right."""
    return node("div", node("span", what), node("span", value), class_="cleaner-pair")


def paragraph(text: str, kind: str = "note", *, role: str | None = None) -> Tree:
    """Describe a quiet paragraph: a ``note``, or ``fine`` print. An empty one takes no room."""
    return node("p", text, class_=f"cleaner-{kind}", role=role)


def buttons(*trees: Tree) -> Tree:
    """Describe a row of buttons."""
    return node("div", *trees, class_="cleaner-buttons")


def section(title: str, *parts: Tree, hidden: bool = False) -> Tree:
    """Describe a section of a column below its heading, which names it for screen readers too."""
    heading = node("h2", title)
    return node("section", heading, *parts, class_="cleaner-section", aria_label=title, hidden=hidden)


def table(
    name: str,
    head: Sequence[str],
    rows: Sequence[Sequence[Tree | str | None]],
    *,
    numbers: Collection[int] = (),
) -> Tree:
    """Describe a table, hidden while it is empty.

    Parameters
    ----------
    name : str
        Its caption, for screen readers.
    head : sequence of str
        Titles of the columns.
    rows : sequence of sequences of list, str or None
    numbers : collection of int
        Columns with numbers, which stand at the right.
    """

    def line(tag: str, cells: Sequence[Tree | str | None], **attributes: str) -> Tree:
        kinds = ["is-number" if i in numbers else None for i in range(len(cells))]
        return node(
            "tr",
            *(node(tag, cell, class_=kind, **attributes) for cell, kind in zip(cells, kinds, strict=True)),
        )

    return node(
        "table",
        node("caption", name, class_="cleaner-hidden"),
        node("thead", line("th", head, scope="col")),
        node("tbody", *(line("td", row) for row in rows)),
        class_="cleaner-table",
        hidden=not rows,
    )


def scrolled(drawn: Tree, name: str) -> Tree:
    """Let a table that is wider than its place be scrolled, with the keyboard too."""
    return node("div", drawn, class_="cleaner-scroll", role="region", tabindex="0", aria_label=name)


def cut_table(
    name: str, head: Sequence[str], rows: Sequence[Sequence[Tree | str]], *, numbers: Collection[int] = ()
) -> list[Tree]:
    """Describe a `table` that ends after 200 rows, and the sentence that says so."""
    cut = say("report.first", shown=_MOST_ROWS, all=f"{len(rows):,}") if len(rows) > _MOST_ROWS else ""
    return [table(name, head, rows[:_MOST_ROWS], numbers=numbers), paragraph(cut)]


def said(key: str, **values: Tree | str) -> list[Tree | str]:
    """Return a sentence of the page like `say`, in pieces where a value is a tree, such as a name in bold."""
    parts: list[Tree | str] = []
    plain = ""
    for literal, field, _, _ in Formatter().parse(SENTENCES[key]):
        value = "" if field is None else values[field]
        plain += literal + (value if isinstance(value, str) else "")
        if not isinstance(value, str):
            parts += [plain, value]
            plain = ""
    return [part for part in (*parts, plain) if part]


def text_of(tree: Tree | str) -> str:
    """Return what a reader sees of a tree, elements and words separated by one space."""
    return " ".join(" ".join(_texts(tree)).split())


def _texts(tree: Tree | str) -> Iterator[str]:
    if isinstance(tree, str):
        yield tree
    elif not tree[1].get("hidden"):
        for child in tree[2:]:
            yield from _texts(child)


class Panel(anywidget.AnyWidget):
    """A piece of page drawn from a tree.

    Parameters
    ----------
    *tree : list
        What to show first.
    lock : threading.RLock or None
        Held while an act is carried out; panels that share state share the lock, as the notebook server may
        deliver messages of different widgets on different threads at the same time.
    """

    _esm = joined(_HERE / "js" / "panel.js", _HERE / "app.css")

    tree: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """What is on show: a list of trees.

    Type: list. Default: empty.
    """
    problem = traitlets.Unicode().tag(sync=True)
    """A sentence for the user about what went wrong, shown as an alert.

    Type: str. Default: empty (nothing went wrong).
    """
    address = traitlets.Dict().tag(sync=True)
    """Query parameters that the page's address should carry, so that a reload comes back to the same place.

    Type: dict of str to str. Default: empty (leave the address alone).
    """

    def __init__(self, *tree: Tree, lock: threading.RLock | None = None) -> None:
        self.lock = lock or threading.RLock()
        self._acts: dict[str, Callable[[str], None]] = {}
        self._file_acts: dict[str, Callable[[str, bytes | None], None]] = {}
        super().__init__()
        self.on_msg(self._on_message)
        self.show(*tree)

    def show(self, *tree: Tree) -> None:
        """Show these trees instead of those before."""
        self.tree = list(tree)

    def on_file(self, name: str, act: Callable[[str, bytes | None], None]) -> None:
        """Carry out ``act(file name, content)`` when a file is chosen in the field with ``do=name``.

        The content is None if the file is too large to be sent. Errors are shown as those of `on`.
        """
        self._file_acts[name] = act

    def save(self, name: str, data: bytes) -> None:
        """Let the browser in which a button has just been pressed save a file."""
        self.send({"kind": "save", "name": name}, [data])

    def on(self, name: str, act: Callable[[str], None]) -> None:
        """Carry out ``act(value)`` when an element with ``do=name`` is used.

        A `CleanerError` that it raises is shown as an alert; so is any other exception, with its traceback
        in the log, because an exception in a callback reaches nobody.
        """
        self._acts[name] = act

    def do(self, name: str, value: str = "") -> None:
        """Carry out an act as if its element had been used.

        Raises
        ------
        KeyError
            No act has this name.
        """
        self._carry_out(name, partial(self._acts[name], value))

    def take_file(self, name: str, file: str, data: bytes | None) -> None:
        """Carry out an act as if a file had been chosen in its field.

        Raises
        ------
        KeyError
            No act on a file has this name.
        """
        self._carry_out(name, partial(self._file_acts[name], file, data))

    def _carry_out(self, name: str, act: Callable[[], None]) -> None:
        with self.lock:
            self.problem = ""
            with guarded(name, self.complain):
                act()

    def complain(self, sentence: str) -> None:
        """Show a sentence about what went wrong."""
        self.problem = sentence

    def _on_message(self, _widget: object, content: object, buffers: list[memoryview]) -> None:
        match content:
            case {"kind": "file", "name": str(name), "value": str(file)} if name in self._file_acts:
                self.take_file(name, file, bytes(buffers[0]) if buffers else None)
            case {"kind": "do", "name": str(name), **rest} if name in self._acts:
                self.do(name, str(rest.get("value", "")))
            case _:
                logger.warning("a message that nobody expects: %.200r", content)

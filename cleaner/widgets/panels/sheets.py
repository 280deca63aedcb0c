"""What the steps beside the labels show: the files, and what the decisions come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cleaner.analysis.changes import class_changes, label_moves
from cleaner.widgets.panels.base import Tree, node

__all__ = ["files_page", "report_page"]

_MOST_ROWS = 200
_COUNTED = ("images", "looked at", "wrong", "unsure")


def files_page(left_out: Sequence[tuple[str, str]]) -> Tree:
    """Describe which files are left out, and why; the panel of the classes tells of the others."""
    parts = [
        node("h3", "Files that are left out"),
        node("p", "" if left_out else "None: every picture can be opened.", class_="cleaner-note"),
        _table("Files that are left out", ["file", "why"], [list(row) for row in left_out[:_MOST_ROWS]]),
        node("p", _more(len(left_out)), class_="cleaner-note"),
    ]
    return node("div", *parts, class_="cleaner-sheet-page", role="region", aria_label="Files")


def report_page(
    given: Mapping[str, str | None],
    outcomes: Mapping[str, tuple[str, str | None]],
    more: Sequence[Tree] = (),
) -> Tree:
    """Describe what the decisions come to.

    Parameters
    ----------
    given, outcomes
        See `cleaner.analysis.changes.class_changes`.
    more : sequence of list
        What else belongs into the report, to stand before the tables.
    """
    rows = [
        [
            each.label or "(no label)",
            *(f"{number:,}" for number in (each.images, each.looked_at, each.wrong, each.unsure)),
        ]
        for each in class_changes(given, outcomes)
    ]
    changes = [[was or "(no label)", now, f"{number:,}"] for was, now, number in label_moves(given, outcomes)]
    parts = [
        *more,
        node("h3", "What you changed"),
        node("p", "" if changes else "No label was changed yet.", class_="cleaner-note"),
        _table("What you changed", ["given label", "right label", "images"], changes[:_MOST_ROWS], numbers=1),
        node("p", _more(len(changes)), class_="cleaner-note"),
        node("h3", "Class by class"),
        _table("Class by class", ["class", *_COUNTED], rows[:_MOST_ROWS], numbers=len(_COUNTED)),
        node("p", _more(len(rows)), class_="cleaner-note"),
        node("p", "Wrong: deleted or given another label.", class_="cleaner-fine"),
    ]
    return node("div", *parts, class_="cleaner-sheet-page", role="region", aria_label="Report")


def _more(rows: int) -> str:
    return f"The first {_MOST_ROWS} of {rows:,} are shown." if rows > _MOST_ROWS else ""


def _table(name: str, head: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: int = 0) -> Tree:
    """Describe a table whose last ``numbers`` columns hold numbers."""

    def line(tag: str, texts: Sequence[str], **attributes: str) -> Tree:
        first = len(texts) - numbers
        kinds = ("is-number" if i >= first else None for i in range(len(texts)))
        cells = (node(tag, text, class_=kind, **attributes) for text, kind in zip(texts, kinds, strict=True))
        return node("tr", *cells)

    return node(
        "table",
        node("caption", name, class_="cleaner-hidden"),
        node("thead", line("th", head, scope="col")),
        node("tbody", *(line("td", row) for row in rows)),
        class_="cleaner-table",
        hidden=not rows,
    )

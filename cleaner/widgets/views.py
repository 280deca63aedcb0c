"""What the panels round the grid say: functions from plain figures to trees, without widgets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cleaner.widgets.chart import Point, line_chart
from cleaner.widgets.panels import Tree, button, node, pair
from cleaner.widgets.wording import count, duration

__all__ = [
    "Header",
    "Standing",
    "files_page",
    "header",
    "report_page",
    "result_section",
    "standing_section",
    "steps",
]

_MOST_ROWS = 200
_COUNTED = ("images", "looked at", "wrong", "unsure")


@dataclass(frozen=True, kw_only=True)
class Header:
    """What the header says.

    Parameters
    ----------
    name : str
        Of the data set.
    summary : Mapping
        What `cleaner.Catalog.summary` returns.
    reviewer : str
    notices : tuple of str
        Sentences on what is unusual about the data set.
    messages : tuple of str
        Sentences on what happened since; they can be dismissed.
    can_leave : bool
        Whether another data set can be chosen on this page.
    """

    name: str
    summary: Mapping[str, Any]
    reviewer: str
    notices: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()
    can_leave: bool = False


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where the work stands.

    Parameters
    ----------
    errors, looked_at, total : int
        Wrong labels found, images looked at, images in all.
    window, window_errors : int
        How many of the last looks are counted, and how many of those were errors.
    window_low, window_high : float
        95 % interval for errors among as many looks.
    expected_next : float or None
        Errors to be expected on the next page; None without a ranking.
    pace_per_min : float or None
        Images a minute; None before it can be told.
    curve : sequence of (int, int)
        (images looked at, errors found) in the order of looking.
    """

    errors: int = 0
    looked_at: int = 0
    total: int = 0
    window: int = 0
    window_errors: int = 0
    window_low: float = 0.0
    window_high: float = 0.0
    expected_next: float | None = None
    pace_per_min: float | None = None
    curve: Sequence[tuple[int, int]] = ()


def header(said: Header) -> list[Tree]:
    """Describe the header: data set, counts, who decides, and that everything is saved."""
    left_out = int(said.summary["left_out"])
    why = button(f"{count(left_out, 'file')} left out (why?)", "files", class_="cleaner-link")
    other = button("choose another set", "leave", class_="cleaner-link")
    saved = node(
        "span",
        node("span", node("b", "All decisions saved"), class_="cleaner-saved"),
        node("span", "Not everything is saved", class_="cleaner-unsaved"),
        f" · reviewer: {said.reviewer}",
        class_="is-end",
    )
    notes = [node("li", notice) for notice in said.notices]
    notes += [
        node("li", message, " ", button("dismiss", "dismiss", str(i), class_="cleaner-link"))
        for i, message in enumerate(said.messages)
    ]
    return [
        node(
            "header",
            node("h1", said.name),
            node("span", " · ".join(_counts(said.summary)), class_="cleaner-quiet"),
            node("span", why, hidden=not left_out),
            node("span", other, hidden=not said.can_leave),
            saved,
            class_="cleaner-header",
        ),
        node("ul", *notes, class_="cleaner-notes-list", role="status", hidden=not notes),
    ]


def _counts(summary: Mapping[str, Any]) -> list[str]:
    splits = [f"{split} {number:,}" for split, number in summary["splits"].items() if split != "none"]
    said = [count(summary["total"], "image"), count(len(summary["classes"]), "class", "classes")]
    if splits:
        said.append(", ".join(splits))
    if summary["unlabelled"]:
        said.append(f"{summary['unlabelled']:,} without a label")
    return said


def steps(chosen: str, hints: Mapping[str, str]) -> Tree:
    """Describe the steps as tabs; ``hints`` are short remarks behind their names."""
    tabs = [
        node(
            "button",
            name,
            node("span", hints.get(name, "")),
            do="step",
            data_value=name,
            type="button",
            role="tab",
            class_="cleaner-step",
            aria_selected="true" if name == chosen else "false",
            tabindex="0" if name == chosen else "-1",
        )
        for name in ("Files", "Labels", "Report")
    ]
    row = node("div", *tabs, class_="cleaner-steps", role="tablist", aria_label="Steps")
    return node("section", node("h2", "Steps"), row, class_="cleaner-section")


def standing_section(said: Standing) -> Tree:
    """Describe how far the work is, and what to expect next."""
    lines = [pair("looked at", f"{said.looked_at:,} of {said.total:,}")]
    if said.window:
        of = f"in the last {said.window}" if said.window < said.looked_at else "that is"
        interval = f"{said.window_low:.0f}–{said.window_high:.0f}"
        if said.window >= 20 and said.window < said.looked_at:
            lines.append(pair(of, f"{said.window_errors} ({interval})"))
    if said.expected_next is not None:
        lines.append(pair("expected on the next page", _about(said.expected_next)))
    if said.pace_per_min:
        left_s = 60 * (said.total - said.looked_at) / said.pace_per_min
        lines.append(pair(f"{said.pace_per_min:.0f} a minute", f"{duration(left_s)} for all"))
    parts = [
        node("h2", "Where you are"),
        node("div", f"{count(said.errors, 'error')} found", class_="cleaner-big"),
        *lines,
    ]
    if len(said.curve) > 1:
        name = f"{count(said.errors, 'error')} found in {count(said.looked_at, 'image')} looked at"
        line: list[Point] = [(0.0, 0.0), *((float(x), float(y)) for x, y in said.curve)]
        parts.append(
            line_chart({"errors": line}, name=name, x_ends=("start", f"{said.looked_at:,} looked at"))
        )
    return node("section", *parts, class_="cleaner-section", aria_label="Where you are")


def _about(number: float) -> str:
    return f"about {number:.0f}" if number >= 1 else "less than 1"


def result_section(cleaned: Path, decisions: Path | None, model: str | None, *, behind: bool) -> Tree:
    """Describe where the results are: the cleaned table, the history, the model."""
    state = "follows your decisions" if cleaned.exists() or behind else "comes with your first decision"
    history = (
        node("p", node("code", str(decisions)))
        if decisions is not None
        else node("p", "The whole history, to merge or to keep.", class_="cleaner-fine")
    )
    parts = [
        node("h2", "Result"),
        node("p", node("b", cleaned.name), f" {state}:"),
        node("p", node("code", str(cleaned))),
        node("div", button("Write decisions.csv", "export"), class_="cleaner-buttons"),
        history,
    ]
    if model:
        parts += [
            node("p", node("b", "Model"), " of the last full training:"),
            node("p", node("code", model)),
        ]
    return node("section", *parts, class_="cleaner-section", aria_label="Result")


def files_page(summary: Mapping[str, Any], left_out: Sequence[tuple[str, str]]) -> Tree:
    """Describe what is in the data set, and which files are left out and why."""
    splits = [split for split in summary["splits"] if split != "none"] or ["none"]
    head = ["class", *(split if split != "none" else "images" for split in splits)]
    rows = [
        [label, *(f"{counts.get(split, 0):,}" for split in splits)]
        for label, counts in summary["classes"].items()
    ]
    parts = [
        node("h3", "Files that are left out"),
        node("p", "" if left_out else "None: every picture can be opened.", class_="cleaner-note"),
        _table("Files that are left out", ["file", "why"], [list(row) for row in left_out[:_MOST_ROWS]]),
        node("p", _more(len(left_out)), class_="cleaner-note"),
        node("h3", "Pictures by class and split"),
        _table("Pictures by class and split", head, rows[:_MOST_ROWS], numbers=len(splits)),
        node("p", _more(len(rows)), class_="cleaner-note"),
    ]
    return node("div", *parts, class_="cleaner-sheet-page", role="region", aria_label="Files")


def report_page(given: Mapping[str, str | None], outcomes: Mapping[str, tuple[str, str | None]]) -> Tree:
    """Describe what the decisions come to.

    Parameters
    ----------
    given : mapping of str to str or None
        The label of every image as it was given.
    outcomes : mapping of str to (str, str or None)
        What is decided on an image ("keep", "delete", "relabel", "label", "unsure") and its new label.
    """
    images = Counter(label or "(no label)" for label in given.values())
    decided: Counter[tuple[str, str]] = Counter()
    moves: Counter[tuple[str, str]] = Counter()
    for name, (outcome, label) in outcomes.items():
        if name in given:
            was = given[name] or "(no label)"
            decided[was, outcome] += 1
            if outcome in ("relabel", "label") and label:
                moves[was, label] += 1
    rows = []
    for was in sorted(images):
        wrong = decided[was, "delete"] + decided[was, "relabel"]
        looked = wrong + decided[was, "keep"] + decided[was, "label"]
        numbers = (images[was], looked, wrong, decided[was, "unsure"])
        rows.append([was, *(f"{number:,}" for number in numbers)])
    changes = [[was, now, f"{number:,}"] for (was, now), number in moves.most_common()]
    parts = [
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

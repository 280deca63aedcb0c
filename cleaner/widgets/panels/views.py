"""What the panels round the grid say: functions from plain figures to trees, without widgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cleaner.util.wording import about, count, duration
from cleaner.widgets.panels.base import Tree, button, node, pair
from cleaner.widgets.panels.chart import Point, line_chart

if TYPE_CHECKING:
    from cleaner.analysis.forecast import Forecast

__all__ = [
    "STEPS",
    "Header",
    "Message",
    "Standing",
    "header",
    "result_section",
    "standing_of",
    "standing_section",
    "steps",
]

STEPS = ("Files", "Labels", "Report")
_SPLITS = {"train": 0, "valid": 1, "test": 2}


@dataclass(frozen=True)
class Message:
    """A sentence for the user, and what can be done about it.

    Parameters
    ----------
    text : str
    act : str
        Name of the act of the header that a button asks for; empty for none.
    act_text : str
        What stands on the button.
    """

    text: str
    act: str = ""
    act_text: str = ""


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
    messages : tuple of Message
        What happened since; each can be dismissed.
    can_leave : bool
        Whether another data set can be chosen on this page.
    """

    name: str
    summary: Mapping[str, Any]
    reviewer: str
    notices: tuple[str, ...] = ()
    messages: tuple[Message, ...] = ()
    can_leave: bool = False


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where the work stands.

    Parameters
    ----------
    errors, looked_at, total : int
        Wrong labels found, images looked at, images in all.
    labelled, discarded : int
        Images that got their first label; those deleted as duplicates or bad pictures.
    window, window_errors : int
        How many of the last looks are counted, and how many of those were errors.
    window_low, window_high : float
        95 % interval for errors among as many looks.
    expected_next : float or None
        Errors to be expected on the next page; None without a ranking.
    pace_per_min, minutes_left : float or None
        Images a minute, and what follows for all that are left; None before it can be told.
    curve : sequence of (int, int)
        (images looked at, errors found) in the order of looking.
    expected : sequence of (int, float)
        (images looked at, errors found by then), from here on, if the model is right.
    """

    errors: int = 0
    looked_at: int = 0
    total: int = 0
    labelled: int = 0
    discarded: int = 0
    window: int = 0
    window_errors: int = 0
    window_low: float = 0.0
    window_high: float = 0.0
    expected_next: float | None = None
    pace_per_min: float | None = None
    minutes_left: float | None = None
    curve: Sequence[tuple[int, int]] = ()
    expected: Sequence[tuple[int, float]] = ()


def header(said: Header) -> list[Tree]:
    """Describe the header: data set, counts, who decides, and that everything is saved."""
    left_out = int(said.summary["left_out"])
    why = button(f"{count(left_out, 'file')} left out (why?)", "files", class_="cleaner-link")
    other = button("choose another set", "leave", class_="cleaner-link")
    saved = node(
        "span",
        node("span", node("b", "All decisions saved"), class_="cleaner-saved"),
        node("span", "Saving is interrupted", class_="cleaner-unsaved"),
        f" · reviewer: {said.reviewer}",
        class_="is-end",
    )
    notes = [node("li", notice) for notice in said.notices]
    for i, message in enumerate(said.messages):
        buttons = [button("dismiss", "dismiss", str(i), class_="cleaner-link")]
        if message.act:
            buttons.insert(0, button(message.act_text, message.act, str(i), class_="cleaner-link"))
        spaced = [part for each in buttons for part in (" ", each)]
        notes.append(node("li", message.text, *spaced))
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
    known = sorted(summary["splits"].items(), key=lambda pair: (_SPLITS.get(pair[0], len(_SPLITS)), pair[0]))
    splits = [f"{split} {number:,}" for split, number in known if split != "none"]
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
        for name in STEPS
    ]
    row = node("div", *tabs, class_="cleaner-steps", role="tablist", aria_label="Steps")
    return node("section", node("h2", "Steps"), row, class_="cleaner-section")


def standing_section(said: Standing) -> Tree:
    """Describe how far the work is, and what to expect next."""
    lines = [pair("looked at", f"{said.looked_at:,} of {said.total:,}")]
    labelling = said.labelled and not said.errors  # who labels from zero looks for no errors
    if said.labelled and not labelling:
        lines.append(pair("labelled", f"{said.labelled:,}"))
    if said.discarded:
        lines.append(pair("copies, bad pictures", f"{said.discarded:,} out"))
    if 0 < said.window < said.looked_at:
        interval = f"({said.window_low:.0f}–{said.window_high:.0f})"
        lines.append(pair(f"in the last {said.window}", f"{said.window_errors} {interval}"))
    if said.expected_next is not None:
        lines.append(pair("expected on next page", about(said.expected_next)))
    if said.pace_per_min and said.minutes_left is not None:
        left = f"{duration(60 * said.minutes_left)} for all"
        lines.append(pair(f"{said.pace_per_min:.0f} a minute", left))
    errors = count(said.errors, "error")
    parts = [
        node("h2", "Where you are"),
        node("div", f"{said.labelled:,} labelled" if labelling else f"{errors} found", class_="cleaner-big"),
        *lines,
    ]
    if len(said.curve) > 1 and not labelling:
        parts.append(_curve(said))
    return node("section", *parts, class_="cleaner-section", aria_label="Where you are")


def _curve(said: Standing) -> Tree:
    """Draw the errors found so far, and how the model expects it to go on."""
    name = f"{count(said.errors, 'error')} found in {count(said.looked_at, 'image')} looked at"
    lines: dict[str, list[Point]] = {"found": [(0.0, 0.0), *((float(x), float(y)) for x, y in said.curve)]}
    end = said.looked_at
    if len(said.expected) > 1:
        lines["expected by the model"] = [(float(x), y) for x, y in said.expected]
        end, errors = said.expected[-1]
        name += f"; the model expects {about(errors)} by {end:,}"
    return line_chart(lines, name=name, x_ends=("start", f"{end:,} looked at"))


def standing_of(figures: Mapping[str, Any], forecast: Forecast | None) -> Standing:
    """Join what is counted (`cleaner.ImageCleaner.progress`) with what was found and is expected."""
    window = figures["last100"]
    return Standing(
        errors=figures["errors"],
        looked_at=figures["looked_at"],
        total=figures["total"],
        labelled=figures["labelled"],
        discarded=figures["discarded"],
        window=window["looked_at"],
        window_errors=window["errors"],
        window_low=window["low"],
        window_high=window["high"],
        expected_next=figures["expected_next"],
        pace_per_min=figures["pace_per_min"],
        minutes_left=figures["minutes_left"],
        curve=() if forecast is None else forecast.found,
        expected=() if forecast is None else forecast.expected,
    )


def result_section(cleaned: Path, decisions: Path | None, model: str | None, *, begun: bool) -> Tree:
    """Describe where the results are: the cleaned table, the history, the model."""
    state = "follows your decisions" if begun else "comes with your first decision"
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
            node("p", node("b", "Model"), " of the last training:"),
            node("p", node("code", model)),
        ]
    return node("section", *parts, class_="cleaner-section", aria_label="Result")

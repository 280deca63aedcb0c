"""What tests of the grid alone share: made cells, keys, and waiting for a page that may be confirmed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cleaner.widgets.sentences import say

OpenGrid = Callable[..., Any]


def make_cells(many: int, *, page: int = 0, **changes: Any) -> list[dict[str, Any]]:
    """Make cells as Python would send them."""
    labels = ("cat", "dog", "bird")
    return [
        {
            "name": f"train/{labels[i % 3]}/{page}_{i:02d}.jpg",
            "given": labels[i % 3],
            "suggestion": labels[(i + 1) % 3],
            "probability": 0.93,
            "loss": 2.61,
            "sure": True,
            "decision": None,
            "notes": [],
            "facts": [["Split", "train"]],
            "group": None,
            "advice": "",
            "remarks": [],
            "likely": [],
            **changes,
        }
        for i in range(many)
    ]


def spoken(cell: dict[str, Any], *more: str) -> str:
    """Return the accessible name of a card, with what is said after label, prediction and loss."""
    parts = [cell["name"]]
    if cell["given"] is not None:
        parts.append(say("grid.name.given", label=cell["given"]))
    if cell["suggestion"] is not None:
        label = f"{cell['suggestion']} {cell['probability']:.2f}"
        parts.append(say("grid.name.suggestion", label=label))
    if cell["loss"] is not None:
        parts.append(say("grid.name.loss", loss=f"{cell['loss']:.2f}"))
    return ", ".join([*parts, *more])


def status(marked: int, confirm: str, *, where: str = "grid.on_this_page") -> str:
    """Return what the status line says where nothing else was said."""
    first = say("grid.marked", n=marked) if marked else say("grid.none_marked")
    return f"{first} {say(where)} · {confirm}"


def settle(page: Any) -> None:
    """Wait until a page may be confirmed: not before somebody can have looked at it."""
    page.evaluate("window.since = Date.now()")
    page.wait_for_function("Date.now() - window.since > 320")


def focused_name(page: Any) -> str:
    """Name of the file in focus, from the accessible name of the cell."""
    label = page.evaluate("document.activeElement.getAttribute('aria-label') ?? ''")
    return str(label).split(",")[0].rpartition("/")[2]


def press(page: Any, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def sent(page: Any, kind: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.evaluate("kind => model.of_kind(kind)", kind)
    return found


def cell(page: Any, index: int) -> Any:
    return page.locator(".cleaner-card").nth(index)


def hold(page: Any) -> None:
    """Let nothing reach the kernel for now."""
    page.evaluate("model.answering = false")


def let_go(page: Any) -> None:
    """Let the kernel have the acts that were held, in their order."""
    script = (
        "() => { model.answering = true;"
        " const acts = ['decide', 'confirm', 'undo', 'turn'];"
        " model.sent.filter((m) => acts.includes(m.kind)).forEach((m) => model.answer(m)); }"
    )
    page.evaluate(script)


def wait_until_saved(page: Any) -> None:
    """Wait until every act was answered; a card that is being saved takes no other act."""
    page.wait_for_function("document.querySelectorAll('.is-saving').length === 0")


def focus_grid(page: Any) -> None:
    page.locator(".cleaner-card[tabindex='0']").focus()

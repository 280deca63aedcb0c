"""What tests of the grid alone share: made cells, keys, and waiting for a page that may be confirmed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
            "decision": None,
            "problem": None,
            "notes": [],
            "facts": [["Split", "train"]],
            **changes,
        }
        for i in range(many)
    ]


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


def wait_until_saved(page: Any) -> None:
    """Wait until every act was answered; a card that is being saved takes no other act."""
    page.wait_for_function("document.querySelectorAll('.is-saving').length === 0")


def focus_grid(page: Any) -> None:
    page.locator(".cleaner-card[tabindex='0']").focus()

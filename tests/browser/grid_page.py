"""What tests of the grid alone share: made cells, and waiting for a page that may be confirmed."""

from __future__ import annotations

from typing import Any


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

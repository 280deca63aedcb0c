"""What the grid's page sends, for tests without a browser."""

from __future__ import annotations

import time
from typing import Any

from cleaner.widgets.grid.widget import ReviewGrid

ACTS = ("decide", "confirm", "undo", "redo", "describe")
USUAL: dict[str, dict[str, Any]] = {"decide": {"label": None, "new_class": False}}


def ask(grid: ReviewGrid, sent: list[Any], kind: str, *, page: str | None = None, **fields: Any) -> str:
    """Send a request as the page would, an act with what the page shows; returns its id.

    Parameters
    ----------
    grid : ReviewGrid
    sent : list
        Where the test keeps what the grid sends: messages, or pairs of message and buffers.
    kind : str
    page : str, optional
        Id of the page; default: the one that is open.
    **fields
        The rest of the message.
    """
    request = {"id": f"{kind}-{len(sent)}", "view": "v", **USUAL.get(kind, {}), **fields}
    if kind in ACTS and "seen" not in fields:
        request["seen"] = {**seen(grid, sent), **({} if page is None else {"page": page})}
    elif page is not None:
        request["page"] = page
    grid._handle_custom_msg({"kind": kind, **request}, [])
    return str(request["id"])


def seen(grid: ReviewGrid, sent: list[Any]) -> dict[str, Any]:
    """Return what somebody sees who looks at the page now."""
    grid._handle_custom_msg({"kind": "hello", "id": "look", "view": "v"}, [])
    answer = sent.pop()
    page = (answer[0] if isinstance(answer, tuple) else answer)["page"]
    return {"page": page["id"], "suggestions": {cell["name"]: cell["suggestion"] for cell in page["cells"]}}


def answer_to(
    sent: list[tuple[dict[str, Any], list[bytes]]], asked: str
) -> tuple[dict[str, Any], list[bytes]]:
    """Wait for the answer to a request, and return it with its buffers."""
    for _ in range(1000):
        found = next((each for each in list(sent) if each[0].get("id") == asked), None)
        if found is not None:
            return found
        time.sleep(0.01)
    msg = f"The request {asked} was not answered in 10 seconds."
    raise AssertionError(msg)

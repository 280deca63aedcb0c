"""The dashboard: a Voilà page that shows one `CleanerApp`, and the command that serves it.

`open_app` runs inside the page's kernel, `serve` (in `cleaner.dashboard.server`) starts the web server.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cleaner.dashboard.server import Dashboard, serve
    from cleaner.widgets.page import open_app

__all__ = ["Dashboard", "open_app", "serve"]

_HOMES = {
    "Dashboard": "cleaner.dashboard.server",
    "open_app": "cleaner.widgets.page",
    "serve": "cleaner.dashboard.server",
}
"""Public name -> the module that it lives in: the server needs no widgets, the kernel no server."""


def __getattr__(name: str) -> Any:
    """Load a public name at its first use."""
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(importlib.import_module(_HOMES[name]), name)

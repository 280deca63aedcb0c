"""Runs inside the page's kernel: makes the widget that the page shows."""

from __future__ import annotations

from pathlib import Path

import ipywidgets

__all__ = ["open_app"]


def open_app(root: str | Path | None = None) -> ipywidgets.Widget:
    """Return the widget that the page shows."""
    widget = ipywidgets.HTML(f"<h1>{root or 'hello'}</h1>")
    widget.add_class("cleaner-ready")
    return widget

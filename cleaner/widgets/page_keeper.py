"""`PageKeeper`: keeps a copy of an application's page, for the next start."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import ipywidgets

from cleaner.session.messages import Change, Resumed
from cleaner.session.view import GridView
from cleaner.util.delayed import Delayed
from cleaner.widgets.app import CleanerApp
from cleaner.widgets.grid import protocol
from cleaner.widgets.grid.widget import ReviewGrid
from cleaner.widgets.page_copy import PageCopy
from cleaner.widgets.panels.base import Panel

logger = logging.getLogger(__name__)

_DELAY_S = 1.0
_RETRY_S = 60.0
_GRID_TRAITS = ("mode", "words", "key_table")


class PageKeeper:
    """Copies the page a moment after it has changed, if the next start will open with it.

    Parameters
    ----------
    app : CleanerApp
    options : mapping
        What the dashboard was told to open.
    """

    def __init__(self, app: CleanerApp, options: Mapping[str, Any]) -> None:
        self._app = app
        self._copy = PageCopy(app.workspace.state, options)
        self._delayed = Delayed(self.keep, delay_s=_DELAY_S, retry_s=_RETRY_S)
        app.session.subscribe(self._on_change)
        self._delayed.schedule()

    def close(self) -> None:
        """Copy nothing any more."""
        self._delayed.close(timeout_s=1.0)

    def _on_change(self, _change: Change) -> None:
        self._delayed.schedule()

    def keep(self) -> bool:
        """Copy the page as it stands, or forget the copy; a failure is written to the log."""
        try:
            self._keep_page()
        except Exception:  # the next start is slower
            logger.exception("the page could not be copied")
        return True

    def _keep_page(self) -> None:
        session = self._app.session
        with self._app.lock:
            page, done = session.page(), session.store.state.progress().decided
            notices = (Resumed(done, len(session.known)),) if done else ()
            data = protocol.page_data(replace(page, notices=notices))
            begun = session.known.ranking is not None and session.view == GridView()
            undecided = any(cell["decision"] is None for cell in data["cells"])
            if not (begun and undecided and self._app.step == "Labels"):  # it will open with another page
                self._copy.delete()
                return
            shown = {
                "page": data,
                "grid": {name: getattr(self._app.image_cleaner.grid, name) for name in _GRID_TRAITS},
                "frame": described(self._app),
            }
        self._copy.write(shown)


def described(widget: ipywidgets.Widget) -> dict[str, Any]:
    """Describe a widget with all that is in it, as ``opening.js`` draws it; JSON-able."""
    style = {"display": widget.layout.display or "", "flex-flow": widget.layout.flex_flow or ""}
    plain = {"classes": list(widget._dom_classes), "style": {k: v for k, v in style.items() if v}}
    if isinstance(widget, ReviewGrid):
        return {"kind": "grid", **plain}
    if isinstance(widget, Panel):
        return {"kind": "panel", "tree": list(widget.tree), **plain}
    if isinstance(widget, ipywidgets.Dropdown):
        return {"kind": "list", "title": widget.description, "chosen": widget.label or "", **plain}
    if isinstance(widget, ipywidgets.Box):
        upright = ["widget-vbox"] if isinstance(widget, ipywidgets.VBox) else []
        inner = [described(child) for child in widget.children]
        return {"kind": "box", **plain, "classes": [*upright, *plain["classes"]], "inner": inner}
    return {"kind": "other", **plain}

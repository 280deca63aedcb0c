"""`FilterBox`: the choice of order and filters, as ordinary drop-down lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import ipywidgets

from cleaner.session.view import SHOWS, GridView

# Not None: to a Dropdown that is “nothing chosen”, and it shows a blank.
_ALL = ("any", "")
_TEXTS = {
    "order": "Order",
    "split": "Split",
    "given": "Given label",
    "predicted": "Suggestion",
    "show": "Show",
}


class FilterBox(ipywidgets.Box):
    """Drop-down lists for the fields of a `GridView`.

    Parameters
    ----------
    on_choose : callable
        Gets the view when the user has chosen another one.
    """

    def __init__(self, on_choose: Callable[[GridView], None]) -> None:
        self._on_choose = on_choose
        self._offering = False
        self._lists = {
            name: ipywidgets.Dropdown(
                description=text,
                style={"description_width": "86px"},
                layout=ipywidgets.Layout(width="250px"),
            )
            for name, text in _TEXTS.items()
        }
        super().__init__(list(self._lists.values()))
        self.add_class("cleaner-filters")
        self.layout = ipywidgets.Layout(flex_flow="row wrap", overflow="visible")
        for each in self._lists.values():
            each.observe(self._on_value, names=["value"])

    def offer(
        self,
        view: GridView,
        *,
        orders: Iterable[str],
        splits: Iterable[str],
        given: Iterable[str],
        predicted: Iterable[str],
        filtering: bool = True,
    ) -> None:
        """Show a view as chosen, and what else there is to choose; some orders take no filters."""
        options: dict[str, list[Any]] = {
            "order": list(orders),
            "split": [_ALL, *splits],
            "given": [_ALL, *given],
            "predicted": [_ALL, *predicted],
            "show": list(SHOWS),
        }
        self._offering = True
        try:
            for name, each in self._lists.items():
                pairs = [
                    option if isinstance(option, tuple) else (option, option) for option in options[name]
                ]
                value = getattr(view, name) or ""
                if value not in [chosen for _, chosen in pairs]:  # chosen earlier, or by Python
                    pairs.append((str(value), value))
                if list(each.options) != pairs:
                    each.options = pairs
                if each.value != value:
                    each.value = value
                each.disabled = name != "order" and not filtering
        finally:
            self._offering = False

    def close(self) -> None:
        """Take the lists off the page."""
        for each in self._lists.values():
            each.unobserve_all()
            each.close()
        super().close()

    def _on_value(self, _change: Any) -> None:
        if not self._offering:
            chosen: dict[str, Any] = {name: each.value or None for name, each in self._lists.items()}
            self._on_choose(GridView(**chosen))

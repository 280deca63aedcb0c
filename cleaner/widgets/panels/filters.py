"""`FilterBox`: the choice of order and filters, as ordinary drop-down lists."""

import threading
from collections.abc import Callable, Iterable
from typing import Any

import ipywidgets

from cleaner.interpret.label_matrix import Agreement
from cleaner.session.view import SHOWS, GridView
from cleaner.util.wording import count
from cleaner.widgets.sentences import SENTENCES, say

_FIELDS = ("order", "split", "given", "now", "predicted", "agreement", "source", "chosen", "show")


class FilterBox(ipywidgets.Box):
    """Drop-down lists for the fields of a `GridView`.

    Parameters
    ----------
    on_choose : callable
        Gets the view when the user has chosen another one.
    """

    def __init__(self, on_choose: Callable[[GridView], None]) -> None:
        self._on_choose = on_choose
        self._offering: int | None = None  # the thread that does
        self._lists = {
            name: ipywidgets.Dropdown(
                description=say(f"filters.{name}"),
                style={"description_width": "86px"},
                layout=ipywidgets.Layout(width="250px"),
            )
            for name in _FIELDS
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
        sources: Iterable[tuple[str, str]] = (),
        filtering: bool = True,
    ) -> None:
        """Show a view as chosen, and what else there is to choose; some orders take no filters."""
        everything = (say("filters.all"), "")  # not None: to a Dropdown that is “nothing chosen”, a blank
        chosen = [] if view.chosen is None else [view.chosen]
        agreement = [] if view.agreement is None else [view.agreement]
        options: dict[str, list[tuple[str, Any]]] = {
            "order": [(SENTENCES.get(f"order.{order}", order), order) for order in orders],
            "split": [everything, *((split, split) for split in splits)],
            "given": [everything, *((label, label) for label in given)],
            "now": [everything, *([] if view.now is None else [(view.now, view.now)])],
            "predicted": [everything, *((label, label) for label in predicted)],
            "agreement": [everything, *((agreement_text(each), each) for each in agreement)],
            "source": [everything, *((_source_text(each), each) for each in sources)],
            "chosen": [everything, *((count(len(each), "image"), each) for each in chosen)],
            "show": [(say(f"filters.{show}"), show) for show in SHOWS],
        }
        self._offering = threading.get_ident()
        try:
            for name, each in self._lists.items():
                pairs = options[name]
                value: Any = getattr(view, name) or ""
                if value not in [chosen for _, chosen in pairs]:  # chosen earlier, or by Python
                    words = SENTENCES.get(f"order.{value}", value) if name == "order" else value
                    pairs.append((_source_text(value) if name == "source" else words, value))
                if list(each.options) != pairs:
                    each.options = pairs
                if each.value != value:
                    each.value = value
                each.disabled = name != "order" and not filtering
            for name in ("now", "agreement", "source", "chosen"):
                self._lists[name].layout.display = "" if len(self._lists[name].options) > 1 else "none"
        finally:
            self._offering = None

    def close(self) -> None:
        """Take the lists off the page."""
        for each in self._lists.values():
            each.unobserve_all()
            each.close()
        super().close()

    def _on_value(self, change: Any) -> None:
        if self._offering != threading.get_ident():  # a choice of the user comes in another thread
            # What was chosen is in the change: by now the list may show an earlier choice, offered meanwhile.
            chosen: dict[str, Any] = {
                name: (change["new"] if each is change["owner"] else each.value) or None
                for name, each in self._lists.items()
            }
            self._on_choose(GridView(**chosen))


def agreement_text(agreement: Iterable[tuple[str, Agreement]]) -> str:
    """Say what label and model say of some classes: "hat: label only"."""
    return ", ".join(say(f"agreement.{each}", label=label) for label, each in agreement)


def _source_text(source: tuple[str, str]) -> str:
    return say("filters.source_of", source=source[0], group=source[1])

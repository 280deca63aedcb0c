"""Which pictures a view shows, and in which order: the registry of orders, and the filters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cleaner.errors import CleanerError
from cleaner.review.pager import View

if TYPE_CHECKING:
    from cleaner.catalog import Catalog
    from cleaner.ranking import Ranking
    from cleaner.review import ReviewState

__all__ = [
    "AUDIT",
    "NO_LABEL",
    "ORDERS",
    "SHOWS",
    "GridView",
    "Order",
    "filtered_names",
    "ordered_names",
    "orders_of",
    "whole_catalog",
]

AUDIT = "audit (random)"
"""The order of the audit: its pages tell nothing of what the model thinks, and take no filters."""

NO_LABEL = "(no label)"
"""Stands for unlabelled pictures among the given labels to filter by."""

SHOWS = ("undecided", "decided", "unsure", "conflicts", "all")
"""What may be shown of the pictures that pass the filters."""


@dataclass(frozen=True, slots=True)
class GridView(View):
    """What the reviewer asked to see.

    Parameters
    ----------
    order : str
        A key of `ORDERS`.
    split, given, predicted : str or None
        Filters; None = all. ``given`` may be `NO_LABEL`.
    show : str
        One of `SHOWS`; ``unsure`` and ``conflicts`` are those of all reviewers.
    """

    show: str = "undecided"


@dataclass(frozen=True, slots=True)
class Order:
    """One order of the pictures.

    Parameters
    ----------
    names : callable
        Gives all names of a ranking in this order, most urgent first; None keeps the catalog's order.
    signal : str
        The signal that the ranking must have.
    blind : bool
        Whether the pages keep to themselves what the model thinks.
    """

    names: Callable[[Ranking], Sequence[str]] | None = None
    signal: str = ""
    blind: bool = False

    def fits(self, ranking: Ranking | None) -> bool:
        """Tell whether this order can be made of that ranking."""
        return self.names is None or (ranking is not None and self.signal in ranking.signals)


ORDERS: dict[str, Order] = {
    "most suspicious": Order(lambda ranking: list(ranking.order("pooled")), "pooled"),
    "least confident": Order(lambda ranking: list(ranking.order("least_confident")), "least_confident"),
    "by file name": Order(),
    AUDIT: Order(blind=True),
}
"""The orders to choose from; add to it to offer another one."""


def orders_of(ranking: Ranking | None) -> list[str]:
    """Return the orders that can be made; without a ranking only the catalog's own."""
    return [name for name, order in ORDERS.items() if order.fits(ranking)]


def ordered_names(order: str, catalog: Catalog, ranking: Ranking | None) -> list[str]:
    """Return all names of a catalog in an order; images that the ranking does not know come last.

    Without a ranking that has what the order needs, it is the catalog's own order.

    Raises
    ------
    CleanerError
        An unknown order.
    """
    known = ORDERS.get(order)
    if known is None:
        msg = f"Got the order {order!r}; expected one of {', '.join(ORDERS)}."
        raise CleanerError(msg)
    if known.names is None or ranking is None or not known.fits(ranking):
        return list(catalog.names)
    return whole_catalog(known.names(ranking), catalog)


def whole_catalog(ranked: Sequence[str], catalog: Catalog) -> list[str]:
    """Return the ranked names that are in a catalog, then those of the catalog that are not ranked."""
    names: list[str] = catalog.names.tolist()
    there, first = set(names), set(ranked)
    return [name for name in ranked if name in there] + [name for name in names if name not in first]


def filtered_names(
    view: GridView, names: list[str], catalog: Catalog, ranking: Ranking | None, state: ReviewState
) -> list[str]:
    """Return those of ``names`` that a view shows, in the same order.

    ``show="undecided"`` filters nothing: pages skip what is decided. Without a ranking, a filter by
    prediction lets nothing pass.

    Raises
    ------
    CleanerError
        An unknown ``show``.
    """
    if view.show not in SHOWS:
        msg = f"Got show={view.show!r}; expected one of {', '.join(SHOWS)}."
        raise CleanerError(msg)
    wanted: list[set[str]] = []
    if view.split is not None:
        wanted.append(set(catalog.names[catalog.splits == view.split].tolist()))
    if view.given is not None:
        labels = {None} if view.given == NO_LABEL else _once_called(view.given, catalog, state)
        pairs = zip(catalog.names.tolist(), catalog.labels.tolist(), strict=True)
        wanted.append({name for name, label in pairs if label in labels})
    if view.predicted is not None:
        wanted.append(_predicted_as(view.predicted, ranking))
    if view.show == "decided":
        wanted.append({name for name in names if state.is_decided(name)})
    elif view.show == "unsure":
        wanted.append(set(state.unsure()))
    elif view.show == "conflicts":
        wanted.append(set(state.conflicts()))
    if not wanted:
        return names
    keep = set.intersection(*wanted)
    return [name for name in names if name in keep]


def _once_called(label: str, catalog: Catalog, state: ReviewState) -> set[str | None]:
    """Return the labels in the catalog of a class that may have been renamed or merged since."""
    return {given for given in catalog.classes if state.label_now(given) == label}


def _predicted_as(label: str, ranking: Ranking | None) -> set[str]:
    if ranking is None or label not in ranking.classes:
        return set()
    rows = np.flatnonzero(ranking.predicted.argmax(axis=1) == ranking.classes.index(label))
    return {ranking.names[row] for row in rows}

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

__all__ = ["NO_LABEL", "ORDERS", "SHOWS", "GridView", "Order", "names_of_view", "orders_of"]

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
    """

    names: Callable[[Ranking], Sequence[str]] | None = None
    signal: str = ""

    def fits(self, ranking: Ranking | None) -> bool:
        """Tell whether this order can be made of that ranking."""
        return self.names is None or (ranking is not None and self.signal in ranking.signals)


ORDERS: dict[str, Order] = {
    "most suspicious": Order(lambda ranking: list(ranking.order("pooled")), "pooled"),
    "least confident": Order(lambda ranking: list(ranking.order("least_confident")), "least_confident"),
    "by file name": Order(),
}
"""The orders to choose from; add to it to offer another one."""


def orders_of(ranking: Ranking | None) -> list[str]:
    """Return the orders that can be made; without a ranking only the catalog's own."""
    return [name for name, order in ORDERS.items() if order.fits(ranking)]


def names_of_view(view: GridView, catalog: Catalog, ranking: Ranking | None, state: ReviewState) -> list[str]:
    """Return the names that a view shows, in its order; images that the ranking does not know come last.

    Parameters
    ----------
    view : GridView
    catalog : Catalog
        Only its images are shown.
    ranking : Ranking or None
        Without one, the catalog's order is used, and a filter by prediction shows nothing.
    state : ReviewState
        The decisions, for ``view.show``; ``undecided`` filters nothing, since pages skip what is decided.

    Raises
    ------
    CleanerError
        An unknown order or an unknown ``show``.
    """
    order = ORDERS.get(view.order)
    if order is None or view.show not in SHOWS:
        msg = (
            f"Got the order {view.order!r} and show={view.show!r}; "
            f"expected one of {', '.join(ORDERS)} and one of {', '.join(SHOWS)}."
        )
        raise CleanerError(msg)
    names = [str(name) for name in catalog.names]
    if order.names is not None and ranking is not None and order.fits(ranking):
        known = set(names)
        ranked = [name for name in order.names(ranking) if name in known]
        first = set(ranked)
        names = ranked + [name for name in names if name not in first]
    keep = _filter(view, catalog, ranking, state)
    return names if keep is None else [name for name in names if name in keep]


def _filter(view: GridView, catalog: Catalog, ranking: Ranking | None, state: ReviewState) -> set[str] | None:
    """Return the names that pass the filters; None if all do."""
    wanted: list[set[str]] = []
    if view.split is not None:
        wanted.append({str(name) for name in catalog.names[catalog.splits == view.split]})
    if view.given is not None:
        now = {label: state.label_now(label) for label in catalog.classes}
        given = None if view.given == NO_LABEL else view.given
        pairs = zip(catalog.names, catalog.labels, strict=True)
        wanted.append({str(name) for name, label in pairs if now.get(label, label) == given})
    if view.predicted is not None:
        wanted.append(_predicted_as(view.predicted, ranking))
    if view.show == "decided":
        wanted.append({name for name in map(str, catalog.names) if state.is_decided(name)})
    elif view.show == "unsure":
        wanted.append(set(state.unsure()))
    elif view.show == "conflicts":
        wanted.append(set(state.conflicts()))
    return set.intersection(*wanted) if wanted else None


def _predicted_as(label: str, ranking: Ranking | None) -> set[str]:
    if ranking is None or label not in ranking.classes:
        return set()
    rows = np.flatnonzero(ranking.predicted.argmax(axis=1) == ranking.classes.index(label))
    return {ranking.names[row] for row in rows}

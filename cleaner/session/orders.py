"""Which pictures a view shows, and in which order: the registry of orders, and the filters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from cleaner.errors import CleanerError
from cleaner.quality.problems import PROBLEMS
from cleaner.session.duplicate_groups import Copies
from cleaner.session.findings import Findings
from cleaner.session.pages import View

__all__ = [
    "AUDIT",
    "COPIES",
    "NO_LABEL",
    "ORDERS",
    "OUTLIERS",
    "SHOWS",
    "TO_LABEL",
    "GridView",
    "Order",
    "Purpose",
    "filtered_names",
    "orders_of",
    "problem_of",
    "purpose_of",
]

AUDIT = "audit (random)"
"""The order of the audit: its pages tell nothing of what the model thinks, and take no filters."""

COPIES = "duplicates"
"""Groups of pictures that are the same, or look it."""

OUTLIERS = "outliers"
"""Pictures that are far from every class first."""

TO_LABEL = "to label"
"""Pictures without a label, those first that teach the model most."""

NO_LABEL = "(no label)"
"""Stands for unlabelled pictures among the given labels to filter by."""

SHOWS = ("undecided", "decided", "unsure", "conflicts", "all")
"""What may be shown of the pictures that pass the filters."""


class Purpose(StrEnum):
    """What the reviewer is asked on the pages of an order, which is what the acts on them mean."""

    LABELS = "labels"
    """Is the label right? Confirm says that it is."""
    AUDIT = "audit"
    """The same, without what the model thinks."""
    PICTURES = "pictures"
    """Is the picture good enough? Says nothing on its label; going on leaves it as it is."""
    COPIES = "copies"
    """Which of these are the same? Says nothing on their labels, either."""

    @property
    def judges_labels(self) -> bool:
        """Whether going on says that the labels on the page are right."""
        return self in (Purpose.LABELS, Purpose.AUDIT)


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
    threshold : float or None
        Score or similarity from which a picture is shown, where the order has one; None: the suggested one.
    """

    show: str = "undecided"
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """One order of the pictures.

    Parameters
    ----------
    names : callable
        Gives the names in this order, most urgent first.
    fits : callable
        Tells whether what is known is enough for this order.
    purpose : Purpose
    whole : bool
        Whether the labelled pictures that it does not name follow in the catalog's order.
    filters : bool
        Whether its pages take filters.
    """

    names: Callable[[Findings, GridView], Sequence[str]]
    fits: Callable[[Findings], bool] = lambda _: True
    purpose: Purpose = Purpose.LABELS
    whole: bool = False
    filters: bool = True


def _by_signal(signal: str) -> Order:
    def names(found: Findings, _view: GridView) -> Sequence[str]:
        known = found.ranking is not None and signal in found.ranking.signals
        return list(found.ranking.order(signal)) if known and found.ranking is not None else []

    def fits(found: Findings) -> bool:
        return found.ranking is not None and signal in found.ranking.signals

    return Order(names, fits, whole=True)


def _by_problem(problem: str) -> Order:
    def names(found: Findings, view: GridView) -> Sequence[str]:
        return found.checks.quality.flagged(problem, threshold=view.threshold) if found.checks else ()

    return Order(names, lambda found: found.checks is not None, Purpose.PICTURES)


def _outliers(found: Findings, view: GridView) -> Sequence[str]:
    if found.checks is None or found.checks.outliers is None:
        return ()
    outliers = found.checks.outliers
    return outliers.flagged() if view.threshold is None else outliers.flagged(view.threshold)


def _copies(found: Findings, view: GridView) -> Sequence[str]:
    return Copies.find(found, view.threshold).names if found.checks is not None else ()


def _to_label(found: Findings, _view: GridView) -> Sequence[str]:
    left = found.unlabelled()
    if found.proposal is None:
        return left
    waiting = set(left)
    first = [name for name in found.proposal.names if name in waiting]
    there = set(first)
    return first + [name for name in left if name not in there]


ORDERS: dict[str, Order] = {
    "most suspicious": _by_signal("pooled"),
    "least confident": _by_signal("least_confident"),
    "by file name": Order(lambda found, _view: found.catalog.names.tolist()),
    TO_LABEL: Order(_to_label, Findings.lacks_labels),
    COPIES: Order(_copies, lambda found: found.checks is not None, Purpose.COPIES, filters=False),
    **{problem.replace("_", " "): _by_problem(problem) for problem in PROBLEMS},
    OUTLIERS: Order(_outliers, lambda found: found.checks is not None and found.checks.outliers is not None),
    AUDIT: Order(lambda found, _view: found.audit(), purpose=Purpose.AUDIT, filters=False),
}
"""The orders to choose from; add to it to offer another one."""


def orders_of(found: Findings) -> list[str]:
    """Return the orders that can be made."""
    return [name for name, order in ORDERS.items() if order.fits(found)]


def purpose_of(order: str) -> Purpose:
    """Return what the pages of an order are for; raises `CleanerError` for an unknown one."""
    return _known(order).purpose


def problem_of(order: str) -> str | None:
    """Return the picture problem that an order is about; None if it is about none."""
    problem = order.replace(" ", "_")
    return problem if problem in PROBLEMS else None


def _known(order: str) -> Order:
    if order not in ORDERS:
        msg = f"Got the order {order!r}; expected one of {', '.join(ORDERS)}."
        raise CleanerError(msg)
    return ORDERS[order]


def ordered_names(view: GridView, found: Findings, learnt: Sequence[str] | None = None) -> list[str]:
    """Return the names of a view in its order, before its filters.

    Parameters
    ----------
    view : GridView
    found : Findings
    learnt : sequence of str, optional
        The order that the decisions have taught, which then holds instead.

    Raises
    ------
    CleanerError
        An unknown order.
    """
    order = _known(view.order)
    names: list[str] = found.catalog.names.tolist()
    there = set(names)
    first = [name for name in (order.names(found, view) if learnt is None else learnt) if name in there]
    if not order.whole:
        return first
    ranked = set(first)
    pairs = zip(names, found.catalog.labels.tolist(), strict=True)
    labelled = {name for name, label in pairs if label is not None}
    return [name for name in first if name in labelled] + [
        name for name in names if name in labelled and name not in ranked
    ]


def filtered_names(view: GridView, names: list[str], found: Findings) -> list[str]:
    """Return those of ``names`` that a view shows, in the same order.

    ``show="undecided"`` leaves out nothing where labels are judged, since pages skip what is decided;
    elsewhere it leaves out what was deleted. Without a ranking, a filter by prediction lets nothing pass.

    Raises
    ------
    CleanerError
        An unknown ``show``.
    """
    if view.show not in SHOWS:
        msg = f"Got show={view.show!r}; expected one of {', '.join(SHOWS)}."
        raise CleanerError(msg)
    catalog, state = found.catalog, found.state
    wanted: list[set[str]] = []
    if view.split is not None:
        wanted.append(set(catalog.names[catalog.splits == view.split].tolist()))
    if view.given is not None:
        labels = {None} if view.given == NO_LABEL else _once_called(view.given, found)
        pairs = zip(catalog.names.tolist(), catalog.labels.tolist(), strict=True)
        wanted.append({name for name, label in pairs if label in labels})
    if view.predicted is not None:
        wanted.append(_predicted_as(view.predicted, found))
    if view.show == "decided":
        wanted.append({name for name in names if state.is_decided(name)})
    elif view.show == "unsure":
        wanted.append(set(state.unsure()))
    elif view.show == "conflicts":
        wanted.append(set(state.conflicts()))
    elif view.show == "undecided" and purpose_of(view.order) is Purpose.PICTURES:
        wanted.append(set(names) - found.deleted())
    if not wanted:
        return names
    keep = set.intersection(*wanted)
    return [name for name in names if name in keep]


def _once_called(label: str, found: Findings) -> set[str | None]:
    """Return the labels in the catalog of a class that may have been renamed or merged since."""
    return {given for given in found.catalog.classes if found.state.label_now(given) == label}


def _predicted_as(label: str, found: Findings) -> set[str]:
    """Return the images for which the model's first choice is a class, by its present name."""
    ranking = found.ranking
    if ranking is None:
        return set()
    now = (found.state.label_now(name, since_seq=ranking.named_at) for name in ranking.classes)
    meant = [i for i, name in enumerate(now) if name == label]
    rows = np.flatnonzero(np.isin(ranking.predicted.argmax(axis=1), meant))
    return {ranking.names[row] for row in rows}

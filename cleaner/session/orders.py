"""Which images a view shows, and in which order: the registry of orders, and the filters."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cleaner.dataset.label_sets import classes_of
from cleaner.errors import CleanerError
from cleaner.interpret.label_matrix import Agreement
from cleaner.interpret.predictions import HALF
from cleaner.quality.problems import PROBLEMS
from cleaner.ranking.set_ranking import SetRanking
from cleaner.review.labels import PresentLabels
from cleaner.session.duplicate_groups import DuplicateGroups
from cleaner.session.fix_groups import FixGroups
from cleaner.session.snapshot import Snapshot
from cleaner.session.view import NO_LABEL, SHOWS, GridView, Purpose

AUDIT = "audit (random)"
"""The order of the audit: its pages tell nothing of what the model thinks, and take no filters."""

DUPLICATES = "duplicates"
"""Groups of images that are the same, or look it."""

OUTLIERS = "outliers"
"""Images that are far from every class first."""

TO_LABEL = "to label"
"""Images without a label, those first that teach the model most."""

FIXES = "groups with one fix"
"""Groups of images that probably need the same new label, those first that gain most."""

LEARNING = "most suspicious"
"""The one order that the decisions change."""


@dataclass(frozen=True, slots=True)
class Order:
    """One order of the images.

    Parameters
    ----------
    names : callable
        Gives the names in this order, most urgent first.
    fits : callable
        Tells whether what is known is enough for this order.
    purpose : Purpose
    whole : bool
        Whether the pictures that it does not name follow in the catalog's order. Those that came without a
        label are shown only where the view asks for a present label or for certain images.
    filters : bool
        Whether its pages take filters.
    """

    names: Callable[[Snapshot, GridView], Sequence[str]]
    fits: Callable[[Snapshot], bool] = lambda _: True
    purpose: Purpose = Purpose.LABELS
    whole: bool = False
    filters: bool = True


def _by_signal(signal: str) -> Order:
    def names(known: Snapshot, _view: GridView) -> Sequence[str]:
        if known.ranking is None or signal not in known.ranking.signals:
            return []
        return known.suspicious_first if signal == "pooled" else known.ranking.order(signal).tolist()

    def fits(known: Snapshot) -> bool:
        return known.ranking is not None and signal in known.ranking.signals

    return Order(names, fits, whole=True)


def _by_problem(problem: str) -> Order:
    def names(known: Snapshot, view: GridView) -> Sequence[str]:
        return known.checks.quality.flagged(problem, threshold=view.threshold) if known.checks else ()

    return Order(names, lambda known: known.checks is not None, Purpose.PICTURES)


def _outliers(known: Snapshot, view: GridView) -> Sequence[str]:
    if known.checks is None or known.checks.outliers is None:
        return ()
    outliers = known.checks.outliers
    return outliers.flagged() if view.threshold is None else outliers.flagged(view.threshold)


def _duplicates(known: Snapshot, view: GridView) -> Sequence[str]:
    return DuplicateGroups.find(known, view.threshold).names


def _fixes(known: Snapshot, _view: GridView) -> Sequence[str]:
    return FixGroups.find(known, lambda name: not known.state.is_decided(name)).names


def _has_clusters(known: Snapshot) -> bool:
    return known.ranking is not None and known.ranking.clusters is not None


def _to_label(known: Snapshot, _view: GridView) -> Sequence[str]:
    left = known.unlabelled()
    if known.proposal is None:
        return left
    waiting = set(left)
    first = [name for name in known.proposal.names if name in waiting]
    there = set(first)
    return first + [name for name in left if name not in there]


ORDERS: dict[str, Order] = {
    LEARNING: _by_signal("pooled"),
    FIXES: Order(_fixes, _has_clusters, Purpose.FIXES, filters=False),
    "least confident": _by_signal("least_confident"),
    "by file name": Order(lambda known, _view: known.catalog.names.tolist()),
    TO_LABEL: Order(_to_label, Snapshot.lacks_labels),
    DUPLICATES: Order(_duplicates, lambda known: known.checks is not None, Purpose.COPIES, filters=False),
    **{problem.replace("_", " "): _by_problem(problem) for problem in PROBLEMS},
    OUTLIERS: Order(_outliers, lambda known: known.checks is not None and known.checks.outliers is not None),
    AUDIT: Order(lambda known, _view: known.audit(), purpose=Purpose.AUDIT, filters=False),
}
"""The orders to choose from; add to it to offer another one."""


def orders_of(known: Snapshot) -> list[str]:
    """Return the orders that can be made."""
    return [name for name, order in ORDERS.items() if order.fits(known)]


def purpose_of(order: str) -> Purpose:
    """Return what the pages of an order are for; raises `CleanerError` for an unknown one."""
    return _order(order).purpose


def problem_of(order: str) -> str | None:
    """Return the problem that an order is about; None if it is about none."""
    problem = order.replace(" ", "_")
    return problem if problem in PROBLEMS else None


def _order(order: str) -> Order:
    if order not in ORDERS:
        msg = f"Got the order {order!r}; expected one of {', '.join(ORDERS)}."
        raise CleanerError(msg)
    return ORDERS[order]


def has_threshold(order: str) -> bool:
    """Tell whether the pages of an order depend on a threshold."""
    return order in (DUPLICATES, OUTLIERS) or problem_of(order) is not None


def ordered_names(view: GridView, known: Snapshot) -> list[str]:
    """Return the names of a view in order, before its filters; raises `CleanerError` for an unknown order."""
    order = _order(view.order)
    names: list[str] = known.catalog.names.tolist()
    there = set(names)
    first = [name for name in order.names(known, view) if name in there]
    if not order.whole:
        return first
    ranked = set(first)
    return first + [name for name in names if name not in ranked]


def filtered_names(view: GridView, names: list[str], known: Snapshot) -> list[str]:
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
    catalog, state = known.catalog, known.state
    wanted: list[set[str]] = []
    if view.split is not None:
        wanted.append(set(catalog.names[catalog.splits == view.split].tolist()))
    if view.given is not None:
        wanted.append(_given_as(view.given, known))
    if view.predicted is not None:
        wanted.append(_predicted_as(view.predicted, known))
    if view.now is not None:
        wanted.append(_labelled_now(view.now, known))
    if view.chosen is not None:
        wanted.append(set(view.chosen))
    if view.agreement is not None:
        wanted += [_agreeing(label, agreement, known) for label, agreement in view.agreement]
    if view.now is None and view.chosen is None and _order(view.order).whole:
        unlabelled = catalog.table["label"].isna().to_numpy()
        if unlabelled.any():
            wanted.append(set(catalog.names[~unlabelled].tolist()))
    if view.source is not None:
        wanted.append(set() if known.provenance is None else set(known.provenance().names_from(*view.source)))
    if view.show == "decided":
        wanted.append({name for name in names if state.is_decided(name)})
    elif view.show == "unsure":
        wanted.append(set(state.unsure()))
    elif view.show == "conflicts":
        wanted.append(set(state.conflicts()))
    elif view.show == "undecided" and purpose_of(view.order) is Purpose.PICTURES:
        wanted.append(set(names) - known.deleted())
    if not wanted:
        return names
    keep = set.intersection(*wanted)
    return [name for name in names if name in keep]


def _labelled_now(label: str, known: Snapshot) -> set[str]:
    """Return the images that have a label after all decisions."""
    present = PresentLabels.of(known.catalog, known.state).by_name()
    sets = known.catalog.label_sets
    return {name for name, now in present.items() if label in classes_of([now], sets)}


def _agreeing(label: str, agreement: Agreement, known: Snapshot) -> set[str]:
    """Return the labelled images of which label and model say this about a class; none without a ranking."""
    ranking = known.ranking
    if ranking is None:
        return set()
    found = np.flatnonzero((ranking.predicted[:, _columns(label, known)] > HALF).any(axis=1))
    says = {ranking.names[row] for row in found}
    labelled = _labelled_now(label, known)
    if agreement is Agreement.BOTH:
        return labelled & says
    if agreement is Agreement.LABEL_ONLY:
        return labelled & set(ranking.names) - says
    present = PresentLabels.of(known.catalog, known.state).by_name()
    return {name for name in says - labelled if present.get(name) is not None}


def _given_as(label: str, known: Snapshot) -> set[str]:
    """Return the images that came with a class, which may have been renamed or merged since, or with none."""
    catalog = known.catalog
    if label == NO_LABEL:
        is_meant = catalog.table["label"].isna().to_numpy()
    else:
        is_meant = catalog.of_classes({c for c in catalog.classes if known.state.label_now(c) == label})
    return set(catalog.names[is_meant].tolist())


def _predicted_as(label: str, known: Snapshot) -> set[str]:
    """Return the images for which the model's first choice is a class, by its present name, or has it."""
    ranking = known.ranking
    if ranking is None:
        return set()
    meant = _columns(label, known)
    if isinstance(ranking, SetRanking):
        rows = np.flatnonzero((ranking.suggested_bits[:, meant]).any(axis=1))
    else:
        rows = np.flatnonzero(np.isin(ranking.predicted.argmax(axis=1), meant))
    return {ranking.names[row] for row in rows}


def _columns(label: str, known: Snapshot) -> list[int]:
    """Return the columns of the ranking for a class, by its present name."""
    assert known.ranking is not None
    named_at = known.ranking.named_at
    now = (known.state.label_now(name, since_seq=named_at) for name in known.ranking.classes)
    return [i for i, name in enumerate(now) if name == label]

"""Which images a view shows, and in which order: the registry of orders, and the filters."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cleaner.dataset.label_sets import classes_of
from cleaner.errors import CleanerError
from cleaner.interpret.label_matrix import Agreement
from cleaner.interpret.predictions import HALF
from cleaner.quality.problems import PROBLEMS
from cleaner.ranking.set_ranking import SetRanking
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


Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Order:
    """One order of the images.

    Parameters
    ----------
    rows : callable
        Gives rows of the catalog in this order, most urgent first; see `_named` for one that knows names.
    fits : callable
        Tells whether what is known is enough for this order.
    purpose : Purpose
    whole : bool
        Whether the pictures that it does not name follow in the catalog's order. Those that came without a
        label are shown only where the view asks for a present label, for what label and model say, or for
        certain images.
    filters : bool
        Whether its pages take filters.
    """

    rows: Callable[[Snapshot, GridView], Rows]
    fits: Callable[[Snapshot], bool] = lambda _: True
    purpose: Purpose = Purpose.LABELS
    whole: bool = False
    filters: bool = True


def _named(names: Callable[[Snapshot, GridView], Sequence[str]]) -> Callable[[Snapshot, GridView], Rows]:
    """Return the rows of an order that gives names; those that are not in the set are passed over."""
    return lambda known, view: known.catalog.rows_of(names(known, view))


def _by_signal(signal: str) -> Order:
    def rows(known: Snapshot, _view: GridView) -> Rows:
        if known.ranking is None or signal not in known.ranking.signals:
            return np.zeros(0, dtype=np.int64)
        ordered = known.suspicious_rows if signal == "pooled" else known.ranking.rows(signal)
        found = known.catalog_rows[ordered]
        return found[found >= 0]

    def fits(known: Snapshot) -> bool:
        return known.ranking is not None and signal in known.ranking.signals

    return Order(rows, fits, whole=True)


def _by_problem(problem: str) -> Order:
    def names(known: Snapshot, view: GridView) -> Sequence[str]:
        return known.checks.quality.flagged(problem, threshold=view.threshold) if known.checks else ()

    return Order(_named(names), _is_checked, Purpose.PICTURES)


def _is_checked(known: Snapshot) -> bool:
    return known.checks is not None


def _has_outliers(known: Snapshot) -> bool:
    return known.checks is not None and known.checks.outliers is not None


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
    FIXES: Order(_named(_fixes), _has_clusters, Purpose.FIXES, filters=False),
    "least confident": _by_signal("least_confident"),
    "by file name": Order(lambda known, _view: np.arange(len(known.catalog))),
    TO_LABEL: Order(_named(_to_label), Snapshot.lacks_labels),
    DUPLICATES: Order(_named(_duplicates), _is_checked, Purpose.COPIES, filters=False),
    **{problem.replace("_", " "): _by_problem(problem) for problem in PROBLEMS},
    OUTLIERS: Order(_named(_outliers), _has_outliers),
    AUDIT: Order(_named(lambda known, _view: known.audit()), purpose=Purpose.AUDIT, filters=False),
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


def ordered_rows(view: GridView, known: Snapshot) -> Rows:
    """Return the catalog's rows in the order of a view, before its filters; `CleanerError`: unknown order."""
    order = _order(view.order)
    first = order.rows(known, view)
    if not order.whole or len(first) == len(known.catalog):
        return first
    left = np.ones(len(known.catalog), dtype=bool)
    left[first] = False
    return np.concatenate([first, np.flatnonzero(left)])


def filtered_rows(view: GridView, rows: Rows, known: Snapshot) -> Rows:
    """Return those of some rows of the catalog that a view shows, in the same order.

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
    wanted: list[Mask] = []
    if view.split is not None:
        wanted.append(catalog.splits == view.split)
    if view.given is not None:
        wanted.append(_given_as(view.given, known))
    if view.predicted is not None:
        wanted.append(_predicted_as(view.predicted, known))
    if view.now is not None:
        wanted.append(_labelled_now(view.now, known))
    if view.chosen is not None:
        wanted.append(_among(view.chosen, known))
    if view.agreement is not None:
        wanted += [_agreeing(label, agreement, known) for label, agreement in view.agreement]
    by_first_labels = view.now is None and view.chosen is None and view.agreement is None
    if by_first_labels and _order(view.order).whole:
        wanted.append(~catalog.unlabelled)
    if view.source is not None:
        names = () if known.provenance is None else known.provenance().names_from(*view.source)
        wanted.append(_among(names, known))
    if view.show == "decided":
        wanted.append(_among(state.outcomes(), known) & ~_among(state.unsure(), known))
    elif view.show == "unsure":
        wanted.append(_among(state.unsure(), known))
    elif view.show == "conflicts":
        wanted.append(_among(state.conflicts(), known))
    elif view.show == "undecided" and purpose_of(view.order) is Purpose.PICTURES:
        wanted.append(~_among(known.deleted(), known))
    return rows[np.logical_and.reduce(wanted)[rows]] if wanted else rows


def _among(names: Iterable[str], known: Snapshot) -> Mask:
    mask = np.zeros(len(known.catalog), dtype=bool)
    mask[known.catalog.rows_of(names)] = True
    return mask


def _now(is_meant: Callable[[str | None], bool], known: Snapshot) -> Mask:
    """Tell which images have a label, after all decisions, that is meant; deleted ones have none that is."""
    catalog, state = known.catalog, known.state
    mask = catalog.where_label(lambda label: is_meant(label and state.label_now(label)))
    for name, (outcome, label) in state.outcomes().items():
        row = catalog.row_of(name)
        if row is not None and outcome == "delete":
            mask[row] = False
        elif row is not None and label is not None:
            mask[row] = is_meant(label)
    return mask


def _labelled_now(label: str, known: Snapshot) -> Mask:
    """Tell which images have a label after all decisions."""
    sets = known.catalog.label_sets
    return _now(lambda now: label in classes_of([now], sets), known)


def _agreeing(label: str, agreement: Agreement, known: Snapshot) -> Mask:
    """Tell of which labelled images label and model say this about a class; of none without a ranking."""
    ranking = known.ranking
    if ranking is None:
        return np.zeros(len(known.catalog), dtype=bool)
    likely = ranking.predicted[:, _columns(label, known)] > HALF
    says = _where_ranked(np.asarray(likely.any(axis=1)), known)
    labelled = _labelled_now(label, known)
    if agreement is Agreement.BOTH:
        return labelled & says
    if agreement is Agreement.LABEL_ONLY:
        return labelled & _where_ranked(np.ones(len(ranking), dtype=bool), known) & ~says
    return says & ~labelled & _now(lambda now: now is not None, known)


def _given_as(label: str, known: Snapshot) -> Mask:
    """Tell which images came with a class, which may have been renamed or merged since, or with none."""
    catalog = known.catalog
    if label == NO_LABEL:
        return catalog.unlabelled
    return catalog.of_classes({c for c in catalog.classes if known.state.label_now(c) == label})


def _predicted_as(label: str, known: Snapshot) -> Mask:
    """Tell for which images the model's first choice is a class, by its present name, or has it."""
    ranking = known.ranking
    if ranking is None:
        return np.zeros(len(known.catalog), dtype=bool)
    meant = _columns(label, known)
    if isinstance(ranking, SetRanking):
        return _where_ranked(np.asarray(ranking.suggested_bits[:, meant].any(axis=1)), known)
    return _where_ranked(np.isin(ranking.predicted.argmax(axis=1), meant), known)


def _where_ranked(mask: Mask, known: Snapshot) -> Mask:
    """Return what is said of the rows of the ranking for those of the catalog; others are False."""
    rows = known.catalog_rows[mask]
    found = np.zeros(len(known.catalog), dtype=bool)
    found[rows[rows >= 0]] = True
    return found


def _columns(label: str, known: Snapshot) -> list[int]:
    """Return the columns of the ranking for a class, by its present name."""
    assert known.ranking is not None
    named_at = known.ranking.named_at
    now = (known.state.label_now(name, since_seq=named_at) for name in known.ranking.classes)
    return [i for i, name in enumerate(now) if name == label]

"""Which thresholds the orders of the grid have."""

from __future__ import annotations

from cleaner.session.duplicate_groups import gone_and_labels
from cleaner.session.findings import Findings
from cleaner.session.orders import COPIES, OUTLIERS, GridView, problem_of
from cleaner.widgets.panels.threshold import Scale, duplicate_scale, outlier_scale, problem_scale

__all__ = ["has_scale", "scale_of"]


def has_scale(order: str) -> bool:
    """Tell whether the pages of an order depend on a threshold."""
    return order in (COPIES, OUTLIERS) or problem_of(order) is not None


def scale_of(view: GridView, found: Findings) -> Scale | None:
    """Return the scale of an order; None where there is none. To count copies takes up to seconds."""
    checks, problem = found.checks, problem_of(view.order)
    if checks is None:
        return None
    gone, labels = gone_and_labels(found)
    if view.order == COPIES:
        decided = {"different": found.state.different_pairs(), "labels": labels, "without": gone}
        return duplicate_scale(checks, view.threshold, decided)
    if problem is not None:
        return problem_scale(checks.quality, problem, view.threshold, without=gone)
    if view.order == OUTLIERS and checks.outliers is not None:
        return outlier_scale(checks.outliers, view.threshold, without=gone)
    return None

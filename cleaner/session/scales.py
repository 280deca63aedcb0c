"""The thresholds that some orders have: the histogram that each cuts, and what that leaves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cleaner.session.duplicate_groups import gone_and_labels
from cleaner.session.orders import DUPLICATES, OUTLIERS, problem_of
from cleaner.session.snapshot import Snapshot
from cleaner.session.view import GridView

if TYPE_CHECKING:
    from cleaner.quality.outliers import Outliers
    from cleaner.quality.problems import Quality

_STEP = 0.01
_BINS = 100


@dataclass(frozen=True, kw_only=True)
class Scale:
    """What there is to choose a threshold on.

    Parameters
    ----------
    order : str
        The order whose threshold it is.
    counts : sequence of int
        How many there are in each part of the scale.
    edges : sequence of float
        The limits of these parts, one more than ``counts``, rising.
    value : float
        The threshold in force; it may lie above ``high``, where nothing reaches it.
    low, high, step : float
        Where the scale begins and ends, and its smallest step.
    default : float
        The suggested threshold.
    found : int
        How many images, or among duplicates groups, the threshold leaves.
    leaks : int
        How many images of these groups are leaks.
    """

    order: str
    counts: Sequence[int]
    edges: Sequence[float]
    value: float
    low: float = 0.0
    high: float = 1.0
    step: float = _STEP
    default: float
    found: int
    leaks: int = 0

    def rounded(self, value: float) -> str:
        """Return a threshold within the limits, with as many decimals as a step has."""
        decimals = max(0, -math.floor(math.log10(self.step)))
        return f"{min(max(value, self.low), self.high):.{decimals}f}"

    @property
    def at_default(self) -> bool:
        """Whether the threshold in force is the suggested one, as far as its decimals tell."""
        return self.rounded(self.value) == self.rounded(self.default)


def scale_of(view: GridView, known: Snapshot) -> Scale | None:
    """Return the scale of an order; None where there is none. To count duplicates takes up to seconds.

    Raises
    ------
    RankingError
        The threshold is out of range.
    """
    checks, problem = known.checks, problem_of(view.order)
    if checks is None:
        return None
    if view.order == DUPLICATES:
        return _duplicate_scale(view.threshold, known)
    gone, _ = gone_and_labels(known)
    if problem is not None:
        table = checks.quality.table
        left = type(checks.quality)(table[~table["name"].isin(list(gone))])
        return _problem_scale(view, problem, left, default=checks.quality.thresholds[problem])
    if view.order == OUTLIERS and checks.outliers is not None:
        table = checks.outliers.table
        return _outlier_scale(view, type(checks.outliers)(table[~table["name"].isin(list(gone))]))
    return None


def _duplicate_scale(threshold: float | None, known: Snapshot) -> Scale:
    from cleaner.duplicates.groups import FLOOR

    assert known.checks is not None
    similar = known.checks.similar
    gone, labels = gone_and_labels(known)
    value = similar.suggested_threshold if threshold is None else threshold
    different = known.state.different_pairs()
    groups = similar.groups(value, different=different, labels=labels, without=gone)
    leaks = similar.leaks(value, different=different, labels=labels, without=gone)
    counts, edges = np.histogram(similar.similarity, bins=30, range=(FLOOR, 1.0))
    return Scale(
        order=DUPLICATES,
        counts=counts.tolist(),
        edges=edges.tolist(),
        value=value,
        low=FLOOR,
        default=similar.suggested_threshold,
        found=int(groups["group"].nunique()),
        leaks=int(leaks["name"].nunique()),
    )


def _problem_scale(view: GridView, problem: str, left: Quality, *, default: float) -> Scale:
    counts, edges = np.histogram(left.scores(problem), bins=_BINS, range=(0.0, 1.0))
    value = default if view.threshold is None else view.threshold
    return Scale(
        order=view.order,
        counts=counts.tolist(),
        edges=edges.tolist(),
        value=value,
        default=default,
        found=len(left.flagged(problem, threshold=value)),
    )


def _outlier_scale(view: GridView, left: Outliers) -> Scale:
    from cleaner.quality.outliers import THRESHOLD

    counts, edges = np.histogram(left.table["score"], bins=_BINS, range=(0.0, 1.0))
    value = THRESHOLD if view.threshold is None else view.threshold
    return Scale(
        order=OUTLIERS,
        counts=counts.tolist(),
        edges=edges.tolist(),
        value=value,
        default=THRESHOLD,
        found=len(left.flagged(value)),
    )

"""How far a review is: what is done, what turned up, what is left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cleaner.review import ReviewState
from cleaner.util.intervals import wilson

if TYPE_CHECKING:
    from cleaner.ranking.posterior import Count


def review_progress(
    state: ReviewState, reviewer: str, *, total: int, expected: Count | None = None
) -> dict[str, Any]:
    """Count; the keys are those of `cleaner.ImageCleaner.progress`.

    Parameters
    ----------
    state : ReviewState
    reviewer : str
        Whose pace it is.
    total : int
        Images of the set.
    expected : Count, optional
        Errors on the next page.
    """
    now = state.progress()
    low, high = wilson(now.window_errors, now.window)
    pace = state.pace_per_min(reviewer)
    left = max(0, total - now.decided)
    return {
        "looked_at": now.looked_at,
        "total": total,
        "errors": now.errors,
        "kept": now.kept,
        "deleted": now.deleted,
        "relabelled": now.relabelled,
        "labelled": now.labelled,
        "unsure": now.unsure,
        "conflicts": now.conflicts,
        "discarded": now.discarded,
        "asked_again": now.asked_again,
        "gone": now.gone,
        "left": left,
        "last100": {
            "errors": now.window_errors,
            "looked_at": now.window,
            "low": low * now.window,
            "high": high * now.window,
        },
        "expected_next": expected,
        "pace_per_min": pace,
        "pace_per_hour": None if pace is None else 60 * pace,
        "minutes_left": left / pace if pace else None,
    }

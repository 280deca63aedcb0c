"""How far a review is: what is done, what turned up, what is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cleaner.review import Decision, ReviewState
from cleaner.util.intervals import wilson

if TYPE_CHECKING:
    from cleaner.ranking.posterior import Count


def review_progress(
    state: ReviewState,
    reviewer: str,
    *,
    total: int,
    expected: Count | None = None,
    to_come: int = 0,
    answers: Sequence[Decision] = (),
) -> dict[str, Any]:
    """Count; the keys are those of `cleaner.ImageCleaner.progress`.

    A decision on an image that is shown as if it had none counts like any other, or the numbers would tell.

    Parameters
    ----------
    state : ReviewState
    reviewer : str
        Whose pace it is.
    total : int
        Images of the set.
    expected : Count, optional
        Errors on the next page.
    to_come : int
        Decided images that the reviewer is still to be shown as if they were not.
    answers : sequence of Decision
        What the reviewer has said of such images on the open page.
    """
    now = state.progress()
    said = Counter(each.outcome for each in answers)
    errors = said["delete"] + said["relabel"]
    window_errors = min(now.window, now.window_errors + errors)
    low, high = wilson(window_errors, now.window)
    pace = state.pace_per_min(reviewer)
    left = max(0, total - now.decided + to_come)
    return {
        "looked_at": max(0, now.looked_at - to_come),
        "total": total,
        "errors": now.errors + errors,
        "kept": now.kept + said["keep"],
        "deleted": now.deleted + said["delete"],
        "relabelled": now.relabelled + said["relabel"],
        "labelled": now.labelled + said["label"],
        "unsure": now.unsure + said["unsure"],
        "conflicts": now.conflicts,
        "discarded": now.discarded,
        "asked_again": now.asked_again,
        "gone": now.gone,
        "left": left,
        "last100": {
            "errors": window_errors,
            "looked_at": now.window,
            "low": low * now.window,
            "high": high * now.window,
        },
        "expected_next": expected,
        "pace_per_min": pace,
        "pace_per_hour": None if pace is None else 60 * pace,
        "minutes_left": left / pace if pace else None,
    }

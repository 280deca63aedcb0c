"""How far a review is: what is done, what turned up, what is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from cleaner.review import ReviewState
from cleaner.util.intervals import wilson

if TYPE_CHECKING:
    from cleaner.ranking.posterior import Count


class Hidden(NamedTuple):
    """Decided images that a reviewer has been shown, or is to be shown, as if they had no decision.

    Attributes
    ----------
    to_come : int
        How many the reviewer has not answered for; unsure is no answer.
    judged : Counter of str
        What was decided on the labels of them all.
    answers : sequence of str
        What the reviewer has said of those that were shown.
    """

    to_come: int
    judged: Counter[str]
    answers: Sequence[str]


NOTHING = Hidden(0, Counter(), ())


def review_progress(
    state: ReviewState, reviewer: str, *, total: int, expected: Count | None = None, hidden: Hidden = NOTHING
) -> dict[str, Any]:
    """Count; the keys are those of `cleaner.ImageCleaner.progress`.

    Images that are shown to the reviewer as if they had no decision count as if they had none, or only the
    reviewer's: otherwise the numbers would tell which they are.

    Parameters
    ----------
    state : ReviewState
    reviewer : str
        Whose pace it is.
    total : int
        Images of the set.
    expected : Count, optional
        Errors on the next page.
    hidden : Hidden
        Those images.
    """
    now = state.progress()
    said = Counter(hidden.answers)
    said.subtract(hidden.judged)
    errors = said["delete"] + said["relabel"]
    window = 0 if hidden.to_come or hidden.answers else now.window  # whose last looks these are would tell
    window_errors = now.window_errors if window else 0
    low, high = wilson(window_errors, window)
    pace = state.pace_per_min(reviewer)
    left = max(0, total - now.decided + hidden.to_come)
    return {
        "looked_at": max(0, now.looked_at - hidden.to_come),
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
        "last100": {"errors": window_errors, "looked_at": window, "low": low * window, "high": high * window},
        "expected_next": expected,
        "pace_per_min": pace,
        "pace_per_hour": None if pace is None else 60 * pace,
        "minutes_left": left / pace if pace else None,
    }

"""How far a review is: what is done, what turned up, what is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from types import MappingProxyType
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
    to_come: Collection[str] = (),
    answers: Mapping[str, Decision] = MappingProxyType({}),
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
    to_come : collection of str
        Decided images that the reviewer is still to be shown so.
    answers : mapping of str to Decision
        What the reviewer has said of those that were shown so.
    """
    now = state.progress()
    said = Counter(each.outcome for each in answers.values())
    said.subtract(state.judgements_of({*to_come, *answers}))
    errors = said["delete"] + said["relabel"]
    window = 0 if to_come or answers else now.window  # whose last looks these are would tell, too
    window_errors = now.window_errors if window else 0
    low, high = wilson(window_errors, window)
    pace = state.pace_per_min(reviewer)
    left = max(0, total - now.decided + len(to_come))
    return {
        "looked_at": max(0, now.looked_at - len(to_come)),
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

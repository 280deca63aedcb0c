"""What the decisions teach about the order of the unseen; computed behind the page's back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cleaner.ranking import Ranking
    from cleaner.ranking.feedback import Reordered
    from cleaner.review import ReviewState

__all__ = ["LEARNING_ORDER", "Lesson", "study"]

LEARNING_ORDER = "most suspicious"
"""The one order that the decisions change."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """A ranking in the light of the decisions on it.

    Parameters
    ----------
    ranking : Ranking
        What was learnt about; it says nothing of another one.
    learnt : Reordered
    names : list of str
        Most suspicious first.
    """

    ranking: Ranking
    learnt: Reordered
    names: list[str]


def study(ranking: Ranking | None, state: ReviewState) -> Lesson | None:
    """Learn from the decisions so far; None while there is nothing to learn. May run in any thread."""
    if ranking is None or "pooled" not in ranking.signals:
        return None
    from cleaner.ranking.feedback import LEAST, judged, reorder

    if state.progress().looked_at < LEAST:
        return None
    learnt = reorder(ranking, judged(state, ranking))
    if not learnt.is_changed:
        return None
    return Lesson(ranking, learnt, learnt.order(ranking).tolist())

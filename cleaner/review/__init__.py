"""The reviewers' decisions: the history, what it comes to, and what is written and moved because of it."""

from __future__ import annotations

from cleaner.review.state import Action, Decision, Event, Kind, Progress, ReviewState
from cleaner.review.store import Act, Choice, ReviewStore

__all__ = [
    "Act",
    "Action",
    "Choice",
    "Decision",
    "Event",
    "Kind",
    "Progress",
    "ReviewState",
    "ReviewStore",
]

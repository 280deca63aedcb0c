"""The reviewers' decisions: the history, where it stands, and what is written and moved because of it."""

from cleaner.review.events import Action, Choice, Event, Kind
from cleaner.review.state import Decision, Progress, ReviewState
from cleaner.review.store import Act, ReviewStore

__all__ = ["Act", "Action", "Choice", "Decision", "Event", "Kind", "Progress", "ReviewState", "ReviewStore"]

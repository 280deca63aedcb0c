"""What the cleaner says in words: where the work stands, what was undone, what to do at the end of a view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cleaner.review import Event, Kind
from cleaner.widgets.orders import GridView
from cleaner.widgets.wording import count

__all__ = ["NEW_ORDER", "NO_RANKING", "end_of_view", "kept", "resumed", "summary", "undone"]

NO_RANKING = "There is no ranking yet: the pictures come in the order of their names."
NEW_ORDER = "A new order is ready; it starts with the next page."


def summary(progress: Mapping[str, Any]) -> str:
    """Say where the work stands: "120 of 3,409 looked at · 37 errors found · about 4 expected …"."""
    parts = [f"{progress['looked_at']:,} of {progress['total']:,} looked at"]
    if progress["looked_at"]:
        parts.append(f"{count(progress['errors'], 'error')} found")
    expected = progress["expected_next"]
    if expected is not None:
        about = f"about {expected:.0f}" if expected >= 0.95 else "less than one"
        parts.append(f"{about} expected on the next page")
    return " · ".join(parts)


def resumed(looked_at: int, total: int) -> str:
    """Say that earlier work is taken up."""
    return f"Resumed: {looked_at:,} of {total:,} decided, going on with the first undecided."


def kept(number: int) -> str:
    """Say what a Confirm came to."""
    return f"{number} kept." if number else ""


def undone(events: Sequence[Event]) -> str:
    """Say what was taken back, from the rows of the act."""
    if not events:
        return "There is nothing to undo."
    first, many = events[0], len(events)
    of = first.name.rpartition("/")[2] if many == 1 else count(many, "picture")
    kinds = {event.kind for event in events}
    if first.detail.get("confirm"):
        return f"Undone: the Confirm that kept {of}."
    if not first.name or first.kind not in ("keep", "delete", "relabel", "unsure"):
        return "Undone: the last act."
    if kinds == {Kind.RELABEL}:
        labels = {event.new_label for event in events}
        to = f" to {first.new_label}" if len(labels) == 1 else ""
        return f"Undone: relabel of {of}{to}."
    return f"Undone: {first.kind if len(kinds) == 1 else 'decision'} of {of}."


def end_of_view(view: GridView, *, total: int, left_elsewhere: int, unsure: int) -> str:
    """Say what to do where a view has nothing to show (any more).

    Parameters
    ----------
    view : GridView
    total : int
        Pictures of the view, decided or not.
    left_elsewhere : int
        Pictures of the whole set that nobody has decided.
    unsure : int
        How many are set aside.
    """
    filtered = view.split or view.given or view.predicted
    if view.show == "undecided":
        first = "Every picture in this view is decided." if total else "No picture fits these filters."
        if left_elsewhere > unsure:
            more = f"{left_elsewhere:,} in the whole set are not: take a filter away to see them."
            return f"{first} {more}" if filtered else first
        aside = f" {count(unsure, 'picture is', 'pictures are')} set aside as unsure: show those."
        return f"{first} Retrain now, or look at the result.{aside if unsure else ''}"
    if total:
        return "That was the last page of this view. Choose another one, or go back a page."
    nothing = {
        "decided": "Nothing is decided yet here.",
        "unsure": "No picture is set aside as unsure.",
        "conflicts": "No two reviewers disagree.",
    }
    return f"{nothing.get(view.show, 'No picture fits these filters.')} Choose another view."

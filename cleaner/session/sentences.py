"""What the cleaner says in words: where the work stands, what was undone, what to do at the end of a view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cleaner.audit.certificate import Certificate
from cleaner.review import Event, Kind
from cleaner.review.classes import in_words
from cleaner.review.events import CLASS_KINDS
from cleaner.session.orders import AUDIT, TO_LABEL, GridView, Purpose, purpose_of
from cleaner.session.pages import Page
from cleaner.util.wording import about, count

__all__ = [
    "AUDIT_IN_ORDER",
    "END_OF_AUDIT",
    "NEW_ORDER",
    "NO_AUDIT",
    "NO_CHECKS",
    "NO_LABELS",
    "NO_RANKING",
    "audit",
    "confirmed",
    "different",
    "end_of_view",
    "no_filters",
    "no_ranking",
    "resumed",
    "summary",
    "title",
    "undone",
]

NO_RANKING = "There is no ranking yet: the pictures come in the order of their names."
NO_LABELS = (
    "No picture has a label yet. Press / and type the class of some of them; suggestions for the others come "
    "as soon as there are two classes."
)
NEW_ORDER = "A new order is ready; it starts with the next page."
NO_AUDIT = (
    "No audit has begun. It is worth most when hardly any error turns up any more: start it under "
    "“May I stop?”, or with start_audit() in Python."
)
NO_CHECKS = (
    "Copies, bad pictures and outliers have not been looked for yet. “Look for them” on the page of the "
    "whole set does that, and so does the command “cleaner duplicates”."
)
END_OF_AUDIT = "Every picture of the audit is judged."
AUDIT_IN_ORDER = (
    "The audit counts its pictures in their order: decide on each of this page first. Unsure will do, too."
)


def summary(progress: Mapping[str, Any], view: GridView) -> str:
    """Say where the work stands: "37 errors in 480 looked at, 2,929 left; 1 in the last 100; about …"."""
    if view.order == TO_LABEL:
        return f"{progress['labelled']:,} labelled by decisions, {progress['left']:,} pictures left"
    if not purpose_of(view.order).judges_labels:
        gone = count(progress["discarded"], "picture")
        return f"{gone} discarded so far, as duplicates or bad pictures: that is no judgement on a label"
    errors, looked_at = count(progress["errors"], "error"), progress["looked_at"]
    parts = [f"{errors} in {looked_at:,} looked at, {progress['left']:,} left"]
    window = progress["last100"]
    if 0 < window["looked_at"] < looked_at:
        parts.append(f"{window['errors']} in the last {window['looked_at']}")
    if progress["expected_next"] is not None:
        parts.append(f"{about(progress['expected_next'])} expected on the next page")
    return "; ".join(parts)


def title(page: Page, purpose: Purpose) -> str:
    """Say which page it is, and of what."""
    again = " (once more)" if page.again else ""
    what = {Purpose.AUDIT: "Audit, page", Purpose.COPIES: "Duplicates, page"}.get(purpose, "Page")
    return f"{what} {page.number}{again}"


def no_ranking(view: GridView) -> str:
    """Say why the pictures come in the order of their names."""
    return NO_LABELS if view.order == TO_LABEL else NO_RANKING


def no_filters(order: str) -> str:
    """Say why filters that were chosen do not hold."""
    if order == AUDIT:
        return "The audit takes no filters: it is about all pictures that were undecided when it began."
    return "Groups of duplicates take no filters: a group stands together, whatever its splits and labels."


def audit(statement: Certificate) -> str:
    """Say how far the audit is, and what it has shown."""
    from cleaner.widgets.panels.text import audit_progress, certificate_text

    progress = f"{audit_progress(statement)}."
    return f"{progress} {certificate_text(statement)}" if statement.audited else progress


def resumed(looked_at: int, total: int) -> str:
    """Say that earlier work is taken up."""
    return f"Resumed: {looked_at:,} of {total:,} decided, going on with the first undecided."


def confirmed(events: Sequence[Event]) -> str:
    """Say what a Confirm came to."""
    labelled = sum(event.kind == Kind.RELABEL for event in events)
    parts = [f"{labelled} labelled"] if labelled else []
    if len(events) > labelled:
        parts.append(f"{len(events) - labelled} kept")
    return f"{', '.join(parts)}." if parts else ""


def different(pairs: Mapping[str, Sequence[str]]) -> str:
    """Say what was remembered of a group that is none."""
    many = len({*pairs, *(name for rest in pairs.values() for name in rest)})
    return f"{many} pictures are remembered as different."


def undone(events: Sequence[Event]) -> str:
    """Say what was taken back, from the rows of the act."""
    if not events:
        return "There is nothing to undo."
    first, many = events[0], len(events)
    of = first.name.rpartition("/")[2] if many == 1 else count(many, "picture")
    kinds = {event.kind for event in events}
    if first.detail.get("confirm"):
        return f"Undone: the Confirm that kept {of}."
    if first.kind in (*CLASS_KINDS, Kind.CLASS_DESCRIBE):
        return f"Undone: {in_words(first)}."
    if first.kind == Kind.PAIR_DIFFERENT:
        images = {name for event in events for name in (event.name, *event.detail.get("others", ()))}
        return f"Undone: “not duplicates” for {count(len(images), 'picture')}."
    if not first.is_decision:
        return "Undone: the last act."
    if kinds == {Kind.RELABEL}:
        labels = {event.new_label for event in events}
        to = f" to {first.new_label}" if len(labels) == 1 else ""
        return f"Undone: relabel of {of}{to}."
    return f"Undone: {first.kind if len(kinds) == 1 else 'decision'} of {of}."


def end_of_view(view: GridView, *, purpose: Purpose, total: int, left_elsewhere: int, unsure: int) -> str:
    """Say what to do where a view has nothing to show (any more).

    Parameters
    ----------
    view : GridView
    purpose : Purpose
    total : int
        Pictures of the view, decided or not.
    left_elsewhere : int
        Pictures of the whole set that nobody has decided.
    unsure : int
        How many are set aside.
    """
    if not purpose.judges_labels:
        return _end_of_check(view.order, purpose, total=total)
    filtered = view.split or view.given or view.predicted
    if view.show == "undecided":
        first = "Every picture in this view is decided." if total else "No picture fits these filters."
        if view.order == TO_LABEL and not filtered:
            first = "Every picture has a label."
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


def _end_of_check(order: str, purpose: Purpose, *, total: int) -> str:
    """Say what to do after the last group of copies, or the last bad picture."""
    copies = purpose is Purpose.COPIES
    if total:
        what = "group" if copies else "picture"
        return f"That was the last {what}. What is unmarked stays. For labels choose “most suspicious”."
    lower = "Move the threshold to the left to see pictures that are less so"
    if copies:
        return f"No duplicates are left here. {lower.replace('less so', 'less alike')}, or go on with labels."
    return f"No picture counts as “{order}” at this threshold. {lower}, or go on with labels."

"""What a key on a page comes to, by what the page is for: choices ready for the store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cleaner.errors import StoreError
from cleaner.review import Action, Choice, ReviewState
from cleaner.session.orders import GridView, Purpose, problem_of, purpose_of

if TYPE_CHECKING:
    from cleaner.session.facts import Facts

__all__ = ["DIFFERENT", "choices_of", "seen"]

DIFFERENT = "different"
"""These are no copies of each other."""
ONLY = "only"
"""Keep these of their groups of copies, and delete the rest."""
SUGGEST = "suggest"
"""Do what the model, or the comparison of copies, advises."""
DUPLICATE = "duplicate"
"""Why a copy is deleted, which says nothing on its label."""


def choices_of(
    facts: Facts, names: Sequence[str], action: str, label: str | None, view: GridView
) -> list[Choice]:
    """Turn an act on images into choices.

    Parameters
    ----------
    facts : Facts
    names : sequence of str
    action : str
        ``keep``, ``delete``, ``relabel``, ``unsure``, `SUGGEST` or, among copies, `ONLY`.
    label : str or None
        For relabel.
    view : GridView
        What the images were seen in.

    Raises
    ------
    StoreError
        There is nothing to do, such as no suggestion; the message says why.
    """
    purpose = purpose_of(view.order)
    if action == ONLY and purpose is not Purpose.COPIES:
        msg = "Only copies can be kept one of a group: look at the duplicates for that."
        raise StoreError(msg)
    if purpose is Purpose.COPIES and action in (ONLY, SUGGEST, Action.DELETE):
        choices = _copies(facts, names, action)
        why = (
            "There is nothing to delete: the rest of the group is gone, or only looks alike, or the picture "
            "that was to be kept is deleted. Choose the one to keep with o."
        )
    elif purpose is Purpose.PICTURES and action == Action.DELETE:
        reason = {"reason": problem_of(view.order)}
        choices, why = [facts.choice(name, action, detail=reason) for name in names], ""
    else:
        choices = [choice for name in names if (choice := _label(facts, name, action, label, view))]
        why = "There is no suggestion for what is chosen."
    if not choices:
        raise StoreError(why)
    return choices


def seen(facts: Facts, names: Sequence[str], view: GridView) -> list[Choice]:
    """Return what Confirm says of the images of a page that are unmarked; empty where labels are not judged.

    The label that is shown is right: the given one or, for an image without one, a suggestion that the model
    is sure of. An image with neither stays undecided.
    """
    if not purpose_of(view.order).judges_labels:
        return []
    shown = (
        name
        for name in names
        if facts.given(name) is not None or ((known := facts.known(name)) is not None and known.sure)
    )
    return [choice for name in shown if (choice := _label(facts, name, Action.KEEP, None, view))]


def _label(facts: Facts, name: str, action: str, label: str | None, view: GridView) -> Choice | None:
    """Turn an act on the label of one image into a choice; None if it is to take a suggestion without one."""
    blind = purpose_of(view.order) is Purpose.AUDIT
    detail: dict[str, Any] | None = {"settles": True} if view.show == "conflicts" else None
    given = facts.given(name)
    if action == Action.KEEP and given is not None:
        return facts.choice(name, action, detail=detail, blind=blind)
    if action in (Action.KEEP, SUGGEST):
        known = None if blind else facts.known(name)
        if known is None:
            return None
        if known.predicted == given:
            return facts.choice(name, Action.KEEP, detail=detail)
        return facts.choice(name, Action.RELABEL, known.predicted, detail=detail)
    return facts.choice(name, action, label, detail=detail, blind=blind)


def _copies(facts: Facts, names: Sequence[str], action: str) -> list[Choice]:
    copies, state = facts.copies, facts.state
    kept_for: dict[str, str | None]
    if action == Action.DELETE:
        kept_for = dict.fromkeys(names)
    else:
        kept_for = {**(copies.others(names) if action == ONLY else copies.superfluous(names))}
    if action == SUGGEST:  # what was to be kept may be deleted by now: then nothing is superfluous
        kept_for = {name: kept for name, kept in kept_for.items() if kept and not _is_gone(state, kept)}
    choices = []
    for name, kept in kept_for.items():
        if not _is_gone(state, name):
            detail = {"reason": DUPLICATE} if kept is None else {"reason": DUPLICATE, "of": kept}
            choices.append(facts.choice(name, Action.DELETE, detail=detail))
    if action == ONLY:  # what was marked before is wanted after all
        choices += [_restored(facts, name) for name in names if _is_gone(state, name)]
    return choices


def _restored(facts: Facts, name: str) -> Choice:
    """Take a delete back; of a discard nothing else, so that the label stays as it was judged, or was not."""
    outcome, _ = facts.state.judgement(name) or ("", None)
    return facts.choice(name, Action.KEEP, detail=None if outcome == "delete" else {"restores": True})


def _is_gone(state: ReviewState, name: str) -> bool:
    decision = state.of(name)
    return decision is not None and decision.outcome == "delete"

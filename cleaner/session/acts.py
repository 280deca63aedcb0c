"""What an act on a page comes to, by what the page is for: choices ready for the store."""

from collections.abc import Sequence
from typing import Any

from cleaner.errors import StoreError
from cleaner.review import Action, Choice, ReviewState
from cleaner.session.duplicate_groups import DuplicateGroups
from cleaner.session.fix_groups import FixGroups
from cleaner.session.orders import problem_of, purpose_of
from cleaner.session.snapshot import Snapshot
from cleaner.session.view import GridView, Purpose

ADD = "add"
"""Where an image can have several labels: give these one more."""
REMOVE = "remove"
"""Likewise: take one of their labels away."""
DIFFERENT = "different"
"""These are no duplicates of each other."""
GROUP = "group"
"""Relabel these, all that is left of a group with one fix."""
ONLY = "only"
"""Keep these of their groups of duplicates, and delete the rest."""
SUGGEST = "suggest"
"""Do what the model, or the comparison of duplicates, advises."""
DUPLICATE = "duplicate"
"""Why a duplicate is deleted, which says nothing on its label."""


def choices_of(
    known: Snapshot,
    groups: DuplicateGroups,
    fixes: FixGroups,
    names: Sequence[str],
    action: str,
    label: str | None,
    view: GridView,
) -> list[Choice]:
    """Turn an act on images into choices.

    Parameters
    ----------
    known : Snapshot
    groups : DuplicateGroups
    fixes : FixGroups
        Both as they are on show.
    names : sequence of str
    action : str
        ``keep``, ``delete``, ``relabel``, ``unsure``, `SUGGEST`, `ADD`, `REMOVE`, among duplicates `ONLY`, or
        among groups with one fix `GROUP`.
    label : str or None
        For relabel; for `ADD` and `REMOVE` the class; for `GROUP` the label that the reviewer saw.
    view : GridView
        What the images were seen in.

    Raises
    ------
    StoreError
        There is nothing to do, such as no suggestion; the message says why.
    OutdatedError
        A group is not as the reviewer saw it.
    """
    purpose = purpose_of(view.order)
    if action == GROUP:
        return (fixes if purpose is Purpose.FIXES else FixGroups()).relabels(known, names, label)
    if purpose is Purpose.FIXES and all(name in fixes.by_name for name in names):
        return [_in_group(known, fixes, name, action, label) for name in names]
    if action == ONLY and purpose is not Purpose.COPIES:
        msg = "Keeping one of a group works among duplicates only. Choose the order “duplicates” first."
        raise StoreError(msg)
    if purpose is Purpose.COPIES and action in (ONLY, SUGGEST, Action.DELETE):
        choices = _on_duplicates(known, groups, names, action)
        why = (
            "Nothing to delete here: the others of the group are deleted already, or only look alike, or the "
            "image to keep is deleted itself. Choose “Keep only this” on the image to keep."
        )
    elif purpose is Purpose.PICTURES and action == Action.DELETE:
        reason = {"reason": problem_of(view.order)}
        choices, why = [known.choice(name, action, detail=reason) for name in names], ""
    else:
        choices = [choice for name in names if (choice := _label(known, name, action, label, view))]
        why = "There is no suggestion for this. Choose the right label, or type it."
    if not choices:
        raise StoreError(why)
    return choices


def confirmed(known: Snapshot, names: Sequence[str], view: GridView) -> list[Choice]:
    """Return what Confirm says of the images of a page that are unmarked; empty where labels are not judged.

    The label that is shown is right: the given one or, for an image without one, a suggestion that the model
    is sure of. An image with neither stays undecided.
    """
    if not purpose_of(view.order).judges_labels:
        return []
    shown = (
        name
        for name in names
        if known.given(name) is not None or ((model := known.known(name)) is not None and model.sure)
    )
    return [choice for name in shown if (choice := _label(known, name, Action.KEEP, None, view))]


def _label(known: Snapshot, name: str, action: str, label: str | None, view: GridView) -> Choice | None:
    """Turn an act on the label of one image into a choice; None if it is to take a suggestion without one."""
    blind = purpose_of(view.order) is Purpose.AUDIT
    detail: dict[str, Any] | None = {"settles": True} if view.show == "conflicts" else None
    given = known.given(name)
    if action in (ADD, REMOVE):
        action, label = Action.RELABEL, _changed(known, name, label or "", there=action == ADD)
    if action == Action.KEEP and given is not None:
        return known.choice(name, action, detail=detail, blind=blind)
    if action in (Action.KEEP, SUGGEST):
        model = None if blind else known.known(name)
        if model is None:
            return None
        if model.predicted == given:
            return known.choice(name, Action.KEEP, detail=detail)
        return known.choice(name, Action.RELABEL, model.predicted, detail=detail)
    return known.choice(name, action, label, detail=detail, blind=blind)


def _changed(known: Snapshot, name: str, label: str, *, there: bool) -> str:
    """Return the present label of an image with one class more or less."""
    sets = known.catalog.label_sets
    if sets is None:
        raise StoreError("Each image of this set has one label. Choose the right one instead.")
    return sets.with_class(known.label(name), label, there=there)


def _in_group(known: Snapshot, fixes: FixGroups, name: str, action: str, label: str | None) -> Choice:
    """Turn an act on one image of a group into a choice, which remembers whether it was a random look."""
    if action == SUGGEST:
        action, label = Action.RELABEL, fixes.by_name[name].label
    return known.choice(name, action, label, detail=fixes.detail(name))


def _on_duplicates(
    known: Snapshot, groups: DuplicateGroups, names: Sequence[str], action: str
) -> list[Choice]:
    state = known.state
    kept_for: dict[str, str | None]
    if action == Action.DELETE:
        kept_for = dict.fromkeys(names)
    else:
        kept_for = {**(groups.others(names) if action == ONLY else groups.superfluous(names))}
    if action == SUGGEST:  # what was to be kept may be deleted by now: then nothing is superfluous
        kept_for = {name: kept for name, kept in kept_for.items() if kept and not _is_gone(state, kept)}
    choices = []
    for name, kept in kept_for.items():
        if not _is_gone(state, name):
            detail = {"reason": DUPLICATE} if kept is None else {"reason": DUPLICATE, "of": kept}
            choices.append(known.choice(name, Action.DELETE, detail=detail))
    if action == ONLY:  # what was marked before is wanted after all
        choices += [_restored(known, name) for name in names if _is_gone(state, name)]
    return choices


def _restored(known: Snapshot, name: str) -> Choice:
    """Take a delete back; of a discard nothing else, so that the label stays as it was judged, or was not."""
    outcome, _ = known.state.judgement(name) or ("", None)
    return known.choice(name, Action.KEEP, detail=None if outcome == "delete" else {"restores": True})


def _is_gone(state: ReviewState, name: str) -> bool:
    decision = state.of(name)
    return decision is not None and decision.outcome == "delete"

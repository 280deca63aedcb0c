"""Which files would move as the decisions say, and where; nothing moves here."""

from collections.abc import Container, Iterator
from pathlib import Path

import pandas as pd

from cleaner.dataset.catalog import Catalog
from cleaner.dataset.export import safe_name
from cleaner.dataset.layout import Layout
from cleaner.dataset.layout_guess import guess_layout
from cleaner.review.events import Action
from cleaner.review.files.moves import TO_TRASH, act_folders, free_name, inside
from cleaner.review.labels import PresentLabels
from cleaner.review.state import ReviewState

_COLUMNS = ["name", "action", "from", "to", "note"]
MOVE_TO_TRASH, MOVE_TO_CLASS, LEAVE = "move-to-trash", "move-to-class", "leave"


def plan(
    catalog: Catalog, review: ReviewState, *, root: Path, state: Path, relabel: bool = False
) -> pd.DataFrame:
    """Say which files `Trash.apply` would move, and where; moves none.

    Parameters
    ----------
    catalog : Catalog
        The images with the labels that folders give.
    review : ReviewState
    root, state : Path
        Folder of the set, and its state folder.
    relabel : bool
        Move files whose label changed (by a relabel, or because their class was renamed) to the folder of
        their class too.

    Returns
    -------
    DataFrame
        Columns ``name``; ``action``: ``move-to-trash``, ``move-to-class`` or ``leave`` (the note says why);
        ``from``, ``to``: relative to the root, for the trash to the state folder; ``note``.
    """
    rows = list(_deleted(review, root, state))
    if relabel:
        rows += _relabelled(catalog, review, root)
    return pd.DataFrame(sorted(rows), columns=_COLUMNS, dtype=object)


def _deleted(review: ReviewState, root: Path, state: Path) -> Iterator[tuple[str, ...]]:
    disputed = review.conflicts()
    earlier = {
        move.name: move.seq
        for folder in reversed(act_folders(state, root=root))
        for move in folder.standing()
        if move.kind == TO_TRASH
    }
    for name, decision in review.decisions().items():
        if decision.action is not Action.DELETE or not (root / name).is_file():
            continue
        why = _why_not(root, name, disputed)
        if not why and decision.seq <= earlier.get(name, 0):
            why = "the deleted file is in the trash already, and this is another one; decide on it"
        if why:
            yield name, LEAVE, name, name, why
        else:
            yield name, MOVE_TO_TRASH, name, f"trash/…/files/{name}", ""


def _relabelled(catalog: Catalog, review: ReviewState, root: Path) -> Iterator[tuple[str, ...]]:
    disputed, known = review.conflicts(), review.outcomes()
    layout = catalog.layout or guess_layout(list(catalog.names)).layout
    taken: set[str] = set()
    for name, label in PresentLabels.of(catalog, review).by_name().items():
        given = catalog.label_of(name)
        if not label or label == given:
            continue
        target = _in_class(layout, name, given, label)
        why = _why_not(root, name, disputed)
        if not why and target is None:
            why = "its folder does not say its class"
        elif not why and safe_name(label) != label:
            why = f"the class {label!r} cannot be a folder name on every system"
        if why or target is None:
            yield name, LEAVE, name, name, why
            continue
        # a name with decisions of its own would lend them to the file that comes there
        free = free_name(root, target, taken, avoid=known)
        yield name, MOVE_TO_CLASS, name, free, "" if free == target else f"{target} is taken"


def _why_not(root: Path, name: str, disputed: Container[str]) -> str:
    if name in disputed:
        return "reviewers disagree about it"
    if not inside(root, root / name):
        return "it is reached through a link that leads out of the folder"
    return ""


def _in_class(layout: Layout, name: str, given: str | None, label: str) -> str | None:
    """Return the name of a file in the folder of another class; None if it lies in no class folder."""
    folder, _, _ = name.rpartition("/")
    parts = name.split("/")
    at = layout.class_level(name)
    if at is not None:
        return "/".join([*parts[:at], label, *parts[at + 1 :]]) if parts[at].strip() == given else None
    above = not folder or folder in layout.splits or folder in layout.outer
    return "/".join([*parts[:-1], label, parts[-1]]) if given is None and above else None

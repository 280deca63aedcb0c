"""Which files would move as the decisions say, and where; nothing moves here."""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cleaner.dataset.catalog import Catalog
from cleaner.dataset.class_folders import folder_beside, label_of, same_folder
from cleaner.dataset.layout import Layout
from cleaner.dataset.layout_guess import guess_layout
from cleaner.review.events import Action
from cleaner.review.files.moves import free_name, inside
from cleaner.review.labels import PresentLabels
from cleaner.review.state import ReviewState

_COLUMNS = ["name", "action", "from", "to", "note"]
CHANGED = "another image is under this name since it was decided on; decide on it"
MOVE_TO_TRASH, MOVE_TO_CLASS, LEAVE = "move-to-trash", "move-to-class", "leave"


def plan(catalog: Catalog, review: ReviewState, *, root: Path, relabel: bool = False) -> pd.DataFrame:
    """Say which files `Trash.apply` would move, and where; moves none.

    Parameters
    ----------
    catalog : Catalog
        The images with the labels that folders give.
    review : ReviewState
    root : Path
        Folder of the set.
    relabel : bool
        Move files whose label changed (by a relabel, or because their class was renamed) to the folder of
        their class too.

    Returns
    -------
    DataFrame
        Columns ``name``; ``action``: ``move-to-trash``, ``move-to-class`` or ``leave`` (the note says why);
        ``from``, ``to``: relative to the root, for the trash to the state folder; ``note``.
    """
    rows = list(_deleted(review, root))
    if relabel:
        rows += _relabelled(catalog, review, root)
    return pd.DataFrame(sorted(rows), columns=_COLUMNS, dtype=object)


def _deleted(review: ReviewState, root: Path) -> Iterator[tuple[str, ...]]:
    disputed = review.conflicts()
    for name, decision in review.decisions().items():
        if decision.action is not Action.DELETE or not (root / name).is_file():
            continue
        why = _why_not(root, name, disputed)
        if why:
            yield name, LEAVE, name, name, why
        else:
            yield name, MOVE_TO_TRASH, name, f"trash/…/files/{name}", ""


def _relabelled(catalog: Catalog, review: ReviewState, root: Path) -> Iterator[tuple[str, ...]]:
    disputed, known = review.conflicts(), review.outcomes()
    folders = _ClassFolders(catalog, root)
    taken: set[str] = set()
    rows = []
    for name, label in PresentLabels.of(catalog, review).by_name().items():
        given = catalog.label_of(name)
        if not label or label == given:
            continue
        place = folders.place_in(name, given)
        folder = None if place is None else folders.folder_in(place, label)
        why = _why_not(root, name, disputed)
        if not why and place is None:
            why = "its folder does not say its class"
        elif not why and folder is None:
            why = f"the class {_short(label)!r} is too long for the name of a folder"
        if why or place is None or folder is None:
            yield name, LEAVE, name, name, why
            continue
        target = f"{place.before}{folder}/{place.after}"
        # a name with decisions of its own would lend them to the file that comes there
        free = free_name(root, target, taken, avoid=known)
        notes = [f"the folder stands for the class {label!r}"] if folder != label else []
        notes += [f"{target} is taken"] if free != target else []
        rows.append((name, MOVE_TO_CLASS, name, free, "; ".join(notes), label))
    lost = folders.not_read_back({old: (new, label) for old, _, _, new, _, label in rows})
    for name, action, old, new, note, label in rows:
        if name in lost:
            yield name, LEAVE, name, name, f"in {new.rpartition('/')[0]} it would not be read as {label!r}"
        else:
            yield name, action, old, new, note


@dataclass(frozen=True)
class _Place:
    """Where the folder of a class stands in the name of a file: what comes before it, and what after."""

    before: str
    after: str


class _ClassFolders:
    """The folders of a set's classes: those that are there, and those that are to be made."""

    def __init__(self, catalog: Catalog, root: Path) -> None:
        self._root = root
        self._names = list(catalog.names)
        self._layout = catalog.layout or guess_layout(self._names).layout
        self._of_class: dict[tuple[str, str], str] = {}
        self._beside: dict[str, set[str]] = {}
        labels, _ = self._layout.read(self._names)
        for name, label in zip(self._names, labels, strict=True):
            at = self._layout.class_level(name)
            if at is not None and label is not None:
                parts = name.split("/")
                self._of_class.setdefault(("".join(f"{part}/" for part in parts[:at]), label), parts[at])

    def place_in(self, name: str, given: str | None) -> _Place | None:
        """Return where the folder of its class stands in a name; None if the file lies in no class folder."""
        above, _, file = name.rpartition("/")
        parts = name.split("/")
        at = self._layout.class_level(name)
        if at is not None:
            if label_of(parts[at]).strip() != given:
                return None
            return _Place("".join(f"{part}/" for part in parts[:at]), "/".join(parts[at + 1 :]))
        outside = not above or above in self._layout.splits or above in self._layout.outer
        return _Place(f"{above}/" if above else "", file) if given is None and outside else None

    def folder_in(self, place: _Place, label: str) -> str | None:
        """Return the folder of a class in a place, there or new; None: the label is too long for one."""
        there = self._of_class.get((place.before, label))
        if there is None:
            beside = self._folders_in(place.before)
            there = folder_beside(
                label, lambda form: any(same_folder(form, each) and each != form for each in beside)
            )
            if there is not None:
                self._of_class[place.before, label] = there
                beside.add(there)
        return there

    def _folders_in(self, above: str) -> set[str]:
        if above not in self._beside:
            folder = self._root / above
            there = {each.name for each in folder.iterdir() if each.is_dir()} if folder.is_dir() else set()
            self._beside[above] = there
        return self._beside[above]

    def not_read_back(self, moves: Mapping[str, tuple[str, str]]) -> set[str]:
        """Return the files that would not have their class if they were moved and the set opened again.

        Parameters
        ----------
        moves : mapping
            From name to new name and class.
        """
        names = [moves[name][0] if name in moves else name for name in self._names]
        layouts = [self._layout]
        layouts.append(
            guess_layout(names).layout
            if self._layout.pattern is None
            else Layout.of_pattern(self._layout.pattern, names)
        )
        wanted = [moves[name][1] if name in moves else None for name in self._names]
        return {
            name
            for layout in layouts
            for name, label, want in zip(self._names, layout.read(names)[0], wanted, strict=True)
            if want is not None and label != want
        }


def _short(label: str) -> str:
    return label if len(label) <= 40 else f"{label[:40]}…"


def _why_not(root: Path, name: str, disputed: Container[str]) -> str:
    if name in disputed:
        return "reviewers disagree about it"
    if not inside(root, root / name):
        return "it is reached through a link that leads out of the folder"
    return ""

"""The classes as they are now: counted, made, renamed, merged and described.

Every act is a row of the history; no file and no folder changes its name. `ReviewStore.class_event` records
what it is given; the functions here look first whether it makes sense for this set.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from cleaner.dataset.catalog import Catalog
from cleaner.dataset.label_sets import LabelSets
from cleaner.errors import StoreError
from cleaner.review.events import CLASS_KINDS, Event, Kind, check_label
from cleaner.review.labels import PresentLabels
from cleaner.review.state import ReviewState
from cleaner.review.store import Act, ReviewStore
from cleaner.util.natural import natural_key

_MOST_NAMED = 8
_UNDOABLE = CLASS_KINDS | {Kind.CLASS_DESCRIBE}


@dataclass(frozen=True, slots=True)
class ClassCount:
    """How many images a class has after all decisions.

    Parameters
    ----------
    label : str or None
        Its present name; None counts the images without a label.
    splits : mapping of str to int
        Images by split; ``none`` where the set has no splits.
    decided : int
        How many of them somebody decided on.
    """

    label: str | None
    splits: Mapping[str, int]
    decided: int

    @property
    def images(self) -> int:
        """Images in all splits."""
        return sum(self.splits.values())


def class_counts(catalog: Catalog, state: ReviewState) -> list[ClassCount]:
    """Count the images of every class as it is now, in natural order; images without a label come last.

    Deleted images are not counted; a class without images is there with none.
    """
    splits: dict[str | None, Counter[str]] = {label: Counter() for label in state.classes(catalog.classes)}
    decided: Counter[str | None] = Counter()
    for image, split in zip(PresentLabels.of(catalog, state), catalog.splits, strict=True):
        if not image.deleted:
            for label in _classes(image.label, catalog.label_sets):
                splits.setdefault(label, Counter())[split or "none"] += 1
                decided[label] += image.decided
    order = sorted(splits, key=lambda label: (label is None, natural_key(label or "")))
    return [ClassCount(label, splits[label], decided[label]) for label in order]


def _classes(label: str | None, sets: LabelSets | None) -> Sequence[str | None]:
    """Return the classes of an image; None stands for an image without a label."""
    return (label,) if label is None or sets is None else sets.split(label)


def twin_of(name: str, classes: Collection[str]) -> str | None:
    """Return the class whose name differs from ``name`` only in capital letters or blanks; None if none."""
    plain = _plain(name)
    return next((label for label in classes if label != name and _plain(label) == plain), None)


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()


def check_class(name: str, sets: LabelSets) -> None:
    """Refuse a name of a class that would be read as several labels.

    Raises
    ------
    StoreError
        It holds what stands between labels.
    """
    if sets.separator in name:
        raise StoreError(
            f"“{name}” cannot be the name of a class here: “{sets.separator}” stands between the labels of "
            "an image. Type a name without it, or one class at a time."
        )


def make_class(catalog: Catalog, store: ReviewStore, name: str, *, reviewer: str | None = None) -> Act:
    """Make a class that no image has yet.

    Raises
    ------
    StoreError
        There is a class of that name, or it can be no name.
    """
    present = _present(catalog, store)
    _check_new(name, catalog.label_sets)
    if name in present:
        raise StoreError(f"A class “{name}” exists already. Choose another name.")
    return store.class_event(Kind.CLASS_NEW, name, reviewer=reviewer)


def rename_class(
    catalog: Catalog, store: ReviewStore, old: str, new: str, *, reviewer: str | None = None
) -> Act:
    """Give a class another name, which no other class has.

    Raises
    ------
    StoreError
        There is no class ``old``, there is a class ``new``, or ``new`` can be no name.
    """
    present = _present(catalog, store)
    _check_there(old, present)
    _check_new(new, catalog.label_sets)
    if new == old:
        raise StoreError(f"The class is called “{old}” already. Type another name.")
    if new in present:
        msg = f"A class “{new}” exists already. To move the images of “{old}” into it, merge the two."
        raise StoreError(msg)
    return store.class_event(Kind.CLASS_RENAME, old, new, reviewer=reviewer)


def merge_classes(
    catalog: Catalog, store: ReviewStore, old: str, into: str, *, reviewer: str | None = None
) -> Act:
    """Put all images of one class into another; the first is a class no longer.

    Raises
    ------
    StoreError
        One of the two is no class of this set, or they are the same.
    """
    present = _present(catalog, store)
    _check_there(old, present)
    _check_there(into, present)
    if old == into:
        raise StoreError(f"Got “{old}” twice. Choose two different classes to merge.")
    return store.class_event(Kind.CLASS_MERGE, old, into, reviewer=reviewer)


def describe_class(
    catalog: Catalog,
    store: ReviewStore,
    label: str,
    text: str,
    *,
    act: str | None = None,
    reviewer: str | None = None,
) -> Act:
    """Say in words what belongs into a class; an empty text takes the description away.

    Raises
    ------
    StoreError
        There is no class ``label``, or the text cannot be one.
    """
    _check_there(label, _present(catalog, store))
    return store.describe_class(label, text, act=act, reviewer=reviewer)


def undo_class_act(store: ReviewStore, *, reviewer: str | None = None) -> Event:
    """Take back a reviewer's last act, if it is one on classes; returns what was taken back.

    Raises
    ------
    StoreError
        The reviewer's last act is none on classes, or there is none.
    """
    store.refresh()
    last = store.state.undoable(reviewer or store.reviewer)
    if last is None:
        raise StoreError("There is nothing to undo.")
    rows = store.state.act(last)
    if rows[0].kind not in _UNDOABLE:
        msg = f"Your last act (“{rows[0].kind}”) did not change the classes. Undo it on the page, with U."
        raise StoreError(msg)
    if store.undo(reviewer=reviewer, only=last) is None:
        msg = "Something else was recorded in the meantime. Check what your last act is, then undo it."
        raise StoreError(msg)
    return rows[0]


def is_about_descriptions(state: ReviewState, events: Sequence[Event]) -> bool:
    """Tell whether some of these rows give a description of a class, take one back, or bring it back."""
    rows = (row for event in events for row in (state.act(event.undoes) if event.undoes else (event,)))
    return any(row.kind == Kind.CLASS_DESCRIBE for row in rows)


def class_acts(state: ReviewState, events: Sequence[Event]) -> list[tuple[str, Event]]:
    """Return what rows do to classes: the kind of the row (an act on classes, undo, redo) and the act itself.

    Parameters
    ----------
    state : ReviewState
        Holds the acts that rows take back or bring back.
    events : sequence of Event
    """
    found = []
    for event in events:
        rows = state.act(event.undoes) if event.undoes else (event,)
        found += [(event.kind, row) for row in rows if row.kind in CLASS_KINDS]
    return found


def in_words(event: Event) -> str:
    """Say what an act on classes is, as a noun: "renaming of “pants” to “trousers”"."""
    old, new = event.given_label, event.new_label
    if event.kind == Kind.CLASS_DESCRIBE:
        return f"the description of “{old}”"
    if event.kind == Kind.CLASS_NEW:
        return f"the new class “{new}”"
    if event.kind == Kind.CLASS_MERGE:
        return f"merging of “{old}” into “{new}”"
    return f"renaming of “{old}” to “{new}”"


def _present(catalog: Catalog, store: ReviewStore) -> list[str]:
    """Return the classes as they are now, also by what others did a moment ago."""
    store.refresh()
    return store.state.classes(catalog.classes)


def _check_new(name: str, sets: LabelSets | None) -> None:
    if not name.strip():
        raise StoreError("A class needs a name. Type one.")
    check_label(name)
    if sets is not None:
        check_class(name, sets)
    if name != name.strip():
        raise StoreError(
            f"“{name}” starts or ends with a space, which nobody would see. "
            f"Type it without the space: “{name.strip()}”."
        )


def _check_there(name: str, present: Sequence[str]) -> None:
    if name not in present:
        twin = twin_of(name, present)
        there = f"Did you mean “{twin}”?" if twin else f"The classes are: {_listed(present)}."
        raise StoreError(f"There is no class “{name}”. {there}")


def _listed(present: Sequence[str]) -> str:
    named = ", ".join(f"“{label}”" for label in present[:_MOST_NAMED])
    return f"{named} and {len(present) - _MOST_NAMED:,} more" if len(present) > _MOST_NAMED else named

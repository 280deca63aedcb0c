"""Which image of the set each row of the history is about: the one place that matches decisions with images.

A decision is about a content. It follows that content wherever the file goes, and never passes to another
content that comes under the same name. The rules:

- An image that has the content under the name that it was decided on is the one that is meant.
- Else the content is looked for under other names (files renamed, moved, swapped; a folder renamed). Where
  the set has it several times, the one with the same given label and file name is meant. If the set had
  several when the decision was made, only a file that can be no other one is: a decision to delete one of two
  equal files must not reach the other one.
- A file that was moved to the trash because of a decision takes the decision with it.
- A row without a content (of an earlier version, or made before the file was read) goes by name, and so does
  one on a file that has not been read yet.
- A row also has to be about the label that the image has: see `Matching.speaks_of`.

Without the images of a set, every name is an image of its own.
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

from cleaner.review.acts import ClassNames
from cleaner.review.events import Event, Kind
from cleaner.review.images import SetImages


class Where(StrEnum):
    """Where the image is that a row is about."""

    HERE = "here"
    """In the catalog."""
    ASIDE = "aside"
    """In the trash, or among the files that cannot be used: decided on, and no image of the catalog."""
    CHANGED = "changed"
    """Not there, and there is another content under its name."""
    GONE = "gone"
    """Not there."""


class Place(NamedTuple):
    """The image that a row is about.

    Attributes
    ----------
    where : Where
    name : str
        The image's present name; the name that the row has if there is no such image.
    content : str or None
        Tells apart what is not there; None for what is.
    """

    where: Where
    name: str
    content: str | None = None

    @property
    def known(self) -> bool:
        """Whether the file that was decided on is known, so that the decision counts."""
        return self.where in (Where.HERE, Where.ASIDE)


class _Key(NamedTuple):
    name: str
    content: str | None
    trashed: bool  # of rows without a content: whether the file was moved to the trash after them


class _Subject:
    """What rows of one name and one content are about."""

    __slots__ = ("copies", "given", "key", "last", "names", "place")

    def __init__(self, key: _Key) -> None:
        self.key = key
        self.names: tuple[str, ...] = (key.name,)  # and those that it got by moves that were recorded
        self.copies = 1
        self.given: set[str | None] = set()
        self.last = 0
        self.place = Place(Where.GONE, key.name, key.content)


class Matching:
    """Follows a history and says of each row which image it is about.

    Parameters
    ----------
    images : SetImages, optional
        The images of the set. Without them, names are images.
    """

    def __init__(self, images: SetImages | None = None) -> None:
        self.images = images
        self._subjects: dict[_Key, _Subject] = {}
        self._by_content: dict[str, list[_Subject]] = {}
        self._moves: dict[str, list[tuple[int, str]]] = {}
        self._renamed: dict[str, str] = {}  # class folders, or classes in the whole table

    # ---------------------------------------------------------------- taking rows in

    def take(self, events: Iterable[Event]) -> bool:
        """Take rows in; tells whether earlier rows are about another image now than they seemed to be."""
        if self.images is None:
            return False
        fresh: dict[_Subject, None] = {}
        first, moved = not self._subjects, False
        for event in events:
            if event.kind == Kind.FILE_MOVED:
                to = str(event.detail.get("to", ""))
                if to:
                    self._moves.setdefault(event.name, []).append((event.seq, to))
                    moved = True
            for name, content in _about(event):
                key = self._key(name, content, event.seq)
                subject = self._subjects.get(key)
                if subject is None:
                    subject = self._subjects[key] = _Subject(key)
                    if content is not None:
                        self._by_content.setdefault(content, []).append(subject)
                    fresh[subject] = None
                subject.last = event.seq
                if event.is_decision:
                    subject.copies = max(subject.copies, event.copies)
                    subject.given.add(event.given_label)
        changed = self._place(self._subjects.values() if moved else fresh, fresh)
        if first or changed:
            self._renamed = self._renamed_classes()
        return changed

    def _place(self, subjects: Iterable[_Subject], fresh: dict[_Subject, None]) -> bool:
        """Find the images of some subjects and of those with the same contents."""
        groups: dict[object, list[_Subject]] = {}
        for subject in subjects:
            content = subject.key.content
            groups[content or subject.key] = [subject] if content is None else self._by_content[content]
        changed = False
        for group in groups.values():
            before = [(each, each.place, each.names) for each in group if each not in fresh]
            self._place_group(group)
            changed |= any((each.place, each.names) != (place, names) for each, place, names in before)
        return changed

    def _place_group(self, group: list[_Subject]) -> None:
        """Find the images of all subjects of one content."""
        images = self.images
        assert images is not None
        taken: list[str] = []
        lost: list[_Subject] = []
        group = group if len(group) == 1 else sorted(group, key=lambda each: each.last)
        for subject in group:
            if self._moves:
                subject.names = tuple(dict.fromkeys(self._trail(subject)))
            name = self._under_own_name(subject)
            if name is None:
                lost.append(subject)
            else:
                taken.append(name)
                where = Where.HERE if name in images.given else Where.ASIDE
                subject.place = Place(where, name)
        if not lost:
            return
        several = any(subject.copies > 1 for subject in group)
        for subject in lost:
            name = None
            if not self._is_trashed(subject, several):
                name = self._elsewhere(subject, taken) if several else self._anywhere(subject, taken)
            if name is not None:
                subject.place = Place(Where.HERE, name)
                if several:
                    taken.append(name)
            else:
                subject.place = self._missing(subject, several)

    def _trail(self, subject: _Subject) -> Iterator[str]:
        """Yield the names that a file had by the moves that were recorded, the latest last."""
        name, since, seen = subject.key.name, 0, 0
        yield name
        while seen < 100:  # a history may send a file round in a circle
            seen += 1
            move = next(((seq, to) for seq, to in self._moves.get(name, ()) if seq > since), None)
            if move is None:
                return
            since, name = move
            yield name

    def _under_own_name(self, subject: _Subject) -> str | None:
        images, content = self.images, subject.key.content
        assert images is not None
        if subject.key.trashed:
            return None
        for name in reversed(subject.names):
            if name in images and (content is None or images.contents.get(name, content) == content):
                return name
        return None

    def _anywhere(self, subject: _Subject, taken: list[str]) -> str | None:
        """Find a content of which there was one image when it was decided on."""
        assert self.images is not None
        if taken:
            return taken[-1]
        here = self.images.with_content(subject.key.content)
        if len(here) == 1:
            return here[0]
        return min(here, key=lambda name: self._unlike(subject, name), default=None)

    def _elsewhere(self, subject: _Subject, taken: list[str]) -> str | None:
        """Find a content of which there were several images: only one that can be no other."""
        assert self.images is not None
        here = self.images.with_content(subject.key.content)
        free = sorted((self._unlike(subject, name), name) for name in here if name not in taken)
        away = self.images.trashed_contents.get(subject.key.content or "", {})
        if not free or len(here) + len(away) < subject.copies:
            return None
        (best, name), *others = free
        if best == (True, True) or any(each == best for each, _ in others):
            return None
        return name

    def _unlike(self, subject: _Subject, name: str) -> tuple[bool, bool]:
        assert self.images is not None
        other_label = self.images.given.get(name) not in subject.given
        return other_label, name.rpartition("/")[2] != subject.key.name.rpartition("/")[2]

    def _is_trashed(self, subject: _Subject, several: bool) -> bool:
        """Tell whether a file is in the trash, maybe under another name than the one it was decided on.

        Of several files with one content, it has to be the one that was decided on.
        """
        assert self.images is not None
        if any(subject.last <= self.images.trashed.get(name, 0) for name in subject.names):
            return True
        moved = self.images.trashed_contents.get(subject.key.content or "", {})
        own = (subject.key.name, subject.names[-1].rpartition("/")[2])
        return any(subject.last <= seq for name, seq in moved.items() if not several or name in own)

    def _missing(self, subject: _Subject, several: bool) -> Place:
        assert self.images is not None
        name, content, _ = subject.key
        if self._is_trashed(subject, several):
            return Place(Where.ASIDE, name, content or "")
        there = next((each for each in reversed(subject.names) if each in self.images), None)
        return Place(Where.GONE if there is None else Where.CHANGED, there or name, content or "")

    def _key(self, name: str, content: str | None, seq: int) -> _Key:
        assert self.images is not None
        return _Key(name, content, content is None and seq <= self.images.trashed.get(name, 0))

    # ---------------------------------------------------------------- labels

    def _renamed_classes(self) -> dict[str, str]:
        """Find the given labels that no image has any more because their class has another name now.

        That is so if all images that had the label have the same other one, which appeared after they were
        decided on. Images that moved into a class that was there before got another label instead.
        """
        images = self.images
        assert images is not None
        now: dict[str, set[str | None]] = {}
        last: dict[str, int] = {}
        for subject in self._subjects.values():
            for label in subject.given:
                if label is not None and label not in images.labels and subject.place.where is Where.HERE:
                    now.setdefault(label, set()).add(images.given[subject.place.name])
                    last[label] = max(last.get(label, 0), subject.last)
        renamed: dict[str, str] = {}
        for label, found in now.items():
            only = next(iter(found)) if len(found) == 1 else None
            if only is not None and images.appeared.get(only, 0) >= last[label]:
                renamed[label] = only
        return renamed

    def speaks_of(self, event: Event, place: Place, classes: ClassNames) -> bool:
        """Tell whether a row is about the label that its image has.

        It is if the given label is what it was, is that of the same class under another name, or has become
        the one that the row chose.
        """
        if self.images is None or place.where is not Where.HERE:
            return True
        given, now = event.given_label, self.images.given[place.name]
        if given == now or (given is None and event.content is None):  # the row does not say it
            return True
        if now is None:
            return False
        present = classes.now(now)
        if event.new_label is not None:
            chosen = classes.now(event.new_label, since_seq=event.seq)
            if chosen in (now, present):
                return True
        return given is not None and (self._renamed.get(given) == now or classes.now(given) in (now, present))

    def has_moved(self, events: Iterable[Event], place: Place) -> bool:
        """Tell whether the given label of an image is another one than that of some row on it."""
        if self.images is None or place.where is not Where.HERE:
            return False
        now = self.images.given[place.name]
        return any(event.given_label != now for event in events)

    # ---------------------------------------------------------------- asking

    def place(self, name: str, content: str | None = None, *, seq: int = 0) -> tuple[Place, tuple[str, ...]]:
        """Return the image that a row is about, and all names that are known for it."""
        if self.images is None:
            return Place(Where.HERE, name), (name,)
        subject = self._subjects[self._key(name, content, seq)]
        return subject.place, subject.names


def _about(event: Event) -> Iterator[tuple[str, str | None]]:
    """Yield name and content of each image that a row is about."""
    if event.is_decision:
        yield event.name, event.content
    elif event.kind == Kind.PAIR_DIFFERENT:
        yield event.name, event.content
        yield from others_of(event)


def others_of(event: Event) -> Iterator[tuple[str, str | None]]:
    """Yield name and content of the images that a pair's first one is different from."""
    others = event.detail.get("others", ())
    contents = event.detail.get("contents", {})
    for name in map(str, others):
        content = contents.get(name) if isinstance(contents, dict) else None
        yield name, content if isinstance(content, str) else None

"""The images of a set as decisions are matched with them: the content and the given label of each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np

from cleaner.dataset.catalog import Catalog
from cleaner.dataset.hashes import Hashes
from cleaner.dataset.label_sets import LabelSets, classes_of
from cleaner.review.files.moves import TO_TRASH, act_folders
from cleaner.util.places import Named


@dataclass(frozen=True)
class SetImages:
    """The images of a set at one moment.

    Parameters
    ----------
    given : mapping of str to str or None
        Every image, and its label in the folders or the table.
    contents : mapping of str to str
        SHA-256 of each file that has been read, hexadecimal; the others are "pending".
    left_out : frozenset of str
        Files of the set that cannot be used; they have no label, and may be decided on all the same.
    trashed : mapping of str to int
        Files that decisions moved to the trash and that are still there, by the names that they had, and the
        last row of the history by then.
    trashed_contents : mapping of str to (mapping of str to int)
        The same by SHA-256, and by what the files were called when they were decided on, where that was
        written down; in the trash of an earlier version by their plain names.
    appeared : mapping of str to int
        Classes, and the last row of the history when each was seen first; 0 for those of the beginning.
    sets : LabelSets or None
        How several labels of an image are joined; None: each image has one.
    """

    given: Mapping[str, str | None]
    contents: Mapping[str, str]
    left_out: frozenset[str] = frozenset()
    trashed: Mapping[str, int] = field(default_factory=dict)
    trashed_contents: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    appeared: Mapping[str, int] = field(default_factory=dict)
    sets: LabelSets | None = None

    @classmethod
    def of(
        cls,
        catalog: Catalog | None,
        contents: Mapping[str, str],
        *,
        root: Path,
        state: Path,
        appeared: Mapping[str, int] | None = None,
    ) -> Self:
        """Take the images of a catalog (None: none can be used) and the trash in a state folder."""
        trashed: dict[str, int] = {}
        trashed_contents: dict[str, dict[str, int]] = {}
        for folder in reversed(act_folders(state, root=root)):
            for move in folder.standing():
                if move.kind == TO_TRASH:
                    trashed[move.name] = move.seq
                    if move.content is not None:
                        known = move.decided or move.name.rpartition("/")[2]
                        trashed_contents.setdefault(move.content, {})[known] = move.seq
        given: Mapping[str, str | None] = {}
        left_out: frozenset[str] = frozenset()
        if catalog is not None:
            given = catalog.label_by_name
            left_out = frozenset(catalog.left_out["name"])
        sets = None if catalog is None else catalog.label_sets
        return cls(given, contents, left_out, trashed, trashed_contents, appeared or {}, sets)

    def __contains__(self, name: object) -> bool:
        return name in self.given or name in self.left_out

    def with_content(self, content: str | None) -> tuple[str, ...]:
        """Return the images that have a content, in the order of the catalog."""
        there = () if content is None else self._hashes.named(content)
        return tuple(name for name in there if name in self.given)

    def names_now(self, then: Mapping[str, str | None]) -> Mapping[str, str | None]:
        """Return what files of an earlier time are called now: each content once, wherever it is.

        Parameters
        ----------
        then : mapping of str to str or None
            What they were called, and their contents (SHA-256, hexadecimal); None: not known. A file that is
            gone then counts as what was read last under its name.

        Returns
        -------
        dict of str to str or None
            In the same order. None: it is not in the set any more, or another content is under its name.
        """
        if isinstance(then, Hashes) and self._are_there(then):
            return Named(then.names, then.names)
        found: dict[str, str | None] = {}
        for name, content in then.items():
            same = content is None or self.contents.get(name, content) == content
            found[name] = name if name in self and same else None
        taken = set(found.values())
        for name in (name for name, now in found.items() if now is None):
            content = then[name] or (None if name in self else self.contents.get(name))
            free = (other for other in self.with_content(content) if other not in taken)
            plain = name.rpartition("/")[2]
            now = min(free, key=lambda other: (other.rpartition("/")[2] != plain, other), default=None)
            found[name] = now
            taken.add(now)
        return found

    @cached_property
    def labels(self) -> frozenset[str]:
        """The given labels."""
        return frozenset(label for label in self.given.values() if label is not None)

    @cached_property
    def classes(self) -> frozenset[str]:
        """The classes of the given labels."""
        return frozenset(classes_of(self.labels, self.sets))

    def _are_there(self, then: Hashes) -> bool:
        """Whether all images are those of an earlier time, with the same contents under the same names."""
        now = self._hashes
        return now.names == then.names == [*self.given] and np.array_equal(now.digests, then.digests)

    @cached_property
    def _hashes(self) -> Hashes:
        return Hashes.of(self.contents)

"""What the folders of a set mean: which name splits, which name classes, and which only hold others."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cleaner.dataset.class_folders import is_unlabelled, label_of
from cleaner.dataset.split_words import is_packed, split_of_word
from cleaner.errors import CatalogError

_OLD_SPLITS = {
    "train": "train",
    "training": "train",
    "valid": "valid",
    "val": "valid",
    "validation": "valid",
    "test": "test",
    "testing": "test",
}
_LEVELS = ("split", "class", "*")
PATTERNS = "class, split/class, class/split or */class"


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What the folders of a set mean.

    The label of an image is the name of the first folder on its path that neither names a split nor only
    holds others (as `cleaner.dataset.class_folders` reads it); its split is that of the first folder on the
    path that names one.

    Attributes
    ----------
    splits : mapping of str to str
        From the path of a folder to the split that it stands for.
    outer : frozenset of str
        Paths of folders that say nothing: they only hold others.
    pattern : str or None
        The pattern that somebody named, see `of_pattern`; None: the layout was guessed.
    """

    splits: Mapping[str, str] = field(default_factory=dict)
    outer: frozenset[str] = frozenset()
    pattern: str | None = None

    @classmethod
    def of_pattern(cls, pattern: str, names: Iterable[str]) -> Layout:
        """Make the layout in which folders mean what a pattern says, level by level.

        Parameters
        ----------
        pattern : str
            "class", "split/class", "class/split" or such, from the root down; ``*`` says nothing.
        names : iterable of str
            The files.

        Raises
        ------
        CatalogError
            The pattern has another word, or not exactly one "class".
        """
        levels = pattern.strip("/").split("/")
        if set(levels) - set(_LEVELS) or levels.count("class") != 1 or levels.count("split") > 1:
            msg = f"Got the layout {pattern!r}; expected what the folders mean, from the outermost one on: "
            raise CatalogError(f"{msg}{PATTERNS}.")
        splits: dict[str, str] = {}
        outer = set()
        for folder in {name.rpartition("/")[0] for name in names}:
            parts = folder.split("/") if folder else []
            for at, (part, level) in enumerate(zip(parts, levels, strict=False)):
                path = "/".join(parts[: at + 1])
                if level == "split" and (split := split_of_word(part)):
                    splits[path] = split
                elif level != "class":
                    outer.add(path)
        return cls(splits=splits, outer=frozenset(outer), pattern=pattern)

    @classmethod
    def of_first_folders(cls, names: Iterable[str]) -> Layout:
        """Make the layout of version 0.1: the first folder is the class, or the second after a split."""
        tops = {name.partition("/")[0] for name in names if "/" in name}
        tops = {top for top in tops if not is_unlabelled(top)}
        splits = {top: split for top in tops if (split := _OLD_SPLITS.get(top.lower()))}
        if "train" not in splits.values() and len(splits) < len(tops):
            splits = {}  # a class named "test" among others
        return cls(splits=splits)

    @classmethod
    def from_json(cls, text: str) -> Layout:
        """Read what `to_json` wrote.

        Raises
        ------
        ValueError
            It is something else.
        """
        try:
            data: dict[str, Any] = json.loads(text)
            return cls(
                splits=dict(data["splits"]), outer=frozenset(data["outer"]), pattern=data["pattern"] or None
            )
        except (TypeError, KeyError) as exc:
            raise ValueError(f"no layout: {exc}") from exc

    def to_json(self) -> str:
        """Write the layout as text."""
        splits = dict(sorted(self.splits.items()))
        return json.dumps({"pattern": self.pattern, "splits": splits, "outer": sorted(self.outer)})

    def read(self, names: Sequence[str]) -> tuple[list[str | None], list[str | None]]:
        """Return the label and the split of each file, None where no folder names one."""
        known: dict[str, tuple[str | None, str | None]] = {}
        labels, splits = [], []
        for name in names:
            folder = name.rpartition("/")[0]
            if folder not in known:
                known[folder] = self._read_folder(folder)
            label, split = known[folder]
            labels.append(label)
            splits.append(split)
        return labels, splits

    def class_level(self, name: str) -> int | None:
        """Return at which level of a file's path the folder of its class is, from 0; None: in none."""
        parts = name.split("/")[:-1]
        for at, part in enumerate(parts):
            path = "/".join(parts[: at + 1])
            if path not in self.splits and path not in self.outer:
                return None if is_unlabelled(part) else at
        return None

    def _read_folder(self, folder: str) -> tuple[str | None, str | None]:
        parts = folder.split("/") if folder else []
        level = self.class_level(f"{folder}/" if folder else "")
        paths = ("/".join(parts[: at + 1]) for at in range(len(parts)))
        split = next((self.splits[path] for path in paths if path in self.splits), None)
        if level is None:
            return None, split
        folder = parts[level]
        return label_of(folder[:-4] if is_packed(folder) else folder), split

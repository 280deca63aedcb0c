"""Which file the result of a data set goes to: one for each table of a folder, remembered in the state."""

import json
import logging
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from filelock import FileLock

from cleaner.errors import CatalogError
from cleaner.images.archives import is_called_archive
from cleaner.util.atomic import write_atomically

logger = logging.getLogger(__name__)

USUAL = "cleaned.csv"
_RESULT = re.compile(r"((?:.+\.)?cleaned)(?:-(\d+))?\.csv", re.IGNORECASE)


class ResultFile:
    """Where the result of one set goes, among the sets that share a state folder.

    The set that gets its first decision or ranking first has ``cleaned.csv``; another table of the same
    folder has ``<table>.cleaned.csv``, and an archive ``<archive>.cleaned.csv``. What was taken
    stays, and is never the file that the labels come from.

    Parameters
    ----------
    folder : Path
        Where results go.
    state : Path
        The state folder, whose ``results.json`` remembers who has which file.
    owner : str
        The set's key, which stays when its folder or table is renamed.
    root : Path
        The folder of the set.
    labels : Path, optional
        The table that the labels come from.
    """

    def __init__(self, folder: Path, state: Path, *, owner: str, root: Path, labels: Path | None) -> None:
        self.owner = owner
        self._folder = folder
        self._root = root
        self._labels = labels
        self._memory = state / "results.json"

    @property
    def path(self) -> Path:
        """The file; as long as the set has not taken it, another one may come first."""
        return self._folder / self._name(self._taken())

    @property
    def first(self) -> bool:
        """Whether this set was the first to take a file, or would be."""
        return next(iter(self._taken()), self.owner) == self.owner

    def claim(self) -> Path:
        """Take the file for this set, unless that was done before, and return it."""
        with FileLock(self._memory.with_suffix(".lock")):
            taken = self._taken()
            name = self._name(taken)
            if taken.get(self.owner) != name:
                self._remember(taken, name)
        return self._folder / name

    def choose(self, name: str) -> Path:
        """Let the result go to another file of the same folder from now on, and return it.

        Raises
        ------
        CatalogError
            The name is no plain one that ends in ``.csv``, or the file is the labels' or another set's.
        """
        if Path(name).name != name or "\\" in name or not name.lower().endswith(".csv"):
            msg = f"Got {name!r}; expected a plain file name for {self._folder}, such as {self.free().name}."
            raise CatalogError(msg)
        with FileLock(self._memory.with_suffix(".lock")):
            taken = self._taken()
            if name.casefold() in self._others(taken):
                msg = (
                    f"{name} holds the labels or the result of a table of this folder; "
                    f"choose another name, such as {self.free().name}."
                )
                raise CatalogError(msg)
            self._remember(taken, name)
        return self._folder / name

    def free(self) -> Path:
        """Return a file beside the present one that is not there yet."""
        found = _RESULT.fullmatch(self.path.name)
        stem = found[1] if found else self.path.stem
        names = (f"{stem}-{number}.csv" for number in count(2))
        others = self._others(self._taken())
        return next(
            self._folder / name
            for name in names
            if name.casefold() not in others and not (self._folder / name).exists()
        )

    def named(self, what: str) -> Path:
        """Return the place of something else about the set: for "decisions", ``[<table>.]decisions.csv``."""
        path = self.path
        found = _RESULT.fullmatch(path.name)
        name = re.sub(r"cleaned(?=(?:-\d+)?\.csv$)", what, path.name) if found else f"{path.stem}.{what}.csv"
        return path.with_name(name)

    def _name(self, taken: dict[str, str]) -> str:
        others = self._others(taken)
        mine = taken.get(self.owner)
        if mine is not None and mine.casefold() not in others:
            return mine
        return next(name for name in self._candidates() if name.casefold() not in others)

    def _others(self, taken: dict[str, str]) -> set[str]:
        """Return the names that this set cannot have, in small letters."""
        names = {name.casefold() for owner, name in taken.items() if owner != self.owner}
        if self._labels is not None and self._labels.parent == self._folder:
            names.add(self._labels.name.casefold())
        return names

    def _candidates(self) -> Iterator[str]:
        stem = self._root.name or "root"
        shared = is_called_archive(self._root)  # its folder is that of other sets, too
        if self._labels is not None:
            stem = self._labels.stem
            earlier = _RESULT.fullmatch(self._labels.name)
            if earlier and self._labels.parent == self._folder:  # the result of one more round
                yield from (f"{earlier[1]}-{n}.csv" for n in count(int(earlier[2] or 1) + 1))
        if not shared:
            yield USUAL
        yield f"{stem}.cleaned.csv"
        yield from (f"{stem}.cleaned-{number}.csv" for number in count(2))

    def _taken(self) -> dict[str, str]:
        """Return who has which file: from owner to name."""
        try:
            found = json.loads(self._memory.read_text("utf-8"))
            return {str(owner): str(name) for owner, name in found.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, AttributeError) as exc:
            # What follows is a result under another name, or a question before one is written over.
            logger.warning("%s cannot be read: %s", self._memory, exc)
            return {}

    def _remember(self, taken: dict[str, str], name: str) -> None:
        write_atomically(self._memory, json.dumps(taken | {self.owner: name}, indent=1).encode("utf-8"))

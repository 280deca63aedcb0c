"""What a set is called in the database of decisions: remembered in its state, whatever its folder is called.

The state folder's ``set.json`` has one entry for each set that uses it, as several tables may be opened over
one root. A set is found again by its state folder, and its table by name or, once renamed, by content.
"""

import hashlib
import heapq
import json
import logging
import sqlite3
import sys
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from cleaner.advice import Advice
from cleaner.dataset.file_index import file_hash
from cleaner.dataset.folders import own_state
from cleaner.dataset.tables.text import table_rows
from cleaner.errors import TableError
from cleaner.images.archives import exists, state_of
from cleaner.util.atomic import write_atomically
from cleaner.util.wording import count

logger = logging.getLogger(__name__)

_FILE = "set.json"
_MOST_SAMPLED = 100
_SAME_SET = 0.9
_SAME_IMAGES = 0.5


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What is remembered of one set.

    Parameters
    ----------
    key : str
        What it is called in the database of decisions.
    table : str or None
        Its table, relative to the root if it lies there; None if folders give the labels.
    root : str
        Where its folder was when it was opened last.
    sha256 : str or None
        Of the table, by then.
    rows : int
        How long its history in the state folder was.
    appeared : dict of str to int
        The classes that it had at any time, and the last row of the history when each was seen first; 0 for
        those of the beginning.
    names : list of str
        Some of the images that its table named, drawn at random, by which it is known under another name.
    """

    key: str
    table: str | None
    root: str
    sha256: str | None = None
    rows: int = 0
    appeared: dict[str, int] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class History:
    """A history that a database holds.

    Parameters
    ----------
    decisions : int
    share : float
        How many of its images are in the set that is opened, 0 to 1.
    names : tuple of str
        Some of its images.
    """

    decisions: int
    share: float
    names: tuple[str, ...] = ()


class Identity:
    """Finds and remembers the key of a set.

    Parameters
    ----------
    state : Path
        The state folder.
    root : Path
        The folder of the set.
    labels : Path, optional
        The table that gives the labels.
    asked : str, optional
        The key that the user wants; it is remembered.
    earlier : callable
        Gives the histories that the state folder's database holds, by key; asked where no key is remembered.

    Attributes
    ----------
    key : str
        What the set is called in the database of decisions.
    notices : list of str
        Sentences for the user: the set has moved and was found again, or there are other histories.
    """

    def __init__(
        self,
        state: Path,
        root: Path,
        labels: Path | None,
        *,
        asked: str | None = None,
        earlier: Callable[[], Mapping[str, History]] = dict,
    ) -> None:
        self._path = state / _FILE
        self._root = root
        self._labels = labels
        self._in_root = state.is_relative_to(root) or state == own_state(root)
        self.notices: list[str] = []
        entries = _load(self._path)
        found = self._find(entries, earlier)
        others = {entry.key for entry in entries if entry is not found}
        if found is not None:
            self._say_what_moved(found)
            key = asked or found.key
        else:
            key = asked or self._first_key(others, earlier)
        self.key = key
        self._entry = replace(found or Entry(key=key, table=None, root=""), **self._present(), key=key)
        self._save(instead_of=found)

    # ---------------------------------------------------------------- what is remembered

    def appeared(self, labels: Iterable[str]) -> dict[str, int]:
        """Return the last row of the history when each class was seen first.

        0 for those of the beginning, and the largest number for those that nobody has seen yet.
        """
        before = self._entry.appeared
        new = sys.maxsize if before else 0
        return {label: before.get(label, new) for label in labels}

    @property
    def rows(self) -> int:
        """How long the history was when the set was open last."""
        return self._entry.rows

    def note(self, labels: Iterable[str], *, names: Iterable[str], seq: int, rows: int | None) -> None:
        """Remember the present classes and some images, and how far the history has come.

        Parameters
        ----------
        labels : iterable of str
        names : iterable of str
            All images.
        seq : int
            The last row of the history.
        rows : int, optional
            How many rows it has, if it is kept in the state folder.
        """
        before = self._entry.appeared
        new = {label: seq if before else 0 for label in labels if label not in before}
        sample = [] if self._labels is None else sorted(heapq.nsmallest(_MOST_SAMPLED, names, key=_draw))
        self._entry = replace(
            self._entry, appeared=before | new, rows=self._entry.rows if rows is None else rows, names=sample
        )
        self._save()

    def read_anew(self, labels: Iterable[str]) -> None:
        """Remember that labels come from elsewhere now: other folders, or another column of the table.

        None of the present classes is then an earlier one under another name.
        """
        self._entry = replace(self._entry, appeared=self._entry.appeared | dict.fromkeys(labels, 0))
        self._save()

    def _save(self, *, instead_of: Entry | None = None) -> None:
        before = _load(self._path)
        kept = [entry for entry in before if entry != instead_of and not self._is_mine(entry)]
        entries = [*kept, self._entry]
        if entries == before:
            return
        text = json.dumps({"version": 1, "sets": [asdict(entry) for entry in entries]}, indent=1)
        try:
            write_atomically(self._path, text.encode("utf-8", "surrogateescape"))
        except OSError as exc:  # the folder was removed meanwhile; then the name of the set is the usual one
            logger.warning("%s cannot be written: %s", self._path, exc)

    # ---------------------------------------------------------------- finding it again

    def _present(self) -> dict[str, Any]:
        digest = None if self._labels is None else file_hash(self._labels)
        return {"table": self._table, "root": str(self._root), "sha256": digest}

    @property
    def _table(self) -> str | None:
        if self._labels is None:
            return None
        inside = self._labels.is_relative_to(self._root)
        return (self._labels.relative_to(self._root) if inside else self._labels).as_posix()

    def _is_mine(self, entry: Entry) -> bool:
        """Whether an entry is that of this table (or of the folders) of this root."""
        return entry.table == self._table and self._was_here(entry)

    def _was_here(self, entry: Entry) -> bool:
        """Whether an entry is of this root: a state folder that was asked for may serve several."""
        return self._in_root or entry.root == str(self._root) or not Path(entry.root).exists()

    def _find(self, entries: Sequence[Entry], earlier: Callable[[], Mapping[str, History]]) -> Entry | None:
        mine = next((entry for entry in entries if self._is_mine(entry)), None)
        if mine is not None or self._labels is None:
            return mine
        orphans = [
            entry
            for entry in entries
            if entry.table is not None and self._was_here(entry) and not exists(self._root / entry.table)
        ]
        same = [entry for entry in orphans if entry.sha256 == file_hash(self._labels)]
        if orphans and not same:
            histories = earlier()
            mentioned = _mentioned(self._labels)
            same = [
                entry
                for entry in orphans
                if _share(entry.names or _decided(histories, entry.key), mentioned) >= _SAME_IMAGES
            ]
        if len(same) == 1:
            return same[0]
        if orphans:
            listed = [f"“{entry.key}”" for entry in same or orphans]
            gone = (
                f"the table {listed[0]}, which was open before, is gone"
                if len(listed) == 1
                else f"tables that were open before are gone: {', '.join(listed)}"
            )
            why = "" if same else "It names other images, so it is a set of its own. "
            same_table = "If it is the same table under another name"
            self.notices.append(
                Advice(
                    f"{self._labels.name} is new here, and {gone}. {why}".rstrip(),
                    f"{same_table}, open it once with --dataset and the name in quotation marks.",
                    f"{same_table}, start cleaner once with --dataset and the name in quotation marks.",
                )
            )
        return None

    def _say_what_moved(self, found: Entry) -> None:
        if self._in_root and found.root != str(self._root) and self._is_there_still(found):
            with_it = ", with the decisions that were made there before" if found.rows else ""
            self.notices.append(
                f"This set is a copy of {found.root}{with_it}. New decisions are saved only here."
            )
            return
        before: list[str] = []
        if found.root != str(self._root):
            before.append(found.root)
        if found.table != self._table and found.table is not None:
            before.append(found.table)
        if before:
            again = ", and its decisions were found again" if found.rows else ""
            self.notices.append(
                f"This set was {' and '.join(before)} before. It is still known as “{found.key}”{again}."
            )

    def _is_there_still(self, found: Entry) -> bool:
        """Whether the folder where a set was has its state yet, so that this one is a copy."""
        state = self._path.parent
        if state == own_state(self._root):
            return (own_state(Path(found.root)) / _FILE).exists()
        return Path(found.root, self._path.relative_to(self._root)).exists()

    def _first_key(self, taken: set[str], earlier: Callable[[], Mapping[str, History]]) -> str:
        """Choose the key of a set that is not remembered: what it was in an earlier version, or its name."""
        folder = self._root.name or "root"
        usual = folder if self._labels is None else f"{folder}/{self._labels.name}"
        histories = {key: found for key, found in earlier().items() if key not in taken}
        others = [key for key in histories if key != usual and self._may_be(key)]
        alike = [key for key in others if histories[key].share >= _SAME_IMAGES]
        if usual not in histories and others:
            sure = alike or (others if self._in_root else [])
            if len(sure) == 1:
                self.notices.append(
                    f"{_decisions(histories[sure[0]])} under the name “{sure[0]}”; they were found again."
                )
                return sure[0]
            alike = others
        if alike:
            listed = ", ".join(f"“{key}” ({histories[key].decisions:,})" for key in sorted(alike))
            self.notices.append(
                Advice(
                    f"The review database also holds decisions under other names: {listed}. They are not "
                    "used.",
                    "To use those of one name, open the set once with --dataset and that name.",
                    "To use those of one name, start cleaner once with --dataset and that name.",
                )
            )
        key, number = usual, 1
        while key in taken:
            number += 1
            key = f"{usual}-{number}"
        return key

    def _may_be(self, key: str) -> bool:
        """Whether an earlier version could have called this set so, under another name of its folder."""
        _, is_table, table = key.partition("/")
        return not is_table if self._labels is None else bool(is_table) and table == self._labels.name


def _draw(name: str) -> bytes:
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()


def _decided(histories: Mapping[str, History], key: str) -> Sequence[str]:
    return histories[key].names if key in histories else ()


def _mentioned(table: Path) -> frozenset[str]:
    """Return what a table may name: its values, as paths without suffix, with fewer and fewer folders.

    A plain name stands for itself only where the table writes it so: many folders have a "1.jpg".
    """
    try:
        rows = table_rows(table)
    except TableError as exc:  # told to whoever opens it
        logger.info("%s cannot be compared with earlier tables: %s", table, exc)
        return frozenset()
    paths = {_parts(value) for row in rows for value in row}
    return frozenset("/".join(parts[at:]) for parts in paths for at in range(max(1, len(parts) - 1)))


def _share(names: Sequence[str], mentioned: Container[str]) -> float:
    found = (any(form in mentioned for form in ("/".join(parts), parts[-1])) for parts in map(_parts, names))
    return sum(found) / len(names) if names else 0.0


def _parts(name: str) -> tuple[str, ...]:
    path = PurePosixPath(name.strip().replace("\\", "/").casefold())
    return (*(part for part in path.parts[:-1] if part != "/"), path.stem)


def _decisions(found: History) -> str:
    were = "was" if found.decisions == 1 else "were"
    return f"{count(found.decisions, 'decision')} {were} made"


def _load(path: Path) -> list[Entry]:
    try:
        found = json.loads(path.read_text("utf-8", "surrogateescape"))
        return [Entry(**entry) for entry in found["sets"]]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError) as exc:
        logger.warning("%s cannot be read, so names of folders count: %s", path, exc)
        return []


def moved_state(folder: Path, root: Path, *, called: str = "*") -> Path | None:
    """Find the state of a set whose root moved, among those that are kept outside of roots.

    Parameters
    ----------
    folder : Path
        Where they are kept.
    root : Path
        Where the set is now.
    called : str
        Pattern of the names of such states, as for `Path.glob`.

    Returns
    -------
    Path or None
        The state that this root had last, else one whose root is gone and whose images are here; None if
        there is none, or several.
    """
    roots = {path.parent: [e.root for e in _load(path)] for path in sorted(folder.glob(f"{called}/{_FILE}"))}
    taken_over = [state for state, known in roots.items() if str(root) in known]
    if taken_over:
        return taken_over[0]
    lost = [state for state, known in roots.items() if known and not any(Path(r).exists() for r in known)]
    same = [state for state in lost if _share_of_files(state, root) >= _SAME_SET]
    return same[0] if len(same) == 1 else None


def _share_of_files(state: Path, root: Path) -> float:
    """Return how many of the files that a state knows are below a root, with the same size."""
    try:
        with closing(sqlite3.connect(f"{(state / 'index.db').as_uri()}?mode=ro", uri=True)) as index:
            rows = index.execute(
                "SELECT name, size FROM files WHERE hash IS NOT NULL ORDER BY hash LIMIT ?", (_MOST_SAMPLED,)
            ).fetchall()
    except sqlite3.Error as exc:
        logger.info("The files of %s are not known: %s", state, exc)
        return 0.0
    return sum(_size(root / name) == size for name, size in rows) / len(rows) if rows else 0.0


def _size(path: Path) -> int | None:
    try:
        return state_of(path).size_bytes
    except OSError:
        return None

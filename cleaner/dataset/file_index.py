"""What is remembered of every file of a data set: size, content hash, what is wrong with it, and its split.

A second opening then asks the file system for sizes and times only. The index is an SQLite file in
the state folder. It is not in WAL mode: it is written seldom and in large steps, and rollback journals are
safe in more places.
"""

import hashlib
import logging
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import pandas as pd

from cleaner.advice import Advice
from cleaner.dataset.hashes import Hashes, hashes_in
from cleaner.errors import StoreError
from cleaner.images.archives import State, open_binary, read_bytes, state_of
from cleaner.images.open import Probe, probe, verify
from cleaner.util.progress import SILENT, Reporter, Stage

logger = logging.getLogger(__name__)

_COLUMNS = ("name", "size", "mtime_ns", "hash", "width", "height", "problem", "notes", "decoded", "split")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS files (
    name TEXT PRIMARY KEY,
    size INTEGER,
    mtime_ns INTEGER,
    hash TEXT,
    width INTEGER,
    height INTEGER,
    problem TEXT,
    notes TEXT,
    decoded INTEGER NOT NULL DEFAULT 0,
    split TEXT,
    given TEXT,
    entry TEXT
) WITHOUT ROWID
"""
# A file that was only touched stays decoded, and what that has told of it holds.
_SAME = "files.hash IS excluded.hash AND files.decoded > excluded.decoded"
_UPSERT = f"""
INSERT INTO files (name, size, mtime_ns, entry, hash, width, height, problem, notes, decoded)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (name) DO UPDATE SET size = excluded.size, mtime_ns = excluded.mtime_ns, entry = excluded.entry,
    hash = excluded.hash, width = excluded.width, height = excluded.height,
    problem = CASE WHEN {_SAME} THEN files.problem ELSE excluded.problem END,
    notes = CASE WHEN {_SAME} THEN files.notes ELSE excluded.notes END,
    decoded = CASE WHEN {_SAME} THEN files.decoded ELSE excluded.decoded END
"""

_BUSY_TIMEOUT_S = 30.0
_BATCH = 512
_REPORT_EVERY = 32
_HEADER_BYTES = 100
# Larger files are hashed in pieces and opened a second time for their header.
_READ_WHOLE_BYTES = 64 * 2**20


class _Stat(NamedTuple):
    """What tells whether a file is what it was; see `cleaner.images.archives.State`."""

    size: int | None
    mtime_ns: int | None
    entry: str | None


class FileRow(NamedTuple):
    """What is found out about a file by reading it, but for its split; see `FileIndex.table`."""

    name: str
    size: int | None
    mtime_ns: int | None
    entry: str | None
    hash: str | None
    width: int | None
    height: int | None
    problem: str | None
    notes: str | None
    decoded: int


@dataclass(frozen=True, kw_only=True)
class Stale:
    """Files that the index does not know in their present state.

    Attributes
    ----------
    names : list of str
        Relative names, in the order asked for.
    size_bytes : int
        Their sizes together: how much there is to read.
    """

    names: list[str]
    size_bytes: int


class FileIndex:
    """The remembered facts of the files below one root; safe for several threads and processes.

    Parameters
    ----------
    db : Path
        The SQLite file; it and its folder are made when absent. A file that is no database is moved aside.

    Raises
    ------
    StoreError
        The file cannot be opened or made.
    """

    def __init__(self, db: Path) -> None:
        self.db = db
        self._lock = threading.RLock()
        try:
            db.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._connection = _connect(db)
            except sqlite3.DatabaseError as exc:
                if isinstance(exc, sqlite3.OperationalError):  # locked, no permission, disk full
                    raise
                aside = db.with_name(db.name + ".damaged")
                logger.warning("%s is damaged (%s); it is kept as %s and made anew.", db, exc, aside.name)
                db.replace(aside)
                self._connection = _connect(db)
        except (OSError, sqlite3.Error) as exc:
            raise StoreError(
                Advice(
                    f"Cannot open the file index {db}: {exc}. Check that the folder can be written to.",
                    "Or put the state elsewhere with --state.",
                )
            ) from exc

    def stale(self, root: Path, names: Iterable[str], *, decode: bool = False) -> Stale:
        """Find the files that are new or have changed; asks for sizes and times only.

        Parameters
        ----------
        root : Path
            The folder to which the names are relative.
        names : iterable of str
            The files to look at.
        decode : bool
            Count usable files that were never decoded whole, too.
        """
        return self._stale(((name, _stat(root, name)) for name in names), decode=decode)

    def changed(self, states: Iterable[tuple[str, State]]) -> Stale:
        """Find the files that are new or have changed, by names and states from elsewhere; see `stale`."""
        return self._stale(((name, _Stat(*state)) for name, state in states), decode=False)

    def _stale(self, states: Iterable[tuple[str, _Stat]], *, decode: bool) -> Stale:
        # A file without a hash could not be read; that it can be now need not show in its time of change.
        done = "AND (decoded OR problem IS NOT NULL)" if decode else ""
        query = f"SELECT name, size, mtime_ns, entry FROM files WHERE hash IS NOT NULL {done}"
        known = {row[0]: row[1:] for row in self._rows(query)}
        found: list[str] = []
        bare: list[tuple[str | None, str]] = []  # by an earlier version
        size_bytes = 0
        for name, now in states:
            seen = known.get(name)
            if seen == now:
                continue
            if seen is not None and seen[2] is None and seen[:2] == now[:2]:
                bare.append((now.entry, name))
            else:
                found.append(name)
                size_bytes += now.size or 0
        if bare:
            self._write_many("UPDATE files SET entry = ? WHERE name = ?", bare)
        return Stale(names=found, size_bytes=size_bytes)

    def scan(
        self, root: Path, names: Iterable[str], *, reporter: Reporter = SILENT, decode: bool = False
    ) -> None:
        """Hash and probe the files that are new or have changed, several at a time.

        Stopped half-way, it keeps what it has finished, and the next scan goes on from there.

        Parameters
        ----------
        root : Path
            The folder to which the names are relative.
        names : iterable of str
            The files to look at.
        reporter : Reporter
            Hears about every few files.
        decode : bool
            Decode the images whole (slow), which also finds those that end early.

        Raises
        ------
        Cancelled
            The reporter asked to stop.
        """
        listed = list(names)
        todo = self.stale(root, listed, decode=decode).names if listed else []
        stage = Stage.VERIFY if decode else Stage.READ
        if not todo:
            return

        look = partial(_look, root, decode=decode)
        # a batch at a time, as the pool would otherwise hold a million rows
        batches = (todo[start : start + _BATCH] for start in range(0, len(todo), _BATCH))
        pool = ThreadPoolExecutor(max_workers=min(8, (os.cpu_count() or 1) + 2))
        rows: list[FileRow] = []
        try:
            looked = chain.from_iterable(pool.map(look, batch) for batch in batches)
            for done, row in enumerate(looked, start=1):
                rows.append(row)
                if len(rows) == _BATCH:
                    self._write_many(_UPSERT, rows)
                    rows = []
                if done % _REPORT_EVERY == 0 or done == len(todo):
                    reporter(stage, done, len(todo))
                if done % _REPORT_EVERY == 0 and done < len(todo):
                    reporter.check()
        finally:
            pool.shutdown(cancel_futures=True)
            self._write_many(_UPSERT, rows)

    def note(self, rows: Iterable[FileRow]) -> None:
        """Remember files that were read elsewhere; see `row_of`."""
        self._write_many(_UPSERT, rows)

    def table(self) -> pd.DataFrame:
        """Return all that is remembered, files included that are gone.

        Returns
        -------
        DataFrame
            Columns name, size (bytes), mtime_ns (or another mark, see
            `cleaner.images.archives.State`), hash (SHA-256, hexadecimal), width, height (pixels,
            upright), problem (why it cannot be used), notes (remarks, one a line), decoded (0 or 1), split;
            None where unknown. Sorted by name.
        """
        rows = self._rows(f"SELECT {', '.join(_COLUMNS)} FROM files ORDER BY name")
        return pd.DataFrame(rows, columns=list(_COLUMNS), dtype=object)

    def problems(self) -> dict[str, str]:
        """Return the files that cannot be used, with the reason."""
        return dict(self._rows("SELECT name, problem FROM files WHERE problem IS NOT NULL"))

    def hashes(self) -> Hashes:
        """Return the content hash of each file that has been read: SHA-256, hexadecimal."""
        return hashes_in(self._some("SELECT name, hash FROM files WHERE hash IS NOT NULL ORDER BY name"))

    def facts(self) -> Iterator[tuple[str, str | None, str | None, str | None]]:
        """Yield name, hash, split and problem of each file that was ever seen, by name."""
        yield from chain.from_iterable(
            self._some("SELECT name, hash, split, problem FROM files ORDER BY name")
        )

    def written(self) -> Iterator[tuple[str, int | None]]:
        """Yield name and ``mtime_ns``, as in `table`, of each file that was ever seen, by name."""
        yield from chain.from_iterable(self._some("SELECT name, mtime_ns FROM files ORDER BY name"))

    def stamp(self) -> list[int]:
        """Return numbers that are others once anybody has changed the index."""
        found = self.db.stat()
        with self.db.open("rb") as file:
            header = file.read(_HEADER_BYTES)
        # SQLite counts the changes of a file that is not in WAL mode there: https://sqlite.org/fileformat2.html
        changes = int.from_bytes(header[24:28], "big")
        return [found.st_ino, found.st_size, found.st_mtime_ns, changes]

    def hashes_of(self, names: Iterable[str]) -> dict[str, str]:
        """Return what `hashes` holds for some files, without reading the rest."""
        query = "SELECT name, hash FROM files WHERE hash IS NOT NULL AND name = ?"
        with self._lock, self._errors():
            rows = (self._connection.execute(query, (name,)).fetchone() for name in names)
            return dict(row for row in rows if row is not None)

    def names(self) -> set[str]:
        """Return the names of all files that were ever seen, also of those that are gone."""
        return {name for (name,) in self._rows("SELECT name FROM files")}

    def splits(self) -> dict[str, tuple[str, str | None]]:
        """Return the split of each file that has one, and what folders or a column gave for it then."""
        rows = self._rows("SELECT name, split, given FROM files WHERE split IS NOT NULL")
        return {name: (split, given) for name, split, given in rows}

    def set_splits(self, splits: Mapping[str, str], *, given: Mapping[str, str | None] | None = None) -> None:
        """Remember the splits of files that have none, or of which folders or a column say something new.

        Of two processes that draw at once, the first one is remembered, so read `splits` again afterwards.

        Parameters
        ----------
        splits : mapping of str to str
            From name to split.
        given : mapping of str to str or None
            What folders or a column say of these files; absent or None: nothing.
        """
        self._write_many(
            "INSERT INTO files (name, split, given) VALUES (?, ?, ?) "
            "ON CONFLICT (name) DO UPDATE SET split = excluded.split, given = excluded.given "
            "WHERE files.split IS NULL OR files.given IS NOT excluded.given",
            ((name, split, (given or {}).get(name)) for name, split in splits.items()),
        )

    def set_problems(self, problems: Mapping[str, str | None]) -> None:
        """Remember why files cannot be used, as whoever decoded them found out.

        Parameters
        ----------
        problems : mapping of str to str or None
            From name to reason, None for a file that can be used after all. A reason holds until the file
            changes.
        """
        self._write_many(
            "INSERT INTO files (name, problem) VALUES (?, ?) "
            "ON CONFLICT (name) DO UPDATE SET problem = excluded.problem",
            problems.items(),
        )

    def close(self) -> None:
        """Close the database; everything is on the disk already."""
        with self._lock:
            self._connection.close()

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        with self._lock, self._errors():
            return self._connection.execute(query).fetchall()

    def _some(self, query: str) -> Iterator[list[tuple[Any, ...]]]:
        """Yield the rows of a query some at a time, all of one moment."""
        with self._lock, self._errors():
            cursor = self._connection.execute(query)
            yield from iter(partial(cursor.fetchmany, _BATCH), [])

    def _write_many(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        listed = list(rows)  # before the lock is taken: they may take long to compute
        with self._lock, self._errors(), self._connection:
            self._connection.executemany(statement, listed)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as exc:
            msg = f"Cannot use the file index {self.db}: {exc}. It holds no decisions: delete it."
            raise StoreError(msg) from exc


def _connect(db: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(db, timeout=_BUSY_TIMEOUT_S, check_same_thread=False)
    try:
        connection.execute("PRAGMA synchronous = NORMAL")
        with connection:
            connection.execute("BEGIN IMMEDIATE")  # another process may be about to do the same
            connection.execute(_SCHEMA)
            columns = {row[1] for row in connection.execute("PRAGMA table_info(files)")}
            if "entry" not in columns:  # before 0.3
                connection.execute("ALTER TABLE files ADD COLUMN entry TEXT")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _stat(root: Path, name: str) -> _Stat:
    try:
        state = state_of(f"{root}/{name}")
    except OSError:  # `_look` says why
        return _Stat(None, None, None)
    return _Stat(state.size_bytes, state.mark, state.entry)


def file_hash(path: Path) -> str | None:
    """Return the content hash of a file as the index has it (SHA-256, hexadecimal); None if unreadable."""
    try:
        with open_binary(path) as file:
            return _digest(file)
    except OSError:
        return None


def _digest(file: BinaryIO) -> str:
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type] # any binary file


def row_of(
    name: str, stat: _Stat | State, digest: str | None, found: Probe, *, decoded: bool = False
) -> FileRow:
    """Return what the index remembers of a file.

    Parameters
    ----------
    name : str
    stat : State
        Of the file when it was read, or before.
    digest : str or None
        SHA-256, hexadecimal; None for a file that could not be read, which is read again next time.
    found : Probe
    decoded : bool
        It was decoded whole.
    """
    notes = "\n".join(found.notes) or None
    size_bytes, mtime_ns, entry = stat
    return FileRow(
        name,
        size_bytes,
        mtime_ns,
        entry,
        digest,
        found.width_px,
        found.height_px,
        found.problem,
        notes,
        int(decoded),
    )


def _look(root: Path, name: str, *, decode: bool) -> FileRow:
    """Read one file once: size, time, hash, header, and the whole image if asked."""
    path = root / name
    stat = _stat(root, name)
    examine = verify if decode else probe
    digest: str | None = None
    try:
        if (stat.size or 0) <= _READ_WHOLE_BYTES:
            data = read_bytes(path)
            digest = hashlib.sha256(data).hexdigest()
            found = examine(data, suffix=path.suffix)
        else:
            with open_binary(path) as file:
                digest = _digest(file)
            found = examine(path)
    except OSError:
        found = probe(path)  # whose reason is worded for people
        if found.problem is None:
            found = Probe(problem="cannot be read")
    return row_of(name, stat, digest, found, decoded=decode)

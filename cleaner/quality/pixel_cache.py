"""Small grey images and measures on disk, found by the content of the file they were made from."""

import logging
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cleaner.errors import StoreError

logger = logging.getLogger(__name__)

_BUSY_TIMEOUT_S = 30.0
_AT_ONCE = 500  # hashes in one question; SQLite allows no more than 999 in its older versions
_TABLE = (
    "CREATE TABLE IF NOT EXISTS pixels (hash BLOB PRIMARY KEY, grey BLOB NOT NULL, measures BLOB NOT NULL)"
)


class PixelCache:
    """An SQLite file that can be deleted at any time; one that is damaged, or of another version, is emptied.

    Parameters
    ----------
    db : Path
    version : int
        Of the way in which the contents were made.
    side_px : int
        Side of the grey images.
    n_measures : int

    Raises
    ------
    StoreError
        The file cannot be opened or made.
    """

    def __init__(self, db: Path, *, version: int, side_px: int, n_measures: int) -> None:
        self.db = db
        self._version = version
        self._shape = (side_px, side_px)
        self._n_measures = n_measures
        with self._errors():
            db.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._connection = self._connect()
            except sqlite3.OperationalError:  # locked, no permission, disk full
                raise
            except sqlite3.DatabaseError as exc:
                logger.warning("%s is damaged (%s) and is made anew.", db, exc)
                db.unlink()
                self._connection = self._connect()
            self._known = {digest for (digest,) in self._connection.execute("SELECT hash FROM pixels")}

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __contains__(self, digest: str) -> bool:
        return bytes.fromhex(digest) in self._known

    def add(self, rows: Mapping[str, tuple[bytes, bytes]]) -> None:
        """Keep the grey image and the measures (float32, little-endian) of each hash."""
        listed = [(bytes.fromhex(digest), grey, values) for digest, (grey, values) in rows.items()]
        with self._errors(), self._connection:
            self._connection.executemany("INSERT OR REPLACE INTO pixels VALUES (?, ?, ?)", listed)
        self._known.update(digest for digest, _, _ in listed)

    def get(self, digests: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Look up contents, all of which must be there.

        Returns
        -------
        grey : uint8, shape (n, side_px, side_px)
            Read only; in a file that goes with it: of a million contents they take 4 GB, of which the system
            keeps in memory what there is room for.
        measures : float32, shape (n, n_measures)
        """
        shape = (len(digests), *self._shape)
        measures = np.empty((len(digests), self._n_measures), dtype=np.float32)
        if not len(digests):
            return np.empty(shape, dtype=np.uint8), measures
        # Written, not set in the map: a full disk is then an error, and not the end of the process.
        with self._errors(), tempfile.TemporaryFile(dir=self.db.parent) as file:
            for start in range(0, len(digests), _AT_ONCE):
                some = [bytes.fromhex(digest) for digest in digests[start : start + _AT_ONCE]]
                found = self._found(some)
                file.writelines(found[digest][0] for digest in some)
                values = b"".join(found[digest][1] for digest in some)
                measures[start : start + len(some)] = np.frombuffer(values, "<f4").reshape(len(some), -1)
            file.flush()
            return np.asarray(np.memmap(file, np.uint8, "r", shape=shape)), measures

    def _found(self, digests: Sequence[bytes]) -> dict[bytes, tuple[bytes, bytes]]:
        """Return the grey image and the measures of some contents."""
        marks = ",".join("?" * len(digests))
        rows = self._connection.execute(f"SELECT * FROM pixels WHERE hash IN ({marks})", digests)
        found = {digest: (pixels, values) for digest, pixels, values in rows}
        if any(digest not in found for digest in digests):
            msg = f"The small images in {self.db} were deleted while they were being made. Start again."
            raise StoreError(msg)
        return found

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.db, timeout=_BUSY_TIMEOUT_S)
        try:
            connection.execute("PRAGMA synchronous = NORMAL")
            with connection:
                if connection.execute("PRAGMA user_version").fetchone()[0] != self._version:
                    connection.execute("DROP TABLE IF EXISTS pixels")
                    connection.execute(f"PRAGMA user_version = {self._version:d}")
                connection.execute(_TABLE)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as exc:
            msg = (
                f"Cannot use {self.db}: {exc}. Check that the folder can be written to. This file can be "
                "deleted; it is made again when needed."
            )
            raise StoreError(msg) from exc

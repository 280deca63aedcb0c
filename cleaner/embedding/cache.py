"""Embeddings on disk, found by the content of the file they were computed from.

::

    STATE/embeddings/<key>/
      meta.json     dim, the version of decoding, and the key again for whoever looks
      vectors.f16   rows of dim little-endian float16
      digests.bin   rows of 32 bytes: the SHA-256 of the file behind each vector
      lock          held while rows are added

Rows are only ever added: first the vectors reach the disk, then the digests. What counts is the digests that
are there whole, so that a process that dies at any moment leaves at worst a tail of vectors that nobody
refers to and that the next writer overwrites. Several processes may read and write at once.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import DTypeLike, NDArray

from cleaner.errors import EmbeddingError
from cleaner.images.open import DECODING
from cleaner.util.atomic import write_atomically

DIGEST_BYTES = 32
LOCK_TIMEOUT_S = 60.0
LARGEST = float(np.finfo(np.float16).max)
_ASKED_FOR = 5_000  # contents that tell which of several caches knows the most


class Features(NamedTuple):
    """Under what a backbone's embeddings are kept, and their length: enough to read them without it."""

    key: str
    dim: int


class StoredVectors:
    """Embeddings that lie on the disk, read as they are asked for: of a million images they take 2.5 GB.

    Parameters
    ----------
    path : Path
        File of float16 rows.
    dim : int
        Length of a row.
    rows : int64, shape (n,)
        Which rows of the file these are.
    """

    dtype = np.dtype(np.float32)

    def __init__(self, path: Path, dim: int, rows: NDArray[np.int64]) -> None:
        self._path = path
        self._rows = rows
        self.shape = (len(rows), dim)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, which: int | slice | list[int] | NDArray[Any]) -> NDArray[np.float32]:
        """Return some rows as float32, chosen as in an array of shape `shape`.

        Raises
        ------
        EmbeddingError
            The file cannot be read any more.
        """
        rows = self._rows[which]
        if not rows.size:
            return np.empty((0, self.shape[1]), dtype=np.float32)
        with _disk_errors(self._path.parent):
            stored = np.memmap(self._path, dtype="<f2", mode="r").reshape(-1, self.shape[1])
            read = stored[rows].astype(np.float32)
            del stored  # Windows cannot replace or remove a file that is mapped
        return read

    def take(self, rows: NDArray[np.int64], axis: int = 0) -> StoredVectors:
        """Return others of the same rows, of which none is read; ``axis`` is 0, as for an array."""
        return StoredVectors(self._path, self.shape[1], self._rows[rows])

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """Return all of them."""
        return self[:].astype(dtype or np.float32, copy=False)


class EmbeddingCache:
    """The embeddings that one backbone with one preprocessing has computed.

    Parameters
    ----------
    root : Path
        Folder of all caches, one folder inside for each key.
    key : str
        Fingerprint of backbone, weights and preprocessing.
    dim : int
        Length of an embedding.

    Attributes
    ----------
    decoding : int
        The version of decoding (`cleaner.images.open.DECODING`) behind all that is in it.

    Raises
    ------
    EmbeddingError
        The folder cannot be used, or holds embeddings of another length under this key.
    """

    def __init__(self, root: Path, key: str, dim: int) -> None:
        self.folder = root / key
        self.dim = dim
        self._vectors_path = self.folder / "vectors.f16"
        self._digests_path = self.folder / "digests.bin"
        self._row_bytes = 2 * dim
        self._rows: dict[bytes, int] = {}
        self._n_read = 0
        with _disk_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            with self._locked():
                self._check_meta(key)
        self.refresh()

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, digest: str) -> bool:
        return bytes.fromhex(digest) in self._rows

    def refresh(self) -> None:
        """Take notice of what other processes have added."""
        with _disk_errors(self.folder):
            n_rows = self._n_whole()
            if n_rows < self._n_read:  # somebody emptied the folder
                self._rows, self._n_read = {}, 0
            if n_rows == self._n_read:
                return
            with self._digests_path.open("rb") as file:
                file.seek(self._n_read * DIGEST_BYTES)
                data = file.read((n_rows - self._n_read) * DIGEST_BYTES)
        for i in range(len(data) // DIGEST_BYTES):
            self._rows[data[i * DIGEST_BYTES : (i + 1) * DIGEST_BYTES]] = self._n_read + i
        self._n_read += len(data) // DIGEST_BYTES

    def get(self, digests: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Look up embeddings.

        Parameters
        ----------
        digests : sequence of str
            SHA-256 of the files, hexadecimal.

        Returns
        -------
        vectors : float32, shape (n, dim)
            Rows of zeros where there is none.
        found : bool, shape (n,)
        """
        stored, found = self.find(digests)
        vectors = np.zeros((len(found), self.dim), dtype=np.float32)
        vectors[found] = stored[:]
        return vectors, found

    def find(self, digests: Sequence[str]) -> tuple[StoredVectors, NDArray[np.bool_]]:
        """Look up embeddings without reading them.

        Parameters
        ----------
        digests : sequence of str
            SHA-256 of the files, hexadecimal.

        Returns
        -------
        vectors : StoredVectors
            Of those that are there.
        found : bool, shape (n,)
            Which are.
        """
        rows = np.array([self._rows.get(bytes.fromhex(digest), -1) for digest in digests], dtype=np.int64)
        found = rows >= 0
        return StoredVectors(self._vectors_path, self.dim, rows[found]), found

    def forget(self, digests: Iterable[str]) -> None:
        """Take embeddings for unknown, until others are appended in their place."""
        for digest in digests:
            self._rows.pop(bytes.fromhex(digest), None)

    def note_decoding(self) -> None:
        """Remember that all that counts in it comes of the present version of decoding."""
        with _disk_errors(self.folder), self._locked():
            self._write_meta(self.folder.name)
        self.decoding = DECODING

    def append(self, digests: Sequence[str], vectors: NDArray[np.floating]) -> None:
        """Add embeddings, and return once they are on the disk; known ones are passed over.

        Parameters
        ----------
        digests : sequence of str
            SHA-256 of the files, hexadecimal.
        vectors : float array, shape (n, dim)
            Kept as float16; what is larger than float16 can hold is clipped.

        Raises
        ------
        EmbeddingError
            Wrong shape, values that are no numbers, or the disk refuses.
        """
        vectors = np.asarray(vectors)
        if vectors.shape != (len(digests), self.dim):
            msg = f"Got embeddings of shape {vectors.shape}; expected ({len(digests)}, {self.dim})."
            raise EmbeddingError(msg)
        if not np.isfinite(vectors).all():
            n_bad = int((~np.isfinite(vectors).all(axis=1)).sum())
            msg = (
                f"The network gave values that are not numbers for {n_bad} of {len(digests)} images. "
                "Its weights are damaged, or belong to another network. Give another weights file."
            )
            raise EmbeddingError(msg)
        with _disk_errors(self.folder), self._locked():
            self.refresh()
            new = {bytes.fromhex(digest): i for i, digest in enumerate(digests)}
            new = {digest: i for digest, i in new.items() if digest not in self._rows}
            rows = np.clip(vectors[list(new.values())], -LARGEST, LARGEST).astype("<f2")
            n_rows = self._n_whole()
            if _size(self._digests_path) > n_rows * DIGEST_BYTES:
                # Half a digest, or digests whose vectors are lost: the new vectors are not theirs.
                os.truncate(self._digests_path, n_rows * DIGEST_BYTES)
            _write_at(self._vectors_path, n_rows * self._row_bytes, rows.tobytes())
            _write_at(self._digests_path, n_rows * DIGEST_BYTES, b"".join(new))
        self.refresh()

    def _n_whole(self) -> int:
        """Count the rows whose vector and digest are both there."""
        n_digests = _size(self._digests_path) // DIGEST_BYTES
        return min(n_digests, _size(self._vectors_path) // self._row_bytes)

    def _check_meta(self, key: str) -> None:
        path = self.folder / "meta.json"
        if not path.exists():
            self._write_meta(key)
        meta = json.loads(path.read_text(encoding="utf-8"))
        dim, self.decoding = meta["dim"], int(meta.get("decoding", 1))
        if dim != self.dim:
            msg = f"{self.folder} holds embeddings of length {dim}, not {self.dim}. Delete this folder."
            raise EmbeddingError(msg)

    def _write_meta(self, key: str) -> None:
        meta = {"key": key, "dim": self.dim, "decoding": DECODING}
        write_atomically(self.folder / "meta.json", json.dumps(meta).encode())

    def _locked(self) -> FileLock:
        return FileLock(self.folder / "lock", timeout=LOCK_TIMEOUT_S)


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except Timeout as exc:
        msg = f"Another process has been writing to {folder} for a minute. Wait for it, or stop it."
        raise EmbeddingError(msg) from exc
    except (OSError, ValueError, KeyError, IndexError) as exc:
        msg = (
            f"The embeddings in {folder} cannot be read or written: {exc}. Check the disk. This folder can "
            "be deleted; it is made again when needed."
        )
        raise EmbeddingError(msg) from exc


def last_embeddings(folder: Path, digests: Iterable[str]) -> EmbeddingCache | None:
    """Open the embeddings that know the most of some contents, the last ones if several do; None: no cache.

    So one that another network has only begun to fill is passed over.

    Parameters
    ----------
    folder : Path
        Of all caches, ``STATE/embeddings``.
    digests : iterable of str
        SHA-256 of the files that are to be compared, hexadecimal.

    Raises
    ------
    EmbeddingError
        They cannot be read.
    """
    filled = [path for path in folder.glob("*/digests.bin") if (path.parent / "meta.json").is_file()]
    listed = list(digests)
    wanted, best, most = set(listed[:: max(1, len(listed) // _ASKED_FOR)]), None, -1
    for path in sorted(filled, key=lambda path: path.stat().st_mtime_ns, reverse=True):
        try:
            dim = int(json.loads((path.parent / "meta.json").read_text(encoding="utf-8"))["dim"])
        except (ValueError, KeyError, TypeError):
            continue  # being made at this moment; no entry can be compared yet
        cache = EmbeddingCache(folder, path.parent.name, dim)
        known = sum(digest in cache for digest in wanted)
        if known > most:
            best, most = cache, known
    return best


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _write_at(path: Path, offset: int, data: bytes) -> None:
    """Write in place and wait for the disk; never shortens the file, which others may have mapped."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
    with os.fdopen(descriptor, "r+b") as file:
        file.seek(offset)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())

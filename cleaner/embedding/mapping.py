"""Embedding as a function of names that is mapped over processes, on this machine or on others.

Workers read files, hash them, decode them and compute their features, all from one reading of each file;
they write nothing. Whoever maps them writes what comes back, in whatever order it does: the features into
the cache, the contents into the file index. So a worker that is lost has lost nothing that is not simply
computed again, and what a stopped run has written is where the next one goes on.
"""

from __future__ import annotations

import hashlib
import socket
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cleaner.dataset.file_index import FileIndex, row_of
from cleaner.dataset.storage import Storage
from cleaner.embedding.cache import EmbeddingCache
from cleaner.embedding.pipeline import FLUSH_EVERY_S, Batch, embed_batch, threads
from cleaner.errors import EmbeddingError
from cleaner.images.archives import State
from cleaner.images.open import DECODING, Probe, probe
from cleaner.util.progress import SILENT, Reporter, Stage
from cleaner.version import __version__

if TYPE_CHECKING:
    from cleaner.models.backbones import Backbone

PORTION = 256
"""Files that a worker gets at once."""

# Threads that read, for each that computes: a web service takes as long to answer as a core for some images.
_READERS = 4


@dataclass(frozen=True)
class Work:
    """What workers have to know; it is sent to them.

    Attributes
    ----------
    storage : Storage
    backbone : Backbone
    images : int
        How many there are for each worker, about.
    version : str
        Of cleaner, where the work was planned.
    """

    storage: Storage
    backbone: Backbone
    images: int
    version: str = __version__


@dataclass(frozen=True, kw_only=True)
class Portion:
    """What a worker has found out about some files.

    Attributes
    ----------
    contents : dict of str to (str, Probe)
        By name, SHA-256 and what is known of the image; without the files that could not be read.
    unread : dict of str to str
        By name, why a file could not be read now.
    digests : list of str
        The contents that were embedded.
    vectors : float32, shape (len(digests), dim)
    refusal : str or None
        Why this worker cannot work at all.
    """

    contents: dict[str, tuple[str, Probe]] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    digests: list[str] = field(default_factory=list)
    vectors: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), np.float32))
    refusal: str | None = None


Engine = Callable[[Work, Sequence[str]], Generator[Portion]]
"""Maps a `Worker` over names, somewhere; gives what the workers give, in any order."""


@dataclass(frozen=True)
class _Read:
    """A file that was read; what `embed_batch` takes."""

    name: str
    digest: str
    found: Probe
    data: bytes

    def read(self) -> bytes:
        return self.data


class Worker:
    """Embeds files by name, in one process, with as many threads as torch may use.

    Parameters
    ----------
    work : Work
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._open = ExitStack()
        self._refusal = work.storage.why_not()
        if work.version != __version__:
            self._refusal = (
                f"{socket.gethostname()} has version {__version__} of cleaner, not {work.version}. "
                "Install the same version on all machines."
            )
        if self._refusal is None:
            entered = self._open.enter_context(threads(work.backbone, work.images))
            self._pool, self._n_threads, self._batch_size, self._forward = entered
            readers = ThreadPoolExecutor(_READERS * self._n_threads, "reading")
            self._readers = self._open.enter_context(readers)

    def close(self) -> None:
        """End the threads."""
        self._open.close()

    def __call__(self, names: Sequence[str]) -> Portion:
        """Read and embed some files."""
        if self._refusal is not None:
            return Portion(refusal=self._refusal)
        seen: list[tuple[str, str, Probe]] = []
        unread: dict[str, str] = {}
        done: list[Batch] = []
        computing: deque[Future[Batch]] = deque()
        preprocess = self._work.backbone.preprocess
        for files, failed in self._read_ahead(names):
            seen += [(file.name, file.digest, file.found) for file in files]
            unread |= failed
            usable = [file for file in files if file.found.problem is None]
            computing.append(self._pool.submit(embed_batch, usable, preprocess, self._forward))
            if len(computing) > 2 * self._n_threads:  # what was read waits in memory
                done.append(computing.popleft().result())
        done += [future.result() for future in computing]
        broken = {digest: Probe(problem=str(why)) for batch in done for digest, why in batch.failed.items()}
        return Portion(
            contents={name: (digest, broken.get(digest, found)) for name, digest, found in seen},
            unread=unread,
            digests=[digest for batch in done for digest in batch.digests],
            vectors=np.concatenate([batch.vectors for batch in done]),
        )

    def _read_ahead(self, names: Sequence[str]) -> Iterator[tuple[list[_Read], dict[str, str]]]:
        """Yield the files of each batch, while others are being read."""
        reading: deque[Future[tuple[list[_Read], dict[str, str]]]] = deque()
        for start in range(0, len(names), self._batch_size):
            reading.append(self._readers.submit(self._read, names[start : start + self._batch_size]))
            if len(reading) > _READERS * self._n_threads:
                yield reading.popleft().result()
        while reading:
            yield reading.popleft().result()

    def _read(self, names: Sequence[str]) -> tuple[list[_Read], dict[str, str]]:
        """Read files; return with them why others could not be read, by name."""
        files: list[_Read] = []
        failed: dict[str, str] = {}
        for name in names:
            try:
                data = self._work.storage.read(name)
            except OSError as exc:
                failed[name] = f"cannot be read: {exc.strerror or exc}"
                continue
            found = probe(data, suffix=Path(name).suffix)
            files.append(_Read(name, hashlib.sha256(data).hexdigest(), found, data))
        return files, failed


def here(work: Work, names: Sequence[str]) -> Generator[Portion]:
    """Map over the threads of this process."""
    with closing(Worker(work)) as worker:
        for start in range(0, len(names), PORTION):
            yield worker(names[start : start + PORTION])


@dataclass(frozen=True, kw_only=True)
class Mapped:
    """What became of the files of a set.

    Attributes
    ----------
    computed : int
        Files that were read and embedded now.
    kept : int
        Files whose features were there already, or that are known not to be usable.
    problems : dict of str to str
        By name, why a file cannot be used.
    unread : dict of str to str
        By name, why a file could not be read now. It is tried again next time.
    """

    computed: int
    kept: int
    problems: dict[str, str]
    unread: dict[str, str]


def embed_files(
    storage: Storage,
    states: Mapping[str, State],
    backbone: Backbone,
    *,
    index: FileIndex,
    cache_root: Path,
    engine: Engine = here,
    stage: Stage = Stage.EMBED,
    reporter: Reporter = SILENT,
) -> Mapped:
    """Compute the features that are not in the cache yet, and get to know the files on the way.

    Stopped at any moment, the next call goes on where this one was. What is not known yet is read once, and
    embedded even if it is a copy of another file; in the cache, each content is once.

    Parameters
    ----------
    storage : Storage
    states : mapping of str to State
        The files by name, as they were before this.
    backbone : Backbone
    index : FileIndex
        Knows the contents of files, and gets to know more.
    cache_root : Path
        Folder of the caches, ``STATE/embeddings``.
    engine : Engine
        Where to compute.
    stage : Stage
        What the reporter hears that this is.
    reporter : Reporter
        Hears of every portion, and is asked after it whether to stop.

    Raises
    ------
    Cancelled
        The reporter asked to stop; what was computed is kept.
    EmbeddingError
        The cache cannot be used, a worker cannot work, or the backbone gives values that are no numbers.
    """
    cache = EmbeddingCache(cache_root, backbone.key, backbone.feature_dim)
    todo, outdated = _plan(states, index, cache)
    keeper = _Keeper(states, index, cache)
    kept = len(states) - len(todo)
    reporter(stage, kept, len(states))
    if todo:
        work = Work(storage, backbone, len(todo))
        with closing(keeper), closing(engine(work, todo)) as portions:
            for portion in portions:
                keeper.take(portion)
                reporter(stage, kept + keeper.taken, len(states))
                reporter.check()
    if outdated:
        cache.note_decoding()
    problems = {name: why for name, why in index.problems().items() if name in states}
    computed = len(todo) - len(keeper.unread)
    return Mapped(computed=computed, kept=kept, problems=problems, unread=keeper.unread)


def _plan(states: Mapping[str, State], index: FileIndex, cache: EmbeddingCache) -> tuple[list[str], bool]:
    """Return the files to embed, and whether the cache is of an earlier version of decoding."""
    changed = set(index.changed(states.items()).names)
    hashes, problems = index.hashes(), index.problems()
    outdated = cache.decoding != DECODING
    if (
        outdated
    ):  # which of them come out otherwise now, only their headers tell; such a cache is old and small
        cache.forget(hashes[name] for name in states if name in hashes)
    todo: list[str] = []
    planned: set[str] = set()
    for name in states:
        if name not in changed:
            digest = hashes[name]
            if name in problems or digest in planned or digest in cache:
                continue
            planned.add(digest)
        todo.append(name)
    return todo, outdated


class _Keeper:
    """Writes down what workers find out, every few seconds and when it is closed."""

    def __init__(self, states: Mapping[str, State], index: FileIndex, cache: EmbeddingCache) -> None:
        self._states, self._index, self._cache = states, index, cache
        self._waiting: list[Portion] = []
        self._written_s = time.monotonic()
        self.taken = 0
        self.unread: dict[str, str] = {}

    def take(self, portion: Portion) -> None:
        """Take what a worker has found out; raises `EmbeddingError` if that is that it cannot work."""
        if portion.refusal is not None:
            raise EmbeddingError(portion.refusal)
        self._waiting.append(portion)
        self.taken += len(portion.contents) + len(portion.unread)
        self.unread |= portion.unread
        if time.monotonic() - self._written_s > FLUSH_EVERY_S:
            self.close()

    def close(self) -> None:
        """Write what waits: the features first, so that no file is known whose features are lost."""
        portions, self._waiting = self._waiting, []
        if portions:
            digests = [digest for portion in portions for digest in portion.digests]
            self._cache.append(digests, np.concatenate([portion.vectors for portion in portions]))
            self._index.note(
                row_of(name, self._states[name], digest, found)
                for portion in portions
                for name, (digest, found) in portion.contents.items()
            )
        self._written_s = time.monotonic()

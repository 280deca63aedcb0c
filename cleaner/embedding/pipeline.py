"""From files to embeddings: decode, shrink, forward, keep.

Every worker thread takes a batch of files through all steps, with one torch thread of its own: Pillow and
torch let go of the interpreter while they compute, so the threads fill the cores, and no queue, second
process or copy lies between decoding and the network. On two cores this takes no more processor time than
decoder threads in front of a network that has one or two torch threads, and it grows with the cores, where
one small batch spread over many torch threads does not.

A GPU is driven by one thread only, to which the workers hand what they have decoded: cuDNN plans every
convolution anew in every thread, which for sixteen of them took longer than the images themselves.
"""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from cleaner.dataset.catalog import Catalog
from cleaner.dataset.contents import KnownFile, PassingError, known_files
from cleaner.dataset.file_index import FileIndex
from cleaner.embedding.cache import EmbeddingCache, Features, StoredVectors
from cleaner.errors import EmbeddingError, ImageError
from cleaner.images.open import DECODING, is_decoded_otherwise
from cleaner.util.progress import SILENT, Reporter, Stage

if TYPE_CHECKING:
    from cleaner.models.backbones import Backbone, Preprocess

logger = logging.getLogger(__name__)

FLUSH_EVERY_S = 3.0

Forward = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""Shrunken images to features; see `cleaner.models.inference.Encoder`."""


@dataclass(frozen=True, kw_only=True)
class Embeddings:
    """The embeddings of a catalog's usable images.

    Attributes
    ----------
    names : list of str
        In the catalog's order.
    vectors : float32, shape (n, dim)
        The backbone's pooled output, with the precision of float16; an array, or read as it is asked for.
    hashes : list of str
        SHA-256 of the files, hexadecimal; exact copies have the same.
    key : str
        Fingerprint of backbone, weights and preprocessing.
    problems : dict of str to str
        Name → reason, for the images that could not be read.
    """

    names: list[str]
    vectors: NDArray[np.float32] | StoredVectors
    hashes: list[str]
    key: str
    problems: dict[str, str] = field(default_factory=dict)


class Content(Protocol):
    """What can be embedded: bytes, and what they hash to."""

    @property
    def digest(self) -> str:
        """SHA-256, hexadecimal."""

    def read(self) -> bytes:
        """Return the bytes; raises `ImageError` if they cannot be had."""


@dataclass(frozen=True)
class Parts:
    """Which images are embedded before all others, and who hears of it.

    Attributes
    ----------
    names : sequence of sequence of str
        Part by part.
    on_part : callable
        Called when a part is embedded and more is to come, with the embeddings so far, and the seconds that
        the rest will take (infinite: not known). Meanwhile little is embedded.
    """

    names: Sequence[Sequence[str]]
    on_part: Callable[[Embeddings, float], None]


@dataclass(frozen=True)
class Batch:
    """What became of some files."""

    digests: list[str]
    vectors: NDArray[np.float32]
    failed: dict[str, ImageError]  # digest → why


def embed(
    catalog: Catalog,
    backbone: Backbone,
    *,
    index: FileIndex,
    cache_root: Path,
    stage: Stage = Stage.EMBED,
    parts: Parts | None = None,
    reporter: Reporter = SILENT,
) -> Embeddings:
    """Compute the embeddings that are not in the cache yet, and return those of all usable images.

    Stopped at any moment, the next call goes on where this one was. Each content is embedded once, however
    many copies there are of it, and a file that was only moved is not embedded again.

    Parameters
    ----------
    catalog : Catalog
    backbone : Backbone
    index : FileIndex
        Knows the content of each file, and gets to know which cannot be read.
    cache_root : Path
        Folder of the caches, ``STATE/embeddings``.
    stage : Stage
        What the reporter hears that this is.
    parts : Parts, optional
        Default: the images are embedded as they come in the catalog.
    reporter : Reporter
        Hears of every batch, and is asked before every batch whether to stop.

    Raises
    ------
    CatalogError
        The catalog has no folder.
    Cancelled
        The reporter asked to stop; what was computed is kept.
    EmbeddingError
        The cache cannot be used, or the backbone gives values that are no numbers.
    """
    files, problems = known_files(catalog, index, reporter=reporter)
    hashes = {name: file.digest for name, file in files.items()}
    cache = EmbeddingCache(cache_root, backbone.key, backbone.feature_dim)
    contents = {file.digest: file for file in files.values()}
    outdated = cache.decoding != DECODING
    if outdated:
        cache.forget(digest for digest, file in contents.items() if is_decoded_otherwise(file.path))
    todo, ends = _planned(files, () if parts is None else parts.names, cache)

    def on_part(seconds_left: float) -> None:
        assert parts is not None  # without any, there is no end of one
        parts.on_part(_in_cache(catalog, cache, hashes, problems)[0], seconds_left)

    reporter(stage, len(contents) - len(todo), len(contents))
    if todo:
        pauses = _Pauses(ends, len(todo), on_part)
        failed = _run(todo, backbone, cache, stage, reporter, total=len(contents), pauses=pauses)
        errors = {name: failed[digest] for name, digest in hashes.items() if digest in failed}
        problems |= {name: str(error) for name, error in errors.items()}
        # Passing ones may be well again next time.
        lasting = {name: str(error) for name, error in errors.items() if not isinstance(error, PassingError)}
        index.set_problems(lasting)
    if outdated:
        cache.note_decoding()
    found, whole = _in_cache(catalog, cache, hashes, problems)
    if not whole:
        msg = f"The embeddings in {cache.folder} were deleted while they were being computed. Start again."
        raise EmbeddingError(msg)
    return found


def kept_embeddings(
    catalog: Catalog, features: Features, *, index: FileIndex, cache_root: Path, reporter: Reporter = SILENT
) -> Embeddings | None:
    """Return the embeddings of all usable images if all are in the cache; needs neither backbone nor torch.

    Parameters
    ----------
    catalog : Catalog
    features : Features
        Of the backbone.
    index, cache_root, reporter
        See `embed`, which raises the same.

    Returns
    -------
    Embeddings or None
        None: something has to be computed.
    """
    files, problems = known_files(catalog, index, reporter=reporter)
    cache = EmbeddingCache(cache_root, features.key, features.dim)
    if cache.decoding != DECODING:
        return None
    hashes = {name: file.digest for name, file in files.items()}
    found, whole = _in_cache(catalog, cache, hashes, problems)
    return found if whole else None


def _in_cache(
    catalog: Catalog, cache: EmbeddingCache, hashes: Mapping[str, str], problems: dict[str, str]
) -> tuple[Embeddings, bool]:
    """Return what is embedded of the images that have a content and no problem, and whether that is all."""
    usable = [name for name in map(str, catalog.names) if name in hashes and name not in problems]
    kept = [hashes[name] for name in usable]
    vectors, there = cache.find(kept)
    whole = bool(there.all())
    if not whole:
        usable, kept = ([each[i] for i in np.flatnonzero(there)] for each in (usable, kept))
    found = Embeddings(names=usable, vectors=vectors, hashes=kept, key=cache.folder.name, problems=problems)
    return found, whole


def _planned(
    files: Mapping[str, KnownFile], parts: Sequence[Sequence[str]], cache: EmbeddingCache
) -> tuple[list[KnownFile], list[int]]:
    """Return the files to embed, those of the parts first, and how many it is up to the end of each part."""
    left = {file.digest: file for file in files.values() if file.digest not in cache}
    todo: list[KnownFile] = []
    ends = []
    for part in parts:
        digests = [files[name].digest for name in part if name in files]
        todo += [left.pop(digest) for digest in digests if digest in left]
        ends.append(len(todo))
    return [*todo, *left.values()], ends


class _Pauses:
    """Tells of every part of the files that is embedded, but the last.

    Parameters
    ----------
    ends : sequence of int
        How many files it is up to the end of each part.
    total : int
        How many there are.
    on_part : callable
        Called with the seconds that the rest will take.
    """

    def __init__(self, ends: Sequence[int], total: int, on_part: Callable[[float], None]) -> None:
        self._ends = deque(sorted({end for end in ends if end < total}))
        self._total = total
        self._on_part = on_part
        self._started_s = time.monotonic()

    def are_due(self, done: int) -> bool:
        """Tell whether a part has ended with so many files."""
        return bool(self._ends) and done >= self._ends[0]

    def take(self, done: int) -> None:
        """Tell of the parts that have ended."""
        while self.are_due(done):
            self._ends.popleft()
        each_s = (time.monotonic() - self._started_s) / done if done else math.inf
        self._on_part((self._total - done) * each_s)


def _run(
    files: Sequence[KnownFile],
    backbone: Backbone,
    cache: EmbeddingCache,
    stage: Stage,
    reporter: Reporter,
    *,
    total: int,
    pauses: _Pauses,
) -> dict[str, ImageError]:
    """Embed files into the cache; returns digest → error, for those that cannot be read."""
    failed: dict[str, ImageError] = {}
    waiting: list[Batch] = []
    pending: deque[Future[Batch]] = deque()
    before = done = total - len(files)
    flushed_s = time.monotonic()

    def flush() -> None:
        nonlocal flushed_s
        digests = [digest for batch in waiting for digest in batch.digests]
        vectors = [batch.vectors for batch in waiting]
        waiting.clear()
        if digests:
            cache.append(digests, np.concatenate(vectors))
        flushed_s = time.monotonic()

    def take() -> None:
        nonlocal done
        batch = pending.popleft().result()
        failed.update(batch.failed)
        waiting.append(batch)
        if time.monotonic() - flushed_s > FLUSH_EVERY_S:
            flush()
        done += len(batch.digests) + len(batch.failed)
        reporter(stage, done, total)
        pause()

    def pause() -> None:
        if pauses.are_due(done - before):
            flush()
            pauses.take(done - before)

    with threads(backbone, len(files)) as (pool, n_workers, batch_size, forward):
        try:
            pause()  # for what was embedded before
            for start in range(0, len(files), batch_size):
                reporter.check()
                batch = files[start : start + batch_size]
                pending.append(pool.submit(embed_batch, batch, backbone.preprocess, forward))
                if len(pending) > 2 * n_workers:
                    take()
            while pending:
                take()
        finally:
            for future in pending:
                future.cancel()
            flush()
    return failed


def embed_batch(files: Sequence[Content], preprocess: Preprocess, forward: Forward) -> Batch:
    """Decode files, and compute the features of those that can be decoded."""
    digests: list[str] = []
    pictures: list[NDArray[np.uint8]] = []
    failed: dict[str, ImageError] = {}
    for file in files:
        try:
            pictures.append(preprocess.read(file.read()))
            digests.append(file.digest)
        except ImageError as exc:
            failed[file.digest] = exc
    size_px = preprocess.size_px
    stacked = np.stack(pictures) if pictures else np.empty((0, size_px, size_px, 3), np.uint8)
    return Batch(digests, forward(stacked), failed)


@contextmanager
def threads(backbone: Backbone, images: int) -> Iterator[tuple[ThreadPoolExecutor, int, int, Forward]]:
    """Give as many workers as torch may use threads, each of them with one, and their way to the network.

    Yields
    ------
    pool : ThreadPoolExecutor
    n_workers, batch_size : int
    forward : callable
    """
    import torch  # 2 to 4 s, which a page that only reads has not

    from cleaner.models.inference import Encoder

    n_workers = torch.get_num_threads()
    # Both are needed: new threads take over the number set last, but oneDNN asks OpenMP in each of them.
    torch.set_num_threads(1)
    pool = ThreadPoolExecutor(n_workers, "embedding", initializer=torch.set_num_threads, initargs=(1,))
    driver = ThreadPoolExecutor(1, "embedding-gpu")  # starts its thread when it gets work
    on_gpu = backbone.device.type == "cuda"

    def drive(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        return driver.submit(encoder, pictures).result()

    try:
        with driver, pool:  # the workers end first: they wait for the driver
            if on_gpu:
                encoder = driver.submit(Encoder, backbone).result()
            else:
                encoder = Encoder(backbone, images=images, threads=n_workers)
            yield pool, n_workers, encoder.batch_size, drive if on_gpu else encoder
    finally:
        torch.set_num_threads(n_workers)

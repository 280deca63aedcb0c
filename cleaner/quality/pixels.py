"""What duplicates and picture problems are found by: a small grey picture and a few measures.

Each content is decoded once, however many files hold it, and remembered by its hash in ``pixels.db`` of the
state folder (5 kB each), so that a second look reads no pictures, and one that was stopped goes on.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cleaner.errors import CatalogError, ImageError
from cleaner.images.open import open_image
from cleaner.quality.measures import MEASURES, WORKING_SIDE_PX, measure
from cleaner.quality.pixel_cache import PixelCache
from cleaner.util.progress import SILENT, Reporter, Stage

if TYPE_CHECKING:
    from cleaner.dataset.catalog import Catalog
    from cleaner.dataset.file_index import FileIndex

GREY_SIDE_PX = 64
"""Side of the small grey picture. At 32 px different pictures of one kind come as close as copies do."""


_VERSION = 1  # raise it when pictures are shrunk or measured differently: all are then looked at anew
_BATCH = 256
_CHANGED = "changed while it was being read; open the data set again"


@dataclass(frozen=True, kw_only=True)
class Pixels:
    """What is known of the usable images of a catalog.

    Attributes
    ----------
    names : list of str
        In the catalog's order.
    hashes : list of str
        SHA-256 of the files, hexadecimal; exact copies have the same.
    widths, heights : int64, shape (n,)
        Size in pixels, as shown.
    contents : list of str
        The different hashes, sorted.
    grey : uint8, shape (len(contents), 64, 64)
        Each content squeezed into a square, in grey.
    measures : dict of str to float32, shape (len(contents),)
        See `cleaner.quality.measures.MEASURES`.
    problems : dict of str to str
        Name → reason, for the images that could not be read.
    """

    names: list[str]
    hashes: list[str]
    widths: NDArray[np.int64]
    heights: NDArray[np.int64]
    contents: list[str]
    grey: NDArray[np.uint8]
    measures: dict[str, NDArray[np.float32]]
    problems: dict[str, str] = field(default_factory=dict)

    @property
    def rows(self) -> NDArray[np.int64]:
        """Row of ``grey`` and ``measures`` of each image, shape (n,)."""
        at = {content: row for row, content in enumerate(self.contents)}
        return np.array([at[digest] for digest in self.hashes], dtype=np.int64)


@dataclass(frozen=True)
class _File:
    """One file to look at, and the state in which it was hashed."""

    name: str
    path: Path
    digest: str
    state: tuple[int, int]  # size and time of change


@dataclass(frozen=True)
class _Failed:
    """Why nothing is known of a content."""

    digest: str
    reason: str
    passing: bool  # it may be well again next time


def read_pixels(catalog: Catalog, *, index: FileIndex, db: Path, reporter: Reporter = SILENT) -> Pixels:
    """Look at the contents that are not in the cache yet, and return what is known of all usable images.

    Parameters
    ----------
    catalog : Catalog
    index : FileIndex
        Knows the content of each file, and gets to know which cannot be read.
    db : Path
        The cache, ``STATE/pixels.db``; it can be deleted at any time.
    reporter : Reporter
        Hears of every batch, and is asked before every batch whether to stop.

    Raises
    ------
    CatalogError
        The catalog has no folder.
    Cancelled
        The reporter asked to stop; what was seen is kept.
    StoreError
        The cache cannot be read or written.
    """
    if catalog.root is None:
        msg = "This catalog has no root, so its images cannot be read; make it with root=."
        raise CatalogError(msg)
    names = [str(name) for name in catalog.names]
    index.scan(catalog.root, names, reporter=reporter)
    files, sizes, problems = _known(catalog, index)
    of_content: defaultdict[str, list[_File]] = defaultdict(list)
    for file in files:
        of_content[file.digest].append(file)
    with PixelCache(db, version=_VERSION, side_px=GREY_SIDE_PX, n_measures=len(MEASURES)) as cache:
        todo = [same[0] for digest, same in of_content.items() if digest not in cache]
        for failed in _look_at(todo, cache, reporter):
            found = {file.name: failed.reason for file in of_content.pop(failed.digest)}
            problems |= found
            if not failed.passing:
                index.set_problems(found)
        contents = sorted(of_content)
        grey, measures = cache.get(contents)
    usable = [file for file in files if file.name not in problems]
    return Pixels(
        names=[file.name for file in usable],
        hashes=[file.digest for file in usable],
        widths=np.array([sizes[file.name][0] for file in usable], dtype=np.int64),
        heights=np.array([sizes[file.name][1] for file in usable], dtype=np.int64),
        contents=contents,
        grey=grey,
        measures={measure: measures[:, c] for c, measure in enumerate(MEASURES)},
        problems=problems,
    )


def _known(
    catalog: Catalog, index: FileIndex
) -> tuple[list[_File], dict[str, tuple[int, int]], dict[str, str]]:
    """Look up what the index knows: usable files, their sizes in pixels, and the reasons of the others."""
    table = index.table()
    columns = ("name", "hash", "size", "mtime_ns", "width", "height", "problem")
    wanted = {str(name) for name in catalog.names}
    files: list[_File] = []
    sizes: dict[str, tuple[int, int]] = {}
    problems: dict[str, str] = {}
    for name, digest, size, mtime_ns, width, height, problem in zip(
        *(table[column] for column in columns), strict=True
    ):
        if name not in wanted:
            continue
        if problem is None and digest is not None:
            files.append(_File(name, catalog.path(name), digest, (size, mtime_ns)))
            sizes[name] = (int(width), int(height))
        else:
            problems[name] = problem or "cannot be read"
    return files, sizes, problems


def _look_at(files: Sequence[_File], cache: PixelCache, reporter: Reporter) -> Iterator[_Failed]:
    """Look at files several at a time and keep what is seen, a batch at a time; yield the failures."""
    pool = ThreadPoolExecutor(min(8, (os.cpu_count() or 1) + 1), "pixels")
    reporter(Stage.PIXELS, 0, len(files))
    try:
        for start in range(0, len(files), _BATCH):
            reporter.check()
            batch = files[start : start + _BATCH]
            seen = list(zip(batch, pool.map(_look, batch), strict=True))
            cache.add({file.digest: one for file, one in seen if not isinstance(one, _Failed)})
            reporter(Stage.PIXELS, start + len(batch), len(files))
            yield from (one for _, one in seen if isinstance(one, _Failed))
    finally:
        pool.shutdown(cancel_futures=True)


def _look(file: _File) -> tuple[bytes, bytes] | _Failed:
    """Return the grey picture and the measures of a file, as bytes."""
    try:
        data = file.path.read_bytes()
        stat = file.path.stat()
    except OSError as exc:  # the file is gone, or the drive is
        return _Failed(file.digest, f"cannot be read: {exc.strerror or exc}", passing=True)
    if (stat.st_size, stat.st_mtime_ns) != file.state:
        return _Failed(file.digest, _CHANGED, passing=True)  # what is seen is not what was hashed
    try:
        picture = open_image(data, max_side_px=WORKING_SIDE_PX)
    except ImageError as exc:
        return _Failed(file.digest, str(exc), passing=False)
    side = (GREY_SIDE_PX, GREY_SIDE_PX)
    grey = picture.convert("L").resize(side, Image.Resampling.BILINEAR)
    measured = measure(picture)
    values = np.array([measured[name] for name in MEASURES], dtype="<f4")
    return grey.tobytes(), values.tobytes()

"""What duplicates and image problems are found by: a small grey image and a few measures.

Each content is decoded once, however many files hold it, and remembered by its hash in ``pixels.db`` of the
state folder (5 kB each), so that a second look reads no images, and one that was stopped goes on.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cleaner.dataset.catalog import Catalog
from cleaner.dataset.contents import KnownFile, PassingError, known_files
from cleaner.dataset.file_index import FileIndex
from cleaner.errors import ImageError
from cleaner.images.open import open_image
from cleaner.quality.measures import MEASURES, WORKING_SIDE_PX, measure
from cleaner.quality.pixel_cache import PixelCache
from cleaner.util.progress import SILENT, Reporter, Stage

GREY_SIDE_PX = 64
"""Side of the small grey image. At 32 px different images of one kind come as close as copies do."""


_VERSION = 1  # raise it when images are shrunk or measured differently: all are then looked at anew
_BATCH = 256


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
    files, problems = known_files(catalog, index, reporter=reporter)
    of_content: defaultdict[str, list[KnownFile]] = defaultdict(list)
    for file in files.values():
        of_content[file.digest].append(file)
    cache = PixelCache(db, version=_VERSION, side_px=GREY_SIDE_PX, n_measures=len(MEASURES))
    with closing(cache):
        todo = [same[0] for digest, same in of_content.items() if digest not in cache]
        for failed in _look_at(todo, cache, reporter):
            found = {file.name: failed.reason for file in of_content.pop(failed.digest)}
            problems |= found
            if not failed.passing:
                index.set_problems(found)
        contents = sorted(of_content)
        grey, measures = cache.get(contents)
    usable = [file for file in files.values() if file.name not in problems]
    return Pixels(
        names=[file.name for file in usable],
        hashes=[file.digest for file in usable],
        widths=np.array([file.width_px for file in usable], dtype=np.int64),
        heights=np.array([file.height_px for file in usable], dtype=np.int64),
        contents=contents,
        grey=grey,
        measures={measure: measures[:, c] for c, measure in enumerate(MEASURES)},
        problems=problems,
    )


def _look_at(files: Sequence[KnownFile], cache: PixelCache, reporter: Reporter) -> Iterator[_Failed]:
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


def _look(file: KnownFile) -> tuple[bytes, bytes] | _Failed:
    """Return the grey image and the measures of a file, as bytes."""
    try:
        picture = open_image(file.read(), max_side_px=WORKING_SIDE_PX)
    except ImageError as exc:
        return _Failed(file.digest, str(exc), passing=isinstance(exc, PassingError))
    side = (GREY_SIDE_PX, GREY_SIDE_PX)
    grey = picture.convert("L").resize(side, Image.Resampling.BILINEAR)
    measured = measure(picture)
    values = np.array([measured[name] for name in MEASURES], dtype="<f4")
    return grey.tobytes(), values.tobytes()

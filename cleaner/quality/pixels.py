"""What duplicates and image problems are found by: a small grey image and a few measures.

Each content is decoded once, however many files hold it, and remembered by its hash in ``pixels.db`` of the
state folder (5 kB each), so that a second look reads no images, and one that was stopped goes on.

All is measured on the image as `open_image` gives it, its longer side at most 256 pixels: how an image looks
as a whole, whatever the camera's resolution. `cleaner.quality.problems` makes scores of it.
"""

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from cleaner.dataset.catalog import Catalog
from cleaner.dataset.contents import KnownFile, PassingError, known_files
from cleaner.dataset.file_index import FileIndex
from cleaner.errors import ImageError
from cleaner.images.open import open_image
from cleaner.quality.pixel_cache import PixelCache
from cleaner.util.progress import SILENT, Reporter, Stage

GREY_SIDE_PX = 64
"""Side of the small grey image. At 32 px different images of one kind come as close as copies do."""

WORKING_SIDE_PX = 256

MEASURES = ("highlight", "shadow", "entropy_bits", "blur", "colour")
"""Names of the measures, in the order in which they are kept.

highlight
    99th percentile of the largest of red, green and blue, 0..1. (By luma, saturated red counts as dark.)
shadow
    5th percentile of the smallest of the three, 0..1. (By luma, saturated yellow counts as washed out.)
entropy_bits
    Shannon entropy of the histogram of grey values, 0..8: how many values there are to tell apart.
blur
    The perceptual blur metric, 0 (sharp) to 1; see `blur_effect`.
colour
    99th percentile of the difference between the largest and the smallest of red, green and blue, 0..1: 0 in
    a grey image, whatever it is stored as.
"""

_BLUR_WINDOW_PX = 5

_VERSION = 2  # raise it when images are decoded, shrunk or measured otherwise: all are then looked at anew
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
        Each content squeezed into a square, in grey; perhaps mapped from a file.
    measures : dict of str to float32, shape (len(contents),)
        See `MEASURES`.
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
        for failed, error in _look_at(todo, cache, reporter):
            found = {file.name: str(error) for file in of_content.pop(failed.digest)}
            problems |= found
            if not isinstance(error, PassingError):  # else it may be well again next time
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


def _look_at(
    files: Sequence[KnownFile], cache: PixelCache, reporter: Reporter
) -> Iterator[tuple[KnownFile, ImageError]]:
    """Look at files several at a time and keep what is seen, a batch at a time; yield the failures."""
    pool = ThreadPoolExecutor(min(8, (os.cpu_count() or 1) + 1), "pixels")
    reporter(Stage.PIXELS, 0, len(files))
    try:
        for start in range(0, len(files), _BATCH):
            reporter.check()
            batch = files[start : start + _BATCH]
            seen = list(zip(batch, pool.map(_look, batch), strict=True))
            cache.add({file.digest: one for file, one in seen if not isinstance(one, ImageError)})
            reporter(Stage.PIXELS, start + len(batch), len(files))
            yield from ((file, one) for file, one in seen if isinstance(one, ImageError))
    finally:
        pool.shutdown(cancel_futures=True)


def _look(file: KnownFile) -> tuple[bytes, bytes] | ImageError:
    """Return the grey image and the measures of a file, as bytes."""
    try:
        picture = open_image(file.read(), max_side_px=WORKING_SIDE_PX)
    except ImageError as exc:
        return exc
    side = (GREY_SIDE_PX, GREY_SIDE_PX)
    grey = picture.convert("L").resize(side, Image.Resampling.BILINEAR)
    measured = measure(picture)
    values = np.array([measured[name] for name in MEASURES], dtype="<f4")
    return grey.tobytes(), values.tobytes()


def measure(picture: Image.Image) -> dict[str, float]:
    """Measure an image.

    Parameters
    ----------
    picture : PIL.Image.Image
        RGB, the longer side at most `WORKING_SIDE_PX`.

    Returns
    -------
    dict of str to float
        One value for each of `MEASURES`.
    """
    luma = picture.convert("L")
    red, green, blue = picture.split()
    most = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    least = ImageChops.darker(ImageChops.darker(red, green), blue)
    shares = _shares(luma)
    present = shares[shares > 0]
    return {
        "highlight": _percentile(_shares(most), 99),
        "shadow": _percentile(_shares(least), 5),
        "entropy_bits": float(-(present * np.log2(present)).sum()),
        "blur": blur_effect(np.asarray(luma, dtype=np.float32)),
        "colour": _percentile(_shares(ImageChops.subtract(most, least)), 99),
    }


def blur_effect(grey: NDArray[np.float32]) -> float:
    """Return the perceptual blur metric of Crete, Dolmiere, Ladret and Nicolas (2007), 0 sharp to 1 blurred.

    The image is blurred once more: what was sharp loses most of the differences between neighbouring
    pixels, what was blurred keeps them. The metric is the share that is kept, in the worse direction. A
    image without any difference has nothing sharp in it, and gets 1.

    Parameters
    ----------
    grey : float32, shape (height, width)
        Any scale.
    """
    kept = []
    for axis in (0, 1):
        before = np.diff(grey, axis=axis)
        after = _smooth(before, axis=axis)  # what blurring leaves of a difference is their mean
        lost = np.maximum(np.abs(before) - np.abs(after), 0)
        total = float(np.abs(before).sum())
        if total:  # in plain stripes there is none along them
            kept.append(1 - float(lost.sum()) / total)
    return max(kept, default=1.0)


def _smooth(values: NDArray[np.float32], *, axis: int) -> NDArray[np.float32]:
    """Replace each value by the mean of those within the window; beyond the border all are 0."""
    half = _BLUR_WINDOW_PX // 2
    lines = np.moveaxis(values, axis, 0)
    padded = np.pad(lines, ((half, half), (0, 0)))
    total = padded[: len(lines)].copy()
    for shift in range(1, _BLUR_WINDOW_PX):
        total += padded[shift : shift + len(lines)]
    total /= _BLUR_WINDOW_PX
    return np.moveaxis(total, 0, axis)


def _shares(band: Image.Image) -> NDArray[np.float64]:
    """Return the share of pixels that have each value, shape (256,)."""
    counts = np.array(band.histogram(), dtype=np.float64)
    shares: NDArray[np.float64] = counts / counts.sum()
    return shares


def _percentile(shares: NDArray[np.float64], percent: float) -> float:
    """Return the smallest value that so many pixels do not exceed, 0..1."""
    return float(np.searchsorted(np.cumsum(shares), percent / 100 - 1e-9)) / 255

"""Really decode every file of a set, and say in words what is wrong or odd about it; nothing is changed."""

import os
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import pandas as pd
from PIL import Image

from cleaner.dataset.catalog import Catalog
from cleaner.dataset.folders import list_images
from cleaner.errors import CatalogError
from cleaner.images.archives import is_archive, open_binary, state_of
from cleaner.images.open import verify
from cleaner.util.progress import SILENT, Reporter, Stage

HUGE_PIXELS = 50_000_000
"""Images from here on are remarked on: they cost seconds and hundreds of megabytes each."""

_ORIENTATION_TAG = 0x0112
_QUEUED_PER_WORKER = 8

Word = Literal["good", "note", "bad", "left out"]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What was found out about one file.

    Attributes
    ----------
    name : str
        POSIX path relative to the folder.
    verdict : {"good", "note", "bad", "left out"}
        "note": usable, and worth a look; "bad": cannot be used; "left out": was not opened (a link that leads
        out of the folder, a name that is no Unicode).
    reason : str
        Why it is bad or left out, or what is to be noted.
    properties : str
        What is unusual but handled: "CMYK", "16-bit", "animated, 12 frames: the first is used",
        "stored rotated: shown upright", "transparent: shown on white", "huge: 60 megapixels".
    format : str
        Pillow's name of the format, from the content.
    width_px, height_px : int or None
        As shown.
    size_bytes : int or None
    """

    name: str
    verdict: Word
    reason: str = ""
    properties: str = ""
    format: str = ""
    width_px: int | None = None
    height_px: int | None = None
    size_bytes: int | None = None


@dataclass(frozen=True)
class VerifyReport:
    """The verdicts on a folder, by name."""

    root: Path
    verdicts: tuple[Verdict, ...]

    @property
    def table(self) -> pd.DataFrame:
        """One row a file, with the columns of `Verdict`."""
        table = pd.DataFrame([asdict(v) for v in self.verdicts], columns=list(Verdict.__annotations__))
        whole = ["width_px", "height_px", "size_bytes"]
        return table.astype(dict.fromkeys(whole, "Int64"))

    @property
    def counts(self) -> dict[str, int]:
        """Number of files of each verdict."""
        return dict(Counter(v.verdict for v in self.verdicts))

    @property
    def bad(self) -> list[str]:
        """Names of the files that cannot be used."""
        return [v.name for v in self.verdicts if v.verdict == "bad"]

    def __str__(self) -> str:
        counts = self.counts
        parts = [f"{counts[word]:,} {word}" for word in ("good", "note", "bad", "left out") if word in counts]
        return f"{len(self.verdicts):,} files: {', '.join(parts)}"


def verify_folder(
    root: Path | str,
    *,
    hidden: bool = False,
    follow_links: bool = False,
    workers: int | None = None,
    reporter: Reporter = SILENT,
) -> VerifyReport:
    """Decode every image below a folder and judge it.

    Parameters
    ----------
    root : Path or str
    hidden : bool
        Also judge files whose names begin with a dot.
    follow_links : bool
        Also judge what links lead to outside the folder.
    workers : int, optional
        Threads; default: one a core (decoding runs outside Python's lock).
    reporter : Reporter

    Returns
    -------
    VerifyReport
        Sorted by name. Files that no image program would open (``Thumbs.db``, notes, side files of macOS)
        are not in it.

    Raises
    ------
    CatalogError
        If there is no such folder.
    Cancelled
        If the reporter says stop.
    """
    folder = Path(root).expanduser()
    if not folder.is_dir() and not is_archive(folder):
        raise CatalogError(f"{folder} is not a folder. Give the folder of images to check.")
    listing = list_images(folder, hidden=hidden, follow_links=follow_links)
    return _report(folder, listing.names, listing.left_out, workers, reporter)


def verify_catalog(
    catalog: Catalog, *, workers: int | None = None, reporter: Reporter = SILENT
) -> VerifyReport:
    """Decode every image of a catalog and judge it; rows of a table without a file count as left out.

    Raises
    ------
    CatalogError
        If the catalog has no root.
    Cancelled
        If the reporter says stop.
    """
    if catalog.root is None:
        raise CatalogError("This catalog has no root, so its files cannot be found. Make it with root=.")
    left_out = catalog.left_out.itertuples(index=False)
    return _report(catalog.root, list(catalog.names), left_out, workers, reporter)


def _report(
    folder: Path,
    names: list[str],
    left_out: Iterable[tuple[str, str]],
    workers: int | None,
    reporter: Reporter,
) -> VerifyReport:
    verdicts = [Verdict(name=name, verdict="left out", reason=reason) for name, reason in left_out]
    verdicts += _judge_all(folder, names, workers or os.cpu_count() or 1, reporter)
    return VerifyReport(folder, tuple(sorted(verdicts, key=lambda verdict: verdict.name)))


def _judge_all(folder: Path, names: list[str], workers: int, reporter: Reporter) -> list[Verdict]:
    """Judge files in threads, a few at a time, so that a stop is heard at once."""
    found: list[Verdict] = []
    reporter(Stage.VERIFY, 0, len(names))
    with ThreadPoolExecutor(workers, thread_name_prefix="verify") as pool:
        for start in range(0, len(names), workers * _QUEUED_PER_WORKER):
            reporter.check()
            found += pool.map(partial(judge, folder), names[start : start + workers * _QUEUED_PER_WORKER])
            bad = sum(verdict.verdict == "bad" for verdict in found)
            reporter(Stage.VERIFY, len(found), len(names), bad=bad)
    return found


def judge(folder: Path, name: str) -> Verdict:
    """Decode one file and judge it.

    Parameters
    ----------
    folder : Path
    name : str
        Relative to the folder.
    """
    path = folder / name
    found = verify(path)
    try:
        size_bytes = state_of(path).size_bytes
    except OSError:  # its reason is in found.problem
        size_bytes = None
    bad = found.problem is not None
    return Verdict(
        name=name,
        verdict="bad" if bad else "note" if found.notes else "good",
        reason=found.problem if found.problem is not None else "; ".join(found.notes),
        properties="" if bad else "; ".join(_properties(path, found.format or "")),
        format=found.format or "",
        width_px=found.width_px,
        height_px=found.height_px,
        size_bytes=size_bytes,
    )


def _properties(path: Path, format_name: str) -> list[str]:
    """Name what is unusual about an image that can be used; reads the header only."""
    try:
        with open_binary(path) as file, Image.open(file, formats=[format_name]) as image:
            return list(_unusual(image))
    except Exception:  # the image was decoded a moment ago; what its header hides is not worth an error
        return []


def _unusual(image: Image.Image) -> list[str]:
    found = []
    if image.mode == "CMYK":
        found.append("CMYK")
    if image.mode.startswith("I"):
        found.append("16-bit")
    if image.mode == "F":
        found.append("floating point")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        found.append("transparent: shown on white")
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":  # phones store a second view beside the image
        found.append(f"animated, {frames} frames: the first is used")
    if image.getexif().get(_ORIENTATION_TAG, 1) not in (0, 1):
        found.append("stored rotated or mirrored: shown upright")
    if image.width * image.height >= HUGE_PIXELS:
        found.append(f"huge: {round(image.width * image.height / 1e6)} megapixels")
    return found

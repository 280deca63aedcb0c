"""The one place that opens images: decode, turn upright, convert to RGB, make thumbnails, find broken files.

Whatever Pillow can read comes out as RGB, the way a person expects to see it: upright, first frame,
transparency on white, 16-bit and float pictures scaled by their range. Whatever cannot be used raises
`ImageError` with a reason in plain words. Nothing here changes Pillow's global settings, and everything is
thread safe.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import re
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from PIL import Image, ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from cleaner.errors import ImageError
from cleaner.images.decode import damage, open_file, open_header, orientation, to_rgb, unreadable, upright
from cleaner.images.formats import FORMAT_SUFFIXES, SUFFIXES, is_candidate
from cleaner.util.atomic import write_atomically

__all__ = [
    "SUFFIXES",
    "Probe",
    "ThumbnailCache",
    "is_candidate",
    "open_image",
    "probe",
    "rendition",
    "thumbnail",
    "verify",
]

logger = logging.getLogger(__name__)

_LYING = (5, 6, 7, 8)  # values of the EXIF orientation for pictures stored on their side
_TIFF_WIDTH, _TIFF_HEIGHT = 256, 257
_TINY_PX = 8
_MAX_ASPECT = 10.0
_FLAT_LEVELS = 2


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What is known of one file.

    Attributes
    ----------
    problem : str or None
        Why the file cannot be used, as a sentence fragment ("truncated: the file ends early"); None: usable.
    notes : tuple of str
        Remarks on a usable file ("named .png, but it is JPEG").
    width_px, height_px : int or None
        Size as shown, that is after the EXIF orientation; None when the header cannot be read.
    format : str or None
        Pillow's name of the format, such as ``"JPEG"``.
    """

    problem: str | None = None
    notes: tuple[str, ...] = ()
    width_px: int | None = None
    height_px: int | None = None
    format: str | None = None


def open_image(
    source: Path | bytes, *, max_side_px: int | None = None, min_side_px: int | None = None
) -> Image.Image:
    """Open a picture as a person expects to see it.

    Parameters
    ----------
    source : Path or bytes
        A file, or the bytes of one.
    max_side_px : int, optional
        The longer side is at most this; smaller pictures are left as they are. JPEG files are then decoded at
        a fraction of their size, which is several times faster.
    min_side_px : int, optional
        For callers that scale the picture themselves: JPEG files may come at a fraction of their size whose
        shorter side is still at least this.

    Returns
    -------
    PIL.Image.Image
        Mode RGB, upright by EXIF, first frame, transparency on white, 16-bit and float scaled by range.

    Raises
    ------
    ImageError
        With the reason: "truncated: the file ends early", "not an image: HTML", "empty file", ...
    """
    with open_file(source) as file:
        image = open_header(file)
        if max_side_px is not None and image.format in ("JPEG", "MPO"):
            # Twice the size asked for: what is decoded too small cannot be scaled down well.
            scale = 2 * max_side_px / max(image.size)
            image.draft(None, (round(image.width * scale) or 1, round(image.height * scale) or 1))
        elif min_side_px is not None and image.format in ("JPEG", "MPO"):
            image.draft(None, (min_side_px, min_side_px))
        try:
            image.load()
            # Only now: Pillow turns TIFF pictures upright while loading, and takes the tag away.
            turn = orientation(image)
            picture = to_rgb(image)
            if max_side_px is not None and max(picture.size) > max_side_px:
                picture.thumbnail((max_side_px, max_side_px))
            picture = upright(picture, turn)
        except Exception as exc:  # damaged files make decoders raise anything, IndexError too
            raise ImageError(damage(exc)) from exc
        if picture is image:  # which would keep the file and its metadata
            picture = image.copy()
        picture.info = {}
        return picture


def probe(source: Path | bytes, *, suffix: str = "") -> Probe:
    """Read the header only: cheap, and finds files that are no images, but not those that end early.

    Parameters
    ----------
    source : Path or bytes
        A file, or the bytes of one.
    suffix : str
        The suffix of the file's name, to compare with the format; taken from ``source`` where that is a path.
    """
    try:
        with open_file(source) as file:
            image = open_header(file)
            width_px, height_px = _upright_size(image)
            notes = _header_notes(image, source.suffix if isinstance(source, Path) else suffix)
            return Probe(notes=notes, width_px=width_px, height_px=height_px, format=image.format)
    except ImageError as exc:
        return Probe(problem=str(exc))


def verify(source: Path | bytes, *, suffix: str = "") -> Probe:
    """Decode the whole picture, and remark on what is odd about it.

    Parameters and result are those of `probe`.
    """
    found = probe(source, suffix=suffix)
    if found.problem is not None:
        return found
    try:
        data = source if isinstance(source, bytes) else source.read_bytes()
        picture = open_image(data)
    except OSError as exc:
        return Probe(problem=unreadable(exc))
    except ImageError as exc:
        return replace(found, problem=str(exc), notes=())
    notes = list(found.notes)
    extra = _bytes_after_end(data, found.format)
    if extra:
        notes.append(f"{extra} bytes of something else after the end of the picture")
    if all(high - low <= _FLAT_LEVELS for low, high in _extrema(picture)) and min(picture.size) >= _TINY_PX:
        notes.append("all black" if picture.getpixel((0, 0)) == (0, 0, 0) else "one colour only, no content")
    return replace(found, notes=tuple(notes))


def thumbnail(source: Path | bytes, *, size_px: int = 224, quality: int = 80) -> bytes:
    """Return the picture as a small JPEG whose longer side is at most ``size_px``; raises `ImageError`."""
    return _jpeg(open_image(source, max_side_px=size_px), quality)


def rendition(source: Path | bytes, *, max_side_px: int = 1600) -> bytes:
    """Return the picture as a JPEG for the large view, never larger than it is; raises `ImageError`."""
    return _jpeg(open_image(source, max_side_px=max_side_px), 90)


class ThumbnailCache:
    """Thumbnails kept in memory and in a folder; both bounded, the least recently used go first.

    A thumbnail belongs to one state of one file: path, size, time of change and pixels asked for. Any number
    of threads and processes may share the folder; where it cannot be written to, memory alone serves.

    Parameters
    ----------
    folder : Path
        Where to keep them; made when the first one is written.
    memory_bytes, disk_bytes : int
        Limits of the two.
    """

    def __init__(
        self, folder: Path, *, memory_bytes: int = 64 * 2**20, disk_bytes: int = 512 * 2**20
    ) -> None:
        self.folder = folder
        self._memory_bytes = memory_bytes
        self._disk_bytes = disk_bytes
        self._lock = threading.Lock()
        self._held: OrderedDict[str, bytes] = OrderedDict()
        self._held_bytes = 0
        self._written_bytes: int | None = None  # in the folder; None: not counted yet

    def get(self, path: Path, *, size_px: int = 224) -> bytes:
        """Return the thumbnail of a file as JPEG, its longer side at most ``size_px``.

        Raises
        ------
        ImageError
            The file cannot be shown; the message is the reason.
        """
        try:
            stat = path.stat()
        except OSError as exc:
            raise ImageError(unreadable(exc)) from exc
        what = f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}\0{size_px}"
        key = hashlib.sha256(what.encode("utf-8", "surrogateescape")).hexdigest()[:40]
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key]
        kept = self.folder / key[:2] / f"{key}.jpg"
        try:
            data = kept.read_bytes()
            os.utime(kept)  # the folder is cleared by last use
        except OSError:  # not there, or not readable: made anew
            data = b""
        if not data:
            data = thumbnail(path, size_px=size_px)
            self._write(kept, data)
        self._hold(key, data)
        return data

    @property
    def memory_used_bytes(self) -> int:
        """How much is held in memory."""
        return self._held_bytes

    def _hold(self, key: str, data: bytes) -> None:
        with self._lock:
            self._held_bytes += len(data) - len(self._held.pop(key, b""))
            self._held[key] = data
            while self._held_bytes > self._memory_bytes and len(self._held) > 1:
                self._held_bytes -= len(self._held.popitem(last=False)[1])

    def _write(self, kept: Path, data: bytes) -> None:
        try:
            kept.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(kept, data)
            with self._lock:
                if self._written_bytes is None:
                    self._written_bytes = sum(f.stat().st_size for f in self.folder.glob("*/*.jpg"))
                else:
                    self._written_bytes += len(data)
                if self._written_bytes > self._disk_bytes:
                    self._written_bytes = self._clear_oldest(self._disk_bytes * 3 // 4)
        except OSError as exc:  # a full or read-only disk: thumbnails are a convenience
            logger.warning("Cannot keep thumbnails in %s: %s", self.folder, exc)

    def _clear_oldest(self, limit_bytes: int) -> int:
        """Delete the thumbnails not used for longest, and return the bytes that are left."""
        files = [
            (stat.st_mtime_ns, stat.st_size, file)
            for file in self.folder.glob("*/*.jpg")
            for stat in [file.stat()]
        ]
        left_bytes = sum(size for _, size, _ in files)
        for _, size, file in sorted(files):
            if left_bytes <= limit_bytes:
                break
            file.unlink(missing_ok=True)
            left_bytes -= size
        return left_bytes


def _jpeg(image: Image.Image, quality: int) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


def _upright_size(image: ImageFile.ImageFile) -> tuple[int, int]:
    width_px, height_px = image.size
    if isinstance(image, TiffImageFile):  # whose size is turned already in newer versions of Pillow
        width_px, height_px = image.tag_v2[_TIFF_WIDTH], image.tag_v2[_TIFF_HEIGHT]
    return (height_px, width_px) if orientation(image) in _LYING else (width_px, height_px)


def _header_notes(image: ImageFile.ImageFile, suffix: str) -> tuple[str, ...]:
    notes = []
    width_px, height_px = image.size
    expected = FORMAT_SUFFIXES.get(image.format or "", frozenset())
    if suffix and suffix.lower() not in expected:
        notes.append(f"named {suffix.lower()}, but it is {image.format}")
    if _exif_is_damaged(image):
        notes.append("its EXIF data is damaged and was not used")
    if max(width_px, height_px) < _TINY_PX:
        notes.append(f"only {width_px} × {height_px} pixels")
    elif max(width_px, height_px) > _MAX_ASPECT * min(width_px, height_px):
        notes.append(f"very {'wide' if width_px > height_px else 'tall'}: {width_px} × {height_px} pixels")
    return tuple(notes)


def _exif_is_damaged(image: ImageFile.ImageFile) -> bool:
    """Tell whether there is an EXIF block that gives nothing and is not just empty."""
    try:
        if image.getexif():
            return False
    except Exception:  # whatever the parser stumbled over
        return True
    block = (image.info.get("exif") or b"").removeprefix(b"Exif\0\0")
    order: Literal["little", "big"] = "little" if block[:2] == b"II" else "big"
    at = int.from_bytes(block[4:8], order)
    return bool(block) and block[at : at + 2] != b"\0\0"  # the number of entries


def _extrema(picture: Image.Image) -> tuple[tuple[int, int], ...]:
    return picture.getextrema()  # type: ignore[return-value] # a pair for each of the three bands of RGB


# A marker that is neither a stuffed zero, a restart, nor padding ends the coded data of a scan.
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


def _bytes_after_end(data: bytes, format_name: str | None) -> int:
    """Count the bytes after the end of a JPEG or PNG file; 0 for other formats."""
    if format_name == "PNG":
        return _length_unpadded(data, data.rfind(b"IEND\xaeB`\x82") + 8)
    if format_name != "JPEG":
        return 0
    at = 2
    while found := _JPEG_MARKER.search(data, at):
        marker = data[found.start() + 1]
        if marker == 0xD9:
            return _length_unpadded(data, found.end())
        at = found.end() + int.from_bytes(data[found.end() : found.end() + 2], "big")
    return 0


def _length_unpadded(data: bytes, start: int) -> int:
    """Return the number of bytes from ``start``, 0 if they are all zeros: cameras pad their files."""
    return len(data) - start if data[start:].strip(b"\0") else 0

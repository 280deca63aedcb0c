"""The one place that opens images: decode, turn upright, convert to RGB, find broken files.

Whatever Pillow can read comes out as RGB, the way a person expects to see it: upright, first frame,
transparency on white (what is white itself on a checkerboard), 16-bit and float images scaled by their range.
Whatever cannot be used raises `ImageError` with a reason in plain words. Nothing here changes Pillow's global
settings, and everything is thread safe.
"""

import logging
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from PIL import Image, ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from cleaner.errors import ImageError
from cleaner.images.archives import read_bytes
from cleaner.images.colours import (
    deep_colours,
    is_dark_and_deep,
    is_deep_grey,
    may_have_exif,
    orientation,
    to_rgb,
    upright,
)
from cleaner.images.decode import (
    damage,
    has_deep_colours,
    open_file,
    open_header,
    slim_png,
    swapped_bytes,
    unreadable,
)
from cleaner.images.formats import FORMAT_SUFFIXES

logger = logging.getLogger(__name__)

DECODING = 2
"""Version of the way from a file to its pixels; `is_decoded_otherwise` says whose changed last."""

_PLAIN = ("1", "L", "P", "RGB", "CMYK", "YCbCr", "LAB", "HSV")
_LYING = (5, 6, 7, 8)  # values of the EXIF orientation for images stored on their side
_TIFF_WIDTH, _TIFF_HEIGHT = 256, 257
_TINY_PX = 8
_MAX_ASPECT = 10.0
_FLAT_LEVELS = 2
_METADATA_NOTE = "its metadata is damaged or too large, and was not used"


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
    frames : int
        Frames of a DICOM file, or pages of a TIFF file; only the first is used.
    """

    problem: str | None = None
    notes: tuple[str, ...] = ()
    width_px: int | None = None
    height_px: int | None = None
    format: str | None = None
    frames: int = 1


def open_image(
    source: Path | bytes, *, max_side_px: int | None = None, min_side_px: int | None = None
) -> Image.Image:
    """Open an image as a person expects to see it.

    Parameters
    ----------
    source : Path or bytes
        A file, or the bytes of one.
    max_side_px : int, optional
        The longer side is at most this; smaller images are left as they are. JPEG files are then decoded at
        a fraction of their size, which is several times faster.
    min_side_px : int, optional
        For callers that scale the image themselves: JPEG files may come at a fraction of their size whose
        shorter side is still at least this.

    Returns
    -------
    PIL.Image.Image
        Mode RGB, upright by EXIF, first frame, transparency on white (what is white itself: on a
        checkerboard), 16-bit and float scaled by range, but for a few hot pixels.

    Raises
    ------
    ImageError
        With the reason: "truncated: the file ends early", "not an image: HTML", "empty file", ...
    """
    return _open_sound(source, max_side_px=max_side_px, min_side_px=min_side_px)[0]


def _open_sound(
    source: Path | bytes, *, max_side_px: int | None = None, min_side_px: int | None = None
) -> tuple[Image.Image, bool]:
    """Open an image, a PNG file without its metadata if those are in the way; and whether they were."""
    try:
        return _open(source, max_side_px=max_side_px, min_side_px=min_side_px), False
    except ImageError:
        slim = slim_png(source)
        if slim is None:
            raise
        try:
            return _open(slim, max_side_px=max_side_px, min_side_px=min_side_px), True
        except ImageError:  # its pixels are damaged as well
            pass
        raise


def _open(source: Path | bytes, *, max_side_px: int | None, min_side_px: int | None) -> Image.Image:
    with open_file(source) as file:
        image = open_header(file)
        if max_side_px is not None and image.format in ("JPEG", "MPO"):
            # Twice the size asked for: what is decoded too small cannot be scaled down well.
            scale = 2 * max_side_px / max(image.size)
            image.draft(None, (round(image.width * scale) or 1, round(image.height * scale) or 1))
        elif min_side_px is not None and image.format in ("JPEG", "MPO"):
            image.draft(None, (min_side_px, min_side_px))
        try:
            deep = has_deep_colours(image)
            image.load()
            # Only now: Pillow turns TIFF images upright while loading, and takes the tag away.
            turn = orientation(image)
            picture = to_rgb(_deepened(image, source) if deep and is_dark_and_deep(image) else image)
            if max_side_px is not None and max(picture.size) > max_side_px:
                picture.thumbnail((max_side_px, max_side_px))
            picture = upright(picture, turn)
        except ImageError:
            raise
        except Exception as exc:  # damaged files make decoders raise anything, IndexError too
            raise ImageError(damage(exc)) from exc
        if picture is image:  # which would keep the file and its metadata
            picture = image.copy()
        picture.info = {}
        return picture


def _deepened(image: ImageFile.ImageFile, source: Path | bytes) -> Image.Image:
    with open_file(source) as file:
        low_bytes = open_header(file)
        swapped_bytes(low_bytes)
        low_bytes.load()
        return deep_colours(image, low_bytes)


def is_decoded_otherwise(source: Path | bytes) -> bool:
    """Tell by its header whether an image came out otherwise before this version of `DECODING`.

    Those are deep images, which were not stretched or by hot pixels, and white ones on transparency.
    """
    try:
        with open_file(source) as file:
            image = open_header(file)
            plain = image.mode in _PLAIN and not is_deep_grey(image)
            return not plain or "transparency" in image.info or has_deep_colours(image)
    except Exception:  # ours, or whatever a damaged file makes a plugin raise: it came out in no way
        return False


def probe(source: Path | bytes, *, suffix: str = "") -> Probe:
    """Read the header only: cheap, and finds files that are no images, but not those that end early.

    Parameters
    ----------
    source : Path or bytes
        A file, or the bytes of one.
    suffix : str
        The suffix of the file's name, to compare with the format; taken from ``source`` where that is a path.
    """
    suffix = source.suffix if isinstance(source, Path) else suffix
    try:
        return _probe(source, suffix)
    except ImageError as exc:
        try:
            slim = slim_png(source)
            if slim is not None:
                found = _probe(slim, suffix)
                return replace(found, notes=(*found.notes, _METADATA_NOTE))
        except ImageError as other:  # not there, or its pixels cannot be read either
            logger.debug("%s: %s", exc, other)
        return Probe(problem=str(exc))


def _probe(source: Path | bytes, suffix: str) -> Probe:
    with open_file(source) as file:
        image = open_header(file)
        try:
            width_px, height_px = _upright_size(image)
            notes = _header_notes(image, suffix)
        except Exception as exc:  # damaged headers make plugins raise anything
            raise ImageError(damage(exc)) from exc
        frames = _frames(image)
        if frames > 1:
            parts = "frames" if image.format == "DICOM" else "pages"
            notes = (*notes, f"{frames:,} {parts}; only the first is used")
        return Probe(notes=notes, width_px=width_px, height_px=height_px, format=image.format, frames=frames)


def verify(source: Path | bytes, *, suffix: str = "") -> Probe:
    """Decode the whole image, and remark on what is odd about it.

    Parameters and result are those of `probe`.
    """
    found = probe(source, suffix=suffix)
    if found.problem is not None:
        return found
    try:
        data = source if isinstance(source, bytes) else read_bytes(source)
        picture, without = _open_sound(data)
    except OSError as exc:
        return Probe(problem=unreadable(exc))
    except ImageError as exc:
        return replace(found, problem=str(exc), notes=())
    notes = list(found.notes)
    if without and _METADATA_NOTE not in notes:  # what stands in the way is behind the pixels
        notes.append(_METADATA_NOTE)
    if found.format == "PNG" and _PNG_END not in data:
        notes.append("the end of the file is missing, but all of its pixels are there")
    extra = _bytes_after_end(data, found.format)
    if extra:
        notes.append(f"{extra} bytes of something else after the end of the image")
    if all(high - low <= _FLAT_LEVELS for low, high in _extrema(picture)) and min(picture.size) >= _TINY_PX:
        notes.append("all black" if picture.getpixel((0, 0)) == (0, 0, 0) else "one colour only, no content")
    return replace(found, notes=tuple(notes))


def _frames(image: ImageFile.ImageFile) -> int:
    """Count the frames or pages of a file of which only the first is used."""
    if image.format not in ("DICOM", "TIFF"):
        return 1
    try:
        return getattr(image, "n_frames", 1)
    except Exception:  # what is wrong with the others does not matter
        return 1


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
    if not may_have_exif(image):
        return False
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


_PNG_END = b"IEND\xaeB`\x82"
# A marker that is neither a stuffed zero, a restart, nor padding ends the coded data of a scan.
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


def _bytes_after_end(data: bytes, format_name: str | None) -> int:
    """Count the bytes after the end of a JPEG or PNG file; 0 for other formats."""
    if format_name == "PNG":
        end = data.rfind(_PNG_END)
        return 0 if end < 0 else _length_unpadded(data, end + len(_PNG_END))
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

"""Pillow, made safe for files from anywhere: named formats only, limits, and reasons in plain words.

`cleaner.images.open` is the face of this; nothing else needs it.
"""

import io
import re
import sys
import warnings
from functools import cache
from pathlib import Path
from typing import BinaryIO

from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from cleaner.errors import ImageError
from cleaner.images.archives import open_binary
from cleaner.images.formats import kind_of, not_an_image
from cleaner.images.png import without_metadata
from cleaner.images.tiff import kind_of_tiff

MAX_PIXELS = 178_956_970
"""Larger images are refused undecoded: the point where Pillow, too, suspects a decompression bomb."""

# Importing a plugin registers it, so that no thread has to search for one. Named formats only: Pillow's list
# also holds some that start other programs (EPS) or have no signature (TGA).
_FORMATS = tuple(
    plugin.format
    for plugin in (
        JpegImagePlugin.JpegImageFile,
        PngImagePlugin.PngImageFile,
        GifImagePlugin.GifImageFile,
        WebPImagePlugin.WebPImageFile,
        TiffImagePlugin.TiffImageFile,
        BmpImagePlugin.BmpImageFile,
        BmpImagePlugin.DibImageFile,
        Jpeg2KImagePlugin.Jpeg2KImageFile,
        PpmImagePlugin.PpmImageFile,
    )
)

_DEEP = re.compile(r"RGB[AX]?;16[LBN]")


def open_file(source: Path | bytes) -> BinaryIO:
    """Open a file, or bytes as one; raises `ImageError` with the reason."""
    if isinstance(source, bytes):
        return io.BytesIO(source)
    try:
        return open_binary(source)
    except OSError as exc:
        raise ImageError(unreadable(exc)) from exc


def slim_png(source: Path | bytes) -> bytes | None:
    """Return a PNG file without what may be in the way of its pixels; None if there is no such thing."""
    with open_file(source) as file:
        return without_metadata(file)


def unreadable(exc: OSError) -> str:
    """Say why the operating system does not give a file."""
    if isinstance(exc, FileNotFoundError):
        return "there is no such file"
    if isinstance(exc, PermissionError):
        return "cannot be read: permission denied"
    return f"cannot be read: {exc.strerror or exc}"


def open_header(file: BinaryIO) -> ImageFile.ImageFile:
    """Read the header; the formats are tried by content, never by name."""
    _quieten_pillow()
    try:
        head = file.read(512)
        file.seek(0)
    except OSError as exc:
        raise ImageError(unreadable(exc)) from exc
    if not head:
        raise ImageError("empty file")
    kind = kind_of(head)
    late = _late_formats() if kind in ("HEIF", "AVIF") else _dicom_format() if kind == "DICOM" else ()
    try:
        image = Image.open(file, formats=_FORMATS + late)
    except ImageError:
        raise
    except Image.DecompressionBombError as exc:
        pixels = re.search(r"\((\d+) pixels", str(exc))
        raise ImageError(_too_large(int(pixels[1]) if pixels else MAX_PIXELS)) from exc
    except UnidentifiedImageError as exc:
        raise ImageError(_unidentified(kind, head, file)) from exc
    except Exception as exc:  # damaged headers make plugins raise anything
        raise ImageError(damage(exc)) from exc
    if image.width * image.height > MAX_PIXELS:  # where the user has lifted Pillow's own limit
        raise ImageError(_too_large(image.width * image.height))
    if 0 in image.size:
        raise ImageError("damaged: its header says that it has no pixels")
    return image


def _too_large(pixels: int) -> str:
    return f"{round(pixels / 1e6):,} megapixels: larger than the limit of {MAX_PIXELS // 10**6}"


def _unidentified(kind: str | None, head: bytes, file: BinaryIO) -> str:
    if kind == "TIFF" and (what := kind_of_tiff(file)):
        return f"a kind of TIFF that cannot be opened ({what}); save it as 8-bit or 16-bit TIFF, or as PNG"
    if kind == "HEIF" and "HEIF" not in _late_formats():
        return "HEIC image, and pillow-heif, which reads it, is not installed"
    if kind == "DICOM" and not _dicom_format():
        return "DICOM image, and pydicom, which reads it, is not installed: pip install 'cleaner[dicom]'"
    if kind is not None:
        return f"damaged, or a kind of {kind} that cannot be opened"
    return not_an_image(head)


def damage(exc: Exception) -> str:
    """Say what is wrong with a file on which a decoder failed."""
    text = str(exc).lower()
    if "truncated" in text or "end of file" in text or isinstance(exc, EOFError):
        return "truncated: the file ends early"
    if isinstance(exc, MemoryError):
        return "too large for the memory of this machine"
    return f"damaged: {exc}" if str(exc) else f"damaged ({type(exc).__name__})"


@cache
def _late_formats() -> tuple[str, ...]:
    """Register the formats whose libraries take time to load, or may be absent."""
    found = []
    try:
        from PIL import AvifImagePlugin

        found.append(AvifImagePlugin.AvifImageFile.format)
    except ImportError:  # Pillow before 11.3, or built without it
        pass
    try:
        import pillow_heif

        pillow_heif.register_heif_opener()
        found.append("HEIF")
    except ImportError:  # the reason given for each HEIC file then says so
        pass
    return tuple(found)


@cache
def _dicom_format() -> tuple[str, ...]:
    """Register DICOM, if pydicom is there; it takes a second to load."""
    try:
        from cleaner.images.dicom import FORMAT, DicomImageFile
    except ImportError:  # the reason given for each DICOM file then says so
        return ()
    Image.register_open(FORMAT, DicomImageFile)
    return (FORMAT,)


_QUIET = ("ignore", None, Warning, re.compile(r"(PIL|pydicom)\."), 0)


def _quieten_pillow() -> None:
    """Keep Pillow's remarks on odd files from the user's terminal: they come as notes and problems here.

    ``warnings.catch_warnings`` would be undone by other threads; adding one entry, once, is safe.
    """
    if warnings.filters[:1] != [_QUIET]:  # anything before it could make them errors
        warnings.filterwarnings("ignore", module=r"(PIL|pydicom)\.")


def has_deep_colours(image: ImageFile.ImageFile) -> bool:
    """Tell whether an image that is not loaded yet has 16 bits a colour, in a layout that can be swapped."""
    modes = [_raw_mode(tile) for tile in image.tile]
    return bool(modes) and all(mode is not None and _DEEP.fullmatch(mode) for mode in modes)


def swapped_bytes(image: ImageFile.ImageFile) -> None:
    """Let an image that is not loaded yet give the lower 8 of its 16 bits a colour, instead of the upper 8.

    The order of the two bytes is part of the raw mode, so that the other order takes the other byte.
    """
    other = {"L": "B", "B": "L", "N": "B" if sys.byteorder == "little" else "L"}
    tiles = []
    for tile in image.tile:
        mode = _raw_mode(tile) or ""
        swapped = mode[:-1] + other[mode[-1]]
        args = swapped if isinstance(tile.args, str) else (swapped, *(tile.args or ())[1:])
        tiles.append(tile._replace(args=args))
    image.tile = tiles


def _raw_mode(tile: ImageFile._Tile) -> str | None:
    args = tile.args
    mode = args[0] if isinstance(args, tuple) and args else args
    return mode if isinstance(mode, str) else None

"""Pillow, made safe for files from anywhere: named formats only, limits, and reasons in plain words.

`cleaner.images.open` is the face of this; nothing else needs it.
"""

import io
import re
import warnings
from functools import cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
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
from cleaner.images.formats import kind_of, not_an_image

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

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION_TAG = 0x0112


def open_file(source: Path | bytes) -> BinaryIO:
    """Open a file, or bytes as one; raises `ImageError` with the reason."""
    if isinstance(source, bytes):
        return io.BytesIO(source)
    try:
        return source.open("rb")
    except OSError as exc:
        raise ImageError(unreadable(exc)) from exc


def unreadable(exc: OSError) -> str:
    """Say why the operating system does not give a file."""
    if isinstance(exc, FileNotFoundError):
        return "missing: there is no such file"
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
    formats = _FORMATS + _late_formats() if kind in ("HEIF", "AVIF") else _FORMATS
    try:
        image = Image.open(file, formats=formats)
    except Image.DecompressionBombError as exc:
        pixels = re.search(r"\((\d+) pixels", str(exc))
        raise ImageError(_too_large(int(pixels[1]) if pixels else MAX_PIXELS)) from exc
    except UnidentifiedImageError as exc:
        raise ImageError(_unidentified(kind, head)) from exc
    except Exception as exc:  # damaged headers make plugins raise anything
        raise ImageError(damage(exc)) from exc
    if image.width * image.height > MAX_PIXELS:  # where the user has lifted Pillow's own limit
        raise ImageError(_too_large(image.width * image.height))
    if 0 in image.size:
        raise ImageError("damaged: its header says that it has no pixels")
    return image


def _too_large(pixels: int) -> str:
    return f"{round(pixels / 1e6):,} megapixels: larger than the limit of {MAX_PIXELS // 10**6}"


def _unidentified(kind: str | None, head: bytes) -> str:
    if kind == "HEIF" and "HEIF" not in _late_formats():
        return "HEIC image, and pillow-heif, which reads it, is not installed"
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


_QUIET = ("ignore", None, Warning, re.compile(r"PIL\."), 0)


def _quieten_pillow() -> None:
    """Keep Pillow's remarks on odd files from the user's terminal: they come as notes and problems here.

    ``warnings.catch_warnings`` would be undone by other threads; adding one entry, once, is safe.
    """
    if warnings.filters[:1] != [_QUIET]:  # anything before it could make them errors
        warnings.filterwarnings("ignore", module=r"PIL\.")


def orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 (upright) where there is none that can be read."""
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # a broken EXIF block must not cost the image; `images.probe` remarks on it
        return 1
    return value if isinstance(value, int) else 1


def upright(picture: Image.Image, turn: int) -> Image.Image:
    """Turn an image by the value of its EXIF orientation, 1 to 8; any other value leaves it alone."""
    return picture.transpose(_UPRIGHT[turn]) if turn in _UPRIGHT else picture


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert any mode to RGB: deep images by range, transparency on white; raises ValueError for LAB."""
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode == "F" or image.mode.startswith("I"):
        return _scale_by_range(image)
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        if image.mode in ("La", "RGBa"):
            image = image.convert(image.mode[:-1] + "A")
        image = image.convert("RGBA")
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image.getchannel("A"))
        return white
    return image.convert("RGB")


def _scale_by_range(image: Image.Image) -> Image.Image:
    """Map the range of a deep image to 0..255; a plain conversion would clip it to white."""
    values = np.array(image, dtype=np.float32)
    values[~np.isfinite(values)] = np.nan
    if np.isnan(values).all():
        return Image.new("RGB", image.size)
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    scale = 255.0 / (high - low) if high > low else 0.0
    values *= scale  # first, as the difference alone could be too large for 32 bits
    values -= low * scale
    return Image.fromarray(np.nan_to_num(values).round().astype(np.uint8)).convert("RGB")

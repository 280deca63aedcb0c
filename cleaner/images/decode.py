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
from cleaner.images.archives import open_binary
from cleaner.images.formats import kind_of, not_an_image
from cleaner.images.ranges import by_range, robust_range
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

_DEEP = re.compile(r"RGB[AX]?;16[LBN]")
_DARK = 64  # of the upper 8 bits: 14 of 16 bits
_OPAQUE, _WHITE, _NEARLY_ALL = 128, 232, 0.98
_GREYS = (204, 153)


def open_file(source: Path | bytes) -> BinaryIO:
    """Open a file, or bytes as one; raises `ImageError` with the reason."""
    if isinstance(source, bytes):
        return io.BytesIO(source)
    try:
        return open_binary(source)
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
    """Convert any mode to RGB: deep images by range, transparency on white; raises ValueError for LAB.

    What is white itself would be invisible on white: it is put on a checkerboard.
    """
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode == "F" or image.mode.startswith("I"):
        return _greyby_range(image)
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        if image.mode in ("La", "RGBa"):
            image = image.convert(image.mode[:-1] + "A")
        return _on_background(image.convert("RGBA"))
    return image.convert("RGB")


def _on_background(image: Image.Image) -> Image.Image:
    """Put an RGBA image on white or, if that would hide it, on a checkerboard."""
    pixels = np.asarray(image)
    opaque = pixels[..., 3] >= _OPAQUE
    seen = pixels[..., :3][opaque]
    hidden = seen.size > 0 and not opaque.all() and (seen.min(axis=1) >= _WHITE).mean() > _NEARLY_ALL
    background = _checkerboard(image.size) if hidden else Image.new("RGB", image.size, "white")
    background.paste(image, mask=image.getchannel("A"))
    return background


def _checkerboard(size: tuple[int, int]) -> Image.Image:
    """Return the grey squares that image editors show behind transparency."""
    width, height = size
    side = max(4, max(size) // 24)
    squares = (np.arange(height)[:, None] // side + np.arange(width)[None, :] // side) % 2
    return Image.fromarray(np.where(squares, *_GREYS).astype(np.uint8)).convert("RGB")


def _greyby_range(image: Image.Image) -> Image.Image:
    """Map the range of a deep grey image to 0..255; a plain conversion would clip it to white."""
    values = np.array(image, dtype=np.float32)
    values[~np.isfinite(values)] = np.nan
    return Image.fromarray(by_range(values)).convert("RGB")


def deep_colours(image: Image.Image, low_bytes: Image.Image) -> Image.Image:
    """Map the range of a 16-bit colour image to 0..255, all channels alike.

    Parameters
    ----------
    image : PIL.Image.Image
        As Pillow gives it, with the upper 8 of 16 bits; RGB, RGBA or RGBX.
    low_bytes : PIL.Image.Image
        The lower 8 bits: see `swapped_bytes`.
    """
    deep = np.asarray(image).astype(np.float32) * 256 + np.asarray(low_bytes)
    colours = Image.fromarray(by_range(deep[..., :3]))
    if image.mode == "RGBA":
        colours.putalpha(image.getchannel("A"))
    return colours


def is_dark_and_deep(image: ImageFile.ImageFile) -> bool:
    """Tell whether a loaded image has 16 bits a colour and uses less than 14 of them.

    Cameras and microscopes of 10 to 14 bits write such files; Pillow keeps the upper 8 bits, which are
    almost black then.
    """
    if image.mode not in ("RGB", "RGBA", "RGBX"):
        return False
    return robust_range(np.asarray(image)[..., :3].astype(np.float32))[1] < _DARK


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

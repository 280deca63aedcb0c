"""The way to what a screen shows: RGB, upright, transparency on white, deep images by their range."""

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile

from cleaner.images.png import kinds_after_pixels
from cleaner.images.ranges import by_range, robust_range

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_EXIF_KEYS = {"exif", "Raw profile type exif"}
_EXIF_CHUNKS = {b"eXIf", b"tEXt", b"zTXt", b"iTXt"}
_BITS, _PHOTOMETRIC, _SAMPLE_FORMAT = 258, 262, 339
_SIGNED = 2
_ORIENTATION_TAG = 0x0112

_DARK = 64  # of the upper 8 bits: 14 of 16 bits
_OPAQUE, _WHITE, _NEARLY_ALL = 128, 232, 0.98
_GREYS = (204, 153)


def orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 (upright) where there is none that can be read."""
    if not may_have_exif(image):
        return 1
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # a broken EXIF block must not cost the image; `images.probe` remarks on it
        return 1
    return value if isinstance(value, int) else 1


def may_have_exif(image: Image.Image) -> bool:
    """Tell whether there may be an EXIF block; to ask a PNG file that has none decodes the whole of it."""
    if not isinstance(image, PngImageFile) or image.fp is None:
        return True
    return bool(_EXIF_KEYS & image.info.keys() or _EXIF_CHUNKS & kinds_after_pixels(image.fp))


def upright(picture: Image.Image, turn: int) -> Image.Image:
    """Turn an image by the value of its EXIF orientation, 1 to 8; any other value leaves it alone."""
    return picture.transpose(_UPRIGHT[turn]) if turn in _UPRIGHT else picture


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert any mode to RGB: deep images by range, transparency on white; raises ValueError for LAB.

    What is white itself would be invisible on white: it is put on a checkerboard.
    """
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if is_deep_grey(image):
        return _greyby_range(image)
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        if image.mode in ("La", "RGBa"):
            image = image.convert(image.mode[:-1] + "A")
        return _on_background(image.convert("RGBA"))
    return image.convert("RGB")


def is_deep_grey(image: Image.Image) -> bool:
    """Tell whether an image has one channel of more than 8 bits, or of numbers with a sign."""
    return image.mode == "F" or image.mode.startswith("I") or (image.mode == "L" and _has_sign(image))


def grey_values(image: Image.Image) -> npt.NDArray[Any]:
    """Return the values of a deep grey image; Pillow takes 8 bits for unsigned and 32 bits for signed."""
    values = np.asarray(image)
    if image.mode == "L" and _has_sign(image):
        return values.view(np.int8)
    if image.mode == "I" and isinstance(image, TiffImageFile) and not _has_sign(image):
        return values.view(np.uint32) if image.tag_v2.get(_BITS, (1,))[0] == 32 else values
    return values


def _has_sign(image: Image.Image) -> bool:
    return isinstance(image, TiffImageFile) and image.tag_v2.get(_SAMPLE_FORMAT, (1,))[0] == _SIGNED


def has_white_zero(image: Image.Image) -> bool:
    """Tell whether the zero of a deep grey TIFF image is white, which Pillow respects up to 8 bits only."""
    tags = image.tag_v2 if isinstance(image, TiffImageFile) else {}
    return is_deep_grey(image) and image.mode != "L" and tags.get(_PHOTOMETRIC) == 0


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
    values = grey_values(image).astype(np.float32)
    values[~np.isfinite(values)] = np.nan
    levels = by_range(values)
    return Image.fromarray(255 - levels if has_white_zero(image) else levels).convert("RGB")


def joined_bytes(image: Image.Image, low_bytes: Image.Image) -> npt.NDArray[np.uint16]:
    """Return the colours of a 16-bit image, of shape (height, width, 3).

    Parameters
    ----------
    image : PIL.Image.Image
        As Pillow gives it, with the upper 8 of 16 bits; RGB, RGBA or RGBX.
    low_bytes : PIL.Image.Image
        The lower 8 bits: see `swapped_bytes`.
    """
    deep = np.asarray(image)[..., :3].astype(np.uint16)
    deep <<= 8
    deep |= np.asarray(low_bytes)[..., :3]
    return deep


def deep_colours(image: Image.Image, low_bytes: Image.Image) -> Image.Image:
    """Map the range of a 16-bit colour image to 0..255, all channels alike; parameters as `joined_bytes`."""
    colours = Image.fromarray(by_range(joined_bytes(image, low_bytes).astype(np.float32)))
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

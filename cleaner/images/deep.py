"""Open images with more than 8 bits a channel by their values."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PIL import ImageFile

from cleaner.errors import ImageError
from cleaner.images.colours import (
    grey_values,
    has_white_zero,
    is_dark_and_deep,
    is_deep_grey,
    joined_bytes,
    orientation,
)
from cleaner.images.decode import damage, has_deep_colours, open_file, open_header, slim_png, swapped_bytes
from cleaner.images.levels import DeepImage, compact, scale_of, window_of_range


def open_deep(source: Path | bytes) -> DeepImage | None:
    """Return the values of an image with more than 8 bits a channel; None if it has no more.

    Parameters
    ----------
    source : Path or bytes
        A file, or the bytes of one.

    Raises
    ------
    ImageError
        It cannot be read, with the reason.
    """
    try:
        return _open(source)
    except ImageError:
        slim = slim_png(source)
        if slim is None:
            raise
    return _open(slim)


def _open(source: Path | bytes) -> DeepImage | None:
    with open_file(source) as file:
        image = open_header(file)
        try:
            if image.format == "DICOM":
                return image.deep()  # type: ignore[attr-defined, no-any-return] # pydicom is loaded by now
            if has_deep_colours(image):
                return _of_colours(image, source)
            if is_deep_grey(image):
                image.load()
                return _of_grey(image)
        except ImageError:
            raise
        except Exception as exc:  # damaged files make decoders raise anything, IndexError too
            raise ImageError(damage(exc)) from exc
    return None


def _of_grey(image: ImageFile.ImageFile) -> DeepImage:
    turn = orientation(image)  # only now: Pillow turns TIFF images upright while loading
    values = compact(grey_values(image))
    return DeepImage(values=values, scale=scale_of(values), turn=turn, inverted=has_white_zero(image))


def _of_colours(image: ImageFile.ImageFile, source: Path | bytes) -> DeepImage:
    image.load()
    turn = orientation(image)
    with open_file(source) as file:
        low_bytes = open_header(file)
        swapped_bytes(low_bytes)
        low_bytes.load()
        values = joined_bytes(image, low_bytes)
    scale = scale_of(values)
    if not is_dark_and_deep(image):  # then the whole range is shown, as everywhere
        scale = replace(scale, windows=(window_of_range(0, 65535),))
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    return DeepImage(values=values, scale=replace(scale, kind="16-bit colour"), turn=turn, alpha=alpha)

"""DICOM images for Pillow, read by pydicom: the window of grey levels that the file asks for, as in a viewer.

Import this only where a DICOM file is at hand: pydicom is an extra, and takes a second to load.
"""

from __future__ import annotations

from typing import Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt
import pydicom
from PIL import Image, ImageFile
from pydicom.errors import InvalidDicomError
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi
from pydicom.pixels.utils import pixel_array

from cleaner.errors import ImageError
from cleaner.images.levels import Curve, DeepImage, Scale, Window, compact, scale_of, window_of_range

FORMAT = "DICOM"

_LIBJPEG = "pip install pylibjpeg pylibjpeg-libjpeg reads it"
_OPENJPEG = "pip install pylibjpeg pylibjpeg-openjpeg reads it"
_VIDEO = "it is a video: save its frames as images"
_JPEG = "1.2.840.10008.1.2.4."
_READERS = {
    f"{_JPEG}5": _LIBJPEG,
    f"{_JPEG}70": _LIBJPEG,
    f"{_JPEG}8": "pip install pyjpegls reads it",
    f"{_JPEG}90": _OPENJPEG,
    f"{_JPEG}91": _OPENJPEG,
    f"{_JPEG}10": _VIDEO,
    f"{_JPEG}201": _OPENJPEG,
    f"{_JPEG}202": _OPENJPEG,
    f"{_JPEG}203": _OPENJPEG,
    "1.2.840.10008.1.2.7.": _VIDEO,
}
"""What to do about a transfer syntax that pydicom cannot read alone, by how it begins."""


class _Loader(ImageFile.StubHandler):
    def open(self, im: ImageFile.StubImageFile) -> None:
        """Do nothing: the header was read when the image was opened."""

    def load(self, im: ImageFile.StubImageFile) -> Image.Image:
        """Read the pixels."""
        data, pixels = _pixels(cast("BinaryIO", im.fp))
        if pixels.ndim == 3 and pixels.dtype == np.uint8:
            return Image.fromarray(pixels)
        return _deep(data, pixels).shown()


class DicomImageFile(ImageFile.StubImageFile):
    """A DICOM file: its first frame as an RGB image.

    Attributes
    ----------
    n_frames : int
    """

    format = FORMAT
    format_description = "DICOM"

    def _open(self) -> None:
        try:
            header = pydicom.dcmread(cast("BinaryIO", self.fp), stop_before_pixels=True)
        except InvalidDicomError as exc:
            raise SyntaxError(str(exc)) from exc  # what Pillow takes for "another format"
        if "Rows" not in header or "Columns" not in header:
            raise ImageError("a DICOM file without an image")
        self.n_frames = int(header.get("NumberOfFrames") or 1)
        self._size = int(header.Columns), int(header.Rows)
        self._mode = "RGB"
        self._handler = _Loader()

    def _load(self) -> ImageFile.StubHandler | None:
        return self._handler  # older versions of Pillow ask for it

    def deep(self) -> DeepImage | None:
        """Return the values of the first frame; None for colours of 8 bits."""
        data, pixels = _pixels(cast("BinaryIO", self.fp))
        return None if pixels.ndim == 3 and pixels.dtype == np.uint8 else _deep(data, pixels)


def _pixels(file: BinaryIO) -> tuple[pydicom.Dataset, npt.NDArray[Any]]:
    """Return a data set with the pixels of its first frame; colours as RGB."""
    file.seek(0)
    data = pydicom.dcmread(file)
    try:
        pixels = pixel_array(data, index=0)
    # pydicom raises a kind of RuntimeError for a compression that it does not know.
    except (RuntimeError, AttributeError) as exc:
        raise ImageError(_cannot_be_opened(data)) from exc
    if data.get("PhotometricInterpretation") == "PALETTE COLOR":
        pixels = apply_color_lut(pixels, data)
        if pixels.dtype != np.uint8:  # palettes are of 8 or of 16 bits, however many are in use
            pixels = (pixels >> 8).astype(np.uint8)
    if pixels.ndim == 3 and data.BitsStored <= 8:
        pixels = pixels.astype(np.uint8)
    return data, pixels


def _cannot_be_opened(data: pydicom.Dataset) -> str:
    """Say of which kind a file is, and what reads it."""
    kind = getattr(getattr(data, "file_meta", None), "TransferSyntaxUID", None)
    if kind is None:
        return "a kind of DICOM that cannot be opened: it does not say how its pixels are stored"
    for begin in sorted(_READERS, key=len, reverse=True):
        if kind.startswith(begin):
            return f"a kind of DICOM ({kind.name}) that cannot be opened; {_READERS[begin]}"
    return f"a kind of DICOM ({kind.name}) that cannot be opened"


def _deep(data: pydicom.Dataset, pixels: npt.NDArray[Any]) -> DeepImage:
    values = compact(pixels)
    if pixels.ndim == 3:
        return DeepImage(values=values, scale=scale_of(values))
    inverted = data.get("PhotometricInterpretation") == "MONOCHROME1"
    rescaling = _of_frame(data, "PixelValueTransformationSequence")
    slope, intercept = 1.0, 0.0
    if "ModalityLUTSequence" in rescaling:
        values = compact(apply_modality_lut(pixels, rescaling))
    elif "RescaleSlope" in rescaling:
        slope = float(rescaling.RescaleSlope or 1.0)
        intercept = float(rescaling.get("RescaleIntercept") or 0.0)
    padding = data.get("PixelPaddingValue")
    used = values if padding is None or (pixels == padding).all() else values[pixels != padding]
    found = scale_of(used)
    low, high = sorted((found.low * slope + intercept, found.high * slope + intercept))
    unit = _unit(data, rescaling)
    kind = " ".join(filter(None, (str(data.get("Modality") or ""), unit))) or FORMAT
    viewing = _of_frame(data, "FrameVOILUTSequence")
    windows = _windows(viewing)
    if not windows and "VOILUTSequence" in viewing:  # a curve of the file's own instead of a window
        values, slope, intercept = compact(apply_voi(values, viewing)), 1.0, 0.0
        curved = scale_of(values)
        low, high, kind, unit = curved.low, curved.high, f"{kind} curve", ""
    windows = windows or (window_of_range(low, high),)
    curves: dict[str, Curve] = {"SIGMOID": "sigmoid", "LINEAR_EXACT": "exact"}
    shape = str(viewing.get("VOILUTFunction") or "")
    return DeepImage(
        values=values,
        scale=Scale(kind=kind, unit=unit, low=low, high=high, windows=windows),
        slope=slope,
        intercept=intercept,
        inverted=inverted,
        curve=curves.get(shape, "linear") if "WindowWidth" in viewing else "exact",
    )


def _of_frame(data: pydicom.Dataset, group: str) -> pydicom.Dataset:
    """Return what holds the attributes of a functional group: of the first frame, of all, or the data set."""
    for part in ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"):
        frames = data.get(part)
        if frames and frames[0].get(group):
            return cast("pydicom.Dataset", frames[0].get(group)[0])
    return data


def _unit(data: pydicom.Dataset, rescaling: pydicom.Dataset) -> str:
    """Return the unit of the rescaled values; of a CT scan they are Hounsfield units, said or not."""
    if "RescaleSlope" not in rescaling:
        return ""
    named = str(rescaling.get("RescaleType") or data.get("Units") or "")
    usual = "HU" if data.get("Modality") == "CT" else ""
    return usual if named in ("", "US") else named  # US: unspecified


def _windows(data: pydicom.Dataset) -> tuple[Window, ...]:
    """Return the windows that a file names (PS3.3 C.11.2.1.2); those that show nothing are left out."""
    centers, widths = (_listed(data.get(name)) for name in ("WindowCenter", "WindowWidth"))
    names = [str(name) for name in _listed(data.get("WindowCenterWidthExplanation"))]
    names += [""] * len(centers)
    found = (Window(float(c), float(w), name) for c, w, name in zip(centers, widths, names, strict=False))
    return tuple(window for window in found if window.width > 0)


def _listed(value: Any) -> list[Any]:
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, pydicom.multival.MultiValue) else [value]

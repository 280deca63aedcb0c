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
from pydicom.pixels.processing import apply_modality_lut
from pydicom.pixels.utils import pixel_array

from cleaner.errors import ImageError
from cleaner.images.ranges import by_range

FORMAT = "DICOM"


class _Loader(ImageFile.StubHandler):
    def open(self, im: ImageFile.StubImageFile) -> None:
        """Do nothing: the header was read when the image was opened."""

    def load(self, im: ImageFile.StubImageFile) -> Image.Image:
        """Read the pixels."""
        file = cast("BinaryIO", im.fp)
        file.seek(0)
        data = pydicom.dcmread(file)
        try:
            pixels = pixel_array(data, index=0)
        # pydicom raises NotImplementedError for a compression that it does not know.
        except (NotImplementedError, RuntimeError, AttributeError) as exc:
            kind = getattr(getattr(data, "file_meta", None), "TransferSyntaxUID", None)
            name = f" ({kind.name})" if kind is not None else ""
            raise ImageError(f"a kind of DICOM{name} that cannot be opened") from exc
        return Image.fromarray(_as_seen(pixels, data)).convert("RGB")


class DicomImageFile(ImageFile.StubImageFile):
    """A DICOM file: its first frame as an RGB image."""

    format = FORMAT
    format_description = "DICOM"

    def _open(self) -> None:
        try:
            header = pydicom.dcmread(cast("BinaryIO", self.fp), stop_before_pixels=True)
        except InvalidDicomError as exc:
            raise SyntaxError(str(exc)) from exc  # what Pillow takes for "another format"
        if "Rows" not in header or "Columns" not in header:
            raise ImageError("a DICOM file without an image")
        self._size = int(header.Columns), int(header.Rows)
        self._mode = "RGB"
        self._handler = _Loader()

    def _load(self) -> ImageFile.StubHandler | None:
        return self._handler  # older versions of Pillow ask for it


def _as_seen(pixels: npt.NDArray[Any], data: pydicom.Dataset) -> npt.NDArray[np.uint8]:
    """Return the levels that a viewer shows: 8 bits, white bright."""
    if pixels.ndim == 3:  # colours
        return pixels.astype(np.uint8) if data.BitsStored <= 8 else by_range(pixels.astype(np.float32))
    values = np.asarray(apply_modality_lut(pixels, data), dtype=np.float32)
    levels = _windowed(values, data)
    if levels is None:
        padding = data.get("PixelPaddingValue")
        if padding is not None:
            values[pixels == padding] = np.nan
        levels = by_range(values)
    return 255 - levels if data.get("PhotometricInterpretation") == "MONOCHROME1" else levels


def _windowed(values: npt.NDArray[np.float32], data: pydicom.Dataset) -> npt.NDArray[np.uint8] | None:
    """Apply the first window of grey levels that a file names (PS3.3 C.11.2.1.2); None if it names none."""
    center, width = (_first(data.get(name)) for name in ("WindowCenter", "WindowWidth"))
    if center is None or width is None or width < 1:
        return None
    shares = (values - (center - 0.5)) / max(width - 1, 1e-6) + 0.5
    levels: npt.NDArray[np.uint8] = (255 * shares.clip(0, 1)).round().astype(np.uint8)
    return levels


def _first(value: Any) -> float | None:
    if value is None or value == "":
        return None
    several = isinstance(value, pydicom.multival.MultiValue)
    return float(value[0] if several else value) if not several or len(value) else None

"""The values of images with more than 8 bits, and the window of them that is shown.

A screen shows 256 levels. Which values of a scan, a microscope or a float image they stand for is the window:
all below it is black, all above it is white.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from cleaner.images.colours import to_rgb, upright
from cleaner.images.ranges import robust_range

Curve = Literal["exact", "linear", "sigmoid"]


@dataclass(frozen=True, slots=True)
class Window:
    """Which values are shown, from black to white.

    Parameters
    ----------
    center, width : float
        In the unit of the values; the width is greater than 0.
    name : str
        What the file calls it ("BONE"); or "".
    """

    center: float
    width: float
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """What the values of an image mean.

    Parameters
    ----------
    kind : str
        Images of the same kind have comparable values, so that a window of one suits the other: "CT HU".
    unit : str
        "HU" for a CT scan; "" where the file names none.
    low, high : float
        The range of the values, but for a few outliers.
    windows : tuple of Window
        Those that the file names, or one for its range; the first is shown unless another one is asked for.
    """

    kind: str
    unit: str
    low: float
    high: float
    windows: tuple[Window, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeepImage:
    """An image with more than 8 bits a channel, as it is stored.

    Parameters
    ----------
    values : array of shape (height, width) or (height, width, 3)
        Integers of 16 bits, or float32; see `compact`.
    slope, intercept : float
        What a value means: ``values * slope + intercept``.
    scale : Scale
    inverted : bool
        Low values are bright.
    curve : str
        How values become levels within a window: "exact" from end to end, "linear" and "sigmoid" as DICOM
        defines them (PS3.3 C.11.2.1.2 and .3).
    turn : int
        The EXIF orientation that is to be undone.
    alpha : PIL.Image.Image or None
        Opacity, as the image is stored.
    """

    values: npt.NDArray[Any]
    scale: Scale
    slope: float = 1.0
    intercept: float = 0.0
    inverted: bool = False
    curve: Curve = "exact"
    turn: int = 1
    alpha: Image.Image | None = None

    @property
    def nbytes(self) -> int:
        """How much memory the values take."""
        return self.values.nbytes

    def shown(self, window: Window | None = None) -> Image.Image:
        """Return the image as RGB, upright, through a window; by default the first of its scale."""
        window = window or self.scale.windows[0]
        picture = Image.fromarray(self._levels(window))
        if self.alpha is not None:
            picture.putalpha(self.alpha)
        return upright(to_rgb(picture), self.turn)

    def reduced(self, max_side_px: int) -> DeepImage:
        """Return the image with a longer side of at most this; itself if it is no larger."""
        height, width = self.values.shape[:2]
        if max(width, height) <= max_side_px:
            return self
        share = max_side_px / max(width, height)
        size = max(1, round(width * share)), max(1, round(height * share))
        # By areas, so that a value that is not-a-number spoils no neighbour.
        bands = [
            np.asarray(Image.fromarray(band).resize(size, Image.Resampling.BOX))
            for band in np.moveaxis(np.atleast_3d(self.values).astype(np.float32), -1, 0)
        ]
        values = bands[0] if self.values.ndim == 2 else np.stack(bands, axis=-1)
        if self.values.dtype.kind in "iu":
            values = values.round().astype(self.values.dtype)
        alpha = None if self.alpha is None else self.alpha.resize(size, Image.Resampling.BOX)
        return replace(self, values=values, alpha=alpha)

    def _levels(self, window: Window) -> npt.NDArray[np.uint8]:
        """Return 0 to 255 for each value; not-a-number becomes 0."""
        center, width = window.center, window.width
        if self.curve == "linear":
            center, width = center - 0.5, max(width - 1, 1e-6)
        # Divided first, as the difference alone could be too large for 32 bits.
        shares = self.values.astype(np.float32)
        shares *= np.float32(self.slope / width)
        shares += np.float32((self.intercept - center) / width)
        if self.curve == "sigmoid":
            shares = 1 / (1 + np.exp(-4 * shares.clip(-20, 20)))
        else:
            shares += 0.5
        shares = np.nan_to_num(shares, copy=False).clip(0, 1, out=shares)
        shares *= 255
        levels: npt.NDArray[np.uint8] = shares.round(out=shares).astype(np.uint8)
        return 255 - levels if self.inverted else levels


def window_of_range(low: float, high: float) -> Window:
    """Return the window from one value to another one."""
    width = high - low if high > low else 1.0
    return Window(low + width / 2, width)


def compact(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return values as integers of 16 bits where they are such, else as float32; infinity is not-a-number."""
    if values.dtype.kind == "f":
        return np.where(np.isfinite(values), values, np.nan).astype(np.float32)
    if values.dtype.itemsize == 2:
        return values.astype(values.dtype.newbyteorder("="))
    low, high = int(values.min()), int(values.max())
    fitting = next((kind for kind in (np.uint16, np.int16) if _fits(low, high, kind)), np.float32)
    return values.astype(fitting)


def _fits(low: int, high: int, kind: type[np.integer[Any]]) -> bool:
    return bool(np.iinfo(kind).min <= low and high <= np.iinfo(kind).max)


def scale_of(values: npt.NDArray[Any]) -> Scale:
    """Return the scale of values of which nothing is known but their range."""
    low, high = (0.0, 1.0) if np.isnan(values).all() else map(float, robust_range(values))
    kind = "float" if values.dtype.kind == "f" else "16-bit"
    return Scale(kind=kind, unit="", low=low, high=high, windows=(window_of_range(low, high),))

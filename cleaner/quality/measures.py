"""What is measured on one image, from which `cleaner.quality.problems` makes scores.

All on the image as `open_image` gives it, its longer side at most 256 pixels: how an image looks as a
whole, whatever the camera's resolution.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

WORKING_SIDE_PX = 256

MEASURES = ("highlight", "shadow", "entropy_bits", "blur", "colour")
"""Names of the measures, in the order in which they are kept.

highlight
    99th percentile of the largest of red, green and blue, 0..1. (By luma, saturated red counts as dark.)
shadow
    5th percentile of the smallest of the three, 0..1. (By luma, saturated yellow counts as washed out.)
entropy_bits
    Shannon entropy of the histogram of grey values, 0..8: how many values there are to tell apart.
blur
    The perceptual blur metric, 0 (sharp) to 1; see `blur_effect`.
colour
    99th percentile of the difference between the largest and the smallest of red, green and blue, 0..1: 0 in
    a grey image, whatever it is stored as.
"""

_BLUR_WINDOW_PX = 5


def measure(picture: Image.Image) -> dict[str, float]:
    """Measure an image.

    Parameters
    ----------
    picture : PIL.Image.Image
        RGB, the longer side at most `WORKING_SIDE_PX`.

    Returns
    -------
    dict of str to float
        One value for each of `MEASURES`.
    """
    luma = picture.convert("L")
    red, green, blue = picture.split()
    most = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    least = ImageChops.darker(ImageChops.darker(red, green), blue)
    shares = _shares(luma)
    present = shares[shares > 0]
    return {
        "highlight": _percentile(_shares(most), 99),
        "shadow": _percentile(_shares(least), 5),
        "entropy_bits": float(-(present * np.log2(present)).sum()),
        "blur": blur_effect(np.asarray(luma, dtype=np.float32)),
        "colour": _percentile(_shares(ImageChops.subtract(most, least)), 99),
    }


def blur_effect(grey: NDArray[np.float32]) -> float:
    """Return the perceptual blur metric of Crete, Dolmiere, Ladret and Nicolas (2007), 0 sharp to 1 blurred.

    The image is blurred once more: what was sharp loses most of the differences between neighbouring
    pixels, what was blurred keeps them. The metric is the share that is kept, in the worse direction. A
    image without any difference has nothing sharp in it, and gets 1.

    Parameters
    ----------
    grey : float32, shape (height, width)
        Any scale.
    """
    kept = []
    for axis in (0, 1):
        before = np.diff(grey, axis=axis)
        after = _smooth(before, axis=axis)  # what blurring leaves of a difference is their mean
        lost = np.maximum(np.abs(before) - np.abs(after), 0)
        total = float(np.abs(before).sum())
        if total:  # in plain stripes there is none along them
            kept.append(1 - float(lost.sum()) / total)
    return max(kept, default=1.0)


def _smooth(values: NDArray[np.float32], *, axis: int) -> NDArray[np.float32]:
    """Replace each value by the mean of those within the window; beyond the border all are 0."""
    half = _BLUR_WINDOW_PX // 2
    lines = np.moveaxis(values, axis, 0)
    padded = np.pad(lines, ((half, half), (0, 0)))
    total = padded[: len(lines)].copy()
    for shift in range(1, _BLUR_WINDOW_PX):
        total += padded[shift : shift + len(lines)]
    total /= _BLUR_WINDOW_PX
    return np.moveaxis(total, 0, axis)


def _shares(band: Image.Image) -> NDArray[np.float64]:
    """Return the share of pixels that have each value, shape (256,)."""
    counts = np.array(band.histogram(), dtype=np.float64)
    shares: NDArray[np.float64] = counts / counts.sum()
    return shares


def _percentile(shares: NDArray[np.float64], percent: float) -> float:
    """Return the smallest value that so many pixels do not exceed, 0..1."""
    return float(np.searchsorted(np.cumsum(shares), percent / 100 - 1e-9)) / 255

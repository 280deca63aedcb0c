"""The range of the values of a deep image, and its way to 0..255."""

import numpy as np
import numpy.typing as npt

_FEW_VALUES = 16
_FAR = 0.1  # of the range of all other pixels


def by_range(values: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Map the range of some values to 0..255; not-a-number becomes 0."""
    if np.isnan(values).all():
        return np.zeros(values.shape, np.uint8)
    low, high = robust_range(values)
    scale = 255.0 / (high - low) if high > low else 0.0
    scaled = values * scale  # first, as the difference alone could be too large for 32 bits
    scaled -= low * scale
    levels: npt.NDArray[np.uint8] = np.nan_to_num(scaled).round().clip(0, 255).astype(np.uint8)
    return levels


def robust_range(values: npt.NDArray[np.float32]) -> tuple[float, float]:
    """Return the least and the greatest value, but for a few hot or dead pixels far from all others."""
    finite = values[~np.isnan(values)]
    bands = values.shape[2] if values.ndim == 3 else 1
    few = bands * max(1, finite.size // bands // 10_000)
    if finite.size < _FEW_VALUES:
        return float(finite.min()), float(finite.max())
    last = finite.size - 1
    low, inner_low, inner_high, high = np.partition(finite, (0, few, last - few, last))[
        [0, few, last - few, last]
    ].tolist()
    far = _FAR * (inner_high - inner_low)
    if far > 0:
        low = inner_low if inner_low - low > far else low
        high = inner_high if high - inner_high > far else high
    return low, high

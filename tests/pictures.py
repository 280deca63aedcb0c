"""Small pictures for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = {"red": (200, 40, 40), "green": (40, 180, 60), "blue": (40, 60, 200)}


def make_picture(path: Path, colour: tuple[int, int, int], *, seed: int = 0, size_px: int = 24) -> Path:
    """Write one small noisy picture of mostly one colour."""
    rng = np.random.default_rng(seed)
    noise = rng.integers(-25, 26, (size_px, size_px, 3))
    pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path

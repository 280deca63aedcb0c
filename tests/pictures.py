"""Small pictures for tests."""

from __future__ import annotations

import shutil
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


def draw_pattern(path: Path, seed: int, *, width: int = 96) -> None:
    """Write a picture of coloured fields that no other seed gives."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    size = (width, width * 3 // 4)
    Image.fromarray(pixels).resize(size, Image.Resampling.NEAREST).save(path)


def make_copies(folder: Path) -> Path:
    """Lay out twelve pictures; a copy of the first in another split, a smaller second one, a black one."""
    for k in range(12):
        draw_pattern(folder / ("train" if k % 3 else "valid") / "ab"[k % 2] / f"{k:02d}.png", k)
    shutil.copy(folder / "valid" / "a" / "00.png", folder / "train" / "a" / "copy.png")
    draw_pattern(folder / "train" / "b" / "small.png", 1, width=72)
    Image.new("RGB", (96, 72)).save(folder / "train" / "a" / "black.png")
    return folder


def make_collages(root: Path, n: int = 48, *, missing: int = 0) -> dict[str, str]:
    """Write pictures of no, one or two coloured halves on grey, and ``labels.csv`` with a separator.

    Every third of them is for validation. The first ``missing`` pictures of two colours get the label of one.

    Returns
    -------
    dict of str to str
        The right labels by name.
    """
    rng, names = np.random.default_rng(0), list(COLOURS)
    root.mkdir(parents=True, exist_ok=True)
    right: dict[str, str] = {}
    rows = ["name,label,split"]
    for i in range(n):
        shown = sorted(rng.choice(names, (0, 1, 1, 2, 2, 2)[i % 6], replace=False).tolist())
        pixels = np.full((24, 24, 3), 128)
        for colour, half in zip(shown, rng.permutation(2), strict=False):
            pixels[:, 12 * half : 12 * half + 12] = COLOURS[colour]
        noisy = np.clip(pixels + rng.integers(-20, 21, pixels.shape), 0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(root / f"{i:02d}.png")
        right[f"{i:02d}.png"] = ";".join(shown) or ";"
        lacking = len(shown) == 2 and missing > 0
        missing -= lacking
        label = shown[0] if lacking else right[f"{i:02d}.png"]
        rows.append(f"{i:02d}.png,{label},{'valid' if i // 6 % 3 == 0 else 'train'}")
    (root / "labels.csv").write_text("\n".join(rows) + "\n")
    return right

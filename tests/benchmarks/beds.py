"""Data sets with known answers, for the benchmarks beside this file."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

DATA = Path(__file__).resolve().parents[2] / ".." / "shared" / "data"

# Copies that the photographers handed in twice, seen by eye; the published set does not say so.
SOURCE_COPIES = (
    ("6075b4a5-5b1a-4ce0-aea0-9dbfbca7c35c.jpg", "637a56e4-7fa6-4f75-8859-0f8902461554.jpg"),
    ("b59e4d4a-a283-4868-8a81-2f24d8b9c8d8.jpg", "e6a8b33f-279c-4072-8dba-229d94205e55.jpg"),
)


class Known(NamedTuple):
    """A copy that was put in."""

    original: str
    copy: str
    kind: str
    leak: bool


def lay_out_clothing(root: Path) -> list[Known]:
    """Write the clothing photos with the 120 copies, once; return the copies, names relative to ``root``."""
    clothing = DATA / "clothing"
    place = {}
    with (clothing / "labels.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            place[row["name"]] = f"{row['split']}/{row['true_label']}/{row['name']}"
    known = []
    with (clothing / "duplicates.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            place[row["duplicate"]] = f"{row['duplicate_split']}/{row['duplicate_label']}/{row['duplicate']}"
            leak = row["original_split"] != row["duplicate_split"]
            known.append(Known(place[row["original"]], place[row["duplicate"]], row["kind"], leak))
    if not root.exists():
        for archive in ("images.zip", "duplicates.zip"):
            with zipfile.ZipFile(clothing / archive) as packed:
                for member in packed.namelist():
                    path = root / place[Path(member).name]
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(packed.read(member))
    return known


def clothing_photos(n: int, seed: int) -> list[Image.Image]:
    """Return some of the clothing photos."""
    with zipfile.ZipFile(DATA / "clothing" / "images.zip") as packed:
        names = sorted(packed.namelist())
        chosen = np.random.default_rng(seed).choice(len(names), n, replace=False)
        return [Image.open(io.BytesIO(packed.read(names[k]))).convert("RGB") for k in chosen]


def jpeg(picture: Image.Image, quality: int = 85) -> Image.Image:
    """Return the picture as it comes out of a JPEG file."""
    data = io.BytesIO()
    picture.convert("RGB").save(data, "JPEG", quality=quality)
    return Image.open(io.BytesIO(data.getvalue())).convert("RGB")


def _crop(share: float, rng: np.random.Generator) -> Callable[[Image.Image], Image.Image]:
    def crop(picture: Image.Image) -> Image.Image:
        left, right = rng.uniform(0.5, 1.5, 2) * share * picture.width
        top, bottom = rng.uniform(0.5, 1.5, 2) * share * picture.height
        box = (round(left), round(top), round(picture.width - right), round(picture.height - bottom))
        return picture.crop(box)

    return crop


def _resize(across: float, down: float) -> Callable[[Image.Image], Image.Image]:
    return lambda p: p.resize((max(1, round(p.width * across)), max(1, round(p.height * down))))


def _write(picture: Image.Image) -> Image.Image:
    marked = picture.copy()
    text = {"fill": "white", "font_size": max(8, picture.width // 8)}
    ImageDraw.Draw(marked).text((picture.width * 0.1, picture.height * 0.8), "SAMPLE.COM", **text)
    return marked


def edits(seed: int = 7) -> dict[str, Callable[[Image.Image], Image.Image]]:
    """Return what people and tools do to copies; each result is a JPEG of quality 85 unless it says else."""
    rng = np.random.default_rng(seed)
    changes: dict[str, Callable[[Image.Image], Image.Image]] = {
        "resized to 75 %": _resize(0.75, 0.75),
        "resized to 40 %": _resize(0.4, 0.4),
        "resized to 25 %": _resize(0.25, 0.25),
        "squeezed to 85 % of its width": _resize(0.85, 1),
        "cropped by 2 % a side": _crop(0.02, rng),
        "cropped by 5 % a side": _crop(0.05, rng),
        "cropped by 10 % a side": _crop(0.10, rng),
        "cropped by 15 % a side": _crop(0.15, rng),
        "30 % brighter": lambda p: ImageEnhance.Brightness(p).enhance(1.3),
        "40 % darker": lambda p: ImageEnhance.Brightness(p).enhance(0.6),
        "contrast 1.4": lambda p: ImageEnhance.Contrast(p).enhance(1.4),
        "grey": lambda p: p.convert("L").convert("RGB"),
        "red and blue exchanged": lambda p: Image.merge("RGB", p.split()[::-1]),
        "blurred, 2 px": lambda p: p.filter(ImageFilter.GaussianBlur(2)),
        "text on it": _write,
        "mirrored": ImageOps.mirror,
        "turned by 2°": lambda p: p.rotate(2, Image.Resampling.BILINEAR),
    }
    as_jpeg = {name: (lambda p, change=change: jpeg(change(p))) for name, change in changes.items()}
    return {"JPEG quality 60": lambda p: jpeg(p, 60), "JPEG quality 20": lambda p: jpeg(p, 20), **as_jpeg}


def other_pictures() -> Iterator[tuple[str, list[Image.Image]]]:
    """Yield sets of other kinds, all of different pictures: digits, tiles of two photos, charts."""
    from sklearn.datasets import load_digits, load_sample_images

    yield (
        "digits of 8 × 8, enlarged",
        [
            Image.fromarray((16 * d).clip(0, 255).astype(np.uint8)).convert("RGB").resize((64, 64))
            for d in load_digits().images
        ],
    )
    photos = [Image.fromarray(pixels) for pixels in load_sample_images().images]
    yield (
        "tiles of two photos, half overlapping",
        [
            photo.crop((x, y, x + 128, y + 96))
            for photo in photos
            for y in range(0, photo.height - 96, 48)
            for x in range(0, photo.width - 128, 64)
        ],
    )
    rng = np.random.default_rng(1)
    yield "line charts of one layout", [line_chart(rng, title=f"run {k}") for k in range(300)]


def line_chart(rng: np.random.Generator, *, title: str = "") -> Image.Image:
    """Draw a small chart of a random walk."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2.4, 1.8), dpi=80)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.plot(np.cumsum(rng.normal(size=60)))
    axes.set_title(title)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())[:, :, :3].copy())


# ---------------------------------------------------------------- drawn kinds


def _around(n: int, radii: tuple[float, ...] = (1.0,)) -> np.ndarray:
    """Return the corners of a figure about the origin, shape (n, 2), at these distances in turn."""
    angles = 2 * np.pi * np.arange(n) / n
    return np.resize(radii, n)[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)


_FIGURES = {
    "disc": _around(40),
    "triangle": _around(3),
    "square": _around(4),
    "star": _around(10, (1.0, 0.45)),
    "hexagon": _around(6),
    "blade": _around(4, (1.0, 0.35)),
}
_TEXTURES = ("striped", "dotted")


def _colour(rng: np.random.Generator) -> tuple[int, int, int]:
    red, green, blue = rng.integers(0, 256, 3).tolist()
    return red, green, blue


def _texture(name: str, size_px: int, rng: np.random.Generator) -> Image.Image:
    """Return stripes or dots of two colours that differ, at any angle and of any width."""
    turn, period_px = rng.uniform(0, np.pi), rng.uniform(7, 16)
    y, x = np.mgrid[:size_px, :size_px] * (2 * np.pi / period_px)
    u, v = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    front = np.cos(u) > 0 if name == "striped" else np.cos(u) + np.cos(v) > 0.5
    one = rng.integers(0, 256, 3)
    other = (one + rng.integers(80, 176, 3)) % 256
    return Image.fromarray(np.where(front[:, :, None], one, other).astype(np.uint8))


def drawn_figures(each: int, seed: int, *, size_px: int = 128) -> Iterator[tuple[str, Image.Image]]:
    """Yield pictures of 12 kinds and their names: six figures, striped or dotted, among clutter.

    Place, size, turn and colours are any; lines and small figures lie behind, and lines across.
    """
    rng = np.random.default_rng(seed)
    for figure, corners in _FIGURES.items():
        for texture in _TEXTURES:
            for _ in range(each):
                cloudy = rng.integers(0, 256, (5, 5, 3)).astype(np.uint8)
                picture = Image.fromarray(cloudy).resize((size_px, size_px), Image.Resampling.BICUBIC)
                pen = ImageDraw.Draw(picture)
                for _ in range(rng.integers(3, 8)):
                    small = list(_FIGURES.values())[rng.integers(len(_FIGURES))]
                    at = rng.uniform(0, size_px, 2) + rng.uniform(3, 12) * small
                    pen.polygon([tuple(point) for point in at.tolist()], fill=_colour(rng))
                turn, radius_px = rng.uniform(0, 2 * np.pi), size_px * rng.uniform(0.15, 0.4)
                matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
                at = rng.uniform(0.3, 0.7, 2) * size_px + radius_px * corners @ matrix
                mask = Image.new("L", picture.size)
                ImageDraw.Draw(mask).polygon([tuple(point) for point in at.tolist()], fill=255)
                picture.paste(_texture(texture, size_px, rng), mask=mask)
                for _ in range(rng.integers(1, 5)):
                    ends = rng.uniform(0, size_px, 4).tolist()
                    pen.line(ends, fill=_colour(rng), width=int(rng.integers(1, 5)))
                yield f"{figure} {texture}", picture

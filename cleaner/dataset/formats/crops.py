"""The boxes of a detector, cut out as the images of a set of their own, each tied to its source."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from PIL import Image

from cleaner.advice import Advice
from cleaner.dataset.export import safe_name
from cleaner.dataset.findings import Finding
from cleaner.dataset.folders import name_problem
from cleaner.dataset.formats.entries import BOX, Entry, Opinion, Reading, ReadOptions, as_text
from cleaner.dataset.new_folder import new_folder
from cleaner.errors import CatalogError, ImageError
from cleaner.images.open import open_image
from cleaner.util.progress import Stage

_LEAST_PX = 8
_QUALITY = 95


@dataclass(frozen=True, kw_only=True)
class Box:
    """One box of one image.

    Attributes
    ----------
    name, called : str
        The image, in the set and in the document.
    at : int
        Which box of the image it is in the document, counted from 0.
    area : list of float
        x, y (from the upper left corner), width, height; as the document has it, which may be something else.
    relative : bool
        In shares of the image's sides, not in pixels.
    opinion : Opinion
        What is in the box.
    columns : Mapping
        What else is known.
    """

    name: str
    called: str
    at: int
    area: object
    relative: bool
    opinion: Opinion
    columns: Mapping[str, str]


def number_of(value: object) -> float:
    """Return a coordinate as a number; not-a-number if it is none."""
    try:
        return float(value)  # type: ignore[arg-type] # whatever a foreign file holds
    except (TypeError, ValueError):
        return float("nan")  # what no box can be cut out with, which is then said


def between(left: float, upper: float, right: float, lower: float) -> list[float]:
    """Return x, y, width and height of a box between its four sides."""
    return [left, upper, right - left, lower - upper]


def with_crops(reading: Reading, boxes: Sequence[Box], source: Path, options: ReadOptions) -> Reading:
    """Cut out all boxes into a new folder, and make them the images of the reading.

    The label table says in ``source_name`` and ``box`` where each crop is from, so that an export writes the
    decisions into the boxes of the document.

    Raises
    ------
    CatalogError
        There are no boxes, none can be cut out, or the folder is not new.
    """
    if not boxes:
        raise CatalogError(
            Advice(
                f"{source.name} has no boxes to cut out (of at least {options.min_confidence:g} confidence).",
                "Import it without --crops, or with a lower --min-confidence.",
                "Import it without cutting out boxes.",
            )
        )
    splits = {entry.name: entry.split for entry in reading.entries}
    to = options.to or reading.root.with_name(f"{reading.root.name}-crops")
    entries: list[Entry] = []
    failed: list[str] = []
    by_image: dict[str, list[Box]] = {}
    for box in boxes:
        by_image.setdefault(box.name, []).append(box)
    with new_folder(to, apart_from=reading.root) as folder:
        for done, (name, of_image) in enumerate(by_image.items()):
            options.reporter.check()
            options.reporter(Stage.CUT, done, len(by_image))
            try:
                if problem := name_problem(name):
                    raise ImageError(problem)
                picture = open_image(reading.root / name)
            except ImageError as exc:
                failed.append(f"{name}: {exc}")
                continue
            for box, area in _areas(of_image, picture, failed):
                entries.append(_cut(picture, box, area, folder, splits.get(name)))
        if not entries:
            raise CatalogError(f"None of the {len(boxes):,} boxes can be cut out; {failed[0]}.")
    findings = list(reading.findings)
    if failed:
        text = f"Boxes or images that cannot be used and are left out: {len(failed):,}."
        findings.append(Finding(topic="boxes", text=text, doubtful=True, examples=tuple(failed)))
    entries.sort(key=lambda entry: entry.name)
    return Reading(
        root=to.expanduser().resolve(),
        entries=entries,
        base=reading.base,
        documents=reading.documents,
        findings=findings,
    )


def _areas(
    boxes: Sequence[Box], picture: Image.Image, failed: list[str]
) -> Iterator[tuple[Box, tuple[int, int, int, int]]]:
    """Yield each box with its place in pixels: left, upper, right, lower, within the picture."""
    for box in boxes:
        where = f"{box.name}, box {box.at}"
        area = box.area if isinstance(box.area, (list, tuple)) else ()
        numbers = [number for value in area if (number := _finite(value)) is not None]
        if len(numbers) != 4 or len(area) != 4:
            failed.append(f"{where}: expected four numbers, got {as_text(box.area)[:60]}")
            continue
        x, y, width, height = numbers
        across, down = picture.size if box.relative else (1, 1)
        left, upper = max(0, math.floor(x * across)), max(0, math.floor(y * down))
        right = min(picture.width, math.ceil((x + width) * across))
        lower = min(picture.height, math.ceil((y + height) * down))
        if right - left < _LEAST_PX or lower - upper < _LEAST_PX:
            failed.append(f"{where}: less than {_LEAST_PX} pixels wide or high")
            continue
        yield box, (left, upper, right, lower)


def _finite(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None


def _cut(
    picture: Image.Image, box: Box, area: tuple[int, int, int, int], folder: Path, split: str | None
) -> Entry:
    source = PurePosixPath(box.name)
    parts = [
        safe_name(part) for part in (*source.parent.parts, f"{source.stem}-{source.suffix[1:]}-{box.at}.jpg")
    ]
    name = "/".join(parts)
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.crop(area).save(path, quality=_QUALITY)
    columns = {**box.columns, "image": box.name, BOX: str(box.at), "bbox": as_text(box.area)}
    return Entry(name=name, source_name=box.called, opinions=[box.opinion], split=split, columns=columns)

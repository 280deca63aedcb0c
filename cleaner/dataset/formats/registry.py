"""The foreign formats by name, and which one a file or folder is."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cleaner.dataset.formats import (
    archives,
    boxes,
    camtrap_dp,
    coco,
    cvat,
    fiftyone,
    hugging_face,
    label_studio,
    megadetector,
    parquet,
    speciesnet,
    timelapse,
    webdataset,
)
from cleaner.dataset.formats.documents import read_json
from cleaner.dataset.formats.entries import Reading, ReadOptions, Writing
from cleaner.errors import CatalogError
from cleaner.util.wording import listed

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Format:
    """A foreign format.

    Attributes
    ----------
    name : str
        As it is typed: "coco".
    title : str
        As it is told.
    read : callable
        Reads a source.
    write : callable
        Writes a set.
    recognises : callable or None
        Tells whether a path is of this format.
    recognises_json : callable or None
        Tells whether a JSON document is.
    places_images : bool
        An export puts the image files into the new folder, beside the documents.
    crops : bool
        There are boxes to cut out.
    people : bool
        It can say that a person gave a label.
    machines : bool
        Its readers tell labels that a machine gave from those of people.
    unpacks : bool
        Its images are written to a new folder.
    opens : bool
        It can be opened without an import.
    edits_only : bool
        Only a set that was imported from it can be exported to it.
    several : bool
        A new set in it can have images with several labels.
    columns : callable or None
        Lists the columns or fields of a source that may be the label; None: the format leaves no choice.
    """

    name: str
    title: str
    read: Callable[[Path, ReadOptions], Reading]
    write: Callable[[Writing], None]
    recognises: Callable[[Path], bool] | None = None
    recognises_json: Callable[[Any], bool] | None = None
    places_images: bool = False
    crops: bool = False
    people: bool = False
    machines: bool = False
    unpacks: bool = False
    opens: bool = False
    edits_only: bool = False
    several: bool = False
    columns: Callable[[Path], list[str]] | None = None


FORMATS: dict[str, Format] = {
    each.name: each
    for each in (
        Format(
            name="camtrap-dp",
            title="Camtrap DP",
            read=camtrap_dp.read,
            write=camtrap_dp.write,
            recognises=camtrap_dp.recognises,
            machines=True,
            people=True,
        ),
        Format(
            name="coco",
            title="COCO or COCO Camera Traps",
            read=coco.read,
            write=coco.write,
            recognises_json=coco.recognises,
            crops=True,
            several=True,
            people=True,
        ),
        Format(
            name="megadetector",
            title="MegaDetector's results",
            read=megadetector.read,
            write=megadetector.write,
            recognises_json=megadetector.recognises,
            crops=True,
        ),
        Format(
            name="speciesnet",
            title="SpeciesNet's predictions",
            read=speciesnet.read,
            write=speciesnet.write,
            recognises_json=speciesnet.recognises,
            machines=True,
            crops=True,
        ),
        Format(
            name="label-studio",
            title="Label Studio's JSON",
            read=label_studio.read,
            write=label_studio.write,
            recognises_json=label_studio.recognises,
            several=True,
            machines=True,
            people=True,
        ),
        Format(
            name="cvat",
            title="CVAT for images",
            read=cvat.read,
            write=cvat.write,
            recognises=cvat.recognises,
            crops=True,
            several=True,
            machines=True,
            people=True,
        ),
        Format(
            name="voc",
            title="Pascal VOC's boxes",
            read=boxes.read_voc,
            write=boxes.write,
            recognises=boxes.recognises_voc,
            crops=True,
            edits_only=True,
        ),
        Format(
            name="labelme",
            title="labelme's shapes",
            read=boxes.read_labelme,
            write=boxes.write,
            recognises=boxes.recognises_labelme,
            crops=True,
            edits_only=True,
        ),
        Format(
            name="via",
            title="VIA's regions",
            read=boxes.read_via,
            write=boxes.write,
            columns=boxes.columns_via,
            recognises_json=boxes.recognises_via,
            crops=True,
            edits_only=True,
        ),
        Format(
            name="yolo",
            title="YOLO's boxes",
            read=boxes.read_yolo,
            write=boxes.write,
            recognises=boxes.recognises_yolo,
            crops=True,
            edits_only=True,
        ),
        Format(
            name="timelapse",
            title="Timelapse's table",
            read=timelapse.read,
            write=timelapse.write,
            columns=timelapse.columns,
            recognises=timelapse.recognises,
        ),
        Format(
            name="fiftyone",
            title="FiftyOne's image classification export",
            read=fiftyone.read,
            write=fiftyone.write,
            recognises=fiftyone.recognises,
            several=True,
            places_images=True,
        ),
        Format(
            name="huggingface",
            title="a Hugging Face image folder with metadata",
            read=hugging_face.read,
            write=hugging_face.write,
            columns=hugging_face.columns,
            recognises=hugging_face.recognises,
            places_images=True,
        ),
        Format(
            name="parquet",
            title="Parquet files with images",
            read=parquet.read,
            write=parquet.write,
            columns=parquet.columns,
            recognises=parquet.recognises,
            unpacks=True,
        ),
        Format(
            name="webdataset",
            title="WebDataset's tar files",
            read=webdataset.read,
            write=webdataset.write,
            recognises=webdataset.recognises,
            opens=True,
        ),
        Format(
            name="zip",
            title="an archive of folders",
            read=archives.read,
            write=archives.write,
            recognises=archives.recognises,
            several=True,
            opens=True,
        ),
    )
}
"""All formats; the first that recognises a source is taken."""

_PART_OF = {
    "metadata.csv": "huggingface",
    "metadata.jsonl": "huggingface",
    "metadata.parquet": "huggingface",
    "labels.json": "fiftyone",
    "media.csv": "camtrap-dp",
    "observations.csv": "camtrap-dp",
    "data.yaml": "yolo",
}
"""From names of files that are one part of a set, which their folder is, to the format of the folder."""

DOCUMENT_SUFFIXES = (".json", ".xml", ".csv", ".xlsx")
"""Suffixes of the files that may hold the labels of a folder of images."""


def recognised(source: Path) -> Format | None:
    """Return the format of a file or folder; None if it is none of these."""
    document = read_json(source) if source.is_file() and source.suffix.lower() == ".json" else None
    for each in FORMATS.values():
        if each.recognises is not None and each.recognises(source):
            return each
        if document is not None and each.recognises_json is not None and each.recognises_json(document):
            return each
    return None


def found(source: Path) -> tuple[Format, Path]:
    """Return the format of a source and what holds it: the source, or the one document in a folder.

    Raises
    ------
    CatalogError
        The source is not there, or of no known format, or the folder holds several documents.
    """
    if not source.exists():
        raise CatalogError(f"{source} does not exist. Give a file or folder to import.")
    inside = found_in(source)
    if len(inside) > 1:
        names = ", ".join(path.name for _, path in inside)
        raise CatalogError(f"{source} holds several documents: {names}. Give one of them.")
    if not inside and source.is_dir():
        below = [
            each for folder in sorted(source.iterdir()) if folder.is_dir() for each in _documents(folder)
        ]
        if below:
            names = listed([path.relative_to(source).as_posix() for _, path in below])
            raise CatalogError(f"{source} holds sets in its folders: {names}. Import them one by one.")
    if not inside:
        known = ", ".join(FORMATS)
        hint = (
            " A folder for each class needs no import: open it with cleaner app." if source.is_dir() else ""
        )
        raise CatalogError(f"{source} is of no format that can be recognised ({known}).{hint}")
    return inside[0]


def found_in(source: Path) -> list[tuple[Format, Path]]:
    """Return what is foreign of a file or folder, each with its format: itself, or the documents in a folder.

    Raises
    ------
    CatalogError
        A file cannot be read; the documents of a folder that cannot are passed over.
    """
    whole = FORMATS.get(_PART_OF.get(source.name, ""))
    if whole is not None and whole.recognises is not None and whole.recognises(source.parent):
        return [(whole, source.parent)]
    direct = recognised(source)
    if direct is not None or not source.is_dir():
        return [] if direct is None else [(direct, source)]
    return _documents(source)


def _documents(folder: Path) -> list[tuple[Format, Path]]:
    """Return the documents right in a folder, each with its format."""
    found = []
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in DOCUMENT_SUFFIXES or path.name.startswith("."):
            continue
        try:
            each = recognised(path)
        except CatalogError as exc:  # of many files, one may be damaged, and it is not what is looked for
            logger.debug("%s is passed over: %s", path, exc)
        else:
            found += [] if each is None else [(each, path)]
    return found

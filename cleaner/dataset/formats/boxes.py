"""Formats that hold boxes and shapes alone: Pascal VOC, YOLO, labelme and VIA.

What is relied on:

- Pascal VOC: an XML file an image, ``annotation`` with ``object`` elements of ``name`` and ``bndbox``
  (``xmin``, ``ymin``, ``xmax``, ``ymax`` in pixels); often in ``Annotations``, beside ``JPEGImages`` and
  ``ImageSets/Main``.
- YOLO: a text file an image, each line a class number and x and y of the middle, width and height as shares
  of the image's sides (more numbers are the corners of an outline), and, if a model wrote it, how sure it is;
  often in ``labels``, beside ``images``. Classes are named in a YAML file (``names``), ``classes.txt`` or
  ``obj.names``.
- labelme: a JSON file an image, with ``imagePath``, ``shapes`` of ``label`` and ``points`` in pixels, and
  ``flags``: what is true of the whole image, which is its label where there are no shapes.
- VIA: a JSON project or export; each image has ``filename`` and ``regions`` of ``shape_attributes`` and
  ``region_attributes``, one of which is the label.

The label of an image is the one class of all its boxes, as in COCO; with crops, each box is an image. An
export edits the files that the set came from; none of these formats has a place for who gave a label, or for
the label of an image without a box.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import defusedxml.ElementTree
from defusedxml import DefusedXmlException

from cleaner.advice import Advice
from cleaner.dataset.findings import Finding
from cleaner.dataset.folders import list_images
from cleaner.dataset.formats.crops import Box, between, number_of, with_crops
from cleaner.dataset.formats.documents import parse_json, read_bytes, records, write_json
from cleaner.dataset.formats.entries import (
    Entry,
    Opinion,
    Reading,
    ReadOptions,
    Reviewed,
    Writing,
    as_text,
    merged,
    number,
)
from cleaner.dataset.formats.names import IMAGES_FOLDER
from cleaner.dataset.split_words import split_of_word
from cleaner.errors import CatalogError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_HEAD_BYTES = 2000
_SNIFFED_LINES = 20
_LABEL_FOLDERS = ("annotations", "labels")
_NAMES_FILES = ("classes.txt", "obj.names", "labels.txt")
_YOLO_LINE = re.compile(rb"\s*\d+(\s+-?\d*\.?\d+(e-?\d+)?){4,}\s*", re.IGNORECASE)
_YAML_PART = re.compile(r"""(?:"[^"]*"|'[^']*'|[^,])+""")
_YAML_BLOCK = re.compile(r"(?:[ \t]*(?:-|\d+\s*:)[^\n]*(?:\n|$)|[ \t]*#[^\n]*\n|[ \t]*\n)*")
_NEW_NAMES = "classes.txt"
_USUAL = ("label", "class", "name", "type", "category", "species")


@dataclass
class _Shape:
    """One box: what is in it, where it is, and how its document is edited."""

    label: str
    area: list[float]  # x, y, width, height
    relabel: Callable[[str], None]
    remove: Callable[[], None]
    relative: bool = False
    sure: float | None = None  # of a machine; None: nobody says that it was one
    of_image: bool = False  # it is about the whole image, and no box

    @property
    def opinion(self) -> Opinion:
        labels = (self.label,) if self.label else ()
        return Opinion(labels=labels, method="" if self.sure is None else "machine", probability=self.sure)


@dataclass
class _Annotated:
    """What a document says of one image."""

    called: str  # by which an export finds it again
    image: str  # what the document calls the image; "" if it does not
    shapes: list[_Shape]
    columns: dict[str, str] = field(default_factory=dict)


@dataclass
class _Document:
    """A file of one of the formats, as it is after edits."""

    images: list[_Annotated]
    drop: Callable[[str], None]  # takes out an image
    save: Callable[[Path], None]


# ---------------------------------------------------------------- Pascal VOC


def recognises_voc(source: Path) -> bool:
    """Tell whether a file or folder looks like Pascal VOC's."""
    return _begins(source, ".xml", lambda head: re.search(rb"<annotation[\s>]", head) is not None)


def _voc(path: Path, called: str) -> _Document:
    try:
        root: Element = defusedxml.ElementTree.fromstring(read_bytes(path), forbid_dtd=True)
    except DefusedXmlException as exc:
        raise CatalogError(f"{path} declares a document type or entities; it is not read.") from exc
    except ElementTree.ParseError as exc:
        raise CatalogError(f"{path} is not a valid XML file: {exc}.") from exc
    shapes = [_voc_shape(root, each) for each in root.findall("object")]
    image = _Annotated(called, root.findtext("filename") or "", shapes)

    def save(target: Path) -> None:
        target.write_bytes(ElementTree.tostring(root, encoding="utf-8"))

    return _Document([image], lambda _: root.clear(), save)


def _voc_shape(root: Element, each: Element) -> _Shape:
    ends = [number_of(each.findtext(f"bndbox/{name}")) for name in ("xmin", "ymin", "xmax", "ymax")]
    name = each.find("name")

    def relabel(label: str) -> None:
        (ElementTree.SubElement(each, "name") if name is None else name).text = label

    label = "" if name is None or name.text is None else name.text.strip()
    return _Shape(label, between(*ends), relabel, lambda: root.remove(each))


# ---------------------------------------------------------------- labelme


def recognises_labelme(source: Path) -> bool:
    """Tell whether a file or folder looks like labelme's."""
    return _begins(source, ".json", lambda head: b'"shapes"' in head and b'"flags"' in head)


def _labelme(path: Path, called: str) -> _Document:
    document = parse_json(read_bytes(path), str(path))
    if not isinstance(document, dict):
        raise CatalogError(f"{path}: expected an object with shapes.")
    shapes = records(document.get("shapes") or [], "shapes", path)
    found = [_labelme_shape(shapes, each) for each in list(shapes)]
    flags = document.get("flags")
    columns = {str(key): as_text(value) for key, value in flags.items()} if isinstance(flags, dict) else {}
    if isinstance(flags, dict) and not found:
        found = [_labelme_flag(flags, key) for key in list(flags) if flags[key] is True]
    name = str(document.get("imagePath") or "")
    image = _Annotated(called, name.replace("\\", "/"), found, columns)
    return _Document(
        [image], lambda _: document.clear(), lambda target: write_json(target, document, like=path)
    )


def _labelme_flag(flags: dict[str, Any], key: str) -> _Shape:
    def relabel(label: str) -> None:
        flags.update({key: False, label: True})

    return _Shape(key, [], relabel, lambda: flags.update({key: False}), of_image=True)


def _labelme_shape(shapes: list[dict[str, Any]], each: dict[str, Any]) -> _Shape:
    points = each.get("points")
    pairs = [p for p in points if isinstance(p, list) and len(p) == 2] if isinstance(points, list) else []
    xs, ys = [number_of(p[0]) for p in pairs], [number_of(p[1]) for p in pairs]
    if each.get("shape_type") == "circle" and len(pairs) == 2:  # the middle, and a point on the line
        radius = ((xs[0] - xs[1]) ** 2 + (ys[0] - ys[1]) ** 2) ** 0.5
        xs, ys = [xs[0] - radius, xs[0] + radius], [ys[0] - radius, ys[0] + radius]
    area = between(min(xs), min(ys), max(xs), max(ys)) if xs else []
    label = as_text(each.get("label"))
    return _Shape(label, area, lambda text: each.update(label=text), lambda: shapes.remove(each))


# ---------------------------------------------------------------- VIA


def recognises_via(document: Any) -> bool:
    """Tell whether a JSON document looks like VIA's."""
    parts = _via_parts(document)
    first = next(iter(parts.values()), None)
    return isinstance(first, dict) and {"filename", "regions"} <= first.keys()


def _via_parts(document: Any) -> dict[str, Any]:
    found = document.get("_via_img_metadata", document) if isinstance(document, dict) else {}
    return found if isinstance(found, dict) else {}


def columns_via(source: Path) -> list[str]:
    """List the attributes of the regions."""
    document = _via_parts(parse_json(read_bytes(source), str(source)))
    regions = [part.get("regions") or [] for part in document.values() if isinstance(part, dict)]
    listed = [each for of in regions for each in (of.values() if isinstance(of, dict) else of)]
    said = [each.get("region_attributes") for each in listed if isinstance(each, dict)]
    return list(dict.fromkeys(str(key) for about in said if isinstance(about, dict) for key in about))


def _via(path: Path, asked: str | None) -> _Document:
    document = parse_json(read_bytes(path), str(path))
    parts = _via_parts(document)
    images = []
    for key, part in parts.items():
        if not isinstance(part, dict) or not isinstance(part.get("filename"), str):
            raise CatalogError(f"{path}: expected {key!r} to have a filename.")
        regions = part.get("regions") or []
        regions = list(regions.values()) if isinstance(regions, dict) else regions  # of version 1
        listed = records(regions, f"regions of {key!r}", path)
        shapes = [_via_shape(listed, each, asked, partial(_via_offer, document)) for each in list(listed)]
        part["regions"] = listed
        about = part.get("file_attributes")
        columns = {str(k): as_text(v) for k, v in about.items()} if isinstance(about, dict) else {}
        images.append(_Annotated(key, part["filename"], shapes, columns))
    return _Document(images, parts.pop, lambda target: write_json(target, document, like=path))


def _via_offer(document: Any, key: str, label: str) -> None:
    """Add a label to those that a project offers for an attribute."""
    place = document.get("_via_attributes") if isinstance(document, dict) else None
    for part in ("region", key, "options"):
        place = place.get(part) if isinstance(place, dict) else None
    if isinstance(place, dict):
        place.setdefault(label, "")


def _via_shape(
    regions: list[dict[str, Any]], each: dict[str, Any], asked: str | None, offer: Callable[[str, str], None]
) -> _Shape:
    about = each.get("region_attributes")
    said: dict[str, Any] = about if isinstance(about, dict) else {}
    usual = next((key for key in said if key.casefold() in _USUAL), next(iter(said), ""))
    key = asked or usual
    value = said.get(key)
    chosen = [str(k) for k, v in value.items() if v] if isinstance(value, dict) else [as_text(value)]

    def relabel(label: str) -> None:
        said[key] = {label: True} if isinstance(value, dict) else label
        each["region_attributes"] = said
        offer(key, label)

    shape = each.get("shape_attributes")
    area = _via_area(shape if isinstance(shape, dict) else {})
    return _Shape(" + ".join(chosen), area, relabel, lambda: regions.remove(each))


def _via_area(shape: dict[str, Any]) -> list[float]:
    xs, ys = shape.get("all_points_x"), shape.get("all_points_y")
    if isinstance(xs, list) and isinstance(ys, list) and xs and ys:
        across, down = [number_of(v) for v in xs], [number_of(v) for v in ys]
        return between(min(across), min(down), max(across), max(down))
    if "width" in shape:
        return [number_of(shape.get(key)) for key in ("x", "y", "width", "height")]
    if "cx" in shape:
        x, y = number_of(shape.get("cx")), number_of(shape.get("cy"))
        rx, ry = (number_of(shape.get(key, shape.get("r"))) for key in ("rx", "ry"))
        return between(x - rx, y - ry, x + rx, y + ry)
    return []


# ---------------------------------------------------------------- YOLO


def recognises_yolo(source: Path) -> bool:
    """Tell whether a folder looks like YOLO's: text files of numbers that are named like images."""
    if not source.is_dir():
        return False
    files = (path for path in _files(source, ".txt") if path.name not in _NAMES_FILES)
    first = next(files, None)
    if first is None:
        return False
    lines = read_bytes(first).splitlines()[:_SNIFFED_LINES]
    return all(_YOLO_LINE.fullmatch(line) for line in lines if line.strip()) and any(map(bytes.strip, lines))


def _yolo(path: Path, called: str, names: list[str]) -> _Document:
    lines = read_bytes(path).decode("utf-8", "replace").splitlines()
    shapes = []
    for at, line in enumerate(lines):
        words = line.split()
        if not words:
            continue
        numbers = [number_of(word) for word in words]
        if len(words) < 5 or not words[0].isdecimal():
            raise CatalogError(
                f"{path}, line {at + 1}: expected a class number and a box, got {line[:60]!r}."
            )
        shapes.append(_yolo_shape(lines, at, words, numbers[1:], names))

    def save(target: Path) -> None:
        text = "".join(f"{line}\n" for line in lines if line)
        target.write_text(text, encoding="utf-8")

    return _Document([_Annotated(called, "", shapes)], lambda _: lines.clear(), save)


def _yolo_shape(
    lines: list[str], at: int, words: list[str], numbers: list[float], names: list[str]
) -> _Shape:
    index = int(words[0])
    label = names[index] if index < len(names) else words[0]
    sure = None
    if len(numbers) % 2:  # what a model predicts ends with how sure it is
        *numbers, last = numbers
        sure = number(last)
    if len(numbers) >= 6:  # the corners of an outline
        area = between(min(numbers[::2]), min(numbers[1::2]), max(numbers[::2]), max(numbers[1::2]))
    else:
        x, y, width, height = numbers[:4]
        area = [x - width / 2, y - height / 2, width, height]

    def relabel(text: str) -> None:
        if text not in names:
            names.append(text)
        lines[at] = " ".join([str(names.index(text)), *words[1 : 1 + len(numbers)]])

    def remove() -> None:
        lines[at] = ""

    return _Shape(label, area, relabel, remove, relative=True, sure=sure)


def _names_file(folder: Path) -> Path | None:
    listed = [path for path in sorted(folder.iterdir()) if _is_yaml(path)]
    listed = [path for path in listed if re.search(rb"(?m)^names\s*:", read_bytes(path))]
    listed += [folder / name for name in _NAMES_FILES if (folder / name).is_file()]
    return listed[0] if listed else None


def class_names(path: Path) -> list[str]:
    """Return the classes that a file names, by number: a YAML file with ``names``, or a line for each."""
    text = read_bytes(path).decode("utf-8-sig", "replace")
    if not _is_yaml(path):
        return text.split("\n")[:-1] if text.endswith("\n") else text.split("\n")
    place = _names_in_yaml(text)
    if place is None:
        return []
    start, end, inline = place
    body = text[start:end]
    parts = _YAML_PART.findall(body.replace("\n", " ")) if inline else body.splitlines()
    names: dict[int, str] = {}
    for part in (part.strip() for part in parts):
        if not part or (not inline and part.startswith("#")):
            continue
        part = part if inline else part.removeprefix("- ").removeprefix("-").strip()
        keyed = re.fullmatch(r"(\d+)\s*:\s*(.*)", part)
        at, name = (int(keyed[1]), keyed[2]) if keyed else (len(names), part)
        if name:
            names[at] = _of_yaml(name)
    return [names.get(i, str(i)) for i in range(max(names, default=-1) + 1)]


def _is_yaml(path: Path) -> bool:
    return path.suffix.lower() in (".yaml", ".yml")


def _names_in_yaml(text: str) -> tuple[int, int, bool] | None:
    """Return where the names begin and end, and whether they are in brackets; None if there are none."""
    found = re.search(r"(?m)^names\s*:[ \t]*([^\n#]*)", text)
    if found is None:
        return None
    if found[1].strip():  # a list, or a map, on one line; or over several
        whole = re.match(r"[\[{](.*?)[\]}]", text[found.start(1) :], re.DOTALL)
        return None if whole is None else (found.start(1) + 1, found.start(1) + 1 + len(whole[1]), True)
    start = text.find("\n", found.end()) + 1
    block = _YAML_BLOCK.match(text, start) if start else None
    return None if block is None else (start, block.end(), False)


def _of_yaml(value: str) -> str:
    quoted = re.match(r"'((?:[^']|'')*)'|\"([^\"]*)\"", value)
    if quoted is not None:
        return quoted[2] if quoted[1] is None else quoted[1].replace("''", "'")
    return value.split(" #")[0].strip().strip("\"'")


def _with_names(text: str, names: list[str], known: int) -> str | None:
    """Return a YAML file with the names from ``known`` on added in its own way; None if it has no names."""
    place = _names_in_yaml(text)
    if place is None:
        return None
    start, end, inline = place
    body = text[start:end]
    keyed = re.search(r"(?m)^\s*\d+\s*:", body.replace(",", "\n") if inline else body) is not None
    named = [f"'{name.replace(chr(39), chr(39) * 2)}'" for name in names[known:]]
    new = [f"{known + i}: {name}" if keyed else name for i, name in enumerate(named)]
    if inline:
        front = body.rstrip().removesuffix(",")
        body = ", ".join([*([front] if front.strip() else []), *new]) + body[len(body.rstrip()) :]
    else:
        lines = [line for line in body.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        indent = re.match(r"[ \t]*", lines[-1])[0] if lines else "  "  # type: ignore[index] # it always matches
        last = max((i for i, line in enumerate(body.splitlines()) if line in lines), default=-1) + 1
        added = [f"{indent}{'' if keyed else '- '}{each}" for each in new]
        every = body.splitlines()
        body = "".join(f"{line}\n" for line in [*every[:last], *added, *every[last:]])
    text = text[:start] + body + text[end:]
    return re.sub(r"(?m)^(nc\s*:\s*)\d+", rf"\g<1>{len(names)}", text)


# ---------------------------------------------------------------- all of them


def read_voc(source: Path, options: ReadOptions) -> Reading:
    """Read Pascal VOC."""
    return _read(source, options, ".xml", _voc, lambda path: b"<annotation" in read_bytes(path)[:_HEAD_BYTES])


def read_labelme(source: Path, options: ReadOptions) -> Reading:
    """Read labelme."""
    return _read(source, options, ".json", _labelme, lambda path: b'"shapes"' in read_bytes(path))


def read_yolo(source: Path, options: ReadOptions) -> Reading:
    """Read YOLO."""
    home = _home(source)
    place = _names_file(home) or _names_file(source if source.is_dir() else source.parent)
    names = [] if place is None else class_names(place)

    def parse(path: Path, called: str) -> _Document:
        return _yolo(path, called, names)

    reading = _read(
        source, options, ".txt", parse, lambda path: path.name not in _NAMES_FILES and path != place
    )
    if place is None:
        text = f"The classes are numbers: no file in {home} names them (data.yaml, classes.txt, obj.names)."
        reading.findings.append(Finding(topic="class names", text=text, doubtful=True))
    elif place.resolve().is_relative_to(reading.base.resolve()):
        reading.documents = (*reading.documents, place)
    return reading


def read_via(source: Path, options: ReadOptions) -> Reading:
    """Read VIA."""
    document = _via(source, options.label_column)
    candidates = [options.images or source.parent]
    return _reading(source, options, [(source, document)], candidates[0], source.parent)


def _read(
    source: Path,
    options: ReadOptions,
    suffix: str,
    parse: Callable[[Path, str], _Document],
    is_one: Callable[[Path], bool],
) -> Reading:
    home = _home(source)
    files = [path for path in _files(source, suffix) if is_one(path)] if source.is_dir() else [source]
    documents = [(path, parse(path, path.relative_to(home).as_posix())) for path in files]
    return _reading(source, options, documents, options.images or home, home)


def _reading(
    source: Path, options: ReadOptions, documents: list[tuple[Path, _Document]], root: Path, base: Path
) -> Reading:
    images = _Images(root)
    splits = _image_sets(base)
    entries: list[Entry] = []
    boxes: list[Box] = []
    for path, document in documents:
        for annotated in document.images:
            here = path.relative_to(base) if path.is_relative_to(base) else Path(path.name)
            name = images.find(annotated.image, here)
            shapes = {
                at: shape
                for at, shape in enumerate(annotated.shapes)
                if shape.sure is None or shape.sure >= options.min_confidence
            }
            opinions = _opinions(list(shapes.values()))
            parts = PurePosixPath(name).parts[:-1]
            split = splits.get(PurePosixPath(name).stem) or next(
                filter(None, map(split_of_word, reversed(parts))), None
            )
            entries.append(
                Entry(
                    name=name,
                    source_name=annotated.called,
                    opinions=opinions,
                    split=split,
                    columns={
                        **annotated.columns,
                        "boxes": str(sum(not shape.of_image for shape in shapes.values())),
                    },
                )
            )
            boxes += [
                Box(
                    name=name,
                    called=annotated.called,
                    at=at,
                    area=shape.area,
                    relative=shape.relative,
                    opinion=shape.opinion,
                    columns={},
                )
                for at, shape in shapes.items()
                if not shape.of_image
            ]
    if entries and not images.found:
        raise CatalogError(
            Advice(
                f"None of the {len(entries):,} images that {source.name} names is below {root}.",
                *IMAGES_FOLDER,
            )
        )
    reading = Reading(
        root=root.resolve(),
        entries=merged(entries),
        base=base,
        documents=tuple(path for path, _ in documents),
    )
    return with_crops(reading, boxes, source, options) if options.crops else reading


def _opinions(shapes: list[_Shape]) -> list[Opinion]:
    """Return what people, and what a machine, say of an image by its shapes."""
    found = []
    for method in ("", "machine"):
        said = [shape.opinion for shape in shapes if shape.label and shape.opinion.method == method]
        if said:
            labels = tuple(dict.fromkeys(label for each in said for label in each.labels))
            known = [each.probability for each in said if each.probability is not None]
            found.append(replace(said[0], labels=labels, probability=max(known, default=None)))
    return found


class _Images:
    """The images below a folder, found by what a document calls them, or by its own name."""

    def __init__(self, root: Path) -> None:
        self._names = set(list_images(root).names)
        self.found = 0
        self._by_stem: dict[str, list[str]] = {}
        for name in sorted(self._names):
            self._by_stem.setdefault(PurePosixPath(name).stem, []).append(name)

    def find(self, image: str, document: Path) -> str:
        """Return the name of the image that a document is about; what it is called if there is none."""
        called = PurePosixPath(image.replace("\\", "/"))
        stem = called.stem if image else document.stem
        # An image in images/train belongs to the document in labels/train, not to one of val.
        folders = [part for part in document.parent.parts if part.lower() not in _LABEL_FOLDERS]
        fitting = [
            name
            for name in self._by_stem.get(stem, []) or self._by_stem.get(called.name, [])
            if not image or not called.suffix or PurePosixPath(name).suffix.lower() == called.suffix.lower()
        ]
        close = [name for name in fitting if set(folders) <= set(PurePosixPath(name).parts)] or fitting
        exact = [name for name in close if name.endswith(str(called))] if image else []
        chosen = exact or close
        self.found += len(chosen) == 1
        if len(chosen) == 1:
            return chosen[0]
        return str(called) if image else document.with_suffix("").as_posix()


def _image_sets(base: Path) -> dict[str, str]:
    """Return the splits that Pascal VOC lists in ``ImageSets/Main``, by the stem of the image."""
    splits: dict[str, str] = {}
    for word, split in (("train", "train"), ("val", "valid"), ("test", "test")):
        path = base / "ImageSets" / "Main" / f"{word}.txt"
        if path.is_file():
            lines = read_bytes(path).decode("utf-8", "replace").splitlines()
            splits |= {line.split()[0]: split for line in lines if line.strip()}
    return splits


def _home(source: Path) -> Path:
    """Return the folder of a set, of which a document or a folder of documents is given."""
    folder = source if source.is_dir() else source.parent
    return folder.parent if folder.name.lower() in _LABEL_FOLDERS else folder


def _files(folder: Path, suffix: str) -> Iterator[Path]:
    """Yield the files of a kind: in folders of labels, else beside the images; also below those of splits."""
    inner = [p for p in sorted(folder.iterdir()) if p.is_dir() and not p.name.startswith(".")]
    splits = [path for path in inner if split_of_word(path.name)]
    below = [path for split in splits for path in sorted(split.iterdir()) if path.is_dir()]
    named = [path for path in (*inner, *below) if path.name.lower() in _LABEL_FOLDERS]
    for place in named:
        yield from sorted(place.rglob(f"*{suffix}"))
    for place in () if named else (folder, *splits):
        yield from sorted(place.glob(f"*{suffix}"))


def _begins(source: Path, suffix: str, is_one: Callable[[bytes], bool]) -> bool:
    """Tell whether the first file of a kind begins as expected."""
    if source.is_dir():
        first = next(_files(source, suffix), None)
    else:
        first = source if source.suffix.lower() == suffix and source.is_file() else None
    return first is not None and is_one(read_bytes(first)[:_HEAD_BYTES])


def write(job: Writing) -> None:
    """Write the documents that the set came from with the present labels.

    Raises
    ------
    CatalogError
        The set was not imported from this format.
    """
    if job.source is None:
        raise CatalogError(
            "This format holds boxes alone: only a set that was imported from it can be exported to it. "
            "Choose another format, such as COCO."
        )
    changes = job.changes()
    names_of = next((name for name in job.documents if _is_names(name)), None)
    names = [] if names_of is None else class_names(job.source / names_of)
    known = len(names)
    texts = [name for name in job.documents if name.endswith(".txt") and name != names_of]
    top = max((_highest_class(job.source / name) for name in texts), default=-1)
    names += [str(number) for number in range(known, top + 1)]  # a number without a name is its own
    used = len(names)
    unwritten = 0
    for name in job.documents:
        target = job.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if name == names_of:
            continue
        document = _parse(job.source / name, name, names, job.label_column)
        said = [(image, changes.get(image.called, [])) for image in document.images]
        for image, reviewed in said:
            unwritten += _edit(document, image, reviewed)
        if any(r.deleted and r.box is None for _, reviewed in said for r in reviewed) and len(said) == 1:
            continue  # the only image of the document is gone
        if any(reviewed for _, reviewed in said):
            document.save(target)
        else:
            target.write_bytes((job.source / name).read_bytes())
    if names_of is not None:
        shutil.copyfile(job.source / names_of, job.folder / names_of)
    if len(names) > used:
        _add_names(job.folder / (names_of or _NEW_NAMES), names, known, job.notes)
    if unwritten:
        job.notes.append(
            f"Images without a box: {unwritten:,}. Their label is not written, as the format has no place "
            "for it."
        )


def _edit(document: _Document, image: _Annotated, reviewed: list[Reviewed]) -> int:
    """Write what was decided on an image or its boxes; return how many labels had no place."""
    gone: list[_Shape] = []
    unwritten = 0
    for each in reviewed:
        if each.deleted and each.box is None:
            document.drop(image.called)
            return 0
        shapes = image.shapes if each.box is None else image.shapes[each.box : each.box + 1]
        if each.deleted:
            gone += shapes
        elif each.label is not None:
            several = len({shape.label for shape in shapes}) > 1
            unwritten += not shapes
            for shape in [] if several else shapes:  # nothing of what else was seen is taken away
                if shape.label != each.label or (each.decided and shape.sure is not None):
                    shape.relabel(each.label)
    for shape in gone:
        shape.remove()
    return unwritten


def _parse(path: Path, name: str, names: list[str], label_column: str | None) -> _Document:
    suffix = path.suffix.lower()
    if suffix == ".xml":
        return _voc(path, name)
    if suffix == ".txt":
        return _yolo(path, name, names)
    document = parse_json(read_bytes(path), str(path))
    return _via(path, label_column) if recognises_via(document) else _labelme(path, name)


def _is_names(name: str) -> bool:
    return _is_yaml(Path(name)) or PurePosixPath(name).name in _NAMES_FILES


def _highest_class(path: Path) -> int:
    """Return the highest number of a class in a file of YOLO's; -1 if it has none."""
    words = (line.split(maxsplit=1) for line in read_bytes(path).splitlines())
    return max((int(found[0]) for found in words if len(found) > 1 and found[0].isdigit()), default=-1)


def _add_names(path: Path, names: list[str], known: int, notes: list[str]) -> None:
    """Add the names from ``known`` on to the file that has the others, or begin one."""
    text = read_bytes(path).decode("utf-8", "surrogateescape") if path.is_file() else ""
    plain = "".join(f"{name}\n" for name in names)
    changed = _with_names(text, names, known) if _is_yaml(path) else plain
    if changed is None:
        new = ", ".join(f"{known + i}: {name}" for i, name in enumerate(names[known:]))
        notes.append(f"Add the new classes to {path.name} by hand: {new}.")
    else:
        path.write_bytes(changed.encode("utf-8", "surrogateescape"))

"""CVAT for images 1.1: an XML file with tags and shapes of each image.

Elements that are relied on (https://docs.cvat.ai/docs/other/xml_format): ``annotations/image`` with ``name``,
and in it ``tag`` and shapes with ``label`` and ``source`` ("manual", "auto", "semi-auto", "file"): ``box``
(``xtl``, ``ytl``, ``xbr``, ``ybr``, ``rotation`` in degrees), ``polygon``, ``polyline`` and ``points``
(``points``: "x,y;x,y"), ``ellipse`` (``cx``, ``cy``, ``rx``, ``ry``), ``mask`` (``left``, ``top``, ``width``,
``height``), ``cuboid`` (``xtl1``, ``ytl1``, …) and ``skeleton``, which holds points. The labels are declared
in ``annotations/meta//labels/label/name``. A video's file has ``track`` elements instead, and is refused.
Document type declarations and entities are refused, too.

The labels of an image are its tags; without one, the classes of its shapes. Where each image of a set has one
label, one with several has none. With crops, each shape is an
image. Nothing has a place for who gave it and when, so that an export says only that it was "manual".
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import defusedxml.ElementTree
from defusedxml import DefusedXmlException

from cleaner.dataset.findings import Finding
from cleaner.dataset.formats.crops import Box, between, number_of, with_crops
from cleaner.dataset.formats.documents import read_bytes
from cleaner.dataset.formats.entries import Entry, Opinion, Reading, ReadOptions, Reviewed, Writing, merged
from cleaner.dataset.formats.names import placed
from cleaner.errors import CatalogError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_DEFAULT_NAME = "annotations.xml"
_SHAPES = ("box", "polygon", "polyline", "points", "ellipse", "cuboid", "mask", "skeleton")
_BY_MACHINE = ("auto",)  # "semi-auto" is a person with a tool


def recognises(source: Path) -> bool:
    """Tell whether a file, or the ``annotations.xml`` of a folder, looks like CVAT's."""
    path = source / _DEFAULT_NAME if source.is_dir() else source
    return path.suffix.lower() == ".xml" and path.is_file() and b"<annotations" in read_bytes(path)[:2000]


def read(source: Path, options: ReadOptions) -> Reading:
    """Read the images with their tags."""
    path = source / _DEFAULT_NAME if source.is_dir() else source
    tree = _parsed(path)
    images = tree.findall("image")
    if not images:
        what = "it is that of a video" if tree.find("track") is not None else "it names no image"
        raise CatalogError(f"{path} cannot be used: {what}. Export the task as “CVAT for images 1.1”.")
    sources = [image.get("name", "") for image in images]
    folders = (path.parent, path.parent / "images", path.parent / "images" / "default")
    candidates = [options.images] if options.images else folders
    root, names = placed(sources, candidates, document=path)
    entries, boxes = [], []
    for image, name, called in zip(images, names, sources, strict=True):
        opinions = [said] if (said := _opinion(image.findall("tag") or _shapes(image))).labels else []
        entries.append(Entry(name=name, source_name=called, opinions=opinions, columns=_columns(image)))
        boxes += [
            Box(
                name=name,
                called=called,
                at=at,
                area=_area(shape),
                relative=False,
                opinion=_opinion([shape]),
                columns=_attributes(shape),
            )
            for at, shape in enumerate(_shapes(image))
        ]
    reading = Reading(
        root=root, entries=merged(entries), base=path.parent, documents=(path,), findings=_untagged(images)
    )
    return with_crops(reading, boxes, path, options) if options.crops else reading


def _untagged(images: list[Element]) -> list[Finding]:
    """Tell of images that only have shapes, whose class is taken for the label of the whole image."""
    only = [i.get("name", "") for i in images if i.find("tag") is None and _shapes(i)]
    if not only:
        return []
    text = (
        f"Images with shapes, but without a tag: {len(only):,}. The label of such an image is the class of "
        "its shapes, if they have but one."
    )
    return [Finding(topic="shapes", text=text, examples=tuple(only))]


def _shapes(image: Element) -> list[Element]:
    return [each for each in image if each.tag in _SHAPES]


def _area(shape: Element) -> list[float]:
    """Return x, y, width and height of the upright box round a shape; empty if it has no place."""
    given = {key: number_of(value) for key, value in shape.attrib.items() if key not in ("label", "points")}
    if shape.tag == "mask":
        return [given.get(key, math.nan) for key in ("left", "top", "width", "height")]
    if shape.tag == "ellipse":
        x, y, rx, ry = (given.get(key, math.nan) for key in ("cx", "cy", "rx", "ry"))
        corners = [(x + i * rx, y + j * ry) for i in (-1, 1) for j in (-1, 1)]
    elif shape.tag == "box":
        left, upper, right, lower = (given.get(key, math.nan) for key in ("xtl", "ytl", "xbr", "ybr"))
        corners = [(x, y) for x in (left, right) for y in (upper, lower)]
    elif shape.tag == "cuboid":
        ends = [key[1:] for key in given if key[:1] == "x"]
        corners = [(given[f"x{end}"], given.get(f"y{end}", math.nan)) for end in ends]
    else:
        pairs = [point.split(",") for each in shape.iter() for point in each.get("points", "").split(";")]
        corners = [(number_of(pair[0]), number_of(pair[1])) for pair in pairs if len(pair) == 2]
    if not corners:
        return []
    turn = math.radians(given.get("rotation", 0.0))
    if turn:  # about the middle
        middle = [sum(ends) / len(corners) for ends in zip(*corners, strict=True)]
        away = [(x - middle[0], y - middle[1]) for x, y in corners]
        corners = [
            (
                middle[0] + x * math.cos(turn) - y * math.sin(turn),
                middle[1] + x * math.sin(turn) + y * math.cos(turn),
            )
            for x, y in away
        ]
    xs, ys = zip(*corners, strict=True)
    return between(min(xs), min(ys), max(xs), max(ys))


def _parsed(path: Path) -> Element:
    try:
        # Comments are kept, so that a file that is written again has lost nothing.
        parser = defusedxml.ElementTree.DefusedXMLParser(
            forbid_dtd=True, target=ElementTree.TreeBuilder(insert_comments=True)
        )
        parser.feed(read_bytes(path))
        root: Element = parser.close()
    except DefusedXmlException as exc:
        raise CatalogError(
            f"{path} declares a document type or entities, which CVAT does not; it is not read."
        ) from exc
    except ElementTree.ParseError as exc:
        raise CatalogError(f"{path} is not a valid XML file: {exc}.") from exc
    if root.tag != "annotations":
        raise CatalogError(f"{path}: expected <annotations>, got <{root.tag}>.")
    return root


def _opinion(said: list[Element]) -> Opinion:
    """Return what some tags or shapes say together."""
    labels = tuple(dict.fromkeys(label for each in said if (label := each.get("label"))))
    machine = bool(said) and all(each.get("source") in _BY_MACHINE for each in said)
    human = any(each.get("source") == "manual" for each in said)
    return Opinion(labels=labels, method="machine" if machine else "human" if human else "")


def _columns(image: Element) -> dict[str, str]:
    columns = {key: value for key, value in image.attrib.items() if key != "name"}
    for tag in image.findall("tag"):
        columns |= _attributes(tag)
    return columns | {"boxes": str(len(_shapes(image)))}


def _attributes(said: Element) -> dict[str, str]:
    found = {each.get("name", ""): each.text or "" for each in said.findall("attribute")}
    return {name: text for name, text in found.items() if name}


def write(job: Writing) -> None:
    """Write the XML file that the set came from with the present labels, or a new one."""
    name = job.documents[0] if job.documents else _DEFAULT_NAME
    tree = _new() if job.source is None else _parsed(job.source / name)
    _edit_all(tree, job)
    if job.source is None:
        ElementTree.indent(tree)
    target = job.folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(ElementTree.tostring(tree, encoding="utf-8", xml_declaration=True) + b"\n")
    job.note_classless()
    if any(image.decided for image in job.images):
        job.notes.append("CVAT has no place for who decided and when; only the labels are written.")


def _new() -> Element:
    tree = ElementTree.Element("annotations")
    ElementTree.SubElement(tree, "version").text = "1.1"
    task = ElementTree.SubElement(ElementTree.SubElement(tree, "meta"), "task")
    ElementTree.SubElement(task, "labels")
    return tree


def _edit_all(tree: Element, job: Writing) -> None:
    changes = job.changes()
    images = tree.findall("image")
    for image in images:
        shapes, said = _shapes(image), changes.get(image.get("name", ""), [])
        for reviewed in said:
            if reviewed.box is None and reviewed.deleted:
                tree.remove(image)
            elif reviewed.box is None:
                _edit(image, reviewed)
            elif reviewed.deleted:
                image.remove(shapes[reviewed.box])
            elif reviewed.label is not None:
                _sign([shapes[reviewed.box]], reviewed)
    for number, reviewed in enumerate(job.added({i.get("name", "") for i in images}), start=len(images)):
        size = {k: v for k, v in reviewed.columns.items() if k in ("width", "height") and v}
        called = {"id": str(number), "name": reviewed.source_name}
        _edit(ElementTree.SubElement(tree, "image", called | size), reviewed)
    _declare(tree, [label for r in job.images if not r.deleted for label in r.labels])


def _edit(image: Element, reviewed: Reviewed) -> None:
    """Write the label of a whole image where it was read from: its tags or, without any, its shapes."""
    if reviewed.label is None:
        return
    if reviewed.classes is not None:
        _edit_several(image, reviewed)
        return
    said = image.findall("tag") or _shapes(image)
    labels = {each.get("label") for each in said}
    if len(labels) == 1:
        _sign(said, reviewed)
    elif reviewed.label in labels:  # nothing is taken away
        _sign([each for each in said if each.get("label") == reviewed.label], reviewed)
    else:
        _sign([ElementTree.SubElement(image, "tag")], reviewed)


def _edit_several(image: Element, reviewed: Reviewed) -> None:
    """Let the tags of an image, or its shapes if it has no tags, say these classes, and no others."""
    tags = image.findall("tag")
    old: dict[str, list[Element]] = {}
    for each in tags or _shapes(image):
        label = each.get("label", "")
        old.setdefault(reviewed.renamed.get(label, label), []).append(each)
    for label, said in old.items():
        now = reviewed.instead_of(label, old)
        if now is not None:
            _sign(said, replace(reviewed, label=now))
            continue
        for each in said:
            image.remove(each)
    new = reviewed.new_beside(old)
    if new and not tags:  # shapes count no more where there is a tag
        new = list(reviewed.labels)
    for label in new:
        _sign([ElementTree.SubElement(image, "tag")], replace(reviewed, label=label))


def _sign(said: list[Element], reviewed: Reviewed) -> None:
    """Give tags or shapes a label, and say by whom, where they do not say it already."""
    source = "auto" if reviewed.opinion.method == "machine" else "manual"
    for each in said:
        changed = each.get("label") != reviewed.label
        each.set("label", reviewed.label or "")
        if changed or (reviewed.decided and each.get("source") in _BY_MACHINE):
            each.set("source", source)


def _declare(tree: Element, labels: list[str]) -> None:
    """Add labels that are not declared yet."""
    for declared in tree.iter("labels"):
        known = {label.findtext("name") for label in declared.findall("label")}
        for name in dict.fromkeys(labels):
            if name not in known:
                label = ElementTree.SubElement(declared, "label")
                ElementTree.SubElement(label, "name").text = name
                ElementTree.SubElement(label, "attributes")

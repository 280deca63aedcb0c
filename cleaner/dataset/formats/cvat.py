"""CVAT for images 1.1: an XML file with a ``tag`` an image (boxes and shapes are kept, and not read).

Elements that are relied on (https://docs.cvat.ai/docs/other/xml_format): ``annotations/image`` with ``name``,
and in it ``tag`` with ``label`` and ``source`` ("manual", "auto", "semi-auto", "file"); the labels are
declared in ``annotations/meta//labels/label/name``. A video's file has ``track`` elements instead, and is
refused. Document type declarations and entities are refused, too.

A tag has no place for who gave it and when, so that an export says only that it was "manual".
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import defusedxml.ElementTree
from defusedxml import DefusedXmlException

from cleaner.dataset.findings import Finding
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
    entries = [
        Entry(name=name, source_name=called, opinions=_opinions(image), columns=_columns(image))
        for image, name, called in zip(images, names, sources, strict=True)
    ]
    return Reading(
        root=root, entries=merged(entries), base=path.parent, documents=(path,), findings=_untagged(images)
    )


def _untagged(images: list[Element]) -> list[Finding]:
    """Tell of images that only have shapes, which are no labels of the whole image."""
    lost = [i.get("name", "") for i in images if i.find("tag") is None and any(e.tag in _SHAPES for e in i)]
    if not lost:
        return []
    text = (
        f"Images with shapes, but without a tag: {len(lost):,}. They have no label, as shapes are not read. "
        "To review boxes, export the task from CVAT as COCO or Pascal VOC."
    )
    return [Finding(topic="shapes", text=text, doubtful=True, examples=tuple(lost))]


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


def _opinions(image: Element) -> list[Opinion]:
    tags = image.findall("tag")
    labels = tuple(dict.fromkeys(tag.get("label", "") for tag in tags))
    if not labels:
        return []
    machine = all(tag.get("source") in _BY_MACHINE for tag in tags)
    human = any(tag.get("source") == "manual" for tag in tags)
    return [Opinion(labels=labels, method="machine" if machine else "human" if human else "")]


def _columns(image: Element) -> dict[str, str]:
    columns = {key: value for key, value in image.attrib.items() if key != "name"}
    for tag in image.findall("tag"):
        for attribute in tag.findall("attribute"):
            columns[attribute.get("name", "")] = attribute.text or ""
    columns.pop("", None)
    return columns


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
        for reviewed in changes.get(image.get("name", ""), []):
            if reviewed.deleted:
                tree.remove(image)
            else:
                _edit(image, reviewed)
    for number, reviewed in enumerate(job.added({i.get("name", "") for i in images}), start=len(images)):
        size = {k: v for k, v in reviewed.columns.items() if k in ("width", "height") and v}
        called = {"id": str(number), "name": reviewed.source_name}
        _edit(ElementTree.SubElement(tree, "image", called | size), reviewed)
    _declare(tree, [r.label for r in job.images if r.label is not None and not r.deleted])


def _edit(image: Element, reviewed: Reviewed) -> None:
    tags = image.findall("tag")
    labels = {tag.get("label") for tag in tags}
    if reviewed.label is None:
        return
    source = "auto" if reviewed.opinion.method == "machine" else "manual"
    if reviewed.label in labels:
        for tag in tags:
            if reviewed.decided and tag.get("label") == reviewed.label and tag.get("source") in _BY_MACHINE:
                tag.set("source", source)  # somebody has looked at it
        return
    if len(labels) == 1:
        for tag in tags:
            tag.attrib |= {"label": reviewed.label, "source": source}
        return
    ElementTree.SubElement(image, "tag", {"label": reviewed.label, "source": source})  # nothing is taken away


def _declare(tree: Element, labels: list[str]) -> None:
    """Add labels that are not declared yet."""
    for declared in tree.iter("labels"):
        known = {label.findtext("name") for label in declared.findall("label")}
        for name in dict.fromkeys(labels):
            if name not in known:
                label = ElementTree.SubElement(declared, "label")
                ElementTree.SubElement(label, "name").text = name
                ElementTree.SubElement(label, "attributes")

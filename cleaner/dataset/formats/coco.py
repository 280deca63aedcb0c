"""COCO, and COCO Camera Traps: ``{"images": […], "annotations": […], "categories": […]}``.

Fields that are relied on (https://lila.science/coco-camera-traps, a superset of COCO): ``images`` with ``id``
and ``file_name``; ``categories`` with ``id`` and ``name``; ``annotations`` with ``id``, ``image_id``,
``category_id`` and, for boxes, ``bbox`` (x, y, width, height in pixels) or ``bbox_relative`` (0 to 1). The
labels of an image are the categories of its annotations. Where each image of a set has one label, one with
several categories has none, and an export leaves them as they are.

COCO has no fields for who annotated. Additional fields are allowed, so that an annotation that was decided on
gets those of Camtrap DP: ``classificationMethod``, ``classifiedBy``, ``classificationTimestamp``,
``classificationProbability``; they are read back.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from cleaner.dataset.findings import Finding
from cleaner.dataset.formats.crops import Box, with_crops
from cleaner.dataset.formats.documents import read_json, records, required, write_json
from cleaner.dataset.formats.entries import (
    Entry,
    Opinion,
    Reading,
    ReadOptions,
    Reviewed,
    Writing,
    merged,
    number,
    scalars,
)
from cleaner.dataset.formats.names import placed
from cleaner.errors import CatalogError

METHOD, BY, TIME, PROBABILITY = (
    "classificationMethod",
    "classifiedBy",
    "classificationTimestamp",
    "classificationProbability",
)
_ID = (int, str)
_NEEDED: dict[str, dict[str, type | tuple[type, ...]]] = {
    "images": {"id": _ID, "file_name": str},
    "categories": {"id": _ID, "name": str},
    "annotations": {"image_id": _ID, "category_id": _ID},
}
_DEFAULT_NAME = "annotations.json"


def recognises(document: Any) -> bool:
    """Tell whether a JSON document looks like COCO."""
    if not isinstance(document, dict) or "detection_categories" in document:
        return False
    return {"images", "categories"} <= document.keys()  # files of a test set have no annotations


def read(source: Path, options: ReadOptions) -> Reading:
    """Read the images with the categories of their annotations."""
    document = _checked(read_json(source), source)
    names_of = {c["id"]: str(c["name"]) for c in document["categories"]}
    by_image = _by_image(document)
    images = document["images"]
    sources = [image["file_name"] for image in images]
    candidates = [options.images] if options.images else [source.parent, source.parent / "images"]
    root, names = placed(sources, candidates, document=source)
    findings = _unknown(document, names_of)
    if not document["annotations"]:
        text = "The file has no annotations: none of its images has a label."
        findings.append(Finding(topic="annotations", text=text, doubtful=True))
    entries = []
    boxes: list[Box] = []
    for image, name, called in zip(images, names, sources, strict=True):
        annotations = [a for a in by_image.get(image["id"], []) if a["category_id"] in names_of]
        boxes += _boxes(image, name, called, annotations, names_of)
        columns = scalars(image, without=("id", "file_name"))
        if any(a.get("sequence_level_annotation") for a in annotations):
            columns["sequence_level_annotation"] = "true"
        opinions = [_opinion(annotations, names_of)] if annotations else []
        entries.append(Entry(name=name, source_name=called, opinions=opinions, columns=columns))
    reading = Reading(
        root=root, entries=merged(entries), base=source.parent, documents=(source,), findings=findings
    )
    return with_crops(reading, boxes, source, options) if options.crops else reading


def _checked(document: Any, source: Path) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise CatalogError(f"{source}: expected an object with images, annotations and categories.")
    document.setdefault("annotations", [])
    for part, fields in _NEEDED.items():
        for i, record in enumerate(records(document.get(part), part, source)):
            required(record, fields, f"{part}[{i}]", source)
    return document


def _by_image(document: dict[str, Any]) -> dict[Any, list[dict[str, Any]]]:
    found: dict[Any, list[dict[str, Any]]] = {}
    for annotation in document["annotations"]:
        found.setdefault(annotation["image_id"], []).append(annotation)
    return found


def _unknown(document: dict[str, Any], names_of: dict[Any, str]) -> list[Finding]:
    images = {image["id"] for image in document["images"]}
    lost = [
        str(a.get("id", "?"))
        for a in document["annotations"]
        if a["category_id"] not in names_of or a["image_id"] not in images
    ]
    if not lost:
        return []
    text = f"Annotations of an image or a category that the file does not have: {len(lost):,}."
    return [Finding(topic="annotations", text=text, doubtful=True, examples=tuple(lost))]


def _opinion(annotations: list[dict[str, Any]], names_of: dict[Any, str]) -> Opinion:
    known = next((a for a in annotations if a.get(METHOD)), annotations[0])
    scored = all("score" in annotation for annotation in annotations)  # as detectors write it
    method = known.get(METHOD) or ("machine" if scored else "")
    scores = [number(a.get(PROBABILITY, a.get("score"))) for a in annotations]
    certain = [score for score in scores if score is not None]
    return Opinion(
        labels=tuple(dict.fromkeys(names_of[a["category_id"]] for a in annotations)),
        method=method if method in ("human", "machine") else "",  # type: ignore[arg-type] # just checked
        by=str(known.get(BY) or ""),
        time=str(known.get(TIME) or ""),
        probability=min(certain) if certain else None,
    )


def _boxes(
    image: dict[str, Any],
    name: str,
    called: str,
    annotations: Iterable[dict[str, Any]],
    names_of: dict[Any, str],
) -> list[Box]:
    found = []
    for i, annotation in enumerate(annotations):
        area, relative = annotation.get("bbox_relative"), True
        if not area:
            area, relative = annotation.get("bbox"), False
        if area:
            opinion = _opinion([annotation], names_of)
            columns = scalars(image, without=("id", "file_name"))
            box = Box(
                name=name, called=called, at=i, area=area, relative=relative, opinion=opinion, columns=columns
            )
            found.append(box)
    return found


def write(job: Writing) -> None:
    """Write the document that the set came from with the present labels, or a new one."""
    name = job.documents[0] if job.documents else _DEFAULT_NAME
    original = None if job.source is None else job.source / name
    document = (
        {"info": {"description": "written by cleaner"}, "images": [], "annotations": [], "categories": []}
        if original is None
        else _checked(read_json(original), original)
    )
    _Editor(document, job).apply()
    job.note_classless()
    write_json(job.folder / name, document, like=original)


class _Editor:
    """Changes a COCO document so that it says what the set says."""

    def __init__(self, document: dict[str, Any], job: Writing) -> None:
        self._document, self._job = document, job
        self._categories = {c["id"]: str(c["name"]) for c in document["categories"]}
        self._by_image = _by_image(document)
        self._gone: set[int] = set()  # ids of Python's of the annotations that go
        self._image_ids = _free_ids(image["id"] for image in document["images"])
        self._annotation_ids = _free_ids(a.get("id") for a in document["annotations"])
        self._category_ids = _free_ids(self._categories, first=1)

    def apply(self) -> None:
        images = self._document["images"]
        changes = self._job.changes()
        added = self._job.added({image["file_name"] for image in images})
        kept = []
        for image in images:
            said = changes.get(image["file_name"], [])
            if any(r.deleted and r.box is None for r in said):
                self._gone |= {id(a) for a in self._by_image.get(image["id"], [])}
                continue
            kept.append(image)
            known = [a for a in self._by_image.get(image["id"], []) if a["category_id"] in self._categories]
            for reviewed in said:
                self._edit(image, known, reviewed)
        images[:] = kept
        for reviewed in added:
            self._add(reviewed)
        annotations = self._document["annotations"]
        annotations[:] = [a for a in annotations if id(a) not in self._gone]

    def _edit(self, image: dict[str, Any], known: list[dict[str, Any]], reviewed: Reviewed) -> None:
        if reviewed.box is not None:
            known = known[reviewed.box : reviewed.box + 1]
            if reviewed.deleted:
                self._gone |= {id(a) for a in known}
                return
        if reviewed.label is None:
            return
        if reviewed.classes is not None and reviewed.box is None:
            self._edit_several(image, known, reviewed)
            return
        labels = {self._categories[a["category_id"]] for a in known}
        if len(labels) > 1:  # nothing of what else was seen is taken away
            known = [a for a in known if self._categories[a["category_id"]] == reviewed.label]
        if not known:
            known = [self._annotate(image["id"])]
        for annotation in known:
            self._call(annotation, reviewed.label, reviewed)

    def _edit_several(self, image: dict[str, Any], known: list[dict[str, Any]], reviewed: Reviewed) -> None:
        """Let the annotations of an image say these classes, and no others."""
        old: dict[str, list[dict[str, Any]]] = {}
        for annotation in known:
            label = self._categories[annotation["category_id"]]
            old.setdefault(reviewed.renamed.get(label, label), []).append(annotation)
        for label, own in old.items():
            now = reviewed.instead_of(label, old)
            for annotation in own:
                if now is None:
                    self._gone.add(id(annotation))
                else:
                    self._call(annotation, now, reviewed)
        for label in reviewed.new_beside(old):
            self._call(self._annotate(image["id"]), label, reviewed)

    def _call(self, annotation: dict[str, Any], label: str, reviewed: Reviewed) -> None:
        """Give an annotation a category, and say who did if somebody decided."""
        if self._categories.get(annotation["category_id"]) != label:
            annotation["category_id"] = self._category(label)
            for key in (METHOD, BY, TIME, PROBABILITY, "score"):
                annotation.pop(key, None)
        if reviewed.decided:
            self._sign(annotation, reviewed.opinion)

    def _add(self, reviewed: Reviewed) -> None:
        image = {"id": next(self._image_ids), "file_name": reviewed.source_name}
        own = {"file_name", "id"}
        image |= {key: value for key, value in reviewed.columns.items() if value and key not in own}
        self._document["images"].append(image)
        for label in reviewed.labels:
            annotation = self._annotate(image["id"])
            annotation["category_id"] = self._category(label)
            self._sign(annotation, reviewed.opinion)

    def _annotate(self, image_id: object) -> dict[str, Any]:
        annotation = {"id": next(self._annotation_ids), "image_id": image_id, "category_id": None}
        self._document["annotations"].append(annotation)
        return annotation

    def _category(self, label: str) -> object:
        for known, name in self._categories.items():
            if name == label:
                return known
        new = next(self._category_ids)
        self._document["categories"].append({"id": new, "name": label})
        self._categories[new] = label
        return new

    @staticmethod
    def _sign(annotation: dict[str, Any], opinion: Opinion) -> None:
        said = {METHOD: opinion.method, BY: opinion.by, TIME: opinion.time}
        annotation |= {key: value for key, value in said.items() if value}
        if opinion.probability is not None:
            annotation[PROBABILITY] = opinion.probability
        else:
            annotation.pop(PROBABILITY, None)


def _free_ids(taken: Iterable[Any], *, first: int = 0) -> Iterator[int | str]:
    """Yield ids that are free: numbers, as text where those that are taken are not all numbers."""
    ids = list(taken)
    largest = max((int(i) for i in ids if str(i).isdigit()), default=first - 1)
    return map(int if all(isinstance(i, int) for i in ids) else str, itertools.count(largest + 1))

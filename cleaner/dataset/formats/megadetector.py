"""MegaDetector's results: ``{"info": {…}, "detection_categories": {…}, "images": […]}``.

Fields that are relied on (https://lila.science/megadetector-output-format, version 1.6 and earlier):
``images`` with ``file``, ``detections`` (null where the image failed) and ``failure``; a detection with
``category``, ``conf``, ``bbox`` (x, y, width, height as shares of the image's sides, upright) and, after a
classifier, ``classifications``: pairs of category and confidence, the most confident first. Categories are
named in ``detection_categories`` and ``classification_categories``; who and when is in ``info``:
``detector``, ``classifier``, ``detection_completion_time``, ``classification_completion_time``.

The label of an image is what is in its boxes of at least the least confidence, the classifier's word before
the detector's; "empty" without such a box, with the probability that its most confident box leaves. The label
of a cropped box is what is in it. All are a machine's, and so suggestions, until somebody decided on them.

A label that was decided on goes into ``classifications``, alone and with confidence 1, and the box says so
with ``classificationMethod``, ``classifiedBy`` and ``classificationTimestamp`` (Camtrap DP's names; fields
that the format does not define are passed over by its readers). A deleted box is taken out.
"""

from __future__ import annotations

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
from cleaner.util.wording import count

EMPTY = "empty"
_DEFAULT_NAME = "detections.json"
_WHOLE = [0.0, 0.0, 1.0, 1.0]
_OWN = ("classificationMethod", "classifiedBy", "classificationTimestamp")


def recognises(document: Any) -> bool:
    """Tell whether a JSON document looks like MegaDetector's."""
    return isinstance(document, dict) and {"images", "detection_categories"} <= document.keys()


def read(source: Path, options: ReadOptions) -> Reading:
    """Read what was detected in each image."""
    document = _checked(read_json(source), source)
    images = [image for image in document["images"] if "frame_rate" not in image]
    if not images:
        raise CatalogError(f"{source} names no image, only videos, which cannot be reviewed.")
    sources = [str(image["file"]) for image in images]
    candidates = [options.images] if options.images else [source.parent, source.parent / "images"]
    root, names = placed(sources, candidates, document=source)
    results = _Results(document)
    entries, boxes = [], []
    for image, name, called in zip(images, names, sources, strict=True):
        columns = scalars(image, without=("file", "detections"))
        detections = image.get("detections") or []
        sure = {
            at: detection
            for at, detection in enumerate(detections)
            if (number(detection.get("conf")) or 0.0) >= options.min_confidence
        }
        columns["boxes"] = str(len(sure))
        opinions = [] if image.get("failure") else [results.of_image(detections, list(sure.values()))]
        entries.append(Entry(name=name, source_name=called, opinions=opinions, columns=columns))
        boxes += [
            Box(
                name=name,
                called=called,
                at=at,
                area=detection.get("bbox") or (),
                relative=True,
                opinion=results.of_box(detection),
                columns={"confidence": f"{number(detection.get('conf')) or 0:g}"},
            )
            for at, detection in sure.items()
        ]
    findings = _videos(document)
    reading = Reading(
        root=root, entries=merged(entries), base=source.parent, documents=(source,), findings=findings
    )
    return with_crops(reading, boxes, source, options) if options.crops else reading


def _videos(document: dict[str, Any]) -> list[Finding]:
    videos = [str(i["file"]) for i in document["images"] if "frame_rate" in i]
    if not videos:
        return []
    text = f"Left out, as only images can be reviewed: {count(len(videos), 'video')}."
    return [Finding(topic="videos", text=text, examples=tuple(videos))]


def _checked(document: Any, source: Path) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise CatalogError(f"{source}: expected an object with images and detection_categories.")
    for part in ("detection_categories", "classification_categories"):
        if not isinstance(document.setdefault(part, {}), dict):
            raise CatalogError(f"{source}: expected {part} to be an object of names.")
    for i, image in enumerate(records(document.get("images"), "images", source)):
        required(image, {"file": str}, f"images[{i}]", source)
        for detection in records(image.get("detections") or [], f"detections of {image['file']!r}", source):
            _check_classes(detection.get("classifications") or [], image["file"], source)
    return document


def _check_classes(classes: Any, file: str, source: Path) -> None:
    pairs = classes if isinstance(classes, list) else [None]
    if not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise CatalogError(
            f"{source}: expected classifications of {file!r} to be pairs of class and confidence."
        )


class _Results:
    """What the detections of a document say."""

    def __init__(self, document: dict[str, Any]) -> None:
        info = document.get("info")
        self._info: dict[str, Any] = info if isinstance(info, dict) else {}
        self._kinds = {str(k): str(v) for k, v in document["detection_categories"].items()}
        self._classes = {str(k): str(v) for k, v in document["classification_categories"].items()}

    def of_box(self, detection: dict[str, Any]) -> Opinion:
        """Return what is in a box: the best class, or the detector's category."""
        who = {key: str(detection.get(key) or "") for key in _OWN}
        best = next(iter(detection.get("classifications") or []), None)
        if best is None:
            kind = str(detection.get("category"))
            label, sure = self._kinds.get(kind, kind), detection.get("conf")
            by, time = self._info.get("detector"), self._info.get("detection_completion_time")
        else:
            label, sure = self._classes.get(str(best[0]), str(best[0])), best[1]
            by, time = self._info.get("classifier"), self._info.get("classification_completion_time")
        if who["classificationMethod"] == "human":
            return Opinion(labels=(label,), method="human", by=who[_OWN[1]], time=who[_OWN[2]])
        return Opinion(
            labels=(label,),
            method="machine",
            by=str(by or "MegaDetector"),
            time=str(time or ""),
            probability=number(sure),
        )

    def of_image(self, detections: list[dict[str, Any]], sure: list[dict[str, Any]]) -> Opinion:
        """Return what is in all boxes of an image together that are sure enough."""
        found = [self.of_box(detection) for detection in sure]
        if not found:
            by = str(self._info.get("detector") or "MegaDetector")
            time = str(self._info.get("detection_completion_time") or "")
            most = max((number(each.get("conf")) or 0.0 for each in detections), default=0.0)
            return Opinion(labels=(EMPTY,), method="machine", by=by, time=time, probability=1 - most)
        first = next((opinion for opinion in found if opinion.method == "human"), found[0])
        known = [opinion.probability for opinion in found if opinion.probability is not None]
        return Opinion(
            labels=tuple(dict.fromkeys(label for opinion in found for label in opinion.labels)),
            method=first.method,
            by=first.by,
            time=first.time,
            probability=max(known) if known else None,
        )


def write(job: Writing) -> None:
    """Write the results that the set came from with the present labels, or new ones."""
    name = job.documents[0] if job.documents else _DEFAULT_NAME
    original = None if job.source is None else job.source / name
    document = (
        {
            "info": {"format_version": "1.6", "detector": "none: labels of a review, written by cleaner"},
            "detection_categories": {"1": "animal", "2": "person", "3": "vehicle"},
            "images": [],
        }
        if original is None
        else read_json(original)
    )
    had_classes = "classification_categories" in document
    _checked(document, original or job.folder / name)
    _Editor(document, job).apply()
    if not had_classes and not document["classification_categories"]:
        del document["classification_categories"]
    write_json(job.folder / name, document, like=original)


class _Editor:
    """Changes a document of results so that it says what the set says."""

    def __init__(self, document: dict[str, Any], job: Writing) -> None:
        self._document, self._job = document, job
        self._results = _Results(document)
        self._whole = 0  # images whose label got a box of the whole image

    def apply(self) -> None:
        changes = self._job.changes()
        added = self._job.added({image["file"] for image in self._document["images"]})
        kept = []
        for image in self._document["images"]:
            said = changes.get(image["file"], [])
            if any(r.deleted and r.box is None for r in said):
                continue
            kept.append(image)
            self._edit(image, said)
        for reviewed in added:
            kept.append({"file": reviewed.source_name, "detections": []})
            self._label(kept[-1], reviewed)
        self._document["images"] = kept
        if self._whole:
            self._job.notes.append(
                f"Images with a label, but without a box: {self._whole:,}. Their label is written as a box "
                "of the whole image, as the format has no other place for it."
            )

    def _edit(self, image: dict[str, Any], said: list[Reviewed]) -> None:
        detections: list[dict[str, Any]] = list(image.get("detections") or [])
        gone = set()
        for reviewed in said:
            if reviewed.box is None:
                self._label(image, reviewed)
            elif reviewed.box < len(detections):
                if reviewed.deleted:
                    gone.add(reviewed.box)
                elif reviewed.label is not None:
                    self._classify(detections[reviewed.box], reviewed)
        if gone:
            image["detections"] = [d for i, d in enumerate(detections) if i not in gone]

    def _label(self, image: dict[str, Any], reviewed: Reviewed) -> None:
        """Write the label of a whole image into its boxes, as far as they do not say it already."""
        if reviewed.label is None:
            return
        if reviewed.label == EMPTY:
            image["detections"] = []
            return
        detections = image.get("detections") or []
        sure = [d for d in detections if self._results.of_box(d).labels == (reviewed.label,)]
        others = [d for d in detections if d not in sure]
        if not sure and not others:
            self._whole += 1
            box = {"category": self._kind(reviewed.label), "conf": 1.0, "bbox": list(_WHOLE)}
            image["detections"] = [box]
            others = [box]
        for detection in sure or others[:1]:
            self._classify(detection, reviewed)

    def _classify(self, detection: dict[str, Any], reviewed: Reviewed) -> None:
        label = reviewed.label or ""
        if self._results.of_box(detection).labels != (label,):
            kinds = self._document["detection_categories"]
            as_kind = next((key for key, name in kinds.items() if name == label), None)
            if as_kind is not None:
                detection["category"] = as_kind
                detection.pop("classifications", None)
            else:
                detection["classifications"] = [[self._class(label), 1.0]]
            for key in _OWN:
                detection.pop(key, None)
        if reviewed.decided:
            opinion = reviewed.opinion
            said = zip(_OWN, (opinion.method, opinion.by, opinion.time), strict=True)
            detection |= {key: value for key, value in said if value}

    def _kind(self, label: str) -> str:
        kinds = self._document["detection_categories"]
        named = next((key for key, name in kinds.items() if name == label), None)
        return str(named or next((key for key, name in kinds.items() if name == "animal"), "1"))

    def _class(self, label: str) -> str:
        classes: dict[str, str] = self._document["classification_categories"]
        for key, name in classes.items():
            if name == label:
                return key
        new = str(max((int(key) for key in classes if key.isdigit()), default=-1) + 1)
        classes[new] = label
        return new

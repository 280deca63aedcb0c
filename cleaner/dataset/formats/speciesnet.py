"""SpeciesNet's predictions: ``{"predictions": [{"filepath": …, "prediction": …}, …]}``.

Fields that are relied on (the README of google/cameratrapai, "Full ensemble output format"): ``filepath``,
``prediction``, ``prediction_score``, ``prediction_source``, ``model_version``, ``failures``, ``detections``
(``label``, ``conf``, ``bbox`` as shares of the image's sides) and ``classifications`` (``classes``,
``scores``). A class is written as ``uuid;class;order;family;genus;species;common name``; the label is its
last part that is not empty, and the whole of it stands in the column ``prediction``.

The ensemble predicts one class an image; a cropped box is labelled with it if it is an animal, else with the
detector's word. A label that was decided on becomes the ``prediction`` with score 1 and the source "human",
with ``classifiedBy`` and ``classificationTimestamp`` beside it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

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

_DEFAULT_NAME = "predictions.json"
_HUMAN = "human"


def recognises(document: Any) -> bool:
    """Tell whether a JSON document looks like SpeciesNet's."""
    rows = document.get("predictions") if isinstance(document, dict) else None
    return isinstance(rows, list) and all(isinstance(r, dict) and "filepath" in r for r in rows[:5])


def read(source: Path, options: ReadOptions) -> Reading:
    """Read the prediction of each image."""
    rows = _rows(read_json(source), source)
    sources = [row["filepath"] for row in rows]
    candidates = [options.images] if options.images else [source.parent, source.parent / "images"]
    root, names = placed(sources, candidates, document=source)
    entries, boxes = [], []
    for row, name, called in zip(rows, names, sources, strict=True):
        opinion = _opinion(row)
        columns = scalars(row, without=("filepath", "detections", "classifications", "prediction_score"))
        entries.append(
            Entry(name=name, source_name=called, opinions=[opinion] if opinion else [], columns=columns)
        )
        for at, box in enumerate(row.get("detections") or []):
            if (number(box.get("conf")) or 0.0) >= options.min_confidence:
                boxes.append(_box(row, box, name=name, at=at, opinion=opinion))
    reading = Reading(root=root, entries=merged(entries), base=source.parent, documents=(source,))
    return with_crops(reading, boxes, source, options) if options.crops else reading


def _rows(document: Any, source: Path) -> list[dict[str, Any]]:
    rows = records(document.get("predictions") if isinstance(document, dict) else None, "predictions", source)
    for i, row in enumerate(rows):
        required(row, {"filepath": str}, f"predictions[{i}]", source)
        records(row.get("detections") or [], f"detections of {row['filepath']!r}", source)
    return rows


def common_name(prediction: str) -> str:
    """Return the last part of a class that is not empty: its common name, or the lowest taxon there is."""
    return next((part for part in reversed(prediction.split(";")) if part.strip()), prediction)


def _opinion(row: dict[str, Any]) -> Opinion | None:
    prediction = row.get("prediction")
    if not isinstance(prediction, str) or not prediction:
        return None
    human = row.get("prediction_source") == _HUMAN
    by = row.get("classifiedBy") if human else f"SpeciesNet {row.get('model_version') or ''}".strip()
    return Opinion(
        labels=(common_name(prediction),),
        method="human" if human else "machine",
        by=str(by or ""),
        time=str(row.get("classificationTimestamp") or ""),
        probability=None if human else number(row.get("prediction_score")),
    )


def _box(row: dict[str, Any], box: dict[str, Any], *, name: str, at: int, opinion: Opinion | None) -> Box:
    seen = str(box.get("label") or "")
    said = box.get("prediction")
    if isinstance(said, str) and said:  # decided on before
        opinion = _opinion({**box, "prediction_source": _HUMAN})
    elif opinion is None or seen != "animal":
        by = f"SpeciesNet {row.get('model_version') or ''}".strip()
        opinion = Opinion(labels=(seen,), method="machine", by=by, probability=number(box.get("conf")))
    return Box(
        name=name,
        called=row["filepath"],
        at=at,
        area=box.get("bbox") or (),
        relative=True,
        opinion=opinion or Opinion(),
        columns={"confidence": f"{number(box.get('conf')) or 0:g}"},
    )


def write(job: Writing) -> None:
    """Write the predictions that the set came from with the present labels, or new ones."""
    name = job.documents[0] if job.documents else _DEFAULT_NAME
    original = None if job.source is None else job.source / name
    document: dict[str, Any] = {"predictions": []} if original is None else read_json(original)
    rows = _rows(document, original or job.folder / name)
    full = {common_name(p): p for row in rows if isinstance(p := row.get("prediction"), str)}
    changes = job.changes()
    added = job.added({row["filepath"] for row in rows})
    kept = []
    for row in rows:
        said = changes.get(row["filepath"], [])
        if any(r.deleted and r.box is None for r in said):
            continue
        kept.append(row)
        _edit(row, said, full)
    for reviewed in added:
        row = {"filepath": reviewed.source_name}
        _edit(row, [reviewed], full)
        kept.append(row)
    document["predictions"] = kept
    write_json(job.folder / name, document, like=original)


def _edit(row: dict[str, Any], said: list[Reviewed], full: dict[str, str]) -> None:
    boxes = list(row.get("detections") or [])
    gone = set()
    for reviewed in said:
        target = row if reviewed.box is None else boxes[reviewed.box]
        if reviewed.box is not None and reviewed.deleted:
            gone.add(reviewed.box)
        elif reviewed.label is not None:
            _predict(target, reviewed, full)
    if gone:
        row["detections"] = [box for i, box in enumerate(boxes) if i not in gone]


def _predict(target: dict[str, Any], reviewed: Reviewed, full: dict[str, str]) -> None:
    label, opinion = reviewed.label or "", reviewed.opinion
    there = target.get("prediction")
    if not isinstance(there, str) or common_name(there) != label:
        target["prediction"] = full.get(label, label)
        if opinion.probability is not None:
            target["prediction_score"] = opinion.probability
    if reviewed.decided:
        target |= {"prediction_score": 1.0, "prediction_source": _HUMAN}
        said = {"classifiedBy": opinion.by, "classificationTimestamp": opinion.time}
        target |= {key: value for key, value in said.items() if value}

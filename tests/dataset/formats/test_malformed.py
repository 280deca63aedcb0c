"""Every value of a foreign document replaced by nonsense: it is read, or refused with a sentence."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from foreign import photos

from cleaner.dataset.formats.entries import Opinion, ReadOptions, Reviewed, Writing
from cleaner.dataset.formats.registry import FORMATS
from cleaner.errors import CatalogError

NONSENSE: list[Any] = [None, -1, True, "\u2028x", [], [None], {}, {"a": [1]}]
PERSON = Opinion(labels=("new",), method="human", by="anna", time="2024-01-01T00:00:00Z")

COCO = {
    "images": [{"id": 1, "file_name": "a.png", "width": 24}, {"id": 2, "file_name": "b.png"}],
    "categories": [{"id": 3, "name": "fox"}],
    "annotations": [{"id": 4, "image_id": 1, "category_id": 3, "bbox": [0, 0, 9, 9], "score": 0.5}],
}
MEGADETECTOR = {
    "info": {"format_version": "1.6", "detector": "md"},
    "detection_categories": {"1": "animal"},
    "classification_categories": {"0": "fox"},
    "images": [
        {
            "file": "a.png",
            "detections": [
                {"category": "1", "conf": 0.9, "bbox": [0, 0, 1, 1], "classifications": [["0", 0.9]]}
            ],
        },
        {"file": "b.png", "detections": []},
    ],
}
SPECIESNET = {
    "predictions": [
        {
            "filepath": "a.png",
            "prediction": "x;fox",
            "prediction_score": 0.5,
            "detections": [{"label": "animal", "conf": 0.9, "bbox": [0, 0, 1, 1]}],
            "model_version": "4",
        },
        {"filepath": "b.png", "failures": ["DETECTOR"]},
    ]
}
CHOICE = {"from_name": "c", "to_name": "i", "type": "choices", "value": {"choices": ["fox"]}}
LABEL_STUDIO = [
    {
        "id": 1,
        "data": {"image": "a.png", "site": "x"},
        "annotations": [{"result": [CHOICE], "completed_by": {"email": "b"}, "created_at": "2024"}],
        "predictions": [{"result": [CHOICE], "score": 0.5, "model_version": "m"}],
    },
    {"id": 2, "data": {"image": "b.png"}},
]
FIFTYONE = {
    "classes": ["fox"],
    "labels": {"a": 0, "b": {"label": 0, "confidence": 0.5, "attributes": {"x": 1}}},
}
DOCUMENTS: dict[str, Any] = {
    "coco": COCO,
    "megadetector": MEGADETECTOR,
    "speciesnet": SPECIESNET,
    "label-studio": LABEL_STUDIO,
    "fiftyone": FIFTYONE,
}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every value in a document."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in inner:
        yield from places(child, (*path, key))


def replaced(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    changed = copy.deepcopy(document)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return changed


@pytest.mark.parametrize(
    ("name", "crops"),
    [(n, crops) for n in DOCUMENTS for crops in (False, True) if FORMATS[n].crops or not crops],
)
def test_nonsense_is_read_or_refused_with_a_sentence(name: str, crops: bool, tmp_path: Path) -> None:
    kind = FORMATS[name]
    folder = photos(tmp_path / "set", ["a.png", "b.png", "data/a.png", "data/b.png"])
    source = folder / ("labels.json" if name == "fiftyone" else "document.json")
    outcomes = {"read": 0, "refused": 0}
    for number, place in enumerate(places(DOCUMENTS[name])):
        for i, value in enumerate(NONSENSE):
            source.write_text(json.dumps(replaced(DOCUMENTS[name], place, value)))
            options = ReadOptions(crops=crops, to=tmp_path / "crops" / f"{number}-{i}")
            try:
                reading = kind.read(folder if name == "fiftyone" else source, options)
            except CatalogError as error:
                assert str(error)
                outcomes["refused"] += 1
                continue
            outcomes["read"] += 1
            images = [
                Reviewed(
                    name=entry.name,
                    source_name=entry.source_name,
                    label="new",
                    given=entry.label,
                    decided=True,
                    opinion=PERSON,
                    box=int(entry.columns["box"]) if crops else None,
                )
                for entry in reading.entries
            ]
            job = Writing(
                folder=tmp_path / "out" / f"{number}-{i}",
                images=images,
                source=folder,
                documents=(source.name,),
                place=lambda _name, _target: True,
                path=lambda image: folder / image,
            )
            assert kind.write is not None
            kind.write(job)
            assert json.loads((job.folder / source.name).read_text(encoding="utf-8"))
    assert min(outcomes.values()) > 0

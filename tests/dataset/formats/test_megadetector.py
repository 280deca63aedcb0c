"""MegaDetector's results, whole images and crops, there and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from foreign import DELETE, REVIEWER, bring_in, decide, labels, photos, rows, suggestions, topics, write_out
from PIL import Image

from cleaner.errors import CatalogError

NAMES = ["cam/a.png", "cam/b.png", "cam/c.png", "cam/d.png"]


def document() -> dict[str, Any]:
    return {
        "info": {
            "format_version": "1.6",
            "detector": "md_v5a.0.0.pt",
            "classifier": "speciesnet",
            "classification_completion_time": "2026-05-26 19:11:32",
        },
        "detection_categories": {"1": "animal", "2": "person", "3": "vehicle"},
        "classification_categories": {"0": "fox", "3": "bear"},
        "classification_category_descriptions": {"0": "vulpes", "3": "ursus"},
        "images": [
            {
                "file": "cam\\a.png",
                "detections": [
                    {
                        "category": "1",
                        "conf": 0.926,
                        "bbox": [0.0, 0.25, 0.5, 0.5],
                        "classifications": [["3", 0.9], ["0", 0.07]],
                    },
                    {"category": "1", "conf": 0.061, "bbox": [0.1, 0.1, 0.4, 0.4]},
                ],
            },
            {"file": "cam/b.png", "detections": [], "failure": None},
            {
                "file": "cam/c.png",
                "detections": [
                    {"category": "1", "conf": 0.8, "bbox": [0, 0, 1, 1]},
                    {"category": "2", "conf": 0.7, "bbox": [0.5, 0.5, 0.5, 0.5]},
                ],
            },
            {"file": "cam/d.png", "failure": "Failure image access", "detections": None},
            {"file": "cam/e.mp4", "frame_rate": 20, "frames_processed": [0], "detections": []},
        ],
    }


@pytest.fixture
def source(tmp_path: Path) -> Path:
    photos(tmp_path / "set", NAMES)
    path = tmp_path / "set" / "md.json"
    path.write_text(json.dumps(document(), indent=1))
    return path


def test_what_was_detected_is_a_suggestion(source: Path) -> None:
    done = bring_in(source)
    assert done.format.name == "megadetector"
    assert set(labels(done).values()) == {None}
    assert suggestions(done) == {"cam/a.png": "bear", "cam/b.png": "empty", "cam/c.png": "", "cam/d.png": ""}
    a = rows(done)["cam/a.png"]
    assert (a["suggestion_by"], a["suggestion_probability"]) == ("speciesnet", "0.9")
    assert a["suggestion_time"] == "2026-05-26 19:11:32"
    assert a["source_name"] == "cam\\a.png"
    assert rows(done)["cam/d.png"]["failure"] == "Failure image access"
    assert {"suggestions", "several labels", "videos"} <= topics(done)


def test_boxes_of_less_confidence_count_only_if_asked_for(source: Path) -> None:
    done = bring_in(source, min_confidence=0.05)
    assert json.loads(rows(done)["cam/a.png"]["all_labels"]) == ["bear", "animal"]


def test_without_a_decision_the_file_is_the_same_byte_by_byte(source: Path, tmp_path: Path) -> None:
    write_out(bring_in(source), tmp_path / "out")
    assert (tmp_path / "out" / source.name).read_bytes() == source.read_bytes()


def test_decisions_on_images_go_into_their_boxes(source: Path, tmp_path: Path) -> None:
    done = bring_in(source)
    decide(done, {"cam/a.png": "wolf", "cam/b.png": "fox", "cam/c.png": DELETE})
    told = write_out(done, tmp_path / "out")
    new = json.loads((tmp_path / "out" / source.name).read_text())
    expected = document()
    expected["classification_categories"]["4"] = "wolf"
    del expected["images"][2]
    first = new["images"][0]["detections"]
    assert first[0]["classifications"] == [["4", 1.0]]
    assert (first[0]["classificationMethod"], first[0]["classifiedBy"]) == ("human", REVIEWER)
    assert first[1] == expected["images"][0]["detections"][1]
    whole = new["images"][1]["detections"][0]
    assert (whole["bbox"], whole["classifications"]) == ([0.0, 0.0, 1.0, 1.0], [["0", 1.0]])
    assert len(told.notes) == 1
    for part in ("info", "detection_categories", "classification_categories"):
        assert new[part] == expected[part]
    assert new["images"][2:] == expected["images"][2:]


def test_crops_are_a_set_of_their_own_tied_to_their_source(source: Path, tmp_path: Path) -> None:
    done = bring_in(source, crops=True)
    assert suggestions(done) == {
        "cam/c-png-0.jpg": "animal",
        "cam/c-png-1.jpg": "person",
        "cam/a-png-0.jpg": "bear",
    }
    table = rows(done)
    assert (table["cam/c-png-1.jpg"]["image"], table["cam/c-png-1.jpg"]["box"]) == ("cam/c.png", "1")
    with Image.open(done.reading.root / "cam/c-png-1.jpg") as crop:
        assert crop.size == (12, 12)
    decide(done, {"cam/c-png-0.jpg": DELETE, "cam/c-png-1.jpg": "vehicle", "cam/a-png-0.jpg": "bear"})
    write_out(done, tmp_path / "out")
    new = json.loads((tmp_path / "out" / source.name).read_text())
    boxes = new["images"][2]["detections"]
    assert [(box["category"], box["conf"]) for box in boxes] == [("3", 0.7)]
    kept = new["images"][0]["detections"][0]
    assert (kept["classifications"][0], kept["classifiedBy"]) == (["3", 0.9], REVIEWER)
    assert len(new["images"]) == 5


def test_boxes_that_are_none_are_left_out_and_said(source: Path) -> None:
    changed = document()
    changed["images"][0]["detections"][0]["bbox"] = [0.5, 0.5, 0, 0]
    changed["images"][2]["detections"][0]["bbox"] = ["x", 1]
    source.write_text(json.dumps(changed))
    done = bring_in(source, crops=True)
    assert list(labels(done)) == ["cam/c-png-1.jpg"]
    assert "boxes" in topics(done)


def test_a_file_without_boxes_has_nothing_to_crop(source: Path) -> None:
    with pytest.raises(CatalogError, match="no boxes to cut out"):
        bring_in(source, crops=True, min_confidence=0.99)

"""COCO and COCO Camera Traps, there and back."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from foreign import (
    DELETE,
    KEEP,
    REVIEWER,
    bring_in,
    decide,
    labels,
    photos,
    rows,
    suggestions,
    topics,
    write_out,
)

from cleaner.errors import CatalogError

NAMES = ["a.png", "b.png", "cam 1/c.png", "d.png", "e.png"]


def document() -> dict[str, Any]:
    return {
        "info": {"version": "1.0", "description": "traps", "note": [1, {"x": 0.5}]},
        "licenses": [{"id": 1}],
        "images": [
            {"id": f"i{i}", "file_name": name, "width": 24, "height": 24, "seq_id": "s1", "corrupt": False}
            for i, name in enumerate(NAMES)
        ],
        "categories": [{"id": 0, "name": "empty"}, {"id": 5, "name": "fox", "extra": "vulpes"}],
        "annotations": [
            {"id": "x0", "image_id": "i0", "category_id": 5, "bbox": [1, 2, 12, 13], "count": 1},
            {"id": "x1", "image_id": "i1", "category_id": 0, "sequence_level_annotation": True},
            {"id": "x2", "image_id": "i2", "category_id": 5},
            {"id": "x3", "image_id": "i3", "category_id": 5, "bbox": [0, 0, 9, 9]},
            {"id": "x4", "image_id": "i3", "category_id": 0},
        ],
    }


@pytest.fixture
def source(tmp_path: Path) -> Path:
    photos(tmp_path / "set" / "images", NAMES)
    path = tmp_path / "set" / "annotations.json"
    path.write_text(json.dumps(document(), indent=2))
    return path


def test_labels_and_foreign_columns_are_read(source: Path) -> None:
    done = bring_in(source, several=False)
    assert done.format.name == "coco"
    assert labels(done) == {
        "a.png": "fox",
        "b.png": "empty",
        "cam 1/c.png": "fox",
        "d.png": None,
        "e.png": None,
    }
    table = rows(done)
    assert table["b.png"]["sequence_level_annotation"] == "true"
    assert table["a.png"]["seq_id"] == "s1"
    assert json.loads(table["d.png"]["all_labels"]) == ["fox", "empty"]
    assert "several labels" in topics(done)


def test_without_a_decision_the_file_is_the_same_byte_by_byte(source: Path, tmp_path: Path) -> None:
    write_out(bring_in(source), tmp_path / "out")
    assert (tmp_path / "out" / source.name).read_bytes() == source.read_bytes()


def test_decisions_are_written_and_all_else_is_kept(source: Path, tmp_path: Path) -> None:
    done = bring_in(source)
    decide(done, {"a.png": "wolf", "b.png": DELETE, "cam 1/c.png": KEEP, "e.png": "fox"})
    told = write_out(done, tmp_path / "out")
    assert (told.changed, told.deleted, told.edited) == (2, 1, True)
    new = json.loads((tmp_path / "out" / source.name).read_text())
    expected = document()
    expected["categories"].append({"id": 6, "name": "wolf"})
    del expected["images"][1], expected["annotations"][1]
    signed = {"classificationMethod": "human", "classifiedBy": REVIEWER}
    times = {a["id"]: a.pop("classificationTimestamp") for a in new["annotations"] if "classifiedBy" in a}
    assert set(times) == {"x0", "x2", "0"}
    expected["annotations"][0] |= {"category_id": 6} | signed
    expected["annotations"][1] |= signed
    expected["annotations"].append({"id": "0", "image_id": "i4", "category_id": 5} | signed)
    assert new == expected


def test_what_was_written_is_read_back_with_its_reviewer(source: Path, tmp_path: Path) -> None:
    done = bring_in(source)
    decide(done, {"a.png": "wolf", "cam 1/c.png": KEEP})
    write_out(done, tmp_path / "out")
    again = bring_in(
        tmp_path / "out" / source.name, images=source.parent / "images", table=tmp_path / "again.csv"
    )
    table = rows(again)
    assert {name: table[name]["label_by"] for name in ("a.png", "b.png", "cam 1/c.png")} == {
        "a.png": REVIEWER,
        "b.png": "",
        "cam 1/c.png": REVIEWER,
    }
    assert labels(again)["a.png"] == "wolf"


def test_an_image_with_several_categories_loses_none(source: Path, tmp_path: Path) -> None:
    done = bring_in(source, several=False)
    decide(done, {"d.png": "fox"})
    write_out(done, tmp_path / "out")
    new = json.loads((tmp_path / "out" / source.name).read_text())
    assert [a["category_id"] for a in new["annotations"] if a["image_id"] == "i3"] == [5, 0]


def test_boxes_become_crops_and_their_labels_go_back_into_the_boxes(source: Path, tmp_path: Path) -> None:
    done = bring_in(source, crops=True)
    assert labels(done) == {"a-png-0.jpg": "fox", "d-png-0.jpg": "fox"}
    assert rows(done)["a-png-0.jpg"]["image"] == "a.png"
    decide(done, {"a-png-0.jpg": "wolf", "d-png-0.jpg": DELETE})
    write_out(done, tmp_path / "out")
    new = json.loads((tmp_path / "out" / source.name).read_text())
    kept = {a["id"]: a["category_id"] for a in new["annotations"]}
    assert kept == {"x0": 6, "x1": 0, "x2": 5, "x4": 0}
    assert len(new["images"]) == len(NAMES)


def test_a_set_from_elsewhere_becomes_a_new_document(source: Path, tmp_path: Path) -> None:
    done = bring_in(source, several=False)
    decide(done, {"b.png": DELETE})
    write_out(done, tmp_path / "other", format="cvat")
    new = bring_in(tmp_path / "other", images=source.parent / "images", table=tmp_path / "new.csv")
    told = write_out(new, tmp_path / "back")
    assert told.edited
    written = write_out(new, tmp_path / "coco", format="coco")
    assert not written.edited
    fresh = json.loads((tmp_path / "coco" / "annotations.json").read_text())
    named = {c["id"]: c["name"] for c in fresh["categories"]}
    files = {i["id"]: i["file_name"] for i in fresh["images"]}
    assert {files[a["image_id"]]: named[a["category_id"]] for a in fresh["annotations"]} == {
        "a.png": "fox",
        "cam 1/c.png": "fox",
    }
    assert sorted(files.values()) == ["a.png", "cam 1/c.png", "d.png", "e.png"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"images": 3}, "expected images to be a list of objects"),
        ({"images": [{"id": 1}]}, "images[0] has no 'file_name', which the format needs"),
        ({"categories": [{"id": 1}]}, "categories[0] has no 'name'"),
        ({"images": [{"id": 1, "file_name": "z.png"}]}, "Give the folder of the images with --images"),
    ],
)
def test_malformed_documents_get_a_sentence(source: Path, change: dict[str, Any], said: str) -> None:
    source.write_text(json.dumps(copy.deepcopy(document()) | change))
    with pytest.raises(CatalogError) as error:
        bring_in(source, format="coco")
    assert said in str(error.value)


@pytest.mark.parametrize("name", ["../../etc/x.png", "/etc/x.png", "images/../../x.png"])
def test_names_that_lead_out_are_refused(source: Path, name: str) -> None:
    changed = document()
    changed["images"][0]["file_name"] = name
    source.write_text(json.dumps(changed))
    done = bring_in(source)
    assert "missing files" in topics(done)
    assert len(labels(done)) == len(NAMES) - 1


def test_annotations_with_a_score_are_suggestions(source: Path) -> None:
    changed = document()
    for annotation in changed["annotations"]:
        annotation["score"] = 0.5
    source.write_text(json.dumps(changed))
    done = bring_in(source)
    assert set(labels(done).values()) == {None}
    assert suggestions(done)["a.png"] == "fox"

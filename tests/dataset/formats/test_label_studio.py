"""Label Studio's JSON, there and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from foreign import DELETE, REVIEWER, bring_in, decide, labels, photos, rows, suggestions, topics, write_out

from cleaner.errors import CatalogError
from cleaner.review.output.earlier import earlier_decisions


def choice(label: str) -> list[dict[str, Any]]:
    value = {"choices": [label]}
    return [{"id": "r", "from_name": "animal", "to_name": "img", "type": "choices", "value": value}]


def tasks() -> list[dict[str, Any]]:
    def said(label: str, who: object, time: str, **more: object) -> dict[str, Any]:
        return {"id": 7, "result": choice(label), "completed_by": who, "created_at": time, **more}

    guess = {
        "result": choice("cat"),
        "model_version": "m1",
        "score": 0.75,
        "created_at": "2024-01-01T00:00:00Z",
    }
    return [
        {
            "id": 1,
            "data": {"image": "/data/upload/3/0a1b2c3d-a.png", "site": "north"},
            "annotations": [
                said("cat", {"id": 4, "email": "bea@x.org"}, "2024-02-01T00:00:00Z"),
                said("dog", 9, "2024-02-02T00:00:00Z"),
                said("cow", 9, "2024-02-03T00:00:00Z", was_cancelled=True),
            ],
            "predictions": [guess],
            "meta": {"kept": True},
        },
        {
            "id": 2,
            "data": {"image": "/data/upload/3/1111aaaa-b.png"},
            "annotations": [],
            "predictions": [guess],
        },
        {"id": 3, "data": {"image": "/data/upload/3/22222222-c.png"}, "annotations": [], "predictions": []},
        {
            "id": 4,
            "data": {"image": "/data/upload/3/33333333-d.png"},
            "annotations": [said("dog", 9, "2024-02-02T00:00:00Z")],
        },
    ]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    photos(tmp_path / "set", ["a.png", "b.png", "c.png", "d.png"])
    path = tmp_path / "set" / "project-3.json"
    path.write_text(json.dumps(tasks()))
    return path


def test_the_latest_annotation_is_the_label_and_a_prediction_a_suggestion(source: Path) -> None:
    done = bring_in(source)
    assert done.format.name == "label-studio"
    assert labels(done) == {"a.png": "dog", "b.png": None, "c.png": None, "d.png": "dog"}
    assert suggestions(done) == {"a.png": "cat", "b.png": "cat", "c.png": "", "d.png": ""}
    table = rows(done)
    assert (table["a.png"]["label_method"], table["a.png"]["label_by"]) == ("human", "9")
    assert (table["b.png"]["suggestion_by"], table["b.png"]["suggestion_probability"]) == ("m1", "0.75")
    assert table["a.png"]["site"] == "north"
    assert "annotators disagree" in topics(done)


def test_annotators_become_reviewers_if_asked_for(source: Path) -> None:
    history = earlier_decisions(bring_in(source).reading.entries)
    said = list(
        zip(history["name"], history["action"], history["new_label"], history["reviewer"], strict=True)
    )
    assert said == [
        ("a.png", "relabel", "cat", "bea@x.org"),
        ("a.png", "keep", None, "9"),
        ("d.png", "keep", None, "9"),
    ]


def test_without_a_decision_the_file_is_the_same_byte_by_byte(source: Path, tmp_path: Path) -> None:
    write_out(bring_in(source), tmp_path / "out")
    assert (tmp_path / "out" / source.name).read_bytes() == source.read_bytes()


def test_a_decision_is_an_annotation_of_its_own(source: Path, tmp_path: Path) -> None:
    done = bring_in(source)
    decide(done, {"a.png": "cow", "c.png": "cat", "d.png": DELETE})
    write_out(done, tmp_path / "out")
    new = json.loads((tmp_path / "out" / source.name).read_text())
    old = tasks()
    assert [task["id"] for task in new] == [1, 2, 3]
    assert new[0]["annotations"][:3] == old[0]["annotations"]
    added = new[0]["annotations"][3]["result"][0]
    assert (added["from_name"], added["to_name"], added["value"]) == ("animal", "img", {"choices": ["cow"]})
    assert {k: v for k, v in new[0].items() if k != "annotations"} == {
        k: v for k, v in old[0].items() if k != "annotations"
    }
    assert new[1] == old[1]
    again = bring_in(tmp_path / "out" / source.name, images=source.parent, table=tmp_path / "again.csv")
    assert labels(again) == {"a.png": "cow", "b.png": None, "c.png": "cat"}
    assert suggestions(again)["b.png"] == "cat"
    assert rows(again)["a.png"]["label_by"] == REVIEWER


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("/data/local-files/?d=sub%20dir/a.png", "sub dir/a.png"),
        ("https://example.org/x/sub%20dir/a.png", "sub dir/a.png"),
        ("s3://bucket/key/sub dir/a.png", "sub dir/a.png"),
        ("C:\\photos\\sub dir\\a.png", "sub dir/a.png"),
    ],
)
def test_addresses_are_found_on_this_disk(tmp_path: Path, address: str, name: str) -> None:
    photos(tmp_path / "set", [name])
    path = tmp_path / "set" / "tasks.json"
    path.write_text(json.dumps([{"id": 1, "data": {"image": address}, "annotations": []}]))
    done = bring_in(path)
    assert list(labels(done)) == [name]
    assert rows(done)[name]["source_name"] == address


def test_the_short_form_is_refused(source: Path) -> None:
    source.write_text(json.dumps([{"image": "a.png", "choice": "cat"}]))
    with pytest.raises(CatalogError, match="not as JSON-MIN"):
        bring_in(source, format="label-studio")

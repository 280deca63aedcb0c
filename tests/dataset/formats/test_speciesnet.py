"""SpeciesNet's predictions, there and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from foreign import DELETE, REVIEWER, bring_in, decide, labels, photos, rows, suggestions, write_out

FOX = "aa;mammalia;carnivora;canidae;vulpes;vulpes;red fox"
DOGS = "bb;mammalia;carnivora;canidae;;;"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    photos(tmp_path / "set", ["a.png", "b.png", "c.png", "d.png"])
    path = tmp_path / "set" / "predictions.json"
    path.write_text(json.dumps(document(tmp_path / "set")))
    return path


def document(folder: Path) -> dict[str, Any]:
    def row(name: str, prediction: str, score: float) -> dict[str, Any]:
        return {
            "filepath": f"{folder}/{name}",
            "country": "DEU",
            "classifications": {"classes": [FOX, DOGS], "scores": [0.7, 0.2]},
            "detections": [
                {"category": "1", "label": "animal", "conf": 0.9, "bbox": [0, 0, 0.5, 1]},
                {"category": "2", "label": "human", "conf": 0.6, "bbox": [0.5, 0, 0.5, 1]},
            ],
            "prediction": prediction,
            "prediction_score": score,
            "prediction_source": "classifier",
            "model_version": "4.0.1a",
        }

    failed = {"filepath": f"{folder}/d.png", "failures": ["CLASSIFIER"], "model_version": "4.0.1a"}
    return {"predictions": [row("a.png", FOX, 0.7), row("b.png", DOGS, 0.5), row("c.png", FOX, 0.9), failed]}


def test_predictions_are_suggestions(source: Path) -> None:
    done = bring_in(source)
    assert done.format.name == "speciesnet"
    assert suggestions(done) == {"a.png": "red fox", "b.png": "canidae", "c.png": "red fox", "d.png": ""}
    assert set(labels(done).values()) == {None}
    a = rows(done)["a.png"]
    assert (a["suggestion_by"], a["suggestion_probability"]) == ("SpeciesNet 4.0.1a", "0.7")
    assert a["prediction"] == FOX


def test_without_a_decision_the_file_is_the_same_byte_by_byte(source: Path, tmp_path: Path) -> None:
    write_out(bring_in(source), tmp_path / "out")
    assert (tmp_path / "out" / source.name).read_bytes() == source.read_bytes()


def test_decisions_become_predictions_of_a_person(source: Path, tmp_path: Path) -> None:
    done = bring_in(source)
    decide(done, {"b.png": "red fox", "a.png": "red fox", "c.png": DELETE})
    write_out(done, tmp_path / "out")
    new = json.loads((tmp_path / "out" / source.name).read_text())["predictions"]
    old = document(source.parent)["predictions"]
    for row in new[:2]:
        assert row.pop("classificationTimestamp")
    human = {
        "prediction": FOX,
        "prediction_score": 1.0,
        "prediction_source": "human",
        "classifiedBy": REVIEWER,
    }
    assert new == [old[0] | human, old[1] | human, old[3]]
    again = bring_in(tmp_path / "out" / source.name, images=source.parent, table=tmp_path / "again.csv")
    assert rows(again)["b.png"]["label_by"] == REVIEWER
    assert labels(again) == {"a.png": "red fox", "b.png": "red fox", "d.png": None}


def test_boxes_are_cut_out_and_decided_on(source: Path, tmp_path: Path) -> None:
    done = bring_in(source, crops=True)
    assert suggestions(done)["a-png-0.jpg"] == "red fox"
    assert suggestions(done)["a-png-1.jpg"] == "human"
    decide(done, {"a-png-0.jpg": "wolf", "a-png-1.jpg": DELETE})
    write_out(done, tmp_path / "out")
    new = json.loads((tmp_path / "out" / source.name).read_text())["predictions"]
    old = document(source.parent)["predictions"]
    (box,) = new[0]["detections"]
    assert (box["prediction"], box["classifiedBy"]) == ("wolf", REVIEWER)
    assert new[0] | {"detections": []} == old[0] | {"detections": []}
    assert new[1:] == old[1:]


def test_suggestions_go_out_only_where_they_are_told_from_labels(source: Path, tmp_path: Path) -> None:
    done = bring_in(source)
    decide(done, {"a.png": "wolf"})
    assert write_out(done, tmp_path / "tasks", format="label-studio").notes == ()
    tasks = json.loads((tmp_path / "tasks" / "tasks.json").read_text())
    said = {
        task["data"]["image"]: [len(task.get(k, [])) for k in ("annotations", "predictions")]
        for task in tasks
    }
    assert said == {"a.png": [1, 0], "b.png": [0, 1], "c.png": [0, 1], "d.png": [0, 0]}
    assert tasks[1]["predictions"][0]["score"] == 0.5
    (note,) = write_out(done, tmp_path / "coco", format="coco").notes
    assert note.startswith("Images with nothing but a suggestion of a machine: 2.")

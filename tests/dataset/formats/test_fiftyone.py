"""FiftyOne's classification export, there and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from foreign import DELETE, bring_in, decide, labels, photos, rows, write_out

from cleaner.errors import CatalogError

DOCUMENT: dict[str, Any] = {
    "classes": ["bear", "fox"],
    "labels": {
        "a": 0,
        "sub/b": 1,
        "c": None,
        "d": {"label": 0, "confidence": 0.5, "attributes": {"age": "old"}},
        "e": [0, 1],
    },
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "export"
    photos(folder / "data", ["a.png", "sub/b.png", "c.png", "d.png", "e.png"])
    (folder / "labels.json").write_text(json.dumps(DOCUMENT))
    return folder


def test_targets_are_labels(source: Path) -> None:
    done = bring_in(source, several=False)
    assert done.format.name == "fiftyone"
    assert labels(done) == {
        "data/a.png": "bear",
        "data/sub/b.png": "fox",
        "data/c.png": None,
        "data/d.png": "bear",
        "data/e.png": None,
    }
    table = rows(done)["data/d.png"]
    assert (table["label_probability"], table["age"]) == ("0.5", "old")


def test_without_a_decision_labels_and_images_are_the_same(source: Path, tmp_path: Path) -> None:
    done = bring_in(source)
    write_out(done, tmp_path / "out", link=True)
    assert json.loads((tmp_path / "out" / "labels.json").read_text()) == DOCUMENT
    assert (tmp_path / "out" / "data" / "a.png").samefile(source / "data" / "a.png")


def test_decisions_are_written_and_all_else_is_kept(source: Path, tmp_path: Path) -> None:
    done = bring_in(source, several=False)
    decide(done, {"data/a.png": "wolf", "data/sub/b.png": DELETE, "data/c.png": "fox", "data/d.png": "fox"})
    write_out(done, tmp_path / "out")
    assert json.loads((tmp_path / "out" / "labels.json").read_text()) == {
        "classes": ["bear", "fox", "wolf"],
        "labels": {"a": 2, "c": 1, "d": {"label": 1, "attributes": {"age": "old"}}, "e": [0, 1]},
    }
    files = sorted(path.name for path in (tmp_path / "out" / "data").rglob("*.png"))
    assert files == ["a.png", "c.png", "d.png", "e.png"]


def test_an_export_for_each_split_is_one_set(tmp_path: Path) -> None:
    for split, label in (("train", "bear"), ("val", "fox")):
        photos(tmp_path / "all" / split / "data", [f"{label}.png"])
        (tmp_path / "all" / split / "labels.json").write_text(json.dumps({"labels": {label: label}}))
    done = bring_in(tmp_path / "all")
    assert labels(done) == {"train/data/bear.png": "bear", "val/data/fox.png": "fox"}
    assert [row["split"] for row in rows(done).values()] == ["train", "valid"]
    decide(done, {"val/data/fox.png": "cat"})
    write_out(done, tmp_path / "out")
    assert json.loads((tmp_path / "out" / "val" / "labels.json").read_text()) == {"labels": {"fox": "cat"}}


def test_a_set_from_elsewhere_becomes_a_new_export(source: Path, tmp_path: Path) -> None:
    write_out(bring_in(source, several=False), tmp_path / "hf", format="huggingface")
    hf = bring_in(tmp_path / "hf")
    write_out(hf, tmp_path / "new", format="fiftyone")
    again = bring_in(tmp_path / "new")
    assert sorted(filter(None, labels(again).values())) == ["bear", "bear", "fox"]
    assert len(labels(again)) == 5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"labels": 3}', "expected an object with 'labels'"),
        ('{"labels": {"a": 7}, "classes": ["x"]}', "got class 7"),
        ("{", "is not a JSON file: line 1"),
    ],
)
def test_malformed_labels_get_a_sentence(source: Path, text: str, said: str) -> None:
    (source / "labels.json").write_text(text)
    with pytest.raises(CatalogError) as error:
        bring_in(source, format="fiftyone")
    assert said in str(error.value)

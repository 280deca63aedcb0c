"""Hugging Face's image folders with metadata, there and back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from foreign import DELETE, REVIEWER, bring_in, decide, labels, photos, rows, write_out

from cleaner.dataset.formats.documents import CsvDocument
from cleaner.errors import CatalogError

CSV = 'file_name,label,caption\r\na.png,bear,"big, brown"\r\nsub/b.png,fox,\r\n'
JSONL = (
    '{"file_name": "c.png",  "label": 3, "objects": {"bbox": [[1.0, 2.0]]}}\n'
    '{"file_name": "d.png", "label": 4}\n'
    '{"file_name": "e.png", "label": [3, 4]}\n'
)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    photos(folder, ["train/a.png", "train/sub/b.png", "test/c.png", "test/d.png", "test/e.png"])
    (folder / "train" / "metadata.csv").write_bytes(CSV.encode())
    (folder / "test" / "metadata.jsonl").write_text(JSONL)
    return folder


def test_metadata_of_every_folder_is_read(source: Path) -> None:
    done = bring_in(source)
    assert done.format.name == "huggingface"
    assert labels(done) == {
        "train/a.png": "bear",
        "train/sub/b.png": "fox",
        "test/c.png": "3",
        "test/d.png": "4",
        "test/e.png": None,
    }
    table = rows(done)
    assert {table[name]["split"] for name in table if name.startswith("test")} == {"test"}
    assert table["train/a.png"]["caption"] == "big, brown"
    assert json.loads(table["test/c.png"]["objects"]) == {"bbox": [[1.0, 2.0]]}


def test_without_a_decision_every_file_is_the_same_byte_by_byte(source: Path, tmp_path: Path) -> None:
    done = bring_in(source)
    write_out(done, tmp_path / "out")
    for name in ("train/metadata.csv", "test/metadata.jsonl", "train/sub/b.png"):
        assert (tmp_path / "out" / name).read_bytes() == (source / name).read_bytes()


def test_decisions_change_their_lines_alone(source: Path, tmp_path: Path) -> None:
    done = bring_in(source)
    decide(done, {"train/a.png": "wolf", "train/sub/b.png": DELETE, "test/d.png": "3"})
    write_out(done, tmp_path / "out")
    assert (tmp_path / "out" / "train" / "metadata.csv").read_bytes() == (
        b'file_name,label,caption\r\na.png,wolf,"big, brown"\r\n'
    )
    lines = (tmp_path / "out" / "test" / "metadata.jsonl").read_text().splitlines(keepends=True)
    assert lines[0] == JSONL.splitlines(keepends=True)[0]
    assert json.loads(lines[1]) == {"file_name": "d.png", "label": 3}
    assert not (tmp_path / "out" / "train" / "sub" / "b.png").exists()


def test_a_new_folder_says_who_decided(source: Path, tmp_path: Path) -> None:
    write_out(bring_in(source), tmp_path / "f", format="fiftyone")
    other = bring_in(tmp_path / "f")
    name = next(name for name, label in labels(other).items() if label == "fox")
    decide(other, {name: "wolf"})
    write_out(other, tmp_path / "new", format="huggingface")
    table = CsvDocument.read(tmp_path / "new" / "metadata.csv").rows
    (row,) = [row for row in table if row["label"] == "wolf"]
    assert (row["classificationMethod"], row["classifiedBy"]) == ("human", REVIEWER)
    assert (tmp_path / "new" / row["file_name"]).is_file()
    again = bring_in(tmp_path / "new")
    assert sorted(filter(None, labels(again).values())) == ["3", "4", "bear", "wolf"]


def test_without_a_label_column_the_folders_are_the_labels(tmp_path: Path) -> None:
    folder = photos(tmp_path / "data", ["bear/a.png", "fox/b.png"])
    (folder / "metadata.csv").write_text("file_name,text\nbear/a.png,x\nfox/b.png,y\n")
    done = bring_in(folder)
    assert labels(done) == {"bear/a.png": "bear", "fox/b.png": "fox"}
    decide(done, {"bear/a.png": "fox"})
    assert "no column of labels" in write_out(done, tmp_path / "out").notes[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"label": "x"}\n', "row 1 has no 'file_name'"),
        ("[1]\n", "expected a JSON object"),
        ('{"file_name"\n', "line 1, is not a JSON file"),
    ],
)
def test_malformed_metadata_gets_a_sentence(source: Path, text: str, said: str) -> None:
    (source / "test" / "metadata.jsonl").write_text(text)
    with pytest.raises(CatalogError) as error:
        bring_in(source)
    assert said in str(error.value)


def test_a_metadata_file_stands_for_its_folder(source: Path) -> None:
    done = bring_in(source / "train" / "metadata.csv")
    assert done.format.name == "huggingface"
    assert labels(done) == {"a.png": "bear", "sub/b.png": "fox"}


def test_metadata_in_parquet_comes_back_the_same_or_with_the_decisions(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    folder = tmp_path / "data"
    photos(folder, ["a.png", "b.png", "c.png"])
    table = arrow.table({"file_name": ["a.png", "b.png", "c.png"], "label": ["x", "y", "x"], "n": [1, 2, 3]})
    parquet.write_table(table, folder / "metadata.parquet")
    done = bring_in(folder / "metadata.parquet")
    assert labels(done) == {"a.png": "x", "b.png": "y", "c.png": "x"}
    write_out(done, tmp_path / "same")
    before = (folder / "metadata.parquet").read_bytes()
    assert (tmp_path / "same" / "metadata.parquet").read_bytes() == before
    decide(done, {"a.png": "y", "b.png": DELETE})
    write_out(done, tmp_path / "out")
    after = parquet.read_table(tmp_path / "out" / "metadata.parquet")
    assert after.schema == table.schema
    assert after.to_pylist() == [
        {"file_name": "a.png", "label": "y", "n": 1},
        {"file_name": "c.png", "label": "x", "n": 3},
    ]

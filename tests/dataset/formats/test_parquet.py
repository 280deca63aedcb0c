"""Parquet files with images inside, there and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from foreign import DELETE, bring_in, decide, labels, photos, rows, topics, write_out

from cleaner.errors import CatalogError

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

FEATURES = {
    "image": {"_type": "Image"},
    "label": {"names": ["bear", "fox"], "_type": "ClassLabel"},
    "site": {"dtype": "string", "_type": "Value"},
}


def write_shard(path: Path, images: list[Path], targets: list[int], *, names: bool = True) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows_: list[dict[str, Any]] = [
        {"image": {"bytes": image.read_bytes(), "path": image.name}, "label": target, "site": f"s{i}"}
        for i, (image, target) in enumerate(zip(images, targets, strict=True))
    ]
    known = json.dumps({"info": {"features": FEATURES}}).encode()
    schema = pyarrow.schema(
        [
            ("image", pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])),
            ("label", pyarrow.int64()),
            ("site", pyarrow.string()),
        ],
        metadata={b"huggingface": known} if names else None,
    )
    parquet.write_table(pyarrow.Table.from_pylist(rows_, schema=schema), path, row_group_size=2)


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    folder = photos(tmp_path / "photos", [f"{letter}.png" for letter in "abcde"])
    return sorted(folder.iterdir())


@pytest.fixture
def source(tmp_path: Path, images: list[Path]) -> Path:
    folder = tmp_path / "dataset" / "data"
    write_shard(folder / "train-00000-of-00001.parquet", images[:3], [0, 1, -1])
    write_shard(folder / "test-00000-of-00001.parquet", images[3:], [1, 0])
    return tmp_path / "dataset"


def test_images_are_unpacked_with_their_classes(source: Path, images: list[Path]) -> None:
    done = bring_in(source)
    assert done.format.name == "parquet"
    assert labels(done) == {
        "train/a.png": "bear",
        "train/b.png": "fox",
        "train/c.png": None,
        "test/d.png": "fox",
        "test/e.png": "bear",
    }
    assert (done.reading.root / "train" / "a.png").read_bytes() == images[0].read_bytes()
    assert rows(done)["train/b.png"]["site"] == "s1"
    assert "unpacked" in topics(done)


def test_without_a_decision_every_file_is_the_same_byte_by_byte(source: Path, tmp_path: Path) -> None:
    write_out(bring_in(source), tmp_path / "out")
    for path in source.rglob("*.parquet"):
        assert (tmp_path / "out" / path.relative_to(source)).read_bytes() == path.read_bytes()


def test_decisions_are_written_and_all_else_is_kept(source: Path, tmp_path: Path) -> None:
    done = bring_in(source)
    decide(done, {"train/a.png": "wolf", "train/b.png": DELETE, "train/c.png": "bear"})
    write_out(done, tmp_path / "out")
    name = "data/train-00000-of-00001.parquet"
    old, new = parquet.read_table(source / name), parquet.read_table(tmp_path / "out" / name)
    known = json.loads(new.schema.metadata[b"huggingface"])
    assert known["info"]["features"]["label"]["names"] == ["bear", "fox", "wolf"]
    assert new.column("label").to_pylist() == [2, 0]
    kept = old.take([0, 2]).drop_columns(["label"])
    assert new.drop_columns(["label"]).to_pylist() == kept.to_pylist()
    test = parquet.read_table(tmp_path / "out" / "data" / "test-00000-of-00001.parquet")
    assert test.column("label").to_pylist() == [1, 0]
    assert test.schema.metadata == new.schema.metadata


def test_numbers_without_names_cannot_take_a_word(tmp_path: Path, images: list[Path]) -> None:
    write_shard(tmp_path / "x.parquet", images[:2], [3, 4], names=False)
    done = bring_in(tmp_path / "x.parquet")
    assert labels(done) == {"a.png": "3", "b.png": "4"}
    decide(done, {"a.png": "bear"})
    with pytest.raises(CatalogError, match="numbers without names"):
        write_out(done, tmp_path / "out")


def test_a_source_that_was_moved_is_missed(source: Path, tmp_path: Path) -> None:
    done = bring_in(source)
    (source / "data" / "train-00000-of-00001.parquet").rename(tmp_path / "gone.parquet")
    with pytest.raises(CatalogError, match="is not there any more"):
        write_out(done, tmp_path / "out")


def test_a_set_from_elsewhere_becomes_new_files(source: Path, tmp_path: Path) -> None:
    write_out(bring_in(source), tmp_path / "f", format="fiftyone")
    other = bring_in(tmp_path / "f")
    write_out(other, tmp_path / "new", format="parquet")
    again = bring_in(tmp_path / "new", to=tmp_path / "unpacked")
    assert sorted(filter(None, labels(again).values())) == ["bear", "bear", "fox", "fox"]
    assert len(labels(again)) == 5


def test_a_file_without_images_gets_a_sentence(tmp_path: Path) -> None:
    parquet.write_table(pyarrow.table({"x": [1]}), tmp_path / "x.parquet")
    with pytest.raises(CatalogError, match="no column with images"):
        bring_in(tmp_path / "x.parquet")
    assert not (tmp_path / "x").exists()


def test_a_damaged_file_gets_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(CatalogError, match="is not a valid Parquet file"):
        bring_in(tmp_path / "x.parquet")

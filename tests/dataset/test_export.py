"""The cleaned set as a folder tree."""

from __future__ import annotations

import csv
import errno
import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from cleaner.dataset.catalog import Catalog
from cleaner.dataset.export import LABELS_CSV, export_tree, safe_name
from cleaner.errors import Cancelled, CatalogError
from cleaner.util.progress import Reporter


@pytest.fixture
def catalog(colour_set: Path) -> Catalog:
    """Every third picture is for validation."""
    catalog = Catalog.from_folder(colour_set)
    return catalog.with_splits(
        {name: "valid" if i % 3 == 0 else "train" for i, name in enumerate(catalog.names)}
    )


def files(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def listed(folder: Path) -> list[dict[str, str]]:
    with (folder / LABELS_CSV).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_tree_opens_as_the_same_set(catalog: Catalog, tmp_path: Path) -> None:
    result = export_tree(catalog, tmp_path / "new")
    again = Catalog.from_folder(result.folder)
    assert (result.copied, result.linked, result.unlabelled, result.missing) == (len(catalog), 0, 0, ())
    assert again.summary()["classes"] == catalog.summary()["classes"]
    for row in listed(result.folder):
        assert (result.folder / row["name"]).read_bytes() == catalog.path(row["original"]).read_bytes()
        split, label, _ = row["name"].split("/")
        assert (split, label) == (row["split"], row["label"])


def test_the_originals_are_not_touched(catalog: Catalog, colour_set: Path, tmp_path: Path) -> None:
    before = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in colour_set.rglob("*.png")}
    export_tree(catalog, tmp_path / "new", link=True)
    assert {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in colour_set.rglob("*.png")} == before


def test_a_flat_tree_has_no_folders_for_splits(catalog: Catalog, tmp_path: Path) -> None:
    export_tree(catalog, tmp_path / "new", flat=True)
    assert {name.split("/")[0] for name in files(tmp_path / "new")} == {"red", "green", "blue", LABELS_CSV}
    assert {row["split"] for row in listed(tmp_path / "new")} == {"train", "valid"}


def test_relabelled_images_go_to_their_new_class(catalog: Catalog, tmp_path: Path) -> None:
    name = next(n for n in catalog.names if n.startswith("red/"))
    export_tree(catalog.with_labels({name: "blue"}), tmp_path / "new", flat=True)
    assert f"blue/{name.removeprefix('red/')}" in files(tmp_path / "new")
    assert f"red/{name.removeprefix('red/')}" not in files(tmp_path / "new")


def test_linked_files_share_their_bytes(catalog: Catalog, tmp_path: Path) -> None:
    result = export_tree(catalog, tmp_path / "new", link=True)
    assert (result.copied, result.linked) == (0, len(catalog))
    row = listed(result.folder)[0]
    assert (result.folder / row["name"]).samefile(catalog.path(row["original"]))


def test_where_links_are_impossible_files_are_copied(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other_disk(source: Path, target: Path) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", other_disk)
    result = export_tree(catalog, tmp_path / "new", link=True)
    assert (result.copied, result.linked) == (len(catalog), 0)


def test_equal_file_names_of_one_class_do_not_overwrite_each_other(
    picture: Callable[..., Path], tmp_path: Path
) -> None:
    root = tmp_path / "set"
    for i, name in enumerate(["cat/a/1.png", "cat/b/1.png", "cat/c/1.PNG", "dog/1.png"]):
        picture(root / name, (10, 20, 30), seed=i)
    result = export_tree(Catalog.from_folder(root), tmp_path / "new")
    rows = listed(result.folder)
    assert len({row["name"].casefold() for row in rows}) == 4
    for row in rows:
        assert (result.folder / row["name"]).read_bytes() == (root / row["original"]).read_bytes()


def test_classes_that_are_no_folder_names_stay_apart_and_inside(
    picture: Callable[..., Path], tmp_path: Path
) -> None:
    root = tmp_path / "set"
    labels = ["..", "a/b", "a\\b", "a_b", "A_B", "CON", "x. ", "ü 日本"]
    names = [f"{i}.png" for i in range(len(labels))]
    for i, name in enumerate(names):
        picture(root / name, (1, 2, 3), seed=i)
    catalog = Catalog.from_dataframe(pd.DataFrame({"name": names, "label": labels}), root=root)
    result = export_tree(catalog, tmp_path / "new", flat=True)
    rows = {row["original"]: row for row in listed(result.folder)}
    folders = [rows[name]["name"].split("/")[0] for name in names]
    assert len({folder.casefold() for folder in folders}) == len(labels)
    assert files(tmp_path / "new") == {row["name"] for row in rows.values()} | {LABELS_CSV}
    assert [rows[name]["label"] for name in names] == [*labels[:6], "x.", "ü 日本"]
    assert len(result.renamed) == 6
    again = Catalog.from_folder(result.folder)
    assert [again.label_of(rows[name]["name"]) for name in names] == [*labels[:6], "x.", "ü 日本"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["new", "set"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("bear", "bear"),
        ("a/b:c", "a_b_c"),
        ("..", "_"),
        ("", "_"),
        ("nul", "_nul"),
        ("Com1.jpg", "_Com1.jpg"),
    ],
)
def test_names_are_made_safe(text: str, name: str) -> None:
    assert safe_name(text) == name


def test_long_names_are_cut_and_keep_suffix_and_difference() -> None:
    first, second = safe_name("ü" * 200 + "a.jpeg"), safe_name("ü" * 200 + "b.jpeg")
    assert first != second
    assert first.endswith(".jpeg")
    assert len(first.encode()) <= 200


def test_images_without_a_label_are_left_out_and_counted(
    picture: Callable[..., Path], colour_set: Path, tmp_path: Path
) -> None:
    picture(colour_set / "unknown.png", (0, 0, 0))
    result = export_tree(Catalog.from_folder(colour_set), tmp_path / "new")
    assert (result.copied, result.unlabelled) == (24, 1)


def test_a_file_that_is_gone_is_named_and_the_rest_exported(catalog: Catalog, tmp_path: Path) -> None:
    gone = str(catalog.names[0])
    catalog.path(gone).unlink()
    result = export_tree(catalog, tmp_path / "new")
    assert (result.copied, result.missing) == (23, (gone,))


def test_a_stop_leaves_nothing_behind(catalog: Catalog, tmp_path: Path) -> None:
    class StopSoon(Reporter):
        done = 0

        def __call__(self, stage: str, done: int, total: int, **values: float) -> None:
            self.done = done

        def should_stop(self) -> bool:
            return self.done >= 5

    with pytest.raises(Cancelled):
        export_tree(catalog, tmp_path / "new", reporter=StopSoon())
    assert [p.name for p in tmp_path.iterdir()] == ["set"]


def test_a_folder_with_files_in_it_is_refused(catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "old.txt").write_text("mine")
    with pytest.raises(CatalogError) as error:
        export_tree(catalog, tmp_path / "new")
    assert str(error.value) == (
        f"{tmp_path / 'new'} is not empty; give a new folder, so that old and new files cannot mix."
    )
    assert files(tmp_path / "new") == {"old.txt"}


def test_an_empty_folder_is_filled(catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    assert export_tree(catalog, tmp_path / "new").copied == 24


@pytest.mark.parametrize("inside", ["clean", ".", ".."])
def test_a_folder_inside_or_around_the_set_is_refused(
    catalog: Catalog, colour_set: Path, inside: str
) -> None:
    around = colour_set.parent / "deep"
    around.mkdir()
    with pytest.raises(CatalogError) as error:
        export_tree(catalog, colour_set / inside)
    assert str(error.value).startswith(f"{colour_set / inside} ")
    assert not (colour_set / "clean").exists()


def test_a_set_without_labels_is_refused(picture: Callable[..., Path], tmp_path: Path) -> None:
    picture(tmp_path / "set" / "1.png", (1, 2, 3))
    with pytest.raises(CatalogError) as error:
        export_tree(Catalog.from_folder(tmp_path / "set"), tmp_path / "new")
    assert str(error.value) == "Nothing to export: none of the 1 images has a label."
    assert not (tmp_path / "new").exists()

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from cleaner.dataset.catalog import Catalog
from cleaner.errors import CatalogError

Picture = Callable[..., Path]
RED = (200, 0, 0)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "set").mkdir()
    return tmp_path / "set"


@pytest.fixture
def lay_out(root: Path, picture: Picture) -> Callable[..., Path]:
    """Return a function that makes a small picture of each name."""

    def make(*names: str) -> Path:
        for i, name in enumerate(names):
            path = root / name
            plain = picture(root / ".made.png", RED, seed=i, size_px=8)
            path.parent.mkdir(parents=True, exist_ok=True)
            plain.rename(path)
        return root

    return make


def rows(catalog: Catalog) -> list[tuple[str, str | None, str | None]]:
    return list(zip(catalog.names, catalog.labels, catalog.splits, strict=True))


def left_out(catalog: Catalog) -> dict[str, str]:
    return dict(zip(catalog.left_out["name"], catalog.left_out["reason"], strict=True))


def test_folders_are_classes_and_names_are_sorted(lay_out: Callable[..., Path]) -> None:
    root = lay_out("dog/b.png", "cat/deep/er/c.JPG", "cat/a.png", "loose.png")

    catalog = Catalog.from_folder(root)

    assert rows(catalog) == [
        ("cat/a.png", "cat", None),
        ("cat/deep/er/c.JPG", "cat", None),
        ("dog/b.png", "dog", None),
        ("loose.png", None, None),
    ]
    assert catalog.classes == ["cat", "dog"]
    assert list(catalog.table.columns) == ["name", "label", "split"]
    assert list(catalog.table.index) == [0, 1, 2, 3]
    assert repr(catalog) == "<Catalog of 4 images in 2 classes>"


@pytest.mark.parametrize("valid", ["valid", "val", "Validation"])
def test_folders_of_splits_are_understood(lay_out: Callable[..., Path], valid: str) -> None:
    root = lay_out(
        "train/cat/a.png", f"{valid}/cat/b.png", "TEST/dog/c.png", "train/unsorted.png", "new/d.png"
    )

    assert set(rows(Catalog.from_folder(root))) == {
        ("TEST/dog/c.png", "dog", "test"),
        ("new/d.png", "new", None),
        ("train/cat/a.png", "cat", "train"),
        ("train/unsorted.png", None, "train"),
        (f"{valid}/cat/b.png", "cat", "valid"),
    }


def test_a_class_named_like_a_split_is_a_class_where_there_is_no_training_folder(
    lay_out: Callable[..., Path],
) -> None:
    root = lay_out("test/a.png", "control/b.png")

    assert rows(Catalog.from_folder(root)) == [
        ("control/b.png", "control", None),
        ("test/a.png", "test", None),
    ]


def test_a_folder_with_nothing_but_pictures_in_it_is_a_set_without_labels(
    lay_out: Callable[..., Path],
) -> None:
    catalog = Catalog.from_folder(lay_out("b.png", "a.png"))

    assert rows(catalog) == [("a.png", None, None), ("b.png", None, None)]
    assert catalog.classes == []
    assert repr(catalog) == "<Catalog of 2 images in 0 classes>"


@pytest.mark.parametrize("folder", ["unlabelled", "Unlabeled", "_unlabelled", "_unlabeled"])
def test_a_folder_called_unlabelled_is_no_class(lay_out: Callable[..., Path], folder: str) -> None:
    root = lay_out("cat/a.png", f"{folder}/b.png", f"{folder}/cat/c.png", "cat/unlabelled/d.png")

    labels = dict(zip(*[getattr(Catalog.from_folder(root), of) for of in ("names", "labels")], strict=True))

    assert labels == {
        "cat/a.png": "cat",
        f"{folder}/b.png": None,
        f"{folder}/cat/c.png": None,
        "cat/unlabelled/d.png": "cat",
    }


def test_a_folder_called_unlabelled_stands_beside_splits_and_inside_them(
    lay_out: Callable[..., Path],
) -> None:
    root = lay_out("valid/cat/a.png", "test/cat/b.png", "unlabelled/c.png", "valid/unlabelled/d.png")

    assert rows(Catalog.from_folder(root)) == [
        ("test/cat/b.png", "cat", "test"),
        ("unlabelled/c.png", None, None),
        ("valid/cat/a.png", "cat", "valid"),
        ("valid/unlabelled/d.png", None, "valid"),
    ]


def test_a_set_of_nothing_but_a_validation_folder_is_one(lay_out: Callable[..., Path]) -> None:
    assert rows(Catalog.from_folder(lay_out("val/cat/a.png"))) == [("val/cat/a.png", "cat", "valid")]


def test_side_files_hidden_files_and_the_state_are_ignored(lay_out: Callable[..., Path]) -> None:
    root = lay_out(
        "cat/a.png", "cat/._a.png", "cat/.b.png", ".cleaner/thumbs/c.png", "__MACOSX/cat/d.png", ".git/e.png"
    )
    for name in ("Thumbs.db", ".DS_Store", "labels.csv"):
        (root / "cat" / name).write_bytes(b"x")

    assert list(Catalog.from_folder(root).names) == ["cat/a.png"]
    assert list(Catalog.from_folder(root, hidden=True).names) == [".git/e.png", "cat/.b.png", "cat/a.png"]
    assert len(Catalog.from_folder(root).left_out) == 0


def test_a_folder_can_be_excluded(lay_out: Callable[..., Path]) -> None:
    root = lay_out("cat/a.png", "state/thumbnails/b.png")

    assert list(Catalog.from_folder(root, exclude=root / "state").names) == ["cat/a.png"]


def test_a_picture_without_suffix_is_listed_and_a_text_is_not(lay_out: Callable[..., Path]) -> None:
    root = lay_out("cat/picture")
    (root / "cat" / "LICENSE").write_text("free")

    assert list(Catalog.from_folder(root).names) == ["cat/picture"]


def test_names_stay_as_they_are_on_the_disk(lay_out: Callable[..., Path]) -> None:
    decomposed = unicodedata.normalize("NFD", "über/ü 日本.png")
    nasty = [
        "a b/c,d.png",
        "a b/'q' \"r\".png",
        "a b/50%20off#1.png",
        "a b/<b>.png",
        "-x/-rf.png",
        "n/l\n1.png",
        "n/l\u20282.png",
    ]
    root = lay_out(decomposed, *nasty)

    assert sorted([decomposed, *nasty]) == list(Catalog.from_folder(root).names)
    for name in nasty:
        assert Catalog.from_folder(root).path(name).is_file()


def test_a_name_that_is_no_unicode_is_left_out(lay_out: Callable[..., Path]) -> None:
    root = lay_out("cat/a.png")
    try:
        (root / "cat" / os.fsdecode(b"\xff.png")).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system takes Unicode names only")

    assert left_out(Catalog.from_folder(root)) == {
        "cat/\\udcff.png": "its name is not valid Unicode; rename it"
    }


def test_links_that_lead_out_are_refused_and_listed_unless_followed(
    lay_out: Callable[..., Path], tmp_path: Path, picture: Picture
) -> None:
    root = lay_out("cat/a.png")
    outside = picture(tmp_path / "outside" / "o.png", RED)
    (root / "cat" / "out.png").symlink_to(outside)
    (root / "far").symlink_to(outside.parent, target_is_directory=True)
    (root / "cat" / "in.png").symlink_to(root / "cat" / "a.png")
    (root / "again").symlink_to(root / "cat", target_is_directory=True)
    (root / "cat" / "loop").symlink_to(root, target_is_directory=True)
    (root / "cat" / "gone.png").symlink_to(root / "nothing.png")
    reason = "a link that leads out of the folder"

    catalog = Catalog.from_folder(root)

    assert list(catalog.names) == ["cat/a.png", "cat/in.png"]
    assert left_out(catalog) == {
        "again": "a link to a folder whose files are listed already",
        "cat/gone.png": "a link to a file that is not there",
        "cat/loop": "a link to a folder whose files are listed already",
        "cat/out.png": reason,
        "far": reason,
    }
    with pytest.raises(CatalogError) as caught:
        catalog.path("cat/out.png")
    assert str(caught.value) == f"Cannot open 'cat/out.png': {reason}."
    with pytest.raises(CatalogError):
        catalog.path("far/o.png")

    followed = Catalog.from_folder(root, follow_links=True)
    assert list(followed.names) == ["cat/a.png", "cat/in.png", "cat/out.png", "far/o.png"]
    assert followed.path("far/o.png").read_bytes() == outside.read_bytes()


def test_a_root_that_is_itself_a_link_is_fine(lay_out: Callable[..., Path], tmp_path: Path) -> None:
    root = lay_out("cat/a.png")
    (tmp_path / "link").symlink_to(root, target_is_directory=True)

    catalog = Catalog.from_folder(tmp_path / "link")

    assert catalog.root == root.resolve()
    assert catalog.path("cat/a.png").is_file()


def test_links_outside_cannot_loop(lay_out: Callable[..., Path], tmp_path: Path, picture: Picture) -> None:
    root = lay_out("cat/a.png")
    outside = picture(tmp_path / "outside" / "o.png", RED).parent
    (outside / "self").symlink_to(outside, target_is_directory=True)
    (root / "far").symlink_to(outside, target_is_directory=True)

    assert list(Catalog.from_folder(root, follow_links=True).names) == ["cat/a.png", "far/o.png"]


def test_a_folder_that_cannot_be_read_is_listed(lay_out: Callable[..., Path]) -> None:
    root = lay_out("cat/a.png", "shut/b.png")
    (root / "shut").chmod(0)
    if os.access(root / "shut", os.R_OK):
        pytest.skip("this user may read everything")
    try:
        assert left_out(Catalog.from_folder(root)) == {
            "shut/": "this folder cannot be read: Permission denied"
        }
    finally:
        (root / "shut").chmod(0o700)


@pytest.mark.parametrize(
    ("files", "detail"),
    [
        ([], "it is empty"),
        ([".hidden"], "no files but hidden ones"),
        (["a.xyz", "b.xyz", "notes.txt"], "it holds other files (2 .xyz, 1 .txt)"),
    ],
)
def test_a_folder_without_images_is_refused_with_what_is_there(
    root: Path, files: list[str], detail: str
) -> None:
    for name in files:
        (root / name).write_bytes(b"x")

    with pytest.raises(CatalogError) as caught:
        Catalog.from_folder(root)

    assert str(caught.value) == (
        f"No images in {root}: {detail}. Expected JPEG, PNG or other images, one folder per class."
    )


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogError) as caught:
        Catalog.from_folder(tmp_path / "none")

    assert str(caught.value) == (
        f"The folder {tmp_path / 'none'} does not exist. "
        "Give the folder that holds the images, or a CSV file that names them."
    )


@pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd", "a/../../b.png", "", ".", "a\0b"])
def test_no_name_leads_out_of_the_root(lay_out: Callable[..., Path], name: str) -> None:
    catalog = Catalog.from_folder(lay_out("cat/a.png"))

    with pytest.raises(CatalogError, match=r"^Cannot open "):
        catalog.path(name)


def test_a_csv_gives_labels_splits_and_extra_columns(lay_out: Callable[..., Path]) -> None:
    root = lay_out("b.png", "a.png", "sub/c.png")
    path = root / "labels.csv"
    path.write_text(
        'name,label,split,patient,note\nb.png,dog,val,p1,"x, ""y"""\n'
        "a.png,cat,TRAIN,p2,\nsub/c.png,,,p1,1.0\n",
        encoding="utf-8",
    )

    catalog = Catalog.from_csv(path, group_column="patient")

    assert rows(catalog) == [("a.png", "cat", "train"), ("b.png", "dog", "valid"), ("sub/c.png", None, None)]
    assert list(catalog.table.columns) == ["name", "label", "split", "patient", "note"]
    assert list(catalog.table["note"]) == ["", 'x, "y"', "1.0"]
    assert catalog.groups is not None
    assert list(catalog.groups) == ["p2", "p1", "p1"]


def test_the_file_that_fastai_writes_is_read(lay_out: Callable[..., Path]) -> None:
    root = lay_out("black/1.png", "teddys/2.png")
    (root / "cleaned.csv").write_text("name,label\nblack/1.png,teddys\nteddys/2.png,teddys\n")

    assert list(Catalog.from_csv(root / "cleaned.csv").labels) == ["teddys", "teddys"]


@pytest.mark.parametrize("name_column", ["name", "Path", "file", "FILENAME", "image"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_csv_files_of_many_kinds_are_read(
    lay_out: Callable[..., Path], name_column: str, delimiter: str, encoding: str
) -> None:
    root = lay_out("ä.png", "b.png")
    text = delimiter.join([name_column, "Class", "is_valid"]) + "\r\n"
    text += delimiter.join(["ä.png", "größe", "True"]) + "\r\n" + delimiter.join(["b.png", "x", "0"]) + "\r\n"
    (root / "l.csv").write_bytes(text.encode(encoding))

    assert rows(Catalog.from_csv(root / "l.csv")) == [("b.png", "x", "train"), ("ä.png", "größe", "valid")]


def test_names_written_on_other_systems_are_found(lay_out: Callable[..., Path]) -> None:
    on_disk = unicodedata.normalize("NFD", "ü.png")
    root = lay_out("sub/a.png", on_disk, "b.png", "c.png")
    composed = unicodedata.normalize("NFC", on_disk)
    (root / "l.csv").write_text(f"name,label\nsub\\a.png,x\n{composed},x\n./b.png,x\n c.png ,x\n", "utf-8")

    assert set(Catalog.from_csv(root / "l.csv").names) <= {"sub/a.png", on_disk, composed, "b.png", "c.png"}
    assert len(Catalog.from_csv(root / "l.csv")) == 4


def test_rows_without_a_usable_file_are_left_out_with_reason_and_line(
    lay_out: Callable[..., Path], tmp_path: Path
) -> None:
    root = lay_out("a.png", "sub/b.png")
    (tmp_path / "secret.png").write_bytes(b"x")
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    (root / "l.csv").write_text(
        "name,label\na.png,x\nnone.png,x\n../secret.png,x\n/etc/passwd,x\nC:\\x.png,x\nsub,x\n"
        'link.png,x\n"two\nlines.png",x\n,x\nmore,x,y,z\n\n'
    )

    catalog = Catalog.from_csv(root / "l.csv")

    assert list(catalog.names) == ["a.png"]
    assert left_out(catalog) == {
        "none.png": "there is no such file (line 3)",
        "../secret.png": "leads out of the data set's folder (..) (line 4)",
        "/etc/passwd": "an absolute path; names must be relative to the data set's folder (line 5)",
        "C:\\x.png": "an absolute path; names must be relative to the data set's folder (line 6)",
        "sub": "a folder, not a file (line 7)",
        "link.png": "a link that leads out of the folder (line 8)",
        "two\nlines.png": "there is no such file (line 9)",
        "": "no file name (line 11)",
        "more": "line 12 has 4 fields, the header 2; put quotes around values with ','",
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "{path} is empty; expected a first line such as name,label and then one line per image."),
        (b"name,label,label\na.png,x,y\n", "l.csv has two columns named 'label'; rename one."),
        (
            b"name,label\na.png,x\nb.png,x\n./a.png,y\n",
            "l.csv contradicts itself on 1 image: 'a.png' is “x” in line 2 and “y” in line 4. "
            "Keep one row of each image.",
        ),
        (
            b"name,label,split\na.png,x,foo\n",
            "Got split 'foo' in line 2 of l.csv; expected train, valid or test, or nothing. "
            "If this column holds no splits, choose no column, or use --split-column -.",
        ),
        (
            b"name,label,is_valid\na.png,x,maybe\n",
            "Got split 'maybe' in line 2 of l.csv; expected true or false, or nothing. "
            "If this column holds no splits, choose no column, or use --split-column -.",
        ),
        (
            b"name,width,height\na.png,1.5,2.5\n",
            "l.csv has no column of labels that can be recognised: none of its columns ('width', 'height') "
            "has a few values that repeat. Choose the right one: on the page, or with --label-column.",
        ),
        (
            b"id,label\n1,x\n",
            "l.csv has no column of image names that can be recognised: none of its columns ('id', 'label') "
            "fits a file in the folder. Choose the right one: on the page, or with --name-column.",
        ),
        (
            b"name,label\nq.png,x\n",
            "l.csv names no image below {root} in its column 'name'. The first is 'q.png': there is "
            "no such file (line 2). An image there is 'a.png'. Choose another folder, the one to which the "
            "names are relative (cleaner app FOLDER --labels l.csv), or another column (--name-column).",
        ),
        (
            b"\x89PNG\r\n\x1a\n\0\0\0",
            "{path} is not a CSV file: it is an image. Give the folder of the images, or a table "
            "that names them.",
        ),
    ],
)
def test_tables_that_cannot_be_used_are_refused_in_words(
    lay_out: Callable[..., Path], content: bytes, message: str
) -> None:
    root = lay_out("a.png", "b.png")
    (root / "l.csv").write_bytes(content)

    with pytest.raises(CatalogError) as caught:
        Catalog.from_csv(root / "l.csv")

    assert str(caught.value) == message.format(path=root / "l.csv", root=root)


def test_columns_can_be_named(lay_out: Callable[..., Path]) -> None:
    root = lay_out("a.png")
    (root / "l.csv").write_text("id,name,kind,fold\na.png,Teddy,bear,test\n")

    catalog = Catalog.from_csv(root / "l.csv", name_column="id", label_column="kind", split_column="fold")

    assert rows(catalog) == [("a.png", "bear", "test")]
    assert list(catalog.table["name_given"]) == ["Teddy"]
    with pytest.raises(CatalogError) as caught:
        Catalog.from_csv(root / "l.csv", name_column="idd")
    assert str(caught.value) == (
        "l.csv has no column 'idd'; its columns are 'id', 'name', 'kind', 'fold'. Choose another one with "
        "--name-column."
    )


def test_a_group_column_that_is_absent_is_refused(lay_out: Callable[..., Path]) -> None:
    root = lay_out("a.png")
    (root / "l.csv").write_text("name,label\na.png,x\n")

    with pytest.raises(CatalogError) as caught:
        Catalog.from_csv(root / "l.csv", group_column="patient")

    assert str(caught.value) == "There is no column 'patient' to group by, only 'name', 'label', 'split'."


def test_a_dataframe_is_read_like_a_csv_and_keeps_its_types(lay_out: Callable[..., Path]) -> None:
    root = lay_out("a.png", "b.png")
    table = pd.DataFrame(
        {"file": ["b.png", "a.png", "gone.png"], "label": [3.0, None, 1], "is_valid": [True, False, True],
         "weight": [0.5, 2.0, 1.0]}
    )  # fmt: skip

    catalog = Catalog.from_dataframe(table, root=root)

    assert rows(catalog) == [("a.png", None, "train"), ("b.png", "3", "valid")]
    assert catalog.table["weight"].tolist() == [2.0, 0.5]
    assert catalog.table["weight"].dtype == "float64"
    assert left_out(catalog) == {"gone.png": "there is no such file (row 2)"}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pd.DataFrame({"name": [], "label": []}), "The DataFrame has no rows."),
        (
            pd.DataFrame([["a.png", "x", "y"]], columns=["name", "label", "label"]),
            "The DataFrame has two columns named 'label'; rename one.",
        ),
    ],
)
def test_a_dataframe_that_cannot_be_read_is_refused_in_words(
    lay_out: Callable[..., Path], table: pd.DataFrame, message: str
) -> None:
    with pytest.raises(CatalogError) as caught:
        Catalog.from_dataframe(table, root=lay_out("a.png"))

    assert str(caught.value) == message


@pytest.fixture
def four() -> Catalog:
    table = pd.DataFrame(
        {"name": [*"dcba"], "label": ["x", "", None, "y"], "split": ["train", "test", None, "valid"],
         "extra": [4, 3, 2, 1]}
    )  # fmt: skip
    return Catalog(table)


def test_a_catalog_is_sorted_and_knows_none_from_text(four: Catalog) -> None:
    assert rows(four) == [("a", "y", "valid"), ("b", None, None), ("c", None, "test"), ("d", "x", "train")]
    assert four.names.dtype == four.labels.dtype == four.splits.dtype == object
    assert four.groups is None
    assert (four.label_of("a"), four.label_of("b"), four.label_of("none")) == ("y", None, None)
    assert len(four) == 4


def test_parts_of_a_catalog(four: Catalog) -> None:
    assert list(four.where(split="train").names) == ["d"]
    assert list(four.where(split=("train", "valid")).names) == ["a", "d"]
    assert list(four.where(split=("train", "valid"), label="y").names) == ["a"]
    assert list(four.subset(["d", "a"]).table["extra"]) == [1, 4]
    with pytest.raises(CatalogError) as caught:
        four.subset(["a", "z"])
    assert str(caught.value) == "1 of 2 names are not in the catalog: 'z'."


def test_changed_labels_and_splits_leave_the_original_alone(four: Catalog) -> None:
    changed = four.with_labels({"a": "z", "d": None, "gone": "q"}).with_splits({"b": "train"})

    assert rows(changed) == [
        ("a", "z", "valid"),
        ("b", None, "train"),
        ("c", None, "test"),
        ("d", None, "train"),
    ]
    assert list(changed.table["extra"]) == [1, 2, 3, 4]
    assert four.classes == ["x", "y"]


def test_images_can_be_left_out_with_reasons(four: Catalog) -> None:
    less = four.leave_out({"b": "truncated", "gone": "missing"}).leave_out({"a": "empty file"})

    assert list(less.names) == ["c", "d"]
    assert left_out(less) == {"a": "empty file", "b": "truncated"}
    assert repr(less) == "<Catalog of 2 images in 1 class, 2 left out>"


def test_a_summary_counts_by_split_and_class(four: Catalog) -> None:
    assert four.summary() == {
        "total": 4,
        "unlabelled": 2,
        "left_out": 0,
        "splits": {"none": 1, "test": 1, "train": 1, "valid": 1},
        "classes": {"x": {"train": 1}, "y": {"valid": 1}},
    }


def test_a_catalog_refuses_a_name_that_stands_twice() -> None:
    with pytest.raises(CatalogError) as caught:
        Catalog(pd.DataFrame({"name": ["a", "a"], "label": ["x", "x"]}))

    assert str(caught.value) == "The name 'a' occurs twice; expected each name once."


def test_a_catalog_needs_names_and_labels() -> None:
    with pytest.raises(CatalogError) as caught:
        Catalog(pd.DataFrame({"name": ["a"]}))

    assert str(caught.value) == "A catalog needs a column 'label'; got 'name'."


def test_a_catalog_without_a_root_opens_nothing(four: Catalog) -> None:
    with pytest.raises(CatalogError) as caught:
        four.path("a")

    assert str(caught.value) == "Cannot open 'a': this catalog has no root. Make it with root=."

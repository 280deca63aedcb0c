"""What the folders of a set are taken for, in every kind of layout that people have, and what is said of it.

``python tests/dataset/test_input_kinds.py`` prints all of them as a table.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cleaner.dataset.catalog import Catalog, understood
from cleaner.dataset.layout import Layout
from cleaner.dataset.layout_guess import guess_layout
from cleaner.errors import CatalogError


@dataclass(frozen=True)
class Kind:
    """A kind of layout.

    Attributes
    ----------
    folders : str
        Folders with three images each; with ``=N``, with so many; a name with a dot is a file.
    read : str
        "label@split" of the images, sorted; "-" for none.
    doubts : str
        Topics of the doubtful findings, sorted.
    """

    folders: str
    read: str
    doubts: str = ""
    told: tuple[str, ...] = field(default=())


KINDS = {
    # folders that only hold others
    "plain": Kind("cat dog", "cat@- dog@-"),
    "one wrapper": Kind("PetImages/Cat PetImages/Dog", "Cat@- Dog@-"),
    "wrappers in wrappers": Kind("a/b/c/cat a/b/c/dog", "cat@- dog@-"),
    "wrapper above splits": Kind(
        "images/train/cat images/train/dog images/val/cat images/val/dog",
        "cat@train cat@valid dog@train dog@valid",
    ),
    "wrapper below splits": Kind(
        "train/images/cat train/images/dog val/images/cat val/images/dog",
        "cat@train cat@valid dog@train dog@valid",
    ),
    "wrapper named like its split": Kind(
        "seg_train/seg_train/sea seg_train/seg_train/ice seg_test/seg_test/sea seg_test/seg_test/ice "
        "seg_pred/seg_pred",
        "-@test ice@test ice@train sea@test sea@train",
    ),
    "image folder in each class": Kind("cat/images dog/images", "cat@- dog@-"),
    "nothing but an image folder": Kind("data/images", "-@-"),
    "wrapper beside another folder": Kind("images/cat images/dog notes", "cat@- dog@- notes@-", "wrapper"),
    "only one class, in folders": Kind("PetImages/Cat", "Cat@-", "one_class"),
    "only one class, by year": Kind("cat/2019 cat/2020", "2019@- 2020@-", "generic_classes"),
    "classes, and all of them again in a wrapper": Kind(
        "no yes tumours/no tumours/yes", "no@- yes@-", "classes_twice"
    ),
    "classes, and one that holds some of them": Kind(
        "red green blue mixed/red mixed/green", "blue@- green@- mixed@- red@-"
    ),
    "archives unpacked beside each other": Kind(
        "big/big/train/ok big/big/train/ng big/big/test/ok big/big/test/ng small/small/ok small/small/ng",
        "ng@- ng@test ng@train ok@- ok@test ok@train",
        "wrapper",
    ),
    "archives beside a split": Kind(
        "plants/plants/train/a plants/plants/train/b plants/plants/valid/a test/test",
        "-@test a@train a@valid b@train",
    ),
    "image folder in each numbered class": Kind("n01/images n02/images", "n01@- n02@-"),
    # names of splits
    "train and valid": Kind("train/a train/b valid/a valid/b", "a@train a@valid b@train b@valid"),
    "dev and eval": Kind("train/a train/b dev/a eval/a", "a@test a@train a@valid b@train"),
    "eval without dev": Kind("train/a train/b eval/a", "a@train a@valid b@train"),
    "extra": Kind("train/a test/a test/b extra/b", "a@test a@train b@test b@train"),
    "holdout beside valid": Kind("train/a train/b val/a holdout/b", "a@train a@valid b@test b@train"),
    "holdout beside test": Kind("train/a train/b test/a hold-out/b", "a@test a@train b@train b@valid"),
    "sets": Kind("training_set/a training_set/b test_set/a", "a@test a@train b@train"),
    "images": Kind("train_images/a train_images/b test_images", "-@test a@train b@train"),
    "years": Kind("train2017/a train2017/b val2017/b", "a@train b@train b@valid"),
    "capitals": Kind("Training/a Training/b Testing/a", "a@test a@train b@train"),
    "public and private": Kind(
        "train_mini/a train_mini/b val/a public_test", "-@test a@train a@valid b@train"
    ),
    "camel case": Kind("TrainData/a TrainData/b ValSet/a", "a@train a@valid b@train"),
    "several training folders": Kind("train-1/a train-2/b test/a", "a@test a@train b@train"),
    "splits without classes": Kind("train test", "-@test -@train"),
    "splits named after classes": Kind("trainA trainB testA testB", "-@test -@train", "split_and_class"),
    "validation folder alone": Kind("val/a val/b", "a@valid b@valid"),
    # classes that are named like splits
    "bus, car, train": Kind("bus car train", "bus@- car@- train@-"),
    "control and test": Kind("control test", "control@- test@-", "split_or_class"),
    "yes, no, pred": Kind("yes no pred", "no@- pred@- yes@-", "split_or_class"),
    "kinds of train": Kind("bullet_train steam_train", "bullet_train@- steam_train@-"),
    "test strips": Kind("test1 test2 test3", "test1@- test2@- test3@-", "split_or_class"),
    "bus, car, train by year": Kind("bus car train/2019 train/2020", "bus@- car@- train@-", "split_or_class"),
    "bus, car, train by day": Kind(
        "bus/day bus/night car/day car/night train/day train/night",
        "bus@- car@- train@-",
        "levels split_or_class",
    ),
    "train and test without inside, beside classes": Kind(
        "train test cat dog", "cat@- dog@- test@- train@-", "split_or_class"
    ),
    "a single split and the same folders beside it": Kind(
        "train/cat train/dog other/cat other/dog", "cat@- cat@train dog@- dog@train", "split_unknown"
    ),
    "a single split and a small folder beside it": Kind(
        "train/cat=9 train/dog=9 docs=3", "cat@train docs@- dog@train", "beside_splits"
    ),
    "a folder beside splits": Kind(
        "train/a train/b val/a sample", "a@train a@valid b@train sample@-", "beside_splits"
    ),
    "splits twice": Kind(
        "all/train/a all/test/a train/a train/b test/a", "a@test a@train b@train", "splits_twice"
    ),
    "a split in a wrapper of its name": Kind(
        "train/train/a train/train/b train/test/a", "a@test a@train b@train"
    ),
    "splits cut to one size": Kind("train_256/a train_256/b valid_256/a", "a@train a@valid b@train"),
    "unpacked zip archives": Kind(
        "train.zip_extracted/a train.zip_extracted/b test.zip_extracted/a", "a@test a@train b@train"
    ),
    "a folder to predict beside splits": Kind(
        "training/0 training/1 validation/0 inference", "0@train 0@valid 1@train inference@-", "beside_splits"
    ),
    "labelled and unlabelled below a split": Kind(
        "train/labeled/a train/labeled/b train/unlabeled test/a", "-@train a@test a@train b@train"
    ),
    "originals and crops": Kind(
        "crops/train/a crops/train/b crops/val/a originals/train/a originals/train/b originals/val/a",
        "a@train a@valid b@train",
        "sources",
    ),
    # splits below classes
    "class above split": Kind(
        "cat/train cat/test dog/train dog/test", "cat@test cat@train dog@test dog@train"
    ),
    "class above split, by year": Kind(
        "cat/train/2019 cat/test/2019 dog/train/2020", "cat@test cat@train dog@train"
    ),
    "one class with splits": Kind("a/train/x a/test/x b", "a@- b@-", "splits_in_class"),
    "parts with splits": Kind(
        "part1/train/a part1/val/b part2/train/b part2/val/a", "a@train a@valid b@train b@valid", "sources"
    ),
    # cross-validation
    "folds": Kind("fold1/a fold1/b fold2/a fold2/b fold10/a", "a@train a@valid b@train b@valid", "folds"),
    "folds from zero": Kind(
        "fold_0/a fold_0/b fold_1/a fold_1/b", "a@train a@valid b@train b@valid", "folds"
    ),
    "folds and test": Kind("cv1/a cv2/b test/a test/b", "a@test a@valid b@test b@train", "folds not_trained"),
    "folds and valid": Kind("fold1/a fold2/b valid/a valid/b", "a@train a@valid b@train b@valid", "folds"),
    "folds below classes": Kind(
        "a/fold1 a/fold2 b/fold1 b/fold2", "a@train a@valid b@train b@valid", "folds"
    ),
    "folds with splits": Kind(
        "cv1/train/a cv1/test/b cv2/train/b cv2/test/a", "a@test a@train b@test b@train", "folds"
    ),
    "one fold beside classes": Kind("fold1 apple pear", "apple@- fold1@- pear@-", "generic_classes"),
    # folders in folders
    "batches": Kind("batch1/cat batch1/dog batch2/cat batch2/dog", "cat@- dog@-", "sources"),
    "years above": Kind("2019/cat 2019/dog 2020/cat 2020/dog", "cat@- dog@-", "sources"),
    "years below": Kind("cat/2019 cat/2020 dog/2019", "cat@- dog@-"),
    "patients below": Kind("sick/patient1 sick/patient2 well/patient3 well/patient4", "sick@- well@-"),
    "the same below": Kind("cat/in cat/out dog/in dog/out", "cat@- dog@-", "levels"),
    "kinds of kinds": Kind("animals/cat animals/dog plants/rose plants/oak", "animals@- plants@-", "levels"),
    "users": Kind("user1/a user1/b user2/a user2/b", "user1@- user2@-", "levels"),
    "numbered folders": Kind("k1/a k1/b k2/a k2/b", "k1@- k2@-", "levels"),
    "classes by letter in folders of unknown meaning": Kind(
        "ein/a ein/b aus/a aus/b", "aus@- ein@-", "levels"
    ),
    "folds in words": Kind(
        "1st_fold/a 1st_fold/b 2nd_fold/a 2nd_fold/b", "a@train a@valid b@train b@valid", "folds"
    ),
    "folds by letter": Kind(
        "fold-A/a fold-A/b fold-B/a fold-B/b", "a@train a@valid b@train b@valid", "folds"
    ),
    "hospitals": Kind("site_A/ok site_A/ng site_B/ok site_B/ng", "ng@- ok@-", "sources"),
    "classes of two depths": Kind(
        "animals/mammals/cat animals/mammals/dog animals/birds/owl", "birds@- mammals@-", "levels"
    ),
    "images that nobody has sorted": Kind(
        "positive negative unsorted", "negative@- positive@- unsorted@-", "generic_classes"
    ),
    "what the file manager made": Kind("cat dog _trash", "_trash@- cat@- dog@-", "generic_classes"),
    "cameras alone": Kind("cam1 cam2", "cam1@- cam2@-", "generic_classes"),
    "image folder beside classes": Kind("cat dog images", "cat@- dog@- images@-", "generic_classes"),
    # images without a label
    "unlabelled": Kind("cat dog unlabelled", "-@- cat@- dog@-"),
    "classes in the names of files": Kind(
        " ".join(f"train/{label}.{i}.jpg" for label in ("cat", "dog") for i in range(3)),
        "-@train",
        "classes_in_names",
    ),
    "names of a camera": Kind("IMG_1.jpg IMG_2.jpg IMG_3.jpg DSC_1.jpg", "-@-"),
    "images above the classes": Kind("cat dog .=2", "-@- cat@- dog@-"),
    # classes
    "only one class": Kind("cat", "cat@-", "one_class"),
    "class only in valid": Kind(
        "train/a train/b valid/a valid/c", "a@train a@valid b@train c@valid", "not_trained"
    ),
    "few images": Kind("cat dog=1", "cat@- dog@-", told=("few_images",)),
    "Cat and cat": Kind("Cat cat", "Cat@- cat@-", "similar_classes"),
    "plural": Kind("cat cats", "cat@- cats@-", "similar_classes"),
    "composed and decomposed": Kind("caf\u00e9 cafe\u0301", "cafe\u0301@- caf\u00e9@-", "similar_classes"),
    "separators": Kind("red_fox red-fox", "red-fox@- red_fox@-", "similar_classes"),
    "slip": Kind("grizly grizzly black", "black@- grizly@- grizzly@-", "similar_classes"),
    # other files
    "NIfTI beside images": Kind("cat dog cat/scan.nii", "cat@- dog@-", "other_images"),
    "raw beside its JPEG": Kind("cat dog cat/0.cr2", "cat@- dog@-"),
    "text beside images": Kind("cat dog cat/notes.txt", "cat@- dog@-", told=("other_files",)),
    "JPEG named .dat": Kind("cat dog cat/a.dat", "cat@- dog@-", "odd_suffixes"),
    "JPEG named .jpg_large": Kind("cat dog cat/a.jpg_large", "cat@- dog@-", "odd_suffixes"),
    "JPEG named .jpg.1": Kind("cat dog cat/a.jpg.1", "cat@- dog@-", "odd_suffixes"),
    "JPEG named .JPG_original": Kind("cat dog cat/a.JPG_original", "cat@- dog@-", "odd_suffixes"),
    "JPEG named .jfif": Kind("cat dog cat/a.jfif", "cat@- dog@-"),
    "masks in a folder": Kind("images/a images/b masks/a masks/b", "a@- b@-", "masks"),
    "masks by split": Kind(
        "train/a train/b test/a masks/train/a masks/test/a", "a@test a@train b@train", "masks"
    ),
    "masks beside images": Kind(
        "benign normal benign/0_mask.png normal/1_mask.png", "benign@- normal@-", "masks"
    ),
    "folder of masks without images": Kind(
        "cat dog ground_truth/x.png", "cat@- dog@- ground_truth@-", "masks"
    ),
    "photographs in a folder called mask": Kind("face mask", "face@- mask@-", "masks"),
    "masks of classes": Kind(
        "x/images/cat x/images/dog x/ground_truth/a.png", "cat@- dog@- ground_truth@-", "masks wrapper"
    ),
    "masks of Pascal VOC": Kind(
        "JPEGImages/a JPEGImages/b SegmentationClass/a_mask.png",
        "SegmentationClass@- a@- b@-",
        "masks wrapper",
    ),
    "people with masks": Kind("mask no_mask", "mask@- no_mask@-"),
    "people with and without masks": Kind("with_mask without_mask", "with_mask@- without_mask@-"),
}


def make(root: Path, folders: str) -> Path:
    """Write the images of a kind: photographs are noise, masks have two colours."""
    for place in folders.split():
        path, _, number = place.partition("=")
        if "." in path.rpartition("/")[2] and path != ".":
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            if "mask" in path or "truth" in path:
                _mask(file)
            elif path.endswith((".nii", ".cr2", ".txt")):
                file.write_bytes(b"text")
            else:
                _photograph(file)
            continue
        for i in range(int(number or 3)):
            file = root / path / f"{i}.jpg"
            file.parent.mkdir(parents=True, exist_ok=True)
            (_mask if path.startswith("masks") else _photograph)(file)
    return root


def _photograph(path: Path) -> None:
    Image.effect_noise((16, 16), 80).convert("RGB").save(path, format="JPEG")


def _mask(path: Path) -> None:
    Image.new("L", (16, 16)).save(path, format="PNG")


def reading(catalog: Catalog) -> str:
    pairs = zip(catalog.labels, catalog.splits, strict=True)
    return " ".join(sorted({f"{label or '-'}@{split or '-'}" for label, split in pairs}))


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_folders_are_read_as_they_are_meant_or_it_is_said(tmp_path: Path, kind: Kind) -> None:
    root = make(tmp_path / "set", kind.folders)
    assert reading(Catalog.from_folder(root)) == kind.read
    findings = understood(root)
    assert " ".join(sorted({finding.topic for finding in findings if finding.doubtful})) == kind.doubts
    assert set(kind.told) <= {finding.topic for finding in findings}


PARTS = st.sampled_from(
    ["train", "val", "test", "fold1", "fold2", "images", "a", "cat", "dog", "2019", "masks"]
)
NAMES = st.lists(st.lists(PARTS, max_size=4), min_size=1, max_size=12)


@given(folders=NAMES)
def test_a_label_is_always_the_name_of_a_folder_and_is_read_again_from_what_is_remembered(
    folders: list[list[str]],
) -> None:
    names = sorted({"/".join([*parts, f"{i}.jpg"]) for i, parts in enumerate(folders)})
    layout = guess_layout(names).layout
    labels, splits = layout.read(names)
    for name, label, split in zip(names, labels, splits, strict=True):
        assert label is None or label in name.split("/")[:-1]
        assert split in (None, "train", "valid", "test")
        level = layout.class_level(name)
        assert (None if level is None else name.split("/")[level]) == label
    assert Layout.from_json(layout.to_json()).read(names) == (labels, splits)


def test_numeric_classes_are_said_in_their_order(tmp_path: Path) -> None:
    found = understood(make(tmp_path / "set", "0 1 2 10 11"))
    (text,) = (finding.text for finding in found if finding.topic == "classes")
    assert "0, 1, 2, 10 and 11" in text


def table(root: Path, text: str, name: str = "labels.csv") -> None:
    (root / name).write_text(text)


def table_findings(root: Path) -> list[tuple[tuple[str, ...], bool]]:
    return [(found.examples, found.doubtful) for found in understood(root) if found.topic == "table_beside"]


def test_a_table_beside_a_folder_of_images_is_found(tmp_path: Path) -> None:
    root = make(tmp_path / "set", "images")
    table(root, "image_id,breed\n0,pug\n1,pug\n2,collie\n")
    table(root, "id,price\nx,3\ny,4\n", "prices.csv")
    assert table_findings(root) == [(("labels.csv",), True)]


def test_every_kind_of_table_is_found(tmp_path: Path) -> None:
    root = make(tmp_path / "set", "images")
    for name, rows in (
        ("labels.xlsx", [("image_id", "breed"), (0, "pug"), (1, "collie")]),
        ("prices.xlsx", [("id", "price"), ("x", 3)]),
    ):
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append(row)
        book.save(root / name)
    table(root, "image_id\tbreed\n0\tpug\n1\tpug\n", "labels.tab")
    for name in ("old.xls", "damaged.xlsx", "~$labels.xlsx"):
        (root / name).write_bytes(b"\xd0\xcf\x11\xe0 or not")
    assert table_findings(root) == [(("labels.tab", "labels.xlsx"), True)]
    (unread,) = (found for found in understood(root) if found.topic == "table_unread")
    assert (unread.examples, unread.doubtful) == (("damaged.xlsx", "old.xls"), True)


def test_lists_of_images_that_are_named_like_splits_are_told(tmp_path: Path) -> None:
    root = make(tmp_path / "set", "cat dog")
    table(root, "cat/0.jpg\ncat/1\n", "train.txt")
    table(root, "a few words\non the set\n", "test.txt")
    table(root, "cat/0.jpg\n", "favourites.txt")
    assert table_findings(root) == []
    told = [found.examples for found in understood(root) if found.topic == "lists_of_splits"]
    assert told == [("train.txt",)]


def test_a_table_above_the_folder_of_images_is_found(tmp_path: Path) -> None:
    root = make(tmp_path / "set", "images") / "images"
    table(root.parent, "file;class\nimages/0.jpg;a\nimages/1.jpg;b\n", "train.csv")
    assert table_findings(root) == [((str(root.parent / "train.csv"),), True)]


def test_a_table_beside_classes_is_told_and_what_this_program_wrote_is_not(tmp_path: Path) -> None:
    root = make(tmp_path / "set", "cat dog")
    text = "name,label\ncat/0.jpg,cat\ncat/1.jpg,cat\ndog/0.jpg,dog\n"
    for name in ("annotations.csv", "cleaned.csv", "cleaned-2.csv", "decisions.csv", "l.cleaned.csv"):
        table(root, text, name)
    assert table_findings(root) == [(("annotations.csv",), False)]


def test_several_tables_are_told_at_once(tmp_path: Path) -> None:
    root = make(tmp_path / "set", "images")
    for name in ("test.csv", "train.csv"):
        table(root, "image_id,breed\n0,pug\n1,pug\n2,collie\n", name)
    ((examples, doubtful),) = table_findings(root)
    assert sorted(examples) == ["test.csv", "train.csv"]
    assert doubtful


def test_binary_and_one_column_tables_are_none(tmp_path: Path) -> None:
    root = make(tmp_path / "set", "images")
    (root / "labels.csv").write_bytes(bytes(range(256)) * 400)
    table(root, "0.jpg\n1.jpg\n", "list.txt")
    table(root, "", "empty.csv")
    assert table_findings(root) == []


REFUSED = {"scan.nii": "NIfTI", "photo.jxl": "JPEG XL", "photo.cr2": "camera raw", "drawing.svg": "SVG"}


@pytest.mark.parametrize(("file", "kind"), REFUSED.items(), ids=REFUSED)
def test_a_folder_of_nothing_but_other_images_names_their_kind(tmp_path: Path, file: str, kind: str) -> None:
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / file).write_bytes(b"x")
    with pytest.raises(CatalogError, match=f"1 {kind} file cannot be opened here"):
        Catalog.from_folder(tmp_path)
    assert understood(tmp_path) == ()

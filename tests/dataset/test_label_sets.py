from __future__ import annotations

import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cleaner.dataset.catalog import Catalog
from cleaner.dataset.export import export_tree
from cleaner.dataset.formats.entries import ReadOptions, Reviewed
from cleaner.dataset.formats.registry import FORMATS
from cleaner.dataset.formats.transfer import export_set
from cleaner.dataset.label_sets import LabelSets
from cleaner.errors import CatalogError

SETS = LabelSets(";")
NAMES = [f"{i}.jpg" for i in range(6)]
CLASSES = ("cat", "dog", "fox", "owl")
SURE = [set(CLASSES), {"cat", "dog"}, {"fox", "owl"}]  # so that it can be told that labels are several
CHOSEN = st.lists(st.sets(st.sampled_from(CLASSES)), min_size=3, max_size=3).map(lambda of: of + SURE)


def opened(table: pd.DataFrame) -> Catalog:
    with TemporaryDirectory() as folder:
        for name in NAMES:
            Path(folder, name).write_bytes(b"\xff\xd8\xff" + bytes(40))
        table.to_csv(Path(folder, "labels.csv"), index=False)
        return Catalog.from_csv(Path(folder, "labels.csv"))


def test_a_label_of_several_classes_has_one_way_to_be_written() -> None:
    assert SETS.canonical(" dog;cat; dog") == "cat;dog"
    assert SETS.join(()) == ";"  # which is not the same as no label
    assert SETS.split(";") == SETS.split(None) == ()
    assert SETS.with_class("cat", "dog", there=True) == "cat;dog"
    assert SETS.with_class("cat", "cat", there=False) == ";"
    assert SETS.renamed("cat;dog", lambda name: "dog" if name == "cat" else name) == "dog"


def as_text(glue: str, brackets: str = "", quote: str = "") -> object:
    def write(of: list[str]) -> str:
        if not of and not brackets:
            return glue.strip() or "|"
        return glue.join(f"{quote}{name}{quote}" for name in of).join(brackets or ("", ""))

    return write


FORMS = {
    "a;b": as_text(";"),
    "a | b": as_text(" | "),
    "a, b": as_text(", "),
    "['a', 'b']": as_text(", ", "[]", "'"),
    '["a","b"]': as_text(",", "[]", '"'),
}


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=6, deadline=None)
@given(of=CHOSEN, other=st.sets(st.sampled_from((*CLASSES, "yak"))), backwards=st.booleans())
def test_labels_come_back_as_they_were_and_only_a_new_label_changes(
    form: str, of: list[set[str]], other: set[str], backwards: bool
) -> None:
    written = [FORMS[form](sorted(each, reverse=backwards)) for each in of]
    catalog = opened(pd.DataFrame({"name": NAMES, "label": written, "site": list("aabbcc")}))
    sets = catalog.label_sets
    assert sets is not None
    assert [set(sets.split(label)) for label in catalog.labels] == of
    assert catalog.classes == list(CLASSES)
    assert catalog.as_given()["label"].tolist() == written
    changed = catalog.with_labels({"2.jpg": sets.join(other)}).as_given()
    assert changed["label"].drop(2).tolist() == written[:2] + written[3:]
    assert changed["site"].tolist() == list("aabbcc")
    assert catalog.read_label(changed["label"][2]) == sets.join(other)


@settings(max_examples=6, deadline=None)
@given(of=CHOSEN, other=st.sets(st.sampled_from((*CLASSES, "yak"))))
def test_columns_of_one_and_zero_follow_the_labels(of: list[set[str]], other: set[str]) -> None:
    columns = {name: [f"{name in each:d}.0" for each in of] for name in CLASSES}
    table = pd.DataFrame({"image": NAMES, **columns, "site": list("aabbcc")})
    catalog = opened(table)
    assert catalog.as_given()[list(CLASSES)].to_dict("list") == columns
    changed = catalog.with_labels({"2.jpg": catalog.label_sets.join(other)}).as_given()
    for name in (*CLASSES, "yak"):
        before = columns.get(name, ["0.0"] * 6)
        if name in changed:
            assert changed[name].tolist() == [*before[:2], f"{name in other:d}.0", *before[3:]]
    assert ("yak" in changed) == ("yak" in other)
    again = opened(changed.drop(columns="split"))  # its column of labels comes first, and the others follow
    assert [set(again.label_sets.split(label)) for label in again.labels] == [*of[:2], other, *of[3:]]
    assert set(again.label_form.columns) >= set.union(*of[:2], other, *of[3:])


def in_slots(of: list[set[str]], slots: int = 4) -> dict[str, list[str]]:
    """Write labels into numbered columns; a set of no class by a mark, for an empty row has no label."""
    rows = [(sorted(each, reverse=True) or ["|"]) + [""] * slots for each in of]
    return {f"label{k + 1}": [row[k] for row in rows] for k in range(slots)}


@settings(max_examples=10, deadline=None)
@given(of=CHOSEN, other=st.sets(st.sampled_from((*CLASSES, "yak"))))
def test_numbered_columns_hold_one_label_each_and_follow_it(of: list[set[str]], other: set[str]) -> None:
    columns = in_slots(of)
    catalog = opened(pd.DataFrame({"image": NAMES, **columns, "site": list("aabbcc")}))
    sets = catalog.label_sets
    assert sets is not None
    assert [set(sets.split(label)) for label in catalog.labels] == of
    (said,) = [found.text for found in catalog.findings if found.topic == "columns"]
    assert "labels from the columns “label1”, “label2”, “label3”, “label4”, one label in each." in said
    assert catalog.as_given()[list(columns)].to_dict("list") == columns
    changed = catalog.with_labels({"2.jpg": sets.join(other)}).as_given()
    slots = [column for column in changed if str(column).startswith("label") and column != "label"]
    assert slots == [f"label{k + 1}" for k in range(max(4, len(other)))]
    assert changed[list(columns)].drop(2).to_dict() == pd.DataFrame(columns).drop(2).to_dict()
    cells = [text for text in changed.loc[2, slots] if text]
    assert set(cells) == (other or {"|"})
    stay = [text for text in sorted(of[2], reverse=True) if text in other]
    assert [text for text in cells if text in of[2]] == stay  # in their order
    again = opened(changed.drop(columns="split"))  # its column of labels comes first, and the others follow
    assert [set(again.label_sets.split(label)) for label in again.labels] == [*of[:2], other, *of[3:]]
    assert list(again.label_form.slots) == slots


@pytest.mark.parametrize(
    "columns",
    [
        {"label1": list("aabbcc"), "label2": list("aabbca")},  # two people, who agree
        {"label1": list("aabbab"), "label2": ["x", "", "y", "x", "y", ""]},  # levels of a taxonomy
        {"label1": list("aabbcc"), "label3": list("bbaaab")},  # there is no second one
    ],
)
def test_opinions_and_levels_are_not_several_labels(columns: dict[str, list[str]]) -> None:
    assert opened(pd.DataFrame({"image": NAMES, **columns})).label_sets is None


def test_columns_of_labels_that_are_named_need_no_number(tmp_path: Path) -> None:
    for name in NAMES:
        (tmp_path / name).write_bytes(b"\xff\xd8\xff" + bytes(40))
    table = pd.DataFrame({"image": NAMES, "first": list("aabbcc"), "then": ["b", "", "c", "", "", "a"]})
    table.to_csv(tmp_path / "labels.csv", index=False)
    catalog = Catalog.from_csv(tmp_path / "labels.csv", label_column="first,then")
    assert catalog.labels.tolist() == ["a|b", "a", "b|c", "b", "c", "a|c"]
    more = catalog.with_labels({"1.jpg": "a|b|c"}).as_given()
    assert more.loc[1, ["first", "then", "then1"]].tolist() == ["a", "b", "c"]


def test_a_row_of_zeros_shows_no_class_and_an_empty_row_has_no_label() -> None:
    cat, dog, none = [1, 1, 0, 0, None, 0], [1, 0, 1, 1, None, 0], [0, 0, 0, 0, None, 0]
    catalog = opened(pd.DataFrame({"image": NAMES, "cat": cat, "dog": dog, "fox": none, "owl": none}))
    assert catalog.labels.tolist() == ["cat|dog", "cat", "dog", "dog", None, "|"]
    assert catalog.summary()["classes"] == {"cat": {"none": 2}, "dog": {"none": 3}}
    assert catalog.summary()["unlabelled"] == 1
    assert catalog.where(label="cat").names.tolist() == ["0.jpg", "1.jpg"]


def test_columns_of_one_label_each_follow_it_too() -> None:
    table = pd.DataFrame({"image": NAMES, "cat": [1, 0, 1, 0, 1, 0], "dog": [0, 1, 0, 1, 0, 1]})
    catalog = opened(table)
    assert catalog.label_sets is None
    changed = catalog.with_labels({"0.jpg": "dog"}).as_given()
    assert changed["cat"].tolist() == ["0", "0", "1", "0", "1", "0"]
    assert changed["dog"].tolist() == ["1", "1", "0", "1", "0", "1"]


def reviewed(folder: Path) -> tuple[Catalog, list[Reviewed]]:
    """Return three images as they are exported: with two classes, with none of them, and without a label."""
    labels = {"a.jpg": "cat;dog", "b.jpg": ";", "c.jpg": None}
    for name in labels:
        Image.new("RGB", (8, 8)).save(folder / name)
    table = pd.DataFrame({"name": labels.keys(), "label": labels.values()})
    images = [
        Reviewed(name=name, source_name=name, label=label, given=label, classes=SETS.split(label))
        for name, label in labels.items()
    ]
    return Catalog(table, root=folder, label_sets=SETS), images


def test_a_folder_of_several_labels_has_a_table_and_no_folders_of_classes(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    catalog, _ = reviewed(tmp_path / "set")
    tree = export_tree(catalog, tmp_path / "tree")
    assert (tree.copied, tree.unlabelled, tree.renamed) == (2, 1, {})
    written = pd.read_csv(tmp_path / "tree" / "labels.csv")
    assert dict(zip(written["name"], written["label"], strict=True)) == {"a.jpg": "cat;dog", "b.jpg": ";"}


@pytest.mark.parametrize("format", ["coco", "label-studio", "cvat", "fiftyone"])
def test_documents_of_other_tools_get_every_label(tmp_path: Path, format: str) -> None:
    (tmp_path / "set").mkdir()
    catalog, images = reviewed(tmp_path / "set")
    done = export_set(images, catalog, tmp_path / "out", format=format)
    kind = FORMATS[format]
    source = tmp_path / "out" if kind.places_images else next((tmp_path / "out").iterdir())
    read = kind.read(source, ReadOptions(images=None if kind.places_images else tmp_path / "set"))
    found = {entry.name.rpartition("/")[2]: entry.standing.labels for entry in read.entries}
    assert set(found.pop("a.jpg")) == {"cat", "dog"}
    assert not any(found.values())
    assert any("none of the classes: 1" in note for note in done.notes) == (format in ("coco", "cvat"))


def test_a_format_of_one_label_each_is_refused_with_those_that_have_several(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    catalog, images = reviewed(tmp_path / "set")
    with pytest.raises(
        CatalogError, match=r"can have several labels.*coco, label-studio, cvat, fiftyone, zip"
    ):
        export_set(images, catalog, tmp_path / "out", format="webdataset")
    assert not (tmp_path / "out").exists()
    export_set(images, catalog, tmp_path / "zipped", format="zip")
    with zipfile.ZipFile(next((tmp_path / "zipped").iterdir())) as zipped:
        assert sorted(zipped.namelist()) == ["a.jpg", "b.jpg", "labels.csv"]

"""Pascal VOC, YOLO, labelme and VIA: the class of all boxes of an image, and boxes as a set of their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from foreign import DELETE, bring_in, decide, labels, photos, rows, topics, write_out

from cleaner.dataset.formats.boxes import class_names
from cleaner.errors import CatalogError

NAMES = ["a.png", "b.png", "c.png"]
BOXES = {"a": ["cat", "cat"], "b": ["dog"], "c": ["cat", "dog"]}


def voc(root: Path) -> Path:
    photos(root / "JPEGImages", NAMES)
    (root / "Annotations").mkdir()
    for stem, found in BOXES.items():
        objects = "".join(
            f"<object><name>{label}</name><pose>left</pose><bndbox><xmin>{2 + i}</xmin><ymin>2</ymin>"
            f"<xmax>{14 + i}</xmax><ymax>16</ymax></bndbox></object>"
            for i, label in enumerate(found)
        )
        text = f"<annotation><filename>{stem}.png</filename>{objects}</annotation>"
        (root / "Annotations" / f"{stem}.xml").write_text(text)
    (root / "ImageSets" / "Main").mkdir(parents=True)
    (root / "ImageSets" / "Main" / "val.txt").write_text("b 1\n")
    (root / "ImageSets" / "Main" / "train.txt").write_text("a\nc\n")
    return root


def yolo(root: Path) -> Path:
    photos(root / "images", NAMES)
    (root / "labels").mkdir(parents=True)
    for stem, found in BOXES.items():
        lines = [f"{('cat', 'dog').index(label)} 0.4 0.4 0.5 0.5\n" for label in found]
        (root / "labels" / f"{stem}.txt").write_text("".join(lines))
    (root / "classes.txt").write_text("cat\ndog\n")
    return root


def labelme(root: Path) -> Path:
    photos(root, NAMES)
    for stem, found in BOXES.items():
        shapes = [
            {"label": label, "points": [[14, 2], [2, 16]], "shape_type": "rectangle", "group_id": None}
            for label in found
        ]
        document = {"version": "5.4", "flags": {}, "shapes": shapes, "imagePath": f"..\\x\\{stem}.png"}
        (root / f"{stem}.json").write_text(json.dumps(document, indent=2))
    return root


def via(root: Path) -> Path:
    photos(root, NAMES)
    shape = {"name": "rect", "x": 2, "y": 2, "width": 12, "height": 14}
    parts = {
        f"{stem}.png99": {
            "filename": f"{stem}.png",
            "size": 99,
            "regions": [{"shape_attributes": shape, "region_attributes": {"type": label}} for label in found],
            "file_attributes": {"site": "north"},
        }
        for stem, found in BOXES.items()
    }
    path = root / "via.json"
    path.write_text(json.dumps({"_via_settings": {"core": {}}, "_via_img_metadata": parts}))
    return path


FORMATS: dict[str, Callable[[Path], Path]] = {"voc": voc, "yolo": yolo, "labelme": labelme, "via": via}


@pytest.fixture(params=FORMATS)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    return request.param, FORMATS[request.param](tmp_path / "set")


def files(folder: Path) -> dict[str, bytes]:
    wanted = (".xml", ".txt", ".json")
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in folder.rglob("*")
        if p.suffix in wanted and not {"ImageSets", ".cleaner"} & set(p.relative_to(folder).parts)
    }


def test_the_one_class_of_all_boxes_is_the_label(source: tuple[str, Path]) -> None:
    name, path = source
    done = bring_in(path)
    assert done.format.name == name
    found = {Path(key).name: label for key, label in labels(done).items()}
    assert found == {"a.png": "cat", "b.png": "dog", "c.png": None}
    assert "several labels" in topics(done)


def test_without_a_decision_every_file_comes_back_as_it_was(source: tuple[str, Path], tmp_path: Path) -> None:
    _, path = source
    before = files(tmp_path / "set")
    done = bring_in(path)
    write_out(done, tmp_path / "new")
    assert files(tmp_path / "new") == before


def test_a_decision_changes_the_boxes_of_its_image_alone(source: tuple[str, Path], tmp_path: Path) -> None:
    name, path = source
    before = files(tmp_path / "set")
    done = bring_in(path)
    by_file = {Path(key).name: key for key in labels(done)}
    decide(done, {by_file["a.png"]: "dog", by_file["b.png"]: DELETE})
    write_out(done, tmp_path / "new")
    after = files(tmp_path / "new")
    if name == "via":
        parts = json.loads(after["via.json"])["_via_img_metadata"]
        assert list(parts) == ["a.png99", "c.png99"]
        assert [r["region_attributes"]["type"] for r in parts["a.png99"]["regions"]] == ["dog", "dog"]
        return
    changed = {key for key in before if after.get(key) != before[key]}
    assert {Path(key).stem for key in changed} == {"a", "b"}
    assert not any(Path(key).stem == "b" for key in after)
    (text,) = (after[key].decode() for key in changed if Path(key).stem == "a")
    assert text.replace("dog", "cat") == before[next(k for k in changed if Path(k).stem == "a")].decode() or (
        name == "yolo" and text == "1 0.4 0.4 0.5 0.5\n" * 2
    )


def test_boxes_are_a_set_of_their_own_and_go_back_into_their_files(
    source: tuple[str, Path], tmp_path: Path
) -> None:
    name, path = source
    done = bring_in(path, crops=True)
    found = rows(done)
    assert sorted(row["label"] for row in found.values()) == ["cat", "cat", "cat", "dog", "dog"]
    of_c = sorted(key for key, row in found.items() if Path(row["image"]).name == "c.png")
    decide(done, {of_c[0]: "dog", of_c[1]: DELETE})
    write_out(done, tmp_path / "new")
    after = files(tmp_path / "new")
    text = next(value for key, value in after.items() if Path(key).stem in ("c", "via")).decode()
    if name == "via":
        regions = json.loads(text)["_via_img_metadata"]["c.png99"]["regions"]
        assert [region["region_attributes"] for region in regions] == [{"type": "dog"}]
    elif name == "yolo":
        assert text == "1 0.4 0.4 0.5 0.5\n"
    else:
        assert (text.count("dog"), text.count("cat")) == (1, 0)


def test_a_set_of_another_kind_cannot_become_boxes(tmp_path: Path) -> None:
    done = bring_in(voc(tmp_path / "set"))
    with pytest.raises(CatalogError, match="holds boxes alone"):
        write_out(done, tmp_path / "new", format="yolo")
    assert write_out(done, tmp_path / "coco", format="coco").folder.is_dir()


def test_splits_are_those_of_folders_and_lists(tmp_path: Path) -> None:
    splits = {Path(k).name: row["split"] for k, row in rows(bring_in(voc(tmp_path / "set"))).items()}
    assert splits == {"a.png": "train", "b.png": "valid", "c.png": "train"}
    root = tmp_path / "robo"
    for split in ("train", "valid"):
        photos(root / split / "images", ["a.png"])
        (root / split / "labels").mkdir()
        (root / split / "labels" / "a.txt").write_text("0 .5 .5 .5 .5\n")
    (root / "data.yaml").write_text("train: ../train/images\nnc: 1\nnames: ['cat']\n")
    found = rows(bring_in(root))
    assert {key: (row["label"], row["split"]) for key, row in found.items()} == {
        "train/images/a.png": ("cat", "train"),
        "valid/images/a.png": ("cat", "valid"),
    }
    assert {row["split"] for row in rows(bring_in(root, crops=True)).values()} == {"train", "valid"}


def test_numbers_without_names_are_said(tmp_path: Path) -> None:
    root = yolo(tmp_path / "set")
    (root / "classes.txt").unlink()
    done = bring_in(root)
    assert "class names" in topics(done)
    assert set(labels(done).values()) == {"0", "1", None}


@pytest.mark.parametrize(
    "text",
    [
        "names: [cat, 'big dog', \"x\"]\n",
        "nc: 3\nnames:\n- cat\n- big dog\n- x # rare\nval: images\n",
        "names:\n  0: cat\n  1: 'big dog'\n  # a remark\n  2: x\npath: here\n",
        "names: {0: cat, 1: big dog, 2: x}\n",
        "names: ['cat',\n  'big dog', 'x']\nnc: 3\n",
    ],
)
def test_names_of_classes_are_read_from_every_form_of_yaml(tmp_path: Path, text: str) -> None:
    path = tmp_path / "data.yaml"
    path.write_text(text)
    assert class_names(path) == ["cat", "big dog", "x"]


@pytest.mark.parametrize(
    "text",
    [
        "nc: 2\nnames: [cat, 'dog']\n",
        "names: ['cat',\n  \"dog\",\n]\nnc: 2 # two\n",
        "names: {0: cat, 1: dog}\nval: x\n",
        "names:\n- cat\n- dog # rare\n# end\nval: images\n",
        "path: here\nnames:\n  0: cat\n  1: dog",
    ],
)
def test_new_classes_are_added_to_the_names_in_their_own_form(tmp_path: Path, text: str) -> None:
    root = yolo(tmp_path / "set")
    (root / "classes.txt").unlink()
    (root / "data.yaml").write_text(text)
    done = bring_in(root)
    decide(done, {"images/a.png": "Anna's cat, old", "images/b.png": "owl"})
    assert write_out(done, tmp_path / "new").notes == ()
    new = tmp_path / "new"
    assert class_names(new / "data.yaml") == ["cat", "dog", "Anna's cat, old", "owl"]
    written = (new / "data.yaml").read_text()
    assert ("nc: 4" in written) is ("nc: 2" in text)
    assert written.count("\n") - text.count("\n") in (0, 2, 3)
    assert (new / "labels" / "b.txt").read_text() == "3 0.4 0.4 0.5 0.5\n"


def test_a_new_class_does_not_take_the_number_of_one_without_a_name(tmp_path: Path) -> None:
    root = yolo(tmp_path / "set")
    (root / "classes.txt").unlink()
    done = bring_in(root)
    decide(done, {"images/a.png": "1", "images/b.png": "owl"})
    write_out(done, tmp_path / "new")
    assert (tmp_path / "new" / "labels" / "a.txt").read_text() == "1 0.4 0.4 0.5 0.5\n" * 2
    assert (tmp_path / "new" / "labels" / "b.txt").read_text() == "2 0.4 0.4 0.5 0.5\n"
    assert class_names(tmp_path / "new" / "classes.txt") == ["0", "1", "owl"]


def test_a_new_class_is_offered_in_a_project_of_via(tmp_path: Path) -> None:
    path = via(tmp_path / "set")
    document = json.loads(path.read_text())
    document["_via_attributes"] = {
        "region": {"type": {"type": "dropdown", "options": {"cat": "", "dog": ""}}}
    }
    path.write_text(json.dumps(document))
    done = bring_in(path)
    decide(done, {"b.png": "owl"})
    write_out(done, tmp_path / "new")
    offered = json.loads((tmp_path / "new" / "via.json").read_text())["_via_attributes"]["region"]["type"]
    assert list(offered["options"]) == ["cat", "dog", "owl"]


def test_boxes_that_a_model_wrote_are_suggestions_until_they_are_confirmed(tmp_path: Path) -> None:
    root = yolo(tmp_path / "set")
    outline = "0 .1 .1 .5 .1 .5 .5 0.75"
    (root / "labels" / "a.txt").write_text(f"1 0.4 0.4 0.5 0.5 0.9\n{outline}\n1 0.4 0.4 0.5 0.5 0.1\n")
    (root / "labels" / "b.txt").write_text("0 0.4 0.4 0.5 0.5 0.6\n")
    done = bring_in(root, crops=True)
    table = rows(done)
    assert [table[f"images/a-png-{i}.jpg"]["suggested_label"] for i in (0, 1)] == ["dog", "cat"]
    assert "images/a-png-2.jpg" not in table  # too unsure
    assert json.loads(table["images/a-png-1.jpg"]["bbox"]) == pytest.approx([0.1, 0.1, 0.4, 0.4])
    decide(done, {"images/a-png-0.jpg": "dog", "images/a-png-1.jpg": "dog", "images/b-png-0.jpg": DELETE})
    write_out(done, tmp_path / "new")
    assert (tmp_path / "new" / "labels" / "a.txt").read_text() == (
        "1 0.4 0.4 0.5 0.5\n1 .1 .1 .5 .1 .5 .5\n1 0.4 0.4 0.5 0.5 0.1\n"
    )
    (root / "labels" / "a.txt").write_text("1 0.4 0.4 0.5 0.5 0.9\n")
    whole = bring_in(root)
    assert labels(whole) == {"images/a.png": None, "images/b.png": None, "images/c.png": None}
    assert rows(whole)["images/a.png"]["suggestion_probability"] == "0.9"
    assert "suggestions" in topics(whole)


def test_flags_of_labelme_are_the_label_where_there_are_no_shapes(tmp_path: Path) -> None:
    root = photos(tmp_path / "set", NAMES)
    for stem, flag in (("a", "cat"), ("b", "dog"), ("c", "")):
        flags = {key: key == flag for key in ("cat", "dog")}
        document = {"version": "5.4", "flags": flags, "shapes": [], "imagePath": f"{stem}.png"}
        (root / f"{stem}.json").write_text(json.dumps(document))
    done = bring_in(root)
    assert labels(done) == {"a.png": "cat", "b.png": "dog", "c.png": None}
    decide(done, {"a.png": "owl"})
    write_out(done, tmp_path / "new")
    written = json.loads((tmp_path / "new" / "a.json").read_text())
    assert written["flags"] == {"cat": False, "dog": False, "owl": True}
    with pytest.raises(CatalogError, match="no boxes to cut out"):
        bring_in(root, crops=True)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("Annotations/a.xml", "<annotation><object>", "not a valid XML file"),
        ("Annotations/a.xml", '<!DOCTYPE a [<!ENTITY b "c">]><annotation>&b;</annotation>', "is not read"),
        ("Annotations/a.xml", "<annotation><filename>z.png</filename></annotation>", "None of the 1 images"),
    ],
)
def test_what_is_damaged_is_said(tmp_path: Path, name: str, content: str, said: str) -> None:
    path = tmp_path / "set" / name
    path.parent.mkdir(parents=True)
    path.write_text(content)
    with pytest.raises(CatalogError, match=said):
        bring_in(tmp_path / "set", format="voc")

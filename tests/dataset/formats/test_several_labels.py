"""Sets of other tools whose images have several labels: brought in, corrected, and written out again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from foreign import bring_in, decide, labels, opened, photos, rows, topics, write_out

from cleaner.dataset.formats.transfer import Imported
from cleaner.errors import CatalogError
from cleaner.pipelines import foreign
from cleaner.review.classes import rename_class

NAMES = ["a.png", "b.png", "c.png", "d.png"]
SHOWN = {"a.png": ["cat", "dog"], "b.png": ["dog"], "c.png": ["dog", "fox"], "d.png": []}


def coco(root: Path) -> Path:
    """Boxes, of which two in one image are of the same class."""
    photos(root, NAMES)
    classes = ["cat", "dog", "fox"]
    boxes = [(name, label) for name, shown in SHOWN.items() for label in shown] + [("a.png", "cat")]
    annotations = [
        {"id": i, "image_id": name, "category_id": classes.index(label), "bbox": [i, 0, 4, 4]}
        for i, (name, label) in enumerate(boxes)
    ]
    document = {
        "images": [{"id": name, "file_name": name} for name in NAMES],
        "categories": [{"id": i, "name": label} for i, label in enumerate(classes)],
        "annotations": annotations,
    }
    (root / "set.json").write_text(json.dumps(document))
    return root / "set.json"


def label_studio(root: Path) -> Path:
    """Choices of a control for several, one image without any annotation."""
    photos(root, NAMES)

    def choice(shown: list[str]) -> dict[str, object]:
        value = {"choices": shown}
        return {"type": "choices", "from_name": "what", "to_name": "image", "value": value}

    tasks = [
        {
            "id": i,
            "data": {"image": name},
            "annotations": [{"completed_by": 7, "result": [choice(shown)]}] if shown else [],
        }
        for i, (name, shown) in enumerate(SHOWN.items())
    ]
    (root / "set.json").write_text(json.dumps(tasks))
    return root / "set.json"


def cvat(root: Path) -> Path:
    photos(root, NAMES)
    images = "".join(
        f'<image id="{i}" name="{name}">'
        + "".join(
            f'<tag label="{label}" source="manual"><attribute name="n">{i}</attribute></tag>'
            for label in shown
        )
        + "</image>"
        for i, (name, shown) in enumerate(SHOWN.items())
    )
    (root / "set.xml").write_text(f"<annotations><version>1.1</version>{images}</annotations>")
    return root / "set.xml"


def fiftyone(root: Path) -> Path:
    photos(root / "data", NAMES)
    targets = {
        name.removesuffix(".png"): [{"label": label, "confidence": 0.5} for label in shown] or None
        for name, shown in SHOWN.items()
    }
    (root / "labels.json").write_text(json.dumps({"labels": targets}))
    return root


SOURCES = [coco, label_studio, cvat, fiftyone]


@pytest.fixture(params=SOURCES, ids=lambda make: make.__name__)
def done(request: pytest.FixtureRequest, tmp_path: Path) -> Imported:
    return bring_in(request.param(tmp_path / "source"))


def by_file(labels: dict[str, str | None]) -> dict[str, str | None]:
    return {Path(name).name: label for name, label in labels.items()}


def again(done: Imported, folder: Path) -> dict[str, str | None]:
    """Read what was written, over the same images."""
    made = folder if done.format.places_images else folder / done.reading.documents[0].name
    images = None if done.format.places_images else done.reading.root
    return by_file(labels(bring_in(made, images=images, several=True, table=folder / "again.csv")))


def test_all_labels_come_in_and_an_image_without_any_has_none(done: Imported) -> None:
    assert "several labels" in topics(done)
    assert by_file(labels(done)) == {"a.png": "cat|dog", "b.png": "dog", "c.png": "dog|fox", "d.png": None}
    assert all("all_labels" not in row for row in rows(done).values())


def test_what_nobody_decided_on_comes_back_byte_by_byte(done: Imported, tmp_path: Path) -> None:
    write_out(done, tmp_path / "out")
    for document in done.reading.documents:
        relative = document.relative_to(done.reading.base)
        assert (tmp_path / "out" / relative).read_bytes() == document.read_bytes()


def test_decisions_go_back_into_the_source_label_by_label(done: Imported, tmp_path: Path) -> None:
    prefix = "data/" if done.format.name == "fiftyone" else ""
    new = {"a.png": "cat|dog|fox", "b.png": "cat|dog", "c.png": "fox", "d.png": "cat"}
    decide(done, {prefix + name: label for name, label in new.items()})
    exported = write_out(done, tmp_path / "out")
    assert exported.edited
    assert again(done, tmp_path / "out") == new


def test_a_renamed_class_keeps_what_the_source_says_of_it(done: Imported, tmp_path: Path) -> None:
    with opened(done) as workspace:
        rename_class(workspace.catalog, workspace.store, "dog", "hound")
        rename_class(workspace.catalog, workspace.store, "cat", "puss")
    write_out(done, tmp_path / "out")
    new = {"a.png": "hound|puss", "b.png": "hound", "c.png": "fox|hound", "d.png": None}
    assert again(done, tmp_path / "out") == new
    text = (tmp_path / "out" / done.reading.documents[0].relative_to(done.reading.base)).read_text()
    assert text.count("bbox") == (6 if done.format.name == "coco" else 0)
    assert text.count("<attribute") == (5 if done.format.name == "cvat" else 0)


def test_boxes_go_with_their_label_and_follow_one_that_takes_its_place(tmp_path: Path) -> None:
    done = bring_in(coco(tmp_path / "source"))
    decide(done, {"a.png": "dog", "b.png": "fox", "c.png": "|"})
    exported = write_out(done, tmp_path / "out")
    document = json.loads((tmp_path / "out" / "set.json").read_text())
    assert [(a["image_id"], a["category_id"], a["bbox"][0]) for a in document["annotations"]] == [
        ("a.png", 1, 1),  # both cats are gone
        ("b.png", 2, 2),  # the box is one of a fox now
    ]
    assert any("none of the classes" in note for note in exported.notes)


def test_confidences_stay_with_the_labels_that_stay(tmp_path: Path) -> None:
    done = bring_in(fiftyone(tmp_path / "source"))
    decide(done, {"data/a.png": "dog|fox", "data/b.png": "cat|dog|fox"})
    write_out(done, tmp_path / "out")
    targets = json.loads((tmp_path / "out" / "labels.json").read_text())["labels"]
    assert targets["a"] == [{"label": "fox"}, {"label": "dog", "confidence": 0.5}]
    assert targets["b"] == [{"label": "dog", "confidence": 0.5}, "cat", "fox"]


def test_a_new_label_beside_shapes_becomes_a_tag_with_the_others(tmp_path: Path) -> None:
    source = cvat(tmp_path / "source")
    text = re.sub(
        r'<tag (label="\w+") source="manual">.*?</tag>',
        r'<box \1 xtl="1" ytl="1" xbr="5" ybr="5"/>',
        source.read_text(),
    )
    source.write_text(text)
    done = bring_in(source)
    decide(done, {"a.png": "cat|dog|fox", "c.png": "fox"})
    write_out(done, tmp_path / "out")
    said = (tmp_path / "out" / "set.xml").read_text()
    assert said.count("<box") == 4  # that of the dog in c.png is gone
    assert said.count("<tag") == 3
    assert again(done, tmp_path / "out") == {
        "a.png": "cat|dog|fox",
        "b.png": "dog",
        "c.png": "fox",
        "d.png": None,
    }


def test_few_images_with_several_labels_leave_one_for_each_unless_asked(tmp_path: Path) -> None:
    source = label_studio(tmp_path / "source")
    tasks = json.loads(source.read_text())
    more = [{**tasks[1], "id": 10 + i, "data": {"image": f"more/{i}.png"}} for i in range(60)]
    photos(source.parent / "more", [f"{i}.png" for i in range(60)])
    source.write_text(json.dumps(tasks + more))
    few = bring_in(source, table=source.parent / "few.csv")
    assert (few.sets, labels(few)["a.png"], labels(few)["b.png"]) == (None, None, "dog")
    assert json.loads(rows(few)["a.png"]["all_labels"]) == ["cat", "dog"]
    asked = bring_in(source, table=source.parent / "asked.csv", several=True)
    assert labels(asked)["a.png"] == "cat|dog"
    refused = bring_in(coco(tmp_path / "other"), several=False)
    assert labels(refused)["a.png"] is None


def test_labels_of_people_can_be_taken_as_their_decisions(tmp_path: Path) -> None:
    done, decisions = foreign.bring_in(label_studio(tmp_path / "source"), as_decisions=True)
    assert decisions == 3
    with opened(done) as workspace:
        assert workspace.store.state.outcomes()["a.png"] == ("keep", None)


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (coco, {"crops": True}, "With --crops, each box is an image with one label"),
        (coco, {"format": "huggingface"}, "can only be reviewed in coco, label-studio, cvat, fiftyone"),
    ],
)
def test_where_it_is_not_possible_it_says_so(
    make: Callable[[Path], Path], options: dict[str, object], message: str, tmp_path: Path
) -> None:
    source = make(tmp_path / "source")
    if options.get("format") == "huggingface":
        source = source.parent
        (source / "metadata.csv").write_text("file_name,label\na.png,cat\n")
    with pytest.raises(CatalogError, match=message):
        bring_in(source, several=True, **options)

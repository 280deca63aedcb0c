"""Documents as tools really write them: nothing is misread in silence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from foreign import bring_in, labels, photos, topics

from cleaner.dataset.formats.registry import found
from cleaner.errors import CatalogError

NAMES = ["a.png", "b.png", "50% off.png"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return photos(tmp_path / "set", NAMES)


def written(root: Path, document: object, name: str = "labels_1.json") -> Path:
    path = root / name
    path.write_text(json.dumps(document))
    return path


def coco(names: list[str], of_image: list[list[int]] | None) -> dict[str, Any]:
    pairs = [(i, c) for i, found in enumerate(of_image or []) for c in found]
    document = {
        "images": [{"id": i, "file_name": name} for i, name in enumerate(names)],
        "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
    }
    annotations = [{"id": n, "image_id": i, "category_id": c} for n, (i, c) in enumerate(pairs)]
    return document | ({} if of_image is None else {"annotations": annotations})


@pytest.mark.parametrize(
    "named", ["{}", "C:\\data\\set\\{}", "/home/ann/set/{}", "https://host/x/{}?v=1", "./{}"]
)
def test_images_are_found_whatever_stands_before_their_names(root: Path, named: str) -> None:
    names = [named.format(name.replace("%", "%25") if "://" in named else name) for name in NAMES]
    assert labels(bring_in(written(root, coco(names, [[1], [2], [1, 1]])))) == {
        "a.png": "cat", "b.png": "dog", "50% off.png": "cat",
    }  # fmt: skip


@pytest.mark.parametrize("of_image", [None, []])
def test_coco_without_annotations_is_opened_unlabelled_and_says_so(
    root: Path, of_image: list[list[int]] | None
) -> None:
    done = bring_in(written(root, coco(NAMES, of_image)))
    assert set(labels(done).values()) == {None}
    assert "annotations" in topics(done)


def test_several_categories_and_ids_of_another_type_are_said(root: Path) -> None:
    document = coco(NAMES, [[1, 2], [2], [1]])
    document["annotations"][-1]["image_id"] = "2"
    done = bring_in(written(root, document), several=False)
    assert labels(done) == {"a.png": None, "b.png": "dog", "50% off.png": None}
    assert {"several labels", "annotations"} <= topics(done)


def task(name: str, *annotations: dict[str, Any]) -> dict[str, Any]:
    return {"id": 1, "data": {"image": f"/data/upload/7/0a1b2c3d-{name}"}, "annotations": list(annotations)}


def choice(label: str, time: str, *, cancelled: bool = False, kind: str = "choices") -> dict[str, Any]:
    result = {"from_name": "c", "to_name": "i", "type": kind, "value": {kind: [label]}}
    return {"result": [result], "updated_at": time, "was_cancelled": cancelled, "completed_by": 3}


def test_cancelled_annotations_disagreement_and_other_results_are_said(root: Path) -> None:
    tasks = [
        task("a.png", choice("cat", "2024-01-01"), choice("dog", "2024-01-02", cancelled=True)),
        task("b.png", choice("cat", "2024-01-02"), choice("dog", "2024-01-01")),
        task("50% off.png", choice("cat", "2024-01-02", kind="rectanglelabels")),
    ]
    done = bring_in(written(root, tasks))
    assert labels(done) == {"a.png": "cat", "b.png": "cat", "50% off.png": None}
    assert {"skipped", "annotators disagree", "other results"} <= topics(done)


def test_an_export_of_label_studio_that_lacks_too_much_is_named(root: Path) -> None:
    row = {"image": "/data/upload/1/0a1b2c3d-a.png", "choice": "cat", "annotation_id": 1, "annotator": 1}
    with pytest.raises(CatalogError, match="JSON-MIN"):
        bring_in(written(root, [row]))


def test_observations_of_nothing_people_and_no_class_are_told_apart(root: Path) -> None:
    (root / "datapackage.json").write_text(
        json.dumps({"resources": [{"name": n, "path": f"{n}.csv"} for n in ("media", "observations")]})
    )
    media = "".join(f"{i},{name},2024-01-01T00:00:00Z\n" for i, name in enumerate([*NAMES, "clip.MP4"]))
    (root / "media.csv").write_text(f"mediaID,filePath,timestamp\n{media}")
    seen = "1,0,media,blank,\n2,1,media,human,Homo sapiens\n3,2,media,unclassified,\n4,3,media,animal,Lynx\n"
    (root / "observations.csv").write_text(
        f"observationID,mediaID,observationLevel,observationType,scientificName\n{seen}"
    )
    done = bring_in(root)
    assert labels(done) == {"a.png": "blank", "b.png": "Homo sapiens", "50% off.png": None}
    assert "videos" in topics(done)


def test_a_part_of_a_set_stands_for_its_folder(root: Path) -> None:
    (root / "data").mkdir()
    (root / "labels.json").write_text('{"classes": ["cat"], "labels": {}}')
    kind, source = found(root / "labels.json")
    assert (kind.name, source) == ("fiftyone", root)

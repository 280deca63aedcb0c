"""The layout of a set that was opened before: images stay what they were until somebody says otherwise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cleaner.dataset.layout import Layout
from cleaner.dataset.layout_memory import other_layouts
from cleaner.errors import CatalogError
from cleaner.workspace import Workspace

Picture = Callable[..., Path]


@pytest.fixture
def add(tmp_path: Path, picture: Picture) -> Callable[..., Path]:
    """Return a function that adds two images to each of some folders of a set."""
    made = iter(range(1000))

    def build(*folders: str) -> Path:
        for folder in folders:
            for i in range(2):
                picture(tmp_path / "set" / folder / f"{i}.png", (90, 90, 90), seed=next(made), size_px=8)
        return tmp_path / "set"

    return build


def labels(root: Path, **options: str) -> dict[str, str | None]:
    with Workspace(root, **options) as workspace:  # type: ignore[arg-type]
        catalog = workspace.catalog
        return dict(zip(catalog.names, catalog.labels, strict=True))


def doubts(root: Path) -> list[str]:
    with Workspace(root) as workspace:
        return [finding.topic for finding in workspace.catalog.findings if finding.doubtful]


def decide(root: Path, name: str) -> None:
    with Workspace(root) as workspace:
        workspace.store.decide(name, "keep")


def test_new_folders_of_the_same_kind_are_read_like_the_others(add: Callable[..., Path]) -> None:
    root = add("set/Cat")
    assert labels(root) == {"set/Cat/0.png": "Cat", "set/Cat/1.png": "Cat"}
    add("set/Dog")
    assert set(labels(root).values()) == {"Cat", "Dog"}
    assert "layout_kept" not in doubts(root)


def test_folders_that_would_change_known_images_do_not_and_it_is_said(add: Callable[..., Path]) -> None:
    root = add("train", "bus")
    assert set(labels(root).values()) == {"bus", "train"}
    add("train/red", "train/blue", "val/red", "val/blue")
    now = labels(root)
    assert (now["train/0.png"], now["bus/0.png"]) == ("train", "bus")
    assert now["val/red/0.png"] == "val"
    assert "layout_kept" in doubts(root)


def test_auto_reads_the_folders_anew_and_that_is_remembered(add: Callable[..., Path]) -> None:
    root = add("train", "bus")
    labels(root)
    add("train/red", "train/blue", "val/red", "val/blue")
    anew = labels(root, layout="auto")
    assert (anew["train/0.png"], anew["val/red/0.png"]) == (None, "red")
    assert labels(root) == anew
    assert "layout_kept" not in doubts(root)


def test_a_layout_that_was_named_is_remembered_and_holds_for_new_folders(add: Callable[..., Path]) -> None:
    root = add("cat/in", "cat/out", "dog/in")
    assert set(labels(root).values()) == {"cat", "dog"}
    assert set(labels(root, layout="*/class").values()) == {"in", "out"}
    add("fox/up")
    assert set(labels(root).values()) == {"in", "out", "up"}
    assert doubts(root) == []
    assert set(labels(root, layout="auto").values()) == {"cat", "dog", "fox"}


def test_moved_images_are_read_where_they_are_now(add: Callable[..., Path]) -> None:
    root = add("cat", "dog")
    labels(root)
    (root / "train").mkdir()
    for name in ("cat", "dog"):
        (root / name).rename(root / "train" / name)
    add("valid/cat")
    assert labels(root)["train/cat/0.png"] == "cat"


def test_a_set_of_version_0_1_keeps_its_classes(add: Callable[..., Path]) -> None:
    root = add("PetImages/Cat", "PetImages/Dog")
    labels(root)
    decide(root, "PetImages/Cat/0.png")
    (root / ".cleaner" / "layout.json").unlink()  # which that version did not write
    assert set(labels(root).values()) == {"PetImages"}
    assert "layout_kept" in doubts(root)
    assert set(labels(root, layout="auto").values()) == {"Cat", "Dog"}


def test_a_set_of_version_0_1_that_nobody_reviewed_is_read_anew(add: Callable[..., Path]) -> None:
    root = add("PetImages/Cat", "PetImages/Dog")
    labels(root)
    (root / ".cleaner" / "layout.json").unlink()
    assert set(labels(root).values()) == {"Cat", "Dog"}


def test_other_readings_are_offered_with_their_classes_each_once() -> None:
    names = ["cat/in/0.png", "cat/out/0.png", "dog/in/0.png"]
    present = Layout.of_pattern("class", names)
    assert other_layouts(present, names) == {"*/class": ["in", "out"]}
    offered = other_layouts(Layout.of_pattern("*/class", names), names)
    assert offered == {"auto": ["cat", "dog"]}
    assert other_layouts(present, ["cat/0.png", "dog/0.png", "1.png"]) == {}


def test_what_was_ranked_under_another_layout_is_ranked_anew(add: Callable[..., Path]) -> None:
    root = add("cat/in", "cat/out", "dog/in")
    with Workspace(root) as workspace:
        workspace.refresh()
        workspace.ranking_folder.mkdir()
    labels(root, layout="class")
    labels(root, layout="class")  # as it is
    workspace.ranking_folder.mkdir(exist_ok=True)
    labels(root, layout="class")
    assert workspace.ranking_folder.exists()
    labels(root, layout="*/class")
    assert not workspace.ranking_folder.exists()


@pytest.mark.parametrize("damaged", ["", "{", "[]", '{"splits": 3}', '{"splits": {}, "outer": []}'])
def test_a_damaged_memory_is_none(add: Callable[..., Path], damaged: str) -> None:
    root = add("cat", "dog")
    labels(root)
    (root / ".cleaner" / "layout.json").write_text(damaged)
    assert set(labels(root).values()) == {"cat", "dog"}


@pytest.mark.parametrize(
    "layout", ["", "classes", "class/class", "split", "split/split/class", "split class"]
)
def test_a_layout_that_cannot_be_is_refused(add: Callable[..., Path], layout: str) -> None:
    root = add("cat", "dog")
    with pytest.raises(CatalogError, match="expected what the folders mean"):
        labels(root, layout=layout)


def test_a_layout_has_no_place_beside_a_table(add: Callable[..., Path]) -> None:
    root = add("cat", "dog")
    (root / "l.csv").write_text("name,label\ncat/0.png,cat\n")
    with pytest.raises(CatalogError, match=r"with the table l\.csv"):
        Workspace(root / "l.csv", layout="class")


def test_relabelled_files_move_to_the_class_below_their_split_and_wrapper(add: Callable[..., Path]) -> None:
    root = add("all/train/cat", "all/train/dog", "all/val/cat", "all/val/dog")
    with Workspace(root) as workspace:
        workspace.store.decide("all/train/cat/0.png", "relabel", label="dog")
        workspace.trash.apply(relabel=True, dry_run=False)
        labels_now = [workspace.catalog.label_of(name) for name in workspace.catalog.names]
        assert labels_now.count("dog") == 5
        assert len(list((root / "all/train/dog").iterdir())) == 3
        assert "all/train/cat/0.png" not in set(workspace.catalog.names)


def test_a_layout_survives_being_written() -> None:
    layout = Layout(splits={"a/train": "train"}, outer=frozenset({"a"}), pattern=None)
    assert Layout.from_json(layout.to_json()) == layout

"""Moving files as decided: nothing overwritten, nothing lost, everything brought back."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cleaner.dataset.file_index import Stale
from cleaner.errors import StoreError
from cleaner.review.files import moves as moving
from cleaner.review.files.moves import free_name, move_file
from cleaner.review.files.plan import CHANGED
from cleaner.review.files.trash import move_to_trash, restore_act
from cleaner.review.labels import cleaned_catalog
from cleaner.workspace import Workspace


@pytest.fixture
def root(make_set: Callable[..., Path]) -> Path:
    """Nine pictures in three classes, ``red/red_000.png`` to ``blue/blue_002.png``."""
    return make_set(3)


@pytest.fixture
def workspace(root: Path) -> Iterator[Workspace]:
    with Workspace(root, reviewer="ann") as opened:
        yield opened


def files(folder: Path) -> dict[str, bytes]:
    """Every picture below a folder that is not the state, with its content."""
    found = (p for p in sorted(folder.rglob("*.png")) if ".cleaner" not in p.relative_to(folder).parts)
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in found}


def manifest(workspace: Workspace) -> list[dict[str, Any]]:
    (path,) = (workspace.state / "trash").glob("*/manifest.jsonl")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def decide(workspace: Workspace) -> None:
    workspace.store.decide("red/red_000.png", "delete")
    workspace.store.decide("red/red_001.png", "relabel", "blue")
    workspace.store.decide("green/green_000.png", "keep")


# -------------------------------------------------------------------- plan and dry run


def test_by_default_nothing_moves(workspace: Workspace) -> None:
    decide(workspace)
    before = files(workspace.root)
    found = workspace.trash.apply()
    assert found[["name", "action", "done"]].to_numpy().tolist() == [
        ["red/red_000.png", "move-to-trash", False]
    ]
    assert files(workspace.root) == before
    assert not (workspace.state / "trash").exists()


def test_the_plan_names_the_new_place_of_relabelled_files(workspace: Workspace) -> None:
    decide(workspace)
    found = workspace.trash.plan(relabel=True)
    assert found[["action", "from", "to"]].to_numpy().tolist() == [
        ["move-to-trash", "red/red_000.png", "trash/…/files/red/red_000.png"],
        ["move-to-class", "red/red_001.png", "blue/red_001.png"],
    ]


def test_an_empty_plan_is_a_table_too(workspace: Workspace) -> None:
    assert list(workspace.trash.plan().columns) == ["name", "action", "from", "to", "note"]
    assert len(workspace.trash.apply(dry_run=False)) == 0


def test_files_on_which_reviewers_disagree_are_left(workspace: Workspace) -> None:
    workspace.store.decide("red/red_000.png", "delete")
    workspace.store.decide("red/red_001.png", "delete", reviewer="bob")
    workspace.store.decide("red/red_000.png", "keep", reviewer="bob")
    workspace.store.decide("red/red_000.png", "delete")
    found = workspace.trash.apply(dry_run=False)
    assert found[["name", "action", "note", "done"]].to_numpy().tolist() == [
        ["red/red_000.png", "leave", "reviewers disagree about it", False],
        ["red/red_001.png", "move-to-trash", "", True],
    ]


def test_where_a_csv_file_gives_the_labels_files_do_not_change_folders(root: Path) -> None:
    (root / "labels.csv").write_text("name,label\nred/red_000.png,red\nred/red_001.png,red\n")
    with Workspace(root / "labels.csv", reviewer="ann") as workspace:
        workspace.store.decide("red/red_000.png", "delete")
        with pytest.raises(StoreError) as caught:
            workspace.trash.plan(relabel=True)
        assert str(caught.value) == (
            "The labels come from labels.csv, not from folders, so there is no class folder to "
            "move files to. The new labels are in cleaned.csv."
        )
        assert workspace.trash.apply(dry_run=False)["done"].tolist() == [True]


# -------------------------------------------------------------------- apply and restore


def test_deleted_files_move_to_the_trash_and_come_back(workspace: Workspace) -> None:
    decide(workspace)
    before = files(workspace.root)
    done = workspace.trash.apply(dry_run=False)
    assert done["done"].tolist() == [True]
    assert set(before) - set(files(workspace.root)) == {"red/red_000.png"}
    assert (workspace.state / done["to"][0]).read_bytes() == before["red/red_000.png"]
    assert done["to"][0].endswith("/files/red/red_000.png")
    assert "red/red_000.png" not in set(workspace.catalog.names)
    back = workspace.trash.restore()
    assert back.to_numpy().tolist() == [["red/red_000.png", "red/red_000.png", True, ""]]
    assert files(workspace.root) == before
    assert "red/red_000.png" in set(workspace.catalog.names)
    decision = workspace.store.state.of("red/red_000.png")
    assert decision is not None
    assert decision.outcome == "delete"  # decisions stay
    assert len(workspace.trash.restore()) == 0


def test_discarded_files_move_to_the_trash_too_whatever_is_said_of_their_labels(workspace: Workspace) -> None:
    workspace.store.decide("red/red_000.png", "relabel", "blue", reviewer="bob")
    workspace.store.decide(["red/red_000.png", "red/red_001.png"], "delete", reason="duplicate")
    done = workspace.trash.apply(dry_run=False)
    assert (done["name"].tolist(), done["done"].tolist()) == (
        ["red/red_000.png", "red/red_001.png"],
        [True] * 2,
    )
    assert not (workspace.root / "red" / "red_000.png").exists()
    assert sorted(workspace.trash.restore()["name"]) == ["red/red_000.png", "red/red_001.png"]


def test_every_move_is_written_down_before_it_is_made(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide(workspace)
    seen: list[str] = []

    def look(source: Path, target: Path) -> None:
        line = next(line for line in manifest(workspace) if line.get("name") == "red/red_000.png")
        seen.append(line["target"])
        assert source.exists()
        move_file(source, target)

    monkeypatch.setattr(moving, "move_file", look)
    workspace.trash.apply(dry_run=False)
    assert seen == ["files/red/red_000.png"]
    assert manifest(workspace)[0]["root"] == str(workspace.root)


def test_relabelled_files_move_to_their_class_and_decisions_and_splits_follow(workspace: Workspace) -> None:
    decide(workspace)
    before = files(workspace.root)
    splits = dict(zip(workspace.catalog.names, workspace.catalog.splits, strict=True))
    cleaned = cleaned_catalog(workspace.catalog, workspace.store.state).table
    workspace.trash.apply(dry_run=False, relabel=True)
    assert files(workspace.root)["blue/red_001.png"] == before["red/red_001.png"]
    assert "red/red_001.png" not in files(workspace.root)
    catalog = workspace.catalog
    assert catalog.label_of("blue/red_001.png") == "blue"
    now = dict(zip(catalog.names, catalog.splits, strict=True))
    assert now["blue/red_001.png"] == splits["red/red_001.png"]
    assert workspace.store.state.is_decided("blue/red_001.png")
    assert workspace.store.state.progress().relabelled == 1
    after = cleaned_catalog(catalog, workspace.store.state).table
    assert sorted(after["label"]) == sorted(cleaned["label"])
    assert len(workspace.trash.plan(relabel=True)) == 0  # nothing left to do
    workspace.trash.restore()
    assert files(workspace.root) == before
    catalog = workspace.catalog
    assert dict(zip(catalog.names, catalog.splits, strict=True)) == splits
    again = cleaned_catalog(catalog, workspace.store.state).table
    assert again.to_numpy().tolist() == cleaned.to_numpy().tolist()


def test_files_of_a_renamed_class_move_too(workspace: Workspace) -> None:
    workspace.store.class_event("class_rename", "red", "scarlet")
    splits = dict(zip(workspace.catalog.names, workspace.catalog.splits, strict=True))
    assert len(set(splits.values())) == 2
    done = workspace.trash.apply(dry_run=False, relabel=True)
    assert done["done"].tolist() == [True] * 3
    assert workspace.catalog.classes == ["blue", "green", "scarlet"]
    now = dict(zip(workspace.catalog.names, workspace.catalog.splits, strict=True))
    assert now == {name.replace("red/", "scarlet/"): split for name, split in splits.items()}


def test_splits_given_by_folders_and_deeper_folders_are_kept(tmp_path: Path, picture: Any) -> None:
    root = tmp_path / "set"
    for name in ("train/cat/site 1/a.png", "train/dog/b.png", "valid/cat/c.png", "train/loose.png"):
        picture(root / name, (9, 9, 9), seed=len(name))
    with Workspace(root, reviewer="ann") as workspace:
        workspace.store.decide(["train/cat/site 1/a.png", "valid/cat/c.png"], "relabel", "dog")
        workspace.store.decide("train/loose.png", "relabel", "cat")
        found = workspace.trash.plan(relabel=True)
        assert dict(zip(found["from"], found["to"], strict=True)) == {
            "train/cat/site 1/a.png": "train/dog/site 1/a.png",
            "train/loose.png": "train/cat/loose.png",
            "valid/cat/c.png": "valid/dog/c.png",
        }
        workspace.trash.apply(dry_run=False, relabel=True)
        assert dict(zip(workspace.catalog.names, workspace.catalog.splits, strict=True)) == {
            "train/cat/loose.png": "train",
            "train/dog/b.png": "train",
            "train/dog/site 1/a.png": "train",
            "valid/dog/c.png": "valid",
        }


def test_no_file_is_overwritten(workspace: Workspace, picture: Any) -> None:
    picture(workspace.root / "blue" / "red_001.png", (1, 1, 1), seed=77)
    picture(workspace.root / "green" / "Red_001.png", (2, 2, 2), seed=78)
    before = files(workspace.root)
    workspace.refresh()
    workspace.store.decide(["red/red_001.png", "green/Red_001.png"], "relabel", "blue")
    found = workspace.trash.apply(dry_run=False, relabel=True)
    assert dict(zip(found["name"], found["to"], strict=True)) == {
        "green/Red_001.png": "blue/Red_001.png",
        "red/red_001.png": "blue/red_001-2.png",
    }
    assert found["note"].tolist() == ["", "blue/red_001.png is taken"]
    assert sorted(files(workspace.root).values()) == sorted(before.values())
    workspace.trash.restore()
    assert files(workspace.root) == before


def test_two_files_that_differ_in_case_only_get_two_names(tmp_path: Path) -> None:
    taken: set[str] = set()
    names = [free_name(tmp_path, name, taken) for name in ("a/x.png", "a/X.png", "a/x.png")]
    assert names == ["a/x.png", "a/X-2.png", "a/x-3.png"]
    assert free_name(tmp_path, "b.png", taken, avoid={"b.png", "b-2.png"}) == "b-3.png"


def test_a_restored_file_whose_name_is_taken_gets_another_and_it_is_said(
    workspace: Workspace, picture: Any
) -> None:
    decide(workspace)
    before = files(workspace.root)
    workspace.trash.apply(dry_run=False)
    new = picture(workspace.root / "red" / "red_000.png", (5, 5, 5), seed=5).read_bytes()
    back = workspace.trash.restore()
    assert back[["to", "note"]].to_numpy().tolist() == [
        ["red/red_000-2.png", "its old name is taken; it is now red/red_000-2.png"]
    ]
    now = files(workspace.root)
    assert (now["red/red_000.png"], now["red/red_000-2.png"]) == (new, before["red/red_000.png"])


def test_another_file_under_the_name_of_a_deleted_one_is_not_trashed_unseen(
    workspace: Workspace, picture: Any
) -> None:
    decide(workspace)
    workspace.trash.apply(dry_run=False)
    picture(workspace.root / "red" / "red_000.png", (5, 5, 5), seed=5)
    workspace.refresh()
    assert len(workspace.trash.apply(dry_run=False)) == 0
    assert not workspace.store.state.is_decided("red/red_000.png")
    workspace.store.decide("red/red_000.png", "delete")
    assert workspace.trash.apply(dry_run=False)["done"].tolist() == [True]
    assert workspace.trash.restore()["to"].tolist() == ["red/red_000.png", "red/red_000-2.png"]


@pytest.mark.parametrize("told", [True, False])
def test_another_file_under_a_decided_name_is_never_moved(
    workspace: Workspace, picture: Any, monkeypatch: pytest.MonkeyPatch, *, told: bool
) -> None:
    workspace.store.decide("red/red_000.png", "delete")
    workspace.store.decide("red/red_001.png", "relabel", "blue")
    for name in ("red_000.png", "red_001.png"):
        picture(workspace.root / "red" / name, (5, 5, 5), seed=int(name[4:7]) + 7)
    if not told:  # a file system that shows no change
        monkeypatch.setattr(workspace.index, "stale", lambda *_args, **_more: Stale(names=[], size_bytes=0))
    before = files(workspace.root)
    found = workspace.trash.apply(dry_run=False, relabel=True)
    assert files(workspace.root) == before
    assert not found["done"].any()
    assert len(found) == (0 if told else 2)
    assert set(found["note"]) <= {CHANGED}


def test_files_that_were_swapped_are_moved_as_they_were_decided_on(workspace: Workspace) -> None:
    workspace.store.decide("red/red_000.png", "delete")
    first, second = (workspace.root / "red" / f"red_00{i}.png" for i in range(2))
    before = files(workspace.root)
    first.rename(workspace.root / "x")
    second.rename(first)
    (workspace.root / "x").rename(second)
    done = workspace.trash.apply(dry_run=False)
    assert done[["name", "done"]].to_numpy().tolist() == [["red/red_001.png", True]]
    assert files(workspace.root)["red/red_000.png"] == before["red/red_001.png"]


def test_deleted_files_count_though_their_folder_was_renamed_before_they_went(workspace: Workspace) -> None:
    workspace.store.decide("red/red_000.png", "delete")
    workspace.store.decide("green/green_000.png", "keep")
    (workspace.root / "red").rename(workspace.root / "ruby")
    workspace.refresh()
    assert workspace.trash.apply(dry_run=False)["name"].tolist() == ["ruby/red_000.png"]
    done = workspace.store.state.progress()
    assert (done.looked_at, done.deleted, done.aside, done.gone) == (2, 1, 1, 0)
    workspace.trash.restore()
    done = workspace.store.state.progress()
    assert (done.looked_at, done.deleted, done.aside, done.gone) == (2, 1, 0, 0)


def test_of_two_equal_files_the_one_in_the_trash_takes_no_decision_of_the_other(workspace: Workspace) -> None:
    first, second = (workspace.root / "red" / f"red_00{i}.png" for i in range(2))
    second.write_bytes(first.read_bytes())
    workspace.refresh()
    workspace.store.decide("red/red_000.png", "delete")
    workspace.store.decide("red/red_001.png", "keep")
    (workspace.root / "red").rename(workspace.root / "ruby")
    workspace.refresh()
    assert workspace.trash.apply(dry_run=False)["name"].tolist() == ["ruby/red_000.png"]
    assert workspace.store.state.asked_again() == {}
    assert workspace.store.state.progress().aside == 1


def test_some_files_can_be_restored(workspace: Workspace) -> None:
    workspace.store.decide(["red/red_000.png", "red/red_001.png"], "delete")
    workspace.trash.apply(dry_run=False)
    assert workspace.trash.restore(["red/red_001.png"])["name"].tolist() == ["red/red_001.png"]
    with pytest.raises(StoreError) as caught:
        workspace.trash.restore(["red/red_001.png", "no.png"])
    assert str(caught.value) == (
        "Not in the trash: 'red/red_001.png', 'no.png'. Give names as they were before the files were moved."
    )
    assert workspace.trash.restore()["name"].tolist() == ["red/red_000.png"]


ODD_LABELS = [
    ".NET logo", "@eaDir", "__MACOSX", ".hidden", ".cleaner", "._x", "train", "Test", "extra", "fold1",
    "unlabelled", "_unlabeled", "CON", "nul.txt", "a.", "..", ".", "a/../../b", "C:\\x", "what?", "50%",
    "%2Ex",
    "50%20off", "Green", "GREEN", "Blåbær", "$RECYCLE.BIN", "data", "images",
]  # fmt: skip


@pytest.mark.parametrize("label", ODD_LABELS)
@pytest.mark.parametrize("split", ["", "train/"])
def test_a_relabelled_file_is_read_back_with_its_label(
    make_set: Callable[..., Path], label: str, split: str
) -> None:
    root = make_set(3)
    if split:
        (root / "valid").mkdir()
        (root / "train").mkdir()
        for folder in ("red", "green", "blue"):
            (root / "valid" / folder).mkdir()
            (root / folder / f"{folder}_002.png").rename(root / "valid" / folder / "v.png")
            (root / folder).rename(root / "train" / folder)
    with Workspace(root, reviewer="ann") as workspace:
        before = dict(zip(workspace.catalog.names, workspace.catalog.labels, strict=True))
        moved = [f"{split}red/red_000.png", f"{split}blue/blue_001.png"]
        workspace.store.decide(moved, "relabel", label)
        done = workspace.trash.apply(dry_run=False, relabel=True)
        assert done["done"].all()
    with Workspace(root) as again:
        labels = dict(zip(again.catalog.names, again.catalog.labels, strict=True))
    assert len(labels) == len(before)
    assert [labels[name] for name in done["to"]] == [label, label]
    stayed = before.keys() - set(moved)
    assert {name: labels[name] for name in stayed} == {name: before[name] for name in stayed}
    folders = {name.rpartition("/")[0].rpartition("/")[2] for name in labels}
    assert len({folder.casefold() for folder in folders}) == len(folders)  # on any system


def test_a_plan_says_what_the_folder_of_a_class_is_called(workspace: Workspace) -> None:
    workspace.store.decide("red/red_000.png", "relabel", ".NET logo")
    workspace.store.decide("red/red_001.png", "relabel", "ü" * 101)
    plan = workspace.trash.plan(relabel=True)
    assert plan["to"].tolist() == ["%2ENET logo/red_000.png", "red/red_001.png"]
    assert plan["note"].tolist() == [
        "the folder stands for the class '.NET logo'",
        f"the class {'ü' * 40 + '…'!r} is too long for the name of a folder",
    ]


@pytest.mark.skipif(os.name != "posix", reason="needs links")
def test_files_reached_by_a_link_that_leads_out_are_left(tmp_path: Path, picture: Any) -> None:
    root, outside = tmp_path / "set", tmp_path / "outside"
    picture(root / "cat" / "a.png", (1, 2, 3))
    picture(outside / "b.png", (3, 2, 1))
    (root / "dog").symlink_to(outside, target_is_directory=True)
    with Workspace(root, reviewer="ann", follow_links=True) as workspace:
        workspace.store.decide("dog/b.png", "delete")
        workspace.store.decide("cat/a.png", "relabel", "dog")
        found = workspace.trash.apply(dry_run=False, relabel=True)
        assert found[["name", "note"]].to_numpy().tolist() == [
            ["cat/a.png", "it is reached through a link that leads out of the folder"],
            ["dog/b.png", "it is reached through a link that leads out of the folder"],
        ]
    assert (root / "cat" / "a.png").exists()
    assert [p.name for p in outside.iterdir()] == ["b.png"]


@pytest.mark.skipif(os.name != "posix", reason="needs links")
def test_a_link_moves_as_a_link(workspace: Workspace) -> None:
    link = workspace.root / "red" / "link.png"
    link.symlink_to("red_000.png")
    workspace.refresh()
    workspace.store.decide("red/link.png", "delete")
    done = workspace.trash.apply(dry_run=False)
    assert (workspace.state / done["to"][0]).is_symlink()
    assert (workspace.root / "red" / "red_000.png").exists()
    workspace.trash.restore()
    assert link.is_symlink()


# -------------------------------------------------------------------- interruptions


class Killed(BaseException):
    """Stands for the end of the program."""


def killed_at(monkeypatch: pytest.MonkeyPatch, moves: int, where: str) -> None:
    """Let the program end at the given move: before it, in the middle of it, or after it."""
    count = iter(range(100))

    def move(source: Path, target: Path) -> None:
        if next(count) < moves:
            move_file(source, target)
            return
        if where == "before":
            raise Killed
        if where == "half":
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(source, target)
            raise Killed
        move_file(source, target)
        raise Killed

    monkeypatch.setattr(moving, "move_file", move)


@pytest.mark.parametrize("where", ["before", "half", "after"])
@pytest.mark.parametrize("moves", [0, 1, 2])
def test_an_interrupted_apply_can_be_run_again(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, moves: int, where: str
) -> None:
    before = files(workspace.root)
    workspace.store.decide(["red/red_000.png", "red/red_001.png"], "delete")
    workspace.store.decide("red/red_002.png", "relabel", "blue")
    killed_at(monkeypatch, moves, where)
    with pytest.raises(Killed):
        workspace.trash.apply(dry_run=False, relabel=True)
    monkeypatch.undo()
    workspace.trash.apply(dry_run=False, relabel=True)
    now = files(workspace.root)
    assert set(now) == set(before) - {"red/red_000.png", "red/red_001.png", "red/red_002.png"} | {
        "blue/red_002.png"
    }
    assert workspace.store.state.is_decided("blue/red_002.png")
    assert len(workspace.trash.plan(relabel=True)) == 0
    workspace.trash.restore()
    assert files(workspace.root) == before


@pytest.mark.parametrize("where", ["before", "half", "after"])
def test_an_interrupted_restore_can_be_run_again(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    before = files(workspace.root)
    workspace.store.decide(["red/red_000.png", "red/red_001.png"], "delete")
    workspace.store.decide("red/red_002.png", "relabel", "blue")
    workspace.trash.apply(dry_run=False, relabel=True)
    killed_at(monkeypatch, 1, where)
    with pytest.raises(Killed):
        workspace.trash.restore()
    monkeypatch.undo()
    workspace.trash.restore()
    assert files(workspace.root) == before


def test_a_torn_last_line_of_the_manifest_is_passed_over(workspace: Workspace) -> None:
    decide(workspace)
    workspace.trash.apply(dry_run=False)
    (path,) = (workspace.state / "trash").glob("*/manifest.jsonl")
    with path.open("a") as file:
        file.write('{"id": 1, "batch": "x", "ki')
    assert workspace.trash.restore()["done"].tolist() == [True]
    assert workspace.trash.restore().empty
    assert path.read_text().count("\n") == 6  # the torn line got an end, and others follow it


def test_a_file_that_cannot_move_stays_and_the_others_go_on(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.store.decide(["red/red_000.png", "red/red_001.png", "red/red_002.png"], "delete")

    def move(source: Path, target: Path) -> None:
        if source.name == "red_001.png":
            raise OSError(errno.EACCES, "Permission denied")
        move_file(source, target)

    monkeypatch.setattr(moving, "move_file", move)
    found = workspace.trash.apply(dry_run=False)
    assert found[["done", "note"]].to_numpy().tolist() == [
        [True, ""],
        [False, "it cannot be moved: Permission denied"],
        [True, ""],
    ]
    assert (workspace.root / "red" / "red_001.png").exists()
    assert sorted(workspace.trash.restore()["name"]) == ["red/red_000.png", "red/red_002.png"]


# -------------------------------------------------------------------- one file


def test_moving_never_overwrites(tmp_path: Path) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_text("a")
    target.write_text("b")
    with pytest.raises(FileExistsError):
        move_file(source, target)
    with pytest.raises(FileNotFoundError):
        move_file(tmp_path / "none", tmp_path / "c")
    assert (source.read_text(), target.read_text()) == ("a", "b")
    assert not (tmp_path / "c").exists()


def refuse(code: int) -> Callable[..., None]:
    def fail(*_arguments: object, **_options: object) -> None:
        raise OSError(code, os.strerror(code))

    return fail


def test_a_disk_without_hard_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "link", refuse(errno.EPERM))
    (tmp_path / "a").write_text("a")
    move_file(tmp_path / "a", tmp_path / "new" / "b")
    assert (tmp_path / "new" / "b").read_text() == "a"
    (tmp_path / "a").write_text("other")
    with pytest.raises(FileExistsError):
        move_file(tmp_path / "a", tmp_path / "new" / "b")


def test_a_file_moves_to_another_file_system(tmp_path: Path) -> None:
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK) or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system")
    with tempfile.TemporaryDirectory(dir=memory) as other:
        source, target = tmp_path / "a.png", Path(other) / "x" / "a.png"
        source.write_bytes(b"picture")
        os.utime(source, (1_000_000, 1_000_000))
        move_file(source, target)
        assert (target.read_bytes(), target.stat().st_mtime) == (b"picture", 1_000_000)
        assert not source.exists()
        source.write_bytes(b"another")
        with pytest.raises(FileExistsError):
            move_file(source, target)
        assert source.read_bytes() == b"another"
        assert [p.name for p in target.parent.iterdir()] == ["a.png"]


def test_a_source_that_cannot_be_removed_leaves_no_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_text("a")
    unlink = Path.unlink

    def refuse_source(self: Path, missing_ok: bool = False) -> None:
        if self == source:
            raise PermissionError(errno.EACCES, "Permission denied")
        unlink(self, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse_source)
    with pytest.raises(PermissionError):
        move_file(source, target)
    assert source.exists()
    assert not target.exists()


# -------------------------------------------------------------------- the simple cleaner


def test_files_go_to_the_trash_as_one_act_and_come_back(root: Path, tmp_path: Path) -> None:
    before, state = files(root), tmp_path / "state"
    act, moved = move_to_trash(root, state, [root / "red" / "red_000.png", "blue/blue_001.png"])
    assert [(m.name, m.problem) for m in moved] == [("red/red_000.png", ""), ("blue/blue_001.png", "")]
    assert all(m.path.read_bytes() == before[m.name] for m in moved)
    assert len(files(root)) == 7
    back = restore_act(root, state, act)
    assert sorted(m.path for m in back) == [root / "blue" / "blue_001.png", root / "red" / "red_000.png"]
    assert files(root) == before
    assert restore_act(root, state, act) == []


def test_an_act_can_be_undone_and_done_again_under_its_id(root: Path, tmp_path: Path) -> None:
    before, state = files(root), tmp_path / "state"
    for _ in range(3):
        move_to_trash(root, state, ["red/red_000.png"], act="page 1/ü")
        assert len(files(root)) == 8
        restore_act(root, state, "page 1/ü")
        assert files(root) == before
    assert len(list((state / "trash").iterdir())) == 1


def test_a_file_that_is_gone_is_said_to_be(root: Path, tmp_path: Path) -> None:
    _, moved = move_to_trash(root, tmp_path / "state", ["red/none.png", "red/red_000.png"])
    assert [m.problem for m in moved] == ["the file is not there", ""]
    assert moved[0].path == root / "red" / "none.png"


@pytest.mark.parametrize("path", ["../outside.png", "/etc/passwd", "red/../../outside.png", "", "."])
def test_files_outside_the_folder_are_refused(root: Path, tmp_path: Path, path: str) -> None:
    (root.parent / "outside.png").write_bytes(b"x")
    before = files(root)
    with pytest.raises(StoreError) as caught:
        move_to_trash(root, tmp_path / "state", ["red/red_000.png", path])
    assert str(caught.value) == (
        f"Got {path!r}, which is not below {root}; only files of the set can be moved."
    )
    assert files(root) == before


@given(st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_moved_and_brought_back_no_content_is_ever_lost(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    base = tmp_path_factory.mktemp("any")
    root, state = base / "set", base / "state"
    names = [f"{folder}/{name}.png" for folder in "ab" for name in ("x", "X y", "ü")]
    for i, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(str(i).encode())
    made = len(names)
    for _ in range(data.draw(st.integers(1, 8))):
        act = data.draw(st.sampled_from(["1", "2", "3"]))
        what = data.draw(st.sampled_from(["move", "back", "new"]))
        if what == "move":
            move_to_trash(root, state, data.draw(st.sets(st.sampled_from(names))), act=act)
        elif what == "back":
            restore_act(root, state, act)
        else:
            new = root / data.draw(st.sampled_from(names))
            if not new.exists():
                new.write_bytes(str(made).encode())
                made += 1
        everywhere = [p.read_bytes() for p in base.rglob("*.png")]
        assert sorted(everywhere) == sorted(str(i).encode() for i in range(made))
    for act in "123":
        restore_act(root, state, act)
    assert len(list(root.rglob("*.png"))) == made

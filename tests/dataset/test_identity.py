"""A set is found again by its state, whatever its folder or table is called now."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cleaner.dataset.identity import History, Identity
from cleaner.workspace import Workspace

MakeSet = Callable[..., Path]


def decided(root: Path, **options: object) -> int:
    with Workspace(root, reviewer="ann", **options) as workspace:  # type: ignore[arg-type]
        return workspace.store.state.progress().decided


def decide(root: Path, name: str, **options: object) -> None:
    with Workspace(root, reviewer="ann", **options) as workspace:  # type: ignore[arg-type]
        workspace.store.decide(name, "keep")


def notices(root: Path, **options: object) -> str:
    with Workspace(root, reviewer="ann", **options) as workspace:  # type: ignore[arg-type]
        workspace.store  # noqa: B018 - opening it may add some
        return " ".join(workspace.notices)


def table(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(["name,label", *rows]) + "\n", encoding="utf-8")
    return path


ROWS = ("red/red_000.png,red", "blue/blue_000.png,blue")


def test_a_renamed_folder_finds_its_decisions_and_says_so_once(make_set: MakeSet) -> None:
    root = make_set(2)
    decide(root, "red/red_000.png")
    moved = root.rename(root.with_name("moved"))
    assert str(root) in notices(moved)
    assert notices(moved) == ""
    assert decided(moved) == 1
    decide(moved, "red/red_001.png")
    assert decided(moved) == 2


def test_a_copy_of_a_folder_has_the_decisions_too(make_set: MakeSet) -> None:
    root = make_set(2)
    decide(root, "red/red_000.png")
    copy = root.with_name("copy")
    shutil.copytree(root, copy)
    assert f"is a copy of {root}, with the decisions" in notices(copy)
    assert (decided(copy), decided(root)) == (1, 1)
    decide(copy, "red/red_001.png")
    assert (decided(copy), decided(root)) == (2, 1)


def test_a_renamed_table_finds_its_decisions(make_set: MakeSet) -> None:
    root = make_set(2)
    first = table(root / "one.csv", *ROWS)
    decide(first, "red/red_000.png")
    second = first.rename(root / "two.csv")
    assert "one.csv" in notices(second)
    assert decided(second) == 1


def test_a_table_that_was_renamed_and_edited_finds_its_decisions(make_set: MakeSet) -> None:
    root = make_set(2)
    first = table(root / "one.csv", *ROWS)
    decide(first, "red/red_000.png")
    first.unlink()
    assert decided(table(root / "two.csv", *ROWS, "red/red_001.png,red")) == 1


def test_another_table_does_not_take_over_the_decisions_of_one_that_is_gone(make_set: MakeSet) -> None:
    root = make_set(2)
    first = table(root / "one.csv", *ROWS)
    decide(first, "red/red_000.png")
    first.unlink()
    other = table(root / "two.csv", "green/green_000.png,green", "blue/blue_001.png,blue")
    said = notices(other)
    assert "names other images, so it is a set of its own" in said
    assert f"{root.name}/one.csv" in said
    assert decided(other) == 0
    assert decided(table(root / "one.csv", *ROWS)) == 1


def test_a_table_of_an_earlier_version_is_known_by_the_images_that_were_decided_on(make_set: MakeSet) -> None:
    root = make_set(2)
    first = table(root / "one.csv", *ROWS)
    decide(first, "red/red_000.png")
    memory = root / ".cleaner" / "set.json"
    kept = json.loads(memory.read_text())
    del kept["sets"][0]["names"]
    memory.write_text(json.dumps(kept))
    first.unlink()
    other = table(root / "two.csv", "green/green_000.png,green", "blue/blue_001.png,blue")
    assert decided(other) == 0
    other.unlink()
    memory.write_text(json.dumps(kept))
    assert decided(table(root / "three.csv", *ROWS, "red/red_001.png,red")) == 1


def test_each_table_of_a_folder_and_the_folder_itself_have_decisions_of_their_own(make_set: MakeSet) -> None:
    root = make_set(2)
    one, two = table(root / "one.csv", *ROWS), table(root / "two.csv", *ROWS)
    decide(one, "red/red_000.png")
    assert [decided(path) for path in (one, two, root)] == [1, 0, 0]


def test_of_several_tables_that_are_gone_none_is_taken_without_asking(make_set: MakeSet) -> None:
    root = make_set(2)
    for name in ("one.csv", "two.csv"):
        decide(table(root / name, *ROWS), "red/red_000.png")
        (root / name).unlink()
        table(root / name, *ROWS, "blue/blue_001.png,blue" if name == "two.csv" else "red/red_001.png,red")
        decided(root / name)
    for name in ("one.csv", "two.csv"):
        (root / name).unlink()
    third = table(root / "three.csv", *ROWS)
    said = notices(third)
    assert f"{root.name}/one.csv" in said
    assert "--dataset" in said
    assert decided(third) == 0
    assert decided(third, dataset=f"{root.name}/two.csv") == 1
    assert decided(third) == 1  # it is remembered


def test_one_state_folder_for_two_folders_of_one_name_keeps_them_apart(
    make_set: MakeSet, tmp_path: Path
) -> None:
    first = make_set(2)
    second = tmp_path / "elsewhere" / first.name
    shutil.copytree(first, second, ignore=shutil.ignore_patterns(".cleaner"))
    state = tmp_path / "state"
    decide(first, "red/red_000.png", state=state)
    assert decided(second, state=state) == 0
    assert decided(first, state=state) == 1


def test_a_set_whose_state_is_elsewhere_is_found_after_a_move(
    make_set: MakeSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_set(2)
    monkeypatch.setattr("cleaner.dataset.state_folder.is_network", lambda _path: True)
    decide(root, "red/red_000.png")
    assert not (root / ".cleaner").exists()
    moved = root.rename(root.with_name("moved"))
    assert decided(moved) == 1
    assert decided(moved) == 1


def test_colleagues_meet_in_a_shared_database_by_the_name(make_set: MakeSet, tmp_path: Path) -> None:
    root = make_set(2)
    theirs = tmp_path / "their machine" / root.name
    shutil.copytree(root, theirs)
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    decide(root, "red/red_000.png", store=url)
    assert decided(theirs, store=url) == 1
    renamed = theirs.rename(theirs.with_name("other"))
    assert decided(renamed, store=url) == 1


def test_a_name_that_another_set_has_in_a_shared_database_is_remarked(
    make_set: MakeSet, tmp_path: Path
) -> None:
    root = make_set(2)
    other = tmp_path / "other" / root.name
    shutil.copytree(root / "blue", other / "blue")
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    decide(root, "red/red_000.png", store=url)
    assert "--dataset" in notices(other, store=url)
    assert decided(other, store=url) == 0
    assert "--dataset" not in notices(root, store=url)


# -------------------------------------------------------------------- states of earlier versions


def without_identity(root: Path) -> Path:
    (root / ".cleaner" / "set.json").unlink()
    return root


def test_a_state_without_an_identity_goes_on_under_the_name_of_its_folder(make_set: MakeSet) -> None:
    root = make_set(2)
    decide(root, "red/red_000.png")
    without_identity(root)
    assert notices(root) == ""
    assert decided(root) == 1


def test_a_folder_that_was_renamed_before_is_recognised_by_its_only_history(make_set: MakeSet) -> None:
    root = make_set(2)
    decide(root, "red/red_000.png")
    moved = without_identity(root.rename(root.with_name("moved")))
    assert f"“{root.name}”" in notices(moved)
    assert decided(moved) == 1


def test_of_several_histories_none_is_taken_without_asking(make_set: MakeSet) -> None:
    root = make_set(2)
    for name in ("one", "two"):
        decide(root, "red/red_000.png", dataset=name)
    moved = without_identity(root.rename(root.with_name("moved")))
    said = notices(moved)
    assert all(word in said for word in ("“one” (1)", "“two” (1)", "--dataset"))
    assert decided(moved) == 0
    assert decided(moved, dataset="two") == 1


def test_a_damaged_identity_costs_a_warning_only(make_set: MakeSet, caplog: pytest.LogCaptureFixture) -> None:
    root = make_set(2)
    decide(root, "red/red_000.png")
    (root / ".cleaner" / "set.json").write_text("{")
    assert decided(root) == 1
    assert "set.json" in caplog.text


def test_a_history_of_other_images_is_not_taken_from_a_state_of_several_sets(tmp_path: Path) -> None:
    histories = {"birds": History(decisions=9, share=0.0), "bears": History(decisions=5, share=0.9)}
    (tmp_path / "moved").mkdir()
    found = Identity(tmp_path / "state", tmp_path / "moved", None, earlier=lambda: histories)
    assert found.key == "bears"


# -------------------------------------------------------------------- what is lost is said


def test_a_database_that_was_removed_is_missed(make_set: MakeSet) -> None:
    root = make_set(2)
    decide(root, "red/red_000.png")
    (root / ".cleaner" / "review.db").unlink()
    assert "fewer decisions" in notices(root)


def test_classes_are_remembered_with_the_time_when_they_appeared(make_set: MakeSet) -> None:
    root = make_set(2)
    decide(root, "red/red_000.png")
    (root / "red").rename(root / "crimson")
    assert decided(root) == 1
    assert decided(root) == 1
    sets = json.loads((root / ".cleaner" / "set.json").read_text())["sets"]
    assert sets[0]["appeared"] == {"blue": 0, "green": 0, "red": 0, "crimson": 1}


def test_a_keep_does_not_count_for_a_label_that_another_layout_gives(
    tmp_path: Path, picture: Callable[..., Path]
) -> None:
    for i, name in enumerate(("cat/train/a", "cat/train/b", "dog/train/c", "dog/test/d")):
        picture(tmp_path / "set" / f"{name}.png", (9, 9, 9), seed=i)
    for name in ("cat/train/a.png", "dog/train/c.png"):
        with Workspace(tmp_path / "set", reviewer="ann", layout="class/split") as workspace:
            label = workspace.catalog.label_of(name)
            workspace.store.decide(name, "keep", given={name: label})
    assert decided(tmp_path / "set") == 2
    assert decided(tmp_path / "set", layout="split/class") == 0
    assert decided(tmp_path / "set") == 0  # it is remembered
    assert decided(tmp_path / "set", layout="class/split") == 2


def test_a_keep_does_not_count_for_a_label_of_another_column(make_set: MakeSet) -> None:
    root = make_set(2)
    rows = ("red/red_000.png,warm,bright", "blue/blue_000.png,cold,dark")
    (root / "l.csv").write_text("\n".join(["name,heat,light", *rows]) + "\n", encoding="utf-8")
    with Workspace(root / "l.csv", reviewer="ann", label_column="heat") as workspace:
        workspace.store.decide(rows[0].split(",")[0], "keep", given={"red/red_000.png": "warm"})
    assert decided(root / "l.csv") == 1
    assert decided(root / "l.csv", label_column="light") == 0
    assert decided(root / "l.csv", label_column="heat") == 1

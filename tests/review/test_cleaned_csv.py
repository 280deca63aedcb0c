"""cleaned.csv: whole at any moment, in step with the decisions, and careful with what people edit in it."""

from __future__ import annotations

import csv
import hashlib
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pictures import make_picture

from cleaner.dataset.catalog import Catalog
from cleaner.errors import ForeignFileError, StoreError
from cleaner.review import ReviewStore
from cleaner.review.labels import cleaned_catalog
from cleaner.review.output.cleaned_csv import CleanedCsv, CsvEvent, CsvNotice, as_csv, swap_in
from cleaner.util.csvfile import csv_text, decode_csv, read_csv
from cleaner.util.delayed import Delayed
from cleaner.workspace import Workspace


@pytest.fixture
def workspace(make_set: Callable[..., Path]) -> Iterator[Workspace]:
    """Nine pictures in three classes."""
    with Workspace(make_set(3), reviewer="ann") as opened:
        yield opened


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def cleaned(workspace: Workspace, said: list[CsvNotice]) -> Iterator[CleanedCsv]:
    # an hour: whatever is written in these tests was asked for
    opened = workspace.csv_writer(on_notice=said.append, delay_s=3600)
    yield opened
    opened.close()


def rows(path: Path) -> dict[str, str]:
    with path.open(encoding="utf-8", newline="") as file:
        return {row["name"]: row["label"] for row in csv.DictReader(file)}


def no_label(value: Any) -> bool:
    return value is None or value != value


# -------------------------------------------------------------------- the table


def catalog(**columns: Any) -> Catalog:
    return Catalog(pd.DataFrame(columns))


def test_the_table_is_the_catalog_after_all_decisions(tmp_path: Path) -> None:
    given = catalog(
        name=list("abcdef"),
        label=["cat", "cat", "dog", None, "dog", "cat"],
        split=["train", "valid", "test", "pending", None, "train"],
        source=["x", "y", np.nan, "z", "", "w,v"],
        weight=[1, 2, 3, 4, 5, 6],
        count=pd.array([1, 2, None, 4, 5, 6], dtype="Int64"),
        size=[0.5, 0.1 + 0.2, np.nan, 1e-9, 2.0, 3.0],
    )
    with ReviewStore(tmp_path / "r.db", dataset="set", reviewer="ann") as store:
        store.decide("a", "delete", reason="duplicate")
        store.decide("b", "relabel", "fox, red")
        store.decide("c", "keep")
        store.decide("d", "relabel", "dog")
        store.decide("e", "unsure")
        store.class_event("class_rename", "dog", "hound")
        table = cleaned_catalog(given, store.state).table
    assert table["name"].tolist() == list("bcdef")
    assert table["label"].tolist() == ["fox, red", "hound", "hound", "hound", "cat"]
    assert table["weight"].tolist() == [2, 3, 4, 5, 6]
    assert given.labels.tolist() == ["cat", "cat", "dog", None, "dog", "cat"]  # untouched
    path = swap_in(as_csv(table), tmp_path / "cleaned.csv", beside=tmp_path / "beside.csv")
    assert path.read_bytes() == (
        b"name,label,split,source,weight,count,size\n"
        b'b,"fox, red",valid,y,2,2,0.30000000000000004\n'
        b"c,hound,test,,3,,\n"
        b"d,hound,,z,4,4,1e-09\n"
        b"e,hound,,,5,5,2.0\n"
        b'f,cat,train,"w,v",6,6,3.0\n'
    )


def test_an_unlabelled_image_stays_unlabelled(tmp_path: Path) -> None:
    given = catalog(name=["a", "b"], label=[None, "cat"])
    with ReviewStore(tmp_path / "r.db", dataset="set", reviewer="ann") as store:
        store.decide("a", "keep")
        table = cleaned_catalog(given, store.state).table
    assert no_label(table["label"][0])
    assert (
        swap_in(as_csv(table), tmp_path / "c.csv", beside=tmp_path / "beside.csv").read_text()
        == "name,label,split\na,,\nb,cat,\n"
    )


def test_a_table_of_which_nothing_is_left_has_its_header(tmp_path: Path) -> None:
    with ReviewStore(tmp_path / "r.db", dataset="set", reviewer="ann") as store:
        store.decide("a", "delete")
        table = cleaned_catalog(catalog(name=["a"], label=["cat"]), store.state).table
    assert (
        swap_in(as_csv(table), tmp_path / "c.csv", beside=tmp_path / "beside.csv").read_text()
        == "name,label,split\n"
    )


ODD = [
    "plain", "with space", " edge", "edge\t", "comma,", 'quote"', "'single'", "new\nline", "carriage\rreturn",
    "both\r\n", "=1+1", "+1", "-1", "@x", "Ünï", "猫", "🐱", "NA", "null", "1.0", "007", "\\", "#", ";",
]  # fmt: skip


def test_odd_names_and_labels_come_back_from_pandas_and_csv_as_they_were(tmp_path: Path) -> None:
    table = pd.DataFrame({"name": ODD, "label": ODD[::-1], "split": "train"})
    path = swap_in(as_csv(table), tmp_path / "cleaned.csv", beside=tmp_path / "beside.csv")
    read = pd.read_csv(path, dtype=str, keep_default_na=False)
    assert read["name"].tolist() == ODD
    assert read["label"].tolist() == ODD[::-1]
    with path.open(encoding="utf-8", newline="") as file:
        assert [(row["name"], row["label"]) for row in csv.DictReader(file)] == list(
            zip(ODD, ODD[::-1], strict=True)
        )
    assert read_csv(decode_csv(path.read_bytes()))[1] == table.to_numpy().tolist()
    assert b"\r\n" not in path.read_bytes().replace(b'"both\r\n"', b"")


def test_numbers_are_written_so_that_they_come_back() -> None:
    text = csv_text(["a", "b", "c", "d"], [(0.1 + 0.2, np.float32(0.1), True, None), (1e300, 1, "", 2)])
    assert text == "a,b,c,d\n0.30000000000000004,0.1,True,\n1e+300,1,,2\n"


def test_files_of_spreadsheets_are_understood() -> None:
    header, lines = read_csv(decode_csv(b"\xef\xbb\xbfname;label\r\na;b,c\r\n\r\nd\r\n"))
    assert (header, lines) == (["name", "label"], [["a", "b,c"], ["d", ""]])
    assert read_csv(decode_csv("name\tlabel\nä\tö\n".encode("cp1252"))) == (["name", "label"], [["ä", "ö"]])
    assert read_csv("") == ([], [])


# -------------------------------------------------------------------- writing


def test_opening_writes_nothing(workspace: Workspace, cleaned: CleanedCsv) -> None:
    cleaned.close()
    assert not cleaned.path.exists()
    assert not cleaned.behind


def test_an_old_file_is_left_alone_until_somebody_decides(workspace: Workspace) -> None:
    path = workspace.cleaned_csv
    path.write_text("name,label\nred/red_000.png,blue\n")
    before = path.stat().st_mtime_ns
    workspace.csv_writer().close()
    assert path.stat().st_mtime_ns == before


def test_a_decision_is_written_a_moment_later(workspace: Workspace) -> None:
    cleaned = workspace.csv_writer(delay_s=0.05)
    workspace.store.decide("red/red_000.png", "delete")
    wait_until(lambda: cleaned.path.exists())
    wait_until(lambda: not cleaned.behind)
    assert "red/red_000.png" not in rows(cleaned.path)
    assert len(rows(cleaned.path)) == 8
    cleaned.close()


def wait_until(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    tick = threading.Event()
    for _ in range(int(timeout_s / 0.02)):
        if condition():
            return
        tick.wait(0.02)
    pytest.fail("it did not happen")


def test_what_is_due_is_written_on_closing(workspace: Workspace, cleaned: CleanedCsv) -> None:
    workspace.store.decide("red/red_000.png", "relabel", "blue")
    assert not cleaned.path.exists()
    assert cleaned.behind
    cleaned.close()
    assert rows(cleaned.path)["red/red_000.png"] == "blue"
    assert not cleaned.behind
    workspace.store.decide("red/red_001.png", "delete")
    cleaned.schedule(delay_s=0)
    assert cleaned.behind  # closed is closed


def test_a_colleagues_decisions_are_in_the_file_too(workspace: Workspace, cleaned: CleanedCsv) -> None:
    with ReviewStore(workspace.store_url, dataset=workspace.name, reviewer="bob") as bob:
        bob.decide("red/red_000.png", "delete")
    cleaned.write_now()
    assert "red/red_000.png" not in rows(cleaned.path)


def test_the_file_goes_where_the_workspace_says(workspace: Workspace, cleaned: CleanedCsv) -> None:
    assert cleaned.write_now() == workspace.cleaned_csv == workspace.root / "cleaned.csv"
    assert Catalog.from_csv(cleaned.path).names.tolist() == workspace.catalog.names.tolist()


def test_a_link_stays_a_link(workspace: Workspace, cleaned: CleanedCsv, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.csv"
    elsewhere.write_text("")
    cleaned.path.symlink_to(elsewhere)
    cleaned.write_now()
    assert cleaned.path.is_symlink()
    assert len(rows(elsewhere)) == 9


@pytest.mark.skipif(os.name != "posix", reason="needs permissions")
def test_who_may_read_the_file_stays_as_it_was(workspace: Workspace, cleaned: CleanedCsv) -> None:
    cleaned.path.write_text("")
    cleaned.path.chmod(0o664)
    cleaned.write_now()
    assert cleaned.path.stat().st_mode & 0o777 == 0o664


def test_nothing_else_is_left_beside_the_file(workspace: Workspace, cleaned: CleanedCsv) -> None:
    old = workspace.root / ".cleaned.csv.0badf00d0bad.tmp"
    old.write_text("of a writer that was killed")
    os.utime(old, (0, 0))
    fresh = workspace.root / ".cleaned.csv.123456789abc.tmp"
    fresh.write_text("of a writer at work")
    own = workspace.root / ".cleaned.csv.backup.tmp"
    own.write_text("a user's")
    os.utime(own, (0, 0))
    cleaned.write_now()
    files = {p.name for p in workspace.root.iterdir() if p.is_file()}
    assert files == {"cleaned.csv", fresh.name, own.name}


def test_a_locked_file_is_kept_beside_and_put_in_place_later(
    workspace: Workspace, cleaned: CleanedCsv, said: list[CsvNotice], monkeypatch: pytest.MonkeyPatch
) -> None:
    cleaned.write_now()
    before = cleaned.path.read_bytes()
    replace = Path.replace

    def locked(self: Path, target: Path) -> Path:
        if Path(target).name == "cleaned.csv":
            raise PermissionError(13, "The process cannot access the file")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", locked)
    workspace.store.decide("red/red_000.png", "delete")
    beside = cleaned.write_now()
    assert beside.name == "cleaned.new.csv"
    assert cleaned.path.read_bytes() == before
    assert "red/red_000.png" not in rows(beside)
    assert cleaned.behind
    cleaned.write_now()
    assert said == [CsvNotice(CsvEvent.LOCKED, cleaned.path, beside)]  # once, not at every attempt
    monkeypatch.undo()
    assert cleaned.write_now() == cleaned.path
    assert "red/red_000.png" not in rows(cleaned.path)
    assert not beside.exists()
    assert said[1:] == [CsvNotice(CsvEvent.CURRENT, cleaned.path)]


def test_a_file_of_the_user_beside_a_locked_one_is_left(
    workspace: Workspace, cleaned: CleanedCsv, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = workspace.root / "cleaned.new.csv"
    own.write_text("my notes")
    cleaned.write_now()
    replace = Path.replace

    def locked(self: Path, target: Path) -> Path:
        if Path(target).name == "cleaned.csv":
            raise PermissionError(13, "The process cannot access the file")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", locked)
    for name in ("red/red_000.png", "red/red_001.png"):
        workspace.store.decide(name, "delete")
        beside = cleaned.write_now()
        assert beside.name == "cleaned.new-2.csv"
        assert name not in rows(beside)
    monkeypatch.undo()
    assert cleaned.write_now() == cleaned.path
    assert not beside.exists()
    assert own.read_text() == "my notes"


def test_a_file_that_cannot_be_written_is_said_and_tried_again(
    workspace: Workspace, said: list[CsvNotice], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cleaner.review.output.cleaned_csv._RETRY_S", 0.05)
    attempts: list[int] = []
    fsync = os.fsync

    def full(handle: int) -> None:
        attempts.append(handle)
        if len(attempts) < 3:
            raise OSError(28, "No space left on device")
        fsync(handle)

    cleaned = workspace.csv_writer(on_notice=said.append, delay_s=0.01)
    monkeypatch.setattr("cleaner.util.atomic.os.fsync", full)
    workspace.store.decide("red/red_000.png", "delete")
    wait_until(lambda: len(said) == 2)
    assert [notice.event for notice in said] == [CsvEvent.FAILED, CsvEvent.CURRENT]
    assert said[0].reason.startswith(f"cleaned.csv cannot be written to {workspace.root}: No space left on")
    assert len(rows(cleaned.path)) == 8
    cleaned.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killing_the_writer_at_any_moment_leaves_a_whole_file(tmp_path: Path) -> None:
    script = Path(__file__).parents[1] / "csv_crashes.py"
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path), "25"],
        env={**os.environ, "PYTHONPATH": str(script.parents[1])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("25 kills, versions [")


# -------------------------------------------------------------------- hand edits


def edit(path: Path, change: Callable[[str], str]) -> str:
    """Edit the file as a person would; returns the new text."""
    text = change(path.read_text(encoding="utf-8"))
    path.write_text(text, encoding="utf-8")
    return text


def test_our_own_file_is_no_hand_edit(
    workspace: Workspace, cleaned: CleanedCsv, said: list[CsvNotice]
) -> None:
    assert cleaned.hand_edits() is None
    cleaned.write_now()
    assert cleaned.hand_edits() is None
    workspace.store.decide("red/red_000.png", "delete")
    assert cleaned.hand_edits() is None
    cleaned.write_now()
    assert said == []
    assert not (workspace.state / "backups").exists()


def test_hand_edits_are_listed(workspace: Workspace, cleaned: CleanedCsv) -> None:
    workspace.store.decide("red/red_000.png", "delete")
    cleaned.write_now()
    edit(
        cleaned.path,
        lambda text: (
            "".join(line for line in text.splitlines(True) if "blue_001" not in line)
            .replace("green/green_001.png,green", "green/green_001.png,red")
            .replace("green/green_002.png,green", "green/green_002.png,")
            + "red/red_000.png,red,train\nother/new.png,red,train\n"
        ),
    )
    found = cleaned.hand_edits()
    assert found is not None
    assert [tuple(None if no_label(v) else v for v in row) for row in found.to_numpy()] == [
        ("blue/blue_001.png", "deleted", "blue", None),
        ("green/green_001.png", "label", "green", "red"),
        ("green/green_002.png", "no label", "green", ""),
        ("other/new.png", "unknown", None, "red"),
        ("red/red_000.png", "restored", None, "red"),
    ]


def test_a_changed_split_is_listed_and_is_no_decision(workspace: Workspace, cleaned: CleanedCsv) -> None:
    cleaned.write_now()
    edit(cleaned.path, lambda text: text.replace(",valid\n", ",train\n"))
    found = cleaned.hand_edits()
    assert found is not None
    assert set(found["change"]) == {"split"}
    assert cleaned.import_hand_edits() is None


def test_only_another_way_of_writing_is_no_difference(workspace: Workspace, cleaned: CleanedCsv) -> None:
    cleaned.write_now()
    edit(cleaned.path, lambda text: "\ufeff" + text.replace(",", ";"))
    found = cleaned.hand_edits()
    assert found is not None
    assert len(found) == 0


def test_hand_edits_become_decisions(workspace: Workspace, cleaned: CleanedCsv) -> None:
    splits = dict(zip(workspace.catalog.names, workspace.catalog.splits, strict=True))
    workspace.store.decide(["red/red_000.png", "red/red_001.png"], "delete")
    cleaned.write_now()
    edit(
        cleaned.path,
        lambda text: (
            "".join(line for line in text.splitlines(True) if "blue_001" not in line).replace(
                "green/green_001.png,green", "green/green_001.png,fox"
            )
            + f"red/red_000.png,red,{splits['red/red_000.png']}\n"
            + f"red/red_001.png,fox,{splits['red/red_001.png']}\n"
        ),
    )
    act = cleaned.import_hand_edits(reviewer="bob")
    assert act is not None
    decisions = workspace.store.state.decisions()
    assert {n: (d.outcome, d.new_label) for n, d in decisions.items() if d.reviewer == "bob"} == {
        "blue/blue_001.png": ("delete", None),
        "green/green_001.png": ("relabel", "fox"),
        "red/red_000.png": ("keep", None),
        "red/red_001.png": ("relabel", "fox"),
    }
    left = cleaned.hand_edits()
    assert left is not None
    assert len(left) == 0
    workspace.store.undo(reviewer="bob")  # one act
    assert workspace.store.state.outcomes() == {
        "red/red_000.png": ("delete", None),
        "red/red_001.png": ("delete", None),
    }


def test_some_of_the_hand_edits_can_be_chosen(workspace: Workspace, cleaned: CleanedCsv) -> None:
    cleaned.write_now()
    edit(cleaned.path, lambda text: text.replace(",green,", ",fox,"))
    act = cleaned.import_hand_edits(["green/green_001.png"])
    assert act is not None
    assert act.names == ("green/green_001.png",)


def test_decisions_made_meanwhile_are_not_taken_for_hand_edits(
    workspace: Workspace, cleaned: CleanedCsv
) -> None:
    cleaned.write_now()
    edit(cleaned.path, lambda text: text.replace("green/green_001.png,green", "green/green_001.png,fox"))
    workspace.store.decide("red/red_000.png", "delete")
    workspace.store.decide("green/green_001.png", "relabel", "fox")
    found = cleaned.hand_edits()
    assert found is not None
    assert len(found) == 0


def test_an_edited_file_is_kept_before_it_is_written_over(
    workspace: Workspace, cleaned: CleanedCsv, said: list[CsvNotice]
) -> None:
    cleaned.write_now()
    text = edit(
        cleaned.path, lambda text: text.replace("green/green_001.png,green", "green/green_001.png,fox")
    )
    workspace.store.decide("red/red_000.png", "delete")
    cleaned.write_now()
    (kept,) = (workspace.state / "backups").iterdir()
    assert kept.read_text(encoding="utf-8") == text
    assert kept.name.startswith("cleaned-")
    assert said == [CsvNotice(CsvEvent.HAND_EDITED, cleaned.path, kept)]
    assert rows(cleaned.path)["green/green_001.png"] == "green"


def test_the_same_edited_file_is_kept_once(workspace: Workspace, cleaned: CleanedCsv) -> None:
    for name in ("red/red_000.png", "red/red_001.png"):
        cleaned.path.write_text("name,label\n")
        workspace.store.decide(name, "delete")
        cleaned.write_now()
    assert len(list((workspace.state / "backups").iterdir())) == 1


def test_a_file_that_somebody_else_made_is_kept_and_offered(
    workspace: Workspace, cleaned: CleanedCsv
) -> None:
    # such as the cleaned.csv of an earlier tool, or ours after the state was lost
    text = "name,label\n" + "".join(
        f"{name},{'fox' if name == 'red/red_001.png' else label}\n"
        for name, label in zip(workspace.catalog.names, workspace.catalog.labels, strict=True)
        if name != "red/red_000.png"
    )
    cleaned.path.write_text(text)
    found = cleaned.hand_edits()
    assert found is not None
    edits = found[found["change"] != "split"]
    assert edits[["name", "change"]].to_numpy().tolist() == [
        ["red/red_000.png", "deleted"],
        ["red/red_001.png", "label"],
    ]
    with pytest.raises(ForeignFileError):
        cleaned.write_now()
    assert cleaned.foreign
    assert cleaned.path.read_text() == text
    cleaned.write_now(replace=True)
    assert not cleaned.foreign
    (kept,) = (workspace.state / "backups").iterdir()
    assert kept.read_text() == text


FOREIGN = {
    "notes": "name;note\nanna;call back\n",
    "another set": "name,label\nfox/1.jpg,fox\nfox/2.jpg,fox\n",
    "no text": "\x00\x01\x02",
    # edits, had we written the file before
    "more columns": "name,label,weight\nred/red_000.png,red,7\n",
    "without the deleted": "name,label\nred/red_000.png,red\n",
}


@pytest.mark.parametrize(
    ("text", "earlier"),
    [*((text, False) for text in FOREIGN.values()), *((text, True) for text in list(FOREIGN.values())[:3])],
)
def test_a_file_of_another_program_is_written_over_on_request_alone(
    workspace: Workspace, cleaned: CleanedCsv, said: list[CsvNotice], text: str, earlier: bool
) -> None:
    if earlier:
        cleaned.write_now()
    cleaned.path.write_text(text)
    workspace.store.decide("red/red_000.png", "delete")
    with pytest.raises(ForeignFileError):
        cleaned.write_now()
    assert cleaned.foreign
    assert cleaned.path.read_text() == text
    cleaned.schedule()
    cleaned.close()  # what is due is not written either, and told
    assert cleaned.path.read_text() == text
    assert [notice.event for notice in said] == [CsvEvent.FOREIGN]
    assert said[0].other == workspace.root / "cleaned-2.csv"


def test_the_result_can_go_beside_a_file_of_another_program_for_good(
    workspace: Workspace, cleaned: CleanedCsv
) -> None:
    cleaned.path.write_text(FOREIGN["notes"])
    with pytest.raises(ForeignFileError):
        cleaned.write_to("cleaned.csv")
    assert cleaned.write_to() == workspace.root / "cleaned-2.csv"
    assert len(rows(workspace.root / "cleaned-2.csv")) == 9
    assert (workspace.root / "cleaned.csv").read_text() == FOREIGN["notes"]
    with Workspace(workspace.root) as again:
        assert again.cleaned_csv == workspace.root / "cleaned-2.csv"


def test_our_own_file_is_not_foreign_after_the_state_was_lost(workspace: Workspace) -> None:
    root = workspace.root
    with workspace:
        workspace.csv_writer().write_now()
        shutil.rmtree(workspace.state)
    with Workspace(root) as undecided:  # the file says nothing that is lost
        undecided.store.decide("red/red_000.png", "relabel", "fox")
        assert undecided.csv_writer().write_now() == root / "cleaned.csv"
        shutil.rmtree(undecided.state)
    with Workspace(root) as decided:  # the file is all that is left of the decision: asked once
        writer = decided.csv_writer(delay_s=3600)
        decided.store.decide("red/red_001.png", "relabel", "owl")
        assert writer.foreign
        act = writer.import_hand_edits()
        assert act is not None
        assert [event.name for event in act.events] == ["red/red_000.png"]
        writer.write_now(replace=True)
        assert not writer.foreign
        assert [rows(writer.path)[f"red/red_00{i}.png"] for i in range(3)] == ["fox", "owl", "red"]


def test_two_tables_of_one_folder_do_not_write_over_each_other(make_set: Callable[..., Path]) -> None:
    root = make_set(2)
    for table, label in [("one.csv", "fox"), ("two.csv", "owl")]:
        (root / table).write_text("name,label\nred/red_000.png,red\nblue/blue_000.png,blue\n")
        with Workspace(root / table, reviewer="ann") as workspace:
            workspace.store.decide("red/red_000.png", "relabel", label)
            workspace.csv_writer().write_now()
    for table, result, label in [("one.csv", "cleaned.csv", "fox"), ("two.csv", "two.cleaned.csv", "owl")]:
        with Workspace(root / table) as workspace:
            assert workspace.cleaned_csv == root / result
            assert rows(root / result)["red/red_000.png"] == label


def test_a_table_that_is_renamed_goes_on_with_its_result(make_set: Callable[..., Path]) -> None:
    root = make_set(2)
    (root / "one.csv").write_text("name,label\nred/red_000.png,red\nblue/blue_000.png,blue\n")
    said: list[CsvNotice] = []
    for name, image in [("one.csv", "red/red_000.png"), ("two.csv", "blue/blue_000.png")]:
        with Workspace(root / name, reviewer="ann") as workspace:
            workspace.store.decide(image, "relabel", "fox")
            workspace.csv_writer(on_notice=said.append, delay_s=3600).write_now()
        if name == "one.csv":
            (root / name).rename(root / "two.csv")
    assert rows(root / "cleaned.csv") == {"red/red_000.png": "fox", "blue/blue_000.png": "fox"}
    assert said == []


def test_a_file_that_lacks_most_images_is_not_taken_for_deletions(
    workspace: Workspace, cleaned: CleanedCsv
) -> None:
    cleaned.write_now()
    edit(cleaned.path, lambda text: "".join(text.splitlines(True)[:4]))
    with pytest.raises(StoreError) as caught:
        cleaned.import_hand_edits()
    assert str(caught.value) == (
        "cleaned.csv has no row for 6 of 9 images, so nothing was imported. If you removed them on purpose, "
        "give the names to import."
    )
    assert workspace.store.state.decisions() == {}


def test_a_file_without_the_columns_is_said_to_be(workspace: Workspace, cleaned: CleanedCsv) -> None:
    cleaned.write_now()
    cleaned.path.write_text("file,class\na,b\n")
    with pytest.raises(StoreError) as caught:
        cleaned.hand_edits()
    assert str(caught.value) == (
        "cleaned.csv has no column 'name', only file, class; "
        "expected name,label,split as cleaner writes them."
    )


def test_a_kill_between_writing_and_remembering_is_no_hand_edit(
    workspace: Workspace, cleaned: CleanedCsv, monkeypatch: pytest.MonkeyPatch
) -> None:
    cleaned.write_now()
    workspace.store.decide("red/red_000.png", "delete")
    monkeypatch.setattr("cleaner.review.output.hand_edits.Written.remember", lambda *_a, **_k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cleaned.write_now()
    monkeypatch.undo()
    assert "red/red_000.png" not in rows(cleaned.path)
    assert cleaned.hand_edits() is None
    # and the other way: announced, but killed before the swap
    cleaned.write_now()
    old = cleaned.path.read_bytes()
    cleaned.written.announce(b"name,label,split\n", over=old)
    assert cleaned.written.knows(old)
    assert cleaned.hand_edits() is None


def test_a_damaged_memory_costs_a_backup_and_nothing_else(
    workspace: Workspace, cleaned: CleanedCsv, caplog: pytest.LogCaptureFixture
) -> None:
    cleaned.write_now()
    (workspace.state / "cleaned-written.json").write_text("{")
    workspace.store.decide("red/red_000.png", "delete")
    cleaned.write_now()
    assert len(list((workspace.state / "backups").iterdir())) == 1
    assert cleaned.hand_edits() is None
    assert "cannot be read" in caplog.text


def test_a_set_that_comes_from_cleaned_csv_is_not_written_over(make_set: Callable[..., Path]) -> None:
    root = make_set(2)
    source = root / "cleaned.csv"
    source.write_text(
        "name,label,split,site\nred/red_000.png,red,train,north\nblue/blue_000.png,blue,valid,=x\n"
    )
    before = hashlib.sha256(source.read_bytes()).hexdigest()
    with Workspace(source, reviewer="ann") as workspace:
        cleaned = workspace.csv_writer(delay_s=3600)
        workspace.store.decide("red/red_000.png", "relabel", "blue")
        cleaned.close()
        assert cleaned.path.name == "cleaned-2.csv"
        assert cleaned.path.read_text() == (
            "name,label,split,site\nblue/blue_000.png,blue,valid,=x\nred/red_000.png,blue,train,north\n"
        )
    assert hashlib.sha256(source.read_bytes()).hexdigest() == before


def test_a_hundred_images_are_written_in_the_order_of_the_catalog(tmp_path: Path) -> None:
    for i in (2, 10, 1):
        make_picture(tmp_path / "set" / "cat" / f"{i}.png", (1, 2, 3), seed=i)
    with Workspace(tmp_path / "set", reviewer="ann") as workspace:
        cleaned = workspace.csv_writer()
        cleaned.write_now()
        cleaned.close()
        assert list(rows(cleaned.path)) == ["cat/1.png", "cat/10.png", "cat/2.png"]


# -------------------------------------------------------------------- the moment later


def test_many_requests_make_one_run() -> None:
    ran = threading.Semaphore(0)
    delayed = Delayed(lambda: ran.release() is None, delay_s=0.1, retry_s=1)
    for _ in range(50):
        delayed.schedule()
    assert ran.acquire(timeout=20)
    assert not delayed.close(timeout_s=20)
    assert not ran.acquire(blocking=False)


def test_a_run_that_failed_is_tried_again() -> None:
    results = [True, False, False]
    done = threading.Event()

    def task() -> bool:
        result = results.pop()
        if result:
            done.set()
        return result

    delayed = Delayed(task, delay_s=0, retry_s=0.01)
    delayed.schedule()
    assert done.wait(20)
    delayed.close(timeout_s=20)
    assert results == []


def test_what_takes_long_rests_until_it_is_done_again_however_often_it_is_asked_for() -> None:
    runs: list[float] = []

    def task() -> bool:
        end_s = time.thread_time() + 0.05
        while time.thread_time() < end_s:
            pass
        runs.append(time.monotonic())
        return True

    delayed = Delayed(task, delay_s=0, retry_s=1, rests=lambda: 20)
    until_s = time.monotonic() + 60
    while len(runs) < 2 and time.monotonic() < until_s:
        delayed.schedule()
        time.sleep(0.01)
    delayed.close(timeout_s=20)
    assert runs[1] - runs[0] >= 20 * 0.05


def test_the_first_run_waits_for_what_it_is_taken_to_take() -> None:
    ran = threading.Event()
    delayed = Delayed(lambda: ran.set() is None, delay_s=0, retry_s=1, rests=lambda: 10, first_s=0.2)
    start_s = time.monotonic()
    delayed.schedule()
    assert ran.wait(60)
    delayed.close(timeout_s=20)
    assert time.monotonic() - start_s >= 10 * 0.2 / 2


def test_what_is_due_can_be_cancelled_and_is_told_on_closing() -> None:
    delayed = Delayed(lambda: True, delay_s=3600, retry_s=1)
    delayed.schedule()
    assert delayed.cancel()
    assert not delayed.cancel()
    delayed.schedule()
    assert delayed.close(timeout_s=20)
    delayed.schedule()
    assert not delayed.close(timeout_s=20)

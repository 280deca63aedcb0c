"""`FileDeleter`: marks, the trash, and every way back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from page_requests import ask

from cleaner.errors import CleanerError, StoreError
from cleaner.widgets.file_deleter import FileDeleter
from cleaner.widgets.sentences import say


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEANER_HOME", str(tmp_path / "home"))


@pytest.fixture
def files(tmp_path: Path, picture: Callable[..., Path]) -> list[Path]:
    """Seven pictures in two folders."""
    return [
        picture(tmp_path / "set" / folder / f"{i}.png", (90, 120, 200), seed=i)
        for i, folder in enumerate(["a", "a", "a", "a", "b", "b", "b"])
    ]


@pytest.fixture
def open_deleter(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., FileDeleter]]:
    """Return a function that opens a deleter, whose messages to the page are kept in ``.sent``."""
    opened: list[FileDeleter] = []

    def build(paths: Any = None, **options: Any) -> FileDeleter:
        made = FileDeleter(files if paths is None else paths, **{"page_size": 4, **options})
        made.sent = []
        monkeypatch.setattr(made.grid, "send", lambda message, buffers=None: made.sent.append(message))
        opened.append(made)
        return made

    yield build
    for made in opened:
        made.close()


def send(deleter: FileDeleter, kind: str, **fields: Any) -> dict[str, Any]:
    """Send a message as the page would, and return the first answer with its id."""
    asked = ask(deleter.grid, deleter.sent, kind, **fields)
    return next(message for message in deleter.sent if message.get("id") == asked)


def page(deleter: FileDeleter) -> dict[str, Any]:
    return send(deleter, "hello")["page"]


def test_pages_show_the_files_in_their_order(open_deleter: Callable[..., FileDeleter]) -> None:
    deleter = open_deleter()
    shown = page(deleter)
    assert [cell["name"] for cell in shown["cells"]] == ["a/0.png", "a/1.png", "a/2.png", "a/3.png"]
    assert shown["title"] == say("review.title_of", number=1, of=2)
    assert shown["summary"] == say("review.files", files="7 files", marked=0)
    assert shown["notice"] == say("review.files_kept", folder=deleter.trash)
    assert send(deleter, "next", page="any")["names"] == ["b/4.png", "b/5.png", "b/6.png"]
    assert deleter.grid.mode == "delete"


def test_confirm_moves_marked_files_to_the_trash_and_undo_brings_them_back(
    open_deleter: Callable[..., FileDeleter], files: list[Path]
) -> None:
    before = [path.read_bytes() for path in files]
    deleter = open_deleter()
    answer = send(deleter, "decide", names=["a/1.png", "a/2.png"], action="delete")
    assert [cell["decision"]["action"] for cell in answer["cells"]] == ["delete", "delete"]
    assert all(path.exists() for path in files)
    shown = page(deleter)
    answer = send(deleter, "confirm", names=["a/0.png", "a/3.png"], page=shown["id"])
    assert answer["said"] == say("review.files_moved", files="2 files")
    assert [path.exists() for path in files] == [True, False, False, True, True, True, True]
    assert deleter.deleted == files[1:3]
    assert deleter.marked == []
    moved = sorted(path.read_bytes() for path in deleter.trash.rglob("*.png"))
    assert moved == sorted(before[1:3])
    assert deleter.sent[-1]["page"]["title"] == say("review.title_of", number=2, of=2)
    answer = send(deleter, "undo")
    assert answer["said"] == say("review.undone_files", files="2 files are")
    assert answer["focus"] == "a/1.png"
    assert [path.read_bytes() for path in files] == before
    assert deleter.sent[-1]["page"]["title"] == say("review.title_of", number=1, of=2)
    assert deleter.deleted == []


def test_marks_are_taken_back_one_act_at_a_time(
    open_deleter: Callable[..., FileDeleter], files: list[Path]
) -> None:
    deleter = open_deleter()
    deleter.mark(files[0])
    deleter.mark(files[1:3])
    deleter.mark(files[0], delete=False)
    assert deleter.marked == files[1:3]
    assert deleter.undo() == say("review.undone_unmarking", files="1 file")
    assert set(deleter.marked) == set(files[:3])
    assert deleter.undo() == say("review.undone_marks", files="2 files")
    assert deleter.undo() == say("review.undone_marks", files="1 file")
    assert deleter.marked == []
    assert deleter.undo() == say("review.nothing_to_undo")


def test_marks_and_files_that_were_brought_back_go_again_with_redo(
    open_deleter: Callable[..., FileDeleter], files: list[Path]
) -> None:
    deleter = open_deleter()
    deleter.mark(files[1:3])
    deleter.confirm_page()
    deleter.undo()
    deleter.undo()
    assert deleter.redo() == say("review.redone_marks", files="2 files")
    assert deleter.marked == files[1:3]
    answer = send(deleter, "redo")
    assert answer["said"] == say("review.files_moved", files="2 files")
    assert (deleter.marked, deleter.deleted) == ([], files[1:3])
    assert [path.exists() for path in files[:4]] == [True, False, False, True]
    assert deleter.redo() == say("review.nothing_to_redo")
    assert deleter.undo() == say("review.undone_files", files="2 files are")
    deleter.mark(files[0])
    assert deleter.redo() == say("review.nothing_to_redo")


def test_marks_on_other_pages_stay_where_they_are(
    open_deleter: Callable[..., FileDeleter], files: list[Path]
) -> None:
    deleter = open_deleter()
    deleter.mark([files[0], files[5]])
    assert deleter.confirm_page() == say("review.files_moved", files="1 file")
    assert deleter.marked == [files[5]]
    assert files[5].exists()


def test_undo_reaches_back_beyond_a_restart(
    open_deleter: Callable[..., FileDeleter], files: list[Path]
) -> None:
    first = open_deleter()
    first.mark(files[1])
    first.confirm_page()
    first.close()
    again = open_deleter()
    assert again.undo() == say("review.undone_files", files="1 file is")
    assert files[1].exists()
    assert again.undo() == say("review.nothing_to_undo")


def test_end_says_how_many_files_are_in_the_trash(
    open_deleter: Callable[..., FileDeleter], files: list[Path]
) -> None:
    deleter = open_deleter()
    deleter.mark(files[0])
    deleter.confirm_page()
    assert deleter.confirm_page() == ""
    shown = page(deleter)
    assert shown["cells"] == []
    assert shown["empty"] == say("review.files_ended", gone="1 file is", folder=deleter.trash)
    assert (shown["can_go_back"], shown["can_go_on"]) == (True, False)
    deleter.previous_page()
    assert len(page(deleter)["cells"]) == 3


def test_file_that_cannot_be_moved_is_named(
    open_deleter: Callable[..., FileDeleter], files: list[Path]
) -> None:
    deleter = open_deleter()
    deleter.mark(files[:2])
    files[0].unlink()
    moved = say("review.files_moved", files="1 file")
    failed = say("review.files_not_moved", files="1 file")
    said = deleter.confirm_page()
    assert said.startswith(f"{moved} {failed} a/0.png: ")


def test_old_confirm_is_refused(open_deleter: Callable[..., FileDeleter], files: list[Path]) -> None:
    deleter = open_deleter()
    old = page(deleter)["id"]
    deleter.mark(files[0])
    deleter.next_page()
    answer = send(deleter, "confirm", names=[], page=old)
    assert answer["kind"] == "refused"
    assert answer["page"]["title"] == say("review.title_of", number=2, of=2)
    assert files[0].exists()


def test_only_marks_are_taken_and_only_on_these_files(open_deleter: Callable[..., FileDeleter]) -> None:
    deleter = open_deleter()
    for action in ("keep", "relabel", "suggest"):
        assert send(deleter, "decide", names=["a/0.png"], action=action)["kind"] == "refused"
    with pytest.raises(StoreError, match=r"^Got 'elsewhere\.png', which is not among the files"):
        deleter.mark("elsewhere.png")


def test_trash_is_that_of_the_data_set(
    open_deleter: Callable[..., FileDeleter], files: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "set" / ".cleaner").mkdir()
    assert open_deleter(files[:2]).trash == tmp_path / "set" / ".cleaner" / "trash"
    assert open_deleter(files[:2], state=tmp_path / "mine").trash == tmp_path / "mine" / "trash"


def test_files_of_one_folder_have_their_trash_in_it(
    open_deleter: Callable[..., FileDeleter], files: list[Path], tmp_path: Path
) -> None:
    assert open_deleter(files[:2]).trash == tmp_path / "set" / "a" / ".cleaner" / "trash"


def test_wrong_arguments_are_refused_with_advice(files: list[Path]) -> None:
    with pytest.raises(TypeError) as caught:
        FileDeleter(files, batch_size=5)
    assert str(caught.value) == (
        "Got the keyword 'batch_size'. FileDeleter takes file paths, and page_size= and state= as keywords."
    )
    with pytest.raises(TypeError, match="expected a list of files"):
        FileDeleter(str(files[0]))
    with pytest.raises(CleanerError, match="Got 0 files and page_size=24"):
        FileDeleter([])


def test_two_of_the_same_file_are_one(open_deleter: Callable[..., FileDeleter], files: list[Path]) -> None:
    deleter = open_deleter([*files, *files])
    assert page(deleter)["summary"] == say("review.files", files="7 files", marked=0)

from __future__ import annotations

import hashlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cleaner.dataset.file_index import FileIndex
from cleaner.errors import Cancelled, StoreError
from cleaner.util.progress import Reporter

Picture = Callable[..., Path]


@pytest.fixture
def index(tmp_path: Path) -> Iterator[FileIndex]:
    made = FileIndex(tmp_path / "state" / "index.db")
    yield made
    made.close()


@pytest.fixture
def root(tmp_path: Path, picture: Picture) -> Path:
    for i in range(3):
        picture(tmp_path / "set" / f"{i}.png", (200, 0, 0), seed=i)
    return tmp_path / "set"


NAMES = ["0.png", "1.png", "2.png"]


class Listener(Reporter):
    def __init__(self, stop_after: int | None = None) -> None:
        self.heard: list[tuple[str, int, int]] = []
        self.stop_after = stop_after

    def __call__(self, stage: str, done: int, total: int, **values: float) -> None:
        self.heard.append((stage, done, total))

    def should_stop(self) -> bool:
        return self.stop_after is not None and len(self.heard) >= self.stop_after


def columns(index: FileIndex, *wanted: str) -> list[tuple[object, ...]]:
    return list(index.table()[list(wanted)].itertuples(index=False, name=None))


def test_a_scan_remembers_content_and_size(index: FileIndex, root: Path) -> None:
    index.scan(root, NAMES)

    assert columns(index, "name", "hash", "size", "width", "height", "problem", "split") == [
        (
            name,
            hashlib.sha256((root / name).read_bytes()).hexdigest(),
            (root / name).stat().st_size,
            24,
            24,
            None,
            None,
        )
        for name in NAMES
    ]


def test_hashes_are_those_of_files_that_could_be_read(index: FileIndex, root: Path) -> None:
    index.scan(root, [*NAMES, "gone.png"])

    assert index.hashes() == {name: hashlib.sha256((root / name).read_bytes()).hexdigest() for name in NAMES}
    some = [NAMES[0], "gone.png", "never there.png"]
    assert index.hashes_of(some) == {NAMES[0]: index.hashes()[NAMES[0]]}


def test_a_second_scan_reads_nothing(index: FileIndex, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index.scan(root, NAMES)
    monkeypatch.setattr("cleaner.dataset.file_index.probe", None)  # reading a file would fail

    index.scan(root, NAMES)

    assert index.stale(root, NAMES).names == []


def test_only_new_and_changed_files_are_stale(index: FileIndex, root: Path, picture: Picture) -> None:
    index.scan(root, NAMES[:2])
    before = dict(columns(index, "name", "hash"))
    picture(root / "1.png", (0, 0, 200), size_px=30)
    os.utime(root / "0.png", ns=(1, 1))

    stale = index.stale(root, NAMES)
    index.scan(root, NAMES)

    assert stale.names == NAMES
    assert stale.size_bytes == sum((root / name).stat().st_size for name in NAMES)
    after = dict(columns(index, "name", "hash"))
    assert after["0.png"] == before["0.png"]
    assert after["1.png"] != before["1.png"]


def test_problems_are_found_kept_and_forgotten_when_the_file_is_repaired(
    index: FileIndex, root: Path, picture: Picture
) -> None:
    (root / "0.png").write_bytes(b"")
    index.scan(root, [*NAMES, "gone.png"])
    index.set_problems({"1.png": "truncated: the file ends early"})
    index.scan(root, NAMES)

    assert dict(columns(index, "name", "problem")) == {
        "0.png": "empty file",
        "1.png": "truncated: the file ends early",
        "2.png": None,
        "gone.png": "there is no such file",
    }

    index.set_problems({"1.png": None})
    assert dict(columns(index, "name", "problem"))["1.png"] is None
    index.set_problems({"1.png": "truncated: the file ends early"})
    for name in NAMES[:2]:
        picture(root / name, (9, 9, 9), size_px=31)
    index.scan(root, NAMES)
    assert dict(columns(index, "name", "problem"))["0.png"] is None
    assert dict(columns(index, "name", "problem"))["1.png"] is None


def test_a_file_that_could_not_be_read_is_tried_again(
    index: FileIndex, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Path.read_bytes

    def refuses(self: Path) -> bytes:
        if self.name == "1.png":
            raise PermissionError(13, "denied", str(self))
        return read(self)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", refuses)
        index.scan(root, NAMES)
    assert columns(index, "problem") == [(None,), ("cannot be read",), (None,)]

    index.scan(root, NAMES)

    assert columns(index, "problem") == [(None,)] * 3


def test_decoding_finds_files_that_end_early_and_is_done_once(index: FileIndex, root: Path) -> None:
    whole = (root / "1.png").read_bytes()
    (root / "1.png").write_bytes(whole[: len(whole) // 2])
    index.scan(root, NAMES)
    assert columns(index, "problem", "decoded") == [(None, 0)] * 3

    index.scan(root, NAMES, decode=True)

    assert columns(index, "problem", "decoded") == [
        (None, 1),
        ("truncated: the file ends early", 1),
        (None, 1),
    ]
    assert index.stale(root, NAMES, decode=True).names == []


def test_a_file_too_large_to_read_at_once_has_the_same_hash(
    index: FileIndex, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cleaner.dataset.file_index._READ_WHOLE_BYTES", 10)

    index.scan(root, NAMES)

    assert columns(index, "hash", "width") == [
        (hashlib.sha256((root / name).read_bytes()).hexdigest(), 24) for name in NAMES
    ]


def test_splits_are_remembered_whatever_happens_to_the_file(index: FileIndex, root: Path) -> None:
    index.set_splits({"0.png": "valid", "gone.png": "train"}, given={"0.png": "valid"})
    index.scan(root, NAMES)
    index.set_splits({"1.png": "test"})
    index.set_splits({"0.png": "train", "1.png": "train", "gone.png": "valid"}, given={"0.png": "valid"})
    index.set_splits({"gone.png": "test"}, given={"gone.png": "test"})

    assert index.splits() == {
        "0.png": ("valid", "valid"),
        "1.png": ("test", None),
        "gone.png": ("test", "test"),
    }


def test_progress_is_reported_up_to_the_end(index: FileIndex, root: Path) -> None:
    listener = Listener()

    index.scan(root, NAMES, reporter=listener)

    assert listener.heard[-1] == ("reading pictures", 3, 3)


def test_a_scan_that_is_stopped_keeps_what_it_has_read(
    index: FileIndex, tmp_path: Path, picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cleaner.dataset.file_index._REPORT_EVERY", 5)
    names = [f"{i}.png" for i in range(30)]
    for i, name in enumerate(names):
        picture(tmp_path / "many" / name, (100, 0, 0), seed=i, size_px=8)

    with pytest.raises(Cancelled):
        index.scan(tmp_path / "many", names, reporter=Listener(stop_after=2))
    assert len(index.table()) == 10

    index.scan(tmp_path / "many", names)
    assert len(index.table()) == 30


def test_swapped_files_of_one_size_and_time_are_noticed(index: FileIndex, tmp_path: Path) -> None:
    for name, text in (("a.png", b"one"), ("b.png", b"two")):
        (tmp_path / name).write_bytes(text)
        os.utime(tmp_path / name, (1e9, 1e9))
    index.scan(tmp_path, ["a.png", "b.png"])
    before = index.hashes()
    (tmp_path / "a.png").rename(tmp_path / "c.png")
    (tmp_path / "b.png").rename(tmp_path / "a.png")
    (tmp_path / "c.png").rename(tmp_path / "b.png")

    assert index.stale(tmp_path, ["a.png", "b.png"]).names == ["a.png", "b.png"]
    index.scan(tmp_path, ["a.png", "b.png"])
    assert index.hashes() == {"a.png": before["b.png"], "b.png": before["a.png"]}


def test_what_decoding_told_of_a_file_holds_after_it_was_only_touched(index: FileIndex, root: Path) -> None:
    cut = root / "cut.png"
    cut.write_bytes((root / "0.png").read_bytes()[:-60])
    index.scan(root, ["cut.png"], decode=True)
    before = index.table()
    assert before["problem"].notna().all()
    os.utime(cut, (1e9, 1e9))

    index.scan(root, ["cut.png"])

    columns = ["name", "hash", "problem", "decoded"]
    assert index.table()[columns].equals(before[columns])


def test_an_index_of_an_earlier_version_is_not_read_anew(index: FileIndex, root: Path) -> None:
    index.scan(root, NAMES)
    index.close()
    connection = sqlite3.connect(index.db)
    with connection:
        connection.execute("ALTER TABLE files DROP COLUMN entry")
    connection.close()

    again = FileIndex(index.db)
    assert again.stale(root, NAMES).names == []
    for name, other in ((NAMES[0], "aside"), (NAMES[1], NAMES[0]), ("aside", NAMES[1])):
        (root / name).rename(root / other)  # and from now on a swap is noticed
    assert again.stale(root, NAMES).names == NAMES[:2]
    again.close()


def test_names_of_all_kinds_are_kept(index: FileIndex, tmp_path: Path, picture: Picture) -> None:
    names = ["ü 日本, \"two\" 'one'.png", "-rf.png", "a'; DROP TABLE files; --.png", "l\n1.png"]
    for name in names:
        picture(tmp_path / "odd" / name, (1, 2, 3))

    index.scan(tmp_path / "odd", names)

    assert set(index.table()["name"]) == set(names)


def test_what_was_remembered_is_there_after_opening_again(index: FileIndex, root: Path) -> None:
    index.scan(root, NAMES)
    index.set_splits({"0.png": "valid"})
    before = index.table()
    index.close()

    again = FileIndex(index.db)

    assert again.table().equals(before)
    assert again.splits() == {"0.png": ("valid", None)}
    again.close()


def test_two_processes_can_write_at_once(index: FileIndex) -> None:
    code = (
        "import sys; from pathlib import Path; from cleaner.dataset.file_index import FileIndex\n"
        "index = FileIndex(Path(sys.argv[1]))\n"
        "for i in range(40): index.set_splits({f'{sys.argv[2]}{i}': 'train'})\n"
    )
    command = [sys.executable, "-c", code, str(index.db)]
    others = [subprocess.Popen([*command, letter]) for letter in "ab"]
    for i in range(40):
        index.set_splits({f"c{i}": "valid"})

    assert [other.wait(60) for other in others] == [0, 0]
    assert len(index.splits()) == 120


def test_a_damaged_database_is_put_aside(tmp_path: Path, root: Path) -> None:
    db = tmp_path / "index.db"
    db.write_bytes(b"no database at all" * 100)

    index = FileIndex(db)
    index.scan(root, NAMES)

    assert len(index.table()) == 3
    assert (tmp_path / "index.db.damaged").read_bytes().startswith(b"no database")
    index.close()


def test_a_place_that_cannot_hold_a_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(StoreError, match=r"^Cannot open the file index .*--state\.$"):
        FileIndex(tmp_path / "file" / "index.db")


def test_errors_of_the_database_are_ours(index: FileIndex) -> None:
    connection = sqlite3.connect(index.db)
    with connection:
        connection.execute("DROP TABLE files")
    connection.close()

    with pytest.raises(StoreError, match=r"^Cannot use the file index .*It holds no decisions: delete it\.$"):
        index.table()

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cleaner.util.atomic import write_atomically


@pytest.mark.parametrize("durable", [False, True])
def test_a_file_is_made_and_replaced_whole(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "a.csv"
    write_atomically(path, b"one", durable=durable)
    write_atomically(path, b"two", durable=durable)

    assert path.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"old")

    def locked(self: Path, target: Path) -> None:
        raise PermissionError(13, "a spreadsheet holds it", str(target))

    monkeypatch.setattr(Path, "replace", locked)
    with pytest.raises(PermissionError):
        write_atomically(path, b"new")

    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_colleagues_can_read_what_is_written(tmp_path: Path) -> None:
    plain, atomic = tmp_path / "plain", tmp_path / "atomic"
    plain.write_bytes(b"x")
    write_atomically(atomic, b"x")

    assert atomic.stat().st_mode == plain.stat().st_mode

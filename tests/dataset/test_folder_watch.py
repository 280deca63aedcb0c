"""Files that come and go while a set is open."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cleaner.dataset.folder_watch import FolderWatch

NAMES = ["top.png", "cat/a.png", "cat/b.png", "dog/c.png"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in NAMES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def long_ago(*folders: Path) -> None:
    """Make what happens next later than what was before, however coarse the clock of the disk is."""
    for folder in folders:
        os.utime(folder, (1e9, 1e9))


def test_what_is_renamed_moved_or_deleted_is_gone_until_it_comes_back(root: Path) -> None:
    long_ago(root, root / "cat", root / "dog")
    watch = FolderWatch(root, [*NAMES, "archive.zip/d.png"])
    (root / "cleaned.csv").touch()
    assert watch.gone() == []
    (root / "cat" / "a.png").rename(root / "cat" / "z.png")
    assert watch.gone() == watch.gone() == ["cat/a.png"]
    long_ago(root / "cat")
    (root / "dog").rename(root / "hound")
    (root / "cat" / "z.png").rename(root / "cat" / "a.png")
    assert watch.gone() == ["dog/c.png"]

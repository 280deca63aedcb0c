"""The folder of the user, and the data sets opened lately."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cleaner.dataset.user import home, recent, remember


def test_the_home_is_what_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEANER_HOME", str(tmp_path / "mine"))
    assert home() == tmp_path / "mine"
    monkeypatch.delenv("CLEANER_HOME")
    assert home().name == "cleaner"


def test_recent_sets_come_last_first_and_once(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    remember(tmp_path / "a", None, None, 3)
    remember(tmp_path / "b", None, tmp_path / "state", 4)
    remember(tmp_path / "a", None, None, 5)

    assert [(found.root.name, found.state, found.count) for found in recent()] == [
        ("a", None, 5),
        ("b", tmp_path / "state", 4),
    ]
    assert recent()[0].opened.tzinfo is not None


def test_recent_sets_that_are_gone_are_not_listed_and_the_list_is_bounded(tmp_path: Path) -> None:
    for i in range(30):
        (tmp_path / f"{i}").mkdir()
        remember(tmp_path / f"{i}", None, None, i)
    (tmp_path / "29").rmdir()

    assert [found.root.name for found in recent()] == [str(i) for i in range(28, 9, -1)]


@pytest.mark.parametrize("text", ["", "{", "[1]", '[{"root": 1}]', "{}", '"x"'])
def test_a_damaged_list_is_an_empty_one(text: str) -> None:
    home().mkdir(exist_ok=True)
    (home() / "recent.json").write_text(text)

    assert recent() == []
    remember(Path("/"), None, None, 1)
    assert len(json.loads((home() / "recent.json").read_text())) == 1

"""Each table of a folder has a result file of its own, and keeps it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cleaner.dataset.results import ResultFile
from cleaner.errors import CatalogError


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "bears" / ".cleaner"
    folder.mkdir(parents=True)
    for table in ("one.csv", "two.csv", "sub/one.csv", "TWO.csv", "cleaned.csv", "two.tsv"):
        path = tmp_path / "bears" / table
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return folder


def result(state: Path, labels: str | None = None, *, owner: str | None = None) -> ResultFile:
    root = state.parent
    table = None if labels is None else root / labels
    return ResultFile(root, state, owner=owner or f"bears/{labels}", root=root, labels=table)


def test_the_first_that_takes_it_has_cleaned_csv_and_others_have_their_own(state: Path) -> None:
    wanted = {
        "one.csv": "cleaned.csv",
        "two.csv": "two.cleaned.csv",
        "sub/one.csv": "one.cleaned.csv",
        "TWO.csv": "TWO.cleaned-2.csv",  # one file on Windows and macOS
        "two.tsv": "two.cleaned-3.csv",
    }
    assert result(state, "two.csv").path.name == "cleaned.csv"  # nobody has taken it yet
    for table, name in wanted.items():
        assert result(state, table).claim().name == name
    for table, name in wanted.items():
        assert result(state, table).path.name == result(state, table).claim().name == name
    assert result(state).claim().name == "bears.cleaned.csv"
    assert [result(state, table).first for table in wanted] == [True, False, False, False, False]


def test_the_folder_set_keeps_cleaned_csv_when_it_comes_first(state: Path) -> None:
    assert result(state).claim().name == "cleaned.csv"
    assert result(state, "one.csv").claim().name == "one.cleaned.csv"


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        ("cleaned.csv", "cleaned-2.csv"),
        ("one.cleaned.csv", "one.cleaned-2.csv"),
        ("my-cleaned.csv", "cleaned.csv"),
    ],
)
def test_the_result_is_never_the_file_of_the_labels(state: Path, labels: str, name: str) -> None:
    (state.parent / labels).touch()
    assert result(state, labels).claim().name == name


def test_a_table_that_is_renamed_keeps_its_result(state: Path) -> None:
    assert result(state, "two.csv").claim().name == "cleaned.csv"
    assert result(state, "one.csv", owner="set").claim().name == "one.cleaned.csv"
    assert result(state, "uno.csv", owner="set").claim().name == "one.cleaned.csv"


def test_another_name_can_be_chosen_and_stays(state: Path) -> None:
    assert result(state, "two.csv").claim().name == "cleaned.csv"
    (state.parent / "one.cleaned-2.csv").touch()
    one = result(state, "one.csv")
    assert one.free().name == "one.cleaned-3.csv"
    one.choose("final.csv")
    assert result(state, "one.csv").path.name == "final.csv"
    assert result(state, "one.csv").free().name == "final-2.csv"


@pytest.mark.parametrize(
    "name", ["../out.csv", "a/b.csv", "a\\b.csv", "table.txt", "", "Cleaned.csv", "ONE.csv"]
)
def test_a_name_that_cannot_be_is_refused_with_one_that_can(state: Path, name: str) -> None:
    result(state, "two.csv").claim()
    with pytest.raises(CatalogError, match=r"such as one\.cleaned-2\.csv\.$"):
        result(state, "one.csv").choose(name)
    assert result(state, "one.csv").path.name == "one.cleaned.csv"


def test_other_files_are_named_after_the_result(state: Path) -> None:
    assert result(state, "two.csv").named("decisions").name == "decisions.csv"
    result(state).claim()
    assert result(state, "two.csv").named("decisions").name == "two.decisions.csv"
    result(state, "two.csv").choose("final.csv")
    assert result(state, "two.csv").named("decisions").name == "final.decisions.csv"


@pytest.mark.parametrize("text", ["", "{", "[1]"])
def test_a_damaged_memory_is_begun_anew(state: Path, text: str) -> None:
    (state / "results.json").write_text(text)
    assert result(state, "two.csv").claim().name == "cleaned.csv"
    assert json.loads((state / "results.json").read_text()) == {"bears/two.csv": "cleaned.csv"}

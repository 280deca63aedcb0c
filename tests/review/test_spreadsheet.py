"""What spreadsheet programs do to text is told from what people change in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleaner.review.output.hand_edits import SPREADSHEET, differences
from cleaner.review.output.spreadsheet import is_at_risk, may_become, misread, originals
from cleaner.util.csvfile import csv_text

REWRITTEN = [
    ("007", "7"), ("1.0", "1"), ("0.50", "0.5"), ("1.5", "1,5"), ("1.5", "01. Mai"), ("+5", "5"), ("00", "0"),
    ("1e5", "100000"), ("1e5", "1,00E+05"), ("1E3", "1.00E+03"), ("10%", "10.00%"), ("1,000", "1000"),
    ("12345678901234567890", "1.23457E+19"), ("12345678901234567890", "12345678901234500000"),
    ("2020-01-02", "02/01/2020"), ("2020-01-02", "1/2/2020"), ("2020-01-02", "02.01.20"), ("1-2", "1-Feb"),
    ("2020-01-02T03:04", "02.01.2020 03:04"), ("MARCH1", "1-Mar"), ("SEPT2", "02. Sep"), ("1-2", "02. Jan"),
    ("1/2", "2-Jan"), ("DEC1", "01. Dez"), ("Mar 2020", "Mar-20"), ("2-3-20", "02.03.2020"),
    ("3-4", "3 avr."),
    ("true", "TRUE"), ("True", "TRUE"), ("true", "WAHR"), ("false", "FAUX"), ("1:30", "01:30:00"),
    ("13:05", "1:05 PM"), ("=cat", "#NAME?"), ("-x", "#NAME?"), ("@x", "#WERT!"), ("Zürich", "ZÃ¼rich"),
    ("猫", "?"), ("猫", "_"), ("é", "Ž"), ("é", "e\u0301"),
]  # fmt: skip
CHANGED = [
    ("cat", "dog"), ("cat", "CAT"), ("007", "8"), ("7", "70"), ("1-2", "3-4"), ("1-2", "1-3"), ("12", "13"),
    ("true", "FALSE"), ("2020-01-02", "2020-01-03"), ("MARCH1", "2-Mar"), ("cat 1", "cat 2"), ("100", "101"),
    ("mars", "mar"), ("Zürich", "Zurich"), ("5", ""), ("", "0"), ("12345678", "12345679"), ("1e5", "2E+05"),
    ("1:30", "1:31"), ("cat", "#NAME?"), ("dec", "dez"), ("猫", "犬"), ("7", "7"), ("0", "1"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "other"), REWRITTEN)
def test_what_programs_make_of_a_text_is_recognised(text: str, other: str) -> None:
    assert may_become(text, other)
    assert is_at_risk(text)


@pytest.mark.parametrize(("text", "other"), CHANGED)
def test_what_people_change_is_not_taken_for_it(text: str, other: str) -> None:
    assert not may_become(text, other)


@given(st.text(max_size=12), st.text(max_size=12))
def test_any_text_can_be_asked_about(text: str, other: str) -> None:
    assert not may_become(text, text)
    assert is_at_risk(text) or not may_become(text, other)
    assert not (may_become(text, other) and text.isalpha() and text.isascii() and other.isdigit())


def test_names_are_found_again_where_one_alone_fits() -> None:
    missing = ["ä/1.png", "ö/1.png", "007", "猫.png", "犬.png"]
    strange = ["Ã¤/1.png", "7", "?.png", "new.png"]
    assert originals(missing, strange) == {"Ã¤/1.png": "ä/1.png", "7": "007"}
    assert "Ã¤/1.png" in misread("ä/1.png")
    assert misread("plain") == set()


LABELS = {"a": "007", "b": "007", "c": "012", "d": "012", "e": "1-2", "f": "cat", "g": "Zoë", "h": "12x"}


def table(labels: dict[str, str]) -> bytes:
    return csv_text(["name", "label", "split"], [(n, label, "train") for n, label in labels.items()]).encode()


def changes(found: bytes, base: dict[str, str] = LABELS) -> list[list[str | None]]:
    edits = differences(found, base=table(base), present=table(base), images=frozenset(base), file="c.csv")
    return edits.to_numpy().tolist()


def damage(*rows: tuple[str, str, str]) -> list[list[str]]:
    return [[name, SPREADSHEET, was, written] for name, was, written in rows]


PROGRAM = {"007": "7", "012": "12", "1-2": "02. Jan"}
BY_PROGRAM = [
    ("a", "007", "7"), ("b", "007", "7"), ("c", "012", "12"), ("d", "012", "12"), ("e", "1-2", "02. Jan")
]  # fmt: skip


def saved(labels: dict[str, str]) -> bytes:
    """As a German program saves it: semicolons, Windows' line ends and encoding."""
    rows = [f"{name};{PROGRAM.get(label, label)};train" for name, label in labels.items()]
    return "\r\n".join(["name;label;split", *rows]).encode("cp1252")


def test_a_file_that_a_program_saved_has_no_edits() -> None:
    assert changes(saved(LABELS)) == damage(*BY_PROGRAM)


def test_real_edits_in_such_a_file_are_found_and_read_as_they_were_meant() -> None:
    edited = {**LABELS, "f": "012", "g": "dog"}
    del edited["d"]
    assert changes(saved(edited)) == [
        ["d", "deleted", "012", None],
        ["f", "label", "cat", "012"],
        ["g", "label", "Zoë", "dog"],
        *damage(*(row for row in BY_PROGRAM if row[0] != "d"), ("f", "012", "12")),
    ]


def test_a_change_of_one_image_of_a_class_is_an_edit() -> None:
    assert changes(table({**LABELS, "a": "7"})) == [["a", "label", "007", "7"]]


def test_a_class_that_became_another_class_is_an_edit_unless_a_program_saved_the_file() -> None:
    base = {"a": "007", "b": "7", "c": "cat"}
    edited = {**base, "a": "7"}
    assert changes(table(edited), base) == [["a", "label", "007", "7"]]
    assert changes(b"\xef\xbb\xbf" + table(edited), base) == damage(("a", "007", "7"))


def test_images_whose_names_came_back_in_another_encoding_are_not_deleted() -> None:
    base = {"Zoë/1.png": "Zoë", "猫/1.png": "cat", "plain.png": "cat"}
    assert changes(table(base).decode().encode("cp1252", "replace"), base) == damage(
        ("猫/1.png", "猫/1.png", "?/1.png")
    )
    assert changes(table(base).decode("cp1252", "replace").encode(), base) == damage(
        ("Zoë/1.png", "Zoë/1.png", "ZoÃ«/1.png"),
        ("猫/1.png", "猫/1.png", "çŒ«/1.png"),
        ("Zoë/1.png", "Zoë", "ZoÃ«"),
    )

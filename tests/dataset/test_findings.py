"""Findings: what people have read once is not told again, and what is said anew is."""

from pathlib import Path

import pytest

from cleaner.dataset.findings import Finding, ReadFindings

SURE = Finding(topic="splits", text="train and valid are splits.")
DOUBT = Finding(topic="masks", text="These may be drawings.", doubtful=True, examples=("masks",))


def test_names_that_the_text_has_already_are_not_told_again() -> None:
    assert DOUBT.unsaid == ("masks",)
    assert Finding(topic="a", text="See b and c.", examples=("b", "c")).unsaid == ()
    assert Finding(topic="a", text="See b and one more.", examples=("b", "c")).unsaid == ("b", "c")
    assert SURE.unsaid == ()


def test_only_doubtful_findings_are_to_be_read(tmp_path: Path) -> None:
    assert ReadFindings(tmp_path, "page").unread([SURE, DOUBT]) == [DOUBT]


def test_what_was_read_is_remembered_for_its_place_alone(tmp_path: Path) -> None:
    ReadFindings(tmp_path, "terminal").add([SURE, DOUBT])
    assert ReadFindings(tmp_path, "terminal").unread([SURE, DOUBT]) == []
    assert ReadFindings(tmp_path, "page").unread([SURE, DOUBT]) == [DOUBT]


def test_another_sentence_is_told_though_one_of_its_topic_was_read(tmp_path: Path) -> None:
    read = ReadFindings(tmp_path, "page")
    read.add([DOUBT])
    other = Finding(topic="masks", text="All of these may be masks.", doubtful=True)
    assert read.unread([DOUBT, other]) == [other]
    read.add([other])
    assert read.unread([DOUBT, other]) == []


@pytest.mark.parametrize("damaged", [b"", b"{", b"7", b"[[1]]", b"\xff"])
def test_a_damaged_memory_tells_again(tmp_path: Path, damaged: bytes) -> None:
    read = ReadFindings(tmp_path, "page")
    read.add([DOUBT])
    for path in tmp_path.iterdir():
        path.write_bytes(damaged)
    assert read.unread([DOUBT]) == [DOUBT]


def test_where_nothing_can_be_written_it_is_told_again(tmp_path: Path) -> None:
    read = ReadFindings(tmp_path / "absent", "page")
    read.add([DOUBT])
    assert read.unread([DOUBT]) == [DOUBT]

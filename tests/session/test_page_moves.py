"""Looking ahead, opening a page again, and swapping an untouched one."""

from __future__ import annotations

from pathlib import Path

import pytest

from cleaner.session.pages import Page, Pager

NAMES = [f"{i:02d}.jpg" for i in range(10)]


@pytest.fixture
def decided() -> set[str]:
    return set()


def make(decided: set[str], saved: Path | None = None) -> Pager:
    return Pager(NAMES, page_size=3, is_decided=decided.__contains__, saved=saved)


def test_peek_names_what_next_shows_and_moves_nothing(decided: set[str]) -> None:
    pager = make(decided)
    decided.add("03.jpg")
    assert pager.peek() == ("04.jpg", "05.jpg", "06.jpg")
    assert pager.current == Page(1, ("00.jpg", "01.jpg", "02.jpg"))
    decided.update(NAMES[:3])
    assert pager.next() == Page(2, ("04.jpg", "05.jpg", "06.jpg"))
    assert pager.previous() is not None
    assert pager.peek() == ("04.jpg", "05.jpg", "06.jpg")


def test_peek_on_the_last_page_names_nothing(decided: set[str]) -> None:
    pager = make(decided)
    for _ in range(3):
        decided.update(pager.current.names if pager.current else ())
        pager.next()
    assert pager.peek() == ()


def test_open_finds_the_page_of_an_image(decided: set[str]) -> None:
    pager = make(decided)
    pager.next()
    pager.next()
    assert pager.open(["04.jpg", "05.jpg"]) == Page(2, ("03.jpg", "04.jpg", "05.jpg"))
    assert pager.has_previous


def test_open_makes_a_page_for_images_of_an_earlier_session(decided: set[str], tmp_path: Path) -> None:
    saved = tmp_path / "pages.json"
    decided.update(NAMES[:3])
    pager = make(decided, saved)
    assert pager.current == Page(1, ("03.jpg", "04.jpg", "05.jpg"))
    decided.difference_update(NAMES[:3])
    assert pager.open(["00.jpg", "02.jpg"]) == Page(1, ("00.jpg", "02.jpg"), again=True)
    assert pager.next() == Page(2, ("03.jpg", "04.jpg", "05.jpg"))


def test_open_makes_no_page_that_is_too_long(decided: set[str], tmp_path: Path) -> None:
    decided.update(NAMES[:7])
    pager = make(decided)
    decided.clear()
    assert pager.open(NAMES[:7]) == Page(1, ("00.jpg", "01.jpg", "02.jpg"), again=True)


def test_open_stays_where_it_is_for_strangers(decided: set[str]) -> None:
    pager = make(decided)
    assert pager.open(["elsewhere.jpg"]) is None
    assert pager.current == Page(1, ("00.jpg", "01.jpg", "02.jpg"))


def test_untouched_open_page_is_swapped_for_the_new_order(decided: set[str]) -> None:
    pager = make(decided)
    pager.reorder(NAMES[::-1], swap=True)
    assert pager.current == Page(1, ("09.jpg", "08.jpg", "07.jpg"))
    decided.update(pager.current.names)
    pager.next()
    assert pager.current == Page(2, ("06.jpg", "05.jpg", "04.jpg"))


def test_open_page_with_a_decision_stays_under_a_new_order(decided: set[str]) -> None:
    pager = make(decided)
    decided.add("01.jpg")
    pager.reorder(NAMES[::-1], swap=True)
    assert pager.current == Page(1, ("00.jpg", "01.jpg", "02.jpg"))
    assert pager.peek() == ("09.jpg", "08.jpg", "07.jpg")


def test_new_order_fills_a_view_that_was_empty(decided: set[str]) -> None:
    pager = Pager([], page_size=3, is_decided=decided.__contains__)
    assert pager.current is None
    pager.reorder(NAMES)
    assert pager.current == Page(1, ("00.jpg", "01.jpg", "02.jpg"))


def test_there_is_a_next_page_while_anything_elsewhere_is_undecided(decided: set[str]) -> None:
    pager = make(decided)
    decided.update(NAMES[3:])
    assert not pager.has_next
    decided.remove("07.jpg")
    assert pager.has_next
    assert pager.next() == Page(2, ("07.jpg",))
    decided.update(NAMES)
    assert not pager.has_next
    pager.previous()
    assert pager.has_next

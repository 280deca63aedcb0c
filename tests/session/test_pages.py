"""Pages: what was shown stays, nothing is lost, nothing is shown twice as new."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleaner.errors import StoreError
from cleaner.review.events import Blind
from cleaner.review.opinions import Due
from cleaner.session.pages import Page, Pager, pages_file
from cleaner.session.view import GridView


def pager(names: Any, decided: set[str] | None = None, size: int = 2, **more: Any) -> Pager:
    decided = set() if decided is None else decided
    return Pager(names, page_size=size, is_decided=lambda name: name in decided, **more)


def names_of(page: Page | None) -> str:
    return "".join(page.names) if page else ""


def test_opening_shows_the_first_undecided_images() -> None:
    p = pager("abcdef", {"a", "c"})
    assert names_of(p.current) == "bd"
    assert p.current == Page(number=1, names=("b", "d"))
    assert not p.resumed


def test_pages_follow_one_another_and_go_back() -> None:
    p = pager("abcde")
    assert names_of(p.next()) == "cd"
    assert names_of(p.next()) == "e"
    assert names_of(p.previous()) == "cd"
    assert names_of(p.previous()) == "ab"
    assert p.previous() is None
    assert names_of(p.current) == "ab"
    assert names_of(p.next()) == "cd"


def test_a_shown_page_stays_whatever_is_decided_or_reordered() -> None:
    decided: set[str] = set()
    p = pager("abcdef", decided)
    decided |= {"a"}
    p.next()
    p.reorder("fedcba")
    assert names_of(p.previous()) == "ab"
    assert names_of(p.next()) == "cd"
    assert names_of(p.next()) == "fe"


def test_reordering_takes_new_names_in_and_loses_none() -> None:
    p = pager("abcd")
    p.reorder("xd")
    assert [names_of(p.next()), names_of(p.next())] == ["xd", "c"]
    assert p.total == 5


def test_images_decided_elsewhere_are_passed_over_and_come_back_when_undone() -> None:
    decided = {"c", "d"}
    p = pager("abcdefgh", decided)
    assert names_of(p.next()) == "ef"
    decided.clear()
    assert names_of(p.next()) == "cd"


def test_after_a_confirm_pages_that_are_done_are_skipped() -> None:
    decided: set[str] = set()
    p = pager("abcdefgh", decided)
    p.next()
    p.next()
    p.previous()
    p.previous()
    decided |= set("abcd")
    assert names_of(p.next(skip_decided=True)) == "ef"
    p.previous()
    assert names_of(p.next()) == "ef"


def test_at_the_end_nothing_moves() -> None:
    decided: set[str] = set()
    p = pager("abcd", decided)
    p.next()
    decided |= set("abcd")
    assert p.next(skip_decided=True) is None
    assert names_of(p.current) == "cd"
    p.previous()
    assert p.next(skip_decided=True) is None
    assert names_of(p.current) == "ab"


def test_images_passed_over_are_offered_again_at_the_end_round_after_round() -> None:
    decided: set[str] = set()
    p = pager("abcdef", decided)
    p.next()
    decided |= {"c"}
    p.next()
    pages = [p.next() for _ in range(5)]
    assert [names_of(page) for page in pages] == ["ab", "de", "f", "ab", "de"]
    assert all(page is not None and page.again for page in pages)


def test_what_is_open_is_not_offered_again_at_once() -> None:
    p = pager("ab")
    assert p.next() is None
    assert names_of(p.current) == "ab"


def test_images_shown_elsewhere_come_last() -> None:
    p = pager("abcd", shown="ax")
    assert [names_of(p.current), names_of(p.next()), names_of(p.next())] == ["bc", "d", "ab"]


def test_an_empty_or_finished_view_has_no_page() -> None:
    assert pager("").current is None
    done = pager("ab", {"a", "b"})
    assert done.current is None
    assert done.next() is None
    assert done.previous() is None
    assert (done.remaining, done.undecided, done.total) == (0, 0, 2)


def test_the_counts_tell_what_is_left() -> None:
    decided: set[str] = set()
    p = pager("abcdef", decided)
    assert (p.remaining, p.undecided) == (4, 6)
    decided |= {"a", "f"}
    assert (p.remaining, p.undecided) == (3, 4)
    assert not p.has_previous
    p.next()
    assert p.has_previous


def test_a_new_page_size_holds_for_pages_not_shown_yet() -> None:
    p = pager("abcdefg")
    p.page_size = 3
    assert names_of(p.next()) == "cde"
    assert names_of(p.previous()) == "ab"
    with pytest.raises(StoreError) as caught:
        p.page_size = 0
    assert str(caught.value) == "Got a page size of 0; expected at least 1."


def test_a_name_may_come_once_only() -> None:
    with pytest.raises(StoreError) as caught:
        pager("aba")
    assert str(caught.value) == "Got an image twice in the order of the pages; expected every name once."


# -------------------------------------------------------------------- resuming


def test_opening_resumes_on_the_page_that_was_open(tmp_path: Path) -> None:
    saved = pages_file(tmp_path, "ann")
    decided: set[str] = set()
    first = pager("abcdef", decided, saved=saved)
    first.next()
    decided |= {"c"}
    again = pager("fedcba", decided, saved=saved)  # ranked anew in the meantime
    assert again.resumed
    assert names_of(again.current) == "cd"
    assert names_of(again.next()) == "fe"


def test_a_page_that_is_done_is_not_resumed(tmp_path: Path) -> None:
    saved = pages_file(tmp_path, "ann")
    decided: set[str] = set()
    pager("abcdef", decided, saved=saved)
    decided |= set("ab")
    again = pager("abcdef", decided, saved=saved)
    assert not again.resumed
    assert names_of(again.current) == "cd"


def test_a_resumed_page_leaves_out_images_that_are_gone(tmp_path: Path) -> None:
    saved = pages_file(tmp_path, "ann")
    pager("abcdef", saved=saved)
    assert names_of(pager("bcdef", saved=saved).current) == "b"


def test_every_view_has_its_own_page(tmp_path: Path) -> None:
    saved = pages_file(tmp_path, "ann")
    pager("abcd", saved=saved).next()
    cats = pager("abcd", saved=saved, view=GridView(given="cat"))
    assert names_of(cats.current) == "ab"
    assert names_of(pager("abcd", saved=saved).current) == "cd"
    assert names_of(pager("abcd", saved=saved, view=GridView(given="cat")).current) == "ab"
    assert names_of(pager("abcd", saved=saved, view=GridView(given="cat", split="valid")).current) == "ab"


def test_reviewers_have_files_of_their_own(tmp_path: Path) -> None:
    files = {pages_file(tmp_path, who).name for who in ("ann", "bob", "Zoë", "Zo_", "../ann", "a/b", "猫")}
    assert len(files) == 7
    assert "pages-ann.json" in files
    assert all("/" not in name and name.isascii() for name in files)


def test_a_file_that_cannot_be_read_or_written_only_loses_the_place(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    saved = pages_file(tmp_path, "ann")
    for text in ("{", "[]", '{"views": 3}', '{"views": {"a": 3}}'):
        saved.write_text(text)
        with caplog.at_level(logging.WARNING):
            assert names_of(pager("abcd", saved=saved).current) == "ab"
    assert "The open page is forgotten" in caplog.text
    with caplog.at_level(logging.WARNING):
        assert names_of(pager("abcd", saved=tmp_path / "no folder" / "pages.json").current) == "ab"
    assert "The open page cannot be remembered" in caplog.text


def test_only_the_last_hundred_views_are_remembered(tmp_path: Path) -> None:
    saved = pages_file(tmp_path, "ann")
    for i in range(105):
        pager("ab", saved=saved, view=GridView(given=str(i)))
    views = json.loads(saved.read_text())["views"]
    assert len(views) == 100
    assert GridView(given="104").key in views
    assert GridView(given="4").key not in views


# -------------------------------------------------------------------- whatever the reviewer does

NAMES = "abcdefghijklmnop"
STEPS = st.lists(
    st.one_of(
        st.just(("next",)),
        st.just(("advance",)),
        st.just(("previous",)),
        st.just(("confirm",)),
        st.tuples(st.just("decide"), st.sampled_from(NAMES)),
        st.tuples(st.just("undo"), st.sampled_from(NAMES)),
        st.tuples(st.just("reorder"), st.permutations(NAMES)),
    ),
    max_size=40,
)


@given(st.integers(1, 5), STEPS)
@settings(max_examples=300, deadline=None)
def test_no_image_is_lost_or_shown_twice_as_new(size: int, steps: list[Any]) -> None:
    decided: set[str] = set()
    order = list(NAMES)
    p = pager(order, decided, size)
    pages = {1: p.current}
    for step in steps:
        before = p.current
        assert before is not None
        if step[0] == "confirm":
            decided |= set(before.names)
            p.next(skip_decided=True)
        elif step[0] == "next":
            p.next()
        elif step[0] == "advance":
            p.next(skip_decided=True)
        elif step[0] == "previous":
            p.previous()
        elif step[0] == "decide":
            decided.add(step[1])
        elif step[0] == "undo":
            decided.discard(step[1])
        else:
            order = step[1]
            p.reorder(order)
            assert p.current == before  # never under the reviewer's hands
        page = p.current
        assert page is not None
        if page.number not in pages:
            fresh = [
                n for n in order if n not in decided and not any(n in q.names for q in pages.values() if q)
            ]
            expected = fresh[:size]
            if expected:
                assert page.names == tuple(expected)
                assert not page.again
            else:
                assert page.again
            assert 1 <= len(page.names) <= size
            assert not decided & set(page.names)
        assert pages.setdefault(page.number, page) == page  # shown pages never change
        new = [name for q in pages.values() if q and not q.again for name in q.names]
        assert len(new) == len(set(new))
    # whoever pages on and decides sees every undecided image and comes to an end
    seen: set[str] = set()
    undecided = set(NAMES) - decided
    while p.current is not None:
        seen |= set(p.current.names)
        decided |= set(p.current.names)
        if p.next(skip_decided=True) is None:
            break
    assert undecided <= seen
    assert p.undecided == 0


@given(
    st.integers(1, 4),
    st.lists(
        st.one_of(
            st.tuples(st.just("decide"), st.sampled_from(NAMES)),
            st.tuples(st.just("take back"), st.sampled_from(NAMES)),
            st.tuples(st.just("reorder"), st.permutations(NAMES)),
            st.tuples(st.sampled_from(["next", "go on", "previous"]), st.none()),
        ),
        max_size=40,
    ),
)
@settings(max_examples=200, deadline=None)
def test_what_is_decided_is_passed_by_for_good_only_until_something_is_taken_back(
    size: int, steps: list[tuple[str, Any]]
) -> None:
    decided, taken_back = set[str](), [0]
    quick = pager(NAMES, decided, size, reopened=lambda: taken_back[0])
    plain = pager(NAMES, decided, size)  # looks at everything each time
    for what, value in steps:
        if what == "decide":
            decided.add(value)
        elif what == "take back" and value in decided:
            decided.remove(value)
            taken_back[0] += 1
        for each in (quick, plain):
            if what == "reorder":
                each.reorder(value)
            elif what in ("next", "go on"):
                each.next(skip_decided=what == "go on")
            elif what == "previous":
                each.previous()
        assert quick.current == plain.current
        assert quick.peek() == plain.peek()
        assert (quick.has_next, quick.has_free) == (plain.has_next, plain.has_free)
        assert (quick.remaining, quick.undecided) == (plain.remaining, plain.undecided)


def test_a_new_page_leaves_out_what_was_decided_since_it_was_made() -> None:
    decided = set[str]()

    def is_answered(_name: str, _why: Blind) -> bool:  # asked after the images of the page were chosen
        decided.add("a")
        return True

    due = [Due("f", Blind.SECOND, unaided=False)]
    p = pager("abcdef", decided, due=lambda: due, is_answered=is_answered)
    assert names_of(p.current) == "b"


def test_what_others_have_open_comes_once_they_give_it_up() -> None:
    decided, taken, known = set("abc"), set("de"), set[str]()

    def claim(names: Iterable[str]) -> set[str]:
        known.update(taken)  # whoever is refused looks who has them
        return set(names) - taken

    p = pager("abcdefgh", decided, claim=claim, is_taken=known.__contains__, reopened=lambda: 0)
    assert names_of(p.current) == "fg"
    taken.clear()
    known.clear()
    assert names_of(p.next()) == "de"


# ---------------------------------------------------------------- looking ahead, opening again, swapping

IMAGES = [f"{i:02d}.jpg" for i in range(10)]


@pytest.fixture
def decided() -> set[str]:
    return set()


def paged(decided: set[str], saved: Path | None = None) -> Pager:
    return Pager(IMAGES, page_size=3, is_decided=decided.__contains__, saved=saved)


def test_peek_names_what_next_shows_and_moves_nothing(decided: set[str]) -> None:
    pager = paged(decided)
    decided.add("03.jpg")
    assert pager.peek() == ("04.jpg", "05.jpg", "06.jpg")
    assert pager.current == Page(1, ("00.jpg", "01.jpg", "02.jpg"))
    decided.update(IMAGES[:3])
    assert pager.next() == Page(2, ("04.jpg", "05.jpg", "06.jpg"))
    assert pager.previous() is not None
    assert pager.peek() == ("04.jpg", "05.jpg", "06.jpg")


def test_peek_on_the_last_page_names_nothing(decided: set[str]) -> None:
    pager = paged(decided)
    for _ in range(3):
        decided.update(pager.current.names if pager.current else ())
        pager.next()
    assert pager.peek() == ()


def test_open_finds_the_page_of_an_image(decided: set[str]) -> None:
    pager = paged(decided)
    pager.next()
    pager.next()
    assert pager.open(["04.jpg", "05.jpg"]) == Page(2, ("03.jpg", "04.jpg", "05.jpg"))
    assert pager.has_previous


def test_open_makes_a_page_for_images_of_an_earlier_session(decided: set[str], tmp_path: Path) -> None:
    saved = tmp_path / "pages.json"
    decided.update(IMAGES[:3])
    pager = paged(decided, saved)
    assert pager.current == Page(1, ("03.jpg", "04.jpg", "05.jpg"))
    decided.difference_update(IMAGES[:3])
    assert pager.open(["00.jpg", "02.jpg"]) == Page(1, ("00.jpg", "02.jpg"), again=True)
    assert pager.next() == Page(2, ("03.jpg", "04.jpg", "05.jpg"))


def test_open_makes_no_page_that_is_too_long(decided: set[str], tmp_path: Path) -> None:
    decided.update(IMAGES[:7])
    pager = paged(decided)
    decided.clear()
    assert pager.open(IMAGES[:7]) == Page(1, ("00.jpg", "01.jpg", "02.jpg"), again=True)


def test_open_stays_where_it_is_for_images_that_are_not_there(decided: set[str]) -> None:
    pager = paged(decided)
    assert pager.open(["elsewhere.jpg"]) is None
    assert pager.current == Page(1, ("00.jpg", "01.jpg", "02.jpg"))


def test_untouched_open_page_is_swapped_for_the_new_order(decided: set[str]) -> None:
    pager = paged(decided)
    pager.reorder(IMAGES[::-1], swap=True)
    assert pager.current == Page(1, ("09.jpg", "08.jpg", "07.jpg"))
    decided.update(pager.current.names)
    pager.next()
    assert pager.current == Page(2, ("06.jpg", "05.jpg", "04.jpg"))


def test_open_page_with_a_decision_stays_under_a_new_order(decided: set[str]) -> None:
    pager = paged(decided)
    decided.add("01.jpg")
    pager.reorder(IMAGES[::-1], swap=True)
    assert pager.current == Page(1, ("00.jpg", "01.jpg", "02.jpg"))
    assert pager.peek() == ("09.jpg", "08.jpg", "07.jpg")


def test_new_order_fills_a_view_that_was_empty(decided: set[str]) -> None:
    pager = Pager([], page_size=3, is_decided=decided.__contains__)
    assert pager.current is None
    pager.reorder(IMAGES)
    assert pager.current == Page(1, ("00.jpg", "01.jpg", "02.jpg"))


def test_there_is_a_next_page_while_anything_elsewhere_is_undecided(decided: set[str]) -> None:
    pager = paged(decided)
    decided.update(IMAGES[3:])
    assert not pager.has_next
    decided.remove("07.jpg")
    assert pager.has_next
    assert pager.next() == Page(2, ("07.jpg",))
    decided.update(IMAGES)
    assert not pager.has_next
    pager.previous()
    assert pager.has_next

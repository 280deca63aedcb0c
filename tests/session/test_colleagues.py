"""Several reviewers on one set, through a real server: nobody is shown what another has open."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import postgres_server
import pytest

from cleaner.session import colleagues
from cleaner.session.messages import Topic
from cleaner.session.session import ReviewSession
from cleaner.widgets.grid.text import empty_text
from cleaner.widgets.sentences import say
from cleaner.workspace import Workspace


@pytest.fixture
def open_as(
    make_set: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., ReviewSession]]:
    """Return a function that opens the same 30 images for some reviewer, with a state folder of their own."""
    monkeypatch.setattr(colleagues, "_FOLLOW_S", 0.05)
    root, url = make_set(10, size_px=4), postgres_server.fresh_url()
    opened: list[Any] = []

    def build(reviewer: str, **options: Any) -> ReviewSession:
        workspace = Workspace(root, state=tmp_path / reviewer, store=url, reviewer=reviewer)
        session = ReviewSession(workspace, **{"page_size": 6, "in_background": False} | options)
        opened.extend([session, workspace])
        return session

    yield build
    for each in opened:
        each.close()


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_pages_are_leased_and_come_back_undecided(open_as: Callable[..., ReviewSession]) -> None:
    ann, ben = open_as("ann"), open_as("ben")
    first = ann.names
    assert set(first).isdisjoint(ben.names)
    ann.turn(1)  # passed over: the first page is anybody's now
    seen = [set(ben.names)]
    while ben.page().can_go_on and len(seen) < 9:
        ben.turn(1)
        assert set(ben.names).isdisjoint(ann.names)
        seen.append(set(ben.names))
    assert set(first) <= set().union(*seen)
    ben.set_view(given="red")
    assert set(ben.names).isdisjoint(ann.names)


def test_going_back_leaves_out_what_a_colleague_has_open_by_now(
    open_as: Callable[..., ReviewSession],
) -> None:
    ann = open_as("ann")
    first = ann.names
    ann.decide(first[0], "keep")
    ann.turn(1)
    ben = open_as("ben")
    assert set(ben.names) == {*first[1:], *ben.names} and set(first[1:]) <= set(ben.names)
    ann.turn(-1)
    assert ann.names == (first[0],)  # decided, and so it is in nobody's way


def test_an_own_act_is_followed_though_what_others_decided_comes_along(
    open_as: Callable[..., ReviewSession],
) -> None:
    ann, ben = open_as("ann"), open_as("ben")
    told: list[Topic] = []
    ann.subscribe(lambda change: told.append(change.topic))
    ben.decide(ben.names[:2], "delete")
    ann.confirm()  # with this, she hears of what he has decided
    assert ann.progress()["errors"] == 2
    assert Topic.CONFIRMED in told


def test_the_next_page_is_full_though_others_have_moved_on_meanwhile(
    open_as: Callable[..., ReviewSession],
) -> None:
    ann, ben = open_as("ann", page_size=4), open_as("ben")
    ann.confirm()  # ben has not looked since
    ben.confirm()
    assert (len(ann.names), len(ben.names)) == (4, 6)
    assert set(ben.names).isdisjoint(ann.names)


def test_what_others_decide_and_who_is_at_work_is_shown_without_a_key(
    open_as: Callable[..., ReviewSession],
) -> None:
    ann, ben = open_as("ann", in_background=True), open_as("ben")
    told = threading.Event()
    ann.subscribe(lambda change: told.set() if change.topic is Topic.PROGRESS else None)
    ben.decide(ben.names[:2], "delete")
    until(lambda: ("ben", 2, True) in ann.progress()["colleagues"])
    assert told.wait(20)
    assert ann.progress()["errors"] == 2
    ben.close()
    until(lambda: ann.progress()["colleagues"] == [("ben", 2, False)])


def test_the_end_says_who_has_the_rest_and_shows_what_they_give_up(
    open_as: Callable[..., ReviewSession],
) -> None:
    ann, ben = open_as("ann", in_background=True), open_as("ben")
    theirs = ben.names
    until(lambda: ("ben", 0, True) in ann.progress()["colleagues"])
    while ann.names:
        ann.confirm()
    assert empty_text(ann.page()) == say("review.with_colleagues", images="6 images")
    ben.decide(theirs[0], "keep")
    ben.close()
    until(lambda: set(ann.names) == set(theirs[1:]))


def test_three_at_once_decide_every_image_once(open_as: Callable[..., ReviewSession]) -> None:
    sessions = [open_as(who) for who in ("ann", "ben", "cat")]
    shown: dict[str, list[tuple[str, ...]]] = {each.reviewer: [] for each in sessions}
    problems: list[Exception] = []

    def work(session: ReviewSession) -> None:
        try:
            while session.names:
                shown[session.reviewer].append(session.names)
                session.decide(session.names[0], "delete")
                session.confirm()
        except Exception as exc:  # told by the test
            problems.append(exc)

    threads = [threading.Thread(target=work, args=(each,)) for each in sessions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    names = Counter(name for pages in shown.values() for page in pages for name in page)
    store = sessions[0].store
    store.refresh()
    assert set(names) == set(store.state.decisions())
    decided = Counter(event.name for event in store.state.events)
    assert set(decided.values()) == {1} and len(decided) == 30


def test_two_windows_on_a_file_follow_each_other(
    make_set: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(colleagues, "_FOLLOW_S", 0.05)
    root = make_set(4, size_px=4)
    with Workspace(root, reviewer="ann") as first, Workspace(root, reviewer="ann") as second:
        here, there = ReviewSession(first, page_size=6), ReviewSession(second, page_size=6)
        told: list[str] = []
        there.subscribe(lambda change: told.extend(change.names))
        name = here.names[0]
        here.decide(name, "delete")
        until(lambda: name in told)
        assert there.cells([name])[0].action == "delete"
        here.close()
        there.close()
    assert [each for each in caplog.messages if "followed" in each] == []

"""A review from a plain script: what is decided, what is refused, who is told, and many threads at once."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rankings import partial_ranking

from cleaner.errors import InterpretationError, OutdatedError, StoreError
from cleaner.ranking import Ranking, rank_probabilities
from cleaner.ranking.posterior import Posterior
from cleaner.session import background
from cleaner.session.cells import Seen
from cleaner.session.file_review import FileReview
from cleaner.session.messages import Change, Confirmed, Hint, Topic, Undone
from cleaner.session.orders import AUDIT, ordered_rows
from cleaner.session.session import ReviewSession
from cleaner.session.snapshot import Snapshot
from cleaner.session.view import GridView
from cleaner.workspace import Workspace

PAGE = 20


def truth(name: str) -> str:
    """Return what an image shows, which its file name tells."""
    return name.split("/")[1].split("_")[0]


def rank(workspace: Workspace, *, mistakes: int = 0) -> Ranking:
    """Rank as a model would that knows the truth, but for some of the images of each class."""
    catalog = workspace.catalog
    odds = np.full((len(catalog), len(catalog.classes)), 0.05)
    for row, name in enumerate(catalog.names):
        wrong = int(name[-7:-4]) < mistakes
        odds[row, (catalog.classes.index(truth(name)) + wrong) % len(catalog.classes)] = 0.9
    return rank_probabilities(catalog, odds)


@pytest.fixture
def workspace(make_set: Callable[..., Path]) -> Iterator[Workspace]:
    """Two hundred and ten images in three classes, thirty of them filed wrongly."""
    with Workspace(make_set(70, wrong=10, size_px=4), reviewer="Ana") as made:
        yield made


@pytest.fixture
def open_session(workspace: Workspace) -> Iterator[Callable[..., ReviewSession]]:
    """Return a function that opens a session, without threads unless told otherwise."""
    opened: list[ReviewSession] = []

    def build(**options: Any) -> ReviewSession:
        usual = {"ranking": rank(workspace), "page_size": PAGE, "in_background": False}
        opened.append(ReviewSession(workspace, **usual | options))
        return opened[-1]

    yield build
    for session in opened:
        session.close()


# ---------------------------------------------------------------- a script


def test_a_script_reviews_two_hundred_images(
    open_session: Callable[..., ReviewSession], workspace: Workspace
) -> None:
    session = open_session()
    seen: list[str] = []
    for _ in range(200 // PAGE):
        page = session.page()
        assert [cell.name for cell in page.cells] == list(session.names)
        seen += session.names
        for cell in page.cells:
            if truth(cell.name) != cell.given:
                assert cell.suggestion == truth(cell.name)
                session.decide(cell.name, "suggest", seen=Seen(page.id, {cell.name: cell.suggestion}))
        left = sum(cell.action is None for cell in session.page().cells)
        said = session.confirm(seen=Seen(page.id)).said
        assert said == (Confirmed(labelled=0, kept=left) if left else None)
    assert len(set(seen)) == 200
    wrong = [name for name in seen if truth(name) != name.split("/")[0]]
    progress = session.progress()
    assert (progress["looked_at"], progress["errors"], progress["left"]) == (200, len(wrong), 10)
    assert len(wrong) == 30

    said = session.undo().said
    assert isinstance(said, Undone)
    assert len(said.events) == PAGE
    assert session.progress()["looked_at"] == 200 - PAGE
    session.confirm()
    assert session.progress()["looked_at"] == 200

    written = workspace.csv_writer()
    written.write_now()
    written.close()
    table = pd.read_csv(workspace.cleaned_csv)
    assert len(table) == 210
    assert [truth(name) for name in table["name"]] == table["label"].tolist()


def test_a_session_needs_no_widgets(workspace: Workspace) -> None:
    code = f"""
import sys
from cleaner import Workspace
from cleaner.session.session import ReviewSession
from cleaner.session.snapshot import Snapshot
session = ReviewSession(Workspace({str(workspace.root)!r}, reviewer="Ana"), in_background=False)
session.decide(session.names[0], "delete")
session.confirm()
slow = {{"ipywidgets", "anywidget", "torch"}}
print(session.progress()["looked_at"], sorted(slow & sys.modules.keys()))
"""
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert ran.stdout.splitlines()[-1] == "24 []"


def test_without_threads_all_that_follows_from_an_act_is_done_when_it_returns(
    open_session: Callable[..., ReviewSession],
) -> None:
    session = open_session()
    told: list[Topic] = []
    session.subscribe(lambda change: told.append(change.topic))
    before = session.names
    session.confirm()
    assert Topic.CONFIRMED in told
    assert Topic.ANALYSIS in told
    assert session.analysis is not None
    assert session.analysis.window == PAGE
    assert not set(before) & set(session.names)
    assert session.wait(0.0)


def test_what_nobody_wants_is_not_worked_out(open_session: Callable[..., ReviewSession]) -> None:
    session = open_session(works_out=())
    session.confirm()
    assert session.analysis is None
    assert session.progress()["looked_at"] == PAGE


def test_a_listener_may_decide_itself(open_session: Callable[..., ReviewSession]) -> None:
    session = open_session()

    def decide(change: Change) -> None:
        left = [cell.name for cell in session.page().cells if cell.action is None]
        if change.topic is Topic.ANALYSIS and len(left) > PAGE // 2:
            session.decide(left[0], "keep")

    session.subscribe(decide)
    session.decide(session.names[0], "keep")
    assert session.progress()["looked_at"] == PAGE // 2


def test_the_trouble_of_one_listener_does_not_reach_the_others(
    open_session: Callable[..., ReviewSession],
) -> None:
    session = open_session()
    told: list[Change] = []

    def fail(_change: Change) -> None:
        raise KeyError

    session.subscribe(fail)
    stop = session.subscribe(told.append)
    session.decide(session.names[0], "keep")
    assert Topic.PROGRESS in [change.topic for change in told]
    stop()
    stop()
    told.clear()
    session.decide(session.names[1], "keep")
    assert told == []


def test_what_goes_wrong_in_the_background_is_told(open_session: Callable[..., ReviewSession]) -> None:
    session = open_session()
    told: list[Change] = []
    session.subscribe(told.append)

    def fail() -> None:
        msg = "the disk is gone"
        raise StoreError(msg)

    session.run_later(fail)
    (change,) = told
    assert change.topic is Topic.PROBLEM
    assert str(change.problem) == "the disk is gone"


def test_while_it_is_learnt_how_probable_errors_are_an_analysis_does_not_work_it_out_too_but_follows(
    open_session: Callable[..., ReviewSession], workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, weigh = open_session(), background.weigh_errors
    weighed: list[Ranking | None] = []

    def weigh_while_somebody_asks(known: Snapshot) -> Posterior | None:
        weighed.append(known.ranking)
        assert len(weighed) < 9
        session.analyse()
        return weigh(known)

    monkeypatch.setattr(background, "weigh_errors", weigh_while_somebody_asks)
    session.set_ranking(rank(workspace, mistakes=10))
    assert weighed == [session.ranking]
    assert session.analysis is not None
    assert session.analysis.forecast.rest is not None
    assert session.known.posterior is not None


def test_an_analysis_that_was_put_off_comes_though_learning_failed(
    open_session: Callable[..., ReviewSession], workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, weigh = open_session(), background.weigh_errors
    told: list[Change] = []
    session.subscribe(told.append)

    def fail_once(_known: Snapshot) -> Posterior | None:
        monkeypatch.setattr(background, "weigh_errors", weigh)
        session.analyse()
        msg = "no memory is left"
        raise StoreError(msg)

    monkeypatch.setattr(background, "weigh_errors", fail_once)
    session.set_ranking(rank(workspace, mistakes=10))
    assert [str(change.problem) for change in told if change.topic is Topic.PROBLEM] == ["no memory is left"]
    assert session.analysis is not None
    assert session.analysis.forecast.rest is not None


@pytest.mark.parametrize("in_background", [True, False])
def test_of_a_large_set_it_is_known_in_the_end_what_decisions_teach(
    open_session: Callable[..., ReviewSession], monkeypatch: pytest.MonkeyPatch, in_background: bool
) -> None:
    small = open_session()
    small.confirm()
    small.analyse()
    monkeypatch.setattr("cleaner.session.session._LARGE", 1)
    session = open_session(in_background=in_background)
    session.analyse()
    assert session.wait()
    assert small.analysis is not None
    assert session.analysis is not None
    assert session.analysis.forecast == small.analysis.forecast
    assert session.progress()["expected_next"] == small.progress()["expected_next"]


def test_of_images_that_are_gone_or_decided_no_errors_are_expected(
    open_session: Callable[..., ReviewSession], workspace: Workspace
) -> None:
    made, names = rank(workspace), workspace.catalog.names.tolist()
    (workspace.root / names[0]).unlink()
    workspace.refresh()
    session = open_session(ranking=made)
    session.analyse()
    assert session.analysis is not None
    assert session.analysis.forecast.undecided == len(names) - 1
    session.decide(names[1], "unsure")
    assert session.analysis.forecast.undecided == len(names) - 2


@pytest.mark.parametrize("every", [None, 7])
def test_of_a_large_set_without_a_complete_ranking_the_analysis_comes_all_the_same(
    open_session: Callable[..., ReviewSession],
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    every: int | None,
) -> None:
    monkeypatch.setattr("cleaner.session.session._LARGE", 1)
    session = open_session(ranking=None if every is None else partial_ranking(rank(workspace), every=every))
    session.analyse()
    assert session.analysis is not None
    assert session.analysis.forecast.rest is None


# ---------------------------------------------------------------- acts that say what was seen


def test_an_act_on_another_page_is_refused_and_nothing_is_stored(
    open_session: Callable[..., ReviewSession],
) -> None:
    session = open_session()
    old = session.page()
    session.turn(1)
    names = [cell.name for cell in old.cells]
    with pytest.raises(OutdatedError, match=r"^Another page is open now\. Look at it, and decide again\.$"):
        session.decide(names[0], "delete", seen=Seen(old.id))
    with pytest.raises(OutdatedError, match=r"^Another page is open now\. Look at it, and confirm again\.$"):
        session.confirm(names, seen=Seen(old.id))
    with pytest.raises(OutdatedError):
        session.confirm(names)  # they are not on the open page
    assert session.store.state.last_seq == 0
    session.decide(session.names[0], "delete", seen=Seen(session.page().id))
    assert session.store.state.last_seq == 1


def test_a_suggestion_that_has_changed_is_not_taken(
    open_session: Callable[..., ReviewSession], workspace: Workspace
) -> None:
    session = open_session()
    page = session.page()
    shown = {cell.name: cell.suggestion for cell in page.cells}
    first, second, third = [name for name in shown if int(name[-7:-4]) < 10][:3]
    session.decide(first, "keep", seen=Seen(page.id))  # so that the page stays
    session.set_ranking(rank(workspace, mistakes=10))
    assert Hint.NEW_ORDER in session.page().notices
    assert session.page().id == page.id
    with pytest.raises(OutdatedError, match=r"^The suggestion has changed since you saw it\."):
        session.decide([second, third], "suggest", seen=Seen(page.id, shown))
    with pytest.raises(OutdatedError):
        session.decide(second, "suggest", seen=Seen(page.id))
    assert [event.name for event in session.store.state.events] == [first]

    session.decide(second, "relabel", shown[second], seen=Seen(page.id))  # which says what it means
    now = {cell.name: cell.suggestion for cell in session.page().cells}
    assert now[third] != shown[third]
    session.decide(third, "suggest", seen=Seen(page.id, now))
    (cell,) = session.cells([third])
    assert (cell.label or cell.given) == now[third]


@pytest.mark.parametrize("leave", ["confirm", "turn", "set_view"])
def test_a_ranking_that_nobody_waits_for_changes_nothing_on_the_open_page(
    open_session: Callable[..., ReviewSession], workspace: Workspace, leave: str
) -> None:
    session, told = open_session(), list[Change]()
    page, before = session.page(), session.ranking
    session.subscribe(told.append)
    session.set_ranking(made := rank(workspace, mistakes=10), at_once=False)
    assert session.page() == page
    assert told == []
    seen = Seen(page.id, {cell.name: cell.suggestion for cell in page.cells})
    session.decide(list(session.names[:2]), "suggest", seen=seen)
    assert session.ranking is before

    {"confirm": session.confirm, "turn": lambda: session.turn(1), "set_view": session.set_view}[leave]()
    assert session.ranking is not None
    assert session.ranking.model == made.model
    if leave == "confirm":
        rest = [name for name in session.ranking.order().tolist() if name not in {c.name for c in page.cells}]
        assert list(session.names) == rest[: len(session.names)]
        assert session.wait()
        assert {change.topic for change in told} >= {Topic.CHOICES, Topic.PROGRESS}


def test_while_better_orders_come_no_page_that_was_shown_changes(
    open_session: Callable[..., ReviewSession], workspace: Workspace
) -> None:
    session, told = open_session(ranking=None), list[Change]()
    page, listing = session.page(), list(map(str, workspace.catalog.names))
    assert Hint.NO_RANKING in page.notices
    session.subscribe(told.append)
    session.set_ranking(partial_ranking(rank(workspace), every=7))
    assert [change.topic for change in told] == [Topic.PAGE]  # for the notice alone
    assert session.page() == replace(page, notices=(Hint.NEW_ORDER,))
    session.set_ranking(second := partial_ranking(rank(workspace), every=3))
    assert len(told) == 1
    session.decide(session.names[0], "keep", seen=Seen(page.id))
    session.confirm()
    shown = {cell.name for cell in page.cells}
    by_second = [name for name in second.order().tolist() if name not in shown]
    assert list(session.names) == by_second[:PAGE]
    ordered = workspace.catalog.names[ordered_rows(GridView(), session.known)].tolist()
    assert ordered[len(second) :] == [name for name in listing if name not in second.places]

    # nothing is said of the whole set by a part of it
    assert session.progress()["expected_next"] is None
    assert session.analysis is not None
    assert (session.analysis.forecast.rest, session.analysis.matrix) == (None, None)
    with pytest.raises(InterpretationError, match=r"before all images are ranked\.$"):
        session.heat_map(session.names[0], "red")

    page = session.page()
    session.set_ranking(last := rank(workspace))
    assert session.page() == page
    session.confirm()
    shown |= {cell.name for cell in page.cells}
    assert list(session.names) == [name for name in last.order().tolist() if name not in shown][:PAGE]
    assert session.progress()["expected_next"] is not None
    assert session.progress()["looked_at"] == 2 * PAGE


def test_at_the_end_of_a_view_a_ranking_that_nobody_waits_for_is_used_at_once(
    open_session: Callable[..., ReviewSession], workspace: Workspace
) -> None:
    session = open_session()
    session.set_view(show="unsure")
    assert not session.names
    session.set_ranking(made := rank(workspace, mistakes=10), at_once=False)
    assert session.ranking is not None
    assert session.ranking.model == made.model


def test_in_an_audit_no_suggestion_was_seen(open_session: Callable[..., ReviewSession]) -> None:
    session = open_session()
    session.start_audit()
    page = session.page()
    assert session.view == GridView(order=AUDIT)
    with pytest.raises(StoreError, match=r"^There is no suggestion for this\."):
        session.decide(session.names[0], "suggest", seen=Seen(page.id, {session.names[0]: None}))
    session.decide(session.names[0], "keep", seen=Seen(page.id))
    assert session.store.state.last_seq == 1


def test_files_are_marked_and_moved_only_on_the_page_that_was_seen(colour_set: Path) -> None:
    files = sorted(colour_set.glob("*/*.png"))
    review = FileReview(files, page_size=8)
    old = review.page()
    review.decide(["blue/blue_000.png"], "delete", seen=Seen(old.id))
    review.turn(1)
    with pytest.raises(OutdatedError, match=r"^Another page is open now\. Look at it, and decide again\.$"):
        review.decide(["blue/blue_001.png"], "delete", seen=Seen(old.id))
    with pytest.raises(OutdatedError, match=r"^Another page is open now\. Look at it, and confirm again\.$"):
        review.confirm(seen=Seen(old.id))
    assert list(review.marked) == ["blue/blue_000.png"]
    assert all(path.exists() for path in files)
    review.turn(-1)
    review.confirm(seen=Seen(old.id))
    assert not files[0].exists()
    assert all(path.exists() for path in files[1:])


# ---------------------------------------------------------------- many threads


@pytest.mark.parametrize("in_background", [True, False])
def test_listeners_are_told_without_the_lock(
    open_session: Callable[..., ReviewSession], workspace: Workspace, in_background: bool
) -> None:
    session = open_session(in_background=in_background)
    free: list[tuple[Topic, bool]] = []

    def hear(change: Change) -> None:
        def try_lock() -> None:
            got = session.lock.acquire(timeout=2)
            free.append((change.topic, got))
            if got:
                session.lock.release()

        other = threading.Thread(target=try_lock)
        other.start()
        other.join()

    session.subscribe(hear)
    session.decide(session.names[0], "relabel", "okapi", new_class=True)
    session.confirm()
    workspace.store.class_event("class_rename", "okapi", "giraffe", reviewer="Ben")
    assert session.wait()
    session.set_ranking(rank(workspace, mistakes=10))
    session.set_view(order="by file name")
    session.set_checks(None)
    session.set_proposal(None)
    session.undo()
    assert session.wait()
    assert {topic for topic, _ in free} >= {Topic.PAGE, Topic.PROGRESS, Topic.CONFIRMED, Topic.CLASSES}
    assert all(got for _, got in free)


@pytest.mark.parametrize("in_background", [True, False])
def test_many_threads_at_once_do_not_lock_each_other_out(
    open_session: Callable[..., ReviewSession], workspace: Workspace, in_background: bool
) -> None:
    session = open_session(in_background=in_background)
    names = workspace.catalog.names.tolist()
    rankings = [rank(workspace, mistakes=mistakes) for mistakes in (0, 10)]
    end_s = time.monotonic() + 1.5
    frame, failures = threading.RLock(), list[BaseException]()

    def hear(_change: Change) -> None:
        with frame:  # as a frame that draws what it is told of
            session.page()

    def decide(rng: random.Random) -> None:
        session.decide(rng.sample(names, 2), rng.choice(["keep", "delete", "unsure"]))
        try:
            session.confirm()
        except OutdatedError:
            pytest.fail("what was unmarked is taken under the lock")
        session.undo()

    def look(rng: random.Random) -> None:
        order = rng.choice(["by file name", "least confident", "most suspicious"])
        with frame:  # as a frame that asks for something while others tell it something
            session.set_view(GridView(order=order, show=rng.choice(["undecided", "all"])))
        session.turn(rng.choice([1, -1]))
        session.filters()

    def follow(rng: random.Random) -> None:
        stop = session.subscribe(hear)
        session.set_ranking(rng.choice(rankings))
        session.analyse()
        workspace.store.decide(rng.choice(names), "keep", reviewer="Ben")
        stop()

    def keep_at(work: Callable[[random.Random], None], seed: int) -> None:
        rng = random.Random(seed)
        try:
            while time.monotonic() < end_s:
                work(rng)
        except BaseException as error:
            failures.append(error)

    session.subscribe(hear)
    works = [decide, look, follow] * 2
    threads = [threading.Thread(target=keep_at, args=(work, i), daemon=True) for i, work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert not any(thread.is_alive() for thread in threads)
    assert failures == []
    assert session.wait(20)
    assert session.store.state.last_seq > 0
    session.page()

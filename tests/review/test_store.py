"""The review store, the same tests on SQLite and on PostgreSQL; see also test_store_postgres.py."""

from __future__ import annotations

import logging
import multiprocessing
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import store_workers

from cleaner.errors import NotSavedError, StoreError
from cleaner.review import Action, Choice, Kind, ReviewStore
from cleaner.review.images import SetImages

Open = Callable[..., ReviewStore]


@pytest.fixture
def store(open_store: Open) -> ReviewStore:
    return open_store()


def content(store: ReviewStore) -> list[Any]:
    """The rows of a store without their numbers, which differ from store to store."""
    return [
        tuple(value for column, value in asdict(event).items() if column != "seq")
        for event in store.state.events
    ]


# -------------------------------------------------------------------- deciding


def test_a_decision_keeps_all_that_the_reviewer_saw(store: ReviewStore, open_store: Open) -> None:
    act = store.decide(
        ["cat/a b.jpg", "cat/ü,\"'.jpg"],
        "relabel",
        "dog",
        given={"cat/a b.jpg": "cat"},
        ranks={"cat/a b.jpg": np.int64(3)},  # type: ignore[dict-item]
        losses={"cat/a b.jpg": np.float32(2.5)},  # type: ignore[dict-item]
        scores={"cat/a b.jpg": float("nan")},
        model="m1",
        page=2,
    )
    event = open_store().state.events[0]
    assert (event.seq, event.act, event.kind, event.name) == (1, act.id, "relabel", "cat/a b.jpg")
    assert (event.given_label, event.new_label, event.reviewer) == ("cat", "dog", "ann")
    assert (event.rank, event.loss, event.score, event.model, event.page) == (3, 2.5, None, "m1", 2)
    assert event.time.tzinfo is not None
    assert act.names == ("cat/a b.jpg", "cat/ü,\"'.jpg")
    assert content(open_store()) == content(store)


def test_the_catalog_gives_the_label_that_a_call_leaves_out(open_store: Open) -> None:
    store = open_store(images=SetImages({"a": "cat", "b": None}, {}))
    store.decide(["a", "b"], "relabel", "cat")
    assert [e.given_label for e in store.state.events] == ["cat", None]
    store.decide("a", "keep", given={"a": "dog"})
    assert store.state.events[-1].given_label == "dog"


def test_one_act_can_hold_different_decisions(store: ReviewStore) -> None:
    store.record([Choice(name="a", action="keep"), Choice(name="b", action=Action.DELETE)])
    assert {n: d.action for n, d in store.state.decisions().items()} == {"a": "keep", "b": "delete"}
    undone = store.undo()
    assert undone is not None
    assert undone.names == ("a", "b")
    assert store.state.decisions() == {}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a", "kept"), "Got the action 'kept'; expected one of keep, delete, relabel, unsure."),
        (("a", "relabel"), "Got relabel with the label None; relabel needs a label, the others take none."),
        (("a", "keep", "dog"), "Got keep with the label 'dog'; relabel needs a label, the others take none."),
        (
            ("a", "keep", None, "blurry"),
            "Got keep with the reason 'blurry'; only a delete has one. Leave it out.",
        ),
        (
            ("a", "delete", None, " "),
            "Got ' ' as the reason; expected one line of text, such as 'duplicate' or 'blurry'.",
        ),
        (([], "keep"), "Got no image to decide on; expected at least one name."),
        (("", "keep"), "Got '' as the name of an image; expected a path relative to the root of the set."),
    ],
)
def test_a_decision_that_cannot_be_is_refused(
    store: ReviewStore, arguments: tuple[Any, ...], message: str
) -> None:
    *decision, reason = arguments if len(arguments) == 4 else (*arguments, None)
    with pytest.raises(StoreError) as caught:
        store.decide(*decision, reason=reason)
    assert str(caught.value) == message
    assert store.state.events == ()


def test_a_discard_is_kept_with_its_reason(store: ReviewStore, open_store: Open) -> None:
    store.decide("a", "delete", reason="duplicate")
    store.record([Choice(name="b", action="delete", detail={"reason": "duplicate", "of": "a"})])
    again = open_store()
    assert again.state.discarded() == {"a": "duplicate", "b": "duplicate"}
    assert dict(again.state.events[1].detail) == {"reason": "duplicate", "of": "a"}
    assert again.confirm(["a", "c"]).names == ("c",)  # what is thrown out is not kept by a Confirm
    again.undo()
    again.undo()
    assert again.state.discarded() == {"a": "duplicate"}


def test_ids_and_reviewers_that_cannot_be_are_refused(store: ReviewStore, open_store: Open) -> None:
    with pytest.raises(StoreError, match="as the id of an act; expected a text of 1 to 64 characters"):
        store.decide("a", "keep", act="x" * 65)
    with pytest.raises(StoreError, match="as the reviewer; expected a name on one line"):
        store.decide("a", "keep", reviewer="a\nb")
    with pytest.raises(StoreError, match="as the reviewer"):
        open_store("  ")
    with pytest.raises(StoreError, match="Got an image twice in one act"):
        store.record([Choice(name="a", action="keep"), Choice(name="a", action="delete")])
    with pytest.raises(StoreError, match=r"The label 'c\\udcff' holds bytes that are not text"):
        store.decide("a", "keep", given={"a": "c\udcff"})


def test_repeating_an_act_adds_nothing(store: ReviewStore, open_store: Open) -> None:
    first = store.decide(["a", "b"], "delete", act="act-1")
    assert store.decide(["a", "b"], "delete", act="act-1") == first
    other = open_store()  # as after a restart, or in another process
    assert other.decide(["a", "b"], "delete", act="act-1") == first
    behind = open_store("bob")
    other.decide("c", "keep", act="act-2")
    assert behind.decide("c", "keep", act="act-2", reviewer="ann").events[0].seq == 3
    assert len(open_store().state.events) == 3


def test_an_act_that_was_undone_is_not_made_again_by_its_repetition(store: ReviewStore) -> None:
    store.decide("a", "delete", act="act-1")
    store.undo()
    store.decide("a", "delete", act="act-1")
    assert not store.state.is_decided("a")


def test_sets_that_share_a_database_do_not_see_each_other(open_store: Open) -> None:
    one, two = open_store(dataset="one"), open_store(dataset="two")
    one.decide("a", "keep", act="same")
    two.decide("a", "delete", act="same")
    assert two.refresh() == ()
    assert [e.kind for e in two.state.events] == ["delete"]
    assert [e.kind for e in open_store(dataset="one").state.events] == ["keep"]


# -------------------------------------------------------------------- confirm and undo


def test_confirm_keeps_what_is_unmarked(store: ReviewStore, open_store: Open) -> None:
    store.decide("a", "relabel", "dog", given={"a": "cat"})
    store.decide("b", "unsure")
    bob = open_store("bob")
    bob.decide("c", "delete")
    bob.decide("d", "unsure")
    act = store.confirm(["a", "b", "c", "d", "e"], page=1)
    assert act.names == ("d", "e")
    assert act.kind == "keep"
    assert all(event.detail == {"confirm": True} for event in act.events)
    assert store.state.conflicts() == {}


def test_a_confirm_is_one_act_to_undo_also_after_a_restart(store: ReviewStore, open_store: Open) -> None:
    store.decide("a", "delete")
    store.confirm(["a", "b", "c"])
    store.close()
    again = open_store()
    undone = again.undo()
    assert undone is not None
    assert undone.names == ("b", "c")
    assert list(again.state.decisions()) == ["a"]
    redone = again.redo()
    assert redone is not None
    assert redone.names == ("b", "c")
    assert open_store().state.progress().looked_at == 3


def test_a_confirm_with_nothing_left_to_keep_records_nothing(store: ReviewStore) -> None:
    store.decide("a", "delete")
    act = store.confirm(["a"])
    assert (act.events, act.names, act.kind) == ((), (), None)
    assert len(store.state.events) == 1


def test_undo_goes_back_step_by_step_and_no_further(store: ReviewStore) -> None:
    for name in "abc":
        store.decide(name, "keep")
    assert [(act := store.undo()) and act.names for _ in range(4)] == [("c",), ("b",), ("a",), None]
    assert [(act := store.redo()) and act.names for _ in range(4)] == [("a",), ("b",), ("c",), None]


def test_repeating_an_undo_adds_nothing(store: ReviewStore) -> None:
    store.decide("a", "keep")
    store.decide("b", "keep")
    first = store.undo(act="undo-1")
    assert store.undo(act="undo-1") == first
    assert list(store.state.decisions()) == ["a"]


def test_undo_takes_back_only_ones_own(store: ReviewStore, open_store: Open) -> None:
    store.decide("a", "keep")
    bob = open_store("bob")
    assert bob.undo() is None
    bob.decide("b", "keep")
    undone = store.undo()
    assert undone is not None
    assert undone.names == ("a",)
    assert bob.undo(reviewer="ann") is None


def test_undo_sees_what_the_same_reviewer_did_in_another_window(store: ReviewStore, open_store: Open) -> None:
    other = open_store()
    other.decide("a", "delete")
    undone = store.undo()
    assert undone is not None
    assert undone.names == ("a",)


# -------------------------------------------------------------------- classes, pairs, files


def test_classes_are_made_renamed_and_merged(store: ReviewStore, open_store: Open) -> None:
    store.class_event("class_new", "fox")
    store.class_event(Kind.CLASS_RENAME, "cat", "kitten")
    store.class_event("class_merge", "hound", "dog")
    state = open_store().state
    assert state.classes(["cat", "dog", "hound"]) == ["dog", "fox", "kitten"]
    assert state.label_map == {"cat": "kitten", "hound": "dog"}
    store.undo()
    assert store.state.label_map == {"cat": "kitten"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("keep", "a"), "Got 'keep' as an act on classes; expected class_new, class_rename or class_merge."),
        (("class_new", "a", "b"), "Got class_new of 'a' to 'b'; class_new takes one name, the others two."),
        (("class_merge", "a"), "Got class_merge of 'a' to None; class_new takes one name, the others two."),
        (("class_rename", "a", "a"), "Got class_rename of 'a' to itself; expected two different names."),
    ],
)
def test_an_act_on_classes_that_cannot_be_is_refused(
    store: ReviewStore, arguments: tuple[Any, ...], message: str
) -> None:
    with pytest.raises(StoreError) as caught:
        store.class_event(*arguments)
    assert str(caught.value) == message


def test_images_that_look_alike_can_be_called_different(store: ReviewStore, open_store: Open) -> None:
    store.pair_different(["a", "b", "c"])
    pairs = {frozenset("ab"), frozenset("ac"), frozenset("bc")}
    assert open_store().state.different_pairs() == pairs
    with pytest.raises(StoreError, match="Got fewer than two images"):
        store.pair_different(["a"])


def test_decisions_follow_a_file_that_moved(store: ReviewStore, open_store: Open) -> None:
    store.decide("cat/a", "relabel", "dog")
    store.files_moved({"cat/a": "dog/a"})
    assert open_store().state.is_decided("dog/a")


# -------------------------------------------------------------------- others, threads, processes


def test_refresh_brings_what_others_did(store: ReviewStore, open_store: Open) -> None:
    bob = open_store("bob")
    bob.decide("a", "delete")
    assert not store.state.is_decided("a")
    assert [event.name for event in store.refresh()] == ["a"]
    assert store.state.is_decided("a")
    assert store.refresh() == ()


def test_deciding_brings_what_others_did_before(store: ReviewStore, open_store: Open) -> None:
    open_store("bob").decide("a", "delete")
    store.decide("b", "keep")
    assert [event.name for event in store.state.events] == ["a", "b"]


def test_listeners_hear_of_every_change_after_it_is_saved(store: ReviewStore, open_store: Open) -> None:
    heard: list[list[str]] = []

    def listen(events: Any) -> None:
        assert all(store.state.is_decided(event.name) for event in events)
        heard.append([event.name for event in events])

    stop = store.subscribe(listen)
    open_store("bob").decide("a", "delete")
    store.decide("b", "keep")
    open_store("bob").decide("c", "keep")
    store.refresh()
    stop()
    stop()
    store.decide("d", "keep")
    assert heard == [["a", "b"], ["c"]]


def test_a_listener_that_fails_does_not_look_like_a_lost_decision(
    store: ReviewStore, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_events: Any) -> None:
        raise RuntimeError("broken")

    store.subscribe(fail)
    with caplog.at_level(logging.ERROR):
        store.decide("a", "keep")
    assert store.state.is_decided("a")
    assert "A listener of the review store failed" in caplog.text


def test_listeners_are_called_without_the_lock(store: ReviewStore, open_store: Open) -> None:
    refreshed: list[bool] = []

    def listen(_events: Any) -> None:
        other = threading.Thread(target=store.refresh, daemon=True)
        other.start()
        other.join(10)
        refreshed.append(not other.is_alive())

    store.subscribe(listen)
    store.decide("a", "keep", act="one")
    open_store("bob").decide("b", "keep")
    store.confirm(["a"])  # records nothing, and brings what bob did
    with pytest.raises(StoreError):
        store.class_event("class_rename", "a", "")
    open_store("bob").decide("c", "keep")
    store.undo(reviewer="nobody")
    assert refreshed == [True, True, True]


def test_many_threads_can_decide_at_once(store: ReviewStore, open_store: Open) -> None:
    def work(who: str) -> None:
        for i in range(10):
            store.decide(f"{who}{i}", "keep", reviewer=who)

    threads = [threading.Thread(target=work, args=(f"w{i}",)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.state.progress().looked_at == 60
    assert [e.seq for e in store.state.events] == list(range(1, 61))
    assert content(open_store()) == content(store)


def test_a_reader_that_polls_misses_nothing_of_what_processes_write_at_once(store_url: str) -> None:
    # the processes open the empty database at the same time and write, while we poll
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=store_workers.write, args=(store_url, f"w{i}", 15)) for i in range(3)]
    for worker in workers:
        worker.start()
    polled: list[int] = []
    with ReviewStore(store_url, dataset="set", reviewer="reader") as reader:
        polled += [event.seq for event in reader.state.events]
        while any(worker.is_alive() for worker in workers):
            polled += [event.seq for event in reader.refresh()]
        polled += [event.seq for event in reader.refresh()]
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    with ReviewStore(store_url, dataset="set", reviewer="late") as late:
        everything = [event.seq for event in late.state.events]
        assert len(everything) == 3 * 15 * 3
        for act in {event.act for event in late.state.events}:
            seqs = [event.seq for event in late.state.act(act)]
            assert seqs == list(range(seqs[0], seqs[0] + 3))  # the rows of an act lie together
    assert polled == everything


# -------------------------------------------------------------------- SQLite only


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "what? 100 %.db"


@pytest.fixture
def local(file: Path) -> Iterator[ReviewStore]:
    with ReviewStore(file, dataset="set", reviewer="ann", timeout_s=0.2) as store:
        yield store


def test_the_file_survives_a_power_cut_and_takes_several_writers(local: ReviewStore, file: Path) -> None:
    with local.journal.engine.connect() as connection:
        pragmas = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "busy_timeout")
        ]
    assert pragmas == ["wal", 2, 200]  # 2 = FULL
    assert file.is_file()


def test_while_another_program_writes_nothing_is_half_saved(local: ReviewStore, file: Path) -> None:
    local.decide("a", "keep")
    before = local.state.decisions()
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(NotSavedError) as caught:
        local.decide(["b", "c"], "delete", act="again")
    assert str(caught.value) == (
        "Not saved. The review database did not take it: another program is still writing to it. Try again."
    )
    assert local.state.decisions() == before
    other.execute("ROLLBACK")
    other.close()
    assert local.decide(["b", "c"], "delete", act="again").names == ("b", "c")
    assert local.state.progress().looked_at == 3


def test_on_a_full_disk_nothing_is_half_saved(local: ReviewStore, file: Path) -> None:
    local.decide("a", "keep")
    with local.journal.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(NotSavedError) as caught:
        local.decide([f"{i:0500}" for i in range(100)], "keep")
    assert str(caught.value) == (
        "Not saved. The review database did not take it: the disk is full; free some space. Try again."
    )
    assert list(local.state.decisions()) == ["a"]
    with local.journal.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    local.decide("b", "keep")
    with ReviewStore(file, dataset="set", reviewer="ann") as again:
        assert list(again.state.decisions()) == ["a", "b"]


def test_a_database_that_was_taken_away_takes_no_decision(local: ReviewStore, file: Path) -> None:
    local.decide("a", "keep")
    file.rename(file.with_name("elsewhere.db"))
    with pytest.raises(NotSavedError, match="was moved, replaced or deleted while open"):
        local.decide("b", "keep")
    file.with_name("elsewhere.db").rename(file)
    local.decide("b", "keep")
    assert local.state.progress().looked_at == 2


def test_a_closed_store_takes_nothing(local: ReviewStore) -> None:
    local.close()
    with pytest.raises(NotSavedError, match="The review store is closed; open the set again"):
        local.decide("a", "keep")


def test_a_kill_right_after_a_decision_loses_nothing(file: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    worker = spawn.Process(target=store_workers.decide_and_die, args=(file,))
    worker.start()
    worker.join()
    assert worker.exitcode == -9
    with ReviewStore(file, dataset="set", reviewer="ann") as store:
        assert list(store.state.decisions()) == ["a", "b"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_kills_at_odd_moments_lose_double_and_halve_nothing(tmp_path: Path) -> None:
    script = Path(__file__).parents[1] / "store_crashes.py"
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path), "12"],
        env={**os.environ, "PYTHONPATH": str(script.parents[1])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_database_in_memory_works_and_warns(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), ReviewStore("sqlite://", dataset="set", reviewer="ann") as store:
        store.decide("a", "keep")
        store.refresh()
        assert store.state.is_decided("a")
    assert "decisions are lost when the program ends" in caplog.text


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (
            "mysql://me:secret@host/db",
            "Got 'host/db' as the review database; expected sqlite:////folder/review.sqlite or "
            "postgresql://user:password@host/database.",
        ),
        (
            "nonsense",
            "Got 'nonsense' as the review database; expected sqlite:////folder/review.sqlite or "
            "postgresql://user:password@host/database.",
        ),
        (
            "sqlite:////no/such/folder/review.db",
            "The review database /no/such/folder/review.db cannot be opened: "
            "the file cannot be opened; does its folder exist, and may you write there?",
        ),
    ],
)
def test_a_database_that_cannot_be_opened_is_said_to_be(url: str, message: str) -> None:
    with pytest.raises(StoreError) as caught:
        ReviewStore(url, dataset="set", reviewer="ann")
    assert str(caught.value) == message


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "review.db"
    file.write_bytes(b"no database at all" * 1000)
    with pytest.raises(StoreError, match="the file is damaged or is not a database"):
        ReviewStore(file, dataset="set", reviewer="ann")
    assert file.read_bytes() == b"no database at all" * 1000


def test_a_table_of_another_program_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "review.db"
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE events (seq INTEGER PRIMARY KEY, what TEXT)")
    connection.close()
    with pytest.raises(StoreError, match="'events' of the review database has no column 'act'"):
        ReviewStore(file, dataset="set", reviewer="ann")

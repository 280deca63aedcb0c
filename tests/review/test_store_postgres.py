"""What only a server can do to the review store: refuse, hang, restart, number rows before the commit."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import postgres_server
import pytest
import sqlalchemy as sa

from cleaner.errors import NotSavedError, StoreError
from cleaner.review import ReviewStore
from cleaner.review.database import _LOCK_KEY
from cleaner.review.images import SetImages
from cleaner.review.server import Server

TIME = "2026-01-01T00:00:00+00:00"
psycopg = pytest.importorskip("psycopg")


@pytest.fixture
def url() -> str:
    return postgres_server.fresh_url()


@pytest.fixture
def store(url: str) -> Iterator[ReviewStore]:
    with ReviewStore(url, dataset="set", reviewer="ann", timeout_s=1.0) as store:
        yield store


def test_a_connection_that_was_cut_is_made_again(store: ReviewStore, url: str) -> None:
    store.decide("a", "keep")
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'cleaner' AND datname = current_database()"
        )
    store.decide("b", "keep")
    assert list(store.state.decisions()) == ["a", "b"]


def test_while_the_server_is_away_nothing_is_saved_and_afterwards_the_same_act_is(store: ReviewStore) -> None:
    store.decide("a", "keep")
    server = postgres_server.server()
    server.stop()
    try:
        with pytest.raises(NotSavedError, match=r"Not saved\..*the connection to the server failed") as told:
            store.decide("b", "delete", act="b-1")
        assert "socket" in str(told.value), "whoever runs the server learns what the driver says"
        assert "socket" not in told.value.on_page, "whoever is at the page does not"
        assert not store.state.is_decided("b")
        with pytest.raises(StoreError, match=r"cannot be read: the connection to the server failed"):
            store.refresh()
    finally:
        server.start()
    store.decide("b", "delete", act="b-1")
    assert list(store.state.decisions()) == ["a", "b"]


def test_a_writer_that_does_not_let_go_is_given_up(store: ReviewStore, url: str) -> None:
    with psycopg.connect(url) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK_KEY])
        with pytest.raises(NotSavedError) as caught:
            store.decide("a", "keep")
    assert str(caught.value) == (
        "Not saved. The review database did not take it: another program is still writing to it. Try again."
    )
    assert store.state.decisions() == {}
    store.decide("a", "keep")


def test_a_server_set_to_answer_early_still_writes_decisions_to_the_disk(url: str) -> None:
    from cleaner.review import database

    early = url.replace("-csearch_path", "-csynchronous_commit%3Doff%20-csearch_path")
    with ReviewStore(early, dataset="set", reviewer="bob") as late:
        with database.reading(late.journal.engine) as connection:
            assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "off"
        with database.writing(late.journal.engine) as connection:
            assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
        server = Server(late.journal.engine)
        asked = ("SHOW synchronous_commit", {})
        lock = database.lock_statement(late.journal.engine)
        assert [server.run([lock, asked]), server.run([asked])] == [[("on",)], [("off",)]]
        server.close()


@pytest.mark.parametrize("usual", ["read committed", "repeatable read", "serializable"])
def test_whoever_waited_sees_what_was_committed_meanwhile_whatever_is_usual_on_the_server(
    url: str, usual: str
) -> None:
    strict = url.replace(
        "-csearch_path", f"-cdefault_transaction_isolation={usual}%20-csearch_path".replace(" ", "\\%20")
    )
    with (
        ReviewStore(strict, dataset="set", reviewer="ann", timeout_s=10) as ann,
        ReviewStore(url, dataset="set", reviewer="bob") as bob,
    ):
        ann.decide("first", "keep")
        with psycopg.connect(url) as holder:
            holder.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK_KEY])
            holder.execute(
                "INSERT INTO events (dataset, act, kind, name, reviewer, time)"
                " VALUES ('set', 'slow', 'keep', 'slow', 'eve', %s)",
                [TIME],
            )
            waiting = threading.Thread(target=ann.decide, args=("mine", "keep"))
            waiting.start()
            waiting.join(0.3)
            assert waiting.is_alive()
            holder.commit()
        waiting.join()
        bob.refresh()
        assert [event.name for event in ann.state.events] == ["first", "slow", "mine"]
        assert ann.state.events == bob.state.events


def test_rows_appear_in_the_order_of_their_numbers(store: ReviewStore, url: str) -> None:
    # Without the lock a slow writer's low numbers would appear after a quick one's high numbers.
    stop, polled = threading.Event(), []

    def write(who: str) -> None:
        with ReviewStore(url, dataset="set", reviewer=who) as mine:
            for i in range(25):
                mine.decide([f"{who}{i}{k}" for k in range(1 + i % 5)], "keep")

    writers = [threading.Thread(target=write, args=(f"w{i}",)) for i in range(5)]

    def poll() -> None:
        while not stop.is_set():
            polled.extend(event.seq for event in store.refresh())
        polled.extend(event.seq for event in store.refresh())

    reader = threading.Thread(target=poll)
    for thread in (*writers, reader):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    reader.join()
    with ReviewStore(url, dataset="set", reviewer="late") as late:
        everything = [event.seq for event in late.state.events]
    assert polled == everything
    assert len(everything) == 5 * 75


def test_a_later_writer_waits_until_the_rows_of_an_earlier_one_can_be_seen(
    store: ReviewStore, url: str
) -> None:
    from cleaner.review import database

    wrote, let_go = threading.Event(), threading.Event()
    row = {"dataset": "set", "act": "slow", "kind": "keep", "name": "slow", "reviewer": "bob", "time": TIME}

    def slow() -> None:
        with (
            ReviewStore(url, dataset="set", reviewer="bob") as bob,
            database.writing(bob.journal.engine) as connection,
        ):
            connection.execute(sa.insert(database.EVENTS), row)  # has its number, and is not committed
            wrote.set()
            let_go.wait(10)

    quick = ReviewStore(url, dataset="set", reviewer="eve", timeout_s=10)
    threads = [threading.Thread(target=slow), threading.Thread(target=quick.decide, args=("quick", "keep"))]
    threads[0].start()
    assert wrote.wait(10)
    threads[1].start()
    threads[1].join(0.3)
    assert store.refresh() == ()  # a number above the slow one's must not be seen before it
    let_go.set()
    for thread in threads:
        thread.join()
    quick.close()
    assert [event.name for event in store.refresh()] == ["slow", "quick"]


def test_an_act_that_another_process_recorded_is_not_recorded_again(store: ReviewStore, url: str) -> None:
    store.decide(["a", "b"], "keep", act="one")
    with (
        ReviewStore(url, dataset="set", reviewer="ann") as other,
        ReviewStore(url, dataset="set", reviewer="bob") as late,
    ):
        store.decide("c", "keep", act="two")
        assert other.decide("d", "delete", act="two").names == ("c",)
        assert late.decide("c", "delete", act="two").events == store.state.act("two")
    assert [event.name for event in store.refresh()] == []


def test_each_row_of_an_act_keeps_what_it_says(store: ReviewStore, url: str) -> None:
    losses = {"a": float("inf"), "b": 1}
    store.decide(["a", "b", "c"], "keep", given={"b": "cat"}, losses=losses, ranks={"b": 7}, page=3)
    store.decide("o'brien \\ %s “é” \U0001f600.jpg", "relabel", "new", scores={"a": 0.5})
    with ReviewStore(url, dataset="set", reviewer="bob") as other:
        assert other.state.events == store.state.events
    a, b, c, odd = store.state.events
    assert (a.loss, b.loss, c.loss) == (float("inf"), 1.0, None)
    assert (a.given_label, b.given_label, b.rank, c.page) == (None, "cat", 7, 3)
    assert (odd.name, odd.new_label) == ("o'brien \\ %s “é” \U0001f600.jpg", "new")
    assert [event.seq for event in store.state.events] == sorted(event.seq for event in store.state.events)


def test_a_decision_is_recorded_once_where_its_answer_was_lost(
    store: ReviewStore, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent, times = Server._send, []

    def answer_is_lost(connection: Any, statements: Any) -> Any:
        times.append(connection)
        found = sent(connection, statements)
        if len(times) == 1:
            connection.close()
            raise psycopg.OperationalError("server closed the connection unexpectedly")
        return found

    store.decide("a", "keep")
    monkeypatch.setattr(Server, "_send", staticmethod(answer_is_lost))
    done = store.decide("b", "delete", act="b-1")
    assert len(times) == 2
    assert [event.name for event in done.events] == ["b"]
    with ReviewStore(url, dataset="set", reviewer="bob") as other:
        assert [event.name for event in other.state.events] == ["a", "b"]


@pytest.fixture
def under_lock(store: ReviewStore, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list that gets an entry for each act of the store that asks the server twice under its lock."""
    asked: list[int] = []
    append = store.journal.append

    def noted(after: int, make_rows: Any) -> Any:
        asked.append(after)
        return append(after, make_rows)

    monkeypatch.setattr(store.journal, "append", noted)
    return asked


def test_a_page_is_confirmed_in_one_message_though_others_decide_meanwhile(
    store: ReviewStore, url: str, under_lock: list[int]
) -> None:
    with ReviewStore(url, dataset="set", reviewer="bob") as bob:
        bob.decide("elsewhere", "delete")
        done = store.confirm(["a", "b"], act="page")
        assert done.names == ("a", "b")
        assert store.state.is_decided("elsewhere")
        bob.refresh()
        assert bob.confirm(["a", "c"]).names == ("c",)
        assert store.confirm(["a", "b"], act="page").events == done.events
    assert under_lock == []


@pytest.mark.parametrize("kind", ["decision", "content", "undo"])
def test_a_page_that_others_have_touched_meanwhile_is_confirmed_by_what_holds_by_then(
    store: ReviewStore, url: str, under_lock: list[int], kind: str
) -> None:
    one = SetImages({"a": "cat", "b": "cat"}, contents={"a": "1" * 64, "b": "2" * 64})
    store.match(one)
    with ReviewStore(url, dataset="set", reviewer="bob") as bob:
        bob.match(SetImages({"moved": "cat"}, contents={"moved": "1" * 64}))
        if kind == "undo":
            bob.decide("a", "delete")
            store.refresh()
            bob.undo()
        else:
            bob.decide("a" if kind == "decision" else "moved", "delete")
        expected = ("a", "b") if kind == "undo" else ("b",)
        assert store.confirm(["a", "b"], given={"a": "cat", "b": "cat"}).names == expected
    assert len(under_lock) == 1


def test_what_the_server_refuses_is_not_saved_and_the_next_decision_is(store: ReviewStore, url: str) -> None:
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("ALTER TABLE events ADD CONSTRAINT short CHECK (length(name) < 9)")
    with pytest.raises(NotSavedError, match=r"^Not saved\. .*short.* Try again\.$"):
        store.decide(["a", "much too long"], "keep")
    assert store.state.events == ()
    store.decide("b", "keep")
    assert [event.name for event in store.state.events] == ["b"]


def test_a_password_is_never_shown() -> None:
    folder = postgres_server.server().folder
    url = f"postgresql://nobody-here:secret@/nothing?host={folder}"
    with pytest.raises(StoreError) as caught:
        ReviewStore(url, dataset="set", reviewer="ann")
    assert "secret" not in str(caught.value)
    assert "postgresql+psycopg://nobody-here:***@/nothing" in str(caught.value)


def test_the_short_name_of_the_server_is_understood(url: str) -> None:
    with ReviewStore(url.replace("postgresql://", "postgres://"), dataset="set", reviewer="ann") as store:
        assert "postgresql+psycopg" in repr(store)


def test_a_server_that_is_away_when_a_store_is_opened_is_told_to_each_in_their_words() -> None:
    with pytest.raises(StoreError) as told:
        ReviewStore("postgresql://ann:secret@127.0.0.1:9/none", dataset="set", reviewer="ann")
    happened = "The review database cannot be opened: the connection to the server failed."
    text, page = str(told.value), told.value.on_page
    assert text.startswith(
        f"{happened} It is postgresql+psycopg://ann:***@127.0.0.1:9/none. The driver says: "
    )
    assert page.startswith(f"{happened} Try again in a minute. If it still fails, show this to whoever runs")
    assert "secret" not in text + page
    assert "psycopg://" not in page

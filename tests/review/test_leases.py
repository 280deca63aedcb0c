"""Pages that are leased on a real server: to one reviewer at a time, and not for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import postgres_server
import pytest
import sqlalchemy as sa

from cleaner.review.database import open_engine
from cleaner.review.leases import Leases

NAMES = [f"{i}.png" for i in range(6)]


@pytest.fixture
def engine() -> Iterator[sa.Engine]:
    engine = open_engine(postgres_server.fresh_url(), timeout_s=2.0)
    yield engine
    engine.dispose()


@pytest.fixture
def leases_of(engine: sa.Engine) -> Iterator[Callable[..., Leases]]:
    made: list[Leases] = []

    def of(reviewer: str, *, dataset: str = "set", **more: float) -> Leases:
        made.append(Leases(engine, dataset=dataset, reviewer=reviewer, **more))
        return made[-1]

    yield of
    for each in made:
        each.release()


def test_an_image_is_leased_to_one_reviewer_until_the_next_page(leases_of: Callable[..., Leases]) -> None:
    ann, ben = leases_of("ann"), leases_of("ben")
    assert ann.take(NAMES[:3]) == set(NAMES[:3])
    assert ben.take(NAMES[1:5]) == set(NAMES[3:5])
    assert ben.of_others() == dict.fromkeys(NAMES[:3], "ann")
    assert ann.of_others() == dict.fromkeys(NAMES[3:5], "ben")
    assert ann.take(NAMES[5:]) == {NAMES[5]}
    assert ben.take(NAMES[1:5]) == set(NAMES[1:5])
    ben.release()
    assert ann.of_others() == {}


def test_two_tabs_of_one_reviewer_share_their_pages_and_other_sets_are_apart(
    leases_of: Callable[..., Leases],
) -> None:
    first, second = leases_of("ann"), leases_of("ann")
    assert first.take(NAMES) == second.take(NAMES) == set(NAMES)
    first.release()  # the other tab has them now
    assert leases_of("ben").take(NAMES) == frozenset()
    assert leases_of("ben", dataset="other").take(NAMES) == set(NAMES)


def test_a_lease_lapses_unless_it_is_renewed(leases_of: Callable[..., Leases]) -> None:
    lapsing, kept, ben = leases_of("ann", lease_s=-1.0), leases_of("cat", lease_s=-1.0), leases_of("ben")
    lapsing.take(NAMES[:2])
    kept.take(NAMES[2:4])
    kept._lease_s = 60.0
    kept.renew()
    assert ben.of_others() == dict.fromkeys(NAMES[2:4], "cat")
    assert ben.take(NAMES) == {*NAMES[:2], *NAMES[4:]}


def test_of_many_who_want_the_same_at_once_each_image_goes_to_one(leases_of: Callable[..., Leases]) -> None:
    got: list[frozenset[str]] = []
    begin = threading.Barrier(6)

    def want(reviewer: str) -> None:
        mine = leases_of(reviewer)
        begin.wait()
        got.append(mine.take(NAMES))

    threads = [threading.Thread(target=want, args=(f"r{i}",)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(name for names in got for name in names) == NAMES


def test_two_who_want_what_the_other_has_do_not_wait_for_each_other(
    leases_of: Callable[..., Leases], caplog: pytest.LogCaptureFixture
) -> None:
    pages = [NAMES[:3], NAMES[3:]]
    both = [leases_of("ann"), leases_of("ben")]

    def swap(mine: Leases, first: int) -> None:
        for i in range(60):
            mine.take(pages[(first + i) % 2])

    threads = [threading.Thread(target=swap, args=(mine, i)) for i, mine in enumerate(both)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert caplog.messages == []  # a deadlock would be said there


def test_without_a_server_every_page_is_shown_and_the_log_says_so_once(
    leases_of: Callable[..., Leases], caplog: pytest.LogCaptureFixture
) -> None:
    ann = leases_of("ann")
    ann.take(NAMES[:1])
    server = postgres_server.server()
    server.stop()
    try:
        assert ann.take(NAMES) == set(NAMES)
        assert ann.of_others() == {}
    finally:
        server.start()
    said = [record.message for record in caplog.records if record.name.startswith("cleaner")]
    assert len(said) == 1
    assert said[0].startswith("Pages are not leased: the connection to the server failed")
    assert ann.take(NAMES) == set(NAMES)

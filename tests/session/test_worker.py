"""The threads of a session: one of a kind at a time, which holds up no other; and a script without any."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from cleaner.session.worker import Worker


@pytest.fixture
def errors() -> list[Exception]:
    return []


@pytest.fixture
def threads(errors: list[Exception]) -> Iterator[Worker]:
    worker = Worker(in_background=True, on_error=errors.append)
    yield worker
    worker.close()


@pytest.fixture
def script(errors: list[Exception]) -> Worker:
    return Worker(in_background=False, on_error=errors.append)


def test_work_of_a_kind_runs_once_more_for_all_who_asked_meanwhile(threads: Worker) -> None:
    begun, go, ran = threading.Event(), threading.Event(), list[int]()

    def work(number: int) -> None:
        ran.append(number)
        begun.set()
        assert go.wait(20)

    threads.once("a", lambda: work(0))
    assert begun.wait(20)
    for number in range(1, 30):
        threads.once("a", lambda number=number: work(number))  # type: ignore[misc]
    other = threading.Event()
    threads.later(other.set)
    assert other.wait(20)  # no thread waits for the work that was asked for again
    assert not threads.wait(0.0)
    go.set()
    assert threads.wait(20)
    assert ran == [0, 29]


def test_errors_are_told_and_end_nothing(threads: Worker, errors: list[Exception]) -> None:
    def fail() -> None:
        msg = "gone"
        raise ValueError(msg)

    threads.once("a", fail)
    assert threads.wait(20)
    assert [str(error) for error in errors] == ["gone"]
    done = threading.Event()
    threads.once("a", done.set)
    assert threads.wait(20)
    assert done.is_set()


def test_what_is_asked_for_after_the_end_is_left_out(threads: Worker) -> None:
    threads.close()
    ran: list[int] = []
    threads.later(lambda: ran.append(1))
    assert threads.wait(1.0)
    assert ran == []


def test_a_script_does_what_follows_after_the_act(script: Worker) -> None:
    said: list[str] = []
    with script.after():
        script.later(lambda: said.append("follows"))
        with script.after():
            script.later(lambda: said.append("follows, too"))
        said.append("act")
    assert said == ["act", "follows", "follows, too"]
    script.later(lambda: said.append("at once"))
    assert said[-1] == "at once"


def test_what_follows_is_done_although_the_act_fails(script: Worker) -> None:
    said: list[str] = []
    with pytest.raises(ValueError, match="refused"), script.after():
        script.later(lambda: said.append("follows"))
        msg = "refused"
        raise ValueError(msg)
    assert said == ["follows"]


def test_an_act_of_one_thread_puts_off_nothing_of_another(script: Worker) -> None:
    said: list[str] = []
    with script.after():
        other = threading.Thread(target=lambda: script.later(lambda: said.append("other")))
        other.start()
        other.join(20)
        assert said == ["other"]


def test_work_that_asks_for_itself_runs_again_without_threads(script: Worker) -> None:
    ran: list[int] = []

    def work() -> None:
        ran.append(len(ran))
        if len(ran) < 3:
            script.once("a", work)

    script.once("a", work)
    assert ran == [0, 1, 2]

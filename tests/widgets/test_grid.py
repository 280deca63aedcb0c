"""The grid's Python side: messages in, messages out, no browser."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from cleaner.errors import (
    CleanerError,
    ImageError,
    InterpretationError,
    NotSavedError,
    OutdatedError,
    StoreError,
)
from cleaner.session.cells import Cell, ChosenWindow, Outcome, Page, Picture, Seen
from cleaner.session.heat_maps import HeatMap
from cleaner.session.messages import Confirmed, FilesSummary, PageTitle, Redone, Undone
from cleaner.widgets.grid.protocol import page_data
from cleaner.widgets.grid.text import said_text, summary_text
from cleaner.widgets.grid.widget import ReviewGrid
from cleaner.widgets.keys import KEYS
from cleaner.widgets.sentences import say

SUMMARY = FilesSummary(files=12, marked=1, gone=0, trash=Path("trash"))

Sent = list[tuple[dict[str, Any], list[bytes]]]


class Host:
    """Twelve images on two pages; writes down what it is asked to do."""

    def __init__(self) -> None:
        self.done: list[tuple[Any, ...]] = []
        self.error: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()

    def page(self) -> Page:
        cells = tuple(Cell(name=f"{i}.jpg", given="cat") for i in range(6))
        return Page(
            id="one", cells=cells, classes=("cat", "dog"), title=PageTitle(1), summary=SUMMARY, can_go_on=True
        )

    def decide(
        self,
        names: Sequence[str],
        action: str,
        label: str | None = None,
        *,
        act: str | None = None,
        new_class: bool = False,
        seen: Seen | None = None,
    ) -> Outcome:
        if self.error is not None:
            raise self.error
        self.done.append(("decide", tuple(names), action, label, act, new_class, seen))
        cells = tuple(Cell(name=name, action=action, label=label) for name in names)
        return Outcome(cells=cells, summary=SUMMARY)

    def undo(self, *, act: str | None = None) -> Outcome:
        self.done.append(("undo", act))
        return Outcome(said=Undone(), focus="0.jpg", summary=SUMMARY)

    def redo(self, *, act: str | None = None) -> Outcome:
        self.done.append(("redo", act))
        return Outcome(said=Redone(), summary=SUMMARY)

    def confirm(
        self, names: Sequence[str] | None = None, *, act: str | None = None, seen: Seen | None = None
    ) -> Outcome:
        self.done.append(("confirm", tuple(names or ()), act, seen))
        return Outcome(
            said=Confirmed(labelled=0, kept=6), page=Page(id="two", summary=SUMMARY), summary=SUMMARY
        )

    def turn(self, by: int) -> Page:
        self.done.append(("turn", by))
        return Page(id="two", summary=SUMMARY)

    def next_names(self) -> list[str]:
        return [f"{i}.jpg" for i in range(6, 12)]

    def thumbnail(self, name: str) -> bytes:
        if name.startswith("slow"):
            assert self.gate.wait(timeout=20)
        if name == "bad.jpg":
            msg = "truncated: the file ends early"
            raise ImageError(msg)
        if name == "worse.jpg":
            raise RuntimeError("boom")
        return name.encode()

    def heat_map(self, name: str, label: str) -> HeatMap:
        if label == "dog":
            msg = "The model does not know the class “dog” yet."
            raise InterpretationError(msg)
        return HeatMap(bytes([127, 0, 0, 0]), side=2, estimated=False)

    def picture(self, name: str, *, full: bool, window: ChosenWindow | None = None) -> Picture:
        if name == "bad.jpg":
            msg = "truncated: the file ends early"
            raise ImageError(msg)
        return Picture(data=b"full" if full else b"small", media_type="image/jpeg", width_px=40, height_px=30)


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def grid(host: Host) -> Iterator[ReviewGrid]:
    made = ReviewGrid(host)
    yield made
    made.close()


@pytest.fixture
def sent(grid: ReviewGrid, monkeypatch: pytest.MonkeyPatch) -> Sent:
    out: Sent = []
    arrived = threading.Condition()

    def send(message: dict[str, Any], buffers: Sequence[bytes] | None = None) -> None:
        with arrived:
            out.append((message, list(buffers or [])))
            arrived.notify_all()

    monkeypatch.setattr(grid, "send", send)
    monkeypatch.setattr(
        type(grid), "wait_until", lambda _, condition: _wait(arrived, condition), raising=False
    )
    monkeypatch.setattr(
        type(grid), "wait_for", lambda _, many: _wait(arrived, lambda: len(out) >= many), raising=False
    )
    return out


def _wait(arrived: threading.Condition, done: Callable[[], bool]) -> None:
    with arrived:
        assert arrived.wait_for(done, timeout=20)


SEEN = {"page": "one", "suggestions": {"0.jpg": "dog", "1.jpg": None}}
USUAL = {
    "decide": {"seen": SEEN, "names": ["0.jpg"], "action": "keep", "label": None, "new_class": False},
    "confirm": {"seen": SEEN, "names": ["0.jpg"]},
    "undo": {"seen": SEEN},
    "redo": {"seen": SEEN},
}


def ask(grid: ReviewGrid, kind: str, **fields: Any) -> None:
    """Send what the page would send."""
    message = {"kind": kind, "id": "id1", "view": "v1", **USUAL.get(kind, {}), **fields}
    grid._handle_custom_msg(message, [])


def test_scripts_are_one_module_with_one_export_and_no_imports() -> None:
    assert ReviewGrid._esm.count("\nexport ") == 1
    assert "\nimport " not in ReviewGrid._esm
    assert "http://" not in ReviewGrid._esm and "https://" not in ReviewGrid._esm


def test_scripts_are_given_their_sentences(grid: ReviewGrid) -> None:
    assert grid.words["grid.keep"] == say("grid.keep")
    assert {key.split(".")[0] for key in grid.words} == {"grid"}


def test_unknown_keyword_is_refused(host: Host) -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'page_sise'"):
        ReviewGrid(host, page_sise=3)  # type: ignore[call-arg]


def test_ping_is_answered_even_while_somebody_holds_the_lock(grid: ReviewGrid, sent: Sent) -> None:
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with grid.lock:
            inside.set()
            leave.wait(timeout=20)

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait(timeout=20)
    ask(grid, "ping")
    leave.set()
    thread.join()
    assert sent == [({"kind": "pong", "id": "id1", "to": "v1"}, [])]


def test_view_gets_its_page_when_it_asks(grid: ReviewGrid, sent: Sent, host: Host) -> None:
    ask(grid, "hello")
    ((message, _),) = sent
    assert (message["kind"], message["id"], message["to"]) == ("page", "id1", "v1")
    assert message["page"] == page_data(host.page())
    assert message["page"]["cells"][0]["given"] == "cat"
    assert message["page"]["cells"][0]["decision"] is None


def test_decision_is_answered_with_the_cells_as_they_are(grid: ReviewGrid, sent: Sent, host: Host) -> None:
    ask(grid, "decide", names=["0.jpg", "1.jpg"], action="relabel", label="dog", new_class=True)
    seen = Seen("one", {"0.jpg": "dog", "1.jpg": None})
    assert host.done == [("decide", ("0.jpg", "1.jpg"), "relabel", "dog", "id1", True, seen)]
    ((message, _),) = sent
    assert (message["kind"], message["id"], message["summary"]) == ("saved", "id1", summary_text(SUMMARY))
    decision = {"action": "relabel", "label": "dog", "reviewer": None, "mine": True}
    assert [cell["decision"] for cell in message["cells"]] == [decision, decision]


def test_act_that_comes_twice_is_done_once_and_answered_twice(
    grid: ReviewGrid, sent: Sent, host: Host
) -> None:
    for _ in range(2):
        ask(grid, "confirm", names=["0.jpg"])
    assert host.done == [("confirm", ("0.jpg",), "id1", Seen("one", SEEN["suggestions"]))]
    (first, _), (again, _), (page, _) = sent
    assert [first["kind"], again["kind"], page["kind"]] == ["saved", "saved", "page"]
    assert (first["page"]["id"], page["page"]["id"]) == ("two", "one")
    assert again == {**first, "page": None}  # by now, that page may be another one


def test_acts_of_several_threads_are_done_one_at_a_time(
    grid: ReviewGrid, sent: Sent, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside: list[str] = []
    most: list[int] = []
    whole = Host.decide

    def slow(self: Host, *args: Any, act: str, **kwargs: Any) -> Outcome:
        inside.append(act)
        most.append(len(inside))
        threading.Event().wait(0.01)
        inside.remove(act)
        return whole(self, *args, act=act, **kwargs)

    monkeypatch.setattr(Host, "decide", slow)
    threads = [
        threading.Thread(
            target=ask, args=(grid, "decide"), kwargs={"id": f"a{i}", "names": ["0.jpg"], "action": "keep"}
        )
        for i in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 8
    assert sorted(message["id"] for message, _ in sent) == [f"a{i}" for i in range(8)]


def test_refusal_says_why_and_how_the_cells_are(grid: ReviewGrid, sent: Sent, host: Host) -> None:
    host.error = StoreError("the disk is full.")
    ask(grid, "decide")
    ((message, _),) = sent
    assert (message["kind"], message["id"]) == ("refused", "id1")
    assert message["reason"] == say("guard.not_saved", reason="the disk is full.")
    assert [cell["name"] for cell in message["cells"]] == ["0.jpg"]
    assert message["page"] is None
    host.error = None
    ask(grid, "decide")
    assert sent[1][0]["kind"] == "saved"


def test_error_that_says_itself_that_nothing_is_saved_is_left_alone(
    grid: ReviewGrid, sent: Sent, host: Host
) -> None:
    host.error = NotSavedError("Not saved. The review store is closed.")
    ask(grid, "decide")
    assert sent[0][0]["reason"] == "Not saved. The review store is closed."


def test_act_on_what_has_changed_is_refused_with_the_page_as_it_is(
    grid: ReviewGrid, sent: Sent, host: Host
) -> None:
    host.error = OutdatedError("The suggestion is another one now.")
    ask(grid, "decide", names=["3.jpg", "4.jpg"], action="suggest")
    ((message, _),) = sent
    assert message["kind"] == "refused"
    assert message["reason"] == say("guard.not_saved", reason="The suggestion is another one now.")
    assert message["page"] == page_data(host.page(), focus="3.jpg")


def test_request_that_is_no_act_is_refused_in_the_words_of_its_error(
    grid: ReviewGrid, sent: Sent, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_self: Host, _by: int) -> Page:
        raise StoreError("There is no other page.")

    monkeypatch.setattr(Host, "turn", fail)
    ask(grid, "turn", by=1)
    assert (sent[0][0]["kind"], sent[0][0]["reason"]) == ("refused", "There is no other page.")


def test_unexpected_error_becomes_a_sentence_and_the_log_has_the_rest(
    grid: ReviewGrid, sent: Sent, host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    host.error = ZeroDivisionError("division by zero")
    ask(grid, "decide")
    reason = say("guard.failed", error="ZeroDivisionError: division by zero")
    assert sent[0][0]["reason"] == say("guard.not_saved", reason=reason)
    assert "Traceback" in caplog.text


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        *(("decide", {"names": names}) for names in (None, "0.jpg", [1], [f"{i}" for i in range(2001)])),
        ("decide", {"seen": None}),
        ("decide", {"seen": {"page": "one"}}),
        ("decide", {"seen": {"page": "one", "suggestions": {"0.jpg": 3}}}),
        ("decide", {"new_class": "yes"}),
        ("decide", {"label": 7}),
        ("describe", {"seen": SEEN, "label": None, "text": ""}),
        ("turn", {"by": 2}),
        ("image", {"name": "0.jpg"}),
        *(
            ("image", {"name": "0.jpg", "full": False, "window": window})
            for window in (
                7,
                {"kind": "16-bit", "center": 1},
                {"kind": "16-bit", "center": 1, "width": 0},
                {"kind": "16-bit", "center": float("nan"), "width": 1},
                {"kind": 16, "center": 1, "width": 1},
                {"kind": "16-bit", "center": "1", "width": 1},
            )
        ),
    ],
)
def test_request_that_cannot_be_is_refused_and_nothing_is_done(
    grid: ReviewGrid, sent: Sent, host: Host, kind: str, fields: dict[str, object]
) -> None:
    ask(grid, kind, **fields)
    assert host.done == []
    ((message, _),) = sent
    assert (message["kind"], message["id"]) == ("refused", "id1")
    assert message["reason"] == say("guard.not_understood")


def test_unknown_message_is_passed_over(
    grid: ReviewGrid, sent: Sent, caplog: pytest.LogCaptureFixture
) -> None:
    ask(grid, "format the disk")
    ask(grid, "decide", id="")
    grid._handle_custom_msg("no dictionary", [])
    assert sent == []
    assert "format the disk" in caplog.text


@pytest.fixture
def usual_keys() -> Iterator[None]:
    """The keys are those of the whole process: what a test chooses must not outlive it."""
    yield
    KEYS.reset()


@pytest.mark.usefixtures("usual_keys")
def test_another_key_is_answered_in_words_and_told_to_every_grid(
    grid: ReviewGrid, sent: Sent, host: Host
) -> None:
    other = ReviewGrid(host)
    ask(grid, "givekey", act="keep", key="j")
    said = say("keys.given", act=say("grid.keep"), key="j")
    assert sent[-1] == ({"kind": "keys", "id": "id1", "to": "v1", "said": said, "refused": False}, [])
    assert sent[0][0]["kind"] == "page"  # whose notices may name keys
    for each in (grid, other):
        assert each.key_table["keep"] == {"keys": ["j"], "printed": ["j"], "chosen": True}
    ask(grid, "resetkeys")
    assert sent[-1][0]["said"] == say("keys.reset")
    assert grid.key_table["keep"]["keys"] == ["k", "a"]
    other.close()


@pytest.mark.usefixtures("usual_keys")
def test_a_key_that_is_refused_is_answered_with_the_reason(grid: ReviewGrid, sent: Sent) -> None:
    ask(grid, "givekey", act="keep", key="x")
    assert (sent[-1][0]["said"], sent[-1][0]["refused"]) == (
        say("keys.taken", key="x", act=say("grid.delete")),
        True,
    )
    ask(grid, "givekey", act="keep", key=" ")
    assert sent[-1][0]["said"] == say("keys.unusable", key="Space")
    ask(grid, "givekey", act="fly", key="j")
    assert sent[-1][0]["reason"] == say("guard.not_understood")


@pytest.mark.usefixtures("usual_keys")
def test_keys_that_cannot_be_written_are_used_and_the_page_says_so(
    grid: ReviewGrid, sent: Sent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    with monkeypatch.context() as patch:
        patch.setenv("CLEANER_HOME", str(tmp_path / "file"))
        ask(grid, "givekey", act="keep", key="j")
    done = say("keys.given", act=say("grid.keep"), key="j")
    assert sent[-1][0]["said"].startswith(done + " ")
    assert str(tmp_path / "file") in sent[-1][0]["said"]
    assert grid.key_table["keep"]["keys"] == ["j"]


def test_undo_and_turning_pages_reach_the_host(grid: ReviewGrid, sent: Sent, host: Host) -> None:
    ask(grid, "undo")
    ask(grid, "redo", id="id2")
    ask(grid, "turn", by=-1)
    ask(grid, "turn", by=1)
    assert host.done == [("undo", "id1"), ("redo", "id2"), ("turn", -1), ("turn", 1)]
    assert (sent[0][0]["said"], sent[0][0]["focus"]) == (said_text(Undone()), "0.jpg")
    assert [message["kind"] for message, _ in sent] == ["saved", "saved", "page", "page"]


def test_thumbnails_come_as_bytes_and_bad_ones_with_their_reason(grid: ReviewGrid, sent: Sent) -> None:
    ask(grid, "thumbs", names=["0.jpg", "bad.jpg", "worse.jpg", "1.jpg"])
    grid.wait_until(lambda: sent and sent[-1][0]["last"])  # type: ignore[attr-defined]
    problems = {
        name: problem
        for message, _ in sent
        for name, problem in zip(message["names"], message["problems"], strict=True)
    }
    foreseen, unforeseen = "truncated: the file ends early", say("guard.failed", error="RuntimeError: boom")
    assert problems == {"0.jpg": "", "bad.jpg": foreseen, "worse.jpg": unforeseen, "1.jpg": ""}
    assert sorted(data for _, buffers in sent for data in buffers) == [b"0.jpg", b"1.jpg"]
    assert {(message["to"], message["id"]) for message, _ in sent} == {("v1", "id1")}


def test_thumbnails_of_a_page_that_was_left_give_way_to_those_of_the_next(
    grid: ReviewGrid, sent: Sent, host: Host
) -> None:
    host.gate.clear()
    ask(
        grid, "thumbs", names=[*(f"slow {i}.jpg" for i in range(4)), "0.jpg"]
    )  # more than are made at the same time
    ask(grid, "thumbs", names=["1.jpg"], id="id2")
    host.gate.set()
    grid.wait_until(lambda: sum(message["last"] for message, _ in sent) == 2)  # type: ignore[attr-defined]
    shown = [(message["id"], name) for message, _ in sent for name in message["names"]]
    assert ("id1", "slow 0.jpg") in shown  # it was begun
    assert ("id1", "0.jpg") not in shown
    assert ("id2", "1.jpg") in shown


def test_thumbnails_that_are_ready_do_not_wait_for_a_slow_one(
    grid: ReviewGrid, sent: Sent, host: Host
) -> None:
    host.gate.clear()
    ask(grid, "thumbs", names=["slow.jpg", "0.jpg"])
    grid.wait_for(1)  # type: ignore[attr-defined]
    assert sent[0][0]["names"] == ["0.jpg"]
    assert sent[0][0]["last"] is False
    host.gate.set()
    grid.wait_for(2)  # type: ignore[attr-defined]
    assert sent[1][0]["names"] == ["slow.jpg"]
    assert sent[1][0]["last"] is True


@pytest.mark.parametrize(("full", "data"), [(False, b"small"), (True, b"full")])
def test_image_for_the_large_view(grid: ReviewGrid, sent: Sent, *, full: bool, data: bytes) -> None:
    ask(grid, "image", name="0.jpg", full=full, window=None)
    grid.wait_for(1)  # type: ignore[attr-defined]
    ((message, buffers),) = sent
    assert buffers == [data]
    assert (message["width"], message["height"], message["type"]) == (40, 30, "image/jpeg")
    assert message["full"] is full


def test_image_that_cannot_be_shown_says_why(grid: ReviewGrid, sent: Sent) -> None:
    ask(grid, "image", name="bad.jpg", full=False, window=None)
    grid.wait_for(1)  # type: ignore[attr-defined]
    assert sent[0][0]["problem"] == "truncated: the file ends early"
    assert sent[0][1] == []


def test_a_heat_map_comes_as_bytes_or_with_the_reason_why_there_is_none(grid: ReviewGrid, sent: Sent) -> None:
    ask(grid, "heat", name="1.jpg", label="cat")
    ask(grid, "heat", id="next", name="1.jpg", label="dog")
    grid.wait_for(2)  # type: ignore[attr-defined]
    (first, buffers), (second, none) = sent
    # Whoever has asked for another one meanwhile does not get the first.
    assert (first["side"], buffers) in [(2, [bytes([127, 0, 0, 0])]), (0, [])]
    assert (second["problem"], none) == ("The model does not know the class “dog” yet.", [])
    ask(grid, "heat", id="last", name="1.jpg", label="cat")
    grid.wait_for(3)  # type: ignore[attr-defined]
    last, buffers = sent[2]
    assert (last["side"], last["problem"], buffers) == (2, "", [bytes([127, 0, 0, 0])])
    assert say("heat.colours", label="cat") in last["text"]


def test_closed_grid_takes_nothing_more(host: Host) -> None:
    grid = ReviewGrid(host)
    grid.close()
    grid.in_background(lambda: host.done.append(("late",)))
    ask(grid, "undo")
    assert host.done == []


def test_error_of_background_work_is_logged(
    grid: ReviewGrid, sent: Sent, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        msg = "nobody would see this"
        raise CleanerError(msg)

    done = threading.Event()
    grid.in_background(fail)
    grid.in_background(done.set)
    assert done.wait(timeout=20)
    grid._senders.shutdown(wait=True)
    assert "nobody would see this" in caplog.text


def test_problem_that_was_put_away_is_told_again_when_it_comes_again(grid: ReviewGrid) -> None:
    grid.problem = "The disk is full."
    grid.dismissed = "The disk is full."
    grid.problem = ""
    grid.problem = "The disk is full."
    assert grid.dismissed == ""

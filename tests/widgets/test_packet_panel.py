"""`PacketPanel`: a packet is made in the background and handed over, and what comes back is taken in."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cleaner.jobs import Job
from cleaner.util.wording import count
from cleaner.widgets.app import CleanerApp
from cleaner.widgets.panels.base import Panel, text_of
from cleaner.widgets.panels.job import TASKS
from cleaner.widgets.panels.packet import PacketPanel
from cleaner.widgets.sentences import say
from cleaner.workspace import Workspace

SCRIPTS = Path(__file__).parents[1] / "job_tasks"
CSV = b"name,action,reviewer\nred/red_000.png,delete,Anna\nred/red_001.png,keep,Anna\nno.png,keep,Anna\n"


@pytest.fixture
def open_panel(colour_set: Path) -> Iterator[Callable[[], PacketPanel]]:
    """Return a function that opens the set as a page would; what runs later runs at once."""
    shown: list[PacketPanel] = []

    def build() -> PacketPanel:
        shown.append(PacketPanel(Workspace(colour_set, reviewer="Bo"), lambda task: task()))
        return shown[-1]

    yield build
    for panel in shown:
        if (job := Job.current(panel.workspace.state / "packets")) is not None:
            job.cancel()
            job.wait(30)
        panel.close()
        panel.workspace.close()


def text(panel: Panel) -> str:
    return " ".join(text_of(tree) for tree in panel.tree)


def until(condition: Callable[[], object], panel: Panel) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, text(panel)
        time.sleep(0.02)


def sent(panel: PacketPanel, monkeypatch: pytest.MonkeyPatch) -> list[tuple[dict[str, str], bytes]]:
    """Return what the browser will be given to save."""
    out: list[tuple[dict[str, str], bytes]] = []
    monkeypatch.setattr(panel, "send", lambda content, buffers: out.append((content, buffers[0])))
    return out


def test_a_packet_is_made_as_large_as_wanted_and_found_again_after_a_reload(
    open_panel: Callable[[], PacketPanel], colour_set: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (colour_set / "red" / "red_000.png").write_bytes(b"no image any more")
    panel = open_panel()
    before = panel.workspace.store.state.last_seq
    panel.do("images", "5")
    panel.do("make")
    until(lambda: say("send.done").strip() in text(panel), panel)
    path = colour_set / "cleaned-packet.html"
    assert str(path) in text(panel)
    assert text(panel).count(say("send.size", images=count(5, "image"), size="x")[:8]) == 1
    again = open_panel()
    out = sent(again, monkeypatch)
    again.do("save")
    assert out == [({"kind": "save", "name": path.name}, path.read_bytes())]
    assert out[0][1].count(b'"picture":') == 5
    again.do("make")
    until(lambda: "cleaned-packet-2.html" in text(again), again)  # a colleague may have the first one
    assert panel.workspace.store.state.last_seq == before

    path.with_stem("cleaned-packet-2").unlink()
    again.do("save")
    assert again.problem == say("send.gone", path=path.with_stem("cleaned-packet-2"))


@pytest.mark.parametrize("value", ["0", "-1", "1001", "many", "", "1e3"])
def test_a_number_that_cannot_be_is_refused(open_panel: Callable[[], PacketPanel], value: str) -> None:
    panel = open_panel()
    panel.do("images", value)
    panel.do("make")
    assert panel.problem == say("send.no_number", value=value, most="1,000")
    assert not panel.running


def test_nothing_to_send_is_said_in_a_sentence(open_panel: Callable[[], PacketPanel]) -> None:
    panel = open_panel()
    store = panel.workspace.store
    store.decide(list(panel.workspace.catalog.names), "keep")
    panel.do("make")
    until(lambda: panel.problem, panel)
    assert panel.problem == "There is nothing for a packet: every image is decided, or cannot be shown."


def test_a_packet_that_is_stopped_writes_nothing(
    open_panel: Callable[[], PacketPanel], colour_set: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(SCRIPTS))
    monkeypatch.setitem(TASKS, "packet", "job_tasks_for_tests:make_until_cancelled")
    panel = open_panel()
    panel.do("make")
    assert panel.running
    panel.do("cancel")
    until(lambda: not panel.running, panel)
    assert say("send.stopped") in text(panel)
    assert not list(colour_set.glob("*.html"))


def test_decisions_that_come_back_are_taken_in_once_and_counted(
    open_panel: Callable[[], PacketPanel],
) -> None:
    panel = open_panel()
    store = panel.workspace.store
    store.decide("red/red_000.png", "keep")
    panel.take_file("take", "decisions.csv", CSV)
    assert panel.problem == ""
    for sentence in (
        say("send.added", file="decisions.csv", decisions="3 decisions", reviewers="Anna"),
        say("send.conflicts", images="1 image", names="red/red_000.png"),
        say("send.ignored", images="1 image", names="no.png"),
    ):
        assert sentence in text(panel)
    seq = store.state.last_seq
    panel.take_file("take", "decisions.csv", CSV)
    assert say("send.none", file="decisions.csv") in text(panel)
    assert say("send.known", decisions="3 decisions") in text(panel)
    assert store.state.last_seq == seq


def test_another_file_is_refused_in_a_sentence_and_takes_back_nothing(
    open_panel: Callable[[], PacketPanel],
) -> None:
    panel = open_panel()
    panel.take_file("take", "<b>.csv", b"name,action\nred/red_000.png,explode\n")
    assert panel.problem.startswith(say("send.refused", file="<b>.csv", reason="Line 2 of the history "))
    assert panel.workspace.store.state.last_seq == 0
    assert say("send.reading", file="<b>.csv") not in text(panel)
    panel.take_file("take", "large.csv", None)
    assert panel.problem == say("send.too_large", file="large.csv")


@pytest.mark.parametrize(
    "message",
    [
        {"kind": "file", "name": "take"},
        {"kind": "file", "name": "none", "value": "x"},
        {"kind": "file", "name": "take", "value": 1},
        {"kind": "file", "name": ["take"], "value": "x"},
        {"kind": "do", "name": "take", "value": "x"},
    ],
)
def test_messages_that_no_page_sends_do_nothing(
    open_panel: Callable[[], PacketPanel], message: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    panel = open_panel()
    panel._handle_custom_msg(message, [memoryview(CSV)])
    assert "a message that nobody expects" in caplog.text
    assert panel.workspace.store.state.last_seq == 0


def test_what_the_browser_sends_reaches_the_set_and_the_whole_page_follows(colour_set: Path) -> None:
    app = CleanerApp(Workspace(colour_set, reviewer="Bo"))
    try:
        app.go_to("Report")
        app.packet._handle_custom_msg(
            {"kind": "file", "name": "take", "value": "decisions.csv"}, [memoryview(CSV)]
        )
        until(lambda: "3 decisions" in text(app.packet), app.packet)
        until(lambda: "2 of 24" in text(app.standing), app.standing)
        until(lambda: (colour_set / "cleaned.csv").is_file(), app.packet)
        assert "red/red_000.png" not in (colour_set / "cleaned.csv").read_text("utf-8")
    finally:
        if (job := Job.current(app.workspace.state)) is not None:
            job.cancel()
            job.wait(30)
        app.close()

"""Messages that no page of ours would send: nothing breaks, nothing leaks, and each leaves a line in the log.

``CLEANER_FUZZED_MESSAGES=100000`` sends as many; give pytest ``--timeout 3600`` then.
"""

from __future__ import annotations

import logging
import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cleaner.widgets.image_cleaner import ImageCleaner
from cleaner.widgets.keys import KEYS
from cleaner.widgets.panels.base import Panel, button
from cleaner.workspace import Workspace

MESSAGES = int(os.environ.get("CLEANER_FUZZED_MESSAGES", "1000"))
JUNK: tuple[Any, ...] = (
    None, True, 0, -1, 2**70, 1e308, float("nan"), "", " ", "\0", "\ud800", "x" * 5000, [], {}, [[]], [None],
    [{}], "../../../etc/passwd", "/etc/passwd", "C:\\secret.txt", "..", ".cleaner/review.db", "secret.txt",
    "%2e%2e/secret.txt", ["../secret.txt"], ["secret.txt", "red/red_000.png"], {"page": {}},
    {"page": "x", "suggestions": []}, "<img src=x onerror=alert(1)>", "'; DROP TABLE events; --", "__class__",
    "=cmd|' /C calc'!A0", b"bytes", object,
)  # fmt: skip
KINDS = (
    "ping", "hello", "turn", "similar", "next", "thumbs", "image", "compare", "why", "heat", "decide",
    "confirm", "undo", "redo", "describe", "givekey", "resetkeys",
)  # fmt: skip


@pytest.fixture
def cleaner(make_set: Callable[..., Path], tmp_path: Path) -> Iterator[ImageCleaner]:
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    with Workspace(make_set(4), reviewer="Ana") as workspace:
        made = ImageCleaner(workspace, page_size=6)
        yield made
        made.close()
    KEYS.reset()


def fuzzed(rng: random.Random, number: int, names: list[str]) -> Any:
    """Return a message of the page in which at least one thing is wrong."""
    if rng.random() < 0.1:
        return rng.choice(JUNK)
    seen = {"page": "p", "suggestions": {}}
    message: dict[Any, Any] = {
        "kind": rng.choice(KINDS), "id": f"fuzz-{number}", "view": "v", "names": rng.sample(names, 2),
        "name": rng.choice(names), "full": False, "window": None, "by": 1, "page": "p", "labels": ["red"],
        "label": "red", "action": "keep", "new_class": False, "seen": seen, "act": "keep", "key": "q",
        "text": "t",
    }  # fmt: skip
    for _ in range(rng.choice((1, 1, 2, 5))):
        field = rng.choice(list(message))
        if rng.random() < 0.2:
            del message[field]
        else:
            message[field] = rng.choice(JUNK)
        if not message:
            break
    return message


def test_fuzzed_messages_of_the_grid_change_nothing_and_reach_no_other_file(
    cleaner: ImageCleaner, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sent: list[tuple[Any, Any]] = []
    monkeypatch.setattr(cleaner.grid, "send", lambda message, buffers=None: sent.append((message, buffers)))
    names = cleaner.workspace.catalog.names.tolist()
    files = {path: path.stat().st_mtime_ns for path in cleaner.workspace.root.rglob("*.png")}
    caplog.set_level(logging.WARNING, logger="cleaner")
    rng, answered, shown, logged = random.Random(7), set(), set(), 0
    for number in range(MESSAGES):
        cleaner.grid._handle_custom_msg(fuzzed(rng, number, names), [])  # may not raise
        if number % 500 == 499 or number == MESSAGES - 1:
            asked = f"fuzz-end-{number}"
            cleaner.grid._handle_custom_msg(
                {"kind": "thumbs", "id": asked, "view": "v", "names": [names[0]]}, []
            )
            wait_for(lambda asked=asked: any(message.get("id") == asked for message, _ in sent[:]))
            assert [r for r in caplog.records if r.levelno >= logging.ERROR] == []
            logged += len(caplog.records)
            for message, buffers in sent:
                answered.add(str(message.get("kind")))
                shown |= {message["name"]} if message.get("kind") == "image" and buffers else set()
                assert all(b"secret" not in bytes(buffer) for buffer in buffers or ())
            sent.clear()
            caplog.clear()
    assert logged >= MESSAGES // 10
    assert {"refused", "pong", "page"} <= answered
    assert shown <= set(names)
    state = cleaner.store.state
    # What was sent was never the page on show: no act is carried out but undo, redo, and texts about classes.
    assert {event.kind for event in state.events} <= {"undo", "redo", "class_describe"}
    assert {path: path.stat().st_mtime_ns for path in cleaner.workspace.root.rglob("*.png")} == files


def test_fuzzed_messages_of_a_panel_do_nothing(caplog: pytest.LogCaptureFixture) -> None:
    panel, done = Panel(button("Go", "go")), []
    panel.on("go", done.append)
    rng = random.Random(7)
    for _ in range(MESSAGES):
        message = rng.choice(
            [
                rng.choice(JUNK),
                {"kind": rng.choice(JUNK), "name": "go"},
                {"kind": "do", "name": rng.choice(JUNK)},
            ]
        )
        panel._handle_custom_msg(message, [])
    assert done == []
    assert len(caplog.records) == MESSAGES
    assert max(len(record.getMessage()) for record in caplog.records) < 300
    panel._handle_custom_msg({"kind": "do", "name": "go", "value": "1"}, [])
    assert done == ["1"]


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(2000):
        if condition():
            return
        time.sleep(0.01)
    msg = "The grid did not answer in 20 seconds."
    raise AssertionError(msg)

"""The tile in JupyterLab's launcher: one click, and the dashboard is there, for this user only."""

from __future__ import annotations

import re
import shutil
import socket
import sqlite3
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from cleaner.widgets.sentences import say

pytest.importorskip("jupyter_server_proxy", reason="the extra “hub” is not installed")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="there is no Unix socket"),
]


@pytest.fixture
def expect() -> Any:
    """Playwright's waiting assertions."""
    return pytest.importorskip("playwright.sync_api").expect


@pytest.fixture
def page(browser: Any) -> Any:
    """A page whose console may say what it likes: JupyterLab's own errors are none of ours."""
    context = browser.new_context(viewport={"width": 1400, "height": 950})
    yield context.new_page()
    context.close()


def dashboards() -> list[psutil.Process]:
    """Return the dashboards that listen on a Unix socket."""
    below = psutil.Process().children(recursive=True)
    return [each for each in below if {"app", "--socket", "--base-url"} <= set(each.cmdline())]


def test_the_tile_opens_the_dashboard_in_which_decisions_are_saved(
    lab: Any, page: Any, colour_set: Path, expect: Any
) -> None:
    root = lab.folder / "bears"
    shutil.copytree(colour_set, root)
    page.goto(f"{lab.url}lab?token={lab.token}&reset")
    tile = page.get_by_role("button", name=re.compile("^cleaner"))  # it says, too, that it opens a tab
    expect(tile).to_be_visible(timeout=60_000)
    expect(tile.get_by_role("img")).to_be_visible()
    with page.context.expect_page() as opened:
        tile.click()
    board = opened.value
    board.get_by_role("button", name=say("start.open.name", name="bears")).click(timeout=90_000)
    cell = board.get_by_role("gridcell").first
    expect(cell).to_be_visible(timeout=60_000)
    name = cell.get_attribute("aria-label").split(",")[0]
    cell.focus()
    board.keyboard.press("x")
    expect(board.get_by_role("gridcell", name=name)).to_have_accessible_name(re.compile("marked delete"))
    expect(board.locator(".is-saving")).to_have_count(0)
    with sqlite3.connect(root / ".cleaner" / "review.db") as database:
        assert list(database.execute("SELECT kind, name FROM events")) == [("delete", name)]

    assert board.url.startswith(f"{lab.url}cleaner/")
    [dashboard] = dashboards()
    assert not [found for found in dashboard.net_connections("tcp") if found.status == psutil.CONN_LISTEN]
    place = Path(dashboard.cmdline()[dashboard.cmdline().index("--socket") + 1])
    assert place.stat().st_mode & 0o777 == 0o600
    assert place.parent.stat().st_mode & 0o077 == 0
    assert answer(place, "/cleaner/").startswith("HTTP/1.1 302")  # to the form that asks for the token
    assert answer(place, "/cleaner/voila/static/voila.js").startswith("HTTP/1.1 403")


def answer(place: Path, path: str) -> str:
    """Return the first line of what a Unix socket answers to somebody without the token."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(30)
        asking.connect(str(place))
        asking.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        return asking.recv(4096).decode("latin-1").splitlines()[0]

"""A real browser for the tests that need one; they are skipped where there is none."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from grid_page import make_cells
from panel_page import show  # noqa: F401 - a fixture
from servers import lab, serve_dashboard, visit  # noqa: F401 - fixtures

HERE = Path(__file__).parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WAIT_MS = 20_000
HARMLESS = ("favicon.ico",)
"""Parts of console errors that say nothing about us."""

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>the grid alone</title>
<link rel="stylesheet" href="/grid.css"><body><button id="before">before</button>
<div id="here"></div><button id="after">after</button>
<script type="module">
import grid from "/grid.js";
import { FakeModel, watch_blobs } from "/fake_model.js";
const setup = await (await fetch("/setup.json")).json();
window.blobs = watch_blobs();
window.model = new FakeModel(setup);
window.render = () => { window.leave = grid.render({ model, el: document.getElementById("here") }); };
window.render();
</script>"""


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One browser for all tests: ``CLEANER_BROWSER``, or the first one found."""
    executable = os.environ.get("CLEANER_BROWSER") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        pytest.skip("no Chromium on this machine")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=executable, headless=True, args=ARGS)
        yield launched
        launched.close()


@pytest.fixture
def expect() -> Any:
    """Playwright's waiting assertions; beside other work, a page may take more than their usual 5 s."""
    waiting = pytest.importorskip("playwright.sync_api").expect
    waiting.set_options(timeout=WAIT_MS)
    return waiting


@pytest.fixture
def new_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Return a function that opens a page; an error on its console fails the test."""
    contexts, errors = [], []

    def is_bad(message: Any) -> bool:
        return message.type == "error" and not any(part in message.text for part in HARMLESS)

    def build(**options: Any) -> Any:
        context = browser.new_context(viewport={"width": 1280, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(8000)
        page.on("console", lambda message: errors.append(message.text) if is_bad(message) else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    yield build
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def open_grid(new_page: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that shows the grid alone, with a stand-in for the kernel."""
    from cleaner.widgets.grid.widget import SCRIPTS, ReviewGrid
    from cleaner.widgets.keys import Keys, key_table
    from cleaner.widgets.sentences import SENTENCES

    def build(
        *,
        clock: bool = False,
        width: int = 1280,
        wait: bool = True,
        joined: bool = True,
        touch: bool = False,
        **setup: Any,
    ) -> Any:
        setup = {
            "classes": ["bird", "cat", "dog"],
            "pages": [make_cells(24), make_cells(24, page=1), make_cells(5, page=2)],
            "words": SENTENCES,
            "key_table": key_table(Keys()),
            **setup,
        }
        files = {
            "": (PAGE, "text/html"),
            "grid.js": (ReviewGrid._esm, "text/javascript"),
            "grid.css": (SCRIPTS.with_name("grid.css").read_text(encoding="utf-8"), "text/css"),
            "fake_model.js": ((HERE / "fake_model.js").read_text(encoding="utf-8"), "text/javascript"),
            "setup.json": (json.dumps(setup), "application/json"),
        }

        if not joined:
            for path in SCRIPTS.glob("*.js"):
                files[path.name] = (path.read_text(encoding="utf-8"), "text/javascript")

        def serve(route: Any) -> None:
            body, kind = files.get(route.request.url.rpartition("/")[2], ("", "text/plain"))
            route.fulfill(body=body, content_type=kind)

        page = new_page(has_touch=touch)
        page.set_viewport_size({"width": width, "height": 900})
        page.route("**/*", serve)
        if clock:
            page.clock.install()
        page.goto("http://grid.test/")
        page.wait_for_function("window.leave !== undefined")  # the page asks for its setup before it draws
        if wait:
            many = len(setup["pages"][0])
            page.wait_for_function(
                "n => document.querySelectorAll('.cleaner-card').length === n"
                " && document.querySelectorAll('.has-picture, .cleaner-bad').length === n",
                arg=many,
            )
        return page

    return build

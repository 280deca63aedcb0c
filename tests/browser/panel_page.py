"""Panels alone in a page, with a stand-in for the kernel."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from cleaner.widgets.panels.base import Panel, Tree

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>a panel alone</title>
<body class="BODY"><div id="here"></div>
<script type="module">
import panel from "/panels.js";
const state = await (await fetch("/state.json")).json();
const listeners = {};
window.sent = [];
window.model = {
  get: (name) => state[name],
  on: (event, act) => { (listeners[event] ??= new Set()).add(act); },
  off: (event, act) => listeners[event]?.delete(act),
  send: (message) => window.sent.push(message),
  change: (name, value) => { state[name] = value; listeners[`change:${name}`]?.forEach((act) => act()); },
  listening: () => Object.values(listeners).reduce((n, set) => n + set.size, 0),
};
window.leave = panel.render({ model, el: document.getElementById("here") });
</script>"""

Show = Callable[..., Any]


@pytest.fixture
def show(new_page: Callable[..., Any]) -> Show:
    """Return a function that opens a page with one panel."""

    def build(*tree: Tree, problem: str = "", body: str = "", address: dict[str, str] | None = None) -> Any:
        state = {"tree": list(tree), "problem": problem, "address": address or {}}
        files = {
            "": (PAGE.replace("BODY", body), "text/html"),
            "panels.js": (Panel._esm, "text/javascript"),
            "state.json": (json.dumps(state), "application/json"),
        }

        def serve(route: Any) -> None:
            name = route.request.url.partition("?")[0].rpartition("/")[2]
            text, kind = files.get(name, ("", "text/plain"))
            route.fulfill(body=str(text), content_type=kind)

        page = new_page()
        page.route("**/*", serve)
        page.goto("http://panel.test/?token=abc")
        page.wait_for_function("window.leave !== undefined")
        return page

    return build


def change(page: Any, name: str, value: object) -> None:
    page.evaluate("([name, value]) => model.change(name, value)", [name, value])


def sent(page: Any) -> list[list[str]]:
    return [[message["name"], message["value"]] for message in page.evaluate("sent")]

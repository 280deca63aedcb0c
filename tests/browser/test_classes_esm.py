"""The panel of the classes in a real browser, by keyboard; the panel itself answers in this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cleaner.review.classes import class_counts, merge_classes
from cleaner.widgets.panels.classes import ClassPanel
from cleaner.widgets.sentences import say
from cleaner.workspace import Workspace

pytestmark = pytest.mark.browser

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>the classes alone</title>
<body><div id="here"></div>
<script type="module">
import panel from "/panels.js";
const state = await (await fetch("/state.json")).json();
const listeners = {};
window.model = {
  get: (name) => state[name],
  on: (event, act) => { (listeners[event] ??= new Set()).add(act); },
  off: (event, act) => listeners[event]?.delete(act),
  send: async (message) => {
    const changed = await (await fetch("/do", { method: "POST", body: JSON.stringify(message) })).json();
    for (const [name, value] of Object.entries(changed)) window.model.change(name, value);
  },
  change: (name, value) => { state[name] = value; listeners[`change:${name}`]?.forEach((act) => act()); },
};
panel.render({ model, el: document.getElementById("here") });
</script>"""


@pytest.fixture
def workspace(colour_set: Path) -> Iterator[Workspace]:
    """Eight pictures each of blue, green and red."""
    with Workspace(colour_set, reviewer="Ana") as made:
        yield made


@pytest.fixture
def show(new_page: Callable[..., Any], workspace: Workspace) -> Iterator[Callable[..., Any]]:
    """Return a function that shows the panel, as ``page.panel``."""
    made: list[ClassPanel] = []

    def build(*, width: int = 900) -> Any:
        panel = ClassPanel(workspace, lambda: None)
        made.append(panel)

        def state() -> str:
            return json.dumps({"tree": panel.tree, "problem": panel.problem, "address": {}})

        def serve(route: Any) -> None:
            name = route.request.url.rpartition("/")[2]
            if name == "do":
                message = json.loads(route.request.post_data)
                panel.do(message["name"], message["value"])
            files = {"": (PAGE, "text/html"), "panels.js": (ClassPanel._esm, "text/javascript")}
            body, kind = files.get(name) or (state(), "application/json")
            route.fulfill(body=str(body), content_type=kind)

        page = new_page()
        page.set_viewport_size({"width": width, "height": 700})
        page.route("**/*", serve)
        page.goto("http://classes.test/")
        page.panel = panel
        page.get_by_role("heading", name="Classes").wait_for()
        return page

    yield build
    for panel in made:
        panel.close()


def redraw(page: Any) -> None:
    page.evaluate("(tree) => model.change('tree', tree)", page.panel.tree)


def labels(workspace: Workspace) -> list[str | None]:
    return [each.label for each in class_counts(workspace.catalog, workspace.store.state)]


def test_a_class_is_renamed_by_keyboard_alone(
    show: Callable[..., Any], expect: Any, workspace: Workspace
) -> None:
    page = show()
    page.get_by_role("button", name="rename red").focus()
    page.keyboard.press("Enter")
    field = page.get_by_label("New name for red")
    expect(field).to_be_focused()
    expect(field).to_have_value("red")
    page.keyboard.press("Control+A")
    page.keyboard.type("crimson")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Renamed")).to_contain_text(
        "Renamed “red” to “crimson”: 8 images. Undo"
    )
    expect(page.get_by_role("button", name="rename crimson")).to_be_focused()
    assert labels(workspace) == ["blue", "crimson", "green"]
    page.get_by_role("button", name="Undo").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="rename red")).to_be_focused()
    assert labels(workspace) == ["blue", "green", "red"]


def test_escape_leaves_without_renaming_and_goes_back(
    show: Callable[..., Any], expect: Any, workspace: Workspace
) -> None:
    page = show()
    page.get_by_role("button", name="rename red").click()
    expect(page.get_by_label("New name for red")).to_be_focused()
    page.keyboard.type("dish")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="rename red")).to_be_focused()
    expect(page.get_by_label("New name for red")).to_have_count(0)
    page.get_by_role("button", name="rename red").click()
    expect(page.get_by_label("New name for red")).to_have_value("red")
    assert workspace.store.state.last_seq == 0


def test_leaving_the_field_renames_nothing(
    show: Callable[..., Any], expect: Any, workspace: Workspace
) -> None:
    page = show()
    page.get_by_role("button", name="rename red").click()
    page.get_by_label("New name for red").fill("crimson")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Rename", exact=True)).to_be_focused()
    assert workspace.store.state.last_seq == 0
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="rename crimson")).to_be_focused()


def test_what_was_typed_stays_when_it_is_refused_and_when_others_act(
    show: Callable[..., Any], expect: Any, workspace: Workspace
) -> None:
    page = show()
    page.get_by_role("button", name="rename green").click()
    field = page.get_by_label("New name for green")
    field.fill("red ")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="“red ” starts or ends with a space")).to_be_visible()
    expect(field).to_have_value("red ")
    expect(field).to_be_focused()
    merge_classes(
        workspace.catalog, workspace.store, "blue", "red", reviewer="Ben"
    )  # the row above goes away
    page.panel.draw()
    redraw(page)
    expect(page.get_by_role("button", name="rename blue")).to_have_count(0)
    expect(field).to_have_value("red ")
    expect(field).to_be_focused()


def test_a_taken_name_leads_to_merging(show: Callable[..., Any], expect: Any, workspace: Workspace) -> None:
    page = show()
    page.get_by_role("button", name="rename red").click()
    page.get_by_label("New name for red").fill("blue")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Merge with “blue”").click()
    choice = page.get_by_label("Merge red into")
    expect(choice).to_be_focused()
    expect(choice).to_have_value("blue")
    become = {"images": "8 images", "label": "red"}
    expect(page.get_by_text(say("classes.merge.images", **become, into="blue"))).to_be_visible()
    choice.select_option("green")
    expect(page.get_by_text(say("classes.merge.images", **become, into="green"))).to_be_visible()
    page.get_by_role("button", name="Merge", exact=True).click()
    expect(page.get_by_role("button", name="rename green")).to_be_focused()
    assert labels(workspace) == ["blue", "green"]


def test_merging_is_shut_until_a_class_is_chosen(show: Callable[..., Any], expect: Any) -> None:
    page = show()
    page.get_by_role("button", name="merge red").click()
    merge = page.get_by_role("button", name="Merge", exact=True)
    expect(merge).to_be_disabled()
    page.get_by_label("Merge red into").select_option("blue")
    expect(merge).to_be_enabled()
    page.get_by_label("Merge red into").press("Escape")
    expect(page.get_by_role("button", name="merge red")).to_be_visible()


def test_new_classes_are_typed_one_after_the_other(
    show: Callable[..., Any], expect: Any, workspace: Workspace
) -> None:
    page = show()
    field = page.get_by_label("New class")
    field.fill("fox")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="rename fox")).to_be_visible()
    expect(field).to_have_value("")
    expect(field).to_be_focused()
    page.keyboard.type("owl")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("button", name="rename owl")).to_be_visible()
    page.get_by_label("New class").fill("fox")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="“fox” exists already")).to_be_visible()
    expect(field).to_have_value("fox")
    assert labels(workspace) == ["blue", "fox", "green", "owl", "red"]


def test_typing_finds_a_class_among_many(show: Callable[..., Any], expect: Any, workspace: Workspace) -> None:
    for i in range(30):
        workspace.store.class_event("class_new", f"class {i:02d}")
    page = show()
    expect(page.get_by_role("row")).to_have_count(1 + 33)
    page.get_by_label("Find a class").press_sequentially("ss 1")
    expect(page.get_by_role("row")).to_have_count(1 + 10)
    expect(page.get_by_label("Find a class")).to_be_focused()


@pytest.mark.parametrize("width", [340, 900])
def test_no_name_however_long_pushes_anything_out_of_sight(
    show: Callable[..., Any], expect: Any, workspace: Workspace, width: int
) -> None:
    workspace.store.class_event("class_rename", "red", "supercalifragilistic" * 9)
    workspace.store.class_event("class_rename", "blue", "a long name of many words " * 6 + "indeed")
    page = show(width=width)
    wide = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert page.evaluate(wide)
    page.get_by_role("button", name="merge supercali").click()
    expect(page.get_by_role("combobox")).to_be_focused()
    assert page.evaluate(wide)
    box = page.get_by_role("button", name="Cancel").bounding_box()
    assert box["x"] + box["width"] <= width

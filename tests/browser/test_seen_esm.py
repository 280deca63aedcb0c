"""Acts say what was seen: what has changed under way is refused and shown anew, and nothing else is."""

from __future__ import annotations

from typing import Any

import pytest
from grid_page import OpenGrid, cell, focus_grid, focused_name, hold, let_go, make_cells, press, sent, settle

from cleaner.widgets.sentences import say

pytestmark = pytest.mark.browser

REFUSED = "Not saved: it has changed."
FIRST = "train/cat/0_00.jpg"


def names_and_labels(page: Any) -> list[tuple[str, dict[str, str]]]:
    return [(act["seen"]["page"], act["seen"]["suggestions"]) for act in sent(page, "decide")]


def test_every_act_says_which_page_it_was_meant_for(open_grid: OpenGrid) -> None:
    page = open_grid()
    settle(page)
    focus_grid(page)
    press(page, "y", "k", "u", "Control+Enter")
    acts = [message for message in page.evaluate("model.sent") if "seen" in message]
    assert [act["kind"] for act in acts] == ["decide", "decide", "undo", "confirm"]
    assert {act["seen"]["page"] for act in acts} == {"page-0"}


def test_only_an_act_that_takes_suggestions_says_which(open_grid: OpenGrid) -> None:
    cells = make_cells(5)
    cells[1]["given"] = None
    page = open_grid(pages=[cells, []])
    focus_grid(page)
    press(page, "y", "k", "k", "x")
    bare = cells[1]["name"]
    assert names_and_labels(page) == [
        ("page-0", {FIRST: "dog"}),
        ("page-0", {bare: "bird"}),
        ("page-0", {}),
        ("page-0", {}),
    ]


def test_suggestion_that_changed_under_way_is_not_taken_and_shown_anew(
    open_grid: OpenGrid, expect: Any
) -> None:
    page = open_grid()
    focus_grid(page)
    hold(page)
    press(page, "y")
    expect(cell(page, 0).locator(".cleaner-badge")).to_have_text(say("grid.badge.relabel", label="dog"))
    page.evaluate("name => model.suggest(name, 'bird')", FIRST)
    let_go(page)
    expect(page.get_by_role("alert")).to_contain_text(REFUSED)
    expect(cell(page, 0).locator(".cleaner-badge")).to_be_hidden()
    expect(cell(page, 0).locator(".cleaner-suggestion")).to_contain_text("bird")
    assert focused_name(page) == "0_00.jpg"
    wait_for_the_keys(page)
    press(page, "y")
    expect(cell(page, 0).locator(".cleaner-badge")).to_have_text(say("grid.badge.relabel", label="bird"))
    expect(page.get_by_role("alert")).to_have_text("")


def wait_for_the_keys(page: Any) -> None:
    """Wait until a key is surely meant for what was shown anew."""
    page.evaluate("window.since = Date.now()")
    page.wait_for_function("Date.now() - window.since > 520")


def test_keys_in_a_row_do_not_run_into_what_is_shown_anew(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    page.clock.set_fixed_time("2040-01-01T10:00:00")
    focus_grid(page)
    hold(page)
    press(page, "y", "y", "k")
    page.evaluate("name => model.suggest(name, 'bird')", FIRST)
    let_go(page)
    expect(page.get_by_role("alert")).to_contain_text(REFUSED)
    expect(page.locator(".is-saving")).to_have_count(0)
    badges = page.locator(".cleaner-badge:not([hidden])")
    expect(badges).to_have_text([say("grid.badge.relabel", label="bird"), say("grid.badge.keep")])
    assert focused_name(page) == "0_00.jpg"
    press(page, "y")  # was on its way to the fourth card
    assert len(sent(page, "decide")) == 3
    expect(page.get_by_role("alert")).to_contain_text(REFUSED)
    page.clock.set_fixed_time("2040-01-01T10:00:01")
    press(page, "y")
    assert sent(page, "decide")[-1]["seen"]["suggestions"] == {FIRST: "bird"}
    expect(page.get_by_role("alert")).to_have_text("")


def test_act_on_a_page_that_is_gone_is_refused_and_the_new_page_shown(
    open_grid: OpenGrid, expect: Any
) -> None:
    page = open_grid()
    focus_grid(page)
    hold(page)
    press(page, "k")
    page.evaluate("() => { model.at = 1; model.open_page = 'page-1'; }")  # as when a new ranking came
    let_go(page)
    expect(page.get_by_role("alert")).to_contain_text(REFUSED)
    expect(page.locator(".cleaner-title")).to_have_text("Page 2")
    expect(page.locator(".cleaner-badge:not([hidden])")).to_have_count(0)


def test_keys_pressed_faster_than_they_are_answered_are_all_taken(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    settle(page)
    focus_grid(page)
    hold(page)
    press(page, "k", "x", "y", "1", "u", "u", "Control+Enter")
    let_go(page)
    expect(page.locator(".cleaner-title")).to_have_text("Page 2")
    press(page, "k", "ArrowRight", "x", "u", "u", "u")
    expect(page.locator(".is-saving")).to_have_count(0)
    expect(page.get_by_role("alert")).to_have_text("")
    assert len(sent(page, "undo")) == 5


def test_key_while_the_page_turns_is_left_out(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    focus_grid(page)
    hold(page)
    press(page, "PageDown", "k", "x")
    assert sent(page, "decide") == []
    let_go(page)
    expect(page.locator(".cleaner-title")).to_have_text("Page 2")
    press(page, "k")
    assert [act["seen"]["page"] for act in sent(page, "decide")] == ["page-1"]
    expect(page.get_by_role("alert")).to_have_text("")

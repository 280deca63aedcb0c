"""Similar images in the browser: the button and its key, and one act for all that are unmarked."""

from __future__ import annotations

from typing import Any

import pytest
from grid_page import OpenGrid, cell, focus_grid, make_cells, press, sent

from cleaner.widgets.sentences import say

pytestmark = pytest.mark.browser

SAME = (
    "{ kind: 'page', page: { ...model.page(0), id: 'aside', title: 'Similar images',"
    " same: { action: 'relabel', label: 'bird' } } }"
)


def offer(page: Any, text: str) -> None:
    page.evaluate("text => model.reply({ kind: 'offer', text })", text)


def test_the_button_is_there_only_while_something_is_offered(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    button = page.locator(".is-similar")
    expect(button).to_be_hidden()
    offer(page, "12 similar images")
    expect(page.get_by_role("button", name="12 similar images")).to_be_visible()
    offer(page, "")
    expect(button).to_be_hidden()


def test_the_key_asks_for_them_and_says_so_when_there_are_none(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    focus_grid(page)
    press(page, "l")
    expect(page.get_by_role("status")).to_contain_text(say("grid.none_similar"))
    assert sent(page, "similar") == []
    offer(page, "1 similar image")
    press(page, "l")
    assert len(sent(page, "similar")) == 1


def test_among_similar_ones_the_key_gives_all_unmarked_ones_the_same_label(
    open_grid: OpenGrid, expect: Any
) -> None:
    cells = make_cells(6)
    cells[1]["decision"] = {"action": "keep", "label": None, "reviewer": "Ana", "mine": True}
    page = open_grid(pages=[cells])
    page.evaluate(f"model.reply({SAME})")
    expect(page.get_by_role("button", name=say("grid.decide_same"))).to_be_visible()
    focus_grid(page)
    press(page, "l")
    decided = sent(page, "decide")
    assert [(m["action"], m["label"]) for m in decided] == [("relabel", "bird")]
    assert decided[0]["names"] == [c["name"] for i, c in enumerate(cells) if i != 1]
    expect(page.locator(".is-saving")).to_have_count(0)
    press(page, "l")
    expect(page.get_by_role("status")).to_contain_text(say("grid.all_similar_decided"))
    assert len(sent(page, "decide")) == 1


def test_among_similar_ones_a_selection_counts_alone(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid(pages=[make_cells(6)])
    page.evaluate(f"model.reply({SAME})")
    expect(page.locator(".cleaner-title")).to_have_text("Similar images")
    cell(page, 3).focus()
    press(page, "Space")
    page.get_by_role("button", name=say("grid.decide_same")).click()
    assert [message["names"] for message in sent(page, "decide")] == [[make_cells(6)[3]["name"]]]

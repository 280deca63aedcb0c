"""Selecting with the mouse held down, or with a finger, in a real browser."""

from __future__ import annotations

from typing import Any

import pytest
from grid_page import OpenGrid, cell, focus_grid, focused_name, make_cells, press, sent

from cleaner.widgets.sentences import say

pytestmark = pytest.mark.browser


def middle(page: Any, index: int) -> tuple[float, float]:
    box = cell(page, index).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def stroke(page: Any, first: int, last: int, *, release: bool = True) -> None:
    """Drag from the middle of one card to that of another."""
    page.mouse.move(*middle(page, first))
    page.mouse.down()
    page.mouse.move(*middle(page, last), steps=4)
    if release:
        page.mouse.up()


def selected(page: Any) -> list[int]:
    chosen = page.eval_on_selector_all(".cleaner-card", "cards => cards.map((card) => card.ariaSelected)")
    return [i for i, each in enumerate(chosen) if each == "true"]


def columns(page: Any) -> int:
    return int(page.locator("[role=row]").first.locator(".cleaner-card").count())


def test_a_frame_selects_the_cards_below_it_and_one_key_decides_on_them(
    open_grid: OpenGrid, expect: Any
) -> None:
    page = open_grid()
    wide = columns(page)
    stroke(page, 1, wide + 2, release=False)
    expect(page.locator(".cleaner-drag")).to_be_visible()
    page.mouse.up()
    expect(page.locator(".cleaner-drag")).to_have_count(0)
    assert selected(page) == [1, 2, wide + 1, wide + 2]
    expect(page.get_by_role("status")).to_contain_text(say("grid.selected", n=4))
    assert focused_name(page) == f"0_{wide + 2:02d}.jpg"
    press(page, "x")
    (act,) = sent(page, "decide")
    assert (act["action"], len(act["names"])) == ("delete", 4)
    assert selected(page) == []


def test_the_frame_shrinks_again_and_another_one_begins_anew(open_grid: OpenGrid) -> None:
    page = open_grid()
    stroke(page, 0, 3, release=False)
    page.mouse.move(*middle(page, 1))
    page.mouse.up()
    assert selected(page) == [0, 1]
    stroke(page, 3, 2)
    assert selected(page) == [2, 3]


@pytest.mark.parametrize("held", ["Shift", "Control"])
def test_with_shift_or_ctrl_what_was_selected_stays(open_grid: OpenGrid, held: str) -> None:
    page = open_grid()
    stroke(page, 0, 1)
    page.keyboard.down(held)
    stroke(page, 3, 4)
    page.keyboard.up(held)
    assert selected(page) == [0, 1, 3, 4]


def test_escape_gives_the_stroke_up_and_leaves_the_selection_as_it_was(open_grid: OpenGrid) -> None:
    page = open_grid()
    stroke(page, 0, 1)
    stroke(page, 2, 4, release=False)
    assert selected(page) == [2, 3, 4]
    press(page, "Escape")
    assert selected(page) == [0, 1]
    page.mouse.move(*middle(page, 5))
    page.mouse.up()
    assert selected(page) == [0, 1]
    press(page, "Escape")
    assert selected(page) == []


def test_a_click_with_a_shaking_hand_stays_a_click(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    x, y = middle(page, 3)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 3, y + 2)
    page.mouse.up()
    assert (selected(page), focused_name(page)) == ([], "0_03.jpg")
    page.keyboard.down("Control")
    cell(page, 1).click()
    page.keyboard.up("Control")
    assert selected(page) == [1]
    cell(page, 2).dblclick()
    expect(page.get_by_role("dialog", name=say("grid.large_view"))).to_be_visible()


def test_keys_go_on_from_where_the_stroke_ended(open_grid: OpenGrid) -> None:
    page = open_grid()
    focus_grid(page)
    stroke(page, 0, 2)
    press(page, "Shift+ArrowRight")
    assert selected(page) == [2, 3]


def test_a_stroke_ends_with_its_page(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    stroke(page, 0, 2, release=False)
    page.evaluate("model.turn_to(1)")
    expect(page.locator(".cleaner-title")).to_have_text("Page 2")
    page.mouse.move(*middle(page, 4))
    page.mouse.up()
    assert selected(page) == []


def test_a_frame_reaches_over_groups(open_grid: OpenGrid) -> None:
    cells = [*make_cells(3, group="1"), *make_cells(3, page=1, group="2")]
    groups = [{"id": i, "title": i, "marks": [], "settled": "", "ready": True} for i in "12"]
    page = open_grid(pages=[cells], options={"purpose": "fixes", "groups": [groups]})
    stroke(page, 1, 4)
    assert selected(page) == [1, 4]


def test_at_the_edge_the_page_scrolls_along(open_grid: OpenGrid) -> None:
    page = open_grid(width=400)
    page.mouse.move(*middle(page, 0))
    page.mouse.down()
    page.mouse.move(200, 895, steps=4)
    page.wait_for_function("document.scrollingElement.scrollTop > 400")
    page.mouse.up()
    chosen = selected(page)
    assert chosen[0] == 0
    assert chosen == [2 * row for row in range(len(chosen))]  # the left one of two columns
    assert len(chosen) > 4


class Finger:
    """Touches the screen as a finger does; Playwright's own touchscreen only taps."""

    def __init__(self, page: Any) -> None:
        self._page = page
        self._session = page.context.new_cdp_session(page)

    def _send(self, kind: str, *points: tuple[float, float]) -> None:
        touched = [{"x": x, "y": y} for x, y in points]
        self._session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touched})

    def down(self, x: float, y: float) -> None:
        self._send("touchStart", (x, y))

    def move(self, x: float, y: float) -> None:
        self._send("touchMove", (x, y))
        self._page.evaluate("new Promise(requestAnimationFrame)")  # the next one is one of its own

    def up(self) -> None:
        self._send("touchEnd")


def test_a_finger_that_rests_selects_and_one_that_does_not_scrolls(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid(width=400, touch=True)
    finger = Finger(page)
    first, second = middle(page, 0), middle(page, 3)
    finger.down(*second)
    for step in range(1, 6):
        finger.move(second[0], second[1] - 40 * step)
    finger.up()
    page.wait_for_function("document.scrollingElement.scrollTop > 50")
    assert selected(page) == []
    page.evaluate("document.scrollingElement.scrollTop = 0")
    page.wait_for_function("document.scrollingElement.scrollTop === 0")
    finger.down(*first)
    expect(page.locator(".is-dragging")).to_have_count(1)
    finger.move(first[0], first[1] + 20)
    finger.move(*second)
    finger.up()
    expect(page.locator(".is-dragging")).to_have_count(0)
    assert selected(page) == [0, 1, 2, 3]
    assert page.evaluate("document.scrollingElement.scrollTop") == 0

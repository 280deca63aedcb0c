"""The threshold above the grid in a real browser: the slider by key and mouse, and its histogram."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from panel_page import Show, change, sent

from cleaner.session.scales import Scale
from cleaner.widgets.panels.base import Tree, node
from cleaner.widgets.panels.checks import found_entries
from cleaner.widgets.panels.threshold import ThresholdPanel
from cleaner.widgets.sentences import say

pytestmark = pytest.mark.browser

HERE = Path(__file__).parent
SCALE = Scale(
    order="blurry",
    counts=[900, 30, 3, 2, 1],
    edges=[0.0, 0.2, 0.4, 0.6, 0.8, 1.0],
    value=0.6,
    default=0.6,
    found=3,
)
TOLD = "() => sent.length === {}"


def trees(scale: Scale | None) -> list[Tree]:
    """Return what the panel shows for a scale."""
    panel = ThresholdPanel(lambda value: None)
    panel.show_for(scale)
    panel.close()
    return list(panel.tree)


def answer(page: Any, value: float, found: int) -> None:
    """Answer a move as Python would: it repeats the value at once, and gives the figures a little later."""
    panel = ThresholdPanel(lambda value: None)
    panel.show_for(SCALE)
    panel.do("threshold", str(value))
    change(page, "tree", list(panel.tree))
    panel.close()
    change(page, "tree", trees(replace(SCALE, value=value, found=found)))


def slider(page: Any) -> Any:
    return page.get_by_role("slider", name=say("threshold.score", order=say("order.blurry")))


def marked(page: Any) -> list[str]:
    return page.evaluate("[...document.querySelectorAll('.is-in')].map((bar) => bar.dataset.value)")  # type: ignore[no-any-return]


def test_arrows_move_the_threshold_and_the_figures_follow(show: Show, expect: Any) -> None:
    page = show(*trees(SCALE))
    expect(page.get_by_role("img")).to_have_accessible_name(
        say("threshold.histogram", all="936 images", low="0.00", high="1.00", above=3, value="0.60")
    )
    assert marked(page) == ["0.6000", "0.8000"]
    page.keyboard.press("Tab")
    expect(slider(page)).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".cleaner-scale-value")).to_have_text("0.61")
    assert marked(page) == ["0.8000"]
    page.wait_for_function(TOLD.format(1))
    assert sent(page) == [["threshold", "0.61"]]
    answer(page, 0.61, 1)
    expect(page.get_by_role("status")).to_have_text(say("threshold.images", images="1 image"))
    expect(slider(page)).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(TOLD.format(2))
    assert sent(page)[1] == ["threshold", "0.62"]


@contextmanager
def standing_still(page: Any) -> Iterator[None]:
    """Let no time pass in the page meanwhile, however slow the machine is."""
    page.clock.install()
    page.clock.pause_at(page.evaluate("Date.now() + 1000"))
    yield
    page.clock.resume()


def test_a_key_that_is_held_down_tells_only_where_it_ended(show: Show) -> None:
    page = show(*trees(SCALE))
    slider(page).focus()
    with standing_still(page):
        for _ in range(5):
            page.keyboard.press("ArrowLeft")
        page.keyboard.press("Tab")
    page.wait_for_function(TOLD.format(1))
    assert sent(page) == [["threshold", "0.55"]]
    assert marked(page) == ["0.6000", "0.8000"]


def test_a_late_answer_does_not_take_the_slider_out_of_the_hand(show: Show, expect: Any) -> None:
    page = show(*trees(SCALE))
    slider(page).focus()
    page.keyboard.press("End")
    page.wait_for_function(TOLD.format(1))
    page.keyboard.press("ArrowLeft")
    answer(page, 1.0, 0)
    expect(slider(page)).to_have_value("0.99")
    expect(page.locator(".cleaner-scale-value")).to_have_text("0.99")
    page.wait_for_function(TOLD.format(2))
    answer(page, 0.99, 0)
    change(page, "tree", trees(SCALE))  # and then something else sets it
    expect(slider(page)).to_have_value("0.6")
    assert marked(page) == ["0.6000", "0.8000"]


def test_a_move_that_is_taken_back_is_undone(show: Show, expect: Any) -> None:
    page = show(*trees(SCALE))
    slider(page).focus()
    page.keyboard.press("Home")
    page.wait_for_function(TOLD.format(1))
    change(page, "tree", trees(replace(SCALE, value=0.0, found=936)))
    change(page, "tree", trees(SCALE))
    expect(slider(page)).to_have_value("0.6")
    assert marked(page) == ["0.6000", "0.8000"]
    with standing_still(page):
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("Tab")
    change(page, "tree", trees(replace(SCALE, value=0.7)))
    expect(slider(page)).to_have_value("0.7")
    assert sent(page) == [["threshold", "0"]]


def test_dragging_tells_the_end_and_the_bars_stand_above_their_values(show: Show, expect: Any) -> None:
    page = show(*trees(SCALE))
    box = slider(page).bounding_box()
    middle = box["y"] + box["height"] / 2

    def x_of(value: float) -> float:
        return float(box["x"] + 8 + value * (box["width"] - 16))

    page.mouse.move(x_of(0.6), middle)
    page.mouse.down()
    for value in (0.5, 0.3, 0.2):
        page.mouse.move(x_of(value), middle)
    expect(page.locator(".cleaner-scale-value")).to_have_text("0.20")
    assert sent(page) == []
    bar = page.locator("rect").nth(1).bounding_box()
    assert abs(bar["x"] - x_of(0.2)) < 2
    page.mouse.up()
    page.wait_for_function(TOLD.format(1))
    assert sent(page) == [["threshold", "0.2"]]


def test_letters_lead_back_to_the_pictures_without_acting(show: Show, expect: Any) -> None:
    page = show(*trees(SCALE))
    page.evaluate(
        "() => { const grid = document.createElement('div'); grid.id = 'grid';"
        "grid.innerHTML = '<div role=gridcell tabindex=-1>1</div><div role=gridcell tabindex=0>2</div>';"
        "document.body.append(grid); window.acted = [];"
        "grid.addEventListener('keydown', (event) => acted.push(event.key)); }"
    )
    for key in ("x", "k", "5", "/", "Enter", "Escape"):
        slider(page).focus()
        page.keyboard.press(key)
        expect(page.get_by_role("gridcell", name="2")).to_be_focused()
    assert page.evaluate("acted") == []
    page.keyboard.press("x")
    assert page.evaluate("acted") == ["x"]
    assert sent(page) == []


def test_the_default_is_one_press_away_and_hands_on_the_focus(show: Show, expect: Any) -> None:
    page = show(*trees(replace(SCALE, value=0.8)))
    page.get_by_role("button", name=say("threshold.reset", value="0.60")).press("Enter")
    assert sent(page) == [["default", ""]]
    change(page, "tree", trees(SCALE))
    expect(slider(page)).to_be_focused()
    expect(slider(page)).to_have_value("0.6")


def test_another_scale_takes_the_place_of_the_first(show: Show, expect: Any) -> None:
    page = show(*trees(SCALE))
    change(page, "tree", trees(None))
    expect(page.get_by_role("slider")).to_have_count(0)
    alike = replace(SCALE, order="duplicates", edges=[0.7, 0.76, 0.82, 0.88, 0.94, 1.0], low=0.7, value=0.95)
    change(page, "tree", trees(alike))
    expect(page.get_by_role("slider", name=re.compile("similarity"))).to_have_value("0.95")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_word_and_bar_can_be_told_from_what_is_behind_it(show: Show, theme: str) -> None:
    found = node("ul", *found_entries({"groups": 12, "leaks": 3, "dark": 7}), class_="cleaner-found")
    page = show(*trees(replace(SCALE, value=0.8)), found)
    ratios = (HERE / "page_contrast.js").read_text(encoding="utf-8")
    page.evaluate(
        "(theme) => { document.body.dataset.jpThemeLight = String(theme === 'light');"
        "document.getElementById('here').className = 'cleaner-app'; }",
        theme,
    )
    assert page.evaluate(ratios) == {}
    small = page.evaluate(
        "() => [...document.querySelectorAll('button, input')].filter((el) => el.offsetHeight < 24)"
        ".map((el) => el.outerHTML)"
    )
    assert small == []
    inks = page.evaluate("[...document.querySelectorAll('rect')].map((bar) => getComputedStyle(bar).fill)")
    assert len(set(inks)) == 2

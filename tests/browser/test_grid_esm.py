"""The grid's scripts in a real browser, with a stand-in for the kernel: what is drawn, focus, selection."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from grid_page import (
    OpenGrid,
    cell,
    focus_grid,
    focused_name,
    make_cells,
    press,
    sent,
    settle,
    spoken,
    status,
)

from cleaner.widgets.sentences import say

pytestmark = pytest.mark.browser

HERE = Path(__file__).parent


def test_modules_work_as_they_are_too(open_grid: OpenGrid, expect: Any) -> None:
    """Joining changes nothing: the browser takes the modules one by one as well."""
    page = open_grid(joined=False)
    focus_grid(page)
    press(page, "x")
    expect(cell(page, 0).locator(".cleaner-badge")).to_have_text(say("grid.badge.delete"))


# ---------------------------------------------------------------- structure and names


def test_grid_rows_and_cells_carry_roles_counts_and_names(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    grid = page.get_by_role("grid", name=say("grid.images_to_review"))
    expect(grid).to_have_attribute("aria-multiselectable", "true")
    expect(grid).to_have_attribute("aria-rowcount", "4")
    expect(grid).to_have_attribute("aria-colcount", "6")
    expect(grid.get_by_role("row")).to_have_count(4)
    expect(grid.get_by_role("row").nth(1).get_by_role("gridcell")).to_have_count(6)
    expect(grid.get_by_role("row").nth(1)).to_have_attribute("aria-rowindex", "2")
    expect(cell(page, 7)).to_have_attribute("aria-colindex", "2")
    name = spoken(make_cells(1)[0])
    assert name == "train/cat/0_00.jpg, labelled cat, predicted dog 0.93, loss 2.61"
    expect(grid.get_by_role("gridcell", name=name, exact=True)).to_have_count(1)
    assert page.locator(".cleaner-card img").first.get_attribute("alt") == ""


def test_every_button_has_its_plain_name(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    names = [say(f"grid.{key}") for key in ("keep", "delete", "unsure", "undo", "enlarge", "show_keys")]
    for name in (*names, say("grid.confirm_page"), say("grid.relabel_to_label", label="dog")):
        expect(page.get_by_role("button", name=name, exact=True)).to_have_count(1)
    expect(page.get_by_role("status")).to_have_text(status(0, say("grid.confirm.keeps_all", n=24)))
    expect(page.get_by_role("alert")).to_have_text("")


def test_targets_are_at_least_24_pixels(open_grid: OpenGrid) -> None:
    page = open_grid(width=420)
    small = page.evaluate(
        "() => [...document.querySelectorAll('.cleaner-root button, .cleaner-corner')]"
        ".filter(el => el.offsetParent && Math.min(el.offsetHeight, el.offsetWidth) < 24)"
        ".map(el => el.outerHTML)"
    )
    assert small == []


def test_labels_and_names_are_text_and_never_markup(open_grid: OpenGrid, expect: Any) -> None:
    evil = "<img src=x onerror=alert(1)>"
    page = open_grid(
        classes=[evil], pages=[make_cells(2, given=evil, suggestion=evil, notes=[evil], facts=[[evil, evil]])]
    )
    expect(cell(page, 0).locator("b").first).to_have_text(evil)
    focus_grid(page)
    press(page, "Enter", "x", "Escape", "/")
    assert page.locator("img[src='x']").count() == 0


def test_prediction_that_agrees_is_grey_and_one_that_differs_is_not(open_grid: OpenGrid, expect: Any) -> None:
    cells = make_cells(2)
    cells[0]["suggestion"] = cells[0]["given"]
    page = open_grid(pages=[cells])
    expect(cell(page, 0).locator(".cleaner-suggestion")).to_have_class("cleaner-suggestion is-same")
    expect(cell(page, 1).locator(".cleaner-suggestion")).to_have_class("cleaner-suggestion")
    expect(cell(page, 1).locator(".cleaner-suggestion")).to_have_text("bird 93\u00a0%")


def test_columns_follow_the_width_and_focus_stays(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    grid = page.get_by_role("grid")
    cell(page, 7).focus()
    for width, columns, rows in ((420, "2", "12"), (640, "4", "6"), (1600, "8", "3")):
        page.set_viewport_size({"width": width, "height": 900})
        expect(grid).to_have_attribute("aria-colcount", columns)
        expect(grid).to_have_attribute("aria-rowcount", rows)
        expect(grid.get_by_role("row")).to_have_count(int(rows))
        assert focused_name(page) == "0_07.jpg"


def test_unreadable_picture_shows_its_reason_and_confirm_does_not_keep_it(
    open_grid: OpenGrid, expect: Any
) -> None:
    page = open_grid(problems={"train/dog/0_01.jpg": "truncated: the file ends early"})
    expect(cell(page, 1)).to_contain_text(say("grid.cannot_be_shown"))
    expect(cell(page, 1)).to_contain_text("truncated: the file ends early")
    text = f"{say('grid.confirm.keeps_other', n=23)}; {say('grid.confirm.unseen_one', n=1)}"
    expect(page.get_by_role("status")).to_have_text(status(0, text))
    settle(page)
    page.get_by_role("button", name=say("grid.confirm_page")).click()
    expect(page.locator(".cleaner-title")).to_have_text("Page 2")
    assert "train/dog/0_01.jpg" not in sent(page, "confirm")[0]["names"]
    assert len(sent(page, "confirm")[0]["names"]) == 23


def test_empty_page_says_what_to_do(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid(pages=[[]])
    expect(page.get_by_text("Every picture in this view is decided.")).to_be_visible()
    expect(page.get_by_role("button", name=say("grid.confirm_page"))).to_be_disabled()
    expect(page.get_by_role("button", name=say("grid.undo"))).to_be_enabled()
    press(page, "x", "Enter", "/")


@pytest.mark.parametrize("dark", [False, True])
def test_words_stand_out_from_their_ground(open_grid: OpenGrid, dark: bool) -> None:
    """At least 4.5:1 for text and 3:1 for the ring around the card in focus."""
    page = open_grid()
    if dark:
        page.evaluate("() => { document.body.dataset.jpThemeLight = 'false'; }")
    focus_grid(page)
    press(page, "x", "s", "k", "3")
    ratios = page.evaluate((HERE / "contrast.js").read_text(encoding="utf-8"))
    ring = ratios.pop("ring")
    assert ring >= 3
    assert {name: round(ratio, 2) for name, ratio in ratios.items() if ratio < 4.5} == {}


# ---------------------------------------------------------------- moving and selecting


def test_grid_is_one_tab_stop_and_remembers_its_cell(open_grid: OpenGrid) -> None:
    page = open_grid()
    assert page.locator(".cleaner-card[tabindex='0']").count() == 1
    focus_grid(page)
    press(page, "ArrowRight", "ArrowDown", "Tab")
    assert page.evaluate("document.activeElement.className").startswith("cleaner-button")
    press(page, "Shift+Tab")
    assert focused_name(page) == "0_07.jpg"


def test_legend_is_one_tab_stop_with_arrows(open_grid: OpenGrid) -> None:
    page = open_grid()
    focus_grid(page)
    press(page, "Tab")
    assert page.evaluate("document.activeElement.textContent") == "y" + say("grid.suggestion")
    press(page, "ArrowRight", "ArrowRight")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == say(
        "grid.relabel_to_label", label="cat"
    )
    press(page, "Tab")
    assert page.evaluate("document.activeElement.textContent") == say("grid.keep") + "k"


@pytest.mark.parametrize(
    ("keys", "name"),
    [
        (("ArrowRight", "ArrowRight", "ArrowLeft"), "0_01.jpg"),
        (("ArrowDown", "ArrowDown", "ArrowUp"), "0_06.jpg"),
        (("ArrowLeft",), "0_00.jpg"),
        (("ArrowUp",), "0_00.jpg"),
        (("End",), "0_05.jpg"),
        (("ArrowDown", "End", "Home"), "0_06.jpg"),
        (("Control+End",), "0_23.jpg"),
        (("Control+End", "ArrowRight", "ArrowDown"), "0_23.jpg"),
        (("Control+End", "Control+Home"), "0_00.jpg"),
    ],
)
def test_keys_move_the_focus(open_grid: OpenGrid, keys: tuple[str, ...], name: str) -> None:
    page = open_grid()
    focus_grid(page)
    press(page, *keys)
    assert focused_name(page) == name


def test_the_card_in_focus_is_clear_of_the_bar_whatever_focus_itself_scrolls(open_grid: OpenGrid) -> None:
    page = open_grid()
    # Firefox scrolls to what is focused only if nothing of it is in the window, also if a bar covers what is.
    page.evaluate(
        """() => {
            const { focus } = HTMLElement.prototype;
            HTMLElement.prototype.focus = function () { focus.call(this, { preventScroll: true }); };
        }"""
    )
    focus_grid(page)
    press(page, "Control+End")
    card = page.locator(".cleaner-card:focus").bounding_box()
    bar = page.locator(".cleaner-bar").bounding_box()
    assert card["y"] + card["height"] <= bar["y"]
    press(page, "Control+Home")
    assert page.locator(".cleaner-card:focus").bounding_box()["y"] >= 0


def test_down_into_a_short_last_row_goes_to_its_last_cell(open_grid: OpenGrid) -> None:
    page = open_grid(pages=[make_cells(8)])
    focus_grid(page)
    press(page, "End", "ArrowDown")
    assert focused_name(page) == "0_07.jpg"


def test_selection_by_keys(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    selected = page.locator(".cleaner-card[aria-selected='true']")
    focus_grid(page)
    press(page, "Space")
    expect(selected).to_have_count(1)
    press(page, "Shift+ArrowRight", "Shift+ArrowDown")
    expect(selected).to_have_count(8)
    press(page, "Shift+ArrowUp")
    expect(selected).to_have_count(2)
    expect(page.get_by_role("status")).to_contain_text(say("grid.selected", n=2))
    press(page, "Escape")
    expect(selected).to_have_count(0)
    press(page, "Control+a")
    expect(selected).to_have_count(24)
    press(page, "Space")
    expect(selected).to_have_count(23)


def test_selection_by_mouse(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    selected = page.locator(".cleaner-card[aria-selected='true']")
    cell(page, 2).click()
    assert focused_name(page) == "0_02.jpg"
    expect(selected).to_have_count(0)
    cell(page, 2).locator(".cleaner-corner").click()
    expect(selected).to_have_count(1)
    cell(page, 4).click(modifiers=["Control"])
    expect(selected).to_have_count(2)
    cell(page, 9).click(modifiers=["Shift"])
    expect(selected).to_have_count(6)
    page.get_by_role("button", name=say("grid.select_none")).click()
    expect(selected).to_have_count(0)
    page.get_by_role("button", name=say("grid.select_all")).click()
    expect(selected).to_have_count(24)


def test_click_between_the_cards_leaves_the_keys_with_the_grid(open_grid: OpenGrid) -> None:
    page = open_grid()
    cell(page, 3).click()
    page.locator(".cleaner-title").click()
    page.wait_for_function("document.activeElement.classList.contains('cleaner-card')")
    press(page, "x")
    assert sent(page, "decide")[0]["names"] == ["train/cat/0_03.jpg"]


def test_focus_of_a_lone_page_starts_in_the_grid(open_grid: OpenGrid) -> None:
    page = open_grid()
    assert focused_name(page) == "0_00.jpg"


def test_keys_of_an_input_and_unlisted_combinations_are_left_alone(open_grid: OpenGrid) -> None:
    page = open_grid()
    page.evaluate("document.querySelector('.cleaner-head').append(document.createElement('input'))")
    page.locator(".cleaner-head input").focus()
    press(page, "x", "k", "1", "Delete")
    focus_grid(page)
    press(page, "Alt+x", "Control+k", "Control+s", "F2", "q")
    assert sent(page, "decide") == []


def test_handled_keys_are_prevented_and_shortcuts_of_the_notebook_are_suppressed(open_grid: OpenGrid) -> None:
    page = open_grid()
    assert page.locator(".cleaner-root").get_attribute("data-lm-suppress-shortcuts") == "true"
    # A notebook tries its shortcuts on the element in focus before it looks at what that is in.
    for _ in range(14):
        press(page, "Tab")
        assert (
            page.evaluate(
                "() => document.activeElement.dataset.lmSuppressShortcuts"
                " ?? String(!document.querySelector('.cleaner-root').contains(document.activeElement))"
            )
            == "true"
        )
    page.evaluate(
        "() => { window.seen = [];"
        " document.addEventListener('keydown', e => seen.push([e.key, e.defaultPrevented])); }"
    )
    focus_grid(page)
    press(page, "ArrowRight", "a", "b", "x", "Tab")
    assert page.evaluate("seen") == [
        ["ArrowRight", True],
        ["a", True],
        ["b", False],
        ["x", True],
        ["Tab", False],
    ]


# ---------------------------------------------------------------- pictures


def test_only_this_page_and_the_next_are_held(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    page.wait_for_function("blobs.size === 48")
    press(page, "PageDown")
    expect(page.locator(".cleaner-title")).to_have_text("Page 2")
    page.wait_for_function("blobs.size === 29")  # 24 of this page, 5 of the next
    asked = sent(page, "thumbs")
    assert [len(message["names"]) for message in asked] == [24, 24, 5]
    press(page, "PageDown")
    page.wait_for_function("blobs.size === 5")
    page.evaluate("leave()")
    assert page.evaluate("blobs.size") == 0
    assert page.evaluate("document.getElementById('here').childElementCount") == 0


def test_images_of_the_next_page_wait_for_those_of_this_one(open_grid: OpenGrid) -> None:
    page = open_grid()
    page.wait_for_function("blobs.size === 48")
    page.evaluate("() => { model.mute_thumbs = true; model.turn_to(2); }")
    next_page = (
        "() => model.reply({ kind: 'next', page: 'page-2', names: model.pages[0].map((c) => c.name) })"
    )
    page.evaluate(next_page)
    assert [len(message["names"]) for message in sent(page, "thumbs")] == [24, 24, 5]
    page.evaluate(
        "() => { const { id, names } = model.of_kind('thumbs').at(-1); model.send_thumbs(id, names); }"
    )
    page.wait_for_function("blobs.size === 5")
    page.evaluate(next_page)
    assert [len(message["names"]) for message in sent(page, "thumbs")] == [24, 24, 5, 24]


def test_large_view_holds_the_neighbours_only_and_lets_go(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    page.wait_for_function("blobs.size === 48")
    focus_grid(page)
    press(page, "Enter")
    page.wait_for_function("blobs.size === 50")
    for _ in range(5):
        press(page, "ArrowRight")
    page.wait_for_function("blobs.size === 51")
    press(page, "Escape")
    page.wait_for_function("blobs.size === 48")

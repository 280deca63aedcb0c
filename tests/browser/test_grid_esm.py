"""The grid's scripts in a real browser, with a stand-in for the kernel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from grid_page import make_cells, settle

pytestmark = pytest.mark.browser

HERE = Path(__file__).parent

OpenGrid = Callable[..., Any]


@pytest.fixture
def expect() -> Any:
    """Playwright's waiting assertions."""
    return pytest.importorskip("playwright.sync_api").expect


def focused_name(page: Any) -> str:
    """Name of the file in focus, from the accessible name of the cell."""
    label = page.evaluate("document.activeElement.getAttribute('aria-label') ?? ''")
    return str(label).split(",")[0].rpartition("/")[2]


def press(page: Any, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def sent(page: Any, kind: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.evaluate("kind => model.of_kind(kind)", kind)
    return found


def cell(page: Any, index: int) -> Any:
    return page.locator(".cleaner-card").nth(index)


def focus_grid(page: Any) -> None:
    page.locator(".cleaner-card[tabindex='0']").focus()


# ---------------------------------------------------------------- structure and names


def test_grid_rows_and_cells_carry_roles_counts_and_names(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    grid = page.get_by_role("grid", name="Images to review")
    expect(grid).to_have_attribute("aria-multiselectable", "true")
    expect(grid).to_have_attribute("aria-rowcount", "4")
    expect(grid).to_have_attribute("aria-colcount", "6")
    expect(grid.get_by_role("row")).to_have_count(4)
    expect(grid.get_by_role("row").nth(1).get_by_role("gridcell")).to_have_count(6)
    expect(grid.get_by_role("row").nth(1)).to_have_attribute("aria-rowindex", "2")
    expect(cell(page, 7)).to_have_attribute("aria-colindex", "2")
    name = "train/cat/0_00.jpg, labelled cat, predicted dog 0.93, loss 2.61"
    expect(grid.get_by_role("gridcell", name=name, exact=True)).to_have_count(1)
    assert page.locator(".cleaner-card img").first.get_attribute("alt") == ""


def test_every_button_has_its_plain_name(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    for name in ("Keep", "Delete", "Unsure", "Undo", "Enlarge", "Keys", "Confirm page", "Relabel to dog"):
        expect(page.get_by_role("button", name=name, exact=True)).to_have_count(1)
    expect(page.get_by_role("status")).to_have_text("Nothing marked on this page · Confirm keeps all 24")
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
    expect(cell(page, 1)).to_contain_text("Cannot be shown")
    expect(cell(page, 1)).to_contain_text("truncated: the file ends early")
    text = "Nothing marked on this page · Confirm keeps the other 23, not the 1 that cannot be shown"
    expect(page.get_by_role("status")).to_have_text(text)
    page.get_by_role("button", name="Confirm page").click()
    expect(page.locator(".cleaner-title")).to_have_text("Page 2")
    assert "train/dog/0_01.jpg" not in sent(page, "confirm")[0]["names"]
    assert len(sent(page, "confirm")[0]["names"]) == 23


def test_empty_page_says_what_to_do(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid(pages=[[]])
    expect(page.get_by_text("Every picture in this view is decided.")).to_be_visible()
    expect(page.get_by_role("button", name="Confirm page")).to_be_disabled()
    expect(page.get_by_role("button", name="Undo")).to_be_enabled()
    press(page, "x", "Enter", "/")


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
    assert page.evaluate("document.activeElement.textContent") == "ysuggestion"
    press(page, "ArrowRight", "ArrowRight")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Relabel to cat"
    press(page, "Tab")
    assert page.evaluate("document.activeElement.textContent") == "Keepk"


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
    expect(page.get_by_role("status")).to_contain_text("2 selected")
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
    page.get_by_role("button", name="Select none").click()
    expect(selected).to_have_count(0)
    page.get_by_role("button", name="Select all").click()
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


# ---------------------------------------------------------------- deciding


@pytest.mark.parametrize(
    ("key", "action", "label", "badge", "words"),
    [
        ("k", "keep", None, "kept", "kept"),
        ("a", "keep", None, "kept", "kept"),
        ("x", "delete", None, "delete", "marked delete"),
        ("Delete", "delete", None, "delete", "marked delete"),
        ("s", "unsure", None, "unsure", "marked unsure"),
        ("1", "relabel", "bird", "→ bird", "relabelled bird"),
        ("3", "relabel", "dog", "→ dog", "relabelled dog"),
        ("2", "relabel", "cat", "kept", "kept"),
        ("y", "suggest", None, "→ dog", "relabelled dog"),
        ("X", "delete", None, "delete", "marked delete"),
    ],
)
def test_keys_decide_and_go_on_to_the_next_card(
    open_grid: OpenGrid,
    expect: Any,
    *,
    key: str,
    action: str,
    label: str | None,
    badge: str,
    words: str,
) -> None:
    page = open_grid()
    focus_grid(page)
    press(page, key)
    expect(cell(page, 0).locator(".cleaner-badge")).to_have_text(badge)
    name = f"train/cat/0_00.jpg, labelled cat, predicted dog 0.93, loss 2.61, {words}"
    expect(cell(page, 0)).to_have_attribute("aria-label", name)
    assert focused_name(page) == "0_01.jpg"
    (act,) = sent(page, "decide")
    assert (act["action"], act["label"], act["names"]) == (action, label, ["train/cat/0_00.jpg"])
    assert len(act["id"]) == 32
    expect(page.get_by_role("status")).to_have_text("1 marked on this page · Confirm keeps the other 23")


def test_selection_is_decided_as_one_act_and_focus_stays(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    focus_grid(page)
    press(page, "Shift+ArrowRight", "Shift+ArrowRight", "x")
    (act,) = sent(page, "decide")
    assert len(act["names"]) == 3
    assert focused_name(page) == "0_02.jpg"
    expect(page.locator(".cleaner-card[aria-selected='true']")).to_have_count(0)
    expect(page.get_by_role("status")).to_have_text("3 marked on this page · Confirm keeps the other 21")


def test_buttons_and_chips_do_what_the_keys_do(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    cell(page, 0).click()
    page.get_by_role("button", name="Delete", exact=True).click()
    assert focused_name(page) == "0_01.jpg"
    page.get_by_role("button", name="Relabel to bird", exact=True).click()
    page.get_by_role("button", name="Unsure", exact=True).click()
    page.get_by_role("button", name="Keep", exact=True).click()
    page.get_by_role("button", name="Relabel to the suggestion", exact=True).click()
    badges = page.locator(".cleaner-badge:not([hidden])")
    expect(badges).to_have_text(["delete", "→ bird", "unsure", "kept", "→ bird"])
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(badges).to_have_count(4)
    assert focused_name(page) == "0_04.jpg"


def test_same_decision_again_makes_no_new_act(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    focus_grid(page)
    press(page, "x")
    expect(cell(page, 0)).not_to_have_class("is-saving")
    press(page, "ArrowLeft", "x")
    assert len(sent(page, "decide")) == 1
    assert focused_name(page) == "0_01.jpg"


def test_holding_a_key_down_decides_once(open_grid: OpenGrid) -> None:
    page = open_grid()
    focus_grid(page)
    for _ in range(4):
        page.keyboard.down("x")
    page.keyboard.up("x")
    assert len(sent(page, "decide")) == 1


@pytest.mark.parametrize("key", ["u", "Backspace", "Control+z"])
def test_undo_goes_back_to_the_card(open_grid: OpenGrid, expect: Any, key: str) -> None:
    page = open_grid()
    focus_grid(page)
    press(page, "x", "k", key)
    expect(page.get_by_role("status")).to_have_text(
        "Undone. 1 marked on this page · Confirm keeps the other 23"
    )
    assert focused_name(page) == "0_01.jpg"
    press(page, key)
    expect(page.locator(".cleaner-badge:not([hidden])")).to_have_count(0)
    assert focused_name(page) == "0_00.jpg"
    press(page, key)
    expect(page.get_by_role("status")).to_contain_text("There is nothing to undo.")


def test_a_digit_without_a_class_says_so(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    focus_grid(page)
    press(page, "9")
    expect(page.get_by_role("status")).to_contain_text("No class has the number 9.")
    assert sent(page, "decide") == []


def test_digits_reach_the_first_ten_of_many_classes(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid(classes=[f"class {i:03d}" for i in range(100)])
    focus_grid(page)
    press(page, "0")
    expect(cell(page, 0).locator(".cleaner-badge")).to_have_text("→ class 009")
    expect(page.get_by_role("button", name="type one of 40 more")).to_be_visible()


# ---------------------------------------------------------------- classes by typing


def test_class_is_found_by_typing(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid(classes=["longsleeve", "shirt", "t-shirt", "shoes"])
    focus_grid(page)
    press(page, "/")
    box = page.get_by_role("combobox", name="Class")
    expect(box).to_be_focused()
    page.keyboard.type("SHI")
    options = page.get_by_role("option")
    expect(options).to_have_text(["shirt", "t-shirt", "Make new class “SHI” …"])
    press(page, "ArrowDown", "Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(cell(page, 0).locator(".cleaner-badge")).to_have_text("→ t-shirt")
    assert sent(page, "decide")[0]["new_class"] is False
    assert focused_name(page) == "0_01.jpg"


def test_new_class_needs_a_choice_of_its_own(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    focus_grid(page)
    press(page, "/")
    page.keyboard.type("  jacket ")
    expect(page.get_by_text("No class is called “jacket”.")).to_be_visible()
    press(page, "Enter")
    expect(page.get_by_role("dialog", name="Relabel to a class")).to_be_visible()
    assert sent(page, "decide") == []
    press(page, "ArrowDown", "Enter")
    expect(cell(page, 0).locator(".cleaner-badge")).to_have_text("→ jacket")
    (act,) = sent(page, "decide")
    assert (act["label"], act["new_class"]) == ("jacket", True)


def test_escape_leaves_the_class_chooser_without_a_decision(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    focus_grid(page)
    press(page, "/", "c", "Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert focused_name(page) == "0_00.jpg"
    assert sent(page, "decide") == []


def test_help_lists_the_keys_and_gives_the_focus_back(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    focus_grid(page)
    press(page, "?")
    help_ = page.get_by_role("dialog", name="Keys")
    expect(help_).to_contain_text("relabel to the class with this number")
    press(page, "x", "Tab", "Tab", "Escape")
    expect(help_).to_be_hidden()
    assert focused_name(page) == "0_00.jpg"
    assert sent(page, "decide") == []


# ---------------------------------------------------------------- pages


def test_confirm_keeps_what_is_unmarked_and_goes_on(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    focus_grid(page)
    press(page, "x", "1", "Control+Enter")
    expect(page.locator(".cleaner-title")).to_have_text("Page 2")
    (act,) = sent(page, "confirm")
    assert len(act["names"]) == 22
    assert "train/cat/0_00.jpg" not in act["names"]
    assert act["page"] == "page-0"
    expect(page.get_by_role("status")).to_have_text(
        "22 kept. Nothing marked on this page · Confirm keeps all 24"
    )
    assert focused_name(page) == "1_00.jpg"


def test_undo_of_a_confirm_brings_the_page_back(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    focus_grid(page)
    press(page, "x", "Control+Enter")
    expect(page.locator(".cleaner-title")).to_have_text("Page 2")
    press(page, "u")
    expect(page.locator(".cleaner-title")).to_have_text("Page 1")
    expect(page.locator(".cleaner-badge:not([hidden])")).to_have_text(["delete"])
    assert focused_name(page) == "0_01.jpg"


def test_second_confirm_in_a_hurry_is_not_taken(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    page.clock.set_fixed_time("2040-01-01T10:00:00")
    page.get_by_role("button", name="Confirm page").dblclick()
    expect(page.locator(".cleaner-title")).to_have_text("Page 2")
    expect(page.locator(".has-picture")).to_have_count(24)
    press(page, "Control+Enter")
    expect(page.get_by_role("status")).to_contain_text("This page has only just come")
    assert len(sent(page, "confirm")) == 1
    page.clock.set_fixed_time("2040-01-01T10:00:01")
    press(page, "Control+Enter")
    expect(page.locator(".cleaner-title")).to_have_text("Page 3")


def test_page_without_its_pictures_cannot_be_confirmed(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid(wait=False, pages=[make_cells(0), make_cells(3)])
    page.evaluate("() => { model.mute_thumbs = true; model.turn_to(1); }")
    expect(page.get_by_role("gridcell")).to_have_count(3)
    expect(page.get_by_role("button", name="Confirm page")).to_be_disabled()
    settle(page)
    focus_grid(page)
    press(page, "Control+Enter")
    expect(page.get_by_role("status")).to_contain_text("3 pictures are still on the way")
    assert sent(page, "confirm") == []
    page.evaluate(
        "model.send_thumbs(model.of_kind('thumbs').at(-1).id, model.of_kind('thumbs').at(-1).names)"
    )
    expect(page.get_by_role("button", name="Confirm page")).to_be_enabled()


def test_page_keys_turn_pages_without_deciding(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    title = page.locator(".cleaner-title")
    focus_grid(page)
    press(page, "PageUp")
    expect(page.get_by_role("status")).to_contain_text("This is the first page.")
    press(page, "PageDown")
    expect(title).to_have_text("Page 2")
    assert focused_name(page) == "1_00.jpg"
    page.get_by_role("button", name="Next page").click()
    expect(title).to_have_text("Page 3")
    expect(page.get_by_role("button", name="Next page")).to_be_disabled()
    page.get_by_role("button", name="Previous page").click()
    expect(title).to_have_text("Page 2")
    assert sent(page, "confirm") == []


def test_first_undecided_picture_has_the_focus(open_grid: OpenGrid) -> None:
    cells = make_cells(4)
    cells[0]["decision"] = cells[1]["decision"] = {"action": "keep", "label": None, "reviewer": "Ben"}
    page = open_grid(pages=[cells])
    assert focused_name(page) == "0_02.jpg"


def test_focus_elsewhere_is_not_stolen_by_a_new_page(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    page.locator("#before").focus()
    page.evaluate("model.turn_to(1)")
    expect(page.locator(".cleaner-title")).to_have_text("Page 2")
    assert page.evaluate("document.activeElement.id") == "before"


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
    page.evaluate("stop()")
    assert page.evaluate("blobs.size") == 0
    assert page.evaluate("document.getElementById('here').childElementCount") == 0


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


# ---------------------------------------------------------------- large view


def test_large_view_shows_the_facts_and_returns_to_the_cell(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    cell(page, 4).dblclick()
    large = page.get_by_role("dialog", name="Large view")
    expect(large).to_be_visible()
    for text in ("train/dog/0_04.jpg", "Given label", "bird 93\u00a0%", "2.61", "Split", "none yet"):
        expect(large).to_contain_text(text)
    expect(large.get_by_role("status")).to_have_text("Picture 5 of 24")
    press(page, "ArrowRight", "ArrowRight", "ArrowLeft")
    expect(large).to_contain_text("train/bird/0_05.jpg")
    press(page, "Escape")
    expect(large).to_be_hidden()
    expect(cell(page, 5)).to_be_focused()


def test_large_view_keeps_tab_inside(open_grid: OpenGrid) -> None:
    page = open_grid()
    focus_grid(page)
    press(page, "Enter")
    for key in ["Tab"] * 25 + ["Shift+Tab"] * 30:
        press(page, key)
        assert page.evaluate("document.activeElement.closest('dialog') !== null")


def test_keys_decide_in_the_large_view(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    focus_grid(page)
    press(page, "Enter", "x")
    large = page.get_by_role("dialog", name="Large view")
    expect(large).to_contain_text("train/dog/0_01.jpg")
    press(page, "1", "u")
    expect(large).to_contain_text("train/dog/0_01.jpg")
    large.get_by_role("button", name="Unsure").click()
    expect(large).to_contain_text("train/bird/0_02.jpg")
    press(page, "/")
    page.keyboard.type("cat")
    press(page, "Enter", "Control+Enter", "Escape")
    expect(page.locator(".cleaner-badge:not([hidden])")).to_have_text(["delete", "unsure", "→ cat"])
    assert sent(page, "confirm") == []


def test_slider_keys_belong_to_the_slider(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    focus_grid(page)
    press(page, "Enter")
    slider = page.get_by_role("slider", name="Brightness")
    slider.focus()
    press(page, "ArrowRight", "ArrowRight")
    expect(page.get_by_role("dialog")).to_contain_text("train/cat/0_00.jpg")
    assert (
        page.locator(".cleaner-stage img").evaluate("el => el.style.filter")
        == "brightness(102%) contrast(100%)"
    )
    page.get_by_role("button", name="As it is").click()
    assert page.locator(".cleaner-stage img").evaluate("el => el.style.filter") == ""


def test_full_size_is_asked_for_only_when_the_rendition_is_too_small(
    open_grid: OpenGrid, expect: Any
) -> None:
    page = open_grid(options={"width": 4000, "height": 4000})
    focus_grid(page)
    press(page, "Enter")
    page.wait_for_function("document.querySelector('.cleaner-stage img').naturalWidth === 8")
    assert [m["full"] for m in sent(page, "image")] == [False, False]
    press(page, "+")
    page.wait_for_function("model.of_kind('image').length === 3")
    assert sent(page, "image")[2]["full"] is True
    expect(page.locator(".cleaner-wait")).to_be_hidden()
    press(page, "+", "+", "-", "f")
    assert len(sent(page, "image")) == 3


# ---------------------------------------------------------------- saving, and when it fails


def test_a_cell_waits_for_its_answer(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    page.evaluate("() => { model.answering = false }")
    focus_grid(page)
    press(page, "x", "ArrowLeft", "k")
    assert len(sent(page, "decide")) == 1
    expect(cell(page, 0)).to_have_attribute(
        "aria-label", "train/cat/0_00.jpg, labelled cat, predicted dog 0.93, loss 2.61, marked delete, saving"
    )
    expect(page.get_by_role("status")).to_contain_text("Still saving")
    press(page, "ArrowRight", "k")
    assert len(sent(page, "decide")) == 2
    page.evaluate("model.of_kind('decide').forEach(m => model.answer(m))")
    expect(page.locator(".is-saving")).to_have_count(0)


def test_no_answer_in_five_seconds_freezes_input_and_a_late_one_frees_it(
    open_grid: OpenGrid, expect: Any
) -> None:
    page = open_grid(clock=True)
    page.evaluate("() => { model.answering = false }")
    focus_grid(page)
    press(page, "x")
    page.clock.run_for(4000)
    expect(page.get_by_role("alert")).to_have_text("")
    page.clock.run_for(1600)
    alert = "Not saved: no answer for 5 seconds (0_00.jpg). Input waits; it will be sent again."
    expect(page.get_by_role("alert")).to_have_text(alert)
    for name in ("Keep", "Delete", "Undo", "Confirm page", "Next page", "Relabel to dog"):
        expect(page.get_by_role("button", name=name, exact=True)).to_be_disabled()
    press(page, "k", "u", "Control+Enter", "PageDown", "1")
    assert len(sent(page, "decide")) == 1
    assert sent(page, "undo") == sent(page, "confirm") == sent(page, "turn") == []
    press(page, "ArrowRight")
    assert focused_name(page) == "0_02.jpg"
    page.evaluate("model.answer(model.of_kind('decide')[0])")
    expect(page.get_by_role("alert")).to_have_text("")
    expect(page.get_by_role("button", name="Keep", exact=True)).to_be_enabled()
    expect(cell(page, 0).locator(".cleaner-badge")).to_have_text("delete")


def test_lost_kernel_is_said_and_everything_is_sent_again_when_it_comes_back(
    open_grid: OpenGrid, expect: Any
) -> None:
    page = open_grid(clock=True)
    page.evaluate("() => { model.answering = false }")
    focus_grid(page)
    press(page, "x")
    page.clock.run_for(12000)
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text(
        "This page has lost its kernel. Everything shown as saved is saved. Reload the page."
    )
    expect(alert.get_by_role("button", name="Reload")).to_be_visible()
    expect(alert).to_contain_text("Not saved")
    first = sent(page, "decide")
    assert len(first) == 1
    page.evaluate("() => { model.answering = true }")
    page.clock.run_for(6000)
    expect(alert).to_have_text("")
    again = sent(page, "decide")
    assert len(again) == 2
    assert again[0] == again[1]
    expect(cell(page, 0)).not_to_have_class("is-saving")
    expect(cell(page, 0).locator(".cleaner-badge")).to_have_text("delete")


def test_lost_act_is_sent_again_while_the_kernel_lives(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid(clock=True)
    page.evaluate(
        "() => { const act = model.decide.bind(model); let lost = 0;"
        " model.decide = (m) => (lost++ ? act(m) : undefined); }"
    )
    focus_grid(page)
    press(page, "x")
    page.clock.run_for(9000)
    expect(cell(page, 0).locator(".cleaner-badge")).to_have_text("delete")
    expect(page.get_by_role("alert")).to_have_text("")
    assert len(sent(page, "decide")) == 2


def test_quiet_kernel_is_no_lost_kernel_while_the_page_is_hidden(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid(clock=True)
    page.evaluate(
        "() => { model.answering = false;"
        " Object.defineProperty(document, 'hidden', { configurable: true, get: () => true }); }"
    )
    before = len(sent(page, "ping"))
    page.clock.run_for(60000)
    assert len(sent(page, "ping")) == before
    page.evaluate(
        "() => { Object.defineProperty(document, 'hidden', { configurable: true, get: () => false });"
        " model.answering = true; document.dispatchEvent(new Event('visibilitychange')); }"
    )
    assert len(sent(page, "ping")) == before + 1
    expect(page.get_by_role("alert")).to_have_text("")


def test_refused_act_is_taken_back_and_said(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    page.evaluate(
        "() => { model.decide = ({ id }) => model.reply({ kind: 'refused', id, cells: [],"
        " message: 'Not saved: the disk is full.' }); }"
    )
    focus_grid(page)
    press(page, "x")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Not saved: the disk is full.")
    expect(page.locator(".cleaner-badge:not([hidden])")).to_have_count(0)
    expect(page.get_by_role("button", name="Keep", exact=True)).to_be_enabled()
    alert.get_by_role("button", name="Dismiss").click()
    expect(alert).to_have_text("")


def test_problem_of_the_model_stays_until_it_is_over(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid(traits={"problem": "cleaned.csv is open in another program."})
    expect(page.get_by_role("alert")).to_have_text("cleaned.csv is open in another program.")
    page.evaluate("model.set('problem', '')")
    expect(page.get_by_role("alert")).to_have_text("")


def test_alerts_are_seen_in_the_large_view_too(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    focus_grid(page)
    press(page, "Enter")
    page.evaluate("model.set('problem', 'Something is wrong.')")
    expect(page.get_by_role("dialog").get_by_role("alert")).to_have_text("Something is wrong.")


def test_decisions_made_elsewhere_appear(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    page.evaluate(
        "() => { model.put('train/cat/0_00.jpg', { action: 'delete', label: null, reviewer: 'Ben' });"
        " const cells = model.cells(['train/cat/0_00.jpg']);"
        " model.reply({ kind: 'cells', cells, summary: '1 looked at' }); }"
    )
    expect(cell(page, 0).locator(".cleaner-badge")).to_have_text("delete")
    expect(page.locator(".cleaner-summary")).to_have_text("1 looked at")


def test_two_views_show_the_same_decisions(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    page.evaluate("window.render()")
    expect(page.get_by_role("grid")).to_have_count(2)
    expect(page.locator(".cleaner-card.has-picture")).to_have_count(48)
    page.get_by_role("grid").first.get_by_role("gridcell").first.focus()
    press(page, "x")
    expect(page.locator(".cleaner-badge:not([hidden])")).to_have_text(["delete", "delete"])
    assert page.evaluate("model.listeners['msg:custom'].length") == 2
    page.evaluate("stop()")
    assert page.evaluate("model.listeners['msg:custom'].length") == 1


# ---------------------------------------------------------------- the simple one


def test_simple_mode_marks_unmarks_and_has_no_classes(open_grid: OpenGrid, expect: Any) -> None:
    plain = {"given": None, "suggestion": None, "probability": None, "loss": None}
    page = open_grid(traits={"mode": "delete"}, classes=[], pages=[make_cells(6, **plain), []])
    expect(page.get_by_role("toolbar")).to_have_count(0)
    expect(page.get_by_role("button", name="Keep")).to_have_count(0)
    focus_grid(page)
    press(page, "x", "x", "k", "s", "1", "y", "/")
    assert [m["action"] for m in sent(page, "decide")] == ["delete", "delete"]
    expect(page.get_by_role("status")).to_have_text("2 marked to delete · Confirm moves them to the trash")
    expect(page.locator(".is-saving")).to_have_count(0)
    press(page, "ArrowLeft", "x")
    expect(page.get_by_role("status")).to_have_text("1 marked to delete · Confirm moves it to the trash")
    assert sent(page, "decide")[-1]["action"] == "clear"
    expect(page.locator(".is-saving")).to_have_count(0)
    press(page, "Control+a", "x")
    expect(page.locator(".cleaner-badge:not([hidden])")).to_have_count(6)
    expect(page.locator(".is-saving")).to_have_count(0)
    press(page, "Control+a", "x")
    expect(page.locator(".cleaner-badge:not([hidden])")).to_have_count(0)


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

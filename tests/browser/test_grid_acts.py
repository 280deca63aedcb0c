"""Deciding in the grid, with a stand-in for the kernel: keys, classes, pages, the large view."""

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
    wait_until_saved,
)

from cleaner.widgets.sentences import say

pytestmark = pytest.mark.browser

HERE = Path(__file__).parent


KEPT = (say("grid.badge.keep"), say("grid.decided.keep"))
DELETED = (say("grid.badge.delete"), say("grid.decided.delete"))


def relabelled(label: str) -> tuple[str, str]:
    """Badge of a relabelled card, and how its decision is spoken."""
    return say("grid.badge.relabel", label=label), say("grid.decided.relabel", label=label)


# ---------------------------------------------------------------- deciding


@pytest.mark.parametrize(
    ("key", "action", "label", "shown"),
    [
        ("k", "keep", None, KEPT),
        ("a", "keep", None, KEPT),
        ("x", "delete", None, DELETED),
        ("Delete", "delete", None, DELETED),
        ("s", "unsure", None, (say("grid.badge.unsure"), say("grid.decided.unsure"))),
        ("1", "relabel", "bird", relabelled("bird")),
        ("3", "relabel", "dog", relabelled("dog")),
        ("2", "relabel", "cat", KEPT),
        ("y", "suggest", None, relabelled("dog")),
        ("X", "delete", None, DELETED),
    ],
)
def test_keys_decide_and_go_on_to_the_next_card(
    open_grid: OpenGrid, expect: Any, *, key: str, action: str, label: str | None, shown: tuple[str, str]
) -> None:
    badge, words = shown
    page = open_grid()
    focus_grid(page)
    press(page, key)
    expect(cell(page, 0).locator(".cleaner-badge")).to_have_text(badge)
    expect(cell(page, 0)).to_have_attribute("aria-label", spoken(make_cells(1)[0], words))
    assert focused_name(page) == "0_01.jpg"
    (act,) = sent(page, "decide")
    assert (act["action"], act["label"], act["names"]) == (action, label, ["train/cat/0_00.jpg"])
    assert len(act["id"]) == 32
    expect(page.get_by_role("status")).to_have_text(status(1, say("grid.confirm.keeps_other", n=23)))


def test_selection_is_decided_as_one_act_and_focus_stays(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    focus_grid(page)
    press(page, "Shift+ArrowRight", "Shift+ArrowRight", "x")
    (act,) = sent(page, "decide")
    assert len(act["names"]) == 3
    assert focused_name(page) == "0_02.jpg"
    expect(page.locator(".cleaner-card[aria-selected='true']")).to_have_count(0)
    expect(page.get_by_role("status")).to_have_text(status(3, say("grid.confirm.keeps_other", n=21)))


def test_buttons_and_chips_do_what_the_keys_do(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    cell(page, 0).click()
    page.get_by_role("button", name=say("grid.delete"), exact=True).click()
    assert focused_name(page) == "0_01.jpg"
    page.get_by_role("button", name=say("grid.relabel_to_label", label="bird"), exact=True).click()
    page.get_by_role("button", name=say("grid.unsure"), exact=True).click()
    page.get_by_role("button", name=say("grid.keep"), exact=True).click()
    page.get_by_role("button", name=say("grid.relabel_to_suggestion"), exact=True).click()
    badges = page.locator(".cleaner-badge:not([hidden])")
    bird = relabelled("bird")[0]
    expect(badges).to_have_text([DELETED[0], bird, say("grid.badge.unsure"), KEPT[0], bird])
    page.get_by_role("button", name=say("grid.undo"), exact=True).click()
    expect(badges).to_have_count(4)
    assert focused_name(page) == "0_04.jpg"


def test_same_decision_again_makes_no_new_act(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    focus_grid(page)
    press(page, "x")
    wait_until_saved(page)
    press(page, "ArrowLeft", "x")
    assert len(sent(page, "decide")) == 1
    assert focused_name(page) == "0_01.jpg"


def test_decision_of_a_colleague_can_be_made_ones_own(open_grid: OpenGrid) -> None:
    cells = make_cells(3)
    theirs = {"action": "delete", "label": None, "reviewer": "Ben"}
    cells[0]["decision"] = {**theirs, "mine": False}
    cells[1]["decision"] = {**theirs, "reviewer": "Ana", "mine": True}
    cells[2] |= {
        "decision": {**theirs, "reviewer": "Ana", "mine": True},
        "notes": ["Ben: cat", "Ana: delete"],
    }
    page = open_grid(pages=[cells])
    focus_grid(page)
    press(page, "Home", "x", "x", "x")
    assert [act["names"] for act in sent(page, "decide")] == [["train/cat/0_00.jpg"], ["train/bird/0_02.jpg"]]


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
    line = f"Undone. {status(1, say('grid.confirm.keeps_other', n=23))}"
    expect(page.get_by_role("status")).to_have_text(line)
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
    expect(page.get_by_role("status")).to_contain_text(say("grid.no_such_digit", digit=9))
    assert sent(page, "decide") == []


def test_digits_reach_the_first_ten_of_many_classes(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid(classes=[f"class {i:03d}" for i in range(100)])
    focus_grid(page)
    press(page, "0")
    expect(cell(page, 0).locator(".cleaner-badge")).to_have_text(relabelled("class 009")[0])
    expect(page.get_by_role("button", name=say("grid.type_one_of", n=40))).to_be_visible()


# ---------------------------------------------------------------- classes by typing


def test_class_is_found_by_typing(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid(classes=["longsleeve", "shirt", "t-shirt", "shoes"])
    focus_grid(page)
    press(page, "/")
    box = page.get_by_role("combobox", name=say("grid.class"))
    expect(box).to_be_focused()
    page.keyboard.type("SHI")
    options = page.get_by_role("option")
    expect(options).to_have_text(["shirt", "t-shirt", say("grid.make_class", label="SHI")])
    press(page, "ArrowDown", "Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(cell(page, 0).locator(".cleaner-badge")).to_have_text(relabelled("t-shirt")[0])
    assert sent(page, "decide")[0]["new_class"] is False
    assert focused_name(page) == "0_01.jpg"


def test_new_class_needs_a_choice_of_its_own(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    focus_grid(page)
    press(page, "/")
    page.keyboard.type("  jacket ")
    expect(page.get_by_text(say("grid.no_such_class", label="jacket"))).to_be_visible()
    press(page, "Enter")
    expect(page.get_by_role("dialog", name=say("grid.relabel_dialog"))).to_be_visible()
    assert sent(page, "decide") == []
    press(page, "ArrowDown", "Enter")
    expect(cell(page, 0).locator(".cleaner-badge")).to_have_text(relabelled("jacket")[0])
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
    help_ = page.get_by_role("dialog", name=say("grid.keys"))
    expect(help_).to_contain_text(say("grid.key.digits"))
    press(page, "x", "Tab", "Tab", "Escape")
    expect(help_).to_be_hidden()
    assert focused_name(page) == "0_00.jpg"
    assert sent(page, "decide") == []


# ---------------------------------------------------------------- pages


def test_confirm_keeps_what_is_unmarked_and_goes_on(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    settle(page)
    focus_grid(page)
    press(page, "x", "1", "Control+Enter")
    expect(page.locator(".cleaner-title")).to_have_text("Page 2")
    (act,) = sent(page, "confirm")
    assert len(act["names"]) == 22
    assert "train/cat/0_00.jpg" not in act["names"]
    assert act["seen"] == {"page": "page-0", "suggestions": {}}
    line = f"22 kept. {status(0, say('grid.confirm.keeps_all', n=24))}"
    expect(page.get_by_role("status")).to_have_text(line)
    assert focused_name(page) == "1_00.jpg"


def test_undo_of_a_confirm_brings_the_page_back(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    settle(page)
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
    page.get_by_role("button", name=say("grid.confirm_page")).dblclick()
    expect(page.locator(".cleaner-title")).to_have_text("Page 2")
    expect(page.locator(".has-picture")).to_have_count(24)
    press(page, "Control+Enter")
    expect(page.get_by_role("status")).to_contain_text(say("grid.look_first"))
    assert len(sent(page, "confirm")) == 1
    page.clock.set_fixed_time("2040-01-01T10:00:01")
    press(page, "Control+Enter")
    expect(page.locator(".cleaner-title")).to_have_text("Page 3")


def test_page_without_its_pictures_cannot_be_confirmed(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid(wait=False, pages=[[], [], make_cells(3)])
    page.evaluate("() => { model.mute_thumbs = true; model.turn_to(2); }")
    expect(page.get_by_role("gridcell")).to_have_count(3)
    expect(page.get_by_role("button", name=say("grid.confirm_page"))).to_be_disabled()
    settle(page)
    focus_grid(page)
    press(page, "Control+Enter")
    expect(page.get_by_role("status")).to_contain_text(say("grid.awaited_many", n=3))
    assert sent(page, "confirm") == []
    page.evaluate(
        "model.send_thumbs(model.of_kind('thumbs').at(-1).id, model.of_kind('thumbs').at(-1).names)"
    )
    expect(page.get_by_role("button", name=say("grid.confirm_page"))).to_be_enabled()


def test_page_keys_turn_pages_without_deciding(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    title = page.locator(".cleaner-title")
    focus_grid(page)
    press(page, "PageUp")
    expect(page.get_by_role("status")).to_contain_text(say("grid.first_page"))
    press(page, "PageDown")
    expect(title).to_have_text("Page 2")
    assert focused_name(page) == "1_00.jpg"
    page.get_by_role("button", name=say("grid.next_page")).click()
    expect(title).to_have_text("Page 3")
    expect(page.get_by_role("button", name=say("grid.next_page"))).to_be_disabled()
    page.get_by_role("button", name=say("grid.previous_page")).click()
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


# ---------------------------------------------------------------- large view


def test_large_view_shows_the_facts_and_returns_to_the_cell(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    cell(page, 4).dblclick()
    large = page.get_by_role("dialog", name=say("grid.large_view"))
    expect(large).to_be_visible()
    for text in (
        "train/dog/0_04.jpg",
        say("grid.fact.given"),
        "bird 93\u00a0%",
        "2.61",
        "Split",
        say("grid.pixels", width=8, height=8),
        say("grid.undecided"),
    ):
        expect(large).to_contain_text(text)
    expect(large.get_by_role("status")).to_have_text(say("grid.image_of", n=5, all=24))
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
    large = page.get_by_role("dialog", name=say("grid.large_view"))
    expect(large).to_contain_text("train/dog/0_01.jpg")
    press(page, "1", "u")
    expect(large).to_contain_text("train/dog/0_01.jpg")
    large.get_by_role("button", name=say("grid.unsure")).click()
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
    slider = page.get_by_role("slider", name=say("grid.brightness"))
    slider.focus()
    press(page, "ArrowRight", "ArrowRight")
    expect(page.get_by_role("dialog")).to_contain_text("train/cat/0_00.jpg")
    assert (
        page.locator(".cleaner-stage img").evaluate("el => el.style.filter")
        == "brightness(102%) contrast(100%)"
    )
    page.get_by_role("button", name=say("grid.reset")).click()
    assert page.locator(".cleaner-stage img").evaluate("el => el.style.filter") == ""


def test_right_drag_changes_the_light_of_this_image_and_the_next(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    focus_grid(page)
    press(page, "Enter")
    image = page.locator(".cleaner-stage img")
    box = page.locator(".cleaner-stage").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down(button="right")
    page.mouse.move(x + 40, y - 20, steps=4)
    page.mouse.up(button="right")
    light = "brightness(120%) contrast(140%)"
    assert image.evaluate("el => el.style.filter") == light
    expect(page.get_by_role("slider", name=say("grid.contrast"))).to_have_value("140")
    press(page, "ArrowRight")
    expect(page.get_by_role("dialog")).to_contain_text("0_01.jpg")
    assert image.evaluate("el => el.style.filter") == light
    assert "translate(0px, 0px)" in image.evaluate("el => el.style.transform")


def placed(page: Any) -> tuple[float, ...]:
    """Return where the large image stands: its width, and how far it is moved to the right and down."""
    return tuple(
        page.locator(".cleaner-stage img").evaluate(
            """({ style }) => {
                const [x, y = "0"] = style.transform.match(/translate\\(([^%]*)\\)$/)[1].split(",");
                return [style.width, x, y].map(parseFloat);
            }"""
        )
    )


def test_a_dragged_image_stays_below_the_pointer_also_where_moves_are_joined(open_grid: OpenGrid) -> None:
    page = open_grid()
    # WebKit joins moves into one event, which says only of the last of them how far it went.
    page.evaluate(
        """() => {
            const last = { get: () => 1 };
            Object.defineProperties(MouseEvent.prototype, { movementX: last, movementY: last });
        }"""
    )
    focus_grid(page)
    press(page, "Enter", "+", "+", "+")
    box = page.locator(".cleaner-stage").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 10, y + 30)
    page.mouse.move(x - 20, y + 50)
    page.mouse.up()
    assert placed(page)[2] == 50


def test_the_wheel_enlarges_by_as_much_as_it_turns_and_not_sideways(open_grid: OpenGrid) -> None:
    page = open_grid()
    focus_grid(page)
    press(page, "Enter")
    box = page.locator(".cleaner-stage").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    def turned(dx: float, dy: float) -> float:
        """Turn the wheel, and return how much larger the image is then."""
        before = placed(page)[0]
        page.evaluate(
            """() => {
                const stage = document.querySelector(".cleaner-stage");
                window.turned = new Promise((resolve) => {
                    stage.addEventListener("wheel", () => resolve(true), { once: true });
                });
            }"""
        )
        page.mouse.wheel(dx, dy)
        assert page.evaluate("window.turned")
        return float(placed(page)[0] / before)

    assert turned(0, -120) == pytest.approx(1.25, rel=1e-3)
    assert turned(120, 0) == 1
    assert turned(0, -30) == pytest.approx(1.25 ** (1 / 3), rel=1e-3)
    assert turned(0, 120) == pytest.approx(1 / 1.25, rel=1e-3)


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


# ---------------------------------------------------------------- more classes than digits


def test_digits_follow_the_picture_when_asked_to(open_grid: OpenGrid, expect: Any) -> None:
    classes = [f"kind {i:02d}" for i in range(14)]
    cells = make_cells(3, given="kind 00", suggestion="kind 13")
    for i, likely in enumerate((["kind 13", "kind 05"], ["kind 07", "kind 13"], [])):
        cells[i] |= {"given": "kind 00", "suggestion": "kind 13", "likely": likely}
    page = open_grid(classes=classes, pages=[cells, []])
    chips = page.locator(".cleaner-bar .cleaner-chips").get_by_role("button")
    toggle = page.locator(".cleaner-bar").get_by_role("button", name=say("grid.likeliest_first"))
    focus_grid(page)
    expect(chips.nth(1)).to_have_text("1kind 00")
    press(page, ".")
    expect(toggle).to_have_attribute("aria-pressed", "true")
    expect(chips.nth(1)).to_have_text("1kind 13")
    expect(chips.nth(2)).to_have_text("2kind 05")
    expect(chips.nth(3)).to_have_text("3kind 00")
    press(page, "2")
    expect(chips.nth(1)).to_have_text("1kind 07")
    press(page, "1")
    wait_until_saved(page)
    assert [act["label"] for act in sent(page, "decide")] == ["kind 05", "kind 07"]
    expect(chips.nth(1)).to_have_text("1kind 00")  # of this one nothing is known
    toggle.click()
    expect(toggle).to_have_attribute("aria-pressed", "false")


@pytest.mark.parametrize("width_px", [700, 1280])
def test_long_names_keep_their_last_words_and_have_room_on_a_narrow_page(
    open_grid: OpenGrid, expect: Any, width_px: int
) -> None:
    classes = [f"Carex flacca growing in a rather wet meadow, subsp. {i}" for i in range(14)]
    cells = make_cells(3, given=classes[0], suggestion=classes[13])
    page = open_grid(classes=classes, pages=[cells, []])
    page.set_viewport_size({"width": width_px, "height": 800})
    strip = page.locator(".cleaner-bar .cleaner-chips")
    chip = strip.get_by_role("button", name=say("grid.relabel_to_label", label=classes[3]), exact=True)
    expect(chip).to_have_text(f"4{classes[3]}")
    expect(chip).to_have_attribute("title", classes[3])
    ends = chip.evaluate(
        "(chip) => [...chip.querySelectorAll('.is-long > span')].map((s) => s.scrollWidth > s.clientWidth)"
    )
    assert ends == [True, False], "the start is cut, the end is not"
    assert strip.evaluate("(strip) => strip.clientWidth") > 0.7 * width_px


def test_digits_have_their_order_where_they_are_enough(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    focus_grid(page)
    press(page, ".")
    expect(page.get_by_role("status")).to_contain_text(say("grid.no_likelihood"))
    expect(page.get_by_role("button", name=say("grid.likeliest_first"))).to_have_count(0)


# ---------------------------------------------------------------- the simple one


def test_simple_mode_marks_unmarks_and_has_no_classes(open_grid: OpenGrid, expect: Any) -> None:
    plain = {"given": None, "suggestion": None, "probability": None, "loss": None}
    page = open_grid(traits={"mode": "delete"}, classes=[], pages=[make_cells(6, **plain), []])
    expect(page.get_by_role("toolbar")).to_have_count(0)
    expect(page.get_by_role("button", name=say("grid.keep"))).to_have_count(0)
    focus_grid(page)
    press(page, "x", "x", "k", "s", "1", "y", "/")
    assert [m["action"] for m in sent(page, "decide")] == ["delete", "delete"]
    line = status(2, say("grid.confirm.trash_many"), where="grid.to_delete")
    expect(page.get_by_role("status")).to_have_text(line)
    expect(page.locator(".is-saving")).to_have_count(0)
    press(page, "ArrowLeft", "x")
    line = status(1, say("grid.confirm.trash_one"), where="grid.to_delete")
    expect(page.get_by_role("status")).to_have_text(line)
    assert sent(page, "decide")[-1]["action"] == "clear"
    expect(page.locator(".is-saving")).to_have_count(0)
    press(page, "Control+a", "x")
    expect(page.locator(".cleaner-badge:not([hidden])")).to_have_count(6)
    expect(page.locator(".is-saving")).to_have_count(0)
    press(page, "Control+a", "x")
    expect(page.locator(".cleaner-badge:not([hidden])")).to_have_count(0)


LEVELS = {
    "kind": "CT HU",
    "unit": "HU",
    "low": -1000,
    "high": 3000,
    "center": 40,
    "width": 400,
    "inverted": False,
    "windows": [{"name": "", "center": 40, "width": 400}, {"name": "BONE", "center": 500, "width": 2000}],
}


def test_a_window_of_a_deep_image_is_drawn_by_the_kernel_and_kept(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid(options={"levels": LEVELS})
    focus_grid(page)
    press(page, "Enter")
    dialog = page.get_by_role("dialog")
    usual, bone = "Window 400\u00a0HU, level 40\u00a0HU", "Window 2,000\u00a0HU, level 500\u00a0HU"
    expect(dialog).to_contain_text(usual)

    box = page.locator(".cleaner-stage").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down(button="right")
    page.mouse.move(x + 30, y - 20, steps=6)
    page.mouse.up(button="right")
    expect(dialog).not_to_contain_text(usual)
    page.wait_for_function("() => document.querySelector('.cleaner-stage img').style.filter === ''")
    chosen = sent(page, "image")[-1]["window"]
    assert chosen["kind"] == "CT HU"
    assert chosen["width"] < 400, "more contrast to the right"
    assert chosen["center"] < 40, "brighter upwards"

    dialog.get_by_role("button", name="BONE").click()
    expect(dialog).to_contain_text(bone)
    press(page, "ArrowRight", "Escape", "Enter")
    expect(dialog).to_contain_text("0_01.jpg")
    expect(dialog).to_contain_text(bone)
    assert sent(page, "image")[-1]["window"] == {"kind": "CT HU", "center": 500, "width": 2000}

    page.get_by_role("slider", name=say("grid.contrast")).focus()
    press(page, "ArrowRight")
    expect(dialog).not_to_contain_text(bone)
    page.locator(".cleaner-stage").focus()
    press(page, "w")
    expect(dialog).to_contain_text(usual)
    page.wait_for_function("() => document.querySelector('.cleaner-stage img').style.filter === ''")
    assert sent(page, "image")[-1]["window"] is None

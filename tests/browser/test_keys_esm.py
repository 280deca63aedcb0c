"""Other keys than the usual ones, and keyboards of other languages, in a real browser."""

from __future__ import annotations

import json
from typing import Any

import pytest
from grid_page import OpenGrid, cell, focus_grid, make_cells, press, sent

from cleaner.widgets.sentences import say

pytestmark = pytest.mark.browser


def strike(page: Any, key: str, code: str = "", **held: bool) -> None:
    """Press a key as a keyboard of another language does: Playwright's own keys are those of a US one."""
    event = json.dumps({"key": key, "code": code, "bubbles": True, "cancelable": True, **held})
    page.evaluate(f"document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {event}))")


def acts(page: Any) -> list[tuple[str, Any]]:
    return [(act["action"], act["label"]) for act in sent(page, "decide")]


def open_keys(page: Any) -> Any:
    focus_grid(page)
    press(page, "?")
    return page.get_by_role("dialog", name=say("grid.keys"))


def change_button(page: Any, what: str) -> Any:
    return page.get_by_role("button", name=say("grid.change_key_of", what=say(what)), exact=True)


def test_another_key_is_chosen_by_keyboard_alone_and_shown_everywhere(
    open_grid: OpenGrid, expect: Any
) -> None:
    page = open_grid()
    keys = open_keys(page)
    change_button(page, "grid.key.keep").focus()
    press(page, "Enter")
    expect(keys.get_by_role("status")).to_have_text(say("grid.press_key_now"))
    expect(keys.locator(".is-waiting")).to_contain_text(say("grid.press_key"))
    press(page, "j")
    expect(keys.get_by_role("status")).to_have_text("Saved.")
    (asked,) = sent(page, "givekey")
    assert (asked["act"], asked["key"]) == ("keep", "j")
    expect(keys.locator(".is-chosen kbd")).to_have_text("j")
    expect(change_button(page, "grid.key.keep")).to_be_focused()
    press(page, "Escape")
    button = page.locator(".cleaner-bar").get_by_role("button", name=say("grid.keep"), exact=True)
    expect(button.locator("kbd")).to_have_text("j")
    expect(button).to_have_attribute("aria-keyshortcuts", "j")
    press(page, "k", "j")
    assert acts(page) == [("keep", None)]


def test_the_key_of_another_act_is_refused_with_a_sentence(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    keys = open_keys(page)
    change_button(page, "grid.key.unsure").click()
    press(page, "k")
    expect(keys.get_by_role("status")).to_have_text("Taken.")
    expect(keys.locator(".is-refused")).to_be_visible()
    expect(keys.locator(".is-chosen, .is-waiting")).to_have_count(0)
    press(page, "Escape")
    expect(keys).to_be_hidden()
    assert acts(page) == []


def test_escape_keeps_the_old_key_and_the_dialogue_open(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    keys = open_keys(page)
    change_button(page, "grid.key.undo").click()
    press(page, "Shift", "Escape")
    expect(keys).to_be_visible()
    expect(keys.get_by_role("status")).to_have_text(say("grid.key_kept"))
    assert sent(page, "givekey") == []
    expect(change_button(page, "grid.key.undo")).to_be_focused()


def test_the_keys_of_the_classes_can_be_other_ones(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    keys = open_keys(page)
    more = change_button(page, "grid.key.digits")
    expect(more).to_have_attribute("aria-expanded", "false")
    more.click()
    expect(more).to_have_attribute("aria-expanded", "true")
    page.get_by_role("button", name=say("grid.change_key_of", what=say("grid.key.digit", digit=2))).click()
    press(page, "j")
    expect(keys.get_by_role("status")).to_have_text("Saved.")
    press(page, "Escape")
    chip = page.locator(".cleaner-bar").get_by_role("button", name=say("grid.relabel_to_label", label="cat"))
    expect(chip.locator("kbd")).to_have_text("j")
    press(page, "2", "j")
    assert acts(page) == [("relabel", "cat")]


def test_resetting_asks_for_the_usual_keys_and_is_off_while_there_are_no_others(
    open_grid: OpenGrid, expect: Any
) -> None:
    page = open_grid()
    keys = open_keys(page)
    reset = keys.get_by_role("button", name=say("grid.reset_keys"))
    expect(reset).to_have_attribute("aria-disabled", "true")
    change_button(page, "grid.key.keep").click()
    press(page, "j")
    expect(reset).to_have_attribute("aria-disabled", "false")
    reset.click()
    expect(keys.get_by_role("status")).to_have_text("Reset.")
    assert len(sent(page, "resetkeys")) == 1


def test_large_view_and_sentences_follow_another_key(open_grid: OpenGrid, expect: Any) -> None:
    groups = [{"id": "1", "title": "Two", "marks": [], "settled": "", "ready": True}]
    page = open_grid(
        pages=[make_cells(2, group="1", advice="")], options={"purpose": "copies", "groups": [groups]}
    )
    open_keys(page)
    for act, key in (("grid.key.only", "ö"), ("grid.key.fit", "v")):
        change_button(page, act).click()
        strike(page, key)
        expect(page.locator(".is-waiting")).to_have_count(0)
    press(page, "Escape", "y")
    with_ö = say("grid.no_advice", key_only="ö")
    expect(page.locator(".cleaner-status")).to_contain_text(with_ö)
    press(page, "Enter")
    expect(
        page.get_by_role("dialog").get_by_role("button", name=say("grid.fit")).locator("kbd")
    ).to_have_text("v")


def test_redo_has_a_key_a_button_and_the_usual_chords(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    focus_grid(page)
    press(page, "r", "Control+Shift+Z", "Control+y")
    page.get_by_role("button", name=say("grid.redo")).click()
    expect(page.locator(".cleaner-status")).to_contain_text("Redone.")
    assert len(sent(page, "redo")) == 4
    press(page, "Control+z")
    assert len(sent(page, "undo")) == 1


def test_keys_of_other_keyboards(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    focus_grid(page)
    strike(page, "&", "Digit1")  # French: digits need Shift
    strike(page, "1", "Digit1", shiftKey=True)
    strike(page, "л", "KeyK")  # Russian: the letters of the Latin layout are meant
    strike(page, "K", "KeyK", shiftKey=True)  # or Caps Lock
    strike(page, "k", "KeyK", altKey=True)  # belongs to the browser
    expect(cell(page, 3).locator(".cleaner-badge")).to_have_text(say("grid.badge.keep"))
    assert acts(page) == [("relabel", "bird")] * 2 + [("keep", None)] * 2
    strike(page, "/", "Digit7", shiftKey=True)  # German
    expect(page.get_by_role("dialog", name=say("grid.relabel_dialog"))).to_be_visible()


def test_a_character_that_needs_alt_gr_can_be_a_key(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    keys = open_keys(page)
    change_button(page, "grid.key.keep").click()
    alt_gr = {"ctrlKey": True, "altKey": True, "modifierAltGraph": True}  # as Windows reports it
    strike(page, "@", "KeyQ", **alt_gr)
    expect(keys.get_by_role("status")).to_have_text("Saved.")
    press(page, "Escape")
    strike(page, "@", "KeyQ", **alt_gr)
    assert acts(page) == [("keep", None)]


@pytest.mark.parametrize("key", ["0", "7"])
def test_numbered_classes_have_their_own_digit(open_grid: OpenGrid, expect: Any, key: str) -> None:
    digits = list("0123456789")
    page = open_grid(classes=digits, options={"digits": digits})
    focus_grid(page)
    chips = page.locator(".cleaner-bar .cleaner-chips button:has(kbd):not([data-act=suggest])")
    expect(chips.locator("kbd")).to_have_text(digits)
    press(page, key)
    assert acts(page) == [("relabel", key)]


def test_digits_give_and_take_labels_where_an_image_can_have_several(
    open_grid: OpenGrid, expect: Any
) -> None:
    sets = {"given": "cat;dog", "suggestion": "bird;cat"}
    page = open_grid(pages=[make_cells(6, **sets)], options={"separator": ";"})
    first = page.locator(".cleaner-card").first
    chips = first.locator(".cleaner-class")
    expect(chips).to_have_text(["+ bird ?", "cat", "− dog ?"])  # what it came with, and what is suggested
    focus_grid(page)
    press(page, "1")  # bird
    expect(chips).to_have_text(["+ bird", "cat", "dog"])
    expect(first).to_be_focused()  # until all of its labels are right
    press(page, "2", "3")
    expect(first.locator(".cleaner-badge")).to_have_text("→ bird")
    press(page, "1")
    expect(first.locator(".cleaner-badge")).to_have_text(f"→ {say('grid.no_class')}")
    press(page, "2", "3")
    expect(first.locator(".cleaner-badge")).to_have_text("kept")
    press(page, "ArrowRight", "Shift+ArrowRight", "1")
    press(page, "1")  # the two stay selected
    second = [act for act in sent(page, "decide") if len(act["names"]) == 2]
    assert [(act["action"], act["label"]) for act in second] == [("add", "bird"), ("remove", "bird")]
    expect(page.locator(".is-saving")).to_have_count(0)  # a suggestion is taken for what is saved
    press(page, "Escape", "y")
    expect(page.locator(".cleaner-card").nth(2).locator(".cleaner-badge")).to_have_text("→ bird, cat")

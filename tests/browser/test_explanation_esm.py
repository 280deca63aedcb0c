"""Why an image is on show, in the large view, with a stand-in for the kernel."""

from __future__ import annotations

from typing import Any

import pytest
from grid_page import OpenGrid, focus_grid, make_cells, press, sent

from cleaner.widgets.sentences import say

pytestmark = pytest.mark.browser

NAME = "train/cat/0_00.jpg"
TEXT = "The model and 2 of 3 similar images say dog, not <b>cat</b>."
WITNESSES = [
    {"name": "dog/copy.jpg", "label": "dog", "same": False, "copy": True},
    {"name": "dog/one.jpg", "label": "dog", "same": False, "copy": False},
    {"name": "cat/two.jpg", "label": "cat", "same": True, "copy": False},
]
BLOBS = "blobs.size"


def open_large(open_grid: OpenGrid, **setup: Any) -> Any:
    options = {"why": {NAME: {"text": TEXT, "witnesses": WITNESSES}}} | setup.pop("options", {})
    page = open_grid(options=options, **setup)
    focus_grid(page)
    press(page, "Enter")
    page.get_by_role("dialog", name=say("grid.large_view")).wait_for()
    return page


def section(page: Any) -> Any:
    return page.get_by_role("region", name=say("grid.why"), exact=True)


def witness(page: Any, index: int) -> Any:
    each = WITNESSES[index]
    key = "grid.witness.copy" if each["copy"] else "grid.witness.similar"
    return page.get_by_role("button", name=say(key, label=each["label"], name=each["name"]), exact=True)


def test_the_sentence_stands_with_the_images_that_tell_it(open_grid: OpenGrid, expect: Any) -> None:
    page = open_large(open_grid)
    expect(section(page).locator("p")).to_have_text(TEXT)
    expect(section(page).get_by_role("button")).to_have_count(3)
    expect(section(page).locator("span")).to_have_text([say("grid.copy", label="dog"), "dog", "cat"])
    assert [message["name"] for message in sent(page, "why")] == [NAME]
    press(page, "ArrowRight")
    expect(section(page)).to_be_hidden()
    press(page, "ArrowLeft")
    expect(section(page).locator("p")).to_have_text(TEXT)


def test_another_image_is_looked_at_and_nothing_is_decided_meanwhile(
    open_grid: OpenGrid, expect: Any
) -> None:
    page = open_large(open_grid)
    dialog = page.get_by_role("dialog", name=say("grid.large_view"))
    witness(page, 1).focus()
    press(page, "Enter")
    expect(witness(page, 1)).to_have_attribute("aria-pressed", "true")
    expect(
        page.get_by_role("img", name=say("grid.witness.similar", label="dog", name="dog/one.jpg"))
    ).to_be_visible()
    expect(dialog).to_contain_text(say("grid.witness_of", n=2, all=3))
    expect(dialog.locator("dd")).to_have_text(["dog/one.jpg", "dog"])
    press(page, "x", "1", "u", "Backspace")
    expect(dialog).to_contain_text(say("grid.back_first"))
    assert sent(page, "decide") == sent(page, "undo") == []
    expect(dialog.locator(".cleaner-actions")).to_have_attribute("inert", "")
    press(page, "ArrowRight", "ArrowRight")
    expect(witness(page, 2)).to_have_attribute("aria-pressed", "true")
    press(page, "Escape")
    expect(dialog).to_contain_text(say("grid.image_of", n=1, all=24))
    expect(dialog.locator("dd").first).to_have_text(NAME)
    press(page, "x")
    expect(dialog).to_contain_text("0_01.jpg")
    assert [(act["action"], act["names"]) for act in sent(page, "decide")] == [("delete", [NAME])]


def test_a_click_opens_and_the_button_leads_back(open_grid: OpenGrid, expect: Any) -> None:
    page = open_large(open_grid)
    back = page.get_by_role("button", name=say("grid.back"), exact=True)
    expect(back).to_be_hidden()
    witness(page, 0).click()
    expect(back).to_be_visible()
    back.click()
    expect(back).to_be_hidden()
    expect(witness(page, 0)).to_have_attribute("aria-pressed", "false")
    press(page, "k")
    assert [act["names"] for act in sent(page, "decide")] == [[NAME]]


def test_no_image_is_kept_after_closing(open_grid: OpenGrid, expect: Any) -> None:
    page = open_large(open_grid)
    before = page.evaluate(BLOBS)
    witness(page, 1).click()
    press(page, "Escape", "Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert page.evaluate(BLOBS) < before
    press(page, "Enter")
    expect(section(page).locator("p")).to_have_text(TEXT)
    assert len(sent(page, "why")) == 2


@pytest.mark.parametrize("width", [480, 900, 1280])
def test_it_is_within_reach_at_every_width(open_grid: OpenGrid, expect: Any, width: int) -> None:
    page = open_large(open_grid, width=width)
    expect(section(page).locator("p")).to_be_in_viewport()
    witness(page, 2).scroll_into_view_if_needed()
    expect(witness(page, 2)).to_be_in_viewport(ratio=1)
    box = witness(page, 2).bounding_box()
    assert min(box["width"], box["height"]) >= 24
    assert page.evaluate("document.querySelector('.cleaner-large').scrollWidth") <= width


def test_a_key_lays_a_heat_map_over_the_image_for_any_class(open_grid: OpenGrid, expect: Any) -> None:
    page = open_large(open_grid)
    button = page.get_by_role("button", name=say("grid.heat"), exact=True)
    box = page.get_by_role("region", name=say("grid.heat"), exact=True)
    press(page, "h")
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(box.get_by_role("status")).to_have_text("Seen: dog.")
    cover = page.locator("canvas.cleaner-heat")
    expect(cover).to_be_visible()
    script = "c => [...c.getContext('2d').getImageData(0, 0, 2, 2).data]"
    speaks_for = [230, 97, 1, 255]
    assert cover.evaluate(script)[:12] == [*speaks_for, 0, 0, 0, 0, *speaks_for]
    places = "c => [c, c.previousSibling].map((each) => [each.style.width, each.style.transform])"
    over, under = cover.evaluate(places)
    assert over == under
    choice = box.get_by_label(say("grid.heat.class"))
    choice.select_option(say("grid.heat.given", label="cat"))
    choice.select_option("=bird")
    page.locator(".cleaner-stage").focus()
    press(page, "ArrowRight")
    asked = [(message["name"].rpartition("/")[2], message["label"]) for message in sent(page, "heat")]
    assert asked == [("0_00.jpg", "dog"), ("0_00.jpg", "cat"), ("0_00.jpg", "bird"), ("0_01.jpg", "bird")]
    press(page, "h")
    expect(cover).to_be_hidden()
    expect(box).to_be_hidden()


def test_why_there_is_no_heat_map_is_said_beside_the_image(open_grid: OpenGrid, expect: Any) -> None:
    page = open_large(open_grid, options={"no_heat": "Rank the images again."})
    page.get_by_role("button", name=say("grid.heat"), exact=True).click()
    box = page.get_by_role("region", name=say("grid.heat"), exact=True)
    expect(box.get_by_role("status")).to_have_text("Rank the images again.")
    expect(page.locator("canvas.cleaner-heat")).to_be_hidden()


def test_what_the_large_view_cannot_show_is_told_beside_the_small_copy_or_without_one(
    open_grid: OpenGrid, expect: Any
) -> None:
    reason = "there is no such file"
    page = open_large(
        open_grid,
        options={"no_image": reason},
        problems={"train/dog/0_01.jpg": "truncated: the file ends early"},
    )
    wait, zoom = page.locator(".cleaner-stage .cleaner-wait"), page.locator(".cleaner-zoom")
    expect(wait).to_have_text(say("grid.only_small", problem=reason))
    expect(zoom).to_contain_text("%")
    press(page, "ArrowRight")
    expect(wait).to_have_text(say("grid.problem", problem="truncated: the file ends early"))
    expect(zoom).to_have_text("")


def test_of_several_labels_the_heat_map_begins_with_the_one_in_doubt(
    open_grid: OpenGrid, expect: Any
) -> None:
    cells = make_cells(6, given="cat;dog", suggestion="bird;cat")
    page = open_large(open_grid, pages=[cells], options={"separator": ";"})
    press(page, "h")
    box = page.get_by_role("region", name=say("grid.heat"), exact=True)
    choice = box.get_by_label(say("grid.heat.class"))
    roles = [say("grid.heat.suggestion", label="bird"), say("grid.heat.given", label="cat")]
    expect(choice.get_by_role("option")).to_have_text([*roles, "bird", "cat", "dog"])
    choice.select_option(roles[1])
    assert [message["label"] for message in sent(page, "heat")] == ["bird", "cat"]

"""Comparing classes in the large view, with a stand-in for the kernel: what opens, stays and is edited."""

from __future__ import annotations

from typing import Any

import pytest
from grid_page import OpenGrid, focus_grid, make_cells, press, sent

from cleaner.widgets.sentences import say

pytestmark = pytest.mark.browser

BLOBS = "blobs.size"


def open_large(open_grid: OpenGrid, *, compare: bool = True, **setup: Any) -> Any:
    page = open_grid(**setup)
    focus_grid(page)
    press(page, "Enter")
    page.get_by_role("dialog", name=say("grid.large_view")).wait_for()
    if compare:
        press(page, "c")
    return page


def block(label: str, *roles: str) -> str:
    """Name of the block of one class, as a screen reader says it; roles are given, suggestion and chosen."""
    return f"{label} {', '.join(say(f'grid.role.{role}') for role in roles)}"


def side(page: Any, label: str, *roles: str) -> Any:
    """The block of one class."""
    return page.get_by_role("region", name=block(label, *roles), exact=True)


def blocks(page: Any) -> Any:
    return page.locator(".cleaner-compared h3")


# ---------------------------------------------------------------- opening and walking


def test_the_key_opens_a_block_for_the_label_and_one_for_the_suggestion(
    open_grid: OpenGrid, expect: Any
) -> None:
    page = open_large(open_grid, texts={"cat": "It purrs.\n<b>Not</b> a dog."})
    expect(blocks(page)).to_have_text([block("cat", "given"), block("dog", "suggestion")])
    cat = side(page, "cat", "given")
    expect(cat.locator(".cleaner-description")).to_have_text("It purrs.\n<b>Not</b> a dog.")
    pictures = cat.get_by_role("img")
    expect(pictures).to_have_count(2)
    assert [each.get_attribute("alt") for each in pictures.all()] == [
        say("grid.typical", label="cat", name="cat/one.jpg"),
        say("grid.typical", label="cat", name="cat/two.jpg"),
    ]
    assert pictures.first.get_attribute("title") == "cat/one.jpg"
    expect(cat.locator("figcaption")).to_have_text([say("grid.unconfirmed")])
    assert [(m["name"], m["labels"]) for m in sent(page, "compare")] == [
        ("train/cat/0_00.jpg", ["cat", "dog"])
    ]


def test_the_button_says_whether_it_is_open(open_grid: OpenGrid, expect: Any) -> None:
    page = open_large(open_grid, compare=False)
    button = page.get_by_role("button", name=say("grid.compare"))
    expect(button).to_have_attribute("aria-expanded", "false")
    expect(button).to_have_attribute("aria-keyshortcuts", "c")
    panel = page.locator(f"[id='{button.get_attribute('aria-controls')}']")
    expect(panel).to_be_hidden()
    assert sent(page, "compare") == []
    button.click()
    expect(button).to_have_attribute("aria-expanded", "true")
    expect(panel).to_be_visible()
    button.click()
    expect(panel).to_be_hidden()
    press(page, "c")
    expect(panel).to_be_visible()
    press(page, "?")
    expect(page.get_by_role("dialog", name=say("grid.keys"))).to_contain_text(say("grid.key.compare"))


def test_it_stays_open_on_the_way_and_follows_the_classes(open_grid: OpenGrid, expect: Any) -> None:
    page = open_large(open_grid)
    expect(blocks(page)).to_have_text([block("cat", "given"), block("dog", "suggestion")])
    press(page, "ArrowRight")
    expect(blocks(page)).to_have_text([block("dog", "given"), block("bird", "suggestion")])
    expect(side(page, "bird", "suggestion").get_by_role("img")).to_have_count(2)
    press(page, "Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    press(page, "Enter")
    expect(blocks(page)).to_have_text([block("dog", "given"), block("bird", "suggestion")])
    expect(side(page, "dog", "given").get_by_role("img")).to_have_count(2)


def test_the_class_chosen_gets_a_block_and_each_class_only_one(open_grid: OpenGrid, expect: Any) -> None:
    cells = make_cells(3, suggestion="dog")
    page = open_large(open_grid, pages=[cells])
    expect(blocks(page)).to_have_text([block("cat", "given"), block("dog", "suggestion")])
    press(page, "1")
    expect(blocks(page)).to_have_text([block("dog", "given", "suggestion")])
    press(page, "ArrowLeft")
    expect(blocks(page)).to_have_text(
        [block("cat", "given"), block("dog", "suggestion"), block("bird", "chosen")]
    )
    press(page, "y", "ArrowLeft")
    expect(blocks(page)).to_have_text([block("cat", "given"), block("dog", "suggestion", "chosen")])


def test_where_no_suggestion_is_shown_only_the_label_is_asked_about(open_grid: OpenGrid, expect: Any) -> None:
    cells = make_cells(2, suggestion=None, probability=None, loss=None)
    cells[1]["given"] = None
    page = open_large(open_grid, pages=[cells], options={"purpose": "audit"})
    expect(blocks(page)).to_have_text([block("cat", "given")])
    assert sent(page, "compare")[0]["labels"] == ["cat"]
    press(page, "ArrowRight")
    expect(blocks(page)).to_have_count(0)
    expect(page.get_by_text(say("grid.nothing_to_compare"))).to_be_visible()
    assert len(sent(page, "compare")) == 1


def test_keys_decide_while_it_is_open(open_grid: OpenGrid, expect: Any) -> None:
    page = open_large(open_grid)
    expect(side(page, "cat", "given").get_by_role("img")).to_have_count(2)
    side(page, "cat", "given").get_by_role("img").first.click()
    press(page, "x")
    expect(page.get_by_role("dialog", name=say("grid.large_view"))).to_contain_text("train/dog/0_01.jpg")
    assert [act["action"] for act in sent(page, "decide")] == ["delete"]


def test_the_simple_deleter_has_no_classes_to_compare(open_grid: OpenGrid, expect: Any) -> None:
    page = open_large(open_grid, traits={"mode": "delete"})
    expect(page.get_by_role("button", name=say("grid.compare"))).to_have_count(0)
    expect(page.locator(".cleaner-compare")).to_have_count(0)
    assert sent(page, "compare") == []
    press(page, "?")
    expect(page.get_by_role("dialog", name=say("grid.keys"))).not_to_contain_text(say("grid.key.compare"))


# ---------------------------------------------------------------- answers and pictures


def test_an_answer_for_another_picture_is_dropped(open_grid: OpenGrid, expect: Any) -> None:
    page = open_large(open_grid, options={"mute_compare": True})
    press(page, "ArrowRight")
    expect(blocks(page)).to_have_text([block("dog", "given"), block("bird", "suggestion")])
    page.wait_for_function("model.of_kind('compare').length === 2")
    # In one go, as other images of the large view may arrive at any time.
    late = "model.compare(model.of_kind('compare')[0])"
    assert page.evaluate(f"(() => {{ const before = {BLOBS}; {late}; return {BLOBS} - before; }})()") == 0
    assert page.locator(".cleaner-typical img").count() == 0
    page.evaluate("model.compare(model.of_kind('compare')[1])")
    expect(side(page, "bird", "suggestion").get_by_role("img")).to_have_count(2)
    page.evaluate("model.compare(model.of_kind('compare')[1])")
    assert page.locator(".cleaner-typical img").count() == 4


def test_a_question_that_was_overtaken_is_asked_again(open_grid: OpenGrid, expect: Any) -> None:
    page = open_large(open_grid, options={"mute_compare": True})
    page.wait_for_function("model.of_kind('compare').length === 1")
    late = "{ kind: 'compare', id: model.of_kind('compare')[0].id, sides: [], problem: '', late: true }"
    page.evaluate(f"model.reply({late})")
    page.wait_for_function("model.of_kind('compare').length === 2")
    page.evaluate("model.compare(model.of_kind('compare')[1])")
    expect(side(page, "cat", "given").get_by_role("img")).to_have_count(2)


def test_what_cannot_be_compared_says_why(open_grid: OpenGrid, expect: Any) -> None:
    page = open_large(open_grid, options={"mute_compare": True})
    page.wait_for_function("model.of_kind('compare').length === 1")
    page.evaluate(
        "model.reply({ kind: 'compare', id: model.of_kind('compare')[0].id, sides: [], problem: 'no index' })"
    )
    expect(page.get_by_text(say("grid.problem", problem="no index"))).to_be_visible()
    expect(page.get_by_text(say("grid.loading"))).to_have_count(0)


def test_pictures_are_freed_on_the_way_and_at_the_end(open_grid: OpenGrid, expect: Any) -> None:
    page = open_large(open_grid)
    for count in range(2, 9):  # each picture has another pair of classes; the next one shares one with it
        press(page, "ArrowRight")
        page.wait_for_function(f"model.of_kind('compare').length === {count}")
    expect(side(page, "bird", "suggestion").get_by_role("img")).to_have_count(2)
    shown = page.locator(".cleaner-typical img").evaluate_all("all => all.map((img) => img.src)")
    assert page.evaluate("urls => urls.filter((url) => blobs.has(url)).length", shown) == 4
    press(page, "c")
    assert page.evaluate("urls => urls.filter((url) => blobs.has(url)).length", shown) == 0
    press(page, "c")
    expect(side(page, "bird", "suggestion").get_by_role("img")).to_have_count(2)
    page.evaluate("leave()")
    assert page.evaluate(BLOBS) == 0


# ---------------------------------------------------------------- descriptions


def test_a_class_is_described_by_keyboard(open_grid: OpenGrid, expect: Any) -> None:
    page = open_large(open_grid)
    cat = side(page, "cat", "given")
    cat.get_by_role("button", name=say("grid.describe_class")).press("Enter")
    box = page.get_by_role("textbox", name=say("grid.description_of", label="cat"))
    expect(box).to_be_focused()
    page.keyboard.type("xkc1 /u")
    press(page, "Enter", "Backspace", "ArrowLeft", "Delete", "Shift+ArrowLeft", "?")
    expect(box).to_have_value("xkc1 ?")
    page.evaluate("model.answering = false")
    press(page, "Control+Enter")
    expect(cat.get_by_text(say("grid.saving"))).to_be_visible()
    expect(cat.get_by_role("button", name=say("grid.save"))).to_be_disabled()
    expect(cat.locator(".cleaner-description")).to_be_hidden()
    (act,) = sent(page, "describe")
    assert (act["label"], act["text"]) == ("cat", "xkc1 ?")
    page.evaluate("model.describe(model.of_kind('describe')[0])")
    expect(cat.locator(".cleaner-description")).to_have_text("xkc1 ?")
    expect(cat.get_by_role("button", name=say("grid.change_description"))).to_be_focused()
    assert sent(page, "decide") == sent(page, "undo") == sent(page, "confirm") == []
    expect(page.get_by_role("dialog", name=say("grid.large_view"))).to_contain_text("train/cat/0_00.jpg")


def test_escape_leaves_the_text_and_not_the_large_view(open_grid: OpenGrid, expect: Any) -> None:
    page = open_large(open_grid, texts={"cat": "purrs"})
    cat = side(page, "cat", "given")
    cat.get_by_role("button", name=say("grid.change_description")).click()
    box = page.get_by_role("textbox", name=say("grid.description_of", label="cat"))
    expect(box).to_have_value("purrs")
    page.keyboard.type("and more ")
    press(page, "Escape")
    expect(box).to_be_hidden()
    expect(cat.locator(".cleaner-description")).to_have_text("purrs")
    expect(page.get_by_role("dialog", name=say("grid.large_view"))).to_be_visible()
    expect(cat.get_by_role("button", name=say("grid.change_description"))).to_be_focused()
    assert sent(page, "describe") == []
    press(page, "Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_text_that_is_refused_stays_to_be_mended(open_grid: OpenGrid, expect: Any) -> None:
    page = open_large(open_grid)
    cat = side(page, "cat", "given")
    cat.get_by_role("button", name=say("grid.describe_class")).click()
    box = page.get_by_role("textbox", name=say("grid.description_of", label="cat"))
    box.fill("x" * 21)
    cat.get_by_role("button", name=say("grid.save")).click()
    expect(cat.get_by_role("alert")).to_have_text("Not saved: Got 21 characters. Shorten it.")
    expect(box).to_have_value("x" * 21)
    box.fill("short")
    cat.get_by_role("button", name=say("grid.save")).click()
    expect(cat.locator(".cleaner-description")).to_have_text("short")


def test_what_was_typed_is_still_there_after_a_walk(open_grid: OpenGrid, expect: Any) -> None:
    page = open_large(open_grid)
    side(page, "cat", "given").get_by_role("button", name=say("grid.describe_class")).click()
    page.keyboard.type("half a sen")
    page.get_by_role("button", name=say("grid.next"), exact=True).click()
    expect(blocks(page)).to_have_text([block("dog", "given"), block("bird", "suggestion")])
    page.get_by_role("button", name=say("grid.previous"), exact=True).click()
    side(page, "cat", "given").get_by_role("button", name=say("grid.finish_description")).click()
    expect(page.get_by_role("textbox", name=say("grid.description_of", label="cat"))).to_have_value(
        "half a sen"
    )


def test_a_description_by_somebody_else_appears(open_grid: OpenGrid, expect: Any) -> None:
    page = open_large(open_grid)
    expect(side(page, "cat", "given").get_by_role("img")).to_have_count(2)
    page.evaluate("() => { model.texts.cat = 'by Ben'; model.reply({ kind: 'described' }); }")
    expect(side(page, "cat", "given").locator(".cleaner-description")).to_have_text("by Ben")
    press(page, "c")
    page.evaluate("model.reply({ kind: 'described' })")
    assert len(sent(page, "compare")) == 2


@pytest.mark.parametrize("width", [480, 900, 1280])
def test_it_is_within_reach_at_every_width(open_grid: OpenGrid, expect: Any, width: int) -> None:
    page = open_large(open_grid, width=width)
    expect(side(page, "dog", "suggestion").get_by_role("img")).to_have_count(2)
    for name in (say("grid.compare"), say("grid.close")):
        expect(page.get_by_role("button", name=name, exact=True)).to_be_in_viewport()
    button = side(page, "dog", "suggestion").get_by_role("button", name=say("grid.describe_class"))
    button.scroll_into_view_if_needed()
    expect(button).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.querySelector('.cleaner-stage').clientHeight") >= 150
    assert page.evaluate("document.querySelector('.cleaner-large').scrollWidth") <= width

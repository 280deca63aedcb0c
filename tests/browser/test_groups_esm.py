"""Groups of copies, pictures to judge and first labels in the grid, with a stand-in for the kernel."""

from __future__ import annotations

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

SIZES = (3, 2, 2)
MARKS = (["leak: train and valid", "2 labels: cat, dog"], [], ["only look alike"])


def open_copies(open_grid: OpenGrid, **options: Any) -> Any:
    """Show three groups: of three, of two, and of two that only look alike."""
    cells = make_cells(sum(SIZES), suggestion=None, probability=None, loss=None)
    groups, at = [], 0
    for number, (size, marks) in enumerate(zip(SIZES, MARKS, strict=True), start=1):
        for place in range(size):
            advice = "keep" if place == 0 else "delete"
            same = marks != ["only look alike"]
            cells[at] |= {
                "group": str(number),
                "advice": advice if same else "",
                "remarks": ["cropped · 97 %", "valid · 380 × 280"],
            }
            at += 1
        groups.append(
            {"id": str(number), "title": f"{size} pictures", "marks": marks, "settled": "", "ready": True}
        )
    return open_grid(pages=[cells, []], options={"purpose": "copies", "groups": [groups]}, **options)


def rows(page: Any) -> list[int]:
    """How many cards stand in each row."""
    script = "all => all.map(row => row.querySelectorAll('[role=gridcell]').length)"
    counted: list[int] = page.locator("[role=row]").evaluate_all(script)
    return counted


def badges(page: Any) -> list[str]:
    texts: list[str] = page.locator(".cleaner-badge").all_text_contents()
    return texts


def test_each_group_has_a_row_of_its_own_and_says_what_is_to_be_known(
    open_grid: OpenGrid, expect: Any
) -> None:
    page = open_copies(open_grid)
    assert rows(page) == [3, 2, 2]
    heads = page.get_by_role("rowheader")
    expect(heads).to_have_count(3)
    expect(heads.nth(0)).to_contain_text("3 pictures")
    expect(heads.nth(0)).to_contain_text("leak: train and valid")
    expect(heads.nth(0)).to_contain_text("2 labels: cat, dog")
    expect(page.get_by_role("grid")).to_have_attribute("aria-colcount", "5")
    expect(heads.nth(1)).to_have_attribute("aria-colindex", "1")
    expect(cell(page, 3)).to_have_attribute("aria-colindex", "2")
    known = make_cells(2, suggestion=None, loss=None)[1]
    advice = say("grid.name.advice", advice=say("grid.advice.delete"))
    name = spoken(known, advice, "cropped · 97 %", "valid · 380 × 280")
    expect(cell(page, 1)).to_have_attribute("aria-label", name)


def test_the_buttons_are_those_that_have_a_sense_here(open_grid: OpenGrid, expect: Any) -> None:
    page = open_copies(open_grid)
    bar = page.locator(".cleaner-bar .cleaner-buttons").get_by_role("button")
    shown = [button.locator("span").first.text_content() for button in bar.all() if button.is_visible()]
    acts = (
        "keep_only",
        "follow_advice",
        "not_duplicates",
        "delete",
        "undo",
        "redo",
        "enlarge",
        "show_keys",
        "continue",
    )
    assert shown == [say(f"grid.{act}") for act in acts]
    expect(page.get_by_role("button", name=say("grid.continue"))).to_be_visible()
    expect(page.get_by_role("button", name=say("grid.confirm_page"))).to_have_count(0)


def test_keys_decide_on_the_whole_group_and_go_on_to_the_next(open_grid: OpenGrid, expect: Any) -> None:
    page = open_copies(open_grid)
    focus_grid(page)
    press(page, "ArrowRight", "o")
    wait_until_saved(page)
    assert badges(page)[:3] == ["delete", "", "delete"]
    assert focused_name(page) == "0_03.jpg"
    expect(page.get_by_role("rowheader").nth(0)).to_contain_text("1 kept")
    press(page, "y")
    wait_until_saved(page)
    assert badges(page)[3:5] == ["", "delete"]
    assert focused_name(page) == "0_05.jpg"
    press(page, "n")
    expect(page.get_by_role("rowheader").nth(2)).to_contain_text("not duplicates")
    acts = [(act["action"], act["names"]) for act in sent(page, "decide")]
    assert acts == [
        ("only", ["train/dog/0_01.jpg"]),
        ("suggest", ["train/cat/0_03.jpg"]),
        ("different", ["train/bird/0_05.jpg"]),
    ]
    press(page, "u")
    wait_until_saved(page)


def test_several_of_a_group_are_kept_by_selecting_them(open_grid: OpenGrid) -> None:
    page = open_copies(open_grid)
    focus_grid(page)
    press(page, "Shift+ArrowRight", "o")
    wait_until_saved(page)
    assert badges(page)[:3] == ["", "", "delete"]
    assert sent(page, "decide")[0]["names"] == ["train/cat/0_00.jpg", "train/dog/0_01.jpg"]


def test_the_buttons_of_a_group_are_for_that_group(open_grid: OpenGrid) -> None:
    page = open_copies(open_grid)
    page.get_by_role("rowheader").nth(1).get_by_role("button", name=say("grid.follow_advice")).click()
    wait_until_saved(page)
    assert badges(page) == ["", "", "", "", "delete", "", ""]


def test_nothing_is_advised_for_look_alikes(open_grid: OpenGrid, expect: Any) -> None:
    page = open_copies(open_grid)
    cell(page, 5).focus()
    press(page, "y")
    expect(page.get_by_role("status")).to_contain_text(say("grid.no_advice"))
    press(page, "k")
    expect(page.get_by_role("status")).to_contain_text(say("grid.not_offered"))
    assert sent(page, "decide") == []


def test_advice_ends_when_the_one_to_keep_is_deleted(open_grid: OpenGrid, expect: Any) -> None:
    page = open_copies(open_grid)
    cell(page, 3).focus()
    press(page, "x")
    wait_until_saved(page)
    cell(page, 3).focus()
    press(page, "y")
    expect(page.get_by_role("status")).to_contain_text(say("grid.kept_is_deleted"))
    assert [act["action"] for act in sent(page, "decide")] == ["delete"]
    cell(page, 4).focus()
    press(page, "x")
    wait_until_saved(page)
    cell(page, 4).focus()
    press(page, "o")  # all are deleted: this one is wanted back
    wait_until_saved(page)
    acts = [(act["action"], act["names"]) for act in sent(page, "decide")]
    assert acts[-1] == ("only", ["train/dog/0_04.jpg"])


def test_arrows_walk_through_rows_of_different_lengths(open_grid: OpenGrid) -> None:
    page = open_copies(open_grid)
    cell(page, 2).focus()
    press(page, "ArrowDown")
    assert focused_name(page) == "0_04.jpg"
    press(page, "ArrowDown", "Home")
    assert focused_name(page) == "0_05.jpg"
    press(page, "ArrowUp", "ArrowUp", "End")
    assert focused_name(page) == "0_02.jpg"


def test_going_on_sends_no_names(open_grid: OpenGrid, expect: Any) -> None:
    page = open_copies(open_grid)
    settle(page)
    focus_grid(page)
    expect(page.get_by_role("status")).to_contain_text(say("grid.confirm.leaves"))
    press(page, "Control+Enter")
    page.wait_for_function("model.of_kind('confirm').length === 1")
    assert sent(page, "confirm")[0]["names"] == []


def test_groups_fit_into_a_narrow_window(open_grid: OpenGrid, expect: Any) -> None:
    page = open_copies(open_grid, width=460)
    assert rows(page) == [3, 2, 2]
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    expect(
        page.get_by_role("rowheader").nth(0).get_by_role("button", name=say("grid.not_duplicates"))
    ).to_be_visible()


def test_pictures_are_deleted_or_left(open_grid: OpenGrid, expect: Any) -> None:
    plain = {"suggestion": None, "probability": None, "loss": None}
    pages = [make_cells(4, **plain, remarks=["blurry 0.82"]), make_cells(2, page=1, **plain)]
    page = open_grid(pages=pages, options={"purpose": "pictures"})
    expect(cell(page, 0)).to_contain_text("blurry 0.82")
    expect(page.get_by_role("button", name=say("grid.keep"), exact=True)).to_have_count(0)
    focus_grid(page)
    press(page, "x")
    wait_until_saved(page)
    settle(page)
    press(page, "Control+Enter")
    expect(page.locator(".cleaner-title")).to_have_text("Page 2")
    assert sent(page, "confirm")[0]["names"] == []


def test_labels_are_accepted_corrected_and_only_sure_ones_confirmed(open_grid: OpenGrid, expect: Any) -> None:
    cells = make_cells(5, given=None, loss=None)
    for each in cells:
        each |= {"given": None, "sure": True}
    cells[3] |= {"probability": 0.3, "sure": False}
    cells[4] |= {"suggestion": None, "probability": None}
    page = open_grid(pages=[cells, []])
    focus_grid(page)
    expect(cell(page, 0)).to_contain_text(say("grid.no_label"))
    expect(cell(page, 3)).to_contain_text("dog ?")
    accepts = say("grid.confirm.accepts", suggestions=say("grid.suggestions_many", n=3))
    words = f"{accepts}; {say('grid.confirm.unlabelled_many', n=2)}"
    expect(page.get_by_role("status")).to_have_text(status(0, words))
    press(page, "k", "1", "y")
    wait_until_saved(page)
    assert badges(page) == ["→ dog", "→ bird", "→ cat", "", ""]
    cell(page, 4).focus()
    press(page, "k")
    expect(page.get_by_role("status")).to_contain_text(say("grid.no_label_to_keep"))
    actions = [(act["action"], act["label"]) for act in sent(page, "decide")]
    assert actions == [("keep", None), ("relabel", "bird"), ("suggest", None)]

"""What the grid does until an act is saved, and when it is not."""

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
    spoken,
    wait_until_saved,
)

from cleaner.widgets.sentences import say

pytestmark = pytest.mark.browser

HERE = Path(__file__).parent


# ---------------------------------------------------------------- saving, and when it fails


def test_a_cell_waits_for_its_answer(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    page.evaluate("() => { model.answering = false }")
    focus_grid(page)
    press(page, "x", "ArrowLeft", "k")
    assert len(sent(page, "decide")) == 1
    name = spoken(make_cells(1)[0], say("grid.decided.delete"), say("grid.name.saving"))
    expect(cell(page, 0)).to_have_attribute("aria-label", name)
    expect(page.get_by_role("status")).to_contain_text(say("grid.still_saving"))
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
    expect(page.get_by_role("alert")).to_have_text(say("grid.overdue_files", files="0_00.jpg"))
    names = [say(f"grid.{key}") for key in ("keep", "delete", "undo", "confirm_page", "next_page")]
    for name in (*names, say("grid.relabel_to_label", label="dog")):
        expect(page.get_by_role("button", name=name, exact=True)).to_be_disabled()
    press(page, "k", "u", "Control+Enter", "PageDown", "1")
    assert len(sent(page, "decide")) == 1
    assert sent(page, "undo") == sent(page, "confirm") == sent(page, "turn") == []
    press(page, "ArrowRight")
    assert focused_name(page) == "0_02.jpg"
    page.evaluate("model.answer(model.of_kind('decide')[0])")
    expect(page.get_by_role("alert")).to_have_text("")
    expect(page.get_by_role("button", name=say("grid.keep"), exact=True)).to_be_enabled()
    expect(cell(page, 0).locator(".cleaner-badge")).to_have_text(say("grid.badge.delete"))


def test_lost_kernel_is_said_and_everything_is_sent_again_when_it_comes_back(
    open_grid: OpenGrid, expect: Any
) -> None:
    page = open_grid(clock=True)
    page.evaluate("() => { model.answering = false }")
    focus_grid(page)
    press(page, "x")
    page.clock.run_for(12000)
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text(say("grid.lost"))
    expect(alert.get_by_role("button", name=say("grid.reload"))).to_be_visible()
    expect(alert).to_contain_text(say("grid.lost_files", files="0_00.jpg"))
    first = sent(page, "decide")
    assert len(first) == 1
    page.evaluate("() => { model.answering = true }")
    page.clock.run_for(6000)
    expect(alert).to_have_text("")
    again = sent(page, "decide")
    assert len(again) == 2
    assert again[0] == again[1]
    wait_until_saved(page)
    expect(cell(page, 0).locator(".cleaner-badge")).to_have_text(say("grid.badge.delete"))


def test_lost_act_is_sent_again_while_the_kernel_lives(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid(clock=True)
    page.evaluate(
        "() => { const act = model.decide.bind(model); let lost = 0;"
        " model.decide = (m) => (lost++ ? act(m) : undefined); }"
    )
    focus_grid(page)
    press(page, "x")
    page.clock.run_for(9000)
    expect(cell(page, 0).locator(".cleaner-badge")).to_have_text(say("grid.badge.delete"))
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
    page.evaluate("() => { model.decide = ({ id }) => model.refuse(id, 'Not saved: the disk is full.'); }")
    focus_grid(page)
    press(page, "x")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Not saved: the disk is full.")
    expect(page.locator(".cleaner-badge:not([hidden])")).to_have_count(0)
    expect(page.get_by_role("button", name=say("grid.keep"), exact=True)).to_be_enabled()
    alert.get_by_role("button", name=say("grid.dismiss")).click()
    expect(alert).to_have_text("")


def test_problem_of_the_model_stays_until_it_is_over(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid(traits={"problem": "cleaned.csv is open in another program."})
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("cleaned.csv is open in another program.")
    page.evaluate("model.set('problem', '')")
    expect(alert).to_have_text("")
    page.evaluate("model.set('problem', 'cleaned.csv is open again.')")
    alert.get_by_role("button", name=say("grid.dismiss")).click()
    expect(page.get_by_role("alert")).to_have_text("")


def test_alerts_are_seen_in_the_large_view_too(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    focus_grid(page)
    press(page, "Enter")
    page.evaluate("model.set('problem', 'Something is wrong.')")
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("Something is wrong.")


def test_decisions_made_elsewhere_appear(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    page.evaluate(
        "() => { model.put('train/cat/0_00.jpg', { action: 'delete', label: null, reviewer: 'Ben' });"
        " const cells = model.cells(['train/cat/0_00.jpg']);"
        " model.reply({ kind: 'cells', cells, summary: '1 looked at' }); }"
    )
    expect(cell(page, 0).locator(".cleaner-badge")).to_have_text(say("grid.badge.delete"))
    expect(page.locator(".cleaner-summary")).to_have_text("1 looked at")


def test_two_views_show_the_same_decisions(open_grid: OpenGrid, expect: Any) -> None:
    page = open_grid()
    page.evaluate("window.render()")
    expect(page.get_by_role("grid")).to_have_count(2)
    expect(page.locator(".cleaner-card.has-picture")).to_have_count(48)
    page.get_by_role("grid").first.get_by_role("gridcell").first.focus()
    press(page, "x")
    expect(page.locator(".cleaner-badge:not([hidden])")).to_have_text([say("grid.badge.delete")] * 2)
    assert page.evaluate("model.listeners['msg:custom'].length") == 2
    page.evaluate("leave()")
    assert page.evaluate("model.listeners['msg:custom'].length") == 1

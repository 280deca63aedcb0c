"""The panels' script in a real browser, with a stand-in for the kernel."""

from __future__ import annotations

import numpy as np
import pytest
from panel_page import Show, change, sent

from cleaner.analysis.confusions import Confusions
from cleaner.interpret.confusion_matrix import ConfusionMatrix
from cleaner.interpret.label_matrix import LabelMatrix
from cleaner.training.lr_finder import LrSweep
from cleaner.widgets.panels.base import Tree, button, node
from cleaner.widgets.panels.chart import line_chart
from cleaner.widgets.panels.confusion import MatrixView, matrix_trees
from cleaner.widgets.panels.header import steps
from cleaner.widgets.panels.label_matrix import label_matrix_trees
from cleaner.widgets.panels.rates import rate_finder
from cleaner.widgets.sentences import say

pytestmark = pytest.mark.browser


def test_names_from_files_never_become_markup(show: Show) -> None:
    evil = "<img src=x onerror=\"document.title='gotcha'\"><script>document.title='gotcha'</script>"
    page = show(node("p", evil, title=evil), button(evil, "go", evil))
    assert page.locator("p").inner_text() == evil
    assert page.locator("img, #here script").count() == 0
    page.locator("button").click()
    assert sent(page) == [["go", evil]]
    assert page.title() == "a panel alone"


@pytest.mark.parametrize(
    "tree", [["script", {}, "alert(1)"], ["p", {"onclick": "alert(1)"}], ["p", {"style": "color: red"}]]
)
def test_unknown_elements_and_attributes_are_refused(show: Show, tree: Tree) -> None:
    page = show(node("p", "before"))
    refused = (
        "([tree]) => { try { model.change('tree', [tree]); return ''; } catch (e) { return e.message; } }"
    )
    assert page.evaluate(refused, [tree]).startswith("cleaner: no ")


def test_only_what_differs_is_touched(show: Show) -> None:
    page = show(node("div", node("p", "one", role="status"), button("Go", "go"), node("input", type="text")))
    page.evaluate("window.kept = [...document.querySelectorAll('[role=status], button, input')]")
    page.locator("input").fill("typed")
    page.locator("button").focus()
    change(
        page,
        "tree",
        [
            node(
                "div",
                node("p", "two", role="status"),
                button("Go on", "go"),
                node("input", type="text"),
                "end",
            )
        ],
    )
    assert page.evaluate("kept.every((element) => element.isConnected)")
    assert page.locator("[role=status]").inner_text() == "two"
    assert page.locator("input").input_value() == "typed"
    assert page.evaluate("document.activeElement.textContent") == "Go on"


def test_lists_grow_shrink_and_change_their_kind(show: Show) -> None:
    page = show(node("ul", node("li", "1")))
    for trees in (
        [node("ul", node("li", "1"), node("li", "2"), node("li", "3"))],
        [node("p", "nothing"), node("ul", node("li", "2"))],
        [node("ol", node("li", node("b", "2")))],
        [],
    ):
        change(page, "tree", trees)
        expected = page.evaluate("(trees) => trees.length", trees)
        assert (
            page.evaluate("document.querySelector('.cleaner-panel > div:last-child').childNodes.length")
            == expected
        )
    assert page.locator("li").count() == 0


def test_a_pressed_button_that_goes_away_hands_on_the_focus(show: Show) -> None:
    def trees(*, running: bool) -> list[Tree]:
        return [
            button("Retrain", "retrain", disabled=running, data_heir=True),
            button("Cancel", "cancel", hidden=not running, data_heir=True),
        ]

    page = show(*trees(running=False))
    page.get_by_role("button", name="Retrain").focus()
    page.keyboard.press("Enter")
    change(page, "tree", trees(running=True))
    assert page.evaluate("document.activeElement.textContent") == "Cancel"
    page.keyboard.press("Space")
    change(page, "tree", trees(running=False))
    assert page.evaluate("document.activeElement.textContent") == "Retrain"
    assert sent(page) == [["retrain", ""], ["cancel", ""]]


def test_fields_tell_their_value_when_it_changes(show: Show) -> None:
    page = show(
        node("input", type="radio", name="m", value="quick", do="mode", checked=True),
        node("input", type="radio", name="m", value="full", do="mode"),
        node("input", type="number", value="4", do="epochs", aria_label="epochs"),
    )
    page.locator("[value=full]").check()
    page.get_by_label("epochs").fill("7")
    page.get_by_label("epochs").press("Tab")
    assert sent(page) == [["mode", "full"], ["epochs", "7"]]


def test_tabs_are_one_stop_and_arrows_walk_them(show: Show) -> None:
    page = show(steps("Labels", {}))
    page.get_by_role("tab", name="Labels").wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.value") == "Labels"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("End")
    assert sent(page) == [["step", "Map"], ["step", "Report"], ["step", "Files"], ["step", "Report"]]


def test_a_problem_is_an_alert_as_long_as_there_is_one(show: Show) -> None:
    page = show(node("p", "all well"))
    assert page.get_by_role("alert").count() == 0
    change(page, "problem", "The disk is full.")
    assert page.get_by_role("alert").inner_text() == "The disk is full."
    change(page, "problem", "")
    assert page.get_by_role("alert").count() == 0


def test_a_chart_is_a_picture_with_a_name(show: Show) -> None:
    page = show(line_chart({"a": [(0, 1), (1, 2)], "b": [(0, 2), (1, 1)]}, name="two lines that cross"))
    box = page.get_by_role("img", name="two lines that cross").bounding_box()
    assert box["width"] > 100
    assert box["height"] > 30
    assert page.locator("svg path").count() == 2


def test_a_rate_is_picked_with_arrow_keys_or_a_click_and_taken_with_enter(show: Show) -> None:
    lrs = np.geomspace(1e-7, 1.0, 80)
    suggestions = {"valley": 1e-3, "slide": 1e-4, "minimum": 1e-2, "steep": 2e-4}
    page = show(rate_finder(LrSweep(lrs, 2 - np.log10(lrs) / 7, suggestions), 1e-5))
    slider = page.get_by_role("slider")
    slider.focus()
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("sent.length === 1")  # hurried steps make one message
    assert sent(page) == [["pick_rate", "-4.9"]]
    page.keyboard.press("Enter")
    assert sent(page)[-1] == ["take_rate", "-4.9"]

    mark = page.locator(".cleaner-mark").first.bounding_box()  # the valley's
    page.mouse.click(mark["x"] + mark["width"] / 2, mark["y"] + mark["height"] / 2)
    page.wait_for_function("sent.length === 3")
    name, value = sent(page)[-1]
    assert name == "pick_rate"
    assert float(value) == pytest.approx(-3, abs=0.06)  # what is pressed is what is drawn there
    page.get_by_role("button", name=say("rates.minimum")).click()
    assert sent(page)[-1] == ["pick_rate", "-2.0000"]


def test_the_dashboards_address_follows_and_keeps_what_else_is_in_it(show: Show) -> None:
    page = show(node("p", ""), body="cleaner-page", address={"folder": "/a b"})
    assert page.url == "http://panel.test/?token=abc&folder=%2Fa+b"
    change(page, "address", {"folder": ""})
    assert page.url == "http://panel.test/?token=abc"


def test_in_a_notebook_the_address_is_left_alone(show: Show) -> None:
    page = show(node("p", ""), address={"folder": "/a"})
    assert page.url == "http://panel.test/?token=abc"


def test_keys_stay_out_of_the_notebook_and_nothing_is_left_behind(show: Show) -> None:
    page = show(button("Go", "go"))
    assert page.locator("button").evaluate("(b) => b.closest('[data-lm-suppress-shortcuts]') !== null")
    page.evaluate("leave()")
    assert page.evaluate("model.listening()") == 0
    assert page.locator("#here").inner_html() == ""


def test_a_matrix_is_one_tab_stop_and_arrows_walk_over_its_numbers(show: Show) -> None:
    matrix = ConfusionMatrix(["bag", "hat", "shirt"], np.array([[8, 2, 0], [0, 5, 0], [3, 0, 4]]))
    nothing = np.zeros((3, 3), dtype=np.int64)
    none = Confusions(classes=list(matrix.classes), estimated=None, corrected=nothing, open=nothing)
    page = show(*matrix_trees(matrix, none, MatrixView()))
    stops = page.locator(".cleaner-cell[tabindex='0']")
    stops.focus()
    walked = []
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowDown", "End", "ArrowUp", "Home", "Enter"):
        page.keyboard.press(key)
        walked.append(page.evaluate("document.activeElement.textContent"))
    assert walked == ["2", "2", "5", "3", "4", "5", "5", "5"]
    assert sent(page) == [["cell", '["hat", "hat"]']]
    assert stops.count() == 1
    change(page, "tree", matrix_trees(ConfusionMatrix(["bag"], np.array([[8]])), none, MatrixView()))
    assert stops.all_inner_texts() == ["8"]

    counts = np.array([[[50, 3], [2, 45]], [[80, 0], [10, 10]]])
    change(page, "tree", label_matrix_trees(LabelMatrix(["cat", "dog"], counts, np.zeros((2, 2)), 100, 87)))
    assert page.locator(".cleaner-matrix .cleaner-cell").all_inner_texts() == ["45", "2", "3", "10", "10"]
    stops.focus()
    for key in ("ArrowRight", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    assert sent(page)[-1] == ["agreement", '[["dog", "label_only"]]']

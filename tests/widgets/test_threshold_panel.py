"""`ThresholdPanel` and its scales: what a threshold comes to, and moving it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from cleaner.errors import RankingError
from cleaner.session.scales import Scale
from cleaner.util.wording import count
from cleaner.widgets.panels.base import Panel, Tree, text_of
from cleaner.widgets.panels.chart import bar_chart
from cleaner.widgets.panels.threshold import ThresholdPanel
from cleaner.widgets.sentences import say

SCALE = Scale(
    order="blurry", counts=[900, 3, 0, 1], edges=[0.0, 0.25, 0.5, 0.75, 1.0], value=0.5, default=0.5, found=1
)
TITLE = say("threshold.score", order=say("order.blurry"))
RESET = say("threshold.reset", value="0.50")


def found(number: int) -> str:
    return say("threshold.images", images=count(number, "image"))


@pytest.fixture
def moves() -> list[float]:
    """The thresholds that were told."""
    return []


@pytest.fixture
def panel(moves: list[float]) -> Iterator[ThresholdPanel]:
    shown = ThresholdPanel(moves.append)
    shown.show_for(SCALE)
    yield shown
    shown.close()


def elements(panel: Panel, tag: str) -> list[Tree]:
    def find(tree: Tree) -> Iterator[Tree]:
        if tree[0] == tag:
            yield tree
        for child in tree[2:]:
            if isinstance(child, list):
                yield from find(child)

    return [hit for tree in panel.tree for hit in find(tree)]


def text(panel: Panel) -> str:
    return " ".join(text_of(tree) for tree in panel.tree)


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


# ---------------------------------------------------------------- the panel


def test_duplicates_are_counted_in_groups_and_leaks(panel: ThresholdPanel) -> None:
    panel.show_for(replace(SCALE, order="duplicates", found=2, leaks=3))
    assert text(panel).startswith(say("threshold.similarity", order=say("order.duplicates")))
    assert text(panel).endswith(say("threshold.leaks", groups="2 groups", leaks="3 leaks"))


def test_a_problem_that_most_images_have_is_said_to_be_one(panel: ThresholdPanel) -> None:
    panel.show_for(replace(SCALE, value=1.1, default=1.1, found=0))
    assert text(panel).endswith(say("threshold.common"))


def test_bars_from_the_threshold_on_are_marked_and_few_stay_visible(panel: ThresholdPanel) -> None:
    bars = [bar[1] for bar in elements(panel, "rect")]
    assert [(bar["data-value"], bar["class"]) for bar in bars] == [
        ("0.0000", "cleaner-bin"),
        ("0.2500", "cleaner-bin"),
        ("0.7500", "cleaner-bin is-in"),
    ]
    heights = [float(bar["height"]) for bar in bars]
    assert heights[0] == 40
    assert heights[0] > heights[1] > heights[2] >= 2.5
    (picture,) = elements(panel, "svg")
    values = {"all": "904 images", "low": "0.00", "high": "1.00", "above": 1, "value": "0.50"}
    assert picture[1]["aria-label"] == say("threshold.histogram", **values)


def test_bars_outside_of_the_slider_are_left_out() -> None:
    chart = bar_chart([1, 1, 1], [0.0, 0.5, 0.8, 1.0], name="x", ends=(0.5, 1.0), marked_from=0.5)
    assert [bar[1]["x"] for bar in chart[2:]] == ["0.4", "240.4"]


def test_without_a_scale_nothing_is_shown(panel: ThresholdPanel) -> None:
    assert text(panel) == f"{TITLE} 0.50 0.00 {say('threshold.more.blurry')} → {found(1)}"
    panel.show_for(None)
    assert text(panel) == ""
    assert panel.scale is None


def test_a_move_is_told_behind_the_page(panel: ThresholdPanel, moves: list[float]) -> None:
    panel.do("threshold", "0.25")
    until(lambda: moves)
    assert moves == [0.25]
    assert text(panel).endswith(f"{say('threshold.counting')} {RESET}")
    panel.show_for(replace(SCALE, value=0.25, found=4))
    assert text(panel).endswith(f"{found(4)} {RESET}")
    panel.do("default")
    until(lambda: len(moves) == 2)
    assert moves == [0.25, 0.5]


def test_of_moves_during_a_slow_count_the_last_is_told() -> None:
    told: list[float] = []
    go = threading.Event()

    def slowly(value: float) -> None:
        told.append(value)
        go.wait(20)

    panel = ThresholdPanel(slowly)
    panel.show_for(SCALE)
    panel.do("threshold", "0.1")
    until(lambda: told)
    for value in ("0.2", "0.3", "0.4"):
        panel.do("threshold", value)
    go.set()
    until(lambda: len(told) == 2)
    panel.close()
    assert told == [0.1, 0.4]


def test_an_answer_to_an_earlier_move_does_not_swallow_a_later_one() -> None:
    told: list[float] = []
    go = threading.Event()

    def slowly(value: float) -> None:
        told.append(value)
        if len(told) == 1:
            go.wait(20)
            panel.do("threshold", "0.4")
        panel.show_for(replace(SCALE, value=value, found=int(10 * value)))

    panel = ThresholdPanel(slowly)
    panel.show_for(SCALE)
    panel.do("threshold", "0.1")
    go.set()
    until(lambda: text(panel).endswith(f"{found(4)} {RESET}"))
    panel.close()
    assert told == [0.1, 0.4]


def test_a_move_that_fails_is_an_alert_and_taken_back() -> None:
    def refuse(value: float) -> None:
        msg = "The groups cannot be formed."
        raise RankingError(msg)

    panel = ThresholdPanel(refuse)
    panel.show_for(SCALE)
    panel.do("threshold", "0.25")
    until(lambda: panel.problem)
    assert panel.problem == "The groups cannot be formed."
    until(lambda: panel.scale == SCALE)
    panel.close()


@pytest.mark.parametrize("value", ["1.5", "-0.1", "nan", "much", ""])
def test_what_is_no_threshold_is_refused(panel: ThresholdPanel, moves: list[float], value: str) -> None:
    panel.do("threshold", value)
    assert panel.problem == say("threshold.refused", low="0.00", high="1.00", value=value)
    assert panel.scale == SCALE
    assert moves == []


def test_the_default_may_lie_beyond_the_slider(panel: ThresholdPanel, moves: list[float]) -> None:
    panel.show_for(replace(SCALE, default=1.2, value=0.9))
    panel.do("default")
    until(lambda: moves)
    assert moves == [1.2]

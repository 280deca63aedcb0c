"""`ThresholdPanel` and its scales: what a threshold comes to, and moving it."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cleaner.errors import RankingError
from cleaner.pipelines.checks import Checks
from cleaner.quality.problems import PROBLEMS, Quality
from cleaner.widgets.panels.base import Panel, Tree, text_of
from cleaner.widgets.panels.chart import bar_chart
from cleaner.widgets.panels.threshold import (
    PROBLEM_OF,
    Scale,
    ThresholdPanel,
    duplicate_scale,
    outlier_scale,
    problem_scale,
)

NAMES = [f"{k}.png" for k in range(4)]
SCALE = Scale(
    title="Blurry from",
    counts=[900, 3, 0, 1],
    edges=[0.0, 0.25, 0.5, 0.75, 1.0],
    value=0.5,
    default=0.5,
    found="1 picture at 0.50 or more",
    higher="blurrier",
)


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> Checks:
    """Two copies, two that look alike; the third picture is dark, the fourth strange."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(Path(__file__).parents[1] / "job_tasks")])
    from check_tasks_for_tests import made_checks

    made: Checks = made_checks(NAMES)
    return made


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


# ---------------------------------------------------------------- scales


def test_problems_have_plain_words() -> None:
    assert list(PROBLEM_OF) == [
        "dark",
        "bright",
        "blurry",
        "low information",
        "odd aspect ratio",
        "odd size",
        "grey",
    ]
    assert list(PROBLEM_OF.values()) == list(PROBLEMS)


def test_the_scale_of_duplicates_counts_groups_and_leaks(checks: Checks) -> None:
    scale = duplicate_scale(checks, None, {})
    assert (scale.title, scale.low, scale.value, scale.default) == ("Similarity from", 0.7, 0.95, 0.95)
    assert scale.found == "1 group, 1 leak"
    assert sum(scale.counts) == 1
    assert duplicate_scale(checks, 0.75, {}).found == "2 groups, 2 leaks"
    assert duplicate_scale(checks, 0.75, {"without": {NAMES[0]}}).found == "1 group, 1 leak"
    assert duplicate_scale(checks, None, {"without": {NAMES[0]}}).found == "0 groups"


def test_the_scale_of_a_problem_counts_the_pictures_that_are_left(checks: Checks) -> None:
    scale = problem_scale(checks.quality, "low_information", None)
    assert (scale.title, scale.value, scale.higher) == ("Low information from", 0.6, "emptier")
    assert scale.found == "1 picture at 0.60 or more"
    assert problem_scale(checks.quality, "dark", 0.05).found == "4 pictures at 0.05 or more"
    gone = problem_scale(checks.quality, "dark", 0.6, without=[NAMES[2]])
    assert gone.found == "0 pictures at 0.60 or more"
    assert (sum(scale.counts), sum(gone.counts)) == (4, 3)


def test_a_problem_that_most_have_is_none_of_a_picture() -> None:
    wide = np.linspace(0.2, 1.0, 50)
    table = pd.DataFrame({"name": [str(k) for k in range(50)], **dict.fromkeys(PROBLEMS, 0.1)})
    scale = problem_scale(Quality(table.assign(dark=wide)), "dark", None)
    assert scale.value > 1
    assert scale.found == "none by itself: most of the set are like this"
    assert scale.spoken(scale.value) == "1.00"


def test_an_unknown_problem_is_refused(checks: Checks) -> None:
    with pytest.raises(RankingError, match=r"^Got the image problem 'dull'; expected one of dark, "):
        problem_scale(checks.quality, "dull", None)


def test_the_scale_of_outliers(checks: Checks) -> None:
    assert checks.outliers is not None
    assert outlier_scale(checks.outliers, None).found == "1 picture at 0.50 or more"
    assert outlier_scale(checks.outliers, 0.8).found == "0 pictures at 0.80 or more"
    assert outlier_scale(checks.outliers, 0.05, without=[NAMES[0]]).found == "3 pictures at 0.05 or more"


# ---------------------------------------------------------------- the panel


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
    assert picture[1]["aria-label"] == (
        "Histogram of 904 pictures from 0.00 to 1.00, 1 from 0.50 on; logarithmic height"
    )


def test_bars_outside_of_the_slider_are_left_out() -> None:
    chart = bar_chart([1, 1, 1], [0.0, 0.5, 0.8, 1.0], name="x", ends=(0.5, 1.0), marked_from=0.5)
    assert [bar[1]["x"] for bar in chart[2:]] == ["0.4", "240.4"]


def test_without_a_scale_nothing_is_shown(panel: ThresholdPanel) -> None:
    assert text(panel) == "Blurry from 0.50 0.00 blurrier → 1 picture at 0.50 or more"
    panel.show_for(None)
    assert text(panel) == ""
    assert panel.scale is None


def test_a_move_is_told_behind_the_page(panel: ThresholdPanel, moves: list[float]) -> None:
    panel.do("threshold", "0.25")
    until(lambda: moves)
    assert moves == [0.25]
    assert text(panel).endswith("… default (0.50)")
    panel.show_for(replace(SCALE, value=0.25, found="4 pictures at 0.25 or more"))
    assert text(panel).endswith("4 pictures at 0.25 or more default (0.50)")
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
        panel.show_for(replace(SCALE, value=value, found=f"from {value}"))

    panel = ThresholdPanel(slowly)
    panel.show_for(SCALE)
    panel.do("threshold", "0.1")
    go.set()
    until(lambda: text(panel).endswith("from 0.4 default (0.50)"))
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
    assert panel.problem == f"Got the threshold {value!r}; expected 0.00 to 1.00."
    assert panel.scale == SCALE
    assert moves == []


def test_the_default_may_lie_beyond_the_slider(panel: ThresholdPanel, moves: list[float]) -> None:
    panel.show_for(replace(SCALE, default=1.2, value=0.9))
    panel.do("default")
    until(lambda: moves)
    assert moves == [1.2]

"""The sweep over learning rates, drawn so that a click or the arrow keys take one."""

from __future__ import annotations

import math

from cleaner.training.lr_finder import LrSweep
from cleaner.util.wording import rate_words
from cleaner.widgets.panels.base import Tree, button, buttons, node, paragraph
from cleaner.widgets.panels.chart import Point, line_chart
from cleaner.widgets.sentences import say

SHOWN = ("valley", "steep", "minimum")
"""Rules whose suggestions are marked, the one to take first."""

_STEP = 0.05  # of the logarithm: about a ninth of the rate
_HEADROOM = 1.1  # above what the loss was while it fell


def rate_finder(sweep: LrSweep | None, lr: float) -> Tree:
    """Describe a sweep with its suggestions, a slider over it and a button; acts: pick_rate and take_rate.

    Parameters
    ----------
    sweep : LrSweep or None
        None hides it.
    lr : float
        The rate that is chosen.
    """
    if sweep is None:
        return node("div", class_="cleaner-box", hidden=True)
    return node(
        "div",
        node("p", node("b", say("rates"))),
        node("div", _chart(sweep), _slider(sweep, lr), class_="cleaner-pick"),
        buttons(*(_suggestion(sweep, rule) for rule in SHOWN)),
        paragraph(say("rates.help"), "fine"),
        buttons(button(say("rates.take", rate=rate_words(lr)), "take_rate", rate_words(lr))),
        class_="cleaner-box",
        role="group",
        aria_label=say("rates"),
    )


def picked(value: str) -> float:
    """Return the rate that a place on the slider stands for, with two digits; NaN for what is no number."""
    try:
        return float(f"{10 ** float(value):.1e}")
    except (ValueError, OverflowError):
        return math.nan


def _drawn(sweep: LrSweep) -> list[Point]:
    """Return the logarithm of each rate and its loss, up to where the loss explodes.

    Of the whole curve, one would see nothing but that: the fall before it is as flat as a line.
    """
    points = [
        (math.log10(lr), float(loss))
        for lr, loss in zip(sweep.lrs, sweep.losses, strict=True)
        if math.isfinite(loss)
    ]
    lowest = min(range(len(points)), key=lambda i: points[i][1])
    top = _HEADROOM * max(loss for _, loss in points[: lowest + 1])
    end = next((i for i in range(lowest, len(points)) if points[i][1] > top), len(points) - 1)
    return [(x, min(loss, top)) for x, loss in points[: end + 1]]


def _chart(sweep: LrSweep) -> Tree:
    points = _drawn(sweep)
    decades = range(math.ceil(points[0][0]), math.floor(points[-1][0]) + 1)[1::2]
    suggestions = [f"{say(f'rates.{rule}')} {rate_words(sweep.suggestions[rule])}" for rule in SHOWN]
    name = say(
        "rates.chart",
        first=rate_words(sweep.lrs[0]),
        last=rate_words(10 ** points[-1][0]),
        least=f"{min(loss for _, loss in points):.2f}",
        suggestions=", ".join(suggestions),
    )
    return line_chart(
        {say("rates.loss"): points},
        name=name,
        ticks=[(decade, f"1e{decade}") for decade in decades],
        marks=[(math.log10(sweep.suggestions[rule]), _letter(rule)) for rule in SHOWN],
    )


def _slider(sweep: LrSweep, lr: float) -> Tree:
    (first, _), *_, (last, _) = _drawn(sweep)
    return node(
        "input",
        type="range",
        do="pick_rate",
        data_enter="take_rate",
        class_="cleaner-range",
        aria_label=say("rates.choose"),
        aria_valuetext=rate_words(lr),
        data_heir=True,
        min=f"{first:.2f}",
        max=f"{last:.2f}",
        step=f"{_STEP:g}",
        value=f"{math.log10(lr):.2f}",
    )


def _suggestion(sweep: LrSweep, rule: str) -> Tree:
    lr = sweep.suggestions[rule]
    words = f"{_letter(rule)} · {say(f'rates.{rule}')}: {rate_words(lr)}"
    return button(words, "pick_rate", f"{math.log10(lr):.4f}")


def _letter(rule: str) -> str:
    return say(f"rates.{rule}")[0]

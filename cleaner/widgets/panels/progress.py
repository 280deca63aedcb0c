"""How far the review is, what turned up, and what to expect next."""

from collections.abc import Mapping, Sequence
from typing import Any

from cleaner.analysis.forecast import Forecast
from cleaner.util.wording import count, duration, estimate
from cleaner.widgets.panels.base import Tree, node, pair, section
from cleaner.widgets.panels.chart import Point, line_chart
from cleaner.widgets.panels.text import rest_text
from cleaner.widgets.sentences import say

_MOST_COLLEAGUES = 8


def progress_section(figures: Mapping[str, Any], forecast: Forecast | None = None) -> Tree:
    """Describe how far the work is, and what to expect next.

    Parameters
    ----------
    figures : mapping
        `cleaner.ImageCleaner.progress`.
    forecast : Forecast or None
        The errors found and expected, which become a curve.
    """
    errors, reviewed, labelled = figures["errors"], figures["looked_at"], figures["labelled"]
    value = say("progress.reviewed.value", reviewed=f"{reviewed:,}", total=f"{figures['total']:,}")
    lines = [pair(say("progress.reviewed"), value)]
    labelling = labelled and not errors  # who labels from zero looks for no errors
    if labelled and not labelling:
        lines.append(pair(say("progress.labelled.line"), f"{labelled:,}"))
    if figures["discarded"]:
        lines.append(pair(say("progress.removed"), f"{figures['discarded']:,}"))
    lines += [
        pair(say(f"progress.{key}"), f"{figures[name]:,}")
        for key, name in (("again", "asked_again"), ("gone", "gone"))
        if figures[name]
    ]
    last = figures["last100"]
    if 0 < last["looked_at"] < reviewed:
        values = {"errors": last["errors"], "low": f"{last['low']:.0f}", "high": f"{last['high']:.0f}"}
        title = say("progress.window", window=last["looked_at"])
        lines.append(pair(title, say("progress.window.value", **values)))
    if figures["expected_next"] is not None:
        lines.append(pair(say("progress.expected"), estimate(*figures["expected_next"])))
    if forecast is not None and forecast.rest is not None and not labelling:
        lines.append(pair(say("progress.rest"), rest_text(forecast)))
    if figures["pace_per_min"] and figures["minutes_left"] is not None:
        left = say("progress.pace.value", time=duration(60 * figures["minutes_left"]))
        lines.append(pair(say("progress.pace", number=f"{figures['pace_per_min']:,.0f}"), left))
    lines += _colleagues(figures["colleagues"])
    big = say("progress.found", errors=count(errors, "error"))
    if labelling:
        big = say("progress.labelled", number=f"{labelled:,}")
    parts = [node("div", big, class_="cleaner-big"), *lines]
    if forecast is not None and len(forecast.found) > 1 and not labelling:
        parts.append(_curve(errors, reviewed, forecast))
    return section(say("progress"), *parts)


def _colleagues(others: Sequence[tuple[str, int, bool]]) -> list[Tree]:
    """Say who else is at work, or has been; those at work come first."""
    if not others:
        return []
    ordered = sorted(others, key=lambda each: (not each[2], -each[1]))
    lines = [
        pair(name, say(f"progress.colleague{'.now' if now else ''}", images=count(decided, "image")))
        for name, decided, now in ordered[:_MOST_COLLEAGUES]
    ]
    if len(ordered) > _MOST_COLLEAGUES:
        more = say("progress.colleagues.more", number=f"{len(ordered) - _MOST_COLLEAGUES:,}")
        lines.append(node("div", more, class_="cleaner-note"))
    return [node("h3", say("progress.colleagues")), *lines]


def _curve(errors: int, reviewed: int, forecast: Forecast) -> Tree:
    """Draw the errors found so far, and how the model expects it to go on."""
    values = {"errors": count(errors, "error"), "images": count(reviewed, "image")}
    name = say("progress.curve", **values)
    found: list[Point] = [(0.0, 0.0), *((float(x), float(y)) for x, y in forecast.found)]
    lines = {say("progress.curve.lines"): found}
    end = reviewed
    if len(forecast.expected) > 1:
        lines[say("progress.curve.low")] = [(float(x), float(y.low)) for x, y in forecast.expected]
        lines[say("progress.curve.high")] = [(float(x), float(y.high)) for x, y in forecast.expected]
        end, expected = forecast.expected[-1]
        values |= {"low": f"{expected.low:,}", "high": f"{expected.high:,}", "end": f"{end:,}"}
        name = say("progress.curve.expected", **values)
    ends = (say("progress.curve.start"), say("progress.curve.end", number=f"{end:,}"))
    return line_chart(lines, name=name, x_ends=ends)

"""The curves of a training: losses, error rate with its interval, and learning rate."""

from collections.abc import Mapping, Sequence
from typing import Any

from cleaner.util.intervals import wilson
from cleaner.util.wording import percent, rate_words
from cleaner.widgets.panels.base import Tree, node, pair
from cleaner.widgets.panels.chart import Point, line_chart
from cleaner.widgets.sentences import say

Series = Sequence[Mapping[str, Any]]
"""What a job has reported: `cleaner.jobs.JobStatus.series`."""


def training_curves(series: Series) -> Tree | None:
    """Draw what a training has reported; None before there are two epochs to join."""
    losses = _losses(series)
    if losses is None:
        return None
    return node("div", losses, *filter(None, (_error(series), _rate(series))), class_="cleaner-curves")


def _losses(series: Series) -> Tree | None:
    lines: dict[str, list[Point]] = {}
    for key in ("valid_loss", "train_loss"):
        line = [(float(entry["epoch"]), float(entry[key])) for entry in series if key in entry]
        if len(line) > 1:
            lines[f"{say(f'retrain.{key}')} {line[-1][1]:.3g}"] = line
    if not lines:
        return None
    losses = ", ".join(lines)
    first, last = (int(next(iter(lines.values()))[i][0]) for i in (0, -1))
    name = say("retrain.curve", epochs=last, losses=losses)
    return line_chart(lines, name=name, x_ends=_ends(first, last))


def _error(series: Series) -> Tree | None:
    """Draw the error rate in the band of its 95 % interval; older series do not say on how many images."""
    known = [entry for entry in series if {"error_rate", "epoch", "n_valid"} <= entry.keys()]
    if len(known) < 2:
        return None
    line = [(float(entry["epoch"]), float(entry["error_rate"])) for entry in known]
    numbers = [int(entry.get("n_independent", entry["n_valid"])) for entry in known]
    band = [(x, *wilson(round(error * n), n)) for (x, error), n in zip(line, numbers, strict=True)]
    _, low, high = band[-1]
    value = say("retrain.error.value", error=percent(line[-1][1]), low=percent(low), high=percent(high))
    title, ends = say("retrain.error.title"), _ends(int(line[0][0]), int(line[-1][0]))
    chart = line_chart({title: line}, name=f"{title} {value}", x_ends=ends, band=band)
    return node("div", pair(title, value), chart)


def _rate(series: Series) -> Tree | None:
    """Draw the learning rate of the head over the batches of the last stage that has one."""
    known = [entry for entry in series if "lr" in entry]
    line = [
        (float(entry["done"]), float(entry["lr"])) for entry in known if entry["stage"] == known[-1]["stage"]
    ]
    if len(line) < 2:
        return None
    top = max(rate for _, rate in line)
    title = say("retrain.rate.title")
    value = say("retrain.rate.value", rate=rate_words(line[-1][1]), top=rate_words(top))
    return node("div", pair(title, value), line_chart({title: line}, name=f"{title} {value}"))


def _ends(first: int, last: int) -> tuple[str, str]:
    return say("retrain.curve.epoch", number=first), say("retrain.curve.epoch", number=last)

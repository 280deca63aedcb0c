"""How a training is shown: its curve while it runs, before and after when it is done, its length."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from cleaner.jobs import Job, JobStatus
from cleaner.util.atomic import write_atomically
from cleaner.util.wording import count, percent, points
from cleaner.widgets.panels.base import Tree, node, pair
from cleaner.widgets.panels.chart import Point, line_chart

__all__ = ["Remembered", "curve", "result_trees"]

logger = logging.getLogger(__name__)

_CURVES = {"valid_loss": "loss, valid", "train_loss": "loss, train"}
"""Numbers that a training reports after each epoch, and what their curves are called."""


class Remembered:
    """What a workspace remembers of its last training: the outcome, and how long an epoch took.

    Parameters
    ----------
    state : Path
        State folder of the workspace.
    """

    def __init__(self, state: Path) -> None:
        self._state = state
        self._file = state / "last-retraining.json"
        try:
            known = json.loads(self._file.read_text(encoding="utf-8"))
            self.result: dict[str, Any] | None = known["result"]
            self.epoch_s: float | None = known["epoch_s"]
        except FileNotFoundError:
            self.result = self.epoch_s = None
        except (OSError, ValueError, KeyError, TypeError):
            logger.warning("what was remembered of the last training is lost", exc_info=True)
            self.result = self.epoch_s = None

    def look(self, tasks: Mapping[str, str]) -> None:
        """Take in a training that ended while no page was open; ``tasks`` are those of trainings, by mode."""
        job = Job.last(self._state)
        if job is not None and not job.seen:
            status = job.status()
            if status.phase == "done" and status.task in tasks.values():
                self.take(status)
                job.mark_seen()

    def take(self, status: JobStatus) -> None:
        """Remember the outcome of a training that is done."""
        self.result = status.result
        seconds = [float(entry["seconds"]) for entry in status.series if "epoch" in entry]
        if seconds:
            self.epoch_s = median(seconds)
        text = json.dumps({"result": self.result, "epoch_s": self.epoch_s})
        try:
            write_atomically(self._file, text.encode())
        except OSError:
            logger.warning("the outcome of the training is shown, but not remembered", exc_info=True)


def curve(status: JobStatus) -> Tree | None:
    """Draw what a running training has reported so far; None before there are two epochs to join."""
    lines: dict[str, list[Point]] = {}
    for key, name in _CURVES.items():
        line = [(float(entry["epoch"]), float(entry[key])) for entry in status.series if key in entry]
        if len(line) > 1:
            lines[name] = line
    if not lines:
        return None
    first, last = (int(next(iter(lines.values()))[i][0]) for i in (0, -1))
    said = ", ".join(f"{name} {line[-1][1]:.3g}" for name, line in lines.items())
    return line_chart(lines, name=f"After {last} epochs: {said}", x_ends=(f"epoch {first}", f"epoch {last}"))


def result_trees(result: Mapping[str, Any] | None) -> list[Tree]:
    """Describe before and after of a training, the fields of `cleaner.training.compare.RetrainResult`."""
    if result is None:
        return [node("div", class_="cleaner-box", hidden=True)]
    interval = f"{points(result['difference'])} points ({points(result['low'])} to {points(result['high'])})"
    verdict = f"{result['sentence'].partition(':')[0]}."  # the figures behind the colon stand in the rows
    on = f"on the same {count(result['n'], 'validation image')} with your labels"
    names = f"Before: {result['before_name']}. Now: {result['after_name']}."
    return [
        node(
            "div",
            pair("error, before", percent(result["before"])),
            pair("error, now", percent(result["after"])),
            node("p", node("b", verdict)),
            node("p", f"{interval}, {on}.", class_="cleaner-fine"),
            node("p", names, class_="cleaner-fine"),
            class_="cleaner-box",
            role="status",
        )
    ]

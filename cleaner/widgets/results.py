"""How a training is shown: its curve while it runs, before and after when it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cleaner.jobs import Job, JobStatus
from cleaner.widgets.chart import Point, line_chart
from cleaner.widgets.panels import Tree, node, pair
from cleaner.widgets.wording import count, percent, points

if TYPE_CHECKING:
    from cleaner.workspace import Workspace

__all__ = ["curve", "last_result", "result_trees"]

_CURVES = {"train_loss": "loss, train", "valid_loss": "loss, valid", "error_rate": "error, valid"}
"""Numbers that a training reports, and what their curves are called."""


def curve(status: JobStatus) -> Tree | None:
    """Draw what a running training has reported so far; None before there are two points to join."""
    lines: dict[str, list[Point]] = {}
    for key, name in _CURVES.items():
        line = [(float(i), float(entry[key])) for i, entry in enumerate(status.series) if key in entry]
        if line:
            lines[name] = line
    if not any(len(line) > 1 for line in lines.values()):
        return None
    said = ", ".join(f"{name} {line[-1][1]:.3g}" for name, line in lines.items())
    return line_chart(lines, name=f"Training so far: {said}", x_ends=("start", "now"))


def last_result(workspace: Workspace) -> dict[str, Any] | None:
    """Return the outcome of the last training of a workspace, None if there is none."""
    job = Job.last(workspace.state)
    status = None if job is None else job.status()
    if status is None or status.phase != "done" or "retrain" not in status.task:
        return None
    return status.result


def result_trees(result: dict[str, Any] | None) -> list[Tree]:
    """Describe before and after of a training."""
    if result is None:
        return [node("div", class_="cleaner-box", hidden=True)]
    interval = f"{points(result['difference'])} points ({points(result['low'])} to {points(result['high'])})"
    verdict = f"{result['sentence'].partition(':')[0]}."  # the figures behind the colon stand in the rows
    on = f"on the same {count(result['n'], 'validation image')} with your labels"
    return [
        node(
            "div",
            pair("error, before", percent(result["before"])),
            pair("error, now", percent(result["after"])),
            node("p", node("b", verdict)),
            node("p", f"{interval}, {on}.", class_="cleaner-fine"),
            node(
                "p", f"Before: {result['before_name']}. Now: {result['after_name']}.", class_="cleaner-fine"
            ),
            class_="cleaner-box",
            role="status",
        )
    ]

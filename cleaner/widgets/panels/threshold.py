"""`ThresholdPanel`: how alike, how dark, how strange; a slider below the histogram it cuts."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import replace

from cleaner.errors import CleanerError
from cleaner.session.orders import DUPLICATES
from cleaner.session.scales import Scale
from cleaner.util.delayed import Delayed
from cleaner.util.wording import count
from cleaner.widgets.guard import guarded
from cleaner.widgets.panels.base import Panel, Tree, button, node
from cleaner.widgets.panels.chart import bar_chart
from cleaner.widgets.sentences import say


class ThresholdPanel(Panel):
    """A slider with the histogram that it cuts, what that comes to, and the way back to the default.

    Parameters
    ----------
    on_change : callable
        Called with the new threshold when the user has moved the slider, from a thread of its own: to form
        the groups of a large set takes over a second. Of several moves meanwhile it hears the last. It is to
        call `show_for` with what the threshold comes to. A `CleanerError` that it raises is shown, and the
        slider goes back.
    lock : threading.RLock or None
        Shared with other panels of the same page; not held while ``on_change`` runs.
    """

    _later: Delayed | None = None

    def __init__(self, on_change: Callable[[float], None], *, lock: threading.RLock | None = None) -> None:
        self._on_change = on_change
        self._scale: Scale | None = None
        self._before: Scale | None = None  # what the moves that are not told yet began from
        self._wanted = 0.0  # where they have led
        self._counting = False  # whether what the last move leaves is not known yet
        super().__init__(lock=lock)
        self._later = Delayed(self._tell, delay_s=0.0, retry_s=1.0)
        self.add_class("cleaner-threshold-panel")
        self.on("threshold", self._on_moved)
        self.on("default", lambda _: self._on_moved("" if self._scale is None else str(self._scale.default)))
        self.show_for(None)

    @property
    def scale(self) -> Scale | None:
        """What is on show."""
        return self._scale

    def show_for(self, scale: Scale | None) -> None:
        """Show a scale; None hides the panel. May be called from any thread."""
        with self.lock:
            if self._scale is not None and (scale is None or scale.order != self._scale.order):
                self._forget()
                self.problem = ""
            if scale is not None and self._before is not None:  # an answer to an earlier move
                self._before = scale
                scale = replace(scale, value=self._wanted)
            else:
                self._counting = False
            self._scale = scale
            self._draw()

    def close(self) -> None:
        """Take the panel off the page."""
        if self._later is not None:
            self._later.close(timeout_s=1.0)
        super().close()

    def _forget(self) -> None:
        """Forget moves that nobody was told of: they were meant for another scale."""
        self._before = None
        if self._later is not None:
            self._later.cancel()

    def _on_moved(self, value: str) -> None:
        scale = self._scale
        if scale is None or self._later is None:
            return
        try:
            wanted = float(value)
        except ValueError:
            wanted = math.nan
        if not (scale.low <= wanted <= scale.high or wanted == scale.default):
            low, high = scale.rounded(scale.low), scale.rounded(scale.high)
            raise CleanerError(say("threshold.refused", low=low, high=high, value=value))
        self._before = self._before or scale
        self._wanted = wanted
        self._scale = replace(scale, value=wanted)
        self._counting = True
        self._draw()
        self._later.schedule()

    def _tell(self) -> bool:
        """Tell the last move; runs in a thread."""
        with self.lock:
            scale, before, wanted = self._scale, self._before, self._wanted
            self._before = None
        if scale is None or before is None:
            return True
        problems: list[str] = []
        with guarded("a threshold", problems.append):
            self._on_change(wanted)
        if problems:
            with self.lock:
                self.complain(problems[0])
                if self._scale is scale:  # nothing newer is on show
                    self._scale, self._counting = before, False
                    self._draw()
        return True

    def _draw(self) -> None:
        scale = self._scale
        if scale is None:
            self.show(node("div", class_="cleaner-scale", hidden=True))
            return
        slider = node(
            "input",
            type="range",
            do="threshold",
            class_="cleaner-range",
            aria_label=_title(scale),
            data_heir=True,
            min=f"{scale.low:g}",
            max=f"{scale.high:g}",
            step=f"{scale.step:g}",
            value=scale.rounded(scale.value),  # after the limits, by which the browser would cut it
        )
        ends = node(
            "div",
            node("span", scale.rounded(scale.low)),
            node("span", f"{say(f'threshold.more.{scale.order}')} →"),
            class_="cleaner-scale-ends",
            aria_hidden="true",
        )
        value = node("b", scale.rounded(scale.value), aria_hidden="true", class_="cleaner-scale-value")
        reset = say("threshold.reset", value=scale.rounded(scale.default))
        back = button(reset, "default", class_="cleaner-link", hidden=scale.at_default)
        found = say("threshold.counting") if self._counting else _found(scale)
        self.show(
            node(
                "div",
                node("div", node("span", f"{_title(scale)} "), value, class_="cleaner-scale-title"),
                node("div", _bars(scale), slider, ends, class_="cleaner-scale-chart"),
                node("div", node("span", found, role="status"), back, class_="cleaner-scale-found"),
                class_="cleaner-scale",
                role="group",
                aria_label=say("threshold"),
            )
        )


def _bars(scale: Scale) -> Tree:
    above = sum(n for n, edge in zip(scale.counts, scale.edges, strict=False) if edge >= scale.value - 1e-9)
    name = say(
        "threshold.histogram",
        all=count(sum(scale.counts), "pair" if scale.order == DUPLICATES else "image"),
        low=scale.rounded(scale.low),
        high=scale.rounded(scale.high),
        above=f"{above:,}",
        value=scale.rounded(scale.value),
    )
    ends = (scale.low, scale.high)
    return bar_chart(scale.counts, scale.edges, name=name, ends=ends, marked_from=scale.value)


def _title(scale: Scale) -> str:
    """Return what the slider sets."""
    key = "threshold.similarity" if scale.order == DUPLICATES else "threshold.score"
    return say(key, order=say(f"order.{scale.order}"))


def _found(scale: Scale) -> str:
    """Say what the threshold leaves."""
    if scale.order == DUPLICATES:
        key = "threshold.leaks" if scale.leaks else "threshold.groups"
        return say(key, groups=count(scale.found, "group"), leaks=count(scale.leaks, "leak"))
    key = "threshold.images" if scale.value <= 1 else "threshold.common"
    return say(key, images=count(scale.found, "image"))

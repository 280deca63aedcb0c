"""`ThresholdPanel`: how alike, how dark, how strange; a slider below the histogram it cuts."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable
from dataclasses import replace

from cleaner.errors import CleanerError
from cleaner.session.orders import DUPLICATES, OUTLIERS
from cleaner.session.scales import Scale
from cleaner.util.delayed import Delayed
from cleaner.util.wording import count
from cleaner.widgets.panels.base import Panel, Tree, button, node
from cleaner.widgets.panels.chart import bar_chart

logger = logging.getLogger(__name__)

_HIGHER = {
    "dark": "darker",
    "bright": "brighter",
    "blurry": "blurrier",
    "low information": "emptier",
    "odd aspect ratio": "odder",
    "odd size": "odder",
    "grey": "greyer",
    DUPLICATES: "more alike",
    OUTLIERS: "less like any class",
}
"""What lies at the right end of the slider, by order."""

_BUSY = "…"


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
            span = f"{scale.rounded(scale.low)} to {scale.rounded(scale.high)}"
            msg = f"Got the threshold {value!r}; expected {span}."
            raise CleanerError(msg)
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
        problem = ""
        try:
            self._on_change(wanted)
        except CleanerError as error:
            logger.info("a threshold was refused", exc_info=True)
            problem = str(error)
        except Exception as error:
            logger.exception("a threshold could not be used")
            problem = f"That did not work ({type(error).__name__}: {error}). The log has more."
        if problem:
            with self.lock:
                self.problem = problem
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
            node("span", f"{_HIGHER.get(scale.order, 'more')} →"),
            class_="cleaner-scale-ends",
            aria_hidden="true",
        )
        value = node("b", scale.rounded(scale.value), aria_hidden="true", class_="cleaner-scale-value")
        back = button(
            f"default ({scale.rounded(scale.default)})",
            "default",
            class_="cleaner-link",
            hidden=scale.at_default,
        )
        self.show(
            node(
                "div",
                node("div", node("span", f"{_title(scale)} "), value, class_="cleaner-scale-title"),
                node("div", _bars(scale), slider, ends, class_="cleaner-scale-chart"),
                node(
                    "div",
                    node("span", _BUSY if self._counting else _found(scale), role="status"),
                    back,
                    class_="cleaner-scale-found",
                ),
                class_="cleaner-scale",
                role="group",
                aria_label="Threshold",
            )
        )


def _bars(scale: Scale) -> Tree:
    above = sum(n for n, edge in zip(scale.counts, scale.edges, strict=False) if edge >= scale.value - 1e-9)
    total = count(sum(scale.counts), "pair" if scale.order == DUPLICATES else "image")
    span = f"{scale.rounded(scale.low)} to {scale.rounded(scale.high)}"
    marked = f"{above:,} from {scale.rounded(scale.value)} on"
    name = f"Histogram of {total} from {span}, {marked}; logarithmic height"
    return bar_chart(
        scale.counts, scale.edges, name=name, ends=(scale.low, scale.high), marked_from=scale.value
    )


def _title(scale: Scale) -> str:
    """Return what the slider sets."""
    if scale.order == DUPLICATES:
        return "Similarity from"
    return "Unlike all classes from" if scale.order == OUTLIERS else f"{scale.order.capitalize()} from"


def _found(scale: Scale) -> str:
    """Say what the threshold leaves."""
    if scale.order == DUPLICATES:
        groups = count(scale.found, "group")
        return f"{groups}, {count(scale.leaks, 'leak')}" if scale.leaks else groups
    if scale.value > 1:
        return "none by itself: most images of the set are like this"
    return f"{count(scale.found, 'image')} with {scale.value:.2f} or more"

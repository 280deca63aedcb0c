"""`ThresholdPanel`: how alike, how dark, how strange; a slider below the histogram it cuts."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cleaner.duplicates.groups import FLOOR
from cleaner.errors import CleanerError
from cleaner.quality.outliers import THRESHOLD, Outliers
from cleaner.quality.problems import PROBLEMS, Quality, spoken_problem
from cleaner.util.delayed import Delayed
from cleaner.util.wording import count
from cleaner.widgets.panels.base import Panel, Tree, button, node
from cleaner.widgets.panels.chart import bar_chart

if TYPE_CHECKING:
    from cleaner.pipelines.checks import Checks

__all__ = [
    "PROBLEM_OF",
    "Scale",
    "ThresholdPanel",
    "duplicate_scale",
    "outlier_scale",
    "problem_scale",
]

logger = logging.getLogger(__name__)

PROBLEM_OF: dict[str, str] = {spoken_problem(problem): problem for problem in PROBLEMS}
"""From the plain words for a picture problem, which name its order too, to its column in `Quality.table`."""

_STEP = 0.01
_BINS = 100
_HIGHER = {
    "dark": "darker",
    "bright": "brighter",
    "blurry": "blurrier",
    "low_information": "emptier",
    "odd_aspect_ratio": "odder",
    "odd_size": "odder",
    "grey": "greyer",
}
_BUSY = "…"


@dataclass(frozen=True, kw_only=True)
class Scale:
    """What there is to choose a threshold on.

    Parameters
    ----------
    title : str
        What the slider sets: "Blurry from".
    counts : sequence of int
        How many there are in each part of the scale.
    edges : sequence of float
        The limits of these parts, one more than ``counts``, rising.
    value : float
        The threshold in force; it may lie above ``high``, where nothing reaches it.
    low, high, step : float
        Where the slider begins and ends, and how far one key press moves it.
    default : float
        The suggested threshold.
    found : str
        What the threshold comes to: "12 groups, 3 leaks".
    higher : str
        What lies at the right end: "blurrier".
    noun : str
        What is counted, in the singular.
    """

    title: str
    counts: Sequence[int]
    edges: Sequence[float]
    value: float
    low: float = 0.0
    high: float = 1.0
    step: float = _STEP
    default: float
    found: str
    higher: str
    noun: str = "picture"

    def spoken(self, value: float) -> str:
        """Return a threshold as the slider shows it."""
        decimals = max(0, -math.floor(math.log10(self.step)))
        return f"{min(max(value, self.low), self.high):.{decimals}f}"

    @property
    def at_default(self) -> bool:
        """Whether the threshold in force is the suggested one, as far as the slider can tell."""
        return self.spoken(self.value) == self.spoken(self.default)


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
            if self._scale is not None and (scale is None or scale.title != self._scale.title):
                self._forget()
                self.problem = ""
            if scale is not None and self._before is not None:  # an answer to an earlier move
                self._before = scale
                scale = replace(scale, value=self._wanted, found=_BUSY)
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
            span = f"{scale.spoken(scale.low)} to {scale.spoken(scale.high)}"
            msg = f"Got the threshold {value!r}; expected {span}."
            raise CleanerError(msg)
        self._before = self._before or scale
        self._wanted = wanted
        self._scale = replace(scale, value=wanted, found=_BUSY)
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
                    self._scale = before
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
            aria_label=scale.title,
            data_heir=True,
            min=f"{scale.low:g}",
            max=f"{scale.high:g}",
            step=f"{scale.step:g}",
            value=scale.spoken(scale.value),  # after the limits, by which the browser would cut it
        )
        ends = node(
            "div",
            node("span", scale.spoken(scale.low)),
            node("span", f"{scale.higher} →"),
            class_="cleaner-scale-ends",
            aria_hidden="true",
        )
        value = node("b", scale.spoken(scale.value), aria_hidden="true", class_="cleaner-scale-value")
        back = button(
            f"default ({scale.spoken(scale.default)})",
            "default",
            class_="cleaner-link",
            hidden=scale.at_default,
        )
        self.show(
            node(
                "div",
                node("div", node("span", f"{scale.title} "), value, class_="cleaner-scale-title"),
                node("div", _bars(scale), slider, ends, class_="cleaner-scale-chart"),
                node("div", node("span", scale.found, role="status"), back, class_="cleaner-scale-found"),
                class_="cleaner-scale",
                role="group",
                aria_label="Threshold",
            )
        )


def _bars(scale: Scale) -> Tree:
    above = sum(n for n, edge in zip(scale.counts, scale.edges, strict=False) if edge >= scale.value - 1e-9)
    total = count(sum(scale.counts), scale.noun)
    span = f"{scale.spoken(scale.low)} to {scale.spoken(scale.high)}"
    name = (
        f"Histogram of {total} from {span}, {above:,} from {scale.spoken(scale.value)} on; logarithmic height"
    )
    return bar_chart(
        scale.counts, scale.edges, name=name, ends=(scale.low, scale.high), marked_from=scale.value
    )


def duplicate_scale(checks: Checks, threshold: float | None, decided: Mapping[str, Any]) -> Scale:
    """Return the scale of similarity; takes up to seconds for 50,000 images, as groups are formed.

    Parameters
    ----------
    checks : Checks
    threshold : float or None
        None: the suggested one.
    decided : mapping
        What `cleaner.pipelines.check.decided` returns.
    """
    similar = checks.similar
    default = similar.suggested_threshold
    value = default if threshold is None else threshold
    groups = int(similar.groups(value, **decided)["group"].nunique())
    leaks = int(similar.leaks(value, **decided)["name"].nunique())
    counts, edges = similar.histogram()
    return Scale(
        title="Similarity from",
        counts=counts.tolist(),
        edges=edges.tolist(),
        value=value,
        low=FLOOR,
        default=default,
        found=", ".join([count(groups, "group"), *([count(leaks, "leak")] if leaks else [])]),
        higher="more alike",
        noun="pair",
    )


def problem_scale(
    quality: Quality, problem: str, threshold: float | None, *, without: Collection[str] = ()
) -> Scale:
    """Return the scale of a picture problem.

    Parameters
    ----------
    quality : Quality
    problem : str
        One of `cleaner.quality.problems.PROBLEMS`.
    threshold : float or None
        None: the suggested one.
    without : collection of str
        Pictures that do not count, such as deleted ones.

    Raises
    ------
    RankingError
        There is no such problem.
    """
    left = Quality(quality.table[~quality.table["name"].isin(list(without))])
    counts, edges = left.histogram(problem, bins=_BINS)
    default = quality.thresholds[problem]
    value = default if threshold is None else threshold
    n = len(left.flagged(problem, threshold=value))
    found = _found(n, value)
    if value > 1:
        found = "none by itself: most of the set are like this"
    return Scale(
        title=f"{spoken_problem(problem).capitalize()} from",
        counts=counts.tolist(),
        edges=edges.tolist(),
        value=value,
        default=default,
        found=found,
        higher=_HIGHER[problem],
    )


def outlier_scale(outliers: Outliers, threshold: float | None, *, without: Collection[str] = ()) -> Scale:
    """Return the scale of pictures that fit no class; parameters are those of `problem_scale`."""
    left = Outliers(outliers.table[~outliers.table["name"].isin(list(without))])
    counts, edges = left.histogram(bins=_BINS)
    value = THRESHOLD if threshold is None else threshold
    return Scale(
        title="Unlike all classes from",
        counts=counts.tolist(),
        edges=edges.tolist(),
        value=value,
        default=THRESHOLD,
        found=_found(len(left.flagged(value)), value),
        higher="stranger",
    )


def _found(number: int, value: float) -> str:
    return f"{count(number, 'picture')} at {value:.2f} or more"

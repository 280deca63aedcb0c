"""How numbers and times are said on the page."""

import math
from collections.abc import Callable, Mapping, Sequence

from cleaner.util.progress import Stage

STAGES: Mapping[str, str] = {
    Stage.STARTING: "Starting",
    Stage.SCAN: "Looking for new files",
    Stage.LOAD_NETWORK: "Loading the model",
    Stage.EMBED: "Reading images",
    Stage.EMBED_MORE: "Reading images with another network",
    Stage.PIXELS: "Checking image quality",
    Stage.CROPS: "Looking for cropped images",
    Stage.COMPARE_FEATURES: "Comparing images",
    Stage.COMPARE_IMAGES: "Comparing images",
    Stage.OUTLIERS: "Looking for outliers",
    Stage.FIT_HEADS: "Comparing labels with predictions",
    Stage.READ: "Reading images",
    Stage.FEATURES: "Reading images",
    Stage.LEARNING_RATE: "Finding the learning rate",
    Stage.TRAIN_HEAD: "Training the last layer",
    Stage.WORTH: "Estimating what cleaning brings",
    Stage.MAP: "Placing images on the map",
    Stage.TRAIN_ALL: "Training the whole network",
    Stage.EVALUATE: "Measuring errors",
    Stage.LOSSES: "Measuring losses",
    Stage.PREDICT: "Predicting labels",
    Stage.MOVE_FILES: "Moving files",
    Stage.DOWNLOAD: "Downloading images",
    Stage.VERIFY: "Checking files",
    Stage.CUT: "Cutting out boxes",
    Stage.EXPORT: "Writing files",
    Stage.SIMULATE: "Simulating a review",
}
"""What a person reads of a `Stage`."""


def stage_words(stage: str) -> str:
    """Say what a long task is doing; an unknown stage, as another program may report, is kept."""
    return STAGES.get(stage, stage)


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Say a number of things: "1 image", "3,409 images"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def listed(words: Sequence[str], *, most: int = 6) -> str:
    """Say some words one after the other: "a, b and c", "a, b, c and 20 more"."""
    shown, more = words[:most], len(words) - most
    if more > 0:
        return f"{', '.join(shown)} and {more:,} more"
    return " and ".join(filter(None, (", ".join(shown[:-1]), *shown[-1:])))


def duration(seconds: float) -> str:
    """Say how long something takes, no more precisely than it can be known."""
    if seconds < 10:
        return "a few seconds"
    if seconds < 57.5:
        return f"about {round(seconds / 5) * 5} s"
    if seconds < 175:
        minutes, tens = divmod(round(seconds / 10), 6)
        return f"about {minutes} min {tens * 10} s" if tens else f"about {minutes} min"
    if seconds < 585:
        minutes, half = divmod(round(seconds / 30), 2)
        return f"about {minutes}{'½' if half else ''} min"
    if seconds < 5400:
        return f"about {round(seconds / 60)} min"
    return f"about {seconds / 3600:.1f} h"


def percent(share: float) -> str:
    """Say a share, 0 to 1, in per cent with one decimal."""
    return f"{100 * share:.1f} %"


def probability(share: float) -> str:
    """Say a probability, 0 to 1, in whole per cent, and never as certain: "87 %", "> 99 %"."""
    whole = round(100 * share)
    if whole in (0, 100):
        return "> 99 %" if whole else "< 1 %"
    return f"{whole} %"


def points(difference: float) -> str:
    """Say a difference of shares in percentage points, with its sign."""
    return f"{100 * difference:+.1f}".replace("-", "−")


def per_hundred(share: float) -> str:
    """Say how many of a hundred a share is, without its sign: "2.1"."""
    return f"{100 * abs(share):.1f}"


def p_value(p: float) -> str:
    """Say a p value: "p = 0.004", "p < 0.001"."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.1g}" if p < 0.01 else f"p = {p:.2f}"


def rate_words(rate: float) -> str:
    """Say a learning rate, which has one or two digits that count: "3e-4", "2e-3", "1.5e-5"."""
    digits, _, exponent = f"{rate:.1e}".partition("e")
    return f"{digits.removesuffix('.0')}e{int(exponent)}"


def about(number: float) -> str:
    """Say an estimate no more precisely than it is: "about 4", "about 0.4", "less than 0.1"."""
    if number < 0.05:
        return "less than 0.1"
    return f"about {number:.1f}" if number < 0.95 else f"about {number:,.0f}"


def estimate(point: float, low: int, high: int) -> str:
    """Say a number that is known to lie between two others, no more precisely than it is known.

    "about 12, probably 5 to 20", "about 150, probably 60 to 400", "probably at most 2", "probably none".

    Parameters
    ----------
    point : float
        What is expected.
    low, high : int
        Ends of the interval; they are rounded outwards.
    """
    if high == 0:
        return "probably none"
    if low == high:
        return f"probably {low:,}"
    low, high = outwards(low, high)
    if low == 0 and point < 1:
        return f"probably at most {high:,}"
    middle = min(max(_rounded(point, round), low), high)
    return f"about {middle:,}, probably {low:,} to {high:,}"


def outwards(low: int, high: int) -> tuple[int, int]:
    """Round the ends of an interval outwards, in steps that grow with the numbers."""
    return _rounded(low, math.floor), _rounded(high, math.ceil)


def _rounded(number: float, towards: Callable[[float], int]) -> int:
    """Round to steps that grow with the number."""
    step = next((step for limit, step in _STEPS if number <= limit), 1000)
    return step * towards(number / step)


_STEPS = ((30, 1), (100, 5), (300, 10), (1000, 50), (3000, 100), (10_000, 500))

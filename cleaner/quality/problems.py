"""Images with something wrong with the image itself: too dark, blurred, empty, of an odd shape, grey.

Every problem has a score in 0..1, higher = worse, from the measures of `cleaner.quality.pixels`:

dark
    1 - highlight. Even the brightest pixels are dark: an image with one lamp in it is not dark by this.
bright
    shadow. Even the darkest pixels are bright, as if washed out. (Percentiles of brightness are CleanVision's
    idea, too; there it is brightness as seen.)
blurry
    The perceptual blur metric (Crete and others 2007), with a window of 5 pixels at 256 pixels.
low_information
    1 - entropy_bits / 8 (Shannon 1948): few grey values, so little to see.
odd_aspect_ratio
    1 - min(e/m, m/e) with e = longer/shorter side and m the median of e in this set: .5 is twice as long.
odd_size
    1 - 2^(-|d| / s) with d = log2 of (√(width · height) / the median of this set), and s = the set's own
    spread (1.4826 · median |d|), at least 1: .75 is four times as small or large, or more in a mixed set.
grey
    exp(-colour / .05) · (share of the set's images that are in colour): a grey one among coloured ones.

Thresholds are where a histogram of the set says; the defaults suit photographs. What most images of a set
have is no problem of an image (photos of the night sky, enlarged digits): see `Quality.thresholds`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cleaner.errors import RankingError
from cleaner.quality.pixels import Pixels
from cleaner.quality.score_table import read_scores, worst_names, write_scores

PROBLEMS = ("dark", "bright", "blurry", "low_information", "odd_aspect_ratio", "odd_size", "grey")
"""Names of the problems, which are the columns of `Quality.table`."""

THRESHOLDS: Mapping[str, float] = {
    "dark": 0.6,
    "bright": 0.75,
    "blurry": 0.65,
    "low_information": 0.6,
    "odd_aspect_ratio": 0.65,
    "odd_size": 0.75,
    "grey": 0.9,
}
"""Scores from which an image is said to have the problem, unless most of its set have it."""

_COMMON = 0.1

_GREY_COLOUR = 0.05  # what compression leaves of colour in a grey image is well below this


def spoken_problem(problem: str) -> str:
    """Return what people read instead of a column's name: "low information"."""
    return problem.replace("_", " ")


@dataclass(frozen=True)
class Quality:
    """The problems of all images of a set.

    Attributes
    ----------
    table : DataFrame
        Column ``name``, then one for each of `PROBLEMS`: scores, float64 in 0..1, higher = worse.
    """

    table: pd.DataFrame

    def __len__(self) -> int:
        return len(self.table)

    def scores(self, problem: str) -> NDArray[np.float64]:
        """Return the scores of one problem, in the order of ``table``.

        Raises
        ------
        RankingError
            There is no such problem.
        """
        if problem not in PROBLEMS:
            msg = f"Got the image problem {problem!r}; expected one of {', '.join(PROBLEMS)}."
            raise RankingError(msg)
        return self.table[problem].to_numpy(dtype=np.float64)

    @property
    def thresholds(self) -> dict[str, float]:
        """The scores from which images of this set are said to have a problem.

        Those of `THRESHOLDS`; where a tenth of the set reaches one, Tukey's fence (third quartile + 1.5 ·
        interquartile range; 1977) if that is more, to two decimals.
        """
        limits = dict(THRESHOLDS)
        for problem, limit in THRESHOLDS.items():
            scores = self.scores(problem)
            if len(scores) and (scores >= limit).mean() >= _COMMON:
                q1, q3 = np.percentile(scores, [25, 75])
                limits[problem] = max(limit, round(float(q3 + 1.5 * (q3 - q1)), 2))
        return limits

    def flagged(self, problem: str, *, threshold: float | None = None) -> list[str]:
        """Return the names whose score reaches the threshold, the worst first; default: `thresholds`."""
        scores = self.scores(problem)
        limit = self.thresholds[problem] if threshold is None else threshold
        return worst_names(self.table["name"], scores, limit)

    def counts(self, thresholds: Mapping[str, float] | None = None) -> dict[str, int]:
        """Return how many images have each problem; ``thresholds`` replaces some of the defaults."""
        limits = {**self.thresholds, **(thresholds or {})}
        return {problem: int((self.scores(problem) >= limits[problem]).sum()) for problem in PROBLEMS}

    def worst(self) -> pd.DataFrame:
        """Return the images that have a problem: columns ``name``, ``problem``, ``score``, the worst first.

        "Worst" is by how far the score is above its threshold, relative to what there is above it; an image
        stands once for each of its problems.
        """
        limits = self.thresholds
        long = self.table.melt("name", list(PROBLEMS), var_name="problem", value_name="score")
        limit = long["problem"].map(limits).astype(np.float64)  # of no image, pandas makes text
        excess = (long["score"] - limit) / (1 - limit).clip(lower=1e-6)
        order = excess[excess >= 0].sort_values(ascending=False, kind="stable").index
        return long.loc[order].reset_index(drop=True)

    def save(self, path: Path) -> Path:
        """Write the table as CSV, complete or not at all, and return its path."""
        return write_scores(self.table, path, decimals=4)

    @classmethod
    def load(cls, path: Path) -> Quality:
        """Read what `save` wrote.

        Raises
        ------
        RankingError
            Nothing there, or a file this version cannot read.
        """
        return cls(read_scores(path, dict.fromkeys(PROBLEMS, float), what="poor images"))


def quality(pixels: Pixels) -> Quality:
    """Score the problems of all images; the formulas stand at the top of this module.

    Parameters
    ----------
    pixels : Pixels
        What `cleaner.quality.pixels.read_pixels` returns.
    """
    rows = pixels.rows
    measured = {name: values[rows].astype(np.float64) for name, values in pixels.measures.items()}
    columns: dict[str, NDArray[np.float64] | Sequence[str]] = {
        "name": pixels.names,
        "dark": 1 - measured["highlight"],
        "bright": measured["shadow"],
        "blurry": measured["blur"],
        "low_information": 1 - measured["entropy_bits"] / 8,
        "odd_aspect_ratio": odd_aspect_ratio(pixels.widths, pixels.heights),
        "odd_size": odd_size(pixels.widths, pixels.heights),
        "grey": grey_among_colour(measured["colour"]),
    }
    table = pd.DataFrame(columns)
    table[list(PROBLEMS)] = table[list(PROBLEMS)].clip(0.0, 1.0)
    return Quality(table)


def odd_aspect_ratio(widths: NDArray[np.int64], heights: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return how far each shape is from that of most; see the top of this module."""
    if not len(widths):
        return np.zeros(0)
    elongation = np.maximum(widths, heights) / np.minimum(widths, heights)
    relative = elongation / np.median(elongation)
    return np.asarray(1 - np.minimum(relative, 1 / relative), dtype=np.float64)


def odd_size(widths: NDArray[np.int64], heights: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return how far each size is from that of most; see the top of this module."""
    if not len(widths):
        return np.zeros(0)
    octaves = 0.5 * np.log2(widths * heights)
    distance = np.abs(octaves - np.median(octaves))
    spread = max(1.0, 1.4826 * float(np.median(distance)))
    return np.asarray(1 - 2.0 ** (-distance / spread), dtype=np.float64)


def grey_among_colour(colour: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how grey each image is, in so far as others are not; see the top of this module."""
    if not len(colour):
        return np.zeros(0)
    return np.asarray(np.exp(-colour / _GREY_COLOUR) * float((colour > _GREY_COLOUR).mean()))

"""Before and after, honestly: two models on the same images with the same labels.

Sources: the exact test of McNemar, *Psychometrika* 12 (1947), on the images on which the two models differ;
and for the interval a paired bootstrap of the difference with one pretend image added on either side, as
Bonett and Price, *J. Educ. Behav. Stat.* 37 (2012) do for the normal interval. Without these two images a
bootstrap of few disagreements is too sure of itself: five to none would count as proof, which the exact test
denies.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cleaner.errors import TrainingError

N_RESAMPLES = 20_000
CONFIDENCE = 0.95
_SEED = 0


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change of the error rate, after minus before: negative means fewer errors.

    Attributes
    ----------
    difference : float
    low, high : float
        Ends of the 95 % interval.
    """

    difference: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class RetrainResult:
    """Two models compared on the same validation images with the same labels.

    Attributes
    ----------
    before, after : float
        Error rates, 0..1.
    difference : float
        ``after - before``: negative means fewer errors.
    low, high : float
        Ends of the 95 % interval of the difference.
    p_value : float
        Of McNemar's exact test, two-sided: how likely so large an imbalance is between equally good models.
    n : int
        Validation images.
    before_name, after_name : str
        What the two models are.
    sentence : str
        The outcome in words.
    """

    before: float
    after: float
    difference: float
    low: float
    high: float
    p_value: float
    n: int
    before_name: str
    after_name: str
    sentence: str

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return asdict(self)


def compare(
    truth: Sequence[str] | NDArray[np.object_],
    before: Sequence[str | None] | NDArray[np.object_],
    after: Sequence[str | None] | NDArray[np.object_],
    *,
    before_name: str,
    after_name: str,
) -> RetrainResult:
    """Compare two models' predictions for the same images.

    Parameters
    ----------
    truth : sequence of str, length n
        Cleaned labels.
    before, after : sequence of str, length n
        Predicted labels; None, where a model has none, is wrong.
    before_name, after_name : str
        What the two models are, for a reader: "last layer, labels as given".

    Raises
    ------
    TrainingError
        No images, or lists of different lengths.
    """
    if not len(truth) == len(before) == len(after):
        msg = f"Got {len(truth)} labels, {len(before)} and {len(after)} predictions; give one per image."
        raise TrainingError(msg)
    n = len(truth)
    if n == 0:
        msg = (
            "There are no labelled validation images, so nothing can be compared; give some images the split "
            "“valid”."
        )
        raise TrainingError(msg)
    right = np.asarray(truth, dtype=object)
    wrong_before = np.asarray(before, dtype=object) != right
    wrong_after = np.asarray(after, dtype=object) != right
    mended = int((wrong_before & ~wrong_after).sum())
    broken = int((~wrong_before & wrong_after).sum())
    change = change_of([(mended, broken, n)])
    rates = float(wrong_before.mean()), float(wrong_after.mean())
    verdict = (
        "More errors" if change.low > 0 else "Fewer errors" if change.high < 0 else "No measurable difference"
    )
    return RetrainResult(
        before=rates[0],
        after=rates[1],
        difference=change.difference,
        low=change.low,
        high=change.high,
        p_value=_mcnemar(mended, broken),
        n=n,
        before_name=before_name,
        after_name=after_name,
        sentence=(
            f"{verdict}: {rates[0]:.1%} wrong before ({before_name}), {rates[1]:.1%} after ({after_name}), "
            f"on the same {n:,} validation images."
        ),
    )


def change_of(
    counts: Sequence[tuple[int, int, int]], scales: Sequence[float] | NDArray[np.floating] | None = None
) -> Change:
    """Return the change of the error rate, with its interval by bootstrap of the images.

    Parameters
    ----------
    counts : sequence of (mended, broken, n)
        Images that only the model before got wrong, that only the one after did, and all of them. More than
        one entry: equally probable cases of what the right labels are; the interval then covers this, too.
    scales : sequence of float, optional
        What the change is to be multiplied by in each case.
    """
    scales = np.ones(len(counts)) if scales is None else np.asarray(scales)
    tail = (1 - CONFIDENCE) / 2
    rng = np.random.default_rng(_SEED)
    times = N_RESAMPLES // len(counts)
    drawn = [scale * _resampled(*case, times, rng) for case, scale in zip(counts, scales, strict=True)]
    low, high = np.quantile(np.concatenate(drawn), [tail, 1 - tail])
    difference = np.mean(scales * [(broken - mended) / n for mended, broken, n in counts])
    return Change(difference=float(difference), low=float(low), high=float(high))


def _resampled(mended: int, broken: int, n: int, times: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return (broken - mended) / n of resampled images, shape (times,)."""
    size = n + 2
    shares = [(mended + 1) / size, (broken + 1) / size, (n - mended - broken) / size]
    # The counts of a resample are all that matters; they can be drawn at once.
    drawn = rng.multinomial(size, shares, times)
    return np.asarray((drawn[:, 1] - drawn[:, 0]) / size)


def _mcnemar(mended: int, broken: int) -> float:
    """Return the two-sided p-value of a fair coin that fell like this."""
    from scipy.special import bdtr

    return min(1.0, 2 * float(bdtr(min(mended, broken), mended + broken, 0.5)))

"""Before and after, honestly: two models on the same images with the same labels.

Sources: the exact test of McNemar, *Psychometrika* 12 (1947), on the images on which the two models differ;
and for the interval a paired bootstrap of the difference with one pretend image added on either side, as
Bonett and Price, *J. Educ. Behav. Stat.* 37 (2012) do for the normal interval. Without these two images a
bootstrap of few disagreements is too sure of itself: five to none would count as proof, which the exact test
denies.

Where images can have several labels, there is an answer on each class of each image. Those on one image are
no independent evidence: images are resampled, and the exact test counts those with fewer and more errors.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cleaner.errors import TrainingError
from cleaner.training.average_precision import resampled_precision

N_RESAMPLES = 20_000
CONFIDENCE = 0.95
_SEED = 0
_PRECISION_RESAMPLES = (200, 1000)
_MOST_COUNTS = 8_000_000  # of images in resamples, which are in memory together


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
class PrecisionChange:
    """A change of the mean average precision of the classes; more is better.

    Attributes
    ----------
    before, after : float
        0..1; see `cleaner.training.average_precision`.
    low, high : float
        Ends of the 95 % interval of ``after - before``.
    """

    before: float
    after: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class RetrainResult:
    """Two models compared on the same validation images with the same labels.

    Attributes
    ----------
    before, after : float
        Error rates, 0..1: shares of wrong answers.
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
    answers : int
        On each image: one, or one for each class, where images can have several labels.
    precision : PrecisionChange or None
        How well the images with a class are told from those without it; None where there is one answer.
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
    answers: int = 1
    precision: PrecisionChange | None = None

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
    _check_lengths(len(truth), len(before), len(after))
    right = np.asarray(truth, dtype=object)
    wrong_before, wrong_after = (np.asarray(said, dtype=object) != right for said in (before, after))
    return _compared(wrong_before[:, None], wrong_after[:, None], before_name, after_name)


def compare_classes(
    truth: NDArray[np.bool_],
    before: NDArray[np.floating],
    after: NDArray[np.floating],
    *,
    before_name: str,
    after_name: str,
) -> RetrainResult:
    """Compare what two models say of images that can have several labels.

    Parameters
    ----------
    truth : bool, shape (n, n_classes)
        Whether the cleaned label has each class.
    before, after : float, shape (n, n_classes)
        Probabilities; above one half, a class is said to be there. NaN is wrong.
    before_name, after_name
        As in `compare`, which raises the same.
    """
    _check_lengths(len(truth), len(before), len(after))
    wrong_before, wrong_after = (np.isnan(said) | ((said > 0.5) != truth) for said in (before, after))
    found = _compared(wrong_before, wrong_after, before_name, after_name)
    return replace(found, answers=truth.shape[1], precision=_precision_change(truth, before, after))


def _check_lengths(n_truth: int, n_before: int, n_after: int) -> None:
    if not n_truth == n_before == n_after:
        msg = f"Got {n_truth} labels, {n_before} and {n_after} predictions; give one per image."
        raise TrainingError(msg)
    if n_truth == 0:
        msg = (
            "There are no labelled validation images, so nothing can be compared; give some images the split "
            "“valid”."
        )
        raise TrainingError(msg)


def _compared(
    wrong_before: NDArray[np.bool_], wrong_after: NDArray[np.bool_], before_name: str, after_name: str
) -> RetrainResult:
    """Compare by which answers are wrong, shape (n, answers)."""
    n, answers = wrong_before.shape
    more = wrong_after.sum(axis=1) - wrong_before.sum(axis=1)
    change = _change_by_image(more, answers)
    rates = float(wrong_before.mean()), float(wrong_after.mean())
    verdict = (
        "More errors" if change.low > 0 else "Fewer errors" if change.high < 0 else "No measurable difference"
    )
    of = "validation images" if answers == 1 else f"validation images, asked for {answers:,} classes each"
    return RetrainResult(
        before=rates[0],
        after=rates[1],
        difference=change.difference,
        low=change.low,
        high=change.high,
        p_value=_mcnemar(int((more < 0).sum()), int((more > 0).sum())),
        n=n,
        before_name=before_name,
        after_name=after_name,
        sentence=(
            f"{verdict}: {rates[0]:.1%} wrong before ({before_name}), {rates[1]:.1%} after ({after_name}), "
            f"on the same {n:,} {of}."
        ),
    )


def _precision_change(
    truth: NDArray[np.bool_], before: NDArray[np.floating], after: NDArray[np.floating]
) -> PrecisionChange:
    """Bootstrap the images, the same for both models."""
    n = len(truth)
    times = int(np.clip(_MOST_COUNTS // n, *_PRECISION_RESAMPLES))
    drawn = np.random.default_rng(_SEED).multinomial(n, np.full(n, 1 / n), times)
    counts = np.concatenate([np.ones((1, n)), drawn.astype(np.float64)])
    said = (np.where(np.isnan(scores), -1, scores) for scores in (before, after))
    drawn_before, drawn_after = (resampled_precision(truth, scores, counts) for scores in said)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile((drawn_after - drawn_before)[1:], [tail, 1 - tail])
    return PrecisionChange(
        before=float(drawn_before[0]), after=float(drawn_after[0]), low=float(low), high=float(high)
    )


def change_of(
    cases: Sequence[Mapping[int, int]], scales: Sequence[float] | NDArray[np.floating] | None = None
) -> Change:
    """Return the change of wrong answers an image, with its interval by bootstrap of the images.

    Parameters
    ----------
    cases : sequence of mapping of int to int
        How many images there are with so many wrong answers more than before: with one answer an image, -1
        are those that were mended, and 1 those that were broken. More than one entry: equally probable cases
        of what the right labels are; the interval then covers this, too.
    scales : sequence of float, optional
        What the change is to be multiplied by in each case.
    """
    scales = np.ones(len(cases)) if scales is None else np.asarray(scales)
    tail = (1 - CONFIDENCE) / 2
    rng = np.random.default_rng(_SEED)
    times = N_RESAMPLES // len(cases)
    drawn = [scale * _resampled(case, times, rng) for case, scale in zip(cases, scales, strict=True)]
    low, high = np.quantile(np.concatenate(drawn), [tail, 1 - tail])
    means = [sum(more * n for more, n in case.items()) / sum(case.values()) for case in cases]
    difference = np.mean(scales * means)
    return Change(difference=float(difference), low=float(low), high=float(high))


def _change_by_image(more: NDArray[np.int64], answers: int) -> Change:
    """Return the change of the error rate by how many more answers on each image are wrong than before."""
    values, counts = np.unique(more, return_counts=True)
    by_value = dict(zip(values.tolist(), counts.tolist(), strict=True))
    drawn = _resampled(by_value, N_RESAMPLES, np.random.default_rng(_SEED)) / answers
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Change(difference=float(more.mean() / answers), low=float(low), high=float(high))


def _resampled(images: Mapping[int, int], times: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return how many more answers are wrong on an image, mean of resampled images, shape (times,).

    ``images`` has how many images there are for each number of answers more; one is added to 1 and to -1.
    """
    counts = {**images, **{pretended: images.get(pretended, 0) + 1 for pretended in (-1, 1)}}
    size = sum(counts.values())
    # The counts of a resample are all that matters; they can be drawn at once.
    drawn = rng.multinomial(size, [count / size for count in counts.values()], times)
    return np.asarray(drawn @ np.array([*counts]) / size)


def _mcnemar(mended: int, broken: int) -> float:
    """Return the two-sided p-value of a fair coin that fell like this."""
    from scipy.special import bdtr

    return min(1.0, 2 * float(bdtr(min(mended, broken), mended + broken, 0.5)))

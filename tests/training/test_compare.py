"""Before and after: what counts as a difference."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cleaner.errors import TrainingError
from cleaner.training.compare import RetrainResult, _mcnemar, change_of, compare, compare_classes


def outcome(n: int, *, mended: int, broken: int, both_wrong: int = 0) -> RetrainResult:
    """Two models on ``n`` images: so many mended, so many broken, so many wrong in both."""
    truth = np.array(["cat"] * n, dtype=object)
    before, after = truth.copy(), truth.copy()
    before[:mended] = "dog"
    after[mended : mended + broken] = "dog"
    before[n - both_wrong :] = after[n - both_wrong :] = "dog"
    return compare(truth, before, after, before_name="old", after_name="new")


def test_clearly_fewer_errors_are_called_fewer() -> None:
    result = outcome(300, mended=40, broken=5, both_wrong=10)
    assert (result.before, result.after, result.n) == (50 / 300, 15 / 300, 300)
    assert result.difference == pytest.approx(-35 / 300)
    assert result.low < -35 / 300 < result.high < 0
    assert result.sentence == (
        "Fewer errors: 16.7% wrong before (old), 5.0% after (new), on the same 300 validation images."
    )


def test_clearly_more_errors_are_called_more() -> None:
    result = outcome(300, mended=5, broken=40)
    assert 0 < result.low < 35 / 300 < result.high
    assert result.sentence == (
        "More errors: 1.7% wrong before (old), 13.3% after (new), on the same 300 validation images."
    )


@pytest.mark.parametrize(("mended", "broken"), [(0, 0), (3, 1), (5, 0), (0, 5), (12, 9)])
def test_what_could_be_chance_is_called_no_measurable_difference(mended: int, broken: int) -> None:
    result = outcome(300, mended=mended, broken=broken)
    assert result.low <= 0 <= result.high
    assert result.sentence.startswith("No measurable difference: ")


@pytest.mark.parametrize(
    ("mended", "broken", "p"),
    [
        (0, 0, 1.0),
        (5, 0, 2 / 32),
        (6, 0, 2 / 64),
        (0, 6, 2 / 64),
        (3, 1, 2 * 5 / 16),
        (2, 2, 1.0),
        (10, 2, 2 * 79 / 4096),
    ],
)
def test_the_exact_test_gives_the_known_values(mended: int, broken: int, p: float) -> None:
    assert _mcnemar(mended, broken) == pytest.approx(p)


def counts_of(mended: int, broken: int, n: int) -> dict[int, int]:
    return {-1: mended, 1: broken, 0: n - mended - broken}


def test_the_interval_and_the_exact_test_agree_on_when_a_difference_is_there() -> None:
    for n in (60, 341, 5000):
        for broken in range(6):
            for mended in range(broken, 25):
                p = _mcnemar(mended, broken)
                if 0.03 < p < 0.07:
                    continue  # at the border either may say so first
                change = change_of([counts_of(mended, broken, n)])
                assert (change.high < 0) == (p < 0.05), (n, mended, broken, p, change)


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    random = np.random.default_rng(1)
    n, mends, breaks = 341, 0.06, 0.03
    drawn = random.multinomial(n, [mends, breaks, 1 - mends - breaks], 300)
    changes = [change_of([counts_of(int(mended), int(broken), n)]) for mended, broken, _ in drawn]
    covered = np.mean([change.low <= breaks - mends <= change.high for change in changes])
    assert 0.92 <= covered <= 0.985


def test_the_same_input_gives_the_same_interval() -> None:
    assert outcome(200, mended=9, broken=4) == outcome(200, mended=9, broken=4)


def test_a_result_goes_through_json() -> None:
    result = outcome(50, mended=3, broken=1)
    assert RetrainResult(**json.loads(json.dumps(result.to_dict()))) == result


def test_a_label_that_a_model_does_not_know_counts_as_its_error() -> None:
    result = compare(["new", "cat"], ["cat", "cat"], ["new", "cat"], before_name="old", after_name="new")
    assert (result.before, result.after) == (0.5, 0.0)


def test_no_images_cannot_be_compared() -> None:
    with pytest.raises(TrainingError) as caught:
        compare([], [], [], before_name="old", after_name="new")
    assert str(caught.value) == (
        "There are no labelled validation images, so nothing can be compared; give some images the split "
        "“valid”."
    )


def test_lists_of_different_lengths_are_refused() -> None:
    with pytest.raises(TrainingError, match=r"^Got 2 labels, 2 and 1 predictions; give one per image\.$"):
        compare(["a", "b"], ["a", "b"], ["a"], before_name="old", after_name="new")


def answers(rng: np.random.Generator, truth: np.ndarray, rate: float, *, together: bool) -> np.ndarray:
    """Return probabilities of which a share is on the wrong side; all of an image together, or each alone."""
    wrong = rng.random((len(truth), 1) if together else truth.shape) < rate
    return np.where(truth ^ wrong, 0.9, 0.1) + rng.uniform(-0.05, 0.05, truth.shape)


def test_answers_on_classes_are_compared_by_image() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random((300, 8)) < 0.2
    before, after = (answers(rng, truth, rate, together=False) for rate in (0.12, 0.06))
    result = compare_classes(truth, before, after, before_name="old", after_name="new")
    assert (result.n, result.answers) == (300, 8)
    assert result.high < 0 and result.p_value < 0.001
    assert result.precision is not None and result.precision.low > 0
    assert RetrainResult(**{**result.to_dict(), "precision": result.precision}) == result
    unread = compare_classes(truth, before, np.full_like(after, np.nan), before_name="old", after_name="new")
    assert unread.after == 1.0


def test_errors_that_come_together_make_the_interval_as_wide_as_it_must_be() -> None:
    covered = {"error": 0, "precision": 0}
    for seed in range(40):
        rng = np.random.default_rng(seed)
        truth = rng.random((150, 6)) < 0.3
        before, after = (answers(rng, truth, 0.15, together=True) for _ in range(2))  # equally good models
        result = compare_classes(truth, before, after, before_name="old", after_name="new")
        assert result.precision is not None
        covered["error"] += result.low <= 0 <= result.high
        covered["precision"] += result.precision.low <= 0 <= result.precision.high
    assert min(covered.values()) >= 35, covered

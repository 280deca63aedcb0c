"""What cleaning is worth: on made features, where what is right is known."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from cleaner.analysis import worth
from cleaner.analysis.worth import LEAST_IMAGES, Labels, Worth, estimate_worth
from cleaner.errors import Cancelled
from cleaner.util.progress import Reporter

K = 3
N = 600


def made(*, wrong: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return features, right classes, and given ones: a share of class 0 is called 1, of class 1, 2."""
    rng = np.random.default_rng(seed)
    truth = np.arange(N) % K
    vectors = np.eye(K, 12)[truth] + rng.normal(scale=0.45, size=(N, 12))
    given = np.where((truth < 2) & (rng.random(N) < wrong), truth + 1, truth)
    return vectors.astype(np.float32), truth, given


def labels_of(
    truth: np.ndarray, given: np.ndarray, decided: np.ndarray, *, coming: int = 200, knows: bool = True
) -> Labels:
    """Return the labels after some decisions; the draws know the truth, or believe all labels."""
    present = np.where(decided, truth, given)
    return Labels(
        given=given,
        present=present,
        right=np.tile(truth if knows else present, (4, 1)),
        n_classes=K,
        folds=np.arange(N) // K % 5,
        coming=np.flatnonzero(~decided & (truth != given))[:coming],
    )


def estimate(vectors: np.ndarray, labels: Labels) -> Worth:
    return estimate_worth(vectors, labels, decided=0)


def test_what_corrections_bring_is_told_before_and_after_they_are_made() -> None:
    vectors, truth, given = made(wrong=0.4)
    before = estimate(vectors, labels_of(truth, given, np.zeros(N, dtype=bool)))
    assert before.so_far is None
    assert before.changed == 0
    assert before.ahead is not None
    assert before.ahead.high < -0.02
    assert before.errors == before.looks == int((truth != given).sum())

    after = estimate(vectors, labels_of(truth, given, truth != given))
    assert after.so_far is not None
    assert after.so_far.difference == pytest.approx(before.ahead.difference, abs=0.005)
    assert (after.changed, after.looks, after.ahead) == (before.looks, 0, None)


def test_after_enough_corrections_the_forecast_is_what_one_has_brought_times_those_to_come() -> None:
    vectors, truth, given = made(wrong=0.4)
    decided = (truth != given) & (np.arange(N) % 2 == 0)
    found = estimate(vectors, labels_of(truth, given, decided))
    assert found.changed >= worth.LEAST_CHANGED
    assert found.so_far is not None
    assert found.ahead is not None
    assert found.ahead.difference == pytest.approx(found.so_far.difference * found.errors / found.changed)
    assert found.ahead.low < found.ahead.difference < found.ahead.high < 0


def test_draws_that_see_no_error_promise_nothing() -> None:
    vectors, truth, given = made(wrong=0.4)
    found = estimate(vectors, labels_of(truth, given, np.zeros(N, dtype=bool), knows=False))
    assert found.errors == 0
    assert found.ahead is not None
    assert found.ahead.difference == 0
    assert found.ahead.low < 0 < found.ahead.high


def test_the_difference_is_that_of_heads_fitted_one_by_one() -> None:
    from sklearn.linear_model import LogisticRegression

    vectors, truth, given = made(wrong=0.4)
    labels = labels_of(truth, given, truth != given)
    rows = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    wrong = []
    for taught in (given, truth):
        best = np.empty(N, dtype=int)
        for fold in range(5):
            out = labels.folds == fold
            head = LogisticRegression(C=1 / (1e-4 * (~out).sum()), max_iter=2000)
            best[out] = head.fit(rows[~out], taught[~out]).predict(rows[out])
        wrong.append(best != truth)
    found = estimate(vectors, labels)
    assert found.so_far is not None
    assert found.so_far.difference == pytest.approx(wrong[1].mean() - wrong[0].mean(), abs=1.01 / N)


def test_deleted_images_and_those_without_a_fold_do_not_judge() -> None:
    vectors, truth, given = made(wrong=0.2)
    labels = asdict(labels_of(truth, given, truth != given))
    labels["present"][:60] = -1  # deleted
    labels["right"][:, :60] = -1
    labels["folds"][60:90] = -1  # of the test split
    found = estimate(vectors, Labels(**labels))
    assert found.images == N - 90
    assert found.changed == 60 + int((truth != given)[90:].sum())


def test_of_a_large_set_no_more_folds_judge_than_are_needed_or_there_is_time_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vectors, truth, given = made(wrong=0.4)
    labels = labels_of(truth, given, truth != given)
    full = estimate(vectors, labels)
    monkeypatch.setattr(worth, "ENOUGH_IMAGES", N // 5 + 1)
    part = estimate(vectors, labels)
    monkeypatch.setattr(worth, "AFFORDABLE_CELLS", N * K // 2)
    assert (full.images, part.images) == (N, 2 * N // 5)
    monkeypatch.setattr(worth, "ENOUGH_IMAGES", N)
    assert estimate(vectors, labels).images == 2 * N // 5
    monkeypatch.setattr(worth, "AFFORDABLE_CELLS", 1)
    assert estimate(vectors, labels).images == N // 5
    assert full.so_far is not None
    assert part.so_far is not None
    assert part.so_far.high < 0
    assert part.so_far.high - part.so_far.low > 1.3 * (full.so_far.high - full.so_far.low)


def test_a_class_that_no_image_has_any_more_is_never_predicted() -> None:
    vectors, truth, given = made(wrong=0.0)
    merged = np.where(truth == 2, 1, truth)
    labels = asdict(labels_of(merged, given, merged != given))
    labels["present"] = merged
    found = estimate(vectors, Labels(**labels))
    assert found.so_far is not None
    assert found.so_far.high < -0.2  # every image of the old class was wrong


def test_too_few_images_or_one_class_say_nothing() -> None:
    vectors, truth, given = made(wrong=0.2)
    labels = asdict(labels_of(truth, given, truth != given))
    few = estimate(vectors, Labels(**labels | {"folds": np.where(np.arange(N) < LEAST_IMAGES - 1, 0, -1)}))
    assert (few.images, few.so_far, few.ahead) == (LEAST_IMAGES - 1, None, None)
    one = np.ones(N, dtype=int)
    alone = estimate(vectors, Labels(**labels | {"present": one, "right": one[None]}))
    assert (alone.so_far, alone.ahead) == (None, None)


def test_it_tells_how_far_it_is_and_stops_when_asked() -> None:
    heard: list[tuple[int, int]] = []

    class Notes(Reporter):
        def __call__(self, stage: str, done: int, total: int, **values: float) -> None:
            heard.append((done, total))

        def should_stop(self) -> bool:
            return len(heard) > 1

    vectors, truth, given = made(wrong=0.2)
    labels = asdict(labels_of(truth, given, np.zeros(N, dtype=bool)))
    labels["right"] = np.tile(truth, (8, 1))
    with pytest.raises(Cancelled):
        estimate_worth(vectors, Labels(**labels), decided=0, reporter=Notes())
    assert heard == [(0, 8), (4, 8)]


# ---------------------------------------------------------------- several labels


def made_sets(*, missing: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return features and the right and the given bits, of which those of class 0 are often missing."""
    rng = np.random.default_rng(seed)
    truth = rng.random((N, K)) < 0.4
    vectors = truth @ np.eye(K, 12) + 0.5 + rng.normal(scale=0.35, size=(N, 12))
    given = truth.copy()
    given[rng.random(N) < missing, 0] = False
    return vectors.astype(np.float32), truth, given


SETS = np.array([[i >> k & 1 for k in range(K)] for i in range(2**K)], dtype=bool)


def set_labels_of(truth: np.ndarray, given: np.ndarray, decided: np.ndarray) -> Labels:
    number = 2 ** np.arange(K)
    labels = labels_of(truth @ number, given @ number, decided)
    return Labels(**asdict(labels) | {"sets": SETS})


def test_where_images_have_several_labels_wrong_answers_about_classes_are_told() -> None:
    from sklearn.linear_model import LogisticRegression

    vectors, truth, given = made_sets(missing=0.6)
    wrong = (truth != given).any(axis=1)
    found = estimate(vectors, set_labels_of(truth, given, wrong))
    rows = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    folds = np.arange(N) // K % 5
    mistakes = []
    for taught in (given, truth):
        said = np.empty((N, K), dtype=bool)
        for fold in range(5):
            out = folds == fold
            for k in range(K):
                head = LogisticRegression(C=1 / (1e-4 * (~out).sum()), max_iter=2000)
                said[out, k] = head.fit(rows[~out], taught[~out, k]).predict(rows[out])
        mistakes.append((said != truth).sum(axis=1).mean())
    assert found.so_far is not None
    assert found.so_far.difference == pytest.approx(mistakes[1] - mistakes[0], abs=0.02)
    assert found.so_far.high < -0.1
    assert found.changed == wrong.sum()

    ahead = estimate(vectors, set_labels_of(truth, given, np.zeros(N, dtype=bool)))
    assert ahead.so_far is None
    assert ahead.ahead is not None
    assert ahead.errors == ahead.looks == min(200, wrong.sum())
    assert ahead.ahead.high < 0

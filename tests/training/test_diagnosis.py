"""The golden logs of the lesson, and one made log for every verdict."""

from __future__ import annotations

import json
import math
from dataclasses import asdict

import pytest
from pytest import approx

from cleaner.errors import TrainingError
from cleaner.training.diagnosis import Diagnosis, Remedy, Verdict, diagnose

# (training loss as shown then, validation loss, error rate) of each epoch; 3 classes, 141 validation images.
A = [(0.711, 0.087, 0.0213), (0.414, 0.045, 0.0142), (0.306, 0.036, 0.0142), (0.239, 0.035, 0.0213)]
A_STAGE_2 = [(0.107, 0.056, 0.0284), (0.071, 0.042, 0.0142)]
B = [(12.22, 1144188288.0, 0.766)]
C = [
    (1.349, 1.063, 0.610),
    (1.373, 1.045, 0.546),
    (1.346, 1.006, 0.468),
    (1.334, 0.979, 0.454),
    (1.321, 0.978, 0.447),
]
D = [(0.603, 0.119, 0.0496)]
F = [(1.030, 0.179, 0.0284), (0.562, 0.055, 0.0142), (0.396, 0.054, 0.0142), (0.317, 0.050, 0.0213)]

OVERFIT = [(0.5, 0.5, 0.20), (0.2, 0.4, 0.10), (0.1, 0.45, 0.19), (0.05, 0.5, 0.20), (0.02, 0.6, 0.21)]

# Forty epochs on 68 images without any regularisation, 546 validation images.
E_TRAIN = """\
    1.513 1.290 1.186 1.117 1.023 .951 .916 .839 .750 .679 .615 .559 .518 .476 .437 .457 .421 .396
    .373 .349 .325 .311 .328 .306 .289 .285 .268 .255 .241 .227 .214 .202 .190 .181 .184 .195 .186
    .177 .167 .163"""
E_VALID = """\
    1.042 .995 .936 .838 .735 .627 .559 .504 .433 .368 .327 .299 .267 .258 .227 .237 .240 .255 .263
    .258 .261 .236 .246 .235 .227 .226 .223 .228 .236 .225 .215 .209 .211 .215 .223 .229 .218 .207
    .207 .206"""
E_ERROR = """\
    50.7 44.3 41.0 32.2 25.3 19.2 18.5 17.8 14.5 12.5 10.1 9.5 8.4 8.4 6.8 7.9 8.1 8.2 8.1 8.1 8.1
    7.1 7.0 6.4 7.0 6.4 6.8 7.3 7.1 7.5 7.0 6.2 6.6 7.3 7.3 7.7 7.5 6.2 6.6 6.2"""
E = list(
    zip(
        map(float, E_TRAIN.split()),
        map(float, E_VALID.split()),
        (float(e) / 100 for e in E_ERROR.split()),
        strict=True,
    )
)


def judged(log, *, n_valid=141, n_classes=3, **more):
    train, valid, error = zip(*log, strict=True)
    return diagnose(train, valid, error, n_valid=n_valid, n_classes=n_classes, **more)


def verdict_on(log, **more):
    return judged(log, **more).verdict


@pytest.mark.parametrize(
    ("log", "lr", "epochs", "n_valid", "verdict", "remedy"),
    [
        (A, 3e-3, 4, 141, Verdict.OK, None),
        (A + A_STAGE_2, 3e-4, 2, 141, Verdict.OK, None),
        (B, 0.5, 1, 141, Verdict.DIVERGED, Remedy(lr=0.05)),
        (C, 1e-5, 5, 141, Verdict.LR_TOO_LOW, Remedy(lr=1e-4)),
        (D, 3e-3, 1, 141, Verdict.TOO_FEW_EPOCHS, Remedy(epochs=2)),
        (E, 1e-4, 40, 546, Verdict.OK, None),
        (F, 3e-3, 4, 141, Verdict.OK, None),
    ],
    ids=["A", "A+stage2", "B", "C", "D", "E", "F"],
)
def test_the_logs_of_the_lesson_get_the_verdicts_and_remedies_that_are_known_for_them(
    log, lr, epochs, n_valid, verdict, remedy
):
    found = judged(log, n_valid=n_valid, lr=lr, epochs=epochs)
    assert found.verdict == verdict
    assert (found.remedy is None) if remedy is None else (asdict(found.remedy) == approx(asdict(remedy)))


def test_the_second_stage_judged_alone_would_be_called_too_short():
    assert verdict_on(A_STAGE_2) == "too_few_epochs"


@pytest.mark.parametrize("epochs", range(11, 41))
def test_no_part_of_the_long_run_is_called_overfitting_or_diverged(epochs):
    assert verdict_on(E[:epochs], n_valid=546) in ("ok", "too_few_epochs")


def test_an_error_rate_that_rises_for_good_while_the_training_loss_falls_is_overfitting():
    found = judged(OVERFIT, epochs=4)  # the first of the five was of the head alone
    assert (found.verdict, found.best_epoch, found.remedy) == (Verdict.OVERFIT, 2, Remedy(epochs=1))
    assert (found.best_error, found.last_error) == approx((0.10, 0.20))


@pytest.mark.parametrize("log", [A, B, C, D, OVERFIT])
def test_a_diagnosis_says_what_it_rests_on_and_what_to_do(log):
    found = judged(log, lr=1e-3, epochs=len(log), target_error=0.01)
    said = {
        Verdict.OK: ["2.1 % of 141 validation images"],
        Verdict.DIVERGED: ["1.14e+09", "1.10", "again with 1e-4."],
        Verdict.LR_TOO_LOW: ["5 epochs", "from 1.06 to 0.98", "again with 1e-2."],
        Verdict.TOO_FEW_EPOCHS: ["1 epoch,", "5.0 % of the", "for 2 epochs."],
        Verdict.OVERFIT: [
            "10.0 % of the validation images were wrong after epoch 2",
            "20.0 % at the end",
            "for 2 epochs.",
        ],
    }
    assert all(words in str(found) for words in said[found.verdict]), str(found)


def test_a_diagnosis_survives_as_json():
    for log in (A, OVERFIT, [(math.nan, math.nan, math.nan)]):
        found = judged(log, lr=1e-3, epochs=2, previous_error=0.02)
        again = Diagnosis.from_dict(json.loads(json.dumps(found.to_dict())))
        assert (again.verdict, again.remedy, str(again)) == (found.verdict, found.remedy, str(found))


def test_epochs_that_made_everything_worse_leave_one():
    worse = [(0.5, 0.5, 0.05), (0.2, 0.4, 0.18), (0.1, 0.5, 0.19), (0.05, 0.5, 0.20)]
    assert judged(worse, epochs=3).remedy == Remedy(epochs=1)


def test_a_rising_validation_loss_alone_is_no_overfitting():
    log = [(0.5, 0.5, 0.20), (0.2, 0.3, 0.10), (0.1, 0.4, 0.10), (0.05, 0.5, 0.10), (0.02, 0.6, 0.11)]
    assert verdict_on(log, target_error=0.2) == "ok"


def test_one_image_wrong_after_none_wrong_is_no_overfitting():
    log = [(0.5, 0.1, 0.0), (0.2, 0.1, 0.01), (0.1, 0.1, 0.0), (0.05, 0.1, 0.01)]
    assert verdict_on(log, n_valid=100) == "ok"


def test_a_loss_that_is_no_number_means_divergence():
    assert verdict_on([(0.5, 0.4, 0.1), (math.nan, 0.4, 0.1), (0.3, 0.4, 0.1)]) == "diverged"
    assert verdict_on([(0.5, math.nan, math.nan)]) == "diverged"


def test_guessing_the_largest_class_with_a_high_loss_is_divergence():
    log = [(0.9, 0.8, 0.10), (1.2, 1.2, 0.12)]
    assert verdict_on(log, guess_error=0.1) == "diverged"
    assert verdict_on(log, guess_error=0.6) != "diverged"


def test_learning_nothing_at_a_tiny_rate_is_no_divergence():
    log = [(1.13, 1.12, 0.66), (1.13, 1.12, 0.66), (1.13, 1.13, 0.66)]  # guessing has 1.10
    assert verdict_on(log) == "lr_too_low"
    assert verdict_on([(1.6, 1.6, 0.66), (1.5, 1.5, 0.66)]) == "diverged"


def test_too_little_data_is_said_only_above_the_target():
    log = [(0.5, 0.5, 0.12), (0.1, 0.4, 0.10), (0.03, 0.4, 0.10), (0.02, 0.41, 0.10)]
    assert verdict_on(log) == "not_enough_data"
    assert "gets 10.0 % of the validation images wrong" in str(judged(log))
    assert verdict_on(log, target_error=0.2) == "ok"


def test_a_change_of_one_image_is_no_measurable_difference():
    assert verdict_on(A, previous_error=2 / 141) == "within_noise"
    assert "1.4 % of 141 validation images were wrong then, 2.1 % are now" in str(
        judged(A, previous_error=2 / 141)
    )
    assert verdict_on(A, previous_error=20 / 141) == "ok"


def test_series_of_different_lengths_are_refused():
    with pytest.raises(TrainingError) as caught:
        diagnose([1.0], [1.0, 2.0], [0.1], n_valid=10, n_classes=2)
    assert str(caught.value) == (
        "Got 1 training losses, 2 validation losses and 1 error rates on 10 images; "
        "expected one each for every epoch, of one or more."
    )

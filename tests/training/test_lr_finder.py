"""The sweep over learning rates and the four suggestions, on made curves whose answers are known."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from cleaner.errors import TrainingError
from cleaner.training.lr_finder import LrSweep, minimum, slide, steep, suggest, sweep, valley

LRS = np.geomspace(1e-6, 1.0, 61)  # ten points a decade


def test_the_minimum_suggests_a_tenth_of_the_rate_with_the_lowest_loss():
    losses = (np.log10(LRS) + 2) ** 2
    assert minimum(LRS, losses) == pytest.approx(1e-3)


def test_the_steepest_point_is_found_per_log_rate():
    losses = -np.tanh(3 * (np.log10(LRS) + 3))
    assert steep(LRS, losses) == pytest.approx(1e-3, rel=0.3)


def test_the_valley_is_read_at_half_of_the_longest_fall():
    losses = np.full(61, 2.0)
    losses[20:41] = np.linspace(2.0, 0.5, 21)  # L = 21 points fall, the last is number 40
    losses[41:] = 3.0
    start = 40 - 21
    assert valley(LRS, losses) == LRS[start + 21 // 3 + 21 // 6]


def test_the_valley_jumps_over_single_rises():
    losses = np.linspace(2.0, 0.5, 61)
    losses[30] = 5.0
    assert valley(LRS, losses) == LRS[(60 - 60) + 60 // 3 + 60 // 6]


def test_the_window_slides_left_until_both_its_sides_have_the_same_slope():
    losses = np.full(61, 1.0)
    losses[46:] += 0.1 * np.arange(15)  # the slope is 0 up to point 45
    assert slide(LRS, losses) == LRS[45 - 15]


def test_a_flat_curve_has_suggestions_too():
    flat = np.ones(61)
    assert 1e-6 <= slide(LRS, flat) <= 1.0
    assert 1e-6 <= valley(LRS, flat) <= 1.0


def test_suggestions_leave_out_the_first_tenth_and_the_last_five_points():
    losses = np.linspace(1.0, 0.5, 61)
    losses[2] = 0.0  # the warm-up's noise would be the minimum
    losses[-2] = -1.0
    found = suggest(LRS, losses, n_planned=61)
    assert found["minimum"] == pytest.approx(LRS[55] / 10)
    assert list(found) == ["valley", "slide", "minimum", "steep"]


def test_what_follows_the_first_loss_that_is_no_number_is_ignored():
    losses = np.linspace(1.0, 0.5, 61)
    losses[40:] = math.nan
    assert suggest(LRS, losses, n_planned=61)["minimum"] == pytest.approx(LRS[34] / 10)


def test_a_sweep_rises_geometrically_and_stops_when_the_loss_explodes():
    tried = []

    def step(lr):
        tried.append(lr)
        return 1.0 if lr < 0.1 else 1000.0

    found = sweep(step, start_lr=1e-7, end_lr=10, n_steps=100)
    assert tried[0] == 1e-7
    assert tried[1] / tried[0] == pytest.approx(10**0.08)
    assert tried[-2] < 0.1 <= tried[-1]
    assert len(found.lrs) == len(found.losses) == len(tried) < 100
    assert found.suggestion == found.suggestions["valley"]


def test_the_loss_is_smoothed_without_bias():
    losses = iter([2.0, 1.0] + [1.0] * 98)
    found = sweep(lambda lr: next(losses), start_lr=1e-7, end_lr=10, n_steps=100)
    assert found.losses[0] == pytest.approx(2.0)
    assert found.losses[1] == pytest.approx((0.98 * 0.02 * 2 + 0.02 * 1) / (1 - 0.98**2))


def test_a_sweep_survives_as_json():
    found = sweep(lambda lr: 1 - 0.1 * math.log10(lr + 1e-7), start_lr=1e-7, end_lr=10, n_steps=100)
    again = LrSweep.from_dict(json.loads(json.dumps(found.to_dict())))
    assert again.suggestions == found.suggestions
    assert np.array_equal(again.lrs, found.lrs) and np.array_equal(again.losses, found.losses)


def test_a_loss_that_explodes_at_once_says_where_to_start():
    losses = iter([1.0] * 12 + [math.nan] * 88)
    with pytest.raises(TrainingError) as caught:
        sweep(lambda lr: next(losses), start_lr=1.0, end_lr=10, n_steps=100)
    assert str(caught.value) == (
        "The loss exploded after 12 of 100 rates, too early to suggest one; start the sweep at a lower rate."
    )


def test_the_plot_marks_every_suggestion():
    found = sweep(lambda lr: 1 - 0.1 * math.log10(lr + 1e-7), start_lr=1e-7, end_lr=10, n_steps=100)
    axes = found.plot().axes[0]
    assert axes.get_xscale() == "log"
    assert [text.get_text().split()[0] for text in axes.get_legend().get_texts()] == list(found.suggestions)

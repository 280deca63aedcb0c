from __future__ import annotations

import numpy as np
import pytest

from cleaner.util.intervals import independent_answers, wilson


def test_wilsons_interval() -> None:
    assert wilson(2, 100) == pytest.approx((0.0055, 0.0700), abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)


def test_answers_that_are_alike_on_one_image_count_as_fewer() -> None:
    rng = np.random.default_rng(0)
    ten = np.full(400, 10)
    apart, together = rng.binomial(10, 0.2, 400), 10 * rng.binomial(1, 0.2, 400)
    assert independent_answers(apart, ten) == pytest.approx(4000, rel=0.15)
    assert independent_answers(together, ten) == pytest.approx(400, rel=0.02)
    assert independent_answers(np.zeros(5, dtype=int), np.full(5, 10)) == 5
    whole = rng.integers(1, 10, 400)
    assert independent_answers(rng.binomial(whole, 0.2), whole) == pytest.approx(whole.sum(), rel=0.2)

"""One cycle and discriminative rates against their formulas."""

from __future__ import annotations

import math

import pytest
import torch

from cleaner.errors import TrainingError
from cleaner.training.loop import one_cycle, spread


def run(total, *, max_lrs=(1e-2,), **more):
    """Return the rates and first betas of every step."""
    parameters = [torch.nn.Parameter(torch.zeros(1)) for _ in max_lrs]
    optimizer = torch.optim.AdamW([{"params": [p]} for p in parameters], lr=1.0, betas=(0.9, 0.99))
    schedule = one_cycle(optimizer, list(max_lrs), total_steps=total, **more)
    seen = []
    for step in range(total):
        seen.append([(g["lr"], g["betas"][0]) for g in optimizer.param_groups])
        optimizer.step()
        if step + 1 < total:
            schedule.step()
    return seen


def cosine(a, b, s):
    return a + (b - a) * (1 - math.cos(math.pi * s)) / 2


@pytest.mark.parametrize(("pct", "div"), [(0.25, 25.0), (0.3, 5.0), (0.99, 25.0)])
def test_rate_and_momentum_follow_the_cosines_of_the_lesson(pct, div):
    total, high = 200, 1e-2
    top = pct * total - 1
    for step, [(lr, momentum)] in enumerate(run(total, pct_start=pct, div=div)):
        if step <= top:
            expected = cosine(high / div, high, step / top), cosine(0.95, 0.85, step / top)
        else:
            s = (step - top) / (total - 1 - top)
            expected = cosine(high, high / 1e5, s), cosine(0.85, 0.95, s)
        assert lr == pytest.approx(expected[0], rel=1e-6, abs=1e-12)
        assert momentum == pytest.approx(expected[1])


def test_every_group_has_its_own_height():
    rates = [[lr for lr, _ in step] for step in run(50, max_lrs=(1e-4, 1e-2))]
    assert all(high == pytest.approx(100 * low) for low, high in rates)
    assert max(low for low, _ in rates) == pytest.approx(1e-4, rel=0.02)


@pytest.mark.parametrize("total", range(1, 13))
@pytest.mark.parametrize("pct", [0.25, 0.3, 0.99])
def test_runs_of_a_few_batches_have_a_schedule_too(total, pct):
    seen = run(total, pct_start=pct)
    assert len(seen) == total
    assert all(0 < lr <= 1e-2 * 1.001 for [(lr, _)] in seen)


def test_rates_are_spread_geometrically_from_the_first_layers_to_the_head():
    assert spread(slice(1e-5, 1e-3), 3) == pytest.approx([1e-5, 1e-4, 1e-3])
    assert spread(slice(3e-4), 3) == pytest.approx([3e-5, 3e-5, 3e-4])
    assert spread(2e-3, 3) == [2e-3, 2e-3, 2e-3]
    assert spread(slice(1e-5, 1e-3), 1) == [1e-3]


@pytest.mark.parametrize("lr", [0.0, -1e-3, math.nan, slice(0.0, 1e-3), slice(1e-3, 0.0)])
def test_a_rate_that_is_not_positive_is_refused(lr):
    with pytest.raises(TrainingError, match="expected a positive number, such as 1e-3"):
        spread(lr, 3)

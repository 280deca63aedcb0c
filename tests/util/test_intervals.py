from __future__ import annotations

import pytest

from cleaner.util.intervals import wilson


def test_wilsons_interval() -> None:
    assert wilson(2, 100) == pytest.approx((0.0055, 0.0700), abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)

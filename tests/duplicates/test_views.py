"""Which part of one image looks like the other."""

import numpy as np
import pytest

from cleaner.duplicates.views import best_views


def picture(seed: int) -> np.ndarray:
    """Draw 40 × 40 soft pixels."""
    coarse = np.random.default_rng(seed).normal(128, 40, (10, 10))
    return np.kron(coarse, np.ones((4, 4))).astype(np.float32)


def part_of(whole: np.ndarray, top: int, left: int) -> np.ndarray:
    """Return 28 of 40 pixels down and across, enlarged to 40 again."""
    rows = np.arange(40) * 28 // 40
    return whole[top : top + 28, left : left + 28][rows][:, rows]


@pytest.mark.parametrize(("top", "left"), [(0, 0), (12, 12), (6, 12), (6, 6)])
def test_the_best_view_tells_what_part_it_is_either_way_round(top: int, left: int) -> None:
    whole = picture(1)[None]
    part = part_of(whole[0], top, left)[None]
    agreement, warps = best_views(whole, part, 2)
    shift = np.array([top - 6, left - 6]) / 40
    np.testing.assert_allclose(warps[0, 0], [0.7, 0.7, *shift], atol=0.001)
    assert agreement[0] > 0.8
    agreement, warps = best_views(part, whole, 2)
    np.testing.assert_allclose(warps[0, 0], [1 / 0.7, 1 / 0.7, *(-shift / 0.7)], atol=0.001)
    assert agreement[0] > 0.8


def test_the_whole_of_a_copy_is_its_best_view_whatever_its_contrast() -> None:
    whole = picture(2)[None]
    agreement, warps = best_views(whole, 0.3 * whole + 60, 3)
    assert agreement[0] == pytest.approx(1, abs=0.001)
    np.testing.assert_allclose(warps[0, 0], [1, 1, 0, 0])
    assert len({tuple(warp) for warp in warps[0].tolist()}) == 3


def test_different_pictures_agree_in_no_view() -> None:
    first = np.stack([picture(seed) for seed in range(20)])
    second = np.stack([picture(seed) for seed in range(20, 40)])
    agreement, _ = best_views(first, second, 1)
    assert agreement.max() < 0.45


def test_a_plain_picture_agrees_with_nothing() -> None:
    plain = np.full((1, 40, 40), 90, dtype=np.float32)
    for other in (plain, picture(3)[None]):
        assert best_views(plain, other, 1)[0][0] == pytest.approx(0, abs=0.01)

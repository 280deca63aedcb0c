from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from cleaner.analysis.forecast import errors_are_rare, forecast
from cleaner.review import ReviewStore

NAMES = [f"{i}.jpg" for i in range(10)]
SCORES = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, np.nan], dtype=np.float32)

OpenStore = Callable[..., ReviewStore]


def test_before_the_first_look_only_expectations_are_drawn(open_store: OpenStore) -> None:
    seen = forecast(open_store().state, NAMES, SCORES, page_size=3)
    assert seen.found == ()
    assert seen.expected[0] == (0, 0.0)
    assert seen.expected[3] == (3, pytest.approx(2.4))
    assert seen.expected[-1] == (9, pytest.approx(4.5))
    assert (seen.next_page, seen.rest) == (pytest.approx(2.4), pytest.approx(4.5))


def test_the_curve_counts_errors_in_the_order_of_looks_and_goes_on_with_what_is_undecided(
    open_store: OpenStore,
) -> None:
    store = open_store()
    store.decide("3.jpg", "delete")
    store.confirm(["0.jpg", "1.jpg"])
    store.decide("2.jpg", "unsure")
    seen = forecast(store.state, NAMES, SCORES, page_size=2)
    assert seen.found == ((1, 1), (2, 1), (3, 1))
    assert seen.expected[:3] == ((3, 1.0), (4, pytest.approx(1.5)), (5, pytest.approx(1.9)))
    assert seen.next_page == pytest.approx(0.9)


def test_what_was_discarded_is_on_no_curve_and_not_expected_any_more(open_store: OpenStore) -> None:
    store = open_store()
    store.confirm(["8.jpg"])
    store.decide("3.jpg", "delete", reason="duplicate")
    seen = forecast(store.state, NAMES, SCORES, page_size=4)
    assert seen.found == ((1, 0),)
    assert seen.next_page == pytest.approx(0.9 + 0.8 + 0.7 + 0.5)


def test_without_a_ranking_nothing_is_expected(open_store: OpenStore) -> None:
    store = open_store()
    store.decide("3.jpg", "delete")
    seen = forecast(store.state, page_size=3)
    assert (seen.found, seen.expected, seen.next_page, seen.rest) == (((1, 1),), (), None, None)


def test_when_all_is_decided_nothing_more_is_expected(open_store: OpenStore) -> None:
    store = open_store()
    store.confirm(NAMES)
    seen = forecast(store.state, NAMES, SCORES, page_size=3)
    assert (seen.expected, seen.next_page, seen.rest) == ((), 0.0, 0.0)


def test_a_long_curve_is_thinned_and_keeps_its_end(open_store: OpenStore) -> None:
    store = open_store()
    store.confirm([f"{i}.png" for i in range(1000)])
    store.decide("last.png", "delete")
    seen = forecast(store.state, page_size=3)
    assert len(seen.found) == 400
    assert seen.found[-1] == (1001, 1)


@pytest.mark.parametrize(
    ("window", "errors", "expected", "rare"),
    [
        (100, 2, 0.49, True),
        (100, 3, 0.1, False),
        (100, 0, 0.5, False),
        (99, 0, 0.1, False),
        (100, 0, None, False),
    ],
)
def test_errors_are_rare_after_two_in_a_hundred_and_less_than_half_a_one_expected(
    window: int, errors: int, expected: float | None, rare: bool
) -> None:
    assert errors_are_rare(window=window, window_errors=errors, next_page=expected) is rare

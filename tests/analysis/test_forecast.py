from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from cleaner.analysis.forecast import Forecast, errors_are_rare, forecast
from cleaner.ranking import Ranking
from cleaner.ranking.posterior import Count, Posterior
from cleaner.review import ReviewStore

NAMES = [f"{i}.jpg" for i in range(10)]
SCORES = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, np.nan], dtype=np.float32)

OpenStore = Callable[..., ReviewStore]


@pytest.fixture
def posterior() -> Posterior:
    wrong = np.nan_to_num(SCORES)
    odds = np.stack([1 - wrong, wrong], axis=1)
    ranking = Ranking(
        NAMES,
        ["train"] * 10,
        [*["a"] * 9, None],
        classes=["a", "b"],
        posterior=odds,
        predicted=odds,
        signals={"pooled": SCORES, "loss": SCORES},
        model="made",
    )
    return Posterior(ranking, {})


def test_before_the_first_look_only_expectations_are_drawn(
    open_store: OpenStore, posterior: Posterior
) -> None:
    seen = forecast(open_store().state, np.arange(9), posterior, page_size=3)
    assert seen.found == ()
    assert seen.expected[0] == (0, Count(0.0, 0, 0))
    assert seen.expected[3] == (3, posterior.count(NAMES[:3]))
    assert seen.expected[-1] == (9, posterior.count(NAMES[:9]))
    assert (seen.next_page, seen.rest) == (posterior.count(NAMES[:3]), posterior.count(NAMES[:9]))
    assert seen.undecided == 9


def test_the_curve_counts_errors_in_the_order_of_looks_and_goes_on_with_what_is_undecided(
    open_store: OpenStore, posterior: Posterior
) -> None:
    store = open_store()
    store.decide("3.jpg", "delete")
    store.confirm(["0.jpg", "1.jpg"])
    store.decide("2.jpg", "unsure")
    seen = forecast(store.state, np.arange(9), posterior, page_size=2)
    assert seen.found == ((1, 1), (2, 1), (3, 1))
    more = posterior.count(["4.jpg"])
    assert seen.expected[0] == (3, Count(1.0, 1, 1))
    assert seen.expected[1] == (4, Count(1 + more.point, 1 + more.low, 1 + more.high))
    assert seen.next_page == posterior.count(["4.jpg", "5.jpg"])


def test_what_was_discarded_is_on_no_curve_and_not_expected_any_more(
    open_store: OpenStore, posterior: Posterior
) -> None:
    store = open_store()
    store.confirm(["8.jpg"])
    store.decide("3.jpg", "delete", reason="duplicate")
    seen = forecast(store.state, np.arange(9), posterior, page_size=4)
    assert seen.found == ((1, 0),)
    assert seen.next_page == posterior.count(["0.jpg", "1.jpg", "2.jpg", "4.jpg"])


def test_without_a_ranking_nothing_is_expected(open_store: OpenStore) -> None:
    store = open_store()
    store.decide("3.jpg", "delete")
    seen = forecast(store.state, page_size=3)
    assert (seen.found, seen.expected, seen.next_page, seen.rest) == (((1, 1),), (), None, None)


def test_when_all_is_decided_nothing_more_is_expected(open_store: OpenStore, posterior: Posterior) -> None:
    store = open_store()
    store.confirm(NAMES)
    seen = forecast(store.state, np.arange(9), posterior, page_size=3)
    none = Count(0.0, 0, 0)
    assert (seen.expected, seen.next_page, seen.rest) == ((), none, none)


def test_a_long_curve_is_thinned_and_keeps_its_end(open_store: OpenStore) -> None:
    store = open_store()
    store.confirm([f"{i}.png" for i in range(1000)])
    store.decide("last.png", "delete")
    seen = forecast(store.state, page_size=3)
    assert len(seen.found) == 400
    assert seen.found[-1] == (1001, 1)


@pytest.mark.parametrize(
    ("rest", "undecided", "vague"),
    [
        (Count(60, 4, 400), 3000, True),
        (Count(60, 30, 120), 3000, False),
        (Count(2, 0, 9), 3000, False),
        (Count(20, 0, 50), 40_000, False),
        (None, 0, False),
    ],
)
def test_an_interval_that_decides_nothing_is_called_vague(
    rest: Count | None, undecided: int, vague: bool
) -> None:
    assert Forecast(rest=rest, undecided=undecided).is_vague == vague


FEW = Count(2, 0, 9)


@pytest.mark.parametrize(
    ("window", "errors", "ahead", "rest", "rare"),
    [
        (100, 2, Count(0.3, 0, 1), FEW, True),
        (100, 3, Count(0.1, 0, 1), FEW, False),
        (100, 0, Count(0.1, 0, 2), FEW, False),
        (100, 0, Count(0.1, 0, 1), Count(60, 4, 400), False),
        (99, 0, Count(0.1, 0, 1), FEW, False),
        (100, 0, None, None, False),
    ],
)
def test_errors_are_rare_by_the_upper_ends_of_the_intervals_and_never_by_the_expectation(
    window: int, errors: int, ahead: Count | None, rest: Count | None, rare: bool
) -> None:
    seen = Forecast(next_page=ahead, rest=rest, undecided=3000)
    assert errors_are_rare(seen, window=window, window_errors=errors) is rare

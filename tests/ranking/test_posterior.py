"""How probable errors are, and how many: before any decision, after some, and what is passed over."""

from __future__ import annotations

import numpy as np
import pytest

from cleaner.ranking import Ranking
from cleaner.ranking.posterior import Posterior, first_probability
from cleaner.ranking.prior import KNOTS, SHARES, SIZE, basis, places_of, shipped_prior

CLASSES = ["hat", "shirt", "shoe"]


def made(n: int = 600, seed: int = 0, *, shift: float = 0.0) -> tuple[Ranking, np.ndarray]:
    """Return a ranking and what is wrong; with a shift, errors are likelier than the ranking says."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(-4, 3, n)
    wrong = rng.random(n) < 1 / (1 + np.exp(-np.maximum(odds, -6) - shift))
    given = rng.integers(0, 3, n)
    doubt = 1 / (1 + np.exp(-odds))
    posterior = np.zeros((n, 3), dtype=np.float32)
    posterior[np.arange(n), given] = 1 - doubt
    posterior[np.arange(n), (given + 1) % 3] = doubt
    ranking = Ranking(
        [f"{i:04d}.jpg" for i in range(n)],
        ["train"] * n,
        [CLASSES[code] for code in given],
        classes=CLASSES,
        posterior=posterior,
        predicted=posterior,
        signals={"pooled": doubt, "loss": doubt},
        features={"log_odds": odds},
        model="made",
    )
    return ranking, wrong


def decide(ranking: Ranking, wrong: np.ndarray, n: int) -> dict[str, bool]:
    return {name: bool(wrong[ranking.row(name)]) for name in ranking.order()[:n].tolist()}


def width(count: tuple[float, int, int]) -> int:
    return count[2] - count[1]


def test_the_basis_is_one_at_the_knots_and_says_nothing_of_the_place_at_the_end() -> None:
    phi = basis(np.array(KNOTS), places_of(np.array(KNOTS)))
    np.testing.assert_allclose(phi[:, : len(KNOTS)], np.eye(len(KNOTS)))
    assert phi.shape[1] == SIZE
    assert phi[0, len(KNOTS) :].sum() == 0  # the least suspicious of all
    assert phi[-1, len(KNOTS) :].sum() == pytest.approx(1)
    assert SHARES[-1] == 1


def test_the_kinds_of_noise_that_come_with_the_package_are_probable_and_narrow_enough_to_be_used() -> None:
    prior = shipped_prior()
    assert sum(kind.weight for kind in prior.kinds) == pytest.approx(1, abs=1e-3)
    for kind in prior.kinds:
        assert kind.covariance.shape == (SIZE, SIZE)
        assert np.linalg.eigvalsh(kind.covariance).min() > 0
        assert kind.mean.shape[1] == SIZE


def test_before_any_decision_the_interval_is_wide_and_nothing_rises_down_the_order() -> None:
    ranking, wrong = made()
    scores = first_probability(ranking)[[ranking.row(name) for name in ranking.order()]]
    assert (np.diff(scores) <= 0).all()
    assert ((scores > 0) & (scores < 1)).all()
    count = Posterior(ranking, {}).count(ranking.names)
    assert count.low <= wrong.sum() <= count.high
    assert count.high > 3 * max(1, count.low)


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_decisions_narrow_the_interval_and_move_it_to_the_truth(shift: float) -> None:
    ranking, wrong = made(shift=shift)
    before = Posterior(ranking, {})
    decided = decide(ranking, wrong, 120)
    after = Posterior(ranking, decided)
    left = [name for name in ranking.names if name not in decided]
    true = sum(wrong[ranking.row(name)] for name in left)
    assert (after.decisions, after.errors) == (120, sum(decided.values()))
    assert width(after.count(left)) < 0.7 * width(before.count(left))
    assert after.count(left).low <= true <= after.count(left).high
    assert 0.5 < after.count(left).point / true < 2
    assert sum(after.kinds.values()) == pytest.approx(1)


def test_one_page_is_enough_to_be_learnt_from() -> None:
    ranking, _ = made(seed=1)
    named = ranking.order()[24:48].tolist()
    all_right = Posterior(ranking, dict.fromkeys(ranking.order()[:24].tolist(), False))
    all_wrong = Posterior(ranking, dict.fromkeys(ranking.order()[:24].tolist(), True))
    assert all_right.count(named).point < 0.3 * all_wrong.count(named).point


def test_random_images_tell_of_what_nobody_would_have_looked_at() -> None:
    ranking, _ = made()
    rows = np.random.default_rng(3).permutation(len(ranking))[:150]
    many = Posterior(ranking, {ranking.names[row]: bool(row % 5 == 0) for row in rows})
    none = Posterior(ranking, {ranking.names[row]: False for row in rows})
    left = [name for row, name in enumerate(ranking.names) if row not in set(rows.tolist())]
    assert many.count(left).low > 45
    assert none.count(left).high < 25


def test_draws_and_counts_agree_and_are_the_same_again() -> None:
    ranking, wrong = made()
    decided = decide(ranking, wrong, 48)
    one, other = Posterior(ranking, decided), Posterior(ranking, decided)
    names = [name for name in ranking.order().tolist() if name not in decided][:100]
    count = one.count(names)
    assert count == other.count(names)
    rows = [ranking.row(name) for name in names]
    drawn = one.draw(400)[:, rows].sum(axis=1)
    assert np.quantile(drawn, 0.25) <= count.point <= np.quantile(drawn, 0.75)
    assert drawn.mean() == pytest.approx(one.probability[rows].sum(), rel=0.15)
    assert 0 <= count.low <= count.high <= 100


def test_images_whose_groups_were_decided_on_are_as_probably_wrong_as_the_draws_say() -> None:
    ranking, _ = made(90, seed=5)
    given, posterior = ranking.codes, ranking.posterior.copy()
    rows = np.arange(0, 90, 3)  # else all images of a class would look like the same other class
    posterior[rows, (given[rows] + 2) % 3] = posterior[rows, (given[rows] + 1) % 3]
    posterior[rows, (given[rows] + 1) % 3] = 0
    varied = Ranking(
        ranking.names,
        ranking.splits,
        ranking.given,
        classes=CLASSES,
        posterior=posterior,
        predicted=posterior,
        signals=ranking.signals,
        features=ranking.features,
        model="made",
    )
    pair = np.flatnonzero((given == 1) & (varied.suggested == 2))
    learnt = Posterior(varied, {varied.names[row]: True for row in pair})
    apart = np.abs(learnt.probability - learnt.draw(20_000).mean(axis=0))
    assert apart.mean() < 0.004  # 0.007 and more without any part of the variance


def test_many_images_are_weighed_block_by_block_and_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    ranking, wrong = made()
    decided = decide(ranking, wrong, 48)
    whole = Posterior(ranking, decided).probability
    monkeypatch.setattr("cleaner.ranking.posterior._BLOCK", 70)
    np.testing.assert_allclose(Posterior(ranking, decided).probability, whole, rtol=1e-5)


def test_many_images_are_counted_by_a_part_of_them() -> None:
    ranking, wrong = made(20_000)
    count = Posterior(ranking, decide(ranking, wrong, 240)).count(ranking.order()[240:].tolist())
    assert count.low <= wrong.sum() <= count.high + 240
    assert count.low < count.point < count.high


def test_unlabelled_unknown_and_confirmed_images_are_passed_over() -> None:
    ranking, _ = made(60)
    odds = ranking.features["log_odds"].copy()
    odds[0], odds[1] = np.nan, -69
    part = Ranking(
        ranking.names,
        ranking.splits,
        [None, *ranking.given[1:]],
        classes=CLASSES,
        posterior=ranking.posterior,
        predicted=ranking.predicted,
        signals=ranking.signals,
        features={"log_odds": odds},
        model="made",
    )
    decided = {"0000.jpg": True, "0001.jpg": True, "elsewhere.jpg": True, "0002.jpg": False}
    posterior = Posterior(part, decided)
    assert (posterior.decisions, posterior.errors) == (1, 0)
    assert np.isnan(posterior.probability[0])
    assert posterior.probability[1] == 0
    assert posterior.count(["0000.jpg", "0001.jpg", "elsewhere.jpg"]) == (0, 0, 0)
    empty = Posterior(ranking.at(np.arange(0), names=[], given=[], classes=CLASSES), decided)
    assert (empty.decisions, empty.count(["0000.jpg"]), len(empty.probability)) == (0, (0, 0, 0), 0)


def test_draws_of_single_labels_add_up_to_those_of_numbers() -> None:
    ranking, wrong = made()
    decided = decide(ranking, wrong, 48)
    posterior = Posterior(ranking, decided)
    drawn = posterior.draw(4000)
    assert drawn.shape == (4000, len(ranking))
    rest = [name for name in ranking.names if name not in decided]
    among = drawn[:, [ranking.row(name) for name in rest]].sum(axis=1)
    count = posterior.count(rest)
    low, quarter, upper = np.quantile(among, (0.05, 0.25, 0.75))  # the tail above is long, and varies a lot
    assert count.low == pytest.approx(low, rel=0.25)
    assert quarter < count.point < upper

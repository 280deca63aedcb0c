"""The mean over kinds of noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import average_precision_score
from test_ranking import Set

from cleaner.ranking import rank
from cleaner.ranking.ensemble import Evidence, Pool
from cleaner.ranking.kinds import Judgement, believe, likeness, merge, share_alike
from cleaner.ranking.noise import symmetric_noise


def alike(n: int, seed: int, share: float) -> Set:
    """Eight classes in pairs that look alike; one of each pair is often called the other."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 8, n)
    centres = rng.normal(size=(8, 24))
    centres[1::2] = centres[::2] + 0.75 * rng.normal(size=(4, 24))
    given = np.where((truth % 2 == 0) & (rng.random(n) < share), truth + 1, truth)
    classes = np.array([f"c{i}" for i in range(8)], dtype=object)
    vectors = centres[truth] + 1.1 * rng.normal(size=(n, 24))
    names = np.array([f"{i:04d}.jpg" for i in range(n)], dtype=object)
    splits = np.full(n, "train", dtype=object)
    hashes = [f"h{i}" for i in range(n)]
    return Set(names, classes[given], splits, vectors.astype(np.float32), hashes, classes[truth])


@pytest.mark.parametrize("n", [80, 200])
def test_small_sets_with_biased_errors_are_ranked_no_worse_than_by_one_signal(n: int) -> None:
    found: dict[str, list[float]] = {}
    for seed in range(6):
        made = alike(n, seed, 0.35)
        wrong = made.labels != made.truth
        ranking = rank(made, made)
        for by in ("pooled", "loss", "normalized_margin"):
            found.setdefault(by, []).append(average_precision_score(wrong, ranking.signals[by]))
    pooled, loss, margin = (np.mean(values) for values in found.values())
    assert pooled >= max(loss, margin) - 0.01


def pool_of(likelihood: np.ndarray, p: np.ndarray, posterior: np.ndarray) -> Pool:
    k = p.shape[1]
    evidence = Evidence((np.log(p),), (), np.arange(len(p)) % 5)
    unseen = np.zeros((0, k + 1), dtype=np.float32)
    return Pool(p, posterior, symmetric_noise(k), np.ones(1), likelihood, evidence, unseen)


def two_kinds(n: int, gain: float) -> Judgement:
    """Return the mean over two kinds, the second of which explains every label better by ``gain`` nats."""
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(3), n).astype(np.float32)
    posterior = np.concatenate([p, np.zeros((n, 1), dtype=np.float32)], axis=1)
    base = rng.normal(size=n)
    pools = {
        "even": pool_of(base, p, posterior),
        "pairs": pool_of(base + gain + rng.normal(size=n), p, posterior),
    }
    codes = rng.integers(0, 3, n)
    return believe(pools, np.log(p), codes, np.zeros(n, dtype=bool), codes)


def test_the_weights_of_the_kinds_sum_to_one_and_move_to_what_explains_the_labels() -> None:
    small, large = two_kinds(60, 0.1), two_kinds(6000, 0.1)
    for judgement in (small, large):
        assert sum(judgement.weights.values()) == pytest.approx(1)
        np.testing.assert_allclose(judgement.posterior.sum(axis=1), 1, rtol=1e-5)
    assert small.weights["even"] > 0.05
    assert large.weights["pairs"] > 0.95
    assert large.weights["even"] < 1e-3
    assert two_kinds(6000, -0.1).weights["even"] > 0.95


def test_what_labels_cannot_show_counts_less_in_a_large_set_and_nothing_with_one_class() -> None:
    shares = [share_alike(n, 10) for n in (60, 400, 4000, 100_000)]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.8
    assert shares[-1] < 0.01
    assert share_alike(60, 1) == 0


def test_likeness_is_what_heads_see_in_images_called_something_else() -> None:
    p = np.array([[0.7, 0.3, 0.0], [0.0, 1.0, 0.0]], dtype=np.float32)[np.arange(200) % 2]
    S = likeness(p, np.arange(200) % 2)
    np.testing.assert_allclose(np.diag(S), 0)
    np.testing.assert_allclose(S.sum(axis=1), 1)
    assert S[0, 1] > 0.95
    np.testing.assert_allclose(S[1], [0.5, 0, 0.5])  # nothing is known
    np.testing.assert_allclose(S[2], [0.5, 0.5, 0])


def test_labels_known_to_be_right_and_missing_labels_are_left_as_the_pools_have_them() -> None:
    rng = np.random.default_rng(1)
    p = rng.dirichlet(np.ones(3), 30).astype(np.float32)
    posterior = np.concatenate([p, np.zeros((30, 1), dtype=np.float32)], axis=1)
    codes = rng.integers(0, 3, 30)
    codes[:5] = -1
    sure = np.arange(30) >= 25
    pools = {"even": replace(pool_of(np.zeros(25), p, posterior), unseen=posterior[25:])}
    judgement = believe(pools, np.log(p), codes, sure, codes)
    np.testing.assert_array_equal(judgement.posterior[:5], posterior[:5])
    np.testing.assert_array_equal(judgement.posterior[25:], posterior[25:])
    assert (judgement.posterior[5:25] != posterior[5:25]).any()
    assert (judgement.unseen != posterior[25:]).any()


def test_judgements_by_several_folds_are_averaged() -> None:
    one, two = two_kinds(60, 0.1), two_kinds(60, -0.1)
    both = merge([one, two])
    np.testing.assert_allclose(both.posterior, (one.posterior + two.posterior) / 2, rtol=1e-6)
    assert sum(both.weights.values()) == pytest.approx(1)
    assert merge([one]) is one

"""Heads, neighbours, noise matrix and pool: the numbers behind a ranking."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from cleaner.errors import Cancelled, RankingError
from cleaner.ranking.crossfit import CrossFit, plan_folds
from cleaner.ranking.ensemble import Evidence, fit_pool
from cleaner.ranking.features import FeatureMap, unit_length
from cleaner.ranking.folds import join_units, make_folds, units_of
from cleaner.ranking.heads import LinearHead, fit_heads, log_softmax, softmax
from cleaner.ranking.neighbours import find_voters
from cleaner.ranking.noise import anchor_noise, estimate_noise, soft_counts, symmetric_noise
from cleaner.ranking.originals import log_odds
from cleaner.util.progress import Reporter


def cloud(n: int = 200, k: int = 3, d: int = 6, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, k, n)
    X = unit_length(2 * np.eye(k, d)[codes] + rng.normal(size=(n, d)))
    return X, codes


def one_hot(codes: np.ndarray, k: int) -> np.ndarray:
    return np.eye(k, dtype=np.float32)[codes]


def objective(W, X, evidence, weights, l2):
    W = W.reshape(X.shape[1] + 1, evidence.shape[1]).astype(np.float64)
    z = X @ W[:-1] + W[-1]
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    nll = -np.log((p * evidence).sum(axis=1))
    return (nll * weights).sum() / weights.sum() + l2 / 2 * (W[:-1] ** 2).sum()


@pytest.mark.parametrize("noisy", [False, True])
def test_heads_fitted_together_reach_the_optimum_that_scipy_finds_for_each(noisy: bool) -> None:
    X, codes = cloud()
    evidence = symmetric_noise(3, 0.2).T[:, codes].T.astype(np.float32) if noisy else one_hot(codes, 3)
    weights = np.random.default_rng(1).random((2, len(X))).astype(np.float32)
    fits = fit_heads(X, evidence, weights, l2=[0.01, 0.03], max_passes=200, tolerance=1e-6)
    for f, l2 in enumerate((0.01, 0.03)):
        found = objective(fits.W[f], X, evidence, weights[f], l2)
        start = np.zeros(fits.W[f].size)
        best = minimize(objective, start, args=(X, evidence, weights[f], l2), tol=1e-9).fun
        assert found == pytest.approx(best, abs=2e-4)


def test_a_fit_that_starts_from_an_earlier_one_needs_no_more_passes() -> None:
    X, codes = cloud()
    weights = np.ones((1, len(X)), dtype=np.float32)
    first = fit_heads(X, one_hot(codes, 3), weights, l2=0.01, max_passes=200)
    again = fit_heads(X, one_hot(codes, 3), weights, l2=0.01, start=first.W, max_passes=200)
    assert again.passes <= 2
    np.testing.assert_allclose(again.W, first.W, atol=1e-4)


def test_a_fit_stops_on_request() -> None:
    class Impatient(Reporter):
        def should_stop(self) -> bool:
            return True

    X, codes = cloud()
    with pytest.raises(Cancelled):
        fit_heads(X, one_hot(codes, 3), np.ones((1, len(X)), dtype=np.float32), reporter=Impatient())


@pytest.mark.parametrize("d", [6, 400])
def test_a_linear_head_learns_and_gives_probabilities(d: int) -> None:
    X, codes = cloud(600, d=d)
    names = np.array(["a", "b", "c"], dtype=object)
    head = LinearHead.fit(X[:400], names[codes[:400]], ["a", "b", "c", "never seen"])
    p = head.predict_proba(X[400:] * 7)  # the length of an embedding does not matter
    assert head.weight.shape == (d, 4)
    assert p.sum(axis=1) == pytest.approx(np.ones(200), abs=1e-5)
    assert (p.argmax(axis=1) == codes[400:]).mean() > (0.7 if d == 6 else 0.4)
    assert p[:, 3].max() < 1e-6


def test_a_label_outside_the_classes_is_named() -> None:
    X, _ = cloud(3)
    with pytest.raises(RankingError) as caught:
        LinearHead.fit(X, ["a", "kat", "a"], ["a", "b"])
    assert str(caught.value) == "Got labels ['kat'] that are not among the 2 classes. Add them."


def test_reduced_features_keep_the_geometry_and_forgive_broken_rows() -> None:
    rng = np.random.default_rng(0)
    X = np.abs(rng.normal(size=(80, 300))).astype(np.float32)
    learn = np.ones(80, dtype=bool)
    Z = FeatureMap.fit(X, learn)(X)
    root = np.sqrt(X)
    full = unit_length(root - root.mean(axis=0))
    np.testing.assert_allclose(Z @ Z.T, full @ full.T, atol=1e-4)
    X[3] = np.nan
    learn[3] = False
    assert np.isfinite(FeatureMap.fit(X, learn)(X)).all()


def test_features_with_negative_values_stay_linear() -> None:
    X = np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32)
    np.testing.assert_allclose(
        FeatureMap.fit(X, np.ones(50, dtype=bool))(X), unit_length(X - X.mean(axis=0)), atol=1e-6
    )


@pytest.mark.parametrize("n", [60, 2500])  # with and without the short cut for long rows
def test_voters_are_the_nearest_others_and_never_copies(n: int) -> None:
    rng = np.random.default_rng(0)
    Z = unit_length(rng.normal(size=(n, 8)))
    Z[1] = Z[0]
    units = units_of(["same", "same", *range(n - 2)])
    learn = np.arange(n) % 10 != 5
    voters = find_voters(Z, units, learn, k=10)
    S = Z @ Z.T
    S[:, ~learn] = -9
    S[np.arange(n), np.arange(n)] = -9
    S[0, 1] = S[1, 0] = -9
    expected = -np.sort(-S, axis=1)[:, :10]
    np.testing.assert_allclose(voters.similarity, expected, atol=1e-5)
    assert voters.weights.sum(axis=1) == pytest.approx(np.ones(n), abs=1e-5)


def kinds(n: int, width: int = 32) -> np.ndarray:
    """Rows of length 1 in forty clusters."""
    rng = np.random.default_rng(3)
    centres = rng.normal(size=(40, width))
    return unit_length(centres[rng.integers(0, 40, n)] + 0.6 * rng.normal(size=(n, width)))


def test_of_many_images_nearly_all_voters_are_found_and_no_copy() -> None:
    Z, n = kinds(6000), 6000
    Z[1] = Z[0]
    units = units_of(["same", "same", *range(n - 2)])
    learn = np.arange(n) % 10 != 5
    exact = find_voters(Z, units, learn, k=10)
    quick = find_voters(Z, units, learn, k=10, exact_rows=100)
    hits = [len(set(a) & set(b)) for a, b in zip(exact.rows.tolist(), quick.rows.tolist(), strict=True)]
    assert np.mean(hits) > 9.5
    assert quick.weights.sum(axis=1) == pytest.approx(np.ones(n), abs=1e-5)
    assert learn[quick.rows].all()
    assert 1 not in quick.rows[0]
    assert not (quick.rows == np.arange(n)[:, None]).any()
    again = find_voters(Z, units, learn, k=10, exact_rows=100)
    np.testing.assert_array_equal(quick.rows, again.rows)


def test_voters_among_images_without_features_are_none_the_less_found() -> None:
    Z = np.zeros((300, 8), dtype=np.float32)
    voters = find_voters(Z, np.arange(300), np.ones(300, dtype=bool), k=5, exact_rows=100)
    assert np.isfinite(voters.weights).all()
    assert not (voters.rows == np.arange(300)[:, None]).any()


def test_votes_are_shares_of_the_labels_among_the_voters() -> None:
    Z = unit_length(np.array([[1, 0], [1, 0.1], [1, -0.1], [0, 1]]))
    voters = find_voters(Z, np.arange(4), np.ones(4, dtype=bool), k=2)
    votes = voters.votes(np.array([0, 1, 2, 2]), 3)
    assert votes[0] == pytest.approx([0, 0.5, 0.5], abs=1e-4)


def test_folds_are_even_within_classes_and_never_divide_copies() -> None:
    codes = np.repeat([0, 1, 2], [50, 20, 7])
    units = units_of([f"h{i // 2}" for i in range(77)])
    folds = make_folds(codes, units, seed=1)
    assert (folds[0:76:2] == folds[1:77:2]).all()
    counts = np.bincount(folds, minlength=5)
    assert counts.max() - counts.min() <= 3
    assert (make_folds(codes, units, seed=2) != folds).any()


def test_units_are_joined_by_chains_through_all_arrays() -> None:
    copies = units_of(["a", "b", "c", "b", "d", "e"])
    near = np.array([9, 9, 5, 4, 5, 1])
    assert join_units(copies, near).tolist() == [0, 0, 2, 0, 2, 5]
    assert join_units(copies).tolist() == copies.tolist()


def test_copies_outside_the_folds_are_judged_by_the_fold_of_their_twin() -> None:
    codes = np.zeros(20, dtype=np.int64)
    units = units_of([*[f"h{i}" for i in range(19)], "h3"])
    learn = np.arange(20) < 18
    folds, judges = plan_folds(codes, units, learn, seed=0)
    assert folds[18] == folds[19] == -1
    assert judges[18] == -1
    assert judges[19] == folds[3]


def test_a_class_that_a_head_never_saw_gets_its_share_of_all_images() -> None:
    X, codes = cloud(99)
    codes[0] = 3  # the only one
    folds, judges = plan_folds(codes, np.arange(99), np.ones(99, dtype=bool), seed=0)
    heads = CrossFit(X, codes, folds, judges, np.zeros(99, dtype=bool), 4).fit()
    assert np.exp(heads.out_of_fold()[0, 3]) == pytest.approx(1 / 99, rel=0.02)


def noisy_labels(T: np.ndarray, n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    true = rng.integers(0, len(T), n)
    given = np.array([rng.choice(len(T), p=T[c]) for c in true])
    return true, given


def counts_of(true: np.ndarray, given: np.ndarray, k: int) -> np.ndarray:
    return soft_counts(one_hot(true, k), given, k)


def test_soft_counts_add_up_what_is_known_of_each_image() -> None:
    q = np.array([[0.5, 0.5], [1, 0], [0.25, 0.75]], dtype=np.float32)
    np.testing.assert_allclose(soft_counts(q, np.array([1, 1, 0]), 3), [[0.25, 1.5, 0], [0.75, 0.5, 0]])


def test_evenly_spread_errors_give_a_symmetric_matrix() -> None:
    true, given = noisy_labels(symmetric_noise(5, 0.2).T, 2000)
    noise = estimate_noise(counts_of(true, given, 5), np.bincount(given))
    off = noise.T[~np.eye(5, dtype=bool)]
    assert off.max() / off.min() < 1.5
    assert noise.concentration > 100
    assert noise.T.sum(axis=1) == pytest.approx(np.ones(5))


def test_strong_pairs_are_found_and_believed() -> None:
    T = np.eye(5)
    T[0, 1], T[0, 0] = 0.3, 0.7
    T[2, 3], T[2, 2] = 0.2, 0.8
    true, given = noisy_labels(T, 2000)
    noise = estimate_noise(counts_of(true, given, 5), np.bincount(given))
    np.testing.assert_allclose(noise.T, T, atol=0.06)
    assert noise.concentration < 10


def test_a_popular_wrong_label_is_expected_of_classes_without_errors_too() -> None:
    T = 0.9 * np.eye(6) + 0.005
    T[:, 4] += 0.07
    T /= T.sum(axis=1, keepdims=True)
    true, given = noisy_labels(T, 3000)
    keep = (true != 0) | (given == 0)
    noise = estimate_noise(counts_of(true[keep], given[keep], 6), np.bincount(given[keep], minlength=6))
    assert noise.T[0, 4] > 3 * noise.T[0, [1, 2, 3, 5]].max()


def test_anchors_show_strong_noise_that_heads_take_for_ambiguity() -> None:
    given = np.array([0.6, 0.4, 0.0])
    p = np.array([given, [0, 1, 0], [0, 0, 1]], dtype=np.float32)[np.arange(300) % 3]
    np.testing.assert_allclose(anchor_noise(p).T, [given, [0, 1, 0], [0, 0, 1]], atol=1e-6)


def calibrated_model(n: int, k: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Log probabilities, sharp for most images, and true classes drawn from them."""
    rng = np.random.default_rng(seed)
    p = softmax((8 * rng.normal(size=(n, k))).astype(np.float32))
    return log_softmax(np.log(p + 1e-9)), (p.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)


def test_the_pool_finds_the_noise_and_its_scores_are_calibrated() -> None:
    k = 4
    T = 0.85 * np.eye(k) + 0.15 * np.roll(np.eye(k), 1, axis=1)
    model, true = calibrated_model(6000, k)
    rng = np.random.default_rng(2)
    given = np.where(rng.random(6000) < 0.15, (true + 1) % k, true)
    blurred = log_softmax(0.3 * model)  # a wrong temperature is put right
    pool = fit_pool(Evidence((blurred,), (), np.arange(6000) % 5), given)
    np.testing.assert_allclose(pool.noise.T, T, atol=0.03)
    assert pool.weights == pytest.approx([1 / 0.3], rel=0.15)
    score = 1 / (1 + np.exp(-log_odds(pool.posterior, given)))
    for low, high in ((0, 0.1), (0.1, 0.5), (0.5, 0.9), (0.9, 1)):
        inside = (score >= low) & (score <= high)
        assert (true != given)[inside].mean() == pytest.approx(score[inside].mean(), abs=0.06)


def test_a_model_that_knows_nothing_gets_no_weight() -> None:
    model, true = calibrated_model(2000, 4)
    nonsense, _ = calibrated_model(2000, 4, seed=5)
    pool = fit_pool(Evidence((model, nonsense), (), np.arange(2000) % 5), true)
    assert pool.weights[1] < 0.05 * pool.weights[0]


def test_votes_are_read_through_what_neighbours_are_called() -> None:
    """Half of the zeros are called one, and so are their neighbours: such a vote speaks for zero."""
    rng = np.random.default_rng(0)
    true = rng.integers(0, 3, 1500)
    flat = np.zeros((1500, 3), dtype=np.float32) - np.log(3).astype(np.float32)
    votes = one_hot(true, 3)
    votes[true == 0] = [0.55, 0.45, 0]
    given = np.where((true == 0) & (rng.random(1500) < 0.45), 1, true)
    lean = log_softmax(flat + 0.5 * one_hot(true, 3))
    pool = fit_pool(Evidence((lean,), (votes,), np.arange(1500) % 5), given)
    assert (pool.predicted.argmax(axis=1) == true).mean() > 0.99


def test_known_labels_are_certain_and_show_the_noise() -> None:
    k = 3
    T = np.array([[0.7, 0.3, 0], [0, 1, 0], [0, 0, 1.0]])
    true, given = noisy_labels(T, 900)
    sure = np.arange(900) < 450
    codes = np.where(sure, true, given)
    flat = np.zeros((900, k), dtype=np.float32) - np.log(k).astype(np.float32)
    lean = log_softmax(flat + one_hot(true, k))
    pool = fit_pool(Evidence((lean,), (), np.arange(900) % 5), codes, sure=sure, origin=given)
    assert pool.noise.T[0, 1] == pytest.approx(0.3, abs=0.1)
    np.testing.assert_array_equal(pool.posterior[sure][:, :k], one_hot(true, k)[sure])


def test_log_odds_do_not_saturate() -> None:
    posterior = np.array([[1 - 1e-7, 1e-12], [1e-12, 1]], dtype=np.float32)
    odds = log_odds(posterior, np.array([0, 0]))
    assert odds == pytest.approx([np.log(1e-12), np.log(1e12)], rel=1e-3)
    assert np.isnan(log_odds(posterior, np.array([-1, 0]))[0])

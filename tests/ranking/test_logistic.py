"""Logistic regression with a normal prior."""

from __future__ import annotations

import numpy as np
import pytest

from cleaner.ranking.logistic import fit_logistic, logit, precision_of, shares_of, sigmoid


def made(n: int = 4000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    columns = np.stack([np.ones(n), rng.normal(size=n)], axis=1)
    effects = np.array([-1.0, 2.0])
    return columns, (rng.random(n) < sigmoid(columns @ effects)).astype(float), effects


def test_with_many_decisions_the_effects_are_found_and_the_covariance_says_how_well() -> None:
    columns, wrong, effects = made()
    found = fit_logistic(columns, wrong, precision_of(np.full(2, 10.0)))
    off = found.mean - effects
    assert off @ found.precision @ off < 9.2  # chi-square, 99 %
    np.testing.assert_allclose(found.root @ found.root.T, found.covariance, atol=1e-6)


def test_without_decisions_the_prior_stays() -> None:
    centre, precision = np.array([1.0, -2.0]), precision_of(np.array([0.5, 2.0]))
    found = fit_logistic(np.zeros((0, 2)), np.zeros(0), precision, centre=centre)
    np.testing.assert_allclose(found.mean, centre)
    np.testing.assert_allclose(found.covariance, np.diag([0.25, 4.0]))
    assert found.evidence == pytest.approx(0)


def test_a_row_that_counts_twice_is_like_two_rows_and_an_offset_is_known() -> None:
    columns, wrong, _ = made(200)
    precision = precision_of(np.ones(2))
    twice = fit_logistic(np.tile(columns, (2, 1)), np.tile(wrong, 2), precision)
    counted = fit_logistic(columns, wrong, precision, counts=np.full(200, 2.0))
    np.testing.assert_allclose(counted.mean, twice.mean)
    assert counted.evidence == pytest.approx(twice.evidence)
    known = fit_logistic(columns[:, 1:], wrong, precision[1:, 1:], offset=np.full(200, twice.mean[0]))
    assert known.mean[0] == pytest.approx(twice.mean[1], abs=0.1)


def test_the_evidence_is_the_marginal_likelihood() -> None:
    columns, wrong, _ = made(30)
    sd = 1.5
    found = fit_logistic(columns[:, 1:], wrong, precision_of(np.array([sd])))
    grid = np.linspace(-12, 12, 4001)
    eta = columns[:, 1:] * grid
    likelihood = np.exp((wrong[:, None] * eta - np.logaddexp(0, eta)).sum(axis=0) - 0.5 * (grid / sd) ** 2)
    exact = np.log(likelihood.sum() * (grid[1] - grid[0]) / (sd * np.sqrt(2 * np.pi)))
    assert found.evidence == pytest.approx(exact, abs=0.05)


def test_even_decisions_that_nothing_expected_are_fitted() -> None:
    columns = np.full((50, 1), 40.0)
    found = fit_logistic(columns, np.zeros(50), precision_of(np.array([5.0])), start=np.array([5.0]))
    assert found.mean[0] < 0


def test_shares_follow_the_evidence_and_log_odds_come_back() -> None:
    np.testing.assert_allclose(shares_of(np.log([1.0, 3.0]), np.array([0.5, 0.5])), [0.25, 0.75])
    assert np.isnan(logit(np.array([np.nan]))).all()
    np.testing.assert_allclose(sigmoid(logit(np.array([0.02, 0.5]))), [0.02, 0.5])

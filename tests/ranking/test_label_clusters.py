"""Which suspicious images lie together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from test_ranking import clusters

from cleaner.ranking import Ranking, rank, rank_probabilities
from cleaner.ranking.clusters import LEAST_PROBABLE, Clusters
from cleaner.ranking.renaming import under_present_names


def two_bunches(each: int) -> np.ndarray:
    """Return features of two bunches that point in opposite directions."""
    rng = np.random.default_rng(0)
    centre = np.zeros(8)
    centre[0] = 3
    return np.concatenate([c + rng.normal(size=(each, 8)) * 0.3 for c in (centre, -centre)]).astype(
        np.float32
    )


def test_what_lies_together_is_one_cluster_and_what_lies_apart_is_two() -> None:
    n = 10
    labels = np.zeros(2 * n, dtype=np.int64)
    found = Clusters.find(two_bunches(n), labels, labels + 1, np.full(2 * n, 0.9))
    assert len(set(found.number[:n])) == len(set(found.number[n:])) == 1
    assert found.number[0] != found.number[n]
    # The leaves of a tree keep its branches together.
    assert abs(found.place[:n].mean() - found.place[n:].mean()) == n


def test_only_images_of_one_pair_of_labels_with_a_probable_suggestion_join() -> None:
    features = np.ones((8, 4), dtype=np.float32)
    labels = np.array([0, 0, 0, 0, 1, 1, -1, 0])
    suggested = np.array([1, 1, 2, 2, 0, 0, 1, -1])
    probable = np.array([0.9, 0.9, 0.9, LEAST_PROBABLE / 2, 0.9, 0.9, 0.9, 0.9])
    number = Clusters.find(features, labels, suggested, probable).number
    assert number.tolist() == [0, 0, -1, -1, 1, 1, -1, -1]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 40), st.integers(0, 2**32 - 1))
def test_a_cluster_never_mixes_pairs_and_places_are_a_permutation(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels, suggested = rng.integers(-1, 3, n), rng.integers(-1, 3, n)
    found = Clusters.find(rng.normal(size=(n, 5)).astype(np.float32), labels, suggested, rng.random(n))
    for number in set(found.number.tolist()) - {-1}:
        assert (
            len({*zip(labels[found.number == number], suggested[found.number == number], strict=True)}) == 1
        )
    for pair in {*zip(labels.tolist(), suggested.tolist(), strict=True)}:
        rows = np.flatnonzero((labels == pair[0]) & (suggested == pair[1]) & (found.number >= 0))
        assert sorted(found.place[rows].tolist()) == list(range(len(rows)))


def test_clusters_are_saved_and_a_ranking_without_them_is_read(tmp_path: Path) -> None:
    made = clusters(400, wrong=0.2)
    ranking = rank(made, made)
    assert ranking.clusters is not None
    assert (ranking.clusters.number >= 0).any()
    back = Ranking.load(ranking.save(tmp_path / "one")).clusters
    assert back is not None
    np.testing.assert_array_equal(back.number, ranking.clusters.number)
    np.testing.assert_array_equal(back.place, ranking.clusters.place)
    assert under_present_names(ranking, lambda label: f"new {label}").clusters is ranking.clusters
    ranking.clusters = None
    assert Ranking.load(ranking.save(tmp_path / "two")).clusters is None


def test_probabilities_alone_tell_nothing_of_what_lies_together() -> None:
    made = clusters(40)
    assert rank_probabilities(made, np.full((40, 4), 0.25)).clusters is None  # type: ignore[arg-type]

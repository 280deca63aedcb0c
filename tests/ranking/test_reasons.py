"""What a ranking keeps of each image to say why it stands where it does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from test_ranking import clusters

from cleaner.ranking import Ranking, rank, rank_probabilities
from cleaner.ranking.reasons import NEIGHBOURS
from cleaner.ranking.renaming import under_present_names


def test_neighbours_are_the_nearest_learning_images_without_the_image_and_its_copies() -> None:
    made = clusters()
    made.splits[:40] = "test"
    made.vectors[101] = made.vectors[100]
    made.hashes[101] = made.hashes[100]
    ranking = rank(made, made)
    reasons = ranking.reasons
    assert reasons is not None
    assert reasons.neighbours.shape == (len(made), NEIGHBOURS)
    assert (reasons.neighbours >= 40).all()
    assert not (reasons.neighbours == np.arange(len(made))[:, None]).any()
    assert 101 not in reasons.neighbours[100]
    assert reasons.copies(100) == [101]
    assert reasons.copies(99) == []
    truth = made.truth[reasons.neighbours]
    assert (truth == made.truth[:, None]).mean() > 0.8


def test_the_heads_have_not_seen_the_label() -> None:
    made = clusters(wrong=0.1)
    ranking = rank(made, made)
    reasons = ranking.reasons
    assert reasons is not None
    said = np.array(ranking.classes, dtype=object)[reasons.heads]
    assert (said == made.truth).mean() > 0.95
    assert (reasons.probability > 1 / len(ranking.classes)).all()
    assert (reasons.probability <= 1).all()


def test_a_small_set_has_fewer_neighbours_and_marks_the_missing() -> None:
    made = clusters(12, 2)
    made.hashes[0] = made.hashes[1] = made.hashes[2]
    ranking = rank(made, made)
    assert ranking.reasons is not None
    assert (ranking.reasons.neighbours[0] >= 0).sum() == 9
    assert (ranking.reasons.neighbours[5] >= 0).sum() == 11


def test_reasons_are_saved_and_a_ranking_without_them_is_read(tmp_path: Path) -> None:
    made = clusters(60)
    ranking = rank(made, made)
    back = Ranking.load(ranking.save(tmp_path / "one")).reasons
    assert ranking.reasons is not None
    assert back is not None
    for name, array in ranking.reasons.arrays().items():
        np.testing.assert_array_equal(back.arrays()[name], array)
    file = next((tmp_path / "one").glob("*.npz"))
    with np.load(file) as arrays:
        old = {**arrays, "reason:noise": np.eye(4)}  # what an earlier version saved besides
    np.savez(file, **old)
    assert Ranking.load(tmp_path / "one").reasons is not None
    ranking.reasons = None
    assert Ranking.load(ranking.save(tmp_path / "two")).reasons is None


def test_a_merge_of_classes_keeps_what_still_holds() -> None:
    ranking = rank(made := clusters(60), made)
    assert ranking.reasons is not None
    renamed = under_present_names(ranking, lambda label: f"new {label}").reasons
    assert renamed is ranking.reasons
    merged = under_present_names(ranking, lambda label: "c000" if label == "c001" else label)
    assert merged.reasons is not None
    before = np.array(ranking.classes)[ranking.reasons.heads]
    after = np.array(merged.classes)[merged.reasons.heads]
    np.testing.assert_array_equal(after, np.where(before == "c001", "c000", before))


def test_probabilities_from_elsewhere_are_what_the_model_says() -> None:
    made = clusters(40)
    P = np.full((40, 4), 0.1)
    P[:, 2] = 0.7
    reasons = rank_probabilities(made, P).reasons  # type: ignore[arg-type]
    assert reasons is not None
    assert (reasons.heads == 2).all()
    np.testing.assert_allclose(reasons.probability, 0.7, rtol=1e-5)
    assert reasons.neighbours.shape == (40, 0)

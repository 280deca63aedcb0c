from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cleaner.errors import RankingError
from cleaner.ranking import ORDERINGS, Ranking, rank, rank_probabilities


@dataclass
class Set:
    """A catalog and its embeddings, as far as a ranking looks at them."""

    names: np.ndarray
    labels: np.ndarray
    splits: np.ndarray
    vectors: np.ndarray
    hashes: list[str]
    truth: np.ndarray
    key: str = "made"
    label_sets: None = None

    @property
    def classes(self) -> list[str]:
        return sorted({label for label in self.labels if label is not None})

    def __len__(self) -> int:
        return len(self.names)


@dataclass
class EmbeddingsOf:
    """Embeddings of some images."""

    names: np.ndarray
    vectors: np.ndarray
    hashes: list[str]
    key: str = "made"


def clusters(n: int = 300, k: int = 4, wrong: float = 0.1, *, seed: int = 0, spread: float = 0.6) -> Set:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, n)
    vectors = 2 * np.eye(k, 16)[truth] + spread * rng.normal(size=(n, 16)) + 0.5
    given = truth.copy()
    bad = rng.random(n) < wrong
    given[bad] = (given[bad] + rng.integers(1, k, bad.sum())) % k
    classes = np.array([f"c{i:03d}" for i in range(k)], dtype=object)
    return Set(
        np.array([f"{i:04d}.jpg" for i in range(n)], dtype=object),
        classes[given],
        np.array(["valid" if i % 5 == 0 else "train" for i in range(n)], dtype=object),
        vectors.astype(np.float32),
        [f"h{i}" for i in range(n)],
        classes[truth],
    )


def test_wrong_labels_come_first_and_get_the_right_suggestion() -> None:
    made = clusters()
    ranking = rank(made, made)
    table = ranking.table
    truth = dict(zip(made.names, made.truth, strict=True))
    wrong = table.given_label.to_numpy() != table.name.map(truth).to_numpy()
    first = int(wrong.sum())
    assert wrong[:first].mean() > 0.9
    assert (table.suggested_label == table.name.map(truth))[wrong].mean() > 0.9
    assert list(table.columns) == [
        "name", "split", "given_label", "predicted_label", "probability", "loss", "score", "suggested_label",
    ]  # fmt: skip
    assert table.score.is_monotonic_decreasing
    assert table.score.between(0, 1).all()


def two_views(n: int = 300) -> tuple[Set, EmbeddingsOf, EmbeddingsOf]:
    """Return a set, and how two networks see it: dimly, and each in its own way."""
    made = clusters(n)
    dim = np.random.default_rng(5).normal(scale=1.2, size=(2, *made.vectors.shape)).astype(np.float32)
    some, others = (
        EmbeddingsOf(made.names, made.vectors + noise, made.hashes, name)
        for name, noise in zip(("some", "others"), dim, strict=True)
    )
    return made, some, others


def test_two_networks_find_more_than_each_of_them() -> None:
    made, some, others = two_views()
    wrong = made.labels != made.truth

    def found(*views: EmbeddingsOf) -> float:
        first = rank(made, *views).order()[: wrong.sum()]
        return float(np.isin(first, made.names[wrong]).mean())

    assert found(some, others) > max(found(some), found(others)) + 0.05


def test_an_image_that_one_network_lacks_is_left_out_and_rows_may_be_in_any_order() -> None:
    made, some, others = two_views(120)
    rows = np.arange(119, 4, -1)
    fewer = EmbeddingsOf(others.names[rows], others.vectors[rows], [others.hashes[i] for i in rows], "others")
    ranking = rank(made, some, fewer)
    assert ranking.names == list(made.names[5:])
    P = np.full((120, 4), 0.25, dtype=np.float32)
    assert rank_probabilities(made, P, some, fewer).names == ranking.names
    kept = made.names[5:]
    straight = [EmbeddingsOf(kept, v.vectors[5:], v.hashes[5:], v.key) for v in (some, others)]
    assert rank(made, *straight).model == ranking.model
    np.testing.assert_array_equal(rank(made, *straight).scores, ranking.scores)


def test_the_same_seed_gives_the_same_ranking_and_a_saved_one_is_read_back(tmp_path: Path) -> None:
    made = clusters()
    one, two = rank(made, made, seed=3), rank(made, made, seed=3)
    pd.testing.assert_frame_equal(one.table, two.table)
    assert one.model == two.model
    assert rank(made, made, seed=4).model != one.model
    back = Ranking.load(one.save(tmp_path / "state"))
    pd.testing.assert_frame_equal(back.table, one.table)
    assert back.model == one.model
    for by in ORDERINGS:
        assert back.order(by).tolist() == one.order(by).tolist()
    assert sorted(p.name for p in (tmp_path / "state").iterdir()) == [
        "heads.npz",
        "ranking.csv",
        "ranking.npz",
    ]


def test_unlabelled_images_come_last_with_a_suggestion_and_no_score() -> None:
    made = clusters()
    made.labels[:7] = None
    table = rank(made, made).table
    tail = table.tail(7)
    assert sorted(tail.name) == sorted(made.names[:7])
    assert tail.score.isna().all()
    assert tail.loss.isna().all()
    assert tail.given_label.isna().all()
    truth = dict(zip(made.names, made.truth, strict=True))
    assert (tail.suggested_label == tail.name.map(truth)).mean() > 0.8


def test_test_images_are_ranked_but_teach_nothing() -> None:
    made = clusters()
    made.splits[:] = "train"
    made.splits[200:] = "test"
    before = rank(made, made)
    made.labels[200:] = "c000"
    after = rank(made, made)
    rows = [before.row(n) for n in made.names]
    np.testing.assert_allclose(before.predicted[rows], after.predicted[rows], atol=1e-5)


def test_an_exact_copy_with_another_label_does_not_vouch_for_itself() -> None:
    made = clusters(wrong=0)
    i = int(np.flatnonzero(made.truth == "c000")[0])
    for j in range(3):  # three more copies of one picture, all filed wrongly
        at = int(np.flatnonzero(made.truth == "c001")[j])
        made.vectors[at] = made.vectors[i]
        made.hashes[at] = made.hashes[i]
        made.truth[at] = "c000"
    ranking = rank(made, made)
    copies = [n for n, h in zip(made.names, made.hashes, strict=True) if h == made.hashes[i]]
    assert len(copies) == 4
    assert set(ranking.table.name[:3]) <= set(copies)
    same = [ranking.predicted[ranking.row(n)] for n in copies]
    np.testing.assert_allclose(same, [same[0]] * 4, rtol=1e-5)


def near_twins() -> tuple[Set, list[str], np.ndarray]:
    """Return a set with ten wrong labels, each on two pictures that are nearly the same, and its units."""
    made = clusters(wrong=0, spread=1.2)
    rng = np.random.default_rng(1)
    first = np.flatnonzero(made.truth == "c000")[:10]
    second = np.flatnonzero(made.truth == "c001")[:10]
    made.vectors[second] = made.vectors[first] + 0.01 * rng.normal(size=(10, 16))
    made.truth[second] = "c000"
    made.labels[first] = made.labels[second] = "c001"
    units = np.arange(len(made)) + 7
    units[second] = units[first]
    return made, made.names[np.concatenate([first, second])].tolist(), units


def test_a_near_duplicate_does_not_vouch_for_the_wrong_label_of_its_twin() -> None:
    made, wrong, units = near_twins()
    alone, together = rank(made, made), rank(made, made, units=units)
    before, after = (
        np.array([ranking.signals["pooled"][ranking.row(name)] for name in wrong])
        for ranking in (alone, together)
    )
    assert (after > before).all()
    assert after.mean() > before.mean() + 0.1
    assert together.model != alone.model


def test_units_of_single_images_change_nothing_and_exact_copies_stay_together() -> None:
    made = clusters(wrong=0)
    made.hashes[3] = made.hashes[8]
    plain, alone = rank(made, made), rank(made, made, units=np.arange(len(made)))
    pd.testing.assert_frame_equal(alone.table, plain.table)
    assert alone.model == plain.model


def test_units_are_those_of_the_catalog_whatever_images_have_an_embedding() -> None:
    made, wrong, units = near_twins()
    kept = np.array([i for i, name in enumerate(made.names) if i > 60 or name in wrong])[::-1]
    fewer = EmbeddingsOf(made.names[kept], made.vectors[kept], [made.hashes[i] for i in kept])
    alone, together = rank(made, fewer), rank(made, fewer, units=units)
    assert len(together) == len(kept) < len(made)
    for name in wrong:
        score = together.signals["pooled"][together.row(name)]
        assert score > alone.signals["pooled"][alone.row(name)]


def test_units_that_do_not_fit_are_refused() -> None:
    made = clusters()
    with pytest.raises(RankingError) as caught:
        rank(made, made, units=np.arange(299))
    assert str(caught.value) == (
        "Got units of shape (299,) for 300 images; give one per image of the catalog."
    )


@pytest.mark.parametrize("k", [1, 2])
def test_sets_with_very_few_classes_are_ranked(k: int) -> None:
    made = clusters(40, k, 0)
    table = rank(made, made).table
    assert len(table) == 40
    assert table.score.between(0, 1).all()


def test_images_without_an_embedding_are_left_out() -> None:
    made = clusters()
    part = Set(made.names[5:], made.labels, made.splits, made.vectors[5:], made.hashes[5:], made.truth)
    assert set(rank(made, part).table.name) == set(made.names[5:])


def wrong_of(made: Set) -> np.ndarray:
    return np.array([g is not None and g != t for g, t in zip(made.labels, made.truth, strict=True)])


def found_first(ranking: Ranking, made: Set) -> float:
    """Share of wrong labels among as many first images as there are wrong labels."""
    wrong = dict(zip(made.names, wrong_of(made), strict=True))
    return float(np.mean([wrong[n] for n in ranking.order()[: sum(wrong.values())]]))


def biased(share: float, *, seed: int = 0) -> Set:
    """Two classes that overlap, and many images of the one called the other."""
    made = clusters(600, 4, 0, seed=seed, spread=0.9)
    rng = np.random.default_rng(seed)
    flip = (made.truth == "c000") & (rng.random(600) < share)
    made.labels[flip] = "c001"
    return made


def test_strong_pairs_are_found_where_self_confidence_fails() -> None:
    made = biased(0.4)
    ranking = rank(made, made)
    wrong = dict(zip(made.names, wrong_of(made), strict=True))
    plain = np.mean([wrong[n] for n in ranking.order("self_confidence")[: sum(wrong.values())]])
    assert found_first(ranking, made) > 0.85
    assert found_first(ranking, made) > plain + 0.05


def test_a_model_that_contradicts_every_label_is_believed() -> None:
    made = clusters(300, 3, 0)
    codes = np.array([made.classes.index(label) for label in made.truth])
    made.labels = np.array(made.classes, dtype=object)[(codes + 1) % 3]
    sure = np.eye(3)[codes]
    with np.errstate(all="raise", under="ignore"):
        ranking = rank_probabilities(made, sure)
    assert np.isfinite(ranking.posterior).all()
    truth = dict(zip(made.names, made.truth, strict=True))
    assert list(ranking.table.suggested_label) == [truth[name] for name in ranking.table.name]


def test_what_the_pool_thinks_adds_up_to_the_number_of_even_errors() -> None:
    made = clusters(600, 4, 0.2)
    ranking = rank(made, made)
    assert ranking.signals["pooled"].sum() == pytest.approx(wrong_of(made).sum(), rel=0.1)
    # The score does not know that errors are spread evenly.
    assert ranking.table.score.sum() == pytest.approx(wrong_of(made).sum(), rel=0.4)


def test_classes_of_one_image_and_many_classes_are_ranked() -> None:
    made = clusters(120, 60, 0)
    made.labels[7] = "the only one"
    table = rank(made, made).table
    assert len(table) == 120
    assert table.score.between(0, 1).all()
    assert np.isfinite(table.loss).all()


def test_corrections_make_the_rest_of_biased_errors_easier_to_find() -> None:
    made = biased(0.3, seed=1)
    first = rank(made, made)
    truth = dict(zip(made.names, made.truth, strict=True))
    seen = {n: truth[n] for n in first.order()[:60]}
    again = rank(made, made, labels=seen, trusted=set(seen))
    table = again.table.set_index("name")
    assert table.score[list(seen)].max() < 1e-9
    assert (table.given_label[list(seen)] == list(seen.values())).all()
    wrong = dict(zip(made.names, wrong_of(made), strict=True))
    rest = [n for n in first.order() if n not in seen]
    left = sum(wrong[n] for n in rest)
    before = sum(wrong[n] for n in rest[:left])
    after = sum(wrong[n] for n in [n for n in again.order() if n not in seen][:left])
    assert after >= before


def test_labels_given_replace_those_of_the_catalog() -> None:
    made = clusters()
    fixed = dict(zip(made.names, made.truth, strict=True))
    table = rank(made, made, labels=fixed).table
    assert (table.given_label == table.name.map(fixed)).all()


def test_a_set_without_labels_is_refused_with_a_reason() -> None:
    made = clusters(20)
    made.labels[:] = None
    with pytest.raises(RankingError) as caught:
        rank(made, made)
    assert str(caught.value) == (
        "None of the 20 images with an embedding has a label. Label some images of every class first."
    )


def test_an_unknown_ordering_is_refused_with_the_known_ones() -> None:
    made = clusters(40)
    with pytest.raises(RankingError, match="Got ordering 'nonsense'; expected one of in_sample_loss, "):
        rank(made, made).order("nonsense")


def test_probabilities_from_elsewhere_are_ranked() -> None:
    made = clusters(100)
    probs = np.full((100, 4), 0.1, dtype=np.float32)
    probs[np.arange(100), [int(t[1:]) for t in made.truth]] = 0.7
    table = rank_probabilities(made, probs).table
    truth = dict(zip(made.names, made.truth, strict=True))
    wrong = table.given_label.to_numpy() != table.name.map(truth).to_numpy()
    assert wrong[: wrong.sum()].all()


def test_probabilities_from_elsewhere_are_pooled_with_embeddings() -> None:
    made = clusters(300, spread=0.9)
    rng = np.random.default_rng(1)
    guess = np.array([int(t[1:]) for t in made.truth])
    guess = np.where(rng.random(300) < 0.3, rng.integers(0, 4, 300), guess)
    probs = np.full((300, 4), 0.1, dtype=np.float32)
    probs[np.arange(300), guess] = 0.7
    alone = rank_probabilities(made, probs)
    both = rank_probabilities(made, probs, made)
    assert found_first(both, made) > found_first(alone, made)
    np.testing.assert_allclose(both.signals["loss"], alone.signals["loss"], rtol=1e-4)


def test_probabilities_of_a_wrong_shape_or_sum_are_refused() -> None:
    made = clusters(10)
    with pytest.raises(RankingError) as caught:
        rank_probabilities(made, np.ones((9, 4)) / 4)
    assert str(caught.value) == (
        "Got probabilities of shape (9, 4) for 10 images and 4 classes; "
        "give one row per image (sorted by name) and one column per class (sorted)."
    )
    with pytest.raises(RankingError, match="do not sum to 1"):
        rank_probabilities(made, np.ones((10, 4)))


def test_a_missing_or_broken_saved_ranking_is_named(tmp_path: Path) -> None:
    with pytest.raises(RankingError) as caught:
        Ranking.load(tmp_path)
    assert str(caught.value) == f"There is no ranking in {tmp_path}. Rank the images first."
    (tmp_path / "ranking.npz").write_bytes(b"PK\x03\x04 broken")
    with pytest.raises(RankingError, match="Rank the images again"):
        Ranking.load(tmp_path)


def test_reading_a_saved_ranking_imports_no_heavy_library(tmp_path: Path) -> None:
    made = clusters(40)
    rank(made, made).save(tmp_path)
    code = (
        "import sys; from cleaner.ranking import Ranking; Ranking.load(sys.argv[1]).order('loss');"
        "print([m for m in ('torch', 'sklearn', 'scipy', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"

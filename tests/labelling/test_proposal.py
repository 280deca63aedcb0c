"""What to label next: the order, the suggestions, and the features they are found in."""

from __future__ import annotations

import numpy as np
import pytest

from cleaner.errors import RankingError
from cleaner.labelling.proposal import Proposal, propose
from cleaner.ranking.features import FeatureMap, unit_length


def blobs(
    sizes: tuple[int, ...], *, d: int = 8, spread: float = 0.2, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return rows of length 1 around one axis for each size, and the axis of each."""
    codes = np.repeat(np.arange(len(sizes)), sizes)
    rng = np.random.default_rng(seed)
    return unit_length(np.eye(len(sizes), d)[codes] + spread * rng.normal(size=(len(codes), d))), codes


def named(n: int) -> list[str]:
    return [f"{i:05d}.png" for i in range(n)]


def rows_of(proposal: Proposal) -> list[int]:
    return [int(name[:5]) for name in proposal.names]


@pytest.mark.parametrize("n_labelled", [0, 1, 2, 7, 39, 40])
@pytest.mark.parametrize("first", [0, 3, 240])
def test_every_picture_without_a_label_stands_in_the_order_once(n_labelled: int, first: int) -> None:
    Z, codes = blobs((20, 20))
    drawn = np.random.default_rng(n_labelled).permutation(40)[:n_labelled]
    labels = ["ab"[codes[i]] if i in drawn else None for i in range(40)]

    found = propose(named(40), Z, labels, first=first)

    assert sorted(rows_of(found)) == sorted(set(range(40)) - set(drawn.tolist()))
    assert len(found) == len(found.names) == len(found.suggestion) == len(found.probability)
    assert found.labelled == n_labelled
    assert found.classes == tuple(sorted({label for label in labels if label}))
    if found.has_model:
        assert set(found.suggestion) <= {"a", "b"}
        assert ((found.probability > 0) & (found.probability < 1)).all()
    else:
        assert set(found.suggestion) <= {None}
        assert np.isnan(found.probability).all()


def test_without_labels_each_kind_of_picture_comes_before_a_second_one_of_any() -> None:
    Z, codes = blobs((60, 30, 15, 8))

    order = rows_of(propose(named(len(Z)), Z, [None] * len(Z)))

    assert codes[order[:4]].tolist() == [0, 1, 2, 3]  # the larger the kind, the more typical
    assert [np.linalg.norm(Z[order[:4]][c] - Z[codes == c].mean(axis=0)) for c in range(4)] < [
        np.linalg.norm(Z[codes == c] - Z[codes == c].mean(axis=0), axis=1).mean() for c in range(4)
    ]


def test_what_looks_like_a_labelled_picture_can_wait() -> None:
    Z, codes = blobs((60, 30, 15))
    labels: list[str | None] = [None] * len(Z)
    labels[0] = "known"

    order = rows_of(propose(named(len(Z)), Z, labels))

    assert codes[order[:2]].tolist() == [1, 2]


def test_pictures_at_the_boundary_come_first_and_suggestions_are_right() -> None:
    one_side = np.arange(0.0, 81.0, 2.0)
    angles = np.concatenate([one_side, 180 - one_side, [88.0, 92.0]])
    Z = np.stack([np.cos(np.radians(angles)), np.sin(np.radians(angles))], axis=1).astype(np.float32)
    truth = ["right" if angle < 90 else "left" for angle in angles]
    labels = [side if angle % 8 in (0, 4) else None for side, angle in zip(truth, angles, strict=True)]
    labels[-2:] = [None, None]

    found = propose(named(len(Z)), Z, labels)
    by_doubt = propose(named(len(Z)), Z, labels, first=0)

    for each in (found, by_doubt):
        assert set(rows_of(each)[:2]) == {82, 83}
        assert each.suggestion.tolist() == [truth[i] for i in rows_of(each)]
    assert (np.diff(by_doubt.probability) > -1e-5).all()
    assert by_doubt.probability[0] < 0.6 < 0.95 < by_doubt.probability[-1]


def test_of_uncertain_pictures_the_first_ones_differ() -> None:
    Z, codes = blobs((40, 40), d=6, spread=0.05)
    rng = np.random.default_rng(3)
    # Two groups between the classes, one of them much larger: neither may fill the head of the order.
    middle = np.zeros((2, 6))
    middle[:, :2] = 1
    middle[0, 2], middle[1, 3] = 1.5, 1.5
    between = unit_length(np.repeat(middle, [20, 5], axis=0) + 0.02 * rng.normal(size=(25, 6)))
    labels = [*("ab"[c] if i % 2 else None for i, c in enumerate(codes)), *[None] * 25]

    rows = rows_of(propose(named(105), np.concatenate([Z, between]), labels))

    assert {row - 80 < 20 for row in rows[:2]} == {True, False}
    assert min(rows[:2]) >= 80


def test_one_class_suggests_nothing_yet() -> None:
    Z, _ = blobs((10,))

    found = propose(named(10), Z, ["cat", *[None] * 9])

    assert not found.has_model
    assert (found.classes, found.labelled) == (("cat",), 1)


@pytest.mark.parametrize(("number", "is_early"), [(19, True), (20, False)])
def test_suggestions_are_early_below_twenty_labels_a_class(number: int, is_early: bool) -> None:
    Z, _ = blobs((number, number, 2))
    labels = ["a"] * number + ["b"] * number + [None] * 2
    assert propose(named(len(labels)), Z, labels).is_early is is_early


def test_a_thousand_classes_are_told_apart() -> None:
    rng = np.random.default_rng(0)
    centres = unit_length(rng.normal(size=(1000, 64)))
    codes = np.repeat(np.arange(1000), 3)
    Z = unit_length(centres[codes] + 0.03 * rng.normal(size=(3000, 64)))
    labels = [f"class {c:03d}" if i % 3 < 2 else None for i, c in enumerate(codes)]

    found = propose(named(3000), Z, labels)

    assert len(found.classes) == len(found) == 1000
    right = [found.suggestion[k] == f"class {codes[row]:03d}" for k, row in enumerate(rows_of(found))]
    assert np.mean(right) > 0.98


def test_copies_of_one_picture_come_apart_and_in_the_order_of_their_names() -> None:
    Z, _ = blobs((1, 1, 1))
    copies = np.repeat(Z, 4, axis=0)

    rows = rows_of(propose(named(12), copies, [None] * 12))

    assert sorted(row // 4 for row in rows[:3]) == [0, 1, 2]
    assert [row % 4 for row in rows[:3]] == [0, 0, 0]
    assert sorted(rows) == list(range(12))


def test_a_set_of_one_picture_many_times_stands_by_name() -> None:
    Z = np.tile(blobs((1,))[0], (30, 1))
    assert rows_of(propose(named(30), Z, [None] * 30)) == list(range(30))
    assert rows_of(propose(named(30), Z, ["a", "b", *[None] * 28])) == list(range(2, 30))


def test_the_order_of_the_rows_does_not_matter_and_the_seed_repeats() -> None:
    Z, codes = blobs((30, 30, 30), spread=0.5)
    labels = ["abc"[c] if i % 5 == 0 else None for i, c in enumerate(codes)]
    names = named(90)
    shuffled = np.random.default_rng(1).permutation(90)

    first = propose(names, Z, labels)
    second = propose([names[i] for i in shuffled], Z[shuffled], [labels[i] for i in shuffled])

    assert first.names.tolist() == second.names.tolist()
    assert first.suggestion.tolist() == second.suggestion.tolist()
    np.testing.assert_array_equal(first.probability, second.probability)


def test_large_sets_are_ordered_from_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit in ("_CANDIDATES", "_COVERING", "_ROWS", "_BLOCK"):
        monkeypatch.setattr(f"cleaner.labelling.proposal.{limit}", 16)
    Z, codes = blobs((100, 100, 2), spread=0.1)
    labels = ["abc"[c] if i % 2 else None for i, c in enumerate(codes)]

    found = propose(named(202), Z, labels, first=10)

    assert sorted(rows_of(found)) == list(range(0, 202, 2))
    assert found.classes == ("a", "b", "c")
    right = [found.suggestion[k] == "abc"[codes[row]] for k, row in enumerate(rows_of(found))]
    assert np.mean(right) > 0.95
    assert propose(named(202), Z, labels, first=10).names.tolist() == found.names.tolist()


def test_a_class_seen_once_lowers_the_probabilities() -> None:
    Z, codes = blobs((20, 20, 20))
    twice = [("abc"[c] if i % 10 < 2 else None) for i, c in enumerate(codes)]
    once = [("abc"[c] if i % 20 < 1 else None) for i, c in enumerate(codes)]

    sure, unsure = (propose(named(60), Z, labels) for labels in (twice, once))

    assert sure.probability.max() > 0.7
    assert unsure.probability.max() <= 0.5  # every class was seen once: half may belong to classes not seen


def test_probabilities_are_right_about_as_often_as_they_say() -> None:
    Z, codes = blobs((700, 700, 700), d=5, spread=0.6)
    drawn = np.random.default_rng(5).permutation(len(Z))[:90]
    labels = ["abc"[c] if i in set(drawn.tolist()) else None for i, c in enumerate(codes)]

    found = propose(named(len(Z)), Z, labels)

    right = np.array(["abc"[codes[row]] for row in rows_of(found)], dtype=object) == found.suggestion
    assert abs(found.probability.mean() - right.mean()) < 0.05
    low, high = found.probability < 0.6, found.probability > 0.9
    assert low.sum() > 100
    assert high.sum() > 100
    assert right[low].mean() < 0.7 < 0.85 < right[high].mean()


def test_wrong_lengths_are_refused() -> None:
    with pytest.raises(RankingError) as caught:
        propose(named(3), blobs((4,))[0], [None] * 4)
    assert str(caught.value) == "Got 3 names, 4 rows and 4 labels; give one of each per image."


@pytest.mark.parametrize("positive", [True, False])
def test_features_are_those_of_a_ranking(positive: bool) -> None:
    X = np.random.default_rng(0).normal(size=(50, 12)).astype(np.float32)
    X = np.abs(X) if positive else X

    mapped = FeatureMap.fit(X)

    assert mapped.root is positive
    assert mapped.dim == 12
    np.testing.assert_allclose(mapped(X), FeatureMap.fit(X, np.ones(50, dtype=bool))(X), atol=1e-6)
    np.testing.assert_allclose(np.concatenate([mapped(X[:20]), mapped(X[20:])]), mapped(X), atol=1e-6)


def test_many_features_are_reduced_and_odd_values_do_no_harm() -> None:
    X = np.random.default_rng(0).random((300, 400)).astype(np.float32)
    mapped = FeatureMap.fit(X)
    X[3, 5], X[4, 5] = np.nan, -1

    Z = unit_length(mapped(X))

    assert Z.shape == (300, mapped.dim) == (300, 256)
    assert Z.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(Z, axis=1), 1, atol=1e-5)


def test_pictures_of_which_nothing_is_known_can_stand_behind() -> None:
    found = propose(named(4), blobs((2, 2))[0], ["a", "b", None, None]).and_then(
        ["x.png", "y.png"], {"x.png": ("c", 0.7)}
    )

    assert found.names.tolist()[-2:] == ["x.png", "y.png"]
    assert found.suggestion.tolist()[-2:] == ["c", None]
    assert found.probability[-2] == np.float32(0.7)
    assert np.isnan(found.probability[-1])
    assert len(found) == 4
    assert found.labelled == 2


@pytest.mark.parametrize("fits", [True, False])
def test_what_came_with_the_set_is_suggested_until_what_was_learnt_fits_better(fits: bool) -> None:
    rows, codes = blobs((30, 30, 30))
    names, labels = named(90), [str("abc"[code]) for code in codes]
    right = dict(zip(names, labels, strict=True))
    imported = {name: (label if fits else "b", 0.9) for name, label in right.items()}
    imported |= dict.fromkeys(names[-2:], ("new", 0.9))
    asked = [label if i % 2 else None for i, label in enumerate(labels[:-2])] + [None, None]

    found = propose(names, rows, asked, imported=imported)

    assert found.comparison is not None
    assert (found.comparison.of, found.comparison.is_learnt_better) == (44, not fits)
    said = dict(zip(found.names, found.suggestion, strict=True))
    assert [said.pop(name) for name in names[-2:]] == ["new", "new"]  # which nobody can have learnt
    assert said == {name: right[name] for name in said}
    assert found.imported == (len(found) if fits else 2)


def test_few_labels_do_not_outweigh_what_came_with_the_set() -> None:
    rows, codes = blobs((20, 20))
    names, labels = named(40), [str("ab"[code]) for code in codes]
    asked = [label if i % 4 == 0 else None for i, label in enumerate(labels)]
    found = propose(names, rows, asked, imported=dict.fromkeys(names, ("b", 0.6)))
    assert found.comparison is None
    assert set(found.suggestion) == {"b"}

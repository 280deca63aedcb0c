from __future__ import annotations

from collections import Counter

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleaner.dataset.label_sets import LabelSets
from cleaner.dataset.splits import assign
from cleaner.errors import CatalogError


def table(*rows: tuple[str, str | None, str | None], **columns: list[str | None]) -> pd.DataFrame:
    """Rows of name, label, hash; further columns by name."""
    named = {key: [row[i] for row in rows] for i, key in enumerate(("name", "label", "hash"))}
    return pd.DataFrame({**named, **columns}, dtype=object)


def distinct(count: int, labels: str = "ab") -> pd.DataFrame:
    return table(*((f"{i}.jpg", labels[i % len(labels)], f"hash{i}") for i in range(count)))


def test_the_first_draw_takes_its_share_of_every_class() -> None:
    rows = distinct(100, "aaab")

    splits = assign(rows, {}, valid_pct=0.2)

    counts = Counter((label, splits[name]) for name, label in zip(rows["name"], rows["label"], strict=True))
    assert counts == {("a", "valid"): 15, ("a", "train"): 60, ("b", "valid"): 5, ("b", "train"): 20}


def test_each_of_several_classes_has_its_share() -> None:
    labels = ["a;b", "a", "a;c", "b;c", ";"] * 20
    rows = table(*((f"{i}.jpg", label, f"hash{i}") for i, label in enumerate(labels)))

    splits = assign(rows, {}, valid_pct=0.2, sets=LabelSets(";"))

    valid = [label for i, label in enumerate(labels) if splits[f"{i}.jpg"] == "valid"]
    for name, share in {"a": 12, "b": 8, "c": 8}.items():
        assert abs(sum(name in label for label in valid) - share) <= 1


def test_the_same_seed_gives_the_same_split_and_another_one_another() -> None:
    rows = distinct(60)

    assert assign(rows, {}, seed=1) == assign(rows.iloc[::-1], {}, seed=1)
    assert assign(rows, {}, seed=1) != assign(rows, {}, seed=2)


def test_the_split_depends_on_content_not_on_names() -> None:
    rows = distinct(40)
    renamed = rows.assign(name=[f"new/{name}" for name in rows["name"]])

    assert list(assign(rows, {}).values()) == list(assign(renamed, {}).values())


def test_exact_duplicates_stay_together_across_classes() -> None:
    rows = table(*((f"{i}{copy}", label, f"h{i}") for i in range(30) for copy, label in ((0, "a"), (1, "b"))))

    splits = assign(rows, {})

    assert all(splits[f"{i}0"] == splits[f"{i}1"] for i in range(30))
    assert Counter(splits.values()) == {"train": 48, "valid": 12}


def test_a_group_is_never_divided_and_ties_its_duplicates() -> None:
    rows = table(
        ("a1", "a", "h1"), ("a2", "a", "h2"), ("b1", "b", "h2"), ("b2", "b", "h3"), ("c", "a", "h4"),
        group=["p", "p", "q", "q", None],
    )  # fmt: skip

    for seed in range(20):
        splits = assign(rows, {}, valid_pct=0.5, seed=seed)
        assert len({splits[name] for name in ("a1", "a2", "b1", "b2")}) == 1


def test_known_splits_stay_and_later_copies_join_them() -> None:
    known = {"a": "valid", "gone": "valid"}
    rows = table(("a", "x", "h1"), ("copy", "y", "h1"), ("gone", None, "h2"), ("moved", "x", "h2"))

    assert assign(rows, known) == {"a": "valid", "copy": "valid", "gone": "valid", "moved": "valid"}


def test_a_later_file_joins_its_group_before_its_duplicates() -> None:
    rows = table(("a", "x", "h1"), ("b", "x", "h2"), ("new", "x", "h2"), group=["p", "q", "p"])

    assert assign(rows, {"a": "train", "b": "valid"})["new"] == "train"


def test_later_files_come_by_threshold_at_about_the_same_share() -> None:
    known = assign(distinct(2), {})
    later = assign(distinct(2002), known, valid_pct=0.25)

    assert 0.22 < Counter(later.values())["valid"] / 2002 < 0.28


def test_large_later_groups_are_as_rarely_for_validation_as_small_ones() -> None:
    rows = table(*((f"{i}", "a", f"h{i}") for i in range(3000)), group=[f"g{i // 10}" for i in range(3000)])
    known = {"0": "train"}

    share = Counter(assign(rows, known, valid_pct=0.2).values())["valid"] / 3000

    assert 0.13 < share < 0.27


def test_given_validation_and_test_sets_are_honoured_whatever_was_known() -> None:
    rows = table(("a", "x", "1"), ("b", "x", "2"), ("c", "x", "3"), split=["valid", "test", "train"])

    assert assign(rows, {"a": "train", "b": "train"}) == {"a": "valid", "b": "test", "c": "train"}


def test_without_a_validation_set_one_is_drawn_from_the_training_set_and_test_is_not_touched() -> None:
    rows = distinct(50).assign(split=["test"] * 10 + ["train"] * 40)

    splits = assign(rows, {})

    assert [splits[name] for name in rows["name"][:10]] == ["test"] * 10
    assert Counter(splits[name] for name in rows["name"][10:]) == {"train": 32, "valid": 8}


def test_a_training_file_that_is_also_in_the_test_set_stays_out_of_it() -> None:
    rows = table(("a", "x", "1"), ("b", "x", "1"), ("c", "x", "2"), ("d", "x", "2"),
                 split=["test", "train", "test", None])  # fmt: skip

    assert assign(rows, {}) == {"a": "test", "b": "train", "c": "test", "d": "test"}


def test_a_validation_set_drawn_earlier_survives_one_that_is_given_later() -> None:
    rows = table(("a", "x", "1"), ("b", "x", "2"), ("new", "x", "3"), split=["train", "train", "valid"])

    assert assign(rows, {"a": "valid", "b": "train"}) == {"a": "valid", "b": "train", "new": "valid"}


def test_before_the_first_draw_all_wait_for_the_last_hash() -> None:
    rows = table(("a", "x", "1"), ("b", "x", None), ("t", "x", None), split=[None, None, "test"])

    assert assign(rows, {}) == {"t": "test"}
    assert assign(rows, {"t": "test"}) == {"t": "test"}


def test_after_the_first_draw_only_files_without_a_hash_wait() -> None:
    rows = table(("a", "x", "1"), ("b", "x", None), ("c", "x", "1"))

    assert assign(rows, {"a": "valid"}) == {"a": "valid", "c": "valid"}


def test_unlabelled_images_are_drawn_like_a_class() -> None:
    rows = table(*((f"{i}", None, f"h{i}") for i in range(20)))

    assert Counter(assign(rows, {}).values()) == {"train": 16, "valid": 4}


def test_no_validation_set_is_drawn_when_none_is_wanted() -> None:
    assert set(assign(distinct(20), {}, valid_pct=0).values()) == {"train"}


@pytest.mark.parametrize("valid_pct", [-0.1, 1.0, 20])
def test_a_share_that_is_none_is_refused(valid_pct: float) -> None:
    with pytest.raises(CatalogError) as caught:
        assign(distinct(2), {}, valid_pct=valid_pct)

    assert str(caught.value) == (
        f"Got valid_pct={valid_pct}; expected a share of at least 0 and less than 1, such as 0.2."
    )


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(CatalogError) as caught:
        assign(distinct(2).assign(split=["train", "foo"]), {})

    assert str(caught.value) == "Got split 'foo'; expected one of train, valid, test."


# One file: class, content, group, split that a folder gives.
FILES = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", None]),
        st.integers(0, 40),
        st.sampled_from([None, None, None, "p", "q", "r"]),
        st.sampled_from([None, None, None, "train", "test", "valid"]),
    ),
    min_size=1,
    max_size=60,
)


def files_table(files: list[tuple[str | None, int, str | None, str | None]]) -> pd.DataFrame:
    return table(
        *((f"{i}", label, f"h{content}") for i, (label, content, _, _) in enumerate(files)),
        group=[group for _, _, group, _ in files],
        split=[split for _, _, _, split in files],
    )


@settings(max_examples=60, deadline=None)
@given(files=FILES, data=st.data())
def test_no_file_changes_its_split_because_others_come_and_go(files, data) -> None:  # type: ignore[no-untyped-def]
    rows = files_table(files)
    known: dict[str, str] = {}
    for _ in range(4):
        here = data.draw(st.lists(st.booleans(), min_size=len(files), max_size=len(files)))
        present = rows[here]
        splits = assign(present, known, valid_pct=0.3, seed=3)
        assert set(splits) == set(present["name"])
        assert {name: split for name, split in splits.items() if name in known} == {
            name: known[name] for name in splits if name in known
        }
        known |= splits


@settings(max_examples=60, deadline=None)
@given(files=FILES, seed=st.integers(0, 5))
def test_without_given_splits_duplicates_and_groups_are_never_divided(files, seed) -> None:  # type: ignore[no-untyped-def]
    rows = files_table([(label, content, group, None) for label, content, group, _ in files])
    splits = assign(rows, {}, valid_pct=0.3, seed=seed)

    for column in ("hash", "group"):
        for _, together in rows.groupby(column)["name"]:
            assert len({splits[name] for name in together}) == 1


@settings(max_examples=60, deadline=None)
@given(files=FILES, cut=st.integers(0, 60))
def test_duplicates_and_groups_that_come_later_join(files, cut) -> None:  # type: ignore[no-untyped-def]
    # Copies are of one group here: a file of one group that copies another's can only follow one of them.
    rows = files_table([(label, content, "pqr"[content % 3] if group else None, None)
                        for label, content, group, _ in files])  # fmt: skip
    rows["hash"] += rows["group"].fillna("")
    splits = assign(rows, assign(rows.iloc[:cut], {}, valid_pct=0.3), valid_pct=0.3)

    for column in ("hash", "group"):
        for _, together in rows.groupby(column)["name"]:
            assert len({splits[name] for name in together}) == 1


@settings(max_examples=60, deadline=None)
@given(
    units=st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 6)), min_size=1, max_size=40),
    valid_pct=st.floats(0, 0.9),
    seed=st.integers(0, 5),
)
def test_each_class_is_within_one_unit_of_its_share(units, valid_pct, seed) -> None:  # type: ignore[no-untyped-def]
    rows = table(
        *((f"{u}-{i}", label, f"h{u}") for u, (label, size) in enumerate(units) for i in range(size))
    )
    splits = assign(rows, {}, valid_pct=valid_pct, seed=seed)

    for label in set(rows["label"]):
        names = rows["name"][rows["label"] == label]
        largest = max(size for of, size in units if of == label)
        drawn = sum(splits[name] == "valid" for name in names)
        assert abs(drawn - valid_pct * len(names)) <= largest / 2 + 1e-9

"""Which images are looked at first: some of every class, all classes evenly, whatever comes first by name."""

from __future__ import annotations

from collections import Counter

import pandas as pd
import pytest

from cleaner.dataset.catalog import Catalog
from cleaner.dataset.label_sets import LabelSets
from cleaner.ranking import sample
from cleaner.ranking.sample import parts_of


def catalog_of(labels: list[str | None], *, sets: LabelSets | None = None) -> Catalog:
    names = [f"{i:05d}.jpg" for i in range(len(labels))]
    table = pd.DataFrame({"name": names, "label": labels, "split": "train"})
    return Catalog(table, label_sets=sets)


def test_every_part_is_a_sample_of_all_classes_and_doubles_the_images() -> None:
    labels = ["cat"] * 3_000 + ["dog"] * 950 + ["owl"] * 50
    catalog = catalog_of([*labels, *[None] * 500])
    parts = parts_of(catalog, seed=0)
    assert [len(part) for part in parts] == [500, 500, 1_000]
    chosen = [name for part in parts for name in part]
    assert len(set(chosen)) == 2_000
    label_of = dict(zip(catalog.names, labels, strict=False))  # those without a label come last
    for part in parts:
        assert part == sorted(part)  # files are read as they lie
        share = Counter(label_of[name] for name in part)
        assert share["cat"] == pytest.approx(0.75 * len(part), abs=8)
        assert share["owl"] >= 5
    assert parts == parts_of(catalog, seed=0)
    assert parts != parts_of(catalog, seed=1)


def test_a_rare_class_is_in_the_first_part_with_all_it_has() -> None:
    catalog = catalog_of([*["common"] * 2_000, *["rare"] * 5, *["scarce"] * 20])
    first = set(parts_of(catalog, seed=0)[0])
    rows = [i for i, name in enumerate(catalog.names) if name in first]
    assert sum(2_000 <= row < 2_005 for row in rows) == 5
    assert sum(row >= 2_005 for row in rows) >= sample.FEW


def test_many_classes_take_a_larger_first_part_and_small_sets_have_none() -> None:
    many = catalog_of([f"class {i % 100}" for i in range(4_000)])
    assert len(parts_of(many, seed=0)[0]) == 2 * sample.FEW * 100
    assert parts_of(catalog_of(["cat", "dog"] * 300), seed=0) == []
    assert parts_of(catalog_of([None] * 3_000), seed=0) == []


def test_of_several_labels_the_rarest_counts() -> None:
    labels = [*["sea"] * 1_000, *["sea;boat"] * 990, *["sea;whale"] * 4, *["boat;whale"] * 6]
    first = set(parts_of(catalog_of(labels, sets=LabelSets(";")), seed=0)[0])  # type: ignore[arg-type]
    names = catalog_of(labels).names  # type: ignore[arg-type]
    assert sum(name in first for name in names[1_990:]) >= sample.FEW

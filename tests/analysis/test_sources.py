"""Which columns are sources, and whether the error rates of their groups differ."""

from __future__ import annotations

import gc

import numpy as np
import pandas as pd
import pytest

from cleaner.analysis.sources import FEWEST_IMAGES, Codes, Excess, Source, error_excess, sources_of

CLASSES = 4


def table_of(names: list[str], labels: list[str], **columns: list[object]) -> pd.DataFrame:
    return pd.DataFrame({"name": names, "label": labels, "split": "train", **columns})


# -------------------------------------------------------------------- which columns


def test_a_folder_below_the_class_is_one_source_for_all_classes() -> None:
    names = [
        f"train/{label}/{day}/{i}.jpg" for label in ("cat", "dog") for day in ("may", "june") for i in (1, 2)
    ]
    found = sources_of(table_of(names, [name.split("/")[1] for name in names]))
    assert found["folder"].groups == ["june", "may"]
    assert found["folder"].codes.tolist() == [1, 1, 0, 0] * 2


def test_a_folder_for_each_class_and_split_is_none() -> None:
    names = [
        f"{split}/{label}/{i}.jpg" for split in ("train", "valid") for label in ("cat", "dog") for i in (1, 2)
    ]
    assert sources_of(table_of(names, [name.split("/")[1] for name in names])) == {}


def test_folders_of_many_images_leave_no_garbage_to_collect() -> None:
    names = [f"{day}/cat/{i}.jpg" for day in ("may", "june") for i in range(20_000)]
    table = table_of(names, ["cat", "dog"] * 20_000)

    def collections() -> int:
        return sum(each["collections"] for each in gc.get_stats())

    before = collections()
    assert sources_of(table)["folder"].groups == ["june", "may"]
    assert collections() - before < 5  # each of them holds up the page; a list for each image makes dozens


@pytest.mark.parametrize(
    ("days", "groups", "first"),
    [
        ([f"2024-03-{1 + i % 9:02d} 10:{i % 60:02d}:00" for i in range(180)], 9, "2024-03-01"),
        ([f"2024-{1 + i % 12:02d}-{1 + i % 28:02d}" for i in range(180)], 12, "2024-01"),
        ([f"{1950 + i % 60}-{1 + i % 12:02d}-{1 + i % 28:02d}" for i in range(180)], None, None),
        ([f"{1990 + i % 30}-{1 + i % 11:02d}-{1 + i % 28:02d}" for i in range(300)], 30, "1990"),
    ],
)
def test_dates_are_taken_by_day_month_or_year_until_they_are_few(
    days: list[object], groups: int | None, first: str | None
) -> None:
    names = [f"{i:03d}.jpg" for i in range(len(days))]
    found = sources_of(table_of(names, ["cat", "dog"] * (len(days) // 2), taken=days))
    if groups is None:
        assert found == {}
    else:
        assert len(found["taken"].groups) == groups
        assert found["taken"].groups[0] == first


def test_a_missing_value_belongs_to_no_group() -> None:
    names = ["1.jpg", "2.jpg", "3.jpg", "4.jpg"]
    found = sources_of(table_of(names, ["cat"] * 4, who=["Ana", None, "Ben", float("nan")]))
    assert found["who"].codes.tolist() == [0, -1, 1, -1]


# -------------------------------------------------------------------- what is found


class World:
    """Images whose errors, and how suspicious they look, are known; the most suspicious are looked at."""

    def __init__(self, seed: int = 0, *, n: int = 1000, rate: float = 0.1, looks: int = 120) -> None:
        rng = np.random.default_rng(seed)
        self.given = rng.integers(0, CLASSES, n)
        self.wrong = rng.random(n) < rate
        odds = np.log(rate / (1 - rate)) + 2 * (rng.normal(size=n) + 2 * self.wrong - 1)
        self.score = 1 / (1 + np.exp(-odds))
        self.look = np.zeros(n, dtype=np.int64)
        self.look[np.argsort(-odds)[:looks]] = 1 + np.arange(looks)
        self.rng = rng

    def excess(self, codes: Codes, *, groups: int = 3) -> Excess:
        source = Source(codes=codes, groups=[f"g{i}" for i in range(groups)])
        return error_excess(source, self.given, self.look, self.wrong & (self.look > 0), self.score)

    def codes(self, of_wrong: list[float], of_right: list[float]) -> Codes:
        n, k = len(self.given), len(of_wrong)
        drawn = np.where(self.wrong, self.rng.choice(k, n, p=of_wrong), self.rng.choice(k, n, p=of_right))
        return drawn.astype(np.int64)


def test_a_bad_annotator_is_found_and_the_shares_are_near_the_truth() -> None:
    world = World()
    codes = world.codes([0.6, 0.2, 0.2], [0.3, 0.35, 0.35])
    found = world.excess(codes)
    assert found.p[0] < 1e-3
    assert (found.p[1:] > 0.5).all()
    assert found.share[0] == pytest.approx(world.wrong[codes == 0].mean(), abs=0.04)
    assert found.other_share[0] == pytest.approx(world.wrong[codes != 0].mean(), abs=0.03)
    assert found.found[0] == (world.wrong & (world.look > 0) & (codes == 0)).sum()
    assert found.images.sum() == 1000
    assert found.expected.sum() == pytest.approx((found.share * found.images).sum())


def test_suspicion_alone_needs_a_larger_difference_than_decisions() -> None:
    world = World()
    codes = world.codes([0.5, 0.25, 0.25], [0.3, 0.35, 0.35])
    after = world.excess(codes).p[0]
    world.look[:] = 0
    assert world.excess(codes).p[0] > after


def test_images_that_only_look_suspicious_are_not_accused_once_they_are_decided_on() -> None:
    world = World(rate=0.1, looks=300)
    codes = (world.rng.random(1000) < 0.3).astype(np.int64)
    odds = (
        np.log(world.score / (1 - world.score)) + 1.5 * codes
    )  # a camera whose images look worse than they are
    world.score = 1 / (1 + np.exp(-odds))
    world.look[:] = 0
    world.look[np.argsort(-odds)[:300]] = 1 + np.arange(300)
    assert world.excess(codes, groups=2).p[1] > 0.05


def test_looking_at_one_group_alone_accuses_nobody() -> None:
    world = World(looks=0)
    codes = world.rng.integers(0, 2, 1000)
    world.score[:] = 0.01  # the model knows nothing, and says that all is well
    world.look[codes == 1] = 1 + np.arange((codes == 1).sum())
    assert (world.excess(codes, groups=2).p > 0.05).all()


def test_a_class_with_more_errors_does_not_accuse_who_labels_it() -> None:
    world = World()
    world.wrong = world.rng.random(1000) < np.where(world.given == 0, 0.4, 0.05)
    codes = np.where(world.given == 0, world.rng.random(1000) < 0.8, world.rng.random(1000) < 0.2).astype(
        np.int64
    )
    assert (world.excess(codes, groups=2).p > 0.05).all()


def test_a_group_of_few_images_is_not_judged() -> None:
    world = World()
    codes = np.zeros(1000, dtype=np.int64)
    few = np.flatnonzero(world.wrong)[: FEWEST_IMAGES - 1]
    codes[few] = 1
    found = world.excess(codes, groups=2)
    assert found.p[1] == 1
    assert found.judged == 1


def test_without_a_ranking_only_what_was_looked_at_counts() -> None:
    world = World(looks=400)
    world.score[:] = np.nan
    codes = world.codes([0.6, 0.2, 0.2], [0.3, 0.35, 0.35])
    found = world.excess(codes)
    assert found.images.sum() == found.looked.sum() == 400
    assert np.isfinite(found.p).all()


def test_images_without_a_group_or_a_label_do_not_count() -> None:
    world = World()
    codes = np.where(np.arange(1000) < 100, -1, world.rng.integers(0, 3, 1000))
    world.given[900:] = -1
    assert world.excess(codes).images.sum() == 800


def test_nothing_at_all_accuses_nobody() -> None:
    source = Source(codes=np.zeros(0, dtype=np.int64), groups=["a", "b"])
    empty = np.zeros(0, dtype=np.int64)
    assert error_excess(source, empty, empty, empty.astype(bool), empty.astype(float)).p.tolist() == [1, 1]


def test_chance_accuses_one_group_of_all_in_at_most_one_of_twenty_worlds() -> None:
    alarms = 0
    for seed in range(120):
        world = World(seed, n=600)
        codes = world.rng.choice(12, 600, p=world.rng.dirichlet(np.full(12, 1.5)))
        found = world.excess(codes, groups=12)
        alarms += found.judged * found.p.min() <= 0.05
    assert alarms <= 120 * (0.05 + 1.645 * np.sqrt(0.05 * 0.95 / 120))

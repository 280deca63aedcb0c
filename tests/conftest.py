"""Fixtures that every test may use: tiny pictures in folders, and fixed seeds."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures import COLOURS, make_picture

from cleaner.review import ReviewStore

DATA = Path(__file__).resolve().parents[1] / ".." / "shared" / "data"


STARTED_S = time.monotonic()
SLOW_S = float(os.environ.get("CLEANER_SLOW_TESTS_S", "inf"))
"""Slow tests begin within so many seconds, or not at all; by default, all of them run."""

LONGEST = ("browser/test_dashboard", "test_notebooks", "pipelines/", "browser/", "serving/", "dashboard/")
"""Files of tests that take longest, the longest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files, so that no worker is alone with one of them at the end."""
    here = Path(__file__).parent

    def place(item: pytest.Item) -> int:
        name = item.path.relative_to(here).as_posix()
        return next((i for i, start in enumerate(LONGEST) if name.startswith(start)), len(LONGEST))

    items.sort(key=place)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip slow tests once the time is over that a machine has for them."""
    if item.get_closest_marker("slow") and time.monotonic() - STARTED_S > SLOW_S:
        pytest.skip(f"slow, and the {SLOW_S:.0f} s for slow tests are over (CLEANER_SLOW_TESTS_S)")


@pytest.fixture(autouse=True)
def seeds_fixed() -> None:
    """Every test starts from the same random state."""
    random.seed(0)
    np.random.seed(0)


@pytest.fixture(autouse=True)
def home_of_its_own(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test touches the user's list of recent sets, nor any other of their files."""
    monkeypatch.setenv("CLEANER_HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture
def data_dir() -> Path:
    """The development photographs; tests that need them are skipped where they are absent."""
    if not (DATA / "clothing" / "labels.csv").is_file():
        pytest.skip(f"the development photographs are not at {DATA}")
    return DATA


@pytest.fixture
def picture() -> Callable[..., Path]:
    """The function that writes one small picture."""
    return make_picture


@pytest.fixture
def make_set(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that lays out a data set of coloured pictures, ``wrong`` of them filed wrongly."""

    def build(per_class: int = 8, *, wrong: int = 0, name: str = "set", size_px: int = 24) -> Path:
        root = tmp_path / name
        classes = list(COLOURS)
        for c, (label, colour) in enumerate(COLOURS.items()):
            for i in range(per_class):
                filed = classes[(c + 1) % len(classes)] if i < wrong else label
                make_picture(
                    root / filed / f"{label}_{i:03d}.png", colour, seed=1000 * c + i, size_px=size_px
                )
        return root

    return build


@pytest.fixture
def colour_set(make_set: Callable[..., Path]) -> Path:
    """Twenty-four pictures in three classes, all filed rightly."""
    return make_set()


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of either kind; PostgreSQL is skipped where it is not installed."""
    if request.param == "postgres":
        import postgres_server

        return postgres_server.fresh_url()
    return f"sqlite:///{tmp_path / 'review.db'}"


@pytest.fixture
def open_store(store_url: str) -> Iterator[Callable[..., ReviewStore]]:
    """Return the function that opens the store of a test, again and again if need be."""
    opened: list[ReviewStore] = []

    def build(reviewer: str = "ann", *, dataset: str = "set", **more: Any) -> ReviewStore:
        opened.append(ReviewStore(store_url, dataset=dataset, reviewer=reviewer, **more))
        return opened[-1]

    yield build
    for store in opened:
        store.close()

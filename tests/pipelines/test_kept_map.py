"""The map of a set: of the features that are kept, and kept itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cleaner.embedding.cache import EmbeddingCache, Features
from cleaner.errors import InterpretationError, RankingError
from cleaner.pipelines import image_map
from cleaner.pipelines.image_map import load_map, make_map, map_file
from cleaner.pipelines.network import NetworkOptions, remember
from cleaner.workspace import Workspace

pytest.importorskip("openTSNE")
pytest.importorskip("jscatter")


@pytest.fixture
def workspace(colour_set: Path) -> Iterator[Workspace]:
    with Workspace(colour_set, reviewer="Ana") as made:
        made.scan()
        yield made


def keep_features(workspace: Workspace, *, without: int = 0, key: str = "made") -> list[str]:
    """Keep made features of the images, but for the last ones; returns the names that have some."""
    names = [str(name) for name in workspace.catalog.names]
    names = names[: len(names) - without]
    cache = EmbeddingCache(workspace.state / "embeddings", key, 8)
    hashes = workspace.index.hashes()
    cache.append([hashes[name] for name in names], np.random.default_rng(0).random((len(names), 8)))
    return names


def test_a_map_is_made_of_what_is_kept_and_not_twice(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_map(workspace) is None
    names = keep_features(workspace, without=2)
    made = make_map(workspace, workspace.network)
    assert list(made.names) == names
    found = load_map(workspace)
    assert found is not None
    assert found.same_as(made)

    def again(*_: object, **__: object) -> None:
        raise AssertionError

    with monkeypatch.context() as patched:
        patched.setattr(image_map, "place", again)
        assert make_map(workspace, workspace.network).same_as(made)
    keep_features(workspace)
    assert len(make_map(workspace, workspace.network)) == len(names) + 2


def test_a_map_is_of_all_networks_that_ranked(workspace: Workspace) -> None:
    first = keep_features(workspace, key="first")
    workspace.ranking_folder.mkdir()
    remember(workspace, NetworkOptions("first"), features=[Features("first", 8)])
    by_one = make_map(workspace, workspace.network)
    assert list(by_one.names) == first
    both = keep_features(workspace, without=3, key="second")
    remember(workspace, NetworkOptions("a+b"), features=[Features("first", 8), Features("second", 8)])
    assert list(make_map(workspace, workspace.network).names) == both


def test_points_follow_a_renamed_file(workspace: Workspace) -> None:
    keep_features(workspace)
    made = make_map(workspace, workspace.network)
    old = str(made.names[0])
    (workspace.root / old).rename(workspace.root / "blue" / "other.png")
    workspace.scan()
    found = load_map(workspace)
    assert found is not None
    point = dict(zip(found.names, found.points.tolist(), strict=True))
    assert old not in point
    assert point["blue/other.png"] == made.points[0].tolist()


def test_without_features_or_a_readable_file_it_says_what_to_do(workspace: Workspace) -> None:
    with pytest.raises(InterpretationError, match="Rank them first"):
        make_map(workspace, workspace.network)
    keep_features(workspace)
    made = make_map(workspace, workspace.network)
    map_file(workspace.state).write_bytes(b"not a map")
    with pytest.raises(RankingError, match="Make the map again"):
        load_map(workspace)
    assert make_map(workspace, workspace.network).same_as(made)
    assert load_map(workspace) is not None

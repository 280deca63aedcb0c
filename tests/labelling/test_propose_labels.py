"""What to label next in a workspace: from a flat folder to suggestions."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from pictures import COLOURS, make_picture

from cleaner.embedding.cache import EmbeddingCache, last_embeddings
from cleaner.errors import TooFewLabelsError
from cleaner.labelling.proposal import Proposal, propose_labels
from cleaner.pipelines.rank import prepare
from cleaner.review import Action, Kind
from cleaner.review.labels import SET_ASIDE, PresentLabels
from cleaner.workspace import Workspace


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., Workspace]]:
    """Open a folder as a workspace whose network needs no pretrained weights."""
    spaces = []

    def open_folder(root: Path) -> Workspace:
        space = Workspace(root, state=tmp_path / "state", reviewer="ann", from_scratch=True)
        spaces.append(space)
        return space

    yield open_folder
    for space in spaces:
        space.close()


@pytest.fixture
def flat(opened: Callable[..., Workspace], tmp_path: Path) -> Workspace:
    """Thirty pictures of three colours in one folder; no embedding is made yet."""
    for c, (label, colour) in enumerate(COLOURS.items()):
        for i in range(10):
            make_picture(tmp_path / "flat" / f"{label}_{i:03d}.png", colour, seed=1000 * c + i)
    return opened(tmp_path / "flat")


def embed_by_colour(space: Workspace, *, without: tuple[str, ...] = ()) -> None:
    """Put embeddings on the disk that tell the colours, without a network."""
    names = [name for name in space.catalog.names if name not in without]
    colours = [Path(name).name.split("_")[0] for name in names]
    rng = np.random.default_rng(0)
    vectors = np.eye(3, 6)[[list(COLOURS).index(colour) for colour in colours]]
    hashes = space.index.hashes()
    cache = EmbeddingCache(space.state / "embeddings", "by-colour", 6)
    cache.append([hashes[name] for name in names], vectors + 0.1 * rng.random((len(names), 6)))


def propose(space: Workspace) -> Proposal | None:
    hashes = space.index.hashes()
    return propose_labels(
        space.catalog,
        space.store.state,
        cache=last_embeddings(space.state / "embeddings", hashes.values()),
        hashes=hashes,
        seed=space.seed,
    )


def bare(space: Workspace) -> int:
    """Count the images that somebody still has to label."""
    return list(PresentLabels.of(space.catalog, space.store.state).by_name(without=SET_ASIDE).values()).count(
        None
    )


def label(space: Workspace, *names: str) -> None:
    for name in names:
        space.store.decide(name, Action.RELABEL, label=Path(name).name.split("_")[0])


def test_a_flat_folder_goes_from_no_labels_to_suggestions_and_a_ranking(flat: Workspace) -> None:
    assert propose(flat) is None  # nothing is embedded yet
    with pytest.raises(TooFewLabelsError):
        prepare(flat, flat.store.state, flat.network)

    first = propose(flat)
    assert first is not None
    assert sorted(first.names) == list(flat.catalog.names)
    assert not first.has_model
    assert {name.split("_")[0] for name in first.names[:3]} == set(COLOURS)

    label(flat, *first.names[:12])
    second = propose(flat)
    assert second is not None
    assert second.classes == ("blue", "green", "red")
    assert second.labelled == 12
    assert set(second.names) == set(first.names[12:])
    right = [s == n.split("_")[0] for s, n in zip(second.suggestion, second.names, strict=True)]
    assert all(right)

    assert prepare(flat, flat.store.state, flat.network).classes == ["blue", "green", "red"]
    label(flat, *second.names)
    assert propose(flat) is None
    assert bare(flat) == 0


def test_deleted_and_unsure_pictures_are_neither_asked_about_nor_learnt_from(flat: Workspace) -> None:
    embed_by_colour(flat)
    label(flat, "red_000.png", "blue_000.png")
    flat.store.decide("red_001.png", Action.DELETE)
    flat.store.decide("red_002.png", Action.UNSURE)
    flat.store.decide("red_003.png", Action.RELABEL, label="pink")
    flat.store.decide("red_003.png", Action.DELETE)

    found = propose(flat)

    assert found is not None
    assert set(found.names) == set(flat.catalog.names) - {
        *(f"red_{i:03d}.png" for i in range(4)),
        "blue_000.png",
    }
    assert found.classes == ("blue", "red")
    assert bare(flat) == len(found) == 25


def test_given_and_decided_labels_count_under_the_present_names_of_their_classes(
    opened: Callable[..., Workspace], make_set: Callable[..., Path]
) -> None:
    root = make_set(6)
    (root / "unlabelled").mkdir()
    for i in range(3):
        (root / "red" / f"red_{i:03d}.png").rename(root / "unlabelled" / f"red_{i:03d}.png")
    space = opened(root)
    embed_by_colour(space)
    space.store.decide("unlabelled/red_000.png", Action.RELABEL, label="red")
    space.store.class_event(Kind.CLASS_RENAME, "red", "crimson")
    space.store.decide("blue/blue_000.png", Action.RELABEL, label="azure")

    labels = PresentLabels.of(space.catalog, space.store.state).by_name(without=SET_ASIDE)
    found = propose(space)

    assert labels["red/red_003.png"] == labels["unlabelled/red_000.png"] == "crimson"
    assert labels["blue/blue_000.png"] == "azure"
    assert labels["unlabelled/red_001.png"] is None
    assert found is not None
    assert found.classes == ("azure", "blue", "crimson", "green")
    assert dict(zip(found.names, found.suggestion, strict=True)) == {
        "unlabelled/red_001.png": "crimson",
        "unlabelled/red_002.png": "crimson",
    }


def test_undone_labels_are_asked_for_again(flat: Workspace) -> None:
    label(flat, "red_000.png")
    assert bare(flat) == 29
    flat.store.undo()
    assert bare(flat) == 30


def test_pictures_that_are_not_embedded_yet_stand_at_the_end(flat: Workspace) -> None:
    late = ("blue_003.png", "red_009.png")
    embed_by_colour(flat, without=late)
    label(flat, "red_000.png", "blue_000.png")

    found = propose(flat)

    assert found is not None
    assert len(found) == 28
    assert tuple(found.names[-2:]) == late
    assert found.suggestion[-2:].tolist() == [None, None]
    assert None not in found.suggestion[:-2].tolist()


def test_a_set_with_all_labels_has_nothing_to_propose(
    opened: Callable[..., Workspace], colour_set: Path
) -> None:
    space = opened(colour_set)
    embed_by_colour(space)

    assert bare(space) == 0
    assert propose(space) is None


def test_a_csv_with_empty_labels_is_proposed_for(tmp_path: Path, opened: Callable[..., Workspace]) -> None:
    for i, (name, colour) in enumerate(COLOURS.items()):
        make_picture(tmp_path / "set" / f"{name}_0.png", colour, seed=i)
        make_picture(tmp_path / "set" / f"{name}_1.png", colour, seed=10 + i)
    lines = ["name,label", *(f"{name}_0.png,{name}" for name in COLOURS), *(f"{n}_1.png," for n in COLOURS)]
    (tmp_path / "set" / "labels.csv").write_text("\n".join(lines))
    space = opened(tmp_path / "set" / "labels.csv")
    embed_by_colour(space)

    found = propose(space)

    assert found is not None
    assert dict(zip(found.names, found.suggestion, strict=True)) == {
        f"{name}_1.png": name for name in COLOURS
    }


def test_suggestions_of_a_machine_are_there_before_anything_is_embedded(
    tmp_path: Path, opened: Callable[..., Workspace]
) -> None:
    for i in range(4):
        make_picture(tmp_path / "set" / f"{i}.png", COLOURS["red"], seed=i)
    lines = ["name,label,suggested_label,suggestion_probability", "0.png,cat,dog,1", "1.png,,dog,0.9"]
    (tmp_path / "set" / "l.csv").write_text("\n".join([*lines, "2.png,,cat,0.2", "3.png,,,"]))
    space = opened(tmp_path / "set" / "l.csv")
    space.store.class_event(Kind.CLASS_RENAME, "cat", "lion")

    found = propose(space)

    assert found is not None
    assert found.names.tolist() == ["3.png", "2.png", "1.png"]
    assert found.suggestion.tolist() == [None, "lion", "dog"]
    assert (found.imported, found.has_model, found.is_embedded) == (2, False, False)
    assert list(space.catalog.labels) == ["cat", None, None, None]


def test_the_whole_set_is_never_in_memory_at_once_and_nothing_is_left_behind(
    flat: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cleaner.labelling.proposal._SAMPLE", 8)
    monkeypatch.setattr("cleaner.labelling.proposal._READ", 4)
    asked: list[int] = []
    get = EmbeddingCache.get

    def counted(self: EmbeddingCache, digests: list[str]) -> tuple[np.ndarray, np.ndarray]:
        asked.append(len(digests))
        return get(self, digests)

    embed_by_colour(flat)
    label(flat, "red_000.png", "blue_000.png")
    monkeypatch.setattr(EmbeddingCache, "get", counted)
    whole = propose(flat)
    assert whole is not None
    assert max(asked) == 8
    assert sum(asked) == 38
    del whole
    gc.collect()
    tracemalloc.start()
    try:
        propose(flat)
        gc.collect()
        kept_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept_bytes < 100_000

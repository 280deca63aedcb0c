"""What was found out about images follows them when files are renamed, moved or swapped meanwhile."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from pictures import make_copies, make_picture

from cleaner.duplicates.pairs import find_similar
from cleaner.pipelines.checks import Checks, checks_folder, saved_checks
from cleaner.pipelines.rank import rank_given
from cleaner.quality.pixels import read_pixels
from cleaner.quality.problems import quality
from cleaner.ranking import Ranking
from cleaner.session.session import ReviewSession
from cleaner.workspace import Workspace


def rank(root: Path) -> dict[str, float]:
    """Rank a set by made-up probabilities; returns the probability of the first class of each image."""
    with Workspace(root, reviewer="Ana") as workspace:
        catalog = workspace.scan()
        first = np.random.default_rng(0).uniform(0.05, 0.3, len(catalog))
        probabilities = np.stack([first, *[(1 - first) / 2] * 2], axis=1).astype(np.float32)
        file = root.parent / "probabilities.npy"
        np.save(file, probabilities)
        ranking = rank_given(workspace, workspace.store.state, workspace.network, file)
        return by_name(ranking)


def by_name(ranking: Ranking) -> dict[str, float]:
    return dict(zip(ranking.names, ranking.predicted[:, 0].round(4).tolist(), strict=True))


def reopened(root: Path) -> tuple[dict[str, float], list[str]]:
    """Open a set anew: the saved ranking by name, and its classes."""
    with Workspace(root, reviewer="Ana") as workspace:
        ranking = workspace.ranking()
        return (by_name(ranking), ranking.classes) if ranking is not None else ({}, [])


@pytest.mark.parametrize("how", ["class folder", "below train", "file", "swap"])
def test_a_ranking_follows_its_images(colour_set: Path, how: str) -> None:
    before = rank(colour_set)
    now = {name: name for name in before}
    if how == "class folder":
        (colour_set / "red").rename(colour_set / "rouge")
        now = {name: name.replace("red/", "rouge/") for name in before}
    elif how == "below train":
        for folder in ("blue", "green", "red"):
            shutil.move(colour_set / folder, colour_set / "train" / folder)
        now = {name: f"train/{name}" for name in before}
    elif how == "file":
        (colour_set / "red" / "red_000.png").rename(colour_set / "red" / "first.png")
        now["red/red_000.png"] = "red/first.png"
    else:
        first, second = colour_set / "red" / "red_000.png", colour_set / "red" / "red_001.png"
        first.rename(colour_set / "aside")
        second.rename(first)
        (colour_set / "aside").rename(second)
        now["red/red_000.png"], now["red/red_001.png"] = "red/red_001.png", "red/red_000.png"
    after, classes = reopened(colour_set)
    assert after == {now[name]: value for name, value in before.items()}
    assert classes == ["blue", "green", "rouge" if how == "class folder" else "red"]


def test_a_ranking_says_nothing_of_images_with_another_label_or_content(colour_set: Path) -> None:
    before = rank(colour_set)
    (colour_set / "red" / "red_000.png").rename(colour_set / "blue" / "red_000.png")
    other = colour_set / "red" / "red_001.png"
    shutil.copyfile(colour_set / "green" / "green_000.png", other)
    after, _ = reopened(colour_set)
    assert set(before) - set(after) == {"red/red_000.png", "red/red_001.png"}
    assert "blue/red_000.png" not in after


def test_classes_that_were_put_together_are_no_renamed_ones(colour_set: Path) -> None:
    rank(colour_set)
    (colour_set / "warm").mkdir()
    for label in ("red", "green"):
        for file in sorted((colour_set / label).iterdir()):
            file.rename(colour_set / "warm" / file.name)
        (colour_set / label).rmdir()
    after, classes = reopened(colour_set)
    assert {name.partition("/")[0] for name in after} == {"blue"}
    assert "warm" not in classes


def test_decided_images_stay_in_the_ranking_with_the_label_that_it_knew(colour_set: Path) -> None:
    before = rank(colour_set)
    with Workspace(colour_set, reviewer="Ana") as workspace:
        workspace.store.decide("red/red_000.png", "relabel", "blue", given={"red/red_000.png": "red"})
    (colour_set / "red" / "red_000.png").rename(colour_set / "blue" / "red_000.png")
    with Workspace(colour_set, reviewer="Ana") as workspace:
        ranking = workspace.ranking()
        assert ranking is not None
        assert len(ranking) == len(before)
        assert ranking.given[ranking.row("blue/red_000.png")] == "red"


def test_a_ranking_without_noted_contents_follows_renamed_files(colour_set: Path) -> None:
    before = rank(colour_set)
    with Workspace(colour_set, reviewer="Ana") as workspace:
        (workspace.ranking_folder / "contents.npz").unlink()
    (colour_set / "red").rename(colour_set / "rouge")
    after, _ = reopened(colour_set)
    assert after == {name.replace("red/", "rouge/"): value for name, value in before.items()}


def test_a_ranking_with_contents_noted_by_an_earlier_version_follows_files_out_of_their_class(
    colour_set: Path,
) -> None:
    before = rank(colour_set)
    with Workspace(colour_set, reviewer="Ana") as workspace:
        noted = workspace.ranking_folder / "contents.npz"
        noted.with_suffix(".json").write_text(json.dumps(dict(workspace.index.hashes())))
        noted.unlink()
    (colour_set / "red" / "red_000.png").rename(colour_set / "red" / "another.png")
    after, _ = reopened(colour_set)
    assert after == {name.replace("red/red_000.png", "red/another.png"): at for name, at in before.items()}


def test_an_audit_keeps_its_sample_when_files_are_renamed_or_go_to_the_trash(colour_set: Path) -> None:
    with Workspace(colour_set, reviewer="Ana") as workspace:
        session = ReviewSession(workspace, in_background=False)
        session.start_audit()
        order = session.audit.sequence()
        for name in order[:6]:
            action = "delete" if name == order[2] else "keep"
            workspace.store.decide(name, action, given={name: name.partition("/")[0]})
        before = session.audit.certificate()
        session.close()
    (colour_set / "red").rename(colour_set / "rouge")
    renamed = [name.replace("red/", "rouge/") for name in order]
    with Workspace(colour_set, reviewer="Ana") as workspace:
        session = ReviewSession(workspace, in_background=False)
        assert session.audit.sequence() == renamed
        assert session.audit.certificate() == before
        assert session.audit.newcomers() == []
        workspace.trash.apply(dry_run=False)
        workspace.refresh()
        assert session.audit.sequence() == [name for name in renamed if name != renamed[2]]
        assert session.audit.certificate() == before
        session.close()


def test_images_that_join_an_audit_after_a_move_join_it_once(colour_set: Path) -> None:
    with Workspace(colour_set, reviewer="Ana") as workspace:
        session = ReviewSession(workspace, in_background=False)
        session.start_audit()
        order = session.audit.sequence()
        session.close()
    moved = colour_set / order[0]
    moved.rename(moved.with_name("moved.png"))
    make_picture(moved, (9, 9, 9), seed=77)
    with Workspace(colour_set, reviewer="Ana") as workspace:
        session = ReviewSession(workspace, in_background=False)
        assert session.audit.newcomers() == [order[0]]
        session.start_audit(join=True)
        found = session.audit.sequence()
        assert sorted(found) == sorted(map(str, workspace.catalog.names))
        assert next(name for name in found if name != order[0]).endswith("moved.png")
        session.close()


def test_the_open_page_is_found_again_after_a_move(colour_set: Path) -> None:
    with Workspace(colour_set, reviewer="Ana") as workspace:
        session = ReviewSession(workspace, page_size=5, in_background=False)
        session.turn(1)
        page = session.names
        session.close()
    for folder in ("blue", "green", "red"):
        shutil.move(colour_set / folder, colour_set / "train" / folder)
    with Workspace(colour_set, reviewer="Ana") as workspace:
        session = ReviewSession(workspace, page_size=5, in_background=False)
        assert session.names == tuple(f"train/{name}" for name in page)
        session.close()


def test_what_was_found_of_duplicates_and_poor_images_follows_them(tmp_path: Path) -> None:
    space = make_copies(tmp_path / "set")
    with Workspace(space, reviewer="Ana") as workspace:
        catalog = workspace.scan()
        pixels = read_pixels(catalog, index=workspace.index, db=workspace.state / "pixels.db")
        Checks(similar=find_similar(catalog, pixels), quality=quality(pixels)).save(checks_folder(workspace))
        found = saved_checks(workspace.state, workspace.store.state)
        assert found is not None
        before = found.problems()["name"].tolist(), sorted(found.similar.groups()["name"])
    for split in ("train", "valid"):
        (space / split / "a").rename(space / split / "c")
    with Workspace(space, reviewer="Ana") as workspace:
        workspace.catalog  # noqa: B018 - reads the files anew
        found = saved_checks(workspace.state, workspace.store.state)
        assert found is not None
        after = found.problems()["name"].tolist(), sorted(found.similar.groups()["name"])
        assert [sorted(names) for names in after] == [
            sorted(name.replace("/a/", "/c/") for name in names) for names in before
        ]
        assert found.missing(workspace.catalog.names) == []

"""Duplicates, picture problems and outliers of a whole workspace: as a task, as a job, as commands."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures import draw_pattern, make_copies
from PIL import Image
from typer.testing import CliRunner

from cleaner import cli
from cleaner.errors import Cancelled, WeightsUnavailableError
from cleaner.models import backbones
from cleaner.pipelines.checks import Checks, check, checks_folder, decided
from cleaner.pipelines.entries import job_check
from cleaner.pipelines.rank import look, prepare, rank_given, rank_seen
from cleaner.ranking import Ranking, rank_probabilities
from cleaner.util.progress import SILENT, Reporter
from cleaner.workspace import Workspace


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Twelve pictures, two copies, and a black one; see `make_copies`."""
    return make_copies(tmp_path / "set")


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the random network pass for a trained one."""
    backbone = replace(backbones.load_backbone(from_scratch=True), pretrained=True)
    monkeypatch.setattr(backbones, "load_backbone", lambda *arguments, **more: backbone)


@pytest.fixture
def space(root: Path) -> Iterator[Workspace]:
    with Workspace(root, from_scratch=True) as workspace:
        yield workspace


@pytest.mark.usefixtures("trained")
def test_everything_is_found_and_kept(space: Workspace) -> None:
    found = check(space, space.store.state, space.network)
    assert found.outliers is not None and len(found.outliers) == 15
    assert found.counts(**decided(space.catalog, space.store.state)) == {
        "groups": 2,
        "duplicates": 2,
        "leaks": 1,
        "two_labels": 0,
        "dark": 1,
        "bright": 0,
        "blurry": 1,
        "low_information": 1,
        "odd_aspect_ratio": 0,
        "odd_size": 0,
        "grey": 1,
        "outliers": len(found.outliers.flagged()),
    }
    assert found.problems()["problem"].tolist().count("outlier") == len(found.outliers.flagged())
    assert found.problems()["name"].iloc[0] == "train/a/black.png"
    again = Checks.load(checks_folder(space))
    assert again is not None
    assert again.counts() == found.counts()
    assert again.missing([*space.catalog.names, "new.png"]) == ["new.png"]


def test_nothing_was_found_before_anybody_looked(space: Workspace) -> None:
    assert Checks.load(checks_folder(space)) is None


def test_decisions_count(space: Workspace) -> None:
    found = check(space, space.store.state, space.network)
    space.store.decide("train/a/copy.png", "delete")
    space.store.decide("train/b/small.png", "relabel", "a")
    after = found.counts(**decided(space.catalog, space.store.state))
    assert (after["groups"], after["leaks"], after["two_labels"]) == (1, 0, 1)
    space.store.pair_different(["train/b/small.png", "train/b/01.png"])
    assert found.counts(**decided(space.catalog, space.store.state))["groups"] == 0
    space.store.undo()
    assert found.counts(**decided(space.catalog, space.store.state))["groups"] == 1
    space.store.decide("train/a/black.png", "delete")
    assert found.counts(**decided(space.catalog, space.store.state))["dark"] == 0


@pytest.mark.usefixtures("trained")
def test_without_weights_there_are_no_outliers_but_all_the_rest(
    space: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert check(space, space.store.state, space.network).outliers is not None

    def none(*arguments: object, **more: object) -> None:
        raise WeightsUnavailableError("no network")

    monkeypatch.setattr(backbones, "load_backbone", none)
    found = check(space, space.store.state, space.network)
    assert found.outliers is None
    assert found.counts()["groups"] == 2 and found.counts()["outliers"] == 0
    again = Checks.load(checks_folder(space))
    assert again is not None and again.outliers is None


def test_random_features_are_not_used(space: Workspace) -> None:
    assert check(space, space.store.state, space.network).outliers is None
    assert not (space.state / "embeddings").exists()


def test_a_stopped_check_keeps_what_was_there(space: Workspace) -> None:
    class Stop(Reporter):
        stopping = False

        def __call__(self, stage: str, done: int, total: int, **values: float) -> None:
            self.stopping = self.stopping or stage == "comparing pictures"

        def should_stop(self) -> bool:
            return self.stopping

    with pytest.raises(Cancelled):
        check(space, space.store.state, space.network, reporter=Stop())
    assert Checks.load(checks_folder(space)) is None


def test_damaged_pictures_are_left_out(root: Path, space: Workspace) -> None:
    bad = root / "train" / "a" / "bad.jpg"
    Image.effect_noise((200, 200), 80).convert("RGB").save(bad)
    bad.write_bytes(bad.read_bytes()[:3000])
    found = check(space, space.store.state, space.network)
    assert "train/a/bad.jpg" not in found.similar.names
    assert space.catalog.left_out["name"].tolist() == ["train/a/bad.jpg"]


def test_a_job_returns_the_counts(root: Path) -> None:
    with Workspace(root, from_scratch=True) as workspace:
        options = workspace.options()
    counts = job_check(workspace=options, reporter=Reporter())
    assert counts["groups"] == 2 and counts["leaks"] == 1


# ---------------------------------------------------------------- commands


def run(*arguments: object) -> Any:
    done = CliRunner().invoke(cli.app, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output
    return done


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_duplicates_lists_groups_with_the_one_to_keep_first(root: Path) -> None:
    done = run("duplicates", root, "--from-scratch", "--csv", "-")
    table = rows(done.stdout)
    assert [(row["group"], row["name"], row["kind"], row["suggested"]) for row in table] == [
        ("1", "valid/a/00.png", "original", "keep"),
        ("1", "train/a/copy.png", "exact", "delete"),
        ("2", "train/b/01.png", "original", "keep"),
        ("2", "train/b/small.png", "resized", "delete"),
    ]
    assert "2 groups at a threshold of 0.95, with 2 redundant images." in done.stderr
    assert "Leaks between splits: 1." in done.stderr


def test_duplicates_lists_leaks(root: Path) -> None:
    table = rows(run("duplicates", root, "--from-scratch", "--leaks", "--csv", "-").stdout)
    assert [(row["name"], row["twin"]) for row in table] == [("valid/a/00.png", "train/a/copy.png")]
    shown = run("duplicates", root, "--from-scratch", "--leaks").stdout
    assert "valid/a/00.png" in shown and "exact" in shown


def test_problems_lists_the_worst_first(root: Path) -> None:
    done = run("problems", root, "--from-scratch", "--csv", "-")
    table = rows(done.stdout)
    assert table[0]["name"] == "train/a/black.png"
    assert "1 dark" in done.stderr


def test_a_clean_set_has_nothing_to_show(tmp_path: Path) -> None:
    for k in range(6):
        draw_pattern(tmp_path / "clean" / "ab"[k % 2] / f"{k}.png", 50 + k)
    done = run("duplicates", tmp_path / "clean", "--from-scratch")
    assert done.stdout == ""
    assert "0 groups" in done.stderr


# -------------------------------------------------------------------- near duplicates in one fold

TWINS = ("train/b/01.png", "train/b/small.png")


def test_a_ranking_keeps_what_the_checks_found_alike_in_one_fold(space: Workspace) -> None:
    before = look(space, space.store.state, space.network, reporter=SILENT)
    assert before.units is None
    plain = rank_seen(before, reporter=SILENT)
    check(space, space.store.state, space.network)
    seen = look(space, space.store.state, space.network, reporter=SILENT)
    unit_of = dict(zip(seen.given.names, seen.units.tolist(), strict=True))
    assert unit_of[TWINS[0]] == unit_of[TWINS[1]]
    assert unit_of["valid/a/00.png"] == unit_of["train/a/copy.png"]
    assert len(set(unit_of.values())) == len(unit_of) - 2
    ranking = prepare(space, space.store.state, space.network)
    assert ranking.model != plain.model  # which knew of exact copies only
    assert ranking.model == rank_seen(seen, reporter=SILENT).model


def test_pairs_called_different_and_later_files_stand_alone(space: Workspace) -> None:
    check(space, space.store.state, space.network)
    space.store.pair_different(TWINS)
    draw_pattern(space.root / "train" / "a" / "later.png", 99)
    seen = look(space, space.store.state, space.network, reporter=SILENT)
    unit_of = dict(zip(seen.given.names, seen.units.tolist(), strict=True))
    assert unit_of[TWINS[0]] != unit_of[TWINS[1]]
    assert list(unit_of.values()).count(unit_of["train/a/later.png"]) == 1


@pytest.mark.parametrize("file", ["similar.npz", "quality.csv"])
def test_damaged_checks_do_not_keep_a_ranking_from_being_made(
    space: Workspace, caplog: pytest.LogCaptureFixture, file: str
) -> None:
    plain = prepare(space, space.store.state, space.network)
    check(space, space.store.state, space.network)
    (checks_folder(space) / file).write_bytes(b"\x93NUMPY no longer")
    assert prepare(space, space.store.state, space.network).model == plain.model
    (warning,) = (r.getMessage() for r in caplog.records if r.name == "cleaner.pipelines.checks")
    assert warning.startswith("Near duplicates are not kept in one fold: Cannot read")


def test_given_probabilities_are_pooled_over_the_same_folds(
    space: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = []
    made = rank_probabilities

    def listen(*arguments: Any, units: Any, **more: Any) -> Ranking:
        heard.append(units)
        return made(*arguments, units=units, **more)

    check(space, space.store.state, space.network)
    monkeypatch.setattr("cleaner.pipelines.rank.rank_probabilities", listen)
    np.save(tmp_path / "p.npy", np.full((len(space.catalog), 2), 0.5))
    rank_given(space, space.store.state, space.network, tmp_path / "p.npy")
    names = space.catalog.names.tolist()
    assert heard[0][names.index(TWINS[0])] == heard[0][names.index(TWINS[1])]

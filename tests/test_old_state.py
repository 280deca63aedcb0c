"""What an earlier cleaner stored opens today: a whole state folder, its jobs, models and exports.

``fixtures/old_state.zip`` holds a tiny set with its state. Where files held the folder that it was made in,
they say ``@ROOT@``; ``expected.json`` is what the code that made it said about it. It must not be made anew
when modules move: if one of these tests fails, stored things of users are lost.
"""

from __future__ import annotations

import csv
import importlib
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cleaner import ImageCleaner, Learner, Workspace
from cleaner.jobs import Job
from cleaner.jobs.status import present_task
from cleaner.pipelines.checks import Checks

ZIP = Path(__file__).parent / "fixtures" / "old_state.zip"
TEXTS = {".json", ".jsonl", ".txt", ".csv"}
TAKEN_NS = 1_767_225_600 * 10**9  # when the pictures were changed last
LONG_S = 120.0
TASKS = (
    "cleaner.tasks:job_prepare",
    "cleaner.tasks.check:job_check",
    "cleaner.tasks:job_retrain_quick",
    "cleaner.tasks:job_retrain_full",
)
"""Names of tasks as they stand in the job folders of users."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The unpacked files: ``set`` with its ``.cleaner``, ``home``, ``decisions.csv``, ``expected.json``."""
    here = tmp_path.resolve()
    with zipfile.ZipFile(ZIP) as packed:
        packed.extractall(here)
    for path in here.rglob("*"):
        if path.is_file() and path.suffix in TEXTS:
            path.write_bytes(path.read_bytes().replace(b"@ROOT@", here.as_posix().encode()))
        if path.is_file():
            os.utime(path, ns=(TAKEN_NS, TAKEN_NS))
    monkeypatch.setenv("CLEANER_HOME", str(here / "home"))
    return here


@pytest.fixture
def expected(folder: Path) -> dict[str, Any]:
    """What the code that stored all this said about it."""
    said: dict[str, Any] = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    return said


@pytest.fixture
def space(folder: Path) -> Iterator[Workspace]:
    """The old set, opened by the code of today."""
    with Workspace(folder / "set", reviewer="ann", from_scratch=True) as opened:
        yield opened


def jobs(space: Workspace) -> list[Job]:
    folders = (path for path in (space.state / "jobs").iterdir() if path.is_dir())
    return [Job(path) for path in sorted(folders)]


def outcomes(space: Workspace) -> dict[str, list[str | None]]:
    return {name: list(outcome) for name, outcome in space.store.state.outcomes().items()}


# ---------------------------------------------------------------- the set and its ranking


def test_the_set_is_found_where_it_was_with_its_splits_and_what_was_left_out(
    space: Workspace, folder: Path, expected: dict[str, Any]
) -> None:
    assert [entry.root for entry in Workspace.recent()] == [folder / "set"]
    splits = dict(zip(space.catalog.names, space.catalog.splits, strict=True))
    assert splits == dict(zip(expected["names"], expected["splits"], strict=True))
    assert list(space.catalog.left_out["name"]) == ["train/red/broken.jpg"]


def test_no_picture_that_the_index_knows_is_read_again(space: Workspace, expected: dict[str, Any]) -> None:
    assert space.index.stale(space.root, expected["names"], decode=True).names == []


def test_the_saved_ranking_has_its_names_scores_and_orders(
    space: Workspace, expected: dict[str, Any]
) -> None:
    ranking = space.ranking()
    assert ranking is not None
    assert ranking.model == expected["model"]
    assert list(ranking.table["name"]) == [row[0] for row in expected["ranking"]]
    assert list(ranking.table["suggested_label"]) == [row[2] for row in expected["ranking"]]
    scores = [row[3] for row in expected["ranking"]]
    assert list(ranking.table["score"]) == pytest.approx(scores, nan_ok=True)
    for order, names in expected["orders"].items():
        assert list(ranking.order(order)) == names


def test_the_page_resumes_where_it_was_and_the_audit_goes_on(
    space: Workspace, expected: dict[str, Any]
) -> None:
    page = ImageCleaner(space, page_size=4)
    try:
        audit = page.session.audit.audit
        assert audit is not None
        assert list(page.names) == expected["open page"]["names"]
        assert list(audit.sequence) == expected["open page"]["audit"]
    finally:
        page.close()


# ---------------------------------------------------------------- decisions


def test_all_decisions_are_there_with_what_they_come_to(space: Workspace, expected: dict[str, Any]) -> None:
    state = space.store.state
    assert len(state.events) == expected["events"] == 20
    assert outcomes(space) == expected["outcomes"]
    assert outcomes(space)["train/green/red_0.png"] == ["relabel", "red"]
    assert list(state.conflicts()) == ["train/red/red_1.png"]
    assert list(state.unsure()) == ["train/blue/green_0.png"]


def test_classes_descriptions_and_pairs_are_as_they_were_left(
    space: Workspace, expected: dict[str, Any]
) -> None:
    state = space.store.state
    assert state.classes(space.catalog.classes) == expected["classes"] == ["green", "navy", "red", "violet"]
    assert state.label_map == {"blue": "navy", "white": "navy"}
    assert state.description("navy") == "Blue, “dark” too.\nNot black."
    pair = frozenset({"train/green/green_1.png", "train/green/green_3.png"})
    assert state.different_pairs() == frozenset({pair})


def test_the_last_act_of_an_earlier_session_can_be_undone_and_redone(space: Workspace) -> None:
    before = outcomes(space)
    undone = space.store.undo()
    assert undone is not None
    assert [event.undoes for event in undone.events] == ["a-18"]
    assert "train/blue/blue_3.png" not in outcomes(space)
    assert space.store.redo() is not None
    assert outcomes(space) == before


def test_an_act_that_is_there_is_not_recorded_twice(space: Workspace, expected: dict[str, Any]) -> None:
    space.store.decide("train/red/blue_0.png", "delete", act="a-02")
    assert len(space.store.state.events) == expected["events"]


def test_the_cleaned_set_is_the_same_and_its_file_is_known_as_ours(
    space: Workspace, expected: dict[str, Any]
) -> None:
    cleaned = space.cleaned()
    rows = zip(cleaned.names, cleaned.labels, cleaned.splits, strict=True)
    assert [list(row) for row in rows] == expected["cleaned"]
    written = space.csv_writer()
    before = written.path.read_bytes()
    assert written.hand_edits() is None
    assert not written.behind
    written.write_now()
    written.close()
    assert written.path.read_bytes() == before
    table = list(csv.DictReader(before.decode().splitlines()))
    assert [[row["name"], row["label"], row["split"]] for row in table] == expected["cleaned"]


def test_an_exported_history_is_taken_in_whole_once(space: Workspace, folder: Path) -> None:
    assert space.store.import_history(folder / "decisions.csv") == 0
    with Workspace(space.root, reviewer="ann", state=folder / "another state") as empty:
        assert empty.store.import_history(folder / "decisions.csv") == 20
        trashed = {"train/green/green_2.png", "train/red/blue_0.png", "valid/red/copy.png"}
        there = {name: outcome for name, outcome in outcomes(space).items() if name not in trashed}
        assert outcomes(empty) == there  # another state has no trash
        assert sorted(empty.store.state.gone()) == sorted(trashed)


def test_files_in_the_trash_come_back(space: Workspace) -> None:
    gone = ["train/green/green_2.png", "train/red/blue_0.png", "valid/red/copy.png"]
    assert not any((space.root / name).exists() for name in gone)
    command = [sys.executable, "-m", "cleaner", "restore", str(space.root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all((space.root / name).is_file() for name in gone)


# ---------------------------------------------------------------- models, embeddings, checks


@pytest.mark.parametrize("kind", ["quick", "full"])
def test_a_saved_model_predicts_as_it_did(space: Workspace, expected: dict[str, Any], kind: str) -> None:
    learner = Learner.load(space.state / "models" / f"{kind}.safetensors")
    said = expected["models"][kind]
    assert learner.classes == said["classes"]
    few = space.catalog.subset(expected["names"][:3])
    odds = learner.probabilities(few)
    # what was noted comes from a processor with bfloat16, which this one may not have
    assert odds.tolist() == [pytest.approx(row, abs=5e-3) for row in said["odds"]]


def test_embeddings_are_found_and_not_computed_again(space: Workspace) -> None:
    (cache,) = (space.state / "embeddings").glob("*/digests.bin")
    before = cache.stat().st_mtime_ns, cache.stat().st_size
    assert len(space.rank()) == 13
    (same,) = (space.state / "embeddings").glob("*/digests.bin")
    assert (same, (same.stat().st_mtime_ns, same.stat().st_size)) == (cache, before)


def test_the_checks_load(space: Workspace) -> None:
    checks = Checks.load(space.state / "checks")
    assert checks is not None
    threshold = checks.similar.suggested_threshold
    groups = checks.similar.groups(threshold)
    assert sorted(groups["name"]) == ["train/red/red_1.png", "valid/red/copy.png"]
    assert list(checks.similar.leaks(threshold)["name"]) == ["valid/red/copy.png"]
    assert checks.missing(space.catalog.names) == []
    assert len(checks.quality) == 16
    assert checks.outliers is None


# ---------------------------------------------------------------- jobs


def test_what_earlier_jobs_came_to_can_be_read(space: Workspace, folder: Path) -> None:
    found = [(job.id, job.status().task, job.status().phase, job.seen) for job in jobs(space)]
    assert found == [
        ("000001", "cleaner.pipelines.entries:job_prepare", "done", False),
        ("000002", "cleaner.pipelines.entries:job_check", "done", False),
        ("000003", "cleaner.pipelines.entries:job_retrain_quick", "done", True),
        ("000004", "cleaner.pipelines.entries:job_retrain_full", "done", False),
        ("000005", "cleaner.pipelines.entries:job_retrain_full", "failed", False),
        ("000006", "cleaner.pipelines.entries:job_check", "failed", False),
    ]
    result = jobs(space)[2].status().result
    assert result is not None
    assert Path(result["model"]) == folder / "set" / ".cleaner" / "models" / "quick.safetensors"
    assert [point["epoch"] for point in jobs(space)[3].status().series] == [1.0, 2.0]


def test_a_job_that_claims_to_run_but_died_is_said_to_have_died(space: Workspace) -> None:
    status = jobs(space)[4].status()
    assert status.error is not None
    assert status.error.startswith("The task was ended (killed, out of memory, or")
    assert status.error.endswith("Its log ends: INFO: epoch 1")
    assert Job.current(space.state) is None


@pytest.mark.parametrize("task", TASKS)
def test_a_task_is_found_under_the_name_that_is_stored(task: str) -> None:
    module, _, name = present_task(task).partition(":")
    assert callable(getattr(importlib.import_module(module), name))


@pytest.mark.slow
def test_a_job_that_was_written_and_not_yet_run_is_run_by_the_worker(space: Workspace) -> None:
    waiting = jobs(space)[5]
    command = [sys.executable, "-m", "cleaner.jobs", str(space.state), waiting.id]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONG_S, check=False)
    status = waiting.status()
    assert (done.returncode, status.phase, status.error) == (0, "done", None), done.stderr
    assert status.result is not None
    assert (status.result["groups"], status.result["leaks"]) == (0, 0)  # the copy is in the trash


@pytest.mark.slow
@pytest.mark.parametrize("number", [0, 2, 4], ids=["prepare", "retrain quick", "retrain full"])
def test_an_earlier_job_can_be_started_again_as_it_stands(space: Workspace, number: int) -> None:
    spec = json.loads((jobs(space)[number].folder / "spec.json").read_text(encoding="utf-8"))
    status = Job.start(space.state, spec["task"], spec["arguments"]).wait(LONG_S)
    assert (status.phase, status.error) == ("done", None)

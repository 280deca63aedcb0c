"""``cleaner import`` and ``cleaner export --format``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from foreign import photos
from typer.testing import CliRunner

from cleaner import Workspace, cli


def run(*arguments: object, code: int = 0) -> Any:
    done = CliRunner().invoke(cli.app, [str(a) for a in arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == code, done.output
    return done


@pytest.fixture
def source(tmp_path: Path) -> Path:
    photos(tmp_path / "set", ["a.png", "b.png", "c.png"])

    def task(name: str, label: str, who: str) -> dict[str, Any]:
        value = {"choices": [label]}
        result = [{"from_name": "c", "to_name": "i", "type": "choices", "value": value}]
        said = {"result": result, "completed_by": {"email": who}, "updated_at": "2024-02-01T00:00:00Z"}
        return {"data": {"image": name}, "annotations": [said]}

    tasks = [task("a.png", "cat", "bea"), task("b.png", "dog", "cem"), task("gone.png", "dog", "cem")]
    path = tmp_path / "set" / "tasks.json"
    path.write_text(json.dumps(tasks))
    return path


def test_import_says_what_it_understood_and_prints_what_to_open(source: Path) -> None:
    done = run("import", source)
    table = source.parent / "tasks.labels.csv"
    assert done.stdout == f"{table}\n"
    assert "tasks.json was read as Label Studio's JSON." in done.stderr
    assert "that the source names, but that are not below" in done.stderr
    assert "gone.png" in done.stderr
    assert f"cleaner app {table}" in done.stderr
    assert run("status", table).stdout.splitlines()[1].split()[1] == "2"


def test_what_was_said_at_the_import_is_said_again_when_the_set_is_opened(source: Path) -> None:
    tasks = json.loads(source.read_text())
    tasks[0]["annotations"][0]["result"][0]["value"]["choices"] = ["cat", "dog"]
    source.write_text(json.dumps(tasks))
    run("import", source, "--one-label")
    with Workspace(source.parent / "tasks.labels.csv") as workspace:
        said = {finding.topic: finding for finding in workspace.catalog.findings}
    assert said["several labels"].doubtful
    assert said["several labels"].examples == ("a.png",)


def test_several_labels_are_imported_and_said_once(source: Path) -> None:
    tasks = json.loads(source.read_text())
    tasks[0]["annotations"][0]["result"][0]["value"]["choices"] = ["cat", "dog"]
    source.write_text(json.dumps(tasks))
    done = run("import", source)
    assert "Images of this set can have several labels: 1 of the" in " ".join(done.stderr.split())
    with Workspace(source.parent / "tasks.labels.csv") as workspace:
        assert workspace.catalog.label_of("a.png") == "cat|dog"
        topics = [finding.topic for finding in workspace.catalog.findings]
    assert topics.count("several labels") == 1


def test_import_twice_gives_the_same_and_overwrites_nothing_else(source: Path) -> None:
    run("import", source)
    run("import", source)
    table = source.parent / "tasks.labels.csv"
    table.write_text(table.read_text() + "c.png,cow\n")
    assert "is there already and says something else" in run("import", source, code=1).stderr
    assert table.read_text().endswith("c.png,cow\n")


def test_labels_of_people_become_decisions_only_if_asked_for(source: Path) -> None:
    run("import", source)
    table = source.parent / "tasks.labels.csv"
    with Workspace(table) as workspace:
        assert workspace.store.state.progress().decided == 0
    assert "2 decisions added." in run("import", source, "--as-decisions").stderr
    with Workspace(table) as workspace:
        assert {d.reviewer for d in workspace.store.state.decisions().values()} == {"bea", "cem"}


def test_export_writes_the_decisions_into_what_was_imported(source: Path, tmp_path: Path) -> None:
    run("import", source)
    table = source.parent / "tasks.labels.csv"
    with Workspace(table, reviewer="anna") as workspace:
        workspace.store.decide("a.png", "relabel", "cow")
        workspace.store.decide("b.png", "delete")
    done = run("export", table, "--to", tmp_path / "new", "--format", "label-studio")
    assert "(what the set was imported from): 1 label changed, 1 image deleted." in done.stderr
    tasks = json.loads((tmp_path / "new" / "tasks.json").read_text())
    assert [task["data"]["image"] for task in tasks] == ["a.png", "gone.png"]


def test_images_in_the_trash_are_deleted_in_the_export(source: Path, tmp_path: Path) -> None:
    run("import", source)
    table = source.parent / "tasks.labels.csv"
    with Workspace(table) as workspace:
        workspace.store.decide("b.png", "delete")
    run("apply", table, "--yes")
    assert not (source.parent / "b.png").exists()
    run("export", table, "--to", tmp_path / "new", "--format", "label-studio")
    tasks = json.loads((tmp_path / "new" / "tasks.json").read_text())
    assert [task["data"]["image"] for task in tasks] == ["a.png", "gone.png"]


def test_a_folder_of_classes_can_be_exported_to_another_format(colour_set: Path, tmp_path: Path) -> None:
    done = run("export", colour_set, "--to", tmp_path / "new", "--format", "coco")
    assert "(new)" in done.stderr
    document = json.loads((tmp_path / "new" / "annotations.json").read_text())
    assert len(document["images"]) == len(document["annotations"]) == 24


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--format", "nonsense"], "There is no format 'nonsense'"),
        (["--format", "coco", "--flat"], "--flat is for folders of classes"),
        (["--format", "coco", "--link"], "There is no file to link"),
        (["--model", "--flat"], "--model writes a model"),
        (["--onnx"], "--onnx needs it"),
        (["--model"], "No model has been trained"),
    ],
)
def test_options_that_would_do_nothing_are_refused(
    colour_set: Path, tmp_path: Path, arguments: list[str], said: str
) -> None:
    assert said in run("export", colour_set, "--to", tmp_path / "new", *arguments, code=1).stderr
    assert not (tmp_path / "new").exists()


def test_what_cannot_be_recognised_gets_a_sentence(tmp_path: Path, colour_set: Path) -> None:
    (tmp_path / "x.json").write_text('{"a": 1}')
    assert "of no format that can be recognised" in run("import", tmp_path / "x.json", code=1).stderr
    assert "does not exist" in run("import", tmp_path / "none.json", code=1).stderr
    assert "needs no import" in run("import", colour_set, code=1).stderr
    assert "no boxes to cut out" in run("import", _tasks(tmp_path), "--crops", code=1).stderr


def _tasks(folder: Path) -> Path:
    path = folder / "tasks.json"
    path.write_text('[{"data": {"image": "x.png"}, "annotations": []}]')
    return path

"""Importing a set of another tool on the page, and exporting to one."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from foreign import photos

from cleaner.dataset.formats.registry import FORMATS
from cleaner.jobs import Job
from cleaner.widgets.app import CleanerApp
from cleaner.widgets.import_dialog import ImportDialog
from cleaner.widgets.page import DashboardPage
from cleaner.widgets.page_settings import PageSettings
from cleaner.widgets.panels import job
from cleaner.widgets.panels.base import Panel, text_of
from cleaner.widgets.panels.export import ExportPanel
from cleaner.widgets.sentences import say
from cleaner.widgets.start import StartPage
from cleaner.workspace import Workspace

TASKS = Path(__file__).parents[1] / "job_tasks"
NAMES = ["a.png", "b.png", "c.png"]


def document(folder: Path, **more: object) -> Path:
    """Write a COCO document of the images a to c: cat, dog, cat."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "boxes.json"
    coco = {
        "images": [{"id": i, "file_name": name} for i, name in enumerate(NAMES)],
        "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
        "annotations": [
            {"id": i, "image_id": i, "category_id": 1 + i % 2, "bbox": [2, 2, 12, 12]} for i in range(3)
        ],
    }
    path.write_text(json.dumps(coco | more))
    return path


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CLEANER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHONPATH", str(TASKS))
    monkeypatch.setitem(job.TASKS, "prepare", "retrain_tasks_for_tests:prepare")
    photos(tmp_path / "sets" / "set", NAMES)
    document(tmp_path / "sets" / "set")
    return tmp_path / "sets" / "set"


@pytest.fixture
def page(root: Path) -> Iterator[DashboardPage]:
    page = DashboardPage(PageSettings.for_root(None, browse_root=root.parent))
    yield page
    for state in root.parent.glob("*/.cleaner"):
        running = Job.current(state)
        if running is not None:
            running.cancel()
            running.wait(60)
    for shown in page.children:
        shown.close()
    page.close()


def until(shown: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not shown():
        assert time.monotonic() < end
        time.sleep(0.02)


def shown(page: DashboardPage, kind: type) -> Panel:
    until(lambda: isinstance(page.children[0], kind))
    return page.children[0]  # type: ignore[no-any-return]


def text(panel: Panel) -> str:
    return " ".join(text_of(tree) for tree in panel.tree)


def test_a_document_is_imported_and_opened(page: DashboardPage, root: Path) -> None:
    page.children[0].do("open", "set/boxes.json")
    dialog = shown(page, ImportDialog)
    title = FORMATS["coco"].title
    assert say("import.recognised", name="boxes.json", format=title) in text(dialog)
    dialog.do("import")
    app = shown(page, CleanerApp)
    assert dict(zip(app.workspace.catalog.names, app.workspace.catalog.labels, strict=True)) == {
        "a.png": "cat", "b.png": "dog", "c.png": "cat",
    }  # fmt: skip
    assert (root / "boxes.labels.csv").is_file()


def test_boxes_become_a_set_of_their_own_if_asked_for(page: DashboardPage, root: Path) -> None:
    page.children[0].do("open", "set/boxes.json")
    dialog = shown(page, ImportDialog)
    dialog.do("crops")
    dialog.do("import")
    app = shown(page, CleanerApp)
    assert app.workspace.root == root.with_name("set-crops")
    assert len(app.workspace.catalog) == 3


def test_a_folder_with_labels_of_another_tool_can_be_opened_without_them(
    page: DashboardPage, root: Path
) -> None:
    page.children[0].do("open", "set")
    dialog = shown(page, ImportDialog)
    dialog.do("plain")
    app = shown(page, CleanerApp)
    assert app.workspace.catalog.classes == []
    app.go_to("Files")
    until(lambda: say("files.import", name="boxes.json") in text(app.sheet))
    app.sheet.do("import", "0")
    again = shown(page, ImportDialog)
    again.do("back")
    shown(page, CleanerApp)


def test_an_import_that_fails_says_why_and_can_be_tried_with_another_folder(
    page: DashboardPage, root: Path
) -> None:
    path = document(root.parent / "labels")
    page.children[0].do("open", path.relative_to(root.parent).as_posix())
    dialog = shown(page, ImportDialog)
    dialog.do("import")
    until(lambda: dialog.problem)
    assert "None of the 3 images" in dialog.problem
    dialog.do("images", str(root))
    dialog.do("import")
    shown(page, CleanerApp)


def test_a_column_of_labels_is_asked_for_on_the_page(page: DashboardPage, root: Path) -> None:
    rows = "".join(f"{name},,{label}\n" for name, label in zip(NAMES, ("fox", "bear", "fox"), strict=True))
    (root / "traps.csv").write_text(f"File,RelativePath,Kind of animal\n{rows}")
    page.children[0].do("open", "set/traps.csv")
    dialog = shown(page, ImportDialog)
    dialog.do("import")
    until(lambda: dialog.problem)
    assert "Kind of animal" in dialog.problem
    assert "--" not in dialog.problem
    dialog.do("label_column", "Kind of animal")
    dialog.do("import")
    app = shown(page, CleanerApp)
    assert app.workspace.catalog.classes == ["bear", "fox"]


@pytest.mark.parametrize("content", ['{"a": 1}', "[", "\0"])
def test_a_document_of_nothing_that_is_known_is_refused_with_a_sentence(
    page: DashboardPage, root: Path, content: str
) -> None:
    (root / "boxes.json").write_text(content)
    page.children[0].do("open", "set/boxes.json")
    until(lambda: not isinstance(page.children[0], StartPage))
    assert say("page.failed", name="boxes.json") in text(page.children[0])


def test_all_formats_are_offered_and_one_is_written_beside_the_set(
    colour_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLEANER_HOME", str(tmp_path / "home"))
    with Workspace(colour_set) as workspace:
        panel = ExportPanel(workspace)
        assert all((each.title in text(panel)) is not each.edits_only for each in FORMATS.values())
        panel.do("format", "coco")
        assert panel.target == colour_set.with_name(f"{colour_set.name}-coco")
        panel.target.mkdir()
        second = colour_set.with_name(f"{colour_set.name}-coco-2")
        panel.do("export")
        until(lambda: say("export.done", folder=second) in text(panel) or panel.problem)
        assert panel.problem == ""
        assert len(json.loads((second / "annotations.json").read_text())["images"]) == 24
        panel.close()


def test_an_image_whose_file_goes_while_the_set_is_exported_is_named(
    colour_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLEANER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHONPATH", str(TASKS))
    monkeypatch.setitem(job.TASKS, "export", "job_tasks_for_tests:export_while_a_file_goes")
    with Workspace(colour_set) as workspace:
        panel = ExportPanel(workspace)
        panel.do("export")
        until(lambda: say("export.done", folder=panel.folder) in text(panel) or panel.problem)
        assert say("export.missing", images="red/red_003.png") in text(panel)
        panel.close()

"""`PreparePanel`: the ranking is made in the background, cancelled, found again, or lacks weights."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cleaner.errors import JobError
from cleaner.jobs import Job
from cleaner.widgets.panels.base import text_of
from cleaner.widgets.panels.job import TASKS
from cleaner.widgets.panels.prepare import PreparePanel
from cleaner.widgets.sentences import say
from cleaner.workspace import Workspace

SCRIPTS = Path(__file__).parents[1] / "job_tasks"
OpenPanel = Callable[..., tuple[PreparePanel, list[int]]]
ANSWER = say("prepare.built_in")


@pytest.fixture
def root(colour_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small set that is prepared by `retrain_tasks_for_tests`."""
    monkeypatch.setenv("CLEANER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHONPATH", str(SCRIPTS))
    monkeypatch.setitem(TASKS, "prepare", "retrain_tasks_for_tests:prepare")
    return colour_set


@pytest.fixture
def open_panel(root: Path) -> Iterator[OpenPanel]:
    """Return a function that opens the set as a page would; ``list`` grows with each new ranking."""
    shown: list[PreparePanel] = []

    def build(**options: str) -> tuple[PreparePanel, list[int]]:
        ranked: list[int] = []
        workspace = Workspace(root, **options)  # type: ignore[arg-type]
        panel = PreparePanel(workspace, lambda: ranked.append(1), lambda: None)
        shown.append(panel)
        return panel, ranked

    yield build
    (root / "go").touch()
    for panel in shown:
        job = Job.current(panel.workspace.state)
        if job is not None:
            job.wait(30)
        panel.close()
        panel.workspace.close()


def text(panel: PreparePanel) -> str:
    return " ".join(text_of(tree) for tree in panel.tree)


def until(condition: Callable[[], object], panel: PreparePanel) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, text(panel) + panel.problem
        time.sleep(0.02)


def test_nothing_is_shown_while_there_is_nothing_to_do(open_panel: OpenPanel) -> None:
    panel, _ = open_panel()
    assert text(panel) == ""


def test_progress_is_said_in_pictures_and_time_and_the_end_is_told_once(
    open_panel: OpenPanel, root: Path
) -> None:
    panel, ranked = open_panel()
    panel.start()
    until(lambda: "Reading images · 23 of 24" in text(panel), panel)
    assert text(panel).startswith(say("prepare.stage", progress="Reading images")[:-1])
    (root / "go").touch()
    until(lambda: ranked, panel)
    assert text(panel) == ""
    assert ranked == [1]


def test_where_a_named_network_has_no_weights_the_built_in_one_is_offered(
    open_panel: OpenPanel, root: Path
) -> None:
    panel, ranked = open_panel(backbone="resnet18")
    panel.start()
    until(lambda: panel.problem, panel)
    assert panel.problem == "No weights for resnet18, and no network to fetch them."
    assert ANSWER in text(panel)

    (root / "go").touch()
    panel.do("built-in")
    until(lambda: ranked, panel)
    assert panel.problem == ""
    assert panel.workspace.backbone is None


def test_after_a_cancel_it_can_be_started_again(open_panel: OpenPanel, root: Path) -> None:
    panel, ranked = open_panel()
    panel.start()
    panel.do("cancel")
    assert say("job.stopping") in text(panel)
    until(lambda: say("prepare.stopped") in text(panel), panel)
    assert ranked == []
    (root / "go").touch()
    panel.do("start")
    until(lambda: ranked, panel)


def test_a_reloaded_page_finds_the_work_that_runs(open_panel: OpenPanel, root: Path) -> None:
    panel, _ = open_panel()
    panel.start()
    reloaded, ranked = open_panel()
    reloaded.start()
    assert reloaded.running
    assert reloaded.problem == ""
    (root / "go").touch()
    until(lambda: ranked, reloaded)


def test_it_does_not_start_beside_other_work(open_panel: OpenPanel, root: Path) -> None:
    panel, _ = open_panel()
    panel.watcher.start("job_tasks_for_tests:wait_for", {"flag": str(root / "go")})
    with pytest.raises(JobError, match=r"^Cannot start “prepare” while “wait for” is running"):
        panel.start()


def test_new_pictures_are_offered(open_panel: OpenPanel) -> None:
    panel, _ = open_panel()
    panel.offer(12)
    assert text(panel) == f"{say('prepare.new', images='12 images')} {say('prepare.rank')}"
    panel.offer(0)
    assert text(panel) == ""

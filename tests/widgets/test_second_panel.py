"""`SecondPanel`: a second network looks in the background, unless somebody does not want it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cleaner.jobs import Job
from cleaner.pipelines.network import NetworkOptions, remember
from cleaner.widgets.panels import second
from cleaner.widgets.panels.base import Panel, text_of
from cleaner.widgets.panels.job import TASKS
from cleaner.widgets.panels.retrain import RetrainPanel
from cleaner.widgets.panels.second import SecondPanel
from cleaner.widgets.sentences import say
from cleaner.workspace import Workspace

SCRIPTS = Path(__file__).parents[1] / "job_tasks"
OpenPanel = Callable[..., tuple[SecondPanel, list[int]]]


@pytest.fixture
def root(colour_set: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small set that was ranked with the first network; the second look lasts until a file ``go`` comes."""
    monkeypatch.setenv("PYTHONPATH", str(SCRIPTS))
    monkeypatch.setitem(TASKS, "second", "retrain_tasks_for_tests:prepare")
    monkeypatch.setitem(TASKS, "quick", "retrain_tasks_for_tests:quick")
    ranked(colour_set)
    return colour_set


def ranked(root: Path, *, asked: str | None = None) -> None:
    with Workspace(root) as workspace:
        workspace.ranking_folder.mkdir(parents=True, exist_ok=True)
        remember(workspace, NetworkOptions("lite0", asked=asked))


@pytest.fixture
def open_panel(root: Path) -> Iterator[OpenPanel]:
    """Return a function that opens the set as a page would; the list grows with each new ranking."""
    shown: list[SecondPanel] = []

    def build(**options: str) -> tuple[SecondPanel, list[int]]:
        heard: list[int] = []
        panel = SecondPanel(Workspace(root, **options), lambda: heard.append(1))  # type: ignore[arg-type]
        shown.append(panel)
        panel.look()
        return panel, heard

    yield build
    (root / "go").touch()
    for panel in shown:
        job = Job.current(panel.workspace.state)
        if job is not None:
            job.wait(30)
        panel.close()
        panel.workspace.close()


def text(panel: Panel) -> str:
    return " ".join(text_of(tree) for tree in panel.tree)


def until(condition: Callable[[], object], *panels: Panel) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, [text(panel) + panel.problem for panel in panels]
        time.sleep(0.02)


def test_it_starts_by_itself_is_found_after_a_reload_and_its_end_is_told_once(
    open_panel: OpenPanel, root: Path
) -> None:
    panel, heard = open_panel()
    until(lambda: "Reading images · 23 of 24" in text(panel), panel)
    assert say("second.running") in text(panel)
    reloaded, heard_again = open_panel()
    assert reloaded.running
    assert len(list((panel.workspace.state / "jobs").glob("0*"))) == 1
    (root / "go").touch()
    until(lambda: heard and heard_again, panel, reloaded)
    assert (heard, heard_again) == ([1], [1])
    assert text(panel).startswith(f"{say('second')} {say('second.done')}")


def test_it_waits_for_another_job(open_panel: OpenPanel, root: Path) -> None:
    with Workspace(root) as workspace:
        Job.start(workspace.state, "job_tasks_for_tests:wait_for", {"flag": str(root / "enough")})
    panel, heard = open_panel()
    assert say("second.due") in text(panel)
    (root / "go").touch()
    (root / "enough").touch()
    until(lambda: heard, panel)


def test_a_cancel_is_remembered_until_somebody_starts_it(open_panel: OpenPanel, root: Path) -> None:
    panel, _ = open_panel()
    panel.do("cancel")
    until(lambda: say("second.stopped") in text(panel), panel)
    reloaded, heard = open_panel()
    assert not reloaded.running
    assert f"{say('second.purpose')} {say('second.start')}" in text(reloaded)
    reloaded.do("start")
    assert reloaded.running
    (root / "go").touch()
    until(lambda: heard, reloaded)


def test_a_training_interrupts_it_and_it_goes_on_afterwards(open_panel: OpenPanel, root: Path) -> None:
    panel, heard = open_panel()
    training = RetrainPanel(panel.workspace)
    training.do("retrain")
    until(lambda: training.running, training, panel)
    until(lambda: say("second.due") in text(panel), panel)
    (root / "go").touch()
    until(lambda: training.renewed and heard, training, panel)
    training.close()


def test_one_that_failed_is_not_started_again_by_itself(
    open_panel: OpenPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TASKS, "second", "retrain_tasks_for_tests:failing")
    panel, heard = open_panel()
    until(lambda: panel.problem, panel)
    assert say("second.retry") in text(panel)
    assert not open_panel()[0].running
    assert heard == []


def test_where_it_might_not_be_wanted_it_is_offered_only(
    open_panel: OpenPanel, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as small:
        small.setattr(second, "MOST_IMAGES", 10)
        assert say("second.purpose") in text(open_panel()[0])
    ranked(root, asked="lite0")
    assert say("second.purpose") in text(open_panel()[0])
    assert text(open_panel(backbone="lite0")[0]) == ""

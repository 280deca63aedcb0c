"""`CheckPanel`: looking in the background, what was found, and the way to it; the same in the report."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cleaner.jobs import Job
from cleaner.pipelines.checks import checks_folder
from cleaner.session.background import load_checks
from cleaner.session.messages import Change, Topic
from cleaner.session.session import ReviewSession
from cleaner.widgets.panels import job as job_panel
from cleaner.widgets.panels.base import Panel, Tree, text_of
from cleaner.widgets.panels.checks import CheckPanel, checks_report
from cleaner.widgets.panels.job import TASKS
from cleaner.widgets.panels.retrain import RetrainPanel
from cleaner.widgets.sentences import say
from cleaner.workspace import Workspace

SCRIPTS = Path(__file__).parents[1] / "job_tasks"
OFFER, AGAIN, STOP = say("checks.start"), say("checks.again"), say("checks.cancel")
LEAK = say("checks.leaks", leaks="1 leak")
LIST = f"1 group of duplicates {LEAK} 1 dark 1 low information 1 outlier {AGAIN}"


class Shown(CheckPanel):
    """The panel with the session that loads and counts what was found, as a page joins them."""

    def __init__(self, workspace: Workspace, heard: list[Any]) -> None:
        self.session = session = ReviewSession(workspace, in_background=False)

        def on_checked() -> None:
            session.set_checks(load_checks(session.known, workspace.state))
            heard.append(session.checks)

        def on_change(change: Change) -> None:
            if change.topic is Topic.CHECKS:
                self.show_found(session.checks, session.check_counts or None)
            elif change.topic is Topic.PROBLEM:
                self.problem = str(change.problem)

        super().__init__(workspace, on_checked, heard.append)
        session.subscribe(on_change)
        session.load_checks()

    def count(self, thresholds: dict[str, float] | None = None) -> None:
        self.session.thresholds.update(thresholds or {})
        self.session.count_checks()


OpenPanel = Callable[[], Shown]


@pytest.fixture
def root(colour_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small set whose checks are those of `check_tasks_for_tests`."""
    monkeypatch.setenv("PYTHONPATH", str(SCRIPTS))
    monkeypatch.setattr(sys, "path", [*sys.path, str(SCRIPTS)])
    monkeypatch.setitem(TASKS, "check", "check_tasks_for_tests:check")
    monkeypatch.setitem(TASKS, "quick", "retrain_tasks_for_tests:quick")
    return colour_set


@pytest.fixture
def heard() -> list[Any]:
    """The checks that pages were told of, and the orders that they were asked to show."""
    return []


@pytest.fixture
def open_panel(root: Path, heard: list[Any]) -> Iterator[OpenPanel]:
    """Return a function that opens the set as a page would."""
    shown: list[Shown] = []

    def build() -> Shown:
        panel = Shown(Workspace(root), heard)
        shown.append(panel)
        return panel

    yield build
    (root / "go").touch()
    for panel in shown:
        job = Job.current(panel.workspace.state)
        if job is not None:
            job.cancel()
            job.wait(30)
        panel.close()
        panel.session.close()
        panel.workspace.close()


def text(panel: Panel) -> str:
    return " ".join(text_of(tree) for tree in panel.tree).removeprefix(f"{say('checks')} ")


def buttons(panel: Panel) -> dict[str, bool]:
    """Return the visible buttons, and whether they can be pressed."""

    def find(tree: Tree) -> Iterator[tuple[str, bool]]:
        if not tree[1].get("hidden"):
            if tree[0] == "button":
                yield text_of(tree), not tree[1].get("disabled")
            for child in tree[2:]:
                if isinstance(child, list):
                    yield from find(child)

    return dict(hit for tree in panel.tree for hit in find(tree))


def until(condition: Callable[[], object], *panels: Panel) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, [text(panel) + panel.problem for panel in panels]
        time.sleep(0.02)


def save_checks(root: Path, *, outliers: bool = True, without: int = 0) -> None:
    """Leave checks behind as an earlier look would have, of all images but the last few."""
    from check_tasks_for_tests import made_checks

    with Workspace(root) as workspace:
        names = workspace.catalog.names.tolist()
        made_checks(names[: len(names) - without], outliers=outliers).save(checks_folder(workspace))


# ---------------------------------------------------------------- looking


def test_before_the_first_look_it_is_offered(open_panel: OpenPanel) -> None:
    panel = open_panel()
    assert panel.session.checks is None
    assert text(panel).startswith(say("checks.purpose"))
    assert buttons(panel) == {OFFER: True}


def test_a_look_says_how_far_it_is_and_hands_over_what_it_found(
    open_panel: OpenPanel, root: Path, heard: list[Any]
) -> None:
    panel = open_panel()
    panel.do("start")
    until(lambda: text(panel).startswith("Comparing images · 5 of 24"), panel)
    assert buttons(panel) == {STOP: True}
    (root / "go").touch()
    until(lambda: heard, panel)
    assert text(panel) == LIST
    assert heard == [panel.session.checks]
    assert panel.session.check_counts["leaks"] == 1


def test_a_cancelled_look_can_be_started_again(open_panel: OpenPanel) -> None:
    panel = open_panel()
    panel.do("start")
    panel.do("cancel")
    assert text(panel).startswith(say("job.stopping"))
    until(lambda: not panel.running, panel)
    assert text(panel) == f"{say('checks.stopped')} {OFFER}"


def test_a_failed_look_is_an_alert(open_panel: OpenPanel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TASKS, "check", "check_tasks_for_tests:failing")
    panel = open_panel()
    panel.do("start")
    until(lambda: panel.problem, panel)
    assert panel.problem == "The pictures cannot be read: the disk is gone."
    assert buttons(panel) == {say("checks.retry"): True}


def test_a_reloaded_page_finds_the_look_that_runs(
    open_panel: OpenPanel, root: Path, heard: list[Any]
) -> None:
    open_panel().start()
    reloaded = open_panel()
    reloaded.start()
    assert reloaded.running
    assert buttons(reloaded) == {STOP: True}
    (root / "go").touch()
    until(lambda: reloaded.session.checks, reloaded)
    until(lambda: len(heard) == 2, reloaded)


def test_beside_other_work_it_says_so_and_is_offered_afterwards(open_panel: OpenPanel, root: Path) -> None:
    panel = open_panel()
    panel.watcher.start("job_tasks_for_tests:wait_for", {"flag": str(root / "other")})
    panel.do("start")
    assert panel.problem == ""
    assert text(panel) == f"{say('job.busy')} {OFFER}"
    assert buttons(panel) == {OFFER: False}
    (root / "other").touch()
    until(lambda: buttons(panel)[OFFER], panel)


def test_the_first_look_starts_by_itself_also_after_other_work(open_panel: OpenPanel, root: Path) -> None:
    panel = open_panel()
    panel.watcher.start("job_tasks_for_tests:wait_for", {"flag": str(root / "other")})
    panel.start_if_never()
    assert text(panel).startswith(say("checks.due"))
    (root / "other").touch()
    until(lambda: panel.running, panel)
    panel.do("cancel")
    until(lambda: not panel.running, panel)
    panel.start_if_never()
    assert not panel.running


def test_what_was_found_before_is_not_looked_for_again(open_panel: OpenPanel, root: Path) -> None:
    save_checks(root)
    panel = open_panel()
    panel.start_if_never()
    assert not panel.running


# ---------------------------------------------------------------- retraining


def test_retraining_interrupts_a_look(open_panel: OpenPanel, root: Path) -> None:
    panel = open_panel()
    panel.do("start")
    until(lambda: "5 of 24" in text(panel), panel)
    training = RetrainPanel(panel.workspace)
    assert buttons(training)[say("retrain.start")]
    training.do("retrain")
    assert say("job.making_way") in text(training)
    until(lambda: training.running, training, panel)
    until(lambda: not panel.running, panel)
    assert text(panel) == f"{say('checks.interrupted')} {say('job.busy')} {OFFER}"
    (root / "go").touch()
    until(lambda: training.renewed, training)
    until(lambda: buttons(panel)[OFFER], panel)
    training.close()


def test_a_look_that_does_not_stop_is_named(open_panel: OpenPanel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TASKS, "check", "job_tasks_for_tests:ignore_cancel")
    monkeypatch.setattr(job_panel, "_STOP_TIMEOUT_S", 0.2)
    panel = open_panel()
    panel.watcher.start("job_tasks_for_tests:ignore_cancel", {})
    job = Job.current(panel.workspace.state)
    assert job is not None
    until(lambda: job.status().stage == "deaf", panel)
    training = RetrainPanel(panel.workspace)
    training.do("retrain")
    until(lambda: training.problem, training)
    assert training.problem.startswith("Cannot start “quick” while “ignore cancel” is running")
    training.close()
    job.kill()


# ---------------------------------------------------------------- what was found


def test_what_was_found_before_is_there_at_once_and_leads_to_its_views(
    open_panel: OpenPanel, root: Path, heard: list[Any]
) -> None:
    save_checks(root)
    panel = open_panel()
    assert text(panel) == LIST
    values = [item[2][1]["data-value"] for tree in panel.tree for item in tree[5][2:]]
    assert values == ["duplicates", "dark", "low information", "outliers"]
    panel.do("open", "low information")
    assert heard == ["low information"]


def test_decisions_and_thresholds_change_the_counts(open_panel: OpenPanel, root: Path) -> None:
    save_checks(root)
    panel = open_panel()
    names = panel.workspace.catalog.names.tolist()
    panel.workspace.store.decide(names[1], "relabel", "red")
    panel.count()
    assert text(panel).startswith(
        f"1 group of duplicates {LEAK}, {say('checks.two_labels', number=1)} 1 dark"
    )
    panel.workspace.store.decide(names[1], "delete")
    panel.count()
    assert text(panel) == f"1 dark 1 low information 1 outlier {AGAIN}"
    panel.count({"duplicates": 0.75, "low information": 0.95, "outliers": 0.8})
    assert text(panel) == f"1 group of duplicates {LEAK} 1 dark {AGAIN}"
    panel.workspace.store.decide(names[2], "delete")
    panel.count()
    assert text(panel) == f"{say('checks.none_found')} {AGAIN}"


def test_broken_files_lead_to_the_files(open_panel: OpenPanel, root: Path) -> None:
    (root / "red" / "broken.jpg").write_bytes(b"no picture")
    save_checks(root)
    panel = open_panel()
    until(lambda: "1 file left out" in buttons(panel), panel)


def test_files_that_came_since_are_named(open_panel: OpenPanel, root: Path) -> None:
    save_checks(root, without=2)
    panel = open_panel()
    assert buttons(panel)[AGAIN]
    assert text(panel).startswith(f"{say('checks.new', images='2 images')} 1 group")


def test_files_that_went_away_are_not_counted(open_panel: OpenPanel, root: Path) -> None:
    save_checks(root)
    with Workspace(root) as workspace:
        (root / workspace.catalog.names[0]).unlink()
    panel = open_panel()
    until(lambda: "dark" in text(panel), panel)
    assert "duplicates" not in text(panel)


def test_without_weights_it_says_what_was_not_looked_for(open_panel: OpenPanel, root: Path) -> None:
    save_checks(root, outliers=False)
    panel = open_panel()
    until(lambda: "1 dark" in text(panel), panel)
    assert say("checks.no_weights") in text(panel)


def test_a_damaged_result_is_said_and_can_be_made_again(open_panel: OpenPanel, root: Path) -> None:
    save_checks(root)
    with Workspace(root) as workspace:
        (checks_folder(workspace) / "similar.npz").write_bytes(b"no archive")
    panel = open_panel()
    assert panel.session.checks is None
    assert panel.problem.startswith("Cannot read ")
    assert buttons(panel) == {OFFER: True}
    panel.start_if_never()
    assert panel.running
    assert panel.problem == ""


# ---------------------------------------------------------------- the report


def test_the_report_says_what_was_found_and_from_which_score(open_panel: OpenPanel, root: Path) -> None:
    save_checks(root)
    panel = open_panel()
    panel.count()
    said = [
        text_of(tree)
        for tree in checks_report(panel.session.checks, panel.session.check_counts, {"dark": 0.7})
    ]
    found = f"1 group of duplicates ({LEAK}), 1 dark, 1 low information, 1 outlier"
    assert said[:2] == [say("checks.report"), say("checks.report.found", found=found)]
    assert "Dark 0.70 1" in said[2]
    assert "Blurry 0.65 0" in said[2]
    assert said[2].endswith("Outliers 0.50 1 Duplicates 0.95 1")


def test_the_report_says_that_nobody_has_looked() -> None:
    said = [text_of(tree) for tree in checks_report(None, {})]
    assert said == [say("checks.report"), say("checks.report.none")]

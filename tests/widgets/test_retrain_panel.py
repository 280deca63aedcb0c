"""`RetrainPanel`: start, watch, cancel, attach after a reload, and what is said at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cleaner.errors import CleanerError
from cleaner.jobs import Job
from cleaner.widgets.panels.base import Tree, text_of
from cleaner.widgets.panels.job import TASKS
from cleaner.widgets.panels.retrain import RetrainPanel, result_trees, worth_trees
from cleaner.widgets.sentences import say
from cleaner.workspace import Workspace

SCRIPTS = Path(__file__).parents[1] / "job_tasks"


@pytest.fixture
def workspace(colour_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A small set whose trainings are those of `retrain_tasks_for_tests`."""
    monkeypatch.setenv("CLEANER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHONPATH", str(SCRIPTS))
    for mode in ("quick", "full", "rates"):
        monkeypatch.setitem(TASKS, mode, f"retrain_tasks_for_tests:{mode}")
    with Workspace(colour_set) as ws:
        yield ws


@pytest.fixture
def panel(workspace: Workspace) -> Iterator[RetrainPanel]:
    shown = RetrainPanel(workspace)
    yield shown
    job = Job.current(workspace.state)
    if job is not None:
        job.cancel()
        job.wait(30)
    shown.close()


def text(panel: RetrainPanel) -> str:
    return " ".join(text_of(tree) for tree in panel.tree)


def until(condition: Callable[[], bool], panel: RetrainPanel) -> None:
    """Wait for what a job in another process brings about."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, text(panel) + panel.problem
        time.sleep(0.02)


def choice(time: str) -> str:
    """Return what the choice of a full training says, as `text_of` reads it."""
    return say("retrain.full", mode=f"{say('retrain.full.mode')} ", time=time)


def find(panel: RetrainPanel, tag: str, kind: str) -> list[Tree]:
    """Return the visible elements of a class; "" is any."""

    def below(tree: Tree) -> list[Tree]:
        if tree[1].get("hidden"):
            return []
        classes = str(tree[1].get("class", "")).split()
        found = [tree] if tree[0] == tag and (not kind or kind in classes) else []
        return found + [hit for child in tree[2:] if isinstance(child, list) for hit in below(child)]

    return [hit for tree in panel.tree for hit in below(tree)]


def disabled(panel: RetrainPanel, words: str) -> bool:
    """Tell whether the visible button with these words is disabled."""
    (found,) = [button for button in find(panel, "button", "cleaner-button") if button[2] == words]
    return bool(found[1].get("disabled", False))


def test_an_unknown_keyword_is_refused_with_advice(workspace: Workspace) -> None:
    with pytest.raises(TypeError) as caught:
        RetrainPanel(workspace, epoch=3)
    assert str(caught.value) == (
        "RetrainPanel got 'epoch'; it takes a workspace, and epochs= and lock= as keywords."
    )


@pytest.mark.parametrize("epochs", [0, 101])
def test_epochs_out_of_range_are_refused(workspace: Workspace, epochs: int) -> None:
    with pytest.raises(CleanerError) as caught:
        RetrainPanel(workspace, epochs=epochs)
    assert (
        str(caught.value) == f"Got {epochs} as the number of epochs; expected a whole number from 1 to 100."
    )


def test_what_is_typed_as_epochs_is_checked(panel: RetrainPanel) -> None:
    panel.do("epochs", "many")
    assert panel.problem == "Got 'many' as the number of epochs; expected a whole number from 1 to 100."
    panel.do("epochs", "7")
    assert panel.problem == ""


def test_a_training_is_shown_while_it_runs_and_its_outcome_at_the_end(
    panel: RetrainPanel, workspace: Workspace
) -> None:
    renewed: list[int] = []
    panel.observe(lambda change: renewed.append(change["new"]), names=["renewed"])
    assert say("retrain.cancel") not in text(panel)

    panel.do("retrain")
    assert panel.running
    assert disabled(panel, "Retrain")
    assert not disabled(panel, "Cancel")
    until(lambda: say("retrain.train_loss") in text(panel), panel)
    assert f"· {say('retrain.error', share='20.0 %')}" in text(panel)
    assert choice(say("retrain.full.time")) in text(panel)

    outcome = f"{say('retrain.before')} 15.2 % {say('retrain.now')} 12.6 %"
    until(lambda: outcome in text(panel), panel)  # long before what takes longer is known
    assert panel.running
    assert panel.result is None
    (workspace.root / "go").touch()
    until(lambda: say("retrain.done") in text(panel), panel)
    assert outcome in text(panel)
    values = {"difference": "−2.6", "low": "−4.4", "high": "−0.9", "images": "341 validation images"}
    assert f"{say('retrain.better')} {say('retrain.interval', **values)}" in text(panel)
    worth = {"difference": "2.1", "low": "0.8", "high": "3.3"}
    assert (
        f"{say('worth.fewer', **worth)} {say('worth.ahead', images='200 images', low='0.3', high='1.1')}"
        in (text(panel))
    )
    assert say("worth.how", images="3,409 images", decided="320") in text(panel)
    names = {"before": "last layer on the labels as given", "now": "last layer on the cleaned labels"}
    assert say("retrain.names", **names) in text(panel)
    assert not disabled(panel, "Retrain")
    assert say("retrain.train_loss") in text(panel)  # the curves stay, to be looked at
    shares = {"error": "20.0 %", "low": "16.0 %", "high": "24.5 %"}
    assert f"{say('retrain.error.title')} {say('retrain.error.value', **shares)}" in text(panel)
    rate = say("retrain.rate.value", rate="3.3e-4", top="1e-3")
    assert f"{say('retrain.rate.title')} {rate}" in text(panel)
    assert choice("about 5 min") in text(panel)  # 4 epochs and one of the head, 60 s each
    until(lambda: renewed == [1], panel)


def test_a_cancelled_training_says_that_the_old_model_is_in_use(panel: RetrainPanel) -> None:
    panel.do("retrain")
    panel.do("cancel")
    assert say("job.stopping") in text(panel)
    assert disabled(panel, "Cancel")
    until(lambda: not panel.running, panel)
    assert say("retrain.cancelled") in text(panel)
    assert panel.renewed == 0
    assert panel.problem == ""


def test_a_failed_training_is_an_alert(panel: RetrainPanel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TASKS, "quick", "retrain_tasks_for_tests:failing")
    panel.do("retrain")
    until(lambda: not panel.running, panel)
    assert panel.problem == say("retrain.failed", reason="Training needs two classes; the set has one")
    assert not disabled(panel, "Retrain")


def test_a_full_training_gets_its_epochs_and_its_rate(panel: RetrainPanel) -> None:
    panel.do("mode", "full")
    panel.do("epochs", "3")
    panel.do("lr", "3e-4")
    panel.do("retrain")
    until(lambda: "Now: 3 epochs, 0.0003." in text(panel), panel)
    assert panel.result is not None
    assert panel.result["model"].endswith("m.safetensors")


@pytest.mark.parametrize("lr", ["fast", "0", "-1e-3", "11", "nan"])
def test_what_is_typed_as_a_rate_is_checked(panel: RetrainPanel, lr: str) -> None:
    panel.do("lr", lr)
    assert panel.problem == (
        f"Got {lr!r} as the learning rate; expected a number from 0 to 10, such as 2e-3."
    )


def test_a_remedy_is_a_button_that_trains_with_it(panel: RetrainPanel, workspace: Workspace) -> None:
    panel.do("mode", "full")
    panel.do("lr", "0.5")
    panel.do("epochs", "1")
    panel.do("retrain")
    again = say("diagnosis.again_with_rate", rate="5e-2")
    until(lambda: again in text(panel), panel)
    assert panel.problem.endswith(say("retrain.failed", reason="").partition(": ")[2])
    reloaded = RetrainPanel(workspace)  # the advice on a training that diverged stays
    assert panel.diagnosis is not None
    assert f"{panel.diagnosis.sentence} {again}" in text(reloaded)

    reloaded.do("epochs", "1")
    reloaded.do("remedy")
    until(lambda: "Now: 1 epochs, 0.05." in text(reloaded), reloaded)
    again = say("diagnosis.again_for", epochs="2 epochs")
    assert again in text(reloaded)
    reloaded.do("remedy")
    until(lambda: "Now: 2 epochs, 0.05." in text(reloaded), reloaded)
    reloaded.close()


def test_a_rate_is_found_picked_and_taken(panel: RetrainPanel, workspace: Workspace) -> None:
    panel.do("mode", "full")
    panel.do("find_rate")
    until(lambda: say("rates") in text(panel), panel)
    assert panel.renewed == 0
    assert panel.result is None
    (chart,) = find(panel, "svg", "cleaner-chart")
    suggestions = [f"{say(f'rates.{rule}')} {lr}" for rule, lr in (("valley", "1e-3"), ("steep", "5e-4"))]
    assert all(words in chart[1]["aria-label"] for words in suggestions)
    (slider,) = find(panel, "input", "cleaner-range")
    assert (slider[1]["min"], slider[1]["max"], slider[1]["data-enter"]) == ("-7.00", "-1.00", "take_rate")

    panel.do("pick_rate", "-2.30")
    assert say("rates.take", rate="5e-3") in text(panel)
    panel.do("pick_rate", "far")
    assert panel.problem.startswith("Got 'nan' as the learning rate")
    reloaded = RetrainPanel(workspace)  # what was found stays until something else is done
    reloaded.do("mode", "full")
    assert say("rates") in text(reloaded)
    reloaded.close()
    panel.do("take_rate", "-2.30")
    assert say("rates.taken", rate="5e-3") in text(panel)
    assert say("rates") not in text(panel)
    panel.do("epochs", "1")
    panel.do("retrain")
    until(lambda: "Now: 1 epochs, 0.005." in text(panel), panel)


def test_a_cancelled_search_for_a_rate_changes_nothing(panel: RetrainPanel, workspace: Workspace) -> None:
    (workspace.root / "wait").touch()
    panel.do("mode", "full")
    panel.do("lr", "3e-4")
    panel.do("find_rate")
    panel.do("cancel")
    until(lambda: not panel.running, panel)
    assert say("rates.cancelled") in text(panel)
    assert find(panel, "input", "is-number")[1][1]["value"] == "3e-4"


def test_a_new_panel_attaches_to_a_running_training_and_shows_the_last_outcome(
    panel: RetrainPanel, workspace: Workspace
) -> None:
    panel.do("retrain")
    reloaded = RetrainPanel(workspace)
    until(lambda: reloaded.running and "Cancel" in text(reloaded), reloaded)
    (workspace.root / "go").touch()
    until(lambda: not reloaded.running, reloaded)
    reloaded.close()

    later = RetrainPanel(workspace)
    assert f"{say('retrain.now')} 12.6 %" in text(later)
    assert say("retrain.train_loss") in text(later)
    later.close()


def test_a_process_started_ahead_runs_the_training(panel: RetrainPanel, workspace: Workspace) -> None:
    def waiting() -> int | None:
        process = panel._standby._process
        return None if process is None else process.pid

    panel.expect()
    until(waiting, panel)
    started = waiting()
    (workspace.root / "go").touch()
    panel.do("retrain")
    until(lambda: panel.renewed, panel)
    assert Job(workspace.state / "jobs" / "000001").status().pid == started
    panel.expect()
    until(waiting, panel)
    process = panel._standby._process
    panel.close()
    assert process is not None
    assert process.poll() is not None


def test_a_page_that_is_opened_during_a_full_training_shows_that_it_is_one(
    panel: RetrainPanel, workspace: Workspace
) -> None:
    (workspace.root / "wait").touch()
    panel.do("mode", "full")
    panel.do("retrain")
    reloaded = RetrainPanel(workspace)
    chosen = [radio[1]["value"] for radio in find(reloaded, "input", "") if radio[1].get("checked")]
    assert chosen == ["full"]
    (workspace.root / "wait").unlink()
    until(lambda: not reloaded.running, reloaded)
    reloaded.close()


def test_other_work_of_the_set_keeps_the_button_waiting(panel: RetrainPanel, workspace: Workspace) -> None:
    flag = workspace.root / "enough"
    panel.watcher.start("job_tasks_for_tests:wait_for", {"flag": str(flag)})
    until(lambda: disabled(panel, "Retrain"), panel)
    assert say("retrain.busy") in text(panel)
    panel.do("retrain")
    assert panel.problem.startswith("Cannot start “quick” while “wait for” is running")
    flag.touch()
    until(lambda: not disabled(panel, "Retrain"), panel)


def test_a_closed_panel_no_longer_follows_the_job(workspace: Workspace) -> None:
    shown = RetrainPanel(workspace)
    watcher = shown.watcher
    shown.close()
    end = time.monotonic() + 10
    while watcher._thread is not None and time.monotonic() < end:
        time.sleep(0.02)
    assert watcher._thread is None


SURE = {"difference": -0.02, "low": -0.03, "high": -0.01}
UNSURE = {"difference": -0.002, "low": -0.011, "high": 0.004}
COSTLY = {"difference": 0.02, "low": 0.012, "high": 0.03}
WORTH = {"images": 3409, "decided": 320, "changed": 9, "looks": 200, "errors": 12.2}


@pytest.mark.parametrize(
    ("so_far", "ahead", "said"),
    [
        (
            UNSURE,
            UNSURE,
            [
                say("worth.same", more="0.4", fewer="1.1"),
                say(
                    "worth.ahead_same",
                    images="200 images",
                    errors="about 12 wrong labels",
                    more="0.4",
                    fewer="1.1",
                ),
            ],
        ),
        (COSTLY, SURE, [say("worth.more", difference="2.0", low="1.2", high="3.0")]),
        (None, None, [say("worth.unchanged"), say("worth.all_decided")]),
        # A forecast of more mistakes is no reason to stop: it promises nothing.
        (
            SURE,
            COSTLY,
            [
                say(
                    "worth.ahead_same",
                    images="200 images",
                    errors="about 12 wrong labels",
                    more="3.0",
                    fewer="0.0",
                )
            ],
        ),
    ],
)
def test_what_cannot_be_measured_is_said_to_be_so(
    so_far: dict[str, float] | None, ahead: dict[str, float] | None, said: list[str]
) -> None:
    shown = " ".join(text_of(tree) for tree in worth_trees(WORTH | {"so_far": so_far, "ahead": ahead}))
    assert all(sentence in shown for sentence in said), shown


def test_on_few_images_nothing_is_said_about_worth() -> None:
    few = WORTH | {"images": 38, "so_far": None, "ahead": None}
    (shown,) = map(text_of, worth_trees(few))
    assert shown == f"{say('worth')} {say('worth.too_few', images='38 images', least='50 images')}"
    (nothing,) = map(text_of, worth_trees(None))  # a result of an earlier version
    assert nothing == ""


def test_where_images_have_several_labels_it_is_said_what_errors_are_shares_of() -> None:
    precision = {"before": 0.71, "after": 0.74, "low": -0.01, "high": 0.062}
    rates = {"before": 0.048, "after": 0.041, "difference": -0.007, "low": -0.012, "high": -0.002}
    names = {"before_name": "old", "after_name": "new"}
    one = {**rates, **names, "n": 180, "p_value": 0.01, "sentence": ""}  # as older results are, too
    told = text_of(result_trees({**one, "answers": 10, "precision": precision})[0])
    assert say("retrain.answers", answers="1,800 answers", classes="10 classes") in told
    words = {"before": "0.710", "now": "0.740", "difference": "+0.030", "low": "−0.010", "high": "+0.062"}
    assert say("retrain.precision", **words) in told
    assert say("retrain.answers", answers="180 answers", classes="1 class") not in text_of(
        result_trees(one)[0]
    )

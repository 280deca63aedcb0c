"""`CleanerApp` and the page that holds it, without a browser."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ipywidgets
import numpy as np
import pandas as pd
import pytest
from played_job import played_job
from rankings import partial_ranking

from cleaner.errors import CleanerError, ImageError
from cleaner.jobs import Job
from cleaner.pipelines.network import NetworkOptions, remember
from cleaner.ranking import Ranking, rank_probabilities
from cleaner.widgets.app import CleanerApp
from cleaner.widgets.page import DashboardPage, _Ahead, open_app
from cleaner.widgets.page_copy import PageCopy
from cleaner.widgets.page_keeper import PageKeeper
from cleaner.widgets.page_settings import ENVIRONMENT_VARIABLE, PageSettings
from cleaner.widgets.panels import job
from cleaner.widgets.panels.base import Panel, Tree, text_of
from cleaner.widgets.sentences import say
from cleaner.widgets.start import StartPage
from cleaner.workspace import Workspace

TASKS = Path(__file__).parents[1] / "job_tasks"
SOURCE = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def quiet_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Own lists and logs, no dashboard round us, and tasks that a test can steer."""
    monkeypatch.setenv("CLEANER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHONPATH", str(TASKS))
    monkeypatch.delenv(ENVIRONMENT_VARIABLE, raising=False)
    monkeypatch.setitem(job.TASKS, "prepare", "retrain_tasks_for_tests:prepare")
    monkeypatch.setitem(job.TASKS, "quick", "retrain_tasks_for_tests:quick")


@pytest.fixture
def root(make_set: Callable[..., Path]) -> Path:
    """Twenty-four pictures, one of each class filed wrongly."""
    return make_set(wrong=1)


def save_ranking(root: Path, *, without: int = 0) -> list[str]:
    """Rank as a model would that knows the truth, which the file names tell; return the wrong ones."""
    with Workspace(root, from_scratch=True) as workspace:
        catalog = workspace.catalog.subset(list(workspace.catalog.names)[without:])
        odds = np.full((len(catalog), len(catalog.classes)), 0.05)
        for row, name in enumerate(catalog.names):
            odds[row, catalog.classes.index(name.split("/")[1].split("_")[0])] = 0.9
        rank_probabilities(catalog, odds).save(workspace.ranking_folder)
        return [name for name in catalog.names if name.split("/")[0] != name.split("/")[1].split("_")[0]]


def save_partial_ranking(root: Path, *, every: int) -> None:
    """Save what such a model says while it has looked at some of the images only."""
    save_ranking(root)
    with Workspace(root, from_scratch=True) as workspace:
        whole = Ranking.load(workspace.ranking_folder)
        shutil.rmtree(workspace.ranking_folder)
        partial_ranking(whole, every=every).save(workspace.preliminary_folder)


@pytest.fixture
def open_app_on(root: Path) -> Iterator[Callable[..., CleanerApp]]:
    """Return a function that opens the set; whatever runs is ended at the end."""
    opened: list[CleanerApp] = []

    def build(**keywords: object) -> CleanerApp:
        workspace = Workspace(root, from_scratch=True, reviewer="Ana")
        opened.append(CleanerApp(workspace, page_size=6, **keywords))  # type: ignore[arg-type]
        return opened[-1]

    yield build
    (root / "go").touch()
    job = Job.current(root / ".cleaner")
    if job is not None:
        job.wait(60)
    for app in opened:
        app.close()


def text(panel: Panel) -> str:
    return " ".join(text_of(tree) for tree in panel.tree)


def shown_in(widget: ipywidgets.Widget) -> list[ipywidgets.Widget]:
    """Return a widget and all that stands in it."""
    return [widget, *(each for child in getattr(widget, "children", ()) for each in shown_in(child))]


def until(condition: Callable[[], object]) -> None:
    """Wait for what a thread or another process brings about."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def with_role(tree: Tree, role: str) -> list[str]:
    found = [text_of(tree)] if tree[1].get("role") == role and not tree[1].get("hidden") else []
    return found + [hit for child in tree[2:] if isinstance(child, list) for hit in with_role(child, role)]


# ---------------------------------------------------------------- opening


def test_files_that_are_renamed_while_the_page_is_open_are_told_with_a_way_to_open_it_again(
    open_app_on: Callable[..., CleanerApp], root: Path
) -> None:
    save_ranking(root)
    asked: list[str] = []
    app = open_app_on(on_reopen=lambda: asked.append("again"))
    app.image_cleaner.decide(app.image_cleaner.names[0], "keep")
    until(lambda: "1 of 24" in text(app.standing))
    assert say("app.files_gone") not in text(app.messages)
    (root / "red").rename(root / "crimson")
    app.image_cleaner.decide(app.image_cleaner.names[1], "keep")
    until(lambda: say("app.files_gone") in text(app.messages))
    app.messages.do("reopen")
    assert asked == ["again"]


def test_an_image_that_is_gone_when_it_is_looked_at_tells_of_the_others_before_anything_is_decided(
    open_app_on: Callable[..., CleanerApp], root: Path
) -> None:
    save_ranking(root)
    app = open_app_on()
    until(lambda: app._delayed._thread is None)  # what an opened page draws late looks for the files too
    (root / "red").rename(root / "crimson")
    name = next(name for name in app.image_cleaner.names if name.startswith("red/"))
    with pytest.raises(ImageError, match="no such file"):
        app.session.picture(name, full=False)
    until(lambda: say("app.files_gone.again") in text(app.messages))


def test_an_unknown_keyword_is_refused_with_advice(root: Path) -> None:
    with pytest.raises(TypeError) as caught:
        CleanerApp(root, pagesize=12)
    assert str(caught.value) == (
        "CleanerApp got 'pagesize'; it takes a workspace or a path, and page_size=, "
        "order=, on_leave=, on_table=, on_layout=, on_import= and on_reopen= as keywords."
    )


def test_without_a_ranking_the_pictures_are_there_while_one_is_made(
    open_app_on: Callable[..., CleanerApp], root: Path
) -> None:
    app = open_app_on()
    names = list(app.workspace.catalog.names)
    assert list(app.image_cleaner.names) == names[:6]
    until(lambda: "Reading images" in text(app.prepare))

    wrong = save_ranking(root)
    (root / "go").touch()
    until(lambda: set(app.image_cleaner.names[:3]) == set(wrong))
    until(lambda: text(app.prepare) == "")


def test_the_first_orders_are_said_and_used_from_the_next_page_on_also_after_a_reload(
    open_app_on: Callable[..., CleanerApp], root: Path
) -> None:
    state = root / ".cleaner"
    with played_job(state) as played:
        app = open_app_on()
        before = app.image_cleaner.names
        save_partial_ranking(root, every=2)
        played.tell(result={"preliminary": "m", "n": 12, "awaited": 12})
        partly = say("prepare.order", done="12", total="24")
        until(lambda: partly in text(app.prepare))
        assert app.image_cleaner.names == before
        app.image_cleaner.next_page()
        chosen = app.image_cleaner.names
        assert app.image_cleaner.ranking is not None
        unseen = [name for name in app.image_cleaner.ranking.order() if name not in before]
        assert list(chosen) == unseen[:6]
        app.close()

        again = open_app_on()  # attaches to the job
        assert partly in text(again.prepare)
        assert again.image_cleaner.names == chosen  # the page that was open
        played.tell(phase="cancelled", result=None)
        until(lambda: say("prepare.stopped") in text(again.prepare))
        assert say("prepare.order.stopped", done="12", total="24") in text(again.prepare)
        assert again.image_cleaner.ranking is not None
        assert len(again.image_cleaner.ranking) == 12


def test_after_the_first_ranking_other_problems_are_searched_for_and_then_a_second_network_looks(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(job.TASKS, "check", "check_tasks_for_tests:check")
    monkeypatch.setitem(job.TASKS, "second", "job_tasks_for_tests:look_again")
    app = CleanerApp(Workspace(root, reviewer="Ana"), page_size=6)
    save_ranking(root)
    remember(app.workspace, NetworkOptions("lite0"))
    (root / "go").touch()
    until(lambda: say("second.done") in text(app.second))
    jobs = sorted((app.workspace.state / "jobs").glob("0*/spec.json"))
    assert [json.loads(each.read_text())["task"] for each in jobs] == [
        job.TASKS[kind] for kind in ("prepare", "check", "second")
    ]
    app.close()


@pytest.mark.parametrize("is_ranked", [False, True])
def test_what_the_page_will_rank_is_begun_ahead_of_it(
    is_ranked: bool, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if is_ranked:
        save_ranking(root)
    settings = PageSettings.for_root(root, options={"from_scratch": True})
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, settings.to_json())
    ahead = _Ahead()
    ahead.begin()
    assert settings.workspace is not None
    workspace = ahead.take(settings.workspace)
    assert workspace is not None
    begun = Job.current(workspace.state)
    assert (begun is None) == is_ranked
    app = CleanerApp(workspace, page_size=6)
    (root / "go").touch()
    if begun is not None:
        until(lambda: begun.status().phase == "done")
        assert [each.name for each in (workspace.state / "jobs").glob("0*")] == [begun.id]
    app.close()


def test_with_a_ranking_nothing_is_computed(open_app_on: Callable[..., CleanerApp], root: Path) -> None:
    wrong = save_ranking(root)
    app = open_app_on()
    assert set(app.image_cleaner.names[:3]) == set(wrong)
    assert Job.last(app.workspace.state) is None
    assert Job.current(app.workspace.state) is None


def test_a_ranking_that_cannot_be_read_is_made_anew_and_said(
    open_app_on: Callable[..., CleanerApp], root: Path
) -> None:
    save_ranking(root)
    for path in (root / ".cleaner" / "ranking").iterdir():
        path.write_bytes(b"not a ranking")
    app = open_app_on()
    assert say("app.ranking_lost") in text(app.messages)
    assert app.prepare.running
    app.messages.do("dismiss", "0")
    assert say("app.ranking_lost") not in text(app.messages)


def test_pictures_that_came_later_are_offered_for_ranking(
    open_app_on: Callable[..., CleanerApp], root: Path
) -> None:
    save_ranking(root, without=5)
    app = open_app_on()
    assert text(app.prepare) == f"{say('prepare.new', images='5 images')} {say('prepare.rank')}"


def test_the_page_needs_no_slow_library_before_its_pictures(root: Path) -> None:
    save_ranking(root)
    code = f"""
import sys
from cleaner.dashboard import open_app
page = open_app({str(root)!r})
app = page.children[0]
pictures = [app.image_cleaner.session.thumbnail(name) for name in app.image_cleaner.names]
slow = {{"torch", "torchvision", "sklearn", "matplotlib", "scipy", "timm"}}
print(len(pictures), sorted(slow & sys.modules.keys()))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=SOURCE, capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.splitlines()[-1] == "24 []"


# ---------------------------------------------------------------- what it says


def test_header_and_figures_follow_the_decisions(open_app_on: Callable[..., CleanerApp], root: Path) -> None:
    wrong = save_ranking(root)
    app = open_app_on()
    assert "24 images · 3 classes · train 18, valid 6" in text(app.header)
    assert say("header.reviewer", reviewer="Ana").strip() in text(app.header)
    assert f"0 errors found {say('progress.reviewed')} 0 of 24" in text(app.standing)
    assert say("results.begins", name="cleaned.csv") in text(app.result)

    app.image_cleaner.decide(wrong[0], "delete")
    app.image_cleaner.decide(wrong[1], "keep")
    until(lambda: f"1 error found {say('progress.reviewed')} 2 of 24" in text(app.standing))
    until(lambda: say("results.follows", name="cleaned.csv") in text(app.result))


def test_what_may_be_misread_stands_above_the_grid_until_it_is_dismissed(
    open_app_on: Callable[..., CleanerApp], root: Path
) -> None:
    save_ranking(root)
    (root / "red").rename(root / "images")  # a class that does not sound like one
    app = open_app_on()
    (doubt,) = (each.text for each in app.workspace.catalog.findings if each.topic == "generic_classes")
    assert doubt in text(app.doubts)
    assert app.doubts in shown_in(app)
    app.doubts.do("files")
    assert app.doubts not in shown_in(app)
    assert doubt in text(app.sheet)
    app.go_to("Labels")
    app.doubts.do("dismiss")
    assert text(app.doubts) == ""
    assert text(open_app_on().doubts) == ""


def test_folders_can_be_read_otherwise_on_the_page(root: Path) -> None:
    for label in ("red", "green"):
        (root / "all" / label).mkdir(parents=True)
        for path in list((root / label).iterdir()):
            path.rename(root / "all" / label / path.name)
        (root / label).rmdir()
    (root / "blue").rename(root / "other")
    page = DashboardPage(PageSettings.for_root(root, options={"from_scratch": True}))
    (app,) = page.children
    assert app.workspace.catalog.classes == ["all", "other"]
    app.go_to("Files")
    assert say("files.layout", classes="green and red", number="2 classes") in text(app.sheet)
    app.sheet.do("layout", "*/class")
    until(lambda: page.children[0] is not app)
    (again,) = page.children
    assert again.workspace.catalog.classes == ["green", "red"]
    (root / "go").touch()
    job = Job.current(root / ".cleaner")
    if job is not None:
        job.wait(60)
    again.close()


def test_files_that_are_left_out_are_named_behind_the_question_why(
    open_app_on: Callable[..., CleanerApp], root: Path
) -> None:
    (root / "red" / "page.jpg").write_bytes(b"<html>gone</html>")
    save_ranking(root)
    app = open_app_on()
    assert say("header.left_out", files="1 file") in text(app.header)
    app.header.do("files")
    assert app.sheet in shown_in(app)
    assert app.image_cleaner not in shown_in(app)
    assert "red/page.jpg not an image: HTML" in text(app.sheet)
    app.steps.do("step", "Labels")
    assert app.sheet not in shown_in(app)
    assert app.image_cleaner in shown_in(app)


def test_the_report_tells_what_was_changed(open_app_on: Callable[..., CleanerApp], root: Path) -> None:
    wrong = save_ranking(root)
    app = open_app_on()
    app.go_to("Report")
    assert say("report.changes.none") in text(app.sheet)
    app.image_cleaner.decide(wrong[0], "relabel", "green")
    until(lambda: f"{wrong[0].split('/')[0]} green 1" in text(app.sheet))


def test_the_report_saves_the_csv_and_the_model_and_says_where(
    open_app_on: Callable[..., CleanerApp], root: Path
) -> None:
    save_ranking(root)
    app = open_app_on()
    app.go_to("Report")
    app.sheet.do("export-model")
    assert "No model has been trained" in app.sheet.problem
    models = app.workspace.state / "models"
    models.mkdir()
    (models / "quick.safetensors").write_bytes(b"weights")
    app.sheet.do("export-model")
    app.sheet.do("export-csv")
    assert app.sheet.problem == ""
    for name in ("cleaned.safetensors", "cleaned.csv"):
        assert f"{say('report.exported').strip()} {root / name}" in text(app.sheet)
        assert (root / name).is_file()


def test_an_act_on_classes_is_followed_everywhere(open_app_on: Callable[..., CleanerApp], root: Path) -> None:
    save_ranking(root)
    app = open_app_on()
    app.go_to("Files")
    app.classes.do("merge", "green")
    app.classes.do("into", "blue")
    app.classes.do("do-merge")
    assert "24 images · 2 classes" in text(app.header)
    app.go_to("Report")
    corner, everything = say("confusions.matrix.corner"), say("confusions.matrix.all")
    until(lambda: f"{corner} blue red {everything}" in text(app.sheet))
    assert "green" not in text(app.sheet)
    app.image_cleaner.undo()
    until(lambda: "24 images · 3 classes" in text(app.header))
    until(lambda: f"{corner} blue green red {everything}" in text(app.sheet))
    app.image_cleaner.decide(app.image_cleaner.names[0], "delete")
    app.go_to("Files")
    assert " 7 Rename Merge" in text(app.classes)


def test_an_unknown_step_is_refused(open_app_on: Callable[..., CleanerApp], root: Path) -> None:
    save_ranking(root)
    with pytest.raises(CleanerError) as caught:
        open_app_on().go_to("Dance")
    assert str(caught.value) == "Got step 'Dance'; expected one of Files, Labels, Map, Report."


def test_the_history_can_be_written_beside_the_result(
    open_app_on: Callable[..., CleanerApp], root: Path
) -> None:
    wrong = save_ranking(root)
    app = open_app_on()
    app.image_cleaner.decide(wrong[0], "delete")
    app.result.do("export")
    assert app.result.problem == ""
    written = pd.read_csv(root / "decisions.csv")
    assert list(written["name"]) == [wrong[0]]
    assert str(root / "decisions.csv") in text(app.result)


def test_a_new_ranking_after_training_is_taken_in(open_app_on: Callable[..., CleanerApp], root: Path) -> None:
    save_ranking(root)
    app = open_app_on()
    before = app.image_cleaner.ranking
    app.image_cleaner.decide(before.names[0], "keep")
    until(lambda: app.retrain._standby._process)  # a training may be wanted soon
    (root / "go").touch()
    app.retrain.do("retrain")
    until(lambda: app.image_cleaner.ranking is not before)
    assert f"{say('retrain.now')} 12.6 %" in text(app.retrain)


# ---------------------------------------------------------------- cleaned.csv


def test_hand_edits_are_noticed_and_taken_over_on_request(
    open_app_on: Callable[..., CleanerApp], root: Path
) -> None:
    wrong = save_ranking(root)
    first = open_app_on()
    first.image_cleaner.decide(wrong[0], "delete")
    first.close()
    written = pd.read_csv(root / "cleaned.csv")
    written.loc[written["name"] == wrong[1], "label"] = "red"
    written.to_csv(root / "cleaned.csv", index=False)

    app = open_app_on()
    until(lambda: "cleaned.csv was edited outside of this page (1 change)." in text(app.messages))
    app.messages.do("import", "0")
    assert app.messages.problem == ""
    decision = app.workspace.store.state.of(wrong[1])
    assert decision is not None
    assert decision.new_label == "red"
    assert "edited outside" not in text(app.messages)


def test_what_a_spreadsheet_rewrote_is_no_edit(open_app_on: Callable[..., CleanerApp], root: Path) -> None:
    (root / "red").rename(root / "007")
    with Workspace(root, reviewer="Ana") as workspace:
        result = workspace.csv_writer().write_now()
    ours = result.read_bytes()
    result.write_bytes(ours.replace(b",007,", b",7,").replace(b"\n", b"\r\n"))
    app = open_app_on()
    sentence = say(
        "questions.spreadsheet", file="cleaned.csv", cells="8 names or labels", was="007", written="7"
    )
    until(lambda: sentence in text(app.messages))
    assert say("questions.import") not in text(app.messages)
    app.messages.do("write", "0")
    assert result.read_bytes() == ours
    assert sentence not in text(app.messages)


@pytest.mark.parametrize("answer", ["replace", "beside", "import"])
@pytest.mark.parametrize("early", [True, False])
def test_a_file_that_is_not_ours_is_asked_about(
    open_app_on: Callable[..., CleanerApp], root: Path, answer: str, early: bool
) -> None:
    wrong = save_ranking(root)
    with Workspace(root) as workspace:
        others = [name for name in workspace.catalog.names if name not in wrong]
    mine = "name,label\n" + "".join(f"{name},grey\n" for name in [wrong[0], *others])
    if early:  # before the page is opened; else while it is open
        (root / "cleaned.csv").write_text(mine)
    app = open_app_on()
    (root / "cleaned.csv").write_text(mine)
    app.image_cleaner.decide(wrong[0], "delete")
    question = say("questions.foreign", file="cleaned.csv", folder=root)
    until(lambda: question in text(app.messages))
    until(lambda: all(say(f"questions.{key}") in text(app.messages) for key in ("import", "replace")))
    assert say("questions.beside", file="cleaned-2.csv") in text(app.messages)
    assert (root / "cleaned.csv").read_text() == mine
    number = [message.text for message in app.messages.messages].index(question)
    app.messages.do(answer, str(number))
    assert app.messages.problem == ""
    assert question not in text(app.messages)
    result = root / ("cleaned-2.csv" if answer == "beside" else "cleaned.csv")
    assert str(result) in text(app.result)
    labels = pd.read_csv(result).set_index("name")["label"]
    assert wrong[0] not in labels
    assert (labels[others[0]] == "grey") == (answer == "import")
    assert ((root / "cleaned.csv").read_text() == mine) == (answer == "beside")
    until(lambda: app.image_cleaner.grid.problem == "")


def test_a_result_that_lacks_decisions_after_a_crash_is_written_on_request(
    open_app_on: Callable[..., CleanerApp], root: Path
) -> None:
    wrong = save_ranking(root)
    with Workspace(root, reviewer="Ana") as killed:  # nobody keeps cleaned.csv in step here
        killed.store.decide(wrong[0], "delete")
    app = open_app_on()
    until(lambda: say("questions.behind", file="cleaned.csv") in text(app.messages))
    assert not (root / "cleaned.csv").exists()
    app.messages.do("write", "0")
    assert wrong[0] not in list(pd.read_csv(root / "cleaned.csv")["name"])
    assert "lacks" not in text(app.messages)


# ---------------------------------------------------------------- the page that holds it


def test_a_notebook_opened_by_hand_shows_the_folder_that_it_names(root: Path) -> None:
    save_ranking(root)
    page = open_app(root)
    (app,) = page.children
    assert isinstance(app, CleanerApp)
    assert app.workspace.root == root
    app.close()


def test_what_cannot_be_opened_is_said_as_an_alert(tmp_path: Path) -> None:
    missing = tmp_path / "no bears"
    (panel,) = DashboardPage(PageSettings.for_root(missing)).children
    assert isinstance(panel, Panel)
    (alert,) = with_role(panel.tree[0], "alert")
    assert alert.startswith(f"The folder {missing} does not exist.")
    assert say("page.failed", name="no bears") in text(panel)
    assert say("page.choose") not in text(panel)


def test_a_defect_is_said_too_and_logged(
    root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(self: Workspace) -> None:
        msg = "boom"
        raise RuntimeError(msg)

    monkeypatch.setattr(Workspace, "ranking", fail)
    (panel,) = DashboardPage(PageSettings.for_root(root)).children
    assert isinstance(panel, Panel)
    assert with_role(panel.tree[0], "alert") == [say("guard.failed", error="RuntimeError: boom")]
    assert "Traceback" in caplog.text


def test_a_set_is_chosen_opened_and_left(root: Path, tmp_path: Path) -> None:
    save_ranking(root)
    page = DashboardPage(PageSettings.for_root(None, browse_root=tmp_path))
    (start,) = page.children
    assert isinstance(start, StartPage)
    start.do("open", "set")
    until(lambda: isinstance(page.children[0], CleanerApp))
    (app,) = page.children
    assert app.header.address == {"folder": str(root)}
    app.header.do("leave")
    until(lambda: isinstance(page.children[0], StartPage))
    assert "set" in text(page.children[0])


def test_after_a_failed_choice_another_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    page = DashboardPage(PageSettings.for_root(None, browse_root=tmp_path))
    page.children[0].do("open", "empty")
    until(lambda: not isinstance(page.children[0], StartPage))
    (panel,) = page.children
    assert with_role(panel.tree[0], "alert")[0].startswith(f"No images in {tmp_path / 'empty'}: it is empty.")
    assert list((tmp_path / "empty").iterdir()) == []
    panel.do("choose")
    assert isinstance(page.children[0], StartPage)


@pytest.mark.parametrize(("folder", "opens"), [("set", True), ("../outside", False), ("", False)])
def test_a_reload_comes_back_to_what_was_chosen_but_to_nothing_outside(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, opens: bool
) -> None:
    save_ranking(root)
    (tmp_path / "home" / "recent.json").unlink()
    (tmp_path.parent / "outside").mkdir(exist_ok=True)
    monkeypatch.setenv("QUERY_STRING", f"token=x&folder={tmp_path / folder if folder else ''}")
    page = DashboardPage(PageSettings.for_root(None, browse_root=tmp_path))
    assert isinstance(page.children[0], CleanerApp) is opens
    page.children[0].close()


def test_the_order_is_in_the_address_so_that_a_reload_comes_back_to_it(
    open_app_on: Callable[..., CleanerApp], root: Path
) -> None:
    save_ranking(root)
    app = open_app_on()
    app.image_cleaner.set_view(order="least confident")
    assert app.header.address["order"] == "least confident"
    app.image_cleaner.set_view(order="most suspicious")
    assert app.header.address["order"] == ""


def test_an_application_begins_with_the_order_that_is_asked_for(root: Path) -> None:
    save_ranking(root)
    for asked, shown in (("least confident", "least confident"), ("no such order", "most suspicious")):
        app = CleanerApp(Workspace(root, from_scratch=True), order=asked)
        assert app.image_cleaner.view.order == shown
        app.close()


def test_the_page_is_copied_for_the_next_start_while_it_would_open_with_it(
    root: Path, open_app_on: Callable[..., CleanerApp]
) -> None:
    copy = PageCopy(root / ".cleaner", {"root": str(root)})
    wrong = save_ranking(root)
    app = open_app_on()
    keeper = PageKeeper(app, {"root": str(root)})
    keeper.close()  # it does nothing by itself any more

    def kept() -> dict[str, Any] | None:
        assert keeper.keep()
        return copy.read()

    page = kept()
    assert page is not None
    names = [cell["name"] for cell in page["page"]["cells"]]
    assert names == list(app.image_cleaner.names)
    assert set(wrong) <= set(names)
    assert page["frame"]["inner"][0] == {
        "kind": "panel",
        "tree": list(app.header.tree),
        "classes": [],
        "style": {},
    }
    app.image_cleaner.decide(names[:1], "delete")
    assert copy.read() is None  # something was decided since
    page = kept()
    assert page is not None
    assert page["page"]["cells"][0]["decision"]["action"] == "delete"
    save_ranking(root)
    assert copy.read() is None  # there is another ranking
    assert kept() is not None
    app.go_to("Report")
    assert kept() is None
    app.go_to("Labels")
    app.image_cleaner.set_view(show="all")
    assert kept() is None  # it opens with the undecided ones

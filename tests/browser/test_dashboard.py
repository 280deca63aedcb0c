"""The dashboard from end to end: Voilà, a real kernel, a real browser, files on the disk."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from typing import Any

import numpy as np
import pandas as pd
import pytest
from grid_page import focused_name
from played_job import played_job
from rankings import partial_ranking
from servers import halted

from cleaner.collect.example import wrong_names
from cleaner.dashboard.server import Dashboard
from cleaner.embedding.cache import EmbeddingCache
from cleaner.jobs import Job
from cleaner.pipelines.image_map import make_map
from cleaner.ranking import Ranking, rank_probabilities
from cleaner.widgets.page_settings import PageSettings
from cleaner.widgets.sentences import say
from cleaner.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HERE = Path(__file__).parent
OpenVisit = Callable[..., Any]
LOST = say("grid.lost")


@pytest.fixture
def expect() -> Any:
    """Playwright's waiting assertions."""
    return pytest.importorskip("playwright.sync_api").expect


@pytest.fixture
def root(make_set: Callable[..., Path]) -> Path:
    """Sixty pictures in three classes; two of each class are filed wrongly."""
    return make_set(20, wrong=2, size_px=32)


@pytest.fixture
def ranked(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The set with a saved ranking, as a model would give it that knows the truth."""
    monkeypatch.setenv("CLEANER_HOME", str(tmp_path / "home"))
    with Workspace(root, from_scratch=True) as workspace:
        catalog = workspace.catalog
        odds = np.full((len(catalog), len(catalog.classes)), 0.05)
        for row, name in enumerate(catalog.names):
            odds[row, catalog.classes.index(name.split("/")[1].split("_")[0])] = 0.9
        rank_probabilities(catalog, odds).save(workspace.ranking_folder)
    return root


def cells(page: Any) -> list[str]:
    """Accessible names of the cards, in order."""
    return [cell.get_attribute("aria-label") for cell in page.get_by_role("gridcell").all()]


def names(page: Any) -> list[str]:
    return [label.split(",")[0] for label in cells(page)]


def stored(root: Path) -> list[tuple[str, str]]:
    """Return kind and name of every row of the database, in order."""
    with sqlite3.connect(root / ".cleaner" / "review.db") as database:
        return [tuple(row) for row in database.execute("SELECT kind, name FROM events ORDER BY seq")]


def until(condition: Callable[[], object], what: str) -> None:
    """Wait for something outside of the page."""
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def mark(page: Any, expect: Any, name: str, key: str, words: str) -> None:
    """Go to a card, press a key, and wait until the page shows the decision as saved."""
    cell = page.get_by_role("gridcell", name=name)
    cell.focus()
    page.keyboard.press(key)
    expect(page.get_by_role("gridcell", name=name)).to_have_accessible_name(re.compile(f"{words}$"))
    expect(page.locator(".is-saving")).to_have_count(0)


# ---------------------------------------------------------------- the main job


def test_a_session_from_the_first_page_to_the_resumed_one(
    visit: OpenVisit, ranked: Path, expect: Any
) -> None:
    opened = visit(ranked, reviewer="Ana")
    page = opened.page
    opened.wait_for_pictures()
    expect(page.get_by_role("grid", name="Images to review")).to_be_visible()
    expect(page).to_have_title("set · cleaner")
    first = names(page)
    wrong = [name for name in first if name.split("/")[0] != name.split("/")[1].split("_")[0]]
    assert wrong == first[:6]

    # the keys work without a click; classes are blue 1, green 2, red 3
    assert page.evaluate("document.activeElement.getAttribute('role')") == "gridcell"
    mark(page, expect, wrong[0], "2", "relabelled green")
    mark(page, expect, wrong[1], "y", "relabelled .*")
    mark(page, expect, wrong[2], "x", "marked delete")
    mark(page, expect, wrong[3], "x", "marked delete")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("gridcell", name=wrong[3])).not_to_have_accessible_name(re.compile("marked"))
    expect(page.locator(f"[aria-label='{say('progress')}']")).to_contain_text("3 errors found")
    page.get_by_role("button", name="Confirm page").click()
    expect(page.locator(".cleaner-title")).to_have_text("Page 2")
    second = names(page)
    assert not set(first) & set(second)

    opened.reload()
    opened.wait_for_pictures()
    expect(page.locator(".cleaner-notice")).to_contain_text("24 of 60")
    assert names(page) == second
    until(lambda: len(opened.kernels()) == 1, "the kernel of the page that was left still runs")

    # what is on the disk is what was done
    kinds = stored(ranked)
    assert kinds[:4] == [
        ("relabel", wrong[0]),
        ("relabel", wrong[1]),
        ("delete", wrong[2]),
        ("delete", wrong[3]),
    ]
    assert kinds[4][0] == "undo"
    assert sorted(kinds[5:]) == sorted(("keep", name) for name in first if name not in wrong[:3])
    until((ranked / "cleaned.csv").exists, "cleaned.csv is not written")
    table = pd.read_csv(ranked / "cleaned.csv").set_index("name")
    assert len(table) == 59
    assert wrong[2] not in table.index
    assert table.loc[wrong[0], "label"] == "green"
    assert table.loc[wrong[3], "label"] == wrong[3].split("/")[0]
    assert list(table.columns[:2]) == ["label", "split"]
    assert opened.foreign_requests() == []


PLACES = """() => [...document.querySelectorAll('.cleaner-card')].map((card) => {
  const { x, y, width, height } = card.getBoundingClientRect();
  return [card.getAttribute("aria-label"), x, y, width, height];
})"""


@pytest.mark.skipif(sys.platform == "win32", reason="there the server has to be waited for")
@pytest.mark.parametrize("kind", ["ranked", "new"])
def test_images_are_there_before_the_server_and_stay_where_they_are(
    visit: OpenVisit, new_page: Callable[..., Any], kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    root = request.getfixturevalue("ranked" if kind == "ranked" else "root")
    settings = PageSettings.for_root(root, options={"from_scratch": True})
    if kind == "ranked":
        opened = visit(root, from_scratch=True)
        opened.wait_for_pictures()
        until(lambda: list((root / ".cleaner").glob("copies/*.json")), "a copy of the page")
        opened.page.close()
        opened.dashboard.stop()
    page, addresses = new_page(), Queue[str]()
    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(Dashboard, settings, port=0, on_address=addresses.put)
        page.goto(addresses.get(timeout=60), wait_until="commit")
        page.wait_for_function(
            "document.querySelectorAll('#cleaner-front .has-picture').length === 24", timeout=30_000
        )
        before = page.evaluate(PLACES)
        page.evaluate(
            "() => { window.seen = new Set(); setInterval(() => {"
            " const card = document.querySelector('.cleaner-card');"
            " seen.add(JSON.stringify(card.getBoundingClientRect())); }, 30); }"
        )
        page.keyboard.press("x")  # to look at only
        with starting.result(timeout=120):
            page.wait_for_selector("#cleaner-front", state="detached", timeout=60_000)
            after = page.evaluate(PLACES)
            assert page.evaluate("seen.size") == 1  # nothing has moved on the way
            if kind == "ranked":
                assert before == after
            else:  # what the labels are is known only now
                assert [place[1:] for place in before] == [place[1:] for place in after]
                assert names(page) == [str(place[0]).split(",")[0] for place in before]
            assert stored(root) == []
            page.keyboard.press("x")
            until(lambda: stored(root) == [("delete", names(page)[0])], "a decision")
            page.close()


def test_a_killed_kernel_takes_nothing_with_it_that_was_shown_as_saved(
    visit: OpenVisit, ranked: Path, browser: Any, expect: Any
) -> None:
    # The page reports broken connections on its console, rightly: a page of our own lets it.
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = visit(ranked, page=context.new_page(), reviewer="Ana")
    page = opened.page
    opened.wait_for_pictures()
    first = names(page)
    mark(page, expect, first[0], "k", "kept")
    (kernel,) = opened.kernels()
    kernel.kill()
    page.get_by_role("gridcell", name=first[1]).focus()
    page.keyboard.press("x")
    expect(page.get_by_role("alert").filter(has_text="Not saved: no answer for 5 seconds")).to_be_visible(
        timeout=15_000
    )
    expect(page.get_by_text(say("header.unsaved"))).to_be_visible()
    expect(page.get_by_text(say("header.saved"))).to_be_hidden()
    expect(page.get_by_role("alert").filter(has_text=LOST)).to_be_visible(timeout=20_000)
    assert page.get_by_role("button", name="Delete").is_disabled()
    assert stored(ranked) == [("keep", first[0])]

    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Reload").click()
    opened.wait_until_open()
    opened.wait_for_pictures()
    expect(page.get_by_role("gridcell", name=first[1])).not_to_have_accessible_name(re.compile("marked"))
    expect(page.get_by_text(say("header.saved"))).to_be_visible()
    context.close()


# ---------------------------------------------------------------- ranking and retraining


def test_pictures_are_there_before_the_ranking_which_then_takes_over(
    visit: OpenVisit, root: Path, expect: Any
) -> None:
    with ThreadPoolExecutor(1) as beside:  # the ranking begins before the page is there
        begun = beside.submit(halted, root / ".cleaner")
        opened = visit(root, from_scratch=True)
        _, worker = begun.result()
    page = opened.page
    opened.wait_for_pictures()
    assert names(page) == sorted(names(page))
    expect(page.get_by_role("status").filter(has_text=say("prepare.progress"))).to_be_visible()
    expect(page.get_by_role("progressbar", name=say("prepare.progress"))).to_be_visible()

    opened.reload()  # the work goes on, and the new page finds it
    expect(page.get_by_role("status").filter(has_text=say("prepare.progress"))).to_be_visible()
    worker.resume()
    expect(page.get_by_text(say("prepare.progress"))).to_be_hidden(timeout=120_000)
    page.wait_for_function("() => document.querySelector('.cleaner-loss') !== null", timeout=30_000)
    assert page.get_by_role("alert").filter(has_text="Cannot").count() == 0
    wrong = [name for name in names(page)[:8] if name.split("/")[0] != name.split("/")[1].split("_")[0]]
    assert len(wrong) >= 5  # of six; three colours are easy
    assert opened.foreign_requests() == []


def test_a_first_order_comes_with_the_next_page_and_moves_nothing_on_this_one(
    visit: OpenVisit, ranked: Path, expect: Any
) -> None:
    state = ranked / ".cleaner"
    whole = Ranking.load(state / "ranking")
    shutil.rmtree(state / "ranking")
    early = partial_ranking(whole, every=2)
    with played_job(state) as job:
        opened = visit(ranked, from_scratch=True)
        page = opened.page
        opened.wait_for_pictures()
        first = names(page)
        assert first == sorted(first)
        mark(page, expect, first[3], "x", "marked delete")
        focused = focused_name(page)
        early.save(state / "preliminary")
        job.tell(result={"preliminary": early.model, "n": 30, "awaited": 30})
        order = page.get_by_role("status").filter(has_text=say("prepare.order", done="30", total="60"))
        expect(order).to_be_visible()
        expect(page.locator(".cleaner-notice")).to_contain_text(say("review.new_order"))
        assert names(page) == first
        assert focused_name(page) == focused
        page.get_by_role("button", name="Confirm page").click()
        expect(page.locator(".cleaner-title")).to_have_text("Page 2")
        ordered = list(dict.fromkeys([*early.order(), *sorted(whole.names)]))
        assert names(page) == [name for name in ordered if name not in first][:24]
    assert stored(ranked)[0] == ("delete", first[3])
    assert len(stored(ranked)) == 24


def test_a_named_network_without_weights_gives_way_to_the_built_in_one(
    visit: OpenVisit, root: Path, expect: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "no weights"))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nothing answers there
    page = visit(root, backbone="resnet18").page
    answer = page.get_by_role("button", name=say("prepare.built_in"))
    expect(answer).to_be_visible(timeout=60_000)
    expect(page.get_by_role("alert").filter(has_text="weights")).to_be_visible()
    answer.click()
    expect(page.get_by_role("alert").filter(has_text="weights")).to_be_hidden()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("button", name=say("prepare.start"))).to_be_visible(timeout=60_000)


def test_retraining_quick_then_full_which_goes_on_while_the_page_is_closed(
    visit: OpenVisit, ranked: Path, new_page: Callable[..., Any], expect: Any
) -> None:
    opened = visit(ranked, from_scratch=True)
    page = opened.page
    panel = page.locator("[aria-label='Retrain']")
    button = page.get_by_role("button", name="Retrain")
    model = Ranking.load(ranked / ".cleaner" / "ranking").model

    button.click()
    expect(panel.get_by_text(say("retrain.before"))).to_be_visible(timeout=120_000)
    expect(panel).to_contain_text("on the same 12 validation images with your labels.")
    expect(panel.get_by_text(say("worth"))).to_be_visible(timeout=60_000)  # once the images are ranked
    expect(panel).to_contain_text(say("worth.unchanged"))
    expect(panel).to_contain_text(say("worth.how", images="60 images", decided="0"))
    renewed = Ranking.load(ranked / ".cleaner" / "ranking").model
    assert renewed != model

    page.get_by_label("full").check()
    page.get_by_label("epochs").fill("50")
    button.click()
    expect(button).to_be_disabled()
    page.get_by_role("button", name="Cancel").click()
    expect(panel.get_by_text(say("retrain.cancelled"))).to_be_visible(timeout=60_000)
    assert Ranking.load(ranked / ".cleaner" / "ranking").model == renewed
    assert not (ranked / ".cleaner" / "models" / "full.safetensors").exists()

    page.get_by_label("epochs").fill("2")
    button.click()
    expect(button).to_be_disabled()
    page.close()
    for kernel in opened.kernels():
        kernel.kill()
    job = Job.current(ranked / ".cleaner")
    assert job is not None
    assert job.wait(180).phase == "done"
    assert (ranked / ".cleaner" / "models" / "full.safetensors").exists()
    page = new_page()
    page.goto(opened.dashboard.url)
    panel = page.locator("[aria-label='Retrain']")
    expect(panel.get_by_role("img", name="After 3 epochs")).to_be_visible(timeout=60_000)
    expect(panel).to_contain_text("tuned network, cleaned labels")


def test_the_built_in_example_opens_on_a_page_of_true_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, new_page: Callable[..., Any]
) -> None:
    monkeypatch.setenv("CLEANER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHONPATH", str(HERE.parents[1]))
    command = [sys.executable, "-m", "cleaner", "demo", "--dir", str(tmp_path), "--no-browser", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            page = new_page()
            page.goto(said.removeprefix("The dashboard is at ").partition(" ")[0])
            page.get_by_role("gridcell").first.wait_for(timeout=60_000)
            assert len(wrong_names(tmp_path / "digits", names(page))) >= 18  # of 24
            keys = page.locator(".cleaner-legend button[aria-keyshortcuts]").all()
            digits = [
                (key.get_attribute("aria-keyshortcuts"), key.get_attribute("aria-label")) for key in keys
            ]
            assert [label for key, label in digits if key and key.isdecimal()] == [
                f"Relabel to {key}" for key, _ in digits if key and key.isdecimal()
            ]
            page.close()
        finally:
            process.terminate()
            process.wait(60)


# ---------------------------------------------------------------- around it


def test_a_folder_that_cannot_be_opened_is_said_in_a_sentence(
    visit: OpenVisit, tmp_path: Path, expect: Any
) -> None:
    page = visit(tmp_path / "no bears").page
    expect(page.get_by_role("alert")).to_contain_text(f"The folder {tmp_path / 'no bears'} does not exist.")
    expect(page.get_by_text("There was an error when executing cell")).to_have_count(0)


def test_a_set_is_chosen_by_keyboard_kept_in_a_reload_and_left(
    visit: OpenVisit, ranked: Path, tmp_path: Path, expect: Any
) -> None:
    opened = visit(None, browse_root=tmp_path)
    page = opened.page
    expect(page.get_by_role("heading", name=say("start"))).to_be_visible()
    choice = page.get_by_role("button", name="Open set").last
    expect(choice).to_be_enabled()
    choice.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("grid", name="Images to review")).to_be_visible(timeout=30_000)
    opened.reload()
    expect(page.get_by_role("grid", name="Images to review")).to_be_visible(timeout=30_000)
    page.get_by_role("button", name=say("header.leave")).click()
    expect(page.get_by_role("heading", name=say("start.recent"))).to_be_visible()
    opened.reload()
    expect(page.get_by_role("heading", name=say("start"))).to_be_visible()


def test_an_archive_is_chosen_and_reviewed_where_it_is(
    visit: OpenVisit, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expect: Any
) -> None:
    monkeypatch.setenv("CLEANER_HOME", str(tmp_path / "home"))
    archive = Path(shutil.make_archive(str(tmp_path / "data" / "photos"), "zip", root))
    opened = visit(None, browse_root=archive.parent)
    page = opened.page
    page.get_by_role("button", name=say("start.open.name", name="photos.zip")).click()
    expect(page.get_by_role("grid", name="Images to review")).to_be_visible(timeout=30_000)
    opened.wait_for_pictures()
    name = names(page)[0]
    mark(page, expect, name, "x", "marked delete")
    page.get_by_role("gridcell", name=name).dblclick()
    image = page.get_by_role("dialog", name=say("grid.large_view")).locator("img")
    expect(image).to_have_js_property("naturalWidth", 32)
    until(archive.with_name("photos.zip.cleaned.csv").exists, "the result is not written")
    there = {path.name for path in archive.parent.iterdir()}
    assert there == {"photos.zip", "photos.zip.cleaner", "photos.zip.cleaned.csv"}
    with Workspace(archive) as workspace:
        assert workspace.store.state.outcomes() == {name: ("delete", None)}


def test_steps_lead_to_files_and_report_and_back(visit: OpenVisit, ranked: Path, expect: Any) -> None:
    (ranked / "red" / "page.jpg").write_bytes(b"<html>gone</html>")
    page = visit(ranked).page
    page.get_by_role("button", name=say("header.left_out", files="1 file")).click()
    expect(page.get_by_role("table", name=say("files.left_out"))).to_contain_text("red/page.jpg")
    expect(page.get_by_role("tab", name="Files")).to_have_attribute("aria-selected", "true")
    page.get_by_role("tab", name="Files").focus()
    page.keyboard.press("End")
    expect(page.get_by_role("region", name="Report")).to_be_visible()
    page.get_by_role("tab", name="Labels").click()
    expect(page.get_by_role("gridcell").first).to_be_visible()


def test_a_loop_on_the_map_opens_the_grid_on_exactly_the_images_in_it(
    visit: OpenVisit, ranked: Path, expect: Any
) -> None:
    pytest.importorskip("openTSNE")
    pytest.importorskip("jscatter")
    with Workspace(ranked, from_scratch=True) as workspace:
        catalog, hashes = workspace.scan(), workspace.index.hashes()
        cache = EmbeddingCache(workspace.state / "embeddings", "made", 3)
        kinds = np.eye(3)[[0, 1] * 12] + 0.01 * np.random.default_rng(0).random((24, 3))
        cache.append([hashes[name] for name in catalog.names[:24]], kinds)
        made = make_map(workspace, workspace.network)
    left = {name for name, (x, _) in zip(made.names, made.points, strict=True) if x < 0}
    assert len(left) == 12
    opened = visit(ranked)
    page = opened.page
    page.get_by_role("tab", name="Map").click()
    page.get_by_title("Activate lasso selection").wait_for(timeout=60_000)
    box = page.locator(".cleaner-map canvas").first.bounding_box()
    middle, bottom = box["x"] + box["width"] / 2, box["y"] + box["height"] - 4
    page.mouse.move(middle - 4, box["y"] + 4)
    page.mouse.down()
    for x, y in ((box["x"] + 4, box["y"] + 4), (box["x"] + 4, bottom), (middle - 4, bottom)):
        page.mouse.move(x, y, steps=12)
    page.mouse.up()
    page.get_by_role("button", name=say("map.show", images="12 images"), exact=True).click()
    expect(page.get_by_role("gridcell")).to_have_count(12)
    assert set(names(page)) == left
    assert opened.foreign_requests() == []


def test_nothing_sticks_out_and_the_bar_stays_in_sight_at_any_width(
    visit: OpenVisit, ranked: Path, expect: Any
) -> None:
    opened = visit(ranked)
    page = opened.page
    opened.wait_for_pictures()
    for width in (1440, 1000, 600):
        page.set_viewport_size({"width": width, "height": 800})
        confirm = page.get_by_role("button", name="Confirm page")
        expect(confirm).to_be_in_viewport(ratio=1)
        sticking_out = page.evaluate(
            "() => [...document.querySelectorAll('.cleaner-app *')].filter((e) => {"
            " const box = e.getBoundingClientRect();"
            " const out = box.width > 0 && box.right > innerWidth + 1;"
            " return out && !e.closest('.cleaner-legend, [hidden]'); })"
            ".map((e) => e.className).slice(0, 5)"
        )
        assert sticking_out == [], width
        right = page.locator(f"[aria-label='{say('progress')}']").bounding_box()
        grid = page.get_by_role("grid").bounding_box()
        beside = right["x"] >= grid["x"] + grid["width"] - 1
        assert beside is (width > 1100), width


def test_the_theme_follows_the_system_and_can_be_told(
    visit: OpenVisit, ranked: Path, new_page: Callable[..., Any]
) -> None:
    def background(page: Any) -> int:
        colour = page.evaluate("getComputedStyle(document.querySelector('.cleaner-app')).backgroundColor")
        return sum(map(int, colour.removeprefix("rgb(").removesuffix(")").split(",")))

    contrast = (HERE / "page_contrast.js").read_text(encoding="utf-8")
    dark = visit(ranked, page=new_page(color_scheme="dark")).page
    assert background(dark) < 150
    assert dark.evaluate(contrast) == {}
    dark.emulate_media(color_scheme="light")
    dark.wait_for_function("document.body.dataset.jpThemeLight === 'true'")
    assert background(dark) > 600
    assert dark.evaluate(contrast) == {}
    told = visit(ranked, theme="dark", page=new_page(color_scheme="light")).page
    assert background(told) < 150

"""A page that is open nowhere gives its memory back; its work goes on, and is found again."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from servers import halted, kernels_of, wait_until

from cleaner.dashboard.server import Dashboard
from cleaner.jobs import Job
from cleaner.ranking import Ranking, rank_probabilities
from cleaner.widgets.page_settings import PageSettings
from cleaner.widgets.sentences import say
from cleaner.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.slow]

IDLE_S = 3


@pytest.fixture
def expect() -> Any:
    """Playwright's waiting assertions."""
    return pytest.importorskip("playwright.sync_api").expect


@pytest.fixture
def root(make_set: Callable[..., Path]) -> Path:
    """Sixty pictures in three classes; two of each class are filed wrongly."""
    return make_set(20, wrong=2, size_px=32)


@pytest.fixture
def serve(root: Path) -> Iterator[Callable[[], Dashboard]]:
    """Return a function that serves the set; kernels end three seconds after their page was closed."""
    running: list[Dashboard] = []

    def build() -> Dashboard:
        settings = PageSettings.for_root(root, options={"from_scratch": True, "reviewer": "Ana"})
        running.append(Dashboard(settings, port=0, idle_minutes=IDLE_S / 60))
        return running[-1]

    yield build
    for dashboard in running:
        dashboard.stop()


def open_page(new_page: Callable[..., Any], dashboard: Dashboard) -> Any:
    page = new_page()
    page.goto(dashboard.url)
    page.wait_for_selector("#loading", state="detached", timeout=60_000)
    return page


def close_and_wait_for_the_end_of_the_kernel(page: Any, dashboard: Dashboard) -> None:
    [kernel] = kernels_of(dashboard)
    time.sleep(2 * IDLE_S)  # a page that is open keeps its kernel, however long it rests
    assert kernels_of(dashboard) == [kernel]
    page.close()
    wait_until(lambda: not kernels_of(dashboard), "the kernel ended")


def test_training_goes_on_to_its_end_and_is_found_again(
    serve: Callable[[], Dashboard], root: Path, new_page: Callable[..., Any], expect: Any
) -> None:
    with Workspace(root, from_scratch=True) as workspace:
        catalog = workspace.catalog
        odds = np.full((len(catalog), len(catalog.classes)), 1 / len(catalog.classes))
        rank_probabilities(catalog, odds).save(workspace.ranking_folder)
        state = workspace.state
    dashboard = serve()
    page = open_page(new_page, dashboard)
    cell = page.get_by_role("gridcell").first
    name = cell.get_attribute("aria-label").split(",")[0]
    cell.focus()
    page.keyboard.press("x")
    expect(page.get_by_role("gridcell", name=name)).to_have_accessible_name(re.compile("marked delete"))
    expect(page.get_by_text(say("header.saved"))).to_be_visible()
    page.get_by_label("full").check()
    page.get_by_label("epochs").fill("2")
    page.get_by_role("button", name="Retrain").click()
    job, worker = halted(state)
    close_and_wait_for_the_end_of_the_kernel(page, dashboard)
    worker.resume()
    assert job.wait(180).phase == "done"
    assert (state / "models" / "full.safetensors").exists()
    assert not kernels_of(dashboard)

    again = open_page(new_page, dashboard)
    panel = again.locator("[aria-label='Retrain']")
    expect(panel.get_by_role("img", name="After 3 epochs")).to_be_visible(timeout=60_000)
    expect(panel).to_contain_text("tuned network, cleaned labels")
    expect(again.get_by_role("gridcell", name=name)).to_have_accessible_name(re.compile("marked delete"))


def test_ranking_goes_on_to_its_end_and_is_found_again(
    serve: Callable[[], Dashboard], root: Path, new_page: Callable[..., Any], expect: Any
) -> None:
    dashboard = serve()
    state = root / ".cleaner"
    page = new_page()
    page.goto(dashboard.url)
    job, worker = halted(state)  # a new set is ranked without being asked
    page.wait_for_selector("#loading", state="detached", timeout=60_000)
    expect(page.get_by_text(say("review.no_ranking"))).to_be_visible()
    close_and_wait_for_the_end_of_the_kernel(page, dashboard)
    worker.resume()
    assert job.wait(180).phase == "done"
    assert len(Ranking.load(state / "ranking").table) == 60

    again = open_page(new_page, dashboard)
    expect(again.get_by_role("gridcell").first).to_have_accessible_name(re.compile("predicted .* loss "))
    assert Job.current(state) is None

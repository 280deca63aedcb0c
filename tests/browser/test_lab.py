"""The widgets in JupyterLab, in a real browser: they show, they swap pages, and keys stay in them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cleaner.ranking import rank_probabilities
from cleaner.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ALL_KEYS = (
    "a",
    "b",
    "d",
    "d",
    "z",
    "m",
    "y",
    "k",
    "x",
    "Enter",
    "Escape",
    "ArrowDown",
    "Space",
    "j",
    "0",
    "0",
)


@pytest.fixture
def ranked(make_set: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sixty pictures in three classes, with a saved ranking."""
    monkeypatch.setenv("CLEANER_HOME", str(tmp_path / "home"))
    root = make_set(20, wrong=2, size_px=32)
    with Workspace(root, from_scratch=True) as workspace:
        catalog = workspace.catalog
        odds = np.full((len(catalog), len(catalog.classes)), 0.05)
        for row, name in enumerate(catalog.names):
            odds[row, catalog.classes.index(name.split("/")[1].split("_")[0])] = 0.9
        rank_probabilities(catalog, odds).save(workspace.ranking_folder)
    return root


@pytest.fixture
def page(browser: Any) -> Any:
    """A page whose console may say what it likes: JupyterLab's own errors are none of ours."""
    context = browser.new_context(viewport={"width": 1400, "height": 950})
    yield context.new_page()
    context.close()


def run_cell(page: Any, index: int) -> None:
    """Run one cell, and wait until it is done."""
    cell = page.locator(".jp-Notebook .jp-CodeCell").nth(index)
    prompt = cell.locator(".jp-InputPrompt")
    cell.locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    prompt.filter(has_text=re.compile(r"^\[\d+\]:$")).wait_for(timeout=60_000)


def test_the_application_shows_swaps_pages_and_keeps_its_keys(
    lab: Any, page: Any, ranked: Path, expect: Any
) -> None:
    lab.open_notebook(
        page,
        "app.ipynb",
        ["from cleaner import CleanerApp, Workspace", f"CleanerApp(Workspace({str(ranked)!r}))", "1 + 1"],
    )
    run_cell(page, 0)
    run_cell(page, 1)
    grid = page.get_by_role("grid", name="Images to review")
    expect(grid).to_be_visible(timeout=60_000)
    expect(page.locator(".has-picture")).to_have_count(24, timeout=30_000)
    cells = page.locator(".jp-Notebook .jp-Cell").count()
    first = [cell.get_attribute("aria-label").split(",")[0] for cell in page.get_by_role("gridcell").all()]

    page.get_by_role("gridcell", name=first[0]).focus()
    for key in ALL_KEYS:
        page.keyboard.press(key)
    page.keyboard.press("Escape")
    page.get_by_role("tab", name="Labels").focus()
    for key in ALL_KEYS[:6]:
        page.keyboard.press(key)
    page.get_by_role("button", name="Retrain").focus()
    for key in ALL_KEYS[:6]:
        page.keyboard.press(key)
    assert page.locator(".jp-Notebook .jp-Cell").count() == cells
    assert page.locator(".jp-MarkdownCell").count() == 0

    page.get_by_role("button", name="Confirm page").click()
    expect(page.locator(".cleaner-title")).to_have_text("Page 2", timeout=15_000)
    expect(page.locator(".has-picture")).to_have_count(24, timeout=30_000)
    second = [cell.get_attribute("aria-label").split(",")[0] for cell in page.get_by_role("gridcell").all()]
    assert not set(first) & set(second)
    with Workspace(ranked) as workspace:
        assert workspace.store.state.progress().looked_at == 24


def test_each_widget_shows_alone_and_twice(lab: Any, page: Any, ranked: Path, expect: Any) -> None:
    lab.open_notebook(
        page,
        "alone.ipynb",
        [
            "from cleaner import ImageCleaner, RetrainPanel, Workspace\n"
            f"ws = Workspace({str(ranked)!r})\n"
            "cleaner = ImageCleaner(ws, page_size=6)",
            "cleaner",
            "cleaner",
            "RetrainPanel(ws)",
        ],
    )
    for index in range(4):
        run_cell(page, index)
    expect(page.get_by_role("grid", name="Images to review")).to_have_count(2, timeout=60_000)
    expect(page.locator(".has-picture")).to_have_count(12, timeout=30_000)
    expect(page.get_by_role("button", name="Retrain", exact=True)).to_be_visible()

    one, other = page.get_by_role("grid", name="Images to review").all()
    one.get_by_role("gridcell").first.focus()
    page.keyboard.press("k")
    for grid in (one, other):
        expect(grid.get_by_role("gridcell").first).to_have_accessible_name(re.compile("kept$"))

"""Copies, bad pictures, classes and labelling on the dashboard: Voilà, a real kernel, a real browser."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from grid_page import press, settle, wait_until_saved
from pictures import make_copies

from cleaner.duplicates.pairs import find_similar
from cleaner.pipelines.checks import Checks, checks_folder
from cleaner.quality.pixels import read_pixels
from cleaner.quality.problems import quality
from cleaner.ranking import rank_probabilities
from cleaner.widgets.sentences import say
from cleaner.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FIRST, COPY = "valid/a/00.png", "train/a/copy.png"
SMALL = "train/b/small.png"


@pytest.fixture
def checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A set with copies and a black picture; ranked and looked through."""
    monkeypatch.setenv("CLEANER_HOME", str(tmp_path / "home"))
    root = make_copies(tmp_path / "set")
    with Workspace(root, from_scratch=True) as workspace:
        catalog = workspace.scan()
        odds = np.full((len(catalog), 2), 0.1)
        odds[np.arange(len(catalog)), [catalog.classes.index(label) for label in catalog.labels]] = 0.9
        rank_probabilities(catalog, odds).save(workspace.ranking_folder)
        pixels = read_pixels(catalog, index=workspace.index, db=workspace.state / "pixels.db")
        checks = Checks(similar=find_similar(catalog, pixels), quality=quality(pixels))
        checks.save(checks_folder(workspace))
    return root


def stored(root: Path) -> list[tuple[str, str, str | None]]:
    """Return kind, name and reason of every row of the database, in order."""
    with sqlite3.connect(root / ".cleaner" / "review.db") as database:
        rows = database.execute("SELECT kind, name, detail FROM events ORDER BY seq").fetchall()
    return [(kind, name, json.loads(detail or "{}").get("reason")) for kind, name, detail in rows]


def names(page: Any) -> list[str]:
    labels = page.get_by_role("gridcell").evaluate_all("all => all.map(el => el.getAttribute('aria-label'))")
    return [label.split(",")[0] for label in labels]


def open_copies(page: Any, expect: Any, many: str) -> None:
    """Open the duplicates from the list of what was found, and wait until the keys go to the cards."""
    page.get_by_role("button", name=many).click()
    expect(page.locator(".cleaner-row.is-first .cleaner-card:focus")).to_have_count(1)


def test_copies_are_found_and_thinned_out_by_keys(
    visit: Callable[..., Any], checked: Path, expect: Any
) -> None:
    opened = visit(checked, reviewer="Ana")
    page = opened.page
    open_copies(page, expect, "2 groups of duplicates")
    expect(page.get_by_role("rowheader")).to_have_count(2)
    assert names(page)[:2] == [FIRST, COPY]
    expect(page.get_by_role("rowheader").nth(0)).to_contain_text("leak: train and valid")

    press(page, "y")
    wait_until_saved(page)
    expect(page.get_by_role("rowheader").nth(0)).to_contain_text("1 of 2 kept")
    expect(page.get_by_role("button", name="1 group of duplicates")).to_be_visible()
    press(page, "n")
    expect(page.get_by_role("rowheader").nth(1)).to_contain_text("not duplicates")
    assert [row[0] for row in stored(checked)] == ["delete", "pair_different"]
    assert stored(checked)[0] == ("delete", COPY, "duplicate")
    expect(page.locator(f"[aria-label='{say('progress')}']")).to_contain_text("0 errors found")
    expect(page.locator(f"[aria-label='{say('progress')}']")).to_contain_text(f"{say('progress.removed')}1")

    press(page, "u")
    expect(page.get_by_role("rowheader").nth(1)).not_to_contain_text("not duplicates")
    opened.reload()
    open_copies(page, expect, "1 group of duplicates")
    expect(page.get_by_role("rowheader")).to_have_count(1)
    assert SMALL in names(page)


def test_threshold_changes_what_counts_as_a_copy(
    visit: Callable[..., Any], checked: Path, expect: Any
) -> None:
    page = visit(checked, reviewer="Ana").page
    open_copies(page, expect, "2 groups of duplicates")
    expect(page.get_by_role("rowheader")).to_have_count(2)
    similarity = say("threshold.similarity", order=say("order.duplicates"))
    slider = page.get_by_role("slider", name=similarity)
    slider.focus()
    press(page, "End")
    expect(page.get_by_role("rowheader")).to_have_count(1)
    expect(page.get_by_role("group", name=say("threshold"))).to_contain_text("1 group")
    expect(slider).to_be_focused()
    page.get_by_role("button", name=re.compile("^Reset to")).click()
    expect(page.get_by_role("rowheader")).to_have_count(2)


def test_bad_pictures_have_views_of_their_own(visit: Callable[..., Any], checked: Path, expect: Any) -> None:
    opened = visit(checked, reviewer="Ana")
    page = opened.page
    page.get_by_label("Order").select_option(say("order.dark"))
    expect(page.get_by_role("gridcell")).to_have_count(1)
    expect(page.get_by_role("gridcell")).to_contain_text("dark 1.00")
    expect(page.get_by_role("slider", name=say("threshold.score", order=say("order.dark")))).to_be_visible()
    page.get_by_role("gridcell").first.focus()
    press(page, "x")
    wait_until_saved(page)
    assert stored(checked) == [("delete", "train/a/black.png", "dark")]
    settle(page)
    opened.wait_for_pictures()
    press(page, "Control+Enter")
    expect(page.get_by_text(say("review.last_image"))).to_be_focused()  # so that u goes on working
    page.get_by_role("tab", name="Report").click()
    expect(page.get_by_role("region", name="Report")).to_contain_text("2 groups of duplicates")
    page.get_by_role("tab", name="Labels").click()
    page.get_by_label("Order").select_option(say("order.most suspicious"))
    black = page.get_by_role("gridcell", name="black.png")
    expect(black).to_have_accessible_name(re.compile("marked delete$"))
    expect(page.get_by_role("slider")).to_have_count(0)


def test_classes_are_renamed_on_the_page_and_undone_from_the_grid(
    visit: Callable[..., Any], checked: Path, expect: Any
) -> None:
    page = visit(checked, reviewer="Ana").page
    page.get_by_role("tab", name="Files").click()
    page.get_by_role("button", name="Rename a", exact=True).click()
    name = page.get_by_role("textbox", name=say("classes.rename.field", label="a"))
    expect(name).to_be_focused()
    name.fill("apples")
    press(page, "Enter")
    expect(page.get_by_text("Renamed “a” to “apples”")).to_be_visible()
    page.get_by_role("tab", name="Labels").click()
    expect(page.get_by_role("button", name="Relabel to apples", exact=True)).to_be_visible()
    expect(page.get_by_role("gridcell", name="labelled apples").first).to_be_visible()
    page.get_by_role("gridcell").first.focus()
    press(page, "u")
    expect(page.get_by_role("status").filter(has_text="Undone")).to_contain_text("apples")
    expect(page.get_by_role("button", name="Relabel to a", exact=True)).to_be_visible()
    assert [row[0] for row in stored(checked)] == ["class_rename", "undo"]


def test_a_folder_without_classes_is_labelled(
    visit: Callable[..., Any], tmp_path: Path, picture: Callable[..., Path], expect: Any
) -> None:
    for i in range(40):
        red = i % 2
        picture(
            tmp_path / "flat" / f"{i:02d}.png", (200, 40, 40) if red else (40, 60, 200), seed=i, size_px=32
        )
    page = visit(tmp_path / "flat", reviewer="Ana", from_scratch=True).page
    expect(page.get_by_text("Images that stand for many others")).to_be_visible(timeout=60_000)
    expect(page.get_by_role("button", name="Confirm page")).to_be_enabled()
    for made, label in enumerate(("blue", "red")):
        wanted = next(n for n in names(page)[made:] if int(n[:2]) % 2 == (label == "red"))
        page.get_by_role("gridcell", name=wanted).focus()
        press(page, "/")
        expect(page.get_by_role("dialog", name="Relabel to a class")).to_be_visible()
        page.keyboard.type(label)
        press(page, "ArrowDown", "Enter")
        expect(page.get_by_role("button", name=f"Relabel to {label}", exact=True)).to_be_visible()
        wait_until_saved(page)
    press(page, "PageDown")
    expect(page.get_by_role("gridcell", name=re.compile("predicted (red|blue)")).first).to_be_visible(
        timeout=20_000
    )
    cell = page.get_by_role("gridcell").first
    cell.focus()
    press(page, "k")
    wait_until_saved(page)
    assert [row[0] for row in stored(tmp_path / "flat")] == ["relabel"] * 3
    expect(page.locator(f"[aria-label='{say('progress')}']")).to_contain_text("labelled")

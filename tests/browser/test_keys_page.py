"""On the dashboard: chosen keys, redo across a reload, numbered classes, and a narrow page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cleaner.ranking import rank_probabilities
from cleaner.widgets.sentences import SENTENCES, say
from cleaner.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def root(tmp_path: Path, picture: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twenty-four images of the classes 0, 1 and 2, with a ranking."""
    monkeypatch.setenv("CLEANER_HOME", str(tmp_path / "home"))
    root = tmp_path / "numbers"
    for label in range(3):
        for i in range(8):
            picture(root / str(label) / f"{i}.png", (80 * label, 40, 200), seed=10 * label + i)
    with Workspace(root, from_scratch=True) as workspace:
        catalog = workspace.scan()
        rank_probabilities(catalog, np.full((len(catalog), 3), 1 / 3)).save(workspace.ranking_folder)
    return root


def test_chosen_keys_redo_and_numbered_classes_outlive_a_reload(
    visit: Callable[..., Any], root: Path, expect: Any
) -> None:
    opened = visit(root, reviewer="Ana")
    page = opened.page
    opened.wait_for_pictures()
    first = page.locator(".cleaner-card").first
    first.focus()
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name=say("grid.keys"))
    change = say("grid.change_key_of", what=say("grid.key.delete"))
    keys.get_by_role("button", name=change, exact=True).focus()
    page.keyboard.press("Enter")
    page.keyboard.press("k")
    expect(keys.get_by_role("status")).to_have_text(say("keys.taken", key="k", act=say("grid.keep")))
    page.keyboard.press("Enter")
    page.keyboard.press("d")
    expect(keys.get_by_role("status")).to_have_text(say("keys.given", key="d", act=say("grid.delete")))
    page.keyboard.press("Escape")
    page.keyboard.press("d")
    expect(first.locator(".cleaner-badge")).to_have_text(say("grid.badge.delete"))
    expect(page.locator(".is-saving")).to_have_count(0)
    first.focus()
    page.keyboard.press("2")
    expect(first.locator(".cleaner-badge")).to_have_text(say("grid.badge.relabel", label="2"))
    expect(page.locator(".is-saving")).to_have_count(0)
    page.keyboard.press("u")
    expect(first.locator(".cleaner-badge")).to_have_text(say("grid.badge.delete"))

    opened.reload()
    opened.wait_for_pictures()
    first = page.locator(".cleaner-card").first
    expect(first.locator(".cleaner-badge")).to_have_text(say("grid.badge.delete"))
    first.focus()
    page.keyboard.press("r")
    expect(first.locator(".cleaner-badge")).to_have_text(say("grid.badge.relabel", label="2"))
    redone = say("review.act_relabel_to", of=root.joinpath(name_of(first)).name, label="2")
    expect(page.locator(".cleaner-status")).to_contain_text(say("review.redone", what=redone))
    delete = page.locator(".cleaner-bar").get_by_role("button", name=say("grid.delete"), exact=True)
    expect(delete.locator("kbd")).to_have_text("d")
    chips = page.locator(".cleaner-bar .cleaner-chips kbd")
    assert "".join(chips.all_text_contents()).endswith("012")


def name_of(card: Any) -> str:
    return str(card.get_attribute("aria-label")).split(",")[0]


def test_on_a_narrow_page_the_images_come_first_and_the_filters_are_one_button_away(
    visit: Callable[..., Any], root: Path, new_page: Callable[..., Any], expect: Any
) -> None:
    page = new_page()
    page.set_viewport_size({"width": 400, "height": 900})
    opened = visit(root, page=page, reviewer="Ana")
    opened.wait_for_pictures()
    assert page.locator(".cleaner-card").first.bounding_box()["y"] < 450
    filters = page.locator(".cleaner-filters")
    expect(filters).to_be_hidden()
    order = SENTENCES["order.most suspicious"]
    fold = page.get_by_role("button", name=say("app.unfold", order=order))
    expect(fold).to_have_attribute("aria-expanded", "false")
    fold.focus()
    page.keyboard.press("Enter")
    expect(filters).to_be_visible()
    expect(fold).to_have_attribute("aria-expanded", "true")
    expect(fold).to_be_focused()
    filters.locator("select").first.select_option(label=SENTENCES["order.by file name"])
    expect(page.locator(".cleaner-fold")).to_have_text(
        say("app.unfold", order=SENTENCES["order.by file name"])
    )
    filters.get_by_label(say("filters.split")).select_option(label="train")
    filtered = say("app.filtered", order=SENTENCES["order.by file name"], filters="1 filter")
    expect(page.locator(".cleaner-fold")).to_have_text(say("app.unfold", order=filtered))
    page.locator(".cleaner-fold").click()
    expect(filters).to_be_hidden()
    page.set_viewport_size({"width": 1280, "height": 900})
    expect(filters).to_be_visible()
    expect(page.locator(".cleaner-fold")).to_be_hidden()

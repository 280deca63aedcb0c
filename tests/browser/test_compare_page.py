"""Comparing classes on the real page: confirmed pictures, a description that outlives it, and its undo."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cleaner.ranking import rank_probabilities
from cleaner.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def ranked(make_set: Callable[..., Path]) -> Path:
    """Thirty pictures, two of each class filed wrongly, and a ranking that knows better; one each is kept."""
    root = make_set(10, wrong=2, size_px=32)
    with Workspace(root, from_scratch=True) as workspace:
        catalog = workspace.catalog
        odds = np.full((len(catalog), len(catalog.classes)), 0.05)
        for row, name in enumerate(catalog.names):
            odds[row, catalog.classes.index(name.split("/")[1].split("_")[0])] = 0.9
        rank_probabilities(catalog, odds).save(workspace.ranking_folder)
        for label in catalog.classes:
            workspace.store.decide(f"{label}/{label}_005.png", "keep")
    return root


def test_classes_are_compared_and_described(visit: Callable[..., Any], ranked: Path, expect: Any) -> None:
    opened = visit(ranked, reviewer="Ana", from_scratch=True)
    page = opened.page
    opened.wait_for_pictures()
    page.locator(".cleaner-card[tabindex='0']").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Large view")).to_be_visible()
    page.keyboard.press("c")
    given, suggested = (page.locator(".cleaner-compared").nth(i) for i in range(2))
    expect(given.locator(".cleaner-role")).to_have_text("given label")
    expect(suggested.locator(".cleaner-role")).to_have_text("suggestion")
    label = given.locator("b").inner_text()
    pictures = given.get_by_role("img")
    expect(pictures).to_have_count(4)
    expect(pictures.first).to_have_attribute("alt", f"typical {label}: {label}/{label}_005.png")
    expect(given.locator("figcaption")).to_have_text(["not confirmed yet"] * 3)
    page.wait_for_function(
        "[...document.querySelectorAll('.cleaner-typical img')].every((img) => img.naturalWidth > 0)"
    )

    given.get_by_role("button", name="Describe this class …").click()
    page.keyboard.type("x marks <b>it</b>")
    page.keyboard.press("Control+Enter")
    expect(given.locator(".cleaner-description")).to_have_text("x marks <b>it</b>")
    with Workspace(ranked, from_scratch=True) as workspace:
        assert workspace.store.state.descriptions() == {label: "x marks <b>it</b>"}
        assert workspace.store.state.progress().looked_at == 3

    opened.reload()
    opened.wait_for_pictures()
    page.locator(".cleaner-card[tabindex='0']").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Compare").click()
    expect(given.locator(".cleaner-description")).to_have_text("x marks <b>it</b>")
    page.keyboard.press("u")
    expect(given.locator(".cleaner-description")).to_be_hidden()
    expect(given.get_by_role("button", name="Describe this class …")).to_be_visible()
    assert opened.foreign_requests() == []

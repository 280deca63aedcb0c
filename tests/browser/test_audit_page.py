"""The audit from its button to its certificate: Voilà, a real kernel, a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cleaner.ranking import rank_probabilities
from cleaner.widgets.sentences import say
from cleaner.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def ranked(make_set: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sixty pictures in three classes, two of each filed wrongly, ranked by a model that knows the truth."""
    root = make_set(20, wrong=2, size_px=32)
    monkeypatch.setenv("CLEANER_HOME", str(tmp_path / "home"))
    with Workspace(root, from_scratch=True) as workspace:
        catalog = workspace.catalog
        odds = np.full((len(catalog), len(catalog.classes)), 0.05)
        for row, name in enumerate(catalog.names):
            odds[row, catalog.classes.index(name.split("/")[1].split("_")[0])] = 0.9
        rank_probabilities(catalog, odds).save(workspace.ranking_folder)
    return root


def labels(page: Any) -> list[str]:
    """Accessible names of the cards, in order."""
    return [cell.get_attribute("aria-label") for cell in page.get_by_role("gridcell").all()]


def test_an_audit_tells_nothing_of_the_model_and_ends_in_a_certificate(
    visit: Callable[..., Any], ranked: Path, expect: Any
) -> None:
    opened = visit(ranked, reviewer="Ana")
    page = opened.page
    opened.wait_for_pictures()
    stopping = page.get_by_label(say("audit"), exact=True)
    ranked_first = labels(page)
    assert all("predicted" in label and "loss" in label for label in ranked_first)

    stopping.get_by_role("button", name=say("audit.start")).click()
    expect(page.locator(".cleaner-title")).to_have_text("Audit, page 1")
    expect(stopping).to_contain_text("0 of 60 audited")
    opened.wait_for_pictures()
    blind = labels(page)
    assert len(blind) == 24
    assert all(re.fullmatch(r"\S+, labelled (red|green|blue)", label) for label in blind)
    assert [label.split(",")[0] for label in blind] != [label.split(",")[0] for label in ranked_first]
    expect(page.get_by_role("button", name="Relabel to the suggestion")).to_have_count(0)

    # the keys go to the cards at once; y finds nothing to take
    expect(page.locator("[role=gridcell]:focus")).to_have_count(1)
    page.keyboard.press("y")
    expect(page.get_by_role("status").filter(has_text=say("grid.no_suggestion"))).to_be_visible()
    page.keyboard.press("Enter")
    large = page.get_by_role("dialog")
    expect(large).to_contain_text("Given label")
    for word in ("Suggestion", "Loss", "Label wrong", "Rank", "Predictions"):
        expect(large.locator("dt", has_text=word)).to_have_count(0)
    page.keyboard.press("Escape")

    # a page is not left undecided
    page.get_by_role("button", name="Next page").click()
    expect(page.get_by_role("alert")).to_contain_text("Decide on each image of this page first")
    page.get_by_role("button", name="Dismiss").click()

    page.locator("[role=gridcell]").first.focus()
    page.keyboard.press("x")
    expect(page.locator(".is-saving")).to_have_count(0)
    page.get_by_role("button", name="Confirm page").click()
    expect(page.locator(".cleaner-title")).to_have_text("Audit, page 2")
    expect(stopping).to_contain_text("24 of 60 audited. 1 of 24 random images was wrong.")
    expect(stopping).to_contain_text(re.compile(r"At most \d+ errors have not been found yet \(95 % sure\)"))
    second = labels(page)

    # it goes on where it was, in the same order
    opened.reload()
    expect(page.locator(".cleaner-title")).to_have_text("Audit, page 1")
    expect(stopping).to_contain_text("24 of 60 audited")
    opened.wait_for_pictures()
    assert labels(page) == second

    # and the others are a click away
    stopping.get_by_role("button", name=say("audit.suspicious")).click()
    expect(page.locator(".cleaner-title")).to_have_text(re.compile(r"^Page \d+$"))
    opened.wait_for_pictures()
    assert all("predicted" in label for label in labels(page))
    stopping.get_by_role("button", name=say("audit.continue")).click()
    expect(page.locator(".cleaner-title")).to_have_text("Audit, page 1")


def test_a_plan_is_fixed_and_reported(visit: Callable[..., Any], ranked: Path, expect: Any) -> None:
    opened = visit(ranked, reviewer="Ana")
    page = opened.page
    opened.wait_for_pictures()
    stopping = page.get_by_label(say("audit"), exact=True)
    form = page.locator("details", has_text=say("acceptance.offer"))
    form.get_by_text(say("acceptance.offer")).click()
    too_many = form.get_by_label(say("acceptance.ltpd"))
    too_many.fill("many")
    too_many.blur()
    form.get_by_role("button", name=say("acceptance.begin")).click()
    said = say("acceptance.no_number", aql="1", ltpd="many")
    expect(page.get_by_role("alert").filter(has_text=said)).to_be_visible()
    too_many.fill("20")
    too_many.blur()
    form.get_by_role("button", name=say("acceptance.begin")).click()
    expect(page.locator(".cleaner-title")).to_have_text("Audit, page 1")
    expect(stopping).to_contain_text(say("acceptance.go_on"), timeout=20_000)

    opened.wait_for_pictures()
    page.wait_for_timeout(500)  # a page that has just opened cannot be confirmed
    page.get_by_role("button", name="Confirm page").click()
    expect(page.locator(".cleaner-title")).to_have_text("Audit, page 2")
    expect(stopping).to_contain_text(say("acceptance.accept"), timeout=20_000)

    page.get_by_role("tab", name=say("report")).click()
    page.get_by_role("button", name=say("report.export.report")).click()
    expect(page.get_by_text("cleaned-report.html")).to_be_visible(timeout=20_000)
    assert say("acceptance.accept") in (ranked / "cleaned-report.html").read_text(encoding="utf-8")

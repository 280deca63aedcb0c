"""Second opinions from the first decision to the lead's: real kernels, a real browser, three reviewers."""

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
    """Twelve pictures in three classes, ranked so that nothing has to be trained."""
    root = make_set(4, wrong=1, size_px=32)
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


def without_loss(labels: list[str]) -> list[str]:
    return sorted(re.sub(r", loss [\d.]+", "", label) for label in labels)


def press(page: Any, name: str, key: str, expect: Any) -> None:
    page.locator(f"[role=gridcell][aria-label^='{name}']").focus()
    page.keyboard.press(key)
    expect(page.locator(".is-saving")).to_have_count(0)


def test_two_who_differ_unseen_by_each_other_and_a_lead_who_settles_it(
    visit: Callable[..., Any], ranked: Path, expect: Any
) -> None:
    ann = visit(ranked, reviewer="Ann")
    page, panel = ann.page, ann.page.get_by_role("region", name=say("agreement"), exact=True)
    ann.wait_for_pictures()
    before = sorted(labels(page))
    panel.get_by_text(say("agreement.offer")).click()
    panel.get_by_label(say("agreement.second")).fill("100")
    panel.get_by_label(say("agreement.second")).press("Tab")
    panel.get_by_role("button", name=say("agreement.save")).click()
    expect(panel.get_by_text(say("agreement.set"))).to_be_visible()
    name = before[0].split(",")[0]
    press(page, name, "x", expect)
    page.get_by_role("button", name="Confirm page").click()
    expect(page.get_by_role("gridcell")).to_have_count(0)
    page.goto("about:blank")
    ann.dashboard.stop()

    ben = visit(ranked, reviewer="Ben")
    page, panel = ben.page, ben.page.get_by_role("region", name=say("agreement"), exact=True)
    ben.wait_for_pictures()
    assert sorted(labels(page)) == without_loss(before)  # word by word as if nobody had decided
    assert "Ann" not in page.get_by_role("grid").inner_text()
    page.get_by_role("button", name="Confirm page").click()
    expect(page.get_by_role("gridcell")).to_have_count(0)
    row = panel.get_by_role("row").filter(has_text="Ann and Ben")
    expect(row).to_contain_text("11 of 12")
    page.goto("about:blank")
    ben.dashboard.stop()

    lead = visit(ranked, reviewer="Lea")
    page = lead.page
    page.get_by_label(say("filters.show"), exact=True).select_option(say("filters.conflicts"))
    card = page.get_by_role("gridcell")  # the third reviewer is asked, too, until another view is chosen
    expect(card).to_have_attribute("aria-label", re.compile(f"{name}.*Ann: delete.*Ben: keep"))
    press(page, name, "k", expect)
    expect(page.get_by_text("Ann: delete")).to_have_count(0)
    page.goto("about:blank")
    lead.dashboard.stop()
    with Workspace(ranked) as workspace:
        state = workspace.store.state
        assert not state.conflicts() and state.outcomes()[name] == ("keep", None)
        assert len(state.decisions()) == 12 and len(state.blind_answers()) == 12

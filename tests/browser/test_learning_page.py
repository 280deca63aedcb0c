"""The dashboard learns: the order changes behind the page, and look-alikes get the same decision."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from grid_page import settle

from cleaner.embedding.cache import EmbeddingCache
from cleaner.ranking import Ranking
from cleaner.widgets.sentences import say
from cleaner.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def root(make_set: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pictures that a ranking doubts all alike; only the red ones that look green are wrong."""
    monkeypatch.setenv("CLEANER_HOME", str(tmp_path / "home"))
    root = make_set(60, size_px=8)
    with Workspace(root, from_scratch=True) as workspace:
        catalog = workspace.scan()
        codes = np.array([catalog.classes.index(label) for label in catalog.labels])
        n = len(codes)
        rng = np.random.default_rng(0)
        other = (codes + 1 + rng.integers(0, 2, n)) % 3
        doubt = rng.uniform(0.3, 0.7, n)
        odds = np.full((n, 3), 1e-3)
        odds[np.arange(n), codes] = 1 - doubt
        odds[np.arange(n), other] = doubt
        odds /= odds.sum(axis=1, keepdims=True)
        right = odds[np.arange(n), codes]
        Ranking(
            catalog.names.tolist(),
            catalog.splits.tolist(),
            catalog.labels.tolist(),
            classes=catalog.classes,
            posterior=odds,
            predicted=odds,
            signals={"pooled": 1 - right, "loss": -np.log(right)},
            model="made",
        ).save(workspace.ranking_folder)
        table = workspace.index.table()
        cache = EmbeddingCache(workspace.state / "embeddings", "net", 8)
        cache.append(table["hash"].tolist(), rng.normal(size=(len(table), 8)))
    return root


def names(page: Any) -> list[str]:
    labels = page.evaluate(
        "[...document.querySelectorAll('.cleaner-card')].map((card) => card.getAttribute('aria-label'))"
    )
    return [label.split(",")[0] for label in labels]


def confirm(page: Any, expect: Any, then: str) -> None:
    page.wait_for_function(
        "document.querySelectorAll('.cleaner-card').length ==="
        " document.querySelectorAll('.has-picture, .cleaner-bad').length"
    )
    settle(page)
    page.keyboard.press("Control+Enter")
    expect(page.locator(".cleaner-title")).to_have_text(then)


def test_the_order_changes_after_a_confirm_and_look_alikes_are_decided_together(
    visit: Callable[..., Any], root: Path, expect: Any
) -> None:
    opened = visit(root, reviewer="Ana")
    page = opened.page
    opened.wait_for_pictures()
    ranking = Ranking.load(root / ".cleaner" / "ranking")
    static = ranking.order().tolist()

    def wrong(name: str) -> bool:
        row = ranking.row(name)
        return ranking.given[row] == "red" and ranking.classes[ranking.suggested[row]] == "green"

    for number in range(1, 5):
        shown = names(page)
        if number < 4:  # what 48 and 72 decisions teach comes from page 5 on
            assert shown == static[24 * (number - 1) : 24 * number]
        found = [name for name in shown if wrong(name)]
        for name in found:
            page.get_by_role("gridcell", name=name).focus()
            page.keyboard.press("2")
            expect(page.get_by_role("gridcell", name=name)).to_have_accessible_name(
                re.compile("relabelled green$")
            )
        expect(page.locator(".is-saving")).to_have_count(0)
        confirm(page, expect, f"Page {number + 1}")
        assert names(page)[0] not in shown
    expect(page.locator(".cleaner-notice")).to_contain_text("labelled red that look like green")
    shown = names(page)
    assert sum(map(wrong, shown)) > sum(map(wrong, static[96:120]))

    # look-alikes: offered, shown, decided in one act, undone in one act
    first = next(name for name in shown if wrong(name))
    page.get_by_role("gridcell", name=first).focus()
    page.keyboard.press("2")
    expect(page.get_by_role("button", name=re.compile(r"^\d+ similar images?$"))).to_be_visible()
    page.keyboard.press("l")
    expect(page.locator(".cleaner-title")).to_have_text(say("review.title_similar"))
    alike = names(page)
    assert 1 <= len(alike) <= 12
    assert all(name.startswith("red/") for name in alike)
    page.keyboard.press("l")
    expect(page.get_by_role("gridcell", name=re.compile("relabelled green$"))).to_have_count(len(alike))
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("gridcell", name=re.compile("relabelled green$"))).to_have_count(0)
    page.get_by_role("button", name="Previous page").click()
    expect(page.locator(".cleaner-title")).to_have_text("Page 5")
    assert names(page) == shown

    opened.reload()
    opened.wait_for_pictures()
    assert names(page) == shown
    expect(page.locator(".cleaner-notice")).to_contain_text("New order: of ")

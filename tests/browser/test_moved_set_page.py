"""A set that was moved or changed behind our back, in the browser: Voilà, a real kernel, a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cleaner.widgets.sentences import say
from cleaner.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def root(make_set: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Eighteen pictures, three of which were decided on."""
    monkeypatch.setenv("CLEANER_HOME", str(tmp_path / "home"))
    root = make_set(6, size_px=32)
    with Workspace(root, reviewer="Ana") as workspace:
        workspace.store.decide(["red/red_000.png", "red/red_001.png"], "keep")
        workspace.store.decide("blue/blue_000.png", "delete")
    return root


def test_a_moved_set_finds_its_decisions_again_and_says_so_once(
    visit: Callable[..., Any], root: Path, expect: Any
) -> None:
    moved = root.rename(root.with_name("bears_v2"))
    (moved / "red").rename(moved / "crimson")
    opened = visit(moved, from_scratch=True, reviewer="Ana")
    opened.wait_for_pictures()
    expect(opened.page.locator("body")).to_contain_text(f"This set was {root} before.")
    resumed = say("review.resumed", decided="3", total="18")
    expect(opened.page.locator("body")).to_contain_text(resumed)
    expect(opened.page.get_by_role("gridcell")).to_have_count(15)

    opened.page.reload()
    opened.wait_until_open()
    expect(opened.page.locator("body")).to_contain_text(resumed)
    expect(opened.page.locator("body")).not_to_contain_text(f"This set was {root} before.")


def test_an_image_that_changed_is_asked_again_and_says_why(
    visit: Callable[..., Any], root: Path, expect: Any
) -> None:
    shutil.copy(root / "green" / "green_000.png", root / "blue" / "blue_000.png")
    (root / "red" / "red_001.png").unlink()
    opened = visit(root, from_scratch=True, reviewer="Ana")
    page = opened.page
    opened.wait_for_pictures()
    expect(page.locator("body")).to_contain_text(say("review.asked_again", images="1 image"))
    expect(page.locator("body")).to_contain_text(say("review.gone", decisions="1 decision is"))
    expect(page.locator("body")).to_contain_text(say("review.summary_gone", decisions="1 decision"))
    card = page.get_by_role("gridcell", name="blue_000.png")
    expect(card).to_contain_text(say("review.again_image"))

    card.click()
    page.keyboard.press("k")
    expect(card).not_to_contain_text(say("review.again_image"))
    expect(page.locator(".cleaner-summary")).not_to_contain_text(say("review.summary_again", again="1"))
    with Workspace(root, reviewer="Ana") as workspace:
        assert workspace.store.state.outcomes()["blue/blue_000.png"] == ("keep", None)
        assert workspace.store.state.asked_again() == {}

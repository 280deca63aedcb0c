"""What may have been misread, in a real browser: the warning above the images, and the choice under Files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cleaner.widgets.sentences import say

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HERE = Path(__file__).parent


@pytest.fixture
def root(tmp_path: Path, picture: Callable[..., Path]) -> Path:
    """Images in folders of which nobody can tell which are the classes."""
    for i in range(32):
        outer, inner = ("owl", "fox")[i % 2], ("day", "night")[i // 2 % 2]
        colour = (250 * (i % 2), 100, 250 * (i // 2 % 2))
        picture(tmp_path / "set" / outer / inner / f"{i}.png", colour, seed=i, size_px=32)
    return tmp_path / "set"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_warning_stands_above_the_images_until_it_is_dismissed(
    visit: Callable[..., Any], root: Path, expect: Any, new_page: Callable[..., Any], scheme: str
) -> None:
    opened = visit(root, from_scratch=True, page=new_page(color_scheme=scheme))
    page = opened.page
    alert = page.locator(".cleaner-doubts")
    expect(alert).to_contain_text("folders in folders", timeout=30_000)
    opened.wait_for_pictures()
    assert alert.bounding_box()["y"] < page.get_by_role("grid").bounding_box()["y"]
    assert page.evaluate((HERE / "page_contrast.js").read_text(encoding="utf-8")) == {}
    for width in (1440, 600):
        page.set_viewport_size({"width": width, "height": 800})
        assert alert.evaluate("(e) => e.getBoundingClientRect().right <= innerWidth + 1"), width
    page.get_by_role("button", name=say("doubts.dismiss")).press("Enter")
    expect(alert).to_have_count(0)
    expect(page.get_by_role("gridcell").first).to_be_focused()
    opened.reload()
    expect(page.get_by_role("gridcell").first).to_be_visible(timeout=30_000)
    expect(alert).to_have_count(0)


def test_another_reading_is_chosen_under_files(visit: Callable[..., Any], root: Path, expect: Any) -> None:
    page = visit(root, from_scratch=True).page
    page.get_by_role("button", name=say("doubts.files")).click(timeout=30_000)
    page.get_by_text(say("files.layouts")).click()
    page.get_by_role("button", name=say("files.layout", classes="day and night", number="2 classes")).click()
    expect(page.get_by_role("gridcell").first).to_be_visible(timeout=60_000)
    expect(page.locator(".cleaner-legend, .cleaner-bar").first).to_contain_text("night")

"""A second network looks at the images behind the open page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cleaner.pipelines.network import lacks_second
from cleaner.widgets.sentences import say
from cleaner.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def names(page: Any) -> list[str]:
    return [cell.get_attribute("aria-label").split(",")[0] for cell in page.get_by_role("gridcell").all()]


def test_the_open_page_and_its_focus_stay_while_a_second_network_looks(
    visit: Callable[..., Any], make_set: Callable[..., Path], expect: Any
) -> None:
    root = make_set(10, wrong=1, size_px=32)
    opened = visit(root)  # no network is named
    page, panel = opened.page, opened.page.get_by_role("region", name=say("second"))
    opened.wait_for_pictures()
    expect(panel.get_by_text(say("second.running"))).to_be_visible(timeout=120_000)
    first = names(page)
    page.get_by_role("gridcell", name=first[2]).focus()
    page.keyboard.press("x")
    expect(panel.get_by_text(say("second.done"))).to_be_visible(timeout=120_000)
    assert names(page) == first
    assert page.evaluate("document.activeElement.getAttribute('role')") == "gridcell"
    page.get_by_role("button", name="Confirm page").click()
    expect(page.locator(".cleaner-title")).to_have_text("Page 2")
    assert not set(first) & set(names(page))
    assert opened.foreign_requests() == []
    with Workspace(root) as workspace:
        assert not lacks_second(workspace, workspace.network)

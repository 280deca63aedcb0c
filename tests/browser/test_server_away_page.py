"""A page whose decisions are on a PostgreSQL server, while that server is away and after it is back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import postgres_server
import pytest

from cleaner.widgets.sentences import say

pytestmark = [pytest.mark.browser, pytest.mark.slow]

AWAY = (
    "the connection to the server failed. Everything shown as saved is saved. Try again in a minute; "
    "if it still fails, tell whoever runs the server."
)
NOT_SAVED = f"Not saved. The review database did not take it: {AWAY}"
NOT_READ = f"The review database cannot be read: {AWAY}"


def test_a_server_that_is_away_is_told_without_its_own_words_and_no_more_once_it_is_back(
    visit: Callable[..., Any], make_set: Callable[..., Path], expect: Any
) -> None:
    server = postgres_server.server()
    store = postgres_server.fresh_url()
    opened = visit(make_set(6, size_px=32), from_scratch=True, reviewer="Ana", store=store)
    page = opened.page
    opened.wait_for_pictures()
    card = page.get_by_role("gridcell").first
    server.stop()
    try:
        card.focus()
        page.keyboard.press("x")
        expect(page.get_by_role("alert").locator(".cleaner-alert > span").filter(visible=True)).to_have_text(
            NOT_SAVED
        )
        expect(page.get_by_text(say("header.refused"), exact=True)).to_be_visible()
        expect(page.get_by_text(say("header.saved"), exact=True)).to_be_hidden()
        expect(card).not_to_contain_text(say("grid.badge.delete"))
        page.get_by_role("tab", name="Files").click()
        expect(page.get_by_role("alert").filter(has_text="cannot be read")).to_have_text(NOT_READ)
    finally:
        server.start()
    page.get_by_role("tab", name="Report").click()
    page.get_by_role("tab", name="Files").click()
    expect(page.get_by_role("alert").filter(has_text="cannot be read")).to_have_count(0)
    page.get_by_role("tab", name="Labels").click()
    card.focus()
    page.keyboard.press("x")
    expect(card).to_contain_text(say("grid.badge.delete"))
    expect(page.get_by_text(say("header.saved"), exact=True)).to_be_visible()
    expect(page.get_by_text(say("header.refused"), exact=True)).to_be_hidden()

"""The form for the token, as somebody meets it who opens the address without it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cleaner.dashboard.server import Dashboard
from cleaner.widgets.sentences import say

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.parametrize("base_url", ["/", "/sets/cleaner/"])
def test_a_wrong_token_is_refused_in_a_sentence_and_the_right_one_opens_the_page(
    serve_dashboard: Callable[..., Dashboard], browser: Any, expect: Any, tmp_path: Path, base_url: str
) -> None:
    dashboard = serve_dashboard(None, browse_root=tmp_path, base_url=base_url)
    context = browser.new_context()  # it reports the refusal on its console, rightly
    page = context.new_page()
    address = dashboard.url.partition("?")[0]
    page.goto(address)
    field = page.get_by_label("Token")
    expect(field).to_be_focused()
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("That is not the token of this page.")
    field.fill(dashboard.token)
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(re.compile(f"^{re.escape(address)}$"))
    expect(page.get_by_role("heading", name=say("start"))).to_be_visible(timeout=60_000)
    page.goto(f"{address}no such page")
    expect(page.get_by_role("alert")).to_contain_text("Go back to the address that was printed")
    context.close()

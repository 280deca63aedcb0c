"""A table of labels in the browser: it is shown as it will be read, and the user says what is right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cleaner.widgets.sentences import say
from cleaner.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def table(make_set: Callable[..., Path]) -> Path:
    """A table in a Russian code page with two columns that may be the labels."""
    root = make_set(6, size_px=32)
    rows = [
        f"{path.stem},{path.parent.name},{'мf'[i % 2]}" for i, path in enumerate(sorted(root.rglob("*.png")))
    ]
    (root / "l.csv").write_bytes("\n".join(["id,colour,пол", *rows]).replace("f", "ж").encode("cp1251"))
    return root / "l.csv"


def test_a_table_is_understood_with_its_users_help_and_again_later(
    visit: Callable[..., Any], table: Path, tmp_path: Path, expect: Any
) -> None:
    page = visit(None, browse_root=tmp_path, from_scratch=True).page
    page.get_by_role("button", name="set", exact=True).click()
    page.get_by_role("button", name=say("start.open.name", name="l.csv")).click()

    expect(page.get_by_role("heading", name=say("table", name="l.csv"))).to_be_visible()
    expect(page.get_by_role("button", name=say("table.open"), exact=True)).to_be_disabled()
    page.get_by_role("radio", name="пол").check()
    labels = page.get_by_label(say("table.label_column"))
    expect(labels).to_have_value("colour")
    preview = page.get_by_role("table", name=say("table.preview", name="l.csv"))
    expect(preview.get_by_role("row")).to_have_count(11)
    expect(preview).to_contain_text("blue/blue_000.png")

    labels.select_option("пол")
    expect(preview.get_by_role("row").nth(1)).to_contain_text("м")
    expect(labels).to_have_value("пол")
    labels.select_option("colour")
    expect(preview.get_by_role("row").nth(1).get_by_role("cell").nth(1)).to_have_text("blue")
    page.get_by_role("button", name=say("table.open"), exact=True).click()

    expect(page.get_by_role("grid", name="Images to review")).to_be_visible(timeout=30_000)
    page.get_by_role("tab", name=say("files")).click()
    page.get_by_role("button", name=say("files.table", name="l.csv")).click()
    expect(page.get_by_label(say("table.encoding"))).to_have_value("cp1251")
    page.get_by_role("button", name=say("table.back")).click()
    expect(page.get_by_role("grid", name="Images to review")).to_be_visible(timeout=30_000)
    with Workspace(table) as workspace:
        assert (
            workspace.table_options.told().items() >= {"encoding": "cp1251", "label_column": "colour"}.items()
        )
        assert not any(found.doubtful for found in workspace.catalog.findings)  # seen, and chosen

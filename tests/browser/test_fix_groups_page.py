"""Groups with one fix on the dashboard: Voilà, a real kernel, a real browser, the keyboard alone."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from grid_page import press, settle, wait_until_saved

from cleaner.ranking import Ranking
from cleaner.ranking.clusters import Clusters
from cleaner.session.orders import FIXES
from cleaner.widgets.sentences import say
from cleaner.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SUSPECTS = 10


@pytest.fixture
def ranked(make_set: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A set in which ten images filed as red are probably green, and lie together."""
    monkeypatch.setenv("CLEANER_HOME", str(tmp_path / "home"))
    root = make_set(20, size_px=16)
    with Workspace(root, from_scratch=True) as workspace:
        catalog = workspace.scan()
        classes = list(catalog.classes)
        codes = np.array([classes.index(label) for label in catalog.labels])
        n, red, green = len(codes), classes.index("red"), classes.index("green")
        suspects = np.flatnonzero(codes == red)[:SUSPECTS]
        posterior = np.full((n, 3), 0.01)
        posterior[np.arange(n), codes] = 0.98
        posterior[suspects] = 0.02
        posterior[suspects, green] = 0.96
        number = np.full(n, -1, dtype=np.int32)
        number[suspects] = 0
        right = posterior[np.arange(n), codes]
        Ranking(
            catalog.names.tolist(),
            catalog.splits.tolist(),
            catalog.labels.tolist(),
            classes=classes,
            posterior=posterior,
            predicted=posterior,
            signals={
                "pooled": 1 - right,
                "loss": -np.log(right),
                "least_confident": 1 - posterior.max(axis=1),
            },
            model="made",
            clusters=Clusters(number, np.arange(n, dtype=np.int32)),
        ).save(workspace.ranking_folder)
    return root


def acts(root: Path) -> list[list[tuple[str, str | None, dict[str, Any]]]]:
    """Return kind, new label and detail of every row of the database, act by act."""
    with sqlite3.connect(root / ".cleaner" / "review.db") as database:
        rows = database.execute("SELECT act, kind, new_label, detail FROM events ORDER BY seq").fetchall()
    found: dict[str, list[tuple[str, str | None, dict[str, Any]]]] = {}
    for act, kind, label, detail in rows:
        found.setdefault(act, []).append((kind, label, json.loads(detail or "{}")))
    return list(found.values())


def test_a_group_is_looked_into_and_relabelled_by_keys(
    visit: Callable[..., Any], ranked: Path, expect: Any
) -> None:
    opened = visit(ranked, reviewer="Ana")
    page = opened.page
    page.get_by_label("Order").select_option(say(f"order.{FIXES}"))
    head = page.get_by_role("rowheader")
    expect(head).to_contain_text(say("review.fix", images="10 images", given="red", label="green"))
    cells = page.get_by_role("gridcell")
    expect(cells).to_have_count(SUSPECTS)
    first = say("grid.name.advice", advice=say("grid.advice.look"))
    looks = page.get_by_role("gridcell", name=re.compile(re.escape(first)))
    waiting = looks.count()
    assert 2 <= waiting <= 4
    button = head.get_by_role("button", name=say("grid.relabel_group"))
    expect(button).to_have_attribute("aria-disabled", "true")
    opened.wait_for_pictures()
    settle(page)

    cells.first.focus()
    press(page, "g")
    expect(page.get_by_role("status").filter(has_text=say("grid.look_at_these_first"))).to_be_visible()
    assert acts(ranked) == []
    for _ in range(waiting):
        press(page, "y")
        wait_until_saved(page)
    expect(looks).to_have_count(0)
    expect(head).to_contain_text(re.compile(r"at most \d+ of them wrongly \(90\s%"))
    expect(button).to_have_attribute("aria-disabled", "false")
    press(page, "k")  # this one is right as it is
    wait_until_saved(page)
    press(page, "g")
    wait_until_saved(page)
    expect(head).to_contain_text(
        say("review.fix_settled", relabelled=SUSPECTS - 1, size=SUSPECTS, label="green")
    )
    made = acts(ranked)
    assert [len(rows) for rows in made] == [1] * (waiting + 1) + [SUSPECTS - waiting - 1]
    assert {(kind, label) for kind, label, _ in made[-1]} == {("relabel", "green")}
    assert all(detail["group"] and detail["looks"] == waiting for _, _, detail in made[-1])

    press(page, "u")
    expect(page.get_by_role("status").filter(has_text="Undone")).to_contain_text("green")
    expect(button).to_have_attribute("aria-disabled", "false")
    page.get_by_role("gridcell").nth(SUSPECTS - 1).focus()
    press(page, "g")
    wait_until_saved(page)
    settle(page)
    press(page, "Control+Enter")
    expect(page.get_by_text(say("review.last_fix"))).to_be_focused()
    assert [rows[0][0] for rows in acts(ranked)][-2:] == ["undo", "relabel"]

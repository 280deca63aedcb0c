"""A packet from the page to a colleague without a network, and back."""

from __future__ import annotations

import re
import sqlite3
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
def ranked(make_set: Callable[..., Path]) -> Path:
    """Sixty pictures in three classes with a saved ranking; two of each class are filed wrongly."""
    root = make_set(20, wrong=2, size_px=32)
    with Workspace(root, from_scratch=True, reviewer="Bo") as workspace:
        catalog = workspace.catalog
        odds = np.full((len(catalog), len(catalog.classes)), 0.05)
        for row, name in enumerate(catalog.names):
            odds[row, catalog.classes.index(name.split("/")[1].split("_")[0])] = 0.9
        rank_probabilities(catalog, odds).save(workspace.ranking_folder)
    return root


def stored(root: Path) -> list[tuple[str, str, str]]:
    with sqlite3.connect(root / ".cleaner" / "review.db") as database:
        return list(database.execute("SELECT reviewer, kind, name FROM events ORDER BY seq"))


def decide_without_a_network(packet: Path, csv: Path, page: Any, expect: Any) -> list[str]:
    """Delete the first image of a packet, keep the second, and save; return the names of both."""
    page.context.set_offline(True)
    page.goto(packet.as_uri())
    page.get_by_label(say("packet.your_name")).fill("Ana")
    page.keyboard.press("Enter")
    expect(page.locator(".cleaner-card.has-picture")).to_have_count(5, timeout=30_000)
    names = [cell.get_attribute("aria-label").split(",")[0] for cell in page.get_by_role("gridcell").all()]
    page.keyboard.press("x")
    expect(page.locator("main .cleaner-summary")).to_have_text(say("packet.summary", n=1, all=5))
    page.keyboard.press("k")
    expect(page.locator("main .cleaner-summary")).to_have_text(say("packet.summary", n=2, all=5))
    with page.expect_download(timeout=30_000) as saved:
        page.get_by_role("button", name=say("packet.save", file="decisions.csv")).click()
    saved.value.save_as(csv)
    return names[:2]


def test_a_packet_goes_out_and_its_decisions_come_back(
    visit: Callable[..., Any], ranked: Path, new_page: Callable[..., Any], tmp_path: Path, expect: Any
) -> None:
    opened = visit(ranked, from_scratch=True, reviewer="Bo")
    page = opened.page
    page.get_by_role("tab", name="Report").click()
    panel = page.get_by_role("region", name=say("send"))
    images = panel.get_by_label(say("send.images"))
    expect(images).to_have_value("200")
    images.fill("5000")
    panel.get_by_role("button", name=say("send.do")).click()
    expect(
        page.get_by_role("alert").filter(has_text=say("send.no_number", value="5000", most="1,000"))
    ).to_be_visible()
    assert not list(ranked.glob("*.html"))
    images.fill("5")
    panel.get_by_role("button", name=say("send.do")).click()
    packet = ranked / "cleaned-packet.html"
    expect(panel.get_by_text(str(packet))).to_be_visible(timeout=60_000)
    expect(panel).to_contain_text(re.compile(r"5 images, \d+\.\d MB\."))
    with page.expect_download(timeout=30_000) as download:
        panel.get_by_role("button", name=say("send.save", file=packet.name)).click()
    assert download.value.suggested_filename == packet.name
    received = tmp_path / "received.html"
    download.value.save_as(received)
    assert received.read_bytes() == packet.read_bytes()

    csv = tmp_path / "decisions.csv"
    deleted, kept = decide_without_a_network(received, csv, new_page(), expect)
    chooser = panel.get_by_label(say("send.take"))
    chooser.set_input_files(csv)
    added = say("send.added", file="decisions.csv", decisions="2 decisions", reviewers="Ana")
    expect(panel.get_by_text(added)).to_be_visible(timeout=30_000)
    assert stored(ranked) == [("Ana", "delete", deleted), ("Ana", "keep", kept)]
    expect(page.get_by_label(say("progress"), exact=True)).to_contain_text("2 of 60")
    chooser.set_input_files(csv)
    expect(panel.get_by_text(say("send.known", decisions="2 decisions"))).to_be_visible()

    other = tmp_path / "other.csv"
    other.write_text("image,label\na.png,cat\n", encoding="utf-8")
    chooser.set_input_files(other)
    expect(page.get_by_role("alert").filter(has_text="Nothing was taken in from other.csv.")).to_be_visible()
    large = tmp_path / "large.csv"
    large.write_bytes(b"x" * 8_000_001)
    chooser.set_input_files(large)
    expect(page.get_by_role("alert").filter(has_text=say("send.too_large", file="large.csv"))).to_be_visible()
    assert len(stored(ranked)) == 2
    assert opened.foreign_requests() == []

    opened.reload()
    page.get_by_role("tab", name="Report").click()
    expect(panel.get_by_text(str(packet))).to_be_visible()  # made before, and still to be had
    page.get_by_role("tab", name="Labels").click()
    expect(page.get_by_role("gridcell", name=deleted)).to_have_accessible_name(re.compile("marked delete"))
    expect(page.get_by_role("gridcell", name=kept)).to_have_accessible_name(re.compile("kept"))

"""A review packet as a colleague uses it: from a file, with the network off."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures import draw_pattern

from cleaner import Workspace
from cleaner.ranking import Ranking
from cleaner.widgets.packet import make_packet
from cleaner.widgets.sentences import say

HOSTILE = "cat/<script>alert(1)<b>&.png"
CLASSES = ["=cmd|'c'!A1", "cat", "dog"]


@pytest.fixture
def ranked(tmp_path: Path) -> Any:
    """A set of two pages, most suspicious in the order of their names, and its ranking."""
    root = tmp_path / "<i>set"
    names = [f"{CLASSES[i % 3]}/{i:02d}.png" for i in range(27)] + [HOSTILE]
    for i, name in enumerate(names):
        draw_pattern(root / name, i)
    with Workspace(root, reviewer="Bo") as workspace:
        labels = [name.split("/")[0] for name in names]
        odds = np.full((len(names), 3), 0.05)
        odds[np.arange(len(names)), [(CLASSES.index(label) + 1) % 3 for label in labels]] = 0.9
        doubt = np.linspace(0.9, 0.1, len(names))
        ranking = Ranking(
            names, ["train"] * len(names), labels, classes=CLASSES, posterior=odds, predicted=odds,
            signals={"pooled": doubt, "loss": doubt}, model="made",
        )  # fmt: skip
        yield workspace, ranking


def test_decisions_made_in_a_packet_survive_a_reload_and_come_back_by_merge(
    ranked: Any, tmp_path: Path, new_page: Callable[..., Any], expect: Any
) -> None:
    workspace, ranking = ranked
    made = make_packet(workspace, ranking, title=workspace.title)
    assert made.images == 28
    path = tmp_path / "packet.html"
    path.write_bytes(made.html)
    page = new_page(offline=True)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.split(":")[0]))

    def decided(n: int) -> None:
        text = say("packet.summary", n=n, all=28)
        expect(page.locator("main .cleaner-summary")).to_have_text(text)

    page.goto(path.as_uri())
    expect(page.get_by_text(say("packet.ask_name"))).to_be_visible()
    page.get_by_label(say("packet.your_name")).fill(" Ana\u200b B. ")
    page.keyboard.press("Enter")
    expect(page.locator(".cleaner-card.has-picture")).to_have_count(24)
    expect(page.locator("h1")).to_have_text("<i>set")
    for n, key in enumerate("xs2y", start=1):
        page.keyboard.press(key)
        decided(n)
    page.keyboard.press("u")
    decided(3)
    page.keyboard.press("/")
    page.keyboard.type("a, “new” one")
    page.get_by_role("option").click()
    decided(4)
    page.reload()
    expect(page.locator(".cleaner-card.has-picture")).to_have_count(24)
    decided(4)
    page.wait_for_timeout(350)  # a page that has just opened cannot be confirmed
    page.keyboard.press("Control+Enter")
    decided(24)
    expect(page.locator(".cleaner-card.has-picture")).to_have_count(4)
    expect(page.locator("header").get_by_text(say("packet.unsaved"))).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name=say("packet.save", file="decisions.csv")).click()
    assert download.value.suggested_filename == "decisions.csv"
    download.value.save_as(tmp_path / "decisions.csv")
    expect(page.locator("header").get_by_text(say("packet.unsaved"))).to_have_count(0)
    assert set(asked) <= {"file", "blob"}

    first = ranking.names
    draw_pattern(workspace.root / first[23], 999)  # another image since the packet was made
    with Workspace(workspace.root, reviewer="Bo") as again:
        rows = again.store.import_history(tmp_path / "decisions.csv")
        assert rows == 4 + 1 + 1 + 20
        assert again.store.import_history(tmp_path / "decisions.csv") == 0
        state = again.store.state
        found = [(decision.outcome, decision.new_label) for decision in map(state.of, first[:5])]
        assert found[:2] == [("delete", None), ("unsure", None)]
        assert found[2:] == [("relabel", "cat"), ("relabel", "a, “new” one"), ("keep", None)]
        assert {event.reviewer for event in state.events} == {"Ana B."}
        confirmed = next(event for event in state.events if event.name == first[10])
        assert (confirmed.rank, confirmed.model, confirmed.page) == (10, "made", 1)
        assert confirmed.loss == pytest.approx(ranking.table.set_index("name").loc[first[10], "loss"])
        assert state.of(first[23]) is None
        assert state.asked_again()[first[23]] is not None
        assert state.of(first[27]) is None


def test_a_browser_that_keeps_nothing_says_so_and_still_lets_one_decide(
    ranked: Any, tmp_path: Path, new_page: Callable[..., Any], expect: Any
) -> None:
    workspace, ranking = ranked
    path = tmp_path / "packet.html"
    path.write_bytes(make_packet(workspace, ranking, title="set", top=3).html)
    page = new_page(offline=True)
    page.add_init_script("Storage.prototype.setItem = () => { throw new Error('full'); };")
    page.goto(path.as_uri())
    expect(page.get_by_text(say("packet.ask_name_not_kept"))).to_be_visible()
    page.get_by_label(say("packet.your_name")).fill("Ana")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").filter(has_text=say("packet.not_kept"))).to_be_visible()
    page.keyboard.press("x")
    expect(page.locator("main .cleaner-summary")).to_have_text(say("packet.summary", n=1, all=3))

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from cleaner.audit.acceptance import PlanKind, Terms
from cleaner.audit.running import RunningAudit
from cleaner.pipelines.report import report_facts
from cleaner.widgets.printed import printed_report, write_report
from cleaner.widgets.sentences import say
from cleaner.workspace import Workspace

HOSTILE = "<img src=x onerror=alert(1)>&amp;\" onload='x'\u202e\x1b[2J.png"
CLASS = "</title><script>alert(2)<!-- \u2028"


class Page(HTMLParser):
    """Collects the elements, their attributes and the texts of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    root = tmp_path / "set"
    rows = ["name,label"]
    root.mkdir()
    for i in range(60):
        name = HOSTILE if i == 7 else f"{i:03d}.png"
        Image.new("RGB", (4, 4), (i, 4 * i, 0)).save(root / name)
        rows.append(f'"{name.replace(chr(34), chr(34) * 2)}","{CLASS if i % 2 else "cat"}"')
    (root / "labels.csv").write_text("\n".join(rows), encoding="utf-8")
    workspace = Workspace(root, labels=root / "labels.csv", state=tmp_path / "state", reviewer="<i>anna</i>")
    workspace.scan()
    return workspace


def audited(workspace: Workspace, *, wrong: int = 0) -> None:
    """Fix a plan, and judge its sample."""
    audit = RunningAudit(workspace.state, workspace.store, catalog=lambda: workspace.catalog)
    audit.fix_plan(Terms(aql=0.02, ltpd=0.2), PlanKind.SINGLE)
    for i, name in enumerate(audit.sequence()):
        workspace.store.decide(name, "delete" if i < wrong else "keep")


def test_an_empty_review_has_a_report_that_says_so(workspace: Workspace) -> None:
    page = Page(printed_report(report_facts(workspace, workspace.store, None)))
    for key in ("report.audit.none", "printed.reviewers.none", "printed.model.none", "printed.moves.none"):
        assert say(key) in page.text
    assert say("printed.sign.approved") in page.text


def test_names_and_labels_stay_text(workspace: Workspace) -> None:
    audit = RunningAudit(workspace.state, workspace.store, catalog=lambda: workspace.catalog)
    for name in audit.begin().sequence:
        workspace.store.decide(name, "keep")
    page = Page(written := printed_report(report_facts(workspace, workspace.store, None)))
    assert "<img src=x onerror=alert(1)>" in page.text
    assert "<i>anna</i>" in page.text
    assert page.tags.isdisjoint({"script", "img", "i", "button", "link", "iframe"})
    assert not any(name.startswith("on") or name in ("href", "src") for name in page.attributes)
    assert not re.search("[\u202e\u2028\x1b]", written)
    assert "default-src 'none'" in written


@pytest.mark.parametrize(("wrong", "verdict"), [(0, "accept"), (12, "reject")])
def test_the_verdict_its_curve_and_its_whole_sample_are_in_it(
    workspace: Workspace, wrong: int, verdict: str
) -> None:
    audited(workspace, wrong=wrong)
    facts = report_facts(workspace, workspace.store, None)
    written = printed_report(facts)
    page = Page(written)
    assert say(f"acceptance.{verdict}") in page.text
    assert {"svg", "polyline"} <= page.tags
    assert facts.acceptance is not None
    sample = facts.acceptance.inspections[0].sample
    assert len(sample) == written.count("<li>")
    assert all(name in page.text for name in sample if name != HOSTILE)


def test_a_report_that_was_signed_is_not_written_over(workspace: Workspace) -> None:
    first = write_report(workspace)
    before = first.read_bytes()
    workspace.store.decide("000.png", "delete")
    second = write_report(workspace)
    assert first != second
    assert first.read_bytes() == before

"""``cleaner agreement``, and what known answers do to ``cleaner audit`` and ``cleaner report``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cleaner import cli
from cleaner.audit.running import RunningAudit
from cleaner.session.orders import AUDIT
from cleaner.session.session import ReviewSession
from cleaner.session.view import GridView
from cleaner.workspace import Workspace


@pytest.fixture
def root(make_set: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CLEANER_HOME", str(tmp_path / "home"))
    return make_set(40, size_px=4)


def run(*arguments: Any) -> str:
    done = CliRunner().invoke(cli.app, list(map(str, arguments)))
    assert done.exit_code == 0, done.output
    return done.output


def test_shares_are_set_and_shown(root: Path) -> None:
    assert "nobody has answered such an image yet" in run("agreement", root)
    out = run("agreement", root, "--second-opinions", 10, "--asked-again", "5")
    assert "10.0 % for second opinions, 5.0 % asked again" in out
    assert "10.0 % for second opinions, 0.0 % asked again" in run("agreement", root, "--asked-again", 0)
    refused = CliRunner().invoke(cli.app, ["agreement", str(root), "--second-opinions", "200"])
    assert refused.exit_code == 1 and "0 to 100" in refused.output


def test_known_answers_widen_the_certificate_and_the_plan(root: Path, tmp_path: Path) -> None:
    with Workspace(root) as workspace:
        names = workspace.catalog.names.tolist()
    known = names[:40]  # every second one has a wrong label
    table = tmp_path / "truth.csv"
    rows = [f"{name},{'green' if i % 2 else name.split('/')[0]}" for i, name in enumerate(known)]
    table.write_text("\n".join(["name,label", *rows]))
    refused = CliRunner().invoke(cli.app, ["audit", str(root), "--plan", "single", "--misses-measured"])
    assert refused.exit_code == 1 and "--known-answers" in refused.output
    out = run("agreement", root, "--known-answers", table, "--reviewer", "expert")
    assert "40 images whose right label is known" in out

    with Workspace(root, reviewer="ben") as workspace:
        session = ReviewSession(workspace, in_background=False)
        session.start_audit()
        wrong = set(known[1::2])
        found = 0
        while session.names and session.view.order == AUDIT:
            for name in wrong.intersection(session.names):
                found += 1
                if found > 1:  # he misses the first
                    session.decide(name, "relabel", "green")
            session.confirm()
        session.set_view(GridView(order="by file name"))
        session.close()
        running = RunningAudit(workspace.state, workspace.store, catalog=lambda: workspace.catalog)
        certificate = running.certificate()
        assert certificate is not None and certificate.population == 80
        misses = running.misses(alpha=0.01)
        assert misses is not None and certificate.misses == misses and misses > 1 / found
        assert certificate.errors == 0 and certificate.left > 0  # all were judged, but he misses some
    out = run("agreement", root)
    assert f"ben: missed 1 of {found} errors (at most " in out
    assert "allows for reviewers who miss up to" in run("audit", root)
    page = tmp_path / "report.html"
    run("report", root, "--output", page)
    text = page.read_text(encoding="utf-8")
    assert "Images whose right label is known" in text and "miss up to" in text

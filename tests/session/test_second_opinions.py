"""Decided images that are shown as if they were not: to another reviewer, to the same one, and known ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import postgres_server
import pytest

from cleaner.analysis.agreement import agreement
from cleaner.audit.acceptance import PlanKind, Terms
from cleaner.errors import InterpretationError, RankingError
from cleaner.ranking import Ranking, rank_probabilities
from cleaner.review import records
from cleaner.review.events import Blind
from cleaner.review.state import ReviewState
from cleaner.session import colleagues
from cleaner.session.cells import Cell, Details
from cleaner.session.known_answers import plant
from cleaner.session.messages import AuditStatus
from cleaner.session.orders import AUDIT
from cleaner.session.session import ReviewSession
from cleaner.workspace import Workspace

OpenAs = Callable[..., ReviewSession]


@pytest.fixture
def root(make_set: Callable[..., Path]) -> Path:
    return make_set(10, size_px=4)


@pytest.fixture
def open_as(root: Path) -> Iterator[OpenAs]:
    """Return a function that opens the same 30 images for some reviewer, one after the other, in one file."""
    opened: list[Any] = []

    def build(reviewer: str, **options: Any) -> ReviewSession:
        workspace = Workspace(root, reviewer=reviewer)
        workspace.scan()
        session = ReviewSession(workspace, **{"page_size": 6, "in_background": False} | options)
        opened.extend([session, workspace])
        return session

    yield build
    for each in opened:
        each.close()


def suspicious(session: ReviewSession) -> Ranking:
    """Rank as a model would that doubts every label, each more than the one after it."""
    catalog = session.source.catalog
    right = np.linspace(0.01, 0.6, len(catalog))
    odds = np.repeat((1 - right)[:, None] / 2, 3, axis=1)
    odds[np.arange(len(catalog)), [catalog.classes.index(label) for label in catalog.labels]] = right
    return rank_probabilities(catalog, odds)


def decide_all(session: ReviewSession) -> None:
    while session.names:
        session.confirm()


def blind_on(session: ReviewSession) -> dict[str, Blind]:
    page = session._display.paging.page
    return {} if page is None else dict(page.blind)


def test_another_reviewer_sees_no_trace_of_the_first_decision(open_as: OpenAs) -> None:
    ann = open_as("ann")
    ann.store.share_blind(second=1.0, again=0.0)
    first, second, *_ = ann.names
    ann.decide(first, "delete")
    ann.decide(second, "relabel", "red")
    ann.confirm()
    ann.close()
    ben = open_as("ben")
    seen: set[str] = set()
    while ben.names:
        assert len(ben.names) <= 6
        for cell in ben.page().cells:
            assert (cell.action, cell.label, cell.reviewer, cell.notes) == (None, None, None, ())
        seen |= set(blind_on(ben))
        ben.confirm()
    state = ben.store.state
    assert len(seen) == 6 and not state.due("ben")
    assert set(state.conflicts()) == {first, second}  # ben took all for right
    held = state.outcomes()
    assert held[first] == ("delete", None) and held[second] == ("relabel", "red")
    assert len(state.decisions()) == 30


def test_blind_images_stand_among_the_others_and_then_have_pages_of_their_own(open_as: OpenAs) -> None:
    ann = open_as("ann")
    ann.store.share_blind(second=1.0, again=0.0)
    ann.confirm()
    ann.confirm()
    ann.close()
    ben = open_as("ben")
    numbers = []
    while ben.names:
        numbers.append((len(blind_on(ben)), len(ben.names)))
        ben.confirm()
    assert numbers[:3] == [(1, 6)] * 3 and sum(blind for blind, _ in numbers) == 12
    assert numbers[-1][0] == numbers[-1][1]


def test_no_figure_on_a_card_tells_a_blind_image_from_the_others(open_as: OpenAs) -> None:
    ann = open_as("ann")
    ann.set_ranking(suspicious(ann))
    assert all(cell.loss is not None and cell.details.place is not None for cell in ann.page().cells)
    ann.store.share_blind(second=1.0, again=0.0)
    ann.confirm()
    ann.confirm()
    ann.close()
    ben = open_as("ben")
    ben.set_ranking(suspicious(ben))
    assert 0 < len(blind_on(ben)) < 6
    for cell in ben.page().cells:
        assert cell.suggestion is not None and cell.details.best
        assert (cell.loss, cell.details.score, cell.details.place) == (None, None, None)
    ben.set_view(show="decided")
    assert all(cell.loss is not None and cell.details.place is not None for cell in ben.page().cells)


def test_numbers_go_up_by_a_blind_image_as_by_any_other(open_as: OpenAs) -> None:
    ann = open_as("ann")
    ann.store.share_blind(second=1.0, again=0.0)
    ann.decide(ann.names[0], "delete")
    ann.confirm()
    ann.confirm()
    ann.close()
    ben = open_as("ben")
    assert (ben.progress()["looked_at"], ben.progress()["left"]) == (0, 30)
    assert ben.progress()["errors"] == 0 and ben.progress()["last100"]["looked_at"] == 0
    expected = {
        "delete": {"looked_at", "left", "errors", "deleted"},
        "keep": {"looked_at", "left", "kept"},
        "unsure": {"unsure"},
        "relabel": {"looked_at", "left", "errors", "relabelled"},
    }
    seen: dict[str, set[bool]] = {action: set() for action in expected}
    while ben.names:
        for at, name in enumerate(ben.names):
            action = list(expected)[at % len(expected)]
            label = None if action != "relabel" else "red" if ben.known.given(name) != "red" else "blue"
            before = ben.progress()
            ben.decide(name, action, label)
            after = ben.progress()
            shown = {key for key in before if isinstance(before[key], int)} - {"conflicts"}  # not on the page
            assert {key for key in shown if before[key] != after[key]} == expected[action]
            seen[action].add(name in blind_on(ben))
        ben.confirm()
        assert ben.progress()["errors"] <= ben.progress()["looked_at"]
    assert all(kinds == {True, False} for kinds in seen.values())


def test_the_agreement_on_the_open_page_is_not_told_before_it_is_left(open_as: OpenAs) -> None:
    ann = open_as("ann")
    ann.store.share_blind(second=1.0, again=0.0)
    decide_all(ann)
    ann.close()
    ben = open_as("ben")
    ben.decide(ben.names[0], "delete")
    assert agreement(ben.store.state) and not agreement(ben.store.state, but=ben.shown_blind)
    ben.confirm()
    (pair,) = agreement(ben.store.state, but=ben.shown_blind).pairs
    assert (pair.images, pair.same) == (6, 5)


def examples(session: ReviewSession, label: str) -> set[str]:
    return {each.name for each in session.class_examples(label, but="").examples}


def test_an_image_is_no_example_of_a_class_before_it_was_shown_blind(open_as: OpenAs) -> None:
    ann = open_as("ann")
    ann.store.share_blind(second=1.0, again=0.0)
    decided = list(ann.names[:3])
    label = ann.known.given(decided[0])
    assert label is not None
    ann.decide(decided, "keep")
    assert examples(ann, label) == set(decided)
    ann.close()
    ben = open_as("ben")
    shown: set[str] = set()
    for _ in decided:
        (name,) = blind_on(ben)
        ben.decide([other for other in ben.names if other != name], "unsure")  # which makes no examples
        ben.decide(name, "keep")  # its card is still there, and may be changed
        assert examples(ben, label) == shown
        ben.confirm()
        assert examples(ben, label) == shown | {name}
        ben.turn(-1)
        assert name in blind_on(ben) and examples(ben, label) == shown
        ben.turn(1)
        shown.add(name)
    assert shown == set(decided)


def test_what_is_said_of_a_blind_image_stands_on_it_and_can_be_changed_and_undone(open_as: OpenAs) -> None:
    ann = open_as("ann")
    ann.store.share_blind(second=1.0, again=0.0)
    decide_all(ann)
    ann.close()
    ben = open_as("ben")
    name = ben.names[0]

    def shown() -> tuple[str | None, str | None]:
        cell = next(each for each in ben.page().cells if each.name == name)
        return cell.action, cell.label

    ben.decide(name, "delete")
    assert shown() == ("delete", None) and name in ben.store.state.conflicts()
    ben.decide(name, "relabel", "green" if ben.known.given(name) != "green" else "red")
    assert shown()[0] == "relabel"
    ben.undo()
    ben.undo()
    assert shown() == (None, None) and name not in ben.store.state.conflicts()
    ben.confirm()
    assert name not in ben.store.state.conflicts() and name not in blind_on(ben)
    ben.undo()
    assert name in ben.names and shown() == (None, None)


def test_opening_again_goes_on_with_the_same_page(open_as: OpenAs) -> None:
    ann = open_as("ann")
    ann.store.share_blind(second=1.0, again=0.0)
    decide_all(ann)
    ann.close()
    ben = open_as("ben")
    ben.decide(ben.names[0], "keep")
    names = ben.names
    ben.close()
    ben = open_as("ben")
    assert set(ben.names) == set(names)
    assert all(cell.action is None for cell in ben.page().cells if cell.name != names[0])


def test_ones_own_images_come_again_and_a_lead_settles_what_differs(
    open_as: OpenAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    due = ReviewState.due
    monkeypatch.setattr(ReviewState, "due", lambda self, who, **_: due(self, who, again_after=12))
    ann = open_as("ann")
    ann.store.share_blind(second=0.0, again=1.0)
    first = set(ann.names)
    ann.confirm()
    assert not blind_on(ann)
    ann.confirm()
    assert not blind_on(ann)
    ann.confirm()
    (name,) = blind_on(ann)
    assert name in first and blind_on(ann)[name] is Blind.AGAIN
    ann.decide(name, "delete")
    assert ann.store.state.outcomes()[name] == ("keep", None)
    ann.close()
    lead = open_as("lead")
    lead.set_view(show="conflicts")
    (cell,) = lead.page().cells
    assert [(note.reviewer, note.action, note.again) for note in cell.notes] == [
        ("ann", "keep", False),
        ("ann", "delete", True),
    ]
    lead.decide(name, "delete")
    assert lead.store.state.outcomes()[name] == ("delete", None) and not lead.store.state.conflicts()


def plant_known(open_as: OpenAs, root: Path, images: int) -> list[str]:
    """Let an expert fix the right labels of the first images: none, and blue, by turns."""
    expert = open_as("expert")
    names = list(expert.known.catalog.names[:images])
    rows = [f"{name},{'blue' if i % 2 else ''}" for i, name in enumerate(names)]
    table = root.parent / "truth.csv"
    table.write_text("\n".join(["name,label", *rows]))
    assert plant(expert.source, table) == images
    expert.close()
    return names


def test_known_images_are_mixed_in_some_of_them_into_the_audit(open_as: OpenAs, root: Path) -> None:
    names = plant_known(open_as, root, 12)
    ben = open_as("ben")
    ben.start_audit()
    unaided: set[str] = set()
    while ben.names and ben.view.order == AUDIT:
        unaided |= set(blind_on(ben))
        ben.confirm()
    kept_back = {each.name for each in ben.store.state.due("ben") if each.unaided}
    ben.set_view(order="by file name", show="undecided")
    aided: set[str] = set()
    while ben.names:
        aided |= set(blind_on(ben))
        ben.confirm()
    assert unaided and aided and not unaided & aided
    assert unaided | aided == set(names) - kept_back
    found = ben.store.state.blind_answers()
    assert {each.name: each.unaided for each in found} == {name: name in unaided for name in unaided | aided}
    assert not ben.store.state.conflicts()
    table = root.parent / "truth.csv"
    table.write_text(f"name,label\n{names[0]},purple\n")
    with pytest.raises(RankingError, match="purple"):
        plant(ben.source, table)


def audit_said(session: ReviewSession) -> tuple[Any, ...]:
    """Return all that the page says of an audit, and the report of everything."""
    notices = [each for each in session.page().notices if isinstance(each, AuditStatus)]
    return session.analysis, *notices


@pytest.fixture
def all_in_audit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have all known answers shown in audits: which they are is drawn, and may be none of a few."""
    monkeypatch.setattr(records, "_UNAIDED", 1.0)


@pytest.mark.usefixtures("all_in_audit")
def test_nothing_on_the_pages_of_an_audit_tells_known_answers_from_the_others(
    open_as: OpenAs, root: Path
) -> None:
    plant_known(open_as, root, 9)
    ben = open_as("ben")
    ben.set_ranking(suspicious(ben))
    left = ben.progress()["left"]
    ben.start_plan(Terms(aql=0.1, ltpd=0.6, alpha=0.3, beta=0.3), PlanKind.SINGLE)
    assert ben.progress()["left"] == left + 9  # at once, not with the pages that show them
    acts = {"keep": "kept", "delete": "deleted", "unsure": "", "relabel": "relabelled"}
    audited = 0
    tried = {True: 0, False: 0}  # acts on known answers, and on others
    while ben.names:
        known = blind_on(ben)
        assert 0 < len(known) < len(ben.names)
        before = audit_said(ben)
        assert [each.certificate.audited for each in before] == [audited] * 2
        for cell in ben.page().cells:
            mute = replace(cell, name="", given=None, details=replace(cell.details, split=None))
            assert mute == Cell(name="", given=None, details=Details(ranked=30))
            assert ben.explain(cell.name) is None
            with pytest.raises(InterpretationError, match="audit"):
                ben.heat_map(cell.name, "red")
        for name in ben.names:
            action = list(acts)[tried[name in known] % len(acts)]
            tried[name in known] += 1
            label = None if action != "relabel" else "red" if ben.known.given(name) != "red" else "blue"
            numbers = ben.progress()
            done = ben.decide(name, action, label)
            (cell,) = done.cells
            assert (cell.action, cell.label, cell.reviewer, cell.mine) == (action, label, "ben", True)
            assert (done.said, cell.notes, cell.suggestion, cell.again) == (None, (), None, None)
            changed = {k for k in numbers if isinstance(numbers[k], int) and numbers[k] != ben.progress()[k]}
            looked = {"looked_at", "left", acts[action]} if acts[action] else {"unsure"}
            wrong = {"errors"} if action in ("delete", "relabel") else set()
            assert changed - {"conflicts"} == looked | wrong
            assert audit_said(ben) == before
        audited += len(ben.names) - len(known)
        ben.confirm()
    assert min(tried.values()) >= len(acts)
    certificate = ben.audit.certificate()
    assert certificate is not None and certificate.audited == audited == certificate.population == 21


@pytest.mark.usefixtures("all_in_audit")
def test_an_undone_answer_to_a_known_image_of_an_audit_comes_back_as_any_other(
    open_as: OpenAs, root: Path
) -> None:
    plant_known(open_as, root, 9)
    for again in (False, True):
        ben = open_as("ben")
        ben.start_audit()
        names, (known,) = ben.names, blind_on(ben)
        ordinary = next(name for name in names if name != known)
        for name in [each for each in names if each not in (known, ordinary)] + [ordinary, known]:
            ben.decide(name, "keep")
        ben.turn(1)
        if again:  # the pages of before are not known any more
            ben.close()
            ben = open_as("ben")
            ben.start_audit()
        assert not {known, ordinary}.intersection(ben.names)
        for name in (known, ordinary):
            done = ben.undo()
            assert (done.focus == name and done.page is not None) or not again
            (cell,) = (each for each in ben.page().cells if each.name == name)
            assert (cell.action, cell.notes) == (None, ())
        ben.close()


def test_two_reviewers_on_a_server(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ben is asked about what ann has left, never about what she has open, and nothing counts twice."""
    monkeypatch.setattr(colleagues, "_FOLLOW_S", 0.05)
    url, opened = postgres_server.fresh_url(), []

    def open_as(reviewer: str) -> ReviewSession:
        workspace = Workspace(root, state=tmp_path / reviewer, store=url, reviewer=reviewer)
        workspace.scan()
        opened.extend([session := ReviewSession(workspace, page_size=6), workspace])
        return session

    try:
        ann, ben = open_as("ann"), open_as("ben")
        ann.store.share_blind(second=1.0, again=0.0)
        ann.decide(ann.names[0], "delete")
        still_open = set(ann.names)
        end = time.monotonic() + 20
        while ben.names:
            assert still_open.isdisjoint(ben.names)
            ben.confirm()
        ann.confirm()
        decided: set[str] = set()
        while len(decided) < 6 and time.monotonic() < end:  # ben's page comes by itself
            decided |= {name for name, why in blind_on(ben).items() if why is Blind.SECOND}
            if ben.names:
                ben.confirm()
            time.sleep(0.02)
        assert decided == still_open
        while ann.names:
            ann.confirm()
        ann.store.refresh()
        state = ann.store.state
        assert len(state.decisions()) == 30 and len(state.conflicts()) == 1
        answers = state.blind_answers()
        assert len(answers) == 30 and len({each.name for each in answers}) == 30
    finally:
        for each in opened:
            each.close()

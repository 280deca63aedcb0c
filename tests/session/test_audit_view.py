"""The audit in `ImageCleaner`, without a browser: what reaches the page, and what counts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from page_requests import ask
from pictures import make_picture

from cleaner.audit.audit import audit_file
from cleaner.audit.running import RunningAudit
from cleaner.errors import RankingError, StoreError
from cleaner.ranking import Ranking, rank_probabilities
from cleaner.session.messages import Hint
from cleaner.session.orders import AUDIT
from cleaner.session.view import GridView
from cleaner.widgets.image_cleaner import ImageCleaner
from cleaner.widgets.panels.text import audit_progress, certificate_text
from cleaner.widgets.sentences import say
from cleaner.workspace import Workspace

OpenCleaner = Callable[..., ImageCleaner]
PAGE = 6


@pytest.fixture
def root(make_set: Callable[..., Path]) -> Path:
    """Twenty-four pictures in three classes, one of each filed wrongly."""
    return make_set(wrong=1)


def rank(workspace: Workspace) -> Ranking:
    """Rank as a model would that knows the truth: the name of the file tells it."""
    catalog = workspace.catalog
    odds = np.full((len(catalog), len(catalog.classes)), 0.05)
    for row, name in enumerate(catalog.names):
        odds[row, catalog.classes.index(name.split("/")[1].split("_")[0])] = 0.9
    return rank_probabilities(catalog, odds)


@pytest.fixture
def open_cleaner(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenCleaner]:
    """Return a function that opens the set; what is sent to the page is kept in ``.sent``."""
    opened: list[tuple[ImageCleaner, Workspace]] = []

    def build(reviewer: str = "Ana") -> ImageCleaner:
        workspace = Workspace(root, reviewer=reviewer)
        made = ImageCleaner(rank(workspace), workspace=workspace, page_size=PAGE)
        made.sent = []
        monkeypatch.setattr(made.grid, "send", lambda message, buffers=None: made.sent.append(message))
        opened.append((made, workspace))
        return made

    yield build
    for cleaner, workspace in opened:
        cleaner.close()
        workspace.close()


def send(cleaner: ImageCleaner, kind: str, **fields: Any) -> dict[str, Any]:
    """Send a message as the page would, and return the first answer with its id."""
    asked = ask(cleaner.grid, cleaner.sent, kind, **fields)
    return next(message for message in cleaner.sent if message.get("id") == asked)


def page(cleaner: ImageCleaner) -> dict[str, Any]:
    return send(cleaner, "hello")["page"]


# -------------------------------------------------------------------- the pages


def test_audit_pages_follow_the_random_order_not_the_ranking(open_cleaner: OpenCleaner) -> None:
    cleaner = open_cleaner()
    cleaner.start_audit()
    assert list(cleaner.names) == cleaner.session.audit.sequence()[:PAGE]
    cleaner.confirm_page()
    assert list(cleaner.names) == cleaner.session.audit.sequence()[PAGE : 2 * PAGE]
    assert page(cleaner)["title"] == say("review.title_audit", number=2)


def test_nothing_of_what_the_model_thinks_reaches_the_browser(open_cleaner: OpenCleaner) -> None:
    cleaner = open_cleaner()
    cleaner.start_audit()
    cleaner.sent.clear()
    shown = page(cleaner)
    for cell in shown["cells"]:
        assert (cell["suggestion"], cell["probability"], cell["loss"]) == (None, None, None)
        assert [term for term, _ in cell["facts"]] == [say("review.split")]
    send(cleaner, "decide", names=[shown["cells"][0]["name"]], action="keep", label=None)
    cleaner.confirm_page()
    cleaner.previous_page()
    send(cleaner, "next", page=shown["id"])
    assert "expected" not in json.dumps(cleaner.sent)
    pages = [message["page"]["cells"] for message in cleaner.sent if message["kind"] == "page"]
    answers = [message["cells"] for message in cleaner.sent if "cells" in message]
    assert len(pages) >= 3
    assert len(answers) >= 2
    for cell in (cell for cells in pages + answers for cell in cells):
        assert cell["suggestion"] is None
        assert {term for term, _ in cell["facts"]} == {say("review.split")}


def test_other_views_show_it_again(open_cleaner: OpenCleaner) -> None:
    cleaner = open_cleaner()
    cleaner.start_audit()
    cleaner.set_view(GridView())
    assert all(cell["suggestion"] is not None for cell in page(cleaner)["cells"])


def test_a_suggestion_cannot_be_taken_blindly(open_cleaner: OpenCleaner) -> None:
    cleaner = open_cleaner()
    cleaner.start_audit()
    answer = send(cleaner, "decide", names=[cleaner.names[0]], action="suggest", label=None)
    assert answer["reason"].startswith("Not saved: There is no suggestion for this.")
    assert not cleaner.store.state.events


def test_the_history_holds_what_was_shown_and_which_model_there_was(open_cleaner: OpenCleaner) -> None:
    cleaner = open_cleaner()
    cleaner.start_audit()
    cleaner.confirm_page()
    events = cleaner.store.state.events
    assert {(event.rank, event.loss, event.score) for event in events} == {(None, None, None)}
    assert {event.model for event in events} == {cleaner.ranking.model}


def test_the_audit_takes_no_filters_and_says_so(open_cleaner: OpenCleaner) -> None:
    cleaner = open_cleaner()
    cleaner.start_audit()
    lists = {each.description: each for each in cleaner.filters.children}
    lists["Given label"].value = "red"
    assert cleaner.session.wait()
    assert cleaner.view == GridView(order=AUDIT)
    assert lists["Given label"].value == ""
    assert Hint.NO_FILTERS_AUDIT in cleaner.session.page().notices


def test_a_page_of_the_audit_is_not_left_undecided(open_cleaner: OpenCleaner) -> None:
    cleaner = open_cleaner()
    cleaner.start_audit()
    with pytest.raises(StoreError, match=r"^The audit counts its images in their order\. Decide on"):
        cleaner.next_page()
    cleaner.decide(cleaner.names[:3], "keep")
    cleaner.decide(cleaner.names[3:], "unsure")
    cleaner.next_page()
    assert page(cleaner)["title"] == say("review.title_audit", number=2)


def test_without_an_audit_the_view_says_how_to_begin_one(open_cleaner: OpenCleaner) -> None:
    cleaner = open_cleaner()
    cleaner.set_view(GridView(order=AUDIT))
    assert page(cleaner)["empty"] == say("review.no_audit")
    cleaner.start_audit()
    assert len(cleaner.names) == PAGE


def test_a_new_ranking_leaves_the_audit_alone(open_cleaner: OpenCleaner) -> None:
    cleaner = open_cleaner()
    cleaner.start_audit()
    cleaner.decide(cleaner.names[:2], "keep")
    before = cleaner.names
    cleaner.session.set_ranking(rank(cleaner.workspace))
    assert cleaner.names == before
    said = cleaner.session.audit.certificate()
    assert page(cleaner)["notice"] == f"{audit_progress(said)}. {certificate_text(said)}"


# -------------------------------------------------------------------- what counts


def test_the_audit_goes_on_after_a_restart_and_for_a_colleague(open_cleaner: OpenCleaner) -> None:
    first = open_cleaner()
    first.start_audit()
    first.confirm_page()
    order, waiting = first.session.audit.sequence(), first.names
    first.close()
    second = open_cleaner("Ben")
    second.start_audit()
    assert second.session.audit.sequence() == order
    assert second.names == waiting
    assert second.session.audit.certificate().audited == PAGE


def test_another_page_sees_at_once_that_an_audit_has_begun(open_cleaner: OpenCleaner) -> None:
    one, two = open_cleaner(), open_cleaner()
    assert two.session.audit.certificate() is None
    one.start_audit()
    assert two.session.audit.sequence() == one.session.audit.sequence()


def test_decided_unsure_and_unlabelled_pictures_are_no_part_of_it(open_cleaner: OpenCleaner) -> None:
    cleaner = open_cleaner()
    names = cleaner.workspace.catalog.names.tolist()
    cleaner.decide(names[0], "delete")
    cleaner.decide(names[1], "unsure")
    cleaner.start_audit()
    assert sorted(cleaner.session.audit.sequence()) == sorted(names[2:])
    assert cleaner.session.audit.certificate().found == 1


def test_a_picture_without_a_label_is_no_part_of_it_and_deleting_it_finds_no_error(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.png"):
        make_picture(tmp_path / name, (200, 40, 40), seed=ord(name[0]))
    (tmp_path / "labels.csv").write_text("name,label\na.png,red\nb.png,red\nc.png,\n", encoding="utf-8")
    with Workspace(tmp_path / "labels.csv", reviewer="Ana") as workspace:
        audit = RunningAudit(workspace.state, workspace.store, catalog=lambda: workspace.catalog)
        assert audit.begin().population == {"a.png", "b.png"}
        workspace.store.decide("c.png", "delete")
        workspace.store.decide("b.png", "delete")
        said = audit.certificate()
        assert said is not None
        assert (said.found, said.left) == (1, 1)


def test_undo_takes_a_look_out_of_the_audit_again(open_cleaner: OpenCleaner) -> None:
    cleaner = open_cleaner()
    cleaner.start_audit()
    cleaner.decide(cleaner.names[0], "delete")
    assert cleaner.session.audit.certificate().errors == 1
    cleaner.undo()
    assert (cleaner.session.audit.certificate().audited, cleaner.session.audit.certificate().errors) == (0, 0)


def test_what_is_discarded_leaves_the_audit_and_is_not_shown(open_cleaner: OpenCleaner) -> None:
    cleaner = open_cleaner()
    cleaner.start_audit()
    sequence, store = cleaner.session.audit.audit.sequence, cleaner.store
    store.decide(sequence[0], "delete", reason="duplicate")
    store.decide(sequence[1], "keep")
    store.decide(sequence[1], "delete", reason="blurry")
    cleaner.set_view(GridView(order=AUDIT))
    assert [cell["name"] for cell in page(cleaner)["cells"]] == list(sequence[2 : 2 + PAGE])
    said = cleaner.session.audit.certificate()
    assert (said.audited, said.errors, said.found, said.discarded) == (1, 0, 0, 1)
    assert cleaner.session.audit.newcomers() == []
    store.undo()
    store.undo()
    store.undo()
    assert (cleaner.session.audit.certificate().audited, cleaner.session.audit.certificate().discarded) == (
        0,
        0,
    )


def test_pictures_that_come_later_can_join(
    open_cleaner: OpenCleaner, root: Path, picture: Callable[..., Path]
) -> None:
    cleaner = open_cleaner()
    cleaner.start_audit()
    cleaner.confirm_page()
    picture(root / "red" / "red_new.png", (200, 40, 40), seed=77)
    cleaner.workspace.refresh()
    cleaner.session.set_ranking(rank(cleaner.workspace))
    assert cleaner.session.audit.newcomers() == ["red/red_new.png"]
    cleaner.start_audit(join=True)
    assert cleaner.session.audit.newcomers() == []
    said = cleaner.session.audit.certificate()
    assert (said.population, said.audited, said.rounds) == (25, PAGE, 2)


def test_a_picture_that_is_gone_is_not_shown_and_counts_against_the_bound(
    open_cleaner: OpenCleaner, root: Path
) -> None:
    cleaner = open_cleaner()
    cleaner.start_audit()
    gone = cleaner.session.audit.sequence()[0]
    (root / gone).unlink()
    cleaner.workspace.refresh()
    assert set(cleaner.session.audit.sequence()) == set(cleaner.workspace.catalog.names) - {gone}
    assert (cleaner.session.audit.certificate().audited, cleaner.session.audit.certificate().open) == (1, 1)


def test_when_all_is_judged_the_audit_says_so(open_cleaner: OpenCleaner) -> None:
    cleaner = open_cleaner()
    cleaner.start_audit()
    for _ in range(4):
        cleaner.confirm_page()
    assert page(cleaner)["empty"] == say("review.audit_ended")
    assert cleaner.session.audit.certificate().left == 0


def test_with_nothing_left_to_decide_there_is_nothing_to_audit(open_cleaner: OpenCleaner) -> None:
    cleaner = open_cleaner()
    for _ in range(4):
        cleaner.confirm_page()
    with pytest.raises(RankingError, match=r"^There are no images to audit"):
        cleaner.start_audit()


def test_a_broken_audit_is_said_to_be_so_and_the_other_views_work(open_cleaner: OpenCleaner) -> None:
    cleaner = open_cleaner()
    audit_file(cleaner.workspace.state, cleaner.workspace.name).write_text("{", encoding="utf-8")
    next(each for each in cleaner.filters.children if each.description == "Order").value = AUDIT
    assert cleaner.session.wait()
    assert "cannot be read" in cleaner.grid.problem
    cleaner.set_view(GridView())
    assert len(cleaner.names) == PAGE

"""`ImageCleaner` without a browser: what the page says goes in; what is stored and answered is checked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ipywidgets
import numpy as np
import pandas as pd
import pytest
from page_requests import ask, seen

from cleaner.errors import CleanerError, StoreError
from cleaner.ranking import Ranking, rank_probabilities
from cleaner.session.cells import Colleague
from cleaner.session.orders import ORDERS, Order
from cleaner.session.snapshot import Snapshot
from cleaner.session.view import GridView
from cleaner.widgets.grid.text import note_text
from cleaner.widgets.image_cleaner import ImageCleaner
from cleaner.widgets.panels.base import text_of
from cleaner.widgets.sentences import say
from cleaner.workspace import Workspace

WRONG = ("blue/green_000.png", "green/red_000.png", "red/blue_000.png")


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEANER_HOME", str(tmp_path / "home"))


@pytest.fixture
def workspace(make_set: Callable[..., Path]) -> Iterator[Workspace]:
    """Twenty-four pictures, one of each class filed wrongly."""
    with Workspace(make_set(wrong=1), reviewer="Ana") as made:
        yield made


def rank(workspace: Workspace, *, sure: float = 0.9) -> Ranking:
    """Rank as a model would that knows the truth: the name of the file tells it."""
    catalog = workspace.catalog
    odds = np.full((len(catalog), len(catalog.classes)), (1 - sure) / 2)
    for row, name in enumerate(catalog.names):
        odds[row, catalog.classes.index(name.split("/")[1].split("_")[0])] = sure
    return rank_probabilities(catalog, odds)


@pytest.fixture
def open_cleaner(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., ImageCleaner]]:
    """Return a function that opens a cleaner, whose messages to the page are kept in ``.sent``."""
    opened: list[ImageCleaner] = []

    def build(source: Any = None, **options: Any) -> ImageCleaner:
        if source is None:
            source, options = rank(workspace), {"workspace": workspace, **options}
        made = ImageCleaner(source, **{"page_size": 6, **options})
        made.sent = []
        monkeypatch.setattr(made.grid, "send", lambda message, buffers=None: made.sent.append(message))
        opened.append(made)
        return made

    yield build
    for made in opened:
        made.close()


def send(cleaner: ImageCleaner, kind: str, **fields: Any) -> dict[str, Any]:
    """Send a message as the page would, and return the first answer with its id."""
    asked = ask(cleaner.grid, cleaner.sent, kind, **fields)
    return next(message for message in cleaner.sent if message.get("id") == asked)


def page(cleaner: ImageCleaner) -> dict[str, Any]:
    return send(cleaner, "hello")["page"]


def decisions(cells: list[dict[str, Any]]) -> list[tuple[str, str | None] | None]:
    return [c["decision"] and (c["decision"]["action"], c["decision"]["label"]) for c in cells]


def undone(key: str, **values: Any) -> str:
    return say("review.undone", what=say(f"review.{key}", **values))


def dropdowns(cleaner: ImageCleaner) -> dict[str, ipywidgets.Dropdown]:
    return {each.description: each for each in cleaner.filters.children}


def wait_until(done: Callable[[], bool]) -> None:
    """Wait for what a thread does."""
    for _ in range(2000):
        if done():
            return
        threading.Event().wait(0.005)
    pytest.fail("it did not happen within ten seconds")


# ---------------------------------------------------------------- opening


def test_source_must_be_a_ranking_or_a_workspace(workspace: Workspace) -> None:
    with pytest.raises(TypeError, match=r"^Got str\. ImageCleaner takes a Ranking or a Workspace"):
        ImageCleaner("data/bears")  # type: ignore[arg-type]
    ranking = rank(workspace)
    expected = "Got a ranking without its data set; pass the Workspace as workspace=."
    with pytest.raises(TypeError, match=expected):
        ImageCleaner(ranking)
    ImageCleaner(ranking, workspace=workspace).close()


def test_a_ranking_that_a_workspace_handed_out_needs_no_more(workspace: Workspace) -> None:
    rank(workspace).save(workspace.ranking_folder)
    cleaner = ImageCleaner(workspace.ranking())
    assert cleaner.workspace is workspace
    cleaner.close()


def test_misspelt_keyword_is_refused_with_advice(workspace: Workspace) -> None:
    with pytest.raises(TypeError) as caught:
        ImageCleaner(workspace, pagesize=3)
    assert str(caught.value) == (
        "Got the keyword 'pagesize'. ImageCleaner takes a Ranking or a Workspace, "
        "and workspace=, page_size= and reviewer= as keywords."
    )


def test_first_page_has_the_most_suspicious_pictures(open_cleaner: Callable[..., ImageCleaner]) -> None:
    cleaner = open_cleaner()
    shown = page(cleaner)
    assert {cell["name"] for cell in shown["cells"][:3]} == set(WRONG)
    assert len(shown["cells"]) == 6
    first = next(cell for cell in shown["cells"] if cell["name"] == WRONG[0])
    assert (first["given"], first["suggestion"]) == ("blue", "green")
    assert cleaner.ranking is not None
    row = cleaner.ranking.table.set_index("name").loc[WRONG[0]]
    assert first["probability"] == pytest.approx(row["probability"])
    assert first["loss"] == pytest.approx(row["loss"])
    assert [label for label, _ in first["facts"][:2]] == [say("review.split"), say("review.predictions")]
    assert first["facts"][1][1].startswith(f"green {row['probability']:.0%}".replace("%", " %"))
    assert shown["classes"] == ["blue", "green", "red"]
    assert (shown["title"], shown["notice"]) == (say("review.title", number=1), "")
    assert (shown["can_go_back"], shown["can_go_on"]) == (False, True)


def test_without_a_ranking_the_order_is_that_of_the_names(
    open_cleaner: Callable[..., ImageCleaner], workspace: Workspace
) -> None:
    shown = page(open_cleaner(workspace))
    assert [cell["name"] for cell in shown["cells"]] == list(workspace.catalog.names[:6])
    assert shown["notice"] == say("review.no_ranking")
    assert shown["cells"][0]["suggestion"] is None


def test_opening_writes_no_cleaned_csv(
    open_cleaner: Callable[..., ImageCleaner], workspace: Workspace
) -> None:
    cleaner = open_cleaner()
    page(cleaner)
    cleaner.close()
    assert not workspace.cleaned_csv.exists()


def test_opening_again_goes_on_with_the_first_undecided(open_cleaner: Callable[..., ImageCleaner]) -> None:
    first = open_cleaner()
    names = first.names
    first.decide(names[0], "delete")
    first.confirm_page()
    second_page = first.names
    first.decide(second_page[:2], "suggest")
    first.close()
    again = open_cleaner()
    shown = page(again)
    assert again.names == second_page
    assert decisions(shown["cells"])[2:] == [None] * 4
    assert shown["notice"] == say("review.resumed", decided=8, total=24)


# ---------------------------------------------------------------- deciding


def test_decision_is_in_the_database_before_it_is_answered(
    open_cleaner: Callable[..., ImageCleaner], workspace: Workspace
) -> None:
    cleaner = open_cleaner()
    answer = send(cleaner, "decide", names=[WRONG[0]], action="relabel", label="green")
    assert answer["kind"] == "saved"
    assert decisions(answer["cells"]) == [("relabel", "green")]
    assert answer["summary"].startswith(say("review.summary", errors="1 error", looked_at=1, left=23) + "; ")
    with Workspace(workspace.root, reviewer="Ben") as elsewhere:
        (row,) = elsewhere.store.state.events
    assert (row.name, row.kind, row.given_label, row.new_label) == (WRONG[0], "relabel", "blue", "green")
    assert (row.reviewer, row.page, row.model) == ("Ana", 1, cleaner.ranking.model)
    assert row.loss == pytest.approx(-np.log(0.05), abs=1e-4)
    assert row.rank in (0, 1, 2)
    assert row.score is not None and row.score > 0.5


def test_relabel_to_the_given_label_is_shown_as_kept(open_cleaner: Callable[..., ImageCleaner]) -> None:
    cleaner = open_cleaner()
    answer = send(cleaner, "decide", names=[WRONG[0]], action="relabel", label="blue")
    assert decisions(answer["cells"]) == [("keep", None)]


def test_suggestions_are_taken_each_its_own_as_one_act(open_cleaner: Callable[..., ImageCleaner]) -> None:
    cleaner = open_cleaner()
    right = next(name for name in cleaner.names if name not in WRONG)
    answer = send(cleaner, "decide", names=[*WRONG, right], action="suggest")
    assert decisions(answer["cells"]) == [
        ("relabel", "green"),
        ("relabel", "red"),
        ("relabel", "blue"),
        ("keep", None),
    ]
    assert send(cleaner, "undo")["said"] == undone(
        "act_decision", kind=say("review.act_mixed"), of="4 images"
    )
    assert cleaner.store.state.progress().looked_at == 0


def test_suggestion_without_a_ranking_is_refused(
    open_cleaner: Callable[..., ImageCleaner], workspace: Workspace
) -> None:
    cleaner = open_cleaner(workspace)
    answer = send(cleaner, "decide", names=[cleaner.names[0]], action="suggest")
    assert answer["reason"].startswith("Not saved: There is no suggestion for this.")


def test_new_class_is_made_only_on_purpose_and_comes_last(open_cleaner: Callable[..., ImageCleaner]) -> None:
    cleaner = open_cleaner()
    refused = send(cleaner, "decide", names=[WRONG[0]], action="relabel", label="amber")
    assert refused["kind"] == "refused"
    assert "Give new_class=True to make it one." in refused["reason"]
    send(cleaner, "decide", names=[WRONG[0]], action="relabel", label="amber", new_class=True)
    assert page(cleaner)["classes"] == ["blue", "green", "red", "amber"]
    cleaner.close()
    assert page(open_cleaner())["classes"] == ["blue", "green", "red", "amber"]


def test_undo_of_the_only_use_takes_the_new_class_away(open_cleaner: Callable[..., ImageCleaner]) -> None:
    cleaner = open_cleaner()
    cleaner.decide(WRONG[0], "relabel", "amber", new_class=True)
    assert cleaner.undo() == undone("act_relabel_to", of="green_000.png", label="amber")
    assert page(cleaner)["classes"] == ["blue", "green", "red"]


@pytest.mark.parametrize("names", [[], ["../secret.png"], ["blue/none.png"]])
def test_names_that_are_not_in_the_set_are_refused(
    open_cleaner: Callable[..., ImageCleaner], names: list[str]
) -> None:
    cleaner = open_cleaner()
    answer = send(cleaner, "decide", names=names, action="keep")
    assert answer["kind"] == "refused"
    assert "expected images of this set" in answer["reason"]
    with pytest.raises(StoreError, match="expected images of this set"):
        cleaner.decide(names, "keep")


def test_pictures_outside_the_set_are_not_sent(open_cleaner: Callable[..., ImageCleaner]) -> None:
    cleaner = open_cleaner()
    (cleaner.workspace.root / "private.png").write_bytes(b"secret")
    say_ids = {"id": "t", "view": "v"}
    cleaner.grid._handle_custom_msg({"kind": "thumbs", "names": ["private.png"], **say_ids}, [])
    wait_until(lambda: any(message["kind"] == "thumbs" for message in cleaner.sent))
    assert cleaner.sent[-1]["problems"] == ["not an image of this set"]
    asked = {"kind": "image", "name": "../x.png", "full": True, "window": None}
    cleaner.grid._handle_custom_msg({**asked, **say_ids}, [])
    wait_until(lambda: any(message["kind"] == "image" for message in cleaner.sent))
    assert cleaner.sent[-1]["problem"] == "not an image of this set"


def test_large_view_gets_a_rendition_and_the_size_of_the_original(
    open_cleaner: Callable[..., ImageCleaner],
) -> None:
    cleaner = open_cleaner()
    small = cleaner.session.picture(WRONG[0], full=False)
    assert (small.width_px, small.height_px, small.media_type) == (24, 24, "image/jpeg")
    assert small.data.startswith(b"\xff\xd8")


# ---------------------------------------------------------------- pages


def test_confirm_keeps_what_is_unmarked_and_opens_the_next_page(
    open_cleaner: Callable[..., ImageCleaner],
) -> None:
    cleaner = open_cleaner()
    shown = page(cleaner)
    names = [cell["name"] for cell in shown["cells"]]
    send(cleaner, "decide", names=names[:1], action="delete")
    answer = send(cleaner, "confirm", names=names[1:], page=shown["id"])
    assert answer["said"] == f"{say('review.kept', n=5)}."
    assert decisions(answer["cells"]) == [("keep", None)] * 5
    new = cleaner.sent[-1]["page"]
    assert (new["title"], len(new["cells"])) == (say("review.title", number=2), 6)
    assert not {cell["name"] for cell in new["cells"]} & set(names)
    assert new["summary"].startswith(say("review.summary", errors="1 error", looked_at=6, left=18) + "; ")


def test_confirm_of_a_page_that_is_not_open_keeps_nothing(open_cleaner: Callable[..., ImageCleaner]) -> None:
    cleaner = open_cleaner()
    old = page(cleaner)
    send(cleaner, "turn", by=1)
    answer = send(cleaner, "confirm", names=[old["cells"][0]["name"]], page=old["id"])
    assert answer["reason"] == "Not saved: Another page is open now. Look at it, and confirm again."
    assert cleaner.progress["looked_at"] == 0


def test_undo_of_a_confirm_brings_the_page_back(open_cleaner: Callable[..., ImageCleaner]) -> None:
    cleaner = open_cleaner()
    names = cleaner.names
    cleaner.decide(names[0], "unsure")
    cleaner.confirm_page()
    answer = send(cleaner, "undo")
    assert answer["said"] == undone("act_confirm", of="5 images")
    assert answer["focus"] == names[1]
    assert cleaner.names == names
    assert decisions(page(cleaner)["cells"]) == [("unsure", None)] + [None] * 5


def test_undo_reaches_back_beyond_a_restart(open_cleaner: Callable[..., ImageCleaner]) -> None:
    cleaner = open_cleaner()
    names = cleaner.names
    cleaner.confirm_page()
    cleaner.close()
    again = open_cleaner()
    assert again.names != names
    assert again.undo() == undone("act_confirm", of="6 images")
    assert again.names == names
    assert again.undo() == say("review.nothing_to_undo")


def test_redo_brings_back_what_was_undone_also_after_a_restart(
    open_cleaner: Callable[..., ImageCleaner],
) -> None:
    cleaner = open_cleaner()
    names = cleaner.names
    cleaner.decide(names[0], "delete")
    cleaner.confirm_page()
    cleaner.undo()
    cleaner.undo()
    cleaner.close()
    again = open_cleaner()
    assert again.redo() == say(
        "review.redone", what=say("review.act_decision", kind="delete", of="red_000.png")
    )
    answer = send(again, "redo")
    assert answer["said"] == say("review.redone", what=say("review.act_confirm", of="5 images"))
    assert answer["focus"] == names[1]
    assert again.names == names
    assert decisions(page(again)["cells"]) == [("delete", None)] + [("keep", None)] * 5
    assert again.redo() == say("review.nothing_to_redo")


def test_what_was_undone_before_another_act_stays_undone(open_cleaner: Callable[..., ImageCleaner]) -> None:
    cleaner = open_cleaner()
    cleaner.decide(cleaner.names[0], "delete")
    cleaner.undo()
    cleaner.decide(cleaner.names[1], "keep")
    assert cleaner.redo() == say("review.nothing_to_redo")
    assert cleaner.progress["deleted"] == 0


def test_end_of_the_view_says_what_to_do_and_back_leads_to_the_last_page(
    open_cleaner: Callable[..., ImageCleaner],
) -> None:
    cleaner = open_cleaner(page_size=12)
    cleaner.confirm_page()
    last = cleaner.names
    cleaner.decide(last[0], "unsure")
    cleaner.confirm_page()
    shown = page(cleaner)
    assert shown["cells"] == []
    parts = [
        say("review.all_decided"),
        say("review.retrain_now"),
        say("review.set_aside", images="1 image is"),
    ]
    assert shown["empty"] == " ".join(parts)
    assert (shown["can_go_back"], shown["can_go_on"]) == (True, False)
    cleaner.previous_page()
    assert cleaner.names == last
    cleaner.undo()
    cleaner.undo()
    assert [cell["decision"] for cell in page(cleaner)["cells"]] == [None] * 12


def test_pages_turn_without_deciding(open_cleaner: Callable[..., ImageCleaner]) -> None:
    cleaner = open_cleaner()
    first = cleaner.names
    cleaner.next_page()
    second = cleaner.names
    cleaner.previous_page()
    assert cleaner.names == first
    cleaner.next_page()
    assert cleaner.names == second
    assert cleaner.store.state.last_seq == 0


def test_next_page_is_named_for_fetching_ahead(open_cleaner: Callable[..., ImageCleaner]) -> None:
    cleaner = open_cleaner()
    ahead = send(cleaner, "next", page="any")["names"]
    assert len(ahead) == 6
    cleaner.confirm_page()
    assert list(cleaner.names) == ahead


# ---------------------------------------------------------------- views


def test_filters_show_only_what_passes(open_cleaner: Callable[..., ImageCleaner]) -> None:
    cleaner = open_cleaner(page_size=24)
    cleaner.set_view(given="blue")
    assert all(name.startswith("blue/") for name in cleaner.names)
    assert len(cleaner.names) == 8
    cleaner.set_view(given="blue", predicted="green")
    assert cleaner.names == (WRONG[0],)
    cleaner.set_view(GridView(split="valid"))
    catalog = cleaner.workspace.catalog
    assert set(cleaner.names) == set(catalog.names[catalog.splits == "valid"])
    with pytest.raises(CleanerError, match="Got the order 'loudest'"):
        cleaner.set_view(order="loudest")
    assert cleaner.view == GridView(split="valid")


def test_view_that_was_left_is_found_again_as_it_was(open_cleaner: Callable[..., ImageCleaner]) -> None:
    cleaner = open_cleaner()
    cleaner.next_page()
    names = cleaner.names
    cleaner.set_view(given="red")
    cleaner.set_view(given=None)
    assert cleaner.names == names


def test_decided_and_unsure_and_all_can_be_shown(open_cleaner: Callable[..., ImageCleaner]) -> None:
    cleaner = open_cleaner()
    names = cleaner.names
    cleaner.decide(names[:2], "keep")
    cleaner.decide(names[2], "unsure")
    cleaner.set_view(show="decided")
    assert set(cleaner.names) == set(names[:2])
    cleaner.confirm_page()
    assert page(cleaner)["empty"] == say("review.last_page")
    cleaner.set_view(show="unsure")
    assert cleaner.names == (names[2],)
    cleaner.set_view(show="all")
    seen = []
    for _ in range(4):
        seen += cleaner.names
        cleaner.next_page()
    assert sorted(seen) == sorted(cleaner.workspace.catalog.names)
    cleaner.set_view(show="conflicts")
    assert page(cleaner)["empty"] == say("review.none_conflicts")


def test_order_by_confidence_and_a_registered_order(
    open_cleaner: Callable[..., ImageCleaner], monkeypatch: pytest.MonkeyPatch
) -> None:
    cleaner = open_cleaner()
    cleaner.set_view(order="least confident")
    assert list(cleaner.names) == list(cleaner.ranking.order("least_confident")[:6])
    backwards = Order(lambda found, _view: found.catalog.rows_of(list(found.ranking.order("pooled"))[::-1]))
    monkeypatch.setitem(ORDERS, "least suspicious", backwards)
    cleaner.set_view(order="least suspicious")
    assert not set(cleaner.names) & set(WRONG)


def test_dropdowns_choose_the_view_and_follow_it(open_cleaner: Callable[..., ImageCleaner]) -> None:
    cleaner = open_cleaner()
    lists = dropdowns(cleaner)
    assert [each for each, _ in lists["Given label"].options] == [say("filters.all"), "blue", "green", "red"]
    assert [value for _, value in lists["Order"].options] == [
        "most suspicious",
        "least confident",
        "by file name",
        "audit (random)",
    ]
    lists["Given label"].value = "green"
    assert cleaner.session.wait()
    assert cleaner.view.given == "green"
    assert cleaner.sent[-1]["kind"] == "page"
    cleaner.set_view(given="red", show="all")
    assert (lists["Given label"].value, lists["Show"].value) == ("red", "all")


def test_an_order_that_is_not_offered_yet_has_the_same_words(
    open_cleaner: Callable[..., ImageCleaner], workspace: Workspace
) -> None:
    chosen = dropdowns(open_cleaner(workspace))["Order"]
    assert (chosen.label, chosen.value) == (say("order.most suspicious"), "most suspicious")


def test_a_long_name_leaves_room_on_the_card_for_what_its_owner_chose() -> None:
    assert note_text(Colleague("Ben Smith", "delete")) == "Ben Smith: delete"
    assert note_text(Colleague("Ann-Katrin Freifrau von Ixheim", "relabel", "hat")) == "Ann-Katrin…: hat"


def test_suggestion_that_changes_while_it_is_taken_is_refused_and_shown_anew(
    open_cleaner: Callable[..., ImageCleaner], workspace: Workspace
) -> None:
    cleaner = open_cleaner()
    cleaner.decide(cleaner.names[-1], "keep")  # so that the page stays open under another ranking
    name, act = WRONG[0], {"names": [WRONG[0]], "action": "suggest"}
    before = seen(cleaner.grid, cleaner.sent)
    odds = rank(workspace).predicted.copy()
    row = list(workspace.catalog.names).index(name)
    odds[row] = np.roll(odds[row], 1)
    cleaner.session.set_ranking(rank_probabilities(workspace.catalog, odds))
    refused = send(cleaner, "decide", seen=before, **act)
    assert refused["kind"] == "refused"
    assert workspace.store.state.of(name) is None
    (shown,) = (cell for cell in refused["page"]["cells"] if cell["name"] == name)
    assert shown["suggestion"] != before["suggestions"][name]
    assert (refused["page"]["id"], refused["page"]["focus"]) == (before["page"], name)
    saved = send(cleaner, "decide", **act)
    assert saved["kind"] == "saved"
    assert [cell["decision"]["label"] for cell in saved["cells"]] == [shown["suggestion"]]


def test_the_last_of_quick_choices_stays(open_cleaner: Callable[..., ImageCleaner]) -> None:
    cleaner = open_cleaner()
    given = dropdowns(cleaner)["Given label"]
    for label in ["blue", "green", "red"] * 5:
        given.value = label
    assert cleaner.session.wait()
    assert cleaner.view.given == given.value == "red"
    assert all(name.startswith("red/") for name in cleaner.names)


def test_error_behind_a_dropdown_is_shown_on_the_page(
    open_cleaner: Callable[..., ImageCleaner], monkeypatch: pytest.MonkeyPatch
) -> None:
    cleaner = open_cleaner()

    def fail(known: Snapshot, _view: GridView) -> list[str]:
        raise KeyError(known.catalog.names[0])

    monkeypatch.setitem(ORDERS, "by file name", Order(fail))
    dropdowns(cleaner)["Order"].value = "by file name"
    assert cleaner.session.wait()
    assert cleaner.grid.problem == say(
        "guard.failed", error=f"KeyError: '{cleaner.workspace.catalog.names[0]}'"
    )
    assert cleaner.view.order == "most suspicious"


# ---------------------------------------------------------------- a new ranking


def test_new_ranking_swaps_an_untouched_page(
    open_cleaner: Callable[..., ImageCleaner], workspace: Workspace
) -> None:
    cleaner = open_cleaner(workspace)
    cleaner.session.set_ranking(rank(workspace))
    shown = [message["page"] for message in cleaner.sent if "page" in message][-1]
    assert {cell["name"] for cell in shown["cells"][:3]} == set(WRONG)
    assert shown["notice"] == ""
    assert cleaner.session.wait()
    assert cleaner.progress["expected_next"] is not None


def test_new_ranking_leaves_a_page_in_work_alone(
    open_cleaner: Callable[..., ImageCleaner], workspace: Workspace
) -> None:
    cleaner = open_cleaner(workspace)
    names = cleaner.names
    cleaner.decide(names[4], "keep")
    cleaner.session.set_ranking(rank(workspace))
    shown = cleaner.sent[-1]["page"]
    assert [cell["name"] for cell in shown["cells"]] == list(names)
    assert shown["notice"] == say("review.new_order")
    cleaner.confirm_page()
    assert set(WRONG) - set(names) <= set(cleaner.names[:3])
    assert page(cleaner)["notice"] == ""


# ---------------------------------------------------------------- several reviewers, results


def test_what_a_colleague_decides_appears_and_conflicts_are_marked(
    open_cleaner: Callable[..., ImageCleaner],
) -> None:
    cleaner = open_cleaner()
    name = cleaner.names[0]
    cleaner.store.decide(name, "delete", reviewer="Ben")
    assert cleaner.session.wait()
    (cell,) = next(message for message in cleaner.sent if message["kind"] == "cells")["cells"]
    assert cell["decision"] == {"action": "delete", "label": None, "reviewer": "Ben", "mine": False}
    answer = send(cleaner, "decide", names=[name], action="keep")
    assert answer["cells"][0]["notes"] == ["Ben: delete", "Ana: keep"]
    cleaner.set_view(show="conflicts")
    assert cleaner.names == (name,)
    answer = send(cleaner, "decide", names=[name], action="keep")
    assert answer["cells"][0]["notes"] == []


def test_what_a_colleague_set_aside_waits_for_this_reviewer(
    open_cleaner: Callable[..., ImageCleaner],
) -> None:
    cleaner = open_cleaner()
    name = cleaner.names[0]
    cleaner.store.decide(name, "unsure", reviewer="Ben")
    cell = page(cleaner)["cells"][0]
    assert (cell["decision"], cell["notes"]) == (None, ["Ben: unsure"])
    cleaner.confirm_page()
    assert cleaner.store.state.of(name).action == "keep"


def test_cleaned_csv_follows_a_confirm(
    open_cleaner: Callable[..., ImageCleaner], workspace: Workspace
) -> None:
    cleaner = open_cleaner()
    cleaner.decide(WRONG[0], "relabel", "green")
    cleaner.decide(WRONG[1], "delete")
    shown = page(cleaner)
    open_names = [cell["name"] for cell in shown["cells"] if cell["decision"] is None]
    send(cleaner, "confirm", names=open_names, page=shown["id"])
    wait_until(workspace.cleaned_csv.exists)
    cleaner.close()
    table = pd.read_csv(workspace.cleaned_csv).set_index("name")
    assert table.loc[WRONG[0], "label"] == "green"
    assert WRONG[1] not in table.index
    assert len(table) == 23


def test_progress_is_counted(open_cleaner: Callable[..., ImageCleaner]) -> None:
    cleaner = open_cleaner()
    before = cleaner.progress
    assert (before["looked_at"], before["total"], before["errors"]) == (0, 24, 0)
    heard: list[int] = []
    cleaner.observe(lambda change: heard.append(change["new"]["looked_at"]), names=["progress"])
    cleaner.decide(WRONG[0], "relabel", "green")
    cleaner.decide(WRONG[1], "delete")
    cleaner.confirm_page()
    now = cleaner.progress
    assert (now["looked_at"], now["errors"], now["kept"]) == (6, 2, 4)
    assert now["last100"]["errors"] == 2
    assert now["last100"]["looked_at"] == 6
    assert now["last100"]["low"] == pytest.approx(0.58, abs=0.02)
    assert now["last100"]["high"] == pytest.approx(4.2, abs=0.02)
    assert cleaner.session.wait()
    posterior = cleaner.session.known.posterior
    assert posterior.decisions == 6
    assert cleaner.progress["expected_next"] == posterior.count(cleaner.session.next_names())
    assert heard[-1] == 6


def test_decision_of_the_page_updates_progress(open_cleaner: Callable[..., ImageCleaner]) -> None:
    cleaner = open_cleaner()
    send(cleaner, "decide", names=[WRONG[0]], action="delete")
    assert cleaner.session.wait()
    assert cleaner.progress["errors"] == 1


def test_observer_that_waits_for_a_lock_of_its_own_does_not_stop_the_page(
    open_cleaner: Callable[..., ImageCleaner],
) -> None:
    cleaner = open_cleaner()
    lock = threading.RLock()

    def observe(_change: Any) -> None:
        with lock:
            pass

    cleaner.observe(observe, names=["progress"])
    with lock:  # as a frame that draws, and asks the cleaner for something
        send(cleaner, "decide", names=[WRONG[0]], action="delete")
        other = threading.Thread(target=lambda: send(cleaner, "decide", names=[WRONG[1]], action="delete"))
        other.start()
        other.join(timeout=20)
        cleaner.set_view(show="all")
    assert not other.is_alive()
    assert cleaner.session.wait()
    assert cleaner.progress["errors"] == 2


def test_trouble_with_the_csv_is_an_alert_until_it_is_over(
    open_cleaner: Callable[..., ImageCleaner], workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    cleaner = open_cleaner()
    replace = Path.replace

    def locked(self: Path, target: Path) -> Path:
        if Path(target).name == "cleaned.csv":
            raise PermissionError(13, "The process cannot access the file")
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", locked)
        workspace.cleaned_csv.touch()
        cleaner.csv.write_now()
    assert cleaner.grid.problem == cleaner.message
    assert cleaner.message == say("csv.locked", file="cleaned.csv", other="cleaned.new.csv")
    cleaner.csv.write_now()
    assert cleaner.grid.problem == ""


@pytest.mark.parametrize("early", [True, False])
def test_a_foreign_result_is_asked_about_with_buttons_where_there_is_no_app(
    open_cleaner: Callable[..., ImageCleaner], workspace: Workspace, early: bool
) -> None:
    foreign = workspace.root / "cleaned.csv"
    if early:  # before the cleaner is opened; else while it is
        foreign.write_text("my notes")
    cleaner = open_cleaner()
    foreign.write_text("my notes")
    cleaner.decide(WRONG[0], "delete")
    question = say("questions.foreign", file="cleaned.csv", folder=workspace.root)
    end = time.monotonic() + 60
    while question not in " ".join(map(text_of, cleaner.messages.tree)):
        assert time.monotonic() < end
        time.sleep(0.02)
    assert cleaner.messages in cleaner.children
    numbers = {message.text: i for i, message in enumerate(cleaner.messages.messages)}
    cleaner.messages.do("beside", str(numbers[question]))
    assert foreign.read_text() == "my notes"
    assert WRONG[0] not in pd.read_csv(workspace.root / "cleaned-2.csv")["name"].tolist()
    assert question not in " ".join(map(text_of, cleaner.messages.tree))


def test_picture_that_vanishes_from_the_set_leaves_the_page(
    open_cleaner: Callable[..., ImageCleaner], workspace: Workspace
) -> None:
    cleaner = open_cleaner()
    gone = cleaner.names[0]
    cleaner.decide(cleaner.names[1], "keep")
    (workspace.root / gone).unlink()
    workspace.refresh()
    cleaner.session.set_ranking(rank(workspace))
    assert gone not in {cell["name"] for cell in page(cleaner)["cells"]}


def test_closed_cleaner_leaves_no_thread_and_no_listener(open_cleaner: Callable[..., ImageCleaner]) -> None:
    cleaner = open_cleaner()
    cleaner.decide(WRONG[0], "delete")
    cleaner.close()
    cleaner.close()
    wait_until(lambda: not any(t.name.startswith("cleaner-") for t in threading.enumerate()))
    cleaner.sent.clear()
    before = cleaner.progress
    cleaner.store.decide(WRONG[1], "delete")
    assert not any(t.name.startswith("cleaner-") for t in threading.enumerate())
    assert (cleaner.sent, cleaner.progress) == ([], before)


# ---------------------------------------------------------------- acts on classes


def test_a_renamed_class_keeps_its_place_in_the_legend(
    open_cleaner: Callable[..., ImageCleaner], workspace: Workspace
) -> None:
    cleaner = open_cleaner()
    assert page(cleaner)["classes"] == ["blue", "green", "red"]
    workspace.store.class_event("class_rename", "blue", "navy")
    assert cleaner.session.wait()
    assert page(cleaner)["classes"] == ["navy", "green", "red"]
    cell = next(cell for cell in page(cleaner)["cells"] if cell["name"] == WRONG[0])
    assert (cell["given"], cell["suggestion"]) == ("navy", "green")
    assert [value for _, value in dropdowns(cleaner)["Given label"].options][1:] == ["green", "navy", "red"]
    assert cleaner.undo() == say("review.undone", what="renaming of “blue” to “navy”")
    assert cleaner.session.wait()
    assert page(cleaner)["classes"] == ["blue", "green", "red"]
    assert [value for _, value in dropdowns(cleaner)["Given label"].options][1:] == ["blue", "green", "red"]


def test_pictures_whose_given_and_suggested_class_became_one_are_no_longer_suspicious(
    open_cleaner: Callable[..., ImageCleaner], workspace: Workspace
) -> None:
    cleaner = open_cleaner()
    assert {cell["name"] for cell in page(cleaner)["cells"][:3]} == set(WRONG)
    workspace.store.class_event("class_merge", "green", "blue", reviewer="Ben")
    assert cleaner.session.wait()
    assert WRONG[0] not in [cell["name"] for cell in page(cleaner)["cells"]]
    assert page(cleaner)["classes"] == ["blue", "red"]
    assert {cell["name"] for cell in page(cleaner)["cells"][:2]} == {WRONG[1], WRONG[2]}
    assert cleaner.ranking is not None
    assert cleaner.ranking.table.set_index("name").loc[WRONG[0], "score"] < 0.1
    workspace.store.undo(reviewer="Ben")
    assert cleaner.session.wait()
    assert {cell["name"] for cell in page(cleaner)["cells"][:3]} == set(WRONG)


def test_a_filter_follows_the_class_that_it_is_about(
    open_cleaner: Callable[..., ImageCleaner], workspace: Workspace
) -> None:
    cleaner = open_cleaner()
    cleaner.set_view(given="blue", predicted="green")
    workspace.store.class_event("class_rename", "blue", "navy")
    assert cleaner.session.wait()
    assert cleaner.view.given == "navy"
    assert [cell["name"] for cell in page(cleaner)["cells"]] == [WRONG[0]]
    workspace.store.class_event("class_rename", "green", "lime")
    assert cleaner.session.wait()
    assert cleaner.view.predicted == "lime"
    assert [cell["name"] for cell in page(cleaner)["cells"]] == [WRONG[0]]
    workspace.store.undo()
    assert cleaner.session.wait()
    assert cleaner.view.predicted is None


# ---------------------------------------------------------------- many classes


def test_cells_name_the_likeliest_classes_where_there_are_more_than_digits(
    tmp_path: Path, picture: Callable[..., Path]
) -> None:
    for i in range(12):
        picture(tmp_path / "many" / f"kind {i:02d}" / "a.png", (20 * i, 40, 40), seed=i, size_px=8)
    with Workspace(tmp_path / "many", reviewer="Ana") as workspace:
        odds = np.tile(np.arange(1, 13) / 78, (12, 1))
        cleaner = ImageCleaner(rank_probabilities(workspace.catalog, odds), workspace=workspace)
        cell = cleaner.session.cells(["kind 00/a.png"])[0]
        assert cell.likely == tuple(f"kind {i:02d}" for i in range(11, 1, -1))
        cleaner.set_view(order="audit (random)")
        assert cleaner.session.cells(["kind 00/a.png"])[0].likely == ()
        cleaner.close()


def test_cells_name_no_likeliest_classes_where_every_class_has_a_digit(
    open_cleaner: Callable[..., ImageCleaner],
) -> None:
    assert all(cell["likely"] == [] for cell in page(open_cleaner())["cells"])

"""Copies, bad pictures and first labels in the grid, without a browser: what keys come to in the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import make_copies

from cleaner.dataset.catalog import Catalog
from cleaner.duplicates.pairs import find_similar
from cleaner.errors import StoreError
from cleaner.labelling.proposal import Proposal
from cleaner.pipelines.check import checks_folder
from cleaner.pipelines.checks import Checks
from cleaner.quality.pixels import read_pixels
from cleaner.quality.problems import quality
from cleaner.ranking import rank_probabilities
from cleaner.ranking.result import NAMED_AT
from cleaner.review.classes import rename_class
from cleaner.session.duplicate_groups import Copies, Copy
from cleaner.session.findings import Findings
from cleaner.session.orders import COPIES, ORDERS, OUTLIERS, TO_LABEL, GridView, orders_of
from cleaner.widgets.image_cleaner import ImageCleaner
from cleaner.workspace import Workspace

FIRST, COPY = "valid/a/00.png", "train/a/copy.png"
LARGE, SMALL = "train/b/01.png", "train/b/small.png"


@pytest.fixture
def space(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace(make_copies(tmp_path / "set"), from_scratch=True, reviewer="Ana") as workspace:
        catalog = workspace.scan()
        pixels = read_pixels(catalog, index=workspace.index, db=workspace.state / "pixels.db")
        made = Checks(similar=find_similar(catalog, pixels), quality=quality(pixels))
        made.save(checks_folder(workspace))
        yield workspace


@pytest.fixture
def open_cleaner(space: Workspace) -> Iterator[Callable[..., ImageCleaner]]:
    opened: list[ImageCleaner] = []

    def build(order: str) -> ImageCleaner:
        cleaner = ImageCleaner(space)
        opened.append(cleaner)
        cleaner.set_checks(Checks.load(checks_folder(space)))
        cleaner.set_view(order=order)
        return cleaner

    yield build
    for cleaner in opened:
        cleaner.close()


def page(cleaner: ImageCleaner) -> dict[str, Any]:
    return cleaner._desk.page().message()


def outcomes(space: Workspace) -> dict[str, str]:
    return {name: outcome for name, (outcome, _) in space.store.state.outcomes().items()}


# ---------------------------------------------------------------- copies


def test_copies_stand_in_groups_leaks_first(open_cleaner: Callable[..., ImageCleaner]) -> None:
    shown = page(open_cleaner(COPIES))
    assert shown["purpose"] == "copies"
    assert [cell["name"] for cell in shown["cells"]] == [FIRST, COPY, LARGE, SMALL]
    assert [cell["group"] for cell in shown["cells"]] == ["1", "1", "2", "2"]
    assert [cell["advice"] for cell in shown["cells"]] == ["keep", "delete", "keep", "delete"]
    assert shown["groups"] == [
        {"id": "1", "title": "2 pictures", "marks": ["leak: train and valid"], "settled": ""},
        {"id": "2", "title": "2 pictures", "marks": [], "settled": ""},
    ]
    assert shown["cells"][1]["remarks"] == ["exact copy", "train · 96 × 72"]
    assert shown["cells"][2]["remarks"] == ["train · 96 × 72"]
    assert shown["cells"][3]["remarks"][0].startswith("resized · ")
    assert all(cell["suggestion"] is None for cell in shown["cells"])


@pytest.mark.parametrize(
    ("order", "shown"), [(COPIES, (FIRST, COPY, LARGE, SMALL)), ("dark", ("train/a/black.png",))]
)
def test_a_view_that_is_asked_for_before_anybody_looked_says_so_and_fills_afterwards(
    space: Workspace, monkeypatch: pytest.MonkeyPatch, order: str, shown: tuple[str, ...]
) -> None:
    found = Checks.load(checks_folder(space))
    monkeypatch.setattr(Checks, "load", lambda _folder: None)
    cleaner = ImageCleaner(space)
    try:
        cleaner.set_view(order=order)
        assert page(cleaner)["empty"] == (
            "Copies, bad pictures and outliers have not been looked for yet. “Look for them” on the page of "
            "the whole set does that, and so does the command “cleaner duplicates”."
        )
        cleaner.set_checks(found)
        assert cleaner.names == shown
        assert "looked for" not in page(cleaner)["empty"]
    finally:
        cleaner.close()


def test_copies_without_label_or_split_are_told_so(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    make_copies(folder)
    rows = ["name,label", "train/b/01.png,b", "train/b/small.png,", "valid/a/00.png,", "train/a/copy.png,"]
    (folder / "labels.csv").write_text("\n".join(rows))
    with Workspace(folder, labels=folder / "labels.csv", from_scratch=True, reviewer="Ana") as workspace:
        catalog = workspace.catalog
        pixels = read_pixels(catalog, index=workspace.index, db=workspace.state / "pixels.db")
        table = catalog.table.assign(split=None)
        similar = find_similar(Catalog.from_dataframe(table, root=folder), pixels)
        found = Findings(
            catalog=catalog,
            state=workspace.store.state,
            checks=Checks(similar=similar, quality=quality(pixels)),
        )
        copies = Copies.find(found, None)
        assert [marks for _, marks in copies.titles.values()] == [("2 labels: b or no label?",), ()]
        assert copies.by_name[LARGE].remarks == ("96 × 72",)


def test_keeping_one_discards_the_rest_of_its_group(
    open_cleaner: Callable[..., ImageCleaner], space: Workspace
) -> None:
    cleaner = open_cleaner(COPIES)
    cleaner.decide(COPY, "only")
    assert outcomes(space) == {FIRST: "delete"}
    decision = space.store.state.of(FIRST)
    assert decision is not None and decision.reason == "duplicate"
    assert space.store.state.events[-1].detail == {"reason": "duplicate", "of": COPY}
    assert page(cleaner)["groups"][0]["settled"] == "1 of 2 kept"
    assert (cleaner.progress["errors"], cleaner.progress["looked_at"]) == (0, 0)
    assert cleaner.progress["discarded"] == 1
    assert cleaner.undo() == "Undone: delete of 00.png."
    assert outcomes(space) == {}
    assert page(cleaner)["groups"][0]["settled"] == ""


def test_keeping_one_that_was_marked_before_takes_the_mark_back(
    open_cleaner: Callable[..., ImageCleaner], space: Workspace
) -> None:
    cleaner = open_cleaner(COPIES)
    cleaner.decide(LARGE, "delete")
    cleaner.decide(LARGE, "only")
    assert outcomes(space) == {SMALL: "delete"}


def test_advice_is_taken_for_each_group(open_cleaner: Callable[..., ImageCleaner], space: Workspace) -> None:
    cleaner = open_cleaner(COPIES)
    cleaner.decide([COPY, LARGE], "suggest")
    assert outcomes(space) == {COPY: "delete", SMALL: "delete"}
    assert len({event.act for event in space.store.state.events}) == 1
    with pytest.raises(StoreError, match=r"^There is nothing to delete: the rest of the group is gone"):
        cleaner.decide(LARGE, "suggest")


def test_what_is_called_different_is_remembered(
    open_cleaner: Callable[..., ImageCleaner], space: Workspace
) -> None:
    cleaner = open_cleaner(COPIES)
    cleaner.decide(SMALL, "different")
    assert page(cleaner)["groups"][1]["settled"] == "not duplicates"
    cleaner.set_view(order=COPIES)
    assert cleaner.names == (FIRST, COPY)
    cleaner.undo()
    cleaner.set_view(order=COPIES)
    assert cleaner.names == (FIRST, COPY, LARGE, SMALL)


def test_going_on_says_nothing_of_copies(open_cleaner: Callable[..., ImageCleaner], space: Workspace) -> None:
    cleaner = open_cleaner(COPIES)
    cleaner.confirm_page()
    assert space.store.state.last_seq == 0
    shown = page(cleaner)
    assert shown["cells"] == []
    assert shown["empty"] == (
        "That was the last group. What is unmarked stays. For labels choose “most suspicious”."
    )


def test_deleted_copies_are_gone_when_the_view_is_opened_again(
    open_cleaner: Callable[..., ImageCleaner],
) -> None:
    cleaner = open_cleaner(COPIES)
    cleaner.decide(COPY, "delete")
    cleaner.set_view(order=COPIES)
    assert cleaner.names == (LARGE, SMALL)


def test_a_label_given_among_copies_is_a_judgement_on_the_label(
    open_cleaner: Callable[..., ImageCleaner], space: Workspace
) -> None:
    cleaner = open_cleaner(COPIES)
    cleaner.decide(COPY, "relabel", "b")
    assert cleaner.progress["errors"] == 1
    cleaner.set_view(order=COPIES)
    assert [cell["advice"] for cell in page(cleaner)["cells"]] == ["", "", "keep", "delete"]
    assert page(cleaner)["groups"][0]["marks"] == ["leak: train and valid", "2 labels: a or b?"]


def test_copies_take_a_threshold_and_no_filters(open_cleaner: Callable[..., ImageCleaner]) -> None:
    cleaner = open_cleaner(COPIES)
    cleaner.set_view(threshold=1.0)
    assert cleaner.names == (FIRST, COPY)
    cleaner.set_view(split="train", threshold=None)
    assert cleaner.view == GridView(order=COPIES)
    assert page(cleaner)["notice"].startswith("Groups of duplicates take no filters")


def test_acts_on_groups_are_refused_elsewhere(open_cleaner: Callable[..., ImageCleaner]) -> None:
    cleaner = open_cleaner("by file name")
    with pytest.raises(StoreError, match=r"^Only copies can be kept one of a group"):
        cleaner.decide(COPY, "only")
    with pytest.raises(StoreError, match=r"^Only copies can be called different"):
        cleaner.decide(COPY, "different")


@settings(max_examples=60, deadline=None)
@given(sizes=st.lists(st.integers(2, 5), min_size=1, max_size=6), data=st.data())
def test_who_keeps_one_of_each_group_deletes_exactly_the_others(
    sizes: list[int], data: st.DataObject
) -> None:
    by_name = {
        f"{group}/{i}": Copy(f"{group}/{i}", group, "keep" if i == 0 else "delete", ())
        for group, size in enumerate(sizes, start=1)
        for i in range(size)
    }
    copies = Copies(0.95, by_name)
    kept = data.draw(st.lists(st.sampled_from(sorted(by_name)), min_size=1, unique=True))
    touched = {by_name[name].group for name in kept}
    others = copies.others(kept)
    assert set(others) == {n for n, copy in by_name.items() if copy.group in touched} - set(kept)
    assert all(
        by_name[name].group == by_name[stays].group and stays in kept for name, stays in others.items()
    )
    pairs = {frozenset((a, b)) for a, rest in copies.different(kept).items() for b in rest}
    for group in touched:
        members = [name for name in by_name if by_name[name].group == group]
        named = [name for name in kept if name in members]
        expected = {
            frozenset((a, b))
            for a in members
            for b in members
            if a != b and (len(named) == 1 or a in named or b in named)
        }
        assert {pair for pair in pairs if pair <= set(members)} == expected
    assert all(len({by_name[name].group for name in pair}) == 1 for pair in pairs)


def test_a_page_never_divides_a_group(space: Workspace) -> None:
    cleaner = ImageCleaner(space, page_size=3)
    cleaner.set_checks(Checks.load(checks_folder(space)))
    cleaner.set_view(order=COPIES)
    assert cleaner.names == (FIRST, COPY, LARGE, SMALL)
    cleaner.close()


def test_nobody_is_advised_to_delete_the_last_of_a_group(
    open_cleaner: Callable[..., ImageCleaner], space: Workspace
) -> None:
    cleaner = open_cleaner(COPIES)
    cleaner.decide(FIRST, "delete")  # the one that was to be kept
    with pytest.raises(StoreError, match=r"that was to be kept is deleted\."):
        cleaner.decide(COPY, "suggest")
    cleaner.decide([COPY, LARGE], "suggest")
    assert outcomes(space) == {FIRST: "delete", SMALL: "delete"}


def test_two_reviewers_do_not_delete_both_copies(
    open_cleaner: Callable[..., ImageCleaner], space: Workspace
) -> None:
    cleaner = open_cleaner(COPIES)
    with Workspace(space.root, from_scratch=True, reviewer="Ben") as other:  # another process
        other.store.decide(FIRST, "delete", reason="duplicate")
    with pytest.raises(StoreError, match=r"^There is nothing to delete"):
        cleaner.decide(COPY, "suggest")
    with Workspace(space.root, from_scratch=True, reviewer="Ben") as other:
        other.store.decide(SMALL, "delete", reason="duplicate")
    cleaner.decide(SMALL, "only")
    assert outcomes(space) == {FIRST: "delete", LARGE: "delete"}


def test_who_keeps_a_discarded_one_says_nothing_new_on_its_label(
    open_cleaner: Callable[..., ImageCleaner], space: Workspace
) -> None:
    cleaner = open_cleaner(COPIES)
    cleaner.decide(COPY, "relabel", "b")
    cleaner.decide(COPY, "delete")
    cleaner.decide(COPY, "only")
    assert space.store.state.outcomes()[COPY] == ("relabel", "b")
    cleaner.decide([LARGE, SMALL], "delete")
    cleaner.decide(LARGE, "only")
    assert space.store.state.of(LARGE) is None
    assert (cleaner.progress["looked_at"], cleaner.progress["kept"]) == (1, 0)
    cleaner.set_view(order="by file name")
    assert LARGE in cleaner.names


def test_groups_on_the_open_page_stay_when_a_ranking_comes(
    open_cleaner: Callable[..., ImageCleaner], space: Workspace
) -> None:
    cleaner = open_cleaner(COPIES)
    cleaner.decide(COPY, "delete")
    before = page(cleaner)
    odds = np.full((len(space.catalog), 2), 0.5)
    cleaner.set_ranking(rank_probabilities(space.catalog, odds))
    after = page(cleaner)
    assert [cell["group"] for cell in after["cells"]] == ["1", "1", "2", "2"]
    assert (after["groups"], after["notice"]) == (before["groups"], before["notice"])


def test_other_groups_of_the_same_pictures_are_another_page(
    open_cleaner: Callable[..., ImageCleaner],
) -> None:
    cleaner = open_cleaner(COPIES)
    facts, before = cleaner._desk.facts, page(cleaner)["id"]
    by_name = {name: replace(copy, group=1) for name, copy in facts.copies.by_name.items()}
    facts.copies = Copies(0.9, by_name, {1: ("4 pictures", ())})
    assert page(cleaner)["id"] != before


def test_threshold_of_one_order_is_none_of_another(open_cleaner: Callable[..., ImageCleaner]) -> None:
    cleaner = open_cleaner("by file name")
    cleaner.grid.in_background = lambda _task: None  # type: ignore[method-assign]
    cleaner.set_view(order=COPIES, threshold=0.8)
    cleaner._scale()
    cleaner.set_view(order="dark")
    assert cleaner.view == GridView(order="dark")
    cleaner._on_threshold(0.0)  # the slider was moved while the order changed
    assert cleaner.view == GridView(order="dark")
    cleaner._scale()
    cleaner._on_threshold(0.0)
    assert cleaner.view == GridView(order="dark", threshold=0.0)
    cleaner.set_view(order=COPIES)
    assert cleaner.view == GridView(order=COPIES, threshold=0.8)  # as it was chosen
    assert cleaner.thresholds == {COPIES: 0.8, "dark": 0.0}
    cleaner._scale()
    scale = cleaner.threshold.scale
    assert scale is not None
    cleaner._on_threshold(scale.default)
    assert cleaner.view == GridView(order=COPIES)
    assert cleaner.thresholds == {"dark": 0.0}


def test_groups_are_formed_before_the_page_is_locked(
    open_cleaner: Callable[..., ImageCleaner], monkeypatch: pytest.MonkeyPatch
) -> None:
    cleaner = open_cleaner("by file name")
    free: list[bool] = []
    form = Copies.find

    def find(*arguments: Any) -> Copies:
        with ThreadPoolExecutor(1) as other:
            free.append(other.submit(cleaner.grid.lock.acquire, blocking=False).result())
            other.submit(lambda: free[-1] and cleaner.grid.lock.release()).result()
        return form(*arguments)

    monkeypatch.setattr(Copies, "find", find)
    cleaner.set_view(order=COPIES)
    cleaner._on_choice(GridView(order="dark"))
    cleaner._choose(GridView(order=COPIES), cleaner._choices - 1)  # came too late
    assert cleaner.view.order == "dark"
    cleaner._choose(GridView(order=COPIES), cleaner._choices)
    assert cleaner.names == (FIRST, COPY, LARGE, SMALL)
    assert free == [True] * 2  # what was formed too late was used after all


def test_pages_of_other_orders_are_not_longer_for_copies(space: Workspace) -> None:
    cleaner = ImageCleaner(space, page_size=1)
    cleaner.set_checks(Checks.load(checks_folder(space)))
    cleaner.set_view(order=COPIES)
    by_name = {name: Copy(name, 1, "", ()) for name in space.catalog.names}
    cleaner._desk.facts.copies = Copies(0.9, by_name)
    cleaner.set_view(order="by file name")
    assert len(cleaner.names) == 1
    cleaner.close()


def test_undo_opens_the_whole_group(space: Workspace) -> None:
    space.store.decide(SMALL, "relabel", "a", given={SMALL: "b"})
    cleaner = ImageCleaner(space, page_size=1)
    cleaner.set_checks(Checks.load(checks_folder(space)))
    cleaner.set_view(order=COPIES)
    assert SMALL not in cleaner.names  # its group was not shown yet
    cleaner.undo()
    assert set(cleaner.names) == {SMALL, LARGE}
    cleaner.close()


def test_decisions_of_others_are_told_beside_the_group(
    open_cleaner: Callable[..., ImageCleaner], space: Workspace
) -> None:
    cleaner = open_cleaner(COPIES)
    told: list[Any] = []
    cleaner.grid.show = told.append  # type: ignore[method-assign]
    done = space.store.decide(COPY, "delete", reason="duplicate", reviewer="Ben")
    cleaner._follow(done.events)
    assert [group.settled for group in told[-1].groups] == ["1 of 2 kept", ""]


# ---------------------------------------------------------------- bad pictures


def test_bad_pictures_come_worst_first_and_are_discarded(
    open_cleaner: Callable[..., ImageCleaner], space: Workspace
) -> None:
    cleaner = open_cleaner("dark")
    shown = page(cleaner)
    assert shown["purpose"] == "pictures"
    assert [cell["name"] for cell in shown["cells"]] == ["train/a/black.png"]
    assert shown["cells"][0]["remarks"] == ["dark 1.00"]
    cleaner.decide("train/a/black.png", "delete")
    decision = space.store.state.of("train/a/black.png")
    assert decision is not None and (decision.outcome, decision.reason) == ("delete", "dark")
    assert cleaner.progress["errors"] == 0
    cleaner.set_view(order="dark")
    assert page(cleaner)["empty"] == (
        "No picture counts as “dark” at this threshold. "
        "Move the threshold to the left to see pictures that are less so, or go on with labels."
    )


def test_lower_threshold_shows_more(open_cleaner: Callable[..., ImageCleaner]) -> None:
    cleaner = open_cleaner("dark")
    cleaner.set_view(threshold=0.0)
    assert len(cleaner.names) == 15
    assert cleaner.names[0] == "train/a/black.png"


def test_pictures_that_were_judged_before_are_shown_by_their_problem_too(
    open_cleaner: Callable[..., ImageCleaner], space: Workspace
) -> None:
    space.store.decide("train/a/black.png", "keep")
    cleaner = open_cleaner("dark")
    assert cleaner.names == ("train/a/black.png",)
    cleaner.confirm_page()
    assert len(space.store.state.events) == 1


def test_orders_are_offered_when_there_is_something_to_order_by(
    open_cleaner: Callable[..., ImageCleaner], space: Workspace
) -> None:
    cleaner = open_cleaner("by file name")
    offered = orders_of(cleaner._desk.facts.found)
    assert COPIES in offered and "low information" in offered
    assert OUTLIERS not in offered and TO_LABEL not in offered
    cleaner.set_checks(None)
    assert COPIES not in orders_of(cleaner._desk.facts.found)
    assert set(offered) < set(ORDERS)


# ---------------------------------------------------------------- first labels


@pytest.fixture
def bare(tmp_path: Path, picture: Callable[..., Path]) -> Iterator[ImageCleaner]:
    """Thirty pictures without any label, six on a page."""
    for i in range(30):
        picture(tmp_path / "flat" / f"{i:02d}.png", (200, 40, 40), seed=i, size_px=16)
    with Workspace(tmp_path / "flat", from_scratch=True, reviewer="Ana") as workspace:
        cleaner = ImageCleaner(workspace, page_size=6)
        yield cleaner
        cleaner.close()


def propose(cleaner: ImageCleaner, label: str, probability: float) -> None:
    """Let all pictures be proposed one label, the last one first."""
    names = np.array(cleaner._desk.facts.found.unlabelled()[::-1], dtype=object)
    n = len(names)
    made = Proposal(
        names, np.full(n, label, dtype=object), np.full(n, probability), ("cat", "dog"), 2, "Because."
    )
    with cleaner.grid.lock:
        cleaner._desk.set_proposal(made)


def test_a_set_without_labels_begins_with_labelling(bare: ImageCleaner) -> None:
    shown = page(bare)
    assert bare.view.order == TO_LABEL
    assert shown["notice"].startswith("No picture has a label yet. Press / and type")
    assert shown["summary"] == "0 labelled by decisions, 30 pictures left"
    bare.confirm_page()
    assert bare.store.state.last_seq == 0
    assert page(bare)["title"] == "Page 2"


def test_first_proposal_comes_at_once_later_ones_with_the_next_page(bare: ImageCleaner) -> None:
    propose(bare, "cat", 0.8)
    assert bare.names[0] == "29.png"
    assert page(bare)["notice"] == "Because."
    bare.decide("29.png", "suggest")
    before = bare.names
    propose(bare, "dog", 0.9)
    assert bare.names == before
    assert {cell["suggestion"] for cell in page(bare)["cells"]} == {"cat"}
    bare.confirm_page()
    assert {cell["suggestion"] for cell in page(bare)["cells"]} == {"dog"}
    assert [bare.store.state.outcomes()[name] for name in before] == [("label", "cat")] * 6


def test_confirm_accepts_only_what_the_model_is_sure_of(bare: ImageCleaner) -> None:
    propose(bare, "cat", 0.4)
    assert [cell["sure"] for cell in page(bare)["cells"]] == [False] * 6
    bare.confirm_page()
    assert bare.store.state.outcomes() == {}
    bare.decide(bare.names[0], "keep")
    assert bare.store.state.outcomes() == {bare.names[0]: ("label", "cat")}
    assert (bare.progress["labelled"], bare.progress["errors"]) == (1, 0)


def test_new_class_by_typing_is_a_label_like_any_other(bare: ImageCleaner) -> None:
    bare.decide(bare.names[0], "relabel", "okapi", new_class=True)
    assert page(bare)["classes"] == ["okapi"]
    bare.undo()
    assert page(bare)["classes"] == []


def test_nothing_is_kept_that_has_no_label(bare: ImageCleaner) -> None:
    with pytest.raises(StoreError, match=r"^There is no suggestion for what is chosen\.$"):
        bare.decide(bare.names[0], "keep")


def test_other_suggestions_are_another_page_to_confirm(bare: ImageCleaner) -> None:
    propose(bare, "cat", 0.3)
    bare.confirm_page()
    before, seen = bare.names, page(bare)["id"]
    propose(bare, "dog", 0.9)
    bare._desk.facts.show_proposal()
    assert bare.names == before
    with pytest.raises(StoreError, match=r"^Another page is open by now"):
        bare._desk.confirm(before, act="1", page_id=seen)
    assert bare.store.state.last_seq == 0


def test_order_to_label_follows_labels_given_elsewhere(bare: ImageCleaner) -> None:
    bare.set_view(order="by file name")
    propose(bare, "cat", 0.8)
    bare.set_view(order=TO_LABEL)
    bare.next_page()
    assert bare.names[0] == "29.png"


# ---------------------------------------------------------------- names of classes


def swap_names(space: Workspace) -> None:
    rename_class(space.catalog, space.store, "a", "between")
    rename_class(space.catalog, space.store, "b", "a")
    rename_class(space.catalog, space.store, "between", "b")


def test_suggestions_follow_two_classes_that_swap_their_names(
    open_cleaner: Callable[..., ImageCleaner], space: Workspace
) -> None:
    odds = np.tile(np.array([0.9, 0.1]), (len(space.catalog), 1))
    cleaner = open_cleaner("by file name")
    cleaner.set_ranking(rank_probabilities(space.catalog, odds))
    swap_names(space)
    cleaner.refresh()
    assert {(c["given"], c["suggestion"]) for c in page(cleaner)["cells"]} == {("a", "b"), ("b", "b")}
    assert {LARGE, "train/b/07.png"} <= set(cleaner.names)
    cleaner.set_view(given="a", predicted="b")
    assert set(cleaner.names) == set(space.catalog.names[space.catalog.labels == "b"])


def test_ranking_made_after_a_swap_of_names_is_taken_by_its_word(
    open_cleaner: Callable[..., ImageCleaner], space: Workspace
) -> None:
    swap_names(space)
    odds = np.tile(np.array([0.9, 0.1]), (len(space.catalog), 1))
    ranking = rank_probabilities(space.catalog, odds)
    ranking.info[NAMED_AT] = space.store.state.last_seq
    cleaner = open_cleaner("by file name")
    cleaner.set_ranking(ranking)
    assert {cell["suggestion"] for cell in page(cleaner)["cells"]} == {"a"}


def test_proposals_made_after_a_swap_of_names_are_taken_by_their_word(bare: ImageCleaner) -> None:
    bare.decide(bare.names[0], "relabel", "a", new_class=True)
    bare.decide(bare.names[1], "relabel", "b", new_class=True)
    swap_names(bare.workspace)
    names = np.array(bare._desk.facts.found.unlabelled(), dtype=object)
    label, sure = np.full(len(names), "a", dtype=object), np.full(len(names), 0.9, dtype=np.float32)
    seq = bare.store.state.last_seq
    bare._desk.set_proposal(Proposal(names, label, sure, ("a", "b"), 2, "Because.", seq))
    bare.next_page()
    assert {cell["suggestion"] for cell in page(bare)["cells"]} == {"a"}
    rename_class(bare.workspace.catalog, bare.workspace.store, "a", "c")
    assert {cell["suggestion"] for cell in page(bare)["cells"]} == {"c"}

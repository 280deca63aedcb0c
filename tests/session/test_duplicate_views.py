"""Groups of duplicates in the grid, without a browser: what keys come to in the store."""

from __future__ import annotations

import threading
from collections.abc import Callable
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
from cleaner.pipelines.checks import Checks, checks_folder
from cleaner.quality.pixels import read_pixels
from cleaner.quality.problems import quality
from cleaner.ranking import rank_probabilities
from cleaner.session.begun_groups import BegunGroups
from cleaner.session.cells import DuplicateRemark, Group
from cleaner.session.colleagues import Colleagues
from cleaner.session.display import Display
from cleaner.session.duplicate_groups import Duplicate, DuplicateGroups
from cleaner.session.messages import Hint, Topic
from cleaner.session.orders import DUPLICATES
from cleaner.session.snapshot import Snapshot
from cleaner.session.view import GridView
from cleaner.widgets.grid.protocol import PageData, page_data
from cleaner.widgets.grid.text import group_marks, remark_lines
from cleaner.widgets.image_cleaner import ImageCleaner
from cleaner.widgets.sentences import say
from cleaner.workspace import Workspace

FIRST, COPY = "valid/a/00.png", "train/a/copy.png"
LARGE, SMALL = "train/b/01.png", "train/b/small.png"
REMARK = DuplicateRemark("original", 1.0, "train", 96, 72)
NOTHING = r"^Nothing to delete here"


def page(cleaner: ImageCleaner) -> PageData:
    return page_data(cleaner.session.page())


def outcomes(space: Workspace) -> dict[str, str]:
    return {name: outcome for name, (outcome, _) in space.store.state.outcomes().items()}


def test_duplicates_stand_in_groups_leaks_first(open_order: Callable[..., ImageCleaner]) -> None:
    shown = page(open_order(DUPLICATES))
    assert shown["purpose"] == "copies"
    assert [cell["name"] for cell in shown["cells"]] == [FIRST, COPY, LARGE, SMALL]
    assert [cell["group"] for cell in shown["cells"]] == ["1", "1", "2", "2"]
    assert [cell["advice"] for cell in shown["cells"]] == ["keep", "delete", "keep", "delete"]
    leak = say("review.leak", splits="train and valid")
    assert shown["groups"] == [
        {"id": "1", "title": "2 images", "marks": [leak], "settled": "", "ready": True},
        {"id": "2", "title": "2 images", "marks": [], "settled": "", "ready": True},
    ]
    assert shown["cells"][1]["remarks"] == [say("review.duplicate_exact"), "train · 96 × 72"]
    assert shown["cells"][2]["remarks"] == ["train · 96 × 72"]
    assert shown["cells"][3]["remarks"][0].startswith(f"{say('review.duplicate_resized')} · ")
    assert all(cell["suggestion"] is None for cell in shown["cells"])


@pytest.mark.parametrize(
    ("order", "shown"), [(DUPLICATES, (FIRST, COPY, LARGE, SMALL)), ("dark", ("train/a/black.png",))]
)
def test_a_view_that_is_asked_for_before_anybody_looked_says_so_and_fills_afterwards(
    space: Workspace, monkeypatch: pytest.MonkeyPatch, order: str, shown: tuple[str, ...]
) -> None:
    found = Checks.load(checks_folder(space))
    monkeypatch.setattr(Checks, "load", lambda _folder: None)
    cleaner = ImageCleaner(space)
    try:
        cleaner.set_view(order=order)
        assert page(cleaner)["empty"] == say("review.not_checked")
        cleaner.session.set_checks(found)
        assert cleaner.names == shown
        assert page(cleaner)["empty"] == ""
    finally:
        cleaner.close()


def test_duplicates_without_label_or_split_are_told_so(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    make_copies(folder)
    rows = ["name,label", "train/b/01.png,b", "train/b/small.png,", "valid/a/00.png,", "train/a/copy.png,"]
    (folder / "labels.csv").write_text("\n".join(rows))
    with Workspace(folder, labels=folder / "labels.csv", from_scratch=True, reviewer="Ana") as workspace:
        catalog = workspace.catalog
        pixels = read_pixels(catalog, index=workspace.index, db=workspace.state / "pixels.db")
        table = catalog.table.assign(split=None)
        similar = find_similar(Catalog.from_dataframe(table, root=folder), pixels)
        found = Snapshot(
            catalog=catalog,
            state=workspace.store.state,
            checks=Checks(similar=similar, quality=quality(pixels)),
        )
        groups = DuplicateGroups.find(found, None)
        marks = say("review.labels_differ", n=2, labels=f"b or {say('review.no_label')}")
        assert [group_marks(group) for group in groups.groups.values()] == [[marks], []]
        assert remark_lines(groups.by_name[LARGE].remark) == ["96 × 72"]


def test_keeping_one_discards_the_rest_of_its_group(
    open_order: Callable[..., ImageCleaner], space: Workspace
) -> None:
    cleaner = open_order(DUPLICATES)
    cleaner.decide(COPY, "only")
    assert outcomes(space) == {FIRST: "delete"}
    decision = space.store.state.of(FIRST)
    assert decision is not None and decision.reason == "duplicate"
    assert space.store.state.events[-1].detail == {"reason": "duplicate", "of": COPY, "copies": 2}
    assert page(cleaner)["groups"][0]["settled"] == say("review.some_kept", kept=1, size=2)
    assert (cleaner.progress["errors"], cleaner.progress["looked_at"]) == (0, 0)
    assert cleaner.progress["discarded"] == 1
    what = say("review.act_decision", kind="delete", of="00.png")
    assert cleaner.undo() == say("review.undone", what=what)
    assert outcomes(space) == {}
    assert page(cleaner)["groups"][0]["settled"] == ""


def test_keeping_one_that_was_marked_before_takes_the_mark_back(
    open_order: Callable[..., ImageCleaner], space: Workspace
) -> None:
    cleaner = open_order(DUPLICATES)
    cleaner.decide(LARGE, "delete")
    cleaner.decide(LARGE, "only")
    assert outcomes(space) == {SMALL: "delete"}


def test_advice_is_taken_for_each_group(open_order: Callable[..., ImageCleaner], space: Workspace) -> None:
    cleaner = open_order(DUPLICATES)
    cleaner.decide([COPY, LARGE], "suggest")
    assert outcomes(space) == {COPY: "delete", SMALL: "delete"}
    assert len({event.act for event in space.store.state.events}) == 1
    with pytest.raises(StoreError, match=NOTHING):
        cleaner.decide(LARGE, "suggest")


def test_what_is_called_different_is_remembered(
    open_order: Callable[..., ImageCleaner], space: Workspace
) -> None:
    cleaner = open_order(DUPLICATES)
    cleaner.decide(SMALL, "different")
    assert page(cleaner)["groups"][1]["settled"] == say("review.different_all")
    cleaner.set_view(order=DUPLICATES)
    assert cleaner.names == (FIRST, COPY)
    cleaner.undo()
    cleaner.set_view(order=DUPLICATES)
    assert cleaner.names == (FIRST, COPY, LARGE, SMALL)


def test_going_on_says_nothing_of_duplicates(
    open_order: Callable[..., ImageCleaner], space: Workspace
) -> None:
    cleaner = open_order(DUPLICATES)
    cleaner.confirm_page()
    assert space.store.state.last_seq == 0
    shown = page(cleaner)
    assert shown["cells"] == []
    assert shown["empty"] == say("review.last_group")


def test_deleted_duplicates_are_gone_when_the_view_is_opened_again(
    open_order: Callable[..., ImageCleaner],
) -> None:
    cleaner = open_order(DUPLICATES)
    cleaner.decide(COPY, "delete")
    cleaner.set_view(order=DUPLICATES)
    assert cleaner.names == (LARGE, SMALL)


def test_a_label_given_among_duplicates_is_a_judgement_on_the_label(
    open_order: Callable[..., ImageCleaner], space: Workspace
) -> None:
    cleaner = open_order(DUPLICATES)
    cleaner.decide(COPY, "relabel", "b")
    assert cleaner.progress["errors"] == 1
    cleaner.set_view(order=DUPLICATES)
    assert [cell["advice"] for cell in page(cleaner)["cells"]] == ["", "", "keep", "delete"]
    assert page(cleaner)["groups"][0]["marks"] == [
        say("review.leak", splits="train and valid"),
        say("review.labels_differ", n=2, labels="a or b"),
    ]


def test_duplicates_take_a_threshold_and_no_filters(open_order: Callable[..., ImageCleaner]) -> None:
    cleaner = open_order(DUPLICATES)
    cleaner.set_view(threshold=1.0)
    assert cleaner.names == (FIRST, COPY)
    cleaner.set_view(split="train", threshold=None)
    assert cleaner.view == GridView(order=DUPLICATES)
    assert Hint.NO_FILTERS_DUPLICATES in cleaner.session.page().notices


def test_acts_on_groups_are_refused_elsewhere(open_order: Callable[..., ImageCleaner]) -> None:
    cleaner = open_order("by file name")
    with pytest.raises(StoreError, match=r"^Keeping one of a group works among"):
        cleaner.decide(COPY, "only")
    with pytest.raises(StoreError, match=r"^Only duplicates can be called different\."):
        cleaner.decide(COPY, "different")


@settings(max_examples=60, deadline=None)
@given(sizes=st.lists(st.integers(2, 5), min_size=1, max_size=6), data=st.data())
def test_who_keeps_one_of_each_group_deletes_exactly_the_others(
    sizes: list[int], data: st.DataObject
) -> None:
    by_name = {
        f"{group}/{i}": Duplicate(f"{group}/{i}", group, "keep" if i == 0 else "delete", REMARK)
        for group, size in enumerate(sizes, start=1)
        for i in range(size)
    }
    groups = DuplicateGroups(0.95, by_name)
    kept = data.draw(st.lists(st.sampled_from(sorted(by_name)), min_size=1, unique=True))
    touched = {by_name[name].group for name in kept}
    others = groups.others(kept)
    assert set(others) == {n for n, each in by_name.items() if each.group in touched} - set(kept)
    assert all(
        by_name[name].group == by_name[stays].group and stays in kept for name, stays in others.items()
    )
    pairs = {frozenset((a, b)) for a, rest in groups.different(kept).items() for b in rest}
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


def test_a_page_never_divides_a_group(open_order: Callable[..., ImageCleaner]) -> None:
    assert open_order(DUPLICATES, page_size=3).names == (FIRST, COPY, LARGE, SMALL)


def test_nobody_is_advised_to_delete_the_last_of_a_group(
    open_order: Callable[..., ImageCleaner], space: Workspace
) -> None:
    cleaner = open_order(DUPLICATES)
    cleaner.decide(FIRST, "delete")  # the one that was to be kept
    with pytest.raises(StoreError, match=NOTHING):
        cleaner.decide(COPY, "suggest")
    cleaner.decide([COPY, LARGE], "suggest")
    assert outcomes(space) == {FIRST: "delete", SMALL: "delete"}


def test_two_reviewers_do_not_delete_both_duplicates(
    open_order: Callable[..., ImageCleaner], space: Workspace
) -> None:
    cleaner = open_order(DUPLICATES)
    with Workspace(space.root, from_scratch=True, reviewer="Ben") as other:  # another process
        other.store.decide(FIRST, "delete", reason="duplicate")
    with pytest.raises(StoreError, match=NOTHING):
        cleaner.decide(COPY, "suggest")
    with Workspace(space.root, from_scratch=True, reviewer="Ben") as other:
        other.store.decide(SMALL, "delete", reason="duplicate")
    cleaner.decide(SMALL, "only")
    assert outcomes(space) == {FIRST: "delete", LARGE: "delete"}


def test_who_keeps_a_discarded_one_says_nothing_new_on_its_label(
    open_order: Callable[..., ImageCleaner], space: Workspace
) -> None:
    cleaner = open_order(DUPLICATES)
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
    open_order: Callable[..., ImageCleaner], space: Workspace
) -> None:
    cleaner = open_order(DUPLICATES)
    cleaner.decide(COPY, "delete")
    before = page(cleaner)
    odds = np.full((len(space.catalog), 2), 0.5)
    cleaner.session.set_ranking(rank_probabilities(space.catalog, odds))
    after = page(cleaner)
    assert [cell["group"] for cell in after["cells"]] == ["1", "1", "2", "2"]
    assert (after["groups"], after["notice"]) == (before["groups"], before["notice"])


@pytest.fixture
def open_display(space: Workspace) -> Callable[..., Display]:
    """Return a function that shows the duplicates, without a session."""

    def build(*, page_size: int = 24) -> Display:
        known = Snapshot(
            catalog=space.catalog, state=space.store.state, checks=Checks.load(checks_folder(space))
        )
        made = Display(
            known,
            reviewer="Ana",
            page_size=page_size,
            saved=None,
            begun=BegunGroups(None),
            certificate=lambda: None,
            colleagues=Colleagues(space.store, "Ana"),
        )
        made.set_view(GridView(order=DUPLICATES))
        return made

    return build


def test_other_groups_of_the_same_images_are_another_page(open_display: Callable[..., Display]) -> None:
    display = open_display()
    before = display.page_id()
    by_name = {name: replace(each, group=1) for name, each in display.groups.by_name.items()}
    display.groups = DuplicateGroups(0.9, by_name, {1: Group(id="1", size=4)})
    assert display.page_id() != before


def test_threshold_of_one_order_is_none_of_another(open_order: Callable[..., ImageCleaner]) -> None:
    cleaner = open_order("by file name")
    session = cleaner.session
    cleaner.set_view(order=DUPLICATES, threshold=0.8)
    cleaner.set_view(order="dark")
    assert cleaner.view == GridView(order="dark")
    session.set_threshold(0.75, order=DUPLICATES)  # the slider was moved while the order changed
    assert cleaner.view == GridView(order="dark")
    session.set_threshold(0.0, order="dark")
    assert cleaner.view == GridView(order="dark", threshold=0.0)
    cleaner.set_view(order=DUPLICATES)
    assert cleaner.view == GridView(order=DUPLICATES, threshold=0.8)  # as it was chosen
    assert cleaner.session.thresholds == {DUPLICATES: 0.8, "dark": 0.0}
    session.set_threshold(None, order=DUPLICATES)
    assert cleaner.view == GridView(order=DUPLICATES)
    assert cleaner.session.thresholds == {"dark": 0.0}


def test_the_slider_follows_the_order_and_leads_back_to_the_default(
    open_order: Callable[..., ImageCleaner],
) -> None:
    cleaner = open_order("by file name")
    shown = threading.Event()
    assert cleaner.session.wait()
    assert cleaner.threshold.scale is None
    cleaner.set_view(order="dark", threshold=0.0)
    assert cleaner.session.wait()
    scale = cleaner.threshold.scale
    assert scale is not None
    assert (scale.order, scale.value) == ("dark", 0.0)
    cleaner.session.subscribe(lambda change: shown.set() if change.topic is Topic.PAGE else None)
    cleaner.threshold.do("default")
    assert shown.wait(20)
    assert cleaner.view == GridView(order="dark")
    assert cleaner.session.thresholds == {}


def test_a_chosen_threshold_stays_when_a_filter_is_chosen(open_order: Callable[..., ImageCleaner]) -> None:
    cleaner = open_order("dark")
    cleaner.set_view(threshold=0.0)
    next(each for each in cleaner.filters.children if each.description == "Split").value = "train"
    assert cleaner.session.wait()
    assert cleaner.view == GridView(order="dark", split="train", threshold=0.0)


def test_listeners_are_told_of_another_threshold_without_the_lock(
    open_order: Callable[..., ImageCleaner],
) -> None:
    session = open_order(DUPLICATES).session
    free: list[bool] = []
    session.subscribe(lambda _change: free.append(is_free(session.lock)))
    session.set_threshold(1.0, order=DUPLICATES)
    session.set_view(order="dark")
    assert session.wait()
    assert len(free) >= 6
    assert all(free)


def is_free(lock: threading.RLock) -> bool:
    """Tell whether another thread could take a lock now, or soon."""
    with ThreadPoolExecutor(1) as other:
        got: bool = other.submit(lock.acquire, timeout=2).result()
        if got:
            other.submit(lock.release).result()
        return got


def test_groups_are_formed_before_the_page_is_locked(
    open_order: Callable[..., ImageCleaner], monkeypatch: pytest.MonkeyPatch
) -> None:
    cleaner = open_order("by file name")
    assert cleaner.session.wait()
    free: list[bool] = []
    form = DuplicateGroups.find

    def find(*arguments: Any) -> DuplicateGroups:
        free.append(is_free(cleaner.grid.lock))
        cleaner.set_view(order="dark")  # chosen while the groups are formed
        return form(*arguments)

    monkeypatch.setattr(DuplicateGroups, "find", find)
    cleaner.set_view(order=DUPLICATES)
    assert cleaner.view.order == "dark"  # the earlier choice came too late
    cleaner.set_view(order=DUPLICATES)
    assert cleaner.names == (FIRST, COPY, LARGE, SMALL)
    assert free == [True]  # what was formed too late was used after all


def test_pages_of_other_orders_are_not_longer_for_duplicates(
    open_display: Callable[..., Display], space: Workspace
) -> None:
    display = open_display(page_size=1)
    by_name = {name: Duplicate(name, 1, "", REMARK) for name in space.catalog.names}
    display.groups = DuplicateGroups(0.9, by_name)
    display.set_view(GridView(order="by file name"))
    assert len(display.names) == 1


def test_undo_opens_the_whole_group(space: Workspace, open_order: Callable[..., ImageCleaner]) -> None:
    space.store.decide(SMALL, "relabel", "a", given={SMALL: "b"})
    cleaner = open_order(DUPLICATES, page_size=1)
    assert SMALL not in cleaner.names  # its group was not shown yet
    cleaner.undo()
    assert set(cleaner.names) == {SMALL, LARGE}


def test_decisions_of_others_are_told_beside_the_group(
    open_order: Callable[..., ImageCleaner], space: Workspace
) -> None:
    cleaner = open_order(DUPLICATES)
    told: list[Any] = []
    cleaner.grid.show = told.append  # type: ignore[method-assign]
    space.store.decide(COPY, "delete", reason="duplicate", reviewer="Ben")
    assert cleaner.session.wait()
    assert [group.kept for group in told[-1].groups] == [1, None]

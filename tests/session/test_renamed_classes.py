"""Classes that are renamed while a review goes on: rankings and proposals keep their meaning."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cleaner.labelling.proposal import Proposal
from cleaner.ranking import Ranking, rank_probabilities
from cleaner.ranking.renaming import under_present_names
from cleaner.review.classes import rename_class
from cleaner.widgets.grid.protocol import PageData, page_data
from cleaner.widgets.image_cleaner import ImageCleaner
from cleaner.workspace import Workspace

LARGE = "train/b/01.png"


def page(cleaner: ImageCleaner) -> PageData:
    return page_data(cleaner.session.page())


def swap_names(space: Workspace) -> None:
    rename_class(space.catalog, space.store, "a", "between")
    rename_class(space.catalog, space.store, "b", "a")
    rename_class(space.catalog, space.store, "between", "b")


def test_suggestions_follow_two_classes_that_swap_their_names(
    open_order: Callable[..., ImageCleaner], space: Workspace
) -> None:
    odds = np.tile(np.array([0.9, 0.1]), (len(space.catalog), 1))
    cleaner = open_order("by file name")
    cleaner.session.set_ranking(rank_probabilities(space.catalog, odds))
    swap_names(space)
    assert cleaner.session.wait()
    assert {(c["given"], c["suggestion"]) for c in page(cleaner)["cells"]} == {("a", "b"), ("b", "b")}
    assert {LARGE, "train/b/07.png"} <= set(cleaner.names)
    cleaner.set_view(given="a", predicted="b")
    assert set(cleaner.names) == set(space.catalog.names[space.catalog.labels == "b"])


def test_ranking_made_after_a_swap_of_names_is_taken_by_its_word(
    open_order: Callable[..., ImageCleaner], space: Workspace
) -> None:
    swap_names(space)
    odds = np.tile(np.array([0.9, 0.1]), (len(space.catalog), 1))
    ranking = rank_probabilities(space.catalog, odds)
    ranking.named_at = space.store.state.last_seq
    cleaner = open_order("by file name")
    cleaner.session.set_ranking(ranking)
    assert {cell["suggestion"] for cell in page(cleaner)["cells"]} == {"a"}


def test_proposals_made_after_a_swap_of_names_are_taken_by_their_word(bare: ImageCleaner) -> None:
    bare.decide(bare.names[0], "relabel", "a", new_class=True)
    bare.decide(bare.names[1], "relabel", "b", new_class=True)
    swap_names(bare.workspace)
    names = np.array(bare.session.known.unlabelled(), dtype=object)
    label, sure = np.full(len(names), "a", dtype=object), np.full(len(names), 0.9, dtype=np.float32)
    seq = bare.store.state.last_seq
    bare.session.set_proposal(Proposal(names, label, sure, ("a", "b"), 2, seq))
    bare.next_page()
    assert {cell["suggestion"] for cell in page(bare)["cells"]} == {"a"}
    rename_class(bare.workspace.catalog, bare.workspace.store, "a", "c")
    assert {cell["suggestion"] for cell in page(bare)["cells"]} == {"c"}


def test_the_page_is_free_while_a_merge_of_classes_is_worked_out(
    open_order: Callable[..., ImageCleaner], space: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    cleaner = open_order("by file name")
    session = cleaner.session
    session.set_ranking(
        rank_probabilities(space.catalog, np.tile(np.array([0.9, 0.1]), (len(space.catalog), 1)))
    )
    begun, free = threading.Event(), threading.Event()

    def slow(*args: Any, **options: Any) -> Ranking:
        begun.set()
        assert free.wait(30)
        return under_present_names(*args, **options)

    monkeypatch.setattr("cleaner.session.session.under_present_names", slow)
    space.store.class_event("class_merge", "b", "a")
    assert begun.wait(30)
    is_free = session.lock.acquire(timeout=5)
    free.set()
    assert is_free
    session.lock.release()
    assert session.wait()
    assert session.ranking is not None
    assert session.ranking.classes == ["a"]

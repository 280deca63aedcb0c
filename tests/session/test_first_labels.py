"""First labels for images without one, without a browser: what is proposed, and what Confirm accepts."""

from __future__ import annotations

import numpy as np
import pytest

from cleaner.errors import OutdatedError, StoreError
from cleaner.labelling.proposal import Proposal
from cleaner.session.cells import Seen
from cleaner.session.orders import TO_LABEL
from cleaner.widgets.grid.protocol import PageData, page_data
from cleaner.widgets.image_cleaner import ImageCleaner
from cleaner.widgets.panels.text import proposal_text
from cleaner.widgets.sentences import say


def page(cleaner: ImageCleaner) -> PageData:
    return page_data(cleaner.session.page())


def propose(cleaner: ImageCleaner, label: str, probability: float) -> Proposal:
    """Let all images be proposed one label, the last one first."""
    names = np.array(cleaner.session.known.unlabelled()[::-1], dtype=object)
    n = len(names)
    made = Proposal(names, np.full(n, label, dtype=object), np.full(n, probability), ("cat", "dog"), 2)
    cleaner.session.set_proposal(made)
    return made


def test_a_set_without_labels_begins_with_labelling(bare: ImageCleaner) -> None:
    shown = page(bare)
    assert bare.view.order == TO_LABEL
    assert shown["notice"] == say("review.no_labels")
    assert shown["summary"] == say("review.summary_labelling", labelled=0, left=30)
    bare.confirm_page()
    assert bare.store.state.last_seq == 0
    assert page(bare)["title"] == say("review.title", number=2)


def test_first_proposal_comes_at_once_later_ones_with_the_next_page(bare: ImageCleaner) -> None:
    proposal = propose(bare, "cat", 0.8)
    assert bare.names[0] == "29.png"
    assert page(bare)["notice"] == proposal_text(proposal)
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


def test_confirm_does_not_accept_what_is_suggested_without_a_probability(bare: ImageCleaner) -> None:
    propose(bare, "cat", float("nan"))
    cell = page(bare)["cells"][0]
    assert (cell["suggestion"], cell["probability"], cell["sure"]) == ("cat", None, False)


def test_new_class_by_typing_is_a_label_like_any_other(bare: ImageCleaner) -> None:
    bare.decide(bare.names[0], "relabel", "okapi", new_class=True)
    assert page(bare)["classes"] == ["okapi"]
    bare.undo()
    assert page(bare)["classes"] == []


def test_nothing_is_kept_that_has_no_label(bare: ImageCleaner) -> None:
    with pytest.raises(StoreError, match=r"^There is no suggestion for this\."):
        bare.decide(bare.names[0], "keep")


def test_other_suggestions_are_another_page_to_confirm(bare: ImageCleaner) -> None:
    propose(bare, "cat", 0.3)
    bare.confirm_page()
    before, seen = bare.names, page(bare)["id"]
    propose(bare, "dog", 0.9)
    bare.set_view(bare.view)  # which shows what was proposed last
    assert bare.names == before
    assert {cell["suggestion"] for cell in page(bare)["cells"]} == {"dog"}
    with pytest.raises(OutdatedError, match=r"^Another page is open now\."):
        bare.session.confirm(before, seen=Seen(seen))
    with pytest.raises(OutdatedError, match=r"^Another page is open now\."):
        bare.session.decide(before, "suggest", seen=Seen(seen, dict.fromkeys(before, "cat")))
    assert bare.store.state.last_seq == 0


def test_order_to_label_follows_labels_given_elsewhere(bare: ImageCleaner) -> None:
    bare.set_view(order="by file name")
    propose(bare, "cat", 0.8)
    bare.set_view(order=TO_LABEL)
    bare.next_page()
    assert bare.names[0] == "29.png"


def test_what_somebody_proposes_is_not_taken_away_for_want_of_embeddings(bare: ImageCleaner) -> None:
    proposal = propose(bare, "cat", 0.8)
    for name in bare.names:
        bare.decide(name, "suggest")
    assert bare.session.wait()
    assert bare.session.known.proposal is proposal

"""The fold of the history: the rules one by one, and the same state however the rows came in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleaner.errors import StoreError
from cleaner.review.events import Action, Event, check_description, check_label, check_name
from cleaner.review.state import ReviewState

START = datetime(2026, 1, 1, tzinfo=UTC)


class History:
    """Writes events as the store would, one act after the other."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.state = ReviewState()

    def add(self, kind: str, name: str = "", *, who: str = "ann", act: str | None = None, **more: Any) -> str:
        seq = len(self.events) + 1
        act = act or f"act{seq}"
        event = Event(
            seq=seq, act=act, kind=kind, name=name, reviewer=who, time=START + timedelta(seconds=seq), **more
        )
        self.events.append(event)
        self.state.apply(event)
        return act

    def mark(self, kind: str, name: str, label: str | None = None, *, given: str = "cat", **more: Any) -> str:
        return self.add(kind, name, given_label=given, new_label=label, **more)

    def undo(self, act: str, *, who: str = "ann") -> None:
        self.add("undo", undoes=act, who=who)

    def rename(self, old: str, new: str, kind: str = "class_rename") -> str:
        return self.add(kind, given_label=old, new_label=new)

    def describe(self, label: str, text: str) -> str:
        return self.add("class_describe", given_label=label, detail={"text": text})


@pytest.fixture
def history() -> History:
    return History()


def observed(state: ReviewState) -> Mapping[str, Any]:
    """Everything that a reader of the state can see."""
    return {
        "decisions": state.decisions(),
        "outcomes": state.outcomes(),
        "conflicts": state.conflicts(),
        "progress": state.progress(window=3),
        "looks": state.looks(),
        "judgements": state.judgements(),
        "discarded": state.discarded(),
        "decided": [state.is_decided(name) for name in "abcdevwxyz"],
        "unsure": state.unsure(),
        "label_map": state.label_map,
        "classes": state.classes(["cat", "dog"]),
        "new": state.new_classes,
        "described": state.descriptions(),
        "pairs": state.different_pairs(),
        "undo": [(state.undoable(who), state.redoable(who)) for who in ("ann", "bob")],
        "last": state.last_seq,
    }


# -------------------------------------------------------------------- one image


def test_the_last_choice_of_a_reviewer_holds(history: History) -> None:
    history.mark("delete", "a")
    history.mark("relabel", "a", "dog")
    decision = history.state.of("a")
    assert decision is not None
    assert (decision.action, decision.new_label, decision.outcome) == (Action.RELABEL, "dog", "relabel")


def test_an_image_without_rows_has_no_decision(history: History) -> None:
    assert history.state.of("a") is None
    assert not history.state.is_decided("a")


def test_unsure_is_no_decision(history: History) -> None:
    history.mark("unsure", "a")
    assert not history.state.is_decided("a")
    assert history.state.unsure() == ["a"]
    assert history.state.progress().looked_at == 0
    assert history.state.progress().unsure == 1


def test_unsure_takes_back_ones_own_choice(history: History) -> None:
    history.mark("delete", "a")
    history.mark("unsure", "a")
    assert not history.state.is_decided("a")
    assert history.state.progress().deleted == 0


def test_unsure_never_takes_back_a_colleagues_choice(history: History) -> None:
    history.mark("delete", "a", who="bob")
    history.mark("unsure", "a", who="ann")
    decision = history.state.of("a")
    assert decision is not None
    assert (decision.action, decision.reviewer) == (Action.DELETE, "bob")
    assert history.state.unsure() == []
    own = history.state.of("a", reviewer="ann")
    assert own is not None
    assert own.action is Action.UNSURE


def test_a_colleague_settles_what_one_was_unsure_about(history: History) -> None:
    history.mark("unsure", "a", who="ann")
    history.mark("keep", "a", who="bob")
    assert history.state.is_decided("a")
    assert history.state.conflicts() == {}


def test_a_relabel_to_the_given_label_is_a_keep(history: History) -> None:
    history.mark("relabel", "a", "cat", given="cat")
    progress = history.state.progress()
    assert (progress.kept, progress.relabelled, progress.errors) == (1, 0, 0)


def test_a_first_label_is_no_error(history: History) -> None:
    history.add("relabel", "a", new_label="dog")
    progress = history.state.progress()
    assert (progress.labelled, progress.errors, progress.looked_at) == (1, 0, 1)


def test_a_later_given_label_does_not_hide_an_error(history: History) -> None:
    # a ranking made after the first relabel shows the new label as the given one
    history.mark("relabel", "a", "dog", given="cat")
    history.mark("relabel", "a", "dog", given="dog")
    assert history.state.progress().relabelled == 1
    history.mark("relabel", "a", "cat", given="dog")
    assert history.state.progress().relabelled == 0


def test_a_row_counts_once(history: History) -> None:
    history.mark("keep", "a")
    history.state.apply(history.events[0])
    assert len(history.state.events) == 1
    assert history.state.progress().kept == 1


def test_a_kind_from_a_later_version_has_no_effect_and_stays(history: History) -> None:
    history.mark("keep", "a")
    before = history.state.decisions()
    history.add("describe_class", detail={"class": "cat", "text": "small"})
    assert history.state.decisions() == before
    assert history.state.events[-1].kind == "describe_class"


# -------------------------------------------------------------------- discards

DUPLICATE = {"reason": "duplicate", "of": "b"}


def test_a_discarded_image_goes_and_is_neither_a_look_nor_an_error(history: History) -> None:
    history.mark("keep", "b")
    history.mark("delete", "a", detail=DUPLICATE)
    state = history.state
    decision = state.of("a")
    assert decision is not None
    assert (decision.action, decision.outcome, decision.reason) == (Action.DELETE, "delete", "duplicate")
    assert state.outcomes()["a"] == ("delete", None)
    assert state.judgements() == {"a": ("discard", None), "b": ("keep", None)}
    assert state.discarded() == {"a": "duplicate"}
    assert state.is_decided("a")
    assert [look.name for look in state.looks()] == ["b"]
    progress = state.progress()
    assert (progress.looked_at, progress.deleted, progress.errors) == (1, 0, 0)
    assert (progress.window, progress.window_errors) == (1, 0)
    assert (progress.discarded, progress.decided) == (1, 2)


def test_a_discard_leaves_what_was_said_about_the_label(history: History) -> None:
    history.mark("relabel", "a", "dog")
    history.mark("delete", "a", detail=DUPLICATE)
    state = history.state
    assert state.outcomes()["a"] == ("delete", None)
    assert state.judgements()["a"] == ("relabel", "dog")
    assert [(look.name, look.outcome, look.new_label) for look in state.looks()] == [("a", "relabel", "dog")]
    progress = state.progress()
    assert (progress.looked_at, progress.relabelled, progress.deleted) == (1, 1, 0)
    assert (progress.window_errors, progress.discarded, progress.decided) == (1, 1, 1)
    assert state.classes(["cat"]) == ["cat"]  # no image that stays has the label


@pytest.mark.parametrize("kind", ["keep", "delete", "unsure"])
def test_a_later_decision_overrides_a_discard(history: History, kind: str) -> None:
    history.mark("delete", "a", detail={"reason": "blurry"})
    history.mark(kind, "a")
    assert history.state.discarded() == {}
    assert history.state.judgements() == history.state.outcomes() == {"a": (kind, None)}
    assert history.state.progress().discarded == 0
    assert history.state.is_decided("a") is (kind != "unsure")


def test_undoing_a_discard_brings_back_what_held_before(history: History) -> None:
    history.mark("unsure", "a")
    act = history.mark("delete", "a", detail=DUPLICATE)
    assert (history.state.progress().unsure, history.state.unsure()) == (0, [])
    assert history.state.judgements() == {"a": ("unsure", None)}
    history.undo(act)
    assert not history.state.is_decided("a")
    assert (history.state.unsure(), history.state.discarded()) == (["a"], {})


def test_a_discard_is_no_conflict_with_anything_said_about_the_label(history: History) -> None:
    history.mark("keep", "a", who="ann")
    history.mark("delete", "a", who="bob", detail=DUPLICATE)
    assert history.state.conflicts() == {}
    assert history.state.outcomes()["a"] == ("delete", None)
    history.mark("relabel", "a", "dog", who="ann")
    assert history.state.conflicts() == {}
    assert history.state.outcomes()["a"] == ("relabel", "dog")


def test_a_discard_ends_a_conflict_about_the_label_only_if_it_settles_it(history: History) -> None:
    history.mark("keep", "a", who="ann")
    history.mark("relabel", "a", "dog", who="bob")
    act = history.mark("delete", "a", who="bob", detail=DUPLICATE)
    choices = history.state.conflicts()["a"]
    assert [(choice.reviewer, choice.outcome) for choice in choices] == [("ann", "keep"), ("bob", "relabel")]
    history.undo(act, who="bob")
    history.mark("delete", "a", who="eve", detail={**DUPLICATE, "settles": True})
    assert history.state.conflicts() == {}


def test_restoring_takes_discards_back_and_says_nothing_on_the_label(history: History) -> None:
    history.mark("relabel", "a", "dog", given="cat", who="ann")
    history.mark("delete", "a", who="bob", detail=DUPLICATE)
    history.mark("delete", "b", given="cat", who="bob", detail=DUPLICATE)
    act = history.mark("keep", "a", given="cat", who="ann", detail={"restores": True})
    history.mark("keep", "b", given="cat", who="ann", detail={"restores": True})
    state = history.state
    assert state.outcomes() == {"a": ("relabel", "dog")}
    assert state.of("b") is None and state.of("b", reviewer="bob") is None
    assert (state.conflicts(), state.discarded()) == ({}, {})
    done = state.progress()
    assert (done.looked_at, done.relabelled, done.kept, done.decided) == (1, 1, 0, 1)
    history.undo(act)
    assert state.discarded() == {"a": "duplicate"}
    history.mark("delete", "b", who="bob", detail=DUPLICATE)  # once more
    assert state.discarded() == {"a": "duplicate", "b": "duplicate"}


@pytest.mark.parametrize("reason", ["", None, 3, ["duplicate"]])
def test_a_reason_that_says_nothing_is_none(history: History, reason: Any) -> None:
    history.mark("delete", "a", detail={"reason": reason})
    assert history.state.discarded() == {}
    assert history.state.progress().deleted == 1


# -------------------------------------------------------------------- two reviewers


def test_two_different_choices_are_a_conflict_and_the_last_one_holds(history: History) -> None:
    history.mark("relabel", "a", "dog", who="ann")
    history.mark("delete", "a", who="bob")
    choices = history.state.conflicts()["a"]
    assert [(c.reviewer, c.outcome) for c in choices] == [("ann", "relabel"), ("bob", "delete")]
    decision = history.state.of("a")
    assert decision is not None
    assert decision.action is Action.DELETE
    assert history.state.progress().conflicts == 1


def test_choices_that_come_to_the_same_are_no_conflict(history: History) -> None:
    history.mark("keep", "a", given="cat", who="ann")
    history.mark("relabel", "a", "cat", given="cat", who="bob")
    assert history.state.conflicts() == {}


def test_a_conflict_ends_when_one_comes_round(history: History) -> None:
    history.mark("keep", "a", who="ann")
    history.mark("delete", "a", who="bob")
    history.mark("delete", "a", who="ann")
    assert history.state.conflicts() == {}


def test_a_third_reviewer_can_settle_a_conflict(history: History) -> None:
    history.mark("keep", "a", who="ann")
    history.mark("delete", "a", who="bob")
    history.mark("delete", "a", who="eve")
    assert "a" in history.state.conflicts()
    act = history.mark("delete", "a", who="eve", detail={"settles": True})
    assert history.state.conflicts() == {}
    history.undo(act, who="eve")
    assert "a" in history.state.conflicts()


def test_a_choice_after_the_settlement_is_a_conflict_again(history: History) -> None:
    history.mark("keep", "a", who="ann")
    history.mark("delete", "a", who="bob", detail={"settles": True})
    assert history.state.conflicts() == {}
    history.mark("keep", "a", who="ann")
    assert "a" in history.state.conflicts()


# -------------------------------------------------------------------- undo


def test_undo_takes_back_a_whole_act(history: History) -> None:
    history.mark("keep", "a")
    act = history.mark("keep", "b", act="page")
    history.mark("keep", "c", act="page")
    history.undo(act)
    assert list(history.state.decisions()) == ["a"]
    assert history.state.undoable("ann") == "act1"
    assert history.state.redoable("ann") == "page"


def test_undo_brings_back_what_held_before(history: History) -> None:
    history.mark("relabel", "a", "dog")
    act = history.mark("delete", "a")
    history.undo(act)
    decision = history.state.of("a")
    assert decision is not None
    assert decision.new_label == "dog"


def test_redo_brings_an_act_back_at_its_old_place(history: History) -> None:
    act = history.mark("keep", "a", who="ann")
    history.mark("delete", "a", who="bob")
    before = history.state.of("a")
    history.undo(act)
    history.add("redo", undoes=act)
    assert history.state.of("a") == before


def test_what_was_undone_before_a_new_act_stays_undone(history: History) -> None:
    act = history.mark("keep", "a")
    history.undo(act)
    history.mark("keep", "b")
    assert history.state.redoable("ann") is None
    assert not history.state.is_decided("a")


def test_reviewers_undo_only_their_own_acts(history: History) -> None:
    history.mark("keep", "a", who="ann", act="one")
    history.mark("keep", "b", who="bob", act="two")
    assert history.state.undoable("ann") == "one"
    assert history.state.undoable("bob") == "two"
    assert history.state.undoable("eve") is None


def test_only_acts_of_reviewers_can_be_undone(history: History) -> None:
    history.mark("keep", "a")
    undo = history.add("undo", undoes="act1")
    move = history.add("file_moved", "a", detail={"to": "b"})
    before = observed(history.state)
    for act in (undo, move, "no such act"):
        history.undo(act)
        history.add("redo", undoes=act)
    assert {**observed(history.state), "last": 0} == {**before, "last": 0}


def test_undoing_twice_has_no_further_effect(history: History) -> None:
    act = history.mark("keep", "a")
    history.undo(act)
    history.undo(act)
    assert history.state.redoable("ann") == act
    assert history.state.undoable("ann") is None


# -------------------------------------------------------------------- classes, pairs, files


def test_a_renamed_class_renames_given_labels_and_earlier_choices(history: History) -> None:
    history.mark("relabel", "a", "dog", given="cat")
    history.rename("dog", "hound")
    decision = history.state.of("a")
    assert decision is not None
    assert decision.new_label == "hound"
    assert history.state.label_map == {"dog": "hound"}
    assert history.state.classes(["cat", "dog"]) == ["cat", "hound"]


def test_a_label_chosen_after_the_renaming_is_a_class_of_its_own(history: History) -> None:
    history.rename("dog", "hound")
    history.mark("relabel", "a", "dog", given="cat")
    decision = history.state.of("a")
    assert decision is not None
    assert decision.new_label == "dog"
    assert history.state.classes(["cat", "dog"]) == ["cat", "dog", "hound"]


def test_merging_the_given_class_into_the_chosen_one_makes_a_keep_of_it(history: History) -> None:
    history.mark("relabel", "a", "dog", given="puppy")
    assert history.state.progress().errors == 1
    act = history.rename("puppy", "dog", "class_merge")
    assert history.state.progress().errors == 0
    assert history.state.progress().kept == 1
    history.undo(act)
    assert history.state.progress().errors == 1


def test_two_classes_can_swap_their_names(history: History) -> None:
    history.rename("cat", "x")
    history.rename("dog", "cat")
    history.rename("x", "dog")
    assert history.state.label_now("cat") == "dog"
    assert history.state.label_now("dog") == "cat"
    assert history.state.classes(["cat", "dog"]) == ["cat", "dog"]


def test_a_merge_can_end_a_conflict(history: History) -> None:
    history.mark("relabel", "a", "dog", who="ann")
    history.mark("relabel", "a", "hound", who="bob")
    assert "a" in history.state.conflicts()
    history.rename("hound", "dog", "class_merge")
    assert history.state.conflicts() == {}


def test_a_merge_can_end_a_conflict_with_a_keep(history: History) -> None:
    history.mark("relabel", "a", "dog", given="cat", who="ann")
    history.mark("keep", "a", given="cat", who="bob")
    assert "a" in history.state.conflicts()
    history.rename("cat", "dog", "class_merge")
    assert history.state.conflicts() == {}


def test_a_new_class_is_there_before_it_has_an_image_and_follows_its_renaming(history: History) -> None:
    act = history.add("class_new", new_label="fox")
    assert history.state.new_classes == ["fox"]
    history.rename("fox", "red fox")
    assert history.state.classes(["cat"]) == ["cat", "red fox"]
    history.undo(act)
    assert history.state.new_classes == []


def test_pairs_called_different_are_remembered_until_undone(history: History) -> None:
    act = history.add("pair_different", "a", detail={"others": ["b", "c"]})
    assert history.state.different_pairs() == {frozenset("ab"), frozenset("ac")}
    history.undo(act)
    assert history.state.different_pairs() == frozenset()


def test_decisions_follow_a_file_to_its_new_name(history: History) -> None:
    act = history.mark("relabel", "cat/a", "dog")
    history.add("pair_different", "cat/a", detail={"others": ["b"]})
    history.add("file_moved", "cat/a", detail={"to": "dog/a"})
    for name in ("cat/a", "dog/a"):  # a colleague's copy has the old name still
        decision = history.state.of(name)
        assert decision is not None
        assert (decision.name, decision.new_label) == (name, "dog")
    assert history.state.progress().looked_at == 1
    assert frozenset(("dog/a", "b")) in history.state.different_pairs()
    assert history.state.names_of(act) == ("cat/a", "dog/a")
    history.mark("delete", "dog/a")
    history.undo(history.events[-1].act)
    history.undo(act)
    assert not history.state.is_decided("dog/a")


def test_a_name_with_a_history_of_its_own_keeps_it(history: History) -> None:
    history.mark("delete", "dog/a")
    history.mark("keep", "cat/a")
    history.add("file_moved", "cat/a", detail={"to": "dog/a"})
    decision = history.state.of("dog/a")
    assert decision is not None
    assert decision.action is Action.DELETE


def test_moving_a_file_is_nothing_to_undo(history: History) -> None:
    history.mark("keep", "a", act="mine")
    history.add("file_moved", "a", detail={"to": "b"})
    assert history.state.undoable("ann") == "mine"


# -------------------------------------------------------------------- progress


def test_the_window_counts_errors_among_the_last_looks(history: History) -> None:
    history.mark("delete", "a")
    for name in "bcd":
        history.mark("keep", name)
    history.mark("relabel", "e", "dog")
    progress = history.state.progress(window=3)
    assert (progress.window, progress.window_errors) == (3, 1)
    assert (progress.looked_at, progress.errors, progress.kept) == (5, 2, 3)
    assert history.state.progress(window=0).window == 0


def test_a_change_of_mind_is_no_new_look(history: History) -> None:
    for name in "abc":
        history.mark("keep", name)
    history.mark("delete", "a")
    assert [d.name for d in history.state.looks()] == ["a", "b", "c"]
    assert history.state.progress(window=2).window_errors == 0


def test_the_pace_leaves_out_pauses() -> None:
    state = ReviewState()
    assert state.pace_per_min("ann") is None
    seconds = [0, 2, 4, 6, 8, 10, 4000, 4002, 4004, 4006, 4008, 4010]
    for seq, s in enumerate(seconds, start=1):
        time = START + timedelta(seconds=s)
        assert state.pace_per_min("ann") is None
        state.apply(Event(seq=seq, act=str(seq), kind="keep", name=str(seq), reviewer="ann", time=time))
    assert state.pace_per_min("ann") == pytest.approx(30.0)
    gone = {"kind": "delete", "name": "x", "detail": {"reason": "dark"}}
    later = START + timedelta(seconds=4060)
    state.apply(Event(seq=99, act="99", reviewer="ann", time=later, **gone))
    assert state.pace_per_min("ann") == pytest.approx(30.0)  # which is no look at a label
    assert state.pace_per_min("bob") is None


# -------------------------------------------------------------------- labels and names


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("", "Got '' as a label; expected text that is not blank. Type the name of a class."),
        ("  ", "Got '  ' as a label; expected text that is not blank. Type the name of a class."),
        (None, "Got None as a label; expected text that is not blank. Type the name of a class."),
        (
            "a\nb",
            "Got the label 'a\\nb'; expected one line without control characters. Choose a plainer name.",
        ),
        (
            "a\u2028b",
            "Got the label 'a\\u2028b'; expected one line without control characters. Choose a plainer name.",
        ),
        (
            "x" * 201,
            f"Got a label of 201 characters ('{'x' * 40}'…); expected at most 200. Choose a shorter name.",
        ),
    ],
)
def test_labels_that_cannot_be_are_refused(label: Any, message: str) -> None:
    with pytest.raises(StoreError) as caught:
        check_label(label)
    assert str(caught.value) == message


@pytest.mark.parametrize("label", ["cat", "T-shirt, long", "=1+1", "猫", " cat", "x" * 200, "a/b"])
def test_labels_are_taken_as_they_are(label: str) -> None:
    assert check_label(label) == label


def test_a_name_that_is_no_text_is_refused() -> None:
    with pytest.raises(StoreError, match="holds bytes that are not text; rename the file"):
        check_name("a\udcff.jpg")
    with pytest.raises(StoreError, match="Got a file name of 3000 bytes"):
        check_name("a" * 3000)
    with pytest.raises(StoreError, match="Got '' as the name of an image"):
        check_name("")


# -------------------------------------------------------------------- descriptions


def test_the_last_description_of_a_class_holds(history: History) -> None:
    history.describe("cat", "purrs")
    act = history.describe("cat", "meows")
    assert (history.state.description("cat"), history.state.description("dog")) == ("meows", "")
    history.undo(act)
    assert history.state.description("cat") == "purrs"
    history.describe("cat", "")
    assert history.state.descriptions() == {}


def test_a_description_follows_its_class_to_another_name(history: History) -> None:
    history.describe("cat", "purrs")
    act = history.rename("cat", "kitten")
    history.add("class_new", new_label="cat")
    history.describe("cat", "a new one")
    assert history.state.descriptions() == {"kitten": "purrs", "cat": "a new one"}
    history.undo(act)
    assert history.state.descriptions() == {"cat": "a new one"}


def test_of_merged_classes_the_description_of_the_target_stays(history: History) -> None:
    history.describe("dog", "barks")
    history.describe("puppy", "yaps")
    act = history.rename("puppy", "dog", "class_merge")
    assert history.state.descriptions() == {"dog": "barks"}
    history.undo(act)
    assert history.state.descriptions() == {"dog": "barks", "puppy": "yaps"}


def test_a_target_without_a_description_takes_none_from_what_is_merged_into_it(history: History) -> None:
    history.describe("puppy", "yaps")
    history.rename("puppy", "dog", "class_merge")
    assert history.state.descriptions() == {}
    history.rename("dog", "hound")
    assert history.state.descriptions() == {}


def test_describing_a_class_decides_nothing(history: History) -> None:
    history.mark("relabel", "a", "dog")
    before = observed(history.state)
    history.describe("fox", "red")
    after = observed(history.state)
    changed = {key for key in before if before[key] != after[key]}
    assert changed == {"described", "undo", "last"}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("  purrs\r\nand meows \n", "purrs\nand meows"),
        (" \n", ""),
        ("x" * 2000, "x" * 2000),
        ("a\tb", "a\tb"),
    ],
)
def test_descriptions_lose_only_the_blanks_around_them(text: str, kept: str) -> None:
    assert check_description(text) == kept


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "Got None as the description of a class; expected a text."),
        ("x" * 2001, "Got a description of 2,001 characters; expected at most 2,000. Shorten it."),
        ("a\x00b", "Got the description 'a\\x00b' with control characters; expected text. Type it again."),
    ],
)
def test_descriptions_that_cannot_be_are_refused(text: Any, message: str) -> None:
    with pytest.raises(StoreError) as caught:
        check_description(text)
    assert str(caught.value) == message


# -------------------------------------------------------------------- any history at all

WHO = st.sampled_from(["ann", "bob"])
NAMES = st.sampled_from("abcde")
LABELS = st.sampled_from(["cat", "dog", "hound"])
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("mark"), WHO, st.sampled_from(["keep", "delete", "unsure"]), st.sets(NAMES, min_size=1)
        ),
        st.tuples(st.just("relabel"), WHO, LABELS, st.sets(NAMES, min_size=1)),
        st.tuples(
            st.just("discard"), WHO, st.sampled_from(["duplicate", "dark"]), st.sets(NAMES, min_size=1)
        ),
        st.tuples(st.just("settle"), WHO, LABELS, st.sets(NAMES, min_size=1)),
        st.tuples(st.sampled_from(["undo", "redo"]), WHO),
        st.tuples(st.sampled_from(["class_rename", "class_merge"]), WHO, LABELS, LABELS),
        st.tuples(st.just("class_new"), WHO, st.sampled_from(["fox", "dog"])),
        st.tuples(st.just("class_describe"), WHO, LABELS, st.sampled_from(["", "barks", "purrs"])),
        st.tuples(st.just("pair"), WHO, NAMES, NAMES),
        st.tuples(st.just("move"), WHO, NAMES, st.sampled_from("vwxyz")),
    ),
    max_size=30,
)


def play(steps: list[Any]) -> History:
    """Write the events that a store would for these steps."""
    history = History()
    given = {"a": "cat", "b": "dog", "c": "hound", "d": "cat", "e": None}
    for step in steps:
        what, who, *rest = step
        if what in ("undo", "redo"):
            target = history.state.undoable(who) if what == "undo" else history.state.redoable(who)
            if target is not None:
                history.add(what, who=who, undoes=target)
        elif what in ("mark", "relabel", "settle", "discard"):
            act = f"many{len(history.events)}"
            kind = rest[0] if what == "mark" else "delete" if what == "discard" else "relabel"
            label = None if what in ("mark", "discard") else rest[0]
            detail = {"settle": {"settles": True}, "discard": {"reason": rest[0]}}.get(what, {})
            for name in sorted(rest[1]):
                history.add(
                    kind, name, who=who, act=act, given_label=given[name], new_label=label, detail=detail
                )
        elif what == "pair":
            history.add("pair_different", rest[0], who=who, detail={"others": [rest[1]]})
        elif what == "move":
            history.add("file_moved", rest[0], who=who, detail={"to": rest[1]})
        elif what == "class_new":
            history.add(what, who=who, new_label=rest[0])
        elif what == "class_describe":
            history.add(what, who=who, given_label=rest[0], detail={"text": rest[1]})
        elif rest[0] != rest[1]:
            history.add(what, who=who, given_label=rest[0], new_label=rest[1])
    return history


@given(STEPS, st.integers(0, 30))
@settings(max_examples=200, deadline=None)
def test_the_state_is_the_same_however_the_rows_came_in(steps: list[Any], cut: int) -> None:
    history = play(steps)
    in_one = ReviewState.fold(reversed(history.events))
    in_two = ReviewState()
    in_two.extend(history.events[:cut])
    in_two.extend(history.events[cut:])
    assert observed(in_one) == observed(history.state)
    assert observed(in_two) == observed(history.state)
    assert observed(history.state.snapshot()) == observed(history.state)


@given(STEPS, WHO)
@settings(max_examples=100, deadline=None)
def test_undo_and_redo_leave_no_trace(steps: list[Any], who: str) -> None:
    history = play(steps)
    target = history.state.undoable(who)
    before = observed(history.state)
    if target is None:
        return
    history.add("undo", who=who, undoes=target)
    history.add("redo", who=who, undoes=target)
    after = observed(history.state)
    assert {**after, "last": 0} == {**before, "last": 0}


def plainly(events: list[Event], *, labels_only: bool = False) -> dict[str, tuple[str, str, str | None]]:
    """The rules of the decisions once more, as slowly and simply as can be: reviewer, outcome, label.

    ``labels_only`` does as if nothing had been discarded.
    """
    undone: set[str] = set()
    for event in events:
        if event.kind == "undo" and event.undoes:
            undone.add(event.undoes)
        if event.kind == "redo" and event.undoes:
            undone.discard(event.undoes)
    standing = [event for event in events if event.act not in undone]
    renames = [e for e in standing if e.kind in ("class_rename", "class_merge")]

    def now(label: str, seq: int) -> str:
        for event in renames:
            if event.seq > seq and event.given_label == label:
                label = event.new_label or ""
        return label

    same: dict[str, str] = {}
    for event in events:
        to = event.detail.get("to")
        if event.kind == "file_moved" and to not in same:
            same[to] = same.get(event.name, event.name)
    found = {}
    for name in {*"abcde", *same}:
        first = same.get(name, name)
        rows = [e for e in standing if e.kind in tuple(Action) and e.name == first]
        rows = [e for e in rows if not (labels_only and "reason" in e.detail)]
        last = {who: [e for e in rows if e.reviewer == who][-1] for who in {e.reviewer for e in rows}}
        real = [e for e in last.values() if e.kind != "unsure"] or list(last.values())
        if not real:
            continue
        event = max(real, key=lambda e: e.seq)
        given = {"a": "cat", "b": "dog", "c": "hound", "d": "cat", "e": None}[first]
        outcome, label = event.kind, None
        if event.kind == "relabel":
            label = now(event.new_label or "", event.seq)
            outcome = "label" if given is None else "keep" if label == now(given, 0) else "relabel"
        found[name] = (event.reviewer, outcome, label)
    return found


@given(STEPS)
@settings(max_examples=200, deadline=None)
def test_the_state_follows_the_rules(steps: list[Any]) -> None:
    history = play(steps)
    expected = plainly(history.events)
    got = {n: (d.reviewer, d.outcome, d.new_label) for n, d in history.state.decisions().items()}
    assert got == expected
    assert history.state.outcomes() == {n: (o, label) for n, (_, o, label) in expected.items()}


@given(STEPS)
@settings(max_examples=200, deadline=None)
def test_labels_are_judged_as_if_nothing_had_been_discarded(steps: list[Any]) -> None:
    state = play(steps).state
    expected = {
        name: (o, label) for name, (_, o, label) in plainly(list(state.events), labels_only=True).items()
    }
    reasons = {name: d.reason for name, d in state.decisions().items() if d.reason is not None}
    assert state.discarded() == reasons
    assert state.judgements() == dict.fromkeys(reasons, ("discard", None)) | expected
    # By any of its names an image is one image: count those that were there from the start.
    judged = [o for name, (o, _) in expected.items() if name in "abcde" and o != "unsure"]
    progress = state.progress(window=100)
    assert progress.looked_at == len(state.looks()) == len(judged)
    assert (progress.errors, progress.window_errors) == (sum(o in ("delete", "relabel") for o in judged),) * 2
    gone = {name for name in reasons if name in "abcde"}
    assert progress.discarded == len(gone)
    assert progress.decided == sum(state.is_decided(name) for name in "abcde")
    assert {look.name for look in state.looks()}.isdisjoint(gone - expected.keys())


@given(STEPS)
@settings(max_examples=200, deadline=None)
def test_it_can_be_told_from_one_value_whether_an_image_became_undecided_again(steps: list[Any]) -> None:
    state = ReviewState()
    for event in play(steps).events:
        marked, value = set(state.outcomes()), state.reopened
        decided = {name for name in marked if state.is_decided(name)}
        state.apply(event)
        lost = marked - state.outcomes().keys() or any(not state.is_decided(name) for name in decided)
        if lost:
            assert state.reopened != value


def test_matching_with_other_images_counts_as_becoming_undecided_again(history: History) -> None:
    history.mark("keep", "a")
    before = history.state.reopened
    history.state.match(None)
    assert history.state.reopened != before


@given(STEPS)
@settings(max_examples=200, deadline=None)
def test_the_decisions_of_each_reviewer_are_counted(steps: list[Any]) -> None:
    state = play(steps).state
    decisions = {name: d for name, d in state.decisions().items() if name in "abcde" and d.reviewed}
    assert state.decided_by() == dict(Counter(d.reviewer for d in decisions.values()))


@given(STEPS)
@settings(max_examples=100, deadline=None)
def test_conflicts_can_be_asked_for_some_images_only(steps: list[Any]) -> None:
    state = play(steps).state
    some = [*"ace", "nowhere"]
    assert state.conflicts(some) == {n: c for n, c in state.conflicts().items() if n in some}

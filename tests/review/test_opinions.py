"""Blind opinions: who is asked about what, and what holds."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleaner.errors import StoreError
from cleaner.review import Choice, ReviewState, ReviewStore
from cleaner.review.events import Blind, Event
from cleaner.review.opinions import AGAIN_AFTER

START = datetime(2026, 1, 1, tzinfo=UTC)
GIVEN = "cat"


class History:
    """A history in which everything is shown blind, unless told otherwise."""

    def __init__(self, *, second: float = 1.0, again: float = 1.0) -> None:
        self.state = ReviewState()
        self.events: list[Event] = []
        self.add("blind_shares", detail={"second": second, "again": again})

    def add(self, kind: str, name: str = "", who: str = "lead", **more: Any) -> str:
        seq = len(self.events) + 1
        time = START + timedelta(seconds=seq)
        event = Event(seq=seq, act=f"act{seq}", kind=kind, name=name, reviewer=who, time=time, **more)
        self.events.append(event)
        self.state.apply(event)
        return event.act

    def say(self, who: str, what: str, name: str = "a", **detail: Any) -> str:
        """Let somebody say keep, delete, unsure, or a label."""
        label = None if what in ("keep", "delete", "unsure") else what
        kind = what if label is None else "relabel"
        return self.add(kind, name, who, given_label=GIVEN, new_label=label, detail=detail)

    def second(self, who: str, what: str, name: str = "a") -> str:
        return self.say(who, what, name, blind="second")

    def again(self, who: str, what: str, name: str = "a") -> str:
        return self.say(who, what, name, blind="again")

    def undo(self, act: str, who: str) -> None:
        self.add("undo", who=who, undoes=act)

    def due(self, who: str, *, again_after: int = 0) -> dict[str, Blind]:
        return {each.name: each.why for each in self.state.due(who, again_after=again_after)}

    def holds(self, name: str = "a") -> tuple[str, str | None]:
        return self.state.outcomes()[name]

    @property
    def disputed(self) -> list[str]:
        return list(self.state.conflicts())


# -------------------------------------------------------------------- second opinions


def test_two_who_agree_settle_an_image() -> None:
    history = History(again=0)
    history.say("ann", "dog")
    assert history.due("ben") == {"a": Blind.SECOND} and not history.due("ann")
    history.second("ben", "dog")
    assert history.holds() == ("relabel", "dog") and not history.disputed
    assert not history.due("cat") and not history.due("ben")
    decision = history.state.of("a")
    assert decision is not None and decision.reviewer == "ann"  # it stays hers


def test_the_first_decision_holds_until_a_third_opinion_makes_a_majority() -> None:
    history = History(again=0)
    history.say("ann", "keep")
    history.second("ben", "dog")
    assert history.holds() == ("keep", None) and history.disputed == ["a"]
    assert history.due("cat") == {"a": Blind.SECOND}
    history.second("cat", "dog")
    assert history.holds() == ("relabel", "dog") and not history.disputed and not history.due("dan")
    progress = history.state.progress()
    assert (progress.looked_at, progress.relabelled, progress.kept) == (1, 1, 0)


def test_three_who_all_differ_are_left_to_a_lead() -> None:
    history = History(again=0)
    for say, who, what in [
        (history.say, "ann", "keep"),
        (history.second, "ben", "dog"),
        (history.second, "cat", "delete"),
    ]:
        say(who, what)
    assert history.holds() == ("keep", None) and history.disputed == ["a"] and not history.due("dan")
    assert [choice.reviewer for choice in history.state.conflicts()["a"]] == ["ann", "ben", "cat"]
    history.say("lead", "dog", settles=True)
    assert history.holds() == ("relabel", "dog") and not history.disputed
    assert not any(history.due(who) for who in ("ann", "ben", "cat", "dan"))


def test_whoever_is_unsure_casts_no_vote_and_is_not_asked_twice() -> None:
    history = History(again=0)
    history.say("ann", "keep")
    history.second("ben", "unsure")
    assert history.holds() == ("keep", None) and not history.disputed
    assert not history.due("ben") and history.due("cat") == {"a": Blind.SECOND}
    assert history.state.progress().unsure == 0


def test_a_decision_in_sight_of_the_opinions_replaces_ones_own() -> None:
    history = History(again=0)
    history.say("ann", "keep")
    history.second("ben", "dog")
    history.say("ann", "dog")
    assert history.holds() == ("relabel", "dog") and not history.disputed


def test_an_opinion_that_is_undone_is_asked_for_again_and_a_first_decision_leaves_it_alone() -> None:
    history = History(again=0)
    first = history.say("ann", "keep")
    opinion = history.second("ben", "dog")
    history.undo(opinion, "ben")
    assert history.holds() == ("keep", None) and not history.disputed
    assert history.due("ben") == {"a": Blind.SECOND}
    history.second("ben", "dog")
    history.undo(first, "ann")
    assert history.holds() == ("relabel", "dog")  # nobody has said anything else


def test_what_is_set_aside_or_discarded_is_not_asked_about() -> None:
    history = History(again=0)
    history.say("ann", "unsure")
    history.say("ann", "delete", "b", reason="duplicate")
    assert not history.due("ben")


# -------------------------------------------------------------------- asked again


def test_ones_own_images_come_again_only_after_many_others() -> None:
    history = History(second=0)
    history.say("ann", "keep")
    for number in range(AGAIN_AFTER - 1):
        history.say("ann", "keep", f"other{number}")
    assert "a" not in history.due("ann", again_after=AGAIN_AFTER)
    history.say("ann", "keep", "last")
    assert history.due("ann", again_after=AGAIN_AFTER) == {"a": Blind.AGAIN}
    assert not history.due("ben")


def test_another_answer_changes_nothing_by_itself_and_is_a_conflict_until_somebody_decides() -> None:
    history = History(second=0)
    history.say("ann", "keep")
    history.again("ann", "dog")
    assert history.holds() == ("keep", None) and history.disputed == ["a"] and not history.due("ann")
    said = history.state.conflicts()["a"]
    assert [(each.action, each.blind) for each in said] == [("keep", None), ("relabel", Blind.AGAIN)]
    own = history.state.of("a", reviewer="ann")
    assert own is not None and own.action == "keep"
    history.say("ann", "dog")
    assert history.holds() == ("relabel", "dog") and not history.disputed


def test_the_same_answer_is_no_conflict() -> None:
    history = History(second=0)
    history.say("ann", "dog")
    history.again("ann", "dog")
    assert not history.disputed and not history.due("ann")


# -------------------------------------------------------------------- known answers


def test_what_is_known_is_asked_of_everybody_else_and_never_changed_by_the_answers() -> None:
    history = History(second=0, again=0)
    history.say("expert", "dog", known=True, settles=True)
    assert history.due("ann") == {"a": Blind.SECOND} and not history.due("expert")
    for who in ("ann", "ben", "cat"):
        history.second(who, "keep")
    assert history.holds() == ("relabel", "dog") and not history.disputed and not history.due("ann")
    found = history.state.blind_answers()
    assert [(each.reviewer, each.says, each.known) for each in found] == [
        (who, ("keep", None), True) for who in ("ann", "ben", "cat")
    ]
    assert {each.other_says for each in found} == {("label", "dog")}


def test_a_planted_error_overrules_what_was_decided_before() -> None:
    history = History()
    history.say("ann", "keep")
    history.say("expert", "dog", known=True, settles=True)
    assert history.holds() == ("relabel", "dog") and not history.disputed
    assert not history.due("ann")  # she saw it, though nobody said so


# -------------------------------------------------------------------- what is held against what


def test_opinions_are_held_against_what_was_said_before_them() -> None:
    history = History(again=0)
    history.say("ann", "keep")
    history.second("ben", "dog")
    history.say("ann", "dog")  # she has seen it
    history.second("cat", "dog")
    pairs = {
        (each.reviewer, each.other): (each.says, each.other_says) for each in history.state.blind_answers()
    }
    assert pairs[("ben", "ann")] == (("label", "dog"), ("keep", None))
    assert pairs[("cat", "ben")] == (("label", "dog"), ("label", "dog"))


# -------------------------------------------------------------------- drawing


def test_which_images_are_drawn_says_nothing_of_what_was_decided() -> None:
    names = [f"{i}.png" for i in range(2000)]
    drawn = []
    for what in ("keep", "delete"):
        history = History(second=0.1, again=0)
        for name in names:
            history.say("ann", what, name)
        drawn.append(history.due("ben"))
    assert drawn[0] == drawn[1]
    assert 150 < len(drawn[0]) < 250
    assert list(drawn[0]) != sorted(drawn[0])


def test_a_larger_share_adds_images_and_takes_none_away(tmp_path: Path) -> None:
    with ReviewStore(tmp_path / "review.db", dataset="set", reviewer="ann") as store:
        store.share_blind(second=0.1, again=0.0)
        store.decide([f"{i}.png" for i in range(500)], "keep")
        few = {each.name for each in store.state.due("ben")}
        store.share_blind(second=0.3, again=0.0)
        more = {each.name for each in store.state.due("ben")}
        assert few < more and store.undo() is not None
        assert store.state.blind_shares == (0.3, 0.0)  # the settings are no act to undo
        with pytest.raises(StoreError, match="0 to 100"):
            store.share_blind(second=2, again=0)
        path = store.export(tmp_path / "decisions.csv")
    with ReviewStore(tmp_path / "other.db", dataset="set", reviewer="ben") as other:
        other.import_history(path)
        assert other.state.blind_shares == (0.3, 0.0)


def test_an_answer_that_comes_twice_counts_once(tmp_path: Path) -> None:
    with ReviewStore(tmp_path / "review.db", dataset="set", reviewer="ann") as store:
        store.share_blind(second=1.0, again=0.0)
        store.confirm(["a"], given={"a": GIVEN})
        blind = Choice(name="a", action="keep", given=GIVEN, detail={"blind": "second"})
        first = store.confirm([blind], reviewer="ben", act="one")
        again = store.confirm([blind], reviewer="ben", act="one")
        assert first.events == again.events and len(first.events) == 1
        assert not store.confirm([blind], reviewer="ben", act="two").events
        assert Counter(event.reviewer for event in store.state.events if event.is_decision) == {
            "ann": 1,
            "ben": 1,
        }


CHANGES = st.tuples(
    st.sampled_from(["say", "blind", "undo", "merge", "share"]), st.integers(0, 3), st.integers(0, 4)
)


@given(st.lists(CHANGES, max_size=16))
@settings(max_examples=200, deadline=None)
def test_what_was_asked_for_before_changes_nothing_of_what_is_due(
    changes: list[tuple[str, int, int]],
) -> None:
    """What is remembered of each image is forgotten as soon as it may be another thing."""
    history, people = History(), ("ann", "ben", "cat", "dan")
    for what, i, j in changes:
        who, name = people[i], "ab"[j % 2]
        if what == "say":
            history.say(who, ("keep", "dog", "cow", "unsure", "delete")[j], name)
        elif what == "blind" and (asked := history.due(who).get(name)) is not None:
            history.say(who, ("keep", "dog", "cow", "unsure", "delete")[j], name, blind=str(asked))
        elif what == "undo" and (act := history.state.undoable(who)) is not None:
            history.undo(act, who)
        elif what == "merge":
            history.add("class_merge", who=who, given_label="cow", new_label="dog")
        elif what == "share":
            history.add("blind_shares", detail={"second": i / 3, "again": j / 4})
        fresh = ReviewState.fold(history.events)
        for each in people:
            for after in (0, 2):
                assert history.state.due(each, again_after=after) == fresh.due(each, again_after=after)


# -------------------------------------------------------------------- whatever is done

WHO = st.sampled_from(["ann", "ben", "cat", "dan"])
WHAT = st.sampled_from(["keep", "delete", "unsure", "dog", "cow"])
STEPS = st.lists(st.tuples(st.sampled_from(["open", "answer", "settle", "undo"]), WHO, WHAT), max_size=14)


@given(STEPS)
@settings(max_examples=300, deadline=None)
def test_images_are_retired_by_the_rules_whatever_is_done(steps: list[tuple[str, str, str]]) -> None:
    """Nobody is asked what they need not be, what holds was said by somebody, and all is in the history."""
    history = History()
    done: list[tuple[str, str]] = []
    for step, who, what in steps:
        asked = history.due(who).get("a")
        if step == "answer" and asked is not None:
            done.append((history.say(who, what, blind=str(asked)), who))
            assert history.due(who).get("a") in (None, Blind.AGAIN)
            assert history.due(who).get("a") != asked
        elif step == "settle" and what != "unsure":
            done.append((history.say("lead", what, settles=True), "lead"))
            assert not history.disputed
        elif step == "undo" and done:
            act, owner = done.pop()
            history.undo(act, owner)
        elif step == "open":
            done.append((history.say(who, what), who))
        again = ReviewState.fold(history.events)
        assert again.outcomes() == history.state.outcomes()
        assert again.conflicts() == history.state.conflicts()
        assert again.due("ann", again_after=0) == history.state.due("ann", again_after=0)
        now = history.state.of("a")
        if now is None:
            continue
        said = {(e.kind, e.new_label) for e in history.events if e.is_decision and e.name == "a"}
        assert (str(now.action), now.new_label) in said
        if "a" in history.disputed:
            choices = history.state.conflicts()["a"]
            assert len({(each.outcome, each.new_label) for each in choices}) > 1
            assert all(each.reviewed for each in choices)
        votes = Counter(
            (each.outcome, each.new_label)
            for who in ("ann", "ben", "cat", "dan", "lead")
            if (each := history.state.of("a", reviewer=who)) is not None and each.reviewed
        )
        if sum(votes.values()) == 1 and not any(e.blind is Blind.AGAIN for e in history.events):
            assert "a" not in history.disputed
    assert sum(e.is_decision for e in history.events) >= len(done)

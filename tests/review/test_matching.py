"""Decisions follow the content that was decided on, and hold for the given label that they were made on."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleaner.review.events import Event
from cleaner.review.images import SetImages
from cleaner.review.state import AskedAgain, ReviewState

START = datetime(2026, 1, 1, tzinfo=UTC)


def content(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def images(files: Mapping[str, tuple[str, str | None]], **more: Any) -> SetImages:
    """A set: from name to what is in the file, and its given label."""
    contents = {name: content(text) for name, (text, _) in files.items()}
    return SetImages({name: label for name, (_, label) in files.items()}, contents, **more)


class Review:
    """Decides on the images of a set that can be changed, as the store writes it down."""

    def __init__(self, files: Mapping[str, tuple[str, str | None]]) -> None:
        self.events: list[Event] = []
        self.now = images(files)
        self.state = ReviewState(self.now)

    def become(self, files: Mapping[str, tuple[str, str | None]], **more: Any) -> None:
        self.now = images(files, **more)
        self.state.match(self.now)

    def add(self, kind: str, name: str = "", **columns: Any) -> str:
        seq = len(self.events) + 1
        event = Event(
            seq=seq,
            act=f"act{seq}",
            kind=kind,
            name=name,
            time=START + timedelta(seconds=seq),
            **{"reviewer": "ann"} | columns,
        )
        self.events.append(event)
        self.state.apply(event)
        return event.act

    def mark(self, kind: str, name: str, label: str | None = None, **columns: Any) -> str:
        known = self.now.contents.get(name)
        copies = len(self.now.with_content(known))
        detail = {"copies": copies} if copies > 1 else {}
        usual = {"given_label": self.now.given[name], "content": known, "detail": detail, "new_label": label}
        return self.add(kind, name, **usual | columns)

    def outcomes(self) -> dict[str, str]:
        return {name: outcome for name, (outcome, _) in self.state.outcomes().items() if name in self.now}


CATS = {"cat/a": ("A", "cat"), "cat/b": ("B", "cat"), "dog/c": ("C", "dog")}


@pytest.fixture
def review() -> Review:
    made = Review(CATS)
    made.mark("keep", "cat/a")
    made.mark("delete", "cat/b")
    return made


# -------------------------------------------------------------------- following the content


def test_a_renamed_file_takes_its_decision_along(review: Review) -> None:
    review.become({"cat/x": ("A", "cat"), "cat/b": ("B", "cat"), "dog/c": ("C", "dog")})
    assert review.outcomes() == {"cat/x": "keep", "cat/b": "delete"}
    assert review.state.progress().gone == review.state.progress().asked_again == 0


def test_images_moved_below_train_keep_their_decisions(review: Review) -> None:
    review.become({f"train/{name}": what for name, what in CATS.items()})
    assert review.outcomes() == {"train/cat/a": "keep", "train/cat/b": "delete"}


def test_two_files_that_were_swapped_swap_their_decisions(review: Review) -> None:
    review.become({"cat/a": ("B", "cat"), "cat/b": ("A", "cat"), "dog/c": ("C", "dog")})
    assert review.outcomes() == {"cat/a": "delete", "cat/b": "keep"}
    assert review.state.asked_again() == {}


def test_an_undo_takes_back_the_decision_wherever_its_image_is_now(review: Review) -> None:
    review.become({"cat/a": ("B", "cat"), "cat/b": ("A", "cat"), "dog/c": ("C", "dog")})
    act = review.state.undoable("ann")
    assert act is not None
    assert "cat/a" in review.state.names_of(act)
    review.add("undo", undoes=act)
    assert review.outcomes() == {"cat/b": "keep"}


def test_a_renamed_class_folder_keeps_its_decisions(review: Review) -> None:
    files = {"feline/a": ("A", "feline"), "feline/b": ("B", "feline"), "dog/c": ("C", "dog")}
    review.become(files, appeared={"feline": 2, "dog": 0})
    assert review.outcomes() == {"feline/a": "keep", "feline/b": "delete"}


def test_images_that_moved_into_another_class_are_asked_again(review: Review) -> None:
    files = {"dog/a": ("A", "dog"), "dog/b": ("B", "dog"), "dog/c": ("C", "dog")}
    review.become(files, appeared={"cat": 0, "dog": 0})
    assert review.outcomes() == {}
    assert review.state.asked_again() == {"dog/a": AskedAgain.LABEL, "dog/b": AskedAgain.LABEL}


def test_pairs_that_are_called_different_follow_their_images(review: Review) -> None:
    contents = {"dog/c": content("C")}
    review.add(
        "pair_different", "cat/a", content=content("A"), detail={"others": ["dog/c"], "contents": contents}
    )
    review.become({"x": ("A", "cat"), "y": ("C", "dog")})
    assert frozenset({"x", "y"}) in review.state.different_pairs()
    review.become({"cat/a": ("Z", "cat"), "dog/c": ("C", "dog")})
    assert review.state.different_pairs() == frozenset()


# -------------------------------------------------------------------- what changed is asked again


def test_another_image_under_a_decided_name_is_asked(review: Review) -> None:
    review.become(CATS | {"cat/b": ("new", "cat")})
    assert review.outcomes() == {"cat/a": "keep"}
    assert review.state.asked_again() == {"cat/b": AskedAgain.IMAGE}
    review.mark("keep", "cat/b")
    assert review.state.asked_again() == {}
    assert review.outcomes() == {"cat/a": "keep", "cat/b": "keep"}
    review.become(CATS)  # the old image comes back, and its decision with it
    assert review.outcomes() == {"cat/a": "keep", "cat/b": "delete"}


def test_an_image_with_another_given_label_is_asked_again(review: Review) -> None:
    review.become(CATS | {"cat/a": ("A", "dog")})
    assert review.outcomes() == {"cat/b": "delete"}
    assert review.state.asked_again() == {"cat/a": AskedAgain.LABEL}
    review.mark("keep", "cat/a")
    assert review.outcomes() == {"cat/a": "keep", "cat/b": "delete"}


def test_a_label_that_became_what_was_chosen_needs_no_second_decision(review: Review) -> None:
    review.mark("relabel", "dog/c", "wolf")
    review.become(CATS | {"dog/c": ("C", "wolf")})
    assert review.outcomes()["dog/c"] == "relabel"
    review.become(CATS | {"dog/c": ("C", "fox")})
    assert review.state.asked_again() == {"dog/c": AskedAgain.LABEL}


def test_a_first_label_is_asked_again_if_the_table_says_another_one() -> None:
    review = Review({"a": ("A", None)})
    review.mark("relabel", "a", "cat")
    review.become({"a": ("A", "cat")})
    assert review.outcomes() == {"a": "label"}
    review.become({"a": ("A", "dog")})
    assert review.state.asked_again() == {"a": AskedAgain.LABEL}


def test_a_class_that_was_renamed_in_the_review_keeps_its_decisions(review: Review) -> None:
    review.add("class_rename", given_label="cat", new_label="lynx")
    review.become({"lynx/a": ("A", "lynx"), "lynx/b": ("B", "lynx"), "dog/c": ("C", "dog")})
    assert review.outcomes() == {"lynx/a": "keep", "lynx/b": "delete"}


# -------------------------------------------------------------------- what is not there


def test_a_class_whose_new_name_is_taken_back_counts_as_after_opening_the_set_again() -> None:
    review = Review({"x/a": ("A", "kitty"), "x/b": ("B", "kitty"), "dog/c": ("C", "dog")})
    review.mark("keep", "x/a", given_label="cat")
    renamed = review.add("class_rename", given_label="cat", new_label="kitty")
    assert review.outcomes() == {"x/a": "keep"}
    review.add("undo", undoes=renamed)
    assert review.outcomes() == {}
    assert review.state.asked_again() == {"x/a": AskedAgain.LABEL}
    assert ReviewState.fold(review.events, review.now).outcomes() == {}


def test_what_is_gone_is_named_and_in_no_other_count(review: Review) -> None:
    review.become({"dog/c": ("C", "dog")})
    progress = review.state.progress()
    assert (progress.looked_at, progress.deleted, progress.decided, progress.gone) == (0, 0, 0, 2)
    assert review.state.gone() == ["cat/a", "cat/b"]
    assert review.state.of("cat/a") is None
    assert len(review.state.events) == 2


def test_what_was_taken_back_is_not_missed(review: Review) -> None:
    review.add("undo", undoes="act2")
    review.become({"dog/c": ("C", "dog")})
    assert review.state.gone() == ["cat/a"]


def test_what_is_in_the_trash_counts_as_found_but_not_as_an_image_of_the_set(review: Review) -> None:
    files = {"cat/a": ("A", "cat"), "dog/c": ("C", "dog")}
    review.become(files, trashed={"cat/b": 2})
    progress = review.state.progress()
    assert (progress.looked_at, progress.deleted, progress.decided) == (2, 1, 1)
    assert (progress.aside, progress.gone) == (1, 0)
    review.become(files | {"cat/b": ("new", "cat")}, trashed={"cat/b": 2})
    assert review.outcomes() == {"cat/a": "keep"}
    assert review.state.asked_again() == {}


# -------------------------------------------------------------------- equal contents


TWINS = {"cat/a": ("A", "cat"), "cat/b": ("A", "cat"), "dog/c": ("C", "dog")}


def test_each_of_two_equal_files_has_its_own_decision() -> None:
    review = Review(TWINS)
    review.mark("delete", "cat/a")
    assert review.outcomes() == {"cat/a": "delete"}
    review.mark("keep", "cat/b")
    assert review.outcomes() == {"cat/a": "delete", "cat/b": "keep"}
    review.become({f"train/{name}": what for name, what in TWINS.items()})
    assert review.outcomes() == {"train/cat/a": "delete", "train/cat/b": "keep"}


def test_deleting_one_of_two_equal_files_never_reaches_the_other_one() -> None:
    review = Review(TWINS)
    review.mark("delete", "cat/a", detail={"reason": "duplicate", "copies": 2})
    for left in ("cat/b", "cat/x", "train/cat/a"):
        review.become({left: ("A", "cat"), "dog/c": ("C", "dog")})
        assert review.outcomes() == {}, left
        assert review.state.gone() == ["cat/a"]


def test_the_trash_has_the_one_of_two_equal_files_that_was_decided_on() -> None:
    review = Review({"cat/a": ("A", "cat"), "dog/a": ("A", "dog")})
    review.mark("delete", "cat/a")
    review.mark("keep", "dog/a")
    review.become(
        {"canine/a": ("A", "canine")},
        trashed={"feline/a": 2},
        trashed_contents={content("A"): {"cat/a": 2}},
        appeared={"canine": 3},
    )
    assert review.outcomes() == {"canine/a": "keep"}
    progress = review.state.progress()
    assert (progress.kept, progress.deleted, progress.aside, progress.gone) == (1, 1, 1, 0)
    assert review.state.asked_again() == {}


def test_a_copy_that_came_later_does_not_take_the_decision(review: Review) -> None:
    review.become(CATS | {"cat/0": ("B", "cat")})
    assert review.outcomes() == {"cat/a": "keep", "cat/b": "delete"}


# -------------------------------------------------------------------- rows of earlier versions


def test_rows_without_a_content_go_by_name_and_given_label() -> None:
    review = Review(CATS)
    review.mark("keep", "cat/a", content=None)
    review.mark("delete", "cat/b", content=None)
    review.become({"cat/a": ("whatever", "cat"), "cat/b": ("B", "dog"), "cat/x": ("B", "cat")})
    assert review.outcomes() == {"cat/a": "keep"}
    assert review.state.asked_again() == {"cat/b": AskedAgain.LABEL}


def test_rows_without_a_content_do_not_pass_to_a_file_that_came_after_the_trash() -> None:
    review = Review(CATS)
    review.mark("delete", "cat/b", content=None)
    review.become(CATS | {"cat/b": ("new", "cat")}, trashed={"cat/b": 1})
    assert review.outcomes() == {}
    review.mark("keep", "cat/b", content=None)
    assert review.outcomes() == {"cat/b": "keep"}


def test_files_that_were_not_read_yet_go_by_name(review: Review) -> None:
    given_labels = {name: label for name, (_, label) in CATS.items()}
    review.state.match(SetImages(given_labels, {}))
    assert set(review.state.outcomes()) == {"cat/a", "cat/b"}


def test_without_a_set_every_name_is_an_image(review: Review) -> None:
    assert set(ReviewState.fold(review.events).outcomes()) == {"cat/a", "cat/b"}


# -------------------------------------------------------------------- whatever happens

NAMES = [f"{folder}/{file}" for folder in ("cat", "dog", "train/cat") for file in "abc"]
TEXTS = "ABCDE"
LABELS = ["cat", "dog", "fox"]
FILES = st.dictionaries(
    st.sampled_from(NAMES), st.tuples(st.sampled_from(TEXTS), st.sampled_from([*LABELS, None])), min_size=1
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("keep"), st.integers(0, 99), st.none()),
        st.tuples(st.just("delete"), st.integers(0, 99), st.none()),
        st.tuples(st.just("unsure"), st.integers(0, 99), st.none()),
        st.tuples(st.just("relabel"), st.integers(0, 99), st.sampled_from(LABELS)),
        st.tuples(st.just("undo"), st.just(0), st.none()),
        st.tuples(st.just("swap"), st.integers(0, 99), st.integers(0, 99)),
        st.tuples(st.just("rename"), st.integers(0, 99), st.sampled_from(NAMES)),
        st.tuples(st.just("replace"), st.integers(0, 99), st.sampled_from(TEXTS)),
        st.tuples(st.just("label"), st.integers(0, 99), st.sampled_from([*LABELS, None])),
        st.tuples(st.just("remove"), st.integers(0, 99), st.none()),
    ),
    max_size=25,
)


def changed(files: dict[str, tuple[str, str | None]], kind: str, at: int, what: Any) -> None:
    """Do to the files of a set what people do behind our back."""
    names = sorted(files)
    name = names[at % len(names)]
    text, label = files[name]
    if kind == "swap":
        other = names[what % len(names)]
        files[name], files[other] = (files[other][0], label), (text, files[other][1])
    elif kind == "rename" and what not in files:
        files[what] = files.pop(name)
    elif kind == "replace":
        files[name] = (what, label)
    elif kind == "label":
        files[name] = (text, what)
    elif kind == "remove" and len(files) > 1:
        del files[name]


@settings(max_examples=300, deadline=None)
@given(files=FILES, steps=STEPS)
def test_a_decision_is_used_only_for_its_content_and_its_label(
    files: dict[str, tuple[str, str | None]], steps: list[tuple[str, int, Any]]
) -> None:
    files = dict(files)
    review = Review(files)
    for kind, at, what in steps:
        names = sorted(files)
        if kind in ("keep", "delete", "unsure", "relabel"):
            review.mark(kind, names[at % len(names)], what)
        elif kind == "undo":
            act = review.state.undoable("ann")
            if act is not None:
                review.add("undo", undoes=act)
        else:
            changed(files, kind, at, what)
            review.become(files)
    state = review.state
    rows = {event.seq: event for event in review.events}
    deleted: Counter[str] = Counter()
    for name, decision in state.decisions().items():
        if name not in review.now:
            continue
        row = rows[decision.seq]
        assert row.content == review.now.contents[name]
        assert review.now.given[name] in (row.given_label, row.new_label)
        deleted[row.content or ""] += decision.outcome == "delete"
    for text, number in deleted.items():  # no decision was doubled
        said = {e.name for e in review.events if e.kind == "delete" and e.content == text}
        assert number <= len(said)
    assert list(state.events) == review.events  # nothing is lost from the history
    again = ReviewState.fold(review.events, review.now)
    assert set(again.asked_again()) == set(state.asked_again())
    progress = again.progress()
    names = {name for name in again.outcomes() if name in review.now}
    assert progress.decided == sum(again.is_decided(name) for name in names)
    assert progress.decided == progress.kept + progress.deleted + progress.relabelled + progress.labelled
    assert not names & set(again.asked_again())

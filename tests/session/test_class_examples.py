"""Comparing classes: what the grid is told of them, when it is chosen anew, and how they are described."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from page_requests import answer_to, ask

from cleaner.embedding.cache import EmbeddingCache
from cleaner.errors import CleanerError, StoreError
from cleaner.ranking import Ranking, rank_probabilities
from cleaner.review.classes import is_about_descriptions
from cleaner.session.cells import ClassExamples
from cleaner.session.file_review import FileReview
from cleaner.session.orders import AUDIT
from cleaner.widgets.image_cleaner import ImageCleaner
from cleaner.widgets.sentences import say
from cleaner.workspace import Workspace

RED = [f"red/red_{i:03d}.png" for i in range(8)]


def ranked(workspace: Workspace) -> Ranking:
    """Rank as a model would that doubts a red picture the more, the lower its number."""
    catalog = workspace.catalog
    odds = np.full((len(catalog), 3), 0.1)
    for row, name in enumerate(catalog.names):
        right = 0.5 + 0.04 * int(name[-7:-4])
        odds[row] = (1 - right) / 2
        odds[row, catalog.classes.index(name.split("/")[0])] = right
    return rank_probabilities(catalog, odds)


@pytest.fixture
def cleaner(colours: Workspace, open_ranked: Callable[[Ranking], Any]) -> Any:
    return open_ranked(ranked(colours))


def wait_for(condition: Callable[[], Any]) -> Any:
    for _ in range(1000):
        found = condition()
        if found:
            return found
        time.sleep(0.01)
    pytest.fail("it never came")


def send(cleaner: Any, kind: str, **fields: Any) -> str:
    return ask(cleaner.grid, cleaner.sent, kind, **fields)


def answer(cleaner: Any, act: str) -> tuple[dict[str, Any], list[bytes]]:
    return answer_to(cleaner.sent, act)


def compare(cleaner: Any, *labels: str, name: str = RED[0]) -> tuple[dict[str, Any], list[bytes]]:
    return answer(cleaner, send(cleaner, "compare", name=name, labels=list(labels)))


def shown(cleaner: Any, label: str, *, but: str = RED[0]) -> list[str]:
    found: ClassExamples = cleaner.session.class_examples(label, but=but)
    return [each.name if each.confirmed else f"{each.name}?" for each in found.examples]


# ---------------------------------------------------------------- what is shown


def test_the_grid_gets_texts_and_pictures_of_each_class(cleaner: Any, colours: Workspace) -> None:
    cleaner.decide([RED[1], "blue/blue_000.png"], "relabel", "red")
    colours.store.describe_class("red", "warm")
    message, buffers = compare(cleaner, "red", "blue")
    assert (message["kind"], message["name"], message["to"]) == ("compare", RED[0], "v")
    red, blue = message["sides"]
    assert (red["label"], red["text"], blue["label"], blue["text"]) == ("red", "warm", "blue", "")
    assert [(p["name"], p["confirmed"]) for p in red["pictures"]] == [
        ("blue/blue_000.png", True),
        (RED[1], True),
        (RED[7], False),
        (RED[6], False),
    ]
    assert [p["confirmed"] for p in blue["pictures"]] == [False] * 4
    assert len(buffers) == 8
    assert all(data.startswith(b"\xff\xd8") for data in buffers)


def test_the_picture_in_question_is_no_example(cleaner: Any) -> None:
    cleaner.decide(RED[:2], "keep")
    assert shown(cleaner, "red", but=RED[0])[:2] == [RED[1], f"{RED[7]}?"]
    assert shown(cleaner, "red", but=RED[7]) == [*RED[:2], f"{RED[6]}?", f"{RED[5]}?"]
    assert len(shown(cleaner, "red", but="")) == 4


def test_examples_follow_what_is_decided_and_taken_back(cleaner: Any) -> None:
    assert shown(cleaner, "red")[0] == f"{RED[7]}?"
    cleaner.decide(RED[7], "delete")
    assert shown(cleaner, "red")[0] == f"{RED[6]}?"
    cleaner.decide(RED[3], "keep")
    assert shown(cleaner, "red")[0] == RED[3]
    cleaner.undo()
    cleaner.undo()
    assert shown(cleaner, "red")[0] == f"{RED[7]}?"


def test_with_embeddings_the_most_typical_come_first(cleaner: Any, colours: Workspace) -> None:
    hashes = colours.index.hashes()
    vectors = [[np.cos(0.6 * int(name[-7:-4])), np.sin(0.6 * int(name[-7:-4]))] for name in hashes]
    EmbeddingCache(colours.state / "embeddings", "net", 2).append(list(hashes.values()), np.array(vectors))
    cleaner.decide(RED[:5], "keep")
    assert shown(cleaner, "red", but="")[0] == RED[2]
    assert RED[2] not in shown(cleaner, "red", but=RED[2])


@pytest.fixture
def asked(colours: Workspace, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What the index of files was asked about, which it is when examples are chosen."""
    names_asked: list[object] = []
    whole = colours.index.hashes_of
    monkeypatch.setattr(colours.index, "hashes_of", lambda names: names_asked.append(names) or whole(names))
    return names_asked


def test_going_on_does_not_choose_anew(cleaner: Any, asked: list[object]) -> None:
    for name in RED:
        shown(cleaner, "red", but=name)
    assert len(asked) == 1
    cleaner.session.set_ranking(ranked(cleaner.workspace))
    shown(cleaner, "red")
    assert len(asked) == 2


def test_only_a_few_classes_are_remembered(cleaner: Any, asked: list[object]) -> None:
    for few in (0, 10, 31):
        for i in range(few):
            shown(cleaner, f"class {i}")
        shown(cleaner, "red")
    assert len(asked) == 1
    for i in range(100):
        shown(cleaner, f"class {i}")
    shown(cleaner, "red")
    assert len(asked) == 2


def test_an_audit_shows_only_what_was_confirmed(cleaner: Any) -> None:
    cleaner.decide(RED[4], "keep")
    cleaner.start_audit()
    assert cleaner.view.order == AUDIT
    assert shown(cleaner, "red") == [RED[4]]
    assert [cell.suggestion for cell in cleaner.session.page().cells] == [None] * 6


def test_without_a_ranking_only_the_confirmed_are_shown(colours: Workspace) -> None:
    made: Any = ImageCleaner(colours)
    made.decide(RED[4], "keep")
    assert shown(made, "red") == [RED[4]]
    made.close()


def test_a_picture_that_cannot_be_shown_is_left_out(cleaner: Any, colours: Workspace) -> None:
    colours.catalog.path(RED[7]).write_bytes(b"no picture")
    message, buffers = compare(cleaner, "red")
    assert [p["name"] for p in message["sides"][0]["pictures"]] == [RED[6], RED[5], RED[4]]
    assert len(buffers) == 3


def test_what_goes_wrong_is_said(cleaner: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(names: object) -> None:
        raise CleanerError("the index is locked")

    monkeypatch.setattr(cleaner.workspace.index, "hashes_of", fail)
    message, buffers = compare(cleaner, "red")
    assert (message["problem"], message["sides"], buffers) == ("the index is locked", [], [])


def test_only_the_last_question_of_a_view_is_answered(cleaner: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, asked = threading.Event(), []

    def examples(label: str, *, but: str) -> ClassExamples:
        asked.append(but)
        return ClassExamples(label=label)

    monkeypatch.setattr(cleaner.session, "class_examples", examples)
    for _ in range(4):  # as many as there are threads
        cleaner.grid.in_background(lambda: gate.wait(timeout=20))
    acts = [send(cleaner, "compare", name=name, labels=["red"], id=name) for name in RED]
    other = send(cleaner, "compare", name="elsewhere", labels=["red"], id="other", view="w")
    gate.set()
    late = [answer(cleaner, act)[0].get("late", False) for act in acts]
    assert late == [True] * 7 + [False]
    assert answer(cleaner, other)[0]["to"] == "w"
    assert sorted(asked) == sorted([RED[7], "elsewhere"])


# ---------------------------------------------------------------- describing


def test_a_description_is_saved_before_it_is_answered_and_everybody_is_told(
    cleaner: Any, colours: Workspace
) -> None:
    act = send(cleaner, "describe", label="red", text=" warm\n")
    message, _ = answer(cleaner, act)
    assert (message["kind"], message["said"], message["cells"]) == (
        "saved",
        say("review.described", label="red"),
        [],
    )
    assert colours.store.state.description("red") == "warm"
    assert cleaner.session.wait()
    assert "described" in [message["kind"] for message, _ in cleaner.sent]
    send(cleaner, "describe", label="red", text="another", id=act)  # the same act once more
    assert colours.store.state.description("red") == "warm"
    with Workspace(colours.root, reviewer="Ben") as colleague:
        assert colleague.store.state.description("red") == "warm"


def test_a_description_that_cannot_be_is_refused(cleaner: Any, colours: Workspace) -> None:
    message, _ = answer(cleaner, send(cleaner, "describe", label="red", text="x" * 2001))
    assert message["kind"] == "refused"
    assert (
        message["reason"]
        == "Not saved: Got a description of 2,001 characters; expected at most 2,000. Shorten it."
    )
    message, _ = answer(cleaner, send(cleaner, "describe", label="rot", text="warm"))
    assert message["reason"] == (
        "Not saved: There is no class “rot”. The classes are: “blue”, “green”, “red”."
    )
    assert colours.store.state.descriptions() == {}


def test_undo_takes_a_description_back_and_leaves_the_page(cleaner: Any, colours: Workspace) -> None:
    cleaner.next_page()
    names = cleaner.names
    answer(cleaner, send(cleaner, "describe", label="red", text="warm"))
    cleaner.sent.clear()
    message, _ = answer(cleaner, send(cleaner, "undo"))
    assert message["said"] == say("review.undone", what="the description of “red”")
    assert (cleaner.names, colours.store.state.descriptions()) == (names, {})
    assert cleaner.session.wait()
    assert "described" in [message["kind"] for message, _ in cleaner.sent]


def test_a_colleagues_description_reaches_the_page(cleaner: Any, colours: Workspace) -> None:
    colours.store.describe_class("red", "warm", reviewer="Ben")
    assert cleaner.session.wait()
    assert "described" in [message["kind"] for message, _ in cleaner.sent]
    colours.store.decide(RED[0], "keep", reviewer="Ben")
    events = colours.store.state.events
    assert [is_about_descriptions(colours.store.state, (event,)) for event in events] == [True, False]


def test_a_review_of_files_has_no_classes(colour_set: Path) -> None:
    review = FileReview(sorted(colour_set.glob("red/*.png")))
    assert review.class_examples("red", but="") == ClassExamples(label="red")
    with pytest.raises(CleanerError, match=r"^Classes are described where labels are reviewed\.$"):
        review.describe("red", "warm", act="a")


def test_a_label_that_is_no_class_has_no_examples(cleaner: Any) -> None:
    assert cleaner.session.class_examples("fox", but="") == ClassExamples(label="fox")
    with pytest.raises(StoreError, match="There is no class “fox”"):
        cleaner.session.describe("fox", "sly", act="a")

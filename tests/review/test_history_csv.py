"""The history as a table and as a file that another machine takes in without loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cleaner.errors import StoreError
from cleaner.review import Choice, ReviewStore
from cleaner.review.output.history import place_for

Open = Callable[..., ReviewStore]


@pytest.fixture
def store(open_store: Open) -> ReviewStore:
    return open_store()


def content(store: ReviewStore) -> list[Any]:
    """The rows of a store without their numbers, which differ from store to store."""
    return [
        tuple(value for column, value in asdict(event).items() if column != "seq")
        for event in store.state.events
    ]


def fill(store: ReviewStore) -> None:
    store.decide(["a", "b"], "relabel", "dog, big", given={"a": "cat", "b": "NA"}, losses={"a": 0.1 + 0.2})
    store.decide('odd "name",\r\n.jpg', "delete", ranks={'odd "name",\r\n.jpg': 7}, model="m", page=1)
    store.confirm([Choice(name="c", action="keep", score=1e-9), "d"])
    store.undo()
    store.redo()
    store.decide("a", "keep", reviewer="bob", settles=True)
    store.class_event("class_rename", "dog, big", "=hound")
    store.pair_different(["c", "d"])
    store.files_moved({"d": "e/d"})
    store.undo(reviewer="bob")
    store.describe_class("=hound", "=barks,\nruns")
    store.decide("b", "delete", reason="blurry")
    store.record([Choice(name="f", action="delete", detail={"reason": "duplicate", "of": "b"})])


def test_the_history_is_a_table(store: ReviewStore) -> None:
    fill(store)
    table = store.history()
    assert list(table.columns[:9]) == [
        "name", "action", "given_label", "new_label", "reviewer", "time", "rank", "loss", "model",
    ]  # fmt: skip
    assert table["action"].tolist()[:3] == ["relabel", "relabel", "delete"]
    assert table["loss"][0] == 0.1 + 0.2
    assert table["rank"][2] == 7
    assert table["rank"].isna().sum() == len(table) - 1
    assert table.loc[table["reviewer"] == "bob", "stands"].tolist() == [False, True]
    assert pd.Timestamp(table["time"][0]).tzinfo is not None
    assert table["detail"].tolist()[-2:] == ['{"reason": "blurry"}', '{"of": "b", "reason": "duplicate"}']


@pytest.mark.parametrize("way", ["file", "table"])
def test_a_history_moves_to_another_machine_whole(
    store: ReviewStore, open_store: Open, tmp_path: Path, way: str
) -> None:
    fill(store)
    source = store.export(tmp_path / "decisions.csv") if way == "file" else store.history()
    other = open_store("eve", dataset="elsewhere")
    assert other.import_history(source) == len(store.state.events)
    assert content(other) == content(store)
    assert other.state.discarded() == {"b": "blurry", "f": "duplicate"}
    assert other.import_history(source) == 0
    assert content(other) == content(store)
    store.decide("z", "keep")
    assert other.import_history(store.history()) == 1


def test_a_history_that_somebody_sorted_is_imported_in_its_old_order(
    store: ReviewStore, open_store: Open
) -> None:
    fill(store)
    shuffled = store.history().sort_values(["name", "action"])
    other = open_store("eve", dataset="elsewhere")
    other.import_history(shuffled)
    assert content(other) == content(store)


def test_two_histories_merge_and_show_their_conflict(store: ReviewStore, open_store: Open) -> None:
    bob = open_store("bob", dataset="elsewhere")
    store.decide("a", "keep")
    bob.decide("a", "delete")
    store.import_history(bob.history())
    assert list(store.state.conflicts()) == ["a"]
    assert [e.reviewer for e in store.state.events] == ["ann", "bob"]


def test_a_list_made_by_hand_can_be_imported(store: ReviewStore, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes("\ufeffname;action;new_label\r\na;delete;\r\nb;relabel;Dackel\r\n".encode())
    assert store.import_history(path) == 2
    assert store.import_history(path) == 0
    assert {n: (d.action, d.new_label) for n, d in store.state.decisions().items()} == {
        "a": ("delete", None),
        "b": ("relabel", "Dackel"),
    }
    assert store.state.events[0].reviewer == "ann"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "file,action\na,keep\n",
            "The history has no column 'name', only file, action; "
            "expected a decisions.csv as cleaner exports it.",
        ),
        ("", "The history has no column 'name', only none; expected a decisions.csv as cleaner exports it."),
        (
            "name,action\na,keep\nb,kept\n",
            "Line 3 of the history cannot be imported, so nothing was imported. 'kept' is not a valid Kind",
        ),
        (
            "name,action,new_label\na,relabel,\n",
            "Line 2 of the history cannot be imported, so nothing was imported. "
            "Got None as a label; expected text that is not blank. Type the name of a class.",
        ),
        (
            "name,action\n,undo\n",
            "Line 2 of the history cannot be imported, so nothing was imported. "
            "Got undo without the act that it refers to; expected it in the column 'undoes'.",
        ),
    ],
)
def test_a_history_that_cannot_be_is_refused_whole(
    store: ReviewStore, tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "decisions.csv"
    path.write_text(text)
    with pytest.raises(StoreError) as caught:
        store.import_history(path)
    assert str(caught.value) == message
    assert store.state.events == ()


def test_a_history_that_is_not_there_is_said_to_be(store: ReviewStore, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"The history .*none\.csv cannot be read: No such file"):
        store.import_history(tmp_path / "none.csv")
    with pytest.raises(StoreError, match="The history cannot be written to"):
        store.export(tmp_path / "no folder" / "decisions.csv")


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)
LABELS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=8).filter(
    str.strip
)
ACTS = st.lists(
    st.tuples(
        st.sampled_from(
            ["keep", "delete", "unsure", "undo", "redo", "relabel", "rename", "discard", "describe"]
        ),
        st.lists(TEXTS, min_size=1, max_size=3, unique=True),
        LABELS,
        st.floats(allow_nan=False),
        st.sampled_from(["ann", "bøb", "c,d"]),
    ),
    max_size=8,
)


@given(ACTS)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_history_comes_through_a_file_unchanged(
    tmp_path_factory: pytest.TempPathFactory, acts: list[Any]
) -> None:
    folder = tmp_path_factory.mktemp("history")
    with (
        ReviewStore(folder / "one.db", dataset="one", reviewer="ann") as store,
        ReviewStore(folder / "two.db", dataset="two", reviewer="eve") as other,
    ):
        for what, names, label, number, who in acts:
            if what in ("undo", "redo"):
                getattr(store, what)(reviewer=who)
            elif what == "rename":
                store.class_event("class_rename", label, label + "x", reviewer=who)
            elif what == "describe":
                store.describe_class(label, f"{label}:\n\t{number}", reviewer=who)
            else:
                store.decide(
                    names,
                    "delete" if what == "discard" else what,
                    label if what == "relabel" else None,
                    reviewer=who,
                    given=dict.fromkeys(names, label),
                    losses=dict.fromkeys(names, number),
                    reason="duplicate" if what == "discard" else None,
                )
        other.import_history(store.export(folder / "decisions.csv"))
        assert content(other) == content(store)
        assert other.state.outcomes() == store.state.outcomes()
        assert other.state.judgements() == store.state.judgements()
        assert other.state.discarded() == store.state.discarded()
        assert other.state.descriptions() == store.state.descriptions()
        assert other.import_history(folder / "decisions.csv") == 0


def test_a_file_is_written_over_only_if_all_of_it_is_in_the_history(
    store: ReviewStore, tmp_path: Path
) -> None:
    path = tmp_path / "decisions.csv"
    assert place_for(store.state, path) == path
    store.decide("a", "delete")
    store.export(path)
    store.decide("b", "delete")
    assert place_for(store.state, path) == path  # our own of earlier
    path.write_text("name,action\nc,delete\n")  # a colleague's, not taken in yet
    (tmp_path / "decisions-2.csv").write_text("my notes\n")
    assert place_for(store.state, path) == tmp_path / "decisions-3.csv"
    store.import_history(path)
    assert place_for(store.state, path) == path

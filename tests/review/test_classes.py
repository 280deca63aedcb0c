"""Classes made, renamed and merged: the acts, what they come to, the panel, and the command."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from cleaner import cli
from cleaner.dataset.catalog import Catalog
from cleaner.errors import StoreError
from cleaner.ranking import Ranking
from cleaner.ranking.renaming import under_present_names
from cleaner.review import Event, Kind, ReviewState
from cleaner.review import classes as acts
from cleaner.review.labels import cleaned_catalog
from cleaner.session.messages import Undone
from cleaner.widgets.grid.text import act_text, said_text
from cleaner.widgets.panels.base import Tree, text_of
from cleaner.widgets.panels.classes import ClassPage, ClassPanel, classes_section
from cleaner.widgets.sentences import say
from cleaner.workspace import Workspace


@pytest.fixture
def workspace(colour_set: Path) -> Iterator[Workspace]:
    """Eight pictures each of blue, green and red, reviewed by Ana."""
    with Workspace(colour_set, reviewer="Ana") as made:
        yield made


@pytest.fixture
def panel(workspace: Workspace) -> Iterator[ClassPanel]:
    """A panel that counts in ``changes`` how often it told of a change."""
    changes: list[int] = []
    made = ClassPanel(workspace, lambda: changes.append(1))
    made.changes = changes  # type: ignore[attr-defined]
    yield made
    made.close()


def counts(workspace: Workspace) -> dict[str | None, int]:
    return {each.label: each.images for each in acts.class_counts(workspace.catalog, workspace.store.state)}


def catalog_of(labels: Mapping[str, str | None]) -> Catalog:
    table = pd.DataFrame({"name": list(labels), "label": "", "split": "train"})
    return Catalog(table).with_labels(labels)


def elements(tree: Tree | str, tag: str) -> Iterator[Tree]:
    if not isinstance(tree, str):
        if tree[0] == tag:
            yield tree
        for child in tree[2:]:
            yield from elements(child, tag)


RENAMED = say("classes.renamed", label="red", name="crimson", images="8 images")


def text(panel: ClassPanel) -> str:
    return " ".join(text_of(tree) for tree in panel.tree)


def shown(panel: ClassPanel, what: str) -> list[str]:
    """Return the texts of all elements of a class that hold any."""
    found = [e for tag in ("p", "span", "button") for tree in panel.tree for e in elements(tree, tag)]
    return [text_of(e) for e in found if what in str(e[1].get("class", "")).split() and text_of(e)]


def told(panel: ClassPanel) -> str:
    return " ".join(shown(panel, "cleaner-told"))


def wait_until(done: Callable[[], bool]) -> None:
    for _ in range(2000):
        if done():
            return
        threading.Event().wait(0.005)
    pytest.fail("it did not happen within ten seconds")


# ---------------------------------------------------------------- acts


def test_classes_are_counted_under_their_present_names_after_all_decisions(workspace: Workspace) -> None:
    store = workspace.store
    store.decide("red/red_000.png", "delete")
    store.decide(["red/red_001.png", "red/red_002.png"], "relabel", "navy")
    store.decide("red/red_003.png", "unsure")
    store.class_event("class_rename", "navy", "dark blue")
    store.class_event("class_new", "Yellow")
    found = acts.class_counts(workspace.catalog, store.state)
    assert [(each.label, each.images, each.decided) for each in found] == [
        ("blue", 8, 0),
        ("dark blue", 2, 2),
        ("green", 8, 0),
        ("red", 5, 0),
        ("Yellow", 0, 0),
    ]
    by_split = workspace.cleaned().summary()["classes"]
    assert {each.label: dict(each.splits) for each in found if each.images} == by_split


def test_images_without_a_label_are_counted_last() -> None:
    found = acts.class_counts(catalog_of({"1.png": None, "2.png": "zebra"}), ReviewState())
    assert [(each.label, each.images) for each in found] == [("zebra", 1), (None, 1)]


@pytest.mark.parametrize(
    ("act", "names", "expected"),
    [
        (acts.make_class, ("",), "A class needs a name. Type one."),
        (acts.make_class, (" \t",), "A class needs a name. Type one."),
        (acts.make_class, ("red",), "A class “red” exists already. Choose another name."),
        (
            acts.make_class,
            (" fox",),
            "“ fox” starts or ends with a space, which nobody would see. Type it without the space: “fox”.",
        ),
        (
            acts.rename_class,
            ("red", "a\nb"),
            "Got the label 'a\\nb'; expected one line without control characters. Choose a plainer name.",
        ),
        (acts.rename_class, ("red", "red"), "The class is called “red” already. Type another name."),
        (
            acts.rename_class,
            ("red", "blue"),
            "A class “blue” exists already. To move the images of “red” into it, merge the two.",
        ),
        (
            acts.rename_class,
            ("pink", "rose"),
            "There is no class “pink”. The classes are: “blue”, “green”, “red”.",
        ),
        (acts.merge_classes, ("Red ", "blue"), "There is no class “Red ”. Did you mean “red”?"),
        (
            acts.merge_classes,
            ("red", "pink"),
            "There is no class “pink”. The classes are: “blue”, “green”, “red”.",
        ),
        (acts.merge_classes, ("red", "red"), "Got “red” twice. Choose two different classes to merge."),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_to_do(
    workspace: Workspace, act: Callable[..., Any], names: tuple[str, ...], expected: str
) -> None:
    with pytest.raises(StoreError) as caught:
        act(workspace.catalog, workspace.store, *names)
    assert str(caught.value) == expected
    assert workspace.store.state.last_seq == 0


def test_many_classes_are_not_all_listed_in_an_error(workspace: Workspace) -> None:
    for i in range(10):
        acts.make_class(workspace.catalog, workspace.store, f"class {i}")
    with pytest.raises(StoreError, match=r"“class 6” and 5 more\.$"):
        acts.merge_classes(workspace.catalog, workspace.store, "pink", "red")


def test_a_name_that_was_given_up_can_be_used_again(workspace: Workspace) -> None:
    acts.rename_class(workspace.catalog, workspace.store, "red", "crimson")
    acts.make_class(workspace.catalog, workspace.store, "red")
    workspace.store.decide("blue/blue_000.png", "relabel", "red")
    assert counts(workspace) == {"blue": 7, "crimson": 8, "green": 8, "red": 1}


def test_undo_takes_back_the_act_that_is_meant_or_nothing(workspace: Workspace) -> None:
    store = workspace.store
    act = acts.merge_classes(workspace.catalog, workspace.store, "red", "blue")
    store.decide("blue/blue_000.png", "keep")
    assert store.undo(only=act.id) is None
    assert counts(workspace) == {"blue": 16, "green": 8}
    store.undo()
    done = store.undo(only=act.id)
    assert done is not None
    assert done.undoes == act.id
    assert counts(workspace) == {"blue": 8, "green": 8, "red": 8}


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (("class_rename", "red", "crimson"), "renaming of “red” to “crimson”"),
        (("class_merge", "red", "blue"), "merging of “red” into “blue”"),
        (("class_new", "fox"), "the new class “fox”"),
    ],
)
def test_undo_says_what_became_of_classes(workspace: Workspace, act: tuple[str, ...], expected: str) -> None:
    events = workspace.store.class_event(*act).events
    assert act_text(events) == expected
    assert said_text(Undone(events)) == say("review.undone", what=expected)


def test_undo_says_how_many_pictures_were_called_different(workspace: Workspace) -> None:
    done = workspace.store.pair_different(["a.png", "b.png", "c.png"])
    assert act_text(done.events) == say("review.act_different", images="3 images")


# ---------------------------------------------------------------- everywhere the present names


def test_every_result_speaks_of_the_present_names(workspace: Workspace) -> None:
    acts.rename_class(workspace.catalog, workspace.store, "red", "crimson")
    acts.merge_classes(workspace.catalog, workspace.store, "green", "blue")
    workspace.store.decide("blue/blue_000.png", "relabel", "crimson")
    table = cleaned_catalog(workspace.catalog, workspace.store.state).table
    assert table["label"].value_counts().to_dict() == {"blue": 15, "crimson": 9}
    assert workspace.cleaned().classes == ["blue", "crimson"]
    moves = workspace.trash.plan(relabel=True)
    assert set(moves["action"]) == {"move-to-class"}
    assert {to.split("/")[0] for to in moves["to"]} == {"blue", "crimson"}
    assert len(moves) == 8 + 8 + 1


def test_a_history_from_elsewhere_renames_here_too(workspace: Workspace, tmp_path: Path) -> None:
    acts.rename_class(workspace.catalog, workspace.store, "red", "crimson")
    workspace.store.decide("blue/blue_000.png", "relabel", "crimson")
    history = workspace.store.export(tmp_path / "decisions.csv")
    with Workspace(workspace.root, state=tmp_path / "elsewhere", reviewer="Ben") as other:
        assert other.store.import_history(history) == 2
        assert counts(other) == {"blue": 7, "crimson": 9, "green": 8}
        assert other.store.import_history(history) == 0


def test_a_description_is_given_taken_away_and_shared(workspace: Workspace, tmp_path: Path) -> None:
    acts.describe_class(workspace.catalog, workspace.store, "red", " warm\r\nand bright ")
    acts.rename_class(workspace.catalog, workspace.store, "red", "crimson")
    with Workspace(workspace.root, reviewer="Ben") as colleague:
        assert colleague.store.state.descriptions() == {"crimson": "warm\nand bright"}
    history = workspace.store.export(tmp_path / "decisions.csv")
    with Workspace(workspace.root, state=tmp_path / "elsewhere", reviewer="Ben") as other:
        assert other.store.import_history(history) == 2
        assert other.store.state.description("crimson") == "warm\nand bright"
    acts.describe_class(workspace.catalog, workspace.store, "crimson", "")
    assert workspace.store.state.descriptions() == {}
    assert act_text([acts.undo_class_act(workspace.store)]) == "the description of “crimson”"
    assert workspace.store.state.description("crimson") == "warm\nand bright"


def test_a_description_that_is_there_already_makes_no_row(workspace: Workspace) -> None:
    acts.describe_class(workspace.catalog, workspace.store, "red", "warm")
    seq = workspace.store.state.last_seq
    assert acts.describe_class(workspace.catalog, workspace.store, "red", "warm ").events == ()
    assert acts.describe_class(workspace.catalog, workspace.store, "blue", "").events == ()
    assert workspace.store.state.last_seq == seq


def test_only_a_class_of_the_set_is_described(workspace: Workspace) -> None:
    with pytest.raises(StoreError) as caught:
        acts.describe_class(workspace.catalog, workspace.store, "Red", "warm")
    assert str(caught.value) == "There is no class “Red”. Did you mean “red”?"


# ---------------------------------------------------------------- a simple model of it all

GIVEN = {"1": "cat", "2": "dog", "3": "hound", "4": "cat", "5": None}
LABELS = st.sampled_from(["cat", "dog", "hound", "fox"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["keep", "delete"]), st.sampled_from(sorted(GIVEN))),
        st.tuples(st.just("relabel"), st.sampled_from(sorted(GIVEN)), LABELS),
        st.tuples(st.sampled_from(["class_rename", "class_merge"]), LABELS, LABELS),
        st.tuples(st.just("class_new"), LABELS),
        st.tuples(st.just("class_describe"), LABELS, st.sampled_from(["", "purrs", "barks"])),
        st.tuples(st.sampled_from(["undo", "redo"])),
    ),
    max_size=25,
)


def carried_out(standing: list[tuple[str, ...]]) -> tuple[dict[str, str | None], set[str]]:
    """Carry out acts one after the other on plain dictionaries: the labels that remain, and the classes."""
    given, chosen, gone = dict(GIVEN), dict.fromkeys(GIVEN), set()
    made: list[str] = []
    for kind, *rest in standing:
        if kind == "class_new":
            made.append(rest[0])
        elif kind == "class_describe":
            continue
        elif kind in ("class_rename", "class_merge"):
            old, new = rest
            for labels in (given, chosen):
                labels.update({name: new for name, label in labels.items() if label == old})  # type: ignore[attr-defined]
            made = [new if label == old else label for label in made]
        else:
            gone.discard(rest[0])
            chosen[rest[0]] = rest[1] if kind == "relabel" else None  # type: ignore[assignment]
            if kind == "delete":
                gone.add(rest[0])
    labels = {name: chosen[name] or given[name] for name in GIVEN if name not in gone}
    used = {label for name, label in chosen.items() if label and name not in gone}
    return labels, {label for label in given.values() if label} | used | set(made)


def described(standing: list[tuple[str, ...]]) -> dict[str, str]:
    """Carry out acts one after the other on the descriptions: of each class the text, and how old it is."""
    texts: dict[str, tuple[int, str]] = {}
    for at, (kind, *rest) in enumerate(standing):
        if kind == "class_describe":
            texts[rest[0]] = (at, rest[1])
        elif kind == "class_merge":
            texts.pop(rest[0], None)
        elif kind == "class_rename" and rest[0] in texts:
            texts[rest[1]] = max(texts.pop(rest[0]), texts.get(rest[1], (-1, "")))
    return {label: text for label, (_, text) in texts.items() if text}


@given(STEPS)
@settings(max_examples=300, deadline=None)
def test_any_sequence_of_acts_comes_to_what_a_simple_model_says(steps: list[tuple[str, ...]]) -> None:
    state, done, undone_acts = ReviewState(), list[tuple[str, tuple[str, ...]]](), list[Any]()
    for step in steps:
        kind, seq = step[0], state.last_seq + 1
        if kind in ("class_rename", "class_merge") and step[1] == step[2]:
            continue
        fields: dict[str, Any] = {"name": ""}
        if kind in ("undo", "redo"):
            target = state.undoable("Ana") if kind == "undo" else state.redoable("Ana")
            expected = (done if kind == "undo" else undone_acts)[-1:]
            assert target == (expected[0][0] if expected else None)
            if target is None:
                continue
            fields["undoes"] = target
            if kind == "undo":
                undone_acts.append(done.pop())
            else:
                done.append(undone_acts.pop())
        else:
            done.append((f"act{seq}", step))
            undone_acts.clear()
            if kind == "class_new":
                fields["new_label"] = step[1]
            elif kind == "class_describe":
                fields |= {"given_label": step[1], "detail": {"text": step[2]}}
            elif kind.startswith("class_"):
                fields |= {"given_label": step[1], "new_label": step[2]}
            else:
                label = step[2] if kind == "relabel" else None
                fields |= {"name": step[1], "given_label": GIVEN[step[1]], "new_label": label}
        now = datetime(2026, 1, 1, tzinfo=UTC)
        state.apply(Event(seq=seq, act=f"act{seq}", kind=kind, reviewer="Ana", time=now, **fields))
    catalog = catalog_of(GIVEN)
    labels, classes = carried_out([step for _, step in done])
    table = cleaned_catalog(catalog, state).table
    assert dict(zip(table["name"], table["label"], strict=True)) == labels
    assert state.classes(catalog.classes) == sorted(classes)
    assert state.descriptions() == described([step for _, step in done])
    counted = acts.class_counts(catalog, state)
    assert {each.label: each.images for each in counted if each.images} == {
        label: list(labels.values()).count(label) for label in set(labels.values())
    }


# ---------------------------------------------------------------- the ranking


def rank_of(*rows: tuple[str | None, list[float]]) -> Ranking:
    """Rank as a model would that gives these probabilities for shirt, Shirt and hat."""
    labels = [label for label, _ in rows]
    odds = np.array([p for _, p in rows])
    code = {"shirt": 0, "Shirt": 1, "hat": 2}
    right = np.array([p[code[label]] if label else np.nan for label, p in rows])
    return Ranking(
        [f"{i}.png" for i in range(len(rows))],
        ["train"] * len(rows),
        labels,
        classes=list(code),
        posterior=odds,
        predicted=odds,
        signals={
            "pooled": 1 - right,
            "loss": -np.log(right),
            "self_confidence": 1 - right,
            "normalized_margin": 1 - right,
            "in_sample_loss": -np.log(right),
            "least_confident": 1 - odds.max(axis=1),
        },
        features={"log_odds": np.log((1 - right) / right)},
        model="m",
    )


def test_a_ranking_without_renamed_classes_stays_the_same_object() -> None:
    ranking = rank_of(("shirt", [0.5, 0.3, 0.2]))
    assert under_present_names(ranking, ReviewState().label_now) is ranking


def test_a_renamed_class_changes_no_number_and_no_place() -> None:
    ranking = rank_of(("shirt", [0.1, 0.2, 0.7]), ("hat", [0.6, 0.1, 0.3]), (None, [0.2, 0.7, 0.1]))
    present = under_present_names(ranking, lambda label: "top" if label == "shirt" else label)
    assert present.classes == ["top", "Shirt", "hat"]
    assert present.given == ["top", "hat", None]
    assert list(present.order()) == list(ranking.order())
    assert present.model == "m"
    pd.testing.assert_frame_equal(
        present.table.drop(columns=["given_label", "predicted_label", "suggested_label"]),
        ranking.table.drop(columns=["given_label", "predicted_label", "suggested_label"]),
    )
    assert present.table["suggested_label"].tolist()[:2] == ["hat", "top"]


def test_images_whose_given_and_suggested_class_were_merged_are_no_longer_suspicious() -> None:
    ranking = rank_of(
        ("shirt", [0.05, 0.9, 0.05]),  # only Shirt was suggested
        ("hat", [0.1, 0.3, 0.6]),
        ("shirt", [0.3, 0.1, 0.6]),  # a hat, after all
        (None, [0.45, 0.45, 0.1]),
    )
    assert list(ranking.order()) == ["0.png", "2.png", "1.png", "3.png"]
    present = under_present_names(ranking, lambda label: label.casefold())
    assert present.classes == ["shirt", "hat"]
    assert list(present.order()) == ["2.png", "1.png", "0.png", "3.png"]
    np.testing.assert_allclose(present.signals["pooled"][:3], [0.05, 0.4, 0.6], atol=1e-6)
    np.testing.assert_allclose(present.signals["loss"][:3], -np.log([0.95, 0.6, 0.4]), atol=1e-6)
    np.testing.assert_allclose(present.signals["self_confidence"][:3], [0.05, 0.4, 0.6], atol=1e-6)
    np.testing.assert_allclose(present.signals["normalized_margin"][0], (1 + 0.05 - 0.95) / 2, atol=1e-6)
    np.testing.assert_allclose(present.signals["least_confident"], [0.05, 0.4, 0.4, 0.1], atol=1e-6)
    np.testing.assert_allclose(present.features["log_odds"][2], np.log(0.6 / 0.4), atol=1e-5)
    assert np.isnan(present.signals["pooled"][3])
    row = present.table.set_index("name").loc["0.png"]
    assert (row["given_label"], row["predicted_label"], row["suggested_label"]) == ("shirt", "shirt", "hat")


def test_a_merged_suggestion_counts_as_if_it_had_been_the_label() -> None:
    ranking = rank_of(("shirt", [0.3, 0.6, 0.02]))  # 0.08: none of them
    ranking.predicted = np.array([[0.05, 0.9, 0.05]], dtype=np.float32)
    present = under_present_names(ranking, lambda label: label.casefold())
    right, wrong = 0.3 / 0.05 * 0.95, 0.1
    np.testing.assert_allclose(present.signals["pooled"], [wrong / (right + wrong)], rtol=1e-4)
    np.testing.assert_allclose(
        present.posterior, [[right / (right + wrong), 0.02 / (right + wrong)]], rtol=1e-4
    )


# ---------------------------------------------------------------- the panel


def test_the_panel_shows_what_is_there(panel: ClassPanel) -> None:
    rows = [text_of(row) for row in elements(panel.tree[0], "tr")]
    assert rows[0] == "Class train valid Images Actions"
    assert [row.split()[0] for row in rows[1:]] == ["blue", "green", "red"]
    assert all(row.endswith(" 8 Rename Merge") for row in rows[1:])


def test_renaming_is_told_with_undo_and_carried_out(panel: ClassPanel, workspace: Workspace) -> None:
    panel.do("rename", "red")
    field = next(e for e in elements(panel.tree[0], "input") if e[1].get("data-enter") == "do-rename")
    assert (field[1]["value"], field[1]["aria-label"]) == ("red", say("classes.rename.field", label="red"))
    panel.do("do-rename", "crimson")
    assert told(panel) == f"{RENAMED} Undo"
    assert counts(workspace) == {"blue": 8, "crimson": 8, "green": 8}
    assert panel.changes == [1]
    panel.do("undo")
    assert told(panel) == say("classes.undone", what="renaming of “red” to “crimson”")
    assert counts(workspace) == {"blue": 8, "green": 8, "red": 8}
    assert panel.changes == [1, 1]


def test_a_second_click_on_rename_does_nothing(panel: ClassPanel, workspace: Workspace) -> None:
    panel.do("rename", "red")
    panel.do("do-rename", "crimson")
    panel.do("do-rename", "crimson")
    assert told(panel) == f"{RENAMED} Undo"
    assert len(workspace.store.state.events) == 1


def test_a_bad_name_keeps_the_form_open_and_says_why(panel: ClassPanel, workspace: Workspace) -> None:
    panel.do("rename", "red")
    panel.do("do-rename", "  ")
    assert shown(panel, "cleaner-complaint") == ["A class needs a name. Type one."]
    field = next(e for e in elements(panel.tree[0], "input") if e[1].get("data-enter") == "do-rename")
    assert field[1]["value"] == "red"  # unchanged, so that the page keeps what was typed
    assert field[1]["aria-invalid"] == "true"
    panel.do("leave")
    assert shown(panel, "cleaner-complaint") == []
    assert workspace.store.state.last_seq == 0


def test_the_name_of_another_class_is_an_offer_to_merge(panel: ClassPanel, workspace: Workspace) -> None:
    panel.do("rename", "red")
    panel.do("do-rename", "blue")
    assert "Merge with “blue”" in shown(panel, "cleaner-button")
    panel.do("merge-taken")
    assert say("classes.merge.images", images="8 images", label="red", into="blue") in text(panel)
    panel.do("do-merge")
    assert told(panel) == f"{say('classes.merged', label='red', into='blue', images='8 images')} Undo"
    assert counts(workspace) == {"blue": 16, "green": 8}


def test_merging_waits_for_a_choice_and_says_what_will_happen(
    panel: ClassPanel, workspace: Workspace
) -> None:
    workspace.store.decide("red/red_000.png", "delete")
    panel.do("merge", "red")
    (select,) = elements(panel.tree[0], "select")
    assert [text_of(option) for option in elements(select, "option")] == [
        say("classes.merge.choose"),
        "blue",
        "green",
    ]
    panel.do("do-merge")
    assert workspace.store.state.last_seq == 1
    panel.do("into", "green")
    assert say("classes.merge.images", images="7 images", label="red", into="green") in text(panel)
    panel.do("into", "no such class")
    assert "will become" not in text(panel)


def test_the_likeliest_class_to_merge_into_is_chosen_already(workspace: Workspace) -> None:
    acts.make_class(workspace.catalog, workspace.store, "Red")
    panel = ClassPanel(workspace, lambda: None)
    panel.do("merge", "Red")
    assert say("classes.merge.empty", label="Red") in text(panel)
    chosen = [o[1]["value"] for o in elements(panel.tree[0], "option") if o[1].get("selected")]
    assert chosen == ["red"]
    panel.close()


def test_a_new_class_empties_its_field_and_a_bad_one_does_not(panel: ClassPanel) -> None:
    def key() -> str:
        found = (e[1].get("data-key", "") for e in elements(panel.tree[0], "div"))
        return next(each for each in found if each.startswith("new "))

    before = key()
    panel.do("new", "red")
    assert shown(panel, "cleaner-complaint") == ["A class “red” exists already. Choose another name."]
    assert key() == before
    panel.do("new", "RED")
    assert told(panel) == (f"{say('classes.added', name='RED')} {say('classes.twin', twin='red')} Undo")
    assert shown(panel, "cleaner-complaint") == []
    assert key() != before


def test_undo_of_what_is_not_the_last_act_says_what_to_do(panel: ClassPanel, workspace: Workspace) -> None:
    panel.do("rename", "red")
    panel.do("do-rename", "crimson")
    workspace.store.decide("blue/blue_000.png", "keep")
    panel.do("undo")
    assert told(panel) == (f"{RENAMED} {say('classes.undo_first.rename', label='crimson')}")
    assert counts(workspace)["crimson"] == 8
    assert workspace.store.state.is_decided("blue/blue_000.png")


def test_what_is_undone_among_the_pictures_is_seen(panel: ClassPanel, workspace: Workspace) -> None:
    panel.do("rename", "red")
    panel.do("do-rename", "crimson")
    workspace.store.undo()
    wait_until(lambda: told(panel) == say("classes.undone", what="renaming of “red” to “crimson”"))
    assert "crimson 6" not in text(panel)
    assert panel.changes == [1, 1]
    workspace.store.redo()
    wait_until(lambda: told(panel) == say("classes.redone", what="renaming of “red” to “crimson”"))


def test_a_colleagues_act_is_seen_and_an_open_form_stays(panel: ClassPanel, workspace: Workspace) -> None:
    panel.do("rename", "red")
    with Workspace(workspace.root, reviewer="Ben") as other:
        acts.merge_classes(other.catalog, other.store, "blue", "green")
    panel.draw()
    wait_until(lambda: told(panel) == "Ben: merging of “blue” into “green”.")
    wait_until(lambda: panel.changes == [1])
    assert "green" in text(panel)
    assert "blue 8" not in text(panel)
    assert any(e[1].get("data-enter") == "do-rename" for e in elements(panel.tree[0], "input"))


def test_a_form_of_a_class_that_a_colleague_merged_closes(panel: ClassPanel, workspace: Workspace) -> None:
    panel.do("rename", "red")
    workspace.store.class_event("class_merge", "red", "blue", reviewer="Ben")
    merged = say("classes.done_by", reviewer="Ben", what="merging of “red” into “blue”")
    wait_until(lambda: told(panel) == f"{merged} {say('classes.choose_again')}")
    assert not any(e[1].get("data-enter") == "do-rename" for e in elements(panel.tree[0], "input"))


def test_decisions_on_pictures_are_counted_when_drawn(panel: ClassPanel, workspace: Workspace) -> None:
    workspace.store.decide("red/red_000.png", "delete")
    panel.draw()
    assert [text_of(row).split()[-3] for row in elements(panel.tree[0], "tr")][1:] == ["8", "8", "7"]
    assert told(panel) == ""


def test_a_closed_panel_hears_nothing(panel: ClassPanel, workspace: Workspace) -> None:
    panel.close()
    workspace.store.class_event("class_new", "fox")
    assert panel.changes == []


def test_of_a_thousand_classes_the_first_are_shown_and_any_is_found(panel: ClassPanel) -> None:
    many = [acts.ClassCount(f"class {i:04d}", {"train": i}, 0) for i in range(1000)]
    tree = classes_section(ClassPage(counts=many))
    assert len(list(elements(tree, "tr"))) == 1 + 200
    assert say("classes.first", shown=200, found="1,000") in text_of(tree)
    found = classes_section(ClassPage(counts=many, wanted="CLASS 099"))
    assert len(list(elements(found, "tr"))) == 1 + 10
    none = classes_section(ClassPage(counts=many, wanted="bear"))
    assert say("classes.none_found") in text_of(none)
    panel.do("search", " RE")
    assert [text_of(row).split()[0] for row in elements(panel.tree[0], "tr")] == ["Class", "green", "red"]


def test_a_blank_that_cannot_be_seen_is_told() -> None:
    tree = classes_section(ClassPage(counts=[acts.ClassCount("shirt ", {"none": 2}, 0)]))
    assert f"shirt {say('classes.ends_blank').strip()} 2" in text_of(tree)
    (rename,) = (b for b in elements(tree, "button") if b[1]["data-do"] == "rename")
    assert rename[1]["aria-label"] == say("classes.rename.name", label="shirt " + say("classes.ends_blank"))


# ---------------------------------------------------------------- the command


def run(*arguments: object, code: int = 0) -> Any:
    done = CliRunner().invoke(cli.app, ["classes", *map(str, arguments)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == code, done.output
    return done


def labels_in(path: Path) -> list[str]:
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
    return sorted({row["label"] for row in rows})


def test_the_command_describes_a_class_and_lists_the_text(colour_set: Path) -> None:
    assert "Described “red”." in run(colour_set, "--describe", "red", "warm\nand bright").output
    assert run(colour_set).output.endswith("\n\nred: warm\nand bright\n")
    assert (
        "“red” already has this description."
        in run(colour_set, "--describe", "red", "warm\nand bright").output
    )
    assert "Undone: the description of “red”." in run(colour_set, "--undo").output
    assert "warm" not in run(colour_set).output
    refused = run(colour_set, "--describe", "red", "x" * 2001, code=1)
    assert "Got a description of 2,001 characters; expected at most 2,000. Shorten it." in refused.output


def test_the_command_lists_classes_images_and_decisions(colour_set: Path) -> None:
    with Workspace(colour_set) as workspace:
        workspace.store.decide("red/red_000.png", "relabel", "blue")
    assert [line.split() for line in run(colour_set).stdout.splitlines()] == [
        ["class", "images", "decided"],
        ["blue", "9", "1"],
        ["green", "8", "0"],
        ["red", "7", "0"],
    ]
    assert not (colour_set / "cleaned.csv").exists()


def test_the_command_renames_merges_makes_and_writes_the_result(colour_set: Path) -> None:
    done = run(colour_set, "--new", "fox", "--rename", "red", "crimson", "--merge", "green", "blue")
    assert done.stderr.splitlines()[:3] == [
        "New class “fox”.",
        "Renamed “red” to “crimson”: 8 images.",
        "Merged “green” into “blue”: 8 images.",
    ]
    assert labels_in(colour_set / "cleaned.csv") == ["blue", "crimson"]
    assert run(colour_set, "--undo").stderr.startswith("Undone: merging of “green” into “blue”.\n")
    assert labels_in(colour_set / "cleaned.csv") == ["blue", "crimson", "green"]


def test_the_command_undoes_nothing_but_acts_on_classes(colour_set: Path) -> None:
    assert "Error: There is nothing to undo." in run(colour_set, "--undo", code=1).stderr
    with Workspace(colour_set) as workspace:
        workspace.store.decide("red/red_000.png", "keep")
    assert (
        "Error: Your last act (“keep”) did not change the classes. Undo it on the page, with U."
        in run(colour_set, "--undo", code=1).stderr
    )


def test_the_command_refuses_in_a_sentence_and_keeps_what_is_done(colour_set: Path) -> None:
    done = run(colour_set, "--new", "fox", "--rename", "red", "blue", code=1)
    assert "Error: A class “blue” exists already." in done.stderr
    assert "fox" in run(colour_set).stdout
    assert labels_in(colour_set / "cleaned.csv") == ["blue", "green", "red"]


def test_the_command_signs_with_the_reviewer_that_is_named(colour_set: Path) -> None:
    run(colour_set, "--rename", "red", "crimson", "--reviewer", "Zoe")
    with Workspace(colour_set) as workspace:
        (event,) = workspace.store.state.events
        assert (event.kind, event.reviewer) == (Kind.CLASS_RENAME, "Zoe")

"""What becomes of a history that is taken in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cleaner.errors import StoreError
from cleaner.review.merging import Merged, merge_history
from cleaner.workspace import Workspace

RED = [f"red/red_00{i}.png" for i in range(6)]


@pytest.fixture
def sent(make_set: Callable[..., Path], tmp_path: Path) -> Path:
    """What Anna decided on her copy of a set: delete, relabel, keep twice, and one that she took back."""
    path = tmp_path / "decisions.csv"
    with Workspace(make_set(name="theirs"), reviewer="Anna") as workspace:
        assert set(RED) < set(workspace.catalog.names)
        workspace.store.decide(RED[0], "delete")
        workspace.store.decide(RED[1], "relabel", "blue")
        workspace.store.decide(RED[2:4], "keep")
        workspace.store.decide(RED[4], "delete")
        workspace.store.undo()
        workspace.store.export(path)
    return path


def test_all_that_is_new_is_taken_in_once(make_set: Callable[..., Path], sent: Path) -> None:
    with Workspace(make_set(name="mine"), reviewer="Bo") as workspace:
        assert merge_history(workspace.store, sent) == Merged(added=6, known=0, reviewers=("Anna",))
        outcomes = {name: decision.outcome for name in RED if (decision := workspace.store.state.of(name))}
        assert outcomes == {RED[0]: "delete", RED[1]: "relabel", RED[2]: "keep", RED[3]: "keep"}
        assert merge_history(workspace.store, sent.read_bytes()) == Merged(added=0, known=6)


def test_images_on_which_reviewers_disagree_now_are_named(make_set: Callable[..., Path], sent: Path) -> None:
    with Workspace(make_set(name="mine"), reviewer="Bo") as workspace:
        workspace.store.decide([RED[0], RED[2], RED[4]], "keep")
        merged = merge_history(workspace.store, sent)
        assert (merged.added, merged.conflicts) == (6, (RED[0],))
        assert {decision.reviewer for decision in workspace.store.state.conflicts()[RED[0]]} == {"Anna", "Bo"}


def test_an_image_that_is_missing_or_another_one_is_named(
    make_set: Callable[..., Path], picture: Callable[..., Path], sent: Path
) -> None:
    root = make_set(name="mine")
    (root / RED[0]).unlink()
    picture(root / RED[1], (1, 2, 3))
    with Workspace(root, reviewer="Bo") as workspace:
        merged = merge_history(workspace.store, sent)
        assert (merged.added, merged.gone, merged.asked_again) == (6, (RED[0],), (RED[1],))
        assert workspace.store.state.of(RED[1]) is None


def test_a_history_of_names_and_actions_alone_still_counts_after_the_set_is_opened_again(
    make_set: Callable[..., Path],
) -> None:
    root = make_set(name="mine")
    csv = f"name,action,reviewer\n{RED[0]},delete,Anna\n{RED[1]},keep,Anna\nno.png,keep,Anna\n"
    with Workspace(root, reviewer="Bo") as workspace:
        workspace.store.decide(RED[0], "keep")
        merged = merge_history(workspace.store, csv.encode())
        assert (merged.added, merged.conflicts, merged.gone) == (3, (RED[0],), ("no.png",))
    for _ in range(2):
        with Workspace(root, reviewer="Bo") as workspace:
            state = workspace.store.state
            decision = state.of(RED[1])
            assert decision is not None
            assert (decision.outcome, decision.reviewer) == ("keep", "Anna")
            assert list(state.conflicts()) == [RED[0]]
            assert state.asked_again() == {}
            assert merge_history(workspace.store, csv.encode()).added == 0


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "has no column 'name', only none"),
        (b"name;label\na.png;cat\n", "has no column 'action', only name, label"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40, "has no column 'name'"),
        (
            b"name,action\na.png,explode\n",
            "Line 2 of the history cannot be imported, so nothing was imported",
        ),
        (b"name,action\nred/red_000.png,keep\n,delete\n", "Line 3 of the history cannot be imported"),
        (b"name,action,detail\nred/red_000.png,keep,[]\n", "expected a JSON object"),
    ],
)
def test_what_is_no_history_is_refused_whole(make_set: Callable[..., Path], data: bytes, said: str) -> None:
    with Workspace(make_set(name="mine"), reviewer="Bo") as workspace:
        with pytest.raises(StoreError) as caught:
            merge_history(workspace.store, data)
        assert said in str(caught.value)
        assert len(str(caught.value)) < 500
        assert workspace.store.state.last_seq == 0

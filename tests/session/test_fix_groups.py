"""Groups of images with one fix: what is shown, looked at first, relabelled together, and taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cleaner.errors import OutdatedError, StoreError
from cleaner.ranking import Ranking
from cleaner.ranking.clusters import Clusters
from cleaner.review import ReviewStore
from cleaner.session.cells import OneFix, Seen
from cleaner.session.fix_groups import LEAST, MOST
from cleaner.session.orders import FIXES
from cleaner.session.session import ReviewSession
from cleaner.widgets.grid.protocol import page_data
from cleaner.widgets.sentences import say
from cleaner.workspace import Workspace

PER_CLASS = 60
SUSPECTS = {"red": 20, "green": 8, "blue": LEAST - 1}
"""So many of each class look like the next one."""
NEXT = {"red": "green", "green": "blue", "blue": "red"}


@pytest.fixture
def workspace(make_set: Callable[..., Path]) -> Iterator[Workspace]:
    with Workspace(make_set(PER_CLASS, size_px=4), reviewer="Ana") as made:
        yield made


def ranking_of(workspace: Workspace, suspects: dict[str, int] = SUSPECTS) -> Ranking:
    """Return a ranking in which some images of each class look like the next class, and lie together."""
    catalog = workspace.catalog
    classes = list(catalog.classes)
    codes = np.array([classes.index(label) for label in catalog.labels])
    other = np.array([classes.index(NEXT[classes[c]]) for c in codes])
    n = len(codes)
    within = np.array([(codes[:i] == c).sum() for i, c in enumerate(codes)])
    doubted = within < np.array([suspects[classes[c]] for c in codes])
    chance = np.where(doubted, 0.8 + within / 1000, 0.02)
    posterior = np.full((n, 3), 1e-4)
    posterior[np.arange(n), other] = chance
    posterior[np.arange(n), codes] = 1 - chance
    number = np.where(doubted, codes, -1).astype(np.int32)
    return Ranking(
        catalog.names.tolist(),
        ["train"] * n,
        catalog.labels.tolist(),
        classes=classes,
        posterior=posterior,
        predicted=posterior,
        signals={"pooled": chance, "loss": -np.log(1 - chance)},
        model="made",
        clusters=Clusters(number, within.astype(np.int32)),
    )


@pytest.fixture
def session(workspace: Workspace) -> Iterator[ReviewSession]:
    made = ReviewSession(workspace, ranking=ranking_of(workspace), in_background=False)
    made.set_view(order=FIXES)
    yield made
    made.close()


def groups(session: ReviewSession) -> list[OneFix]:
    found = [group for group in session.page().groups if isinstance(group, OneFix)]
    assert len(found) == len(session.page().groups)
    return found


def members(session: ReviewSession, group: str) -> list[str]:
    return [cell.name for cell in session.page().cells if cell.group == group]


def undecided(session: ReviewSession, group: str) -> list[str]:
    return [cell.name for cell in session.page().cells if cell.group == group and cell.action is None]


def look(session: ReviewSession, group: OneFix, *, wrong: int = 0) -> None:
    """Decide on the random images of a group: so many of them have the right label as it is."""
    for place, name in enumerate(members(session, group.id)[: group.looks]):
        session.decide(name, *(("keep",) if place < wrong else ("suggest",)))


def seen(session: ReviewSession, names: list[str], label: str) -> Seen:
    return Seen(session.page().id, dict.fromkeys(names, label))


def test_groups_stand_in_rows_the_largest_gain_first_and_small_ones_do_not(session: ReviewSession) -> None:
    first, second = groups(session)
    assert (first.given, first.label, first.size) == ("red", "green", 20)
    assert (second.given, second.label, second.size) == ("green", "blue", 8)
    assert (first.looks, first.to_look, first.rest, first.at_most) == (4, 4, 16, None)
    cells = session.page().cells
    assert {cell.suggestion for cell in cells if cell.group == first.id} == {"green"}
    shown = page_data(session.page())
    assert shown["purpose"] == "fixes"
    assert shown["groups"][0]["title"] == say("review.fix", images="20 images", given="red", label="green")
    assert shown["groups"][0]["marks"] == [say("review.fix_look", images="4 images")]


def test_the_order_is_offered_only_where_it_is_known_what_lies_together(workspace: Workspace) -> None:
    ranking = ranking_of(workspace)
    ranking.clusters = None
    session = ReviewSession(workspace, ranking=ranking, in_background=False)
    assert FIXES not in session.orders
    session.close()


def test_a_cluster_that_is_too_long_is_cut(workspace: Workspace) -> None:
    ranking = ranking_of(workspace, {"red": MOST + 2, "green": 0, "blue": 0})
    session = ReviewSession(workspace, ranking=ranking, in_background=False, page_size=2 * MOST)
    session.set_view(order=FIXES)
    assert sorted(group.size for group in groups(session)) == [MOST // 2 + 1, MOST // 2 + 1]
    session.close()


def test_the_rest_waits_until_the_random_images_are_decided(session: ReviewSession) -> None:
    first, _ = groups(session)
    rest = members(session, first.id)[first.looks :]
    with pytest.raises(StoreError, match="one by one"):
        session.decide(rest, "group")
    look(session, first)
    session.decide(rest, "group")
    assert session.store.state.is_decided(rest[0])


def test_one_act_relabels_what_is_left_and_one_undo_takes_it_back(session: ReviewSession) -> None:
    first, _ = groups(session)
    look(session, first)
    out, *rest = undecided(session, first.id)
    session.decide(out, "keep")
    now, _ = groups(session)
    assert (now.to_look, now.rest, now.wrong, now.relabelled) == (0, len(rest), 0, first.looks)
    assert now.at_most is not None
    outcome = session.decide(rest, "group", seen=seen(session, rest, "green"))
    assert outcome.page is not None
    state = session.store.state
    assert {state.of(name).new_label for name in rest} == {"green"}  # type: ignore[union-attr]
    assert state.of(out).outcome == "keep"  # type: ignore[union-attr]
    events = [event for event in state.events if event.name in rest]
    assert len({event.act for event in events}) == 1
    assert {event.detail["at_most"] for event in events} == {now.at_most}
    assert page_data(session.page())["groups"][0]["settled"] == say(
        "review.fix_settled", relabelled=19, size=20, label="green"
    )
    session.undo()
    assert undecided(session, first.id) == rest
    assert groups(session)[0] == now


def test_going_on_decides_nothing(session: ReviewSession) -> None:
    look(session, groups(session)[0])
    before = session.store.state.last_seq
    session.confirm()
    assert session.store.state.last_seq == before
    session.set_view(order=FIXES)
    assert [group.size for group in groups(session)] == [20, 8]  # as it was, with what was decided on it


def test_what_somebody_decided_meanwhile_is_refused(session: ReviewSession, workspace: Workspace) -> None:
    first, _ = groups(session)
    look(session, first)
    rest = undecided(session, first.id)
    said = seen(session, rest, "green")
    with ReviewStore(workspace.state / "review.db", dataset=workspace.store.dataset, reviewer="Ben") as other:
        other.decide(rest[3], "keep", given={rest[3]: "red"})
    with pytest.raises(OutdatedError, match="decided since"):
        session.decide(rest, "group", seen=said)
    assert not session.store.state.is_decided(rest[0])
    session.decide(undecided(session, first.id), "group", seen=said)
    assert session.store.state.of(rest[3]).outcome == "keep"  # type: ignore[union-attr]


def test_an_act_on_another_page_or_another_suggestion_is_refused(session: ReviewSession) -> None:
    first, _ = groups(session)
    look(session, first)
    rest = undecided(session, first.id)
    with pytest.raises(OutdatedError, match="Another page"):
        session.decide(rest, "group", seen=replace(seen(session, rest, "green"), page_id="another"))
    with pytest.raises(OutdatedError, match="suggestion"):
        session.decide(rest, "group", seen=seen(session, rest, "blue"))
    with pytest.raises(OutdatedError, match="suggestion"):
        session.decide(rest, "group", "blue")


def test_only_one_group_at_a_time_and_only_among_groups(session: ReviewSession) -> None:
    first, second = groups(session)
    look(session, first)
    look(session, second)
    rest = undecided(session, first.id)
    with pytest.raises(StoreError, match="one group"):
        session.decide([*rest, *undecided(session, second.id)], "group")
    session.set_view(order="most suspicious")
    with pytest.raises(StoreError, match="one group"):
        session.decide(rest, "group")


def test_wrong_looks_raise_the_bound_and_what_was_taken_out_does_not_count_as_a_sample(
    workspace: Workspace,
) -> None:
    bounds = []
    for wrong in (0, 3):
        session = ReviewSession(workspace, ranking=ranking_of(workspace), in_background=False)
        session.set_view(order=FIXES)
        look(session, groups(session)[0], wrong=wrong)
        now = groups(session)[0]
        assert now.wrong == wrong
        bounds.append(now.at_most)
        session.decide(undecided(session, now.id)[0], "keep")
        assert groups(session)[0].at_most <= now.at_most  # type: ignore[operator]
        for _ in range(now.looks + 1):
            session.undo()
        session.close()
    assert bounds[0] < bounds[1]


def test_what_was_seen_in_one_group_of_a_pair_tells_about_the_next(workspace: Workspace) -> None:
    def second_bound(wrong: int) -> int:
        ranking = ranking_of(workspace, {"red": 2 * MOST - 30, "green": 0, "blue": 0})
        session = ReviewSession(workspace, ranking=ranking, in_background=False, page_size=2 * MOST)
        session.set_view(order=FIXES)
        first, second = groups(session)
        look(session, first, wrong=wrong)
        look(session, second)
        bound = groups(session)[1].at_most
        assert bound is not None
        for _ in range(first.looks + second.looks):
            session.undo()
        session.close()
        return bound

    assert second_bound(0) < second_bound(4)


def reopened(session: ReviewSession, workspace: Workspace) -> ReviewSession:
    session.close()
    again = ReviewSession(workspace, ranking=ranking_of(workspace), in_background=False)
    again.set_view(order=FIXES)
    return again


def test_a_group_that_was_begun_comes_again_as_it_was_after_a_restart(
    session: ReviewSession, workspace: Workspace
) -> None:
    before = groups(session)[0]
    looks = session.names[: before.looks]
    names = session.names[: before.size]
    session.decide(looks[0], "suggest")
    again = reopened(session, workspace)
    now = groups(again)[0]
    assert (now.id, now.size, now.looks) == (before.id, before.size, before.looks)
    assert now.to_look == before.looks - 1
    assert again.names[: before.size] == names
    for name in looks[1:]:
        again.decide(name, "suggest")
    last = reopened(again, workspace)
    ready = groups(last)[0]
    assert ready.at_most is not None
    assert (ready.to_look, ready.rest) == (0, before.size - before.looks)
    last.decide(names[before.looks :], "group", before.label)
    assert before.id not in [group.id for group in groups(reopened(last, workspace))]


def test_what_was_only_looked_at_is_formed_anew(session: ReviewSession, workspace: Workspace) -> None:
    first = groups(session)[0]
    session.decide(session.names[first.looks], "keep")  # none of the random ones
    again = reopened(session, workspace)
    assert first.id not in [group.id for group in groups(again)]
    again.close()


def test_a_group_of_a_class_that_has_another_name_now_is_formed_anew(
    session: ReviewSession, workspace: Workspace
) -> None:
    first = groups(session)[0]
    session.decide(session.names[0], "suggest")
    workspace.store.class_event("class_rename", first.given, "crimson")
    again = reopened(session, workspace)
    assert first.id not in [group.id for group in groups(again)]
    assert groups(again)[0].given == "crimson"
    again.close()


@pytest.mark.parametrize("text", ["{", '{"model": "made", "groups": [{"id": 1}]}', "[]"])
def test_groups_that_cannot_be_read_are_formed_anew(
    session: ReviewSession, workspace: Workspace, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    session.decide(session.names[0], "suggest")
    (file,) = workspace.state.glob("groups-*.json")
    file.write_text(text)
    again = reopened(session, workspace)
    assert groups(again)
    assert "groups-Ana.json" in caplog.text
    again.close()

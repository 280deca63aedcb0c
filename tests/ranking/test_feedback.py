"""Learning from decisions: what moves, what stays, and what is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rankings import CLASSES, make_ranking, make_set_ranking

from cleaner.ranking import Ranking
from cleaner.ranking.feedback import MovedGroup, judged, reorder
from cleaner.review import Choice, ReviewStore
from cleaner.widgets.panels.text import learnt_text
from cleaner.widgets.sentences import say


def first_decisions(ranking: Ranking, wrong: np.ndarray, n: int) -> dict[str, bool]:
    return {name: bool(wrong[ranking.row(name)]) for name in ranking.order()[:n]}


def test_few_decisions_change_nothing() -> None:
    ranking, wrong = make_ranking()
    learnt = reorder(ranking, first_decisions(ranking, wrong, 49))
    assert learnt.order(ranking).tolist() == ranking.order().tolist()
    assert (learnt.weight, learnt.is_changed, learnt.decisions) == (0.0, False, 49)


def test_decisions_of_one_kind_only_change_nothing() -> None:
    ranking, _ = make_ranking()
    learnt = reorder(ranking, dict.fromkeys(ranking.order()[:200], False))
    assert learnt.order(ranking).tolist() == ranking.order().tolist()


def test_a_pair_that_is_often_wrong_comes_first_and_is_named() -> None:
    ranking, wrong = make_ranking()
    decided = first_decisions(ranking, wrong, 96)
    learnt = reorder(ranking, decided)
    unseen = [name for name in learnt.order(ranking) if name not in decided]
    static = [name for name in ranking.order() if name not in decided]

    def hits(names: list[str]) -> int:
        return int(sum(wrong[ranking.row(name)] for name in names[:24]))

    assert (hits(static), hits(unseen)) == (8, 24)
    assert learnt.weight > 0.99
    found = sum(decided.values())
    n = sum(
        ranking.given[ranking.row(name)] == "shirt" and ranking.suggested[ranking.row(name)] == 1
        for name in decided
    )
    assert learnt.moved == MovedGroup(given="shirt", suggested="hat", decided=n, wrong=found, is_raised=True)


def test_of_several_labels_one_that_is_often_extra_comes_first_and_is_named() -> None:
    ranking, truth = make_set_ranking()
    wrong = np.array([truth[name] != given for name, given in zip(ranking.names, ranking.given, strict=True)])
    decided = first_decisions(ranking, wrong, 96)
    learnt = reorder(ranking, decided)
    asked = ranking.unseen()
    extra_bag = np.flatnonzero((asked.given == 0) & (asked.suggested == 3))
    rest = [name for name in learnt.order(ranking) if name not in decided]
    hits = [
        sum(wrong[ranking.row(name)] for name in some[:24]) for some in (ranking.order()[96:].tolist(), rest)
    ]
    assert hits[1] > 2 * hits[0]
    moved = learnt.moved
    assert moved is not None
    assert (moved.given, moved.suggested, moved.doubt, moved.is_raised) == ("bag", None, "extra", True)
    assert moved.wrong == sum(decided.values())
    assert moved.decided == sum(ranking.names[row] in decided for row in extra_bag)
    assert say("analysis.learnt.extra", label="bag") in learnt_text(learnt)


def test_images_of_a_source_that_is_often_wrong_come_earlier() -> None:
    ranking, wrong = make_ranking()
    rng = np.random.default_rng(5)
    by = np.where(np.arange(len(wrong)) % 10 == 0, -1, rng.integers(0, 3, len(wrong)))
    wrong = rng.random(len(wrong)) < np.where(by == 2, 0.6, 0.1)
    decided = first_decisions(ranking, wrong, 96)
    moved = reorder(ranking, decided, [by]).log_odds - reorder(ranking, decided).log_odds
    unknown, first, second, bad = (float(moved[by == group].mean()) for group in (-1, 0, 1, 2))
    assert unknown == pytest.approx(0, abs=1e-6)
    assert bad > 0.5
    assert max(first, second) < 0
    assert all(np.ptp(moved[by == group]) < 1e-5 for group in (-1, 0, 1, 2))


def test_a_source_that_explains_nothing_moves_next_to_nothing() -> None:
    ranking, wrong = make_ranking()
    decided = first_decisions(ranking, wrong, 96)
    by = np.random.default_rng(1).integers(0, 5, len(wrong))
    moved = reorder(ranking, decided, [by]).log_odds - reorder(ranking, decided).log_odds
    assert np.abs(moved).max() < 0.3
    nothing = reorder(ranking, decided, [np.full(len(wrong), -1)]).log_odds
    np.testing.assert_array_equal(nothing, reorder(ranking, decided).log_odds)


def test_unlabelled_and_unknown_images_are_passed_over() -> None:
    ranking, wrong = make_ranking()
    decided = first_decisions(ranking, wrong, 96)
    before = reorder(ranking, decided)
    name = ranking.names[-1]
    unlabelled = Ranking(
        ranking.names,
        ranking.splits,
        [*ranking.given[:-1], None],
        classes=CLASSES,
        posterior=ranking.posterior,
        predicted=ranking.predicted,
        signals=ranking.signals,
        model="made",
    )
    after = reorder(unlabelled, {**decided, "elsewhere.png": True, name: True})
    assert np.isnan(after.log_odds[-1])
    assert not np.isnan(after.log_odds[:-1]).any()
    assert after.order(unlabelled)[-1] == name
    assert after.decisions == before.decisions - (name in decided)


def test_decisions_on_images_that_the_ranking_does_not_know_teach_nothing() -> None:
    ranking, wrong = make_ranking()
    decided = first_decisions(ranking, wrong, 96)
    before, after = reorder(ranking, decided), reorder(ranking, {"elsewhere.png": True, **decided})
    assert (after.decisions, after.errors) == (before.decisions, before.errors)
    np.testing.assert_array_equal(after.log_odds, before.log_odds)


@pytest.mark.parametrize("make", [make_ranking, make_set_ranking])
def test_many_images_are_learnt_about_block_by_block_and_alike(
    make: Callable[[], tuple[Ranking, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    ranking, _ = make()
    decided = {name: i % 3 == 0 for i, name in enumerate(ranking.order()[:150].tolist())}
    whole, said = reorder(ranking, decided), ranking.beliefs(ranking.unseen())
    assert whole.is_changed
    for module in ("feedback", "result"):
        monkeypatch.setattr(f"cleaner.ranking.{module}._BLOCK", 70)
    np.testing.assert_allclose(reorder(ranking, decided).log_odds, whole.log_odds, rtol=1e-5)
    for part, all_at_once in zip(ranking.beliefs(ranking.unseen()), said, strict=True):
        np.testing.assert_allclose(part, all_at_once, rtol=1e-6)


def test_the_entropy_of_what_is_believed_is_highest_where_all_classes_are_alike() -> None:
    ranking, _ = make_ranking()
    ranking.predicted[0], ranking.predicted[1] = 1 / 3, (1, 0, 0)
    entropy = ranking.beliefs(ranking.unseen()).entropy
    assert entropy[0] == pytest.approx(np.log(3), abs=1e-6)
    assert entropy[1] == pytest.approx(0, abs=1e-6)


def test_a_single_class_stays_as_it_is() -> None:
    n = 100
    ranking = Ranking(
        [f"{i:03d}" for i in range(n)],
        ["train"] * n,
        ["bag"] * n,
        classes=["bag"],
        posterior=np.ones((n, 1)),
        predicted=np.ones((n, 1)),
        signals={"pooled": np.linspace(0.1, 0.2, n), "loss": np.zeros(n)},
        model="made",
    )
    learnt = reorder(ranking, {name: i % 2 == 0 for i, name in enumerate(ranking.names)})
    assert learnt.order(ranking).tolist() == ranking.order().tolist()


def test_the_same_decisions_give_the_same_order() -> None:
    ranking, wrong = make_ranking()
    decided = first_decisions(ranking, wrong, 150)
    first, second = reorder(ranking, decided), reorder(ranking, decided)
    assert first.order(ranking).tolist() == second.order(ranking).tolist()
    assert first.moved == second.moved


def test_only_decisions_on_this_ranking_count_and_only_those_that_judge(tmp_path: Path) -> None:
    ranking, _ = make_ranking(8)
    store = ReviewStore(tmp_path / "review.db", dataset="set", reviewer="ann")
    names = ranking.names
    given = dict(zip(names, ranking.given, strict=True))
    store.decide(names[0], "keep", given=given, model="an earlier one")
    store.decide(names[1], "delete", given=given, model="made")
    store.decide(names[2], "unsure", given=given, model="made")
    store.decide(names[3], "relabel", "sock", given=given, model="made")
    store.decide(names[4], "relabel", given[names[4]], given=given, model="made")
    store.decide(names[5], "relabel", "hat", given={names[5]: None}, model="made")
    store.decide(names[6], "delete", given=given, model="made")
    store.undo()
    store.confirm([names[7]], given=given, model="made")
    store.record([Choice(name=names[6], action="delete", detail={"reason": "dark"})], model="made")
    store.record([Choice(name=names[7], action="delete", detail={"reason": "duplicate"})], model="made")
    assert judged(store.state, ranking) == {names[1]: True, names[3]: True, names[4]: False, names[7]: False}
    store.close()


@pytest.mark.parametrize("n_classes", [2, 200])
def test_any_number_of_classes(n_classes: int) -> None:
    rng = np.random.default_rng(1)
    n = 800
    predicted = rng.dirichlet(np.full(n_classes, 0.05), n)
    given = np.where(rng.random(n) < 0.8, predicted.argmax(axis=1), rng.integers(0, n_classes, n))
    classes = [f"c{c:03d}" for c in range(n_classes)]
    p = 1 - predicted[np.arange(n), given]
    ranking = Ranking(
        [f"{i:04d}" for i in range(n)],
        ["train"] * n,
        [classes[c] for c in given],
        classes=classes,
        posterior=predicted,
        predicted=predicted,
        signals={"pooled": p, "loss": -np.log(np.maximum(1 - p, 1e-9))},
        model="made",
    )
    decided = {name: bool(rng.random() < 0.4) for name in ranking.order()[:450]}
    early = dict(list(decided.items())[: max(50, 2 * n_classes) - 1])
    assert reorder(ranking, early).order(ranking).tolist() == ranking.order().tolist()
    learnt = reorder(ranking, decided)
    assert learnt.is_changed
    assert np.isfinite(learnt.log_odds).all()
    assert sorted(learnt.order(ranking)) == ranking.names

"""What a ranking thinks of labels that were decided on before it was made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from test_ranking import Set, clusters

from cleaner.ranking import Ranking, rank
from cleaner.ranking.feedback import judged, reorder
from cleaner.ranking.originals import best_other
from cleaner.ranking.posterior import Posterior
from cleaner.ranking.renaming import under_present_names
from cleaner.review import ReviewStore

LOOKS = 60


@pytest.fixture(scope="module")
def made() -> Set:
    return clusters(wrong=0.2, spread=0.9)


@pytest.fixture(scope="module")
def first(made: Set) -> Ranking:
    return rank(made, made)


@pytest.fixture(scope="module")
def decided(made: Set, first: Ranking) -> dict[str, bool]:
    wrong = dict(zip(made.names, made.labels != made.truth, strict=True))
    return {name: bool(wrong[name]) for name in first.order()[:LOOKS]}


@pytest.fixture(scope="module")
def second(made: Set, decided: dict[str, bool]) -> Ranking:
    """Rank again after the decisions; the last of the wrong images are deleted."""
    truth = dict(zip(made.names, made.truth, strict=True))
    labels: dict[str, str | None] = {name: truth[name] for name, error in decided.items() if error}
    labels |= dict.fromkeys(list(labels)[-5:])
    return rank(made, made, labels=labels, trusted=[name for name, error in decided.items() if not error])


def test_decided_labels_are_judged_as_if_nobody_had_decided(
    first: Ranking, second: Ranking, decided: dict[str, bool]
) -> None:
    before = second.originals
    assert before is not None
    names = [second.names[row] for row in before.rows]
    assert set(names) == set(decided)
    assert [second.classes[code] for code in before.given] == [first.given[first.row(n)] for n in names]
    assert (before.suggested != before.given).all()
    wrong = np.array([decided[name] for name in names])
    assert np.median(before.log_odds[wrong]) > np.median(before.log_odds[~wrong])
    then = [first.features["log_odds"][first.row(name)] for name in names]
    assert np.corrcoef(before.log_odds, then)[0, 1] > 0.7


def test_nothing_is_kept_where_nothing_was_decided(first: Ranking) -> None:
    assert first.originals is not None
    assert len(first.originals.rows) == 0
    seen = first.unseen()
    np.testing.assert_array_equal(seen.given, first.codes)
    assert seen.is_open.all()


def test_what_is_kept_is_saved_and_follows_classes_that_become_one(second: Ranking, tmp_path: Path) -> None:
    read = Ranking.load(second.save(tmp_path))
    assert read.originals is not None
    np.testing.assert_array_equal(read.originals.log_odds, second.originals.log_odds)  # type: ignore[union-attr]
    merged = under_present_names(read, lambda label: "c000" if label == "c001" else label)
    given, suggested, *_ = merged.unseen()
    rows = read.originals.rows
    now = [merged.classes[code] for code in given[rows]]
    assert "c001" not in now
    assert now.count("c000") > 0
    assert (given[rows] != suggested[rows]).all()


def test_a_new_ranking_goes_on_with_what_the_decisions_taught(
    made: Set, second: Ranking, decided: dict[str, bool]
) -> None:
    nothing, carried = Posterior(second, {}), Posterior(second, decided)
    assert (carried.decisions, carried.errors) == (LOOKS, sum(decided.values()))
    rest = [name for name in made.names if name not in decided]
    left = sum(made.labels[i] != made.truth[i] for i, name in enumerate(made.names) if name not in decided)
    knows, guesses = carried.count(rest), nothing.count(rest)
    assert knows.low <= left <= knows.high
    assert knows.high - knows.low < guesses.high - guesses.low
    assert carried.count(decided) == (0, 0, 0)
    rows = [second.row(name) for name in decided]
    assert set(carried.probability[rows][~np.isnan(carried.probability[rows])]) == {0.0}
    assert not carried.draw(20)[:, rows].any()


def test_the_order_goes_on_too_and_leaves_decided_images_last(
    second: Ranking, decided: dict[str, bool]
) -> None:
    learnt = reorder(second, decided)
    assert learnt.is_changed
    assert learnt.decisions == LOOKS
    assert set(learnt.order(second)[-LOOKS:]) == set(decided)


def test_decisions_before_a_ranking_count_if_it_knows_the_labels_from_before(
    second: Ranking, tmp_path: Path
) -> None:
    with ReviewStore(tmp_path / "review.db", dataset="set", reviewer="ann") as store:
        names = second.names
        given = dict.fromkeys(names, "c000")
        store.decide(names[0], "keep", given=given, model="an earlier one")
        store.decide(names[1], "delete", given=given, model=second.model)
        store.decide(names[2], "unsure", given=given, model=second.model)
        assert judged(store.state, second) == {names[0]: False, names[1]: True}


def test_the_best_other_class_is_never_the_given_one() -> None:
    posterior = np.array([[0.9, 0.1, 0.0], [0.2, 0.3, 0.5], [0.2, 0.3, 0.5]])
    assert best_other(posterior, np.array([0, 2, -1])).tolist() == [1, 1, 2]
    assert best_other(np.ones((1, 1)), np.array([0])).tolist() == [-1]

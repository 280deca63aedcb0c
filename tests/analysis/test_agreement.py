"""How far reviewers agree: figures worked out by hand, and intervals that hold."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from cleaner.analysis.agreement import agreement, cohens_kappa
from cleaner.audit.bound import most_rate
from cleaner.audit.known import Known, known_results, most_missed
from cleaner.errors import RankingError
from cleaner.review import Choice, ReviewStore
from cleaner.review.events import Blind
from cleaner.review.opinions import Answer


def test_kappa_by_hand() -> None:
    """p_o = 35 / 50; by chance 0.5 · 0.6 + 0.5 · 0.4 = 0.5."""
    pairs = [("yes", "yes")] * 20 + [("yes", "no")] * 5 + [("no", "yes")] * 10 + [("no", "no")] * 15
    found = cohens_kappa(pairs)
    assert found is not None and found.point == pytest.approx(0.4)
    # Wilson's interval of 35 of 50: 0.5625 to 0.8090
    assert found.low == pytest.approx((0.5625 - 0.5) / 0.5, abs=5e-4)
    assert found.high == pytest.approx((0.8090 - 0.5) / 0.5, abs=5e-4)


def test_kappa_as_scikit_learn_has_it() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        first = rng.choice(list("abcd"), 60, p=[0.7, 0.1, 0.1, 0.1])
        second = np.where(rng.random(60) < 0.6, first, rng.choice(list("abcd"), 60))
        found = cohens_kappa(list(zip(first.tolist(), second.tolist(), strict=True)))
        assert found is not None and found.point == pytest.approx(cohen_kappa_score(first, second))
        assert found.low <= found.point <= found.high


def test_kappa_is_not_told_where_chance_alone_makes_both_agree() -> None:
    assert cohens_kappa([]) is None
    assert cohens_kappa([("keep", "keep")] * 30) is None


def test_the_interval_of_kappa_is_no_point_where_all_answers_are_equal() -> None:
    found = cohens_kappa([("keep", "keep")] * 18 + [("delete", "delete")] * 2)
    assert found is not None and found.point == 1 and found.high == pytest.approx(1)
    assert found.low < 0.3


@pytest.mark.parametrize("errors", [0.05, 0.3])
@pytest.mark.parametrize("slip", [0.02, 0.2])
def test_the_interval_of_kappa_holds(errors: float, slip: float) -> None:
    """Two raters who each see the truth but for their slips; 600 pairs of them, 100 images each."""
    rng = np.random.default_rng(7)

    def rated(truth: np.ndarray) -> np.ndarray:
        return np.asarray(truth ^ (rng.random(truth.shape) < slip))

    many = rng.random(400_000) < errors
    true = cohen_kappa_score(rated(many), rated(many))
    held = told = 0
    for _ in range(600):
        truth = rng.random(100) < errors
        found = cohens_kappa(list(zip(rated(truth).tolist(), rated(truth).tolist(), strict=True)))
        told += found is not None
        held += found is not None and found.low <= true <= found.high
    assert held >= 0.93 * told


def test_the_highest_rate_holds_whenever_one_looks() -> None:
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(400):
        errors = np.cumsum(rng.random(150) < 0.1)
        held += all(most_rate(int(k), n, alpha=0.05) >= 0.1 for n, k in enumerate(errors, start=1))
    assert held >= 0.95 * 400
    assert most_rate(0, 0, alpha=0.05) == 1 and most_rate(3, 3, alpha=0.05) == 1
    assert 0.1 < most_rate(2, 50, alpha=0.05) < 0.25
    with pytest.raises(RankingError, match="no more errors than looks"):
        most_rate(2, 1, alpha=0.05)


def answer(says: str, truth: str, *, unaided: bool = False, known: bool = True) -> Answer:
    return Answer("a", "ben", Blind.SECOND, (says, None), "expert", (truth, None), known, unaided)


def test_answers_to_known_images_by_what_was_missed_and_what_was_a_false_alarm() -> None:
    answers = [
        answer("keep", "label"),
        answer("label", "label", unaided=True),
        answer("delete", "label"),  # noticed, whatever label it is
        answer("keep", "keep", unaided=True),
        answer("unsure", "keep"),
        answer("keep", "label", known=False),
    ]
    assert known_results(answers) == (Known("ben", wrong=3, missed=1, right=2, alarms=1),)
    assert known_results(answers, unaided=True) == (Known("ben", wrong=1, missed=0, right=1, alarms=0),)


def test_the_worst_reviewer_of_an_audit_counts_and_all_limits_hold_at_once() -> None:
    one = [answer("label", "label", unaided=True)] * 30
    assert most_missed([answer("keep", "label"), answer("keep", "keep", unaided=True)], alpha=0.05) is None
    assert most_missed(one, alpha=0.05) == most_rate(0, 30, alpha=0.05)
    other = [each._replace(reviewer="cat", says=("keep", None)) for each in one[:3]] + [
        each._replace(reviewer="cat") for each in one[3:]
    ]
    assert most_missed([*one, *other], alpha=0.05) == most_rate(3, 30, alpha=0.025)


def test_the_agreement_of_a_set() -> None:
    with ReviewStore("sqlite://", dataset="set", reviewer="ann") as store:
        assert not agreement(store.state)
        store.share_blind(second=1.0, again=1.0)
        given = dict.fromkeys("abcd", "cat")
        store.decide(list("ab"), "keep", given=given)
        store.decide(list("cd"), "relabel", "dog", given=given)
        answers = {"a": ("keep", None), "b": ("delete", None), "c": ("relabel", "dog"), "d": ("unsure", None)}
        store.record(
            [
                Choice(name=name, action=action, label=label, given="cat", detail={"blind": "second"})
                for name, (action, label) in answers.items()
            ],
            reviewer="Ben",
        )
        store.record([Choice(name="a", action="delete", given="cat", detail={"blind": "again"})])
        found = agreement(store.state)
    (pair,) = found.pairs
    assert (pair.first, pair.second, pair.images, pair.same) == ("Ben", "ann", 3, 2)
    # Ben: keep, delete, dog; ann: keep, keep, dog. By chance 1/3 · 2/3 + 1/3 · 1/3 = 1/3.
    assert pair.kappa is not None and pair.kappa.point == pytest.approx((2 / 3 - 1 / 3) / (2 / 3))
    assert [(each.reviewer, each.images, each.same) for each in found.own] == [("ann", 1, 0)]

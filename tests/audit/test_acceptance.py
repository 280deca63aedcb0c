from __future__ import annotations

import json
from dataclasses import replace
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleaner.audit.acceptance import Plan, PlanKind, Terms, Verdict, plan_for
from cleaner.audit.audit import Audit
from cleaner.audit.bound import most_with_misses
from cleaner.errors import RankingError

NAMES = [f"shirt/{i:04d}.jpg" for i in range(500)]
KEEP = ("keep", None)
WRONG = ("relabel", "dress")
WIDE = Terms(aql=0.1, ltpd=0.5, alpha=0.2, beta=0.2)


def arrangements(population: int, errors: int) -> list[list[bool]]:
    """Return every order in which a lot can be drawn; all are equally probable."""
    places = combinations(range(population), errors)
    return [[i in chosen for i in range(population)] for chosen in map(set, places)]


def by_counting(plan: Plan, errors: int) -> tuple[float, float]:
    """Return the chance of acceptance and the mean looks, from every order there is."""
    said = [plan.verdict(order) for order in arrangements(plan.population, errors)]
    assert all(verdict is not Verdict.GO_ON for verdict, _ in said)
    return (
        float(np.mean([verdict is Verdict.ACCEPT for verdict, _ in said])),
        float(np.mean([looks for _, looks in said])),
    )


terms = st.builds(
    Terms,
    aql=st.sampled_from([0.0, 0.05, 0.1, 0.2]),
    ltpd=st.sampled_from([0.3, 0.5, 0.7]),
    alpha=st.sampled_from([0.02, 0.1, 0.3]),
    beta=st.sampled_from([0.02, 0.1, 0.3]),
)


@settings(max_examples=60, deadline=None)
@given(st.integers(3, 10), terms, st.sampled_from(list(PlanKind)))
def test_both_risks_hold_as_every_order_shows(population: int, asked: Terms, kind: PlanKind) -> None:
    plan = plan_for(population, asked, kind)
    counted = [by_counting(plan, errors) for errors in range(population + 1)]
    chances, looks = plan.characteristic(range(population + 1))
    assert chances == pytest.approx([chance for chance, _ in counted])
    assert looks == pytest.approx([mean for _, mean in counted])
    assert counted[asked.good(population)][0] >= 1 - asked.alpha - 1e-9
    assert all(chance <= asked.beta + 1e-9 for chance, _ in counted[asked.bad(population) :])


@settings(max_examples=40, deadline=None)
@given(st.integers(3, 10), terms)
def test_no_smaller_single_sample_keeps_both_risks(population: int, asked: Terms) -> None:
    plan = plan_for(population, asked)
    good, bad = asked.good(population), asked.bad(population)
    for n in range(1, plan.looks):
        for c in range(n):
            smaller = Plan(PlanKind.SINGLE, asked, population, (-1,) * (n - 1) + (c,), (c + 1,) * n)
            fair, dangerous = (by_counting(smaller, errors)[0] for errors in (good, bad))
            assert fair < 1 - asked.alpha or dangerous > asked.beta


def test_no_double_plan_of_equal_samples_takes_fewer_images_on_average() -> None:
    best = plan_for(12, WIDE, PlanKind.DOUBLE)
    good, bad = WIDE.good(12), WIDE.bad(12)

    def uncurtailed(n: int, c1: int, c2: int) -> float:
        firsts = [sum(order[:n]) for order in arrangements(12, good)]
        return n * (1 + float(np.mean([c1 < found <= c2 for found in firsts])))

    means = []
    for n in range(1, 7):
        for c1, c2 in product(range(-1, 5), range(6)):
            accept = (*(-1,) * (n - 1), c1, *(-1,) * (n - 1), c2)
            plan = Plan(PlanKind.DOUBLE, WIDE, 12, accept, (c2 + 1,) * (2 * n))
            if c1 < c2 and by_counting(plan, good)[0] >= 0.8 and by_counting(plan, bad)[0] <= 0.2:
                means.append(uncurtailed(n, c1, c2))
    n = best.looks // 2
    assert uncurtailed(n, best.accept[n - 1], best.accept[-1]) == pytest.approx(min(means))


def test_double_and_sequential_take_fewer_images_on_average_of_a_good_lot() -> None:
    looks = {kind: plan_for(3000, Terms(), kind).characteristic([30])[1][0] for kind in PlanKind}
    assert looks[PlanKind.SEQUENTIAL] < looks[PlanKind.DOUBLE] < looks[PlanKind.SINGLE]


def test_the_chances_with_a_reviewer_who_errs_are_those_of_every_order_and_every_answer() -> None:
    asked = Terms(aql=0.1, ltpd=0.6, alpha=0.3, beta=0.3, misses=0.2, false_alarms=0.05)
    plan = plan_for(6, asked, PlanKind.SEQUENTIAL)
    for errors in range(7):
        total = 0.0
        orders = arrangements(6, errors)
        for order, slips in product(orders, product([False, True], repeat=6)):
            rates = [asked.misses if wrong else asked.false_alarms for wrong in order]
            chance = np.prod([r if slip else 1 - r for r, slip in zip(rates, slips, strict=True)])
            called = [wrong ^ slip for wrong, slip in zip(order, slips, strict=True)]
            total += float(chance) * (plan.verdict(called)[0] is Verdict.ACCEPT) / len(orders)
        assert plan.characteristic([errors])[0][0] == pytest.approx(total)


def test_a_reviewer_who_misses_errors_needs_a_larger_sample() -> None:
    assert plan_for(3000, Terms(misses=0.1)).looks > plan_for(3000, Terms()).looks


def test_unsure_at_the_end_of_a_sequential_plan_does_not_open_it_again() -> None:
    plan = plan_for(3000, Terms(), PlanKind.SEQUENTIAL)
    first = plan.stages[0].looks
    assert plan.verdict([False] * (first - 1)) == (Verdict.GO_ON, first - 1)
    assert plan.verdict([False] * first + [True] * 50) == (Verdict.ACCEPT, first)


@pytest.mark.parametrize(
    "bad",
    [
        {"aql": 0.05, "ltpd": 0.05},
        {"ltpd": 1.5},
        {"alpha": 0.0},
        {"beta": 0.5},
        {"misses": 1.0},
        {"misses": -0.1},
        {"aql": float("nan")},
    ],
)
def test_shares_that_cannot_be_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(RankingError, match="expected"):
        Terms(**bad)


def test_a_lot_in_which_nobody_can_tell_is_said() -> None:
    with pytest.raises(RankingError, match="who errs so often"):
        plan_for(20, Terms(misses=0.3))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 6), st.sampled_from([0.0, 0.1, 0.5]), st.sampled_from([0.013, 0.09]))
def test_errors_behind_a_reviewer_who_misses_some(seen: int, misses: float, alpha: float) -> None:
    most = most_with_misses(seen, misses, population=300, alpha=alpha)

    def at_most_seen(errors: int) -> float:
        rng = np.arange(errors + 1)
        chance = np.array([1.0])
        for _ in range(errors):
            chance = np.convolve(chance, [misses, 1 - misses])
        return float(chance[rng <= seen].sum())

    assert at_most_seen(most) > alpha - 1e-12
    assert alpha >= at_most_seen(most + 1) - 1e-12


# -------------------------------------------------------------------- with an audit


def planned(kind: PlanKind = PlanKind.SINGLE, **parts: list[str]) -> Audit:
    return Audit.planned(parts or {"": NAMES}, Terms(), kind, by="class" if parts else "", seed="a")


def test_the_sample_of_a_plan_is_the_start_of_the_order() -> None:
    audit = planned()
    plan = audit.rounds[0].plan
    assert plan is not None
    outcomes = dict.fromkeys(audit.sequence[: plan.looks], KEEP)
    said = audit.acceptance(outcomes)
    assert said is not None and said.verdict is Verdict.ACCEPT
    assert said.inspections[0].sample == audit.sequence[: plan.looks]
    del outcomes[audit.sequence[3]]
    before = audit.acceptance(outcomes)
    assert before is not None and before.verdict is Verdict.GO_ON
    assert before.inspections[0].sample == audit.sequence[:3]


@pytest.mark.parametrize("outcome", ["delete", "relabel", "unsure", None])
def test_wrong_unsure_and_gone_images_count_as_errors(outcome: str | None) -> None:
    audit = planned()
    outcomes = dict.fromkeys(audit.sequence[:60], KEEP)
    for name in audit.sequence[10:40]:
        outcomes.pop(name)
        if outcome:
            outcomes[name] = (outcome, None)
    said = audit.acceptance(outcomes, is_there=lambda name: name not in audit.sequence[10:40])
    assert said is not None and said.verdict is Verdict.REJECT
    each = said.inspections[0]
    assert each.errors + each.open == each.plan.reject[0]
    assert bool(each.open) is (outcome in ("unsure", None))


def test_discarded_images_are_passed_over_and_a_lot_that_ends_is_known_whole() -> None:
    audit = Audit.planned({"": NAMES[:40]}, Terms(), PlanKind.SINGLE, seed="a")
    outcomes = dict.fromkeys(audit.sequence, ("discard", None)) | dict.fromkeys(audit.sequence[:5], KEEP)
    said = audit.acceptance(outcomes)
    assert said is not None and said.verdict is Verdict.ACCEPT
    assert (len(said.inspections[0].sample), said.inspections[0].discarded) == (5, 35)
    bad = audit.acceptance(outcomes | dict.fromkeys(audit.sequence[:2], WRONG))
    assert bad is not None and bad.verdict is Verdict.REJECT


def test_a_plan_for_each_class_shares_the_risks_and_shows_all_samples_first() -> None:
    audit = planned(cat=NAMES[:300], dog=NAMES[300:350])
    plans = {each.part: each.plan for each in audit.rounds}
    assert [plan and plan.terms.beta for plan in plans.values()] == [0.025, 0.025]
    needed = sum(plan.looks for plan in plans.values() if plan is not None)
    outcomes = dict.fromkeys(audit.sequence[:needed], KEEP)
    said = audit.acceptance(outcomes)
    assert said is not None and said.verdict is Verdict.ACCEPT
    dogs = next(each for each in said.inspections if each.part == "dog")
    worse = audit.acceptance(outcomes | dict.fromkeys(dogs.sample, WRONG))
    assert worse is not None and worse.verdict is Verdict.REJECT
    verdicts = {each.part: each.verdict for each in worse.inspections}
    assert verdicts == {"cat": Verdict.ACCEPT, "dog": Verdict.REJECT}


def test_the_class_that_is_too_small_is_named() -> None:
    with pytest.raises(RankingError, match=r"^dog: "):
        Audit.planned({"cat": NAMES[:400], "dog": NAMES[400:410]}, Terms(misses=0.2), PlanKind.SINGLE)


def test_a_plan_is_kept_with_the_audit_and_the_audit_before_it_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "audit-bears.json"
    first = Audit.begin(path, NAMES, {})
    outcomes = dict.fromkeys(first.sequence[:30], KEEP) | {first.sequence[4]: WRONG}
    Audit.begin_anew(path, planned(cat=NAMES[:300], dog=NAMES[300:]), outcomes)
    kept = Audit.load(path)
    assert kept is not None and kept.rounds == planned_rounds(kept)
    assert [(each.looks, each.errors, each.verdict) for each in kept.earlier] == [(30, 1, None)]
    before = Audit.load(path.with_suffix(".1.json"))
    assert before is not None and before.sequence == first.sequence
    joined = Audit.begin(path, [*NAMES, "new.jpg"], {})
    assert joined.acceptance({}) == kept.acceptance({})


def planned_rounds(audit: Audit) -> tuple[object, ...]:
    """Draw the same rounds anew from what the audit says of itself."""
    parts = {"cat": NAMES[:300], "dog": NAMES[300:]}
    seed = audit.rounds[0].seed.partition("\0")[0]
    again = Audit.planned(parts, Terms(), PlanKind.SINGLE, by="class", seed=seed)
    return tuple(
        type(each)(each.names, each.after, each.seed, kept.began, each.contents, each.plan, each.part)
        for each, kept in zip(again.rounds, audit.rounds, strict=True)
    )


def test_an_audit_without_a_plan_can_be_read_by_earlier_versions(tmp_path: Path) -> None:
    Audit.begin(tmp_path / "a.json", NAMES, {})
    kept = json.loads((tmp_path / "a.json").read_text())
    assert kept["format"] == 1
    assert set(kept["rounds"][0]) == {"began", "seed", "after", "names", "contents"}


# -------------------------------------------------------------------- reviewers whose misses were measured


@pytest.mark.parametrize("kind", list(PlanKind))
def test_both_rates_are_upper_limits(kind: PlanKind) -> None:
    """A good set is accepted though no error is missed, a bad one rejected without a false alarm."""
    terms = Terms(misses=0.1, false_alarms=0.002)
    plan = plan_for(3000, terms, kind)
    for misses, false_alarms in product((0.0, 0.05, 0.1), (0.0, 0.001, 0.002)):
        other = replace(plan, terms=replace(terms, misses=misses, false_alarms=false_alarms))
        good, bad = other.characteristic([30, 150])[0]
        assert good >= 0.95 - 1e-9 and bad <= 0.05 + 1e-9


def test_half_of_the_consumers_risk_is_for_misses_that_were_measured() -> None:
    parts = {"a": NAMES[:250], "b": NAMES[250:]}
    terms = Terms(ltpd=0.1, misses=0.1, measured=True)
    audit = Audit.planned(parts, terms, PlanKind.SINGLE, by="split", seed="s")
    plans = [each.plan for each in audit.rounds]
    assert [(plan.terms.alpha, plan.terms.beta) for plan in plans if plan] == [(0.025, 0.0125)] * 2
    said = audit.acceptance({})
    assert said is not None and (said.terms.alpha, said.terms.beta) == (0.05, 0.05)


def test_terms_that_earlier_versions_know_are_kept_as_they_read_them() -> None:
    assert "measured" not in Terms().to_json()
    assert Terms(**Terms(measured=True).to_json()).measured
    assert Plan.from_json(json.loads(json.dumps(plan_for(300, Terms()).to_json()))) == plan_for(300, Terms())


def test_misses_widen_the_certificate_at_the_same_confidence() -> None:
    audit = Audit.begun(NAMES, seed="s")
    outcomes = dict.fromkeys(audit.sequence[:300], ("keep", None)) | {audit.sequence[5]: ("delete", None)}
    plain, wide = audit.certificate(outcomes), audit.certificate(outcomes, misses=0.2)
    assert wide.left > plain.left and wide.confidence == plain.confidence == 0.95 and wide.misses == 0.2
    assert audit.certificate(outcomes, misses=0.0).left >= plain.left
    assert audit.certificate(outcomes, misses=1.0).left == 500 - 1

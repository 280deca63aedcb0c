from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cleaner.analysis.observations import Codes, Observations, Source
from cleaner.analysis.patterns import Pattern, Patterns, find_patterns

CLASSES = ["dress", "longsleeve", "pants", "shirt", "t-shirt"]
SIZES = np.array([60, 140, 120, 130, 150])
DRESS, LONGSLEEVE, PANTS, SHIRT, TSHIRT = range(5)


def world(
    seed: int = 0,
    *,
    errors: int = 130,
    looks: int = 300,
    audited: int = 0,
    pair: tuple[int, int, float] | None = None,
) -> Observations:
    """Make looks at images whose errors fall anywhere; of those of one class a share may go to another."""
    rng = np.random.default_rng(seed)
    given = np.repeat(np.arange(5), SIZES)
    n = len(given)
    wrong, right = np.zeros(n, bool), np.full(n, -1)
    wrong[rng.permutation(n)[:errors]] = True
    for i in np.flatnonzero(wrong):
        odds = np.where(np.arange(5) == given[i], 0, SIZES)
        right[i] = rng.choice(5, p=odds / odds.sum())
        if pair is not None and given[i] == pair[0] and rng.random() < pair[2]:
            right[i] = pair[1]
    suspicion = rng.normal(size=n) + 2 * wrong
    look, random_order = np.zeros(n, np.int64), rng.permutation(n)[:audited]
    first = [*random_order, *(i for i in np.argsort(-suspicion) if i not in set(random_order))][:looks]
    look[first] = 1 + np.arange(len(first))
    sample = np.zeros(n, np.int64)
    sample[random_order] = 1 + np.arange(audited)
    guess = rng.integers(0, 5, n)
    return Observations(
        names=[f"{CLASSES[c]}/{i:03d}.jpg" for i, c in enumerate(given)],
        classes=CLASSES,
        given=given,
        look=look,
        wrong=wrong & (look > 0),
        right=np.where(look > 0, right, -1),
        suggested=np.where(wrong & (rng.random(n) < 0.8), right, guess),
        audited=sample,
        score=1 / (1 + np.exp(-(2 * (suspicion - 1) + math.log((errors + 0.5) / (n - errors))))),
        sources={"folder": source(rng.integers(0, 4, n)), "annotator": source(rng.integers(0, 3, n))},
    )


def source(codes: Codes) -> Source:
    return Source(codes=codes, groups=[f"g{i}" for i in range(int(codes.max()) + 1)])


def found(seen: Observations, kind: str) -> list[Pattern]:
    return [each for each in find_patterns(seen).found if each.kind == kind]


def changed(seen: Observations, **arrays: Any) -> Observations:
    return replace(seen, **arrays)


# -------------------------------------------------------------------- what is found


def test_wrong_labels_of_one_class_that_belong_to_another_are_found_as_a_pair() -> None:
    (finding,) = found(world(pair=(SHIRT, LONGSLEEVE, 0.6)), "pair")
    assert (finding.given, finding.right) == ("shirt", "longsleeve")
    assert finding.p < 0.05


def test_a_pair_comes_with_counts_and_what_chance_would_do() -> None:
    seen = world(pair=(SHIRT, LONGSLEEVE, 0.6))
    moves = seen.moves()[SHIRT]
    (finding,) = found(seen, "pair")
    assert (finding.part, finding.whole) == (moves[LONGSLEEVE], moves.sum())
    assert finding.expected / finding.whole == pytest.approx(0.3, abs=0.005)


def test_a_mistake_that_goes_one_way_is_found_as_a_direction() -> None:
    seen = world()
    one_way = np.isin(seen.given, [SHIRT, LONGSLEEVE]) & (seen.look > 0)
    suggested = np.where(one_way, np.where(seen.given == SHIRT, LONGSLEEVE, SHIRT), seen.suggested)
    wrong = np.where(one_way, seen.given == SHIRT, seen.wrong)
    right = np.where(one_way & wrong, LONGSLEEVE, seen.right)
    (finding,) = found(changed(seen, suggested=suggested, wrong=wrong, right=right), "direction")
    assert (finding.given, finding.right) == ("shirt", "longsleeve")
    shirts = int((one_way & (seen.given == SHIRT)).sum())
    assert (finding.part, finding.whole) == (shirts, shirts)
    assert (finding.other_part, finding.other_whole) == (0, int(one_way.sum()) - shirts)


def test_errors_that_gather_under_an_annotator_are_found() -> None:
    seen = world()
    rng = np.random.default_rng(1)
    by = np.where(seen.wrong & (rng.random(len(seen.names)) < 0.7), 2, rng.integers(0, 3, len(seen.names)))
    (finding,) = found(changed(seen, sources={"annotator": source(by)}), "source")
    assert (finding.source, finding.group) == ("annotator", "g2")
    theirs = by == 2
    assert (finding.part, finding.whole) == ((seen.wrong & theirs).sum(), (seen.looked & theirs).sum())
    assert finding.images == theirs.sum()
    assert finding.part / finding.images < finding.share
    assert finding.share > 3 * finding.other_share


def test_errors_that_only_gather_because_their_class_does_are_not_held_against_the_folder() -> None:
    seen = world()
    wrong = seen.look > 0
    wrong &= np.where(seen.given == SHIRT, True, np.arange(len(wrong)) % 5 == 0)
    rng = np.random.default_rng(2)
    folder = np.where(rng.random(len(wrong)) < 0.9, seen.given == SHIRT, rng.random(len(wrong)) < 0.5)
    seen = changed(seen, wrong=wrong, sources={"folder": source(folder.astype(np.int64))})
    assert not [each for each in found(seen, "source") if each.source == "folder"]


def test_looking_only_into_one_folder_does_not_make_it_guilty() -> None:
    seen = world(looks=600)
    folder = np.arange(600) % 2
    look = np.where(folder == 1, seen.look, 0)
    seen = changed(seen, look=look, wrong=seen.wrong & (look > 0), sources={"folder": source(folder)})
    assert seen.confirmed >= 30
    assert not found(seen, "source")
    assert not found(seen, "order")


def test_errors_that_stand_together_in_the_order_of_files_are_found() -> None:
    seen = world(looks=600)
    wrong = (np.arange(600) // 15) % 4 == 0
    (finding,) = found(changed(seen, wrong=wrong, sources={}), "order")
    assert (finding.part, finding.first, finding.last) == (15, "dress/000.jpg", "dress/014.jpg")


def test_class_rates_are_judged_by_the_audit_alone() -> None:
    seen = world(errors=60, looks=200)
    wrong = np.where(seen.look > 0, seen.given == SHIRT, False)
    assert not found(changed(seen, wrong=wrong), "class")
    seen = world(errors=60, looks=200, audited=200)
    wrong = np.where(seen.look > 0, seen.given == SHIRT, False)
    (finding,) = found(changed(seen, wrong=wrong), "class")
    assert finding.given == "shirt"
    assert finding.part == finding.whole == int((seen.given[seen.look > 0] == SHIRT).sum())
    assert finding.other_part == 0


# -------------------------------------------------------------------- what is not


def test_there_is_no_early_verdict() -> None:
    seen = world(pair=(SHIRT, LONGSLEEVE, 1.0))
    early = seen.until(29)
    assert find_patterns(early) == Patterns(
        found=(), confirmed=29, top_share=find_patterns(early).top_share, audited=0
    )
    assert find_patterns(early).is_early
    assert not find_patterns(seen.until(30)).is_early


def test_without_any_look_there_is_nothing_to_say() -> None:
    assert find_patterns(world(errors=0, looks=0)) == Patterns(
        found=(), confirmed=0, top_share=None, audited=0
    )


def test_what_was_clear_earlier_is_not_taken_back_when_more_comes_in() -> None:
    seen = world(errors=260, looks=600, pair=(SHIRT, LONGSLEEVE, 1.0))
    late = seen.look > np.sort(seen.look[seen.wrong])[119]
    right = np.where(late & seen.wrong & (seen.right == LONGSLEEVE), PANTS, seen.right)
    (first,) = found(changed(seen, right=right).until(120), "pair")
    assert first.right == "longsleeve"
    assert "longsleeve" in {each.right for each in found(changed(seen, right=right), "pair")}


def test_classes_that_nobody_was_given_are_no_pair() -> None:
    seen = world()
    assert not found(changed(seen, right=np.full(600, -1)), "pair")


def test_chance_alone_is_hardly_ever_called_a_pattern() -> None:
    """Asked at each milestone, on errors that fall anywhere, in 100 worlds."""
    runs, alarms = 100, dict.fromkeys(("pair", "direction", "source", "class"), 0)
    for seed in range(runs):
        kinds = {each.kind for each in find_patterns(world(seed, audited=150)).found}
        for kind in {"source" if kind == "order" else kind for kind in kinds}:  # one question
            alarms[kind] += 1
    most = runs * (0.05 + 1.645 * math.sqrt(0.05 * 0.95 / runs))
    assert all(number <= most for number in alarms.values()), alarms


def test_before_the_first_decisions_a_source_can_only_be_suspected() -> None:
    seen = world(errors=130)
    rng = np.random.default_rng(1)
    likely = seen.score > 0.5
    by = np.where(likely & (rng.random(len(seen.names)) < 0.9), 2, rng.integers(0, 3, len(seen.names)))
    seen = changed(seen, score=np.where(likely, 0.98, 0.02))
    early = changed(seen, sources={"annotator": source(by)}).until(5)
    (finding,) = find_patterns(early).found
    assert (finding.kind, finding.source, finding.group) == ("suspicion", "annotator", "g2")
    assert (finding.part, finding.whole, finding.images) == (0, 0, int((by == 2).sum()))
    assert finding.share > finding.other_share
    later = changed(seen, sources={"annotator": source(by)})
    assert {each.kind for each in find_patterns(later).found} == {"source"}


def test_groups_of_too_few_images_are_not_even_suspected() -> None:
    seen = world()
    few = np.full(len(seen.names), -1)
    few[:3], few[3:6] = 0, 1
    seen = changed(seen, sources={"sex": source(few)}).until(0)
    assert not find_patterns(seen).found
    assert not find_patterns(changed(seen, score=np.full(len(seen.names), np.nan))).found

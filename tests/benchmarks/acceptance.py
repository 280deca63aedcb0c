"""Do the statements of an audit hold, also with a reviewer who errs?

    python tests/benchmarks/acceptance.py [--draws 2000] [--images 3000]

Every kind of statement is made on that many drawn lots, image by image, by the numbers that the code of the
page uses; the reviewer of the lower half misses 10 % of the wrong labels and takes 0.2 % of the right ones
for wrong. ``asked`` is what the statement promises, ``exact`` how often it holds by the plan's own operating
characteristic, ``held`` the share of lots in which it was true, ``looks`` the images looked at on average.

- any-time bound: never, after none of the looks, are more errors left than it says.
- a plan, good: a set at the AQL (1 %) is accepted. bad: a set at the LTPD (5 %) is rejected.
- per class, per split: the same of a set of 20 classes, rare ones among them, or of three splits. good: all
  parts are accepted. bad: none of the parts, all of which are bad, is accepted.

Measured with 2,000 lots each::

    2,000 lots; the reviewer misses 0%, false alarms 0.0%
                                                  asked  exact   held  looks
    any-time bound, 0.0% wrong                    0.950         1.000   1000
    any-time bound, 0.2% wrong                    0.950         0.984   1000
    any-time bound, 1.0% wrong                    0.950         0.954   1000
    any-time bound, 5.0% wrong                    0.950         0.946   1000
    any-time bound, 20.0% wrong                   0.950         0.957   1000
    one plan, single, good                        0.950  0.970  0.966    177
    one plan, single, bad                         0.950  0.951  0.938     99
    one plan, double, good                        0.950  0.962  0.956    126
    one plan, double, bad                         0.950  0.951  0.945     97
    one plan, sequential, good                    0.950  0.958  0.956    106
    one plan, sequential, bad                     0.950  0.951  0.951     74
    per split, single, good                       0.950  0.963  0.964    641
    per split, single, bad                        0.950  0.952  0.947    333
    per class (LTPD 15 %), single, good           0.950  0.996  0.996    772
    per class (LTPD 15 %), single, bad            0.950  0.958  0.952    233
    per split, double, good                       0.950  0.977  0.978    489
    per split, double, bad                        0.950  0.953  0.943    370
    per class (LTPD 15 %), double, good           0.950  0.995  0.993    670
    per class (LTPD 15 %), double, bad            0.950  0.959  0.958    246
    per split, sequential, good                   0.950  0.964  0.958    412
    per split, sequential, bad                    0.950  0.952  0.953    261
    per class (LTPD 15 %), sequential, good       0.950  0.995  0.994    634
    per class (LTPD 15 %), sequential, bad        0.950  0.958  0.967    214

    2,000 lots; the reviewer misses 10%, false alarms 0.2%
                                                  asked  exact   held  looks
    any-time bound, 0.0% wrong                    0.940         1.000   1000
    any-time bound, 0.2% wrong                    0.940         1.000   1000
    any-time bound, 1.0% wrong                    0.940         0.997   1000
    any-time bound, 5.0% wrong                    0.940         0.961   1000
    any-time bound, 20.0% wrong                   0.940         0.960   1000
    one plan, single, good                        0.950  0.980  0.980    255
    one plan, single, bad                         0.950  0.963  0.965    146
    one plan, double, good                        0.950  0.971  0.971    171
    one plan, double, bad                         0.950  0.962  0.968    144
    one plan, sequential, good                    0.950  0.966  0.960    138
    one plan, sequential, bad                     0.950  0.960  0.962     98
    per split, single, good                       0.950  0.976  0.982    875
    per split, single, bad                        0.950  0.966  0.967    480
    per class (LTPD 15 %), single, good           0.950  0.974  0.975   1085
    per class (LTPD 15 %), single, bad            0.950  0.959  0.963    425
    per split, double, good                       0.950  0.985  0.987    642
    per split, double, bad                        0.950  0.965  0.961    539
    per class (LTPD 15 %), double, good           0.950  0.975  0.973    857
    per class (LTPD 15 %), double, bad            0.950  0.959  0.958    445
    per split, sequential, good                   0.950  0.978  0.980    536
    per split, sequential, bad                    0.950  0.965  0.966    369
    per class (LTPD 15 %), sequential, good       0.950  0.972  0.973    886
    per class (LTPD 15 %), sequential, bad        0.950  0.958  0.958    389

    2,000 lots; misses 10%, as 60 known images showed in each
                                                  asked  exact   held  looks
    any-time bound, 0.0% wrong                    0.950         1.000   1000
    any-time bound, 0.2% wrong                    0.950         1.000   1000
    any-time bound, 1.0% wrong                    0.950         1.000   1000
    any-time bound, 5.0% wrong                    0.950         0.997   1000
    any-time bound, 20.0% wrong                   0.950         0.996   1000
    one plan, single, good                        0.950         0.972    379
    one plan, single, bad                         0.950         0.998    170
    one plan, double, good                        0.950         0.978    276
    one plan, double, bad                         0.950         0.997    184
    one plan, sequential, good                    0.950         0.970    230
    one plan, sequential, bad                     0.950         0.994    101
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cleaner.audit.acceptance import Plan, PlanKind, Terms, plan_for
from cleaner.audit.bound import ALPHA, FOR_MISSES, FOR_RATE, Stratum, most_errors, most_rate, most_with_misses

MISSES, FALSE_ALARMS = 0.1, 0.002
KNOWN = 60
SLACK_SD = 3
RATES = (0.0, 0.002, 0.01, 0.05, 0.2)
SPLITS = (0.6, 0.2, 0.2)
CLASSES = 20


class Line(NamedTuple):
    """One statement: what it promises, and how often it held."""

    what: str
    asked: float
    held: float
    looks: float
    exact: float = math.nan


def called_wrong(
    errors: int, images: int, terms: Terms, draws: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw how many images of a lot the reviewer would call wrong."""
    return rng.binomial(errors, 1 - terms.misses, draws) + rng.binomial(
        images - errors, terms.false_alarms, draws
    )


def looked(wrong: NDArray[np.int64], images: int, looks: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw images without replacement; return the errors seen after 1, 2 … looks, a row for each lot."""
    seen = np.zeros((len(wrong), looks), dtype=np.int64)
    found = np.zeros(len(wrong), dtype=np.int64)
    for n in range(looks):
        found = found + (rng.random(len(wrong)) * (images - n) < wrong - found)
        seen[:, n] = found
    return seen


def accepted(
    plan: Plan, errors: int, draws: int, rng: np.random.Generator
) -> tuple[NDArray[np.bool_], float]:
    """Tell which lots a plan accepts, and how many looks it took on average."""
    wrong = called_wrong(errors, plan.population, plan.terms, draws, rng)
    seen = looked(wrong, plan.population, plan.looks, rng)
    good, bad = seen <= np.array(plan.accept), seen >= np.array(plan.reject)
    first = (good | bad).argmax(axis=1)
    return good[np.arange(draws), first], float(first.mean()) + 1


def of_plans(
    what: str, sizes: list[int], terms: Terms, kind: PlanKind, draws: int, rng: np.random.Generator
) -> list[Line]:
    """Return the two lines of a plan for each part of a set."""
    shared = Terms(
        terms.aql,
        terms.ltpd,
        terms.alpha / len(sizes),
        terms.beta / len(sizes),
        terms.misses,
        terms.false_alarms,
    )
    lines = []
    plans = [plan_for(size, shared, kind) for size in sizes]
    for name, risk in (("good", terms.alpha), ("bad", terms.beta)):
        right, looks, exact = np.ones(draws, dtype=bool), 0.0, 1.0
        for plan in plans:
            errors = terms.good(plan.population) if name == "good" else terms.bad(plan.population)
            taken, mean = accepted(plan, errors, draws, rng)
            right &= taken if name == "good" else ~taken
            chance = float(plan.characteristic([errors])[0][0])
            exact *= chance if name == "good" else 1 - chance
            looks += mean
        lines.append(Line(f"{what}, {kind}, {name}", 1 - risk, float(right.mean()), looks, exact))
    return lines


def of_bound(images: int, rate: float, misses: float, draws: int, rng: np.random.Generator) -> Line:
    """Return how often the any-time bound holds at all looks at once."""
    errors = round(rate * images)
    wrong = rng.binomial(errors, 1 - misses, draws)
    seen = looked(wrong, images, images, rng)

    @cache
    def widened(most: int) -> int:
        return most_with_misses(most, misses, population=images, alpha=FOR_MISSES) if misses else most

    @cache
    def holds(n: int, k: int) -> bool:
        return widened(most_errors(Stratum(images, n, k))) >= errors

    # Between two errors the bound only falls: the looks before an error, and the last one, are enough.
    true = 0
    for row in seen:
        ends = [*np.flatnonzero(np.diff(row)), images - 1]
        true += all(holds(int(n) + 1, int(row[n])) for n in ends)
    asked = 1 - ALPHA - (FOR_MISSES if misses else 0)
    return Line(f"any-time bound, {rate:.1%} wrong", asked, true / draws, images)


def of_measured_bound(images: int, rate: float, draws: int, rng: np.random.Generator) -> Line:
    """Return how often the bound holds where the share of misses is learnt from known images."""
    errors = round(rate * images)
    seen = looked(rng.binomial(errors, 1 - MISSES, draws), images, images, rng)
    missed = rng.binomial(KNOWN, MISSES, draws).tolist()

    @cache
    def bound(n: int, k: int) -> int:
        return most_errors(Stratum(images, n, k), alpha=ALPHA - FOR_RATE - FOR_MISSES)

    @cache
    def widened(most: int, missed: int) -> int:
        share = most_rate(missed, KNOWN, alpha=FOR_RATE)
        return most_with_misses(most, share, population=images, alpha=FOR_MISSES)

    def holds(n: int, k: int, missed: int) -> bool:
        return widened(bound(n, k), missed) >= errors

    true = 0
    for row, slips in zip(seen, missed, strict=True):
        ends = [*np.flatnonzero(np.diff(row)), images - 1]
        true += all(holds(int(n) + 1, int(row[n]), slips) for n in ends)
    return Line(f"any-time bound, {rate:.1%} wrong", 1 - ALPHA, true / draws, images)


def of_measured_plans(images: int, kind: PlanKind, draws: int, rng: np.random.Generator) -> list[Line]:
    """Return the two lines of a plan that takes the share of misses from known images.

    There, β is for both: the share of misses may be higher than it seems, and the plan may accept.
    """
    asked = Terms()
    counts = np.bincount(rng.binomial(KNOWN, MISSES, draws))
    lines = []
    for name, risk in (("good", asked.alpha), ("bad", asked.beta)):
        right, looks = 0, 0.0
        for missed, number in enumerate(counts.tolist()):
            share = most_rate(missed, KNOWN, alpha=asked.beta / 2)
            if not number:
                continue
            plan = plan_for(images, replace(asked, beta=asked.beta / 2, misses=share), kind)
            errors = asked.good(images) if name == "good" else asked.bad(images)
            true = replace(asked, misses=MISSES, false_alarms=0.0)
            taken, mean = accepted(replace(plan, terms=true), errors, number, rng)
            right += int(taken.sum()) if name == "good" else number - int(taken.sum())
            looks += mean * number / draws
        lines.append(Line(f"one plan, {kind}, {name}", 1 - risk, right / draws, looks))
    return lines


def main() -> int:
    """Print the table; 1 if a statement holds less often than it says, beyond chance."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--images", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rng, began = np.random.default_rng(given.seed), time.perf_counter()
    classes = np.geomspace(100, 1, CLASSES)
    of_classes = np.maximum(40, given.images * classes / classes.sum()).astype(int).tolist()
    of_splits = [round(given.images * share) for share in SPLITS]
    failed = False

    def show(lines: list[Line]) -> bool:
        missed_mark = False
        for line in lines:
            by_chance = SLACK_SD * math.sqrt(line.asked * (1 - line.asked) / given.draws)
            wrong = line.held < line.asked - by_chance
            missed_mark |= wrong
            exact = "" if math.isnan(line.exact) else f"{line.exact:.3f}"
            row = f"{line.what:44} {line.asked:6.3f} {exact:>6} {line.held:6.3f} {line.looks:6.0f}"
            print(f"{row}  TOO LOW" if wrong else row, flush=True)
        return missed_mark

    for misses, false_alarms in ((0.0, 0.0), (MISSES, FALSE_ALARMS)):
        terms = Terms(misses=misses, false_alarms=false_alarms)
        print(f"\n{given.draws:,} lots; the reviewer misses {misses:.0%}, false alarms {false_alarms:.1%}")
        print(f"{'':44} {'asked':>6} {'exact':>6} {'held':>6} {'looks':>6}")
        lines = [of_bound(given.images // 3, rate, misses, given.draws, rng) for rate in RATES]
        for kind in PlanKind:
            lines += of_plans("one plan", [given.images], terms, kind, given.draws, rng)
        for kind in PlanKind:
            lines += of_plans("per split", of_splits, terms, kind, given.draws, rng)
            rare = Terms(0.01, 0.15, misses=misses, false_alarms=false_alarms)
            lines += of_plans("per class (LTPD 15 %)", of_classes, rare, kind, given.draws, rng)
        failed |= show(lines)
    print(f"\n{given.draws:,} lots; misses {MISSES:.0%}, as {KNOWN} known images showed in each")
    print(f"{'':44} {'asked':>6} {'exact':>6} {'held':>6} {'looks':>6}")
    measured = [of_measured_bound(given.images // 3, rate, given.draws, rng) for rate in RATES]
    for kind in PlanKind:
        measured += of_measured_plans(given.images, kind, given.draws, rng)
    failed |= show(measured)
    print(f"\n{time.perf_counter() - began:.0f} s")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())

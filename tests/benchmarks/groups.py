"""Groups with one fix: does the bound on wrong relabels hold, and how many keys do groups save?

    python tests/benchmarks/groups.py [--vectors FILE …] [--folder DIR …] [--kinds NAME …] [--seeds N]
    [--keys] [--work FOLDER]

Sets: the photos of ``../shared/data/clothing`` with the default network, and scikit-learn's digits by their
pixels; ``--vectors`` names other ones instead, as `prior.from_file` reads them, ``--folder`` folders of
classes. An expert with known answers goes through all groups in the code of the page: decides on the random
images, sees the bound, and relabels the rest without looking at it any further.

*The bound*: a line a set and kind of noise (each on 10 and 20 % of the labels) gives the groups, how often
the bound held (of groups, and of images in groups), the wrong relabels in the mean, and the bound in the
mean. It claims 90 %.

*Keys* (``--keys``): how many keys lead to as many wrong labels as are left after the last group, one image
after the other and by groups; every decision, every arrow, every group and every page is a key. Once by an
expert who takes out all that does not belong in a group, once by one who overlooks half, and all, of it.
Asked for: a third of the keys on asym15, or fewer.

Measured with EfficientNet-Lite0 on asym15: 433 keys one by one, 183 by groups, 2.4 times fewer, to 166 wrong
labels of 546. Forming the groups anew after each page, in the light of what was decided, takes 143 keys there
(3.0 times fewer), but is no gain elsewhere: on 12 beds of Fashion-MNIST, MNIST and OpenMoji with *pairs* and
*look-alikes*, it took .81 to 1.95 times as many keys to 45 % of the wrong labels, 1.04 in the median. Images
join whose suggestion the decisions have made more probable, and these are the doubtful ones of a group;
without them, hardly anything changes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from feedback import ranked
from networks import embedded
from noises import KINDS, Set
from prior import from_file
from ranking import DATA, clothing, digits

from cleaner.ranking import Ranking
from cleaner.session.cells import OneFix
from cleaner.session.orders import FIXES
from cleaner.session.session import ReviewSession, Work
from cleaner.session.simulation import GROUPS, LEARNING, SimulatedSet, simulate

CLAIMED = 0.9
ALLOWED_KEYS = 1 / 3
RATES = (0.1, 0.2)
NETWORK = "lite0"
HUMAN = ("sym10", "sym20", "asym15")
DEPTHS = (0.6, 0.45, 0.3)


def play(ranking: Ranking, truth: dict[str, str | None]) -> list[dict[str, float]]:
    """Go through the groups; a row each: images left after the looks, how many are wrong, and the bound."""
    given = {name: label for name, label in zip(ranking.names, ranking.given, strict=True) if label}
    rows: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        images = SimulatedSet(given, Path(folder))
        session = ReviewSession(images, ranking=ranking, in_background=False, works_out={Work.ORDER})
        session.set_view(order=FIXES)
        while session.names:
            for group in session.page().groups:
                assert isinstance(group, OneFix)
                rows.append(relabel(session, group, truth))
            session.confirm()
        session.close()
        images.close()
    return rows


def relabel(session: ReviewSession, group: OneFix, truth: dict[str, str | None]) -> dict[str, float]:
    """Look at the random images of a group, and relabel the rest."""
    names = [cell.name for cell in session.page().cells if cell.group == group.id]
    for name in names[: group.looks]:
        label = truth[name]
        session.decide(name, "delete" if label is None else "relabel", label, new_class=True)
    rest = names[group.looks :]
    now = next(each for each in session.page().groups if each.id == group.id)
    assert isinstance(now, OneFix)
    assert now.at_most is not None
    session.decide(rest, "group", group.label)
    wrong = sum(truth[name] != group.label for name in rest)
    return {"rest": len(rest), "looks": group.looks, "wrong": wrong, "at_most": now.at_most}


def noisy(base: Set, kinds: list[str], seeds: int) -> Iterator[tuple[str, np.ndarray]]:
    """Yield kinds of noise and the given labels."""
    for kind, given in base.columns.items():
        if not kinds or kind in kinds:
            yield kind, given
    for kind, noise in KINDS.items():
        if kinds and kind not in kinds:
            continue
        for rate in RATES:
            for seed in range(seeds):
                yield f"{kind} {rate:.0%}", noise(base, rate, 900 + seed)


def check_bound(base: Set, kinds: list[str], seeds: int) -> pd.DataFrame:
    """Return a row for each group of a set; print a line for each kind."""
    parts: dict[str, list[dict[str, float]]] = {}
    for kind, given in noisy(base, kinds, seeds):
        ranking, truth = ranked(base, given)
        parts.setdefault(kind, []).extend(play(ranking, truth))
    print(f"\n{base.name}: {len(base.truth):,} images\n{'noise':18}{HEADING}")
    for kind, rows in parts.items():
        if rows:
            print(f"{kind:18}{in_line(pd.DataFrame(rows))}", flush=True)
    return pd.DataFrame([row for rows in parts.values() for row in rows])


HEADING = f"{'groups':>7}{'size':>7}{'looks':>7}{'held':>7}{'by image':>10}{'wrong':>7}{'at most':>9}"


def in_line(table: pd.DataFrame) -> str:
    """Return what was claimed and what came of it."""
    held, size = table["wrong"] <= table["at_most"], table["rest"] + table["looks"]
    by_image = float((held * size).sum() / size.sum())
    return (
        f"{len(table):7}{size.mean():7.1f}{table['looks'].mean():7.1f}{held.mean():7.3f}{by_image:10.3f}"
        f"{table['wrong'].mean():7.2f}{table['at_most'].mean():9.2f}"
    )


def keys_to(rows: pd.DataFrame, left: float) -> float:
    """Return the keys until so many labels are wrong, between pages by a straight line; NaN if never."""
    wrong, keys = rows["wrong_left"].to_numpy(float), rows["keys"].to_numpy(float)
    reached = np.flatnonzero(wrong <= left)
    if not len(reached):
        return np.nan
    i = max(1, int(reached[0]))
    share = 1.0 if wrong[i] == wrong[i - 1] else (wrong[i - 1] - left) / (wrong[i - 1] - wrong[i])
    return float(keys[i - 1] + min(1.0, max(0.0, share)) * (keys[i] - keys[i - 1]))


def count_keys(base: Set) -> dict[str, float]:
    """Print keys one by one and by groups; return groups / one by one where the groups end, by column."""
    found = {}
    for kind in HUMAN:
        if kind not in base.columns:
            continue
        ranking, truth = ranked(base, base.columns[kind])
        looks = round(0.4 * len(truth))
        single = simulate(ranking, truth, orderings=[LEARNING], looks=looks)
        print(f"\n{base.name} {kind}: {single['wrong_left'].iloc[0]} wrong labels")
        for overlooked in (0.0, 0.5, 1.0):
            rows = simulate(ranking, truth, orderings=[GROUPS], overlooked=overlooked, looks=looks)
            end = rows[rows["groups"] == rows["groups"].max()].iloc[0]
            left = float(end["wrong_left"])
            alone = keys_to(single, left)
            later = [
                f"{keys_to(single, depth):.0f} → {keys_to(rows, depth):.0f}"
                for share in DEPTHS
                if (depth := share * single["wrong_left"].iloc[0]) < left
            ]
            deeper = f"; further down {', '.join(later)}" if later else ""
            print(
                f"  overlooks {overlooked:4.0%}: {end['groups']} groups, {end['looks']} images, {left:.0f} "
                f"labels still wrong: {alone:.0f} keys one by one, {end['keys']} by groups, "
                f"{alone / end['keys']:.1f} times fewer{deeper}",
                flush=True,
            )
            if overlooked == 0.0:
                found[kind] = float(end["keys"]) / alone
    return found


def main() -> int:
    """Run the benchmark."""
    as_written = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=as_written)
    parser.add_argument("--vectors", type=Path, nargs="*", help="files of features instead of those sets")
    parser.add_argument("--folder", type=Path, nargs="*", default=[], help="more sets: folders of classes")
    parser.add_argument("--kinds", nargs="*", default=[], help="names of noises; default: all")
    parser.add_argument("--seeds", type=int, default=1, help="of each noise that is made here")
    parser.add_argument("--size", type=int, help="images to draw from each set; default: all")
    parser.add_argument("--keys", action="store_true", help="count keys, too")
    parser.add_argument("--work", type=Path, help="folder for images and features; default: a temporary one")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = arguments.work or Path(folder)
        bases = [from_file(path) for path in arguments.vectors or ()]
        if arguments.vectors is None:
            bases.append(digits())
            if (DATA / "clothing" / "labels.csv").is_file():
                bases.append(clothing(NETWORK, work))
            else:
                print(f"clothing skipped: it is not at {DATA}")
        bases += [embedded(root, NETWORK, work) for root in arguments.folder]
        if arguments.size:
            bases = [base.draw(arguments.size, 0) for base in bases]
        tables = [check_bound(base, arguments.kinds, arguments.seeds) for base in bases]
        keys = [count_keys(base) for base in bases] if arguments.keys else []
    every = pd.concat(tables)
    print(f"\n{'all':18}{HEADING}\n{'':18}{in_line(every)}")
    held = float((every["wrong"] <= every["at_most"]).mean())
    print(f"The bound held for {held:.1%} of the groups; it claims {CLAIMED:.0%}.")
    for found in keys:
        if "asym15" in found:
            share = found["asym15"]
            print(f"Keys by groups / one by one on asym15: {share:.2f}; asked for: {ALLOWED_KEYS:.2f}.")
    return int(held < CLAIMED)


if __name__ == "__main__":
    sys.exit(main())

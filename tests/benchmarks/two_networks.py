"""Do two networks find more than one, and does the score stay a probability?

    python tests/benchmarks/two_networks.py [--networks NAME NAME] [--vectors FILE.npz …] [--folder DIR …]
        [--sizes N …] [--kinds NAME:RATE …] [--draws N] [--work FOLDER] [--csv OUT]

A cell is a set, a size (0: all images) and a kind of wrong labels (`noises.py`); images and labels are drawn
anew each time. Each line gives, in the mean over the draws, the average precision with the first network, and
what the second alone and both together add to it, with the standard error of the latter; the share of all
errors in the first 10 % of the images, and of those whose suggested class is right, with one and with both;
the sum of the scores over the number of errors, with one and with both; and how often the number of errors
lies in the 90 % interval that the page tells before any decision (in all, and on the first page).

Sets: the photos of ``../shared/data/clothing``, drawn figures, and folders of classes that are named. A file
of ``--vectors`` holds the features of one set by the name of each network, and ``truth``; with such files, no
other sets are used. docs/networks.md holds the results.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
from beds import DATA
from networks import drawn, embedded
from never_worse import cell_of
from noises import KINDS, Set
from ranking import clothing, measures

from cleaner import Catalog
from cleaner.ranking import rank
from cleaner.ranking.posterior import Posterior

SIZES = (120, 400, 1000, 0)
CELLS = (("even", 0.05), ("even", 0.1), ("even", 0.2), ("pairs", 0.1), ("pairs", 0.15))
FEWEST = 3
PAGE_SIZE = 24

Views = dict[str, np.ndarray]


def sets(arguments: argparse.Namespace, work: Path) -> Iterator[tuple[Set, Views]]:
    """Yield each set, and its features by both networks."""
    names = arguments.networks
    for path in arguments.vectors:
        with np.load(path) as file:
            views = {name: file[name].astype(np.float32) for name in names}
            yield Set(path.stem, views[names[0]], file["truth"]), views
    if arguments.vectors:
        return
    if (DATA / "clothing" / "labels.csv").is_file():
        photos = [clothing(name, work) for name in names]
        views = {name: one.vectors for name, one in zip(names, photos, strict=True)}
        yield Set("clothing", photos[0].vectors, photos[0].truth), views
    for root in (drawn(work), *arguments.folder):
        seen = [embedded(root, name, work) for name in names]
        views = {name: one.vectors for name, one in zip(names, seen, strict=True)}
        yield Set(root.name, seen[0].vectors, seen[0].truth), views


def found(given: np.ndarray, truth: np.ndarray, *views: np.ndarray) -> dict[str, float]:
    """Return how well wrong labels are found with the features of one or several networks."""
    names = [f"{i:06d}" for i in range(len(given))]
    catalog = Catalog(pd.DataFrame({"name": names, "label": given, "split": "train"}))
    seen = [
        SimpleNamespace(names=names, vectors=vectors, hashes=names, key=str(number))
        for number, vectors in enumerate(views)
    ]
    ranking = rank(catalog, *seen)
    wrong = given != truth
    place = np.argsort(ranking.order().astype(int))
    suggested = np.array(ranking.classes)[ranking.suggested]
    known = wrong & np.isin(truth, given)
    first, told = ranking.order()[:PAGE_SIZE], Posterior(ranking, {})
    pages = ((told.count(names), wrong.sum()), (told.count(first), wrong[first.astype(int)].sum()))
    return {
        **{name: float(value) for name, value in measures(-place.astype(float), wrong).items()},
        "right": float((suggested == truth)[known].mean()) if known.any() else np.nan,
        "said": float(np.nansum(ranking.scores) / wrong.sum()),
        "held": float(np.mean([count.low <= true <= count.high for count, true in pages])),
    }


def measure(
    base: Set, views: Views, size: int, kind: str, rate: float, draws: range
) -> Iterator[dict[str, float]]:
    """Yield the figures of every draw."""
    for seed in draws:
        rng = np.random.default_rng([size, seed, 5])
        part = np.sort(rng.permutation(len(base.truth))[: size or len(base.truth)])
        one = base.take(part)
        labels = KINDS[kind](one, rate, 100 + seed)
        there = labels != ""
        given, truth = labels[there], one.truth[there]
        if (given != truth).sum() < FEWEST:
            continue
        first, second = (view[part][there] for view in views.values())
        figures = {
            "first": found(given, truth, first),
            "second": found(given, truth, second),
            "both": found(given, truth, first, second),
        }
        row = {f"{who} {name}": value for who, all_ in figures.items() for name, value in all_.items()}
        yield {"seed": seed, "wrong": float((given != truth).sum()), **row}


def line(table: pd.DataFrame) -> str:
    """Return a cell as a line."""
    gain = table["both AP"] - table["first AP"]
    parts = [f"{table['first AP'].mean():8.3f}{(table['second AP'] - table['first AP']).mean():+8.3f}"]
    parts.append(f"{gain.mean():+8.3f}{gain.sem() if len(gain) > 1 else np.nan:8.3f}")
    for name in ("R@10%", "right", "said", "held"):
        parts.append("".join(f"{table[f'{who} {name}'].mean():7.2f}" for who in ("first", "both")))
    return "".join(parts)


def main() -> int:
    """Run the benchmark."""
    as_written = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=as_written)
    parser.add_argument("--networks", nargs=2, default=["lite0", "lite2"])
    parser.add_argument("--vectors", nargs="*", type=Path, default=[], help="features of sets; see above")
    parser.add_argument("--folder", nargs="*", type=Path, default=[], help="more sets: folders of classes")
    parser.add_argument("--sizes", nargs="*", type=int, default=list(SIZES))
    parser.add_argument("--kinds", nargs="*", type=cell_of, default=list(CELLS), metavar="KIND:RATE")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--work", type=Path, help="folder for images and features; default: a temporary one")
    parser.add_argument("--csv", type=Path, help="write all draws here")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore", message="The least populated class")
    rows: list[dict[str, object]] = []
    heading = "".join(f"{name:>8}" for name in ("AP", "second", "both", "se"))
    heading += "".join(f"{name:>14}" for name in ("in 10 %", "class right", "said / true", "held"))
    print(f"{'set':12}{'size':>6} {'wrong labels':14}{heading}")
    with tempfile.TemporaryDirectory() as folder:
        for base, views in sets(arguments, arguments.work or Path(folder)):
            for size in arguments.sizes:
                if size > len(base.truth):
                    continue
                for kind, rate in arguments.kinds:
                    cell = {"set": base.name, "size": size, "noise": f"{kind} {rate:.0%}"}
                    drawn_ = list(measure(base, views, size, kind, rate, range(arguments.draws)))
                    if not drawn_:
                        continue
                    rows += [{**cell, **row} for row in drawn_]
                    told = line(pd.DataFrame(drawn_))
                    print(f"{base.name:12}{size or len(base.truth):6} {cell['noise']:14}{told}", flush=True)
                    if arguments.csv:
                        pd.DataFrame(rows).to_csv(arguments.csv, index=False)
    table = pd.DataFrame(rows)
    gain = (table["both AP"] - table["first AP"]).groupby([table["set"], table["noise"]])
    print(f"\nBoth against the first alone, over all sizes:\n{gain.agg(['mean', 'sem', 'size']).round(4)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

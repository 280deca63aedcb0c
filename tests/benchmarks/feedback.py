"""Does re-ordering by the expert's decisions ever find fewer wrong labels than the order as it was?

    python tests/benchmarks/feedback.py [--beds NAME …] [--kinds NAME …] [--seeds A-B] [--looks SHARE]

An expert with known answers is played through the code of the page (`cleaner.session.simulation`: pages of
next page fixed before a page is learnt from), once by the order as it is, once re-ordered after every
page. Beds: the photos of ``../shared/data/clothing`` by its MobileNetV2; drawn figures by SqueezeNet;
scikit-learn's digits by their pixels; made features, *uneven*: ten classes of 8 to 500, and *hundred*: a
hundred classes of 10 to 40. The made ones are drawn anew for every seed, noise always.

Kinds of noise, each on about 10 % of the pictures (*no class*: 5 %): *even*; *pairs*: random classes take
each other's name; *look-alikes*: classes take the name of the one they are mistaken for; *unsure*: where a
weak model is unsure; *mixed*: unsure and even by halves; *default*: one class gets them all; *no class*: some
pictures of classes that are taken away.

A line gives the wrong labels, the average precision of the order as it is, recall by share of looks without →
with feedback, and differences of recall, with feedback minus without: the *worst* of the mean over seeds at
any depth (in looks) with its standard error, the mean over *all depths* with its standard error, and the
worst of a single run at any depth. The worst depth is picked afterwards, so chance alone makes it negative.

Measured with seeds 500-509 (*hundred* to half of the looks but for *even* and *pairs*), none of them used
while the method was made, nor was *drawn*: of 35 lines none falls by more than .01; lowest are *uneven* with
*mixed*, -.006 ± .002, and *drawn* with *mixed*, -.005 ± .003; a single run may fall by .039 (*drawn*,
*unsure*). Recall at 20 % of the looks: *drawn* .530 → .794 (*look-alikes*), .766 → .912 (*pairs*); *hundred*
.740 → .860 and .889 → .946; *clothing* .942 → .956 and .997 → .997; on *digits* hardly anything is left.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from beds import DATA, drawn_figures
from noises import Set, by_default, evenly, in_pairs, look_alikes, mixed, no_class, unsure
from ranking import clothing, digits

from cleaner import Catalog, Workspace
from cleaner.embedding import Embeddings
from cleaner.pipelines.rank import look
from cleaner.ranking import Ranking, rank
from cleaner.session.simulation import LEARNING, simulate
from cleaner.util.progress import SILENT

STATIC = "pooled"
DEPTHS = (0.05, 0.1, 0.2, 0.3)
STEP = 0.005
ALLOWED = 0.01

# ---------------------------------------------------------------- beds


def drawn(work: Path) -> Set:
    """Draw twelve kinds of figures and embed them, once."""
    root = work / "figures"
    if not root.exists():
        for number, (kind, picture) in enumerate(drawn_figures(150, seed=20)):
            (root / kind).mkdir(parents=True, exist_ok=True)
            picture.save(root / kind / f"{number:04d}.png")
    weights = DATA / "weights" / "squeezenet1_1.safetensors"
    with Workspace(root, weights=weights, state=work / "figures seen") as workspace:
        embeddings = look(workspace, workspace.store.state, workspace.network, reporter=SILENT).embeddings
    truth = np.array([Path(name).parent.name for name in embeddings.names])
    return Set("drawn", np.asarray(embeddings.vectors), truth, {})


def made(name: str, sizes: np.ndarray, seed: int) -> Set:
    """Return features of classes of these sizes; every second one is like the class before it."""
    rng = np.random.default_rng([len(sizes), seed])
    centres = rng.normal(scale=0.66, size=(len(sizes), 48))
    centres[1::2] = centres[::2] + rng.normal(scale=0.47, size=centres[::2].shape)
    codes = np.repeat(np.arange(len(sizes)), rng.permutation(sizes))
    vectors = centres[codes] + rng.standard_t(5, size=(len(codes), 48)) + 0.5
    labels = np.array([f"class {code:03d}" for code in range(len(sizes))])
    return Set(name, np.maximum(vectors, 0).astype(np.float32), labels[codes], {})


UNEVEN = np.array([500, 350, 250, 160, 100, 60, 40, 25, 15, 8])
HUNDRED = np.linspace(10, 40, 100).astype(int)
BEDS = ("clothing", "drawn", "digits", "uneven", "hundred")


def beds(wanted: list[str], work: Path) -> Iterator[tuple[str, Callable[[int], Set]]]:
    """Yield names of beds and what makes them from a seed."""
    for name in wanted:
        if name in ("uneven", "hundred"):
            yield name, partial(made, name, UNEVEN if name == "uneven" else HUNDRED)
            continue
        needed = {"clothing": "clothing/labels.csv", "drawn": "weights/squeezenet1_1.safetensors"}.get(name)
        if needed and not (DATA / needed).is_file():
            print(f"\n{name} skipped: {needed} is not at {DATA}")
            continue
        if name == "clothing":
            base = clothing(DATA / "weights" / "mobilenet_v2.safetensors", work)
        else:
            base = drawn(work) if name == "drawn" else digits()
        yield name, lambda _, base=base: base


# ---------------------------------------------------------------- noise

KINDS: dict[str, tuple[Callable[[Set, float, int], np.ndarray], float]] = {
    "even": (evenly, 0.1),
    "pairs": (in_pairs, 0.1),
    "look-alikes": (look_alikes, 0.1),
    "unsure": (unsure, 0.1),
    "mixed": (mixed, 0.1),
    "default": (by_default, 0.1),
    "no class": (no_class, 0.05),
}

# ---------------------------------------------------------------- runs


class Run(NamedTuple):
    """One seed: wrong labels, average precision, and recall at every step without and with feedback."""

    wrong: int
    precision: float
    static: np.ndarray
    learning: np.ndarray


def ranked(base: Set, given: np.ndarray) -> tuple[Ranking, dict[str, str | None]]:
    """Rank the pictures that have a label; return the ranking and what is right."""
    there = given != ""
    names = [f"{i:06d}" for i in range(int(there.sum()))]
    labels, truth = given[there].tolist(), base.truth[there].tolist()
    catalog = Catalog(pd.DataFrame({"name": names, "label": labels, "split": "train"}))
    embeddings = Embeddings(
        names=names, vectors=base.vectors[there], hashes=names, key="benchmark", problems={}
    )
    known = set(labels)
    right = [label if label in known else None for label in truth]
    return rank(catalog, embeddings), dict(zip(names, right, strict=True))


def play(base: Set, given: np.ndarray, seed: int, looks: float, reviewer_error: float) -> Run:
    """Review by both orders."""
    ranking, truth = ranked(base, given)
    n = len(truth)
    table = simulate(
        ranking,
        truth,
        orderings=(STATIC, LEARNING),
        looks=max(1, round(looks * n)),
        reviewer_error=reviewer_error,
        seed=seed + 20_000,  # with the seed of the noise, just the wrong labels would slip through
    )
    given_of = dict(zip(ranking.names, ranking.given, strict=True))
    wrong = np.array([truth[name] != given_of[name] for name in ranking.order(STATIC)])
    at = np.flatnonzero(wrong)
    steps = np.arange(STEP, looks + STEP / 2, STEP) * n
    recall = {
        by: np.interp(steps, rows["looks"], rows["recall"].astype(float))
        for by, rows in table.groupby("ordering")
    }
    precision = float((np.arange(1, len(at) + 1) / (at + 1)).mean())
    return Run(len(at), precision, recall[STATIC], recall[LEARNING])


class Verdict(NamedTuple):
    """Differences of one line."""

    line: str
    worst: float
    worst_se: float
    mean: float
    mean_se: float


def judge(kind: str, runs: list[Run]) -> Verdict:
    """Sum up all seeds of a bed and a kind of noise."""
    static, learning = (np.stack([run[i] for run in runs]) for i in (2, 3))
    difference = learning - static
    root = np.sqrt(len(runs))
    over_seeds, all_depths = difference.mean(axis=0), difference.mean(axis=1)
    low = int(over_seeds.argmin())
    spread = difference.std(axis=0, ddof=1) / root if len(runs) > 1 else np.full(len(over_seeds), np.nan)
    mean_se = float(all_depths.std(ddof=1) / root) if len(runs) > 1 else np.nan
    cells = [f"{kind:12}{np.mean([r.wrong for r in runs]):5.0f}{np.mean([r.precision for r in runs]):7.3f}"]
    for depth in DEPTHS:
        i = round(depth / STEP) - 1
        if i < len(over_seeds):
            cells.append(f"{static[:, i].mean():7.3f} → {learning[:, i].mean():.3f}")
        else:
            cells.append(f"{'–':>15}")
    worst, worst_se = float(over_seeds[low]), float(spread[low])
    cells.append(f"{worst:+8.3f} ± {worst_se:.3f} at {(low + 1) * STEP:5.1%}")
    cells.append(f"{all_depths.mean():+8.4f} ± {mean_se:.4f}{difference.min():+8.3f}")
    return Verdict("".join(cells), worst, worst_se, float(all_depths.mean()), mean_se)


def heading() -> str:
    """Return the names of the columns."""
    depths = "".join(f"{f'recall at {depth:.0%}':>15}" for depth in DEPTHS)
    differences = f"{'worst at any depth':>25}{'all depths':>17}{'a run':>8}"
    return f"{'noise':12}{'wrong':>5}{'AP':>7}{depths}{differences}"


def seeds_of(text: str) -> range:
    """Read ``A-B``, both included."""
    found = re.fullmatch(r"(\d+)-(\d+)", text)
    if found is None or int(found[1]) > int(found[2]):
        msg = f"got {text!r}; expected the first and the last seed, such as 0-9"
        raise argparse.ArgumentTypeError(msg)
    return range(int(found[1]), int(found[2]) + 1)


def main() -> int:
    """Run the benchmark."""
    as_written = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=as_written)
    parser.add_argument("--beds", nargs="*", choices=BEDS, default=list(BEDS), help="default: all")
    parser.add_argument("--kinds", nargs="*", choices=list(KINDS), default=list(KINDS), help="default: all")
    parser.add_argument("--seeds", type=seeds_of, default=range(10), metavar="A-B", help="default: 0-9")
    parser.add_argument("--looks", type=float, default=1.0, metavar="SHARE", help="default: all, 1")
    parser.add_argument("--reviewer-error", type=float, default=0.0, metavar="SHARE", help="default: 0")
    parser.add_argument("--work", type=Path, help="folder for pictures and embeddings; default: a temporary")
    arguments = parser.parse_args()
    verdicts = []
    with tempfile.TemporaryDirectory() as folder:
        for name, make in beds(arguments.beds, arguments.work or Path(folder)):
            started = time.perf_counter()
            bases = {seed: make(seed) for seed in arguments.seeds}
            n, k = len(bases[arguments.seeds[0]].truth), len(set(bases[arguments.seeds[0]].truth))
            print(f"\n{name}: {n:,} pictures, {k} classes, {len(bases)} seeds\n{heading()}", flush=True)
            for kind in arguments.kinds:
                noise, rate = KINDS[kind]
                runs = [
                    play(base, noise(base, rate, seed), seed, arguments.looks, arguments.reviewer_error)
                    for seed, base in bases.items()
                ]
                verdicts.append(judge(kind, runs))
                print(verdicts[-1].line, flush=True)
            print(f"({time.perf_counter() - started:.0f} s)", flush=True)
    fell = sum(v.worst < -ALLOWED for v in verdicts)
    surely = sum(v.worst + v.worst_se < -ALLOWED for v in verdicts)
    gained = sum(v.mean > 2 * v.mean_se for v in verdicts)
    lost = sum(v.mean < -2 * v.mean_se for v in verdicts)
    print(
        f"\nOf {len(verdicts)} lines {fell} fall by more than {ALLOWED} at some depth, {surely} of them by "
        f"more than that and a standard error; over all depths {gained} gain more than two standard errors, "
        f"and {lost} lose so."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Is the default ordering anywhere worse than the best single signal?

    python tests/benchmarks/never_worse.py [--sets NAME …] [--folder DIR …] [--networks NAME …] [--sizes N …]
        [--kinds NAME:RATE …] [--draws N] [--work FOLDER] [--csv OUT]

A cell is a set, a kind of noise and a size; it is drawn anew several times, images and noise. A line gives
the average precision of the default (*pooled*) in the mean over the draws, that of every single signal, and
the difference to the best of these. Lines that fall by more than .01 are marked; *se* is the standard error
of the difference. *said* is the sum of scores over the number of errors, *right* the share of errors whose
suggested class is right.

Sets: the photos of ``../shared/data/clothing`` and drawn figures, by each of the networks; scikit-learn's
digits by their pixels; *hundred*: made features of a hundred classes of 10 to 40 images. ``--folder`` adds
folders of images, a folder a class, whose labels are taken for right. Where a second network is at hand, it
is the person who gets *confused* (see ``noises.py``). A network is a name that the command knows, with the
weights of that name in ``../shared/data/weights`` if they are there.

Measured at the ends of the range with EfficientNet-Lite0 (few draws, most of them three): at 60 images of
*clothing*, *drawn* and *digits*, 31 cells of 5 to 40 % wrong labels, .113 above the best single signal in the
mean, 3 cells worse, none by more than a standard error; at 400, 7 cells of .5 and 40 %, .090 above, one draw
with 3 wrong labels worse; at 3,000 of *clothing*, 9 cells of .5 to 40 %, .172 above and nowhere worse (least
.005 above).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from beds import DATA, drawn_figures, lay_out_clothing
from noises import KINDS, Set, out_of_fold, weak
from ranking import digits, ours

SIGNALS = ("pooled", "loss", "self_confidence", "normalized_margin")
SETS = ("clothing", "drawn", "digits", "hundred")
SIZES = (60, 120, 250, 400, 1000, 3000)
CELLS = (
    ("even", 0.05),
    ("even", 0.2),
    ("pairs", 0.1),
    ("look-alikes", 0.15),
    ("default", 0.1),
    ("confused", 0.05),
    ("confused", 0.15),
    ("confused", 0.3),
    ("mixed", 0.1),
)
ALLOWED = 0.01
FEWEST = 3
FOLDS = 5


def hundred(seed: int) -> Set:
    """Return features of a hundred classes; every second one is like the class before it."""
    rng = np.random.default_rng([100, seed])
    centres = rng.normal(scale=0.66, size=(100, 48))
    centres[1::2] = centres[::2] + rng.normal(scale=0.47, size=centres[::2].shape)
    codes = np.repeat(np.arange(100), rng.permutation(np.linspace(10, 40, 100).astype(int)))
    vectors = centres[codes] + rng.standard_t(5, size=(len(codes), 48)) + 0.5
    labels = np.array([f"class {code:03d}" for code in range(100)])
    return Set("hundred", np.maximum(vectors, 0).astype(np.float32), labels[codes])


def embedded(root: Path, network: str, state: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return embeddings of a folder of images, and the names of the folders they lie in."""
    from cleaner import Workspace
    from cleaner.pipelines.rank import look
    from cleaner.util.progress import SILENT

    stored = sorted((DATA / "weights").glob(f"{network}*.safetensors"))
    given = {"weights": stored[0]} if stored else {"backbone": network}
    with Workspace(root, state=state / network, **given) as workspace:
        seen = look(workspace, workspace.store.state, workspace.network, reporter=SILENT).embeddings
    return np.asarray(seen.vectors), np.array([Path(name).parent.name for name in seen.names])


def photographed(name: str, root: Path, networks: list[str], person: str, work: Path) -> Iterator[Set]:
    """Yield a folder of images once for each network, with another network as the person."""
    state = work / f"state of {name}"
    for network in networks:
        vectors, truth = embedded(root, network, state)
        other = next((n for n in (person, *networks) if n != network), None)
        base = Set(f"{name}, {network}", vectors, truth)
        if other is None:
            yield base
        else:
            view, right = embedded(root, other, state)
            yield replace(base, person=out_of_fold(view, right))


def sets(arguments: argparse.Namespace, work: Path) -> Iterator[Set]:
    """Yield all sets that are wanted and can be had."""
    networks, person = arguments.networks, arguments.person
    for name in arguments.sets:
        if name == "digits":
            yield digits()
        elif name == "hundred":
            yield hundred(0)
        elif name == "drawn":
            root = work / "figures"
            for number, (kind, picture) in enumerate(drawn_figures(170, seed=3)):
                path = root / kind / f"{number:04d}.png"
                if not path.exists():
                    path.parent.mkdir(parents=True, exist_ok=True)
                    picture.save(path)
            yield from photographed(name, root, networks, person, work)
        elif (DATA / "clothing" / "labels.csv").is_file():
            yield from photographed(name, clothes(work), networks, person, work)
        else:
            print(f"{name} skipped: it is not at {DATA}")
    for folder in arguments.folder:
        yield from photographed(folder.name, folder, networks, person, work)


def clothes(work: Path) -> Path:
    """Lay out the photos of clothing, without the copies, by their right labels."""
    root = work / "clothes"
    if not root.exists():
        copies = {Path(known.copy).name for known in lay_out_clothing(work / "clothes and copies")}
        for path in (work / "clothes and copies").glob("*/*/*"):
            if path.name not in copies and path.parent.parent.name != "test":
                target = root / path.parent.name / path.name
                target.parent.mkdir(parents=True, exist_ok=True)
                path.rename(target)
    return root


def measure(base: Set, size: int, kind: str, rate: float, draws: int) -> dict[str, float] | None:
    """Return the figures of a cell, None where the set is too small or has too few errors."""
    from sklearn.metrics import average_precision_score

    if size > 1.1 * len(base.truth):
        return None
    found: list[dict[str, float]] = []
    for seed in range(draws):
        part = base.draw(size, seed)
        if np.unique(part.truth, return_counts=True)[1].max() < FOLDS:
            return None  # nobody can be confused about classes of which hardly an image is there
        labels = KINDS[kind](part, rate, 100 + seed)
        there = labels != ""
        given, truth = labels[there], part.truth[there]
        wrong = given != truth
        if wrong.sum() < FEWEST:
            continue
        orders, more = ours([part.vectors[there]], given)
        row = {by: average_precision_score(wrong, orders[f"cleaner {by}"]) for by in SIGNALS}
        row["wrong"] = float(wrong.sum())
        row["said"] = float(more["score"].sum() / wrong.sum())
        row["right"] = float((more["suggested"] == truth)[wrong].mean())
        row["seconds"] = float(more["seconds"])
        found.append(row)
    if not found:
        return None
    table = pd.DataFrame(found)
    cell = {str(name): float(value) for name, value in table.mean().items()}
    best = max(SIGNALS[1:], key=cell.__getitem__)
    gain = table["pooled"] - table[best]
    return {**cell, "gain": float(gain.mean()), "se": float(gain.std(ddof=1) / np.sqrt(len(gain)))}


def cell_of(text: str) -> tuple[str, float]:
    """Read ``KIND:RATE``."""
    kind, _, rate = text.partition(":")
    if kind not in KINDS or not rate:
        msg = f"got {text!r}; expected a kind of noise and its rate, such as even:0.1 ({', '.join(KINDS)})"
        raise argparse.ArgumentTypeError(msg)
    return kind, float(rate)


def main() -> int:
    """Run the benchmark."""
    as_written = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=as_written)
    parser.add_argument("--sets", nargs="*", choices=SETS, default=list(SETS), help="default: all")
    parser.add_argument("--folder", nargs="*", type=Path, default=[], help="more sets: a folder a class")
    parser.add_argument("--networks", nargs="*", default=["lite0", "mobilenet_v2"])
    parser.add_argument("--person", default="squeezenet1_1", help="network that gets confused")
    parser.add_argument("--sizes", nargs="*", type=int, default=list(SIZES))
    parser.add_argument("--kinds", nargs="*", type=cell_of, default=list(CELLS), metavar="KIND:RATE")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument(
        "--work", type=Path, help="folder for images and embeddings; default: a temporary one"
    )
    parser.add_argument("--csv", type=Path, help="write the table here")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore", message="The least populated class")
    rows = []
    heading = f"{'set':24}{'noise':18}{'size':>6}{'wrong':>7}" + "".join(f"{s[:9]:>10}" for s in SIGNALS)
    print(heading + f"{'gain':>8}{'se':>7}{'said':>7}{'right':>7}{'seconds':>9}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for base in sets(arguments, arguments.work or Path(folder)):
            if base.person is None:
                base.person = weak(base, np.random.default_rng(0))
            for size in arguments.sizes:
                for kind, rate in arguments.kinds:
                    cell = measure(base, size, kind, rate, arguments.draws)
                    if cell is None:
                        continue
                    rows.append({"set": base.name, "noise": f"{kind} {rate:.0%}", "size": size, **cell})
                    line = f"{base.name:24}{rows[-1]['noise']:18}{size:6}{cell['wrong']:7.0f}"
                    line += "".join(f"{cell[s]:10.3f}" for s in SIGNALS)
                    line += f"{cell['gain']:+8.3f}{cell['se']:7.3f}{cell['said']:7.2f}{cell['right']:7.2f}"
                    mark = "  worse" if cell["gain"] < -ALLOWED else ""
                    print(f"{line}{cell['seconds']:9.2f}{mark}", flush=True)
    table = pd.DataFrame(rows)
    if arguments.csv:
        table.to_csv(arguments.csv, index=False)
    if len(table):
        print(
            f"\n{table.groupby(['set', 'size'], sort=False)[[*SIGNALS, 'gain']].mean().round(3).to_string()}"
        )
        worse = table["gain"] < -ALLOWED
        surely = table["gain"] + table["se"] < -ALLOWED
        print(
            f"\nOf {len(table)} cells {worse.sum()} are worse than the best single signal by more than "
            f"{ALLOWED}, {surely.sum()} of them by more than that and a standard error. Mean gain "
            f"{table['gain'].mean():+.3f}, least {table['gain'].min():+.3f}."
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())

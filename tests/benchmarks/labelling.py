"""How many labels a model needs, by the order in which they are given, and how often its suggestions hold.

    python tests/benchmarks/labelling.py [--weights FILE …] [--seeds N] [--work FOLDER]

Sets: train and valid of the photos of ``../shared/data/clothing`` with their true labels (once for each
weights file; default: all in ``../shared/data/weights``; left out where absent), and scikit-learn's digits by
their pixels and by 512 random features. For each seed, 70 % are labelled by somebody who makes no mistake, in
pages of 24; the rest is only predicted. As on the page, the order lags by one page: while one page is
labelled, the next is already on show, in the order and with the suggestions of before.

Printed, with 95 % intervals over the seeds: accuracy in % on the rest by number of labels; share of
suggestions that were right when shown on pages 3 to 10 and 11 to 20; and *keystrokes*: pictures that had to
be corrected if, after 20 pages, all others are labelled by the suggestions of then. Then, for our order: how
often suggestions were right by the probability that was shown, and seconds for one proposal.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from noises import Set
from ranking import DATA, clothing, digits
from scipy.stats import t as student

from cleaner.labelling.proposal import Proposal, _cover, propose
from cleaner.ranking.features import FeatureMap, unit_length

PAGE = 24
PAGES = 20
AT = (24, 48, 96, 144, 192, 240, 480)
BINS = (0, 0.3, 0.5, 0.7, 0.9, 1.001)

Order = Callable[[np.ndarray, "list[str | None]", np.random.Generator], np.ndarray]


def names_of(n: int) -> list[str]:
    """Return names that sort as their rows."""
    return [f"{i:06d}" for i in range(n)]


def rows_of(made: Proposal) -> np.ndarray:
    """Return the rows in the order of a proposal."""
    return np.array([int(name) for name in made.names], dtype=np.intp)


def ours(z: np.ndarray, labels: list[str | None], rng: np.random.Generator) -> np.ndarray:
    """Uncertain, typical and diverse."""
    return rows_of(propose(names_of(len(z)), z, labels))


def at_random(z: np.ndarray, labels: list[str | None], rng: np.random.Generator) -> np.ndarray:
    """Any."""
    return rng.permutation([i for i, label in enumerate(labels) if label is None])


def uncertain(z: np.ndarray, labels: list[str | None], rng: np.random.Generator) -> np.ndarray:
    """Smallest margin first; at random before there is a model."""
    made = propose(names_of(len(z)), z, labels, first=0)
    return rows_of(made) if made.has_model else at_random(z, labels, rng)


def covering(z: np.ndarray, labels: list[str | None], rng: np.random.Generator) -> np.ndarray:
    """Typical and diverse, whatever the model knows."""
    todo = np.array([i for i, label in enumerate(labels) if label is None], dtype=np.intp)
    known = np.array([i for i, label in enumerate(labels) if label is not None], dtype=np.intp)
    picked, _ = _cover(z[todo], z[known], np.ones(len(todo), dtype=np.float32), 3 * PAGE)
    return todo[picked]


def clusters(z: np.ndarray, labels: list[str | None], rng: np.random.Generator) -> np.ndarray:
    """Of the most uncertain, those at the centres of weighted clusters (Zhdanov 2019), page by page."""
    from sklearn.cluster import KMeans

    made = propose(names_of(len(z)), z, labels, first=0)
    rest = rows_of(made)
    doubt = 1.001 - made.probability if made.has_model else np.ones(len(rest))
    pages = []
    for _ in range(3):
        take = 10 * PAGE if made.has_model else len(rest)
        k = min(PAGE, len(rest))
        near = KMeans(k, n_init=1, random_state=int(rng.integers(2**31))).fit_transform(
            z[rest[:take]], sample_weight=doubt[:take]
        )
        chosen = np.unique(near.argmin(axis=0))
        pages.append(rest[chosen])
        rest, doubt = np.delete(rest, chosen), np.delete(doubt, chosen)
    return np.concatenate([*pages, rest])


ORDERS: dict[str, Order] = {
    "at random": at_random,
    "uncertain": uncertain,
    "uncertain clusters": clusters,
    "covering": covering,
    "ours": ours,
}


class Run:
    """One set labelled in one order: ``accuracy`` by labels, ``shown`` pages of (probability, right)."""

    def __init__(self, base: Set, order: Order, seed: int) -> None:
        rng = np.random.default_rng(seed)
        n = len(base.truth)
        pool = np.sort(rng.permutation(n)[: round(0.7 * n)])
        rest = np.setdiff1d(np.arange(n), pool)
        every = unit_length(FeatureMap.fit(base.vectors[pool])(base.vectors))
        self.truth, self.z = base.truth[pool], every[pool]
        self.rest, self.rest_truth = every[rest], base.truth[rest]
        self.labels: list[str | None] = [None] * len(pool)
        self.accuracy: dict[int, float] = {}
        self.shown: list[tuple[np.ndarray, np.ndarray]] = []
        self.seconds: list[float] = []
        first = order(self.z, self.labels, rng)
        pages = [first[:PAGE], first[PAGE : 2 * PAGE]]
        said = [self.suggest(self.z), self.suggest(self.z)]
        for page in range(PAGES):
            self.label(pages[page], said[page])
            said.append(self.suggest(self.z))
            start = time.perf_counter()
            found = order(self.z, self.labels, rng)
            self.seconds.append(time.perf_counter() - start)
            pages.append(found[~np.isin(found, pages[page + 1])][:PAGE])
            _, guess = self.suggest(self.rest)
            self.accuracy[PAGE * (page + 1)] = 100 * float((guess == self.rest_truth).mean())
        todo = np.array([label is None for label in self.labels])
        missed = (said[-1][1] != self.truth)[todo].sum()
        self.keystrokes = int(missed) + int(sum((~right).sum() for _, right in self.shown))

    def suggest(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return probability and suggestion for each row from the labels so far; NaN and None without."""
        known = [i for i, label in enumerate(self.labels) if label is not None]
        both = np.concatenate([self.z[known], rows])
        labels = [*(self.labels[i] for i in known), *[None] * len(rows)]
        made = propose(names_of(len(both)), both, labels, first=0)
        at = rows_of(made) - len(known)
        probability, guess = np.empty(len(rows)), np.empty(len(rows), dtype=object)
        probability[at], guess[at] = made.probability, made.suggestion
        return probability, guess

    def label(self, page: np.ndarray, said: tuple[np.ndarray, np.ndarray]) -> None:
        """Give a page its true labels."""
        self.shown.append((said[0][page], said[1][page] == self.truth[page]))
        for i in page:
            self.labels[i] = str(self.truth[i])

    def right(self, start: int, stop: int) -> float:
        """Return the share of right suggestions on some pages, in %."""
        return 100 * float(np.mean(np.concatenate([right for _, right in self.shown[start:stop]])))


def interval(values: list[float]) -> str:
    """Say mean and half the width of the 95 % interval."""
    half = student.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    return f"{np.mean(values):5.1f} ± {half:3.1f}"


def judge(base: Set, seeds: int) -> None:
    """Print the table of one set."""
    print(f"\n{base.name}: {len(base.truth):,} pictures, {len(set(base.truth))} classes")
    print(
        f"{'order':19s}"
        + "".join(f"{f'{n} labels':>13s}" for n in AT)
        + f"{'right 3–10':>13s}{'right 11–20':>13s}{'keystrokes':>15s}{'s':>6s}"
    )
    for name, order in ORDERS.items():
        runs = [Run(base, order, seed) for seed in range(seeds)]
        cells = [interval([run.accuracy[n] for run in runs]) for n in AT]
        cells += [interval([run.right(*pages) for run in runs]) for pages in ((2, 10), (10, PAGES))]
        strokes = interval([float(run.keystrokes) for run in runs])
        seconds = float(np.median([second for run in runs for second in run.seconds]))
        print(f"{name:19s}" + "".join(f"{cell:>13s}" for cell in cells) + f"{strokes:>15s}{seconds:6.2f}")
    probability = np.concatenate([p for run in runs for p, _ in run.shown[2:]])
    right = np.concatenate([hit for run in runs for _, hit in run.shown[2:]])
    print("ours, shown → right: ", end="")
    for low, high in itertools.pairwise(BINS):
        among = (probability >= low) & (probability < high)
        if among.sum() >= PAGE:
            print(f"{probability[among].mean():.2f} → {right[among].mean():.2f} ({among.sum()}); ", end="")
    print()


def main() -> None:
    """Run all sets."""
    as_written = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=as_written)
    parser.add_argument("--weights", type=Path, nargs="*", help="default: all of ../shared/data/weights")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument(
        "--work", type=Path, help="folder for photos and embeddings; default: a temporary one"
    )
    arguments = parser.parse_args()
    pixels = digits()
    judge(pixels, arguments.seeds)
    mixed = unit_length(pixels.vectors) @ np.random.default_rng(0).normal(size=(64, 512)).astype(np.float32)
    judge(Set("digits, 512 random features", np.maximum(mixed, 0), pixels.truth, {}), arguments.seeds)
    files = arguments.weights
    if files is None:
        files = sorted((DATA / "weights").glob("*.safetensors"))
    if files and not (DATA / "clothing" / "labels.csv").is_file():
        print(f"\nphotographs skipped: they are not at {DATA}")
        files = []
    with tempfile.TemporaryDirectory() as folder:
        for file in files:
            judge(clothing(file, arguments.work or Path(folder)), arguments.seeds)


if __name__ == "__main__":
    main()

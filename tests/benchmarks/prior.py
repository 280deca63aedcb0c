"""Fit the prior over kinds of noise (`cleaner.ranking.prior`) to many made sets, and write ``prior.json``.

    python tests/benchmarks/prior.py [--vectors FILE.npz …] [--beds N] [--seed N] [--cache FILE] [--write]

A bed is a part of a set (60 to 5,000 pictures, two to all of its classes) with wrong labels of one kind, .5
to 40 % of them, and its ranking. Sets: by default the clothing photos and the drawn figures by SqueezeNet,
scikit-learn's digits by their pixels, and made features; with ``--vectors``, these files (``vectors`` and
``truth``; their names begin with the name of the set and a hyphen: two networks of one set confuse each
other's people), the digits and the made features. A file with an array for each of two networks instead of
``vectors`` makes rankings by both. Kinds of noise, all equally probable:

=======  =========================================================================================
even     any other class
pairs    half of the classes take another one's name, at random or that of their look-alike
default  one class collects errors from all
image    a person who sees what another network sees errs on hard pictures, by chance or always alike
mixed    half even, half such a person
foreign  pictures that belong to no class of the set
=======  =========================================================================================

The fit is by EM: the coefficients of each bed by its own labels (all of them known), then mean, covariance
and group effects of each kind from the coefficients of its beds. ``coverage.py`` tells how well the
intervals hold.
"""

from __future__ import annotations

import argparse
import json
import pickle
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
from feedback import DATA, drawn
from noises import Set, by_default, confused, evenly, in_pairs, look_alikes, no_class, out_of_fold
from ranking import clothing, digits

from cleaner import Catalog
from cleaner.embedding import Embeddings
from cleaner.ranking import Ranking, rank
from cleaner.ranking import prior as priors
from cleaner.ranking.posterior import Design, columns_of, fit_kind, seen_groups
from cleaner.ranking.prior import KNOTS, SIZE, Kind, Prior

ROUNDS = 30
RIDGE = 5.0
WIDER = 1.6  # a few sets do not show how much sets differ: with this, intervals hold for a set left out
SHARED = SIZE + 8  # beds that the covariance of all kinds counts for, in that of each
LEAST_OF_CLASS = 3

# ---------------------------------------------------------------- noise


def systematic(base: Set, rate: float, seed: int) -> np.ndarray:
    """Let a person err where another network leans most to another class, with more or less chance in it."""
    rng = np.random.default_rng(seed)
    classes, codes = np.unique(base.truth, return_inverse=True)
    at, p = np.arange(len(codes)), np.maximum(base.person, 1e-6)
    others = p.copy()
    others[at, codes] = 0
    other = others.argmax(axis=1)
    chance = rng.choice([0.0, 1.0, 3.0]) * rng.gumbel(size=len(codes))
    lead = np.log(others[at, other]) - np.log(p[at, codes]) + chance
    some = np.argsort(-lead)[: max(1, round(rate * len(codes)))]
    codes[some] = other[some]
    return classes[codes]


def half_confused(base: Set, rate: float, seed: int) -> np.ndarray:
    """Half of the errors anywhere, half by a person who is confused."""
    anywhere = evenly(base, rate / 2, seed + 10_000)
    return np.where(anywhere != base.truth, anywhere, confused(base, rate / 2, seed))


@dataclass(frozen=True)
class Noise:
    """A way to make labels wrong: the kind it belongs to, how often it is drawn, and its least of classes."""

    kind: str
    make: Callable[[Set, float, int], np.ndarray]
    share: float
    classes: int = 2


NOISES = (
    Noise("even", evenly, 2),
    Noise("pairs", in_pairs, 1.2),
    Noise("pairs", look_alikes, 1.2, 4),
    Noise("default", by_default, 2),
    Noise("image", confused, 1.5),
    Noise("image", systematic, 1.5),
    Noise("mixed", half_confused, 2),
    Noise("foreign", no_class, 1.5, 4),
)

# ---------------------------------------------------------------- sets


@dataclass
class Base:
    """A set with people who may label it: what networks on parts of the features find."""

    set: Set
    people: list[np.ndarray] = field(default_factory=list)


def people(base: Set, seed: int, number: int = 3) -> list[np.ndarray]:
    """Return probabilities of the classes by models on a quarter, a tenth and a twentieth of the features."""
    rng = np.random.default_rng([seed, 5])
    width = base.vectors.shape[1]
    parts = (rng.choice(width, width // share + 3, replace=False) for share in (4, 10, 20)[:number])
    return [out_of_fold(base.vectors[:, part], base.truth) for part in parts]


def from_file(path: Path) -> Set:
    """Read right labels and embeddings: ``vectors`` of one network, or an array for each of several."""
    with np.load(path, allow_pickle=True) as file:
        names = ["vectors"] if "vectors" in file else [name for name in file.files if name != "truth"]
        views = [file[name].astype(np.float32) for name in names]
        widths = tuple(view.shape[1] for view in views)
        return Set(path.stem, np.hstack(views), file["truth"].astype(str), widths=widths)


def with_people(sets: list[Set]) -> list[Base]:
    """Give every set its people; those of another network on the same set label it, too."""
    bases = [Base(one, people(one, 0)) for one in sets]
    own = [list(base.people) for base in bases]
    for base in bases:
        for other, theirs in zip(bases, own, strict=True):
            same = other.set.name.split("-")[0] == base.set.name.split("-")[0]
            if other is not base and same and len(other.set.truth) == len(base.set.truth):
                base.people += theirs
    return bases


def made(seed: int) -> Base:
    """Return features of 2 to 100 classes of any sizes, every second one like the class before it."""
    rng = np.random.default_rng([seed, 77])
    k = int(np.exp(rng.uniform(np.log(2), np.log(100))))
    n = int(np.exp(rng.uniform(np.log(200), np.log(5000))))
    sizes = np.maximum(rng.multinomial(n, rng.dirichlet(np.full(k, rng.choice([1.0, 3.0, 30.0])))), 5)
    scale = rng.uniform(0.35, 1.0)
    centres = rng.normal(scale=scale, size=(k, 48))
    pairs = 2 * (k // 2)
    near = rng.normal(scale=scale * rng.uniform(0.4, 1), size=(k // 2, 48))
    centres[1:pairs:2] = centres[0:pairs:2] + near
    codes = np.repeat(np.arange(k), sizes)
    vectors = centres[codes] + rng.standard_t(5, size=(len(codes), 48)) + 0.5
    labels = np.array([f"class {code:03d}" for code in codes])
    base = Set("made", np.maximum(vectors, 0).astype(np.float32), labels)
    return Base(base, people(base, seed, 2))


# ---------------------------------------------------------------- beds


@dataclass
class Bed:
    """A ranking whose errors are known, as arrays with one entry for each picture."""

    base: str
    kind: str
    design: Design
    wrong: np.ndarray


def spoiled(
    base: Base, rng: np.random.Generator, *, noises: Sequence[Noise] = NOISES, least: int = 60
) -> tuple[Set, np.ndarray, str]:
    """Return a part of a set, its given labels (empty: not in the set), and the kind of noise."""
    person = base.people[rng.integers(len(base.people))]
    part = replace(base.set, columns={}, person=person)
    classes = np.unique(part.truth)
    if len(classes) > 2 and rng.random() < 0.3:
        kept = rng.choice(classes, rng.integers(2, len(classes)), replace=False)
        part = part.take(np.flatnonzero(np.isin(part.truth, kept)))
    most = min(5000, len(part.truth))
    n = int(np.exp(rng.uniform(np.log(least), np.log(max(least + 1, most)))))
    part = part.draw(n, int(rng.integers(1 << 30)))
    _, codes, sizes = np.unique(part.truth, return_inverse=True, return_counts=True)
    part = part.take(np.flatnonzero(sizes[codes] >= LEAST_OF_CLASS))
    some = [noise for noise in noises if len(np.unique(part.truth)) >= noise.classes]
    share = np.array([noise.share for noise in some])
    noise = some[rng.choice(len(some), p=share / share.sum())]
    rate = float(np.exp(rng.uniform(np.log(0.005), np.log(0.4))))
    return part, noise.make(part, rate, int(rng.integers(1 << 30))), noise.kind


def ranked(base: Set, given: np.ndarray) -> tuple[Ranking, np.ndarray]:
    """Rank the pictures that have a label; return the ranking and the right labels."""
    there = given != ""
    names = [f"{i:06d}" for i in range(int(there.sum()))]
    catalog = Catalog(pd.DataFrame({"name": names, "label": given[there].tolist(), "split": "train"}))
    return rank(catalog, *embedded(base, there, names)), base.truth[there]


def embedded(base: Set, there: np.ndarray, names: list[str]) -> list[Embeddings]:
    """Return what each network sees of some pictures."""
    return [
        Embeddings(names=names, vectors=view[there], hashes=names, key=f"benchmark {i}", problems={})
        for i, view in enumerate(base.views)
    ]


def make_bed(base: Base, rng: np.random.Generator) -> Bed:
    """Draw a part of a set, make labels wrong, and rank."""
    part, given, kind = spoiled(base, rng)
    ranking, truth = ranked(part, given)
    design = Design.of(ranking.unseen())
    return Bed(base.set.name, kind, design, np.array(ranking.given) != truth)


def make_beds(bases: list[Base], number: int, seed: int) -> list[Bed]:
    """Draw beds of every set equally often, and as many of made features as of one set."""
    rng = np.random.default_rng(seed)
    sets = sorted({base.set.name.split("-")[0] for base in bases})
    beds, started = [], time.perf_counter()
    for i in range(number):
        if i % (len(sets) + 1) == len(sets):
            base = made(1000 * seed + i)
        else:
            same = [b for b in bases if b.set.name.split("-")[0] == sets[i % (len(sets) + 1)]]
            base = same[rng.integers(len(same))]
        beds.append(make_bed(base, rng))
        if i % 50 == 49:
            print(f"{i + 1} beds in {time.perf_counter() - started:.0f} s", flush=True)
    return beds


def load_beds(path: Path) -> list[Bed]:
    """Read beds that were kept."""
    return [Bed(**parts) for parts in pickle.loads(path.read_bytes())]


# ---------------------------------------------------------------- the fit


@dataclass
class _Counts:
    """What the beds of one kind add up to."""

    beta: list[np.ndarray] = field(default_factory=list)
    facts: list[np.ndarray] = field(default_factory=list)
    spread: np.ndarray = field(default_factory=lambda: np.zeros((SIZE, SIZE)))
    squares: np.ndarray = field(default_factory=lambda: np.full(3, 2 * 0.3**2))
    groups: np.ndarray = field(default_factory=lambda: np.full(3, 2.0))


def fit_prior(beds: list[Bed], rounds: int = ROUNDS) -> Prior:
    """Fit the prior of each kind by EM."""
    facts = np.stack([bed.design.facts for bed in beds])
    centre, scale = facts.mean(axis=0), np.maximum(facts.std(axis=0), 1e-6)
    kinds = sorted({bed.kind for bed in beds})
    m = len(centre) + 1
    first = np.zeros((m, SIZE))
    first[0, : len(KNOTS)] = KNOTS  # to begin with, the log odds are right
    wide, sds = np.diag(np.full(SIZE, 4.0)), np.full(3, 0.5)
    prior = Prior(tuple(Kind(kind, 1 / len(kinds), first, wide, sds) for kind in kinds), centre, scale)
    prepared = []
    for bed in beds:
        rows = np.arange(len(bed.wrong))
        seen = seen_groups(bed.design, rows)
        prepared.append((columns_of(bed.design, rows, seen), bed.design.kind_of_group[seen]))
    starts: list[np.ndarray | None] = [None] * len(beds)
    for _ in range(rounds):
        counts = {kind: _Counts() for kind in kinds}
        for i, (bed, (columns, of_group)) in enumerate(zip(beds, prepared, strict=True)):
            kind = prior.kinds[kinds.index(bed.kind)]
            x = prior.standardised(bed.design.facts)
            fit = fit_kind(kind, x, columns, bed.wrong.astype(float), kind.sds[of_group], starts[i])
            starts[i] = fit.mean
            count = counts[bed.kind]
            count.beta.append(fit.mean[:SIZE])
            count.facts.append(x)
            count.spread += fit.covariance[:SIZE, :SIZE]
            squares = fit.mean[SIZE:] ** 2 + np.diag(fit.covariance)[SIZE:]
            count.squares += np.bincount(of_group, squares, minlength=3)
            count.groups += np.bincount(of_group, minlength=3)
        prior = Prior(tuple(_kinds(counts)), centre, scale)
    kinds_for_others = (replace(kind, covariance=WIDER * kind.covariance) for kind in prior.kinds)
    return replace(prior, kinds=tuple(kinds_for_others))


def _kinds(counts: dict[str, _Counts]) -> list[Kind]:
    """Return mean, covariance and group effects of each kind; the covariances lean to that of all beds."""
    found = {}
    for name, count in counts.items():
        beta, facts = np.stack(count.beta), np.stack(count.facts)
        penalty = np.full(facts.shape[1], RIDGE)
        penalty[0] = 0.01  # the constant is free
        mean = np.linalg.solve(facts.T @ facts + np.diag(penalty), facts.T @ beta)
        residual = beta - facts @ mean
        found[name] = mean, residual.T @ residual + count.spread, len(beta)
    shared = sum(spread for _, spread, _ in found.values()) / sum(n for _, _, n in found.values())
    return [
        Kind(
            name,
            1 / len(found),
            mean,
            (spread + SHARED * shared) / (n - 0.5 * len(mean) + SHARED),
            np.sqrt(counts[name].squares / counts[name].groups),
        )
        for name, (mean, spread, n) in found.items()
    ]


def default_sets(work: Path) -> list[Set]:
    """Return the sets that the project has pictures of."""
    weights = DATA / "weights" / "squeezenet1_1.safetensors"
    if not weights.is_file():
        return []
    photos = clothing(weights, work)
    return [Set("clothing-squeezenet", photos.vectors, photos.truth), drawn(work)]


def main() -> int:
    """Make beds, fit, and write."""
    as_written = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=as_written)
    parser.add_argument("--vectors", nargs="*", type=Path, help="embeddings to use; see above")
    parser.add_argument("--beds", type=int, default=600, help="default: 600")
    parser.add_argument("--seed", type=int, default=1, help="default: 1")
    parser.add_argument(
        "--cache", type=Path, nargs="*", default=[], help="beds made before; the first is made"
    )
    parser.add_argument("--work", type=Path, help="folder for pictures and embeddings; default: a temporary")
    parser.add_argument("--write", action="store_true", help="write the prior into the package")
    arguments = parser.parse_args()
    beds: list[Bed] = []
    if arguments.cache and arguments.cache[0].is_file():
        for path in arguments.cache:
            beds += load_beds(path)
    else:
        with tempfile.TemporaryDirectory() as folder:
            work = arguments.work or Path(folder)
            files = arguments.vectors
            sets = [from_file(path) for path in files] if files else default_sets(work)
            beds = make_beds(with_people([*sets, digits()]), arguments.beds, arguments.seed)
        if arguments.cache:
            arguments.cache[0].write_bytes(pickle.dumps([vars(bed) for bed in beds]))
    prior = fit_prior(beds)
    for kind in prior.kinds:
        number = sum(bed.kind == kind.name for bed in beds)
        print(f"{kind.name:8} {number:4} beds; effects of given, suggested, pair: {kind.sds.round(2)}")
    if arguments.write:
        path = Path(priors.__file__).with_name("prior.json")
        path.write_text(json.dumps(prior.as_json()) + "\n", encoding="utf-8")
        print(f"written: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

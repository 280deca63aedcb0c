"""How well missing and extra labels are found where images have several.

Two clothing photographs beside each other make one image, whose right label is the set of both classes; a
fifth of the images are single photographs. Labels are then left out or added at random, at known rates. The
same heads rank the bits (an image and a class) in two ways: by the probability that the bit is wrong, and by
*self-confidence* (one minus the head's probability of what the label says, class by class). The table shows
the average precision of both, for all bits and for whole images, what was expected and found, and the rates
of noise that were estimated. Run ``python tests/benchmarks/multilabel.py FOLDER``.

With ``--coverage``, somebody decides on the most suspicious images, always rightly, and the table shows how
often the number of wrong images among the others lies in its 90 % interval: before any decision, after 48 and
144, and by a new ranking that knows these.

With ``--feedback``, somebody decides on all images, always rightly, once by the order as it is and once
re-ordered after every page (`cleaner.session.simulation`). The table shows the share of wrong images found
after some looks without → with feedback, and the worst and the mean difference over all depths. *Structured*:
half of the labels of one class are missing, and half of the images of another one have a third class as well.

With ``--worth``, two thirds of the images are somebody's set, and the rest, with the right labels, stands for
all images. The table shows what `cleaner.analysis.worth` says that the looks so far have brought and the next
200 will bring, in mistakes on 100 images, its interval, and what a head trained before and after gains on the
rest.
"""

from __future__ import annotations

import argparse
import csv
import io
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from beds import DATA
from PIL import Image
from sklearn.metrics import average_precision_score

from cleaner.dataset.catalog import Catalog
from cleaner.dataset.label_sets import LabelSets
from cleaner.embedding.pipeline import Embeddings
from cleaner.pipelines.worth import worth_of
from cleaner.ranking.heads import LinearHead
from cleaner.ranking.posterior import Posterior
from cleaner.ranking.rank_sets import rank_sets
from cleaner.session.simulation import LEARNING, simulate

SETS = LabelSets(";")
NOISE = (
    (0.05, 0.05, False), (0.1, 0.1, False), (0.1, 0.1, True), (0.2, 0.0, False), (0.0, 0.2, False),
    (0.3, 0.1, False), (0.02, 0.02, False),
)  # fmt: skip
"""Shares of missing and extra labels, and whether half of the classes have more."""
SIDE_PX = 160
STATIC = "pooled"


def lay_out_collages(root: Path, n: int = 900, seed: int = 0) -> dict[str, str]:
    """Write images of one or two clothing photographs, once; return their right labels by name."""
    clothing = DATA / "clothing"
    with (clothing / "labels.csv").open(newline="", encoding="utf-8") as file:
        truth = {row["name"]: row["true_label"] for row in csv.DictReader(file)}
    rng = np.random.default_rng(seed)
    names = sorted(truth)
    pairs = rng.choice(len(names), (n, 2))
    single = rng.random(n) < 0.2
    labels: dict[str, str] = {}
    root.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(clothing / "images.zip") as packed:
        member = {Path(name).name: name for name in packed.namelist()}
        for i, (a, b) in enumerate(pairs):
            parts = [names[a]] if single[i] else [names[a], names[b]]
            labels[f"{i:05d}.jpg"] = SETS.join(truth[part] for part in parts)
            path = root / f"{i:05d}.jpg"
            if not path.exists():
                canvas = Image.new("RGB", (SIDE_PX * len(parts), SIDE_PX), "white")
                for at, part in enumerate(parts):
                    photo = Image.open(io.BytesIO(packed.read(member[part]))).convert("RGB")
                    photo.thumbnail((SIDE_PX, SIDE_PX))
                    canvas.paste(photo, (at * SIDE_PX, 0))
                canvas.save(path, quality=90)
    return labels


def embedded(root: Path, labels: dict[str, str]) -> np.ndarray:
    """Return the embeddings of the images by the built-in network; they are kept beside the images."""
    kept = root / "vectors.npy"
    if not kept.exists():
        from cleaner.embedding import embed
        from cleaner.workspace import Workspace

        rows = "".join(f"{name},{label}\n" for name, label in labels.items())
        (root / "labels.csv").write_text(f"name,label\n{rows}")
        workspace = Workspace(root, labels=root / "labels.csv", backbone="lite0")
        (backbone,), _ = workspace.network.load(workspace)
        found = embed(
            workspace.scan(), backbone, index=workspace.index, cache_root=workspace.state / "embeddings"
        )
        at = {name: row for row, name in enumerate(found.names)}
        np.save(kept, found.vectors[[at[name] for name in labels]])
        workspace.close()
    return np.load(kept)


def with_noise(
    truth: np.ndarray, missing: float, extra: float, seed: int, *, uneven: bool = False
) -> np.ndarray:
    """Return bits of which some that are there are left out, and as many added as a share of those there.

    Parameters
    ----------
    truth : bool, shape (n, k)
    missing, extra : float
        Shares of the right labels.
    seed : int
    uneven : bool
        Let half of the classes have three times the rate of the others.
    """
    rng = np.random.default_rng(seed)
    factor = np.ones(truth.shape[1])
    if uneven:
        factor = np.where(rng.permutation(truth.shape[1]) % 2, 1.5, 0.5)
    given = truth.copy()
    given[truth & (rng.random(truth.shape) < missing * factor)] = False
    added = extra * factor * truth.sum(axis=0) / np.maximum(1, (~truth).sum(axis=0))
    given[~truth & (rng.random(truth.shape) < added)] = True
    return given


def catalog_of(names: list[str], bits: np.ndarray, classes: list[str]) -> Catalog:
    """Return images with these labels."""
    labels = [SETS.join(np.array(classes)[row]) for row in bits]
    return Catalog(pd.DataFrame({"name": names, "split": "train", "label": labels}), label_sets=SETS)


def show_coverage(embeddings: Embeddings, truth: np.ndarray, classes: list[str], seeds: range) -> None:
    """Print how often the intervals hold."""
    names = embeddings.names
    held: dict[str, list[tuple[bool, bool]]] = {}
    for missing, extra, uneven in NOISE:
        for seed in seeds:
            given = with_noise(truth, missing, extra, seed, uneven=uneven)
            catalog = catalog_of(names, given, classes)
            wrong = dict(zip(names, (given != truth).any(axis=1).tolist(), strict=True))
            right = {name: SETS.join(np.array(classes)[row]) for name, row in zip(names, truth, strict=True)}
            ranking = rank_sets(catalog, embeddings, seed=seed)
            order = ranking.order().tolist()
            line = [f"{missing:.2f} {extra:.2f} {'uneven' if uneven else 'even  '}"]
            for looks in (0, 48, 144, -144):
                done = order[: abs(looks)]
                if looks < 0:  # a new ranking, which knows what was decided
                    labels = {name: right[name] for name in done if wrong[name]}
                    ranking = rank_sets(catalog, embeddings, seed=seed, labels=labels, trusted=done)
                posterior = Posterior(ranking, {name: wrong[name] for name in done})
                ahead = [name for name in ranking.order() if name not in set(done)]
                counts = [(posterior.count(some), sum(map(wrong.get, some))) for some in (ahead, ahead[:24])]
                held.setdefault(f"{looks}", []).append(tuple(c.low <= n <= c.high for c, n in counts))
                line += [f"{c.low} to {c.high} ({c.point:.0f}), {n}" for c, n in counts]
            print(" | ".join(line), flush=True)
    for looks, each in held.items():
        rest, page = np.mean(each, axis=0)
        print(f"{looks} looks: the rest in {rest:.0%}, the next page in {page:.0%} of {len(each)} intervals")


def with_structure(truth: np.ndarray, seed: int) -> np.ndarray:
    """Return bits of which those of one class are often left out, and of another one often added."""
    rng = np.random.default_rng(seed)
    given, (lacking, shown, added) = truth.copy(), rng.permutation(truth.shape[1])[:3]
    given[truth[:, lacking] & (rng.random(len(truth)) < 0.5), lacking] = False
    given[truth[:, shown] & (rng.random(len(truth)) < 0.5), added] = True
    return given


def show_feedback(embeddings: Embeddings, truth: np.ndarray, classes: list[str], seeds: range) -> None:
    """Print how much sooner errors are found by an order that learns."""
    names = embeddings.names
    right = {name: SETS.join(np.array(classes)[row]) for name, row in zip(names, truth, strict=True)}
    kinds = {
        f"{missing:.2f} {extra:.2f} {'uneven' if uneven else 'even  '}": partial(
            with_noise, truth, missing, extra, uneven=uneven
        )
        for missing, extra, uneven in NOISE
    }
    for kind, make in {**kinds, "structured": partial(with_structure, truth)}.items():
        runs = []
        for seed in seeds:
            ranking = rank_sets(catalog_of(names, make(seed=seed), classes), embeddings, seed=seed)
            table = simulate(ranking, right, orderings=(STATIC, LEARNING), seed=seed + 7)
            steps = np.arange(24, len(names) + 1, 24)
            played = (table[table["ordering"] == each] for each in (STATIC, LEARNING))
            runs.append([np.interp(steps, rows["looks"], rows["recall"].astype(float)) for rows in played])
        static, learning = np.mean(runs, axis=0)
        change = learning - static
        at = ", ".join(f"{24 * (i + 1)}: {static[i]:.3f} → {learning[i]:.3f}" for i in (3, 7, 11, 15))
        print(f"{kind:15} {at}; worst {change.min():+.3f}, mean {change.mean():+.4f}", flush=True)


def show_worth(embeddings: Embeddings, truth: np.ndarray, classes: list[str], seeds: range) -> None:
    """Print what cleaning is said to be worth, and what it is worth."""
    held: dict[str, list[bool]] = {"so far": [], "ahead": []}
    kinds = {f"{rate:.2f}": partial(with_noise, missing=rate, extra=rate) for rate in (0.1, 0.2)}
    for kind, make in {**kinds, "structured": with_structure}.items():
        for seed in seeds:
            rng = np.random.default_rng(seed)
            mine = np.sort(rng.permutation(len(truth))[: 2 * len(truth) // 3])
            rest = np.setdiff1d(np.arange(len(truth)), mine)
            names, right = [embeddings.names[i] for i in mine], truth[mine]
            some = Embeddings(
                names=names, vectors=embeddings.vectors[mine], hashes=names, key="collages", problems={}
            )
            given = make(truth=right, seed=seed)
            catalog, wrong = catalog_of(names, given, classes), (given != right).any(axis=1)
            text = [SETS.join(np.array(classes)[row]) for row in given]
            done, found = np.zeros(len(mine), dtype=bool), {}

            def mistakes(labels: np.ndarray) -> np.ndarray:
                head = LinearHead.fit_several(some.vectors, labels, classes)  # noqa: B023 - called at once
                said = head.predict_proba(embeddings.vectors[rest]) > 0.5  # noqa: B023
                return (said != truth[rest]).sum(axis=1)  # noqa: B023

            for looks in (0, 150, 300):
                present = np.where(done[:, None], right, given)
                labels = {n: SETS.join(np.array(classes)[r]) for n, r in zip(names, present, strict=True)}
                decided = [name for name, is_done in zip(names, done, strict=True) if is_done]
                ranking = rank_sets(catalog, some, seed=seed, labels=labels, trusted=decided)
                place = {name: i for i, name in enumerate(names)}
                order = [place[name] for name in ranking.order() if not done[place[name]]]
                said = worth_of(
                    ranking, dict(zip(names, text, strict=True)), some, decided, found=found, seed=seed
                )
                after = present.copy()
                after[order[:200]] = right[order[:200]]
                line = [f"{kind:10} {looks:3} looks"]
                for what, change, was, is_ in (
                    ("so far", said.so_far, given, present),
                    ("ahead", said.ahead, present, after),
                ):
                    if change is None:
                        continue
                    gained = mistakes(is_) - mistakes(was)
                    more = 1.96 * gained.std() / np.sqrt(len(gained))
                    low, high = (
                        np.hypot(abs(change.difference - edge), more) for edge in (change.low, change.high)
                    )
                    held[what].append(bool(-low <= gained.mean() - change.difference <= high))
                    line.append(
                        f"{what} {100 * change.difference:+.1f} ({100 * change.low:+.1f} to "
                        f"{100 * change.high:+.1f}), true {100 * gained.mean():+.1f} ± {100 * more:.1f}"
                    )
                print(" | ".join(line), flush=True)
                coming = order[:150]
                done[coming] = True
                found |= {names[i]: bool(wrong[i]) for i in coming}
    for what, each in held.items():
        print(f"{what}: in {sum(each)} of {len(each)} intervals, widened by what the rest leaves open")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="for the images; made if it is not there")
    parser.add_argument("-n", type=int, default=900)
    parser.add_argument("--coverage", action="store_true")
    parser.add_argument("--feedback", action="store_true")
    parser.add_argument("--worth", action="store_true")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    if not (DATA / "clothing").is_dir():
        raise SystemExit("The clothing photographs are not here.")
    labels = lay_out_collages(options.folder, options.n)
    vectors = embedded(options.folder, labels)
    names = list(labels)
    classes = sorted({name for label in labels.values() for name in SETS.split(label)})
    truth = np.array([[name in SETS.split(labels[image]) for name in classes] for image in names])
    embeddings = Embeddings(names=names, vectors=vectors, hashes=names, key="collages", problems={})
    print(f"{len(names)} images, {len(classes)} classes, {truth.sum(axis=1).mean():.2f} labels an image")
    if options.coverage:
        show_coverage(embeddings, truth, classes, range(options.seeds))
        return
    for show, asked in ((show_feedback, options.feedback), (show_worth, options.worth)):
        if asked:
            show(embeddings, truth, classes, range(options.seeds))
            return
    head = (
        "missing extra       | AP bits | self-c. | AP images | self-c. | wrong bits: expected, real | rates"
    )
    print(head)
    for missing, extra, uneven in NOISE:
        rows = []
        for seed in range(options.seeds):
            given = with_noise(truth, missing, extra, seed, uneven=uneven)
            ranking = rank_sets(catalog_of(names, given, classes), embeddings, seed=seed)
            columns = [classes.index(name) for name in ranking.classes]
            bad, said = (given != truth)[:, columns], given[:, columns]
            own = np.where(said, 1 - ranking.plain, ranking.plain)
            image_bad = bad.any(axis=1)
            rows.append(
                [
                    average_precision_score(bad.ravel(), ranking.wrong.ravel()),
                    average_precision_score(bad.ravel(), own.ravel()),
                    average_precision_score(image_bad, ranking.scores),
                    average_precision_score(image_bad, own.max(axis=1)),
                    ranking.wrong.sum(),
                    bad.sum(),
                    ranking.scores.sum(),
                    image_bad.sum(),
                    ranking.missing.mean(),
                    (ranking.extra * (~truth[:, columns]).sum(axis=0)).sum() / said.sum(),
                ]
            )
        a, b, c, d, e, f, g, h, m, x = np.mean(rows, axis=0)
        print(
            f"{missing:.2f} {extra:.2f} {'uneven' if uneven else 'even  '} | {a:.3f}   | {b:.3f}   | "
            f"{c:.3f}     | {d:.3f}   | bits {e:.0f} of {f:.0f}, images {g:.0f} of {h:.0f} | "
            f"missing {m:.3f}, extra {x:.3f}"
        )


if __name__ == "__main__":
    main()

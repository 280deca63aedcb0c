"""What cleaning is worth to a model of images that have several labels.

The collages of ``multilabel.py``; a fifth of them is for validation, whose labels are right. Heads are fitted
on the features of the built-in network, or the whole network is tuned, from labels as given and from cleaned
ones: those that a reviewer has who looks at the most suspicious fifth of the training images, and all right
ones. The table shows the mean average precision of the classes and the share of wrong answers on the
validation images. Run ``python tests/benchmarks/multilabel_training.py FOLDER [--full]``.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from beds import DATA
from multilabel import SETS, embedded, lay_out_collages, with_noise

from cleaner.dataset.catalog import Catalog
from cleaner.embedding.pipeline import Embeddings
from cleaner.models.backbones import load_backbone
from cleaner.ranking.heads import LinearHead
from cleaner.ranking.rank_sets import rank_sets
from cleaner.training.average_precision import mean_average_precision
from cleaner.training.compare import compare_classes
from cleaner.training.learner import Learner

LOOKS = 0.2


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="for the images; made if it is not there")
    parser.add_argument("-n", type=int, default=900)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--full", action="store_true", help="tune the whole network, which takes long")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--noise", type=float, nargs="+", default=[0.05, 0.1, 0.2])
    options = parser.parse_args()
    if not (DATA / "clothing").is_dir():
        raise SystemExit("The clothing photographs are not here.")
    labels = lay_out_collages(options.folder, options.n)
    vectors = embedded(options.folder, labels)
    names = list(labels)
    classes = sorted({name for label in labels.values() for name in SETS.split(label)})
    truth = SETS.bits([labels[name] for name in names], classes)
    embeddings = Embeddings(names=names, vectors=vectors, hashes=names, key="collages", problems={})
    valid = np.arange(len(names)) % 5 == 0
    columns = "| ".join(f"{name:<20}" for name in ("as given", "a fifth looked at", "all right"))
    print(
        f"{(~valid).sum()} to learn from, {valid.sum()} to measure; AP and wrong answers\nnoise  | {columns}"
    )
    for noise in options.noise:
        rows = []
        for seed in range(options.seeds):
            given = np.where(valid[:, None], truth, with_noise(truth, noise, noise, seed))
            catalog = catalog_of(options.folder, names, given, classes, valid)
            order = rank_sets(catalog.where(split="train"), embeddings, seed=seed).order()
            first = set(order[: round(LOOKS * len(order))])
            looked = np.array([name in first for name in names])
            cleaned = np.where(looked[:, None], truth, given)
            if options.full:
                said = [
                    tuned(catalog_of(options.folder, names, bits, classes, valid), seed, options.epochs)
                    for bits in (given, cleaned, truth)
                ]
            else:
                heads = [
                    LinearHead.fit_several(vectors[~valid], b[~valid], classes)
                    for b in (given, cleaned, truth)
                ]
                said = [head.predict_proba(vectors[valid]) for head in heads]
            rows.append(
                [(mean_average_precision(truth[valid], p), ((p > 0.5) != truth[valid]).mean()) for p in said]
            )
            found = compare_classes(truth[valid], said[0], said[1], before_name="given", after_name="cleaned")
            print(seed, found.sentence, found.precision, flush=True)
        cells = " | ".join(f"{ap:.3f}, {error:.2%}       " for ap, error in np.mean(rows, axis=0))
        print(f"{noise:.2f}   | {cells}", flush=True)


def catalog_of(
    root: Path, names: list[str], bits: np.ndarray, classes: list[str], valid: np.ndarray
) -> Catalog:
    """Return the images with these labels."""
    table = pd.DataFrame(
        {
            "name": names,
            "label": [SETS.join(np.array(classes)[row]) for row in bits],
            "split": np.where(valid, "valid", "train"),
        }
    )
    return Catalog(table, root=root, label_sets=SETS)


def tuned(catalog: Catalog, seed: int, epochs: int) -> np.ndarray:
    """Tune the built-in network; return its probabilities for the validation images."""
    learner = Learner(catalog, backbone=load_backbone("lite0"), seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        learner.fine_tune(epochs, checkpoint=Path(folder) / "unfinished")
    print(f"   {learner.diagnose()}", flush=True)
    return learner.probabilities(catalog.where(split="valid"))


if __name__ == "__main__":
    main()

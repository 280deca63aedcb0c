"""Errors found against pictures looked at: ours, cleanlab's scores, and random looks, as one figure.

    python tests/benchmarks/curves.py [--weights FILE] [--out docs/curves.png] [--work FOLDER]

The photos of ``../shared/data/clothing`` carry labels that were made wrong on purpose; an expert who makes no
mistakes is played through the code of the page, in pages of 24. cleanlab (which must be installed) gets what
it is best with on these photos: cross-validated logistic regression on the same embeddings, of unit length.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

DATA = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "clothing"
KINDS = {"asym15": "16 % wrong, between classes that look alike", "sym10": "10 % wrong, at random"}
LOOKS = 1_200
STYLES = {
    "learning": ("cleaner", "#1a66d6", "-"),
    "cleanlab, self-confidence": ("cleanlab, self-confidence", "#c6282b", "--"),
    "cleanlab, normalized margin": ("cleanlab, normalized margin", "#9a6200", "-."),
    "random": ("random", "#68727d", ":"),
}


def lay_out(kind: str, root: Path) -> dict[str, str]:
    """Write train and valid under their given labels; return the right label of each name."""
    truth = {}
    with zipfile.ZipFile(DATA / "images.zip") as packed, (DATA / "labels.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["split"] == "test":
                continue
            name = f"{row['split']}/{row[kind]}/{row['name']}"
            truth[name] = row["true_label"]
            path = root / name
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(packed.read(row["name"]))
    return truth


def peers(views: Sequence[np.ndarray], labels: np.ndarray) -> dict[str, np.ndarray]:
    """Return cleanlab's quality scores (low = suspicious) by cross-validated heads on all features."""
    from cleanlab.rank import get_label_quality_scores
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    unit = np.hstack([vectors / np.linalg.norm(vectors, axis=1, keepdims=True) for vectors in views])
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    head = LogisticRegression(C=1.0, max_iter=300)
    probabilities = cross_val_predict(head, unit, labels, cv=folds, method="predict_proba")
    methods = {"self-confidence": "self_confidence", "normalized margin": "normalized_margin"}
    return {
        f"cleanlab, {name}": get_label_quality_scores(labels, probabilities, method=method)
        for name, method in methods.items()
    }


def measure(kind: str, weights: Path | None, work: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return for each ordering the looks and the errors found after them."""
    from cleaner import Workspace
    from cleaner.pipelines.rank import look, rank_seen
    from cleaner.session.simulation import simulate
    from cleaner.util.progress import SILENT

    truth = lay_out(kind, work / kind)
    with Workspace(work / kind, weights=weights) as workspace:
        seen = look(workspace, workspace.store.state, workspace.network, second=True, reporter=SILENT)
        ranking = rank_seen(seen, reporter=SILENT)
    table = simulate(ranking, truth, orderings=("learning", "random"), looks=LOOKS)
    curves = {
        str(ordering): (rows["looks"].to_numpy(), rows["errors_found"].to_numpy())
        for ordering, rows in table.groupby("ordering")
    }
    given = np.array([seen.labels[name] for name in seen.embeddings.names])
    wrong = np.array([truth[name] for name in seen.embeddings.names]) != given
    codes = np.unique(given, return_inverse=True)[1]
    looks = np.arange(0, LOOKS + 1)
    for name, quality in peers(
        [seen.embeddings.vectors, *(more.vectors for more in seen.more)], codes
    ).items():
        found = np.cumsum(wrong[np.argsort(quality, kind="stable")])
        curves[name] = (looks, np.concatenate([[0], found[:LOOKS]]))
    for name, (at, found) in curves.items():
        shown = ", ".join(f"{int(np.interp(n, at, found))} of {n}" for n in (120, 360, 600, 1200))
        print(f"{kind:8} {name:28} errors found by looks: {shown} ({int(wrong.sum())} in all)")
    return curves


def draw(results: dict[str, dict[str, tuple[np.ndarray, np.ndarray]]], out: Path) -> None:
    """Draw one panel a kind of noise."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    for axes, (kind, curves) in zip(figure.subplots(1, len(results)), results.items(), strict=True):
        for key, (label, colour, line) in STYLES.items():
            width = 2.2 if key == "learning" else 1.5
            axes.plot(*curves[key], line, color=colour, label=label, linewidth=width)
        axes.set_title(KINDS[kind], fontsize=11)
        axes.set_xlabel("pictures looked at")
        axes.set_ylabel("wrong labels found")
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_xlim(0, LOOKS)
        axes.set_ylim(0, None)
    axes.legend(frameon=False, fontsize=9, loc="lower right")
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110)


def main() -> int:
    """Run the benchmark."""
    as_written = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=as_written)
    parser.add_argument("--weights", type=Path, help="weights file; default: cleaner's two networks")
    parser.add_argument("--out", type=Path, default=Path("docs/curves.png"))
    parser.add_argument("--work", type=Path, help="folder for the photos; default: a temporary one")
    arguments = parser.parse_args()
    if not (DATA / "labels.csv").is_file():
        print(f"skipped: the development photographs are not at {DATA}")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        work = arguments.work or Path(folder)
        results = {kind: measure(kind, arguments.weights, work) for kind in KINDS}
    draw(results, arguments.out)
    print(f"drawn: {arguments.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

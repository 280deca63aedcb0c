"""How well the rankings find wrong labels, and how fast: every ordering of ours beside cleanlab's scores.

    python tests/benchmarks/ranking.py --weights FILE [--backbone NAME] [--work FOLDER]

On the photos of ``../shared/data/clothing`` with labels made wrong on purpose, train and valid together:
average precision, area under the ROC curve, precision of the first hundred, recall after looking at 5, 10, 20
and 30 % of the pictures, and the share of the errors whose suggested label is right. Then whether the score
is calibrated, and times against their limits. cleanlab must be installed for its rows.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from curves import DATA, lay_out, peers
from sklearn.metrics import average_precision_score, roc_auc_score

KINDS = ("sym10", "sym20", "asym15")
DEPTHS = (0.05, 0.10, 0.20, 0.30)
RANKING_LIMIT_S = 1.5
REORDER_LIMIT_S = 0.2
HEAD_LIMIT_S = 0.5
LARGE_LIMIT_S = 60.0


def row(title: str, suspicion: np.ndarray, wrong: np.ndarray) -> str:
    """Return one line of the table; ``suspicion`` is higher for what is looked at first."""
    found = np.cumsum(wrong[np.argsort(-suspicion, kind="stable")])
    recalls = "".join(f"{found[round(depth * len(wrong)) - 1] / found[-1]:7.3f}" for depth in DEPTHS)
    precision = average_precision_score(wrong, suspicion)
    area = roc_auc_score(wrong, suspicion)
    return f"{title:30}{precision:7.3f}{area:7.3f}{found[99] / 100:7.2f}{recalls}"


def calibration(score: np.ndarray, wrong: np.ndarray) -> str:
    """Return the share of errors in bands of the score, as text."""
    edges = np.array([0, 0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0])
    band = np.clip(np.searchsorted(edges, score, side="right") - 1, 0, len(edges) - 2)
    parts = []
    for b in range(len(edges) - 1):
        here = band == b
        if here.any():
            parts.append(f"{score[here].mean():.2f} said, {wrong[here].mean():.2f} are ({here.sum()})")
    return "; ".join(parts)


def timed(title: str, limit_s: float, *, repeats: int, task: object) -> None:
    """Print the fastest of some runs beside its limit."""
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        task()  # type: ignore[operator]
        taken.append(time.perf_counter() - start)
    print(f"{title:44}{min(taken):8.3f} s   limit {limit_s:5.1f} s   ratio {min(taken) / limit_s:.2f}")


def quality(kind: str, weights: Path, backbone: str | None, work: Path) -> object:
    """Print the table of one kind of noise; return what was seen, for the times."""
    from cleaner import Workspace
    from cleaner.progress import SILENT
    from cleaner.tasks.look import look, rank_seen

    truth = lay_out(kind, work / kind)
    with Workspace(work / kind, weights=weights, backbone=backbone) as workspace:
        seen = look(workspace, reporter=SILENT)
    ranking = rank_seen(seen, reporter=SILENT)
    given = np.array([seen.labels[name] for name in ranking.names])
    right = np.array([truth[name] for name in ranking.names])
    wrong = right != given
    print(f"\n{kind}: {int(wrong.sum())} wrong labels among {len(wrong):,}")
    print(f"{'ordering':30}{'AP':>7}{'AUROC':>7}{'P@100':>7}" + "".join(f"{f'R@{d:.0%}':>7}" for d in DEPTHS))
    for name, value in ranking.signals.items():
        print(row(name, value.astype(float), wrong))
    vectors = seen.embeddings.vectors
    at = {name: i for i, name in enumerate(seen.embeddings.names)}
    vectors = vectors[[at[name] for name in ranking.names]]
    for name, value in peers(vectors, np.unique(given, return_inverse=True)[1]).items():
        print(row(name, -value, wrong))
    suggested = np.array([ranking.classes[c] for c in ranking.suggested])
    print(f"suggested label right for {np.mean(suggested[wrong] == right[wrong]):.3f} of the errors")
    print(f"calibration: {calibration(ranking.signals['pooled'], wrong)}")
    return seen


def times(seen: object) -> None:
    """Print times against their limits, embeddings at hand."""
    from cleaner.progress import SILENT
    from cleaner.ranking.feedback import reorder
    from cleaner.ranking.heads import LinearHead
    from cleaner.tasks.look import rank_seen

    print()
    ranking = rank_seen(seen, reporter=SILENT)  # type: ignore[arg-type]
    labels = [seen.labels[name] for name in seen.embeddings.names]  # type: ignore[attr-defined]
    vectors = seen.embeddings.vectors  # type: ignore[attr-defined]
    known = [i for i, label in enumerate(labels) if label is not None]
    rows, chosen = vectors[known], np.array([labels[i] for i in known], dtype=object)
    classes = sorted(set(chosen))
    decided = {name: k % 3 > 0 for k, name in enumerate(ranking.order()[:480])}
    n = f"{len(ranking):,} images"
    timed(f"ranking, {n}", RANKING_LIMIT_S, repeats=5, task=lambda: rank_seen(seen, reporter=SILENT))
    timed(
        f"re-ranking after 480 decisions, {n}",
        REORDER_LIMIT_S,
        repeats=5,
        task=lambda: reorder(ranking, decided),
    )
    timed(f"linear head, {n}", HEAD_LIMIT_S, repeats=5, task=lambda: LinearHead.fit(rows, chosen, classes))


def large(n: int = 50_000, width: int = 512, classes: int = 10) -> None:
    """Print time and memory of ranking many made embeddings."""
    import resource
    from types import SimpleNamespace

    import pandas as pd

    from cleaner import Catalog
    from cleaner.ranking import rank

    rng = np.random.default_rng(0)
    centres = rng.normal(size=(classes, width)).astype(np.float32)
    codes = rng.integers(0, classes, n)
    vectors = np.abs(centres[codes] + 2.5 * rng.normal(size=(n, width)).astype(np.float32))
    flipped = np.where(rng.random(n) < 0.08, rng.integers(0, classes, n), codes)
    names = [f"{i:06d}.jpg" for i in range(n)]
    table = pd.DataFrame({"name": names, "label": [f"c{code}" for code in flipped], "split": "train"})
    embeddings = SimpleNamespace(names=names, vectors=vectors, hashes=names, key="made", problems={})
    catalog = Catalog(table)
    timed(
        f"ranking, {n:,} × {width}, {classes} classes",
        LARGE_LIMIT_S,
        repeats=1,
        task=lambda: rank(catalog, embeddings),
    )
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    full_mb = n * n * 4 / 2**20
    print(
        f"peak memory of the process {peak_mb:,.0f} MB; a table of all pairs alone would take {full_mb:,.0f}"
    )


def main() -> int:
    """Run the benchmark."""
    as_written = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=as_written)
    parser.add_argument("--weights", type=Path, required=True, help="weights file")
    parser.add_argument("--backbone", help="the network it belongs to; default: by the file")
    parser.add_argument("--work", type=Path, help="folder for the photos; default: a temporary one")
    arguments = parser.parse_args()
    if not (DATA / "labels.csv").is_file():
        print(f"skipped: the development photographs are not at {DATA}")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        work = arguments.work or Path(folder)
        for kind in KINDS:
            seen = quality(kind, arguments.weights, arguments.backbone, work)
        times(seen)
    large()
    return 0


if __name__ == "__main__":
    sys.exit(main())

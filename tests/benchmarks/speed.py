"""How fast images are ranked, re-ranked and learnt from, beside the limits, and the memory that it takes.

    python tests/benchmarks/speed.py [--weights FILE] [--work FOLDER]

On the photos of ``../shared/data/clothing`` with embeddings at hand, and on 50,000 made embeddings.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from curves import DATA, lay_out

RANKING_LIMIT_S = 1.5
REORDER_LIMIT_S = 0.2
HEAD_LIMIT_S = 0.5
LARGE_LIMIT_S = 60.0


def timed(title: str, limit_s: float, *, repeats: int, task: Callable[[], object]) -> None:
    """Print the fastest of some runs beside its limit."""
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        task()
        taken.append(time.perf_counter() - start)
    print(f"{title:44}{min(taken):8.3f} s   limit {limit_s:5.1f} s   ratio {min(taken) / limit_s:.2f}")


def times(weights: Path | None, work: Path) -> None:
    """Print times against their limits, embeddings at hand."""
    from cleaner import Workspace
    from cleaner.pipelines.rank import look, rank_seen
    from cleaner.ranking.feedback import reorder
    from cleaner.ranking.heads import LinearHead
    from cleaner.util.progress import SILENT

    lay_out("asym15", work / "asym15")
    with Workspace(work / "asym15", weights=weights) as workspace:
        seen = look(workspace, workspace.store.state, workspace.network, reporter=SILENT)
    ranking = rank_seen(seen, reporter=SILENT)
    labels = [seen.labels[name] for name in seen.embeddings.names]
    vectors = seen.embeddings.vectors
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
    parser.add_argument("--weights", type=Path, help="weights file; default: the built-in network")
    parser.add_argument("--work", type=Path, help="folder for the photos; default: a temporary one")
    arguments = parser.parse_args()
    if not (DATA / "labels.csv").is_file():
        print(f"skipped: the development photographs are not at {DATA}")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        work = arguments.work or Path(folder)
        times(arguments.weights, work)
    large()
    return 0


if __name__ == "__main__":
    sys.exit(main())

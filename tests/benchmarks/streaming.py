"""How soon a first order is there, how good the early ones are, and what they cost.

    python tests/benchmarks/streaming.py [--network NAME] [--runs N] [--work FOLDER]

On train and valid of the photos of ``../shared/data/clothing``, with the errors that were put into the labels
on purpose. Each run is a new process without anything kept; runs with and without early orders take turns.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from curves import DATA, lay_out

KINDS = ("sym10", "sym20", "asym15")
PAGE = 24


def one_run(root: Path, state: Path, network: str, *, early: bool, started_s: float) -> None:
    """Rank in this process as the page's job does; print when there was what, and the processor time."""
    from cleaner import Workspace
    from cleaner.pipelines.preliminary import PreliminaryRankings
    from cleaner.pipelines.rank import prepare
    from cleaner.util.progress import Reporter

    times: dict[int, float] = {}

    class Clock(Reporter):
        def result_so_far(self, result: Mapping[str, Any]) -> None:
            times[result["n"]] = time.time() - started_s

    with Workspace(root, state=state, backbone=network) as space:
        clock, review = Clock(), space.store.state
        on_part = PreliminaryRankings(space, review, space.network, clock) if early else None
        found = prepare(space, review, space.network, second=False, on_part=on_part, reporter=clock)
    times[len(found)] = time.time() - started_s
    print(json.dumps({"times": times, "cpu_s": time.process_time()}))


def run_cold(root: Path, work: Path, network: str, *, early: bool) -> dict[str, Any]:
    """Rank in a new process, without anything kept."""
    state = work / "state"
    shutil.rmtree(state, ignore_errors=True)
    what = ["--one", "early" if early else "plain", "--network", network, "--work", str(work)]
    command = [sys.executable, __file__, *what, "--started", str(time.time())]
    done = subprocess.run([*command, str(root)], check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def cost(root: Path, work: Path, network: str, runs: int) -> None:
    """Print when each order was there, and what the early ones cost."""
    taken: dict[bool, list[dict[str, Any]]] = {True: [], False: []}
    for _ in range(runs):
        for early in (True, False):
            load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
            found = run_cold(root, work, network, early=early)
            taken[early].append(found)
            steps = "  ".join(f"{int(n):,} images {s:.1f} s" for n, s in found["times"].items())
            print(f"{'early orders' if early else 'one ranking':14}{steps}   (load before {load:.1f})")
    cpu_s = {early: statistics.median(each["cpu_s"] for each in found) for early, found in taken.items()}
    wall_s = {
        early: statistics.median(max(each["times"].values()) for each in found)
        for early, found in taken.items()
    }
    print(
        f"processor time with early orders {cpu_s[True]:.1f} s, without {cpu_s[False]:.1f} s, "
        f"ratio {cpu_s[True] / cpu_s[False]:.3f}; whole time {wall_s[True] / wall_s[False]:.3f}"
    )


def quality(root: Path, work: Path, network: str) -> None:
    """Print how well each early order finds the errors, beside the last one on the same images."""
    import pandas as pd
    from sklearn.metrics import average_precision_score

    from cleaner import Catalog, Workspace
    from cleaner.pipelines.rank import look
    from cleaner.ranking import rank
    from cleaner.ranking.sample import parts_of
    from cleaner.util.progress import SILENT

    with Workspace(root, state=work / "state", backbone=network) as space:
        seen = look(space, space.store.state, space.network, reporter=SILENT)
    embeddings = seen.embeddings
    table = pd.read_csv(DATA / "labels.csv").set_index("name")
    files = [Path(name).name for name in embeddings.names]
    at = {name: row for row, name in enumerate(embeddings.names)}
    for kind in KINDS:
        given, truth = table.loc[files, kind].to_numpy(), table.loc[files, "true_label"].to_numpy()
        wrong = dict(zip(embeddings.names, given != truth, strict=True))
        catalog = Catalog(pd.DataFrame({"name": embeddings.names, "label": given, "split": "train"}))
        last = rank(catalog, embeddings).order().tolist()
        chosen: list[str] = []
        for part in [*parts_of(catalog, seed=0), embeddings.names]:
            chosen = list(dict.fromkeys([*chosen, *part]))
            rows = [at[name] for name in chosen]
            some = replace(
                embeddings,
                names=chosen,
                vectors=embeddings.vectors[rows],
                hashes=[embeddings.hashes[r] for r in rows],
            )
            order = rank(catalog, some).order().tolist()
            among = set(chosen)
            both = [np.array([wrong[name] for name in each if name in among]) for each in (order, last)]
            ap, best = (average_precision_score(each, -np.arange(len(each))) for each in both)
            pages = [int(both[0][: n * PAGE].sum()) for n in (1, 5)]
            of_all = [sum(wrong[name] for name in last[: n * PAGE]) for n in (1, 5)]
            print(
                f"{kind:8}{len(chosen):6,} images with {int(both[0].sum()):4} errors: AP {ap:.3f}, of the "
                f"last ranking on these {best:.3f}; errors on the first page {pages[0]} (last {of_all[0]}), "
                f"on the first five {pages[1]} (last {of_all[1]})"
            )


def main() -> int:
    """Run the benchmark."""
    as_written = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=as_written)
    parser.add_argument("root", type=Path, nargs="?", help=argparse.SUPPRESS)
    parser.add_argument("--one", choices=("early", "plain"), help=argparse.SUPPRESS)
    parser.add_argument("--started", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--network", default="lite0", help="default: the one that ranks first, lite0")
    parser.add_argument("--runs", type=int, default=1, help="times that both ways are run; default: 1")
    parser.add_argument("--work", type=Path, help="folder for the photos; default: a temporary one")
    arguments = parser.parse_args()
    if not (DATA / "labels.csv").is_file():
        print(f"skipped: the development photographs are not at {DATA}")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        work = arguments.work or Path(folder)
        if arguments.one:
            state, early = work / "state", arguments.one == "early"
            one_run(arguments.root, state, arguments.network, early=early, started_s=arguments.started)
            return 0
        root = work / "sym10"
        lay_out("sym10", root)
        cost(root, work, arguments.network, arguments.runs)
        quality(root, work, arguments.network)
    return 0


if __name__ == "__main__":
    sys.exit(main())

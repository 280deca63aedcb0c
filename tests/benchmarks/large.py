"""How long each step of a review takes on a large set, beside the limits, and how it grows.

    python tests/benchmarks/large.py [--rows 10000 100000 1000000] [--work FOLDER] [--only PHASE …]

The images are hard links to small made pictures, their contents and features are made up: no step but the
first listing reads an image. Each size has three phases, each in a process of its own, whose memory is
measured: ``ranking`` (of given features), ``session`` (opening, paging, filters, decisions) and
``duplicates``.

Measured on two cores of an Intel Xeon of 2.6 GHz: see docs/large.md. At 1,000,000, ranking took 334 s of the
clock on two cores of an AMD EPYC; the search for duplicates, on two of the Intel Xeon, 730 s.

``--neighbours 60000`` compares approximate neighbours with exact ones, by what comes of them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

LIMITS = {
    "open, index at hand": 5.0,
    "first page": 3.0,
    "next page": 0.1,
    "filter by label": 0.3,
    "filter by prediction": 0.3,
    "filter by split": 0.3,
    "filter by present label": 0.3,
    "by file name": 0.3,
    "another order": 0.3,
    "decision": 0.03,
    "confirm a page": 0.1,
    "undo": 0.1,
    "merge of classes": 0.1,
    "ranking": 600.0,
    "duplicates": 900.0,
    "kernel memory": 1.5,
}
"""Seconds, and GB for memory; at a million rows."""

GROWTH = 1.1
"""Largest exponent of growth between two sizes."""

_CLASSES = 20
_WIDTH = 256
_LATENT = 24
_BLOCK = 10_000
_WRONG = 0.03
_COPIES = 0.02
_TICK_S = 0.002
_LINKS = 30_000  # a file of ext4 has at most 65,000 names
_PHASES = ("ranking", "session", "duplicates")


def names_of(rows: int) -> list[str]:
    """Return the names of the images, sorted: one folder a class."""
    return sorted(f"class {i % _CLASSES:02d}/{i:07d}.jpg" for i in range(rows))


def true_classes(names: list[str]) -> np.ndarray:
    """Return what is on each image; a few have another label than that of their folder."""
    given = np.array([int(name[6:8]) for name in names])
    rng = np.random.default_rng(0)
    return np.where(rng.random(len(given)) < _WRONG, rng.integers(0, _CLASSES, len(given)), given)


def features_of(names: list[str]) -> np.ndarray:
    """Return made features, float32, one row an image: twenty kinds a class in 24 latent dimensions."""
    width = int(os.environ.get("WIDTH", _WIDTH))
    rng = np.random.default_rng(1)
    centres = rng.normal(size=(_CLASSES, 1, _LATENT)) + 0.7 * rng.normal(size=(_CLASSES, 20, _LATENT))
    inner = (rng.normal(size=(_LATENT, 2 * width)) / _LATENT**0.5).astype(np.float32)
    outer = (rng.normal(size=(2 * width, width)) / width**0.5).astype(np.float32)
    true = true_classes(names)
    rows = np.empty((len(names), width), dtype=np.float32)
    for at in range(0, len(names), _BLOCK):
        some = true[at : at + _BLOCK]
        latent = centres[some, rng.integers(0, 20, len(some))] + 0.8 * rng.normal(size=(len(some), _LATENT))
        drawn = np.maximum(latent.astype(np.float32) @ inner, 0) @ outer
        rows[at : at + _BLOCK] = drawn + 0.4 * rng.standard_normal(drawn.shape, dtype=np.float32)
    return rows


def content_of(name: str) -> str:
    """Return the made content hash of an image."""
    return hashlib.sha256(name.encode()).hexdigest()


def lay_out(root: Path, rows: int) -> None:
    """Make the files of a set."""
    from PIL import Image

    rng = np.random.default_rng(2)
    source = root.with_name(f"{root.name}-picture.jpg")
    for at, name in enumerate(names_of(rows)):
        if at % _LINKS == 0:
            source.unlink(missing_ok=True)
            Image.fromarray(rng.integers(0, 255, (16, 16, 3), dtype=np.uint8)).save(source)
        target = root / name
        if not target.parent.is_dir():
            target.parent.mkdir(parents=True)
        os.link(source, target)
    source.unlink()


def fill_index(root: Path) -> None:
    """Let the file index know all files as if they had been read; their contents are made up."""
    from cleaner import Workspace

    with Workspace(root) as workspace:
        names, db = workspace.listed().names.tolist(), workspace.index.db
    stats = ((root / name).stat() for name in names)
    rows = (
        (name, stat.st_size, stat.st_mtime_ns, str(stat.st_ctime_ns), content_of(name))
        for name, stat in zip(names, stats, strict=True)
    )
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.executemany(
            "INSERT OR REPLACE INTO files (name, size, mtime_ns, entry, hash, width, height) "
            "VALUES (?, ?, ?, ?, ?, 16, 16)",
            rows,
        )


def resident_gb() -> float:
    """Return what this process holds in memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e9


def peak_gb() -> float:
    """Return the most that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


class Steps:
    """Measures steps."""

    def __init__(self) -> None:
        self.found: dict[str, float] = {}

    def time(self, title: str, task: Callable[[], Any], *, repeats: int = 1) -> Any:
        """Take the median of some runs."""
        taken, begun = [], time.process_time()
        for _ in range(repeats):
            start = time.perf_counter()
            result = task()
            taken.append(time.perf_counter() - start)
        self.found[title] = statistics.median(taken)
        used = (time.process_time() - begun) / repeats
        line = f"    {title}: {self.found[title]:.4f} s ({used:.4f} of a core), {resident_gb():.2f} GB"
        print(line, file=sys.stderr, flush=True)
        return result


def ranking(root: Path, steps: Steps) -> None:
    """Rank given features, and save the ranking as the product does."""
    from cleaner import Workspace
    from cleaner.dataset.contents import note_contents
    from cleaner.ranking import rank

    with Workspace(root) as workspace:
        catalog = workspace.catalog
        names = catalog.names.tolist()
        embeddings = embeddings_of(names)
        before = resident_gb()
        made = steps.time("ranking", lambda: rank(catalog, embeddings))
        wrong = true_classes(names) != np.array([int(name[6:8]) for name in names])
        order = made.order()
        is_wrong = dict(zip(names, wrong, strict=True))
        found = sum(is_wrong[name] for name in order[: int(wrong.sum())]) / max(1, wrong.sum())
        steps.found["ranking: memory beyond the features"] = peak_gb() - before
        steps.found["ranking: wrong labels among as many"] = float(found)
        note_contents(workspace.ranking_folder, workspace.index.hashes_of(made.names))
        steps.time("saving the ranking", lambda: made.save(workspace.ranking_folder))


def session(root: Path, steps: Steps) -> None:
    """Open the set, look at pages and decide."""
    from cleaner import Workspace
    from cleaner.session.session import ReviewSession, Work
    from cleaner.session.view import GridView

    before = resident_gb()
    workspace = Workspace(root)

    def opened() -> None:
        assert workspace.catalog is not None
        assert workspace.store is not None

    steps.time("open, index at hand", opened)
    made = steps.time("reading the ranking", workspace.ranking)
    works = frozenset(Work) - {Work.SIMILAR, Work.LABELS}
    begin = partial(ReviewSession, workspace, ranking=made, works_out=works)
    review = steps.time("beginning a session", begin)
    steps.time("first page", review.page)
    review.wait()
    steps.time("next page", lambda: review.turn(1), repeats=9)
    views = {
        "filter by label": GridView(given="class 03"),
        "filter by prediction": GridView(predicted="class 04"),
        "filter by split": GridView(split="train"),
        "another order": GridView(order="least confident"),
        "by file name": GridView(order="by file name"),
        "back to the first order": GridView(),
        "filter by present label": GridView(now="class 05"),
    }
    for title, view in views.items():
        steps.time(title, lambda view=view: review.set_view(view))
        review.wait()
    review.set_view(GridView())
    review.wait()
    taken = []
    for name in review.names[:12]:
        start = time.perf_counter()
        review.decide(name, "delete")
        taken.append(time.perf_counter() - start)
    steps.found["decision"] = statistics.median(taken)
    steps.found["decision, slowest"] = max(taken)
    start = time.perf_counter()
    review.wait(600)
    steps.found["background after decisions"] = time.perf_counter() - start
    steps.time("confirm a page", review.confirm, repeats=5)
    start = time.perf_counter()
    review.wait(600)
    steps.found["background after a page"] = time.perf_counter() - start
    steps.time("undo", review.undo, repeats=3)
    review.wait(600)
    held: list[float] = []

    def merge() -> None:
        workspace.store.class_event("class_merge", "class 00", "class 01")

    steps.time("merge of classes", merge)
    end = time.perf_counter() + 3600
    while not review.wait(0.0) and time.perf_counter() < end:  # how long keys wait meanwhile
        start = time.perf_counter()
        time.sleep(_TICK_S)  # whatever holds up the interpreter counts, too
        with review.lock:
            held.append(time.perf_counter() - start - _TICK_S)
    steps.found["page held by the merge, at most"] = max(held, default=0.0)
    steps.time("page after the merge", review.page)
    workspace.store.undo()
    review.close()
    steps.found["kernel memory"] = peak_gb() - before
    steps.found["kernel memory at the end"] = resident_gb() - before
    steps.found["torch"] = float("torch" in sys.modules)
    workspace.close()


def pictures_of(names: list[str]) -> tuple[Any, set[tuple[int, int]]]:
    """Return made small grey images, one in fifty an edited copy, and the pairs of copies."""
    from cleaner.quality.pixels import GREY_SIDE_PX, Pixels

    n, rng = len(names), np.random.default_rng(3)
    ramp = np.linspace(0, 1, GREY_SIDE_PX, dtype=np.float32)
    waves = np.stack([np.cos(np.pi * f * ramp) for f in range(10)])
    with tempfile.TemporaryFile() as file:  # mapped, as the product does
        for at in range(0, n, 5000):  # smooth like photos: few low frequencies
            some = rng.standard_normal((min(5000, n - at), 10, 10), dtype=np.float32)
            some /= 1 + np.hypot(*np.meshgrid(np.arange(10), np.arange(10)))
            drawn = np.einsum("nfg,fx,gy->nxy", some, waves, waves, optimize=True)
            file.write(np.clip(128 + 40 * drawn, 0, 255).astype(np.uint8).tobytes())
        file.flush()
        grey = np.asarray(np.memmap(file, np.uint8, "r+", shape=(n, GREY_SIDE_PX, GREY_SIDE_PX)))
    copies = rng.choice(n, int(_COPIES * n), replace=False)
    half = len(copies) // 2
    first, second = copies[:half], copies[half : 2 * half]
    for at in range(0, half, 5000):
        part = slice(at, at + 5000)
        grey[second[part]] = np.clip(grey[first[part]] * np.float32(0.9) + 8, 0, 255)
    hashes = list(map(content_of, names))
    pixels = Pixels(
        names=names,
        hashes=hashes,
        widths=np.full(n, 300),
        heights=np.full(n, 300),
        contents=sorted(hashes),
        grey=grey,
        measures={},
    )
    pairs = zip(first.tolist(), second.tolist(), strict=True)
    return pixels, {(min(a, b), max(a, b)) for a, b in pairs}


def embeddings_of(names: list[str]) -> Any:
    """Return made features as a network's."""
    from types import SimpleNamespace

    hashes = list(map(content_of, names))
    return SimpleNamespace(names=names, vectors=features_of(names), hashes=hashes, key="made", problems={})


def duplicates(root: Path, steps: Steps) -> None:
    """Look for duplicates among made small grey images."""
    from cleaner import Workspace
    from cleaner.duplicates.pairs import find_similar

    with Workspace(root) as workspace:
        catalog = workspace.catalog
    names = catalog.names.tolist()
    pixels, there = pictures_of(names)
    embeddings = embeddings_of(names)
    before = resident_gb()
    found = steps.time("duplicates", lambda: find_similar(catalog, pixels, embeddings=embeddings))
    pairs = set(zip(found.first.tolist(), found.second.tolist(), strict=True))
    steps.found["duplicates: edited copies found"] = len(there & pairs) / max(1, len(there))
    steps.found["duplicates: memory beyond the images"] = peak_gb() - before


def neighbours(steps: Steps, rows: int) -> None:
    """Compare the ranking and likely duplicates by approximate neighbours with those by exact ones."""
    import pandas as pd

    from cleaner.dataset.catalog import Catalog
    from cleaner.duplicates.pairs import NEIGHBOURS, perceptual
    from cleaner.ranking import items, rank
    from cleaner.ranking.features import FeatureMap
    from cleaner.ranking.neighbours import find_voters, nearest_pairs

    names = names_of(rows)
    labels = [name.partition("/")[0] for name in names]
    catalog = Catalog(pd.DataFrame({"name": names, "label": labels, "split": "train"}))
    wrong = true_classes(names) != np.array([int(name[6:8]) for name in names])
    embeddings, (pixels, there) = embeddings_of(names), pictures_of(names)
    hashes = perceptual(pixels.grey)
    del pixels
    every = np.ones(rows, dtype=bool)
    features = FeatureMap.fit(embeddings.vectors, every)(embeddings.vectors)
    voters, found = {}, {}
    for title, exact_rows in (("approximate", 0), ("exact", rows)):
        voters[title] = steps.time(
            f"neighbours, {title}",
            lambda most=exact_rows: find_voters(features, np.arange(rows), every, exact_rows=most),
        )
        items.find_voters = lambda *_, title=title, **__: voters[title]  # type: ignore[assignment]
        order = steps.time(f"ranking, {title}", lambda: rank(catalog, embeddings)).rows()
        precision = np.cumsum(wrong[order]) / np.arange(1, rows + 1)
        steps.found[f"AP of the ranking, {title}"] = float(precision[wrong[order]].mean())
        first, second, _ = steps.time(
            f"like images, {title}",
            lambda most=exact_rows: nearest_pairs(hashes, k=NEIGHBOURS, floor=0.7, exact_rows=most),
        )
        found[title] = set(zip(first.tolist(), second.tolist(), strict=True))
        steps.found[f"edited copies found, {title}"] = len(there & found[title]) / len(there)
    near = zip(voters["exact"].rows.tolist(), voters["approximate"].rows.tolist(), strict=True)
    same = [len(set(exact) & set(approximate)) / len(exact) for exact, approximate in near]
    steps.found["recall of the 50 neighbours"] = statistics.mean(same)
    steps.found["recall of like images"] = len(found["exact"] & found["approximate"]) / len(found["exact"])


def run_phase(phase: str, root: Path) -> dict[str, float]:
    """Run one phase in a process of its own."""
    command = [sys.executable, __file__, "--phase", phase, "--root", str(root)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    return {str(k): float(v) for k, v in json.loads(done.stdout.splitlines()[-1]).items()}


def report(title: str, sizes: list[int], values: list[float | None]) -> str:
    """Return one line: the figures, the last one against its limit, and the growth between the last two."""
    shown = "".join(f"{'-' if value is None else f'{value:.4g}':>12}" for value in values)
    limit, last = LIMITS.get(title), values[-1]
    against = "" if limit is None or last is None else f"   limit {limit:g}   ratio {last / limit:.2f}"
    growth = ""
    if len(values) > 1 and values[-2] and last and min(last, values[-2]) > 0:
        exponent = math.log(last / values[-2]) / math.log(sizes[-1] / sizes[-2])
        growth = f"   growth {exponent:.2f}" + (" (above the limit)" if exponent > GROWTH else "")
    return f"{title:40}{shown}{against}{growth}"


def main() -> int:
    """Run the benchmark."""
    as_written = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=as_written)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--work", type=Path, help="folder for the sets, kept; default: a temporary one")
    parser.add_argument("--only", nargs="+", choices=_PHASES, default=list(_PHASES))
    parser.add_argument("--neighbours", type=int, metavar="ROWS", help="compare approximate neighbours only")
    parser.add_argument("--width", type=int, default=_WIDTH, help="numbers of the made features of an image")
    parser.add_argument("--phase", choices=("list", *_PHASES), help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    os.environ["WIDTH"] = str(arguments.width)  # for the processes of the phases, too
    if arguments.neighbours:
        steps = Steps()
        neighbours(steps, arguments.neighbours)
        for title, value in steps.found.items():
            print(f"{title:40}{value:12.5g}")
        return 0
    if arguments.phase:
        steps = Steps()
        if arguments.phase == "list":
            from cleaner import Workspace

            with Workspace(arguments.root) as workspace:
                steps.time("first listing", lambda: workspace.catalog)
        else:
            {"ranking": ranking, "session": session, "duplicates": duplicates}[arguments.phase](
                arguments.root, steps
            )
        print(json.dumps(steps.found))
        return 0
    found: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        for rows in arguments.rows:
            print(f"{rows:,} images", file=sys.stderr, flush=True)
            root = (arguments.work or Path(folder)) / f"set-{rows}"
            figures: dict[str, float] = {}
            if not root.is_dir():
                lay_out(root, rows)
                figures |= run_phase("list", root)
                fill_index(root)
            for phase in arguments.only:
                figures |= run_phase(phase, root)
            found.append(figures)
    print(f"{'seconds (memory: GB)':40}" + "".join(f"{rows:>12,}" for rows in arguments.rows))
    for title in dict.fromkeys(title for figures in found for title in figures):
        print(report(title, arguments.rows, [figures.get(title) for figures in found]))
    return 0


if __name__ == "__main__":
    sys.exit(main())

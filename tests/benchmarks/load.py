"""Twenty reviewers at once on one PostgreSQL server: how long a decision takes, and whether any is lost.

    python tests/benchmarks/load.py [--reviewers N] [--per-second R] [--minutes M]

Each reviewer is a process of its own with what a notebook's kernel has: a workspace and an `ImageCleaner`,
which keeps ``cleaned.csv``, the one of all of them, in step. Messages go in and answers come out as between
the page and its kernel; the way between them (the browser, the dashboard, a network) is not part of it. There
is a ranking, of made features, so that the sessions learn from the decisions of all and say how many errors
are left. Each reviewer decides on the images of a page one after the other, at the rate given, and confirms.

Printed: how long it took until decisions were answered for; the same of bare INSERTs of such rows by as many
processes into the same server, before; whether every decision that was answered for is in the database, once;
how often an image was shown to two reviewers at a time; what processor and memory it took.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

LIMIT_MS = 100.0
CLASSES = ("cat", "dog", "owl")


def make_set(root: Path, images: int) -> None:
    """Write small pictures, of which no two are the same."""
    from PIL import Image

    for label in CLASSES:
        (root / label).mkdir(parents=True)
    for number in range(images):
        colour = (number % 256, number // 256 % 256, number // 65536)
        Image.new("RGB", (4, 4), colour).save(root / CLASSES[number % len(CLASSES)] / f"{number:06d}.png")


def review(root: Path, url: str, reviewer: str, *, per_second: float, begin_s: float, end_s: float) -> None:
    """Decide until the end; print what was answered for, in JSON."""
    from cleaner.widgets.image_cleaner import ImageCleaner
    from cleaner.workspace import Workspace

    logging.basicConfig(level=logging.WARNING, format=f"{reviewer}: %(message)s")
    sent: list[dict[str, Any]] = []
    waits_ms: list[float] = []
    kinds: list[str] = []
    asked_s: list[float] = []
    answered: list[str] = []
    shown: list[tuple[str, float, float]] = []
    refused: Counter[str] = Counter()
    with Workspace(root, store=url, reviewer=reviewer) as workspace:
        page_of: Any = ImageCleaner(workspace.ranking(), workspace=workspace)
        session, grid = page_of.session, page_of.grid
        grid.send = lambda message, buffers=None: sent.append(message)

        def ask(kind: str, **fields: Any) -> dict[str, Any]:
            message = {"kind": kind, "id": uuid.uuid4().hex, "view": "v", **fields}
            start = time.perf_counter()
            grid._receive(grid, message, [])
            waits_ms.append(1000 * (time.perf_counter() - start))
            kinds.append(kind)
            asked_s.append(time.time() - begin_s)
            answer = next(each for each in reversed(sent) if each.get("id") == message["id"])
            sent.clear()
            if answer["kind"] == "refused":
                refused[answer["reason"]] += 1
            return answer

        time.sleep(max(0.0, begin_s - time.time()))
        begun_cpu_s = time.process_time()
        next_s = time.time() + np.random.default_rng(hash(reviewer) % 2**32).uniform(0, 1 / per_second)
        while time.time() < end_s and session.names:
            page, opened_s = session.page(), time.time()
            for cell in page.cells[:-1]:
                time.sleep(max(0.0, next_s - time.time()))
                next_s = max(next_s + 1 / per_second, time.time())
                seen = {"page": page.id, "suggestions": {cell.name: cell.suggestion}}
                fields = {"names": [cell.name], "label": None, "new_class": False, "seen": seen}
                if ask("decide", action="keep", **fields)["kind"] == "saved":
                    answered.append(cell.name)
                if time.time() > end_s:
                    break
            last = page.cells[-1]
            seen = {"page": page.id, "suggestions": {last.name: last.suggestion}}
            if ask("confirm", names=[last.name], seen=seen)["kind"] == "saved":
                answered.append(last.name)
            shown += [(cell.name, opened_s, time.time()) for cell in page.cells]
        cpu_s, memory_mb = time.process_time() - begun_cpu_s, own_memory_mb()
        page_of.close()
    counted = {"cpu_s": cpu_s, "memory_mb": memory_mb}
    said = {
        "waits_ms": waits_ms,
        "kinds": kinds,
        "asked_s": asked_s,
        "answered": answered,
        "shown": shown,
        "refused": refused,
    }
    print(json.dumps(said | counted))


def own_memory_mb() -> float:
    """Return what this process holds in memory, with its part of what it shares with others."""
    lines = Path("/proc/self/smaps_rollup").read_text(encoding="utf-8").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def server_cpu_s(folder: Path) -> float:
    """Return the processor seconds that a PostgreSQL server and its processes have used so far."""
    master = (folder / "data" / "postmaster.pid").read_text(encoding="utf-8").split()[0]
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:  # it has just ended, and counts among those of its parent
            continue
        if stat.parent.name == master:
            ticks += sum(map(int, fields[11:15]))
        elif fields[1] == master:
            ticks += sum(map(int, fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def rank_made_features(root: Path, url: str) -> str:
    """Rank the set by made features, and save the ranking as the product does; return its key."""
    from types import SimpleNamespace

    from cleaner.dataset.contents import note_contents
    from cleaner.ranking import rank
    from cleaner.workspace import Workspace

    with Workspace(root, store=url) as workspace:
        workspace.scan()
        names = workspace.catalog.names.tolist()
        rng = np.random.default_rng(0)
        centres = rng.normal(size=(len(CLASSES), 32))
        given = np.array([CLASSES.index(label) for label in workspace.catalog.labels])
        true = np.where(rng.random(len(names)) < 0.05, rng.integers(0, len(CLASSES), len(names)), given)
        vectors = (centres[true] + rng.normal(size=(len(names), 32))).astype(np.float32)
        contents = workspace.index.hashes_of(names)
        hashes = [contents[name] for name in names]
        made = SimpleNamespace(names=names, vectors=vectors, hashes=hashes, key="made", problems={})
        ranked: Any = rank(workspace.catalog, made)
        note_contents(workspace.ranking_folder, contents)
        ranked.save(workspace.ranking_folder)
        return workspace.store.dataset


def insert(url: str, *, begin_s: float, end_s: float) -> None:
    """Insert rows one by one, each in a transaction of its own, as fast as it goes; print the waits."""
    import psycopg

    from cleaner.review.database import _parse

    name = _parse(url).render_as_string(hide_password=False).replace("+psycopg", "")
    waits_ms: list[float] = []
    statement = (
        "INSERT INTO bare (dataset, act, kind, name, given_label, reviewer, time, page)"
        " VALUES ('set', %s, 'keep', %s, 'cat', 'ann', '2026-01-01T00:00:00+00:00', 1)"
    )
    with psycopg.connect(name, autocommit=True) as connection:
        time.sleep(max(0.0, begin_s - time.time()))
        while time.time() < end_s:
            start = time.perf_counter()
            connection.execute(statement, (uuid.uuid4().hex, "cat/000000.png"))
            waits_ms.append(1000 * (time.perf_counter() - start))
    print(json.dumps({"waits_ms": waits_ms}))


def at_once(number: int, *arguments: str, ahead_s: float, seconds: float) -> list[dict[str, Any]]:
    """Run this file several times at once, from and to the same moments; return what each printed."""
    begin_s = time.time() + ahead_s
    usual = [sys.executable, __file__, *arguments, "--begin", str(begin_s), "--end", str(begin_s + seconds)]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    environment = {**os.environ, **threads}
    commands = [[*usual, "--reviewer", f"r{i:02d}"] for i in range(number)]
    started = [subprocess.Popen(each, stdout=subprocess.PIPE, env=environment) for each in commands]
    return [json.loads(each.communicate()[0]) for each in started]


def percentiles(found: list[dict[str, Any]]) -> dict[str, float]:
    """Return the median, the 99th percentile and the longest of all waits, and how many there were."""
    waits = np.concatenate([each["waits_ms"] for each in found])
    return {
        "n": len(waits),
        "p50": float(np.percentile(waits, 50)),
        "p99": float(np.percentile(waits, 99)),
        "max": float(waits.max()),
    }


def overlaps(found: list[dict[str, Any]]) -> int:
    """Count how often an image was on the pages of two reviewers at the same time."""
    times: dict[str, list[tuple[float, float, int]]] = {}
    for number, each in enumerate(found):
        for name, start, end in each["shown"]:
            times.setdefault(name, []).append((start, end, number))
    count = 0
    for looks in times.values():
        looks.sort()
        count += sum(b[0] < a[1] and a[2] != b[2] for a, b in pairwise(looks))
    return count


def main() -> int:
    """Print the figures; the exit code tells whether the limit holds and nothing is lost or doubled."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--reviewers", type=int, default=20)
    parser.add_argument("--per-second", type=float, default=10.0)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--ahead", type=float, default=90.0, help="seconds until all have opened the set")
    parser.add_argument("--work", choices=("review", "insert"), help=argparse.SUPPRESS)
    for name in ("--root", "--url", "--reviewer"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    for name in ("--begin", "--end"):
        parser.add_argument(name, type=float, help=argparse.SUPPRESS)
    o = parser.parse_args()
    if o.work == "review":
        review(Path(o.root), o.url, o.reviewer, per_second=o.per_second, begin_s=o.begin, end_s=o.end)
        return 0
    if o.work == "insert":
        insert(o.url, begin_s=o.begin, end_s=o.end)
        return 0

    import postgres_server
    import psycopg
    import pytest

    from cleaner.review.database import _parse
    from cleaner.review.store import ReviewStore

    try:
        url = postgres_server.fresh_url()
    except pytest.skip.Exception as exc:
        print(f"skipped: {exc}")
        return 0
    seconds = 60 * o.minutes
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CLEANER_HOME"] = str(Path(folder) / "home")
        root = Path(folder) / "set"
        images = round(1.1 * o.reviewers * o.per_second * seconds) + 48 * o.reviewers
        make_set(root, images)
        dataset = rank_made_features(root, url)
        plain = _parse(url).render_as_string(hide_password=False).replace("+psycopg", "")
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute("CREATE TABLE bare (LIKE events INCLUDING ALL)")
        bare = at_once(o.reviewers, "--work", "insert", "--url", url, ahead_s=15, seconds=20)
        figures = percentiles(bare)
        print(
            f"bare INSERT, {o.reviewers} at once as fast as it goes: {figures['n'] / 20:.0f} a second, "
            f"p50 {figures['p50']:.1f}, p99 {figures['p99']:.1f} ms",
            flush=True,
        )
        arguments = ("--work", "review", "--root", str(root), "--url", url, "--per-second", str(o.per_second))
        folder_of_server = Path(postgres_server.server().folder)
        before_s = server_cpu_s(folder_of_server)
        found = at_once(o.reviewers, *arguments, ahead_s=o.ahead, seconds=seconds)
        server_s = server_cpu_s(folder_of_server) - before_s
        with ReviewStore(url, dataset=dataset, reviewer="lead") as store:
            events = store.state.events
    figures = percentiles(found)
    answered = [name for each in found for name in each["answered"]]
    there = Counter(event.name for event in events)
    lost = sum(name not in there for name in answered)
    doubled = sum(times > 1 for times in there.values())
    refused = sum((Counter(each["refused"]) for each in found), Counter[str]())
    print(
        f"{o.reviewers} reviewers, {figures['n'] / seconds:.0f} acts a second for {o.minutes:g} minutes "
        f"(wanted {o.reviewers * o.per_second:.0f}): p50 {figures['p50']:.1f}, p99 {figures['p99']:.1f}, "
        f"longest {figures['max']:.0f} ms; limit {LIMIT_MS:.0f}, ratio {figures['p99'] / LIMIT_MS:.2f}"
    )
    print(
        f"answered for {len(answered)}, lost {lost}, decided twice {doubled}, "
        f"open on two pages at a time {overlaps(found)}, refused {sum(refused.values())} {dict(refused)}"
    )
    for name in [name for name, times in there.items() if times > 1][:5]:
        rows = [
            (event.reviewer, event.time.timestamp(), event.kind) for event in events if event.name == name
        ]
        looks = [
            (at, *times) for at, each in enumerate(found) for one, *times in each["shown"] if one == name
        ]
        print(f"  decided twice: {name}: {rows}; shown: {looks}")
    for kind, what in (
        ("decide", "decisions on one image"),
        ("confirm", "confirmed pages, with the next page"),
    ):
        of_kind = [
            {"waits_ms": [ms for ms, each in zip(one["waits_ms"], one["kinds"], strict=True) if each == kind]}
            for one in found
        ]
        part = percentiles(of_kind)
        print(f"  {part['n']} {what}: p50 {part['p50']:.1f}, p99 {part['p99']:.1f} ms")
    waits = np.concatenate([each["waits_ms"] for each in found])
    minute = np.concatenate([each["asked_s"] for each in found]) // 60
    of_each = [np.percentile(waits[minute == one], 99) for one in np.unique(minute)]
    print("  p99 minute by minute:", ", ".join(f"{ms:.0f}" for ms in of_each), "ms")
    cpu_s = sum(each["cpu_s"] for each in found)
    print(
        f"processor: {1000 * cpu_s / figures['n']:.1f} ms an act in the sessions, "
        f"{1000 * server_s / figures['n']:.1f} ms in the server (with the opening); "
        f"memory of a session: {np.median([each['memory_mb'] for each in found]):.0f} MB"
    )
    return int(figures["p99"] > LIMIT_MS or bool(lost) or bool(doubled))


if __name__ == "__main__":
    sys.exit(main())

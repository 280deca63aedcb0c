"""What a review survives: kills, crashes of the database, a full disk, locks, a clock that goes backwards.

    python tests/benchmarks/faults.py [--kills N] [--crashes N]

Every fault is a real one: processes are killed, a PostgreSQL server is stopped as a crash would, the disk is
a small one in memory that gets full (Linux, as root; left out elsewhere). Prints how often each was tried,
how many decisions were answered for before, and how many of those were lost, doubled or halved; the exit
code says whether there was any.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).parents[1]))
import postgres_server
import pytest
from store_crashes import Crashes, crash, decide

from cleaner.errors import NotSavedError, StoreError
from cleaner.review import store as store_module
from cleaner.review.store import ReviewStore

_DISK_BYTES = 3_000_000


def killed(folder: Path, kills: int) -> Crashes:
    """Kill the process that decides."""
    return crash(folder / "killed.db", kills, kill=lambda child: None)


def database_crashed(_folder: Path, crashes: int) -> Crashes | str:
    """Crash the server in the middle of decisions."""
    try:
        server, url = postgres_server.server(), postgres_server.fresh_url()
    except pytest.skip.Exception as exc:
        return str(exc)

    def kill(_child: int) -> None:
        server.stop("immediate")
        server.start()

    return crash(url, crashes, kill=kill)


@contextmanager
def small_disk(folder: Path) -> Iterator[Path | None]:
    """A disk of 3 MB; None where it cannot be made."""
    mounted = folder / "disk"
    mounted.mkdir()
    made = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_BYTES}", "cleaner", str(mounted)]
    if not shutil.which("mount") or subprocess.run(made, capture_output=True, check=False).returncode:
        yield None
        return
    try:
        yield mounted
    finally:
        subprocess.run(["umount", "-l", str(mounted)], check=True)


def looked_at(url: str | Path, answered: list[str], refused: int) -> Crashes:
    """Open a database anew, and look for what was answered for."""
    with ReviewStore(url, dataset="set", reviewer="ann") as store:
        acts = {event.act for event in store.state.events}
        rows = [(event.act, event.name) for event in store.state.events]
    lost = sum(act not in acts for act in answered)
    return Crashes(refused, len(answered), lost, doubled=len(rows) - len(set(rows)))


def disk_full(folder: Path, tries: int) -> Crashes | str:
    """Decide until the disk is full, free some of it, go on."""
    with small_disk(folder) as disk:
        if disk is None:
            return "a small disk cannot be mounted here"
        ballast, file = disk / "ballast", disk / "review.db"
        answered: list[str] = []
        refused = number = 0
        with ReviewStore(file, dataset="set", reviewer="ann") as store:
            while refused < tries:
                room = shutil.disk_usage(disk).free
                ballast.write_bytes(b"\0" * max(0, room - 60_000))
                try:
                    while True:
                        decide(store, f"a{number}")
                        answered.append(f"a{number}")
                        number += 1
                except NotSavedError as exc:
                    assert "disk is full" in str(exc), exc
                refused += 1
                ballast.unlink()
                try:
                    decide(store, f"a{number}")  # the same act again, now that there is room
                except NotSavedError:
                    break  # the history itself has filled the disk
                answered.append(f"a{number}")
                number += 1
        ballast.unlink(missing_ok=True)
        return looked_at(file, answered, refused)


def locked(folder: Path, tries: int) -> Crashes:
    """Let another program hold the database longer than the page waits."""
    file, answered = folder / "locked.db", []
    with ReviewStore(file, dataset="set", reviewer="ann", timeout_s=0.2) as store:
        for number in range(tries):
            with closing(sqlite3.connect(file, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                try:
                    decide(store, f"a{number}")
                except NotSavedError as exc:
                    assert "another program is still writing" in str(exc), exc
                else:
                    return Crashes(number, lost=1)
                other.execute("ROLLBACK")
            decide(store, f"a{number}")
            answered.append(f"a{number}")
    return looked_at(file, answered, tries)


def clock_backwards(folder: Path, tries: int) -> Crashes:
    """Set the clock back an hour before each decision; undo must take back the last one all the same."""
    file, answered = folder / "clock.db", []
    now = datetime.now(UTC)
    with ReviewStore(file, dataset="set", reviewer="ann") as store:
        for number in range(tries):
            clock = mock.Mock(now=lambda _zone, number=number: now - timedelta(hours=number))
            with mock.patch.object(store_module, "datetime", clock):
                decide(store, f"a{number}")
            answered.append(f"a{number}")
        undone: Any = store.undo()
        wrong = undone is None or undone.undoes != f"a{tries - 1}"
    found = looked_at(file, answered, tries)
    found.lost += wrong
    return found


def moved_away(folder: Path, tries: int) -> Crashes:
    """Move the database away under an open store, and back."""
    file, answered = folder / "moved.db", []
    for number in range(tries):
        with ReviewStore(file, dataset="set", reviewer="ann") as store:
            decide(store, f"a{number}")
            answered.append(f"a{number}")
            file.rename(folder / "elsewhere.db")
            try:
                decide(store, f"b{number}")
            except NotSavedError as exc:
                assert "moved, replaced or deleted" in str(exc), exc
            else:
                return Crashes(number, lost=1)
            (folder / "elsewhere.db").rename(file)
            decide(store, f"b{number}")
            answered.append(f"b{number}")
    return looked_at(file, answered, tries)


def read_only(folder: Path, _tries: int) -> Crashes | str:
    """Open a set of decisions on a disk that can only be read."""
    with small_disk(folder) as disk:
        if disk is None:
            return "a small disk cannot be mounted here"
        file = disk / "review.db"
        with ReviewStore(file, dataset="set", reviewer="ann") as store:
            decide(store, "a")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        try:
            with ReviewStore(file, dataset="set", reviewer="ann") as store:
                decide(store, "b")
        except StoreError as exc:
            assert "read-only" in str(exc) or "may you write there" in str(exc), exc
        else:
            return Crashes(1, lost=1)
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        return looked_at(file, ["a"], 1)


def many(folder: Path, tries: int) -> Crashes:
    """Decide ten thousand times in a row."""
    file, answered = folder / "many.db", []
    begun = time.monotonic()
    with ReviewStore(file, dataset="set", reviewer="ann") as store:
        for number in range(tries):
            decide(store, f"a{number}")
            answered.append(f"a{number}")
    print(f"  ({tries} in a row: {(time.monotonic() - begun) / tries * 1000:.1f} ms each)", flush=True)
    return looked_at(file, answered, tries)


def main() -> int:
    """Print the table; tell by the exit code whether anything was lost."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--crashes", type=int, default=20)
    options = parser.parse_args()
    faults = [
        ("kill -9 of the process that decides", killed, options.kills),
        ("crash of the database server", database_crashed, options.crashes),
        ("disk full", disk_full, 20),
        ("disk read-only", read_only, 1),
        ("database locked by another program", locked, 20),
        ("database moved away while open", moved_away, 20),
        ("clock going backwards", clock_backwards, 50),
        ("ten thousand decisions in a row", many, 10_000),
    ]
    whole = True
    print(f"{'fault':38}{'tried':>7}{'answered':>10}{'lost':>6}{'doubled':>9}{'halved':>8}")
    for name, fault, tries in faults:
        folder = Path(tempfile.mkdtemp(dir=os.environ.get("TMPDIR")))
        try:
            found = fault(folder, tries)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        if isinstance(found, str):
            print(f"{name:38}  skipped: {found}", flush=True)
            continue
        whole = whole and found.clean
        print(
            f"{name:38}{found.tried:7}{found.acts:10}{found.lost:6}{found.doubled:9}{found.halved:8}",
            flush=True,
        )
    return int(not whole)


if __name__ == "__main__":
    sys.exit(main())

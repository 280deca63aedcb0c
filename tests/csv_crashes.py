"""Kills writers of a CSV file at odd moments, and says whether the file was whole every time.

A program of its own, because it forks: ``python csv_crashes.py FOLDER ROUNDS``.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

import pandas as pd

from cleaner.review.output.cleaned_csv import as_csv, swap_in


def table(version: int) -> pd.DataFrame:
    """A table of several blocks of the disk, in which every row tells its version."""
    rows = 2000 + 37 * version
    return pd.DataFrame(
        {"name": [f"{i:06d}.jpg" for i in range(rows)], "label": f"v{version}", "split": "train"}
    )


def check(path: Path) -> int:
    """Return the version of a whole file; raise for any other."""
    found = pd.read_csv(path)
    versions = set(found["label"])
    version = int(versions.pop()[1:])
    if versions or len(found) != len(table(version)):
        msg = f"{path} is not whole: {len(found)} rows of version {version}, and of {versions}"
        raise SystemExit(msg)
    return version


def main(folder: Path, rounds: int) -> None:
    """Fork, write, kill, look; again and again."""
    path = folder / "cleaned.csv"
    tables = [table(version) for version in range(5)]
    beside = folder / "beside.csv"
    swap_in(as_csv(tables[0]), path, beside=beside)
    seen = set()
    for _ in range(rounds):
        child = os.fork()
        if child == 0:
            while True:
                for version in tables:
                    swap_in(as_csv(version), path, beside=beside)
        time.sleep(random.uniform(0.005, 0.06))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        seen.add(check(path))
    print(f"{rounds} kills, versions {sorted(seen)}, left over {len(list(folder.glob('.*.tmp')))}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))

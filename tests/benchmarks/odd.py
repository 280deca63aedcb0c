"""Whether `cleaner verify` says of every odd file what is to be said of it, and how fast.

::

    python tests/benchmarks/odd.py

Prints a line for each of the files of ``../shared/data/odd`` (truncated, lying about its type, CMYK, 16-bit,
animated, named with quotes …) with the verdict wanted and the one given, then the counts. *bad* files must be
named, *good* and *note* ones must not be called bad, *ignore* is what is no picture of the set.
"""

from __future__ import annotations

import csv
import sys
import tempfile
import time
import zipfile
from collections import Counter
from pathlib import Path

from cleaner.collect.verify import verify_folder

DATA = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "odd"


def main() -> None:
    """Judge all files and print the table."""
    if not (DATA / "odd.csv").is_file():
        sys.exit(f"The odd files are not at {DATA}; there is nothing to measure.")
    with (DATA / "odd.csv").open(newline="", encoding="utf-8") as file:
        wanted = {row["name"]: row["verdict"] for row in csv.DictReader(file)}
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(DATA / "odd.zip") as packed:
            packed.extractall(folder)
        start = time.perf_counter()
        report = verify_folder(Path(folder))
        seconds = time.perf_counter() - start
    given = {verdict.name: verdict for verdict in report.verdicts}
    counts: Counter[tuple[str, str]] = Counter()
    for name, want in wanted.items():
        verdict = given.get(name)
        got = "ignore" if verdict is None else verdict.verdict
        said = "not looked at" if verdict is None else verdict.reason or verdict.properties or "fine"
        counts[want, got] += 1
        print(f"{want:7} {got:7} {name:40.40} {said}")
    print()
    for (want, got), number in sorted(counts.items()):
        print(f"wanted {want:7} given {got:7} {number:3}")
    wrong = sum(number for (want, got), number in counts.items() if (want == "bad") != (got == "bad"))
    print(f"{len(wanted)} files, {wrong} of them called bad wrongly or not called bad; {seconds:.2f} s")


if __name__ == "__main__":
    main()

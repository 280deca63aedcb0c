"""``python tests/coverage_by_room.py DATA``: how many of the lines of each room the tests have run.

Only lines that run in the processes of pytest are counted. What runs in jobs, in servers and in the kernels
behind a browser is tested as well, but in processes of its own.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import coverage

PACKAGE = Path(__file__).resolve().parents[1] / "cleaner"


def main() -> None:
    """Write a line for each room, then the total."""
    measured = coverage.Coverage(data_file=sys.argv[1], config_file=str(PACKAGE.parent / "pyproject.toml"))
    measured.load()
    lines: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    for path in sorted(PACKAGE.rglob("*.py")):
        _, statements, _, missing, _ = measured.analysis2(str(path))
        room = path.relative_to(PACKAGE).parts[0]
        lines[room] += len(statements)
        missed[room] += len(missing)
    for room in sorted(filter(lines.get, lines)):
        print(f"{room:<16}{lines[room]:>8,}{1 - missed[room] / lines[room]:>8.0%}")
    share = 1 - missed.total() / lines.total()
    print(f"covered in pytest's own processes: {share:.1%} of {lines.total():,} lines")


main()

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

HELD = """
import resource
import sys
import numpy as np
from cleaner.util.memory import release_large_blocks

def held_mb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6

if sys.argv[1] == "released":
    assert release_large_blocks()
first = np.ones(3_000_000)  # once freed, it tells glibc to keep blocks up to its size
del first
before = held_mb()
blocks = [np.ones(1_000_000) for _ in range(20)]
pinned = bytearray(100_000)  # above them in the heap
del blocks
print(held_mb() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps such blocks")
def test_what_is_freed_goes_back_to_the_system() -> None:
    kept = {
        how: float(subprocess.check_output([sys.executable, "-c", HELD, how], text=True))
        for how in ("released", "left alone")
    }
    assert kept["released"] < 20
    assert kept["left alone"] > 100, "glibc gives it back by itself: release_large_blocks is not needed"

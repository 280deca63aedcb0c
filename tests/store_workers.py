"""What other processes do in the tests of the store; apart, so that they start without the test tools."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from cleaner.review.store import ReviewStore

__all__ = ["decide_and_die", "write"]


def write(url: str, who: str, acts: int) -> None:
    """Record several acts of three rows."""
    with ReviewStore(url, dataset="set", reviewer=who) as store:
        for i in range(acts):
            store.decide([f"{who}/{i}/{k}" for k in range(3)], "keep", act=f"{who}-{i}")


def decide_and_die(file: Path) -> None:
    """Decide, and be killed at once."""
    store = ReviewStore(file, dataset="set", reviewer="ann")
    store.decide(["a", "b"], "keep")
    os.kill(os.getpid(), signal.SIGKILL)

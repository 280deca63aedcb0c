"""Kills whoever writes decisions at odd moments, and says whether all that was answered for is there, once.

A program of its own, because it forks: ``python store_crashes.py FOLDER ROUNDS``.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cleaner.errors import StoreError
from cleaner.review.store import ReviewStore

_IMAGES = 6  # of an act: half of one must never be there


@dataclass
class Crashes:
    """What became of the acts of writers that were killed.

    Parameters
    ----------
    tried : int
        Kills.
    acts : int
        Acts that were answered for before them.
    lost, doubled, halved : int
        Acts that were answered for and are gone; that are there twice, being sent again; of which a part is
        there.
    """

    tried: int = 0
    acts: int = 0
    lost: int = 0
    doubled: int = 0
    halved: int = 0

    @property
    def clean(self) -> bool:
        """Whether nothing was lost, doubled or halved."""
        return not (self.lost or self.doubled or self.halved)


def decide(store: ReviewStore, act: str) -> None:
    """Record an act; the same one always says the same."""
    store.decide([f"{act}/{i}.png" for i in range(_IMAGES)], "keep", act=act)


def write_until_killed(url: str | Path, prefix: str, out: int) -> None:
    """Decide without a pause; tell each act before it is sent, and again when it is answered for."""
    store = ReviewStore(url, dataset="set", reviewer="ann")
    number = 0
    while True:
        act = f"{prefix}-{number}"
        os.write(out, f"?{act}\n".encode())
        try:
            decide(store, act)
        except StoreError:  # the database is away: as the page does, send the same act again
            time.sleep(0.01)
            continue
        os.write(out, f"!{act}\n".encode())
        number += 1


def crash(url: str | Path, rounds: int, *, kill: Callable[[int], None]) -> Crashes:
    """Fork a writer, let ``kill`` end it or its database, send what was under way again, and look.

    Parameters
    ----------
    url : str or Path
        Of the database.
    rounds : int
    kill : callable
        Called with the process id of the writer at an odd moment; whatever it stops it starts again.
    """
    found = Crashes()
    answered: list[str] = []
    for number in range(rounds):
        read, out = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read)
            try:
                write_until_killed(url, f"r{number}", out)
            finally:
                os._exit(1)
        os.close(out)
        with os.fdopen(read, encoding="utf-8") as told:
            first = told.readline()  # it has begun
            time.sleep(random.uniform(0.0, 0.05))
            kill(child)
            os.kill(child, signal.SIGKILL)
            lines = (first + told.read()).split()
        os.waitpid(child, 0)
        found.tried += 1
        answered += [line[1:] for line in lines if line.startswith("!")]
        last = next(line[1:] for line in reversed(lines) if line.startswith("?"))
        with ReviewStore(url, dataset="set", reviewer="ann") as store:
            decide(store, last)  # the page sends what was not answered again, with its id
            decide(store, last)
            rows = Counter((event.act, event.name) for event in store.state.events)
            acts = Counter(event.act for event in store.state.events)
            found.acts = len(answered)
            found.lost += sum(act not in acts for act in [*answered, last])
            found.doubled += sum(times > 1 for times in rows.values())
            found.halved += sum(times % _IMAGES != 0 for times in acts.values())
    return found


def main(folder: Path, rounds: int) -> None:
    """Kill writers of an SQLite file; end with an error if anything is missing."""
    found = crash(folder / "review.db", rounds, kill=lambda child: None)
    print(found)
    sys.exit(not found.clean)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))

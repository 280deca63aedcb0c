"""A job whose worker is the test itself: it says how far the work is, and when it has ended."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from cleaner.jobs.status import JobStatus, alive_lock, write_status
from cleaner.util.progress import Stage
from cleaner.widgets.panels.job import TASKS


class PlayedJob:
    """Writes what a worker would write; it counts as alive until it has finished."""

    def __init__(self, folder: Path, kind: str) -> None:
        self._folder = folder
        place = {"stage": Stage.EMBED, "done": 10, "total": 60, "pid": os.getpid()}
        self._status = JobStatus(id=folder.name, task=TASKS[kind], **place)  # type: ignore[arg-type]
        write_status(folder, self._status)

    def tell(self, **changes: Any) -> None:
        self._status = replace(self._status, **changes)
        write_status(self._folder, self._status)


@contextmanager
def played_job(state: Path, kind: str = "prepare") -> Iterator[PlayedJob]:
    """Play a job, running, that pages find in a state folder."""
    folder = state / "jobs" / "000001"
    folder.mkdir(parents=True)
    with alive_lock(folder):
        job = PlayedJob(folder, kind)
        yield job
        job.tell(phase="cancelled")

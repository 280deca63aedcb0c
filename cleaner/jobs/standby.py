"""`Standby`: a worker process, started ahead, that waits to be told which job to run."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

from cleaner.jobs.process import child_environment, creation_flags

logger = logging.getLogger(__name__)


class Standby:
    """Keeps a worker process that has imported what some tasks need, which takes longer than a short task.

    A process runs one job. It ends by itself when the one that started it does, unless it has a job.

    Safe to be used by several threads.

    Parameters
    ----------
    *modules : str
        What to import.
    """

    def __init__(self, *modules: str) -> None:
        self._modules = modules
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def get_ready(self) -> None:
        """Start a process, unless one is waiting; returns at once.

        It is only there to save time: that none can be started is written to the log.
        """
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                return
            self._drop()
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "cleaner.jobs", "--standby", *self._modules],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env=child_environment(),
                    creationflags=creation_flags(),
                    start_new_session=True,
                )
            except OSError:
                logger.warning("no worker process can be started ahead", exc_info=True)

    def take(self, state: Path, job_id: str) -> subprocess.Popen[bytes] | None:
        """Let the waiting process run a job; return it, which is the caller's from now on.

        None if there is none, also because it has died.
        """
        with self._lock:
            process = self._process
            if process is None:
                return None
            if process.poll() is not None:
                self._drop()
                return None
            assert process.stdin is not None
            try:
                process.stdin.write(json.dumps([str(state), job_id]).encode() + b"\n")
                process.stdin.close()
            except OSError:  # it has died just now
                self._drop()
                return None
            self._process = None
            return process

    def close(self) -> None:
        """End the waiting process, if there is one."""
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            assert process.stdin is not None
            with suppress(OSError):  # what it had not read is lost with it
                process.stdin.close()

"""`Standby`: a process, started ahead, that waits to be told what to do."""

from __future__ import annotations

import json
import logging
import subprocess
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

logger = logging.getLogger(__name__)


class Standby:
    """Keeps one process that has done what takes long at a start, and waits for a line of standard input.

    It must end by itself when its standard input does: then the process that started it has gone.

    Safe to be used by several threads.

    Parameters
    ----------
    command : sequence of str
        The program and its arguments.
    **options
        What `subprocess.Popen` takes besides; values that can be called are asked when a process is started.
    """

    def __init__(self, command: Sequence[str], **options: Callable[[], Any] | Any) -> None:
        self._command = list(command)
        self._options = options
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
            options = {name: value() if callable(value) else value for name, value in self._options.items()}
            try:
                self._process = subprocess.Popen(
                    self._command, stdin=subprocess.PIPE, start_new_session=True, **options
                )
            except OSError:
                logger.warning("no process can be started ahead", exc_info=True)

    def take(self, message: object) -> subprocess.Popen[bytes] | None:
        """Tell the waiting process what to do; return it, which is the caller's from now on.

        Parameters
        ----------
        message : object
            What it reads as a line of JSON, the last thing in its standard input.

        Returns
        -------
        subprocess.Popen or None
            None if no process waits, also because it has died.
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
                process.stdin.write(json.dumps(message).encode() + b"\n")
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

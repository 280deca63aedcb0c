"""Heat maps for a session: asked of a process of its own, so that the page's loads no torch."""

from __future__ import annotations

import base64
import json
import logging
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cleaner.errors import InterpretationError
from cleaner.jobs.process import child_environment

logger = logging.getLogger(__name__)

_REMEMBERED = 512  # of 1 kB each
_LIMIT_S = 90.0  # the first one loads torch and the networks
_IDLE_S = 600.0


@dataclass(frozen=True, slots=True)
class HeatMap:
    """How much each part of an image speaks for a class.

    Parameters
    ----------
    values : bytes
        int8, row by row, from -127 (speaks against) to 127 (speaks for); the rows and columns cover the whole
        image.
    side : int
        Rows, and columns.
    estimated : bool
        Whether it is an estimate by the attention of a transformer.
    """

    values: bytes
    side: int
    estimated: bool


class HeatMaps:
    """Makes heat maps in a process that is started by the first and ended after ten idle minutes.

    Safe to be used by several threads; they wait for each other.

    Parameters
    ----------
    options : callable
        Gives what opens the data set in another process; see `cleaner.workspace.Workspace.options`.
    """

    def __init__(self, options: Callable[[], Mapping[str, Any]]) -> None:
        self._options = options
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._idle: threading.Timer | None = None
        self._made: OrderedDict[tuple[str, ...], HeatMap] = OrderedDict()
        self._closed = False

    def make(self, path: Path, name: str, *, content: str, model: str, classes: Sequence[str]) -> HeatMap:
        """Return the map of a class; it is remembered by content, ranking and class.

        Parameters
        ----------
        path : Path
            The image.
        name : str
            As the ranking calls it.
        content : str
            What tells this content from every other one.
        model : str
            Of the ranking.
        classes : sequence of str
            What the ranking calls the class.

        Raises
        ------
        InterpretationError
            There is none, and why.
        """
        key = (content, name, model, *classes)
        with self._lock:
            if key in self._made:
                self._made.move_to_end(key)
                return self._made[key]
            request = {"path": str(path), "name": name, "model": model, "classes": list(classes)}
            found = self._ask(request)
            if "problem" in found:
                raise InterpretationError(found["problem"])
            made = HeatMap(base64.b64decode(found["values"]), int(found["side"]), bool(found["estimated"]))
            self._made[key] = made
            while len(self._made) > _REMEMBERED:
                self._made.popitem(last=False)
            return made

    def close(self) -> None:
        """End the process; waits for no answer."""
        self._closed = True
        self._end(self._process)

    def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        process = self._running()
        watch = threading.Timer(_LIMIT_S, self._end, [process])
        watch.daemon = True
        watch.start()
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except (OSError, ValueError):  # it has ended
            logger.warning("The process that makes heat maps cannot be reached", exc_info=True)
            line = ""
        finally:
            watch.cancel()
        if not line:
            self._end(process)
            self._process = None
            msg = (
                "The heat map could not be made: its process ended. What it printed is in the log of the "
                "program that opened this page. Try again."
            )
            raise InterpretationError(msg)
        self._end_when_idle(process)
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _running(self) -> subprocess.Popen[str]:
        """Return the process, started if need be."""
        if self._idle is not None:
            self._idle.cancel()
        if self._closed:
            msg = "This data set is closed."
            raise InterpretationError(msg)
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "cleaner.pipelines.heat_maps"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                env=child_environment(),
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps({"workspace": dict(self._options())}) + "\n")
        return self._process

    def _end_when_idle(self, process: subprocess.Popen[str]) -> None:
        self._idle = threading.Timer(_IDLE_S, self._end, [process])
        self._idle.daemon = True
        self._idle.start()

    @staticmethod
    def _end(process: subprocess.Popen[str] | None) -> None:
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with suppress(OSError):  # a request that it had not read is lost with it
                    if pipe is not None:
                        pipe.close()

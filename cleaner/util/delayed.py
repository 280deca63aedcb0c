"""Doing something a moment after the last request for it, in the background."""

import threading
import time
from collections.abc import Callable

_LONGEST_DELAY_S = 10.0


class Delayed:
    """Runs a task once things have been quiet for a while; many requests make one run.

    Requests that keep coming put it off for ten seconds at most. There is a thread only while something is
    due; it is a daemon, so `close` must run what is due before the program ends.

    Parameters
    ----------
    task : callable
        Returns whether it succeeded, and raises nothing; a task that failed is tried again.
    delay_s : float, seconds
        How long to wait after a request.
    retry_s : float, seconds
        How long to wait after a failure.
    """

    def __init__(self, task: Callable[[], bool], *, delay_s: float, retry_s: float) -> None:
        self._task = task
        self._delay_s = delay_s
        self._retry_s = retry_s
        self._wake = threading.Condition()
        self._due_s: float | None = None
        self._latest_s = 0.0
        self._thread: threading.Thread | None = None
        self._closed = False

    def schedule(self, *, delay_s: float | None = None) -> None:
        """Ask for a run after ``delay_s`` seconds (default: as told at the beginning)."""
        delay_s = self._delay_s if delay_s is None else delay_s
        with self._wake:
            if self._closed:
                return
            now_s = time.monotonic()
            if self._due_s is None:
                self._latest_s = now_s + max(delay_s, _LONGEST_DELAY_S)
            self._due_s = min(now_s + delay_s, self._latest_s)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="cleaner-delayed", daemon=True)
                self._thread.start()
            self._wake.notify_all()

    def cancel(self) -> bool:
        """Forget what is due; returns whether anything was."""
        with self._wake:
            due, self._due_s = self._due_s is not None, None
            self._wake.notify_all()
            return due

    def close(self, *, timeout_s: float) -> bool:
        """Take no more requests and let a run in progress end; returns whether another one is due."""
        with self._wake:
            self._closed = True
            thread = self._thread
            due = self.cancel()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout_s)
        return due

    def _run(self) -> None:
        while True:
            with self._wake:
                if self._due_s is None:
                    self._thread = None  # the next request starts another
                    return
                left_s = self._due_s - time.monotonic()
                if left_s > 0:
                    self._wake.wait(left_s)
                    continue
                self._due_s = None
            if not self._task():
                self.schedule(delay_s=self._retry_s)

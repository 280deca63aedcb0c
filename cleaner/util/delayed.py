"""Doing something a moment after the last request for it, in the background."""

import random
import threading
import time
from collections.abc import Callable

_LONGEST_DELAY_S = 10.0
_LONGEST_REST_S = 300.0


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
    rests : callable, optional
        Gives how many times as long as a run took to wait until the next, five minutes at most. Without it,
        runs may follow each other at once.
    first_s : float, seconds
        What is taken for it before the first run; about half as long, or half as long again, so that
        programs that began together do not all run at the same time.
    """

    def __init__(
        self,
        task: Callable[[], bool],
        *,
        delay_s: float,
        retry_s: float,
        rests: Callable[[], float] = lambda: 0.0,
        first_s: float = 0.0,
    ) -> None:
        self._task = task
        self._delay_s = delay_s
        self._retry_s = retry_s
        self._rests = rests
        self._first_s = first_s
        self._rested_s: float | None = None  # when the next run may begin
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
            if self._rested_s is None:
                self._rest(random.uniform(0.5, 1.5) * self._first_s)
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

    def _rest(self, took_s: float) -> None:
        self._rested_s = time.monotonic() + min(self._rests() * took_s, _LONGEST_REST_S)

    def _run(self) -> None:
        while True:
            with self._wake:
                if self._due_s is None:
                    self._thread = None  # the next request starts another
                    return
                left_s = max(self._due_s, self._rested_s or 0.0) - time.monotonic()
                if left_s > 0:
                    self._wake.wait(left_s)
                    continue
                self._due_s = None
            start_s = time.thread_time()  # by the clock it would seem longer the more others work meanwhile
            done = self._task()
            self._rest(time.thread_time() - start_s)
            if not done:
                self.schedule(delay_s=self._retry_s)

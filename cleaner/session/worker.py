"""The threads of a session: what takes longer than a key press runs here, one of a kind at a time."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent import futures
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

logger = logging.getLogger(__name__)

_THREADS = 8  # more than there are kinds of work that takes long, so that views never wait for it


class _PutOff(threading.local):
    """What a thread is to do once the acts that it carries out are done."""

    def __init__(self) -> None:
        self.acts = 0
        self.tasks: deque[Callable[[], None]] = deque()


class Worker:
    """Runs tasks in threads or, for a script, in the caller's thread after the act that they follow.

    Parameters
    ----------
    in_background : bool
        Whether in threads of its own.
    on_error : callable
        Called with what a task has raised, which is logged, too.
    """

    def __init__(self, *, in_background: bool, on_error: Callable[[Exception], None]) -> None:
        self._on_error = on_error
        self._pool = (
            ThreadPoolExecutor(_THREADS, thread_name_prefix="cleaner-session") if in_background else None
        )
        self._lock = threading.Lock()
        self._tasks: set[Future[None]] = set()
        self._wanted: dict[str, Callable[[], object]] = {}
        self._begun: set[str] = set()  # kinds that wait for a thread, or run
        self._put_off = _PutOff()
        self._ended = threading.Event()

    def later(self, task: Callable[[], object]) -> None:
        """Run something that must not hold up whoever asks."""

        def run() -> None:
            try:
                task()
            except Exception as exc:
                if not self._ended.is_set():
                    logger.exception("Work in the background failed")
                    self._on_error(exc)

        if self._pool is None:
            self._put_off.tasks.append(run)
            self._catch_up()
            return
        with self._lock:
            self._tasks = {each for each in self._tasks if not each.done()}
            try:
                self._tasks.add(self._pool.submit(run))
            except RuntimeError:  # closed meanwhile: nobody is looking any more
                logger.debug("The session is closed; %r is left out", task)

    def once(self, kind: str, task: Callable[[], object]) -> None:
        """Run something later, one of a kind at a time; what waits already serves all who asked meanwhile."""
        with self._lock:
            self._wanted[kind] = task
            if kind in self._begun:
                return
            self._begun.add(kind)
        self.later(lambda: self._run_wanted(kind))

    def _run_wanted(self, kind: str) -> None:
        """Run what is wanted of a kind; what is wanted meanwhile comes after it, and holds up no thread."""
        with self._lock:
            task = self._wanted.pop(kind)
        try:
            task()
        finally:
            with self._lock:
                again = kind in self._wanted
                if not again:
                    self._begun.discard(kind)
            if again:
                self.later(lambda: self._run_wanted(kind))

    def pause(self, seconds: float) -> None:
        """Wait in a task, so that what is more urgent goes first; a caller's own thread does not."""
        if self._pool is not None:
            self._ended.wait(seconds)

    @contextmanager
    def after(self) -> Iterator[None]:
        """Put off what is to run in this thread until the block is left."""
        self._put_off.acts += 1
        try:
            yield
        finally:
            self._put_off.acts -= 1
            self._catch_up()

    def wait(self, timeout_s: float) -> bool:
        """Wait until nothing runs any more; tells whether it is so."""
        end_s = time.monotonic() + timeout_s
        while True:
            with self._lock:
                running = [each for each in self._tasks if not each.done()]
            if not running:
                return True
            if time.monotonic() > end_s:
                return False
            futures.wait(running, timeout=max(0.0, end_s - time.monotonic()))

    def close(self) -> None:
        """Drop what waits; what runs comes to its end."""
        self._ended.set()
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _catch_up(self) -> None:
        """Do what was put off, where there are no threads that would."""
        put_off = self._put_off
        while self._pool is None and put_off.tasks and not put_off.acts:
            put_off.tasks.popleft()()

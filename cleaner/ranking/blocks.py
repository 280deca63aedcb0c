"""Work on blocks of rows, one in each thread.

What numpy does besides products of matrices runs in one thread; blocks side by side use all of the cores.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice
from typing import TypeVar

from cleaner.util.progress import SILENT, Reporter

_Block = TypeVar("_Block")

_WAITING = 2  # blocks for each thread that are made ahead


def run_blocks(
    task: Callable[[_Block], None], blocks: Iterable[_Block], *, reporter: Reporter = SILENT
) -> None:
    """Run a task for each block, in as many threads as BLAS would use, each of them with one of BLAS.

    Parameters
    ----------
    task : callable
        Writes what it finds into an array that all blocks share.
    blocks : iterable
        Made in the calling thread, a few ahead.
    reporter : Reporter
        May stop between blocks.

    Raises
    ------
    Cancelled
        The reporter asked to stop.
    """
    blocks = iter(blocks)
    first = list(islice(blocks, 2))
    if len(first) < 2:  # heads of few images are fitted in hundreds of passes of one block
        for block in first:
            reporter.check()
            task(block)
        return
    from threadpoolctl import ThreadpoolController

    blas = ThreadpoolController().select(user_api="blas")
    threads = max((one["num_threads"] for one in blas.info()), default=1)
    if threads == 1:
        for block in chain(first, blocks):
            reporter.check()
            task(block)
        return
    running: deque[Future[None]] = deque()
    with blas.limit(limits=1), ThreadPoolExecutor(threads, "blocks") as pool:
        try:
            for block in chain(first, blocks):
                reporter.check()
                running.append(pool.submit(task, block))
                if len(running) > _WAITING * threads:
                    running.popleft().result()
            while running:
                running.popleft().result()
        finally:
            for each in running:
                each.cancel()

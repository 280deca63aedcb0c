"""When the kernel of a page ends that nobody has open."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from cleaner.dashboard.kernel_manager import PageKernelManager

PAGE = "page"
MINUTES = 30


class Kernels(PageKernelManager):
    """One kernel, that of `PAGE`, which is only told that it is to end."""

    def __init__(self, *, last_message: float) -> None:
        super().__init__(cull_idle_timeout=MINUTES * 60)
        self.kernel: Any = SimpleNamespace(
            last_activity=ago(last_message),
            execution_state="idle",
            kernel_name="python3",
            kernel_spec=SimpleNamespace(metadata={}),
        )
        self._kernels = {PAGE: self.kernel}
        self._kernel_connections = {PAGE: 0}
        self.ended: list[str] = []

    async def shutdown_kernel(self, kernel_id: str, **_: Any) -> None:
        self.ended.append(kernel_id)

    def ends(self) -> bool:
        with ThreadPoolExecutor(1) as thread:  # in this one, the browser of other tests may have its loop
            thread.submit(asyncio.run, self.cull_kernels()).result()
        return self.ended == [PAGE]


def ago(minutes: float) -> datetime:
    return datetime.now(UTC) - timedelta(minutes=minutes)


def test_a_page_that_is_open_keeps_its_kernel_however_long_it_rests() -> None:
    kernels = Kernels(last_message=10_000)
    kernels.notify_connect(PAGE)
    assert not kernels.ends()


def test_a_page_that_rested_has_its_whole_time_to_come_back_after_its_connection_was_cut() -> None:
    kernels = Kernels(last_message=10_000)
    kernels.notify_connect(PAGE)
    kernels.notify_disconnect(PAGE)
    assert not kernels.ends()
    kernels.kernel.left = ago(MINUTES + 1)
    assert kernels.ends()


def test_a_job_that_reports_its_progress_keeps_no_kernel_that_nobody_sees() -> None:
    kernels = Kernels(last_message=10_000)
    kernels.notify_connect(PAGE)
    kernels.notify_disconnect(PAGE)
    kernels.kernel.left = ago(MINUTES + 1)
    kernels.kernel.last_activity = ago(0)
    assert kernels.ends()


def test_a_page_that_came_back_is_open() -> None:
    kernels = Kernels(last_message=10_000)
    kernels.notify_connect(PAGE)
    kernels.notify_disconnect(PAGE)
    kernels.kernel.left = ago(MINUTES + 1)
    kernels.notify_connect(PAGE)
    assert not kernels.ends()


@pytest.mark.parametrize("minutes", [MINUTES - 1, MINUTES + 1])
def test_a_page_that_never_connected_has_as_long_from_its_start(minutes: float) -> None:
    assert Kernels(last_message=minutes).ends() is (minutes > MINUTES)


def test_a_kernel_that_works_is_left_to_it() -> None:
    kernels = Kernels(last_message=10_000)
    kernels.kernel.execution_state = "busy"
    assert not kernels.ends()


def test_a_page_whose_kernel_has_ended_may_go_away() -> None:
    kernels = Kernels(last_message=0)
    kernels._kernels.clear()
    kernels.notify_disconnect(PAGE)
    assert not kernels.ends()

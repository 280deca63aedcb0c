"""`PageKernelManager`: ends the kernels of pages that nobody has open any more; runs in Voilà's process."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager


class PageKernelManager(AsyncMappingKernelManager):
    """Counts the time of a kernel without a page from when its last page went away, whatever it does.

    Jupyter's own counts from the last message. A page that rested for long would lose its kernel as soon as
    its connection is cut, and one whose tab was closed would keep it as long as a job reports its progress.
    """

    def notify_disconnect(self, kernel_id: Any) -> None:
        """Remember when a page went away."""
        super().notify_disconnect(kernel_id)  # type: ignore[no-untyped-call]
        if kernel_id in self._kernels:
            self._kernels[kernel_id].left = datetime.now(UTC)

    async def cull_kernel_if_idle(self, kernel_id: Any) -> None:
        """End a kernel that no page has been connected to for as long as is allowed."""
        kernel = self._kernels[kernel_id]
        kernel.last_activity = getattr(kernel, "left", kernel.last_activity)  # none was there yet: its start
        await super().cull_kernel_if_idle(kernel_id)  # type: ignore[no-untyped-call]

"""`StandbyProvisioner`: gives a page the kernel that was started ahead; runs in Voilà's process."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from cleaner.dashboard.kernels import COMMAND, KERNELS

_NEXT_AFTER_S = 20.0  # the page that has just got a kernel needs the processor, and its first ranking


class StandbyProvisioner(LocalProvisioner):
    """Starts kernels as `LocalProvisioner` does, unless one is waiting; the next one is started after it."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Give the waiting kernel its arguments, environment and folder; return how to connect to it."""
        folder = kwargs.get("cwd") or Path.cwd()
        # By the number of its parent a kernel notices that it is alone.
        environment = {**(kwargs.get("env") or os.environ), "JPY_PARENT_PID": str(os.getpid())}
        told = {"arguments": cmd[len(COMMAND) :], "environment": environment, "folder": str(folder)}
        process = KERNELS.take(told)
        asyncio.get_running_loop().call_later(_NEXT_AFTER_S, KERNELS.get_ready)
        if process is None:
            return await super().launch_kernel(cmd, **kwargs)
        self.process = process
        self.pid = self.pgid = process.pid  # it leads a session, and with it a group, of its own
        self.cwd = folder
        return self.connection_info

"""The kernels of pages, one of which is always started before a page asks for it."""

import sys
from importlib.metadata import EntryPoint

from cleaner.util.standby import Standby

COMMAND = [sys.executable, "-P", "-m", "cleaner.dashboard.kernel_process"]
"""Starts a kernel; followed by its arguments, or by none for one that waits."""

PROVISIONER = EntryPoint(
    "cleaner-standby",
    "cleaner.dashboard.kernel_provisioner:StandbyProvisioner",
    "jupyter_client.kernel_provisioners",
)
"""What gives a page its kernel, as `jupyter_client` looks it up."""

AHEAD_VARIABLE = "CLEANER_DASHBOARD_AHEAD"
"""The environment variable that lets a kernel that waits open the set, as its page will come at once."""

KERNELS = Standby(COMMAND)
"""The kernel that waits; for Voilà's process."""

"""What the processes are started with that run code of this package."""

import os
import subprocess
import sys
from pathlib import Path

from cleaner.util.standby import Standby

WORKER = [sys.executable, "-P", "-m", "cleaner.jobs"]
"""Starts a worker; followed by a state folder and the number of a job."""


def worker_ahead(*modules: str) -> Standby:
    """Return what can keep a worker ready that has imported some modules; see `Job.start`."""
    return Standby(
        [*WORKER, "--standby", *modules],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=child_environment,
        creationflags=creation_flags(),
    )


def child_environment() -> dict[str, str]:
    """Return the environment for a process that runs code of this package."""
    environment = dict(os.environ)
    package_root = Path(__file__).resolve().parents[2]
    # A checkout that is not installed must find itself; installed packages must not come before the standard
    # library.
    if package_root.name not in {"site-packages", "dist-packages"}:
        folders = [str(package_root), environment.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, folders))
    environment["PYTHONFAULTHANDLER"] = "1"
    environment["PYTHONIOENCODING"] = "utf-8"
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    environment.setdefault("OMP_NUM_THREADS", str(_usable_cores()))
    return environment


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # Linux; a container may have been given few of the cores
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def creation_flags() -> int:
    """Return what keeps a worker on Windows apart from the process that starts it."""
    if sys.platform == "win32":
        detached = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        return detached | subprocess.BELOW_NORMAL_PRIORITY_CLASS
    return 0

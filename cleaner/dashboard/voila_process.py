"""``python -m cleaner.dashboard.voila_process NOTEBOOK …``: Voilà, which ends when its starter does.

The starter keeps the other end of the standard input open and writes nothing into it. However the starter
ends, also by ``kill -9``, the system closes it. Voilà then shuts its kernels down; nothing is left running.
"""

import os
import signal
import sys
import threading

from cleaner.dashboard.kernels import KERNELS, PROVISIONER


def _end_with_starter() -> None:
    os.read(sys.stdin.fileno(), 1)  # returns when the other end is closed
    # On Windows, where this cannot be handled, it ends the process at once; kernels notice by themselves.
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Run Voilà with the arguments of the command line."""
    threading.Thread(target=_end_with_starter, name="starter", daemon=True).start()
    if sys.platform != "win32":  # there a kernel gets at its start what it can be interrupted by
        KERNELS.get_ready()
    # At its import jsonschema builds a grammar of international addresses: two thirds of the time that Voilà
    # needs to start. It does without where the module is absent, and nothing here checks such addresses.
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
    from jupyter_client.provisioning.factory import KernelProvisionerFactory
    from voila.app import Voila

    KernelProvisionerFactory.provisioners[PROVISIONER.name] = PROVISIONER
    Voila.launch_instance()


if __name__ == "__main__":
    main()

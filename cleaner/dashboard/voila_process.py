"""``python -m cleaner.dashboard.voila_process NOTEBOOK …``: Voilà, which ends when its starter does.

The starter keeps the other end of the standard input open and writes nothing into it. However the starter
ends, also by ``kill -9``, the system closes it. Voilà then shuts its kernels down; nothing is left running.
"""

import os
import signal
import socket
import sys
import threading
from pathlib import Path

from cleaner.dashboard.kernels import AHEAD_VARIABLE, KERNELS, PROVISIONER

SOCKET_VARIABLE = "CLEANER_DASHBOARD_SOCKET"
"""The environment variable with the number of the socket to accept on; without it Voilà listens by itself."""

READY = "ready"
"""The file that is made in the folder that Voilà was started in, once it answers."""


def _end_with_starter() -> None:
    os.read(sys.stdin.fileno(), 1)  # returns when the other end is closed
    # On Windows, where this cannot be handled, it ends the process at once; kernels notice by themselves.
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Run Voilà with the arguments of the command line."""
    threading.Thread(target=_end_with_starter, name="starter", daemon=True).start()
    if sys.platform != "win32":  # there a kernel gets at its start what it can be interrupted by
        os.environ[AHEAD_VARIABLE] = "yes"
        KERNELS.get_ready()
        del os.environ[AHEAD_VARIABLE]
    # At its import jsonschema builds a grammar of international addresses: two thirds of the time that Voilà
    # needs to start. It does without where the module is absent, and nothing here checks such addresses.
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
    from jupyter_client.provisioning.factory import KernelProvisionerFactory
    from tornado.httpserver import HTTPServer
    from tornado.ioloop import IOLoop
    from voila.app import Voila

    class Server(Voila):  # type: ignore[misc]  # it has no types
        """Takes over the socket that its starter listens on, and tells it so."""

        def listen(self) -> None:
            inherited = os.environ.pop(SOCKET_VARIABLE, None)
            if inherited is not None:
                self.app.listen = lambda *_: HTTPServer(self.app).add_socket(_socket(int(inherited)))
            IOLoop.current().add_callback(Path(READY).touch)
            super().listen()

    KernelProvisionerFactory.provisioners[PROVISIONER.name] = PROVISIONER
    Server.launch_instance()


def _socket(number: int) -> socket.socket:
    found = socket.socket(fileno=number)
    found.setblocking(False)
    return found


if __name__ == "__main__":
    main()

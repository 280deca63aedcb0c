"""``python -m cleaner.dashboard.voila_process NOTEBOOK …``: Voilà, which ends when its starter does.

The starter keeps the other end of the standard input open and writes nothing into it. However the starter
ends, also by ``kill -9``, the system closes it. Voilà then shuts its kernels down; nothing is left running.
"""

import functools
import inspect
import logging
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Any

from cleaner.dashboard.kernels import AHEAD_VARIABLE, KERNELS, PROVISIONER

logger = logging.getLogger(__name__)

SOCKET_VARIABLE = "CLEANER_DASHBOARD_SOCKET"
"""The environment variable with the number of the socket to accept on; without it Voilà listens by itself."""

READY = "ready"
"""The file that is made in the folder that Voilà was started in, once it answers."""


_PAGES = Path(__file__).parent / "share" / "nbconvert" / "templates" / "cleaner"


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

    KernelProvisionerFactory.provisioners[PROVISIONER.name] = PROVISIONER
    server_class().launch_instance()


def server_class() -> Any:
    """Return Voilà as it is served here; importing it takes a second."""
    from jinja2 import ChoiceLoader, FileSystemLoader
    from jupyter_server.log import log_request
    from tornado.httpserver import HTTPServer
    from tornado.ioloop import IOLoop
    from voila.app import Voila

    class Server(Voila):  # type: ignore[misc]  # it has no types
        """Takes over its starter's socket, tells that it answers, and gives nothing without the token."""

        def listen(self) -> None:
            inherited = os.environ.pop(SOCKET_VARIABLE, None)
            if inherited is not None:
                self.app.listen = lambda *_: HTTPServer(self.app).add_socket(_socket(int(inherited)))
            IOLoop.current().add_callback(Path(READY).touch)
            super().listen()

        def init_settings(self) -> dict[str, Any]:
            # Tornado's own log has the addresses of refused requests as they are, with the token.
            log = functools.partial(log_request, record_prometheus_metrics=False)
            settings = {**super().init_settings(), "log_function": log}
            pages = settings["jinja2_env"]  # of the form for the token and of errors: ours come first
            pages.loader = ChoiceLoader([FileSystemLoader(_PAGES), pages.loader])
            return settings

        def init_handlers(self) -> list[Any]:
            below = self.server_url.rstrip("/")
            return [
                # Voilà has the form for the token at the top, and sends people to it below its own path.
                (
                    pattern if pattern.startswith(f"{below}/") else below + pattern,
                    behind_token(handler),
                    *more,
                )
                for pattern, handler, *more in super().init_handlers()
            ]

    return Server


def behind_token(handler: Any) -> Any:
    """Return a handler of requests that answers nobody without the token; Voilà gives its own scripts to all.

    The page itself asks for the token by going to the form for it, and that form has to be there.
    """
    from jupyter_server.auth.login import LoginFormHandler
    from jupyter_server.base.handlers import AuthenticatedHandler
    from tornado.web import HTTPError
    from voila.tornado.handler import TornadoVoilaHandler

    if issubclass(handler, LoginFormHandler | TornadoVoilaHandler):
        return handler

    knows_users = issubclass(handler, AuthenticatedHandler)

    class Behind(*([handler] if knows_users else [handler, AuthenticatedHandler])):  # type: ignore[misc]
        if not hasattr(handler, "log"):
            log = logger  # which whoever finds out the user writes to

        async def prepare(self) -> None:
            user = self.settings["identity_provider"].get_user(self)
            if (await user if inspect.isawaitable(user) else user) is None:
                raise HTTPError(403)
            done = super().prepare()
            if inspect.isawaitable(done):
                await done

        def write_error(self, status_code: int, **details: Any) -> None:
            if hasattr(handler, "render_template"):  # which has pages for errors
                super().write_error(status_code, **details)
                return
            page = self.settings["jinja2_env"].get_template("error.html")
            self.finish(page.render(status_code=status_code, status_message=self._reason))

        def log_exception(self, kind: Any, error: Any, trace: Any) -> None:
            # Their address is logged with the request, without the token.
            if not isinstance(error, HTTPError):
                super().log_exception(kind, error, trace)

    return Behind


def _socket(number: int) -> socket.socket:
    found = socket.socket(fileno=number)
    found.setblocking(False)
    return found


if __name__ == "__main__":
    main()

"""Find a port to listen on, or a Unix socket."""

import logging
import os
import socket
from contextlib import suppress
from pathlib import Path

from cleaner.errors import DashboardError

logger = logging.getLogger(__name__)

DEFAULT_PORT = 8866
_PORTS_TRIED = 50
_BACKLOG = 128


def choose_port(ip: str, port: int | None) -> int:
    """Return a port that can be listened on now; arguments and errors are those of `listen`."""
    with listen(ip, port) as probe:
        return int(probe.getsockname()[1])


def listen_at(path: Path) -> socket.socket:
    """Listen on a Unix socket, which nobody but its owner and root can connect to.

    Raises
    ------
    DashboardError
        Somebody listens there, something else lies there, or the system has no such sockets.
    """
    if not hasattr(socket, "AF_UNIX"):
        msg = f"Got the socket {path}; this system has no Unix sockets. Choose a port."
        raise DashboardError(msg)
    made = socket.socket(socket.AF_UNIX)
    try:
        _remove_abandoned(path)
        before = os.umask(0o177)
        try:
            made.bind(str(path))
        finally:
            os.umask(before)
        made.listen(_BACKLOG)
    except OSError as error:
        made.close()
        reason = error.strerror or str(error)
        msg = f"Nothing can listen on the socket {path}: {reason}. Choose another path."
        raise DashboardError(msg) from error
    return made


def _remove_abandoned(path: Path) -> None:
    """Remove the socket of a server that has gone without doing so."""
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX) as probe, suppress(ConnectionRefusedError):
        probe.setblocking(False)  # whoever has many waiting does listen
        with suppress(BlockingIOError):
            probe.connect(str(path))
        return
    path.unlink()


def listen(ip: str, port: int | None) -> socket.socket:
    """Listen on a port; whoever connects waits until somebody accepts.

    Parameters
    ----------
    ip : str
        Address to listen on.
    port : int or None
        The only port that will do, 0 for any free one, None for `DEFAULT_PORT` or one of the next fifty.

    Raises
    ------
    DashboardError
        The port is taken or not allowed, or none is free.
    """
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    wanted = [port] if port is not None else range(DEFAULT_PORT, DEFAULT_PORT + _PORTS_TRIED)
    for candidate in wanted:
        try:
            return socket.create_server((ip, candidate), family=family, backlog=_BACKLOG)
        except PermissionError as error:
            msg = (
                f"You are not allowed to use port {candidate}. Choose one above 1023, or 0 for any free port."
            )
            raise DashboardError(msg) from error
        except OSError:
            logger.info("port %s on %s cannot be used", candidate, ip, exc_info=True)
    if port is not None:
        msg = (
            f"Port {port} on {ip} is in use. Stop the program that uses it, or choose another port "
            "(0 for any free port)."
        )
    else:
        last = DEFAULT_PORT + _PORTS_TRIED - 1
        msg = f"No port from {DEFAULT_PORT} to {last} is free on {ip}. Choose one, or 0 for any free port."
    raise DashboardError(msg)

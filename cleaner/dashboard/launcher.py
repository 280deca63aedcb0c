"""The tile in JupyterLab's launcher: starts the dashboard behind the notebook server, for its user alone.

`jupyter-server-proxy` finds `launcher` through an entry point, in JupyterLab, JupyterHub and Binder alike. It
starts the dashboard at the first click and passes on what its user asks for. The dashboard listens on a Unix
socket in a folder that only this user can enter, and answers only with a token that the proxy adds: nobody
comes past the notebook server's own login.
"""

import os
import secrets
import shlex
import sys
from pathlib import Path
from typing import Any

from cleaner.errors import DashboardError

_NAME = "cleaner"
_ICON = Path(__file__).resolve().parent / "launcher.svg"
_START_S = 60.0  # a busy machine reads Python from a cold disk

ARGUMENTS_VARIABLE = "CLEANER_APP"
"""The environment variable with what follows ``cleaner app``, such as a folder and ``--store``."""


def launcher() -> dict[str, Any]:
    """Describe the tile, as `jupyter-server-proxy` takes it."""
    token = secrets.token_urlsafe(24)
    return {
        "command": command,
        "environment": {"CLEANER_TOKEN": token},
        "request_headers_override": {"Authorization": f"token {token}"},
        "unix_socket": sys.platform != "win32",  # which has none that Python knows
        "absolute_url": True,  # the page's scripts are asked for below its path
        "timeout": _START_S,
        "launcher_entry": {"title": _NAME, "icon_path": str(_ICON)},
    }


def command(base_url: str, port: int, unix_socket: str) -> list[str]:
    """Return what starts the dashboard.

    Without `ARGUMENTS_VARIABLE`, its user chooses a data set below the folder that the notebook server shows.

    Parameters
    ----------
    base_url : str
        Path of the notebook server.
    port : int
        Port to listen on where there is no socket.
    unix_socket : str
        Path of the socket, or empty.

    Raises
    ------
    DashboardError
        What the variable holds is no list of arguments.
    """
    where = ["--socket", unix_socket] if unix_socket else ["--port", str(port)]
    told = _words(os.environ.get(ARGUMENTS_VARIABLE, "")) or ["--root", _folder()]
    base = f"{base_url.rstrip('/')}/{_NAME}/"
    started = [sys.executable, "-m", "cleaner", "app", *told, "--no-browser", *where, "--base-url", base]
    return [part.replace("{", "{{").replace("}", "}}") for part in started]  # it is a template


def _words(text: str) -> list[str]:
    """Split what a user wrote as a shell does; on Windows, a backslash is part of a path.

    Raises
    ------
    DashboardError
        A quotation has no end.
    """
    lexer = shlex.shlex(text, posix=True, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.commenters = ""
    if sys.platform == "win32":
        lexer.escape = ""
    try:
        return list(lexer)
    except ValueError as error:
        msg = (
            f"The environment variable {ARGUMENTS_VARIABLE} is {text}, in which a quotation mark has no "
            "partner. Correct it where the notebook server gets it from, and start that server again."
        )
        raise DashboardError(msg) from error


def _folder() -> str:
    """Return the folder that the notebook server shows; it runs in this process."""
    from jupyter_server.serverapp import ServerApp  # not in the dashboard's own process: 0.5 s

    return str(ServerApp.instance().root_dir) if ServerApp.initialized() else str(Path.cwd())

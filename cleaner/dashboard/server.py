"""Serve the dashboard: Voilà in a process of its own, on localhost, behind a token, giving no file away.

Everything that Voilà reads lies in a temporary folder that only the user can enter: its settings (so that the
token never shows in a list of processes), a copy of the notebook, and a kernel pinned to the running Python.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import webbrowser
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import quote, urlsplit

from cleaner.dashboard.opening.front import Front
from cleaner.dashboard.opening.server import OpeningServer
from cleaner.dashboard.ports import listen, listen_at
from cleaner.dashboard.voila_folder import DEFAULT_IDLE_MINUTES, HEADERS, SHARE, import_path, write_folder
from cleaner.dashboard.voila_process import READY, SOCKET_VARIABLE
from cleaner.dataset.user import home, recent
from cleaner.errors import CleanerError, DashboardError
from cleaner.widgets.page_settings import ENVIRONMENT_VARIABLE, PageSettings

logger = logging.getLogger(__name__)

TOKEN_VARIABLE = "CLEANER_TOKEN"
"""The environment variable that may hold the token; unlike arguments, it is for its user's eyes only."""

_EVERYWHERE = ("0.0.0.0", "::")
# What a browser asks for as it is written here, and what Voilà's patterns of addresses take for itself.
_PART = re.compile(r"[A-Za-z0-9._~@%-]+")

_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 10.0
_LOOK_S = 0.02
_JOB_TIMEOUT_S = 10.0


class Dashboard:
    """A running dashboard.

    Parameters
    ----------
    settings : PageSettings
        What each page's kernel opens.
    ip : str
        Address to listen on; ``"127.0.0.1"`` is reachable from this machine only.
    port : int or None
        Port to listen on, 0 for any free one, None for 8866 or the next free one.
    token : str or None
        Secret that the page's address must carry; None makes a new one.
    theme : {"light", "dark", None}
        Colours of the page; None follows the visitor's system.
    socket_path : Path or None
        Unix socket to listen on instead of a port; only its owner can connect.
    base_url : str
        Path of the page, for a proxy that passes on the whole path of what it is asked for.
    idle_minutes : float
        After how long without a browser that is connected to it a page's kernel ends. Jobs go on.
    on_address : callable or None
        Called with the page's address as soon as it answers, which is before Voilà does: it shows the page as
        it stood last until then. On Windows, where a process cannot take a socket over, it is not before.

    Raises
    ------
    DashboardError
        An argument cannot be used, the port is taken, or Voilà did not start.
    """

    def __init__(
        self,
        settings: PageSettings,
        *,
        ip: str = "127.0.0.1",
        port: int | None = None,
        token: str | None = None,
        theme: str | None = None,
        socket_path: Path | None = None,
        base_url: str = "/",
        idle_minutes: float = DEFAULT_IDLE_MINUTES,
        on_address: Callable[[str], None] | None = None,
    ) -> None:
        if theme not in (None, "light", "dark"):
            msg = f"Got theme {theme!r}; expected 'light', 'dark', or None to follow the system."
            raise DashboardError(msg)
        if token is not None and not token.strip():
            msg = "Got an empty token. Give a token of at least one character, or none to get a random one."
            raise DashboardError(msg)
        self.ip = ip
        self.token = token or secrets.token_urlsafe(24)
        self.base_url = _path(base_url)
        self.socket_path = socket_path
        listening = listen(ip, port) if socket_path is None else listen_at(socket_path)
        self.port = 0 if socket_path is not None else int(listening.getsockname()[1])
        self.log_path = _log_path(self.port)
        self._folder = Path(tempfile.mkdtemp(prefix="cleaner-dashboard-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._opening: OpeningServer | None = None
        try:
            notebook = write_folder(
                self._folder,
                settings,
                ip=ip,
                port=self.port,
                token=self.token,
                theme=theme,
                base_url=self.base_url,
                idle_minutes=idle_minutes,
            )
            self._start(notebook, settings, listening)
            if sys.platform != "win32":
                front = Front(settings, theme)
                self._opening = OpeningServer(
                    listening, front, token=self.token, headers=HEADERS, base_url=self.base_url
                )
            elif on_address is not None:
                self._wait_until_it_answers()
            if on_address is not None:
                on_address(self.url)
            self._wait_until_it_answers()
        except BaseException:
            self.stop()
            raise
        finally:
            listening.close()

    def __enter__(self) -> Dashboard:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Address of the page, with its token; that of a Unix socket is its path."""
        if self.socket_path is not None:
            return str(self.socket_path)
        host = socket.gethostname() if self.ip in _EVERYWHERE else self.ip
        return f"http://{_bracketed(host)}:{self.port}{self.base_url}?token={quote(self.token, safe='')}"

    def wait(self) -> int:
        """Wait until Voilà ends by itself; return its exit code."""
        if self._process is None:
            return 0
        return self._process.wait()

    def failure(self, what: str = "stopped by itself") -> DashboardError:
        """Describe what happened to Voilà, with the last lines of its log."""
        tail = "\n".join(_tail(self.log_path))
        return DashboardError(
            f"The dashboard's server {what}. The last lines of its log ({self.log_path}):\n{tail}"
        )

    def stop(self) -> None:
        """Stop Voilà and its kernels, and remove the temporary folder."""
        if self._opening is not None:
            self._opening.stop(failed=True)
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.terminate()  # Voilà's own handler shuts the kernels down
            try:
                process.wait(_STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                _kill_group(process)
                process.wait(_STOP_TIMEOUT_S)
        if process is not None and process.stdin is not None:
            process.stdin.close()
        if self.socket_path is not None:
            self.socket_path.unlink(missing_ok=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self, notebook: Path, settings: PageSettings, listening: socket.socket) -> None:
        shares = [str(self._folder / "share"), str(SHARE), os.environ.get("JUPYTER_PATH", "")]
        environment = {
            **os.environ,
            **import_path(),
            "JUPYTER_PATH": os.pathsep.join(share for share in shares if share),
            ENVIRONMENT_VARIABLE: settings.to_json(log_path=self.log_path),
        }
        command = [sys.executable, "-m", "cleaner.dashboard.voila_process", str(notebook)]
        # A session of its own: the terminal's Ctrl-C reaches only this process, which stops Voilà in order.
        flags: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            flags = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
            listening.close()  # Voilà listens by itself
        else:
            environment[SOCKET_VARIABLE] = str(listening.fileno())
            flags["pass_fds"] = [listening.fileno()]
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        self.log_path.unlink(missing_ok=True)
        with self.log_path.open("ab") as log:  # the kernels append to it, too
            self._process = subprocess.Popen(
                command,
                cwd=self._folder,  # where Voilà looks for voila.json first
                env=environment,
                stdin=subprocess.PIPE,  # closed by the system when this process ends, however it does
                stdout=log,
                stderr=subprocess.STDOUT,
                **flags,
            )

    def _wait_until_it_answers(self) -> None:
        end = time.monotonic() + _START_TIMEOUT_S
        while not (self._folder / READY).exists():
            if self._process is None or self._process.poll() is not None:
                raise self.failure()
            if time.monotonic() > end:
                raise self.failure(
                    f"did not answer on port {self.port} within {_START_TIMEOUT_S:.0f} seconds"
                )
            time.sleep(_LOOK_S)
        if self._opening is not None:
            self._opening.stop()


def serve(
    root: str | Path | None = None,
    *,
    options: Mapping[str, Any] | None = None,
    browse_root: str | Path | None = None,
    ip: str = "127.0.0.1",
    port: int | None = None,
    token: str | None = None,
    theme: str | None = None,
    socket_path: Path | None = None,
    base_url: str = "/",
    idle_minutes: float = DEFAULT_IDLE_MINUTES,
    reviewer_header: str | None = None,
    browser: bool = True,
    say: Callable[[str], None] | None = None,
) -> int:
    """Serve the dashboard until Ctrl-C or a termination signal.

    Parameters
    ----------
    root : path or None
        Folder or CSV file of the data set; None shows a page on which one is chosen.
    options : mapping or None
        Further keyword arguments of `cleaner.Workspace`, JSON-able.
    browse_root : path or None
        Folder below which the start page lets the user choose; None is the home folder.
    ip, port, token, theme, socket_path, base_url, idle_minutes
        As for `Dashboard`. A token that is not given may stand in the environment variable ``CLEANER_TOKEN``;
        then it is not printed.
    reviewer_header : str or None
        As for `PageSettings`.
    browser : bool
        Open the page in the user's browser.
    say : callable or None
        Receives the sentences for the user; None writes them to standard output.

    Returns
    -------
    int
        Exit code: 0 after a stop that was asked for.

    Raises
    ------
    DashboardError
        The port is taken, or the server did not start or stopped by itself.
    """
    tell = say or functools.partial(print, flush=True)
    settings = PageSettings.for_root(
        root, options=options, browse_root=browse_root, reviewer_header=reviewer_header
    )
    started = datetime.now(UTC)
    secret = os.environ.pop(TOKEN_VARIABLE, "").strip()  # what comes from a file ends with a line break
    # Past the proxy that names the reviewers, nothing opens.
    opens = browser and socket_path is None and reviewer_header is None

    def tell_address(url: str) -> None:
        told = url if token is not None or not secret else url.partition("?")[0]
        if ip in _EVERYWHERE:  # only here, or beside a container, does everybody know the machine's name
            here = urlsplit(told)._replace(netloc=f"127.0.0.1:{urlsplit(told).port}").geturl()
            told += f" and, on this machine, at {here}"
        tell(f"The dashboard is at {told} (press Ctrl-C to stop it).")
        if opens and not _open_browser(url):
            tell("No web browser could be opened. Copy the address into your browser.")

    with _stopping_on_signals():
        try:
            with Dashboard(
                settings,
                ip=ip,
                port=port,
                token=token if token is not None else secret or None,
                theme=theme,
                socket_path=socket_path,
                base_url=base_url,
                idle_minutes=idle_minutes,
                on_address=tell_address,
            ) as dashboard:
                dashboard.wait()
                raise dashboard.failure()
        except KeyboardInterrupt:
            if cancel_jobs(started):
                tell("The work in the background was cancelled. Earlier results are unchanged.")
            tell("Stopped. All decisions are saved.")
            return 0


def cancel_jobs(since: datetime) -> int:
    """Cancel the jobs of all data sets that were opened since a time; return how many there were.

    A job is a process that outlives its page, so that a reload does not hurt it. Somebody who stops the
    dashboard wants the machine back; what the job had replaced nothing of yet stays as it was.

    Parameters
    ----------
    since : datetime
        When the dashboard was started, with a time zone.
    """
    from cleaner.jobs import Job
    from cleaner.workspace import Workspace

    cancelled = 0
    for found in recent():
        if found.opened < since.replace(microsecond=0):  # the list has whole seconds
            continue
        try:
            with Workspace(found.root, labels=found.labels, state=found.state) as workspace:
                job = Job.current(workspace.state)
            if job is not None:
                job.cancel()
                cancelled += 1
                if not job.wait(_JOB_TIMEOUT_S).finished:
                    job.kill()
        except (CleanerError, OSError):
            logger.warning("the job of %s could not be cancelled", found.root, exc_info=True)
    return cancelled


def _path(base_url: str) -> str:
    """Return a path that begins and ends with a slash; raise `DashboardError` if it is more than a path."""
    parts = [part for part in base_url.split("/") if part]
    if not all(_PART.fullmatch(part) for part in parts):
        msg = (
            f"Got {base_url!r} as the path of the page; expected only a path, such as /cleaner/, of letters, "
            "digits and . _ ~ @ % -"
        )
        raise DashboardError(msg)
    return "".join(f"/{part}" for part in parts) + "/"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _open_browser(url: str) -> bool:
    try:
        return webbrowser.open(url)
    except webbrowser.Error:
        logger.info("no web browser", exc_info=True)
        return False


@contextlib.contextmanager
def _stopping_on_signals() -> Iterator[None]:
    """Let SIGTERM and a closed terminal end the server in the same orderly way as Ctrl-C."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # only there can handlers be set
        yield
        return
    names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    previous = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _log_path(port: int) -> Path:
    return home() / "logs" / f"dashboard-{port or 'socket'}.log"


def _tail(path: Path, lines: int = 20) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
    except OSError:
        return ["(no log)"]


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":
        process.kill()
    else:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

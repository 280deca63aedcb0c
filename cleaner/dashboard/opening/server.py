"""`OpeningServer`: answers browsers until Voilà does, on the socket that Voilà will take over."""

from __future__ import annotations

import hmac
import logging
import socket
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cleaner.dashboard.opening.front import Front, image_script, in_script
from cleaner.widgets.sentences import say

logger = logging.getLogger(__name__)

_SOON_S = 1
_LOOK_S = 0.05
_IDLE_S = 10.0
_TELL_S = 1.0


class OpeningServer:
    """Gives the front to whoever knows the token, and asks everybody else to come again in a second.

    The answer with the front stays open; its end is what the front waits for.

    Parameters
    ----------
    listening : socket.socket
        Where browsers connect; the caller's, and closed by `stop` here in this process.
    front : Front
    token : str
    headers : dict of str to str
        Sent with every answer.
    base_url : str
        Path of the page.
    """

    def __init__(
        self,
        listening: socket.socket,
        front: Front,
        *,
        token: str,
        headers: dict[str, str],
        base_url: str = "/",
    ) -> None:
        listening.setblocking(False)  # Voilà may have been faster
        self._ended = threading.Event()
        self._script = ""
        self._fronts: list[threading.Thread] = []

        class Answer(_Answer):
            opening = self

        self.front, self.token, self.headers, self.base_url = front, token, headers, base_url
        self._server = _Server(listening.getsockname(), Answer, bind_and_activate=False)
        self._server.socket.close()
        self._server.socket = listening
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_LOOK_S,), name="opening", daemon=True
        )
        self._thread.start()

    def stop(self, *, failed: bool = False) -> None:
        """Let every front go on to the page, or say that there will be none; accept nobody any more."""
        if self._ended.is_set():
            return
        self._script = f"failed({in_script(say('page.not_started'))})" if failed else "ready()"
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        if failed:  # this process may be about to end
            for told in self._fronts:
                told.join(_TELL_S)

    @property
    def ended(self) -> bool:
        """Whether it is for Voilà to answer now."""
        return self._ended.is_set()

    def last_script(self) -> str:
        """Wait until the server stops, in a thread of the front's own; return what the front is then told."""
        self._fronts.append(threading.current_thread())
        self._ended.wait()
        return f"<script>cleaner_front.{self._script}</script>\n"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def get_request(self) -> tuple[Any, Any]:
        accepted, address = self.socket.accept()
        accepted.setblocking(True)
        accepted.settimeout(_IDLE_S)
        return accepted, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        logger.debug("a browser went away", exc_info=True)


def _token_in(authorization: str | None) -> str:
    """Return the token that a proxy sends, in the form that Voilà takes as well."""
    kind, _, token = (authorization or "").partition(" ")
    return token.strip() if kind.lower() in ("token", "bearer") else ""


class _Answer(BaseHTTPRequestHandler):
    opening: OpeningServer

    def do_GET(self) -> None:
        if self.opening.ended:  # browsers connect ahead; on a new connection Voilà answers
            self._head(HTTPStatus.TEMPORARY_REDIRECT, Location="/" + self.path.lstrip("/"))
            return
        asked = urlsplit(self.path)
        token = parse_qs(asked.query).get("token", [""])[0] or _token_in(self.headers["Authorization"])
        if asked.path != self.opening.base_url or not hmac.compare_digest(
            token.encode(), self.opening.token.encode()
        ):
            self._head(HTTPStatus.SERVICE_UNAVAILABLE, Refresh=str(_SOON_S))
            return
        self._head(HTTPStatus.OK)
        self._write(self.opening.front.html)
        for name, data in self.opening.front.images():
            self._write(image_script(name, data))
        self._write(self.opening.last_script())

    do_POST = do_GET  # noqa: N815

    def _head(self, status: HTTPStatus, **more: str) -> None:
        self.send_response(status)
        fixed = {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store"}
        for name, value in {**fixed, **self.opening.headers, **more}.items():
            self.send_header(name, value)
        self.end_headers()

    def _write(self, text: str) -> None:
        self.wfile.write(text.encode())
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        """Write nothing: the addresses carry the token."""

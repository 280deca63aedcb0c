"""A real web server on this machine that answers rightly, slowly, for ever, wrongly, or not at all."""

from __future__ import annotations

import io
import threading
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
from PIL import Image

Handler = Callable[["Request"], None]


def jpeg(seed: int = 0, size: tuple[int, int] = (32, 24)) -> bytes:
    """Return the bytes of one small noisy JPEG."""
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=90)
    return out.getvalue()


class Request(BaseHTTPRequestHandler):
    """One request; handlers write the answer."""

    protocol_version = "HTTP/1.1"
    server: Site

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        with self.server.lock:
            self.server.hits[path] += 1
            self.server.now += 1
            self.server.most_at_once = max(self.server.most_at_once, self.server.now)
        try:
            self.server.pages.get(path, Request.missing)(self)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            with self.server.lock:
                self.server.now -= 1

    def missing(self) -> None:
        self.answer(b"<html>not found</html>", status=404, kind="text/html")

    def answer(self, body: bytes, *, status: int = 200, kind: str = "image/jpeg", **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the terminal quiet."""


class Site(ThreadingHTTPServer):
    """A server with a table of pages; ``closing`` ends the ones that never would."""

    daemon_threads = True

    def __init__(self, host: str = "127.0.0.1") -> None:
        super().__init__((host, 0), Request)
        self.pages: dict[str, Handler] = {}
        self.hits: Counter[str] = Counter()
        self.lock = threading.Lock()
        self.closing = threading.Event()
        self.now = 0
        self.most_at_once = 0
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def url(self, path: str, *, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.server_address[1]}{path}"

    def picture(self, path: str, seed: int = 0, **headers: str) -> str:
        """Serve a picture and return its address."""
        body = jpeg(seed)
        self.pages[path] = lambda request: request.answer(body, **headers)
        return self.url(path)

    def page(self, path: str, handler: Handler) -> str:
        self.pages[path] = handler
        return self.url(path)

    def stop(self) -> None:
        self.closing.set()
        self.shutdown()
        self.server_close()
        self._thread.join()

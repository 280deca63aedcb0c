"""Fetch addresses politely: limits on time, size, redirects and connections to one host."""

import asyncio
import itertools
import time
from collections import defaultdict
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Self

import httpx

from cleaner.collect.guard import GuardedTransport
from cleaner.collect.urls import TooLargeError, decode_data_url
from cleaner.errors import PrivateAddressError
from cleaner.version import __version__

_RETRIED_STATUS = {408, 425, 429, 500, 502, 503, 504}
_MAX_REDIRECTS = 5
_MAX_WAIT_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How far a download goes.

    Attributes
    ----------
    timeout_s : float
        For one try, from the first byte sent to the last one received.
    max_bytes : int
        Larger answers are cut off and refused.
    tries : int
        Attempts at an address whose failure may pass (no connection, timed out, HTTP 429 or 5xx).
    backoff_s : float
        Wait before the second try; doubled before each further one. A host's ``Retry-After`` is obeyed up to
        30 s.
    per_host : int
        Connections to one host at a time.
    connections : int
        Connections in all.
    allow_private : bool
        Also fetch from private, loopback and link-local addresses.
    """

    timeout_s: float = 20.0
    max_bytes: int = 50 * 1024**2
    tries: int = 3
    backoff_s: float = 0.5
    per_host: int = 4
    connections: int = 8
    allow_private: bool = False


@dataclass(frozen=True)
class Fetched:
    """The bytes behind an address, and how many tries they took."""

    data: bytes
    tries: int


class FetchError(Exception):
    """An address gave nothing; ``status`` is the kind of failure, the message the detail."""

    def __init__(
        self, status: str, detail: str, *, passing: bool = False, wait_s: float | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.passing = passing
        self.wait_s = wait_s
        self.tries = 1


class _Host:
    """Remembers how many connections a host has, and until when it wants to be left alone."""

    def __init__(self, connections: int) -> None:
        self.places = asyncio.Semaphore(connections)
        self.rest_until_s = 0.0


class Fetcher:
    """Fetches addresses over one pool of connections; an asynchronous context manager.

    Parameters
    ----------
    limits : Limits
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._hosts: defaultdict[str, _Host] = defaultdict(lambda: _Host(limits.per_host))
        self._client = httpx.AsyncClient(
            transport=GuardedTransport(
                allow_private=limits.allow_private, max_connections=max(1, limits.connections)
            ),
            follow_redirects=True,
            max_redirects=_MAX_REDIRECTS,
            timeout=limits.timeout_s,
            headers={"User-Agent": f"cleaner/{__version__}", "Accept": "image/*,*/*;q=0.5"},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._client.aclose()

    async def fetch(self, url: str) -> Fetched:
        """Return the bytes behind an address.

        Raises
        ------
        FetchError
            After the last try.
        """
        if url.lower().startswith("data:"):
            try:
                return Fetched(decode_data_url(url, max_bytes=self._limits.max_bytes), 1)
            except ValueError as exc:
                status = "too large" if isinstance(exc, TooLargeError) else "bad address"
                raise FetchError(status, str(exc)) from exc
        host = self._hosts[_host_of(url)]
        for tries in itertools.count(1):
            async with host.places:
                await asyncio.sleep(max(0.0, host.rest_until_s - time.monotonic()))
                try:
                    return Fetched(await self._try(url), tries)
                except FetchError as exc:
                    exc.tries = tries
                    if exc.wait_s is not None:
                        host.rest_until_s = time.monotonic() + min(exc.wait_s, _MAX_WAIT_S)
                    if not exc.passing or tries >= self._limits.tries:
                        raise
            await asyncio.sleep(min(self._limits.backoff_s * 2 ** (tries - 1), _MAX_WAIT_S))
        raise FetchError("no answer", "no attempt was allowed")

    async def _try(self, url: str) -> bytes:
        try:
            async with asyncio.timeout(self._limits.timeout_s), self._client.stream("GET", url) as response:
                self._judge(response)
                return await self._read(response)
        except PrivateAddressError as exc:
            raise FetchError("private address", str(exc)) from exc
        except (TimeoutError, httpx.TimeoutException) as exc:
            detail = f"no complete answer within {self._limits.timeout_s:g} s"
            raise FetchError("timed out", detail, passing=True) from exc
        except httpx.TooManyRedirects as exc:
            raise FetchError("no answer", f"more than {_MAX_REDIRECTS} redirects") from exc
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError) as exc:
            raise FetchError("bad address", str(exc)) from exc
        except httpx.DecodingError as exc:
            raise FetchError("no answer", f"its compression is damaged: {exc}") from exc
        except httpx.HTTPError as exc:
            raise FetchError("no connection", str(exc) or type(exc).__name__, passing=True) from exc

    def _judge(self, response: httpx.Response) -> None:
        code = response.status_code
        if code != HTTPStatus.OK:
            detail = f"HTTP {code} {response.reason_phrase}".strip()
            raise FetchError(
                f"HTTP {code}", detail, passing=code in _RETRIED_STATUS, wait_s=_retry_after_s(response)
            )
        promised = response.headers.get("Content-Length", "")
        if promised.isdigit() and int(promised) > self._limits.max_bytes:
            raise FetchError("too large", self._too_large())

    async def _read(self, response: httpx.Response) -> bytes:
        data = bytearray()
        async for chunk in response.aiter_bytes():
            data += chunk
            if len(data) > self._limits.max_bytes:
                raise FetchError("too large", self._too_large())
        return bytes(data)

    def _too_large(self) -> str:
        return f"larger than {self._limits.max_bytes:,} bytes"


def _host_of(url: str) -> str:
    try:
        return httpx.URL(url).host
    except httpx.InvalidURL:  # the try itself will say so
        return ""


def _retry_after_s(response: httpx.Response) -> float | None:
    """Read how long a host wants to be left alone: seconds or a date."""
    text = response.headers.get("Retry-After", "")
    if text.isdigit():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError):
        return None

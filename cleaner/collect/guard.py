"""Connections that lead to public addresses only.

An address in a list, or one that a server redirects to, may name a machine inside the user's own network, or
name a public host whose name look-up answers with such a machine. The check is therefore made where the
connection is opened: the name is looked up once, every answer is judged, and the connection goes to the
judged address itself.
"""

import asyncio
import contextlib
import ipaddress
import socket
import urllib.request
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

import httpcore
import httpx

from cleaner.errors import PrivateAddressError

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def why_private(text: str) -> str | None:
    """Say why a numeric address is not public ("loopback", "private", "link-local", …); None: it is.

    IPv4 addresses inside IPv6 ones (mapped, 6to4, Teredo, NAT64) are judged, too.
    """
    try:
        address: _Address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return "not an address"
    return next((reason for inner in _layers(address) if (reason := _judge(inner)) is not None), None)


def _layers(address: _Address) -> list[_Address]:
    """Return what is to be judged: the address, or the IPv4 addresses that are hidden in it."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    if address in _NAT64:
        return [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    inner = (address.sixtofour, *(address.teredo or ()))
    return [address, *(found for found in inner if found is not None)]


def _judge(address: _Address) -> str | None:
    if address.is_unspecified:
        return "unspecified"
    if address.is_loopback:
        return "loopback"
    if address.is_link_local:
        return "link-local"
    if address.is_multicast:
        return "multicast"
    if not address.is_global or (address.version == 6 and address.is_site_local):
        return "private"
    return "reserved" if address.is_reserved else None


class _GuardedBackend(httpcore.AsyncNetworkBackend):
    """Looks names up itself and opens connections to public addresses only."""

    def __init__(self) -> None:
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        failure: Exception = httpcore.ConnectError(f"no address is known for {host}")
        for address in await public_addresses(host, port):
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
                failure = exc
        raise failure

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def public_addresses(host: str, port: int) -> list[str]:
    """Look a name up.

    Raises
    ------
    PrivateAddressError
        If any of the answers is not public: whoever answers so is not to be trusted with the others.
    httpcore.ConnectError
        If the name is not known.
    """
    try:
        answers = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        raise httpcore.ConnectError(f"the name {host} is not known") from exc
    addresses = list(dict.fromkeys(str(answer[4][0]) for answer in answers))
    for address in addresses:
        reason = why_private(address)
        if reason is not None:
            raise PrivateAddressError(
                f"{host} is a {reason} address"
                if host == address
                else f"{host} is {address}, a {reason} address"
            )
    return addresses


class GuardedTransport(httpx.AsyncBaseTransport):
    """A transport for `httpx.AsyncClient` that refuses private addresses, also after redirects.

    Proxies of the environment are used as usual. A proxy does the name look-up itself, so that names are then
    judged by what they mean here; a name that only the proxy knows is left to it.

    Parameters
    ----------
    allow_private : bool
        Judge nothing.
    max_connections : int
    """

    def __init__(self, *, allow_private: bool = False, max_connections: int = 16) -> None:
        self._allow_private = allow_private
        self._shared: dict[str, Any] = {
            "ssl_context": httpx.create_ssl_context(),
            "max_connections": max_connections,
        }
        backend = httpcore.AnyIOBackend() if allow_private else _GuardedBackend()
        self._direct = httpcore.AsyncConnectionPool(**self._shared, network_backend=backend)
        self._proxies = urllib.request.getproxies()
        self._proxied: dict[str, httpcore.AsyncHTTPProxy] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; redirects come here one by one."""
        url = request.url
        if url.scheme not in ("http", "https") or not url.host:
            msg = "expected an address that begins with http:// or https:// and names a host, or with data:"
            raise httpx.UnsupportedProtocol(msg, request=request)
        core = httpcore.Request(
            method=request.method,
            url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            extensions=request.extensions,
        )
        with _as_httpx_errors(request):
            pool = await self._pool_for(url)
            response = await pool.handle_async_request(core)
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_Body(response, request),
            extensions=response.extensions,
            request=request,
        )

    async def aclose(self) -> None:
        """Close all connections."""
        for pool in (self._direct, *self._proxied.values()):
            await pool.aclose()

    async def _pool_for(self, url: httpx.URL) -> httpcore.AsyncConnectionPool:
        proxy = self._proxies.get(url.scheme)
        if not proxy or urllib.request.proxy_bypass(url.host):
            return self._direct
        if not self._allow_private:
            with contextlib.suppress(httpcore.ConnectError):  # only the proxy may know the name
                await public_addresses(url.host, url.port or 80)
        if proxy not in self._proxied:
            parsed = httpx.Proxy(proxy if "://" in proxy else f"http://{proxy}")
            self._proxied[proxy] = httpcore.AsyncHTTPProxy(
                str(parsed.url), proxy_auth=parsed.raw_auth, **self._shared
            )
        return self._proxied[proxy]


class _Body(httpx.AsyncByteStream):
    """The body of an answer, with httpx's errors."""

    def __init__(self, response: httpcore.Response, request: httpx.Request) -> None:
        self._response = response
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_httpx_errors(self._request):
            async for chunk in self._response.aiter_stream():
                yield chunk

    async def aclose(self) -> None:
        await self._response.aclose()


_HTTPX_ERRORS: tuple[tuple[type[Exception], type[httpx.TransportError]], ...] = (
    (httpcore.ConnectTimeout, httpx.ConnectTimeout),
    (httpcore.TimeoutException, httpx.ReadTimeout),
    (httpcore.ConnectError, httpx.ConnectError),
    (httpcore.NetworkError, httpx.ReadError),
    (httpcore.ProxyError, httpx.ProxyError),
    (httpcore.UnsupportedProtocol, httpx.UnsupportedProtocol),
    (httpcore.ProtocolError, httpx.RemoteProtocolError),
)


@contextlib.contextmanager
def _as_httpx_errors(request: httpx.Request) -> Iterator[None]:
    """Turn errors of httpcore into those of httpx."""
    try:
        yield
    except tuple(ours for ours, _ in _HTTPX_ERRORS) as exc:
        ours, theirs = next(pair for pair in _HTTPX_ERRORS if isinstance(exc, pair[0]))
        raise theirs(str(exc) or ours.__name__, request=request) from exc

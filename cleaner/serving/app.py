"""The routes of the prediction service, and a small page to try it.

========================  ===========================================================================
``GET /``                 the page
``GET /healthz``          ``{"status": "ok", "classes": […]}``
``POST /classify``        an image as the body, or as a file of a form
``GET /classify-url``     ``?url=`` of an image on the public internet
========================  ===========================================================================

The last two answer ``{"predictions": [[class, probability], …]}``, the most probable first. A model that can
give an image several classes adds ``"labels"``, those that are more probably there than not. With ``?heat=1``
there is also ``"heat"``, the image with what speaks for the first class in red, as a data URL. Errors are
``{"error": "a sentence"}``: 400 for a request that makes no sense, 413 too large, 415 no usable image, 422
nothing at the address, 503 too busy, 504 took too long.
"""

from __future__ import annotations

import base64
import io
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cleaner.collect.fetch import Fetcher, FetchError
from cleaner.collect.fetch import Limits as FetchLimits
from cleaner.errors import ImageError, ServingError
from cleaner.serving.inference import Answer, Predictor

_FORM_EXTRA_BYTES = 64 * 1024  # what a form adds around the file
_PAGE = {
    "/": ("page.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
}
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_RETRY_AFTER_S = 1

Endpoint = Callable[[Request], Awaitable[Response]]


def make_app(predictor: Predictor, *, allow_private: bool = False) -> Starlette:
    """Build the service.

    Parameters
    ----------
    predictor : Predictor
        Its limits are those of the service; it stays open when the service stops.
    allow_private : bool
        Let ``/classify-url`` fetch from private addresses, too. Anybody who can reach the service can then
        reach what this machine can reach.
    """
    limits = predictor.limits
    fetch_limits = FetchLimits(
        timeout_s=limits.timeout_s,
        max_bytes=limits.max_bytes,
        tries=1,
        connections=max(8, limits.workers),
        allow_private=allow_private,
    )

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with Fetcher(fetch_limits) as fetcher:
            app.state.fetcher = fetcher
            yield

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"status": "ok", "classes": predictor.classes})

    async def classify(request: Request) -> Response:
        return await _answered(predictor, request, await _uploaded(request, limits.max_bytes))

    async def classify_url(request: Request) -> Response:
        url = request.query_params.get("url", "").strip()
        if not url:
            msg = "Give the address of an image: /classify-url?url=https://…"
            raise HTTPException(400, msg)
        try:
            fetched = await request.app.state.fetcher.fetch(url)
        except FetchError as exc:
            code = 413 if exc.status == "too large" else 422
            raise HTTPException(code, f"Nothing could be fetched from this address: {exc}.") from exc
        return await _answered(predictor, request, fetched.data)

    return Starlette(
        routes=[
            *(Route(path, _static(*page)) for path, page in _PAGE.items()),
            Route("/healthz", healthz),
            Route("/classify", classify, methods=["POST"]),
            Route("/classify-url", classify_url),
        ],
        exception_handlers={HTTPException: _explained, ClientDisconnect: _gone},
        lifespan=lifespan,
    )


def _static(name: str, kind: str) -> Endpoint:
    content = files("cleaner.serving").joinpath("page", name).read_text(encoding="utf-8")

    async def show(_request: Request) -> Response:
        return Response(content, media_type=kind, headers=_HEADERS)

    return show


async def _answered(predictor: Predictor, request: Request, data: bytes) -> Response:
    wanted = request.query_params.get("heat", "") not in ("", "0", "false")
    try:
        answer = await predictor.predict(data, heat=wanted)
    except ImageError as exc:
        raise HTTPException(415, str(exc)) from exc
    except ServingError as exc:
        raise HTTPException(503, str(exc), headers={"Retry-After": str(_RETRY_AFTER_S)}) from exc
    except TimeoutError as exc:
        msg = f"There was no answer within {predictor.limits.timeout_s:g} s. Try again later."
        raise HTTPException(504, msg) from exc
    return JSONResponse(_as_json(answer), headers=_HEADERS)


def _as_json(answer: Answer) -> dict[str, Any]:
    said: dict[str, Any] = {"predictions": answer.predictions}
    if answer.labels is not None:
        said["labels"] = answer.labels
    if answer.heat is not None:
        file = io.BytesIO()
        answer.heat.save(file, "JPEG", quality=85)
        said["heat"] = f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"
    return said


async def _uploaded(request: Request, max_bytes: int) -> bytes:
    """Return the bytes of the image in a request: its first file, or else its body."""
    is_form = request.headers.get("Content-Type", "").lower().startswith("multipart/form-data")
    stream = _limited(request, max_bytes + (_FORM_EXTRA_BYTES if is_form else 0), max_bytes)
    if not is_form:
        data = b"".join([chunk async for chunk in stream])
    else:
        try:
            parts = await MultiPartParser(request.headers, stream, max_files=1, max_fields=20).parse()
        except MultiPartException as exc:
            raise HTTPException(400, f"This form cannot be read: {exc.message}") from exc
        upload = next((part for part in parts.values() if isinstance(part, UploadFile)), None)
        data = b"" if upload is None else await upload.read()
        await parts.close()
    if not data:
        msg = "There is no image in this request. Send one as the body, or as a file of a form."
        raise HTTPException(400, msg)
    return data


async def _limited(request: Request, most: int, max_bytes: int) -> AsyncGenerator[bytes, None]:
    """Yield the body of a request, but not more than is allowed."""
    taken = 0
    async for chunk in request.stream():
        taken += len(chunk)
        if taken > most:
            raise HTTPException(413, f"This image is larger than {max_bytes:,} bytes.")
        yield chunk


async def _explained(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = {**_HEADERS, **(error.headers or {})}
    return JSONResponse({"error": error.detail}, status_code=error.status_code, headers=headers)


async def _gone(_request: Request, _error: Exception) -> Response:
    return Response(status_code=400)  # nobody reads it

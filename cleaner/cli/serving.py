"""``cleaner serve``: a trained model behind HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cleaner.cli import options as o
from cleaner.cli.console import say

_MEGABYTE = 1024**2


def serve(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A model written by “train” or by the page.")
    ],
    *,
    port: Annotated[
        int | None,
        o.of_server(
            min=0,
            max=65535,
            help="Port to listen on; 0 takes any free port. Default: 8866, or the next free port.",
        ),
    ] = None,
    ip: Annotated[str, o.of_server(help="Address to listen on. Default: this machine only.")] = "127.0.0.1",
    workers: Annotated[
        int | None, o.of_server(min=1, max=256, help="Images at once. Default: as many as there are cores.")
    ] = None,
    max_megabytes: Annotated[float, o.of_server(min=0.01, help="Refuse larger files.")] = 20.0,
    timeout: Annotated[
        float, o.of_server(min=0.1, metavar="S", help="Seconds allowed for an answer.")
    ] = 20.0,
    allow_private: Annotated[
        bool,
        o.of_server(
            "--allow-private",
            help="Let /classify-url fetch from your own network, too. Only if you trust everybody who can "
            "reach the service.",
        ),
    ] = False,
) -> None:
    """Answer over HTTP which class an image has, and show a page to try it.

    POST /classify takes an image, GET /classify-url?url=… the address of one. The answer is JSON: all classes
    with their probabilities, the most probable first. Runs until you press Ctrl-C.
    """
    from dataclasses import replace

    from cleaner.serving.inference import Limits
    from cleaner.serving.server import serve as run

    limits = Limits(max_bytes=int(max_megabytes * _MEGABYTE), timeout_s=timeout)
    if workers is not None:
        limits = replace(limits, workers=workers)
    run(model, limits, ip=ip, port=port, allow_private=allow_private, say=say)

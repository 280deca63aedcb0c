"""Start the prediction service."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable
from pathlib import Path

from cleaner.dashboard.ports import choose_port
from cleaner.errors import ServingError
from cleaner.serving.inference import Limits, Predictor
from cleaner.training.network import Network

KEEP_ALIVE_S = 5
STOP_WITHIN_S = 10
_NEEDED = ("starlette", "uvicorn", "python_multipart")


def serve(
    model: Path, limits: Limits, *, ip: str, port: int | None, allow_private: bool, say: Callable[[str], None]
) -> None:
    """Answer requests until the process is interrupted.

    Parameters
    ----------
    model : Path
        A file that `cleaner train` or the page wrote.
    limits : Limits
    ip : str
        Address to listen on.
    port : int or None
        See `cleaner.dashboard.ports.choose_port`.
    allow_private : bool
        See `cleaner.serving.app.make_app`.
    say : callable
        Gets the address of the service.

    Raises
    ------
    CheckpointError
        The file is no saved model.
    DashboardError
        No port is free.
    ServingError
        The packages of the extra ``serve`` are missing.
    """
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        msg = "The prediction service needs more packages. Install them with: pip install 'cleaner[serve]'"
        raise ServingError(msg)
    import uvicorn

    from cleaner.serving.app import make_app

    # It warns of every broken form, which the client is told already: anybody could fill the log.
    logging.getLogger("python_multipart").setLevel(logging.ERROR)
    chosen = choose_port(ip, port)
    with Predictor(Network.load(model, device="cpu"), limits) as predictor:
        app = make_app(predictor, allow_private=allow_private)
        host = f"[{ip}]" if ":" in ip else ip
        config = uvicorn.Config(
            app,
            host=ip,
            port=chosen,
            log_level="warning",
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=STOP_WITHIN_S,
            server_header=False,
        )
        listening = config.bind_socket()
        listening.listen(config.backlog)  # from here on nobody is turned away while the service starts
        say(f"Serving {model.name} ({len(predictor.classes)} classes) at http://{host}:{chosen}/")
        uvicorn.Server(config).run(sockets=[listening])

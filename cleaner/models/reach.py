"""Whether pretrained weights can be had at all, found out without loading torch."""

import logging
import os
import socket
import threading
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from cleaner.advice import Advice
from cleaner.errors import WeightsUnavailableError
from cleaner.models.packaged import BUILT_IN, PACKAGED, packaged_file

logger = logging.getLogger(__name__)

BEST = "best"
"""Instead of a network's name: the strongest one whose weights can be had."""

WAYS_OUT = (
    "Give a weights file (--weights FILE), or name no network: the built-in one needs no download.",
    "The built-in network needs no download. To use a weights file, start cleaner with --weights FILE.",
)
"""What to do without weights, on the command line and on the page."""
REACH_TIMEOUT_S = 0.8
_TORCHVISION_HOST = "download.pytorch.org"


def host_reachable(host: str) -> bool:
    """Tell within `REACH_TIMEOUT_S` whether ``host`` (or the proxy that leads to it) takes connections.

    The look-up runs in a daemon thread because a resolver without a network may block for a minute.
    """
    proxy = urllib.request.getproxies().get("https")
    where = (host, 443)
    if proxy and not urllib.request.proxy_bypass(host):
        parts = urlsplit(proxy if "//" in proxy else f"//{proxy}")
        where = (parts.hostname or host, parts.port or 443)
    answered = threading.Event()

    def connect() -> None:
        try:
            socket.create_connection(where, timeout=REACH_TIMEOUT_S).close()
        except OSError as exc:
            logger.debug("%s does not answer: %s", where[0], exc)
        else:
            answered.set()

    thread = threading.Thread(target=connect, name="cleaner-reach", daemon=True)
    thread.start()
    thread.join(REACH_TIMEOUT_S)
    return answered.is_set()


def require_weights(backbone: str | None, *, weights: Path | None, from_scratch: bool) -> None:
    """Refuse within a second what would fail only after torch has been loaded: no file and no network.

    Networks of timm are left to `cleaner.models.backbones.load_backbone`, which knows where timm keeps files.

    Raises
    ------
    WeightsUnavailableError
        If weights are needed that are neither installed nor in torchvision's cache, and cannot be fetched.
    """
    if weights is not None or from_scratch:
        return
    name = BUILT_IN if backbone is None or backbone == BEST else backbone
    if name in PACKAGED:
        packaged_file(name)
        return
    if name.startswith(("timm/", "scratch")):
        return
    home = os.environ.get("TORCH_HOME", f"{os.environ.get('XDG_CACHE_HOME', '~/.cache')}/torch")
    cache = Path(home).expanduser() / "hub" / "checkpoints"  # where torch.hub keeps weights
    if any(cache.glob(f"{name}*")) or host_reachable(_TORCHVISION_HOST):
        return
    msg = Advice(
        f"Pretrained weights of {name} are not on this machine and {_TORCHVISION_HOST} cannot be reached.",
        *WAYS_OUT,
    )
    raise WeightsUnavailableError(msg)

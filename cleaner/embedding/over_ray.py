"""Embedding mapped over the machines of a Ray cluster, by Ray Data: one worker an actor.

Ray starts another actor for one that died, and gives it its portions.
"""

from __future__ import annotations

import copy
import json
import logging
import math
import pickle
import socket
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import ray
import ray.data
import torch
from numpy.typing import NDArray

from cleaner.embedding.mapping import PORTION, Portion, Work, Worker
from cleaner.errors import EmbeddingError
from cleaner.models.backbones import Backbone, best_device

_FEWEST = 16  # files in a portion of a small set, which is to be divided among all workers
_PORTIONS_EACH = 8
_CPUS_EACH = 4  # of a worker; they share one copy of the network
_STORE_BYTES = 300 * 2**20  # what a portion gives takes about one megabyte
_ANSWER_S = 10.0


class _Actor:
    """A worker as Ray Data runs it; rows come and go one at a time."""

    def __init__(self, work: Any, cpus: int) -> None:
        torch.set_num_threads(cpus)
        known: Work = ray.get(work)
        self._worker = Worker(replace(known, backbone=replace(known.backbone, device=best_device())))

    def __call__(self, rows: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        found = [pickle.dumps(self._worker(json.loads(names))) for names in rows["names"]]
        return {"found": np.array(found, dtype=object)}


class OverRay:
    """An engine that computes on a Ray cluster.

    Parameters
    ----------
    address : str, optional
        Of a running cluster: "auto" on one of its machines, or HOST:PORT. Default: Ray is started on this
        machine, and stopped again.
    workers : int, optional
        How many; default: as many as the cluster has room for now, one for each GPU or four processors.

    Raises
    ------
    EmbeddingError
        Nobody answers at the address.
    """

    def __init__(self, address: str | None = None, workers: int | None = None) -> None:
        self._address = address
        self._workers = workers
        if address is not None and address != "auto":
            _check(address)
        for name in ("ray", "ray.data"):
            logging.getLogger(name).setLevel(logging.ERROR)

    def __call__(self, work: Work, names: Sequence[str]) -> Generator[Portion]:
        """Map over the cluster.

        Raises
        ------
        EmbeddingError
            There is no cluster at the address, or Ray gives up.
        """
        try:
            with self._connected():
                options, most = _room()
                workers = self._workers or most
                here = replace(work, backbone=_on_cpu(work.backbone), images=math.ceil(len(names) / workers))
                size = min(PORTION, max(_FEWEST, math.ceil(len(names) / (workers * _PORTIONS_EACH))))
                starts = range(0, len(names), size)
                rows = [{"names": json.dumps(names[start : start + size])} for start in starts]
                ray.data.DataContext.get_current().enable_progress_bars = False
                logging.getLogger("ray.data").setLevel(logging.ERROR)
                found = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
                    _Actor,
                    fn_constructor_args=(ray.put(here), options["num_cpus"]),
                    batch_size=1,
                    compute=ray.data.ActorPoolStrategy(size=workers),
                    **options,
                )
                for row in found.iter_rows():
                    yield pickle.loads(row["found"])
        except (ray.exceptions.RayError, OSError) as exc:
            raise EmbeddingError(_told(exc)) from exc

    @contextmanager
    def _connected(self) -> Iterator[None]:
        """Connect to the cluster, or start one on this machine; a connection that was there stays."""
        if ray.is_initialized():
            yield
            return
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
        if self._address is None:
            quiet |= {"include_dashboard": False, "object_store_memory": _STORE_BYTES}
        try:
            ray.init(self._address or "local", **quiet)
        except Exception as exc:  # it raises many kinds, bare ones too
            raise EmbeddingError(
                f"Ray does not start here: {exc}. Try again when the machine has less to do."
                if self._address is None
                else f"Cannot join the Ray cluster at {self._address}: {exc}."
            ) from exc
        try:
            yield
        finally:
            ray.shutdown()


def _check(address: str) -> None:
    """Raise `EmbeddingError` within seconds where Ray would try for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in host:
        raise EmbeddingError(f"Got {address!r} as the address of a Ray cluster; expected auto, or HOST:PORT.")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _ANSWER_S).close()
    except (OSError, OverflowError) as exc:
        raise EmbeddingError(
            f"No Ray cluster answers at {address} ({exc}). Start one with “ray start --head”, and give the "
            "address that it prints."
        ) from exc


def _room() -> tuple[dict[str, Any], int]:
    """Return what a worker is to get of a machine, and for how many workers the cluster has room."""
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    with_gpu = [machine for machine in machines if machine.get("GPU", 0) >= 1]
    if with_gpu:
        cpus = min(math.floor(machine.get("CPU", 0) / machine["GPU"]) for machine in with_gpu)
        return {"num_cpus": max(1, cpus), "num_gpus": 1}, sum(int(machine["GPU"]) for machine in with_gpu)
    able = [int(machine["CPU"]) for machine in machines if machine.get("CPU", 0) >= 1]
    if not able:
        raise EmbeddingError("No machine of the Ray cluster has a processor to give.")
    cpus = min(_CPUS_EACH, *able)
    return {"num_cpus": cpus}, sum(each // cpus for each in able)


def _on_cpu(backbone: Backbone) -> Backbone:
    """Return a backbone that any machine can unpack."""
    return replace(backbone, module=copy.deepcopy(backbone.module).cpu(), device=torch.device("cpu"))


def _told(exc: Exception) -> str:
    """Say why Ray gave up: in its last line, as the others are a traceback."""
    lines = [line.strip() for line in str(exc).splitlines() if line.strip()]
    return (
        f"Ray could not go on: {lines[-1] if lines else type(exc).__name__}. What was computed is kept. "
        "Check that the cluster is running, and that each machine has cleaner in this version."
    )

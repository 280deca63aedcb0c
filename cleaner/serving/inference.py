"""Predictions in a bounded pool of threads: as many at once as there are cores, and a short queue."""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from cleaner.errors import ImageError, ServingError
from cleaner.images.open import open_image, probe
from cleaner.interpret.heat_map import blend, class_maps
from cleaner.models.backbones import Backbone
from cleaner.models.inference import Encoder
from cleaner.training.network import Network

SHOWN_SIDE_PX = 480


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What the service takes on.

    Attributes
    ----------
    max_bytes : int
        Of one image.
    max_pixels : int
        Of one image, by its header; checked before it is decoded.
    timeout_s : float
        Until an answer, waiting included.
    workers : int
        Images worked on at once, each on one core. By default as many as there are cores.
    waiting : int
        Images that may wait for a worker; further ones are refused at once.
    """

    max_bytes: int = 20 * 1024**2
    max_pixels: int = 50_000_000
    timeout_s: float = 20.0
    workers: int = os.cpu_count() or 1
    waiting: int = 64


@dataclass(frozen=True)
class Answer:
    """What the model says of one image.

    Attributes
    ----------
    predictions : list of (str, float)
        Every class with its probability, the most probable first.
    labels : list of str or None
        Those classes that are more probably there than not, in the same order, if the model can give an image
        several; None if it gives each image one.
    heat : Image or None
        The image, at most 480 pixels wide and high, with what speaks for the first class in red.
    """

    predictions: list[tuple[str, float]]
    labels: list[str] | None
    heat: Image.Image | None = None


class Predictor:
    """A network that several threads ask; a context manager.

    Parameters
    ----------
    network : Network
        On the CPU: one image takes some milliseconds there, and machines without a GPU are cheap.
    limits : Limits
    """

    def __init__(self, network: Network, limits: Limits) -> None:
        model = network.runner.model.eval().requires_grad_(False)
        self.classes = network.classes
        self._outputs = network.outputs
        self.limits = limits
        self._preprocess = network.runner.preprocess
        self._model = model
        body = Backbone(
            model.body,
            network.backbone,
            model.feature_dim,
            "",
            self._preprocess,
            network.pretrained,
            network.runner.device,
        )
        self._encoder = Encoder(body)
        self._places = threading.Semaphore(limits.workers + limits.waiting)
        self._threads_before = torch.get_num_threads()
        torch.set_num_threads(1)  # one core an image: threads of torch would only wait for each other
        self._pool = ThreadPoolExecutor(
            limits.workers, "prediction", initializer=torch.set_num_threads, initargs=(1,)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._pool.shutdown(cancel_futures=True)
        torch.set_num_threads(self._threads_before)

    async def predict(self, data: bytes, *, heat: bool = False) -> Answer:
        """Return what the model says of the image in a file's bytes.

        Raises
        ------
        ImageError
            It is no image, is damaged, or is larger than the limits.
        ServingError
            Too many images wait already.
        TimeoutError
            It took longer than the limit; the worker is free again when it has finished.
        """
        if not self._places.acquire(blocking=False):
            msg = "Too many images are waiting. Try again in a moment."
            raise ServingError(msg)
        work = self._pool.submit(self.answer, data, heat=heat)
        work.add_done_callback(lambda _: self._places.release())
        async with asyncio.timeout(self.limits.timeout_s):
            return await asyncio.wrap_future(work)

    def answer(self, data: bytes, *, heat: bool = False) -> Answer:
        """Return what `predict` does, in the calling thread."""
        found = probe(data)
        if found.problem:
            raise ImageError(f"This file cannot be used ({found.problem}).")
        width_px, height_px = found.width_px or 0, found.height_px or 0
        if width_px * height_px > self.limits.max_pixels:
            most = self.limits.max_pixels / 1e6
            raise ImageError(
                f"This image has {width_px:,} × {height_px:,} pixels; at most {most:g} million are allowed."
            )
        try:
            picture = self._preprocess.read(data)[None].copy()  # torch wants memory that it may write to
            probabilities = self._probabilities(picture)
            order = np.argsort(-probabilities, kind="stable")
            ranked = [(self.classes[i], float(probabilities[i])) for i in order]
            several = self._outputs.sets is not None
            labels = [label for label, share in ranked if share > 0.5] if several else None
            return Answer(ranked, labels, self._heat(data, picture, int(order[0])) if heat else None)
        except ImageError as exc:
            raise ImageError(f"This file cannot be used ({exc}).") from exc

    @torch.inference_mode()
    def _probabilities(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        features = torch.from_numpy(self._encoder(picture))
        shares: NDArray[np.float32] = self._outputs.probabilities(self._model.head(features))[0].numpy()
        return shares

    def _heat(self, data: bytes, picture: NDArray[np.uint8], label: int) -> Image.Image:
        batch = self._preprocess.normalise(torch.from_numpy(picture))
        maps = class_maps(self._model, batch)
        return blend(open_image(data, max_side_px=SHOWN_SIDE_PX), maps[0, label])

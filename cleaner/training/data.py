"""Images for training: read once, kept small in memory, augmented, batched."""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from cleaner.dataset.catalog import Catalog
from cleaner.errors import ImageError, TrainingError
from cleaner.models.backbones import Preprocess
from cleaner.training.outputs import Outputs, outputs_for
from cleaner.util.progress import SILENT, Reporter, Stage
from cleaner.util.wording import listed

logger = logging.getLogger(__name__)

T = TypeVar("T")

Batch = tuple[Tensor, NDArray[np.intp]]
"""Images, uint8, shape (n, size_px, size_px, 3), and their indices, shape (n,)."""

MAX_CACHE_BYTES = 3 * 2**29  # ten thousand images of 224 pixels
MAX_READERS = 8
_GREY = (124.0, 116.0, 104.0)  # the mean of natural images: what turning and warping uncover


class Pictures:
    """Images made ready for a network, kept in memory as far as they fit.

    Parameters
    ----------
    paths : sequence of Path
    preprocess : Preprocess
        The same as for embeddings and predictions.
    max_cache_bytes : int
        Images beyond this are read from the disk each time.
    problems : dict, optional
        Shared with the same images at another size.

    Attributes
    ----------
    problems : dict of int to str
        Index → reason, for the images that turned out to be unreadable.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        preprocess: Preprocess,
        *,
        max_cache_bytes: int = MAX_CACHE_BYTES,
        problems: dict[int, str] | None = None,
    ) -> None:
        self.paths = list(paths)
        self.preprocess = preprocess
        self.problems: dict[int, str] = {} if problems is None else problems
        self._kept: dict[int, NDArray[np.uint8]] = {}
        self._max_kept = max_cache_bytes // (3 * preprocess.size_px**2)

    def warm(self, indices: Iterable[int], *, reporter: Reporter = SILENT) -> None:
        """Read what fits into memory, with several threads; finds unreadable files before training starts."""
        todo = [int(i) for i in indices if int(i) not in self._kept and int(i) not in self.problems]
        todo = todo[: max(self._max_kept - len(self._kept), 0)]
        with ThreadPoolExecutor(min(MAX_READERS, os.cpu_count() or 1), "cleaner-read") as readers:
            try:
                for done, _ in enumerate(readers.map(self.read, todo), start=1):
                    reporter(Stage.READ, done, len(todo))
                    reporter.check()
            except BaseException:
                readers.shutdown(cancel_futures=True)
                raise

    def read(self, index: int) -> NDArray[np.uint8] | None:
        """Return one image, uint8 ``(size_px, size_px, 3)``; None if it is unreadable (see `problems`)."""
        found = self._kept.get(index)
        if found is not None or index in self.problems:
            return found
        try:
            picture = self.preprocess.read(self.paths[index])
        except ImageError as exc:
            self.problems[index] = str(exc)
            logger.warning("%s is left out: %s", self.paths[index], exc)
            return None
        if len(self._kept) < self._max_kept:
            self._kept[index] = picture
        return picture

    def resized(self, size_px: int) -> Pictures:
        """Return the same images at another size; what is unreadable at one size is so at all."""
        return Pictures(self.paths, replace(self.preprocess, size_px=size_px), problems=self.problems)

    def batches(self, indices: Sequence[int] | NDArray[np.intp], batch_size: int) -> Generator[Batch]:
        """Yield the images at ``indices`` in that order; unreadable ones are missing from their batches."""
        for start in range(0, len(indices), batch_size):
            chosen = [int(i) for i in indices[start : start + batch_size]]
            read = [(i, picture) for i in chosen if (picture := self.read(i)) is not None]
            if read:
                yield (
                    torch.from_numpy(np.stack([picture for _, picture in read])),
                    np.array([i for i, _ in read], dtype=np.intp),
                )


class LabelledPictures:
    """The images of a catalog with their labels as numbers.

    Parameters
    ----------
    catalog : Catalog
    outputs : Outputs
        Those of the network.
    preprocess : Preprocess

    Attributes
    ----------
    targets : ndarray
        Label of every image of the catalog; see `cleaner.training.outputs.Outputs.targets`.
    labelled : ndarray, bool, shape (n,)
    names, splits, labels : ndarray of object, shape (n,)

    Raises
    ------
    TrainingError
        The catalog has labels that are not among the classes, or images with several labels where the network
        knows one for each, or the other way round.
    """

    def __init__(self, catalog: Catalog, outputs: Outputs, preprocess: Preprocess) -> None:
        advice = "make a new Learner for this catalog, with the model as its backbone."
        if (outputs.sets is None) != (catalog.label_sets is None):
            kinds = ("several labels", "exactly one label")
            knows, needs = kinds if catalog.label_sets is None else reversed(kinds)
            msg = f"The model gives an image {knows}, but images of this catalog have {needs}; {advice}"
            raise TrainingError(msg)
        unknown = sorted(set(catalog.classes) - set(outputs.classes))
        if unknown:
            known = ", ".join(map(repr, outputs.classes))
            msg = f"The model does not know the label {unknown[0]!r} (it has {known}); {advice}"
            raise TrainingError(msg)
        self.names, self.splits, self.labels = catalog.names, catalog.splits, catalog.labels
        self.targets = outputs_for(outputs.classes, catalog.label_sets).targets(catalog.labels.tolist())
        self.labelled = np.array([label is not None for label in catalog.labels], dtype=bool)
        self.pictures = Pictures([catalog.path(str(name)) for name in catalog.names], preprocess)
        self._other: Pictures | None = None

    @property
    def problems(self) -> dict[str, str]:
        """Name → reason, for the images that turned out to be unreadable."""
        return {str(self.names[i]): reason for i, reason in sorted(self.pictures.problems.items())}

    def pictures_of(self, size_px: int | None) -> Pictures:
        """Return the images at another size (None: their own), kept until they are asked for yet another."""
        if size_px is None or size_px == self.pictures.preprocess.size_px:
            return self.pictures
        if self._other is None or self._other.preprocess.size_px != size_px:
            self._other = self.pictures.resized(size_px)
        return self._other

    def first_problem(self) -> str:
        """Say what is wrong with one of the unreadable images."""
        name, reason = next(iter(self.problems.items()), ("", ""))
        return f"the first problem: {name}, {reason}" if name else "none of them is labelled"

    def indices(self, *splits: str) -> NDArray[np.intp]:
        """Return the rows in these splits that have a label and are readable as far as is known."""
        chosen = np.isin(self.splits.astype(str), splits) & self.labelled
        chosen[list(self.pictures.problems)] = False
        return np.flatnonzero(chosen)


def require_trainable(catalog: Catalog) -> None:
    """Raise `TrainingError` for a catalog without training or validation images, or with too few classes.

    Of images that can have several labels, one class is enough: some have it, the others do not.
    """
    if len(catalog.classes) < (2 if catalog.label_sets is None else 1):
        one = listed(catalog.classes)
        have = f"All images with a label have the label “{one}”" if one else "No image has a label"
        msg = f"{have}. Training needs two classes or more. Give more images a label."
        raise TrainingError(msg)
    labelled = np.array([label is not None for label in catalog.labels])
    for split, least in (("train", 2), ("valid", 1)):
        n = int(((catalog.splits == split) & labelled).sum())
        if n < least:
            msg = (
                f"Got {n} labelled images in the split {split!r}, expected {least} or more. Open the images "
                "as a Workspace, which draws a split, or add a column split."
            )
            raise TrainingError(msg)


class Augment:
    """Random changes that leave the class as it is, in the magnitudes of the lesson.

    Mirror left to right (half of the images, never upside down), turn ±10° and zoom 1 to 1.1, warp ±.2,
    brightness and contrast ±.2; all but the mirror with probability .75. All that moves pixels is one
    projective map an image, so that each is sampled once.

    Parameters
    ----------
    mirror : bool
        False for classes that a mirror changes: digits, letters, left and right.
    """

    def __init__(self, *, mirror: bool = True) -> None:
        self.mirror = mirror

    def __call__(self, pictures: Tensor) -> Tensor:
        """Change each image of a uint8 batch ``(n, height, width, 3)`` in its own way, on its device.

        What changes is drawn on the CPU: equal seeds give equal changes on every device.
        """
        n_pictures, height, width, _ = pictures.shape
        where = _grid(self._maps(n_pictures), height, width).to(pictures.device)
        grey = torch.tensor(_GREY, device=pictures.device).view(1, 3, 1, 1)
        moved = functional.grid_sample(
            pictures.permute(0, 3, 1, 2).float() - grey, where, mode="bilinear", align_corners=False
        )
        light, contrast = (_some(1 + _between(-0.2, 0.2, n_pictures), 1.0) for _ in range(2))
        shown = (moved + grey) * light.to(pictures.device).view(-1, 1, 1, 1)
        mean = shown.mean(dim=(1, 2, 3), keepdim=True)
        shown = mean + (shown - mean) * contrast.to(pictures.device).view(-1, 1, 1, 1)
        return shown.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)

    def _maps(self, n_pictures: int) -> Tensor:
        """Draw projective maps from a changed image to the original, both from −1 to 1; shape (n, 3, 3)."""
        angle = torch.deg2rad(_some(_between(-10, 10, n_pictures), 0.0))
        scale = 1 / _some(_between(1, 1.1, n_pictures), 1.0)
        maps = torch.zeros(n_pictures, 3, 3)
        maps[:, 0, 0] = maps[:, 1, 1] = angle.cos() * scale
        maps[:, 0, 1] = -angle.sin() * scale
        maps[:, 1, 0] = angle.sin() * scale
        maps[:, 2, 2] = 1
        if self.mirror:
            maps[:, 0] *= torch.where(torch.rand(n_pictures) < 0.5, -1.0, 1.0)[:, None]
        return maps @ _warps(n_pictures)


def _between(low: float, high: float, n: int) -> Tensor:
    return low + (high - low) * torch.rand(n)


def _some(changes: Tensor, unchanged: float) -> Tensor:
    """Keep three quarters of the changes."""
    return torch.where(torch.rand(len(changes)) < 0.75, changes, unchanged)


def _warps(n_pictures: int) -> Tensor:
    """Draw projective maps that bring corners, moved inwards by up to a fifth of half a side, back out.

    Returns
    -------
    Tensor, float32, shape (n, 3, 3)
        Each solves, for its four pairs of corners, the eight equations of a projective map whose last
        number is 1.
    """
    corners = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    inwards = torch.rand(n_pictures, 4, 2) * 0.2 * (torch.rand(n_pictures) < 0.75)[:, None, None]
    x, y = (corners * (1 - inwards)).unbind(-1)
    u, v = corners.expand(n_pictures, 4, 2).unbind(-1)
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    for_u = torch.stack([x, y, one, zero, zero, zero, -u * x, -u * y], dim=-1)
    for_v = torch.stack([zero, zero, zero, x, y, one, -v * x, -v * y], dim=-1)
    solved = torch.linalg.solve(torch.cat([for_u, for_v], dim=1), torch.cat([u, v], dim=1))
    return torch.cat([solved, torch.ones(n_pictures, 1)], dim=1).view(n_pictures, 3, 3)


def _grid(maps: Tensor, height: int, width: int) -> Tensor:
    """Return where each pixel of a changed image lies in the original, for `grid_sample`."""
    x = (torch.arange(width) + 0.5) * 2 / width - 1
    y = (torch.arange(height) + 0.5) * 2 / height - 1
    places = torch.stack([*torch.meshgrid(x, y, indexing="xy"), torch.ones(height, width)], dim=-1)
    mapped = torch.einsum("nij,hwj->nhwi", maps, places)
    return mapped[..., :2] / mapped[..., 2:]


def prefetch(items: Callable[[], Iterable[T]]) -> Generator[T]:
    """Yield what ``items()`` yields, made up to three ahead in a thread; its errors come out here.

    A thread, not processes: a notebook's kernel must not fork.
    """
    ready: queue.Queue[tuple[T | None, BaseException | None, bool]] = queue.Queue(3)
    stop = threading.Event()

    def put(entry: tuple[T | None, BaseException | None, bool]) -> bool:
        while not stop.is_set():
            try:
                ready.put(entry, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            for item in items():
                if not put((item, None, False)):
                    return
        except BaseException as exc:  # handed over, not swallowed
            put((None, exc, True))
        else:
            put((None, None, True))

    thread = threading.Thread(target=work, name="cleaner-prefetch", daemon=True)
    thread.start()
    try:
        while True:
            item, error, last = ready.get()
            if error is not None:
                raise error
            if last:
                return
            yield item  # type: ignore[misc] # only the last entry has no item
    finally:
        stop.set()
        thread.join()

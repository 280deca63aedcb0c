"""A model on its device: one image format, one way to compute logits, in training and outside it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cleaner.models.backbones import Preprocess
from cleaner.models.heads import Classifier
from cleaner.models.inference import fast_bfloat16
from cleaner.training.data import Augment, Batch, Pictures, prefetch
from cleaner.training.recipe import Precision
from cleaner.util.progress import SILENT, Reporter, Stage

EVAL_BATCH = 32


def best_dtype(device: torch.device) -> torch.dtype:
    """Return what a network computes in on a device, unless told: fast, and good enough to train in."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    return torch.bfloat16 if device.type == "cpu" and fast_bfloat16() else torch.float32


class Runner:
    """A model on its device, fed with uint8 images; in a small type where the hardware is fast at it.

    Parameters
    ----------
    model : Classifier
    preprocess : Preprocess
    device : torch.device
    """

    def __init__(self, model: Classifier, preprocess: Preprocess, device: torch.device) -> None:
        self.model = model.to(device).to(memory_format=torch.channels_last)
        self.preprocess = preprocess
        self.device = device
        self.dtype = best_dtype(device)

    def use(self, precision: Precision) -> None:
        """Choose what the network computes in; see `cleaner.training.recipe.Recipe`."""
        self.dtype = best_dtype(self.device) if precision == "auto" else getattr(torch, precision)

    def autocast(self) -> torch.autocast:
        """Return the context in which the network computes in its precision."""
        low = self.dtype != torch.float32
        return torch.autocast(self.device.type, self.dtype if low else torch.bfloat16, enabled=low)

    def logits(self, pictures: Tensor, *, model: nn.Module | None = None) -> Tensor:
        """Return float32 logits ``(n, n_classes)`` on the device, for uint8 ``(n, size_px, size_px, 3)``.

        ``model`` is what to compute them with, if it is not the bare model.
        """
        batch = self.preprocess.normalise(pictures.to(self.device))
        with self.autocast():
            logits: Tensor = (model or self.model)(batch)
        return logits.float()

    @torch.no_grad()
    def features(
        self, pictures: Pictures, indices: NDArray[np.intp], *, reporter: Reporter = SILENT
    ) -> tuple[Tensor, NDArray[np.intp]]:
        """Return the body's float32 features ``(n, feature_dim)`` on the device, and whose they are."""
        self.model.eval()
        found: list[Tensor] = []
        rows: list[NDArray[np.intp]] = []
        with contextlib.closing(self._ahead(lambda: pictures.batches(indices, EVAL_BATCH))) as batches:
            for batch, kept in batches:
                reporter.check()
                ready = self.preprocess.normalise(batch.to(self.device))
                with self.autocast():
                    found.append(self.model.body(ready).float())
                rows.append(kept)
                reporter(Stage.FEATURES, sum(map(len, rows)), len(indices))
        return torch.cat(found), np.concatenate(rows)

    @torch.inference_mode()
    def all_logits(
        self,
        pictures: Pictures,
        indices: Sequence[int] | NDArray[np.intp],
        *,
        reporter: Reporter = SILENT,
        stage: str = "",
    ) -> NDArray[np.float32]:
        """Return the logits of many images in eval mode, without augmentation.

        Returns
        -------
        ndarray, float32, shape (len(indices), n_classes)
            Rows of unreadable images are NaN.
        """
        self.model.eval()
        found = np.full((len(indices), self.model.n_classes), np.nan, dtype=np.float32)
        place = {int(index): row for row, index in enumerate(indices)}
        done = 0
        with contextlib.closing(self._ahead(lambda: pictures.batches(indices, EVAL_BATCH))) as batches:
            for batch, kept in batches:
                reporter.check()
                rows = [place[int(index)] for index in kept]
                found[rows] = self.logits(batch).cpu().numpy()
                done += len(kept)
                if stage:
                    reporter(stage, done, len(indices))
        return found

    def training_batches(
        self, pictures: Pictures, order: NDArray[np.intp], batch_size: int, augment: Augment
    ) -> Generator[Batch]:
        """Yield augmented batches, on the device."""
        with contextlib.closing(self._ahead(lambda: pictures.batches(order, batch_size))) as batches:
            for batch, kept in batches:
                if len(kept) > 1:  # batch-norm needs two
                    yield augment(batch.to(self.device)), kept

    def _ahead(self, make: Callable[[], Generator[Batch]]) -> Generator[Batch]:
        """Let a thread make batches ahead for a GPU; on a CPU the cores are busy anyway."""
        return make() if self.device.type == "cpu" else prefetch(make)

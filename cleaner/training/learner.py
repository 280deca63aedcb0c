"""The learner: a network, the pictures of a catalog, and how the one is trained on the others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from cleaner.errors import BackboneError
from cleaner.models.backbones import Backbone, load_backbone
from cleaner.models.scratch import SCRATCH
from cleaner.training.data import LabelledPictures, require_trainable
from cleaner.training.fitting import find_lr, fit
from cleaner.training.history import History
from cleaner.training.loop import Phase, seeded
from cleaner.training.lr_finder import LrSweep
from cleaner.training.network import Network
from cleaner.training.results import Results
from cleaner.training.schedules import LearningRate
from cleaner.util.progress import SILENT, Reporter

if TYPE_CHECKING:
    from cleaner.dataset.catalog import Catalog

__all__ = ["Learner"]

CPU_BATCH = 16  # measured a fifth faster than 32, and small sets get more steps
GPU_BATCH = 64
WEIGHT_DECAY = 0.01


class Learner(Results):
    """A network that learns the classes of a catalog.

    Parameters
    ----------
    catalog : Catalog
        With splits; images without a label are left out.
    backbone : str, Path or Backbone, optional
        A torchvision network, ``timm/NAME``, "scratch", or a file that `save` wrote, whose body is taken over
        (and its head, if the classes are the same). See `cleaner.models.backbones.load_backbone`.
    weights : Path, optional
        Pretrained weights.
    from_scratch : bool
        Start from random weights.
    size_px : int, optional
        Side of the network's input; by default the size that its weights were made for. A saved model keeps
        its own.
    batch_size : int, optional
        By default 16 on a CPU and 64 on a GPU.
    mirror : bool, optional
        Mirror half of the training pictures left to right. False for digits, letters and the like; by default
        True, but False for the "scratch" backbone, whose features know left from right.
    seed : int
        Equal seeds give equal models on a CPU.
    device : str or torch.device, optional

    Attributes
    ----------
    network : Network
        The model with its classes and preprocessing.
    history : History
    frozen : bool
        Whether the next `fit_one_cycle` trains the head only; True at first if the backbone is pretrained.

    Raises
    ------
    TrainingError
        No training or validation images, or fewer than two classes.
    BackboneError
        The backbone cannot be loaded.
    """

    def __init__(
        self,
        catalog: Catalog,
        *,
        backbone: str | Path | Backbone | None = None,
        weights: Path | None = None,
        from_scratch: bool = False,
        size_px: int | None = None,
        batch_size: int | None = None,
        mirror: bool | None = None,
        seed: int = 0,
        device: str | torch.device | None = None,
    ) -> None:
        require_trainable(catalog)
        saved = isinstance(backbone, Path) or str(backbone).endswith(".safetensors")
        if (saved or isinstance(backbone, Backbone)) and (weights is not None or from_scratch):
            msg = "Got a backbone that has its weights, and weights or from_scratch too; leave these out."
            raise BackboneError(msg)
        with seeded(seed):
            if saved:
                network = Network.load(Path(str(backbone)), device=device).with_classes(catalog.classes)
            else:
                if not isinstance(backbone, Backbone):
                    name = None if backbone is None else str(backbone)
                    backbone = load_backbone(name, weights=weights, from_scratch=from_scratch, device=device)
                network = Network.build(backbone.resized(size_px), catalog.classes)
        self._begin(network, catalog, batch_size=batch_size, mirror=mirror, seed=seed)

    def _begin(
        self,
        network: Network,
        catalog: Catalog | None,
        *,
        batch_size: int | None,
        mirror: bool | None,
        seed: int,
    ) -> None:
        data = None
        if catalog is not None:
            data = LabelledPictures(catalog, network.classes, network.runner.preprocess)
        super().__init__(network, data)
        self.mirror = network.backbone != SCRATCH if mirror is None else mirror
        self.seed = seed
        self.batch_size = batch_size or (GPU_BATCH if network.runner.device.type == "cuda" else CPU_BATCH)
        self.frozen = network.pretrained

    def __repr__(self) -> str:
        return f"<Learner: {self.network.backbone}, {len(self.classes)} classes, {self.history!r}>"

    def freeze(self) -> None:
        """Let only the head learn."""
        self.frozen = True

    def unfreeze(self) -> None:
        """Let all layers learn."""
        self.frozen = False

    def fit_one_cycle(
        self,
        epochs: int,
        lr: LearningRate = 1e-3,
        *,
        pct_start: float = 0.25,
        div: float = 25.0,
        weight_decay: float = WEIGHT_DECAY,
        reporter: Reporter = SILENT,
    ) -> None:
        """Train for some epochs with one cycle of learning rate and momentum.

        Parameters
        ----------
        epochs : int
        lr : float or slice
            The highest rate. ``slice(low, high)``: from the first layers to the head; ``slice(high)``: a
            tenth of it below the head.
        pct_start : float
            Share of the run in which the rate rises.
        div : float
            The rate starts at ``lr / div``.
        weight_decay : float
            Decoupled; norms and biases have none.
        reporter : Reporter
            Hears of every batch. Asked to stop, it gives back the weights and the history from before.

        Raises
        ------
        TrainingError
            The loss is no number any more, or there are no readable images.
        Cancelled
            The reporter asked to stop.
        """
        phase = Phase(epochs, lr, self.frozen, pct_start, div, weight_decay, mirror=self.mirror)
        self._fit([phase], reporter)

    def fine_tune(
        self,
        epochs: int,
        base_lr: float = 2e-3,
        *,
        head_passes: int = 10,
        weight_decay: float = WEIGHT_DECAY,
        reporter: Reporter = SILENT,
    ) -> None:
        """Train the head, then all layers with rates that rise a hundredfold from the first ones to the head.

        The head learns on features that the body computes once; a network with random weights (other than
        "scratch") has none worth learning on, and begins with all layers at one rate.

        Parameters
        ----------
        epochs : int
            Passes over the images with all layers.
        base_lr : float
            Highest rate of the head alone; with all layers it has half of it.
        head_passes : int
            Passes of the head over the features.
        weight_decay, reporter
            See `fit_one_cycle`, which raises the same.
        """
        half = base_lr / 2
        if self.network.pretrained or self.network.backbone == SCRATCH:
            phases = [
                Phase(head_passes, base_lr, True, 0.25, 25.0, weight_decay, on_features=True),
                Phase(epochs, slice(half / 100, half), False, 0.3, 5.0, weight_decay, mirror=self.mirror),
            ]
        else:
            phases = [Phase(epochs, base_lr, False, 0.25, 25.0, weight_decay, mirror=self.mirror)]
        self._fit([phase for phase in phases if phase.epochs > 0], reporter)

    def lr_find(
        self,
        *,
        start_lr: float = 1e-7,
        end_lr: float = 10.0,
        n_steps: int = 100,
        reporter: Reporter = SILENT,
    ) -> LrSweep:
        """Try rates from very low to very high, a batch each, and suggest one; weights are put back.

        It takes as long as training on ``n_steps`` batches.

        Raises
        ------
        TrainingError
            The loss explodes before anything can be read off the curve.
        Cancelled
            The reporter asked to stop.
        """
        return find_lr(
            self.network,
            self.data,
            start_lr=start_lr,
            end_lr=end_lr,
            n_steps=n_steps,
            frozen=self.frozen,
            batch_size=self.batch_size,
            weight_decay=WEIGHT_DECAY,
            mirror=self.mirror,
            seed=self.seed,
            reporter=reporter,
        )

    def _fit(self, phases: Sequence[Phase], reporter: Reporter) -> None:
        measured = fit(
            self.network,
            self.data,
            phases,
            history=self.history,
            batch_size=self.batch_size,
            seed=self.seed,
            reporter=reporter,
        )
        self._evaluations = {"valid": measured}
        self.frozen = phases[-1].frozen

    @classmethod
    def load(
        cls,
        path: Path | str,
        catalog: Catalog | None = None,
        *,
        batch_size: int | None = None,
        mirror: bool | None = None,
        seed: int = 0,
        device: str | torch.device | None = None,
    ) -> Learner:
        """Read a model that `save` wrote; without a catalog it can predict, with one also train and evaluate.

        Raises
        ------
        CheckpointError
            The file is missing, damaged, or not a saved model.
        """
        learner = cls.__new__(cls)
        network = Network.load(Path(path), device=device)
        learner._begin(network, catalog, batch_size=batch_size, mirror=mirror, seed=seed)
        learner.frozen = False
        learner.history = History.from_dict(network.manifest.get("history", {}))
        return learner

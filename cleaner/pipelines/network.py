"""Which network the pipelines use."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cleaner.dataset.catalog import Catalog
from cleaner.models.reach import require_weights

if TYPE_CHECKING:
    from cleaner.models.backbones import Backbone
    from cleaner.training.learner import Learner


@dataclass(frozen=True, slots=True)
class NetworkOptions:
    """Names a backbone and its weights; see `cleaner.models.backbones.load_backbone`.

    Attributes
    ----------
    backbone : str or None
    weights : Path or None
    from_scratch : bool
    """

    backbone: str | None = None
    weights: Path | None = None
    from_scratch: bool = False

    @property
    def named(self) -> bool:
        """Whether anything was asked for; else the default backbone is meant."""
        return bool(self.backbone or self.weights or self.from_scratch)

    def require(self) -> None:
        """Raise `WeightsUnavailableError` within a second if the weights cannot be had; loads no torch."""
        require_weights(self.backbone, weights=self.weights, from_scratch=self.from_scratch)

    def load(self) -> Backbone:
        """Load the backbone."""
        from cleaner.models.backbones import load_backbone  # torch: 2 to 4 s

        return load_backbone(self.backbone, weights=self.weights, from_scratch=self.from_scratch)

    def learner(self, catalog: Catalog, *, seed: int) -> Learner:
        """Make a `Learner` on this backbone."""
        from cleaner.training.learner import Learner  # torch: 2 to 4 s

        return Learner(
            catalog, backbone=self.backbone, weights=self.weights, from_scratch=self.from_scratch, seed=seed
        )

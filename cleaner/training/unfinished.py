"""What an interrupted training needs to go on from its last epoch: a safetensors file, new every epoch."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from cleaner.errors import CheckpointError
from cleaner.models.checkpoint import load_checkpoint, save_checkpoint

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a training is, at the end of an epoch.

    Attributes
    ----------
    phase, epochs : int
        Number of the phase, from 0, and how many of its epochs are done.
    model, optimizer : dict of str to Tensor
    best : dict of str to Tensor
        Weights of the best epoch; empty unless the training can stop early.
    rest : mapping
        The other state of the phase; see `cleaner.training.loop.PhaseRun.state`.
    history : mapping
        `History.to_dict`.
    """

    phase: int
    epochs: int
    model: Mapping[str, Tensor]
    optimizer: Mapping[str, Tensor]
    best: Mapping[str, Tensor]
    rest: Mapping[str, Any]
    history: Mapping[str, Any]


class Unfinished:
    """The file of one training.

    Parameters
    ----------
    path : Path
    plan : mapping
        All that the outcome depends on: images, labels, settings, weights at the start. A file with another
        plan is of another training, and is written over.
    """

    def __init__(self, path: Path, plan: Mapping[str, Any]) -> None:
        self.path = path
        self._plan = json.loads(json.dumps(plan))

    def load(self) -> Standing | None:
        """Return where this training was interrupted; None if it was not."""
        if not self.path.is_file():
            return None
        try:
            tensors, manifest = load_checkpoint(self.path)
            if manifest["plan"] != self._plan:
                logger.info("%s is of another training, which is given up", self.path)
                return None
            parts: dict[str, dict[str, Tensor]] = {"model": {}, "optimizer": {}, "best": {}}
            for name, value in tensors.items():
                part, _, rest = name.partition(".")
                parts[part][rest] = value
            known: dict[str, Any] = {**manifest["standing"], **parts}
            return Standing(**known)
        except (CheckpointError, KeyError, TypeError) as exc:
            logger.warning("An interrupted training cannot go on, and begins anew: %s", exc)
            return None

    def save(self, standing: Standing) -> None:
        """Write where the training is; readers see the epoch before or this one.

        Raises
        ------
        CheckpointError
            The file cannot be written.
        """
        parts = {"model": standing.model, "optimizer": standing.optimizer, "best": standing.best}
        tensors = {f"{part}.{name}": value for part, kept in parts.items() for name, value in kept.items()}
        rest = {name: getattr(standing, name) for name in ("phase", "epochs", "rest", "history")}
        save_checkpoint(self.path, tensors, {"plan": self._plan, "standing": rest})

    def remove(self) -> None:
        """Forget it, because it is finished."""
        self.path.unlink(missing_ok=True)


def digest(parts: Iterable[object]) -> str:
    """Return a fingerprint of some values; of tensors, their numbers count."""
    found = hashlib.sha256()
    for part in parts:
        found.update(part.cpu().numpy().tobytes() if isinstance(part, Tensor) else repr(part).encode())
    return found.hexdigest()

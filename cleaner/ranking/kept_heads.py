"""The heads of a ranking, kept beside it: what shows where in an image they see a class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cleaner.ranking.features import FeatureMap, Floats
from cleaner.util.arrays import load_arrays, save_arrays

FILE = "heads.npz"
_FORMAT = 1


@dataclass(frozen=True)
class SeenHead:
    """The head that judges one image, on the features of one network.

    Attributes
    ----------
    key : str
        Fingerprint of the network; see `cleaner.models.backbones.Backbone.key`.
    features : FeatureMap
        From pooled features to the coordinates in which the head works.
    weight : float32, shape (features.dim, n_classes)
    offset : float32, shape (n_classes,)
    """

    key: str
    features: FeatureMap
    weight: Floats
    offset: Floats


@dataclass(frozen=True)
class KeptHeads:
    """Plain heads, fold by fold, of each network that looked at the images.

    They tell classes from each other or, where images can have several, each class from its absence.

    The logits of an image are the mean over its heads (of all networks, deals of folds and penalties) that
    have not seen it; so is their sum of contributions.

    Attributes
    ----------
    model : str
        `cleaner.ranking.result.Ranking.model` of what they made; a later one may stand beside them.
    names : list of str
    classes : list of str
        Columns of the weights.
    keys : list of str
        Fingerprint of each network.
    features : list of FeatureMap
        One a network.
    weights : list of float32 arrays, shape (deals, N_FOLDS, dim + 1, n_classes)
        One a network; the last row holds the offsets.
    judges : int8, shape (deals, n)
        The fold whose head may judge an image, in each deal; -1 = all of them.
    """

    model: str
    names: list[str]
    classes: list[str]
    keys: list[str]
    features: list[FeatureMap]
    weights: list[Floats]
    judges: NDArray[np.int8]

    @classmethod
    def of(
        cls,
        deals: Sequence[Sequence[Floats]],
        judges: Sequence[NDArray[np.int64]],
        features: Sequence[FeatureMap],
        *,
        keys: Sequence[str],
        names: Sequence[str],
        classes: Sequence[str],
        model: str,
    ) -> KeptHeads:
        """Keep fitted heads.

        ``deals`` has, for each deal of folds, the weights of each network, shape (N_FOLDS, dim + 1,
        n_classes); ``judges`` has the fold whose head may judge each image.
        """
        weights = [np.stack(by_network) for by_network in zip(*deals, strict=True)]
        judging = np.stack(judges).astype(np.int8)
        return cls(model, list(names), list(classes), list(keys), list(features), weights, judging)

    def of_image(self, name: str) -> list[SeenHead]:
        """Return the heads that judge an image, one a network.

        Raises
        ------
        KeyError
            The ranking does not know the image.
        """
        judges = self.judges[:, self._row[name]]
        found = []
        for key, features, weights in zip(self.keys, self.features, self.weights, strict=True):
            W = np.mean([_judging(deal, judge) for deal, judge in zip(weights, judges, strict=True)], axis=0)
            found.append(SeenHead(key, features, W[:-1], W[-1]))
        return found

    @cached_property
    def _row(self) -> dict[str, int]:
        return {name: row for row, name in enumerate(self.names)}

    def save(self, folder: Path) -> None:
        """Write them into the folder of their ranking."""
        head = {
            "format": _FORMAT,
            "model": self.model,
            "names": self.names,
            "classes": self.classes,
            "keys": self.keys,
            "roots": [each.root for each in self.features],
        }
        arrays: dict[str, NDArray[np.generic]] = {"judges": self.judges}
        for i, (features, weights) in enumerate(zip(self.features, self.weights, strict=True)):
            arrays |= {f"weights:{i}": weights, f"centre:{i}": features.centre}
            arrays |= {} if features.axes is None else {f"axes:{i}": features.axes}
        save_arrays(folder / FILE, head, arrays)

    @classmethod
    def load(cls, folder: Path) -> KeptHeads:
        """Read what `save` wrote.

        Raises
        ------
        RankingError
            There are none, or none that this version can read.
        """
        advice = "Rank the images again."
        head, arrays = load_arrays(folder / FILE, required=("judges",), format_number=_FORMAT, advice=advice)
        features = [
            FeatureMap(root, arrays[f"centre:{i}"], arrays.get(f"axes:{i}"))
            for i, root in enumerate(head["roots"])
        ]
        weights = [arrays[f"weights:{i}"] for i in range(len(features))]
        return cls(
            head["model"], head["names"], head["classes"], head["keys"], features, weights, arrays["judges"]
        )


def _judging(weights: Floats, judge: int) -> Floats:
    """Return the head of a fold; for -1 the mean of all."""
    chosen: Floats = weights.mean(axis=0) if judge < 0 else weights[judge]
    return chosen

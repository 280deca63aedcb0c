"""Heat maps of the images of a data set, by the heads of its ranking; and the process that makes them.

``python -m cleaner.pipelines.heat_maps`` reads JSON objects from its standard input, one a line. The first is
``{"workspace": …}`` (what `Workspace.options` gave). Each further one, ``{"path": …, "name": …, "model": …,
"classes": […]}``, is answered with a line: ``{"values": base64, "side": …, "estimated": …}``, or
``{"problem": "a sentence"}``. The process ends with its input.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import sys
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate

from cleaner.dataset.dataset import Dataset
from cleaner.errors import CleanerError, InterpretationError
from cleaner.interpret.heat_map import find_places, head_maps
from cleaner.models.backbones import Backbone
from cleaner.pipelines.network import NetworkOptions
from cleaner.ranking.kept_heads import FILE, KeptHeads, SeenHead

logger = logging.getLogger(__name__)

SIDE = 32
"""Rows and columns of a map; networks have 7 to 16."""

_REMEMBERED = 16  # images whose maps of all classes are kept: 0.4 MB each of 100 classes
_HIGHEST = 127


class HeatMap(NamedTuple):
    """How much each part of an image speaks for a class.

    Attributes
    ----------
    values : int8, shape (SIDE, SIDE)
        From -127 to 127 over the whole image, however wide it is: positive speaks for the class. 127 is the
        strongest part for any class, so that the maps of different classes of an image can be compared.
    estimated : bool
        Whether a network is a transformer, so that it is an estimate.
    """

    values: NDArray[np.int8]
    estimated: bool


class HeatMapper:
    """Makes heat maps by the heads of a data set's ranking that have not seen the image.

    Of several networks, the mean of their maps is taken, as the ranking takes that of their logits.

    Parameters
    ----------
    folder : Path
        Of the ranking.
    backbones : sequence of Backbone
        Those that it was made with.
    """

    def __init__(self, folder: Path, backbones: Sequence[Backbone]) -> None:
        self._folder = folder
        self._backbones = {backbone.key: backbone for backbone in backbones}
        self._heads: KeptHeads | None = None
        self._made: OrderedDict[tuple[str, str], tuple[NDArray[np.float32], bool]] = OrderedDict()

    def make(self, path: Path, name: str, model: str, classes: Sequence[str]) -> HeatMap:
        """Make the map of a class.

        Parameters
        ----------
        path : Path
            The image.
        name : str
            As the ranking calls it.
        model : str
            Of the ranking.
        classes : sequence of str
            What the ranking calls the class; several names of one that was merged: the one for which most
            speaks counts.

        Raises
        ------
        ImageError
            The image cannot be opened.
        InterpretationError
            There are no heads or networks for it.
        """
        heads = self._heads_of(model)
        columns = [heads.classes.index(label) for label in classes if label in heads.classes]
        if not columns:
            msg = "The model does not know this class yet. Rank the images again."
            raise InterpretationError(msg)
        if (model, name) not in self._made:
            try:
                seen = heads.of_image(name)
            except KeyError:
                msg = "This image came after the ranking was made. Rank the images again."
                raise InterpretationError(msg) from None
            self._made[model, name] = self._maps(path, seen)
            while len(self._made) > _REMEMBERED:
                self._made.popitem(last=False)
        maps, estimated = self._made[model, name]
        best = max(columns, key=lambda column: float(maps[column].mean()))
        highest = max(float(np.abs(maps).max()), 1e-12)
        return HeatMap(np.rint(maps[best] / highest * _HIGHEST).astype(np.int8), estimated)

    def _heads_of(self, model: str) -> KeptHeads:
        if self._heads is None or self._heads.model != model:
            if not (self._folder / FILE).exists():
                msg = "This ranking was made without what a heat map needs. Rank the images again."
                raise InterpretationError(msg)
            self._heads = KeptHeads.load(self._folder)
        if self._heads.model != model:
            msg = "The ranking has just changed. Try again in a moment."
            raise InterpretationError(msg)
        return self._heads

    def _maps(self, path: Path, seen: Sequence[SeenHead]) -> tuple[NDArray[np.float32], bool]:
        """Return the maps of all classes, shape (n_classes, SIDE, SIDE), and whether they are an estimate."""
        found, estimated = [], False
        for head in seen:
            backbone = self._backbones.get(head.key)
            if backbone is None:
                msg = "The network that the images were ranked with has changed. Rank the images again."
                raise InterpretationError(msg)
            picture = torch.from_numpy(backbone.preprocess.read(path)[None].copy())
            batch = backbone.preprocess.normalise(picture.to(backbone.device))
            places = find_places(backbone.module, batch)
            small = torch.from_numpy(head_maps(places, head.features, head.weight))
            wide = interpolate(small, size=(SIDE, SIDE), mode="bicubic", align_corners=False)
            found.append(wide[0].numpy())
            estimated |= places.by_attention
        return np.mean(found, axis=0), estimated


def answer(mapper: HeatMapper, request: Mapping[str, Any]) -> dict[str, Any]:
    """Answer a request of the process; see the head of this module."""
    try:
        made = mapper.make(Path(request["path"]), request["name"], request["model"], request["classes"])
    except CleanerError as exc:
        return {"problem": exc.on_page}
    values = base64.b64encode(made.values.tobytes()).decode("ascii")
    return {"values": values, "side": SIDE, "estimated": made.estimated}


def serve(requests: IO[str], answers: IO[str]) -> None:
    """Answer requests, one a line, until there are no more."""

    def tell(message: Mapping[str, Any]) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    options = json.loads(requests.readline())["workspace"]
    for mine in (
        "store",
        "reviewer",
        "backbone",
        "weights",
        "from_scratch",
    ):  # the ranking's own network counts
        options.pop(mine, None)
    with Dataset(**options) as dataset:
        backbones, _ = NetworkOptions().load(dataset)
        mapper = HeatMapper(dataset.ranking_folder, backbones)
        for line in requests:
            try:
                tell(answer(mapper, json.loads(line)))
            except Exception as exc:  # the next image may be well again
                logger.exception("A heat map failed.")
                tell({"problem": f"The heat map could not be made ({type(exc).__name__}: {exc})."})


if __name__ == "__main__":
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as out:
        os.dup2(2, 1)  # what libraries print must not come among the answers
        serve(sys.stdin, out)

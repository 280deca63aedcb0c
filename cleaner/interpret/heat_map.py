"""Heat maps: how much each part of an image speaks for a class.

For a network whose features are the mean of its last map, and whose head is linear, the map of a class is
no estimate: the logit is the mean of ``w·f(x, y)`` over all places, plus the offset (class activation maps,
Zhou et al., "Learning Deep Features for Discriminative Localization", CVPR 2016). The common length to which
the head brings the features is one factor for all places.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from cleaner.errors import InterpretationError
from cleaner.models.heads import Classifier

_HOT = np.array([214, 40, 57], dtype=np.float32)
_MAX_COVER = 0.65
_MEAN_TOLERANCE = 1e-2


@torch.inference_mode()
def class_maps(model: Classifier, batch: Tensor) -> NDArray[np.float32]:
    """Return for every class how much each place speaks for it.

    Parameters
    ----------
    model : Classifier
        In eval mode, with a head of one linear layer.
    batch : Tensor, float32, shape (n, 3, height, width)
        Normalised images, on the model's device.

    Returns
    -------
    ndarray, float32, shape (n, n_classes, rows, columns)
        Contributions to the logit: their mean over all places is the logit without its offset. Positive
        speaks for the class.

    Raises
    ------
    InterpretationError
        The features of this network are not the mean of a map, or its head is not linear.
    """
    if model.hidden_dim:
        msg = "A heat map needs a head of one linear layer; this model has a layer in between."
        raise InterpretationError(msg)
    with _spatial_outputs(model.body) as seen:
        features = model.body(batch).float()
    pooled = next((top.float() for top in reversed(seen) if _is_mean(top.float(), features)), None)
    if pooled is None:
        msg = "There is no heat map for this network: its features are not the mean of a map."
        raise InterpretationError(msg)
    linear = model.head[-1]
    # What the head's first layer multiplies the features with to bring them to the common length.
    factor = model.head[0](features).norm(dim=1) / features.norm(dim=1).clamp_min(1e-12)
    maps = torch.einsum("cd,ndyx->ncyx", linear.weight.float(), pooled) * factor[:, None, None, None]
    found: NDArray[np.float32] = maps.cpu().numpy()
    return found


@contextmanager
def _spatial_outputs(body: nn.Module) -> Iterator[list[Tensor]]:
    """Collect the maps that the modules of a network give while it runs, in their order."""
    seen: list[Tensor] = []

    def note(_module: nn.Module, _given: Any, output: Any) -> None:
        if isinstance(output, Tensor) and output.ndim == 4 and output.shape[2] * output.shape[3] > 1:
            del seen[:-4]  # only the last ones can be what is pooled; the others would fill the memory
            seen.append(output)

    hooks = [module.register_forward_hook(note) for module in body.modules()]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def _is_mean(top: Tensor, features: Tensor) -> bool:
    """Tell whether features are the mean of a map over its places."""
    if top.shape[:2] != features.shape:
        return False
    difference = (top.mean(dim=(2, 3)) - features).norm(dim=1)
    return bool((difference <= _MEAN_TOLERANCE * features.norm(dim=1).clamp_min(1e-12)).all())


def blend(image: Image.Image, contributions: NDArray[np.float32]) -> Image.Image:
    """Lay what speaks for a class over an image, in red; what speaks against it stays as it is.

    Parameters
    ----------
    image : Image
        RGB.
    contributions : ndarray, float32, shape (rows, columns)
        Of `class_maps`; strongest red is the largest of them.
    """
    positive = np.clip(contributions, 0, None)
    share = positive / max(float(positive.max()), 1e-12)
    cover = Image.fromarray(share.astype(np.float32)).resize(image.size, Image.Resampling.BICUBIC)
    weight = np.clip(np.asarray(cover), 0, 1)[..., None] * _MAX_COVER
    mixed = np.asarray(image, dtype=np.float32) * (1 - weight) + _HOT * weight
    return Image.fromarray(mixed.round().astype(np.uint8))

"""Heat maps: how much each part of an image speaks for a class.

For a network whose features are the mean of its last map, and whose head is linear, the map of a class is
no estimate: the logit is the mean of ``w·f(x, y)`` over all places, plus an offset (class activation maps,
Zhou et al., "Learning Deep Features for Discriminative Localization", CVPR 2016). What comes between pooling
and head keeps that: the common length to which features are brought is one factor for all places, a layer
norm shifts and scales each channel, and a square root √m is the mean of ``f(x, y) / √m``.

A vision transformer reads its features off a class token instead. Its map is an estimate: what each patch
would say for the class, weighted by how much the class token attends to it in the last layer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from cleaner.errors import InterpretationError
from cleaner.models.heads import Classifier
from cleaner.models.scratch import RandomFilters
from cleaner.ranking.features import FeatureMap

_HOT = np.array([214, 40, 57], dtype=np.float32)
_MAX_COVER = 0.65
_MEAN_TOLERANCE = 1e-2
_TINY = 1e-12


@dataclass(frozen=True)
class Places:
    """Features of images, and what each place adds to them.

    Attributes
    ----------
    features : float32, shape (n, d)
        What the network gives.
    parts : float32, shape (n, d, rows, columns)
        Their mean over all places is ``features``, unless ``by_attention``.
    by_attention : bool
        Whether they are an estimate: those of a transformer.
    """

    features: Tensor
    parts: Tensor
    by_attention: bool = False

    def contributions(self, weight: Tensor) -> NDArray[np.float32]:
        """Return what each place adds to logits that are linear in the features.

        Parameters
        ----------
        weight : float32, shape (n, d, n_classes)

        Returns
        -------
        ndarray, float32, shape (n, n_classes, rows, columns)
            Their mean over all places is ``features · weight``, unless they are an estimate.
        """
        found: NDArray[np.float32] = torch.einsum("ndc,ndyx->ncyx", weight, self.parts).cpu().numpy()
        return found


@torch.inference_mode()
def find_places(body: nn.Module, batch: Tensor) -> Places:
    """Run a network and find what each place of the images adds to its features.

    Parameters
    ----------
    body : Module
        In eval mode; see `cleaner.models.backbones.Backbone`.
    batch : float32, shape (n, 3, height, width)
        Normalised images, on the network's device.

    Raises
    ------
    InterpretationError
        Its features are neither the mean of a map nor those of a class token.
    """
    with _watched(body) as seen:
        features = body(batch).float()
    if isinstance(body, RandomFilters):
        return Places(features, body.parts(features))
    for top in reversed(seen.maps):
        if top.shape[:2] == features.shape:
            parts = top.float()
            if _is_near(parts.mean(dim=(2, 3)), features):
                return Places(features, parts)
            normed = _layer_normed(parts, features, seen.norms)
            if normed is not None:
                return Places(features, normed)
    by_token = _class_token(features, seen)
    if by_token is None:
        msg = "There is no heat map for this network: its features are not the mean of a map."
        raise InterpretationError(msg)
    return by_token


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
        See `find_places`; or its head is not linear.
    """
    if model.hidden_dim:
        msg = "A heat map needs a head of one linear layer; this model has a layer in between."
        raise InterpretationError(msg)
    places = find_places(model.body, batch)
    with torch.inference_mode():
        # What the head's first layer multiplies the features with to bring them to the common length.
        length = places.features.norm(dim=1).clamp_min(_TINY)
        factor = model.head[0](places.features).norm(dim=1) / length
        return places.contributions(model.head[-1].weight.float().T * factor[:, None, None])


@torch.inference_mode()
def head_maps(places: Places, features: FeatureMap, weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return for every class how much each place speaks for it, by a head of a ranking.

    Parameters
    ----------
    places : Places
    features : FeatureMap
        What the head's coordinates are made by.
    weight : float32, shape (features.dim, n_classes)

    Returns
    -------
    ndarray, float32, shape (n, n_classes, rows, columns)
        As `class_maps`.
    """
    known = places.features.cpu().numpy()
    own = weight if features.axes is None else features.axes @ weight
    roots = np.sqrt(np.maximum(known, _TINY)) if features.root else np.ones_like(known)
    shifted = (roots if features.root else known) - features.centre
    scale = roots * np.maximum(np.linalg.norm(shifted, axis=1, keepdims=True), _TINY)
    per_channel = torch.from_numpy((own[None] / scale[:, :, None]).astype(np.float32))
    return places.contributions(per_channel.to(places.features.device))


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
    share = positive / max(float(positive.max()), _TINY)
    cover = Image.fromarray(share.astype(np.float32)).resize(image.size, Image.Resampling.BICUBIC)
    weight = np.clip(np.asarray(cover), 0, 1)[..., None] * _MAX_COVER
    mixed = np.asarray(image, dtype=np.float32) * (1 - weight) + _HOT * weight
    return Image.fromarray(mixed.round().astype(np.uint8))


# -------------------------------------------------------------------- what runs by


@dataclass
class _Seen:
    """What passes through a network: the last maps, layer norms, and what the last attention was given.

    ``norms`` has (module, input, output).
    """

    maps: list[Tensor] = field(default_factory=list)
    norms: list[tuple[nn.LayerNorm, Tensor, Tensor]] = field(default_factory=list)
    attention: tuple[nn.MultiheadAttention, Tensor] | None = None

    def note(self, module: nn.Module, given: Any, output: Any) -> None:
        """Note one step; what lies far back would fill the memory and cannot be what is pooled."""
        if not isinstance(output, Tensor):
            return
        if output.ndim == 4:
            for each in (output, output.permute(0, 3, 1, 2)):  # some networks have their channels last
                if each.shape[2] * each.shape[3] > 1:
                    self.maps.append(each)
            del self.maps[:-8]
        if isinstance(module, nn.LayerNorm):
            self.norms.append((module, given[0], output))
            del self.norms[:-4]

    def note_attention(self, module: nn.Module, given: Any, named: Any) -> None:
        """Note what an attention is asked: it gives its weights only when it is asked again."""
        assert isinstance(module, nn.MultiheadAttention)
        self.attention = (module, given[0] if given else named["query"])


@contextmanager
def _watched(body: nn.Module) -> Iterator[_Seen]:
    """Note what passes through the modules of a network while it runs, in their order."""
    seen = _Seen()
    hooks = []
    for module in body.modules():
        hooks.append(module.register_forward_hook(seen.note))
        if isinstance(module, nn.MultiheadAttention):
            hooks.append(module.register_forward_pre_hook(seen.note_attention, with_kwargs=True))
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def _is_near(found: Tensor, features: Tensor) -> bool:
    difference = (found - features).norm(dim=1)
    return bool((difference <= _MEAN_TOLERANCE * features.norm(dim=1).clamp_min(_TINY)).all())


def _layer_normed(
    parts: Tensor, features: Tensor, norms: list[tuple[nn.LayerNorm, Tensor, Tensor]]
) -> Tensor | None:
    """Return parts behind a layer norm of their mean, if the features are that; None if they are not."""
    pooled = parts.mean(dim=(2, 3))
    for norm, given, output in norms:
        same = given.numel() == pooled.numel() and output.numel() == features.numel()
        if (
            same
            and _is_near(given.float().reshape(pooled.shape), pooled)
            and _is_near(output.flatten(1), features)
        ):
            deviation = (pooled.var(dim=1, unbiased=False, keepdim=True) + norm.eps).sqrt()
            shifted = (parts - pooled.mean(dim=1)[:, None, None, None]) / deviation[:, :, None, None]
            learnt = {name: each.float()[:, None, None] for name, each in norm.named_parameters()}
            return shifted * learnt.get("weight", 1) + learnt.get("bias", 0)
    return None


def _class_token(features: Tensor, seen: _Seen) -> Places | None:
    """Return what the patches of a transformer would say, weighted by the attention of its class token."""
    tokens = next((out for _, _, out in reversed(seen.norms) if _is_token(out, features)), None)
    if tokens is None or seen.attention is None:
        return None
    attention, asked = seen.attention
    if asked.shape[:2] != tokens.shape[:2] or not attention.batch_first:
        return None
    _, weights = attention(asked, asked, asked, need_weights=True)
    side = round((tokens.shape[1] - 1) ** 0.5)
    if side * side != tokens.shape[1] - 1:
        return None
    looked = weights[:, 0, 1:].float()
    share = looked / looked.mean(dim=1, keepdim=True).clamp_min(_TINY)
    parts = tokens[:, 1:].float() * share[:, :, None]
    return Places(features, parts.transpose(1, 2).unflatten(2, (side, side)), by_attention=True)


def _is_token(output: Tensor, features: Tensor) -> bool:
    whole = output.ndim == 3 and output.shape[0] == len(features) and output.shape[2] == features.shape[1]
    return whole and _is_near(output[:, 0].float(), features)

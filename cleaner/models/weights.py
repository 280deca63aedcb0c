"""Weights files: where they are, what is in them, and which network they belong to.

Nothing here unpickles objects: files are safetensors, or torch files read with ``weights_only=True``.

torchvision is imported where its networks are asked for: that takes longer than torch itself, and the
networks that come with the installation do without.
"""

import logging
import re
import urllib.error
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from cleaner.advice import Advice
from cleaner.errors import BackboneError, WeightsUnavailableError
from cleaner.models.bodies import build_torchvision
from cleaner.models.packaged import PACKAGED
from cleaner.models.reach import WAYS_OUT, host_reachable

logger = logging.getLogger(__name__)

# Files of old torchvision releases hold dots that module names may no longer have.
_DENSENET_KEY = re.compile(
    r"^(.*denselayer\d+\.(?:norm|relu|conv))\.((?:[12])\.(?:weight|bias|running_mean|running_var))$"
)
# When a file has to be recognised by its tensors: how many numbers more or fewer than were published it may
# have, and how many networks are tried.
_MAX_DIFFERENCE = 10_000_000
_MAX_TRIED = 16
# Branches that some networks have for training only; they are never built here.
_AUXILIARY = ("aux1.", "aux2.", "AuxLogits.")


def torchvision_names() -> list[str]:
    """Return the names of torchvision's classification networks, sorted."""
    import torchvision

    return [
        name for name in torchvision.models.list_models(module=torchvision.models) if "quantized" not in name
    ]


def read_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read a weights file without running anything that is in it.

    Parameters
    ----------
    path : Path
        A safetensors file, or a torch file that holds a state dict (also under ``state_dict`` or ``model``).

    Returns
    -------
    state : dict of str to Tensor
        Tensors on the CPU, a common ``module.`` prefix removed.
    meta : dict of str to str
        The metadata of a safetensors file; empty for torch files.

    Raises
    ------
    BackboneError
        If the file is missing, damaged, or holds something other than tensors.
    """
    if not path.is_file():
        msg = f"The weights file {path} does not exist; give the path of a safetensors or torch file."
        raise BackboneError(msg)
    if path.suffix == ".safetensors":
        try:
            with safe_open(path, framework="pt") as file:
                meta = dict(file.metadata() or {})
                return {key: file.get_tensor(key) for key in file.keys()}, meta  # noqa: SIM118 - no dict
        except (SafetensorError, OSError) as exc:
            msg = f"{path} is not a readable safetensors file ({exc}); fetch it again."
            raise BackboneError(msg) from exc
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as exc:  # torch raises RuntimeError, UnpicklingError, EOFError, KeyError, ...
        msg = (
            f"{path} is not a plain torch state dict ({type(exc).__name__}). Files that hold whole objects "
            "are refused, because reading them runs code; save tensors: torch.save(net.state_dict(), …)."
        )
        raise BackboneError(msg) from exc
    for key in ("state_dict", "model"):
        if isinstance(loaded, dict) and isinstance(loaded.get(key), dict):
            loaded = loaded[key]
    if not isinstance(loaded, dict) or not all(isinstance(v, Tensor) for v in loaded.values()):
        msg = f"{path} holds {type(loaded).__name__}, expected a state dict: names and tensors."
        raise BackboneError(msg)
    state = {str(key): value for key, value in loaded.items()}
    if state and all(key.startswith("module.") for key in state):
        state = {key.removeprefix("module."): value for key, value in state.items()}
    return state, {}


def fetch_torchvision_weights(name: str) -> Path:
    """Return the file of torchvision's default weights for ``name``, downloaded unless it is in the cache.

    Raises
    ------
    WeightsUnavailableError
        Within about a second when there is no network, or when the download fails.
    """
    import torchvision

    url: str = torchvision.models.get_model_weights(name).DEFAULT.url
    file_name = Path(urlsplit(url).path).name
    path = Path(torch.hub.get_dir()) / "checkpoints" / file_name
    if path.is_file():
        return path
    host = urlsplit(url).hostname or ""
    if not host_reachable(host):
        msg = Advice(
            f"Pretrained weights of {name} are not on this machine and {host} cannot be reached.", *WAYS_OUT
        )
        raise WeightsUnavailableError(msg)
    prefix = re.search(r"-([a-f0-9]{8,})\.", file_name)
    logger.info("Downloading %s to %s", url, path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path), prefix.group(1) if prefix else None, progress=False)
    except (OSError, RuntimeError, urllib.error.URLError) as exc:
        msg = Advice(f"Downloading the weights of {name} from {host} failed ({exc}).", *WAYS_OUT)
        raise WeightsUnavailableError(msg) from exc
    return path


def fetch_timm_weights(name: str, config: Mapping[str, Any]) -> Path:
    """Return the file of timm's published weights, from the Hugging Face cache or the network.

    Parameters
    ----------
    name : str
        Without ``timm/``.
    config : mapping
        timm's description of the weights.

    Raises
    ------
    WeightsUnavailableError
        Within about a second when there is no network, when the download fails, or when none are published.
    """
    import huggingface_hub
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    repository = config.get("hf_hub_id")
    if not repository:
        msg = Advice(f"timm publishes no weights for {name}.", *WAYS_OUT)
        raise WeightsUnavailableError(msg)
    files = ("model.safetensors", "pytorch_model.bin")
    for file in files:
        cached = huggingface_hub.try_to_load_from_cache(repository, file)
        if isinstance(cached, str):
            return Path(cached)
    host = urlsplit(huggingface_hub.constants.ENDPOINT).hostname or "huggingface.co"
    problem = f"{host} cannot be reached"
    if host_reachable(host):
        for file in files:
            try:
                return Path(huggingface_hub.hf_hub_download(repository, file))
            except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as exc:
                problem = f"{host} answered {type(exc).__name__} for {file}"
    msg = Advice(f"Pretrained weights of timm/{name} are not on this machine and {problem}.", *WAYS_OUT)
    raise WeightsUnavailableError(msg)


def guess_architecture(path: Path, state: dict[str, Tensor], meta: dict[str, str]) -> str:
    """Tell which network a weights file belongs to: by metadata, file name, then keys and shapes.

    Raises
    ------
    BackboneError
        If nothing matches; the sentence asks for ``--backbone``.
    """
    names = torchvision_names()
    said = meta.get("arch", "").rpartition(".")[2]
    if said in names:
        return said
    stem = re.sub(r"[^a-z0-9]+", "_", path.stem.lower())
    starts = [name for name in names if stem == name or stem.startswith(name + "_")]
    starts += [name for name in PACKAGED if stem.startswith(f"efficientnet_{name}")]
    if starts:
        return max(starts, key=len)
    shapes = {key: value.shape for key, value in state.items()}
    for name in _nearest(names, state):
        if name.startswith("regnet"):  # computes its widths with tensors, which have no values on "meta"
            continue
        with torch.device("meta"):  # without memory for its weights
            body = build_torchvision(name)
        if not _differences(body.net.state_dict(), shapes, dropped=body.cut):
            return name
    msg = Advice(
        f"Cannot tell which network {path.name} belongs to: neither its name nor its {len(state)} tensors "
        "match a torchvision network.",
        "Name it with --backbone, for example --backbone resnet34.",
        "Start cleaner again with the name of the network (--backbone resnet34).",
    )
    raise BackboneError(msg)


def _nearest(names: list[str], state: Mapping[str, Tensor]) -> list[str]:
    """Return the networks whose published size is near to that of a file, nearest first.

    The files differ from what was published by the classifier, and by branches that serve training only.
    """
    import torchvision

    statistics = ("running_mean", "running_var", "num_batches_tracked")
    size = sum(value.numel() for key, value in state.items() if not key.endswith(statistics))
    far = {
        name: abs(torchvision.models.get_model_weights(name).DEFAULT.meta["num_params"] - size)
        for name in names
    }
    near = [name for name in names if far[name] < _MAX_DIFFERENCE]
    return sorted(near, key=far.__getitem__)[:_MAX_TRIED]


def _differences(
    wanted: Mapping[str, Tensor], shapes: Mapping[str, torch.Size], *, dropped: tuple[str, ...]
) -> list[str]:
    """Say where the tensors of a file differ from those a network wants; empty if they fit."""
    kept = {key: shape for key, shape in shapes.items() if not key.startswith((*dropped, *_AUXILIARY))}
    missing = [key for key in wanted if key not in kept and not key.endswith("num_batches_tracked")]
    extra = [key for key in kept if key not in wanted]
    wrong = [
        f"{key} is {tuple(kept[key])}, expected {tuple(value.shape)}"
        for key, value in wanted.items()
        if key in kept and kept[key] != value.shape
    ]
    return [
        f"{label} {', '.join(keys[:3])}{' …' if len(keys) > 3 else ''}"
        for label, keys in (("missing", missing), ("not known", extra), ("of another shape:", wrong))
        if keys
    ]


def load_into(net: nn.Module, state: Mapping[str, Tensor], *, dropped: tuple[str, ...], source: str) -> None:
    """Load ``state`` into ``net``; every tensor of ``net`` must be there in the right shape.

    Parameters
    ----------
    net : Module
        A network whose classifier has been cut off.
    state : mapping of str to Tensor
        What a file holds, the classifier included.
    dropped : tuple of str
        Prefixes of keys that belong to the classifier and are ignored.
    source : str
        The file's name, for messages.

    Raises
    ------
    BackboneError
        Naming the first keys that do not fit.
    """
    state = {_DENSENET_KEY.sub(r"\1\2", key): value for key, value in state.items()}
    wanted = net.state_dict()
    different = _differences(wanted, {key: value.shape for key, value in state.items()}, dropped=dropped)
    if different:
        msg = Advice(
            f"{source} does not fit this network: {'; '.join(different)}.",
            "Give --backbone the network it belongs to.",
            "Start cleaner again with the network that it belongs to (--backbone NAME).",
        )
        raise BackboneError(msg)
    ordered = type(wanted)((key, state.get(key, value)) for key, value in wanted.items())
    ordered._metadata = wanted._metadata  # type: ignore[attr-defined] # mnasnet checks its version there
    net.load_state_dict(ordered)

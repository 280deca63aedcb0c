"""The fast way through a frozen backbone: folded batch-norms, small types, the right batch size."""

import copy
import logging
import time
from collections.abc import Callable
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from cleaner.models.backbones import Backbone
from cleaner.models.engine import compiled

logger = logging.getLogger(__name__)

# Small batches stay in the cache of a CPU core: 4 was up to 1.3 times as fast as 8, and 8 as 32 up to twice.
CPU_BATCH = 4
# Large enough for an H100 to be faster than sixteen cores decode.
CUDA_BATCH = 32
# Against broken arithmetic only (overflow, a wrong fold): MobileNetV2 in bf16 has a cosine of .989-.999 with
# float32 on photographs and .96 on the probe, and ranks label errors just as well.
MIN_COSINE = 0.9
# Of another engine, which is there for speed alone. Where torch itself computes in a small type, the engine
# does so as well, and may be little further from float32 than torch: in bf16, both had .997 on photographs.
MIN_ENGINE_COSINE = 0.999
ENGINE_MAY_BE_FURTHER = 1.25
# To load OpenVINO, and convert and compile a network with it, took 2 to 3 s; it saves 40 % of torch's time.
ENGINE_WORTH_S = 10.0

_Forward = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


def fast_bfloat16() -> bool:
    """Tell whether this CPU multiplies bfloat16 faster than float32 (AVX512-BF16 or AMX)."""
    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    probes = [getattr(torch.cpu, name, None) for name in names]
    return any(probe() for probe in probes if probe is not None)


def fold_batch_norms(module: nn.Module) -> nn.Module:
    """Return a copy of ``module``, for inference only, whose batch-norms are part of their convolutions.

    Raises
    ------
    Exception
        Whatever ``torch.fx`` raises for a network that it cannot trace.
    """
    traced = fx.symbolic_trace(copy.deepcopy(module).eval())
    modules = dict(traced.named_modules())
    for node in list(traced.graph.nodes):
        if node.op != "call_module" or not isinstance(modules[node.target], nn.BatchNorm2d):
            continue
        source = node.args[0]
        if source.op != "call_module" or len(source.users) > 1:
            continue
        conv = modules[source.target]
        if not isinstance(conv, nn.Conv2d):
            continue
        parent, _, child = source.target.rpartition(".")
        setattr(modules[parent], child, fuse_conv_bn_eval(conv, modules[node.target]))
        node.replace_all_uses_with(source)
        traced.graph.erase_node(node)
    traced.delete_all_unused_submodules()
    traced.recompile()
    return traced


def _cosine(one: Tensor, other: Tensor) -> Tensor:
    """Return the cosine of each pair of rows, tiny ones too: random networks give features of 1e-12."""
    one, other = (nn.functional.normalize(rows.double(), eps=1e-300) for rows in (one, other))
    return (one * other).sum(dim=1)


class Encoder:
    """Images in, features out, as fast as this machine can.

    Parameters
    ----------
    backbone : Backbone
        Its weights are copied: training the backbone later does not change the encoder.
    images : int
        How many it is made for. For many, on a CPU, OpenVINO computes if it is installed, agrees with torch
        and is faster.
    threads : int
        How many will call it at the same time.

    Attributes
    ----------
    batch_size : int
        Images that go through at once; callers may hand over any number.
    dtype : torch.dtype
        What the network computes in; the features come out as float32.
    engine : str
        "torch" or "openvino".
    """

    def __init__(self, backbone: Backbone, *, images: int = 0, threads: int = 1) -> None:
        self.backbone = backbone
        self.device = backbone.device
        on_cuda = self.device.type == "cuda"
        self.batch_size = CUDA_BATCH if on_cuda else CPU_BATCH
        self.dtype = torch.float32
        plain = copy.deepcopy(backbone.module).cpu().eval().requires_grad_(False)
        plain = plain.to(memory_format=torch.channels_last)
        wanted = torch.float16 if on_cuda else torch.bfloat16
        if not backbone.pretrained or not (on_cuda or fast_bfloat16()):
            wanted = torch.float32
        size_px = backbone.preprocess.size_px
        random = torch.Generator().manual_seed(0)
        # A whole batch on a GPU: what is planned for it is not planned again for the images.
        coarse = torch.randn(self.batch_size if on_cuda else 2, 3, 8, 8, generator=random)
        probe = nn.functional.interpolate(coarse, (size_px, size_px), mode="bilinear")
        truth = self._forward(plain, probe, torch.float32)
        self.module = plain.to(self.device)
        probe = probe.to(self.device)
        for fold, dtype in ((True, wanted), (False, wanted), (True, torch.float32)):
            try:
                candidate = fold_batch_norms(self.module) if fold else copy.deepcopy(self.module)
            except Exception as exc:  # fx raises many kinds for networks with control flow
                logger.info("Batch-norms stay as they are: %s", exc)
                continue
            candidate = candidate.to(dtype).to(memory_format=torch.channels_last)
            agreement = _cosine(self._forward(candidate, probe, dtype).cpu(), truth)
            if bool((agreement > MIN_COSINE).all()):
                self.module, self.dtype = candidate, dtype
                break
            logger.info("%s in %s differs from float32 (cosine %s)", backbone.name, dtype, agreement.tolist())
        self.engine = "torch"
        self._compute: _Forward = self._by_torch
        if images and not on_cuda:
            self._look_for_engine(plain, images, threads)

    def _look_for_engine(self, plain: nn.Module, images: int, threads: int) -> None:
        """Let OpenVINO compute if that is worth it."""
        preprocess = self.backbone.preprocess
        coarse = np.random.default_rng(0).integers(0, 256, (self.batch_size, 8, 8, 3), dtype=np.uint8)
        pictures = np.stack([preprocess.shrink(Image.fromarray(each)) for each in coarse])
        torch_s = _fastest_s(self._by_torch, pictures)
        if images * torch_s < ENGINE_WORTH_S * self.batch_size * threads:
            return
        try:
            engine = compiled(plain, preprocess, batch_size=self.batch_size, threads=threads)
        except ImportError:
            logger.info("OpenVINO, which would be faster, is not installed.")
            return
        except Exception as exc:  # converters raise many kinds for networks that they do not know
            logger.info("OpenVINO cannot run %s: %s", self.backbone.name, exc)
            return
        truth = self._forward(plain, preprocess.normalise(torch.from_numpy(pictures)), torch.float32)
        agreement, of_torch = (
            _cosine(torch.from_numpy(forward(pictures)), truth).min().item()
            for forward in (engine, self._by_torch)
        )
        enough = min(MIN_ENGINE_COSINE, 1 - ENGINE_MAY_BE_FURTHER * (1 - of_torch))
        engine_s = _fastest_s(engine, pictures)
        found = f"{torch_s / engine_s:.2f} times as fast, cosine {agreement:.5f} (torch: {of_torch:.5f})"
        if agreement < enough or engine_s >= torch_s:
            logger.info("OpenVINO is left out for %s: %s", self.backbone.name, found)
            return
        logger.info("OpenVINO computes %s: %s", self.backbone.name, found)
        self.engine, self._compute = "openvino", engine

    @staticmethod
    @torch.inference_mode()
    def _forward(module: nn.Module, batch: Tensor, dtype: torch.dtype) -> Tensor:
        ready = batch.to(dtype).contiguous(memory_format=torch.channels_last)
        return cast("Tensor", module(ready)).float()

    def __call__(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the features of shrunken images.

        Parameters
        ----------
        pictures : ndarray, uint8, shape (n, size_px, size_px, 3)
            What `Preprocess.shrink` gives, stacked.

        Returns
        -------
        ndarray, float32, shape (n, feature_dim)
        """
        parts = [np.empty((0, self.backbone.feature_dim), np.float32)]
        for start in range(0, len(pictures), self.batch_size):
            batch = np.ascontiguousarray(pictures[start : start + self.batch_size])
            n_pictures = len(batch)
            # What was planned on a GPU, or compiled, is for whole batches.
            if self.device.type == "cuda" or self.engine != "torch":
                batch = np.pad(batch, ((0, self.batch_size - n_pictures), (0, 0), (0, 0), (0, 0)))
            parts.append(self._compute(batch)[:n_pictures])
        return np.concatenate(parts)

    def _by_torch(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        batch = self.backbone.preprocess.normalise(torch.from_numpy(pictures).to(self.device))
        return self._forward(self.module, batch, self.dtype).cpu().numpy()


def _fastest_s(forward: _Forward, pictures: NDArray[np.uint8]) -> float:
    """Return the seconds of the faster of two runs; the first of all prepares."""
    taken = []
    for _ in range(3):
        start_s = time.perf_counter()
        forward(pictures)
        taken.append(time.perf_counter() - start_s)
    return min(taken[1:])

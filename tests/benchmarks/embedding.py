"""How fast files become features, beside the best pipeline written by hand for this machine.

    python tests/benchmarks/embedding.py [--images N] [--backbone NAME] [--large]

On photos of ``../shared/data/clothing``, each a file of its own (``--large``: scaled up to 12 megapixels). In
one run, images a second of the wall clock, with as many threads as torch may use:

*read*: bytes from the disk; *decode*: bytes to the network's input; *network*: that alone, by torch and by
OpenVINO, if it is installed; *by hand*: threads that read, decode and compute, with the best of three sizes
of batch, and nothing around it (no hashes, no cache, no reasons for bad files); *cleaner*: `embed` as it is,
from its first batch to its last, and *with start*, which converts and compiles the network.

The pipeline of cleaner by torch is to reach .95 of the one by hand with torch, and what cleaner takes by
itself .85 of the best of all.

Measured on two cores of an Intel Xeon without bfloat16, 1,000 photos, EfficientNet-Lite0, nothing else
running: decoding 1,187; network alone 84 (torch) and 175 (OpenVINO); by hand 79 and 151; cleaner 81 and 147,
with start 76 and 114. Ratios 1.02 and .97. On two cores of an AMD EPYC with bfloat16, 3,000 photos (of 1,000,
torch is done too soon for OpenVINO to be tried): decoding 1,127; network alone 220 and 354; by hand 178 and
274; cleaner 207 and 299, with start 199 and 261. Ratios 1.16 and 1.09.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from beds import DATA
from numpy.typing import NDArray
from PIL import Image

from cleaner import Workspace
from cleaner.embedding import embed
from cleaner.models import inference
from cleaner.models.backbones import Backbone, load_backbone
from cleaner.models.engine import compiled
from cleaner.util.progress import Reporter, Stage

TORCH_LIMIT = 0.95
BEST_LIMIT = 0.85
BATCHES = (4, 8, 16)
LARGE_PX = (4000, 3000)


Forward = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


class Clock(Reporter):
    """Notes when how many were done."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, int]] = []

    def __call__(self, stage: str, done: int, total: int, **_values: Any) -> None:
        if stage == Stage.EMBED:
            self.seen.append((time.perf_counter(), done))


def lay_out(root: Path, images: int, *, large: bool) -> list[Path]:
    """Write photos, one file each; return where they are."""
    paths = []
    with zipfile.ZipFile(DATA / "clothing" / "images.zip") as packed:
        for name in sorted(packed.namelist())[:images]:
            path = root / Path(name).name
            path.write_bytes(packed.read(name))
            if large:
                Image.open(path).convert("RGB").resize(LARGE_PX).save(path, "JPEG", quality=85)
            paths.append(path)
    return paths


def per_second(task: Callable[[Any], object], items: Sequence[Any], images: int, threads: int) -> float:
    """Return the images a second of some threads that share the items out among them."""
    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        list(pool.map(task, items[:threads]))  # what is done once
        start = time.perf_counter()
        list(pool.map(task, items))
        return images / (time.perf_counter() - start)


def engines(backbone: Backbone, batch: int, threads: int) -> dict[str, Forward]:
    """Return the network as torch and, where it is installed, OpenVINO compute it."""
    with mock.patch.object(inference, "CPU_BATCH", batch):
        found: dict[str, Forward] = {"torch": inference.Encoder(backbone)}
    try:
        module = backbone.module.cpu().eval().requires_grad_(False)
        found["openvino"] = compiled(module, backbone.preprocess, batch_size=batch, threads=threads)
    except ImportError:
        print("OpenVINO is not installed")
    return found


def by_hand(backbone: Backbone, paths: list[Path], threads: int) -> dict[str, float]:
    """Print the network alone, and return the best of the whole, for each engine."""
    best: dict[str, float] = {}
    for size in BATCHES:
        batches = [paths[start : start + size] for start in range(0, len(paths) // size * size, size)]
        images = len(batches) * size
        pictures = np.stack([backbone.preprocess.read(path.read_bytes()) for path in batches[0]])
        for engine, forward in engines(backbone, size, threads).items():

            def whole(batch: list[Path], forward: Forward = forward) -> None:
                forward(np.stack([backbone.preprocess.read(path.read_bytes()) for path in batch]))

            alone = per_second(forward, [pictures] * len(batches), images, threads)
            rate = per_second(whole, batches, images, threads)
            print(
                f"{engine:9} batches of {size:2}: network {alone:7.1f}, by hand {rate:7.1f} images/s",
                flush=True,
            )
            best[engine] = max(best.get(engine, 0.0), rate)
    return best


def ours(root: Path, backbone: Backbone, *, any_engine: bool) -> tuple[float, float]:
    """Return the images a second of `embed` from its first batch to its last, and with its start."""
    worth_s = inference.ENGINE_WORTH_S if any_engine else math.inf
    with (
        tempfile.TemporaryDirectory() as state,
        mock.patch.object(inference, "ENGINE_WORTH_S", worth_s),
        Workspace(root, state=state) as workspace,
    ):
        catalog, clock = workspace.scan(), Clock()
        start = time.perf_counter()
        embed(catalog, backbone, index=workspace.index, cache_root=workspace.state / "e", reporter=clock)
        end = time.perf_counter()
    (first, done), *_ = [seen for seen in clock.seen if seen[1]]
    last, total = clock.seen[-1]
    return (total - done) / (last - first), total / (end - start)


def main() -> int:
    """Print all of it, and tell by the exit code whether the limits hold."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=3000)
    parser.add_argument("--backbone", default="lite0")
    parser.add_argument("--large", action="store_true")
    options = parser.parse_args()
    if not (DATA / "clothing" / "images.zip").exists():
        print(f"skipped: there is no {DATA / 'clothing'}")
        return 0
    backbone, threads = load_backbone(options.backbone, device="cpu"), torch.get_num_threads()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        paths = lay_out(root, options.images, large=options.large)
        print(f"{len(paths)} photos, {options.backbone}, {threads} threads")
        print(f"read   {per_second(Path.read_bytes, paths, len(paths), threads):9.1f} images/s")
        files = [path.read_bytes() for path in paths[:200]]
        print(f"decode {per_second(backbone.preprocess.read, files, len(files), threads):9.1f} images/s")
        best = by_hand(backbone, paths, threads)
        plain, plain_start = ours(root, backbone, any_engine=False)
        itself, itself_start = ours(root, backbone, any_engine=True)
    print(f"cleaner by torch  {plain:7.1f} images/s, with start {plain_start:7.1f}")
    print(f"cleaner by itself {itself:7.1f} images/s, with start {itself_start:7.1f}")
    ratio, best_ratio = plain / best["torch"], itself / max(best.values())
    print(f"by torch / by hand with torch {ratio:.2f} (limit {TORCH_LIMIT})")
    print(f"by itself / by hand, the best {best_ratio:.2f} (limit {BEST_LIMIT})")
    return int(ratio < TORCH_LIMIT or best_ratio < BEST_LIMIT)


if __name__ == "__main__":
    sys.exit(main())

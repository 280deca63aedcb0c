"""The prediction service under load, beside the same work without a server.

    python tests/benchmarks/serving.py [--model FILE] [--requests N] [--clients N] [--malformed N]

A real server in a process of its own, and a real client on the same machine that sends photos of
``../shared/data/clothing`` over several connections at once. Printed: requests a second, the median and the
99th percentile of the time to an answer, and the ratio to the bare pass in this run: the same files read,
shrunk and sent through the same network by as many threads, one image at a time, without a server. Then
malformed requests: none may break the service, and its memory must not grow.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import psutil
from beds import DATA, clothing_photos, jpeg

from cleaner.dashboard.ports import choose_port
from cleaner.models.backbones import load_backbone
from cleaner.serving.inference import Limits, Predictor
from cleaner.training.network import Network

RATIO_GOAL = 0.8
GROWTH_LIMIT_MB = 50


def files(count: int) -> list[bytes]:
    found = []
    for photo in clothing_photos(count, seed=2):
        data = io.BytesIO()
        jpeg(photo).save(data, "JPEG", quality=85)
        found.append(data.getvalue())
    return found


def some_model(folder: Path) -> Path:
    """Write a model of the built-in network; what its head says does not matter for the time."""
    backbone = load_backbone(device="cpu")
    weight = np.random.default_rng(0).normal(size=(backbone.feature_dim, 10)).astype(np.float32)
    path = folder / "model.safetensors"
    labels = [str(i) for i in range(10)]
    Network.from_linear_head(backbone, labels, weight=weight, offset=np.zeros(10, np.float32)).save(path)
    return path


def bare(model: Path, images: list[bytes], count: int) -> float:
    """Return images a second without a server."""
    limits = Limits()
    with Predictor(Network.load(model, device="cpu"), limits) as predictor:
        predictor.answer(images[0])
        with ThreadPoolExecutor(limits.workers) as pool:
            start = time.perf_counter()
            list(pool.map(lambda i: predictor.answer(images[i % len(images)]), range(count)))
            return count / (time.perf_counter() - start)


async def load(url: str, images: list[bytes], count: int, clients: int) -> tuple[float, list[float]]:
    """Return requests a second, and the seconds that each answer took."""
    left, taken = iter(range(count)), []

    async def one(client: httpx.AsyncClient) -> None:
        for i in left:
            start = time.perf_counter()
            answer = await client.post(url, content=images[i % len(images)])
            answer.raise_for_status()
            taken.append(time.perf_counter() - start)

    limits = httpx.Limits(max_connections=clients)
    async with httpx.AsyncClient(timeout=60, limits=limits, trust_env=False) as client:
        await client.post(url, content=images[0])
        start = time.perf_counter()
        await asyncio.gather(*(one(client) for _ in range(clients)))
        return count / (time.perf_counter() - start), taken


async def malformed(url: str, images: list[bytes], count: int, clients: int) -> Counter[int]:
    """Send requests that make no sense; return how often each status came back."""
    rng, seen, left = random.Random(0), Counter[int](), iter(range(count))
    kinds = ["image/jpeg", "multipart/form-data", "multipart/form-data; boundary=x", "text/plain", "\x7f"]

    async def one(client: httpx.AsyncClient) -> None:
        for _ in left:
            data = bytearray(rng.choice(images))
            for _ in range(rng.randrange(1, 30)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            body = bytes(data[: rng.randrange(len(data))]) if rng.random() < 0.8 else rng.randbytes(5000)
            answer = await client.post(url, content=body, headers={"Content-Type": rng.choice(kinds[:4])})
            seen[answer.status_code] += 1

    async with httpx.AsyncClient(timeout=60, trust_env=False) as client:
        await asyncio.gather(*(one(client) for _ in range(clients)))
    return seen


def main() -> int:
    """Run the benchmark."""
    as_written = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=as_written)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--malformed", type=int, default=10_000)
    arguments = parser.parse_args()
    if not (DATA / "clothing" / "labels.csv").is_file():
        print(f"skipped: the development photographs are not at {DATA}")
        return 0
    images = files(100)
    with tempfile.TemporaryDirectory() as folder:
        model = arguments.model or some_model(Path(folder))
        alone = bare(model, images, arguments.requests)
        port = choose_port("127.0.0.1", 0)
        command = [sys.executable, "-m", "cleaner", "serve", str(model), "--port", str(port)]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            root = f"http://127.0.0.1:{port}"
            for _ in range(240):
                try:
                    httpx.get(f"{root}/healthz", trust_env=False).raise_for_status()
                    break
                except httpx.TransportError:
                    time.sleep(0.5)
            rate, taken = asyncio.run(load(f"{root}/classify", images, arguments.requests, arguments.clients))
            p50, p99 = np.percentile(taken, [50, 99]) * 1000
            print(f"{rate:.0f} requests/s by {arguments.clients} clients; p50 {p50:.0f} ms, p99 {p99:.0f} ms")
            print(f"bare pass {alone:.0f} images/s; ratio {rate / alone:.2f}, goal {RATIO_GOAL}")
            memory = psutil.Process(server.pid).memory_info
            before = memory().rss
            seen = asyncio.run(malformed(f"{root}/classify", images, arguments.malformed, 8))
            grown = (memory().rss - before) / 2**20
            print(f"malformed: {dict(sorted(seen.items()))}; memory {grown:+.0f} MB, limit {GROWTH_LIMIT_MB}")
            broken = sum(count for code, count in seen.items() if code >= 500)
            print(f"answered with a fault of the server: {broken}; still alive: {server.poll() is None}")
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)
    return 0


if __name__ == "__main__":
    sys.exit(main())

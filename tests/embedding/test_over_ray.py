"""Embedding beyond this machine: of images in a bucket, and on a Ray cluster that loses a worker.

The packages for this are not in the extra ``test``, as they are large::

    pip install "cleaner[ray,s3]" "moto[s3,server]"
    python -m pytest tests/embedding/test_over_ray.py
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest

from cleaner import Workspace
from cleaner.dataset.catalog import Catalog
from cleaner.embedding.cache import DIGEST_BYTES, EmbeddingCache
from cleaner.errors import EmbeddingError
from cleaner.pipelines.embed import embed_dataset, ray_engine
from cleaner.pipelines.network import NetworkOptions

needs_s3 = pytest.mark.skipif(
    not (find_spec("s3fs") and find_spec("moto") and find_spec("flask")),
    reason='s3fs and moto are not installed: pip install "cleaner[s3]" "moto[s3,server]"',
)
needs_ray = pytest.mark.skipif(
    find_spec("ray") is None, reason='Ray is not installed: pip install "cleaner[ray]"'
)
COPY = """
import sys, s3fs
from pathlib import Path
fs = s3fs.S3FileSystem()
fs.mkdir("bucket")
fs.put(sys.argv[1], "bucket/set", recursive=True)
"""


def cleaner(*words: object, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cleaner", *map(str, words)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=280)


@pytest.fixture
def with_bucket(tmp_path: Path) -> Iterator[Callable[[Path], dict[str, str]]]:
    """Return a function that copies a folder to ``s3://bucket/set``, and gives the environment to read it."""
    log = (tmp_path / "moto.log").open("w")
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"], stdout=log, stderr=log
    )

    def copy(root: Path) -> dict[str, str]:
        end_s = time.monotonic() + 120
        while not (found := re.search(r"http://127\.0\.0\.1:\d+", (tmp_path / "moto.log").read_text())):
            assert server.poll() is None and time.monotonic() < end_s
            time.sleep(0.1)
        with urlopen(f"{found[0]}/moto-api/"):
            environment = os.environ | {"AWS_ENDPOINT_URL": found[0], "AWS_DEFAULT_REGION": "us-east-1"}
        environment |= {"AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "nothing"}
        subprocess.run([sys.executable, "-c", COPY, f"{root}/"], env=environment, check=True, timeout=120)
        return environment

    yield copy
    server.terminate()
    server.wait()
    log.close()


def kept(state: Path) -> tuple[EmbeddingCache, list[bytes]]:
    """Return the one cache of a state folder, and its rows."""
    (path,) = state.glob("embeddings/*/digests.bin")
    data = path.read_bytes()
    rows = [data[at : at + DIGEST_BYTES] for at in range(0, len(data), DIGEST_BYTES)]
    return EmbeddingCache(state / "embeddings", path.parent.name, 1280), rows


def check(state: Path, local: Path, images: int) -> None:
    """Every content is there once, with the features that embedding on this machine gives."""
    (cache, rows), (plain, _) = kept(state), kept(local)
    assert len(set(rows)) == len(rows) == images
    digests = [row.hex() for row in rows]
    (one, there), (other, here) = cache.get(digests), plain.get(digests)
    assert there.all()
    assert here.all()
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    assert ((one * other).sum(axis=1) / lengths).min() > 0.9999


@needs_s3
@pytest.mark.slow
def test_images_in_a_bucket_get_the_features_of_their_copies(
    colour_set: Path, tmp_path: Path, with_bucket: Callable[[Path], dict[str, str]]
) -> None:
    environment = with_bucket(colour_set)
    words = "embed", "s3://bucket/set", "--state", tmp_path / "remote", "--backbone", "lite0"
    assert cleaner(*words, environment=environment).stdout.startswith("lite0: 24 images embedded")
    again = cleaner(*words, environment=environment).stdout
    assert again == "lite0: 0 images embedded, 24 known from before\n"
    with Workspace(colour_set, state=tmp_path / "local") as workspace:
        embed_dataset(workspace, NetworkOptions("lite0"))
    check(tmp_path / "remote", tmp_path / "local", 24)


@needs_ray
@needs_s3
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_cluster_that_loses_a_worker_computes_each_image_once_and_reads_buckets_too(
    make_set: Callable[..., Path], tmp_path: Path, with_bucket: Callable[[Path], dict[str, str]]
) -> None:
    root = make_set(120)
    environment = with_bucket(root)
    script = str(Path(__file__).with_name("ray_cluster.py"))
    states = tmp_path / "folder", tmp_path / "url"
    done = subprocess.run(
        [sys.executable, script, str(root), str(states[0]), "s3://bucket/set", str(states[1])],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=880,
    )
    written = re.search(r"; (\d+) features are written\nkilled worker", done.stdout)
    assert written, done.stdout
    assert 0 < int(written[1]) < 360
    assert done.stdout.count("exit code 0") == 2, done.stdout
    with Workspace(root, state=tmp_path / "local") as workspace:
        embed_dataset(workspace, NetworkOptions("lite0"))
        assert workspace.catalog.names.tolist() == Catalog.from_folder(root).names.tolist()
    for state in states:
        check(state, tmp_path / "local", 360)


@needs_ray
@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("127.0.0.1:1", "No Ray cluster answers at 127.0.0.1:1 "),
        ("ray://head:10001", "Got 'ray://head:10001' as the address of a Ray cluster; expected auto,"),
        ("head", "Got 'head' as the address"),
    ],
)
@pytest.mark.filterwarnings("ignore")  # of Ray's own
def test_a_cluster_that_is_not_there_is_refused_at_once(address: str, said: str) -> None:
    with pytest.raises(EmbeddingError) as refusal:
        ray_engine(address)
    assert str(refusal.value).startswith(said)

"""Whether damaged images of every format are refused with a reason: no crash, no hang, no memory without end.

::

    python tests/benchmarks/mutations.py --images 100000

One small picture is written in every format, and damaged in many ways: flipped bits, cut off, headers that
lie, pieces moved or zeroed, the head of another format. Each goes through what cleaner does with an image
(header, thumbnail, verification, and decoding for a network), in a process of its own that may take 1 GB
beyond what it begins with, and 5 s of a core an image. Whatever is raised but `ImageError`, a silent refusal,
a crash, and what takes longer, is printed with the number that makes the image again (``--only NUMBER``).
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import io
import json
import random
import select
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PIL import Image

from cleaner.collect.verify import judge
from cleaner.errors import ImageError
from cleaner.images.open import probe
from cleaner.images.thumbnails import thumbnail

LIMIT_S = 5.0
LIMIT_BYTES = 2**30
KINDS = ("flip", "cut", "lie", "piece", "head")
_PATIENCE_S = 60.0  # for a process that waits: for others that use the machine, or for ever
_SEED = 12
_SIDE_PX = 224


# ---------------------------------------------------------------- the images


def _dicom(pixels: np.ndarray) -> bytes:
    import pydicom
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

    data = pydicom.Dataset()
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    data.file_meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["cleaner"])
    data.Rows, data.Columns = pixels.shape
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit, data.PixelRepresentation = 15, 0
    data.PixelData = pixels.astype("<u2").tobytes()
    data.WindowCenter, data.WindowWidth = 20000, 30000
    file = io.BytesIO()
    data.save_as(file, enforce_file_format=True)
    return file.getvalue()


@functools.cache
def originals() -> dict[str, bytes]:
    """Return one picture in every format that can be written here, by what it is."""
    rng = np.random.default_rng(_SEED)
    coarse = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)
    colour = Image.fromarray(coarse).resize((160, 120), Image.Resampling.BICUBIC)
    deep = Image.fromarray((np.asarray(colour.convert("L")).astype(np.uint16) * 200).astype(np.uint16))
    clear = colour.convert("RGBA")
    clear.putalpha(colour.convert("L"))
    exif = Image.Exif()
    exif[0x0112] = 6
    wanted: dict[str, tuple[Image.Image, dict[str, Any]]] = {
        "jpeg": (colour, {"format": "JPEG", "exif": exif}),
        "jpeg progressive": (colour, {"format": "JPEG", "progressive": True}),
        "jpeg cmyk": (colour.convert("CMYK"), {"format": "JPEG"}),
        "mpo": (colour, {"format": "MPO", "save_all": True, "append_images": [colour]}),
        "png": (colour, {"format": "PNG"}),
        "png palette": (colour.convert("P"), {"format": "PNG", "transparency": 3}),
        "png alpha": (clear, {"format": "PNG"}),
        "png deep": (deep, {"format": "PNG"}),
        "gif": (colour, {"format": "GIF", "save_all": True, "append_images": [colour.rotate(90)]}),
        "webp": (colour, {"format": "WEBP"}),
        "webp lossless": (clear, {"format": "WEBP", "lossless": True}),
        "bmp": (colour, {"format": "BMP"}),
        "dib": (colour, {"format": "DIB"}),
        "tiff": (colour, {"format": "TIFF", "exif": exif}),
        "tiff lzw": (colour, {"format": "TIFF", "compression": "tiff_lzw"}),
        "tiff deflate": (deep, {"format": "TIFF", "compression": "tiff_adobe_deflate"}),
        "tiff jpeg": (colour, {"format": "TIFF", "compression": "jpeg"}),
        "tiff float": (deep.convert("F"), {"format": "TIFF"}),
        "jpeg2000": (colour, {"format": "JPEG2000"}),
        "ppm": (colour, {"format": "PPM"}),
        "pbm": (colour.convert("1"), {"format": "PPM"}),
        "avif": (colour, {"format": "AVIF"}),
        "heif": (colour, {"format": "HEIF"}),
    }
    import pillow_heif

    pillow_heif.register_heif_opener()
    made = {}
    for name, (picture, options) in wanted.items():
        file = io.BytesIO()
        picture.save(file, **options)
        made[name] = file.getvalue()
    made["dicom"] = _dicom(np.asarray(deep))
    return made


def mutated(number: int) -> tuple[str, bytes]:
    """Return what was done to which format, and the bytes; the same for the same number."""
    rng = random.Random(f"{_SEED} {number}")
    names = list(originals())
    kind, name = KINDS[number % len(KINDS)], names[number // len(KINDS) % len(names)]
    data = bytearray(originals()[name])
    reach = rng.choice((64, 256, 1024, len(data)))
    at = rng.randrange(min(reach, len(data)))
    if kind == "flip":
        for _ in range(rng.choice((1, 1, 2, 4, 16, 64))):
            data[rng.randrange(min(reach, len(data)))] ^= 1 << rng.randrange(8)
    elif kind == "cut":
        del data[rng.randrange(len(data)) :]
    elif kind == "lie":
        size = rng.choice((1, 2, 4, 8))
        value = rng.choice((0, 1, 2 ** (8 * size) - 1, 2 ** (8 * size - 1), rng.randrange(2 ** (8 * size))))
        data[at : at + size] = value.to_bytes(size, rng.choice(("big", "little")))
    elif kind == "piece":
        end, to = at + rng.choice((4, 32, 512)), rng.randrange(len(data))
        piece = data[at:end]
        what = rng.randrange(3)
        if what == 0:
            data[at:end] = bytes(len(piece))
        elif what == 1:
            del data[at:end]
        data[to:to] = piece * rng.choice((1, 2, 50)) if what else b""
    else:
        head = originals()[rng.choice(names)]
        size = rng.choice((4, 12, 32, 128))
        data[:size] = head[:size]
    return f"{name}: {kind}", bytes(data)


# ---------------------------------------------------------------- the process that looks at them


def _looks(folder: Path, data: bytes) -> dict[str, Callable[[], str | None]]:
    """Return what cleaner does with a file, each giving the reason of a refusal, or None."""
    from cleaner.models.backbones import Preprocess

    (folder / "image.jpg").write_bytes(data)
    preprocess = Preprocess(_SIDE_PX)

    def why(task: Callable[[], object]) -> str | None:
        try:
            task()
        except ImageError as exc:
            return str(exc)
        return None

    def verdict() -> str | None:
        found = judge(folder, "image.jpg")
        return found.reason if found.verdict == "bad" else None

    return {
        "open": lambda: probe(data).problem,
        "thumbnail": lambda: why(lambda: thumbnail(data)),
        "verify": verdict,
        "embed": lambda: why(lambda: preprocess.read(data)),
    }


def work(first: int, last: int, folder: Path) -> None:
    """Look at the images, and print a line before and after each."""
    import resource

    import torch  # noqa: F401 - before the limit, which is about images

    originals()
    sizes = Path("/proc/self/statm").read_text().split()
    most = int(sizes[0]) * resource.getpagesize() + LIMIT_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    for number in range(first, last):
        what, data = mutated(number)
        print(json.dumps({"begin": number, "what": what}), flush=True)
        found: dict[str, object] = {"end": number}
        for name, look in _looks(folder, data).items():
            try:
                found[name] = look()
            except BaseException as exc:
                frame = traceback.extract_tb(exc.__traceback__)[-1]
                found.setdefault(
                    "error", f"{name}: {type(exc).__name__}: {exc} ({frame.filename}:{frame.lineno})"
                )
        print(json.dumps(found), flush=True)


# ---------------------------------------------------------------- the process that watches it


class Watch:
    """Runs workers until all images are looked at, and counts what became of them."""

    def __init__(self, images: int, folder: Path, first: int = 0) -> None:
        self.images, self.folder, self.next = images, folder, first
        self.counts: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.findings: dict[str, list[int]] = {}
        self.slowest_s = 0.0

    def run(self, *, until: float = float("inf")) -> None:
        """Look at everything, or as far as the time goes."""
        while self.next < self.images and time.monotonic() < until:
            self._worker(until)

    def _worker(self, until: float) -> None:
        arguments = ["--work", str(self.next), str(self.images), str(self.folder)]
        command = [sys.executable, __file__, *arguments]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as worker:
            assert worker.stdout is not None
            what, began = "", 0.0
            while True:
                if not self._answers(worker):
                    worker.kill()
                    self._find(f"{what}: longer than {LIMIT_S:.0f} s")
                    break
                line = worker.stdout.readline()
                if not line:
                    code = worker.wait()
                    if self.next < self.images:
                        name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
                        self._find(f"{what}: the process ended ({name})")
                    break
                told = json.loads(line)
                if "begin" in told:
                    what, began = told["what"], time.monotonic()
                    continue
                self.slowest_s = max(self.slowest_s, time.monotonic() - began)
                self._count(what, told)
                self.next, what = told["end"] + 1, ""
                if time.monotonic() > until:
                    worker.kill()
                    break

    def _answers(self, worker: subprocess.Popen[bytes]) -> bool:
        """Wait for a line; False if it takes too long, also when others use the machine."""
        process, began = psutil.Process(worker.pid), time.monotonic()
        busy_s = sum(process.cpu_times()[:2])
        while not select.select([worker.stdout], [], [], LIMIT_S)[0]:
            used_s = sum(process.cpu_times()[:2]) - busy_s
            if used_s > LIMIT_S or time.monotonic() - began > _PATIENCE_S:
                return False
        return True

    def _count(self, what: str, told: dict[str, str | None]) -> None:
        self.counts["images"] += 1
        if told.get("error"):
            self._note(f"{what.partition(':')[0]}: {told['error']}", self.next)
        for look in ("open", "thumbnail", "verify", "embed"):
            reason = told.get(look)
            self.counts[f"{look} {'accepted' if reason is None else 'refused'}"] += 1
            if reason is not None and not reason.strip():
                self._note(f"{what}: {look} refused without a reason", self.next)
            if reason is not None:
                self.reasons[reason.partition(":")[0][:60]] += 1

    def _find(self, text: str) -> None:
        self._note(text, self.next)
        self.next += 1

    def _note(self, text: str, number: int) -> None:
        self.findings.setdefault(text, []).append(number)


def main() -> None:
    """Run, and print the counts and the findings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0, help="number of the first image")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after so long")
    parser.add_argument("--only", type=int, help="look at one image, and write it to ./mutated")
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.work:
        return work(int(asked.work[0]), int(asked.work[1]), Path(asked.work[2]))
    if asked.only is not None:
        what, data = mutated(asked.only)
        Path("mutated").write_bytes(data)
        print(what, hashlib.sha256(data).hexdigest())
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        first, last = (asked.first, asked.images) if asked.only is None else (asked.only, asked.only + 1)
        watch = Watch(last, Path(folder), first)
        start = time.monotonic()
        watch.run(until=start + 60 * asked.minutes)
        seconds = time.monotonic() - start
    for name, many in sorted(watch.counts.items()):
        print(f"{name:24} {many:,}")
    for reason, many in watch.reasons.most_common(25):
        print(f"  {many:8,}  {reason}")
    print(f"{seconds:.0f} s, the slowest image {watch.slowest_s:.2f} s, {len(originals())} kinds of files")
    for text, numbers in sorted(watch.findings.items(), key=lambda item: -len(item[1])):
        print(f"FOUND {len(numbers):6,} × {text}; images {', '.join(map(str, numbers[:5]))}")
    sys.exit(bool(watch.findings))


if __name__ == "__main__":
    main()

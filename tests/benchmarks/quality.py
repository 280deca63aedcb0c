"""How well and how fast picture problems are found, beside CleanVision.

::

    python tests/benchmarks/quality.py [--peers PYTHON] [--folder DIR]

Clothing photos, 1,500 as they are and 60 more for each way of spoiling them. For each problem: the area under
the ROC curve (spoilt against unspoilt), and recall and false alarms at the default threshold. ``--peers`` is
the Python of another environment with cleanvision, which then judges the same files.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from beds import clothing_photos, jpeg
from PIL import Image, ImageFilter
from sklearn.metrics import roc_auc_score

from cleaner.quality.pixels import read_pixels
from cleaner.quality.problems import PROBLEMS, THRESHOLDS, quality
from cleaner.workspace import Workspace

N_GOOD, N_SPOILT = 1500, 60

PEERS = r"""
import json, sys, time
from cleanvision import Imagelab
kinds = ["dark", "light", "blurry", "low_information", "odd_aspect_ratio", "odd_size", "grayscale"]
start = time.process_time()
lab = Imagelab(data_path=sys.argv[1])
lab.find_issues({k: {} for k in kinds}, n_jobs=1, verbose=False)
seconds = time.process_time() - start
print("RESULT" + json.dumps({"seconds": seconds, "table": lab.issues.to_csv()}))
"""
THEIR_NAMES = {"bright": "light", "grey": "grayscale"}


def exposed(stops: float) -> Callable[[Image.Image], Image.Image]:
    """Return the function that changes the exposure, as a camera would."""

    def change(picture: Image.Image) -> Image.Image:
        linear = (np.asarray(picture, dtype=np.float32) / 255) ** 2.2 * 2**stops
        return Image.fromarray((linear.clip(0, 1) ** (1 / 2.2) * 255).astype(np.uint8))

    return change


def blurred(share: float) -> Callable[[Image.Image], Image.Image]:
    """Return the function that blurs by a share of the longer side."""
    return lambda p: p.filter(ImageFilter.GaussianBlur(max(p.size) * share))


def shaken(picture: Image.Image) -> Image.Image:
    """Blur across, by 4 % of the width."""
    n = max(3, round(picture.width * 0.04))
    pixels = np.asarray(picture, dtype=np.float32)
    total = sum(np.roll(pixels, shift, axis=1) for shift in range(n)) / n
    return Image.fromarray(total.astype(np.uint8))


def faint(picture: Image.Image) -> Image.Image:
    """Leave a twentieth of the contrast."""
    return picture.point([round(110 + (value - 128) * 0.05) for value in range(256)] * 3)


SPOILERS: dict[str, tuple[str, Callable[[Image.Image], Image.Image]]] = {
    "3 stops underexposed": ("dark", exposed(-3)),
    "5 stops underexposed": ("dark", exposed(-5)),
    "5 stops overexposed": ("bright", exposed(5)),
    "washed out": ("bright", lambda p: p.point([215 + value // 8 for value in range(256)] * 3)),
    "blurred, 0.5 % of the side": ("blurry", blurred(0.005)),
    "blurred, 1 % of the side": ("blurry", blurred(0.01)),
    "shaken, 4 % of the width": ("blurry", shaken),
    "a twentieth of the contrast": ("low_information", faint),
    "one colour": ("low_information", lambda p: Image.new("RGB", p.size, p.getpixel((5, 5)))),
    "a strip of it, 1 : 6": (
        "odd_aspect_ratio",
        lambda p: p.crop((0, p.height // 2, p.width, p.height // 2 + max(2, p.width // 6))),
    ),
    "an eighth of the size": ("odd_size", lambda p: p.resize((p.width // 8, p.height // 8))),
    "grey": ("grey", lambda p: p.convert("L").convert("RGB")),
}


def main() -> None:
    """Make the pictures once, judge them, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--peers")
    parser.add_argument("--folder", type=Path, default=Path("/tmp/cleaner-benchmark"))
    arguments = parser.parse_args()
    root = arguments.folder / "quality"
    if not root.exists():
        make(root)
    (arguments.folder / "quality-state" / "pixels.db").unlink(missing_ok=True)
    with Workspace(root, state=arguments.folder / "quality-state") as workspace:
        catalog = workspace.scan()
        start = time.process_time()
        pixels = read_pixels(catalog, index=workspace.index, db=workspace.state / "pixels.db")
        ours = quality(pixels).table.set_index("name")
        seconds = time.process_time() - start
    print(f"{len(ours):,} pictures: {seconds:.1f} s of processor ({len(ours) / seconds:.0f} a second)")
    theirs = None
    if arguments.peers:
        theirs, seconds = cleanvision(arguments.peers, root)
        print(f"CleanVision: {seconds:.1f} s of processor ({len(theirs) / seconds:.0f} a second)")
    compare(ours, theirs)


def make(root: Path) -> None:
    """Write good and spoilt photos."""
    photos = clothing_photos(N_GOOD + N_SPOILT * len(SPOILERS), seed=2)
    for k, photo in enumerate(photos[:N_GOOD]):
        write(photo, root / "good" / f"{k:04d}.jpg")
    for s, (name, (_, spoil)) in enumerate(SPOILERS.items()):
        for k, photo in enumerate(photos[N_GOOD + s * N_SPOILT :][:N_SPOILT]):
            write(spoil(photo), root / name.replace(" ", "_").replace("%", "percent") / f"{k:04d}.jpg")


def write(picture: Image.Image, path: Path) -> None:
    """Write a JPEG file of quality 85, as the photos are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    jpeg(picture).save(path, quality=85)


def cleanvision(python: str, root: Path) -> tuple[pd.DataFrame, float]:
    """Return CleanVision's verdicts, by name as ours are, and the seconds they took."""
    output = subprocess.run([python, "-c", PEERS, str(root)], capture_output=True, text=True, check=True)
    found = json.loads(output.stdout[output.stdout.rindex("RESULT") + 6 :])
    table = pd.read_csv(io.StringIO(found["table"]), index_col=0)
    table.index = pd.Index([Path(path).relative_to(root.resolve()).as_posix() for path in table.index])
    return table, found["seconds"]


def compare(ours: pd.DataFrame, theirs: pd.DataFrame | None) -> None:
    """Print one line for each way of spoiling, and the false alarms on the good photos."""
    folder = np.array([name.split("/")[0] for name in ours.index])
    good = folder == "good"
    print(
        f"{'':30s}{'':18s} ours: AUROC  flagged"
        + ("   CleanVision: AUROC  flagged" if theirs is not None else "")
    )
    for name, (problem, _) in SPOILERS.items():
        spoilt = folder == name.replace(" ", "_").replace("%", "percent")
        both = good | spoilt
        score = ours[problem].to_numpy()
        line = f"{name:30s}{problem:18s} {roc_auc_score(spoilt[both], score[both]):11.3f}"
        line += f"  {(score[spoilt] >= THRESHOLDS[problem]).mean():7.2f}"
        if theirs is not None:
            their = THEIR_NAMES.get(problem, problem)
            score = 1 - theirs[f"{their}_score"].reindex(ours.index).to_numpy()
            flagged = theirs[f"is_{their}_issue"].reindex(ours.index).to_numpy(dtype=bool)
            line += f"   {roc_auc_score(spoilt[both], score[both]):18.3f}  {flagged[spoilt].mean():7.2f}"
        print(line)
    print(f"good photos flagged, of {good.sum():,}:")
    for problem in PROBLEMS:
        line = f"    {problem:18s} {int((ours[problem].to_numpy()[good] >= THRESHOLDS[problem]).sum()):5d}"
        if theirs is not None:
            flagged = theirs[f"is_{THEIR_NAMES.get(problem, problem)}_issue"].reindex(ours.index)
            line += f"   CleanVision {int(flagged.to_numpy(dtype=bool)[good].sum()):5d}"
        print(line)


if __name__ == "__main__":
    main()

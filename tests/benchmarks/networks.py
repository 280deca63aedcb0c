"""How networks compare as eyes: processor time, and how well wrong labels are found with each.

    python tests/benchmarks/networks.py [--networks NAME …] [--folder DIR …] [--work FOLDER] [--csv OUT]

Networks: names, or weights files; by default all that are installed or in ``../shared/data/weights``. Sets:
the photos of ``../shared/data/clothing`` with its three columns of wrong labels; drawn figures, and any
folder of classes that is named, with wrong labels made here (10 % even, and 10 % between random pairs of
classes).

Printed for each network: images in a second of one processor thread's time (reading and shrinking included,
and the network alone; time of the processor, so that other work on the machine counts little); and for each
set and kind the average precision, the share of all errors in the first 10 % of the images, how often the
suggested class is the right one, and the average precision of cleanlab's best score on the same features.
The ratio compares with the built-in network. docs/networks.md holds the results.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from beds import DATA, clothing_photos, drawn_figures, jpeg
from noises import Set, evenly, in_pairs
from ranking import as_options, clothing, measures, networks_at_hand, ours, peers

from cleaner import Workspace
from cleaner.models.backbones import load_backbone
from cleaner.models.inference import Encoder
from cleaner.models.packaged import BUILT_IN
from cleaner.pipelines.rank import look
from cleaner.util.progress import SILENT

TIMED = 400
REPEATS = 3


def speed(network: str | Path) -> dict[str, float]:
    """Return images a second of processor time, on one thread: from the file, and the network alone."""
    import io

    import torch

    torch.set_num_threads(1)
    options = as_options(network)
    backbone = load_backbone(options.get("backbone"), weights=options.get("weights"), device="cpu")
    encoder = Encoder(backbone)
    files = []
    for photo in clothing_photos(TIMED, seed=1):
        data = io.BytesIO()
        jpeg(photo).save(data, "JPEG", quality=85)
        files.append(data.getvalue())
    whole, alone = [], []
    for _ in range(REPEATS):
        start = time.process_time()
        pictures = np.stack([backbone.preprocess.read(file) for file in files])
        read = time.process_time()
        encoder(pictures)
        end = time.process_time()
        whole.append(TIMED / (end - start))
        alone.append(TIMED / (end - read))
    return {"images/s": max(whole), "network alone": max(alone)}


def embedded(root: Path, network: str | Path, work: Path) -> Set:
    """Embed a folder of classes, once for each network."""
    state = work / f"{root.name} {Path(network).stem}"
    with Workspace(root, state=state, **as_options(network)) as workspace:
        embeddings = look(workspace, workspace.store.state, workspace.network, reporter=SILENT).embeddings
    truth = np.array([Path(name).parent.name for name in embeddings.names])
    return Set(root.name, np.asarray(embeddings.vectors), truth, {})


def drawn(work: Path) -> Path:
    """Draw twelve kinds of figures, once; return their folder."""
    root = work / "drawn"
    if not root.exists():
        for number, (kind, picture) in enumerate(drawn_figures(170, seed=3)):
            path = root / kind.replace(" ", "-") / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            picture.save(path)
    return root


def labels(base: Set) -> Iterator[tuple[str, np.ndarray]]:
    """Yield kinds of wrong labels: those that come with the set, or else two that are made."""
    if base.columns:
        yield from base.columns.items()
        return
    yield "even 10%", evenly(base, 0.1, 100)
    yield "pairs 10%", in_pairs(base, 0.1, 101)


def found(base: Set) -> Iterator[dict[str, Any]]:
    """Yield for each kind of wrong labels how well they are found."""
    for kind, given in labels(base):
        wrong = given != base.truth
        orders, more = ours(base.views, given)
        mine = measures(orders["cleaner pooled"], wrong)
        best = max(measures(score, wrong)["AP"] for score in peers(base.vectors, given).values())
        right = (more["suggested"] == base.truth)[wrong].mean()
        yield {
            "set": base.name,
            "noise": kind,
            "AP": mine["AP"],
            "R@10%": mine["R@10%"],
            "suggestion right": right,
            "cleanlab AP": best,
        }


def main() -> int:
    """Run the benchmark."""
    as_written = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=as_written)
    parser.add_argument("--networks", nargs="*", help="names, or weights files; default: all at hand")
    parser.add_argument("--folder", type=Path, nargs="*", default=[], help="more sets: folders of classes")
    parser.add_argument("--work", type=Path, help="folder for images and features; default: a temporary one")
    parser.add_argument("--csv", type=Path, help="write the table here")
    arguments = parser.parse_args()
    if not (DATA / "clothing" / "labels.csv").is_file():
        print(f"skipped: the development photographs are not at {DATA}")
        return 0
    rows, speeds = [], {}
    with tempfile.TemporaryDirectory() as folder:
        work = arguments.work or Path(folder)
        for network in arguments.networks or networks_at_hand():
            name = Path(network).stem
            speeds[name] = speed(network)
            print(f"{name}: {', '.join(f'{value:.0f} {what}' for what, value in speeds[name].items())}")
            bases = [replace(clothing(network, work), name="clothing")]
            bases += [embedded(root, network, work) for root in (drawn(work), *arguments.folder)]
            for base in bases:
                for row in found(base):
                    rows.append({"network": name, **row})
                    print(pd.DataFrame(rows[-1:]).round(3).to_string(index=False, header=False), flush=True)
    table = pd.DataFrame(rows)
    if arguments.csv:
        table.to_csv(arguments.csv, index=False)
    print(f"\n{table.round(3).to_string(index=False)}\n")
    built_in = table[table["network"] == BUILT_IN].set_index(["set", "noise"])["AP"]
    for name, of_one in table.groupby("network", sort=False):
        gain = (of_one.set_index(["set", "noise"])["AP"] - built_in).mean()
        ratio = speeds[name]["images/s"] / speeds.get(BUILT_IN, speeds[name])["images/s"]
        print(f"{name:24} AP {gain:+.3f} in the mean, {ratio:.2f} times the speed of {BUILT_IN}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

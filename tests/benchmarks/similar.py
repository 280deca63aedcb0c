"""How well and how fast duplicates are found.

::

    python tests/benchmarks/similar.py clothing [--weights FILE] [--peers PYTHON] [--folder DIR]
    python tests/benchmarks/similar.py edits [--weights FILE]
    python tests/benchmarks/similar.py scale

``clothing``: the photos with the 120 known copies put in, with embeddings if weights are given; ``--peers``
is the Python of another environment with cleanvision and imagehash, which then do the same. ``edits``:
copies made in many ways of photos and of other pictures. ``scale``: time and memory of the neighbours of
5,000, 20,000 and 50,000 embeddings of length 512.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from beds import SOURCE_COPIES, Known, clothing_photos, edits, lay_out_clothing, other_pictures
from PIL import Image

from cleaner.dataset.catalog import Catalog
from cleaner.duplicates.alignment import SAME
from cleaner.duplicates.pairs import NEIGHBOURS, find_similar
from cleaner.embedding import Embeddings
from cleaner.quality.pixels import GREY_SIDE_PX, Pixels, read_pixels
from cleaner.ranking.features import unit_length
from cleaner.ranking.neighbours import nearest_pairs
from cleaner.workspace import Workspace

PEERS = r"""
import json, sys, time
from pathlib import Path
root = Path(sys.argv[1]).resolve()
names = [str(p.relative_to(root)).replace("\\", "/") for p in sorted(root.rglob("*.jpg"))]
out = {}
start = time.process_time()
import imagehash, numpy as np
from PIL import Image
hashes = np.stack([imagehash.phash(Image.open(root / n)).hash.ravel() for n in names])
seconds = time.process_time() - start
signs = 2 * hashes.astype(np.float32) - 1
distance = (64 - signs @ signs.T) / 2
i, j = np.nonzero(np.triu(distance <= 12, 1))
pairs = [(names[a], names[b], float(distance[a, b])) for a, b in zip(i, j)]
out["imagehash"] = {"seconds": seconds, "pairs": pairs}
start = time.process_time()
from cleanvision import Imagelab
lab = Imagelab(data_path=str(root))
lab.find_issues({"exact_duplicates": {}, "near_duplicates": {}}, n_jobs=1, verbose=False)
sets = [s for k in ("exact_duplicates", "near_duplicates") for s in lab.info[k]["sets"]]
short = lambda p: str(Path(p).relative_to(root)).replace("\\", "/")
out["cleanvision"] = {"seconds": time.process_time() - start, "sets": [[short(p) for p in s] for s in sets]}
print("RESULT" + json.dumps(out))
"""


def main() -> None:
    """Run one of the benchmarks."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=("clothing", "edits", "scale"))
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--peers")
    parser.add_argument("--folder", type=Path, default=Path("/tmp/cleaner-benchmark"))
    arguments = parser.parse_args()
    if arguments.what == "clothing":
        clothing(arguments.folder, arguments.weights, arguments.peers)
    elif arguments.what == "edits":
        edited(arguments.weights)
    else:
        scale()


# ---------------------------------------------------------------- clothing


def clothing(folder: Path, weights: Path | None, peers: str | None) -> None:
    """Print recall, precision and leaks at several thresholds, and what other libraries find."""
    root = folder / "clothing"
    known = lay_out_clothing(root)
    with Workspace(root, state=folder / "state", weights=weights) as workspace:
        catalog = workspace.scan()
        start = time.process_time()
        pixels = read_pixels(catalog, index=workspace.index, db=workspace.state / "pixels.db")
        print(f"{len(pixels.names):,} images, looked at in {time.process_time() - start:.1f} s of processor")
        choices = {"without embeddings": None}
        if weights is not None:
            from cleaner.embedding import embed
            from cleaner.models.backbones import load_backbone

            backbone = load_backbone(weights=weights)
            cache = workspace.state / "embeddings"
            choices[f"with {backbone.name}"] = embed(
                catalog, backbone, index=workspace.index, cache_root=cache
            )
        for title, embeddings in choices.items():
            start = time.process_time()
            similar = find_similar(catalog, pixels, embeddings=embeddings)
            print(f"\n{title}: {time.process_time() - start:.1f} s of processor")
            print(f"suggested threshold {similar.suggested_threshold}")
            for threshold in (0.99, 0.97, SAME, 0.93, 0.9, 0.85, 0.8):
                table = similar.groups(threshold)
                leaks = similar.leaks(threshold)
                sets = [list(names) for _, names in table.groupby("group")["name"]]
                report(f"{threshold:.2f}", sets, known, set(zip(leaks["name"], leaks["twin"], strict=True)))
    if peers:
        output = subprocess.run([peers, "-c", PEERS, str(root)], capture_output=True, text=True, check=True)
        found = json.loads(output.stdout[output.stdout.rindex("RESULT") + 6 :])
        print(f"\nCleanVision: {found['cleanvision']['seconds']:.1f} s of processor")
        report("its own", found["cleanvision"]["sets"], known, None)
        print(f"\nimagehash.phash, 64 bits, pairs: {found['imagehash']['seconds']:.1f} s of processor")
        for limit in (0, 2, 4, 6, 8, 10, 12):
            pairs = [[a, b] for a, b, distance in found["imagehash"]["pairs"] if distance <= limit]
            report(f"≤ {limit}", pairs, known, None)


def report(title: str, sets: list[list[str]], known: list[Known], leaks: set[tuple[str, str]] | None) -> None:
    """Print one line: recall by kind, precision over pairs, recall of leaks."""
    pairs = {frozenset(pair) for names in sets for pair in combinations(names, 2)}
    recall = defaultdict(list)
    for copy in known:
        recall[copy.kind].append(frozenset((copy.original, copy.copy)) in pairs)
    true = true_pairs(known, {name for pair in pairs for name in pair})
    right = sum(pair in true for pair in pairs)
    line = "  ".join(f"{kind} {np.mean(hits):.3f}" for kind, hits in recall.items())
    line = f"{title:>8}  {line}  precision {right / max(1, len(pairs)):.3f} of {len(pairs)} pairs"
    if leaks is not None:
        crossing = [copy for copy in known if copy.leak]
        hits = [bool({(c.original, c.copy), (c.copy, c.original)} & leaks) for c in crossing]
        line += f"  leaks {np.mean(hits):.3f} of {len(crossing)}"
    print(line)


def true_pairs(known: list[Known], names: set[str]) -> set[frozenset[str]]:
    """Return all pairs that show the same photo: those put in, those of the source, and what follows."""
    families = {copy.original: {copy.original, copy.copy} for copy in known}
    for copy in known:
        families[copy.original].add(copy.copy)
    short = {name.rsplit("/", 1)[1]: name for name in names}
    for a, b in SOURCE_COPIES:
        if a in short and b in short:
            first, second = families.get(short[a], {short[a]}), families.get(short[b], {short[b]})
            families[short[a]] = families[short[b]] = first | second
    return {frozenset(pair) for family in families.values() for pair in combinations(family, 2)}


# ---------------------------------------------------------------- edits


def edited(weights: Path | None) -> None:
    """Print how many of the edited copies are found, and how many different pictures are called the same."""
    photos = clothing_photos(200, seed=3)
    look = features(weights) if weights is not None else None
    print("200 clothing photos and an edited copy of each: recall without and with embeddings, false pairs")
    for name, change in edits().items():
        pictures = photos + [change(picture) for picture in photos]
        line = f"{name:32s}"
        for vectors in (None, look(pictures)) if look else (None,):
            catalog, pixels, embeddings = bed(pictures, vectors)
            table = find_similar(catalog, pixels, embeddings=embeddings).groups()
            sets = [[int(n) % 200 for n in names] for _, names in table.groupby("group")["name"]]
            found = {a for rows in sets for a, b in combinations(rows, 2) if a == b}
            false = sum(a != b for rows in sets for a, b in combinations(rows, 2))
            line += f"  {len(found) / 200:.3f} ({false})"
        print(line, flush=True)
    chosen = ("JPEG quality 60", "resized to 75 %", "cropped by 2 % a side", "cropped by 5 % a side")
    for name, pictures in [("clothing photos", photos), *other_pictures()]:
        other_bed(name, pictures, [*chosen, "30 % brighter", "40 % darker"])


def features(weights: Path) -> Callable[[list[Image.Image]], np.ndarray]:
    """Return the function that embeds pictures."""
    from cleaner.models.backbones import load_backbone
    from cleaner.models.inference import Encoder

    backbone = load_backbone(weights=weights)
    encoder = Encoder(backbone)

    def look(pictures: list[Image.Image]) -> np.ndarray:
        small = [backbone.preprocess.shrink(picture) for picture in pictures]
        return np.concatenate([encoder(np.stack(small[k : k + 16])) for k in range(0, len(small), 16)])

    return look


def other_bed(name: str, pictures: list[Image.Image], kinds: list[str]) -> None:
    """Put copies of a third into a set, and print what is found at the default and suggested thresholds."""
    rng = np.random.default_rng(5)
    change = edits()
    everything = list(pictures)
    family = list(range(len(pictures)))
    made: list[tuple[int, str]] = []
    for kind in kinds:
        for k in rng.choice(len(pictures), min(60, len(pictures) // 4), replace=False).tolist():
            made.append((len(everything), kind))
            everything.append(change[kind](pictures[k]))
            family.append(k)
    similar = find_similar(*bed(everything)[:2])
    for threshold in dict.fromkeys((SAME, similar.suggested_threshold)):
        sets = [[int(n) for n in names] for _, names in similar.groups(threshold).groupby("group")["name"]]
        home = {row: g for g, rows in enumerate(sets) for row in rows}
        recall = defaultdict(list)
        for row, kind in made:
            recall[kind].append(home.get(row, -1) == home.get(family[row], -2))
        pairs = [family[a] == family[b] for rows in sets for a, b in combinations(rows, 2)]
        line = "  ".join(f"{kind} {np.mean(hits):.2f}" for kind, hits in recall.items())
        print(f"{name} ({len(pictures):,} + {len(made)}), threshold {threshold}:\n    {line}")
        print(f"    {len(pairs) - sum(pairs)} of {len(pairs)} pairs are of different pictures")


def bed(
    pictures: list[Image.Image], vectors: np.ndarray | None = None
) -> tuple[Catalog, Pixels, Embeddings | None]:
    """Make a catalog of numbered pictures, with what would be known of their files."""
    names = [f"{k:06d}" for k in range(len(pictures))]
    hashes = [hashlib.sha256(p.tobytes() + str(p.size).encode()).hexdigest() for p in pictures]
    first = {digest: k for k, digest in reversed(list(enumerate(hashes)))}
    pixels = Pixels(
        names=names,
        hashes=hashes,
        widths=np.array([picture.width for picture in pictures]),
        heights=np.array([picture.height for picture in pictures]),
        contents=sorted(first),
        grey=np.stack([small(pictures[first[digest]]) for digest in sorted(first)]),
        measures={},
    )
    embeddings = None
    if vectors is not None:
        embeddings = Embeddings(names=names, vectors=vectors, hashes=hashes, key="benchmark")
    return Catalog(pd.DataFrame({"name": names, "label": None})), pixels, embeddings


def small(picture: Image.Image) -> np.ndarray:
    """Return the small grey picture that is compared."""
    side = (GREY_SIDE_PX, GREY_SIDE_PX)
    return np.asarray(picture.convert("L").resize(side, Image.Resampling.BILINEAR))


# ---------------------------------------------------------------- scale


def scale() -> None:
    """Print time and memory of the neighbours; each size in a process of its own, to see its peak."""
    for n in (5_000, 20_000, 50_000):
        subprocess.run([sys.executable, "-c", ONE_SCALE, str(n)], check=True, cwd=Path(__file__).parent)


ONE_SCALE = "import sys; import similar; similar.one_scale(int(sys.argv[1]))"


def one_scale(n: int) -> None:
    """Print a line for ``n`` embeddings of length 512, in 200 clusters."""
    rng = np.random.default_rng(0)
    rows = np.empty((n, 512), dtype=np.float32)
    centres = rng.normal(size=(200, 512)).astype(np.float32)
    for start in range(0, n, 5000):
        part = rows[start : start + 5000]
        rng.standard_normal(dtype=np.float32, out=part)
        part += centres[rng.integers(0, 200, len(part))]
    rows = unit_length(rows)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    start, busy = time.perf_counter(), time.process_time()
    i, _, _ = nearest_pairs(rows, k=NEIGHBOURS, floor=0.45)
    wall, busy = time.perf_counter() - start, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{n:6,} × 512: {wall:6.1f} s, {busy:6.1f} s of processor, {len(i):,} pairs, "
        f"+{peak - before:.0f} MB beside the {rows.nbytes / 2**20:.0f} MB of embeddings "
        f"(a matrix of all pairs: {4 * n * n / 2**20:,.0f} MB)",
        flush=True,
    )


if __name__ == "__main__":
    main()

"""How well images that belong to no class are found.

::

    python tests/benchmarks/outliers.py --weights FILE [--weights FILE ...]

Strangers among 1,500 clothing photos with 15 % biased label noise: pictures of another kind, 5 or 60 of each,
and photos of classes that the set then does not have, 40 of each. Strangers have random labels or, "one", all
the same. Printed: area under the ROC curve / average precision, ours and that of the mean distance to the 10
nearest neighbours (cleanlab's score, and its default k).
"""

from __future__ import annotations

import argparse
import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
from beds import DATA, line_chart
from PIL import Image, ImageDraw
from sklearn.datasets import load_digits, load_sample_images
from sklearn.metrics import average_precision_score, roc_auc_score

from cleaner.dataset.catalog import Catalog
from cleaner.models.backbones import load_backbone
from cleaner.models.inference import Encoder
from cleaner.quality.outliers import find_outliers
from cleaner.ranking.features import unit_length

N = 1500


def main() -> None:
    """Embed everything once, then plant and look."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--weights", type=Path, action="append", required=True)
    for weights in parser.parse_args().weights:
        backbone = load_backbone(weights=weights)
        print(f"\n{backbone.name}: ours AUROC / AP, ten nearest neighbours AUROC / AP")
        encoder = Encoder(backbone)

        def look(pictures: list[Image.Image]) -> np.ndarray:
            small = [backbone.preprocess.shrink(p) for p in pictures]  # noqa: B023 - used at once
            parts = [encoder(np.stack(small[k : k + 16])) for k in range(0, len(small), 16)]  # noqa: B023
            return np.concatenate(parts)

        run(look)


def run(look: Callable[[list[Image.Image]], np.ndarray]) -> None:
    """Print one line for each kind of strangers."""
    pictures, given, true = clothing()
    vectors = look(pictures)
    rng = np.random.default_rng(4)
    classes = sorted(set(true))
    everyone = np.arange(len(pictures))
    figures = []
    for kind, strangers in kinds():
        strange = look(strangers)
        for n in (5, 60):
            for one in (False, True):
                chosen = rng.choice(everyone, N, replace=False)
                labels = [given[k] for k in chosen] + stranger_labels(n, classes, one, rng)
                figures.append(judge(np.concatenate([vectors[chosen], strange[:n]]), labels, n))
                show(f"{n} {kind}{', one label' if one else ''}", figures[-1])
    for absent in (("hat",), ("shoes",), ("dress",), ("hat", "shoes")):
        others = [c for c in classes if c not in absent]
        inside = [k for k in everyone if true[k] not in absent and given[k] not in absent]
        outside = [k for k in everyone if true[k] in absent]
        for one in (False, True):
            chosen, strange_rows = (
                rng.choice(inside, N, replace=False),
                rng.choice(outside, 40, replace=False),
            )
            labels = [given[k] for k in chosen] + stranger_labels(40, others, one, rng)
            figures.append(judge(vectors[np.concatenate([chosen, strange_rows])], labels, 40))
            show(f"40 {' or '.join(absent)}{', one label' if one else ''}", figures[-1])
    show("mean", tuple(np.mean(figures, axis=0)))


def stranger_labels(n: int, classes: list[str], one: bool, rng: np.random.Generator) -> list[str]:
    """Return labels for strangers."""
    return [classes[-1]] * n if one else [str(label) for label in rng.choice(classes, n)]


def judge(vectors: np.ndarray, labels: list[str], n_strange: int) -> tuple[float, ...]:
    """Return the figures of both methods; the strangers come last."""
    names = [f"{k:05d}" for k in range(len(labels))]
    embeddings = SimpleNamespace(names=names, vectors=vectors, hashes=names, key="benchmark")
    table = find_outliers(Catalog(pd.DataFrame({"name": names, "label": labels})), embeddings).table
    truth = np.arange(len(labels)) >= len(labels) - n_strange
    cosine = (rows := unit_length(vectors)) @ rows.T
    np.fill_diagonal(cosine, -np.inf)
    few = 1 - np.partition(cosine, -10, axis=1)[:, -10:].mean(axis=1)
    scores = (table["score"].to_numpy(), few)
    return tuple(f(truth, s) for s in scores for f in (roc_auc_score, average_precision_score))


def show(title: str, figures: tuple[float, ...]) -> None:
    """Print one line."""
    ours, our_ap, theirs, their_ap = figures
    print(f"{title:45s} {ours:.3f} / {our_ap:.2f}   {theirs:.3f} / {their_ap:.2f}", flush=True)


def clothing() -> tuple[list[Image.Image], list[str], list[str]]:
    """Return 3,409 photos, their biased noisy labels and their true ones."""
    pictures, given, true = [], [], []
    rows = pd.read_csv(DATA / "clothing" / "labels.csv")
    with zipfile.ZipFile(DATA / "clothing" / "images.zip") as packed:
        for row in rows[rows["split"] != "test"].itertuples():
            pictures.append(Image.open(io.BytesIO(packed.read(str(row.name)))).convert("RGB"))
            given.append(str(row.asym15))
            true.append(str(row.true_label))
    return pictures, given, true


def kinds() -> Iterator[tuple[str, list[Image.Image]]]:
    """Yield sixty pictures of each of some other kinds."""
    rng = np.random.default_rng(21)
    digits = [Image.fromarray((16 * d).clip(0, 255).astype(np.uint8)) for d in load_digits().images[:60]]
    yield "digits", [digit.convert("RGB").resize((200, 200)) for digit in digits]
    yield "pages of text", [page(rng) for _ in range(60)]
    photos = [Image.fromarray(pixels) for pixels in load_sample_images().images]
    yield "parts of a temple and a flower", [part(photos[k % 2], rng) for k in range(60)]
    yield "line charts", [line_chart(rng) for _ in range(60)]
    yield "noise and plain colours", [nothing(rng, k) for k in range(60)]


def page(rng: np.random.Generator) -> Image.Image:
    """Draw a page of letters."""
    picture = Image.new("RGB", (220, 300), "white")
    size = int(rng.integers(9, 16))
    for y in range(10, 280, size + 4):
        line = "".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz    "), 40))
        ImageDraw.Draw(picture).text((10, y), line, fill="black", font_size=size)
    return picture


def part(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Cut out a part."""
    width = int(rng.integers(150, 320))
    height = min(int(width * rng.uniform(0.7, 1.3)), photo.height)
    x, y = int(rng.integers(0, photo.width - width)), int(rng.integers(0, photo.height - height + 1))
    return photo.crop((x, y, x + width, y + height))


def nothing(rng: np.random.Generator, k: int) -> Image.Image:
    """Make noise, fine or coarse, or one colour."""
    if k % 3 == 0:
        return Image.new("RGB", (200, 200), tuple(rng.integers(0, 256, 3).tolist()))
    side = 200 if k % 3 == 1 else 8
    noise = Image.fromarray(rng.integers(0, 256, (side, side, 3), dtype=np.uint8))
    return noise.resize((200, 200), Image.Resampling.NEAREST)


if __name__ == "__main__":
    main()

"""How well each ordering finds wrong labels, beside cleanlab's scores; and how far the score can be believed.

    python tests/benchmarks/ranking.py [--networks NAME …] [--kinds NAME …] [--work FOLDER] [--csv OUT]

Sets: the photos of ``../shared/data/clothing``, once for each network (names, or weights files; default:
lite0+lite2, which is the default of cleaner, and all that are installed or in ``../shared/data/weights``),
and scikit-learn's handwritten digits by their pixels.
Kinds of noise: the three columns of ``labels.csv``, and more made here, some of which follow no noise matrix:
*unsure* puts errors where another model is unsure, *nothing* files pictures of one class at random and takes
the class away.
cleanlab (which must be installed) is given what suits it best: five-fold logistic regression on embeddings
of unit length. Higher is better in every column but the seconds.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
from noises import KINDS, Set, out_of_fold

from cleaner.models.packaged import BUILT_IN, JOINT, SECOND

DATA = Path(__file__).resolve().parents[2] / ".." / "shared" / "data"
DEPTHS = (0.05, 0.1, 0.2, 0.3)
BINS = (0, 0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 1)


def networks_at_hand() -> list[str | Path]:
    """Return the names of the networks whose weights are installed, and the weights files of the data."""
    from cleaner.errors import WeightsUnavailableError
    from cleaner.models.packaged import PACKAGED, packaged_file

    found: list[str | Path] = []
    for name in PACKAGED:
        try:
            packaged_file(name)
        except WeightsUnavailableError as exc:
            print(f"{name} skipped: {exc}")
        else:
            found.append(name)
    return [*found, *sorted((DATA / "weights").glob("*.safetensors"))]


def as_options(network: str | Path) -> dict[str, str | Path]:
    """Return what a `Workspace` needs to know of a network: its name, or the file of its weights."""
    is_file = Path(network).suffix in (".safetensors", ".pth")
    return {"weights": Path(network)} if is_file else {"backbone": str(network)}


def clothing(network: str | Path, work: Path) -> Set:
    """Embed train and valid of the clothing photos, once for each network (a name, or a weights file)."""
    from cleaner import Workspace
    from cleaner.pipelines.rank import look
    from cleaner.util.progress import SILENT

    with (DATA / "clothing" / "labels.csv").open(newline="", encoding="utf-8") as file:
        rows = {row["name"]: row for row in csv.DictReader(file) if row["split"] != "test"}
    root = work / "photos"
    if not root.exists():
        with zipfile.ZipFile(DATA / "clothing" / "images.zip") as packed:
            for member in packed.namelist():
                if (row := rows.get(Path(member).name)) is not None:
                    path = root / row["true_label"] / row["name"]
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(packed.read(member))
    name = Path(network).stem
    with Workspace(root, state=work / name, **as_options(network)) as workspace:
        seen = look(workspace, workspace.store.state, workspace.network, reporter=SILENT)
    views = [np.asarray(each.vectors) for each in (seen.embeddings, *seen.more)]
    kept = [rows[Path(name).name] for name in seen.embeddings.names]
    columns = {kind: np.array([row[kind] for row in kept]) for kind in ("sym10", "sym20", "asym15")}
    truth = np.array([row["true_label"] for row in kept])
    return Set(name, np.hstack(views), truth, columns, widths=tuple(view.shape[1] for view in views))


def digits() -> Set:
    """Return the handwritten digits by their pixels."""
    from sklearn.datasets import load_digits

    data = load_digits()
    return Set("digits", data.data.astype(np.float32), data.target.astype(str), {})


RATES = (("even", 0.01), ("even", 0.4), ("pairs", 0.1), ("default", 0.06), ("unsure", 0.03))
RATES += (("unsure", 0.15), ("nothing", 0.03))


def noises(base: Set, wanted: set[str]) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the name of each kind of noise and the given labels; empty = not in the set."""
    for name, given in base.columns.items():
        if not wanted or name in wanted:
            yield name, given
    for seed, (kind, rate) in enumerate(RATES):
        if not wanted or kind in wanted:
            yield f"{kind} {rate:.0%}", KINDS[kind](base, rate, 100 + seed)


def peers(vectors: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    """Return cleanlab's scores, higher = worse."""
    from cleanlab.rank import get_label_quality_scores

    codes = np.unique(labels, return_inverse=True)[1]
    p = out_of_fold(vectors, labels)
    methods = ("self_confidence", "normalized_margin", "confidence_weighted_entropy")
    found = {f"cleanlab {m}": -get_label_quality_scores(codes, p, method=m) for m in methods}
    adjusted = get_label_quality_scores(codes, p, method="self_confidence", adjust_pred_probs=True)
    return {**found, "cleanlab adjusted": -adjusted}


def ours(views: list[np.ndarray], labels: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return our orderings by what each network sees, higher = worse, and score, suggestion and seconds."""
    from cleaner import Catalog
    from cleaner.ranking import ORDERINGS, rank

    names = [f"{i:06d}" for i in range(len(labels))]
    catalog = Catalog(pd.DataFrame({"name": names, "label": labels, "split": "train"}))
    started = time.perf_counter()
    seen = [
        SimpleNamespace(names=names, vectors=each, hashes=names, key=str(i)) for i, each in enumerate(views)
    ]
    ranking = rank(catalog, *seen)
    seconds = time.perf_counter() - started
    found = {}
    for by in ORDERINGS:
        order = np.array([int(name) for name in ranking.order(by)])
        found[f"cleaner {by}"] = -np.argsort(order).astype(float)
    suggested = np.array(ranking.classes)[ranking.suggested]
    return found, {"score": ranking.signals["pooled"], "suggested": suggested, "seconds": np.array(seconds)}


def measures(score: np.ndarray, wrong: np.ndarray) -> dict[str, float]:
    """Return average precision, area under the ROC curve, precision at 100 and recall at some depths."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    order = wrong[np.argsort(-score, kind="stable")]
    recall = {f"R@{d:.0%}": order[: round(d * len(order))].sum() / wrong.sum() for d in DEPTHS}
    values = {"AP": average_precision_score(wrong, score), "AUROC": roc_auc_score(wrong, score)}
    return {**values, "P@100": order[:100].mean(), **recall}


def run(bases: list[Set], wanted: set[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the table of measures, and score beside share of wrong labels in bins."""
    rows, believed = [], []
    for base in bases:
        for kind, labels in noises(base, wanted):
            there = labels != ""
            vectors, given, truth = base.vectors[there], labels[there], base.truth[there]
            wrong = given != truth
            mine, more = ours([view[there] for view in base.views], given)
            where = {"set": base.name, "noise": kind, "wrong": int(wrong.sum()), "of": len(wrong)}
            right = (more["suggested"] == truth)[wrong & np.isin(truth, given)]
            for name, score in {**mine, **peers(vectors, given)}.items():
                row = {**where, "ordering": name, **measures(score, wrong)}
                if name == "cleaner pooled":
                    row |= {"suggestion right": right.mean() if len(right) else np.nan}
                    row |= {"expected": more["score"].sum(), "seconds": float(more["seconds"])}
                rows.append(row)
            believed.append(pd.DataFrame({**where, "score": more["score"], "is wrong": wrong}))
            print(
                pd.DataFrame(rows[-len(mine) - 4 :])
                .drop(columns=["set", "noise"])
                .round(3)
                .to_string(index=False)
            )
            print(f"  ({base.name}, {kind})\n", flush=True)
    every = pd.concat(believed)
    every["bin"] = pd.cut(every["score"], BINS, include_lowest=True)
    return pd.DataFrame(rows), every.groupby(["set", "noise", "bin"], observed=True)[
        ["score", "is wrong"]
    ].agg(["mean", "size"])


def main() -> int:
    """Run the benchmark."""
    as_written = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=as_written)
    parser.add_argument("--networks", nargs="*", help="names, or weights files; default: all at hand")
    parser.add_argument("--kinds", nargs="*", default=[], help="names of noises; default: all")
    parser.add_argument(
        "--work", type=Path, help="folder for photos and embeddings; default: a temporary one"
    )
    parser.add_argument("--csv", type=Path, help="write the table here")
    arguments = parser.parse_args()
    networks = arguments.networks
    if networks is None:
        networks = [JOINT.join((BUILT_IN, SECOND)), *networks_at_hand()]
    if networks and not (DATA / "clothing" / "labels.csv").is_file():
        print(f"photographs skipped: they are not at {DATA}")
        networks = []
    with tempfile.TemporaryDirectory() as folder:
        work = arguments.work or Path(folder)
        bases = [*(clothing(network, work) for network in networks), digits()]
        table, believed = run(bases, set(arguments.kinds))
    if arguments.csv:
        table.to_csv(arguments.csv, index=False)
    print(
        table.pivot_table(index=["set", "noise"], columns="ordering", values="AP", sort=False)
        .round(3)
        .to_string()
    )
    print("\nscore (mean) beside the share of wrong labels, by bins of the score")
    shown = believed.drop(columns=("is wrong", "size"))
    print(shown.set_axis(["score", "images", "wrong"], axis=1).round(3).to_string())
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""``cleaner rank``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from cleaner.cli import options as o
from cleaner.cli.console import give_table, progress, say
from cleaner.cli.status import network_in_words

SPLITS = ("train", "valid", "test")
_SHOWN = 20
Ordering = Literal[
    "pooled", "loss", "self_confidence", "normalized_margin", "in_sample_loss", "least_confident"
]


def _splits(text: str | None) -> str | None:
    unknown = set(filter(None, (text or "").split(","))) - set(SPLITS)
    if unknown:
        msg = f"got {sorted(unknown)}; expected one or more of {','.join(SPLITS)}, separated by commas"
        raise typer.BadParameter(msg)
    return text


def rank(
    folder: o.Folder,
    images: o.SetOptions,
    network: o.NetworkOptions,
    *,
    csv: o.Table = None,
    split: Annotated[
        str | None,
        typer.Option(metavar="NAMES", callback=_splits, help="List only these splits, such as train,valid."),
    ] = None,
    ordering: Annotated[
        Ordering, typer.Option(help="What to sort by; pooled combines all signals.")
    ] = "pooled",
    pred_probs: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Out-of-sample probabilities from your own model: one row per image (sorted by name), one "
            "column per class (sorted), as .npy, .npz or CSV; a CSV file with the columns name and one for "
            "each class may have any order. Needs no network; --weights or --backbone are combined with it.",
        ),
    ] = None,
) -> None:
    """List the images whose label is probably wrong, most suspicious first.

    Every image is judged by models that have not seen it. The columns are name, split, given_label,
    predicted_label, probability, loss (nats), score (probability that the label is wrong) and
    suggested_label. The first run reads all images, with two networks unless you name one: --backbone lite0
    takes a third of the time. Later runs are faster, because they use the state folder.
    """
    with o.opened(folder, images, network) as workspace, progress() as reporter:
        if pred_probs is None:
            ranking = workspace.rank(reporter=reporter)
            if not workspace.network.named:
                say(f"Network: {network_in_words(workspace)}")
        else:
            from cleaner.pipelines.rank import rank_given

            review = workspace.store.state
            ranking = rank_given(workspace, review, workspace.network, pred_probs, reporter=reporter)
    table = ranking.table
    if ordering != "pooled":
        table = table.set_index("name").loc[list(ranking.order(ordering))].reset_index()
    if split:
        table = table[table["split"].isin(split.split(","))]
    give_table(
        table,
        csv,
        columns=["name", "given_label", "suggested_label", "score"],
        most=_SHOWN,
        told=f"{len(table):,} images, most suspicious first",
    )

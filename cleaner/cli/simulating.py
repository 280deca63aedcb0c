"""``cleaner simulate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cleaner.cli import options as o
from cleaner.cli.console import ask_without_weights, progress, result, say, write_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["simulate"]

_SHARES = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0)


def simulate(
    folder: o.Folder,
    *,
    truth: Annotated[
        Path, typer.Option(metavar="FILE", help="CSV file with the columns name,label: the right labels.")
    ],
    labels: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="Column of that file with the given labels. Default: those of DIR."
        ),
    ] = None,
    looks: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Images to look at. Default: all of them.")
    ] = None,
    page: Annotated[int, typer.Option(metavar="N", min=1, help="Images on a page.")] = 24,
    reviewer_error: Annotated[
        float, typer.Option(metavar="P", min=0, max=0.99, help="Chance that the expert judges wrongly.")
    ] = 0.0,
    audit: Annotated[
        int, typer.Option(metavar="N", min=0, help="Images of a random audit after those looks.")
    ] = 0,
    csv: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help='Where to write a row for each page; "-": the standard output.'),
    ] = None,
    weights: o.Weights = None,
    backbone: o.Backbone = None,
    from_scratch: o.FromScratch = False,
    seed: o.Seed = 0,
    state: o.State = None,
    follow_links: o.FollowLinks = False,
) -> None:
    """Show what a review would find, played by an expert with known answers.

    The decisions are made page by page through the same code as in the browser, once for each ordering: the
    default one that learns from the decisions ("learning"), the same without learning ("pooled"), and a
    random one. Nothing of it touches your own decisions.
    """

    def compute(scratch: bool) -> pd.DataFrame:
        from cleaner.session.known_answers import simulate_review

        with (
            o.opened(
                folder,
                weights=weights,
                backbone=backbone,
                from_scratch=scratch,
                seed=seed,
                state=state,
                follow_links=follow_links,
            ) as workspace,
            progress() as reporter,
        ):
            return simulate_review(
                workspace,
                truth,
                labels=labels,
                looks=looks,
                page_size=page,
                reviewer_error=reviewer_error,
                audit=audit,
                reporter=reporter,
            )

    table = ask_without_weights(compute, from_scratch=from_scratch)
    if csv is not None:
        write_table(table, csv)
        say(f"{len(table):,} pages{'' if str(csv) == '-' else f': {csv}'}")
    else:
        _show(table)


def _show(table: pd.DataFrame) -> None:
    """Write the share of all errors that were found after some shares of the looks."""
    import pandas as pd

    if table["recall"].isna().all():
        say("There is no error to find: every label agrees with the truth.")
        return
    most = int(table["looks"].max())
    columns = {}
    for ordering, rows in table.groupby("ordering", sort=False):
        at = [rows[rows["looks"] >= share * most].iloc[0] for share in _SHARES]
        columns[ordering] = [row["recall"] for row in at]
        columns.setdefault("looks", [row["looks"] for row in at])
    shown = pd.DataFrame({"looks": columns.pop("looks"), **columns})
    result(shown.to_string(index=False, float_format="%.3f"))
    say("Share of all errors found after so many looks; --csv FILE writes a row for each page.")

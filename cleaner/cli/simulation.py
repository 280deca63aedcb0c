"""``cleaner simulate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cleaner.cli import options as o
from cleaner.cli.console import progress, result, say, write_table

if TYPE_CHECKING:
    import pandas as pd

_SHARES = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0)


def simulate(
    folder: o.Folder,
    network: o.NetworkOptions,
    *,
    truth: Annotated[
        Path, typer.Option(metavar="FILE", help="CSV file with the columns name,label: the correct labels.")
    ],
    labels: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="Column of that file with the given labels. Default: those of DIR."
        ),
    ] = None,
    looks: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Number of images to review. Default: all.")
    ] = None,
    page: Annotated[int, typer.Option(metavar="N", min=1, help="Images per page.")] = 24,
    reviewer_error: Annotated[
        float, typer.Option(metavar="P", min=0, max=0.99, help="Probability that the expert is mistaken.")
    ] = 0.0,
    audit: Annotated[
        int, typer.Option(metavar="N", min=0, help="Random images to audit after the review.")
    ] = 0,
    groups: Annotated[
        bool,
        typer.Option("--groups", help="Also relabel whole groups at once, and count the keys of both ways."),
    ] = False,
    csv: o.Table = None,
    state: o.State = None,
    follow_links: o.FollowLinks = False,
) -> None:
    """Show how many errors a review would find, played by an expert who knows the correct labels.

    The review runs page by page through the same code as in the browser, once for each ordering: the default,
    which learns from the decisions ("learning"), the same without learning ("pooled"), and a random one. With
    --groups, once more with the groups with one fix before single images ("groups"). Your own decisions stay
    as they are.
    """
    from cleaner.session.known_answers import simulate_review
    from cleaner.session.simulation import GROUPS, LEARNING, RANDOM

    more: dict[str, Any] = {"state": state, "follow_links": follow_links}
    with o.opened(folder, network, **more) as workspace, progress() as reporter:
        table = simulate_review(
            workspace,
            truth,
            labels=labels,
            orderings=(LEARNING, *([GROUPS] if groups else []), "pooled", RANDOM),
            looks=looks,
            page_size=page,
            reviewer_error=reviewer_error,
            audit=audit,
            reporter=reporter,
        )
    if csv is not None:
        write_table(table, csv, told=f"{len(table):,} pages")
    else:
        _show(table)


def _show(table: pd.DataFrame) -> None:
    """Print the share of all errors that was found after some shares of the images reviewed."""
    import pandas as pd

    if table["recall"].isna().all():
        say("There are no errors to find: every label agrees with the correct one.")
        return
    most = int(table.groupby("ordering")["looks"].max().min())
    columns: dict[str, list[object]] = {}
    told: dict[str, list[object]] = {}
    for ordering, rows in table.groupby("ordering", sort=False):
        at = [rows[rows["looks"] >= share * most].iloc[0] for share in _SHARES]
        columns[str(ordering)] = [row["recall"] for row in at]
        columns.setdefault("looks", [row["looks"] for row in at])
        if ordering == "learning":
            told = {"left": [row["left"] for row in at], "said": [_said(row) for row in at]}
    shown = pd.DataFrame({"looks": columns.pop("looks"), **columns, **told})
    result(shown.to_string(index=False, float_format="%.3f"))
    say("Share of all errors found after that many images (looks); --csv FILE writes one row for each page.")
    if told:
        say("left: errors not found yet in the order that learns; said: what the page says of their number.")
    _show_keys(table)


def _said(row: pd.Series[Any]) -> str:
    """Return the interval for the number of errors left; a dash where there is none."""
    low, high = row["left_low"], row["left_high"]
    return f"{low:.0f} to {high:.0f}" if low == low else "-"


def _show_keys(table: pd.DataFrame) -> None:
    """Tell how many keys both ways take to the same number of wrong labels, where the groups end."""
    groups, single = (table[table["ordering"] == ordering] for ordering in ("groups", "learning"))
    if not groups["groups"].any():
        return
    end = groups[groups["groups"] == groups["groups"].max()].iloc[0]
    reached = single[single["wrong_left"] <= end["wrong_left"]]
    if len(reached):
        say(
            f"With groups, {end['keys']:,} keys leave {end['wrong_left']:,} wrong labels; one by one, "
            f"{reached.iloc[0]['keys']:,} keys do."
        )

"""``cleaner duplicates`` and ``cleaner problems``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cleaner.cli import options as o
from cleaner.cli.console import progress, result, say, write_table
from cleaner.util.wording import count

if TYPE_CHECKING:
    import pandas as pd

    from cleaner.pipelines.checks import Checks

__all__ = ["duplicates", "problems"]

_SHOWN = 40

Csv = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help='Where to write all that was found; "-" writes it to the standard output.'
    ),
]


def duplicates(
    folder: o.Folder,
    *,
    csv: Csv = None,
    leaks: Annotated[
        bool,
        typer.Option(
            "--leaks", help="List only images of validation or test that are in the training set, too."
        ),
    ] = False,
    threshold: Annotated[
        float | None,
        typer.Option(
            min=0.7,
            max=1.0,
            help="How alike: 1 exact copies only, 0.95 the same picture, less: look-alikes. "
            "Default: 0.95, or more where different pictures are that alike.",
        ),
    ] = None,
    weights: o.Weights = None,
    backbone: o.Backbone = None,
    from_scratch: o.FromScratch = False,
    labels: o.Labels = None,
    state: o.State = None,
    store: o.Store = None,
    group: o.Group = None,
    follow_links: o.FollowLinks = False,
) -> None:
    """Find copies: exact, re-encoded, resized, cropped, mirrored; also between splits and under two labels.

    Every group names one image to keep. Nothing is changed. Deleted images are left out, and so are pairs
    that somebody called different.
    """
    found, decided = _checked(
        folder,
        weights=weights,
        backbone=backbone,
        from_scratch=from_scratch,
        labels=labels,
        state=state,
        store=store,
        group=group,
        follow_links=follow_links,
    )
    similar = found.similar
    threshold = similar.suggested_threshold if threshold is None else threshold
    table = (similar.leaks if leaks else similar.groups)(threshold, **decided)
    columns = ["name", "twin", "kind"] if leaks else ["group", "name", "label", "split", "kind", "suggested"]
    _give(table, columns, csv)
    counts = found.counts(threshold, **decided)
    say(
        f"{count(counts['groups'], 'group')} at a threshold of {threshold:g}, "
        f"{count(counts['duplicates'], 'image')} more than needed. "
        f"Groups with several labels: {counts['two_labels']:,}. Leaks between splits: {counts['leaks']:,}."
    )
    if found.outliers is None:
        say(
            "Without pretrained weights (--weights FILE), mirrored copies and look-alikes are not looked for."
        )


def problems(
    folder: o.Folder,
    *,
    csv: Csv = None,
    weights: o.Weights = None,
    backbone: o.Backbone = None,
    from_scratch: o.FromScratch = False,
    labels: o.Labels = None,
    state: o.State = None,
    store: o.Store = None,
    group: o.Group = None,
    follow_links: o.FollowLinks = False,
) -> None:
    """List pictures that are dark, bright, blurry, empty, of an odd shape or size, grey, or of no class.

    The worst come first; each has a score from 0 to 1. Nothing is changed.
    """
    found, decided = _checked(
        folder,
        weights=weights,
        backbone=backbone,
        from_scratch=from_scratch,
        labels=labels,
        state=state,
        store=store,
        group=group,
        follow_links=follow_links,
    )
    from cleaner.quality.problems import spoken_problem

    table = found.problems()
    table = table[~table["name"].isin(list(decided["without"]))]
    table = table.assign(problem=table["problem"].map(spoken_problem))
    _give(table, ["name", "problem", "score"], csv)
    counts = ", ".join(f"{n:,} {problem}" for problem, n in table["problem"].value_counts().items())
    found_in = count(table["name"].nunique(), "picture")
    say(f"{found_in}: {counts}." if counts else "No picture has such a problem.")
    if found.outliers is None:
        say("Without pretrained weights (--weights FILE), outliers are not looked for.")


def _checked(folder: Path, **options: Any) -> tuple[Checks, dict[str, Any]]:
    from cleaner.pipelines.check import check, decided

    with o.opened(folder, **options) as workspace, progress() as reporter:
        return check(workspace, reporter=reporter), decided(workspace)


def _give(table: pd.DataFrame, columns: list[str], csv: Path | None) -> None:
    if csv is not None:
        write_table(table, csv)
        return
    if len(table):
        result(table[columns].head(_SHOWN).to_string(index=False, float_format="%.2f"))
    if len(table) > _SHOWN:
        say(f"The first {_SHOWN} of {len(table):,}; --csv FILE writes them all.")

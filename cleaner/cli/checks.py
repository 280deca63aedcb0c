"""``cleaner duplicates`` and ``cleaner problems``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cleaner.cli import options as o
from cleaner.cli.console import give_table, progress, say
from cleaner.util.wording import count

if TYPE_CHECKING:
    from cleaner.pipelines.checks import Checks

_SHOWN = 40


def duplicates(
    folder: o.Folder,
    images: o.SetOptions,
    network: o.NetworkOptions,
    *,
    csv: o.Table = None,
    leaks: Annotated[
        bool,
        typer.Option(
            "--leaks", help="List only validation and test images that are also in the training set."
        ),
    ] = False,
    threshold: Annotated[
        float | None,
        typer.Option(
            min=0.7,
            max=1.0,
            help="How similar two images must be: 1 for exact copies only, 0.95 for the same image, less for "
            "similar images. Default: 0.95, or more if different images in this set are that similar.",
        ),
    ] = None,
) -> None:
    """Find duplicates: exact, re-encoded, resized, cropped or mirrored, across splits and labels too.

    In a group with one label, one image is suggested to keep. In a group with several labels, one of them
    must be wrong: nothing is suggested, decide on the page which label is right. Nothing is changed. Deleted
    images are left out, and so are pairs that a reviewer marked as not duplicates.
    """
    found, decided = _checked(folder, images, network)
    similar = found.similar
    threshold = similar.suggested_threshold if threshold is None else threshold
    table = (similar.leaks if leaks else similar.groups)(threshold, **decided)
    columns = ["name", "twin", "kind"] if leaks else ["group", "name", "label", "split", "kind", "suggested"]
    give_table(table, csv, columns=columns, most=_SHOWN)
    counts = found.counts(threshold, **decided)
    say(
        f"{count(counts['groups'], 'group')} at a threshold of {threshold:g}, with "
        f"{count(counts['duplicates'], 'redundant image')}. "
        f"Groups with more than one label: {counts['two_labels']:,}. "
        f"Leaks between splits: {counts['leaks']:,}."
    )
    if found.outliers is None:
        say("Finding mirrored and similar images needs a pretrained network, such as --backbone lite0.")


def problems(
    folder: o.Folder, images: o.SetOptions, network: o.NetworkOptions, *, csv: o.Table = None
) -> None:
    """List poor images (dark, bright, blurry, empty, of unusual shape or size, grey) and outliers.

    The worst come first; each has a score from 0 to 1. Nothing is changed.
    """
    found, decided = _checked(folder, images, network)
    from cleaner.quality.problems import spoken_problem

    table = found.problems()
    table = table[~table["name"].isin(list(decided["without"]))]
    table = table.assign(problem=table["problem"].map(spoken_problem))
    give_table(table, csv, columns=["name", "problem", "score"], most=_SHOWN)
    counts = ", ".join(f"{n:,} {problem}" for problem, n in table["problem"].value_counts().items())
    found_in = count(table["name"].nunique(), "image")
    say(f"{found_in}: {counts}." if counts else "No poor images found.")
    if found.outliers is None:
        say("Finding outliers needs a pretrained network, such as --backbone lite0.")


def _checked(folder: Path, images: o.SetOptions, network: o.NetworkOptions) -> tuple[Checks, dict[str, Any]]:
    from cleaner.pipelines.checks import check, decided

    with o.opened(folder, images, network) as workspace, progress() as reporter:
        review = workspace.store.state
        found = check(workspace, review, workspace.network, reporter=reporter)
        return found, decided(workspace.catalog, review)

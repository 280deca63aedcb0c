"""The options that several commands share, each described once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cleaner.cli.console import say

if TYPE_CHECKING:
    from cleaner.workspace import Workspace

__all__ = [
    "Backbone",
    "Folder",
    "FollowLinks",
    "FromScratch",
    "Group",
    "Labels",
    "Reviewer",
    "Seed",
    "State",
    "Store",
    "Weights",
    "opened",
]

_SET = "Which images"
_MODEL = "Which network"

Folder = Annotated[
    Path,
    typer.Argument(
        metavar="DIR",
        help="Folder of images (one folder a class, also below train/ and valid/), or a CSV file.",
    ),
]
Labels = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="CSV file with the columns name,label[,split], names relative to DIR, instead of folder names.",
        rich_help_panel=_SET,
    ),
]
State = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Where decisions, features and models are kept. Default: DIR/.cleaner.",
        rich_help_panel=_SET,
    ),
]
Store = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Database for the decisions, e.g. postgresql+psycopg://user@host/reviews. "
        "Default: a file in the state.",
        rich_help_panel=_SET,
    ),
]
Group = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="CSV column (patient, specimen, source) whose images must never be divided between splits.",
        rich_help_panel=_SET,
    ),
]
FollowLinks = Annotated[
    bool,
    typer.Option("--follow-links", help="Also read links that lead out of DIR.", rich_help_panel=_SET),
]
Reviewer = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Who decides. Default: your login name.", rich_help_panel=_SET),
]
Weights = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Pretrained weights: a safetensors file or a torchvision state dict.",
        rich_help_panel=_MODEL,
    ),
]
Backbone = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="A torchvision classification network, or timm/NAME. "
        "Default: mobilenet_v2; where there is CUDA: convnext_tiny.",
        rich_help_panel=_MODEL,
    ),
]
FromScratch = Annotated[
    bool,
    typer.Option(
        "--from-scratch", help="Use no pretrained weights, and ask for none.", rich_help_panel=_MODEL
    ),
]
Seed = Annotated[
    int, typer.Option(help="Seed of the split and of everything random.", rich_help_panel=_MODEL)
]


@contextmanager
def opened(folder: Path, **options: Any) -> Iterator[Workspace]:
    """Open a workspace for one command, and say what a person should know (a read-only root, for instance).

    Parameters
    ----------
    folder : Path
        Root of the data set, or its CSV file.
    **options
        What `Workspace` takes.
    """
    from cleaner.workspace import Workspace

    with Workspace(folder, **options) as workspace:
        try:
            yield workspace
        finally:
            for notice in workspace.notices:
                say(f"Note: {notice}")

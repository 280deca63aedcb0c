"""The options that several commands share: each stands here once, and commands take them in groups."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import typer

from cleaner.cli.console import say

if TYPE_CHECKING:
    from cleaner.workspace import Workspace

_SET = "Which images"
_MODEL = "Which network"
_SERVER = "Server"

Folder = Annotated[
    Path,
    typer.Argument(
        metavar="DIR",
        help="Folder of images with one folder per class (also below train/ and valid/), or a CSV file.",
    ),
]
Table = Annotated[
    Path | None,
    typer.Option("--csv", metavar="FILE", help='Write the whole table to a CSV file; "-" prints it.'),
]
State = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Folder for decisions, features and models. Default: DIR/.cleaner.",
        rich_help_panel=_SET,
    ),
]
FollowLinks = Annotated[
    bool,
    typer.Option("--follow-links", help="Also follow links that lead out of DIR.", rich_help_panel=_SET),
]
Reviewer = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="Name of the reviewer. Default: your login name.", rich_help_panel=_SET
    ),
]


@dataclass(frozen=True)
class SetOptions:
    """Which images a command works on, and where the decisions about them are kept."""

    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="CSV file with the columns name,label[,split] to use instead of the folder names. "
            "Names are relative to DIR.",
            rich_help_panel=_SET,
        ),
    ] = None
    state: State = None
    store: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Database for the decisions, such as postgresql+psycopg://user@host/reviews. "
            "Default: a file in the state folder.",
            rich_help_panel=_SET,
        ),
    ] = None
    group: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="CSV column (patient, specimen, source) whose images must stay together in one split.",
            rich_help_panel=_SET,
        ),
    ] = None
    follow_links: FollowLinks = False


@dataclass(frozen=True)
class NetworkOptions:
    """Which network judges the images."""

    weights: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Pretrained weights: a safetensors file or a torchvision state dict.",
            rich_help_panel=_MODEL,
        ),
    ] = None
    backbone: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="A torchvision classification network, or timm/NAME. "
            "Default: mobilenet_v2, or convnext_tiny if there is a CUDA graphics card.",
            rich_help_panel=_MODEL,
        ),
    ] = None
    from_scratch: Annotated[
        bool,
        typer.Option(
            "--from-scratch", help="Work without pretrained weights, and do not ask.", rich_help_panel=_MODEL
        ),
    ] = False
    seed: Annotated[
        int,
        typer.Option(help="Seed for the split and everything else that is random.", rich_help_panel=_MODEL),
    ] = 0


@dataclass(frozen=True)
class ServerOptions:
    """How the dashboard is served."""

    port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            help="Port to listen on; 0 takes any free port. Default: 8866, or the next free port.",
            rich_help_panel=_SERVER,
        ),
    ] = None
    no_browser: Annotated[
        bool,
        typer.Option(
            "--no-browser", help="Print the address, but do not open a browser.", rich_help_panel=_SERVER
        ),
    ] = False
    ip: Annotated[
        str, typer.Option(help="Address to listen on. Default: this machine only.", rich_help_panel=_SERVER)
    ] = "127.0.0.1"
    token: Annotated[
        str | None,
        typer.Option(
            help="Secret in the address of the page. Default: a new one each time.", rich_help_panel=_SERVER
        ),
    ] = None
    theme: Annotated[
        Literal["light", "dark"] | None,
        typer.Option(
            help="Colours of the page. Default: those of the visitor's system.", rich_help_panel=_SERVER
        ),
    ] = None


def spread(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command one option for each field of the groups that it takes.

    A parameter whose type is one of the dataclasses above is replaced by the fields of that dataclass; the
    command gets the group. Typer reads the options from the signature.
    """
    parameters: list[inspect.Parameter] = []
    groups: dict[str, type[Any]] = {}
    for parameter in inspect.signature(command, eval_str=True).parameters.values():
        kind = parameter.annotation
        if not (isinstance(kind, type) and is_dataclass(kind)):
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
            continue
        groups[parameter.name] = kind
        hints = get_type_hints(kind, include_extras=True)
        parameters += [
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=field.default,
                annotation=hints[field.name],
            )
            for field in fields(kind)
        ]

    @functools.wraps(command)
    def run(**given: Any) -> None:
        for name, group in groups.items():
            given[name] = group(**{field.name: given.pop(field.name) for field in fields(group)})
        command(**given)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # read by typer
    return run


@contextmanager
def opened(folder: Path, *groups: SetOptions | NetworkOptions, **more: Any) -> Iterator[Workspace]:
    """Open a workspace for one command, and print its notices (about a read-only root, for instance).

    Parameters
    ----------
    folder : Path
        Root of the data set, or its CSV file.
    *groups
        Options as they were typed.
    **more
        Further arguments of `Workspace`, which replace those of the groups.
    """
    from cleaner.workspace import Workspace

    options = {name: value for group in groups for name, value in asdict(group).items()}
    with Workspace(folder, **options | more) as workspace:
        try:
            yield workspace
        finally:
            for notice in workspace.notices:
                say(f"Note: {notice}")

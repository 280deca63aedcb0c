"""``cleaner app`` and ``cleaner demo``: the dashboard in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from cleaner.cli import options as o
from cleaner.cli.console import progress, say
from cleaner.errors import CatalogError

__all__ = ["app", "demo"]

_SERVER = "Server"

Port = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=65535,
        help="Port to listen on; 0: any free one. Default: 8866 or the next free.",
        rich_help_panel=_SERVER,
    ),
]
NoBrowser = Annotated[
    bool,
    typer.Option("--no-browser", help="Only print the address; open no browser.", rich_help_panel=_SERVER),
]
Ip = Annotated[
    str, typer.Option(help="Address to listen on. Default: this machine only.", rich_help_panel=_SERVER)
]
Token = Annotated[
    str | None,
    typer.Option(
        help="Secret in the address of the page. Default: a new one each time.", rich_help_panel=_SERVER
    ),
]
Theme = Annotated[
    Literal["light", "dark"] | None,
    typer.Option(
        help="Colours of the page. Default: as the visitor's system has them.", rich_help_panel=_SERVER
    ),
]


def app(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DIR]", help="Folder of images or CSV file. Without it, the page lets you choose one."
        ),
    ] = None,
    *,
    weights: o.Weights = None,
    backbone: o.Backbone = None,
    from_scratch: o.FromScratch = False,
    seed: o.Seed = 0,
    labels: o.Labels = None,
    state: o.State = None,
    store: o.Store = None,
    reviewer: o.Reviewer = None,
    group: o.Group = None,
    follow_links: o.FollowLinks = False,
    port: Port = None,
    no_browser: NoBrowser = False,
    ip: Ip = "127.0.0.1",
    token: Token = None,
    theme: Theme = None,
    root: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where the page may look for data sets. Default: your home folder.",
            rich_help_panel=_SERVER,
        ),
    ] = None,
) -> None:
    """Open the dashboard on a folder of images, in the browser.

    It prints its address, with a secret token in it, and runs until Ctrl-C. Every decision is on the disk
    before the page shows it as saved; opening the same folder again goes on where you stopped.
    """
    if folder is None and (labels or state or group):
        msg = (
            "--labels, --state and --group belong to one set: name it, as in “cleaner app DIR --labels FILE”"
        )
        raise typer.BadParameter(msg)
    if folder is not None and not folder.expanduser().exists():
        msg = f"The folder {folder} does not exist. Give the folder of the pictures, or a CSV file of names."
        raise CatalogError(msg)
    options: dict[str, Any] = {
        "weights": _absolute(weights),
        "backbone": backbone,
        "from_scratch": from_scratch,
        "seed": seed,
        "labels": _absolute(labels),
        "state": _absolute(state),
        "store": store,
        "reviewer": reviewer,
        "group": group,
        "follow_links": follow_links,
    }
    _serve(
        folder,
        options=options,
        browse_root=root,
        port=port,
        browser=not no_browser,
        ip=ip,
        token=token,
        theme=theme,
    )


def demo(
    *,
    directory: Annotated[
        Path | None,
        typer.Option("--dir", metavar="DIR", help="Where the example is written. Default: your data folder."),
    ] = None,
    port: Port = None,
    no_browser: NoBrowser = False,
    ip: Ip = "127.0.0.1",
    token: Token = None,
    theme: Theme = None,
) -> None:
    """Open the dashboard on a built-in example: handwritten digits, about 5 % of them with a wrong label.

    Nothing is downloaded. The first page is up within a minute of the first start, at once later.
    """
    from cleaner.cli.demo_set import make_demo, prepare_demo

    folder = make_demo(directory)
    say(f"The example is in {folder}.")
    with progress() as reporter:
        wrong = prepare_demo(folder, reporter=reporter)
    say(f"Of the 24 labels that look most suspicious, {wrong} are wrong: see whether you find them.")
    _serve(
        folder,
        options={"from_scratch": True},
        browse_root=None,
        port=port,
        browser=not no_browser,
        ip=ip,
        token=token,
        theme=theme,
    )


def _absolute(path: Path | None) -> str | None:
    return None if path is None else str(path.expanduser().resolve())


def _serve(folder: Path | None, **arguments: Any) -> None:
    from cleaner.dashboard.server import serve

    code = serve(folder, say=typer.echo, **arguments)
    if code:
        raise typer.Exit(code)

"""``cleaner app`` and ``cleaner demo``: the dashboard in a browser."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from cleaner.cli import options as o
from cleaner.cli.console import progress, say
from cleaner.errors import CatalogError
from cleaner.images.archives import exists


def app(
    images: o.SetOptions,
    network: o.NetworkOptions,
    server: o.ServerOptions,
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DIR]",
            help="Folder or archive of images, or a CSV file. Left out, you choose one on the page.",
        ),
    ] = None,
    *,
    reviewer: o.Reviewer = None,
    root: Annotated[
        Path | None,
        o.of_server(
            metavar="DIR", help="Folder in which the page may look for data sets. Default: your home folder."
        ),
    ] = None,
) -> None:
    """Open the dashboard on a folder of images, in your browser.

    The command prints the address of the page, which contains a secret token, and runs until you press
    Ctrl-C. Every decision is saved at once. Open the same folder again to continue where you stopped.
    """
    of_one_set = {
        name: value for name, value in asdict(images).items() if name not in ("store", "follow_links")
    }
    if folder is None and any(of_one_set.values()):
        named = ", ".join(f"--{name.replace('_', '-')}" for name, value in of_one_set.items() if value)
        msg = f"{named}: name the folder, too, as in “cleaner app DIR --labels FILE”"
        raise typer.BadParameter(msg)
    if folder is not None and not exists(folder.expanduser()):
        msg = f"The folder {folder} does not exist. Give the folder of the images, or a CSV file of names."
        raise CatalogError(msg)
    options = {**asdict(network), **asdict(images), "reviewer": reviewer}
    if images.store:
        options["store"] = o.without_password(images.store)
    _serve(folder, server, options=options, browse_root=root)


def demo(
    server: o.ServerOptions,
    *,
    directory: Annotated[
        Path | None,
        typer.Option("--dir", metavar="DIR", help="Folder for the example. Default: your data folder."),
    ] = None,
) -> None:
    """Open the dashboard on a built-in example: handwritten digits, about 5 % of them with a wrong label.

    Nothing is downloaded. The first start takes up to a minute; later starts are immediate.
    """
    from cleaner.collect.example import make_example

    folder = make_example(directory)
    say(f"The example is in {folder}.")
    wrong = _rank_example(folder)
    say(f"Of the 24 most suspicious labels, {wrong} are wrong. Can you find them?")
    _serve(folder, server, options={"from_scratch": True}, browse_root=None)


def _rank_example(folder: Path) -> int:
    """Rank the example, unless it is ranked; return how many of the first 24 images have a wrong label."""
    from cleaner.collect.example import wrong_names
    from cleaner.workspace import Workspace

    with progress() as reporter, Workspace(folder, from_scratch=True) as workspace:
        ranking = workspace.ranking() or workspace.rank(reporter=reporter)
        return len(wrong_names(folder, ranking.table["name"][:24]))


def _serve(
    folder: Path | None, server: o.ServerOptions, *, options: dict[str, Any], browse_root: Path | None
) -> None:
    from cleaner.dashboard.server import serve

    how = asdict(server)
    browser = not how.pop("no_browser")
    how["socket_path"] = how.pop("socket")
    code = serve(folder, options=options, browse_root=browse_root, browser=browser, say=typer.echo, **how)
    if code:
        raise typer.Exit(code)

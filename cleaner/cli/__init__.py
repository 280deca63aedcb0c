"""The ``cleaner`` command: the whole job without a browser, and the door to the dashboard."""

from __future__ import annotations

import inspect
import io
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from cleaner.cli.classes import classes
from cleaner.cli.collecting import download, verify
from cleaner.cli.console import guarded
from cleaner.cli.files import apply, export, merge, restore
from cleaner.cli.page import app as open_app
from cleaner.cli.page import demo
from cleaner.cli.ranking import rank
from cleaner.cli.similar import duplicates, problems
from cleaner.cli.simulating import simulate
from cleaner.cli.status import status
from cleaner.cli.training import predict, train
from cleaner.version import __version__

__all__ = ["app", "main"]

app = typer.Typer(
    name="cleaner",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Command = tuple[Callable[..., None], str, tuple[str, ...]]

_COMMANDS: dict[str, tuple[Command, ...]] = {
    "In the browser": (
        (demo, "demo", ("cleaner demo", "cleaner demo --port 8900 --no-browser")),
        (open_app, "app", ("cleaner app bears", "cleaner app bears --weights mobilenet_v2.safetensors")),
    ),
    "Get and check images": (
        (download, "download", ("cleaner download urls-teddy.txt bears/teddy --max-pics 200",)),
        (verify, "verify", ("cleaner verify bears", "cleaner verify bears --csv report.csv --quarantine")),
        (
            duplicates,
            "duplicates",
            ("cleaner duplicates bears", "cleaner duplicates bears --leaks --csv leaks.csv"),
        ),
        (problems, "problems", ("cleaner problems bears", "cleaner problems bears --csv problems.csv")),
    ),
    "Find errors, train": (
        (
            rank,
            "rank",
            ("cleaner rank bears --csv ranking.csv", "cleaner rank bears --split valid --csv - | head"),
        ),
        (
            simulate,
            "simulate",
            (
                "cleaner simulate bears --truth truth.csv --looks 500",
                "cleaner simulate bears --truth t.csv --csv -",
            ),
        ),
        (train, "train", ("cleaner train bears --epochs 4 --out bears.safetensors",)),
        (predict, "predict", ("cleaner predict bears.safetensors new/*.jpg > predictions.csv",)),
    ),
    "Decisions and files": (
        (status, "status", ("cleaner status bears",)),
        (
            classes,
            "classes",
            ("cleaner classes bears", "cleaner classes bears --merge grizly grizzly"),
        ),
        (apply, "apply", ("cleaner apply bears", "cleaner apply bears --yes")),
        (restore, "restore", ("cleaner restore bears", "cleaner restore bears grizzly/012.jpg")),
        (export, "export", ("cleaner export bears --to bears-clean --link",)),
        (merge, "merge", ("cleaner merge bears decisions-of-anna.csv",)),
    ),
}
"""What the command offers: function, name and examples, by panel of the help."""


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"cleaner {__version__}")
        raise typer.Exit


def cleaner(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and stop."),
    ] = False,
) -> None:
    """Find and fix the wrong images in a labelled data set.

    Start with "cleaner demo": it opens the dashboard on a built-in example. Then "cleaner app DIR" does the
    same with your own folder of images. Image files are never changed. They move only when you say so
    ("apply --yes", "verify --quarantine"), into a trash folder from which "restore" brings them back.
    """


def _paragraphs(function: Callable[..., None]) -> str:
    """Return a docstring with one line a paragraph, so that the terminal's width breaks the lines."""
    paragraphs = inspect.cleandoc(function.__doc__ or "").split("\n\n")
    return "\n\n".join(paragraph.replace("\n", " ") for paragraph in paragraphs)


app.callback(help=_paragraphs(cleaner))(cleaner)
for _panel, _commands in _COMMANDS.items():
    for _function, _name, _examples in _commands:
        app.command(
            _name,
            help=_paragraphs(_function),
            rich_help_panel=_panel,
            epilog="\n\n".join(["Example:" if len(_examples) == 1 else "Examples:", *_examples]),
        )(guarded(_function))


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A name that the terminal cannot write must not end the command; in a pipe, CSV files are UTF-8.
            stream.reconfigure(errors="backslashreplace", encoding=None if stream.isatty() else "utf-8")
    app()

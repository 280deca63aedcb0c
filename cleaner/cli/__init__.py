"""The ``cleaner`` command: the whole job without a browser, and the door to the dashboard."""

import inspect
import io
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from cleaner.cli import page
from cleaner.cli.agreement import agreement
from cleaner.cli.audit import audit, report
from cleaner.cli.checks import duplicates, problems
from cleaner.cli.classes import classes
from cleaner.cli.collection import download, verify
from cleaner.cli.embedding import embed
from cleaner.cli.files import apply, merge, restore
from cleaner.cli.foreign import export, import_
from cleaner.cli.options import as_command
from cleaner.cli.packet import packet
from cleaner.cli.ranking import rank
from cleaner.cli.result import result
from cleaner.cli.serving import serve
from cleaner.cli.simulation import simulate
from cleaner.cli.status import status
from cleaner.cli.training import predict, train
from cleaner.cli.worth import worth
from cleaner.version import __version__

__all__ = ["app", "main"]

app = typer.Typer(
    name="cleaner",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

COMMANDS: dict[str, dict[Callable[..., None], tuple[str, ...]]] = {
    "In the browser": {
        page.demo: ("cleaner demo", "cleaner demo --port 8900 --no-browser"),
        page.app: ("cleaner app bears", "cleaner app bears --backbone best"),
    },
    "Collect and check images": {
        import_: (
            "cleaner import annotations.json --images photos",
            "cleaner import detections.json --crops",
        ),
        download: ("cleaner download urls-teddy.txt bears/teddy --max-pics 200",),
        verify: ("cleaner verify bears", "cleaner verify bears --csv report.csv --quarantine"),
        duplicates: ("cleaner duplicates bears", "cleaner duplicates bears --leaks --csv leaks.csv"),
        problems: ("cleaner problems bears", "cleaner problems bears --csv problems.csv"),
    },
    "Find errors and train": {
        embed: (
            "cleaner embed bears",
            "cleaner embed s3://bucket/bears --state bears-state --engine ray --address auto",
        ),
        rank: ("cleaner rank bears --csv ranking.csv", "cleaner rank bears --split valid --csv - | head"),
        simulate: (
            "cleaner simulate bears --truth truth.csv --looks 500",
            "cleaner simulate bears --truth t.csv --csv -",
        ),
        worth: ("cleaner worth bears",),
        train: ("cleaner train bears --epochs 4 --out bears.safetensors",),
        predict: ("cleaner predict bears.safetensors new/*.jpg > predictions.csv",),
        serve: ("cleaner serve bears.safetensors", "cleaner serve bears.safetensors --port 8900"),
    },
    "Decisions and files": {
        status: ("cleaner status bears",),
        audit: ("cleaner audit bears", "cleaner audit bears --plan single --aql 1 --ltpd 5"),
        agreement: (
            "cleaner agreement bears",
            "cleaner agreement bears --second-opinions 10 --asked-again 5",
            "cleaner agreement bears --known-answers truth.csv --reviewer expert",
        ),
        report: ("cleaner report bears", "cleaner report bears --output bears.html"),
        classes: ("cleaner classes bears", "cleaner classes bears --merge grizly grizzly"),
        result: ("cleaner result bears", "cleaner result bears --to bears-final.csv"),
        apply: ("cleaner apply bears", "cleaner apply bears --yes"),
        restore: ("cleaner restore bears", "cleaner restore bears grizzly/012.jpg"),
        export: (
            "cleaner export bears --to bears-clean --link",
            "cleaner export photos/annotations.labels.csv --to reviewed --format coco",
            "cleaner export bears --model --to bears.safetensors --onnx",
        ),
        packet: ("cleaner packet bears --top 200 --output for-anna.html",),
        merge: ("cleaner merge bears decisions-of-anna.csv",),
    },
}
"""The commands with their examples, by panel of the help; a command is named like its function, without a
last underscore."""


def name_of(function: Callable[..., None]) -> str:
    """Return the name of a command: ``import_`` cannot be called ``import`` in Python."""
    return function.__name__.rstrip("_")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"cleaner {__version__}")
        raise typer.Exit


def cleaner(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """Find and fix the wrong labels and poor images in a labelled data set.

    Start with "cleaner demo", which opens the dashboard on a built-in example. Then use "cleaner app DIR" to
    open your own folder of images. Image files are never changed. They are moved only when you ask for it
    ("apply --yes", "verify --quarantine"), into a trash folder; "restore" brings them back.
    """


def _paragraphs(function: Callable[..., None]) -> str:
    """Return a docstring with one line a paragraph, so that the terminal's width breaks the lines."""
    paragraphs = inspect.cleandoc(function.__doc__ or "").split("\n\n")
    return "\n\n".join(paragraph.replace("\n", " ") for paragraph in paragraphs)


app.callback(help=_paragraphs(cleaner))(cleaner)
for _panel, _commands in COMMANDS.items():
    for _function, _examples in _commands.items():
        app.command(
            name_of(_function),
            help=_paragraphs(_function),
            rich_help_panel=_panel,
            epilog="\n\n".join(["Example:" if len(_examples) == 1 else "Examples:", *_examples]),
        )(as_command(_function))


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A name that the terminal cannot write must not end the command; in a pipe, CSV files are UTF-8.
            stream.reconfigure(errors="backslashreplace", encoding=None if stream.isatty() else "utf-8")
    app()

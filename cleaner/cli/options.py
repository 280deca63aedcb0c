"""The options that several commands share: each stands here once, and commands take them in groups."""

from __future__ import annotations

import functools
import inspect
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import typer

from cleaner.cli.console import check_target, errors_as_sentences, say, told
from cleaner.errors import TrainingError
from cleaner.training.recipe import BASE_LR, Balance, Precision, Recipe
from cleaner.util.passwords import split_password
from cleaner.util.wording import rate_words

if TYPE_CHECKING:
    from cleaner.workspace import Workspace

_of_set = functools.partial(typer.Option, rich_help_panel="Which images")
_of_table = functools.partial(
    typer.Option, rich_help_panel='How to read the CSV file (remembered; "" guesses again)'
)
_of_network = functools.partial(typer.Option, rich_help_panel="Which network")
_of_training = functools.partial(typer.Option, rich_help_panel="How to train")
of_server = functools.partial(typer.Option, rich_help_panel="Server")

Folder = Annotated[
    Path,
    typer.Argument(
        metavar="DIR",
        help="Folder of images with one folder per class (also below train/ and valid/), a zip or tar "
        "archive of such, or a CSV file.",
    ),
]
TARGET = object()
"""In ``Annotated``, marks the option of a file that is written in the end: checked before the work."""

Table = Annotated[
    Path | None,
    typer.Option("--csv", metavar="FILE", help='Write the whole table to a CSV file; "-" prints it.'),
    TARGET,
]
State = Annotated[
    Path | None,
    _of_set(
        metavar="DIR",
        help="Folder for decisions, features and models. Default: DIR/.cleaner, or ARCHIVE.cleaner.",
    ),
]
FollowLinks = Annotated[bool, _of_set("--follow-links", help="Also follow links that lead out of DIR.")]
Reviewer = Annotated[
    str | None, _of_set(metavar="NAME", help="Name of the reviewer. Default: your login name.")
]


@dataclass(frozen=True)
class ImageOptions:
    """Which images a command works on, and how a table of them is read."""

    labels: Annotated[
        Path | None,
        _of_set(
            metavar="FILE",
            help="CSV file with the columns name,label[,split] to use instead of the folder names. "
            "Names are relative to DIR.",
        ),
    ] = None
    state: State = None
    name_column: Annotated[
        str | None,
        _of_table(
            metavar="COLUMN", help="Column of the image names. Default: the one whose values are files."
        ),
    ] = None
    label_column: Annotated[
        str | None,
        _of_table(
            metavar="COLUMN",
            help="Column of the labels; for a table with one column per class, all of them with commas "
            "between. Default: by its name, or the one with few values that repeat.",
        ),
    ] = None
    split_column: Annotated[
        str | None,
        _of_table(metavar="COLUMN", help="Column of the splits; - if there is none. Default: by its values."),
    ] = None
    delimiter: Annotated[
        str | None,
        _of_table(
            metavar="CHARACTER",
            help="What separates the columns: a character, or comma, semicolon, tab, pipe, space. "
            "Default: what fits the rows.",
        ),
    ] = None
    encoding: Annotated[
        str | None, _of_table(metavar="NAME", help="Encoding of the file, such as cp1251. Default: Unicode.")
    ] = None
    label_separator: Annotated[
        str | None,
        _of_table(
            metavar="CHARACTER",
            help="What stands between several labels of an image, such as “;”; - if each image has one. "
            "Default: by the labels.",
        ),
    ] = None
    follow_links: FollowLinks = False


@dataclass(frozen=True)
class SetOptions(ImageOptions):
    """Which images a command works on, and where the decisions about them are kept."""

    store: Annotated[
        str | None,
        _of_set(
            metavar="URL",
            help="Database for the decisions, such as postgresql+psycopg://user@host/reviews; its password "
            "belongs into ~/.pgpass or PGPASSWORD. Default: a file in the state folder.",
        ),
    ] = None
    dataset: Annotated[
        str | None,
        _of_set(
            metavar="NAME",
            help="Name of the set among the decisions, remembered from then on. Default: the remembered "
            "name, at first that of the folder or table. Colleagues who share a database need the same name.",
        ),
    ] = None
    group: Annotated[
        str | None,
        _of_set(
            metavar="COLUMN",
            help="CSV column (patient, specimen, source) whose images must stay together in one split.",
        ),
    ] = None
    layout: Annotated[
        str | None,
        _of_set(
            metavar="LEVELS",
            help="What the folders mean, from the outermost one on: class, split/class, class/split; * for "
            "folders that say nothing, as in */class. It is remembered. Default: as remembered; in a new "
            "set, a guess, which “status” tells. auto guesses anew.",
        ),
    ] = None


@dataclass(frozen=True)
class NetworkOptions:
    """Which network judges the images."""

    weights: Annotated[
        Path | None,
        _of_network(
            metavar="FILE", help="Pretrained weights: a safetensors file or a torchvision state dict."
        ),
    ] = None
    backbone: Annotated[
        str | None,
        _of_network(
            metavar="NAME",
            help="lite0, lite2, a torchvision classification network, timm/NAME, or best: the strongest that "
            "is installed or can be downloaded. With two names, such as lite0+lite2, both look: that finds "
            "more and takes the time of both. Default: what was named for this set before, else lite0+lite2; "
            "on the page lite0 first, then both; best if there is a CUDA graphics card.",
        ),
    ] = None
    from_scratch: Annotated[
        bool,
        _of_network(
            "--from-scratch",
            help="Use no pretrained weights. Fit for digits and the like; photos need a pretrained network.",
        ),
    ] = False
    seed: Annotated[int, _of_network(help="Seed for the split and everything else that is random.")] = 0


@dataclass(frozen=True)
class TrainingOptions:
    """How a network is trained; the same as `cleaner.training.recipe.Recipe`, and the rate."""

    lr: Annotated[
        str,
        _of_training(
            metavar="RATE",
            help="Highest learning rate, or LOW:HIGH for rates that rise from the first layers to the last, "
            "such as 1e-5:1e-3.",
        ),
    ] = rate_words(BASE_LR)
    weight_decay: Annotated[
        float, _of_training(help="How strongly large weights are held back.", metavar="NUMBER")
    ] = Recipe.weight_decay
    mixup: Annotated[
        float,
        _of_training(
            metavar="ALPHA",
            help="Blend images, and their labels, with each other; 0.4 is usual. For few images and many "
            "epochs.",
        ),
    ] = Recipe.mixup
    cutmix: Annotated[
        float,
        _of_training(metavar="ALPHA", help="Paste a piece of one image into another instead; 1 is usual."),
    ] = Recipe.cutmix
    label_smoothing: Annotated[
        float,
        _of_training(
            metavar="SHARE",
            help="Believe labels a little less; 0.1 is usual. Helps where some of them are wrong.",
        ),
    ] = Recipe.label_smoothing
    balance: Annotated[
        Balance,
        _of_training(
            help="For classes of very different sizes: weights counts errors in rare classes more, "
            "oversample repeats their images."
        ),
    ] = Recipe.balance
    precision: Annotated[
        Precision, _of_training(help="Type of number to compute in. Default: what the device is fast at.")
    ] = Recipe.precision
    sizes: Annotated[
        str,
        _of_training(
            metavar="PX,PX",
            help="Begin with small images, which is faster, and end with the size of the network, such as "
            "128,224. The epochs are divided among the sizes.",
        ),
    ] = ""
    patience: Annotated[
        int,
        _of_training(
            metavar="EPOCHS",
            help="Stop when the error has been worse than its best, beyond noise, for so many epochs, and "
            "keep the best. Default: never.",
        ),
    ] = Recipe.patience

    @property
    def rate(self) -> float | slice:
        """The rate, or the two between which rates rise.

        Raises
        ------
        TrainingError
            What was typed is no rate.
        """
        try:
            rates = [float(part) for part in self.lr.split(":")]
        except ValueError:
            rates = []
        if len(rates) not in (1, 2) or not all(0 < rate < math.inf for rate in rates):
            msg = f"Got {self.lr!r} as --lr; expected a positive number, such as 2e-3, or two, as 1e-5:1e-3."
            raise TrainingError(msg)
        return rates[0] if len(rates) == 1 else slice(*rates)

    @property
    def recipe(self) -> Recipe:
        """The other options; raises `TrainingError` if one of them is out of its range."""
        given = asdict(self)
        del given["lr"]
        parts = [part.strip() for part in self.sizes.split(",") if part.strip()]
        if not all(part.isdecimal() for part in parts):
            msg = f"Got {self.sizes!r} as --sizes; expected numbers of pixels with commas, such as 128,224."
            raise TrainingError(msg)
        return Recipe(**{**given, "sizes": tuple(map(int, parts))})


@dataclass(frozen=True)
class ServerOptions:
    """How the dashboard is served."""

    port: Annotated[
        int | None,
        of_server(
            min=0,
            max=65535,
            help="Port to listen on; 0 takes any free port. Default: 8866, or the next free port.",
        ),
    ] = None
    no_browser: Annotated[
        bool, of_server("--no-browser", help="Print the address, but do not open a browser.")
    ] = False
    ip: Annotated[str, of_server(help="Address to listen on. Default: this machine only.")] = "127.0.0.1"
    token: Annotated[
        str | None,
        of_server(
            help="Secret in the address of the page. Others on this machine can read it here, but not in the "
            "environment variable CLEANER_TOKEN. Default: that one, or a new one each time."
        ),
    ] = None
    theme: Annotated[
        Literal["light", "dark"] | None,
        of_server(help="Colours of the page. Default: those of the visitor's system."),
    ] = None
    socket: Annotated[
        Path | None,
        of_server(
            metavar="PATH",
            help="Listen on this Unix socket, to which only you can connect, instead of a port. For a proxy.",
        ),
    ] = None
    base_url: Annotated[
        str, of_server(metavar="PATH", help="Path below which a proxy shows the page, such as /cleaner/.")
    ] = "/"
    reviewer_header: Annotated[
        str | None,
        of_server(
            metavar="NAME",
            help="Header in which a proxy sends who is logged in, such as X-Forwarded-User; they are the "
            "reviewer. Only if the proxy sets it itself and nobody gets past it.",
        ),
    ] = None
    idle_minutes: Annotated[
        float,
        of_server(
            min=1,
            help="Minutes after which a page that is open in no browser gives its memory back. Work in the "
            "background goes on.",
        ),
    ] = 30.0


Debug = Annotated[bool, typer.Option("--debug", help="Show the full traceback of an error.")]


def as_command(function: Callable[..., None]) -> Callable[..., None]:
    """Make a command of a function: give it its options, and turn errors into a sentence and an exit code.

    Typer reads the options from the signature. A parameter whose type is one of the dataclasses above is
    replaced by the fields of that dataclass; the function gets the group. Every command has ``--debug``.
    """
    options: dict[str, tuple[Any, Any]] = {}  # name: type and default
    groups: dict[str, type[Any]] = {}
    for parameter in inspect.signature(function, eval_str=True).parameters.values():
        kind = parameter.annotation
        if isinstance(kind, type) and is_dataclass(kind):
            groups[parameter.name] = kind
            types = get_type_hints(kind, include_extras=True)
            options |= {field.name: (types[field.name], field.default) for field in fields(kind)}
        else:
            options[parameter.name] = (kind, parameter.default)
    options["debug"] = (Debug, False)
    targets = [name for name, (kind, _) in options.items() if TARGET in getattr(kind, "__metadata__", ())]

    @functools.wraps(function)
    def run(**given: Any) -> None:
        with errors_as_sentences(debug=given.pop("debug")):
            for name in targets:
                if given[name] is not None:
                    check_target(given[name])
            for name, group in groups.items():
                given[name] = group(**{field.name: given.pop(field.name) for field in fields(group)})
            function(**given)

    parameters = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in options.items()
    ]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # read by typer
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


@contextmanager
def opened(
    folder: Path, *groups: ImageOptions | NetworkOptions, warn: bool = True, **more: Any
) -> Iterator[Workspace]:
    """Open a workspace for one command; print what may have been misread, and in the end its notices.

    Parameters
    ----------
    folder : Path
        Root of the data set, or its CSV file.
    *groups
        Options as they were typed.
    warn : bool
        Print the doubtful findings that were never printed before.
    **more
        Further arguments of `Workspace`, which replace those of the groups.
    """
    from cleaner.workspace import Workspace

    options = {name: value for group in groups for name, value in asdict(group).items()}
    if options.get("store"):
        options["store"] = without_password(options["store"])
    with Workspace(folder, **options | more) as workspace:
        try:
            if warn and any(isinstance(group, SetOptions) for group in groups):
                _warn(workspace)
            yield workspace
        finally:
            for notice in workspace.notices:
                say(f"Note: {notice}")


def without_password(store: str) -> str:
    """Move the password of a database from its URL into the environment of this process and those it starts.

    An environment is seen by its user alone; arguments are seen by everybody on the machine, and the URL is
    also written into the folders of background jobs.
    """
    url, password = split_password(store)
    if password is not None:
        os.environ["PGPASSWORD"] = password
        say(
            "Note: others on this machine can read the password in --store. Leave it out, and put it into "
            "~/.pgpass or the environment variable PGPASSWORD."
        )
    return url


def _warn(workspace: Workspace) -> None:
    """Print what may have been misread, once in the life of a set; "status" always tells it."""
    from cleaner.dataset.findings import ReadFindings

    read = ReadFindings(workspace.state, "terminal")
    doubtful = read.unread(workspace.catalog.findings)
    for finding in doubtful:
        say(told(finding))
    if doubtful:
        read.add(doubtful)
        say(f"This is said once; “cleaner status {workspace.labels or workspace.root}” says it again.")

"""``cleaner embed``."""

from __future__ import annotations

import functools
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Literal

import typer

from cleaner.cli import options as o
from cleaner.cli.console import progress, result, say
from cleaner.dataset.storage import is_url
from cleaner.errors import CatalogError, EmbeddingError, ImageError
from cleaner.util.wording import count

_SHOWN = 5
_of_cluster = functools.partial(typer.Option, rich_help_panel="Where to compute")


def embed(
    folder: Annotated[
        str,
        typer.Argument(
            metavar="DIR",
            help="Folder of images, zip or tar archive, or CSV file; or a URL of a folder, such as "
            "s3://bucket/bears or gs://bucket/bears.",
        ),
    ],
    images: o.ImageOptions,
    network: o.NetworkOptions,
    *,
    engine: Annotated[
        Literal["local", "ray"], _of_cluster(help="This process, or the machines of a Ray cluster.")
    ] = "local",
    address: Annotated[
        str | None,
        _of_cluster(
            metavar="ADDRESS",
            help="Running Ray cluster: auto on one of its machines, or HOST:PORT. Default: RAY_ADDRESS, or "
            "this machine alone.",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        _of_cluster(
            min=1, help="Workers on the cluster. Default: one per GPU, or one per four processor cores."
        ),
    ] = None,
) -> None:
    """Compute the features of all images, so that "rank" and "app" find them.

    What is there is not computed again: stopped at any moment, the same command goes on where it was. Labels
    do not matter. With --engine ray, a cluster computes: each machine needs cleaner in the same version, and
    the images under the same path or URL; the features are written here.

    For a URL, --state says where. Then "cleaner rank COPY --state …" on a copy of the images, or on a mounted
    drive, finds the features by the content of the files.
    """
    if engine == "local" and (address is not None or workers is not None):
        raise EmbeddingError("--address and --workers are for a Ray cluster. Add --engine ray.")
    if is_url(folder):
        _check_options(folder, images)
    from cleaner.embedding.mapping import here
    from cleaner.pipelines.embed import embed_url, ray_engine
    from cleaner.pipelines.network import NetworkOptions

    where = ray_engine(address, workers) if engine == "ray" else here
    if is_url(folder) and images.state is not None:
        asked = NetworkOptions(network.backbone, network.weights, network.from_scratch)
        asked.require()
        with progress() as reporter:
            report = embed_url(folder, images.state, asked, engine=where, reporter=reporter)
    else:
        with o.opened(Path(folder), images, network) as workspace, progress() as reporter:
            report = workspace.embed(engine=where, reporter=reporter)
    for name, found in report.of.items():
        result(f"{name}: {count(found.computed, 'image')} embedded, {found.kept:,} known from before")
    problems = {name: why for found in report.of.values() for name, why in found.problems.items()}
    unread = {name: why for found in report.of.values() for name, why in found.unread.items()}
    if problems:
        say(f"{count(len(problems), 'image')} cannot be used:")
        _list(problems)
    say(f"Features: {report.state / 'embeddings'}")
    if unread:
        _list(unread)
        raise ImageError(
            f"{len(unread):,} of {count(report.images, 'image')} could not be read now; see the reasons "
            "above. Type the same command to try them again; the others are kept."
        )


def _list(reasons: dict[str, str]) -> None:
    for name, reason in list(reasons.items())[:_SHOWN]:
        say(f"  {name}: {reason}")
    if len(reasons) > _SHOWN:
        say(f"  and {len(reasons) - _SHOWN:,} more")


def _check_options(url: str, images: o.ImageOptions) -> None:
    """Refuse what a URL lacks, or has no use for."""
    if images.state is None:
        raise CatalogError(f"Where should the features of {url} go? Name a folder with --state.")
    given = [field.name for field in fields(images) if field.name != "state" and getattr(images, field.name)]
    if given:
        named = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise CatalogError(f"Got {named} with a URL, of which all images are embedded. Leave it out.")

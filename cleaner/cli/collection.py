"""``cleaner download`` and ``cleaner verify``: from addresses and files to images that can be opened."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cleaner.cli import options as o
from cleaner.cli.console import progress, result, say, told, write_table
from cleaner.util.wording import count

if TYPE_CHECKING:
    from cleaner.collect.download import DownloadReport
    from cleaner.collect.verify import VerifyReport

_MEGABYTE = 1024**2


def download(
    urls: Annotated[
        Path,
        typer.Argument(
            metavar="URLS", help="Text file with one address per line, or a CSV file with a column url."
        ),
    ],
    folder: Annotated[
        Path, typer.Argument(metavar="DIR/CLASS", help="Folder for the images; made if it does not exist.")
    ],
    *,
    max_pics: Annotated[
        int | None, typer.Option(min=1, help="Stop when the folder holds this many images.")
    ] = None,
    max_size: Annotated[
        int | None, typer.Option(min=16, metavar="PX", help="Shrink images whose longer side exceeds this.")
    ] = None,
    max_megabytes: Annotated[float, typer.Option(min=0.01, help="Refuse larger files.")] = 50.0,
    workers: Annotated[
        int,
        typer.Option(
            min=0, max=64, help="Connections at a time. 0: one by one, one try each, with full errors."
        ),
    ] = 8,
    timeout: Annotated[
        float, typer.Option(min=0.1, metavar="S", help="Seconds allowed for each try.")
    ] = 20.0,
    allow_private: Annotated[
        bool,
        typer.Option(
            "--allow-private",
            help="Also fetch from your own network. Never use this with somebody else's list.",
        ),
    ] = False,
    csv: o.Table = None,
) -> None:
    """Fetch images from a list of addresses, each address once, and report on each.

    Anything that is not an image is refused. Files are named after their content, so a second run fetches
    only what is missing, and Ctrl-C keeps what is complete. DIR/CLASS/.downloads.csv records where each image
    came from.
    """
    from cleaner.collect.download import download_images

    if workers == 0:
        logging.basicConfig(format="%(message)s")
    with progress() as reporter:
        report = download_images(
            urls,
            folder,
            max_pics=max_pics,
            max_side_px=max_size,
            max_bytes=int(max_megabytes * _MEGABYTE),
            workers=workers,
            timeout_s=timeout,
            allow_private=allow_private,
            reporter=reporter,
        )
    _show_failures(report)
    if csv is not None:
        write_table(report.table, csv)


def _show_failures(report: DownloadReport) -> None:
    for entry in report.entries:
        if not entry.file and entry.status != "not tried":
            say(f"{entry.status:<16}{entry.url[:200]}: {entry.detail}")
    say(str(report))


def verify(
    folder: o.Folder,
    *,
    csv: o.Table = None,
    quarantine: Annotated[
        bool, typer.Option("--quarantine", help="Move bad files into the trash; “restore” brings them back.")
    ] = False,
    hidden: Annotated[
        bool, typer.Option("--hidden", help="Also check files whose names begin with a dot.")
    ] = False,
    follow_links: o.FollowLinks = False,
    state: o.State = None,
) -> None:
    """Open every image of a folder completely, and list the bad and the unusual files with the reason.

    Bad files cannot be used, and all other commands leave them out. Unusual files can be used: a wrong
    suffix, a single pixel, all black. Nothing is changed unless you add --quarantine.
    """
    from cleaner.collect.verify import verify_folder
    from cleaner.dataset.catalog import understood

    with progress() as reporter:
        report = verify_folder(folder, hidden=hidden, follow_links=follow_links, reporter=reporter)
    if csv is not None:
        write_table(report.table, csv)
    else:
        for verdict in report.verdicts:
            if verdict.verdict != "good":
                result(f"{verdict.verdict:<9} {verdict.name}: {verdict.reason}")
    for finding in understood(folder, hidden=hidden, follow_links=follow_links):
        say(told(finding))
    say(str(report))
    if quarantine and report.bad:
        _move_bad(folder, state, report)


def _move_bad(folder: Path, state: Path | None, report: VerifyReport) -> None:
    from cleaner.review.files.trash import move_to_trash

    # Not the workspace's catalog: it must be possible to quarantine a folder without a single good file.
    with o.opened(folder, state=state) as workspace:
        _, moved = move_to_trash(workspace.root, workspace.state, report.bad)
    for file in moved:
        if file.problem:
            say(f"Not moved: {file.name}: {file.problem}")
    done = sum(not file.problem for file in moved)
    say(f"{count(done, 'file')} moved into the trash; “cleaner restore {folder}” brings them back.")

"""``cleaner download`` and ``cleaner verify``: before anybody cleans labels."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cleaner.cli import options as o
from cleaner.cli.console import progress, result, say, write_table

if TYPE_CHECKING:
    from cleaner.collect.account import DownloadReport
    from cleaner.collect.verify import VerifyReport

__all__ = ["download", "verify"]

_MEGABYTE = 1024**2

Report = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help='Write a line for each into a CSV file; "-": to the standard output.'),
]


def download(
    urls: Annotated[
        Path,
        typer.Argument(metavar="URLS", help="Text file with an address a line, or CSV with a column url."),
    ],
    folder: Annotated[
        Path, typer.Argument(metavar="DIR/CLASS", help="Where to put the pictures; made if missing.")
    ],
    *,
    max_pics: Annotated[
        int | None, typer.Option(min=1, help="Stop when this many pictures are there.")
    ] = None,
    max_size: Annotated[
        int | None, typer.Option(min=16, metavar="PX", help="Reduce pictures whose longer side is longer.")
    ] = None,
    max_megabytes: Annotated[float, typer.Option(min=0.01, help="Refuse larger files.")] = 50.0,
    workers: Annotated[
        int,
        typer.Option(
            min=0, max=64, help="Connections at a time. 0: one by one, one try each, with full errors."
        ),
    ] = 8,
    timeout: Annotated[
        float, typer.Option(min=0.1, metavar="S", help="Seconds for one try at an address.")
    ] = 20.0,
    allow_private: Annotated[
        bool,
        typer.Option(
            "--allow-private", help="Also fetch from your own network. Never with a list from others."
        ),
    ] = False,
    csv: Report = None,
) -> None:
    """Fetch pictures from a list of addresses, each once, and say what became of every address.

    Whatever is no picture is refused. Pictures are named by their content, so that a second run fetches only
    what is missing; Ctrl-C keeps what is complete. Where each picture came from is noted in
    DIR/CLASS/.downloads.csv.
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
    _tell_download(report)
    if csv is not None:
        write_table(report.table, csv)


def _tell_download(report: DownloadReport) -> None:
    for entry in report.entries:
        if not entry.file and entry.status != "not tried":
            say(f"{entry.status:<16}{entry.url[:200]}: {entry.detail}")
    say(str(report))


def verify(
    folder: o.Folder,
    *,
    csv: Report = None,
    quarantine: Annotated[
        bool,
        typer.Option("--quarantine", help="Move the bad files into the trash; “restore” brings them back."),
    ] = False,
    hidden: Annotated[
        bool, typer.Option("--hidden", help="Also judge files whose names begin with a dot.")
    ] = False,
    follow_links: o.FollowLinks = False,
    state: o.State = None,
) -> None:
    """Really open every picture of a folder, and name the ones that are bad or odd, with the reason.

    Bad ones cannot be used and are left out by every other command. Odd ones can: a wrong suffix, one pixel,
    all black. Nothing is changed, except by --quarantine.
    """
    from cleaner.collect.verify import verify_folder

    with progress() as reporter:
        report = verify_folder(folder, hidden=hidden, follow_links=follow_links, reporter=reporter)
    if csv is None:
        _show_verdicts(report)
    else:
        write_table(report.table, csv)
    say(str(report))
    if quarantine and report.bad:
        _move_bad(folder, state, report)


def _move_bad(folder: Path, state: Path | None, report: VerifyReport) -> None:
    from cleaner.review.files.trash import move_to_trash

    # Not the workspace's catalog: a folder in which nothing can be used must be quarantinable, too.
    with o.opened(folder, state=state) as workspace:
        _, moved = move_to_trash(workspace.root, workspace.state, report.bad)
    for file in moved:
        if file.problem:
            say(f"Stayed: {file.name}: {file.problem}")
    done = sum(not file.problem for file in moved)
    say(f"{done:,} files moved into the trash; “cleaner restore {folder}” brings them back.")


def _show_verdicts(report: VerifyReport) -> None:
    for verdict in report.verdicts:
        if verdict.verdict != "good":
            result(f"{verdict.verdict:<9} {verdict.name}: {verdict.reason}")

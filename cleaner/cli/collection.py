"""``cleaner download`` and ``cleaner verify``: from addresses and files to images that can be opened."""

from __future__ import annotations

import logging
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cleaner.cli import options as o
from cleaner.cli.console import progress, result, say, told, write_table
from cleaner.errors import DownloadError
from cleaner.util.wording import count, listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cleaner.collect.download import DownloadReport
    from cleaner.collect.verify import VerifyReport
    from cleaner.dataset.findings import Finding
    from cleaner.util.progress import Reporter

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
    came from. If the list is a CSV file with a column label, DIR/CLASS/labels.csv keeps the labels and the
    other columns. The exit code is 1 if there is no image in the end.
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
    if not report.images:
        tried = count(len(report.entries), "address", "addresses")
        raise DownloadError(f"No image came from {tried}; see the reasons above.")


def _show_failures(report: DownloadReport) -> None:
    for entry in report.entries:
        if not entry.file and entry.status != "not tried":
            say(f"{entry.status:<16}{entry.url[:200]}: {entry.detail}")
    say(str(report))
    if report.dropped:
        columns = listed(report.dropped)
        say(f"Not kept: {columns}. If one of these columns holds the labels, name it “label” in the list.")
    if report.labels is not None:
        table = report.labels
        for name in table.disputed:
            say(f"{name} came from addresses with different labels; the first label is kept.")
        images = count(table.images, "image")
        say(f"Labels: {table.path} ({images}). “cleaner app {table.path}” opens the images with them.")


def verify(
    folder: o.Folder,
    images: o.ImageOptions,
    *,
    csv: o.Table = None,
    quarantine: Annotated[
        bool, typer.Option("--quarantine", help="Move bad files into the trash; “restore” brings them back.")
    ] = False,
    hidden: Annotated[
        bool, typer.Option("--hidden", help="Also check files whose names begin with a dot.")
    ] = False,
) -> None:
    """Open every image of a folder or table completely, and list the bad and unusual files with the reason.

    Bad files cannot be used, and all other commands leave them out. Unusual files can be used: a wrong
    suffix, a single pixel, all black. Of a table, only the images that it names are checked; rows without a
    file are listed. Nothing is changed unless you add --quarantine.
    """
    with progress() as reporter:
        report, findings = _verified(folder, images, hidden=hidden, reporter=reporter)
    if csv is not None:
        write_table(report.table, csv)
    else:
        for verdict in report.verdicts:
            if verdict.verdict != "good":
                result(f"{verdict.verdict:<9} {verdict.name}: {verdict.reason}")
    for finding in findings:
        say(told(finding))
    say(str(report))
    if quarantine and report.bad:
        _move_bad(folder, images, report)


def _verified(
    folder: Path, images: o.ImageOptions, *, hidden: bool, reporter: Reporter
) -> tuple[VerifyReport, Sequence[Finding]]:
    """Judge the images of a folder or a table, and say how it was understood."""
    from cleaner.collect.verify import verify_catalog, verify_folder
    from cleaner.dataset.catalog import understood
    from cleaner.dataset.dataset import Dataset

    with Dataset(folder, **asdict(images), hidden=hidden) as dataset:
        if dataset.labels is not None:
            catalog = dataset.listed()
            return verify_catalog(catalog, reporter=reporter), catalog.findings
    # Not the data set's catalog: a folder may be looked at without a state folder, and without a good file.
    options = {"hidden": hidden, "follow_links": images.follow_links}
    report = verify_folder(folder, **options, reporter=reporter)
    return report, understood(folder, **options)


def _move_bad(folder: Path, images: o.ImageOptions, report: VerifyReport) -> None:
    from cleaner.review.files.trash import move_to_trash

    # Not the workspace's catalog: it must be possible to quarantine a folder without a single good file.
    with o.opened(folder, images) as workspace:
        _, moved = move_to_trash(workspace.root, workspace.state, report.bad)
    for file in moved:
        if file.problem:
            say(f"Not moved: {file.name}: {file.problem}")
    done = sum(not file.problem for file in moved)
    say(f"{count(done, 'file')} moved into the trash; “cleaner restore {folder}” brings them back.")

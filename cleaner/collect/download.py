"""Download a list of addresses into a folder: only images, each once, and an account of every address."""

import asyncio
import csv
import hashlib
import itertools
import logging
import threading
from collections import Counter
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from cleaner.collect.fetch import Fetcher, FetchError, Limits
from cleaner.collect.labels import KeptLabels, keep_labels
from cleaner.collect.urls import URL_COLUMNS, UrlList, read_urls, unique_urls
from cleaner.dataset.class_folders import folder_of
from cleaner.dataset.folders import is_ignored
from cleaner.errors import Cancelled, DownloadError, ImageError
from cleaner.util.atomic import why_not_writable, write_atomically
from cleaner.util.progress import SILENT, Reporter, Stage

logger = logging.getLogger(__name__)

_SUFFIX = {"JPEG": ".jpg", "MPO": ".jpg", "JPEG2000": ".jp2", "TIFF": ".tif", "DIB": ".bmp", "HEIF": ".heic"}


MANIFEST = ".downloads.csv"
"""In the folder: where each image came from and when; a second run reads it."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What became of one address.

    Attributes
    ----------
    url : str
    status : str
        "saved", "already there", "not an image", "HTTP 404" (or another code), "timed out", "too large",
        "private address", "no connection", "no answer", "bad address", "not tried".
    detail : str
        The same in words.
    file : str
        Name in the folder; empty if there is none.
    size_bytes : int
        Of what was received.
    sha256 : str
        Of what was received, in hexadecimal.
    tries : int
    time : str
        When, UTC.
    """

    url: str
    status: str
    detail: str = ""
    file: str = ""
    size_bytes: int = 0
    sha256: str = ""
    tries: int = 0
    time: str = ""


@dataclass(frozen=True)
class DownloadReport:
    """What became of all addresses, in their order."""

    folder: Path
    entries: tuple[Entry, ...]
    labels: KeptLabels | None = None
    """The labels that the list came with, in a table beside the images."""
    dropped: tuple[str, ...] = ()
    """Columns of a list without labels beside that of the addresses: they are kept nowhere."""

    @property
    def images(self) -> int:
        """Number of images that are there now."""
        return len({entry.file for entry in self.entries if entry.file})

    @property
    def table(self) -> pd.DataFrame:
        """One row an address, with the columns of `Entry`."""
        return pd.DataFrame([asdict(entry) for entry in self.entries], columns=list(Entry.__annotations__))

    @property
    def counts(self) -> dict[str, int]:
        """Number of addresses of each status, commonest first."""
        return dict(Counter(entry.status for entry in self.entries).most_common())

    def __str__(self) -> str:
        parts = [f"{count:,} {status}" for status, count in self.counts.items()]
        noun = "address" if len(self.entries) == 1 else "addresses"
        return f"{len(self.entries):,} {noun}: {', '.join(parts)}"


def download_images(
    source: Path | str | Sequence[str],
    folder: Path | str,
    *,
    max_pics: int | None = None,
    max_side_px: int | None = None,
    workers: int = 8,
    timeout_s: float = 20.0,
    max_bytes: int = 50 * 1024**2,
    allow_private: bool = False,
    tries: int = 3,
    backoff_s: float = 0.5,
    reporter: Reporter = SILENT,
) -> DownloadReport:
    """Download images into a folder, usually ``<set>/<class>``.

    An image is named by its content, so that the same image behind two addresses is kept once. What was
    saved earlier is not fetched again. Whatever is no image (an error page named ``.jpg``, half a file) is
    refused. A stop, by Ctrl-C or by the reporter, keeps every image that was complete. Labels that a table of
    addresses has are kept in ``labels.csv`` in the folder, with its other columns.

    Parameters
    ----------
    source : Path, str or sequence of str
        A text or CSV file of addresses (see `read_urls`), or the addresses. ``http``, ``https`` and ``data``.
    folder : Path or str
        Made if it is missing.
    max_pics : int, optional
        Stop when this many images are there.
    max_side_px : int, optional
        Images with a longer side are reduced to this and stored as JPEG; the others keep their bytes.
    workers : int
        Connections at a time, at most four to one host. 0: one after the other, one try each, and the
        traceback of every failure goes to the log.
    timeout_s : float
        For one try at one address.
    max_bytes : int
        Larger answers are refused.
    allow_private : bool
        Also fetch from private, loopback and link-local addresses; never do so with a list from somebody
        else.
    tries : int
        Attempts at an address whose failure may pass.
    backoff_s : float
        Wait before the second try, doubled before each further one.
    reporter : Reporter

    Returns
    -------
    DownloadReport

    Raises
    ------
    DownloadError
        If the list or the folder cannot be used.
    Cancelled
        If the reporter says stop.
    """
    urls = read_urls(source) if isinstance(source, str | Path) else UrlList(tuple(unique_urls(list(source))))
    limits = Limits(
        timeout_s=timeout_s,
        max_bytes=max_bytes,
        tries=tries if workers else 1,
        backoff_s=backoff_s,
        connections=max(1, workers),
        allow_private=allow_private,
    )
    target = Path(folder).expanduser()
    name = target.resolve().name
    if is_ignored(name) and (usual := folder_of(name)):
        raise DownloadError(
            f"A folder named {name} is not looked into when a set is opened. Give "
            f"{target.resolve().parent / usual}: it is read as the class “{name}”."
        )
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        msg = f"Cannot create the folder {target}: {exc.strerror}. Give one that can be written to."
        raise DownloadError(msg) from exc
    reason = why_not_writable(target / MANIFEST)
    if reason:
        raise DownloadError(f"Cannot write to {target}: {reason}. Give a folder that can be written to.")
    session = _Session(target, max_side_px=max_side_px, show_errors=workers == 0, reporter=reporter)
    most = len(urls.urls) if max_pics is None else max_pics
    report = _run(session, session.download(list(urls.urls), limits, most))
    files = [(entry.url, entry.file) for entry in report.entries if entry.file]
    dropped = tuple(head for head in urls.header if head.lower() not in URL_COLUMNS)
    labels = keep_labels(target, urls, files)
    return replace(report, labels=labels, dropped=() if urls.label is not None else dropped)


class _Session:
    """One download into one folder."""

    def __init__(
        self, folder: Path, *, max_side_px: int | None, show_errors: bool, reporter: Reporter
    ) -> None:
        self._folder = folder
        self._max_side_px = max_side_px
        self._show_errors = show_errors
        self._reporter = reporter
        self._known = read_manifest(folder)
        self._entries: dict[str, Entry] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End the download from another thread."""
        self._stopped.set()

    async def download(self, urls: list[str], limits: Limits, max_pics: int) -> DownloadReport:
        waiting = iter(urls)
        running: set[asyncio.Task[Entry]] = set()
        async with Fetcher(limits) as fetcher:
            try:
                while True:
                    self._check()
                    self._report(len(urls))
                    # An image on its way takes a place, so that there are never more than were asked for.
                    room = min(limits.connections, max_pics - self._kept()) - len(running)
                    for url in itertools.islice(waiting, max(0, room)):
                        running.add(asyncio.create_task(self._one(fetcher, url)))
                    if not running:
                        break
                    done, running = await asyncio.wait(
                        running, timeout=0.5, return_when=asyncio.FIRST_COMPLETED
                    )
                    for task in done:
                        task.result()
            finally:
                for task in running:
                    task.cancel()
                await asyncio.gather(*running, return_exceptions=True)
        rest = {
            url: Entry(url=url, status="not tried", detail=f"{max_pics} images are there") for url in urls
        }
        return DownloadReport(self._folder, tuple((rest | self._entries)[url] for url in urls))

    def _check(self) -> None:
        self._reporter.check()
        if self._stopped.is_set():
            raise Cancelled("Stopped. The images that were complete are kept.")

    def _kept(self) -> int:
        """Count the images that are there; one that two addresses brought counts once."""
        return len({entry.file for entry in self._entries.values() if entry.file})

    def _report(self, total: int) -> None:
        entries = self._entries.values()
        failed = sum(not entry.file for entry in entries)
        self._reporter(Stage.DOWNLOAD, len(entries), total, images=self._kept(), failed=failed)

    async def _one(self, fetcher: Fetcher, url: str) -> Entry:
        entry = self._from_before(url)
        if entry is None:
            entry = await self._fetched(fetcher, url)
            append_manifest(self._folder, entry)
        self._entries[url] = entry
        return entry

    def _from_before(self, url: str) -> Entry | None:
        known = self._known.get(url)
        if known is None or not known.file or not (self._folder / known.file).is_file():
            return None
        return replace(known, status="already there", detail="saved by an earlier run", tries=0)

    async def _fetched(self, fetcher: Fetcher, url: str) -> Entry:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        try:
            fetched = await fetcher.fetch(url)
        except FetchError as exc:
            if self._show_errors:
                logger.error("%s: %s", url[:200], exc, exc_info=exc)
            return Entry(url=url, status=exc.status, detail=str(exc), tries=exc.tries, time=now)
        entry = Entry(
            url=url,
            status="saved",
            size_bytes=len(fetched.data),
            sha256=hashlib.sha256(fetched.data).hexdigest(),
            tries=fetched.tries,
            time=now,
        )
        return await asyncio.to_thread(self._keep, entry, fetched.data)

    def _keep(self, entry: Entry, data: bytes) -> Entry:
        """Write an image; runs in a thread, because decoding takes time."""
        from cleaner.images.open import verify
        from cleaner.images.thumbnails import rendition

        found = verify(data)
        if found.problem is not None:
            return replace(entry, status="not an image", detail=found.problem)
        suffix = _SUFFIX.get(found.format or "", f".{(found.format or 'img').lower()}")
        longer_px = max(found.width_px or 0, found.height_px or 0)
        if self._max_side_px is not None and longer_px > self._max_side_px:
            try:
                data, suffix = rendition(data, max_side_px=self._max_side_px), ".jpg"
            except ImageError as exc:
                return replace(entry, status="not an image", detail=str(exc))
        name = entry.sha256[:24] + suffix
        with self._lock:  # two addresses may bring the same image at the same time
            if (self._folder / name).is_file():
                return replace(entry, status="already there", detail="the same image as another", file=name)
            write_atomically(self._folder / name, data)
        return replace(entry, file=name)


def _run(session: _Session, work: Coroutine[Any, Any, DownloadReport]) -> DownloadReport:
    """Run asynchronous work in a thread of its own: that of a notebook already has an event loop."""
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(asyncio.run, work)
        try:
            return future.result()
        except BaseException:
            session.stop()
            raise


def read_manifest(folder: Path) -> dict[str, Entry]:
    """Read what earlier runs saved, by address; lines that a crash left half written are passed over."""
    found: dict[str, Entry] = {}
    try:
        with (folder / MANIFEST).open(encoding="utf-8", errors="replace", newline="") as stream:
            for row in csv.DictReader(stream):
                if row.get("file") and row.get("url") and (row.get("size_bytes") or "").isdigit():
                    found[row["url"]] = Entry(
                        url=row["url"],
                        status=row["status"],
                        file=row["file"],
                        size_bytes=int(row["size_bytes"]),
                        sha256=row["sha256"],
                        time=row["time"] or "",
                    )
    except FileNotFoundError:
        return {}
    return found


def append_manifest(folder: Path, entry: Entry) -> None:
    """Add one line, on the disk before the next image is counted."""
    path = folder / MANIFEST
    with path.open("a", encoding="utf-8", errors="replace", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(Entry.__annotations__))
        if stream.tell() == 0:
            writer.writeheader()
        writer.writerow(asdict(entry))

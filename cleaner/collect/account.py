"""What became of every address of a download: a report for people, and a file that the next run reads."""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

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

    @property
    def table(self) -> pd.DataFrame:
        """One row an address, with the columns of `Entry`."""
        import pandas as pd

        return pd.DataFrame([asdict(entry) for entry in self.entries], columns=list(Entry.__annotations__))

    @property
    def counts(self) -> dict[str, int]:
        """Number of addresses of each status, commonest first."""
        counts: dict[str, int] = {}
        for entry in self.entries:
            counts[entry.status] = counts.get(entry.status, 0) + 1
        return dict(sorted(counts.items(), key=lambda item: -item[1]))

    def __str__(self) -> str:
        parts = [f"{count:,} {status}" for status, count in self.counts.items()]
        noun = "address" if len(self.entries) == 1 else "addresses"
        return f"{len(self.entries):,} {noun}: {', '.join(parts)}"


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

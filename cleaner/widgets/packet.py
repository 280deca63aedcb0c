"""A review packet: one HTML file with images and the grid, for a colleague who has no cleaner.

The page needs no server and no network, and its policy (CSP) lets it load nothing: its script and style are
named by their hashes, images come as blobs of the page itself. Names and labels are in it as data, never as
markup. What is decided in it comes back as a ``decisions.csv`` for ``cleaner merge``.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cleaner.errors import ImageError, StoreError
from cleaner.images.thumbnails import thumbnail
from cleaner.ranking import Ranking
from cleaner.review import Action
from cleaner.review.output.history import COLUMNS
from cleaner.session.cells import Cell
from cleaner.session.session import Reviewable, ReviewSession
from cleaner.util.atomic import free_name, write_atomically
from cleaner.util.progress import SILENT, Reporter, Stage
from cleaner.widgets.grid.protocol import cell_data
from cleaner.widgets.keys import Keys, key_table
from cleaner.widgets.scripts import joined
from cleaner.widgets.sentences import SENTENCES
from cleaner.workspace import Workspace

_GRID = Path(__file__).parent / "grid"
_SAID = ("grid.", "packet.", "review.", "guard.")
_PAGE_SIZE = 24
_NOBODY = "-"  # a reviewer without decisions: what others set aside as unsure is open, with a note


@dataclass(frozen=True)
class Packet:
    """A packet as it was made.

    Parameters
    ----------
    html : bytes
        The file.
    images : int
        How many images are in it.
    left_out : tuple of (str, str)
        Images that cannot be in it, and why.
    """

    html: bytes
    images: int
    left_out: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class WrittenPacket:
    """A packet that was written.

    Parameters
    ----------
    path : Path
        The file.
    packet : Packet
        What is in it.
    """

    path: Path
    packet: Packet


def write_packet(
    workspace: Workspace,
    to: Path | None = None,
    *,
    top: int = 200,
    size_px: int = 512,
    reporter: Reporter = SILENT,
) -> WrittenPacket:
    """Write the most suspicious undecided images of a set into one HTML file.

    Parameters
    ----------
    workspace : Workspace
        Nothing in the set is changed.
    to : Path, optional
        A file of this name is replaced. By default a new name beside the result, such as
        ``cleaned-packet.html``: a colleague may be at work on an earlier one.
    top, size_px, reporter
        As for `make_packet`.

    Raises
    ------
    StoreError
        There is no undecided image that could be shown, or the file cannot be written.
    """
    made = make_packet(
        workspace, workspace.ranking(), title=workspace.title, top=top, size_px=size_px, reporter=reporter
    )
    result = workspace.result.path
    place = free_name(result.with_name(f"{result.stem}-packet.html"), made.html) if to is None else to
    try:
        write_atomically(place, made.html)
    except OSError as exc:
        msg = f"The packet cannot be written to {place}: {exc.strerror or exc}. Choose another place."
        raise StoreError(msg) from exc
    return WrittenPacket(place, made)


def job_packet(*, workspace: dict[str, Any], top: int, reporter: Reporter) -> dict[str, Any]:
    """Write a packet in a worker process.

    Parameters
    ----------
    workspace : dict
        What `Workspace.options` gave.
    top : int
        How many images, at most.
    reporter : Reporter

    Returns
    -------
    dict
        ``path``, ``images`` (how many), ``bytes``, and ``left_out``: names and reasons.
    """
    with Workspace(**workspace) as opened:
        written = write_packet(opened, top=top, reporter=reporter)
    made = written.packet
    return {
        "path": str(written.path),
        "images": made.images,
        "bytes": len(made.html),
        "left_out": [list(each) for each in made.left_out],
    }


def make_packet(
    source: Reviewable,
    ranking: Ranking | None,
    *,
    title: str,
    top: int = 200,
    size_px: int = 512,
    reporter: Reporter = SILENT,
) -> Packet:
    """Put the most suspicious undecided images of a set into one HTML file.

    Parameters
    ----------
    source : Reviewable
        The set; nothing in it is changed.
    ranking : Ranking or None
        Without one, images come in the catalog's order.
    title : str
        What the page is called.
    top : int
        How many images, at most.
    size_px : int
        The longer side of the pictures, which serve as thumbnails and for the large view.
    reporter : Reporter
        Told of each picture.

    Raises
    ------
    StoreError
        There is no undecided image that could be shown.
    """
    session = ReviewSession(
        source, ranking=ranking, reviewer=_NOBODY, in_background=False, works_out=(), resumes=False
    )
    try:
        known, page = session.known, session.page()
        state = known.state
        first = known.suspicious_first or known.catalog.names.tolist()
        names = [name for name in first if name in known and not state.is_decided(name)][:top]
        images: list[dict[str, Any]] = []
        left_out: list[tuple[str, str]] = []
        for done, cell in enumerate(session.cells(names), start=1):
            try:
                row = known.choice(cell.name, Action.KEEP).row(state.images)
                picture = thumbnail(known.path(cell.name), size_px=size_px)
            except (ImageError, StoreError) as exc:
                left_out.append((cell.name, str(exc)))
            else:
                images.append(_image(cell, row, picture, None if ranking is None else ranking.model))
            reporter(Stage.READ, done, len(names))
            reporter.check()
    finally:
        session.close()
    if not images:
        msg = "There is nothing for a packet: every image is decided, or cannot be shown."
        raise StoreError(msg)
    data = {
        "id": uuid.uuid4().hex,
        "title": title,
        "classes": list(page.classes),
        "digits": list(page.digits),
        "separator": page.separator,
        "page_size": _PAGE_SIZE,
        "columns": COLUMNS,
        "images": images,
        "words": {key: text for key, text in SENTENCES.items() if key.startswith(_SAID)},
        "key_table": key_table(Keys()),
    }
    return Packet(_page(title, data), len(images), tuple(left_out))


def _image(cell: Cell, row: dict[str, Any], picture: bytes, model: str | None) -> dict[str, Any]:
    """Return one image as the page's script takes it: what it shows, and its columns of ``decisions.csv``."""
    detail = json.loads(row["detail"] or "{}")
    known = {column: row[column] for column in ("given_label", "rank", "loss", "score", "content")}
    undecided = replace(cell, action=None, label=None, reviewer=None, mine=True)
    return {
        "cell": cell_data(undecided),
        "row": {**known, "model": model},
        "detail": detail,
        "picture": base64.b64encode(picture).decode("ascii"),
    }


def _page(title: str, data: dict[str, Any]) -> bytes:
    script = joined(_GRID / "js" / "packet.js")
    style = "\n".join((_GRID / name).read_text(encoding="utf-8") for name in ("grid.css", "packet.css"))
    policy = "; ".join(
        (
            "default-src 'none'",
            "img-src blob:",
            f"script-src {_hash(script)}",
            f"style-src {_hash(style)}",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    # No text can end the element that it is in, nor begin another one.
    embedded = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    lines: Sequence[str] = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{html.escape(policy)}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{html.escape(title)}</title>",
        f"<style>{style}</style></head><body>",
        f'<script type="application/json" id="packet">{embedded}</script>',
        f'<script type="module">{script}</script>',
        "</body></html>",
    )
    return "\n".join(lines).encode("utf-8", "replace")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

"""``cleaner packet``: images for a colleague who has no cleaner, without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cleaner.cli import options as o
from cleaner.cli.console import progress, result, say
from cleaner.util.wording import count, listed


def packet(
    folder: o.Folder,
    images: o.SetOptions,
    *,
    top: Annotated[
        int, typer.Option(metavar="N", min=1, help="How many images, the most suspicious first.")
    ] = 200,
    size: Annotated[
        int, typer.Option(metavar="PX", min=64, max=2048, help="Longer side of the pictures in the file.")
    ] = 512,
    output: Annotated[
        Path, typer.Option(metavar="FILE.html", help="Where to write the packet."), o.TARGET
    ] = Path("packet.html"),
) -> None:
    """Write undecided images into one HTML file, for a colleague who has no cleaner.

    The file opens in any browser, without a network, and has the keys of the page. What your colleague
    decides comes back as decisions.csv, which "cleaner merge" adds to the set. The pictures are small copies,
    and the file also holds the names and labels of these images: send it to nobody who may not see them.
    """
    from cleaner.widgets.packet import write_packet  # pandas, SQLAlchemy and Pillow: 1 s

    with o.opened(folder, images) as workspace, progress() as reporter:
        made = write_packet(workspace, output, top=top, size_px=size, reporter=reporter).packet
        name = workspace.labels or workspace.root
        is_ranked = workspace.ranking() is not None
    if not is_ranked:
        say(
            f"There is no ranking yet, so the images come in the order of their names. “cleaner rank {name}” "
            "makes one."
        )
    if made.left_out:
        why = listed([f"{left} ({reason})" for left, reason in made.left_out], most=3)
        say(f"Left out: {why}.")
    say(f"{count(made.images, 'image')}, {len(made.html) / 1e6:.1f} MB.")
    say(f"When decisions.csv comes back: cleaner merge {name} decisions.csv")
    result(str(output))

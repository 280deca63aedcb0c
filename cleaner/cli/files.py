"""``apply``, ``restore`` and ``merge``: from decisions to files, without torch."""

from pathlib import Path
from typing import Annotated

import typer

from cleaner.cli import options as o
from cleaner.cli.console import progress, result, say
from cleaner.cli.result import write_result
from cleaner.errors import StoreError
from cleaner.util.wording import count, listed


def apply(
    folder: o.Folder,
    images: o.SetOptions,
    *,
    yes: Annotated[
        bool, typer.Option("--yes", help="Move the files. Without this, only list what would move.")
    ] = False,
    relabel: Annotated[
        bool, typer.Option("--relabel", help="Also move relabelled files into the folder of their new class.")
    ] = False,
) -> None:
    """Move deleted images into the trash folder. Without --yes, only list them.

    Images that reviewers disagree on are not moved. No file is erased: "cleaner restore" brings it back.
    """
    with o.opened(folder, images) as workspace, progress() as reporter:
        rows = workspace.trash.apply(dry_run=not yes, relabel=relabel, reporter=reporter)
    for row in rows.to_dict("records"):
        _show_move(row["action"], row["from"], row["to"], row["note"])
    moving = int((rows["action"] != "leave").sum())
    if not yes:
        say(f"{count(moving, 'file')} would move.{' Add --yes to move them.' if moving else ''}")
        return
    done = sum(map(bool, rows["done"]))
    back = f"; “cleaner restore {folder}” brings them back"
    say(f"{count(done, 'file')} moved{back if done else ''}.")
    if done < moving:
        msg = f"{moving - done:,} of {count(moving, 'file')} could not be moved; see the reasons above."
        raise StoreError(msg)


def _show_move(action: str, name: str, to: str, note: str) -> None:
    target = f" → {to}" if to and to != name else ""
    result(f"{action:<14} {name}{target}{f'  ({note})' if note else ''}")


def restore(
    folder: o.Folder,
    images: o.SetOptions,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAMES]…", help="Original file names, relative to DIR. Default: all files."),
    ] = None,
) -> None:
    """Bring back files that “apply”, “verify --quarantine” or the file deleter moved into the trash.

    Decisions are not changed: an image marked for deletion is still left out of cleaned.csv. To change that,
    undo the decision on the page.
    """
    with o.opened(folder, images, warn=False) as workspace:  # all images may be in the trash
        rows = workspace.trash.restore(names or None)
    for row in rows.to_dict("records"):
        _show_move("restored" if row["done"] else "stayed", row["name"], row["to"], row["note"])
    done = sum(map(bool, rows["done"]))
    say(f"{count(done, 'file')} restored." if len(rows) else "The trash is empty.")
    if done < len(rows):
        left = f"{len(rows) - done:,} of {count(len(rows), 'file')}"
        msg = f"{left} could not be restored and stayed in the trash; see the reasons above."
        raise StoreError(msg)


def merge(
    folder: o.Folder,
    decisions: Annotated[
        Path, typer.Argument(metavar="DECISIONS.CSV", help="A history of decisions, exported elsewhere.")
    ],
    images: o.SetOptions,
) -> None:
    """Add the decisions of another person or computer to this set, and update cleaned.csv.

    Nothing is overwritten. If two people disagree, both decisions are kept and the page shows the conflict.
    Merging the same file again adds nothing.
    """
    from cleaner.review.merging import merge_history  # pandas and SQLAlchemy: 1 s

    with o.opened(folder, images) as workspace:
        merged = merge_history(workspace.store, decisions)
        say(f"{count(merged.added, 'decision')} added.")
        if merged.known:
            say(f"Already here: {count(merged.known, 'decision')}.")
        for what, names in (
            ("Not in this set, so without effect", merged.gone),
            ("Changed since, so to be decided again", merged.asked_again),
        ):
            if names:
                say(f"{what}: {count(len(names), 'image')} ({listed(names, most=3)}).")
        conflicts = workspace.store.state.progress().conflicts
        if conflicts:
            say(
                f"Reviewers disagree on {count(conflicts, 'image')}; find them on the page under “conflicts”."
            )
        if merged.added:
            write_result(workspace)

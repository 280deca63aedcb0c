"""``apply``, ``restore``, ``export`` and ``merge``: from decisions to files, without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cleaner.cli import options as o
from cleaner.cli.console import progress, result, say
from cleaner.errors import StoreError

__all__ = ["apply", "export", "merge", "restore"]


def apply(
    folder: o.Folder,
    *,
    yes: Annotated[
        bool, typer.Option("--yes", help="Move the files; without this, only say what would move.")
    ] = False,
    relabel: Annotated[
        bool, typer.Option("--relabel", help="Also move relabelled files into the folder of their new class.")
    ] = False,
    labels: o.Labels = None,
    state: o.State = None,
    store: o.Store = None,
    group: o.Group = None,
    follow_links: o.FollowLinks = False,
) -> None:
    """Move the files that were marked delete into the trash folder; without --yes, only say which.

    Images that reviewers disagree about stay. Nothing is deleted: "cleaner restore" brings all of it back.
    """
    from cleaner.review.files import trash

    with (
        o.opened(
            folder, labels=labels, state=state, store=store, group=group, follow_links=follow_links
        ) as workspace,
        progress() as reporter,
    ):
        rows = trash.apply(workspace, dry_run=not yes, relabel=relabel, reporter=reporter)
    for row in rows.to_dict("records"):
        _show_move(row["action"], row["from"], row["to"], row["note"])
    moving = int((rows["action"] != "leave").sum())
    if not yes:
        say(f"{moving:,} files would move. {'Add --yes to move them.' if moving else ''}".rstrip())
        return
    done = sum(map(bool, rows["done"]))
    say(f"{done:,} files moved; “cleaner restore {folder}” brings them back." if done else "No file moved.")
    if done < moving:
        msg = f"{moving - done:,} of {moving:,} files could not be moved; the reasons stand above."
        raise StoreError(msg)


def _show_move(action: str, name: str, to: str, note: str) -> None:
    target = f" → {to}" if to and to != name else ""
    result(f"{action:<14} {name}{target}{f'  ({note})' if note else ''}")


def restore(
    folder: o.Folder,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAMES]…", help="Names that the files had, relative to DIR. Default: all."),
    ] = None,
    *,
    labels: o.Labels = None,
    state: o.State = None,
    store: o.Store = None,
    group: o.Group = None,
    follow_links: o.FollowLinks = False,
) -> None:
    """Bring files back that “apply”, “verify --quarantine” or the deleting widget moved.

    Decisions stay as they are: an image that is marked delete is still absent from cleaned.csv. Undo that on
    the page.
    """
    from cleaner.review.files import trash

    with o.opened(
        folder, labels=labels, state=state, store=store, group=group, follow_links=follow_links
    ) as workspace:
        rows = trash.restore(workspace, names or None)
    for row in rows.to_dict("records"):
        _show_move("restored" if row["done"] else "stayed", row["name"], row["to"], row["note"])
    done = sum(map(bool, rows["done"]))
    say(f"{done:,} files brought back." if len(rows) else "Nothing is in the trash.")
    if done < len(rows):
        msg = f"{len(rows) - done:,} of {len(rows):,} files stayed in the trash; the reasons stand above."
        raise StoreError(msg)


def export(
    folder: o.Folder,
    *,
    to: Annotated[Path, typer.Option(metavar="NEW", help="The new folder; absent or empty, outside DIR.")],
    link: Annotated[
        bool, typer.Option("--link", help="Make hard links instead of copies, where the disk allows it.")
    ] = False,
    flat: Annotated[
        bool, typer.Option("--flat", help="Leave out the folders train, valid and test.")
    ] = False,
    labels: o.Labels = None,
    state: o.State = None,
    store: o.Store = None,
    group: o.Group = None,
    follow_links: o.FollowLinks = False,
) -> None:
    """Lay out the cleaned set as a new folder tree, NEW/<split>/<class>/<file>; the originals stay."""
    from cleaner.dataset.export import export_tree

    with (
        o.opened(
            folder, labels=labels, state=state, store=store, group=group, follow_links=follow_links
        ) as workspace,
        progress() as reporter,
    ):
        done = export_tree(workspace.cleaned(), to, link=link, flat=flat, reporter=reporter)
    say(f"{done.folder}: {done.copied:,} files copied, {done.linked:,} linked.")
    if done.unlabelled:
        say(f"{done.unlabelled:,} images have no label and were left out.")
    for name in done.missing:
        say(f"Missing, left out: {name}")


def merge(
    folder: o.Folder,
    decisions: Annotated[
        Path, typer.Argument(metavar="DECISIONS.CSV", help="The history that somebody exported elsewhere.")
    ],
    *,
    labels: o.Labels = None,
    state: o.State = None,
    store: o.Store = None,
    group: o.Group = None,
    follow_links: o.FollowLinks = False,
) -> None:
    """Add the decisions of another person or machine to this set, and write cleaned.csv anew.

    Nothing is overwritten: where two people disagree, both decisions stay, and the page shows the conflict.
    Merging the same file twice adds nothing.
    """
    from cleaner.review.output.cleaned_csv import CleanedCsv

    with o.opened(
        folder, labels=labels, state=state, store=store, group=group, follow_links=follow_links
    ) as workspace:
        added = workspace.store.import_history(decisions)
        say(f"{added:,} decisions added.")
        conflicts = workspace.store.state.progress().conflicts
        if conflicts:
            say(f"Reviewers disagree on {conflicts:,} images; the page shows them under “conflicts”.")
        if added:
            CleanedCsv(workspace).write_now()
            say(f"Written: {workspace.cleaned_csv}")

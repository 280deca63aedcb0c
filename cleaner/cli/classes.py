"""``cleaner classes``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cleaner.cli import options as o
from cleaner.cli.console import result, say

if TYPE_CHECKING:
    from cleaner.workspace import Workspace

__all__ = ["classes"]


def classes(
    folder: o.Folder,
    *,
    new: Annotated[
        str | None, typer.Option(metavar="NAME", help="Make a class that no image has yet.")
    ] = None,
    rename: Annotated[
        tuple[str, str] | None, typer.Option(metavar="OLD NEW", help="Give a class another name.")
    ] = None,
    merge: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="OLD INTO", help="Put all images of a class into another class."),
    ] = None,
    describe: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="NAME TEXT", help="Say what belongs into a class; an empty text takes it away."),
    ] = None,
    undo: Annotated[
        bool, typer.Option("--undo", help="Take back your last act, if it was one on classes.")
    ] = False,
    reviewer: o.Reviewer = None,
    labels: o.Labels = None,
    state: o.State = None,
    store: o.Store = None,
    group: o.Group = None,
    follow_links: o.FollowLinks = False,
) -> None:
    """List the classes with their images after all decisions; make, rename, merge or describe one.

    No file and no folder changes its name: it is a decision like others, which goes into cleaned.csv, and can
    be undone. Several acts at once are done in this order: undo, new, rename, merge, describe.
    """
    from cleaner.review import classes as acts
    from cleaner.review.output.cleaned_csv import CleanedCsv

    with o.opened(
        folder,
        reviewer=reviewer,
        labels=labels,
        state=state,
        store=store,
        group=group,
        follow_links=follow_links,
    ) as workspace:
        before = workspace.store.state.last_seq
        try:
            if undo:
                say(f"Undone: {acts.in_words(acts.undo_class_act(workspace))}.")
            if new is not None:
                acts.make_class(workspace, new)
                say(f"New class “{new}”.")
            if rename is not None:
                images = _images(workspace, rename[0])
                acts.rename_class(workspace, *rename)
                say(f"Renamed “{rename[0]}” to “{rename[1]}”: {images:,} images.")
            if merge is not None:
                images = _images(workspace, merge[0])
                acts.merge_classes(workspace, *merge)
                say(f"Merged “{merge[0]}” into “{merge[1]}”: {images:,} images.")
            if describe is not None:
                done = acts.describe_class(workspace, *describe)
                what = "Described" if describe[1].strip() else "No description any more:"
                say(f"{what} “{describe[0]}”." if done.events else f"“{describe[0]}” has that text already.")
        finally:
            if workspace.store.state.last_seq > before:
                CleanedCsv(workspace).write_now()
                say(f"Written: {workspace.cleaned_csv}")
        if not (undo or new or rename or merge or describe):
            _table(workspace)


def _images(workspace: Workspace, label: str) -> int:
    from cleaner.review.classes import class_counts

    counts = class_counts(workspace.catalog, workspace.store.state)
    return next((each.images for each in counts if each.label == label), 0)


def _table(workspace: Workspace) -> None:
    from cleaner.review.classes import class_counts

    counts = class_counts(workspace.catalog, workspace.store.state)
    rows = [(each.label or "(no label)", f"{each.images:,}", f"{each.decided:,}") for each in counts]
    width = max(len(name) for name, _, _ in [("class", "", ""), *rows])
    for name, images, decided in [("class", "images", "decided"), *rows]:
        result(f"{name:<{width}}  {images:>8}  {decided:>8}")
    for label, text in workspace.store.state.descriptions().items():
        result(f"\n{label}: {text}")

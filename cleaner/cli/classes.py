"""``cleaner classes``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cleaner.cli import options as o
from cleaner.cli.console import result, say
from cleaner.cli.result import write_result
from cleaner.util.wording import count

if TYPE_CHECKING:
    from cleaner.workspace import Workspace

Pair = tuple[str, str]


def classes(
    folder: o.Folder,
    images: o.SetOptions,
    *,
    new: Annotated[
        str | None, typer.Option(metavar="NAME", help="Make a class that has no images yet.")
    ] = None,
    rename: Annotated[Pair | None, typer.Option(metavar="OLD NEW", help="Rename a class.")] = None,
    merge: Annotated[
        Pair | None, typer.Option(metavar="OLD INTO", help="Move all images of a class into another class.")
    ] = None,
    describe: Annotated[
        Pair | None,
        typer.Option(metavar="NAME TEXT", help="Describe a class; an empty text removes the description."),
    ] = None,
    undo: Annotated[
        bool, typer.Option("--undo", help="Undo your last act, if it changed the classes.")
    ] = False,
    reviewer: o.Reviewer = None,
) -> None:
    """List the classes with their images after all decisions; make, rename, merge or describe classes.

    Files and folders keep their names. A change is a decision like any other: it goes into cleaned.csv, and
    can be undone. Several changes are made in this order: undo, new, rename, merge, describe.
    """
    with o.opened(folder, images, reviewer=reviewer) as workspace:
        before = workspace.store.state.last_seq
        try:
            _change(workspace, new=new, rename=rename, merge=merge, describe=describe, undo=undo)
        finally:
            if workspace.store.state.last_seq > before:
                write_result(workspace)
        if not (undo or new or rename or merge or describe):
            _show(workspace)


def _change(
    workspace: Workspace,
    *,
    new: str | None,
    rename: Pair | None,
    merge: Pair | None,
    describe: Pair | None,
    undo: bool,
) -> None:
    """Do what was asked for, one act after the other, and say so."""
    from cleaner.review import classes as acts

    if undo:
        say(f"Undone: {acts.in_words(acts.undo_class_act(workspace.store))}.")
    if new is not None:
        acts.make_class(workspace.catalog, workspace.store, new)
        say(f"New class “{new}”.")
    if rename is not None:
        images = _images(workspace, rename[0])
        acts.rename_class(workspace.catalog, workspace.store, *rename)
        say(f"Renamed “{rename[0]}” to “{rename[1]}”: {images}.")
    if merge is not None:
        images = _images(workspace, merge[0])
        acts.merge_classes(workspace.catalog, workspace.store, *merge)
        say(f"Merged “{merge[0]}” into “{merge[1]}”: {images}.")
    if describe is not None:
        name, text = describe
        if not acts.describe_class(workspace.catalog, workspace.store, name, text).events:
            say(f"“{name}” already has this description.")
        else:
            say(f"Described “{name}”." if text.strip() else f"Removed the description of “{name}”.")


def _images(workspace: Workspace, label: str) -> str:
    """Return in words how many images a class has."""
    from cleaner.review.classes import class_counts

    counts = class_counts(workspace.catalog, workspace.store.state)
    return count(next((each.images for each in counts if each.label == label), 0), "image")


def _show(workspace: Workspace) -> None:
    from cleaner.review.classes import class_counts

    counts = class_counts(workspace.catalog, workspace.store.state)
    rows = [(each.label or "(no label)", f"{each.images:,}", f"{each.decided:,}") for each in counts]
    width = max(len(name) for name, _, _ in [("class", "", ""), *rows])
    for name, images, decided in [("class", "images", "decided"), *rows]:
        result(f"{name:<{width}}  {images:>8}  {decided:>8}")
    for label, text in workspace.store.state.descriptions().items():
        result(f"\n{label}: {text}")

"""``cleaner result``: where the result is, and what to do about a file that is in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cleaner.cli import console
from cleaner.cli import options as o
from cleaner.errors import ForeignFileError, StoreError
from cleaner.util.wording import count

if TYPE_CHECKING:
    import pandas as pd

    from cleaner.review.output.cleaned_csv import CleanedCsv, CsvNotice
    from cleaner.workspace import Workspace


def result(
    folder: o.Folder,
    images: o.SetOptions,
    *,
    to: Annotated[
        str | None,
        typer.Option(metavar="NAME.csv", help="Write to this file of the same folder from now on."),
    ] = None,
    take_over: Annotated[
        bool, typer.Option("--import", help="Make decisions of the changes that somebody made in the file.")
    ] = False,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help="Write over the file even if it was edited, or not written by cleaner. A copy is kept.",
        ),
    ] = False,
    reviewer: o.Reviewer = None,
) -> None:
    """Write the result (cleaned.csv) now, and print where it is.

    Each table of a folder has a result of its own: the first one cleaned.csv, another one NAME.cleaned.csv.
    A file that cleaner did not write is never written over without --replace.
    """
    with o.opened(folder, images, reviewer=reviewer) as workspace:
        writer = workspace.csv_writer(on_notice=_tell)
        try:
            if to is not None:
                writer.write_to(to, replace=replace)
            elif take_over:
                _import(writer)
                writer.write_now(replace=True)
            else:
                if not replace:
                    _refuse_edited(writer)
                writer.write_now(replace=replace)
        except ForeignFileError as exc:
            raise _with_advice(exc, workspace) from exc
        console.result(str(workspace.cleaned_csv))


def write_result(workspace: Workspace) -> None:
    """Write the result after a command that decided something, and say where it is.

    Raises
    ------
    ForeignFileError
        A file that cleaner did not write is in its place; the sentence names the options for it.
    """
    try:
        workspace.csv_writer(on_notice=_tell).write_now()
    except ForeignFileError as exc:
        raise _with_advice(exc, workspace) from exc
    console.say(f"Written: {workspace.cleaned_csv}")


def _with_advice(exc: ForeignFileError, workspace: Workspace) -> ForeignFileError:
    other = workspace.result.free().name
    command = f"cleaner result {workspace.labels or workspace.root}"
    return ForeignFileError(
        f"{exc} To write over it (a copy is kept), use “{command} --replace”; to write to another file, "
        f"“{command} --to {other}”; to make decisions of what differs in it, “{command} --import”."
    )


def _import(writer: CleanedCsv) -> None:
    _tell_rewritten(writer.hand_edits(), writer.path.name)
    act = writer.import_hand_edits()
    done = 0 if act is None else len(act.events)
    console.say(f"{count(done, 'decision')} made of the changes in {writer.path.name}.")


def _refuse_edited(writer: CleanedCsv) -> None:
    """Refuse to write over changes that somebody made in our own file.

    Raises
    ------
    StoreError
        There are some.
    """
    if writer.foreign:
        return  # told when it is written
    edits = writer.hand_edits()
    if edits is None:
        return
    changes = len(edits) - _tell_rewritten(edits, writer.path.name)
    if changes:
        raise StoreError(
            f"{writer.path.name} was edited outside of cleaner ({count(changes, 'change')}). Add --import to "
            "make decisions of the changes, or --replace to write over them (a copy is kept)."
        )


def _tell_rewritten(edits: pd.DataFrame | None, file: str) -> int:
    """Say what a spreadsheet program rewrote, which is no edit; return how much that is."""
    if edits is None:
        return 0
    from cleaner.review.output.hand_edits import SPREADSHEET  # pandas and SQLAlchemy: 1 s

    damage = edits[edits["change"] == SPREADSHEET]
    if len(damage):
        was, written = damage.iloc[0][["ours", "theirs"]]
        cells = count(len(damage), "name or label", "names or labels")
        console.say(
            f"A spreadsheet program saved {file} and rewrote {cells}: “{was}” is “{written}” "
            "there now. That is not taken for a change of yours."
        )
    return len(damage)


def _tell(notice: CsvNotice) -> None:
    if notice.event == "replaced":
        console.say(f"The file that was there is kept: {notice.other}")
    elif notice.event == "hand_edited":
        console.say(f"{notice.path.name} was changed by hand or elsewhere. A copy is kept: {notice.other}")
    elif notice.event == "locked":
        console.say(
            f"{notice.path.name} is open in another program. The new version is beside it: {notice.other}"
        )

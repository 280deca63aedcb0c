"""``import`` and ``export``: sets of other tools in, reviewed sets out; without torch."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cleaner.cli import options as o
from cleaner.cli.console import progress, result, say
from cleaner.errors import CatalogError
from cleaner.util.wording import count

if TYPE_CHECKING:
    from cleaner.dataset.findings import Finding
    from cleaner.dataset.formats.transfer import Imported

_COMPARED = 16  # images on which an ONNX file is compared with the model
_SHOWN = 3
_FORMAT_HELP = (
    "camtrap-dp, coco, cvat, fiftyone, huggingface, label-studio, labelme, megadetector, parquet, "
    "speciesnet, timelapse, via, voc, webdataset, yolo or zip."
)


def import_(
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", help="A file of labels, an archive, or a folder of either.")
    ],
    *,
    format: Annotated[
        str | None, typer.Option(metavar="NAME", help=f"{_FORMAT_HELP} Default: what SOURCE looks like.")
    ] = None,
    images: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the images. Default: beside SOURCE.")
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(
            metavar="NEW", help="New folder for unpacked or cropped images. Default: a name like SOURCE's."
        ),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Where to write the label table. Default: NAME.labels.csv in the folder of the images.",
        ),
    ] = None,
    label_column: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Column or field of the label. Default: one with a usual name."),
    ] = None,
    crops: Annotated[
        bool, typer.Option("--crops", help="Cut out the boxes, and review them as a set of their own.")
    ] = False,
    min_confidence: Annotated[
        float,
        typer.Option(metavar="P", min=0, max=1, help="Leave out boxes that the detector is less sure of."),
    ] = 0.2,
    several: Annotated[
        bool | None,
        typer.Option(
            "--several-labels/--one-label",
            help="Whether images can have several labels. Default: if at least 5 % of those with a label do.",
            show_default=False,
        ),
    ] = None,
    as_decisions: Annotated[
        bool,
        typer.Option(
            "--as-decisions",
            help="Take labels that people gave as their decisions. Without this, all labels are reviewed.",
        ),
    ] = False,
    state: o.State = None,
) -> None:
    """Open a set that another tool wrote: its labels go into a table, NAME.labels.csv, over the images.

    All else that the source says of an image is kept in columns of the table, and who or what gave a label,
    when, and how surely. "cleaner export --format NAME" writes the decisions into a copy of the source.
    """
    from cleaner.dataset.formats.entries import ReadOptions
    from cleaner.pipelines.foreign import bring_in

    with progress() as reporter:
        options = ReadOptions(
            images=images,
            to=to,
            label_column=label_column,
            crops=crops,
            several=several,
            min_confidence=min_confidence,
            reporter=reporter,
        )
        done, decisions = bring_in(
            source, format=format, table=table, options=options, state=state, as_decisions=as_decisions
        )
    _tell(done.findings)
    if done.table is not None:
        if as_decisions:
            say(f"{count(decisions, 'decision')} added.")
        labelled = sum(entry.label_in(done.sets) is not None for entry in done.reading.entries)
        say(f"{count(len(done.reading.entries), 'image')}, {labelled:,} with a label.")
    say(f"Open it with: cleaner app {_arguments(done, state)}")
    result(str(done.table or done.reading.root))


def _tell(findings: Iterable[Finding]) -> None:
    for finding in findings:
        say(finding.text)
        for example in finding.examples[:_SHOWN]:
            say(f"  {example}")
        if len(finding.examples) > _SHOWN:
            say(f"  and {len(finding.examples) - _SHOWN:,} more")


def _arguments(done: Imported, state: Path | None) -> str:
    inside = done.table is not None and done.table.resolve().parent == done.reading.root
    words = [str(done.table)] if inside else [str(done.reading.root)]
    if done.table is not None and not inside:
        words += ["--labels", str(done.table)]
    if state is not None:
        words += ["--state", str(state)]
    return " ".join(words)


def export(
    folder: o.Folder,
    images: o.SetOptions,
    *,
    to: Annotated[
        Path,
        typer.Option(
            metavar="NEW",
            help="The new folder: empty or not there yet, and outside DIR. With --model: the new file.",
        ),
    ],
    format: Annotated[
        str | None, typer.Option(metavar="NAME", help=f"{_FORMAT_HELP} Default: a folder for each class.")
    ] = None,
    link: Annotated[
        bool, typer.Option("--link", help="Make hard links instead of copies if the disk allows it.")
    ] = False,
    flat: Annotated[
        bool, typer.Option("--flat", help="Leave out the folders train, valid and test.")
    ] = False,
    model: Annotated[
        bool, typer.Option("--model", help="Write the model that was trained last, not the images.")
    ] = False,
    onnx: Annotated[
        bool, typer.Option("--onnx", help="With --model: also write it as ONNX, and compare the two.")
    ] = False,
) -> None:
    """Copy the cleaned set into a new folder tree, NEW/<split>/<class>/<file>; the originals stay.

    With --format, write it in the format of another tool. A set that was imported from that format gets back
    what it came from, with the decisions written into it.

    With --model, write the model that was trained last on the page into one safetensors file, with its
    classes and preprocessing. "cleaner predict", "cleaner serve" and load_learner in Python read it.
    """
    if model or onnx:
        if format is not None or flat or link or not model:
            msg = "--model writes a model, no images: leave out --format, --flat and --link. --onnx needs it."
            raise CatalogError(msg)
        _export_model(folder, images, to=to, onnx=onnx)
        return
    if format is not None:
        if flat:
            raise CatalogError("--flat is for folders of classes; leave it out with --format.")
        _export_foreign(folder, images, to=to, format=format, link=link)
        return
    from cleaner.dataset.export import export_tree

    with o.opened(folder, images) as workspace, progress() as reporter:
        tree = export_tree(workspace.cleaned(), to, link=link, flat=flat, reporter=reporter)
    say(f"{tree.folder}: {count(tree.copied, 'file')} copied, {tree.linked:,} linked.")
    for label, name in tree.renamed.items():
        say(f"The images of “{label[:60]}” are in the folder {name}.")
    if tree.renamed:
        say("cleaner reads such folders back as those classes; for other programs, labels.csv names them.")
    if tree.unlabelled:
        say(f"Left out because they have no label: {count(tree.unlabelled, 'image')}.")
    _tell_missing(tree.missing)


def _export_model(folder: Path, images: o.SetOptions, *, to: Path, onnx: bool) -> None:
    from cleaner.pipelines.model_file import take_away

    with o.opened(folder, images) as workspace:
        written = take_away(workspace, to)
        say(f"Written: {written}")
        if onnx:
            from cleaner.training.network import Network  # torch: 2 to 4 s
            from cleaner.training.onnx_file import save_onnx

            network, beside = Network.load(written, device="cpu"), written.with_suffix(".onnx")
            some = [workspace.catalog.path(str(name)) for name in workspace.catalog.names[:_COMPARED]]
            check = save_onnx(network, beside, some)
            words = f"by at most {check.difference:.1e} on {count(check.images, 'image')}"
            say(f"Written: {beside}. Its probabilities differ from those of the model {words}.")


def _tell_missing(names: Iterable[str]) -> None:
    for name in names:
        say(f"Left out because the file is missing: {name}")


def _export_foreign(folder: Path, images: o.SetOptions, *, to: Path, format: str, link: bool) -> None:
    with o.opened(folder, images) as workspace, progress() as reporter:
        done = workspace.export_as(format, to, link=link, reporter=reporter)
    source = "what the set was imported from" if done.edited else "new"
    say(
        f"{done.folder} ({source}): {count(done.changed, 'label')} changed, "
        f"{count(done.deleted, 'image')} deleted."
    )
    for note in done.notes:
        say(note)
    _tell_missing(done.missing)

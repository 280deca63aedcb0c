"""Sets of other tools in, and reviewed sets out, each as one step; needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cleaner.advice import on_page
from cleaner.dataset.dataset import Dataset
from cleaner.dataset.export import export_tree
from cleaner.dataset.formats.entries import ReadOptions
from cleaner.dataset.formats.memory import ImportMemory
from cleaner.dataset.formats.transfer import Exported, Imported, export_set, import_set, keep_source
from cleaner.dataset.formats.webdataset import shards_in_place
from cleaner.dataset.tables.text import table_rows
from cleaner.pipelines.opened import opened
from cleaner.review.labels import cleaned_catalog
from cleaner.review.output.earlier import earlier_decisions
from cleaner.review.output.reviewed import reviewed_images
from cleaner.review.state import ReviewState
from cleaner.util.progress import Reporter
from cleaner.util.wording import listed


def bring_in(
    source: Path | str,
    *,
    format: str | None = None,
    table: Path | str | None = None,
    options: ReadOptions | None = None,
    state: Path | None = None,
    as_decisions: bool = False,
) -> tuple[Imported, int]:
    """Import a set of another tool, and remember where it came from.

    Parameters
    ----------
    source, format, table, options
        See `cleaner.dataset.formats.transfer.import_set`.
    state : Path, optional
        The state folder of the set, if it is not the usual one.
    as_decisions : bool
        Take the labels that people gave as their decisions.

    Returns
    -------
    Imported
    int
        How many decisions were added to the history.

    Raises
    ------
    CatalogError
        The source cannot be read, or its label table cannot be written.
    """
    options = options or ReadOptions()
    done = import_set(source, format=format, table=table, options=options)
    if done.table is None:
        return done, 0
    with Dataset(done.reading.root, labels=done.table, state=state) as dataset:
        keep_source(dataset.state, done, options)
    if not as_decisions:
        return done, 0
    with opened({"root": done.reading.root, "labels": done.table, "state": state}) as (dataset, store, _):
        there = set(dataset.catalog.names)
        rows = earlier_decisions([e for e in done.reading.entries if e.name in there], done.sets)
        return done, store.import_history(rows) if len(rows) else 0


def export_as(dataset: Dataset, review: ReviewState, format: str, to: Path | str, **options: Any) -> Exported:
    """Write a set after all decisions in the format of another tool; see `Workspace.export_as`."""
    header, *rows = [[]] if dataset.labels is None else table_rows(dataset.labels, dataset.table_options)
    table = [dict(zip(header, row, strict=False)) for row in rows]
    images = reviewed_images(dataset.catalog, review, table)
    if dataset.labels is None:
        kept = shards_in_place(dataset.catalog, dataset.table_options.label_column or None)
    else:
        kept = ImportMemory(dataset.state, dataset.labels).source()
    return export_set(images, dataset.catalog, to, format=format, kept=kept, **options)


def job_import(
    *,
    source: str,
    format: str,
    images: str | None,
    label_column: str | None,
    crops: bool,
    as_decisions: bool,
    reporter: Reporter,
) -> dict[str, Any]:
    """Run `bring_in` in a worker process.

    Returns
    -------
    dict
        ``root`` and ``labels`` (None where folders are the labels): what opens the set.
    """
    options = ReadOptions(
        images=None if images is None else Path(images),
        label_column=label_column,
        crops=crops,
        reporter=reporter,
    )
    done, _ = bring_in(source, format=format, options=options, as_decisions=as_decisions)
    return {"root": str(done.reading.root), "labels": None if done.table is None else str(done.table)}


def job_export(
    *, workspace: Mapping[str, Any], format: str | None, to: str, reporter: Reporter
) -> dict[str, Any]:
    """Write a set after all decisions into a new folder, in a worker process.

    Parameters
    ----------
    workspace : Mapping
        What `Workspace.options` gave.
    format : str or None
        A name of `FORMATS`; None for a folder for each class.
    to : str
        The new folder.
    reporter : Reporter

    Returns
    -------
    dict
        ``folder``, ``missing`` (names the images without a file; empty if there are none), ``unlabelled``
        (images that were left out because they have no label), ``notes`` (sentences on what could not be
        written).
    """
    with opened(workspace) as (dataset, store, _):
        if format is None:
            tree = export_tree(cleaned_catalog(dataset.catalog, store.state), to, reporter=reporter)
            return {
                "folder": str(tree.folder),
                "missing": listed(tree.missing),
                "unlabelled": tree.unlabelled,
                "notes": [],
            }
        done = export_as(dataset, store.state, format, to, reporter=reporter)
        return {
            "folder": str(done.folder),
            "missing": listed(done.missing),
            "unlabelled": 0,
            "notes": [on_page(note) for note in done.notes],
        }

"""Foreign sets for tests: bring one in, decide, write it out again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pictures import COLOURS, make_picture

from cleaner import Workspace
from cleaner.dataset.formats.documents import CsvDocument
from cleaner.dataset.formats.entries import ReadOptions
from cleaner.dataset.formats.transfer import Exported, Imported
from cleaner.pipelines import foreign

DELETE, KEEP = "<delete>", "<keep>"
REVIEWER = "anna"


def photos(folder: Path, names: list[str]) -> Path:
    """Write a small picture for each name."""
    colours = list(COLOURS.values())
    for i, name in enumerate(names):
        make_picture(folder / name, colours[i % len(colours)], seed=i)
    return folder


def bring_in(
    source: Path, *, format: str | None = None, table: Path | None = None, **options: object
) -> Imported:
    """Import a source, and remember what it was imported from."""
    read = ReadOptions(**options)  # type: ignore[arg-type] # whatever the test says
    return foreign.bring_in(source, format=format, table=table, options=read)[0]


def opened(done: Imported) -> Workspace:
    return Workspace(done.reading.root, labels=done.table, reviewer=REVIEWER)


def decide(done: Imported, decisions: Mapping[str, str]) -> None:
    """Decide on images by name: a new label, `DELETE` or `KEEP`."""
    with opened(done) as workspace:
        for name, said in decisions.items():
            assert workspace.catalog.subset([name])
            action = {DELETE: "delete", KEEP: "keep"}.get(said, "relabel")
            workspace.store.decide(name, action, said if action == "relabel" else None)


def write_out(done: Imported, to: Path, *, format: str | None = None, link: bool = False) -> Exported:
    """Export a set in its own format, or another one."""
    with opened(done) as workspace:
        return workspace.export_as(format or done.format.name, to, link=link)


def labels(done: Imported) -> dict[str, str | None]:
    """Return the labels of the set as it opens."""
    with opened(done) as workspace:
        return dict(zip(workspace.catalog.names, workspace.catalog.labels, strict=True))


def suggestions(done: Imported) -> dict[str, str]:
    """Return what a machine suggests, by name."""
    return {name: row.get("suggested_label", "") for name, row in rows(done).items()}


def topics(done: Imported) -> set[str]:
    return {finding.topic for finding in done.findings}


def rows(done: Imported) -> dict[str, dict[str, str]]:
    """Return the label table by name."""
    assert done.table is not None
    return {row["name"]: row for row in CsvDocument.read(done.table).rows}

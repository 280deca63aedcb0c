"""The images of a set as a foreign format gets them: what was decided, by whom and when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC

from cleaner.dataset.catalog import Catalog
from cleaner.dataset.formats.entries import (
    BOX,
    LABEL_COLUMNS,
    SOURCE_NAME,
    SUGGESTION_COLUMNS,
    Opinion,
    Reviewed,
    opinion_of_row,
    suggestion_of_row,
)
from cleaner.dataset.label_sets import LabelSets
from cleaner.dataset.tables.text import as_text
from cleaner.review.labels import LabelOfImage, PresentLabels
from cleaner.review.state import Decision, ReviewState

_OURS = frozenset({"name", "label", "split", SOURCE_NAME, BOX, *LABEL_COLUMNS, *SUGGESTION_COLUMNS})


def reviewed_images(
    catalog: Catalog, state: ReviewState, table: Sequence[Mapping[str, str]] = ()
) -> list[Reviewed]:
    """Return all images of a set with what was decided on them, those that go included.

    Parameters
    ----------
    catalog : Catalog
        The images with their labels as given.
    state : ReviewState
        The decisions.
    table : sequence of mappings
        The rows of the label table of the set. It still names deleted images whose files were moved into the
        trash.
    """
    decisions = state.decisions()
    cells = catalog.table.to_dict("records")
    rows = {str(row["name"]): {str(k): as_text(v) or "" for k, v in row.items()} for row in cells}
    sets = catalog.label_sets
    images = [
        _reviewed(present, rows[present.name], decisions.get(present.name), sets, state)
        for present in PresentLabels.of(catalog, state)
    ]
    return [*images, *_gone(table, rows, decisions, sets, state)]


def _gone(
    table: Sequence[Mapping[str, str]],
    rows: Mapping[str, object],
    decisions: Mapping[str, Decision],
    sets: LabelSets | None,
    state: ReviewState,
) -> Iterator[Reviewed]:
    """Yield the deleted images that the table names and the catalog does not list any more."""
    for row in table:
        name = row.get("name", "")
        decision = decisions.get(name)
        if name not in rows and decision is not None and decision.outcome == "delete":
            label = row.get("label") or None
            yield _reviewed(LabelOfImage(name, label, label, "delete"), row, decision, sets, state)


def _reviewed(
    present: LabelOfImage,
    row: Mapping[str, str],
    decision: Decision | None,
    sets: LabelSets | None,
    state: ReviewState,
) -> Reviewed:
    given = () if sets is None else sets.split(row.get("label") or None)
    decided = present.decided and decision is not None
    box = row.get(BOX, "")
    return Reviewed(
        name=present.name,
        source_name=row.get(SOURCE_NAME) or present.name,
        label=present.label,
        given=row.get("label") or None,
        classes=None if sets is None else sets.split(present.label),
        renamed={name: now for name in given if (now := state.label_now(name)) != name},
        split=row.get("split") or None,
        deleted=present.deleted,
        decided=decided,
        opinion=_opinion(present.label, decision) if decided and decision else opinion_of_row(row),
        columns={key: value for key, value in row.items() if key not in _OURS},
        box=int(box) if box.isdigit() else None,
        suggested=suggestion_of_row(row),
    )


def _opinion(label: str | None, decision: Decision) -> Opinion:
    """Return a decision as the opinion of a person; no probability is given for those."""
    time = decision.time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return Opinion(labels=(label,) if label else (), method="human", by=decision.reviewer, time=time)

"""What people said of images elsewhere, as a history of decisions that a store takes in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pandas as pd

from cleaner.dataset.formats.entries import Entry, Opinion

_UNKNOWN = "unknown"
_COLUMNS = ("name", "action", "given_label", "new_label", "reviewer", "time", "detail")


def earlier_decisions(entries: Sequence[Entry]) -> pd.DataFrame:
    """Return the judgements of people in a foreign file as rows for `ReviewStore.import_history`.

    Whoever gave an image the label that it has now, kept it; another label is a relabel, a mark for deletion
    a delete. The labels of machines are no decisions, and images with several labels have none.

    Parameters
    ----------
    entries : sequence of Entry
        What was read.
    """
    rows = []
    for entry in entries:
        for opinion in entry.opinions:
            if opinion.method == "human" and len(opinion.labels) == 1 and entry.label is not None:
                same = opinion.labels[0] == entry.label
                rows.append(_row(entry, "keep" if same else "relabel", opinion))
        if entry.deleted:
            rows.append(_row(entry, "delete", Opinion(method="human")))
    return pd.DataFrame(rows, columns=list(_COLUMNS), dtype=object)


def _row(entry: Entry, action: str, opinion: Opinion) -> tuple[str | None, ...]:
    new = opinion.labels[0] if action == "relabel" else None
    by = "".join(char for char in opinion.by if char.isprintable()).strip() or _UNKNOWN
    return entry.name, action, entry.label, new, by, _time(opinion.time), '{"imported": true}'


def _time(text: str) -> str | None:
    """Return a time that can be read; None: the store takes that of the import."""
    try:
        return datetime.fromisoformat(text).isoformat()
    except ValueError:
        return None

"""What people said of images elsewhere, as a history of decisions that a store takes in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import pandas as pd

from cleaner.dataset.formats.entries import Entry, Opinion
from cleaner.dataset.label_sets import LabelSets

_UNKNOWN = "unknown"
_COLUMNS = ("name", "action", "given_label", "new_label", "reviewer", "time", "detail")


def earlier_decisions(entries: Sequence[Entry], sets: LabelSets | None = None) -> pd.DataFrame:
    """Return the judgements of people in a foreign file as rows for `ReviewStore.import_history`.

    Whoever gave an image the label that it has now, kept it; another label is a relabel, a mark for deletion
    a delete. The labels of machines are no decisions. Where each image has one label, those with
    several labels have none.

    Parameters
    ----------
    entries : sequence of Entry
        What was read.
    sets : LabelSets, optional
        How labels are joined, where images can have several.
    """
    rows = []
    for entry in entries:
        given = entry.label_in(sets)
        for opinion in entry.opinions:
            said = replace(entry, opinions=[opinion]).label_in(sets)
            if opinion.method == "human" and said is not None and given is not None:
                rows.append(_row(entry.name, given, said if said != given else None, opinion))
        if entry.deleted:
            rows.append(_row(entry.name, given, None, Opinion(method="human"), action="delete"))
    return pd.DataFrame(rows, columns=list(_COLUMNS), dtype=object)


def _row(
    name: str, given: str | None, new: str | None, opinion: Opinion, *, action: str = ""
) -> tuple[str | None, ...]:
    action = action or ("keep" if new is None else "relabel")
    by = "".join(char for char in opinion.by if char.isprintable()).strip() or _UNKNOWN
    return name, action, given, new, by, _time(opinion.time), '{"imported": true}'


def _time(text: str) -> str | None:
    """Return a time that can be read; None: the store takes that of the import."""
    try:
        return datetime.fromisoformat(text).isoformat()
    except ValueError:
        return None

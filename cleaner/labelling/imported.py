"""Labels that a machine gave elsewhere and that came with the set, as suggestions for images without one."""

from __future__ import annotations

from collections.abc import Mapping

from cleaner.dataset.catalog import Catalog
from cleaner.dataset.formats.entries import SUGGESTED, SUGGESTED_SURE, number
from cleaner.dataset.tables.text import as_text
from cleaner.review import ReviewState

ImportedSuggestions = Mapping[str, tuple[str, float]]
"""From the name of an image to its suggestion and the probability (0 to 1; NaN: not known) of that."""


def imported_suggestions(catalog: Catalog, state: ReviewState) -> dict[str, tuple[str, float]]:
    """Return what the table of a set suggests for its images, under the present names of the classes.

    Parameters
    ----------
    catalog : Catalog
        With the columns ``suggested_label`` and ``suggestion_probability``, or without.
    state : ReviewState
    """
    table = catalog.table
    if SUGGESTED not in table.columns:
        return {}
    labels = map(as_text, table[SUGGESTED])
    sure = table[SUGGESTED_SURE] if SUGGESTED_SURE in table.columns else [None] * len(table)
    found: dict[str, tuple[str, float]] = {}
    for name, label, value in zip(table["name"], labels, sure, strict=True):
        if label:
            probability = number(value)
            found[name] = state.label_now(label), float("nan") if probability is None else probability
    return found

"""`merge_history`: take in what a colleague decided, or was decided elsewhere, and see what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cleaner.review.output.history import read_rows
from cleaner.review.store import ReviewStore


@dataclass(frozen=True, kw_only=True)
class Merged:
    """What became of a history that was taken in.

    Parameters
    ----------
    added : int
        Rows that were new; all of them stay in the history, whatever stands below.
    known : int
        Rows that were here before.
    reviewers : tuple of str
        Who made the new rows.
    conflicts : tuple of str
        Images of the new rows on which reviewers disagree now.
    gone : tuple of str
        Names in the new rows under which this set has no image; these rows decide nothing.
    asked_again : tuple of str
        Images of the new rows that have another content or given label here than when they were decided on.
        They are to be decided on again.
    """

    added: int
    known: int
    reviewers: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    asked_again: tuple[str, ...] = ()


def merge_history(store: ReviewStore, source: pd.DataFrame | Path | str | bytes) -> Merged:
    """Add the rows of a history that are not here yet, all or none.

    Nothing is overwritten: if reviewers disagree, both of their decisions stay.

    Parameters
    ----------
    store : ReviewStore
    source : DataFrame, path or bytes
        A history as it is exported; bytes are the content of its file.

    Raises
    ------
    StoreError
        It is no history, or the database did not take it; nothing is added then.
    """
    rows = read_rows(source)
    events = store.import_rows(rows)
    state = store.state
    decided = [event for event in events if event.is_decision and state.stands(event.act)]
    here = {name for event in decided if (name := state.image_of(event)) is not None}
    idle = {event.name for event in decided if state.image_of(event) is None}
    again, at_odds = state.asked_again(), state.conflicts()
    return Merged(
        added=len(events),
        known=len(rows) - len(events),
        reviewers=tuple(dict.fromkeys(event.reviewer for event in events)),
        conflicts=tuple(sorted(here & at_odds.keys())),
        gone=tuple(sorted(idle - again.keys())),
        asked_again=tuple(sorted(idle & again.keys())),
    )

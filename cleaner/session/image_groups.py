"""The groups that a map of the images is coloured by: given labels, suggestions, or decisions."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from cleaner.ranking.set_ranking import SetRanking
from cleaner.review.labels import PresentLabels
from cleaner.session.snapshot import Snapshot


class Grouping(StrEnum):
    """What the images are grouped by."""

    GIVEN = "given"
    """The label that an image came with, under the present name of its class."""
    SUGGESTION = "suggestion"
    """The class that the model takes it for; images without a label: the one that is proposed."""
    DECISION = "decision"
    """What holds for it: one of `DECISIONS`."""


DECISIONS = ("undecided", "keep", "relabel", "label", "delete", "unsure")
"""Outcomes of `cleaner.review.state.ReviewState.outcomes`, and that there is none."""


def group_of_each(known: Snapshot, by: Grouping) -> dict[str, str]:
    """Return the group of each image of the catalog; "" where it has no label, or nothing is suggested."""
    present = PresentLabels.of(known.catalog, known.state)
    if by is Grouping.DECISION:
        pairs = zip(present.names, present.outcomes, strict=True)
        return {name: outcome if outcome in DECISIONS else "undecided" for name, outcome in pairs}
    if by is Grouping.GIVEN:
        return {name: label or "" for name, label in zip(present.names, present.given, strict=True)}
    return dict.fromkeys(present.names, "") | _suggested(known)


def _suggested(known: Snapshot) -> dict[str, str]:
    ranking, proposal, state = known.ranking, known.proposal, known.state
    found: dict[str, str] = {}
    if isinstance(ranking, SetRanking):
        for row, name in enumerate(ranking.names):
            if name in known:
                found[name] = state.label_now(ranking.suggestion(row)[0], since_seq=ranking.named_at)
    elif ranking is not None:
        now = [state.label_now(label, since_seq=ranking.named_at) for label in ranking.classes]
        best = np.argmax(ranking.predicted, axis=1)
        pairs = zip(ranking.names, best, strict=True)
        found = {name: now[column] for name, column in pairs if name in known}
    if proposal is not None:
        for name, label in zip(map(str, proposal.names), proposal.suggestion, strict=True):
            if label is not None and name in known:
                found[name] = state.label_now(label, since_seq=proposal.named_at)
    return found

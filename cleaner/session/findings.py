"""What is known of a set of images at one moment: what every order is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cleaner.review.labels import PresentLabels

if TYPE_CHECKING:
    from cleaner.dataset.catalog import Catalog
    from cleaner.labelling.proposal import Proposal
    from cleaner.pipelines.checks import Checks
    from cleaner.ranking import Ranking
    from cleaner.review import ReviewState

__all__ = ["Findings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """A catalog, the decisions on it, and whatever was found out about it so far.

    Parameters
    ----------
    catalog : Catalog
    state : ReviewState
        The decisions; a live object.
    ranking : Ranking or None
    checks : Checks or None
        Copies, bad pictures and outliers.
    proposal : Proposal or None
        Labels for images that have none.
    audit : callable
        Gives the names of the audit in their random order.
    """

    catalog: Catalog
    state: ReviewState
    ranking: Ranking | None = None
    checks: Checks | None = None
    proposal: Proposal | None = None
    audit: Callable[[], list[str]] = list

    def unlabelled(self) -> list[str]:
        """Return the images that have no label in the catalog and none by a decision, in its order."""
        present = PresentLabels.of(self.catalog, self.state)
        return [name for name, label in present.by_name().items() if label is None]

    def lacks_labels(self) -> bool:
        """Tell whether any image has no label in the catalog, whatever was decided since."""
        return bool(self.catalog.table["label"].isna().any())

    def deleted(self) -> set[str]:
        """Return the images that were deleted, for whatever reason."""
        return {name for name, (outcome, _) in self.state.outcomes().items() if outcome == "delete"}

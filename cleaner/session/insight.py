"""What the decisions say when one looks closer: computed in the background, then shown as it is."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cleaner.errors import CleanerError

if TYPE_CHECKING:
    from cleaner.analysis.observations import Provenance
    from cleaner.analysis.summary import ReviewAnalysis
    from cleaner.audit.running import RunningAudit
    from cleaner.dataset.catalog import Catalog
    from cleaner.ranking import Ranking
    from cleaner.workspace import Workspace

__all__ = ["Looker"]

logger = logging.getLogger(__name__)


class Looker:
    """Looks closer at the decisions on a workspace.

    Parameters
    ----------
    workspace : Workspace
    audit : RunningAudit
    page_size : int
        Images on a page.
    """

    def __init__(self, workspace: Workspace, audit: RunningAudit, *, page_size: int) -> None:
        self._workspace = workspace
        self._audit = audit
        self._page_size = page_size
        self._provenance: tuple[Catalog, Provenance] | None = None

    def look(
        self, ranking: Ranking | None, names: Sequence[str] = (), scores: NDArray[np.floating] | None = None
    ) -> ReviewAnalysis:
        """Find out what can be said now; see `cleaner.analysis.summary.analyse_review`."""
        from cleaner.analysis.observations import Provenance, file_days
        from cleaner.analysis.summary import analyse_review

        catalog, state = self._workspace.catalog, self._workspace.store.state
        if self._provenance is None or self._provenance[0] is not catalog:
            days = file_days(self._workspace.index)
            self._provenance = (catalog, Provenance.of(catalog, dates=days))
        certificate, newcomers, audit, problem = None, 0, None, ""
        try:
            audit = self._audit.audit
            certificate, newcomers = self._audit.certificate(), len(self._audit.newcomers())
        except CleanerError as exc:
            logger.warning("the audit cannot be shown", exc_info=True)
            problem = str(exc)
        return analyse_review(
            self._provenance[1],
            state,
            page_size=self._page_size,
            ranking=ranking,
            names=names,
            scores=scores,
            audit=audit,
            certificate=certificate,
            newcomers=newcomers,
            problem=problem,
        )

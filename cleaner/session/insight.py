"""What the decisions come to when one looks closer: computed behind the page's back, then shown as it is."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cleaner.errors import CleanerError

if TYPE_CHECKING:
    from cleaner.analysis.bias import Verdict
    from cleaner.analysis.confusions import Confusions
    from cleaner.analysis.forecast import Outlook
    from cleaner.analysis.observations import Ground
    from cleaner.audit.certificate import Statement
    from cleaner.audit.running import RunningAudit
    from cleaner.dataset.catalog import Catalog
    from cleaner.ranking import Ranking
    from cleaner.workspace import Workspace

__all__ = ["Insight", "Looker"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Insight:
    """What was found out at one moment.

    Parameters
    ----------
    outlook : Outlook
        Errors found, and expected.
    rare : bool
        Whether errors have become rare by the rule of thumb.
    window, window_errors : int
        The last looks, and the errors among them.
    statement : Statement or None
        What the audit says; None before it begins.
    newcomers : int
        Undecided images that came after the audit had begun.
    verdict : Verdict
        Whether the errors follow a pattern.
    confusions : Confusions
        Which class is mistaken for which.
    problem : str
        Why the audit cannot be read; empty if it can.
    """

    outlook: Outlook
    rare: bool
    window: int
    window_errors: int
    statement: Statement | None
    newcomers: int
    verdict: Verdict
    confusions: Confusions
    problem: str = ""


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
        self._ground: tuple[Catalog, Ground] | None = None

    def look(
        self, ranking: Ranking | None, names: Sequence[str] = (), scores: NDArray[np.floating] | None = None
    ) -> Insight:
        """Find out what can be said now; takes a while, so call it from a thread of its own.

        Parameters
        ----------
        ranking : Ranking, optional
        names : sequence of str
            Images that the ranking knows.
        scores : float, shape (len(names),), optional
            How probable an error each is now.
        """
        from cleaner.analysis.bias import verdict
        from cleaner.analysis.confusions import confusions
        from cleaner.analysis.forecast import hardly_any, outlook
        from cleaner.analysis.observations import gather

        catalog, state = self._workspace.catalog, self._workspace.store.state
        ahead = outlook(state, names, scores, page_size=self._page_size)
        progress = state.progress()
        statement, newcomers, audit, problem = None, 0, None, ""
        try:
            audit = self._audit.audit
            statement, newcomers = self._audit.statement(), len(self._audit.newcomers())
        except CleanerError as exc:
            logger.warning("the audit cannot be shown", exc_info=True)
            problem = str(exc)
        looks = gather(self._ground_of(catalog), state, ranking=ranking, audit=audit)
        return Insight(
            outlook=ahead,
            rare=hardly_any(
                window=progress.window, window_errors=progress.window_errors, next_page=ahead.next_page
            ),
            window=progress.window,
            window_errors=progress.window_errors,
            statement=statement,
            newcomers=newcomers,
            verdict=verdict(looks),
            confusions=confusions(looks, state, ranking),
            problem=problem,
        )

    def _ground_of(self, catalog: Catalog) -> Ground:
        """Return what no decision changes; read once for a catalog."""
        from cleaner.analysis.observations import Ground

        if self._ground is None or self._ground[0] is not catalog:
            table = self._workspace.index.table()
            pairs = zip(table["name"], table["mtime_ns"], strict=True)
            days = {
                name: datetime.fromtimestamp(written_ns / 1e9, UTC).date().isoformat()
                for name, written_ns in pairs
                if written_ns is not None
            }
            self._ground = (catalog, Ground.of(catalog, dates=days))
        return self._ground[1]

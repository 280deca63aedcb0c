"""Playing the expert with known answers, through the very code that the page uses.

Decisions go to a `ReviewStore` in a temporary SQLite file, pages come from a `Pager`, and the unseen are
re-ordered by `cleaner.ranking.feedback` and certified by `cleaner.audit.audit` as on the page: what a page
taught moves images from the page after the next one on.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cleaner.audit.audit import Audit
from cleaner.errors import RankingError
from cleaner.ranking.feedback import judged, reorder
from cleaner.ranking.result import Ranking
from cleaner.review import Choice, ReviewStore
from cleaner.session.pages import Pager
from cleaner.util.progress import SILENT, Reporter, Stage

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "LEARNING", "RANDOM", "simulate"]

LEARNING = "learning"
"""The default ordering, re-ordered by the decisions as on the page."""

RANDOM = "random"
"""No ranking at all."""

COLUMNS = (
    "ordering",
    "page",
    "looks",
    "errors_found",
    "recall",
    "mistakes",
    "expected_next",
    "audited",
    "left_at_most",
    "recall_at_least",
)
"""Columns of what `simulate` returns."""

_SLIPS = 1  # which stream of random numbers


def simulate(
    ranking: Ranking,
    truth: Mapping[str, str | None],
    *,
    orderings: Sequence[str] = (LEARNING, "pooled", RANDOM),
    looks: int | None = None,
    page_size: int = 24,
    reviewer_error: float = 0.0,
    seed: int = 0,
    audit: int = 0,
    reporter: Reporter = SILENT,
) -> pd.DataFrame:
    """Review a ranking with known answers, once for every ordering.

    Parameters
    ----------
    ranking : Ranking
        Of the given labels; its unlabelled images are left out.
    truth : mapping of str to str or None
        Right label of each image; None: it belongs to no class, and the expert deletes it.
    orderings : sequence of str
        `LEARNING`, `RANDOM`, and names of `cleaner.ranking.ORDERINGS`.
    looks : int, optional
        Images to look at, rounded up to whole pages; all by default.
    page_size : int
        Images on a page.
    reviewer_error : float
        Chance, 0..1, that the expert judges an image wrongly: keeps a wrong label, or gives a right one away.
    seed : int
        Of the mistakes, the random order and the audit.
    audit : int
        Images to look at in a random audit after those looks.
    reporter : Reporter

    Returns
    -------
    DataFrame
        One row a page, and one before the first. Columns `COLUMNS`: ``errors_found`` are wrong labels that
        the expert saw to be wrong, ``recall`` their share of all wrong labels, ``mistakes`` the images judged
        wrongly so far, ``expected_next`` the errors expected on the next page (missing for an ordering
        without probabilities), ``audited``, ``left_at_most`` and ``recall_at_least`` what the certificate
        says (missing before the audit).

    Raises
    ------
    RankingError
        An unknown ordering, an image whose truth is missing, or numbers that cannot be.
    Cancelled
        The reporter asked to stop.
    """
    import pandas as pd

    _check(ranking, orderings, looks, page_size, reviewer_error)
    given = {name: label for name, label in zip(ranking.names, ranking.given, strict=True) if label}
    missing = [name for name in given if name not in truth]
    if missing:
        some = ", ".join(map(repr, missing[:3]))
        msg = f"The truth of {len(missing):,} images is missing ({some} …); give a label for each, or None."
        raise RankingError(msg)
    rows: list[dict[str, object]] = []
    most = len(given) if looks is None else min(looks, len(given))
    for number, ordering in enumerate(orderings):
        reporter.check()
        reporter(Stage.SIMULATE, number, len(orderings))
        with tempfile.TemporaryDirectory(prefix="cleaner-", ignore_cleanup_errors=True) as folder:
            expert = _Expert(truth, given, ranking.classes, reviewer_error, seed)
            with _Session(ranking, ordering, expert, Path(folder), page_size, seed) as session:
                session.review(most, reporter)
                session.certify(audit, reporter)
                rows += session.rows
    reporter(Stage.SIMULATE, len(orderings), len(orderings))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _check(
    ranking: Ranking, orderings: Sequence[str], looks: int | None, page_size: int, reviewer_error: float
) -> None:
    known = [LEARNING, RANDOM, *ranking.signals]
    unknown = [ordering for ordering in orderings if ordering not in known]
    if unknown:
        msg = f"Got the ordering {unknown[0]!r}; expected one of {', '.join(known)}."
        raise RankingError(msg)
    if (looks is not None and looks < 1) or page_size < 1 or not 0 <= reviewer_error < 1:
        msg = (
            f"Got {looks} looks, pages of {page_size} and a reviewer's error of {reviewer_error}; expected "
            "at least one look, at least one image a page, and an error from 0 up to (not including) 1."
        )
        raise RankingError(msg)


class _Expert:
    """Knows the answers, and errs now and then; an image asked about again gets the same answer."""

    def __init__(
        self,
        truth: Mapping[str, str | None],
        given: Mapping[str, str],
        classes: Sequence[str],
        error: float,
        seed: int,
    ) -> None:
        self.truth, self.given = truth, given
        # Not the stream of `default_rng(seed)`, by which somebody may have made the wrong labels.
        rng = np.random.default_rng((seed, _SLIPS))
        names = sorted(given)
        slips = dict(zip(names, (rng.random(len(names)) < error).tolist(), strict=True))
        picks = rng.integers(0, max(1, len(classes) - 1), len(names)).tolist()
        self._slips, self._pick_of = slips, dict(zip(names, picks, strict=True))
        self._classes = list(classes)

    def is_error(self, name: str) -> bool:
        return self.truth[name] != self.given[name]

    def choice(self, name: str) -> Choice | None:
        """Return what the expert marks; None for an image that stays unmarked and is confirmed."""
        label, given = self.truth[name], self.given[name]
        if self._slips[name]:
            if self.is_error(name):
                return None
            others = [c for c in self._classes if c != given]
            label = others[self._pick_of[name] % len(others)] if others else None
        elif not self.is_error(name):
            return None
        if label is None:
            return Choice(name=name, action="delete", given=given)
        return Choice(name=name, action="relabel", label=label, given=given)


class _Session:
    """One review by one ordering."""

    def __init__(
        self, ranking: Ranking, ordering: str, expert: _Expert, folder: Path, page_size: int, seed: int
    ) -> None:
        self.ranking, self.ordering, self.expert, self.page_size = ranking, ordering, expert, page_size
        self.rows: list[dict[str, object]] = []
        self.store = ReviewStore(folder / "review.db", dataset="simulation", reviewer="simulated expert")
        self.seed = seed
        by = "pooled" if ordering == LEARNING else ordering
        names = sorted(expert.given) if ordering == RANDOM else ranking.order(by).tolist()
        names = [name for name in names if name in expert.given]
        if ordering == RANDOM:
            np.random.default_rng(seed).shuffle(names)
        self.pager = Pager(names, page_size=page_size, is_decided=self.store.state.is_decided)
        self.errors = sum(map(expert.is_error, expert.given))
        self.looks = self.found = self.mistakes = 0
        self.probability = dict(zip(ranking.names, ranking.signals["pooled"].tolist(), strict=True))
        self._note(self.pager.current.names if self.pager.current else ())

    def __enter__(self) -> _Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.store.close()

    def review(self, looks: int, reporter: Reporter) -> None:
        """Decide on page after page until so many images were looked at."""
        page = self.pager.current
        while page is not None and self.looks < looks:
            reporter.check()
            self._decide(page.names, page.number)
            page = self.pager.next(skip_decided=True)
            if self.ordering == LEARNING:
                learnt = reorder(self.ranking, judged(self.store.state, self.ranking))
                self.pager.reorder(learnt.order(self.ranking).tolist())
                self.probability = dict(zip(self.ranking.names, learnt.scores.tolist(), strict=True))
            self._note(() if page is None else page.names)

    def certify(self, looks: int, reporter: Reporter) -> None:
        """Audit what is left, page by page in random order."""
        state = self.store.state
        open_names = [name for name in self.expert.given if not state.is_decided(name)]
        if looks < 1 or not open_names:
            return
        elsewhere = sum(outcome in ("delete", "relabel") for outcome, _ in state.judgements().values())
        audit = Audit.begun(open_names, seed=f"simulation {self.seed}")
        for start in range(0, min(looks, len(open_names)), self.page_size):
            reporter.check()
            names = audit.sequence[start : min(start + self.page_size, looks)]
            self._decide(names, len(self.rows))
            said = audit.certificate(state.judgements(), found_elsewhere=elsewhere)
            self._note((), audited=said.audited, left_at_most=said.left, recall_at_least=said.recall)

    def _decide(self, names: Iterable[str], page: int) -> None:
        """Mark what seems wrong, confirm the rest, as on the page."""
        names = list(names)
        choices = [choice for name in names if (choice := self.expert.choice(name)) is not None]
        model = self.ranking.model
        if choices:
            self.store.record(choices, model=model, page=page)
        self.store.confirm(names, given=self.expert.given, model=model, page=page)
        marked = {choice.name for choice in choices}
        for name in names:
            wrong = self.expert.is_error(name)
            self.looks += 1
            self.found += wrong and name in marked
            self.mistakes += wrong != (name in marked)

    def _note(self, next_names: Iterable[str], **audited: object) -> None:
        names = list(next_names)
        told = self.ordering in (LEARNING, "pooled") and names
        self.rows.append(
            {
                "ordering": self.ordering,
                "page": len(self.rows),
                "looks": self.looks,
                "errors_found": self.found,
                "recall": self.found / self.errors if self.errors else None,
                "mistakes": self.mistakes,
                "expected_next": sum(self.probability[name] for name in names) if told else None,
                **audited,
            }
        )

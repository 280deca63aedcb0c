"""What a review has found so far, put together: forecast, certificate, patterns, confusions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cleaner.analysis.confusions import Confusions, confusions
from cleaner.analysis.forecast import Forecast, errors_are_rare, forecast
from cleaner.analysis.observations import Provenance, observe
from cleaner.analysis.patterns import FIRST_ERRORS, Patterns, find_patterns
from cleaner.audit.audit import Acceptance, Audit, Certificate
from cleaner.interpret.confusion_matrix import ConfusionMatrix
from cleaner.interpret.label_matrix import LabelMatrix
from cleaner.interpret.predictions import Predictions, SetPredictions
from cleaner.interpret.reliability import Reliability
from cleaner.ranking.posterior import Posterior
from cleaner.ranking.result import Ranking
from cleaner.ranking.set_ranking import SetRanking
from cleaner.review import ReviewState


@dataclass(frozen=True, kw_only=True)
class ReviewAnalysis:
    """What is known of a review at one moment.

    Parameters
    ----------
    forecast : Forecast
        Errors found, and expected.
    is_rare : bool
        Whether errors have become rare by the rule of thumb.
    window, window_errors : int
        The images looked at last, and the errors among them.
    certificate : Certificate or None
        What the audit says; None before it begins.
    acceptance : Acceptance or None
        What its acceptance plan says; None if none was fixed.
    newcomers : int
        Undecided images that came after the audit had begun.
    patterns : Patterns
        Whether the errors follow a pattern.
    confusions : Confusions
        Which class is mistaken for which, by corrections and estimate.
    matrix : ConfusionMatrix, LabelMatrix or None
        Labels after all decisions beside out-of-sample predictions; None without a ranking. A
        `LabelMatrix` where images can have several labels.
    reliability : Reliability or None
        Likewise: how far their probabilities can be trusted.
    problem : str
        Why the audit cannot be read; empty if it can.
    """

    forecast: Forecast
    is_rare: bool
    window: int
    window_errors: int
    certificate: Certificate | None
    newcomers: int
    patterns: Patterns
    confusions: Confusions
    matrix: ConfusionMatrix | LabelMatrix | None = None
    reliability: Reliability | None = None
    problem: str = ""
    acceptance: Acceptance | None = None


def analyse_review(
    provenance: Provenance,
    state: ReviewState,
    *,
    page_size: int,
    ranking: Ranking | None = None,
    labels: Callable[[], Mapping[str, str | None]] | None = None,
    rows: NDArray[np.int64] | None = None,
    posterior: Posterior | None = None,
    audit: Audit | None = None,
    certificate: Certificate | None = None,
    acceptance: Acceptance | None = None,
    newcomers: int = 0,
    problem: str = "",
    earlier: ReviewAnalysis | None = None,
) -> ReviewAnalysis:
    """Find out what can be said now; takes a while, so call it from a thread of its own.

    Parameters
    ----------
    provenance : Provenance
        Of the catalog; made once for it.
    state : ReviewState
    page_size : int
        Images on a page.
    ranking : Ranking, optional
    labels : callable, optional
        Gives the label of each image after all decisions, without those that were deleted; it is not called
        where ``earlier`` serves.
    rows : int64, shape (n,), optional
        Rows of the ranking whose images have a label, most suspicious first.
    posterior : Posterior, optional
        How probable errors are.
    audit : Audit, optional
        Which images are a random sample.
    certificate, acceptance, newcomers, problem
        As in `ReviewAnalysis`.
    earlier : ReviewAnalysis, optional
        Whose patterns, confusions and matrix still serve, as far as they can: to find them takes a while.
    """
    ahead = forecast(state, rows, posterior, page_size=page_size)
    progress = state.progress()
    if earlier is None or earlier.patterns.is_early != (progress.errors < FIRST_ERRORS):
        of_classes = None if isinstance(ranking, SetRanking) else ranking
        scores = None if posterior is None or of_classes is None else posterior.probability
        seen = observe(provenance, state, ranking=of_classes, scores=scores, audit=audit)
        patterns, confused = find_patterns(seen), confusions(seen, state, of_classes)
        matrix, reliability = _interpreted(ranking, None if labels is None else labels())
    else:
        patterns, confused = replace(earlier.patterns, confirmed=progress.errors), earlier.confusions
        matrix, reliability = earlier.matrix, earlier.reliability
    return ReviewAnalysis(
        forecast=ahead,
        is_rare=errors_are_rare(ahead, window=progress.window, window_errors=progress.window_errors),
        window=progress.window,
        window_errors=progress.window_errors,
        certificate=certificate,
        newcomers=newcomers,
        patterns=patterns,
        confusions=confused,
        matrix=matrix,
        reliability=reliability,
        problem=problem,
        acceptance=acceptance,
    )


def _interpreted(
    ranking: Ranking | None, labels: Mapping[str, str | None] | None
) -> tuple[ConfusionMatrix | LabelMatrix | None, Reliability | None]:
    """Hold the labels against the predictions of a ranking."""
    if ranking is None:
        return None, None
    if isinstance(ranking, SetRanking):
        found = SetPredictions.of_ranking(ranking, labels)
        return LabelMatrix.of(found), Reliability.of(found)
    seen = Predictions.of_ranking(ranking, labels)
    return ConfusionMatrix.of(seen), Reliability.of(seen)

"""The thresholds of orders: histogram, suggested value, and what a threshold leaves."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cleaner.errors import CleanerError
from cleaner.quality.problems import PROBLEMS, Quality
from cleaner.session.scales import Scale, scale_of
from cleaner.session.session import ReviewSession
from cleaner.session.view import GridView
from cleaner.workspace import Workspace


@pytest.fixture
def session(colour_set: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ReviewSession]:
    """Four images are checked: two are copies, two look alike; the third is dark, the fourth an outlier."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(Path(__file__).parents[1] / "job_tasks")])
    from check_tasks_for_tests import made_checks

    with Workspace(colour_set) as workspace:
        opened = ReviewSession(workspace, in_background=False)
        opened.set_checks(made_checks(workspace.catalog.names[:4].tolist()))
        yield opened
        opened.close()


def scale(session: ReviewSession, order: str, threshold: float | None = None) -> Scale:
    found = scale_of(GridView(order=order, threshold=threshold), session.known)
    assert found is not None
    return found


def delete(session: ReviewSession, row: int) -> None:
    session.store.decide(session.known.catalog.names[row], "delete")


def test_the_scale_of_duplicates_counts_groups_and_leaks(session: ReviewSession) -> None:
    usual = scale(session, "duplicates")
    assert (usual.low, usual.value, usual.default) == (0.7, 0.95, 0.95)
    assert (usual.found, usual.leaks, sum(usual.counts)) == (1, 1, 1)
    lower = scale(session, "duplicates", 0.75)
    assert (lower.found, lower.leaks) == (2, 2)
    delete(session, 0)
    assert (scale(session, "duplicates", 0.75).found, scale(session, "duplicates").found) == (1, 0)


def test_the_scale_of_a_problem_counts_the_images_that_are_left(session: ReviewSession) -> None:
    usual = scale(session, "low information")
    assert (usual.value, usual.found, usual.at_default) == (0.6, 1, True)
    assert scale(session, "dark", 0.05).found == 4
    delete(session, 2)
    gone = scale(session, "dark", 0.6)
    assert (gone.found, sum(usual.counts), sum(gone.counts)) == (0, 4, 3)


def test_a_problem_that_most_have_is_none_of_an_image(session: ReviewSession) -> None:
    names = session.known.catalog.names.tolist()
    table = pd.DataFrame({"name": names, **dict.fromkeys(PROBLEMS, 0.1)})
    checks = session.checks
    assert checks is not None
    session.set_checks(replace(checks, quality=Quality(table.assign(dark=np.linspace(0.2, 1, len(names))))))
    common = scale(session, "dark")
    assert common.value > 1
    assert (common.found, common.rounded(common.value)) == (0, "1.00")


def test_the_scale_of_outliers(session: ReviewSession) -> None:
    found = [scale(session, "outliers", value).found for value in (None, 0.8, 0.05)]
    assert found == [1, 0, 4]


def test_other_orders_have_none(session: ReviewSession) -> None:
    assert scale_of(GridView(), session.known) is None
    assert scale_of(GridView(order="dark"), replace(session.known, checks=None)) is None


def test_a_threshold_out_of_range_is_refused(session: ReviewSession) -> None:
    with pytest.raises(CleanerError):
        scale(session, "duplicates", 0.1)

"""Learning from decisions on the page: which pages change, which never do, and what is said about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cleaner.ranking import Ranking
from cleaner.review import Choice
from cleaner.session.background import learn_order
from cleaner.session.messages import Learnt
from cleaner.session.orders import ordered_rows
from cleaner.session.snapshot import Snapshot
from cleaner.util.wording import estimate
from cleaner.widgets.grid.text import notice_text, summary_text
from cleaner.widgets.image_cleaner import ImageCleaner
from cleaner.widgets.panels.text import learnt_text
from cleaner.widgets.sentences import say
from cleaner.workspace import Workspace

PER_CLASS = 80


def made_ranking(workspace: Workspace, *, model: str = "made") -> Ranking:
    """Doubt every second picture equally; of those, the pictures filed as red that look green are wrong."""
    catalog = workspace.catalog
    classes = catalog.classes
    codes = np.array([classes.index(label) for label in catalog.labels])
    rng = np.random.default_rng(0)
    n = len(catalog)
    other = (codes + 1 + rng.integers(0, 2, n)) % 3
    doubt = np.where(rng.random(n) < 0.6, rng.uniform(0.3, 0.7, n), rng.uniform(0.0, 0.05, n))
    odds = np.full((n, 3), 1e-3)
    odds[np.arange(n), codes] = 1 - doubt
    odds[np.arange(n), other] = doubt
    odds /= odds.sum(axis=1, keepdims=True)
    wrong = odds[np.arange(n), codes]
    ranking = Ranking(
        catalog.names.tolist(),
        ["train"] * n,
        catalog.labels.tolist(),
        classes=classes,
        posterior=odds,
        predicted=odds,
        signals={"pooled": 1 - wrong, "loss": -np.log(wrong), "least_confident": 1 - odds.max(axis=1)},
        model=model,
    )
    return ranking


def is_wrong(ranking: Ranking, name: str) -> bool:
    row = ranking.row(name)
    pair = (ranking.given[row], ranking.classes[ranking.suggested[row]])
    return bool(ranking.signals["pooled"][row] > 0.2) and pair == ("red", "green")


@pytest.fixture
def workspace(make_set: Callable[..., Path]) -> Iterator[Workspace]:
    with Workspace(make_set(PER_CLASS, size_px=4), reviewer="Ana") as made:
        yield made


@pytest.fixture
def open_cleaner(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    opened: list[ImageCleaner] = []

    def build(**options: Any) -> ImageCleaner:
        made: Any = ImageCleaner(made_ranking(workspace, **options), workspace=workspace, page_size=20)
        made.sent = []
        monkeypatch.setattr(made.grid, "send", lambda message, buffers=None: made.sent.append(message))
        opened.append(made)
        return made

    yield build
    for made in opened:
        made.close()


def review(cleaner: ImageCleaner, pages: int) -> None:
    """Do what the expert does on a page, and wait for what is learnt from it."""
    ranking = cleaner.ranking
    assert ranking is not None
    for _ in range(pages):
        wrong = [name for name in cleaner.names if is_wrong(ranking, name)]
        if wrong:
            cleaner.decide(wrong, "relabel", "green")
        cleaner.confirm_page()
        assert cleaner.session.wait()


def says_why(cleaner: ImageCleaner) -> bool:
    """Tell whether the page says why its order changed."""
    return any(isinstance(notice, Learnt) for notice in cleaner.session.page().notices)


def static_pages(cleaner: ImageCleaner, upto: int) -> list[tuple[str, ...]]:
    names = cleaner.ranking.order().tolist() if cleaner.ranking else []
    return [tuple(names[i : i + 20]) for i in range(0, 20 * upto, 20)]


def hits(cleaner: ImageCleaner) -> int:
    assert cleaner.ranking is not None
    return sum(is_wrong(cleaner.ranking, name) for name in cleaner.names)


def test_decisions_bring_structured_errors_forward_from_the_page_after_the_next(open_cleaner: Any) -> None:
    cleaner = open_cleaner()
    static = static_pages(cleaner, 6)
    seen = []
    for _ in range(4):
        seen.append(cleaner.names)
        review(cleaner, 1)
    # After the third page there are 60 decisions; the fourth was open by then.
    assert seen == static[:4]
    assert cleaner.names != static[4]
    assert hits(cleaner) > sum(is_wrong(cleaner.ranking, name) for name in static[4])


def test_the_page_in_view_stays_while_the_next_one_changes(open_cleaner: Any) -> None:
    cleaner = open_cleaner()
    review(cleaner, 2)
    expected = cleaner.session.next_names()
    cleaner.sent.clear()
    review(cleaner, 1)
    assert cleaner.names == tuple(expected)
    page = cleaner.session.page()
    told = [message for message in cleaner.sent if message["kind"] == "next"]
    assert told == [{"kind": "next", "page": page.id, "names": list(cleaner.session.next_names())}]
    assert told[0]["names"] != list(static_pages(cleaner, 5)[4])
    assert not says_why(cleaner)


def test_the_line_above_the_grid_says_what_the_first_page_taught(open_cleaner: Any) -> None:
    cleaner = open_cleaner()
    cleaner.sent.clear()
    review(cleaner, 1)
    shown = [message["summary"] for message in cleaner.sent if message.get("summary")]
    assert shown[-1] == summary_text(cleaner.session.summary())


def test_the_first_page_in_the_new_order_says_why_and_only_that_one(open_cleaner: Any) -> None:
    cleaner = open_cleaner()
    review(cleaner, 4)
    (notice,) = cleaner.session.page().notices
    assert isinstance(notice, Learnt)
    moved = notice.reordered.moved
    assert moved is not None
    assert (moved.given, moved.suggested, moved.is_raised) == ("red", "green", True)
    assert notice_text(notice) == learnt_text(notice.reordered)
    cleaner.previous_page()
    assert cleaner.session.page().notices == ()


def test_pages_that_were_shown_are_found_again_as_they_were(open_cleaner: Any) -> None:
    cleaner = open_cleaner()
    static = static_pages(cleaner, 4)
    review(cleaner, 4)
    for page in reversed(static):
        cleaner.previous_page()
        assert cleaner.names == page


def test_other_orders_are_left_alone_and_filters_of_this_one_follow(open_cleaner: Any) -> None:
    cleaner = open_cleaner()
    cleaner.set_view(order="most suspicious", given="red")
    first = cleaner.names
    cleaner.set_view(given=None)
    review(cleaner, 4)
    cleaner.set_view(given="red")
    decided = cleaner.store.state.is_decided
    learnt = [n for n in cleaner.session.known.suspicious_first if n.startswith("red/") and not decided(n)]
    assert learnt != [name for name in cleaner.ranking.order() if name in learnt]
    shown = {*first, *cleaner.names}
    assert list(cleaner.session.next_names()) == [name for name in learnt if name not in shown][:20]
    cleaner.set_view(order="least confident", given=None)
    known = cleaner.session.known
    names = known.catalog.names[ordered_rows(cleaner.view, known)].tolist()
    assert names == cleaner.ranking.order("least_confident").tolist()


def test_opening_again_learns_the_same_from_the_store(open_cleaner: Any) -> None:
    cleaner = open_cleaner()
    review(cleaner, 4)
    names, following = cleaner.names, cleaner.session.next_names()
    again = open_cleaner()
    assert again.names == names
    assert again.session.next_names() == following
    assert says_why(again)


def test_the_expectation_follows_the_decisions(open_cleaner: Any) -> None:
    cleaner = open_cleaner()
    review(cleaner, 3)
    ranking = cleaner.ranking
    following = cleaner.session.next_names()
    static = sum(float(ranking.signals["pooled"][ranking.row(name)]) for name in following)
    told = cleaner.progress["expected_next"]
    came = sum(is_wrong(ranking, name) for name in following)
    assert abs(told.point - came) < 0.4 * abs(static - came)
    assert told.low <= came <= told.high
    summary = summary_text(cleaner.session.page().summary)
    assert summary.endswith(say("review.summary_expected", errors=estimate(*told)))


def test_one_page_teaches_how_probable_errors_are_before_it_teaches_an_order(open_cleaner: Any) -> None:
    cleaner = open_cleaner()
    before = cleaner.session.known.posterior
    review(cleaner, 1)
    after = cleaner.session.known.posterior
    assert (before.decisions, after.decisions) == (0, 20)
    assert cleaner.session.known.learnt is None
    name = cleaner.session.names[0]
    score = cleaner.session.known.known(name).score
    assert score == pytest.approx(after.probability[cleaner.ranking.row(name)])
    assert score != pytest.approx(before.probability[cleaner.ranking.row(name)])


def test_a_new_ranking_starts_anew_and_is_learnt_about_in_turn(open_cleaner: Any, workspace: Any) -> None:
    cleaner = open_cleaner()
    review(cleaner, 4)
    cleaner.session.set_ranking(made_ranking(workspace, model="another"))
    assert cleaner.session.wait()
    assert cleaner.session.known.learnt is None
    review(cleaner, 4)
    assert cleaner.session.known.learnt is not None
    assert cleaner.session.known.learnt.reordered.decisions == 80


def test_marks_without_a_confirm_count_after_a_page_of_them(open_cleaner: Any) -> None:
    cleaner = open_cleaner()
    ranking = cleaner.ranking
    names = ranking.order().tolist()
    for name in names[:49]:
        cleaner.decide(name, "delete" if is_wrong(ranking, name) else "keep")
    assert cleaner.session.wait()
    assert cleaner.session.known.learnt is None
    for name in names[49:90]:
        cleaner.decide(name, "delete" if is_wrong(ranking, name) else "keep")
    assert cleaner.session.wait()
    assert cleaner.session.known.learnt is not None
    assert 50 <= cleaner.session.known.learnt.reordered.decisions <= 90


def test_what_is_thrown_out_for_another_reason_teaches_nothing(workspace: Workspace) -> None:
    ranking, store = made_ranking(workspace), workspace.store
    given = dict(zip(ranking.names, ranking.given, strict=True))
    names = ranking.order().tolist()
    store.record(
        [
            Choice(name=name, action="delete", given=given[name], detail={"reason": "dark"})
            for name in names[:60]
        ],
        model=ranking.model,
    )
    known = Snapshot(catalog=workspace.catalog, state=store.state, ranking=ranking)
    assert learn_order(known) is None
    for name in names[60:180]:
        wrong = is_wrong(ranking, name)
        store.decide(name, "delete" if wrong else "keep", given=given, model=ranking.model)
    learnt = learn_order(known)
    assert learnt is not None
    assert learnt.reordered.decisions == 120

"""Poor images in the grid, without a browser: worst first, and no question of labels."""

from __future__ import annotations

from collections.abc import Callable

from cleaner.quality.problems import PROBLEMS
from cleaner.session.orders import DUPLICATES, ORDERS, OUTLIERS, TO_LABEL, orders_of, problem_of
from cleaner.widgets.grid.protocol import PageData, page_data
from cleaner.widgets.image_cleaner import ImageCleaner
from cleaner.widgets.sentences import say
from cleaner.workspace import Workspace


def page(cleaner: ImageCleaner) -> PageData:
    return page_data(cleaner.session.page())


def test_poor_images_come_worst_first_and_are_discarded(
    open_order: Callable[..., ImageCleaner], space: Workspace
) -> None:
    cleaner = open_order("dark")
    shown = page(cleaner)
    assert shown["purpose"] == "pictures"
    assert [cell["name"] for cell in shown["cells"]] == ["train/a/black.png"]
    assert shown["cells"][0]["remarks"] == ["dark 1.00"]
    cleaner.decide("train/a/black.png", "delete")
    decision = space.store.state.of("train/a/black.png")
    assert decision is not None and (decision.outcome, decision.reason) == ("delete", "dark")
    assert cleaner.progress["errors"] == 0
    cleaner.set_view(order="dark")
    assert page(cleaner)["empty"] == say("review.none_at_threshold", order="dark")


def test_lower_threshold_shows_more(open_order: Callable[..., ImageCleaner]) -> None:
    cleaner = open_order("dark")
    cleaner.set_view(threshold=0.0)
    assert len(cleaner.names) == 15
    assert cleaner.names[0] == "train/a/black.png"


def test_images_that_were_judged_before_are_shown_by_their_problem_too(
    open_order: Callable[..., ImageCleaner], space: Workspace
) -> None:
    space.store.decide("train/a/black.png", "keep")
    cleaner = open_order("dark")
    assert cleaner.names == ("train/a/black.png",)
    cleaner.confirm_page()
    assert len(space.store.state.events) == 1


def test_orders_are_offered_when_there_is_something_to_order_by(
    open_order: Callable[..., ImageCleaner], space: Workspace
) -> None:
    cleaner = open_order("by file name")
    offered = orders_of(cleaner.session.known)
    assert DUPLICATES in offered and "low information" in offered
    assert OUTLIERS not in offered and TO_LABEL not in offered
    cleaner.session.set_checks(None)
    assert DUPLICATES not in orders_of(cleaner.session.known)
    assert set(offered) < set(ORDERS)


def test_problems_have_plain_words() -> None:
    orders = [order for order in ORDERS if problem_of(order)]
    assert orders == ["dark", "bright", "blurry", "low information", "odd aspect ratio", "odd size", "grey"]
    assert [problem_of(order) for order in orders] == list(PROBLEMS)

"""How far the model's probabilities can be trusted, in the report: a picture, and the same as a table."""

from cleaner.interpret.reliability import Reliability
from cleaner.widgets.panels.base import Tree, node, paragraph, table
from cleaner.widgets.panels.chart import interval_chart
from cleaner.widgets.panels.text import interval_words
from cleaner.widgets.sentences import say


def reliability_trees(reliability: Reliability | None, *, several: bool = False) -> list[Tree]:
    """Describe how far the probabilities can be trusted.

    Parameters
    ----------
    reliability : Reliability or None
    several : bool
        Images can have several labels: there is a probability for each class of an image.
    """
    if reliability is None or not reliability.bins:
        return []
    of = "labels" if several else "suggestions"
    shares = [each.right.part / each.right.whole for each in reliability.bins]
    points = [
        (each.said, share, *each.interval) for each, share in zip(reliability.bins, shares, strict=True)
    ]
    rows = [
        (f"{100 * each.said:.0f} %", f"{each.right.whole:,}", interval_words(share, each.interval))
        for each, share in zip(reliability.bins, shares, strict=True)
    ]
    title = say("reliability")
    chart = interval_chart(
        points, name=say(f"reliability.{of}.name"), x=say(f"reliability.{of}.x"), y=say(f"reliability.{of}.y")
    )
    numbers = table(title, say(f"reliability.{of}.head").split("|"), rows, numbers={0, 1, 2})
    difference = f"{100 * reliability.error:.1f}" if several else f"{100 * reliability.error:.0f}"
    return [
        node("h3", title),
        paragraph(say(f"reliability.{of}.error", points=difference)),
        node("div", chart, numbers, class_="cleaner-beside"),
        paragraph(say(f"reliability.{of}.how"), "fine"),
    ]

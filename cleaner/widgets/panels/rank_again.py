"""In place of a training, for sets whose images may have several labels: rank again with the decisions."""

from cleaner.widgets.panels.base import Tree, button, buttons, paragraph, section
from cleaner.widgets.sentences import say


def rank_again_section(*, hidden: bool) -> Tree:
    """Describe the section; its button asks for the act "again"."""
    return section(
        say("again"),
        paragraph(say("again.how"), "fine"),
        buttons(button(say("again.start"), "again")),
        hidden=hidden,
    )

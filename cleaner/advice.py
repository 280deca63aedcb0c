"""Sentences that say what to do: on the command line with an option, on the page with what is there."""

from __future__ import annotations


class Advice(str):
    """What happened and what to do about it on the command line; a page says what to do there.

    Errors, findings and notices may be made of it. Elsewhere (Python, logs) it reads as on the command line.

    Parameters
    ----------
    text : str
        What happened.
    terminal : str
        What to do on the command line; may name its options.
    page : str
        What to do on the page; empty: nothing can be done there.

    Attributes
    ----------
    bare : str
        What happened alone, for a place that offers the choice right there.
    on_page : str
        What happened, and what to do on the page.
    """

    bare: str
    on_page: str

    def __new__(cls, text: str, terminal: str = "", page: str = "") -> Advice:
        """Join what happened and what to do."""
        made = super().__new__(cls, f"{text} {terminal}".rstrip())
        made.bare, made.on_page = text, f"{text} {page}".rstrip()
        return made


def on_page(text: str) -> str:
    """Return what a page says in place of a text."""
    return text.on_page if isinstance(text, Advice) else text

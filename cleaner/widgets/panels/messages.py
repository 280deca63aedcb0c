"""`MessagePanel`: what is unusual about a set, and what has happened, each with what can be done about it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cleaner.advice import on_page
from cleaner.widgets.panels.base import Panel, button, node
from cleaner.widgets.sentences import say


@dataclass(frozen=True)
class Message:
    """Something that happened, for the user to know, and perhaps to do something about.

    Parameters
    ----------
    text : str
    acts : tuple of (str, str)
        Acts of the panel that the message offers, each with what its button says.
    """

    text: str
    acts: tuple[tuple[str, str], ...] = ()


class MessagePanel(Panel):
    """A list of sentences: notices, which stay, and messages, which can be dismissed.

    Parameters
    ----------
    lock : threading.RLock or None
        Shared with other panels of the same page.

    Attributes
    ----------
    messages : list of Message
    on_gone : callable
        Called when a message was dismissed or answered; the button that had the focus is gone then.
    """

    def __init__(self, *, lock: threading.RLock | None = None) -> None:
        self.messages: list[Message] = []
        self.on_gone: Callable[[], None] = lambda: None
        self._notices: tuple[str, ...] = ()
        super().__init__(lock=lock)
        self.on("dismiss", self.dismiss)
        self._draw()

    def notice(self, sentences: Sequence[str]) -> None:
        """Show these notices instead of those before."""
        with self.lock:
            self._notices = tuple(sentences)
            self._draw()

    def tell(self, sentence: str, *acts: tuple[str, str]) -> None:
        """Show a message.

        Parameters
        ----------
        sentence : str
        *acts : (str, str)
            Names of acts of the panel, each with what its button says.
        """
        message = Message(sentence, acts)
        with self.lock:
            if message not in self.messages:
                # what is offered may have changed; an answer is to answer all that was asked
                self.messages = [each for each in self.messages if each.text != sentence]
                self.messages.append(message)
                self._draw()

    def take_back(self, *acts: str) -> None:
        """Take away the messages that offer one of some acts."""
        with self.lock:
            offered = [{act for act, _ in each.acts} for each in self.messages]
            self.messages = [
                each for each, offers in zip(self.messages, offered, strict=True) if not offers & set(acts)
            ]
            self._draw()

    def dismiss(self, value: str) -> None:
        """Take away the message with this number."""
        if value.isdecimal() and int(value) < len(self.messages):
            del self.messages[int(value)]
        self._draw()
        self.on_gone()

    def _draw(self) -> None:
        lines = [node("li", on_page(notice)) for notice in self._notices]
        for i, message in enumerate(self.messages):
            links = [*message.acts, ("dismiss", say("messages.dismiss"))]
            found = [button(text, act, str(i), class_="cleaner-link") for act, text in links]
            lines.append(node("li", message.text, *(part for each in found for part in (" ", each))))
        self.show(node("ul", *lines, class_="cleaner-notes-list", role="status", hidden=not lines))

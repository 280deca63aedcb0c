"""The grid of pictures: one widget, one page at a time, pictures as bytes, acts answered when saved."""

from __future__ import annotations

import functools
import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from cleaner.errors import CleanerError, ImageError
from cleaner.session.cells import Cell, GridHost, Outcome, Page, Seen
from cleaner.session.messages import Summary
from cleaner.widgets.grid.protocol import CellMessage, cell_message, page_message
from cleaner.widgets.grid.text import offer_text, said_text, summary_text

__all__ = ["ReviewGrid"]

logger = logging.getLogger(__name__)

Message = dict[str, Any]

_HERE = Path(__file__).parent
_SCRIPTS = (
    "parts.js",
    "link.js",
    "cards.js",
    "purposes.js",
    "dialogs.js",
    "compare.js",
    "large.js",
    "bar.js",
    "keys.js",
    "alerts.js",
    "grid.js",
)
_REMEMBERED_ACTS = 1000
_MOST_NAMES = 2000
_MOST_COMPARED = 4
_FIRST_PICTURES_S = 0.15


def _guard(handler: Callable[[ReviewGrid, Message], None]) -> Callable[[ReviewGrid, Message], None]:
    """Turn every error of a handler into a sentence on the page; a traceback would reach nobody."""

    @functools.wraps(handler)
    def guarded(grid: ReviewGrid, message: Message) -> None:
        try:
            handler(grid, message)
        except CleanerError as exc:
            grid.refuse(message, str(exc))
        except Exception as exc:
            logger.exception("The grid could not answer %r", message.get("kind"))
            grid.refuse(message, f"Something went wrong here ({type(exc).__name__}: {exc}). Try again.")

    return guarded


class ReviewGrid(anywidget.AnyWidget):
    """The grid: shows what its host gives, and hands what the reviewer does to the host.

    State that must survive a reload of the page lives with the host: every view asks for its page when it is
    drawn. Acts come with an id and are answered after the host has committed them; an id that comes again
    gets the same answer and does nothing. Messages may arrive in several threads at once.

    Parameters
    ----------
    host : GridHost
        Who decides what is shown, and keeps what is decided.
    mode : str
        ``"review"``, or ``"delete"`` where marking and taking back is all there is.
    lock : threading.RLock, optional
        The host's lock; one of its own by default.
    """

    _esm = "\n".join((_HERE / "js" / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    _css = (_HERE / "grid.css").read_text(encoding="utf-8")

    mode = traitlets.Unicode("review").tag(sync=True)
    """``"review"`` or ``"delete"``. Type: str. Default: ``"review"``."""

    problem = traitlets.Unicode("").tag(sync=True)
    """A sentence that stays on the page as an alert until it is empty. Type: str. Default: ``""``."""

    _closed = True  # until it is made: ipywidgets also closes what could not be

    def __init__(self, host: GridHost, *, mode: str = "review", lock: threading.RLock | None = None) -> None:
        self._host = host
        self._answers: OrderedDict[str, Message] = OrderedDict()
        self._compared: dict[object, object] = {}  # what each view asked for last
        self._closed = False
        self.lock = lock or threading.RLock()
        # Decoding lets other threads run; a few of them keep the message loop free and the pictures coming.
        self._decoders = ThreadPoolExecutor(min(4, os.cpu_count() or 1), thread_name_prefix="cleaner-picture")
        self._senders = ThreadPoolExecutor(4, thread_name_prefix="cleaner-send")
        super().__init__(mode=mode)
        self.on_msg(self._receive)

    # ---------------------------------------------------------------- what the host may say

    def show(self, page: Page) -> None:
        """Show a page in every view."""
        self.send({"kind": "page", "page": page_message(page)})

    def update(self, cells: Sequence[Cell], *, summary: Summary | None = None) -> None:
        """Show cells as they are now, as far as they are on the page."""
        text = "" if summary is None else summary_text(summary)
        self.send({"kind": "cells", "cells": [cell_message(cell) for cell in cells], "summary": text})

    def expect(self, page_id: str, names: Sequence[str]) -> None:
        """Tell every view that shows a page which pictures now come after it."""
        self.send({"kind": "next", "page": page_id, "names": list(names)})

    def offer(self, images: int) -> None:
        """Offer so many images similar to what was just decided; 0: no longer."""
        self.send({"kind": "offer", "text": offer_text(images)})

    def tell_described(self) -> None:
        """Tell every view that the description of some class is another one."""
        self.send({"kind": "described"})

    def take_focus(self) -> None:
        """Let the keys go to the cards, as after a button elsewhere that opens a page."""
        self.send({"kind": "focus"})

    def say(self, text: str) -> None:
        """Put a sentence in the status line."""
        self.send({"kind": "say", "text": text})

    def in_background(self, task: Callable[[], object]) -> None:
        """Run something that must not hold up the page; its errors are logged."""

        def run() -> None:
            try:
                task()
            except Exception:
                if not self._closed:
                    logger.exception("Work behind the grid failed")

        try:
            self._senders.submit(run)
        except RuntimeError:  # closed meanwhile: nobody is looking any more
            logger.debug("The grid is closed; %r is left out", task)

    def close(self) -> None:
        """Stop the threads and take the widget off the page."""
        if self._closed:
            return
        self._closed = True
        self.on_msg(self._receive, remove=True)
        self._senders.shutdown(wait=False, cancel_futures=True)
        self._decoders.shutdown(wait=False, cancel_futures=True)
        super().close()

    # ---------------------------------------------------------------- what the page says

    def _receive(self, _widget: object, content: object, _buffers: object) -> None:
        if not isinstance(content, dict):
            return
        handler = self._HANDLERS.get(str(content.get("kind")))
        if handler is None:
            logger.warning("The page sent a message of unknown kind: %r", content.get("kind"))
            return
        handler(self, content)

    def refuse(self, message: Message, reason: str) -> None:
        """Answer that something was not done, and why."""
        if message.get("kind") in self._ACTS and not reason.startswith("Not saved"):
            reason = f"Not saved: {reason}"
        cells: list[CellMessage] = []
        try:
            with self.lock:
                names = set(_names(message.get("names", [])))
                cells = [cell_message(cell) for cell in self._host.page().cells if cell.name in names]
        except Exception:  # the page goes back to what it showed before
            logger.exception("The page cannot be told what holds")
        answer = {"kind": "refused", "id": message.get("id"), "message": reason, "cells": cells}
        self.send(answer)

    def _ping(self, message: Message) -> None:
        self.send({"kind": "pong", "id": message.get("id"), "to": message.get("view")})

    @_guard
    def _hello(self, message: Message) -> None:
        with self.lock:
            page = self._host.page()
        self._reply(message, {"kind": "page", "page": page_message(page)})

    @_guard
    def _turn(self, message: Message) -> None:
        with self.lock:
            page = self._host.turn(1 if message.get("by") == 1 else -1)
            self.send({"kind": "page", "id": message.get("id"), "page": page_message(page)})

    @_guard
    def _alike(self, message: Message) -> None:
        with self.lock:
            self.send(
                {"kind": "page", "id": message.get("id"), "page": page_message(self._host.show_similar())}
            )

    @_guard
    def _next(self, message: Message) -> None:
        with self.lock:
            names = list(self._host.next_names())
        self._reply(message, {"kind": "next", "page": message.get("page"), "names": names})

    @_guard
    def _act(self, message: Message) -> None:
        """Carry out an act once, however often it comes, and answer when it is committed."""
        act = message.get("id")
        if not isinstance(act, str) or not act:
            logger.warning("The page sent an act without an id: %r", message.get("kind"))
            return
        with self.lock:
            answer = self._answers.get(act)
            if answer is not None:
                self.send(answer)
                return self._hello({**message, "id": None})
            outcome = self._carry_out(message, act)
            answer = {
                "kind": "saved",
                "id": act,
                "cells": [cell_message(cell) for cell in outcome.cells],
                "summary": summary_text(outcome.summary),
                "said": said_text(outcome.said),
                "focus": outcome.focus,
            }
            self._answers[act] = answer
            while len(self._answers) > _REMEMBERED_ACTS:
                self._answers.popitem(last=False)
            self.send(answer)
            if outcome.page is not None:
                self.show(outcome.page)
        return None

    def _carry_out(self, message: Message, act: str) -> Outcome:
        kind = message["kind"]
        if kind == "undo":
            return self._host.undo(act=act)
        if kind == "describe":
            return self._host.describe(str(message.get("label")), str(message.get("text")), act=act)
        names = _names(message.get("names"))
        if kind == "confirm":
            return self._host.confirm(names, act=act, seen=Seen(str(message.get("page"))))
        label = message.get("label")
        return self._host.decide(
            names,
            str(message.get("action")),
            None if label is None else str(label),
            act=act,
            new_class=message.get("new_class") is True,
        )

    # ---------------------------------------------------------------- pictures

    @_guard
    def _thumbs(self, message: Message) -> None:
        names = _names(message.get("names"))
        self.in_background(lambda: self._send_thumbs(message, names))

    def _send_thumbs(self, message: Message, names: list[str]) -> None:
        """Send what is decoded soon, then what a little later, then the rest: three messages at most."""
        waiting = {self._decoders.submit(self._thumb, name): name for name in names}
        for left in (2, 1, 0):
            done, _ = wait(waiting, timeout=_FIRST_PICTURES_S if left else None)
            if not done and left:
                continue
            last = len(done) == len(waiting)
            results = [(waiting.pop(future), *future.result()) for future in _in_order(waiting, done)]
            self._reply(
                message,
                {
                    "kind": "thumbs",
                    "names": [name for name, _, _ in results],
                    "problems": [problem for _, _, problem in results],
                    "last": last,
                },
                [data for _, data, problem in results if not problem],
            )
            if last:
                return

    def _thumb(self, name: str) -> tuple[bytes, str]:
        try:
            return self._host.thumbnail(name), ""
        except CleanerError as exc:
            return b"", str(exc)
        except Exception as exc:
            logger.exception("No thumbnail of %s", name)
            return b"", f"{type(exc).__name__}: {exc}"

    @_guard
    def _image(self, message: Message) -> None:
        self.in_background(lambda: self._send_image(message))

    def _send_image(self, message: Message) -> None:
        name, full = str(message.get("name")), message.get("full") is True
        head = {"kind": "image", "name": name, "full": full, "problem": ""}
        try:
            picture = self._host.picture(name, full=full)
        except ImageError as exc:
            return self._reply(message, {**head, "problem": str(exc)})
        except Exception as exc:
            logger.exception("No picture of %s", name)
            return self._reply(message, {**head, "problem": f"{type(exc).__name__}: {exc}"})
        head |= {"type": picture.media_type, "width": picture.width_px, "height": picture.height_px}
        return self._reply(message, head, [picture.data])

    @_guard
    def _compare(self, message: Message) -> None:
        labels = _names(message.get("labels"))[:_MOST_COMPARED]
        self._compared[message.get("view")] = message.get("id")
        self.in_background(lambda: self._send_comparison(message, labels))

    def _send_comparison(self, message: Message, labels: list[str]) -> None:
        """Send descriptions and typical pictures of classes; nothing if the view asked again meanwhile."""
        head: Message = {"kind": "compare", "name": message.get("name"), "sides": [], "problem": ""}
        if self._compared.get(message.get("view")) != message.get("id"):
            return self._reply(message, {**head, "late": True})
        try:
            classes = [self._host.class_examples(label, but=str(message.get("name"))) for label in labels]
        except CleanerError as exc:
            return self._reply(message, {**head, "problem": str(exc)})
        except Exception as exc:
            logger.exception("The classes %r cannot be compared", labels)
            return self._reply(message, {**head, "problem": f"{type(exc).__name__}: {exc}"})
        buffers: list[bytes] = []
        for each in classes:
            names = [example.name for example in each.examples]
            shown = list(zip(each.examples, self._decoders.map(self._thumb, names), strict=True))
            pictures = [{"name": e.name, "confirmed": e.confirmed} for e, (_, bad) in shown if not bad]
            buffers += [data for _, (data, bad) in shown if not bad]
            head["sides"].append({"label": each.label, "text": each.text, "pictures": pictures})
        return self._reply(message, head, buffers)

    def _reply(self, message: Message, answer: Message, buffers: Sequence[bytes] = ()) -> None:
        """Answer one view; the others did not ask."""
        self.send({**answer, "id": message.get("id"), "to": message.get("view")}, buffers=list(buffers))

    _ACTS = frozenset({"decide", "undo", "confirm", "describe"})
    _HANDLERS: dict[str, Callable[[ReviewGrid, Message], None]] = {  # noqa: RUF012 - never changed
        "ping": _ping,
        "hello": _hello,
        "turn": _turn,
        "alike": _alike,
        "next": _next,
        "decide": _act,
        "undo": _act,
        "confirm": _act,
        "describe": _act,
        "thumbs": _thumbs,
        "image": _image,
        "compare": _compare,
    }


def _names(value: object) -> list[str]:
    if not isinstance(value, list) or len(value) > _MOST_NAMES or not all(isinstance(n, str) for n in value):
        msg = f"Got a list of pictures that is none, or has more than {_MOST_NAMES}; reload the page."
        raise CleanerError(msg)
    return list(dict.fromkeys(value))


def _in_order(
    waiting: dict[Future[tuple[bytes, str]], str], done: set[Future[tuple[bytes, str]]]
) -> list[Future[tuple[bytes, str]]]:
    return [future for future in waiting if future in done]

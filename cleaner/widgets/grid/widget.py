"""The grid of images: one widget, one page at a time, images as bytes, acts answered when saved."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import Empty, SimpleQueue

import anywidget
import traitlets

from cleaner.errors import NotSavedError, OutdatedError
from cleaner.session.cells import Cell, GridHost, Outcome, Page
from cleaner.session.messages import Summary
from cleaner.widgets.grid import protocol
from cleaner.widgets.grid.protocol import Message, Request
from cleaner.widgets.grid.text import act_name, offer_text, refusal_text, why_text
from cleaner.widgets.guard import in_words
from cleaner.widgets.keys import BINDINGS, KEYS, Refusal, key_table, print_key
from cleaner.widgets.scripts import joined
from cleaner.widgets.sentences import SENTENCES, say

__all__ = ["ReviewGrid"]

logger = logging.getLogger(__name__)

_HERE = Path(__file__).parent
SCRIPTS = _HERE / "js"
"""The folder of the browser's modules."""
_WORDS = {key: sentence for key, sentence in SENTENCES.items() if key.startswith("grid.")}
_REMEMBERED_ACTS = 1000
_MOST_COMPARED = 4
_MOST_WITNESSES = 6
_MOST_COPIES = 2
_AT_HAND_S = 0.03  # in which a page of thumbnails that were made before is read
_PAUSE_S = 0.1  # between two messages with thumbnails
_Made = Future[tuple[bytes, str]]
"""A thumbnail that is being made, or why it cannot be."""


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

    _esm = joined(SCRIPTS / "grid.js", _HERE / "grid.css")

    mode = traitlets.Unicode("review").tag(sync=True)
    """``"review"`` or ``"delete"``. Type: str. Default: ``"review"``."""

    problem = traitlets.Unicode("").tag(sync=True)
    """A sentence that stays on the page as an alert until it is empty. Type: str. Default: ``""``."""

    dismissed = traitlets.Unicode("").tag(sync=True)
    """The ``problem`` that the user has put away. Type: str. Default: ``""``."""

    words = traitlets.Dict(_WORDS).tag(sync=True)
    """The sentences that the scripts show, by key. Type: dict of str to str. Default: those of the table."""

    key_table = traitlets.Dict().tag(sync=True)
    """The keys of every act, by `cleaner.widgets.keys.key_table`. Type: dict. Default: all keys."""

    _closed = True  # until it is made: ipywidgets also closes what could not be

    def __init__(self, host: GridHost, *, mode: str = "review", lock: threading.RLock | None = None) -> None:
        self._host = host
        self._answers: OrderedDict[str, protocol.SavedMessage] = OrderedDict()
        self._compared: dict[str, str] = {}  # what each view asked for last
        self._explained: dict[str, str] = {}  # likewise
        self._heated: dict[str, str] = {}  # likewise
        self._making: dict[str, list[_Made]] = {}  # likewise, the thumbnails
        self._closed = False
        self.lock = lock or threading.RLock()
        # Decoding lets other threads run; a few of them keep the message loop free and the pictures coming.
        self._decoders = ThreadPoolExecutor(min(4, os.cpu_count() or 1), thread_name_prefix="cleaner-picture")
        self._senders = ThreadPoolExecutor(4, thread_name_prefix="cleaner-send")
        # The first heat map takes seconds: who waits for one must not hold up the pictures.
        self._heater = ThreadPoolExecutor(1, thread_name_prefix="cleaner-heat")
        KEYS.load()
        super().__init__(mode=mode, key_table=key_table(KEYS))
        KEYS.subscribe(self._on_keys)
        self.on_msg(self._receive)

    # ---------------------------------------------------------------- what the host may say

    def show(self, page: Page) -> None:
        """Show a page in every view."""
        self._tell(protocol.page_message(page))

    def update(self, cells: Sequence[Cell], *, summary: Summary | None = None) -> None:
        """Show cells as they are now, as far as they are on the page."""
        self._tell(protocol.cells_message(cells, summary))

    def expect(self, page_id: str, names: Sequence[str]) -> None:
        """Tell every view that shows a page which images now come after it."""
        self._tell({"kind": "next", "page": page_id, "names": list(names)})

    def offer(self, images: int) -> None:
        """Offer so many images similar to what was just decided; 0: no longer."""
        self._tell({"kind": "offer", "text": offer_text(images)})

    def tell_described(self) -> None:
        """Tell every view that the description of some class is another one."""
        self._tell({"kind": "described"})

    def take_focus(self) -> None:
        """Let the keys go to the cards, as after a button elsewhere that opens a page."""
        self._tell({"kind": "focus"})

    def say(self, text: str) -> None:
        """Put a sentence in the status line."""
        self._tell({"kind": "say", "text": text})

    def in_background(self, task: Callable[[], object], *, pool: ThreadPoolExecutor | None = None) -> None:
        """Run something that must not hold up the page; its errors are logged."""

        def run() -> None:
            try:
                task()
            except Exception:
                if not self._closed:
                    logger.exception("Work behind the grid failed")

        try:
            (pool or self._senders).submit(run)
        except RuntimeError:  # closed meanwhile: nobody is looking any more
            logger.debug("The grid is closed; %r is left out", task)

    @traitlets.observe("problem")
    def _on_problem(self, _change: object) -> None:
        self.dismissed = ""

    def close(self) -> None:
        """Stop the threads and take the widget off the page."""
        if self._closed:
            return
        self._closed = True
        self.on_msg(self._receive, remove=True)
        self._senders.shutdown(wait=False, cancel_futures=True)
        self._decoders.shutdown(wait=False, cancel_futures=True)
        self._heater.shutdown(wait=False, cancel_futures=True)
        super().close()

    # ---------------------------------------------------------------- what the page says

    def _receive(self, _widget: object, content: object, _buffers: object) -> None:
        if not isinstance(content, dict):
            logger.warning("The page sent a message that cannot be understood: %.200r", content)
            return
        try:
            request = protocol.read(content)
        except protocol.RequestError as exc:
            logger.warning("The page sent a message that cannot be understood: %.200r", exc.kind)
            if exc.id is not None:
                self._tell(
                    {"kind": "refused", "id": exc.id, "reason": exc.on_page, "cells": [], "page": None}
                )
            return
        try:
            self._answer(request)
        except Exception as exc:
            self._refuse(request, exc)

    def _answer(self, request: Request) -> None:
        match request:
            case protocol.Ping():
                self._reply(request, {"kind": "pong"})
            case protocol.Act():
                self._act(request)
            case protocol.Hello():
                self._hello(request)
            case protocol.Turn(by=by):
                self._turn(request, lambda: self._host.turn(by))
            case protocol.Similar():
                self._turn(request, self._host.show_similar)
            case protocol.Next(page=page):
                with self.lock:
                    names = list(self._host.next_names())
                self._reply(request, {"kind": "next", "page": page, "names": names})
            case protocol.Thumbs():
                made = self._begin_thumbs(request)
                self.in_background(lambda: self._send_thumbs(request, made))
            case protocol.Image():
                self.in_background(lambda: self._send_image(request))
            case protocol.Compare():
                self._compared[request.view] = request.id
                self.in_background(lambda: self._send_comparison(request))
            case protocol.GiveKey():
                self._give_key(request)
            case protocol.ResetKeys():
                self._change_keys(request, KEYS.reset, say("keys.reset"))
            case protocol.Why():
                self._explained[request.view] = request.id
                self.in_background(lambda: self._send_explanation(request))
            case protocol.Heat():
                self._heated[request.view] = request.id
                self.in_background(lambda: self._send_heat(request), pool=self._heater)

    def _hello(self, request: Request) -> None:
        with self.lock:
            page = self._host.page()
        self._reply(request, protocol.page_message(page))

    def _turn(self, request: Request, page: Callable[[], Page]) -> None:
        with self.lock:
            message = protocol.page_message(page())
            message["id"] = request.id
            self._tell(message)

    def _act(self, request: protocol.Act) -> None:
        """Carry out an act once, however often it comes, and answer when it is committed."""
        with self.lock:
            answer = self._answers.get(request.id)
            if answer is not None:
                self._tell(answer)
                self._hello(request)
                return
            outcome = self._carry_out(request)
            answer = protocol.saved_message(outcome)
            answer["id"] = request.id
            # Asked again, it is followed by the page of that time.
            self._answers[request.id] = {**answer, "page": None}
            while len(self._answers) > _REMEMBERED_ACTS:
                self._answers.popitem(last=False)
            self._tell(answer)

    def _carry_out(self, request: protocol.Act) -> Outcome:
        act, seen = request.id, request.seen
        match request:
            case protocol.Undo():
                return self._host.undo(act=act)
            case protocol.Redo():
                return self._host.redo(act=act)
            case protocol.Describe(label=label, text=text):
                return self._host.describe(label, text, act=act)
            case protocol.Confirm(names=names):
                return self._host.confirm(names, act=act, seen=seen)
            case protocol.Decide(names=names, action=action, label=label, new_class=new_class):
                return self._host.decide(names, action, label, act=act, new_class=new_class, seen=seen)
        raise TypeError(request)

    # ---------------------------------------------------------------- keys

    def _on_keys(self) -> None:
        """Show the keys as they are now, and what names them."""
        if self._closed:
            return
        self.key_table = key_table(KEYS)
        with self.lock:
            self.show(self._host.page())

    def _give_key(self, request: protocol.GiveKey) -> None:
        if request.act not in BINDINGS:
            raise protocol.RequestError("givekey", request.id)

        def give() -> Refusal | None:
            return KEYS.give(request.act, request.key)

        self._change_keys(
            request, give, say("keys.given", act=act_name(request.act), key=print_key(request.key))
        )

    def _change_keys(self, request: Request, change: Callable[[], Refusal | None], done: str) -> None:
        """Change keys for all pages of this process, and answer what came of it."""
        try:
            refusal = change()
        except OSError as exc:
            said = say(
                "keys.unsaved", done=done, file=exc.filename or "keys.json", reason=exc.strerror or exc
            )
            return self._reply(request, protocol.keys_message(request, said, refused=False))
        said = done if refusal is None else refusal_text(refusal)
        self._reply(request, protocol.keys_message(request, said, refused=refusal is not None))

    def _refuse(self, request: Request, error: Exception) -> None:
        """Answer that something was not done, and why; after an act on what has changed, show that anew."""
        reason = in_words(error, f"the request {request}")
        if isinstance(request, protocol.Act) and not isinstance(error, NotSavedError):
            reason = say("guard.not_saved", reason=reason)
        answer: protocol.RefusedMessage
        answer = {"kind": "refused", "id": request.id, "reason": reason, "cells": [], "page": None}
        names = getattr(request, "names", [])
        try:
            with self.lock:
                page = self._host.page()
            answer["cells"] = [protocol.cell_data(cell) for cell in page.cells if cell.name in set(names)]
            if isinstance(error, OutdatedError):
                answer["page"] = protocol.page_data(page, focus=next(iter(names), None))
        except Exception:  # the page goes back to what it showed before
            logger.exception("The page cannot be told what holds")
        self._tell(answer)

    # ---------------------------------------------------------------- images

    def _begin_thumbs(self, request: protocol.Thumbs) -> list[_Made]:
        """Make thumbnails; what this view asked for before, and is not begun, is for a page left since."""
        for earlier in self._making.pop(request.view, ()):
            earlier.cancel()
        made = [self._decoders.submit(self._thumb, name) for name in request.names]
        self._making[request.view] = made
        return made

    def _send_thumbs(self, request: protocol.Thumbs, made: Sequence[_Made]) -> None:
        """Send all thumbnails together if they are at hand; else the first at once, and what then follows."""
        ended: SimpleQueue[_Made] = SimpleQueue()
        for each in made:
            each.add_done_callback(ended.put)
        left, pause_s = len(made), _AT_HAND_S
        while True:
            together = _together(ended, most=left, within_s=pause_s)
            left, pause_s = left - len(together), _PAUSE_S
            pairs = zip(request.names, made, strict=True)
            found = [
                (name, *each.result()) for name, each in pairs if each in together and not each.cancelled()
            ]
            message: protocol.ThumbsMessage = {
                "kind": "thumbs",
                "names": [name for name, _, _ in found],
                "problems": [problem for _, _, problem in found],
                "last": not left,
            }
            if found or not left:
                self._reply(request, message, [data for _, data, problem in found if not problem])
            if not left:
                return

    def _thumb(self, name: str) -> tuple[bytes, str]:
        try:
            return self._host.thumbnail(name), ""
        except Exception as exc:
            return b"", in_words(exc, f"the thumbnail of {name}")

    def _send_image(self, request: protocol.Image) -> None:
        try:
            picture = self._host.picture(request.name, full=request.full, window=request.window)
        except Exception as exc:
            problem = in_words(exc, f"the image {request.name}")
            self._reply(request, protocol.no_image_message(request, problem))
        else:
            self._reply(request, protocol.image_message(request, picture), [picture.data])

    def _send_comparison(self, request: protocol.Compare) -> None:
        """Send descriptions and typical images of classes; nothing if the view asked again meanwhile."""
        if self._compared.get(request.view) != request.id:
            return self._reply(request, protocol.compare_message(request, late=True))
        labels = request.labels[:_MOST_COMPARED]
        try:
            classes = [self._host.class_examples(label, but=request.name) for label in labels]
        except Exception as exc:
            problem = in_words(exc, f"the comparison of {labels}")
            return self._reply(request, protocol.compare_message(request, problem=problem))
        sides, buffers = [], []
        for each in classes:
            names = [example.name for example in each.examples]
            shown = list(zip(names, self._decoders.map(self._thumb, names), strict=True))
            sides.append(protocol.side_data(each, [name for name, (_, problem) in shown if not problem]))
            buffers += [data for _, (data, problem) in shown if not problem]
        return self._reply(request, protocol.compare_message(request, sides), buffers)

    def _send_explanation(self, request: protocol.Why) -> None:
        """Send why an image is on show, with the images that tell it; nothing if another is open by now."""
        if self._explained.get(request.view) != request.id:
            return self._reply(request, protocol.why_message(request))
        try:
            why = self._host.explain(request.name)
        except Exception:  # the image can be decided on without it
            logger.exception("It cannot be said why %s is on show", request.name)
            return self._reply(request, protocol.why_message(request, say("why.failed")))
        if why is None:
            return self._reply(request, protocol.why_message(request))
        copies = [(witness, True) for witness in why.copies[:_MOST_COPIES]]
        chosen = [*copies, *((witness, False) for witness in why.neighbours)][:_MOST_WITNESSES]
        thumbs = self._decoders.map(self._thumb, [witness.name for witness, _ in chosen])
        shown = [(each, data) for each, (data, problem) in zip(chosen, thumbs, strict=True) if not problem]
        witnesses = [protocol.witness_data(why.given, each, copy=copy) for (each, copy), _ in shown]
        message = protocol.why_message(request, why_text(why), witnesses)
        return self._reply(request, message, [data for _, data in shown])

    def _send_heat(self, request: protocol.Heat) -> None:
        """Send a heat map, or why there is none; nothing if the view has asked for another one meanwhile."""
        if self._heated.get(request.view) != request.id:
            return self._reply(request, protocol.no_heat_message(request, say("grid.loading")))
        try:
            heat = self._host.heat_map(request.name, request.label)
        except Exception as exc:
            problem = in_words(exc, f"the heat map of {request.name}")
            return self._reply(request, protocol.no_heat_message(request, problem))
        return self._reply(request, protocol.heat_message(request, heat), [heat.values])

    # ---------------------------------------------------------------- sending

    def _tell(self, message: Message) -> None:
        """Tell every view."""
        self.send(message)

    def _reply(self, request: Request, message: Message, buffers: Sequence[bytes] = ()) -> None:
        """Answer one view; the others did not ask."""
        message["id"], message["to"] = request.id, request.view
        self.send(message, buffers=list(buffers))


def _together(ended: SimpleQueue[_Made], *, most: int, within_s: float) -> set[_Made]:
    """Wait for the first thumbnail; return it with all others that have ended within some time from now."""
    until_s = time.monotonic() + within_s
    together = {ended.get()} if most else set()
    while len(together) < most:
        try:
            together.add(ended.get(timeout=max(0.0, until_s - time.monotonic())))
        except Empty:
            break
    return together

"""The review history on disk: append-only, one sequence of acts for everybody who works on a set."""

import logging
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import pandas as pd

from cleaner.errors import StoreError
from cleaner.review.database import Row
from cleaner.review.events import (
    CLASS_KINDS,
    Action,
    Blind,
    Choice,
    Event,
    Kind,
    as_json,
    check_act,
    check_description,
    check_label,
    check_name,
    check_reviewer,
)
from cleaner.review.images import SetImages
from cleaner.review.journal import Journal
from cleaner.review.opinions import Shares
from cleaner.review.output.history import read_rows, table, write_csv
from cleaner.review.state import ReviewState

logger = logging.getLogger(__name__)

Listener = Callable[[tuple[Event, ...]], None]


@dataclass(frozen=True, slots=True)
class Act:
    """One act as it stands in the store.

    Parameters
    ----------
    id : str
    events : tuple of Event
        Its rows; empty if there was nothing left to record.
    names : tuple of str
        The images that it touches; for undo and redo those of the act taken back or brought back.
    undoes : str or None
        The act taken back or brought back.
    """

    id: str
    events: tuple[Event, ...]
    names: tuple[str, ...]
    undoes: str | None = None

    @property
    def kind(self) -> str | None:
        """The kind of the first row; None for an act without rows."""
        return self.events[0].kind if self.events else None


class ReviewStore:
    """Where decisions live: an append-only table in SQLite or PostgreSQL, and its fold in memory.

    Every method that records something returns after the commit. An act is identified by ``act``: a repeated
    id returns the act that is there and adds nothing, also after a restart and from another process. All
    methods may be called from any thread.

    Parameters
    ----------
    url : str or Path
        SQLAlchemy URL of SQLite or PostgreSQL, or the path of an SQLite file.
    dataset : str
        Key of the set of images; several sets can share a database.
    reviewer : str
        Who decides, unless a call says otherwise.
    images : SetImages, optional
        The images of the set, with which decisions are matched; see `match`.
    timeout_s : float, seconds
        How long to wait for another writer; shorter than the five seconds after which a page
        says "not saved".

    Raises
    ------
    StoreError
        If the database cannot be opened.
    """

    def __init__(
        self,
        url: str | Path,
        *,
        dataset: str,
        reviewer: str,
        images: SetImages | None = None,
        timeout_s: float = 4.0,
    ) -> None:
        self.dataset = dataset
        self.reviewer = check_reviewer(reviewer)
        self.journal = Journal(url, dataset=dataset, timeout_s=timeout_s)
        self._lock = threading.RLock()
        self._listeners: list[Listener] = []
        self._state = ReviewState(images)
        try:
            self.refresh()
            self._pin()
        except StoreError:
            self.journal.close()
            raise

    def __repr__(self) -> str:
        url = self.journal.engine.url.render_as_string(hide_password=True)
        return f"ReviewStore({url!r}, dataset={self.dataset!r}, reviewer={self.reviewer!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    @property
    def state(self) -> ReviewState:
        """What holds now; a live object that may be read from any thread."""
        return self._state

    def close(self) -> None:
        """Close the connections; the store takes nothing more."""
        with self._lock:
            self._listeners.clear()
            self.journal.close()

    # ---------------------------------------------------------------- others' work

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` with the new rows after every change, own or pulled; returns how to stop it.

        It is called in the thread that made the change, after the commit; its errors are logged.
        """
        with self._lock:
            self._listeners.append(listener)

        def unsubscribe() -> None:
            with self._lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return unsubscribe

    def refresh(self) -> tuple[Event, ...]:
        """Take in what other processes recorded since; returns those rows."""
        with self._lock:
            pulled = self.journal.read(self._state.last_seq)
            self._state.extend(pulled)
        self._tell(pulled)
        return pulled

    def match(self, images: SetImages) -> None:
        """Match the decisions with the images of the set as they are now; `state` then speaks of those."""
        with self._lock:
            self._state.match(images)
            self._pin()

    def _pin(self) -> None:
        """Note the contents of images that were decided on without knowing them, so that they are followed.

        In a file of our own only: where colleagues share a server, their images may be other ones.
        """
        contents = self._state.unpinned() if self.journal.is_file else {}
        if contents:
            self.journal.pin(contents)
            self._state.pin(contents)

    def _tell(self, events: Sequence[Event]) -> None:
        for listener in tuple(self._listeners) if events else ():
            try:
                listener(tuple(events))
            except Exception:  # the decision is saved: a listener's trouble must not look like a lost one
                logger.exception("A listener of the review store failed")

    # ---------------------------------------------------------------- the one way in

    def _write(
        self, act: str | None, reviewer: str | None, make_rows: Callable[[ReviewState, Row], list[Row]]
    ) -> Act:
        """Append the rows of one act, after everything that others committed before it.

        ``make_rows`` gets the state under the write lock and the columns that all rows share.
        """
        act, stamp = self._stamp(act, reviewer)
        news: list[Event] = []
        own: tuple[Event, ...] = ()

        def prepared(pulled: tuple[Event, ...]) -> list[Row]:
            news.extend(pulled)
            self._state.extend(pulled)  # committed before us, whatever becomes of us
            return [] if self._state.act(act) else make_rows(self._state, stamp)

        try:
            with self._lock:
                own = self.journal.append(self._state.last_seq, prepared)
                news.extend(own)
                self._state.extend(own)
        finally:  # without the lock: a listener may wait for a thread that wants it
            self._tell(news)
        return self._act(act, own)  # rows of a history from elsewhere have ids of their own

    def _write_ahead(
        self, act: str | None, reviewer: str, make_rows: Callable[[ReviewState, Row], list[Row]]
    ) -> Act:
        """As `_write`, but the lock is held for one message where nobody has touched the images meanwhile."""
        act, stamp = self._stamp(act, reviewer)
        news: tuple[Event, ...] = ()
        with self._lock:
            rows = [] if self._state.act(act) else make_rows(self._state, stamp)
            if rows:
                news = self.journal.add(self._state.last_seq, rows, if_untouched=True)
                self._state.extend(news)
        self._tell(news)
        return self._act(act) if self._state.act(act) else self._write(act, reviewer, make_rows)

    def _add(self, act: str | None, reviewer: str | None, rows: Sequence[Row]) -> Act:
        """Append rows that hold whatever others committed before them, as one act."""
        act, stamp = self._stamp(act, reviewer)
        news: tuple[Event, ...] = ()
        with self._lock:
            if not self._state.act(act):
                news = self.journal.add(self._state.last_seq, [stamp | row for row in rows])
                self._state.extend(news)
        self._tell(news)
        return self._act(act)

    def _stamp(self, act: str | None, reviewer: str | None) -> tuple[str, Row]:
        """Return the id of an act, and the columns that all its rows share."""
        act = uuid.uuid4().hex if act is None else check_act(act)
        time = datetime.now(UTC).isoformat(timespec="microseconds")
        return act, {"act": act, "reviewer": check_reviewer(reviewer or self.reviewer), "time": time}

    def _act(self, act: str, rows: tuple[Event, ...] = ()) -> Act:
        events = rows or self._state.act(act)
        return Act(act, events, self._state.names_of(act), events[0].undoes if events else None)

    # ---------------------------------------------------------------- decisions

    def decide(
        self,
        names: str | Iterable[str],
        action: Action | str,
        label: str | None = None,
        *,
        act: str | None = None,
        given: Mapping[str, str | None] | None = None,
        ranks: Mapping[str, int] | None = None,
        losses: Mapping[str, float] | None = None,
        scores: Mapping[str, float] | None = None,
        model: str | None = None,
        page: int | None = None,
        reviewer: str | None = None,
        settles: bool = False,
        reason: str | None = None,
    ) -> Act:
        """Record the same decision on one or several images, as one act.

        Parameters
        ----------
        names : str or iterable of str
        action : Action or str
            ``keep``, ``delete``, ``relabel`` or ``unsure``.
        label : str, optional
            The new label; for ``relabel`` only. A label that no image has makes a new class.
        act : str, optional
            Id of the act, at most 64 characters; made up if not given. Repeating one adds nothing.
        given : mapping, optional
            Label in the catalog for each name.
        ranks, losses, scores : mapping, optional
            Place (0 = most suspicious), loss (nats) and probability of a wrong label, as they were shown.
        model : str, optional
            Which ranking it was.
        page : int, optional
            Which page showed the images.
        reviewer : str, optional
            Who decides; the store's reviewer if not given.
        settles : bool
            Overrule what others decided before, so that it is a conflict no longer.
        reason : str, optional
            Why the image goes though nothing is said about its label ("duplicate", "blurry" …): with
            ``delete`` only. It is no error found then, and no look.

        Returns
        -------
        Act

        Raises
        ------
        NotSavedError
            If the database did not take it; then nothing of it is saved.
        StoreError
            If the names, the action or the label cannot be.
        """
        detail: dict[str, Any] = {"settles": True} if settles else {}
        if reason is not None:
            detail["reason"] = reason
        choices = [
            Choice(
                name=name,
                action=action,
                label=label,
                given=(given or {}).get(name),
                rank=(ranks or {}).get(name),
                loss=(losses or {}).get(name),
                score=(scores or {}).get(name),
                detail=detail,
            )
            for name in _names(names)
        ]
        return self.record(choices, act=act, model=model, page=page, reviewer=reviewer)

    def confirm(
        self,
        seen: Iterable[str | Choice],
        *,
        act: str | None = None,
        given: Mapping[str, str | None] | None = None,
        model: str | None = None,
        page: int | None = None,
        reviewer: str | None = None,
    ) -> Act:
        """Record as one act that everything unmarked on a page was seen and is right.

        Images that somebody has decided on in the meantime, and those that this reviewer set aside as unsure,
        are left as they are; of what was shown blind, what this reviewer has answered. If none remains, the
        act returned has no events and nothing is recorded. A name
        stands for a *keep*; a choice may also be the label that was shown for an image without one. The other
        parameters are those of `decide`.
        """
        who = check_reviewer(reviewer or self.reviewer)
        images = self._state.images
        shared = {"model": model, "page": None if page is None else int(page)}
        prepared = [
            (
                replace(choice, detail={**(choice.detail or {}), "confirm": True}).row(images) | shared,
                (choice.detail or {}).get("blind"),
            )
            for choice in _choices(seen, given or {})
        ]

        def rows(state: ReviewState, stamp: Row) -> list[Row]:
            return [stamp | row for row, blind in prepared if waits(state, row["name"], blind)]

        def waits(state: ReviewState, name: str, blind: str | None) -> bool:
            if blind is not None:
                return state.blind_answer(name, who, Blind(blind)) is None
            return not state.is_decided(name) and state.of(name, reviewer=who) is None

        return self._write_ahead(act, who, rows)

    def record(
        self,
        choices: Sequence[Choice],
        *,
        act: str | None = None,
        model: str | None = None,
        page: int | None = None,
        reviewer: str | None = None,
    ) -> Act:
        """Record different decisions on several images as one act; see `decide`."""
        if not choices:
            raise StoreError("Got no image to decide on; expected at least one name.")
        if len({choice.name for choice in choices}) < len(choices):
            raise StoreError("Got an image twice in one act; decide on each image once, or make two acts.")
        shared = {"model": model, "page": None if page is None else int(page)}
        return self._add(act, reviewer, [choice.row(self._state.images) | shared for choice in choices])

    # ---------------------------------------------------------------- shown blind

    def share_blind(
        self, *, second: float, again: float, act: str | None = None, reviewer: str | None = None
    ) -> Act:
        """Set how many of the decided images are shown blind: for second opinions, and to be asked again.

        It holds for all reviewers from now on. See `cleaner.review.opinions`.

        Parameters
        ----------
        second, again : float
            Shares, 0..1.

        Raises
        ------
        StoreError
            If they are no shares.
        """
        if not (0 <= second <= 1 and 0 <= again <= 1):
            msg = (
                f"Got {100 * second:g} % second opinions and {100 * again:g} % asked again; expected numbers "
                "from 0 to 100, such as 10 and 5."
            )
            raise StoreError(msg)
        shares = Shares(float(second), float(again))
        row = {"kind": str(Kind.BLIND_SHARES), "name": "", "detail": as_json(shares._asdict())}

        def rows(state: ReviewState, stamp: Row) -> list[Row]:
            return [] if state.blind_shares == shares else [stamp | row]

        return self._write(act, reviewer, rows)

    def plant(
        self,
        truths: Mapping[str, str | None],
        *,
        given: Mapping[str, str | None],
        act: str | None = None,
        reviewer: str | None = None,
    ) -> Act:
        """Fix the right labels of some images, which the other reviewers will be shown blind.

        They are decided by this, and overrule what was decided before.

        Parameters
        ----------
        truths : mapping of str to (str or None)
            The right label of each image; None: it belongs to no class.
        given : mapping of str to (str or None)
            Labels in the catalog.
        """
        detail = {"known": True, "settles": True}
        choices = []
        for name, label in truths.items():
            right = label is not None and label == given.get(name)
            action = Action.KEEP if right else Action.DELETE if label is None else Action.RELABEL
            changed = label if action is Action.RELABEL else None
            choices.append(
                Choice(name=name, action=action, label=changed, given=given.get(name), detail=detail)
            )
        return self.record(choices, act=act, reviewer=reviewer)

    # ---------------------------------------------------------------- undo

    def undo(
        self, *, reviewer: str | None = None, act: str | None = None, only: str | None = None
    ) -> Act | None:
        """Take back the reviewer's own latest act that still stands; None if there is none.

        The act returned names the images that it touched.

        Parameters
        ----------
        reviewer, act : str, optional
            As for `decide`.
        only : str, optional
            Id of the act that is meant: if it is not the latest one, nothing is taken back.
        """
        return self._take_back(Kind.UNDO, reviewer, act, only=only)

    def redo(self, *, reviewer: str | None = None, act: str | None = None) -> Act | None:
        """Bring back the act that the reviewer undid last, unless the reviewer acted since; None if none."""
        return self._take_back(Kind.REDO, reviewer, act)

    def _take_back(
        self, kind: Kind, reviewer: str | None, act: str | None, *, only: str | None = None
    ) -> Act | None:
        who = check_reviewer(reviewer or self.reviewer)

        def rows(state: ReviewState, stamp: Row) -> list[Row]:
            target = state.undoable(who) if kind is Kind.UNDO else state.redoable(who)
            if target is None or (only is not None and target != only):
                return []
            return [stamp | {"kind": str(kind), "name": "", "undoes": target}]

        done = self._write(act, who, rows)
        return done if done.events else None

    # ---------------------------------------------------------------- classes, pairs, files

    def class_event(
        self,
        kind: Kind | str,
        name: str,
        new_name: str | None = None,
        *,
        act: str | None = None,
        reviewer: str | None = None,
    ) -> Act:
        """Make a class (``class_new``), rename one (``class_rename``) or merge two (``class_merge``).

        Renaming and merging change given labels and labels chosen before; both can be undone.
        """
        if kind not in CLASS_KINDS:
            msg = f"Got {kind!r} as an act on classes; expected class_new, class_rename or class_merge."
            raise StoreError(msg)
        if (kind == Kind.CLASS_NEW) != (new_name is None):
            msg = f"Got {kind} of {name!r} to {new_name!r}; class_new takes one name, the others two."
            raise StoreError(msg)
        old, new = (None, check_label(name)) if new_name is None else (name, check_label(new_name))
        if old == new:
            raise StoreError(f"Got {kind} of {old!r} to itself; expected two different names.")
        row = {"kind": str(kind), "name": "", "given_label": old, "new_label": new}
        return self._add(act, reviewer, [row])

    def describe_class(
        self, label: str, text: str, *, act: str | None = None, reviewer: str | None = None
    ) -> Act:
        """Record what belongs into a class, in words; an empty text takes the description away.

        The text stays with the class when it is renamed; see `cleaner.review.records` for merging. If the
        class has that text already, the act returned has no events and nothing is recorded.

        Parameters
        ----------
        label : str
            Present name of the class.
        text : str
            At most 2,000 characters, of any number of lines.

        Raises
        ------
        StoreError
            If the label or the text cannot be.
        """
        name, plain = check_label(label), check_description(text)
        row = {
            "kind": str(Kind.CLASS_DESCRIBE),
            "name": "",
            "given_label": name,
            "detail": as_json({"text": plain}),
        }

        def rows(state: ReviewState, stamp: Row) -> list[Row]:
            return [] if state.description(name) == plain else [stamp | row]

        return self._write(act, reviewer, rows)

    def pair_different(
        self,
        names: Iterable[str] | Mapping[str, Iterable[str]],
        *,
        act: str | None = None,
        reviewer: str | None = None,
    ) -> Act:
        """Record that images which look alike are different: every pair among ``names``.

        A mapping gives the pairs instead: each name with those that it is different from.
        """
        if isinstance(names, Mapping):
            listed = (
                (check_name(first), [check_name(name) for name in rest]) for first, rest in names.items()
            )
            pairs = [(first, rest) for first, rest in listed if rest]
        else:
            alike = list(dict.fromkeys(check_name(name) for name in _names(names)))
            pairs = [(first, alike[i:]) for i, first in enumerate(alike[:-1], start=1)]  # each pair once
        if not pairs:
            raise StoreError("Got fewer than two images; expected those that are different from one another.")
        kind = str(Kind.PAIR_DIFFERENT)
        rows = [
            {
                "kind": kind,
                "name": first,
                "content": self._content(first),
                "detail": as_json({"others": rest} | self._contents(rest)),
            }
            for first, rest in pairs
        ]
        return self._add(act, reviewer, rows)

    def _content(self, name: str) -> str | None:
        images = self._state.images
        return None if images is None else images.contents.get(name)

    def _contents(self, names: Iterable[str]) -> dict[str, dict[str, str]]:
        known = {name: content for name in names if (content := self._content(name)) is not None}
        return {"contents": known} if known else {}

    def files_moved(
        self, moves: Mapping[str, str], *, act: str | None = None, reviewer: str | None = None
    ) -> Act:
        """Record that files have new names, old to new; their decisions go with them. Undo passes over it."""
        kind = str(Kind.FILE_MOVED)
        rows = [
            {"kind": kind, "name": check_name(old), "detail": as_json({"to": check_name(new)})}
            for old, new in moves.items()
        ]
        return self._add(act, reviewer, rows)

    # ---------------------------------------------------------------- history

    def history(self) -> pd.DataFrame:
        """Return the whole history as a table, oldest first; see `cleaner.review.output.history.COLUMNS`."""
        return table(self._state)

    def export(self, path: Path) -> Path:
        """Write the whole history to a CSV file (``decisions.csv``), complete or not at all."""
        return write_csv(self._state, path)

    def import_history(self, source: pd.DataFrame | Path | str) -> int:
        """Add the rows of another machine's history that are not here yet, all or none.

        `cleaner.review.merging.merge_history` tells as well what became of them.

        Returns
        -------
        int
            Number of rows added; 0 for a history that is in already.
        """
        return len(self.import_rows(read_rows(source)))

    def import_rows(self, rows: Sequence[Row]) -> tuple[Event, ...]:
        """Add those of the rows that are not here yet, all or none; return what was added.

        Parameters
        ----------
        rows : sequence of dict
            As `cleaner.review.output.history.read_rows` returns them.
        """

        def missing(state: ReviewState, stamp: Row) -> list[Row]:
            there = {(event.act, event.name) for event in state.events}
            fresh = {(row["act"], row["name"]): row for row in rows if (row["act"], row["name"]) not in there}
            return [stamp | _as_here(row, state.images) for row in fresh.values()]

        return self._write(None, None, missing).events


def _as_here(row: Row, images: SetImages | None) -> Row:
    """Let a row that says neither given label nor content be about its image as it is in this set now.

    Content is noted for all rows, sooner or later; without a given label, the row would then seem to be about
    an image that had none.
    """
    name = row["name"]
    if images is None or name not in images.given or row.get("given_label") or row.get("content"):
        return row
    return row | {"given_label": images.given[name], "content": images.contents.get(name)}


def _choices(seen: Iterable[str | Choice], given: Mapping[str, str | None]) -> list[Choice]:
    """Return one choice a name, the first of each; a name alone is kept."""
    listed = [seen] if isinstance(seen, str) else seen
    choices = (
        Choice(name=each, action=Action.KEEP, given=given.get(each)) if isinstance(each, str) else each
        for each in listed
    )
    by_name: dict[str, Choice] = {}
    for choice in choices:
        by_name.setdefault(choice.name, choice)
    return list(by_name.values())


def _names(names: str | Iterable[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(dict.fromkeys(names))

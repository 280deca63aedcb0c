"""The review history on disk: append-only, one sequence of acts for everybody who works on a set."""

from __future__ import annotations

import json
import logging
import math
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from cleaner.errors import NotSavedError, StoreError
from cleaner.review import database
from cleaner.review.database import EVENTS
from cleaner.review.decisions import ReviewState, all_pairs
from cleaner.review.events import Action, Event, Kind, check_label, check_name

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Act", "Choice", "ReviewStore"]

logger = logging.getLogger(__name__)

Row = dict[str, Any]
Listener = Callable[[tuple[Event, ...]], None]

_COLUMNS = [column for column in EVENTS.columns if column.name != "dataset"]
_CLASS_KINDS = frozenset({Kind.CLASS_NEW, Kind.CLASS_RENAME, Kind.CLASS_MERGE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One image and what is decided on it; several make one act, whatever their actions.

    Parameters
    ----------
    name : str
    action : Action or str
    label : str or None
        The new label; for relabel only.
    given : str or None
        The label in the catalog.
    rank : int or None
        Place in the ranking, 0 = most suspicious.
    loss : float or None
        Nats, higher = more suspicious.
    score : float or None
        Probability that the label is wrong, higher = more suspicious.
    detail : Mapping
        Anything else worth keeping; must be JSON.
    """

    name: str
    action: Action | str
    label: str | None = None
    given: str | None = None
    rank: int | None = None
    loss: float | None = None
    score: float | None = None
    detail: Mapping[str, Any] | None = None


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
    given_of : callable, optional
        Gives the catalog's label of a name, for calls that do not pass ``given``.
    timeout_s : float, seconds
        How long to wait for another writer; shorter than the five seconds after which a page says "not saved".

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
        given_of: Callable[[str], str | None] | None = None,
        timeout_s: float = 4.0,
    ) -> None:
        self._lock = threading.RLock()
        self._listeners: list[Listener] = []
        self._state = ReviewState()
        self._closed = False
        self.dataset = dataset
        self.reviewer = _check_reviewer(reviewer)
        self.given_of = given_of
        text = f"sqlite:///{url}" if isinstance(url, Path) else url
        self._engine = database.open_engine(text, timeout_s=timeout_s)
        try:
            self.refresh()
        except StoreError:
            self._engine.dispose()
            raise

    def __repr__(self) -> str:
        url = self._engine.url.render_as_string(hide_password=True)
        return f"ReviewStore({url!r}, dataset={self.dataset!r}, reviewer={self.reviewer!r})"

    def __enter__(self) -> ReviewStore:
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
            self._closed = True
            self._listeners.clear()
            self._engine.dispose()

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
            Place (0 = most suspicious), loss (nats) and probability of a wrong label, as the reviewer saw them.
        model : str, optional
            Which ranking it was.
        page : int, optional
            Which page showed the images.
        reviewer : str, optional
            Who decides; the store's reviewer if not given.
        settles : bool
            Overrule what others decided before, so that it is a conflict no longer.

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
        detail = {"settles": True} if settles else None
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
        page_names: Iterable[str],
        *,
        act: str | None = None,
        given: Mapping[str, str | None] | None = None,
        ranks: Mapping[str, int] | None = None,
        losses: Mapping[str, float] | None = None,
        scores: Mapping[str, float] | None = None,
        model: str | None = None,
        page: int | None = None,
        reviewer: str | None = None,
    ) -> Act:
        """Record as one act that everything unmarked on a page was seen and is right.

        Images that somebody has decided on in the meantime, and those that this reviewer set aside as unsure,
        are left as they are. If none remains, the act returned has no events and nothing is recorded. The
        parameters are those of `decide`.
        """
        who = _check_reviewer(reviewer or self.reviewer)
        names = [check_name(name) for name in _names(page_names)]

        def rows(state: ReviewState, stamp: Row) -> list[Row]:
            out = []
            for name in names:
                own = state.of(name, reviewer=who)
                if state.is_decided(name) or (own is not None and own.action is Action.UNSURE):
                    continue
                choice = Choice(
                    name=name,
                    action=Action.KEEP,
                    given=(given or {}).get(name),
                    rank=(ranks or {}).get(name),
                    loss=(losses or {}).get(name),
                    score=(scores or {}).get(name),
                    detail={"confirm": True},
                )
                out.append(stamp | self._choice_row(choice) | {"model": model, "page": page})
            return out

        return self._write(act, who, rows)

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
            msg = "Got no image to decide on; expected at least one name."
            raise StoreError(msg)
        if len({choice.name for choice in choices}) < len(choices):
            msg = "Got an image twice in one act; decide on each image once, or make two acts."
            raise StoreError(msg)
        shared = {"model": model, "page": None if page is None else int(page)}
        prepared = [self._choice_row(choice) | shared for choice in choices]
        return self._write(act, reviewer, lambda _state, stamp: [stamp | row for row in prepared])

    def _choice_row(self, choice: Choice) -> Row:
        name = check_name(choice.name)
        try:
            action = Action(choice.action)
        except ValueError as exc:
            known = ", ".join(Action)
            msg = f"Got the action {choice.action!r}; expected one of {known}."
            raise StoreError(msg) from exc
        if (action is Action.RELABEL) != (choice.label is not None):
            msg = f"Got the action {action} with the label {choice.label!r}; a label goes with relabel, and only there."
            raise StoreError(msg)
        given = choice.given
        if given is None and self.given_of is not None:
            given = self.given_of(name)
        return {
            "kind": str(action),
            "name": name,
            "given_label": str(given) if given else None,
            "new_label": None if choice.label is None else check_label(choice.label),
            "rank": None if choice.rank is None else int(choice.rank),
            "loss": _number(choice.loss),
            "score": _number(choice.score),
            "detail": _dumps(choice.detail),
        }

    # ---------------------------------------------------------------- undo

    def undo(self, *, reviewer: str | None = None, act: str | None = None) -> Act | None:
        """Take back the reviewer's own latest act that still stands; None if there is none.

        The act returned names the images that it touched.
        """
        return self._take_back(Kind.UNDO, reviewer, act)

    def redo(self, *, reviewer: str | None = None, act: str | None = None) -> Act | None:
        """Bring back the act that the reviewer undid last, unless the reviewer acted since; None if none."""
        return self._take_back(Kind.REDO, reviewer, act)

    def _take_back(self, kind: Kind, reviewer: str | None, act: str | None) -> Act | None:
        who = _check_reviewer(reviewer or self.reviewer)

        def rows(state: ReviewState, stamp: Row) -> list[Row]:
            target = state.undoable(who) if kind is Kind.UNDO else state.redoable(who)
            return [] if target is None else [stamp | {"kind": str(kind), "name": "", "undoes": target}]

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
        """Make a class (``class_new``), rename one, or merge one into another (``class_rename``, ``class_merge``).

        Renaming and merging change given labels and labels chosen before; both can be undone.
        """
        if kind not in _CLASS_KINDS:
            msg = f"Got {kind!r} as an act on classes; expected class_new, class_rename or class_merge."
            raise StoreError(msg)
        if (kind == Kind.CLASS_NEW) != (new_name is None):
            msg = f"Got {kind} of {name!r} to {new_name!r}; class_new takes one name, the others two."
            raise StoreError(msg)
        old, new = (None, check_label(name)) if new_name is None else (name, check_label(new_name))
        if old == new:
            msg = f"Got {kind} of {old!r} to itself; expected two different names."
            raise StoreError(msg)
        row = {"kind": str(kind), "name": "", "given_label": old, "new_label": new}
        return self._write(act, reviewer, lambda _state, stamp: [stamp | row])

    def pair_different(
        self, names: Iterable[str], *, act: str | None = None, reviewer: str | None = None
    ) -> Act:
        """Record that images which look alike are different: every pair among ``names``."""
        pairs = all_pairs(check_name(name) for name in _names(names))
        if not pairs:
            msg = "Got fewer than two images; expected those that are different from one another."
            raise StoreError(msg)
        kind = str(Kind.PAIR_DIFFERENT)
        prepared = [
            {"kind": kind, "name": first, "detail": _dumps({"others": rest})} for first, rest in pairs
        ]
        return self._write(act, reviewer, lambda _state, stamp: [stamp | row for row in prepared])

    def files_moved(
        self, moves: Mapping[str, str], *, act: str | None = None, reviewer: str | None = None
    ) -> Act:
        """Record that files have new names, old to new; their decisions go with them. Undo leaves it alone."""
        kind = str(Kind.FILE_MOVED)
        prepared = [
            {"kind": kind, "name": check_name(old), "detail": _dumps({"to": check_name(new)})}
            for old, new in moves.items()
        ]
        return self._write(act, reviewer, lambda _state, stamp: [stamp | row for row in prepared])

    # ---------------------------------------------------------------- history

    def history(self) -> pd.DataFrame:
        """Return the whole history as a table, oldest first; see `cleaner.review.history.COLUMNS`."""
        from cleaner.review.history import table

        return table(self._state)

    def export(self, path: Path) -> Path:
        """Write the whole history to a CSV file (``decisions.csv``), complete or not at all."""
        from cleaner.review.history import write_csv

        return write_csv(self._state, path)

    def import_history(self, source: pd.DataFrame | Path | str) -> int:
        """Add the rows of another machine's history that are not here yet, all or none.

        Returns
        -------
        int
            Number of rows added; 0 for a history that is in already.
        """
        from cleaner.review.history import read_rows

        rows = read_rows(source)

        def missing(state: ReviewState, stamp: Row) -> list[Row]:
            there = {(event.act, event.name) for event in state.events}
            fresh = {(row["act"], row["name"]): row for row in rows if (row["act"], row["name"]) not in there}
            return [stamp | row for row in fresh.values()]

        return len(self._write(None, None, missing).events)

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
            self._check_open()
            try:
                with database.reading(self._engine) as connection:
                    pulled = self._pull(connection)
            except SQLAlchemyError as exc:
                msg = f"The review database cannot be read: {database.in_words(exc)}"
                raise StoreError(msg) from exc
            self._state.extend(pulled)
        self._tell(pulled)
        return pulled

    # ---------------------------------------------------------------- the one way in

    def _write(
        self, act: str | None, reviewer: str | None, make_rows: Callable[[ReviewState, Row], list[Row]]
    ) -> Act:
        """Append the rows of one act, after everything that others committed before it.

        ``make_rows`` gets the state under the write lock and the columns that all rows share.
        """
        act = uuid.uuid4().hex if act is None else _check_act(act)
        stamp: Row = dict.fromkeys(column.name for column in EVENTS.columns if column.name != "seq")
        stamp |= {"dataset": self.dataset, "act": act, "reviewer": _check_reviewer(reviewer or self.reviewer)}
        stamp["time"] = datetime.now(UTC).isoformat(timespec="microseconds")
        pulled: tuple[Event, ...] = ()
        own: tuple[Event, ...] = ()
        with self._lock:
            self._check_open()
            try:
                with database.writing(self._engine) as connection:
                    pulled = self._pull(connection)
                    self._state.extend(pulled)  # committed before us, whatever becomes of us
                    rows = [] if self._state.act(act) else make_rows(self._state, stamp)
                    if rows:
                        connection.execute(sa.insert(EVENTS), rows)
                        own = self._pull(connection)
            except SQLAlchemyError as exc:
                own = ()
                raise database.not_saved(exc) from exc
            finally:
                if pulled and not own:
                    self._tell(pulled)
            self._state.extend(own)
        if own:
            self._tell(pulled + own)
        return self._as_act(act, own or self._state.act(act))

    def _pull(self, connection: sa.Connection) -> tuple[Event, ...]:
        query = (
            sa.select(*_COLUMNS)
            .where(EVENTS.c.dataset == self.dataset, EVENTS.c.seq > self._state.last_seq)
            .order_by(EVENTS.c.seq)
        )
        return tuple(map(_event, connection.execute(query).mappings()))

    def _as_act(self, act: str, events: tuple[Event, ...]) -> Act:
        undoes = events[0].undoes if events else None
        touched = self._state.act(undoes) if undoes else events
        return Act(act, events, tuple(event.name for event in touched if event.name), undoes)

    def _tell(self, events: tuple[Event, ...]) -> None:
        if not events:
            return
        for listener in tuple(self._listeners):
            try:
                listener(events)
            except Exception:  # the decision is saved: a listener's trouble must not look like a lost one
                logger.exception("A listener of the review store failed")

    def _check_open(self) -> None:
        if self._closed:
            msg = "Not saved. The review store is closed; open the set again."
            raise NotSavedError(msg)


def _names(names: str | Iterable[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(dict.fromkeys(names))


def _number(value: float | None) -> float | None:
    """Make a plain number of whatever numpy gave; not-a-number is no number."""
    if value is None or math.isnan(value):
        return None
    return float(value)


def _dumps(detail: Mapping[str, Any] | None) -> str | None:
    return json.dumps(dict(detail), ensure_ascii=False, sort_keys=True) if detail else None


def _check_act(act: str) -> str:
    if not isinstance(act, str) or not 1 <= len(act) <= 64 or not act.isprintable():
        msg = f"Got {act!r} as the id of an act; expected a text of 1 to 64 characters."
        raise StoreError(msg)
    return act


def _check_reviewer(reviewer: str) -> str:
    if not isinstance(reviewer, str) or not reviewer.strip() or not reviewer.isprintable():
        msg = f"Got {reviewer!r} as the reviewer; expected a name on one line."
        raise StoreError(msg)
    return reviewer


def _event(row: Mapping[str, Any]) -> Event:
    values = dict(row)
    values["time"] = datetime.fromisoformat(values["time"])
    values["detail"] = json.loads(values["detail"]) if values["detail"] else {}
    return Event(**values)

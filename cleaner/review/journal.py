"""The table of the history and its fold in memory, kept in step; `ReviewStore` adds what reviewers do."""

from __future__ import annotations

import json
import logging
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from cleaner.errors import NotSavedError, StoreError
from cleaner.review import database
from cleaner.review.database import EVENTS
from cleaner.review.events import NO_DETAIL, Event, check_act, check_reviewer
from cleaner.review.state import ReviewState

__all__ = ["Act", "Journal", "Listener", "Row"]

logger = logging.getLogger(__name__)

Row = dict[str, Any]
Listener = Callable[[tuple[Event, ...]], None]

_COLUMNS = [column for column in EVENTS.columns if column.name != "dataset"]


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


class Journal:
    """An append-only table in SQLite or PostgreSQL, and what its rows come to.

    The parameters are those of `ReviewStore`.
    """

    def __init__(
        self,
        url: str | Path,
        *,
        dataset: str,
        reviewer: str,
        timeout_s: float = 4.0,
    ) -> None:
        self._lock = threading.RLock()
        self._listeners: list[Listener] = []
        self._state = ReviewState()
        self._closed = False
        self.dataset = dataset
        self.reviewer = check_reviewer(reviewer)
        text = f"sqlite:///{url}" if isinstance(url, Path) else url
        self._engine = database.open_engine(text, timeout_s=timeout_s)
        self._file_id = database.file_id(self._engine)
        try:
            self.refresh()
        except StoreError:
            self._engine.dispose()
            raise

    def __repr__(self) -> str:
        url = self._engine.url.render_as_string(hide_password=True)
        return f"{type(self).__name__}({url!r}, dataset={self.dataset!r}, reviewer={self.reviewer!r})"

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
            self._closed = True
            self._listeners.clear()
            self._engine.dispose()

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
        act = uuid.uuid4().hex if act is None else check_act(act)
        stamp: Row = dict.fromkeys(column.name for column in EVENTS.columns if column.name != "seq")
        stamp |= {"dataset": self.dataset, "act": act, "reviewer": check_reviewer(reviewer or self.reviewer)}
        stamp["time"] = datetime.now(UTC).isoformat(timespec="microseconds")
        pulled: tuple[Event, ...] = ()
        own: tuple[Event, ...] = ()
        try:
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
                self._state.extend(own)
        finally:  # without the lock: a listener may wait for a thread that wants it
            self._tell(pulled + own)
        return self._as_act(act, own or self._state.act(act))

    def _pull(self, connection: sa.Connection) -> tuple[Event, ...]:
        query = (
            sa.select(*_COLUMNS)
            .where(EVENTS.c.dataset == self.dataset, EVENTS.c.seq > self._state.last_seq)
            .order_by(EVENTS.c.seq)
        )
        shared: dict[str, str] = {}
        return tuple(_event(row, shared) for row in connection.execute(query).all())

    def _as_act(self, act: str, events: tuple[Event, ...]) -> Act:
        return Act(act, events, self._state.names_of(act), events[0].undoes if events else None)

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
        if database.file_id(self._engine) != self._file_id:
            # SQLite would go on writing to a file that nobody can open any more.
            msg = (
                "Not saved. The file of the review database was moved, replaced or deleted while open; "
                "put it back if you can, and open the set again."
            )
            raise NotSavedError(msg)


def _event(row: Sequence[Any], shared: dict[str, str]) -> Event:
    """Make an event of a row of `_COLUMNS`; texts that repeat from row to row are kept once."""
    seq, act, kind, name, given, new, reviewer, time, rank, loss, score, model, page, detail, undoes = row
    once = shared.setdefault
    return Event(
        seq=seq,
        act=once(act, act),
        kind=once(kind, kind),
        name=name,
        reviewer=once(reviewer, reviewer),
        time=datetime.fromisoformat(time),
        given_label=given and once(given, given),
        new_label=new and once(new, new),
        rank=rank,
        loss=loss,
        score=score,
        model=model and once(model, model),
        page=page,
        detail=json.loads(detail) if detail else NO_DETAIL,
        undoes=undoes and once(undoes, undoes),
    )

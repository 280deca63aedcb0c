"""The table of the history: rows in, rows out, in one order for everybody; it knows no meaning of them."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from cleaner.errors import NotSavedError, StoreError
from cleaner.review import database
from cleaner.review.database import EVENTS
from cleaner.review.events import NO_DETAIL, Event

Row = dict[str, Any]

_COLUMNS = [column for column in EVENTS.columns if column.name != "dataset"]


class Journal:
    """The rows of one data set in SQLite or PostgreSQL. Its methods are called one at a time.

    Parameters
    ----------
    url : str or Path
        SQLAlchemy URL, or the path of an SQLite file.
    dataset : str
        Key of the data set.
    timeout_s : float, seconds
        How long to wait for another writer.

    Raises
    ------
    StoreError
        If the database cannot be opened.
    """

    def __init__(self, url: str | Path, *, dataset: str, timeout_s: float) -> None:
        text = f"sqlite:///{url}" if isinstance(url, Path) else url
        self.engine = database.open_engine(text, timeout_s=timeout_s)
        self._file_id = database.file_id(self.engine)
        self._closed = False
        self._dataset = dataset

    def close(self) -> None:
        """Close the connections; nothing can be read or written any more."""
        self._closed = True
        self.engine.dispose()

    def read(self, after: int) -> tuple[Event, ...]:
        """Return the rows after a sequence number, in order.

        Raises
        ------
        StoreError
            If the database cannot be read.
        """
        self._check_open()
        try:
            with database.reading(self.engine) as connection:
                return self._rows(connection, after)
        except SQLAlchemyError as exc:
            raise StoreError(f"The review database cannot be read: {database.in_words(exc)}") from exc

    def append(self, after: int, make_rows: Callable[[tuple[Event, ...]], list[Row]]) -> tuple[Event, ...]:
        """Write rows behind everything that others have committed; all of them or none.

        Parameters
        ----------
        after : int
            Sequence number of the last row that the caller knows.
        make_rows : callable
            Called under the write lock with the rows since then; gives what is to be written.

        Returns
        -------
        tuple of Event
            The rows written, committed.

        Raises
        ------
        NotSavedError
            If the database did not take them.
        """
        self._check_open()
        try:
            with database.writing(self.engine) as connection:
                others = self._rows(connection, after)
                rows = make_rows(others)
                if not rows:
                    return ()
                base = {column.name: None for column in _COLUMNS if column.name != "seq"}
                stamped = [base | row | {"dataset": self._dataset} for row in rows]
                connection.execute(sa.insert(EVENTS), stamped)
                written = self._rows(connection, others[-1].seq if others else after)
        except SQLAlchemyError as exc:
            raise database.not_saved(exc) from exc
        return written

    def _rows(self, connection: sa.Connection, after: int) -> tuple[Event, ...]:
        query = (
            sa.select(*_COLUMNS)
            .where(EVENTS.c.dataset == self._dataset, EVENTS.c.seq > after)
            .order_by(EVENTS.c.seq)
        )
        shared: dict[str, str] = {}
        return tuple(_event(row, shared) for row in connection.execute(query).all())

    def _check_open(self) -> None:
        if self._closed:
            raise NotSavedError("Not saved. The review store is closed; open the set again.")
        if database.file_id(self.engine) != self._file_id:
            # SQLite would go on writing to a file that nobody can open any more.
            raise NotSavedError(
                "Not saved. The file of the review database was moved, replaced or deleted while open; "
                "put it back if you can, and open the set again."
            )


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

"""The rows of one data set: how they are read, and how they are written behind those of others."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import SQLAlchemyError

from cleaner.errors import DamagedStoreError, NotSavedError, StoreError
from cleaner.review.database import (
    EVENTS,
    Row,
    file_id,
    in_words,
    is_damaged,
    lock_statement,
    open_engine,
    reading,
    writing,
)
from cleaner.review.events import NO_DETAIL, Event
from cleaner.review.server import Server

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
        self.engine = open_engine(text, timeout_s=timeout_s)
        self._file_id = file_id(self.engine)
        self._closed = False
        self._dataset = dataset
        self._server = None if self.is_file else Server(self.engine)

    def close(self) -> None:
        """Close the connections; nothing can be read or written any more."""
        self._closed = True
        if self._server is not None:
            self._server.close()
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
            if self._server is not None:
                query = self._statements["rows"], {"set": self._dataset, "last": after}
                return _events(self._server.run([query]))
            with reading(self.engine) as connection:
                return self._rows(connection, after)
        except SQLAlchemyError as exc:
            kind = DamagedStoreError if is_damaged(exc) else StoreError
            raise kind(f"The review database cannot be read: {in_words(exc)}") from exc

    @property
    def is_closed(self) -> bool:
        """Whether nothing can be read or written any more."""
        return self._closed

    @property
    def is_file(self) -> bool:
        """Whether the rows are in an SQLite file (or in memory), and not on a server."""
        return self.engine.dialect.name == "sqlite"

    def pin(self, contents: Mapping[int, str]) -> None:
        """Note the contents of images for rows that have none, by sequence number.

        Raises
        ------
        NotSavedError
            If the database did not take it.
        """
        self._check_open()
        change = (
            sa.update(EVENTS)
            .where(EVENTS.c.seq == sa.bindparam("row"), EVENTS.c.content.is_(None))
            .values(content=sa.bindparam("found"))
        )
        try:
            with writing(self.engine) as connection:
                connection.execute(change, [{"row": seq, "found": text} for seq, text in contents.items()])
        except SQLAlchemyError as exc:
            raise NotSavedError(f"The review database did not take it: {in_words(exc)}") from exc

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
            with writing(self.engine) as connection:
                others = self._rows(connection, after)
                rows = make_rows(others)
                if not rows:
                    return ()
                base = {column.name: None for column in _COLUMNS if column.name != "seq"}
                stamped = [base | row | {"dataset": self._dataset} for row in rows]
                connection.execute(sa.insert(EVENTS), stamped)
                written = self._rows(connection, others[-1].seq if others else after)
        except SQLAlchemyError as exc:
            raise _not_saved(exc) from exc
        return written

    def add(self, after: int, rows: Sequence[Row]) -> tuple[Event, ...]:
        """Write the rows of one act, whatever others have committed; all of them, or none if it is there.

        As `append`, but to a server it is one message: nobody waits for a writer who waits for an answer.

        Parameters
        ----------
        after : int
            Sequence number of the last row that the caller knows.
        rows : sequence of dict
            At least one; all with the same ``act``.

        Returns
        -------
        tuple of Event
            All rows since then, committed, in order: those of others, and the act.

        Raises
        ------
        NotSavedError
            If the database did not take them.
        """
        self._check_open()
        if self._server is not None:
            return self._add_on_server(self._server, after, rows)
        pulled: list[Event] = []

        def unless_there(others: tuple[Event, ...]) -> list[Row]:
            pulled.extend(others)
            return [] if any(event.act == rows[0]["act"] for event in others) else list(rows)

        written = self.append(after, unless_there)
        return (*pulled, *written)

    def _add_on_server(self, server: Server, after: int, rows: Sequence[Row]) -> tuple[Event, ...]:
        columns = {
            column.name: [_plain(row.get(column.name), column) for row in rows] for column in _COLUMNS[1:]
        }
        said = {"set": self._dataset, "this_act": rows[0]["act"]}
        statements = [
            lock_statement(self.engine),
            (self._statements["add"], columns | said),
            (self._statements["rows"], {"set": self._dataset, "last": after}),
        ]
        try:
            return _events(server.run(statements))
        except SQLAlchemyError as exc:
            raise _not_saved(exc) from exc

    @cached_property
    def _statements(self) -> dict[str, str]:
        """What a server is told, in its words."""
        columns = _COLUMNS[1:]
        lists = (sa.bindparam(column.name, type_=ARRAY(column.type)) for column in columns)
        typed = (sa.column(column.name, column.type) for column in columns)
        given = sa.func.unnest(*lists).table_valued(*typed, with_ordinality="place").render_derived("given")
        dataset = sa.bindparam("set", type_=EVENTS.c.dataset.type)
        there = sa.exists().where(EVENTS.c.dataset == dataset, EVENTS.c.act == sa.bindparam("this_act"))
        chosen = [given.c[column.name] for column in columns]
        new = sa.select(dataset, *chosen).where(~there).order_by(given.c.place)
        names = ["dataset", *(column.name for column in columns)]
        add = sa.insert(EVENTS).from_select(names, new)
        rows = _rows_after(dataset, sa.bindparam("last"))
        return {
            name: str(statement.compile(dialect=self.engine.dialect))
            for name, statement in (("add", add), ("rows", rows))
        }

    def _rows(self, connection: sa.Connection, after: int) -> tuple[Event, ...]:
        found = connection.execute(_rows_after(sa.literal(self._dataset), sa.literal(after)))
        return _events(found.all())

    def _check_open(self) -> None:
        if self._closed:
            raise NotSavedError("Not saved. The review store is closed; open the set again.")
        if file_id(self.engine) != self._file_id:
            # SQLite would go on writing to a file that nobody can open any more.
            raise NotSavedError(
                "Not saved. The file of the review database was moved, replaced or deleted while open; "
                "put it back if you can, and open the set again."
            )


def _rows_after(dataset: sa.ColumnElement[str], after: sa.ColumnElement[int]) -> sa.Select[Any]:
    return (
        sa.select(*_COLUMNS).where(EVENTS.c.dataset == dataset, EVENTS.c.seq > after).order_by(EVENTS.c.seq)
    )


def _plain(value: Any, column: sa.Column[Any]) -> Any:
    """Return a value as the driver takes it in a list, where all are of one type."""
    return None if value is None else column.type.python_type(value)


def _not_saved(error: Exception) -> NotSavedError:
    return NotSavedError(f"Not saved. The review database did not take it: {in_words(error)} Try again.")


def _events(rows: Iterable[Sequence[Any]]) -> tuple[Event, ...]:
    """Make events of rows of `_COLUMNS`; texts that repeat from row to row are kept once."""
    shared: dict[str, str] = {}
    return tuple(_event(row, shared) for row in rows)


def _event(row: Sequence[Any], shared: dict[str, str]) -> Event:
    (seq, act, kind, name, given, new, reviewer, time, rank, loss, score, model, page, detail, undoes,
     content) = row  # fmt: skip
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
        content=content,
    )

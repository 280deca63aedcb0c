"""The rows of one data set: how they are read, and how they are written behind those of others."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from cleaner.errors import DamagedStoreError, NotSavedError, StoreError
from cleaner.review.database import (
    EVENTS,
    Row,
    file_id,
    is_damaged,
    lock_statement,
    open_engine,
    reading,
    refusal,
    writing,
)
from cleaner.review.events import NO_DETAIL, Action, Event
from cleaner.review.server import Server, Statement

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
                query = self._query_on_server, {"set": self._dataset, "last": after}
                return _events(self._server.run([query]))
            with reading(self.engine) as connection:
                return self._rows(connection, after)
        except SQLAlchemyError as exc:
            kind = DamagedStoreError if is_damaged(exc) else StoreError
            raise kind(refusal("The review database cannot be read", exc)) from exc

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
            raise NotSavedError(refusal("The review database did not take it", exc)) from exc

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

    def add(self, after: int, rows: Sequence[Row], *, if_untouched: bool = False) -> tuple[Event, ...]:
        """Write the rows of one act, whatever others have committed; all of them, or none if it is there.

        As `append`, but to a server it is one message: nobody waits for a writer who waits for an answer.

        Parameters
        ----------
        after : int
            Sequence number of the last row that the caller knows.
        rows : sequence of dict
            At least one; all with the same ``act``.
        if_untouched : bool
            Write none either if anything else was committed since then than decisions on other images.

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
            return self._add_on_server(self._server, after, rows, if_untouched=if_untouched)
        pulled: list[Event] = []
        images = {row.get(key) for row in rows for key in ("name", "content")} - {None}

        def touches(event: Event) -> bool:
            return not event.is_decision or not images.isdisjoint((event.name, event.content))

        def unless_there(others: tuple[Event, ...]) -> list[Row]:
            pulled.extend(others)
            there = any(event.act == rows[0]["act"] for event in others)
            return [] if there or (if_untouched and any(map(touches, others))) else list(rows)

        written = self.append(after, unless_there)
        return (*pulled, *written)

    def _add_on_server(
        self, server: Server, after: int, rows: Sequence[Row], *, if_untouched: bool
    ) -> tuple[Event, ...]:
        insertion = self._insertion(rows, untouched_since=after if if_untouched else None)
        query = self._query_on_server, {"set": self._dataset, "last": after}
        try:
            return _events(server.run([lock_statement(self.engine), insertion, query]))
        except SQLAlchemyError as exc:
            raise _not_saved(exc) from exc

    @cached_property
    def _query_on_server(self) -> str:
        """How a server is asked for rows, in its words."""
        dataset = sa.bindparam("set", type_=EVENTS.c.dataset.type)
        return str(_rows_after(dataset, sa.bindparam("last")).compile(dialect=self.engine.dialect))

    @cached_property
    def _placeholders(self) -> str:
        """Those of the place of a row in its act, and of the row."""
        kinds = ["bigint", *(column.type.compile(self.engine.dialect) for column in _COLUMNS[1:])]
        return f"({', '.join(f'%s::{kind}' for kind in kinds)})"

    def _insertion(self, rows: Sequence[Row], *, untouched_since: int | None) -> Statement:
        """Return how a server is told the rows of one act, none of which it takes if the act is there."""
        columns = _COLUMNS[1:]
        names = ", ".join(column.name for column in columns)
        there = f"NOT EXISTS (SELECT FROM {EVENTS.name} WHERE dataset = %s AND "
        text = (
            f"INSERT INTO {EVENTS.name} (dataset, {names}) SELECT %s, {names}"
            f" FROM (VALUES {', '.join([self._placeholders] * len(rows))}) AS given (place, {names})"
            f" WHERE {there} act = %s)"
        )
        values: list[Any] = [self._dataset]
        for place, each in enumerate(rows):
            values += [place, *(_plain(each.get(column.name), column) for column in columns)]
        values += [self._dataset, rows[0]["act"]]
        if untouched_since is not None:
            text += f" AND {there} seq > %s AND (kind <> ALL(%s) OR name = ANY(%s) OR content = ANY(%s)))"
            images = [[row[key] for row in rows if row.get(key)] for key in ("name", "content")]
            values += [self._dataset, untouched_since, [*map(str, Action)], *images]
        return f"{text} ORDER BY place", values

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
    return NotSavedError(refusal("Not saved. The review database did not take it", error, "Try again."))


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

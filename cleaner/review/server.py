"""A PostgreSQL server to which several statements go in one message."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    import psycopg

Statement = tuple[str, Mapping[str, Any] | Sequence[Any]]
"""A statement with placeholders, as psycopg takes it, and their values."""


_ISOLATION = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED"
"""Each statement after a lock sees what was committed before it, whatever is usual on the server."""


class Server:
    """A connection of its own, over which a whole transaction takes no longer than one question.

    Whoever holds a lock on the server then waits for no answer meanwhile, so that others wait for the server
    alone. It may be used by several threads.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        Of a PostgreSQL database, with psycopg.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._kept: psycopg.Connection[Any] | None = None

    def run(self, statements: Sequence[Statement]) -> list[tuple[Any, ...]]:
        """Run statements as one transaction; once more where the connection was lost on the way.

        A transaction that was lost on the way may have been committed, so it must be one that does nothing
        the second time.

        Returns
        -------
        list of tuple
            The rows that the last statement gives.

        Raises
        ------
        sqlalchemy.exc.SQLAlchemyError
            What one of the statements is refused for, or there is no connection; then nothing is done.
        """
        from psycopg import Error

        with self._lock:
            was_connected = self._kept is not None
            while True:
                try:
                    return self._send(self._connection(), statements)
                except Error as exc:
                    lost = self._kept is None or self._kept.closed
                    if lost:
                        self._let_go()
                    if not (lost and was_connected):
                        raise DBAPIError(None, None, exc, connection_invalidated=lost) from exc
                    was_connected = False

    def close(self) -> None:
        """Close the connection; another `run` makes a new one."""
        with self._lock:
            self._let_go()

    @staticmethod
    def _send(connection: psycopg.Connection[Any], statements: Sequence[Statement]) -> list[tuple[Any, ...]]:
        from psycopg import ClientCursor

        with ClientCursor(connection) as cursor:
            # One message is one transaction. As a pipeline, with the values apart, the same takes half as
            # much again of both processors.
            told = [_ISOLATION, *(cursor.mogrify(text, values) for text, values in statements)]
            cursor.execute("; ".join(told))
            while cursor.nextset():
                pass
            return cursor.fetchall() if cursor.description else []

    def _connection(self) -> psycopg.Connection[Any]:
        if self._kept is None:
            pooled = self._engine.raw_connection()
            self._kept = cast("psycopg.Connection[Any]", pooled.dbapi_connection)
            pooled.detach()  # one of the pool is asked each time whether it is still there
            self._kept.autocommit = True
        return self._kept

    def _let_go(self) -> None:
        if self._kept is not None:
            self._kept.close()
            self._kept = None

"""The table of the review history in SQLite or PostgreSQL, and what its errors mean in words.

The promise that the rest relies on: rows appear to readers in the order of their ``seq``. A reader that asks
for ``seq > last`` again and again therefore misses none. SQLite has one writer at a time (``BEGIN
IMMEDIATE``); PostgreSQL hands out sequence numbers before the commit, so every writer of the table first
takes one advisory lock and holds it until its rows are visible.
"""

import logging
import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from cleaner.advice import Advice
from cleaner.errors import DamagedStoreError, StoreError
from cleaner.review.events import Action

logger = logging.getLogger(__name__)

Row = dict[str, Any]

_METADATA = sa.MetaData()
EVENTS = sa.Table(
    "events",
    _METADATA,
    # SQLite counts up by itself only for a column of exactly this type
    sa.Column(
        "seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True
    ),
    sa.Column("dataset", sa.Text, nullable=False),
    sa.Column("act", sa.String(64), nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("given_label", sa.Text),
    sa.Column("new_label", sa.Text),
    sa.Column("reviewer", sa.Text, nullable=False),
    sa.Column("time", sa.String(32), nullable=False),
    sa.Column("rank", sa.BigInteger),
    sa.Column("loss", sa.Double),
    sa.Column("score", sa.Double),
    sa.Column("model", sa.Text),
    sa.Column("page", sa.Integer),
    sa.Column("detail", sa.Text),
    sa.Column("undoes", sa.String(64)),
    sa.Column("content", sa.Text),
    sa.UniqueConstraint("dataset", "act", "name", name="events_act_name"),
    sa.Index("events_dataset_seq", "dataset", "seq"),
    sqlite_autoincrement=True,
)

_SCHEMA = sa.Table("schema_version", _METADATA, sa.Column("version", sa.Integer, primary_key=True))
_VERSION = 2
"""Of the tables. A database without `_SCHEMA` is of version 1, and lacks ``events.content``."""

# Any number, but the same one in every process: "cleaner" in base 36, as a signed 64-bit key.
_LOCK_KEY = int("cleaner", 36)
_OPENING_TRIES = 20
_SQLITE = ("sqlite", "sqlite+pysqlite")
_BEGUN_S = 10.0


def store_url(state: Path) -> str:
    """Return the URL of the SQLite file in a state folder, the usual place of the decisions."""
    return f"sqlite:///{(state / 'review.db').as_posix()}"


def open_engine(url: str, *, timeout_s: float) -> sa.Engine:
    """Connect to the database at ``url``, and make its tables or bring them up to date.

    Parameters
    ----------
    url : str
        An SQLAlchemy URL of SQLite or PostgreSQL; ``postgresql://`` means psycopg 3.
    timeout_s : float, seconds
        How long a writer waits for another one before it gives up.

    Raises
    ------
    DamagedStoreError
        The file is empty or damaged.
    StoreError
        In words, without the password of the URL.
    """
    parsed = _parse(url)
    is_file = parsed.get_backend_name() == "sqlite"
    shown = (is_file and parsed.database) or parsed.render_as_string(hide_password=True)
    _refuse_empty(parsed)
    try:
        engine = _sqlite(parsed, timeout_s) if is_file else _postgres(parsed, timeout_s)
    except ModuleNotFoundError as exc:
        msg = f"The review database {shown} needs psycopg; install it with: pip install 'cleaner[postgres]'"
        raise StoreError(msg) from exc
    try:
        _make_tables(engine)
    except SQLAlchemyError as exc:
        engine.dispose()
        if is_away(exc):
            words = _driver_words(exc)
            advice = Advice(
                "The review database cannot be opened: the connection to the server failed.",
                f"It is {shown}. The driver says: {words}",
                f"Try again in a minute. If it still fails, show this to whoever runs the server: {words}",
            )
            raise StoreError(advice) from exc
        kind = DamagedStoreError if is_damaged(exc) else StoreError
        raise kind(f"The review database {shown} cannot be opened: {in_words(exc)}") from exc
    except StoreError:
        engine.dispose()
        raise
    return engine


def _parse(url: str) -> sa.URL:
    if url.startswith("postgres://"):  # what hosting services print
        url = "postgresql" + url.removeprefix("postgres")
    try:
        scheme, _, path = url.partition(":///")
        # the path of a file as it is: it may hold a question mark
        parsed = sa.URL.create(scheme, database=path) if scheme in _SQLITE else sa.make_url(url)
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        known = parsed.drivername in (*_SQLITE, "postgresql+psycopg")
    except (ArgumentError, NoSuchModuleError):
        known = False
    if not known:
        raise StoreError(
            f"Got {url.split('@')[-1]!r} as the review database; expected sqlite:////folder/review.sqlite or "
            "postgresql://user:password@host/database."
        )
    return parsed


def _sqlite(url: sa.URL, timeout_s: float) -> sa.Engine:
    in_memory = url.database in (None, "", ":memory:")
    if in_memory:
        logger.warning(
            "The review database is in memory: decisions are lost when the program ends. "
            "Give sqlite:////folder/review.sqlite to keep them."
        )
    options: dict[str, Any] = {"poolclass": sa.StaticPool} if in_memory else {}
    engine = sa.create_engine(url, connect_args={"timeout": timeout_s, "check_same_thread": False}, **options)

    @sa.event.listens_for(engine, "connect")
    def on_connect(connection: DBAPIConnection, _record: object) -> None:
        # The driver must not begin transactions by itself: it would begin them without the write lock.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {round(timeout_s * 1000)}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA fullfsync = ON")  # macOS: a plain fsync stops at the drive's cache
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def on_begin(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get("cleaner_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgres(url: sa.URL, timeout_s: float) -> sa.Engine:
    return sa.create_engine(
        url,
        isolation_level="READ COMMITTED",  # each statement after the lock sees what was committed before it
        pool_pre_ping=True,
        pool_timeout=timeout_s,
        connect_args={
            "connect_timeout": max(2, round(timeout_s)),
            "tcp_user_timeout": round(timeout_s * 1000),  # a cut cable is an error, not a long wait
            "prepare_threshold": None,  # works behind a connection pooler too
            "application_name": "cleaner",
        },
    ).execution_options(cleaner_lock_timeout_ms=round(timeout_s * 1000))


def _refuse_empty(url: sa.URL) -> None:
    """Refuse a file of 0 bytes: a database that was begun, even one without decisions, is larger.

    Another process may be just about to make it; that takes no ten seconds.
    """
    path = _file_of(url)
    try:
        found = None if path is None else path.stat()
    except OSError:  # there is none
        return
    if found is not None and found.st_size == 0 and time.time() - found.st_mtime > _BEGUN_S:
        raise DamagedStoreError(f"The review database {path} is empty (0 bytes): its decisions are lost.")


def _file_of(url: sa.URL) -> Path | None:
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return None
    return Path(url.database)


def _make_tables(engine: sa.Engine) -> None:
    for attempt in range(_OPENING_TRIES):
        try:
            with reading(engine) as connection:
                version = _version(connection)
            if version == 1:
                _back_up(engine)
            if version < _VERSION:
                with writing(engine) as connection:
                    _bring_up_to_date(connection)
            break
        except DBAPIError as exc:
            # Several processes that open a new SQLite file at once refuse each other for a moment, without
            # waiting for the busy timeout, while the first one switches the file to WAL.
            if "locked" not in str(exc.orig) or attempt == _OPENING_TRIES - 1:
                raise
            time.sleep(random.uniform(0.02, 0.1))
    if version > _VERSION:
        raise StoreError("The review database was made by a later version of cleaner. Update cleaner.")
    with reading(engine) as connection:
        found = {column["name"] for column in sa.inspect(connection).get_columns(EVENTS.name)}
    missing = sorted({column.name for column in EVENTS.columns} - found)
    if missing:
        raise StoreError(
            f"The table 'events' of the review database has no column {missing[0]!r}; expected a database "
            "made by cleaner. Give another one."
        )


def _version(connection: sa.Connection) -> int:
    """Return the version of the tables; 0: there are none."""
    there = sa.inspect(connection)
    if not there.has_table(EVENTS.name):
        return 0
    if not there.has_table(_SCHEMA.name):
        return 1
    return int(connection.execute(sa.select(sa.func.max(_SCHEMA.c.version))).scalar() or 1)


def _bring_up_to_date(connection: sa.Connection) -> None:
    """Make the tables, or change those of an earlier version; nothing that is in them is touched."""
    version = _version(connection)  # another process may have been first
    if version >= _VERSION:
        return
    if version == 1:
        connection.execute(sa.text("ALTER TABLE events ADD COLUMN content TEXT"))
    _METADATA.create_all(connection)
    connection.execute(sa.insert(_SCHEMA), {"version": _VERSION})


def _back_up(engine: sa.Engine) -> None:
    """Copy an SQLite file before its tables change: to ``backups`` beside it."""
    path = _file_of(engine.url)
    if path is None:
        return
    folder = backups(path)
    folder.mkdir(exist_ok=True)
    copy = folder / f"{path.stem}-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}{path.suffix}"
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    logger.info("Before its tables changed, %s was copied to %s.", path, copy)


def backups(path: Path) -> Path:
    """Return the folder of the copies of an SQLite file."""
    return path.parent / "backups"


def is_damaged(error: Exception) -> bool:
    """Tell whether the file is damaged or no database."""
    text = str(getattr(error, "orig", None) or error).lower()
    return "not a database" in text or "malformed" in text


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open a transaction that only reads."""
    with engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open a transaction that holds the one write lock until its rows are committed and visible."""
    with engine.connect() as raw:
        connection = raw.execution_options(cleaner_writes=True)
        with connection.begin():
            if engine.dialect.name == "postgresql":
                connection.exec_driver_sql(*lock_statement(engine))
            yield connection


def lock_statement(engine: sa.Engine) -> tuple[str, dict[str, Any]]:
    """Return what a writer says first to PostgreSQL, as psycopg takes it: a statement and its values."""
    wait_ms = engine.get_execution_options().get("cleaner_lock_timeout_ms", 4000)
    # A server may be set to answer before the disk has the rows; a decision must not be.
    statement = (
        "SELECT set_config('lock_timeout', %(wait)s, true), set_config('synchronous_commit',"
        " CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'"
        " ELSE current_setting('synchronous_commit') END, true), pg_advisory_xact_lock(%(key)s)"
    )
    return statement, {"wait": f"{wait_ms}ms", "key": _LOCK_KEY}


def file_id(engine: sa.Engine) -> tuple[int, int] | None:
    """Return what tells an SQLite file from every other one; None for a server and if it is gone."""
    path = engine.url.database
    if engine.dialect.name != "sqlite" or path in (None, "", ":memory:"):
        return None
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def in_words(error: Exception) -> str:
    """Say what went wrong in the database, for a person who is no administrator.

    Parameters
    ----------
    error : Exception
        Of SQLAlchemy, or of the driver below it.
    """
    if cause := _cause(error):
        return cause
    words = _driver_words(error)
    return f"the connection to the server failed ({words})." if is_away(error) else f"{words}."


def _driver_words(error: Exception) -> str:
    return " ".join(str(getattr(error, "orig", None) or error).split())[:300]


def refusal(what: str, error: Exception, then: str = "") -> Advice:
    """Say what the database did not do, and why; of a server that is away, a page says what to do about it.

    Parameters
    ----------
    what : str
        What happened, without the stop at its end.
    error : Exception
        Of SQLAlchemy, or of the driver below it.
    then : str
        What to do about anything else.
    """
    if not is_away(error):
        return Advice(f"{what}: {in_words(error)}", then, then)
    # The driver's own words help whoever runs the server, and nobody at the page.
    return Advice(
        f"{what}: the connection to the server failed.",
        f"{then} The driver says: {_driver_words(error)}".lstrip(),
        "Everything shown as saved is saved. Try again in a minute; if it still fails, "
        "tell whoever runs the server.",
    )


def is_away(error: Exception) -> bool:
    """Tell whether the server cannot be reached, or has let us go."""
    if _cause(error) is not None:
        return False
    original = getattr(error, "orig", None) or error
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    state = getattr(original, "sqlstate", None)
    return lost or state in ("57P01", "57P02", "57P03") or "connection" in str(original).lower()


def _cause(error: Exception) -> str | None:
    """Return why a database did not do something, of what is well known; None of anything else."""
    if isinstance(error, PoolTimeoutError):
        return "all connections are in use."
    original = getattr(error, "orig", None) or error
    low = " ".join(str(original).split()).lower()
    state = getattr(original, "sqlstate", None)
    if "locked" in low or state == "55P03":
        return "another program is still writing to it."
    if "disk is full" in low or state == "53100":
        return "the disk is full; free some space."
    if "readonly" in low or "read-only" in low or state == "25006":
        return "it is read-only."
    if "unable to open" in low:
        return "the file cannot be opened; does its folder exist, and may you write there?"
    if is_damaged(error):
        return "the file is damaged or is not a database."
    if "disk i/o" in low:
        return "the disk reports an error, or the file was removed."
    return None


def histories(path: Path, *, most: int = 200) -> dict[str, tuple[int, list[str]]]:
    """Return what an SQLite file holds, without opening it for writing; nothing if it cannot be read.

    Returns
    -------
    dict
        From the key of a data set to the number of its decisions, and some of the images.
    """
    if not path.is_file():
        return {}
    actions = [str(action) for action in Action]
    marks = ", ".join("?" * len(actions))
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as found:
            counted = found.execute(
                f"SELECT dataset, COUNT(*) FROM events WHERE kind IN ({marks}) GROUP BY dataset", actions
            ).fetchall()
            named = {
                key: found.execute(
                    f"SELECT DISTINCT name FROM events WHERE dataset = ? AND kind IN ({marks}) LIMIT ?",
                    (key, *actions, most),
                ).fetchall()
                for key, _ in counted
            }
    except sqlite3.Error as exc:  # whoever opens it says so
        logger.info("%s cannot be read: %s", path, exc)
        return {}
    return {key: (number, [name for (name,) in named[key]]) for key, number in counted}

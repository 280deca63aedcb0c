"""Which images are open on whose page, where several reviewers share a server.

A lease is no decision and not part of the history: it lapses by itself, by the clock of the server, which is
the same for everybody, and all of them may go at any time without a loss but a page shown twice.
"""

import logging
import uuid
from collections.abc import Callable, Iterable
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from cleaner.review.database import in_words, writing

logger = logging.getLogger(__name__)

Value = TypeVar("Value")

LEASE_S = 120.0
"""How long a page stays a reviewer's own after their last sign of life."""

_LEASES = sa.Table(
    "leases",
    sa.MetaData(),
    sa.Column("dataset", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("reviewer", sa.Text, nullable=False),
    sa.Column("holder", sa.String(32), nullable=False),
    sa.Column("until", sa.Double, nullable=False),
    prefixes=["UNLOGGED"],
)
_NOW_S = sa.extract("epoch", sa.func.clock_timestamp())


class Leases:
    """The images that one session has open, in a PostgreSQL database that others look into, too.

    Sessions of the same reviewer share their leases: a person in two tabs is in nobody's way. Where the
    server cannot be reached, nothing is leased, which is logged: a page shown to two reviewers loses no
    decision.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        Of a PostgreSQL database.
    dataset : str
        Key of the set of images.
    reviewer : str
    lease_s : float, seconds
    """

    def __init__(self, engine: sa.Engine, *, dataset: str, reviewer: str, lease_s: float = LEASE_S) -> None:
        self._engine = engine
        self._dataset = dataset
        self._reviewer = reviewer
        self._lease_s = lease_s
        self._holder = uuid.uuid4().hex
        self._failed = False
        self._made = False

    def take(self, names: Iterable[str]) -> frozenset[str]:
        """Lease images, and give up all that this session had before.

        Returns
        -------
        frozenset of str
            Those that may be shown: all but the ones that another reviewer has open.
        """
        # In one order for everybody, so that two who want the same images cannot wait for each other.
        wanted = sorted(set(names))
        mine = {"dataset": self._dataset, "reviewer": self._reviewer, "holder": self._holder}

        def take(connection: sa.Connection) -> frozenset[str]:
            self._give_up(connection)
            if not wanted:
                return frozenset()
            rows = [mine | {"name": name, "until": _NOW_S + self._lease_s} for name in wanted]
            new = insert(_LEASES).values(rows)
            changed = {key: new.excluded[key] for key in ("reviewer", "holder", "until")}
            free = sa.or_(_LEASES.c.reviewer == self._reviewer, _LEASES.c.until < _NOW_S)
            taken = new.on_conflict_do_update(
                index_elements=["dataset", "name"], set_=changed, where=free
            ).returning(_LEASES.c.name)
            return frozenset(connection.execute(taken).scalars())

        return self._do(take, frozenset(wanted))

    def renew(self) -> None:
        """Keep what this session has for another while."""
        own = sa.and_(_LEASES.c.dataset == self._dataset, _LEASES.c.holder == self._holder)
        change = sa.update(_LEASES).where(own).values(until=_NOW_S + self._lease_s)

        def renew(connection: sa.Connection) -> None:
            connection.execute(change)

        self._do(renew, None)

    def of_others(self) -> dict[str, str]:
        """Return the images that other reviewers have open, and who."""
        query = sa.select(_LEASES.c.name, _LEASES.c.reviewer).where(
            _LEASES.c.dataset == self._dataset, _LEASES.c.reviewer != self._reviewer, _LEASES.c.until > _NOW_S
        )

        def read(connection: sa.Connection) -> dict[str, str]:
            return {row.name: row.reviewer for row in connection.execute(query)}

        return self._do(read, {})

    def release(self) -> None:
        """Give up all that this session has."""
        self._do(self._give_up, None)

    def _give_up(self, connection: sa.Connection) -> None:
        connection.execute(
            sa.delete(_LEASES).where(_LEASES.c.dataset == self._dataset, _LEASES.c.holder == self._holder)
        )

    def _do(self, task: Callable[[sa.Connection], Value], otherwise: Value) -> Value:
        try:
            if not self._made:
                with writing(self._engine) as connection:  # two who make it at once would refuse each other
                    connection.execute(sa.schema.CreateTable(_LEASES, if_not_exists=True))
                self._made = True
            with self._engine.begin() as connection:
                done = task(connection)
        except SQLAlchemyError as exc:
            if not self._failed:  # the same trouble keeps coming every few seconds
                logger.warning("Pages are not leased: %s", in_words(exc))
            self._failed = True
            return otherwise
        self._failed = False
        return done

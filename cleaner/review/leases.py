"""Which images are open on whose page, where several reviewers share a server.

A lease is no decision and not part of the history: it lapses by itself, by the clock of the server, which is
the same for everybody, and all of them may go at any time without a loss but a page shown twice.
"""

import logging
import uuid
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.exc import SQLAlchemyError

from cleaner.review.database import in_words, writing
from cleaner.review.server import Server

logger = logging.getLogger(__name__)

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
        self._server = Server(engine)
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
        wanted = sorted(set(names))
        mine = {"dataset": self._dataset, "reviewer": self._reviewer, "holder": self._holder}
        values = mine | {"names": wanted, "lease_s": self._lease_s}
        taken = self._run(["lock", "give up", "take"], values)
        return frozenset(wanted) if taken is None else frozenset(name for (name,) in taken)

    def renew(self) -> None:
        """Keep what this session has for another while."""
        own = {"dataset": self._dataset, "holder": self._holder}
        self._run(["lock", "renew"], own | {"lease_s": self._lease_s})

    def of_others(self) -> dict[str, str]:
        """Return the images that other reviewers have open, and who."""
        return dict(self._run(["of others"], {"dataset": self._dataset, "reviewer": self._reviewer}) or ())

    def release(self) -> None:
        """Give up all that this session has."""
        self._run(["lock", "give up"], {"dataset": self._dataset, "holder": self._holder})
        self._server.close()

    def _run(self, names: Sequence[str], values: Mapping[str, Any]) -> list[tuple[Any, ...]] | None:
        """Run some of `_statements`; None, which is logged, where the server cannot be reached."""
        try:
            if not self._made:
                with writing(self._engine) as connection:  # two who make it at once would refuse each other
                    connection.execute(sa.schema.CreateTable(_LEASES, if_not_exists=True))
                self._made = True
            done = self._server.run([(self._statements[name], values) for name in names])
        except SQLAlchemyError as exc:
            if not self._failed:  # the same trouble keeps coming every few seconds
                logger.warning("Pages are not leased: %s", in_words(exc))
            self._failed = True
            return None
        self._failed = False
        return done

    @cached_property
    def _statements(self) -> dict[str, str]:
        """What the server is told, in its words."""
        # one changes them at a time: two who each want what the other has would wait for each other
        lock = sa.select(sa.func.pg_advisory_xact_lock(sa.literal_column(str(int("leases", 36)))))
        columns = _LEASES.c
        dataset = sa.bindparam("dataset", type_=columns.dataset.type)
        reviewer, holder = (sa.bindparam(name, type_=columns[name].type) for name in ("reviewer", "holder"))
        until = _NOW_S + sa.bindparam("lease_s", type_=columns.until.type)
        own = sa.and_(columns.dataset == dataset, columns.holder == holder)
        name = sa.func.unnest(sa.bindparam("names", type_=ARRAY(columns.name.type))).column_valued("name")
        rows = sa.select(dataset, name, reviewer, holder, until)
        new = insert(_LEASES).from_select(["dataset", "name", "reviewer", "holder", "until"], rows)
        take = new.on_conflict_do_update(
            index_elements=["dataset", "name"],
            set_={key: new.excluded[key] for key in ("reviewer", "holder", "until")},
            where=sa.or_(columns.reviewer == reviewer, columns.until < _NOW_S),
        ).returning(columns.name)
        others = (columns.dataset == dataset, columns.reviewer != reviewer, columns.until > _NOW_S)
        statements: dict[str, sa.ClauseElement] = {
            "lock": lock,
            "give up": sa.delete(_LEASES).where(own),
            "take": take,
            "renew": sa.update(_LEASES).where(own).values(until=until),
            "of others": sa.select(columns.name, columns.reviewer).where(*others),
        }
        return {key: str(each.compile(dialect=self._engine.dialect)) for key, each in statements.items()}

"""A copy of the page as it stood last, which the next start shows until the page itself is there.

It is for looking at only. It holds while nothing was decided and nothing was ranked since it was made.
Read before the page's own libraries are there, so this module imports little.
"""

import hashlib
import json
import logging
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cleaner.dataset.user import login
from cleaner.util.atomic import write_atomically
from cleaner.version import __version__

logger = logging.getLogger(__name__)


class PageCopy:
    """Where the copy of one set's page is kept.

    Parameters
    ----------
    state : Path
        The state folder of the set.
    options : mapping
        What the dashboard was told to open, as `cleaner.Workspace` takes it; each has a copy of its own.
    """

    def __init__(self, state: Path, options: Mapping[str, Any]) -> None:
        who = options.get("reviewer") or login()
        key = json.dumps([who, sorted(options.items())], ensure_ascii=False)
        self._state = state
        self._file = state / "copies" / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"

    def write(self, page: Mapping[str, Any]) -> None:
        """Keep a page; that it cannot be kept is written to the log."""
        kept = {"version": __version__, "since": self._since(), "page": page}
        try:
            self._file.parent.mkdir(exist_ok=True)
            write_atomically(self._file, json.dumps(kept, ensure_ascii=False).encode())
        except OSError as exc:  # the next start is slower
            logger.info("The page cannot be copied to %s: %s", self._file, exc)

    def read(self) -> dict[str, Any] | None:
        """Return the page; None if there is none that still holds."""
        try:
            kept = json.loads(self._file.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as exc:
            logger.info("The copy of the page in %s is left out: %s", self._file, exc)
            return None
        if not isinstance(kept, dict) or kept.get("version") != __version__:
            return None
        if kept.get("since") != self._since():
            return None
        return dict(kept["page"])

    def delete(self) -> None:
        """Keep no page."""
        self._file.unlink(missing_ok=True)

    def _since(self) -> list[Any]:
        """Return what changes with every decision and every ranking."""
        rankings = sorted(self._state.glob("ranking*/ranking.npz"))
        return [self._last_decision(), *([file.parent.name, file.stat().st_mtime_ns] for file in rankings)]

    def _last_decision(self) -> int | None:
        database = self._state / "review.db"
        if not database.is_file():  # there is none yet, or decisions are kept elsewhere
            return None
        try:
            with closing(sqlite3.connect(f"file:{quote(str(database))}?mode=ro", uri=True)) as opened:
                last: int | None = opened.execute("SELECT max(seq) FROM events").fetchone()[0]
        except sqlite3.Error as exc:
            logger.info("%s cannot be read: %s", database, exc)
            return -1
        return last

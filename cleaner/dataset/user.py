"""The user who sits here: a folder of their own, the data sets that they opened lately, and their name."""

import getpass
import json
import logging
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import platformdirs

from cleaner.images.archives import exists
from cleaner.util.atomic import write_atomically

logger = logging.getLogger(__name__)

_RECENT_MAX = 20


@dataclass(frozen=True, kw_only=True)
class RecentSet:
    """A data set that was opened before.

    Attributes
    ----------
    root : Path
        Its folder.
    labels : Path or None
        The CSV file that was opened with it.
    state : Path or None
        The state folder that was asked for, None for the usual one.
    opened : datetime
        When last, UTC.
    count : int
        How many images it had.
    """

    root: Path
    labels: Path | None
    state: Path | None
    opened: datetime
    count: int


def home() -> Path:
    """Return cleaner's folder for this user: ``CLEANER_HOME`` or the system's place for user data."""
    given = os.environ.get("CLEANER_HOME")
    return Path(given).expanduser().resolve() if given else platformdirs.user_data_path("cleaner")


def recent() -> list[RecentSet]:
    """Return the data sets opened lately that are still there, the last one first."""
    try:
        entries = json.loads((home() / "recent.json").read_text("utf-8"))
        sets = [
            RecentSet(
                root=Path(entry["root"]),
                labels=Path(entry["labels"]) if entry["labels"] else None,
                state=Path(entry["state"]) if entry["state"] else None,
                opened=datetime.fromisoformat(entry["opened"]),
                count=int(entry["count"]),
            )
            for entry in entries
        ]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError) as exc:
        logger.warning("The list of recent data sets cannot be read: %s", exc)
        return []
    return [found for found in sets if exists(found.labels or found.root)]


def remember(root: Path, labels: Path | None, state: Path | None, count: int) -> None:
    """Put a data set first in the list of recent ones; failing at it costs a log line only."""
    opened = datetime.now(UTC).replace(microsecond=0)
    now = RecentSet(root=root, labels=labels, state=state, opened=opened, count=count)
    others = [found for found in recent() if (found.root, found.labels) != (root, labels)]
    entries = [asdict(found) | {"opened": found.opened.isoformat()} for found in [now, *others][:_RECENT_MAX]]
    try:
        home().mkdir(parents=True, exist_ok=True)
        write_atomically(home() / "recent.json", json.dumps(entries, indent=1, default=str).encode())
    except OSError as exc:
        logger.warning("The list of recent data sets cannot be written: %s", exc)


def login() -> str:
    """Return who sits here: ``CLEANER_REVIEWER``, JupyterHub's user, the login name, or "reviewer"."""
    for variable in ("CLEANER_REVIEWER", "JUPYTERHUB_USER"):
        if os.environ.get(variable):
            return os.environ[variable]
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container may know no name for its user
        return "reviewer"

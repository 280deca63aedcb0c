"""What a dashboard leaves running when it is stopped: the jobs of the data sets that were open on it."""

from __future__ import annotations

import logging
from datetime import datetime

from cleaner.errors import CleanerError

__all__ = ["cancel_jobs"]

logger = logging.getLogger(__name__)

_PATIENCE_S = 10.0


def cancel_jobs(since: datetime) -> int:
    """Cancel the jobs of all data sets that were opened since a time; return how many there were.

    A job is a process that outlives its page, so that a reload does not hurt it. Somebody who stops the
    dashboard wants the machine back; what the job had replaced nothing of yet stays as it was.

    Parameters
    ----------
    since : datetime
        When the dashboard was started, with a time zone.
    """
    from cleaner.dataset.state_folder import recent
    from cleaner.jobs import Job
    from cleaner.workspace import Workspace

    cancelled = 0
    for found in recent():
        if found.opened < since.replace(microsecond=0):  # the list has whole seconds
            continue
        try:
            with Workspace(found.root, labels=found.labels, state=found.state) as workspace:
                job = Job.current(workspace.state)
            if job is not None:
                job.cancel()
                cancelled += 1
                if not job.wait(_PATIENCE_S).finished:
                    job.kill()
        except (CleanerError, OSError):
            logger.warning("the job of %s could not be cancelled", found.root, exc_info=True)
    return cancelled

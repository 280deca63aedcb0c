"""Long work in a process of its own, with progress, cancel and a result that outlives the page.

A job is a folder ``STATE/jobs/<id>/``. Nothing about it lives in memory alone, so that a new page, or a new
kernel, can attach to it::

    spec.json      what to run: task ("module:function") and its arguments
    status.json    where it is; replaced by the worker at most 5 times a second, at least every 2 s
    log.txt        everything the worker printed or logged
    cancel         exists once somebody asked to stop
    alive.lock     held by the worker; the system lets go of it when the process dies, however it dies
    seen           exists once somebody has looked at the result

The worker is ``python -P -m cleaner.jobs STATE ID``: detached, so that it survives the kernel that started
it; a bit less urgent than the page; with threads that wait passively, as spinning ones ruin each other on
shared cores. ``-P`` keeps a ``numpy.py`` that lies in the current folder from being run.

One that was started ahead of its job (`worker_ahead`) reads ``STATE`` and ``ID`` from its standard input.

The task is called as ``function(**arguments, reporter=reporter)``. It returns a dict that JSON can hold, and
must itself replace files atomically: after cancel, failure or ``kill -9`` nobody cleans up after it.
"""

from cleaner.jobs.job import Job
from cleaner.jobs.process import worker_ahead
from cleaner.jobs.status import JobStatus, Phase

__all__ = ["Job", "JobStatus", "Phase", "worker_ahead"]

"""Tiny tasks that tests run in real worker processes."""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from cleaner.errors import TrainingError
from cleaner.util.progress import Reporter


def add(*, left: int, right: int, reporter: Reporter) -> dict[str, int]:
    reporter("adding", 1, 1)
    return {"sum": left + right}


def report_losses(*, epochs: int, reporter: Reporter) -> dict[str, Any]:
    for epoch in range(epochs):
        reporter(f"epoch {epoch + 1} of {epochs}", epoch + 1, epochs, train_loss=1 / (epoch + 1))
    return {}


def wait_for(*, flag: str, reporter: Reporter) -> dict[str, Any]:
    """Run until the file ``flag`` appears, or somebody cancels."""
    ticks = 0
    while not Path(flag).exists():
        reporter.check()
        ticks += 1
        reporter("waiting", ticks, 100_000)
        time.sleep(0.02)
    return {"ticks": ticks}


def look_again(*, workspace: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Rank as if at once; the ranking is the one that is there."""
    return {"ranking": "m"}


def ignore_cancel(*, reporter: Reporter) -> dict[str, Any]:
    """Run until killed."""
    reporter("deaf", 0, 0)
    while True:
        time.sleep(0.05)


def fail_with_sentence(*, reporter: Reporter) -> dict[str, Any]:
    msg = "Training needs two classes; the set has one."
    raise TrainingError(msg)


def fail_by_bug(*, reporter: Reporter) -> dict[str, Any]:
    return {"never": {}["missing"]}


def return_a_set(*, reporter: Reporter) -> Any:
    return {1, 2}


def fill_the_disk(*, reporter: Reporter) -> dict[str, Any]:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def die_noisily(*, reporter: Reporter) -> dict[str, Any]:
    reporter("dying", 0, 0)
    sys.stderr.write("the last words\n")
    sys.stderr.flush()
    time.sleep(0.5)  # let the status reach the disk
    os.kill(os.getpid(), signal.SIGABRT)
    return {}


def describe_environment(*, reporter: Reporter) -> dict[str, Any]:
    return {
        "omp_wait_policy": os.environ["OMP_WAIT_POLICY"],
        "threads": os.environ["OMP_NUM_THREADS"],
        "first_on_path": sys.path[0],
        "heavy": sorted({"torch", "numpy", "pandas", "sklearn"} & set(sys.modules)),
        "session_leader": sys.platform == "win32" or os.getsid(0) == os.getpid(),
        "niceness": 0 if sys.platform == "win32" else os.nice(0),
    }


def make_until_cancelled(*, workspace: dict[str, Any], top: int, reporter: Reporter) -> dict[str, Any]:
    """Make a packet that is never done."""
    while True:
        reporter.check()
        time.sleep(0.02)


def export_while_a_file_goes(
    *, workspace: dict[str, Any], format: str | None, to: str, reporter: Reporter
) -> dict[str, Any]:
    """Export, and delete the file ``red/red_003.png`` once the first one is written."""
    from cleaner.pipelines.foreign import job_export  # `describe_environment` is not to find it

    class Deleting(Reporter):
        def __call__(self, *_stage: Any, **_values: float) -> None:
            (Path(workspace["root"]) / "red" / "red_003.png").unlink(missing_ok=True)

    return job_export(workspace=workspace, format=format, to=to, reporter=Deleting())

"""``python -P -m cleaner.dashboard.kernel_process [-f FILE]``: a page's kernel.

Without arguments it is one that was started ahead: it imports what the page needs, opens the set if the page
will come at once, and then waits for a line of standard input with the arguments, the environment and the
folder to work in.
"""

import importlib
import json
import os
import select
import sys
from pathlib import Path
from typing import Any

from cleaner.dashboard.kernels import AHEAD_VARIABLE

# What the page needs, in parts: a page that comes too early gets the kernel after the one under way.
_AHEAD = (
    "numpy",
    "pandas",
    "sqlalchemy",
    "ipywidgets",
    "scipy.special",
    "cleaner.workspace",
    "cleaner.widgets.app",
)

_PAGE = "cleaner.widgets.page"


def main(arguments: list[str]) -> None:
    """Run a kernel until it is shut down."""
    import ipykernel.kernelapp  # before any widget, which connects itself to the kernel

    waited = not arguments
    if waited:
        for name in _AHEAD:
            if _is_told():
                break
            importlib.import_module(name)
        if os.environ.get(AHEAD_VARIABLE) and not _is_told():
            importlib.import_module(_PAGE).AHEAD.begin()
        line = sys.stdin.readline()
        if not line:  # the dashboard has ended
            return
        told = json.loads(line)
        with Path(os.devnull).open("rb") as nothing:
            os.dup2(nothing.fileno(), 0)
        os.environ.clear()
        os.environ.update(told["environment"])
        os.chdir(told["folder"])
        arguments = told["arguments"]
    kernel: Any = ipykernel.kernelapp.IPKernelApp.instance()
    kernel.initialize(arguments)
    if "ipywidgets" in sys.modules:  # it looks for a kernel when it is imported
        sys.modules["ipywidgets"].register_comm_target()
    if waited:
        _prepare_page(kernel.shell.events)
    kernel.start()


def _prepare_page(events: Any) -> None:
    """Make the page after the first thing that is run, which is before the browser has its scripts.

    What is still to be imported waits as long, as the browser is sent its scripts when the kernel answers.
    """

    def make() -> None:
        events.unregister("post_execute", make)
        ahead = importlib.import_module(_PAGE).AHEAD
        ahead.begin()
        ahead.make_page()

    events.register("post_execute", make)
    if _PAGE in sys.modules:
        sys.modules[_PAGE].AHEAD.begin()


def _is_told() -> bool:
    told, *_ = select.select([sys.stdin], [], [], 0)
    return bool(told)


if __name__ == "__main__":
    main(sys.argv[1:])

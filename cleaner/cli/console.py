"""How the commands talk: results to stdout, everything else to stderr, progress only on a terminal."""

from __future__ import annotations

import logging
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cleaner.errors import Cancelled, CleanerError
from cleaner.util.atomic import why_not_writable, write_atomically
from cleaner.util.progress import SILENT, Reporter
from cleaner.util.wording import listed, rate_words, stage_words

if TYPE_CHECKING:
    import pandas as pd
    from rich.progress import Progress, TaskID

    from cleaner.dataset.findings import Finding

EXIT_FAILED = 1
_EXAMPLES = 5
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells count


def say(message: str) -> None:
    """Tell the person something that is no result."""
    typer.echo(_plain(message), err=True)


def result(line: str = "") -> None:
    """Write one line of the result, which a pipe may read."""
    typer.echo(_plain(line))


def told(finding: Finding) -> str:
    """Say a finding and the first names it is about, as one line."""
    names = f" ({listed(finding.unsaid, most=_EXAMPLES)})" if finding.unsaid else ""
    return f"{'Please check: ' if finding.doubtful else ''}{finding.text}{names}"


def _plain(text: str) -> str:
    """Keep file names and addresses from steering the terminal: no control character passes."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)


@contextmanager
def errors_as_sentences(*, debug: bool) -> Iterator[None]:
    """Turn our errors into one sentence on stderr and an exit code.

    Exit codes: 0 done, 1 an error of ours, 2 wrong usage, 130 stopped by Ctrl-C. Any other exception is a
    defect and keeps its traceback; with ``debug``, ours keep it, too.
    """
    if debug:
        logging.basicConfig(stream=sys.stderr)
        logging.getLogger("cleaner").setLevel(logging.DEBUG)
    try:
        yield
    except (KeyboardInterrupt, Cancelled) as exc:
        say(str(exc) or "Stopped.")
        raise typer.Exit(EXIT_INTERRUPTED) from exc
    except CleanerError as exc:
        if debug:
            raise
        say(f"Error: {exc}")
        raise typer.Exit(EXIT_FAILED) from exc


@contextmanager
def progress() -> Iterator[Reporter]:
    """Yield a reporter that draws a bar on a terminal and is silent in a pipe."""
    if not sys.stderr.isatty():
        yield SILENT
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    with Bars(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[values]}"),
        console=Console(stderr=True),
        transient=True,
    ) as bars:
        yield TerminalReporter(bars)


class TerminalReporter(Reporter):
    """One bar a stage: done, total, rate a second, time left, and the latest figures."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}
        self._values: dict[str, float] = {}

    def __call__(
        self, stage: str, done: int, total: int, *, seconds_left: float | None = None, **values: float
    ) -> None:
        """Move the bar of ``stage``."""
        if stage not in self._tasks:
            for task in self._bars.tasks:
                if task.total is None:  # a step without a count is over when the next one begins
                    self._bars.update(task.id, visible=False)
            self._tasks[stage] = self._bars.add_task(stage_words(stage), total=None, rate="", values="")
        now = self._tasks[stage]
        self._values |= values
        speed = next((task.speed for task in self._bars.tasks if task.id == now), None)
        self._bars.update(
            now,
            completed=done,
            total=total or None,
            rate=f"{speed:.0f}/s" if speed else "",
            values="  ".join(f"{name.replace('_', ' ')} {value:.3g}" for name, value in self._values.items()),
        )


def command_again(context: typer.Context, **changed: float) -> str:
    """Return the command that is running as one would type it, with some options, such as a rate, changed."""
    words = ["cleaner", str(context.info_name)]
    for parameter in context.command.params:
        name = str(parameter.name)
        source = context.get_parameter_source(name)
        if name not in changed and (source is None or source.name != "COMMANDLINE"):
            continue
        value = changed.get(name, context.params[name])
        option = [] if parameter.param_type_name == "argument" else [parameter.opts[0]]
        words_of = rate_words if name == "lr" and isinstance(value, float) else str
        given = [] if value is True else [words_of(value)]
        words += [*option, *given]
    return shlex.join(words)


def give_table(
    table: pd.DataFrame, csv: Path | None, *, columns: list[str], most: int, told: str = ""
) -> None:
    """Write a table to ``csv`` or, without one, the first rows of some columns to the standard output."""
    if csv is not None:
        write_table(table, csv, told=told)
        return
    if len(table):
        result(table[columns].head(most).to_string(index=False, float_format="%.2f"))
    if len(table) > most:
        say(f"These are the first {most} of {len(table):,}; --csv FILE writes them all.")


def check_target(target: Path) -> None:
    """Refuse a file that cannot be written before the work whose result it is to hold.

    Raises
    ------
    CleanerError
        With the reason.
    """
    reason = "" if str(target) == "-" else why_not_writable(target)
    if reason:
        msg = f"Cannot write {target}: {reason}. Choose a file in a folder that exists and can be written to."
        raise CleanerError(msg)


def write_table(table: pd.DataFrame, target: Path, *, told: str = "") -> None:
    """Write a table as CSV to the standard output (``-``) or, complete or not at all, to a file.

    ``told`` says what was written; it goes to stderr.
    """
    text = table.to_csv(index=False, lineterminator="\n")
    if str(target) == "-":
        typer.echo(text, nl=False)
        if told:
            say(told)
        return
    try:
        write_atomically(target, text.encode("utf-8", "surrogateescape"))
    except OSError as exc:
        msg = f"Cannot write {target}: {exc.strerror}. Choose a file in a folder that exists and is writable."
        raise CleanerError(msg) from exc
    if told:
        say(f"{told}: {target}")

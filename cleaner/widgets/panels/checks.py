"""`CheckPanel`: duplicates, leaks, poor images and outliers; searched for in the background, and counted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from cleaner.jobs import JobStatus
from cleaner.pipelines.checks import Checks
from cleaner.quality.outliers import THRESHOLD
from cleaner.quality.problems import PROBLEMS, spoken_problem
from cleaner.util.wording import count
from cleaner.widgets.guard import guarded
from cleaner.widgets.panels.base import Tree, button, buttons, node, paragraph, section, table
from cleaner.widgets.panels.job import TASKS, JobPanel, bar_of, progress_text
from cleaner.widgets.sentences import say
from cleaner.workspace import Workspace


class CheckPanel(JobPanel):
    """Searches for duplicates, poor images and outliers in the background, and leads to what was found.

    Parameters
    ----------
    workspace : Workspace
    on_checked : callable
        Called without arguments, from another thread, when a search has saved what it found; it is to call
        `show_found`.
    open_view : callable
        Called with the order that is to be shown ("duplicates", "outliers", "low information", …), or with
        "files".
    lock : threading.RLock or None
        Shared with other panels of the same page.
    """

    makes_way = ("second",)

    def __init__(
        self,
        workspace: Workspace,
        on_checked: Callable[[], None],
        open_view: Callable[[str], None],
        *,
        lock: threading.RLock | None = None,
    ) -> None:
        self._on_checked = on_checked
        self._checks: Checks | None = None
        self._counts: Mapping[str, int] | None = None
        self._due = False  # to be started when the other job has ended
        self.workspace = workspace
        super().__init__(workspace.state, "check", lock=lock)
        self.on("start", lambda _: self.start())
        self.on("open", open_view)
        self._follow()

    def show_found(self, checks: Checks | None, counts: Mapping[str, int] | None) -> None:
        """Show what was found; may be called in any thread.

        Parameters
        ----------
        checks : Checks or None
            None: nothing was searched for yet.
        counts : mapping of str to int or None
            What `Checks.counts` returns after the decisions so far, with ``files`` (left out of the set) and
            ``new`` (images added since); None while it is being counted.
        """
        with self.lock:
            self._checks, self._counts = checks, counts
            self._draw()

    # ---------------------------------------------------------------- the job

    def start(self) -> None:
        """Start searching; while another job of this workspace runs, say so instead.

        Raises
        ------
        JobError
            The job cannot be started.
        """
        with self.lock:
            self.watcher.look()
            if self.blocked:
                self._draw()
                return
            self._due = False
            self._begin("check", workspace=self.workspace.options())

    def start_if_never(self) -> None:
        """Start searching if nobody has searched yet; while another job runs, when that has ended."""
        with self.lock:
            if self._checks is None and self._status is None:
                self._due = True
                self._start_due()

    def _start_due(self) -> None:
        with guarded("the start of a search", self.complain):
            self.start()

    def _other(self, status: JobStatus) -> None:
        if self._due and status.finished:
            self._start_due()

    def _ended(self, status: JobStatus) -> None:
        if status.phase == "failed":
            self.problem = status.error or say("checks.failed")

    def _done(self, status: JobStatus) -> None:
        self._on_checked()

    # ---------------------------------------------------------------- what is drawn

    def _draw(self) -> None:
        running, busy = self.running, self.blocked or self._making_way
        known, new = self._checks is not None, (self._counts or {}).get("new", 0)
        look = "cleaner-link" if known and not new else "cleaner-button"
        offer = "checks.again" if known else "checks.start"
        if self._status is not None and self._status.phase == "failed":
            offer = "checks.retry"
        entries = found_entries(self._counts or {}) if known else []
        without = known and self._checks is not None and self._checks.outliers is None
        stop, cancel = self._asked_to_stop, say("checks.cancel")
        bar = bar_of(self._status) if running else {}
        self.show(
            section(
                say("checks"),
                paragraph(self._text(new, entries, busy=busy), role="status"),
                node("progress", aria_label=say("checks.progress"), hidden=not running, **bar),
                node("ul", *entries, class_="cleaner-found", hidden=not entries),
                paragraph(say("checks.no_weights") if without else "", "fine"),
                buttons(
                    button(say(offer), "start", class_=look, hidden=running, disabled=busy, data_heir=True),
                    button(cancel, "cancel", hidden=not running, disabled=stop, data_heir=True),
                ),
            )
        )

    def _text(self, new: int, entries: list[Tree], *, busy: bool) -> str:
        """Say where things are."""
        status = self._status
        phase = "" if status is None else status.phase
        if self._making_way:
            return say("job.making_way")
        if status is not None and phase == "running":
            return (
                say("job.stopping")
                if self._asked_to_stop
                else say("job.going", progress=progress_text(status))
            )
        text = ""
        if phase == "cancelled":
            text = say("checks.stopped" if self._asked_to_stop else "checks.interrupted")
        elif self._checks is None and phase != "failed":
            text = "" if busy else say("checks.purpose")
        elif self._checks is not None and self._counts is None:
            text = say("checks.counting")
        elif new:
            text = say("checks.new", images=count(new, "image"))
        elif self._checks is not None and not entries:
            text = say("checks.none_found")
        if busy and (self._checks is None or text):
            other = self.watcher.status  # after the first ranking it starts by itself
            first = status is None and other is not None and other.task == TASKS["prepare"]
            due = self._due or (first and self._checks is None)
            text = f"{text} {say('checks.due' if due else 'job.busy')}".lstrip()
        return text


def found_entries(counts: Mapping[str, int]) -> list[Tree]:
    """Describe what was found as entries of a list, each of which leads to its view; zeros are left out."""
    entries = []
    for number, words, order, more in _found(counts):
        parts = (node("span", f"{number:,}"), node("span", f" {words}"))
        link = node("button", *parts, do="open", data_value=order, type="button", class_="cleaner-link")
        entries.append(node("li", link, paragraph(more, "fine")))
    return entries


def _found(counts: Mapping[str, int]) -> list[tuple[int, str, str, str]]:
    """Return number, words, order, and further words for whatever there is."""

    def words(key: str, one: str, several: str) -> str:
        return one if counts.get(key) == 1 else several

    leaks, two_labels = counts.get("leaks", 0), counts.get("two_labels", 0)
    more = [say("checks.leaks", leaks=count(leaks, "leak"))] if leaks else []
    more += [say("checks.two_labels", number=f"{two_labels:,}")] if two_labels else []
    groups = words("groups", "group of duplicates", "groups of duplicates")
    lines = [("groups", groups, "duplicates", ", ".join(more))]
    lines += [(problem, spoken_problem(problem), spoken_problem(problem), "") for problem in PROBLEMS]
    lines += [
        ("outliers", words("outliers", "outlier", "outliers"), "outliers", ""),
        ("files", words("files", "file left out", "files left out"), "files", ""),
    ]
    return [(counts[key], spoken, order, rest) for key, spoken, order, rest in lines if counts.get(key)]


def checks_report(
    checks: Checks | None, counts: Mapping[str, int], thresholds: Mapping[str, float] | None = None
) -> list[Tree]:
    """Describe what was found, for the report.

    Parameters
    ----------
    checks : Checks or None
        None: nobody has searched yet.
    counts : mapping of str to int
        As `CheckPanel.show_found` gets it.
    thresholds : mapping of str to float, optional
        Thresholds that replace the suggested ones in ``counts``, by order.
    """
    heading = node("h3", say("checks.report"))
    if checks is None:
        files = counts.get("files", 0)
        left_out = say("checks.report.left_out", files=count(files, "file")) if files else ""
        return [heading, paragraph(f"{say('checks.report.none')} {left_out}".rstrip())]
    found = [f"{n:,} {words}" + (f" ({more})" if more else "") for n, words, _, more in _found(counts)]
    limits = {spoken_problem(problem): value for problem, value in checks.quality.thresholds.items()}
    keys = dict(zip(limits, PROBLEMS, strict=True))
    if checks.outliers is not None:
        limits["outliers"], keys["outliers"] = THRESHOLD, "outliers"
    limits["duplicates"], keys["duplicates"] = checks.similar.suggested_threshold, "groups"
    limits.update({order: value for order, value in (thresholds or {}).items() if order in limits})
    rows = [
        (say(f"order.{order}"), f"{value:.2f}" if value <= 1 else "–", f"{counts.get(keys[order], 0):,}")
        for order, value in limits.items()
    ]
    everything = say("checks.report.found", found=", ".join(found)) if found else say("checks.none_found")
    return [
        heading,
        node("p", everything),
        table(say("checks.report"), say("checks.report.head").split("|"), rows, numbers={1, 2}),
        paragraph("" if checks.outliers is not None else say("checks.no_weights"), "fine"),
    ]

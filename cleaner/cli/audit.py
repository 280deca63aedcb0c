"""``cleaner audit`` and ``cleaner report``: what a random sample says, and a page of it to sign."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cleaner.cli import options as o
from cleaner.cli.console import progress, result
from cleaner.errors import RankingError
from cleaner.util.wording import count, percent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cleaner.audit.audit import Acceptance
    from cleaner.audit.running import RunningAudit


def audit(
    folder: o.Folder,
    images: o.SetOptions,
    *,
    plan: Annotated[
        Literal["single", "double", "sequential"] | None,
        typer.Option(help="Fix an acceptance plan of this kind, and begin an audit with it."),
    ] = None,
    aql: Annotated[float, typer.Option(metavar="%", help="Good enough: so many percent wrong labels.")] = 1.0,
    ltpd: Annotated[float, typer.Option(metavar="%", help="Too many: so many percent wrong labels.")] = 5.0,
    alpha: Annotated[
        float, typer.Option(metavar="%", help="Risk that a good set (--aql) is rejected, in percent.")
    ] = 5.0,
    beta: Annotated[
        float, typer.Option(metavar="%", help="Risk that a bad set (--ltpd) is accepted, in percent.")
    ] = 5.0,
    by: Annotated[
        Literal["all", "class", "split"],
        typer.Option(help="A verdict on all images, or on each class or split."),
    ] = "all",
    misses: Annotated[
        float, typer.Option(metavar="%", help="Wrong labels that the reviewer may miss, in percent.")
    ] = 0.0,
    measured: Annotated[
        bool,
        typer.Option(
            "--misses-measured",
            help="Take the wrong labels that reviewers miss from their answers to known images in audits "
            "(cleaner agreement --known-answers) instead of --misses.",
        ),
    ] = False,
    false_alarms: Annotated[
        float, typer.Option(metavar="%", help="Right labels that the reviewer may call wrong, in percent.")
    ] = 0.0,
) -> None:
    """Show what the audit says, or fix an acceptance plan for it.

    A plan says beforehand how many wrong labels are good enough (--aql) and how many are too many (--ltpd).
    It draws the smallest random sample that tells the two apart with the risks asked for. Judge the sample
    on the page (order "random audit"); then the answer is accept, reject or go on. An audit that has begun
    before is kept, and the report says so.
    """
    from cleaner.audit.acceptance import PlanKind, Terms  # numpy: 0.2 s
    from cleaner.audit.running import RunningAudit

    with o.opened(folder, images) as workspace:
        running = RunningAudit(workspace.state, workspace.store, catalog=lambda: workspace.catalog)
        if plan is not None:
            if measured and running.misses(alpha=beta / 200) is None:
                raise RankingError(
                    "Nobody was shown a known image with a wrong label in an audit yet. Plant some with "
                    "“cleaner agreement --known-answers”, and judge pages of a random audit."
                )
            terms = Terms(
                aql=aql / 100,
                ltpd=ltpd / 100,
                alpha=alpha / 100,
                beta=beta / 100,
                misses=misses / 100,
                false_alarms=false_alarms / 100,
                measured=measured,
            )
            running.fix_plan(terms, PlanKind(plan), by="" if by == "all" else by)
        for key, value in _facts(running):
            result(f"{key:<10} {value}")


def _facts(running: RunningAudit) -> Iterator[tuple[str, str]]:
    said, acceptance = running.certificate(), running.acceptance()
    if said is None:
        yield "audit", "none yet; “--plan single” begins one, or the page under “Can I stop?”"
        return
    if acceptance is not None:
        yield from _plan(acceptance)
    judged = f"{said.audited:,} of {count(said.population, 'image')}"
    yield "judged", f"{judged}; {said.errors:,} wrong, {said.open:,} unsure or gone"
    if said.audited:
        yield "left", f"at most {count(said.left, 'error')} ({100 * said.confidence:.0f} % confidence)"
        if said.misses is not None:
            missed = percent(said.misses)
            yield "", f"allows for reviewers who miss up to {missed} of the errors, as known images showed"


def _plan(acceptance: Acceptance) -> Iterator[tuple[str, str]]:
    terms = acceptance.terms
    yield "verdict", str(acceptance.verdict)
    risks = f"risks {100 * terms.alpha:.3g} % and {100 * terms.beta:.3g} %"
    fixed = f"fixed {acceptance.began:%Y-%m-%d %H:%M} UTC"
    kind = acceptance.inspections[0].plan.kind
    yield "plan", f"{kind}, AQL {100 * terms.aql:.3g} %, LTPD {100 * terms.ltpd:.3g} %, {risks}, {fixed}"
    for each in acceptance.inspections:
        wrong = each.errors + each.open
        judged = f"{len(each.sample):,} of at most {count(each.plan.looks, 'image')} judged, {wrong:,} wrong"
        yield "", f"{each.part}: {judged}: {each.verdict}" if each.part else judged
    if acceptance.earlier:
        yield "", f"{count(len(acceptance.earlier), 'audit')} of this set came before"


def report(
    folder: o.Folder,
    images: o.SetOptions,
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="FILE.html",
            help="Where to write it. Default: beside cleaned.csv, a new file.",
        ),
        o.TARGET,
    ] = None,
) -> None:
    """Write a report to print and sign: data set and content hash, decisions, audit, sample and reviewers.

    It is one HTML file that needs no network and no script; print it from the browser, also to PDF.
    """
    from cleaner.widgets.printed import write_report  # ipywidgets, pandas: 1 s

    with o.opened(folder, images) as workspace:
        with progress() as reporter:
            workspace.scan(reporter=reporter)  # the content hash is about all files
        result(str(write_report(workspace, output)))

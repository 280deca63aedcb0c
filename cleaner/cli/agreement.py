"""``cleaner agreement``: how far reviewers agree, and what they are shown to find that out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cleaner.cli import options as o
from cleaner.cli.console import result
from cleaner.util.wording import count, percent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cleaner.analysis.agreement import Agreement
    from cleaner.review.opinions import Shares


def agreement(
    folder: o.Folder,
    images: o.SetOptions,
    *,
    second_opinions: Annotated[
        float | None,
        typer.Option(metavar="%", help="So many percent of the decided images go to another reviewer, too."),
    ] = None,
    asked_again: Annotated[
        float | None,
        typer.Option(metavar="%", help="So many percent come to the same reviewer again, later."),
    ] = None,
    known_answers: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            help="Images whose right label you know (columns name,label; no label: to be deleted), which "
            "the other reviewers are shown among the others.",
        ),
    ] = None,
    reviewer: o.Reviewer = None,
) -> None:
    """Show how far reviewers agree: with each other, with themselves, and with known answers.

    To find that out, images that are decided are shown once more as if they were not, among the others. The
    options say how many; they hold for all reviewers of the set from then on, and 0 ends it. --known-answers
    takes in images that you have judged with care: they are decided by you, and what the others say of them
    tells how many errors they miss.
    """
    from cleaner.analysis.agreement import agreement as found  # numpy: 0.2 s
    from cleaner.session.known_answers import plant

    with o.opened(folder, images, reviewer=reviewer) as workspace:
        store = workspace.store
        if second_opinions is not None or asked_again is not None:
            now = store.state.blind_shares
            store.share_blind(
                second=now.second if second_opinions is None else second_opinions / 100,
                again=now.again if asked_again is None else asked_again / 100,
            )
        if known_answers is not None:
            planted = plant(workspace, known_answers)
            result(f"{'planted':<12} {count(planted, 'image')} whose right label is known")
        for key, value in _facts(found(store.state), store.state.blind_shares):
            result(f"{key:<12} {value}")


def _facts(found: Agreement, shares: Shares) -> Iterator[tuple[str, str]]:
    yield "shown blind", f"{percent(shares.second)} for second opinions, {percent(shares.again)} asked again"
    if not found:
        yield "agreement", "nobody has answered such an image yet"
    for pair in found.pairs:
        kappa = "not defined" if pair.kappa is None else "{:.2f} ({:.2f} to {:.2f})".format(*pair.kappa)
        of = f"{pair.same:,} of {count(pair.images, 'image')} the same"
        yield "agreement", f"{pair.first} and {pair.second}: {of}, kappa {kappa}"
    for own in found.own:
        interval = f"{percent(own.low)} to {percent(own.high)}"
        of = f"{own.same:,} of {count(own.images, 'image')} the same"
        yield "consistency", f"{own.reviewer}: {of} ({interval})"
    for known in found.known:
        most = f"at most {percent(known.most_missed)}"
        missed = f"missed {known.missed:,} of {count(known.wrong, 'error')} ({most})"
        most = f"at most {percent(known.most_alarms)}"
        alarms = f"called {known.alarms:,} of {count(known.right, 'right label')} wrong ({most})"
        yield "known", f"{known.reviewer}: {missed}, {alarms}"

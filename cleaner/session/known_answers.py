"""What a review of a data set would find, played with known answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cleaner.errors import RankingError
from cleaner.util.progress import SILENT, Reporter

if TYPE_CHECKING:
    import pandas as pd

    from cleaner.workspace import Workspace

__all__ = ["simulate_review"]

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
        first = next(iter(right), "none")
        msg = (
            f"{truth} knows none of the {len(seen.given):,} images (its first name: {first!r}); "
            "names must be relative to the folder."
        )
        raise RankingError(msg)
    catalog = seen.given.subset(key_of)
    if filed is not None:
        catalog = catalog.with_labels({name: catalog.read_label(filed[key]) for name, key in key_of.items()})
    rank_all = rank if catalog.label_sets is None else rank_sets
    ranking = rank_all(catalog, seen.embeddings, *seen.more, seed=seen.seed, reporter=reporter)
    answers = {name: catalog.read_label(right[key]) for name, key in key_of.items()}
    return simulate(ranking, answers, seed=seen.seed, reporter=reporter, **options)


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

"""Tables of scores by name: who is worst, and the CSV file that keeps them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cleaner.errors import RankingError
from cleaner.util.atomic import write_atomically


def worst_names(names: pd.Series, scores: NDArray[np.floating], threshold: float) -> list[str]:
    """Return the names whose score reaches the threshold, the worst first; equals keep their order."""
    worst_first = np.argsort(-scores, kind="stable")[: int((scores >= threshold).sum())]
    return [str(name) for name in names.to_numpy(dtype=object)[worst_first]]


def write_scores(table: pd.DataFrame, path: Path, *, decimals: int) -> Path:
    """Write a table with a column ``name``, complete or not at all, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = table.to_csv(index=False, lineterminator="\n", float_format=f"%.{decimals}f")
    write_atomically(path, text.encode("utf-8", "surrogateescape"))
    return path


def read_scores(path: Path, columns: Mapping[str, type], *, what: str) -> pd.DataFrame:
    """Read what `write_scores` wrote.

    Parameters
    ----------
    path : Path
    columns : mapping of str to type
        The columns beside ``name``, in order; str or float.
    what : str
        What to look for again if the file cannot be read.

    Raises
    ------
    RankingError
        Nothing there, or a file this version cannot read.
    """
    kinds = {"name": str, **columns}
    texts = {name: kind for name, kind in kinds.items() if kind is str}
    try:
        table = pd.read_csv(path, dtype=texts, keep_default_na=False, encoding_errors="surrogateescape")
        return table.astype({name: kind for name, kind in kinds.items() if kind is not str})[list(kinds)]
    except (OSError, ValueError, KeyError) as exc:
        msg = f"Cannot read {path}: {exc}. Look for {what} again."
        raise RankingError(msg) from exc

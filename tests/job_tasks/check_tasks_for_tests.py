"""Looks for copies and bad pictures that last as long as a test wants, run in real worker processes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cleaner.duplicates.groups import Similar
from cleaner.errors import ImageError
from cleaner.pipelines.checks import Checks, checks_folder
from cleaner.quality.outliers import Outliers
from cleaner.quality.problems import PROBLEMS, Quality
from cleaner.util.progress import Reporter
from cleaner.workspace import Workspace


def made_checks(names: list[str], *, outliers: bool = True) -> Checks:
    """Return checks of four or more images: 0 and 1 are copies, 2 and 3 look alike; 2 is dark, 3 strange."""
    n = len(names)
    contents = np.arange(n)
    contents[1] = 0
    similar = Similar(
        names=names,
        labels=["a", "b"] * (n // 2) + ["a"] * (n % 2),
        splits=["train", "valid"] * (n // 2) + ["train"] * (n % 2),
        contents=contents,
        widths=np.full(n, 20),
        heights=np.full(n, 20),
        first=np.array([2]),
        second=np.array([3]),
        similarity=np.array([0.8], dtype=np.float32),
        overlap=np.ones(1, dtype=np.float32),
        mirrored=np.zeros(1, dtype=bool),
    )
    table = pd.DataFrame({"name": names, **dict.fromkeys(PROBLEMS, 0.1)})
    table.loc[2, ["dark", "low_information"]] = 0.9
    strange = pd.DataFrame({"name": names, "score": 0.1, "distance": 0.5, "nearest": "a"})
    strange.loc[3, "score"] = 0.7
    return Checks(similar=similar, quality=Quality(table), outliers=Outliers(strange) if outliers else None)


def check(*, workspace: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Compare until the file ``go`` is in the root, and save what `made_checks` makes of all images."""
    root = Path(workspace["root"])
    while not (root / "go").exists():
        reporter.check()
        reporter("comparing pictures", 5, 24)
        time.sleep(0.02)
    with Workspace(**workspace) as opened:
        made_checks(opened.catalog.names.tolist()).save(checks_folder(opened))
    return {}


def failing(*, workspace: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    msg = "The pictures cannot be read: the disk is gone."
    raise ImageError(msg)

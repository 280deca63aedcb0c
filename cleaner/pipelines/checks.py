"""`Checks`: what was found about a set beside its labels, kept in the state; loading it needs no network."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pandas as pd

from cleaner.duplicates.groups import Similar
from cleaner.quality.outliers import THRESHOLD, Outliers
from cleaner.quality.problems import Quality


@dataclass(frozen=True, kw_only=True)
class Checks:
    """Duplicates, image problems and outliers of one set; made by `cleaner.pipelines.check.check`.

    Attributes
    ----------
    similar : Similar
    quality : Quality
    outliers : Outliers or None
        None without pretrained weights, as are look-alikes and mirrored copies in ``similar``.
    """

    similar: Similar
    quality: Quality
    outliers: Outliers | None = None

    def save(self, folder: Path) -> Path:
        """Write ``similar.npz``, ``quality.csv`` and ``outliers.csv`` into a folder and return it."""
        if self.outliers is not None:
            self.outliers.save(folder / "outliers.csv")
        else:
            (folder / "outliers.csv").unlink(missing_ok=True)
        self.quality.save(folder / "quality.csv")
        self.similar.save(folder / "similar.npz")
        return folder

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """Read what `save` wrote; None if nothing was saved yet.

        Raises
        ------
        RankingError
            A file is damaged.
        """
        if not (folder / "similar.npz").is_file():  # the one that is written last
            return None
        outliers = folder / "outliers.csv"
        return cls(
            similar=Similar.load(folder / "similar.npz"),
            quality=Quality.load(folder / "quality.csv"),
            outliers=Outliers.load(outliers) if outliers.is_file() else None,
        )

    def missing(self, names: Iterable[str]) -> list[str]:
        """Return those of the names that were not checked, such as files that came later."""
        return [name for name in names if name not in self.similar.row_of]

    def problems(self) -> pd.DataFrame:
        """Return the images with a problem, the worst first: columns ``name``, ``problem``, ``score``.

        ``problem`` is one of `cleaner.quality.problems.PROBLEMS` or "outlier", at the default thresholds; a
        image stands once for each of its problems. Outliers come last: they are not bad images.
        """
        parts = [self.quality.worst()]
        if self.outliers is not None:
            table = self.outliers.table.set_index("name")["score"].loc[self.outliers.flagged()].reset_index()
            parts.append(table.assign(problem="outlier"))
        return pd.concat(parts, ignore_index=True)[["name", "problem", "score"]]

    def counts(
        self,
        threshold: float | None = None,
        *,
        limits: Mapping[str, float] | None = None,
        different: Collection[frozenset[str]] = (),
        labels: Mapping[str, str | None] | None = None,
        without: Collection[str] = (),
    ) -> dict[str, int]:
        """Count what was found, for one sentence.

        Parameters are those of `Similar.groups`; the threshold's default is the suggested one. ``limits``
        replaces thresholds of image problems, and that of ``outliers``.

        Returns
        -------
        dict of str to int
            ``groups`` of duplicates, ``duplicates`` (images in them beside the one to keep), ``leaks``
            (images of validation or test that were in training), ``two_labels`` (groups with more than one
            label), then one count for each image problem, and ``outliers``.
        """
        threshold = self.similar.suggested_threshold if threshold is None else threshold
        table = self.similar.groups(threshold, different=different, labels=labels, without=without)
        leaks = self.similar.leaks(threshold, different=different, labels=labels, without=without)
        firsts = table.drop_duplicates("group")
        gone = set(without)
        limits = limits or {}
        left = Quality(self.quality.table[~self.quality.table["name"].isin(list(gone))])
        problems = left.counts({**self.quality.thresholds, **limits})
        strange = []
        if self.outliers is not None:
            strange = self.outliers.flagged(limits.get("outliers", THRESHOLD))
        return {
            "groups": len(firsts),
            "duplicates": len(table) - len(firsts),
            "leaks": int(leaks["name"].nunique()),
            "two_labels": int((~firsts["same_label"].astype(bool)).sum()),
            **problems,
            "outliers": sum(name not in gone for name in strange),
        }

"""What else is wrong with a set: duplicates, leaks, poor images, images that belong to no class.

`Checks` is what was found, kept in the state; loading it needs no network.
"""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cleaner.dataset.catalog import Catalog
from cleaner.dataset.contents import note_contents, noted_contents
from cleaner.dataset.dataset import Dataset
from cleaner.duplicates.groups import Similar
from cleaner.embedding import Embeddings, embed
from cleaner.errors import RankingError, WeightsUnavailableError
from cleaner.pipelines.network import NetworkOptions
from cleaner.quality.outliers import THRESHOLD, Outliers
from cleaner.quality.problems import Quality
from cleaner.review.labels import PresentLabels
from cleaner.review.state import ReviewState
from cleaner.util.progress import SILENT, Reporter, Stage

logger = logging.getLogger(__name__)

_FOLDER = "checks"


@dataclass(frozen=True, kw_only=True)
class Checks:
    """Duplicates, image problems and outliers of one set; made by `cleaner.pipelines.checks.check`.

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

    def named(self, names: Mapping[str, str | None]) -> Self:
        """Return the same under other names; an image without one (None) has none that a file can have."""
        now = {name: other or f"{name}/gone" for name, other in names.items()}
        if all(name == other for name, other in now.items()):
            return self
        quality = self.quality.table.assign(name=self.quality.table["name"].replace(now))
        outliers = self.outliers
        if outliers is not None:
            outliers = Outliers(outliers.table.assign(name=outliers.table["name"].replace(now)))
        similar = replace(self.similar, names=[now[name] for name in self.similar.names])
        return replace(self, similar=similar, quality=Quality(quality), outliers=outliers)

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


def checks_folder(dataset: Dataset) -> Path:
    """Return where the last `Checks` are kept."""
    return dataset.state / _FOLDER


def check(
    dataset: Dataset, review: ReviewState, network: NetworkOptions, *, reporter: Reporter = SILENT
) -> Checks:
    """Look at all images, find duplicates, poor images and outliers, and save what was found in the state.

    What was looked at or embedded before is not read again. Without pretrained weights there are no
    outliers, look-alikes and mirrored copies: random features find outliers no better than chance.

    Parameters
    ----------
    dataset : Dataset
    review : ReviewState
        The decisions so far, which say what label each image has.
    network : NetworkOptions
    reporter : Reporter

    Raises
    ------
    Cancelled
        The reporter asked to stop; what was seen is kept, the checks are those from before.
    CleanerError
        Whatever else keeps this from being done.
    """
    from cleaner.duplicates.pairs import find_similar
    from cleaner.quality.outliers import find_outliers
    from cleaner.quality.pixels import read_pixels
    from cleaner.quality.problems import quality

    reporter(Stage.SCAN, 0, 0)
    catalog = dataset.scan(reporter=reporter)
    pixels = read_pixels(catalog, index=dataset.index, db=dataset.state / "pixels.db", reporter=reporter)
    embeddings = _embeddings(dataset, network, catalog, reporter)
    if pixels.problems or (embeddings is not None and embeddings.problems):
        catalog = dataset.refresh()  # which leaves them out and says why
    reporter.check()
    similar = find_similar(catalog, pixels, embeddings=embeddings, reporter=reporter)
    outliers = None
    if embeddings is not None:
        present = PresentLabels.of(catalog, review)
        labels = dict.fromkeys(present.names) | present.by_name()
        outliers = find_outliers(catalog, embeddings, labels=labels, seed=dataset.seed, reporter=reporter)
    found = Checks(similar=similar, quality=quality(pixels), outliers=outliers)
    reporter.check()
    folder = checks_folder(dataset)
    note_contents(folder, dataset.index.hashes_of(similar.names))
    found.save(folder)
    return found


def saved_checks(state: Path, review: ReviewState) -> Checks | None:
    """Return what was found last and is kept in a state folder, under the present names of the images.

    None if nobody has looked yet.

    Raises
    ------
    RankingError
        A file is damaged.
    """
    folder = state / _FOLDER
    found = Checks.load(folder)
    return (
        None if found is None else found.named(review.names_now(noted_contents(folder, found.similar.names)))
    )


def decided(catalog: Catalog, review: ReviewState) -> dict[str, Any]:
    """Return what decisions so far mean for duplicates: keywords of `Similar.groups`, `leaks`, `counts`."""
    present = PresentLabels.of(catalog, review)
    return {
        "different": review.different_pairs(),
        "labels": present.by_name(),
        "without": set(present.deleted),
    }


def fold_units(dataset: Dataset, review: ReviewState, names: Sequence[str]) -> NDArray[np.int64] | None:
    """Return which images the last checks found to be so alike that they must stay in one fold.

    At the suggested threshold, and without the pairs that a reviewer called different.

    Parameters
    ----------
    dataset : Dataset
    review : ReviewState
    names : sequence of str
        Images in any order; those that came after the checks stand alone.

    Returns
    -------
    int64, shape (len(names),), or None
        Equal for images that must not be divided. None if nothing was checked yet, or if the checks cannot be
        read: a ranking goes without them.
    """
    try:
        found = saved_checks(dataset.state, review)
    except RankingError as exc:
        logger.warning("Near duplicates are not kept in one fold: %s", exc)
        return None
    if found is None:
        return None
    threshold = found.similar.suggested_threshold
    return found.similar.fold_groups(names, threshold, different=review.different_pairs())


def _embeddings(
    dataset: Dataset, network: NetworkOptions, catalog: Catalog, reporter: Reporter
) -> Embeddings | None:
    reporter(Stage.LOAD_NETWORK, 0, 0)
    try:
        backbone, *_ = network.load(dataset)[0]
    except WeightsUnavailableError as exc:
        logger.info("Outliers and look-alikes are not looked for: %s", exc)
        return None
    if not backbone.pretrained:
        return None
    cache_root = dataset.state / "embeddings"
    return embed(catalog, backbone, index=dataset.index, cache_root=cache_root, reporter=reporter)

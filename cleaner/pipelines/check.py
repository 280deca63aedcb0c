"""Look for what else is wrong with a set: duplicates, leaks, poor images, images that belong to no class."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cleaner.dataset.catalog import Catalog
from cleaner.dataset.dataset import Dataset
from cleaner.embedding import Embeddings, embed
from cleaner.errors import RankingError, WeightsUnavailableError
from cleaner.pipelines.checks import Checks
from cleaner.pipelines.network import NetworkOptions
from cleaner.review.labels import PresentLabels
from cleaner.review.state import ReviewState
from cleaner.util.progress import SILENT, Reporter, Stage

logger = logging.getLogger(__name__)


def checks_folder(dataset: Dataset) -> Path:
    """Return where the last `Checks` are kept."""
    return dataset.state / "checks"


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
    found.save(checks_folder(dataset))
    return found


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
        found = Checks.load(checks_folder(dataset))
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
        backbone = network.load()
    except WeightsUnavailableError as exc:
        logger.info("Outliers and look-alikes are not looked for: %s", exc)
        return None
    if not backbone.pretrained:
        return None
    cache_root = dataset.state / "embeddings"
    return embed(catalog, backbone, index=dataset.index, cache_root=cache_root, reporter=reporter)

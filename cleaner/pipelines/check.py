"""Look for what else is wrong with a set: duplicates, leaks, bad pictures, images that belong to no class."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cleaner.errors import RankingError, WeightsUnavailableError
from cleaner.pipelines.checks import Checks
from cleaner.review.labels import PresentLabels
from cleaner.util.progress import SILENT, Reporter, Stage
from cleaner.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from cleaner.dataset.catalog import Catalog
    from cleaner.embedding import Embeddings

__all__ = ["check", "checks_folder", "decided", "fold_units", "job_check"]

logger = logging.getLogger(__name__)


def checks_folder(workspace: Workspace) -> Path:
    """Return where the last `Checks` are kept."""
    return workspace.state / "checks"


def check(workspace: Workspace, *, reporter: Reporter = SILENT) -> Checks:
    """Look at all pictures, find duplicates, picture problems and outliers, and save them in the workspace.

    What was looked at or embedded before is not read again. Without pretrained weights there are no
    outliers, look-alikes and mirrored copies: random features find outliers no better than chance.

    Parameters
    ----------
    workspace : Workspace
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
    catalog = workspace.scan(reporter=reporter)
    pixels = read_pixels(catalog, index=workspace.index, db=workspace.state / "pixels.db", reporter=reporter)
    embeddings = _embeddings(workspace, catalog, reporter)
    if pixels.problems or (embeddings is not None and embeddings.problems):
        catalog = workspace.refresh()  # which leaves them out and says why
    reporter.check()
    similar = find_similar(catalog, pixels, embeddings=embeddings, reporter=reporter)
    outliers = None
    if embeddings is not None:
        present = PresentLabels.of(catalog, workspace.store.state)
        labels = dict.fromkeys(present.names) | present.by_name()
        outliers = find_outliers(catalog, embeddings, labels=labels, seed=workspace.seed, reporter=reporter)
    found = Checks(similar=similar, quality=quality(pixels), outliers=outliers)
    reporter.check()
    found.save(checks_folder(workspace))
    return found


def job_check(*, workspace: Mapping[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Run `check` in a worker process.

    Parameters
    ----------
    workspace : mapping
        What `Workspace.options` gave.
    reporter : Reporter

    Returns
    -------
    dict
        What `Checks.counts` returns, decisions so far taken into account.
    """
    with Workspace(**workspace) as opened:
        return check(opened, reporter=reporter).counts(**decided(opened))


def decided(workspace: Workspace) -> dict[str, Any]:
    """Return what decisions so far mean for duplicates: keywords of `Similar.groups`, `leaks`, `counts`."""
    state = workspace.store.state
    present = PresentLabels.of(workspace.catalog, state)
    return {
        "different": state.different_pairs(),
        "labels": present.by_name(),
        "without": set(present.deleted),
    }


def fold_units(workspace: Workspace, names: Sequence[str]) -> NDArray[np.int64] | None:
    """Return which images the last checks found to be so alike that they must stay in one fold.

    At the suggested threshold, and without the pairs that a reviewer called different.

    Parameters
    ----------
    workspace : Workspace
    names : sequence of str
        Images in any order; those that came after the checks stand alone.

    Returns
    -------
    int64, shape (len(names),), or None
        Equal for images that must not be divided. None if nothing was checked yet, or if the checks cannot be
        read: a ranking goes without them.
    """
    try:
        found = Checks.load(checks_folder(workspace))
    except RankingError as exc:
        logger.warning("Near duplicates are not kept in one fold: %s", exc)
        return None
    if found is None:
        return None
    different = workspace.store.state.different_pairs()
    return found.similar.fold_groups(names, found.similar.suggested_threshold, different=different)


def _embeddings(workspace: Workspace, catalog: Catalog, reporter: Reporter) -> Embeddings | None:
    from cleaner.embedding import embed
    from cleaner.models.backbones import load_backbone

    reporter(Stage.LOAD_NETWORK, 0, 0)
    try:
        backbone = load_backbone(
            workspace.backbone, weights=workspace.weights, from_scratch=workspace.from_scratch
        )
    except WeightsUnavailableError as exc:
        logger.info("Outliers and look-alikes are not looked for: %s", exc)
        return None
    if not backbone.pretrained:
        return None
    cache_root = workspace.state / "embeddings"
    return embed(catalog, backbone, index=workspace.index, cache_root=cache_root, reporter=reporter)

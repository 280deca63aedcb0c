"""Rankings of the images embedded so far, while the others are being embedded."""

from __future__ import annotations

import logging
import time

from cleaner.dataset.catalog import Catalog
from cleaner.dataset.dataset import Dataset
from cleaner.embedding import Embeddings
from cleaner.errors import Cancelled, CleanerError
from cleaner.pipelines.network import NetworkOptions
from cleaner.pipelines.rank import check_labels, rank_seen, save_preliminary, take_down
from cleaner.review.state import ReviewState
from cleaner.util.progress import Relay, Reporter

logger = logging.getLogger(__name__)

_WORTH = 4
"""The images that are left must take so many times as long as a ranking that they make out of date."""

_FIRST_S_PER_IMAGE = 3e-3  # until the first is made: that of 500 images took 1.4 s of one core


class PreliminaryRankings:
    """Saves a ranking of the images embedded so far, and tells of it as the job's result so far.

    Pass it to `cleaner.pipelines.rank.prepare` for the first ranking of a set; any later one is better.

    Parameters
    ----------
    dataset : Dataset
    review : ReviewState
    network : NetworkOptions
    reporter : Reporter
        Hears of each ranking: ``preliminary`` (its identity), ``n`` (images ranked) and ``awaited`` (others).
    """

    def __init__(
        self, dataset: Dataset, review: ReviewState, network: NetworkOptions, reporter: Reporter
    ) -> None:
        self._dataset = dataset
        self._review = review
        self._network = network
        self._reporter = reporter
        self._s_per_image = _FIRST_S_PER_IMAGE

    def __call__(self, catalog: Catalog, embeddings: Embeddings, seconds_left: float) -> None:
        """Rank what is embedded so far, if that is worth the time.

        What keeps a ranking from being made keeps the job from nothing: the last one will meet it as well.

        Parameters
        ----------
        catalog : Catalog
            All usable images.
        embeddings : Embeddings
            Of some of them.
        seconds_left : float
            Until all are embedded.

        Raises
        ------
        Cancelled
            The reporter asked to stop.
        """
        images = len(embeddings.names)
        if seconds_left < _WORTH * self._s_per_image * images:
            return
        network, dataset = self._network, self._dataset
        start_s = time.monotonic()
        try:
            seen = take_down(
                dataset,
                self._review,
                catalog,
                [embeddings],
                network=network,
                load_backbone=lambda: network.load(dataset)[0][0],
            )
            check_labels(seen)
            ranking = rank_seen(seen, reporter=_Silent(self._reporter))
            ranking.awaited = len(seen.given) - len(ranking)
            ranking.heads = None  # they would be of no use for the other images
            save_preliminary(dataset, ranking)
        except Cancelled:
            raise
        except (CleanerError, OSError):
            logger.warning("The first %d images are not ranked by themselves.", images, exc_info=True)
            return
        self._s_per_image = (time.monotonic() - start_s) / images
        found = {"preliminary": ranking.model, "n": len(ranking), "awaited": ranking.awaited}
        self._reporter.result_so_far(found)


class _Silent(Relay):
    """Asks whether to stop, and says nothing: what is reported is how the embedding goes on."""

    def __call__(
        self, stage: str, done: int, total: int, *, seconds_left: float | None = None, **values: float
    ) -> None:
        """Pass nothing on."""

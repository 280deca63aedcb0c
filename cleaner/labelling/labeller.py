"""Pictures without a label: how many there are, which to label next, and what they probably show."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cleaner.dataset.catalog import Catalog
    from cleaner.embedding.cache import EmbeddingCache
    from cleaner.labelling.proposal import Proposal
    from cleaner.ranking.features import Floats
    from cleaner.review import ReviewState
    from cleaner.workspace import Workspace

__all__ = ["Labeller", "present_labels"]

_SAMPLE = 8192
_BLOCK = 4096
_ASIDE = ("delete", "unsure")


def present_labels(catalog: Catalog, state: ReviewState) -> dict[str, str | None]:
    """Return the label of each image after all decisions, under the present name of its class.

    None: it has none yet. Absent are the deleted ones and those that a reviewer is unsure about: their labels
    teach nothing, and it is not for this page to ask again.
    """
    renamed, outcomes = state.label_map, state.outcomes()
    labels: dict[str, str | None] = {}
    for name, given in zip(catalog.names, catalog.labels, strict=True):
        outcome, label = outcomes.get(name, ("", None))
        if outcome not in _ASIDE:
            labels[name] = label or renamed.get(given, given) or None
    return labels


class Labeller:
    """Proposes what to label next, from the embeddings that are on the disk.

    Nothing but the workspace is kept between two calls.

    Parameters
    ----------
    workspace : Workspace
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def propose(self) -> Proposal | None:
        """Order the images without a label, most informative first, with a suggestion for each.

        Takes a second or two, and one core: for a thread of its own. Images whose embedding is not there yet
        stand at the end, by name, without a suggestion.

        Returns
        -------
        Proposal or None
            None if no image needs a label, or no embedding of this set is there yet.

        Raises
        ------
        CleanerError
            The embeddings or the index of files cannot be read.
        """
        from threadpoolctl import threadpool_limits

        from cleaner.labelling.proposal import propose
        from cleaner.labelling.similar_images import last_embeddings

        named_at = self._workspace.store.state.last_seq
        labels = present_labels(self._workspace.catalog, self._workspace.store.state)
        if all(labels.values()):
            return None
        cache = last_embeddings(self._workspace.state / "embeddings")
        if cache is None:
            return None
        hashes = self._workspace.index.hashes()
        names = [name for name in labels if (digest := hashes.get(name)) and digest in cache]
        if not names:
            return None
        seed = self._workspace.seed
        with threadpool_limits(limits=1):  # the other core is for whoever looks at the page
            features = _features(cache, [hashes[name] for name in names], seed)
            made = propose(names, features, [labels[name] for name in names], seed=seed)
        made = replace(made, named_at=named_at)
        known = set(names)
        return made.and_then(
            sorted(name for name, label in labels.items() if not label and name not in known)
        )


def _features(cache: EmbeddingCache, hashes: Sequence[str], seed: int) -> Floats:
    """Read embeddings block by block; in memory are at most 256 numbers an image, and a block."""
    from cleaner.labelling.proposal import FeatureMap

    sample = list(hashes)
    if len(sample) > _SAMPLE:
        drawn = np.random.default_rng(seed).choice(len(sample), _SAMPLE, replace=False)
        sample = [hashes[i] for i in np.sort(drawn)]
    mapped = FeatureMap.fit(cache.get(sample)[0])
    features = np.empty((len(hashes), mapped.dim), dtype=np.float32)
    for at in range(0, len(hashes), _BLOCK):
        features[at : at + _BLOCK] = mapped(cache.get(hashes[at : at + _BLOCK])[0])
    return features

"""What every task begins with: the images as the backbone sees them, and the labels of this moment."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cleaner.dataset.catalog import Catalog
from cleaner.dataset.class_findings import refuse_splits
from cleaner.dataset.contents import note_contents
from cleaner.dataset.dataset import Dataset
from cleaner.dataset.label_sets import require_one_label
from cleaner.embedding import Embeddings, Features, Parts, embed, kept_embeddings
from cleaner.errors import TooFewLabelsError
from cleaner.pipelines.checks import fold_units
from cleaner.pipelines.network import NetworkOptions, known_features, remember, remembered
from cleaner.ranking import Ranking, rank, rank_probabilities, rank_sets
from cleaner.ranking.probability_file import read_probabilities
from cleaner.ranking.sample import parts_of
from cleaner.review.events import Action
from cleaner.review.labels import PresentLabels, cleaned_catalog
from cleaner.review.state import ReviewState
from cleaner.util.progress import SILENT, Reporter, Stage
from cleaner.util.wording import count

if TYPE_CHECKING:  # torch takes 2 to 4 s
    from cleaner.models.backbones import Backbone


OnPart = Callable[[Catalog, Embeddings, float], None]
"""Called with all usable images, the embeddings so far, and the seconds for the rest (infinite: unknown)."""


@dataclass(frozen=True)
class Seen:
    """A frozen copy of a data set and its review: decisions made later count next time.

    Attributes
    ----------
    given : Catalog
        The usable images with the labels as given, under the present names of the classes: that a class was
        renamed or merged makes nobody wrong.
    cleaned : Catalog
        The same after all decisions, without the deleted ones.
    labels : dict of str to str or None
        Present label of every image of ``given``; None for the unlabelled and the deleted.
    kept : frozenset of str
        Images whose label a reviewer confirmed.
    network : NetworkOptions
        What leads to the same backbones another time.
    embeddings : Embeddings
        By the first backbone.
    more : tuple of Embeddings
        Of the same images, by further backbones.
    renamed : mapping of str to str
        Earlier names of classes, and what they are called now.
    named_at : int
        Row of the history that "now" is.
    units : int64, shape (len(given),), or None
        Equal for images so alike that they must stay in one fold; None if nobody looked for any.
    seed : int
    load_backbone : callable
        Gives the first backbone.
    """

    given: Catalog
    cleaned: Catalog
    labels: dict[str, str | None]
    kept: frozenset[str]
    network: NetworkOptions
    embeddings: Embeddings
    more: tuple[Embeddings, ...]
    renamed: Mapping[str, str]
    named_at: int
    units: NDArray[np.int64] | None
    seed: int
    load_backbone: Callable[[], Backbone]

    @cached_property
    def backbone(self) -> Backbone:
        """The first backbone; loaded now, unless the embeddings of new images needed it."""
        return self.load_backbone()

    @property
    def features(self) -> list[Features]:
        """What the embeddings are kept under."""
        return [Features(each.key, each.vectors.shape[1]) for each in (self.embeddings, *self.more)]

    def rows(self, catalog: Catalog, split: str) -> tuple[list[str], NDArray[np.float32], list[str]]:
        """Return names, embeddings (float32, one row an image) and labels of a split's labelled images."""
        at = {name: i for i, name in enumerate(self.embeddings.names)}
        chosen = [
            (name, at[name], label)
            for name, label, of in zip(catalog.names, catalog.labels, catalog.splits, strict=True)
            if of == split and label is not None and name in at
        ]
        names, rows, labels = [list(column) for column in zip(*chosen, strict=True)] or [[], [], []]
        return names, self.embeddings.vectors[np.array(rows, dtype=np.intp)], labels


def prepare(
    dataset: Dataset,
    review: ReviewState,
    network: NetworkOptions,
    *,
    second: bool = True,
    on_part: OnPart | None = None,
    reporter: Reporter = SILENT,
) -> Ranking:
    """Read new files, compute their embeddings, rank all images, and save the ranking in the state folder.

    Parameters
    ----------
    dataset : Dataset
    review : ReviewState
        The decisions so far.
    network : NetworkOptions
    second : bool
        Where nobody named a network, let two of them look: they find more, in three times the time. False
        adds none to the network of the last ranking, or to the default one.
    on_part : callable, optional
        See `look`.
    reporter : Reporter

    Raises
    ------
    Cancelled
        The reporter asked to stop; the embeddings so far are kept, the ranking is the one from before.
    WeightsUnavailableError
        There are no weights for the backbone, and none can be fetched.
    TooFewLabelsError
        After all decisions so far, fewer than two classes have a label. The embeddings are there by then:
        what to label first can be proposed from them (`cleaner.labelling.proposal`).
    CleanerError
        Whatever else keeps this from being done.
    """
    seen = look(dataset, review, network, second=second, on_part=on_part, reporter=reporter)
    check_labels(seen)
    ranking = rank_seen(seen, reporter=reporter)
    reporter.check()
    save_ranking(dataset, seen, ranking)
    return ranking


def check_labels(seen: Seen) -> None:
    """Raise `TooFewLabelsError` unless there are two classes that labels can be mixed up between."""
    present = [label for name in seen.embeddings.names if (label := seen.labels.get(name)) is not None]
    if not present:
        what = f"None of the {len(seen.embeddings.names):,} images has a label"
    elif len(set(present)) == 1:
        what = f"The only label is “{present[0]}” (on {count(len(present), 'image')})"
    else:
        return
    raise TooFewLabelsError(
        f"{what}. Finding wrong labels needs labels of two classes or more. Label some images first, in the "
        "dashboard or in a CSV file."
    )


def rank_given(
    dataset: Dataset,
    review: ReviewState,
    network: NetworkOptions,
    pred_probs: Path,
    *,
    reporter: Reporter = SILENT,
) -> Ranking:
    """Rank all images by probabilities from a model elsewhere, and save the ranking in the state folder.

    Where ``network`` names a backbone, weights or ``from_scratch``, heads and neighbours on its embeddings
    are pooled with them; else the probabilities are all that counts, and no network is loaded.

    Parameters
    ----------
    dataset : Dataset
    review : ReviewState
    network : NetworkOptions
    pred_probs : Path
        A ``.npy``, ``.npz`` or CSV file: float, shape (images, classes), out of sample; rows sorted by name
        as in the catalog, columns by class. A CSV file may name both.
    reporter : Reporter

    Raises
    ------
    RankingError
        The file holds no such array.
    """
    listed = dataset.catalog
    require_one_label(listed.label_sets, "Ranking by probabilities of your own")
    refuse_splits(cleaned_catalog(listed, review.snapshot()).classes)
    probabilities = read_probabilities(pred_probs, listed)  # refused before images are read, which takes long
    seen = look(dataset, review, network, reporter=reporter) if network.named else None
    views = () if seen is None else (seen.embeddings, *seen.more)
    catalog = dataset.catalog if seen is not None else dataset.scan(reporter=reporter)
    if len(catalog) != len(listed):  # some images cannot be used
        probabilities = read_probabilities(pred_probs, catalog)
    units = fold_units(dataset, review, catalog.names.tolist())
    ranking = rank_probabilities(catalog, probabilities, *views, seed=dataset.seed, units=units)
    reporter.check()
    if seen is None:
        _save(dataset, ranking)
        remember(dataset, NetworkOptions())
    else:
        save_ranking(dataset, seen, ranking)
    return ranking


def look(
    dataset: Dataset,
    review: ReviewState,
    network: NetworkOptions,
    *,
    second: bool = False,
    on_part: OnPart | None = None,
    reporter: Reporter,
) -> Seen:
    """Read and embed new files, with a second network if that is wanted; take down the labels of this moment.

    Parameters
    ----------
    dataset, review, network
    second : bool
        See `prepare`.
    on_part : callable, optional
        The first network begins with a sample of all images, not with those that come first by name, and this
        is called when it has seen the sample, and whenever it has seen twice as many. Little is embedded
        meanwhile.
    reporter : Reporter

    Raises
    ------
    CatalogError
        The classes are splits, by their names.
    """
    reporter(Stage.SCAN, 0, 0)
    given = dataset.scan(reporter=reporter)
    refuse_splits(cleaned_catalog(given, review.snapshot()).classes)
    reporter.check()
    parts = None if on_part is None else Parts(parts_of(given, seed=dataset.seed), partial(on_part, given))
    found, used, load_backbone = _embedded(
        dataset, given, network, second=second, parts=parts, reporter=reporter
    )
    if found[0].problems:
        given = dataset.refresh()  # which leaves them out and says why
    return take_down(dataset, review, given, found, network=used, load_backbone=load_backbone)


def take_down(
    dataset: Dataset,
    review: ReviewState,
    given: Catalog,
    found: Sequence[Embeddings],
    *,
    network: NetworkOptions,
    load_backbone: Callable[[], Backbone],
) -> Seen:
    """Take down the labels of this moment beside what each backbone has seen of the usable images."""
    now = review.snapshot()
    present, cleaned = PresentLabels.of(given, now), cleaned_catalog(given, now)
    given = given.with_labels(dict(zip(present.names, present.given, strict=True)))
    labels = dict.fromkeys(present.names) | present.by_name()
    decisions = {name: now.of(name) for name in labels}
    kept = frozenset(name for name, made in decisions.items() if made and made.action is Action.KEEP)
    units = fold_units(dataset, now, given.names.tolist())
    return Seen(
        given=given,
        cleaned=cleaned,
        labels=labels,
        kept=kept,
        network=network,
        embeddings=found[0],
        more=tuple(found[1:]),
        renamed=now.label_map,
        named_at=now.last_seq,
        units=units,
        seed=dataset.seed,
        load_backbone=load_backbone,
    )


def _embedded(
    dataset: Dataset,
    catalog: Catalog,
    network: NetworkOptions,
    *,
    second: bool,
    parts: Parts | None,
    reporter: Reporter,
) -> tuple[list[Embeddings], NetworkOptions, Callable[[], Backbone]]:
    """Return the embeddings by each backbone, what leads to these again, and what gives the first of them.

    Where the ranking before had the same backbones and no image is new, none is loaded.
    """
    where: dict[str, Any] = {"index": dataset.index, "cache_root": dataset.state / "embeddings"}
    last = remembered(dataset)
    features = known_features(dataset, network, second=second)
    if last is not None and features:
        kept = [kept_embeddings(catalog, each, **where, reporter=reporter) for each in features]
        found = [each for each in kept if each is not None]
        if len(found) == len(kept):
            asked = network.backbone if network.named else last.asked
            return found, replace(last, asked=asked), lambda: network.load(dataset, second=second)[0][0]
    reporter(Stage.LOAD_NETWORK, 0, 0)
    backbones, used = network.load(dataset, second=second)
    found = [embed(catalog, backbones[0], **where, parts=parts, reporter=reporter)]
    found += [
        embed(catalog, backbone, **where, stage=Stage.EMBED_MORE, reporter=reporter)
        for backbone in backbones[1:]
    ]
    return found, used, lambda: backbones[0]


def rank_seen(seen: Seen, *, reporter: Reporter) -> Ranking:
    """Rank by heads on the frozen backbone, with the labels of this moment."""
    rank_all = rank if seen.given.label_sets is None else rank_sets
    ranking = rank_all(
        seen.given,
        seen.embeddings,
        *seen.more,
        seed=seen.seed,
        reporter=reporter,
        labels=seen.labels,
        trusted=seen.kept,
        units=seen.units,
    )
    ranking.named_at = seen.named_at
    return ranking


def save_ranking(dataset: Dataset, seen: Seen, ranking: Ranking) -> None:
    """Save a ranking in the state folder, and which network it was made with."""
    _save(dataset, ranking)
    remember(dataset, seen.network, features=seen.features)


def save_preliminary(dataset: Dataset, ranking: Ranking) -> None:
    """Save a ranking of some of the images in the state folder, until there is one of all."""
    _save_in(dataset, dataset.preliminary_folder, ranking)


def _save(dataset: Dataset, ranking: Ranking) -> None:
    _save_in(dataset, dataset.ranking_folder, ranking)
    shutil.rmtree(dataset.preliminary_folder, ignore_errors=True)


def _save_in(dataset: Dataset, folder: Path, ranking: Ranking) -> None:
    dataset.result.claim()
    note_contents(folder, dataset.index.hashes_of(ranking.names))
    ranking.save(folder)

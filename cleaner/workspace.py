"""A data set, its review and its models: the one object that users hold."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from cleaner.advice import Advice
from cleaner.dataset.catalog import Catalog
from cleaner.dataset.dataset import Dataset
from cleaner.dataset.identity import History
from cleaner.dataset.user import RecentSet, login, recent
from cleaner.errors import CatalogError, DamagedStoreError
from cleaner.images.archives import exists
from cleaner.pipelines.network import NetworkOptions, asks_for_another
from cleaner.util.passwords import split_password
from cleaner.util.places import Named

if TYPE_CHECKING:  # SQLAlchemy and the ranking take 0.3 s, which ``import cleaner`` must not
    from cleaner.analysis.worth import Worth
    from cleaner.dataset.formats.transfer import Exported
    from cleaner.interpret.image_map import ImageMap
    from cleaner.pipelines.embed import EmbedReport
    from cleaner.ranking import Ranking
    from cleaner.review.files.trash import Trash
    from cleaner.review.images import SetImages
    from cleaner.review.output.cleaned_csv import CleanedCsv, CsvNotice
    from cleaner.review.state import Progress
    from cleaner.review.store import ReviewStore

_MADE_BY: WeakKeyDictionary[Ranking, Workspace] = WeakKeyDictionary()


def workspace_of(ranking: Ranking) -> Workspace | None:
    """Return the workspace that made or loaded a ranking; None for other rankings."""
    return _MADE_BY.get(ranking)


class Workspace(Dataset):
    """A data set with its decisions, its ranking and its models.

    Parameters
    ----------
    root, labels, state, valid_pct, seed, group, layout, follow_links, hidden, dataset
    name_column, label_column, split_column, delimiter, encoding, label_separator
        See `cleaner.dataset.dataset.Dataset`. Sets of one name that share a database need a ``dataset`` of
        their own.
    store : str, optional
        SQLAlchemy URL of the database of decisions. Default: an SQLite file in the state. A password in it
        goes into the environment of this process, ``PGPASSWORD``, for those that it starts.
    reviewer : str, optional
        Who decides. Default: ``CLEANER_REVIEWER``, JupyterHub's user, or the login name.
    backbone : str, optional
        Network for features: "lite0", "lite2", a torchvision name, ``timm/NAME`` or "best"; or several of
        them, such as "lite0+lite2", which all look at the images. Default: what was named for this set
        before, else "lite0+lite2" ("best" on a GPU).
    weights : Path, optional
        Its pretrained weights.
    from_scratch : bool
        Use no pretrained weights, and ask for none.

    Attributes
    ----------
    reviewer : str
        Who decides.

    Raises
    ------
    CatalogError
        There is no such folder or file.
    """

    def __init__(
        self,
        root: Path | str,
        *,
        labels: Path | str | None = None,
        state: Path | str | None = None,
        store: str | None = None,
        reviewer: str | None = None,
        backbone: str | None = None,
        weights: Path | str | None = None,
        from_scratch: bool = False,
        valid_pct: float = 0.2,
        seed: int = 0,
        group: str | None = None,
        name_column: str | None = None,
        label_column: str | None = None,
        split_column: str | None = None,
        delimiter: str | None = None,
        encoding: str | None = None,
        label_separator: str | None = None,
        layout: str | None = None,
        follow_links: bool = False,
        hidden: bool = False,
        dataset: str | None = None,
    ) -> None:
        super().__init__(
            root,
            labels=labels,
            state=state,
            shared_store=store is not None,
            valid_pct=valid_pct,
            seed=seed,
            group=group,
            name_column=name_column,
            label_column=label_column,
            split_column=split_column,
            delimiter=delimiter,
            encoding=encoding,
            label_separator=label_separator,
            layout=layout,
            follow_links=follow_links,
            hidden=hidden,
            dataset=dataset,
        )
        self.reviewer = reviewer or login()
        self.backbone = backbone
        self.weights = None if weights is None else Path(weights).expanduser().resolve()
        self.from_scratch = from_scratch
        self._store_url = store
        self._told_store, password = split_password(store or "")  # what other processes are told
        if password is not None:  # those that are started from now on, also before they are told
            os.environ["PGPASSWORD"] = password
        self._store: ReviewStore | None = None

    @property
    def network(self) -> NetworkOptions:
        """The network for features."""
        return NetworkOptions(self.backbone, self.weights, self.from_scratch)

    @property
    def asks_for_another_network(self) -> bool:
        """Whether a network is named that is not the one that the saved ranking was made with."""
        return asks_for_another(self, self.network)

    @property
    def store_url(self) -> str:
        """SQLAlchemy URL of the decisions."""
        from cleaner.review.database import store_url  # SQLAlchemy: 0.3 s

        return self._store_url or store_url(self.state)

    @property
    def store(self) -> ReviewStore:
        """The decisions, matched with the images that are there; opened when first asked for."""
        if self._store is None:
            from cleaner.review.store import ReviewStore  # SQLAlchemy: 0.3 s

            images = self._images()  # without the lock: the catalog has its own
            with self._lock:
                if self._store is None:
                    before = self.identity.rows
                    try:
                        self._store = ReviewStore(
                            self.store_url, dataset=self.name, reviewer=self.reviewer, images=images
                        )
                    except DamagedStoreError as exc:
                        raise DamagedStoreError(
                            f"{exc} {self._what_is_left()} To start anew, move review.db away."
                        ) from exc
                    if self._store_url is None and len(self._store.state.events) < before:
                        self._notices.append(
                            f"The review database holds fewer decisions than when the set was last open. "
                            f"{self._what_is_left()}"
                        )
                    self._look_whose_history(self._store.state.progress())
                    self._note_history(images)
        return self._store

    def _look_whose_history(self, found: Progress) -> None:
        """Remark that a name in a shared database seems to be that of another set."""
        known = found.decided + found.aside + found.asked_again
        if self._store_url is not None and found.gone > known:
            self._notices.append(
                Advice(
                    f"Of the decisions under the name “{self.name}” in the database, {found.gone:,} are "
                    f"about images that are not in this set, and {known:,} about images that are.",
                    "If it is another set, give it a name of its own with --dataset.",
                    "If it is another set, start cleaner again with a name of its own (--dataset NAME).",
                )
            )

    def _what_is_left(self) -> str:
        """Say where decisions can be found that the database has lost."""
        result, backups = self.cleaned_csv, self.state / "backups"
        left = [f"the last result is {result}"] if result.is_file() else []
        left += [f"older copies are in {backups}"] if backups.is_dir() else []
        found = f"What is left of the decisions: {' and '.join(left)}. " if left else ""
        command = f"cleaner result {self.labels or self.root} --import"
        return (
            f"{found}Put a copy of review.db into {self.state} if you have one. In a new database, "
            f"“{command}” makes decisions of the last result."
        )

    def refresh(self) -> Catalog:
        """Look at the folder or CSV file again and return the new catalog; decisions follow their images."""
        catalog = super().refresh()
        if self._store is not None:
            images = self._images(catalog)
            self._store.match(images)
            self._note_history(images)
        return catalog

    def _note_history(self, images: SetImages) -> None:
        """Remember which classes there were when, and how much there is to lose."""
        if self._store is not None:
            state = self._store.state
            rows = len(state.events) if self._store_url is None else None
            self.identity.note(images.classes, names=images.given, seq=state.last_seq, rows=rows)

    def _images(self, catalog: Catalog | None = None) -> SetImages:
        from cleaner.review.images import SetImages  # SQLAlchemy comes with it: 0.3 s

        if catalog is None:
            # Where no image can be used, files may still be restored. Whoever needs images hears of it.
            with suppress(CatalogError):
                catalog = self.catalog
        labels = () if catalog is None else catalog.classes
        return SetImages.of(
            catalog,
            self._hashes or self.index.hashes(),
            root=self.root,
            state=self.state,
            appeared=self.identity.appeared(labels),
        )

    def _histories(self) -> Mapping[str, History]:
        from cleaner.review.database import histories  # SQLAlchemy: 0.3 s

        if self._store_url is not None:  # colleagues meet there by the name
            return {}
        return {
            key: History(
                decisions=number,
                share=sum(exists(self.root / name) for name in names) / max(1, len(names)),
                names=tuple(names),
            )
            for key, (number, names) in histories(self.state / "review.db").items()
        }

    @property
    def trash(self) -> Trash:
        """Moves files as the decisions say, and brings them back."""
        from cleaner.review.files.trash import Trash

        return Trash(
            self.root,
            self.state,
            self.store,
            catalog=self._get_catalog,
            refresh=self.refresh,
            labels=self.labels,
        )

    @staticmethod
    def recent() -> list[RecentSet]:
        """Return the data sets that this user opened lately, the last one first."""
        return recent()

    def csv_writer(
        self,
        *,
        on_notice: Callable[[CsvNotice], None] | None = None,
        delay_s: float = 1.0,
        colleagues: Callable[[], int] = lambda: 0,
    ) -> CleanedCsv:
        """Keep ``cleaned.csv`` in step with the decisions until the writer is closed."""
        from cleaner.review.output.cleaned_csv import CleanedCsv

        return CleanedCsv(
            self.result,
            self.store,
            catalog=self._get_catalog,
            state=self.state,
            on_notice=on_notice,
            delay_s=delay_s,
            colleagues=colleagues,
        )

    def cleaned(self) -> Catalog:
        """Return the catalog after all decisions."""
        from cleaner.review.labels import cleaned_catalog

        return cleaned_catalog(self.catalog, self.store.state)

    def export_as(self, format: str, to: Path | str, **options: Any) -> Exported:
        """Write the set after all decisions in the format of another tool, into a new folder.

        A set that was imported from that format gets back what it came from, with the decisions in it.

        Parameters
        ----------
        format : str
            A name of `cleaner.dataset.formats.registry.FORMATS`, such as "coco".
        to : Path or str
            The new folder, outside the data set.
        **options
            What `cleaner.dataset.formats.transfer.export_set` takes besides, such as ``link``.

        Raises
        ------
        CatalogError
            The format cannot be written, or the folder cannot be used.
        """
        from cleaner.pipelines.foreign import export_as

        return export_as(self, self.store.state, format, to, **options)

    def embed(self, **options: Any) -> EmbedReport:
        """Compute the features of all images ahead, for `rank` and the page; goes on where it was stopped.

        Parameters
        ----------
        **options
            What `cleaner.pipelines.embed.embed_dataset` takes, such as ``reporter``, or
            ``engine=ray_engine("auto")`` for a Ray cluster.
        """
        self.network.require()
        from cleaner.pipelines.embed import embed_dataset

        return embed_dataset(self, self.network, **options)

    def rank(self, **options: Any) -> Ranking:
        """Find the suspicious images, most suspicious first, and save the ranking; takes minutes at first.

        Parameters
        ----------
        **options
            What `cleaner.pipelines.rank.prepare` takes, such as ``reporter`` or ``second=False``.
        """
        self.network.require()
        from cleaner.pipelines.rank import prepare

        return self._own(prepare(self, self.store.state, self.network, **options))

    def ranking(self) -> Ranking | None:
        """Return the ranking saved last, of those images that it still fits, under their present names.

        None if there is none; needs no torch.
        """
        folder = self.ranking_folder
        return self._ranking_in(folder) if folder.is_dir() else None

    def preliminary_ranking(self) -> Ranking | None:
        """Return the ranking of the images embedded so far, likewise; None once there is one of all."""
        folder = self.preliminary_folder
        return self._ranking_in(folder) if (folder / "ranking.npz").is_file() else None

    def _ranking_in(self, folder: Path) -> Ranking | None:
        from cleaner.dataset.contents import noted_contents
        from cleaner.ranking import SetRanking, load_ranking
        from cleaner.ranking.following import follow
        from cleaner.review.labels import PresentLabels

        saved, state = load_ranking(folder), self.store.state
        if (saved.sets if isinstance(saved, SetRanking) else None) != self.catalog.label_sets:
            return None  # what is one label now were several when it was made, or the other way round
        present = PresentLabels.of(self.catalog, state)
        followed = follow(
            saved,
            state.names_now(noted_contents(folder, saved.names)),
            Named(present.names, present.given, self.catalog.places),
            partial(state.label_now, since_seq=saved.named_at),
            is_decided=state.is_decided,
        )
        if followed is None:
            return None
        if followed.names == present.names:  # one list in memory is enough
            followed.names, followed.places = present.names, self.catalog.places
        return self._own(followed)

    def worth(self, **options: Any) -> Worth:
        """Estimate what cleaning has brought so far, and what the next 200 images are expected to bring.

        Parameters
        ----------
        **options
            What `cleaner.pipelines.worth.worth` takes, such as ``reporter``.
        """
        self.network.require()
        from cleaner.pipelines.worth import worth

        return worth(self, self.store.state, self.network, **options)

    def image_map(self, **options: Any) -> ImageMap:
        """Place each image as a point, those that look alike close together; needs the extra ``map``.

        Parameters
        ----------
        **options
            What `cleaner.pipelines.image_map.make_map` takes, such as ``reporter``.
        """
        from cleaner.pipelines.image_map import make_map

        return make_map(self, self.network, **options)

    def options(self) -> dict[str, Any]:
        """Return what makes the same workspace in another process, fit for JSON: ``Workspace(**options)``.

        The password of a database is not in it, for it is written into the folders of background jobs: the
        processes that this one starts find it in their environment, ``PGPASSWORD``.
        """
        return super().options() | {
            "store": self._told_store or None,
            "reviewer": self.reviewer,
            "backbone": self.backbone,
            "weights": None if self.weights is None else str(self.weights),
            "from_scratch": self.from_scratch,
        }

    def close(self) -> None:
        """Close the databases; a closed workspace opens them again when used."""
        with self._lock:
            if self._store is not None:
                images = self._store.state.images
                if images is not None:
                    self._note_history(images)
                self._store.close()
            self._store = None
            super().close()

    def _get_catalog(self) -> Catalog:
        return self.catalog

    def _own(self, ranking: Ranking) -> Ranking:
        _MADE_BY[ranking] = self
        return ranking

"""A data set and everything that is remembered about it: the one object that ties the rooms together."""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from contextlib import nullcontext
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import pandas as pd

from cleaner.dataset.catalog import Catalog
from cleaner.dataset.file_index import FileIndex
from cleaner.dataset.folders import STATE_FOLDER
from cleaner.dataset.opening import leave_out_broken, with_splits
from cleaner.dataset.state_folder import RecentSet, find_root, login, place_state, recent, remember
from cleaner.errors import Cancelled, CatalogError
from cleaner.images.thumbnails import ThumbnailCache
from cleaner.util.progress import SILENT, Reporter

if TYPE_CHECKING:
    from cleaner.ranking import Ranking
    from cleaner.review.store import ReviewStore

__all__ = ["Workspace"]

logger = logging.getLogger(__name__)

_HASH_AT_ONCE_BYTES = 10**9
_HASH_AT_ONCE_S = 10.0


class Workspace:
    """A data set's root and its state: catalog, decisions, caches, models.

    Opening reads; it writes nothing below the root but the folder ``.cleaner``. What is there is found again.

    While less than 1 GB of pictures is new, asking for the `catalog` reads them, to know their content and
    with it their split, for ten seconds at most. Beyond that the split of new pictures is "pending" until
    `scan` has read them, which is for a background job.

    Parameters
    ----------
    root : Path
        The folder of the pictures, or a CSV file, whose folder is then the root.
    labels : Path, optional
        A CSV file with ``name,label[,split]``; without one, folders give the labels.
    state : Path, optional
        Where to keep the state. Default: ``.cleaner`` in the root; where that is read-only or on a network
        drive, a folder of the user.
    store : str, optional
        SQLAlchemy URL of the database of decisions. Default: an SQLite file in the state.
    reviewer : str, optional
        Who decides. Default: ``CLEANER_REVIEWER``, JupyterHub's user, or the login name.
    backbone : str, optional
        Network for features: a torchvision name or ``timm/NAME``.
    weights : Path, optional
        Its pretrained weights.
    from_scratch : bool
        Use no pretrained weights, and ask for none.
    valid_pct : float
        Share of validation images in each class, where no validation set is given.
    seed : int
        Of the split and of everything random.
    group : str, optional
        Column of the CSV file whose values (patients, specimens) are never divided between splits.
    follow_links : bool
        Follow links that lead out of the root.
    hidden : bool
        List hidden files, too.
    dataset : str, optional
        The data set's key in the store. Default: the root's name, with the CSV file's name if there is one.
        Sets of one name that share a database need keys of their own.

    Attributes
    ----------
    root : Path
        The folder, resolved.
    labels : Path or None
        The CSV file.
    name : str
        The data set's key in the store.
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
        follow_links: bool = False,
        hidden: bool = False,
        dataset: str | None = None,
    ) -> None:
        self.root, self.labels = find_root(Path(root), None if labels is None else Path(labels))
        if group is not None and self.labels is None:
            msg = f"Got group={group!r} without a CSV file; groups are a column of one. Give it with labels=."
            raise CatalogError(msg)
        folder = self.root.name or "root"
        self.name = dataset or (f"{folder}/{self.labels.name}" if self.labels else folder)
        self.reviewer = reviewer or login()
        self.backbone = backbone
        self.weights = None if weights is None else Path(weights).expanduser().resolve()
        self.from_scratch = from_scratch
        self.valid_pct = valid_pct
        self.seed = seed
        self.group = group
        self.follow_links = follow_links
        self.hidden = hidden
        self._dataset = dataset
        self._asked_state = None if state is None else Path(state).expanduser().resolve()
        self._store_url = store
        self._lock = threading.RLock()
        self._refreshing = threading.RLock()
        self._notices: list[str] = []
        self._state: Path | None = None
        self._catalog: Catalog | None = None
        self._index: FileIndex | None = None
        self._thumbnails: ThumbnailCache | None = None
        self._store: ReviewStore | None = None

    def __repr__(self) -> str:
        return f"<Workspace {self.name!r} in {self.root}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def state(self) -> Path:
        """The state folder; chosen and made when first asked for."""
        with self._lock:
            if self._state is None:
                try:
                    self._state, notices = place_state(
                        self.root, state=self._asked_state, shared_store=self._store_url is not None
                    )
                except OSError as exc:
                    msg = (
                        f"Cannot keep the state of {self.root}: {exc.filename or self._asked_state}: "
                        f"{exc.strerror}. Name a folder that can be written to with --state."
                    )
                    raise CatalogError(msg) from exc
                self._notices += notices
            return self._state

    @property
    def notices(self) -> list[str]:
        """Sentences for the user on what is unusual here, such as a root that is read-only."""
        self.state  # noqa: B018 - choosing it is what there may be to say something about
        return list(self._notices)

    @property
    def index(self) -> FileIndex:
        """What is remembered of each file."""
        with self._lock:
            if self._index is None:
                self._index = FileIndex(self.state / "index.db")
            return self._index

    @property
    def thumbnails(self) -> ThumbnailCache:
        """Thumbnails, kept in the state."""
        with self._lock:
            if self._thumbnails is None:
                self._thumbnails = ThumbnailCache(self.state / "thumbnails")
            return self._thumbnails

    @property
    def store_url(self) -> str:
        """SQLAlchemy URL of the decisions."""
        return self._store_url or f"sqlite:///{(self.state / 'review.db').as_posix()}"

    @property
    def store(self) -> ReviewStore:
        """The decisions; opened when first asked for."""
        with self._lock:
            if self._store is None:
                from cleaner.review.store import ReviewStore

                self._store = ReviewStore(
                    self.store_url,
                    dataset=self.name,
                    reviewer=self.reviewer,
                    given_of=lambda name: self.catalog.label_of(name),
                )
            return self._store

    @property
    def catalog(self) -> Catalog:
        """The images with labels as given and with their splits; files that are not usable are left out."""
        with self._refreshing if self._catalog is None else nullcontext():
            return self.refresh() if self._catalog is None else self._catalog

    @property
    def cleaned_csv(self) -> Path:
        """Where the result goes: ``cleaned.csv`` in the root, or in the state if the root is read-only.

        Never the file that the labels came from: after ``cleaned.csv`` comes ``cleaned-2.csv``.
        """
        folder = self.root if os.access(self.root, os.W_OK) else self.state
        path = folder / "cleaned.csv"
        if self.labels is not None and self.labels.parent == folder:
            number = re.fullmatch(r"cleaned(?:-(\d+))?\.csv", self.labels.name)
            if number:
                path = folder / f"cleaned-{int(number[1] or 1) + 1}.csv"
        return path

    @property
    def ranking_folder(self) -> Path:
        """Where the last ranking is saved."""
        return self.state / "ranking"

    @staticmethod
    def recent() -> list[RecentSet]:
        """Return the data sets that this user opened lately, the last one first."""
        return recent()

    def refresh(self) -> Catalog:
        """Look at the folder or CSV file again and return the new catalog; until then the old one serves."""
        with self._refreshing:
            listed = self._listed()
            stale = self.index.stale(self.root, listed.names)
            if stale.size_bytes < _HASH_AT_ONCE_BYTES:
                try:
                    self.index.scan(self.root, stale.names, reporter=_Deadline(_HASH_AT_ONCE_S))
                except Cancelled:
                    logger.info(
                        "Reading the new files of %s takes long; their splits are pending.", self.root
                    )
            usable = leave_out_broken(listed, self.index)
            self._catalog = with_splits(
                usable, self.index, earlier=self.cleaned_csv, valid_pct=self.valid_pct, seed=self.seed
            )
            usual = self._asked_state in (None, self.root / STATE_FOLDER)
            remember(self.root, self.labels, None if usual else self._asked_state, len(self._catalog))
            return self._catalog

    def scan(self, *, reporter: Reporter = SILENT, decode: bool = False) -> Catalog:
        """Read all new files, however many; returns the catalog, in which no split is pending any more.

        Parameters
        ----------
        reporter : Reporter
            Hears about progress.
        decode : bool
            Decode pictures whole, which also finds those that end early, and makes remarks on odd ones.

        Raises
        ------
        Cancelled
            The reporter asked to stop; what was read is remembered.
        """
        self.index.scan(self.root, self._listed().names, reporter=reporter, decode=decode)
        return self.refresh()

    def remarks(self) -> pd.DataFrame:
        """Return what is odd about usable files: columns ``name``, ``remark``; see `scan` with ``decode``."""
        seen = self.index.table()
        odd = seen[seen["notes"].notna() & seen["name"].isin(self.catalog.names)]
        remarks = odd[["name", "notes"]].rename(columns={"notes": "remark"})
        return remarks.assign(remark=remarks["remark"].str.split("\n")).explode("remark", ignore_index=True)

    def cleaned(self) -> Catalog:
        """Return the catalog after all decisions."""
        from cleaner.review.output.cleaned_csv import cleaned_table

        before = self.catalog
        return Catalog(
            cleaned_table(before, self.store.state),
            root=before.root,
            left_out=before.left_out,
            group_column=before.group_column,
            follow_links=before.follow_links,
        )

    def rank(self, **options: Any) -> Ranking:
        """Find the suspicious images, most suspicious first, and save the ranking; takes minutes at first.

        Parameters
        ----------
        **options
            What `cleaner.pipelines.prepare` takes, such as ``reporter``.
        """
        from cleaner.models.reach import require_weights

        require_weights(self.backbone, weights=self.weights, from_scratch=self.from_scratch)
        from cleaner.pipelines import prepare

        ranking = prepare(self, **options)
        ranking.workspace = self
        return ranking

    def ranking(self) -> Ranking | None:
        """Return the ranking saved last, None if there is none; needs no torch."""
        if not self.ranking_folder.is_dir():
            return None
        from cleaner.ranking import Ranking

        ranking = Ranking.load(self.ranking_folder)
        ranking.workspace = self
        return ranking

    def options(self) -> dict[str, Any]:
        """Return what makes the same workspace in another process, fit for JSON: ``Workspace(**options)``."""
        return {
            "root": str(self.root),
            "labels": None if self.labels is None else str(self.labels),
            "state": str(self.state),
            "store": self._store_url,
            "reviewer": self.reviewer,
            "backbone": self.backbone,
            "weights": None if self.weights is None else str(self.weights),
            "from_scratch": self.from_scratch,
            "valid_pct": self.valid_pct,
            "seed": self.seed,
            "group": self.group,
            "follow_links": self.follow_links,
            "hidden": self.hidden,
            "dataset": self._dataset,
        }

    def close(self) -> None:
        """Close the databases; a closed workspace opens them again when used."""
        with self._lock:
            if self._store is not None:
                self._store.close()
            if self._index is not None:
                self._index.close()
            self._store = self._index = None

    def _listed(self) -> Catalog:
        if self.labels is None:
            return Catalog.from_folder(
                self.root, hidden=self.hidden, follow_links=self.follow_links, exclude=self._asked_state
            )
        return Catalog.from_csv(
            self.labels, root=self.root, group_column=self.group, follow_links=self.follow_links
        )


class _Deadline(Reporter):
    """Stops a scan that takes longer than somebody who opens a page should wait."""

    def __init__(self, limit_s: float) -> None:
        self._end_s = time.monotonic() + limit_s

    def should_stop(self) -> bool:
        return time.monotonic() > self._end_s

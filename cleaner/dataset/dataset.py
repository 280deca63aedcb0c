"""A data set on disk: its folder, its catalog, and the state folder that remembers things about its files."""

import logging
import os
import shutil
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import pandas as pd

from cleaner.advice import Advice
from cleaner.dataset.catalog import Catalog
from cleaner.dataset.catalog_memory import CatalogMemory
from cleaner.dataset.class_findings import class_findings
from cleaner.dataset.file_index import FileIndex, file_hash
from cleaner.dataset.findings import Finding
from cleaner.dataset.fingerprint import fingerprint
from cleaner.dataset.folders import home_of, own_state
from cleaner.dataset.formats.memory import ImportMemory
from cleaner.dataset.hashes import Hashes
from cleaner.dataset.identity import History, Identity
from cleaner.dataset.layout import Layout
from cleaner.dataset.layout_guess import Guess, guess_layout
from cleaner.dataset.layout_memory import AUTO, LayoutMemory
from cleaner.dataset.results import ResultFile
from cleaner.dataset.splits import HELD_OUT, PENDING, assign, divided_groups
from cleaner.dataset.state_folder import find_root, has_state, place_state
from cleaner.dataset.tables.beside import is_own, tables_above
from cleaner.dataset.tables.options import RememberedOptions, TableOptions
from cleaner.dataset.user import remember
from cleaner.errors import Cancelled, CatalogError
from cleaner.images.archives import is_archive, keep_listings, state_of
from cleaner.images.thumbnails import ThumbnailCache
from cleaner.util.progress import SILENT, Reporter
from cleaner.util.wording import count, listed
from cleaner.version import __version__

logger = logging.getLogger(__name__)

_HASH_AT_ONCE_BYTES = 10**9
_HASH_AT_ONCE_S = 10.0
_LARGE_INDEX_BYTES = 4_000_000  # some 20,000 images, whose catalog takes half a second to make


class Dataset:
    """The images below a root, and what is remembered of their files.

    Opening reads; it writes nothing below the root but the folder ``.cleaner``. What is there is found again.

    While less than 1 GB of images is new, asking for the `catalog` reads them, to know their content and
    with it their split, for ten seconds at most. Beyond that the split of new images is "pending" until
    `scan` has read them, which is for a background job.

    Parameters
    ----------
    root : Path
        The folder of the images, a zip or tar archive of them, which is read in place, or a CSV file, whose
        folder is then the root. ``shards-{000..003}.tar`` are several archives.
    labels : Path, optional
        A CSV file with ``name,label[,split]``; without one, folders give the labels.
    state : Path, optional
        Where to keep the state. Default: ``.cleaner`` in the root, or beside an archive ``NAME.zip.cleaner``;
        where that is read-only or on a network drive, a folder of the user.
    shared_store : bool
        The decisions are kept elsewhere, so that a state folder on a network drive is good enough.
    valid_pct : float
        Share of validation images in each class, where no validation set is given.
    seed : int
        Of the split and of everything random.
    group : str, optional
        Column of the CSV file whose values (patients, specimens) are never divided between splits.
    name_column, label_column, split_column, delimiter, encoding, label_separator : str, optional
        How to read the CSV file: see `cleaner.dataset.tables.options.TableOptions`. Default: as it was told
        last, which the state remembers; an empty text: guess again.
    layout : str, optional
        What the folders mean, from the outermost one on: "class", "split/class", "class/split" or with ``*``
        for folders that say nothing. It is remembered in the state; "auto" forgets it, and guesses anew.
        Default: as remembered or, in a new set, guessed.
    follow_links : bool
        Follow links that lead out of the root.
    hidden : bool
        List hidden files, too.
    dataset : str, optional
        The data set's key in the database of decisions, remembered in the state folder. Default: the one that
        is remembered there, else the root's name, with the CSV file's name if there is one.

    Attributes
    ----------
    root : Path
        The folder or archive, resolved.
    labels : Path or None
        The CSV file.

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
        shared_store: bool = False,
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
        self.root, self.labels = find_root(Path(root), None if labels is None else Path(labels))
        self._table_told = {
            "name_column": name_column,
            "label_column": label_column,
            "split_column": split_column,
            "delimiter": delimiter,
            "encoding": encoding,
            "label_separator": label_separator,
        }
        TableOptions.of(self._table_told)  # refuses what cannot be
        told_too = {name: value for name, value in self._table_told.items() if value}
        if self.labels is None and _may_hold_samples(self.root):
            told_too.pop("label_column", None)  # it is the file or field of a sample
        if self.labels is None and told_too:
            told = ", ".join(f"{name}={value!r}" for name, value in told_too.items())
            raise CatalogError(f"Got {told} without a CSV file. Give it with labels=.")
        if group is not None and self.labels is None:
            msg = f"Got group={group!r} without a CSV file; groups are a column of one. Give it with labels=."
            raise CatalogError(msg)
        if layout is not None and self.labels is not None:
            table = self.labels.name
            msg = f"Got layout={layout!r} with the table {table}, which gives the labels. Leave one out."
            raise CatalogError(msg)
        self.valid_pct = valid_pct
        self.seed = seed
        self.group = group
        self._layout = layout
        self._read_anew = self._forgot = False  # the labels are others; a named layout is no more
        self.follow_links = follow_links
        self.hidden = hidden
        self._asked_key = dataset
        self._asked_state = None if state is None else Path(state).expanduser().resolve()
        self._shared_store = shared_store
        self._lock = threading.RLock()
        self._refreshing = threading.RLock()
        self._notices: list[str] = []
        self._state: Path | None = None
        self._identity: Identity | None = None
        self._catalog: Catalog | None = None
        self._hashes: Hashes | None = None  # as the index had them when the catalog was made
        self._index: FileIndex | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {(self.labels or self.root).name!r} in {self.root}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    @property
    def state(self) -> Path:
        """The state folder; chosen and made when first asked for."""
        with self._lock:
            if self._state is None:
                try:
                    self._state, notices = place_state(
                        self.root, state=self._asked_state, shared_store=self._shared_store
                    )
                except OSError as exc:
                    raise CatalogError(
                        Advice(
                            f"Cannot keep the state of {self.root}: {exc.filename or self._asked_state}: "
                            f"{exc.strerror}.",
                            "Name a folder that can be written to with --state.",
                            "Start cleaner again with a folder that can be written to (--state FOLDER).",
                        )
                    ) from exc
                self._notices += notices
                keep_listings(self.root, self._state / "archives")
            return self._state

    @property
    def identity(self) -> Identity:
        """Which set this is, whatever its folder is called now."""
        with self._lock:
            if self._identity is None:
                self._identity = Identity(
                    self.state, self.root, self.labels, asked=self._asked_key, earlier=self._histories
                )
            return self._identity

    @property
    def name(self) -> str:
        """The data set's key in the database of decisions."""
        return self.identity.key

    @property
    def title(self) -> str:
        """What the data set is called for people: its folder's present name, with the table's if any."""
        folder = self.root.name or "root"
        return folder if self.labels is None else f"{folder}/{self.labels.name}"

    def _histories(self) -> Mapping[str, History]:
        """Return the histories that the state folder's database holds, by key; here none is known."""
        return {}

    @property
    def notices(self) -> list[str]:
        """Sentences for the user on what is unusual here: a read-only root, a set that was found again."""
        found = self.identity.notices  # first: it asks for the state
        return [*self._notices, *found]

    @property
    def index(self) -> FileIndex:
        """What is remembered of each file."""
        with self._lock:
            if self._index is None:
                self._index = FileIndex(self.state / "index.db")
            return self._index

    @cached_property
    def thumbnails(self) -> ThumbnailCache:
        """Thumbnails, kept in the state."""
        return ThumbnailCache(self.state / "thumbnails")

    @property
    def catalog(self) -> Catalog:
        """The images with labels as given and with their splits; files that are not usable are left out."""
        with self._refreshing if self._catalog is None else nullcontext():
            return self.refresh() if self._catalog is None else self._catalog

    @property
    def cleaned_csv(self) -> Path:
        """Where the result goes: ``cleaned.csv`` in the root, or in the state if the root is read-only.

        That of an archive is beside it, ``photos.zip.cleaned.csv``.

        Each table of a folder has its own, and none is the file that the labels came from: see `result`.
        """
        return self.result.path

    @property
    def result(self) -> ResultFile:
        """Which file the result goes to, and what others are named after it."""
        home = home_of(self.root)
        folder = home if os.access(home, os.W_OK) else self.state
        return ResultFile(folder, self.state, owner=self.name, root=self.root, labels=self.labels)

    @property
    def table_options(self) -> TableOptions:
        """How the CSV file or the samples are read: as told now or earlier; the rest is guessed."""
        earlier = TableOptions()
        if has_state(self.root, self._asked_state):
            earlier = RememberedOptions(self.state, self.labels or self.root).load()
        return earlier.but(self._table_told)

    @property
    def ranking_folder(self) -> Path:
        """Where the last ranking is saved; sets that share a state folder have one each."""
        result = self.result
        return self.state / ("ranking" if result.first else f"ranking-{result.path.stem}")

    @property
    def preliminary_folder(self) -> Path:
        """Where a ranking of some of the images is saved, until there is one of all."""
        return self.state / self.ranking_folder.name.replace("ranking", "preliminary", 1)

    def refresh(self) -> Catalog:
        """Look at the folder or CSV file again and return the new catalog; until then the old one serves."""
        with self._refreshing:
            files = self._files()
            if files is None:
                return self._taken_over(self.listed())
            memory = CatalogMemory(self.state)
            recalled = memory.recall(files | self._told(), self.root)
            if recalled is None:
                catalog = self._taken_over(self.listed())
                self._hashes = memory.write(files | self._told(), catalog, self.index)
                return catalog
            self._read_anew = False
            self._hashes = recalled.hashes
            return self._opened(recalled.catalog)

    def _files(self) -> dict[str, Any] | None:
        """Return what shows whether files or the table have changed; None where nothing is remembered."""
        if self._layout is not None or not has_state(self.root, self._asked_state):
            return None
        db = self.state / "index.db"
        if not db.exists() or db.stat().st_size < _LARGE_INDEX_BYTES:
            return None
        found = fingerprint(self.root, hidden=self.hidden, exclude=self._asked_state, own=is_own)
        if found is None:
            return None
        if self.labels is not None:
            imported = [each.key for each in ImportMemory(self.state, self.labels).findings()]
            return {"files": found.hex(), "table": file_hash(self.labels), "imported": imported}
        above = [path for path in tables_above(self.root) if not is_own(path.name)]
        try:
            return {"files": found.hex(), "above": [[path.name, *state_of(path)] for path in above]}
        except OSError:  # one of them is just going
            return None

    def _told(self) -> dict[str, Any]:
        """Return what else the catalog depends on."""
        return {
            "versions": [__version__, pd.__version__],  # which say how columns of texts are held
            "options": Dataset.options(self),
            "layout": file_hash(self.state / "layout.json"),
            "index": self.index.stamp(),
        }

    def _taken_over(self, listed: Catalog) -> Catalog:
        """Make the new catalog of what was just listed."""
        with self._refreshing:
            memory, options = RememberedOptions(self.state, self.labels or self.root), self.table_options
            label_column_before = memory.load().label_column
            memory.save(options)
            self._hashes = None
            if listed.layout is None:  # labels are of a table, or of samples
                self._read_anew = self._forgot or label_column_before != options.label_column
                self._forgot = False
            if self._read_anew:
                self.identity.read_anew(listed.classes)
            stale = self.index.stale(self.root, listed.names)
            if stale.size_bytes < _HASH_AT_ONCE_BYTES:
                try:
                    self.index.scan(self.root, stale.names, reporter=_Deadline(_HASH_AT_ONCE_S))
                except Cancelled:
                    logger.info(
                        "Reading the new files of %s takes long; their splits are pending.", self.root
                    )
            usable = _leave_out_broken(listed, self.index)
            _refuse_divided(usable)
            divided = _with_splits(
                usable, self.index, earlier=self.cleaned_csv, valid_pct=self.valid_pct, seed=self.seed
            )
            imported = [] if self.labels is None else ImportMemory(self.state, self.labels).findings()
            return self._opened(
                divided.with_findings(
                    [*imported, *class_findings(divided.summary()["classes"]), *_divided_later(divided)]
                )
            )

    def _opened(self, catalog: Catalog) -> Catalog:
        """Let a catalog serve from now on."""
        self._catalog = catalog
        usual = self._asked_state in (None, own_state(self.root))
        remember(self.root, self.labels, None if usual else self._asked_state, len(catalog))
        return catalog

    def scan(self, *, reporter: Reporter = SILENT, decode: bool = False) -> Catalog:
        """Read all new files, however many; returns the catalog, in which no split is pending any more.

        Parameters
        ----------
        reporter : Reporter
            Hears about progress.
        decode : bool
            Decode images whole, which also finds those that end early, and makes remarks on odd ones.

        Raises
        ------
        Cancelled
            The reporter asked to stop; what was read is remembered.
        """
        listed = self.listed()
        self.index.scan(self.root, listed.names, reporter=reporter, decode=decode)
        return self._taken_over(listed)

    def remarks(self) -> pd.DataFrame:
        """Return what is odd about usable files: columns ``name``, ``remark``; see `scan` with ``decode``."""
        seen = self.index.table()
        odd = seen[seen["notes"].notna() & seen["name"].isin(self.catalog.names)]
        remarks = odd[["name", "notes"]].rename(columns={"notes": "remark"})
        return remarks.assign(remark=remarks["remark"].str.split("\n")).explode("remark", ignore_index=True)

    def options(self) -> dict[str, Any]:
        """Return what makes the same data set in another process, fit for JSON."""
        return {
            "root": str(self.root),
            "labels": None if self.labels is None else str(self.labels),
            "state": str(self.state),
            "valid_pct": self.valid_pct,
            "seed": self.seed,
            "group": self.group,
            **asdict(self.table_options),
            "follow_links": self.follow_links,
            "hidden": self.hidden,
            "dataset": self.name,
        }

    def close(self) -> None:
        """Close the database of files; a closed data set opens it again when used."""
        with self._lock:
            if self._index is not None:
                self._index.close()
            self._index = None

    def listed(self) -> Catalog:
        """List the images that the folders or the table name, with those that cannot be used."""
        if self.labels is None:
            named = self._layout not in (None, AUTO)
            if self._layout is None and has_state(self.root, self._asked_state):
                named = LayoutMemory(self.state).is_named()
            catalog = Catalog.from_folder(
                self.root,
                hidden=self.hidden,
                follow_links=self.follow_links,
                exclude=self._asked_state,
                choose=self._choose_layout,
                label_column=self.table_options.label_column or None,
                by_folders=named,
            )
            if catalog.layout is None and self._layout == AUTO:
                self._layout = None  # asked once
                self._forgot = LayoutMemory(self.state).forget()
                if self._forgot:
                    self._drop_ranking()
            return catalog
        return Catalog.from_csv(
            self.labels,
            root=self.root,
            **self.table_options.told(),
            group_column=self.group,
            follow_links=self.follow_links,
            hidden=self.hidden,
            exclude=self._asked_state,
        )

    def _choose_layout(self, names: Sequence[str]) -> Guess:
        """Read the folders as they were read before, as asked for, or else as guessed; and remember it."""
        memory = LayoutMemory(self.state)
        asked, self._layout = self._layout, None  # asked once: from here on it is remembered
        if asked == AUTO:
            guess = guess_layout(names)
        elif asked is not None:
            guess = Guess(Layout.of_pattern(asked, names))
        else:
            known = self.index.names().intersection(names)
            reviewed = self._shared_store or (self.state / "review.db").exists()
            guess = memory.settle(names, known, reviewed=reviewed)
        self._read_anew = memory.write(guess.layout) and asked is not None
        if self._read_anew:
            self._drop_ranking()
        return guess

    def _drop_ranking(self) -> None:
        """Remove the last ranking, which judges labels that are no more."""
        for folder in (self.ranking_folder, self.preliminary_folder):
            shutil.rmtree(folder, ignore_errors=True)


def _may_hold_samples(root: Path) -> bool:
    return is_archive(root) or any(root.glob("*.tar"))


class _Deadline(Reporter):
    """Stops a scan that takes longer than somebody who opens a page should wait."""

    def __init__(self, limit_s: float) -> None:
        self._end_s = time.monotonic() + limit_s

    def should_stop(self) -> bool:
        return time.monotonic() > self._end_s


def _leave_out_broken(listed: Catalog, index: FileIndex) -> Catalog:
    """Leave out the files that cannot be used, as far as the index knows.

    Raises
    ------
    CatalogError
        None can be used.
    """
    known = index.problems()
    problems = {name: known[name] for name in known.keys() & set(listed.names)} if known else {}
    usable = listed.leave_out(problems)
    if not len(usable):
        name, problem = next(iter(problems.items()))
        what = "The only image" if len(listed) == 1 else f"None of the {len(listed):,} images"
        cannot = "cannot" if len(listed) == 1 else "can"
        msg = f"{what} in {listed.root} {cannot} be used; {name}: {problem}."
        raise CatalogError(msg)
    return usable


def _refuse_divided(catalog: Catalog) -> None:
    """Refuse groups that the table itself divides between splits.

    Raises
    ------
    CatalogError
        It divides some.
    """
    groups = divided_groups(catalog.groups, catalog.splits) if catalog.groups is not None else {}
    if groups:
        first, splits = min(groups.items())
        more = f", and {count(len(groups) - 1, 'other value')} likewise" if len(groups) > 1 else ""
        raise CatalogError(
            Advice(
                f"Images of one {catalog.group_column!r} are to stay in one split, but the table puts those "
                f"of {first!r} into {listed(splits)}{more}.",
                "Correct the column of splits, leave it out (--split-column -), or do not group.",
                "Correct the column of splits in the table, or start cleaner again without --group.",
            )
        )


def _divided_later(catalog: Catalog) -> Iterator[Finding]:
    """Name groups that are in two splits because these were drawn before anybody asked for groups."""
    groups = divided_groups(catalog.groups, catalog.splits) if catalog.groups is not None else {}
    if groups:
        yield Finding(
            topic="groups_divided",
            text=Advice(
                f"Images of one {catalog.group_column!r} are in more than one split for "
                f"{count(len(groups), 'value')}: these splits were drawn before, and no image changes its "
                "split.",
                "To draw them anew, give another state folder with --state.",
                "To draw them anew, start cleaner again with another state folder (--state FOLDER).",
            ),
            doubtful=True,
            examples=tuple(sorted(groups)),
        )


def _with_splits(
    catalog: Catalog, index: FileIndex, *, earlier: Path, valid_pct: float, seed: int
) -> Catalog:
    """Give every image its split: as remembered, given, or drawn; "pending" before its content is known.

    Parameters
    ----------
    catalog : Catalog
        The usable images, with the splits that folders or a column give.
    index : FileIndex
        Knows contents and earlier splits, and remembers new ones.
    earlier : Path
        The result of earlier work (``cleaned.csv``): source of splits if the index has none. Need not exist.
    valid_pct : float
        Share of validation images in each class.
    seed : int
        Of the draw.
    """
    given = dict(zip(catalog.names, catalog.splits, strict=True))
    known = _known(catalog, index, given, earlier)
    settled = {name: split for name, split in given.items() if split in HELD_OUT}
    splits = {name: known[name] for name in given if name in known} | settled
    if len(splits) < len(given):
        table = _to_draw(catalog, known, index.hashes())
        splits = assign(table, known, valid_pct=valid_pct, seed=seed, sets=catalog.label_sets)
    new = {name: split for name, split in splits.items() if name in given and known.get(name) != split}
    if new:
        index.set_splits(new, given=given)
        stored = index.splits()
        splits |= {name: stored[name][0] for name in new}  # another process may have been first
    return catalog.with_splits({name: splits.get(name, PENDING) for name in given})


def _to_draw(catalog: Catalog, known: Mapping[str, str], hashes: Mapping[str, str]) -> pd.DataFrame:
    """Return the table from which splits are drawn, as `assign` takes it.

    Files that are gone take part, so that one that was moved joins what it was.
    """
    there = set(catalog.names)
    gone = [name for name in known if name not in there and name in hashes]
    none = [None] * len(gone)
    groups = [None] * len(catalog) if catalog.groups is None else catalog.groups
    rows = {
        "name": [*catalog.names, *gone],
        "label": [*catalog.labels, *none],
        "split": [*catalog.splits, *none],
        "hash": [hashes.get(name) for name in (*catalog.names, *gone)],
        "group": [*groups, *none],
    }
    return pd.DataFrame(rows, dtype=object)


def _known(
    catalog: Catalog, index: FileIndex, given: Mapping[str, str | None], earlier: Path
) -> dict[str, str]:
    """Return the splits drawn earlier, as far as what is given for the file is what it was then."""
    remembered = index.splits()
    if remembered or not earlier.is_file():
        return {
            name: split
            for name, (split, was_given) in remembered.items()
            if name not in given or given[name] == was_given
        }
    try:  # the state is lost, the result of earlier work is not
        result = Catalog.from_csv(earlier, root=catalog.root, follow_links=catalog.follow_links)
    except CatalogError as exc:
        logger.warning("Cannot take the earlier splits from %s: %s", earlier, exc)
        return {}
    found = {
        name: split
        for name, split in zip(result.names, result.splits, strict=True)
        if split is not None and given.get(name) not in HELD_OUT
    }
    index.set_splits(found, given=given)
    return found

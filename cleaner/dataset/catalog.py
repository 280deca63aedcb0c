"""The table of images: name, label, split, from folders, a CSV file or a DataFrame."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from copy import copy
from functools import cached_property
from operator import lt
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from cleaner.advice import Advice
from cleaner.dataset.class_findings import class_findings
from cleaner.dataset.findings import Finding
from cleaner.dataset.folders import STATE_FOLDER, Listing, list_images, name_problem, place_of
from cleaner.dataset.formats.samples import Samples, read_samples
from cleaner.dataset.label_sets import LabelForm, LabelSets, classes_of
from cleaner.dataset.layout import Layout
from cleaner.dataset.layout_guess import Guess, guess_layout, layout_findings
from cleaner.dataset.masks import Masks, mask_findings, masks_among
from cleaner.dataset.other_files import other_findings
from cleaner.dataset.tables.beside import tables_beside
from cleaner.dataset.tables.labels import read_label
from cleaner.dataset.tables.names import NameMatcher
from cleaner.dataset.tables.options import TableOptions
from cleaner.dataset.tables.reading import LabelTable, read_file, read_frame
from cleaner.dataset.tables.text import as_text
from cleaner.errors import CatalogError
from cleaner.images.archives import is_archive
from cleaner.util.natural import naturally
from cleaner.util.places import Named, Places

Objects = npt.NDArray[np.object_]
Value = TypeVar("Value")

_MANY = 5  # names in one message
_MANY_KINDS = 3


class Catalog:
    """The images of a data set with their labels and splits; a thin, unchanging layer over a DataFrame.

    Parameters
    ----------
    table : DataFrame
        Columns ``name`` (POSIX path relative to the root, each once), ``label`` (None or "": unlabelled),
        optionally ``split``, and any others, which are kept.
    root : Path, optional
        The folder to which names are relative; without one there are no files to open.
    left_out : DataFrame, optional
        Columns ``name`` and ``reason``: files that are not usable.
    group_column : str, optional
        The column that says what must never be divided between splits and folds (patient, specimen, source).
    follow_links : bool
        Let `path` return files that links lead to outside the root.
    findings : iterable of Finding
        What was inferred when the table was made, and what is odd about it.
    layout : Layout, optional
        What the folders mean that gave the labels.
    label_sets : LabelSets, optional
        How several labels of an image are joined to one; by default, each image has one.
    label_form : LabelForm, optional
        How the table writes labels, if not as one label in a column.

    Attributes
    ----------
    table : DataFrame
        Columns ``name``, ``label``, ``split``, then the others; sorted by name. Do not change it.
    left_out : DataFrame
        Columns ``name`` and ``reason``, sorted by name.
    findings : tuple of Finding
        What was inferred when the table was made, and what is odd about it; parts of a catalog keep them.
    layout : Layout or None
        What the folders mean; None if they did not give the labels.
    label_sets : LabelSets or None
        How several labels of an image are joined to one; None: each image has one.
    label_form : LabelForm or None
        How the table writes labels; None: as one label in a column.

    Raises
    ------
    CatalogError
        A column is missing, or a name stands twice.
    """

    def __init__(
        self,
        table: pd.DataFrame,
        *,
        root: Path | None = None,
        left_out: pd.DataFrame | None = None,
        group_column: str | None = None,
        follow_links: bool = False,
        findings: Iterable[Finding] = (),
        layout: Layout | None = None,
        label_sets: LabelSets | None = None,
        label_form: LabelForm | None = None,
    ) -> None:
        for column in ("name", "label"):
            if column not in table.columns:
                msg = f"A catalog needs a column {column!r}; got {', '.join(map(repr, table.columns))}."
                raise CatalogError(msg)
        table = _sorted_by_name(table)
        split = table["split"] if "split" in table.columns else [None] * len(table)
        columns: dict[str, Any] = {
            "name": _column(table["name"]),
            "label": _column(_canonical(_texts(table["label"]), label_sets)),
            "split": _column(_texts(split)),
        }
        if group_column is not None and group_column not in table.columns:
            columns_there = ", ".join(map(repr, table.columns))
            raise CatalogError(f"There is no column {group_column!r} to group by, only {columns_there}.")
        columns |= {str(column): table[column] for column in table.columns if column not in columns}
        table = pd.DataFrame(columns)
        twice = table["name"].duplicated()
        if twice.any():
            msg = f"The name {table['name'][twice].iloc[0]!r} occurs twice; expected each name once."
            raise CatalogError(msg)
        self._take(
            table,
            root=None if root is None else Path(root).resolve(),
            left_out=(_left_out([]) if left_out is None else left_out).sort_values("name", ignore_index=True),
            group_column=group_column,
            follow_links=follow_links,
            findings=findings,
            layout=layout,
            label_sets=label_sets,
            label_form=label_form,
        )

    def _take(
        self,
        table: pd.DataFrame,
        *,
        root: Path | None,
        left_out: pd.DataFrame,
        group_column: str | None,
        follow_links: bool,
        findings: Iterable[Finding],
        layout: Layout | None,
        label_sets: LabelSets | None,
        label_form: LabelForm | None,
    ) -> None:
        self.table = table
        self.root = root
        self.left_out = left_out
        self.group_column = group_column
        self.follow_links = follow_links
        self.findings = tuple(findings)
        self.layout = layout
        self.label_sets = label_sets
        self.label_form = label_form

    @classmethod
    def of_checked(cls, table: pd.DataFrame, **parts: Any) -> Catalog:
        """Return a catalog of a table that was that of one before, so that it need not be looked through.

        Parameters
        ----------
        table : DataFrame
            As in `Catalog.table`.
        **parts
            All that `Catalog` takes besides, in the form in which it has them.
        """
        made = cls.__new__(cls)
        made._take(table, **parts)
        return made

    @classmethod
    def from_folder(
        cls,
        root: Path | str,
        *,
        hidden: bool = False,
        follow_links: bool = False,
        exclude: Path | None = None,
        choose: Callable[[Sequence[str]], Guess] = guess_layout,
        label_column: str | None = None,
        by_folders: bool = False,
    ) -> Catalog:
        """Take the names of folders as labels, and as splits.

        What the folders mean is guessed from what is inside of them, see `cleaner.dataset.layout_guess`, and
        said in `findings`. Images above the folders of the classes are unlabelled, and so are those in a
        folder called ``unlabelled`` (``unlabeled``, ``_unlabelled``) beside them. Images in tar archives have
        the labels of the files beside them, if there are such (WebDataset).

        Parameters
        ----------
        root : Path
            The folder.
        hidden : bool
            List hidden files, too.
        follow_links : bool
            Follow links that lead out of the root.
        exclude : Path, optional
            A folder below the root that is not part of the set.
        choose : callable
            Returns what the folders of some names mean.
        label_column : str, optional
            What of the samples of a WebDataset is the label.
        by_folders : bool
            Folders give the labels, whatever files beside the images say.

        Raises
        ------
        CatalogError
            There is no such folder, or no image in it.
        """
        root = _folder(root)
        listing = list_images(root, hidden=hidden, follow_links=follow_links, exclude=exclude)
        masks = masks_among(root, listing.names)
        names = [name for name in listing.names if name not in masks.reasons]
        if not names:
            raise CatalogError(_no_images(root, listing))
        samples = read_samples(root, names, label_column=label_column)
        if samples is not None and not by_folders:
            return cls._of_samples(samples, root, listing, masks)
        guess = choose(names)
        labels, splits = guess.layout.read(names)
        findings = [
            *layout_findings(guess, names, labels),
            *mask_findings(masks),
            *tables_beside(root, listing.others, names, labelled=any(label is not None for label in labels)),
            *other_findings(root, listing.others, names),
            *_link_findings(listing),
            *([] if samples is None else [_UNUSED_SAMPLES]),
        ]
        return cls(
            pd.DataFrame({"name": _column(names), "label": _column(labels), "split": _column(splits)}),
            root=root,
            left_out=_left_out([*listing.left_out, *masks.reasons.items()]),
            follow_links=follow_links,
            findings=findings,
            layout=guess.layout,
        )

    @classmethod
    def _of_samples(cls, samples: Samples, root: Path, listing: Listing, masks: Masks) -> Catalog:
        used = samples.used
        others = {
            suffix: left
            for suffix, files in listing.others.items()
            if (left := [name for name in files if name not in used])
        }
        table = pd.DataFrame(samples.rows, columns=samples.columns, dtype=object)
        return cls(
            table,
            root=root,
            left_out=_left_out([*listing.left_out, *masks.reasons.items(), *samples.left_out.items()]),
            findings=[
                *samples.findings,
                *mask_findings(masks),
                *other_findings(root, others, list(table["name"])),
            ],
        )

    @classmethod
    def from_csv(
        cls,
        path: Path | str,
        *,
        root: Path | str | None = None,
        name_column: str | None = None,
        label_column: str | None = None,
        split_column: str | None = None,
        delimiter: str | None = None,
        encoding: str | None = None,
        label_separator: str | None = None,
        group_column: str | None = None,
        follow_links: bool = False,
        hidden: bool = False,
        exclude: Path | None = None,
    ) -> Catalog:
        """Read ``name,label[,split]`` from a CSV file, fast.ai's ``cleaned.csv`` included.

        What is not told is guessed: columns by their usual names (``path``, ``class``, ``is_valid``, …) and
        by what is in them, files from names without suffix or folder. `findings` says what was guessed.
        Files that are not there, and names that lead out of the root, are left out with the reason.

        Parameters
        ----------
        path : Path
            The file.
        root : Path, optional
            The folder to which names are relative; default: the folder of the file.
        name_column, label_column, split_column, delimiter, encoding, label_separator : str, optional
            See `cleaner.dataset.tables.options.TableOptions`.
        group_column : str, optional
            The column of groups.
        follow_links : bool
            Allow links that lead out of the root.
        hidden : bool
            Count hidden files, too, where files without a row are counted.
        exclude : Path, optional
            A folder below the root that is not part of the set.

        Raises
        ------
        TableError
            The table cannot be read as it is; see `cleaner.dataset.tables.reading.read_file`.
        CatalogError
            The group column is absent.
        """
        path = Path(path)
        folder = _folder(path.parent if root is None else root)
        matcher = NameMatcher.below(
            folder, table=path, hidden=hidden, follow_links=follow_links, exclude=exclude
        )
        told = {
            "name_column": name_column,
            "label_column": label_column,
            "split_column": split_column,
            "delimiter": delimiter,
            "encoding": encoding,
            "label_separator": label_separator,
        }
        read = read_file(path, matcher, TableOptions.of(told))
        return cls._of_table(read, folder, group_column=group_column, follow_links=follow_links)

    @classmethod
    def from_dataframe(
        cls,
        table: pd.DataFrame,
        *,
        root: Path | str,
        name_column: str | None = None,
        label_column: str | None = None,
        split_column: str | None = None,
        label_separator: str | None = None,
        group_column: str | None = None,
        follow_links: bool = False,
    ) -> Catalog:
        """Take the rows of a DataFrame; otherwise like `from_csv`."""
        folder = _folder(root)
        matcher = NameMatcher.below(folder, follow_links=follow_links)
        told = {
            "name_column": name_column,
            "label_column": label_column,
            "split_column": split_column,
            "label_separator": label_separator,
        }
        read = read_frame(table, matcher, TableOptions.of(told))
        return cls._of_table(read, folder, group_column=group_column, follow_links=follow_links)

    @classmethod
    def _of_table(
        cls, read: LabelTable, root: Path, *, group_column: str | None, follow_links: bool
    ) -> Catalog:
        return cls(
            read.rows,
            root=root,
            left_out=_left_out(read.left_out),
            group_column=group_column,
            follow_links=follow_links,
            findings=read.findings,
            label_sets=read.sets,
            label_form=read.form,
        )

    @property
    def classes(self) -> list[str]:
        """Classes that occur, sorted by their characters: the order of the columns of probabilities."""
        return sorted(classes_of(self._coded[1], self.label_sets))

    @cached_property
    def names(self) -> Objects:
        """Names, shape (n,)."""
        return self.table["name"].to_numpy()

    @cached_property
    def labels(self) -> Objects:
        """Labels, shape (n,); None: unlabelled."""
        return self.table["label"].to_numpy()

    @cached_property
    def splits(self) -> Objects:
        """Splits, shape (n,): "train", "valid", "test", "pending" before the content is known, or None."""
        return self.table["split"].to_numpy()

    @cached_property
    def groups(self) -> Objects | None:
        """Groups, shape (n,), as text; None for an image without one. None if the catalog has no groups."""
        if self.group_column is None:
            return None
        return _column(map(as_text, self.table[self.group_column])).to_numpy()

    def __len__(self) -> int:
        return len(self.table)

    def __repr__(self) -> str:
        left_out = f", {len(self.left_out)} left out" if len(self.left_out) else ""
        classes = f"{len(self.classes)} {'class' if len(self.classes) == 1 else 'classes'}"
        return f"<Catalog of {len(self):,} images in {classes}{left_out}>"

    def path(self, name: str, *, real_folders: dict[str, str] | None = None) -> Path:
        """Return the file of an image.

        Parameters
        ----------
        name : str
        real_folders : dict, optional
            Remembers where folders really are, when many names are asked for.

        Raises
        ------
        CatalogError
            The name leads out of the root, or the catalog has none.
        """
        if self.root is None:
            raise CatalogError(f"Cannot open {name!r}: this catalog has no root. Make it with root=.")
        path, problem = self.root / name, name_problem(name)
        if problem is None and not self.follow_links and os.path.lexists(path):
            problem = place_of(self.root, name, follow_links=False, real_folders=real_folders)
        if problem is not None:
            raise CatalogError(f"Cannot open {name!r}: {problem}.")
        return path

    def label_of(self, name: str) -> str | None:
        """Return the label of one image, None if it has none or is not in the catalog."""
        row = self.row_of(name)
        label: str | None = None if row is None else self.labels[row]
        return label

    @property
    def label_by_name(self) -> Mapping[str, str | None]:
        """The label of each image, None: unlabelled."""
        return Named(self.listed, self.labels.tolist(), self.places)

    def row_of(self, name: object) -> int | None:
        """Return the row of an image in `names`, `labels` and `splits`; None if it is not in the catalog."""
        return self.places.get(name)

    def rows_of(self, names: Iterable[str], *, missing: bool = False) -> npt.NDArray[np.int64]:
        """Return the rows of some images, as `row_of`, without those that are not in the catalog.

        Parameters
        ----------
        names : iterable of str
        missing : bool
            Leave none out: the row of what is not in the catalog is -1.
        """
        listed = list(names)
        if listed == self.listed:
            return np.arange(len(self))
        rows = self.places.find(listed)
        return rows if missing else rows[rows >= 0]

    @cached_property
    def has_label(self) -> npt.NDArray[np.bool_]:
        """Whether each image has a label, shape (n,)."""
        return self.table["label"].notna().to_numpy()

    @cached_property
    def lacks_labels(self) -> bool:
        """Whether any image has no label."""
        return not self.has_label.all()

    @cached_property
    def listed(self) -> list[str]:
        """The names as a list that everybody shares: do not change it."""
        return [*self.names.tolist()]

    @cached_property
    def places(self) -> Places:
        """Where each name stands in `names`."""
        return Places(self.listed)

    def where(self, *, split: str | Iterable[str] | None = None, label: str | None = None) -> Catalog:
        """Return the images of some splits, of one class, or both."""
        keep = np.ones(len(self), dtype=bool)
        if split is not None:
            keep &= self.table["split"].isin([split] if isinstance(split, str) else list(split)).to_numpy()
        if label is not None:
            keep &= self.of_classes({label})
        return self._with(self.table[keep])

    def of_classes(self, classes: Collection[str]) -> npt.NDArray[np.bool_]:
        """Tell which images are of one of some classes, shape (n,)."""
        sets = self.label_sets
        if sets is None:
            return self.where_label(lambda label: label in classes)
        return self.where_label(lambda label: not set(classes).isdisjoint(sets.split(label)))

    def where_label(self, is_meant: Callable[[str | None], bool]) -> npt.NDArray[np.bool_]:
        """Tell of which images the label, None where there is none, is meant, shape (n,); asked once each."""
        codes, labels = self._coded
        return np.array([*map(is_meant, labels), is_meant(None)], dtype=bool)[codes]

    def by_label(self, value: Callable[[str | None], Value]) -> list[Value]:
        """Return a value for the label, None where there is none, of each image; asked once each."""
        codes, labels = self._coded
        values = np.empty(len(labels) + 1, dtype=object)
        values[:] = [*map(value, labels), value(None)]
        return [*values[codes].tolist()]

    @property
    def unlabelled(self) -> npt.NDArray[np.bool_]:
        """Which images came without a label, shape (n,)."""
        return self._coded[0] < 0

    @cached_property
    def _coded(self) -> tuple[npt.NDArray[np.int64], list[str]]:
        """The number of each image's label, -1 where there is none, and the labels by number."""
        codes, labels = pd.factorize(self.labels)
        return codes, labels.tolist()

    def read_label(self, text: str | None) -> str | None:
        """Return the label that a text in the form of the table stands for."""
        if text is None or self.label_sets is None:
            return text
        return read_label(text, self.label_sets, self.label_form)

    def as_given(self) -> pd.DataFrame:
        """Return the table with its labels in the form in which they came."""
        return self.table if self.label_form is None else self.label_form.write(self.table, self.label_sets)

    def subset(self, names: Iterable[str]) -> Catalog:
        """Return the named images, in the catalog's order.

        Raises
        ------
        CatalogError
            A name is not in the catalog.
        """
        wanted = set(names)
        unknown = wanted.difference(self.table["name"])
        if unknown:
            some = ", ".join(map(repr, sorted(unknown)[:_MANY]))
            raise CatalogError(f"{len(unknown)} of {len(wanted)} names are not in the catalog: {some}.")
        return self._with(self.table[self.table["name"].isin(wanted)])

    def with_labels(self, labels: Mapping[str, str | None]) -> Catalog:
        """Return the catalog with other labels for some names; names that are not in it are passed over."""
        return self._replaced("label", labels)

    def with_splits(self, splits: Mapping[str, str | None]) -> Catalog:
        """Return the catalog with other splits for some names; names that are not in it are passed over."""
        return self._replaced("split", splits)

    def leave_out(self, reasons: Mapping[str, str]) -> Catalog:
        """Return the catalog without some images, which are then listed in `left_out` with the reason."""
        if not reasons:
            return self
        gone = self.table["name"].isin(list(reasons))
        before = zip(self.left_out["name"], self.left_out["reason"], strict=True)
        new = ((name, reasons[name]) for name in self.table["name"][gone])
        return self._with(self.table[~gone], left_out=_left_out([*before, *new]))

    def with_findings(self, findings: Iterable[Finding]) -> Catalog:
        """Return the catalog with more findings."""
        more = copy(self)  # the table is the same, and so is what was found in it
        more.findings = (*self.findings, *findings)
        return more

    def summary(self) -> dict[str, Any]:
        """Count the images.

        Returns
        -------
        dict
            ``total``, ``unlabelled``, ``left_out``: int; ``splits``: from split to count; ``classes``: from
            class, in natural order, to a dict from split to count.
        """
        split = self.table["split"].fillna("none")
        counted = Counter(zip(self.labels, split, strict=True))
        classes: dict[str, dict[str, int]] = {label: {} for label in naturally(self.classes)}
        for label, of_split in sorted(pair for pair in counted if pair[0] is not None):
            for name in classes_of([label], self.label_sets):
                classes[name][of_split] = classes[name].get(of_split, 0) + counted[label, of_split]
        return {
            "total": len(self),
            "unlabelled": int(self.table["label"].isna().sum()),
            "left_out": len(self.left_out),
            "splits": {str(name): int(count) for name, count in split.value_counts().sort_index().items()},
            "classes": classes,
        }

    def _replaced(self, column: str, values: Mapping[str, str | None]) -> Catalog:
        old = self.table[column]
        new = (values.get(name, was) for name, was in zip(self.names, old, strict=True))
        return self._with(self.table.assign(**{column: _column(new)}))

    def _with(
        self,
        table: pd.DataFrame,
        *,
        left_out: pd.DataFrame | None = None,
        findings: Iterable[Finding] | None = None,
    ) -> Catalog:
        return Catalog(
            table,
            root=self.root,
            left_out=self.left_out if left_out is None else left_out,
            group_column=self.group_column,
            follow_links=self.follow_links,
            findings=self.findings if findings is None else findings,
            layout=self.layout,
            label_sets=self.label_sets,
            label_form=self.label_form,
        )


def understood(root: Path | str, *, hidden: bool = False, follow_links: bool = False) -> tuple[Finding, ...]:
    """Return what a folder would be understood as; nothing is said of one without images."""
    try:
        catalog = Catalog.from_folder(root, hidden=hidden, follow_links=follow_links)
        return (*catalog.findings, *class_findings(catalog.summary()["classes"]))
    except CatalogError:
        return ()


def _sorted_by_name(table: pd.DataFrame) -> pd.DataFrame:
    names = table["name"].tolist()
    if all(isinstance(name, str) for name in names) and all(map(lt, names, names[1:])):
        return table.reset_index(drop=True)
    return table.sort_values("name", ignore_index=True)


def _canonical(labels: Iterable[str | None], sets: LabelSets | None) -> Iterable[str | None]:
    """Return labels with several classes as there is one way to write them."""
    if sets is None:
        return labels
    listed = list(labels)
    canonical = {label: sets.canonical(label) for label in set(listed)}
    return [canonical[label] for label in listed]


def _texts(values: Iterable[object]) -> list[str | None]:
    """Return values as text; each text that occurs is looked at once."""
    listed = list(values)
    if set(map(type, listed)) <= {str, type(None)}:
        known = {value: as_text(value) for value in set(listed)}
        return [known[value] for value in listed]
    return list(map(as_text, listed))


def _column(values: Iterable[Any]) -> pd.Series[Any]:
    """Return a column of plain Python objects: pandas would make its own strings, in which None is NaN."""
    listed = list(values)
    return pd.Series(listed, dtype=object, index=range(len(listed)))


_UNUSED_SAMPLES = Finding(
    topic="samples_unused",
    text=Advice(
        "Files beside the images have labels, too, as in a WebDataset. They are not used, because somebody "
        "has said what the folders mean.",
        "To use them, give --layout auto.",
        "To use them, start cleaner once with --layout auto.",
    ),
)


def _link_findings(listing: Listing) -> Iterable[Finding]:
    if listing.led_out:
        text = f"Links that lead out of the folder are not followed: {len(listing.led_out):,}."
        told = Advice(
            text, "--follow-links lets them in.", "To let them in, start cleaner with --follow-links."
        )
        yield Finding(topic="links", text=told, examples=tuple(listing.led_out))


def _left_out(pairs: Iterable[tuple[str, str]]) -> pd.DataFrame:
    return pd.DataFrame(list(pairs), columns=["name", "reason"], dtype=object)


def _folder(root: Path | str) -> Path:
    root = Path(root).expanduser()
    if not root.is_dir() and not is_archive(root):
        what = "is a file, not a folder" if root.exists() else "does not exist"
        msg = (
            f"The folder {root} {what}. Give the folder that holds the images, or a CSV file that names them."
        )
        raise CatalogError(msg)
    return root.resolve()


def _no_images(root: Path, listing: Listing) -> str:
    others = [finding for finding in other_findings(root, listing.others, ()) if finding.doubtful]
    if listing.left_out:
        name, reason = listing.left_out[0]
        detail = f"{len(listing.left_out)} were left out, the first: {name}, {reason}"
    elif others:
        return f"No images in {root}. {' '.join(finding.text for finding in others)}"
    elif listing.others:
        most = sorted(listing.others.items(), key=lambda item: (-len(item[1]), item[0]))
        named = ", ".join(f"{len(names):,} {suffix or 'no suffix'}" for suffix, names in most[:_MANY_KINDS])
        detail = f"it holds other files ({named})"
    else:
        empty = is_archive(root) or all(each.name == STATE_FOLDER for each in root.iterdir())
        detail = "it is empty" if empty else "no files but hidden ones"
    return f"No images in {root}: {detail}. Expected JPEG, PNG or other images, one folder per class."

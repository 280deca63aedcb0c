"""What label every image has after all decisions: the one place that works it out.

An image has its given label, under the present name of its class, until somebody relabels it. Keep and
*unsure* leave the label as it is; so does a delete, which takes the image away with it. A *discard* (a delete
with a reason that says nothing about the label) is a delete here.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Self

from cleaner.dataset.catalog import Catalog
from cleaner.review.state import ReviewState

DELETED = ("delete",)
SET_ASIDE = ("delete", "unsure")
WRONG = ("delete", "relabel")
"""What is decided on an image whose given label was wrong."""


class LabelOfImage(NamedTuple):
    """What holds for one image.

    Attributes
    ----------
    name : str
    given : str or None
        The label in the catalog, under the present name of its class; None: it came without a label.
    label : str or None
        The label after all decisions; that of a deleted image is the one with which it went. None: no label.
    outcome : str
        ``keep``, ``delete``, ``relabel``, ``label`` or ``unsure``; empty if nobody marked the image.
    """

    name: str
    given: str | None
    label: str | None
    outcome: str

    @property
    def deleted(self) -> bool:
        """Whether the image goes, for whatever reason."""
        return self.outcome == "delete"

    @property
    def decided(self) -> bool:
        """Whether somebody decided on the image; unsure is no decision."""
        return self.outcome not in ("", "unsure")


@dataclass(frozen=True, slots=True)
class PresentLabels:
    """The labels of a catalog at one moment; it does not follow later decisions.

    Attributes
    ----------
    names : list of str
        All images of the catalog, in its order.
    given, labels : list of str or None
        See `LabelOfImage`; one an image.
    outcomes : list of str
        Likewise.
    deleted : frozenset of str
        All images that were deleted, also those in the trash, which the catalog does not list any more.
    """

    names: list[str]
    given: list[str | None]
    labels: list[str | None]
    outcomes: list[str]
    deleted: frozenset[str]

    @classmethod
    def of(cls, catalog: Catalog, state: ReviewState) -> Self:
        """Apply the decisions to the labels of a catalog."""
        renamed, marked, sets = state.label_map, state.outcomes(), catalog.label_sets
        now = {label: label for label in (*set(catalog.labels), None)} | renamed
        if sets is not None:
            now = {
                label: label and sets.renamed(label, lambda n: renamed.get(n, n))
                for label in (*set(catalog.labels), None)
            }
        given = catalog.by_label(lambda label: now[label] or None)
        labels, outcomes = given.copy(), [""] * len(given)
        for name, (outcome, label) in marked.items():
            row = catalog.row_of(name)
            if row is not None:
                outcomes[row] = outcome
                labels[row] = label or labels[row]
        return cls(
            catalog.listed,
            given,
            labels=labels,
            outcomes=outcomes,
            deleted=frozenset(name for name, (outcome, _) in marked.items() if outcome == "delete"),
        )

    def __iter__(self) -> Iterator[LabelOfImage]:
        return map(LabelOfImage, self.names, self.given, self.labels, self.outcomes)

    def __len__(self) -> int:
        return len(self.names)

    def by_name(self, *, without: Collection[str] = DELETED) -> dict[str, str | None]:
        """Return the label of each image, without those of some outcomes; an empty ``without``: of all."""
        rows = zip(self.names, self.labels, self.outcomes, strict=True)
        return {name: label for name, label, outcome in rows if outcome not in without}


def cleaned_catalog(catalog: Catalog, state: ReviewState) -> Catalog:
    """Return a catalog after all decisions: with the present labels, without the deleted images."""
    labels = PresentLabels.of(catalog, state).by_name()
    return catalog.with_labels(labels).subset(labels)

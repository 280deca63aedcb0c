"""What the reviewer asked to see: an order, filters, and which of the images that pass them."""

import hashlib
import json
from dataclasses import dataclass, fields
from enum import StrEnum

from cleaner.interpret.label_matrix import Agreement

NO_LABEL = "(no label)"
"""Stands for images without a label among the given labels to filter by."""

SHOWS = ("undecided", "decided", "unsure", "conflicts", "all")
"""What may be shown of the images that pass the filters."""


class Purpose(StrEnum):
    """What the reviewer is asked on the pages of an order, which is what the acts on them mean."""

    LABELS = "labels"
    """Is the label right? Confirm says that it is."""
    AUDIT = "audit"
    """The same, without what the model thinks."""
    PICTURES = "pictures"
    """Is the image good enough? Says nothing about its label; going on leaves it as it is."""
    COPIES = "copies"
    """Which of these are the same? Says nothing about their labels, either."""
    FIXES = "fixes"
    """Do all of a group need the same new label? Going on leaves undecided what is undecided."""

    @property
    def judges_labels(self) -> bool:
        """Whether going on says that the labels on the page are right."""
        return self in (Purpose.LABELS, Purpose.AUDIT)

    @property
    def in_groups(self) -> bool:
        """Whether the images stand in groups, each in rows of its own."""
        return self in (Purpose.COPIES, Purpose.FIXES)


@dataclass(frozen=True, slots=True)
class GridView:
    """What the reviewer asked to see; every view has pages of its own.

    Parameters
    ----------
    order : str
        A key of `cleaner.session.orders.ORDERS`.
    split, given, predicted : str or None
        Filters; None = all. ``given`` may be `NO_LABEL`.
    show : str
        One of `SHOWS`; ``unsure`` and ``conflicts`` are those of all reviewers.
    source : (str, str) or None
        Filter: where the images come from, such as ``("annotator", "Ben")``; see `cleaner.analysis.sources`.
    now : str or None
        Filter: the label that an image has after all decisions; deleted images have none.
    chosen : tuple of str or None
        Filter: exactly these images, also those without a label; see `cleaner.widgets.panels.image_map`.
    agreement : tuple of (str, Agreement) or None
        Filter: what label and model say of some classes, where images can have several. The label is the one
        after all decisions; the model finds what is more probably there than not, by the image alone.
    threshold : float or None
        Score or similarity from which an image is shown, where the order has one; None: the suggested one.
    """

    order: str = "most suspicious"
    split: str | None = None
    given: str | None = None
    predicted: str | None = None
    show: str = "undecided"
    threshold: float | None = None
    source: tuple[str, str] | None = None
    now: str | None = None
    chosen: tuple[str, ...] | None = None
    agreement: tuple[tuple[str, Agreement], ...] | None = None

    @property
    def n_filters(self) -> int:
        """How many filters are set."""
        filters = (self.split, self.given, self.predicted, self.source, self.now, self.chosen, self.agreement)
        return sum(each is not None for each in filters) + (self.show not in ("undecided", "all"))

    @property
    def key(self) -> str:
        """A text that tells this view from every other one."""
        chosen: dict[str, object] = {field.name: getattr(self, field.name) for field in fields(self)}
        if self.chosen is not None:  # may be 100,000 names
            chosen["chosen"] = hashlib.sha256("\0".join(self.chosen).encode()).hexdigest()
        # Pages of earlier versions are remembered under the key without these.
        for later in ("source", "now", "chosen", "agreement"):
            if chosen[later] is None:
                del chosen[later]
        return json.dumps(chosen, ensure_ascii=False, sort_keys=True)

    @property
    def filtered(self) -> bool:
        """Whether any filter leaves images out."""
        named = (self.split, self.given, self.predicted, self.source, self.now, self.agreement)
        return any(named) or self.chosen is not None

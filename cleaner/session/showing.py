"""What lies on the reviewer's desk: a view, its pages, and what is known of the images on them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from cleaner.audit.running import RunningAudit
from cleaner.errors import StoreError
from cleaner.ranking.renaming import under_present_names
from cleaner.session import sentences
from cleaner.session.cells import Cell, Group, Page
from cleaner.session.class_examples import Portraits
from cleaner.session.facts import Facts
from cleaner.session.figures import figures
from cleaner.session.findings import Findings
from cleaner.session.legend import Legend
from cleaner.session.lessons import LEARNING_ORDER, study
from cleaner.session.offers import Offer
from cleaner.session.orders import (
    COPIES,
    NO_LABEL,
    ORDERS,
    OUTLIERS,
    TO_LABEL,
    GridView,
    Purpose,
    orders_of,
    purpose_of,
)
from cleaner.session.pages import pages_file
from cleaner.session.scales import has_scale
from cleaner.session.walk import Walk

if TYPE_CHECKING:
    from cleaner.pipelines.checks import Checks
    from cleaner.ranking import Ranking
    from cleaner.workspace import Workspace

__all__ = ["Showing"]

_THUMBNAIL_PX = 256
_NEWS = 8  # decisions after which another proposal is worth a second of work


class Showing:
    """Shows pages of a workspace's images; what is decided on them is `ReviewDesk`'s.

    The parameters are those of `ReviewDesk`.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        ranking: Ranking | None = None,
        page_size: int = 24,
        reviewer: str | None = None,
    ) -> None:
        self.workspace = workspace
        self.store = workspace.store
        self.reviewer = reviewer or workspace.reviewer
        self.audit = RunningAudit(workspace.state, workspace.store, catalog=lambda: workspace.catalog)
        self._made = ranking  # as it was made; the one in use has the present names of the classes
        self.facts = Facts(self._found(ranking))
        decided = self.store.state.progress().decided
        lesson = study(self.facts.ranking, self.store.state)
        if lesson is not None:
            self.facts.learn(lesson)
        self._studied = self.store.state.progress().looked_at
        self._proposed = -1
        self.walk = Walk(
            lambda view: self.facts.names(view),
            is_open=self._is_open,
            is_reviewed=self.store.state.is_decided,
            page_size=page_size,
            saved=pages_file(workspace.state, self.reviewer),
            unit_of=lambda name: self.facts.copies.group_of(name) or name,
            view=self._first_view(),
        )
        self._legend = Legend(self.facts.classes, self.store.state)
        self._portraits = Portraits(workspace)
        self._own_acts: set[str] = set()
        self.offer: Offer | None = None  # look-alikes that l would show
        self._aside: Offer | None = None  # look-alikes that are shown instead of a page
        self._notices = [] if ranking is not None else [sentences.no_ranking(self.view)]
        self._news = ""  # why the order changed, until the first page that shows it
        if decided:
            self._notices.append(sentences.resumed(decided, len(self.facts.catalog)))
        if lesson is not None:
            from cleaner.widgets.panels.text import learnt_text

            self._notices.append(learnt_text(lesson.learnt))

    # ---------------------------------------------------------------- what is shown

    @property
    def orders(self) -> list[str]:
        """The orders that can be chosen."""
        return orders_of(self.facts.found)

    @property
    def view(self) -> GridView:
        """What is on show; look-alikes that were put before it are a question of labels like any other."""
        return self.walk.view if self._aside is None else replace(self.walk.view, order=LEARNING_ORDER)

    @property
    def purpose(self) -> Purpose:
        """What the reviewer is asked on the open page."""
        return purpose_of(self.view.order)

    @property
    def is_blind(self) -> bool:
        """Whether the page shows nothing of what the model thinks: that of an audit."""
        return self.purpose is Purpose.AUDIT

    @property
    def classes(self) -> list[str]:
        """All classes, in the order of their keys."""
        return self._legend.labels()

    def follow_classes(self) -> Page:
        """Show the classes as they are now; where some became one, the order is another one, too."""
        view, used = self.walk.view, self.facts.ranking
        names = self._by_present_names(view)
        if names != view:
            self.set_view(names)
        if used is None or self._made is None:
            return self.page()
        present = self._under_present_names(self._made)
        if np.array_equal(present.signals["pooled"], used.signals["pooled"], equal_nan=True):
            self.facts.found = replace(self.facts.found, ranking=present)
            return self.page()
        return self.set_ranking(self._made)

    def _by_present_names(self, view: GridView) -> GridView:
        """Return a view whose filters name classes as they are now; a filter by none is taken away."""
        state, present = self.store.state, {*self.classes, NO_LABEL, None}

        def now(label: str | None) -> str | None:
            if label in present or label is None:
                return label
            return state.label_now(label) if state.label_now(label) in present else None

        return replace(view, given=now(view.given), predicted=now(view.predicted))

    def prepare(self, view: GridView) -> None:
        """Work out ahead what takes long to show; for any thread, without the lock."""
        if view.order == COPIES:
            self.facts.form_copies(view.threshold)

    def set_view(self, view: GridView) -> Page:
        """Show something else; pages of a view that was left are found again as they were."""
        self._aside = self.offer = None
        known = ORDERS.get(view.order)
        plain = view
        if known is not None and not known.filters:
            plain = GridView(order=view.order, threshold=view.threshold)
        self.facts.show_proposal()
        self.walk.look_at(plain)
        self._notices = [] if plain == view else [sentences.no_filters(view.order)]
        return self.page()

    def set_ranking(self, ranking: Ranking) -> Page:
        """Take a new ranking: at once if nothing on the page is decided, else from the next page on."""
        self._made = ranking
        self._portraits.forget()
        copies = self.facts.copies
        before = self.facts.found
        self.facts = Facts(replace(self._found(ranking), checks=before.checks, proposal=before.proposal))
        self.facts.copies = copies  # those on the open page
        told = (sentences.NO_RANKING, sentences.NO_LABELS, sentences.NEW_ORDER)
        self._notices = [notice for notice in self._notices if notice not in told]
        if self.walk.reorder() and not self.is_blind:
            self._notices.append(sentences.NEW_ORDER)
        return self.page()

    def set_checks(self, checks: Checks | None) -> None:
        """Take what was found out about copies and bad pictures; the open page stays as it is."""
        self.facts.take_checks(checks)
        self.walk.rearrange(OUTLIERS)

    # ---------------------------------------------------------------- look-alikes

    def open_names(self, given: str | None) -> list[str]:
        """Return the images of one given label that this reviewer still has to decide on."""
        catalog, label_now = self.facts.catalog, self.store.state.label_now
        labels = {label for label in catalog.classes if label_now(label) == given} if given else {None}
        pairs = zip(catalog.names.tolist(), catalog.labels.tolist(), strict=True)
        return [name for name, label in pairs if label in labels and self._is_open(name)]

    def look_alikes(self) -> Page:
        """Put the pages aside for one with look-alikes of what was just decided."""
        offer, self.offer = self.offer, None
        names = () if offer is None else tuple(name for name in offer.names if self._is_open(name))
        if offer is None or not names:
            msg = "No look-alikes are on offer: relabel or delete a picture first."
            raise StoreError(msg)
        self._aside = replace(offer, names=names)
        return self.page()

    def _aside_page(self, offer: Offer, summary: str) -> Page:
        return Page(
            id=self._page_id(),
            cells=self.cells(offer.names),
            classes=tuple(self.classes),
            title="Look-alikes",
            summary=summary,
            notice=offer.question,
            can_go_back=True,
            same=(offer.action, offer.label),
        )

    # ---------------------------------------------------------------- the open page

    def _tell_news(self) -> None:
        """Say why the order changed on the first page that comes in the new order."""
        view = self.walk.view
        if self._news and view.order == LEARNING_ORDER and view.show == "undecided":
            self._notices.append(self._news)
            self._news = ""

    def page(self) -> Page:
        """Return the page that is open."""
        walk, progress, proposal = self.walk, self.progress(), self.facts.found.proposal
        if self._aside is not None:
            return self._aside_page(self._aside, sentences.summary(progress, self.view))
        page, empty, notices = walk.page, "", list(self._notices)
        if walk.view.order == TO_LABEL and proposal is not None and page is not None:
            from cleaner.widgets.panels.text import proposal_text

            notices.append(proposal_text(proposal))
        statement = self.audit.certificate() if self.is_blind else None
        if statement is not None:
            notices.append(sentences.audit(statement))
        if page is None and self.is_blind:
            empty = sentences.NO_AUDIT if statement is None else sentences.END_OF_AUDIT
        elif page is None and self.facts.found.checks is None and has_scale(walk.view.order):
            empty = sentences.NO_CHECKS
        elif page is None:
            empty = sentences.end_of_view(
                walk.view,
                purpose=self.purpose,
                total=walk.pager.total,
                left_elsewhere=progress["left"],
                unsure=progress["unsure"],
            )
        return Page(
            id=self._page_id(),
            cells=self.cells(walk.names),
            classes=tuple(self.classes),
            title="" if page is None else sentences.title(page, self.purpose),
            summary=sentences.summary(progress, self.view),
            notice=" ".join(notices),
            empty=empty,
            can_go_back=walk.can_go_back,
            can_go_on=walk.can_go_on,
            offer=self.offer.button if self.offer is not None else "",
            purpose=str(self.purpose),
            groups=self._groups(),
        )

    def _groups(self) -> tuple[Group, ...]:
        if self.purpose is not Purpose.COPIES:
            return ()
        return self.facts.copies.group_cells(self.walk.names, self.store.state)

    @property
    def names(self) -> tuple[str, ...]:
        """Names on the page that is open; none at the end of a view."""
        return self.walk.names if self._aside is None else self._aside.names

    def cells(self, names: Iterable[str]) -> tuple[Cell, ...]:
        """Describe images as they are now; names that are not in the set are passed over."""
        conflicts = self.store.state.conflicts()
        order = self.view.order
        return tuple(
            self.facts.cell(name, reviewer=self.reviewer, order=order, conflict=conflicts.get(name, ()))
            for name in names
            if name in self.facts
        )

    def next_names(self) -> Sequence[str]:
        """Return the names on the page that will probably come next."""
        return self.walk.pager.peek()

    def progress(self) -> dict[str, Any]:
        """Count; see `ImageCleaner.progress`."""
        following = self.next_names() if self.purpose is Purpose.LABELS else ()
        scores = [known.score or 0.0 for name in following if (known := self.facts.known(name)) is not None]
        return figures(self.store.state, self.reviewer, total=len(self.facts.catalog), next_scores=scores)

    # ---------------------------------------------------------------- inside

    def _found(self, ranking: Ranking | None) -> Findings:
        catalog, state = self.workspace.catalog, self.store.state
        present = None if ranking is None else self._under_present_names(ranking)
        return Findings(catalog=catalog, state=state, ranking=present, audit=self.audit.sequence)

    def _under_present_names(self, ranking: Ranking) -> Ranking:
        state = self.store.state
        return under_present_names(
            ranking, partial(state.label_now, since_seq=ranking.named_at), named_at=state.last_seq
        )

    def _first_view(self) -> GridView:
        """Begin with labelling where nothing has a label yet."""
        labels = self.facts.catalog.labels
        nothing = len(labels) > 0 and all(label is None for label in labels)
        return GridView(order=TO_LABEL) if nothing else GridView()

    def _is_open(self, name: str) -> bool:
        """Tell whether this reviewer still has to decide: on what a colleague set aside, not on their own."""
        state = self.store.state
        if name not in self.facts or state.is_decided(name):
            return False
        return state.of(name, reviewer=self.reviewer) is None

    def _page_id(self) -> str:
        """Name what is on show, so that no act is taken for one on another page.

        Where pictures without a label have other suggestions, or copies stand in other groups, an act means
        another thing: that is another page, too.
        """
        view = self.walk.view.key if self._aside is None else "look-alikes"
        what = "\0".join([view, *map(self._as_shown, self.names)])
        return hashlib.sha256(what.encode("utf-8", "surrogateescape")).hexdigest()[:24]

    def _as_shown(self, name: str) -> str:
        if self.purpose is Purpose.COPIES:
            return f"{name}\0{self.facts.copies.group_of(name)}"
        if self.purpose is not Purpose.LABELS or name not in self.facts or self.facts.given(name) is not None:
            return name
        known = self.facts.known(name)
        return name if known is None or not known.sure else f"{name}\0{known.predicted}"

"""The reviewer's desk: what stands behind the grid when labels are reviewed. Knows no widget."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from cleaner.errors import StoreError
from cleaner.ranking.present import under_present_names
from cleaner.ranking.running_audit import RunningAudit
from cleaner.review import Event
from cleaner.review.classes import describe_class
from cleaner.review.pager import pages_file
from cleaner.widgets import sentences
from cleaner.widgets.acts import DIFFERENT, choices_of, seen
from cleaner.widgets.alike import Offer
from cleaner.widgets.cells import Cell, Group, Outcome, Page, Picture, Portrait
from cleaner.widgets.facts import Facts, picture_of
from cleaner.widgets.findings import Findings
from cleaner.widgets.legend import Legend
from cleaner.widgets.lessons import LEARNING_ORDER, Lesson, study
from cleaner.widgets.orders import (
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
from cleaner.widgets.portraits import Portraits
from cleaner.widgets.scales import has_scale
from cleaner.widgets.views import wilson
from cleaner.widgets.walk import Walk

if TYPE_CHECKING:
    from cleaner.ranking import Ranking
    from cleaner.ranking.checks import Checks
    from cleaner.ranking.labelling import Proposal
    from cleaner.review import Act
    from cleaner.widgets.labelling import Labeller
    from cleaner.workspace import Workspace

__all__ = ["ReviewDesk"]

_THUMBNAIL_PX = 256
_NEWS = 8  # decisions after which another proposal is worth a second of work


class ReviewDesk:
    """Shows pages of a workspace's images and records what the reviewer decides on them: a `GridHost`.

    Not safe to be used by two threads at once, but for `thumbnail`, `picture` and `portrait`: its owner holds
    a lock.

    Parameters
    ----------
    workspace : Workspace
    ranking : Ranking, optional
        Without one, images come in the catalog's order.
    page_size : int
        Images on a page.
    reviewer : str, optional
        Who decides; the workspace's reviewer if not given.
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
        self.audit = RunningAudit(workspace)
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
            self._notices.append(lesson.learnt.sentence)

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

    # ---------------------------------------------------------------- what the decisions teach

    @property
    def has_to_study(self) -> bool:
        """Whether a page of decisions came in since the order was last learnt."""
        looked_at = self.store.state.progress().looked_at
        return abs(looked_at - self._studied) >= self.walk.pager.page_size

    def study(self) -> Lesson | None:
        """Learn from the decisions; for any thread, without the lock, since it takes a while."""
        self._studied = self.store.state.progress().looked_at
        return study(self.facts.ranking, self.store.state)

    def learn(self, lesson: Lesson) -> bool:
        """Put what was never shown in the order that was learnt; tells whether the next page is another one.

        The open page stays as it is.
        """
        if self.facts.ranking is not lesson.ranking:
            return False
        before = set(self.next_names())
        self.facts.learn(lesson)
        self.walk.rearrange(LEARNING_ORDER)
        changed = set(self.next_names()) != before
        if changed:
            self._news = lesson.learnt.sentence
        return changed

    # ---------------------------------------------------------------- labels for what has none

    @property
    def has_to_propose(self) -> bool:
        """Whether enough was decided since labels were last proposed, and some image has none."""
        if not self.facts.found.lacks_labels():
            return False
        proposal, since = self.facts.found.proposal, self.store.state.last_seq - self._proposed
        return since >= (_NEWS if proposal is not None and proposal.has_model else 1)

    def propose(self, labeller: Labeller) -> Proposal | None:
        """Propose labels; for any thread, without the lock, since it takes a while."""
        self._proposed = self.store.state.last_seq
        return labeller.propose()

    def set_proposal(self, proposal: Proposal | None) -> bool:
        """Take labels proposed for images without one; tells whether the open page shows them at once.

        It does if nothing on it is decided and it shows no suggestion yet; else they start with the next
        page: what Confirm accepts is what was seen.
        """
        first = self.facts.found.proposal is None
        self.facts.take_proposal(proposal)
        if proposal is None:
            self._proposed = -1  # nothing was embedded: try again
        if proposal is None:
            return False
        if self.view.order != TO_LABEL:
            self.walk.rearrange(TO_LABEL)
            return False
        cells = self.cells(self.names)
        at_once = all(cell.action is None and cell.suggestion is None for cell in cells)
        if at_once:
            self.facts.show_proposal()
        if at_once and first:
            self._notices = [notice for notice in self._notices if notice != sentences.NO_LABELS]
            self.walk.reorder()
        else:
            self.walk.rearrange(TO_LABEL)
        return at_once

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
            notices.append(proposal.why)
        statement = self.audit.statement() if self.is_blind else None
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
        now = self.store.state.progress()
        low, high = wilson(now.window_errors, now.window) if now.window else (0.0, 1.0)
        pace = self.store.state.pace_per_min(self.reviewer)
        total = len(self.facts.catalog)
        following = self.next_names() if self.purpose is Purpose.LABELS else ()
        scores = [known.score for name in following if (known := self.facts.known(name)) is not None]
        return {
            "looked_at": now.looked_at,
            "total": total,
            "errors": now.errors,
            "kept": now.kept,
            "deleted": now.deleted,
            "relabelled": now.relabelled,
            "labelled": now.labelled,
            "unsure": now.unsure,
            "conflicts": now.conflicts,
            "discarded": now.discarded,
            "left": max(0, total - now.decided),
            "last100": {
                "errors": now.window_errors,
                "looked_at": now.window,
                "low": low * now.window,
                "high": high * now.window,
            },
            "expected_next": sum(score or 0.0 for score in scores) if scores else None,
            "pace_per_min": pace,
            "pace_per_hour": None if pace is None else 60 * pace,
            "minutes_left": max(0, total - now.decided) / pace if pace else None,
        }

    # ---------------------------------------------------------------- what is decided

    def decide(
        self, names: Sequence[str], action: str, label: str | None, *, act: str, new_class: bool
    ) -> Outcome:
        """Record one decision on one or several images; see `GridHost`."""
        unknown = [name for name in names if name not in self.facts]
        if unknown or not names:
            what = ", ".join(map(repr, unknown[:3])) or "no image"
            msg = f"Got {what} to decide on; expected images of this set."
            raise StoreError(msg)
        before = self.classes
        if label is not None and label not in before and not new_class:
            msg = (
                f"Got the label {label!r}, which is no class of this set; give new_class=True to make it one."
            )
            raise StoreError(msg)
        if action == DIFFERENT:
            return self._call_different(names, act=act)
        if self.purpose is Purpose.COPIES:
            self.store.refresh()  # who keeps what a colleague has just deleted must not delete the rest
        choices = choices_of(self.facts, names, action, label, self.view)
        self._own_acts.add(act)
        done = self.store.record(choices, act=act, reviewer=self.reviewer, **self._where())
        changed = self.classes != before or self.purpose is Purpose.COPIES
        return self._outcome(done, page=self.page() if changed else None)

    def _call_different(self, names: Sequence[str], *, act: str) -> Outcome:
        """Record that images are no copies of the rest of their groups; see `Copies.different`."""
        pairs = self.facts.copies.different(names) if self.purpose is Purpose.COPIES else {}
        if not pairs:
            msg = "Only copies can be called different: look at the duplicates for that."
            raise StoreError(msg)
        self._own_acts.add(act)
        done = self.store.pair_different(pairs, act=act, reviewer=self.reviewer)
        return self._outcome(done, said=sentences.different(pairs), page=self.page())

    def undo(self, *, act: str) -> Outcome:
        """Take back the reviewer's last act, and go to where it was."""
        before, walk = self.classes, self.walk
        self._own_acts.add(act)
        done = self.store.undo(reviewer=self.reviewer, act=act)
        if done is None:
            return Outcome(said=sentences.undone(()), summary=sentences.summary(self.progress(), self.view))
        said = sentences.undone(self.store.state.act(done.undoes or ""))
        touched, moved = set(done.names), False
        if self._aside is not None and touched and touched.isdisjoint(self._aside.names):
            self._aside, moved = None, True
        if touched.isdisjoint(self.names):
            opened = walk.open(name for name in done.names if name in self.facts)
            moved = moved or opened is not None
        focus = next((name for name in self.names if name in touched), None)
        changed = moved or self.classes != before or self.purpose is Purpose.COPIES
        return self._outcome(done, said=said, focus=focus, page=self.page() if changed else None)

    def confirm(self, names: Sequence[str], *, act: str, page_id: str) -> Outcome:
        """Keep all that is unmarked on the page, and open the next page."""
        if page_id != self._page_id() or not set(names) <= set(self.names):
            msg = "Another page is open by now; look at it, and confirm again."
            raise StoreError(msg)
        said = ""
        right = seen(self.facts, [name for name in names if name in self.facts], self.view)
        if right:
            self._own_acts.add(act)
            done = self.store.confirm(right, act=act, reviewer=self.reviewer, **self._where())
            said = sentences.confirmed(done.events)
        cells = self.cells(names)
        self.offer = None
        if self._aside is not None:
            self._aside = None
        else:
            self._notices = []
            self.facts.show_proposal()
            self.walk.go_on()
            self._tell_news()
        return Outcome(
            cells=cells, said=said, summary=sentences.summary(self.progress(), self.view), page=self.page()
        )

    def turn(self, by: int) -> Page:
        """Go a page on or back without deciding; an audit goes on only when its page is decided."""
        if self._aside is not None:
            self._aside = None
        elif by > 0 and self.is_blind and self.walk.waits:
            raise StoreError(sentences.AUDIT_IN_ORDER)
        elif self.walk.turn(by):
            self._notices = []
            self.facts.show_proposal()
            if by > 0:
                self._tell_news()
        return self.page()

    def describe(self, label: str, text: str, *, act: str) -> Outcome:
        """Record what belongs into a class, in words."""
        self._own_acts.add(act)
        describe_class(self.workspace, label, text, act=act, reviewer=self.reviewer)
        said = f"“{label}” {'is described' if text.strip() else 'has no description any more'}."
        return Outcome(said=said, summary=sentences.summary(self.progress(), self.view))

    def is_own(self, events: Iterable[Event]) -> bool:
        """Tell whether all those rows come from this desk, which has answered them already."""
        return all(event.act in self._own_acts for event in events)

    # ---------------------------------------------------------------- pictures

    def thumbnail(self, name: str) -> bytes:
        """Return a small JPEG of an image of the set."""
        return self.workspace.thumbnails.get(self.facts.path(name), size_px=_THUMBNAIL_PX)

    def picture(self, name: str, *, full: bool) -> Picture:
        """Return an image of the set for the large view."""
        return picture_of(self.facts.path(name), full=full)

    def portrait(self, label: str, *, but: str) -> Portrait:
        """Return a class's description and typical pictures; in an audit only such as were confirmed."""
        return self._portraits.of(label, self.facts, but=but, blind=self.is_blind)

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

    def _where(self) -> dict[str, Any]:
        ranking, page = self.facts.ranking, self.walk.page
        return {
            "model": None if ranking is None else ranking.model,
            "page": None if page is None else page.number,
        }

    def _outcome(
        self, done: Act, *, said: str = "", focus: str | None = None, page: Page | None = None
    ) -> Outcome:
        summary = sentences.summary(self.progress(), self.view)
        return Outcome(cells=self.cells(done.names), said=said, summary=summary, focus=focus, page=page)

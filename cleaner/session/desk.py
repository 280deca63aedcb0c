"""The reviewer's desk: what stands behind the grid when labels are reviewed. Knows no widget."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from cleaner.errors import OutdatedError, StoreError
from cleaner.review import Event
from cleaner.review.classes import describe_class
from cleaner.session import sentences
from cleaner.session.acts import DIFFERENT, SUGGEST, choices_of
from cleaner.session.acts import seen as unmarked
from cleaner.session.cells import Outcome, Page, Picture, Portrait, Seen
from cleaner.session.facts import picture_of
from cleaner.session.lessons import LEARNING_ORDER, Lesson, study
from cleaner.session.orders import TO_LABEL, Purpose
from cleaner.session.showing import Showing

if TYPE_CHECKING:
    from cleaner.labelling.proposal import Proposal
    from cleaner.review import Act

__all__ = ["ReviewDesk"]

_THUMBNAIL_PX = 256
_NEWS = 8  # decisions after which another proposal is worth a second of work


class ReviewDesk(Showing):
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
            from cleaner.widgets.panels.text import learnt_text

            self._news = learnt_text(lesson.learnt)
        return changed

    # ---------------------------------------------------------------- labels for what has none

    @property
    def has_to_propose(self) -> bool:
        """Whether enough was decided since labels were last proposed, and some image has none."""
        if not self.facts.found.lacks_labels():
            return False
        proposal, since = self.facts.found.proposal, self.store.state.last_seq - self._proposed
        return since >= (_NEWS if proposal is not None and proposal.has_model else 1)

    def propose(self) -> Proposal | None:
        """Propose labels; for any thread, without the lock, since it takes a while."""
        self._proposed = self.store.state.last_seq
        from cleaner.embedding.cache import last_embeddings
        from cleaner.labelling.proposal import propose_labels

        space = self.workspace
        cache = last_embeddings(space.state / "embeddings")
        if cache is None:
            return None
        return propose_labels(
            space.catalog, self.store.state, cache=cache, hashes=space.index.hashes(), seed=space.seed
        )

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

    # ---------------------------------------------------------------- what is decided

    def decide(
        self,
        names: Sequence[str],
        action: str,
        label: str | None,
        *,
        act: str,
        new_class: bool,
        seen: Seen | None = None,
    ) -> Outcome:
        """Record one decision on one or several images; see `GridHost`."""
        unknown = [name for name in names if name not in self.facts]
        if unknown or not names:
            what = ", ".join(map(repr, unknown[:3])) or "no image"
            msg = f"Got {what} to decide on; expected images of this set."
            raise StoreError(msg)
        self._check_seen(names, action, seen)
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

    def _check_seen(self, names: Sequence[str], action: str, seen: Seen | None) -> None:
        """Refuse an act on something that has changed since its reviewer saw it."""
        if seen is None:
            return
        if seen.page_id != self._page_id():
            msg = "Another page is open now. Look at it, and decide again."
            raise OutdatedError(msg)
        if action == SUGGEST and self.purpose is not Purpose.COPIES:
            for name in names:
                known = None if self.is_blind else self.facts.known(name)
                if (None if known is None else known.predicted) != seen.suggestions.get(name):
                    msg = "The suggestion has changed since you saw it. Look at it again, and decide again."
                    raise OutdatedError(msg)

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
        right = unmarked(self.facts, [name for name in names if name in self.facts], self.view)
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
        describe_class(self.workspace.catalog, self.store, label, text, act=act, reviewer=self.reviewer)
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

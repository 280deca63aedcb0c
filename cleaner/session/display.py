"""What a session shows: a view, its pages, and the images on the open one as they are described."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cleaner.audit.audit import Certificate
from cleaner.errors import StoreError
from cleaner.review import Decision
from cleaner.review.events import Blind
from cleaner.review.opinions import Due
from cleaner.review.state import AskedAgain
from cleaner.session.begun_groups import BegunGroups
from cleaner.session.cells import Cell, Colleague, Details, DuplicateRemark, Group, OneFix, Page, ProblemScore
from cleaner.session.colleagues import Colleagues
from cleaner.session.duplicate_groups import DuplicateGroups
from cleaner.session.fix_groups import FixGroups
from cleaner.session.legend import Legend
from cleaner.session.messages import (
    AuditStatus,
    Empty,
    Hint,
    Learnt,
    Notice,
    PageTitle,
    Proposed,
    Reason,
    Resumed,
    ReviewSummary,
    SimilarImages,
    Unmatched,
)
from cleaner.session.name_order import NameOrder
from cleaner.session.orders import (
    AUDIT,
    DUPLICATES,
    FIXES,
    LEARNING,
    ORDERS,
    OUTLIERS,
    TO_LABEL,
    Rows,
    filtered_rows,
    has_threshold,
    ordered_rows,
    problem_of,
    purpose_of,
)
from cleaner.session.paging import Paging
from cleaner.session.progress import Hidden, review_progress
from cleaner.session.snapshot import LearntOrder, Snapshot
from cleaner.session.view import NO_LABEL, GridView, Purpose

if TYPE_CHECKING:
    from cleaner.ranking import Ranking
    from cleaner.ranking.posterior import Count, Posterior

_NO_FILTERS = {
    AUDIT: Hint.NO_FILTERS_AUDIT,
    DUPLICATES: Hint.NO_FILTERS_DUPLICATES,
    FIXES: Hint.NO_FILTERS_GROUPS,
}
_ORDERED_BY = ("catalog", "ranking", "learnt")
_NO_RANKING_YET = (Hint.NO_RANKING, Hint.NO_LABELS, Hint.NEW_ORDER)


class Display:
    """Which page of which view a reviewer has before them, and what it says; records nothing.

    Not safe to be used by two threads at once: its session holds a lock.

    Parameters
    ----------
    known : Snapshot
    reviewer : str
    page_size : int
        Images on a page.
    saved : Path or None
        File that remembers the open page.
    begun : BegunGroups
        What was shown of the groups with one fix.
    certificate : callable
        Gives what the audit has shown so far, but for some images; None while there is none.
    colleagues : Colleagues
        Who has other images open.

    Attributes
    ----------
    known : Snapshot
        Replaced, never changed.
    groups : DuplicateGroups
        Those of the duplicates view, as they were when it was opened.
    fixes : FixGroups
        Those of the groups with one fix, likewise.
    offer : SimilarImages or None
        What `show_similar` would show.
    """

    def __init__(
        self,
        known: Snapshot,
        *,
        reviewer: str,
        page_size: int,
        saved: Path | None,
        begun: BegunGroups,
        certificate: Callable[[Collection[str]], Certificate | None],
        colleagues: Colleagues,
    ) -> None:
        self.known = known
        self.reviewer = reviewer
        self.groups = DuplicateGroups()
        self.fixes = FixGroups()
        self._begun = begun
        self.offer: SimilarImages | None = None
        self._aside: SimilarImages | None = None  # shown instead of a page
        self._certificate = certificate
        self._colleagues = colleagues
        self._formed: tuple[tuple[object, ...], DuplicateGroups] | None = None
        self._ordered: dict[str, tuple[Snapshot, Rows]] = {}
        self._scores: tuple[str, Snapshot, dict[str, float]] | None = None
        self._expected: tuple[tuple[object, ...], Count | None] | None = None  # errors on the next page
        self._legend = Legend(known.catalog.classes, known.state)
        # As of the last new page, and by what was decided on their labels by then. Known answers that are for
        # an audit are only among those in one: elsewhere they would be left for ever.
        self._due: tuple[frozenset[str], Counter[str]] = (frozenset(), Counter())
        self._due_in_audit = self._due
        self._shown_blind: dict[str, Blind] = {}  # on any page so far
        self.paging = Paging(
            self._names,
            is_open=self.is_open,
            is_reviewed=known.state.is_decided,
            page_size=page_size,
            saved=saved,
            unit_of=lambda view, name: self._group_of(name, view) or name,
            view=_first_view(known),
            names_now=known.state.latest_names,
            claim=colleagues.claim,
            is_taken=colleagues.has_open,
            look=colleagues.look,
            due=self._list_due,
            is_answered=lambda name, why: known.state.blind_answer(name, reviewer, why) is not None,
            reopened=lambda: known.state.reopened,
        )
        self._news: LearntOrder | None = None  # why the order changed, until the first page that shows it
        self._notices: list[Notice] = []
        if known.ranking is None:
            self._notices.append(Hint.NO_LABELS if self.view.order == TO_LABEL else Hint.NO_RANKING)
        done = known.state.progress()
        if done.decided:
            self._notices.append(Resumed(max(0, done.decided - self._hidden().to_come), len(known)))
        if done.asked_again or done.gone:
            self._notices.append(Unmatched(done.asked_again, done.gone))
        if known.learnt is not None:
            self._notices.append(Learnt(known.learnt.reordered))

    # ---------------------------------------------------------------- what is on show

    @property
    def view(self) -> GridView:
        """What is on show; similar images put before it are a question of labels like any other."""
        return self.paging.view if self._aside is None else replace(self.paging.view, order=LEARNING)

    @property
    def purpose(self) -> Purpose:
        """What the reviewer is asked on the open page."""
        return purpose_of(self.view.order)

    @property
    def is_blind(self) -> bool:
        """Whether the page shows nothing of what the model thinks: that of an audit."""
        return self.purpose is Purpose.AUDIT

    @property
    def shown_blind(self) -> Mapping[str, Blind]:
        """Those images of the page that are decided and shown as if they were not, and why."""
        page = self.paging.page if self._aside is None else None
        return {} if page is None else page.blind

    @property
    def hidden(self) -> frozenset[str]:
        """Decided images of which nothing may be told: they are shown as if they were not, now or later."""
        return self._due_in_audit[0].union(self.shown_blind)

    @property
    def untold(self) -> frozenset[str]:
        """Images on the open page of an audit of which its results say nothing until the page is left.

        Known answers among them never count. A result that goes up with every other answer on the page, but
        not with these, would tell which they are.
        """
        if not (self.is_blind and self.known.state.may_show_blind):
            return frozenset()
        return frozenset(self.names)

    @property
    def is_aside(self) -> bool:
        """Whether similar images are shown instead of a page."""
        return self._aside is not None

    @property
    def classes(self) -> list[str]:
        """All classes: the given ones in their natural order, then those made."""
        return list(self._legend.digits())

    @property
    def names(self) -> tuple[str, ...]:
        """Names on the page that is open; none at the end of a view."""
        return self.paging.names if self._aside is None else self._aside.names

    def next_names(self) -> Sequence[str]:
        """Return the names on the page that will probably come next."""
        return self.paging.pager.peek()

    def is_open(self, name: str) -> bool:
        """Tell whether this reviewer still has to decide: on what a colleague set aside, not on their own."""
        state = self.known.state
        if name not in self.known or state.is_decided(name):
            return False
        return state.of(name, reviewer=self.reviewer) is None

    def progress(self) -> dict[str, Any]:
        """Count; see `cleaner.ImageCleaner.progress`."""
        state = self.known.state
        of = (self.known.posterior, self.paging.page, self.view, state.reopened)
        expected = self._expected
        if expected is None or expected[0] != of:  # decisions on this page change nothing of it
            self._expected = expected = of, self._expect()
        return review_progress(
            state, self.reviewer, total=len(self.known), expected=expected[1], hidden=self._hidden()
        )

    def _expect(self) -> Count | None:
        """Return how many errors are on the next page; None if that cannot be said."""
        posterior = self.known.posterior
        if posterior is None or self.purpose is not Purpose.LABELS:
            return None
        following = list(filter(self.is_open, self.next_names()))
        return posterior.count(following) if following else None

    @property
    def hides_figures(self) -> bool:
        """Whether cards keep back the figures that would tell images shown blind from those around them.

        Those were on an earlier page for their loss and their place, and decisions change how probably a
        label is wrong.
        """
        view = self.view
        mixed = view.show == "undecided" and self.purpose.judges_labels
        return mixed and self.known.state.may_show_blind

    def _list_due(self) -> list[Due]:
        """Return the decided images that the reviewer is to be shown as if they were not."""
        due = [each for each in self.known.state.due(self.reviewer) if each.name in self.known]
        of_all = frozenset(each.name for each in due)
        elsewhere = of_all.difference(each.name for each in due if each.unaided)
        self._due = elsewhere, self.known.state.judgements_of(elsewhere)
        self._due_in_audit = of_all, self.known.state.judgements_of(of_all)
        return due

    def _hidden(self) -> Hidden:
        """Return what the numbers must not tell of the images that are shown blind, now or later."""
        state, answers = self.known.state, []
        self._shown_blind.update(self.shown_blind)
        due, judged_before = self._due_in_audit if self.is_blind and self.paging.page else self._due
        to_come = len(due)
        for name, why in self._shown_blind.items():
            answer = state.blind_answer(name, self.reviewer, why)
            if answer is not None:
                answers.append(answer.outcome)
            waits = answer is None or not answer.reviewed  # unsure is no look
            to_come += waits - (name in due)
        judged = judged_before + state.judgements_of(self._shown_blind.keys() - due)
        return Hidden(to_come, judged, answers)

    # ---------------------------------------------------------------- going elsewhere

    def form_groups(self, threshold: float | None) -> DuplicateGroups:
        """Form the groups of duplicates ahead; for any thread, without the lock.

        They are remembered until they are shown or a decision comes.
        """
        known, formed = self.known, self._formed
        key = (known, threshold, known.state.last_seq)
        if formed is None or formed[0][0] is not known or formed[0][1:] != key[1:]:
            self._formed = formed = (key, DuplicateGroups.find(known, threshold))
        return formed[1]

    def set_view(self, view: GridView) -> None:
        """Show something else; pages of a view that was left are found again as they were."""
        self._aside = self.offer = None
        order = ORDERS.get(view.order)
        plain = view
        if order is not None and not order.filters:
            plain = GridView(order=view.order, threshold=view.threshold)
        self.show_proposal()
        self.paging.look_at(plain)
        self._notices = [] if plain == view else [_NO_FILTERS[view.order]]

    def turn(self, by: int) -> None:
        """Go a page on (1) or back (-1) without deciding."""
        if self._aside is not None:
            self._aside = None
        elif self.paging.turn(by):
            self._notices = []
            self.show_proposal()
            if by > 0:
                self._tell_news()

    def go_on(self) -> None:
        """Go on after a Confirm: to the next page with something to decide, or back from similar images."""
        self.offer = None
        if self._aside is not None:
            self._aside = None
            return
        self._notices = []
        self.show_proposal()
        self.paging.go_on()
        self._tell_news()

    def go_to(self, names: Sequence[str]) -> bool:
        """Open the page that shows some images, as an undo does; tells whether it moved."""
        touched, moved = set(names), False
        if self._aside is not None and touched and touched.isdisjoint(self._aside.names):
            self._aside, moved = None, True
        if touched.isdisjoint(self.names):
            opened = self.paging.open(name for name in names if name in self.known)
            moved = moved or opened is not None
        return moved

    def show_similar(self) -> None:
        """Put the pages aside for one with images similar to what was just decided."""
        offer, self.offer = self.offer, None
        free = () if offer is None else self._colleagues.claim([*self.paging.names, *offer.names])
        names = () if offer is None else tuple(n for n in offer.names if n in free and self.is_open(n))
        if offer is None or not names:
            msg = "No similar images are on offer. Relabel or delete an image first."
            raise StoreError(msg)
        self._aside = replace(offer, names=names)

    # ---------------------------------------------------------------- what is found out meanwhile

    def show_proposal(self) -> None:
        """Show the labels that were proposed last."""
        if self.known.shown_proposal is not self.known.proposal:
            self.known = replace(self.known, shown_proposal=self.known.proposal)

    def take_posterior(self, ranking: Ranking, posterior: Posterior) -> None:
        """Take what is believed of the errors of a ranking, if that is still the one in use."""
        if self.known.ranking is ranking:
            self.known = replace(self.known, posterior=posterior)
            self._expected = None  # which holds the one before, 60 MB for a million images

    def take_learnt(self, learnt: LearntOrder) -> bool:
        """Put what was never shown in the order that was learnt; tells whether the next page is another one.

        The open page stays as it is.
        """
        if self.known.ranking is not learnt.ranking:
            return False
        before = set(self.next_names())
        self.known = replace(self.known, learnt=learnt)
        self.paging.rearrange(LEARNING)
        changed = set(self.next_names()) != before
        if changed:
            self._news = learnt
        return changed

    def take_proposal(self, known: Snapshot) -> bool:
        """Take labels proposed for images without one; tells whether the open page shows them at once.

        It does if nothing on it is decided and it shows no suggestion yet; else they start with the next
        page: what Confirm accepts is what was seen.
        """
        first = self.known.proposal is None
        self.known = known
        if known.proposal is None:
            return False
        if self.view.order != TO_LABEL:
            self.paging.rearrange(TO_LABEL)
            return False
        cells = self.cells(self.names)
        at_once = all(cell.action is None and cell.suggestion is None for cell in cells)
        if at_once:
            self.show_proposal()
        if at_once and first:
            self._notices = [notice for notice in self._notices if notice is not Hint.NO_LABELS]
            self.paging.reorder()
        else:
            self.paging.rearrange(TO_LABEL)
        return at_once

    def take_ranking(self, known: Snapshot, *, stay: bool) -> None:
        """Take a new ranking: at once if nothing on the page is decided, else from the next page on.

        With ``stay``, from the next page on in any case.
        """
        self.known = known
        self._notices = [notice for notice in self._notices if notice not in _NO_RANKING_YET]
        if self.paging.reorder(swap=not stay) and not self.is_blind:
            self._notices.append(Hint.NEW_ORDER)

    def announce_order(self) -> bool:
        """Say that the first order comes with the next page, if the page says that there is none."""
        if Hint.NO_RANKING not in self._notices:
            return False
        self._notices = [Hint.NEW_ORDER if notice is Hint.NO_RANKING else notice for notice in self._notices]
        return True

    def take_checks(self, known: Snapshot) -> None:
        """Take what was found of duplicates and poor images; the open page stays as it is."""
        self.known = known
        self.paging.rearrange(OUTLIERS)

    def rename_filters(self) -> None:
        """Let the filters name classes as they are now; one by a class that is gone is taken away."""
        view, state = self.paging.view, self.known.state
        present = {*self.classes, NO_LABEL, None}

        def now(label: str | None) -> str | None:
            if label in present or label is None:
                return label
            return state.label_now(label) if state.label_now(label) in present else None

        pairs = [(now(label), agreement) for label, agreement in view.agreement or ()]
        kept = tuple((label, agreement) for label, agreement in pairs if label is not None)
        renamed = replace(
            view,
            given=now(view.given),
            predicted=now(view.predicted),
            now=now(view.now),
            agreement=kept or None,
        )
        if renamed != view:
            self.set_view(renamed)

    # ---------------------------------------------------------------- the open page

    def page(self) -> Page:
        """Return the page that is open."""
        paging, summary = self.paging, ReviewSummary(self.progress(), self.view)
        digits, sets = self._legend.digits(), self.known.catalog.label_sets
        separator = "" if sets is None else sets.separator
        if self._aside is not None:
            return Page(
                id=self.page_id(),
                cells=self.cells(self._aside.names),
                classes=tuple(digits),
                digits=tuple(digits.values()),
                separator=separator,
                summary=summary,
                notices=(self._aside,),
                can_go_back=True,
                same=(self._aside.action, self._aside.label),
            )
        page, notices = paging.page, list(self._notices)
        if paging.view.order == TO_LABEL and self.known.proposal is not None and page is not None:
            notices.append(Proposed(self.known.proposal))
        certificate = self._certificate(self.untold) if self.is_blind else None
        if certificate is not None:
            notices.append(AuditStatus(certificate))
        return Page(
            id=self.page_id(),
            cells=self.cells(paging.names),
            classes=tuple(digits),
            digits=tuple(digits.values()),
            separator=separator,
            title=None if page is None else PageTitle(page.number, self.purpose, page.again),
            summary=summary,
            notices=tuple(notices),
            empty=None if page is not None else self._empty(certificate, summary.progress),
            can_go_back=paging.can_go_back,
            can_go_on=paging.can_go_on,
            offer=0 if self.offer is None else len(self.offer.names),
            purpose=str(self.purpose),
            groups=self._groups(),
        )

    def page_id(self) -> str:
        """Name what is on show, so that no act is taken for one on another page.

        Where images without a label have other suggestions, or duplicates stand in other groups, an act means
        another thing: that is another page, too.
        """
        view = self.paging.view.key if self._aside is None else "look-alikes"
        what = "\0".join([view, *map(self._as_shown, self.names)])
        return hashlib.sha256(what.encode("utf-8", "surrogateescape")).hexdigest()[:24]

    def cells(self, names: Iterable[str]) -> tuple[Cell, ...]:
        """Describe images as they are now; names that are not in the set are passed over."""
        listed = [name for name in names if name in self.known]
        conflicts, again = self.known.state.conflicts(listed), self.known.state.asked_again()
        return tuple(self._cell(name, conflicts.get(name, ()), again.get(name)) for name in listed)

    # ---------------------------------------------------------------- inside

    def _names(self, view: GridView) -> NameOrder:
        """Return the names that a view shows, in its order; raises `CleanerError` for an unknown order."""
        known = self.known
        if view.order == DUPLICATES:
            self.groups, self._formed = self.form_groups(view.threshold), None
            return NameOrder.of(name for name in self.groups.names if name in known)
        if view.order == FIXES:
            before = [] if known.ranking is None else self._begun.of(known.ranking.model)
            self.fixes = FixGroups.resumed(known, self.is_open, before)
            return NameOrder.of(self.fixes.names)
        rows = filtered_rows(view, self.order_ahead(view, known), known)
        return NameOrder(known.catalog.names, rows, known.catalog.places)

    def order_ahead(self, view: GridView, known: Snapshot) -> Rows:
        """Return the rows of a view in order, before its filters; for any thread, without the lock.

        Orders that decisions do not change are remembered as long as catalog and ranking are the same.
        """
        before = self._ordered.get(view.order)
        if before is not None and all(getattr(before[0], n) is getattr(known, n) for n in _ORDERED_BY):
            return before[1]
        rows = ordered_rows(view, known)
        if view.order in ORDERS and ORDERS[view.order].whole:
            self._ordered[view.order] = known, rows
        return rows

    def _tell_news(self) -> None:
        """Say why the order changed on the first page that comes in the new order."""
        view = self.paging.view
        if self._news is not None and view.order == LEARNING and view.show == "undecided":
            self._notices.append(Learnt(self._news.reordered))
            self._news = None

    def _empty(self, certificate: Certificate | None, progress: dict[str, Any]) -> Empty:
        view = self.paging.view
        if self.is_blind:
            return Empty(Reason.NO_AUDIT if certificate is None else Reason.AUDIT_ENDED, view, self.purpose)
        if self.known.checks is None and has_threshold(view.order):
            return Empty(Reason.NOT_CHECKED, view, self.purpose)
        pager = self.paging.pager
        left, unsure = progress["left"], progress["unsure"]
        return Empty(Reason.END, view, self.purpose, pager.total, left, unsure, with_colleagues=pager.taken)

    def _groups(self) -> tuple[Group | OneFix, ...]:
        if self.purpose is Purpose.FIXES:
            groups = self.fixes.page_groups(self.paging.names, self.known)
            if self.known.ranking is not None:
                self._begun.add((self.fixes.groups[each.id] for each in groups), self.known.ranking.model)
            return groups
        if self.purpose is not Purpose.COPIES:
            return ()
        return self.groups.page_groups(self.paging.names, self.known.state)

    def _group_of(self, name: str, view: GridView | None = None) -> str | None:
        """Return the group that an image stands in, in this view or another one; None if in none."""
        if (view or self.view).order == FIXES:
            return self.fixes.group_of(name)
        number = self.groups.group_of(name)
        return None if number is None else str(number)

    def _as_shown(self, name: str) -> str:
        if self.purpose.in_groups:
            return f"{name}\0{self._group_of(name)}"
        if self.purpose is not Purpose.LABELS or not self.known.lacks_labels():
            return name
        if name not in self.known or self.known.given(name) is not None:
            return name
        model = self.known.known(name)
        return name if model is None or not model.sure else f"{name}\0{model.predicted}"

    def _cell(self, name: str, conflict: tuple[Decision, ...], again: AskedAgain | None) -> Cell:
        """Describe an image as it is now.

        A colleague's *unsure* is a note, no decision. An audit shows nothing of what the model thinks; where
        labels are not what is asked, a suggestion would only distract.
        """
        blind = self.shown_blind.get(name)
        if blind is None:
            decision = self.known.state.of(name)
        else:  # as if nobody had decided on it, but for what is said of it now
            decision = self.known.state.blind_answer(name, self.reviewer, blind)
            conflict, again = (), None
        model = None if self.is_blind else self.known.known(name)
        shown = model if self.purpose.judges_labels else None
        fix = self.fixes.by_name.get(name) if self.purpose is Purpose.FIXES else None
        notes = [
            Colleague(each.reviewer, *_shown_as(each), again=each.blind is Blind.AGAIN) for each in conflict
        ]
        if decision is not None and not decision.reviewed and decision.reviewer != self.reviewer:
            notes.append(Colleague(decision.reviewer, "unsure"))
            decision = None
        action, label = (None, None) if decision is None else _shown_as(decision)
        duplicate = self.groups.by_name.get(name) if self.purpose is Purpose.COPIES else None
        return Cell(
            name=name,
            given=self.known.given(name),
            suggestion=self.suggestion(name),
            probability=fix.probability[name] if fix else None if shown is None else shown.probability,
            sure=shown is None or shown.sure,
            loss=None if shown is None or self.hides_figures else shown.loss,
            action=action,
            label=label,
            reviewer=None if decision is None else decision.reviewer,
            mine=decision is None or decision.reviewer == self.reviewer,
            notes=tuple(notes),
            details=Details(
                split=self.known.split(name),
                best=() if model is None else model.best[:3],
                score=None if model is None or self.hides_figures else model.score,
                place=None if model is None or model.loss is None or self.hides_figures else model.place,
                ranked=self.known.ranked(),
            ),
            group=self._group_of(name) if self.purpose.in_groups else None,
            advice=self._advice(name),
            remark=self._problem_score(name) if duplicate is None else duplicate.remark,
            again=again,
            likely=() if model is None else model.likely,
        )

    def _advice(self, name: str) -> str:
        """Return what is best done with an image in its group; see `Cell`."""
        if self.purpose is Purpose.FIXES:
            fix = self.fixes.by_name.get(name)
            return "look" if fix is not None and name in fix.looks and self.is_open(name) else ""
        duplicate = self.groups.by_name.get(name) if self.purpose is Purpose.COPIES else None
        return "" if duplicate is None else duplicate.advice

    def suggestion(self, name: str) -> str | None:
        """Return the label that the page suggests for an image; None if it suggests none."""
        if self.purpose is Purpose.FIXES:
            fix = self.fixes.by_name.get(name)
            return None if fix is None else fix.label
        model = self.known.known(name) if self.purpose is Purpose.LABELS else None
        return None if model is None else model.predicted

    def _problem_score(self, name: str) -> ProblemScore | DuplicateRemark | None:
        order = self.view.order
        if self._scores is None or self._scores[0] != order or self._scores[1] is not self.known:
            self._scores = (order, self.known, _scores_of(order, self.known))
        score = self._scores[2].get(name)
        return None if score is None else ProblemScore(order, score)


def _scores_of(order: str, known: Snapshot) -> dict[str, float]:
    """Return the scores, 0..1, higher = worse, that an order of poor images or outliers is about."""
    checks, problem = known.checks, problem_of(order)
    if checks is None:
        return {}
    if problem is not None:
        return dict(zip(checks.quality.table["name"], checks.quality.scores(problem), strict=True))
    if order == OUTLIERS and checks.outliers is not None:
        return dict(zip(checks.outliers.table["name"], checks.outliers.table["score"], strict=True))
    return {}


def _first_view(known: Snapshot) -> GridView:
    """Begin with labelling where nothing has a label yet."""
    labels = known.catalog.labels
    nothing = len(labels) > 0 and all(label is None for label in labels)
    return GridView(order=TO_LABEL) if nothing else GridView()


def _shown_as(decision: Decision) -> tuple[str, str | None]:
    if decision.outcome in ("relabel", "label"):
        return "relabel", decision.new_label
    return decision.outcome, None

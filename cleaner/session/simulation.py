"""Playing the expert with known answers, in a `ReviewSession` as the page has one.

Decisions go to a store in a temporary folder; what a page taught moves images from the page after the next
one on.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cleaner.dataset.catalog import Catalog
from cleaner.dataset.file_index import FileIndex
from cleaner.dataset.label_sets import LabelSets
from cleaner.errors import RankingError
from cleaner.images.thumbnails import ThumbnailCache
from cleaner.ranking.result import Ranking
from cleaner.ranking.set_ranking import SetRanking
from cleaner.review import Choice, ReviewStore
from cleaner.session.acts import ADD, REMOVE, SUGGEST
from cleaner.session.cells import OneFix
from cleaner.session.orders import AUDIT, FIXES
from cleaner.session.session import ReviewSession, Work
from cleaner.session.view import GridView
from cleaner.util.progress import SILENT, Reporter, Stage

LEARNING = "learning"
"""The default ordering, re-ordered by the decisions as on the page."""

GROUPS = "groups"
"""First the groups with one fix, whole groups at once; then one image after the other, as in `LEARNING`."""

RANDOM = "random"
"""No ranking at all."""

COLUMNS = (
    "ordering",
    "page",
    "looks",
    "errors_found",
    "recall",
    "mistakes",
    "wrong_left",
    "keys",
    "groups",
    "expected_next",
    "next_low",
    "next_high",
    "left",
    "expected_left",
    "left_low",
    "left_high",
    "audited",
    "left_at_most",
    "recall_at_least",
)
"""Columns of what `simulate` returns."""

_SLIPS, _GLANCES = 1, 2  # which stream of random numbers
_ACROSS = 6  # images in a row of the page
_TOLERATED = (
    0.5  # share of a group, at most, that may be relabelled wrongly: beyond, it does more harm than good
)


def simulate(
    ranking: Ranking,
    truth: Mapping[str, str | None],
    *,
    orderings: Sequence[str] = (LEARNING, "pooled", RANDOM),
    looks: int | None = None,
    page_size: int = 24,
    reviewer_error: float = 0.0,
    overlooked: float = 0.0,
    seed: int = 0,
    audit: int = 0,
    reporter: Reporter = SILENT,
) -> pd.DataFrame:
    """Review a ranking with known answers, once for every ordering.

    Parameters
    ----------
    ranking : Ranking
        Of the given labels; its unlabelled images are left out.
    truth : mapping of str to str or None
        Right label of each image; None: it belongs to no class, and the expert deletes it. Where images
        can have several labels, they are joined as in the ranking, in any order.
    orderings : sequence of str
        `LEARNING`, `GROUPS`, `RANDOM`, and names of `cleaner.ranking.ORDERINGS`.
    looks : int, optional
        Images to look at, rounded up to whole pages; all by default.
    page_size : int
        Images on a page.
    reviewer_error : float
        Chance, 0..1, that the expert judges an image wrongly: keeps a wrong label, or gives a right one away.
    overlooked : float
        Chance, 0..1, that the expert does not notice an image of a group that does not belong there, unless
        it is one of those to look at one by one.
    seed : int
        Of the mistakes, the random order and the audit.
    audit : int
        Images to look at in a random audit after those looks.
    reporter : Reporter

    Returns
    -------
    DataFrame
        One row a page, and one before the first. Columns `COLUMNS`: ``errors_found`` are wrong labels that
        the expert saw to be wrong, ``recall`` their share of all wrong labels, ``mistakes`` the images judged
        wrongly so far, ``wrong_left`` the images that have a wrong label now, ``keys`` the keys pressed so
        far (a decision, a step to another image, a whole group, a page: one each), ``groups`` those
        relabelled at once so far, ``expected_next`` the errors expected on the next page, from ``next_low``
        to ``next_high`` with 90 % probability, ``left`` the wrong labels nobody has looked at, and
        ``expected_left``, ``left_low``, ``left_high`` what is said of their number (missing for an ordering
        without probabilities, and among groups), ``audited``, ``left_at_most`` and ``recall_at_least`` what
        the certificate says (missing before the audit).

    Raises
    ------
    RankingError
        An unknown ordering, an image whose truth is missing, or numbers that cannot be.
    Cancelled
        The reporter asked to stop.
    """
    _check(ranking, orderings, looks, page_size, reviewer_error)
    sets = ranking.sets if isinstance(ranking, SetRanking) else None
    if GROUPS in orderings and sets is not None:
        msg = "Images of this set can have several labels. Groups with one fix need one label for each image."
        raise RankingError(msg)
    if GROUPS in orderings and ranking.clusters is None:
        msg = "This ranking has no groups: it was made without features, or long ago. Rank the images again."
        raise RankingError(msg)
    if sets is not None:
        truth = {name: sets.canonical(label) for name, label in truth.items()}
    given = {name: label for name, label in zip(ranking.names, ranking.given, strict=True) if label}
    missing = [name for name in given if name not in truth]
    if missing:
        some = ", ".join(map(repr, missing[:3]))
        msg = f"The truth of {len(missing):,} images is missing ({some} …); give a label for each, or None."
        raise RankingError(msg)
    rows: list[dict[str, object]] = []
    most = len(given) if looks is None else min(looks, len(given))
    for number, ordering in enumerate(orderings):
        reporter.check()
        reporter(Stage.SIMULATE, number, len(orderings))
        with tempfile.TemporaryDirectory(prefix="cleaner-", ignore_cleanup_errors=True) as folder:
            expert = _Expert(truth, given, ranking.classes, sets, reviewer_error, overlooked, seed)
            with _Review(ranking, ordering, expert, Path(folder), page_size, seed) as review:
                if ordering == GROUPS:
                    review.review_groups(most, reporter)
                review.review(most, reporter)
                review.certify(audit, reporter)
                rows += review.rows
    reporter(Stage.SIMULATE, len(orderings), len(orderings))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _check(
    ranking: Ranking, orderings: Sequence[str], looks: int | None, page_size: int, reviewer_error: float
) -> None:
    known = [LEARNING, GROUPS, RANDOM, *ranking.signals]
    unknown = [ordering for ordering in orderings if ordering not in known]
    if unknown:
        msg = f"Got the ordering {unknown[0]!r}; expected one of {', '.join(known)}."
        raise RankingError(msg)
    if (looks is not None and looks < 1) or page_size < 1 or not 0 <= reviewer_error < 1:
        msg = (
            f"Got {looks} looks, pages of {page_size} and a reviewer's error of {reviewer_error}; expected "
            "at least one look, at least one image a page, and an error from 0 up to (not including) 1."
        )
        raise RankingError(msg)


class _Expert:
    """Knows the answers, and errs now and then; an image asked about again gets the same answer."""

    def __init__(
        self,
        truth: Mapping[str, str | None],
        given: Mapping[str, str],
        classes: Sequence[str],
        sets: LabelSets | None,
        error: float,
        overlooked: float,
        seed: int,
    ) -> None:
        self.truth, self.given, self.sets = truth, given, sets
        # Not the stream of `default_rng(seed)`, by which somebody may have made the wrong labels.
        rng = np.random.default_rng((seed, _SLIPS))
        names = sorted(given)
        slips = dict(zip(names, (rng.random(len(names)) < error).tolist(), strict=True))
        picks = rng.integers(0, max(1, len(classes) - 1), len(names)).tolist()
        self._slips, self._pick_of = slips, dict(zip(names, picks, strict=True))
        self._classes = list(classes)
        rng = np.random.default_rng((seed, _GLANCES))
        self._overlooks = dict(zip(names, (rng.random(len(names)) < overlooked).tolist(), strict=True))

    def is_error(self, name: str) -> bool:
        return self.truth[name] != self.given[name]

    def takes_out(self, name: str, label: str) -> bool:
        """Tell whether the expert notices among the images of a group that one is not what the group is."""
        return self.truth[name] != label and not self._overlooks[name]

    def choice(self, name: str) -> Choice | None:
        """Return what the expert marks; None for an image that stays unmarked and is confirmed."""
        label, given = self.truth[name], self.given[name]
        if self._slips[name]:
            if self.is_error(name):
                return None
            others = [each for each in map(partial(self._with, given), self._classes) if each != given]
            label = others[self._pick_of[name] % len(others)] if others else None
        elif not self.is_error(name):
            return None
        if label is None:
            return Choice(name=name, action="delete", given=given)
        return Choice(name=name, action="relabel", label=label, given=given)

    def _with(self, given: str, name: str) -> str:
        """Return a label instead of another one, with a class: that alone, or one class more or less."""
        if self.sets is None:
            return name
        return self.sets.with_class(given, name, there=name not in self.sets.split(given))

    def acts(self, choice: Choice, suggestion: str | None) -> list[tuple[str, str | None]]:
        """Return the acts, a key each, by which the expert marks an image: action and label.

        Where images can have several labels, a suggestion that is right is taken as a whole; else classes are
        given and taken one by one.
        """
        if self.sets is None or choice.label is None:
            return [(choice.action, choice.label)]
        if choice.label == suggestion:
            return [(SUGGEST, None)]
        before, after = (set(self.sets.split(label)) for label in (choice.given, choice.label))
        changed = [(ADD, name) for name in sorted(after - before)]
        return [*changed, *((REMOVE, name) for name in sorted(before - after))]


class SimulatedSet:
    """A data set without images: what a `ReviewSession` needs to review a ranking."""

    seed = 0
    name = "simulation"
    reviewer = "simulated expert"

    def __init__(self, given: Mapping[str, str], folder: Path, sets: LabelSets | None = None) -> None:
        table = pd.DataFrame({"name": list(given), "label": list(given.values())})
        self.catalog = Catalog(table, root=folder, label_sets=sets)
        self.store = ReviewStore(folder / "review.db", dataset=self.name, reviewer=self.reviewer)
        self.state = folder
        self.index = FileIndex(folder / "index.db")
        self.thumbnails = ThumbnailCache(folder / "thumbnails")

    def options(self) -> dict[str, Any]:
        """Return what opens the folder in another process."""
        return {"root": str(self.state), "state": str(self.state)}

    def close(self) -> None:
        """Close the store and the index of files."""
        self.store.close()
        self.index.close()


class _Review:
    """One review by one ordering, in a session like that of the page."""

    def __init__(
        self, ranking: Ranking, ordering: str, expert: _Expert, folder: Path, page_size: int, seed: int
    ) -> None:
        self.ranking, self.ordering, self.expert, self.seed = ranking, ordering, expert, seed
        self.rows: list[dict[str, object]] = []
        self.images = SimulatedSet(expert.given, folder, expert.sets)
        learns = ordering in (LEARNING, GROUPS)
        self.session = ReviewSession(
            self.images,
            ranking=ranking if learns else _in_order(ranking, ordering, seed),
            page_size=page_size,
            in_background=False,
            works_out={Work.ORDER} if learns else (),
        )
        self.wrong_left = {name for name in expert.given if expert.is_error(name)}
        self.errors = len(self.wrong_left)
        self.looks = self.found = self.mistakes = self.keys = self.groups = 0
        self._note(self.session.names)

    def __enter__(self) -> _Review:
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()
        self.images.close()

    def review(self, looks: int, reporter: Reporter) -> None:
        """Decide on page after page until so many images were looked at."""
        while self.session.names and self.looks < looks:
            reporter.check()
            self._decide(self.session.names)
            self._note(self.session.names)

    def review_groups(self, looks: int, reporter: Reporter) -> None:
        """Decide on the groups with one fix until so many images are decided, and go on to single images."""
        self.session.set_view(order=FIXES)
        while self.session.names and self.looks < looks:
            reporter.check()
            for group in self.session.page().groups:
                assert isinstance(group, OneFix)
                self._decide_group(group)
            self.session.confirm()
            self.keys += 1
            self._note(())
        self.session.set_view(GridView())

    def certify(self, looks: int, reporter: Reporter) -> None:
        """Audit what is left, page by page in random order."""
        state = self.images.store.state
        open_names = [name for name in self.expert.given if not state.is_decided(name)]
        if looks < 1 or not open_names:
            return
        self.session.audit.begin(seed=f"simulation {self.seed}")
        self.session.set_view(order=AUDIT)
        left = min(looks, len(open_names))
        while left > 0:
            reporter.check()
            names = self.session.names[:left]
            self._decide(names)
            left -= len(names)
            said = self.session.audit.certificate()
            assert said is not None
            self._note((), audited=said.audited, left_at_most=said.left, recall_at_least=said.recall)

    def _decide(self, names: Sequence[str]) -> None:
        """Mark what seems wrong, confirm the rest, as on the page."""
        marked, at = set(), 0
        for place, name in enumerate(names):
            choice = self.expert.choice(name)
            if choice is not None:
                marked.add(name)
                acts = self.expert.acts(choice, self._suggested(name))
                for action, label in acts:
                    self.session.decide(name, action, label, new_class=action != REMOVE)
                self.keys += _steps(place - at) + len(acts)
                stays = acts[-1][0] in (ADD, REMOVE)  # else the page goes on to the next one by itself
                at = place if stays else place + 1
            self._count(name, choice)
        self.session.confirm([name for name in names if name not in marked])
        self.keys += 1

    def _suggested(self, name: str) -> str | None:
        """Return the label that the page suggests for an image."""
        known = None if self.session.view.order == AUDIT else self.session.known.known(name)
        return None if known is None else known.predicted

    def _decide_group(self, group: OneFix) -> None:
        """Look at some images, take out what does not belong there, and relabel the rest."""
        names = [cell.name for cell in self.session.page().cells if cell.group == group.id]
        at = 0
        for place, name in enumerate(names):
            if place < group.looks or self.expert.takes_out(name, group.label):
                choice = self.expert.choice(name)
                action, label = ("keep", None) if choice is None else (choice.action, choice.label)
                self.session.decide(name, action, label, new_class=True)
                self._count(name, choice)
                self.keys += _steps(place - at) + 1
                at = place + 1
        page = self.session.page()
        now = next(each for each in page.groups if each.id == group.id)
        rest = [cell.name for cell in page.cells if cell.group == group.id and cell.action is None]
        if not isinstance(now, OneFix) or now.at_most is None or now.at_most > _TOLERATED * len(rest):
            self.keys += 1  # to the next group
            return
        self.session.decide(rest, "group", group.label)
        self.keys += 1
        self.groups += 1
        for name in rest:
            self._count(name, Choice(name=name, action="relabel", label=group.label))

    def _count(self, name: str, choice: Choice | None) -> None:
        """Count a look, and what was made of it; None: kept."""
        wrong, marked = self.expert.is_error(name), choice is not None
        self.looks += 1
        self.found += wrong and marked
        self.mistakes += wrong != marked
        label = self.expert.given[name] if choice is None else choice.label
        if label == self.expert.truth[name]:
            self.wrong_left.discard(name)
        else:
            self.wrong_left.add(name)

    def _note(self, next_names: Sequence[str], **audited: object) -> None:
        undecided = [name for name in self.expert.given if not self.images.store.state.is_decided(name)]
        self.rows.append(
            {
                "ordering": self.ordering,
                "page": len(self.rows),
                "looks": self.looks,
                "errors_found": self.found,
                "recall": self.found / self.errors if self.errors else None,
                "mistakes": self.mistakes,
                "left": sum(map(self.expert.is_error, undecided)),
                "wrong_left": len(self.wrong_left),
                "keys": self.keys,
                "groups": self.groups,
                **self._expected(next_names, undecided),
                **audited,
            }
        )

    def _expected(self, names: Sequence[str], undecided: Sequence[str]) -> dict[str, float]:
        """Return what is said of the next page, and of all that is left."""
        posterior = self.session.known.posterior
        if self.ordering not in (LEARNING, GROUPS, "pooled") or posterior is None or not names:
            return {}
        ahead, rest = posterior.count(names), posterior.count(undecided)
        return {
            "expected_next": ahead.point,
            "next_low": ahead.low,
            "next_high": ahead.high,
            "expected_left": rest.point,
            "left_low": rest.low,
            "left_high": rest.high,
        }


def _steps(forward: int) -> int:
    """Return how many arrow keys lead so many images on: down and along the rows, whatever is shortest."""
    return min(down + abs(forward - _ACROSS * down) for down in range(forward // _ACROSS + 2))


def _in_order(ranking: Ranking, ordering: str, seed: int) -> Ranking:
    """Return a ranking whose default order is another one, as scores that say nothing but the place."""
    if ordering == RANDOM:
        labelled = dict(zip(ranking.names, ranking.given, strict=True))
        names = sorted(name for name, label in labelled.items() if label)
        np.random.default_rng(seed).shuffle(names)
        names += [name for name, label in labelled.items() if not label]
    else:
        names = ranking.order(ordering).tolist()
    places = dict(zip(names, range(len(names), 0, -1), strict=True))
    alike = ranking.at(
        np.arange(len(ranking)), names=ranking.names, given=ranking.given, classes=ranking.classes
    )
    order = np.array([places[name] for name in ranking.names], dtype=np.float32)
    alike.signals = {"pooled": order, "loss": ranking.signals["loss"]}
    alike.features, alike.originals = {}, None
    return alike

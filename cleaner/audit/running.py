"""The audit of a data set as it stands: its file, the catalog and the decisions together."""

import threading
from collections.abc import Callable, Collection, Container
from dataclasses import replace
from pathlib import Path

from cleaner.audit.acceptance import PlanKind, Terms
from cleaner.audit.audit import Acceptance, Audit, Certificate, Outcomes, audit_file
from cleaner.audit.bound import FOR_RATE
from cleaner.audit.known import most_missed
from cleaner.dataset.catalog import Catalog
from cleaner.errors import RankingError
from cleaner.review.labels import WRONG
from cleaner.review.store import ReviewStore


class RunningAudit:
    """Follows the audit that is kept in a state folder; safe to use from several threads.

    Parameters
    ----------
    folder : Path
        The state folder.
    store : ReviewStore
        The decisions, also the name of the data set.
    catalog : callable
        Gives the images as they are now.
    """

    def __init__(self, folder: Path, store: ReviewStore, *, catalog: Callable[[], Catalog]) -> None:
        self._store = store
        self._catalog = catalog
        self._path = audit_file(folder, store.dataset)
        self._lock = threading.Lock()
        self._seen: tuple[object, ...] | None = None
        self._audit: Audit | None = None

    @property
    def audit(self) -> Audit | None:
        """The audit, also one that another page or kernel has begun; None if there is none.

        Its images have their present names.

        Raises
        ------
        RankingError
            Its file cannot be read.
        """
        with self._lock:
            try:
                stat = self._path.stat()
            except FileNotFoundError:
                self._seen = self._audit = None
                return None
            state = self._store.state
            seen = (stat.st_mtime_ns, stat.st_size, state.images)
            if self._seen is None or seen[:2] != self._seen[:2] or seen[2] is not self._seen[2]:
                audit = Audit.load(self._path)
                self._audit, self._seen = None if audit is None else audit.named(state.names_now), seen
            return self._audit

    def begin(self, *, seed: str | None = None) -> Audit:
        """Begin with all labelled images that nobody has decided or set aside, or let new ones join.

        Raises
        ------
        RankingError
            There is nothing to audit, or its file cannot be written.
        """
        state = self._store.state
        judgements = state.judgements()
        return Audit.begin(
            self._path,
            self._open_names(judgements),
            judgements,
            seed=seed,
            contents={} if state.images is None else state.images.contents,
            names_now=state.names_now,
        )

    def fix_plan(self, terms: Terms, kind: PlanKind, *, by: str = "", seed: str | None = None) -> Audit:
        """Begin an audit with an acceptance plan, of all labelled images that nobody has decided on.

        An audit that is there is kept beside, and counted among the attempts.

        Parameters
        ----------
        terms : Terms
            With ``measured``, the share of misses is taken from the answers to known images.
        kind : PlanKind
        by : str
            ``class`` or ``split`` for a verdict on each of them; empty for one on all images.
        seed : str, optional

        Raises
        ------
        RankingError
            There is nothing to audit, no sample can keep the risks, images with several labels are to be
            divided by class, or the file cannot be written.
        """
        state, catalog = self._store.state, self._catalog()
        judgements = state.judgements()
        if terms.measured:
            terms = replace(terms, misses=self.misses(alpha=terms.beta / 2) or 0.0)
        parts: dict[str, list[str]] = {}
        if by == "class" and catalog.label_sets is not None:
            msg = (
                "Images with several labels cannot be divided by class. Ask for one plan for all images, or "
                "for one for each split."
            )
            raise RankingError(msg)
        rows = zip(catalog.names.tolist(), catalog.labels.tolist(), catalog.splits.tolist(), strict=True)
        for name, label, split in rows:
            if label is not None and name not in judgements:
                part = {"class": state.label_now(label), "split": str(split or "none")}.get(by, "")
                parts.setdefault(part, []).append(name)
        return Audit.begin_anew(
            self._path,
            Audit.planned(parts, terms, kind, by=by, seed=seed),
            judgements,
            contents={} if state.images is None else state.images.contents,
            names_now=state.names_now,
        )

    def acceptance(self, *, but: Collection[str] = ()) -> Acceptance | None:
        """Return what the acceptance plan says; None while there is none.

        Parameters
        ----------
        but : collection of str
            Images that count as if nobody had judged them yet.
        """
        audit = self.audit
        if audit is None:
            return None
        judged = _without(self._store.state.judgements(), audit, but)
        return audit.acceptance(judged, is_there=self._catalog().places.__contains__)

    def sample(self) -> tuple[str, ...]:
        """Return the images that the certificate rests on, in the order drawn; empty while there is none."""
        audit = self.audit
        if audit is None:
            return ()
        return audit.sample(self._store.state.judgements(), is_there=self._catalog().places.__contains__)

    def newcomers(self) -> list[str]:
        """Return the undecided images that came after the audit had begun."""
        audit = self.audit
        if audit is None:
            return []
        marked = self._store.state.judgements()
        return [name for name in self._open_names(marked) if name not in audit.population]

    def sequence(self) -> list[str]:
        """Return the images of the audit that are there, in its order; empty while there is no audit."""
        audit = self.audit
        if audit is None:
            return []
        rows = self._catalog().places.find(audit.sequence).tolist()
        return [name for name, row in zip(audit.sequence, rows, strict=True) if row >= 0]

    def certificate(self, *, but: Collection[str] = ()) -> Certificate | None:
        """Return what the audit has shown so far; None while there is none.

        Parameters
        ----------
        but : collection of str
            Images that count as if nobody had judged them yet, and say nothing of how often reviewers err.
        """
        audit = self.audit
        if audit is None:
            return None
        state, catalog = self._store.state, self._catalog()
        judgements = state.judgements()
        # Not counted from the judgements: a file that was moved is in them by both of its names.
        found = state.progress().errors
        bare = catalog.names[~catalog.has_label].tolist()
        found -= sum(judgements.get(name, ("",))[0] == "delete" for name in bare)  # no label was wrong
        inside = sum(judgements[name][0] in WRONG for name in audit.population.intersection(judgements))
        elsewhere = max(0, found - inside)
        return audit.certificate(
            _without(judgements, audit, but),
            found_elsewhere=elsewhere,
            is_there=catalog.places.__contains__,
            misses=self.misses(alpha=FOR_RATE, but=but),
        )

    def misses(self, *, alpha: float, but: Collection[str] = ()) -> float | None:
        """Return the highest plausible share of errors that a reviewer misses; see `most_missed`.

        Answers to the images of ``but`` are left out.
        """
        answers = self._store.state.blind_answers()
        return most_missed((each for each in answers if each.name not in but), alpha=alpha)

    def _open_names(self, marked: Container[str]) -> list[str]:
        catalog = self._catalog()
        pairs = zip(catalog.names.tolist(), catalog.labels.tolist(), strict=True)
        return [name for name, label in pairs if label is not None and name not in marked]


def _without(judgements: Outcomes, audit: Audit, but: Collection[str]) -> Outcomes:
    """Return the judgements that an audit needs, without those of some images."""
    if not but:
        return judgements
    wanted = audit.population.intersection(judgements).difference(but)
    return {name: judgements[name] for name in wanted}

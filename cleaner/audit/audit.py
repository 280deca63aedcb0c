"""The audit: random pages that tell how many errors are left, whatever the model believes.

The images that nobody has decided when the audit begins are its population, frozen; their random order is
drawn once and kept in the state folder. What counts is the order's *prefix*: the images from its start on
that are judged, up to the first that is not. An image judged elsewhere meanwhile counts when its turn comes,
so neither re-ranking nor retraining touches anything. Undoing a decision takes it out again.

*Unsure* stops nothing: it counts as an error in the bound and is not counted as found, which can only raise
the number of errors said to be left. So does an image whose file is gone before it was judged.

A *discarded* image (a duplicate, a blurred image) whose label nobody had judged leaves the audit: the order
passes over it, and it is no longer left. That is fair, as it goes for what it shows and not for its place in
an order that nobody reads ahead: the next look is at a random one of those that stay. But the looks before
were at images of a larger set: 300 clean ones of 3,000 say no more when 1,500 of the others go. So the bound
goes on with the size M that the population had at first, which is safe. Let T errors be found or stay. After
n looks, k of them errors, the next finds one with probability (T - k) / (M - n - g) or more, where g of the M
were discarded by then: never less than the (T - k) / (M - n) of T errors among M images of which none goes.
So at least as many errors are seen as there (let the counts run together where they are equal), and as more
errors seen never lower the bound, the chance that it ever falls below T is at most α.

An image that was judged before it was discarded counts on as it was judged: else discarding would wash errors
out of the sample.

Images that come later join in a further round; see `cleaner.audit.bound` for why that costs nothing.

An audit may begin with an *acceptance plan* (`cleaner.audit.acceptance`): its sample is the start of the
order. As the plan must be fixed before anything is seen of the sample, it always begins an audit of its own,
of the images that nobody has decided by then; the one before is kept beside, and counted. A plan for each
class or split makes a round of each, with an order of its own, and their risks are shared out (Bonferroni):
all that is accepted is right at once with the risk asked for.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from cleaner.audit.acceptance import Plan, PlanKind, Terms, Verdict, plan_for
from cleaner.audit.bound import ALPHA, FOR_MISSES, FOR_RATE, Stratum, most_errors, most_with_misses
from cleaner.errors import RankingError
from cleaner.review.labels import WRONG
from cleaner.util.atomic import write_atomically

USUAL_LOOKS = 300
"""Random looks after which an audit usually says something useful: 3/r clean ones certify a rate r = 1 %."""

_FORMAT = 2
_WITHOUT_PLAN = 1  # what earlier versions write and read
_LOCK_S = 10.0
_MOST_PREFIXES = 64

_DISCARDED = "discard"

NamesNow = Callable[[Mapping[str, str | None]], Mapping[str, str | None]]
"""What `ReviewState.names_now` does."""

Outcomes = Mapping[str, tuple[str, str | None]]
"""What `ReviewState.judgements` returns: for every marked image what holds about its label, and the label."""


@dataclass(frozen=True, slots=True)
class Round:
    """Images that joined the audit together.

    Parameters
    ----------
    names : tuple of str
        In their random order.
    after : int
        How many images had been audited when they joined.
    seed : str
        What the order was drawn with.
    began : datetime
        UTC.
    contents : mapping of str to str
        SHA-256 of the files by then, hexadecimal, as far as they were known, by name.
    plan : Plan, optional
        What was fixed for these images beforehand.
    part : str
        The class or the split that they are; empty if they are not divided.
    """

    names: tuple[str, ...]
    after: int
    seed: str
    began: datetime
    contents: Mapping[str, str] = field(default_factory=dict)
    plan: Plan | None = None
    part: str = ""

    @property
    def turns(self) -> list[float]:
        """When the turn of each image is, against those of other rounds: the sample of a plan before 1."""
        size = len(self.names)
        if self.plan is None:
            return [(i + 0.5) / size for i in range(size)]
        looks = self.plan.looks
        return [(i + 0.5) / looks if i < looks else 1 + (i - looks + 0.5) / size for i in range(size)]


class _Prefix(NamedTuple):
    """The judged start of the order: places 0 to ``end`` - 1.

    ``places`` are those of the images that count, ``errors`` tells which of these count as errors, and
    ``open`` how many of those are unsure or gone.
    """

    end: int
    places: list[int]
    errors: list[bool]
    open: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What an audit has shown.

    Parameters
    ----------
    population : int
        Images that the audit is about.
    audited : int
        How many of them count, from the start of the random order.
    errors : int
        Errors among the audited.
    open : int
        How many of the audited are unsure or gone; the bound takes them for errors.
    found : int
        Errors found so far, in the audit and elsewhere.
    left : int
        At most so many errors are not found yet.
    confidence : float
        Chance that this and every earlier statement hold, 0..1.
    rounds : int
        How often images joined; 1 = never after the beginning.
    discarded : int
        Images of the population that were taken out before anybody judged their label: duplicates, poor
        images. ``left`` is not about them.
    misses : float or None
        Highest plausible share of errors that a reviewer takes for right, 0..1, which ``left`` allows for;
        None if nobody has measured it, and ``left`` takes the reviewers' word.
    """

    population: int
    audited: int
    errors: int
    open: int
    found: int
    left: int
    confidence: float = 0.95
    rounds: int = 1
    discarded: int = 0
    misses: float | None = None

    @property
    def planned(self) -> int:
        """Looks that are usually enough."""
        return min(self.population - self.discarded, USUAL_LOOKS)

    @property
    def recall(self) -> float | None:
        """At least this share of all errors is found, 0..1; None while there is no error to speak of."""
        return self.found / (self.found + self.left) if self.found + self.left else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What a plan says of its images.

    Parameters
    ----------
    plan : Plan
    part : str
        The class or the split; empty if the images are not divided.
    verdict : Verdict
    sample : tuple of str
        The images that count, in the order drawn.
    errors : int
        Errors among them.
    open : int
        How many of them are unsure or gone, which the plan takes for errors.
    discarded : int
        Images of these that were taken out before anybody judged their label.
    """

    plan: Plan
    part: str
    verdict: Verdict
    sample: tuple[str, ...]
    errors: int
    open: int
    discarded: int


@dataclass(frozen=True, slots=True)
class Earlier:
    """An audit before this one: how often somebody tried belongs to what a verdict is worth.

    Parameters
    ----------
    began : datetime
        UTC.
    looks, errors : int
        Images that counted, and the errors among them.
    verdict : Verdict or None
        None: it had no plan.
    """

    began: datetime
    looks: int
    errors: int
    verdict: Verdict | None


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What the plans of an audit say.

    Parameters
    ----------
    inspections : tuple of Inspection
        One, or one for each class or split.
    by : str
        ``class``, ``split``, or empty.
    terms : Terms
        What was asked for, before risks were shared out.
    began : datetime
        When the plan was fixed, UTC.
    earlier : tuple of Earlier
    """

    inspections: tuple[Inspection, ...]
    by: str
    terms: Terms
    began: datetime
    earlier: tuple[Earlier, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """Reject if one part is rejected, accept if all are accepted."""
        said = {each.verdict for each in self.inspections}
        return next((v for v in (Verdict.REJECT, Verdict.GO_ON) if v in said), Verdict.ACCEPT)


class Purpose(NamedTuple):
    """The plans of an audit as they were asked for: see `Acceptance`."""

    terms: Terms
    by: str


def drawn(names: Iterable[str], *, seed: str) -> tuple[str, ...]:
    """Return names in random order: sorted by the hash of seed and name, so that it can be checked."""

    def key(name: str) -> bytes:
        return hashlib.sha256(f"{seed}\0{name}".encode("utf-8", "surrogateescape")).digest()

    return tuple(sorted(set(names), key=key))


def audit_file(state: Path, dataset: str) -> Path:
    """Return the file in the state folder that keeps a data set's audit."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", dataset)[:40]
    if plain != dataset:
        plain += "-" + hashlib.sha256(dataset.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return Path(state) / f"audit-{plain}.json"


class Audit:
    """A frozen population and its random order; it never changes, `extended` makes another one.

    Parameters
    ----------
    rounds : sequence of Round
        The first one is the population with which the audit began; with a plan for each class, the
        first ones.
    purpose : Purpose, optional
        What plans were asked for.
    earlier : sequence of Earlier
        The audits before this one.

    Raises
    ------
    RankingError
        No round, or an image that is in two.
    """

    def __init__(
        self, rounds: Sequence[Round], *, purpose: Purpose | None = None, earlier: Sequence[Earlier] = ()
    ) -> None:
        self.rounds = tuple(rounds)
        self.purpose = purpose
        self.earlier = tuple(earlier)
        if not self.rounds or not self.rounds[0].names:
            msg = "There are no images to audit: every image is already decided, or has no label."
            raise RankingError(msg)
        if len(self.population) < sum(len(each.names) for each in self.rounds):
            msg = "An image is in the audit twice; every image must be in one round only."
            raise RankingError(msg)

    @classmethod
    def begun(cls, names: Iterable[str], *, seed: str | None = None) -> Audit:
        """Freeze a population and draw its order; ``seed`` is random unless given."""
        seed = seed or secrets.token_hex(16)
        return cls([Round(drawn(names, seed=seed), 0, seed, datetime.now(UTC))])

    @classmethod
    def planned(
        cls,
        parts: Mapping[str, Iterable[str]],
        terms: Terms,
        kind: PlanKind,
        *,
        by: str = "",
        seed: str | None = None,
    ) -> Audit:
        """Freeze a population, draw its order, and fix a plan for each part of it.

        Parameters
        ----------
        parts : mapping of str to iterable of str
            Names by class or split; with no ``by``, one part with an empty name.
        terms : Terms
            The risks are those that any part is judged wrongly.
        kind : PlanKind
        by : str
            ``class`` or ``split``; empty if the images are not divided.
        seed : str, optional

        Raises
        ------
        RankingError
            There is nothing to audit, or no sample can keep the risks.
        """
        named = {part: frozenset(names) for part, names in parts.items()}
        named = {part: names for part, names in named.items() if names}
        of_beta = terms.beta / 2 if terms.measured else terms.beta  # the other half is that of the rate
        shared = replace(terms, alpha=terms.alpha / max(1, len(named)), beta=of_beta / max(1, len(named)))
        seed, began = seed or secrets.token_hex(16), datetime.now(UTC)
        rounds = []
        for part, names in named.items():
            try:
                plan = plan_for(len(names), shared, kind)
            except RankingError as exc:
                raise RankingError(f"{part}: {exc}" if part else str(exc)) from exc
            of_part = f"{seed}\0{part}" if part else seed
            rounds.append(Round(drawn(names, seed=of_part), 0, of_part, began, plan=plan, part=part))
        return cls(rounds, purpose=Purpose(terms, by))

    def extended(self, names: Iterable[str], outcomes: Outcomes, *, seed: str | None = None) -> Audit:
        """Let images that came later join; those that are in already are passed over."""
        seed = seed or secrets.token_hex(16)
        new = drawn((name for name in names if name not in self.population), seed=seed)
        if not new:
            return self
        after = self.audited(outcomes)
        return self._with([*self.rounds, Round(new, after, seed, datetime.now(UTC))])

    def _with(self, rounds: Sequence[Round]) -> Audit:
        return Audit(rounds, purpose=self.purpose, earlier=self.earlier)

    def knowing(self, contents: Mapping[str, str]) -> Audit:
        """Return the audit with the contents of its images, where they were not known before."""
        known = [
            replace(each, contents={**{n: contents[n] for n in each.names if n in contents}, **each.contents})
            for each in self.rounds
        ]
        return self if [r.contents for r in known] == [r.contents for r in self.rounds] else self._with(known)

    def named(self, names_now: NamesNow) -> Audit:
        """Return the audit under the present names of its images; its order stays as it was drawn.

        An image that is gone gets a name that no file can have, as another one may come under its own.
        """
        then = {name: each.contents.get(name) for each in self.rounds for name in each.names}
        now = {
            name: other or (name if then[name] is None else f"{name}/gone")
            for name, other in names_now(then).items()
        }
        if all(name == other for name, other in now.items()):
            return self
        return self._with(
            [
                replace(
                    each,
                    names=tuple(now[name] for name in each.names),
                    contents={now[name]: content for name, content in each.contents.items()},
                )
                for each in self.rounds
            ]
        )

    # ---------------------------------------------------------------- the order

    @cached_property
    def population(self) -> frozenset[str]:
        """All images of the audit."""
        return frozenset(name for each in self.rounds for name in each.names)

    @cached_property
    def sequence(self) -> tuple[str, ...]:
        """All images in the order in which they are audited.

        From where a round joined, the next image is always of the round with the smallest share behind it, so
        that all rounds are soon audited to the same depth. Within a round the order is as it was drawn.
        """
        order: list[tuple[float, int, str]] = []
        for number, each in enumerate(self.rounds):
            joined = [(turn, number, name) for turn, name in zip(each.turns, each.names, strict=True)]
            order[each.after :] = sorted([*order[each.after :], *joined], key=lambda item: item[:2])
        return tuple(name for _, _, name in order)

    @cached_property
    def _round_of(self) -> NDArray[np.int64]:
        number_of = {name: number for number, each in enumerate(self.rounds) for name in each.names}
        return np.array([number_of[name] for name in self.sequence], dtype=np.int64)

    # ---------------------------------------------------------------- what it shows

    def audited(self, outcomes: Outcomes) -> int:
        """Return how far the order is judged, in places; those of discarded images are among them."""
        return self._prefix(outcomes, None).end

    def sample(self, outcomes: Outcomes, *, is_there: Callable[[str], bool] | None = None) -> tuple[str, ...]:
        """Return the images that the certificate rests on, in the order drawn."""
        return tuple(self.sequence[place] for place in self._prefix(outcomes, is_there).places)

    def wrong(self, outcomes: Outcomes) -> dict[str, bool]:
        """Return for each decided image of the prefix whether it was an error: a random sample."""
        prefix = self._prefix(outcomes, None)
        pairs = zip(prefix.places, prefix.errors, strict=True)
        looks = ((self.sequence[place], error) for place, error in pairs)
        return {name: error for name, error in looks if outcomes[name][0] != "unsure"}

    def certificate(
        self,
        outcomes: Outcomes,
        *,
        found_elsewhere: int = 0,
        is_there: Callable[[str], bool] | None = None,
        misses: float | None = None,
    ) -> Certificate:
        """Return what can be said now; valid however often it is asked for.

        The bound is the lowest of those that the prefix has given since the last round joined: they hold all
        at once, so the lowest holds, too, and an error found late does not undo what was certified before.

        Parameters
        ----------
        outcomes : mapping
            From `ReviewState.judgements`.
        found_elsewhere : int
            Errors found among images that are not of the population.
        is_there : callable, optional
            Tells whether an image can still be looked at; all can by default.
        misses : float, optional
            Share of the errors, 0..1, that a reviewer may take for right; it holds with a chance of at least
            1 - `FOR_RATE`. The certificate then allows for it, and for the chance, at the same confidence.
        """
        prefix = self._prefix(outcomes, is_there)
        alpha = ALPHA if misses is None else ALPHA - FOR_RATE - FOR_MISSES
        places, suspected = np.array(prefix.places, dtype=np.int64), np.array(prefix.errors, dtype=bool)
        n, open_ones = len(places), prefix.open
        looks = np.zeros((n + 1, len(self.rounds)), dtype=np.int64)
        errors = np.zeros_like(looks)
        at = np.arange(n)
        looks[at + 1, self._round_of[places]] = 1
        errors[at + 1, self._round_of[places]] = suspected
        looks, errors = looks.cumsum(axis=0), errors.cumsum(axis=0)
        sizes = [len(each.names) for each in self.rounds]
        # Between two errors the bound only falls: look at the ends of the runs.
        since = int(np.searchsorted(places, self.rounds[-1].after))
        ends = [i for i in np.flatnonzero(suspected).tolist() if i >= since][-_MOST_PREFIXES:]
        most = min(
            most_errors(*map(Stratum, sizes, looks[end].tolist(), errors[end].tolist()), alpha=alpha)
            for end in [*ends, n]
        )
        judged = Counter(outcomes[name][0] for name in self.population.intersection(outcomes))
        found = sum(judged[outcome] for outcome in WRONG)
        settled = judged.total() - found - judged["unsure"]
        most = max(found, min(most, len(self.population) - settled))
        if misses is not None:
            size = len(self.population)
            most = most_with_misses(most, misses, population=size, alpha=FOR_MISSES) if misses < 1 else size
        return Certificate(
            population=len(self.population),
            audited=n,
            errors=int(suspected.sum()) - open_ones,
            open=open_ones,
            found=found + found_elsewhere,
            left=most - found,
            confidence=1 - ALPHA,
            rounds=len(self.rounds),
            discarded=judged[_DISCARDED],
            misses=misses,
        )

    def acceptance(
        self, outcomes: Outcomes, *, is_there: Callable[[str], bool] | None = None
    ) -> Acceptance | None:
        """Return what the plans say now; None if none was fixed.

        Parameters
        ----------
        outcomes, is_there
            As in `certificate`.
        """
        if self.purpose is None:
            return None
        plans = [(each, each.plan) for each in self.rounds if each.plan is not None]
        said = tuple(self._inspection(each, plan, outcomes, is_there) for each, plan in plans)
        return Acceptance(said, self.purpose.by, self.purpose.terms, self.rounds[0].began, self.earlier)

    def _inspection(
        self, each: Round, plan: Plan, outcomes: Outcomes, is_there: Callable[[str], bool] | None
    ) -> Inspection:
        prefix = self._prefix(outcomes, is_there, each.names)
        verdict, looks = plan.verdict(prefix.errors)
        if verdict is Verdict.GO_ON and prefix.end == len(each.names):
            # So many were discarded that the sample is all there is: what it holds is known.
            few = sum(prefix.errors) < plan.terms.bad(plan.population)
            verdict = Verdict.ACCEPT if few else Verdict.REJECT
        sample = tuple(each.names[place] for place in prefix.places[:looks])
        wrong = sum(prefix.errors[:looks])
        judged = (outcomes.get(name, ("", None))[0] for name in sample)
        open_ones = sum(outcome in ("", "unsure") for outcome in judged)
        return Inspection(
            plan=plan,
            part=each.part,
            verdict=verdict,
            sample=sample,
            errors=wrong - open_ones,
            open=open_ones,
            discarded=sum(outcomes.get(name, ("",))[0] == _DISCARDED for name in each.names),
        )

    def _prefix(
        self, outcomes: Outcomes, is_there: Callable[[str], bool] | None, order: Sequence[str] | None = None
    ) -> _Prefix:
        """Return the judged start of the order, or of that of one round."""
        order = self.sequence if order is None else order
        places: list[int] = []
        errors: list[bool] = []
        open_ones = 0
        for place, name in enumerate(order):
            outcome = outcomes.get(name, ("", None))[0]
            if outcome == _DISCARDED:
                continue
            if not outcome and (is_there is None or is_there(name)):
                return _Prefix(place, places, errors, open_ones)
            unknown = outcome in ("", "unsure")
            open_ones += unknown
            places.append(place)
            errors.append(unknown or outcome in WRONG)
        return _Prefix(len(order), places, errors, open_ones)

    # ---------------------------------------------------------------- keeping it

    @classmethod
    def load(cls, path: Path) -> Audit | None:
        """Read the audit that is kept in a file; None if none was begun.

        Raises
        ------
        RankingError
            The file cannot be read.
        """
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            rounds = [
                Round(
                    names=tuple(str(name) for name in each["names"]),
                    after=int(each["after"]),
                    seed=str(each["seed"]),
                    began=datetime.fromisoformat(each["began"]),
                    contents={str(n): str(c) for n, c in each.get("contents", {}).items()},
                    plan=Plan.from_json(each["plan"]) if "plan" in each else None,
                    part=str(each.get("part", "")),
                )
                for each in kept["rounds"]
            ]
            asked = kept.get("purpose")
            purpose = None if asked is None else Purpose(Terms(**asked["terms"]), str(asked["by"]))
            earlier = [
                Earlier(
                    datetime.fromisoformat(each["began"]),
                    int(each["looks"]),
                    int(each["errors"]),
                    None if each["verdict"] is None else Verdict(each["verdict"]),
                )
                for each in kept.get("earlier", ())
            ]
            known = kept["format"]
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as exc:
            msg = f"The audit in {path} cannot be read ({exc}). Move the file away to start a new audit."
            raise RankingError(msg) from exc
        if known not in (_WITHOUT_PLAN, _FORMAT):
            msg = (
                f"The audit in {path} has format {known}; this version reads up to {_FORMAT}. Update cleaner."
            )
            raise RankingError(msg)
        return cls(rounds, purpose=purpose, earlier=earlier)

    @classmethod
    def begin(
        cls,
        path: Path,
        names: Iterable[str],
        outcomes: Outcomes,
        *,
        seed: str | None = None,
        contents: Mapping[str, str] = MappingProxyType({}),
        names_now: NamesNow | None = None,
    ) -> Audit:
        """Begin the audit that a file keeps, or let new images join the one that is there.

        Of several pages, kernels or reviewers that do so at the same time, one draws the order for all.

        Parameters
        ----------
        path : Path
        names : iterable of str
        outcomes : mapping
            From `ReviewState.judgements`.
        seed : str, optional
        contents : mapping of str to str
            SHA-256 of the files, by which the audit will know them under other names.
        names_now : callable, optional
            Under what names those that are in it already are known.

        Raises
        ------
        RankingError
            There is nothing to audit, or the file cannot be read or written.
        """
        try:
            with FileLock(path.with_suffix(".lock"), timeout=_LOCK_S):
                there = cls.load(path)
                if there is not None and names_now is not None:
                    there = there.named(names_now)
                audit = there.extended(names, outcomes, seed=seed) if there else cls.begun(names, seed=seed)
                if audit is not there:
                    audit = audit.knowing(contents)
                    write_atomically(path, audit._text().encode("utf-8"), durable=True)
                return audit
        except (OSError, Timeout) as exc:
            msg = f"The audit cannot be saved in {path} ({exc}). Free disk space, or ask for write access."
            raise RankingError(msg) from exc

    @classmethod
    def begin_anew(
        cls,
        path: Path,
        audit: Audit,
        outcomes: Outcomes,
        *,
        contents: Mapping[str, str] = MappingProxyType({}),
        names_now: NamesNow | None = None,
    ) -> Audit:
        """Keep an audit instead of the one that is there, which is put beside the file and counted.

        Parameters
        ----------
        path : Path
        audit : Audit
            One that nobody has looked into.
        outcomes, contents, names_now
            As in `begin`.

        Raises
        ------
        RankingError
            The file cannot be read or written.
        """
        try:
            with FileLock(path.with_suffix(".lock"), timeout=_LOCK_S):
                there = cls.load(path)
                if there is not None:
                    there = there if names_now is None else there.named(names_now)
                    audit = Audit(audit.rounds, purpose=audit.purpose, earlier=there._attempts(outcomes))
                    before = (path.with_suffix(f".{n}.json") for n in range(1, 10_000))
                    kept = next(each for each in before if not each.exists())
                    write_atomically(kept, path.read_bytes(), durable=True)
                audit = audit.knowing(contents)
                write_atomically(path, audit._text().encode("utf-8"), durable=True)
                return audit
        except (OSError, Timeout) as exc:
            msg = f"The audit cannot be saved in {path} ({exc}). Free disk space, or ask for write access."
            raise RankingError(msg) from exc

    def _attempts(self, outcomes: Outcomes) -> tuple[Earlier, ...]:
        """Return this audit among those before it, unless nobody looked into it."""
        said = self.acceptance(outcomes)
        if said is None:
            prefix = self._prefix(outcomes, None)
            looks, errors, verdict = len(prefix.places), sum(prefix.errors), None
        else:
            looks = sum(len(each.sample) for each in said.inspections)
            errors = sum(each.errors + each.open for each in said.inspections)
            verdict = said.verdict
        if not looks:
            return self.earlier
        return (*self.earlier, Earlier(self.rounds[0].began, looks, errors, verdict))

    def _text(self) -> str:
        rounds = [
            {
                "began": each.began.isoformat(),
                "seed": each.seed,
                "after": each.after,
                "names": list(each.names),
                "contents": dict(each.contents),
                **({} if each.plan is None else {"plan": each.plan.to_json(), "part": each.part}),
            }
            for each in self.rounds
        ]
        kept: dict[str, Any] = {"format": _WITHOUT_PLAN, "rounds": rounds}
        if self.purpose is not None:
            kept |= {
                "format": _FORMAT,
                "purpose": self.purpose._asdict() | {"terms": self.purpose.terms.to_json()},
            }
        if self.earlier:
            kept["earlier"] = [asdict(each) | {"began": each.began.isoformat()} for each in self.earlier]
        return json.dumps(kept, indent=1)

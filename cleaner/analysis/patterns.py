"""Biased or random: whether the errors found so far follow a pattern, and which.

Four questions, each held to 5 % false alarms by Holm's method over its tests:

- *pairs*: do wrong labels g belong to c more often than the size of c explains? (k_gc of k_g corrections
  against Bin(k_g, N_c / (N - N_g)), one-sided)
- *directions*: of the images that look like the other class of a pair, are more wrong one way than the other?
  (Fisher's exact test)
- *sources*: has a folder, a date, an annotator more wrong labels than the others
  (`cleaner.analysis.sources`)? Do errors follow one another in the order of the files?
- *classes*: do error rates differ by class? From the images of a random audit only: those of a ranked review
  were chosen for being suspicious.

The page asks again after every decision, and asking often would make chance significant. So each question
is asked of what was known at 30 errors, then at 60, 120, 240 …, and the j-th time at the (j (j + 1))-th
part of the level; before the first there is no verdict at all. Of the sources alone it is said before that
which of them the model suspects: once for a ranking, and held to a level of its own.

A ranked review does not show all images alike. Errors are therefore said to follow one another only if they
do so by both measures: among the images looked at and among all images, each within the classes. (The p is
the larger one.)
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cleaner.analysis.exact_tests import binomial_tail, chance_of_runs, fisher, holm, permuted
from cleaner.analysis.observations import Codes, Observations, cross_table
from cleaner.analysis.sources import Excess, error_excess
from cleaner.util.intervals import wilson

Kind = Literal["pair", "direction", "source", "suspicion", "order", "class"]
Key = tuple[str, int, int]
Tests = tuple[dict[Key, float], int]
"""Raw p values, and how many tests there were, those with p = 1 that are left out included."""

LEVEL = 0.05
FIRST_ERRORS = 30
"""Confirmed errors before which nothing is tested."""

_FIRST_AUDITED = 150
_LEAST = 3


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """A pattern that chance does not explain.

    Parameters
    ----------
    kind : str
        ``pair``: errors of one class that belong to one other. ``direction``: of two classes that look alike,
        one is mistaken for the other more often than the other way round. ``source``: a folder, a date or an
        annotator with more wrong labels than others; ``suspicion``: the same by what the model thinks, before
        there are decisions enough. ``order``: errors that follow one another in the order of the files.
        ``class``: a class with more errors than others in the audit.
    p : float
        That chance does as much, adjusted for the number of tests and for asking again.
    part, whole : int
        What was counted: errors, and what they are a part of. For ``pair`` the corrections to ``right`` among
        all of ``given``; for ``direction`` the errors among the images labelled ``given`` that look like
        ``right``; for ``source`` the errors among the images of the group that were looked at; for ``order``
        the longest run, twice; for ``class`` the errors among the audited images of ``given``.
    other_part, other_whole : int
        What that is compared with: for ``direction`` the other way round, for ``class`` the other classes.
    expected : float
        Errors that chance would make of ``part``, for ``pair``.
    images : int
        For ``source`` and ``suspicion``: all images of the group.
    share, other_share : float
        Likewise: the estimated share of wrong labels among them, and among the images of other groups; 0..1.
    given, right : str or None
        The classes that it is about.
    source, group : str
        For ``source`` and ``suspicion``: what kind of source, and which one.
    first, last : str
        For ``order``: the ends of the longest run.
    """

    kind: Kind
    p: float
    part: int
    whole: int
    other_part: int = 0
    other_whole: int = 0
    expected: float = 0.0
    images: int = 0
    share: float = 0.0
    other_share: float = 0.0
    given: str | None = None
    right: str | None = None
    source: str = ""
    group: str = ""
    first: str = ""
    last: str = ""


@dataclass(frozen=True, kw_only=True)
class Patterns:
    """What can be said about bias now.

    Parameters
    ----------
    found : tuple of Pattern
        Clearest first.
    confirmed : int
        Errors found.
    top_share : float or None
        Share of the corrections that the three commonest pairs make up, 0..1.
    audited : int
        Images of the random audit that the class rates rest on.
    """

    found: tuple[Pattern, ...]
    confirmed: int
    top_share: float | None
    audited: int

    @property
    def is_early(self) -> bool:
        """Whether there are too few errors for any verdict."""
        return self.confirmed < FIRST_ERRORS


def find_patterns(seen: Observations) -> Patterns:
    """Ask all four questions of what is known now."""
    found: dict[Key, float] = {}
    for stage, errors in _doublings(FIRST_ERRORS, seen.confirmed):
        then = seen.until(errors)
        for question in (_pairs, _directions, _sources):
            _collect(found, question(then), stage)
    if seen.confirmed < FIRST_ERRORS:
        _collect(found, _suspicions(seen.until(0)), 0)
    for stage, audited in _doublings(_FIRST_AUDITED, int(seen.audited.max(initial=0))):
        then = replace(seen, audited=np.where(seen.audited > audited, 0, seen.audited))
        _collect(found, _classes(then), stage)
    by_p = sorted(found.items(), key=lambda item: item[1])
    moves = np.sort(seen.moves(), axis=None)[::-1]
    return Patterns(
        found=tuple(_DESCRIBED[key[0]](seen, key, p) for key, p in by_p),
        confirmed=seen.confirmed,
        top_share=float(moves[:3].sum() / moves.sum()) if moves.sum() else None,
        audited=int((seen.audited > 0).sum()),
    )


def _doublings(first: int, last: int) -> Iterator[tuple[int, int]]:
    """Yield the stages, from 1, and ``first`` doubled before each further one, up to ``last``."""
    for stage in range(1, (last // first).bit_length() + 1):
        yield stage, first * 2 ** (stage - 1)


def _collect(found: dict[Key, float], tests: Tests, stage: int) -> None:
    """Add what is significant, with its p adjusted for the number of tests and of stages."""
    ps, number = tests
    for key, p in zip(ps, holm(list(ps.values()), tests=number), strict=True):
        adjusted = p * max(1, stage * (stage + 1))  # stage 0 is asked once
        if adjusted < LEVEL:
            found[key] = min(adjusted, found.get(key, 1.0))


# -------------------------------------------------------------------- the tests


def _pairs(seen: Observations) -> Tests:
    moves, sizes = seen.moves(), seen.sizes
    ps: dict[Key, float] = {}
    number = 0
    for g in np.flatnonzero(moves.sum(axis=1) >= _LEAST).tolist():
        number += len(sizes) - 1
        for c in np.flatnonzero(moves[g]).tolist():
            share = sizes[c] / (sizes.sum() - sizes[g])
            ps["pair", g, c] = binomial_tail(int(moves[g, c]), int(moves[g].sum()), float(share))
    return ps, number


def _directions(seen: Observations) -> Tests:
    shown, wrong = _shown(seen)
    ps: dict[Key, float] = {}
    for a, b in zip(*np.nonzero(np.triu(wrong + wrong.T, k=1) >= _LEAST), strict=True):
        ps["direction", int(a), int(b)] = fisher(_table(shown, wrong, int(a), int(b)))
    return ps, len(ps)


def _shown(seen: Observations) -> tuple[Codes, Codes]:
    """Count the images looked at, and the errors among them, by given and suggested class."""
    k = len(seen.classes)
    shown = seen.looked & (seen.suggested >= 0)
    wrong = shown & seen.wrong
    counts = cross_table(seen.given[shown], seen.suggested[shown], (k, k))
    return counts, cross_table(seen.given[wrong], seen.suggested[wrong], (k, k))


def _table(shown: Codes, wrong: Codes, a: int, b: int) -> tuple[tuple[int, int], tuple[int, int]]:
    first, second = int(wrong[a, b]), int(wrong[b, a])
    return (first, int(shown[a, b]) - first), (second, int(shown[b, a]) - second)


def _sources(seen: Observations) -> Tests:
    ps = _excesses(seen, "source")
    ps["order", 0, 0] = max(_clustering(seen, rows) for rows in (seen.looked, seen.given >= 0))
    return ps, len(seen.sources) + 1


def _suspicions(seen: Observations) -> Tests:
    return _excesses(seen, "suspicion"), len(seen.sources)


def _excesses(seen: Observations, kind: str) -> dict[Key, float]:
    """Return the p of the group of each source that stands out most, adjusted for the number of groups."""
    ps: dict[Key, float] = {}
    for number in range(len(seen.sources)):
        excess = _excess(seen, number)
        worst = int(excess.p.argmin())
        ps[kind, number, worst] = min(1.0, max(1, excess.judged) * float(excess.p[worst]))
    return ps


def _excess(seen: Observations, number: int) -> Excess:
    source = list(seen.sources.values())[number]
    return error_excess(source, seen.given, seen.look, seen.wrong, seen.score)


def _clustering(seen: Observations, rows: NDArray[np.bool_]) -> float:
    """Return the p of so few runs of right and wrong in the order of the files, within the classes."""
    runs, sizes = 0, []
    for c in range(len(seen.classes)):
        marks = (seen.wrong & seen.looked)[rows & (seen.given == c)]
        if len(marks):
            runs += 1 + int((marks[1:] != marks[:-1]).sum())
            sizes.append((int(marks.sum()), int((~marks).sum())))
    return chance_of_runs(runs, sizes)


def _classes(seen: Observations) -> Tests:
    counts, wrong = _audited(seen)
    return {("class", 0, 0): permuted(counts[None], wrong[None])[0]}, 1


def _audited(seen: Observations) -> tuple[Codes, Codes]:
    k = len(seen.classes)
    rows = (seen.audited > 0) & seen.looked
    counts = np.bincount(seen.given[rows], minlength=k).astype(np.int64)
    wrong = np.bincount(seen.given[rows & seen.wrong], minlength=k).astype(np.int64)
    return counts, wrong


# -------------------------------------------------------------------- what was found


def _pair(seen: Observations, key: Key, p: float) -> Pattern:
    moves, sizes = seen.moves(), seen.sizes
    g, c = key[1], key[2]
    whole = int(moves[g].sum())
    return Pattern(
        kind="pair",
        p=p,
        part=int(moves[g, c]),
        whole=whole,
        expected=whole * float(sizes[c] / (sizes.sum() - sizes[g])),
        given=seen.classes[g],
        right=seen.classes[c],
    )


def _direction(seen: Observations, key: Key, p: float) -> Pattern:
    table = _table(*_shown(seen), key[1], key[2])
    a, b = seen.classes[key[1]], seen.classes[key[2]]
    (wrong, right), (back, stay) = table
    if wrong * (back + stay) < back * (wrong + right):
        (wrong, right), (back, stay), a, b = (back, stay), (wrong, right), b, a
    return Pattern(
        kind="direction",
        p=p,
        part=wrong,
        whole=wrong + right,
        other_part=back,
        other_whole=back + stay,
        given=a,
        right=b,
    )


def _source(seen: Observations, key: Key, p: float) -> Pattern:
    kind, number, group = key
    name, source = list(seen.sources.items())[number]
    excess = _excess(seen.until(0) if kind == "suspicion" else seen, number)
    return Pattern(
        kind="suspicion" if kind == "suspicion" else "source",
        p=p,
        part=int(excess.found[group]),
        whole=int(excess.looked[group]),
        images=int(excess.images[group]),
        share=float(excess.share[group]),
        other_share=float(excess.other_share[group]),
        source=name,
        group=source.groups[group],
    )


def _order(seen: Observations, key: Key, p: float) -> Pattern:
    longest: list[str] = []
    for c in range(len(seen.classes)):
        row: list[str] = []
        for i in np.flatnonzero(seen.looked & (seen.given == c)).tolist():
            row = [*row, seen.names[i]] if seen.wrong[i] else []
            longest = max(longest, row, key=len)
    first, last = (longest[0], longest[-1]) if longest else ("", "")
    return Pattern(kind="order", p=p, part=len(longest), whole=len(longest), first=first, last=last)


def _class(seen: Observations, key: Key, p: float) -> Pattern:
    counts, wrong = _audited(seen)
    shares = [wilson(int(k), int(n))[0] for k, n in zip(wrong, counts, strict=True)]
    worst = int(np.argmax(shares))
    part, whole = int(wrong[worst]), int(counts[worst])
    return Pattern(
        kind="class",
        p=p,
        part=part,
        whole=whole,
        other_part=int(wrong.sum()) - part,
        other_whole=int(counts.sum()) - whole,
        given=seen.classes[worst],
    )


_DESCRIBED: dict[str, Callable[[Observations, Key, float], Pattern]] = {
    "pair": _pair,
    "direction": _direction,
    "source": _source,
    "suspicion": _source,
    "order": _order,
    "class": _class,
}

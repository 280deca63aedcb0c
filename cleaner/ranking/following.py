"""A ranking after files were moved and labels changed: rows follow images, what no longer fits goes."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from cleaner.ranking.result import Ranking
from cleaner.ranking.set_ranking import SetRanking


def follow(
    ranking: Ranking,
    names: Mapping[str, str | None],
    labels: Mapping[str, str | None],
    label_now: Callable[[str], str],
    *,
    is_decided: Callable[[str], bool] = lambda _: False,
) -> Ranking | None:
    """Return the ranking of the images that it still speaks of, under their present names.

    It speaks no more of an image that is gone, and of an undecided one with another given label: what it says
    goes for the label that it knew. A class of which all images have the same new label has another name now.

    Parameters
    ----------
    ranking : Ranking
    names : mapping of str to str or None
        What each of its images is called now, in their order; None: it is not in the set.
    labels : mapping of str to str or None
        The given label of every image of the set, under the present names of the classes.
    label_now : callable
        Gives the present name of a class, as for `cleaner.ranking.renaming.under_present_names`.
    is_decided : callable
        Tells whether an image has a decision. It then stays as the ranking knew it: what was right about its
        label teaches how probable errors are.

    Returns
    -------
    Ranking or None
        The same object if nothing has changed; None if it speaks of no image any more.
    """
    now = [*names.values()]
    renamed = {label: None if label is None else label_now(label) for label in set(ranking.given)}
    then = [renamed[label] for label in ranking.given]
    if now == ranking.names == [*labels] and then == [*labels.values()]:
        return ranking
    open_rows = [
        (row, then[row], labels[name])
        for row, name in enumerate(now)
        if name is not None and name in labels and not is_decided(name)
    ]
    called: dict[str | None, str] = {}
    if not isinstance(ranking, SetRanking):  # there, what all images have instead is no class
        called = _called_now([(old, new) for _, old, new in open_rows], frozenset(labels.values()))
    outdated = {row for row, old, new in open_rows if new not in (old, called.get(old))}
    rows = [row for row, name in enumerate(now) if name is not None and row not in outdated]
    if len(rows) == len(ranking) and now == ranking.names and not called:
        return ranking
    if not rows:
        return None

    def name_of(label: str) -> str:
        return called.get(label_now(label), label)

    return ranking.at(
        np.array(rows, dtype=np.int64),
        names=[str(now[row]) for row in rows],
        given=[None if (label := ranking.given[row]) is None else name_of(label) for row in rows],
        classes=[name_of(label) for label in ranking.classes],
    )


def _called_now(
    pairs: Iterable[tuple[str | None, str | None]], present: frozenset[str | None]
) -> dict[str | None, str]:
    """Return the classes that no image has any more, and what all of their images have instead.

    Parameters
    ----------
    pairs : iterable of (str or None, str or None)
        The label that the ranking knew, and the present one, of each image.
    present : frozenset of str or None
        The labels that there are. One that the ranking knew, or that several classes became, is no new name
        of a class: images were moved together.
    """
    became: defaultdict[str | None, set[str | None]] = defaultdict(set)
    for old, new in pairs:
        became[old].add(new)
    all_of_one = [(old, *labels) for old, labels in became.items() if len(labels) == 1]
    uses = Counter(new for _, new in all_of_one)
    return {
        old: new
        for old, new in all_of_one
        if old is not None and new is not None and old not in present and new not in became and uses[new] == 1
    }

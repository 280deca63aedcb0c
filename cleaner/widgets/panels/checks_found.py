"""What was found of copies, bad pictures and strangers: counted, listed, reported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cleaner.quality.outliers import THRESHOLD
from cleaner.quality.problems import PROBLEMS, spoken_problem
from cleaner.util.wording import count
from cleaner.widgets.panels.base import Tree, node

if TYPE_CHECKING:
    from cleaner.pipelines.checks import Checks
    from cleaner.workspace import Workspace

__all__ = ["NO_WEIGHTS", "checks_report", "count_found", "found_entries"]

_TITLE = "Copies and bad pictures"

NO_WEIGHTS = (
    "Look-alikes and pictures of no class are not looked for without pretrained weights (--weights FILE)."
)

_GROUPS = ("group of duplicates", "groups of duplicates")


def count_found(
    checks: Checks, workspace: Workspace, thresholds: Mapping[str, float] | None = None
) -> dict[str, int]:
    """Count what was found and is still there after the decisions so far. May run in any thread.

    Parameters
    ----------
    checks : Checks
    workspace : Workspace
    thresholds : mapping of str to float, optional
        Thresholds that replace the defaults, by order ("duplicates", "low information", "outliers").

    Returns
    -------
    dict of str to int
        What `Checks.counts` returns, and ``files``: those that are left out of the set.
    """
    from cleaner.pipelines.check import decided

    chosen = {order.replace(" ", "_"): value for order, value in (thresholds or {}).items()}
    catalog = workspace.catalog
    so_far = decided(catalog, workspace.store.state)
    so_far["without"] |= set(checks.similar.names) - set(catalog.names.tolist())  # files that went away
    found = checks.counts(chosen.pop("duplicates", None), limits=chosen, **so_far)
    return {**found, "files": len(catalog.left_out)}


def found_entries(counts: Mapping[str, int]) -> list[Tree]:
    """Describe what was found as entries of a list, each of which leads to its view; zeros are left out."""
    entries = []
    for number, words, order, more in _found(counts):
        parts = (node("span", f"{number:,}"), node("span", f" {words}"))
        link = node("button", *parts, do="open", data_value=order, type="button", class_="cleaner-link")
        entries.append(node("li", link, node("p", more, class_="cleaner-fine")))
    return entries


def _found(counts: Mapping[str, int]) -> list[tuple[int, str, str, str]]:
    """Return number, words, order, and further words for whatever there is."""

    def words(key: str, one: str, several: str) -> str:
        return one if counts.get(key) == 1 else several

    more = [count(counts.get("leaks", 0), "leak")] if counts.get("leaks") else []
    more += [f"{counts['two_labels']:,} with two labels"] if counts.get("two_labels") else []
    lines = [("groups", words("groups", *_GROUPS), "duplicates", ", ".join(more))]
    lines += [(problem, spoken_problem(problem), spoken_problem(problem), "") for problem in PROBLEMS]
    lines += [
        ("outliers", words("outliers", "that fits no class", "that fit no class"), "outliers", ""),
        ("files", words("files", "broken file", "broken files"), "files", ""),
    ]
    return [(counts[key], said, order, rest) for key, said, order, rest in lines if counts.get(key)]


def checks_report(
    checks: Checks | None, counts: Mapping[str, int], thresholds: Mapping[str, float] | None = None
) -> list[Tree]:
    """Describe what was found, for the report.

    Parameters
    ----------
    checks : Checks or None
        None: nobody has looked yet.
    counts : mapping of str to int
        What `count_found` returned.
    thresholds : mapping of str to float, optional
        Thresholds that it was given, by order.
    """
    heading = node("h3", _TITLE)
    if checks is None:
        files = counts.get("files", 0)
        known = f"; {count(files, 'broken file')} left out" if files else ""
        return [heading, node("p", f"Not looked for yet{known}.", class_="cleaner-note")]
    found = [f"{n:,} {words}" + (f" ({more})" if more else "") for n, words, _, more in _found(counts)]
    limits = {spoken_problem(problem): value for problem, value in checks.quality.thresholds.items()}
    keys = dict(zip(limits, PROBLEMS, strict=True))
    if checks.outliers is not None:
        limits["outliers"], keys["outliers"] = THRESHOLD, "outliers"
    limits["duplicates"], keys["duplicates"] = checks.similar.suggested_threshold, "groups"
    limits.update({order: value for order, value in (thresholds or {}).items() if order in limits})
    rows = [
        node(
            "tr",
            node("td", "groups of duplicates" if order == "duplicates" else order),
            node("td", f"{value:.2f}" if value <= 1 else "–", class_="is-number"),
            node("td", f"{counts.get(keys[order], 0):,}", class_="is-number"),
        )
        for order, value in limits.items()
    ]
    head = (("what", None), ("from a score of", "is-number"), ("found", "is-number"))
    table = node(
        "table",
        node("caption", _TITLE, class_="cleaner-hidden"),
        node("thead", node("tr", *(node("th", text, scope="col", class_=kind) for text, kind in head))),
        node("tbody", *rows),
        class_="cleaner-table",
    )
    limit = node("p", "" if checks.outliers is not None else NO_WEIGHTS, class_="cleaner-fine")
    return [heading, node("p", f"Found: {', '.join(found) or 'nothing'}."), table, limit]

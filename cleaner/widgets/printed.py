"""The report for the files: one HTML page without scripts, to be read, printed and signed.

It is described by the trees of the panels, so that a sentence is the same on the page and on paper. Whatever
is a name or a label becomes text, never markup; what cannot be seen in it is replaced by a sign.
"""

import html
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from cleaner.analysis.confusions import Confusions, class_changes, label_moves
from cleaner.audit.acceptance import Plan
from cleaner.audit.audit import Acceptance
from cleaner.audit.bound import FOR_MISSES, most_with_misses
from cleaner.errors import CleanerError
from cleaner.pipelines.report import ContentHash, ReportFacts, report_facts
from cleaner.util.atomic import free_name, write_atomically
from cleaner.util.wording import count, percent
from cleaner.version import __version__
from cleaner.widgets.panels.acceptance import acceptance_trees
from cleaner.widgets.panels.agreement import agreement_trees
from cleaner.widgets.panels.audit import certificate_trees
from cleaner.widgets.panels.base import Tree, node, paragraph, table
from cleaner.widgets.panels.retrain import result_trees
from cleaner.widgets.sentences import say
from cleaner.workspace import Workspace

_CSS = Path(__file__).with_name("printed.css")
_VOID = {"br", "img", "input"}
_LEFT_OUT = {"button", "progress", "input", "select"}  # nothing on paper can be pressed
_MOST_LINES = 60
_MOST_CLASSES = 12
_MOST_CURVES = 3
_MOST_NUMBERS = 40
_RUN_ON = 300  # from so many names on, they follow each other on the line
_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 420, 210, 44, 34


def printed_report(facts: ReportFacts) -> str:
    """Return the report as one HTML document."""
    title = say("printed.title", title=facts.title)
    day = f"{facts.made:%Y-%m-%d %H:%M} UTC"
    body = [
        node("h1", title),
        paragraph(say("printed.made", day=day, version=__version__), "fine"),
        *_audit(facts),
        *_data_set(facts),
        *_decisions(facts),
        *_noise(facts.confusions),
        *_reviewers(facts),
        *_model(facts),
        *_plan(facts.acceptance),
        *_samples(facts),
        *_signatures(),
    ]
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{_text(title)}</title>\n<style>\n{_CSS.read_text(encoding='utf-8')}</style></head>\n"
        f"<body>\n{_html(body)}</body></html>\n"
    )


def write_report(workspace: Workspace, to: Path | None = None) -> Path:
    """Write the report of a data set as it stands, and return where it is.

    Parameters
    ----------
    workspace : Workspace
    to : Path, optional
        A file of this name is replaced. By default a new name beside the result, such as
        ``cleaned-report.html``: what was signed is never written over.

    Raises
    ------
    CleanerError
        It cannot be written.
    """
    page = printed_report(report_facts(workspace, workspace.store, workspace.ranking()))
    data = page.encode("utf-8", "replace")
    place = workspace.result.path
    place = free_name(place.with_name(f"{place.stem}-report.html"), data) if to is None else to
    try:
        write_atomically(place, data, durable=True)
    except OSError as exc:
        msg = f"The report cannot be written to {place} ({exc.strerror or exc}). Choose another place."
        raise CleanerError(msg) from exc
    return place


# -------------------------------------------------------------------- trees to HTML


def _html(trees: Iterable[Tree | str]) -> str:
    return "".join(_text(tree) if isinstance(tree, str) else _element(tree) for tree in trees)


def _element(tree: Tree) -> str:
    tag, attributes, *children = tree
    if attributes.get("hidden") or tag in _LEFT_OUT:
        return ""
    kept = {key: value for key, value in attributes.items() if not key.startswith("data-")}
    if tag == "details":
        kept["open"] = ""
    written = "".join(f' {key}="{_text("" if value is True else str(value))}"' for key, value in kept.items())
    if tag in _VOID:
        return f"<{tag}{written}>"
    return f"<{tag}{written}>{_html(children)}</{tag}>\n"


def _text(text: str) -> str:
    """Return a text so that it stays one, whatever stands in it."""
    plain = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return html.escape(plain)


def _keys(name: str, head: str, rows: Sequence[tuple[str, Tree | str]]) -> Tree:
    """Describe a table of facts, whose head is for those who cannot see it."""
    drawn = table(name, head.split("|"), [list(row) for row in rows])
    drawn[1]["class"] += " printed-keys"
    drawn[3][1]["class"] = "cleaner-hidden"
    return drawn


def _cut(name: str, head: str, rows: Sequence[Sequence[Tree | str]], *, numbers: Iterable[int]) -> list[Tree]:
    more = len(rows) - _MOST_LINES
    drawn = table(name, head.split("|"), rows[:_MOST_LINES], numbers=set(numbers))
    return [drawn, paragraph(say("printed.rest", more=f"{more:,}"))] if more > 0 else [drawn]


# -------------------------------------------------------------------- sections


def _audit(facts: ReportFacts) -> list[Tree]:
    parts = [node("h2", say("printed.audit"))]
    if facts.problem:
        return [*parts, paragraph(facts.problem)]
    if facts.certificate is None:
        return [*parts, paragraph(say("report.audit.none"))]
    if facts.acceptance is not None:
        parts += acceptance_trees(facts.acceptance)
    parts += certificate_trees(facts.certificate)
    misses = 0.0 if facts.acceptance is None else facts.acceptance.terms.misses
    if misses and facts.certificate.audited and facts.certificate.misses is None:
        said = facts.certificate
        seen, population = said.left + said.found, said.population + said.found
        most = most_with_misses(seen, misses, population=population, alpha=FOR_MISSES)
        sure = f"{100 * (said.confidence - FOR_MISSES):.0f} %"
        left = f"{most - said.found:,}"
        parts.append(paragraph(say("printed.audit.missed", misses=percent(misses), left=left, sure=sure)))
    return parts


def _data_set(facts: ReportFacts) -> list[Tree]:
    counts, name = facts.counts, say("printed.set")
    classes = count(len(counts["classes"]), "class", "classes")
    images = say("printed.images.value", images=count(counts["total"], "image"), classes=classes)
    rows: list[tuple[str, Tree | str]] = [
        (say("printed.place"), node("bdi", facts.place)),
        (say("printed.images"), images),
        (say("printed.splits"), ", ".join(f"{split} {n:,}" for split, n in counts["splits"].items())),
    ]
    for key in ("unlabelled", "left_out"):
        if counts[key]:
            rows.append((say(f"printed.{key}"), f"{counts[key]:,}"))
    rows.append((say("printed.hash.given"), _hash(facts.given)))
    rows.append((say("printed.hash.cleaned"), _hash(facts.cleaned)))
    return [
        node("h2", name),
        _keys(name, say("printed.set.head"), rows),
        paragraph(say("printed.hash.how"), "fine"),
    ]


def _hash(found: ContentHash) -> str:
    figures = {"digest": found.digest, "images": count(found.images, "image")}
    if found.unread:
        return say("printed.hash.unread", unread=f"{found.unread:,}", **figures)
    return say("printed.hash.images", **figures)


def _decisions(facts: ReportFacts) -> list[Tree]:
    done, name = facts.progress, say("printed.decisions")
    undecided = facts.counts["total"] - sum(key in facts.judgements for key in facts.labels)
    numbers = {
        say("printed.kept"): done.kept,
        say("printed.relabelled"): done.relabelled,
        say("printed.first_labels"): done.labelled,
        say("printed.deleted"): done.deleted,
        **{say("printed.discarded", reason=why): number for why, number in facts.discarded.items()},
        say("printed.unsure"): done.unsure,
        say("printed.undecided"): undecided,
    }
    rows = [[what, f"{number:,}"] for what, number in numbers.items()]
    changes = [
        [each.label or say("report.no_label"), *(f"{n:,}" for n in (each.images, each.looked_at, each.wrong))]
        for each in class_changes(facts.labels, facts.judgements)
    ]
    moves = [
        [was or say("report.no_label"), now, f"{number:,}"]
        for was, now, number in label_moves(facts.labels, facts.judgements)
    ]
    head = "|".join(say("report.classes.head").split("|")[:4])
    by_class = (
        [] if facts.sets is not None else _cut(say("report.classes"), head, changes, numbers=range(1, 4))
    )
    return [
        node("h2", name),
        table(name, say("printed.decisions.head").split("|"), rows, numbers={1}),
        node("h3", say("report.classes"), hidden=not by_class),
        *by_class,
        node("h3", say("printed.moves")),
        paragraph("" if moves else say("printed.moves.none")),
        *_cut(say("printed.moves"), say("report.changes.head"), moves, numbers={2}),
    ]


def _noise(found: Confusions | None) -> list[Tree]:
    if found is None:
        return []
    name, estimated = say("printed.noise"), found.estimated
    expected = (
        np.zeros(found.corrected.shape) if estimated is None else np.maximum(estimated, found.corrected)
    )
    pairs = [
        (int(i), int(j)) for i, j in np.argwhere((found.corrected > 0) | (np.round(expected) > 0)) if i != j
    ]
    if not pairs:
        return [node("h2", name), paragraph(say("printed.noise.none"))]

    def figures(i: int, j: int) -> tuple[str, str]:
        return f"{int(found.corrected[i, j]):,}", "" if estimated is None else f"{expected[i, j]:,.0f}"

    how = paragraph(say("printed.noise.how_plain" if estimated is None else "printed.noise.how"), "fine")
    if len(found.classes) > _MOST_CLASSES:
        pairs.sort(key=lambda at: (-found.corrected[at], -expected[at]))
        rows = [[found.classes[i], found.classes[j], *figures(i, j)] for i, j in pairs]
        return [node("h2", name), *_cut(name, say("printed.noise.head"), rows, numbers={2, 3})]
    lines = []
    for i, given in enumerate(found.classes):
        cells = []
        for j in range(len(found.classes)):
            corrected, model = figures(i, j)
            both = f"{corrected} ({model})" if model else corrected
            cells.append(both if (i, j) in pairs else "–")
        lines.append([given, *cells])
    numbers = range(1, len(found.classes) + 1)
    drawn = table(name, [say("printed.noise.corner"), *found.classes], lines, numbers=numbers)
    drawn[1]["class"] += " printed-noise"
    return [node("h2", name), drawn, how]


def _reviewers(facts: ReportFacts) -> list[Tree]:
    name = say("printed.reviewers")
    if not facts.reviewers:
        return [node("h2", name), paragraph(say("printed.reviewers.none"))]
    rows: list[list[Tree | str]] = [[node("bdi", each.name), f"{each.images:,}"] for each in facts.reviewers]
    agreed = say(
        "printed.agreement",
        several=count(facts.several, "image was", "images were"),
        disagree=f"{facts.disagree:,}",
    )
    return [
        node("h2", name),
        *_cut(name, say("printed.reviewers.head"), rows, numbers={1}),
        paragraph(agreed if len(facts.reviewers) > 1 else ""),
        *agreement_trees(facts.agreement),
    ]


def _model(facts: ReportFacts) -> list[Tree]:
    said = say("printed.model.name", model=facts.model) if facts.model else say("printed.model.none")
    parts = [node("h2", say("printed.model")), paragraph(said)]
    if facts.training is not None:
        parts += [node("h3", say("printed.training")), *result_trees(facts.training)]
    return parts


def _plan(acceptance: Acceptance | None) -> list[Tree]:
    if acceptance is None:
        return []
    terms, first = acceptance.terms, acceptance.inspections[0].plan
    rows: list[tuple[str, Tree | str]] = [
        (say("printed.plan.kind"), say(f"printed.plan.kind.{first.kind}")),
        *(
            (say(f"printed.plan.{key}"), percent(getattr(terms, key)))
            for key in ("aql", "ltpd", "alpha", "beta")
        ),
        (say("printed.plan.fixed"), f"{acceptance.began:%Y-%m-%d %H:%M} UTC"),
    ]
    name = say("printed.plan.terms")
    parts = [node("h2", say("acceptance")), _keys(name, say("printed.plan.terms.head"), rows)]
    several = len(acceptance.inspections) > 1
    for each in acceptance.inspections[:_MOST_CURVES]:
        stages = each.plan.stages
        numbers = [
            [f"{looks:,}", "–" if accept < 0 else f"{accept:,}", f"{reject:,}"]
            for looks, accept, reject in [*stages[: _MOST_NUMBERS - 1], stages[-1]][: len(stages)]
        ]
        heading = say("printed.plan.numbers")
        part = f" ({each.part})" if several else ""
        parts.append(node("h3", f"{heading}{part}"))
        parts.append(table(heading, say("printed.plan.numbers.head").split("|"), numbers, numbers=range(3)))
        parts += _curve(each.plan, part)
    return parts


def _curve(plan: Plan, part: str) -> list[Tree]:
    """Describe the operating characteristic as a picture, and in words."""
    terms, size = plan.terms, plan.population
    good, bad = terms.good(size), terms.bad(size)
    most = min(size, 2 * bad + 2)
    errors = sorted({round(i * most / 60) for i in range(61)} | {good, bad})
    chances, looks = plan.characteristic(errors)

    def x(number: float) -> float:
        return _LEFT + number / most * (_WIDTH - _LEFT - 12)

    def y(chance: float) -> float:
        return 10 + (1 - chance) * (_HEIGHT - _BOTTOM - 10)

    def words(at_x: float, at_y: float, text: str, anchor: str = "middle") -> Tree:
        return node("text", text, x=f"{at_x:.1f}", y=f"{at_y:.1f}", text_anchor=anchor)

    def line(x1: float, y1: float, x2: float, y2: float, **more: str) -> Tree:
        ends = {"x1": f"{x1:.1f}", "y1": f"{y1:.1f}", "x2": f"{x2:.1f}", "y2": f"{y2:.1f}"}
        return node("line", stroke="#999", **ends, **more)

    floor = y(0)
    marks = [
        tree
        for number, name, share in ((good, "AQL", terms.aql), (bad, "LTPD", terms.ltpd))
        for tree in (
            line(x(number), 10, x(number), floor, stroke_dasharray="3 3"),
            words(x(number), floor + 13, f"{name} {100 * share:.2g} %"),
        )
    ]
    scale = [
        tree
        for chance in (0, 0.5, 1)
        for tree in (
            line(_LEFT, y(chance), _WIDTH - 12, y(chance)),
            words(_LEFT - 5, y(chance) + 3, f"{100 * chance:.0f} %", "end"),
        )
    ]
    points = " ".join(f"{x(e):.1f},{y(c):.1f}" for e, c in zip(errors, chances.tolist(), strict=True))
    figures = {"good": looks[errors.index(good)], "bad": looks[errors.index(bad)]}
    caption = say("printed.plan.curve", part=part, **{key: f"{value:.0f}" for key, value in figures.items()})
    drawing = node(
        "svg",
        *scale,
        *marks,
        node("polyline", points=points, fill="none", stroke="#111", stroke_width="1.6"),
        words((_LEFT + _WIDTH) / 2, _HEIGHT - 5, say("printed.plan.curve.x")),
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        class_="printed-curve",
        role="img",
        aria_label=caption,
        font_size="10",
        font_family="sans-serif",
    )
    return [drawing, paragraph(caption, "fine")]


def _samples(facts: ReportFacts) -> list[Tree]:
    if not any(facts.samples.values()):
        return []
    everything = count(sum(map(len, facts.samples.values())), "image")
    parts = [
        node("h2", say("printed.sample")),
        paragraph(say("printed.sample.how", images=everything), "fine"),
    ]
    for part, names in facts.samples.items():
        parts.append(node("h3", part, hidden=not part))
        kind = "printed-sample is-long" if len(names) > _RUN_ON else "printed-sample"
        parts.append(node("ol", *(_drawn(name, facts) for name in names), class_=kind))
    return parts


def _drawn(name: str, facts: ReportFacts) -> Tree:
    outcome, label = facts.judgements.get(name, ("", None))
    if outcome in ("delete", "relabel"):
        mark = f" ×{f' {label}' if label else ''}"
    else:
        mark = " ?" if outcome in ("", "unsure") else ""
    return node("li", node("bdi", name), node("b", mark) if mark else None)


def _signatures() -> list[Tree]:
    rows = [[say(f"printed.sign.{who}"), "", "", "", ""] for who in ("reviewed", "approved")]
    drawn = table(say("printed.sign"), say("printed.sign.head").split("|"), rows)
    drawn[1]["class"] += " printed-sign"
    return [node("div", node("h2", say("printed.sign")), drawn, class_="printed-last")]

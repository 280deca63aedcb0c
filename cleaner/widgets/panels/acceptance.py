"""The acceptance plan: what it says, on the page and in reports, and the form that fixes one."""

from dataclasses import dataclass

from cleaner.analysis.summary import ReviewAnalysis
from cleaner.audit.acceptance import PlanKind, Terms, Verdict
from cleaner.audit.audit import Acceptance, Inspection
from cleaner.errors import RankingError
from cleaner.util.wording import count, percent
from cleaner.widgets.panels.base import Tree, button, buttons, node, paragraph, scrolled, table
from cleaner.widgets.sentences import say

_TINTS = {Verdict.ACCEPT: "", Verdict.GO_ON: " is-amber", Verdict.REJECT: " is-red"}
_PARTS = ("", "class", "split")


@dataclass
class PlanForm:
    """What was chosen for a plan, as it was typed; the numbers are per cent.

    Attributes
    ----------
    aql, ltpd : str
    kind : PlanKind
    by : str
        ``class``, ``split``, or empty.
    measured : bool
        Whether to allow for the errors that reviewers miss, by their answers to known images, if any.
    """

    aql: str = "1"
    ltpd: str = "5"
    kind: PlanKind = PlanKind.SINGLE
    by: str = ""
    measured: bool = True

    def change(self, field: str, value: str) -> None:
        """Take in what was chosen in one field; what is no choice of it changes nothing."""
        if field in ("aql", "ltpd"):
            setattr(self, field, value)
        elif field == "kind" and value in set(PlanKind):
            self.kind = PlanKind(value)
        elif field == "by" and value in _PARTS:
            self.by = value
        elif field == "measured" and value in ("yes", "no"):
            self.measured = value == "yes"

    def terms(self, misses: float | None) -> Terms:
        """Return what was asked for.

        Parameters
        ----------
        misses : float or None
            Share of the errors, 0..1, that reviewers miss; None if it was not measured.

        Raises
        ------
        RankingError
            A field holds no number, or the numbers cannot be.
        """
        try:
            aql, ltpd = (
                float(text.replace(",", ".").removesuffix("%")) / 100 for text in (self.aql, self.ltpd)
            )
        except ValueError as exc:
            raise RankingError(say("acceptance.no_number", aql=self.aql, ltpd=self.ltpd)) from exc
        return Terms(aql, ltpd, measured=self.measured and misses is not None)


def plan_section(analysis: ReviewAnalysis | None, form: PlanForm, *, misses: float | None = None) -> Tree:
    """Describe the form that fixes a plan, folded up; hidden until it is known whether there is an audit.

    Parameters
    ----------
    analysis : ReviewAnalysis or None
    form : PlanForm
    misses : float or None
        As in `PlanForm.terms`.
    """
    again = analysis is not None and analysis.certificate is not None
    kinds = [_option(kind, say(f"acceptance.kind.{kind}"), form.kind) for kind in PlanKind]
    parts = [_option(by, say(f"acceptance.by.{by or 'all'}"), form.by) for by in _PARTS]
    form_itself = node(
        "details",
        node("summary", say("acceptance.offer")),
        paragraph(say("acceptance.what")),
        node(
            "div",
            _field(say("acceptance.aql"), _number("aql", form.aql)),
            _field(say("acceptance.ltpd"), _number("ltpd", form.ltpd)),
            _field(say("acceptance.kind"), _choice("kind", kinds, form.kind)),
            _field(say("acceptance.by"), _choice("by", parts, form.by)),
            *([] if misses is None else [_measured(form, misses)]),
            class_="cleaner-table-fields",
        ),
        paragraph(say("acceptance.again") if again else "", "fine"),
        buttons(button(say("acceptance.begin"), "plan")),
        class_="cleaner-box",
    )
    hidden = analysis is None or bool(analysis.problem)
    return node("div", form_itself, class_="cleaner-section", hidden=hidden)


def _measured(form: PlanForm, misses: float) -> Tree:
    chosen = "yes" if form.measured else "no"
    answers = [
        _option("yes", say("acceptance.measured.yes", misses=percent(misses)), chosen),
        _option("no", say("acceptance.measured.no"), chosen),
    ]
    return _field(say("acceptance.measured"), _choice("measured", answers, chosen))


def _field(text: str, control: Tree) -> Tree:
    return node("label", node("span", text), control)


def _number(field: str, value: str) -> Tree:
    return node("input", do=f"plan-{field}", value=value, autocomplete="off", class_="cleaner-input")


def _option(value: str, text: str, chosen: str) -> Tree:
    return node("option", text, value=value, selected=value == chosen)


def _choice(field: str, options: list[Tree], value: str) -> Tree:
    return node("select", *options, do=f"plan-{field}", value=value, class_="cleaner-input")


def acceptance_trees(acceptance: Acceptance) -> list[Tree]:
    """Describe the verdict of a plan, what it means, and how far it is."""
    verdict, terms = acceptance.verdict, acceptance.terms
    word = node("span", say(f"acceptance.{verdict.name.lower()}"), class_=f"cleaner-verdict{_TINTS[verdict]}")
    trees = [node("p", word, f" {_meaning(acceptance)}", role="status")]
    if acceptance.by:
        head = say("acceptance.parts.head", by=say(f"acceptance.{acceptance.by}")).split("|")
        rows = [[each.part, *_figures(each)] for each in acceptance.inspections]
        name = say("acceptance.parts")
        trees.append(scrolled(table(name, head, rows, numbers=range(1, 5)), name))
        parts = count(len(acceptance.inspections), "plan")
        trees.append(paragraph(say("acceptance.shared", parts=parts), "fine"))
    else:
        trees.append(paragraph(_progress(acceptance.inspections[0]), "fine"))
    if terms.measured:
        trees.append(paragraph(say("acceptance.errs.measured", misses=percent(terms.misses)), "fine"))
    elif terms.misses or terms.false_alarms:
        rates = {"misses": percent(terms.misses), "alarms": percent(terms.false_alarms)}
        trees.append(paragraph(say("acceptance.errs", **rates), "fine"))
    if acceptance.earlier:
        audits = count(len(acceptance.earlier), "audit")
        trees.append(paragraph(say("acceptance.earlier", audits=audits), "fine"))
    return trees


def _meaning(acceptance: Acceptance) -> str:
    terms, each = acceptance.terms, "_each" if acceptance.by else ""
    figures = {
        "aql": percent(terms.aql),
        "ltpd": percent(terms.ltpd),
        "alpha": percent(terms.alpha),
        "beta": percent(terms.beta),
        "by": say(f"acceptance.{acceptance.by}").lower() if acceptance.by else "",
    }
    return say(f"acceptance.{acceptance.verdict.name.lower()}.means{each}", **figures)


def _figures(each: Inspection) -> list[str]:
    numbers = (each.plan.population, each.plan.looks, len(each.sample), each.errors + each.open)
    return [*(f"{number:,}" for number in numbers), say(f"acceptance.{each.verdict.name.lower()}")]


def _progress(each: Inspection) -> str:
    return say(
        "acceptance.progress",
        judged=f"{len(each.sample):,}",
        looks=count(each.plan.looks, "image"),
        wrong=f"{each.errors + each.open:,}",
        open=f"{each.open:,}",
        population=f"{each.plan.population:,}",
    )

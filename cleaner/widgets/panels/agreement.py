"""How far reviewers agree, and the form that says how many images are shown blind."""

from dataclasses import dataclass

from cleaner.analysis.agreement import Agreement, Kappa
from cleaner.audit.known import Known
from cleaner.errors import StoreError
from cleaner.review.opinions import Shares
from cleaner.util.wording import percent
from cleaner.widgets.panels.base import Tree, button, buttons, node, paragraph, scrolled, section, table
from cleaner.widgets.sentences import say


@dataclass
class BlindForm:
    """What was typed for the shares of images that are shown blind, per cent; None: what holds now."""

    second: str | None = None
    again: str | None = None

    def shown(self, shares: Shares) -> tuple[str, str]:
        """Return what stands in the fields."""
        texts = zip((self.second, self.again), shares, strict=True)
        second, again = (f"{100 * share:g}" if text is None else text for text, share in texts)
        return second, again

    def shares(self, now: Shares) -> Shares:
        """Return what was asked for.

        Raises
        ------
        StoreError
            A field holds no number.
        """
        texts = self.shown(now)
        try:
            second, again = (float(text.replace(",", ".").strip().removesuffix("%")) / 100 for text in texts)
        except ValueError as exc:
            raise StoreError(say("agreement.no_number", second=texts[0], again=texts[1])) from exc
        return Shares(second, again)


def agreement_section(found: Agreement, shares: Shares, form: BlindForm) -> Tree:
    """Describe how far reviewers agree, and below, folded up, the form."""
    second, again = form.shown(shares)
    return section(
        say("agreement"),
        *agreement_trees(found),
        node(
            "details",
            node("summary", say("agreement.set" if any(shares) else "agreement.offer")),
            paragraph(say("agreement.what")),
            node(
                "div",
                _field(say("agreement.second"), "blind-second", second),
                _field(say("agreement.again"), "blind-again", again),
                class_="cleaner-table-fields",
            ),
            buttons(button(say("agreement.save"), "blind-save")),
            class_="cleaner-box",
        ),
    )


def _field(text: str, do: str, value: str) -> Tree:
    control = node("input", do=do, value=value, autocomplete="off", class_="cleaner-input")
    return node("label", node("span", text), control)


def agreement_trees(found: Agreement) -> list[Tree]:
    """Describe the results, as far as there are any: between reviewers, of one's own, and of known images."""
    trees: list[Tree] = []
    if found.pairs:
        rows: list[list[Tree | str]] = [
            [
                say("agreement.pair", first=each.first, second=each.second),
                say("agreement.of", same=f"{each.same:,}", images=f"{each.images:,}"),
                kappa_text(each.kappa),
            ]
            for each in found.pairs
        ]
        trees += _shown("agreement.pairs", rows)
        trees.append(paragraph(say("agreement.kappa"), "fine"))
    if found.own:
        rows = [
            [
                each.reviewer,
                say("agreement.of", same=f"{each.same:,}", images=f"{each.images:,}"),
                say("agreement.range", low=percent(each.low), high=percent(each.high)),
            ]
            for each in found.own
        ]
        trees += _shown("agreement.own", rows)
    if found.known:
        rows = [[each.reviewer, *_known(each)] for each in found.known]
        trees += _shown("agreement.known", rows)
        trees.append(paragraph(say("agreement.known.sure"), "fine"))
    return trees


def _shown(key: str, rows: list[list[Tree | str]]) -> list[Tree]:
    name = say(key)
    drawn = table(name, say(f"{key}.head").split("|"), rows, numbers={1, 2})
    return [node("h3", name), scrolled(drawn, name)]


def _known(each: Known) -> tuple[str, str]:
    def figures(errors: int, looks: int, most: float) -> str:
        if not looks:
            return "–"
        return say("agreement.most", errors=f"{errors:,}", looks=f"{looks:,}", most=percent(most))

    return (
        figures(each.missed, each.wrong, each.most_missed),
        figures(each.alarms, each.right, each.most_alarms),
    )


def kappa_text(kappa: Kappa | None) -> str:
    """Return kappa with its interval, or that it cannot be told."""
    if kappa is None:
        return say("agreement.kappa.none")
    figures = {key: f"{value:.2f}".replace("-", "−") for key, value in kappa._asdict().items()}
    return say("agreement.kappa.value", **figures)

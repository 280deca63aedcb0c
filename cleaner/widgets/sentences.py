"""Every sentence of the page, by key: the one place to read them, rewrite them, or translate them.

Code below the page hands over data; what a person reads is made here. Values are put in by `say`; numbers
with their nouns ("1 image", "12 images") come ready from `cleaner.util.wording`.
"""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    # ------------------------------ grid: what its scripts show
    # ------------------------------ review: notices, progress, ends of views
    # ------------------------------ panels, one block a panel
    # ------------------------------ analysis: patterns, certificate, forecast, what was learnt
    "analysis.pair": (
        "{part} of {whole} images wrongly labelled {given} belong to {right}: more than by chance ({p})."
    ),
    "analysis.pair.details": "{share}. From the sizes of the classes, {expected} would be expected.",
    "analysis.pair.advice": "Check how these images were collected.",
    "analysis.direction": (
        "{part} of {whole} images labelled {given} that look like {right} were wrong, against {other_part} "
        "of {other_whole} the other way round: the mistake goes one way ({p})."
    ),
    "analysis.direction.details": "{share} against {other_share}.",
    "analysis.direction.advice": "Find out who labels {right} as {given}, and why.",
    "analysis.source": (
        "{part} of {whole} wrong labels come from the {source} “{group}”. By chance, there would be about "
        "{expected} ({p})."
    ),
    "analysis.source.details": "{share}, compared within each class.",
    "analysis.source.advice": "Check what was done differently there.",
    "analysis.order": (
        "Wrong labels follow one another in the order of the files more often than by chance ({p})."
    ),
    "analysis.order.details": "The longest run is {part}, from {first} to {last}.",
    "analysis.order.advice": "Check when these images were labelled, and by whom.",
    "analysis.class": (
        "In the audit, {part} of {whole} {given} labels were wrong, against {other_part} of {other_whole} "
        "other labels: the classes differ by more than chance ({p})."
    ),
    "analysis.class.details": "{share}.",
    "analysis.class.advice": "Check how {given} is told apart from other classes.",
    "analysis.too_few": (
        "{errors} so far: too few to tell a pattern from chance. Patterns are looked for from {least} errors "
        "on."
    ),
    "analysis.no_pattern": "No pattern so far: the errors look as they would by chance.",
    "analysis.certificate": "At most {errors} not been found yet ({sure} sure).",
    "analysis.certificate.recall": (
        "At most {errors} not been found yet ({sure} sure); at least {share} of all errors are found."
    ),
    "analysis.certificate.none_left": "No errors are left: every image in the audit was judged.",
    "analysis.certificate.evidence": "{errors} of {audited} random images {was} wrong.",
    "analysis.certificate.open": "{are} unsure or missing. The limit counts these as wrong.",
    "analysis.certificate.limits": (
        "This is about the {population} images that nobody had decided or set aside when the audit "
        "began{without}. It relies on the reviewer: a wrong label that the reviewer accepts is not counted."
    ),
    "analysis.certificate.discarded": ", without the {some} removed since",
    "analysis.audited": "{audited} of {aim} audited",
    "analysis.learnt": "New order: it was refined by {decisions} decisions ({errors}).",
    "analysis.learnt.earlier": (
        "New order: of {images}{given}{suggested}, {wrong} {was} wrong, so more of these come first."
    ),
    "analysis.learnt.later": (
        "New order: of {images}{given}{suggested}, only {wrong} {was} wrong, so these come later."
    ),
    "analysis.proposal.no_labels": (
        "Images that stand for many others come first. Press / and type the class of each. Suggestions begin "
        "with the second class."
    ),
    "analysis.proposal.one_class": (
        "Images that stand for many others come first. {labelled} so far, all “{label}”. Suggestions begin "
        "with the second class."
    ),
    "analysis.proposal.early": (
        "Images on which the model is unsure come first. The suggestions are learnt from {labelled}, and "
        "many are still wrong."
    ),
    "analysis.proposal.ready": (
        "Images on which the model is unsure come first. The suggestions are learnt from {labelled}."
    ),
    # ------------------------------ start: choosing a data set
}
"""Key -> sentence; keys begin with the name of the module that shows them."""


def say(key: str, **values: object) -> str:
    """Return a sentence with its values put in.

    Raises
    ------
    KeyError
        There is no such sentence, or a value is missing.
    """
    return SENTENCES[key].format_map(values)

"""Every sentence of the page, by key: the one place to read them, rewrite them, or translate them.

Code below the page hands over data; what a person reads is made here. Values are put in by `say`; numbers
with their nouns ("1 image", "12 images") come ready from `cleaner.util.wording`.
"""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    # ------------------------------ grid: what its scripts show
    # ------------------------------ review: notices, progress, ends of views
    "review.no_ranking": "There is no ranking yet. The images come in the order of their names.",
    "review.no_labels": (
        "No image has a label yet. Press / and type the class of some of them. Suggestions for the others "
        "come as soon as there are two classes."
    ),
    "review.new_order": "A new order is ready. It starts with the next page.",
    "review.no_filters_audit": (
        "The audit takes no filters. It covers all images that were undecided when it began."
    ),
    "review.no_filters_duplicates": (
        "Duplicates take no filters. A group stays together, whatever its splits and labels."
    ),
    "review.resumed": (
        "Welcome back. {decided} of {total} images are decided; you continue with the first undecided one."
    ),
    "review.files_kept": (
        "Nothing is removed for good. Confirmed files go to the trash in {folder}, and Undo brings them back."
    ),
    "review.similar": (
        "{images} {of} most similar to {like}. {what} “Same decision” (l) does this for the images you "
        "select, or for all unmarked ones. “Confirm page” keeps the unmarked ones and goes back. “Previous "
        "page” goes back and leaves them undecided."
    ),
    "review.similar_to_many": "the {n} you decided on",
    "review.similar_labelled": "labelled “{label}”,",
    "review.similar_unlabelled": "without a label,",
    "review.similar_delete": "Delete them too?",
    "review.similar_relabel": "Relabel them to “{label}” too?",
    "review.title": "Page {number}",
    "review.title_of": "Page {number} of {of}",
    "review.title_audit": "Audit, page {number}",
    "review.title_duplicates": "Duplicates, page {number}",
    "review.title_again": "{title} (again)",
    "review.title_similar": "Similar images",
    "review.summary": "{errors} found in {looked_at} reviewed, {left} left",
    "review.summary_window": "{errors} in the last {looked_at}",
    "review.summary_expected": "{errors} expected on the next page",
    "review.summary_labelling": "{labelled} labelled by you and your colleagues, {left} images left",
    "review.summary_discarded": (
        "{images} removed so far as duplicates or poor images. This does not count as a wrong label."
    ),
    "review.files": "{files} · {marked} marked",
    "review.files_gone_too": "{files} · {marked} marked · {gone} in the trash",
    "review.no_audit": (
        "No audit has begun. An audit is most useful when you hardly find errors any more. Start it under "
        "“May I stop?”, or with start_audit() in Python."
    ),
    "review.audit_ended": "Every image of the audit is decided.",
    "review.not_checked": (
        "Nobody has looked for duplicates, poor images and outliers yet. Press “Look for them” at the left "
        "of the page, or run the command “cleaner duplicates”."
    ),
    "review.files_ended": "That was the last page. {gone} in the trash: {folder}",
    "review.files_gone": "All files of this page are in the trash. Undo brings them back.",
    "review.all_decided": "Every image in this view is decided.",
    "review.all_labelled": "Every image has a label.",
    "review.none_fits": "No image fits these filters.",
    "review.left_elsewhere": (
        "{left} images of the whole set are still undecided. Remove a filter to see them."
    ),
    "review.retrain_now": "Retrain now, or look at the result.",
    "review.set_aside": "{images} set aside as unsure: choose “unsure” under “Show” to see them.",
    "review.last_page": "That was the last page of this view. Choose another view, or go back a page.",
    "review.none_decided": "Nothing is decided here yet. Choose another view.",
    "review.none_unsure": "No image is set aside as unsure. Choose another view.",
    "review.none_conflicts": "No two reviewers disagree. Choose another view.",
    "review.last_group": (
        "That was the last group. Unmarked images stay in the set. For labels, choose “most suspicious”."
    ),
    "review.last_image": (
        "That was the last image. Unmarked images stay in the set. For labels, choose “most suspicious”."
    ),
    "review.no_duplicates": (
        "No duplicates are left here. Move the threshold to the left to see images that are less alike, or "
        "continue with labels."
    ),
    "review.none_at_threshold": (
        "No image counts as “{order}” at this threshold. Move the threshold to the left to see more, or "
        "continue with labels."
    ),
    "review.labelled": "{n} labelled",
    "review.kept": "{n} kept",
    "review.called_different": "Saved: {images} are not duplicates of each other.",
    "review.described": "The description of “{label}” is saved.",
    "review.description_gone": "“{label}” has no description any more.",
    "review.undone": "Undone: {what}.",
    "review.nothing_to_undo": "Nothing to undo.",
    "review.undone_marks": "Undone: {files} unmarked again.",
    "review.undone_unmarking": "Undone: {files} marked again.",
    "review.undone_files": "Undone: {files} back.",
    "review.file_stays": "{name} stays in the trash: {problem}.",
    "review.files_moved": "{files} moved to the trash.",
    "review.files_not_moved": "{files} could not be moved.",
    "review.file_not_moved": "{name}: {problem}.",
    "review.act_confirm": "the Confirm that kept {of}",
    "review.act_different": "“not duplicates” for {images}",
    "review.act_other": "the last act",
    "review.act_relabel": "relabel of {of}",
    "review.act_relabel_to": "relabel of {of} to {label}",
    "review.act_decision": "{kind} of {of}",
    "review.act_mixed": "decision",
    "review.note": "{reviewer}: {choice}",
    "review.outlier": "outlier",
    "review.duplicate_exact": "exact copy",
    "review.duplicate_re_encoded": "saved again or edited",
    "review.duplicate_resized": "resized",
    "review.duplicate_cropped": "cropped",
    "review.duplicate_mirrored": "mirrored",
    "review.duplicate_look_alike": "looks alike",
    "review.split": "Split",
    "review.no_split": "none",
    "review.predictions": "Predictions",
    "review.score": "Label wrong",
    "review.rank": "Rank",
    "review.leak": "leak: {splits}",
    "review.labels_differ": "{n} labels: {labels}?",
    "review.no_label": "no label",
    "review.only_alike": "only look alike",
    "review.some_kept": "{kept} of {size} kept",
    "review.all_deleted": "all deleted",
    "review.different_all": "not duplicates",
    "review.different_some": "some are not duplicates",
    "csv.failed": "{reason}",
    "csv.locked": (
        "{file} is open in another program. The new version is in {other} beside it, and takes its place "
        "when the other program lets go."
    ),
    "csv.current": "{file} is up to date again.",
    "csv.hand_edited": "{file} was changed by hand or elsewhere. That version is kept as {path}.",
    "review.failed": "Something went wrong ({error}). Try again.",
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

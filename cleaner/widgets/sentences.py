"""Every sentence of the page, by key: the one place to read them, rewrite them, or translate them.

Code below the page hands over data; what a person reads is made here. Values are put in by `say`; numbers
with their nouns ("1 image", "12 images") come ready from `cleaner.util.wording`.
"""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    # ------------------------------ app
    "app.edited": "{file} was edited outside of this page ({changes}).",
    "app.import": "Import the changes",
    "app.behind": "{file} lacks the latest decisions. They are safe in the database.",
    "app.write": "Write it now",
    "app.ranking_lost": "The saved ranking could not be read. A new one is being made.",
    "app.ranking_unusable": "The new ranking cannot be used: {reason}",
    "app.left_out": "{files} left out",
    # ------------------------------ guard: errors that nobody foresaw
    "guard.failed": "Something went wrong ({error}). Try again.",
    "guard.not_saved": "Not saved: {reason}",
    "guard.not_understood": "The page sent something that could not be understood. Reload the page.",
    # ------------------------------ grid: what its scripts show
    # The buttons.
    "grid.keep": "Keep",
    "grid.delete": "Delete",
    "grid.unsure": "Unsure",
    "grid.undo": "Undo",
    "grid.enlarge": "Enlarge",
    "grid.show_keys": "Show keys",
    "grid.keep_only": "Keep only this",
    "grid.follow_advice": "Follow advice",
    "grid.not_duplicates": "Not duplicates",
    "grid.confirm_page": "Confirm page",
    "grid.continue": "Continue",
    "grid.decide_same": "Decide the same",
    "grid.previous_page": "Previous page",
    "grid.next_page": "Next page",
    "grid.select_all": "Select all",
    "grid.select_none": "Select none",
    "grid.dismiss": "Dismiss",
    "grid.reload": "Reload",
    "grid.close": "Close",
    "grid.cancel": "Cancel",
    "grid.save": "Save",
    # Choosing a class.
    "grid.relabel_to": "Relabel to",
    "grid.relabel_to_label": "Relabel to {label}",
    "grid.relabel_to_suggestion": "Relabel to the suggestion",
    "grid.suggestion": "suggestion",
    "grid.likeliest_first": "Most likely first",
    "grid.type_class": "Type a class …",
    "grid.type_one_of": "Type one of {n} more …",
    "grid.relabel_dialog": "Relabel to a class",
    "grid.class": "Class",
    "grid.classes": "Classes",
    "grid.type_here": "Type a class",
    "grid.make_class": "Make new class “{label}” …",
    "grid.no_such_class": "There is no class “{label}”. To make it, press ↓ and then Enter, or click it.",
    # A card.
    "grid.images_to_review": "Images to review",
    "grid.select": "Select (Space)",
    "grid.no_label": "no label",
    "grid.loss": "loss {loss}",
    "grid.cannot_be_shown": "Cannot be shown",
    "grid.undrawable": "The browser cannot draw this image.",
    "grid.keep_this": "keep this one",
    "grid.advice.keep": "keep",
    "grid.advice.delete": "delete",
    "grid.badge.keep": "kept",
    "grid.badge.delete": "delete",
    "grid.badge.unsure": "unsure",
    "grid.badge.relabel": "→ {label}",
    "grid.decided.keep": "kept",
    "grid.decided.delete": "marked delete",
    "grid.decided.unsure": "marked unsure",
    "grid.decided.relabel": "relabelled {label}",
    "grid.name.given": "labelled {label}",
    "grid.name.suggestion": "predicted {label}",
    "grid.name.loss": "loss {loss}",
    "grid.name.advice": "advised: {advice}",
    "grid.name.problem": "cannot be shown: {problem}",
    "grid.name.saving": "saving",
    # The line below the cards: what is marked, and what Confirm does.
    "grid.loading_page": "Loading the page …",
    "grid.marked": "{n} marked",
    "grid.none_marked": "Nothing marked",
    "grid.on_this_page": "on this page",
    "grid.to_delete": "to delete",
    "grid.selected": "{n} selected",
    "grid.suggestions_one": "{n} suggestion",
    "grid.suggestions_many": "{n} suggestions",
    "grid.confirm.keeps_all": "Confirm keeps all {n}",
    "grid.confirm.keeps_other": "Confirm keeps the other {n}",
    "grid.confirm.accepts": "Confirm accepts {suggestions}",
    "grid.confirm.keeps_and_accepts": "Confirm keeps {n} and accepts {suggestions}",
    "grid.confirm.opens_next": "Confirm opens the next page",
    "grid.confirm.unlabelled_one": "{n} stays without a label",
    "grid.confirm.unlabelled_many": "{n} stay without a label",
    "grid.confirm.unseen_one": "{n} that cannot be shown stays undecided",
    "grid.confirm.unseen_many": "{n} that cannot be shown stay undecided",
    "grid.confirm.leaves": "Continue leaves unmarked images as they are",
    "grid.confirm.trash_one": "Confirm moves it to the trash",
    "grid.confirm.trash_many": "Confirm moves them to the trash",
    "grid.saving_page": "saving the page …",
    # Answers to a key that does nothing.
    "grid.still_saving": "Still saving. Wait a moment.",
    "grid.not_offered": "This page does not ask for that. The buttons below show what you can do.",
    "grid.no_label_to_keep": "This image has no label to keep. Give it one.",
    "grid.no_suggestion": "There is no suggestion for this image.",
    "grid.no_such_digit": "No class has the number {digit}.",
    "grid.no_likelihood": "This works only with a ranking and more than ten classes.",
    "grid.rest_is_deleted": "The rest of the group is already deleted.",
    "grid.kept_is_deleted": "The image to keep is deleted. Compare the others; then press o or n.",
    "grid.no_advice": (
        "There is no advice for images that only look alike or have different labels. Compare them; "
        "then press o or n."
    ),
    "grid.awaited_one": "{n} image is still loading. Confirm when you have seen it.",
    "grid.awaited_many": "{n} images are still loading. Confirm when you have seen them.",
    "grid.look_first": "This page has just opened. Look at it before you confirm.",
    "grid.first_page": "This is the first page.",
    "grid.last_page": "This is the last page.",
    "grid.all_similar_decided": "Every image here is decided. Confirm page takes you back.",
    "grid.none_similar": "There are no similar images to show. Relabel or delete an image first.",
    # Alerts.
    "grid.lost": "This page has lost its kernel. Everything shown as saved is saved. Reload the page.",
    "grid.lost_in_notebook": (
        "This page has lost its kernel. Everything shown as saved is saved. Reload the page. "
        "If a cell is still running, just wait: the page will carry on."
    ),
    "grid.overdue": "Not saved: no answer for 5 seconds. Please wait; the page keeps trying.",
    "grid.overdue_files": "Not saved: no answer for 5 seconds ({files}). Please wait; the page keeps trying.",
    "grid.and_more": "{files} and {n} more",
    # The large view.
    "grid.large_view": "Large view",
    "grid.previous": "Previous",
    "grid.next": "Next",
    "grid.zoom_out": "Zoom out",
    "grid.zoom_in": "Zoom in",
    "grid.fit": "Fit",
    "grid.brightness": "Brightness",
    "grid.contrast": "Contrast",
    "grid.reset": "Reset",
    "grid.eye_only": "This changes only the view. The file stays as it is.",
    "grid.first_image": "This is the first image of the page.",
    "grid.last_image": "This is the last image of the page.",
    "grid.image_of": "Image {n} of {all}",
    "grid.loading": "Loading …",
    "grid.loading_full": "Loading the full size …",
    "grid.problem": "Cannot be shown: {problem}",
    "grid.fact.file": "File",
    "grid.fact.given": "Given label",
    "grid.fact.suggestion": "Suggestion",
    "grid.fact.loss": "Loss",
    "grid.fact.size": "Size",
    "grid.fact.note": "Note",
    "grid.fact.decision": "Decision",
    "grid.pixels": "{width} × {height} pixels",
    "grid.undecided": "none yet",
    "grid.badge_saving": "{badge}, saving",
    "grid.badge_by": "{badge} ({reviewer})",
    # Comparing classes.
    "grid.compare": "Compare",
    "grid.compare_classes": "Compare the classes",
    "grid.role.given": "given label",
    "grid.role.suggestion": "suggestion",
    "grid.role.chosen": "chosen",
    "grid.nothing_to_compare": "This image has no label and no suggestion to compare.",
    "grid.description_of": "Description of {label}",
    "grid.describe_class": "Describe this class …",
    "grid.change_description": "Change the description …",
    "grid.finish_description": "Finish the description …",
    "grid.saving": "saving …",
    "grid.typical": "typical {label}: {name}",
    "grid.unconfirmed": "not confirmed yet",
    "grid.none_typical": "There is no typical image yet: no other image is confirmed in this class.",
    # The list of keys.
    "grid.keys": "Keys",
    "grid.keys_act_on": "Keys act on the selected images, or on the image in focus.",
    "grid.keys_large": "Also in the large view",
    "grid.key.arrows": "go to the next image",
    "grid.key.home_end": "first, last image in the row; with Ctrl: on the page",
    "grid.key.pages": "previous, next page, without confirming",
    "grid.key.space": "select this image, or deselect it",
    "grid.key.range": "select several images in a row",
    "grid.key.all": "select all, select none",
    "grid.key.keep": "keep: the label is right, or the suggestion if there is no label",
    "grid.key.delete": "delete",
    "grid.key.mark": "mark for deletion; press again to unmark",
    "grid.key.digits": "relabel to the class with this number",
    "grid.key.likely": (
        "with more than ten classes: put the most likely classes of the image on the digits; press again "
        "to go back"
    ),
    "grid.key.suggestion": "relabel to the suggestion",
    "grid.key.type": "relabel to a class that you type; this can also make a new class",
    "grid.key.similar": (
        "show images similar to the one you just relabelled or deleted; there: decide the same for them"
    ),
    "grid.key.unsure": "unsure: leave the image for a colleague",
    "grid.key.only": "among duplicates: keep only this image of its group, or only the selected ones",
    "grid.key.advice": "among duplicates: follow the advice; say that they are not duplicates",
    "grid.key.undo": "undo the last act",
    "grid.key.enlarge": "show the image large",
    "grid.key.confirm": "confirm the page and go to the next one",
    "grid.key.help": "show this list",
    "grid.key.large.arrows": "previous, next image",
    "grid.key.large.zoom": "zoom in, zoom out",
    "grid.key.large.fit": "fit into the window",
    "grid.key.large.move": "move an image that is larger than the window",
    "grid.key.large.compare": "compare the classes in question: descriptions and typical images",
    "grid.key.large.close": "go back to the page",
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
    # ------------------------------ panels, one block a panel
    "header.left_out": "{files} left out: see why",
    "header.leave": "Choose another data set",
    "header.saved": "All decisions saved",
    "header.unsaved": "Saving is interrupted",
    "header.reviewer": " · Reviewer: {reviewer}",
    "header.dismiss": "Dismiss",
    "header.unlabelled": "{number} without a label",
    "steps": "Steps",
    "progress": "Progress",
    "progress.found": "{errors} found",
    "progress.labelled": "{number} labelled",
    "progress.reviewed": "Reviewed",
    "progress.reviewed.value": "{reviewed} of {total}",
    "progress.labelled.line": "Labelled",
    "progress.removed": "Duplicates, poor images removed",
    "progress.window": "In the last {window}",
    "progress.window.value": "{errors} (probably {low}–{high})",
    "progress.expected": "Expected on next page",
    "progress.pace": "At {number} a minute",
    "progress.pace.value": "{time} left",
    "progress.curve": "{errors} found in {images} reviewed",
    "progress.curve.expected": "{errors} found in {images} reviewed; the model expects {expected} by {end}",
    "progress.curve.lines": "Found",
    "progress.curve.model": "Expected by the model",
    "progress.curve.start": "Start",
    "progress.curve.end": "{number} reviewed",
    "results": "Results",
    "results.follows": "{name} is updated after every decision:",
    "results.begins": "{name} will be written after your first decision:",
    "results.export": "Save decisions.csv",
    "results.history": "The history of all decisions, to keep or to combine with a colleague's.",
    "results.model": "{name} from the last training:",
    "results.model.name": "Model",
    "files": "Files left out",
    "files.none": "None. All images can be opened.",
    "files.head": "File|Reason",
    "report": "Report",
    "report.first": "Showing the first {shown} of {all}.",
    "report.loading": "Loading …",
    "report.no_label": "(no label)",
    "report.changes": "Labels you changed",
    "report.changes.none": "You have not changed any labels yet.",
    "report.changes.head": "Given label|Correct label|Images",
    "report.classes": "Results by class",
    "report.classes.head": "Class|Images|Reviewed|Wrong|Unsure",
    "report.wrong": "Wrong: deleted, or given another label.",
    "report.audit": "Errors left",
    "report.audit.none": "Not known yet: no audit has been started.",
    "report.patterns": "Patterns in the errors",
    "report.confusions": "Classes that are mixed up",
    "patterns": "Errors so far",
    "patterns.report": "See the full report",
    "patterns.top_share": "The three most common mix-ups make up {share} of your corrections.",
    "patterns.needs_audit": "To compare error rates between classes, run an audit.",
    "patterns.level": (
        "Each kind of pattern (pairs of classes, direction, source, class) is tested so that chance alone "
        "raises a false alarm in at most 1 of 20 data sets, however often you look."
    ),
    "patterns.review": "Review all {given} → {right} ({number})",
    "confusions.none": "No mix-ups between classes found yet.",
    "confusions.matrix": "Your corrections. In brackets: the model's estimate for the whole data set.",
    "confusions.matrix.name": "Table of mix-ups",
    "confusions.matrix.corner": "Given ↓ Correct →",
    "confusions.matrix.deleted": "Deleted",
    "confusions.pairs": "Most common mix-ups",
    "confusions.pairs.head": "Given label|Correct label|Corrected|Estimated|To review",
    "audit": "Can I stop?",
    "audit.offer": "To find out how many errors could be left at most, audit about 300 random images.",
    "audit.start": "Start audit",
    "audit.maybe": "Maybe.",
    "audit.rare": (
        "Errors have become rare: {errors} in the last {window} images, {expected} expected on the next page."
    ),
    "audit.rule": "This is a rule of thumb, not a proof.",
    "audit.not_yet": "Not yet.",
    "audit.wrong": "{errors} of the last {window} images were wrong.",
    "audit.expected": "Errors expected on the next page: {expected}.",
    "audit.progress": "Audit progress",
    "audit.random": "Random images, without scores or suggestions. Decide on every one.",
    "audit.limits": "What this does not cover",
    "audit.suspicious": "Back to suspicious images",
    "audit.view": "View audit",
    "audit.continue": "Continue audit",
    "audit.newcomers": "Not covered: {images} added since the audit began.",
    "audit.join": "Add to audit",
    "job.busy": "Another task is running. You can start this one when it has finished.",
    "job.stopping": "Stopping …",
    "job.rate": "{number} a second",
    "job.left": "{time} left",
    "job.of": "{done} of {total}",
    "checks": "Other problems",
    "checks.purpose": "Find duplicates, poor images, and outliers that fit no class.",
    "checks.due": "This starts by itself when the current task has finished.",
    "checks.start": "Search",
    "checks.again": "Search again",
    "checks.retry": "Try again",
    "checks.cancel": "Stop",
    "checks.progress": "Progress of the search",
    "checks.failed": "The search for duplicates and poor images failed.",
    "checks.stopped": "Stopped. A new search continues from here.",
    "checks.interrupted": "Interrupted by another task. A new search continues from here.",
    "checks.counting": "Counting …",
    "checks.new": "{images} added since the last search.",
    "checks.none_found": "Nothing found.",
    "checks.no_weights": (
        "Look-alikes and outliers were not searched for, because there are no pretrained weights (option "
        "--weights)."
    ),
    "checks.leaks": "{leaks} between splits",
    "checks.two_labels": "{number} with different labels",
    "checks.report": "Duplicates, poor images and outliers",
    "checks.report.none": "Not searched yet.",
    "checks.report.left_out": "{files} left out.",
    "checks.report.found": "Found: {found}.",
    "checks.report.head": "Problem|From a score of|Found",
    "prepare.stage": "Finding suspicious labels: {progress}.",
    "prepare.progress": "Finding suspicious labels",
    "prepare.cancel": "Cancel",
    "prepare.retry": "Try again",
    "prepare.from_scratch": "Continue without pretrained weights",
    "prepare.failed": "The labels could not be ranked.",
    "prepare.stopped": "The search for suspicious labels was cancelled. It will continue from here.",
    "prepare.start": "Find suspicious labels",
    "prepare.new": "{images} added since the labels were ranked.",
    "prepare.rank": "Rank them",
    "order.most suspicious": "Most suspicious",
    "order.least confident": "Least confident",
    "order.by file name": "By file name",
    "order.to label": "To label",
    "order.duplicates": "Duplicates",
    "order.dark": "Dark",
    "order.bright": "Bright",
    "order.blurry": "Blurry",
    "order.low information": "Low information",
    "order.odd aspect ratio": "Odd aspect ratio",
    "order.odd size": "Odd size",
    "order.grey": "Grey",
    "order.outliers": "Outliers",
    "order.audit (random)": "Random audit",
    "filters.order": "Order",
    "filters.split": "Split",
    "filters.given": "Given label",
    "filters.predicted": "Suggestion",
    "filters.show": "Show",
    "filters.all": "All",
    "filters.undecided": "Undecided",
    "filters.decided": "Decided",
    "filters.unsure": "Unsure",
    "filters.conflicts": "Conflicts",
    "threshold": "Threshold",
    "threshold.score": "{order}: from a score of",
    "threshold.similarity": "{order}: from a similarity of",
    "threshold.reset": "Reset to {value}",
    "threshold.counting": "…",
    "threshold.groups": "{groups}",
    "threshold.leaks": "{groups}, {leaks} between splits",
    "threshold.images": "{images} found",
    "threshold.common": "None found: most images are like this",
    "threshold.histogram": (
        "Histogram of {all}, scores {low} to {high}: {above} from {value} up. The height is logarithmic."
    ),
    "threshold.refused": "The threshold must be a number from {low} to {high}, not “{value}”.",
    "threshold.more.dark": "darker",
    "threshold.more.bright": "brighter",
    "threshold.more.blurry": "blurrier",
    "threshold.more.low information": "emptier",
    "threshold.more.odd aspect ratio": "odder",
    "threshold.more.odd size": "odder",
    "threshold.more.grey": "greyer",
    "threshold.more.duplicates": "more alike",
    "threshold.more.outliers": "less like any class",
    "retrain": "Retrain",
    "retrain.start": "Retrain",
    "retrain.cancel": "Cancel",
    "retrain.mode": "What to train",
    "retrain.quick": "{mode}: last layer, seconds",
    "retrain.quick.mode": "Quick",
    "retrain.full": "{mode}: whole network, {time}",
    "retrain.full.mode": "Full",
    "retrain.full.time": "minutes",
    "retrain.epochs": "epochs",
    "retrain.progress": "Progress of the training",
    "retrain.making_way": "Stopping the search for other problems first …",
    "retrain.done": "Done.",
    "retrain.failed": "Retraining failed: {reason}. The previous model is still in use.",
    "retrain.cancelled": "Cancelled. The previous model is still in use.",
    "retrain.busy": "Another task is running. You can retrain when it has finished.",
    "retrain.error": "error {share}",
    "retrain.curve": "After {epochs} epochs: {losses}",
    "retrain.curve.epoch": "Epoch {number}",
    "retrain.valid_loss": "Validation loss",
    "retrain.train_loss": "Training loss",
    "retrain.before": "Error before",
    "retrain.now": "Error now",
    "retrain.same": "No measurable difference.",
    "retrain.worse": "More errors.",
    "retrain.better": "Fewer errors.",
    "retrain.interval": (
        "{difference} percentage points (95 % interval {low} to {high}), on the same {images} with your "
        "labels."
    ),
    "retrain.names": "Before: {before}. Now: {now}.",
    "classes": "Classes",
    "classes.note": "Counted after all decisions so far. Files and folders keep their names.",
    "classes.undo": "Undo",
    "classes.none_found": "No class name contains this.",
    "classes.none": "There are no classes yet.",
    "classes.first": "Showing the first {shown} of {found}. Type part of a name to find the others.",
    "classes.find": "Find a class ",
    "classes.find.hint": "Part of a name",
    "classes.head": "Class",
    "classes.head.images": "Images",
    "classes.head.acts": "Actions",
    "classes.no_label": "(no label)",
    "classes.ends_blank": " (ends with a space)",
    "classes.begins_blank": " (begins with a space)",
    "classes.rename": "Rename",
    "classes.rename.name": "Rename {label}",
    "classes.rename.field": "New name for {label}",
    "classes.merge": "Merge",
    "classes.merge.name": "Merge {label}",
    "classes.merge.field": "Merge {label} into",
    "classes.merge.into": " into ",
    "classes.merge.choose": "Choose a class",
    "classes.merge.taken": "Merge with “{label}”",
    "classes.cancel": "Cancel",
    "classes.merge.empty": "“{label}” has no images and will leave the list. You can undo this.",
    "classes.merge.images": "{images} labelled “{label}” will become “{into}”. You can undo this.",
    "classes.new": "New class ",
    "classes.add": "Add",
    "classes.renamed": "Renamed “{label}” to “{name}”: {images}.",
    "classes.merged": "Merged “{label}” into “{into}”: {images}.",
    "classes.added": "Added class “{name}”.",
    "classes.twin": "Note that “{twin}” looks almost the same.",
    "classes.undone_before": "This was already undone.",
    "classes.undo_first": "You have done other things since. Undo those first: press U among the images.",
    "classes.undo_first.rename": (
        "You have done other things since. Undo those first (press U among the images), or rename “{label}” "
        "back."
    ),
    "classes.undone": "Undone: {what}.",
    "classes.redone": "Redone: {what}.",
    "classes.elsewhere": "Done elsewhere: {what}.",
    "classes.done_by": "{reviewer}: {what}.",
    "classes.undone_by": "{reviewer} undid {what}.",
    "classes.redone_by": "{reviewer} redid {what}.",
    "classes.choose_again": "Choose again what to do.",
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
    "start": "Choose a data set",
    "start.opening": "Opening {name} …",
    "start.recent": "Recent data sets",
    "start.recent.opened": "{images}, opened {ago}",
    "start.ago": "{time} ago",
    "start.just_now": "just now",
    "start.folder": "Choose a folder",
    "start.folder.or": "Or choose a folder",
    "start.advice": (
        "The folder needs one subfolder for each class, or a CSV file with the columns name and label."
    ),
    "start.open_folder": "Open this folder",
    "start.open": "Open",
    "start.open.name": "Open {name}",
    "start.table": "label table",
    "start.empty": "This folder has no subfolders.",
    "start.more": "{folders} not shown.",
    "start.no_images": "no images",
    "start.more_than": "more than {images}",
    "start.many": "many files",
    "start.trail": "Folder",
    "page.failed": "{name} could not be opened",
    "page.choose_other": "Fix the problem and try again, or choose another folder.",
    "page.reload": "Fix the problem and reload the page, or start the dashboard with another folder.",
    "page.choose": "Choose another folder",
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

"""What the grid says in words, made from the data of a session."""

from collections.abc import Sequence
from functools import singledispatch

import numpy as np

from cleaner.ranking.posterior import SURE
from cleaner.ranking.reasons import Explanation
from cleaner.review import Event, Kind
from cleaner.review.classes import in_words
from cleaner.review.events import CLASS_KINDS
from cleaner.review.output.cleaned_csv import CsvNotice
from cleaner.review.state import AskedAgain
from cleaner.session import messages
from cleaner.session.cells import Colleague, Details, DuplicateRemark, Group, OneFix, Page, ProblemScore
from cleaner.session.heat_maps import HeatMap
from cleaner.session.messages import Hint, Reason
from cleaner.session.orders import OUTLIERS, TO_LABEL, purpose_of
from cleaner.session.view import Purpose
from cleaner.util.wording import count, estimate, probability
from cleaner.widgets.keys import BINDINGS, Refusal
from cleaner.widgets.panels.text import audit_progress, certificate_text, learnt_text, proposal_text
from cleaner.widgets.sentences import say

# ---------------------------------------------------------------- above the page


@singledispatch
def notice_text(notice: object) -> str:
    """Return a notice of a page as a sentence."""
    return str(notice)


@notice_text.register
def _(notice: Hint) -> str:
    return say(f"review.{notice.value}")


@notice_text.register
def _(notice: messages.Resumed) -> str:
    return say("review.resumed", decided=f"{notice.decided:,}", total=f"{notice.total:,}")


@notice_text.register
def _(notice: messages.Unmatched) -> str:
    parts = []
    if notice.asked_again:
        parts.append(say("review.asked_again", images=count(notice.asked_again, "image")))
    if notice.gone:
        parts.append(say("review.gone", decisions=count(notice.gone, "decision is", "decisions are")))
    return " ".join(parts)


@notice_text.register
def _(notice: messages.Learnt) -> str:
    return learnt_text(notice.reordered)


@notice_text.register
def _(notice: messages.Proposed) -> str:
    return proposal_text(notice.proposal)


@notice_text.register
def _(notice: messages.AuditStatus) -> str:
    progress = f"{audit_progress(notice.certificate)}."
    return f"{progress} {certificate_text(notice.certificate)}" if notice.certificate.audited else progress


@notice_text.register
def _(notice: messages.FilesKept) -> str:
    return say("review.files_kept", folder=notice.folder)


@notice_text.register
def _(notice: messages.SimilarImages) -> str:
    one = notice.like[0].rpartition("/")[2]
    like = one if len(notice.like) == 1 else say("review.similar_to_many", n=len(notice.like))
    of = (
        say("review.similar_labelled", label=notice.given)
        if notice.given
        else say("review.similar_unlabelled")
    )
    what = (
        say("review.similar_delete")
        if notice.action == "delete"
        else say("review.similar_relabel", label=notice.label)
    )
    return say("review.similar", images=count(len(notice.names), "image"), of=of, like=like, what=what)


# ---------------------------------------------------------------- beside the images


def title_text(page: Page) -> str:
    """Return which page it is, and of what."""
    title = page.title
    if title is None:
        return say("review.title_similar") if page.same is not None else ""
    if title.of is not None:
        return say("review.title_of", number=title.number, of=title.of)
    key = {
        Purpose.AUDIT: "review.title_audit",
        Purpose.COPIES: "review.title_duplicates",
        Purpose.FIXES: "review.title_fixes",
    }
    text = say(key.get(title.purpose, "review.title"), number=title.number)
    return say("review.title_again", title=text) if title.again else text


@singledispatch
def summary_text(summary: object) -> str:
    """Return where the work stands: "37 errors in 480 reviewed, 2,929 left; …"."""
    raise TypeError(summary)


@summary_text.register
def _(summary: messages.ReviewSummary) -> str:
    progress, order = summary.progress, summary.view.order
    if order == TO_LABEL:
        return say(
            "review.summary_labelling", labelled=f"{progress['labelled']:,}", left=f"{progress['left']:,}"
        )
    if purpose_of(order) in (Purpose.PICTURES, Purpose.COPIES):
        return say("review.summary_discarded", images=count(progress["discarded"], "image"))
    errors, looked_at = count(progress["errors"], "error"), progress["looked_at"]
    parts = [say("review.summary", errors=errors, looked_at=f"{looked_at:,}", left=f"{progress['left']:,}")]
    window = progress["last100"]
    if 0 < window["looked_at"] < looked_at:
        parts.append(say("review.summary_window", errors=window["errors"], looked_at=window["looked_at"]))
    if progress["expected_next"] is not None:
        parts.append(say("review.summary_expected", errors=estimate(*progress["expected_next"])))
    if progress["asked_again"]:
        parts.append(say("review.summary_again", again=f"{progress['asked_again']:,}"))
    if progress["gone"]:
        decisions = count(progress["gone"], "decision")
        parts.append(say("review.summary_gone", decisions=decisions))
    return "; ".join(parts)


@summary_text.register
def _(summary: messages.FilesSummary) -> str:
    files, marked = count(summary.files, "file"), f"{summary.marked:,}"
    if not summary.gone:
        return say("review.files", files=files, marked=marked)
    return say("review.files_gone_too", files=files, marked=marked, gone=f"{summary.gone:,}")


def empty_text(page: Page) -> str:
    """Say what to do where a page has nothing to show (any more)."""
    empty = page.empty
    if empty is None:
        return ""
    if isinstance(page.summary, messages.FilesSummary):
        gone = count(page.summary.gone, "file is", "files are")
        return say(f"review.{empty.reason.value}", gone=gone, folder=page.summary.trash)
    if empty.reason is not Reason.END:
        return say(f"review.{empty.reason.value}")
    if not empty.purpose.judges_labels:
        return _end_of_check(empty)
    return _end_of_labels(empty)


def _end_of_labels(empty: messages.Empty) -> str:
    view = empty.view
    if view.show != "undecided":
        key = "last_page" if empty.total else f"none_{view.show}" if view.show != "all" else "none_fits"
        return say(f"review.{key}")
    if empty.with_colleagues:
        return say("review.with_colleagues", images=count(empty.with_colleagues, "image"))
    if view.order == TO_LABEL and not view.filtered:
        first = say("review.all_labelled")
    else:
        first = say("review.all_decided" if empty.total else "review.none_fits")
    if empty.left_elsewhere > empty.unsure:
        more = say("review.left_elsewhere", left=f"{empty.left_elsewhere:,}")
        return f"{first} {more}" if view.filtered else first
    aside = (
        say("review.set_aside", images=count(empty.unsure, "image is", "images are")) if empty.unsure else ""
    )
    return " ".join([first, say("review.retrain_now"), *([aside] if aside else [])])


def _end_of_check(empty: messages.Empty) -> str:
    if empty.purpose is Purpose.FIXES:
        return say("review.last_fix" if empty.total else "review.no_fixes")
    duplicates = empty.purpose is Purpose.COPIES
    if empty.total:
        return say("review.last_group" if duplicates else "review.last_image")
    return (
        say("review.no_duplicates") if duplicates else say("review.none_at_threshold", order=empty.view.order)
    )


def offer_text(offered: int) -> str:
    """Return what the button says that shows similar images; empty for none."""
    return count(offered, "similar image") if offered else ""


# ---------------------------------------------------------------- after an act


@singledispatch
def said_text(said: object) -> str:
    """Say what an act came to; empty for nothing worth saying."""
    return ""


@said_text.register
def _(said: messages.Confirmed) -> str:
    parts = [say("review.labelled", n=f"{said.labelled:,}")] if said.labelled else []
    parts += [say("review.kept", n=f"{said.kept:,}")] if said.kept else []
    return f"{', '.join(parts)}." if parts else ""


@said_text.register
def _(said: messages.CalledDifferent) -> str:
    return say("review.called_different", images=count(said.images, "image"))


@said_text.register
def _(said: messages.Described) -> str:
    return say("review.description_gone" if said.empty else "review.described", label=said.label)


@said_text.register
def _(said: messages.MarksUndone) -> str:
    return say(
        "review.undone_marks" if said.were_set else "review.undone_unmarking", files=count(said.files, "file")
    )


@said_text.register
def _(said: messages.MarksRedone) -> str:
    key = "review.redone_marks" if said.are_set else "review.redone_unmarking"
    return say(key, files=count(said.files, "file"))


@said_text.register
def _(said: messages.FilesMoved) -> str:
    failed = [each for each in said.moved if each.problem]
    text = say("review.files_moved", files=count(len(said.moved) - len(failed), "file"))
    if not failed:
        return text
    first = say("review.file_not_moved", name=failed[0].name, problem=failed[0].problem)
    return f"{text} {say('review.files_not_moved', files=count(len(failed), 'file'))} {first}"


@said_text.register
def _(said: messages.FilesBack) -> str:
    back = sum(not each.problem for each in said.moved)
    parts = [say("review.undone_files", files=count(back, "file is", "files are"))]
    for each in said.moved:
        if each.problem:
            parts.append(say("review.file_stays", name=each.name, problem=each.problem))
        elif each.note:
            parts.append(f"{each.name}: {each.note}.")
    return " ".join(parts)


@said_text.register
def _(said: messages.Undone) -> str:
    what = act_text(said.events)
    return say("review.undone", what=what) if what else say("review.nothing_to_undo")


@said_text.register
def _(said: messages.Redone) -> str:
    what = act_text(said.events)
    return say("review.redone", what=what) if what else say("review.nothing_to_redo")


def act_text(events: Sequence[Event]) -> str:
    """Name an act by its rows, as in "relabel of 3 images to hat"; empty for no rows."""
    if not events:
        return ""
    first, kinds = events[0], {event.kind for event in events}
    of = first.name.rpartition("/")[2] if len(events) == 1 else count(len(events), "image")
    if first.detail.get("confirm"):
        return say("review.act_confirm", of=of)
    if first.kind in (*CLASS_KINDS, Kind.CLASS_DESCRIBE):
        return in_words(first)
    if first.kind == Kind.PAIR_DIFFERENT:
        images = {name for event in events for name in (event.name, *event.detail.get("others", ()))}
        return say("review.act_different", images=count(len(images), "image"))
    if not first.is_decision:
        return say("review.act_other")
    if kinds != {Kind.RELABEL}:
        return say(
            "review.act_decision", kind=first.kind if len(kinds) == 1 else say("review.act_mixed"), of=of
        )
    labels = {event.new_label for event in events}
    if len(labels) == 1:
        return say("review.act_relabel_to", of=of, label=first.new_label)
    return say("review.act_relabel", of=of)


# ---------------------------------------------------------------- keys


def act_name(act: str) -> str:
    """Return the name of an act that has keys."""
    return say(BINDINGS[act].name, digit=act[-1])


def refusal_text(refusal: Refusal) -> str:
    """Say why a key was not given to an act, and what to do."""
    if refusal.taken_by is None:
        return say("keys.unusable", key=refusal.key)
    return say("keys.taken", key=refusal.key, act=act_name(refusal.taken_by))


# ---------------------------------------------------------------- on an image

_LONGEST_NAME = 12


def note_text(note: Colleague) -> str:
    """Return what a colleague thinks of an image."""
    key = "review.note_again" if note.again else "review.note"
    return say(key, reviewer=_shortened(note.reviewer), choice=note.label or note.action)


def _shortened(reviewer: str) -> str:
    """Return a name that leaves room on a card for what its owner chose."""
    return reviewer if len(reviewer) <= _LONGEST_NAME else f"{reviewer[: _LONGEST_NAME - 1].rstrip()}…"


def again_lines(again: AskedAgain | None) -> list[str]:
    """Say why an image is undecided though somebody decided on it once."""
    return [] if again is None else [say(f"review.again_{again.value}")]


def remark_lines(remark: ProblemScore | DuplicateRemark | None) -> list[str]:
    """Return the lines below an image."""
    if remark is None:
        return []
    if isinstance(remark, ProblemScore):
        name = say("review.outlier") if remark.order == OUTLIERS else remark.order
        return [f"{name} {remark.score:.2f}"]
    size = f"{remark.width_px:,} × {remark.height_px:,}"
    lines = [f"{remark.split} · {size}" if remark.split else size]
    if remark.kind != "original":
        kind = say(f"review.duplicate_{remark.kind.replace('-', '_')}")
        share = "" if remark.kind == "exact" else f" · {probability(remark.similarity)}"
        lines.insert(0, f"{kind}{share}")
    return lines


def detail_lines(details: Details) -> list[tuple[str, str]]:
    """Return the lines of the large view: what each says, and its value."""
    lines = [(say("review.split"), details.split or say("review.no_split"))]
    if details.best:
        best = ", ".join(f"{label} {probability(share)}" for label, share in details.best)
        lines.append((say("review.predictions"), best))
    if details.score is not None:
        lines.append((say("review.score"), probability(details.score)))
    if details.place is not None:
        lines.append((say("review.rank"), f"{details.place + 1:,} of {details.ranked:,}"))
    return lines


@singledispatch
def group_title(group: object) -> str:
    """Return what stands in a group, and how much of it."""
    raise TypeError(group)


@group_title.register
def _(group: Group) -> str:
    return count(group.size, "image")


@group_title.register
def _(group: OneFix) -> str:
    return say("review.fix", images=count(group.size, "image"), given=group.given, label=group.label)


@singledispatch
def group_marks(group: object) -> list[str]:
    """Return what a reviewer should know about a group."""
    raise TypeError(group)


@group_marks.register
def _(group: OneFix) -> list[str]:
    if group.to_look:
        first = "review.fix_look" if group.to_look == group.looks else "review.fix_look_on"
        return [say(first, images=count(group.to_look, "image"))]
    if group.at_most is None:
        return []
    return [
        say(
            "review.fix_bound", rest=count(group.rest, "image"), at_most=group.at_most, sure=probability(SURE)
        )
    ]


@group_marks.register
def _(group: Group) -> list[str]:
    """Such as "leak: train and valid", or "2 labels: cat or dog?"."""
    marks = [say("review.leak", splits=" and ".join(group.leak))] if group.leak else []
    if group.labels:
        labels = " or ".join(label or say("review.no_label") for label in group.labels)
        marks.append(say("review.labels_differ", n=len(group.labels), labels=labels))
    return [*marks, *([say("review.only_alike")] if group.only_alike else [])]


@singledispatch
def group_settled(group: object) -> str:
    """Return what was decided on a group; empty for nothing yet."""
    raise TypeError(group)


@group_settled.register
def _(group: OneFix) -> str:
    if group.to_look or group.rest:
        return ""
    return say("review.fix_settled", relabelled=group.relabelled, size=group.size, label=group.label)


@group_settled.register
def _(group: Group) -> str:
    if group.kept is not None:
        return (
            say("review.some_kept", kept=group.kept, size=group.size)
            if group.kept
            else say("review.all_deleted")
        )
    return say(f"review.different_{group.different}") if group.different else ""


# ---------------------------------------------------------------- why an image is on show

_STANDS_OUT = 0.5
"""A class stands out that is more probable, or has more votes, than all others together."""
_FEWEST_VOTES = 3
_SPEAKS = 0.25
"""Share of what speaks strongest for any class from which something speaks for a class."""


def heat_text(label: str, heat: HeatMap) -> str:
    """Say where an image speaks for a class, which not everybody sees, and how to read the colours."""
    values = np.frombuffer(heat.values, dtype=np.int8).reshape(heat.side, heat.side)
    words = [say("heat.colours", label=label)]
    if values.max() < _SPEAKS * np.iinfo(np.int8).max:
        words.insert(0, say("heat.nothing", label=label))
    else:
        starts = np.linspace(0, heat.side, 3, endpoint=False).astype(int)
        thirds = np.add.reduceat(np.maximum(values, 0).astype(int), starts, axis=0)
        row, column = divmod(int(np.add.reduceat(thirds, starts, axis=1).argmax()), 3)
        where = say(f"heat.place_{row}{column}")
        words.insert(0, say("heat.where", label=label, where=where))
    return " ".join([*words, *([say("heat.estimated")] if heat.estimated else [])])


def why_text(why: Explanation) -> str:
    """Say why an image stands where it does, in a sentence or two, from what each member of the pool says."""
    return " ".join([_model_and_votes(why), *([_copies_text(why)] if why.copies else [])])


def _model_and_votes(why: Explanation) -> str:
    votes = why.votes
    voters = sum(n for _, n in votes)
    values = {"label": why.says, "given": why.given}
    sure = why.probability >= _STANDS_OUT
    if voters < _FEWEST_VOTES:
        return say(f"why.model_{_against(why.says, why.given)}" if sure else "why.unclear", **values)
    first, n = votes[0]
    if n <= _STANDS_OUT * voters:
        return say(
            "why.divided" if sure else "why.unclear_divided", shares=_shares(votes, why.given), **values
        )
    values["votes"] = say("why.all_votes" if n == voters else "why.votes", n=n, voters=voters)
    if first == why.says:  # of two that agree, it does not matter that one alone would be unsure
        return say(f"why.agree_{_against(first, why.given)}", **values)
    if sure and why.says == why.given:
        return say("why.agree_alone", other=first, **values)
    against = _against(first, why.given)
    if sure:
        return say(f"why.differ_{'same' if against == 'same' else 'other'}", other=first, **values)
    return say(f"why.unclear_{against}", other=first, **values)


def _shares(votes: list[tuple[str, int]], given: str | None) -> str:
    """Say how the votes are divided: the two most frequent labels, and that of the image in any case."""
    named = dict(votes[:2]) | ({} if given is None else {given: dict(votes).get(given, 0)})
    voters = sum(n for _, n in votes)
    parts = []
    for i, (label, n) in enumerate(named.items()):
        key = "first_share" if i == 0 else "share" if n else "no_share"
        part = say(f"why.{key}", n=n, voters=voters, label=label)
        parts.append(say("why.own_share", share=part) if label == given else part)
    return ", ".join(parts)


def _against(label: str, given: str | None) -> str:
    return "unlabelled" if given is None else "same" if label == given else "other"


def _copies_text(why: Explanation) -> str:
    """Say what the copies of an image are labelled: a wrong label often comes with a copy that has it too."""
    labels = list(dict.fromkeys(copy.label for copy in why.copies))
    n = len(why.copies)
    if len(labels) > 1:
        each = ", ".join(label or say("grid.no_label") for label in labels)
        return say("why.copies_differ", n=n, labels=each)
    label, many = labels[0], "copy" if n == 1 else "copies"
    kind = "unlabelled" if label is None else "same" if label == why.given else "other"
    return say(f"why.{many}_{kind}", n=n, label=label)


# ---------------------------------------------------------------- cleaned.csv


def csv_text(notice: CsvNotice) -> str:
    """Say what happened to cleaned.csv."""
    other = "" if notice.other is None else notice.other.name
    return say(
        f"csv.{notice.event}", file=notice.path.name, other=other, path=notice.other, reason=notice.reason
    )

"""One row of the review history, what makes one, and what a label may be."""

import json
import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from cleaner.errors import StoreError
from cleaner.review.images import SetImages

_MAX_LABEL_CHARS = 200
_MAX_ACT_CHARS = 64
_MAX_DESCRIPTION_CHARS = 2000
# A B-tree row of PostgreSQL holds about 2,700 bytes, and the name is part of a unique index.
_MAX_NAME_BYTES = 2000
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


class Action(StrEnum):
    """What a reviewer may say about one image."""

    KEEP = "keep"
    DELETE = "delete"
    RELABEL = "relabel"
    UNSURE = "unsure"


class Blind(StrEnum):
    """Why an image that is decided was shown once more, as if nobody had decided on it."""

    SECOND = "second"
    """To another reviewer: a second opinion, or a third one; also an image whose right label is known."""
    AGAIN = "again"
    """To the same reviewer, later."""


class Kind(StrEnum):
    """What one row of the history is: an `Action`, an act on classes, pairs or files, or the undo of one."""

    KEEP = "keep"
    DELETE = "delete"
    RELABEL = "relabel"
    UNSURE = "unsure"
    CLASS_NEW = "class_new"
    CLASS_RENAME = "class_rename"
    CLASS_MERGE = "class_merge"
    CLASS_DESCRIBE = "class_describe"
    PAIR_DIFFERENT = "pair_different"
    FILE_MOVED = "file_moved"
    BLIND_SHARES = "blind_shares"
    UNDO = "undo"
    REDO = "redo"


NO_DETAIL: Mapping[str, Any] = {}
CLASS_KINDS = frozenset({Kind.CLASS_NEW, Kind.CLASS_RENAME, Kind.CLASS_MERGE})
_ACTIONS = frozenset(str(action) for action in Action)
_BLIND = frozenset(str(why) for why in Blind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One row of the append-only history.

    Parameters
    ----------
    seq : int
        The store's own sequence number; the order of decisions is this, never the clock.
    act : str
        Groups the rows of one act (a Confirm, a bulk relabel); undo takes back a whole act.
    kind : str
        One of `Kind`. A kind that this version does not know is kept, and has no effect.
    name : str
        The image, a POSIX path relative to the root; empty for acts on classes and for undo.
    given_label : str or None
        The label in the catalog when the decision was made; the old name for an act on classes.
    new_label : str or None
        The label chosen; the new name for an act on classes.
    reviewer : str
    time : datetime
        UTC; for people and for the pace, never for the order.
    rank : int or None
        Place in the ranking that the reviewer saw, 0 = most suspicious.
    loss : float or None
        Nats, higher = more suspicious.
    score : float or None
        Probability that the label is wrong, higher = more suspicious.
    model : str or None
        Which ranking it was.
    page : int or None
        Which page of the session showed the image.
    detail : dict
        What else belongs to the row, as JSON: ``others`` of a pair, ``to`` of a moved file, ``settles``,
        ``reason`` (and ``of``, the image that it is a duplicate of) of a discard, ``restores``, ``text`` of
        the description of a class, ``contents`` of the others of a pair, ``copies`` (images of the same
        content in the set, if there were several), ``blind`` (a `Blind`) and ``unaided`` (the model's opinion
        was not shown either), ``known`` of what an expert fixed beforehand, ``second`` and ``again`` (shares,
        0..1) of what is to be shown blind.
    undoes : str or None
        The act that an undo takes back, or a redo brings back.
    content : str or None
        SHA-256 of the file (hexadecimal) when the row was made: what the decision is about, whatever the file
        is called later. None if it was not known then.
    """

    seq: int
    act: str
    kind: str
    name: str
    reviewer: str
    time: datetime
    given_label: str | None = None
    new_label: str | None = None
    rank: int | None = None
    loss: float | None = None
    score: float | None = None
    model: str | None = None
    page: int | None = None
    detail: Mapping[str, Any] = field(default_factory=lambda: NO_DETAIL)  # shared: most rows have none
    undoes: str | None = None
    content: str | None = None

    @property
    def is_decision(self) -> bool:
        """Whether the row is about one image, that is, its kind is an `Action`."""
        return self.kind in _ACTIONS

    @property
    def copies(self) -> int:
        """How many images of the set had this content when the row was made, itself included."""
        copies = self.detail.get("copies", 1)
        return copies if isinstance(copies, int) else 1

    @property
    def in_bulk(self) -> bool:
        """Whether the image was one of a group that was relabelled with one key."""
        return "at_most" in self.detail

    @property
    def reason(self) -> str | None:
        """Why the image goes though nothing is said about its label: a *discard*; None for all other rows.

        ``duplicate``, or the name of an image problem such as ``blurry``.
        """
        if self.kind != Kind.DELETE:
            return None
        reason = self.detail.get("reason")
        return reason if isinstance(reason, str) and reason else None

    @property
    def blind(self) -> Blind | None:
        """Why the image was shown as if nobody had decided on it; None for all other rows."""
        why = self.detail.get("blind")
        return Blind(why) if why in _BLIND else None

    @property
    def is_truth(self) -> bool:
        """Whether an expert fixed it beforehand, so that the answers of others can be held against it."""
        return self.detail.get("known") is True

    @property
    def restores(self) -> bool:
        """Whether the row only takes back the discards of the image, and says nothing about its label."""
        return self.kind == Kind.KEEP and self.detail.get("restores") is True


def check_label(label: object) -> str:
    """Return ``label`` if it can be one: text, not blank, one line, at most 200 characters.

    Raises
    ------
    StoreError
        With what was given and what is expected.
    """
    if not isinstance(label, str) or not label.strip():
        msg = f"Got {label!r} as a label; expected text that is not blank. Type the name of a class."
        raise StoreError(msg)
    if len(label) > _MAX_LABEL_CHARS:
        raise StoreError(
            f"Got a label of {len(label)} characters ({label[:40]!r}…); "
            f"expected at most {_MAX_LABEL_CHARS}. Choose a shorter name."
        )
    if any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in label):
        msg = f"Got the label {label!r}; expected one line without control characters. Choose a plainer name."
        raise StoreError(msg)
    return str(label)


def check_description(text: object) -> str:
    """Return the description of a class as it is kept: without blanks around it; empty for none.

    Raises
    ------
    StoreError
        If it is no text, holds control characters, or is longer than 2,000 characters.
    """
    if not isinstance(text, str):
        raise StoreError(f"Got {text!r} as the description of a class; expected a text.")
    plain = "\n".join(text.splitlines()).strip()
    if len(plain) > _MAX_DESCRIPTION_CHARS:
        raise StoreError(
            f"Got a description of {len(plain):,} characters; expected at most {_MAX_DESCRIPTION_CHARS:,}. "
            "Shorten it."
        )
    if any(unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\t" for char in plain):
        msg = f"Got the description {plain[:40]!r} with control characters; expected text. Type it again."
        raise StoreError(msg)
    return plain


def check_name(name: object) -> str:
    """Return ``name`` if a database can hold it as the key of an image.

    Raises
    ------
    StoreError
        With what was given and what is expected.
    """
    if not isinstance(name, str) or not name:
        msg = f"Got {name!r} as the name of an image; expected a path relative to the root of the set."
        raise StoreError(msg)
    try:
        size_bytes = len(name.encode("utf-8"))
    except UnicodeEncodeError as exc:
        msg = f"The file name {name!r} holds bytes that are not text; rename the file, then decide on it."
        raise StoreError(msg) from exc
    if size_bytes > _MAX_NAME_BYTES or "\0" in name:
        msg = f"Got a file name of {size_bytes} bytes ({name[:40]!r}…); expected at most {_MAX_NAME_BYTES}."
        raise StoreError(msg)
    return str(name)


def check_given(label: object) -> str | None:
    """Return a label of the catalog as the history keeps it; an empty one is no label.

    Raises
    ------
    StoreError
        If it holds bytes that are not text.
    """
    text = "" if label is None else str(label)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as exc:
        msg = (
            f"The label {text!r} holds bytes that are not text; rename its folder, then decide on its images."
        )
        raise StoreError(msg) from exc
    return text or None


def check_content(content: object) -> str | None:
    """Return a content hash as the history keeps it; an empty one is none.

    Raises
    ------
    StoreError
        If it is no hexadecimal number of SHA-256.
    """
    if not content:
        return None
    if not isinstance(content, str) or not _SHA256.fullmatch(content):
        raise StoreError(f"Got {content!r} as the content of an image; expected a SHA-256 of 64 digits.")
    return content.lower()


def check_reason(reason: object, action: str) -> str:
    """Return ``reason`` if it can be why an image goes though its label may be right.

    Raises
    ------
    StoreError
        If it is no text on one line, or if the action is another one than delete.
    """
    if not isinstance(reason, str) or not reason.strip() or not reason.isprintable():
        msg = f"Got {reason!r} as the reason; expected one line of text, such as 'duplicate' or 'blurry'."
        raise StoreError(msg)
    if action != Action.DELETE:
        raise StoreError(f"Got {action} with the reason {reason!r}; only a delete has one. Leave it out.")
    return reason


def check_act(act: object) -> str:
    """Return ``act`` if it can be the id of an act, else raise `StoreError`."""
    if not isinstance(act, str) or not 1 <= len(act) <= _MAX_ACT_CHARS or not act.isprintable():
        msg = f"Got {act!r} as the id of an act; expected a text of 1 to {_MAX_ACT_CHARS} characters."
        raise StoreError(msg)
    return act


def check_reviewer(reviewer: object) -> str:
    """Return ``reviewer`` if it can be a reviewer's name, else raise `StoreError`."""
    if not isinstance(reviewer, str) or not reviewer.strip() or not reviewer.isprintable():
        raise StoreError(f"Got {reviewer!r} as the reviewer; expected a name on one line.")
    return reviewer


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One image and what is decided on it; several make one act, whatever their actions.

    Parameters
    ----------
    name : str
    action : Action or str
    label : str or None
        The new label; for relabel only.
    given : str or None
        The label in the catalog.
    rank : int or None
        Place in the ranking, 0 = most suspicious.
    loss : float or None
        Nats, higher = more suspicious.
    score : float or None
        Probability that the label is wrong, higher = more suspicious.
    detail : Mapping
        Anything else worth keeping; must be JSON. ``reason`` ("duplicate", "blurry" …) makes a discard of a
        delete: the image goes, and nothing is said about its label. ``restores`` (True) makes of a keep what
        takes such discards back, and says nothing about the label either.
    """

    name: str
    action: Action | str
    label: str | None = None
    given: str | None = None
    rank: int | None = None
    loss: float | None = None
    score: float | None = None
    detail: Mapping[str, Any] | None = None

    def row(self, images: SetImages | None = None) -> dict[str, Any]:
        """Return the columns of the history that say this.

        Parameters
        ----------
        images : SetImages, optional
            The images of the set: their contents, and labels where the choice does not say them.

        Raises
        ------
        StoreError
            If the name, the action or the label cannot be.
        """
        name = check_name(self.name)
        try:
            action = Action(self.action)
        except ValueError as exc:
            known = ", ".join(Action)
            raise StoreError(f"Got the action {self.action!r}; expected one of {known}.") from exc
        if (action is Action.RELABEL) != (self.label is not None):
            msg = f"Got {action} with the label {self.label!r}; relabel needs a label, the others take none."
            raise StoreError(msg)
        if self.detail and "reason" in self.detail:
            check_reason(self.detail["reason"], action)
        given, content, detail = self.given, None, dict(self.detail or {})
        if images is not None:
            given = images.given.get(name) if given is None else given
            content = images.contents.get(name)
            copies = len(images.with_content(content))
            if copies > 1:
                detail["copies"] = copies
        return {
            "kind": str(action),
            "name": name,
            "given_label": check_given(given),
            "new_label": None if self.label is None else check_label(self.label),
            "rank": None if self.rank is None else int(self.rank),
            "loss": _number(self.loss),
            "score": _number(self.score),
            "detail": as_json(detail),
            "content": content,
        }


def as_json(detail: Mapping[str, Any] | None) -> str | None:
    """Return what else belongs to a row as the table keeps it; None for nothing."""
    return json.dumps(dict(detail), ensure_ascii=False, sort_keys=True) if detail else None


def _number(value: float | None) -> float | None:
    """Make a plain number of whatever numpy gave; not-a-number is no number."""
    if value is None or math.isnan(value):
        return None
    return float(value)

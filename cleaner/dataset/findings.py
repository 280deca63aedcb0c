"""What was inferred about a data set from its folders or its table, and what is odd about it."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cleaner.advice import Advice, on_page
from cleaner.util.atomic import write_atomically

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that people should know before they decide on the first image.

    Attributes
    ----------
    topic : str
        What it is about, such as "splits" or "columns". Code and tests go by this, never by the text.
    text : str
        Full sentences: what was understood or is odd and, if that may be wrong, what to do: an `Advice` where
        that differs between the command line and the page.
    doubtful : bool
        The guess may be wrong: the page warns of it before the first decision.
    examples : tuple of str
        Names of files, folders or rows that it is about; all of them, as far as they are known.
    """

    topic: str
    text: str
    doubtful: bool = False
    examples: tuple[str, ...] = ()

    @property
    def on_page(self) -> str:
        """The text as a page says it."""
        return on_page(self.text)

    @property
    def bare(self) -> str:
        """The text without the way to another choice, for a place that offers this choice itself."""
        return self.text.bare if isinstance(self.text, Advice) else self.text

    @property
    def unsaid(self) -> tuple[str, ...]:
        """The examples, unless the text names all of them."""
        return () if all(name in self.text for name in self.examples) else self.examples

    def record(self, most_examples: int) -> dict[str, Any]:
        """Return the finding as JSON can hold it, with some of its examples."""
        return {
            "topic": self.topic,
            "text": str(self.text),
            "on_page": self.on_page,
            "bare": self.bare,
            "doubtful": self.doubtful,
            "examples": list(self.examples[:most_examples]),
        }

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Finding:
        """Return the finding that `record` wrote, in this or an earlier version."""
        text = Advice(record["text"])
        text.bare = record.get("bare") or text.bare
        text.on_page = record.get("on_page") or text.on_page
        return cls(
            topic=record["topic"], text=text, doubtful=record["doubtful"], examples=tuple(record["examples"])
        )

    @property
    def key(self) -> str:
        """A short digest of what is said: whoever has read it need not read it again."""
        return hashlib.sha256(f"{self.topic}\n{self.text}".encode()).hexdigest()[:12]


class ReadFindings:
    """Remembers in the state folder which doubtful findings people have read.

    Parameters
    ----------
    state : Path
        The state folder.
    place : str
        Where they were read: "page", where a person dismisses them, or "terminal", where they are printed.
    """

    def __init__(self, state: Path, place: str) -> None:
        self._path = state / f"read-on-{place}.json"

    def unread(self, findings: Iterable[Finding]) -> list[Finding]:
        """Return the doubtful findings that nobody has read here."""
        read = self._read()
        return [finding for finding in findings if finding.doubtful and finding.key not in read]

    def add(self, findings: Iterable[Finding]) -> None:
        """Remember that these were read; failing at it costs a log line, and they are shown again."""
        keys = sorted(self._read() | {finding.key for finding in findings})
        try:
            write_atomically(self._path, json.dumps(keys).encode())
        except OSError as exc:
            logger.warning("%s cannot be written: %s", self._path, exc)

    def _read(self) -> set[str]:
        try:
            return set(json.loads(self._path.read_text("utf-8")))
        except FileNotFoundError:
            return set()
        except (OSError, ValueError, TypeError) as exc:
            logger.warning("%s cannot be read: %s", self._path, exc)
            return set()

"""What to do about a ``cleaned.csv`` that is not as cleaner left it: asked in a `MessagePanel`."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from cleaner.errors import StoreError
from cleaner.review.output.cleaned_csv import CleanedCsv
from cleaner.review.output.hand_edits import SPREADSHEET
from cleaner.util.wording import count
from cleaner.widgets.guard import guarded
from cleaner.widgets.panels.messages import MessagePanel
from cleaner.widgets.sentences import say

if TYPE_CHECKING:
    import pandas as pd


class CsvQuestions:
    """Asks about a result that is not ours, was changed by hand or lacks decisions; does what is answered.

    Parameters
    ----------
    csv : CleanedCsv
    panel : MessagePanel
        Where to ask.
    """

    def __init__(self, csv: CleanedCsv, panel: MessagePanel) -> None:
        self._csv = csv
        self._panel = panel
        for name, act in (
            ("import", self._import),
            ("write", self._write),
            ("replace", self._replace),
            ("beside", self._write_beside),
        ):
            panel.on(name, act)

    def look_later(self) -> None:
        """Look at the file in a thread, as large ones take a while."""
        threading.Thread(target=self._look, name="cleaner csv", daemon=True).start()

    def _look(self) -> None:
        csv = self._csv
        with guarded("the look at cleaned.csv", self._panel.tell):
            if csv.foreign:
                self._ask()
                return
            edits = csv.hand_edits()
            damage = None if edits is None else edits[edits["change"] == SPREADSHEET]
            if damage is not None and len(damage):
                self._tell_of_spreadsheet(csv.path.name, damage)
            if edits is not None and damage is not None and len(edits) > len(damage):
                changes = count(len(edits) - len(damage), "change")
                question = say("questions.edited", file=csv.path.name, changes=changes)
                self._panel.tell(question, ("import", say("questions.import")))
            elif csv.behind:
                question = say("questions.behind", file=csv.path.name)
                self._panel.tell(question, ("write", say("questions.write")))

    def _tell_of_spreadsheet(self, file: str, damage: pd.DataFrame) -> None:
        """Say that a spreadsheet program rewrote cells, and offer to write the file anew."""
        first = damage.iloc[0]
        cells = count(len(damage), "name or label", "names or labels")
        self._panel.tell(
            say("questions.spreadsheet", file=file, cells=cells, was=first["ours"], written=first["theirs"]),
            ("write", say("questions.write")),
        )

    def ask(self) -> None:
        """Ask about a file in the place of the result that cleaner did not write; in any thread."""
        with guarded("the look at cleaned.csv", self._panel.tell):
            self._ask()

    def _ask(self) -> None:
        csv = self._csv
        file, other = csv.path.name, csv.result.free().name
        acts = [("replace", say("questions.replace")), ("beside", say("questions.beside", file=other))]
        with suppress(StoreError):  # it is no table of images: nothing to import
            edits = csv.hand_edits()
            if edits is not None and not edits["change"].isin(["deleted", "split", "unknown"]).all():
                acts.insert(0, ("import", say("questions.import")))
        key = "questions.shows_more" if csv.shows_more else "questions.foreign"
        with self._panel.lock:
            if csv.foreign:  # it may have been answered meanwhile
                self._panel.take_back("import", "write")  # which are part of this question
                self._panel.tell(say(key, file=file, folder=csv.path.parent), *acts)

    # ---------------------------------------------------------------- answers

    def _import(self, number: str) -> None:
        self._csv.import_hand_edits()
        self._replace(number)

    def _write(self, number: str) -> None:
        self._csv.write_now()
        self._panel.dismiss(number)

    def _replace(self, number: str) -> None:
        self._csv.write_now(replace=True)
        self._panel.dismiss(number)

    def _write_beside(self, number: str) -> None:
        self._csv.write_to()
        self._panel.dismiss(number)

"""`RetrainPanel`: train again on the cleaned set, watch it, and see honestly whether it helped."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

import traitlets

from cleaner.errors import CleanerError
from cleaner.jobs import JobStatus
from cleaner.util.wording import duration, percent
from cleaner.widgets.panels.base import Tree, button, node
from cleaner.widgets.panels.checks import CHECK_TASK
from cleaner.widgets.panels.job import JobPanel
from cleaner.widgets.panels.training import Remembered, curve, result_trees

if TYPE_CHECKING:
    from cleaner.workspace import Workspace

__all__ = ["RetrainPanel"]

logger = logging.getLogger(__name__)

QUICK_TASK = "cleaner.pipelines.entries:job_retrain_quick"
FULL_TASK = "cleaner.pipelines.entries:job_retrain_full"
_TASKS = {"quick": QUICK_TASK, "full": FULL_TASK}
_STOP_TIMEOUT_S = 5.0
_STOP_POLL_S = 0.05
_MOST_EPOCHS = 100


class RetrainPanel(JobPanel):
    """Train again on the set as it is after all decisions so far.

    *Quick* trains a new last layer on the stored features, which takes seconds; *full* tunes the whole
    network. Either compares the model before and after on the same validation images, and renews the ranking.

    Parameters
    ----------
    workspace : Workspace
        Whose decisions are learnt from. Later decisions stay possible while it runs; they count next time.
    epochs : int
        Passes over the data of a full training, to start with; the user can change it.
    lock : threading.RLock or None
        Shared with other panels of the same page.

    Raises
    ------
    TypeError
        An unknown keyword was given.
    CleanerError
        ``epochs`` is not between 1 and 100.
    """

    renewed = traitlets.Int(0)
    """How many new rankings there have been since the panel was made; observe it to load the new one.

    Type: int. Default: 0.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        epochs: int = 4,
        lock: threading.RLock | None = None,
        **unknown: Any,
    ) -> None:
        if unknown:
            msg = (
                f"RetrainPanel got {', '.join(map(repr, sorted(unknown)))}; "
                "it takes a workspace, and epochs= and lock= as keywords."
            )
            raise TypeError(msg)
        self._mode = "quick"
        self._epochs = _checked_epochs(epochs)
        self._remembered = Remembered(workspace.state)
        self._message = ""
        self._making_way = False
        super().__init__(workspace, lock=lock)
        for name, act in {
            "mode": self._choose_mode,
            "epochs": self._choose_epochs,
            "retrain": lambda _: self.retrain(self._mode),
        }.items():
            self.on(name, act)
        self._remembered.look(_TASKS)
        self._draw()
        self._unsubscribe = self.watcher.subscribe(self._on_status)

    @property
    def result(self) -> dict[str, Any] | None:
        """Before and after of the last training, as `cleaner.pipelines` returns it; None before the first."""
        return self._remembered.result

    def retrain(self, mode: str = "quick") -> None:
        """Start a training in the background.

        A look for copies and bad pictures is interrupted: it remembers what it has read, and can be started
        again.

        Parameters
        ----------
        mode : {"quick", "full"}

        Raises
        ------
        CleanerError
            Another mode was given.
        JobError
            Another job of this workspace is running.
        """
        if mode not in _TASKS:
            msg = f"Got mode {mode!r}; expected 'quick' or 'full'."
            raise CleanerError(msg)
        with self.lock:
            arguments: dict[str, Any] = {"workspace": self.workspace.options()}
            if mode == "full":
                arguments["epochs"] = self._epochs
            self._message = ""
            self._asked_to_stop = False
            if self._making_way:
                return
            found = self.watcher.look()
            if found is None or found.finished or found.task != CHECK_TASK:
                self._start(_TASKS[mode], arguments)
                return
            self._making_way = True
            self._message = "Stopping the look for copies and bad pictures first …"
            self.watcher.cancel()
            self._draw()
        threading.Thread(
            target=self._start_after, args=(_TASKS[mode], arguments), name="cleaner retrain", daemon=True
        ).start()

    def _start(self, task: str, arguments: dict[str, Any]) -> None:
        self._message = ""
        self.watcher.start(task, arguments)
        self._status = self.watcher.status
        self._draw()

    def _start_after(self, task: str, arguments: dict[str, Any]) -> None:
        """Start once the other job has stopped; one that does not stop in time is left alone, and named."""
        end_s = time.monotonic() + _STOP_TIMEOUT_S
        while (found := self.watcher.look()) and not found.finished and time.monotonic() < end_s:
            time.sleep(_STOP_POLL_S)
        with self.lock:
            self._making_way = False
            try:
                self._start(task, arguments)
            except CleanerError as error:
                logger.info("retraining does not start", exc_info=True)
                self.problem = str(error)
                self._draw()

    def _choose_mode(self, value: str) -> None:
        self._mode = value if value in _TASKS else self._mode
        self._draw()

    def _choose_epochs(self, value: str) -> None:
        try:
            self._epochs = _checked_epochs(int(value))
        except ValueError as error:
            msg = f"Got {value!r} as the number of epochs; expected a whole number from 1 to {_MOST_EPOCHS}."
            raise CleanerError(msg) from error
        self._draw()

    def _on_status(self, status: JobStatus) -> None:
        """Take in where a job is; runs in the watcher's thread."""
        if status.task not in _TASKS.values():
            with self.lock:
                self._draw()  # another job keeps the button disabled
            return
        with self.lock:
            if self._status is not None and status.id < self._status.id:
                return  # the end of one job, told after the next was started
            was_running = self.running or self._status is None
            self._status = status
            if status.phase == "done" and was_running:
                self._remembered.take(status)
                self._message = "Done."
            elif status.phase == "failed" and was_running:
                reason = (status.error or "").removesuffix(".")
                self.problem = f"Retraining failed: {reason}. The model before it is still in use."
            elif status.phase == "cancelled" and was_running:
                self._message = "Cancelled. The model before it is still in use."
            self._draw()
        if status.phase == "done" and was_running:
            self.renewed += 1

    def _draw(self) -> None:
        running = self.running
        status = self.watcher.status
        gives_way = status is not None and status.task == CHECK_TASK and not self._making_way
        busy_elsewhere = self.watcher.running and not running and not gives_way
        stop = self._asked_to_stop
        buttons = [
            button("Retrain", "retrain", disabled=running or busy_elsewhere, data_heir=True),
            button("Cancel", "cancel", hidden=not running, disabled=stop, data_heir=True),
        ]
        self.show(
            node(
                "section",
                node("h2", "Retrain"),
                self._choices(disabled=running),
                node("div", *buttons, class_="cleaner-buttons"),
                self._progress(running, busy_elsewhere),
                *result_trees(self.result),
                class_="cleaner-section",
                aria_label="Retrain",
            )
        )

    def _choices(self, *, disabled: bool) -> Tree:
        def choice(mode: str, said: str) -> Tree:
            given = {"type": "radio", "name": f"cleaner-mode-{self.model_id}", "value": mode}
            chosen = self._mode == mode
            radio = node("input", do="mode", checked=chosen, disabled=disabled, **given)
            return node("label", radio, node("span", node("b", mode), f" – {said}"), class_="cleaner-choice")

        epochs = node(
            "input",
            do="epochs",
            type="number",
            min="1",
            max=str(_MOST_EPOCHS),
            value=str(self._epochs),
            disabled=disabled,
            class_="cleaner-input is-number",
        )
        inner = "cleaner-choice is-inner"
        return node(
            "fieldset",
            node("legend", "What to train", class_="cleaner-hidden"),
            choice("quick", "last layer, seconds"),
            choice("full", f"whole network, {self._spoken_minutes()}"),
            node("label", epochs, node("span", "epochs"), class_=inner, hidden=self._mode != "full"),
            class_="cleaner-fieldset",
        )

    def _spoken_minutes(self) -> str:
        """Say how long a full training takes, by the last one; it begins with an epoch of the head alone."""
        epoch_s = self._remembered.epoch_s
        return "minutes" if epoch_s is None else duration(epoch_s * (self._epochs + 1))

    def _progress(self, running: bool, busy_elsewhere: bool) -> Tree:
        """Describe where the training is; the parts stay, so that a screen reader hears only what changes."""
        status = self._status
        said = self._message
        bar: dict[str, str] = {}
        chart = node("div")
        if running and status is not None:
            left = status.seconds_left
            said = "Stopping …" if self._asked_to_stop else f"{status.stage} …"
            if left is not None and not self._asked_to_stop:
                said = f"{status.stage}, {duration(left)} left"
            if "error_rate" in status.values and not self._asked_to_stop:
                said += f" · error {percent(status.values['error_rate'])}"
            if status.total:
                bar = {"value": str(status.done), "max": str(status.total)}
            chart = curve(status) or chart
        elif busy_elsewhere and not self._making_way:
            said = "Waiting for the other work of this data set to end."
        return node(
            "div",
            node("p", said, role="status", class_="cleaner-note"),
            node("progress", aria_label="Progress of the training", hidden=not running, **bar),
            node("div", chart, hidden=not running),
        )


def _checked_epochs(epochs: int) -> int:
    if not 1 <= epochs <= _MOST_EPOCHS:
        msg = f"Got {epochs} as the number of epochs; expected a whole number from 1 to {_MOST_EPOCHS}."
        raise CleanerError(msg)
    return epochs

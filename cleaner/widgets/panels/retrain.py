"""`RetrainPanel`: train again on the cleaned set, watch it, and see honestly whether it helped."""

from __future__ import annotations

import json
import logging
import math
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import traitlets

from cleaner.analysis.worth import LEAST_IMAGES
from cleaner.errors import CleanerError
from cleaner.jobs import Job, JobStatus, worker_ahead
from cleaner.training.diagnosis import Diagnosis
from cleaner.training.lr_finder import LrSweep
from cleaner.training.recipe import BASE_LR
from cleaner.util.atomic import write_atomically
from cleaner.util.delayed import Delayed
from cleaner.util.wording import about, count, duration, per_hundred, percent, points, rate_words, stage_words
from cleaner.widgets.panels.base import Tree, button, buttons, node, pair, paragraph, said, section
from cleaner.widgets.panels.curves import training_curves
from cleaner.widgets.panels.job import TASKS, JobPanel, bar_of
from cleaner.widgets.panels.rates import picked, rate_finder
from cleaner.widgets.sentences import say
from cleaner.workspace import Workspace

logger = logging.getLogger(__name__)

_MODES = ("quick", "full")
_IMPORTED_AHEAD = ("cleaner.pipelines.entries", "scipy.linalg")  # a quick training takes 1 s besides
_AHEAD_DELAY_S = 1.0
_MOST_EPOCHS = 100
_HIGHEST_LR = 10.0


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

    makes_way = ("check", "second")

    renewed = traitlets.Int(0)
    """How many new rankings there have been since the panel was made; observe it to load the new one.

    Type: int. Default: 0.
    """

    def __init__(
        self, workspace: Workspace, *, epochs: int = 4, lock: threading.RLock | None = None, **unknown: Any
    ) -> None:
        # First: `close` is called on one that was refused, too.
        self._standby = worker_ahead(*_IMPORTED_AHEAD)
        self._ahead = Delayed(self._get_ready, delay_s=_AHEAD_DELAY_S, retry_s=_AHEAD_DELAY_S)
        if unknown:
            msg = (
                f"RetrainPanel got {', '.join(map(repr, sorted(unknown)))}; "
                "it takes a workspace, and epochs= and lock= as keywords."
            )
            raise TypeError(msg)
        self._mode = "quick"
        self._epochs = _checked_epochs(epochs)
        self._lr = BASE_LR
        self._last = LastTraining(workspace.state)
        self._message = ""
        self._sweep = _last_sweep(workspace.state)
        self.workspace = workspace
        super().__init__(workspace.state, *_MODES, "rates", lock=lock)
        self.on("mode", self._choose_mode)
        self.on("epochs", self._choose_epochs)
        self.on("lr", self._choose_lr)
        self.on("retrain", lambda _: self.retrain(self._mode))
        self.on("find_rate", lambda _: self.find_rate())
        self.on("pick_rate", lambda value: self._choose_lr(str(picked(value))))
        self.on("take_rate", lambda _: self._close_sweep())
        self.on("remedy", lambda _: self._carry_out_remedy())
        self._last.look(TASKS[mode] for mode in _MODES)
        self._follow()

    @property
    def result(self) -> dict[str, Any] | None:
        """Before and after of the last training, as `cleaner.pipelines` returns it; None before the first."""
        return self._last.result

    @property
    def diagnosis(self) -> Diagnosis | None:
        """How the last full training went; None if there was none, or only a last layer was fitted since."""
        return self._last.diagnosis

    def close(self) -> None:
        """Take the panel off the page; a training that runs goes on."""
        self._ahead.close(timeout_s=1.0)
        self._standby.close()
        super().close()

    # ---------------------------------------------------------------- the job

    def expect(self) -> None:
        """Hear that a decision was made: in a pause after it, a process is started ahead for a training."""
        self._ahead.schedule()

    def _get_ready(self) -> bool:
        if not self.running:
            self._standby.get_ready()
        return True

    def retrain(self, mode: str = "quick") -> None:
        """Start a training in the background.

        A search for duplicates and poor images is interrupted, and so is the second look: they remember what
        they have read.

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
        if mode not in _MODES:
            msg = f"Got mode {mode!r}; expected 'quick' or 'full'."
            raise CleanerError(msg)
        arguments = {"epochs": self._epochs, "lr": self._lr} if mode == "full" else {}
        with self.lock:
            self._message = ""
            self._begin(mode, standby=self._standby, workspace=self.workspace.options(), **arguments)

    def find_rate(self) -> None:
        """Start to look for a learning rate, in the background; no model is changed.

        Raises
        ------
        JobError
            Another job of this workspace is running.
        """
        with self.lock:
            self._message = ""
            self._sweep = None
            self._begin("rates", workspace=self.workspace.options())

    def _close_sweep(self) -> None:
        """Put the sweep away; the rate that was picked on it is taken."""
        self._sweep = None
        self._message = say("rates.taken", rate=rate_words(self._lr))
        self._draw()

    def _carry_out_remedy(self) -> None:
        """Train as the diagnosis advises; what it does not speak of stays as it is set."""
        remedy = None if self.diagnosis is None else self.diagnosis.remedy
        if remedy is None or self.running:
            return
        self._mode = "full"
        if remedy.lr is not None:
            self._lr = remedy.lr
        if remedy.epochs is not None:
            self._epochs = min(remedy.epochs, _MOST_EPOCHS)
        self.retrain("full")

    def _ended(self, status: JobStatus) -> None:
        if status.task == TASKS["rates"]:
            self._found_rates(status)
        elif status.phase == "done":
            self._last.take(status)
            self._message = say("retrain.done")
        elif status.phase == "failed":
            self._last.take_failure(status)
            self.problem = say("retrain.failed", reason=(status.error or "").removesuffix("."))
        else:
            self._message = say("retrain.cancelled")

    def _found_rates(self, status: JobStatus) -> None:
        if status.phase == "done":
            self._sweep = LrSweep.from_dict(status.result or {})
            self._mode = "full"
        elif status.phase == "failed":
            self.problem = status.error or ""
        else:
            self._message = say("rates.cancelled")

    def _done(self, status: JobStatus) -> None:
        if status.task != TASKS["rates"]:
            self.renewed += 1

    # ---------------------------------------------------------------- what is drawn

    def _choose_mode(self, value: str) -> None:
        self._mode = value if value in _MODES else self._mode
        self._draw()

    def _choose_epochs(self, value: str) -> None:
        self._epochs = _checked_epochs(value)
        self._draw()

    def _choose_lr(self, value: str) -> None:
        self._lr = _checked_lr(value)
        self._draw()

    def _draw(self) -> None:
        running = self.running
        waiting = self.blocked or self._making_way
        stop, cancel = self._asked_to_stop, say("retrain.cancel")
        hidden = self._mode != "full"
        # A training can tell its outcome before it has ranked the images anew.
        early = self._status.result if running and self._status is not None else None
        result = early or self.result
        self.show(
            section(
                say("retrain"),
                self._choices(disabled=running),
                buttons(
                    button(say("retrain.start"), "retrain", disabled=running or waiting, data_heir=True),
                    button(say("rates.find"), "find_rate", hidden=hidden or running, disabled=waiting),
                    button(cancel, "cancel", hidden=not running, disabled=stop, data_heir=True),
                ),
                self._progress(),
                rate_finder(None if running or hidden else self._sweep, self._lr),
                diagnosis_tree(None if running else self.diagnosis, disabled=waiting),
                self._curves(),
                *result_trees(result),
                *worth_trees((result or {}).get("worth")),
            )
        )

    def _shown_mode(self) -> str:
        """Return the mode of the training that runs, perhaps since before a reload, else the chosen one."""
        task = self._status.task if self.running and self._status is not None else None
        return next((mode for mode in _MODES if TASKS[mode] == task), self._mode)

    def _choices(self, *, disabled: bool) -> Tree:
        shown = self._shown_mode()

        def choice(mode: str, **values: str) -> Tree:
            given = {"type": "radio", "name": f"cleaner-mode-{self.model_id}", "value": mode}
            radio = node("input", do="mode", checked=shown == mode, disabled=disabled, **given)
            words = said(f"retrain.{mode}", mode=node("b", say(f"retrain.{mode}.mode")), **values)
            return node("label", radio, node("span", *words), class_="cleaner-choice")

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
        # A full training begins with an epoch of the head alone.
        epoch_s = self._last.epoch_s
        full = say("retrain.full.time") if epoch_s is None else duration(epoch_s * (self._epochs + 1))
        rate = node(
            "input",
            do="lr",
            type="number",
            min="0",
            step="any",
            value=rate_words(self._lr),
            disabled=disabled,
            class_="cleaner-input is-number",
        )
        inner, hidden = "cleaner-choice is-inner", self._mode != "full"
        return node(
            "fieldset",
            node("legend", say("retrain.mode"), class_="cleaner-hidden"),
            choice("quick"),
            choice("full", time=full),
            node("label", epochs, node("span", say("retrain.epochs")), class_=inner, hidden=hidden),
            node("label", rate, node("span", say("retrain.lr")), class_=inner, hidden=hidden),
            class_="cleaner-fieldset",
        )

    def _progress(self) -> Tree:
        """Describe where the training is; the parts stay, so that a screen reader hears only what changes."""
        status = self._status if self.running else None
        text = self._message
        if status is not None:
            text = say("job.stopping") if self._asked_to_stop else _running_text(status)
        elif self._making_way:
            text = say("job.making_way")
        elif self.blocked:
            text = say("retrain.busy")
        return node(
            "div",
            paragraph(text, role="status"),
            node("progress", aria_label=say("retrain.progress"), hidden=status is None, **bar_of(status)),
        )

    def _curves(self) -> Tree:
        running = self._status if self.running else None
        chart = training_curves(self._last.series if running is None else running.series)
        return node("div", chart or node("div"), hidden=chart is None)


def _running_text(status: JobStatus) -> str:
    parts = [stage_words(status.stage)]
    if status.seconds_left is not None:
        parts.append(say("job.left", time=duration(status.seconds_left)))
    if "error_rate" in status.values and status.task != TASKS["rates"]:
        parts.append(say("retrain.error", share=percent(status.values["error_rate"])))
    return say("job.going", progress=" · ".join(parts))


def _checked_epochs(value: int | str) -> int:
    epochs = int(value) if isinstance(value, int) or value.isdecimal() else 0
    if not 1 <= epochs <= _MOST_EPOCHS:
        msg = f"Got {value!r} as the number of epochs; expected a whole number from 1 to {_MOST_EPOCHS}."
        raise CleanerError(msg)
    return epochs


def _checked_lr(value: str) -> float:
    try:
        lr = float(value)
    except ValueError:
        lr = math.nan
    if not 0 < lr <= _HIGHEST_LR:
        msg = (
            f"Got {value!r} as the learning rate; expected a number from 0 to {_HIGHEST_LR:g}, such as 2e-3."
        )
        raise CleanerError(msg)
    return lr


def _last_sweep(state: Path) -> LrSweep | None:
    """Return the rates that were found last, if nothing was done in the background since."""
    job = Job.last(state)
    status = None if job is None else job.status()
    if status is None or status.task != TASKS["rates"] or status.phase != "done":
        return None
    return LrSweep.from_dict(status.result or {})


class LastTraining:
    """What a workspace remembers of its last training: the outcome, its losses, and how long an epoch took.

    Attributes
    ----------
    result : dict or None
        What the last training that came to its end returned.
    diagnosis : Diagnosis or None
        How the last full training went, also one that failed because it diverged.
    epoch_s : float or None
        Seconds that an epoch took.
    series : list of dict
        The numbers that it reported.

    Parameters
    ----------
    state : Path
        State folder of the workspace.
    """

    def __init__(self, state: Path) -> None:
        self._state = state
        self._file = state / "last-retraining.json"
        self.result: dict[str, Any] | None = None
        self.diagnosis: Diagnosis | None = None
        self.epoch_s: float | None = None
        self.series: list[dict[str, Any]] = []
        try:
            known = json.loads(self._file.read_text(encoding="utf-8"))
            diagnosis = known.get("diagnosis")  # neither it nor the series is in older files
            self.diagnosis = None if diagnosis is None else Diagnosis.from_dict(diagnosis)
            self.result, self.epoch_s, self.series = (
                known["result"],
                known["epoch_s"],
                known.get("series", []),
            )
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError):
            logger.warning("what was remembered of the last training is lost", exc_info=True)

    def look(self, tasks: Iterable[str]) -> None:
        """Take in a training that ended while no page was open; ``tasks`` are those of trainings."""
        job = Job.last(self._state)
        if job is not None and not job.seen:
            status = job.status()
            if status.phase != "cancelled" and status.task in set(tasks):
                (self.take if status.phase == "done" else self.take_failure)(status)
                job.mark_seen()

    def take(self, status: JobStatus) -> None:
        """Remember the outcome of a training that is done."""
        self.result, self.series = status.result, list(status.series)
        diagnosis = (status.result or {}).get("diagnosis")
        self.diagnosis = None if diagnosis is None else Diagnosis.from_dict(diagnosis)
        seconds = [float(entry["seconds"]) for entry in status.series if "epoch" in entry]
        if seconds:
            self.epoch_s = median(seconds)
        self._write()

    def take_failure(self, status: JobStatus) -> None:
        """Remember why a training diverged; what the one before has brought stays."""
        diagnosis = status.error_details.get("diagnosis")
        if diagnosis is not None:
            self.diagnosis = Diagnosis.from_dict(diagnosis)
            self._write()

    def _write(self) -> None:
        diagnosis = None if self.diagnosis is None else self.diagnosis.to_dict()
        known = {
            "result": self.result,
            "diagnosis": diagnosis,
            "epoch_s": self.epoch_s,
            "series": self.series,
        }
        text = json.dumps(known)
        try:
            write_atomically(self._file, text.encode())
        except OSError:
            logger.warning("the outcome of the training is shown, but not remembered", exc_info=True)


def diagnosis_tree(diagnosis: Diagnosis | None, *, disabled: bool) -> Tree:
    """Say how a training went, with a button for what to do about it."""
    if diagnosis is None:
        return node("div", class_="cleaner-box", hidden=True)
    remedy, again = diagnosis.remedy, ""
    if remedy is not None and remedy.lr is not None:
        again = say("diagnosis.again_with_rate", rate=rate_words(remedy.lr))
    elif remedy is not None and remedy.epochs is not None:
        again = say("diagnosis.again_for", epochs=count(min(remedy.epochs, _MOST_EPOCHS), "epoch"))
    return node(
        "div",
        node("p", node("b", diagnosis.sentence)),
        paragraph("" if again else diagnosis.advice),
        buttons(button(again, "remedy", hidden=not again, disabled=disabled)),
        class_="cleaner-box cleaner-diagnosis",
        role="status",
    )


def result_trees(result: Mapping[str, Any] | None) -> list[Tree]:
    """Describe before and after of a training, the fields of `cleaner.training.compare.RetrainResult`."""
    if result is None:
        return [node("div", class_="cleaner-box", hidden=True)]
    verdict = "retrain.worse" if result["low"] > 0 else "retrain.better"
    if result["low"] <= 0 <= result["high"]:
        verdict = "retrain.same"
    interval = say(
        "retrain.interval",
        **{key: points(result[key]) for key in ("difference", "low", "high")},
        images=count(result["n"], "validation image"),
    )
    names = say("retrain.names", before=result["before_name"], now=result["after_name"])
    return [
        node(
            "div",
            pair(say("retrain.before"), percent(result["before"])),
            pair(say("retrain.now"), percent(result["after"])),
            node("p", node("b", say(verdict))),
            paragraph(interval, "fine"),
            *_by_class(result),
            paragraph(names, "fine"),
            class_="cleaner-box",
            role="status",
        )
    ]


def _by_class(result: Mapping[str, Any]) -> list[Tree]:
    """Say what errors are shares of where images can have several labels; older results are of one label."""
    precision, classes = result.get("precision"), result.get("answers", 1)
    if precision is None:
        return []
    answers = count(result["n"] * classes, "answer")
    change = precision["after"] - precision["before"]
    parts = {"low": precision["low"], "high": precision["high"], "difference": change}
    signed = {key: f"{value:+.3f}".replace("-", "−") for key, value in parts.items()}
    level = {"before": f"{precision['before']:.3f}", "now": f"{precision['after']:.3f}"}
    return [
        paragraph(
            say("retrain.answers", answers=answers, classes=count(classes, "class", "classes")), "fine"
        ),
        paragraph(say("retrain.precision", **level, **signed), "fine"),
    ]


def worth_trees(worth: Mapping[str, Any] | None) -> list[Tree]:
    """Say what cleaning is worth, the fields of `cleaner.analysis.worth.Worth`; older results have none."""
    if worth is None:
        return [node("div", class_="cleaner-box", hidden=True)]
    if worth["images"] < LEAST_IMAGES:
        least = count(LEAST_IMAGES, "image")
        parts = [paragraph(say("worth.too_few", images=count(worth["images"], "image"), least=least))]
    else:
        decided, images = f"{worth['decided']:,}", count(worth["images"], "image")
        how = paragraph(say("worth.how", images=images, decided=decided), "fine")
        parts = [node("p", _so_far(worth["so_far"])), node("p", _ahead(worth)), how]
    return [node("div", node("p", node("b", say("worth"))), *parts, class_="cleaner-box", role="status")]


def _so_far(change: Mapping[str, float] | None) -> str:
    if change is None:
        return say("worth.unchanged")
    if change["low"] <= 0 <= change["high"]:
        return say("worth.same", **_either_way(change))
    low, high = sorted((change["low"], change["high"]), key=abs)
    numbers = {"difference": change["difference"], "low": low, "high": high}
    key = "worth.fewer" if change["high"] < 0 else "worth.more"
    return say(key, **{name: per_hundred(value) for name, value in numbers.items()})


def _ahead(worth: Mapping[str, Any]) -> str:
    change, images = worth["ahead"], count(worth["looks"], "image")
    if change is None:
        return say("worth.all_decided")
    if change["high"] < 0:
        low, high = per_hundred(change["high"]), per_hundred(change["low"])
        return say("worth.ahead", images=images, low=low, high=high)
    errors = f"{about(worth['errors'])} wrong labels"
    return say("worth.ahead_same", images=images, errors=errors, **_either_way(change))


def _either_way(change: Mapping[str, float]) -> dict[str, str]:
    """Say an interval on both sides of zero."""
    return {"more": per_hundred(max(change["high"], 0)), "fewer": per_hundred(min(change["low"], 0))}

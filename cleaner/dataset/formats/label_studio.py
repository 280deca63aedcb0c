"""Label Studio's JSON: a list of tasks with annotations and predictions of choices.

Fields that are relied on (https://labelstud.io/guide/task_format): ``data`` with the address of the image;
``annotations`` with ``result``, ``completed_by`` (a number, or an object with ``email``), ``created_at``,
``updated_at`` and ``was_cancelled``; ``predictions`` with ``result``, ``model_version``, ``score`` and
``created_at``; a result of ``type`` "choices" with ``value.choices``, ``from_name`` and ``to_name``. Images
may be addresses of uploads (``/data/upload/1/0a1b2c3d-bear.jpg``), of local files
(``/data/local-files/?d=bears/1.jpg``), or of a cloud; they are looked for by their path, with and without its
first folders and the eight characters that an upload puts in front.

Annotations are people's words, predictions a machine's; the latest annotation counts. A decision is added to
the task as an annotation of its own, so that the earlier ones stay; a deleted image loses its task.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

from cleaner.dataset.findings import Finding
from cleaner.dataset.formats.documents import read_json, records, write_json
from cleaner.dataset.formats.entries import (
    Entry,
    Opinion,
    Reading,
    ReadOptions,
    Reviewed,
    Writing,
    as_text,
    merged,
    number,
    scalars,
)
from cleaner.dataset.formats.names import placed, plain_path
from cleaner.errors import CatalogError
from cleaner.images.formats import SUFFIXES

_DEFAULT_NAME = "tasks.json"
_UPLOAD = re.compile(r"(.*/)?[0-9a-f]{8}-([^/]+)")
_USUAL = ("image", "img", "photo", "picture")


def recognises(document: Any) -> bool:
    """Tell whether a JSON document looks like an export of Label Studio."""
    if not isinstance(document, list) or not document:
        return False
    first = [task if isinstance(task, dict) else {} for task in document[:5]]
    # JSON-MIN is recognised, so that `read` can say what to export instead.
    return all(
        isinstance(task.get("data"), dict) or {"annotation_id", "annotator"} <= task.keys() for task in first
    )


def read(source: Path, options: ReadOptions) -> Reading:
    """Read the tasks with what people and models chose."""
    tasks = _tasks(read_json(source), source)
    sources = [task["data"][_image_key(task, source)] for task in tasks]
    root, names = _placed(sources, source, options)
    entries = []
    conflicts = []
    for task, name, called in zip(tasks, names, sources, strict=True):
        opinions = list(_opinions(task, source))
        people = {o.labels for o in opinions if o.method == "human"}
        if len(people) > 1:
            conflicts.append(name)
        columns = scalars(task["data"], without=(_image_key(task, source),))
        columns |= {"task": str(task["id"])} if "id" in task else {}
        entries.append(Entry(name=name, source_name=called, opinions=opinions, columns=columns))
    findings = []
    findings += _not_read(tasks)
    if conflicts:
        text = f"Images on which annotators disagree: {len(conflicts):,}. The latest annotation is the label."
        findings.append(
            Finding(topic="annotators disagree", text=text, doubtful=True, examples=tuple(conflicts))
        )
    return Reading(
        root=root, entries=merged(entries), base=source.parent, documents=(source,), findings=findings
    )


def _not_read(tasks: list[dict[str, Any]]) -> list[Finding]:
    """Tell what annotations say that is no label: skipped tasks, and results that are no choices."""
    skipped: list[str] = []
    others: Counter[str] = Counter()
    for task in tasks:
        annotations = [a for a in task.get("annotations") or [] if isinstance(a, dict)]
        skipped += [str(task.get("id", "?"))] if any(a.get("was_cancelled") for a in annotations) else []
        results = [result for annotation in annotations for result in _results(annotation)]
        others.update(str(r.get("type")) for r in results if r.get("type") != "choices")
    found = []
    if skipped:
        text = f"Tasks with annotations that were skipped, which are left out: {len(skipped):,}."
        found.append(Finding(topic="skipped", text=text, examples=tuple(f"task {each}" for each in skipped)))
    if others:
        kinds = ", ".join(f"{kind} ({number:,})" for kind, number in others.most_common())
        text = f"Only choices are read as labels. Other results stay in the file, and are not used: {kinds}."
        found.append(Finding(topic="other results", text=text, doubtful=True))
    return found


def _tasks(document: Any, source: Path) -> list[dict[str, Any]]:
    tasks = records(document, "the document", source)
    for i, task in enumerate(tasks):
        if not isinstance(task.get("data"), dict):
            raise CatalogError(
                f"{source}: task {i + 1} has no 'data'. Export the project from Label Studio as JSON (not as "
                "JSON-MIN)."
            )
    return tasks


def _image_key(task: dict[str, Any], source: Path) -> str:
    texts = {str(key): value for key, value in task["data"].items() if isinstance(value, str)}
    usual = next((key for key in _USUAL if key in texts), None)
    if usual is not None:
        return usual
    for key, value in texts.items():
        if any(plain_path(value).lower().endswith(suffix) for suffix in SUFFIXES):
            return str(key)
    raise CatalogError(f"{source}: task {task.get('id', '?')} names no image in its 'data'.")


def _placed(sources: list[str], source: Path, options: ReadOptions) -> tuple[Path, list[str]]:
    """Find the images under the names of the tasks, or under those that they had before their upload."""
    candidates = [options.images] if options.images else [source.parent, source.parent / "images"]
    try:
        root, names = placed(sources, candidates, document=source)
    except CatalogError:
        before = [_UPLOAD.sub(r"\1\2", plain_path(called)) for called in sources]
        if before == [plain_path(called) for called in sources]:
            raise
        return placed(before, candidates, document=source)
    return root, names


def _opinions(task: dict[str, Any], source: Path) -> list[Opinion]:
    found = []
    where = f"task {task.get('id', '?')}"
    for prediction in records(task.get("predictions") or [], f"predictions of {where}", source):
        if labels := _choices(prediction):
            found.append(
                Opinion(
                    labels=labels,
                    method="machine",
                    by=str(prediction.get("model_version") or ""),
                    time=str(prediction.get("created_at") or ""),
                    probability=number(prediction.get("score")),
                )
            )
    for annotation in records(task.get("annotations") or [], f"annotations of {where}", source):
        if annotation.get("was_cancelled") or not (labels := _choices(annotation)):
            continue
        who = annotation.get("completed_by")
        by = who.get("email") or who.get("id") if isinstance(who, dict) else who
        time = str(annotation.get("updated_at") or annotation.get("created_at") or "")
        found.append(
            Opinion(labels=labels, method="human", by=_signed(annotation) or str(by or ""), time=time)
        )
    return found


def _results(annotation: dict[str, Any]) -> list[dict[str, Any]]:
    results = annotation.get("result")
    listed = results if isinstance(results, list) else []
    return [result for result in listed if isinstance(result, dict)]


def _chosen(annotation: dict[str, Any]) -> list[dict[str, Any]]:
    return [result for result in _results(annotation) if result.get("type") == "choices"]


def _choices(annotation: dict[str, Any]) -> tuple[str, ...]:
    values = [result.get("value") for result in _chosen(annotation)]
    lists = [value.get("choices") for value in values if isinstance(value, dict)]
    found = [choice for listed in lists if isinstance(listed, list) for choice in listed]
    return tuple(dict.fromkeys(as_text(choice) for choice in found if as_text(choice)))


def _signed(annotation: dict[str, Any]) -> str:
    """Return the reviewer that `write` put into an annotation."""
    for result in _chosen(annotation):
        meta = result.get("meta")
        if isinstance(meta, dict) and isinstance(meta.get("classifiedBy"), str):
            return str(meta["classifiedBy"])
    return ""


def write(job: Writing) -> None:
    """Write the tasks that the set came from with the decisions, or new ones."""
    name = job.documents[0] if job.documents else _DEFAULT_NAME
    original = None if job.source is None else job.source / name
    tasks = [] if original is None else _tasks(read_json(original), original)
    controls = next((_control(task) for task in tasks if _control(task)), None) or ("choice", "image")
    changes = job.changes()
    kept = []
    for task in tasks:
        said = changes.get(task["data"][_image_key(task, original or job.folder)], [])
        if any(r.deleted for r in said):
            continue
        kept.append(task)
        for reviewed in said:
            _edit(task, reviewed, _control(task) or controls)
    present = {t["data"][_image_key(t, original or job.folder)] for t in tasks}
    for left in job.added(present):
        columns = {key: value for key, value in left.columns.items() if value}
        task = {"data": columns | {"image": left.source_name}}
        _edit(task, left, controls)
        kept.append(task)
    write_json(job.folder / name, kept, like=original)


def _control(task: dict[str, Any]) -> tuple[str, str] | None:
    """Return the names of the control and of the object that a task's choices have."""
    for part in ("annotations", "predictions"):
        for annotation in task.get(part) or []:
            for result in _chosen(annotation):
                return str(result.get("from_name")), str(result.get("to_name"))
    return None


def _edit(task: dict[str, Any], reviewed: Reviewed, control: tuple[str, str]) -> None:
    if reviewed.label is None:
        return
    opinion = reviewed.opinion
    value: dict[str, Any] = {
        "from_name": control[0],
        "to_name": control[1],
        "type": "choices",
        "value": {"choices": list(reviewed.labels)},
    }
    if opinion.method == "machine":
        prediction = {"model_version": opinion.by, "score": opinion.probability, "created_at": opinion.time}
        said = {key: v for key, v in prediction.items() if v not in (None, "")}
        task["predictions"] = [*(task.get("predictions") or []), said | {"result": [value]}]
        return
    if opinion.by:
        value["meta"] = {"classifiedBy": opinion.by}
    annotation: dict[str, Any] = {"result": [value], "was_cancelled": False, "ground_truth": False}
    if opinion.time:
        annotation |= {"created_at": opinion.time, "updated_at": opinion.time}
    task["annotations"] = [*(task.get("annotations") or []), annotation]

"""Camtrap DP, the data package of camera traps: ``datapackage.json``, ``media.csv``, ``observations.csv``.

Fields that are relied on (https://camtrap-dp.tdwg.org/data, version 1.0; the older ``start`` and ``end`` are
understood): media with ``mediaID``, ``deploymentID``, ``timestamp``, ``filePath`` and ``fileName``;
observations with ``observationID``, ``deploymentID``, ``mediaID``, ``eventID``, ``eventStart``, ``eventEnd``,
``observationLevel`` ("media" or "event"), ``observationType``, ``scientificName``, and
``classificationMethod``, ``classifiedBy``, ``classificationTimestamp``, ``classificationProbability``.

The label of an image is the scientific name, or the type of the observation where that is "blank", "human",
"vehicle" or "unknown"; "unclassified" is no label. An observation of an event (a sequence) counts for all
images of its deployment between its start and end, but only where the image has none of its own; the column
``sequence`` holds the event, and is good for ``--group``.

What was decided on one image is written as an observation of that image: where there was only one of the
event, a new row is added and the event's stays. A deleted image loses its row in media and its own
observations.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from cleaner.advice import Advice
from cleaner.dataset.findings import Finding
from cleaner.dataset.folders import name_problem
from cleaner.dataset.formats.documents import CsvDocument, new_csv, read_json, records, write_json
from cleaner.dataset.formats.entries import (
    Entry,
    Opinion,
    Reading,
    ReadOptions,
    Reviewed,
    Writing,
    merged,
    number,
)
from cleaner.dataset.formats.names import placed
from cleaner.errors import CatalogError
from cleaner.util.wording import count

PACKAGE = "datapackage.json"
_SCHEMAS = "https://raw.githubusercontent.com/tdwg/camtrap-dp/1.0.2/"
_TYPES = ("animal", "human", "vehicle", "blank", "unknown", "unclassified")
_SYNONYMS = {"empty": "blank", "person": "human"}
_VIDEOS = (".mp4", ".avi", ".mov", ".mkv", ".m4v", ".mpg", ".mpeg", ".wmv", ".webm", ".mts")
_MEDIA = ["mediaID", "deploymentID", "timestamp", "filePath", "filePublic", "fileName", "fileMediatype"]
_OBSERVATIONS = [
    "observationID", "deploymentID", "mediaID", "eventID", "eventStart", "eventEnd", "observationLevel",
    "observationType", "scientificName", "count", "classificationMethod", "classifiedBy",
    "classificationTimestamp", "classificationProbability", "observationTags", "observationComments",
]  # fmt: skip


def recognises(source: Path) -> bool:
    """Tell whether a folder or file is a Camtrap data package."""
    path = source / PACKAGE if source.is_dir() else source
    if path.name != PACKAGE or not path.is_file():
        return False
    package = read_json(path)
    resources = package.get("resources") if isinstance(package, dict) else None
    names = (
        {r.get("name") for r in resources if isinstance(r, dict)} if isinstance(resources, list) else set()
    )
    return {"media", "observations"} <= names


def read(source: Path, options: ReadOptions) -> Reading:
    """Read the images of ``media.csv`` with what was observed on them."""
    package = source / PACKAGE if source.is_dir() else source
    base = package.parent
    tables = _tables(package)
    media, observations = (CsvDocument.read(base / tables[name]) for name in ("media", "observations"))
    _require(media, ("mediaID", "filePath"), base / tables["media"])
    _require(observations, ("observationType",), base / tables["observations"])
    pictures = [row for row in media.rows if not _is_video(row)]
    if not pictures:
        raise CatalogError(f"{base / tables['media']} names no image.")
    sources = [row["filePath"] for row in pictures]
    candidates = [options.images] if options.images else [base, base / "images", base / "media"]
    root, names = placed(sources, candidates, document=base / tables["media"])
    of_media, of_events = _observed(observations)
    entries = []
    by_event = 0
    for row, name, called in zip(pictures, names, sources, strict=True):
        own = of_media.get(row["mediaID"], [])
        event = _event_of(row, of_events)
        seen = own or event
        by_event += bool(event and not own)
        columns = {key: value for key, value in row.items() if key not in ("filePath", "")}
        columns["sequence"] = _sequence((own + event)[:1])
        columns["observationLevel"] = ("media" if own else "event") if seen else ""
        entries.append(Entry(name=name, source_name=called, opinions=_opinions(seen), columns=columns))
    return Reading(
        root=root,
        entries=merged(entries),
        base=base,
        documents=(package, *(base / path for path in dict.fromkeys(tables.values()))),
        findings=_findings(sources, len(media.rows) - len(pictures), by_event),
    )


def _is_video(row: Mapping[str, str]) -> bool:
    kind = row.get("fileMediatype", "")
    return kind.startswith("video/") or (not kind and row["filePath"].lower().endswith(_VIDEOS))


def _findings(sources: list[str], videos: int, by_event: int) -> list[Finding]:
    found = []
    addresses = [called for called in sources if "://" in called]
    if addresses:
        text = f"Only images on this disk can be used. Addresses on the web: {len(addresses):,}."
        found.append(Finding(topic="addresses", text=text, examples=tuple(addresses)))
    if videos:
        found.append(
            Finding(
                topic="videos", text=f"Left out, as only images can be reviewed: {count(videos, 'video')}."
            )
        )
    if by_event:
        text = Advice(
            f"{count(by_event, 'image')} without a label got that of the sequence. What is decided on one of "
            "them is written for that image alone.",
            "Use --group sequence to keep the images of a sequence in one split.",
            "To keep the images of a sequence in one split, start cleaner with --group sequence.",
        )
        found.append(Finding(topic="sequences", text=text))
    return found


def _tables(package: Path) -> dict[str, str]:
    """Return the paths of the package's CSV files by their names, relative to it."""
    document = read_json(package)
    resources = document.get("resources") if isinstance(document, dict) else None
    found: dict[str, str] = {}
    for resource in records(resources, "resources", package):
        name, path = resource.get("name"), resource.get("path")
        if not isinstance(name, str) or not isinstance(path, str) or "://" in path:
            continue
        if problem := name_problem(path):
            raise CatalogError(f"{package}: the path {path!r} of {name} cannot be used: {problem}.")
        if (package.parent / path).is_file():
            found[name] = str(PurePosixPath(path))
    for name in ("media", "observations"):
        if name not in found:
            raise CatalogError(f"{package} names no file of {name} that is here; expected {name}.csv.")
    return found


def _require(table: CsvDocument, columns: Iterable[str], path: Path) -> None:
    lacking = [column for column in columns if column not in table.header]
    if lacking:
        raise CatalogError(f"{path} has no column {lacking[0]!r}, which Camtrap DP needs.")


_Rows = list[dict[str, str]]


def _observed(table: CsvDocument) -> tuple[dict[str, _Rows], dict[str, _Rows]]:
    """Return the observations of images by media, and those of events by deployment."""
    of_media: dict[str, _Rows] = {}
    of_events: dict[str, _Rows] = {}
    for row in table.rows:
        if row.get("mediaID") and row.get("observationLevel", "media") != "event":
            of_media.setdefault(row["mediaID"], []).append(row)
        else:
            of_events.setdefault(row.get("deploymentID", ""), []).append(row)
    return of_media, of_events


def _event_of(media: Mapping[str, str], of_events: Mapping[str, _Rows]) -> _Rows:
    """Return the observations of the events that an image is part of."""
    taken = _moment(media.get("timestamp", ""))
    found = []
    for row in of_events.get(media.get("deploymentID", ""), []):
        named = media.get("eventID") or media.get("sequenceID")
        if named and named in (row.get("eventID"), row.get("sequenceID")):
            found.append(row)
            continue
        start, end = (_moment(row.get(f"event{w}") or row.get(w.lower(), "")) for w in ("Start", "End"))
        if taken and start and end and start <= taken <= end:
            found.append(row)
    return found


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=None) - (moment.utcoffset() or moment - moment)


def _sequence(rows: _Rows) -> str:
    for row in rows:
        start = row.get("eventStart") or row.get("start", "")
        return row.get("eventID") or f"{row.get('deploymentID', '')} {start}".strip()
    return ""


def label_of(row: Mapping[str, str]) -> str | None:
    """Return the label that an observation gives; None for an unclassified one."""
    kind = row.get("observationType", "")
    return row.get("scientificName") or (kind if kind != "unclassified" else "") or None


def _opinions(rows: _Rows) -> list[Opinion]:
    """Return one opinion for each person or model, oldest first, with all that it saw."""
    by_hand: dict[tuple[str, str], Opinion] = {}
    for row in rows:
        if label_of(row) is None:
            continue
        new = _opinion(row)
        old = by_hand.setdefault((new.method, new.by), new)
        sure = [p for p in (old.probability, new.probability) if p is not None]
        by_hand[new.method, new.by] = replace(
            new,
            labels=tuple(dict.fromkeys((*old.labels, *new.labels))),
            time=max(old.time, new.time),
            probability=min(sure) if sure else None,
        )
    return sorted(by_hand.values(), key=lambda opinion: opinion.time)


def _opinion(row: Mapping[str, str]) -> Opinion:
    method = row.get("classificationMethod", "")
    return Opinion(
        labels=(label_of(row) or "",),
        method=method if method in ("human", "machine") else "",  # type: ignore[arg-type] # just checked
        by=row.get("classifiedBy", ""),
        time=row.get("classificationTimestamp", ""),
        probability=number(row.get("classificationProbability")),
    )


def write(job: Writing) -> None:
    """Write the package that the set came from with the present labels, or a new one."""
    if job.source is None:
        _write_new(job)
        return
    package = job.source / PACKAGE
    tables = _tables(package)
    media, observations = (CsvDocument.read(job.source / tables[name]) for name in ("media", "observations"))
    _Editor(media, observations, job).apply()
    for name in job.documents:
        (job.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (job.folder / name).write_bytes((job.source / name).read_bytes())
    (job.folder / tables["media"]).write_bytes(media.to_bytes())
    (job.folder / tables["observations"]).write_bytes(observations.to_bytes())


def _write_new(job: Writing) -> None:
    """Write a package of a set that did not come from one; what cameras and times are is not known then."""
    media, observations = new_csv(_MEDIA), new_csv(_OBSERVATIONS)
    _Editor(media, observations, job).apply()
    resources: list[dict[str, Any]] = [
        {
            "name": name,
            "path": f"{name}.csv",
            "profile": "tabular-data-resource",
            "schema": f"{_SCHEMAS}{name}-table-schema.json",
        }
        for name in ("media", "observations")
    ]
    profile = f"{_SCHEMAS}camtrap-dp-profile.json"
    write_json(job.folder / PACKAGE, {"resources": resources, "profile": profile}, like=None)
    (job.folder / "media.csv").write_bytes(media.to_bytes())
    (job.folder / "observations.csv").write_bytes(observations.to_bytes())
    job.notes.append(
        "The package has no deployments, and its media have times only where the set has a column timestamp: "
        "add them before publishing it."
    )


class _Editor:
    """Changes the tables of a package so that they say what the set says."""

    def __init__(self, media: CsvDocument, observations: CsvDocument, job: Writing) -> None:
        self._media, self._observations, self._job = media, observations, job
        self._of_media: dict[str, list[int]] = {}
        for i, row in enumerate(observations.rows):
            if row.get("mediaID") and row.get("observationLevel", "media") != "event":
                self._of_media.setdefault(row["mediaID"], []).append(i)
        self._of_events = _observed(observations)[1]
        self._taxa = {
            row["scientificName"]: row["taxonID"]
            for row in observations.rows
            if row.get("scientificName") and row.get("taxonID")
        }

    def apply(self) -> None:
        changes = self._job.changes()
        added = self._job.added({row.get("filePath", "") for row in self._media.rows})
        for i, row in enumerate(self._media.rows):
            for reviewed in changes.get(row.get("filePath", ""), []):
                own = self._of_media.get(row["mediaID"], [])
                if reviewed.deleted:
                    self._media.remove(i)
                    for at in own:
                        self._observations.remove(at)
                else:
                    self._edit(row, own, reviewed)
        for reviewed in added:
            self._add(reviewed)

    def _edit(self, media: Mapping[str, str], own: list[int], reviewed: Reviewed) -> None:
        if reviewed.label is None:
            return
        events = [] if own else _event_of(media, self._of_events)
        rows = [self._observations.rows[i] for i in own] or events
        standing = Entry(name="", source_name="", opinions=_opinions(rows)).foremost
        same = standing.labels == (reviewed.label,)
        if same and not reviewed.decided:
            return
        own = [i for i in own if self._is_of(i, standing)]
        if len(standing.labels) > 1:  # nothing of what else was seen is taken away
            own = [i for i in own if label_of(self._observations.rows[i]) == reviewed.label]
        values = self._values(reviewed, changed=not same)
        for i in own:
            self._observations.set(i, values)
        if not own:
            known = dict(events[0]) if events else {}
            start = media.get("timestamp", "")
            times = {"eventStart": start, "eventEnd": start, "start": start, "end": start}
            base = times | {"deploymentID": media.get("deploymentID", "")} | known
            base |= {"observationID": f"{media['mediaID']}-reviewed", "mediaID": media["mediaID"]}
            self._observations.append(base | {"observationLevel": "media"} | values)

    def _is_of(self, row: int, opinion: Opinion) -> bool:
        """Tell whether an observation is of those that an opinion was read from."""
        said = _opinion(self._observations.rows[row])
        return (said.method, said.by) == (opinion.method, opinion.by)

    def _values(self, reviewed: Reviewed, *, changed: bool) -> dict[str, str]:
        label, opinion = reviewed.label or "", reviewed.opinion
        sure = "" if opinion.probability is None else f"{opinion.probability:g}"
        values = {
            "classificationMethod": opinion.method,
            "classifiedBy": opinion.by,
            "classificationTimestamp": opinion.time,
            "classificationProbability": sure,
        }
        if changed:
            kind = _SYNONYMS.get(label, label)
            is_type = kind in _TYPES
            values["observationType"] = kind if is_type else "animal"
            values["scientificName"] = "" if is_type else label
            values["taxonID"] = "" if is_type else self._taxa.get(label, "")
            if kind == "blank":
                values |= dict.fromkeys(("count", "lifeStage", "sex", "behavior", "individualID"), "")
        return values

    def _add(self, reviewed: Reviewed) -> None:
        called = reviewed.source_name
        suffix = PurePosixPath(called).suffix.lower().removeprefix(".")
        kind = {"jpg": "jpeg", "tif": "tiff"}.get(suffix, suffix)
        media = {
            "mediaID": called,
            "filePath": called,
            "fileName": PurePosixPath(called).name,
            "filePublic": "false",
            "fileMediatype": f"image/{kind}",
        }
        media = dict(reviewed.columns) | media
        self._media.append(media)
        self._edit(media, [], reviewed)

"""Camtrap DP, there and back: who classified, when, how sure; images and sequences."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from foreign import (
    DELETE,
    REVIEWER,
    bring_in,
    decide,
    labels,
    opened,
    photos,
    rows,
    suggestions,
    topics,
    write_out,
)

from cleaner import Workspace
from cleaner.dataset.formats.documents import CsvDocument
from cleaner.errors import CatalogError
from cleaner.review.output.earlier import earlier_decisions

MEDIA = """mediaID,deploymentID,timestamp,filePath,filePublic,fileMediatype,exifData
m1,d1,2020-03-24T11:21:46Z,media/a.png,true,image/png,"{""ISO"":200}"
m2,d1,2020-03-24T11:21:47Z,media/b.png,true,image/png,
m3,d1,2020-03-24T11:21:48Z,media/c.png,true,image/png,
m4,d1,2020-03-25T08:00:00Z,media/d.png,true,image/png,
m5,d1,2020-03-25T09:00:00Z,media/e.png,true,image/png,
m6,d1,2020-03-25T09:00:00Z,media/f.mp4,true,video/mp4,
"""
OBSERVATIONS = """observationID,deploymentID,mediaID,eventID,eventStart,eventEnd,observationLevel,\
observationType,taxonID,scientificName,count,classificationMethod,classifiedBy,classificationTimestamp,\
classificationProbability,observationComments
o1,d1,m1,s1,2020-03-24T11:21:46Z,2020-03-24T11:21:48Z,media,animal,QLXL,Canis lupus,2,machine,\
MegaDetector V5,2020-08-22T10:25:19Z,0.95,"dark, wet"
o2,d1,m1,s1,2020-03-24T11:21:46Z,2020-03-24T11:21:48Z,media,animal,4RM67,Vulpes vulpes,1,human,Bea,\
2020-09-01T10:00:00Z,,
o3,d1,,s1,2020-03-24T11:21:46Z,2020-03-24T11:21:48Z,event,animal,4RM67,Vulpes vulpes,1,human,Cem,\
2020-09-02T10:00:00Z,,
o4,d1,m4,s2,2020-03-25T08:00:00Z,2020-03-25T08:00:00Z,media,blank,,,,machine,\
MegaDetector V5,2020-08-22T10:25:20Z,0.5,
o5,d1,m5,s3,2020-03-25T09:00:00Z,2020-03-25T09:00:00Z,media,animal,,Canis lupus,1,human,Bea,\
2020-09-01T10:00:01Z,,
o6,d1,m5,s3,2020-03-25T09:00:00Z,2020-03-25T09:00:00Z,media,animal,,Vulpes vulpes,1,human,Bea,\
2020-09-01T10:00:09Z,,
"""
LEADS_OUT = '{"resources": [{"name": "media", "path": "../m.csv"}]}'
DEPLOYMENTS = "deploymentID,latitude,longitude\nd1,52.7,23.8\n"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = photos(tmp_path / "pack", [f"media/{letter}.png" for letter in "abcde"])
    for name, text in (("media", MEDIA), ("observations", OBSERVATIONS), ("deployments", DEPLOYMENTS)):
        (folder / f"{name}.csv").write_text(text)
    resources = [{"name": n, "path": f"{n}.csv"} for n in ("deployments", "media", "observations")]
    (folder / "datapackage.json").write_text(json.dumps({"resources": resources, "project": {"title": "x"}}))
    return folder


def test_labels_come_with_who_when_and_how_sure(package: Path) -> None:
    done = bring_in(package)
    assert done.format.name == "camtrap-dp"
    assert labels(done) == {
        "media/a.png": "Vulpes vulpes",
        "media/b.png": "Vulpes vulpes",
        "media/c.png": "Vulpes vulpes",
        "media/d.png": None,
        "media/e.png": None,
    }
    assert suggestions(done)["media/d.png"] == "blank"
    table = rows(done)
    assert [table["media/a.png"][f"label_{what}"] for what in ("method", "by", "time")] == [
        "human",
        "Bea",
        "2020-09-01T10:00:00Z",
    ]
    assert table["media/d.png"]["suggestion_probability"] == "0.5"
    assert {table[f"media/{letter}.png"]["sequence"] for letter in "abc"} == {"s1"}
    assert table["media/b.png"]["observationLevel"] == "event"
    assert {"several labels", "sequences", "videos"} <= topics(done)


def test_the_label_table_leaves_nothing_to_be_guessed(package: Path) -> None:
    with opened(bring_in(package)) as workspace:
        doubts = [finding.topic for finding in workspace.catalog.findings if finding.doubtful]
    assert doubts == ["several labels", "one_class"]


def test_sequences_are_kept_together(package: Path) -> None:
    done = bring_in(package)
    with Workspace(done.reading.root, labels=done.table, group="sequence") as workspace:
        table = workspace.catalog.table
        assert table.groupby("sequence")["split"].nunique().max() == 1


def test_without_a_decision_every_file_is_the_same_byte_by_byte(package: Path, tmp_path: Path) -> None:
    write_out(bring_in(package), tmp_path / "out")
    for name in ("datapackage.json", "media.csv", "observations.csv", "deployments.csv"):
        assert (tmp_path / "out" / name).read_bytes() == (package / name).read_bytes()


def test_decisions_are_observations_and_other_lines_stay(package: Path, tmp_path: Path) -> None:
    done = bring_in(package)
    decide(done, {"media/b.png": "Lynx lynx", "media/d.png": DELETE, "media/a.png": "empty"})
    write_out(done, tmp_path / "out")
    old = OBSERVATIONS.splitlines(keepends=True)
    new = (tmp_path / "out" / "observations.csv").read_text().splitlines(keepends=True)
    assert new[0] == old[0]
    assert new[1] == old[1]
    assert [new[3], new[4], new[5]] == [old[3], old[5], old[6]]
    table = CsvDocument.read(tmp_path / "out" / "observations.csv").rows
    blank, lynx = table[1], table[-1]
    assert (blank["observationType"], blank["scientificName"], blank["taxonID"], blank["count"]) == (
        "blank",
        "",
        "",
        "",
    )
    assert (blank["classificationMethod"], blank["classifiedBy"]) == ("human", REVIEWER)
    assert (lynx["mediaID"], lynx["observationLevel"], lynx["eventID"]) == ("m2", "media", "s1")
    assert (lynx["scientificName"], lynx["classifiedBy"]) == ("Lynx lynx", REVIEWER)
    assert "m4" not in (tmp_path / "out" / "media.csv").read_text()
    assert len((tmp_path / "out" / "media.csv").read_text().splitlines()) == 6


def test_a_label_that_was_confirmed_is_signed(package: Path, tmp_path: Path) -> None:
    done = bring_in(package)
    decide(done, {"media/d.png": "blank"})
    write_out(done, tmp_path / "out")
    row = CsvDocument.read(tmp_path / "out" / "observations.csv").rows[3]
    assert (row["observationType"], row["classifiedBy"], row["classificationProbability"]) == (
        "blank",
        REVIEWER,
        "",
    )


def test_what_people_said_can_be_taken_over_as_their_decisions(package: Path) -> None:
    done = bring_in(package)
    history = earlier_decisions(done.reading.entries)
    said = set(zip(history["name"], history["action"], history["reviewer"], strict=True))
    assert said == {
        ("media/a.png", "keep", "Bea"),
        ("media/b.png", "keep", "Cem"),
        ("media/c.png", "keep", "Cem"),
    }
    with Workspace(done.reading.root, labels=done.table) as workspace:
        assert workspace.store.import_history(history) == 3
        assert workspace.store.import_history(history) == 0
        decision = workspace.store.state.of("media/a.png")
        assert decision is not None
        assert (decision.reviewer, decision.time.isoformat()) == ("Bea", "2020-09-01T10:00:00+00:00")


def test_a_set_from_elsewhere_becomes_a_new_package(package: Path, tmp_path: Path) -> None:
    done = bring_in(package)
    write_out(done, tmp_path / "coco", format="coco")
    coco = bring_in(tmp_path / "coco", images=package, table=tmp_path / "coco.csv")
    told = write_out(coco, tmp_path / "new", format="camtrap-dp")
    again = bring_in(tmp_path / "new", images=package, table=tmp_path / "new.csv")
    assert told.notes
    assert labels(again) == labels(done)
    assert rows(again)["media/a.png"]["label_by"] == "Bea"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda p: (p / "media.csv").write_text(""), "is empty"),
        (lambda p: (p / "media.csv").unlink(), "names no file of media"),
        (lambda p: (p / "media.csv").write_text("mediaID,x\nm1,2\n"), "has no column 'filePath'"),
        (lambda p: (p / "datapackage.json").write_text('{"resources": 3}'), "resources to be a list"),
        (
            lambda p: (p / "datapackage.json").write_text(
                '{"resources": [{"name":"media","path":"../m.csv"}]}'
            ),
            "cannot be used",
        ),
    ],
)
def test_malformed_packages_get_a_sentence(package: Path, change: object, said: str) -> None:
    change(package)  # type: ignore[operator]
    with pytest.raises(CatalogError) as error:
        bring_in(package, format="camtrap-dp")
    assert said in str(error.value)

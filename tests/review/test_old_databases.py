"""Databases of earlier versions are brought up to date, with nothing lost; damaged ones are said to be."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import postgres_server
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from cleaner import cli
from cleaner.errors import DamagedStoreError, StoreError
from cleaner.review import ReviewStore
from cleaner.workspace import Workspace

COLUMNS = """
    dataset TEXT NOT NULL, act VARCHAR(64) NOT NULL, kind VARCHAR(32) NOT NULL, name TEXT NOT NULL,
    given_label TEXT, new_label TEXT, reviewer TEXT NOT NULL, time VARCHAR(32) NOT NULL, rank BIGINT,
    loss DOUBLE PRECISION, score DOUBLE PRECISION, model TEXT, page INTEGER, detail TEXT, undoes VARCHAR(64),
    CONSTRAINT events_act_name UNIQUE (dataset, act, name)
"""
"""The table as version 0.2 made it, but for its first column."""
ROWS = [
    ("set", "one", "keep", "red/red_000.png", "red"),
    ("set", "two", "delete", "red/red_001.png", "red"),
    ("set", "three", "keep", "green/green_000.png", "grass"),
    ("set", "four", "keep", "gone.png", "red"),
]


def fill(connection: sa.Connection, seq: str) -> None:
    connection.execute(sa.text(f"CREATE TABLE events (seq {seq}, {COLUMNS})"))
    connection.execute(sa.text("CREATE INDEX events_dataset_seq ON events (dataset, seq)"))
    values = sa.text(
        "INSERT INTO events (dataset, act, kind, name, given_label, reviewer, time)"
        " VALUES (:dataset, :act, :kind, :name, :given, 'ann', '2026-01-01T00:00:00+00:00')"
    )
    for row in ROWS:
        connection.execute(values, dict(zip(("dataset", "act", "kind", "name", "given"), row, strict=True)))


def old_file(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        fill(connection, "INTEGER PRIMARY KEY AUTOINCREMENT")
    engine.dispose()
    return path


def test_an_old_file_is_copied_and_gets_the_new_column(tmp_path: Path) -> None:
    path = old_file(tmp_path / "review.db")
    for _ in range(2):
        with ReviewStore(path, dataset="set", reviewer="ann") as store:
            assert [(e.act, e.name, e.content) for e in store.state.events] == [
                (act, name, None) for _, act, _, name, _ in ROWS
            ]
    (copy,) = (tmp_path / "backups").iterdir()
    with closing(sqlite3.connect(copy)) as before:
        names = [row[1] for row in before.execute("PRAGMA table_info(events)")]
        assert "content" not in names
        assert before.execute("SELECT COUNT(*) FROM events").fetchone() == (4,)


def test_an_old_server_gets_the_new_column() -> None:
    pytest.importorskip("psycopg")
    url = postgres_server.fresh_url()
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        fill(connection, "BIGSERIAL PRIMARY KEY")
    engine.dispose()
    for _ in range(2):
        with ReviewStore(url, dataset="set", reviewer="ann") as store:
            assert [event.act for event in store.state.events][:4] == ["one", "two", "three", "four"]
            store.decide("new.png", "keep", act="five")
            assert store.state.is_decided("new.png")


def test_a_database_of_a_later_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "review.db"
    ReviewStore(path, dataset="set", reviewer="ann").close()
    with closing(sqlite3.connect(path)) as found, found:
        found.execute("INSERT INTO schema_version VALUES (99)")
    with pytest.raises(StoreError, match="later version"):
        ReviewStore(path, dataset="set", reviewer="ann")


def test_old_decisions_hold_by_name_and_label_and_follow_their_images_from_then_on(
    make_set: Callable[..., Path],
) -> None:
    root = make_set(2)
    old_file(root / ".cleaner" / "review.db")
    with Workspace(root, reviewer="ann") as workspace:
        state = workspace.store.state
        assert set(state.outcomes()) == {"red/red_000.png", "red/red_001.png"}
        assert set(state.asked_again()) == {"green/green_000.png"}
        assert state.gone() == ["gone.png"]
    (root / "red" / "red_000.png").rename(root / "red" / "other.png")
    with Workspace(root, reviewer="ann") as workspace:
        assert workspace.store.state.is_decided("red/other.png")


# -------------------------------------------------------------------- damaged files


def empty(path: Path) -> None:
    path.write_bytes(b"")
    os.utime(path, (0, 0))


def spoil(path: Path) -> None:
    path.write_bytes(b"no database at all" * 500)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


@pytest.mark.parametrize("damage", [empty, spoil, cut])
def test_a_damaged_file_is_no_history_without_decisions(
    make_set: Callable[..., Path], damage: Callable[[Path], None]
) -> None:
    root = make_set(2)
    with Workspace(root, reviewer="ann") as workspace:
        workspace.store.decide(sorted(workspace.catalog.names), "keep")
        workspace.csv_writer().write_now()
    path = root / ".cleaner" / "review.db"
    damage(path)
    spoilt = path.read_bytes()
    with Workspace(root, reviewer="ann") as workspace, pytest.raises(DamagedStoreError) as caught:
        workspace.store  # noqa: B018
    assert str(root / "cleaned.csv") in str(caught.value)
    assert path.read_bytes() == spoilt
    done = CliRunner().invoke(cli.app, ["status", str(root)])
    assert done.exit_code == 1
    assert "decided" not in done.stdout


def test_a_file_that_another_process_is_just_making_is_no_damaged_one(tmp_path: Path) -> None:
    (tmp_path / "review.db").touch()
    with ReviewStore(tmp_path / "review.db", dataset="set", reviewer="ann") as store:
        assert len(store.state.events) == 0


def test_the_result_of_lost_decisions_is_not_written_over_but_taken_in(make_set: Callable[..., Path]) -> None:
    root = make_set(2)
    with Workspace(root, reviewer="ann") as workspace:
        workspace.store.decide("red/red_000.png", "delete")
        workspace.store.decide("red/red_001.png", "relabel", "blue")
        workspace.csv_writer().write_now()
    before = (root / "cleaned.csv").read_bytes()
    (root / ".cleaner" / "review.db").unlink()
    with Workspace(root, reviewer="ann") as workspace:
        workspace.store.decide("green/green_000.png", "keep")
        writer = workspace.csv_writer(delay_s=3600)
        assert writer.shows_more
        with pytest.raises(StoreError):
            writer.write_now()
        assert (root / "cleaned.csv").read_bytes() == before
        writer.import_hand_edits()
        assert {name: outcome for name, (outcome, _) in workspace.store.state.outcomes().items()} == {
            "red/red_000.png": "delete",
            "red/red_001.png": "relabel",
            "green/green_000.png": "keep",
        }
        writer.write_now(replace=True)
        assert not writer.shows_more
    assert (root / "cleaned.csv").read_bytes() == before

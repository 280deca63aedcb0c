"""``cleaner embed``: of a folder and of a URL, and what it says where it cannot."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from typer.testing import CliRunner

from cleaner import cli
from cleaner.embedding import pipeline


def run(*arguments: object, code: int = 0) -> Any:
    done = CliRunner().invoke(cli.app, [str(a) for a in arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == code, done.output
    return done


@pytest.fixture
def url(colour_set: Path) -> Iterator[str]:
    """The coloured pictures, in a file system of fsspec that is in memory."""
    memory = fsspec.filesystem("memory")
    for path in colour_set.rglob("*.png"):
        memory.pipe(f"/store/set/{path.relative_to(colour_set).as_posix()}", path.read_bytes())
    yield "memory://store/set/"
    memory.rm("/store", recursive=True)


def test_a_folder_is_embedded_once_and_ranked_from_that(
    colour_set: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run("embed", colour_set, "--from-scratch")
    assert first.stdout == "scratch: 24 images embedded, 0 known from before\n"
    assert first.stderr == f"Features: {colour_set / '.cleaner' / 'embeddings'}\n"
    assert run("embed", colour_set, "--from-scratch").stdout.startswith("scratch: 0 images embedded, 24")
    monkeypatch.setattr(pipeline, "embed_batch", lambda *_: pytest.fail("an image was embedded again"))
    assert "24 images" in run("rank", colour_set, "--from-scratch", "--csv", "-").stderr


def test_a_copy_of_what_is_below_a_url_finds_its_features(
    url: str, colour_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "features"
    assert "24 images embedded" in run("embed", url, "--state", state, "--from-scratch").stdout
    again = run("embed", url.rstrip("/"), "--state", state, "--from-scratch")
    assert "0 images embedded, 24 known from before" in again.stdout
    moved = colour_set.rename(colour_set.with_name("copy"))
    monkeypatch.setattr(pipeline, "embed_batch", lambda *_: pytest.fail("an image was embedded again"))
    assert "24 images" in run("rank", moved, "--state", state, "--from-scratch", "--csv", "-").stderr
    monkeypatch.undo()
    again = run("embed", url, "--state", state, "--from-scratch")
    assert "0 images embedded, 24 known from before" in again.stdout


def test_bad_images_are_listed_and_what_could_not_be_read_is_an_error(
    url: str, colour_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe("/store/set/red/page.jpg", b"<!DOCTYPE html><html></html>")
    honest = type(memory).cat_file

    def failing(self: Any, path: str, **more: Any) -> bytes:
        if path.endswith("red_001.png"):
            raise ConnectionResetError("the service hung up")
        return honest(self, path, **more)

    monkeypatch.setattr(type(memory), "cat_file", failing)
    told = run("embed", url, "--state", tmp_path / "features", "--from-scratch", code=1).stderr
    assert "1 image cannot be used:\n  red/page.jpg: not an image: HTML" in told
    assert "  red/red_001.png: cannot be read: the service hung up" in told
    assert "Error: 1 of 25 images could not be read now" in told
    monkeypatch.undo()
    assert (
        "1 image embedded, 24 known"
        in run("embed", url, "--state", tmp_path / "features", "--from-scratch").stdout
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["embed", "s3://bucket/bears"], "Name a folder with --state."),
        (["embed", "s3://bucket/bears", "--state", "x", "--labels", "l.csv"], "Got --labels with a URL"),
        (["embed", "x", "--address", "auto"], "Add --engine ray."),
        (["embed", "x", "--workers", "2"], "Add --engine ray."),
        (["rank", "s3://bucket/bears"], "Only “cleaner embed” reads URLs"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run(*arguments, code=1)
    assert said in done.stderr
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    assert [*tmp_path.iterdir()] == []


def test_without_ray_it_says_what_to_install(colour_set: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "cleaner.embedding.over_ray", raising=False)
    told = run("embed", colour_set, "--engine", "ray", code=1).stderr
    assert re.fullmatch(
        r"Error: Ray is needed \(.*\)\. Install it with: pip install 'cleaner\[ray\]'\n", told
    )


def test_without_the_package_of_a_service_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    told = run("embed", "s3://nowhere/at-all", "--state", tmp_path / "x", code=1).stderr
    assert told.endswith("Install it with: pip install 'cleaner[s3]'\n")
    assert not (tmp_path / "x").exists()

"""The command line: results on stdout, words on stderr, exit codes, and no traceback for our errors."""

from __future__ import annotations

import csv
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import cleaner
from cleaner import cli
from cleaner.analysis.worth import Worth
from cleaner.audit.running import RunningAudit
from cleaner.cli import console
from cleaner.cli.options import without_password
from cleaner.cli.ranking import Ordering
from cleaner.errors import TrainingError
from cleaner.ranking.result import ORDERINGS
from cleaner.training.compare import Change
from cleaner.training.recipe import Recipe
from cleaner.workspace import Workspace

EXAMPLES = {cli.name_of(f): e for commands in cli.COMMANDS.values() for f, e in commands.items()}
COMMANDS = sorted(EXAMPLES)
RANKING = [
    "name",
    "split",
    "given_label",
    "predicted_label",
    "probability",
    "loss",
    "score",
    "suggested_label",
]


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the list of recent sets of whoever runs the tests as it is."""
    monkeypatch.setenv("CLEANER_HOME", str(tmp_path / "home"))


def run(*arguments: object, code: int = 0, typed: str | None = None) -> Any:
    """Run one command in this process, and check its exit code."""
    done = CliRunner().invoke(cli.app, [str(a) for a in arguments], input=typed)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == code, done.output
    return done


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def decide(root: Path, *decisions: tuple[str, str, str | None]) -> None:
    """Record decisions as the page does: (name, action, label)."""
    with Workspace(root) as workspace:
        for name, action, label in decisions:
            workspace.store.decide(name, action, label)


# ---------------------------------------- help and errors


def test_the_help_names_every_command_and_says_how_to_start() -> None:
    text = run("--help").stdout
    assert all(re.search(rf"\b{name}\b", text) for name in COMMANDS)
    assert "cleaner demo" in text


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_teaches_by_an_example_that_its_options_allow(name: str) -> None:
    text = run(name, "--help").stdout
    examples = EXAMPLES[name]
    assert examples
    flat = re.sub(r"\s+", " ", text)
    for example in examples:
        assert example in flat
        assert example.startswith(f"cleaner {name}")
        assert all(option in flat for option in re.findall(r"--[a-z-]+", example))


def test_nothing_typed_shows_the_help_and_is_wrong_usage() -> None:
    assert "Usage:" in run(code=2).output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rank"], "Missing argument 'DIR'"),
        (["rank", ".", "--split", "training"], "got ['training']"),
        (["rank", ".", "--seed", "many"], "Invalid value for '--seed'"),
        (["export", "."], "Missing option '--to'"),
        (["clean", "."], "No such command 'clean'"),
        (["train", ".", "--epochs", "0"], "Invalid value for '--epochs'"),
        (["train", ".", "--balance", "equal"], "'none', 'weights', 'oversample'"),
        (["app", ".", "--theme", "pink"], "Invalid value for '--theme'"),
        (["download", "urls.txt", "x", "--workers", "-1"], "Invalid value for '--workers'"),
    ],
)
def test_wrong_usage_is_exit_code_two(arguments: list[str], said: str) -> None:
    assert said in re.sub(r"[\s│]+", " ", run(*arguments, code=2).stderr)


def test_the_version_is_that_of_the_package() -> None:
    assert run("--version").stdout == f"cleaner {cleaner.__version__}\n"


def test_our_errors_are_one_sentence_on_stderr_and_exit_code_one(tmp_path: Path) -> None:
    done = run("status", tmp_path / "nothing", code=1)
    assert done.stdout == ""
    assert done.stderr.startswith(f"Error: The folder {tmp_path / 'nothing'} does not exist. ")
    assert done.stderr.count("\n") == 1


def test_debug_shows_where_an_error_came_from(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli.app, ["status", str(tmp_path / "nothing"), "--debug"])
    assert isinstance(done.exception, cleaner.CleanerError)


def test_ctrl_c_is_exit_code_130(colour_set: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cleaner.collect.verify.verify_folder", interrupted)
    assert run("verify", colour_set, code=130).stderr == "Stopped.\n"


def test_help_status_and_app_load_no_torch(colour_set: Path) -> None:
    code = (
        "import sys; from unittest import mock; from cleaner import cli\n"
        "with mock.patch('cleaner.dashboard.server.serve', return_value=0):\n"
        "    for arguments in (['--help'], ['status', sys.argv[1]], ['app', sys.argv[1]]):\n"
        "        try: cli.app(arguments)\n"
        "        except SystemExit as end: assert not end.code, (arguments, end.code)\n"
        "loaded = {m.split('.')[0] for m in sys.modules}\n"
        "assert not loaded & {'torch', 'torchvision', 'sklearn', 'scipy', 'ipywidgets'}, loaded\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(colour_set)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_module_is_the_command(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cleaner"]
    done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"cleaner {cleaner.__version__}\n")
    command += ["status", str(tmp_path / "x")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: The folder")
    assert "Traceback" not in done.stderr


def test_names_that_the_terminal_cannot_write_do_not_end_the_command(
    picture: Callable[..., Path], tmp_path: Path
) -> None:
    picture(tmp_path / "set" / "ü 日本" / "1.png", (1, 2, 3))
    (tmp_path / "set" / "ü 日本" / "2.png").write_bytes(b"")
    done = subprocess.run(
        [sys.executable, "-m", "cleaner", "verify", str(tmp_path / "set")],
        capture_output=True,
        cwd=Path(cleaner.__file__).parents[1],
        env={**os.environ, "PYTHONIOENCODING": "ascii", "CLEANER_HOME": str(tmp_path / "home")},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode() == "bad       ü 日本/2.png: empty file\n"


def test_file_names_cannot_steer_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "a\x1b[31m.jpg").write_bytes(b"")
    assert run("verify", tmp_path).stdout == "bad       a\N{REPLACEMENT CHARACTER}[31m.jpg: empty file\n"


# ---------------------------------------- without weights


@pytest.mark.parametrize("command", ["rank", "train"])
def test_a_network_without_weights_fails_with_what_to_do_and_asks_nothing(
    colour_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "no weights"))
    monkeypatch.setattr("cleaner.models.reach.host_reachable", lambda host: False)
    done = run(command, colour_set, "--backbone", "resnet18", code=1)
    assert done.stdout == ""
    assert done.stderr == (
        "Error: Pretrained weights of resnet18 are not on this machine and download.pytorch.org cannot be "
        "reached. Give a weights file (--weights FILE), or name no network: the built-in one needs no "
        "download.\n"
    )


def test_nothing_named_needs_no_network_and_no_answer(
    colour_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "no weights"))
    monkeypatch.setattr("cleaner.models.reach.host_reachable", lambda host: pytest.fail(f"asked {host}"))
    done = run("rank", colour_set, "--csv", "-")
    assert len(rows(done.stdout)) == len(list(colour_set.rglob("*.png")))
    assert "Network: lite0+lite2\n" in done.stderr
    assert "network    lite0+lite2\n" in run("status", colour_set).stdout


# ---------------------------------------- rank, train, predict


@pytest.fixture(scope="module")
def ranked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A set with six wrong labels, and its ranking as the command writes it to stdout."""
    from pictures import COLOURS, make_picture

    root = tmp_path_factory.mktemp("cli") / "set"
    classes = list(COLOURS)
    for c, (label, colour) in enumerate(COLOURS.items()):
        for i in range(12):
            filed = classes[(c + 1) % 3] if i < 2 else label
            make_picture(root / filed / f"{label}_{i:03d}.png", colour, seed=1000 * c + i)
    return root, run("rank", root, "--from-scratch", "--csv", "-").stdout


def test_rank_finds_the_wrong_labels_and_writes_the_columns_that_scripts_rely_on(
    ranked: tuple[Path, str],
) -> None:
    root, text = ranked
    table = rows(text)
    assert list(table[0])[:8] == RANKING
    assert len(table) == 36
    wrong = {row["name"] for row in table if row["name"].split("/")[1].split("_")[0] != row["given_label"]}
    assert len(wrong) == 6
    assert {row["name"] for row in table[:6]} == wrong
    assert all((root / row["name"]).is_file() for row in table)
    scores = [float(row["score"]) for row in table]
    assert scores == sorted(scores, reverse=True)


def test_rank_gives_the_same_bytes_again_and_a_file_has_them_too(
    ranked: tuple[Path, str], tmp_path: Path
) -> None:
    root, text = ranked
    done = run("rank", root, "--from-scratch", "--csv", tmp_path / "ranking.csv")
    assert (tmp_path / "ranking.csv").read_bytes().decode() == text
    assert done.stdout == ""
    assert done.stderr == f"36 images, most suspicious first: {tmp_path / 'ranking.csv'}\n"


def test_status_names_the_network_of_the_ranking(ranked: tuple[Path, str]) -> None:
    root, _ = ranked
    assert "network    scratch\n" in run("status", root).stdout


def test_rank_writes_only_the_splits_asked_for(ranked: tuple[Path, str]) -> None:
    root, text = ranked
    valid = rows(run("rank", root, "--from-scratch", "--csv", "-", "--split", "valid").stdout)
    assert valid == [row for row in rows(text) if row["split"] == "valid"]
    assert valid


def test_rank_says_what_is_missing_where_nothing_is_labelled(tmp_path: Path) -> None:
    from pictures import COLOURS, make_picture

    for i, colour in enumerate(COLOURS.values()):
        make_picture(tmp_path / "flat" / f"{i}.png", colour)
    done = run("rank", tmp_path / "flat", "--from-scratch", code=1)
    assert done.stdout == ""
    assert done.stderr == (
        "Error: None of the 3 images has a label. Finding wrong labels needs labels of two classes or more. "
        "Label some images first, in the dashboard or in a CSV file.\n"
    )


def test_rank_without_a_file_shows_the_first_ones(ranked: tuple[Path, str]) -> None:
    done = run("rank", ranked[0], "--from-scratch")
    assert len(done.stdout.splitlines()) == 21
    assert done.stderr == "These are the first 20 of 36; --csv FILE writes them all.\n"


def test_rank_into_a_folder_that_is_not_there_is_one_sentence(
    ranked: tuple[Path, str], tmp_path: Path
) -> None:
    target = tmp_path / "no" / "ranking.csv"
    done = run("rank", ranked[0], "--from-scratch", "--csv", target, code=1)
    assert done.stderr == (
        f"Error: Cannot write {target}: the folder {target.parent} does not exist. "
        "Choose a file in a folder that exists and can be written to.\n"
    )


def test_rank_takes_the_probabilities_of_another_model_and_loads_no_network(
    make_set: Callable[..., Path], tmp_path: Path
) -> None:
    root = make_set(per_class=6, wrong=1)
    with Workspace(root) as workspace:
        names, classes = list(workspace.catalog.names), workspace.catalog.classes
    right = [Path(name).name.split("_")[0] for name in names]
    probabilities = np.full((len(names), len(classes)), 0.04)
    probabilities[np.arange(len(names)), [classes.index(label) for label in right]] = 0.92
    np.save(tmp_path / "p.npy", probabilities)
    table = rows(run("rank", root, "--pred-probs", tmp_path / "p.npy", "--csv", "-").stdout)
    wrong = {name for name, label in zip(names, right, strict=True) if not name.startswith(label)}
    assert {row["name"] for row in table[: len(wrong)]} == wrong
    assert all(row["suggested_label"] in row["name"] for row in table[: len(wrong)])
    by_loss = run("rank", root, "--pred-probs", tmp_path / "p.npy", "--ordering", "loss", "--csv", "-").stdout
    losses = [float(row["loss"]) for row in rows(by_loss)]
    assert losses == sorted(losses, reverse=True)
    np.save(tmp_path / "short.npy", probabilities[:-1])
    said = run("rank", root, "--pred-probs", tmp_path / "short.npy", "--csv", "-", code=1).stderr
    assert "Got probabilities of shape (17, 3) for 18 images and 3 classes" in said
    run("rank", root, "--ordering", "best", "--csv", "-", code=2)


def test_rank_offers_every_ordering_that_a_ranking_has() -> None:
    assert get_args(Ordering) == ORDERINGS


def test_rank_takes_labels_from_a_csv_file(colour_set: Path, tmp_path: Path) -> None:
    names = sorted(p.relative_to(colour_set).as_posix() for p in colour_set.rglob("*.png"))
    labels = tmp_path / "labels.csv"
    pd.DataFrame({"name": names, "label": ["a" if i % 2 else "b" for i in range(len(names))]}).to_csv(
        labels, index=False
    )
    table = rows(
        run(
            *("rank", colour_set, "--labels", labels, "--state", tmp_path / "state"),
            *("--from-scratch", "--csv", "-"),
        ).stdout
    )
    assert {row["given_label"] for row in table} == {"a", "b"}
    assert not (colour_set / ".cleaner").exists()


def test_a_plan_is_fixed_followed_and_reported(colour_set: Path, tmp_path: Path) -> None:
    assert run("audit", colour_set).stdout.startswith("audit      none yet")
    fixed = run("audit", colour_set, "--plan", "double", "--ltpd", "30").stdout
    assert fixed.startswith("verdict    go on\nplan       double, AQL 1 %, LTPD 30 %, risks 5 % and 5 %")
    with Workspace(colour_set) as workspace:
        audit = RunningAudit(workspace.state, workspace.store, catalog=lambda: workspace.catalog)
        decide(colour_set, *((name, "keep", None) for name in audit.sequence()))
    assert run("audit", colour_set).stdout.startswith("verdict    accept\n")
    page = tmp_path / "signed.html"
    assert run("report", colour_set, "--output", page).stdout == f"{page}\n"
    assert "</html>" in page.read_text(encoding="utf-8")
    said = run("audit", colour_set, "--plan", "single", "--aql", "7", code=1).stderr
    assert said.startswith("Error: Got 0.07 as good enough (AQL) and 0.05 as too many (LTPD)")


def test_worth_says_why_it_cannot_be_measured_on_few_images(ranked: tuple[Path, str]) -> None:
    root, _ = ranked
    done = run("worth", root, "--from-scratch")
    assert done.stdout == "not measurable: 36 images with a label; it takes 50\n"


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (-0.033, -0.008, "2.1 fewer mistakes per 100 images (95 % interval −3.3 to −0.8)"),
        (0.008, 0.033, "2.1 more mistakes per 100 images (95 % interval +0.8 to +3.3)"),
        (-0.009, 0.004, "no measurable difference (95 % interval −0.9 to +0.4 mistakes per 100 images)"),
    ],
)
def test_worth_tells_changes_with_their_intervals(
    colour_set: Path, monkeypatch: pytest.MonkeyPatch, low: float, high: float, said: str
) -> None:
    change = Change(difference=0.021 if low > 0 else -0.021, low=low, high=high)
    numbers = {"images": 3409, "decided": 320, "changed": 290, "looks": 200, "errors": 45.3}
    found = Worth(**numbers, so_far=None, ahead=change)
    monkeypatch.setattr(Workspace, "worth", lambda self, **_: found)
    first, second = run("worth", colour_set).stdout.splitlines()
    assert first == "so far (320 decided): no label was changed yet"
    assert second == f"next 200 images (about 45 wrong labels expected): {said}"


def test_train_prints_error_rates_and_its_model_predicts(ranked: tuple[Path, str], tmp_path: Path) -> None:
    root, _ = ranked
    model = tmp_path / "model.safetensors"
    done = run("train", root, "--epochs", 2, "--out", model, "--from-scratch", "--backbone", "scratch")
    assert re.fullmatch(r"error rate on valid: \d+\.\d\d% \(\d+ of \d+ images\)\n", done.stdout)
    written, diagnosis = done.stderr.splitlines()
    assert re.fullmatch(r"Written: .*model.safetensors \(3 classes, trained on \d+ images\)", written)
    assert diagnosis
    (root.parent / "bad.png").write_bytes(b"")
    done = run("predict", model, root / "red", root.parent / "bad.png", code=1)
    table = rows(done.stdout)
    assert list(table[0]) == ["name", "label", "probability"]
    assert [row["name"] for row in table] == sorted(str(p) for p in (root / "red").iterdir())
    assert {row["label"] for row in table} <= {"red", "green", "blue"}
    assert "bad.png" in done.stderr.splitlines()[0]
    assert done.stderr.splitlines()[-1] == (
        "Error: 1 of 13 images could not be opened; see the reasons above."
    )


def test_train_says_what_to_type_where_another_setting_is_better(
    ranked: tuple[Path, str], tmp_path: Path
) -> None:
    root, _ = ranked
    typed = ["train", root, "--out", tmp_path / "m.safetensors", "--backbone", "scratch", "--from-scratch"]
    done = run(*typed, "--lr", "1e30", code=1)
    command = shlex.join(["cleaner", *map(str, typed), "--lr", "1e29"])
    assert sorted(done.stderr.splitlines()[-1].partition(" Type: ")[2].split()) == sorted(command.split())
    assert "The previous weights were restored; try 1e29." in done.stderr
    assert not (tmp_path / "m.safetensors").exists()


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (
            ["--lr", "fast"],
            "Got 'fast' as --lr; expected a positive number, such as 2e-3, or two, as 1e-5:1e-3.",
        ),
        (
            ["--sizes", "big"],
            "Got 'big' as --sizes; expected numbers of pixels with commas, such as 128,224.",
        ),
        (["--mixup", "-1"], "Got -1.0 as mixup; expected a number from 0 to 10."),
    ],
)
def test_options_of_training_out_of_range_are_refused_at_once(
    colour_set: Path, option: list[str], said: str
) -> None:
    assert run("train", colour_set, *option, code=1).stderr.startswith(f"Error: {said}")


def test_the_options_of_training_reach_it(colour_set: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}

    def train(*_: object, **more: Any) -> None:
        given.update(more)
        raise TrainingError("seen.")

    monkeypatch.setattr("cleaner.pipelines.train.train", train)
    recipe = Recipe(
        weight_decay=0.1,
        mixup=0.4,
        cutmix=1,
        label_smoothing=0.1,
        balance="weights",
        precision="float32",
        sizes=(64, 96),
        patience=3,
    )
    typed = [
        *(
            "--lr",
            "1e-5:1e-3",
            "--weight-decay",
            0.1,
            "--mixup",
            0.4,
            "--cutmix",
            1,
            "--label-smoothing",
            0.1,
        ),
        *("--balance", "weights", "--precision", "float32", "--sizes", "64, 96", "--patience", 3),
    ]
    run("train", colour_set, "--from-scratch", *typed, code=1)
    assert given["recipe"] == recipe
    assert given["lr"] == slice(1e-5, 1e-3)


def test_train_on_a_cleaned_csv_leaves_the_deleted_out(ranked: tuple[Path, str], tmp_path: Path) -> None:
    root, text = ranked
    table = pd.DataFrame(rows(text)).rename(columns={"given_label": "label"})[["name", "label", "split"]]
    table[table["label"] != "blue"].to_csv(tmp_path / "cleaned.csv", index=False)
    model = tmp_path / "two.safetensors"
    run(
        *("train", root, "--csv", tmp_path / "cleaned.csv", "--epochs", 1, "--out", model),
        *("--backbone", "scratch", "--from-scratch", "--state", tmp_path / "state"),
    )
    from cleaner.training.learner import Learner

    assert Learner.load(model).classes == ["green", "red"]


@pytest.mark.parametrize(
    "command",
    [
        "train --out",
        "rank --csv",
        "duplicates --csv",
        "problems --csv",
        "verify --csv",
        "simulate --truth t --csv",
    ],
)
def test_a_file_that_cannot_be_written_is_said_before_the_work(
    colour_set: Path, tmp_path: Path, command: str
) -> None:
    (tmp_path / "file").touch()
    name, *options = command.split()
    for target, reason in [
        (tmp_path / "no" / "x", f"the folder {tmp_path / 'no'} does not exist"),
        (tmp_path, "it is a folder"),
        (tmp_path / "file" / "x", f"{tmp_path / 'file'} is a file"),
        (tmp_path / ("x" * 300), "File name too long"),
    ]:
        done = run(name, colour_set, *options, target, code=1)
        assert done.stderr == (
            f"Error: Cannot write {target}: {reason}. "
            "Choose a file in a folder that exists and can be written to.\n"
        )
    assert not (colour_set / ".cleaner").exists()  # nothing was begun


def test_predict_with_something_that_is_no_model_is_one_sentence(colour_set: Path, tmp_path: Path) -> None:
    model = tmp_path / "model.safetensors"
    model.write_bytes(b"PK\x03\x04 pickle")
    done = run("predict", model, colour_set, code=1)
    assert done.stderr.startswith("Error: ")
    assert str(model) in done.stderr
    assert done.stdout == ""


# ---------------------------------------- decisions and files


def test_status_counts_images_decisions_and_bad_files(colour_set: Path) -> None:
    (colour_set / "red" / "bad.png").write_bytes(b"")
    decide(
        colour_set,
        ("red/red_000.png", "delete", None),
        ("red/red_001.png", "relabel", "blue"),
        ("red/red_002.png", "keep", None),
        ("red/red_003.png", "unsure", None),
    )
    with Workspace(colour_set) as workspace:
        workspace.store.decide("red/red_004.png", "delete", reason="duplicate")
    text = run("status", colour_set).stdout
    assert re.search(r"^images +24 in 3 classes \(train \d+, valid \d+\)$", text, re.MULTILINE)
    assert "left out   1 files that cannot be used:\n           red/bad.png: empty file\n" in text
    assert "decided    3 (2 errors: 1 to delete, 1 relabelled)\n" in text
    assert "           1 discarded as duplicates or poor images\n" in text
    assert "open       1 unsure, 0 on which reviewers disagree\n" in text
    assert "ranking    none yet\n" in text
    assert f"result     {colour_set / 'cleaned.csv'} (not written yet)\n" in text
    assert re.search(r"^red +\d+ +\d+$", text, re.MULTILINE)


def test_what_may_be_misread_is_printed_once_and_status_always_tells_it(colour_set: Path) -> None:
    (colour_set / "red").rename(colour_set / "images")  # a class that does not sound like one
    with Workspace(colour_set) as workspace:
        (doubt,) = (finding for finding in workspace.catalog.findings if finding.doubtful)
    for _ in range(2):
        assert doubt.text in run("status", colour_set).stdout
    assert doubt.text in run("apply", colour_set).stderr
    assert doubt.text not in run("apply", colour_set).stderr
    assert doubt.text in run("status", colour_set).stdout
    assert doubt.text in run("verify", colour_set).stderr


def test_status_says_how_a_table_was_read_and_reads_it_as_told(colour_set: Path) -> None:
    names = sorted(path.relative_to(colour_set).as_posix() for path in colour_set.rglob("*.png"))
    lines = [f"{name};{name[0]};{'мж'[i % 2]}" for i, name in enumerate(names)]
    table = colour_set / "l.csv"
    table.write_bytes("\n".join(["file;letter;kind", *lines]).encode("cp1251"))

    assert "--encoding cp1251 reads м, ж" in run("status", table, code=1).stderr
    told = run("status", table, "--encoding", "cp1251", "--label-column", "letter")
    assert "“file”, labels from “letter”. Other columns: “kind”." in told.stdout + told.stderr
    assert "images     24 in 3 classes" in told.stdout
    assert "images     24 in 2 classes" in run("status", table, "--label-column", "kind").stdout
    assert "images     24 in 2 classes" in run("status", table).stdout


def test_status_writes_nothing_but_its_state(colour_set: Path) -> None:
    before = sorted(p for p in colour_set.rglob("*") if ".cleaner" not in p.parts)
    run("status", colour_set)
    assert sorted(p for p in colour_set.rglob("*") if ".cleaner" not in p.parts) == before


def test_apply_only_says_what_would_move_until_told_yes_and_restore_brings_it_back(colour_set: Path) -> None:
    gone = colour_set / "red" / "red_000.png"
    data = gone.read_bytes()
    decide(colour_set, ("red/red_000.png", "delete", None), ("red/red_001.png", "keep", None))
    done = run("apply", colour_set)
    assert done.stdout.startswith("move-to-trash  red/red_000.png")
    assert done.stderr == "1 file would move. Add --yes to move them.\n"
    assert gone.is_file()
    done = run("apply", colour_set, "--yes")
    assert done.stderr == f"1 file moved; “cleaner restore {colour_set}” brings them back.\n"
    assert not gone.exists()
    assert run("apply", colour_set, "--yes").stderr == "0 files moved.\n"
    done = run("restore", colour_set)
    assert done.stdout.startswith("restored       red/red_000.png")
    assert done.stderr == "1 file restored.\n"
    assert gone.read_bytes() == data
    assert run("restore", colour_set).stderr == "The trash is empty.\n"


def test_restore_of_one_name_leaves_the_others_in_the_trash(colour_set: Path) -> None:
    decide(colour_set, ("red/red_000.png", "delete", None), ("red/red_001.png", "delete", None))
    run("apply", colour_set, "--yes")
    run("restore", colour_set, "red/red_001.png")
    assert not (colour_set / "red" / "red_000.png").exists()
    assert (colour_set / "red" / "red_001.png").is_file()
    done = run("restore", colour_set, "red/never.png", code=1)
    assert done.stderr.startswith("Error: Not in the trash: 'red/never.png'.")


def test_apply_moves_relabelled_files_on_demand(colour_set: Path) -> None:
    decide(colour_set, ("red/red_000.png", "relabel", "blue"))
    assert run("apply", colour_set, "--yes").stderr == "0 files moved.\n"
    run("apply", colour_set, "--yes", "--relabel")
    assert (colour_set / "blue" / "red_000.png").is_file()
    run("restore", colour_set)
    assert (colour_set / "red" / "red_000.png").is_file()


def test_export_lays_out_the_set_after_all_decisions(colour_set: Path, tmp_path: Path) -> None:
    decide(colour_set, ("red/red_000.png", "delete", None), ("red/red_001.png", "relabel", "blue"))
    done = run("export", colour_set, "--to", tmp_path / "new", "--flat")
    assert done.stderr == f"{tmp_path / 'new'}: 23 files copied, 0 linked.\n"
    assert not (tmp_path / "new" / "red" / "red_000.png").exists()
    assert (tmp_path / "new" / "blue" / "red_001.png").is_file()
    done = run("export", colour_set, "--to", tmp_path / "new", code=1)
    assert done.stderr.startswith(f"Error: {tmp_path / 'new'} is not empty;")


def test_merge_adds_a_colleagues_decisions_once_and_writes_the_result(
    make_set: Callable[..., Path], tmp_path: Path
) -> None:
    mine, theirs = make_set(name="mine"), make_set(name="theirs")
    decide(theirs, ("red/red_000.png", "delete", None), ("red/red_001.png", "relabel", "blue"))
    with Workspace(theirs, reviewer="anna") as workspace:
        workspace.store.export(tmp_path / "decisions.csv")
    done = run("merge", mine, tmp_path / "decisions.csv")
    assert done.stderr == f"2 decisions added.\nWritten: {mine / 'cleaned.csv'}\n"
    table = rows((mine / "cleaned.csv").read_text(encoding="utf-8"))
    labels = {row["name"]: row["label"] for row in table}
    assert "red/red_000.png" not in labels
    assert labels["red/red_001.png"] == "blue"
    again = run("merge", mine, tmp_path / "decisions.csv")
    assert again.stderr == "0 decisions added.\nAlready here: 2 decisions.\n"
    (mine / "red" / "red_000.png").unlink()
    (tmp_path / "more.csv").write_text(
        "name,action,reviewer\nred/red_000.png,keep,Cy\nno.png,keep,Cy\n", "utf-8"
    )
    said = run("merge", mine, tmp_path / "more.csv").stderr
    assert said.startswith(
        "2 decisions added.\nNot in this set, so without effect: 2 images (no.png and red/"
    )


# ---------------------------------------- verify, download


def test_verify_names_bad_files_and_quarantine_is_taken_back_by_restore(
    colour_set: Path, tmp_path: Path
) -> None:
    bad = colour_set / "red" / "page.jpg"
    bad.write_bytes(b"<html>gone</html>")
    done = run("verify", colour_set)
    assert done.stdout == "bad       red/page.jpg: not an image: HTML\n"
    assert done.stderr.endswith("\n25 files: 24 good, 1 bad\n")
    assert bad.is_file()
    done = run("verify", colour_set, "--quarantine", "--csv", tmp_path / "report.csv")
    assert "1 file moved into the trash" in done.stderr
    assert not bad.exists()
    assert len(rows((tmp_path / "report.csv").read_text())) == 25
    run("restore", colour_set)
    assert bad.read_bytes() == b"<html>gone</html>"


def test_verify_judges_the_images_of_a_table(colour_set: Path) -> None:
    (colour_set / "red" / "bad.png").write_bytes(b"<html>gone</html>")
    (colour_set / "green" / "unlisted.png").write_bytes(b"")
    table = colour_set / "table.csv"
    table.write_text(
        "file,animal\nred/red_000.png,cat\nred/bad.png,cat\nblue/blue_000.png,dog\ngone.png,dog\n"
    )
    for arguments in ((table,), (colour_set, "--labels", "table.csv", "--label-column", "animal")):
        done = run("verify", *arguments)
        assert done.stdout.splitlines() == [
            "left out  gone.png: there is no such file (line 5)",
            "bad       red/bad.png: not an image: HTML",
        ]
        assert "“animal”" in done.stderr
        assert done.stderr.splitlines()[-1] == "4 files: 2 good, 1 bad, 1 left out"
    assert "without a CSV file" in run("verify", colour_set, "--name-column", "file", code=1).stderr


def test_verify_moves_bad_files_even_where_no_file_is_good(tmp_path: Path) -> None:
    root = tmp_path / "set"
    root.mkdir()
    (root / "a.jpg").write_bytes(b"")
    run("verify", root, "--quarantine")
    assert [p.name for p in root.iterdir()] == [".cleaner"]
    run("restore", root)
    assert (root / "a.jpg").is_file()


def test_download_saves_pictures_and_accounts_for_every_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from web import Site

    monkeypatch.setenv("no_proxy", "*")
    site = Site()
    try:
        urls = tmp_path / "urls.txt"
        urls.write_text(f"{site.picture('/a')}\n# comment\n{site.url('/missing')}\nftp://x.example/a\n")
        target = tmp_path / "set" / "cat"
        done = run("download", urls, target, "--csv", "-", code=1)
        assert [r["status"] for r in rows(done.stdout)] == [
            "private address",
            "private address",
            "bad address",
        ]
        done = run("download", urls, target, "--allow-private", "--workers", "0")
        labelled = tmp_path / "urls.csv"
        labelled.write_text(f"url,label,place\n{site.url('/a')},cat,garden\n")
        kept = run("download", labelled, target, "--allow-private")
        lost = run("download", tmp_path / "urls.txt", tmp_path / "none", code=1)
        hidden = run("download", urls, tmp_path / ".NET logo", code=1)
    finally:
        site.stop()
    assert "Labels: " in kept.stderr
    assert "garden" in (target / "labels.csv").read_text()
    assert lost.stderr.endswith("Error: No image came from 3 addresses; see the reasons above.\n")
    assert str(tmp_path / "%2ENET logo") in hidden.stderr
    assert not (tmp_path / ".NET logo").exists()
    assert f"HTTP 404        {site.url('/missing')}: HTTP 404 Not Found\n" in done.stderr
    assert done.stderr.splitlines()[-1] == "3 addresses: 1 saved, 1 HTTP 404, 1 bad address"
    assert len([p for p in target.iterdir() if p.suffix == ".jpg"]) == 1


# ---------------------------------------- app, demo


def test_app_passes_everything_on_to_the_server(colour_set: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    got: dict[str, Any] = {}

    def serve(root: Path | None, **arguments: Any) -> int:
        got.update(arguments, root=root)
        return 0

    monkeypatch.setattr("cleaner.dashboard.server.serve", serve)
    run(
        *("app", colour_set, "--backbone", "resnet18", "--store", "sqlite:///x.db", "--reviewer", "Anna"),
        *(
            "--port",
            0,
            "--no-browser",
            "--ip",
            "0.0.0.0",
            "--token",
            "abc",
            "--theme",
            "dark",
            "--root",
            colour_set,
        ),
        *("--socket", "s.sock", "--base-url", "/x/", "--reviewer-header", "X-User", "--idle-minutes", 5),
    )
    options = got.pop("options")
    assert callable(got.pop("say"))
    assert got == {
        "root": colour_set,
        "browse_root": colour_set,
        "port": 0,
        "browser": False,
        "ip": "0.0.0.0",
        "token": "abc",
        "theme": "dark",
        "socket_path": Path("s.sock"),
        "base_url": "/x/",
        "reviewer_header": "X-User",
        "idle_minutes": 5.0,
    }
    assert (options["backbone"], options["store"], options["reviewer"]) == (
        "resnet18",
        "sqlite:///x.db",
        "Anna",
    )
    with Workspace(colour_set, **options) as workspace:
        assert workspace.reviewer == "Anna"


def test_app_on_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    assert run("app", tmp_path / "x", code=1).stderr == (
        f"Error: The folder {tmp_path / 'x'} does not exist. "
        "Give the folder of the images, or a CSV file of names.\n"
    )


def test_app_without_a_folder_takes_no_options_of_one_set(tmp_path: Path) -> None:
    assert "--state: name the folder, too" in run("app", "--state", tmp_path, code=2).stderr


def test_app_without_a_folder_opens_the_page_that_chooses_one(monkeypatch: pytest.MonkeyPatch) -> None:
    roots: list[object] = []
    monkeypatch.setattr("cleaner.dashboard.server.serve", lambda root, **_: roots.append(root) or 0)
    run("app", "--no-browser")
    assert roots == [None]


def test_demo_makes_the_example_and_opens_it_without_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    got: dict[str, Any] = {}
    monkeypatch.setattr("cleaner.collect.example.make_example", lambda directory: Path(directory) / "digits")
    monkeypatch.setattr("cleaner.cli.page._rank_example", lambda folder: 22)
    monkeypatch.setattr("cleaner.dashboard.server.serve", lambda root, **a: got.update(a, root=root) or 0)
    done = run("demo", "--dir", tmp_path, "--no-browser")
    assert got["root"] == tmp_path / "digits"
    assert got["options"] == {"from_scratch": True}
    assert done.stderr == (
        f"The example is in {tmp_path / 'digits'}.\n"
        "Of the 24 most suspicious labels, 22 are wrong. Can you find them?\n"
    )


# ---------------------------------------- progress


def test_progress_is_silent_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    with console.progress() as reporter:
        reporter("embedding", 1, 2)
    assert capsys.readouterr() == ("", "")


def test_progress_on_a_terminal_tells_count_rate_and_figures() -> None:
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TextColumn

    with Progress(
        TextColumn("{task.description}"),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}|{task.fields[values]}"),
        console=Console(file=io.StringIO(), force_terminal=True),
        auto_refresh=False,
    ) as bars:
        reporter = console.TerminalReporter(bars)
        reporter("embedding", 0, 200)
        reporter("embedding", 50, 200)
        reporter("epoch 1 of 2", 3, 10, train_loss=1.25, error_rate=0.5)
        first, second = bars.tasks
        assert (first.description, first.completed, first.total) == ("Reading images", 50, 200)
        assert (second.completed, second.total) == (3, 10)
        assert second.fields["values"] == "train loss 1.25  error rate 0.5"


def test_a_step_without_a_count_goes_when_the_next_one_begins() -> None:
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(file=io.StringIO()), auto_refresh=False) as bars:
        reporter = console.TerminalReporter(bars)
        reporter("loading the network", 0, 0)
        reporter("embedding", 1, 2)
        assert [(task.description, task.visible) for task in bars.tasks] == [
            ("Loading the model", False),
            ("Reading images", True),
        ]


@pytest.mark.parametrize(
    ("given", "left", "password"),
    [
        (
            "postgresql://ann:p%40ss@host:5/r?sslmode=require",
            "postgresql://ann@host:5/r?sslmode=require",
            "p@ss",
        ),
        ("postgresql://host/r?password=a%20b&user=ann", "postgresql://host/r?user=ann", "a b"),
        ("postgresql+psycopg://ann@host/r", "postgresql+psycopg://ann@host/r", None),
        ("sqlite:////tmp/what?.sqlite", "sqlite:////tmp/what?.sqlite", None),
        ("postgresql://[::1/r", "postgresql://[::1/r", None),
    ],
)
def test_a_database_password_goes_to_other_processes_by_the_environment_alone(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    given: str,
    left: str,
    password: str | None,
) -> None:
    monkeypatch.setenv("PGPASSWORD", "")
    assert without_password(given) == left
    assert os.environ["PGPASSWORD"] == (password or "")
    said = capsys.readouterr().err
    assert ("~/.pgpass" in said) == (password is not None)
    assert password is None or password not in said

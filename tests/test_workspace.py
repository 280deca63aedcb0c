from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cleaner.dataset import splits as splits_module
from cleaner.dataset import state_folder as places
from cleaner.dataset.catalog import Catalog
from cleaner.dataset.user import home
from cleaner.errors import CatalogError, TableError
from cleaner.workspace import Workspace

Picture = Callable[..., Path]


def tree(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if ".cleaner" not in path.parts}


def splits(workspace: Workspace) -> dict[str, str]:
    return dict(zip(workspace.catalog.names, workspace.catalog.splits, strict=True))


def labels_csv(root: Path, name: str = "labels.csv", **extra: Callable[[str], str]) -> Path:
    """A CSV file of all pictures, with the class in their name."""
    with (root / name).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["name", "label", *extra])
        for path in sorted(root.rglob("*.png")):
            if ".cleaner" not in path.parts:
                relative = path.relative_to(root).as_posix()
                writer.writerow([relative, path.stem.split("_")[0], *(f(relative) for f in extra.values())])
    return root / name


def test_opening_a_folder_draws_a_split_and_writes_only_the_state(colour_set: Path) -> None:
    before = tree(colour_set)

    with Workspace(colour_set) as workspace:
        catalog = workspace.catalog
        counts = catalog.summary()
        assert workspace.thumbnails.get(catalog.path(catalog.names[0]), size_px=16)

    assert counts["classes"] == {label: {"train": 6, "valid": 2} for label in ("blue", "green", "red")}
    assert workspace.notices == []
    assert workspace.state == colour_set / ".cleaner"
    assert tree(colour_set) == before
    assert not workspace.cleaned_csv.exists()
    assert repr(workspace) == f"<Workspace 'set' in {colour_set}>"


def test_a_second_opening_reads_no_picture(colour_set: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Workspace(colour_set) as workspace:
        before = splits(workspace)
    monkeypatch.setattr("cleaner.dataset.file_index.probe", None)  # reading one would fail

    with Workspace(colour_set, seed=5, valid_pct=0.5) as workspace:
        assert splits(workspace) == before


def test_no_split_changes_when_files_go_come_and_move(colour_set: Path, picture: Picture) -> None:
    with Workspace(colour_set) as workspace:
        before = splits(workspace)
        (colour_set / "red" / "red_000.png").unlink()
        moved = next(name for name, split in before.items() if split == "valid" and "green" in name)
        shutil.move(colour_set / moved, colour_set / "blue" / "moved.png")
        for i in range(20):
            picture(colour_set / "red" / f"new_{i}.png", (200, 40, 40), seed=5000 + i)
        workspace.refresh()
        after = splits(workspace)

    assert len(after) == 24 - 1 + 20
    assert {n: s for n, s in after.items() if n in before} == {n: s for n, s in before.items() if n in after}
    assert after["blue/moved.png"] == "valid"
    assert set(after.values()) == {"train", "valid"}


def test_a_split_is_the_same_on_another_machine(make_set: Callable[..., Path], tmp_path: Path) -> None:
    one = make_set(name="one")
    shutil.copytree(one, tmp_path / "two")

    with Workspace(one) as first, Workspace(tmp_path / "two") as second:
        assert splits(first) == splits(second)


def test_splits_given_by_folders_are_kept_and_copies_are_not_drawn_apart(
    tmp_path: Path, picture: Picture
) -> None:
    root = tmp_path / "set"
    for i in range(20):
        picture(root / "train" / "a" / f"{i}.png", (200, 0, 0), seed=i)
        picture(root / "test" / "a" / f"t{i}.png", (200, 0, 0), seed=100 + i)
        shutil.copy(root / "train" / "a" / f"{i}.png", root / "train" / "a" / f"copy{i}.png")

    with Workspace(root) as workspace:
        found = splits(workspace)

    assert {split for name, split in found.items() if name.startswith("test/")} == {"test"}
    assert sum(split == "valid" for split in found.values()) == 8
    assert all(found[f"train/a/{i}.png"] == found[f"train/a/copy{i}.png"] for i in range(20))


def test_a_changed_split_column_is_honoured_for_that_file_alone(colour_set: Path) -> None:
    path = labels_csv(colour_set, split=lambda name: "valid" if name.endswith("7.png") else "train")
    with Workspace(path) as workspace:
        before = splits(workspace)
    path.write_text(path.read_text().replace("red/red_007.png,red,valid", "red/red_007.png,red,train"))

    with Workspace(path) as workspace:
        after = splits(workspace)

    assert before["red/red_007.png"] == "valid"
    assert after == before | {"red/red_007.png": "train"}


def test_groups_that_the_column_of_splits_divides_are_refused(colour_set: Path) -> None:
    path = colour_set / "labels.csv"
    path.write_text(
        "name,label,patient,split\nred/red_000.png,red,p,train\nblue/blue_000.png,blue,p,test\n"
        "red/red_001.png,red,q,train\nred/red_002.png,red,,test\n"
    )
    with Workspace(path, group="patient") as workspace, pytest.raises(CatalogError) as caught:
        workspace.refresh()
    assert "the table puts those of 'p' into train and test." in str(caught.value)
    with Workspace(path, group="patient", split_column="-") as workspace:
        assert len(workspace.catalog) == 4


def test_groups_that_were_divided_before_they_were_asked_for_are_named(colour_set: Path) -> None:
    path = colour_set / "labels.csv"
    names = [f"{colour}/{colour}_{i:03d}.png" for colour in ("red", "blue") for i in range(8)]
    path.write_text("name,label,patient\n" + "".join(f"{name},{name.split('/')[0]},p\n" for name in names))
    with Workspace(path) as workspace:
        assert set(workspace.catalog.splits) == {"train", "valid"}
    with Workspace(path, group="patient") as workspace:
        (divided,) = (each for each in workspace.catalog.findings if each.topic == "groups_divided")
    assert divided.doubtful
    assert divided.examples == ("p",)


def test_groups_of_a_csv_are_never_divided(colour_set: Path) -> None:
    path = labels_csv(colour_set, patient=lambda name: str(int(name[-5]) // 2))

    with Workspace(path, group="patient", valid_pct=0.3) as workspace:
        table = workspace.catalog.table
        assert workspace.catalog.group_column == "patient"

    assert (table.groupby("patient")["split"].nunique() == 1).all()
    assert set(table["split"]) == {"train", "valid"}


def test_when_the_state_is_lost_the_splits_come_back_from_the_result(colour_set: Path) -> None:
    with Workspace(colour_set, seed=7) as workspace:
        before = splits(workspace)
        workspace.catalog.table.to_csv(workspace.cleaned_csv, index=False)
    shutil.rmtree(colour_set / ".cleaner")

    with Workspace(colour_set, seed=8) as workspace:
        assert splits(workspace) == before
        workspace.cleaned_csv.write_text("name,label\nred/red_000.png,red\n")
    with Workspace(colour_set, seed=8) as workspace:
        assert splits(workspace) == before


def test_of_two_that_draw_at_once_the_first_is_believed(
    colour_set: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = Workspace(colour_set, seed=1)
    first = Workspace(colour_set, seed=2)
    others: list[Catalog] = []
    draw = splits_module.assign

    def slow(*args: Any, **options: Any) -> dict[str, str]:
        if options["seed"] == 1:
            others.append(first.catalog)  # in between, the other one draws
        return draw(*args, **options)

    monkeypatch.setattr("cleaner.dataset.dataset.assign", slow)

    assert splits(late) == splits(first)
    assert list(others[0].splits) == list(late.catalog.splits)
    late.close()
    first.close()


def test_while_one_thread_looks_again_others_have_the_old_catalog(
    colour_set: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Workspace(colour_set) as workspace:
        before = workspace.catalog
        looking, go_on = threading.Event(), threading.Event()
        listed = workspace.listed

        def slow() -> Catalog:
            looking.set()
            go_on.wait(20)
            return listed()

        monkeypatch.setattr(workspace, "listed", slow)
        thread = threading.Thread(target=workspace.refresh)
        thread.start()
        assert looking.wait(20)
        assert workspace.catalog is before
        go_on.set()
        thread.join(20)
        assert workspace.catalog is not before


def test_a_result_without_splits_is_no_obstacle(colour_set: Path) -> None:
    (colour_set / "cleaned.csv").write_text("nonsense\n1\n")

    with Workspace(colour_set) as workspace:
        assert set(workspace.catalog.splits) == {"train", "valid"}


@pytest.mark.parametrize("as_root", [True, False])
def test_a_csv_file_is_opened_with_its_folder_as_root(colour_set: Path, as_root: bool) -> None:
    path = labels_csv(colour_set)

    workspace = Workspace(path) if as_root else Workspace(colour_set, labels="labels.csv")

    assert (workspace.root, workspace.labels) == (colour_set, path)
    assert workspace.name == "set/labels.csv"
    assert workspace.catalog.classes == ["blue", "green", "red"]
    assert workspace.cleaned_csv == colour_set / "cleaned.csv"
    workspace.close()


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("cleaned.csv", "cleaned-2.csv"),
        ("cleaned-2.csv", "cleaned-3.csv"),
        ("cleaned-99.csv", "cleaned-100.csv"),
        ("my-cleaned.csv", "cleaned.csv"),
    ],
)
def test_the_result_never_replaces_the_labels(colour_set: Path, name: str, result: str) -> None:
    with Workspace(labels_csv(colour_set, name)) as workspace:
        assert workspace.cleaned_csv == colour_set / result


def test_a_root_that_cannot_be_written_to_keeps_everything_with_the_user(
    colour_set: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (colour_set / ".cleaner").write_text("a file is in the way")
    monkeypatch.setattr(os, "access", lambda path, mode: False)

    with Workspace(colour_set) as workspace:
        assert len(workspace.catalog) == 24
        assert workspace.state.parent == home() / "sets"
        assert workspace.cleaned_csv == workspace.state / "cleaned.csv"
        assert workspace.notices == [
            f"{colour_set} cannot be written to: decisions and cleaned.csv are kept in {workspace.state}."
        ]


def test_a_read_only_root_is_opened(colour_set: Path) -> None:
    colour_set.chmod(0o555)
    if os.access(colour_set, os.W_OK):
        pytest.skip("this user may write everywhere")
    try:
        with Workspace(colour_set) as workspace:
            assert len(workspace.catalog) == 24
            assert workspace.state.parent == home() / "sets"
            assert workspace.cleaned_csv == workspace.state / "cleaned.csv"
    finally:
        colour_set.chmod(0o755)


def test_a_state_that_cannot_be_made_is_refused_in_words(colour_set: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    workspace = Workspace(colour_set, state=tmp_path / "file" / "state")

    with pytest.raises(CatalogError, match=r"^Cannot keep the state of .*--state\.$"):
        workspace.catalog  # noqa: B018


def test_the_state_can_be_inside_the_root_under_another_name(colour_set: Path) -> None:
    with Workspace(colour_set, state=colour_set / "state") as workspace:
        name = workspace.catalog.names[0]
        workspace.thumbnails.get(workspace.catalog.path(name), size_px=16)
        assert len(workspace.refresh()) == 24


def test_a_network_drive_is_named_in_a_notice(colour_set: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "is_network", lambda path: True)

    with Workspace(colour_set) as workspace:
        assert workspace.state.parent == home() / "sets"
        assert workspace.notices[0].startswith(f"{colour_set} is on a network drive")
        assert workspace.cleaned_csv == colour_set / "cleaned.csv"
    with Workspace(colour_set, store="sqlite://") as workspace:
        assert workspace.state == colour_set / ".cleaner"


def test_unusable_files_are_left_out_with_the_reason(colour_set: Path) -> None:
    (colour_set / "red" / "page.jpg").write_text("<html>404</html>")
    (colour_set / "red" / "empty.jpg").write_bytes(b"")

    with Workspace(colour_set) as workspace:
        catalog = workspace.catalog

    assert len(catalog) == 24
    assert list(catalog.left_out.itertuples(index=False, name=None)) == [
        ("red/empty.jpg", "empty file"),
        ("red/page.jpg", "not an image: HTML"),
    ]


def test_a_repaired_file_comes_back(colour_set: Path, picture: Picture) -> None:
    (colour_set / "red" / "red_000.png").write_bytes(b"")
    with Workspace(colour_set) as workspace:
        assert len(workspace.catalog) == 23
        picture(colour_set / "red" / "red_000.png", (200, 0, 0))
        assert len(workspace.refresh()) == 24
        assert len(workspace.catalog.left_out) == 0


def test_remarks_on_odd_files_come_with_a_whole_decoding(colour_set: Path, picture: Picture) -> None:
    picture(colour_set / "red" / "tiny.png", (200, 0, 0), size_px=2)
    shutil.copy(colour_set / "red" / "red_000.png", colour_set / "red" / "wrong.jpg")
    with (colour_set / "red" / "wrong.jpg").open("ab") as file:
        file.write(b"garbage")

    with Workspace(colour_set) as workspace:
        workspace.scan(decode=True)
        remarks = workspace.remarks()

    assert list(remarks.itertuples(index=False, name=None)) == [
        ("red/tiny.png", "only 2 × 2 pixels"),
        ("red/wrong.jpg", "named .jpg, but it is PNG"),
        ("red/wrong.jpg", "7 bytes of something else after the end of the image"),
    ]


@pytest.mark.parametrize("limit", ["_HASH_AT_ONCE_BYTES", "_HASH_AT_ONCE_S"])
def test_splits_of_a_large_new_set_are_pending_until_it_is_scanned(
    colour_set: Path, make_set: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    with Workspace(make_set(name="other"), dataset="x") as workspace:
        at_once = list(splits(workspace).values())
    monkeypatch.setattr(f"cleaner.dataset.dataset.{limit}", 0)
    monkeypatch.setattr("cleaner.dataset.file_index._REPORT_EVERY", 5)

    with Workspace(colour_set) as workspace:
        assert set(workspace.catalog.splits) == {"pending"}
        assert len(workspace.catalog) == 24
        workspace.scan()
        assert list(splits(workspace).values()) == at_once
        assert set(workspace.refresh().splits) == {"train", "valid"}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda root: root / "none",
            "The folder {root}/none does not exist. Give the folder of the images, or a CSV file of names.",
        ),
        (
            lambda root: root / "red" / "red_000.png",
            "{root}/red/red_000.png is not a CSV file: it is an image. Give the folder of the images, or a "
            "table that names them.",
        ),
    ],
)
def test_what_is_no_set_is_refused_at_once(
    colour_set: Path, make: Callable[[Path], Path], message: str
) -> None:
    with pytest.raises(CatalogError) as caught:
        Workspace(make(colour_set))

    assert str(caught.value) == message.format(root=colour_set)


def test_how_a_table_is_read_is_remembered_with_the_set_and_told_to_jobs(
    colour_set: Path, tmp_path: Path
) -> None:
    names = sorted(path.relative_to(colour_set).as_posix() for path in colour_set.rglob("*.png"))
    lines = [f"{name}^{name[0]}^{i % 2}" for i, name in enumerate(names)]
    (colour_set / "l.csv").write_text("\n".join(["file^letter^half", *lines]))
    told = {"delimiter": "^", "label_column": "half"}

    with Workspace(colour_set / "l.csv", **told) as workspace:
        assert workspace.catalog.classes == ["0", "1"]
        assert workspace.options().items() >= told.items()
    with Workspace(colour_set / "l.csv") as workspace:
        assert workspace.catalog.classes == ["0", "1"]
    with Workspace(colour_set, labels="l.csv", label_column="letter") as workspace:
        assert workspace.catalog.classes == ["b", "g", "r"]
    with Workspace(colour_set / "l.csv", delimiter="") as workspace, pytest.raises(TableError):
        workspace.catalog  # noqa: B018
    with Workspace(colour_set / "l.csv") as workspace:
        assert workspace.table_options.told() == {"delimiter": "^", "label_column": "letter"}


def test_a_table_that_cannot_be_read_leaves_nothing_behind(colour_set: Path) -> None:
    (colour_set / "l.csv").write_text("a,b\nx,red\n")

    with Workspace(colour_set / "l.csv") as workspace, pytest.raises(TableError):
        workspace.catalog  # noqa: B018

    assert not (colour_set / ".cleaner").exists()


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"label_column": "x"}, "Got label_column='x' without a CSV file. Give it with labels=."),
        ({"encoding": "klingon"}, "There is no encoding 'klingon'; expected one such as "),
        ({"delimiter": "ab"}, "Got 'ab' as the delimiter; expected one character, or one of comma, "),
    ],
)
def test_options_of_a_table_that_cannot_be_are_refused(
    colour_set: Path, told: dict[str, str], message: str
) -> None:
    with pytest.raises(CatalogError) as caught:
        Workspace(colour_set, **told)

    assert str(caught.value).startswith(message)


def test_missing_labels_and_groups_without_them_are_refused(colour_set: Path) -> None:
    with pytest.raises(CatalogError) as caught:
        Workspace(colour_set, labels="none.csv")
    assert str(caught.value) == f"The CSV file none.csv does not exist, neither here nor in {colour_set}."

    with pytest.raises(CatalogError) as caught:
        Workspace(colour_set, group="patient")
    assert (
        str(caught.value)
        == "Got group='patient' without a CSV file; groups are a column of one. Give it with labels=."
    )


def test_a_folder_without_pictures_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(CatalogError, match="it is empty"):
        Workspace(tmp_path / "empty").catalog  # noqa: B018

    assert list((tmp_path / "empty").iterdir()) == []


def test_a_set_of_broken_pictures_is_refused_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"")

    with pytest.raises(CatalogError) as caught:
        Workspace(tmp_path).catalog  # noqa: B018

    assert str(caught.value) == f"The only image in {tmp_path} cannot be used; a.jpg: empty file."


def test_options_rebuild_the_workspace_in_another_process(colour_set: Path, tmp_path: Path) -> None:
    path = labels_csv(colour_set, patient=lambda name: name[-5])
    workspace = Workspace(
        path,
        state=tmp_path / "state",
        store="sqlite://",
        reviewer="Ada",
        backbone="resnet18",
        weights=tmp_path / "w.safetensors",
        from_scratch=True,
        valid_pct=0.3,
        seed=4,
        group="patient",
        follow_links=True,
        hidden=True,
        dataset="key",
    )

    options = json.loads(json.dumps(workspace.options()))
    again = Workspace(**options)

    assert again.options() == options
    assert (again.root, again.labels, again.state, again.name) == (
        colour_set,
        path,
        tmp_path / "state",
        "key",
    )
    assert (again.reviewer, again.valid_pct, again.seed, again.group) == ("Ada", 0.3, 4, "patient")
    workspace.close()


@pytest.mark.parametrize(
    ("variables", "reviewer"),
    [
        ({"CLEANER_REVIEWER": "Ada", "JUPYTERHUB_USER": "hub"}, "Ada"),
        ({"CLEANER_REVIEWER": "", "JUPYTERHUB_USER": "hub"}, "hub"),
        ({"LOGNAME": "login"}, "login"),
    ],
)
def test_the_reviewer_is_who_the_environment_says(
    colour_set: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], reviewer: str
) -> None:
    for variable in ("CLEANER_REVIEWER", "JUPYTERHUB_USER"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)

    assert Workspace(colour_set).reviewer == reviewer
    assert Workspace(colour_set, reviewer="Grace").reviewer == "Grace"


def test_a_user_without_a_name_can_review(colour_set: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 1234")

    for variable in ("CLEANER_REVIEWER", "JUPYTERHUB_USER"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("getpass.getuser", nameless)

    assert Workspace(colour_set).reviewer == "reviewer"


def test_opened_sets_are_listed_as_recent(colour_set: Path) -> None:
    with Workspace(colour_set) as workspace:
        assert Workspace.recent() == []
        workspace.catalog  # noqa: B018

    assert [(found.root, found.labels, found.count) for found in Workspace.recent()] == [
        (colour_set, None, 24)
    ]


def test_decisions_change_the_cleaned_catalog_and_not_the_given_one(colour_set: Path) -> None:
    with Workspace(colour_set) as workspace:
        workspace.store.decide("red/red_000.png", "relabel", "blue")
        workspace.store.decide("red/red_001.png", "delete")
        cleaned = workspace.cleaned()

        assert cleaned.label_of("red/red_000.png") == "blue"
        assert len(cleaned) == 23
        assert workspace.catalog.label_of("red/red_000.png") == "red"
        assert workspace.store_url == f"sqlite:///{(colour_set / '.cleaner' / 'review.db').as_posix()}"
        history = workspace.store.history()

    assert list(history["given_label"]) == ["red", "red"]


def test_a_closed_workspace_opens_again_when_used(colour_set: Path) -> None:
    workspace = Workspace(colour_set)
    workspace.store.decide("red/red_000.png", "keep")
    workspace.close()

    assert len(workspace.refresh()) == 24
    assert len(workspace.store.history()) == 1
    workspace.close()


def test_there_is_no_ranking_before_one_was_made(colour_set: Path) -> None:
    with Workspace(colour_set) as workspace:
        assert workspace.ranking() is None


def test_opening_loads_no_heavy_library(colour_set: Path) -> None:
    code = (
        "import sys; from cleaner import Workspace\n"
        "with Workspace(sys.argv[1]) as ws: len(ws.catalog), ws.store.state\n"
        "print(*{'torch', 'sklearn', 'scipy', 'matplotlib', 'ipywidgets'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(colour_set)], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == ""


def test_a_password_is_given_to_other_processes_by_the_environment_alone(
    colour_set: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", "")
    with Workspace(colour_set, store="postgresql://ann:s%20cret@host/reviews?sslmode=require") as workspace:
        assert workspace.options()["store"] == "postgresql://ann@host/reviews?sslmode=require"
        assert os.environ["PGPASSWORD"] == "s cret"
        assert workspace.store_url == "postgresql://ann:s%20cret@host/reviews?sslmode=require"
    with Workspace(colour_set) as workspace:
        assert workspace.options()["store"] is None

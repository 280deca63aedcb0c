"""The page on which somebody says how a table of labels is to be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import openpyxl
import pytest

from cleaner.dataset.tables.options import TableOptions
from cleaner.widgets.page import DashboardPage
from cleaner.widgets.page_settings import PageSettings
from cleaner.widgets.panels.base import Tree, text_of
from cleaner.widgets.sentences import say
from cleaner.widgets.start import StartPage
from cleaner.widgets.table_dialog import TableDialog

NAMES = [f"{i}.png" for i in range(12)]
HEADER = "file,finding,sex\n"
ROWS = "".join(f"{name},{'cat' if i % 3 else 'dog'},{'mf'[i % 2]}\n" for i, name in enumerate(NAMES))


@pytest.fixture
def root(tmp_path: Path, picture: Callable[..., Path]) -> Path:
    for i, name in enumerate(NAMES):
        picture(tmp_path / "set" / "images" / name, (20 * i, 100, 100), seed=i, size_px=8)
    return tmp_path / "set"


def write(root: Path, text: str, encoding: str = "utf-8") -> Path:
    path = root / "l.csv"
    path.write_bytes(text.encode(encoding))
    return path


def dialog_of(path: Path, **more: object) -> tuple[TableDialog, list[dict[str, str]]]:
    opened: list[dict[str, str]] = []
    dialog = TableDialog(path, path.parent, opened.append, **more)  # type: ignore[arg-type]
    dialog.wait()
    return dialog, opened


def find(trees: list[Tree], tag: str) -> Iterator[Tree]:
    for tree in trees:
        if isinstance(tree, list):
            if tree[0] == tag:
                yield tree
            yield from find(tree[2:], tag)


def chosen(dialog: TableDialog) -> dict[str, str]:
    return {select[1]["data-do"]: select[1]["value"] for select in find(dialog.tree, "select")}


def button_of(dialog: TableDialog, do: str) -> Tree:
    return next(tree for tree in find(dialog.tree, "button") if tree[1]["data-do"] == do)


def alerts(dialog: TableDialog) -> list[str]:
    return [text_of(tree) for tree in find(dialog.tree, "p") if tree[1].get("role") == "alert"]


def test_what_may_be_wrong_is_said_without_the_way_to_this_page(root: Path) -> None:
    dialog, _ = dialog_of(write(root, "file,finding,colour\n" + ROWS))
    (found,) = [found for found in dialog.preview.findings if found.doubtful]
    said = text_of(["div", {}, *dialog.tree])
    assert found.bare in said
    assert found.text not in said


def test_a_workbook_is_shown_like_a_text_without_encoding_and_separator(root: Path) -> None:
    book = openpyxl.Workbook()
    for row in (("file", "finding"), *((name, "cat") for name in NAMES), ("0.png", "cat")):
        book.active.append(row)
    book.save(root / "l.xlsx")
    dialog, opened = dialog_of(root / "l.xlsx")
    assert {"name_column", "label_column", "split_column"} <= set(chosen(dialog))
    assert not {"delimiter", "encoding"} & set(chosen(dialog))
    dialog.do("open")
    assert opened[0]["labels"] == str(root / "l.xlsx")


def test_the_first_ten_rows_are_shown_as_they_are_read(root: Path) -> None:
    dialog, opened = dialog_of(write(root, HEADER + ROWS))

    rows = [[text_of(cell) for cell in row[2:]] for row in find(dialog.tree, "tr")]
    assert rows[0] == [say("table.head.image"), say("table.head.label"), "sex"]
    assert rows[1] == ["images/0.png 0.png", "dog", "m"]
    assert len(rows) == 11
    assert say("table.standing", rows="12 rows", images="12 images", classes="2 classes") in text_of(
        ["div", {}, *dialog.tree]
    )
    assert chosen(dialog) == {
        "name_column": "file",
        "label_column": "finding",
        "split_column": "-",
        "delimiter": ",",
        "encoding": "utf-8",
    }
    dialog.do("open")
    place = {"root": str(root), "labels": str(root / "l.csv")}
    columns = {"name_column": "file", "label_column": "finding", "split_column": "-"}
    assert opened == [place | columns]  # the sex may be the label as well: what is opened was chosen


def test_another_column_is_read_at_once_and_told_when_the_set_is_opened(root: Path) -> None:
    dialog, opened = dialog_of(write(root, HEADER + ROWS))

    dialog.do("label_column", "sex")
    assert button_of(dialog, "open")[1]["disabled"]
    dialog.wait()

    assert chosen(dialog)["label_column"] == "sex"
    assert [text_of(row[3]) for row in find(dialog.tree, "tr")][1:3] == ["m", "f"]
    dialog.do("open")
    assert opened == [{"root": str(root), "labels": str(root / "l.csv"), "label_column": "sex"}]


def test_what_is_sure_is_not_told(root: Path) -> None:
    dialog, opened = dialog_of(write(root, "file,label\n" + "".join(f"{name},cat\n" for name in NAMES)))

    dialog.do("open")

    assert opened == [{"root": str(root), "labels": str(root / "l.csv")}]


def test_what_cannot_be_read_is_said_and_cannot_be_opened_until_it_can(root: Path) -> None:
    dialog, opened = dialog_of(write(root, HEADER + ROWS), options=TableOptions(name_column="sex"))

    assert len(alerts(dialog)) == 1
    dialog.do("open")
    assert opened == []
    dialog.do("name_column", "file")
    dialog.wait()
    assert alerts(dialog) == []
    dialog.do("open")
    assert opened[0]["name_column"] == "file"


def test_the_encoding_is_asked_with_words_as_they_read(root: Path) -> None:
    dialog, _ = dialog_of(write(root, HEADER + ROWS.replace("cat", "кот"), "cp1251"))

    radios = [tree[1] for tree in find(dialog.tree, "input")]
    assert len(radios) == 3
    assert radios[0]["value"] == "cp1251"
    assert not any("checked" in radio for radio in radios)
    assert "кот" in text_of(["div", {}, *dialog.tree])
    dialog.do("encoding", "cp1251")
    dialog.wait()
    assert alerts(dialog) == []
    assert dialog.preview.class_count == 2


def test_the_images_can_be_in_another_folder_up_to_the_base(root: Path) -> None:
    (root / "meta").mkdir()
    (root / "meta" / "l.csv").write_text(HEADER + ROWS)
    dialog, opened = dialog_of(root / "meta" / "l.csv", base=root)

    assert len(alerts(dialog)) == 1
    folders = next(tree for tree in find(dialog.tree, "select") if tree[1]["data-do"] == "root")
    assert [text_of(option) for option in folders[2:]] == ["set/meta", "set"]
    dialog.do("root", "1")
    dialog.wait()
    dialog.do("open")
    assert opened[0].items() >= {"root": str(root), "labels": str(root / "meta" / "l.csv")}.items()
    dialog.do("root", "2")
    assert dialog.problem


def test_one_column_per_class_can_be_chosen(root: Path) -> None:
    hot = "".join(f"{name},{i % 2},{1 - i % 2},x\n" for i, name in enumerate(NAMES))
    dialog, _ = dialog_of(write(root, f"file,cat,dog,label\n{hot}"))

    assert chosen(dialog)["label_column"] == "label"
    dialog.do("label_column", "cat,dog")
    dialog.wait()
    assert dialog.preview.class_count == 2
    assert chosen(dialog)["label_column"] == "cat,dog"


@pytest.fixture
def page(root: Path) -> Iterator[DashboardPage]:
    page = DashboardPage(PageSettings.for_root(None, browse_root=root.parent))
    yield page
    page.close()


def test_a_table_that_is_chosen_is_shown_before_it_is_opened(page: DashboardPage, root: Path) -> None:
    write(root, HEADER + ROWS)
    start = page.children[0]
    assert isinstance(start, StartPage)

    start.do("open", "set/l.csv")

    dialog = page.children[0]
    assert isinstance(dialog, TableDialog)
    dialog.wait()
    dialog.do("back")
    assert isinstance(page.children[0], StartPage)


def test_a_table_that_cannot_be_read_is_asked_about_instead_of_failing(root: Path) -> None:
    path = write(root, "a,b\nx,red\n")

    page = DashboardPage(PageSettings.for_root(path))

    dialog = page.children[0]
    assert isinstance(dialog, TableDialog)
    dialog.wait()
    assert len(alerts(dialog)) == 1
    page.close()


def test_labels_with_a_separator_are_several_or_one_as_the_user_says(root: Path) -> None:
    labels = ["cat+dog", "cat", "dog"] * 4
    dialog, opened = dialog_of(
        write(root, "file,label\n" + "".join(f"{n},{x}\n" for n, x in zip(NAMES, labels, strict=True)))
    )
    assert chosen(dialog)["label_separator"] == "+"
    assert dialog.preview.class_count == 2
    dialog.do("label_separator", "-")
    dialog.wait()
    assert dialog.preview.class_count == 3
    assert chosen(dialog)["label_separator"] == "-"  # what was said can be taken back
    dialog.do("open")
    assert opened[0]["label_separator"] == "-"

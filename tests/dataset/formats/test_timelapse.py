"""Timelapse's tables, CSV and XLSX, there and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from foreign import DELETE, bring_in, decide, labels, photos, rows, topics, write_out

from cleaner.errors import CatalogError
from cleaner.review.output.earlier import earlier_decisions

HEADER = ["RootFolder", "File", "RelativePath", "DateTime", "DeleteFlag", "Species", "Count", "Note"]
ROWS = [
    ["traps", "a.png", "north\\cam1", "2024-05-01 10:00:00", "false", "fox", "1", "wet, dark"],
    ["traps", "b.png", "north\\cam1", "2024-05-01 10:00:01", "false", "bear", "2", ""],
    ["traps", "c.png", "", "2024-05-01 10:00:02", "true", "", "", ""],
    ["traps", "d.png", "", "2024-05-01 10:00:03", "false", "fox", "1", ""],
    ["traps", "d.png", "", "2024-05-01 10:00:03", "false", "bear", "1", ""],
]


def csv_of(table: list[list[str]], *, end: str) -> str:
    return "".join(",".join(f'"{cell}"' if "," in cell else cell for cell in row) + end for row in table)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return photos(tmp_path / "set", ["north/cam1/a.png", "north/cam1/b.png", "c.png", "d.png"])


@pytest.fixture
def source(images: Path) -> Path:
    path = images / "ImageData.csv"
    path.write_bytes(b"\xef\xbb\xbf" + csv_of([HEADER, *ROWS], end="\r\n").encode())
    return path


def test_rows_are_images_and_foreign_columns_are_kept(source: Path) -> None:
    done = bring_in(source)
    assert done.format.name == "timelapse"
    assert labels(done) == {
        "north/cam1/a.png": "fox",
        "north/cam1/b.png": "bear",
        "c.png": None,
        "d.png": None,
    }
    table = rows(done)
    assert (table["north/cam1/a.png"]["Note"], table["north/cam1/a.png"]["Count"]) == ("wet, dark", "1")
    assert {"several labels", "marked for deletion"} <= topics(done)


def test_without_a_decision_the_file_is_the_same_byte_by_byte(source: Path, tmp_path: Path) -> None:
    write_out(bring_in(source), tmp_path / "out")
    assert (tmp_path / "out" / source.name).read_bytes() == source.read_bytes()


def test_decisions_change_their_lines_alone(source: Path, tmp_path: Path) -> None:
    done = bring_in(source)
    decide(done, {"north/cam1/a.png": "wolf", "north/cam1/b.png": DELETE, "c.png": "fox"})
    write_out(done, tmp_path / "out")
    changed = [list(row) for row in ROWS]
    changed[0][5], changed[1][4], changed[2][5] = "wolf", "true", "fox"
    expected = b"\xef\xbb\xbf" + csv_of([HEADER, *changed], end="\r\n").encode()
    assert (tmp_path / "out" / source.name).read_bytes() == expected


def test_marks_for_deletion_can_be_taken_over(source: Path) -> None:
    history = earlier_decisions(bring_in(source).reading.entries)
    assert list(zip(history["name"], history["action"], strict=True)) == [("c.png", "delete")]


def test_the_label_can_be_any_column(source: Path, tmp_path: Path) -> None:
    done = bring_in(source, label_column="Count")
    assert labels(done)["north/cam1/b.png"] == "2"
    decide(done, {"north/cam1/b.png": "3"})
    write_out(done, tmp_path / "out")
    assert b"false,bear,3," in (tmp_path / "out" / source.name).read_bytes()


def test_a_table_without_a_usual_label_column_asks_for_it(source: Path) -> None:
    source.write_text("File,RelativePath,What\na.png,north/cam1,fox\n")
    with pytest.raises(CatalogError, match=r"Its columns are 'File', .* Say so with --label-column"):
        bring_in(source)


def test_a_label_that_windows_code_page_lacks_does_not_break_the_file(images: Path, tmp_path: Path) -> None:
    path = images / "ImageData.csv"
    path.write_bytes("File,RelativePath,Species\nc.png,,Bär\n".encode("cp1252"))
    done = bring_in(path)
    assert labels(done) == {"c.png": "Bär"}
    decide(done, {"c.png": "熊"})
    write_out(done, tmp_path / "out")
    assert (tmp_path / "out" / path.name).read_text("utf-8-sig") == "File,RelativePath,Species\nc.png,,熊\n"


def test_excel_files_come_back_with_their_other_cells(images: Path, tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in [HEADER, *ROWS]:
        book.active.append(row)
    book.active["G2"] = 7
    book.create_sheet("more")["A1"] = "kept"
    path = images / "ImageData.xlsx"
    book.save(path)
    done = bring_in(path)
    assert done.format.name == "timelapse"
    assert labels(done)["north/cam1/a.png"] == "fox"
    write_out(done, tmp_path / "same")
    assert (tmp_path / "same" / path.name).read_bytes() == path.read_bytes()
    decide(done, {"north/cam1/a.png": "wolf", "north/cam1/b.png": DELETE})
    write_out(done, tmp_path / "out")
    new = openpyxl.load_workbook(tmp_path / "out" / path.name)
    values = [list(row) for row in new.worksheets[0].iter_rows(values_only=True)]
    old = [list(row) for row in book.worksheets[0].iter_rows(values_only=True)]
    old[1][5], old[2][4] = "wolf", "true"
    assert values == [[cell or None for cell in row] for row in old]
    assert new["more"]["A1"].value == "kept"


def test_a_damaged_excel_file_gets_a_sentence(images: Path) -> None:
    path = images / "x.xlsx"
    path.write_bytes(b"PK\x03\x04 no")
    with pytest.raises(CatalogError, match="is not a valid Excel file"):
        bring_in(path, format="timelapse")


def test_a_set_from_elsewhere_becomes_a_new_table(source: Path, tmp_path: Path) -> None:
    write_out(bring_in(source), tmp_path / "coco", format="coco")
    coco = bring_in(tmp_path / "coco", images=source.parent, table=tmp_path / "coco.csv")
    write_out(coco, tmp_path / "new", format="timelapse")
    again = bring_in(tmp_path / "new", images=source.parent, table=tmp_path / "new.csv")
    assert labels(again) == labels(coco)
    assert rows(again)["north/cam1/a.png"]["Note"] == "wet, dark"

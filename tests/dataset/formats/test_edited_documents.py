"""Documents that are edited in one place keep all other bytes."""

from __future__ import annotations

import csv
import io
import json
import string

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cleaner.dataset.formats.documents import CsvDocument, JsonLines
from cleaner.errors import CatalogError

LETTERS = string.ascii_letters + "äж ,;\"'\n=-1"
CELLS = st.text(alphabet=LETTERS + "\r", max_size=8)
PLAIN = st.text(alphabet=LETTERS, max_size=8)  # the csv module does not quote a carriage return
ROWS = st.lists(st.lists(PLAIN, min_size=3, max_size=3), min_size=1, max_size=6)
HEADER = ["file", "label", "note"]


def written(rows: list[list[str]], *, end: str, quoting: int) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator=end, quoting=quoting).writerows([HEADER, *rows])  # type: ignore[arg-type]
    return stream.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@settings(max_examples=30, deadline=None)
@given(
    rows=ROWS,
    end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    label=CELLS,
    data=st.data(),
)
def test_one_cell_of_a_csv_file_changes_one_line(
    encoding: str, rows: list[list[str]], end: str, quoting: int, label: str, data: st.DataObject
) -> None:
    content = written(rows, end=end, quoting=quoting).encode(encoding)
    document = CsvDocument(content, "x.csv")
    assume(document.header == HEADER)
    assert document.to_bytes() == content
    assert [list(row.values()) for row in document.rows] == rows
    at = data.draw(st.integers(0, len(rows) - 1))
    document.set(at, {"label": label, "nothing": "passed over"})
    again = CsvDocument(document.to_bytes(), "x.csv")
    assume(again.header == HEADER)
    rows[at][1] = label
    assert [list(row.values()) for row in again.rows] == rows


@settings(max_examples=30, deadline=None)
@given(rows=ROWS, more=st.lists(CELLS, min_size=3, max_size=3))
def test_rows_are_added_and_removed(rows: list[list[str]], more: list[str]) -> None:
    content = written(rows, end="\n", quoting=csv.QUOTE_ALL).encode()
    document = CsvDocument(content[:-1], "x.csv")
    document.append(dict(zip(HEADER, more, strict=True)))
    document.remove(0)
    again = CsvDocument(document.to_bytes(), "x.csv")
    assume(again.header == HEADER)
    assert [list(row.values()) for row in again.rows] == [*rows[1:], more]


def test_cells_beyond_the_header_stay() -> None:
    document = CsvDocument(b"file,label\na,x,1,2\nb,y\n", "x.csv")
    document.set(0, {"label": "z"})
    assert document.to_bytes() == b"file,label\na,z,1,2\nb,y\n"


OBJECTS = st.lists(
    st.dictionaries(st.text(max_size=4), st.integers() | st.text(max_size=5)), min_size=1, max_size=5
)


@settings(max_examples=30, deadline=None)
@given(objects=OBJECTS, label=st.text(max_size=6))
def test_one_object_of_a_json_lines_file_changes_one_line(
    objects: list[dict[str, object]], label: str
) -> None:
    lines = [json.dumps(o, separators=(" , ", " : ")).encode() + b"\n" for o in objects]
    document = JsonLines(b"".join(lines), "x.jsonl")
    assert document.to_bytes() == b"".join(lines)
    document.set(0, {"label": label})
    new = document.to_bytes().splitlines(keepends=True)
    assert new[1:] == lines[1:]
    assert json.loads(new[0]) == objects[0] | {"label": label}


@pytest.mark.parametrize("data", [b"", b"\n", b"   \n"])
def test_an_empty_table_is_refused(data: bytes) -> None:
    with pytest.raises(CatalogError, match="is empty"):
        CsvDocument(data, "x.csv")

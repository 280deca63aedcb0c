"""CVAT's tags, there and back."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from foreign import DELETE, bring_in, decide, labels, photos, rows, suggestions, topics, write_out

from cleaner.errors import CatalogError

XML = """<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta>
    <task>
      <id>4</id>
      <labels>
        <label><name>fox</name><attributes></attributes></label>
        <label><name>bear</name><attributes></attributes></label>
      </labels>
    </task>
  </meta>
  <!-- kept -->
  <image id="0" name="sub/a.png" width="24" height="24" subset="Train">
    <box label="fox" xtl="1.5" ytl="2" xbr="9" ybr="10" occluded="0" z_order="0"></box>
    <tag label="fox" source="manual"><attribute name="age">adult</attribute></tag>
  </image>
  <image id="1" name="b.png" width="24" height="24"><tag label="bear" source="auto"></tag></image>
  <image id="2" name="c.png" width="24" height="24"></image>
  <image id="3" name="d.png" width="24" height="24">
    <tag label="fox" source="manual"></tag><tag label="bear" source="manual"></tag>
  </image>
</annotations>
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    photos(tmp_path / "set" / "images", ["sub/a.png", "b.png", "c.png", "d.png"])
    path = tmp_path / "set" / "annotations.xml"
    path.write_text(XML)
    return path


def test_tags_are_labels_of_people_or_machines(source: Path) -> None:
    done = bring_in(source, several=False)
    assert done.format.name == "cvat"
    assert labels(done) == {"sub/a.png": "fox", "b.png": None, "c.png": None, "d.png": None}
    assert suggestions(done) == {"sub/a.png": "", "b.png": "bear", "c.png": "", "d.png": ""}
    table = rows(done)
    assert (table["sub/a.png"]["label_method"], table["b.png"]["label_method"]) == ("human", "")
    assert (table["sub/a.png"]["age"], table["sub/a.png"]["subset"]) == ("adult", "Train")
    assert table["sub/a.png"]["split"] == "train"


def test_without_a_decision_the_file_is_the_same_byte_by_byte(source: Path, tmp_path: Path) -> None:
    write_out(bring_in(source), tmp_path / "out")
    assert (tmp_path / "out" / source.name).read_bytes() == source.read_bytes()


def test_a_tag_of_a_machine_that_somebody_confirmed_is_theirs(source: Path, tmp_path: Path) -> None:
    done = bring_in(source)
    decide(done, {"b.png": "bear"})
    write_out(done, tmp_path / "out")
    again = bring_in(
        tmp_path / "out" / source.name, images=source.parent / "images", table=tmp_path / "a.csv"
    )
    assert labels(again)["b.png"] == "bear"


def test_decisions_are_written_and_all_else_is_kept(source: Path, tmp_path: Path) -> None:
    done = bring_in(source, several=False)
    decide(done, {"sub/a.png": "wolf", "b.png": DELETE, "c.png": "fox", "d.png": "fox"})
    write_out(done, tmp_path / "out")
    text = (tmp_path / "out" / source.name).read_text()
    new, old = ElementTree.fromstring(text), ElementTree.fromstring(XML)
    first = old.findall("image")[0]
    first[1].set("label", "wolf")
    old.remove(old.findall("image")[1])
    ElementTree.SubElement(old.findall("image")[1], "tag", {"label": "fox", "source": "manual"})
    declared = ElementTree.SubElement(old.find("meta/task/labels"), "label")
    ElementTree.SubElement(declared, "name").text = "wolf"
    ElementTree.SubElement(declared, "attributes")
    assert ElementTree.canonicalize(
        ElementTree.tostring(new, encoding="unicode"), strip_text=True
    ) == ElementTree.canonicalize(ElementTree.tostring(old, encoding="unicode"), strip_text=True)
    assert "<!-- kept -->" in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><annotations>&e;</annotations>',
            "it is not read",
        ),
        ("<annotations><track/></annotations>", "it is that of a video"),
        ("<annotations></annotations>", "it names no image"),
        ("<annotations><image", "is not a valid XML file"),
        ("<other/>", "expected <annotations>"),
    ],
)
def test_malformed_and_dangerous_files_get_a_sentence(source: Path, text: str, said: str) -> None:
    source.write_text(text)
    with pytest.raises(CatalogError) as error:
        bring_in(source, format="cvat")
    assert said in str(error.value)


def test_entities_do_not_grow(source: Path) -> None:
    levels = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10}">' for i in range(1, 30))
    source.write_text(f'<!DOCTYPE x [<!ENTITY e0 "x">{levels}]><annotations>&e29;</annotations>')
    with pytest.raises(CatalogError, match="it is not read"):
        bring_in(source, format="cvat")


SHAPES = """<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <meta><task><labels><label><name>fox</name></label></labels></task></meta>
  <image id="0" name="sub/a.png" width="24" height="24">
    <box label="fox" source="auto" xtl="2" ytl="4" xbr="14" ybr="20"><attribute name="sex">f</attribute></box>
    <polygon label="fox" source="manual" points="4,4;16,6;8,22"></polygon>
  </image>
  <image id="1" name="b.png" width="24" height="24">
    <box label="fox" xtl="2" ytl="8" xbr="22" ybr="16" rotation="90"></box>
    <mask label="bear" rle="1" left="0" top="2" width="10" height="12"></mask>
    <ellipse label="bear" cx="12" cy="12" rx="8" ry="6"></ellipse>
  </image>
  <image id="2" name="c.png" width="24" height="24"></image>
</annotations>
"""


def test_the_class_of_all_shapes_is_the_label_where_there_is_no_tag(source: Path, tmp_path: Path) -> None:
    source.write_text(SHAPES)
    done = bring_in(source, several=False)
    assert labels(done) == {"sub/a.png": "fox", "b.png": None, "c.png": None}
    assert {"shapes", "several labels"} <= topics(done)
    decide(done, {"sub/a.png": "wolf", "b.png": "bear"})
    write_out(done, tmp_path / "out")
    first, second, _ = ElementTree.parse(tmp_path / "out" / source.name).getroot().findall("image")
    assert [(e.tag, e.get("label"), e.get("source")) for e in first] == [
        ("box", "wolf", "manual"),
        ("polygon", "wolf", "manual"),
    ]
    assert [e.get("label") for e in second] == ["fox", "bear", "bear"]  # nothing is taken away


def test_shapes_are_cut_out_and_decided_on(source: Path, tmp_path: Path) -> None:
    source.write_text(SHAPES)
    done = bring_in(source, crops=True)
    table = rows(done)
    assert {name: (row["label"], row["suggested_label"]) for name, row in table.items()} == {
        "sub/a-png-0.jpg": ("", "fox"),
        "sub/a-png-1.jpg": ("fox", ""),
        "b-png-0.jpg": ("fox", ""),
        "b-png-1.jpg": ("bear", ""),
        "b-png-2.jpg": ("bear", ""),
    }
    assert table["sub/a-png-0.jpg"]["sex"] == "f"
    areas = [json.loads(row["bbox"]) for row in table.values()]
    expected = [[8, 2, 8, 20], [0, 2, 10, 12], [4, 6, 16, 12], [2, 4, 12, 16], [4, 4, 12, 18]]
    assert np.allclose(areas, expected)
    decide(done, {"sub/a-png-0.jpg": "fox", "b-png-0.jpg": DELETE, "b-png-2.jpg": "wolf"})
    write_out(done, tmp_path / "out")
    first, second, _ = ElementTree.parse(tmp_path / "out" / source.name).getroot().findall("image")
    assert [e.get("source") for e in first] == ["manual", "manual"]
    assert [(e.tag, e.get("label")) for e in second] == [("mask", "bear"), ("ellipse", "wolf")]

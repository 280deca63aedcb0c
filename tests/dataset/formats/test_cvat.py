"""CVAT's tags, there and back."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from foreign import DELETE, bring_in, decide, labels, photos, rows, suggestions, write_out

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
    done = bring_in(source)
    assert done.format.name == "cvat"
    assert labels(done) == {"sub/a.png": "fox", "b.png": None, "c.png": None, "d.png": None}
    assert suggestions(done) == {"sub/a.png": "", "b.png": "bear", "c.png": "", "d.png": ""}
    table = rows(done)
    assert (table["sub/a.png"]["label_method"], table["b.png"]["label_method"]) == ("human", "")
    assert (table["sub/a.png"]["age"], table["sub/a.png"]["subset"]) == ("adult", "Train")


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
    done = bring_in(source)
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

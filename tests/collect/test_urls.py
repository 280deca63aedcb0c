"""Lists of addresses as people have them, and which numeric addresses are public."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleaner.collect.guard import why_private
from cleaner.collect.urls import decode_data_url, read_urls
from cleaner.errors import DownloadError

A, B, C = "http://a.example/1.jpg", "https://b.example/2.jpg?x=1,2&y=3", "http://c.example/ü 3.jpg"


@pytest.mark.parametrize(
    "text",
    [
        f"{A}\n{B}\n{C}\n",
        f"\ufeff{A}\r\n\r\n{B}\r\n# a comment\r\n   {C}   \r\n",
        f"{A}\n{A}\n{B}\n{A}#fragment\n{C}",
        f"\"{A}\"\n'{B}'\n{C}\n",
        f'url,label\n{A},bear\n"{B}",cat\n{C},"cat, dog"\n',
        f"Label;Image_URL\nbear;{A}\ncat;{B}\ncat;{C}\n",
        f"label\tsrc\nbear\t{A}\ncat\t{B}\ncat\t{C}\nshort\n",
    ],
)
def test_lists_of_every_shape_give_the_same_addresses(tmp_path: Path, text: str) -> None:
    path = tmp_path / "urls.txt"
    path.write_bytes(text.encode())
    assert read_urls(path).urls == (A, B, C)


def test_a_list_in_utf16_is_read(tmp_path: Path) -> None:
    path = tmp_path / "urls.txt"
    path.write_bytes(f"{A}\r\n{C}\r\n".encode("utf-16"))
    assert read_urls(path).urls == (A, C)


def test_an_empty_list_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "urls.txt"
    path.write_text("\n# nothing yet\n")
    with pytest.raises(DownloadError) as error:
        read_urls(path)
    assert str(error.value) == (
        f"{path} contains no addresses. Write one per line, or give a CSV file with a column named url."
    )


def test_a_missing_list_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DownloadError) as error:
        read_urls(tmp_path / "urls.txt")
    assert str(error.value) == (
        f"Cannot read the list {tmp_path / 'urls.txt'}: No such file or directory. "
        "Give a text or CSV file of addresses."
    )


@pytest.mark.parametrize(
    ("url", "data"),
    [
        ("data:,a%20b", b"a b"),
        ("data:text/plain;base64,QUJD", b"ABC"),
        ("DATA:image/png;charset=x;BASE64,QU\nI=", b"AB"),
        ("data:;base64,QQ", b"A"),
    ],
)
def test_data_addresses_are_read_as_browsers_do(url: str, data: bytes) -> None:
    assert decode_data_url(url, max_bytes=10) == data


@pytest.mark.parametrize("url", ["data:,01234567890", "data:;base64," + "QUJD" * 4, "data:," + "%41" * 40])
def test_data_addresses_have_a_limit(url: str) -> None:
    with pytest.raises(ValueError, match=r"^larger than 10 bytes$"):
        decode_data_url(url, max_bytes=10)


@given(st.text())
def test_no_data_address_breaks_the_reader(text: str) -> None:
    try:
        assert len(decode_data_url("data:" + text, max_bytes=50)) <= 50
    except ValueError as exc:
        assert str(exc)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("127.0.0.1", "loopback"),
        ("127.8.9.1", "loopback"),
        ("::1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("10.0.0.1", "private"),
        ("172.16.5.4", "private"),
        ("192.168.1.1", "private"),
        ("100.64.0.1", "private"),
        ("fd00::1", "private"),
        ("::ffff:192.168.1.1", "private"),
        ("64:ff9b::c0a8:101", "private"),
        ("2002:c0a8:101::1", "private"),
        ("169.254.169.254", "link-local"),
        ("fe80::1", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("0.0.0.0", "unspecified"),
        ("::", "unspecified"),
        ("224.0.0.1", "multicast"),
        ("ff02::1", "multicast"),
        ("255.255.255.255", "private"),
        ("240.0.0.1", "private"),
        ("::7f00:1", "reserved"),
        ("fec0::1", "private"),
        ("example.org", "not an address"),
        ("93.184.215.14", None),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", None),
        ("64:ff9b::5db8:d70e", None),
    ],
)
def test_only_public_addresses_are_let_through(address: str, reason: str | None) -> None:
    assert why_private(address) == reason


@given(st.ip_addresses(v=4))
def test_an_address_that_is_not_global_is_never_let_through(address: ipaddress.IPv4Address) -> None:
    assert address.is_global or why_private(str(address)) is not None
    assert why_private(f"::ffff:{address}") == why_private(str(address))


@pytest.mark.parametrize(
    ("header", "label"),
    [
        ("url,label", 1), ("class,url", 0), ("url,Species", 1), ("id,url,given_label,kind", 2),
        ("url,id,place", None),
        ("url", None), ("image,label", 1),
    ],
)  # fmt: skip
def test_the_column_of_labels_is_found(tmp_path: Path, header: str, label: int | None) -> None:
    path = tmp_path / "urls.csv"
    cells = [A if column in ("url", "image") else "x" for column in header.split(",")]
    path.write_text(f"{header}\n{','.join(cells)}\n")
    found = read_urls(path)
    assert found.label == label
    assert found.rows == {A: cells}

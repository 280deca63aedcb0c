"""What is said of packages with known weaknesses."""

from __future__ import annotations

from weaknesses import told

PACKAGES = [
    {"name": "sound", "version": "1", "vulns": []},
    {"name": "own", "version": "2", "skip_reason": "not found"},
    {
        "name": "weak",
        "version": "3.0",
        "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["3.1"]}, {"id": "PYSEC-2"}],
    },
]


def test_weaknesses_are_named_with_the_reason_where_they_do_not_concern_cleaner() -> None:
    first, second, unknown = told(PACKAGES, {"CVE-1": "it reads no such files"})
    assert first == (
        "weak 3.0 has a known weakness, PYSEC-1, mended in 3.1;"
        " it does not concern cleaner: it reads no such files"
    )
    assert second == "weak 3.0 has a known weakness, PYSEC-2, mended in no version yet"
    assert unknown == "pip-audit could not find out about 1 of 3 packages"
    assert list(told(PACKAGES[:1], {})) == []

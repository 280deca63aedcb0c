"""The content hashes of many files in one array."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from cleaner.dataset.hashes import Hashes, hashes_in

CONTENTS = st.sampled_from(["a", "ab", *(hashlib.sha256(bytes([at])).hexdigest() for at in range(4))])


@given(st.dictionaries(st.text(min_size=1, max_size=3), CONTENTS, max_size=12))
def test_they_are_what_a_dictionary_holds(known: dict[str, str]) -> None:
    for hashes in (Hashes.of(known), hashes_in([[pair] for pair in sorted(known.items())])):
        assert hashes == known
        assert dict(hashes.items()) == known
        assert sorted(hashes.values()) == sorted(known.values())
        assert len(hashes) == len(known)
        assert hashes.get("no such file") is None
        for digest in {*known.values(), "a", "0" * 64, "é"}:
            assert set(hashes.named(digest)) == {name for name, each in known.items() if each == digest}
    assert Hashes.of(hashes) is hashes

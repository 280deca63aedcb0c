"""Text of unknown encoding: what says itself that it is Unicode, and what else it may be."""

import codecs
import unicodedata
from collections.abc import Iterator
from functools import partial

ENCODINGS: dict[str, str] = {
    "utf-8": "Unicode (UTF-8)",
    "cp1252": "Western Europe (Windows)",
    "cp1250": "Central Europe (Windows)",
    "cp1251": "Cyrillic (Windows)",
    "cp1253": "Greek (Windows)",
    "cp1254": "Turkish (Windows)",
    "cp1255": "Hebrew (Windows)",
    "cp1256": "Arabic (Windows)",
    "cp1257": "Baltic (Windows)",
    "cp932": "Japanese (Shift JIS)",
    "gb18030": "Chinese, simplified (GB 18030)",
    "big5": "Chinese, traditional (Big5)",
    "cp949": "Korean (Windows)",
    "mac_roman": "Western Europe (Macintosh)",
    "cp850": "Western Europe (DOS)",
    "cp866": "Cyrillic (DOS)",
    "koi8_r": "Cyrillic (KOI8-R)",
    "euc_jp": "Japanese (EUC)",
}
"""Encodings that people meet, by Python's name, the commoner ones first, and what to call them."""

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins with the mark of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LOOKED_AT_BYTES = 200_000
_MANY_WORDS = 400

# The letters beyond a to z that texts in these code pages are full of; others in them are rare.
_USUAL_LETTERS = {
    "cp1252": "äöüßéèêàâçñóíáúãõåæøëïîôûìòù",
    "mac_roman": "äöüßéèêàâçñóíáúãõåæøëïîôûìòù",
    "cp850": "äöüßéèêàâçñóíáúãõåæøëïîôûìòù",
    "cp1250": "ąćęłńóśźżáčďéěíňřšťúůýžäöüőűâîăşţđ",
    "cp1254": "ğışçöüâî",
    "cp1257": "āčēģīķļņšūžąęėįųõäöü",
    "cp1256": "اليمنورتبةعدسهكقفأح",
}
# First bytes of the characters that are common in each of these.
_USUAL_FIRST_BYTES = {
    "gb18030": ("gb2312", range(0xB0, 0xD8)),
    "big5": ("big5", range(0xA4, 0xC7)),
    "cp932": ("cp932", range(0x88, 0x98)),
    "euc_jp": ("euc_jp", range(0xB0, 0xD0)),
    "cp949": ("euc_kr", range(0xB0, 0xC9)),
}


def unicode_text(data: bytes) -> tuple[str, str] | None:
    """Decode what says itself that it is Unicode: by a mark, by valid UTF-8, or by the zeros of UTF-16.

    Returns
    -------
    text, encoding : str
        None if it is in another encoding.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace"), encoding.removesuffix("-sig")
    head = data[:_LOOKED_AT_BYTES]
    if len(head) > 1 and b"\0" in head:
        for start, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
            zeros, others = head[start::2].count(0), head[1 - start :: 2].count(0)
            if zeros > len(head) / 4 and others == 0:
                return data.decode(encoding, errors="replace"), encoding
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return None


def damaged_line(data: bytes) -> int | None:
    """Return the number, from 1, of the first line that is no UTF-8, if most others are; else None."""
    right = wrong = 0
    first = None
    for number, line in enumerate(data.splitlines(), 1):
        if line.isascii():
            continue
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            wrong += 1
            first = first or number
        else:
            right += 1
    return first if right > wrong else None


def likely_encodings(data: bytes, number: int = 3) -> list[str]:
    """Return the encodings that a text which is no Unicode is most likely in, the likeliest first.

    They read it in as many different ways: of encodings that read it alike, one is returned.

    Words are judged by whether their letters are of one script, whether capitals stand where capitals do,
    and whether they are letters that are usual in texts of that encoding.
    """
    lines = [line for line in data[:_LOOKED_AT_BYTES].splitlines() if not line.isascii()]
    sample = b"\n".join(lines)
    scores: dict[str, float] = {}
    seen: set[str] = set()
    for rank, encoding in enumerate(ENCODINGS):
        try:
            text = sample.decode(encoding)
        except UnicodeDecodeError:
            continue
        words = list(_words(text))[:_MANY_WORDS]
        if words and text not in seen:
            seen.add(text)
            judged = map(partial(_plausible, encoding=encoding), words)
            scores[encoding] = sum(judged) / len(words) - rank / 1000
    return sorted(scores, key=lambda encoding: -scores[encoding])[:number]


def samples(data: bytes, encoding: str, number: int = 3) -> list[str]:
    """Return some words with letters beyond a to z, as they read in an encoding."""
    lines = (line for line in data[:_LOOKED_AT_BYTES].splitlines() if not line.isascii())
    text = b"\n".join(lines).decode(encoding, errors="replace")
    return list(dict.fromkeys(_words(text)))[:number]


def _words(text: str) -> Iterator[str]:
    """Yield runs of letters and of anything beyond ASCII that have something beyond ASCII in them."""
    word = ""
    for char in f"{text}\n":
        if char.isalpha() or not char.isascii():
            word += char
        elif word:
            if not word.isascii():
                yield word
            word = ""


def _plausible(word: str, encoding: str) -> float:
    """Say how much a decoded word looks like one, from -1 (it does not) to 1."""
    scripts = {_script(char) for char in word}
    if "other" in scripts or len(scripts) > 1 + ("kana" in scripts and "han" in scripts):
        return -1.0
    letters = [char for char in word if not char.isascii()]
    script = scripts.pop()
    if script == "latin" and len(word) > 2 and len(letters) > len(word) / 2:
        return -0.5  # Cyrillic or Greek read as Latin is all accents
    if not (word.islower() or word.isupper() or word[1:].islower() or word.lower() == word.upper()):
        return -0.5
    usual = sum(_is_usual(char, encoding) for char in letters) / len(letters)
    shouted = len(word) > 2 and word.isupper()  # KOI8-R and Windows' Cyrillic differ by it
    return 0.4 + 0.6 * usual - 0.3 * shouted


def _is_usual(char: str, encoding: str) -> bool:
    if encoding in _USUAL_FIRST_BYTES:
        codec, usual = _USUAL_FIRST_BYTES[encoding]
        if _script(char) == "kana":
            return True
        try:
            return char.encode(codec)[0] in usual
        except UnicodeEncodeError:
            return False
    return char.lower() in _USUAL_LETTERS.get(encoding, char.lower())


def _script(char: str) -> str:
    """Return the script of a letter: "latin", "han", …; "other" for what is no letter of a word."""
    if char.isascii():
        return "latin"
    name = unicodedata.name(char, "")
    if unicodedata.category(char)[0] not in "LM":
        return "other"
    first = name.partition(" ")[0]
    if first == "CJK":
        return "han"
    return {"HIRAGANA": "kana", "KATAKANA": "kana", "HALFWIDTH": "other"}.get(first, first.lower())

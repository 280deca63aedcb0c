"""What the page says: sentences by key, from the table ``sentences.toml`` beside this module.

Code below the page hands over data; what a person reads is made here. Values are put in by `say`; numbers
with their nouns ("1 image", "12 images") come ready from `cleaner.util.wording`.
"""

import tomllib
from pathlib import Path

SENTENCES: dict[str, str] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
"""Key -> sentence; keys begin with the name of the part of the page that shows them."""


def say(key: str, **values: object) -> str:
    """Return a sentence with its values put in.

    Raises
    ------
    KeyError
        There is no such sentence, or a value is missing.
    """
    return SENTENCES[key].format_map(values)

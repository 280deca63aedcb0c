"""What the page says: sentences by key, from the table ``sentences.toml`` beside this module.

Code below the page hands over data; what a person reads is made here. Values are put in by `say`; numbers
with their nouns ("1 image", "12 images") come ready from `cleaner.util.wording`.
"""

import tomllib
from pathlib import Path

from cleaner.widgets.keys import KEYS

SENTENCES: dict[str, str] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
"""Key -> sentence; keys begin with the name of the part of the page that shows them."""

_KEY = "key_"


class _Values(dict[str, object]):
    """Values by name; ``key_`` and the name of an act is the key that the act has now."""

    def __missing__(self, name: str) -> str:
        if not name.startswith(_KEY):
            raise KeyError(name)
        return KEYS.printed(name.removeprefix(_KEY))


def say(key: str, /, **values: object) -> str:
    """Return a sentence with its values put in, and the present keys of the acts that it names.

    Raises
    ------
    KeyError
        There is no such sentence, or a value is missing.
    """
    return SENTENCES[key].format_map(_Values(values))

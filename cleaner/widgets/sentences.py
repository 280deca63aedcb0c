"""Every sentence of the page, by key: the one place to read them, rewrite them, or translate them.

Code below the page hands over data; what a person reads is made here. Values are put in by `say`; numbers
with their nouns ("1 image", "12 images") come ready from `cleaner.util.wording`.
"""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    # ------------------------------ grid: what its scripts show
    # ------------------------------ review: notices, progress, ends of views
    # ------------------------------ panels, one block a panel
    # ------------------------------ start: choosing a data set
}
"""Key -> sentence; keys begin with the name of the module that shows them."""


def say(key: str, **values: object) -> str:
    """Return a sentence with its values put in.

    Raises
    ------
    KeyError
        There is no such sentence, or a value is missing.
    """
    return SENTENCES[key].format_map(values)

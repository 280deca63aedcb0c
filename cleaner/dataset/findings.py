"""What was inferred about a data set from its folders or its table, and what is odd about it."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that people should know before they decide on the first image.

    Attributes
    ----------
    topic : str
        What it is about, such as "splits" or "columns". Code and tests go by this, never by the text.
    text : str
        Full sentences: what was understood or is odd and, if that may be wrong, what to do.
    doubtful : bool
        The guess may be wrong: the page warns of it before the first decision.
    examples : tuple of str
        Names of files, folders or rows that it is about; all of them, as far as they are known.
    """

    topic: str
    text: str
    doubtful: bool = False
    examples: tuple[str, ...] = ()

"""Collects what had to be repaired in one file, in sentences, and bounded."""

MAX_SENTENCES = 50
"""More than these nobody reads; the rest is counted."""

MAX_QUOTED_CHARS = 60
"""How much of a value a sentence quotes [character]."""


def quoted(value: object) -> str:
    """Quote a header value for a sentence.

    Parameters
    ----------
    value
        Whatever stood in the header.

    Returns
    -------
    str
        Its ``repr``, cut to `MAX_QUOTED_CHARS`.
    """
    text = repr(value)
    return text if len(text) <= MAX_QUOTED_CHARS else f"{text[: MAX_QUOTED_CHARS - 1]}…"


class Repairs:
    """The sentences of one file; the same sentence is kept once."""

    def __init__(self) -> None:
        self._sentences: dict[str, None] = {}
        self._left_out = 0

    def add(self, sentence: str) -> None:
        """Note one repair.

        Parameters
        ----------
        sentence
            What was wrong and what was done about it.
        """
        if sentence in self._sentences:
            return
        if len(self._sentences) < MAX_SENTENCES:
            self._sentences[sentence] = None
        else:
            self._left_out += 1

    def sentences(self) -> tuple[str, ...]:
        """Return what was noted, in order.

        Returns
        -------
        tuple of str
            At most `MAX_SENTENCES` sentences, and one more that counts the rest.
        """
        if not self._left_out:
            return tuple(self._sentences)
        return (*self._sentences, f"… and {self._left_out} more")

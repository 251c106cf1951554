"""How often something may happen."""

import re
from dataclasses import dataclass

from app.core.errors import InvalidError

_PERIODS_S = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
_RATE = re.compile(r"(\d{1,9}) ?/ ?(?:(\d{1,5}) ?)?(second|minute|hour|day)s?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rate:
    """So many times in so long.

    Attributes
    ----------
    count
        How often, 1 or more.
    period_s
        Within which time [s].
    """

    count: int
    period_s: int


def parse_rate(text: str) -> Rate | None:
    """Read a rate.

    Parameters
    ----------
    text
        ``1000/day``, ``10/15 minutes``, or ``off``; case does not count.

    Returns
    -------
    Rate or None
        None for ``off``.

    Raises
    ------
    InvalidError
        If the text is none of these.
    """
    plain = text.strip().lower()
    if plain == "off":
        return None
    match = _RATE.fullmatch(plain)
    count, number, period = match.groups() if match else ("0", None, "day")
    rate = Rate(int(count), int(number or 1) * _PERIODS_S[period])
    if rate.count < 1 or rate.period_s < 1:
        raise InvalidError(f"{text!r}: a rate such as 1000/day or 10/15 minutes, or off, is needed")
    return rate

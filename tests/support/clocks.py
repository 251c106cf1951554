"""Time that stands still until a test moves it."""

from datetime import datetime, timedelta

from tests.support.archive import NOW


class MovingClock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

"""What a benchmark says: a figure, its floor and its goal; pure."""

import math
import statistics
from dataclasses import dataclass
from enum import StrEnum


class Unit(StrEnum):
    """What a figure counts."""

    SECONDS = "s"
    MILLISECONDS = "ms"
    FILES_PER_S = "files/s"
    REQUESTS_PER_S = "requests/s"
    MB_PER_S = "MB/s"
    MB = "MB"

    @property
    def more_is_better(self) -> bool:
        """Whether this is a rate."""
        return self.value.endswith("/s")


@dataclass(frozen=True, slots=True)
class Figure:
    """Something that was measured.

    Attributes
    ----------
    name
        What was done.
    values
        One for each run, one or more.
    unit
        Of the values, the floor and the goal.
    floor
        What the machine does at best, measured in the same run.
    floor_name
        What that is.
    goal
        What the worst run shall keep; None means that there is no goal.
    """

    name: str
    values: tuple[float, ...]
    unit: Unit
    floor: float
    floor_name: str
    goal: float | None = None

    @property
    def median(self) -> float:
        """The middle of the runs."""
        return statistics.median(self.values)

    @property
    def p99(self) -> float:
        """What 99 % of the runs do at least as well as: the worst one of fewer than 100."""
        best_first = sorted(self.values, reverse=self.unit.more_is_better)
        return best_first[math.ceil(0.99 * len(best_first)) - 1]

    @property
    def ratio(self) -> float:
        """How many times the floor the median costs: 1 is the floor, more is worse."""
        if self.unit.more_is_better:
            return self.floor / self.median
        return self.median / self.floor

    @property
    def holds(self) -> bool | None:
        """Whether the worst run keeps the goal; None without a goal."""
        if self.goal is None:
            return None
        return self.p99 >= self.goal if self.unit.more_is_better else self.p99 <= self.goal

"""What happens by itself once its time has come.  Knows no clock: the time is an argument."""

from collections.abc import Callable
from datetime import datetime
from heapq import heappop, heappush
from itertools import count
from typing import Any, TypeVar

from attrs import define, field

R = TypeVar("R")


@define(eq=False)
class Timeline:
    """Happenings in the order of their times."""

    _due: "list[tuple[datetime, int, Callable[[Any, datetime], None], Any]]" = field(
        factory=list, init=False, repr=False
    )
    _turns: "count[int]" = field(factory=count, init=False, repr=False)

    def schedule(self, moment: datetime, happen: Callable[[R, datetime], None], record: R) -> None:
        """Let `run` call *happen* with *record* and *moment* once that has come."""
        heappush(self._due, (moment, next(self._turns), happen, record))

    def run(self, at: datetime) -> None:
        """Let everything happen that is due at *at*."""
        while self._due and self._due[0][0] <= at:
            moment, _, happen, record = heappop(self._due)
            happen(record, moment)

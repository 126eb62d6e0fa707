"""What happens by itself once its time has come.  Knows no clock: the time is an argument."""

from collections.abc import Callable
from datetime import datetime
from heapq import heappop, heappush
from itertools import count

from attrs import define, field

Happening = Callable[[datetime], None]


@define(eq=False)
class Timeline:
    """Happenings in the order of their times."""

    _due: "list[tuple[datetime, int, Happening]]" = field(factory=list, init=False, repr=False)
    _turns: "count[int]" = field(factory=count, init=False, repr=False)

    def schedule(self, moment: datetime, happen: Happening) -> None:
        """Let `run` call *happen* with *moment* once that has come."""
        heappush(self._due, (moment, next(self._turns), happen))

    def run(self, at: datetime) -> None:
        """Let everything happen that is due at *at*."""
        while self._due and self._due[0][0] <= at:
            moment, _, happen = heappop(self._due)
            happen(moment)

"""Time that can be turned.  Knows nothing of what waits for it."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import count

from attrs import define, field

from ..errors import InvalidInput


@define(order=True)
class _Sleeper:
    until: datetime
    turn: int
    woken: "asyncio.Future[None]" = field(order=False)


class VirtualClock:
    """A clock of which ten minutes pass in microseconds; it implements `gopay_async.clock.Clock`.

    With *start* (aware) it stands still until `advance` or `sleep` moves it; without, it runs along with the machine's
    clock, plus whatever it was advanced.

    `sleep` never waits: it yields to the event loop, then moves the clock to the end of the sleep.  Of several sleepers
    the one with the earliest end is woken first, the next one a turn of the loop later, and sleeps that overlap are not
    added up.  What waits for a socket meanwhile sees time leap.  To be used from one event loop at a time.
    """

    def __init__(self, start: datetime | None = None) -> None:
        if start is not None and start.utcoffset() is None:
            raise InvalidInput("start", "must have a time zone, for example datetime(2026, 1, 1, tzinfo=UTC)")
        self._start = start
        self._advanced = timedelta(0)
        self._origin = time.monotonic()
        self._sleepers: list[_Sleeper] = []
        self._turns = count()
        self._loop: asyncio.AbstractEventLoop | None = None

    def __repr__(self) -> str:
        return f"<VirtualClock {self.now().isoformat(timespec='seconds')}>"

    def now(self) -> datetime:
        """Return the virtual time, aware."""
        return self.outside() + self._advanced

    def outside(self) -> datetime:
        """Return the time of those who do not share this clock: the machine's.  A clock that stands still has none."""
        return datetime.now(UTC) if self._start is None else self._start

    @property
    def runs(self) -> bool:
        """Whether it runs along with the machine's clock."""
        return self._start is None

    def monotonic(self) -> float:
        """Return virtual seconds that never go back."""
        real = time.monotonic() - self._origin if self.runs else 0.0
        return real + self._advanced.total_seconds()

    def advance(self, by: timedelta | float) -> None:
        """Move the clock on by a timedelta or by seconds."""
        step = by if isinstance(by, timedelta) else timedelta(seconds=by)
        if step < timedelta(0):
            raise InvalidInput("by", "must not be negative: time only goes on")
        self._advanced += step

    async def sleep(self, seconds: float) -> None:
        """Yield to the loop and return after *seconds* of virtual time, which take no real time."""
        loop = asyncio.get_running_loop()
        sleeper = _Sleeper(self.now() + timedelta(seconds=max(0.0, seconds)), next(self._turns), loop.create_future())
        if self._loop is not loop:
            # Sleepers of a loop that is gone never wake.
            self._loop, self._sleepers = loop, []
            loop.call_soon(self._wake)
        heappush(self._sleepers, sleeper)
        await sleeper.woken

    def _wake(self) -> None:
        while self._sleepers and self._sleepers[0].woken.done():
            heappop(self._sleepers)
        if not self._sleepers or self._loop is None:
            self._loop = None
            return
        sleeper = heappop(self._sleepers)
        self._advanced += max(timedelta(0), sleeper.until - self.now())
        sleeper.woken.set_result(None)
        # One a turn, so that whoever was woken can act before the clock moves on.
        self._loop.call_soon(self._wake)

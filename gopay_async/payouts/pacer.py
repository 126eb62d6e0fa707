"""How fast requests may start: GCRA, one number of state.  Knows no request."""

from collections.abc import Awaitable, Callable

from attrs import Factory, define, field

from ..clock import Clock

#: Seconds that one 429 without Retry-After stops everything.
PENALTY = 1.0
#: Rate from which the first 429 slows down when none was set; far above it there is no limit again.
_FIRST = 100.0
_FREE = 1_000.0
#: Rate below which nothing is slowed down.
_LEAST = 1.0
#: How much of its rate a pacer keeps after a 429, and what each answer that is none gives back.
_KEPT = 0.5
_GAIN = 1.01


@define
class Pacer:
    """Lets *rate* requests a second start, evenly; None lets all of them."""

    clock: Clock
    rate: float | None = None
    #: How to wait so many seconds: whoever ends a run need not let it sleep to the end.
    rest: Callable[[float], Awaitable[None]] = Factory(lambda self: self.clock.sleep, takes_self=True)
    _next: float = field(default=float("-inf"), init=False)
    #: The rate that was set; never exceeded.
    _limit: float | None = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._limit = self.rate

    async def turn(self) -> None:
        """Return when the next request may start."""
        if self._next == float("-inf") and self.rate is None:
            return
        now = self.clock.monotonic()
        at = max(self._next, now)
        self._next = at + (1 / self.rate if self.rate else 0.0)
        if at > now:
            await self.rest(at - now)

    def slow_down(self, retry_after: float | None) -> float:
        """Start nothing for *retry_after* seconds, and half as much afterwards, but one a second at least.

        Return how many that are in a second: never more than were set.
        """
        self.rate = max(min(_LEAST, self._limit or _LEAST), (self.rate or _FIRST) * _KEPT)
        pause = PENALTY if retry_after is None else retry_after
        self._next = max(self._next, self.clock.monotonic() + pause)
        return self.rate

    def speed_up(self) -> None:
        """Take back a little of what `slow_down` did."""
        if self.rate is not None:
            faster = self.rate * _GAIN
            self.rate = self._limit if faster >= (self._limit or _FREE) else faster

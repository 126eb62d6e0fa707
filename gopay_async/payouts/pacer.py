"""How fast requests may start: GCRA, one number of state.  Knows no request."""

from attrs import define, field

from ..clock import Clock

#: Seconds that one 429 without Retry-After stops everything.
PENALTY = 1.0
#: Rate after a 429 when none was set, and how much of its rate a pacer keeps after each.
_FIRST = 100.0
_KEPT = 0.5


@define
class Pacer:
    """Lets *rate* requests a second start, evenly; None lets all of them."""

    clock: Clock
    rate: float | None = None
    _next: float = field(default=float("-inf"), init=False)

    async def turn(self) -> None:
        """Return when the next request may start."""
        if self._next == float("-inf") and self.rate is None:
            return
        now = self.clock.monotonic()
        at = max(self._next, now)
        self._next = at + (1 / self.rate if self.rate else 0.0)
        if at > now:
            await self.clock.sleep(at - now)

    def slow_down(self, retry_after: float | None) -> None:
        """Start nothing for *retry_after* seconds, and half as much afterwards, but one a second at least."""
        self.rate = max(1.0, (self.rate or _FIRST) * _KEPT)
        pause = PENALTY if retry_after is None else retry_after
        self._next = max(self._next, self.clock.monotonic() + pause)

"""Time as an argument.  Knows no time zone but UTC."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol

from attrs import frozen


class Clock(Protocol):
    """Where an object that waits or dates gets its time; raises nothing."""

    def now(self) -> datetime:
        """Return the wall clock, aware."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after *seconds* of this clock."""
        ...


@frozen
class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """Return the wall clock in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return after *seconds* of real time."""
        await asyncio.sleep(seconds)

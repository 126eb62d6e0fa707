"""Delivers notifications over real HTTP, repeats them on the virtual clock, and keeps a log.  Knows no book."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Final

import aiohttp
from attrs import define, field, frozen
from yarl import URL

from ..errors import InvalidInput
from .clock import VirtualClock
from .hosts import is_loopback
from .notices import Notice
from .trouble import Trouble

#: Seconds that a receiver has; the provider publishes none for SNAP, the older pages say 15.
TIMEOUT: Final = 15.0


@frozen
class Delivery:
    """One attempt to deliver a notification."""

    notice: Notice
    url: str
    at: datetime
    #: None when there was no answer.
    status: int | None
    #: The answer's body, or why there was none.
    said: str = field(default="", repr=False)

    @property
    def accepted(self) -> bool:
        """Whether it counts as delivered."""
        return self.notice.accepts(self.status)


@define(eq=False)
class Postman:
    """The queue of notifications and the log of their deliveries."""

    clock: VirtualClock
    #: Returns what goes wrong on the way; asked each time, for the switches may be exchanged.
    trouble: Callable[[], Trouble]
    outbox: "deque[Notice]" = field(factory=lambda: deque(maxlen=10_000))
    log: "deque[Delivery]" = field(factory=lambda: deque(maxlen=1_000))
    _lock: asyncio.Lock = field(factory=asyncio.Lock, init=False, repr=False)
    _loop: asyncio.AbstractEventLoop | None = field(default=None, init=False, repr=False)

    async def deliver(self, prefix: str, *, timeout: float = TIMEOUT, outside: bool = False) -> list[Delivery]:
        """Post what is due to *prefix*, in order; what is not answered with 200 stays, for its next time.

        X-TIMESTAMP is the time of the first attempt; the machine's for a receiver *outside*, which does not share the
        clock.  After five repeats it is given up.
        """
        # One round at a time: two would both post what is due.
        async with self._turn():
            due = self._due(outside=outside)
            made: list[Delivery] = []
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=timeout)) as client:
                for notice in self.trouble().route(due):
                    made.append(await self._post(client, notice, prefix + notice.path))
                    self._settle(made[-1])
                    if self.trouble().duplicates:
                        made.append(await self._post(client, notice, made[-1].url))
            return made

    def _turn(self) -> asyncio.Lock:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            # A lock that was waited for belongs to its loop, and a simulator may outlive one.
            self._lock, self._loop = asyncio.Lock(), loop
        return self._lock

    def _due(self, *, outside: bool) -> list[Notice]:
        now, trouble = self.clock.now(), self.trouble()
        due = [one for one in self.outbox if trouble.is_due(one, now - one.due_at)]
        for one in due:
            if not one.attempts:
                one.stamp = self.clock.outside() if outside else now
        return due

    async def resend(self, delivery: Delivery, *, timeout: float = TIMEOUT) -> Delivery:
        """Post the same bytes with the same headers to the same address again, by hand."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=timeout)) as client:
            return await self._post(client, delivery.notice, delivery.url)

    async def _post(self, client: aiohttp.ClientSession, notice: Notice, url: str) -> Delivery:
        delivery = await self._attempt(client, notice, url)
        self.log.append(delivery)
        return delivery

    async def _attempt(self, client: aiohttp.ClientSession, notice: Notice, url: str) -> Delivery:
        at, headers = self.clock.now(), self.trouble().headers(notice)
        try:
            async with client.post(
                URL(url, encoded=True), data=notice.body, headers=headers, allow_redirects=False
            ) as response:
                return Delivery(notice, url, at, response.status, (await response.text("utf-8", "replace"))[:2_000])
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            return Delivery(notice, url, at, None, type(error).__name__)

    def _settle(self, delivery: Delivery) -> None:
        notice = delivery.notice
        if delivery.accepted or notice.attempts == len(notice.delays):
            # An outbox that was full has dropped it meanwhile.
            with suppress(ValueError):
                self.outbox.remove(notice)
            return
        notice.due_at = delivery.at + notice.delays[notice.attempts]
        notice.attempts += 1


def prefix_of(to: str) -> str:
    """Return *to* as a prefix of addresses; raise InvalidInput unless it is on loopback."""
    try:
        url = URL(to)
    except ValueError:
        url = URL()
    if url.scheme not in ("http", "https") or not is_loopback(url.host or ""):
        raise InvalidInput("to", "must be an http address on this machine, for example http://127.0.0.1:8000")
    return to.rstrip("/")

"""Delivers notifications over real HTTP, repeats them on the virtual clock, and keeps a log.  Knows no book."""

from collections import deque
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
    outbox: "deque[Notice]" = field(factory=lambda: deque(maxlen=10_000))
    log: "deque[Delivery]" = field(factory=lambda: deque(maxlen=1_000))
    #: What goes wrong on the way.
    trouble: Trouble = field(factory=Trouble)

    async def deliver(self, to: str, *, timeout: float = TIMEOUT, outside: bool = False) -> list[Delivery]:
        """Post what is due to the prefix *to*, in order; what is not answered with 200 stays, for its next time.

        X-TIMESTAMP is the time of the first attempt; the machine's for a receiver *outside*, which does not share the
        clock.  After five repeats it is given up.  Raises InvalidInput unless *to* is on loopback.
        """
        prefix = prefix_of(to)
        now = self.clock.now()
        due = [one for one in self.outbox if self.trouble.is_due(one, now - one.due_at)]
        for one in due:
            if not one.attempts:
                one.stamp = self.clock.outside() if outside else now
        made: list[Delivery] = []
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=timeout)) as client:
            for notice in self.trouble.route(due):
                made.append(await self._post(client, notice, prefix + notice.path))
                self._settle(made[-1])
                if self.trouble.duplicates:
                    made.append(await self._post(client, notice, made[-1].url))
        return made

    async def resend(self, delivery: Delivery, *, timeout: float = TIMEOUT) -> Delivery:
        """Post the same bytes with the same headers to the same address again, by hand."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=timeout)) as client:
            return await self._post(client, delivery.notice, delivery.url)

    async def _post(self, client: aiohttp.ClientSession, notice: Notice, url: str) -> Delivery:
        delivery = await self._attempt(client, notice, url)
        self.log.append(delivery)
        return delivery

    async def _attempt(self, client: aiohttp.ClientSession, notice: Notice, url: str) -> Delivery:
        at, headers = self.clock.now(), self.trouble.headers(notice)
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
